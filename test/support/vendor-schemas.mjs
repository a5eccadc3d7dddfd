/**
 * test/support/vendor-schemas: Twilio's published OpenAPI document, for tests that hold the sandbox's answers against
 * it. None of it is kept in this repository: it is taken out of one pinned npm package, whose integrity is checked,
 * into node_modules/.cache/parley.
 *
 *     node test/support/vendor-schemas.mjs      # fetches it, or says why not
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

const PACKAGE = '@twilio/cli-core@8.3.2';
const INTEGRITY =
  'sha512-qRTAZS15i/nseKHu2zZIb1BD78WFRVOWM65iC9JqjZdNpz5KQaiEI1klsLcWDi1pwXH9JG6pbFXJrIiYRJw/dw==';
const INSIDE = 'package/src/services/twilio-api/twilio_api_v2010.json';
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/parley/', import.meta.url));
const FILE = join(CACHE, 'twilio_api_v2010-8.3.2.json');

/** The command that includes what a test left out. */
export const HOW_TO_INCLUDE = 'node test/support/vendor-schemas.mjs';

/**
 * The document, from the cache or fetched within `waitMs`; or a sentence saying why it cannot be had.
 * @param {number} waitMs
 */
export async function twilioOpenApi(waitMs = 20_000) {
  try {
    if (!existsSync(FILE)) await fetchInto(FILE, waitMs);
    return { document: JSON.parse(readFileSync(FILE, 'utf8')) };
  } catch (error) {
    return { missing: error instanceof Error ? error.message.split('\n')[0] : String(error) };
  }
}

/** @param {string} file @param {number} waitMs */
async function fetchInto(file, waitMs) {
  mkdirSync(CACHE, { recursive: true });
  const room = mkdtempSync(join(CACHE, 'pack-'));
  try {
    await promisify(execFile)('npm', ['pack', PACKAGE, '--silent', '--pack-destination', room], {
      timeout: waitMs,
      cwd: room,
    });
    const [name] = readdirSync(room).filter((entry) => entry.endsWith('.tgz'));
    if (name === undefined) throw new Error(`npm pack ${PACKAGE} brought no tarball`);
    const tarball = readFileSync(join(room, name));
    const found = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    if (found !== INTEGRITY) throw new Error(`${PACKAGE} has the integrity ${found}, not the pinned one`);
    const part = join(room, 'document.json');
    writeFileSync(part, entryOf(gunzipSync(tarball), INSIDE));
    renameSync(part, file);
  } finally {
    rmSync(room, { recursive: true, force: true });
  }
}

/**
 * The bytes of one file in a tar archive.
 * @param {Buffer} tar @param {string} wanted
 */
function entryOf(tar, wanted) {
  const text = (/** @type {number} */ from, /** @type {number} */ to) =>
    tar.toString('latin1', from, to).replace(/\0.*$/s, '').trim();
  for (let at = 0; at + 512 <= tar.length; ) {
    const prefix = text(at + 345, at + 500);
    const name = prefix === '' ? text(at, at + 100) : `${prefix}/${text(at, at + 100)}`;
    const size = Number.parseInt(text(at + 124, at + 136) || '0', 8);
    if (name === wanted) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`${PACKAGE} holds no ${wanted}`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = await twilioOpenApi(120_000);
  process.stdout.write('document' in found ? `ready: ${FILE}\n` : `not to be had: ${found.missing}\n`);
  process.exitCode = 'document' in found ? 0 : 1;
}

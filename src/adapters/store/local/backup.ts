/**
 * adapters/store/local/backup: a copy of the database on which one can rely, made while Parley runs or not, and the way back.
 *
 * Making it takes nothing from the service: another process may read an LMDB file that is being written, which is what LMDB
 * is built for. It sees the snapshot of one moment, and its place in LMDB's lock file keeps the pages of that moment from
 * being used again until it is done; it cannot write, so the rule of one process (`lock`) stands. The copy is LMDB's own, compacted.
 * Then it is opened and read from end to end (`inspect`), and what it holds is written beside it: `manifest.json`, with counts
 * and SHA-256 of every collection and list, of the file and of itself. A folder bears its name only when all of that is done.
 *
 * It holds the database: all collections and the imported lists, to the moment it was begun. It does not hold recordings,
 * which are plain files under DATA_DIR/recordings that never change once written, nor lists whose import is under way.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readdirSync, rmSync } from 'node:fs';
import { link, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fingerprint } from '../../../domain/canonical.ts';
import { Failure } from '../../../domain/errors.ts';
import { type Contents, differences, type Progress } from '../contents.ts';
import { lockDirectory } from '../lock.ts';
import { carryStops } from './carry-stops.ts';
import {
  checkFile,
  type DataFile,
  dataFileIn,
  draftIn,
  isEmptyFile,
  newestIn,
  openDataFile,
  removeDataFile,
  removeOtherEditions,
  SCHEMA_VERSION,
  syncPath,
  unavailable,
} from './data-file.ts';
import { inspect } from './inspect.ts';
import { SEAL } from './search.ts';

const FILE = 'store.mdb';
const MANIFEST = 'manifest.json';
const FORMAT = 'parley-backup 1';
const MAX_MANIFEST_BYTES = 1024 * 1024;
/** The service may move on to another file between naming one and opening it. */
const OPEN_ATTEMPTS = 3;

export interface Manifest {
  readonly format: typeof FORMAT;
  readonly schema: number;
  /** ISO 8601. What was written later is not in it. */
  readonly begunAt: string;
  readonly file: { readonly bytes: number; readonly sha256: string };
  readonly contents: Contents;
  /** SHA-256 of the canonical JSON of all the rest. */
  readonly sha256: string;
}

const refused = (message: string): Failure => new Failure('invalid_request', message);

async function hashOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Reads a file that nobody else has open, and leaves nothing beside it. */
async function inspectFile(path: string, progress: (at: Progress) => void): Promise<Contents> {
  let file: DataFile | undefined;
  try {
    file = await openDataFile(path, 'read');
    return await inspect(file, progress);
  } finally {
    await file?.root.close();
    rmSync(`${path}-lock`, { force: true });
  }
}

// ── There ────────────────────────────────────────────────────────────────────────────────────────────────────────────

async function openRunning(dir: string): Promise<DataFile> {
  for (let attempt = 1; ; attempt += 1) {
    const edition = existsSync(dir) ? newestIn(dir) : undefined;
    if (edition === undefined) throw new Failure('not_found', `there is no database in ${dir}`);
    const path = dataFileIn(dir, edition);
    try {
      return await openDataFile(path, 'read');
    } catch (error) {
      if (existsSync(path) || attempt === OPEN_ATTEMPTS) throw error;
    }
  }
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
};

/** What backups to the same folder left half done when they were killed. */
function removeHalfDone(to: string): void {
  const half = new RegExp(`^${basename(to).replace(/[^\w-]/g, '\\$&')}\\.partial-(\\d+)$`);
  for (const name of readdirSync(dirname(to))) {
    const [, pid] = half.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid)))
      rmSync(join(dirname(to), name), { recursive: true, force: true });
  }
}

/**
 * Copies the database in `from` into the folder `to`, which must not be there or be empty. Throws Failure `not_found`,
 * `invalid_request`, and `store_unavailable` for a database that is damaged; then there is no folder `to`.
 */
export async function backUp(from: string, to: string, progress: (at: Progress) => void): Promise<Manifest> {
  const target = resolve(to);
  if (existsSync(target) && (!(await stat(target)).isDirectory() || readdirSync(target).length > 0))
    throw refused(`${target} is there already; name a new folder`);
  await mkdir(dirname(target), { recursive: true });
  removeHalfDone(target);
  const partial = `${target}.partial-${process.pid}`;
  const running = await openRunning(from);
  try {
    await mkdir(partial, { mode: 0o700 });
    const path = join(partial, FILE);
    const begunAt = new Date().toISOString();
    progress({ what: 'copying', done: 0 });
    await running.root.backup(path, true);
    await syncPath(path);
    const contents = await inspectFile(path, progress);
    const file = await hashOf(path);
    const facts = { format: FORMAT, schema: SCHEMA_VERSION, begunAt, file, contents } as const;
    const manifest: Manifest = { ...facts, sha256: fingerprint(facts) };
    await writeFile(join(partial, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600 });
    await syncPath(join(partial, MANIFEST));
    await syncPath(partial);
    await rename(partial, target);
    await syncPath(dirname(target));
    return manifest;
  } finally {
    await running.root.close();
    rmSync(partial, { recursive: true, force: true });
  }
}

// ── And back ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isPrints = (value: unknown): boolean =>
  isRecord(value) &&
  Object.values(value).every(
    (print) => isRecord(print) && Number.isSafeInteger(print.count) && typeof print.sha256 === 'string',
  );

const isManifest = (value: unknown): value is Manifest =>
  isRecord(value) &&
  value.format === FORMAT &&
  typeof value.schema === 'number' &&
  typeof value.begunAt === 'string' &&
  isRecord(value.file) &&
  Number.isSafeInteger(value.file.bytes) &&
  typeof value.file.sha256 === 'string' &&
  isRecord(value.contents) &&
  isPrints(value.contents.collections) &&
  isPrints(value.contents.lists);

/** Throws Failure `invalid_request` for what is no manifest of ours, or not as it was written. */
async function readManifest(from: string): Promise<Manifest> {
  const path = join(from, MANIFEST);
  const size = await stat(path).then(
    (found) => found.size,
    () => undefined,
  );
  if (size === undefined) throw refused(`${from} is no backup: it has no ${MANIFEST}`);
  if (size > MAX_MANIFEST_BYTES) throw refused(`${path} is too large for a manifest`);
  let read: unknown;
  let fits = false;
  try {
    read = JSON.parse(await readFile(path, 'utf8'));
    const { sha256, ...facts } = read as Manifest;
    fits = sha256 === fingerprint(facts);
  } catch (error) {
    throw refused(`${path} is damaged: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isManifest(read)) throw refused(`${path} is no manifest of a backup that this program knows`);
  if (!fits) throw refused(`${path} is damaged: its hash does not fit`);
  if (read.schema !== SCHEMA_VERSION)
    throw refused(
      `the backup has schema version ${read.schema}, this program knows ${SCHEMA_VERSION}; use the version that made it`,
    );
  return read;
}

/** Copies what the manifest speaks of to `draft`, on the disk when it resolves; nothing else passes. */
async function takeIn(from: string, draft: string, { file }: Manifest): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  async function* watched(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      hash.update(chunk);
      bytes += chunk.length;
      if (bytes > file.bytes) break;
      yield chunk;
    }
  }
  await pipeline(createReadStream(join(from, FILE)), watched, createWriteStream(draft, { mode: 0o600 }));
  if (bytes !== file.bytes || hash.digest('hex') !== file.sha256)
    throw refused(`${join(from, FILE)} is damaged: it is not the file that was backed up`);
  await syncPath(draft);
}

interface Restored {
  readonly manifest: Manifest;
  /** Where the database is kept that was there before. */
  readonly before?: string;
  /** Numbers on the do-not-call list by stops later than the backup; absent: what was there before cannot be read. */
  readonly stops?: number;
}

/**
 * Makes the backup in `from` the database in `dir`. It is copied beside what is there, read from end to end and compared
 * with its manifest; the stops of what it replaces are added; then it takes its place in one step. Throws Failure `store_unavailable` while a process has the database
 * open, `invalid_request` for a backup that is none or is damaged, and for a database that is not empty unless it is to be
 * replaced: then it is as it was.
 */
export async function restore(
  from: string,
  dir: string,
  replace: boolean,
  progress: (at: Progress) => void,
): Promise<Restored> {
  const manifest = await readManifest(from);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const release = lockDirectory(dir);
  const draft = draftIn(dir);
  try {
    const edition = newestIn(dir);
    const current = edition === undefined ? undefined : dataFileIn(dir, edition);
    if (current !== undefined && !replace && !(await isEmptyFile(current)))
      throw refused(`there is a database in ${dir} already; say so if it is to be replaced`);
    removeDataFile(draft);
    progress({ what: 'copying', done: 0 });
    await takeIn(from, draft, manifest);
    await checkFile(draft);
    const differs = differences(manifest.contents, await inspectFile(draft, progress));
    if (differs.length > 0) throw refused(`the backup does not hold what it says: ${differs.join('; ')}`);
    const stops =
      current && replace ? await carryStops(current, draft, dir).catch(() => undefined) : undefined;
    const before =
      current && replace
        ? join(dir, `before-restore-${new Date().toISOString().replaceAll(':', '')}.mdb`)
        : undefined;
    if (current && before) await link(current, before);
    const next = edition === undefined ? 0 : edition + 1;
    await rename(draft, dataFileIn(dir, next));
    await syncPath(dir);
    removeOtherEditions(dir, next);
    // Imports that were under way belong to what was there, and so does the full-text index.
    rmSync(join(dir, 'lists'), { recursive: true, force: true });
    rmSync(join(dir, SEAL), { force: true });
    return {
      manifest,
      ...(before === undefined ? {} : { before }),
      ...(stops === undefined ? {} : { stops }),
    };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw unavailable(error instanceof Error ? error.message : String(error), error);
  } finally {
    removeDataFile(draft);
    release();
  }
}

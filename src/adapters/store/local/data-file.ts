/**
 * adapters/store/local/data-file: one LMDB file and the tables in it. It is `store.mdb`; whenever everything is written
 * anew, it is into `store-1.mdb`, `store-2.mdb` …, and the highest counts. So a file and the lock file LMDB keeps beside it
 * are a pair for life, and another process, a backup say, never meets the one with the other's.
 */
import { readdirSync, rmSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { Failure } from '../../../domain/errors.ts';
import type { Doc } from '../language.ts';
import { type Encoding, sealedBytes, sealedDocuments } from './sealed.ts';

export const SCHEMA_VERSION = 2;

export type Binary = Database<Buffer, Buffer>;

export const unavailable = (message: string, cause?: unknown): Failure =>
  new Failure('store_unavailable', message, { cause });

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const metaKey = (name: string): Buffer => Buffer.from(name, 'utf8');
/** When the file was last written anew, in ms since 1970. */
export const COMPACTED_AT = metaKey('compacted at');

// ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const NAME = /^store(?:-(\d{1,9}))?\.mdb$/;

export const dataFileIn = (dir: string, edition: number): string =>
  join(dir, edition === 0 ? 'store.mdb' : `store-${edition}.mdb`);

/** Where a next edition is written until it is whole; no name of an edition. */
export const draftIn = (dir: string): string => join(dir, 'draft.new');

const editionsIn = (dir: string): number[] =>
  readdirSync(dir).flatMap((name) => {
    const [, number = '0'] = NAME.exec(name) ?? [];
    return NAME.test(name) ? [Number(number)] : [];
  });

/** The edition that counts; undefined where there is none yet. */
export const newestIn = (dir: string): number | undefined => {
  const editions = editionsIn(dir);
  return editions.length === 0 ? undefined : Math.max(...editions);
};

/** Removes a data file, then its lock file. */
export function removeDataFile(path: string): void {
  rmSync(path, { force: true });
  rmSync(`${path}-lock`, { force: true });
}

/** Removes what a stop in the middle of writing a new edition leaves behind. The caller owns the directory. */
export function removeOtherEditions(dir: string, kept: number): void {
  removeDataFile(draftIn(dir));
  for (const edition of editionsIn(dir)) if (edition !== kept) removeDataFile(dataFileIn(dir, edition));
}

/** Makes sure that a file, or the names in a directory, are on the disk and not only in the system's memory. */
export async function syncPath(path: string): Promise<void> {
  const file = await openFile(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

// ── Is it sound? ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where LMDB keeps what in a meta page (lmdb.h and mdb.c of data format 2, on 64-bit little-endian machines). */
const META = {
  bytes: 0xa0,
  magic: 0x18,
  version: 0x1c,
  pageSize: 0x30,
  lastPage: 0x90,
  txnId: 0x98,
} as const;
const LMDB_MAGIC = 0xbeefc0de;
const LMDB_FORMAT = 2;

/**
 * Refuses a file that LMDB would crash on: one that is no database, or that ends before its last page. Throws Failure
 * `store_unavailable`; a file that is missing or empty is fine.
 */
export async function checkFile(path: string): Promise<void> {
  if (!['x64', 'arm64'].includes(process.arch)) return;
  const file = await openFile(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return;
  try {
    if ((await file.stat()).size === 0) return;
    const metaAt = async (position: number): Promise<Buffer> => {
      const meta = Buffer.alloc(META.bytes);
      const { bytesRead } = await file.read(meta, 0, META.bytes, position);
      const sound =
        bytesRead === META.bytes &&
        meta.readUInt32LE(META.magic) === LMDB_MAGIC &&
        meta.readUInt32LE(META.version) === LMDB_FORMAT;
      if (!sound)
        throw unavailable(`${path} is not a database of this program; move it away or restore a backup`);
      return meta;
    };
    const first = await metaAt(0);
    const pageSize = first.readUInt32LE(META.pageSize);
    const second = await metaAt(pageSize);
    const newest = first.readBigUInt64LE(META.txnId) > second.readBigUInt64LE(META.txnId) ? first : second;
    // The size last: the file may be growing under another process.
    const { size } = await file.stat();
    if (BigInt(size) < (newest.readBigUInt64LE(META.lastPage) + 1n) * BigInt(pageSize))
      throw unavailable(`the database file ${path} was cut short; restore it from a backup`);
  } finally {
    await file.close();
  }
}

// ── Tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Documents {
  readonly db: Database<Doc, Buffer>;
  readonly raw: Binary;
  readonly pack: (document: Doc) => Buffer;
}

export interface DataFile {
  readonly path: string;
  readonly root: RootDatabase<unknown, Buffer>;
  readonly meta: Database<unknown, Buffer>;
  /** Which version of each imported list is current. */
  readonly lists: Binary;
  /** The numbers of all versions. */
  readonly blocks: Binary;
  documents(collection: string): Documents;
  /** The bytes of a table, an index or another, as they stand in the file. */
  raw(table: string): Binary;
  /** The names of all tables. */
  tables(): string[];
}

const collectionTable = (collection: string): string => `documents ${collection}`;

/** The collection whose documents a table holds. */
export const collectionIn = (table: string): string | undefined => /^documents (.+)$/.exec(table)?.[1];

/**
 * Opens a file, made when missing. To read one that another process may be writing is what LMDB is made for: the snapshot
 * stays as it is, and the writer is told of the reader by the lock file. Throws Failure `store_unavailable` for a file of
 * another version of the schema.
 */
export async function openDataFile(path: string, how: 'write' | 'read' = 'write'): Promise<DataFile> {
  await checkFile(path);
  const root = open<unknown, Buffer>({
    path,
    keyEncoding: 'binary',
    // A commit is a synced commit; nothing is acknowledged between the two.
    overlappingSync: false,
    // Batches say themselves what belongs together. LMDB's own batching of a turn of the event loop makes a promise that
    // nobody holds, and a full disk would end the process by it.
    eventTurnBatching: false,
    maxDbs: 512,
    maxReaders: 1024,
    readOnly: how === 'read',
  });
  try {
    const handles = new Map<string, unknown>();
    const table = <V>(name: string, options: object, key = name): Database<V, Buffer> => {
      const found = handles.get(key) ?? root.openDB<V, Buffer>({ name, keyEncoding: 'binary', ...options });
      if (!found) throw unavailable(`${path} has no table ${name}; restore a backup`);
      handles.set(key, found);
      return found as Database<V, Buffer>;
    };
    const meta = table<unknown>('meta', { encoder: { useRecords: false } });
    const stored = meta.get(metaKey('schema'));
    if (stored === undefined && how === 'write')
      await root.batch(() => {
        void meta.put(metaKey('schema'), SCHEMA_VERSION);
        void meta.put(COMPACTED_AT, Date.now());
      });
    else if (stored !== SCHEMA_VERSION)
      throw unavailable(
        `the database ${path} has schema version ${String(stored)}, this program knows ${SCHEMA_VERSION}; run the version that wrote it`,
      );
    const packer = (meta as unknown as { readonly encoder: Encoding<Doc> }).encoder;
    const sealed = (name: string): Binary => table(name, { encoder: sealedBytes(name) });
    const raw = (name: string): Binary => table(name, { encoding: 'binary' }, `raw ${name}`);
    return {
      path,
      root,
      meta,
      lists: sealed('lists'),
      blocks: sealed('list blocks'),
      documents(collection) {
        const encoder = sealedDocuments(collection, packer);
        const name = collectionTable(collection);
        return { db: table(name, { encoder }), raw: raw(name), pack: encoder.encode };
      },
      raw,
      // LMDB keeps the names with a zero behind them.
      tables: () => [...root.getKeys()].map((name) => name.toString('utf8').replace(/\0$/, '')),
    };
  } catch (error) {
    await root.close();
    throw error;
  }
}

/** Whether a file that no process of ours writes has no documents and no lists. One that cannot be read is not known to be empty. */
export async function isEmptyFile(path: string): Promise<boolean> {
  const file = await openDataFile(path, 'read').catch(() => undefined);
  if (!file) return false;
  try {
    return !file
      .tables()
      .filter((table) => table === 'lists' || collectionIn(table) !== undefined)
      .some((table) => (file.raw(table).getStats() as { entryCount: number }).entryCount > 0);
  } finally {
    await file.root.close();
  }
}

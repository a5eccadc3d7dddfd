/**
 * adapters/store/local/files: the database file, its collections and their indexes. Opening checks the file, builds what
 * indexes are new and drops those no longer wanted.
 */
import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { Log } from '../../../app/ports.ts';
import { COLLECTIONS, type IndexSpec, isTranscriptArchive } from '../../../domain/documents.ts';
import { Failure } from '../../../domain/errors.ts';
import { type Entry, entriesOf, type IndexShape, indexName } from './indexes.ts';
import type { Doc } from './language.ts';
import { behind, keyPart } from './order.ts';

const SCHEMA_VERSION = 1;

export type Binary = Database<Buffer, Buffer>;

export interface Index extends IndexShape {
  readonly spec: IndexSpec;
  readonly db: Binary;
  overArrays: boolean;
  cut: boolean;
}

export interface Room {
  readonly name: string;
  readonly db: Database<Doc, Buffer>;
  readonly primary: IndexShape;
  readonly indexes: readonly Index[];
}

export const idKey = (id: string): Buffer => keyPart(id, 1).bytes;

export const unavailable = (message: string, cause?: unknown): Failure =>
  new Failure('store_unavailable', message, { cause });

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export interface Meta {
  readonly overArrays: boolean;
  readonly cut: boolean;
}

export interface Files {
  readonly root: RootDatabase<unknown, Buffer>;
  readonly meta: Database<unknown, Buffer>;
  /** Undefined for a name that is no collection's. An archive has no indexes to build, so it opens when it is asked for. */
  roomOf(name: string): Room | undefined;
  /** Which version of each imported list is current. */
  readonly lists: Binary;
  /** The numbers of all versions. */
  readonly blocks: Binary;
}

export const metaKey = (name: string): Buffer => Buffer.from(name, 'utf8');

async function buildIndex(
  files: Pick<Files, 'root' | 'meta'>,
  room: Room,
  index: Index,
  log: Log,
): Promise<void> {
  const startedAtMs = performance.now();
  await index.db.clearAsync();
  let from: Buffer = Buffer.alloc(1);
  let count = 0;
  for (;;) {
    const batch = [...room.db.getRange({ start: from, limit: 500 })];
    const last = batch.at(-1);
    if (!last) break;
    const fresh: { entry: Entry; id: string }[] = [];
    for (const { value } of batch) {
      const { entries, overArrays } = entriesOf(index, value);
      index.overArrays ||= overArrays;
      for (const entry of entries) {
        index.cut ||= entry.cut;
        fresh.push({ entry, id: value._id });
      }
    }
    const claimed = new Map<string, string>();
    if (index.unique)
      for (const { entry, id } of fresh) {
        const text = entry.prefix.toString('latin1');
        const [other = claimed.get(text)] = ownersOf(index, entry.prefix);
        if (other !== undefined && other !== id && !entry.cut)
          throw new Failure(
            'config_invalid',
            `the unique index ${index.name} of ${room.name} cannot be built: documents ${other} and ${id} have the same key`,
            { details: { collection: room.name, keys: Object.keys(index.spec.keys), ids: [other, id] } },
          );
        claimed.set(text, id);
      }
    await files.root.batch(() => {
      for (const { entry, id } of fresh)
        index.db.put(entry.key, Buffer.from(id, 'utf8')).catch(() => undefined);
    });
    count += batch.length;
    from = behind(last.key);
  }
  await files.meta.put(metaKey(`index ${room.name} ${index.name}`), {
    overArrays: index.overArrays,
    cut: index.cut,
  });
  if (count > 0)
    log.info(
      {
        collection: room.name,
        index: index.name,
        documents: count,
        tookMs: Math.round(performance.now() - startedAtMs),
      },
      'index built',
    );
}

export function ownersOf(index: Index, prefix: Buffer): string[] {
  return Array.from(index.db.getRange({ start: prefix, end: behind(prefix) }), ({ value }) =>
    value.toString('utf8'),
  );
}

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
async function checkFile(path: string): Promise<void> {
  if (!['x64', 'arm64'].includes(process.arch)) return;
  const file = await openFile(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return;
  try {
    const { size } = await file.stat();
    if (size === 0) return;
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
    if (BigInt(size) < (newest.readBigUInt64LE(META.lastPage) + 1n) * BigInt(pageSize))
      throw unavailable(`the database file ${path} was cut short; restore it from a backup`);
  } finally {
    await file.close();
  }
}

export async function openFiles(dir: string, log: Log): Promise<Files> {
  const path = join(dir, 'store.mdb');
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
  });
  try {
    const meta = root.openDB<unknown, Buffer>({ name: 'meta', keyEncoding: 'binary' });
    const stored = meta.get(metaKey('schema'));
    if (stored !== undefined && stored !== SCHEMA_VERSION)
      throw unavailable(
        `the database in ${dir} has schema version ${String(stored)}, this program knows ${SCHEMA_VERSION}; run the version that wrote it`,
      );
    await meta.put(metaKey('schema'), SCHEMA_VERSION);
    const rooms = new Map<string, Room>();
    const openRoom = (name: string, indexes: readonly Index[]): Room => {
      const db = root.openDB<Doc, Buffer>({
        name: `documents ${name}`,
        keyEncoding: 'binary',
        ...({ encoder: { useRecords: false } } as object),
      });
      const primary = {
        name: '_id',
        parts: [['_id', 1]] as const,
        tail: undefined,
        unique: true,
        sparse: false,
        overArrays: false,
        cut: false,
      };
      const room: Room = { name, db, primary, indexes };
      rooms.set(name, room);
      return room;
    };
    const wanted = new Set<string>();
    for (const [name, { indexes: specs }] of Object.entries(COLLECTIONS)) {
      const indexes: Index[] = [];
      const room = openRoom(name, indexes);
      for (const spec of specs) {
        const key = `index ${name} ${indexName(spec)}`;
        const built = meta.get(metaKey(key)) as Meta | undefined;
        const parts = Object.entries(spec.keys);
        const index: Index = {
          name: indexName(spec),
          spec,
          parts,
          tail: parts.at(-1)?.[1] ?? 1,
          unique: spec.unique ?? false,
          sparse: spec.sparse ?? false,
          overArrays: built?.overArrays ?? false,
          cut: built?.cut ?? false,
          db: root.openDB<Buffer, Buffer>({ name: key, keyEncoding: 'binary', encoding: 'binary' }),
        };
        wanted.add(key);
        if (!built) await buildIndex({ root, meta }, room, index, log);
        indexes.push(index);
      }
    }
    for (const key of [...meta.getKeys()].map((bytes) => bytes.toString('utf8')))
      if (key.startsWith('index ') && !wanted.has(key)) {
        await root.openDB({ name: key, keyEncoding: 'binary' }).drop();
        await meta.remove(metaKey(key));
      }
    const binary = (name: string): Binary =>
      root.openDB<Buffer, Buffer>({ name, keyEncoding: 'binary', encoding: 'binary' });
    const roomOf = (name: string): Room | undefined =>
      rooms.get(name) ?? (isTranscriptArchive(name) ? openRoom(name, []) : undefined);
    return { root, meta, roomOf, lists: binary('lists'), blocks: binary('list blocks') };
  } catch (error) {
    await root.close();
    throw error;
  }
}

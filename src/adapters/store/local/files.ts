/**
 * adapters/store/local/files: the database file, its collections and their indexes. Opening checks the file, builds what
 * indexes are new and drops those no longer wanted.
 */
import type { Database } from 'lmdb';
import type { Log } from '../../../app/ports.ts';
import { COLLECTIONS, type CollectionName, isTranscriptArchive } from '../../../domain/documents.ts';
import { Failure } from '../../../domain/errors.ts';
import { type Doc, indexName } from '../language.ts';
import { behind, keyPart } from '../order.ts';
import {
  type Binary,
  type DataFile,
  dataFileIn,
  metaKey,
  newestIn,
  openDataFile,
  removeOtherEditions,
} from './data-file.ts';
import { type Entry, entriesOf, type IndexShape, ownOf, ownText } from './indexes.ts';

export interface Index extends IndexShape {
  db: Binary;
  overArrays: boolean;
  overBehind: boolean;
  cut: boolean;
}

/** `db`, here and in its indexes, is of the file that is open now: who reads over several turns keeps the room as it was. */
export interface Room {
  readonly name: string;
  db: Database<Doc, Buffer>;
  /** The same table: documents as `pack` makes them. */
  raw: Binary;
  readonly pack: (document: Doc) => Buffer;
  readonly primary: IndexShape;
  readonly indexes: readonly Index[];
}

export const idKey = (id: string): Buffer => keyPart(id, 1).bytes;

export interface Meta {
  readonly overArrays: boolean;
  /** Absent in what an earlier version wrote. */
  readonly overBehind?: boolean;
  readonly cut: boolean;
}

export interface Files {
  /** Another one after `moveTo`. */
  readonly file: DataFile;
  /** Undefined for a name that is no collection's. An archive has no indexes to build, so it opens when it is asked for. */
  roomOf(name: string): Room | undefined;
  /** From now on everything is read from and written to `fresh`, which holds the same. */
  moveTo(fresh: DataFile): void;
}

/** Fills an index from the documents; whoever calls writes down that it is there. */
async function buildIndex(file: DataFile, room: Room, index: Index, log: Log): Promise<void> {
  const startedAtMs = performance.now();
  if (Array.from(index.db.getKeys({ limit: 1 })).length > 0) await index.db.clearAsync();
  let from: Buffer = Buffer.alloc(1);
  let count = 0;
  for (;;) {
    const batch = [...room.db.getRange({ start: from, limit: 500 })];
    const last = batch.at(-1);
    if (!last) break;
    const fresh: { entry: Entry; id: string }[] = [];
    for (const { value } of batch) {
      const { entries, overArrays, overBehind } = entriesOf(index, value);
      index.overArrays ||= overArrays;
      index.overBehind ||= overBehind;
      for (const entry of entries) {
        index.cut ||= entry.cut;
        fresh.push({ entry, id: value._id });
      }
    }
    const claimed = new Map<string, string>();
    if (index.unique)
      for (const { entry, id } of fresh) {
        const text = ownText(entry);
        const [other = claimed.get(text)] = ownersOf(index, ownOf(entry));
        if (other !== undefined && other !== id && !entry.cut)
          throw new Failure(
            'config_invalid',
            `the unique index ${index.name} of ${room.name} cannot be built: documents ${other} and ${id} have the same key`,
            { details: { collection: room.name, keys: index.parts.map(([path]) => path), ids: [other, id] } },
          );
        claimed.set(text, id);
      }
    await file.root.batch(() => {
      for (const { entry, id } of fresh)
        index.db.put(entry.key, Buffer.from(id, 'utf8')).catch(() => undefined);
    });
    count += batch.length;
    from = behind(last.key);
  }
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

/** The indexes of a collection; an archive has none. */
export const indexShapes = (collection: string): IndexShape[] =>
  (Object.hasOwn(COLLECTIONS, collection) ? COLLECTIONS[collection as CollectionName].indexes : []).map(
    (spec) => {
      const parts = Object.entries(spec.keys);
      return {
        name: spec.folded ? `${indexName(spec)} folded` : indexName(spec),
        parts,
        fields: parts.map(([path]) => path.split('.')[0] ?? path),
        tail: parts.at(-1)?.[1] ?? 1,
        unique: spec.unique ?? false,
        sparse: spec.sparse ?? false,
        folded: spec.folded ?? false,
        overArrays: false,
        overBehind: false,
        cut: false,
      };
    },
  );

/** The table of an index, and the key of its flags. */
export const tableOf = (collection: string, index: Pick<Index, 'name'>): string =>
  `index ${collection} ${index.name}`;

export async function openFiles(dir: string, log: Log): Promise<Files> {
  const edition = newestIn(dir) ?? 0;
  let file = await openDataFile(dataFileIn(dir, edition));
  try {
    removeOtherEditions(dir, edition);
    // Made when missing, all by one commit: one each would take a new database a synced write for every table.
    file.root.transactionSync(() => {
      for (const name of Object.keys(COLLECTIONS)) {
        file.documents(name);
        for (const shape of indexShapes(name)) file.raw(tableOf(name, shape));
      }
    });
    const rooms = new Map<string, Room>();
    const openRoom = (name: string, indexes: readonly Index[]): Room => {
      const primary = {
        name: '_id',
        parts: [['_id', 1]] as const,
        fields: ['_id'],
        tail: undefined,
        unique: true,
        sparse: false,
        folded: false,
        overArrays: false,
        overBehind: false,
        cut: false,
      };
      const { db, raw, pack } = file.documents(name);
      const room: Room = { name, db, raw, pack, primary, indexes };
      rooms.set(name, room);
      return room;
    };
    const wanted = new Set<string>();
    const built: (readonly [table: string, index: Index])[] = [];
    for (const name of Object.keys(COLLECTIONS)) {
      const indexes: Index[] = [];
      const room = openRoom(name, indexes);
      for (const shape of indexShapes(name)) {
        const table = tableOf(name, shape);
        const kept = file.meta.get(metaKey(table)) as Meta | undefined;
        // An earlier version did not keep where its arrays are, without which no order is read off it: it is made anew.
        const known = kept?.overArrays && kept.overBehind === undefined ? undefined : kept;
        const index: Index = { ...shape, ...known, db: file.raw(table) };
        wanted.add(table);
        if (!known) {
          await buildIndex(file, room, index, log);
          built.push([table, index]);
        }
        indexes.push(index);
      }
    }
    if (built.length > 0)
      await file.root.batch(() => {
        for (const [table, { overArrays, overBehind, cut }] of built)
          void file.meta.put(metaKey(table), { overArrays, overBehind, cut });
      });
    for (const key of [...file.meta.getKeys()].map((bytes) => bytes.toString('utf8')))
      if (key.startsWith('index ') && !wanted.has(key)) {
        await file.raw(key).drop();
        await file.meta.remove(metaKey(key));
      }
    return {
      get file() {
        return file;
      },
      roomOf: (name) => rooms.get(name) ?? (isTranscriptArchive(name) ? openRoom(name, []) : undefined),
      moveTo(fresh) {
        file = fresh;
        for (const room of rooms.values()) {
          const { db, raw } = file.documents(room.name);
          room.db = db;
          room.raw = raw;
          for (const index of room.indexes) index.db = file.raw(tableOf(room.name, index));
        }
      },
    };
  } catch (error) {
    await file.root.close();
    throw error;
  }
}

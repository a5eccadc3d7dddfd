/**
 * adapters/store/local/compact: writes everything anew, while calls go on, into the next edition of the file, and moves over
 * to it. LMDB writes to fresh pages and keeps the old ones, with what stood in them, to be used again some day; its compacting
 * copy takes what is alive and nothing else. So the file gets small again, and what was removed is gone from the disk.
 *
 * The copy is made by LMDB's own thread from a snapshot. Keys written meanwhile are noted, and brought over in rounds,
 * each shorter than the one before; the last is done while writers wait in their line, for as long as a synced write takes.
 * Readers wait for nothing: who reads in the old file finishes there, and then it goes. Until the new one has its name, the
 * old one is the database; a stop at any instant leaves one of the two.
 */
import { renameSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { RootDatabase } from 'lmdb';
import { slices } from '../numbers.ts';
import {
  COMPACTED_AT,
  collectionIn,
  type DataFile,
  dataFileIn,
  draftIn,
  newestIn,
  openDataFile,
  removeDataFile,
  syncPath,
  unavailable,
} from './data-file.ts';
import type { Files } from './files.ts';
import type { Writer } from './writer.ts';

/** Keys noted at once; more than so many writes during one copy are too many for it. */
const MAX_NOTED = 2_000_000;
const KEYS_A_WRITE = 500;
/** The last round may have so many; after so many rounds it is the last in any case. */
const LAST_ROUND = 500;
const ROUNDS = 20;

export interface Compacted {
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** What was written while the copy was made: keys by table. */
function notebook() {
  let tables = new Map<string, Set<string>>();
  let count = 0;
  let full = false;
  return {
    get count() {
      return count;
    },
    note(table: string, key: Buffer): void {
      full ||= count >= MAX_NOTED;
      if (full) return;
      const keys = tables.get(table) ?? new Set<string>();
      tables.set(table, keys);
      const before = keys.size;
      keys.add(key.toString('latin1'));
      count += keys.size - before;
    },
    /** Throws Failure `store_unavailable` when something found no room any more. */
    take(): ReadonlyMap<string, ReadonlySet<string>> {
      if (full) throw unavailable('more was written than can be brought over');
      const taken = tables;
      tables = new Map();
      count = 0;
      return taken;
    },
  };
}

/**
 * Resolves when the new file is the database. Throws Failure `store_unavailable`, or what the disk says: then the old one is
 * it as before, and nothing of the new one is left. One at a time; `signal` stops it.
 */
export async function compact(
  dir: string,
  files: Files,
  writer: Writer,
  left: (root: RootDatabase<unknown, Buffer>) => Promise<void>,
  signal: AbortSignal,
): Promise<Compacted> {
  const old = files.file;
  const draft = draftIn(dir);
  const edition = newestIn(dir) ?? 0;
  const oldPath = dataFileIn(dir, edition);
  const path = dataFileIn(dir, edition + 1);
  const notes = notebook();
  let fresh: DataFile | undefined;
  let moved = false;

  /** Brings over what the old file has under the noted keys now. */
  async function catchUp(into: DataFile): Promise<void> {
    const breathe = slices();
    let batch: (readonly [table: string, key: Buffer])[] = [];
    const write = async (): Promise<void> => {
      // A table that is new is made here; inside of a transaction it could not be.
      const some = batch.map(([table, key]) => ({
        db: into.raw(table),
        key,
        bytes: old.raw(table).get(key),
      }));
      batch = [];
      await into.root.batch(() => {
        for (const { db, key, bytes } of some) void (bytes ? db.put(key, bytes) : db.remove(key));
      });
      await breathe();
    };
    for (const [table, keys] of notes.take())
      for (const key of keys) {
        batch.push([table, Buffer.from(key, 'latin1')]);
        if (batch.length === KEYS_A_WRITE) await write();
      }
    await write();
  }

  function mustBeEqual(into: DataFile): void {
    into.root.resetReadTxn();
    for (const table of old.tables()) {
      const entries = ({ raw }: DataFile): number =>
        (raw(table).getStats() as { entryCount: number }).entryCount;
      if (entries(old) !== entries(into))
        throw unavailable(`the new file has ${entries(into)} of ${entries(old)} records in ${table}`);
    }
  }

  try {
    removeDataFile(draft);
    const bytesBefore = (await stat(oldPath)).size;
    // Between two turns: what was committed before is in the copy, what comes after is noted.
    await writer.hold(async () => writer.follow(notes.note));
    await old.root.backup(draft, true);
    await syncPath(draft);
    const opened = await openDataFile(draft);
    fresh = opened;
    // The handles are there when they are wanted.
    for (const table of old.tables()) {
      const collection = collectionIn(table);
      if (collection !== undefined) opened.documents(collection);
      else opened.raw(table);
    }
    for (let round = 0; round < ROUNDS && notes.count > LAST_ROUND; round += 1) {
      signal.throwIfAborted();
      await catchUp(opened);
    }
    await writer.hold(async () => {
      signal.throwIfAborted();
      await catchUp(opened);
      await opened.meta.put(COMPACTED_AT, Date.now());
      mustBeEqual(opened);
      // The lock file first: nobody opens the one without the other.
      renameSync(`${draft}-lock`, `${path}-lock`);
      renameSync(draft, path);
      await syncPath(dir);
      files.moveTo(opened);
      moved = true;
    });
    await left(old.root);
    await old.root.close();
    removeDataFile(oldPath);
    return { bytesBefore, bytesAfter: (await stat(path)).size };
  } finally {
    writer.follow(undefined);
    if (!moved) {
      await fresh?.root.close();
      removeDataFile(draft);
      removeDataFile(path);
    }
  }
}

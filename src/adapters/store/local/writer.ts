/**
 * adapters/store/local/writer: all writes wait in one line. A turn takes what waits, runs it in order over the committed
 * state and what the turn itself changed, and hands the result to LMDB as one transaction that is synced before anybody
 * hears of it; so a hundred appends share one sync, and two writers can never both find a key free.
 */
import type { Database } from 'lmdb';
import type { Log } from '../../../app/ports.ts';
import { Failure } from '../../../domain/errors.ts';
import {
  type Binary,
  type Files,
  type Index,
  idKey,
  type Meta,
  messageOf,
  metaKey,
  ownersOf,
  type Room,
  unavailable,
} from './files.ts';
import { type Entries, entriesOf } from './indexes.ts';
import type { Doc } from './language.ts';
import { compareValues, valuesForKey } from './order.ts';

/** Writes that may wait for the disk. */
const MAX_WAITING_WRITES = 50_000;
const MAX_WAITING_BYTES = 256 * 1024 * 1024;
/** What one turn takes at most, so that it holds the event loop for a few milliseconds only. */
const TURN_MS = 3;
const MAX_WRITES_A_TURN = 250;
const MAX_BYTES_A_TURN = 16 * 1024 * 1024;
/** A turn that takes longer than this is reported as failed: its writes may or may not be on disk. */
const WRITE_TIMEOUT_MS = 30_000;

/** A document with its keys, in the order of the room's indexes. */
interface Prepared {
  readonly document: Doc;
  readonly keys: readonly Entries[];
}

export const prepare = (room: Room, document: Doc): Prepared => ({
  document,
  keys: room.indexes.map((index) => entriesOf(index, document)),
});

interface Change {
  readonly room: Room;
  readonly id: string;
  readonly before: Doc | undefined;
  readonly after: Prepared | undefined;
}

/** What one turn has changed so far. */
interface Turn {
  read(room: Room, id: string): Doc | undefined;
  /** Throws Failure `duplicate_key` and changes nothing when a unique index is taken. */
  write(room: Room, prepared: Prepared): void;
  remove(room: Room, id: string): void;
  /** Documents that this turn wrote; undefined where it deleted. */
  touched(room: Room): ReadonlyMap<string, Prepared | undefined>;
  /** The id of a document, not `except`, that has the values of `prepared` under the unique index at `position`. */
  owner(room: Room, position: number, prepared: Prepared, except?: string): string | undefined;
  /** Puts bytes under a key, beside all documents; undefined removes the key. `bytes` must not change any more. */
  keep(db: Binary, key: Buffer, bytes: Buffer | undefined): void;
  changes(): Change[];
  readonly kept: readonly Kept[];
}

interface Kept {
  readonly db: Binary;
  readonly key: Buffer;
  readonly bytes: Buffer | undefined;
}

const sameIndexValues = (index: Index, a: Doc, b: Doc): boolean =>
  index.parts.every(
    ([path]) => compareValues([...valuesForKey(a, path).values], [...valuesForKey(b, path).values]) === 0,
  );

function openTurn(): Turn {
  const overlays = new Map<Room, Map<string, Prepared | undefined>>();
  const befores = new Map<Room, Map<string, Doc | undefined>>();
  /** Keys of unique indexes that documents of this turn hold, with their ids. */
  const claims = new Map<Index, Map<string, string>>();
  const kept: Kept[] = [];

  const mapIn = <K, V>(maps: Map<K, Map<string, V>>, key: K): Map<string, V> => {
    const found = maps.get(key) ?? new Map<string, V>();
    maps.set(key, found);
    return found;
  };

  const read = (room: Room, id: string): Doc | undefined => {
    const overlay = overlays.get(room);
    return overlay?.has(id) ? overlay.get(id)?.document : room.db.get(idKey(id));
  };

  const owner: Turn['owner'] = (room, position, { document, keys }, except) => {
    const index = room.indexes[position];
    if (!index) return undefined;
    const overlay = mapIn(overlays, room);
    for (const { prefix, cut } of keys[position]?.entries ?? []) {
      const clashes = (id: string): boolean => {
        if (id === except) return false;
        if (!cut) return true;
        const other = read(room, id);
        return other !== undefined && sameIndexValues(index, other, document);
      };
      const claimed = claims.get(index)?.get(prefix.toString('latin1'));
      if (claimed !== undefined && clashes(claimed)) return claimed;
      const committed = ownersOf(index, prefix).find((id) => !overlay.has(id) && clashes(id));
      if (committed !== undefined) return committed;
    }
    return undefined;
  };

  /** Puts the new state of a document in place of what this turn knew of it. */
  function replace(room: Room, id: string, after: Prepared | undefined): void {
    const overlay = mapIn(overlays, room);
    if (!overlay.has(id)) mapIn(befores, room).set(id, room.db.get(idKey(id)));
    const earlier = overlay.get(id);
    for (const [position, index] of room.indexes.entries()) {
      if (!index.unique) continue;
      const held = mapIn(claims, index);
      for (const { prefix } of earlier?.keys[position]?.entries ?? []) held.delete(prefix.toString('latin1'));
      for (const { prefix } of after?.keys[position]?.entries ?? []) held.set(prefix.toString('latin1'), id);
    }
    overlay.set(id, after);
  }

  return {
    read,
    owner,
    touched: (room) => mapIn(overlays, room),
    write(room, prepared) {
      const id = prepared.document._id;
      for (const [position, index] of room.indexes.entries())
        if (index.unique && owner(room, position, prepared, id) !== undefined)
          throw new Failure(
            'duplicate_key',
            `another document of ${room.name} has the same ${Object.keys(index.spec.keys).join(', ')}`,
            { details: { collection: room.name, keys: Object.keys(index.spec.keys) } },
          );
      for (const [position, index] of room.indexes.entries()) {
        const keys = prepared.keys[position];
        index.overArrays ||= keys?.overArrays ?? false;
        index.cut ||= keys?.entries.some((entry) => entry.cut) ?? false;
      }
      replace(room, id, prepared);
    },
    remove: (room, id) => replace(room, id, undefined),
    keep: (db, key, bytes) => void kept.push({ db, key, bytes }),
    kept,
    changes: () =>
      [...overlays].flatMap(([room, overlay]) =>
        [...overlay].map(([id, after]) => ({ room, id, before: befores.get(room)?.get(id), after })),
      ),
  };
}

interface Waiting {
  readonly bytes: number;
  readonly run: (turn: Turn) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface Writer {
  /** Runs `change`, which writes about `bytes`, in the line; resolves with its answer when all it wrote is synced. */
  submit<T>(change: (turn: Turn) => T, bytes: number): Promise<T>;
  /** Resolves when the line is empty. */
  idle(): Promise<void>;
  /** Refuses what is submitted from now on. */
  stop(): void;
  readonly waiting: number;
  readonly failure: string | undefined;
}

export function openWriter(files: Files, log: Log): Writer {
  let line: Waiting[] = [];
  let lineBytes = 0;
  let stopped = false;
  let running: Promise<void> | undefined;
  let failure: string | undefined;
  const flagged = new Map<Index, string>();

  function commit(changes: readonly Change[], kept: readonly Kept[]): Promise<unknown> {
    return files.root.batch(() => {
      // The promise of the batch tells the outcome for all of it.
      const put = <V>(db: Database<V, Buffer>, key: Buffer, value: V) =>
        void db.put(key, value).catch(() => undefined);
      for (const { db, key, bytes } of kept)
        if (bytes) put(db, key, bytes);
        else db.remove(key).catch(() => undefined);
      for (const { room, id, before, after } of changes) {
        if (after) put(room.db, idKey(id), after.document);
        else room.db.remove(idKey(id)).catch(() => undefined);
        for (const [position, index] of room.indexes.entries()) {
          const old = before ? entriesOf(index, before).entries : [];
          const fresh = after?.keys[position]?.entries ?? [];
          for (const { key } of old)
            if (!fresh.some((entry) => entry.key.equals(key))) index.db.remove(key).catch(() => undefined);
          for (const { key } of fresh)
            if (!old.some((entry) => entry.key.equals(key))) put(index.db, key, Buffer.from(id, 'utf8'));
          const flags: Meta = { overArrays: index.overArrays, cut: index.cut };
          const text = JSON.stringify(flags);
          if (flagged.get(index) !== text) {
            put(files.meta, metaKey(`index ${room.name} ${index.name}`), flags);
            flagged.set(index, text);
          }
        }
      }
    });
  }

  async function takeTurn(): Promise<void> {
    const turn = openTurn();
    const done: { readonly waiting: Waiting; readonly value: unknown }[] = [];
    const startedAtMs = performance.now();
    let taken = 0;
    let takenBytes = 0;
    for (const waiting of line) {
      taken += 1;
      takenBytes += waiting.bytes;
      try {
        done.push({ waiting, value: waiting.run(turn) });
      } catch (error) {
        waiting.reject(
          error instanceof Failure ? error : unavailable(`the store failed: ${messageOf(error)}`, error),
        );
      }
      if (taken === MAX_WRITES_A_TURN || takenBytes > MAX_BYTES_A_TURN) break;
      if (performance.now() - startedAtMs > TURN_MS) break;
    }
    line = line.slice(taken);
    lineBytes -= takenBytes;
    const changes = turn.changes();
    if (changes.length + turn.kept.length > 0) {
      const timer = setTimeout(() => {
        failure = `no answer from the disk within ${WRITE_TIMEOUT_MS} ms`;
        for (const { waiting } of done) waiting.reject(unavailable(`${failure}; the write may still happen`));
      }, WRITE_TIMEOUT_MS);
      try {
        await commit(changes, turn.kept);
        // Whoever hears of this write reads it: the next read begins with a new snapshot.
        files.root.resetReadTxn();
        failure = undefined;
      } catch (error) {
        const cause = await Promise.resolve((error as { commitError?: unknown }).commitError).catch(
          (why) => why,
        );
        failure = messageOf(cause ?? error);
        log.error({ error: failure, writes: done.length }, 'the database refused to write');
        flagged.clear();
        for (const { waiting } of done)
          waiting.reject(unavailable(`nothing was written: ${failure}; is the disk full?`, cause ?? error));
        return;
      } finally {
        clearTimeout(timer);
      }
    }
    for (const { waiting, value } of done) waiting.resolve(value);
  }

  async function work(): Promise<void> {
    while (line.length > 0) {
      await takeTurn();
      // Between two turns the event loop gets to everything else.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    running = undefined;
  }

  return {
    submit: (change, bytes) =>
      new Promise((resolve, reject) => {
        if (stopped) {
          reject(unavailable('the store is closed'));
          return;
        }
        if (line.length >= MAX_WAITING_WRITES || lineBytes + bytes > MAX_WAITING_BYTES) {
          reject(unavailable(`${line.length} writes, ${lineBytes} bytes, are waiting for the disk already`));
          return;
        }
        line.push({ bytes, run: change, resolve: resolve as (value: unknown) => void, reject });
        lineBytes += bytes;
        running ??= new Promise<void>((begin) => setImmediate(begin)).then(work);
      }),
    idle: async () => {
      while (running) await running;
    },
    stop: () => {
      stopped = true;
    },
    get waiting() {
      return line.length;
    },
    get failure() {
      return failure;
    },
  };
}

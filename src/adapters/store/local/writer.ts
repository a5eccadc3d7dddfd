/**
 * adapters/store/local/writer: all writes wait in one line. A turn takes what waits, runs it in order over the committed
 * state and what the turn itself changed, and hands the result to LMDB as one transaction that is synced before anybody
 * hears of it; so a hundred appends share one sync, and two writers can never both find a key free. While one turn is on
 * its way to the disk the next is run already, over what that one changed; where it fails, the next is run again without.
 */
import type { Database } from 'lmdb';
import type { Log } from '../../../app/ports.ts';
import { Failure } from '../../../domain/errors.ts';
import type { Doc } from '../language.ts';
import { compareValues, valuesForKey } from '../order.ts';
import { type Binary, messageOf, metaKey, unavailable } from './data-file.ts';
import { type Files, type Index, idKey, type Meta, ownersOf, type Room, tableOf } from './files.ts';
import { type Entries, entriesOf, ownOf, ownText, shares } from './indexes.ts';

/** Writes that may wait for the disk. */
const MAX_WAITING_WRITES = 50_000;
const MAX_WAITING_BYTES = 256 * 1024 * 1024;
/** What is run at once, and what one turn takes at most: neither holds the event loop for more than a few milliseconds. */
const SLICE_MS = 3;
const MAX_WRITES_A_TURN = 500;
const MAX_BYTES_A_TURN = 16 * 1024 * 1024;
/** Documents that are kept when they are written, and how large each may be as it stands in the file. */
const MAX_RECENT = 2_000;
const MAX_RECENT_BYTES = 4_096;
/** A turn that takes longer than this is reported as failed: its writes may or may not be on disk. */
const WRITE_TIMEOUT_MS = 30_000;

/** A document as it will stand in the file, with its keys, in the order of the room's indexes. */
export interface Prepared {
  readonly document: Doc;
  readonly bytes: Buffer;
  /** Undefined: as they were before the turn. */
  readonly keys: readonly (Entries | undefined)[];
}

/** `before`: the document that becomes this one, `keys` what the turn that changed it already knows of its keys. */
export const prepare = (
  room: Room,
  document: Doc,
  before?: { readonly document: Doc; readonly keys: Prepared['keys'] | undefined },
): Prepared => ({
  document,
  bytes: room.pack(document),
  keys: room.indexes.map((index, position) => {
    const isSame = before !== undefined && shares(index, before.document, document);
    return isSame ? before.keys?.[position] : entriesOf(index, document);
  }),
});

interface Change {
  readonly room: Room;
  readonly id: string;
  readonly before: Doc | undefined;
  readonly after: Prepared | undefined;
}

/** What one turn has changed so far. */
export interface Turn {
  read(room: Room, id: string): Doc | undefined;
  /** What this turn, and no other, wrote. */
  written(room: Room, id: string): Prepared | undefined;
  /** Throws Failure `duplicate_key` when another document has a unique key of this one. */
  refuseTaken(room: Room, prepared: Prepared): void;
  /** `before`: what was read, where it was. Throws as `refuseTaken`, and then changes nothing. */
  write(room: Room, prepared: Prepared, before?: Doc): void;
  /** Writes a document of which it is known that its id and its unique keys are free. */
  add(room: Room, prepared: Prepared): void;
  remove(room: Room, id: string): void;
  /** Documents that this turn, and the one before it, wrote; undefined where they deleted. */
  touched(room: Room): ReadonlyMap<string, Prepared | undefined>;
  /** The id of a document, not `except`, that has the values of `prepared` under the unique index at `position`. */
  owner(room: Room, position: number, prepared: Prepared, except?: string): string | undefined;
  /** Puts bytes under a key, beside all documents; undefined removes the key. `bytes` must not change any more. */
  keep(db: Binary, key: Buffer, bytes: Buffer | undefined): void;
  /** Whether a document has the keys under the index at `position` that it had before these turns. */
  keeps(room: Room, position: number, id: string): boolean;
  /** The id of a document that these turns gave the key of the unique index at `position`. */
  claimed(room: Room, position: number, key: string): string | undefined;
  /** The turn before this one is on disk. */
  arrived(): void;
  changes(): Change[];
  readonly kept: readonly Kept[];
}

/** LMDB's own name of a table, which its types leave out. */
const nameOf = (db: unknown): string => (db as { readonly name: string }).name;

interface Kept {
  readonly db: Binary;
  readonly key: Buffer;
  readonly bytes: Buffer | undefined;
}

const sameIndexValues = (index: Index, a: Doc, b: Doc): boolean =>
  index.parts.every(
    ([path]) => compareValues([...valuesForKey(a, path).values], [...valuesForKey(b, path).values]) === 0,
  );

/** Documents that were written last and are on the disk: what is written is often changed again at once. */
interface Recent {
  get(room: Room, id: string): Doc | undefined;
  wrote(changes: readonly Change[]): void;
  clear(): void;
}

function openRecent(): Recent {
  const kept = new Map<string, Doc>();
  const keyOf = (room: Room, id: string): string => `${room.name} ${id}`;
  return {
    get: (room, id) => kept.get(keyOf(room, id)),
    wrote(changes) {
      for (const { room, id, after } of changes) {
        const key = keyOf(room, id);
        kept.delete(key);
        if (after && after.bytes.length <= MAX_RECENT_BYTES) kept.set(key, after.document);
      }
      for (const key of kept.keys()) {
        if (kept.size <= MAX_RECENT) return;
        kept.delete(key);
      }
    },
    clear: () => kept.clear(),
  };
}

/** A turn over the committed state and, where one is on its way to the disk, over what that one changed. */
function openTurn(recent: Recent, onItsWay?: Turn): Turn {
  let before = onItsWay;
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
    if (overlay?.has(id)) return overlay.get(id)?.document;
    return before ? before.read(room, id) : (recent.get(room, id) ?? room.db.get(idKey(id)));
  };

  /** Whether this turn, whatever it did, left a document the keys it had. */
  const leaves = (room: Room, position: number, id: string): boolean => {
    const overlay = overlays.get(room);
    if (!overlay?.has(id)) return true;
    const after = overlay.get(id);
    return after !== undefined && after.keys[position] === undefined;
  };

  const keeps = (room: Room, position: number, id: string): boolean =>
    leaves(room, position, id) && (before?.keeps(room, position, id) ?? true);

  /** Who has a key by what the turns changed; an id to which a later one gave others says nothing. */
  const claimed = (room: Room, position: number, key: string): string | undefined => {
    const index = room.indexes[position];
    const mine = index && claims.get(index)?.get(key);
    if (mine !== undefined) return mine;
    const earlier = before?.claimed(room, position, key);
    return earlier !== undefined && leaves(room, position, earlier) ? earlier : undefined;
  };

  const owner: Turn['owner'] = (room, position, { document, keys }, except) => {
    const index = room.indexes[position];
    if (!index) return undefined;
    for (const entry of keys[position]?.entries ?? []) {
      const clashes = (id: string): boolean => {
        if (id === except) return false;
        if (!entry.cut) return true;
        const other = read(room, id);
        return other !== undefined && sameIndexValues(index, other, document);
      };
      const holder = claimed(room, position, ownText(entry));
      if (holder !== undefined && clashes(holder)) return holder;
      const committed = ownersOf(index, ownOf(entry)).find((id) => keeps(room, position, id) && clashes(id));
      if (committed !== undefined) return committed;
    }
    return undefined;
  };

  /** Puts the new state of a document in place of what this turn knew of it. */
  function replace(room: Room, id: string, after: Prepared | undefined): void {
    const overlay = mapIn(overlays, room);
    const earlier = overlay.get(id);
    for (const [position, index] of room.indexes.entries()) {
      if (!index.unique) continue;
      const held = mapIn(claims, index);
      for (const entry of earlier?.keys[position]?.entries ?? []) held.delete(ownText(entry));
      for (const entry of after?.keys[position]?.entries ?? []) held.set(ownText(entry), id);
    }
    overlay.set(id, after);
  }

  function remember(room: Room, id: string, before?: Doc): void {
    if (!mapIn(overlays, room).has(id)) mapIn(befores, room).set(id, before ?? read(room, id));
  }

  function add(room: Room, prepared: Prepared): void {
    for (const [position, index] of room.indexes.entries()) {
      const keys = prepared.keys[position];
      index.overArrays ||= keys?.overArrays ?? false;
      index.overBehind ||= keys?.overBehind ?? false;
      index.cut ||= keys?.entries.some((entry) => entry.cut) ?? false;
    }
    replace(room, prepared.document._id, prepared);
  }

  function refuseTaken(room: Room, prepared: Prepared): void {
    for (const [position, index] of room.indexes.entries())
      if (index.unique && owner(room, position, prepared, prepared.document._id) !== undefined)
        throw new Failure(
          'duplicate_key',
          `another document of ${room.name} has the same ${index.parts.map(([path]) => path).join(', ')}`,
          { details: { collection: room.name, keys: index.parts.map(([path]) => path) } },
        );
  }

  return {
    read,
    refuseTaken,
    written: (room, id) => overlays.get(room)?.get(id),
    owner,
    keeps,
    claimed,
    touched: (room) => new Map([...(before?.touched(room) ?? []), ...(overlays.get(room) ?? [])]),
    write(room, prepared, before) {
      refuseTaken(room, prepared);
      remember(room, prepared.document._id, before);
      add(room, prepared);
    },
    add,
    remove(room, id) {
      remember(room, id);
      replace(room, id, undefined);
    },
    keep: (db, key, bytes) => void kept.push({ db, key, bytes }),
    kept,
    arrived() {
      before = undefined;
    },
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

/** What was run, in its order, and how to tell who waits for it. */
interface Taken {
  readonly turn: Turn;
  readonly outcomes: { readonly waiting: Waiting; readonly tell: () => void }[];
  bytes: number;
}

/** Is told of every key that was written or removed, when that is on the disk. */
type Follower = (table: string, key: Buffer) => void;

export interface Writer {
  /** Runs `change`, which writes about `bytes`, in the line; resolves with its answer when all it wrote is synced. */
  submit<T>(change: (turn: Turn) => T, bytes: number): Promise<T>;
  /** Runs a task between two turns: nothing is being written, and nothing will be until it resolves. */
  hold<T>(task: () => Promise<T>): Promise<T>;
  /** Whom to tell; undefined tells nobody any more. */
  follow(follower: Follower | undefined): void;
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
  const flagged = new Map<Index, number>();
  let follower: Follower | undefined;
  const holds: (() => Promise<void>)[] = [];
  const recent = openRecent();

  async function commit(changes: readonly Change[], kept: readonly Kept[]): Promise<void> {
    const written: (readonly [table: string, key: Buffer])[] = [];
    await files.file.root.batch(() => {
      // In a batch no single write has an outcome: its promise tells it for all of it.
      const put = <V>(db: Database<V, Buffer>, key: Buffer, value: V): void => {
        if (follower) written.push([nameOf(db), key]);
        void db.put(key, value);
      };
      const remove = (db: Binary, key: Buffer): void => {
        if (follower) written.push([nameOf(db), key]);
        void db.remove(key);
      };
      for (const { db, key, bytes } of kept)
        if (bytes) put(db, key, bytes);
        else remove(db, key);
      for (const { room, id, before, after } of changes) {
        if (after) put(room.raw, idKey(id), after.bytes);
        else remove(room.raw, idKey(id));
        const idBytes = Buffer.from(id, 'utf8');
        for (const [position, index] of room.indexes.entries()) {
          if (before && after && shares(index, before, after.document)) continue;
          const old = before ? entriesOf(index, before).entries : [];
          const fresh = after?.keys[position]?.entries ?? [];
          for (const { key } of old) if (!fresh.some((entry) => entry.key.equals(key))) remove(index.db, key);
          for (const { key } of fresh)
            if (!old.some((entry) => entry.key.equals(key))) put(index.db, key, idBytes);
          const { overArrays, overBehind, cut } = index;
          const flags: Meta = { overArrays, overBehind, cut };
          const bits = Number(overBehind) * 4 + Number(overArrays) * 2 + Number(cut);
          if (flagged.get(index) !== bits) {
            put(files.file.meta, metaKey(tableOf(room.name, index)), flags);
            flagged.set(index, bits);
          }
        }
      }
    });
    for (const [table, key] of written) follower?.(table, key);
  }

  /** Runs a slice of what waits in the line; what it answers is told when the turn is on disk. */
  function runSlice(taken: Taken): void {
    const endMs = performance.now() + SLICE_MS;
    let count = 0;
    for (const waiting of line) {
      if (taken.outcomes.length >= MAX_WRITES_A_TURN || taken.bytes > MAX_BYTES_A_TURN) break;
      count += 1;
      taken.bytes += waiting.bytes;
      lineBytes -= waiting.bytes;
      try {
        const value = waiting.run(taken.turn);
        taken.outcomes.push({ waiting, tell: () => waiting.resolve(value) });
      } catch (error) {
        const failure =
          error instanceof Failure ? error : unavailable(`the store failed: ${messageOf(error)}`, error);
        taken.outcomes.push({ waiting, tell: () => waiting.reject(failure) });
      }
      if (performance.now() > endMs) break;
    }
    line = line.slice(count);
  }

  /** Brings a turn to the disk; false when nothing of it was written, which whoever waits for it then knows. */
  async function write({ turn, outcomes }: Taken): Promise<boolean> {
    const changes = turn.changes();
    if (changes.length + turn.kept.length > 0) {
      const timer = setTimeout(() => {
        failure = `no answer from the disk within ${WRITE_TIMEOUT_MS} ms`;
        for (const { waiting } of outcomes)
          waiting.reject(unavailable(`${failure}; the write may still happen`));
      }, WRITE_TIMEOUT_MS);
      try {
        await commit(changes, turn.kept);
        recent.wrote(changes);
        // Whoever hears of this write reads it: the next read begins with a new snapshot.
        files.file.root.resetReadTxn();
        failure = undefined;
      } catch (error) {
        const cause = await Promise.resolve((error as { commitError?: unknown }).commitError).catch(
          (why) => why,
        );
        failure = messageOf(cause ?? error);
        log.error({ error: failure, writes: outcomes.length }, 'the database refused to write');
        flagged.clear();
        recent.clear();
        for (const { waiting } of outcomes)
          waiting.reject(unavailable(`nothing was written: ${failure}; is the disk full?`, cause ?? error));
        return false;
      } finally {
        clearTimeout(timer);
      }
    }
    for (const { tell } of outcomes) tell();
    return true;
  }

  const takeUp = (before?: Turn): Taken => ({ turn: openTurn(recent, before), outcomes: [], bytes: 0 });
  const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  async function work(): Promise<void> {
    let ahead = takeUp();
    while (line.length + holds.length + ahead.outcomes.length > 0) {
      for (const hold of ahead.outcomes.length === 0 ? holds.splice(0) : []) await hold();
      if (ahead.outcomes.length === 0) runSlice(ahead);
      const current = ahead;
      let over = false;
      const writing = write(current).finally(() => {
        over = true;
      });
      ahead = takeUp(current.turn);
      await breathe();
      while (!over && holds.length === 0 && ahead.outcomes.length < MAX_WRITES_A_TURN && line.length > 0) {
        runSlice(ahead);
        await breathe();
      }
      if (!(await writing)) {
        // It was run over what is not there now: it goes back to the head of the line.
        line = [...ahead.outcomes.map(({ waiting }) => waiting), ...line];
        lineBytes += ahead.bytes;
        ahead = takeUp();
      } else ahead.turn.arrived();
    }
    running = undefined;
  }

  function begin(): void {
    running ??= new Promise<void>((resolve) => setImmediate(resolve)).then(work);
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
        begin();
      }),
    hold: (task) =>
      new Promise((resolve, reject) => {
        holds.push(() => task().then(resolve, reject));
        begin();
      }),
    follow: (one) => {
      follower = one;
    },
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

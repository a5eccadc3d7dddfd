/**
 * adapters/store/local: the database Parley runs on when no other is named. One LMDB file under DATA_DIR, one
 * process, MongoDB's language.
 *
 * Writing: all writes wait in one line. A turn takes what waits, runs it in order over the committed state and what the
 * turn itself changed, and hands the result to LMDB as one transaction that is synced before anybody hears of it; so a
 * hundred appends share one sync, and two writers can never both find a key free.
 *
 * Reading: from a snapshot, in slices of a few milliseconds, so that a scan of a large collection holds up no audio.
 */
import { mkdirSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, open, type RootDatabase, type Transaction } from 'lmdb';
import type { Collection, Filter, Log, Query, Store, Update } from '../../../app/ports.ts';
import type { CallEvent } from '../../../domain/call.ts';
import {
  COLLECTIONS,
  type CollectionName,
  type Documents,
  type IndexSpec,
} from '../../../domain/documents.ts';
import { Failure } from '../../../domain/errors.ts';
import { type Entries, type Entry, entriesOf, type IndexShape, indexName } from './indexes.ts';
import {
  compileFilter,
  compilePipeline,
  compileUpdate,
  type Doc,
  parseSort,
  sortedCollector,
  storable,
} from './language.ts';
import { lockDirectory } from './lock.ts';
import { behind, compareValues, keyPart, valuesForKey } from './order.ts';
import { type Plan, planFor } from './plan.ts';

const SCHEMA_VERSION = 1;
const MAX_ID_BYTES = 256;
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
const MAX_WAITING_WRITES = 50_000;
/** Longest time one turn of writing or one slice of reading may hold the event loop. */
const SLICE_MS = 3;
const MAX_WRITES_A_TURN = 250;
/** A turn that takes longer than this is reported as failed: its writes may or may not be on disk. */
const WRITE_TIMEOUT_MS = 30_000;
const CLOSE_TIMEOUT_MS = 10_000;
/** An estimate need not be finer than this to choose between two ways of reading. */
const ESTIMATE_CAP = 2000;
/** A walk in order may look at so many documents before the way with the fewest candidates is taken instead. */
const WALK_BUDGET = 5 * ESTIMATE_CAP;
/** An update looks for its document inside its turn only where so few candidates are to be read. */
const LOOKUP_BUDGET = 200;
const UPDATE_ATTEMPTS = 50;
const REMOVE_CHUNK = 50;
const ESTIMATE_PROBES = [0, 7, 31, 199, ESTIMATE_CAP - 1];

type Binary = Database<Buffer, Buffer>;

interface Index extends IndexShape {
  readonly spec: IndexSpec;
  readonly db: Binary;
  overArrays: boolean;
  cut: boolean;
}

interface Room {
  readonly name: string;
  readonly db: Database<Doc, Buffer>;
  readonly primary: IndexShape;
  readonly indexes: readonly Index[];
}

const idKey = (id: string): Buffer => keyPart(id, 1).bytes;

const unavailable = (message: string, cause?: unknown): Failure =>
  new Failure('store_unavailable', message, { cause });

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

// ── Opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Meta {
  readonly overArrays: boolean;
  readonly cut: boolean;
}

interface Files {
  readonly root: RootDatabase<unknown, Buffer>;
  readonly meta: Database<unknown, Buffer>;
  readonly rooms: ReadonlyMap<string, Room>;
}

const metaKey = (name: string): Buffer => Buffer.from(name, 'utf8');

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

function ownersOf(index: Index, prefix: Buffer): string[] {
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

async function openFiles(dir: string, log: Log): Promise<Files> {
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
    const wanted = new Set<string>();
    for (const [name, { indexes: specs }] of Object.entries(COLLECTIONS)) {
      const db = root.openDB<Doc, Buffer>({
        name: `documents ${name}`,
        keyEncoding: 'binary',
        ...({ encoder: { useRecords: false } } as object),
      });
      const indexes: Index[] = [];
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
      rooms.set(name, room);
    }
    for (const key of [...meta.getKeys()].map((bytes) => bytes.toString('utf8')))
      if (key.startsWith('index ') && !wanted.has(key)) {
        await root.openDB({ name: key, keyEncoding: 'binary' }).drop();
        await meta.remove(metaKey(key));
      }
    return { root, meta, rooms };
  } catch (error) {
    await root.close();
    throw error;
  }
}

// ── Taking turns on the event loop ───────────────────────────────────────────────────────────────────────────────────

/** Lets one waiting reader go on per turn of the event loop, however many there are. */
function turnstile(): () => Promise<void> {
  const waiting: (() => void)[] = [];
  const next = () => {
    waiting.shift()?.();
    if (waiting.length > 0) setImmediate(next);
  };
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 1) setImmediate(next);
    });
}

// ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A document with its keys, in the order of the room's indexes. */
interface Prepared {
  readonly document: Doc;
  readonly keys: readonly Entries[];
}

const prepare = (room: Room, document: Doc): Prepared => ({
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
  changes(): Change[];
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
    changes: () =>
      [...overlays].flatMap(([room, overlay]) =>
        [...overlay].map(([id, after]) => ({ room, id, before: befores.get(room)?.get(id), after })),
      ),
  };
}

interface Waiting {
  readonly run: (turn: Turn) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Writer {
  /** Runs `change` in the line of writers; resolves with its answer when all it wrote is synced. */
  submit<T>(change: (turn: Turn) => T): Promise<T>;
  /** Resolves when the line is empty. */
  idle(): Promise<void>;
  readonly waiting: number;
  readonly failure: string | undefined;
}

function openWriter(files: Files, log: Log): Writer {
  let line: Waiting[] = [];
  let running: Promise<void> | undefined;
  let failure: string | undefined;
  const flagged = new Map<Index, string>();

  function commit(changes: readonly Change[]): Promise<unknown> {
    return files.root.batch(() => {
      // The promise of the batch tells the outcome for all of it.
      const put = <V>(db: Database<V, Buffer>, key: Buffer, value: V) =>
        void db.put(key, value).catch(() => undefined);
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
    while (taken < line.length && taken < MAX_WRITES_A_TURN) {
      const waiting = line[taken];
      taken += 1;
      if (!waiting) continue;
      try {
        done.push({ waiting, value: waiting.run(turn) });
      } catch (error) {
        waiting.reject(
          error instanceof Failure ? error : unavailable(`the store failed: ${messageOf(error)}`, error),
        );
      }
      if (performance.now() - startedAtMs > SLICE_MS) break;
    }
    line = line.slice(taken);
    const changes = turn.changes();
    if (changes.length > 0) {
      const timer = setTimeout(() => {
        failure = `no answer from the disk within ${WRITE_TIMEOUT_MS} ms`;
        for (const { waiting } of done) waiting.reject(unavailable(`${failure}; the write may still happen`));
      }, WRITE_TIMEOUT_MS);
      try {
        await commit(changes);
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
    submit: (change) =>
      new Promise((resolve, reject) => {
        if (line.length >= MAX_WAITING_WRITES) {
          reject(unavailable(`${MAX_WAITING_WRITES} writes are waiting for the disk already`));
          return;
        }
        line.push({ run: change, resolve: resolve as (value: unknown) => void, reject });
        running ??= new Promise<void>((begin) => setImmediate(begin)).then(work);
      }),
    idle: async () => {
      while (running) await running;
    },
    get waiting() {
      return line.length;
    },
    get failure() {
      return failure;
    },
  };
}

// ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const CHUNK_FIRST = 16;
const CHUNK_MOST = 256;

interface Bounds {
  readonly low: Buffer;
  readonly high: Buffer;
  readonly limit: number;
  readonly backward: boolean;
  readonly transaction: Transaction | undefined;
}

/** Up to `limit` entries with low <= key < high, from either end. */
function entriesBetween<V>(db: Database<V, Buffer>, bounds: Bounds): { key: Buffer; value: V }[] {
  const { low, high, limit, backward, transaction } = bounds;
  const within = { limit, ...(transaction ? { transaction } : {}) };
  const first = low.length > 0 ? low : Buffer.alloc(1);
  return Array.from(
    db.getRange(
      backward
        ? { start: high, end: first, reverse: true, exclusiveStart: true, inclusiveEnd: true, ...within }
        : { start: first, end: high, ...within },
    ),
  );
}

/** Roughly how many entries a plan walks over, not counting beyond ESTIMATE_CAP. */
function estimate(room: Room, plan: Plan<IndexShape | Index>, transaction: Transaction | undefined): number {
  const db: Database<unknown, Buffer> = 'db' in plan.index ? plan.index.db : room.db;
  let total = 0;
  for (const { start, end } of plan.ranges) {
    const within = {
      start: start.length > 0 ? start : Buffer.alloc(1),
      end,
      limit: 1,
      ...(transaction ? { transaction } : {}),
    };
    let least = 0;
    for (const probe of ESTIMATE_PROBES) {
      if (Array.from(db.getKeys({ ...within, offset: probe })).length === 0) break;
      least = probe + 1;
    }
    total += least;
    if (total >= ESTIMATE_CAP) return ESTIMATE_CAP;
  }
  return total;
}

/** Documents in the order of a plan's walk, each once, before any filter. */
function* walk(
  room: Room,
  plan: Plan<IndexShape | Index>,
  transaction: Transaction | undefined,
): Generator<Doc> {
  const backward = plan.walk === 'backward';
  const index = 'db' in plan.index ? plan.index : undefined;
  const seen = index?.overArrays ? new Set<string>() : undefined;
  const ranges = backward ? [...plan.ranges].reverse() : plan.ranges;
  for (const { start, end } of ranges) {
    let low = start;
    let high = end;
    let limit = CHUNK_FIRST;
    for (;;) {
      const bounds = { low, high, limit, backward, transaction };
      let last: Buffer | undefined;
      let count = 0;
      if (index)
        for (const { key, value } of entriesBetween(index.db, bounds)) {
          last = key;
          count += 1;
          const id = value.toString('utf8');
          if (seen?.has(id)) continue;
          seen?.add(id);
          const document = room.db.get(idKey(id), transaction ? { transaction } : {});
          if (document) yield document;
        }
      else
        for (const { key, value } of entriesBetween(room.db, bounds)) {
          last = key;
          count += 1;
          yield value;
        }
      if (!last || count < limit) break;
      if (backward) high = last;
      else low = Buffer.concat([last, Buffer.alloc(1)]);
      limit = Math.min(CHUNK_MOST, limit * 2);
    }
  }
}

type AnyPlan = Plan<IndexShape | Index>;

interface Ways {
  /** Reads the fewest documents, as far as can be told; several plans where the branches of an `$or` have one each. */
  readonly narrow: readonly AnyPlan[];
  readonly narrowCount: number;
  /** Yields the wanted order, when some index does. */
  readonly ordered: Plan<IndexShape | Index> | undefined;
}

/** The bounded plan with the fewest candidates; plans that also give the order win a tie. */
function narrowest(
  room: Room,
  plans: readonly AnyPlan[],
  transaction: Transaction | undefined,
): { readonly plan: AnyPlan; readonly count: number } | undefined {
  let best: { readonly plan: AnyPlan; readonly count: number } | undefined;
  for (const plan of plans) {
    if (!plan.bounded) continue;
    const count = estimate(room, plan, transaction);
    if (!best || count < best.count || (count === best.count && plan.walk && !best.plan.walk))
      best = { plan, count };
  }
  return best;
}

/** The `$or`s every match must satisfy, each as its branches. */
const alternativesIn = (filter: Filter): Filter[][] =>
  Object.entries(filter).flatMap(([name, value]) => {
    if (!Array.isArray(value)) return [];
    if (name === '$or') return [value as Filter[]];
    return name === '$and' ? (value as Filter[]).flatMap(alternativesIn) : [];
  });

function waysFor(
  room: Room,
  filter: Filter,
  sort: readonly (readonly [string, 1 | -1])[],
  transaction: Transaction | undefined,
): Ways {
  const plansFor = (part: Filter, order: typeof sort): AnyPlan[] =>
    [room.primary, ...room.indexes].flatMap<AnyPlan>((index) => planFor(index, part, order) ?? []);
  const plans = plansFor(filter, sort);
  const best = narrowest(room, plans, transaction);
  let narrow: readonly AnyPlan[] = best ? [best.plan] : plansFor({}, sort).slice(0, 1);
  let narrowCount = best?.count ?? Number.POSITIVE_INFINITY;
  for (const branches of alternativesIn(filter)) {
    const found = branches.map((branch) => narrowest(room, plansFor(branch, []), transaction));
    const count = found.reduce((sum, each) => sum + (each?.count ?? Number.POSITIVE_INFINITY), 0);
    if (count >= narrowCount || (best?.plan.walk && count + LOOKUP_BUDGET >= narrowCount)) continue;
    narrow = found.flatMap((each) => (each ? [each.plan] : []));
    narrowCount = count;
  }
  const inOrder = sort.length === 0 ? [] : plans.filter((plan) => plan.walk);
  return { narrow, narrowCount, ordered: inOrder.find((plan) => plan.bounded) ?? inOrder[0] };
}

const wholeNumber = (value: number | undefined, name: string): number => {
  if (value === undefined) return 0;
  if (!Number.isInteger(value) || value < 0)
    throw new Failure('invalid_request', `${name} must be a whole number, 0 or more`);
  return value;
};

function* walkAll(
  room: Room,
  plans: readonly AnyPlan[],
  transaction: Transaction | undefined,
): Generator<Doc> {
  const [only, second] = plans;
  if (only && !second) {
    yield* walk(room, only, transaction);
    return;
  }
  const seen = new Set<string>();
  for (const plan of plans)
    for (const document of walk(room, plan, transaction)) {
      if (seen.has(document._id)) continue;
      seen.add(document._id);
      yield document;
    }
}

interface Reader {
  /** Hands every match to `take`, in the wanted order where `limit` and `sort` are given, until it answers false. */
  find(room: Room, query: Query): Promise<Doc[]>;
  each(room: Room, filter: Filter, take: (document: Doc) => void): Promise<void>;
  /** Looks for a match among few candidates at once; 'many' when there are too many to do so. */
  lookUp(
    room: Room,
    filter: Filter,
    matches: (document: Doc) => boolean,
    skip: (id: string) => boolean,
  ): Doc | undefined | 'many';
  idle(): Promise<void>;
  /** Ends every scan with `store_unavailable` at its next slice. */
  stop(): void;
}

function openReader(files: Files): Reader {
  const pause = turnstile();
  let active = 0;
  let stopped = false;
  let wakeIdle: (() => void) | undefined;

  async function withSnapshot<T>(task: (transaction: Transaction) => Promise<T>): Promise<T> {
    // biome-ignore lint/correctness/useHookAtTopLevel: a database's snapshot, not a hook
    const transaction = files.root.useReadTransaction();
    active += 1;
    try {
      return await task(transaction);
    } finally {
      transaction.done();
      active -= 1;
      if (active === 0) wakeIdle?.();
    }
  }

  /** Steps through documents in slices of time; answers false when `budget` documents were not enough. */
  async function step(
    documents: Generator<Doc>,
    budget: number,
    take: (document: Doc) => boolean,
  ): Promise<boolean> {
    let sliceEndMs = performance.now() + SLICE_MS;
    let left = budget;
    for (const document of documents) {
      if (left === 0) return false;
      left -= 1;
      if (!take(document)) return true;
      if (performance.now() > sliceEndMs) {
        await pause();
        if (stopped) throw unavailable('the store was closed while it was read');
        sliceEndMs = performance.now() + SLICE_MS;
      }
    }
    return true;
  }

  return {
    async find(room, query) {
      const filter = query.filter ?? {};
      const matches = compileFilter(filter);
      const sort = parseSort(query.sort ?? {});
      const skip = wholeNumber(query.skip, 'skip');
      // As in MongoDB, a limit of 0 is none.
      const limit = wholeNumber(query.limit, 'limit') || Number.POSITIVE_INFINITY;
      const wanted = skip + limit;
      return withSnapshot(async (transaction) => {
        const { narrow, narrowCount, ordered } = waysFor(room, filter, sort, transaction);
        const inOrder = async (plans: readonly AnyPlan[], budget: number): Promise<Doc[] | undefined> => {
          const found: Doc[] = [];
          let passed = 0;
          const finished = await step(walkAll(room, plans, transaction), budget, (document) => {
            if (!matches(document)) return true;
            passed += 1;
            if (passed > skip) found.push(document);
            return passed < wanted;
          });
          return finished ? found : undefined;
        };
        const [first, second] = narrow;
        if (sort.length === 0 || (first?.walk && !second))
          return (await inOrder(narrow, Number.POSITIVE_INFINITY)) ?? [];
        if (ordered && narrowCount > wanted) {
          const budget =
            narrowCount < ESTIMATE_CAP
              ? narrowCount
              : Number.isFinite(narrowCount)
                ? WALK_BUDGET
                : narrowCount;
          const found = await inOrder([ordered], budget);
          if (found) return found;
        }
        const collector = sortedCollector(sort, wanted);
        await step(walkAll(room, narrow, transaction), Number.POSITIVE_INFINITY, (document) => {
          if (matches(document)) collector.add(document);
          return true;
        });
        return collector.take().slice(skip);
      });
    },
    async each(room, filter, take) {
      const matches = compileFilter(filter);
      await withSnapshot(async (transaction) => {
        const { narrow } = waysFor(room, filter, [], transaction);
        await step(walkAll(room, narrow, transaction), Number.POSITIVE_INFINITY, (document) => {
          if (matches(document)) take(document);
          return true;
        });
      });
    },
    lookUp(room, filter, matches, skip) {
      const { narrow, narrowCount } = waysFor(room, filter, [], undefined);
      if (narrowCount > LOOKUP_BUDGET) return 'many';
      for (const document of walkAll(room, narrow, undefined))
        if (!skip(document._id) && matches(document)) return document;
      return undefined;
    },
    idle: () =>
      active === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            wakeIdle = resolve;
          }),
    stop: () => {
      stopped = true;
    },
  };
}

// ── The store ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** About what a value takes in BSON, whose limit is the one kept. */
function roughBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value) + 5;
  if (value instanceof Uint8Array) return value.length + 5;
  if (typeof value !== 'object' || value === null || value instanceof Date) return 8;
  return Object.entries(value).reduce((sum, [name, inner]) => sum + name.length + 2 + roughBytes(inner), 5);
}

function checked(document: unknown): Doc {
  const copy = storable(document) as Doc;
  const id: unknown = copy?._id;
  if (typeof id !== 'string') throw new Failure('invalid_request', 'a document needs an _id, a string');
  if (Buffer.byteLength(id) > MAX_ID_BYTES)
    throw new Failure('invalid_request', `an _id may have at most ${MAX_ID_BYTES} bytes`);
  if (roughBytes(copy) > MAX_DOCUMENT_BYTES)
    throw new Failure('payload_too_large', `a document may have at most ${MAX_DOCUMENT_BYTES} bytes`);
  return copy;
}

const RETRY = Symbol('look outside the turn, then try again');

/**
 * Opens the store in `dir` (made when missing) and builds indexes that are new. Throws Failure `store_unavailable` when
 * another process has it open, the directory cannot be written or the file is damaged; `config_invalid` when stored
 * documents stand in the way of a new unique index.
 */
export async function openLocalStore({ dir, log }: { dir: string; log: Log }): Promise<Store> {
  let release: () => void;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    release = lockDirectory(dir);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw unavailable(`the data directory ${dir} cannot be written: ${messageOf(error)}`, error);
  }
  let files: Files;
  try {
    files = await openFiles(dir, log);
  } catch (error) {
    release();
    if (error instanceof Failure) throw error;
    throw unavailable(`the database in ${dir} cannot be opened: ${messageOf(error)}`, error);
  }
  const writer = openWriter(files, log);
  const reader = openReader(files);
  let closing: Promise<void> | undefined;

  const roomOf = (name: CollectionName): Room => {
    const room = files.rooms.get(name);
    if (!room) throw new Failure('internal', `there is no collection ${name}`);
    return room;
  };

  /** Runs one call of the port; after close, and for anything LMDB throws, it fails with `store_unavailable`. */
  async function call<T>(task: () => Promise<T> | T): Promise<T> {
    if (closing) throw unavailable('the store is closed');
    try {
      return await task();
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw unavailable(`the store failed: ${messageOf(error)}`, error);
    }
  }

  /** Atomically changes the first match by `change`; `undefined` from it deletes. Answers what it made of it. */
  async function modify(
    room: Room,
    filter: Filter,
    change: (document: Doc) => Doc,
  ): Promise<Doc | undefined> {
    const matches = compileFilter(filter);
    let candidate: string | undefined;
    for (let attempt = 0; attempt < UPDATE_ATTEMPTS; attempt += 1) {
      const result = await writer.submit((turn) => {
        let found = candidate === undefined ? undefined : turn.read(room, candidate);
        if (!found || !matches(found)) {
          const touched = turn.touched(room);
          for (const written of touched.values())
            if (written && matches(written.document)) {
              found = written.document;
              break;
            }
          if (!found) {
            const looked = reader.lookUp(room, filter, matches, (id) => touched.has(id));
            if (looked === 'many') return RETRY;
            found = looked;
          }
        }
        if (!found) return undefined;
        // The turn keeps the document as it was until the update proves good.
        const updated = checked(change(storable(found) as Doc));
        turn.write(room, prepare(room, updated));
        return updated;
      });
      if (result !== RETRY) return result && (storable(result) as Doc);
      const [first] = await reader.find(room, { filter, limit: 1 });
      if (!first) return undefined;
      candidate = first._id;
    }
    throw unavailable('too many writers change the same documents; try again');
  }

  function collection<N extends CollectionName>(name: N): Collection<Documents[N]> {
    const room = roomOf(name);
    const typed = (document: Doc): Documents[N] => document as unknown as Documents[N];
    return {
      get: (id) =>
        call(() => {
          const document = typeof id === 'string' ? room.db.get(idKey(id)) : undefined;
          return document && typed(document);
        }),
      find: (query) => call(async () => (await reader.find(room, query)).map(typed)),
      count: (filter) =>
        call(async () => {
          if (Object.keys(filter).length === 0)
            return (room.db.getStats() as { entryCount: number }).entryCount;
          let count = 0;
          await reader.each(room, filter, () => {
            count += 1;
          });
          return count;
        }),
      aggregate: (pipeline) =>
        call(async () => {
          const plan = compilePipeline(pipeline);
          if (plan.sort)
            return plan.finish(
              await reader.find(room, {
                filter: plan.filter,
                sort: plan.sort,
                ...(plan.limit === undefined ? {} : { limit: plan.limit }),
              }),
            );
          const documents: Doc[] = [];
          await reader.each(room, plan.filter, (document) => documents.push(plan.prune(document)));
          return plan.finish(documents);
        }),
      insert: (document) =>
        call(async () => {
          const prepared = prepare(room, checked(document));
          const id = prepared.document._id;
          await writer.submit((turn) => {
            if (turn.read(room, id) !== undefined)
              throw new Failure('duplicate_key', `there is a document ${id} in ${name} already`, {
                details: { collection: name, keys: ['_id'] },
              });
            turn.write(room, prepared);
          });
        }),
      put: (document) =>
        call(async () => {
          const prepared = prepare(room, checked(document));
          await writer.submit((turn) => turn.write(room, prepared));
        }),
      update: (filter, update: Update) =>
        call(async () => {
          const apply = compileUpdate(filter, update);
          const updated = await modify(room, filter, apply);
          return updated && typed(updated);
        }),
      remove: (filter) =>
        call(async () => {
          const matches = compileFilter(filter);
          const ids: string[] = [];
          await reader.each(room, filter, (document) => ids.push(document._id));
          let removed = 0;
          for (let at = 0; at < ids.length; at += REMOVE_CHUNK)
            removed += await writer.submit((turn) => {
              let count = 0;
              for (const id of ids.slice(at, at + REMOVE_CHUNK)) {
                const document = turn.read(room, id);
                if (!document || !matches(document)) continue;
                turn.remove(room, id);
                count += 1;
              }
              return count;
            });
          return removed;
        }),
    };
  }

  const events = roomOf('call_events');
  const positionOf = (keys: string): number => {
    const position = events.indexes.findIndex((index) => Object.keys(index.spec.keys).join() === keys);
    if (position < 0) throw new Failure('internal', `call_events has no index ${keys}`);
    return position;
  };
  const byEventId = positionOf('eventId');
  const bySeq = positionOf('callId,seq');

  return {
    collection,
    append: (event: CallEvent) =>
      call(async () => {
        const prepared = prepare(events, checked(event));
        return writer.submit((turn) => {
          if (turn.owner(events, byEventId, prepared) !== undefined) return 'duplicate' as const;
          if (turn.owner(events, bySeq, prepared) !== undefined) return 'conflict' as const;
          if (turn.read(events, prepared.document._id) !== undefined)
            throw new Failure('duplicate_key', 'there is another event with this _id', {
              details: { collection: 'call_events', keys: ['_id'] },
            });
          turn.write(events, prepared);
          return 'appended' as const;
        });
      }),
    events: (callId) =>
      call(
        async () =>
          (await reader.find(events, { filter: { callId }, sort: { seq: 1 } })) as unknown as CallEvent[],
      ),
    health: async () => {
      if (closing) return { kind: 'local', ok: false, detail: 'closed' };
      if (writer.failure) return { kind: 'local', ok: false, detail: writer.failure };
      const { mapSize } = files.root.getStats() as { mapSize: number };
      return {
        kind: 'local',
        ok: true,
        detail: `${dir}, ${Math.ceil(mapSize / 1e6)} MB, ${writer.waiting} writes waiting`,
      };
    },
    close: () => {
      closing ??= (async () => {
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
        });
        await Promise.race([Promise.all([writer.idle(), reader.idle()]), late]);
        clearTimeout(timer);
        reader.stop();
        await reader.idle();
        await files.root.close();
        release();
      })();
      return closing;
    },
  };
}

/**
 * adapters/store/local/reader: finds documents, by the index that promises the least reading, in one snapshot, in slices of
 * a few milliseconds: a scan of a large collection holds up no audio.
 */
import type { Database, RootDatabase, Transaction } from 'lmdb';
import type { Filter, Query } from '../../../app/ports.ts';
import { Failure } from '../../../domain/errors.ts';
import { compileFilter, type Doc, parseSort, sortedCollector } from '../language.ts';
import { unavailable } from './data-file.ts';
import { type Files, type Index, idKey, type Room } from './files.ts';
import type { IndexShape } from './indexes.ts';
import { isWhole, type Plan, planFor } from './plan.ts';

/** Longest time one slice of reading holds the event loop. */
const SLICE_MS = 3;
/** An estimate need not be finer than this to choose between two ways of reading. */
const ESTIMATE_CAP = 2000;
const ESTIMATE_PROBES = [0, 7, 31, 199, ESTIMATE_CAP - 1];
/** Of many ranges (the values of an `$in`) so many are looked at, evenly; the others are taken to be as these. */
const ESTIMATE_RANGES = 16;
/** A walk in order may look at so many documents before the way with the fewest candidates is taken instead. */
const WALK_BUDGET = 5 * ESTIMATE_CAP;
/** An update looks for its document inside its turn only where so few candidates are to be read. */
const LOOKUP_BUDGET = 200;
/** Index entries fetched at once: few for the first documents, more for a long walk. */
const CHUNK_FIRST = 16;
const CHUNK_MOST = 256;

type AnyPlan = Plan<IndexShape | Index>;

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
function estimate(room: Room, plan: AnyPlan, transaction: Transaction | undefined): number {
  const db: Database<unknown, Buffer> = 'db' in plan.index ? plan.index.db : room.db;
  const { ranges } = plan;
  const every = Math.max(1, ranges.length / ESTIMATE_RANGES);
  let total = 0;
  for (let at = 0; at < ranges.length; at += every) {
    const { start, end } = ranges[Math.floor(at)] ?? { start: Buffer.alloc(0), end: Buffer.alloc(0) };
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
    total += least * every;
    if (total >= ESTIMATE_CAP) return ESTIMATE_CAP;
  }
  return total;
}

/** Numbers that add up to how many entries the ranges of a plan have. */
function* tally(plan: AnyPlan, db: Database<unknown, Buffer>, transaction: Transaction): Generator<number> {
  for (const { start, end } of plan.ranges) {
    let low = start.length > 0 ? start : Buffer.alloc(1);
    for (;;) {
      const keys = Array.from(db.getKeys({ start: low, end, limit: CHUNK_MOST, transaction }));
      yield keys.length;
      const last = keys.at(-1);
      if (!last || keys.length < CHUNK_MOST) break;
      low = Buffer.concat([last, Buffer.alloc(1)]);
    }
  }
}

/** Documents in the order of a plan's walk, each once, before any filter. */
function* walk(room: Room, plan: AnyPlan, transaction: Transaction | undefined): Generator<Doc> {
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
          if (!document)
            throw unavailable(
              `index ${index.name} of ${room.name} names ${id}, which is not there: the file is damaged; restore a backup`,
            );
          yield document;
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

/** One document of each walk after the other; the first walk that ends is the last that is told, with no document. */
function* inTurn(
  walks: readonly Generator<Doc>[],
): Generator<{ readonly by: number; readonly document: Doc | undefined }> {
  for (;;)
    for (const [by, walk] of walks.entries()) {
      const next = walk.next();
      yield { by, document: next.done ? undefined : next.value };
    }
}

interface Ways {
  /** Reads the fewest documents, as far as can be told; several plans where the branches of an `$or` have one each. */
  readonly narrow: readonly AnyPlan[];
  readonly narrowCount: number;
  /** Those that yield the wanted order; where several leave out documents, nobody knows which comes to an end first. */
  readonly ordered: readonly AnyPlan[];
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
  const exact = plans.find((plan) => plan.exact && plan.ranges.length === 1 && plan.walk);
  if (exact) return { narrow: [exact], narrowCount: 0, ordered: [exact] };
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
  const bounded = inOrder.filter((plan) => plan.bounded);
  return { narrow, narrowCount, ordered: bounded.length > 0 ? bounded : inOrder.slice(0, 1) };
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
  /** Throws Failure `invalid_request` for a bad filter, sort, skip or limit. */
  find(room: Room, query: Query): Promise<Doc[]>;
  /** How many there are; where an index says it no document is read. */
  count(room: Room, filter: Filter): Promise<number>;
  /** Hands over every match, in no order. */
  each(room: Room, filter: Filter, take: (document: Doc) => void): Promise<void>;
  /** Looks for a match among few candidates at once; 'many' when there are too many to do so. */
  lookUp(
    room: Room,
    filter: Filter,
    matches: (document: Doc) => boolean,
    skip: (id: string) => boolean,
  ): Doc | undefined | 'many';
  /** Resolves when none of the scans that are under way reads in this file any more. */
  left(root: RootDatabase<unknown, Buffer>): Promise<void>;
  /** Ends every scan with `store_unavailable` at its next slice. */
  stop(): void;
}

export function openReader(files: Files): Reader {
  const pause = turnstile();
  const scans = new Set<{ readonly root: RootDatabase<unknown, Buffer>; readonly over: Promise<void> }>();
  let stopped = false;

  /** A scan sees the file, and the room in it, as they are when it begins. */
  async function withSnapshot<T>(
    room: Room,
    task: (room: Room, transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    if (stopped) throw unavailable('the store is closed');
    const { root } = files.file;
    // biome-ignore lint/correctness/useHookAtTopLevel: a database's snapshot, not a hook
    const transaction = root.useReadTransaction();
    let end = (): void => undefined;
    const scan = { root, over: new Promise<void>((resolve) => (end = resolve)) };
    scans.add(scan);
    try {
      const asItIs = { ...room, indexes: room.indexes.map((index) => ({ ...index })) };
      return await task(asItIs, transaction);
    } finally {
      transaction.done();
      scans.delete(scan);
      end();
    }
  }

  /** Steps through documents in slices of time; answers false when `budget` documents were not enough. */
  async function step<T>(
    documents: Generator<T>,
    budget: number,
    take: (document: T) => boolean,
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
    async find(asked, query) {
      const filter = query.filter ?? {};
      const matches = compileFilter(filter);
      const sort = parseSort(query.sort ?? {});
      const skip = wholeNumber(query.skip, 'skip');
      // As in MongoDB, a limit of 0 is none.
      const limit = wholeNumber(query.limit, 'limit') || Number.POSITIVE_INFINITY;
      const wanted = skip + limit;
      return withSnapshot(asked, async (room, transaction) => {
        const { narrow, narrowCount, ordered } = waysFor(room, filter, sort, transaction);
        /** By the walk that has them first; undefined when `budget` documents of each were not enough. */
        const inOrder = async (
          walks: readonly Generator<Doc>[],
          budget: number,
        ): Promise<Doc[] | undefined> => {
          const taken = walks.map(() => ({ found: [] as Doc[], passed: 0 }));
          let answer: Doc[] | undefined;
          await step(inTurn(walks), budget * walks.length, ({ by, document }) => {
            const own = taken[by];
            if (!own) return false;
            if (document && matches(document)) {
              own.passed += 1;
              if (own.passed > skip) own.found.push(document);
            }
            if (document && own.passed < wanted) return true;
            answer = own.found;
            return false;
          });
          return answer;
        };
        const endless = Number.POSITIVE_INFINITY;
        const [first, second] = narrow;
        if (sort.length === 0) return (await inOrder([walkAll(room, narrow, transaction)], endless)) ?? [];
        const isSure = narrowCount < ESTIMATE_CAP || ordered.length < 2;
        if (first?.walk && !second && isSure)
          return (await inOrder([walk(room, first, transaction)], endless)) ?? [];
        if (ordered.length > 0 && narrowCount > wanted) {
          const budget =
            narrowCount < ESTIMATE_CAP
              ? narrowCount
              : Number.isFinite(narrowCount) && !first?.walk
                ? WALK_BUDGET
                : endless;
          const found = await inOrder(
            ordered.map((plan) => walk(room, plan, transaction)),
            budget,
          );
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
    async count(asked, filter) {
      const matches = compileFilter(filter);
      return await withSnapshot(asked, async (room, transaction) => {
        const { narrow } = waysFor(room, filter, [], transaction);
        const [only, second] = narrow;
        let count = 0;
        if (only && !second && isWhole(only, filter)) {
          const db = 'db' in only.index ? only.index.db : room.db;
          await step(tally(only, db, transaction), Number.POSITIVE_INFINITY, (some) => {
            count += some;
            return true;
          });
        } else
          await step(walkAll(room, narrow, transaction), Number.POSITIVE_INFINITY, (document) => {
            if (matches(document)) count += 1;
            return true;
          });
        return count;
      });
    },
    async each(asked, filter, take) {
      const matches = compileFilter(filter);
      await withSnapshot(asked, async (room, transaction) => {
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
    async left(root) {
      await Promise.all([...scans].filter((scan) => scan.root === root).map(({ over }) => over));
    },
    stop: () => {
      stopped = true;
    },
  };
}

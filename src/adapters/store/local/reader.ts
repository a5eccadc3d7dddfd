/**
 * adapters/store/local/reader: finds documents, by the index that promises the least reading, in one snapshot, in slices of
 * a few milliseconds: a scan of a large collection holds up no audio.
 */
import type { Database, RootDatabase, Transaction } from 'lmdb';
import type { Filter, Query } from '../../../app/ports.ts';
import { Failure } from '../../../domain/errors.ts';
import { compileFilter, type Doc, parseSort, sortedCollector } from '../language.ts';
import { type Binary, unavailable } from './data-file.ts';
import type { Files, Index, Room } from './files.ts';
import type { IndexShape } from './indexes.ts';
import { CHUNK_FIRST, CHUNK_MOST, documentOf, entriesBetween, meet, next } from './meet.ts';
import { behindFixed, isWhole, type Plan, planFor } from './plan.ts';

/** Longest time one slice of reading holds the event loop. */
const SLICE_MS = 3;
/** An estimate need not be finer than this to choose between two ways of reading. */
const ESTIMATE_CAP = 2000;
const ESTIMATE_PROBES = [0, 7, 31, 199, ESTIMATE_CAP - 1];
/** Of many ranges (the values of an `$in`) so many are looked at, evenly; the others are taken to be as these. */
const ESTIMATE_RANGES = 16;
/** A walk in order may look at so many documents before another way is taken. */
const TRY_BUDGET = ESTIMATE_CAP / 2;
const WALK_BUDGET = 5 * ESTIMATE_CAP;
/** So few candidates are read at once, whatever order they are in; an update looks for its document among no more. */
const LOOKUP_BUDGET = 200;
/** Of so many ids at most it is remembered that a document is among them. */
const SIEVE_MOST = 50_000;
/** A document takes as long to read as so many entries of an index. */
const ENTRIES_A_DOCUMENT = 12;

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

/** Roughly how many entries a plan walks over, not counting beyond the last of the probes. */
function estimate(
  room: Room,
  plan: AnyPlan,
  transaction: Transaction | undefined,
  probes = ESTIMATE_PROBES,
): number {
  const cap = (probes.at(-1) ?? 0) + 1;
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
    for (const probe of probes) {
      if (Array.from(db.getKeys({ ...within, offset: probe })).length === 0) break;
      least = probe + 1;
    }
    total += least * every;
    if (total >= cap) return cap;
  }
  return total;
}

/** Numbers that add up to how many entries the ranges of a plan have. */
function* tally(plan: AnyPlan, db: Binary, transaction: Transaction): Generator<number> {
  for (const { start, end } of plan.ranges) {
    let low = start.length > 0 ? start : Buffer.alloc(1);
    for (;;) {
      const keys = Array.from(db.getKeys({ start: low, end, limit: CHUNK_MOST, transaction }));
      yield keys.length;
      const last = keys.at(-1);
      if (!last || keys.length < CHUNK_MOST) break;
      low = next(last);
    }
  }
}

/** All entries in the ranges of a plan, some at a time. */
function* entriesIn(plan: AnyPlan, db: Binary, transaction: Transaction) {
  for (const { start, end } of plan.ranges)
    for (let low = start; ; ) {
      const entries = entriesBetween(db, {
        low,
        high: end,
        limit: CHUNK_MOST,
        backward: false,
        transaction,
      });
      yield entries;
      const last = entries.at(-1);
      if (!last || entries.length < CHUNK_MOST) break;
      low = next(last.key);
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
          yield documentOf(room, id, transaction);
        }
      else
        for (const { key, value } of entriesBetween(room.db, bounds)) {
          last = key;
          count += 1;
          yield value;
        }
      if (!last || count < limit) break;
      if (backward) high = last;
      else low = next(last);
      limit = Math.min(CHUNK_MOST, limit * 2);
    }
  }
}

interface Ways {
  /** Reads the fewest documents, as far as can be told; several plans where the branches of an `$or` have one each. */
  readonly narrow: readonly AnyPlan[];
  readonly narrowCount: number;
  /** Those that yield the wanted order; where there are several, what stands in all of them. */
  readonly ordered: readonly AnyPlan[];
  /** Those that leave out something and yield another order. */
  readonly others: readonly Plan<Index>[];
}

const hasIndex = (plan: AnyPlan): plan is Plan<Index> => 'db' in plan.index;

/** Of plans that yield the order, those that lead through it as the best one does, or else as most do. */
function alike(plans: readonly AnyPlan[], best: AnyPlan | undefined): readonly AnyPlan[] {
  const leaders = best?.walk ? [best] : plans;
  const most = leaders
    .map((leader) => {
      const same = behindFixed(leader);
      return plans.filter((plan) => plan.fixed.length > 0 && behindFixed(plan) === same);
    })
    .reduce((some, others) => (others.length > some.length ? others : some), []);
  return most.length > 0 ? most : leaders.slice(0, 1);
}

interface Measured<P extends AnyPlan = AnyPlan> {
  readonly plan: P;
  readonly count: number;
}

/** The bounded plan with the fewest candidates; plans that also give the order win a tie. */
function narrowest<P extends AnyPlan>(plans: readonly Measured<P>[]): Measured<P> | undefined {
  return plans.reduce<Measured<P> | undefined>(
    (best, each) =>
      !best || each.count < best.count || (each.count === best.count && each.plan.walk && !best.plan.walk)
        ? each
        : best,
    undefined,
  );
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
  const all = [room.primary, ...room.indexes];
  const plansFor = (part: Filter, order: typeof sort): AnyPlan[] =>
    all.flatMap<AnyPlan>((index) => planFor(index, part, order) ?? []);
  const plans: AnyPlan[] = [];
  for (const index of all) {
    const plan = planFor(index, filter, sort);
    // Nothing reads less, so the others need not be looked at.
    if (plan?.exact && plan.walk && (plan.ranges.length === 1 || isByUnique(plan)))
      return { narrow: [plan], narrowCount: 0, ordered: [plan], others: [] };
    if (plan) plans.push(plan);
  }
  const measured = (some: readonly AnyPlan[]): Measured[] =>
    some.filter(({ bounded }) => bounded).map((plan) => ({ plan, count: estimate(room, plan, transaction) }));
  const bounded = measured(plans);
  const best = narrowest(bounded);
  let narrow: readonly AnyPlan[] = best ? [best.plan] : plansFor({}, sort).slice(0, 1);
  let narrowCount = best?.count ?? Number.POSITIVE_INFINITY;
  for (const branches of alternativesIn(filter)) {
    const found = branches.map((branch) => narrowest(measured(plansFor(branch, []))));
    const count = found.reduce((sum, each) => sum + (each?.count ?? Number.POSITIVE_INFINITY), 0);
    if (count >= narrowCount || (best?.plan.walk && count + LOOKUP_BUDGET >= narrowCount)) continue;
    narrow = found.flatMap((each) => (each ? [each.plan] : []));
    narrowCount = count;
  }
  if (sort.length === 0) return { narrow, narrowCount, ordered: [], others: [] };
  const inOrder = bounded.map(({ plan }) => plan).filter((plan) => plan.walk);
  return {
    narrow,
    narrowCount,
    ordered: inOrder.length > 0 ? alike(inOrder, best?.plan) : plans.filter((plan) => plan.walk).slice(0, 1),
    others: bounded.flatMap(({ plan }) =>
      !plan.walk && hasIndex(plan) && !inOrder.some((walked) => saysAsMuch(walked, plan)) ? [plan] : [],
    ),
  };
}

/** Whether every range of an exact plan holds one document at most: some values of the last field of what is unique. */
const isByUnique = ({ index, fixedParts }: AnyPlan): boolean =>
  index.unique && fixedParts >= index.parts.length - 1;

/** Whether what bounds `other` is the same beginning of a key that bounds `plan`: then it leaves out nothing more. */
const saysAsMuch = (plan: AnyPlan, other: AnyPlan): boolean =>
  other.index.parts[0]?.[0] === plan.index.parts[0]?.[0] &&
  other.fixed.equals(plan.fixed) &&
  other.ranges.length === 1 &&
  other.ranges.every(({ start }) => start.equals(other.fixed));

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

function* documentsOf(room: Room, ids: ReadonlySet<string>, transaction: Transaction): Generator<Doc> {
  for (const id of ids) yield documentOf(room, id, transaction);
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

  /** Steps through documents in slices of time until `take` has enough; answers false when it had before the end. */
  async function step<T>(documents: Iterable<T>, take: (document: T) => boolean): Promise<boolean> {
    let sliceEndMs = performance.now() + SLICE_MS;
    for (const document of documents) {
      if (!take(document)) return false;
      if (performance.now() > sliceEndMs) {
        await pause();
        if (stopped) throw unavailable('the store was closed while it was read');
        sliceEndMs = performance.now() + SLICE_MS;
      }
    }
    return true;
  }

  /** The ids that stand in the ranges of all the plans that have few enough to remember; undefined when none has. */
  async function idsInAll(
    room: Room,
    plans: readonly Plan<Index>[],
    transaction: Transaction,
  ): Promise<ReadonlySet<string> | undefined> {
    let among: Set<string> | undefined;
    for (const plan of plans) {
      if (estimate(room, plan, transaction, [SIEVE_MOST]) > SIEVE_MOST) continue;
      const before = among;
      const ids = new Set<string>();
      await step(entriesIn(plan, plan.index.db, transaction), (entries) => {
        for (const { value } of entries) {
          const id = value.toString('utf8');
          if (before?.has(id) ?? true) ids.add(id);
        }
        return true;
      });
      among = ids;
    }
    return among;
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
        const { narrow, narrowCount, ordered, others } = waysFor(room, filter, sort, transaction);
        /** The matches of a walk in order; undefined when so many documents or readings were not enough. */
        const inOrder = async (
          documents: Generator<Doc | undefined>,
          budget: number,
        ): Promise<Doc[] | undefined> => {
          const found: Doc[] = [];
          let passed = 0;
          let looked = 0;
          const isWhole = await step(documents, (document) => {
            looked += 1;
            if (document && matches(document)) {
              passed += 1;
              if (passed > skip) found.push(document);
            }
            return passed < wanted && looked < budget;
          });
          return isWhole || passed >= wanted ? found : undefined;
        };
        const sorted = async (documents: Iterable<Doc>): Promise<Doc[]> => {
          const collector = sortedCollector(sort, wanted);
          await step(documents, (document) => {
            if (matches(document)) collector.add(document);
            return true;
          });
          return collector.take().slice(skip);
        };
        const endless = Number.POSITIVE_INFINITY;
        const [first, second] = narrow;
        if (sort.length === 0) return (await inOrder(walkAll(room, narrow, transaction), endless)) ?? [];
        const isOrdered = first?.walk !== undefined && !second;
        const together = ordered.filter(hasIndex);
        const isAlone = together.length < 2 && others.length === 0;
        if (first && isOrdered && narrowCount <= LOOKUP_BUDGET)
          return (await inOrder(walk(room, first, transaction), endless)) ?? [];
        // Beside the narrowest there may be one that is as narrow and says more.
        if (isOrdered && isAlone) return (await inOrder(walkAll(room, ordered, transaction), endless)) ?? [];
        if (ordered.length > 0 && (isOrdered || narrowCount > Math.max(LOOKUP_BUDGET, wanted))) {
          const inAll = (among?: ReadonlySet<string>): Generator<Doc | undefined> =>
            together.length > 0
              ? meet(room, together, transaction, among)
              : walkAll(room, ordered, transaction);
          const isOnly = isOrdered ? others.length === 0 : !Number.isFinite(narrowCount);
          const soon = await inOrder(inAll(), isOnly ? endless : Math.min(narrowCount, TRY_BUDGET));
          if (soon) return soon;
          if (isOrdered || narrowCount >= ESTIMATE_CAP) {
            const among = await idsInAll(room, others, transaction);
            if (among && among.size <= TRY_BUDGET) return await sorted(documentsOf(room, among, transaction));
            const budget = among
              ? LOOKUP_BUDGET + (among.size * ENTRIES_A_DOCUMENT) / CHUNK_MOST
              : WALK_BUDGET;
            const later = await inOrder(inAll(among), isOrdered ? endless : budget);
            if (later) return later;
          }
        }
        return await sorted(walkAll(room, narrow, transaction));
      });
    },
    async count(asked, filter) {
      const matches = compileFilter(filter);
      return await withSnapshot(asked, async (room, transaction) => {
        const { narrow } = waysFor(room, filter, [], transaction);
        const [only, second] = narrow;
        let count = 0;
        if (only && !second && isWhole(only, filter)) {
          await step(tally(only, hasIndex(only) ? only.index.db : room.raw, transaction), (some) => {
            count += some;
            return true;
          });
        } else
          await step(walkAll(room, narrow, transaction), (document) => {
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
        await step(walkAll(room, narrow, transaction), (document) => {
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

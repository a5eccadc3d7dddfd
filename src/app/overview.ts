/**
 * app/overview: what a stretch of time came to, beside the one before it, and by hours or days. The calls of an hour that is
 * over are counted once and the figures kept; they are counted again when one of those calls changes, whichever process it
 * was. What is still open is counted whenever somebody asks.
 */
import type { CallOutcome, CallStatus } from '../domain/call.ts';
import {
  type CallFigures,
  type CallGroup,
  daysBetween,
  figuresOf,
  HOUR_MS,
  hourName,
  hourNamed,
  hourOf,
  MOOD_EDGE,
  NO_FIGURES,
  plus,
} from '../domain/call-figures.ts';
import type { Reason } from '../domain/compliance/decision.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import type { Clock, Log, Store } from './ports.ts';
import type { EventLog } from './record-event.ts';
import { slices } from './slices.ts';

export interface OverviewQuery {
  readonly from: Date;
  /** Now, where it is later. */
  readonly to: Date;
  /** The first moment of as long a stretch to compare with; default: the one directly before. */
  readonly before?: Date;
  /** Whose days are meant. */
  readonly zone: string;
}

export interface Period {
  readonly from: Date;
  readonly to: Date;
  readonly calls: CallFigures;
  /** Received. */
  readonly leads: number;
  /** Numbers that people told us not to call, by whatever way. */
  readonly optOuts: number;
}

interface Step {
  readonly from: Date;
  readonly calls: CallFigures;
}

export interface Overview {
  readonly computedAt: Date;
  /** False: some hours are being counted at this moment, and are missing. */
  readonly complete: boolean;
  readonly now: Period;
  readonly before: Period;
  readonly step: 'hour' | 'day';
  readonly steps: readonly Step[];
}

export interface Daily {
  readonly computedAt: Date;
  readonly complete: boolean;
  readonly days: readonly Step[];
}

export interface OverviewDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Pick<EventLog, 'watch'>;
  readonly shutdown: AbortSignal;
}

const DAY_MS = 24 * HOUR_MS;
/** A leap year, and the hour that the end of summer time adds. */
const LONGEST_MS = 366 * DAY_MS + HOUR_MS;
/** Up to so long it is told by hours. */
const BY_HOURS_MS = 2 * DAY_MS + HOUR_MS;
/** Most calls change for the last time within so long of the end of their hour. */
const SETTLED_MS = 15 * 60_000;
/** A process that died, or a journal that was behind, may have changed calls of so long ago unseen. */
const UNSEEN_MS = 2 * DAY_MS;
const TOUCHED_MS = 1_000;
/** Whoever asks waits so long for hours that were never counted. */
const PATIENCE_MS = 1_200;
/** Whoever asks the same again within it gets the same answer. */
const KEPT_MS = 5_000;
const MOST_KEPT = 100;
/** Hours counted in one reading. */
const AT_ONCE = 24;

const one = (condition: unknown) => ({ $cond: [condition, 1, 0] });
const MOOD = { $ifNull: ['$sentiment.overall', null] };
const isKnown = { $ne: [MOOD, null] };

type Row = Readonly<Record<string, unknown>>;
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);

const groupOf = (id: Row, row: Row): CallGroup => ({
  direction: id.direction === 'inbound' ? 'inbound' : 'outbound',
  status: id.status as CallStatus,
  ...(typeof id.outcome === 'string' ? { outcome: id.outcome as CallOutcome } : {}),
  reasons: Array.isArray(id.reasons) ? (id.reasons as Reason[]) : [],
  calls: numberOf(row.calls),
  talkSec: numberOf(row.talkSec),
  cost: numberOf(row.cost),
  mood: {
    sum: numberOf(row.mood),
    calls: numberOf(row.felt),
    good: numberOf(row.good),
    bad: numberOf(row.bad),
  },
});

export function createOverview({ store, clock, log, events, shutdown }: OverviewDeps) {
  const calls = store.collection('calls');
  const hours = store.collection('call_hours');
  /** Hours of calls that changed, whose kept figures do not hold any more. */
  const touched = new Set<string>();
  const lately = new Map<string, { readonly made: Promise<unknown>; readonly atMs: number }>();
  let isForgetting: Promise<void> | undefined;
  let lettingGo = Promise.resolve();

  const isUp = (): boolean => (store.outage?.state ?? 'up') === 'up';
  const isSettled = (hourMs: number): boolean => hourMs + HOUR_MS + SETTLED_MS <= clock.nowMs();

  // ── What is kept ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Lets go of the figures of calls that may have changed unseen. */
  async function forgetRecent(): Promise<void> {
    await hours.remove({ _id: { $gte: hourName(clock.nowMs() - UNSEEN_MS) } });
  }

  /** Resolves when those of every change told so far are gone. */
  function letGoOfTouched(): Promise<void> {
    lettingGo = lettingGo
      .catch(() => undefined)
      .then(async () => {
        for (const name of touched) {
          // Before: what changes from here on is told again.
          touched.delete(name);
          try {
            await hours.update(
              { _id: name },
              { $inc: { revision: 1 }, $unset: { figures: '', computedAt: '' } },
            );
          } catch (error) {
            touched.add(name);
            throw error;
          }
        }
      });
    return lettingGo;
  }

  events.watch(({ call }) => {
    const hourMs = hourOf(call.initiatedAt.getTime());
    // Of an hour that is open nothing is kept.
    if (!isSettled(hourMs)) return;
    if (touched.size === 0)
      clock.after(TOUCHED_MS, () => {
        // Whoever asks next tries again.
        letGoOfTouched().catch((error) =>
          log.warn({ err: error }, 'old figures of calls could not be let go'),
        );
      });
    touched.add(hourName(hourMs));
  });
  store.outage?.watch(() => {
    if (isUp()) isForgetting = undefined;
  });

  async function upToDate(): Promise<void> {
    isForgetting ??= forgetRecent();
    try {
      await isForgetting;
    } catch (error) {
      isForgetting = undefined;
      throw error;
    }
    await letGoOfTouched();
  }

  // ── Counting ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The figures of calls that began in [fromMs, toMs), by the hour in which they did. */
  async function count(fromMs: number, toMs: number): Promise<Map<number, CallFigures>> {
    const found = new Map<number, CallFigures>();
    if (fromMs >= toMs) return found;
    const rows: Row[] = await calls.aggregate([
      { $match: { initiatedAt: { $gte: new Date(fromMs), $lt: new Date(toMs) } } },
      {
        $group: {
          _id: {
            hour: { $dateToString: { format: '%Y-%m-%dT%H', date: '$initiatedAt' } },
            direction: '$direction',
            status: '$status',
            outcome: { $ifNull: ['$outcome', null] },
            reasons: {
              $cond: [{ $eq: ['$status', 'denied'] }, { $ifNull: ['$complianceDecision.reasons', []] }, []],
            },
          },
          calls: { $sum: 1 },
          talkSec: { $sum: '$duration' },
          cost: { $sum: '$cost.totalCost' },
          mood: { $sum: '$sentiment.overall' },
          felt: { $sum: one(isKnown) },
          good: { $sum: one({ $and: [isKnown, { $gte: [MOOD, MOOD_EDGE] }] }) },
          bad: { $sum: one({ $and: [isKnown, { $lte: [MOOD, -MOOD_EDGE] }] }) },
        },
      },
    ]);
    for (const row of rows) {
      const id = row._id as Row;
      const hour = hourNamed(String(id.hour));
      found.set(hour, plus(found.get(hour) ?? NO_FIGURES, figuresOf(groupOf(id, row))));
    }
    return found;
  }

  const wanted = new Set<number>();
  let counting: Promise<void> | undefined;

  /** Counts hours that lie side by side, and keeps what was not changed by anybody meanwhile. */
  async function countAndKeep(from: number, until: number): Promise<void> {
    const names: string[] = [];
    for (let hour = from; hour < until; hour += HOUR_MS) names.push(hourName(hour));
    await Promise.all(
      names.map((_id) =>
        hours.insert({ _id, revision: 0 }).catch((error: unknown) => {
          if (!isFailure(error, 'duplicate_key')) throw error;
        }),
      ),
    );
    const known = await hours.find({ filter: { _id: { $in: names } } });
    const found = await count(from, until);
    const computedAt = new Date(clock.nowMs());
    if (!isUp()) return;
    await Promise.all(
      known.map(({ _id, revision }) => {
        const figures = found.get(hourNamed(_id)) ?? NO_FIGURES;
        return hours.update({ _id, revision }, { $set: { figures, computedAt } });
      }),
    );
  }

  /** The newest first. */
  async function countWanted(): Promise<void> {
    while (wanted.size > 0 && !shutdown.aborted && isUp()) {
      const last = Math.max(...wanted);
      let first = last;
      while (wanted.has(first - HOUR_MS) && last - first < (AT_ONCE - 1) * HOUR_MS) first -= HOUR_MS;
      for (let hour = first; hour <= last; hour += HOUR_MS) wanted.delete(hour);
      await countAndKeep(first, last + HOUR_MS);
    }
  }

  function countSoon(missing: readonly number[]): Promise<void> {
    for (const hour of missing) wanted.add(hour);
    counting ??= countWanted()
      .catch((error) => {
        wanted.clear();
        if (!shutdown.aborted) log.warn({ err: error }, 'the calls of past hours could not be counted');
      })
      .finally(() => {
        counting = undefined;
      });
    return counting;
  }

  async function kept(first: number, until: number): Promise<Map<number, CallFigures>> {
    if (first >= until) return new Map();
    const found = await hours.find({
      filter: { _id: { $gte: hourName(first), $lt: hourName(until) } },
    });
    return new Map(
      found.flatMap(({ _id, figures }) => (figures ? [[hourNamed(_id), figures] as const] : [])),
    );
  }

  /** By hours, of which the first and the last may be parts of one. */
  async function byHour(
    fromMs: number,
    toMs: number,
  ): Promise<{ readonly found: Map<number, CallFigures>; readonly complete: boolean }> {
    const first = Math.min(toMs, hourOf(fromMs + HOUR_MS - 1));
    const open = hourOf(clock.nowMs() - SETTLED_MS);
    const until = Math.max(first, Math.min(hourOf(toMs), open));
    const missing: number[] = [];
    let found = await kept(first, until);
    for (let hour = first; hour < until; hour += HOUR_MS) if (!found.has(hour)) missing.push(hour);
    if (missing.length > 0) {
      const late = new AbortController();
      await Promise.race([countSoon(missing), clock.sleep(PATIENCE_MS, late.signal).catch(() => undefined)]);
      late.abort();
      found = await kept(first, until);
    }
    const complete = found.size >= (until - first) / HOUR_MS;
    for (const part of [await count(fromMs, first), await count(until, toMs)])
      for (const [hour, figures] of part) found.set(hour, plus(found.get(hour) ?? NO_FIGURES, figures));
    return { found, complete };
  }

  async function inSteps(
    found: ReadonlyMap<number, CallFigures>,
    starts: readonly number[],
  ): Promise<Step[]> {
    const breathe = slices(clock);
    const steps = starts.map((start) => ({ from: new Date(start), calls: NO_FIGURES }));
    for (const [hour, figures] of found) {
      // An hour that began before the first step is a part of it.
      const step =
        steps[
          Math.max(
            0,
            starts.findLastIndex((start) => start <= hour),
          )
        ];
      if (step) step.calls = plus(step.calls, figures);
      await breathe();
    }
    return steps;
  }

  function checked({ from, to }: Pick<OverviewQuery, 'from' | 'to'>): { fromMs: number; toMs: number } {
    const fields =
      from >= to
        ? { to: 'must be later than from' }
        : to.getTime() - from.getTime() > LONGEST_MS
          ? { to: 'may be a year after from at most' }
          : undefined;
    if (fields) throw new Failure('invalid_request', `to: ${fields.to}`, { details: { fields } });
    const fromMs = from.getTime();
    return { fromMs, toMs: Math.max(fromMs, Math.min(to.getTime(), clock.nowMs())) };
  }

  function once<T extends { readonly complete: boolean }>(key: string, make: () => Promise<T>): Promise<T> {
    const nowMs = clock.steadyMs();
    const before = lately.get(key);
    if (before && nowMs - before.atMs < KEPT_MS) return before.made as Promise<T>;
    const made = make();
    lately.delete(key);
    lately.set(key, { made, atMs: nowMs });
    for (const oldest of lately.keys()) {
      if (lately.size <= MOST_KEPT) break;
      lately.delete(oldest);
    }
    made.then(
      ({ complete }) => complete || lately.delete(key),
      () => lately.delete(key),
    );
    return made;
  }

  async function period(
    fromMs: number,
    toMs: number,
    starts: readonly number[],
  ): Promise<{ readonly period: Period; readonly steps: Step[]; readonly complete: boolean }> {
    const span = { $gte: new Date(fromMs), $lt: new Date(toMs) };
    const [{ found, complete }, leads, optOuts] = await Promise.all([
      byHour(fromMs, toMs),
      store.collection('leads').count({ receivedAt: span }),
      store.collection('dnc_registry').count({ scope: 'internal', listedAt: span }),
    ]);
    const steps = await inSteps(found, starts);
    const all = steps.reduce((sum, step) => plus(sum, step.calls), NO_FIGURES);
    return {
      period: { from: new Date(fromMs), to: new Date(toMs), calls: all, leads, optOuts },
      steps,
      complete,
    };
  }

  return {
    /** Throws Failure `invalid_request` for a stretch that is none or longer than a year. */
    async overview(query: OverviewQuery): Promise<Overview> {
      const { fromMs, toMs } = checked(query);
      const { zone } = query;
      const lengthMs = toMs - fromMs;
      const beforeMs = query.before?.getTime() ?? fromMs - lengthMs;
      const key = `overview ${fromMs} ${query.to.getTime()} ${beforeMs} ${zone}`;
      return await once(key, async () => {
        await upToDate();
        const step = query.to.getTime() - fromMs <= BY_HOURS_MS ? ('hour' as const) : ('day' as const);
        const starts = step === 'hour' ? hoursBetween(fromMs, toMs) : daysBetween(fromMs, toMs, zone);
        const now = await period(fromMs, toMs, starts);
        const before = await period(beforeMs, beforeMs + lengthMs, [beforeMs]);
        return {
          computedAt: new Date(clock.nowMs()),
          complete: now.complete && before.complete,
          now: now.period,
          before: before.period,
          step,
          steps: now.steps,
        };
      });
    },
    /** The days of a zone, in order; the first and the last may be parts of one. Throws Failure `invalid_request`. */
    async daily(query: Omit<OverviewQuery, 'before'>): Promise<Daily> {
      const { fromMs, toMs } = checked(query);
      return await once(`daily ${fromMs} ${query.to.getTime()} ${query.zone}`, async () => {
        await upToDate();
        const { found, complete } = await byHour(fromMs, toMs);
        return {
          computedAt: new Date(clock.nowMs()),
          complete,
          days: await inSteps(found, daysBetween(fromMs, toMs, query.zone)),
        };
      });
    },
  };
}

function hoursBetween(fromMs: number, toMs: number): number[] {
  const hours = [fromMs];
  for (let hour = hourOf(fromMs) + HOUR_MS; hour < toMs; hour += HOUR_MS) hours.push(hour);
  return hours;
}

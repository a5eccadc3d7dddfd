/**
 * domain/call-figures: what many calls come to, in numbers that can be added: those of hours to days, those of days to any
 * stretch of time. Money is US dollars.
 */
import { DateTime } from 'luxon';
import type { Call, CallOutcome, CallStatus } from './call.ts';
import type { Reason } from './compliance/decision.ts';

type Counts<K extends string> = Readonly<Partial<Record<K, number>>>;

export interface CallFigures {
  /** Calls by how they stand on the line; `denied`: the gate refused them, and nobody was dialled. */
  readonly outbound: Counts<CallStatus>;
  readonly inbound: Counts<CallStatus>;
  /** Calls that came to something. */
  readonly outcomes: Counts<CallOutcome>;
  /** Denied calls by each of the reasons for it. */
  readonly denials: Counts<Reason>;
  /** Seconds from answer to end. */
  readonly talkSec: number;
  readonly cost: number;
  /** `sum` and `calls`: of those whose mood is known; `good` and `bad` count the ends of the scale among them. */
  readonly mood: {
    readonly sum: number;
    readonly calls: number;
    readonly good: number;
    readonly bad: number;
  };
}

/** Kept figures of the calls that began in one hour, UTC. Without figures somebody is about to count, or must count again. */
export interface CallHour {
  /** "2026-11-22T03". */
  readonly _id: string;
  /** Counts the changes of these calls since: figures of an older revision are not kept. */
  readonly revision: number;
  readonly figures?: CallFigures;
  readonly computedAt?: Date;
}

export const NO_FIGURES: CallFigures = {
  outbound: {},
  inbound: {},
  outcomes: {},
  denials: {},
  talkSec: 0,
  cost: 0,
  mood: { sum: 0, calls: 0, good: 0, bad: 0 },
};

/** From here on, up and down, a mood is good or bad; -1..1. */
export const MOOD_EDGE = 0.25;

/** Calls that are alike. */
export interface CallGroup {
  readonly direction: Call['direction'];
  readonly status: CallStatus;
  readonly outcome?: CallOutcome;
  /** Of denied ones. */
  readonly reasons: readonly Reason[];
  readonly calls: number;
  readonly talkSec: number;
  readonly cost: number;
  readonly mood: CallFigures['mood'];
}

function added<K extends string>(a: Counts<K>, b: Counts<K>): Counts<K> {
  const sum: Partial<Record<K, number>> = { ...a };
  for (const [key, count] of Object.entries(b) as [K, number][]) sum[key] = (sum[key] ?? 0) + count;
  return sum;
}

export const plus = (a: CallFigures, b: CallFigures): CallFigures => ({
  outbound: added(a.outbound, b.outbound),
  inbound: added(a.inbound, b.inbound),
  outcomes: added(a.outcomes, b.outcomes),
  denials: added(a.denials, b.denials),
  talkSec: a.talkSec + b.talkSec,
  cost: a.cost + b.cost,
  mood: {
    sum: a.mood.sum + b.mood.sum,
    calls: a.mood.calls + b.mood.calls,
    good: a.mood.good + b.mood.good,
    bad: a.mood.bad + b.mood.bad,
  },
});

export const figuresOf = ({
  direction,
  status,
  outcome,
  reasons,
  calls,
  ...rest
}: CallGroup): CallFigures => ({
  ...NO_FIGURES,
  ...rest,
  [direction]: { [status]: calls },
  outcomes: outcome ? { [outcome]: calls } : {},
  denials: status === 'denied' ? Object.fromEntries(reasons.map((reason) => [reason, calls])) : {},
});

export const countOf = (counts: Counts<string>): number =>
  Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);

export const mostFirst = <K extends string>(counts: Counts<K>): (readonly [K, number])[] =>
  (Object.entries(counts) as [K, number][]).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));

/** What a manager reads first. Rates are 0..1, and null where there is nothing to divide by. */
export interface CallSummary {
  /** Placed or about to be: without those that the gate refused. */
  readonly outbound: number;
  readonly inbound: number;
  readonly denied: number;
  /** Placed calls that somebody or something answered, and are over. */
  readonly connected: number;
  /** Those of all placed calls that are over. */
  readonly connectRate: number | null;
  readonly talkSec: number;
  /** Rounded to cents. */
  readonly cost: number;
  readonly mood: {
    readonly average: number | null;
    readonly good: number;
    readonly neutral: number;
    readonly bad: number;
  };
}

const UNDER_WAY: readonly CallStatus[] = ['queued', 'initiated', 'ringing', 'answered'];
const rounded = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;

export function summaryOf({ outbound, inbound, talkSec, cost, mood }: CallFigures): CallSummary {
  const denied = outbound.denied ?? 0;
  const placed = countOf(outbound) - denied;
  const over = placed - UNDER_WAY.reduce((sum, status) => sum + (outbound[status] ?? 0), 0);
  const connected = outbound.completed ?? 0;
  return {
    outbound: placed,
    inbound: countOf(inbound),
    denied,
    connected,
    connectRate: over === 0 ? null : rounded(connected / over, 4),
    talkSec: Math.round(talkSec),
    cost: rounded(cost, 2),
    mood: {
      average: mood.calls === 0 ? null : rounded(mood.sum / mood.calls, 2),
      good: mood.good,
      neutral: mood.calls - mood.good - mood.bad,
      bad: mood.bad,
    },
  };
}

export const HOUR_MS = 3_600_000;
export const hourOf = (atMs: number): number => Math.floor(atMs / HOUR_MS) * HOUR_MS;
/** "2026-11-22T03". */
export const hourName = (atMs: number): string => new Date(atMs).toISOString().slice(0, 13);
export const hourNamed = (name: string): number => Date.parse(`${name}:00:00Z`);

/** The first moments of the days of a zone from `fromMs` to before `toMs`; the first may be in the middle of its day. */
export function daysBetween(fromMs: number, toMs: number, zone: string): number[] {
  const days: number[] = [];
  let day = DateTime.fromMillis(fromMs, { zone }).startOf('day');
  for (let atMs = fromMs; atMs < toMs; atMs = day.toMillis()) {
    days.push(atMs);
    day = day.plus({ days: 1 }).startOf('day');
  }
  return days;
}

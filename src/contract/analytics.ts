/** contract/analytics: what a stretch of time came to, at a glance. */
import { z } from 'zod';
import { CallOutcome, CallStatus } from './calls.ts';
import { Instant } from './common.ts';
import { Reason } from './compliance.ts';

const isZone = (zone: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
};

/** `zone`: whose days are meant, such as America/Chicago. */
export const DailyQuery = z.strictObject({
  from: Instant,
  /** Now, where it is later; at most a year after `from`. */
  to: Instant,
  zone: z.string().max(64).refine(isZone, 'must be a time zone such as America/Chicago').default('UTC'),
});
export const OverviewQuery = DailyQuery.extend({
  /** The first moment of as long a stretch to compare with; without it the one directly before. */
  before: z.exactOptional(Instant),
});

const summary = {
  /** Placed, or about to be: without those that the gate refused. */
  outbound: z.int(),
  inbound: z.int(),
  /** Refused by the gate. */
  denied: z.int(),
  /** Placed calls that were answered, by a person or a machine, and are over. */
  connected: z.int(),
  /** Those of all placed calls that are over, 0..1; null where there are none. */
  connectRate: z.number().nullable(),
  talkSec: z.int(),
  /** US dollars. */
  cost: z.number(),
  /** Of calls whose mood is known: the average, -1..1, and how many were of each. */
  mood: z.object({
    average: z.number().nullable(),
    good: z.int(),
    neutral: z.int(),
    bad: z.int(),
  }),
};
/** Of the calls that began in it. */
export const CallSummary = z.object({ from: Instant, ...summary }).meta({ id: 'CallSummary' });
export type CallSummary = z.infer<typeof CallSummary>;

export const OverviewPeriod = z
  .object({
    from: Instant,
    to: Instant,
    ...summary,
    /** Outbound calls by how they stand on the line, most first; `denied` among them. */
    statuses: z.array(z.object({ status: CallStatus, calls: z.int() })),
    /** Calls that came to something, most first. */
    outcomes: z.array(z.object({ outcome: CallOutcome, calls: z.int() })),
    /** Refused calls by each of the reasons, most first: one may have several. */
    denials: z.array(z.object({ reason: Reason, calls: z.int() })),
    /** Received. */
    leads: z.int(),
    /** Numbers that people told us not to call, in whatever way. */
    optOuts: z.int(),
  })
  .meta({ id: 'OverviewPeriod' });
export type OverviewPeriod = z.infer<typeof OverviewPeriod>;

export const Overview = z
  .object({
    computedAt: Instant,
    /** False: hours that were never counted are being counted now, and are missing here. Ask again in some seconds. */
    complete: z.boolean(),
    now: OverviewPeriod,
    before: OverviewPeriod,
    step: z.enum(['hour', 'day']),
    /** In order; the last may not be over. */
    steps: z.array(CallSummary),
  })
  .meta({ id: 'Overview' });
export type Overview = z.infer<typeof Overview>;

export const Daily = z
  .object({ computedAt: Instant, complete: z.boolean(), days: z.array(CallSummary) })
  .meta({ id: 'Daily' });
export type Daily = z.infer<typeof Daily>;

/**
 * domain/campaign-metrics: what came of a campaign, in the figures that people steer by. Made of counts that the stores give;
 * rates are 0..1 and absent where there is nothing to divide by, money is US dollars.
 */
import type { CallOutcome } from './call.ts';
import { cents } from './cost.ts';
import type { LeadStage, LeadStatus, Weekday } from './documents.ts';

/** Outcomes of a talk that came to an end of its own. */
export const CONVERSED: readonly CallOutcome[] = [
  'qualified',
  'transferred',
  'callback',
  'not_interested',
  'wrong_number',
  'opted_out',
];

/** Leads of a campaign that are alike. */
export interface LeadGroup {
  readonly status: LeadStatus;
  readonly stage: LeadStage;
  readonly leads: number;
  /** The sum of their scores, and how many have one. */
  readonly score: number;
  readonly scored: number;
  /** What the closed deals among them brought, and how many say so. */
  readonly dealValue: number;
  readonly valued: number;
}

export interface OutcomeRow {
  readonly outcome: string;
  readonly calls: number;
  readonly avgDuration?: number;
  readonly avgSentiment?: number;
  readonly cost: number;
}

export interface Counts {
  readonly leads: readonly LeadGroup[];
  /** Leads that were called, that talked, that a call qualified or got a visit from, whatever became of them later. */
  readonly called: number;
  readonly conversed: number;
  readonly qualified: number;
  readonly visits: number;
  readonly outcomes: readonly OutcomeRow[];
  readonly messageCost: number;
  /** What a deal brings where the lead does not say. */
  readonly revenuePerDeal: number;
}

export interface Metrics {
  readonly leadsReceived: number;
  readonly leadsContacted: number;
  /** Calls. */
  readonly conversationsCompleted: number;
  readonly qualified: number;
  readonly siteVisits: number;
  readonly offersExtended: number;
  readonly dealsClosed: number;
  readonly avgQualificationScore?: number;
  readonly avgSentiment?: number;
  /** Seconds, of calls that were answered. */
  readonly avgCallDuration?: number;
  readonly conversionRate?: number;
  readonly costPerLead?: number;
  readonly costPerDeal?: number;
  readonly totalRevenue: number;
  readonly totalCost: number;
  readonly roi?: number;
}

export interface FunnelStep {
  readonly step: string;
  readonly leads: number;
  /** Of those of the first step, 0..1. */
  readonly ofFirst: number;
}

const QUALIFIED: ReadonlySet<string> = new Set([
  'qualified',
  'site_visit',
  'offer_made',
  'negotiation',
  'closed',
]);
const VISITED: ReadonlySet<string> = new Set(['site_visit', 'offer_made', 'negotiation', 'closed']);
const OFFERED: ReadonlySet<string> = new Set(['offer_made', 'negotiation', 'closed']);

const isClosed = ({ status, stage }: Pick<LeadGroup, 'status' | 'stage'>): boolean =>
  status === 'converted' || stage === 'closed';

/** Whether status or stage say that a lead came at least so far. */
export const cameTo = {
  qualified: ({ status, stage }: Pick<LeadGroup, 'status' | 'stage'>): boolean =>
    status === 'qualified' || status === 'active' || isClosed({ status, stage }) || QUALIFIED.has(stage),
  visit: ({ status, stage }: Pick<LeadGroup, 'status' | 'stage'>): boolean =>
    isClosed({ status, stage }) || VISITED.has(stage),
  offer: ({ status, stage }: Pick<LeadGroup, 'status' | 'stage'>): boolean =>
    isClosed({ status, stage }) || OFFERED.has(stage),
  close: isClosed,
} as const;

const round = (value: number, digits: number): number => {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
};

/** Undefined where there is nothing to divide by. */
const ratio = (a: number, b: number, digits = 4): number | undefined =>
  b === 0 ? undefined : round(a / b, digits);

const total = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0);

/** The mean of a figure over rows that have it, weighted by their calls. */
function mean(
  rows: readonly OutcomeRow[],
  of: (row: OutcomeRow) => number | undefined,
  digits: number,
): number | undefined {
  const having = rows.filter((row) => of(row) !== undefined);
  return ratio(
    total(having, (row) => (of(row) ?? 0) * row.calls),
    total(having, ({ calls }) => calls),
    digits,
  );
}

const UNANSWERED: ReadonlySet<string> = new Set(['denied', 'busy', 'no_answer', 'failed', 'canceled']);

export function metricsOf(counts: Counts): Metrics {
  const { leads, outcomes, revenuePerDeal } = counts;
  const received = total(leads, ({ leads: some }) => some);
  const closed = leads.filter(isClosed);
  const dealsClosed = total(closed, ({ leads: some }) => some);
  const totalRevenue = cents(
    total(closed, ({ leads: some, dealValue, valued }) => dealValue + (some - valued) * revenuePerDeal),
  );
  const totalCost = cents(total(outcomes, ({ cost }) => cost) + counts.messageCost);
  const optional = {
    avgQualificationScore: ratio(
      total(leads, ({ score }) => score),
      total(leads, ({ scored }) => scored),
      2,
    ),
    avgSentiment: mean(outcomes, ({ avgSentiment }) => avgSentiment, 2),
    avgCallDuration: mean(
      outcomes.filter(({ outcome }) => !UNANSWERED.has(outcome)),
      ({ avgDuration }) => avgDuration,
      1,
    ),
    conversionRate: ratio(dealsClosed, received),
    costPerLead: ratio(totalCost, received, 2),
    costPerDeal: ratio(totalCost, dealsClosed, 2),
    roi: ratio(totalRevenue - totalCost, totalCost, 2),
  };
  return {
    leadsReceived: received,
    leadsContacted: counts.called,
    conversationsCompleted: total(
      outcomes.filter(({ outcome }) => CONVERSED.some((each) => each === outcome)),
      ({ calls }) => calls,
    ),
    qualified: counts.qualified,
    siteVisits: counts.visits,
    offersExtended: total(leads.filter(cameTo.offer), ({ leads: some }) => some),
    dealsClosed,
    ...(Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as {
      [K in keyof typeof optional]?: number;
    }),
    totalRevenue,
    totalCost,
  };
}

/** The way of the leads; who came further came here too, whether or not somebody wrote it down. */
export function funnelOf(counts: Counts, metrics: Metrics): readonly FunnelStep[] {
  const steps: [step: string, leads: number][] = [
    ['received', metrics.leadsReceived],
    ['contacted', metrics.leadsContacted],
    ['conversation', counts.conversed],
    ['qualified', metrics.qualified],
    ['site_visit', metrics.siteVisits],
    ['offer', metrics.offersExtended],
    ['closed', metrics.dealsClosed],
  ];
  for (let at = steps.length - 2; at >= 0; at -= 1) {
    const step = steps[at];
    const after = steps[at + 1];
    if (step && after) step[1] = Math.max(step[1], after[1]);
  }
  const first = steps[0]?.[1] ?? 0;
  return steps.map(([step, leads]) => ({ step, leads, ofFirst: ratio(leads, first) ?? 0 }));
}

export interface HourRow {
  readonly day: Weekday;
  readonly hour: number;
  readonly calls: number;
  readonly answered: number;
  readonly reached: number;
}

const DAYS: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** "Tue", "08" → a row of the table by hours; undefined for what is no hour of a clock. */
export function hourOf(day: string, hour: string): Pick<HourRow, 'day' | 'hour'> | undefined {
  const found = DAYS.find((each) => each === day.toLowerCase());
  const number = /^\d{2}$/.test(hour) ? Number(hour) : Number.NaN;
  return found !== undefined && number < 24 ? { day: found, hour: number } : undefined;
}

export const byClock = (a: HourRow, b: HourRow): number =>
  DAYS.indexOf(a.day) - DAYS.indexOf(b.day) || a.hour - b.hour;

/**
 * app/reports: the reports of the business over all campaigns: leads by status, calls of a campaign by outcome, the rate at
 * which leads become deals, and the week in figures. Pipelines that mean the same on every store.
 */

import { CONVERSED } from '../domain/campaign-metrics.ts';
import { cents } from '../domain/cost.ts';
import { Failure } from '../domain/errors.ts';
import type { Clock, Filter, Store } from './ports.ts';

export interface ReportRange {
  readonly from?: Date;
  readonly to?: Date;
}

export interface FunnelRow {
  readonly status: string;
  readonly count: number;
  /** Mean of the qualification scores, two digits; null where none has one. */
  readonly avgScore: number | null;
}

export interface OutcomeSummary {
  /** Null: the call came to nothing that was told. */
  readonly outcome: string | null;
  readonly count: number;
  readonly avgDuration: number | null;
  readonly avgSentiment: number | null;
  readonly totalCost: number;
}

export interface LeadStats {
  readonly leads: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly bySource: Readonly<Record<string, number>>;
  /** Converted leads of all; null without leads. */
  readonly conversionRate: number | null;
}

interface WeekFigures {
  readonly from: Date;
  readonly to: Date;
  readonly leads: LeadStats;
  readonly calls: number;
  readonly answered: number;
  readonly conversations: number;
  readonly qualified: number;
  readonly optedOut: number;
  /** Seconds. */
  readonly talkTime: number;
  readonly avgSentiment: number | null;
  readonly messages: number;
  readonly dealsClosed: number;
  readonly revenue: number;
  readonly cost: number;
  /** Calls of each day, UTC, in order. */
  readonly days: readonly { readonly day: string; readonly calls: number; readonly answered: number }[];
}

export interface WeeklyReport {
  readonly week: WeekFigures;
  readonly before: WeekFigures;
  /** The campaigns with the most calls in the week. */
  readonly campaigns: readonly {
    readonly campaignId: string;
    readonly name: string;
    readonly calls: number;
    readonly qualified: number;
    readonly cost: number;
  }[];
}

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
const MOST_CAMPAIGNS = 10;

type Row = Readonly<Record<string, unknown>>;
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const rounded = (value: unknown, digits: number): number | null =>
  typeof value === 'number' ? Math.round(value * 10 ** digits) / 10 ** digits : null;

const outcomeIs = (outcomes: readonly string[]) => ({
  $sum: { $cond: [{ $in: [{ $ifNull: ['$outcome', ''] }, [...outcomes]] }, 1, 0] },
});
const howMany = (path: string) => ({
  $sum: { $cond: [{ $ne: [{ $ifNull: [path, null] }, null] }, 1, 0] },
});

function within(field: string, { from, to }: ReportRange): Filter {
  if (from && to && from >= to)
    throw new Failure('invalid_request', 'to: must be later than from', {
      details: { fields: { to: 'must be later than from' } },
    });
  const bounds = { ...(from ? { $gte: from } : {}), ...(to ? { $lt: to } : {}) };
  return Object.keys(bounds).length === 0 ? {} : { [field]: bounds };
}

export function createReports({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
  const leads = store.collection('leads');
  const calls = store.collection('calls');

  /** Leads that were received in the range, by status, most first. Throws Failure `invalid_request`. */
  async function leadFunnel({
    campaignId,
    ...range
  }: ReportRange & { readonly campaignId?: string }): Promise<FunnelRow[]> {
    const rows: Row[] = await leads.aggregate([
      { $match: { ...(campaignId === undefined ? {} : { campaignId }), ...within('receivedAt', range) } },
      { $group: { _id: '$status', count: { $sum: 1 }, avgScore: { $avg: '$qualification.score' } } },
      { $sort: { count: -1, _id: 1 } },
    ]);
    return rows.map((row) => ({
      status: textOf(row._id),
      count: numberOf(row.count),
      avgScore: rounded(row.avgScore, 2),
    }));
  }

  /** Calls of a campaign begun in the range, by outcome, most first. Throws Failure `campaign_not_found`, `invalid_request`. */
  async function campaignSummary(campaignId: string, range: ReportRange): Promise<OutcomeSummary[]> {
    if (!(await store.collection('campaigns').get(campaignId)))
      throw new Failure('campaign_not_found', 'there is no such campaign', { details: { id: campaignId } });
    const rows: Row[] = await calls.aggregate([
      { $match: { campaignId, ...within('initiatedAt', range) } },
      {
        $group: {
          _id: '$outcome',
          count: { $sum: 1 },
          avgDuration: { $avg: '$duration' },
          avgSentiment: { $avg: '$sentiment.overall' },
          totalCost: { $sum: '$cost.totalCost' },
        },
      },
      { $sort: { count: -1, _id: 1 } },
    ]);
    return rows.map((row) => ({
      outcome: typeof row._id === 'string' ? row._id : null,
      count: numberOf(row.count),
      avgDuration: rounded(row.avgDuration, 1),
      avgSentiment: rounded(row.avgSentiment, 2),
      totalCost: cents(numberOf(row.totalCost)),
    }));
  }

  /** How many leads there are of each kind, of those received in the range. Throws Failure `invalid_request`. */
  async function leadStats(range: ReportRange): Promise<LeadStats> {
    const rows: Row[] = await leads.aggregate([
      { $match: within('receivedAt', range) },
      { $group: { _id: { status: '$status', source: '$source' }, count: { $sum: 1 } } },
    ]);
    const byStatus: Record<string, number> = {};
    const bySource: Record<string, number> = {};
    let all = 0;
    for (const row of rows) {
      const { status, source } = row._id as Row;
      const count = numberOf(row.count);
      all += count;
      byStatus[textOf(status)] = (byStatus[textOf(status)] ?? 0) + count;
      bySource[textOf(source)] = (bySource[textOf(source)] ?? 0) + count;
    }
    return { leads: all, byStatus, bySource, conversionRate: rateOf(byStatus.converted ?? 0, all) };
  }

  async function figures(from: Date, to: Date): Promise<WeekFigures> {
    const range = { from, to };
    const dialled = { ...within('initiatedAt', range), dialedAt: { $exists: true } };
    const stats = await leadStats(range);
    const days: Row[] = await calls.aggregate([
      { $match: dialled },
      {
        $group: {
          _id: { $dateToString: { format: '%Y-%m-%d', date: '$initiatedAt' } },
          calls: { $sum: 1 },
          answered: howMany('$answeredAt'),
          conversations: outcomeIs(CONVERSED),
          qualified: outcomeIs(['qualified']),
          optedOut: outcomeIs(['opted_out']),
          talkTime: { $sum: '$talkTime' },
          sentiment: { $sum: '$sentiment.overall' },
          felt: howMany('$sentiment.overall'),
          cost: { $sum: '$cost.totalCost' },
        },
      },
      { $sort: { _id: 1 } },
    ]);
    const [deals = {}]: Row[] = await leads.aggregate([
      { $match: within('deal.closedAt', range) },
      { $group: { _id: null, count: { $sum: 1 }, revenue: { $sum: '$deal.value' } } },
    ]);
    const messages = await store.collection('messages').count({
      ...within('createdAt', range),
      direction: 'outbound',
      status: { $in: ['sent', 'delivered', 'undelivered'] },
    });
    const total = (field: string): number => days.reduce((sum, row) => sum + numberOf(row[field]), 0);
    return {
      from,
      to,
      leads: stats,
      calls: total('calls'),
      answered: total('answered'),
      conversations: total('conversations'),
      qualified: total('qualified'),
      optedOut: total('optedOut'),
      talkTime: Math.round(total('talkTime') * 10) / 10,
      avgSentiment: total('felt') === 0 ? null : rounded(total('sentiment') / total('felt'), 2),
      messages,
      dealsClosed: numberOf(deals.count),
      revenue: cents(numberOf(deals.revenue)),
      cost: cents(total('cost')),
      days: days.map((row) => ({
        day: textOf(row._id),
        calls: numberOf(row.calls),
        answered: numberOf(row.answered),
      })),
    };
  }

  /** The seven days before `end`, now without it, beside the seven before them. */
  async function weekly(end = new Date(clock.nowMs())): Promise<WeeklyReport> {
    const from = new Date(end.getTime() - WEEK_MS);
    const week = await figures(from, end);
    const before = await figures(new Date(from.getTime() - WEEK_MS), from);
    const rows: Row[] = await calls.aggregate([
      {
        $match: {
          ...within('initiatedAt', { from, to: end }),
          dialedAt: { $exists: true },
          campaignId: { $exists: true },
        },
      },
      {
        $group: {
          _id: '$campaignId',
          calls: { $sum: 1 },
          qualified: outcomeIs(['qualified']),
          cost: { $sum: '$cost.totalCost' },
        },
      },
      { $sort: { calls: -1, _id: 1 } },
      { $limit: MOST_CAMPAIGNS },
    ]);
    const found = await store
      .collection('campaigns')
      .find({ filter: { _id: { $in: rows.map((row) => textOf(row._id)) } } });
    const names = new Map(found.map(({ _id, name }) => [_id, name]));
    return {
      week,
      before,
      campaigns: rows.map((row) => ({
        campaignId: textOf(row._id),
        name: names.get(textOf(row._id)) ?? '',
        calls: numberOf(row.calls),
        qualified: numberOf(row.qualified),
        cost: cents(numberOf(row.cost)),
      })),
    };
  }

  return { leadFunnel, campaignSummary, leadStats, weekly };
}

const rateOf = (part: number, all: number): number | null =>
  all === 0 ? null : Math.round((part / all) * 10_000) / 10_000;

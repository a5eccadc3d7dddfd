/**
 * app/campaign-metrics: what came of a campaign, computed from its calls, leads and messages by pipelines that mean the
 * same on every store. The copy on the campaign is for lists; nobody counts by hand.
 */
import type { CallStatus } from '../domain/call.ts';
import {
  byClock,
  CONVERSED,
  type Counts,
  cameTo,
  type FunnelStep,
  funnelOf,
  type HourRow,
  hourOf,
  type LeadGroup,
  type Metrics,
  metricsOf,
  type OutcomeRow,
} from '../domain/campaign-metrics.ts';
import { cents, type Rates } from '../domain/cost.ts';
import type { Lead } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import type { Clock, Filter, Store } from './ports.ts';
import { slices } from './slices.ts';

export interface Range {
  readonly from?: Date;
  readonly to?: Date;
}

export interface Performance {
  readonly campaignId: string;
  readonly computedAt: Date;
  readonly metrics: Metrics;
  readonly funnel: readonly FunnelStep[];
  readonly outcomes: readonly OutcomeRow[];
  readonly hours: readonly HourRow[];
  readonly days: readonly {
    readonly day: string;
    readonly calls: number;
    readonly answered: number;
    readonly qualified: number;
    readonly cost: number;
  }[];
  readonly messages: readonly {
    readonly channel: string;
    readonly template: string;
    readonly sent: number;
    readonly delivered: number;
    readonly failed: number;
  }[];
}

export interface PerformanceDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ratesOf: () => Promise<Rates>;
}

/** Whoever asks again within it gets the same answer. */
const KEPT_MS = 5_000;
const MOST_KEPT = 200;

/** Of these nobody knows yet what they come to. */
const UNDER_WAY: readonly CallStatus[] = ['queued', 'initiated', 'ringing', 'answered'];

/** Where nobody talked, the line tells more than the outcome. */
const OUTCOME = {
  $cond: [{ $eq: [{ $ifNull: ['$outcome', 'no_conversation'] }, 'no_conversation'] }, '$status', '$outcome'],
};
const one = (condition: unknown) => ({ $cond: [condition, 1, 0] });
const isSet = (path: string) => ({ $ne: [{ $ifNull: [path, null] }, null] });
const ANSWERED = one(isSet('$answeredAt'));
const TALKED = one({ $in: [{ $ifNull: ['$outcome', ''] }, [...CONVERSED]] });
const QUALIFIED = one({ $eq: [{ $ifNull: ['$outcome', ''] }, 'qualified'] });
const VISIT = one({ $in: ['site_visit', { $ifNull: ['$followUpActions.type', []] }] });
/** The clock of the first place of the called party when the gate decided: "Tue 2026-07-14 08:00". */
const THERE = { $ifNull: [{ $arrayElemAt: ['$complianceDecision.zones.localTime', 0] }, ''] };

/** Days are those of the campaign's zone; by the short names (UTC, GMT) not every store knows one. */
const dayZone = (zone = ''): string => (zone.includes('/') ? zone : 'Etc/UTC');

type Row = Readonly<Record<string, unknown>>;
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const known = <K extends string>(name: K, value: unknown, digits: number): { [P in K]?: number } =>
  typeof value === 'number'
    ? ({ [name]: Math.round(value * 10 ** digits) / 10 ** digits } as { [P in K]?: number })
    : {};

export function createCampaignPerformance({ store, clock, ratesOf }: PerformanceDeps) {
  const campaigns = store.collection('campaigns');
  const calls = store.collection('calls');
  const leads = store.collection('leads');
  const lately = new Map<string, { readonly made: Promise<Performance>; readonly atMs: number }>();

  /** Throws Failure `campaign_not_found`, `invalid_request` for a range that is none. */
  async function performance(campaignId: string, { from, to }: Range): Promise<Performance> {
    if (from && to && from >= to)
      throw new Failure('invalid_request', 'to: must be later than from', {
        details: { fields: { to: 'must be later than from' } },
      });
    const key = `${campaignId} ${from?.getTime() ?? ''} ${to?.getTime() ?? ''}`;
    const nowMs = clock.steadyMs();
    const before = lately.get(key);
    if (before && nowMs - before.atMs < KEPT_MS) return await before.made;
    const made = compute(campaignId, { ...(from ? { from } : {}), ...(to ? { to } : {}) });
    lately.delete(key);
    lately.set(key, { made, atMs: nowMs });
    for (const oldest of lately.keys()) {
      if (lately.size <= MOST_KEPT) break;
      lately.delete(oldest);
    }
    made.catch(() => lately.delete(key));
    return await made;
  }

  async function compute(campaignId: string, range: Range): Promise<Performance> {
    const campaign = await campaigns.get(campaignId);
    if (!campaign)
      throw new Failure('campaign_not_found', 'there is no such campaign', { details: { id: campaignId } });
    const within = (field: string): Filter => {
      const bounds = {
        ...(range.from ? { $gte: range.from } : {}),
        ...(range.to ? { $lt: range.to } : {}),
      };
      return { campaignId, ...(Object.keys(bounds).length === 0 ? {} : { [field]: bounds }) };
    };
    const ofCalls = { ...within('initiatedAt'), direction: 'outbound' };
    const dialled = { ...ofCalls, dialedAt: { $exists: true } };

    // One after the other: each looks at every call or lead of the campaign.
    const outcomes = await outcomesOf({ ...ofCalls, status: { $nin: [...UNDER_WAY] } });
    const hours = await hoursOf(dialled);
    const days = await daysOf(dialled, dayZone(campaign.schedule?.callingHours?.timezone));
    const groups = await groupsOf(within('receivedAt'));
    const people = await peopleOf(dialled, within('receivedAt'));
    const { messages, messageCost } = await messagesOf({ ...within('createdAt'), direction: 'outbound' });

    const counts: Counts = {
      leads: groups,
      ...people,
      outcomes,
      messageCost,
      revenuePerDeal: campaign.revenuePerDeal ?? 0,
    };
    const metrics = metricsOf(counts);
    const computedAt = new Date(clock.nowMs());
    if (Object.keys(range).length === 0)
      await campaigns.update({ _id: campaignId }, { $set: { metrics: { ...metrics, computedAt } } });
    return {
      campaignId,
      computedAt,
      metrics,
      funnel: funnelOf(counts, metrics),
      outcomes,
      hours,
      days,
      messages,
    };
  }

  async function outcomesOf(match: Filter): Promise<OutcomeRow[]> {
    const rows: Row[] = await calls.aggregate([
      { $match: match },
      {
        $group: {
          _id: OUTCOME,
          calls: { $sum: 1 },
          avgDuration: { $avg: '$duration' },
          avgSentiment: { $avg: '$sentiment.overall' },
          cost: { $sum: '$cost.totalCost' },
        },
      },
      { $sort: { calls: -1, _id: 1 } },
    ]);
    return rows.map((row) => ({
      outcome: textOf(row._id),
      calls: numberOf(row.calls),
      ...known('avgDuration', row.avgDuration, 1),
      ...known('avgSentiment', row.avgSentiment, 2),
      cost: cents(numberOf(row.cost)),
    }));
  }

  async function hoursOf(match: Filter): Promise<HourRow[]> {
    const rows: Row[] = await calls.aggregate([
      { $match: match },
      {
        $group: {
          _id: { day: { $substrCP: [THERE, 0, 3] }, hour: { $substrCP: [THERE, 15, 2] } },
          calls: { $sum: 1 },
          answered: { $sum: ANSWERED },
          reached: { $sum: TALKED },
        },
      },
    ]);
    return rows
      .flatMap((row) => {
        const { day, hour } = (row._id ?? {}) as Row;
        const there = hourOf(textOf(day), textOf(hour));
        return there
          ? {
              ...there,
              calls: numberOf(row.calls),
              answered: numberOf(row.answered),
              reached: numberOf(row.reached),
            }
          : [];
      })
      .sort(byClock);
  }

  async function daysOf(match: Filter, timezone: string): Promise<Performance['days']> {
    const rows: Row[] = await calls.aggregate([
      { $match: match },
      {
        $group: {
          _id: { $dateToString: { format: '%Y-%m-%d', date: '$initiatedAt', timezone } },
          calls: { $sum: 1 },
          answered: { $sum: ANSWERED },
          qualified: { $sum: QUALIFIED },
          cost: { $sum: '$cost.totalCost' },
        },
      },
      { $sort: { _id: 1 } },
    ]);
    return rows.map((row) => ({
      day: textOf(row._id),
      calls: numberOf(row.calls),
      answered: numberOf(row.answered),
      qualified: numberOf(row.qualified),
      cost: cents(numberOf(row.cost)),
    }));
  }

  async function groupsOf(match: Filter): Promise<LeadGroup[]> {
    const rows: Row[] = await leads.aggregate([
      { $match: match },
      {
        $group: {
          _id: { status: '$status', stage: '$stage' },
          leads: { $sum: 1 },
          score: { $sum: '$qualification.score' },
          scored: { $sum: one(isSet('$qualification.score')) },
          dealValue: { $sum: '$deal.value' },
          valued: { $sum: one(isSet('$deal.value')) },
        },
      },
    ]);
    return rows.map((row) => {
      const { status, stage } = row._id as Pick<Lead, 'status' | 'stage'>;
      return {
        status,
        stage,
        leads: numberOf(row.leads),
        score: numberOf(row.score),
        scored: numberOf(row.scored),
        dealValue: numberOf(row.dealValue),
        valued: numberOf(row.valued),
      };
    });
  }

  /** Each lead once, by what its calls came to and by where it stands now. */
  async function peopleOf(
    ofCalls: Filter,
    ofLeads: Filter,
  ): Promise<Pick<Counts, 'called' | 'conversed' | 'qualified' | 'visits'>> {
    const breathe = slices(clock);
    const qualified = new Set<string>();
    const visited = new Set<string>();
    const byCalls: Row[] = await calls.aggregate([
      { $match: ofCalls },
      {
        $group: {
          _id: '$leadId',
          talked: { $max: TALKED },
          qualified: { $max: QUALIFIED },
          visit: { $max: VISIT },
        },
      },
    ]);
    let conversed = 0;
    for (const row of byCalls) {
      await breathe();
      conversed += numberOf(row.talked);
      if (row.qualified === 1) qualified.add(textOf(row._id));
      if (row.visit === 1) visited.add(textOf(row._id));
    }
    const further: Row[] = await leads.aggregate([
      {
        $match: {
          ...ofLeads,
          $or: [
            { status: { $in: ['qualified', 'active', 'converted'] } },
            { stage: { $in: ['qualified', 'site_visit', 'offer_made', 'negotiation', 'closed'] } },
          ],
        },
      },
      { $group: { _id: '$_id', status: { $max: '$status' }, stage: { $max: '$stage' } } },
    ]);
    for (const row of further) {
      await breathe();
      const at = row as unknown as Pick<Lead, 'status' | 'stage'>;
      if (cameTo.qualified(at)) qualified.add(textOf(row._id));
      if (cameTo.visit(at)) visited.add(textOf(row._id));
    }
    return { called: byCalls.length, conversed, qualified: qualified.size, visits: visited.size };
  }

  async function messagesOf(
    match: Filter,
  ): Promise<{ messages: Performance['messages']; messageCost: number }> {
    const rows: Row[] = await store.collection('messages').aggregate([
      { $match: match },
      {
        $group: {
          _id: { channel: '$channel', template: { $ifNull: ['$template', ''] }, status: '$status' },
          messages: { $sum: 1 },
          segments: { $sum: { $ifNull: ['$segments', 1] } },
        },
      },
    ]);
    const { smsSegment } = await ratesOf();
    const by = new Map<
      string,
      { channel: string; template: string; sent: number; delivered: number; failed: number }
    >();
    let messageCost = 0;
    for (const row of rows) {
      const id = row._id as Row;
      const channel = textOf(id.channel);
      const template = textOf(id.template);
      const status = textOf(id.status);
      const some = numberOf(row.messages);
      const sum = by.get(`${channel} ${template}`) ?? { channel, template, sent: 0, delivered: 0, failed: 0 };
      by.set(`${channel} ${template}`, sum);
      const went = status === 'sent' || status === 'delivered' || status === 'undelivered';
      if (went) sum.sent += some;
      if (status === 'delivered') sum.delivered += some;
      if (status === 'failed' || status === 'undelivered') sum.failed += some;
      if (went && channel === 'sms') messageCost += numberOf(row.segments) * smsSegment;
    }
    const messages = [...by.values()].sort(
      (a, b) => a.channel.localeCompare(b.channel) || a.template.localeCompare(b.template),
    );
    return { messages, messageCost };
  }

  return performance;
}

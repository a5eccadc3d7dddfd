/** The figures of campaigns and the reports, made from documents by pipelines: one suite for every store. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCampaignPerformance } from '../../src/app/campaign-metrics.ts';
import type { Store } from '../../src/app/ports.ts';
import { createReports } from '../../src/app/reports.ts';
import type { Call } from '../../src/domain/call.ts';
import { DEFAULT_RATES } from '../../src/domain/cost.ts';
import type { Documents } from '../../src/domain/documents.ts';
import { handClock } from '../support/clock.ts';

/** Wednesday 2026-11-18, 18:00 UTC. */
const NOW_MS = Date.UTC(2026, 10, 18, 18, 0, 0);
const DAY_MS = 86_400_000;
const oid = (kind: string, n: number): string => `${kind}${n.toString(16)}`.padStart(24, '0');
const CAMPAIGN = oid('c', 1);
const OTHER = oid('c', 2);

const campaign = (_id: string, fields: object = {}): Documents['campaigns'] => ({
  _id,
  name: `Campaign ${_id.slice(-1)}`,
  type: 'wholesale',
  status: 'active',
  calling: {
    purpose: 'marketing',
    subject: 'houses',
    machinePolicy: 'hang_up',
    ringTimeoutSec: 30,
    maxCallSec: 600,
    carrierRecording: false,
  },
  revenuePerDeal: 1_000,
  createdAt: new Date(NOW_MS),
  updatedAt: new Date(NOW_MS),
  ...fields,
});

const lead = (n: number, fields: object = {}): Documents['leads'] =>
  ({
    _id: oid('a', n),
    source: n % 2 === 0 ? 'zillow' : 'csv',
    externalId: `row-${n}`,
    receivedAt: new Date(NOW_MS - n * 3_600_000),
    campaignId: CAMPAIGN,
    contact: { firstName: 'Ana', lastName: `${n}`, phone: `+1212555${1_000 + n}` },
    contactAttempts: [],
    dncStatus: { onNationalRegistry: false, internalDNC: false },
    status: 'new',
    stage: 'new',
    tags: [],
    createdAt: new Date(NOW_MS),
    updatedAt: new Date(NOW_MS),
    createdBy: 'ada',
    updatedBy: 'ada',
    ...fields,
  }) as Documents['leads'];

const call = (n: number, leadNumber: number, fields: Partial<Call> = {}): Call =>
  ({
    _id: oid('b', n),
    attemptId: oid('d', n),
    leadId: oid('a', leadNumber),
    campaignId: CAMPAIGN,
    contactPhone: `+1212555${1_000 + leadNumber}`,
    fromPhone: '+12125550190',
    direction: 'outbound',
    type: 'automated',
    status: 'completed',
    initiatedAt: new Date(NOW_MS - 60_000 * n),
    dialedAt: new Date(NOW_MS - 60_000 * n),
    followUpActions: [],
    seq: 1,
    createdAt: new Date(NOW_MS),
    updatedAt: new Date(NOW_MS),
    createdBy: 'ada',
    updatedBy: 'ended',
    ...fields,
  }) as Call;

const cost = (totalCost: number): NonNullable<Call['cost']> => ({
  twilioMinutes: 1,
  twilioRate: 0.014,
  elevenLabsMinutes: 1,
  elevenLabsRate: 0.1,
  totalCost,
});
const answered = (
  outcome: NonNullable<Call['outcome']>,
  duration: number,
  dollars: number,
): Partial<Call> => ({
  answeredAt: new Date(NOW_MS),
  outcome,
  duration,
  talkTime: duration - 5,
  cost: cost(dollars),
});
const decided = (localTime: string): Partial<Call> => ({
  complianceDecision: {
    verdict: 'allow',
    reason: 'ok',
    reasons: [],
    nextAllowedAt: null,
    explanation: '',
    decidedAt: new Date(NOW_MS),
    ruleVersion: '1',
    inputsHash: '',
    zones: [
      { zone: 'America/New_York', state: 'NY', localTime },
      { zone: 'America/Chicago', state: 'IL', localTime: 'Wed 2026-11-18 12:00' },
    ],
  },
});

const message = (n: number, fields: object): Documents['messages'] =>
  ({
    _id: oid('e', n),
    channel: 'sms',
    direction: 'outbound',
    campaignId: CAMPAIGN,
    leadId: oid('a', 1),
    to: '+12125551001',
    from: '+12125550190',
    text: 'Hello',
    template: 'day_3',
    status: 'delivered',
    history: [],
    attemptKey: `k-${n}`,
    requestedBy: 'ada',
    createdAt: new Date(NOW_MS),
    updatedAt: new Date(NOW_MS),
    ...fields,
  }) as Documents['messages'];

export function figuresContract(
  name: string,
  open: () => Promise<{ readonly store: Store; destroy(): Promise<void> }>,
): void {
  describe(`figures of campaigns on ${name}`, () => {
    let store: Store;
    let destroy: () => Promise<void>;
    beforeEach(async () => {
      ({ store, destroy } = await open());
      const put = async <N extends 'campaigns' | 'leads' | 'calls' | 'messages'>(
        collection: N,
        documents: readonly Documents[N][],
      ) => {
        for (const document of documents) await store.collection(collection).insert(document as never);
      };
      const timezone = 'America/Los_Angeles';
      const nine = { start: '09:00', end: '18:00' };
      const week = {
        monday: nine,
        tuesday: nine,
        wednesday: nine,
        thursday: nine,
        friday: nine,
        saturday: null,
        sunday: null,
      };
      await put('campaigns', [
        campaign(CAMPAIGN, { schedule: { callingHours: { timezone, ...week } } }),
        campaign(OTHER),
      ]);
      await put('leads', [
        lead(1, { status: 'qualified', stage: 'qualified', qualification: { score: 0.8 } }),
        lead(2, {
          status: 'converted',
          stage: 'closed',
          deal: { value: 9_000, closedAt: new Date(NOW_MS - DAY_MS) },
        }),
        lead(3, { status: 'converted', stage: 'closed', deal: { closedAt: new Date(NOW_MS - 9 * DAY_MS) } }),
        lead(4, { status: 'active', stage: 'offer_made', qualification: { score: 0.6 } }),
        lead(5, { status: 'lost', stage: 'lost' }),
        lead(6),
        lead(7, { receivedAt: new Date(NOW_MS - 8 * DAY_MS) }),
        lead(8, { campaignId: OTHER, status: 'contacted' }),
      ]);
      await put(
        'calls',
        [
          call(1, 1, {
            ...answered('qualified', 120, 0.4),
            ...decided('Wed 2026-11-18 13:00'),
            sentiment: { overall: 0.6 },
          } as Partial<Call>),
          call(2, 2, {
            ...answered('callback', 60, 0.2),
            ...decided('Wed 2026-11-18 13:30'),
            followUpActions: [{ type: 'site_visit', notes: '', completed: false }],
          }),
          call(3, 5, {
            ...answered('not_interested', 30, 0.1),
            ...decided('Tue 2026-11-17 09:00'),
            sentiment: { overall: -0.2 },
          } as Partial<Call>),
          call(4, 5, { ...answered('voicemail', 20, 0.05), ...decided('Tue 2026-11-17 09:59') }),
          call(5, 6, {
            status: 'no_answer',
            outcome: 'no_conversation',
            duration: 0,
            ...decided('Tue 2026-11-17 10:00'),
          }),
          // Nine in the evening of the day before in Los Angeles.
          call(6, 6, {
            status: 'busy',
            outcome: 'no_conversation',
            duration: 0,
            initiatedAt: new Date('2026-11-18T05:00:00Z'),
          }),
          { ...call(7, 7, { status: 'denied' }), dialedAt: undefined } as unknown as Call,
          call(8, 8, { ...answered('qualified', 600, 5), campaignId: OTHER }),
          call(9, 1, { ...answered('opted_out', 12, 0.1), direction: 'inbound' }),
          call(10, 1, { ...answered('hung_up', 10, 0.1), initiatedAt: new Date(NOW_MS - 8 * DAY_MS) }),
        ].map(
          (each) =>
            Object.fromEntries(
              Object.entries(each).filter(([, value]) => value !== undefined),
            ) as unknown as Call,
        ),
      );
      await put('messages', [
        message(1, { segments: 2 }),
        message(2, { status: 'undelivered', segments: 1 }),
        message(3, { status: 'denied' }),
        message(4, { channel: 'email', template: 'day_1', status: 'sent' }),
        message(5, { direction: 'inbound', status: 'received' }),
        message(6, { campaignId: OTHER }),
      ]);
    });
    afterEach(() => destroy());

    const performanceOf = () =>
      createCampaignPerformance({
        store,
        clock: handClock(NOW_MS),
        ratesOf: async () => ({ ...DEFAULT_RATES, smsSegment: 0.01 }),
      });
    const reports = () => createReports({ store, clock: handClock(NOW_MS) });

    test('its metrics are computed from calls, leads and messages', async () => {
      const { metrics } = await performanceOf()(CAMPAIGN, {});
      expect(metrics).toEqual({
        leadsReceived: 7,
        leadsContacted: 4,
        conversationsCompleted: 3,
        qualified: 4,
        siteVisits: 3,
        offersExtended: 3,
        dealsClosed: 2,
        avgQualificationScore: 0.7,
        avgSentiment: 0.2,
        avgCallDuration: 48,
        conversionRate: 0.2857,
        costPerLead: 0.13,
        costPerDeal: 0.44,
        totalRevenue: 10_000,
        // 0.85 for calls, three parts of texts.
        totalCost: 0.88,
        roi: 11_362.64,
      });
      const kept = await store.collection('campaigns').get(CAMPAIGN);
      expect(kept?.metrics).toEqual({ ...metrics, computedAt: new Date(NOW_MS) });
    });

    test('its funnel never widens', async () => {
      const { funnel } = await performanceOf()(CAMPAIGN, {});
      expect(funnel).toEqual([
        { step: 'received', leads: 7, ofFirst: 1 },
        { step: 'contacted', leads: 4, ofFirst: 0.5714 },
        { step: 'conversation', leads: 4, ofFirst: 0.5714 },
        { step: 'qualified', leads: 4, ofFirst: 0.5714 },
        { step: 'site_visit', leads: 3, ofFirst: 0.4286 },
        { step: 'offer', leads: 3, ofFirst: 0.4286 },
        { step: 'closed', leads: 2, ofFirst: 0.2857 },
      ]);
    });

    test('its outcomes, hours, days and messages are told apart', async () => {
      const { outcomes, hours, days, messages } = await performanceOf()(CAMPAIGN, {});
      expect(outcomes).toEqual([
        { outcome: 'busy', calls: 1, avgDuration: 0, cost: 0 },
        { outcome: 'callback', calls: 1, avgDuration: 60, cost: 0.2 },
        { outcome: 'denied', calls: 1, cost: 0 },
        { outcome: 'hung_up', calls: 1, avgDuration: 10, cost: 0.1 },
        { outcome: 'no_answer', calls: 1, avgDuration: 0, cost: 0 },
        { outcome: 'not_interested', calls: 1, avgDuration: 30, avgSentiment: -0.2, cost: 0.1 },
        { outcome: 'qualified', calls: 1, avgDuration: 120, avgSentiment: 0.6, cost: 0.4 },
        { outcome: 'voicemail', calls: 1, avgDuration: 20, cost: 0.05 },
      ]);
      // By the called party's clock; calls of which it is not known are left out.
      expect(hours).toEqual([
        { day: 'tue', hour: 9, calls: 2, answered: 2, reached: 1 },
        { day: 'tue', hour: 10, calls: 1, answered: 0, reached: 0 },
        { day: 'wed', hour: 13, calls: 2, answered: 2, reached: 2 },
      ]);
      // By the campaign's.
      expect(days).toEqual([
        { day: '2026-11-10', calls: 1, answered: 1, qualified: 0, cost: 0.1 },
        { day: '2026-11-17', calls: 1, answered: 0, qualified: 0, cost: 0 },
        { day: '2026-11-18', calls: 5, answered: 4, qualified: 1, cost: 0.75 },
      ]);
      expect(messages).toEqual([
        { channel: 'email', template: 'day_1', sent: 1, delivered: 0, failed: 0 },
        { channel: 'sms', template: 'day_3', sent: 2, delivered: 1, failed: 1 },
      ]);
    });

    test('without a zone of its own, the days of a campaign are those of UTC', async () => {
      const { days, metrics } = await performanceOf()(OTHER, {});
      expect(days).toEqual([{ day: '2026-11-18', calls: 1, answered: 1, qualified: 1, cost: 5 }]);
      expect(metrics).toMatchObject({ leadsReceived: 1, totalCost: 5.01 });
    });

    test('a range looks at nothing outside of it, and leaves the kept copy alone', async () => {
      const range = { from: new Date(NOW_MS - DAY_MS), to: new Date(NOW_MS + 1) };
      const { metrics, outcomes } = await performanceOf()(CAMPAIGN, range);
      expect(metrics).toMatchObject({ leadsReceived: 6, leadsContacted: 4 });
      expect(outcomes.map(({ outcome }) => outcome)).not.toContain('hung_up');
      expect(await store.collection('campaigns').get(CAMPAIGN)).not.toHaveProperty('metrics');
      await expect(performanceOf()(CAMPAIGN, { from: range.to, to: range.from })).rejects.toMatchObject({
        code: 'invalid_request',
      });
      await expect(performanceOf()('f'.repeat(24), {})).rejects.toMatchObject({ code: 'campaign_not_found' });
    });

    test('a campaign of which nothing came has no rates', async () => {
      const empty = oid('c', 3);
      await store.collection('campaigns').insert(campaign(empty));
      const { metrics, funnel } = await performanceOf()(empty, {});
      expect(metrics).toEqual({
        leadsReceived: 0,
        leadsContacted: 0,
        conversationsCompleted: 0,
        qualified: 0,
        siteVisits: 0,
        offersExtended: 0,
        dealsClosed: 0,
        totalRevenue: 0,
        totalCost: 0,
      });
      expect(funnel.every(({ leads, ofFirst }) => leads === 0 && ofFirst === 0)).toBe(true);
    });

    test('the lead funnel counts leads by status with their mean score', async () => {
      expect(await reports().leadFunnel({})).toEqual([
        { status: 'converted', count: 2, avgScore: null },
        { status: 'new', count: 2, avgScore: null },
        { status: 'active', count: 1, avgScore: 0.6 },
        { status: 'contacted', count: 1, avgScore: null },
        { status: 'lost', count: 1, avgScore: null },
        { status: 'qualified', count: 1, avgScore: 0.8 },
      ]);
      const from = new Date(NOW_MS - DAY_MS);
      expect(await reports().leadFunnel({ from, campaignId: OTHER })).toEqual([
        { status: 'contacted', count: 1, avgScore: null },
      ]);
    });

    test('the summary of a campaign groups its calls by outcome', async () => {
      const rows = await reports().campaignSummary(CAMPAIGN, { from: new Date(NOW_MS - DAY_MS) });
      expect(rows).toEqual([
        { outcome: 'no_conversation', count: 2, avgDuration: 0, avgSentiment: null, totalCost: 0 },
        { outcome: null, count: 1, avgDuration: null, avgSentiment: null, totalCost: 0 },
        { outcome: 'callback', count: 1, avgDuration: 60, avgSentiment: null, totalCost: 0.2 },
        { outcome: 'not_interested', count: 1, avgDuration: 30, avgSentiment: -0.2, totalCost: 0.1 },
        { outcome: 'opted_out', count: 1, avgDuration: 12, avgSentiment: null, totalCost: 0.1 },
        { outcome: 'qualified', count: 1, avgDuration: 120, avgSentiment: 0.6, totalCost: 0.4 },
        { outcome: 'voicemail', count: 1, avgDuration: 20, avgSentiment: null, totalCost: 0.05 },
      ]);
      await expect(reports().campaignSummary('f'.repeat(24), {})).rejects.toMatchObject({
        code: 'campaign_not_found',
      });
    });

    test('leads are counted by status and source, with the share that became deals', async () => {
      expect(await reports().leadStats({})).toEqual({
        leads: 8,
        byStatus: { active: 1, contacted: 1, converted: 2, lost: 1, new: 2, qualified: 1 },
        bySource: { csv: 4, zillow: 4 },
        conversionRate: 0.25,
      });
      const nothing = { from: new Date(0), to: new Date(1) };
      expect(await reports().leadStats(nothing)).toEqual({
        leads: 0,
        byStatus: {},
        bySource: {},
        conversionRate: null,
      });
    });

    test('a week stands beside the week before', async () => {
      const { week, before, campaigns } = await reports().weekly(new Date(NOW_MS + 1));
      expect(week).toMatchObject({
        calls: 8,
        answered: 6,
        conversations: 5,
        qualified: 2,
        optedOut: 1,
        talkTime: 120 + 60 + 30 + 20 + 600 + 12 - 6 * 5,
        avgSentiment: 0.2,
        messages: 4,
        dealsClosed: 1,
        revenue: 9_000,
        cost: 5.85,
      });
      expect(week.leads.leads).toBe(7);
      expect(week.days).toEqual([{ day: '2026-11-18', calls: 8, answered: 6 }]);
      expect(before).toMatchObject({ calls: 1, answered: 1, dealsClosed: 1, revenue: 0, cost: 0.1 });
      expect(campaigns).toEqual([
        { campaignId: CAMPAIGN, name: 'Campaign 1', calls: 7, qualified: 1, cost: 0.85 },
        { campaignId: OTHER, name: 'Campaign 2', calls: 1, qualified: 1, cost: 5 },
      ]);
    });
  });
}

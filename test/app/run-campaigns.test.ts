/**
 * The engine, rule by rule, over the embedded store and a calendar that goes as fast as the work gets done. The gate judges
 * real facts of the store; what a phone call comes to is told by the test.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type LocalStore, openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { HOUSE_CALLING } from '../../src/app/campaigns.ts';
import { createClaims } from '../../src/app/claims.ts';
import { createConsents } from '../../src/app/consents.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createGatherFacts } from '../../src/app/gather-facts.ts';
import { createLeads } from '../../src/app/leads.ts';
import type { PlaceCallRequest, Placed } from '../../src/app/place-call.ts';
import type { Log } from '../../src/app/ports.ts';
import { createRunCampaigns } from '../../src/app/run-campaigns.ts';
import type { SendStep } from '../../src/app/take-step.ts';
import type { Call, CallOutcome, CallStatus } from '../../src/domain/call.ts';
import type { Enrollment, Workflow } from '../../src/domain/campaign.ts';
import type { Campaign, Lead } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';
import { createHands } from '../simulation/life.ts';
import { createLifeClock, createTimeline, type Timeline } from '../simulation/timeline.ts';
import { trueTime } from '../support/clock.ts';
import { fullConsent } from '../support/consent.ts';

/** Wednesday, one in the afternoon in New York. */
const START_MS = Date.UTC(2026, 10, 18, 18, 0, 0);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SELLER = 'Acme Homes';

const WORKFLOW: Workflow = {
  initialContact: { method: 'automated_call', timing: 'immediately', maxAttempts: 2, retryDelay: 7_200 },
  followUp: [
    { delay: 86_400, method: 'sms', template: 'day_1' },
    { delay: 172_800, method: 'automated_call' },
  ],
};

interface Came {
  readonly outcome?: CallOutcome;
  readonly status?: CallStatus;
  readonly tookSec?: number;
  readonly callbackAt?: Date;
  readonly cost?: number;
}
const BUSY: Came = { status: 'busy', outcome: 'no_conversation', tookSec: 4 };

let dir: string;
let store: LocalStore;
let time: Timeline;
const hands = createHands();
const sentences: string[] = [];
const told = (_fields: object, sentence: string): void => void sentences.push(sentence);
const log: Log = { debug: () => {}, info: () => {}, warn: told, error: told };

beforeEach(async () => {
  dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-engine-'));
  store = await openLocalStore({ dir, log });
  time = createTimeline(START_MS);
  sentences.length = 0;
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

/** One process of ours; `home`: others may work on the store too. */
function process(options: { readonly lines?: number; readonly home?: string } = {}) {
  const clock = createLifeClock(time, START_MS);
  const ids = createIds(time.nowMs);
  const stop = new AbortController();
  let dead = false;
  const never = (): Promise<never> => new Promise(() => {});
  /** Time stands still while the store works; the dead get no answer. */
  const mortal = <T extends object>(target: T, called = ''): T =>
    new Proxy(target, {
      get(of, name) {
        const value: unknown = Reflect.get(of, name);
        if (name === 'home') return options.home;
        if (typeof value !== 'function') return value;
        if (name === 'collection') return (called: 'leads') => mortal(store.collection(called), called);
        return async (...args: unknown[]) => {
          if (dead || (name === 'find' && called === self.unanswered)) return await never();
          const answer: unknown = await hands.busy(value.apply(of, args) as Promise<unknown>);
          return dead ? await never() : answer;
        };
      },
    });
  const door = mortal(store);
  const deps = {
    store: door,
    clock,
    ids,
    log,
    sellerName: SELLER,
    timekeeping: trueTime,
    stopCallsTo: async () => {},
  };
  const news = {
    arrived: (leadIds: readonly string[]) => void hands.busy(engine.arrived(leadIds)),
    changed: (leadIds: readonly string[]) => void hands.busy(engine.changed(leadIds)),
  };
  const dnc = createDnc({ ...deps, news });
  const consents = createConsents({ ...deps, news, dnc });
  const self = {
    placed: [] as { readonly leadId: string; readonly at: number; readonly key: string }[],
    sent: [] as { readonly leadId: string; readonly at: number; readonly template: string }[],
    /** What calls come to, one after the other; the last one again and again. */
    comes: [BUSY] as Came[],
    /** What becomes of a request before anybody is called. */
    refuse: undefined as Failure | undefined,
    answer: { kind: 'sent' } as Awaited<ReturnType<SendStep>>,
    /** A collection in which nothing is found any more, nor that there is nothing. */
    unanswered: undefined as string | undefined,
    /** The process dies when it has placed the next call. */
    dieBehindDial: false,
    lines: options.lines ?? 10,
    most: 0,
    leads: createLeads({ ...deps, news, consents }),
    consents,
    dnc,
    die() {
      dead = true;
      clock.stop();
    },
  };
  let talking = 0;

  async function placeCall(request: PlaceCallRequest): Promise<Placed> {
    if (self.refuse) throw self.refuse;
    const { leadId, campaignId, requestedBy, idempotencyKey = '' } = request;
    const key = `${requestedBy}:${idempotencyKey}`;
    const [known] = await store.collection('attempts').find({ filter: { idempotencyKey: key }, limit: 1 });
    const old = known && (await store.collection('calls').get(known.callId));
    if (old) return { kind: 'placed', call: old };
    const at = new Date(time.nowMs());
    const lead = await store.collection('leads').get(leadId);
    const phone = lead?.contact.phone ?? '';
    const call = {
      _id: ids.objectId(),
      attemptId: ids.objectId(),
      leadId,
      ...(campaignId === undefined ? {} : { campaignId }),
      contactPhone: phone,
      status: 'initiated',
      direction: 'outbound',
      initiatedAt: at,
      dialedAt: at,
      followUpActions: [],
      createdBy: requestedBy,
      createdAt: at,
      updatedAt: at,
    } as unknown as Call;
    await store.collection('calls').insert(call);
    await store.collection('attempts').insert({
      _id: call.attemptId,
      callId: call._id,
      leadId,
      phone,
      subject: HOUSE_CALLING.subject,
      direction: 'outbound',
      reservedAt: at,
      state: 'dialed',
      idempotencyKey: key,
      createdAt: at,
      updatedAt: at,
    });
    self.placed.push({ leadId, at: time.nowMs(), key });
    talking += 1;
    self.most = Math.max(self.most, talking);
    const came = (self.comes.length > 1 ? self.comes.shift() : self.comes[0]) ?? BUSY;
    time.at(time.nowMs() + (came.tookSec ?? 40) * 1_000, () => void hands.busy(over(call, came)));
    return { kind: 'placed', call };
  }

  async function over(call: Call, came: Came): Promise<void> {
    talking -= 1;
    const { status = 'completed', outcome, callbackAt, cost } = came;
    const endedAt = new Date(time.nowMs());
    const ended = await store.collection('calls').update(
      { _id: call._id },
      {
        $set: {
          status,
          outcome: outcome ?? 'no_conversation',
          endedAt,
          ...(status === 'completed' ? { answeredAt: call.initiatedAt } : {}),
          ...(status === 'failed' ? { endReason: 'dial_refused: the account is suspended' } : {}),
          ...(cost === undefined ? {} : { cost: { totalCost: cost } }),
          ...(callbackAt === undefined
            ? {}
            : {
                followUpActions: [
                  { type: 'callback', scheduledFor: callbackAt, notes: '', completed: false },
                ],
              }),
        },
      },
    );
    await store.collection('attempts').update({ _id: call.attemptId }, { $set: { state: 'closed' } });
    if (ended && !dead) await engine.callOver(ended);
  }

  const engine = createRunCampaigns({
    ...deps,
    claims: createClaims(deps),
    gatherFacts: createGatherFacts(deps),
    async placeCall(request) {
      const placed = await hands.busy(placeCall(request));
      if (self.dieBehindDial) self.die();
      return dead ? await never() : placed;
    },
    async sendMessage({ leadId, template }) {
      self.sent.push({ leadId, at: time.nowMs(), template });
      return self.answer;
    },
    linesFree: () => self.lines - talking,
    callsPerSecond: 1_000,
    slotMs: () => 0,
    shutdown: stop.signal,
  });
  engine.begin();
  return Object.assign(self, { engine });
}

type Process = ReturnType<typeof process>;
async function pass(ms: number): Promise<void> {
  await hands.empty();
  await time.pass(time.nowMs() + ms, () => hands.empty());
}

let campaigns = 0;
async function campaign(more: Partial<Campaign> = {}): Promise<Campaign> {
  campaigns += 1;
  const at = new Date(time.nowMs());
  const made: Campaign = {
    _id: campaigns.toString(16).padStart(24, 'c'),
    name: `Campaign ${campaigns}`,
    type: 'wholesale',
    status: 'active',
    calling: HOUSE_CALLING,
    workflow: WORKFLOW,
    startedAt: at,
    createdAt: at,
    updatedAt: at,
    ...more,
  };
  await store.collection('campaigns').insert(made);
  return made;
}

async function alter(of: Process, id: string, set: Partial<Campaign>, unset: object = {}): Promise<void> {
  const updatedAt = new Date(time.nowMs() + 1);
  await store.collection('campaigns').update({ _id: id }, { $set: { ...set, updatedAt }, $unset: unset });
  of.engine.campaignChanged(id);
  await hands.empty();
}

let people = 0;
/** A lead in New York; `consent: false`: one that nobody may call. */
async function lead(
  of: Process,
  more: { readonly campaignId?: string; readonly consent?: false; readonly source?: string } = {},
): Promise<Lead> {
  people += 1;
  const { campaignId, source = 'test' } = more;
  const made = await of.leads.create(
    {
      source,
      externalId: `lead ${people}`,
      contact: {
        firstName: 'Ana',
        lastName: 'Ruiz',
        phone: `+1212555${2_000 + people}`,
        address: { state: 'NY', zipCode: '10001' },
      },
      ...(campaignId === undefined ? {} : { campaignId }),
      ...(more.consent === false ? {} : { consent: fullConsent(SELLER) }),
    },
    'test',
  );
  await hands.empty();
  return made;
}

const enrolled = async ({ _id: leadId }: Lead): Promise<Enrollment> => {
  const [found] = await store.collection('enrollments').find({ filter: { leadId } });
  if (!found) throw new Error('the lead is not enrolled');
  return found;
};

describe('a lead', () => {
  test('is called at once when it comes in, and again by the rules of its outcome', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    of.engine.campaignChanged(campaignId);
    const ana = await lead(of, { campaignId });
    await pass(1_000);
    expect(of.placed).toEqual([{ leadId: ana._id, at: START_MS, key: expect.any(String) }]);
    await pass(2 * HOUR + 10_000);
    expect(of.placed.map(({ at }) => (at - START_MS) / 1_000)).toEqual([0, 7_204]);
    expect(await enrolled(ana)).toMatchObject({ stage: 'follow_up', step: 0, calls: 2, lastOutcome: 'busy' });
  });

  test('goes through the whole workflow, to its end', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    const ana = await lead(of, { campaignId });
    await pass(3 * DAY);
    expect(of.placed).toHaveLength(3);
    expect(of.sent.map(({ template }) => template)).toEqual(['day_1']);
    const done = await enrolled(ana);
    expect(done).toMatchObject({ stage: 'ended', ended: { why: 'exhausted' }, calls: 3, messages: 1 });
    expect([done.dueAt, done.holder, done.working, done.waiting]).toEqual(Array(4).fill(undefined));
  });

  test('that was reached, said no or asked for a callback is treated so', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    const callbackAt = new Date(START_MS + 3 * HOUR);
    of.comes = [{ outcome: 'qualified' }, { outcome: 'not_interested' }, { outcome: 'callback', callbackAt }];
    const leads: Lead[] = [];
    for (let n = 0; n < 3; n += 1) {
      leads.push(await lead(of, { campaignId }));
      await pass(60_000);
    }
    const [reached, no, later] = await Promise.all(leads.map(enrolled));
    expect(reached?.ended?.why).toBe('reached');
    expect(no?.ended?.why).toBe('not_interested');
    expect(later).toMatchObject({ stage: 'callback', priority: 0, dueAt: callbackAt });
    await pass(3 * HOUR);
    expect(of.placed.at(-1)?.at).toBe(callbackAt.getTime());
  });

  test('without consent waits with the reason, and is called at once when the consent comes', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    const ana = await lead(of, { campaignId, consent: false });
    await pass(HOUR);
    expect(of.placed).toEqual([]);
    const waits = await enrolled(ana);
    expect(waits.waiting).toMatchObject({
      reason: 'consent_missing',
      explanation: expect.stringContaining('consent'),
    });
    expect(waits.waiting?.until).toBeUndefined();
    await of.consents.grant({ ...fullConsent(SELLER), phone: ana.contact.phone, leadId: ana._id }, 'test');
    await pass(1_000);
    expect(of.placed).toHaveLength(1);
    expect((await enrolled(ana)).waiting).toBeUndefined();
  });

  test('that may be called later waits until then', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    // Eleven at night in New York.
    await pass(10 * HOUR);
    const ana = await lead(of, { campaignId });
    await pass(60_000);
    const opensAt = new Date(Date.UTC(2026, 10, 19, 13, 0, 0));
    expect((await enrolled(ana)).waiting).toMatchObject({ reason: 'outside_federal_hours', until: opensAt });
    await pass(10 * HOUR);
    expect(of.placed.map(({ at }) => at)).toEqual([opensAt.getTime()]);
  });

  test('who opts out, is lost or converted is left alone, whatever was planned', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    const [out, lost, sold] = [
      await lead(of, { campaignId }),
      await lead(of, { campaignId }),
      await lead(of, { campaignId }),
    ];
    await pass(60_000);
    await of.dnc.optOut({ leadId: out._id, channel: 'email', words: 'no more' });
    await of.leads.update(lost._id, { status: 'lost' }, 'test');
    await of.leads.update(sold._id, { status: 'converted' }, 'test');
    await pass(1_000);
    const whys = await Promise.all([out, lost, sold].map(async (each) => (await enrolled(each)).ended?.why));
    expect(whys).toEqual(['opted_out', 'removed', 'converted']);
    await pass(3 * DAY);
    expect(of.placed).toHaveLength(3);
    expect(of.sent).toEqual([]);
  });

  test('whom nobody reached is called from the first step again when somebody reopens it, or it sends a form again', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    const ana = await lead(of, { campaignId });
    await pass(3 * DAY);
    expect((await enrolled(ana)).ended?.why).toBe('exhausted');
    await hands.busy(of.engine.reopen(campaignId, ana._id));
    await pass(60_000);
    expect(of.placed).toHaveLength(4);
    const again = await enrolled(ana);
    expect(again).toMatchObject({ stage: 'initial', step: 1, calls: 4 });
    expect(again.ended).toBeUndefined();
    await expect(of.engine.reopen(campaignId, ana._id)).rejects.toMatchObject({ code: 'campaign_conflict' });
    await pass(3 * DAY);
    expect((await enrolled(ana)).ended?.why).toBe('exhausted');
    await hands.busy(of.engine.cameAgain(ana._id));
    await pass(60_000);
    // Called again, or as soon as the caps of the gate allow, which count the calls before.
    expect(await enrolled(ana)).toMatchObject({ stage: 'initial', step: 0, waiting: expect.anything() });
    expect(new Set(of.placed.map(({ key }) => key)).size).toBe(6);
  });

  test('who said no, or whom something else stands against, is not called again by itself', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    of.comes = [{ outcome: 'not_interested' }];
    const no = await lead(of, { campaignId });
    const lost = await lead(of, { campaignId });
    await pass(3 * DAY);
    await store.collection('leads').update({ _id: lost._id }, { $set: { status: 'lost' } });
    for (const { _id } of [no, lost]) await hands.busy(of.engine.cameAgain(_id));
    await pass(60_000);
    expect(of.placed).toHaveLength(2);
    await expect(of.engine.reopen(campaignId, lost._id)).rejects.toMatchObject({ code: 'campaign_conflict' });
    await expect(of.engine.reopen(campaignId, 'f'.repeat(24))).rejects.toMatchObject({ code: 'not_found' });
    await hands.busy(of.engine.reopen(campaignId, no._id));
    await pass(60_000);
    expect(of.placed).toHaveLength(3);
  });

  test('that somebody missed is found by counting when the process begins again', async () => {
    const { _id: campaignId } = await campaign();
    let of = process();
    const first = await lead(of, { campaignId });
    await pass(60_000);
    of.die();
    of = process();
    await pass(60_000);
    expect((await store.collection('campaign_use').get(campaignId))?.swept?.apart).toBe(0);
    of.die();
    const missed = {
      ...first,
      _id: 'e'.repeat(24),
      externalId: 'missed',
      receivedAt: new Date(START_MS - 90 * DAY),
    };
    await store.collection('leads').insert(missed);
    of = process();
    await pass(60_000);
    expect(await enrolled(missed)).toMatchObject({ campaignId });
  });

  test('that somebody reached in another call is not called by the campaign', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    const ana = await lead(of, { campaignId });
    await pass(60_000);
    await of.engine.callOver({
      _id: 'inbound',
      leadId: ana._id,
      status: 'completed',
      outcome: 'qualified',
      answeredAt: new Date(time.nowMs()),
      followUpActions: [],
      createdBy: 'carrier',
    } as unknown as Call);
    expect((await enrolled(ana)).ended?.why).toBe('reached');
  });
});

describe('a campaign', () => {
  test('takes its own leads, and with a targeting those of nobody that fit; the best fit wins', async () => {
    const of = process();
    const own = await campaign();
    const wide = await campaign({ targeting: {} });
    const fits = await campaign({ targeting: { leadSources: ['zillow'], intent: ['seller'] } });
    of.engine.campaignChanged(own._id);
    const theirs = await lead(of, { campaignId: own._id });
    const free = await lead(of, { source: 'somewhere' });
    expect((await enrolled(theirs)).campaignId).toBe(own._id);
    expect((await enrolled(free)).campaignId).toBe(wide._id);
    expect((await store.collection('leads').get(free._id))?.campaignId).toBe(wide._id);
    expect(fits._id).not.toBe(wide._id);
  });

  test('judges a lead that it takes by what it looks for, and keeps when it came', async () => {
    const of = process();
    const { _id: campaignId } = await campaign({
      targeting: { leadSources: ['zillow'], qualification: { minScore: 0.05 } },
    });
    of.engine.campaignChanged(campaignId);
    const taken = await lead(of, { source: 'zillow' });
    const now = await store.collection('leads').get(taken._id);
    expect(now).toMatchObject({ campaignId, assignedAt: expect.any(Date) });
    expect(now?.qualification?.qualified).toBe(true);
  });

  test('takes the leads that were there before it began, and each once however often it is looked', async () => {
    const of = process();
    const { _id: campaignId } = await campaign({ status: 'draft' });
    const leads = [await lead(of, { campaignId }), await lead(of, { campaignId })];
    await alter(of, campaignId, { status: 'active' });
    await pass(2 * DAY);
    for (const each of leads)
      expect(await store.collection('enrollments').count({ leadId: each._id })).toBe(1);
  });

  test('works in its hours only, and tells until when it rests', async () => {
    const of = process();
    const day = { start: '14:00', end: '15:00' };
    const { _id: campaignId } = await campaign({
      schedule: {
        callingHours: {
          timezone: 'America/New_York',
          monday: day,
          tuesday: day,
          wednesday: day,
          thursday: day,
          friday: day,
          saturday: null,
          sunday: null,
        },
      },
    });
    await lead(of, { campaignId });
    await pass(30 * 60_000);
    expect(of.placed).toEqual([]);
    const work = await of.engine.work(campaignId);
    expect(work).toMatchObject({
      stoppedBy: 'hours',
      resumesAt: new Date(START_MS + HOUR),
      counts: { due: 1 },
    });
    expect(work.says).toBe('Waits for its hours until Wed, 2:00 PM EST');
    await pass(HOUR);
    expect(of.placed.map(({ at }) => at)).toEqual([START_MS + HOUR]);
  });

  test('keeps its calls and new leads a day, and goes on the next day', async () => {
    const of = process();
    const calls = await campaign({ budget: { maxCallsPerDay: 2 } });
    const news = await campaign({ budget: { maxLeadsPerDay: 1 } });
    for (let n = 0; n < 3; n += 1) {
      await lead(of, { campaignId: calls._id });
      await lead(of, { campaignId: news._id });
    }
    await pass(HOUR);
    const byCampaign = (id: string) => of.placed.filter(({ key }) => key.startsWith(`campaign:${id}`)).length;
    expect(byCampaign(calls._id)).toBe(2);
    expect(byCampaign(news._id)).toBe(1);
    expect(await of.engine.work(calls._id)).toMatchObject({ stoppedBy: 'day_limit', today: { calls: 2 } });
    // The second try of the one that was called is no new lead.
    await pass(1.5 * HOUR);
    expect(byCampaign(news._id)).toBe(2);
    await pass(DAY);
    expect(byCampaign(news._id)).toBeGreaterThan(2);
    expect(byCampaign(calls._id)).toBe(4);
  });

  test('whose budget is spent is paused with the reason, and counts what calls really cost', async () => {
    const of = process();
    const budget = { totalBudget: 1, costPerCall: 0.4 };
    const { _id: campaignId } = await campaign({ budget });
    of.comes = [{ outcome: 'hung_up', cost: 0.1 }];
    for (let n = 0; n < 10; n += 1) {
      await lead(of, { campaignId });
      await pass(60_000);
    }
    const paused = await store.collection('campaigns').get(campaignId);
    // Seven calls at 0.10, and an eighth reckoned with 0.40 would be too much.
    expect(of.placed).toHaveLength(7);
    expect(paused).toMatchObject({ status: 'paused', hold: { code: 'budget' } });
    expect(await of.engine.work(campaignId)).toMatchObject({ stoppedBy: 'budget', spent: 0.7 });
  });

  test('is paused when calls keep failing, says why, and goes on when somebody resumes it', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    of.comes = [{ status: 'failed', outcome: 'no_conversation', tookSec: 2 }];
    for (let n = 0; n < 14; n += 1) {
      await lead(of, { campaignId });
      await pass(5_000);
    }
    expect(of.placed).toHaveLength(10);
    const paused = await store.collection('campaigns').get(campaignId);
    expect(paused).toMatchObject({ status: 'paused', hold: { code: 'failures' } });
    expect(paused?.hold?.says).toContain('the account is suspended');
    of.comes = [{ outcome: 'qualified' }];
    await alter(of, campaignId, { status: 'active', resumedAt: new Date(time.nowMs()) }, { hold: '' });
    await pass(60_000);
    expect(of.placed).toHaveLength(14);
    expect((await store.collection('campaigns').get(campaignId))?.status).toBe('active');
  });

  test('that is paused begins nothing, and settles what is under way', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    const ana = await lead(of, { campaignId });
    await pass(1_000);
    await alter(of, campaignId, { status: 'paused' });
    const bert = await lead(of, { campaignId });
    await pass(DAY);
    expect(of.placed).toHaveLength(1);
    expect(await enrolled(ana)).toMatchObject({ step: 1, calls: 1 });
    await expect(enrolled(bert)).rejects.toThrow();
    await alter(of, campaignId, { status: 'active' });
    await pass(60_000);
    expect(of.placed).toHaveLength(3);
  });

  test('whose last day is over is completed, and nothing more is planned for its leads', async () => {
    const of = process();
    const { _id: campaignId } = await campaign({ schedule: { endDate: new Date(START_MS + HOUR) } });
    const ana = await lead(of, { campaignId });
    await pass(2 * HOUR);
    expect((await store.collection('campaigns').get(campaignId))?.status).toBe('completed');
    expect(await enrolled(ana)).toMatchObject({ calls: 1, ended: { why: 'campaign_over' } });
  });

  test('keeps its own pace and its own number of calls at a time', async () => {
    const of = process();
    const slow = await campaign({ pacing: { callsPerSecond: 0.1 } });
    const few = await campaign({ pacing: { maxConcurrentCalls: 2 } });
    of.comes = [{ outcome: 'hung_up', tookSec: 100 }];
    for (let n = 0; n < 4; n += 1) {
      await lead(of, { campaignId: slow._id });
      await lead(of, { campaignId: few._id });
    }
    await pass(60_000);
    const times = (id: string) =>
      of.placed
        .filter(({ key }) => key.startsWith(`campaign:${id}`))
        .map(({ at }) => Math.round((at - START_MS) / 1_000));
    expect(times(slow._id)).toEqual([0, 10, 20, 30]);
    expect(times(few._id)).toEqual([0, 0]);
    await pass(60_000);
    expect(times(few._id)).toEqual([0, 0, 100, 100]);
  });

  test('calls whoever came in last first, and an agreed callback before all', async () => {
    const of = process({ lines: 1 });
    const { _id: campaignId } = await campaign({ status: 'draft' });
    const order: Lead[] = [];
    for (let n = 0; n < 3; n += 1) {
      order.push(await lead(of, { campaignId }));
      await pass(1_000);
    }
    await alter(of, campaignId, { status: 'active' });
    await pass(30_000);
    expect(of.placed.map(({ leadId }) => leadId)).toEqual(order.map(({ _id }) => _id).reverse());
  });
});

describe('the lines', () => {
  test('are never more than there are, and shared fairly among campaigns with work', async () => {
    const of = process({ lines: 4 });
    const [a, b] = [await campaign(), await campaign()];
    of.comes = [{ outcome: 'hung_up', tookSec: 30 }];
    // One has ten times the leads of the other.
    for (let n = 0; n < 40; n += 1) await lead(of, { campaignId: a._id });
    for (let n = 0; n < 8; n += 1) await lead(of, { campaignId: b._id });
    await pass(62_000);
    expect(of.most).toBe(4);
    const mine = (id: string) => of.placed.filter(({ key }) => key.startsWith(`campaign:${id}`));
    expect(mine(b._id).length).toBeGreaterThan(1);
    await pass(HOUR);
    expect(of.placed).toHaveLength(48);
    expect(of.most).toBe(4);
  });

  test('that are full put a step off and lose nothing', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    of.refuse = new Failure('at_capacity', 'all lines are in use');
    const ana = await lead(of, { campaignId });
    await pass(10_000);
    expect(of.placed).toEqual([]);
    expect((await of.engine.work(campaignId)).today.calls).toBe(0);
    of.refuse = undefined;
    await pass(2_000);
    expect(of.placed).toHaveLength(1);
    expect((await enrolled(ana)).turn).toBe(0);
  });

  test('somebody who is in a call already is tried again a minute later', async () => {
    const of = process();
    const { _id: campaignId } = await campaign();
    of.refuse = new Failure('attempt_in_progress', 'this person is being called right now');
    const ana = await lead(of, { campaignId });
    await pass(1_000);
    expect((await enrolled(ana)).waiting).toMatchObject({ reason: 'in_a_call' });
    of.refuse = undefined;
    await pass(61_000);
    expect(of.placed).toHaveLength(1);
  });
});

describe('a message', () => {
  const MESSAGES: Workflow = {
    initialContact: { method: 'automated_call', timing: 'immediately', maxAttempts: 1, retryDelay: 60 },
    followUp: [
      { delay: 3_600, method: 'sms', template: 'one' },
      { delay: 7_200, method: 'email', template: 'two' },
    ],
  };
  const denied = (reason: string, nextAllowedAt: Date | null): Awaited<ReturnType<SendStep>> =>
    ({
      kind: 'denied',
      decision: { reason, reasons: [reason], explanation: 'Blocked.', nextAllowedAt },
    }) as unknown as Awaited<ReturnType<SendStep>>;

  test('that something of the person stands against is left out, and the sequence goes on', async () => {
    const of = process();
    const { _id: campaignId } = await campaign({ workflow: MESSAGES });
    const ana = await lead(of, { campaignId });
    of.answer = denied('email_missing', null);
    await pass(4 * HOUR);
    expect(of.sent.map(({ template }) => template)).toEqual(['one', 'two']);
    expect(await enrolled(ana)).toMatchObject({
      messages: 0,
      ended: { why: 'exhausted' },
      lastOutcome: 'email_denied',
    });
  });

  test('that only time bars is waited for; one of somebody who said stop ends it', async () => {
    const of = process();
    const { _id: campaignId } = await campaign({ workflow: MESSAGES });
    const ana = await lead(of, { campaignId });
    const until = new Date(START_MS + 5 * HOUR);
    of.answer = denied('outside_federal_hours', until);
    await pass(2 * HOUR);
    expect(await enrolled(ana)).toMatchObject({ step: 0, waiting: { until }, dueAt: until });
    of.answer = denied('consent_revoked', null);
    await pass(4 * HOUR);
    expect((await enrolled(ana)).ended?.why).toBe('opted_out');
  });
});

describe('of two processes on one store', () => {
  test('a campaign keeps its pace over both, and over the death of one', async () => {
    const [one, two] = [process({ home: 'one' }), process({ home: 'two' })];
    const { _id: campaignId } = await campaign({ pacing: { callsPerSecond: 0.1 } });
    for (let n = 0; n < 12; n += 1) await lead(n % 2 ? one : two, { campaignId });
    await pass(35_000);
    one.die();
    const three = process({ home: 'three' });
    await pass(45_000);
    const times = [...one.placed, ...two.placed, ...three.placed].map(({ at }) => at).sort((a, b) => a - b);
    expect(times.length).toBeGreaterThan(5);
    for (const [n, at] of times.slice(1).entries())
      expect(at - (times[n] ?? 0)).toBeGreaterThanOrEqual(10_000);
  });

  test('each step is taken once', async () => {
    const [one, two] = [process({ home: 'one' }), process({ home: 'two' })];
    const { _id: campaignId } = await campaign();
    for (const each of [one, two]) each.engine.campaignChanged(campaignId);
    for (let n = 0; n < 24; n += 1) await lead(n % 2 ? one : two, { campaignId });
    await pass(120_000);
    const keys = [...one.placed, ...two.placed].map(({ key }) => key);
    expect(keys).toHaveLength(24);
    expect(new Set(keys).size).toBe(24);
    expect(one.placed.length * two.placed.length).toBeGreaterThan(0);
  });

  test('steps are begun while campaigns are read again, however long that takes', async () => {
    const of = process({ home: 'one' });
    const { _id: campaignId } = await campaign();
    of.engine.campaignChanged(campaignId);
    await pass(1_000);
    of.unanswered = 'campaigns';
    await pass(6_000);
    const ana = await lead(of, { campaignId });
    await pass(1_000);
    expect(of.placed.map(({ leadId }) => leadId)).toEqual([ana._id]);
  });

  test('what one held when it died is done by the other when the lease is over, and a call it had placed is not placed again', async () => {
    const [one, two] = [process({ home: 'one' }), process({ home: 'two', lines: 0 })];
    const { _id: campaignId } = await campaign();
    one.dieBehindDial = true;
    const ana = await lead(one, { campaignId });
    await pass(1_000);
    expect(one.placed).toHaveLength(1);
    expect((await enrolled(ana)).working).toBeUndefined();
    two.lines = 10;
    await pass(70_000);
    const after = await enrolled(ana);
    expect(two.placed).toEqual([]);
    expect(after).toMatchObject({ calls: 1, turn: 1, lastOutcome: 'busy' });
    expect((await two.engine.work(campaignId)).today.calls).toBe(1);
  });

  test('a call whose end was told to a process that died is settled by the other', async () => {
    const [one, two] = [process({ home: 'one' }), process({ home: 'two', lines: 0 })];
    const { _id: campaignId } = await campaign();
    const ana = await lead(one, { campaignId });
    await pass(1_000);
    expect((await enrolled(ana)).working).toBeDefined();
    one.die();
    await pass(20_000);
    expect(await enrolled(ana)).toMatchObject({ calls: 1, turn: 1, lastOutcome: 'busy' });
    expect(two.placed).toEqual([]);
  });
});

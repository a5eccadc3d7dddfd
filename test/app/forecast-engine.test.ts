/**
 * The forecast beside what then happens: the same campaign is foretold, and then worked by the engine over a calendar that
 * goes as fast as the work gets done. The gate judges real facts for both.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalStore, openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { createCampaigns } from '../../src/app/campaigns.ts';
import { createClaims } from '../../src/app/claims.ts';
import { createConsents } from '../../src/app/consents.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createForecastCampaign } from '../../src/app/forecast-campaign.ts';
import { createGatherFacts } from '../../src/app/gather-facts.ts';
import { createGatherMany } from '../../src/app/gather-many.ts';
import { createLeads } from '../../src/app/leads.ts';
import type { PlaceCallRequest, Placed } from '../../src/app/place-call.ts';
import { createRunCampaigns } from '../../src/app/run-campaigns.ts';
import type { Call } from '../../src/domain/call.ts';
import { DEFAULT_RATES } from '../../src/domain/cost.ts';
import { createHands } from '../simulation/life.ts';
import { createLifeClock, createTimeline } from '../simulation/timeline.ts';
import { trueTime } from '../support/clock.ts';
import { fullConsent } from '../support/consent.ts';

/** Wednesday, five in the afternoon in New York, noon in Honolulu. */
const START_MS = Date.UTC(2026, 10, 18, 22, 0, 0);
const HOUR_MS = 3_600_000;
const SELLER = 'Acme Homes';
const LINES = 4;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** What calls come to, one after the other and then from the first again. */
const COMES = [
  { outcome: 'not_interested', status: 'completed', tookSec: 75, cost: 0.15 },
  { outcome: 'no_conversation', status: 'no_answer', tookSec: 30, cost: 0 },
  { outcome: 'voicemail', status: 'completed', tookSec: 25, cost: 0.05 },
  { outcome: 'qualified', status: 'completed', tookSec: 180, cost: 0.4 },
  { outcome: 'no_conversation', status: 'no_answer', tookSec: 30, cost: 0 },
  { outcome: 'not_interested', status: 'completed', tookSec: 50, cost: 0.12 },
  { outcome: 'no_conversation', status: 'busy', tookSec: 5, cost: 0 },
  { outcome: 'voicemail', status: 'completed', tookSec: 25, cost: 0.05 },
] as const;

let dir: string;
let store: LocalStore;
beforeEach(async () => {
  dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-foretold-'));
  store = await openLocalStore({ dir, log: quiet });
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

test('a campaign makes the calls that were foretold, reaches as many, costs as much and ends when it was said', async () => {
  const time = createTimeline(START_MS);
  const hands = createHands();
  const clock = createLifeClock(time, START_MS);
  const ids = createIds(time.nowMs);
  const stop = new AbortController();
  const busyStore = new Proxy(store, {
    get(of, name) {
      const value: unknown = Reflect.get(of, name);
      if (name !== 'collection') return typeof value === 'function' ? value.bind(of) : value;
      return (called: 'leads') =>
        new Proxy(store.collection(called), {
          get(collection, verb) {
            const method: unknown = Reflect.get(collection, verb);
            return typeof method === 'function'
              ? (...args: unknown[]) => hands.busy(method.apply(collection, args) as Promise<unknown>)
              : method;
          },
        });
    },
  });
  const deps = {
    store: busyStore,
    clock,
    ids,
    log: quiet,
    sellerName: SELLER,
    timekeeping: trueTime,
    stopCallsTo: async () => {},
  };
  const dnc = createDnc(deps);
  const consents = createConsents({ ...deps, dnc });
  const leads = createLeads({ ...deps, consents });
  const campaigns = createCampaigns({ ...deps, changed: (id) => engine.campaignChanged(id) });

  let turns = 0;
  let talking = 0;
  const placed: {
    readonly at: number;
    readonly over: number;
    readonly reached: boolean;
    readonly cost: number;
  }[] = [];
  async function placeCall({
    leadId,
    campaignId,
    requestedBy,
    idempotencyKey = '',
  }: PlaceCallRequest): Promise<Placed> {
    const came = COMES[turns % COMES.length] ?? COMES[0];
    turns += 1;
    const at = new Date(time.nowMs());
    const phone = (await store.collection('leads').get(leadId))?.contact.phone ?? '';
    const call = callOf(ids.objectId(), at, {
      leadId,
      ...(campaignId ? { campaignId } : {}),
      contactPhone: phone,
      status: 'initiated',
    });
    await store.collection('calls').insert(call);
    await store.collection('attempts').insert({
      _id: call.attemptId,
      callId: call._id,
      leadId,
      phone,
      subject: 'Foretold',
      direction: 'outbound',
      reservedAt: at,
      state: 'dialed',
      idempotencyKey: `${requestedBy}:${idempotencyKey}`,
      createdAt: at,
      updatedAt: at,
    });
    talking += 1;
    const overMs = time.nowMs() + came.tookSec * 1_000;
    placed.push({
      at: time.nowMs(),
      over: overMs,
      reached: came.outcome === 'not_interested' || came.outcome === 'qualified',
      cost: came.cost,
    });
    time.at(overMs, () => void hands.busy(over(call, came)));
    return { kind: 'placed', call };
  }
  async function over(call: Call, { outcome, status, cost }: (typeof COMES)[number]): Promise<void> {
    talking -= 1;
    const ended = await store.collection('calls').update(
      { _id: call._id },
      {
        $set: {
          status,
          outcome,
          endedAt: new Date(time.nowMs()),
          ...(cost === 0 ? {} : { cost: { totalCost: cost }, answeredAt: call.initiatedAt }),
        },
      },
    );
    await store.collection('attempts').update({ _id: call.attemptId }, { $set: { state: 'closed' } });
    if (ended) await engine.callOver(ended);
  }
  const engine = createRunCampaigns({
    ...deps,
    claims: createClaims(deps),
    gatherFacts: createGatherFacts(deps),
    placeCall: (request) => hands.busy(placeCall(request)),
    sendMessage: async () => ({ kind: 'sent' }),
    linesFree: () => LINES - talking,
    callsPerSecond: 2,
    slotMs: () => 0,
    shutdown: stop.signal,
  });
  engine.begin();

  // What calls came to before, from which it is foretold.
  for (let n = 0; n < 5 * COMES.length; n += 1) {
    const came = COMES[n % COMES.length] ?? COMES[0];
    const at = new Date(START_MS - (n + 1) * HOUR_MS);
    await store.collection('calls').insert(
      callOf(ids.objectId(), at, {
        contactPhone: '+12125551999',
        status: came.status,
        outcome: came.outcome,
        endedAt: new Date(at.getTime() + came.tookSec * 1_000),
        ...(came.cost === 0 ? {} : { cost: { totalCost: came.cost } as NonNullable<Call['cost']> }),
      }),
    );
  }
  const campaign = await campaigns.create(
    {
      name: 'Foretold',
      type: 'wholesale',
      workflow: {
        initialContact: {
          method: 'automated_call',
          timing: 'within_5_minutes',
          maxAttempts: 2,
          retryDelay: 3 * 3_600,
        },
        followUp: [{ delay: 86_400, method: 'automated_call' }],
      },
    },
    'ada',
  );
  const PLACES = [
    { area: '212', state: 'NY', zipCode: '10001' },
    { area: '808', state: 'HI', zipCode: '96813' },
  ] as const;
  const PEOPLE = 64;
  for (let n = 0; n < PEOPLE; n += 1) {
    const { area, ...address } = PLACES[n % 2] ?? PLACES[0];
    const phone = `+1${area}555${2_000 + n}`;
    await leads.create(
      {
        source: 'csv',
        externalId: `row-${n}`,
        campaignId: campaign._id,
        contact: { firstName: 'Ana', lastName: `${n}`, phone, address },
        ...(n % 8 === 7 ? {} : { consent: fullConsent(SELLER) }),
      },
      'ada',
    );
    if (n % 16 === 3) await dnc.add({ phone, scope: 'internal', source: 'letter' }, 'ada');
  }

  const forecasts = createForecastCampaign({
    ...deps,
    gatherMany: createGatherMany({ ...deps, gatherFacts: createGatherFacts(deps) }),
    ratesOf: async () => DEFAULT_RATES,
    maxConcurrentCalls: LINES,
    callsPerSecond: 2,
    inboundReserve: 0,
    shutdown: stop.signal,
  });
  await forecasts.start(campaign._id);
  await forecasts.settled();
  const foretold = await forecasts.get(campaign._id);
  expect(foretold).toMatchObject({ state: 'done', leads: PEOPLE, callable: 52, callableNow: 52 });

  await campaigns.start(campaign._id, 'ada');
  await hands.empty();
  const untilMs = START_MS + 5 * 24 * HOUR_MS;
  while (time.nowMs() < untilMs)
    await time.pass(Math.min(untilMs, time.nowMs() + HOUR_MS), () => hands.empty());
  engine.stop();
  stop.abort();

  const within = (share: number, found: number, expected: number) => {
    expect(found).toBeGreaterThan(expected * (1 - share));
    expect(found).toBeLessThan(expected * (1 + share));
  };
  const reached = placed.filter((call) => call.reached).length;
  within(0.12, placed.length, foretold.calls);
  within(0.12, reached, foretold.curve.at(-1)?.reached ?? 0);
  within(
    0.15,
    placed.reduce((sum, { cost }) => sum + cost, 0),
    foretold.cost,
  );
  const endMs = Math.max(...placed.map((call) => call.over));
  expect(Math.abs(endMs - (foretold.finishAt?.getTime() ?? 0))).toBeLessThan(HOUR_MS);
  // The first hour, and hour by hour on the way.
  for (const { at, calls } of foretold.curve) {
    const made = placed.filter((call) => call.at < at.getTime()).length;
    expect(Math.abs(made - calls), at.toISOString()).toBeLessThan(0.15 * foretold.calls);
  }
});

const callOf = (_id: string, at: Date, fields: Partial<Call>): Call =>
  ({
    _id,
    attemptId: _id.replace(/^./, 'f'),
    direction: 'outbound',
    initiatedAt: at,
    dialedAt: at,
    followUpActions: [],
    createdAt: at,
    updatedAt: at,
    ...fields,
  }) as unknown as Call;

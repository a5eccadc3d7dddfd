/** The forecast of a campaign: the gate's own word on every lead, over the embedded store. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { createCampaigns } from '../../src/app/campaigns.ts';
import { createCheckCompliance } from '../../src/app/check-compliance.ts';
import { createConsents } from '../../src/app/consents.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createForecastCampaign } from '../../src/app/forecast-campaign.ts';
import { createGatherFacts } from '../../src/app/gather-facts.ts';
import { createGatherMany } from '../../src/app/gather-many.ts';
import { createLeads } from '../../src/app/leads.ts';
import type { Store } from '../../src/app/ports.ts';
import type { FactsInput } from '../../src/domain/compliance/facts.ts';
import { DEFAULT_RATES } from '../../src/domain/cost.ts';
import { isFailure } from '../../src/domain/errors.ts';
import { handClock, trueTime } from '../support/clock.ts';
import { fullConsent } from '../support/consent.ts';

const SELLER = 'Acme Homes';
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
/** Wednesday, ten at night in New York, eight in Denver, five in Honolulu. */
const NIGHT_MS = Date.UTC(2026, 10, 19, 3, 0, 0);
const HOUSE = { maxConcurrentCalls: 10, callsPerSecond: 5, inboundReserve: 0.3 };

let dir: string;
let store: Store;
beforeEach(async () => {
  dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-forecast-'));
  store = await openLocalStore({ dir, log: quiet });
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

function build(shutdown = new AbortController().signal, over: Store = store) {
  const clock = handClock(NIGHT_MS);
  const deps = {
    store: over,
    clock,
    ids: createIds(() => clock.nowMs()),
    log: quiet,
    sellerName: SELLER,
    timekeeping: trueTime,
  };
  const dnc = createDnc({ ...deps, stopCallsTo: async () => {} });
  const consents = createConsents({ ...deps, dnc });
  const gatherFacts = createGatherFacts(deps);
  const gatherMany = createGatherMany({ ...deps, gatherFacts });
  return {
    deps,
    clock,
    dnc,
    consents,
    gatherFacts,
    gatherMany,
    leads: createLeads({ ...deps, consents }),
    campaigns: createCampaigns(deps),
    check: createCheckCompliance(deps).check,
    forecasts: createForecastCampaign({
      ...deps,
      ...HOUSE,
      gatherMany,
      ratesOf: async () => DEFAULT_RATES,
      shutdown,
    }),
  };
}
type Built = ReturnType<typeof build>;

const PLACES = [
  { area: '212', state: 'NY', zipCode: '10001' },
  { area: '303', state: 'CO', zipCode: '80202' },
  { area: '808', state: 'HI', zipCode: '96813' },
] as const;

async function person(
  { leads, dnc }: Built,
  campaignId: string,
  n: number,
  how: { consent?: boolean; listed?: boolean; state?: string; alternate?: string; zipCode?: string } = {},
) {
  const { area, state, zipCode } = PLACES[n % PLACES.length] ?? PLACES[0];
  const phone = `+1${area}555${String(1_000 + n)}`;
  const lead = await leads.create(
    {
      source: 'csv',
      externalId: `row-${n}`,
      campaignId,
      contact: {
        firstName: 'Ana',
        lastName: `${n}`,
        phone,
        ...(how.alternate ? { alternatePhone: how.alternate } : {}),
        address: { state: how.state ?? state, zipCode: how.zipCode ?? zipCode },
      },
      ...(how.consent === false ? {} : { consent: fullConsent(SELLER) }),
    },
    'ada',
  );
  if (how.listed) await dnc.add({ phone, scope: 'internal', source: 'letter' }, 'ada');
  return lead;
}

const plan = {
  name: 'Night owls',
  type: 'wholesale',
  workflow: {
    initialContact: {
      method: 'automated_call',
      timing: 'within_5_minutes',
      maxAttempts: 2,
      retryDelay: 3_600,
    },
    followUp: [],
  },
} as const;

async function finished({ forecasts }: Built, campaignId: string) {
  await forecasts.start(campaignId);
  await forecasts.settled();
  return await forecasts.get(campaignId);
}

test('what it counts is what the gate says of each lead, and what may be called is what the gate would allow', async () => {
  const built = build();
  const campaign = await built.campaigns.create(plan, 'ada');
  const made = [];
  for (let n = 0; n < 30; n += 1)
    made.push(
      await person(built, campaign._id, n, {
        consent: n % 5 !== 4,
        listed: n % 7 === 3,
        ...(n === 11 ? { zipCode: '00000' } : {}),
      }),
    );
  const forecast = await finished(built, campaign._id);
  expect(forecast.state).toBe('done');

  await built.campaigns.update(campaign._id, { status: 'active' }, 'ada');
  const expected = new Map<string, number>();
  let now = 0;
  let later = 0;
  for (const lead of made) {
    const decision = await built.check({ leadId: lead._id, campaignId: campaign._id });
    if (decision.verdict === 'allow') now += 1;
    else if (decision.nextAllowedAt) later += 1;
    else expected.set(decision.reason, (expected.get(decision.reason) ?? 0) + 1);
  }
  expect(now).toBeGreaterThan(0);
  expect(later).toBeGreaterThan(0);
  expect(expected.size).toBeGreaterThan(2);
  expect(forecast).toMatchObject({ leads: 30, callable: now + later, callableNow: now });
  expect(new Map(forecast.barred.map(({ reason, leads }) => [reason, leads]))).toEqual(expected);
  for (const { examples, leads } of forecast.barred) {
    expect(examples).toHaveLength(leads);
    for (const { leadId, name } of examples)
      expect(made.find(({ _id }) => _id === leadId)?.contact.lastName).toBe(name.split(' ')[1]);
  }
  expect(forecast.summary).toMatch(/^\d+ of 30 can be called; .*finish .*; about \$/);
});

test('who sleeps is called in the morning of their own place, and then the calls are made', async () => {
  const built = build();
  const campaign = await built.campaigns.create(plan, 'ada');
  for (let n = 0; n < 9; n += 1) await person(built, campaign._id, n);
  const { waiting, callableNow, calls, finishAt, curve } = await finished(built, campaign._id);
  expect(callableNow).toBe(6);
  expect(waiting).toMatchObject([
    { reason: 'outside_federal_hours', leads: 3, from: new Date('2026-11-19T13:00:00Z') },
  ]);
  // Nine, and those of them that were not reached again, when the gate lets them be called again.
  expect(calls).toBeGreaterThan(9);
  expect(calls).toBeLessThan(18);
  const [evening] = curve;
  expect(evening?.at.getTime()).toBeLessThanOrEqual(NIGHT_MS + 3_600_000);
  expect(evening?.calls).toBeCloseTo(6, 0);
  expect(finishAt?.getTime()).toBeGreaterThan(Date.parse('2026-11-19T15:00:00Z'));
  expect(finishAt?.getTime()).toBeLessThan(Date.parse('2026-11-19T20:00:00Z'));
});

test('the facts of many at once are those of each', async () => {
  const built = build();
  const campaign = await built.campaigns.create(plan, 'ada');
  const shared = '+12125559999';
  const Person = fc.record({
    consent: fc.boolean(),
    listed: fc.boolean(),
    alternate: fc.option(fc.constantFrom(shared, '+13035551001', '+18085551002'), { nil: undefined }),
  });
  const people = fc.sample(Person, { numRuns: 18, seed: 3 });
  for (const [n, { alternate, ...how }] of people.entries())
    await person(built, campaign._id, n, { ...how, ...(alternate ? { alternate } : {}) });
  const now = new Date(NIGHT_MS - 3_600_000);
  for (let n = 0; n < 18; n += 3)
    await store.collection('attempts').insert({
      _id: n.toString(16).padStart(24, 'a'),
      callId: n.toString(16).padStart(24, 'b'),
      phone: `+1212555${1_000 + n}`,
      subject: 'Night owls',
      direction: 'outbound',
      reservedAt: new Date(now.getTime() - n * 1_000),
      state: n % 2 === 0 ? 'closed' : 'denied',
      createdAt: now,
      updatedAt: now,
    });
  const all = await store.collection('leads').find({ sort: { externalId: 1 } });
  const sorted = (facts: FactsInput | undefined) =>
    facts && {
      ...facts,
      lead: {
        ...facts.lead,
        altPhones: [...facts.lead.altPhones].sort(),
        consent: [...facts.lead.consent].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
      },
      dnc: {
        ...facts.dnc,
        internal: [...facts.dnc.internal].sort((a, b) => a.phone.localeCompare(b.phone)),
      },
    };
  const many = await built.gatherMany(all, campaign, NIGHT_MS);
  for (const [index, lead] of all.entries()) {
    const { facts } = await built.gatherFacts({ leadId: lead._id, campaignId: campaign._id }, NIGHT_MS);
    expect(sorted(many[index])).toEqual(sorted(facts));
  }
});

test('leads of nobody that fit are counted too, and those that are closed or done with are told apart', async () => {
  const built = build();
  const campaign = await built.campaigns.create({ ...plan, targeting: { leadSources: ['csv'] } }, 'ada');
  const own = await person(built, campaign._id, 1);
  const free = await person(built, campaign._id, 2);
  await built.leads.update(free._id, { campaignId: null }, 'ada');
  const lost = await person(built, campaign._id, 4);
  await built.leads.update(lost._id, { status: 'lost' }, 'ada');
  const done = await person(built, campaign._id, 5);
  const at = new Date(NIGHT_MS);
  await store.collection('enrollments').insert({
    _id: 'e'.repeat(24),
    campaignId: campaign._id,
    leadId: done._id,
    receivedAt: at,
    stage: 'ended',
    step: 0,
    turn: 3,
    priority: 2,
    calls: 3,
    messages: 0,
    ended: { why: 'exhausted', at },
    createdAt: at,
    updatedAt: at,
  });
  const { leads, callable, barred } = await finished(built, campaign._id);
  expect([leads, callable]).toEqual([4, 2]);
  expect(barred.map(({ reason, examples }) => [reason, examples[0]?.leadId]).sort()).toEqual([
    ['done', done._id],
    ['lead_closed', lost._id],
  ]);
  expect(own.campaignId).toBe(campaign._id);
});

test('one forecast of a campaign is made at a time, and the newest is kept for every process', async () => {
  const built = build();
  const campaign = await built.campaigns.create(plan, 'ada');
  await person(built, campaign._id, 1);
  const notYet = await built.forecasts.get(campaign._id).catch((error) => error);
  expect(isFailure(notYet, 'not_found')).toBe(true);
  const unknown = await built.forecasts.start('f'.repeat(24)).catch((error) => error);
  expect(isFailure(unknown, 'campaign_not_found')).toBe(true);
  const [first, second] = await Promise.all([
    built.forecasts.start(campaign._id),
    built.forecasts.start(campaign._id),
  ]);
  expect(second.startedAt).toEqual(first.startedAt);
  await built.forecasts.settled();
  const elsewhere = build();
  expect(await elsewhere.forecasts.get(campaign._id)).toEqual(await built.forecasts.get(campaign._id));
});

test('a stopping service ends it, and nobody waits for one whose maker is gone', async () => {
  const stop = new AbortController();
  const built = build(stop.signal);
  const campaign = await built.campaigns.create(plan, 'ada');
  for (let n = 0; n < 5; n += 1) await person(built, campaign._id, n);
  await built.forecasts.start(campaign._id);
  stop.abort();
  await built.forecasts.settled();
  const refused = await built.forecasts.start(campaign._id).catch((error) => error);
  expect(isFailure(refused, 'shutting_down')).toBe(true);
  const later = build();
  await later.clock.pass(61_000);
  expect(await later.forecasts.get(campaign._id)).toMatchObject({ state: 'failed' });
});

test('a database that goes away ends it with a word of that', async () => {
  const collection: Store['collection'] = (name) => {
    const whole = store.collection(name);
    return name === 'consent_logs'
      ? Object.assign(Object.create(whole), {
          find: () => Promise.reject(Object.assign(new Error('gone'), { code: 'store_unavailable' })),
        })
      : whole;
  };
  const built = build();
  const campaign = await built.campaigns.create(plan, 'ada');
  await person(built, campaign._id, 1);
  const broken = build(undefined, Object.assign(Object.create(store), { collection }));
  expect(await finished(broken, campaign._id)).toMatchObject({
    state: 'failed',
    summary: expect.stringContaining('could not be made'),
  });
});

/** Leads, consent and do-not-call through the verbs, over the embedded store: what is told once holds at the gate at once. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createCampaigns } from '../../src/app/campaigns.ts';
import { createCheckCompliance } from '../../src/app/check-compliance.ts';
import { appendConsent } from '../../src/app/consent-ledger.ts';
import { type ConsentGiven, createConsents } from '../../src/app/consents.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createGatherFacts } from '../../src/app/gather-facts.ts';
import { createLeads } from '../../src/app/leads.ts';
import { page } from '../../src/app/paging.ts';
import type { Ids, Log, Store } from '../../src/app/ports.ts';
import type { Call } from '../../src/domain/call.ts';
import type { Enrollment } from '../../src/domain/campaign.ts';
import { decide } from '../../src/domain/compliance/decide.ts';
import type { Attempt, ConsentLog } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';
import { handClock, trueTime } from '../support/clock.ts';
import { CASES } from '../support/compliance-cases.ts';

/** Tuesday 2026-07-14, 12:00 in New York. */
const NOON_MS = Date.parse('2026-07-14T16:00:00Z');
const PHONE = '+12125550234';
const OTHER = '+16465550777';
const SELLER = 'Acme Homes';

const ids: Ids = {
  objectId: () => randomBytes(12).toString('hex'),
  token: () => randomBytes(32).toString('base64url'),
};
const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let dir: string;
let store: Store;
let clock: ReturnType<typeof handClock>;

const build = (over: Partial<{ store: Store }> = {}) => {
  const deps = {
    store,
    clock,
    ids,
    log: quiet,
    sellerName: SELLER,
    timekeeping: trueTime,
    stopCallsTo: async () => {},
    ...over,
  };
  const dnc = createDnc(deps);
  const consents = createConsents({ ...deps, dnc });
  return {
    deps,
    dnc,
    consents,
    leads: createLeads({ ...deps, consents }),
    campaigns: createCampaigns(deps),
    compliance: createCheckCompliance(deps),
    gatherFacts: createGatherFacts(deps),
  };
};
let app: ReturnType<typeof build>;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-people-'));
  store = await openLocalStore({ dir, log: quiet });
  clock = handClock(NOON_MS);
  app = build();
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

const written: ConsentGiven = {
  method: 'web_form',
  source: 'landing page',
  consentText: 'I agree that Acme Homes may call me with an artificial voice. Not a condition of purchase.',
  automatedCallsAllowed: true,
  textMessagesAllowed: true,
  evidence: {
    purpose: 'marketing',
    level: 'written',
    artificialVoiceDisclosed: true,
    pageUrl: 'https://acme.example/sell',
  },
  ipAddress: '203.0.113.7',
  userAgent: 'Mozilla/5.0',
};

const newLead = (over: Record<string, unknown> = {}) =>
  app.leads.create(
    {
      source: 'manual',
      contact: {
        firstName: 'Ana',
        lastName: 'Ruiz',
        email: 'Ana@Example.com',
        phone: '(212) 555-0234',
        alternatePhone: OTHER,
        address: { state: 'NY', zipCode: '10001' },
      },
      ...over,
    },
    'user-1',
  );

const attempt = (over: Partial<Attempt>): Attempt => ({
  _id: ids.objectId(),
  callId: ids.objectId(),
  phone: PHONE,
  subject: 'house',
  direction: 'outbound',
  reservedAt: new Date(NOON_MS - 60_000),
  state: 'closed',
  createdAt: new Date(NOON_MS),
  updatedAt: new Date(NOON_MS),
  ...over,
});

describe('leads', () => {
  test('a lead without consent is kept and not called; with consent it may be called', async () => {
    const lead = await newLead();
    expect(lead.contact).toMatchObject({ phone: PHONE, email: 'ana@example.com' });
    expect((await app.compliance.check({ leadId: lead._id })).reason).toBe('consent_missing');
    await app.consents.grant({ ...written, phone: PHONE, leadId: lead._id }, 'user-1');
    const decision = await app.compliance.check({ leadId: lead._id });
    expect(decision.verdict).toBe('allow');
    expect(decision.permitId).toBeUndefined();
    expect((await app.leads.get(lead._id)).consent).toMatchObject({
      hasWrittenConsent: true,
      automatedCallsAllowed: true,
      expiresAt: new Date('2027-07-14T16:00:00.000Z'),
    });
  });

  test('consent given with the lead goes to the ledger and opens the gate', async () => {
    const lead = await newLead({ consent: written });
    expect(lead.consent?.hasWrittenConsent).toBe(true);
    expect((await app.compliance.check({ phone: '212-555-0234' })).verdict).toBe('allow');
    // The other number was never consented to.
    expect((await app.compliance.check({ leadId: lead._id, phone: OTHER })).reason).toBe(
      'consent_phone_mismatch',
    );
  });

  test('a wrong number is refused by name; a taken external id too; a known phone is reported', async () => {
    await expect(newLead({ contact: { firstName: 'A', lastName: 'B', phone: '12' } })).rejects.toMatchObject({
      code: 'invalid_request',
      details: { fields: { 'contact.phone': 'not a phone number' } },
    });
    const first = await newLead({ externalId: 'x-1' });
    expect(first.duplicates).toEqual([]);
    await expect(newLead({ externalId: 'x-1' })).rejects.toMatchObject({ code: 'duplicate_key' });
    const second = await newLead({ externalId: 'x-2' });
    expect(second.duplicates).toEqual([first._id]);
  });

  test('a change of number brings the consent and do-not-call state of that number', async () => {
    const lead = await newLead({ contact: { firstName: 'A', lastName: 'B', phone: PHONE } });
    await app.dnc.add({ phone: '+19175550100', scope: 'internal', source: 'manual' }, 'user-1');
    const moved = await app.leads.update(lead._id, { contact: { phone: '(917) 555-0100' } }, 'user-2');
    expect(moved).toMatchObject({
      contact: { phone: '+19175550100', firstName: 'A' },
      status: 'dnc',
      dncStatus: { internalDNC: true },
      createdBy: 'user-1',
      updatedBy: 'user-2',
    });
    await expect(app.leads.update(lead._id, { contact: { phone: 'x' } }, 'u')).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(app.leads.update(ids.objectId(), { stage: 'lost' }, 'u')).rejects.toMatchObject({
      code: 'lead_not_found',
    });
  });

  test('leads are found by the beginning of a name, address or number', async () => {
    const lead = await newLead({ tags: ['hot'] });
    await newLead({ contact: { firstName: 'Bo', lastName: 'Berg', phone: '+13125550234' } });
    for (const search of ['ana', 'RUI', 'ana@ex', '212555', '(212) 555-02', '+1 646'])
      expect((await app.leads.list({ search })).items.map(({ _id }) => _id)).toEqual([lead._id]);
    expect((await app.leads.list({ search: '.*' })).items).toEqual([]);
    expect((await app.leads.list({ phone: '646 555 0777' })).items).toHaveLength(1);
    expect((await app.leads.list({ status: 'new', source: 'manual' })).items).toHaveLength(2);
    expect((await app.leads.list({ from: new Date(NOON_MS + 1) })).items).toEqual([]);
    await expect(app.leads.list({ phone: 'x' })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('an opt-out', () => {
  test('holds at once for every number of the person and is told once', async () => {
    const lead = await newLead({ consent: written });
    await app.consents.grant({ ...written, phone: OTHER }, 'user-1');
    expect((await app.compliance.check({ leadId: lead._id, phone: OTHER })).verdict).toBe('allow');
    await clock.pass(1_000);

    const request = { phone: OTHER, channel: 'sms', words: 'STOP' };
    const { numbers, revocation } = await app.dnc.optOut(request);
    expect([...numbers].sort()).toEqual([PHONE, OTHER].sort());
    expect(revocation).toMatchObject({ phone: OTHER, revocation: { channel: 'sms', words: 'STOP' } });
    for (const phone of [PHONE, OTHER]) {
      const { reasons } = await app.compliance.check({ phone });
      expect(reasons).toEqual(expect.arrayContaining(['internal_dnc', 'consent_revoked']));
      expect((await app.compliance.check({ phone })).reason).toBe('internal_dnc');
    }
    expect(await app.leads.get(lead._id)).toMatchObject({
      status: 'dnc',
      dncStatus: { internalDNC: true },
      consent: { automatedCallsAllowed: false, textMessagesAllowed: false },
    });

    const before = await store.collection('consent_logs').count({});
    await app.dnc.optOut(request);
    await app.dnc.optOut(request);
    expect(await store.collection('consent_logs').count({})).toBe(before);
    expect(await store.collection('dnc_registry').count({ scope: 'internal' })).toBe(2);
    expect(before).toBe(2 + 2 + 2);
    // Another request in other words is evidence of its own.
    await app.dnc.optOut({ leadId: lead._id, channel: 'voice', words: 'never call me again', callId: 'c1' });
    expect(await store.collection('consent_logs').count({})).toBe(before + 2);
    expect(await app.consents.verify()).toMatchObject({ intact: true, entries: before + 2 });
  });

  test('reaches the numbers of other leads of the same person, and new leads with such a number', async () => {
    await newLead({ contact: { firstName: 'A', lastName: 'B', phone: PHONE, alternatePhone: OTHER } });
    await newLead({
      contact: { firstName: 'A', lastName: 'B', phone: OTHER, alternatePhone: '+19175550123' },
    });
    await newLead({ contact: { firstName: 'Bo', lastName: 'C', phone: '+13125550234' } });
    await app.consents.revoke({ phone: PHONE, channel: 'email', words: 'no more please' }, 'user-1');
    expect(await app.dnc.isListed(['+19175550123'])).toBe(true);
    expect(await app.dnc.isListed(['+13125550234'])).toBe(false);
    const again = await newLead({
      contact: { firstName: 'A', lastName: 'B', phone: OTHER },
      consent: written,
    });
    expect(again).toMatchObject({ status: 'dnc', dncStatus: { internalDNC: true } });
    expect((await app.compliance.check({ leadId: again._id })).reason).toBe('internal_dnc');
  });

  test('follows the lead to a number that it gets later, until a person releases it', async () => {
    const lead = await newLead({ contact: { firstName: 'A', lastName: 'B', phone: PHONE } });
    const later = '+12125550299';
    await app.dnc.optOut({ phone: lead.contact.phone, channel: 'sms', words: 'STOP' });
    await app.leads.update(lead._id, { contact: { phone: later } }, 'user-1');
    const reasons = async () => (await app.compliance.check({ leadId: lead._id })).reasons;
    expect(await reasons()).toContain('internal_dnc');
    await app.dnc.release(
      { phone: later, scope: 'internal', reason: 'the old number was a stranger’s' },
      'user-1',
    );
    expect(await reasons()).not.toContain('internal_dnc');
  });

  test('a number nobody knows is listed too', async () => {
    await app.dnc.optOut({ phone: '+13125550234', channel: 'voice', words: 'wrong number', callId: 'c9' });
    expect((await app.compliance.check({ phone: '+13125550234' })).reason).toBe('internal_dnc');
    await expect(app.dnc.optOut({ channel: 'sms', words: 'stop' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(
      app.dnc.optOut({ leadId: ids.objectId(), channel: 'sms', words: 'stop' }),
    ).rejects.toMatchObject({
      code: 'lead_not_found',
    });
  });

  test('ten at once leave one entry a number and an unbroken chain', async () => {
    await newLead({ consent: written });
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        app.dnc.optOut({ phone: PHONE, channel: 'sms', words: `stop ${i}` }),
      ),
    );
    expect(await store.collection('dnc_registry').count({ phone: PHONE })).toBe(1);
    expect(await app.consents.verify(PHONE)).toMatchObject({ intact: true });
    const revoked = await store
      .collection('consent_logs')
      .count({ phone: PHONE, eventType: 'consent_revoked' });
    expect(revoked).toBe(10);
    // The same stop, told by a carrier many times at once, is one.
    await Promise.all(
      Array.from({ length: 5 }, () => app.dnc.optOut({ phone: PHONE, channel: 'voice', words: 'no' })),
    );
    const spoken = { phone: PHONE, 'revocation.channel': 'voice', eventType: 'consent_revoked' };
    expect(await store.collection('consent_logs').count(spoken)).toBe(1);
  });

  test('a grant from a clock ahead of ours does not outlive the stop that follows it', async () => {
    await app.consents.grant({ ...written, phone: PHONE, at: new Date(NOON_MS + 30_000) }, 'user-1');
    await app.dnc.optOut({ phone: PHONE, channel: 'sms', words: 'stop' });
    await clock.pass(60_000);
    expect((await app.compliance.check({ phone: PHONE })).reasons).toContain('consent_revoked');
  });

  test('only a person with a reason lets a number go, and consent must be given again', async () => {
    await newLead({ consent: written });
    await app.dnc.optOut({ phone: PHONE, channel: 'sms', words: 'stop' });
    await clock.pass(1_000);
    await expect(
      app.dnc.release({ phone: PHONE, scope: 'internal', reason: ' ' }, 'admin-1'),
    ).rejects.toMatchObject({ code: 'invalid_request' });
    const released = await app.dnc.release(
      { phone: PHONE, scope: 'internal', reason: 'asked to be called' },
      'admin-1',
    );
    expect(released).toMatchObject({ releasedBy: 'admin-1' });
    // The other number of the person is still listed.
    expect((await app.compliance.check({ phone: PHONE })).reason).toBe('internal_dnc');
    await app.dnc.release({ phone: OTHER, scope: 'internal', reason: 'asked to be called' }, 'admin-1');
    expect((await app.compliance.check({ phone: PHONE })).reason).toBe('consent_revoked');
    await expect(
      app.dnc.release({ phone: PHONE, scope: 'internal', reason: 'again' }, 'admin-1'),
    ).rejects.toMatchObject({ code: 'not_found' });
    await app.consents.grant({ ...written, phone: PHONE }, 'user-1');
    expect((await app.compliance.check({ phone: PHONE })).verdict).toBe('allow');

    await clock.pass(1_000);
    await app.dnc.optOut({ phone: PHONE, channel: 'sms', words: 'stop' });
    expect((await app.compliance.check({ phone: PHONE })).reason).toBe('internal_dnc');
    const events = await app.consents.list({ phone: PHONE });
    expect(events.items.map(({ eventType }) => eventType).sort()).toEqual([
      'consent_granted',
      'consent_granted',
      'consent_revoked',
      'consent_revoked',
      'dnc_added',
      'dnc_added',
      'dnc_removed',
    ]);
  });
});

describe('the ledger', () => {
  test('writers of one number at once make one unbroken chain', async () => {
    await Promise.all(
      Array.from({ length: 12 }, () => app.consents.grant({ ...written, phone: PHONE }, 'u')),
    );
    const chain = await store
      .collection('consent_logs')
      .find({ filter: { phone: PHONE }, sort: { chainIndex: 1 } });
    expect(chain.map(({ chainIndex }) => chainIndex)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(await app.consents.verify(PHONE)).toEqual({ intact: true, entries: 12 });
  });

  test('an entry changed in the store is found, and which one', async () => {
    await app.consents.grant({ ...written, phone: OTHER }, 'u');
    for (let i = 0; i < 3; i += 1) await app.consents.grant({ ...written, phone: PHONE }, 'u');
    const [, second] = await store
      .collection('consent_logs')
      .find({ filter: { phone: PHONE }, sort: { chainIndex: 1 } });
    if (!second) throw new Error('no entry');
    await store
      .collection('consent_logs')
      .update({ _id: second._id }, { $set: { 'evidence.level': 'oral' } });
    expect(await app.consents.verify()).toMatchObject({ intact: false, brokenAt: 2, phone: PHONE });
    expect(await app.consents.verify(OTHER)).toMatchObject({ intact: true });
  });

  test('consent in the future, or ended before it began, is refused; spoken consent is kept and does not suffice', async () => {
    const grant = (over: Partial<ConsentGiven>) =>
      app.consents.grant({ ...written, ...over, phone: PHONE }, 'u');
    await expect(grant({ at: new Date(NOON_MS + 3_600_000) })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(grant({ expiresAt: new Date(NOON_MS) })).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(app.consents.grant({ ...written, phone: '12' }, 'u')).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await grant({ evidence: { ...written.evidence, level: 'oral' } });
    expect((await app.compliance.check({ phone: PHONE })).reason).toBe('consent_insufficient');
    await grant({ ipAddress: '' });
    expect((await app.compliance.check({ phone: PHONE })).reason).toBe('consent_evidence_incomplete');
  });

  test('a ledger whose next place is always taken gives up with a clear failure', async () => {
    const busy = {
      ...store,
      collection: () => ({
        find: async () => [],
        insert: async () => {
          throw new Failure('duplicate_key', 'taken');
        },
      }),
    } as unknown as Store;
    const body: Omit<ConsentLog, '_id' | 'chainIndex' | 'prevHash' | 'hash' | 'createdAt'> = {
      phone: PHONE,
      eventType: 'dnc_added',
      timestamp: new Date(NOON_MS),
      recordedBy: 'u',
    };
    await expect(appendConsent({ store: busy, clock, ids }, body)).rejects.toMatchObject({
      code: 'internal',
    });
  });
});

describe('the facts of a call', () => {
  test('attempts count across numbers, denied and inbound ones do not, nor does the one that asks', async () => {
    const lead = await newLead({ consent: written });
    const attempts = store.collection('attempts');
    await attempts.insert(attempt({ state: 'denied' }));
    await attempts.insert(attempt({ direction: 'inbound' }));
    const mine = attempt({ state: 'reserved', reservedAt: new Date(NOON_MS) });
    await attempts.insert(mine);
    const own = await app.gatherFacts({ leadId: lead._id, exceptAttemptId: mine._id }, NOON_MS);
    expect(own.facts.history.attempts).toEqual([]);
    expect(own.to).toBe(PHONE);
    expect(decide(own.facts, NOON_MS, { permitId: 'p', ttlMs: 1_000, reserved: true }).kind).toBe('allow');
    await attempts.update({ _id: mine._id }, { $set: { state: 'denied' } });
    await attempts.insert(attempt({ phone: OTHER }));
    const { reason, nextAllowedAt } = await app.compliance.check({ leadId: lead._id });
    expect(reason).toBe('campaign_frequency_cap');
    expect(nextAllowedAt).toEqual(new Date(NOON_MS + 119 * 60_000));
  });

  test('lists, the switch and the policy are read fresh; what cannot be read denies', async () => {
    const lead = await newLead({ consent: written });
    const config = store.collection('system_config');
    const set = async (key: string, value: unknown) => {
      const now = new Date(NOON_MS);
      const [old] = await config.find({ filter: { key } });
      await config.put({
        _id: old?._id ?? ids.objectId(),
        key,
        value,
        updatedBy: 'u',
        createdAt: now,
        updatedAt: now,
      });
    };
    const reason = async (): Promise<string> => (await app.compliance.check({ leadId: lead._id })).reason;
    expect((await app.compliance.check({ leadId: lead._id })).explanation).toContain(
      'the national do-not-call registry',
    );
    const registry = async (daysOld: number, ...numbers: number[]) => {
      const copy = await store.lists.stage(ids.objectId(), 'national', 'empty');
      await copy.write(Float64Array.from(numbers), numbers.length);
      await copy.commit(new Date(NOON_MS - daysOld * 86_400_000));
    };
    await registry(40, 2_125_550_100);
    expect(await reason()).toBe('national_dnc_stale');
    await registry(1, 2_125_550_234);
    expect(await reason()).toBe('national_dnc_listed');
    await registry(1, 2_125_550_100);
    expect(await reason()).toBe('ok');
    await app.dnc.add({ phone: PHONE, scope: 'national', source: 'import' }, 'u');
    expect(await reason()).toBe('national_dnc_listed');
    await app.dnc.release({ phone: PHONE, scope: 'national', reason: 'left the registry' }, 'u');
    await set('compliance.policy', { blockedStates: ['NY'] });
    expect(await reason()).toBe('state_not_enabled');
    await set('compliance.policy', { requireReassignedCheck: true });
    expect(await reason()).toBe('reassigned_check_missing');
    await set('compliance.policy', { consent: false });
    expect(await reason()).toBe('check_error');
    await set('compliance.policy', {});
    expect(await reason()).toBe('ok');
    await set('calling.killSwitch', true);
    expect(await reason()).toBe('campaign_paused');
    await set('calling.killSwitch', 'no idea');
    expect(await reason()).toBe('campaign_paused');
  });

  test('a store that fails denies the check', async () => {
    const broken = {
      ...store,
      collection: () => ({
        get: async () => {
          throw new Failure('store_unavailable', 'gone');
        },
      }),
    } as unknown as Store;
    const decision = await build({ store: broken }).compliance.check({ leadId: 'x' });
    expect(decision).toMatchObject({ verdict: 'deny', reason: 'check_error', nextAllowedAt: null });
  });

  test('the states that counsel has not cleared are closed to the house', async () => {
    const lead = await newLead({
      contact: {
        firstName: 'A',
        lastName: 'B',
        phone: '+12065550234',
        address: { state: 'WA', zipCode: '98101' },
      },
    });
    expect((await app.compliance.check({ leadId: lead._id })).reasons).toContain('state_not_enabled');
  });

  test('a number that cannot be read is denied, an unknown lead or campaign is a failure', async () => {
    expect((await app.compliance.check({ phone: 'no number' })).reason).toBe('phone_invalid');
    await expect(app.compliance.check({ leadId: ids.objectId() })).rejects.toMatchObject({
      code: 'lead_not_found',
    });
    await expect(app.compliance.check({})).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(app.compliance.check({ phone: PHONE, campaignId: ids.objectId() })).rejects.toMatchObject({
      code: 'campaign_not_found',
    });
    const lead = await newLead();
    await expect(app.compliance.check({ leadId: lead._id, phone: '+13125550234' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  test('a campaign calls only while it is active and within its hours', async () => {
    const lead = await newLead({ consent: written });
    const campaign = await app.campaigns.create(
      {
        name: 'Summer',
        type: 'wholesale',
        calling: { hours: { start: '13:00', end: '17:00', days: ['mon', 'tue'] } },
      },
      'user-1',
    );
    expect(campaign).toMatchObject({ status: 'draft', calling: { subject: 'Summer', purpose: 'marketing' } });
    const check = () => app.compliance.check({ leadId: lead._id, campaignId: campaign._id });
    expect((await check()).reason).toBe('campaign_paused');
    await app.campaigns.update(campaign._id, { status: 'active' }, 'user-1');
    const decision = await check();
    expect(decision.reason).toBe('outside_campaign_hours');
    expect(decision.nextAllowedAt?.toISOString()).toBe('2026-07-14T17:00:00.000Z');
    await expect(
      app.campaigns.update(
        campaign._id,
        { calling: { hours: { start: '17:00', end: '13:00', days: ['mon'] } } },
        'u',
      ),
    ).rejects.toMatchObject({ code: 'invalid_request' });
    expect((await app.campaigns.list({ status: 'active' })).items).toHaveLength(1);
    expect((await app.campaigns.policyOf(undefined)).subject).toBe('house');
  });

  test('evaluate is the gate itself', () => {
    for (const { facts, now } of CASES)
      expect(app.compliance.evaluate(facts, now)).toEqual(decide(facts, now.getTime()).decision);
  });
});

describe('pages', () => {
  test.each([1, -1] as const)(
    'visit each document exactly once under ties and gaps, direction %i',
    async (direction) => {
      const leads = store.collection('leads');
      const template = await newLead();
      const { duplicates: _, ...base } = template;
      for (let i = 0; i < 60; i += 1) {
        const { nextFollowUp: __, ...lead } = { ...base, nextFollowUp: undefined };
        await leads.insert({
          ...lead,
          _id: ids.objectId(),
          externalId: `x${i}`,
          ...(i % 4 === 0 ? {} : { nextFollowUp: new Date(NOON_MS + (i % 3) * 1_000) }),
        });
      }
      for (const limit of [1, 7, 61, 200]) {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const got = await page(leads, {
            filter: { source: 'manual' },
            sort: { field: 'nextFollowUp', direction },
            limit,
            ...(cursor === undefined ? {} : { cursor }),
          });
          seen.push(...got.items.map(({ _id }) => _id));
          cursor = got.nextCursor;
        } while (cursor !== undefined && seen.length < 200);
        expect(seen).toHaveLength(61);
        expect(new Set(seen).size).toBe(61);
      }
    },
  );

  test('a cursor of another query, a damaged one and a wild limit are refused', async () => {
    await newLead();
    await newLead({ externalId: 'b' });
    const { nextCursor } = await app.leads.list({ limit: 1 });
    if (nextCursor === undefined) throw new Error('no cursor');
    expect((await app.leads.list({ limit: 5, cursor: nextCursor })).items).toHaveLength(1);
    for (const query of [
      { cursor: nextCursor, status: 'lost' as const },
      { cursor: 'nonsense' },
      { cursor: Buffer.from('{"k":1}').toString('base64url') },
      { limit: 0 },
      { limit: 201 },
      { limit: 1.5 },
    ])
      await expect(app.leads.list(query)).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

test('a timeline tells which campaigns took a lead up, began with it anew and were done with it', async () => {
  const { _id: campaignId } = await app.campaigns.create(
    { name: 'Autumn sellers', type: 'wholesale' },
    'user-1',
  );
  const lead = await newLead({ campaignId });
  const minutesOn = (minutes: number): Date => new Date(NOON_MS + minutes * 60_000);
  const of = (campaignId: string, over: Partial<Enrollment>): Enrollment => ({
    _id: ids.objectId(),
    campaignId,
    leadId: lead._id,
    receivedAt: lead.receivedAt,
    stage: 'initial',
    step: 0,
    turn: 0,
    priority: 1,
    calls: 0,
    messages: 0,
    createdAt: minutesOn(1),
    updatedAt: minutesOn(1),
    ...over,
  });
  const over = { stage: 'ended', ended: { why: 'exhausted', at: minutesOn(9) } } as const;
  for (const each of [
    of(campaignId, { reopenedAt: minutesOn(5), ...over }),
    of(ids.objectId(), { createdAt: minutesOn(2) }),
  ])
    await store.collection('enrollments').insert(each);
  const items = (await app.leads.timeline(lead._id)).filter(({ kind }) => kind === 'campaign');
  expect(items.map(({ title, detail }) => [title, detail])).toEqual([
    ['Taken up by the campaign Autumn sellers', undefined],
    ['Taken up by the campaign that is gone', undefined],
    ['Begun anew by the campaign Autumn sellers', undefined],
    ['The campaign Autumn sellers was done', 'exhausted'],
  ]);
});

test('a timeline tells what became of a call that reached nobody', async () => {
  const lead = await newLead();
  const at = new Date(NOON_MS);
  await store.collection('calls').insert({
    _id: ids.objectId(),
    attemptId: ids.objectId(),
    leadId: lead._id,
    contactPhone: lead.contact.phone,
    status: 'busy',
    outcome: 'no_conversation',
    direction: 'outbound',
    initiatedAt: at,
    followUpActions: [],
    createdAt: at,
    updatedAt: at,
  } as unknown as Call);
  expect(await app.leads.timeline(lead._id)).toContainEqual(
    expect.objectContaining({ title: 'Called', detail: 'busy' }),
  );
});

test('a timeline tells arrival, consent and stops of all numbers in order', async () => {
  const lead = await newLead({ consent: written });
  await clock.pass(1_000);
  await app.dnc.optOut({ phone: OTHER, channel: 'sms', words: 'STOP' });
  const items = await app.leads.timeline(lead._id);
  expect(items.slice(0, 3).map(({ kind }) => kind)).toEqual(['created', 'consent', 'consent']);
  const last = items.slice(2).map(({ kind }) => kind);
  expect(last.sort()).toEqual(['consent', 'consent', 'dnc', 'dnc']);
  expect(items[2]).toMatchObject({ title: 'Consent revoked', detail: 'sms: STOP' });
  expect(items.map(({ at }) => at.getTime())).toEqual(
    items.map(({ at }) => at.getTime()).sort((a, b) => a - b),
  );
});

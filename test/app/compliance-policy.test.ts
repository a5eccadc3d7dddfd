/** What the business decides of the gate: it holds at once, is kept with its reason, and never reaches what the law alone decides. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createCampaigns } from '../../src/app/campaigns.ts';
import { createCheckCompliance } from '../../src/app/check-compliance.ts';
import { createCompliancePolicy } from '../../src/app/compliance-policy.ts';
import { createConsents } from '../../src/app/consents.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createGatherFacts } from '../../src/app/gather-facts.ts';
import { createHouseLimits } from '../../src/app/house-limits.ts';
import { createKeptScripts } from '../../src/app/kept-scripts.ts';
import { createLeads } from '../../src/app/leads.ts';
import { createPlaceCall } from '../../src/app/place-call.ts';
import type { Ids, Log, LogFields, Store } from '../../src/app/ports.ts';
import { readPrompts } from '../../src/app/prompts.ts';
import { createEventLog } from '../../src/app/record-event.ts';
import type { Reason } from '../../src/domain/compliance/decision.ts';
import { DEFAULT_BLOCKED_STATES, DEFAULT_CAPS } from '../../src/domain/compliance/facts.ts';
import { handClock, trueTime } from '../support/clock.ts';

/** Tuesday 2026-07-14, 12:00 in New York. */
const NOON_MS = Date.parse('2026-07-14T16:00:00Z');
const PHONE = '+12125550234';
const SELLER = 'Acme Homes';

const ids: Ids = {
  objectId: () => randomBytes(12).toString('hex'),
  token: () => randomBytes(32).toString('base64url'),
};
const lines: LogFields[] = [];
const log: Log = { debug: () => {}, info: (fields) => lines.push(fields), warn: () => {}, error: () => {} };

let dir: string;
let store: Store;
let clock: ReturnType<typeof handClock>;
let gate: ReturnType<typeof createCompliancePolicy>;

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-policy-'));
  store = await openLocalStore({ dir, log });
  clock = handClock(NOON_MS);
  gate = createCompliancePolicy({ store, clock, ids, log });
  lines.length = 0;
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

const kept = async (key: string) =>
  (await store.collection('system_config').find({ filter: { key }, limit: 1 }))[0];
const reasonsAt = async (phone = PHONE): Promise<readonly Reason[]> =>
  (
    await createCheckCompliance({ store, clock, log, sellerName: SELLER, timekeeping: trueTime }).check({
      phone,
    })
  ).reasons;

describe('a setting', () => {
  test('is the default of the house until somebody changes it, and changes alone', async () => {
    const before = await gate.policy();
    expect(before).toEqual({
      killSwitch: false,
      requireNationalRegistry: false,
      requireStateLists: false,
      requireReassignedCheck: false,
      blockedStates: [...DEFAULT_BLOCKED_STATES],
      emergencyStates: [],
      dncConsentOverride: false,
      allowExemptCalls: false,
      ...DEFAULT_CAPS,
      history: [],
    });
    const after = await gate.changePolicy({ maxPerDay: 1, emergencyStates: ['LA', 'LA'] }, 'storm', 'ana');
    const change = {
      at: new Date(NOON_MS),
      by: 'ana',
      reason: 'storm',
      changes: [
        { setting: 'maxPerDay', before: 2, after: 1 },
        { setting: 'emergencyStates', before: [], after: ['LA'] },
      ],
    };
    expect(after.history).toHaveLength(1);
    expect(after.history[0]).toEqual({
      ...change,
      changes: expect.arrayContaining(change.changes) as unknown,
    });
    expect({ ...after, history: [] }).toEqual({ ...before, maxPerDay: 1, emergencyStates: ['LA'] });
    expect(await gate.policy()).toEqual(after);
    expect((await kept('compliance.policy'))?.value).toEqual({ maxPerDay: 1, emergencyStates: ['LA'] });
  });

  test('holds at the gate with the next question', async () => {
    expect(await reasonsAt()).not.toContain('state_not_enabled');
    await gate.changePolicy({ blockedStates: ['NY'] }, 'counsel asks', 'ana');
    expect(await reasonsAt()).toContain('state_not_enabled');
    await gate.changePolicy({ requireNationalRegistry: true }, 'subscribed', 'ana');
    expect(await reasonsAt()).toEqual(
      expect.arrayContaining(['state_not_enabled', 'national_dnc_unavailable']),
    );
    await gate.changePolicy({ killSwitch: true }, 'complaints', 'ana');
    expect((await reasonsAt())[0]).toBe('campaign_paused');
    await gate.changePolicy({ killSwitch: false }, 'looked into', 'ana');
    expect((await reasonsAt())[0]).not.toBe('campaign_paused');
  });

  test.each([
    [{ maxPerDay: 11 }, 'maxPerDay'],
    [{ maxPer24h: -1 }, 'maxPer24h'],
    [{ stopAfterUnanswered: 0 }, 'stopAfterUnanswered'],
    [{ minGapMinutes: 1.5 }, 'minGapMinutes'],
    [{ blockedStates: ['NY', 'ZZ'] }, 'blockedStates.1'],
    [{ emergencyStates: 'LA' }, 'emergencyStates'],
    [{ killSwitch: 'yes' }, 'killSwitch'],
    [{ consent: false }, 'body'],
    [{ internalDnc: false }, 'body'],
    [{ federalHours: { start: '00:00' } }, 'body'],
    [{ history: [] }, 'body'],
  ])('that is none, or out of bounds, is refused by name and nothing changes: %j', async (change, field) => {
    await expect(
      gate.changePolicy({ maxPer30Days: 1, ...(change as object) }, 'why', 'ana'),
    ).rejects.toMatchObject({
      code: 'invalid_request',
      details: { fields: { [field]: expect.any(String) as string } },
    });
    expect((await gate.policy()).history).toEqual([]);
    expect((await gate.policy()).maxPer30Days).toBe(DEFAULT_CAPS.maxPer30Days);
  });

  test('needs a reason; the same again is no change', async () => {
    for (const reason of ['', '   ', 'x'.repeat(2_001)])
      await expect(gate.changePolicy({ killSwitch: true }, reason, 'ana')).rejects.toMatchObject({
        code: 'invalid_request',
      });
    expect((await gate.policy()).killSwitch).toBe(false);
    await gate.changePolicy({ killSwitch: true, maxPerDay: 2 }, 'stop', 'ana');
    await gate.changePolicy({ killSwitch: true, maxPerDay: 2 }, 'stop again', 'bo');
    expect((await gate.policy()).history.map(({ reason }) => reason)).toEqual(['stop']);
  });

  test('that lets more calls pass is named as such in the audit log, one that lets fewer pass is not', async () => {
    await gate.changePolicy({ requireStateLists: true, maxPer7Days: 5, blockedStates: ['TX'] }, 'a', 'ana');
    await gate.changePolicy({ requireStateLists: false, minGapMinutes: 60, blockedStates: [] }, 'b', 'bo');
    await gate.changePolicy({ killSwitch: true, emergencyStates: ['LA'], minGapMinutes: 61 }, 'c', 'bo');
    await gate.changePolicy({ killSwitch: false }, 'd', 'bo');
    await gate.changePolicy({ dncConsentOverride: true, stopAfterUnanswered: 9 }, 'e', 'bo');
    const audit = lines.filter((fields) => fields.audit === true);
    expect(audit.map(({ by, weaker }) => [by, [...(weaker as string[])].sort()])).toEqual([
      ['ana', ['blockedStates']],
      ['bo', ['blockedStates', 'minGapMinutes', 'requireStateLists']],
      ['bo', []],
      ['bo', []],
      ['bo', ['killSwitch']],
      ['bo', ['dncConsentOverride', 'stopAfterUnanswered']],
    ]);
  });
});

describe('the kill switch', () => {
  /** Five people, one call every two seconds: one is dialled at once, the others wait for their turn. */
  async function queue() {
    const deps = { store, clock, ids, log, sellerName: SELLER, timekeeping: trueTime };
    const consents = createConsents({ ...deps, dnc: createDnc({ ...deps, stopCallsTo: async () => {} }) });
    const events = createEventLog(deps);
    const dialled: string[] = [];
    const never = async () => await Promise.reject<never>(new Error('not asked here'));
    const prompts = readPrompts((file) => readFileSync(file, 'utf8'), SELLER);
    const place = createPlaceCall({
      ...deps,
      events,
      telephony: {
        async dial(permit) {
          dialled.push(permit.spend(clock.nowMs()));
          return { callSid: `CA${dialled.length}` };
        },
        findCall: never,
        fetchCall: never,
        hangUp: never,
        sayAndHangUp: never,
        transfer: never,
        recording: never,
      },
      gatherFacts: createGatherFacts(deps),
      policyOf: createCampaigns(deps).policyOf,
      keepScript: createKeptScripts({ store, clock, ids, prompts }),
      prompts,
      strategyOf: async () => undefined,
      fromNumbers: ['+12125550190'],
      limits: createHouseLimits({
        store,
        clock,
        callsPerSecond: 0.5,
        maxConcurrentCalls: 10,
        inboundReserve: 0,
      }),
      life: () => undefined,
      admit: () => {},
      occupy: () => () => {},
      abandoned: () => {},
      inquire: () => {},
      shutdown: new AbortController().signal,
    });
    const placed: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      const lead = await createLeads({ ...deps, consents }).create(
        {
          source: 'manual',
          contact: { firstName: 'Ana', lastName: 'Ruiz', phone: `+1212555023${i}` },
          consent: {
            method: 'web_form',
            source: 'landing page',
            consentText: 'Acme Homes may call me with an artificial voice. Not a condition of purchase.',
            automatedCallsAllowed: true,
            textMessagesAllowed: true,
            evidence: {
              purpose: 'marketing',
              level: 'written',
              artificialVoiceDisclosed: true,
              certificate: 'tf-1',
            },
          },
        },
        'ana',
      );
      const { kind, call } = await place.placeCall({ leadId: lead._id, requestedBy: 'ana' });
      expect(kind).toBe('placed');
      placed.push(call._id);
    }
    /** Why the call at this place is over; undefined once it is on its way. */
    const turnOf = async (at: number): Promise<string | undefined> => {
      for (;;) {
        const call = await events.call(placed[at] ?? '');
        if (call && call.status !== 'queued') return call.endReason;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    return { dialled, turnOf, place };
  }

  test('holds at once, for calls that were allowed and wait for their turn, however short their wait', async () => {
    const { dialled, turnOf, place } = await queue();
    expect(await turnOf(0)).toBeUndefined();
    await clock.pass(2_000);
    expect(await turnOf(1)).toBeUndefined();
    await gate.changePolicy({ killSwitch: true }, 'a complaint', 'ana');
    await clock.pass(4_000);
    expect([await turnOf(2), await turnOf(3)]).toEqual(['campaign_paused', 'campaign_paused']);
    await gate.changePolicy({ killSwitch: false }, 'it was nothing', 'ana');
    await clock.pass(2_000);
    expect(await turnOf(4)).toBeUndefined();
    await place.settled();
    expect(dialled).toEqual(['+12125550230', '+12125550231', '+12125550234']);
  });
});

describe('history', () => {
  test('of changes made at once by many, through several doors, is whole, and every change holds', async () => {
    const second = createCompliancePolicy({ store: { ...store }, clock, ids, log });
    const settings = ['maxPer24h', 'maxPerDay', 'maxPer7Days', 'maxPer30Days', 'minGapMinutes'] as const;
    await Promise.all([
      ...settings.map((setting, i) => gate.changePolicy({ [setting]: 1 }, `a${i}`, 'ana')),
      ...settings.map((setting, i) => second.changePolicy({ [setting]: 0 }, `b${i}`, 'bo')),
      gate.changePolicy({ killSwitch: true }, 'stop', 'ana'),
      second.changePolicy({ requireReassignedCheck: true }, 'check', 'bo'),
    ]);
    const policy = await gate.policy();
    expect(policy).toMatchObject({ killSwitch: true, requireReassignedCheck: true });
    expect(policy.history).toHaveLength(12);
    // Told from the oldest, each change begins where the one before it ended.
    const told: Record<string, unknown> = { ...DEFAULT_CAPS };
    for (const key of ['compliance.policy', 'calling.killSwitch'])
      for (const { changes } of (await kept(key))?.history ?? [])
        for (const { setting, before, after } of changes) {
          if (setting in told) expect([setting, before]).toEqual([setting, told[setting]]);
          told[setting] = after;
        }
    expect(policy).toMatchObject(told);
  });

  test('is never lost and the newest hundred are shown, however many there are', async () => {
    const change = (n: number) => ({
      at: new Date(NOON_MS - 1_000 + n),
      by: 'ana',
      reason: `change ${n}`,
      changes: [{ setting: 'minGapMinutes', before: n - 1, after: n }],
    });
    const stamp = { updatedBy: 'ana', createdAt: new Date(NOON_MS), updatedAt: new Date(NOON_MS) };
    const history = Array.from({ length: 198 }, (_, i) => change(i + 1));
    const key = 'compliance.policy';
    await store
      .collection('system_config')
      .insert({ _id: ids.objectId(), key, value: { minGapMinutes: 198 }, history, ...stamp });
    for (let n = 199; n <= 203; n += 1) {
      await gate.changePolicy({ minGapMinutes: n }, `change ${n}`, 'ana');
      await clock.pass(1);
    }
    expect((await gate.policy()).history.map(({ reason }) => reason)).toEqual(
      Array.from({ length: 100 }, (_, i) => `change ${203 - i}`),
    );
    const blocks = await store
      .collection('system_config')
      .find({ filter: { key: { $regex: '^compliance\\.policy\\.history\\.' } } });
    const inPlace = (await kept(key))?.history ?? [];
    expect(inPlace.length).toBeLessThanOrEqual(200);
    const all = [...blocks.flatMap(({ value }) => value), ...inPlace] as { reason: string }[];
    expect(all.map(({ reason }) => reason)).toEqual(Array.from({ length: 203 }, (_, i) => `change ${i + 1}`));
  });
});

describe('a stored policy', () => {
  const put = async (key: string, value: unknown) => {
    const now = new Date(NOON_MS);
    const stamp = { updatedBy: 'by hand', createdAt: now, updatedAt: now };
    await store.collection('system_config').insert({ _id: ids.objectId(), key, value, ...stamp });
  };

  test.each([
    [{ consent: false }],
    [{ maxPerDay: 'many' }],
    [{ blockedStates: ['Atlantis'] }],
    ['x'],
    [5],
    [null],
  ])('that cannot be read denies every call, and says so to whoever asks for it: %j', async (value) => {
    await put('compliance.policy', value);
    expect(await reasonsAt()).toEqual(['check_error']);
    await expect(gate.policy()).rejects.toMatchObject({ code: 'config_invalid' });
    await expect(gate.changePolicy({ maxPerDay: 1 }, 'why', 'ana')).rejects.toMatchObject({
      code: 'config_invalid',
    });
    expect((await kept('compliance.policy'))?.value).toEqual(value);
  });

  test('set by hand, with names of states and without history, is read and can be changed', async () => {
    await put('compliance.policy', { blockedStates: ['Washington', 'ny'] });
    await put('calling.killSwitch', 'until Monday');
    expect(await gate.policy()).toMatchObject({ killSwitch: true, blockedStates: ['NY', 'WA'], history: [] });
    const after = await gate.changePolicy({ killSwitch: false, blockedStates: ['NY'] }, 'cleared', 'ana');
    expect(after).toMatchObject({ killSwitch: false, blockedStates: ['NY'] });
    expect(after.history.flatMap(({ changes }) => changes)).toEqual([
      { setting: 'killSwitch', before: true, after: false },
      { setting: 'blockedStates', before: ['NY', 'WA'], after: ['NY'] },
    ]);
    expect(await reasonsAt()).toContain('state_not_enabled');
  });
});

/** What would happen if a person were called, and when they may be: over the embedded store, without a dial. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { createCheckCompliance } from '../../src/app/check-compliance.ts';
import { createConsents } from '../../src/app/consents.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createGatherFacts } from '../../src/app/gather-facts.ts';
import { createLeads } from '../../src/app/leads.ts';
import type { Log, Store, Timekeeping } from '../../src/app/ports.ts';
import type { Call } from '../../src/domain/call.ts';
import { isFailure } from '../../src/domain/errors.ts';
import { handClock, trueTime } from '../support/clock.ts';

/** Tuesday 2026-07-14, 19:30 in New York. */
const EVENING_MS = Date.parse('2026-07-14T23:30:00Z');
const PHONE = '+12125550234';

let dir: string;
let store: Store;
const errors: string[] = [];
const log: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (_fields, sentence) => void errors.push(sentence),
};

beforeEach(async () => {
  errors.length = 0;
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-check-'));
  store = await openLocalStore({ dir, log });
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

function build(over: Partial<Store> = {}, timekeeping: Timekeeping = trueTime) {
  const clock = handClock(EVENING_MS);
  const deps = {
    store,
    clock,
    ids: createIds(() => clock.nowMs()),
    log,
    sellerName: 'Acme Homes',
    timekeeping,
  };
  const dnc = createDnc({ ...deps, stopCallsTo: async () => {} });
  const consents = createConsents({ ...deps, dnc });
  return {
    consents,
    leads: createLeads({ ...deps, consents }),
    gatherFacts: createGatherFacts(deps),
    compliance: createCheckCompliance({ ...deps, store: Object.assign(Object.create(store), over) }),
  };
}

async function consentOf(app: ReturnType<typeof build>): Promise<string> {
  const lead = await app.leads.create(
    { source: 'manual', contact: { firstName: 'Ana', lastName: 'Ruiz', phone: PHONE } },
    'user-1',
  );
  await app.consents.grant(
    {
      phone: PHONE,
      leadId: lead._id,
      method: 'web_form',
      source: 'landing page',
      consentText:
        'I agree that Acme Homes may call me with an artificial voice. Not a condition of purchase.',
      automatedCallsAllowed: true,
      textMessagesAllowed: true,
      evidence: {
        purpose: 'marketing',
        level: 'written',
        artificialVoiceDisclosed: true,
        conditionOfPurchaseDisclaimed: true,
        checkboxPreTicked: false,
        signature: 'click',
        textVersion: '1',
        pageUrl: 'https://acme.example/sell',
      },
      ipAddress: '192.0.2.10',
      userAgent: 'Mozilla/5.0',
    },
    'web',
  );
  return lead._id;
}

describe('the windows of a person', () => {
  test('are the open hours of the days asked for, with the decision now and the clock to read them on', async () => {
    const app = build();
    const leadId = await consentOf(app);
    const { decision, zone, windows } = await app.compliance.windows({ leadId, days: 2 });
    expect(decision).toMatchObject({ verdict: 'allow', reason: 'ok' });
    expect(zone).toBe('America/New_York');
    expect(windows).toEqual([
      { from: new Date(EVENING_MS), to: new Date('2026-07-15T01:00:00Z') },
      { from: new Date('2026-07-15T12:00:00Z'), to: new Date('2026-07-16T01:00:00Z') },
      { from: new Date('2026-07-16T12:00:00Z'), to: new Date('2026-07-16T23:30:00Z') },
    ]);
  });

  test('may be asked from another moment on', async () => {
    const app = build();
    const leadId = await consentOf(app);
    const at = new Date('2026-07-18T03:00:00Z');
    const { decision, windows } = await app.compliance.windows({ leadId, at, days: 1 });
    expect(decision).toMatchObject({ decidedAt: at, reason: 'outside_federal_hours' });
    expect(windows).toEqual([{ from: decision.nextAllowedAt, to: new Date('2026-07-19T01:00:00Z') }]);
  });

  test('are none for who has not consented, and none where the facts cannot be read', async () => {
    expect(await build().compliance.windows({ phone: PHONE, days: 14 })).toMatchObject({
      decision: { reason: 'consent_missing' },
      zone: 'America/New_York',
      windows: [],
    });
    expect(errors).toEqual([]);
    const torn = build({
      collection: () => {
        throw new Error('the disk is gone');
      },
    });
    expect(await torn.compliance.windows({ phone: PHONE, days: 14 })).toMatchObject({
      decision: { verdict: 'deny', reason: 'check_error' },
      zone: null,
      windows: [],
    });
    expect(errors).toEqual(['the facts of a call could not be read']);
  });

  test('are none where this machine cannot be believed when it tells the time', async () => {
    const app = build();
    const leadId = await consentOf(app);
    for (const [timekeeping, why] of [
      [{ ...trueTime, clockSkewMs: () => 45_000 }, /the clock of this machine is off by 45 seconds/],
      [{ ...trueTime, tzdata: '2025a' }, /the time zone data 2025a is more than a year old/],
      [{ ...trueTime, tzdata: '' }, /no version that is known/],
    ] as const) {
      const { decision, windows } = await build({}, timekeeping).compliance.windows({ leadId, days: 2 });
      expect(decision).toMatchObject({
        reason: 'check_error',
        explanation: expect.stringMatching(why),
      });
      expect(windows).toEqual([]);
    }
  });

  test('are refused for who is not known', async () => {
    const { compliance } = build();
    for (const question of [{ leadId: '0'.repeat(24) }, { phone: PHONE, campaignId: '0'.repeat(24) }, {}])
      await expect(compliance.windows({ ...question, days: 1 })).rejects.toSatisfy(
        (error) =>
          isFailure(error, 'lead_not_found') ||
          isFailure(error, 'campaign_not_found') ||
          isFailure(error, 'invalid_request'),
      );
    expect(errors).toEqual([]);
  });
});

test('a call that nobody answered counts as unanswered, whatever it came to; a silent one as answered', async () => {
  const app = build();
  const leadId = await consentOf(app);
  const tried = [
    ['no_answer', 'no_conversation'],
    ['busy', undefined],
    ['completed', 'no_conversation'],
    ['completed', 'not_interested'],
  ] as const;
  for (const [i, [status, outcome]] of tried.entries()) {
    const at = new Date(EVENING_MS - (i + 1) * 86_400_000);
    const callId = String(i).repeat(24);
    const dated = { createdAt: at, updatedAt: at };
    await store.collection('attempts').insert({
      _id: callId,
      callId,
      leadId,
      phone: PHONE,
      subject: 'home purchase',
      direction: 'outbound',
      reservedAt: at,
      state: 'closed',
      ...dated,
    });
    const call = { _id: callId, attemptId: callId, status, ...(outcome ? { outcome } : {}), ...dated };
    await store.collection('calls').insert(call as Call);
  }
  const { facts } = await app.gatherFacts({ leadId }, EVENING_MS);
  expect(facts.history.attempts.map(({ outcome }) => outcome)).toEqual([
    'no_answer',
    'busy',
    'no_conversation',
    'not_interested',
  ]);
});

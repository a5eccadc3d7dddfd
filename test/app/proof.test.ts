/** What can be shown for a person years later: every word, listing and decision, and whether the ledger was tampered with. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createCheckCompliance } from '../../src/app/check-compliance.ts';
import { verifyLedger } from '../../src/app/consent-ledger.ts';
import { type ConsentGiven, createConsents } from '../../src/app/consents.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createLeads } from '../../src/app/leads.ts';
import { inOrder } from '../../src/app/paging.ts';
import type { Ids, Log, Query, Store } from '../../src/app/ports.ts';
import { createProof } from '../../src/app/proof.ts';
import { createReadCalls } from '../../src/app/read-calls.ts';
import { createEventLog } from '../../src/app/record-event.ts';
import { canonicalJson, canonicalPieces, fingerprint, sha256OfPieces } from '../../src/domain/canonical.ts';
import { nextConsentLog } from '../../src/domain/compliance/consent-log.ts';
import type { Decision, Reason } from '../../src/domain/compliance/decision.ts';
import type { CollectionName, ConsentLog } from '../../src/domain/documents.ts';
import { sampleLeads } from '../../src/sandbox/sample-leads.ts';
import { handClock, trueTime } from '../support/clock.ts';

/** Tuesday 2026-07-14, 12:00 in New York. */
const NOON_MS = Date.parse('2026-07-14T16:00:00Z');
const PHONE = '+12125550234';
const OTHER = '+16465550777';
const STRANGER = '+13125550234';
const SELLER = 'Acme Homes';

const ids: Ids = {
  objectId: () => randomBytes(12).toString('hex'),
  token: () => randomBytes(32).toString('base64url'),
};
const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let dir: string;
let store: Store;
let clock: ReturnType<typeof handClock>;
const build = () => {
  const deps = { store, clock, ids, log: quiet, sellerName: SELLER, timekeeping: trueTime };
  const dnc = createDnc({ ...deps, stopCallsTo: async () => {} });
  const consents = createConsents({ ...deps, dnc });
  const events = createEventLog(deps);
  const recordings = { open: () => ({ write() {}, close: async () => ({ durationSec: 0, lostBytes: 0 }) }) };
  return {
    dnc,
    consents,
    events,
    leads: createLeads({ ...deps, consents }),
    compliance: createCheckCompliance(deps),
    calls: createReadCalls({
      store,
      events,
      recordings: { ...recordings, find: async () => undefined, remove: async () => false },
    }),
    proof: createProof(deps),
  };
};
let app: ReturnType<typeof build>;

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-proof-'));
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
    textVersion: '2026-07',
    checkboxPreTicked: false,
    signature: 'click',
    publisher: 'Leads Ltd',
    certificateType: 'trustedform',
    certificateClaimedAt: new Date(NOON_MS - 1_000),
    certificateRetainedUntil: new Date(NOON_MS + 86_400_000),
  },
  ipAddress: '203.0.113.7',
  userAgent: 'Mozilla/5.0',
};

const decided = (verdict: Decision['verdict'], reasons: readonly Reason[] = []): Decision => ({
  verdict,
  reason: reasons[0] ?? 'ok',
  reasons,
  nextAllowedAt: null,
  explanation: 'so it was',
  decidedAt: new Date(clock.nowMs()),
  ruleVersion: '1-abc',
  inputsHash: 'f'.repeat(64),
  zones: [],
});

async function asked(contactPhone: string, decision?: Decision): Promise<string> {
  const callId = ids.objectId();
  const requested = { attemptId: ids.objectId(), leadId: ids.objectId(), requestedBy: 'user-1' };
  await app.events.record(callId, { type: 'queued', contactPhone, fromPhone: '+12125550190', ...requested });
  if (decision)
    await app.events.record(callId, {
      type: decision.verdict === 'allow' ? 'permitted' : 'denied',
      decision,
    });
  await clock.pass(1);
  return callId;
}

const ana = (over: object = {}) =>
  app.leads.create(
    {
      source: 'manual',
      contact: { firstName: 'Ana', lastName: 'Ruiz', phone: PHONE, alternatePhone: OTHER, ...over },
    },
    'user-1',
  );

describe('a proof', () => {
  test('holds every event, listing and call of all numbers of the person, oldest first, as they were', async () => {
    const lead = await ana();
    await clock.pass(1_000);
    await app.consents.grant({ ...written, phone: PHONE, leadId: lead._id, at: new Date(NOON_MS) }, 'web');
    await app.consents.grant({ ...written, phone: STRANGER }, 'web');
    await clock.pass(1_000);
    const first = await asked(PHONE, decided('allow'));
    const refused = await asked(OTHER, decided('deny', ['consent_phone_mismatch']));
    const waiting = await asked(OTHER);
    await asked(STRANGER, decided('allow'));
    await clock.pass(1_000);
    await app.dnc.optOut({ phone: OTHER, channel: 'sms', words: 'STOP' });

    const proof = await app.proof('(646) 555-0777');
    expect(proof).toMatchObject({
      phone: OTHER,
      seller: SELLER,
      producedAt: new Date(clock.nowMs()),
      verification: { intact: true, entries: 5 },
    });
    expect([...proof.numbers].sort()).toEqual([PHONE, OTHER].sort());
    expect(proof.events.map(({ eventType, phone }) => `${eventType} ${phone}`).sort()).toEqual([
      `consent_granted ${PHONE}`,
      `consent_revoked ${PHONE}`,
      `consent_revoked ${OTHER}`,
      `dnc_added ${PHONE}`,
      `dnc_added ${OTHER}`,
    ]);
    const [grant] = proof.events;
    expect(grant).toMatchObject({
      consentDetails: { consentText: written.consentText },
      evidence: { ...written.evidence, seller: SELLER, personName: 'Ana Ruiz' },
      ipAddress: '203.0.113.7',
      userAgent: 'Mozilla/5.0',
      timestamp: new Date(NOON_MS),
      recordedBy: 'web',
    });
    expect(proof.dnc.map(({ phone, scope, reason }) => [phone, scope, reason]).sort()).toEqual([
      [PHONE, 'internal', 'sms: STOP'],
      [OTHER, 'internal', 'sms: STOP'],
    ]);
    expect(proof.calls).toMatchObject([
      { callId: first, contactPhone: PHONE, status: 'queued', decision: { verdict: 'allow' } },
      {
        callId: refused,
        contactPhone: OTHER,
        status: 'denied',
        decision: { reason: 'consent_phone_mismatch' },
      },
      { callId: waiting, contactPhone: OTHER, status: 'queued' },
    ]);
    expect(proof.calls[2]).not.toHaveProperty('decision');
    const times = proof.events.map(({ timestamp }) => timestamp.getTime());
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test('is sealed: its hash is of all the rest, and differs when anything of it does', async () => {
    await ana();
    await app.consents.grant({ ...written, phone: PHONE }, 'web');
    await asked(PHONE, decided('allow'));
    const { hash, ...rest } = await app.proof(PHONE);
    expect(hash).toBe(fingerprint(rest));
    expect(hash).toBe(createHash('sha256').update(canonicalJson(rest)).digest('hex'));
    await clock.pass(1);
    expect((await app.proof(PHONE)).hash).not.toBe(hash);
  });

  test('of a number nobody knows is empty and says so; what is no number is refused', async () => {
    expect(await app.proof(STRANGER)).toMatchObject({
      phone: STRANGER,
      numbers: [STRANGER],
      verification: { intact: true, entries: 0 },
      events: [],
      dnc: [],
      calls: [],
    });
    await expect(app.proof('no number')).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('tells that the ledger was tampered with, and shows all of it nonetheless', async () => {
    await ana();
    for (let i = 0; i < 3; i += 1) await app.consents.grant({ ...written, phone: PHONE }, 'web');
    await app.consents.grant({ ...written, phone: OTHER }, 'web');
    const ledger = store.collection('consent_logs');
    await ledger.update({ phone: PHONE, chainIndex: 2 }, { $set: { 'consentDetails.consentText': 'Yes.' } });
    const proof = await app.proof(OTHER);
    expect(proof.verification).toEqual({
      intact: false,
      entries: 4,
      brokenAt: 2,
      detail: 'the entry was changed after it was written',
      phone: PHONE,
    });
    expect(proof.events).toHaveLength(4);
  });

  test('of a person with more than it can hold is refused in words', async () => {
    const now = new Date(NOON_MS);
    const chain: ConsentLog[] = [];
    for (let i = 0; i <= 10_000; i += 1)
      chain.push(
        nextConsentLog(chain.at(-1), {
          _id: ids.objectId(),
          phone: PHONE,
          eventType: 'dnc_added',
          timestamp: now,
          recordedBy: 'web',
          createdAt: now,
        }),
      );
    const proofOf = (entries: readonly ConsentLog[]) => {
      let read = 0;
      const find = async ({ limit = 0 }) => {
        read += limit;
        return entries.slice(read - limit, read);
      };
      const collection = (name: CollectionName) =>
        name === 'consent_logs' ? { find } : store.collection(name);
      return createProof({ store: { ...store, collection } as unknown as Store, clock, sellerName: SELLER })(
        PHONE,
      );
    };
    await expect(proofOf(chain)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('10000 consent events') as string,
    });
    const proof = await proofOf(chain.slice(0, 10_000));
    expect(proof.events).toHaveLength(10_000);
    expect(proof.verification).toEqual({ intact: true, entries: 10_000 });
    const { hash, ...rest } = proof;
    expect(hash).toBe(fingerprint(rest));
  });
});

describe('the ledger', () => {
  const ledger = () => store.collection('consent_logs');
  const chain = async (phone = PHONE) => ledger().find({ filter: { phone }, sort: { chainIndex: 1 } });
  const grants = async (phone: string, count: number) => {
    for (let i = 0; i < count; i += 1) await app.consents.grant({ ...written, phone }, 'web');
  };

  test.each<[string, number | undefined, () => Promise<unknown>]>([
    ['altered', 2, () => ledger().update({ phone: PHONE, chainIndex: 2 }, { $set: { recordedBy: 'me' } })],
    ['given a member', 3, () => ledger().update({ phone: PHONE, chainIndex: 3 }, { $set: { note: 'x' } })],
    ['removed in the middle', 2, () => ledger().remove({ phone: PHONE, chainIndex: 2 })],
    ['removed at the start', 1, () => ledger().remove({ phone: PHONE, chainIndex: 1 })],
    ['removed at the end', 4, () => ledger().remove({ phone: PHONE, chainIndex: 4 })],
    ['all removed', 4, () => ledger().remove({ phone: PHONE })],
    [
      'put in another order',
      2,
      async () => {
        await ledger().update({ phone: PHONE, chainIndex: 2 }, { $set: { chainIndex: 99 } });
        await ledger().update({ phone: PHONE, chainIndex: 3 }, { $set: { chainIndex: 2 } });
        await ledger().update({ phone: PHONE, chainIndex: 99 }, { $set: { chainIndex: 3 } });
      },
    ],
    [
      'replaced by one with a sound hash of its own',
      4,
      async () => {
        const [, , third, last] = await chain();
        if (!third || !last) throw new Error('no entry');
        const { chainIndex: _i, prevHash: _p, hash: _h, ...body } = last;
        await ledger().put(nextConsentLog(third, { ...body, recordedBy: 'me' }));
      },
    ],
    [
      'taken from the chain of another phone',
      4,
      async () => {
        const [, , , other] = await chain(OTHER);
        await ledger().remove({ phone: PHONE, chainIndex: 4 });
        await ledger().update({ _id: other?._id }, { $set: { phone: PHONE } });
      },
    ],
  ])('an entry that was %s is found, and where', async (_how, at, tamper) => {
    await grants(PHONE, 4);
    await grants(OTHER, 4);
    await grants(STRANGER, 1);
    expect(await app.consents.verify()).toEqual({ intact: true, entries: 9 });
    await tamper();
    expect(await app.consents.verify(PHONE)).toMatchObject({ intact: false, brokenAt: at, phone: PHONE });
    expect(await app.consents.verify()).toMatchObject({ intact: false, brokenAt: at, phone: PHONE });
    expect(await app.consents.verify(STRANGER)).toEqual({ intact: true, entries: 1 });
  });

  test('of chains that were written before heads were kept holds, and gets its head with the next entry', async () => {
    await grants(PHONE, 3);
    await store.collection('consent_heads').remove({});
    expect(await app.consents.verify()).toEqual({ intact: true, entries: 3 });
    await grants(PHONE, 1);
    await ledger().remove({ phone: PHONE, chainIndex: 4 });
    expect(await app.consents.verify()).toMatchObject({ intact: false, brokenAt: 4 });
  });

  test('that is written to while it is read is not called broken', async () => {
    await grants(PHONE, 2);
    const before = await chain();
    await grants(PHONE, 1);
    // The entries as they were read, and a head that was read a moment later.
    const late = {
      ...store,
      collection: (name: CollectionName) =>
        name === 'consent_logs'
          ? { find: async (query: Query) => (query.limit === 1 ? ledger().find(query) : before) }
          : store.collection(name),
    } as unknown as Store;
    expect(await verifyLedger(late)).toEqual({ intact: true, entries: 2 });
    await ledger().remove({ phone: PHONE, chainIndex: 3 });
    expect(await verifyLedger(late)).toMatchObject({ intact: false, brokenAt: 3, phone: PHONE });
  });

  test('a consent given again after a stop counts only when it is written and complete', async () => {
    const opened = async () => {
      await app.dnc.release({ phone: PHONE, scope: 'internal', reason: 'asked to be called' }, 'admin');
      return (await app.compliance.check({ phone: PHONE })).reason;
    };
    await app.consents.grant({ ...written, phone: PHONE }, 'web');
    expect((await app.compliance.check({ phone: PHONE })).reason).toBe('ok');
    await clock.pass(1_000);
    await app.dnc.optOut({ phone: PHONE, channel: 'voice', words: 'stop calling' });
    await clock.pass(1_000);
    await app.consents.grant({ ...written, phone: PHONE }, 'web');
    // A new consent is no release: a person lets the number go.
    expect((await app.compliance.check({ phone: PHONE })).reason).toBe('internal_dnc');
    expect(await opened()).toBe('ok');

    await clock.pass(1_000);
    await app.dnc.optOut({ phone: PHONE, channel: 'voice', words: 'stop calling' });
    expect(await opened()).toBe('consent_revoked');
    await clock.pass(1_000);
    const again = async (over: Partial<ConsentGiven>) => {
      await app.consents.grant({ ...written, ...over, phone: PHONE }, 'web');
      return (await app.compliance.check({ phone: PHONE })).reason;
    };
    const evidence = written.evidence ?? {};
    expect(await again({ evidence: { ...evidence, level: 'oral' } })).toBe('consent_insufficient');
    expect(await again({ evidence: { ...evidence, artificialVoiceDisclosed: false } })).toBe(
      'consent_insufficient',
    );
    expect(await again({ userAgent: '' })).toBe('consent_evidence_incomplete');
    expect(await again({ consentText: 'Acme Homes may call me with an artificial voice.' })).toBe(
      'consent_evidence_incomplete',
    );
    expect(await again({ evidence: { ...evidence, checkboxPreTicked: true } })).toBe(
      'consent_evidence_incomplete',
    );
    expect(await again({})).toBe('ok');
  });
});

test('the made-up leads of the sandbox have consented completely, to whoever the seller is', async () => {
  const [newYork] = sampleLeads(ids.objectId(), SELLER);
  const [given] = newYork?.leads ?? [];
  if (!given) throw new Error('no sample lead');
  const lead = await app.leads.create(given, 'sandbox');
  expect((await app.compliance.check({ leadId: lead._id })).reasons).toEqual([]);
});

describe('calls are found', () => {
  test('by the number and by any reason of their denial, in pages', async () => {
    const refused = await asked(PHONE, decided('deny', ['internal_dnc', 'consent_revoked']));
    const allowed = await asked(PHONE, decided('allow'));
    const other = await asked(OTHER, decided('deny', ['consent_revoked']));
    const find = async (query: Parameters<typeof app.calls.list>[0]) =>
      (await app.calls.list(query)).items.map(({ _id }) => _id);
    expect(await find({ limit: 10, reason: 'consent_revoked' })).toEqual([other, refused]);
    expect(await find({ limit: 10, reason: 'internal_dnc', decided: 'any' })).toEqual([refused]);
    expect(await find({ limit: 10, reason: 'consent_revoked', decided: 'allow' })).toEqual([]);
    expect(await find({ limit: 10, phone: PHONE })).toEqual([allowed, refused]);
    expect(await find({ limit: 10, phone: PHONE, reason: 'consent_missing' })).toEqual([]);
    const first = await app.calls.list({ limit: 1, reason: 'consent_revoked' });
    expect(first.items.map(({ _id }) => _id)).toEqual([other]);
    const cursor = first.nextCursor ?? '';
    expect(await find({ limit: 1, reason: 'consent_revoked', cursor })).toEqual([refused]);
  });
});

describe('a value in pieces', () => {
  test('is the same text and the same sum as in one go', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue()))), (value) => {
        const normal = JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
        const pieces = [...canonicalPieces(normal)];
        expect(pieces.join('')).toBe(canonicalJson(normal));
        const sum = sha256OfPieces();
        for (const piece of pieces) sum.add(piece);
        expect(sum.hex()).toBe(fingerprint(normal));
      }),
    );
  });
});

test('reading everything in order skips and repeats nothing while others write', async () => {
  const attempts = store.collection('attempts');
  const put = (n: number, minute: number) =>
    attempts.insert({
      _id: n.toString(16).padStart(24, '0'),
      callId: ids.objectId(),
      phone: PHONE,
      subject: 'house',
      direction: 'outbound',
      reservedAt: new Date(NOON_MS + minute * 60_000),
      state: 'closed',
      createdAt: new Date(NOON_MS),
      updatedAt: new Date(NOON_MS),
    });
  // Many share a moment, so that pages end among equals.
  await Promise.all(Array.from({ length: 1_203 }, (_, i) => put(i, i % 3)));
  const seen: string[] = [];
  for await (const { _id } of inOrder(attempts, {}, ['reservedAt', '_id'])) {
    seen.push(_id);
    // One behind what was read, which is missed, and one before it, which is not.
    if (seen.length === 600) await Promise.all([put(5_000, -1), put(5_001, 9)]);
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toHaveLength(1_204);
  expect(seen.at(-1)).toBe((5_001).toString(16).padStart(24, '0'));
});

test('a broken chain does not stop the reading of the others', async () => {
  await app.consents.grant({ ...written, phone: PHONE }, 'web');
  await app.consents.grant({ ...written, phone: OTHER }, 'web');
  await store.collection('consent_logs').update({ phone: PHONE }, { $set: { recordedBy: 'me' } });
  const read: string[] = [];
  const report = await verifyLedger(store, undefined, ({ phone }) => read.push(phone));
  expect(report).toMatchObject({ intact: false, entries: 2, phone: PHONE, brokenAt: 1 });
  expect(read).toEqual([PHONE, OTHER]);
});

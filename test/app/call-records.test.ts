/** Every dialled call leaves one record with everything the law wants kept, however it ended and whatever changed since. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createCallRecords, termsOf } from '../../src/app/call-records.ts';
import { HOUSE_CALLING } from '../../src/app/campaigns.ts';
import type { Ids, Log, Store } from '../../src/app/ports.ts';
import { createEventLog, type EventLog } from '../../src/app/record-event.ts';
import { CallRecord as Schema } from '../../src/contract/index.ts';
import type { Call, CallEventBody } from '../../src/domain/call.ts';
import type { Decision } from '../../src/domain/compliance/decision.ts';
import type { CallRecord } from '../../src/domain/compliance/records.ts';
import { handClock } from '../support/clock.ts';
import { BRIEF } from '../support/people.ts';
import { OFFICE, OURS, SELLER, type World, world } from '../support/world.ts';

const NOON_MS = Date.parse('2026-07-14T16:00:00Z');
const PHONE = '+12125550234';
const ALL = { from: new Date(0), to: new Date('2100-01-01T00:00:00Z') };

const ids: Ids = {
  objectId: () => randomBytes(12).toString('hex'),
  token: () => randomBytes(32).toString('base64url'),
};
const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

async function read(records: AsyncIterable<CallRecord>): Promise<CallRecord[]> {
  const all: CallRecord[] = [];
  for await (const record of records) all.push(record);
  return all;
}

describe('a call of every kind', () => {
  let dir: string;
  let store: Store;
  let clock: ReturnType<typeof handClock>;
  let events: EventLog;
  let records: ReturnType<typeof createCallRecords>['records'];

  beforeEach(async () => {
    dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-records-'));
    store = await openLocalStore({ dir, log: quiet });
    clock = handClock(NOON_MS);
    events = createEventLog({ store, clock, ids, log: quiet });
    records = createCallRecords({ store }).records;
  });
  afterEach(async () => {
    await store.close();
    await rm(dir, { recursive: true, force: true });
  });

  const decision: Decision = {
    verdict: 'allow',
    reason: 'ok',
    reasons: [],
    nextAllowedAt: null,
    explanation: 'Allowed: so it is.',
    decidedAt: new Date(NOON_MS),
    ruleVersion: '1-abc',
    inputsHash: 'f'.repeat(64),
    zones: [{ zone: 'America/New_York', state: 'NY', localTime: 'Tue 2026-07-14 12:00' }],
    permitId: 'a'.repeat(24),
  };
  const copy = (list: string, day: string) => ({
    list,
    asOf: new Date(`${day}T00:00:00Z`),
    count: 1,
    importedAt: new Date(NOON_MS),
  });
  const terms = termsOf({
    sellerName: 'Acme Homes',
    calling: { ...HOUSE_CALLING, subject: 'house purchase' },
    decision,
    listCopies: [
      copy('national', '2026-07-10'),
      copy('state.NY', '2026-07-09'),
      copy('state.FL', '2026-07-08'),
    ],
  });
  const permitted: CallEventBody = {
    type: 'permitted',
    decision,
    terms: { ...terms, calledName: 'Ana Ruiz' },
    script: { name: 'outbound', hash: 'e'.repeat(64) },
  };

  /** A call of ours with these events behind its first, one second apart. */
  async function call(...bodies: CallEventBody[]): Promise<string> {
    const callId = ids.objectId();
    const parties = { contactPhone: PHONE, fromPhone: OURS, leadId: ids.objectId(), requestedBy: 'ana' };
    await events.record(callId, {
      type: 'queued',
      attemptId: ids.objectId(),
      campaignId: 'c'.repeat(24),
      ...parties,
    });
    for (const body of bodies) {
      await clock.pass(1_000);
      await events.record(callId, body);
    }
    return callId;
  }
  const dialed = (): CallEventBody => ({ type: 'dialed', callSid: `CA${ids.objectId()}` });
  const ended = (status: 'completed' | 'busy' | 'no_answer' | 'failed' | 'canceled'): CallEventBody => ({
    type: 'ended',
    status,
    reason: 'said so',
    ...(status === 'completed' ? { durationSec: 42 } : {}),
  });
  const ringing: CallEventBody = { type: 'ringing', attestation: 'A' };
  const answered: CallEventBody = { type: 'answered' };

  test('that was dialled has one record each, oldest first; one that was not has none', async () => {
    const sold = await call(permitted, dialed(), ringing, answered, ended('completed'), {
      type: 'concluded',
      outcome: 'qualified',
      reason: 'wants a visit',
    });
    const machine = await call(
      permitted,
      dialed(),
      answered,
      { type: 'machine', answeredBy: 'machine_end_beep' },
      { type: 'voicemail_left', text: 'Call us back.' },
      ended('completed'),
    );
    const busy = await call(permitted, dialed(), ended('busy'));
    const silent = await call(permitted, dialed(), ringing, ended('no_answer'));
    const wrong = await call(permitted, dialed(), ended('failed'));
    const unclear = await call(permitted, { type: 'dial_unconfirmed', message: 'timeout' }, ended('failed'));
    const lookedFor = await call(permitted, { type: 'dial_unconfirmed', message: 'timeout' });
    const handedOn = await call(
      permitted,
      dialed(),
      answered,
      { type: 'transferred', to: OFFICE, reason: 'asked for a person' },
      ended('completed'),
    );
    const talking = await call(permitted, dialed(), answered);

    await call();
    await call({ type: 'denied', decision: { ...decision, verdict: 'deny', reason: 'internal_dnc' } });
    await call(permitted, { type: 'ended', status: 'failed', reason: 'dial_refused: not a number' });
    await call(permitted, ended('canceled'));
    const inbound = ids.objectId();
    const theirs = { contactPhone: PHONE, fromPhone: OURS, callSid: 'CAin' };
    await events.record(inbound, { type: 'received', attemptId: ids.objectId(), ...theirs });

    const all = await read(records(ALL));
    expect(all.map(({ callId, disposition }) => [callId, disposition])).toEqual([
      [sold, 'answered; qualified'],
      [machine, 'answered by a machine; voicemail'],
      [busy, 'busy'],
      [silent, 'not answered'],
      [wrong, 'failed'],
      [unclear, 'dial not confirmed by the carrier'],
      [lookedFor, 'in progress'],
      [handedOn, 'answered; transferred'],
      [talking, 'answered, in progress'],
    ]);
    expect(all.map(({ durationSec }) => durationSec)).toEqual([42, 42, 0, 0, 0, 0, null, 42, null]);
    const [first, , , , , lost, , transferred] = all;
    expect(first).toEqual({
      callId: sold,
      telemarketer: 'Acme Homes',
      seller: 'Acme Homes',
      goodsOrServices: 'house purchase (marketing)',
      calledParty: 'consumer',
      direction: 'outbound',
      prerecorded: 'artificial voice (AI)',
      callingNumber: OURS,
      calledNumber: PHONE,
      calledPartyName: 'Ana Ruiz',
      date: '2026-07-14',
      time: '16:00:02',
      durationSec: 42,
      disposition: 'answered; qualified',
      transferredTo: '',
      campaignId: 'c'.repeat(24),
      scriptName: 'outbound',
      scriptHash: 'e'.repeat(64),
      callerIdNumber: OURS,
      callerIdName: 'Acme Homes',
      callerIdProof: expect.stringMatching(
        /^a number of our carrier account, accepted for call CA\w+, STIR\/SHAKEN attestation A$/,
      ) as string,
      verdict: 'allow',
      reasons: 'ok',
      ruleVersion: '1-abc',
      inputsHash: 'f'.repeat(64),
      permitId: 'a'.repeat(24),
      dncListsAsOf: 'national 2026-07-10; state.NY 2026-07-09',
    });
    expect(lost?.callerIdProof).toBe('a number of our carrier account');
    expect(transferred?.transferredTo).toBe(OFFICE);
    for (const record of all) Schema.parse(record);
  });

  test('whose document an older version wrote, or a fault left behind, is told from its events', async () => {
    const sid = dialed();
    const whole = await call(permitted, sid, answered, { type: 'transferred', to: OFFICE, reason: 'x' });
    const plain = await call({ type: 'permitted', decision }, dialed(), ended('busy'));
    const expected = await read(records(ALL));
    for (const id of [whole, plain]) {
      const kept = await store.collection('calls').get(id);
      const { dialedAt: _at, transferredTo: _to, ...older } = kept as Call;
      await store.collection('calls').put(id === plain ? { ...older, status: 'queued' } : older);
    }
    expect(await read(records(ALL))).toEqual(expected);
    // What was never stored is left empty, not guessed.
    expect(expected[1]).toMatchObject({ seller: '', scriptName: '', dncListsAsOf: '', verdict: 'allow' });
  });

  test('without any list says so', async () => {
    await call({ ...permitted, terms: { ...terms, lists: [] } }, dialed());
    expect((await read(records(ALL)))[0]?.dncListsAsOf).toBe('none set up');
  });

  test('is in the range when it was begun from its first moment on and before its end', async () => {
    const begun: Date[] = [];
    for (let i = 0; i < 3; i += 1) {
      begun.push(new Date(clock.nowMs()));
      await call(permitted, dialed());
    }
    const [first = ALL.from, second = ALL.from, third = ALL.to] = begun;
    const times = async (from: Date, to: Date) => (await read(records({ from, to }))).map(({ time }) => time);
    expect(await times(first, third)).toEqual(['16:00:02', '16:00:04']);
    expect(await times(second, second)).toEqual([]);
    expect(await times(second, ALL.to)).toEqual(['16:00:04', '16:00:06']);
    expect(() => records({ from: third, to: first })).toThrow(/must not be later/);
    expect(() => records({ from: new Date(Number.NaN), to: first })).toThrow(/must not be later/);
  });

  test('among many is neither skipped nor repeated while more are placed', async () => {
    const base = await store.collection('calls').get(await call(permitted, dialed(), ended('busy')));
    if (!base) throw new Error('no call');
    const put = (n: number, ms: number) =>
      store.collection('calls').insert({
        ...base,
        _id: n.toString(16).padStart(24, '0'),
        attemptId: ids.objectId(),
        callSid: `CA${n}`,
        initiatedAt: new Date(NOON_MS + ms),
      });
    await Promise.all(Array.from({ length: 1_300 }, (_, i) => put(i, 10 + (i % 2))));
    const seen: string[] = [];
    for await (const { callId } of records(ALL)) {
      seen.push(callId);
      if (seen.length === 700) await put(9_999, 5_000);
    }
    expect(seen).toHaveLength(1_302);
    expect(new Set(seen).size).toBe(1_302);
    expect(seen.at(-1)).toBe((9_999).toString(16).padStart(24, '0'));
  });
});

describe('a call through the whole product', () => {
  let here: World;
  beforeAll(async () => {
    here = await world({ brief: true });
  });
  afterAll(() => here.close());

  /** What of the record is empty although something is known. */
  const emptyIn = (record: CallRecord | undefined) =>
    Object.keys(Schema.shape).filter((key) => {
      const held = record?.[key as keyof CallRecord];
      return held === undefined || held === '' || held === null;
    });

  test('for a campaign, answered, lacks nothing in its record', async () => {
    const { call } = await here.call(BRIEF);
    const found = (await read(here.app.compliance.records(ALL))).filter(({ callId }) => callId === call._id);
    expect(found).toHaveLength(1);
    const [record] = found;
    expect(emptyIn(record)).toEqual(['transferredTo']);
    expect(record).toMatchObject({
      seller: SELLER,
      goodsOrServices: 'Motivated sellers (marketing)',
      callingNumber: OURS,
      calledNumber: call.contactPhone,
      calledPartyName: 'Maria Story',
      campaignId: here.campaignId,
      scriptHash: call.promptHash,
      verdict: 'allow',
      permitId: call.complianceDecision?.permitId,
      durationSec: call.duration,
    });
    expect(record?.disposition).toMatch(/^answered; /);
  });

  test('of any other kind has its record too', async () => {
    here.carrier.control.setFaults({ rest: { mode: 'answer-lost', times: 1 }, callbacks: { drop: 1 } });
    const lost = await here.call('busy');
    here.carrier.control.setFaults({ rest: { mode: 'none', times: 0 }, callbacks: { drop: 0 } });
    const [message, busy, bad, person] = await Promise.all(
      ['voicemail', 'busy', 'bad-number', 'wants-person'].map((caller) => here.call(caller)),
    );
    const all = await read(here.app.compliance.records(ALL));
    const told = [lost, message, busy, bad, person].map((story) => {
      const found = all.filter(({ callId }) => callId === story?.call._id);
      expect(found).toHaveLength(1);
      expect(emptyIn(found[0]).filter((key) => key !== 'transferredTo')).toEqual([]);
      return [found[0]?.disposition, found[0]?.transferredTo];
    });
    expect(told).toEqual([
      ['busy; no conversation', ''],
      ['answered by a machine; voicemail', ''],
      ['busy; no conversation', ''],
      ['failed; no conversation', ''],
      ['answered; transferred', OFFICE],
    ]);
  });
});

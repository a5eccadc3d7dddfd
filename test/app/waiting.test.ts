/** What the app does while a store that may be away does not have everything: nobody is dialled, and callers are not kept waiting. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { keepAtHand, soon } from '../../src/app/at-hand.ts';
import { type App, buildApp } from '../../src/app/index.ts';
import type { Collection, Log, Outage, Store } from '../../src/app/ports.ts';
import { readPrompts } from '../../src/app/prompts.ts';
import type { Attempt } from '../../src/domain/documents.ts';
import { Failure, isFailure } from '../../src/domain/errors.ts';
import { type HandClock, handClock, trueTime } from '../support/clock.ts';
import { fullConsent } from '../support/consent.ts';
import { messagesHouse, noMessenger } from '../support/messages.ts';
import { until } from '../support/until.ts';

const SELLER = 'Acme Homes';
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
const never = (): Promise<never> => new Promise(() => {});

let dir: string;
let local: Store;
let clock: HandClock;
let app: App;
let dialled: string[];
let state: Outage['state'];
/** Called when an attempt is claimed, just before its phone may ring. */
let claiming: () => void;

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-waiting-'));
  local = await openLocalStore({ dir, log: quiet });
  clock = handClock();
  dialled = [];
  state = 'up';
  claiming = () => {};
  const attempts: Collection<Attempt> = {
    ...local.collection('attempts'),
    async update(filter, update) {
      if (filter.state === 'reserved') claiming();
      return await local.collection('attempts').update(filter, update);
    },
  };
  const store: Store = {
    ...local,
    collection: (name) => (name === 'attempts' ? (attempts as never) : local.collection(name)),
    outage: {
      get state() {
        return state;
      },
      backlog: { events: 0, optOuts: 0, setAside: 0 },
      watch: () => () => {},
      keep: async () => {},
      fulfil: () => {},
    },
  };
  app = buildApp(
    {
      store,
      telephony: {
        dial: async (_, { callId }) => {
          dialled.push(callId);
          return { callSid: `CA${callId}` };
        },
        findCall: async () => 'absent',
        fetchCall: async () => 'absent',
        hangUp: async () => {},
        sayAndHangUp: async () => {},
        transfer: async () => {},
        recording: never,
      },
      messenger: noMessenger,
      agent: { open: never, conversation: async () => 'absent' },
      recordings: {
        open: () => ({ write() {}, close: async () => ({ durationSec: 0, lostBytes: 0 }) }),
        find: async () => undefined,
        remove: async () => false,
      },
      timekeeping: trueTime,
      clock,
      ids: createIds(clock.nowMs),
      log: quiet,
    },
    {
      sellerName: SELLER,
      fromNumbers: ['+12125550190'],
      maxConcurrentCalls: 10,
      callsPerSecond: 100,
      inboundReserve: 0.3,
      prompts: readPrompts((file) => readFileSync(file, 'utf8'), SELLER),
      messages: messagesHouse(SELLER),
      agents: { voiceAgentId: 'agent', knowledge: [] },
    },
  );
});
afterEach(async () => {
  await local.close();
  await rm(dir, { recursive: true, force: true });
});

async function leadWithConsent(): Promise<string> {
  const { _id } = await app.leads.create(
    {
      source: 'test',
      externalId: '1',
      contact: {
        firstName: 'Ana',
        lastName: 'Ruiz',
        phone: '+12125552001',
        address: { city: 'New York', state: 'NY', zipCode: '10001' },
      },
      tags: [],
      consent: fullConsent(SELLER),
    },
    'test',
  );
  return _id;
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => (isFailure(error) ? error.code : String(error)),
  );

describe('while the store does not have everything', () => {
  test.each(['away', 'returning'] as const)(
    '(%s) nobody is dialled, nothing is recorded, and the gate denies',
    async (now) => {
      const leadId = await leadWithConsent();
      expect((await app.compliance.check({ leadId })).verdict).toBe('allow');
      state = now;
      expect(await codeOf(app.calls.place({ leadId, requestedBy: 'test' }))).toBe('store_unavailable');
      expect(await app.compliance.check({ leadId })).toMatchObject({
        verdict: 'deny',
        reasons: ['check_error'],
      });
      expect([
        await local.collection('calls').count({}),
        await local.collection('attempts').count({}),
      ]).toEqual([0, 0]);
      state = 'up';
      expect((await app.calls.place({ leadId, requestedBy: 'test' })).kind).toBe('placed');
      await until('the dial', () => dialled.length === 1);
    },
  );

  test('a call that the gate has permitted is not dialled any more, and the person is free again', async () => {
    const leadId = await leadWithConsent();
    claiming = () => {
      state = 'returning';
    };
    const placed = await app.calls.place({ leadId, requestedBy: 'test' });
    expect(placed.call.complianceDecision?.verdict).toBe('allow');
    const { _id } = placed.call;
    await until(
      'it to be given up',
      async () => (await local.collection('calls').get(_id))?.status === 'canceled',
    );
    await until(
      'the person to be free',
      async () => (await local.collection('attempts').count({ state: 'closed' })) === 1,
    );
    expect(await local.collection('attempts').count({ activePhones: { $exists: true } })).toBe(0);
    expect(dialled).toEqual([]);
  });
});

describe('what is kept at hand', () => {
  test('is read anew each time, and is what was read last when the store is away or slow', async () => {
    let answer: () => Promise<{ n: number } | undefined> = async () => ({ n: 1 });
    const get = keepAtHand(clock, () => answer());
    expect(await get('a')).toEqual({ n: 1 });
    answer = async () => ({ n: 2 });
    expect(await get('a')).toEqual({ n: 2 });
    answer = async () => {
      throw new Failure('store_unavailable', 'away');
    };
    expect(await get('a')).toEqual({ n: 2 });
    expect(await codeOf(get('b'))).toBe('store_unavailable');
    answer = never;
    const slow = get('a');
    await clock.pass(2_000);
    expect(await slow).toEqual({ n: 2 });
    answer = async () => {
      throw new Failure('campaign_not_found', 'gone');
    };
    expect(await codeOf(get('a'))).toBe('campaign_not_found');
  });

  test('a caller does not wait for what would merely be good to know', async () => {
    expect(await soon(clock, Promise.resolve('Maria'))).toBe('Maria');
    expect(await soon(clock, Promise.reject(new Failure('store_unavailable', 'away')))).toBeUndefined();
    const slow = soon(clock, never());
    await clock.pass(2_000);
    expect(await slow).toBeUndefined();
    expect(await codeOf(soon(clock, Promise.reject(new Failure('internal', 'a mistake'))))).toBe('internal');
  });
});

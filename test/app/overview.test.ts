/** What a stretch of time came to: counted right at every edge, kept, and counted again when a call changes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createOverview } from '../../src/app/overview.ts';
import type { Collection, Log, Store } from '../../src/app/ports.ts';
import type { EventLog } from '../../src/app/record-event.ts';
import type { Call } from '../../src/domain/call.ts';
import {
  type CallFigures,
  countOf,
  daysBetween,
  hourName,
  summaryOf,
} from '../../src/domain/call-figures.ts';
import { failureOf, oid } from '../contract/filled.ts';
import { type HandClock, handClock } from '../support/clock.ts';

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
const NOON = Date.UTC(2026, 10, 20, 12);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let dir: string;
let store: Store;
let clock: HandClock;
let tell: (call: Call) => void;
const shutdown = new AbortController();

function overviewOf(of: Store) {
  const watch: EventLog['watch'] = (listener) => {
    tell = (call) => listener({ event: {} as never, call });
    return () => undefined;
  };
  return createOverview({ store: of, clock, log: quiet, events: { watch }, shutdown: shutdown.signal });
}

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'parley-overview-'));
  store = await openLocalStore({ dir, log: quiet });
  clock = handClock(NOON);
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

let calls = 0;
async function call(agoMs: number, more: Partial<Call> = {}): Promise<Call> {
  calls += 1;
  const made = {
    _id: oid(calls),
    attemptId: `attempt-${calls}`,
    direction: 'outbound',
    status: 'completed',
    initiatedAt: new Date(clock.nowMs() - agoMs),
    duration: 60,
    ...more,
  } as unknown as Call;
  await store.collection('calls').insert(made);
  return made;
}

const last = (hours: number) => ({
  from: new Date(clock.nowMs() - hours * HOUR),
  to: new Date(clock.nowMs() + DAY),
  zone: 'UTC',
});
const summed = (steps: readonly { readonly calls: CallFigures }[]): number =>
  steps.reduce((sum, { calls: some }) => sum + countOf(some.outbound) + countOf(some.inbound), 0);

test('placed, refused and received calls are told apart, with what came of them', async () => {
  await call(30 * HOUR);
  await call(5 * HOUR, {
    outcome: 'qualified',
    cost: { totalCost: 0.51 } as never,
    sentiment: { overall: 0.5 } as never,
  });
  await call(4 * HOUR, { outcome: 'opted_out', sentiment: { overall: -0.25 } as never });
  await call(3 * HOUR, { status: 'no_answer', outcome: 'no_conversation', duration: 0 });
  await call(2 * HOUR, { status: 'ringing' });
  await call(90_000, { direction: 'inbound', sentiment: { overall: 0 } as never });
  for (const reasons of [['national_dnc_listed'], ['national_dnc_listed', 'consent_missing']])
    await call(HOUR, { status: 'denied', duration: 0, complianceDecision: { reasons } as never });
  await store.collection('leads').insert({ _id: oid(0), receivedAt: new Date(NOON - HOUR) } as never);

  const { now, before, complete } = await overviewOf(store).overview(last(24));
  expect(complete).toBe(true);
  expect(summaryOf(now.calls)).toEqual({
    outbound: 4,
    inbound: 1,
    denied: 2,
    connected: 2,
    connectRate: 0.6667,
    talkSec: 240,
    cost: 0.51,
    mood: { average: 0.08, good: 1, neutral: 1, bad: 1 },
  });
  expect(now.calls.outcomes).toEqual({ qualified: 1, opted_out: 1, no_conversation: 1 });
  expect(now.calls.denials).toEqual({ national_dnc_listed: 2, consent_missing: 1 });
  expect([now.leads, before.leads]).toEqual([1, 0]);
  expect(summaryOf(before.calls).outbound).toBe(1);
});

test('a stretch may begin and end in the middle of an hour, and its days are those of the zone', async () => {
  const asked = {
    from: new Date(Date.UTC(2026, 10, 18, 6, 30)),
    to: new Date(Date.UTC(2026, 10, 20, 6, 30)),
    zone: 'America/Chicago',
  };
  const at = (ms: number) => call(clock.nowMs() - ms);
  await at(asked.from.getTime() - 1);
  await at(asked.from.getTime());
  // The last minute of the 18th, and the first of the 19th, in Chicago.
  await at(Date.UTC(2026, 10, 19, 5, 59));
  await at(Date.UTC(2026, 10, 19, 6, 0));
  await at(asked.to.getTime() - 1);
  await at(asked.to.getTime());
  const { days } = await overviewOf(store).daily(asked);
  expect(days.map(({ from, calls: some }) => [from.toISOString(), countOf(some.outbound)])).toEqual([
    ['2026-11-18T06:30:00.000Z', 2],
    ['2026-11-19T06:00:00.000Z', 1],
    ['2026-11-20T06:00:00.000Z', 1],
  ]);
});

test('the day on which clocks go back has 25 hours', () => {
  const days = daysBetween(Date.UTC(2026, 9, 31, 4), Date.UTC(2026, 10, 3, 5), 'America/New_York');
  expect(days.map((day) => new Date(day).toISOString())).toEqual([
    '2026-10-31T04:00:00.000Z',
    '2026-11-01T04:00:00.000Z',
    '2026-11-02T05:00:00.000Z',
  ]);
});

/** Counts how many calls are read. */
function watched(): { store: Store; read: () => number } {
  let read = 0;
  const collection = (name: never) => {
    const inner = store.collection(name) as Collection<{ readonly _id: string }>;
    return {
      ...inner,
      async aggregate(pipeline: never) {
        const rows = await inner.aggregate(pipeline);
        read += rows.reduce((sum, row) => sum + Number(row.calls), 0);
        return rows;
      },
    };
  };
  return { store: { ...store, collection } as unknown as Store, read: () => read };
}

test('hours that are over are counted once, by whoever asks first, and found again by another process', async () => {
  for (let hour = 2; hour < 40; hour += 1) await call(hour * HOUR);
  await call(60_000);
  const first = watched();
  expect(summed((await overviewOf(first.store).overview(last(48))).steps)).toBe(39);
  expect(first.read()).toBe(39);

  clock = handClock(NOON + 10_000);
  const asks = overviewOf(first.store);
  expect(summed((await asks.overview(last(49))).steps)).toBe(39);
  // It may not know what happened to the newest before it began; but what it counted itself it keeps.
  const again = first.read();
  await clock.pass(6_000);
  expect(summed((await asks.overview(last(48.5))).steps)).toBe(39);
  expect(first.read() - again).toBe(1);
});

test('a call of a past hour that changes is counted as it is now', async () => {
  const old = await call(30 * DAY + 1, { outcome: 'voicemail' });
  const { overview } = overviewOf(store);
  const asked = { ...last(31 * 24), before: new Date(NOON - 31 * DAY) };
  expect((await overview(asked)).now.calls.outcomes).toEqual({ voicemail: 1 });

  const changed: Call = { ...old, outcome: 'qualified' };
  await store.collection('calls').put(changed);
  tell(changed);
  await clock.pass(6_000);
  expect((await overview(asked)).now.calls.outcomes).toEqual({ qualified: 1 });
});

test('figures counted while somebody changed a call of the hour are not kept', async () => {
  const old = await call(30 * DAY + 1, { outcome: 'voicemail' });
  const name = hourName(old.initiatedAt.getTime());
  const collection = (of: never) => {
    const inner = store.collection(of) as Collection<{ readonly _id: string }>;
    return {
      ...inner,
      async aggregate(pipeline: never) {
        const rows = await inner.aggregate(pipeline);
        // Another process says that they do not hold, between the count and its keeping.
        await store.collection('call_hours').update({ _id: name }, { $inc: { revision: 1 } });
        return rows;
      },
    };
  };
  const asking = overviewOf({ ...store, collection } as unknown as Store).overview(last(31 * 24));
  expect((await asking).complete).toBe(false);
  expect((await store.collection('call_hours').get(name))?.figures).toBeUndefined();
});

test('while a database that was away is told what it missed, nothing counted is kept', async () => {
  await call(30 * DAY + 1);
  const outage = { state: 'returning', watch: () => () => undefined } as never;
  const { complete } = await overviewOf({ ...store, outage } as Store).overview(last(31 * 24));
  expect(complete).toBe(false);
  expect(await store.collection('call_hours').count({})).toBe(0);
});

test('a stretch that is none, or longer than a year, is refused', async () => {
  const { overview } = overviewOf(store);
  const at = new Date(NOON);
  expect((await failureOf(overview({ from: at, to: at, zone: 'UTC' }))).code).toBe('invalid_request');
  expect((await failureOf(overview(last(367 * 24)))).code).toBe('invalid_request');
});

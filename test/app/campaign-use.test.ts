/** What campaigns may still spend, and what is due, where several come at the same time. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalStore, openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { createCampaignUse } from '../../src/app/campaign-use.ts';
import { HOUSE_CALLING } from '../../src/app/campaigns.ts';
import { createDueSteps } from '../../src/app/due-steps.ts';
import { createEnrollments } from '../../src/app/enrollments.ts';
import type { Log } from '../../src/app/ports.ts';
import type { Enrollment } from '../../src/domain/campaign.ts';
import type { Campaign } from '../../src/domain/documents.ts';
import { createLifeClock, createTimeline, type Timeline } from '../simulation/timeline.ts';

const START_MS = Date.UTC(2026, 10, 18, 18);
const HOUR = 3_600_000;
const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
let dir: string;
let store: LocalStore;
let time: Timeline;

beforeEach(async () => {
  dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-use-'));
  store = await openLocalStore({ dir, log });
  time = createTimeline(START_MS);
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const at = new Date(START_MS);
const campaign: Campaign = {
  _id: 'c'.repeat(24),
  name: 'Buyers',
  type: 'wholesale',
  status: 'active',
  calling: HOUSE_CALLING,
  createdAt: at,
  updatedAt: at,
};
const pass = (ms: number): Promise<void> => time.pass(time.nowMs() + ms, async () => {});

test('whoever comes first on a day, and everybody with them, has the room there is', async () => {
  const use = createCampaignUse({ store, clock: createLifeClock(time, START_MS) });
  const limited = { ...campaign, budget: { maxCallsPerDay: 7 } };
  for (const day of [1, 2]) {
    const charged = await Promise.all(Array.from({ length: 10 }, () => use.charge(limited, true)));
    expect(
      charged.filter(({ kind }) => kind === 'charged'),
      `day ${day}`,
    ).toHaveLength(7);
    expect(await use.figuresOf(limited)).toMatchObject({ today: { calls: 7 }, total: { calls: 7 * day } });
    await pass(24 * HOUR);
  }
});

test('of many who come at once one has the turn of a slow campaign, and the others know when the next one is', async () => {
  const use = createCampaignUse({ store, clock: createLifeClock(time, START_MS) });
  const slow = { ...campaign, pacing: { callsPerSecond: 0.1 } };
  const charged = await Promise.all(Array.from({ length: 5 }, () => use.charge(slow, true)));
  expect(charged.filter(({ kind }) => kind === 'charged')).toHaveLength(1);
  expect(charged.find(({ kind }) => kind === 'spent')).toEqual({
    kind: 'spent',
    what: 'pace',
    untilMs: START_MS + 10_000,
  });
  await pass(9_999);
  expect((await use.charge(slow, true)).kind).toBe('spent');
  await pass(1);
  expect((await use.charge(slow, true)).kind).toBe('charged');
});

test.each([
  ['one process', {}],
  ['several', { home: 'one' }],
])(
  'steps are read in the order in which they are to be taken, and when the next is due is known: by %s',
  async (_, of) => {
    const enrollments = createEnrollments({
      store: { ...store, ...of },
      clock: createLifeClock(time, START_MS),
      ids: createIds(time.nowMs),
    });
    const add = (n: number, priority: Enrollment['priority'], dueMs: number): Promise<void> =>
      store.collection('enrollments').insert({
        _id: String(n).padStart(24, '0'),
        campaignId: campaign._id,
        leadId: String(n).padStart(24, 'a'),
        receivedAt: at,
        stage: 'initial',
        step: 0,
        turn: 0,
        priority,
        dueAt: new Date(START_MS + dueMs),
        calls: 0,
        messages: 0,
        createdAt: at,
        updatedAt: at,
      });
    await add(1, 1, 8 * HOUR);
    await add(2, 2, -1);
    await add(3, 2, HOUR);
    await add(4, 1, -2 * HOUR);
    await add(5, 1, -HOUR);
    const clock = createLifeClock(time, START_MS);
    const stepsOf = (priority: Enrollment['priority']) =>
      createDueSteps(campaign._id, priority, { clock, enrollments, batch: 2, lookMs: 24 * HOUR });
    const taken = async (steps: ReturnType<typeof stepsOf>): Promise<number> => {
      if (steps.isToBeRead()) await steps.read(new Map());
      return Number(steps.take()?._id ?? 0);
    };
    const calls = stepsOf(2);
    expect(calls.nextMs()).toBe(START_MS);
    expect(await taken(calls)).toBe(2);
    expect(calls.nextMs()).toBe(START_MS + HOUR);
    expect(await taken(calls)).toBe(0);
    // Of new leads whoever came in last is first, and what is planned behind is not forgotten.
    const fresh = stepsOf(1);
    expect([await taken(fresh), await taken(fresh)]).toEqual([5, 4]);
    await store
      .collection('enrollments')
      .remove({ _id: { $in: [4, 5].map((n) => String(n).padStart(24, '0')) } });
    expect(await taken(fresh)).toBe(0);
    expect(fresh.nextMs()).toBe(START_MS + 8 * HOUR);
  },
);

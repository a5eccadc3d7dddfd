/** Whose step is next is said from what is known; the store is read meanwhile, and waited for only where nothing is known. */
import { expect, test } from 'vitest';
import { createCampaignLines } from '../../src/app/campaign-lines.ts';
import { HOUSE_CALLING } from '../../src/app/campaigns.ts';
import type { Enrollment, Priority } from '../../src/domain/campaign.ts';
import type { Campaign } from '../../src/domain/documents.ts';
import { handClock } from '../support/clock.ts';

const at = new Date(Date.UTC(2026, 10, 1));
const campaignOf = (_id: string): Campaign => ({
  _id,
  name: _id,
  type: 'wholesale',
  status: 'active',
  calling: HOUSE_CALLING,
  workflow: {
    initialContact: { method: 'automated_call', timing: 'immediately', maxAttempts: 3, retryDelay: 3_600 },
    followUp: [],
  },
  createdAt: at,
  updatedAt: at,
});

/** A store of due steps that answers when the test says so, or fails. */
function slowStore(campaigns: readonly string[], stepsOfEach: number) {
  const clock = handClock();
  const stored = new Map<string, Enrollment>();
  for (const campaignId of campaigns)
    for (let n = 0; n < stepsOfEach; n += 1) {
      const _id = `${campaignId}-${n}`;
      const dueAt = new Date(clock.nowMs() - 60_000 + n);
      stored.set(_id, {
        _id,
        campaignId,
        priority: 2,
        turn: 0,
        stage: 'initial',
        step: 0,
        calls: 0,
        dueAt,
      } as Enrollment);
    }
  const asked: { readonly campaignId: string; answer(error?: Error): void }[] = [];
  const read = (
    campaignId: string,
    priority: Priority,
    isIt: (ms: number) => boolean,
    limit: number,
  ): Promise<Enrollment[]> => {
    const found = [...stored.values()].filter(
      (each) =>
        each.campaignId === campaignId && each.priority === priority && isIt(each.dueAt?.getTime() ?? 0),
    );
    return new Promise((resolve, reject) => {
      asked.push({
        campaignId,
        answer: (error) => (error ? reject(error) : resolve(found.slice(0, limit))),
      });
    });
  };
  const lines = createCampaignLines({
    clock,
    enrollments: {
      planned: (campaignId, priority, afterMs, untilMs, limit) =>
        read(campaignId, priority, (ms) => ms > afterMs && ms <= untilMs, limit),
      late: (campaignId, priority, byMs, limit) => read(campaignId, priority, (ms) => ms <= byMs, limit),
      working: async () => [],
    },
    linesFree: () => 1_000,
    callsPerSecond: Number.POSITIVE_INFINITY,
    slotMs: () => 0,
    isShared: true,
  });
  for (const each of campaigns) lines.renew(campaignOf(each));
  const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  let asking: ReturnType<typeof lines.next> | undefined;
  return {
    clock,
    lines,
    asked,
    soon,
    plan(campaignId: string, _id: string): Enrollment {
      const step = {
        _id,
        campaignId,
        priority: 2,
        turn: 0,
        stage: 'initial',
        step: 0,
        calls: 0,
        dueAt: new Date(clock.nowMs()),
      };
      stored.set(_id, step as Enrollment);
      return step as Enrollment;
    },
    /** Answers what is asked until nothing is. */
    async answerAll(): Promise<void> {
      do {
        for (const { answer } of asked.splice(0)) answer();
        await soon();
      } while (asked.length > 0);
    },
    /** The step that is next, taken and done; undefined: none is named while the store says nothing. */
    async taken(isPlaced = false): Promise<Enrollment | undefined> {
      asking ??= lines.next();
      const due = await Promise.race([asking, soon().then(() => 'waits' as const)]);
      if (due === 'waits') return undefined;
      asking = undefined;
      if (!due) return undefined;
      lines.take(due)(isPlaced);
      stored.delete(due.seen._id);
      const { dueAt: _dueAt, ...ended } = due.seen;
      lines.planned(ended);
      return due.seen;
    },
  };
}

test('nothing is waited for but the first campaign that has something due', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `c${n}`);
  const { lines, asked, soon } = slowStore(names, 3);
  const next = lines.next();
  await soon();
  // A few at a time, whatever there is.
  const first = asked.map(({ campaignId }) => campaignId);
  expect(new Set(first).size).toBe(2);
  // One of them is answered: three priorities, one behind the other.
  for (let answered = 0; answered < 4; answered += 1) {
    const index = asked.findIndex(({ campaignId }) => campaignId === first[0]);
    asked.splice(index, 1)[0]?.answer();
    await soon();
  }
  expect((await next)?.seen._id).toBe(`${first[0]}-0`);
});

test('steps that are known are taken while they are read anew, and those of another process appear then', async () => {
  const { clock, answerAll, asked, taken, plan } = slowStore(['a'], 3);
  expect(await taken()).toBeUndefined();
  await answerAll();
  expect((await taken())?._id).toBe('a-0');
  plan('a', 'of another');
  await clock.pass(2_500);
  expect((await taken())?._id).toBe('a-1');
  expect(asked).not.toEqual([]);
  expect((await taken())?._id).toBe('a-2');
  await answerAll();
  expect((await taken())?._id).toBe('of another');
  expect(await taken()).toBeUndefined();
});

test('what was read long ago is not believed', async () => {
  const { clock, answerAll, taken } = slowStore(['a'], 3);
  await taken();
  await answerAll();
  expect((await taken())?._id).toBe('a-0');
  await clock.pass(4_500);
  expect(await taken()).toBeUndefined();
  await answerAll();
  expect((await taken())?._id).toBe('a-1');
});

test('a step that is told here is taken at once, though the store says nothing', async () => {
  const { lines, answerAll, asked, clock, plan, taken } = slowStore(['a', 'b'], 0);
  await taken();
  await answerAll();
  expect(await taken()).toBeUndefined();
  await clock.pass(2_500);
  expect(await taken()).toBeUndefined();
  expect(asked).not.toEqual([]);
  lines.planned(plan('b', 'told'));
  expect((await taken())?._id).toBe('told');
});

test('more is read before what is known is used up', async () => {
  const { answerAll, asked, taken } = slowStore(['a'], 100);
  await taken();
  await answerAll();
  const order: (string | undefined)[] = [];
  for (let n = 0; n < 60; n += 1) {
    order.push((await taken())?._id);
    if (asked.length > 0 && n % 3 === 0) await answerAll();
  }
  expect(order).toEqual(Array.from({ length: 60 }, (_, n) => `a-${n}`));
});

test('a campaign that is being read keeps its share of the lines', async () => {
  const { lines, answerAll, taken, clock } = slowStore(['a', 'b'], 400);
  const counts = { a: 0, b: 0 };
  for (let n = 0; n < 400; ) {
    const step = await taken(true);
    if (!step) {
      await answerAll();
      continue;
    }
    n += 1;
    counts[step.campaignId as 'a' | 'b'] += 1;
    // Something of it was planned that nobody knows yet: it is read, and the store answers five steps later.
    if (n % 40 === 0) lines.expect('b', clock.nowMs());
    if (n % 10 === 5) await answerAll();
  }
  expect(Math.abs(counts.a - counts.b)).toBeLessThan(12);
});

test('a read that failed in the background is told to whoever asks next, and is made again', async () => {
  const { answerAll, asked, clock, lines, plan, soon, taken } = slowStore(['a', 'b'], 2);
  await taken();
  await answerAll();
  expect((await taken())?._id).toBe('a-0');
  plan('b', 'of another');
  await clock.pass(2_500);
  expect((await taken())?._id).toBe('a-1');
  expect(asked).not.toEqual([]);
  for (const { answer } of asked.splice(0)) answer(new Error('the store is away'));
  await soon();
  await expect(lines.next()).rejects.toThrow('the store is away');
  expect((await taken())?._id).toBe('b-0');
  await answerAll();
  expect((await taken())?._id).toBe('b-1');
  expect((await taken())?._id).toBe('of another');
});

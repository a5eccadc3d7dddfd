/** What Claude may cost in a day by talking: over processes and restarts, with what is under way, until midnight. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalStore, openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createAgents } from '../../src/app/agents.ts';
import type { ChatQuestion, Log } from '../../src/app/ports.ts';
import { createTalkBudget } from '../../src/app/talk-budget.ts';
import { DEFAULT_RATES } from '../../src/domain/cost.ts';
import { Failure } from '../../src/domain/errors.ts';
import { type HandClock, handClock } from '../support/clock.ts';

/** A second before the day is over. */
const START_MS = Date.UTC(2026, 10, 18, 23, 59, 59);
const TOMORROW_MS = 1_000;
let dir: string;
let store: LocalStore;
let clock: HandClock;
let warned: string[];
const log: Log = { debug() {}, info() {}, warn: (_about, text) => void warned.push(text), error() {} };
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'parley-budget-'));
  store = await openLocalStore({ dir, log });
  clock = handClock(START_MS);
  warned = [];
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

/** As a process has it. */
function process(daily = 1) {
  const agents = createAgents({ store, clock, voiceAgentId: 'agent_1' });
  const budget = createTalkBudget({ daily, agents, clock, log, ratesOf: async () => DEFAULT_RATES });
  return { agents, budget, pay: (cost: number) => agents.note('conversation_ai', { counts: { cost } }) };
}
/** May cost 0.3 dollars. */
const QUESTION: ChatQuestion = {
  system: '',
  messages: [],
  tools: [],
  toolChoice: 'auto',
  maxTokens: 20_000,
};

test('what one process paid counts in the others, after a restart too, until the day (UTC) is over', async () => {
  await process().pay(0.5);
  const again = process();
  const release = await again.budget.take(QUESTION);
  expect(release).toBeTypeOf('function');
  release?.();
  await process().pay(0.3);
  expect(await again.budget.now()).toEqual({ daily: 1, spent: expect.closeTo(0.8, 9) });
  expect(await again.budget.take(QUESTION)).toBeUndefined();
  expect(await process().budget.take(QUESTION)).toBeUndefined();
  await clock.pass(TOMORROW_MS);
  expect(await again.budget.take(QUESTION)).toBeTypeOf('function');
});

test('answers under way are held at the most they can cost, so that many at once do not pass the budget', async () => {
  const { budget } = process();
  const given = await Promise.all(Array.from({ length: 10 }, () => budget.take(QUESTION)));
  const releases = given.filter((release) => release !== undefined);
  expect(releases.length).toBeLessThanOrEqual(3);
  for (const release of releases) release();
  expect(await budget.take(QUESTION)).toBeTypeOf('function');
});

test('that it is used up is told once a day', async () => {
  const { budget, pay } = process();
  await pay(2);
  await budget.take(QUESTION);
  await budget.take(QUESTION);
  expect(warned.filter((text) => text.includes('used up'))).toHaveLength(1);
  await clock.pass(TOMORROW_MS);
  await pay(2);
  await budget.take(QUESTION);
  expect(warned.filter((text) => text.includes('used up'))).toHaveLength(2);
});

test('while the store cannot be read the last known sum counts, and what could not be kept is remembered', async () => {
  const { agents, pay } = process();
  let away = false;
  const budget = createTalkBudget({
    daily: 1,
    agents: {
      async get(type) {
        if (away) throw new Failure('store_unavailable', 'away');
        return await agents.get(type);
      },
    },
    clock,
    log,
    ratesOf: async () => DEFAULT_RATES,
  });
  await pay(0.4);
  expect((await budget.now()).spent).toBeCloseTo(0.4, 9);
  away = true;
  budget.unkept(0.2);
  expect((await budget.now()).spent).toBeCloseTo(0.6, 9);
  expect(await budget.take(QUESTION)).toBeTypeOf('function');
  budget.unkept(0.3);
  expect(await budget.take(QUESTION)).toBeUndefined();
});

test('a store that does not answer is not waited for while somebody is on the phone', async () => {
  const budget = createTalkBudget({
    daily: 1,
    agents: { get: () => new Promise(() => undefined) },
    clock,
    log,
    ratesOf: async () => DEFAULT_RATES,
  });
  const taken = budget.take(QUESTION);
  await clock.pass(600);
  expect(await taken).toBeTypeOf('function');
});

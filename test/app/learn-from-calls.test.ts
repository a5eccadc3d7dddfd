/** Every analysed call teaches the agents once, however many processes look, and wherever one of them dies. */
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { createAgents } from '../../src/app/agents.ts';
import { createAnalyseCalls } from '../../src/app/analyse-call.ts';
import { createClaims } from '../../src/app/claims.ts';
import { createKnowledge } from '../../src/app/knowledge.ts';
import { createLearnFromCalls } from '../../src/app/learn-from-calls.ts';
import type { Analyst, Clock, Store } from '../../src/app/ports.ts';
import { type Change, createEventLog, type EventLog } from '../../src/app/record-event.ts';
import { metricsOf } from '../../src/domain/agent-state.ts';
import type { CallEventBody } from '../../src/domain/call.ts';
import { DEFAULT_RATES } from '../../src/domain/cost.ts';
import { Failure } from '../../src/domain/errors.ts';
import { transcriptOf } from '../../src/domain/transcript.ts';
import { silent as log } from '../contract/filled.ts';
import { type HandClock, handClock } from '../support/clock.ts';
import { faulty } from '../support/faulty-store.ts';

const ids = createIds();
const NOON_MS = Date.UTC(2026, 10, 18, 12, 0, 0);
/** When the agents learn from the calls of noon. */
const LATER_MS = NOON_MS + 600_000;
/** Behind this a claim of a dead process can be taken, ms. */
const LAPSED_MS = 303_000;
/** The agents look again so long after they were asked to while they looked, ms. */
const SOON_MS = 1_500;
const USAGE = { inputTokens: 1_000, outputTokens: 100, cacheReadTokens: 10_000, cacheWriteTokens: 0 };

let root: string;
let copies = 0;
/** Both calls were talked on and analysed, and nobody learned from them. */
let callIds: readonly string[];
let opened: Store[] = [];

/** A copy of the store as it was when the calls had been analysed. */
async function untaught(): Promise<Store> {
  copies += 1;
  const dir = join(root, `copy-${copies}`);
  await cp(join(root, 'analysed'), dir, { recursive: true });
  const store = await openLocalStore({ dir, log });
  opened.push(store);
  return store;
}

const claude: Analyst = {
  model: 'claude-of-this-test',
  version: 'call-analysis 1',
  promptHash: 'p'.repeat(64),
  analyse: async () => ({
    kind: 'found',
    usage: USAGE,
    findings: {
      sentiment: 0.6,
      messages: [],
      keyMoments: [{ type: 'objection', messageIndex: 1, quote: 'far too low', resolved: true }],
      extractedInfo: { motivationFactors: [] },
      outcome: { value: 'qualified', messageIndex: 3, quote: 'come by tomorrow' },
      disposition: { value: 'interested', messageIndex: 3, quote: 'come by tomorrow' },
      followUpActions: [],
      qualityScore: 0.8,
      qualityFactors: {
        clearCommunication: 0.8,
        activeListening: 0.8,
        objectionHandling: 0.8,
        outcomeAchieved: 0.8,
      },
      topics: [],
      keywords: [],
      summary: [{ text: 'Found it too low.', messageIndex: 1, quote: 'far too low' }],
    },
  }),
};

const knowledgeOf = (store: Store, clock: Clock) =>
  createKnowledge({ store, clock, ids, log, sellerName: 'Harbor Homes', shipped: [] });
const analysing = (store: Store, clock: Clock) =>
  createAnalyseCalls({
    store,
    clock,
    ids,
    log,
    events: createEventLog({ store, clock, ids, log }),
    claims: createClaims({ store, clock }),
    analyst: { model: claude, dailyBudget: 10 },
    ratesOf: async () => DEFAULT_RATES,
    optOut: async () => 'done',
    shutdown: new AbortController().signal,
  });

/** One call in which the agent looked something up, and once found nothing. */
async function talked(store: Store, clock: HandClock): Promise<string> {
  const callId = ids.objectId();
  const events = createEventLog({ store, clock, ids, log });
  const history: CallEventBody[] = [
    {
      type: 'queued',
      attemptId: ids.objectId(),
      leadId: ids.objectId(),
      contactPhone: '+12125550123',
      fromPhone: '+12125550190',
      requestedBy: 'x',
    },
    { type: 'answered' },
    { type: 'said', role: 'agent', text: 'We would pay half.', turn: 1 },
    { type: 'said', role: 'user', text: 'That is far too low.', turn: 2 },
    { type: 'looked_up', entry: { key: 'low', version: 1 } },
    { type: 'heard', turn: 3, latencyMs: 900 },
    { type: 'said', role: 'agent', text: 'Let us look at what sold nearby.', turn: 3 },
    { type: 'said', role: 'user', text: 'Then come by tomorrow.', turn: 4 },
    { type: 'looked_up' },
    { type: 'ended', status: 'completed', reason: 'over', durationSec: 20 },
    { type: 'concluded', outcome: 'hung_up', reason: 'over' },
  ];
  for (const body of history) {
    await clock.pass(1_000);
    await events.record(callId, body);
  }
  const call = await events.record(callId, {
    type: 'reconciled',
    completeness: 'complete',
    turns: [],
    source: 'poll',
  });
  await store
    .collection('call_transcripts')
    .put(transcriptOf(call, await store.events(callId), new Date(clock.nowMs())));
  return callId;
}

/** One process of several: its own view of the store, its own claims. `most`: behind so many touches of the store it is dead. */
function process(store: Store, clock: Clock, most = Number.POSITIVE_INFINITY) {
  const door = faulty(store, clock);
  let touches = 0;
  door.before = () => {
    touches += 1;
    if (touches > most) throw new Failure('store_unavailable', 'gone');
  };
  const learned: string[] = [];
  const learn = createLearnFromCalls({
    store: door,
    clock,
    log,
    events: createEventLog({ store: door, clock, ids, log }),
    claims: createClaims({ store: door, clock }),
    agents: createAgents({ store: door, clock, voiceAgentId: 'agent_1' }),
    knowledge: knowledgeOf(door, clock),
    ratesOf: async () => DEFAULT_RATES,
    learned: async (_keys, callId) => void learned.push(callId),
    shutdown: new AbortController().signal,
  });
  return { ...learn, learned, hasDied: () => touches > most };
}

/** All that was learned, but for the times at which it was. */
async function taught(store: Store) {
  const agents = createAgents({ store, clock: handClock(LATER_MS), voiceAgentId: 'agent_1' });
  const told = async (type: string) => {
    const { sums, days, counted, knowledgeVersions, decisionHistory, metrics } = await agents.get(type);
    const decisions = decisionHistory.map(({ decision, callId, outcome }) => [decision, callId, outcome]);
    return { sums, days, counted, knowledgeVersions, decisions, metrics };
  };
  const uses = await store.collection('knowledge_uses').find({ sort: { _id: 1 } });
  const lessons = await store.collection('call_lessons').find({ sort: { _id: 1 } });
  return {
    voice: await told('conversation_ai'),
    sales: await told('sales'),
    uses: uses.map(({ _id, result, atSec, messageIndex }) => ({ _id, result, atSec, messageIndex })),
    stats: (await knowledgeOf(store, handClock()).get('low')).active?.stats,
    lessons: lessons.map(({ _id, analyses }) => ({ _id, analyses })),
  };
}

/** The analyses of a call, in the order in which they were made. */
async function analysesOf(store: Store, callId: string): Promise<string[]> {
  const found = await store
    .collection('call_analyses')
    .find({ filter: { callId }, sort: { analysedAt: 1, _id: 1 } });
  return found.map(({ _id }) => _id);
}

/** What two calls teach, each once. */
async function expectOnce(store: Store): Promise<void> {
  const { voice, sales, uses, stats, lessons } = await taught(store);
  const analyses = await Promise.all(callIds.map((callId) => analysesOf(store, callId)));
  expect(lessons).toEqual(
    callIds
      .map((_id, n) => ({ _id, analyses: analyses[n] }))
      .sort((a, b) => ((a._id ?? '') < (b._id ?? '') ? -1 : 1)),
  );
  expect(voice.sums).toEqual({ requests: 4, responseMs: 1_800, responses: 2, hits: 2, misses: 2 });
  expect(voice.metrics).toEqual(metricsOf(voice.sums));
  expect(sales.metrics).toEqual(metricsOf(sales.sums));
  expect(Object.values(voice.days)).toEqual([voice.sums]);
  expect(voice.counted).toEqual(callIds.map((callId) => `call:${callId}`));
  const inVoice = ['conclude', 'knowledge_not_found', 'select_knowledge'];
  for (const callId of callIds)
    expect(
      voice.decisions
        .filter(([, of]) => of === callId)
        .map(([decision]) => decision)
        .sort(),
    ).toEqual(inVoice);
  expect(voice.knowledgeVersions).toEqual({ low: 'v1' });
  expect(sales.sums).toMatchObject({ requests: 2, asked: 2, inputTokens: 2_000, cacheReadTokens: 20_000 });
  expect(Object.values(sales.days)).toEqual([sales.sums]);
  expect([...sales.counted].sort()).toEqual(
    [
      ...callIds.map((callId) => `call:${callId}`),
      ...analyses.map(([analysisId]) => `analysis:${analysisId}`),
    ].sort(),
  );
  expect(uses.map(({ result }) => result)).toEqual(['settled', 'settled']);
  expect(stats).toEqual({ used: 2, succeeded: 2 });
}

beforeAll(async () => {
  root = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-learn-'));
  const store = await openLocalStore({ dir: join(root, 'analysed'), log });
  const clock = handClock(NOON_MS);
  await knowledgeOf(store, clock).save(
    {
      key: 'low',
      kind: 'objection_handler',
      title: 'Too low',
      body: 'It is fair.',
      tags: ['low'],
      basedOn: 0,
    },
    'ada',
  );
  const made: string[] = [];
  for (let n = 0; n < 2; n += 1) {
    const callId = await talked(store, clock);
    const analyse = analysing(store, clock);
    analyse.reconciled(callId);
    await analyse.settled();
    made.push(callId);
  }
  callIds = made;
  await store.close();
});
afterEach(async () => {
  for (const store of opened) await store.close();
  opened = [];
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('of two processes that look at once, and again and again, one learns from each call', async () => {
  const store = await untaught();
  const clock = handClock(LATER_MS);
  const both = [process(store, clock), process(store, clock)];
  const settled = () => Promise.all(both.map((each) => each.settled()));
  for (const each of both) each.begin();
  // Asked while they look: they look again soon.
  for (const each of both) each.begin();
  await settled();
  await expectOnce(store);
  await clock.pass(SOON_MS);
  await settled();
  await expectOnce(store);
  expect(both.flatMap(({ learned }) => learned)).toEqual(callIds);

  // Another analysis of one of them: its look-ups are judged anew, and nothing of its talk is counted twice.
  const [callId = ''] = callIds;
  const analyse = analysing(store, clock);
  await analyse.request({ callId }, 'ada');
  await analyse.settled();
  for (const each of both) each.begin();
  await settled();
  const { voice, sales, lessons } = await taught(store);
  expect(voice.sums).toMatchObject({ requests: 4, hits: 2, misses: 2 });
  // The second answer of Claude was paid too.
  expect(sales.sums).toMatchObject({ requests: 2, asked: 3, inputTokens: 3_000 });
  expect(lessons.find(({ _id }) => _id === callId)?.analyses).toEqual(await analysesOf(store, callId));
  expect(both.flatMap(({ learned }) => learned)).toEqual([...callIds, callId]);
});

test('a call that was analysed again before anybody learned from it teaches its talk all the same, once', async () => {
  const store = await untaught();
  const clock = handClock(LATER_MS);
  const analyse = analysing(store, clock);
  await analyse.request({ callId: callIds[0] ?? '' }, 'ada');
  await analyse.settled();
  const learner = process(store, clock);
  learner.begin();
  await learner.settled();
  const { voice, sales } = await taught(store);
  expect(voice.sums).toEqual({ requests: 4, responseMs: 1_800, responses: 2, hits: 2, misses: 2 });
  expect(sales.sums).toMatchObject({ requests: 2, asked: 3 });
});

test('wherever a process dies, the next one counts what it left, and nothing that it counted', async () => {
  let deaths = 0;
  for (let hasDied = true; hasDied; ) {
    const store = await untaught();
    const first = process(store, handClock(LATER_MS), deaths);
    first.begin();
    await first.settled();
    hasDied = first.hasDied();
    if (hasDied) deaths += 1;
    const next = process(store, handClock(LATER_MS + LAPSED_MS));
    next.begin();
    await next.settled();
    await expectOnce(store);
  }
  // Each figure, each use, each lesson is a touch of its own.
  expect(deaths).toBeGreaterThan(30);
});

test('a house in which calls are analysed all the time is learned from all the same', async () => {
  const store = await untaught();
  const clock = handClock(LATER_MS);
  const door = faulty(store, clock);
  let isAway = true;
  door.before = () => {
    if (isAway) throw new Failure('store_unavailable', 'away');
  };
  let analysed = () => {};
  const watch: EventLog['watch'] = (listener) => {
    analysed = () => listener({ event: { type: 'analysed' } } as Change);
    return () => undefined;
  };
  const learn = createLearnFromCalls({
    store: door,
    clock,
    log,
    events: { watch } as EventLog,
    claims: createClaims({ store: door, clock }),
    agents: createAgents({ store: door, clock, voiceAgentId: 'agent_1' }),
    knowledge: knowledgeOf(door, clock),
    ratesOf: async () => DEFAULT_RATES,
    learned: async () => undefined,
    shutdown: new AbortController().signal,
  });
  // The first look finds no store, and the next one by itself is a minute away.
  learn.begin();
  await clock.pass(100);
  isAway = false;
  for (let sec = 0; sec < 10; sec += 1) {
    analysed();
    await clock.pass(1_000);
  }
  await learn.settled();
  await expectOnce(store);
});

/** Every call that was talked on is understood once, by whoever comes first, whatever breaks meanwhile; and nothing is lost. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { createAnalyseCalls } from '../../src/app/analyse-call.ts';
import { createApplyAnalysis } from '../../src/app/apply-analysis.ts';
import { createClaims } from '../../src/app/claims.ts';
import type { Analyst, Log, LogFields, Store, TokenUsage } from '../../src/app/ports.ts';
import { createEventLog } from '../../src/app/record-event.ts';
import type { CallAnalysis, Findings } from '../../src/domain/analysis.ts';
import type { CallEventBody } from '../../src/domain/call.ts';
import { DEFAULT_RATES } from '../../src/domain/cost.ts';
import type { Lead } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';
import { foldTranscript, transcriptOf } from '../../src/domain/transcript.ts';
import { type HandClock, handClock } from '../support/clock.ts';

const NOON_MS = Date.UTC(2026, 10, 18, 18, 0, 0);
const ids = createIds();
const USAGE: TokenUsage = {
  inputTokens: 1_000,
  outputTokens: 1_000,
  cacheReadTokens: 10_000,
  cacheWriteTokens: 0,
};
const PRICE = 0.021;

let dir: string;
let store: Store;
let clock: HandClock;
let lines: { readonly fields: LogFields; readonly sentence: string }[];
let shutdown: AbortController;
const keep = (fields: LogFields, sentence: string) => void lines.push({ fields, sentence });
const log: Log = { debug: () => {}, info: keep, warn: keep, error: keep };

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-analyse-'));
  lines = [];
  stopped = [];
  store = await openLocalStore({ dir, log });
  clock = handClock(NOON_MS);
  shutdown = new AbortController();
});
afterEach(async () => {
  shutdown.abort();
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

type Answer = Awaited<ReturnType<Analyst['analyse']>>;

/** A model that answers as the test says, in order; the last answer again and again. */
function modelThat(...answers: (Answer | Failure | (() => Promise<Answer>))[]) {
  const asked: string[] = [];
  const model: Analyst = {
    model: 'claude-of-this-test',
    version: 'call-analysis 1',
    promptHash: 'p'.repeat(64),
    async analyse({ callId }) {
      asked.push(callId);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer === undefined) throw new Error('the model was not to be asked');
      if (answer instanceof Failure) throw answer;
      return typeof answer === 'function' ? await answer() : answer;
    },
  };
  return { model, asked };
}
const events = () => createEventLog({ store, clock, ids, log });
/** Who was put on the do-not-call list. */
let stopped: unknown[] = [];
const optOut = async (request: unknown) => {
  stopped.push(request);
  return 'done' as const;
};
function process(model?: Analyst, dailyBudget = 10) {
  return createAnalyseCalls({
    store,
    clock,
    ids,
    log,
    events: events(),
    claims: createClaims({ store, clock }),
    ...(model ? { analyst: { model, dailyBudget } } : {}),
    ratesOf: async () => DEFAULT_RATES,
    optOut,
    shutdown: shutdown.signal,
  });
}

const findings = (more: Partial<Findings> = {}): Findings => ({
  sentiment: 0.6,
  messages: [{ messageIndex: 1, sentiment: 0.7 }],
  keyMoments: [],
  extractedInfo: {
    motivationFactors: [{ value: 'relocation', messageIndex: 1, quote: 'relocating to Denver' }],
  },
  outcome: { value: 'qualified', messageIndex: 1, quote: 'I want to sell' },
  disposition: { value: 'interested', messageIndex: 1, quote: 'I want to sell' },
  followUpActions: [],
  qualityScore: 0.8,
  qualityFactors: {
    clearCommunication: 0.8,
    activeListening: 0.8,
    objectionHandling: 0.8,
    outcomeAchieved: 0.8,
  },
  topics: [{ topic: 'motivation', messageIndex: 1, quote: 'relocating' }],
  keywords: ['Denver'],
  summary: [{ text: 'Wants to sell and move to Denver.', messageIndex: 1, quote: 'relocating to Denver' }],
  ...more,
});
const found = (more: Partial<Findings> = {}): Answer => ({
  kind: 'found',
  findings: findings(more),
  usage: USAGE,
});

async function lead(fields: Partial<Lead> = {}): Promise<Lead> {
  const at = new Date(NOON_MS);
  const made: Lead = {
    _id: ids.objectId(),
    source: 'csv',
    externalId: ids.objectId(),
    receivedAt: at,
    contact: { firstName: 'Ada', lastName: '', phone: '+12125550123' },
    contactAttempts: [],
    dncStatus: { onNationalRegistry: false, internalDNC: false },
    status: 'new',
    stage: 'new',
    tags: ['old'],
    createdBy: 'x',
    updatedBy: 'x',
    createdAt: at,
    updatedAt: at,
    ...fields,
  };
  await store.collection('leads').insert(made);
  return made;
}

/** A call that was talked on and whose words are as they will stay. */
async function talked(
  of?: Lead,
  words = "Yes, I'm relocating to Denver and I want to sell. Call me tomorrow at five.",
  more: readonly CallEventBody[] = [],
  campaignId?: string,
): Promise<string> {
  const callId = ids.objectId();
  const attemptId = ids.objectId();
  const log = events();
  const history: CallEventBody[] = [
    {
      type: 'queued',
      attemptId,
      leadId: of?._id ?? ids.objectId(),
      contactPhone: '+12125550123',
      fromPhone: '+12125550190',
      ...(campaignId === undefined
        ? { requestedBy: 'x' }
        : { campaignId, requestedBy: `campaign:${campaignId}` }),
    },
    { type: 'answered' },
    { type: 'said', role: 'agent', text: 'Would you sell your house?', turn: 1 },
    { type: 'said', role: 'user', text: words, turn: 2 },
    ...more,
    { type: 'ended', status: 'completed', reason: 'over', durationSec: 20 },
    { type: 'concluded', outcome: 'hung_up', reason: 'over' },
  ];
  for (const body of history) await log.record(callId, body);
  if (of)
    await store.collection('leads').update(
      { _id: of._id },
      {
        $push: {
          contactAttempts: {
            attemptId,
            timestamp: new Date(NOON_MS),
            type: 'automated_call',
            callId,
            outcome: 'hung_up',
          },
        },
      },
    );
  const call = await log.record(callId, {
    type: 'reconciled',
    completeness: 'complete',
    turns: [],
    source: 'poll',
  });
  await store
    .collection('call_transcripts')
    .put(transcriptOf(call, await store.events(callId), new Date(NOON_MS)));
  return callId;
}
const callOf = async (callId: string) => {
  const call = await store.collection('calls').get(callId);
  if (!call) throw new Error('no call');
  return call;
};
const kept = (callId: string) =>
  store.collection('call_analyses').find({ filter: { callId }, sort: { createdAt: 1, _id: 1 } });

describe('a call that is over', () => {
  test('is understood by the model: the call, its transcript and its lead show it', async () => {
    const person = await lead();
    const callId = await talked(person);
    const { model, asked } = modelThat(found());
    const analyse = process(model);
    analyse.reconciled(callId);
    await analyse.settled();
    expect(asked).toEqual([callId]);
    const call = await callOf(callId);
    expect(call).toMatchObject({
      outcome: 'qualified',
      disposition: 'interested',
      sentiment: { overall: 0.6 },
      extractedInfo: { motivationFactors: ['relocation'] },
      summary: 'Wants to sell and move to Denver.',
      analysis: {
        by: 'claude',
        model: 'claude-of-this-test',
        version: 'call-analysis 1',
        promptHash: 'p'.repeat(64),
      },
    });
    expect(call.analysis?.cost?.totalCost).toBeCloseTo(PRICE, 6);
    expect(call).not.toHaveProperty('analysisDue');
    expect(await store.collection('call_transcripts').get(callId)).toMatchObject({
      topics: ['motivation'],
      keywords: ['Denver'],
      messages: [{}, { sentiment: 0.7 }],
    });
    expect(await store.collection('leads').get(person._id)).toMatchObject({
      status: 'qualified',
      stage: 'qualified',
      tags: ['old', 'motivated_seller'],
      contactAttempts: [{ outcome: 'qualified', sentiment: 0.6, notes: 'Wants to sell and move to Denver.' }],
    });
    expect(await kept(callId)).toMatchObject([{ state: 'done', applied: true, dropped: [] }]);
    expect(await store.collection('claims').count({})).toBe(0);
  });

  test('is read by word lists where there is no model, and says so', async () => {
    const person = await lead();
    const callId = await talked(person);
    const analyse = process();
    analyse.reconciled(callId);
    await analyse.settled();
    expect(await callOf(callId)).toMatchObject({
      outcome: 'callback',
      analysis: { by: 'lexicon', version: 'lexicon 2' },
      followUpActions: [
        { type: 'callback', foundBy: 'analysis', scheduledFor: new Date('2026-11-19T22:00:00Z') },
      ],
    });
    expect(await store.collection('leads').get(person._id)).toMatchObject({
      status: 'contacted',
      nextFollowUp: new Date('2026-11-19T22:00:00Z'),
    });
  });

  test('keeps no claim that nobody made, and the report of it', async () => {
    const callId = await talked();
    const { model } = modelThat(
      found({ outcome: { value: 'qualified', messageIndex: 1, quote: 'we have a deal' } }),
    );
    const analyse = process(model);
    analyse.reconciled(callId);
    await analyse.settled();
    expect(await callOf(callId)).toMatchObject({ outcome: 'hung_up' });
    expect(await kept(callId)).toMatchObject([
      { dropped: [{ path: 'outcome', why: 'not_said_there', quote: 'we have a deal' }] },
    ]);
  });

  test('is analysed once by two processes that come at the same time', async () => {
    const callId = await talked();
    const { model, asked } = modelThat(found());
    const both = [process(model), process(model)];
    for (const each of both) each.reconciled(callId);
    await Promise.all(both.map((each) => each.settled()));
    expect(asked).toHaveLength(1);
    expect(await kept(callId)).toHaveLength(1);
  });

  test('and of which nobody heard before a crash is found at the next look, newest first', async () => {
    const calls = [await talked()];
    await clock.pass(1_000);
    calls.push(await talked());
    const { model, asked } = modelThat(found());
    const analyse = process(model);
    analyse.begin();
    await analyse.settled();
    expect([...asked].sort()).toEqual([...calls].sort());
    for (const callId of calls) expect((await callOf(callId)).analysis?.by).toBe('claude');
  });

  test('of a campaign takes what its analysis cost out of the budget, once, wherever the process dies', async () => {
    const campaignId = ids.objectId();
    const uses = store.collection('campaign_use');
    const none = { calls: 0, leads: 0, messages: 0, spent: 0 };
    const at = new Date(NOON_MS);
    const day = at.toISOString().slice(0, 10);
    await uses.insert({ _id: campaignId, day, today: none, total: none, createdAt: at, updatedAt: at });
    /** The process dies behind so many touches of the store. */
    const lifeOf = (most: number): Store => {
      let touches = most;
      const mortal = <T extends object>(target: T): T =>
        new Proxy(target, {
          get(of, name) {
            const value: unknown = Reflect.get(of, name);
            if (name === 'collection') return (called: 'calls') => mortal(store.collection(called));
            if (typeof value !== 'function') return value;
            return async (...args: unknown[]) => {
              touches -= 1;
              if (touches < 0) throw new Failure('store_unavailable', 'gone');
              return await value.apply(of, args);
            };
          },
        });
      return mortal(store);
    };
    const applied = async (made: CallAnalysis, most: number): Promise<boolean> => {
      const door = lifeOf(most);
      const ownLog = createEventLog({ store: door, clock, ids, log });
      const apply = createApplyAnalysis({ store: door, clock, log, events: ownLog, optOut });
      return await apply(made).catch(() => false);
    };
    const cost = { ...USAGE, totalCost: PRICE };
    for (const of of [campaignId, undefined]) {
      const callId = await talked(undefined, undefined, [], of);
      const analyse = process(modelThat(found()).model);
      analyse.reconciled(callId);
      await analyse.settled();
      const [done] = await kept(callId);
      if (!done?.origin) throw new Error('nothing was found');
      const made = {
        ...done,
        _id: ids.objectId(),
        state: 'found',
        origin: { ...done.origin, cost },
      } as const;
      await store.collection('call_analyses').insert(made);
      let deaths = 0;
      while (!(await applied(made, deaths))) deaths += 1;
      expect(deaths).toBeGreaterThan(5);
    }
    // The call of the campaign was analysed twice; the other one was placed by hand.
    const use = await uses.get(campaignId);
    expect(use?.total.spent).toBeCloseTo(2 * PRICE, 6);
    expect(use?.today.spent).toBeCloseTo(2 * PRICE, 6);
    expect(use?.analysing).toEqual([]);
  });

  test('whose analysis was found and not told before a crash is told without asking again', async () => {
    const callId = await talked();
    const first = modelThat(found());
    const dying = new Proxy(store, {
      get: (target, key) =>
        key === 'append'
          ? async () => Promise.reject(new Failure('store_unavailable', 'gone'))
          : Reflect.get(target, key),
    });
    const dead = createAnalyseCalls({
      store: dying,
      clock,
      ids,
      log,
      events: createEventLog({ store: dying, clock, ids, log }),
      claims: createClaims({ store, clock }),
      analyst: { model: first.model, dailyBudget: 10 },
      ratesOf: async () => DEFAULT_RATES,
      optOut,
      shutdown: shutdown.signal,
    });
    dead.reconciled(callId);
    await dead.settled();
    expect(await kept(callId)).toMatchObject([{ state: 'found' }]);
    const second = modelThat();
    const analyse = process(second.model);
    // As long as clocks may differ, the claim that was let go is not taken.
    await clock.pass(3_000);
    analyse.begin();
    await analyse.settled();
    expect(second.asked).toEqual([]);
    expect(await callOf(callId)).toMatchObject({ outcome: 'qualified', analysis: { by: 'claude' } });
  });
});

describe('a model that cannot answer', () => {
  const away = new Failure('analysis_unavailable', 'Claude could not be reached in time');

  test('is stood in for by word lists at once, and its own answer replaces theirs when it comes', async () => {
    const callId = await talked();
    const { model } = modelThat(away, found());
    const analyse = process(model);
    analyse.reconciled(callId);
    await analyse.settled();
    expect((await callOf(callId)).analysis).toMatchObject({
      by: 'lexicon',
      note: 'Claude could not be reached in time; read by word lists until it can',
    });
    await clock.pass(61_000);
    analyse.begin();
    await analyse.settled();
    expect((await callOf(callId)).analysis?.by).toBe('claude');
    expect((await kept(callId)).map(({ state }) => state)).toEqual(['done', 'done']);
  });

  test('is not asked about the next call meanwhile', async () => {
    const { model, asked } = modelThat(away);
    const analyse = process(model);
    for (const callId of [await talked(), await talked(), await talked()]) {
      analyse.reconciled(callId);
      await analyse.settled();
      expect((await callOf(callId)).analysis?.by).toBe('lexicon');
    }
    expect(asked).toHaveLength(1);
  });

  test('is given up after a day, and the call keeps what word lists found', async () => {
    const callId = await talked();
    const { model } = modelThat(away);
    const analyse = process(model);
    analyse.reconciled(callId);
    await analyse.settled();
    const late = {
      ...clock,
      nowMs: () => clock.nowMs() + 86_500_000,
      steadyMs: () => clock.steadyMs() + 86_500_000,
    };
    const next = createAnalyseCalls({
      store,
      clock: late,
      ids,
      log,
      events: events(),
      claims: createClaims({ store, clock: late }),
      analyst: { model, dailyBudget: 10 },
      ratesOf: async () => DEFAULT_RATES,
      optOut,
      shutdown: shutdown.signal,
    });
    next.begin();
    await next.settled();
    const states = new Map((await kept(callId)).map(({ state, origin }) => [state, origin?.by]));
    expect(states).toEqual(
      new Map([
        ['failed', undefined],
        ['done', 'lexicon'],
      ]),
    );
  });

  test('about this call leaves it to word lists, and what it took is paid', async () => {
    const callId = await talked();
    const { model } = modelThat({ kind: 'unusable', why: 'Claude declined to analyse it', usage: USAGE });
    const analyse = process(model);
    analyse.reconciled(callId);
    await analyse.settled();
    const { analysis } = await callOf(callId);
    expect(analysis).toMatchObject({
      by: 'lexicon',
      note: 'Claude declined to analyse it; read by word lists',
    });
    expect(analysis?.cost?.totalCost).toBeCloseTo(PRICE, 6);
  });

  test('because something in us breaks is not asked for ever, and the call can be asked about again', async () => {
    const callId = await talked();
    const { model, asked } = modelThat(() => Promise.reject(new TypeError('a fault of ours')), found());
    const analyse = process(model);
    analyse.reconciled(callId);
    await analyse.settled();
    expect(await kept(callId)).toMatchObject([{ state: 'failed', note: 'something went wrong on our side' }]);
    analyse.begin();
    await analyse.settled();
    expect(asked).toHaveLength(1);
    await analyse.request({ callId }, 'ada');
    await analyse.settled();
    expect((await callOf(callId)).analysis?.by).toBe('claude');
  });

  test('because the budget of the day is spent is not asked, and tomorrow it is', async () => {
    const { model, asked } = modelThat(found());
    const analyse = process(model, 0.26);
    for (const expected of ['claude', 'lexicon']) {
      const callId = await talked();
      analyse.reconciled(callId);
      await analyse.settled();
      expect((await callOf(callId)).analysis?.by).toBe(expected);
    }
    expect(asked).toHaveLength(1);
  });
});

describe('what an analysis never does', () => {
  const asLead = async (status: Lead['status'], answer: Answer, more: readonly CallEventBody[] = []) => {
    const person = await lead({ status, contact: { firstName: '', lastName: '', phone: '+12125550123' } });
    const callId = await talked(person, undefined, more);
    const analyse = process(modelThat(answer).model);
    analyse.reconciled(callId);
    await analyse.settled();
    return { call: await callOf(callId), lead: await store.collection('leads').get(person._id) };
  };

  test.each(['dnc', 'converted', 'lost', 'active', 'qualified'] as const)(
    'a lead that is %s stays so',
    async (status) => {
      expect((await asLead(status, found())).lead?.status).toBe(status);
    },
  );

  test('it ignores no stop that nobody took for one: doubt denies, once, and somebody is to look', async () => {
    const { lead: person, call } = await asLead(
      'contacted',
      found({ outcome: { value: 'opted_out', messageIndex: 1, quote: 'Call me' } }),
    );
    expect(call).toMatchObject({ outcome: 'hung_up', optedOut: false });
    expect(person?.tags).toContain('check_opt_out');
    expect(stopped).toEqual([
      expect.objectContaining({ phone: '+12125550123', channel: 'analysis', callId: call._id }),
    ]);
    // Somebody looked and released them: another analysis of the same call does not overrule that.
    const again = process(
      modelThat(found({ outcome: { value: 'opted_out', messageIndex: 1, quote: 'Call me' } })).model,
    );
    await again.request({ callId: call._id }, 'ada');
    await again.settled();
    expect(stopped).toHaveLength(1);
  });

  test('it arranges nothing with a person who wants no more calls', async () => {
    const followUp = {
      type: 'callback' as const,
      scheduledFor: '2026-11-19T17:00:00-05:00',
      notes: 'Call.',
      messageIndex: 1,
      quote: 'Call me tomorrow',
    };
    const { call, lead: person } = await asLead('new', found({ followUpActions: [followUp] }), [
      { type: 'opted_out', channel: 'voice', words: 'stop' },
    ]);
    expect(call).toMatchObject({ optedOut: true, outcome: 'opted_out', followUpActions: [] });
    expect(person).not.toHaveProperty('nextFollowUp');
  });

  test('it brings back no word of a person who was erased meanwhile', async () => {
    const callId = await talked();
    const { model } = modelThat(async () => {
      await events().record(callId, { type: 'erased', what: 'content', why: 'request' });
      return found();
    });
    const analyse = process(model);
    analyse.reconciled(callId);
    await analyse.settled();
    expect(await kept(callId)).toEqual([]);
    const told = (await store.events(callId)).filter(({ type }) => type === 'analysed');
    expect(JSON.stringify([told, await callOf(callId)])).not.toContain('Denver');
  });
});

test('a person who is erased in the moment in which an analysis is told is erased from it too', async () => {
  const callId = await talked();
  let isErased = false;
  const racing: Store = {
    ...store,
    async append(event, call) {
      if (event.type === 'analysed' && !isErased) {
        isErased = true;
        await events().record(callId, { type: 'erased', what: 'content', why: 'request' });
      }
      return await store.append(event, call);
    },
  };
  const analyse = createAnalyseCalls({
    store: racing,
    clock,
    ids,
    log,
    events: createEventLog({ store: racing, clock, ids, log }),
    claims: createClaims({ store, clock }),
    ratesOf: async () => DEFAULT_RATES,
    optOut,
    shutdown: shutdown.signal,
  });
  analyse.reconciled(callId);
  await analyse.settled();
  const told = (await store.events(callId)).filter(({ type }) => type === 'analysed');
  expect(told).toHaveLength(1);
  expect(JSON.stringify([told, await callOf(callId)])).not.toContain('Denver');
  expect(await kept(callId)).toEqual([]);
});

describe('asking again', () => {
  test('keeps every analysis, shows the better one, and tells what differs', async () => {
    const callId = await talked();
    const analyse = process(modelThat(found()).model);
    analyse.reconciled(callId);
    await analyse.settled();
    const asked = await analyse.request({ callId, by: 'lexicon' }, 'ada');
    expect(asked).toMatchObject({ state: 'queued', requestedBy: 'ada', wanted: 'lexicon' });
    await analyse.settled();
    expect((await callOf(callId)).analysis?.by).toBe('claude');
    const { items } = await analyse.list(callId);
    expect(items.map(({ origin, applied }) => [origin?.by, applied]).sort()).toEqual([
      ['claude', true],
      ['lexicon', false],
    ]);
    const [a = '', b = ''] = ['claude', 'lexicon'].map(
      (by) => items.find(({ origin }) => origin?.by === by)?._id,
    );
    const { differences } = await analyse.list(callId, [a, b]);
    expect(differences).toContainEqual({ path: 'outcome', a: 'qualified', b: 'callback' });
  });

  test('survives a crash: what was asked for is made by the next process', async () => {
    const callId = await talked();
    const stopped = process();
    shutdown.abort();
    const asked = await stopped.request({ callId }, 'ada');
    shutdown = new AbortController();
    const analyse = process();
    analyse.begin();
    await analyse.settled();
    expect(await store.collection('call_analyses').get(asked._id)).toMatchObject({ state: 'done' });
  });

  test('is refused for a call that is not there, not over or erased, and for a model that is not set up', async () => {
    const analyse = process();
    await expect(analyse.request({ callId: ids.objectId() }, 'ada')).rejects.toMatchObject({
      code: 'call_not_found',
    });
    const callId = await talked();
    await expect(analyse.request({ callId, by: 'claude' }, 'ada')).rejects.toMatchObject({
      code: 'analysis_unavailable',
    });
    await events().record(callId, { type: 'erased', what: 'content', why: 'request' });
    await expect(analyse.request({ callId }, 'ada')).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('a claim is marked as wrong with a note, once a path, and only one that is made', async () => {
    const callId = await talked();
    const analyse = process();
    analyse.reconciled(callId);
    await analyse.settled();
    const analysisId = (await callOf(callId)).analysis?.analysisId ?? '';
    const mark = (path: string, note: string) => analyse.markWrong({ callId, analysisId, path, note }, 'ada');
    await mark('outcome', 'first');
    expect((await mark('outcome', 'they said never')).wrong).toEqual([
      { path: 'outcome', note: 'they said never', by: 'ada', at: new Date(NOON_MS) },
    ]);
    await expect(mark('weather', 'x')).rejects.toMatchObject({ code: 'invalid_request' });
    const other = await talked();
    await expect(
      analyse.markWrong({ callId: other, analysisId, path: 'outcome', note: 'x' }, 'ada'),
    ).rejects.toMatchObject({ code: 'not_found' });
  });
});

test('what is folded of a call and what its documents show is the same', async () => {
  const callId = await talked();
  const analyse = process();
  analyse.reconciled(callId);
  await analyse.settled();
  const transcript = await store.collection('call_transcripts').get(callId);
  expect(transcript?.messages).toEqual(foldTranscript(await store.events(callId)));
  expect(await events().rebuild(callId)).toEqual(await callOf(callId));
});

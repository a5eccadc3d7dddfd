/** Knowledge is saved by several people at once, put in and out of use, counted once, and made better by proposals. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createIds } from '../../src/adapters/system.ts';
import { createAgents } from '../../src/app/agents.ts';
import { createArchitect, type HiredArchitect } from '../../src/app/architect.ts';
import { createKnowledge } from '../../src/app/knowledge.ts';
import type { Store } from '../../src/app/ports.ts';
import type { Call } from '../../src/domain/call.ts';
import { DEFAULT_RATES } from '../../src/domain/cost.ts';
import type { CallTranscript, TranscriptMessage } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';
import type { UseResult } from '../../src/domain/knowledge.ts';
import { failureOf, silent as log, oid } from '../contract/filled.ts';
import { type HandClock, handClock } from '../support/clock.ts';
import { agentsHouse } from '../support/knowledge.ts';
import { type OpenStore, storesFor } from '../support/stores.ts';

const ids = createIds();
const [first] = agentsHouse().knowledge;
if (!first) throw new Error('no knowledge comes with the product');

let store: Store;
let clock: HandClock;
let opened: OpenStore;

const knowledgeOf = (shipped = agentsHouse().knowledge) =>
  createKnowledge({ store, clock, ids, log, sellerName: 'Harbor Homes', shipped });
const wording = { kind: 'faq', title: 'Fees', body: 'No fees at {{seller_name}}.', tags: ['fees'] } as const;

describe.each(storesFor('knowledge'))('on %s', (_name, open) => {
  beforeEach(async () => {
    clock = handClock();
    opened = await open(clock);
    store = opened.store;
  });
  afterEach(() => opened.close());

  test('what comes with the product is put in once, and never over what people made of it', async () => {
    const knowledge = knowledgeOf();
    await knowledge.furnish();
    expect(await knowledge.list()).toHaveLength(agentsHouse().knowledge.length);
    await knowledge.save({ ...wording, key: first.key, basedOn: 1 }, 'ada');
    await knowledgeOf().furnish();
    const topic = await knowledge.get(first.key);
    expect(topic.versions.map(({ version, active }) => [version, active])).toEqual([
      [2, true],
      [1, false],
    ]);
    await knowledge.deactivate(first.key, 'ada');
    await knowledgeOf().furnish();
    expect((await knowledge.get(first.key)).active).toBeUndefined();
  });

  test('a new version is what the agent is told from then on, and an earlier one again when it is put back', async () => {
    const knowledge = knowledgeOf([]);
    const told = async () => (await knowledge.lookUp({ said: 'What about fees?' }))?.words;
    await knowledge.save({ ...wording, key: 'fees', basedOn: 0 }, 'ada');
    expect(await told()).toBe('No fees at Harbor Homes.');
    await knowledge.save({ ...wording, key: 'fees', body: 'None at all.', basedOn: 1 }, 'ada');
    expect(await told()).toBe('None at all.');
    await knowledge.activate('fees', 1, 'bo');
    expect(await told()).toBe('No fees at Harbor Homes.');
    await knowledge.deactivate('fees', 'bo');
    expect(await told()).toBeUndefined();
    expect((await failureOf(knowledge.activate('fees', 9, 'bo'))).code).toBe('not_found');
  });

  test('of ten people who save at once, one does, and the others are told of the version they did not see', async () => {
    const knowledge = knowledgeOf([]);
    const saved = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) =>
        knowledge.save({ ...wording, key: 'fees', body: `Words of ${n}.`, basedOn: 0 }, `user ${n}`),
      ),
    );
    expect(saved.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of saved)
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'knowledge_conflict' });
    expect((await knowledge.get('fees')).versions).toHaveLength(1);
  });

  test('a use that is judged again and again is one use, by its last judgement', async () => {
    const knowledge = knowledgeOf([]);
    await knowledge.save({ ...wording, key: 'fees', basedOn: 0 }, 'ada');
    const judge = (callId: string, result: UseResult) =>
      knowledge.judge(callId, [{ key: 'fees', version: 1, atSec: 3, result }]);
    await Promise.all([
      judge('a', 'settled'),
      judge('a', 'settled'),
      judge('b', 'partly'),
      judge('c', 'open'),
    ]);
    expect((await knowledge.get('fees')).active?.stats).toEqual({ used: 3, succeeded: 1.5 });
    await judge('a', 'open');
    expect((await knowledge.get('fees')).active?.stats).toEqual({ used: 3, succeeded: 0.5 });
  });

  test('a wording that says nothing is refused, and nothing is kept of it', async () => {
    const knowledge = knowledgeOf([]);
    const refused = await failureOf(
      knowledge.save({ ...wording, key: 'fees', body: '{{lead}}', basedOn: 0 }, 'ada'),
    );
    expect(refused.code).toBe('invalid_request');
    expect(refused.details.fields).toHaveProperty('body');
    expect(await knowledge.list()).toEqual([]);
  });

  // ── The agents' state ──────────────────────────────────────────────────────────────────────────────────────────────

  test('notes add up, whoever makes them at once; one with a key counts once; a hundred decisions stay', async () => {
    const agents = createAgents({ store, clock, voiceAgentId: 'agent_1' });
    await Promise.all(
      Array.from({ length: 20 }, () => agents.note('conversation_ai', { counts: { hits: 1, misses: 1 } })),
    );
    const once = { key: 'call:1', counts: { responseMs: 900, responses: 1 } };
    expect(await agents.note('conversation_ai', once)).toBe(true);
    expect(await agents.note('conversation_ai', once)).toBe(false);
    const decision = { timestamp: new Date(0), input: '', reasoning: '', output: '' };
    for (let n = 0; n < 3; n += 1)
      await agents.note('conversation_ai', {
        decisions: Array.from({ length: 40 }, (_, at) => ({ ...decision, decision: `${n}.${at}` })),
      });
    const state = await agents.get('conversation_ai');
    expect(state.metrics).toEqual({
      avgResponseTime: 900,
      knowledgeBaseHits: 20,
      knowledgeBaseMisses: 20,
      knowledgeBaseHitRate: 0.5,
    });
    expect(state.days).toEqual({ '2026-11-18': { hits: 20, misses: 20, responseMs: 900, responses: 1 } });
    expect(state.decisionHistory).toHaveLength(100);
    expect(state.decisionHistory.at(-1)?.decision).toBe('2.39');
    expect((await agents.list()).map(({ agentType, agentId }) => [agentType, agentId])).toEqual([
      ['conversation_ai', 'agent_1'],
      ['sales', 'sales'],
      ['realty', 'realty'],
      ['architect', 'architect'],
    ]);
    expect((await agents.get('realty')).metrics).toEqual({});
  });

  test('figures of days that had their time go', async () => {
    const agents = createAgents({ store, clock, voiceAgentId: 'agent_1' });
    await agents.note('sales', { counts: { requests: 1 } });
    const later = handClock(clock.nowMs() + 91 * 86_400_000);
    await createAgents({ store, clock: later, voiceAgentId: 'agent_1' }).note('sales', {
      counts: { requests: 1 },
    });
    const state = await agents.get('sales');
    expect(Object.keys(state.days)).toEqual(['2027-02-17']);
    expect(state.metrics.totalRequests).toBe(2);
  });

  // ── The architect ──────────────────────────────────────────────────────────────────────────────────────────────────

  const GOOD = 'Let us look at three houses near yours that sold, and what was left after the fees.';
  const line = (
    speaker: TranscriptMessage['speaker'],
    text: string,
    timestamp: number,
  ): TranscriptMessage => ({
    speaker,
    text,
    timestamp,
    turn: 0,
    interrupted: false,
    repaired: false,
  });

  /** A call in which somebody found the offer too low. */
  async function talk(n: number, answer: string, resolved: boolean): Promise<string> {
    const _id = oid(n);
    const messages = [
      line('agent', 'Hi.', 0),
      line('user', 'That is far too low.', 3),
      line('agent', answer, 5),
    ];
    const moment = {
      type: 'objection',
      messageIndex: 1,
      timestamp: 3,
      userText: 'That is far too low.',
      resolved,
    };
    await store.collection('calls').insert({
      _id,
      attemptId: _id,
      initiatedAt: new Date(clock.nowMs() + n),
      keyMoments: [moment],
    } as unknown as Call);
    await store
      .collection('call_transcripts')
      .insert({ _id, callId: _id, messages } as unknown as CallTranscript);
    return _id;
  }

  async function scene(hired?: HiredArchitect) {
    const knowledge = knowledgeOf([]);
    const agents = createAgents({ store, clock, voiceAgentId: 'agent_1' });
    const architect = createArchitect({
      store,
      clock,
      ids,
      log,
      agents,
      knowledge,
      ...(hired ? { architect: hired } : {}),
      ratesOf: async () => DEFAULT_RATES,
      shutdown: new AbortController().signal,
    });
    await knowledge.save(
      {
        key: 'low',
        kind: 'objection_handler',
        title: 'Too low',
        body: 'It is what it is.',
        tags: ['too low'],
        basedOn: 0,
      },
      'ada',
    );
    let last = '';
    for (let n = 1; n <= 6; n += 1) {
      last = await talk(n, 'It is what it is.', false);
      await knowledge.judge(last, [{ key: 'low', version: 1, atSec: 4, messageIndex: 1, result: 'open' }]);
    }
    return { knowledge, agents, architect, last };
  }

  test('a weak answer is proposed anew by rules, and nothing is said otherwise until a person accepts', async () => {
    const { knowledge, agents, architect, last } = await scene();
    await architect.learned(['low'], last);
    expect((await architect.list({})).items).toEqual([]);
    await talk(20, GOOD, true);
    await talk(21, `${GOOD} Shall I?`, true);
    await architect.learned(['low'], last);
    await architect.learned(['low'], last);
    const { items } = await architect.list({ state: 'open' });
    expect(items).toHaveLength(1);
    const [proposal] = items;
    if (!proposal) throw new Error('nothing is proposed');
    expect(proposal).toMatchObject({ by: 'rules', baseVersion: 1, before: { used: 6, succeeded: 0 } });
    expect(proposal.body).toContain(GOOD);
    expect(proposal.evidence.length).toBeGreaterThan(2);
    expect((await knowledge.lookUp({ said: 'too low' }))?.words).toBe('It is what it is.');
    expect((await agents.get('architect')).learnings).toMatchObject([
      { incorporated: false, proposalId: proposal._id },
    ]);

    const topic = await architect.accept(proposal._id, { body: `${GOOD} Really.` }, 'bo');
    expect(topic.active).toMatchObject({ version: 2, body: `${GOOD} Really.`, proposalId: proposal._id });
    expect((await knowledge.lookUp({ said: 'too low' }))?.words).toBe(`${GOOD} Really.`);
    const state = await agents.get('architect');
    expect(state.learnings).toMatchObject([{ incorporated: true }]);
    expect(state.metrics).toMatchObject({ totalRequests: 1, feedbackIncorporated: 1 });
    expect((await failureOf(architect.accept(proposal._id, {}, 'bo'))).code).toBe('knowledge_conflict');
    expect((await failureOf(architect.reject(proposal._id, 'no', 'bo'))).code).toBe('knowledge_conflict');

    for (let n = 30; n < 35; n += 1)
      await knowledge.judge(oid(n), [
        { key: 'low', version: 2, atSec: 4, result: n === 30 ? 'open' : 'settled' },
      ]);
    await architect.learned(['low'], oid(30));
    expect((await agents.get('architect')).learnings).toMatchObject([
      { improvedMetric: 'knowledge_success_rate', improvement: 0.8 },
    ]);
  });

  test('a rejected proposal changes nothing, and comes again only after as many more uses', async () => {
    const { knowledge, architect, agents, last } = await scene();
    await talk(20, GOOD, true);
    await talk(21, GOOD, true);
    await architect.learned(['low'], last);
    const [proposal] = (await architect.list({})).items;
    await architect.reject(proposal?._id ?? '', 'too pushy', 'bo');
    await architect.learned(['low'], last);
    expect((await architect.list({})).items).toMatchObject([{ state: 'rejected', reason: 'too pushy' }]);
    expect((await agents.get('architect')).metrics.decisionsOverridden).toBe(1);
    expect((await knowledge.get('low')).versions).toHaveLength(1);
  });

  test('a proposal for a version that somebody changed meanwhile is a conflict, and stays open', async () => {
    const { knowledge, architect, last } = await scene();
    await talk(20, GOOD, true);
    await talk(21, GOOD, true);
    await architect.learned(['low'], last);
    const [proposal] = (await architect.list({})).items;
    await knowledge.save({ ...wording, key: 'low', basedOn: 1 }, 'ada');
    expect((await failureOf(architect.accept(proposal?._id ?? '', {}, 'bo'))).code).toBe(
      'knowledge_conflict',
    );
    expect((await architect.get(proposal?._id ?? '')).state).toBe('open');
  });

  const usage = { inputTokens: 1_000, outputTokens: 100, cacheReadTokens: 10_000, cacheWriteTokens: 0 };
  const claude = (answer: object, dailyBudget = 1): { hired: HiredArchitect; asked: () => number } => {
    let asked = 0;
    return {
      asked: () => asked,
      hired: {
        dailyBudget,
        model: {
          model: 'claude-of-this-test',
          version: 'knowledge-proposal 1',
          promptHash: 'f'.repeat(64),
          async propose(_entry, talks) {
            asked += 1;
            const draft = {
              change: true,
              insight: 'A look at sales nearby helps.',
              title: 'Too low',
              body: 'Shall we look at what sold nearby?',
              tags: ['too low'],
              evidence: [
                { talk: 0, messageIndex: 1, quote: 'far too low' },
                { talk: talks.length - 1, messageIndex: 2, quote: 'words that nobody said' },
              ],
              ...answer,
            };
            return { kind: 'drafted', draft, usage };
          },
        },
      },
    };
  };

  test('a model proposes with quotes that were said; its tokens and their price stand with the architect', async () => {
    const { architect, agents, last } = await scene(claude({}).hired);
    await architect.learned(['low'], last);
    const [proposal] = (await architect.list({})).items;
    expect(proposal).toMatchObject({ by: 'claude', promptVersion: 'knowledge-proposal 1', cost: 0.0075 });
    expect(proposal?.evidence).toMatchObject([{ quote: 'far too low', speaker: 'user' }]);
    expect((await agents.get('architect')).metrics).toMatchObject({
      modelRequests: 1,
      cacheReadTokens: 10_000,
      cacheHitRate: 0.9091,
      totalCost: 0.0075,
      costSavings: 0.027,
    });
  });

  test.each([
    ['quotes what nobody said', { evidence: [{ talk: 0, messageIndex: 1, quote: 'never said' }] }],
    ['sees no better answer', { change: false }],
    ['leaves a broken placeholder', { body: 'Hello {{lead_name}}' }],
  ])('nothing is proposed by a model that %s', async (_, answer) => {
    const { architect, last } = await scene(claude(answer).hired);
    await architect.learned(['low'], last);
    expect((await architect.list({})).items).toEqual([]);
  });

  test('when the day’s budget is spent no model is asked', async () => {
    const { hired, asked } = claude({ change: false }, 0.007);
    const { architect, last } = await scene(hired);
    await architect.learned(['low'], last);
    await architect.learned(['low'], last);
    expect(asked()).toBe(1);
  });

  test('a model that cannot be asked leaves nothing half done', async () => {
    const { hired } = claude({});
    const { architect, agents, last } = await scene({
      ...hired,
      model: {
        ...hired.model,
        propose: async () => {
          throw new Failure('analysis_unavailable', 'away');
        },
      },
    });
    await architect.learned(['low'], last);
    expect((await architect.list({})).items).toEqual([]);
    expect((await agents.get('architect')).learnings).toEqual([]);
  });
});

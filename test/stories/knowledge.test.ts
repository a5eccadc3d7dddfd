/** A caller objects, the agent looks up what to say, and what came of it stands with the entry and with the agents. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AgentState, KnowledgeTopic, KnowledgeUses } from '../../src/contract/index.ts';
import { until } from '../support/until.ts';
import { type Story, type World, world } from '../support/world.ts';

let place: World;
let story: Story;
const get = async (path: string): Promise<unknown> => (await place.ask('GET', `/api/v1${path}`)).json();

beforeAll(async () => {
  place = await world({ scale: 8 });
  story = await place.call('objects');
  await until('the agents to learn from the call', () =>
    place.store.collection('call_lessons').get(story.call._id),
  );
});
afterAll(() => place.close());

test('the agent answers the objection with what it looked up, and the call goes on to a visit', () => {
  const said = story.transcript.findIndex(({ text }) => text.includes('too low'));
  expect(story.transcript[said + 1]?.text).toContain(
    'I hear you, and it should be a number you are happy with.',
  );
  expect(story.call.outcome).toBe('qualified');
});

test('the look-up is an event of the call, between the question and the answer', () => {
  const types = story.events.map(({ type }) => type);
  const at = types.indexOf('looked_up');
  expect(story.events[at]).toMatchObject({ entry: { key: 'price_too_low', version: 1 } });
  const called = story.events.find(
    (event) => event.type === 'tool_called' && event.name === 'look_up_knowledge',
  );
  const answered = story.events.find(
    (event) => event.type === 'tool_answered' && event.result.includes('I hear you'),
  );
  expect(called?.seq).toBeLessThan(at + 1);
  expect(answered).toMatchObject({ isError: false });
});

test('the entry counts one use, which settled the objection', async () => {
  const topic = KnowledgeTopic.parse(await get('/knowledge/price_too_low'));
  expect(topic.active?.stats).toEqual({ used: 1, succeeded: 1 });
  const { items } = KnowledgeUses.parse(await get('/knowledge/price_too_low/uses'));
  expect(items).toMatchObject([{ callId: story.call._id, version: 1, result: 'settled' }]);
});

test('the voice agent and sales have decided, with the words and the second of the call', async () => {
  const voice = AgentState.parse(await get('/agents/conversation_ai'));
  expect(voice.agentId).toBe('agent_of_the_tests');
  expect(voice.metrics).toMatchObject({
    knowledgeBaseHits: 1,
    knowledgeBaseMisses: 0,
    knowledgeBaseHitRate: 1,
  });
  expect(voice.metrics.avgResponseTime).toBeGreaterThan(0);
  expect(voice.knowledgeVersions).toEqual({ price_too_low: 'v1' });
  const chosen = voice.decisionHistory.find(({ decision }) => decision === 'select_knowledge');
  expect(chosen).toMatchObject({ callId: story.call._id, outcome: 'successful' });
  expect(chosen?.input).toContain('too low');
  expect(chosen?.output).toContain('I hear you');
  expect(chosen?.atSec).toBeGreaterThan(0);
  const sales = AgentState.parse(await get('/agents/sales'));
  expect(sales.metrics.totalRequests).toBe(1);
  expect(sales.decisionHistory.map(({ decision }) => decision)).toEqual(
    expect.arrayContaining(['qualify_lead', 'plan_follow_up']),
  );
  // Nobody asked a model here, so nobody says what it cost.
  expect(sales.metrics).not.toHaveProperty('inputTokens');
});

test('another analysis of the same call counts nothing twice', async () => {
  await place.app.analyses.request({ callId: story.call._id, by: 'lexicon' }, 'story');
  await until('the second analysis to be learned from', async () => {
    const lesson = await place.store.collection('call_lessons').get(story.call._id);
    return lesson?.analyses.length === 2;
  });
  const voice = AgentState.parse(await get('/agents/conversation_ai'));
  expect(voice.metrics).toMatchObject({ knowledgeBaseHits: 1 });
  const topic = KnowledgeTopic.parse(await get('/knowledge/price_too_low'));
  expect(topic.active?.stats).toEqual({ used: 1, succeeded: 1 });
});

test('a claim that a person marks as wrong turns the use around', async () => {
  const { items } = await place.app.analyses.list(story.call._id);
  const shown = items.find(({ _id }) => _id === story.call.analysis?.analysisId) ?? items[0];
  const newest = (await place.app.calls.get(story.call._id)).analysis?.analysisId ?? shown?._id ?? '';
  const moment = (await place.app.calls.get(story.call._id)).keyMoments?.find(
    ({ type }) => type === 'objection',
  );
  await place.app.analyses.markWrong(
    {
      callId: story.call._id,
      analysisId: newest,
      path: `keyMoments.objection@${moment?.messageIndex}`,
      note: 'he was not convinced at all',
    },
    'story',
  );
  await until('the use to be judged anew', async () => {
    const { items: uses } = KnowledgeUses.parse(await get('/knowledge/price_too_low/uses'));
    return uses[0]?.result === 'open';
  });
});

test('an erased person is in no decision of the agents any more', async () => {
  await place.app.erasures.erase({ phone: story.call.contactPhone, reason: 'asked in writing' }, 'story');
  for (const type of ['conversation_ai', 'sales'])
    expect(AgentState.parse(await get(`/agents/${type}`)).decisionHistory).toEqual([]);
});

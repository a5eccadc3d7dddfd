/** The agent’s platform fails in every way it can; the person on the phone is never left in silence, and nothing is lost. */
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CallEvent } from '../../src/domain/call.ts';
import type { CloseCode } from '../../src/sandbox/agent/protocol.ts';
import { DECLINER, SELLS, SLOW_TO_ANSWER, STAYER, TALKER } from '../support/people.ts';
import { longestSilenceMs } from '../support/sound.ts';
import { until } from '../support/until.ts';
import { type Story, type World, world } from '../support/world.ts';

const APOLOGY =
  'We are sorry, we cannot talk right now because of a technical problem. Parley will get back to you. Goodbye.';
/** A pause that a person still takes for thinking. */
const AWKWARD_MS = 7_000;

let here: World;
beforeAll(async () => {
  here = await world({ brief: true });
});
afterAll(() => here.close());

const of = <T extends CallEvent['type']>(story: Pick<Story, 'events'>, type: T) =>
  story.events.filter((event): event is Extract<CallEvent, { type: T }> => event.type === type);

/** The conversations the platform held for a call, oldest first. */
const conversations = (story: Pick<Story, 'events'>): string[] =>
  of(story, 'session_opened').map(({ conversationId }) => conversationId);

/** A call that is in the middle of its talk: the caller has spoken once and the agent has begun to answer. */
async function midCall(): Promise<{ callId: string; conversationId: string }> {
  const callId = await here.place(await here.lead(STAYER));
  const { conversationId } = await here.event(callId, 'session_opened');
  await until('the agent to answer the caller', async () => {
    const said = (await here.app.calls.events(callId)).filter((event) => event.type === 'said');
    return said.some((event, i) => event.role === 'agent' && said[i - 1]?.role === 'user');
  });
  return { callId, conversationId };
}

/** Closes the conversation of a call in the middle of its talk, and tells what became of the call. */
async function closedMidCall(code: CloseCode): Promise<Story> {
  const { callId, conversationId } = await midCall();
  expect(here.agent.control.closeNow(code, conversationId)).toBe(1);
  return await here.finished(callId);
}

describe.concurrent('the conversation is closed in the middle of a talk', () => {
  test.each<[CloseCode, number]>([
    [1001, 1001],
    [1002, 1002],
    [1011, 1011],
    ['reset', 1006],
  ])('with %s: the agent comes back once, knows what was said, and the talk goes on', async (code, seen) => {
    const story = await closedMidCall(code);
    expect(of(story, 'session_lost')).toMatchObject([{ closeCode: seen }]);
    expect(of(story, 'session_opened').map(({ recovery }) => recovery)).toEqual([false, true]);
    const [, second = ''] = conversations(story);
    const [first] = here.agent.control.messages(second).filter(({ from }) => from === 'client');
    expect(first?.message).toMatchObject({
      dynamic_variables: { recovery_summary: expect.stringContaining(SELLS) },
    });
    expect(await here.heard(story.call, 'Sorry, Maria, we were cut off for a moment.')).toBe(true);
    expect(story.call).toMatchObject({ status: 'completed', completeness: 'gap' });
    expect(longestSilenceMs(here.line(story.call))).toBeLessThan(AWKWARD_MS);
  });

  test.each<[CloseCode, string]>([
    [1008, 'agent misconfigured'],
    [3000, 'agent misconfigured'],
    [3008, 'agent refused'],
  ])('with %s: coming back is pointless, and the caller hears a sentence', async (code, why) => {
    const story = await closedMidCall(code);
    expect(of(story, 'session_lost')).toMatchObject([{ closeCode: code }]);
    expect(conversations(story)).toHaveLength(1);
    expect(await here.heard(story.call, APOLOGY)).toBe(true);
    expect(story.call).toMatchObject({ status: 'completed', endReason: expect.stringContaining(why) });
    expect(of(story, 'hangup_requested')).toMatchObject([{ by: 'system' }]);
    expect(longestSilenceMs(here.line(story.call))).toBeLessThan(AWKWARD_MS);
  });

  test('with 1000: the agent hung up in good order, and its last words are heard first', async () => {
    const story = await closedMidCall(1000);
    expect(of(story, 'session_lost')).toEqual([]);
    expect(story.call).toMatchObject({
      status: 'completed',
      endReason: 'the agent ended the conversation',
      completeness: 'complete',
    });
    expect(of(story, 'hangup_requested')).toMatchObject([{ by: 'agent' }]);
  });

  test('twice: the second time the caller hears a sentence', async () => {
    const { callId, conversationId } = await midCall();
    here.agent.control.closeNow(1011, conversationId);
    const again = await until('the agent to be back', async () =>
      (await here.app.calls.events(callId)).findLast(
        (event) => event.type === 'session_opened' && event.recovery,
      ),
    );
    if (again.type !== 'session_opened') throw new Error(again.type);
    here.agent.control.closeNow(1011, again.conversationId);
    const story = await here.finished(callId);
    expect(of(story, 'session_lost')).toHaveLength(2);
    expect(await here.heard(story.call, APOLOGY)).toBe(true);
    expect(story.call.status).toBe('completed');
  });
});

describe('the platform takes no conversation', () => {
  afterEach(() => void here.agent.control.reset());

  test.each([
    ['its limit is reached', { concurrencyLimit: 0 }, /too many conversations|refused/],
    ['its quota is used up', { quotaExceeded: true }, /quota/],
    ['it speaks another audio format', { audioFormat: 'pcm_16000' }, /ulaw_8000/],
  ] as const)('because %s: the phone stops ringing before anybody answers', async (_, knobs, why) => {
    here.agent.control.set(knobs);
    const story = await here.call(SLOW_TO_ANSWER);
    expect(story.call).toMatchObject({
      status: 'canceled',
      outcome: 'no_conversation',
      endReason: expect.stringMatching(why),
    });
    expect(story.call).not.toHaveProperty('answeredAt');
    expect(story.attempt?.state).toBe('closed');
  });

  test('when somebody calls us: they hear the apology', async () => {
    here.agent.control.set({ concurrencyLimit: 0 });
    const { callId } = await here.receive('+12125556601', STAYER);
    const story = await here.finished(callId);
    expect(await here.heard(story.call, APOLOGY)).toBe(true);
    expect(story.call).toMatchObject({ status: 'completed', endReason: expect.stringContaining('agent') });
  });

  test('its REST side fails once: the conversation opens all the same', async () => {
    here.agent.control.set({ rest: { status: 503, times: 1, path: 'get-signed-url' } });
    const story = await here.call(TALKER);
    expect(story.call).toMatchObject({ status: 'completed', completeness: 'complete' });
    expect(of(story, 'session_lost')).toEqual([]);
  });
});

describe('after the call', () => {
  afterEach(() => void here.agent.control.reset());
  const deliveries = (story: Story) => {
    const ids = conversations(story);
    return here.agent.control.deliveries().filter(({ conversationId }) => ids.includes(conversationId));
  };

  test('the report that never comes is asked for', async () => {
    here.agent.control.set({ webhook: { drop: true } });
    const story = await here.call(DECLINER);
    expect(deliveries(story).map(({ status }) => status)).toEqual(['dropped']);
    expect(of(story, 'reconciled')).toMatchObject([{ source: 'poll', completeness: 'complete' }]);
  });

  test('a report that comes twice counts once', async () => {
    here.agent.control.set({ webhook: { duplicate: true } });
    const story = await here.call(DECLINER);
    await until('both reports', () => deliveries(story).length === 2);
    expect(deliveries(story).map(({ status }) => status)).toEqual([200, 200]);
    const events = await here.app.calls.events(story.call._id);
    expect(events.filter(({ type }) => type === 'reconciled')).toHaveLength(1);
    expect((await here.app.calls.transcript(story.call._id)).messages).toEqual(story.transcript);
  });

  test('a forged report is refused and changes nothing', async () => {
    here.agent.control.set({ webhook: { badSignature: true } });
    const story = await here.call(DECLINER);
    await until('the report', () => deliveries(story).length === 1);
    expect(deliveries(story).map(({ status }) => status)).toEqual([403]);
    expect(of(story, 'reconciled')).toMatchObject([{ source: 'poll' }]);
    const body = JSON.stringify({
      type: 'post_call_transcription',
      event_timestamp: Math.floor(here.nowMs() / 1_000),
      data: { conversation_id: conversations(story)[0], status: 'done', transcript: [] },
    });
    const forge = async (secret: string, at: number) => {
      const v0 = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
      const answer = await fetch(`${here.url}/elevenlabs/webhook`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'elevenlabs-signature': `t=${at},v0=${v0}` },
        body,
      });
      return answer.status;
    };
    const now = Math.floor(here.nowMs() / 1_000);
    expect(await forge('somebody else', now)).toBe(403);
    expect(await forge(here.agent.webhookSecret, now - 3_600)).toBe(403);
    expect(await here.app.calls.events(story.call._id)).toEqual(story.events);
  });

  test('words that only the platform kept are added, and marked', async () => {
    const address = `${here.agent.url}/v1/convai/agents/${here.agent.agentId}`;
    const patch = (client_events: readonly string[]) =>
      fetch(address, {
        method: 'PATCH',
        headers: { 'xi-api-key': here.agent.apiKey, 'content-type': 'application/json' },
        body: JSON.stringify({ conversation_config: { conversation: { client_events } } }),
      });
    const before = (await (
      await fetch(address, { headers: { 'xi-api-key': here.agent.apiKey } })
    ).json()) as { conversation_config: { conversation: { client_events: string[] } } };
    const all = before.conversation_config.conversation.client_events;
    await patch(all.filter((name) => name !== 'user_transcript'));
    const story = await here.call(TALKER).finally(() => patch(all));
    expect(story.call.completeness).toBe('repaired');
    expect(of(story, 'said').filter(({ role }) => role === 'user')).toEqual([]);
    const [first] = story.transcript.filter(({ speaker }) => speaker === 'user');
    expect(first).toMatchObject({ text: SELLS, repaired: true });
    expect(story.kept).toMatchObject({ completeness: 'repaired', messages: story.transcript });
  });
});

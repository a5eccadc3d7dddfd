/** test/wire/agent-socket: a conversation with the sandbox agent, tools and barge-in. */
import { describe, expect } from 'vitest';
import {
  type Client,
  converse,
  hastyTest,
  murmur,
  rest,
  SAYS,
  SPEED,
  sceneTest as test,
  testAgent,
  VENDOR_TYPE,
  vendorCheck,
} from '../support/agent.ts';
import { until } from '../support/until.ts';

const VARIABLES = { lead_name: 'Ana', seller_name: 'Harbor Homes', time_zone: 'America/New_York' };
const eventIds = (client: Client, type: string) =>
  client.all(type).map((payload) => Number(payload.event_id));

describe.concurrent('a conversation', () => {
  test('begins with the negotiated formats, then the greeting: sound in bursts, and its whole text beside the first', async ({
    scene: { call },
  }) => {
    const client = await call();
    const started = await client.nth('conversation_initiation_metadata');
    expect(started).toMatchObject({
      agent_output_audio_format: 'ulaw_8000',
      user_input_audio_format: 'ulaw_8000',
    });
    const text = await client.spoken(1);
    expect(text).toMatch(/^Hi Ana, this is an AI assistant calling for Harbor Homes\./);
    const order = client.messages.map((message) => message.type).filter((type) => type !== 'ping');
    expect(order.slice(0, 3)).toEqual(['conversation_initiation_metadata', 'audio', 'agent_response']);
    const sizes = client.all('audio').map((a) => Buffer.byteLength(String(a.audio_base_64), 'base64'));
    expect(sizes[0]).toBeGreaterThanOrEqual(800);
    expect(sizes[0]).toBeLessThanOrEqual(2_000);
    expect(new Set(sizes).size).toBeGreaterThan(2);
    expect(new Set([...eventIds(client, 'audio'), ...eventIds(client, 'agent_response')]).size).toBe(1);
  });

  test('every message it sends fits the vendor’s published types', async ({
    scene: { call, interruptible },
  }) => {
    const check = vendorCheck();
    await interruptible();
    const client = await call();
    client.tools.lookup_lead = () => ({ result: '{"source":"web_form"}', is_error: false });
    client.tools.record_opt_out = () => ({ result: '{"ok":true}', is_error: false });
    await client.nth('agent_response');
    await client.line.say(SAYS.source);
    await client.nth('agent_response_correction');
    await client.nth('client_tool_call');
    await client.spoken(3);
    await client.line.say(SAYS.stop);
    await client.end();
    const types = new Set(client.messages.map((message) => message.type));
    for (const type of [
      'audio',
      'ping',
      'interruption',
      'agent_response_correction',
      'client_tool_call',
      'agent_tool_response',
    ])
      expect(types).toContain(type);
    const refused = await call({ conversation_config_override: { tts: { voice_id: 'v' } } });
    await refused.end();
    for (const message of [...client.messages, ...refused.messages])
      expect(check(VENDOR_TYPE[message.type] ?? '?', message), message.type).toBe('');
    expect(check('Ping', { type: 'ping', ping_event: {} })).not.toBe('');
    expect(check('Ping', { type: 'ping', ping_event: { event_id: 1 }, more: 1 })).not.toBe('');
  });

  test('hears what is said and goes on from it', async ({ scene: { call } }) => {
    const client = await call();
    await client.spoken(1);
    await client.line.say(SAYS.interested);
    expect(await client.nth('user_transcript')).toMatchObject({ user_transcript: SAYS.interested });
    expect(await client.spoken(2)).toMatch(/condition/);
    await client.line.say('Some words that it was never taught.');
    expect(await client.nth('user_transcript', 2)).toMatchObject({ user_transcript: '(unintelligible)' });
    expect(await client.spoken(3)).toMatch(/did not catch that/);
  });

  test('hears through a line that loses a fifth of its frames and joins the others in fours', async ({
    scene: { call },
  }) => {
    const client = await call();
    client.line.loss = 0.2;
    client.line.framesPerMessage = 4;
    await client.spoken(1);
    await client.line.say(SAYS.roof);
    expect(await client.nth('user_transcript')).toMatchObject({ user_transcript: SAYS.roof });
  });

  test('counts pings from zero, in its own time, and tells the round trip of the one before', async ({
    scene: { call },
  }) => {
    const client = await call();
    await until('three pings', () => client.all('ping').length >= 3);
    expect(eventIds(client, 'ping').slice(0, 3)).toEqual([0, 1, 2]);
    expect(client.all('ping')[0]?.ping_ms).toBeNull();
    expect(client.all('ping')[2]?.ping_ms).toEqual(expect.any(Number));
  });

  test('uses this call’s greeting and language; an empty greeting lets the caller speak first', async ({
    scene: { call },
  }) => {
    const own = await call({
      conversation_config_override: { agent: { first_message: 'Good day {{who}}.', language: 'en' } },
      dynamic_variables: { who: 'Bo' },
    });
    expect(await own.spoken(1)).toBe('Good day Bo.');
    const quiet = await call({ conversation_config_override: { agent: { first_message: '' } } });
    await quiet.nth('conversation_initiation_metadata');
    await quiet.line.say(SAYS.source);
    expect((await quiet.nth('client_tool_call')).tool_name).toBe('lookup_lead');
    expect(quiet.all('agent_response')).toHaveLength(1);
  });

  test('without an init message it goes on with the agent’s defaults', async ({ scene: { call } }) => {
    const client = await call(null);
    expect(await client.spoken(1)).toMatch(/^Hi there, this is an AI assistant calling for the company/);
  });

  hastyTest('asks twice into silence and then says goodbye and ends', async ({ scene: { call } }) => {
    const client = await call();
    await client.end();
    const texts = client.all('agent_response').map((a) => a.agent_response);
    expect(texts.slice(1)).toEqual([
      'Are you still there?',
      'Hello? Are you still there?',
      expect.stringMatching(/lost you.*Goodbye/),
    ]);
    expect(client.closed?.code).toBe(1_000);
  });

  test('user activity keeps it from asking', async ({ scene: { call, configure } }) => {
    await configure({ conversation_config: { turn: { turn_timeout: 5 } } });
    const client = await call();
    await client.spoken(1);
    const activity = setInterval(() => client.send({ type: 'user_activity' }), 100);
    await new Promise((resolve) => setTimeout(resolve, (9_000 / SPEED) | 0));
    clearInterval(activity);
    expect(client.all('agent_response')).toHaveLength(1);
  });

  test('goes on after a drop with what was known before', async ({ scene: { call } }) => {
    const client = await call({
      dynamic_variables: { ...VARIABLES, recovery_summary: 'motivation: a new job; condition: good' },
    });
    expect(await client.spoken(1)).toMatch(/^Sorry, we were cut off.*How soon would you like to sell\?$/);
  });
});

describe.concurrent('tools', () => {
  test('an opt-out is recorded before the agent confirms it and hangs up', async ({ scene: { call } }) => {
    const client = await call();
    client.tools.record_opt_out = () => ({ result: '{"ok":true}', is_error: false });
    await client.spoken(1);
    await client.line.say(SAYS.stop);
    await client.end();
    expect(client.all('client_tool_call')[0]).toMatchObject({
      tool_name: 'record_opt_out',
      parameters: { quote: SAYS.stop },
    });
    expect(client.all('agent_response').at(-1)?.agent_response).toMatch(/taken your number off our list/);
    expect(
      client.all('agent_tool_response').map((tool) => [tool.tool_name, tool.tool_type, tool.is_error]),
    ).toEqual([
      ['record_opt_out', 'client', false],
      ['end_call', 'system', false],
    ]);
    expect(client.closed).toEqual({ code: 1_000, reason: 'end_call tool was called.' });
    const said = client.audio.get(Math.max(...client.audio.keys())) ?? 0;
    const goodbye = String(client.all('agent_response').at(-1)?.agent_response);
    expect(said).toBeGreaterThan(goodbye.length * 300);
  });

  test.for<[string, { result: string; is_error: boolean } | undefined]>([
    ['fails', { result: 'no database', is_error: true }],
    ['answers that it did nothing', { result: '{"ok":false}', is_error: false }],
    ['is never answered', undefined],
  ])('when a tool %s, the agent does not claim success', async ([_, answer], { scene: { call } }) => {
    const client = await call();
    if (answer !== undefined) client.tools.record_opt_out = () => answer;
    await client.spoken(1);
    await client.line.say(SAYS.stop);
    await client.end();
    expect(client.all('agent_response').at(-1)?.agent_response).toMatch(/a colleague will make sure of it/);
  });

  test('keys pressed are told as a message, cut the agent off, and opt out', async ({ scene: { call } }) => {
    const client = await call();
    client.tools.record_opt_out = () => ({ result: '{"ok":true}', is_error: false });
    await client.nth('agent_response');
    client.send({ type: 'user_message', text: 'I pressed 9' });
    await client.end();
    expect(client.all('interruption')).toHaveLength(1);
    expect(client.all('client_tool_call')[0]?.tool_name).toBe('record_opt_out');
  });

  test('asked for a person it hands over and then keeps quiet', async ({ scene: { call, configure } }) => {
    await configure({ conversation_config: { turn: { turn_timeout: 5 } } });
    const client = await call();
    client.tools.transfer_to_human = () => ({ result: '{"ok":true}', is_error: false });
    await client.spoken(1);
    await client.line.say(SAYS.person);
    expect(await client.spoken(2)).toMatch(/connect you/);
    await client.nth('agent_tool_response');
    await new Promise((resolve) => setTimeout(resolve, (9_000 / SPEED) | 0));
    expect(client.all('agent_response')).toHaveLength(2);
  });

  test('end_call set up as a client tool is asked of the client', async ({
    scene: { agent, call, configure },
  }) => {
    const stored = (await (await rest(agent, `/v1/convai/agents/${agent.agentId}`)).json()) as {
      conversation_config: { agent: { prompt: { tools: { name: string }[] } } };
    };
    const tools = stored.conversation_config.agent.prompt.tools.map((tool) =>
      tool.name === 'end_call' ? { type: 'client', name: 'end_call', expects_response: true } : tool,
    );
    await configure({ conversation_config: { agent: { prompt: { tools } } } });
    const client = await call();
    client.tools.record_opt_out = () => ({ result: 'ok', is_error: false });
    client.tools.end_call = () => ({ result: 'ok', is_error: false });
    await client.spoken(1);
    await client.line.say(SAYS.stop);
    await client.end();
    expect(client.all('client_tool_call').at(-1)).toMatchObject({
      tool_name: 'end_call',
      parameters: { reason: 'opt_out' },
    });
    expect(client.closed?.code).toBe(1_000);
  });
});

describe.concurrent('barge-in', () => {
  test('cuts the agent off, corrects what was not heard, and numbers the next turn higher', async ({
    scene: { call, interruptible },
  }) => {
    await interruptible();
    const client = await call();
    const { agent_response: whole } = await client.nth('agent_response');
    await new Promise((resolve) => setTimeout(resolve, 2_500 / SPEED));
    await client.line.say(SAYS.source);
    const { event_id: cut } = await client.nth('interruption');
    const correction = await client.nth('agent_response_correction');
    expect(correction.original_agent_response).toBe(whole);
    expect(String(whole).startsWith(String(correction.corrected_agent_response))).toBe(true);
    expect(String(correction.corrected_agent_response).length).toBeLessThan(String(whole).length);
    await client.nth('user_transcript');
    await client.spoken(2);
    const [first, second] = [...client.audio.keys()];
    expect(first).toBeLessThan(Number(cut));
    expect(second).toBeGreaterThan(Number(cut));
  });

  test('can be cut off even when its next sentence is late', async () => {
    let late: (() => void) | undefined;
    const slow = await testAgent({
      phrasebook: [{ text: SAYS.source, voice: 'slt' }],
      speak: async (text, voice) => {
        if (text.startsWith('Second')) await new Promise<void>((resolve) => (late = resolve));
        return murmur(text, voice);
      },
    });
    await slow.control.ready();
    await rest(slow, `/v1/convai/agents/${slow.agentId}`, 'PATCH', {
      conversation_config: {
        agent: {
          disable_first_message_interruptions: false,
          first_message: 'First sentence. Second sentence.',
        },
      },
    });
    const client = await converse(slow);
    await client.spoken(1);
    await client.line.say(SAYS.source);
    expect(await client.nth('agent_response_correction')).toMatchObject({
      original_agent_response: 'First sentence. Second sentence.',
      corrected_agent_response: 'First sentence.',
    });
    late?.();
    client.hangUp();
    await slow.close();
  });

  test('a greeting that may not be interrupted plays on, and what was said meanwhile is in the transcript', async ({
    scene: { call },
  }) => {
    const client = await call();
    await client.nth('agent_response');
    await client.line.say(SAYS.source);
    await client.nth('user_transcript');
    expect(client.all('interruption')).toEqual([]);
  });

  test('without `interruption` among the client events nobody can interrupt', async ({
    scene: { call, configure },
  }) => {
    await configure({
      conversation_config: {
        agent: { disable_first_message_interruptions: false },
        conversation: { client_events: ['audio', 'agent_response', 'user_transcript'] },
      },
    });
    const client = await call();
    await client.nth('agent_response');
    await client.line.say(SAYS.source);
    await client.nth('user_transcript');
    expect(client.all('interruption')).toEqual([]);
    expect(client.all('ping')).toEqual([]);
  });

  test.for(['own', 'interrupted', 'reply'] as const)(
    'a drill: the interruption carries the number “%s”',
    async (interruptionId, { scene: { agent, call, interruptible } }) => {
      agent.control.set({ interruptionId, staleChunk: true, corrections: false });
      await interruptible();
      const client = await call();
      await client.nth('agent_response');
      await client.line.say(SAYS.source);
      const cut = Number((await client.nth('interruption')).event_id);
      await client.spoken(2);
      const ids = [...client.audio.keys()];
      expect(client.all('agent_response_correction')).toEqual([]);
      if (interruptionId === 'interrupted') expect(cut).toBe(ids[0]);
      if (interruptionId === 'own') expect(ids[0]).toBeLessThan(cut);
      if (interruptionId === 'reply') expect(cut).toBe(ids[1]);
      const at = client.messages.findIndex((message) => message.type === 'interruption');
      const stale = client.messages.slice(at).find((message) => message.type === 'audio');
      expect(stale).toMatchObject({ audio_event: { event_id: ids[0] } });
    },
  );
});

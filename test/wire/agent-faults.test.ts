/** test/wire/agent-faults: how the sandbox agent refuses, what can be made to go wrong, and how it stops. */
import { describe, expect } from 'vitest';
import { WebSocket } from 'ws';
import {
  type Client,
  converse,
  hastyTest,
  murmur,
  rest,
  SPEED,
  signedUrl,
  sceneTest as test,
  testAgent,
} from '../support/agent.ts';
import { until } from '../support/until.ts';

const errorOf = (client: Client) => client.all('error')[0] ?? {};

describe.concurrent('refusals', () => {
  test('a private agent is not opened without a valid signature', async ({ scene: { agent } }) => {
    const path = `/v1/convai/conversation?agent_id=${agent.agentId}`;
    for (const query of ['', '&conversation_signature=cvtkn_e30.abc', '&conversation_signature=x']) {
      const socket = new WebSocket(`${agent.url.replace('http', 'ws')}${path}${query}`);
      await expect(
        new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject)),
      ).rejects.toThrow('403');
    }
    const unknown = new WebSocket(
      `${agent.url.replace('http', 'ws')}/v1/convai/conversation?agent_id=agent_x`,
    );
    await expect(
      new Promise((resolve, reject) => unknown.on('open', resolve).on('error', reject)),
    ).rejects.toThrow('404');
  });

  test('a signature with a conversation id opens once; a plain one as often as wanted', async ({
    scene: { agent },
  }) => {
    const open = async (url: string) => {
      const socket = new WebSocket(url);
      await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
      socket.close();
    };
    const plain = await signedUrl(agent);
    await open(plain);
    await open(plain);
    const once = await signedUrl(agent, '&include_conversation_id=true');
    await open(once);
    await expect(open(once)).rejects.toThrow('403');
  });

  test.for<[string, object, string, RegExp]>([
    [
      'an override that is not permitted',
      { conversation_config_override: { tts: { voice_id: 'v1' } } },
      'override_error',
      /tts\.voice_id/,
    ],
    [
      'a variable without a value',
      { conversation_config_override: { agent: { first_message: 'Hi {{nobody}}' } } },
      'missing_dynamic_variable',
      /nobody/,
    ],
    [
      'an init of the wrong shape',
      { dynamic_variables: { a: null } },
      'invalid_message',
      /dynamic_variables/,
    ],
    [
      'a variable of the system’s',
      { dynamic_variables: { system__call_sid: 'x' } },
      'invalid_message',
      /dynamic_variables/,
    ],
  ])('%s ends it with 1008', async ([_, init, type, message], { scene: { call } }) => {
    const client = await call(init);
    const { code } = await client.end();
    expect(code).toBe(1_008);
    expect(errorOf(client)).toMatchObject({
      code: 1_008,
      error_type: type,
      message: expect.stringMatching(message),
    });
  });

  test.for([
    'not json',
    '[]',
    '{"type":"user_audio_commit"}',
    '{"user_audio_chunk":7}',
    '{"type":"client_tool_result","tool_call_id":"t","result":{},"is_error":false}',
  ])('the message %s ends it with 1008', async (text, { scene: { call } }) => {
    const client = await call();
    await client.nth('conversation_initiation_metadata');
    client.socket.send(text);
    expect((await client.end()).code).toBe(1_008);
    expect(errorOf(client).error_type).toBe('invalid_message');
  });

  test('keywords are ignored in silence, and every other message of the protocol is taken', async ({
    scene: { call },
  }) => {
    const client = await call({ conversation_config_override: { asr: { keywords: ['roof'] } } });
    await client.nth('conversation_initiation_metadata');
    client.send({ type: 'contextual_update', text: 'On page two', context_id: 'page' });
    client.send({ type: 'feedback', event_id: 1, score: 'like' });
    client.send({ type: 'mcp_tool_approval_result', tool_call_id: 't', is_approved: true });
    client.send({ type: 'client_tool_result', tool_call_id: 'unknown', result: 'x', is_error: false });
    await client.spoken(1);
    expect(client.closed).toBeUndefined();
  });

  hastyTest('a minute without audio ends it with 1002', async ({ scene: { call } }) => {
    const client = await call();
    client.line.stop();
    const activity = setInterval(() => client.send({ type: 'user_activity' }), 50);
    const { code, reason } = await client.end();
    clearInterval(activity);
    expect([code, reason]).toEqual([1_002, 'transport_receive_timeout']);
    expect(errorOf(client)).toMatchObject({ code: 1_002, error_type: 'transport_receive_timeout' });
  });

  hastyTest('the longest permitted time ends it with 1000', async ({ scene: { call, configure } }) => {
    await configure({ conversation_config: { conversation: { max_duration_seconds: 60 } } });
    const client = await call();
    const activity = setInterval(() => client.send({ type: 'user_activity' }), 50);
    expect(await client.end()).toEqual({ code: 1_000, reason: 'Max conversation duration exceeded' });
    clearInterval(activity);
  });

  test('a voice that fails ends it with 1002', async () => {
    const mute = await testAgent({
      speak: async (text, voice) => {
        if (text.startsWith('Hi')) throw new Error('no voice');
        return murmur(text, voice);
      },
    });
    const client = await converse(mute, {});
    expect((await client.end()).code).toBe(1_002);
    expect(errorOf(client)).toMatchObject({ error_type: 'tts_cascade_error' });
    await mute.close();
  });
});

describe.concurrent('drills', () => {
  test('a used-up quota: the flat error, then 1002', async ({ scene: { agent, call } }) => {
    agent.control.set({ quotaExceeded: true });
    const client = await call();
    expect(await client.end()).toEqual({ code: 1_002, reason: 'This request exceeds your quota limit.' });
    expect(client.messages).toEqual([{ type: 'error', message: expect.stringMatching(/^received 1002/) }]);
  });

  test('one conversation too many is closed with 3008', async ({ scene: { agent, call } }) => {
    agent.control.set({ concurrencyLimit: 1 });
    const first = await call();
    await first.nth('conversation_initiation_metadata');
    expect(await (await call()).end()).toEqual({ code: 3_008, reason: 'too many concurrent connections' });
    expect(first.closed).toBeUndefined();
  });

  test.for([1_000, 1_002, 1_008, 1_011, 3_000, 3_008])(
    'closes the next conversation with %i, and only that',
    async (code, { scene: { agent, call } }) => {
      agent.control.set({ closeAt: { code, atMs: 500, conversations: 1 } });
      expect((await (await call()).end()).code).toBe(code);
      const next = await call();
      await next.spoken(1);
      expect(next.closed).toBeUndefined();
    },
  );

  test('breaks the connection without a word', async ({ scene: { agent, call } }) => {
    const client = await call();
    await client.nth('agent_response');
    expect(agent.control.closeNow('reset')).toBe(1);
    expect((await client.end()).code).toBe(1_006);
  });

  test('speaks another format when somebody changed it, and says so', async ({ scene: { agent, call } }) => {
    agent.control.set({ audioFormat: 'pcm_16000' });
    const client = await call();
    expect(await client.nth('conversation_initiation_metadata')).toMatchObject({
      agent_output_audio_format: 'pcm_16000',
    });
    const { audio_base_64: sound } = await client.nth('audio');
    expect(Buffer.byteLength(String(sound), 'base64') % 4).toBe(0);
  });

  test('a late greeting, no pings, all in one piece', async ({ scene: { agent, call } }) => {
    agent.control.set({ firstMessageDelayMs: 4_000, pings: false, hugeChunk: true });
    const started = performance.now();
    const client = await call();
    await client.nth('agent_response');
    expect(performance.now() - started).toBeGreaterThan((4_000 / SPEED) * 0.9);
    await client.spoken(1);
    expect(client.all('audio')).toHaveLength(1);
    expect(client.all('ping')).toEqual([]);
  });

  test('are set, read and reset over HTTP with the key, and refuse what they do not know', async ({
    scene: { agent, call },
  }) => {
    expect(
      (await rest(agent, '/_sandbox/knobs', 'PATCH', { staleChunk: true, webhook: { drop: true } })).status,
    ).toBe(200);
    expect(agent.control.knobs()).toMatchObject({
      staleChunk: true,
      webhook: { drop: true, duplicate: false },
    });
    expect((await rest(agent, '/_sandbox/knobs', 'PATCH', { staleChunks: true })).status).toBe(422);
    const client = await call();
    await client.nth('agent_response');
    const id = agent.control.conversations().at(-1) ?? '';
    const log = (await (await rest(agent, `/_sandbox/conversations/${id}/messages`)).json()) as {
      messages: unknown[];
      received: object;
    };
    expect(log.messages).toContainEqual(
      expect.objectContaining({ from: 'agent', message: expect.objectContaining({ type: 'audio' }) }),
    );
    expect(await (await rest(agent, '/_sandbox/close', 'POST', { code: 1_011 })).json()).toEqual({
      closed: 1,
    });
    expect((await client.end()).code).toBe(1_011);
    await rest(agent, '/_sandbox/reset', 'POST');
    expect(agent.control.knobs().staleChunk).toBe(false);
    expect((await fetch(`${agent.url}/_sandbox`)).status).toBe(401);
  });
});

test('fifty conversations that begin at once are all greeted, for less than a second and a half of computing', async () => {
  const calm = await testAgent({ speed: 1 });
  await calm.control.ready();
  const url = await signedUrl(calm);
  const before = process.cpuUsage();
  const sockets = Array.from({ length: 50 }, () => new WebSocket(url, { perMessageDeflate: false }));
  let greeted = 0;
  for (const socket of sockets) {
    socket.on('open', () => socket.send('{"type":"conversation_initiation_client_data"}'));
    socket.on('message', (data) => {
      if (!String(data).startsWith('{"type":"agent_response"')) return;
      greeted += 1;
    });
  }
  await until('fifty greetings', () => greeted === 50);
  const { user, system } = process.cpuUsage(before);
  // Both ends of the sockets and the test runner included.
  expect((user + system) / 1_000).toBeLessThan(1_500);
  for (const socket of sockets) socket.terminate();
  await calm.close();
});

test('closing leaves no socket, no timer and no request behind', async () => {
  const before = process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout/.test(kind)).length;
  const own = await testAgent();
  own.control.set({ rest: { status: 'hang', times: 1, path: '/v1/convai/agents' } });
  const hanging = rest(own, '/v1/convai/agents').catch((cause: unknown) => cause);
  await until('the request to hang', () => own.control.knobs().rest === null);
  const client = await converse(own, {});
  await client.nth('agent_response');
  await own.close();
  expect((await client.end()).code).toBe(1_001);
  expect(await hanging).toBeInstanceOf(Error);
  await expect(fetch(own.url)).rejects.toThrow();
  await until('everything to be gone', () => {
    const now = process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout/.test(kind)).length;
    // `until` itself has one timer under way between its looks, none while it looks.
    return now <= before;
  });
});

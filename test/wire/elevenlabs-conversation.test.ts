/** A conversation with the agent platform over real sockets: opening, both directions of audio, words, endings. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { endingOf } from '../../src/adapters/elevenlabs/closing.ts';
import { isStale } from '../../src/adapters/elevenlabs/conversation.ts';
import { createElevenLabs } from '../../src/adapters/elevenlabs/index.ts';
import type { AgentBrief, Clock } from '../../src/app/ports.ts';
import { isFailure } from '../../src/domain/errors.ts';
import { until } from '../support/until.ts';
import {
  handClock,
  json,
  listener,
  METADATA,
  memoryLog,
  PERMITTING,
  startVendor,
  type Vendor,
  wallClock,
} from './elevenlabs-vendor.ts';

let vendor: Vendor;
beforeEach(async () => {
  vendor = await startVendor();
});
afterEach(() => vendor.close());

const BRIEF: AgentBrief = { callId: 'call_1', dynamicVariables: { lead_name: 'Ana' } };
const never = new AbortController().signal;

function adapter(clock: Clock = wallClock) {
  const log = memoryLog();
  const elevenlabs = createElevenLabs({
    apiKey: 'key_1',
    agentId: 'agent_1',
    baseUrl: vendor.baseUrl,
    webhookSecret: 'secret',
    clock,
    log,
  });
  return { ...elevenlabs, log };
}

/** Opens a conversation and hands out both of its ends; `inbox` is what the platform received. */
async function conversation(clock: Clock = wallClock, brief: AgentBrief = BRIEF) {
  const inbox: Record<string, unknown>[] = [];
  let platform: WebSocket | undefined;
  vendor.onSocket((socket) => {
    platform = socket;
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      inbox.push(message);
      if (message.type === 'conversation_initiation_client_data') socket.send(JSON.stringify(METADATA));
    });
  });
  const sink = listener();
  const { agent, log, counters } = adapter(clock);
  const session = await agent.open(brief, sink, never);
  if (!platform) throw new Error('no socket');
  const socket = platform;
  return {
    session,
    sink,
    log,
    counters,
    inbox,
    socket,
    say: (message: unknown) => socket.send(JSON.stringify(message)),
  };
}

const audioOf = (ulaw: Buffer, event_id: number) => ({
  type: 'audio',
  audio_event: { audio_base_64: ulaw.toString('base64'), event_id },
});

describe('opening', () => {
  test('asks for a signed URL with the key, sends the brief first, and resolves with the platform’s id', async () => {
    const { session, inbox } = await conversation(wallClock, {
      ...BRIEF,
      userId: 'lead_1',
      firstMessage: 'Hi Ana',
    });
    expect(session.conversationId).toBe('conv_1');
    expect(inbox[0]).toEqual({
      type: 'conversation_initiation_client_data',
      conversation_config_override: { agent: { first_message: 'Hi Ana' } },
      custom_llm_extra_body: { call_id: 'call_1' },
      dynamic_variables: { lead_name: 'Ana', call_id: 'call_1' },
      user_id: 'lead_1',
    });
    expect(vendor.seen.map((seen) => [seen.url.split('?')[0], seen.key]).sort()).toEqual([
      ['/v1/convai/agents/agent_1', 'key_1'],
      ['/v1/convai/conversation/get-signed-url', 'key_1'],
    ]);
  });

  test('leaves out what the agent does not permit, says so once, and reads the settings once for many calls', async () => {
    vendor.routes.set('/v1/convai/agents/agent_1', json({ ...PERMITTING, platform_settings: {} }));
    const first: string[] = [];
    vendor.onSocket((socket) => {
      socket.send(JSON.stringify(METADATA));
      socket.on('message', (data) => first.push(String(data)));
    });
    const { agent, log } = adapter();
    for (let call = 0; call < 3; call += 1) {
      (await agent.open({ ...BRIEF, firstMessage: 'Hi' }, listener(), never)).close();
    }
    await until('three briefs', () => first.length === 3);
    expect(first.some((text) => text.includes('override') || text.includes('extra_body'))).toBe(false);
    expect(log.lines.filter((line) => line.sentence.includes('overridden'))).toHaveLength(1);
    expect(vendor.seen.filter((seen) => seen.url.includes('/agents/'))).toHaveLength(1);
  });

  test('does without overrides when the settings cannot be read', async () => {
    vendor.routes.set('/v1/convai/agents/agent_1', json({ detail: 'no' }, 403));
    const { inbox, log } = await conversation(wallClock, { ...BRIEF, firstMessage: 'Hi' });
    expect(inbox[0]).not.toHaveProperty('conversation_config_override');
    expect(log.lines.map((line) => line.level)).toContain('warn');
  });

  test('an agent with other audio formats is refused with the settings to change, and its socket is closed', async () => {
    const metadata = structuredClone(METADATA);
    metadata.conversation_initiation_metadata_event.agent_output_audio_format = 'pcm_16000';
    vendor.onSocket((socket) => socket.send(JSON.stringify(metadata)));
    const sink = listener();
    const error = await adapter()
      .agent.open(BRIEF, sink, never)
      .catch((failure) => failure);
    expect(isFailure(error, 'config_invalid')).toBe(true);
    expect(error.message).toContain('conversation_config.tts.agent_output_audio_format is pcm_16000');
    expect(error.message).not.toContain('user_input_audio_format');
    await until('the socket to close', () => vendor.open.size === 0);
    expect(sink.endings).toEqual([]);
  });

  const signedUrl = '/v1/convai/conversation/get-signed-url';
  test.each([
    [401, { detail: { status: 'invalid_api_key' } }, {}, 'config_invalid', { reason: 'auth' }],
    [403, {}, {}, 'config_invalid', { reason: 'auth' }],
    [
      401,
      { detail: { status: 'quota_exceeded', message: 'no' } },
      {},
      'agent_unavailable',
      { reason: 'quota' },
    ],
    [402, {}, {}, 'agent_unavailable', { reason: 'quota' }],
    [404, { detail: { status: 'agent_not_found' } }, {}, 'config_invalid', { reason: 'not_found' }],
    [422, { detail: [] }, {}, 'config_invalid', { reason: 'request' }],
    [
      429,
      { detail: { status: 'too_many_concurrent_requests' } },
      { 'retry-after': '7' },
      'agent_unavailable',
      { reason: 'concurrency', retryInSec: 7 },
    ],
    [429, 'busy', {}, 'agent_unavailable', { reason: 'rate' }],
    [503, 'down', {}, 'agent_unavailable', { reason: 'server' }],
  ] as const)(
    'a signed URL refused with %i %j becomes a failure one can act on',
    async (status, body, headers, code, details) => {
      vendor.routes.set(signedUrl, json(body, status, headers));
      const error = await adapter()
        .agent.open(BRIEF, listener(), never)
        .catch((failure) => failure);
      expect(error).toMatchObject({ code, details: { ...details, status } });
      expect(vendor.open.size).toBe(0);
    },
  );

  test('one fault of the server is got over', async () => {
    const good = vendor.routes.get(signedUrl);
    let asked = 0;
    vendor.routes.set(signedUrl, (request, response) => {
      asked += 1;
      if (asked === 1) response.destroy();
      else good?.(request, response);
    });
    expect((await conversation()).session.conversationId).toBe('conv_1');
  });

  test.each([
    [401, '', 'config_invalid', 'auth'],
    [429, '', 'agent_unavailable', 'rate'],
    [503, '', 'agent_unavailable', 'server'],
  ] as const)('a handshake refused with %i is told apart', async (status, body, code, reason) => {
    vendor.refuseUpgrade(status, body);
    const error = await adapter()
      .agent.open(BRIEF, listener(), never)
      .catch((failure) => failure);
    expect(error).toMatchObject({ code, details: { reason } });
  });

  test('nobody listening is a failure that may pass', async () => {
    const signed = json({ signed_url: 'ws://127.0.0.1:1/v1/convai/conversation' });
    vendor.routes.set(signedUrl, signed);
    const error = await adapter()
      .agent.open(BRIEF, listener(), never)
      .catch((failure) => failure);
    expect(error).toMatchObject({ code: 'agent_unavailable', details: { reason: 'network' } });
  });

  test.each([
    [3008, '', 'agent_unavailable', 'refused'],
    [1002, 'This request exceeds your quota limit.', 'agent_unavailable', 'refused'],
    [1008, 'override_error', 'config_invalid', 'misconfigured'],
    [1011, '', 'agent_unavailable', 'lost'],
  ] as const)(
    'a platform that closes with %i before it confirms fails the opening',
    async (closeCode, text, code, reason) => {
      vendor.onSocket((socket) => socket.close(closeCode, text));
      const sink = listener();
      const error = await adapter()
        .agent.open(BRIEF, sink, never)
        .catch((failure) => failure);
      expect(error).toMatchObject({ code, details: { reason, closeCode } });
      expect(sink.endings).toEqual([]);
    },
  );

  test('a conversation that is refused tells its receiver nothing of what came before', async () => {
    vendor.onSocket((socket) => {
      socket.send(JSON.stringify(audioOf(randomBytes(160), 1)));
      socket.close(1011);
    });
    const sink = listener();
    await expect(adapter().agent.open(BRIEF, sink, never)).rejects.toMatchObject({
      code: 'agent_unavailable',
    });
    expect(sink.events).toEqual([]);
  });

  test('a platform that never confirms is given up in time', async () => {
    vendor.onSocket(() => {});
    const clock = handClock();
    const opening = adapter(clock)
      .agent.open(BRIEF, listener(), never)
      .catch((failure) => failure);
    await until('the socket', () => vendor.open.size === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    clock.advance(10_000);
    expect(await opening).toMatchObject({ code: 'agent_unavailable', details: { reason: 'timeout' } });
    await until('the socket to close', () => vendor.open.size === 0);
  });

  test('an abort at any stage rejects with its reason at once and leaves no socket open', async () => {
    const stages: Record<string, () => Promise<void>> = {
      'before it begins': async () => {},
      'while the signed URL is asked for': async () => {
        let asked = false;
        vendor.routes.set(signedUrl, () => {
          asked = true;
        });
        await until('the request', () => asked);
      },
      'while the platform has not confirmed': async () => {
        vendor.onSocket(() => {});
        await until('the socket', () => vendor.open.size === 1);
      },
    };
    const good = vendor.routes.get(signedUrl);
    for (const [stage, reached] of Object.entries(stages)) {
      if (good) vendor.routes.set(signedUrl, good);
      const stop = new AbortController();
      const reason = new Error(stage);
      const ready = reached();
      if (stage === 'before it begins') stop.abort(reason);
      const opening = adapter().agent.open(BRIEF, listener(), stop.signal);
      opening.catch(() => {});
      await ready;
      stop.abort(reason);
      const startedMs = performance.now();
      await expect(opening).rejects.toBe(reason);
      // The least of what it would wait for otherwise is the handshake: eight seconds.
      expect(performance.now() - startedMs).toBeLessThan(5_000);
      await until('the socket to close', () => vendor.open.size === 0);
    }
  });

  test('an abort after the opening does not end the conversation', async () => {
    const stop = new AbortController();
    const sink = listener();
    const session = await adapter().agent.open(BRIEF, sink, stop.signal);
    stop.abort(new Error('late'));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(sink.endings).toEqual([]);
    session.close();
  });

  test('what the platform sends around its confirmation waits until the session is there', async () => {
    const ulaw = randomBytes(400);
    vendor.onSocket((socket) => {
      socket.send('{"type":"user_transcript","user_transcription_event":{"user_transcript":"Hello?"}}');
      socket.send(JSON.stringify(METADATA));
      socket.send(JSON.stringify(audioOf(ulaw, 0)));
      socket.send('{"type":"agent_response","agent_response_event":{"agent_response":"Hi.","event_id":0}}');
      socket.close(1000);
    });
    const sink = listener();
    await adapter().agent.open(BRIEF, sink, never);
    expect(sink.events).toEqual([]);
    expect((await sink.ended).kind).toBe('finished');
    expect(sink.events).toEqual(['user 0: Hello?', 'audio 0', 'agent 0: Hi.']);
    expect(sink.audio[0]?.ulaw).toEqual(ulaw);
  });
});

describe('audio', () => {
  test('passes both ways unchanged, chunks of any size and order of keys', async () => {
    const { session, sink, inbox, socket, say } = await conversation();
    const sizes = [1, 159, 160, 800, 4_000, 19_200, 60_000];
    const sent = sizes.map((size) => randomBytes(size));
    sent.forEach((ulaw, index) => {
      if (index % 2) say(audioOf(ulaw, index));
      else
        socket.send(
          `{ "audio_event": {"event_id": ${index}, "audio_base_64": "${ulaw.toString('base64').replaceAll('/', index === 4 ? '\\/' : '/')}" }, "type":"audio"}`,
        );
    });
    await until('all audio', () => sink.audio.length === sizes.length);
    expect(sink.audio.map((chunk) => chunk.ulaw.equals(sent[chunk.turn] ?? Buffer.alloc(0)))).toEqual(
      sizes.map(() => true),
    );
    const frame = Buffer.from(randomBytes(160).toString('base64'));
    const again = Buffer.from(frame);
    session.hear(frame);
    frame.fill(0); // the frame is valid only during the call
    await until('the frame', () => inbox.length === 2);
    expect(inbox[1]).toEqual({ user_audio_chunk: again.toString() });
  });

  test('audio below the number an interruption names is stale; from that number on it plays', async () => {
    const { sink, say, session, log } = await conversation();
    const ulaw = randomBytes(160);
    say(audioOf(ulaw, 4));
    say({ type: 'interruption', interruption_event: { event_id: 5 } });
    say(audioOf(ulaw, 4));
    say({ type: 'interruption', interruption_event: { event_id: 2 } }); // late: brings nothing back
    say(audioOf(ulaw, 4));
    say(audioOf(ulaw, 5));
    say(audioOf(ulaw, 6));
    await until('turn 6', () => sink.events.includes('audio 6'));
    expect(sink.events).toEqual(['audio 4', 'interrupted 5', 'interrupted 5', 'audio 5', 'audio 6']);
    session.close();
    await sink.ended;
    expect(log.lines.at(-1)?.fields).toMatchObject({ staleAudio: 2, audioIn: 3 });
  });

  test('a turn is stale exactly when it is strictly below the cut', () => {
    fc.assert(fc.property(fc.integer(), fc.integer(), (turn, cut) => isStale(turn, cut) === turn < cut));
    expect(isStale(0, Number.NEGATIVE_INFINITY)).toBe(false);
  });

  test('a platform that stops reading costs the caller’s audio, counted, and in the end the session, never memory', async () => {
    const { session, sink, log, socket } = await conversation();
    socket.pause();
    const frame = Buffer.from(randomBytes(160).toString('base64'));
    let frames = 0;
    let ended = false;
    void sink.ended.then(() => {
      ended = true;
    });
    while (!ended && frames < 400_000) {
      for (let burst = 0; burst < 100; burst += 1) session.hear(frame);
      frames += 100;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await sink.ended).kind).toBe('lost');
    const last = log.lines.at(-1)?.fields as { refusedAudio: number; audioOut: number };
    expect(last.refusedAudio).toBeGreaterThanOrEqual(500);
    expect(last.audioOut).toBeGreaterThan(100);
    session.hear(frame);
  });
});

describe('words and tools', () => {
  test('transcripts, replies, corrections and tool calls arrive with their turns; pings are answered, 0 too', async () => {
    const { session, sink, inbox, say, socket, log } = await conversation();
    say({ type: 'ping', ping_event: { event_id: 0, ping_ms: null } });
    say({
      type: 'agent_response',
      agent_response_event: { agent_response: 'Hi, how are you?', event_id: 1 },
    });
    say({ type: 'user_transcript', user_transcription_event: { user_transcript: 'Stop', event_id: 2 } });
    say({
      type: 'agent_response_correction',
      agent_response_correction_event: {
        original_agent_response: 'Hi, how are you?',
        corrected_agent_response: 'Hi,',
        event_id: 1,
      },
    });
    say({ type: 'user_transcript', user_transcription_event: { user_transcript: 'no number' } });
    say({
      type: 'client_tool_call',
      client_tool_call: {
        tool_name: 'record_opt_out',
        tool_call_id: 't1',
        parameters: { words: 'stop' },
        event_id: 3,
      },
    });
    say({ type: 'vad_score', vad_score_event: { vad_score: 0.5 } });
    say({ type: 'ping', ping_event: {} });
    socket.send(Buffer.from([1, 2, 3]), { binary: true });
    say({ type: 'ping', ping_event: { event_id: 17 } });
    await until('the last ping', () => inbox.some((message) => message.event_id === 17));
    expect(inbox.slice(1)).toEqual([
      { type: 'pong', event_id: 0 },
      { type: 'pong', event_id: 17 },
    ]);
    expect(sink.events).toEqual([
      'agent 1: Hi, how are you?',
      'user 2: Stop',
      'corrected 1: Hi,',
      'user 1: no number',
      'tool record_opt_out',
    ]);
    expect(sink.tools).toEqual([{ toolCallId: 't1', name: 'record_opt_out', parameters: { words: 'stop' } }]);
    session.close();
    await sink.ended;
    expect(log.lines.at(-1)?.fields).toMatchObject({ unknown: 1, malformed: 1, binary: 1, callId: 'call_1' });
  });

  test('what the app tells the agent goes out in the platform’s words', async () => {
    const { session, inbox } = await conversation();
    session.inform('on the DNC list', 'dnc');
    session.inform('once');
    session.tell('I pressed 1');
    session.keepWaiting();
    session.answerTool('t1', '{"ok":true}', false);
    await until('all', () => inbox.length === 6);
    expect(inbox.slice(1)).toEqual([
      { type: 'contextual_update', text: 'on the DNC list', context_id: 'dnc' },
      { type: 'contextual_update', text: 'once' },
      { type: 'user_message', text: 'I pressed 1' },
      { type: 'user_activity' },
      { type: 'client_tool_result', tool_call_id: 't1', result: '{"ok":true}', is_error: false },
    ]);
  });

  test('silence of 20 s is broken by one sign of activity; whoever speaks in between puts it off', async () => {
    const clock = handClock();
    const { session, inbox } = await conversation(clock);
    clock.advance(15_000);
    session.hear(Buffer.from('AAAA'));
    clock.advance(19_000);
    await until('the audio', () => inbox.length === 2);
    clock.advance(1_000);
    await until('the sign', () => inbox.length === 3);
    expect(inbox[2]).toEqual({ type: 'user_activity' });
    clock.advance(19_999);
    session.tell('end');
    await until('the end', () => inbox.length === 4);
    expect(inbox[3]).toEqual({ type: 'user_message', text: 'end' });
  });

  test('a receiver that throws costs one message, not the call', async () => {
    const { sink, say, log, session } = await conversation();
    sink.agentAudio = () => {
      throw new Error('receiver');
    };
    say(audioOf(randomBytes(160), 1));
    say({
      type: 'user_transcript',
      user_transcription_event: { user_transcript: 'still here', event_id: 2 },
    });
    await until('the words', () => sink.events.includes('user 2: still here'));
    expect(log.lines.filter((line) => line.level === 'error')).toHaveLength(1);
    session.close();
  });

  test('garbage of every kind leaves the conversation alive', async () => {
    const { sink, say, socket, session, inbox } = await conversation();
    const garbage = fc.sample(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        fc.json().map((text) => Buffer.from(text)),
        fc
          .string()
          .map((text) =>
            Buffer.from(`{"type":"audio","audio_event":{"audio_base_64":"${text}","event_id":1}}`),
          ),
        fc
          .record({
            type: fc.constantFrom(
              'audio',
              'ping',
              'error',
              'client_tool_call',
              'interruption',
              'agent_tool_response',
            ),
            audio_event: fc.jsonValue(),
            ping_event: fc.jsonValue(),
            error_event: fc.jsonValue(),
            agent_tool_response: fc.jsonValue(),
          })
          .map((value) => Buffer.from(JSON.stringify(value))),
      ),
      1_000,
    );
    for (const payload of garbage) socket.send(payload, { binary: false });
    socket.send('['.repeat(100_000));
    say({ type: 'ping', ping_event: { event_id: 424242 } });
    await until('the ping behind the garbage', () => inbox.some((message) => message.event_id === 424242));
    expect(sink.endings).toEqual([]);
    session.close();
  });
});

describe('the end', () => {
  test('close() is an end in good order, said once', async () => {
    const { session, sink, socket, counters } = await conversation();
    const code = new Promise((resolve) => socket.on('close', resolve));
    session.close();
    session.close();
    expect(await sink.ended).toEqual({
      kind: 'finished',
      closeCode: 1000,
      meaning: 'we ended the conversation',
    });
    expect(await code).toBe(1000);
    session.tell('after the end');
    session.hear(Buffer.from('AAAA'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sink.endings).toHaveLength(1);
    expect(counters.conversations.audioOut).toBe(0);
  });

  test('an agent that hung up has finished, even when the platform leaves the closing to us or breaks off', async () => {
    const hungUp = {
      type: 'agent_tool_response',
      agent_tool_response: {
        tool_name: 'end_call',
        tool_call_id: 't',
        tool_type: 'system',
        is_error: false,
        is_called: true,
        event_id: 3,
      },
    };
    const clock = handClock();
    const left = await conversation(clock);
    left.say(hungUp);
    left.say({ type: 'ping', ping_event: { event_id: 1 } });
    await until('the pong', () => left.inbox.length === 2);
    clock.advance(5_000);
    expect(await left.sink.ended).toMatchObject({ kind: 'finished', closeCode: 1000 });

    const broken = await conversation();
    broken.say(hungUp);
    broken.say({ type: 'ping', ping_event: { event_id: 1 } });
    await until('the pong', () => broken.inbox.length === 2);
    broken.socket.terminate();
    expect(await broken.sink.ended).toMatchObject({ kind: 'finished', closeCode: 1006 });
  });

  test('a broken connection is lost; a quota error before it is refused; an error that was got over is forgotten', async () => {
    const broken = await conversation();
    broken.socket.terminate();
    expect(await broken.sink.ended).toMatchObject({ kind: 'lost', closeCode: 1006 });

    const quota = await conversation();
    quota.say({
      type: 'error',
      message: 'received 1002 (protocol error) This request exceeds your quota limit.',
    });
    quota.socket.close(1002, '');
    expect(await quota.sink.ended).toMatchObject({ kind: 'refused', closeCode: 1002 });

    const over = await conversation();
    over.say({ type: 'error', error_event: { code: 1008, error_type: 'override_error', message: 'no' } });
    over.say({ type: 'user_transcript', user_transcription_event: { user_transcript: 'yes', event_id: 2 } });
    over.socket.close(1011, '');
    expect(await over.sink.ended).toMatchObject({ kind: 'lost', closeCode: 1011 });
  });

  test('a message above 16 MB closes the conversation', async () => {
    const { sink, socket } = await conversation();
    socket.send(`{"type":"audio","x":"${'x'.repeat(17 * 1024 * 1024)}"}`);
    expect(await sink.ended).toMatchObject({ kind: 'lost', closeCode: 1009 });
  });

  const plain = { reason: '', agentHungUp: false, guardrail: false };
  test.each([
    [1000, '', 'finished'],
    [1000, 'max_duration_exceeded', 'finished'],
    [1002, 'llm_timeout', 'lost'],
    [1002, 'transport_receive_timeout', 'lost'],
    [1002, 'asyncio_timeout', 'lost'],
    [1002, 'safety_violation', 'finished'],
    [1002, 'http_exception', 'lost'],
    [1002, 'llm_error', 'lost'],
    [1002, 'custom_llm_error', 'lost'],
    [1002, 'cascade_brain_error', 'lost'],
    [1002, 'asr_transcription_error', 'lost'],
    [1002, 'vad_error', 'lost'],
    [1002, 'turn_probability_error', 'lost'],
    [1002, 'tts_cascade_error', 'lost'],
    [1002, 'redis_timeout_error', 'lost'],
    [1008, 'invalid_message', 'misconfigured'],
    [1008, 'missing_fields', 'misconfigured'],
    [1008, 'value_error', 'misconfigured'],
    [1008, 'override_error', 'misconfigured'],
    [1008, 'missing_dynamic_variable', 'misconfigured'],
    [1008, 'missing_dynamic_variable_transfer', 'misconfigured'],
    [1008, 'mcp_tool_error', 'misconfigured'],
    [1008, 'mcp_https_error', 'misconfigured'],
    [1008, 'telephony_agent_error', 'misconfigured'],
    [1011, 'unknown_websocket_crash', 'lost'],
    [1006, '', 'lost'],
    [1005, '', 'lost'],
    [1001, '', 'lost'],
    [1012, '', 'lost'],
    [3000, '', 'misconfigured'],
    [3008, '', 'refused'],
    [4999, '', 'lost'],
    [1002, 'a_type_of_next_year', 'lost'],
  ] as const)('close %i with error "%s" is %s, with its own words', (code, type, kind) => {
    const ending = endingOf({ ...plain, code, ...(type ? { error: { type, text: '' } } : {}) });
    expect(ending).toMatchObject({ kind, closeCode: code });
    expect(ending.meaning).not.toBe('');
    if (type && kind !== 'finished' && type !== 'a_type_of_next_year') {
      expect(ending.meaning).not.toBe(endingOf({ ...plain, code }).meaning);
    }
  });

  test('texts of the platform and guardrails show in the meaning', () => {
    expect(
      endingOf({
        ...plain,
        code: 1002,
        reason: 'The AI agent you are trying to reach appears to be misconfigured',
      }),
    ).toMatchObject({ kind: 'misconfigured' });
    expect(endingOf({ ...plain, code: 1000, reason: 'This request exceeds your quota limit.' }).kind).toBe(
      'refused',
    );
    expect(endingOf({ ...plain, code: 1000, guardrail: true }).meaning).toContain('guardrail');
  });
});

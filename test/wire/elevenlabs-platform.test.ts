/** The agent platform's REST side: what it remembers of a conversation, and the check of the agent's settings. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createElevenLabs } from '../../src/adapters/elevenlabs/index.ts';
import { conversationUrl } from '../../src/adapters/elevenlabs/platform.ts';
import type { Clock } from '../../src/app/ports.ts';
import { Failure } from '../../src/domain/errors.ts';
import { until } from '../support/until.ts';
import {
  handClock,
  json,
  listener,
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

const never = new AbortController().signal;
const AGENT = '/v1/convai/agents/agent_1';
const CONVERSATION = '/v1/convai/conversations/conv_1';

const adapter = (clock: Clock = wallClock, webhookSecret: string | null = 'secret') =>
  createElevenLabs({
    apiKey: 'key_1',
    agentId: 'agent_1',
    baseUrl: vendor.baseUrl,
    ...(webhookSecret === null ? {} : { webhookSecret }),
    clock,
    log: memoryLog(),
  });

const RECORD = {
  agent_id: 'agent_1',
  conversation_id: 'conv_1',
  status: 'done',
  has_audio: true,
  transcript: [
    { role: 'agent', message: 'Hi Ana', time_in_call_secs: 0, interrupted: true, tool_calls: [] },
    { role: 'user', message: 'Stop calling', time_in_call_secs: 3 },
    { role: 'agent', message: null, time_in_call_secs: 4, tool_calls: [{ tool_name: 'record_opt_out' }] },
    { role: 'tool', message: 'x', time_in_call_secs: 4 },
    { role: 'agent', message: 'Done.', time_in_call_secs: 5.5, interrupted: false },
  ],
  metadata: { start_time_unix_secs: 1, call_duration_secs: 7 },
  conversation_initiation_client_data: { dynamic_variables: { call_id: 'call_1', attempt: 2 } },
};

describe('what the platform remembers of a conversation', () => {
  test('is its words in order with their times; turns without words are left out', async () => {
    vendor.routes.set(CONVERSATION, json(RECORD));
    expect(await adapter().agent.conversation('conv_1', never)).toEqual({
      conversationId: 'conv_1',
      callId: 'call_1',
      failed: false,
      turns: [
        { role: 'agent', text: 'Hi Ana', offsetSec: 0, interrupted: true },
        { role: 'user', text: 'Stop calling', offsetSec: 3, interrupted: false },
        { role: 'agent', text: 'Done.', offsetSec: 5.5, interrupted: false },
      ],
    });
  });

  test.each(['initiated', 'in-progress', 'processing', 'a_status_of_next_year'])(
    'is pending while its status is %s',
    async (status) => {
      vendor.routes.set(CONVERSATION, json({ ...RECORD, status }));
      expect(await adapter().agent.conversation('conv_1', never)).toBe('pending');
    },
  );

  test('says when the platform itself failed, and has no call id when none was given', async () => {
    vendor.routes.set(
      CONVERSATION,
      json({ ...RECORD, status: 'failed', transcript: [], conversation_initiation_client_data: null }),
    );
    expect(await adapter().agent.conversation('conv_1', never)).toEqual({
      conversationId: 'conv_1',
      failed: true,
      turns: [],
    });
  });

  test('is absent when the platform has none of that id', async () => {
    expect(await adapter().agent.conversation('conv_9', never)).toBe('absent');
  });

  test.each([
    [json('x', 503), 'server'],
    [json({ hello: 1 }), 'protocol'],
    [json('x', 429), 'rate'],
  ] as const)('a platform that cannot say is a failure, not an absence (%#)', async (route, reason) => {
    vendor.routes.set(CONVERSATION, route);
    await expect(adapter().agent.conversation('conv_1', never)).rejects.toMatchObject({
      code: 'agent_unavailable',
      details: { reason },
    });
  });

  test('a platform that does not answer, or stops in the middle of an answer, is given up in time', async () => {
    for (const half of [false, true]) {
      let asked = false;
      vendor.routes.set(CONVERSATION, (_request, response) => {
        if (half) response.writeHead(200, { 'content-type': 'application/json' }).write('{"a":');
        asked = true;
      });
      const clock = handClock();
      const answer = adapter(clock)
        .agent.conversation('conv_1', never)
        .catch((failure) => failure);
      await until('the request', () => asked);
      await new Promise((resolve) => setTimeout(resolve, 30));
      clock.advance(15_000);
      expect(await answer).toMatchObject({ code: 'agent_unavailable', details: { reason: 'timeout' } });
    }
  });

  test('an id is one step of the path, whatever is in it', async () => {
    expect(await adapter().agent.conversation('../agents/agent_1?x=', never)).toBe('absent');
    expect(vendor.seen[0]?.url).toBe('/v1/convai/conversations/..%2Fagents%2Fagent_1%3Fx%3D');
  });
});

describe('the agent’s settings', () => {
  test('are read in advance by warm(), then at most once in 5 minutes, and refreshed behind the call’s back', async () => {
    const clock = handClock();
    const { agent, warm } = adapter(clock);
    const reads = () => vendor.seen.filter((seen) => seen.url === AGENT).length;
    await warm();
    expect(reads()).toBe(1);
    (await agent.open({ callId: 'a', dynamicVariables: {} }, listener(), never)).close();
    clock.advance(4 * 60_000);
    (await agent.open({ callId: 'b', dynamicVariables: {} }, listener(), never)).close();
    expect(reads()).toBe(1);
    clock.advance(61_000);
    vendor.routes.set(AGENT, () => {}); // never answers: the call does not wait for it
    (await agent.open({ callId: 'c', dynamicVariables: {} }, listener(), never)).close();
    await until('the refreshing', () => reads() === 2);
  });

  test('warm() of a platform that is away harms nothing', async () => {
    vendor.routes.set(AGENT, json('x', 500));
    await expect(adapter().warm()).resolves.toBeUndefined();
  });

  test('the conversation is where the signed URL says, but never in the clear when the platform is not', () => {
    const secure = 'https://api.elevenlabs.io';
    const region =
      'wss://api.eu.residency.elevenlabs.io/v1/convai/conversation?agent_id=a&conversation_signature=s%3D';
    expect(conversationUrl(region, secure)).toBe(region);
    expect(conversationUrl('http://localhost:9/x', 'http://localhost:9')).toBe('ws://localhost:9/x');
    for (const offered of [
      'ws://api.elevenlabs.io/x',
      'http://api.elevenlabs.io/x',
      'ftp://api.elevenlabs.io/x',
    ]) {
      expect(() => conversationUrl(offered, secure)).toThrow(Failure);
    }
  });
});

describe('the inspection', () => {
  test('finds nothing in an agent that is set up well', async () => {
    vendor.routes.set(AGENT, json(PERMITTING));
    expect(await adapter().inspect(never)).toEqual({ ok: true, agentName: 'Test agent', findings: [] });
  });

  test('reads tools that the agent names by id only', async () => {
    const settings = structuredClone(PERMITTING);
    const names = settings.conversation_config.agent.prompt.tools.map((tool) => tool.name);
    const { tools: _tools, ...prompt } = settings.conversation_config.agent.prompt;
    vendor.routes.set(
      AGENT,
      json({
        ...settings,
        conversation_config: {
          ...settings.conversation_config,
          agent: { prompt: { ...prompt, tool_ids: names } },
        },
      }),
    );
    for (const name of names) {
      vendor.routes.set(
        `/v1/convai/tools/${name}`,
        json({
          id: name,
          tool_config: { type: 'client', name, description: '', expects_response: name !== 'lookup_lead' },
        }),
      );
    }
    const { ok, findings } = await adapter().inspect(never);
    expect(ok).toBe(true);
    expect(findings.map((finding) => finding.setting)).toEqual(['tool lookup_lead.expects_response']);
  });

  test('names every setting of a fresh agent that would make calls fail, with what to do', async () => {
    vendor.routes.set(
      AGENT,
      json({
        agent_id: 'agent_1',
        name: 'Fresh',
        conversation_config: {
          asr: { user_input_audio_format: 'pcm_16000' },
          tts: {},
          conversation: {
            client_events: [
              'audio',
              'interruption',
              'agent_response',
              'user_transcript',
              'conversation_initiation_metadata',
              'ping',
            ],
          },
          agent: { prompt: { llm: 'custom-llm', tools: [{ type: 'webhook', name: 'record_opt_out' }] } },
        },
        platform_settings: { queueing_config: { enabled: true } },
      }),
    );
    const { ok, findings } = await adapter(wallClock, null).inspect(never);
    expect(ok).toBe(false);
    expect(findings.map((finding) => [finding.level, finding.setting, finding.found])).toEqual([
      ['error', 'conversation_config.asr.user_input_audio_format', 'pcm_16000'],
      ['error', 'conversation_config.tts.agent_output_audio_format', 'not set'],
      ['error', 'conversation_config.conversation.client_events', 'without client_tool_call'],
      [
        'warning',
        'conversation_config.conversation.client_events',
        'without agent_response_correction, agent_tool_response, guardrail_triggered',
      ],
      ['error', 'tool record_opt_out', 'of type webhook'],
      ['error', 'tool transfer_to_human', 'absent'],
      ['warning', 'tool schedule_follow_up', 'absent'],
      ['warning', 'tool lookup_lead', 'absent'],
      ['warning', 'tool look_up_knowledge', 'absent'],
      ['error', 'tool end_call', 'absent'],
      ['error', 'platform_settings.overrides.conversation_config_override.agent.first_message', 'not set'],
      ['warning', 'platform_settings.overrides.custom_llm_extra_body', 'not set'],
      ['warning', 'platform_settings.queueing_config.enabled', 'true'],
      ['warning', 'platform_settings.auth.enable_auth', 'not set'],
      ['warning', 'ELEVENLABS_WEBHOOK_SECRET', 'not set'],
    ]);
    for (const finding of findings) expect(finding.remedy.length).toBeGreaterThan(20);
  });

  test('says what to do when the agent cannot be read at all', async () => {
    vendor.routes.set(
      AGENT,
      json({ detail: { status: 'invalid_api_key', message: 'Invalid API key' } }, 401),
    );
    const refused = await adapter().inspect(never);
    expect(refused).toMatchObject({
      ok: false,
      findings: [{ level: 'error', setting: 'ELEVENLABS_API_KEY, ELEVENLABS_AGENT_ID' }],
    });
    vendor.routes.set(AGENT, json('x', 502));
    expect(await adapter().inspect(never)).toMatchObject({
      ok: false,
      findings: [{ setting: 'ELEVENLABS_BASE_URL' }],
    });
  });
});

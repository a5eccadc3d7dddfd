/** test/wire/agent: the sandbox agent as the vendor's own SDK sees it. */

import {
  AudioInterface,
  ClientTools,
  Conversation,
} from '@elevenlabs/elevenlabs-js/api/resources/conversationalAi/conversation/index.js';
import { ElevenLabsClient } from '@elevenlabs/elevenlabs-js/Client.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Agent } from '../../src/sandbox/agent/server.ts';
import { closeVoices, speak } from '../../src/sandbox/voices.ts';
import { Line, testAgent, VENDOR_TYPE, vendorCheck } from '../support/agent.ts';
import { until } from '../support/until.ts';

const SPEED = 12;

/** A telephone for the SDK: μ-law both ways. */
class Telephone extends AudioInterface {
  /** When the last of what came will have been played. */
  quietAt = 0;
  interruptions = 0;
  line: Line | undefined;
  start(input: (audio: Buffer) => void): void {
    this.line = new Line(input, speak, SPEED);
  }
  stop(): void {
    this.line?.stop();
  }
  output(audio: Buffer): void {
    this.quietAt = Math.max(performance.now(), this.quietAt) + audio.length / 8 / SPEED;
  }
  interrupt(): void {
    this.interruptions += 1;
  }
}

let agent: Agent;
let client: ElevenLabsClient;

beforeAll(async () => {
  agent = await testAgent({ speak, speed: SPEED });
  client = new ElevenLabsClient({ apiKey: agent.apiKey, baseUrl: agent.url });
});
afterAll(async () => {
  await agent.close();
  await closeVoices();
});

// The vendor's SDK keeps real time, which a starved machine does not: it may speak once more.
const REAL_TIME = { retry: 1 };

test(
  'the official SDK holds a whole conversation: greeting, answers, a tool, and the agent hangs up',
  REAL_TIME,
  async () => {
    const lines = [
      'Yes, we are thinking about selling our house this spring.',
      'It has three bedrooms and two bathrooms, and we put in a new kitchen last year.',
      'We would like to know what it is worth before we decide.',
      'Thursday at four in the afternoon would work for me.',
    ];
    // A busy machine must not turn a caller's breath into a silence that the agent asks about.
    await client.conversationalAi.agents.update(agent.agentId, {
      conversationConfig: { turn: { turnTimeout: 30 } },
    });
    await Promise.all(lines.map((text) => speak(text, 'slt')));
    const check = vendorCheck();
    const telephone = new Telephone();
    const said: string[] = [];
    const heard: string[] = [];
    const wrong: string[] = [];
    const types = new Set<string>();
    const calls: Record<string, unknown>[] = [];
    let ended: { code: number; reason: string } | undefined;
    const tools = new ClientTools();
    tools.register('schedule_follow_up', (parameters) => {
      calls.push(parameters);
      return JSON.stringify({ ok: true, id: 'follow_1' });
    });
    const conversation = new Conversation({
      client,
      agentId: agent.agentId,
      requiresAuth: true,
      audioInterface: telephone,
      clientTools: tools,
      config: {
        extraBody: {},
        conversationConfigOverride: {},
        dynamicVariables: { lead_name: 'Ana', seller_name: 'Harbor Homes', time_zone: 'America/Los_Angeles' },
      },
      callbackAgentResponse: (text) => said.push(text),
      callbackUserTranscript: (text) => heard.push(text),
      callbackMessageReceived: (message) => {
        types.add(message.type);
        const problem = check(VENDOR_TYPE[message.type] ?? '?', message);
        if (problem !== '') wrong.push(`${message.type}: ${problem}`);
      },
    });
    conversation.on('session_ended', (_id, code, reason) => {
      ended ??= { code: Number(code), reason: String(reason) };
    });
    await conversation.startSession();
    const line = await until('the line', () => telephone.line);
    for (const [i, text] of lines.entries()) {
      await until(`reply ${i + 1} of the agent`, () => said.length > i);
      // Between two of its sentences the agent may be quiet for as long as it takes to make the second.
      await until('the agent to have finished', () => performance.now() > telephone.quietAt + 500);
      await line.say(text);
    }
    const end = await until('the agent to hang up', () => ended);
    telephone.stop();
    expect(said[0]).toMatch(
      /^Hi Ana, this is an AI assistant calling for Harbor Homes\. This call is recorded/,
    );
    expect(heard).toEqual(lines);
    expect(wrong).toEqual([]);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ type: 'site_visit' });
    expect(String(calls[0]?.at)).toMatch(/^\d{4}-\d\d-\d\dT16:00:00-0[78]:00$/);
    expect(said.at(-1)).toMatch(/visit is booked.*Goodbye\.$/);
    expect(end).toEqual({ code: 1_000, reason: 'end_call tool was called.' });
    expect(types).toContain('agent_tool_response');
  },
);

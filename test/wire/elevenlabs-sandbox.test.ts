/** The adapter against the sandbox's agent: the same product code that talks to the vendor, over real sockets. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createElevenLabs, type ElevenLabs } from '../../src/adapters/elevenlabs/index.ts';
import type { PlatformConversation } from '../../src/app/ports.ts';
import { type Agent, startAgent } from '../../src/sandbox/agent/server.ts';
import { murmur } from '../support/agent.ts';
import { until } from '../support/until.ts';
import { listener, memoryLog, wallClock } from './elevenlabs-vendor.ts';

const never = new AbortController().signal;
const BRIEF = {
  callId: 'call_1',
  userId: 'lead_1',
  dynamicVariables: { lead_name: 'Ana', seller_name: 'Harbor Homes', time_zone: 'America/Los_Angeles' },
};

/** Times real time: slow enough that a busy machine does not stutter into the recogniser. */
const PACE = 8;

let sandbox: Agent;
let elevenlabs: ElevenLabs;
const reported: PlatformConversation[] = [];
const statuses: number[] = [];
let refuseFirst = false;

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', async () => {
    const { status } = await elevenlabs.door({
      async conversationReported(conversation) {
        if (refuseFirst) {
          refuseFirst = false;
          throw new Error('not now');
        }
        reported.push(conversation);
      },
    })({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(parts),
    });
    statuses.push(status);
    response.writeHead(status).end();
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  sandbox = await startAgent({
    host: '127.0.0.1',
    port: 0,
    seed: 7,
    speed: PACE,
    speak: murmur,
    webhookUrl: `http://127.0.0.1:${port}/elevenlabs/webhook`,
  });
  elevenlabs = createElevenLabs({
    apiKey: sandbox.apiKey,
    agentId: sandbox.agentId,
    baseUrl: sandbox.url,
    webhookSecret: sandbox.webhookSecret,
    clock: wallClock,
    log: memoryLog(),
  });
  await sandbox.control.ready();
});
afterAll(async () => {
  await sandbox.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  sandbox.control.reset();
});

/** A caller's side of a call: a frame every 20 ms of the sandbox's time, silence when nothing is said. */
function telephone(send: (base64: Buffer) => void) {
  const silence = Buffer.alloc(160, 0xff);
  let words = Buffer.alloc(0);
  let due = performance.now();
  const timer = setInterval(() => {
    for (; due <= performance.now(); due += 20 / PACE) {
      const frame = words.length >= 160 ? words.subarray(0, 160) : silence;
      words = words.subarray(frame === silence ? words.length : 160);
      send(Buffer.from(frame.toString('base64')));
    }
  }, 5);
  return {
    say(ulaw: Buffer) {
      words = Buffer.from(ulaw);
    },
    stop: () => clearInterval(timer),
  };
}

test('the sandbox’s agent passes the inspection without an error', async () => {
  const { ok, findings } = await elevenlabs.inspect(never);
  expect(findings.filter((finding) => finding.level === 'error')).toEqual([]);
  expect(ok).toBe(true);
});

test('a whole conversation: greeting, words, a tool, the agent hangs up, and its report comes in', async () => {
  const sink = listener();
  refuseFirst = true;
  const session = await elevenlabs.agent.open(BRIEF, sink, never);
  sink.toolCalled = (call) => {
    sink.tools.push(call);
    session.answerTool(call.toolCallId, '{"ok":true}', false);
  };
  let quietAt = 0;
  const heard = sink.agentAudio;
  sink.agentAudio = (ulaw, turn) => {
    heard(ulaw, turn);
    quietAt = Math.max(performance.now(), quietAt) + ulaw.length / 8 / PACE;
  };
  const line = telephone((base64) => session.hear(base64));
  const said = () => sink.events.filter((event) => event.startsWith('agent '));
  await until('the greeting', () => said().length > 0);
  expect(await elevenlabs.agent.conversation(session.conversationId, never)).toBe('pending');
  await until('the agent to be quiet', () => performance.now() > quietAt + 100);
  line.say(await murmur('Please take me off your list.', 'awb'));
  expect(await sink.ended).toMatchObject({ kind: 'finished', closeCode: 1000 });
  line.stop();
  expect(said()[0]).toMatch(/^agent \d+: Hi Ana, this is an AI assistant calling for Harbor Homes/);
  expect(sink.events.some((event) => /^user \d+: Please take me off your list\.$/.test(event))).toBe(true);
  expect(sink.tools.map((call) => call.name)).toContain('record_opt_out');
  expect(sink.audio.length).toBeGreaterThan(2);

  await until('the report, sent again after a 503', () => reported.length === 1);
  expect(statuses).toEqual([503, 200]);
  expect(reported[0]).toMatchObject({
    callId: 'call_1',
    conversationId: session.conversationId,
    failed: false,
  });
  expect(reported[0]?.turns.map((turn) => turn.role)).toContain('user');
  expect(await elevenlabs.agent.conversation(session.conversationId, never)).toEqual(reported[0]);
});

test('the drills of the sandbox arrive as what they mean', async () => {
  const { control } = sandbox;
  for (const [code, kind] of [
    [1000, 'finished'],
    [1008, 'misconfigured'],
    [1011, 'lost'],
    ['reset', 'lost'],
  ] as const) {
    const sink = listener();
    await elevenlabs.agent.open(BRIEF, sink, never);
    control.closeNow(code);
    expect((await sink.ended).kind).toBe(kind);
    expect(sink.endings).toHaveLength(1);
  }

  control.set({ audioFormat: 'pcm_16000' });
  await expect(elevenlabs.agent.open(BRIEF, listener(), never)).rejects.toMatchObject({
    code: 'config_invalid',
  });
  control.reset();

  control.set({ rest: { status: 503, times: 1, path: 'get-signed-url' } });
  const got = await elevenlabs.agent.open(BRIEF, listener(), never);
  got.close();

  control.set({ concurrencyLimit: 0 });
  const sink = listener();
  const refused = await elevenlabs.agent.open(BRIEF, sink, never).then(
    async () => (await sink.ended).kind,
    (failure: { details: { reason: string } }) => failure.details.reason,
  );
  expect(refused).toBe('refused');
});

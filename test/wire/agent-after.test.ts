/** test/wire/agent-after: what the vendor's SDK gets over REST, and the signed webhook after a conversation. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ElevenLabsClient } from '@elevenlabs/elevenlabs-js';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Agent } from '../../src/sandbox/agent/server.ts';
import { converse, rest, SAYS, testAgent } from '../support/agent.ts';
import { until } from '../support/until.ts';

type Letter = { body: string; header: string };

/** Fast enough for a retry after half a minute. */
const SPEED = 20;

let agent: Agent;
let client: ElevenLabsClient;
let receiver: Server;
let inbox: Letter[] = [];
let answers: number[] = [];

beforeAll(async () => {
  receiver = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      inbox.push({
        body: Buffer.concat(parts).toString(),
        header: String(request.headers['elevenlabs-signature']),
      });
      response.writeHead(answers.shift() ?? 200).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const { port } = receiver.address() as AddressInfo;
  agent = await testAgent({
    speed: SPEED,
    phrasebook: [{ text: SAYS.stop, voice: 'slt' }],
    webhookUrl: `http://127.0.0.1:${port}/elevenlabs/webhook`,
  });
  client = new ElevenLabsClient({ apiKey: agent.apiKey, baseUrl: agent.url, maxRetries: 0 });
  await agent.control.ready();
});
afterAll(async () => {
  await agent.close();
  receiver.close();
});
beforeEach(async () => {
  agent.control.reset();
  // What earlier tests caused must have come in before answers are laid out for this one.
  await until('the post to rest', async () => {
    const before = inbox.length;
    await new Promise((resolve) => setTimeout(resolve, 1_500 / SPEED));
    return inbox.length === before;
  });
  inbox = [];
  answers = [];
});

/** What came by webhook about one conversation. */
const about = (id: string) => inbox.filter((letter) => letter.body.includes(id));

/** A short conversation that ends with an opt-out; gives its id. */
async function optOut(init: object = {}): Promise<string> {
  const caller = await converse(agent, {
    user_id: 'lead_42',
    dynamic_variables: { call_id: 'c_1' },
    ...init,
  });
  caller.tools.record_opt_out = () => ({ result: '{"ok":true}', is_error: false });
  await caller.nth('agent_response');
  await caller.line.say(SAYS.stop);
  await caller.end();
  return agent.control.conversations().at(-1) ?? '';
}
/** A conversation that its caller ends at once; gives its id. */
async function brief(): Promise<string> {
  const caller = await converse(agent, {});
  await caller.nth('agent_response');
  caller.hangUp();
  return agent.control.conversations().at(-1) ?? '';
}

test('the SDK reads signed URLs, agents, lists and conversations without an error', async () => {
  const v = client.conversationalAi;
  const { signedUrl } = await v.conversations.getSignedUrl({ agentId: agent.agentId });
  expect(signedUrl).toMatch(/^ws:\/\/.*agent_id=.*conversation_signature=cvtkn_/);
  expect((await v.conversations.getWebrtcToken({ agentId: agent.agentId })).token).toMatch(/^cvtkn_/);
  const found = await v.agents.get(agent.agentId);
  expect(found.conversationConfig.tts?.agentOutputAudioFormat).toBe('ulaw_8000');
  expect(found.conversationConfig.asr?.userInputAudioFormat).toBe('ulaw_8000');
  expect(found.conversationConfig.conversation?.clientEvents).toContain('agent_response_correction');
  expect(found.platformSettings?.auth?.enableAuth).toBe(true);
  const { agentId } = await v.agents.create({
    name: 'Second',
    conversationConfig: { agent: { firstMessage: 'Hi' } },
  });
  await v.agents.update(agentId, { name: 'Renamed', conversationConfig: { turn: { turnTimeout: 9 } } });
  const renamed = await v.agents.get(agentId);
  expect([
    renamed.name,
    renamed.conversationConfig.agent?.firstMessage,
    renamed.conversationConfig.turn?.turnTimeout,
  ]).toEqual(['Renamed', 'Hi', 9]);
  expect((await v.agents.list()).agents.map((row) => row.name)).toEqual(['Sandbox qualifier', 'Renamed']);
  await v.agents.delete(agentId);
  await expect(v.agents.get(agentId)).rejects.toMatchObject({ statusCode: 404 });
  expect(await v.phoneNumbers.list()).toEqual([]);
  expect((await v.analytics.liveCount.get()).count).toBe(0);
});

test('a conversation becomes an object with its words, tools, times and audio, and then a signed webhook', async () => {
  const id = await optOut();
  expect((await client.conversationalAi.conversations.get(id)).status).toBe('processing');
  const letter = await until('the webhook', () => about(id)[0]);
  const event = await client.webhooks.constructEvent(letter.body, letter.header, agent.webhookSecret);
  expect(event).toMatchObject({
    type: 'post_call_transcription',
    data: { conversation_id: id, status: 'done' },
  });
  expect(event.data.conversation_initiation_client_data.dynamic_variables.call_id).toBe('c_1');
  await expect(
    client.webhooks.constructEvent(`${letter.body} `, letter.header, agent.webhookSecret),
  ).rejects.toThrow();
  const found = await client.conversationalAi.conversations.get(id);
  expect(found).toMatchObject({
    status: 'done',
    userId: 'lead_42',
    hasUserAudio: true,
    hasResponseAudio: true,
  });
  expect(found.metadata).toMatchObject({ terminationReason: 'end_call tool was called.' });
  expect(found.analysis?.callSuccessful).toBe('success');
  const said = found.transcript.map((entry) => [entry.role, entry.message ?? entry.toolCalls?.[0]?.toolName]);
  expect(said).toContainEqual(['user', SAYS.stop]);
  expect(said).toContainEqual(['agent', 'record_opt_out']);
  expect(said.at(-1)).toEqual(['agent', 'end_call']);
  const times = found.transcript.map((entry) => entry.timeInCallSecs);
  expect(times.every((time) => time >= 0 && time < 60)).toBe(true);
  const audio = await rest(agent, `/v1/convai/conversations/${id}/audio`);
  expect(audio.headers.get('content-type')).toBe('audio/wav');
  const wav = Buffer.from(await audio.arrayBuffer());
  expect([wav.toString('latin1', 0, 4), wav.readUInt16LE(22), wav.readUInt32LE(24)]).toEqual([
    'RIFF',
    2,
    8_000,
  ]);
  expect(wav.length / 32_000).toBeGreaterThan(found.metadata.callDurationSecs * 0.5);
  await client.conversationalAi.conversations.delete(id);
  await expect(client.conversationalAi.conversations.get(id)).rejects.toMatchObject({ statusCode: 404 });
});

test('conversations are listed newest first, in pages, and filtered', async () => {
  const ids = [await brief(), await brief(), await brief()].reverse();
  const v = client.conversationalAi.conversations;
  const first = await v.list({ agentId: agent.agentId, pageSize: 2 });
  expect(first.conversations.map((row) => row.conversationId)).toEqual(ids.slice(0, 2));
  expect(first.hasMore).toBe(true);
  const second = await v.list({
    agentId: agent.agentId,
    pageSize: 2,
    ...(first.nextCursor && { cursor: first.nextCursor }),
  });
  expect(second.conversations[0]?.conversationId).toBe(ids[2]);
  expect((await v.list({ agentId: 'agent_other' })).conversations).toEqual([]);
  expect((await v.list({ userId: 'nobody' })).conversations).toEqual([]);
  expect((await v.list({ callStartAfterUnix: Math.floor(Date.now() / 1_000) + 60 })).conversations).toEqual(
    [],
  );
});

test('a wrong key, an unknown thing and a bad body are refused in the vendor’s words', async () => {
  const stranger = await fetch(`${agent.url}/v1/convai/agents`, { headers: { 'xi-api-key': 'wrong' } });
  expect([stranger.status, await stranger.json()]).toEqual([
    401,
    { detail: { status: 'invalid_api_key', message: 'Invalid API key' } },
  ]);
  const missing = await rest(agent, '/v1/convai/conversations/conv_x');
  expect([missing.status, await missing.json()]).toMatchObject([
    404,
    { detail: { status: 'conversation_not_found' } },
  ]);
  const bad = await rest(agent, `/v1/convai/agents/${agent.agentId}`, 'PATCH', {
    conversation_config: { tts: { agent_output_audio_format: 'mp3' } },
  });
  expect([bad.status, await bad.json()]).toMatchObject([
    422,
    { detail: [{ loc: ['body', 'conversation_config', 'tts', 'agent_output_audio_format'] }] },
  ]);
  const broken = await fetch(`${agent.url}/v1/convai/agents/create`, {
    method: 'POST',
    headers: { 'xi-api-key': agent.apiKey, 'content-type': 'application/json' },
    body: '{',
  });
  expect(broken.status).toBe(400);
});

test.each([429, 500, 503] as const)('the next REST requests can be made to fail with %i', async (status) => {
  agent.control.set({ rest: { status, times: 2, path: 'get-signed-url' } });
  const ask = async () =>
    (await rest(agent, `/v1/convai/conversation/get-signed-url?agent_id=${agent.agentId}`)).status;
  expect((await rest(agent, '/v1/convai/agents')).status).toBe(200);
  expect([await ask(), await ask(), await ask()]).toEqual([status, status, 200]);
});

test('a webhook that is not taken is sent again, byte for byte, and one that is refused is not', async () => {
  answers = [503, 200];
  const again = await brief();
  const attempts = () => agent.control.deliveries().filter((d) => d.conversationId === again);
  await until('the second attempt', () => attempts().length === 2);
  expect(attempts()).toMatchObject([
    { attempt: 1, status: 503 },
    { attempt: 2, status: 200 },
  ]);
  expect(about(again)[1]).toEqual(about(again)[0]);
  answers = [403];
  const refused = await brief();
  await until('the refusal', () => agent.control.deliveries().some((d) => d.conversationId === refused));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(about(refused)).toHaveLength(1);
});

test('a webhook can be doubled, badly signed, slow, late or lost', async () => {
  agent.control.set({ webhook: { duplicate: true, badSignature: true, slowMs: 50 } });
  const doubled = await brief();
  await until('two webhooks', () => about(doubled).length === 2);
  const [{ body, header } = { body: '', header: '' }, second] = about(doubled);
  expect(second).toEqual({ body, header });
  await expect(client.webhooks.constructEvent(body, header, agent.webhookSecret)).rejects.toThrow(
    'Signature hash',
  );
  agent.control.reset();
  agent.control.set({ webhook: { delayMs: 3_000 } });
  const started = performance.now();
  const late = await brief();
  await until('the late one', () => about(late)[0]);
  expect(performance.now() - started).toBeGreaterThan(3_000 / SPEED);
  agent.control.set({ webhook: { drop: true } });
  const lost = await brief();
  await until(
    'it to be dropped',
    () => agent.control.deliveries().find((d) => d.conversationId === lost)?.status === 'dropped',
  );
  expect(about(lost)).toEqual([]);
});

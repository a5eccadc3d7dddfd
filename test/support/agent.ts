/**
 * test/support/agent: callers and ears for tests of the sandbox agent: a telephone line that sends a frame every
 * 20 ms of the agent's time, and validators made from the vendor's own published types.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import { test as base } from 'vitest';
import { WebSocket } from 'ws';
import { type Agent, type AgentOptions, startAgent } from '../../src/sandbox/agent/server.ts';
import { FRAME_BYTES, ULAW_SILENCE } from '../../src/sandbox/audio.ts';
import { speak, type VoiceName } from '../../src/sandbox/voices.ts';
import { until } from './until.ts';

/** Eight times real time keeps whole conversations short enough for a test. */
export const SPEED = 8;

/** An agent on a free port that murmurs, unless it is given another voice. */
export async function testAgent(options: Partial<AgentOptions> = {}): Promise<Agent> {
  return startAgent({ host: '127.0.0.1', port: 0, seed: 7, speed: SPEED, speak: murmur, ...options });
}

export type Voice = (text: string, voice: VoiceName) => Promise<Buffer>;

/** A telephone line: frames of silence, or of what was put on it, at the agent's pace. */
export class Line {
  readonly #send: (audio: Buffer) => void;
  readonly #voice: Voice;
  readonly #timer: NodeJS.Timeout;
  #queue: Buffer[] = [];
  #due = performance.now();
  readonly #speed: number;
  /** The share of frames that is lost on the way, by a fixed pattern. */
  loss = 0;
  /** How many frames go into one message. */
  framesPerMessage = 2;
  #count = 0;
  #held: Buffer[] = [];

  constructor(send: (audio: Buffer) => void, voice: Voice = speak, speed: number = SPEED) {
    this.#send = send;
    this.#voice = voice;
    this.#speed = speed;
    this.#timer = setInterval(() => this.#pump(), 5);
  }

  /** Says a line; resolves when its last frame is out. */
  async say(text: string, voice: VoiceName = 'slt', share = 1): Promise<void> {
    const audio = await this.#voice(text, voice);
    const end = Math.floor((audio.length / FRAME_BYTES) * share) * FRAME_BYTES;
    for (let at = 0; at < end; at += FRAME_BYTES) this.#queue.push(audio.subarray(at, at + FRAME_BYTES));
    await until('the line to be said', () => this.#queue.length === 0);
  }

  /** Puts raw audio on the line, in whole frames. */
  async play(audio: Buffer): Promise<void> {
    for (let at = 0; at < audio.length; at += FRAME_BYTES)
      this.#queue.push(audio.subarray(at, at + FRAME_BYTES));
    await until('the audio to be played', () => this.#queue.length === 0);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #pump(): void {
    for (; this.#due <= performance.now(); this.#due += 20 / this.#speed) {
      const frame = this.#queue.shift() ?? Buffer.alloc(FRAME_BYTES, ULAW_SILENCE);
      this.#count += 1;
      if (((this.#count * 7_919) % 1_000) / 1_000 < this.loss) continue;
      this.#held.push(frame);
      if (this.#held.length >= this.framesPerMessage) this.#send(Buffer.concat(this.#held.splice(0)));
    }
  }
}

type Message = Record<string, unknown> & { type: string };

/** A bare client of the conversation socket that keeps everything it gets. */
export class Client {
  readonly socket: WebSocket;
  readonly messages: Message[] = [];
  readonly line: Line;
  closed: { code: number; reason: string } | undefined;
  failed: string | undefined;
  pong = true;
  /** When the last of the agent's audio will have been played, as performance.now(). */
  quietAt = 0;
  /** Bytes of audio got, by event_id. */
  readonly audio = new Map<number, number>();
  /** Answers of tools by name; a tool that is not here is not answered. */
  tools: Record<string, (parameters: Record<string, unknown>) => { result: string; is_error: boolean }> = {};

  constructor(url: string, init: object | null, voice: Voice = murmur, speed: number = SPEED) {
    this.socket = new WebSocket(url, { perMessageDeflate: false });
    this.line = new Line((audio) => this.send({ user_audio_chunk: audio.toString('base64') }), voice, speed);
    this.socket.on('open', () => {
      if (init !== null) this.send({ type: 'conversation_initiation_client_data', ...init });
    });
    this.socket.on('message', (data) => this.#take(JSON.parse(String(data)) as Message));
    this.socket.on('error', (cause) => {
      this.failed = cause.message;
    });
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
      this.line.stop();
    });
  }

  send(message: object): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** The payload objects of all messages of a type so far. */
  all(type: string): Record<string, unknown>[] {
    return this.messages
      .filter((message) => message.type === type)
      .map(({ type: _, ...rest }) => (Object.values(rest)[0] ?? {}) as Record<string, unknown>);
  }

  /** Waits for the nth (from 1) message of a type and gives its payload object. */
  async nth(type: string, n = 1): Promise<Record<string, unknown>> {
    return until(`${type} number ${n}`, () => this.all(type)[n - 1]);
  }

  async end(): Promise<{ code: number; reason: string }> {
    return until('the socket to close', () => this.closed);
  }

  /** Waits until the agent has said its nth turn to the end. */
  async spoken(n: number): Promise<string> {
    const { agent_response: text } = await this.nth('agent_response', n);
    let before = this.quietAt;
    await until('the agent to have finished', () => {
      const settled = performance.now() > this.quietAt + 30 && before === this.quietAt;
      before = this.quietAt;
      return settled;
    });
    return String(text);
  }

  hangUp(): void {
    this.line.stop();
    this.socket.close(1_000);
  }

  #take(message: Message): void {
    this.messages.push(message);
    if (message.type === 'audio') {
      const { audio_base_64: sound, event_id: id } = message.audio_event as {
        audio_base_64: string;
        event_id: number;
      };
      const bytes = Buffer.byteLength(sound, 'base64');
      this.quietAt = Math.max(performance.now(), this.quietAt) + bytes / 8 / SPEED;
      this.audio.set(id, (this.audio.get(id) ?? 0) + bytes);
    }
    if (message.type === 'interruption') this.quietAt = performance.now();
    if (message.type === 'ping' && this.pong) {
      const { event_id } = message.ping_event as { event_id: number };
      this.send({ type: 'pong', event_id });
    }
    if (message.type === 'client_tool_call') {
      const call = message.client_tool_call as {
        tool_name: string;
        tool_call_id: string;
        parameters: Record<string, unknown>;
      };
      const answer = this.tools[call.tool_name]?.(call.parameters);
      if (answer !== undefined)
        this.send({ type: 'client_tool_result', tool_call_id: call.tool_call_id, ...answer });
    }
  }
}

/** A signed URL, fetched as a program without an SDK would. */
export async function signedUrl(agent: Agent, query = ''): Promise<string> {
  const response = await rest(
    agent,
    `/v1/convai/conversation/get-signed-url?agent_id=${agent.agentId}${query}`,
  );
  return ((await response.json()) as { signed_url: string }).signed_url;
}

export function rest(agent: Agent, path: string, method = 'GET', body?: unknown): Promise<Response> {
  return fetch(`${agent.url}${path}`, {
    method,
    headers: { 'xi-api-key': agent.apiKey, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** Opens a conversation with a signed URL and this init message (null: none is sent). */
export async function converse(agent: Agent, init: object | null = {}): Promise<Client> {
  return new Client(await signedUrl(agent), init);
}

type Schema = Record<string, unknown>;

/**
 * Reads the vendor's generated TypeScript types (`@elevenlabs/types`, made from their AsyncAPI document) into JSON
 * schemas, and gives a check for one named type: '' when a value fits, else what is wrong. The generated file knows
 * interfaces with simple members, and unions; anything else in it is an error here, so that a new version of the
 * types cannot weaken the check unseen. Unknown members are refused.
 */
export function vendorCheck(): (type: string, value: unknown) => string {
  const entry = createRequire(import.meta.url).resolve('@elevenlabs/types');
  const source = readFileSync(
    new URL('../../generated/types/asyncapi-types.ts', `file://${entry}`),
    'utf8',
  ).replace(/\/\*[\s\S]*?\*\//g, '');
  const definitions: Record<string, Schema> = {};
  for (const [, name = '', body = ''] of source.matchAll(/export interface (\w+) \{([^}]*)\}/g)) {
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    for (const member of body.split(';')) {
      if (member.trim() === '') continue;
      const [, key = '', optional, type = ''] = /^\s*(\w+)(\?)?:([\s\S]+)$/.exec(member) ?? [];
      if (key === '') throw new Error(`cannot read a member of ${name}: ${member}`);
      properties[key] = schemaOf(type);
      if (optional === undefined) required.push(key);
    }
    definitions[name] = { type: 'object', properties, required, additionalProperties: false };
  }
  for (const [, name = '', type = ''] of source.matchAll(/export type (\w+) =([^;]+);/g))
    definitions[name] = schemaOf(type);
  if (Object.keys(definitions).length < 100) throw new Error('the vendor types were not read');
  const ajv = new Ajv({ allErrors: true, strict: false });
  ajv.addSchema({ $id: 'vendor', definitions });
  return (type, value) => {
    if (definitions[type] === undefined) return `the vendor has no type ${type}`;
    const validate = ajv.getSchema(`vendor#/definitions/${type}`);
    if (validate === undefined) return `no schema for ${type}`;
    return validate(value) ? '' : ajv.errorsText(validate.errors);
  };
}

function schemaOf(type: string): Schema {
  const parts = type
    .split('|')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length > 1) return { anyOf: parts.map(schemaOf) };
  const [part = ''] = parts;
  if (part.endsWith('[]')) return { type: 'array', items: schemaOf(part.slice(0, -2)) };
  if (/^".*"$/.test(part)) return { const: part.slice(1, -1) };
  if (/^\d+$/.test(part)) return { const: Number(part) };
  if (part === 'string' || part === 'number' || part === 'boolean' || part === 'null') return { type: part };
  if (part === 'Record<string, any>') return { type: 'object' };
  if (/^\w+$/.test(part)) return { $ref: `#/definitions/${part}` };
  throw new Error(`cannot read the vendor's type ${part}`);
}

/** The vendor's type of each message the sandbox agent sends. */
export const VENDOR_TYPE: Readonly<Record<string, string>> = {
  audio: 'Audio',
  agent_response: 'AgentResponse',
  agent_response_correction: 'AgentResponseCorrection',
  agent_tool_request: 'AgentToolRequestMessage',
  agent_tool_response: 'AgentToolResponseMessage',
  client_tool_call: 'ClientToolCallMessage',
  conversation_initiation_metadata: 'ConversationMetadata',
  error: 'ErrorMessage',
  interruption: 'Interruption',
  ping: 'Ping',
  tentative_user_transcript: 'TentativeUserTranscript',
  user_transcript: 'UserTranscript',
};

const murmurs = new Map<string, Buffer>();

/**
 * A voice that costs nothing: noise made from the text, half a second and 40 ms a letter. As distinct and as
 * repeatable as a real one, which is all that the recogniser asks for.
 */
export async function murmur(text: string, voice: VoiceName): Promise<Buffer> {
  const key = `${voice} ${text}`;
  const known = murmurs.get(key);
  if (known !== undefined) return known;
  let state = 0x811c9dc5;
  for (const letter of key) state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193) >>> 0;
  const audio = Buffer.alloc((25 + 2 * text.length) * FRAME_BYTES, ULAW_SILENCE);
  for (let i = 2 * FRAME_BYTES; i < audio.length - 2 * FRAME_BYTES; i += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    audio[i] = 0x10 + ((state >>> 16) & 0x2f) + ((state >>> 30) & 1) * 0x80;
  }
  murmurs.set(key, audio);
  return audio;
}

const VARIABLES = { lead_name: 'Ana', seller_name: 'Harbor Homes', time_zone: 'America/New_York' };
/** What the callers of these tests say; the scene's agent has been taught it. */
export const SAYS = {
  interested: 'Yes, we want to sell our house this spring.',
  roof: 'The roof is old and it needs some repairs, but otherwise it is fine.',
  stop: 'Please take me off your list.',
  person: 'I want to speak to a real person, please.',
  source: 'Wait, wait. How did you get my number?',
} as const;

/** Some forty seconds of murmur. */
const LONG_GREETING = `Hi {{lead_name}}, this is an AI assistant.${' This call is recorded, and there is much to say.'.repeat(18)}`;

type Scene = {
  readonly agent: Agent;
  /** Opens a conversation that ends with the test. */
  readonly call: (init?: object | null) => Promise<Client>;
  /** PATCHes the agent. */
  readonly configure: (body: object) => Promise<Response>;
  /** Lets callers interrupt the greeting, which becomes long enough for it. */
  readonly interruptible: () => Promise<Response>;
};

/** Every test has an agent of its own, so that they can run side by side. */
const sceneAt = (speed: number, turnTimeoutSecs: number) =>
  base.extend<{ scene: Scene }>({
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads what a fixture needs from this pattern.
    scene: async ({}, use) => {
      const agent = await testAgent({
        speed,
        phrasebook: Object.values(SAYS).map((text) => ({ text, voice: 'slt' })),
      });
      await agent.control.ready();
      const open: Client[] = [];
      const configure = (body: object) => rest(agent, `/v1/convai/agents/${agent.agentId}`, 'PATCH', body);
      await configure({ conversation_config: { turn: { turn_timeout: turnTimeoutSecs } } });
      await use({
        agent,
        configure,
        interruptible: () =>
          configure({
            conversation_config: {
              agent: { disable_first_message_interruptions: false, first_message: LONG_GREETING },
            },
          }),
        async call(init = { dynamic_variables: VARIABLES }) {
          const client = await converse(agent, init);
          open.push(client);
          return client;
        },
      });
      for (const client of open) client.hangUp();
      await agent.close();
    },
  });
/** Its agent is patient: a busy machine must not turn a caller's breath into a silence that it asks about. */
export const sceneTest = sceneAt(SPEED, 30);
/** For what takes a minute of the agent's time. */
export const hastyTest = sceneAt(40, 7);

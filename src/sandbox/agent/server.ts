/**
 * sandbox/agent/server: ElevenLabs for people without an account. The part of the vendor's REST API and the
 * conversation socket that a telephone bridge uses (elevenlabs.md §1, §4, §5), over real sockets, so that the
 * product's own adapters and the vendor's SDK talk to it unchanged. Beside it, under `/_sandbox`, everything that
 * can go wrong can be made to.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import express, { type Request, type Response } from 'express';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { allCallerLines } from '../callers.ts';
import { speak as speakWithFlite, type VoiceName } from '../voices.ts';
import { Conversation } from './conversation.ts';
import { Phrasebook } from './hearing.ts';
import { AgentSettings, CALM, CloseCode, Knobs } from './protocol.ts';
import {
  Archive,
  ConversationRecord,
  conversationObject,
  conversationRow,
  type Delivery,
  type LoggedMessage,
  Postman,
} from './transcripts.ts';

const TICK_MS = 20;
const SHORTEST_TICK_MS = 1;
/** How long a stopping agent waits for the other sides to answer its close frames. */
const FAREWELL_MS = 300;
const URL_VALID_MS = 15 * 60_000;
const AFTERMATH_MS = 1_000;
const SOCKET_PATH = '/v1/convai/conversation';
const MAX_PAYLOAD = 16 * 1024 * 1024;
const AGENT_LIMIT = 1_000;

export type Line = { readonly text: string; readonly voice: VoiceName };

export type AgentOptions = {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** The same seed chooses the same phrases and chunk sizes. */
  readonly seed: number;
  readonly apiKey?: string;
  readonly agentId?: string;
  /** Signs the post-call webhook (§5.2). */
  readonly webhookSecret?: string;
  readonly webhookUrl?: string;
  /** How many times faster than real time its clock runs: playback, timeouts, retries; not the caller's audio. */
  readonly speed?: number;
  readonly speak?: typeof speakWithFlite;
  /** How the agent hangs up: the vendor's own tool, or a client tool that tells the outcome. `system` by default. */
  readonly endCall?: 'system' | 'client';
  /** Lines to recognise beside those of the sandbox's callers. */
  readonly phrasebook?: readonly Line[];
};

/** A change of some knobs; those of the webhook may be changed one by one. */
export type KnobChange = Partial<Omit<Knobs, 'webhook'>> & { readonly webhook?: Partial<Knobs['webhook']> };

/** The hands on the machine, as functions; `/_sandbox` offers the same over HTTP. */
export type AgentControl = {
  knobs(): Knobs;
  set(change: KnobChange): Knobs;
  reset(): Knobs;
  /** Closes one or all running conversations with a code, or by a TCP reset; says how many. */
  closeNow(code: CloseCode, conversationId?: string): number;
  /** Ids, oldest first. */
  conversations(): string[];
  /** What went over a conversation's socket, without the caller's audio. */
  messages(conversationId: string): readonly LoggedMessage[];
  deliveries(): readonly Delivery[];
  sendWebhooksTo(url: string | undefined): void;
  /** Teaches the recogniser more lines; resolves when it knows them. */
  learn(lines: readonly Line[]): Promise<void>;
  /** Resolves when all lines given at the start are known. */
  ready(): Promise<void>;
};

export type Agent = {
  /** http://host:port, what `ELEVENLABS_BASE_URL` is set to. */
  readonly url: string;
  readonly apiKey: string;
  readonly agentId: string;
  readonly webhookSecret: string;
  readonly control: AgentControl;
  /** Ends every conversation, request and timer. */
  close(): Promise<void>;
};

type StoredAgent = {
  readonly id: string;
  body: Record<string, unknown>;
  readonly createdAtSecs: number;
  updatedAtSecs: number;
};

const Change = Knobs.partial().extend({ webhook: Knobs.shape.webhook.partial().optional() });
const CloseRequest = z.strictObject({ code: CloseCode, conversation_id: z.string().optional() });
const WebhookTarget = z.strictObject({ url: z.url().nullable() });
const Lines = z.array(
  z.strictObject({
    text: z.string().min(1).max(1_000),
    voice: z.enum(['slt', 'rms', 'awb', 'kal', 'kal16']),
  }),
);

/** Starts the agent. Resolves when it listens; the recogniser learns its lines in the background meanwhile. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { seed, speed = 1, speak = speakWithFlite } = options;
  const apiKey = options.apiKey ?? `sk_${randomBytes(24).toString('hex')}`;
  const agentId = options.agentId ?? `agent_${randomBytes(13).toString('hex')}`;
  const webhookSecret = options.webhookSecret ?? `wsec_${randomBytes(32).toString('hex')}`;
  const signingKey = randomBytes(32);
  const startedAt = performance.now();
  const now = () => (performance.now() - startedAt) * speed;

  let knobs: Knobs = CALM;
  const book = new Phrasebook();
  const archive = new Archive();
  const postman = new Postman(options.webhookUrl, webhookSecret, () => knobs);
  const agents = new Map<string, StoredAgent>();
  const live = new Set<Conversation>();
  const finishing: { record: ConversationRecord; report: boolean; dueMs: number }[] = [];
  const usedSignatures = new Map<string, number>();
  let unlearned = 0;
  let opened = 0;
  addAgent(agentId, defaultAgent(options.endCall ?? 'system'));

  const control: AgentControl = {
    knobs: () => knobs,
    set(change) {
      const { webhook, ...rest } = Change.parse(change);
      knobs = Knobs.parse({
        ...knobs,
        ...definedOf(rest),
        webhook: { ...knobs.webhook, ...definedOf(webhook ?? {}) },
      });
      return knobs;
    },
    reset() {
      knobs = CALM;
      return knobs;
    },
    closeNow(code, conversationId) {
      const chosen = [...live].filter(
        (one) => conversationId === undefined || one.record.id === conversationId,
      );
      for (const one of chosen) one.end(code, 'closed by a drill');
      return chosen.length;
    },
    conversations: () =>
      archive
        .all()
        .map((record) => record.id)
        .reverse(),
    messages: (id) => archive.get(id)?.messages ?? [],
    deliveries: () => postman.deliveries,
    sendWebhooksTo(url) {
      postman.url = url;
    },
    async learn(lines) {
      await Promise.all(
        lines.map(async ({ text, voice }) => {
          try {
            book.learn(text, voice, await speak(text, voice, 'idle'));
          } catch {
            unlearned += 1;
          }
        }),
      );
    },
    ready: () => learned,
  };
  const learned = control.learn([...allCallerLines(), ...(options.phrasebook ?? [])]);

  function addAgent(id: string, body: Record<string, unknown>): StoredAgent {
    const seconds = Math.floor(Date.now() / 1_000);
    const agent: StoredAgent = { id, body, createdAtSecs: seconds, updatedAtSecs: seconds };
    agents.set(id, agent);
    return agent;
  }

  // --- signed URLs (§1.1): valid for a start within 15 minutes; with a conversation id, for one start only ---

  function sign(agent: string, conversationId: string | undefined): string {
    const claims = {
      agent,
      until: Date.now() + URL_VALID_MS,
      ...(conversationId && { conversation: conversationId }),
    };
    const body = Buffer.from(JSON.stringify({ ...claims, salt: randomBytes(6).toString('hex') })).toString(
      'base64url',
    );
    return `cvtkn_${body}.${createHmac('sha256', signingKey).update(body).digest('base64url')}`;
  }

  function redeem(token: string, agent: string): { readonly conversation: string | undefined } | undefined {
    const [body = '', mac = ''] = token.replace(/^cvtkn_/, '').split('.');
    const expected = createHmac('sha256', signingKey).update(body).digest();
    const given = Buffer.from(mac, 'base64url');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    const claims = Claims.parse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')));
    const moment = Date.now();
    if (claims.agent !== agent || claims.until < moment || usedSignatures.has(token)) return undefined;
    for (const [old, until] of usedSignatures) if (until < moment) usedSignatures.delete(old);
    if (claims.conversation !== undefined) usedSignatures.set(token, claims.until);
    return { conversation: claims.conversation };
  }

  // --- the socket ---

  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_PAYLOAD,
    handleProtocols: (offered) => (offered.has('convai') ? 'convai' : false),
  });

  function upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', () => stream.destroy());
    const url = new URL(request.url ?? '/', 'http://agent');
    const agent = agents.get(url.searchParams.get('agent_id') ?? '');
    if (url.pathname !== SOCKET_PATH) return turnAway(stream, 404, 'Not Found');
    if (agent === undefined) return turnAway(stream, 404, 'Agent Not Found');
    const settings = AgentSettings.parse(agent.body);
    const token = url.searchParams.get('conversation_signature');
    const admitted = token === null ? undefined : redeem(token, agent.id);
    if (admitted === undefined && (token !== null || settings.platform_settings.auth.enable_auth))
      return turnAway(stream, 403, 'Forbidden');
    const id = admitted?.conversation ?? conversationId();
    sockets.handleUpgrade(request, stream, head, (socket) => hold(socket, request, agent, settings, id));
  }

  function hold(
    socket: WebSocket,
    request: IncomingMessage,
    agent: StoredAgent,
    settings: AgentSettings,
    id: string,
  ): void {
    // The close event follows every error, and is what ends a conversation.
    socket.on('error', () => undefined);
    const own = settings.platform_settings.call_limits.agent_concurrency_limit;
    const limit = Math.min(
      knobs.concurrencyLimit ?? Number.POSITIVE_INFINITY,
      own < 0 ? Number.POSITIVE_INFINITY : own,
    );
    if (live.size >= limit) return socket.close(3_008, 'too many concurrent connections');
    const record = new ConversationRecord(id, agent.id, nameOf(agent), Date.now());
    archive.add(record);
    opened += 1;
    const conversation = new Conversation({
      socket,
      reset: () => request.socket.resetAndDestroy(),
      record,
      settings,
      knobs: () => knobs,
      book,
      speak,
      seed: seed + opened,
      now,
      unixMs: Date.now,
    });
    live.add(conversation);
    socket.on('message', (data, isBinary) =>
      conversation.message(isBinary ? '' : Buffer.isBuffer(data) ? data.toString('utf8') : ''),
    );
    socket.on('close', (code) => conversation.gone(code));
    if (knobs.quotaExceeded) return conversation.refuseForQuota();
    if (knobs.closeAt !== null) {
      const { code, atMs, conversations } = knobs.closeAt;
      conversation.closeLater(code, atMs);
      knobs = {
        ...knobs,
        closeAt: conversations > 1 ? { code, atMs, conversations: conversations - 1 } : null,
      };
    }
  }

  // --- one tick for everything that waits ---

  function tick(): void {
    const moment = now();
    for (const conversation of live) {
      conversation.tick(moment);
      if (!conversation.over) continue;
      live.delete(conversation);
      finishing.push({
        record: conversation.record,
        report: conversation.started,
        dueMs: moment + AFTERMATH_MS,
      });
    }
    for (let due = finishing[0]; due !== undefined && due.dueMs <= moment; due = finishing[0]) {
      finishing.shift();
      if (due.record.status === 'processing') due.record.status = 'done';
      if (due.report) postman.post(due.record, moment, Date.now());
    }
    postman.tick(moment);
  }
  const stopTicking = every(Math.max(SHORTEST_TICK_MS, TICK_MS / speed), tick);

  // --- REST ---

  const app = express();
  app.disable('x-powered-by');
  app.use((request, response, next) => {
    if (request.header('xi-api-key') === apiKey) return next();
    refuse(response, 401, 'invalid_api_key', 'Invalid API key');
  });
  app.use('/v1', (request, response, next) => {
    const fault = knobs.rest;
    if (fault === null || !request.originalUrl.includes(fault.path)) return next();
    knobs = { ...knobs, rest: fault.times > 1 ? { ...fault, times: fault.times - 1 } : null };
    if (fault.status === 'hang') return;
    const busy = fault.status === 429;
    refuse(
      response,
      fault.status,
      busy ? 'system_busy' : 'internal_error',
      busy ? 'Try again later.' : 'Server error',
    );
  });
  app.use(express.json({ limit: '2mb' }));

  app.get('/v1/convai/conversation/get-signed-url', (request, response) => {
    const agent = findAgent(text(request.query.agent_id), response);
    if (agent === undefined) return;
    const id = text(request.query.include_conversation_id) === 'true' ? conversationId() : undefined;
    const query = new URLSearchParams({ agent_id: agent.id, conversation_signature: sign(agent.id, id) });
    response.json({
      signed_url: `ws://${request.headers.host}${SOCKET_PATH}?${query}`,
      ...(id !== undefined && { conversation_id: id }),
    });
  });
  app.get('/v1/convai/conversation/token', (request, response) => {
    const agent = findAgent(text(request.query.agent_id), response);
    if (agent === undefined) return;
    const id = conversationId();
    response.json({ token: sign(agent.id, id), conversation_id: id });
  });

  app.post('/v1/convai/agents/create', (request, response) => {
    const body = Body.safeParse(request.body);
    const problem = body.success ? AgentSettings.safeParse(body.data).error : body.error;
    if (!body.success || problem !== undefined) return invalid(response, problem);
    if (agents.size >= AGENT_LIMIT) return refuse(response, 400, 'agent_limit', 'Too many agents.');
    const agent = addAgent(`agent_${randomBytes(13).toString('hex')}`, { name: 'New agent', ...body.data });
    response.json({ agent_id: agent.id });
  });
  app.get('/v1/convai/agents', (request, response) => {
    const search = text(request.query.search)?.toLowerCase() ?? '';
    const rows = [...agents.values()].filter((agent) => nameOf(agent).toLowerCase().includes(search));
    const page = pageOf(rows, (agent) => agent.id, request);
    response.json({
      agents: page.rows.map((agent) => ({
        agent_id: agent.id,
        name: nameOf(agent),
        voice_id: AgentSettings.parse(agent.body).conversation_config.tts.voice_id,
        tags: tagsOf(agent),
        created_at_unix_secs: agent.createdAtSecs,
        access_info: {
          is_creator: true,
          creator_name: 'Sandbox',
          creator_email: 'sandbox@example.com',
          role: 'admin',
        },
        last_call_time_unix_secs: null,
        archived: false,
      })),
      next_cursor: page.next,
      has_more: page.next !== null,
    });
  });
  app.get('/v1/convai/agents/:id', (request, response) => {
    const agent = findAgent(request.params.id, response);
    if (agent !== undefined) response.json(agentObject(agent));
  });
  app.patch('/v1/convai/agents/:id', (request, response) => {
    const agent = findAgent(request.params.id, response);
    if (agent === undefined) return;
    const change = Body.safeParse(request.body);
    if (!change.success) return invalid(response, change.error);
    const body = merged(agent.body, change.data);
    const settings = AgentSettings.safeParse(body);
    if (!settings.success) return invalid(response, settings.error);
    agent.body = body;
    agent.updatedAtSecs = Math.floor(Date.now() / 1_000);
    response.json(agentObject(agent));
  });
  app.delete('/v1/convai/agents/:id', (request, response) => {
    const agent = findAgent(request.params.id, response);
    if (agent === undefined) return;
    agents.delete(agent.id);
    response.status(200).json({});
  });

  app.get('/v1/convai/conversations', (request, response) => {
    const page = pageOf(archive.all().filter(filterOf(request)), (record) => record.id, request);
    response.json({
      conversations: page.rows.map(conversationRow),
      next_cursor: page.next,
      has_more: page.next !== null,
    });
  });
  app.get('/v1/convai/conversations/:id', (request, response) => {
    const record = findConversation(request, response);
    if (record !== undefined) response.json(conversationObject(record));
  });
  app.delete('/v1/convai/conversations/:id', (request, response) => {
    const record = findConversation(request, response);
    if (record === undefined) return;
    archive.delete(record.id);
    response.json({});
  });
  app.get('/v1/convai/conversations/:id/audio', (request, response) => {
    const record = findConversation(request, response);
    if (record === undefined) return;
    if (!record.sound.hasUser && !record.sound.hasAgent)
      return refuse(response, 404, 'conversation_audio_not_found', 'This conversation has no audio.');
    response.type('audio/wav').send(record.sound.wav());
  });
  app.get('/v1/convai/analytics/live-count', (request, response) => {
    const wanted = text(request.query.agent_id);
    response.json({
      count: [...live].filter((one) => wanted === undefined || one.record.agentId === wanted).length,
    });
  });
  app.get('/v1/convai/phone-numbers', (_request, response) => {
    response.json([]);
  });

  // --- drills ---

  app.get('/_sandbox', (_request, response) => {
    response.json({
      knobs,
      live: [...live].map((one) => one.record.id),
      phrasebook: { known: book.size, failed: unlearned },
      webhook_url: postman.url ?? null,
      deliveries: postman.deliveries,
    });
  });
  app.patch('/_sandbox/knobs', (request, response) => {
    const change = Change.safeParse(request.body);
    if (!change.success) return invalid(response, change.error);
    response.json(control.set(definedOf(change.data) as KnobChange));
  });
  app.post('/_sandbox/reset', (_request, response) => {
    response.json(control.reset());
  });
  app.post('/_sandbox/close', (request, response) => {
    const wanted = CloseRequest.safeParse(request.body);
    if (!wanted.success) return invalid(response, wanted.error);
    response.json({ closed: control.closeNow(wanted.data.code, wanted.data.conversation_id) });
  });
  app.post('/_sandbox/webhook', (request, response) => {
    const wanted = WebhookTarget.safeParse(request.body);
    if (!wanted.success) return invalid(response, wanted.error);
    control.sendWebhooksTo(wanted.data.url ?? undefined);
    response.json({});
  });
  app.post('/_sandbox/phrasebook', async (request, response) => {
    const lines = Lines.safeParse(request.body);
    if (!lines.success) return invalid(response, lines.error);
    await control.learn(lines.data);
    response.json({ known: book.size });
  });
  app.get('/_sandbox/conversations/:id/messages', (request, response) => {
    const record = findConversation(request, response);
    if (record !== undefined) response.json({ messages: record.messages, received: record.received });
  });

  app.use((_request, response) => refuse(response, 404, 'not_found', 'Not Found'));
  app.use((cause: unknown, _request: Request, response: Response, _next: express.NextFunction) => {
    const status = z.looseObject({ status: z.int() }).safeParse(cause).data?.status ?? 500;
    refuse(
      response,
      status,
      status < 500 ? 'invalid_request' : 'internal_error',
      status < 500 ? 'Bad request' : 'Server error',
    );
  });

  function findAgent(id: string | undefined, response: Response): StoredAgent | undefined {
    const agent = agents.get(id ?? '');
    if (agent === undefined)
      refuse(response, 404, 'document_not_found', `Document with id ${id ?? ''} not found.`);
    return agent;
  }
  function findConversation(
    request: Request<{ id: string }>,
    response: Response,
  ): ConversationRecord | undefined {
    const record = archive.get(request.params.id);
    if (record === undefined)
      refuse(response, 404, 'conversation_not_found', `Conversation with id ${request.params.id} not found.`);
    return record;
  }

  const server = createServer(app);
  server.on('upgrade', upgrade);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((cause: unknown) => {
    stopTicking();
    throw cause;
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;

  return {
    url: `http://${host}:${port}`,
    apiKey,
    agentId,
    webhookSecret,
    control,
    async close() {
      stopTicking();
      for (const conversation of live) conversation.end(1_001, 'the sandbox stops');
      await goodbyes(sockets);
      for (const socket of sockets.clients) socket.terminate();
      await postman.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

const Claims = z.object({ agent: z.string(), until: z.number(), conversation: z.string().optional() });
const Body = z.record(z.string(), z.unknown());

/** Resolves when every socket has finished its closing handshake, or when they had time enough for it. */
async function goodbyes(sockets: WebSocketServer): Promise<void> {
  const closed = new AbortController();
  const all = [...sockets.clients].map(
    (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
  );
  const patience = sleep(FAREWELL_MS, undefined, { signal: closed.signal }).catch(() => undefined);
  await Promise.race([Promise.all(all), patience]);
  closed.abort();
}

function conversationId(): string {
  return `conv_${randomBytes(13).toString('hex')}`;
}

/** Runs `work` at a fixed rate that does not drift; work that fell behind by a second is not made up for. */
function every(periodMs: number, work: () => void): () => void {
  let due = performance.now() + periodMs;
  let timer = setTimeout(run, periodMs);
  function run(): void {
    const moment = performance.now();
    due = Math.max(due, moment - 1_000) + periodMs;
    timer = setTimeout(run, Math.max(0, due - moment));
    work();
  }
  return () => clearTimeout(timer);
}

/** An error in the vendor's shape. */
function refuse(response: Response, httpStatus: number, status: string, message: string): void {
  response.status(httpStatus).json({ detail: { status, message } });
}

/** A body that was not understood, in the shape of the vendor's validation errors. */
function invalid(response: Response, problem: z.ZodError | undefined): void {
  const detail = problem?.issues.map(({ path, message, code }) => ({
    loc: ['body', ...path],
    msg: message,
    type: code,
  }));
  response.status(422).json({ detail: detail ?? [] });
}

function turnAway(stream: Duplex, status: number, message: string): void {
  const body = JSON.stringify({ detail: { status: message.toLowerCase().replaceAll(' ', '_'), message } });
  stream.end(
    `HTTP/1.1 ${status} ${message}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => stream.destroy(),
  );
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function definedOf(object: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** PATCH: objects are merged, everything else is replaced. */
function merged(old: Record<string, unknown>, change: Record<string, unknown>): Record<string, unknown> {
  const out = { ...old };
  for (const [key, value] of Object.entries(change)) {
    const before = Body.safeParse(old[key]);
    const after = Body.safeParse(value);
    out[key] = before.success && after.success ? merged(before.data, after.data) : value;
  }
  return out;
}

function nameOf(agent: StoredAgent): string {
  return text(agent.body.name) ?? 'Unnamed agent';
}
function tagsOf(agent: StoredAgent): string[] {
  return z.array(z.string()).safeParse(agent.body.tags).data ?? [];
}

/** `GET /v1/convai/agents/{id}`. */
function agentObject(agent: StoredAgent) {
  return {
    ...agent.body,
    agent_id: agent.id,
    name: nameOf(agent),
    tags: tagsOf(agent),
    metadata: { created_at_unix_secs: agent.createdAtSecs, updated_at_unix_secs: agent.updatedAtSecs },
    phone_numbers: [],
  };
}

/** One page of a list: `page_size` (30, at most 100) rows after `cursor`. */
function pageOf<T>(rows: readonly T[], id: (row: T) => string, request: Request) {
  const size = Math.max(1, Math.min(100, Number(text(request.query.page_size) ?? 30) || 30));
  const cursor = text(request.query.cursor);
  const after = cursor === undefined ? -1 : rows.findIndex((row) => id(row) === cursor);
  const page = rows.slice(after + 1, after + 1 + size);
  const last = page.at(-1);
  const more = after + 1 + size < rows.length && last !== undefined;
  return { rows: page, next: more ? id(last) : null };
}

/** The filters of the conversation list that a reconciling product uses. */
function filterOf({ query }: Request): (record: ConversationRecord) => boolean {
  const list = (value: unknown) => (Array.isArray(value) ? value.map(String) : text(value)?.split(',')) ?? [];
  const number = (value: unknown) => (text(value) === undefined ? undefined : Number(value));
  const agentId = text(query.agent_id);
  const userId = text(query.user_id);
  const after = number(query.call_start_after_unix) ?? Number.NEGATIVE_INFINITY;
  const before = number(query.call_start_before_unix) ?? Number.POSITIVE_INFINITY;
  const shortest = number(query.call_duration_min_secs) ?? Number.NEGATIVE_INFINITY;
  const longest = number(query.call_duration_max_secs) ?? Number.POSITIVE_INFINITY;
  const outcome = text(query.call_successful);
  const excluded = list(query.exclude_statuses);
  const reasons = list(query.termination_reasons);
  const variables = list(query.dynamic_variable_params);
  return (record) => {
    const seconds = record.startedAtMs / 1_000;
    const known = Body.safeParse(record.initiation.dynamic_variables).data ?? {};
    return (
      (agentId === undefined || record.agentId === agentId) &&
      (userId === undefined || record.userId === userId) &&
      seconds >= after &&
      seconds <= before &&
      record.durationSecs >= shortest &&
      record.durationSecs <= longest &&
      (outcome === undefined || conversationRow(record).call_successful === outcome) &&
      !excluded.includes(record.status) &&
      (reasons.length === 0 || reasons.includes(record.terminationReason)) &&
      variables.every((pair) => {
        const at = pair.indexOf(':');
        return String(known[pair.slice(0, at)] ?? '') === pair.slice(at + 1);
      })
    );
  };
}

/** The agent that is there from the start, set up as a telephone bridge needs it (§2, §4.1). */
function defaultAgent(hangsUp: 'system' | 'client'): Record<string, unknown> {
  const property = (type: string, description: string) => ({ type, description });
  const tool = (
    name: string,
    description: string,
    properties: Record<string, unknown>,
    required: string[],
  ) => ({
    type: 'client',
    name,
    description,
    expects_response: true,
    response_timeout_secs: 20,
    parameters: { type: 'object', properties, required },
  });
  const builtIn = {
    type: 'system',
    name: 'end_call',
    description: '',
    params: { system_tool_type: 'end_call' },
  };
  const endCall =
    hangsUp === 'system'
      ? builtIn
      : tool(
          'end_call',
          'The conversation is over: hangs up after the last words.',
          {
            reason: property('string', 'Why'),
            outcome: property('string', 'not_interested, wrong_number, callback, qualified or voicemail'),
          },
          ['reason'],
        );
  return {
    name: 'Sandbox qualifier',
    tags: ['sandbox'],
    conversation_config: {
      asr: { provider: 'sandbox', user_input_audio_format: 'ulaw_8000', keywords: [] },
      tts: { model_id: 'flite', voice_id: 'sandbox_slt', agent_output_audio_format: 'ulaw_8000', speed: 1 },
      turn: { turn_timeout: 7, silence_end_call_timeout: -1, turn_eagerness: 'normal', mode: 'turn' },
      conversation: {
        text_only: false,
        max_duration_seconds: 600,
        client_events: [
          'conversation_initiation_metadata',
          'ping',
          'audio',
          'interruption',
          'user_transcript',
          'agent_response',
          'agent_response_correction',
          'client_tool_call',
          'agent_tool_response',
        ],
      },
      agent: {
        first_message:
          'Hi {{lead_name}}, this is an AI assistant calling for {{seller_name}}. This call is recorded, and you can ' +
          'say stop calling at any time to be taken off our list. I am calling about your property. ' +
          'May I ask what has you thinking about selling?',
        language: 'en',
        disable_first_message_interruptions: true,
        dynamic_variables: {
          dynamic_variable_placeholders: {
            lead_name: 'there',
            seller_name: 'the company you contacted',
            recovery_summary: '',
            web_journey: 'none',
            time_zone: 'America/New_York',
          },
        },
        prompt: {
          prompt:
            'You are the AI assistant of {{seller_name}}. Find out why, in what condition, how soon and for how much ' +
            '{{lead_name}} may want to sell, and propose a visit. A request not to be called is recorded at once. ' +
            'What they looked at on the website before: {{web_journey}}.',
          llm: 'sandbox',
          tools: [
            endCall,
            tool(
              'record_opt_out',
              'The caller does not want to be called again.',
              {
                reason: property('string', 'Why'),
                quote: property('string', 'Their words'),
                channel: property('string', 'all, voice, sms or email'),
              },
              ['reason'],
            ),
            tool(
              'schedule_follow_up',
              'Something was agreed for a time.',
              {
                type: property('string', 'site_visit, callback or send_email'),
                at: property('string', 'ISO 8601 with offset'),
                notes: property('string', 'What was said'),
              },
              ['type', 'at'],
            ),
            tool(
              'transfer_to_human',
              'The caller wants to speak with a person.',
              { reason: property('string', 'Why'), summary: property('string', 'What is known so far') },
              ['reason'],
            ),
            tool(
              'lookup_lead',
              'What is known about the person called.',
              { question: property('string', 'What is asked for') },
              [],
            ),
            tool(
              'look_up_knowledge',
              'What to answer to an objection or a question about how we buy houses.',
              {
                topic: property('string', 'What it is about'),
                said: property('string', 'What the person said'),
              },
              [],
            ),
          ],
          ...(hangsUp === 'system' ? { built_in_tools: { end_call: builtIn } } : {}),
        },
      },
    },
    platform_settings: {
      auth: { enable_auth: true, allowlist: [] },
      call_limits: { agent_concurrency_limit: -1, daily_limit: 100_000, bursting_enabled: false },
      queueing_config: { enabled: false },
      overrides: {
        custom_llm_extra_body: true,
        enable_conversation_initiation_client_data_from_webhook: false,
        conversation_config_override: {
          agent: { first_message: true, language: true, prompt: { prompt: true, llm: false } },
          tts: { voice_id: false, speed: false, stability: false, similarity_boost: false },
          conversation: { text_only: false },
        },
      },
      privacy: { record_voice: true, retention_days: -1 },
    },
  };
}

/** The vendor as the tests need it: its REST paths and its socket on a real port, every answer in the test's hand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { AgentEnding, AgentSink, Cancel, Clock, Log, LogFields } from '../../src/app/ports.ts';

export const PERMITTING = {
  agent_id: 'agent_1',
  name: 'Test agent',
  metadata: {},
  conversation_config: {
    asr: { user_input_audio_format: 'ulaw_8000' },
    tts: { agent_output_audio_format: 'ulaw_8000' },
    conversation: {
      client_events: [
        'conversation_initiation_metadata',
        'audio',
        'interruption',
        'ping',
        'user_transcript',
        'agent_response',
        'agent_response_correction',
        'client_tool_call',
        'agent_tool_response',
        'guardrail_triggered',
      ],
    },
    agent: {
      prompt: {
        llm: 'custom-llm',
        built_in_tools: { end_call: { name: 'end_call', params: { system_tool_type: 'end_call' } } },
        tools: [
          'record_opt_out',
          'schedule_follow_up',
          'transfer_to_human',
          'lookup_lead',
          'look_up_knowledge',
        ].map((name) => ({
          type: 'client',
          name,
          description: '',
          expects_response: true,
        })),
      },
    },
  },
  platform_settings: {
    auth: { enable_auth: true },
    queueing_config: { enabled: false },
    overrides: {
      custom_llm_extra_body: true,
      conversation_config_override: { agent: { first_message: true } },
    },
  },
};

export type Route = (request: IncomingMessage, response: ServerResponse) => void;

export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Route =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };

export interface Vendor {
  readonly baseUrl: string;
  /** By path without query. */
  readonly routes: Map<string, Route>;
  readonly seen: { url: string; key: string | undefined }[];
  /** What a new conversation does; the default confirms with μ-law both ways. */
  onSocket(handler: (socket: WebSocket, request: IncomingMessage) => void): void;
  /** Answers the next upgrade with plain HTTP. */
  refuseUpgrade(status: number, body: string): void;
  /** Sockets of conversations that are open. */
  readonly open: Set<WebSocket>;
  close(): Promise<void>;
}

export const METADATA = {
  type: 'conversation_initiation_metadata',
  conversation_initiation_metadata_event: {
    conversation_id: 'conv_1',
    agent_output_audio_format: 'ulaw_8000',
    user_input_audio_format: 'ulaw_8000',
  },
};

export async function startVendor(): Promise<Vendor> {
  let handler = (socket: WebSocket, _request: IncomingMessage) => socket.send(JSON.stringify(METADATA));
  let refusal: { status: number; body: string } | undefined;
  const routes = new Map<string, Route>();
  const seen: Vendor['seen'] = [];
  const open = new Set<WebSocket>();
  const raw = new Set<Socket>();
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    seen.push({ url, key: request.headers['xi-api-key']?.toString() });
    const route = routes.get(url.split('?')[0] ?? '');
    if (route) route(request, response);
    else json({ detail: { status: 'not_found', message: 'nothing here' } }, 404)(request, response);
  });
  server.on('connection', (socket) => {
    raw.add(socket);
    socket.on('close', () => raw.delete(socket));
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    if (refusal) {
      const { status, body } = refusal;
      refusal = undefined;
      socket.end(
        `HTTP/1.1 ${status} No\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      open.add(ws);
      ws.on('close', () => open.delete(ws));
      ws.on('error', () => {});
      handler(ws, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  routes.set(
    '/v1/convai/conversation/get-signed-url',
    json({
      signed_url: `ws://127.0.0.1:${port}/v1/convai/conversation?agent_id=agent_1&conversation_signature=s`,
    }),
  );
  routes.set('/v1/convai/agents/agent_1', json(PERMITTING));
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    routes,
    seen,
    open,
    onSocket(next) {
      handler = next;
    },
    refuseUpgrade(status, body) {
      refusal = { status, body };
    },
    close() {
      for (const socket of raw) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A clock whose delays pass only when the test says so. */
export interface HandClock extends Clock {
  advance(ms: number): void;
}

export function handClock(startMs = 1_800_000_000_000): HandClock {
  let now = 0;
  const tasks = new Set<{ atMs: number; task: () => void }>();
  const clock: HandClock = {
    nowMs: () => startMs + now,
    steadyMs: () => now,
    after(delayMs, task): Cancel {
      const entry = { atMs: now + delayMs, task };
      tasks.add(entry);
      return () => tasks.delete(entry);
    },
    everyFrame: () => () => {},
    sleep(delayMs, signal) {
      return new Promise((resolve, reject) => {
        const cancel = clock.after(delayMs, resolve);
        signal?.addEventListener('abort', () => {
          cancel();
          reject(signal.reason);
        });
      });
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const due = [...tasks].filter((entry) => entry.atMs <= end).sort((a, b) => a.atMs - b.atMs)[0];
        if (!due) break;
        tasks.delete(due);
        now = Math.max(now, due.atMs);
        due.task();
      }
      now = end;
    },
  };
  return clock;
}

export const wallClock: Clock = {
  nowMs: () => Date.now(),
  steadyMs: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  everyFrame: () => () => {},
  sleep(delayMs, signal) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, delayMs);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
  },
};

export interface MemoryLog extends Log {
  readonly lines: { level: string; fields: LogFields; sentence: string }[];
}

export function memoryLog(): MemoryLog {
  const lines: MemoryLog['lines'] = [];
  const at = (level: string) => (fields: LogFields, sentence: string) =>
    lines.push({ level, fields, sentence });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export interface Heard extends AgentSink {
  readonly events: string[];
  readonly audio: { ulaw: Buffer; turn: number }[];
  readonly tools: { toolCallId: string; name: string; parameters: Record<string, unknown> }[];
  readonly endings: AgentEnding[];
  ended: Promise<AgentEnding>;
}

export function listener(): Heard {
  const events: string[] = [];
  const audio: Heard['audio'] = [];
  const tools: Heard['tools'] = [];
  const endings: AgentEnding[] = [];
  let end: (ending: AgentEnding) => void = () => {};
  const ended = new Promise<AgentEnding>((resolve) => {
    end = resolve;
  });
  return {
    events,
    audio,
    tools,
    endings,
    ended,
    agentAudio(ulaw, turn) {
      events.push(`audio ${turn}`);
      audio.push({ ulaw, turn });
    },
    interrupted: (turn) => events.push(`interrupted ${turn}`),
    said: (role, text, turn) => events.push(`${role} ${turn}: ${text}`),
    corrected: (turn, text) => events.push(`corrected ${turn}: ${text}`),
    toolCalled(call) {
      events.push(`tool ${call.name}`);
      tools.push(call);
    },
    agentEnded(ending) {
      endings.push(ending);
      end(ending);
    },
  };
}

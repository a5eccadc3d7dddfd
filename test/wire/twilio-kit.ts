/** test/wire/twilio-kit: a clock turned by hand, a log that remembers, a carrier's REST API of one socket, an adapter over them. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import { createTwilio, type TwilioParts } from '../../src/adapters/twilio/index.ts';
import { parseForm } from '../../src/adapters/twilio/webhooks.ts';
import type { CarrierInlet, Clock, Ids, Log, LogFields, VendorReply } from '../../src/app/ports.ts';

export const ACCOUNT = `AC${'a'.repeat(32)}`;
export const TOKEN = 'the-auth-token';
export const PUBLIC = 'https://app.test';
export const CALL_ID = '0123456789abcdef01234567';
export const CALL_SID = `CA${'0123456789abcdef'.repeat(2)}`;
export const OURS = '+12065550100';
export const THEIRS = '+12065550123';
export const NEVER = new AbortController().signal;

export function handClock(startMs = Date.UTC(2026, 10, 3, 18)) {
  let nowMs = startMs;
  let timers: { atMs: number; task: () => void }[] = [];
  const after = (delayMs: number, task: () => void) => {
    const timer = { atMs: nowMs + delayMs, task };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  };
  const clock: Clock = {
    nowMs: () => nowMs,
    steadyMs: () => nowMs - startMs,
    after,
    everyFrame: () => () => {},
    sleep: (delayMs, signal) =>
      new Promise((resolve, reject) => {
        const stop = () => {
          cancel();
          reject(signal?.reason);
        };
        const cancel = after(delayMs, () => {
          signal?.removeEventListener('abort', stop);
          resolve();
        });
        signal?.addEventListener('abort', stop);
      }),
  };
  return {
    clock,
    turn(ms: number) {
      nowMs += ms;
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { task } of due) task();
    },
    waiting: () => timers.length,
  };
}

export function memoryLog() {
  const lines: { level: string; fields: LogFields; sentence: string }[] = [];
  const at = (level: string) => (fields: LogFields, sentence: string) => {
    lines.push({ level, fields, sentence });
  };
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { log, lines };
}

export function countingIds(): Ids {
  let count = 0;
  return {
    objectId: () => (count++).toString(16).padStart(24, '0'),
    token: () => `token-${count++}`.padEnd(43, 'x'),
  };
}

export function adapter(changes: Partial<TwilioParts> = {}) {
  const hand = handClock();
  const memory = memoryLog();
  const twilio = createTwilio({
    accountSid: ACCOUNT,
    authToken: TOKEN,
    numbers: [OURS],
    publicBaseUrl: PUBLIC,
    clock: hand.clock,
    ids: countingIds(),
    log: memory.log,
    ...changes,
  });
  return { ...twilio, ...hand, lines: memory.lines };
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly form: URLSearchParams;
}

/** A REST API that answers what the test says, over a real socket, and counts what it was asked. */
export async function restStub(answer: (seen: SeenRequest, response: ServerResponse) => void) {
  const seen: SeenRequest[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '', 'http://stub');
    const one: SeenRequest = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      form: new URLSearchParams(Buffer.concat(chunks).toString('utf8')),
    };
    seen.push(one);
    answer(one, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** A call as the REST API describes it. */
export const resource = (changes: Record<string, unknown> = {}) => ({
  sid: CALL_SID,
  account_sid: ACCOUNT,
  status: 'queued',
  direction: 'outbound-api',
  to: THEIRS,
  from: OURS,
  date_created: 'Tue, 03 Nov 2026 18:00:00 +0000',
  duration: null,
  ...changes,
});

/** An inlet that notes every call of it and gives the quietest answer. */
export function noteInlet(changes: Partial<CarrierInlet> = {}) {
  const calls: unknown[][] = [];
  const noted =
    <A extends unknown[], R>(name: string, result: R) =>
    async (...given: A): Promise<R> => {
      calls.push([name, ...given]);
      return result;
    };
  const inlet: CarrierInlet = {
    inbound: noted('inbound', { kind: 'connect', callId: CALL_ID } as const),
    answered: noted('answered', { kind: 'connect' } as const),
    status: noted('status', undefined),
    machine: noted('machine', undefined),
    recording: noted('recording', undefined),
    streamOpened: () => true,
    streamTrouble: noted('streamTrouble', undefined),
    afterStream: noted('afterStream', { kind: 'hang_up' } as const),
    message: noted('message', {}),
    delivery: noted('delivery', undefined),
    ...changes,
  };
  return { inlet, calls };
}

export interface Knock {
  readonly method?: string;
  readonly url: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
  /** Undefined: the right one; null: none. */
  readonly signature?: string | null;
  readonly publicUrl?: string;
}

/** Sends a request as Twilio does, signed over the public URL unless the test says otherwise. */
export function knock(
  door: ReturnType<ReturnType<typeof createTwilio>['door']>,
  { method = 'POST', url, body = '', headers = {}, signature, publicUrl = PUBLIC + url }: Knock,
): Promise<VendorReply> {
  const form = method === 'POST' ? parseForm(body) : {};
  const right = getExpectedTwilioSignature(TOKEN, publicUrl, form);
  return door({
    method,
    url,
    headers: {
      ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
      ...(signature === null ? {} : { 'x-twilio-signature': signature ?? right }),
      ...headers,
    },
    body: Buffer.from(body),
  });
}

export const formOf = (fields: Record<string, string>) => new URLSearchParams(fields).toString();

export interface Verb {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly children: Verb[];
  text: string;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const unescapeXml = (text: string) =>
  text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (all, hex, decimal, name) =>
    name
      ? (ENTITIES[name] ?? all)
      : String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number.parseInt(decimal, 10)),
  );

/** Reads TwiML back; throws on a document that is not well-formed or whose root is not Response. */
export function readTwiml(xml: string | undefined): Verb[] {
  const root: Verb = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const rest = (xml ?? '')
    .replace(/^<\?xml[^?]*\?>/, '')
    .replace(
      /<(\/?)(\w+)((?:\s+\w+="[^"<]*")*)\s*(\/?)>|([^<]+)/g,
      (_, closing: string, name: string, attributes: string, empty: string, text: string | undefined) => {
        const top = open.at(-1);
        if (!top) throw new Error('closed too often');
        if (text !== undefined) {
          top.text += unescapeXml(text);
        } else if (closing) {
          if (open.pop()?.name !== name) throw new Error(`</${name}> closes nothing`);
        } else {
          const verb: Verb = {
            name,
            attributes: Object.fromEntries(
              [...attributes.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [
                key,
                unescapeXml(value ?? ''),
              ]),
            ),
            children: [],
            text: '',
          };
          top.children.push(verb);
          if (!empty) open.push(verb);
        }
        return '';
      },
    );
  const [response] = root.children;
  if (rest !== '' || open.length !== 1 || response?.name !== 'Response' || root.children.length !== 1)
    throw new Error(`not TwiML: ${xml}`);
  return response.children;
}

/**
 * test/support/carrier: a sandbox carrier on free ports, the official SDK pointed at it, and a small product on the
 * other side: an HTTP server that answers TwiML and writes down every request with the verdict on its signature, and
 * a WebSocket end that can play the agent.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import twilio from 'twilio';
import type WebSocket from 'ws';
import { WebSocketServer } from 'ws';
import { encodeUlaw, FRAME_BYTES, isSpeech } from '../../src/sandbox/audio.ts';
import type { CallerScript } from '../../src/sandbox/callers.ts';
import { type Carrier, type CarrierOptions, startCarrier } from '../../src/sandbox/carrier/server.ts';

export const ACCOUNT_SID = `AC${'0123456789abcdef'.repeat(2)}`;
export const AUTH_TOKEN = 'sandbox-token-for-tests';
export const OURS = '+15550100100';

/** Speech for tests: a rising tone whose pitch and length hang on the text; 10 ms a character, no two frames alike. */
export async function toneSpeak(text: string): Promise<Buffer> {
  const frames = Math.max(5, Math.ceil(text.length / 2));
  const hertz = 300 + ([...text].reduce((sum, char) => sum + char.charCodeAt(0), 0) % 40) * 20;
  const phase = (second: number) => 2 * Math.PI * second * (hertz + 37 * second);
  return encodeUlaw(
    Int16Array.from({ length: frames * FRAME_BYTES }, (_, i) => 8000 * Math.sin(phase(i / 8000))),
  );
}

/** So many 20 ms frames of a sine. */
export function sine(frames: number, hertz = 440): Buffer {
  return encodeUlaw(
    Int16Array.from(
      { length: frames * FRAME_BYTES },
      (_, i) => 8000 * Math.sin((2 * Math.PI * hertz * i) / 8000),
    ),
  );
}

type Seen = {
  readonly method: string;
  readonly path: string;
  readonly url: string;
  readonly params: Record<string, string>;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly signed: boolean;
};

type Answer = {
  status?: number;
  type?: string | undefined;
  body?: string;
  delayMs?: number;
  destroy?: boolean;
  location?: string;
};

export type MediaSocket = {
  readonly socket: WebSocket;
  readonly signed: boolean;
  readonly path: string;
  readonly messages: Record<string, unknown>[];
  readonly start: () => { streamSid: string; callSid: string; customParameters: Record<string, string> };
  closeCode: number | undefined;
  send(message: unknown): void;
  play(ulaw: Buffer): void;
  mark(name: string): void;
  clear(): void;
  events(name: string): Record<string, unknown>[];
};

export type TestLine = {
  readonly carrier: Carrier;
  readonly client: ReturnType<typeof twilio>;
  /** `http://127.0.0.1:port` of the product. */
  readonly app: string;
  readonly seen: Seen[];
  readonly sockets: MediaSocket[];
  /** What the product answers on a path; a string is TwiML. Without one: 204. */
  readonly answers: Map<string, string | ((seen: Seen, nth: number) => Answer | string)>;
  /** Called with each new media socket at its `start`. */
  onStart: (socket: MediaSocket) => void;
  refuseUpgrade: number | undefined;
  connectStream(options?: {
    action?: string;
    statusCallback?: string;
    next?: string;
    query?: string;
  }): string;
  /** Params of the callbacks on a path, in the order they arrived. */
  callbacks(path: string): Record<string, string>[];
  close(): Promise<void>;
};

export async function openLine(
  options: Partial<CarrierOptions> & { inbound?: boolean } = {},
): Promise<TestLine> {
  const seen: Seen[] = [];
  const sockets: MediaSocket[] = [];
  const answers: TestLine['answers'] = new Map();
  const served = new Map<string, number>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', app);
      const params = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
      const signature = String(request.headers['x-twilio-signature'] ?? '');
      const signed = twilio.validateRequest(AUTH_TOKEN, signature, url.href, params);
      const entry: Seen = {
        method: request.method ?? '',
        path: url.pathname,
        url: url.href,
        params: { ...Object.fromEntries(url.searchParams), ...params },
        headers: request.headers,
        signed,
      };
      seen.push(entry);
      const nth = (served.get(url.pathname) ?? 0) + 1;
      served.set(url.pathname, nth);
      const found = answers.get(url.pathname);
      const given = typeof found === 'function' ? found(entry, nth) : found;
      const answer: Answer =
        given === undefined
          ? { status: 204 }
          : typeof given === 'string'
            ? { type: 'text/xml', body: given }
            : given;
      if (answer.destroy === true) return request.socket.destroy();
      setTimeout(() => {
        response.writeHead(answer.status ?? 200, {
          ...(answer.type === undefined ? {} : { 'Content-Type': answer.type }),
          ...(answer.location === undefined ? {} : { Location: answer.location }),
        });
        response.end(answer.body);
      }, answer.delayMs ?? 0);
    });
  });
  const wss = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, tcp, head) => {
    if (line.refuseUpgrade !== undefined) {
      tcp.end(`HTTP/1.1 ${line.refuseUpgrade} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      return;
    }
    const url = `${app.replace('http', 'ws')}${request.url}`;
    const signature = String(request.headers['x-twilio-signature'] ?? '');
    const signed = [url, `${url}/`].some((form) => twilio.validateRequest(AUTH_TOKEN, signature, form, {}));
    wss.handleUpgrade(request, tcp, head, (socket) => accept(socket, signed, request.url ?? ''));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const app = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  function accept(socket: WebSocket, signed: boolean, path: string): void {
    const messages: Record<string, unknown>[] = [];
    const media: MediaSocket = {
      socket,
      signed,
      path,
      messages,
      closeCode: undefined,
      start: () => {
        const start = messages.find((message) => message.event === 'start')?.start;
        if (start === undefined) throw new Error('the stream has not started');
        return start as ReturnType<MediaSocket['start']>;
      },
      send: (message) => socket.send(JSON.stringify(message)),
      play: (ulaw) =>
        media.send({
          event: 'media',
          streamSid: media.start().streamSid,
          media: { payload: ulaw.toString('base64') },
        }),
      mark: (name) => media.send({ event: 'mark', streamSid: media.start().streamSid, mark: { name } }),
      clear: () => media.send({ event: 'clear', streamSid: media.start().streamSid }),
      events: (name) => messages.filter((message) => message.event === name),
    };
    sockets.push(media);
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Record<string, unknown>;
      messages.push(message);
      if (message.event === 'start') line.onStart(media);
    });
    socket.on('close', (code) => {
      media.closeCode = code;
    });
  }

  const { inbound = false, ...given } = options;
  const carrier = await startCarrier({
    host: '127.0.0.1',
    port: 0,
    accountSid: ACCOUNT_SID,
    authToken: AUTH_TOKEN,
    numbers: [OURS],
    seed: 7,
    callsPerSecond: 100,
    speak: toneSpeak,
    timeScale: 20,
    ...(inbound
      ? { voiceUrl: `${app}/voice`, statusCallbackUrl: `${app}/number-status`, smsUrl: `${app}/sms` }
      : {}),
    ...given,
  });
  const client = twilio(ACCOUNT_SID, AUTH_TOKEN);
  client.api.baseUrl = carrier.url;
  const line: TestLine = {
    carrier,
    client,
    app,
    seen,
    sockets,
    answers,
    onStart: () => {},
    refuseUpgrade: undefined,
    connectStream: ({ action, statusCallback, next = '', query = '' } = {}) =>
      `<?xml version="1.0" encoding="UTF-8"?><Response><Connect${action === undefined ? '' : ` action="${action}"`}><Stream url="${app.replace('http', 'ws')}/media${query}"${statusCallback === undefined ? '' : ` statusCallback="${statusCallback}"`}><Parameter name="callId" value="c_1 &amp; more"/></Stream></Connect>${next}</Response>`,
    callbacks: (path) => seen.filter((entry) => entry.path === path).map((entry) => entry.params),
    close: async () => {
      await carrier.close();
      for (const socket of wss.clients) socket.terminate();
      wss.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
  return line;
}

/** Waits until `check` gives something, at most `ms`; says what it waited for when it does not come. */
export async function until<T>(
  what: string,
  check: () => T | undefined | false | null | Promise<T | undefined | false | null>,
  ms = 8000,
): Promise<T> {
  const give = Date.now() + ms;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false && found !== null) return found;
    if (Date.now() > give) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

/**
 * A tiny agent: greets at the start, then answers each time the caller spoke and was silent for 400 ms; stops
 * talking (`clear`) when the caller talks over it. Counts frames, so it keeps time with a fast carrier.
 */
export function tinyAgent({
  greetingFrames = 60,
  replyFrames = 40,
  speechMs = 0,
} = {}): (media: MediaSocket) => void {
  return (media) => {
    let spoke = 0;
    let quiet = 0;
    let talkingUntil = 0;
    let now = 0;
    const talk = (frames: number) => {
      media.play(sine(frames));
      media.mark(`until ${now + frames}`);
      talkingUntil = now + frames;
    };
    talk(greetingFrames);
    media.socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { event: string; media?: { payload: string } };
      if (message.event !== 'media') return;
      now += 1;
      const frame = Buffer.from(message.media?.payload ?? '', 'base64');
      if (isSpeech(frame)) {
        spoke += 1;
        quiet = 0;
        if (talkingUntil > now + 5 && spoke === 8) {
          media.clear();
          talkingUntil = now;
        }
        return;
      }
      quiet += 1;
      if (spoke > 3 && quiet === 20 + Math.round(speechMs / 20)) {
        spoke = 0;
        talk(replyFrames);
      }
    });
  };
}

/** A person who picks up after `ringMs` and does the steps given. */
export function person(steps: CallerScript['steps'], more: Partial<CallerScript> = {}): CallerScript {
  return {
    name: 'test-person',
    title: 'A person in a test',
    summary: '',
    voice: 'slt',
    ringMs: 100,
    pickup: { kind: 'answers' },
    detection: { verdict: 'human', latencyMs: 1000 },
    steps,
    ...more,
  };
}

/** Someone who answers and stays on the line. */
export const PATIENT: CallerScript = person([{ pauseMs: 3_600_000 }]);

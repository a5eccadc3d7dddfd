/**
 * carrier/callbacks: every HTTP request the carrier makes. Signed over the public URL (twilio.md §3), with the
 * timeouts and retries that the URL's fragment asks for (§2.5), redirects followed, answers bounded. Callbacks can
 * be dropped, doubled, delayed and reordered on demand; requests for TwiML only meet what the network does.
 */
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import { type Clock, chance } from './clock.ts';
import type { Journal } from './journal.ts';

/** Largest TwiML answer (11750). */
const ANSWER_LIMIT = 64 * 1024;
const REDIRECT_LIMIT = 10;
/** How long a reordered callback waits for another one to overtake it, carrier ms. */
const OVERTAKE_MS = 1500;
const IN_FLIGHT_LIMIT = 5_000;

export type Method = 'GET' | 'POST';
export type Params = Readonly<Record<string, string>>;

/** What came back, or why nothing usable did: 11200 bad status or no answer, 11205 no connection, 11750 too large. */
type WebhookAnswer =
  | { readonly ok: true; readonly status: number; readonly contentType: string; readonly body: string }
  | { readonly ok: false; readonly code: 11200 | 11205 | 11750; readonly reason: string };

type WebhookRequest = {
  readonly url: string;
  readonly method: Method;
  readonly params: Params;
  readonly callSid?: string;
};

export type Webhooks = {
  /** Asks for a document and waits for it, at most 15 s. Never rejects. */
  ask(request: WebhookRequest, signal?: AbortSignal): Promise<WebhookAnswer>;
  /** Sends a callback of `kind` on its own; the faults of the journal apply. */
  tell(kind: string, request: WebhookRequest): void;
  /** The signed and the reachable address of a Media Streams socket, with its headers. */
  upgrade(url: string): { url: string; headers: Record<string, string> };
  close(): void;
};

/** Delivery rules out of `#ct=..&rt=..&tt=..&rc=..&rp=..`, each held within its documented range. */
export type Delivery = {
  readonly connectMs: number;
  readonly readMs: number;
  readonly totalMs: number;
  readonly retries: number;
  readonly retryOn: ReadonlySet<string>;
};

/** Reads a URL's fragment; without one: 5 s to connect, 15 s in all, one retry when no connection came about. */
export function deliveryOf(url: string): Delivery {
  const at = url.indexOf('#');
  const given = new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
  const number = (key: string, low: number, high: number, otherwise: number) => {
    const value = Number.parseInt(given.get(key) ?? '', 10);
    return Number.isNaN(value) ? otherwise : Math.min(high, Math.max(low, value));
  };
  return {
    connectMs: number('ct', 100, 10_000, 5000),
    readMs: number('rt', 100, 15_000, 15_000),
    totalMs: number('tt', 100, 15_000, 15_000),
    retries: number('rc', 0, 5, 1),
    retryOn: new Set((given.get('rp') ?? 'ct').split(',').map((policy) => policy.trim())),
  };
}

/**
 * The form of a URL that is signed: no fragment, no user name, no port where the scheme is https or wss; every
 * other character as configured.
 */
export function signedForm(url: string): string {
  const match = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)([^#]*)/i.exec(url);
  if (match === null) return url;
  const [, scheme = '', authority = '', rest = ''] = match;
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const secure = /^(https|wss):/i.test(scheme);
  return scheme + (secure ? host.replace(/:\d+$/, '') : host) + (rest === '' ? '/' : rest);
}

type Attempt =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: string;
    }
  | { readonly kind: 'ct' | 'rt' | 'size' | 'stopped'; readonly reason: string };

type Options = {
  readonly authToken: string;
  readonly seed: number;
  readonly clock: Clock;
  readonly journal: Journal;
  /** Public origin → the origin to connect to instead; what is signed stays the public one. */
  readonly reach: Readonly<Record<string, string>>;
};

export function createWebhooks({ authToken, seed, clock, journal, reach }: Options): Webhooks {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const dice = chance(seed, 'callbacks');
  /** Per call: the callback that waits to be overtaken. */
  const held = new Map<string, { go: () => Promise<void>; cancel: () => void }>();
  let inFlight = 0;

  function signature(url: string, params: Params, on: 'http' | 'upgrade'): string {
    const { bad } = journal.faults.signature;
    const token = bad === 'all' || bad === on ? `${authToken}-wrong` : authToken;
    return getExpectedTwilioSignature(token, url, params);
  }

  function reachable(url: string): URL {
    const target = new URL(url);
    const socket = target.protocol === 'ws:' || target.protocol === 'wss:';
    const origin = `${target.protocol.replace('ws', 'http')}//${target.host}`;
    const other = reach[origin];
    if (other === undefined) return target;
    const at = new URL(other);
    const mapped = new URL(target.href.replace(/^[a-z]+:\/\/[^/?#]*/i, at.origin));
    return socket ? new URL(mapped.href.replace(/^http/, 'ws')) : mapped;
  }

  function attempt(
    url: string,
    method: Method,
    params: Params,
    token: string,
    limits: Delivery & { leftMs: number },
    signal: AbortSignal,
  ): Promise<Attempt> {
    const form = new URLSearchParams(params).toString();
    let full = signedForm(url);
    if (method === 'GET' && form !== '') full += (full.includes('?') ? '&' : '?') + form;
    const target = reachable(full);
    const userInfo = new URL(url);
    const body = method === 'POST' ? form : '';
    return new Promise((resolve) => {
      const done = (result: Attempt) => {
        clearTimeout(connectTimer);
        clearTimeout(readTimer);
        clearTimeout(totalTimer);
        signal.removeEventListener('abort', onAbort);
        request.destroy();
        resolve(result);
      };
      let connected = false;
      let readTimer: NodeJS.Timeout | undefined;
      const onAbort = () => done({ kind: 'stopped', reason: 'the call or the carrier ended' });
      const connectTimer = setTimeout(
        () => done({ kind: 'ct', reason: `no connection within ${limits.connectMs} ms` }),
        limits.connectMs,
      );
      const totalTimer = setTimeout(
        () => done({ kind: connected ? 'rt' : 'ct', reason: 'the total time is used up' }),
        limits.leftMs,
      );
      const request = (target.protocol === 'https:' ? httpsRequest : httpRequest)(target, {
        method,
        agent: false,
        ...(userInfo.username === ''
          ? {}
          : { auth: `${decodeURIComponent(userInfo.username)}:${decodeURIComponent(userInfo.password)}` }),
        headers: {
          Host: new URL(full).host,
          'User-Agent': 'TwilioProxy/1.1',
          Accept: '*/*',
          'X-Twilio-Signature': signature(full, method === 'POST' ? params : {}, 'http'),
          'I-Twilio-Idempotency-Token': token,
          ...(method === 'POST'
            ? {
                'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8',
                'Content-Length': String(Buffer.byteLength(body)),
              }
            : {}),
        },
      });
      request.on('socket', (socket) => {
        socket.once(target.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
          connected = true;
          clearTimeout(connectTimer);
          readTimer = setTimeout(
            () => done({ kind: 'rt', reason: `no answer within ${limits.readMs} ms` }),
            limits.readMs,
          );
        });
      });
      request.on('error', (error) => done({ kind: connected ? 'rt' : 'ct', reason: error.message }));
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_LIMIT)
            return done({ kind: 'size', reason: `answer larger than ${ANSWER_LIMIT} bytes` });
          chunks.push(chunk);
        });
        response.on('end', () =>
          done({
            kind: 'answer',
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
        response.on('error', (error) => done({ kind: 'rt', reason: error.message }));
      });
      signal.addEventListener('abort', onAbort, { once: true });
      request.end(body);
    });
  }

  /** Never rejects: an address that cannot be used is a failure to connect. */
  async function send(kind: string, request: WebhookRequest, signal: AbortSignal): Promise<WebhookAnswer> {
    try {
      return await sendWithRetries(kind, request, signal);
    } catch (error) {
      return { ok: false, code: 11205, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async function sendWithRetries(
    kind: string,
    request: WebhookRequest,
    signal: AbortSignal,
  ): Promise<WebhookAnswer> {
    const delivery = deliveryOf(request.url);
    const token = randomUUID();
    const startedAt = performance.now();
    let { url, method, params } = request;
    let retries = 0;
    let redirects = 0;
    for (;;) {
      const leftMs = delivery.totalMs - (performance.now() - startedAt);
      const result: Attempt =
        leftMs <= 0
          ? { kind: 'rt', reason: 'the total time is used up' }
          : await attempt(url, method, params, token, { ...delivery, leftMs }, signal);
      const status = result.kind === 'answer' ? result.status : 0;
      journal.note('request', request.callSid, {
        kind,
        url: signedForm(url),
        method,
        outcome: result.kind === 'answer' ? status : result.kind,
        attempt: retries + 1,
        token,
        params,
        tookMs: Math.round(performance.now() - startedAt),
      });
      if (result.kind === 'stopped') return { ok: false, code: 11200, reason: result.reason };
      const location = result.kind === 'answer' ? result.headers.location : undefined;
      if (status >= 300 && status < 400 && location !== undefined && redirects < REDIRECT_LIMIT) {
        redirects += 1;
        url = new URL(location, signedForm(url)).href;
        if (status < 307) {
          method = 'GET';
          params = {};
        }
        continue;
      }
      const failure =
        result.kind !== 'answer' ? result.kind : status >= 500 ? '5xx' : status >= 400 ? '4xx' : undefined;
      if (failure !== undefined && retries < delivery.retries && leftMs > 0) {
        if (delivery.retryOn.has(failure) || (delivery.retryOn.has('all') && failure !== 'size')) {
          retries += 1;
          continue;
        }
      }
      if (result.kind === 'size') return { ok: false, code: 11750, reason: result.reason };
      if (result.kind === 'ct') return { ok: false, code: 11205, reason: result.reason };
      if (result.kind === 'rt') return { ok: false, code: 11200, reason: result.reason };
      if (result.kind !== 'answer' || status < 200 || status >= 300) {
        return { ok: false, code: 11200, reason: `HTTP status ${status}` };
      }
      return {
        ok: true,
        status,
        contentType: result.headers['content-type'] ?? '',
        body: result.body,
      };
    }
  }

  async function deliver(kind: string, request: WebhookRequest): Promise<void> {
    if (inFlight >= IN_FLIGHT_LIMIT) {
      journal.note('callback-dropped', request.callSid, { kind, why: 'too many callbacks under way' });
      return;
    }
    inFlight += 1;
    const answer = await send(kind, request, stop.signal);
    inFlight -= 1;
    if (!answer.ok && !stop.signal.aborted) {
      journal.complain('warning', answer.code, `${kind} callback failed: ${answer.reason}`, {
        ...(request.callSid === undefined ? {} : { callSid: request.callSid }),
        url: signedForm(request.url),
      });
    }
  }

  function depart(kind: string, request: WebhookRequest): void {
    const { callbacks } = journal.faults;
    const [drop, duplicate, reorder] = [dice(), dice(), dice()];
    if (drop < callbacks.drop) {
      journal.note('callback-dropped', request.callSid, { kind, params: request.params });
      return;
    }
    const key = request.callSid ?? '';
    const go = async () => {
      await deliver(kind, request);
      if (duplicate < callbacks.duplicate) await deliver(kind, request);
    };
    const overtaken = held.get(key);
    if (overtaken !== undefined) {
      held.delete(key);
      overtaken.cancel();
      void go().then(overtaken.go);
      return;
    }
    if (reorder >= callbacks.reorder) {
      void go();
      return;
    }
    const cancel = clock.after(OVERTAKE_MS, () => {
      held.delete(key);
      void go();
    });
    held.set(key, { go, cancel });
  }

  return {
    ask: (request, signal) =>
      send('twiml', request, signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal])),
    tell: (kind, request) => {
      const { delayMs } = journal.faults.callbacks;
      if (delayMs > 0) clock.after(delayMs, () => depart(kind, request));
      else depart(kind, request);
    },
    upgrade: (url) => {
      const withoutQuery = url.replace(/[?#].*$/, '');
      const form = signedForm(withoutQuery) + (journal.faults.signature.appendSlash ? '/' : '');
      return {
        url: reachable(withoutQuery).href,
        headers: {
          Host: new URL(withoutQuery).host,
          'User-Agent': 'TwilioMediaStreams/1.0',
          'X-Twilio-Signature': signature(form, {}, 'upgrade'),
        },
      };
    },
    close: () => {
      held.clear();
      stop.abort();
    },
  };
}

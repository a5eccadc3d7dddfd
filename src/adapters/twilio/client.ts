/**
 * adapters/twilio/client: requests to Twilio's REST API by its official SDK, each within its time. Nothing here tries again
 * by itself: creating a call or a message has no idempotency key, so a second try could reach a person twice.
 */
import RequestClient from 'twilio/lib/base/RequestClient.js';
import Twilio from 'twilio/lib/rest/Twilio.js';
import type { Clock } from '../../app/ports.ts';
import type { ClockComparison } from './clock-comparison.ts';

/** One request, from the first byte of the connection to the last of the answer. */
export const REQUEST_MS = 10_000;
/** The longest answer read: a list of 1000 calls is about 1.5 MB. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

export type Operation<T> = (client: Twilio) => Promise<T>;
/** Runs one REST operation, which makes a request or two, within its time; errors come out as the SDK threw them. */
export type Ask = <T>(signal: AbortSignal, operation: Operation<T>) => Promise<T>;

/**
 * The SDK's HTTP client, bound to one lifetime and pointed at another host when there is one. Sockets are not kept: a
 * request on a socket that the other side just dropped fails without telling whether it arrived.
 */
class BoundClient extends RequestClient {
  readonly #base: URL | undefined;

  constructor(base: URL | undefined, signal: AbortSignal, clock: Clock, comparison: ClockComparison) {
    super({ timeout: REQUEST_MS, keepAlive: false });
    this.#base = base;
    this.axios.interceptors.request.use((config) =>
      Object.assign(config, { signal, maxContentLength: MAX_ANSWER_BYTES }),
    );
    const sentMs = clock.nowMs();
    this.axios.interceptors.response.use((response) => {
      comparison.told(response.headers.date, sentMs);
      return response;
    });
  }

  override request<T>(options: RequestClient.RequestOptions<T>) {
    if (!this.#base) return super.request(options);
    const uri = new URL(options.uri);
    uri.protocol = this.#base.protocol;
    uri.host = this.#base.host;
    uri.pathname = this.#base.pathname.replace(/\/$/, '') + uri.pathname;
    return super.request({ ...options, uri: uri.href });
  }
}

/**
 * A lifetime inside another one. `end` lets go of the outer signal, which may live as long as the process: what
 * AbortSignal.any holds on to is up to the garbage collector.
 */
export function lifeOf(outer: AbortSignal): { signal: AbortSignal; end(reason?: Error): void } {
  const inner = new AbortController();
  const stop = () => inner.abort(outer.reason);
  if (outer.aborted) stop();
  outer.addEventListener('abort', stop, { once: true });
  return {
    signal: inner.signal,
    end(reason) {
      outer.removeEventListener('abort', stop);
      inner.abort(reason);
    },
  };
}

export function createAsk(parts: {
  readonly accountSid: string;
  readonly authToken: string;
  readonly apiBase?: URL;
  readonly clock: Clock;
  readonly comparison: ClockComparison;
}): Ask {
  const { accountSid, authToken, apiBase, clock, comparison } = parts;
  const twilio = (signal: AbortSignal) =>
    new Twilio(accountSid, authToken, { httpClient: new BoundClient(apiBase, signal, clock, comparison) });
  // Loads the API's classes now: later it would stop the event loop for 60 ms while people talk.
  const { calls: _calls, messages: _messages } = twilio(AbortSignal.abort());

  return async (signal, operation) => {
    const life = lifeOf(signal);
    const cancel = clock.after(REQUEST_MS, () => life.end(new Error(`no answer within ${REQUEST_MS} ms`)));
    try {
      return await operation(twilio(life.signal));
    } finally {
      cancel();
      life.end();
    }
  };
}

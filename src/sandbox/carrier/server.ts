/**
 * carrier/server: the sandbox's carrier, "Twilio for people without an account". Speaks Twilio's REST API, webhooks
 * and Media Streams over real sockets, so that the product's own adapters and the official SDK work against it
 * unchanged (twilio.md §6.2). Everything lives in memory and ends with `close()`.
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import express from 'express';
import { createWebhooks } from './callbacks.ts';
import type { Speak } from './caller.ts';
import { createCalls } from './calls.ts';
import { createClock } from './clock.ts';
import { type Control, createControl, createControlRoutes } from './control.ts';
import { createJournal } from './journal.ts';
import { createMessages } from './messages.ts';
import { createNumbers } from './numbers.ts';
import { createRecordings } from './recordings.ts';
import { createRest, requireBasicAuth } from './rest.ts';

export type CarrierOptions = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** `AC` and 32 hex digits. */
  readonly accountSid: string;
  readonly authToken: string;
  /** The account's numbers, E.164; the first is the one inbound calls go to when none is named. */
  readonly numbers: readonly string[];
  /** Decides who answers which number, and which frames and callbacks a fault hits. */
  readonly seed: number;
  /** How fast the queue of outbound calls is worked off. */
  readonly callsPerSecond: number;
  readonly speak: Speak;
  /** Where calls to the numbers are announced. */
  readonly voiceUrl?: string;
  /** Where the end of such a call is reported. */
  readonly statusCallbackUrl?: string;
  /** Where SMS to the numbers are announced. */
  readonly smsUrl?: string;
  /** Public origin → origin to connect to (`{'https://app.test': 'http://127.0.0.1:3000'}`); signed is the public one. */
  readonly reach?: Readonly<Record<string, string>>;
  /** Carrier seconds per real second, 1 by default. Ringing, talking and pauses go faster; waits for the product do not. */
  readonly timeScale?: number;
};

export type Carrier = {
  /** Base URL of the REST API, without a slash at the end. */
  readonly url: string;
  readonly accountSid: string;
  readonly authToken: string;
  readonly control: Control;
  /** Ends all calls without callbacks, closes all sockets and timers. */
  close(): Promise<void>;
};

/** Opens the carrier. Rejects when the address cannot be listened on. */
export async function startCarrier(options: CarrierOptions): Promise<Carrier> {
  const { accountSid, authToken, seed, speak } = options;
  // Sids are random, not seeded: the product may remember those of an earlier run.
  const newSid = (prefix: string) => prefix + randomBytes(16).toString('hex');
  const clock = createClock(options.timeScale ?? 1, (error) =>
    journal.note('carrier-error', undefined, { error: error instanceof Error ? error.stack : String(error) }),
  );
  const journal = createJournal(clock, newSid);
  const webhooks = createWebhooks({ authToken, seed, clock, journal, reach: options.reach ?? {} });
  const app = express();
  const server = createServer(app);
  let url = '';
  const recordings = createRecordings({ accountSid, clock, journal, webhooks, newSid, publicUrl: () => url });
  const calls = createCalls({
    accountSid,
    seed,
    callsPerSecond: options.callsPerSecond,
    clock,
    journal,
    webhooks,
    recordings,
    speak,
    newSid,
  });
  const numbers = createNumbers(accountSid, options.numbers, options);
  const messages = createMessages({
    accountSid,
    clock,
    journal,
    webhooks,
    newSid,
    replyOf: (number) => calls.scriptFor(number).textReply,
    hookOf: (number) => numbers.get(number)?.sms,
  });
  const control = createControl({ journal, calls, messages, numbers });
  app.disable('x-powered-by');
  app.disable('etag');
  app.use('/_sandbox', requireBasicAuth(accountSid, authToken), createControlRoutes(control));
  app.use(createRest({ accountSid, authToken, journal, calls, recordings, messages, numbers }));

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  url = `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`;

  let closing: Promise<void> | undefined;
  return {
    url,
    accountSid,
    authToken,
    control,
    close: () => {
      closing ??= (async () => {
        const closed = new Promise<void>((resolve) => {
          server.close(() => resolve());
        });
        webhooks.close();
        await calls.close();
        clock.stop();
        server.closeAllConnections();
        await closed;
      })();
      return closing;
    },
  };
}

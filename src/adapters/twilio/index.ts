/**
 * adapters/twilio: everything that is Twilio's: calls and texts by REST, its webhooks, its media streams' tickets and
 * signatures.
 */
import type {
  CarrierInlet,
  Clock,
  Ids,
  Log,
  Messenger,
  StreamTickets,
  Telephony,
  VendorDoor,
} from '../../app/ports.ts';
import { Failure } from '../../domain/errors.ts';
import type { Finding } from '../../domain/finding.ts';
import { createAsk } from './client.ts';
import { createClockComparison } from './clock-comparison.ts';
import { createTexts } from './messages.ts';
import { createSignature } from './signature.ts';
import { createTelephony } from './telephony.ts';
import { createTickets } from './tickets.ts';
import { createDoor } from './webhooks.ts';

export interface TwilioParts {
  readonly accountSid: string;
  readonly authToken: string;
  /** Our numbers, E.164: the only ones that calls and texts come from; the first is shown to a person in a transfer. */
  readonly numbers: readonly string[];
  /** Where the REST API is instead of api.twilio.com; a path in front of it is kept. */
  readonly apiBaseUrl?: string;
  /** What Twilio reaches us by and therefore signs. Twilio itself demands https. */
  readonly publicBaseUrl: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

export interface TwilioAdapter {
  readonly telephony: Telephony;
  readonly texts: Pick<Messenger, 'sendSms' | 'textsTo'>;
  /** Answers every HTTP path under /twilio/. Never rejects. */
  door(inlet: CarrierInlet): VendorDoor;
  readonly signature: { validUpgrade(header: string | undefined, path: string): boolean };
  readonly tickets: StreamTickets;
  /** Reads the account and its numbers and says what would make calls fail. Throws only when it is aborted. */
  inspect(signal: AbortSignal): Promise<readonly Finding[]>;
  /** Our clock minus Twilio's, ms, by its latest answer, to about a second; null before the first. */
  clockSkewMs(): number | null;
  /** Asks Twilio for its time, now and every few minutes. Resolves when `signal` aborts; never rejects. */
  compareClocks(signal: AbortSignal): Promise<void>;
}

function address(name: string, value: string): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new Failure('config_invalid', `${name} must be an http or https URL`);
  return url;
}

/** Throws Failure `config_invalid` for values that Twilio could never work with. */
export function createTwilio(parts: TwilioParts): TwilioAdapter {
  const { accountSid, authToken, clock, ids, log } = parts;
  if (!/^AC[0-9a-zA-Z]+$/.test(accountSid))
    throw new Failure('config_invalid', 'TWILIO_ACCOUNT_SID must start with AC');
  if (authToken === '') throw new Failure('config_invalid', 'TWILIO_AUTH_TOKEN is empty');
  if (parts.apiBaseUrl !== undefined) address('TWILIO_API_BASE_URL', parts.apiBaseUrl);
  const url = address('PUBLIC_BASE_URL', parts.publicBaseUrl);
  if (url.hostname.includes('_'))
    throw new Failure(
      'config_invalid',
      'PUBLIC_BASE_URL: Twilio calls no host with an underscore in its name',
    );
  const publicBaseUrl = url.origin + url.pathname.replace(/\/+$/, '');

  const signature = createSignature({ authToken, publicBaseUrl });
  const tickets = createTickets({ clock, ids });
  const comparison = createClockComparison(clock);
  const apiBase = parts.apiBaseUrl === undefined ? {} : { apiBase: new URL(parts.apiBaseUrl) };
  const ask = createAsk({ accountSid, authToken, ...apiBase, clock, comparison });
  const { telephony, saw, inspect, clockSkewMs, compareClocks } = createTelephony({
    ...parts,
    ...apiBase,
    ask,
    comparison,
    publicBaseUrl,
  });
  return {
    telephony,
    texts: createTexts({ ...parts, ask, publicBaseUrl }),
    door: (inlet) => createDoor({ publicBaseUrl, signature, tickets, clock, log, saw }, inlet),
    signature: { validUpgrade: signature.validUpgrade },
    tickets,
    inspect,
    clockSkewMs,
    compareClocks,
  };
}

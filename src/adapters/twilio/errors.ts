/**
 * adapters/twilio/errors: what Twilio's error codes mean for us, as data, and what an answer of its REST API lets us
 * conclude. Twilio warns that causes behind a code change (changelog 2024-07-10): a code that is not here stops the
 * attempt and is never retried by itself.
 */
import type { MessageError } from '../../app/ports.ts';
import { Failure } from '../../domain/errors.ts';

/** Whose fault it is: what has to be stopped, rested or repaired before another call can work. */
type Blame = 'number' | 'account' | 'caller_id' | 'region' | 'product';

/**
 * `never`: this number will not work. `once_later`: one more try on another day at most. `backoff`: the same call may
 * work in a while. `after_fix`: somebody must change a setting, a profile or our code first.
 */
type RetryAdvice = 'never' | 'once_later' | 'backoff' | 'after_fix';

type ErrorClass =
  | 'opted_out'
  | 'bad_number'
  | 'region'
  | 'blocked'
  | 'config'
  | 'reputation'
  | 'limit'
  | 'fatal'
  | 'bug'
  | 'webhook'
  | 'stream'
  | 'over'
  | 'unknown';

interface CarrierError {
  readonly class: ErrorClass;
  readonly blame: Blame;
  readonly retry: RetryAdvice;
  readonly meaning: string;
}

const row = (kind: ErrorClass, blame: Blame, retry: RetryAdvice, meaning: string): CarrierError => ({
  class: kind,
  blame,
  retry,
  meaning,
});

/** Source: Twilio's error dictionary, twilio.com/docs/api/errors. Codes of 13xxx and 31xxx arise after a call exists. */
const CARRIER_ERRORS: Readonly<Record<number, CarrierError>> = {
  21201: row('bad_number', 'number', 'never', 'no number to call was given'),
  21211: row('bad_number', 'number', 'never', 'the number to call is not valid, or it is our own'),
  21217: row('bad_number', 'number', 'never', 'the number to call does not appear to be valid'),
  21214: row('bad_number', 'number', 'once_later', 'the number cannot be reached'),
  13223: row('bad_number', 'number', 'never', 'the number of a transfer has a wrong format'),
  13224: row(
    'bad_number',
    'number',
    'once_later',
    'the number of a transfer is unsupported or its carrier is down',
  ),
  13226: row('bad_number', 'number', 'never', 'the country of a transfer is not valid'),
  21215: row(
    'region',
    'region',
    'after_fix',
    "calls to this country are off in the account's geographic permissions",
  ),
  13227: row(
    'region',
    'region',
    'after_fix',
    "transfers to this country are off in the account's geographic permissions",
  ),
  21216: row(
    'blocked',
    'number',
    'after_fix',
    'the carrier blocks this call: fraud risk, regulation, or a US number without an approved Primary Customer Profile',
  ),
  13225: row('blocked', 'number', 'after_fix', 'the carrier blocks this transfer'),
  32203: row('blocked', 'number', 'after_fix', 'the carrier blocks this call'),
  21202: row('blocked', 'number', 'never', 'premium, emergency or special numbers cannot be called'),
  21219: row('config', 'account', 'after_fix', 'a trial account may call verified numbers only'),
  21210: row('config', 'caller_id', 'after_fix', 'the caller ID is not verified for this account'),
  21212: row('config', 'caller_id', 'after_fix', 'the caller ID is not valid or must not originate calls'),
  21213: row('config', 'caller_id', 'after_fix', 'no caller ID was given'),
  13214: row('config', 'caller_id', 'after_fix', 'the caller ID of a transfer is not valid'),
  32017: row(
    'reputation',
    'caller_id',
    'after_fix',
    "the receiving carrier's analytics block this caller ID",
  ),
  10004: row('limit', 'account', 'backoff', 'the account has as many calls at once as it may'),
  20429: row('limit', 'account', 'backoff', 'too many requests at once'),
  20003: row('fatal', 'account', 'after_fix', 'the account SID or the auth token is wrong'),
  20005: row('fatal', 'account', 'after_fix', 'the account is not active'),
  10001: row('fatal', 'account', 'after_fix', 'the account is not active'),
  20404: row('fatal', 'account', 'after_fix', 'the account or the resource does not exist'),
  21205: row('bug', 'product', 'after_fix', 'a callback address is not valid'),
  21218: row('bug', 'product', 'after_fix', 'the application SID is not valid'),
  32018: row('bug', 'product', 'after_fix', 'the TwiML is longer than 4000 characters'),
  32019: row('bug', 'product', 'after_fix', 'both an address and TwiML were given'),
  21220: row('over', 'product', 'never', 'the call is not in progress'),
  21262: row('bug', 'product', 'after_fix', 'machine detection has no callback address'),
  // Texts: refused at once (21xxx) or told later (30xxx).
  21610: row('opted_out', 'number', 'never', 'this person replied STOP to our texts'),
  21614: row('bad_number', 'number', 'never', 'the number is no mobile number'),
  21612: row('bad_number', 'number', 'once_later', 'the number cannot be reached from ours'),
  21408: row(
    'region',
    'region',
    'after_fix',
    "texts to this country are off in the account's geographic permissions",
  ),
  21606: row(
    'config',
    'caller_id',
    'after_fix',
    'the sender is no number of the account that can send texts',
  ),
  21603: row('config', 'caller_id', 'after_fix', 'no sender was given'),
  21608: row('config', 'account', 'after_fix', 'a trial account may text verified numbers only'),
  21611: row('limit', 'caller_id', 'backoff', 'too many texts wait to be sent from this number'),
  21602: row('bug', 'product', 'after_fix', 'the text has no words'),
  21604: row('bug', 'product', 'after_fix', 'no number to text was given'),
  21617: row('bug', 'product', 'after_fix', 'the text is longer than 1600 characters'),
  21609: row('bug', 'product', 'after_fix', 'the address for delivery reports is not valid'),
  30001: row('limit', 'account', 'backoff', 'too many texts waited at the carrier'),
  30002: row('fatal', 'account', 'after_fix', 'the account was suspended before the text was sent'),
  30003: row('bad_number', 'number', 'once_later', 'the phone is off or out of reach'),
  30004: row('blocked', 'number', 'never', 'the receiving carrier blocks texts to this number'),
  30005: row('bad_number', 'number', 'never', 'the number is unknown or no longer in use'),
  30006: row('bad_number', 'number', 'never', 'the number is a landline or cannot get texts'),
  30007: row('reputation', 'product', 'after_fix', 'the receiving carrier took the text for spam'),
  30008: row(
    'unknown',
    'number',
    'once_later',
    'the receiving carrier did not deliver it and said nothing more',
  ),
  30032: row('config', 'caller_id', 'after_fix', 'the toll-free number is not verified for texts'),
  30034: row(
    'config',
    'caller_id',
    'after_fix',
    'the number is not registered for business texts (A2P 10DLC)',
  ),
  11200: row('webhook', 'product', 'after_fix', 'our server answered a webhook with an error or not at all'),
  11205: row('webhook', 'product', 'after_fix', 'our server could not be reached for a webhook'),
  11750: row('webhook', 'product', 'after_fix', 'our TwiML is larger than 64 kB'),
  12100: row('webhook', 'product', 'after_fix', 'our TwiML could not be parsed'),
  12300: row('webhook', 'product', 'after_fix', 'our webhook answered with a wrong content type'),
  31901: row('stream', 'product', 'after_fix', 'connecting the media stream took too long'),
  31902: row('stream', 'product', 'after_fix', 'the media stream address could not be reached'),
  31903: row('stream', 'product', 'after_fix', 'the media stream was lost'),
  31904: row('stream', 'product', 'after_fix', 'the media stream could not be opened'),
  31910: row('stream', 'product', 'after_fix', 'the certificate of the media stream address is not valid'),
  31920: row('stream', 'product', 'after_fix', 'the media stream upgrade was not answered with 101'),
  31921: row('stream', 'product', 'after_fix', 'our server closed the media stream'),
  31922: row('stream', 'product', 'after_fix', 'the media stream failed'),
  31924: row('stream', 'product', 'after_fix', 'audio was sent to a stream that takes none'),
  31930: row('stream', 'product', 'after_fix', 'our server read the audio too slowly and some was dropped'),
  31931: row(
    'stream',
    'product',
    'after_fix',
    'more than ten minutes of audio were waiting and were dropped',
  ),
  31941: row('stream', 'product', 'after_fix', 'the track of the media stream is not valid'),
  31950: row('stream', 'product', 'after_fix', 'a binary frame was sent to the media stream'),
  31951: row('stream', 'product', 'after_fix', 'a message to the media stream was not valid'),
};

const UNKNOWN: CarrierError = row(
  'unknown',
  'product',
  'after_fix',
  'the carrier gave an error code that we do not know',
);

/** What a carrier error code means; codes that are not in the table come back as class `unknown`. */
export const carrierError = (code: number): CarrierError => CARRIER_ERRORS[code] ?? UNKNOWN;

/**
 * What a failed REST request proves. `not_sent`: no connection came about. `not_processed`: the carrier says that it did
 * nothing (429). `refused`: a clear no with a carrier code. `unclear`: anything may have happened.
 */
type RestTrouble =
  | { readonly kind: 'not_sent' }
  | { readonly kind: 'not_processed'; readonly carrierCode?: number }
  | { readonly kind: 'refused'; readonly status: number; readonly carrierCode: number }
  | { readonly kind: 'unclear'; readonly status?: number };

/** True when every cause of a network error happened before a byte could leave: name lookup or TCP connect. */
function neverConnected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(neverConnected);
  if ('syscall' in error) return error.syscall === 'connect' || error.syscall === 'getaddrinfo';
  return error.cause !== undefined && neverConnected(error.cause);
}

/** The SDK's two exceptions have no common class; a network error (axios) can carry a status too and is neither. */
const isAnswer = (error: unknown): error is Error & { status: number; code?: unknown } =>
  error instanceof Error &&
  'status' in error &&
  typeof error.status === 'number' &&
  !('isAxiosError' in error);

/** Only 429 is documented as never processed, so nothing else that came without a carrier code proves anything. */
function restTrouble(error: unknown): RestTrouble {
  if (!isAnswer(error)) return neverConnected(error) ? { kind: 'not_sent' } : { kind: 'unclear' };
  const { status } = error;
  const code = Number(error.code);
  const carrierCode = Number.isInteger(code) && code > 0 ? code : undefined;
  if (status === 429 || (status < 500 && carrierCode === 20429))
    return { kind: 'not_processed', ...(carrierCode === undefined ? {} : { carrierCode }) };
  if (status < 400 || status >= 500 || carrierCode === undefined) return { kind: 'unclear', status };
  return { kind: 'refused', status, carrierCode };
}

/**
 * The failure of a request to create a call. The carrier's own message stays in `cause`: it can quote the number.
 * A concurrency limit (10004) is a clear no that passes by itself, so it is `telephony_unavailable` like 429.
 */
export function dialFailure(error: unknown): Failure {
  const trouble = restTrouble(error);
  switch (trouble.kind) {
    case 'not_sent':
      return new Failure('telephony_unavailable', 'the carrier could not be reached; nothing was dialled', {
        cause: error,
      });
    case 'not_processed':
      return new Failure(
        'telephony_unavailable',
        'the carrier takes no more requests for now; nothing was dialled',
        {
          cause: error,
          details: { ...(trouble.carrierCode === undefined ? {} : { carrierCode: trouble.carrierCode }) },
        },
      );
    case 'refused': {
      const { blame, retry, meaning, class: kind } = carrierError(trouble.carrierCode);
      const { carrierCode } = trouble;
      return kind === 'limit'
        ? new Failure('telephony_unavailable', `nothing was dialled: ${meaning}`, {
            cause: error,
            details: { carrierCode },
          })
        : new Failure('dial_refused', `the carrier refused the call: ${meaning}`, {
            cause: error,
            details: { carrierCode, blame, retry, class: kind },
          });
    }
    case 'unclear':
      return new Failure('dial_unconfirmed', 'the carrier gave no clear answer; the call may exist', {
        cause: error,
        details: { ...(trouble.status === undefined ? {} : { httpStatus: trouble.status }) },
      });
  }
}

/** The failure of a request about a call or recording that exists. */
export function requestFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const trouble = restTrouble(error);
  if (trouble.kind !== 'refused')
    return new Failure('telephony_unavailable', 'the carrier could not be asked', { cause: error });
  const { carrierCode, status } = trouble;
  const { meaning, class: kind } = carrierError(carrierCode);
  const options = { cause: error, details: { carrierCode } };
  if (kind === 'over') return new Failure('call_over', 'the call is over already', options);
  if (kind === 'limit') return new Failure('telephony_unavailable', `the carrier says: ${meaning}`, options);
  if (status === 404) return new Failure('call_not_found', 'the carrier knows no such call', options);
  if (kind === 'fatal')
    return new Failure('config_invalid', `the carrier refuses the account: ${meaning}`, options);
  return new Failure('invalid_request', `the carrier refused the request: ${meaning}`, options);
}

/** What a code of Twilio's means for a text that did not arrive. */
export function textError(code: number | undefined): MessageError {
  if (code === undefined)
    return { code: 'twilio', says: 'the carrier did not deliver it and gave no reason' };
  const { class: kind, meaning } = carrierError(code);
  return { code: String(code), says: meaning, ...(kind === 'opted_out' ? { optedOut: true } : {}) };
}

/** The failure of a request to create a text; as `dialFailure`. */
export function textFailure(error: unknown): Failure {
  const trouble = restTrouble(error);
  switch (trouble.kind) {
    case 'not_sent':
      return new Failure('message_unavailable', 'the carrier could not be reached; nothing was sent', {
        cause: error,
      });
    case 'not_processed':
      return new Failure(
        'message_unavailable',
        'the carrier takes no more requests for now; nothing was sent',
        {
          cause: error,
        },
      );
    case 'refused': {
      const { carrierCode } = trouble;
      const { class: kind, meaning } = carrierError(carrierCode);
      return kind === 'limit'
        ? new Failure('message_unavailable', `nothing was sent: ${meaning}`, {
            cause: error,
            details: { carrierCode },
          })
        : new Failure('message_refused', `the carrier refused the text: ${meaning}`, {
            cause: error,
            details: { error: textError(carrierCode) },
          });
    }
    case 'unclear':
      return new Failure('message_unconfirmed', 'the carrier gave no clear answer; the text may exist', {
        cause: error,
        details: { ...(trouble.status === undefined ? {} : { httpStatus: trouble.status }) },
      });
  }
}

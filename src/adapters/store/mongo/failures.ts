/**
 * adapters/store/mongo/failures: what went wrong, in the app's words: a code, what it means and what to do about it. The
 * password of the connection string is in none of them, nor in what is kept as their cause.
 */
import {
  BSON,
  MongoInvalidArgumentError,
  MongoNetworkTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
  MongoWriteConcernError,
} from 'mongodb';
import { Failure } from '../../../domain/errors.ts';

const DUPLICATE_KEY = 11_000;
const WRONG_USER = new Set([18, 8_000]);
const NO_RIGHTS = 13;
const TOO_LARGE = new Set([10_334, 17_419, 17_420]);
const OUT_OF_TIME = 50;
/** The primary steps down, starts, stops or is another one (SDAM specification, "not writable primary", "node is recovering"). */
const NOT_PRIMARY = new Set([91, 189, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436]);
/** What a filter, an update or a pipeline can do wrong; MongoDB's error_codes.yml. */
const BAD_REQUEST = new Set([
  2, // BadValue
  4, // NoSuchKey
  9, // FailedToParse
  14, // TypeMismatch
  15, // Overflow
  16, // InvalidLength
  28, // PathNotViable
  40, // ConflictingUpdateOperators
  52, // DollarPrefixedFieldName
  53, // InvalidIdField
  54, // NotSingleValueField
  55, // InvalidDBRef
  56, // EmptyFieldName
  57, // DottedFieldName
  66, // ImmutableField
  115, // CommandNotSupported
  121, // DocumentValidationFailure
  168, // InvalidPipelineOperator
  241, // ConversionFailure
  291, // NoQueryExecutionPlans
]);
/** Codes from here on name one assertion in the server's source: the request cannot be computed. */
const FIRST_ASSERTION = 15_000;

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const unavailable = (message: string, cause?: unknown): Failure =>
  new Failure('store_unavailable', message, { cause });

export const isDuplicate = (error: unknown): error is MongoServerError =>
  error instanceof MongoServerError && error.code === DUPLICATE_KEY;

/** The fields of the unique index that a duplicate met; none when the server does not tell. */
export function keysOf(error: MongoServerError): string[] {
  const pattern: unknown = error.keyPattern ?? error.errorResponse?.keyPattern;
  if (typeof pattern === 'object' && pattern !== null) return Object.keys(pattern);
  // `index: source_1_externalId_1 dup key`: an index of ours is named after its fields.
  const name = / index: (\S+) dup key/.exec(error.message)?.[1];
  if (name === undefined || name === '_id_') return name === undefined ? [] : ['_id'];
  return name.split(/_-?1(?:_|$)/).filter((part) => part !== '');
}

/** A shorter one would take letters out of every sentence; the pattern of a connection string is masked in any case. */
const SHORTEST_SECRET = 4;

/** What of a connection string is secret, as it stands there and decoded. */
function secretsOf(uri: string): string[] {
  const password = /^[^:]+:\/\/[^/?]*?:([^/?]*)@/.exec(uri)?.[1];
  const options = [...uri.matchAll(/[?&](?:authMechanismProperties|\w*Password)=([^&]*)/gi)].map(
    ([, value]) => value,
  );
  return [password, ...options]
    .filter((secret) => secret !== undefined && secret.length >= SHORTEST_SECRET)
    .flatMap((secret = '') => {
      try {
        return [secret, decodeURIComponent(secret)];
      } catch {
        return [secret];
      }
    });
}

export interface FailureWords {
  /**
   * The Failure for whatever the driver threw. `collection`: where; `wrote`: it was a write, which may still happen when
   * no answer came.
   */
  of(error: unknown, collection?: string, wrote?: boolean): Failure;
  /** For a connection string that the driver refuses. */
  ofSettings(error: unknown): Failure;
}

export function failureWords({ uri, database }: { uri: string; database: string }): FailureWords {
  const secrets = secretsOf(uri);
  const mask = (text: string): string =>
    secrets
      .reduce((masked, secret) => masked.replaceAll(secret, '***'), text)
      .replace(/(\w+:\/\/[^\s:/@]*):[^\s@]*@/g, '$1:***@');

  /** For the log: where it came from, without what the driver hangs on its errors. */
  function causeOf(error: unknown): Error {
    const cause = new Error(mask(messageOf(error)));
    if (error instanceof Error) {
      cause.name = error.name;
      cause.stack = mask(error.stack ?? '');
    }
    return cause;
  }

  function ofServer(error: MongoServerError, collection: string, wrote: boolean): Failure {
    const code = Number(error.code);
    const said = mask(error.message);
    const cause = causeOf(error);
    if (code === DUPLICATE_KEY) {
      const keys = keysOf(error);
      return new Failure(
        'duplicate_key',
        `another document of ${collection} has the same ${keys.join(', ') || 'unique key'}`,
        { cause, details: { collection, keys } },
      );
    }
    if (error instanceof MongoWriteConcernError)
      return unavailable(`MongoDB wrote, but a majority of its members did not confirm it: ${said}`, cause);
    if (WRONG_USER.has(code))
      return unavailable(
        `MongoDB refuses the user of MONGODB_URI (${said}): check the name, the password (signs in it percent-encoded) and authSource`,
        cause,
      );
    if (code === NO_RIGHTS)
      return unavailable(
        `the user of MONGODB_URI may not do this (${said}): give it the role readWrite on the database ${database}`,
        cause,
      );
    if (TOO_LARGE.has(code)) return new Failure('payload_too_large', said, { cause });
    if (NOT_PRIMARY.has(code))
      return unavailable(`MongoDB is choosing a new primary (${said}); try again`, cause);
    if (code === OUT_OF_TIME)
      return unavailable(
        `MongoDB gave up in time: ${said}${wrote ? '; the write may still happen' : ''}`,
        cause,
      );
    if (BAD_REQUEST.has(code) || code >= FIRST_ASSERTION)
      return new Failure('invalid_request', `MongoDB refuses this: ${said}`, { cause });
    return unavailable(`MongoDB failed: ${said}`, cause);
  }

  return {
    ofSettings: (error) =>
      new Failure('config_invalid', `MONGODB_URI cannot be used: ${mask(messageOf(error))}`, {
        cause: causeOf(error),
      }),
    of(error, collection = database, wrote = false) {
      if (error instanceof Failure) return error;
      if (error instanceof MongoServerError) return ofServer(error, collection, wrote);
      const said = mask(messageOf(error));
      const cause = causeOf(error);
      if (error instanceof MongoInvalidArgumentError || error instanceof BSON.BSONError)
        return new Failure('invalid_request', `this cannot be sent to MongoDB: ${said}`, { cause });
      if (error instanceof MongoServerSelectionError)
        return unavailable(
          `MongoDB cannot be reached (${said}): is it running, and is MONGODB_URI right?`,
          cause,
        );
      const timedOut = error instanceof MongoNetworkTimeoutError ? 'no answer in time: ' : '';
      return unavailable(
        `the connection to MongoDB failed: ${timedOut}${said}${wrote ? '; the write may still happen' : ''}`,
        cause,
      );
    },
  };
}

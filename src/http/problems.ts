/** http/problems: every failure as RFC 9457 problem details; the one place that knows which code is which status. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Log } from '../app/ports.ts';
import type { FieldError, Problem } from '../contract/index.ts';
import { type Code, Failure, isFailure, RETRYABLE } from '../domain/errors.ts';

/** Codes that only the protocol knows, beside those of the domain. */
export type ProtocolCode = 'method_not_allowed' | 'range_not_satisfiable' | 'upgrade_required';
export type ProblemCode = Code | ProtocolCode;

export const STATUS: Record<ProblemCode, number> = {
  agent_unavailable: 503,
  already_taken_over: 409,
  analysis_unavailable: 503,
  at_capacity: 503,
  attempt_in_progress: 409,
  call_elsewhere: 409,
  call_not_found: 404,
  call_not_talking: 409,
  call_over: 409,
  campaign_conflict: 409,
  campaign_not_found: 404,
  campaign_not_ready: 409,
  config_invalid: 500,
  dial_denied: 409,
  dial_refused: 502,
  dial_unconfirmed: 504,
  duplicate_key: 409,
  forbidden: 403,
  idempotency_conflict: 409,
  import_conflict: 409,
  import_failed: 422,
  internal: 500,
  invalid_request: 400,
  knowledge_conflict: 409,
  last_admin: 409,
  lead_not_found: 404,
  listener_limit: 503,
  message_denied: 409,
  message_refused: 502,
  message_unavailable: 502,
  message_unconfirmed: 504,
  method_not_allowed: 405,
  not_listening: 409,
  not_taken_over: 409,
  model_unavailable: 503,
  not_found: 404,
  payload_too_large: 413,
  permit_expired: 409,
  permit_forged: 409,
  permit_spent: 409,
  range_not_satisfiable: 416,
  rate_limited: 429,
  recording_not_found: 404,
  review_conflict: 409,
  shutting_down: 503,
  sign_in_locked: 429,
  store_unavailable: 503,
  telephony_unavailable: 502,
  template_in_use: 409,
  transcript_conflict: 409,
  transfer_not_configured: 409,
  unauthenticated: 401,
  upgrade_required: 426,
  upload_interrupted: 408,
};

export const TITLE: Record<ProblemCode, string> = {
  agent_unavailable: 'The voice agent cannot be reached',
  already_taken_over: 'Somebody else speaks with the caller',
  analysis_unavailable: 'Nobody can analyse the call with that now',
  at_capacity: 'All lines are busy',
  attempt_in_progress: 'This person is being called already',
  call_elsewhere: 'Another process carries this call',
  call_not_found: 'No such call',
  call_not_talking: 'Nobody talks on this call now',
  call_over: 'The call is over',
  campaign_conflict: 'The campaign does not stand so that this is possible',
  campaign_not_found: 'No such campaign',
  campaign_not_ready: 'The campaign cannot be started as it is',
  config_invalid: 'The service is not set up for this',
  dial_denied: 'The gate refused this call',
  dial_refused: 'The carrier refused this call',
  dial_unconfirmed: 'The carrier did not say whether it dialled',
  duplicate_key: 'This exists already',
  forbidden: 'Not allowed',
  idempotency_conflict: 'This Idempotency-Key was used for another request',
  import_conflict: 'Another import is under way',
  import_failed: 'The file could not be imported',
  internal: 'Something went wrong on our side',
  invalid_request: 'The request is not valid',
  knowledge_conflict: 'Somebody else changed this meanwhile',
  last_admin: 'The last administrator stays one',
  lead_not_found: 'No such lead',
  listener_limit: 'Too many people listen already',
  message_denied: 'The gate refused this message',
  message_refused: 'The carrier or mail server refused this message',
  message_unavailable: 'The carrier or mail server cannot be reached',
  message_unconfirmed: 'The carrier or mail server did not say whether it took the message',
  model_unavailable: 'Claude cannot be asked now',
  method_not_allowed: 'This path has no such method',
  not_listening: 'Whoever takes over must listen to the call',
  not_taken_over: 'You do not speak with this caller',
  not_found: 'Nothing here',
  payload_too_large: 'The request is too large',
  permit_expired: 'The permit to dial is no longer valid',
  permit_forged: 'The permit to dial was not made by the gate',
  permit_spent: 'The permit to dial was used already',
  range_not_satisfiable: 'The range lies outside of the recording',
  rate_limited: 'Too many requests',
  recording_not_found: 'No recording of this call',
  review_conflict: 'Somebody changed it meanwhile',
  shutting_down: 'The service is restarting',
  sign_in_locked: 'Too many failed sign-ins',
  store_unavailable: 'The database cannot be reached',
  telephony_unavailable: 'The carrier cannot be reached',
  template_in_use: 'A campaign uses this template',
  transcript_conflict: 'The line reads otherwise by now',
  transfer_not_configured: 'There is no number to transfer to',
  unauthenticated: 'Sign in first',
  upgrade_required: 'This address speaks WebSocket',
  upload_interrupted: 'The file stopped coming',
};

const retryable = (code: ProblemCode): boolean =>
  code === 'method_not_allowed' || code === 'range_not_satisfiable' || code === 'upgrade_required'
    ? false
    : RETRYABLE[code];

export const invalid = (errors: readonly FieldError[], message = 'The request is not valid.'): Failure =>
  new Failure('invalid_request', message, { details: { errors } });

const pointer = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** What zod found wrong, as field errors: JSON Pointers into the body, names of parameters elsewhere. */
export function fieldErrors(where: FieldError['in'], issues: readonly z.core.$ZodIssue[]): FieldError[] {
  return issues.slice(0, 50).flatMap((issue): FieldError[] => {
    const at = (path: readonly PropertyKey[]) =>
      where === 'body' ? pointer(path) : path.map(String).join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.slice(0, 20).map((key) => ({
        in: where,
        pointer: at([...issue.path, key.slice(0, 100)]),
        detail: 'unknown; remove it',
      }));
    }
    return [{ in: where, pointer: at(issue.path), detail: issue.message }];
  });
}

const RESERVED = new Set(['type', 'title', 'status', 'code', 'detail', 'instance', 'retryable']);

/** `details.fields` of the app (path with dots → what is wrong) as field errors. */
function fieldsAsErrors(fields: unknown, where: FieldError['in']): FieldError[] {
  if (typeof fields !== 'object' || fields === null) return [];
  return Object.entries(fields).map(([path, detail]) => ({
    in: where,
    pointer: where === 'body' ? pointer(path.split('.')) : path,
    detail: String(detail),
  }));
}

/** The problem a client sees. A failure that is not ours, and `internal`, keep their words for the log. */
function problemOf(error: unknown, requestId: string, where: FieldError['in']): Problem {
  const failure = isFailure(error) ? error : undefined;
  const code: ProblemCode = failure?.code ?? 'internal';
  const { fields, ...details } = failure && code !== 'internal' ? failure.details : {};
  const errors = fieldsAsErrors(fields, where);
  return {
    ...Object.fromEntries(Object.entries(details).filter(([key]) => !RESERVED.has(key))),
    ...(errors.length > 0 ? { errors } : {}),
    type: `urn:parley:problem:${code}`,
    title: TITLE[code],
    status: STATUS[code],
    code,
    detail:
      failure && code !== 'internal'
        ? failure.message
        : 'The log has the details under the id in `instance`.',
    instance: `urn:parley:request:${requestId}`,
    retryable: retryable(code),
  };
}

/** A problem of the protocol itself. */
export const protocolProblem = (code: ProtocolCode, detail: string, requestId: string): Problem => ({
  type: `urn:parley:problem:${code}`,
  title: TITLE[code],
  status: STATUS[code],
  code,
  detail,
  instance: `urn:parley:request:${requestId}`,
  retryable: false,
});

export function sendProblem(
  response: ServerResponse,
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent) {
    // Half an answer is out: only a broken connection tells the client that the rest will not come.
    response.destroy();
    return;
  }
  const body = JSON.stringify(problem);
  response.writeHead(problem.status, {
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

const DEFAULT_RETRY_SEC = 5;

/**
 * Answers any error; what is our fault goes to the log with its cause under the same id. `fieldsIn`: where the fields that
 * the app names came from.
 */
export function sendError(
  error: unknown,
  fieldsIn: FieldError['in'],
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  log: Log,
): void {
  const problem = problemOf(error, requestId, fieldsIn);
  if (problem.status >= 500) {
    log.error({ requestId, method: request.method, code: problem.code, err: error }, 'a request failed');
  }
  const retryIn = problem.retryInSec;
  const retryAfter =
    typeof retryIn === 'number' ? Math.ceil(retryIn) : problem.status === 503 ? DEFAULT_RETRY_SEC : undefined;
  sendProblem(response, problem, {
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    ...(problem.code === 'unauthenticated' ? { 'www-authenticate': 'Bearer realm="parley"' } : {}),
  });
}

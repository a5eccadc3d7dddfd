/** domain/errors: every failure an outsider can meet has one stable code and one answer to "may I try again?". */

/** Codes are public (problem+json `code`, logs, docs); messages may change. `true` = the same request may succeed later. */
export const RETRYABLE = {
  agent_unavailable: true,
  already_taken_over: false,
  analysis_unavailable: true,
  attempt_in_progress: true,
  at_capacity: true,
  call_elsewhere: true,
  call_not_found: false,
  call_not_talking: true,
  call_over: false,
  campaign_conflict: false,
  campaign_not_found: false,
  campaign_not_ready: false,
  config_invalid: false,
  dial_denied: false,
  dial_refused: false,
  dial_unconfirmed: false,
  duplicate_key: false,
  forbidden: false,
  idempotency_conflict: false,
  import_conflict: true,
  import_failed: false,
  internal: true,
  invalid_request: false,
  knowledge_conflict: false,
  last_admin: false,
  lead_not_found: false,
  listener_limit: true,
  message_denied: false,
  message_refused: false,
  message_unavailable: true,
  message_unconfirmed: false,
  not_listening: false,
  not_taken_over: false,
  model_unavailable: true,
  not_found: false,
  payload_too_large: false,
  permit_expired: false,
  permit_forged: false,
  permit_spent: false,
  rate_limited: true,
  recording_not_found: false,
  review_conflict: false,
  shutting_down: true,
  sign_in_locked: true,
  store_unavailable: true,
  telephony_unavailable: true,
  template_in_use: false,
  transcript_conflict: false,
  transfer_not_configured: false,
  unauthenticated: false,
  upload_interrupted: true,
} as const satisfies Record<string, boolean>;

export type Code = keyof typeof RETRYABLE;

/** A failure with a stable code. `details` is safe to show to the caller of the API; `cause` is for the log. */
export class Failure extends Error {
  readonly code: Code;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: Code,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Failure';
    this.code = code;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return RETRYABLE[this.code];
  }
}

export const isFailure = (error: unknown, code?: Code): error is Failure =>
  error instanceof Failure && (code === undefined || error.code === code);

/** For the default branch of an exhaustive switch: a case nobody handles does not compile. */
export function impossible(value: never): never {
  throw new Failure('internal', `unhandled case: ${JSON.stringify(value)}`);
}

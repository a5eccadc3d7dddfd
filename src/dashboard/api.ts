/** dashboard/api: the one place that talks to the server. Every answer is parsed with the contract; every failure has a code. */
import { z } from 'zod';
import {
  Call,
  type CallAction,
  CallEvent,
  type CallQuery,
  ConsentLog,
  Decision,
  type DncAdd,
  DncEntry,
  Lead,
  type LeadConsent,
  type LeadCreate,
  type LeadPatch,
  type LeadQuery,
  Problem,
  page,
  Session,
  Settings,
  Timeline,
  Transcript,
} from '../contract/index.ts';

const BASE = '/api/v1';
const TIMEOUT_MS = 20_000;

/**
 * A request that did not give what was asked for. `code` is the problem's own; without an answer of the server it is
 * offline, timed_out or unexpected_answer.
 */
export class ApiError extends Error {
  readonly code: string;
  /** 0 when there was no answer. */
  readonly status: number;
  readonly retryable: boolean;
  readonly problem: Problem | undefined;

  constructor(
    code: string,
    message: string,
    options: { status?: number; retryable?: boolean; problem?: Problem; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ApiError';
    this.code = code;
    this.status = options.status ?? 0;
    this.retryable = options.retryable ?? false;
    this.problem = options.problem;
  }
}

/** The gate's decision that came with a refusal to dial. */
export function decisionOf(error: unknown): Decision | undefined {
  return error instanceof ApiError ? Decision.safeParse(error.problem?.decision).data : undefined;
}

/** The record of the attempt that was refused. */
export function refusedCallOf(error: unknown): Call | undefined {
  return error instanceof ApiError ? Call.safeParse(error.problem?.call).data : undefined;
}

interface Options {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

function address(path: string, query: Options['query'] = {}): string {
  const given = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, String(value)]],
  );
  return given.length > 0 ? `${BASE}${path}?${new URLSearchParams(given)}` : `${BASE}${path}`;
}

async function refused(response: Response): Promise<ApiError> {
  const problem = Problem.safeParse(await response.json().catch(() => undefined)).data;
  if (problem) {
    return new ApiError(problem.code, problem.detail ?? problem.title, {
      status: response.status,
      retryable: problem.retryable,
      problem,
    });
  }
  return new ApiError('unexpected_answer', `The server answered ${response.status} without an explanation.`, {
    status: response.status,
    retryable: response.status >= 500,
  });
}

async function send<S extends z.ZodType>(
  method: string,
  path: string,
  schema: S,
  { query, body, headers, signal }: Options = {},
): Promise<z.output<S>> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(address(path, query), {
      method,
      credentials: 'same-origin',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw timeout.aborted
      ? new ApiError('timed_out', 'The server took too long to answer.', { retryable: true, cause })
      : new ApiError('offline', 'The server cannot be reached.', { retryable: true, cause });
  }
  if (!response.ok) throw await refused(response);
  const json: unknown = response.status === 204 ? undefined : await response.json().catch(() => undefined);
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    throw new ApiError('unexpected_answer', 'The server answered in a form that this page does not know.', {
      status: response.status,
      cause: parsed.error,
    });
  }
  return parsed.data;
}

const CallPage = page(Call);
const LeadPage = page(Lead);
const Events = z.object({ items: z.array(CallEvent) });
const ConsentPage = page(ConsentLog);
const DncPage = page(DncEntry);

export type CallFilter = Partial<Omit<CallQuery, 'limit' | 'cursor'>>;
export type LeadFilter = Partial<Omit<LeadQuery, 'limit' | 'cursor'>>;
/** One page: how many, and where the one before ended. */
export interface Cut {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export const api = {
  /** null: nobody is signed in. */
  me: async (signal?: AbortSignal): Promise<Session | null> => {
    try {
      return await send('GET', '/auth/me', Session, { signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  /** Spends the token: the same one is refused afterwards. */
  signIn: async (token: string) => {
    await send('POST', '/auth/link', z.unknown(), { body: { token } });
    return true;
  },
  signOut: () => send('POST', '/auth/logout', z.unknown()),
  settings: (signal?: AbortSignal) => send('GET', '/settings', Settings, { signal }),

  calls: (filter: CallFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', '/calls', CallPage, { query: { ...filter, ...cut }, signal }),
  call: (id: string, signal?: AbortSignal) => send('GET', `/calls/${id}`, Call, { signal }),
  transcript: (id: string, signal?: AbortSignal) =>
    send('GET', `/calls/${id}/transcript`, Transcript, { query: { format: 'json' }, signal }),
  /** All of them, in the order of `seq`. */
  events: async (id: string, signal?: AbortSignal) =>
    (await send('GET', `/calls/${id}/events`, Events, { signal })).items,
  /** The same `key` never makes two calls, however often it is sent. */
  placeCall: (leadId: string, key: string) =>
    send('POST', '/calls', Call, { body: { leadId }, headers: { 'idempotency-key': key } }),
  act: (id: string, action: CallAction) =>
    send('POST', `/calls/${id}/actions`, z.unknown(), { body: action }),

  leads: (filter: LeadFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', '/leads', LeadPage, { query: { ...filter, ...cut }, signal }),
  lead: (id: string, signal?: AbortSignal) => send('GET', `/leads/${id}`, Lead, { signal }),
  timeline: (id: string, signal?: AbortSignal) => send('GET', `/leads/${id}/timeline`, Timeline, { signal }),
  createLead: (lead: LeadCreate) => send('POST', '/leads', Lead, { body: lead }),
  changeLead: (id: string, patch: LeadPatch) => send('PATCH', `/leads/${id}`, Lead, { body: patch }),

  check: (leadId: string, signal?: AbortSignal) =>
    send('POST', '/compliance/check', Decision, { body: { leadId }, signal }),
  consents: (phone: string, signal?: AbortSignal) =>
    send('GET', '/consents', ConsentPage, { query: { phone, limit: 50 }, signal }),
  grantConsent: (phone: string, leadId: string, consent: LeadConsent) =>
    send('POST', '/consents', ConsentLog, { body: { phone, leadId, ...consent } }),
  listings: (phone: string, signal?: AbortSignal) =>
    send('GET', '/dnc', DncPage, { query: { phone, limit: 50 }, signal }),
  addToDnc: (entry: Pick<DncAdd, 'phone'> & { reason: string }) =>
    send('POST', '/dnc', DncEntry, { body: entry }),
} as const;

/** Addresses that the browser opens by itself: the player and the download links. */
export const callFiles = (id: string) => ({
  recording: `${BASE}/calls/${id}/recording`,
  text: `${BASE}/calls/${id}/transcript?format=txt`,
  json: `${BASE}/calls/${id}/transcript?format=json`,
  subtitles: `${BASE}/calls/${id}/transcript?format=vtt`,
});
export const consentProof = (phone: string) => `${BASE}/consents/proof?phone=${encodeURIComponent(phone)}`;
export const LIVE_CALLS = `${BASE}/calls/live`;

/** A key nobody else has; works on plain http too, where crypto.randomUUID is absent. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );

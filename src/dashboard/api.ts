/** dashboard/api: the one place that talks to the server. Every answer is parsed with the contract; every failure has a code. */
import { z } from 'zod';
import {
  Call,
  type CallAction,
  CallEvent,
  CallingWindows,
  type CallingWindowsQuestion,
  type CallQuery,
  Campaign,
  CompliancePolicy,
  type CompliancePolicyPatch,
  type ConsentGrant,
  ConsentLog,
  type ConsentQuery,
  type ConsentRevoke,
  ConsentVerification,
  Decision,
  type DecisionQuery,
  DecisionRecord,
  type DncAdd,
  DncEntry,
  type DncQuery,
  type DncRelease,
  Erasure,
  type ErasureRequest,
  ImportedRow,
  Lead,
  type LeadCreate,
  LeadFilePreview,
  LeadImport,
  type LeadImportPlan,
  type LeadPatch,
  type LeadQuery,
  ListImport,
  type ListImportQuery,
  ListStatus,
  Problem,
  page,
  Readiness,
  type RecordsQuery,
  type RetentionPatch,
  RetentionPolicy,
  RetentionRun,
  type RowOutcome,
  Session,
  Settings,
  Timeline,
  Transcript,
} from '../contract/index.ts';
import { sendFile } from './upload.ts';

const BASE = '/api/v1';
const TIMEOUT_MS = 20_000;
/** For what goes through everything that is kept of somebody, or of a day. */
const LONG_TIMEOUT_MS = 120_000;
/** So much of a file is looked at before it is imported. */
const PREVIEW_BYTES = 256 * 1024;

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

/** What is wrong with one field of the body, in the server's words; the pointer is a JSON Pointer. */
export function faultOf(error: unknown, pointer: string): string | undefined {
  return error instanceof ApiError
    ? error.problem?.errors?.find((field) => field.pointer === pointer)?.detail
    : undefined;
}

/** The gate's decision that came with a refusal to dial. */
export function decisionOf(error: unknown): Decision | undefined {
  return error instanceof ApiError ? Decision.safeParse(error.problem?.decision).data : undefined;
}

/** The record of the attempt that was refused. */
export function refusedCallOf(error: unknown): Call | undefined {
  return error instanceof ApiError ? Call.safeParse(error.problem?.call).data : undefined;
}

/** How far an import came that was not done. */
export function failedImportOf(error: unknown): ListImport | undefined {
  return error instanceof ApiError ? ListImport.safeParse(error.problem?.import).data : undefined;
}

interface Options {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

function address(path: string, query: Options['query'] = {}): string {
  const given = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, String(value)]],
  );
  return given.length > 0 ? `${BASE}${path}?${new URLSearchParams(given)}` : `${BASE}${path}`;
}

function refused(status: number, body: unknown): ApiError {
  const problem = Problem.safeParse(body).data;
  if (problem) {
    return new ApiError(problem.code, problem.detail ?? problem.title, {
      status,
      retryable: problem.retryable,
      problem,
    });
  }
  return new ApiError('unexpected_answer', `The server answered ${status} without an explanation.`, {
    status,
    retryable: status >= 500,
  });
}

function accepted<S extends z.ZodType>(status: number, body: unknown, schema: S): z.output<S> {
  const parsed = schema.safeParse(body);
  if (!parsed.success) {
    throw new ApiError('unexpected_answer', 'The server answered in a form that this page does not know.', {
      status,
      cause: parsed.error,
    });
  }
  return parsed.data;
}

/** The server's answer, whatever its status; only silence throws. */
async function ask(
  method: string,
  url: string,
  { body, headers, signal, timeoutMs = TIMEOUT_MS }: Options,
): Promise<{ readonly ok: boolean; readonly status: number; readonly json: unknown }> {
  const timeout = AbortSignal.timeout(timeoutMs);
  let response: Response;
  try {
    response = await fetch(url, {
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
  const { ok, status } = response;
  return { ok, status, json: status === 204 ? undefined : await response.json().catch(() => undefined) };
}

async function send<S extends z.ZodType>(
  method: string,
  path: string,
  schema: S,
  options: Options = {},
): Promise<z.output<S>> {
  const { ok, status, json } = await ask(method, address(path, options.query), options);
  if (!ok) throw refused(status, json);
  return accepted(status, json, schema);
}

/** Sends a file as it is, and reads the answer. */
async function upload<S extends z.ZodType>(
  path: string,
  query: NonNullable<Options['query']>,
  file: Blob,
  sent: (bytes: number) => void,
  signal: AbortSignal | undefined,
  schema: S,
): Promise<z.output<S>> {
  const url = address(path, query);
  const { status, body } = await sendFile(url, file, sent, signal ?? new AbortController().signal);
  if (status === 0) {
    throw new ApiError('upload_interrupted', 'The connection broke while the file was being sent.', {
      retryable: true,
    });
  }
  if (status < 200 || status > 299) throw refused(status, body);
  return accepted(status, body, schema);
}

const CallPage = page(Call);
const LeadPage = page(Lead);
const Events = z.object({ items: z.array(CallEvent) });
const ConsentPage = page(ConsentLog);
const DncPage = page(DncEntry);
const DecisionPage = page(DecisionRecord);
const CampaignPage = page(Campaign);
const Lists = z.object({ items: z.array(ListStatus) });
const Imports = z.object({ items: z.array(ListImport) });
const LeadImports = z.object({ items: z.array(LeadImport) });
const ImportedRowPage = page(ImportedRow);
const RunPage = page(RetentionRun);
const ErasurePage = page(Erasure);

type Filter<Q> = Partial<Omit<Q, 'limit' | 'cursor'>>;
export type CallFilter = Filter<CallQuery>;
export type LeadFilter = Filter<LeadQuery>;
export type DecisionFilter = Filter<DecisionQuery>;
export type ConsentFilter = Filter<ConsentQuery>;
export type DncFilter = Filter<DncQuery>;
/** Defaults of the contract may be left out. */
export type WindowsQuestion = Omit<CallingWindowsQuestion, 'days'>;
export type DncAddition = Partial<DncAdd> & Pick<DncAdd, 'phone'>;
export type ImportQuestion = Omit<ListImportQuery, 'importId'> & { readonly importId?: string | undefined };
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
  /** How the parts are that calls need. "Not ready" comes as a 503, and is an answer all the same. */
  readiness: async (signal?: AbortSignal): Promise<Readiness> => {
    const { status, json } = await ask('GET', '/readyz', { signal });
    return accepted(status, json, Readiness);
  },

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

  /** Only the beginning of the file is sent. */
  previewLeadFile: (file: Blob) =>
    upload(
      '/leads/import/preview',
      {},
      file.slice(0, PREVIEW_BYTES),
      () => undefined,
      undefined,
      LeadFilePreview,
    ),
  prepareLeadImport: (plan: LeadImportPlan) => send('POST', '/leads/imports', LeadImport, { body: plan }),
  /** Sends the file as it is; `sent` hears how many of its bytes are on the way. Aborting keeps what was taken. */
  importLeads: (importId: string, file: Blob, sent: (bytes: number) => void, signal: AbortSignal) =>
    upload('/leads/import', { importId }, file, sent, signal, LeadImport),
  leadImports: async (signal?: AbortSignal) =>
    (await send('GET', '/leads/imports', LeadImports, { signal })).items,
  leadImport: (id: string, signal?: AbortSignal) =>
    send('GET', `/leads/imports/${id}`, LeadImport, { signal }),
  leadImportRows: (id: string, outcome: RowOutcome | undefined, cut: Cut, signal?: AbortSignal) =>
    send('GET', `/leads/imports/${id}/rows`, ImportedRowPage, { query: { outcome, ...cut }, signal }),

  check: (leadId: string, signal?: AbortSignal) =>
    send('POST', '/compliance/check', Decision, { body: { leadId }, signal }),
  windows: (question: WindowsQuestion, signal?: AbortSignal) =>
    send('POST', '/compliance/windows', CallingWindows, { body: question, signal }),
  policy: (signal?: AbortSignal) => send('GET', '/compliance/policy', CompliancePolicy, { signal }),
  changePolicy: (patch: CompliancePolicyPatch) =>
    send('PATCH', '/compliance/policy', CompliancePolicy, { body: patch }),
  decisions: (filter: DecisionFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', '/compliance/decisions', DecisionPage, { query: { ...filter, ...cut }, signal }),
  campaigns: async (signal?: AbortSignal) =>
    (await send('GET', '/campaigns', CampaignPage, { query: { limit: 200 }, signal })).items,

  lists: async (signal?: AbortSignal) => (await send('GET', '/compliance/lists', Lists, { signal })).items,
  imports: async (signal?: AbortSignal) => (await send('GET', '/dnc/imports', Imports, { signal })).items,
  discardImport: (id: string) => send('POST', `/dnc/imports/${id}/discard`, ListImport),
  /** Sends the file as it is; `sent` hears how many of its bytes are on the way. Aborting keeps what was taken. */
  importList: async (
    question: ImportQuestion,
    file: Blob,
    sent: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<ListImport> => {
    return await upload('/dnc/import', question, file, sent, signal, ListImport);
  },

  consents: (filter: ConsentFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', '/consents', ConsentPage, { query: { ...filter, ...cut }, signal }),
  grantConsent: (grant: ConsentGrant) => send('POST', '/consents', ConsentLog, { body: grant }),
  revokeConsent: (revocation: ConsentRevoke) =>
    send('POST', '/consents/revoke', ConsentLog, { body: revocation }),
  /** Without a number: every chain there is. */
  verifyConsents: (phone?: string, signal?: AbortSignal) =>
    send('GET', '/consents/verify', ConsentVerification, { query: { phone }, signal }),

  listings: (filter: DncFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', '/dnc', DncPage, { query: { ...filter, ...cut }, signal }),
  addToDnc: (entry: DncAddition) => send('POST', '/dnc', DncEntry, { body: entry }),
  releaseFromDnc: (phone: string, release: DncRelease) =>
    send('POST', `/dnc/${encodeURIComponent(phone)}/release`, DncEntry, { body: release }),

  retention: (signal?: AbortSignal) => send('GET', '/retention', RetentionPolicy, { signal }),
  changeRetention: (patch: z.infer<typeof RetentionPatch>) =>
    send('PATCH', '/retention', RetentionPolicy, { body: patch }),
  retentionRuns: (cut: Cut, signal?: AbortSignal) =>
    send('GET', '/retention/runs', RunPage, { query: { ...cut }, signal }),
  /** `dryRun` changes nothing. A run over much data is still `running` in the answer. */
  runRetention: (dryRun: boolean) =>
    send('POST', '/retention/run', RetentionRun, { body: { dryRun }, timeoutMs: LONG_TIMEOUT_MS }),
  erasures: (cut: Cut, signal?: AbortSignal) =>
    send('GET', '/erasures', ErasurePage, { query: { ...cut }, signal }),
  /** `dryRun` changes nothing and tells what would be removed and what stays. */
  erase: (request: z.infer<typeof ErasureRequest>) =>
    send('POST', '/erasures', Erasure, { body: request, timeoutMs: LONG_TIMEOUT_MS }),
} as const;

/** Addresses that the browser opens by itself: the player and the download links. */
export const callFiles = (id: string) => ({
  recording: `${BASE}/calls/${id}/recording`,
  text: `${BASE}/calls/${id}/transcript?format=txt`,
  json: `${BASE}/calls/${id}/transcript?format=json`,
  subtitles: `${BASE}/calls/${id}/transcript?format=vtt`,
});
export const proofFile = (phone: string, format: 'json' | 'html') =>
  address('/consents/proof', { phone, format });
export const callRecords = ({ from, to, format }: RecordsQuery) =>
  address('/compliance/records', { from, to, format });
/** The report of an import of leads as a file; of one kind of row, or all. */
export const leadImportReport = (id: string, outcome?: RowOutcome) =>
  address(`/leads/imports/${id}/rows.csv`, { outcome });
export const LIVE_CALLS = `${BASE}/calls/live`;

/** A key nobody else has; works on plain http too, where crypto.randomUUID is absent. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );

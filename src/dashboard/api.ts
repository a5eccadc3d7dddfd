/** dashboard/api: the one place that talks to the server. Every answer is parsed with the contract; every failure has a code. */
import { z } from 'zod';
import {
  AgentState,
  AgentStates,
  type AgentType,
  ApiKey,
  type ApiKeyCreate,
  ApiKeyMade,
  Audience,
  type AudienceQuery,
  AuditEntry,
  type AuditQuery,
  type BulkDeed,
  Call,
  type CallAction,
  CallAnalyses,
  CallAnalysis,
  CallBulkResults,
  type CallBulkUndo,
  type CallCommentCreate,
  CallEvent,
  CallingWindows,
  type CallingWindowsQuestion,
  CallMatches,
  type CallQuery,
  CallReview,
  type CallReviewPut,
  CallScripts,
  CallsToReview,
  CallTest,
  Campaign,
  type CampaignCreate,
  type CampaignPatch,
  type CampaignQuery,
  CampaignWork,
  CampaignWorks,
  CompliancePolicy,
  type CompliancePolicyPatch,
  type ConsentGrant,
  ConsentLog,
  type ConsentQuery,
  type ConsentRevoke,
  ConsentVerification,
  Contact,
  CreatedIntakeEndpoint,
  Decision,
  type DecisionQuery,
  DecisionRecord,
  Demo,
  type DncAdd,
  DncEntry,
  type DncQuery,
  type DncRelease,
  Enrollment,
  type EnrollmentQuery,
  Erasure,
  type ErasureRequest,
  type FirstUser,
  Forecast,
  FoundCalls,
  Grant,
  ImportedRow,
  IntakeEndpoint,
  type IntakeEndpointCreate,
  InvitedUser,
  type KnowledgeCreate,
  KnowledgeList,
  KnowledgeProposal,
  KnowledgeProposals,
  type KnowledgeSave,
  KnowledgeTopic,
  KnowledgeUses,
  Lead,
  type LeadCreate,
  LeadFilePreview,
  LeadImport,
  type LeadImportPlan,
  type LeadPatch,
  type LeadQuery,
  ListedCall,
  ListImport,
  type ListImportQuery,
  ListStatus,
  LlmEndpoint,
  type Login,
  Message,
  MessagePreview,
  type MessageQuery,
  type MessageSend,
  MessageTemplate,
  type MessageTemplateSave,
  Overview,
  type OverviewQuery,
  type PasswordByLink,
  type PasswordChange,
  PasswordLink,
  type PauseRequest,
  Performance,
  Problem,
  PromptsInUse,
  Property,
  type ProposalAccept,
  type ProposalQuery,
  page,
  Rates,
  type RatesPatch,
  Readiness,
  type RecordsQuery,
  type RetentionPatch,
  RetentionPolicy,
  RetentionRun,
  Reviewers,
  type RowOutcome,
  SavedView,
  Session,
  Settings,
  Timeline,
  Transcript,
  User,
  type UserCreate,
  type UserPatch,
  UserSession,
  Waveform,
  type WordsCorrection,
  type WrongClaimMark,
} from '../contract/index.ts';
import { askedEarly, BASE, HEADERS } from './early.ts';
import { sendFile } from './upload.ts';

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
    response =
      (method === 'GET' ? await askedEarly(url) : undefined) ??
      (await fetch(url, {
        method,
        credentials: 'same-origin',
        headers: {
          ...HEADERS,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      }));
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

const CallPage = page(ListedCall);
const Views = z.object({ items: z.array(SavedView) });
const LeadPage = page(Lead);
const Events = z.object({ items: z.array(CallEvent) });
const ConsentPage = page(ConsentLog);
const DncPage = page(DncEntry);
const DecisionPage = page(DecisionRecord);
const CampaignPage = page(Campaign);
const EnrollmentPage = page(Enrollment);
const MessagePage = page(Message);
const TemplatePage = page(MessageTemplate);
const Lists = z.object({ items: z.array(ListStatus) });
const Imports = z.object({ items: z.array(ListImport) });
const LeadImports = z.object({ items: z.array(LeadImport) });
const IntakeEndpoints = z.object({ items: z.array(IntakeEndpoint) });
const ImportedRowPage = page(ImportedRow);
const RunPage = page(RetentionRun);
const ErasurePage = page(Erasure);

const UserPage = page(User);
const AuditPage = page(AuditEntry);
const ApiKeys = z.object({ items: z.array(ApiKey) });
const Grants = z.object({ items: z.array(Grant) });
const Sessions = z.object({ items: z.array(UserSession) });

type Filter<Q> = Partial<Omit<Q, 'limit' | 'cursor'>>;
export type OverviewQuestion = z.input<typeof OverviewQuery>;
export type CallFilter = Filter<CallQuery>;
export type SaidFilter = CallFilter & { readonly text: string };
export type LeadFilter = Filter<LeadQuery>;
export type DecisionFilter = Filter<DecisionQuery>;
export type ConsentFilter = Filter<ConsentQuery>;
export type DncFilter = Filter<DncQuery>;
export type CampaignFilter = Filter<CampaignQuery>;
export type EnrollmentFilter = Filter<EnrollmentQuery>;
export type AuditFilter = Filter<z.infer<typeof AuditQuery>>;
export type ProposalFilter = Filter<z.infer<typeof ProposalQuery>>;
export type MessageFilter = Filter<z.infer<typeof MessageQuery>>;
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
  login: (who: Login) => send('POST', '/auth/login', z.unknown(), { body: who }),
  /** By the link of an invitation or a reset; signs in. */
  setPassword: (choice: PasswordByLink) => send('POST', '/auth/password-link', z.unknown(), { body: choice }),
  /** Signs in as that person. */
  becomeFirstUser: (user: FirstUser) => send('POST', '/auth/first-user', z.unknown(), { body: user }),
  changePassword: (change: PasswordChange) => send('POST', '/auth/password', z.unknown(), { body: change }),
  sessions: async (signal?: AbortSignal) => (await send('GET', '/auth/sessions', Sessions, { signal })).items,
  endSession: (id: string) => send('POST', `/auth/sessions/${id}/end`, z.unknown()),
  /** Answers how many there were. */
  endOtherSessions: async () =>
    (await send('POST', '/auth/sessions/end-others', z.object({ ended: z.number() }))).ended,
  grants: async (signal?: AbortSignal) => (await send('GET', '/auth/grants', Grants, { signal })).items,
  users: (cut: Cut, signal?: AbortSignal) => send('GET', '/users', UserPage, { query: { ...cut }, signal }),
  createUser: (user: UserCreate) => send('POST', '/users', InvitedUser, { body: user }),
  changeUser: (id: string, patch: UserPatch) => send('PATCH', `/users/${id}`, User, { body: patch }),
  passwordLink: (id: string) => send('POST', `/users/${id}/password-link`, PasswordLink),
  unlockUser: (id: string) => send('POST', `/users/${id}/unlock`, User),
  apiKeys: async (signal?: AbortSignal) => (await send('GET', '/api-keys', ApiKeys, { signal })).items,
  createApiKey: (key: ApiKeyCreate) => send('POST', '/api-keys', ApiKeyMade, { body: key }),
  revokeApiKey: (id: string) => send('POST', `/api-keys/${id}/revoke`, ApiKey),
  auditLog: (filter: AuditFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', '/audit-log', AuditPage, { query: { ...filter, ...cut }, signal }),
  settings: (signal?: AbortSignal) => send('GET', '/settings', Settings, { signal }),
  /** How the parts are that calls need. "Not ready" comes as a 503, and is an answer all the same. */
  readiness: async (signal?: AbortSignal): Promise<Readiness> => {
    const { status, json } = await ask('GET', '/readyz', { signal });
    return accepted(status, json, Readiness);
  },

  rates: (signal?: AbortSignal) => send('GET', '/settings/rates', Rates, { signal }),
  changeRates: (change: RatesPatch) => send('PATCH', '/settings/rates', Rates, { body: change }),
  beginDemo: () => send('POST', '/demo', Demo, { body: {} }),
  overview: (query: OverviewQuestion, signal?: AbortSignal) =>
    send('GET', '/analytics/overview', Overview, { query: { ...query }, signal }),
  calls: (filter: CallFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', '/calls', CallPage, { query: { ...filter, ...cut }, signal }),
  /** Calls in which it was said, with the places. */
  saidIn: (filter: SaidFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', '/calls/search', FoundCalls, { query: { ...filter, ...cut }, signal }),
  call: (id: string, signal?: AbortSignal) => send('GET', `/calls/${id}`, Call, { signal }),
  waveform: (id: string, signal?: AbortSignal) => send('GET', `/calls/${id}/waveform`, Waveform, { signal }),
  analyses: async (id: string, signal?: AbortSignal) =>
    (await send('GET', `/calls/${id}/analyses`, CallAnalyses, { signal })).items,
  /** What two of them say differently. */
  compareAnalyses: async (id: string, a: string, b: string, signal?: AbortSignal) =>
    (await send('GET', `/calls/${id}/analyses`, CallAnalyses, { query: { compare: `${a},${b}` }, signal }))
      .differences ?? [],
  analyse: (id: string) => send('POST', `/calls/${id}/analyses`, CallAnalysis, { body: {} }),
  markWrong: (id: string, analysisId: string, mark: z.infer<typeof WrongClaimMark>) =>
    send('POST', `/calls/${id}/analyses/${analysisId}/wrong`, CallAnalysis, { body: mark }),
  review: (id: string, signal?: AbortSignal) => send('GET', `/calls/${id}/review`, CallReview, { signal }),
  judge: (id: string, review: z.infer<typeof CallReviewPut>) =>
    send('PUT', `/calls/${id}/review`, CallReview, { body: review }),
  /** Who calls can be given to for review. */
  reviewers: (signal?: AbortSignal) => send('GET', '/calls/reviewers', Reviewers, { signal }),
  /** How many calls wait for the review of whoever is signed in. */
  toReview: async (signal?: AbortSignal) =>
    (await send('GET', '/calls/to-review', CallsToReview, { signal })).calls,
  comment: (id: string, comment: z.infer<typeof CallCommentCreate>, key: string) =>
    send('POST', `/calls/${id}/comments`, CallReview, {
      body: comment,
      headers: { 'idempotency-key': key },
    }),
  editComment: (id: string, commentId: string, text: string) =>
    send('PATCH', `/calls/${id}/comments/${commentId}`, CallReview, { body: { text } }),
  removeComment: (id: string, commentId: string) =>
    send('DELETE', `/calls/${id}/comments/${commentId}`, CallReview),
  /** `was`: what the line reads now, as far as this page knows. */
  correctWords: (id: string, messageIndex: number, words: WordsCorrection) =>
    send('PUT', `/calls/${id}/transcript/${messageIndex}`, Transcript, { body: words }),
  restoreWords: (id: string, messageIndex: number) =>
    send('DELETE', `/calls/${id}/transcript/${messageIndex}`, Transcript),
  /** The call as a written conversation, to be looked through. */
  callTest: (id: string, signal?: AbortSignal) => send('GET', `/calls/${id}/test`, CallTest, { signal }),
  /** The newest that fit, as ids. */
  matchingCalls: (filter: CallFilter & { readonly text?: string }, signal?: AbortSignal) =>
    send('GET', '/calls/matching', CallMatches, { query: filter, signal }),
  /** At most 100 at once; what became of each. */
  actOnCalls: async (callIds: readonly string[], deed: BulkDeed) =>
    (await send('POST', '/calls/bulk', CallBulkResults, { body: { callIds, deed } })).items,
  undoOnCalls: async (reviews: CallBulkUndo['reviews']) =>
    (await send('POST', '/calls/bulk/undo', CallBulkResults, { body: { reviews } })).items,
  callScripts: async (signal?: AbortSignal) =>
    (await send('GET', '/calls/scripts', CallScripts, { signal })).items,
  /** Of whoever is signed in. */
  callViews: async (signal?: AbortSignal) =>
    (await send('GET', '/views', Views, { query: { of: 'calls' }, signal })).items,
  saveCallView: (name: string, query: Record<string, string>) =>
    send('PUT', '/views', SavedView, { body: { of: 'calls', name, query } }),
  removeView: (id: string) => send('DELETE', `/views/${id}`, z.unknown()),
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
  contact: (leadId: string, signal?: AbortSignal) =>
    send('GET', `/leads/${leadId}/contact`, Contact, { signal }),
  property: (id: string, signal?: AbortSignal) => send('GET', `/properties/${id}`, Property, { signal }),
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

  /** Newest first, with those that were revoked. */
  leadSources: async (signal?: AbortSignal) =>
    (await send('GET', '/intake/endpoints', IntakeEndpoints, { signal })).items,
  createLeadSource: (source: IntakeEndpointCreate) =>
    send('POST', '/intake/endpoints', CreatedIntakeEndpoint, { body: source }),
  revokeLeadSource: (id: string) => send('POST', `/intake/endpoints/${id}/revoke`, IntakeEndpoint),

  check: (leadId: string, signal?: AbortSignal) =>
    send('POST', '/compliance/check', Decision, { body: { leadId }, signal }),
  windows: (question: WindowsQuestion, signal?: AbortSignal) =>
    send('POST', '/compliance/windows', CallingWindows, { body: question, signal }),
  policy: (signal?: AbortSignal) => send('GET', '/compliance/policy', CompliancePolicy, { signal }),
  changePolicy: (patch: CompliancePolicyPatch) =>
    send('PATCH', '/compliance/policy', CompliancePolicy, { body: patch }),
  decisions: (filter: DecisionFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', '/compliance/decisions', DecisionPage, { query: { ...filter, ...cut }, signal }),
  /** The newest, as many as one answer holds: to choose from. */
  campaigns: async (signal?: AbortSignal) =>
    (await send('GET', '/campaigns', CampaignPage, { query: { limit: 200 }, signal })).items,

  campaignList: (filter: CampaignFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', '/campaigns', CampaignPage, { query: { ...filter, ...cut }, signal }),
  campaign: (id: string, signal?: AbortSignal) => send('GET', `/campaigns/${id}`, Campaign, { signal }),
  createCampaign: (campaign: CampaignCreate) => send('POST', '/campaigns', Campaign, { body: campaign }),
  changeCampaign: (id: string, patch: CampaignPatch) =>
    send('PATCH', `/campaigns/${id}`, Campaign, { body: patch }),
  /** `start` lets a paused one go on, too. */
  startCampaign: (id: string) => send('POST', `/campaigns/${id}/start`, Campaign),
  pauseCampaign: (id: string, request: z.infer<typeof PauseRequest>) =>
    send('POST', `/campaigns/${id}/pause`, Campaign, { body: request }),
  /** Only a draft that was never started. */
  removeCampaign: (id: string) => send('DELETE', `/campaigns/${id}`, z.unknown()),
  completeCampaign: (id: string) => send('POST', `/campaigns/${id}/complete`, Campaign),
  audience: (question: z.infer<typeof AudienceQuery>, signal?: AbortSignal) =>
    send('POST', '/campaigns/audience', Audience, { body: question, signal }),
  /** Goes on in the background; asked for again until it is done. */
  startForecast: (id: string) => send('POST', `/campaigns/${id}/forecast`, Forecast),
  /** The newest there is; null: none was made yet. */
  forecast: async (id: string, signal?: AbortSignal): Promise<Forecast | null> => {
    try {
      return await send('GET', `/campaigns/${id}/forecast`, Forecast, { signal });
    } catch (error) {
      if (error instanceof ApiError && error.code === 'not_found') return null;
      throw error;
    }
  },
  work: (id: string, signal?: AbortSignal) => send('GET', `/campaigns/${id}/work`, CampaignWork, { signal }),
  /** At most 100. */
  works: async (ids: readonly string[], signal?: AbortSignal) =>
    (await send('GET', '/campaigns/work', CampaignWorks, { query: { ids: ids.join(',') }, signal })).items,
  enrollments: (id: string, filter: EnrollmentFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', `/campaigns/${id}/enrollments`, EnrollmentPage, { query: { ...filter, ...cut }, signal }),
  reopenLead: (id: string, leadId: string) =>
    send('POST', `/campaigns/${id}/leads/${leadId}/reopen`, Enrollment),
  performance: (id: string, signal?: AbortSignal) =>
    send('GET', `/campaigns/${id}/performance`, Performance, { signal }),

  messages: (filter: MessageFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', '/messages', MessagePage, { query: { ...filter, ...cut }, signal }),
  /** The same `key` never sends two messages, however often it is sent. */
  sendMessage: (message: MessageSend, key: string) =>
    send('POST', '/messages', Message, { body: message, headers: { 'idempotency-key': key } }),
  templates: async (signal?: AbortSignal) =>
    (await send('GET', '/message-templates', TemplatePage, { query: { limit: 200 }, signal })).items,
  templateVersions: async (name: string, signal?: AbortSignal) =>
    (
      await send('GET', `/message-templates/${name}/versions`, TemplatePage, {
        query: { limit: 200 },
        signal,
      })
    ).items,
  saveTemplate: (template: MessageTemplateSave) =>
    send('POST', '/message-templates', MessageTemplate, { body: template }),
  retireTemplate: (name: string) => send('POST', `/message-templates/${name}/retire`, MessageTemplate),
  /** As the sample person would get it; nothing is kept. */
  previewTemplate: (template: MessageTemplateSave, signal?: AbortSignal) =>
    send('POST', '/message-templates/preview', MessagePreview, { body: template, signal }),

  agents: async (signal?: AbortSignal) => (await send('GET', '/agents', AgentStates, { signal })).items,
  agent: (type: AgentType, signal?: AbortSignal) => send('GET', `/agents/${type}`, AgentState, { signal }),
  prompts: async (signal?: AbortSignal) =>
    (await send('GET', '/agents/prompts', PromptsInUse, { signal })).items,
  llmEndpoint: (signal?: AbortSignal) => send('GET', '/agents/llm', LlmEndpoint, { signal }),
  knowledge: async (signal?: AbortSignal) =>
    (await send('GET', '/knowledge', KnowledgeList, { signal })).items,
  knowledgeTopic: (key: string, signal?: AbortSignal) =>
    send('GET', `/knowledge/${key}`, KnowledgeTopic, { signal }),
  knowledgeUses: async (key: string, signal?: AbortSignal) =>
    (await send('GET', `/knowledge/${key}/uses`, KnowledgeUses, { signal })).items,
  createKnowledge: (entry: KnowledgeCreate) => send('POST', '/knowledge', KnowledgeTopic, { body: entry }),
  saveKnowledge: (key: string, entry: KnowledgeSave) =>
    send('PUT', `/knowledge/${key}`, KnowledgeTopic, { body: entry }),
  activateKnowledge: (key: string, version: number) =>
    send('POST', `/knowledge/${key}/versions/${version}/activate`, KnowledgeTopic),
  deactivateKnowledge: (key: string) => send('POST', `/knowledge/${key}/deactivate`, KnowledgeTopic),
  proposals: (filter: ProposalFilter, cut: Cut, signal?: AbortSignal) =>
    send('GET', '/knowledge/proposals', KnowledgeProposals, { query: { ...filter, ...cut }, signal }),
  acceptProposal: (id: string, edited: ProposalAccept) =>
    send('POST', `/knowledge/proposals/${id}/accept`, KnowledgeTopic, { body: edited }),
  rejectProposal: (id: string, reason: string) =>
    send('POST', `/knowledge/proposals/${id}/reject`, KnowledgeProposal, { body: { reason } }),

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

/** All calls that fit, as a file. */
export const callsFile = (filter: CallFilter & { readonly text?: string; readonly ids?: string }) =>
  address('/calls.csv', { ...filter });

/** Addresses that the browser opens by itself: the player and the download links. */
export const callFiles = (id: string) => ({
  recording: `${BASE}/calls/${id}/recording`,
  text: `${BASE}/calls/${id}/transcript?format=txt`,
  json: `${BASE}/calls/${id}/transcript?format=json`,
  subtitles: `${BASE}/calls/${id}/transcript?format=vtt`,
  csv: `${BASE}/calls/${id}/transcript?format=csv`,
});
export const proofFile = (phone: string, format: 'json' | 'html') =>
  address('/consents/proof', { phone, format });
export const callRecords = ({ from, to, format }: RecordsQuery) =>
  address('/compliance/records', { from, to, format });
/** The report of an import of leads as a file; of one kind of row, or all. */
export const leadImportReport = (id: string, outcome?: RowOutcome) =>
  address(`/leads/imports/${id}/rows.csv`, { outcome });
export const LIVE_CALLS = `${BASE}/calls/live`;
/** The WebSocket on which a live call is heard. */
export const listenAddress = (id: string): string =>
  `${location.origin.replace(/^http/, 'ws')}${BASE}/calls/${id}/listen`;

/** A key nobody else has; works on plain http too, where crypto.randomUUID is absent. */
export const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );

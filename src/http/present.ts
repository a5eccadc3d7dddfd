/** http/present: domain documents as the JSON of the contract, and transcripts as text and subtitles. */

import type { KnowledgeTopic } from '../app/knowledge.ts';
import type { Words } from '../app/live-words.ts';
import type { Daily, Overview, Period } from '../app/overview.ts';
import type { PromptInUse } from '../app/prompts-in-use.ts';
import type { TalkBudget } from '../app/talk-budget.ts';
import type { Person } from '../app/users.ts';
import type * as contract from '../contract/index.ts';
import { type AgentState, metricsOf } from '../domain/agent-state.ts';
import type { CallAnalysis } from '../domain/analysis.ts';
import type { Call, CallEvent } from '../domain/call.ts';
import { mostFirst, summaryOf } from '../domain/call-figures.ts';
import type { Decision } from '../domain/compliance/decision.ts';
import type {
  CompliancePolicyDocument,
  ConsentProof,
  ListImport,
  ListStatus,
} from '../domain/compliance/records.ts';
import type { Contact } from '../domain/contact.ts';
import type { Campaign, ConsentLog, DncEntry, Lead, TranscriptMessage } from '../domain/documents.ts';
import type { Erasure, ErasureReport } from '../domain/erasure.ts';
import type { IntakeEndpoint } from '../domain/intake.ts';
import type { KnowledgeEntry, KnowledgeProposal, KnowledgeUse } from '../domain/knowledge.ts';
import type { LeadImport } from '../domain/lead-import.ts';
import type { Message } from '../domain/message.ts';
import type { Property } from '../domain/property.ts';
import { RETENTION_RULES, type RetentionPolicy, type RetentionRun } from '../domain/retention.ts';
import type { CallReview, SavedView } from '../domain/review.ts';
import type { ApiKey, AuditEntry } from '../domain/user.ts';
import type { AppForHttp, PageOf, TimelineItem } from './needs.ts';

/** A domain value as JSON has it: instants become ISO strings, nothing else changes. */
type Json<T> = T extends Date
  ? string
  : T extends readonly (infer E)[]
    ? Json<E>[]
    : T extends object
      ? { -readonly [K in keyof T]: Json<T[K]> }
      : T;

function convert(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(convert);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, convert(inner)]));
  }
  return value;
}
const json = <T>(value: T): Json<T> => convert(value) as Json<T>;

function withId<D extends { readonly _id: string }>(document: D): Omit<Json<D>, '_id'> & { id: string } {
  const { _id: id, ...rest } = document;
  return Object.assign({ id }, json(rest)) as unknown as Omit<Json<D>, '_id'> & { id: string };
}

export const presentLead = (lead: Lead): contract.Lead => withId(lead);
/** A lead in a list: what only a page of its own shows is left out. */
export function presentListedLead(lead: Lead): contract.Lead {
  const presented = presentLead(lead);
  delete presented.web?.journey;
  return presented;
}
export const presentCreatedLead = (
  lead: Lead & { readonly duplicates: readonly string[] },
): contract.CreatedLead => withId(lead);
export const presentCampaign = (campaign: Campaign): contract.Campaign => withId(campaign);
export const presentPerformance = (
  performance: Awaited<ReturnType<AppForHttp['performance']>>,
): contract.Performance => json(performance);
export const presentWeekly = (
  report: Awaited<ReturnType<AppForHttp['reports']['weekly']>>,
): contract.WeeklyReport => json(report);

const presentPeriod = ({ from, to, calls, leads, optOuts }: Period): contract.OverviewPeriod =>
  json({
    from,
    to,
    ...summaryOf(calls),
    statuses: mostFirst(calls.outbound).map(([status, count]) => ({ status, calls: count })),
    outcomes: mostFirst(calls.outcomes).map(([outcome, count]) => ({ outcome, calls: count })),
    denials: mostFirst(calls.denials).map(([reason, count]) => ({ reason, calls: count })),
    leads,
    optOuts,
  });
const presentSteps = (steps: Overview['steps']): contract.CallSummary[] =>
  steps.map(({ from, calls }) => json({ from, ...summaryOf(calls) }));
export const presentOverview = ({ now, before, steps, ...rest }: Overview): contract.Overview => ({
  ...json(rest),
  now: presentPeriod(now),
  before: presentPeriod(before),
  steps: presentSteps(steps),
});
export const presentDaily = ({ days, ...rest }: Daily): contract.Daily => ({
  ...json(rest),
  days: presentSteps(days),
});

export const presentWork = (
  work: Awaited<ReturnType<AppForHttp['runCampaigns']['work']>>,
): contract.CampaignWork => json(work);

/** Whose hands it is in, and how often it was settled, is the engine's business. */
export function presentEnrollment({
  turn: _turn,
  holder: _holder,
  priority: _priority,
  initialEndedAt: _initialEndedAt,
  resumeAt: _resumeAt,
  createdAt: _created,
  updatedAt: _updated,
  ...enrollment
}: Awaited<ReturnType<AppForHttp['runCampaigns']['enrollments']>>['items'][number]): contract.Enrollment {
  return withId(enrollment);
}

export function presentForecast(
  forecast: Awaited<ReturnType<AppForHttp['forecasts']['get']>>,
): contract.Forecast {
  const { _id, createdAt: _created, updatedAt: _updated, ...rest } = forecast;
  return json(rest);
}
export const presentUser = (user: Person): contract.User => {
  const { updatedAt: _updated, updatedBy: _by, ...rest } = withId(user);
  return rest;
};
export const presentKey = (key: ApiKey): contract.ApiKey => {
  const { hash: _hash, updatedAt: _updated, ...rest } = withId(key);
  return rest;
};
export const presentAuditEntry = (entry: AuditEntry): contract.AuditEntry => {
  const { createdAt: _created, updatedAt: _updated, ...rest } = withId(entry);
  return rest;
};
export const presentConsent = (entry: ConsentLog): contract.ConsentLog => withId(entry);
export const presentDnc = (entry: DncEntry): contract.DncEntry => withId(entry);
export const presentDecision = (decision: Decision): contract.Decision => json(decision);
export const presentWindows = (
  found: Awaited<ReturnType<AppForHttp['compliance']['windows']>>,
): contract.CallingWindows => json(found);
export const presentPolicy = (policy: CompliancePolicyDocument): contract.CompliancePolicy => json(policy);
export const presentListStatus = (status: ListStatus): contract.ListStatus => json(status);
export const presentImport = (made: ListImport): contract.ListImport => withId(made);
export const presentContact = (contact: Contact): contract.Contact => withId(contact);
export const presentProperty = (property: Property): contract.Property => withId(property);
export const presentEndpoint = (endpoint: IntakeEndpoint, proof: string): contract.IntakeEndpoint => ({
  ...withId(endpoint),
  path: `/intake/${endpoint.source}/${endpoint._id}`,
  proof,
});
export const presentLeadImport = ({ fence: _, ...made }: LeadImport): contract.LeadImport => withId(made);

export const presentRetention = (policy: RetentionPolicy): contract.RetentionPolicy => ({
  ...json(policy),
  rules: Object.entries(RETENTION_RULES).map(([of, rule]) => ({ of, ...rule })),
});
export const presentRun = ({
  createdAt: _created,
  updatedAt: _updated,
  ...run
}: RetentionRun): contract.RetentionRun => withId(run);
export const presentForeseen = (report: ErasureReport): contract.Erasure => ({
  ...json(report),
  dryRun: true,
  state: 'done',
});
export const presentErasure = ({
  createdAt: _created,
  updatedAt: _updated,
  leadIds: _leads,
  ...erasure
}: Erasure): contract.Erasure => ({ ...withId(erasure), dryRun: false });

/** A proof as `contract.ConsentProof`, an event, an entry, a call at a time: there may be thousands. */
export function* proofJson({ events, dnc, calls, ...rest }: ConsentProof): Generator<string> {
  function* list<T>(name: string, items: readonly T[], present: (item: T) => unknown): Generator<string> {
    yield `,"${name}":[`;
    for (const [index, item] of items.entries()) {
      yield (index === 0 ? '' : ',') + JSON.stringify(present(item));
    }
    yield ']';
  }
  yield JSON.stringify(rest).slice(0, -1);
  yield* list('events', events, presentConsent);
  yield* list('dnc', dnc, presentDnc);
  yield* list('calls', calls, json);
  yield '}';
}

export const presentTimeline = (item: TimelineItem): contract.TimelineEntry => json(item);

/** What the vendor and our own reservations call it is nobody's business outside. */
export function presentMessage(message: Message): contract.Message {
  const { attemptKey: _key, holds: _holds, vendorId: _vendor, updatedAt: _updated, ...rest } = message;
  return withId(rest);
}
export function presentTemplate(
  template: Awaited<ReturnType<AppForHttp['messages']['templates']['get']>>,
): contract.MessageTemplate {
  const { updatedAt: _updated, ...rest } = template;
  return withId(rest);
}

/** Where the audio lies and what the carrier calls it is nobody's business outside. */
export function presentCall(call: Call): contract.Call {
  const {
    recordingUrl,
    carrierRecordingUrl,
    carrierRecordingSid: _sid,
    transcriptId: _transcript,
    carriedBy: _life,
    ...rest
  } = call;
  return {
    ...withId(rest),
    hasRecording: recordingUrl !== undefined || carrierRecordingUrl !== undefined,
  };
}

export const presentWords = (words: Words): contract.LiveWords => json(words);

export const presentAnalysis = (analysis: CallAnalysis): contract.CallAnalysis => withId(analysis);

/** A call on the wall: what only a page of its own shows is left out, for it is told after everything that happens. */
export function presentLiveCall(call: Call): contract.Call {
  const { complianceDecision: _decision, terms: _terms, ...rest } = call;
  return presentCall(rest);
}

/** A call in a list: what only a page of its own shows is left out. */
export function presentListedCall(call: Call, review?: CallReview): contract.ListedCall {
  const { keyMoments: _moments, ...rest } = presentCall(call);
  delete rest.sentiment?.timeline;
  delete rest.analysis?.evidence;
  if (!review) return rest;
  const { status, tags, comments, assignedTo, assignedToName } = review;
  return {
    ...rest,
    review: {
      status,
      tags: [...tags],
      comments: comments.length,
      ...(assignedTo === undefined ? {} : { assignedTo }),
      ...(assignedToName === undefined ? {} : { assignedToName }),
    },
  };
}

/** How often it was changed, and when its call began, is nobody's business outside. */
export function presentReview({
  _id: callId,
  callAt: _at,
  revision: _revision,
  createdAt: _created,
  updatedAt: _updated,
  ...review
}: CallReview): contract.CallReview {
  return { callId, ...json(review) };
}

export function presentView({ userId: _user, createdAt: _created, ...view }: SavedView): contract.SavedView {
  return withId(view);
}

export function presentEvent(event: CallEvent): contract.CallEvent {
  if (event.type === 'recording_ready') {
    const { url: _url, recordingSid: _sid, ...rest } = event;
    return withId(rest);
  }
  if (event.type === 'queued' || event.type === 'received') {
    const { carriedBy: _life, ...rest } = event;
    return withId(rest) as contract.CallEvent;
  }
  return withId(event) as contract.CallEvent;
}

export const presentAgent = (
  { _id, sums: _sums, counted: _counted, createdAt: _created, ...agent }: AgentState,
  talks: { readonly liveCalls: number; readonly budget: TalkBudget | undefined },
): contract.AgentState => ({
  ...json({
    ...agent,
    decisionHistory: agent.decisionHistory.toReversed(),
    learnings: agent.learnings.toReversed(),
  }),
  state: {
    ...json(agent.state),
    ...(agent.agentType === 'conversation_ai'
      ? { activeContexts: talks.liveCalls, ...(talks.budget ? { talkBudget: talks.budget } : {}) }
      : {}),
  },
  days: Object.entries(agent.days)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, sums]) => ({ day, ...metricsOf(sums) })),
});
export const presentPrompt = (prompt: PromptInUse): contract.PromptInUse => json(prompt);

const presentVersion = ({
  _id,
  activatedAt: _at,
  updatedAt: _updated,
  ...entry
}: KnowledgeEntry): contract.KnowledgeEntry => json(entry);
export const presentTopic = ({ key, active, versions }: KnowledgeTopic): contract.KnowledgeTopic => ({
  key,
  ...(active ? { active: presentVersion(active) } : {}),
  // One that another was just put in the place of may still be marked.
  versions: versions.map((entry) => presentVersion({ ...entry, active: entry._id === active?._id })),
});
export const presentUse = ({
  callId,
  version,
  atSec,
  result,
  updatedAt,
}: KnowledgeUse): contract.KnowledgeUse => json({ callId, version, atSec, result, updatedAt });
export const presentProposal = ({
  openKey: _open,
  updatedAt: _updated,
  ...proposal
}: KnowledgeProposal): contract.KnowledgeProposal => withId(proposal);

export const presentPage = <D, C>(page: PageOf<D>, present: (document: D) => C): contract.Page<C> => ({
  items: page.items.map(present),
  ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }),
});

const SPEAKER: Record<TranscriptMessage['speaker'], string> = {
  agent: 'Agent',
  user: 'Caller',
  system: 'System',
};

/** One line whatever was said: a line break in words must not begin a line, a cue or a speaker of its own. */
const oneLine = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this removes
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .trim();

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

function clock(seconds: number, millis: boolean): string {
  const ms = Math.max(0, Math.round(seconds * 1000));
  const text = `${pad(Math.floor(ms / 3_600_000))}:${pad(Math.floor(ms / 60_000) % 60)}:${pad(Math.floor(ms / 1000) % 60)}`;
  return millis ? `${text}.${pad(ms % 1000, 3)}` : text;
}

/** One message a line: `[00:00:12] Agent: Hello`. */
export const transcriptText = (messages: readonly TranscriptMessage[]): string =>
  messages
    .map((message) => {
      const cut = message.interrupted ? ' [interrupted]' : '';
      return `[${clock(message.timestamp, false)}] ${SPEAKER[message.speaker]}: ${oneLine(message.text)}${cut}\n`;
    })
    .join('');

const escapeCue = (text: string): string =>
  oneLine(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Reading speed that nobody falls behind at, for cues with nothing after them to end them. */
const SECONDS_PER_CHARACTER = 0.06;
const SHORTEST_CUE_SEC = 1;
/** Nobody is spoken into more often while they say one thing. */
const MOST_SPOKEN_INTO = 20;

/**
 * WebVTT (W3C): a cue ends where the next begins; where somebody speaks into a sentence that is not half over, both are read.
 * Cue text is escaped, so words can never become markup or timing.
 */
export function transcriptVtt(messages: readonly TranscriptMessage[]): string {
  let latest = 0;
  const cues = messages.map((message, index) => {
    // Players need cues in the order of their beginnings.
    const start = Math.max(latest, message.timestamp);
    latest = start;
    const { speaker, text, heardMs } = message;
    const lengthSec = heardMs === undefined ? text.length * SECONDS_PER_CHARACTER : heardMs / 1_000;
    const spoken = start + Math.max(SHORTEST_CUE_SEC, lengthSec);
    const half = (start + spoken) / 2;
    const next = messages
      .slice(index + 1, index + 1 + MOST_SPOKEN_INTO)
      .find((each) => each.timestamp > start && (each.speaker === speaker || each.timestamp >= half));
    const end = next ? Math.min(next.timestamp, spoken) : spoken;
    return `${index + 1}\n${clock(start, true)} --> ${clock(end, true)}\n<v ${SPEAKER[message.speaker]}>${escapeCue(message.text)}\n`;
  });
  return ['WEBVTT\n', ...cues].join('\n');
}

/**
 * domain/call: everything that can happen to a call, and what a call is after it happened.
 *
 * A call is the fold of its events: `events.reduce(step, undefined)`. Status callbacks may arrive in any order, twice or
 * never (Twilio gives no arrival-order guarantee), so `step` only ever moves a call forward and an ending is sticky.
 */
import type {
  Analysis,
  AnalysisOrigin,
  CallSentiment,
  Disposition,
  Evidence,
  ExtractedInfo,
  FoundOutcome,
  KeyMoment,
  QualityFactor,
  Topic,
} from './analysis.ts';
import type { Stage } from './campaign.ts';
import type { Decision } from './compliance/decision.ts';
import { type CallCost, type TokenUsage, withAnalysis } from './cost.ts';
import type { Legacy } from './documents.ts';
import { Failure, impossible } from './errors.ts';

export type CallStatus =
  | 'queued'
  | 'denied'
  | 'initiated'
  | 'ringing'
  | 'answered'
  | 'completed'
  | 'busy'
  | 'no_answer'
  | 'failed'
  | 'canceled';

export type EndStatus = Extract<CallStatus, 'completed' | 'busy' | 'no_answer' | 'failed' | 'canceled'>;

/** What came of the conversation, in the words of the `calls` collection. */
export type CallOutcome =
  | 'qualified'
  | 'not_interested'
  | 'callback'
  | 'voicemail'
  | 'wrong_number'
  | 'opted_out'
  | 'transferred'
  | 'hung_up'
  | 'no_conversation';

/** AnsweredBy of machine detection (Twilio §2.3). */
export type AnsweredBy =
  | 'human'
  | 'fax'
  | 'unknown'
  | 'machine_start'
  | 'machine_end_beep'
  | 'machine_end_silence'
  | 'machine_end_other';

export type Completeness = 'complete' | 'repaired' | 'gap';

export type FollowUpKind = 'site_visit' | 'callback' | 'send_email' | 'send_sms';

/** Figures of the line itself, measured by the bridge on the audio that passed (durations in ms). */
export interface LineMeasures {
  readonly agentTalkMs: number;
  readonly userTalkMs: number;
  readonly silenceMs: number;
  readonly framesFromCaller: number;
  readonly framesToCaller: number;
  readonly framesLost: number;
  readonly framesRefused: number;
}

/** A turn as the agent platform remembers it after the call. */
export interface PlatformTurn {
  readonly role: 'agent' | 'user';
  readonly text: string;
  readonly offsetSec: number;
  readonly interrupted: boolean;
}

/** What the record of a dialled call must tell of it, as it was when it was permitted: names and lists change. */
export interface CallTerms {
  readonly seller: string;
  readonly purpose: 'marketing' | 'informational';
  /** What is offered or told. */
  readonly subject: string;
  readonly calledName: string;
  /** What the called party is shown, as far as it lies with us. */
  readonly callerIdName: string;
  /** The copies of do-not-call lists that were current for the decision, and their publishers' dates. */
  readonly lists: readonly { readonly list: string; readonly asOf: Date }[];
}

/** Which script a call was given, and the SHA-256 of its words before anything was filled in. */
export interface ScriptRef {
  /** "outbound", "outbound+sign-off", "inbound". */
  readonly name: string;
  readonly hash: string;
}

/** What a campaign called for: the stage a lead was in, and which try or step of it, from 0. */
export interface CampaignStep {
  readonly stage: Stage;
  readonly step: number;
}

export type CallEventBody =
  | {
      readonly type: 'queued';
      readonly attemptId: string;
      readonly leadId: string;
      readonly contactPhone: string;
      readonly fromPhone: string;
      readonly campaignId?: string;
      readonly campaignStep?: CampaignStep;
      readonly requestedBy: string;
      readonly carriedBy?: string;
    }
  | {
      readonly type: 'received';
      readonly attemptId: string;
      readonly callSid: string;
      readonly contactPhone: string;
      readonly fromPhone: string;
      readonly leadId?: string;
      readonly attestation?: string;
      readonly script?: ScriptRef;
      readonly carriedBy?: string;
    }
  | {
      readonly type: 'permitted';
      readonly decision: Decision;
      readonly script?: ScriptRef;
      readonly terms?: CallTerms;
    }
  | { readonly type: 'denied'; readonly decision: Decision }
  | { readonly type: 'dialed'; readonly callSid: string }
  | { readonly type: 'dial_unconfirmed'; readonly message: string }
  | { readonly type: 'ringing'; readonly attestation?: string }
  | { readonly type: 'answered' }
  | { readonly type: 'machine'; readonly answeredBy: AnsweredBy; readonly detectionMs?: number }
  | { readonly type: 'stream_opened'; readonly streamSid: string }
  | { readonly type: 'stream_closed'; readonly reason: string }
  | { readonly type: 'session_opened'; readonly conversationId: string; readonly recovery: boolean }
  | { readonly type: 'session_lost'; readonly closeCode: number; readonly meaning: string }
  | {
      readonly type: 'said';
      readonly role: 'agent' | 'user' | 'system';
      readonly text: string;
      /** The turn in the agent's own numbering; counts up within one session. */
      readonly turn: number;
      readonly conversationId?: string;
      /** So long before `at` the words began, ms: a turn of the caller is told when it is over. Absent: at `at`. */
      readonly agoMs?: number;
    }
  | {
      readonly type: 'corrected';
      readonly turn: number;
      readonly text: string;
      readonly conversationId?: string;
    }
  | {
      readonly type: 'interrupted';
      readonly turn: number;
      readonly heardMs: number;
      readonly conversationId?: string;
    }
  | { readonly type: 'heard'; readonly turn: number; readonly latencyMs: number }
  | {
      readonly type: 'tool_called';
      readonly toolCallId: string;
      readonly name: string;
      readonly parameters: Readonly<Record<string, unknown>>;
    }
  | {
      readonly type: 'tool_answered';
      readonly toolCallId: string;
      readonly result: string;
      readonly isError: boolean;
      readonly tookMs: number;
    }
  | {
      /** The agent asked the knowledge base. Without an entry it found nothing. */
      readonly type: 'looked_up';
      readonly entry?: { readonly key: string; readonly version: number };
    }
  | {
      /** Claude wrote what the agent says next, through our own endpoint. `cost` is US dollars, not rounded. */
      readonly type: 'model_answered';
      readonly model: string;
      readonly usage: TokenUsage;
      readonly cost: number;
      readonly firstTokenMs?: number;
      readonly tookMs: number;
    }
  | { readonly type: 'keypad'; readonly digit: string }
  | {
      readonly type: 'opted_out';
      readonly channel: 'voice' | 'keypad' | 'sms' | 'manual';
      readonly words: string;
    }
  | {
      readonly type: 'follow_up_scheduled';
      readonly kind: FollowUpKind;
      readonly scheduledFor?: Date;
      readonly notes: string;
    }
  | { readonly type: 'transferred'; readonly to: string; readonly reason: string }
  | {
      /** Words to the agent that the caller does not hear. `by` is the id of whoever said them. */
      readonly type: 'whispered';
      readonly by: string;
      readonly name: string;
      readonly text: string;
    }
  | {
      /** Somebody of the staff speaks with the caller from now on; the agent is mute and hears nothing. */
      readonly type: 'taken_over';
      readonly by: string;
      readonly name: string;
    }
  | {
      readonly type: 'handed_back';
      readonly by: string;
      readonly name: string;
      /** `lost`: their connection broke and did not come back in time. `over`: the talk ended while they spoke. */
      readonly how: 'asked' | 'lost' | 'over';
      readonly heldMs: number;
      /** What was said meanwhile, in their words; the agent is told. */
      readonly note?: string;
      /** What the agent was given as if the caller had said it, so that it speaks at once. Nobody said it. */
      readonly cue?: string;
    }
  | { readonly type: 'voicemail_left'; readonly text: string }
  | { readonly type: 'concluded'; readonly outcome: CallOutcome; readonly reason: string }
  | {
      readonly type: 'hangup_requested';
      readonly by: 'agent' | 'manager' | 'policy' | 'system';
      readonly reason: string;
    }
  | {
      readonly type: 'ended';
      readonly status: EndStatus;
      readonly reason: string;
      readonly durationSec?: number;
      readonly sipCode?: number;
    }
  | { readonly type: 'measured'; readonly line: LineMeasures }
  | {
      readonly type: 'recording_ready';
      readonly source: 'bridge' | 'carrier';
      readonly durationSec: number;
      readonly url: string;
      readonly recordingSid?: string;
    }
  | {
      readonly type: 'reconciled';
      readonly completeness: Completeness;
      readonly turns: readonly PlatformTurn[];
      readonly source: 'webhook' | 'poll' | 'none';
    }
  | {
      /**
       * Somebody corrected what a line of the transcript says, counted in the transcript as it was then. Without `text` the line
       * reads again as it was heard.
       */
      readonly type: 'reworded';
      readonly messageIndex: number;
      readonly text?: string;
      readonly by: string;
      readonly name: string;
    }
  | { readonly type: 'costed'; readonly cost: CallCost }
  | {
      readonly type: 'analysed';
      readonly analysisId: string;
      readonly origin: AnalysisOrigin;
      readonly analysis: Analysis;
    }
  | {
      readonly type: 'erased';
      /** `content`: words, notes, the name and the recording. The events before it say no more what they said. */
      readonly what: 'content' | 'recording';
      readonly why: 'request' | 'retention';
    };

/** One thing that happened. `eventId` makes a repeat harmless; (callId, seq) is the order. */
export type CallEvent = CallEventBody & {
  readonly _id: string;
  readonly eventId: string;
  readonly callId: string;
  readonly sessionId: string;
  readonly seq: number;
  readonly at: Date;
  /** Fields of an imported event that have no place here, as they were. */
  readonly legacy?: Legacy;
};

export interface FollowUpAction {
  readonly type: FollowUpKind;
  readonly scheduledFor?: Date;
  readonly notes: string;
  readonly completed: boolean;
  /** It was not arranged by the agent but found in what was said. */
  readonly foundBy?: 'analysis';
}

/** Who understood a call so, and on which messages each claim rests. */
export interface CallUnderstanding extends AnalysisOrigin {
  readonly analysisId: string;
  readonly at: Date;
  /** What the analysis takes the call to have come to; `outcome` of the call is what the line or the agent said, if they did. */
  readonly outcome?: FoundOutcome;
  readonly disposition?: Disposition;
  readonly topics: readonly Topic[];
  readonly keywords: readonly string[];
  readonly evidence: readonly Evidence[];
}

/** A document of `calls`: durations in seconds unless the name says `Ms`. Rebuilt from the events at any time. */
export interface Call {
  readonly _id: string;
  readonly attemptId: string;
  readonly callSid?: string;
  readonly conversationId?: string;
  readonly leadId?: string;
  readonly campaignId?: string;
  readonly campaignStep?: CampaignStep;
  readonly contactPhone: string;
  readonly fromPhone: string;
  readonly direction: 'outbound' | 'inbound';
  readonly type: 'automated' | 'manual';
  /** The run of a process in which it began, where several work on one store. */
  readonly carriedBy?: string;
  readonly status: CallStatus;
  readonly outcome?: CallOutcome;
  readonly disposition?: string;
  readonly endReason?: string;
  readonly answeredBy?: AnsweredBy;
  readonly attestation?: string;
  readonly initiatedAt: Date;
  /** When the carrier was asked to dial, as far as is known; present on every call that may have rung. */
  readonly dialedAt?: Date;
  readonly ringingAt?: Date;
  readonly answeredAt?: Date;
  readonly endedAt?: Date;
  readonly duration?: number;
  readonly talkTime?: number;
  readonly conversationMetrics: {
    readonly agentTalkTime: number;
    readonly userTalkTime: number;
    readonly interruptionCount: number;
    readonly turnCount: number;
    readonly avgTurnDuration: number;
    readonly silenceDuration: number;
  };
  readonly latency: {
    readonly perTurnMs: readonly number[];
    readonly medianMs?: number;
    readonly maxMs?: number;
  };
  readonly line?: LineMeasures;
  readonly followUpActions: readonly FollowUpAction[];
  readonly transferredTo?: string;
  /** Who speaks with the caller in the agent's place, while they do. */
  readonly takenOver?: { readonly by: string; readonly name: string; readonly at: Date };
  readonly recordingUrl?: string;
  readonly recordingDuration?: number;
  readonly carrierRecordingSid?: string;
  readonly carrierRecordingUrl?: string;
  readonly transcriptId?: string;
  /** Of a call that was answered. */
  readonly cost?: CallCost;
  readonly completeness?: Completeness;
  readonly sentiment?: CallSentiment;
  readonly keyMoments?: readonly KeyMoment[];
  readonly extractedInfo?: ExtractedInfo;
  readonly qualityScore?: number;
  readonly qualityFactors?: Readonly<Record<QualityFactor, number>>;
  readonly summary?: string;
  readonly analysis?: CallUnderstanding;
  /** On calls whose words nobody analysed yet, as they are now: when the call began. */
  readonly analysisDue?: Date;
  readonly complianceDecision?: Decision;
  readonly script?: ScriptRef;
  /** The hash of `script`. */
  readonly promptHash?: string;
  readonly terms?: CallTerms;
  readonly consentVerified: boolean;
  readonly dncChecked: boolean;
  readonly optedOut: boolean;
  /** Present when the person asked for erasure: what they said and were called is gone. */
  readonly erasedAt?: Date;
  readonly seq: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdBy: string;
  readonly updatedBy: string;
}

const RANK: Record<CallStatus, number> = {
  queued: 0,
  initiated: 1,
  ringing: 2,
  answered: 3,
  denied: 4,
  completed: 4,
  busy: 4,
  no_answer: 4,
  failed: 4,
  canceled: 4,
};

export const isOver = (call: Pick<Call, 'status'>): boolean => RANK[call.status] === 4;

/** A status only moves forward; the first ending stays. */
const forward = (from: CallStatus, to: CallStatus): CallStatus => (RANK[to] > RANK[from] ? to : from);

const seconds = (fromMs: number, toMs: number): number => Math.max(0, Math.round((toMs - fromMs) / 100) / 10);

function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 ? high : Math.round(((sorted[middle - 1] ?? 0) + high) / 2);
}

/** Outcomes that a later, weaker hint must not replace. An opt-out outranks everything: it is a legal fact. */
const OUTCOME_RANK: Record<CallOutcome, number> = {
  no_conversation: 0,
  hung_up: 1,
  voicemail: 2,
  not_interested: 3,
  callback: 4,
  wrong_number: 5,
  qualified: 6,
  transferred: 7,
  opted_out: 8,
};
const stronger = (a: CallOutcome | undefined, b: CallOutcome): CallOutcome =>
  a && OUTCOME_RANK[a] >= OUTCOME_RANK[b] ? a : b;

const DISPOSITION: Record<CallOutcome, Disposition> = {
  qualified: 'interested',
  callback: 'interested',
  transferred: 'interested',
  not_interested: 'not_interested',
  wrong_number: 'wrong_number',
  opted_out: 'do_not_call',
  voicemail: 'no_contact',
  hung_up: 'no_decision',
  no_conversation: 'no_contact',
};

const FOLLOW_UP_OUTCOME: Record<FollowUpKind, CallOutcome | undefined> = {
  site_visit: 'qualified',
  callback: 'callback',
  send_email: undefined,
  send_sms: undefined,
};

const scripted = (script: ScriptRef | undefined): Pick<Call, 'script' | 'promptHash'> =>
  script ? { script, promptHash: script.hash } : {};

function opening(event: CallEvent): Call {
  if (event.type !== 'queued' && event.type !== 'received') {
    throw new Failure('internal', `a call cannot begin with ${event.type}`);
  }
  const outbound = event.type === 'queued';
  return {
    _id: event.callId,
    attemptId: event.attemptId,
    ...(outbound ? {} : { callSid: event.callSid }),
    ...(event.leadId ? { leadId: event.leadId } : {}),
    ...(outbound && event.campaignId ? { campaignId: event.campaignId } : {}),
    ...(outbound && event.campaignStep ? { campaignStep: event.campaignStep } : {}),
    ...(!outbound && event.attestation ? { attestation: event.attestation } : {}),
    ...(outbound ? {} : scripted(event.script)),
    ...(event.carriedBy ? { carriedBy: event.carriedBy } : {}),
    contactPhone: event.contactPhone,
    fromPhone: event.fromPhone,
    direction: outbound ? 'outbound' : 'inbound',
    type: 'automated',
    status: outbound ? 'queued' : 'ringing',
    initiatedAt: event.at,
    conversationMetrics: {
      agentTalkTime: 0,
      userTalkTime: 0,
      interruptionCount: 0,
      turnCount: 0,
      avgTurnDuration: 0,
      silenceDuration: 0,
    },
    latency: { perTurnMs: [] },
    followUpActions: [],
    consentVerified: false,
    dncChecked: false,
    optedOut: false,
    seq: event.seq,
    createdAt: event.at,
    updatedAt: event.at,
    createdBy: outbound ? event.requestedBy : 'carrier',
    updatedBy: outbound ? event.requestedBy : 'carrier',
  };
}

function change(call: Call, event: CallEvent): Partial<Call> {
  switch (event.type) {
    case 'queued':
    case 'received':
      return {};
    case 'permitted':
      return {
        complianceDecision: event.decision,
        consentVerified: true,
        dncChecked: true,
        ...scripted(event.script),
        ...(event.terms ? { terms: event.terms } : {}),
      };
    case 'denied':
      return {
        complianceDecision: event.decision,
        status: forward(call.status, 'denied'),
        endReason: event.decision.reason,
        endedAt: call.endedAt ?? event.at,
      };
    case 'dialed':
      return {
        callSid: call.callSid ?? event.callSid,
        dialedAt: call.dialedAt ?? event.at,
        status: forward(call.status, 'initiated'),
      };
    case 'dial_unconfirmed':
      return { dialedAt: call.dialedAt ?? event.at, status: forward(call.status, 'initiated') };
    case 'ringing':
      return {
        status: forward(call.status, 'ringing'),
        ringingAt: call.ringingAt ?? event.at,
        ...(event.attestation ? { attestation: event.attestation } : {}),
      };
    case 'answered':
      return { status: forward(call.status, 'answered'), answeredAt: call.answeredAt ?? event.at };
    case 'machine':
      return {
        answeredBy: event.answeredBy,
        ...(event.answeredBy.startsWith('machine') ? { outcome: stronger(call.outcome, 'voicemail') } : {}),
      };
    case 'stream_opened':
      // A stream opens only on an answered call, even when its status callback never comes.
      return { status: forward(call.status, 'answered'), answeredAt: call.answeredAt ?? event.at };
    case 'stream_closed':
    case 'session_lost':
    case 'corrected':
    case 'tool_called':
    case 'tool_answered':
    case 'looked_up':
    case 'model_answered':
    case 'keypad':
    case 'whispered':
    case 'handed_back':
    case 'reworded':
      return {};
    case 'taken_over':
      return { takenOver: { by: event.by, name: event.name, at: event.at } };
    case 'hangup_requested':
      return { endReason: call.endReason ?? event.reason };
    case 'session_opened':
      return { conversationId: event.conversationId };
    case 'said': {
      if (event.role === 'system') return {};
      const turnCount = call.conversationMetrics.turnCount + 1;
      return { conversationMetrics: { ...call.conversationMetrics, turnCount } };
    }
    case 'interrupted': {
      const interruptionCount = call.conversationMetrics.interruptionCount + 1;
      return { conversationMetrics: { ...call.conversationMetrics, interruptionCount } };
    }
    case 'heard': {
      const perTurnMs = [...call.latency.perTurnMs, event.latencyMs];
      const middle = median(perTurnMs);
      return {
        latency: {
          perTurnMs,
          ...(middle === undefined ? {} : { medianMs: middle }),
          maxMs: Math.max(...perTurnMs),
        },
      };
    }
    case 'opted_out':
      return { optedOut: true, outcome: 'opted_out', disposition: DISPOSITION.opted_out };
    case 'follow_up_scheduled': {
      const hint = FOLLOW_UP_OUTCOME[event.kind];
      const action: FollowUpAction = {
        type: event.kind,
        ...(event.scheduledFor ? { scheduledFor: event.scheduledFor } : {}),
        notes: event.notes,
        completed: false,
      };
      return {
        followUpActions: [...call.followUpActions, action],
        ...(hint ? { outcome: stronger(call.outcome, hint) } : {}),
      };
    }
    case 'transferred':
      return { outcome: stronger(call.outcome, 'transferred'), transferredTo: event.to };
    case 'voicemail_left':
      return { outcome: stronger(call.outcome, 'voicemail') };
    case 'concluded': {
      const outcome = stronger(call.outcome, event.outcome);
      return { outcome, disposition: DISPOSITION[outcome] };
    }
    case 'ended': {
      if (isOver(call)) return {};
      const endedMs = event.at.getTime();
      const duration =
        event.durationSec ?? (call.answeredAt ? seconds(call.answeredAt.getTime(), endedMs) : 0);
      return {
        status: event.status,
        endedAt: event.at,
        endReason: call.endReason ?? event.reason,
        duration,
        // What was measured on the audio is better than the time between two callbacks.
        ...(call.answeredAt && !call.line ? { talkTime: seconds(call.answeredAt.getTime(), endedMs) } : {}),
      };
    }
    case 'measured': {
      const agentTalkTime = Math.round(event.line.agentTalkMs / 100) / 10;
      const userTalkTime = Math.round(event.line.userTalkMs / 100) / 10;
      const turns = call.conversationMetrics.turnCount;
      return {
        line: event.line,
        talkTime: Math.round((agentTalkTime + userTalkTime) * 10) / 10,
        conversationMetrics: {
          ...call.conversationMetrics,
          agentTalkTime,
          userTalkTime,
          silenceDuration: Math.round(event.line.silenceMs / 100) / 10,
          avgTurnDuration: turns ? Math.round(((agentTalkTime + userTalkTime) / turns) * 100) / 100 : 0,
        },
      };
    }
    case 'recording_ready':
      return event.source === 'bridge'
        ? { recordingUrl: event.url, recordingDuration: event.durationSec }
        : {
            ...(event.recordingSid ? { carrierRecordingSid: event.recordingSid } : {}),
            carrierRecordingUrl: event.url,
          };
    case 'reconciled':
      return {
        completeness: event.completeness,
        transcriptId: call._id,
        // Where nobody answered there is nothing to understand.
        ...(call.erasedAt || !call.answeredAt ? {} : { analysisDue: call.initiatedAt }),
      };
    case 'costed':
      return { cost: event.cost };
    case 'analysed':
      return call.erasedAt ? {} : understood(call, event);
    case 'erased':
      return event.what === 'content' ? { erasedAt: event.at } : {};
    default:
      return impossible(event);
  }
}

/** Outcomes that only mean that nobody said one: what was understood of the words is better. */
const SAYS_LITTLE: ReadonlySet<CallOutcome> = new Set(['no_conversation', 'hung_up']);

/** What an analysis adds. What the line or the agent said stays; what an earlier analysis said goes. */
function understood(
  call: Call,
  { at, analysisId, origin, analysis }: Extract<CallEvent, { type: 'analysed' }>,
): Partial<Call> {
  const { sentiment, keyMoments, extractedInfo, qualityScore, qualityFactors, summary } = analysis;
  const { outcome, disposition, topics, keywords, evidence } = analysis;
  const open = call.outcome === undefined || SAYS_LITTLE.has(call.outcome);
  // A stop is a fact of law with its own path: it is never made, or unmade, by an analysis.
  const better = open && outcome !== undefined && outcome !== 'opted_out' ? outcome : undefined;
  const arranged = call.followUpActions.filter(({ foundBy }) => foundBy === undefined);
  const found = call.optedOut
    ? []
    : analysis.followUpActions.filter(
        ({ type, scheduledFor }) =>
          !arranged.some((known) => known.type === type && sameDay(known.scheduledFor, scheduledFor)),
      );
  return {
    sentiment,
    keyMoments,
    extractedInfo,
    qualityScore,
    qualityFactors,
    summary,
    ...(better === undefined ? {} : { outcome: better }),
    ...(open && disposition !== undefined && disposition !== 'do_not_call' ? { disposition } : {}),
    followUpActions: [
      ...arranged,
      ...found.map((action) => ({ ...action, completed: false, foundBy: 'analysis' as const })),
    ],
    ...(call.cost && origin.cost ? { cost: withAnalysis(call.cost, origin.cost.totalCost) } : {}),
    analysis: {
      ...origin,
      analysisId,
      at,
      ...(outcome === undefined ? {} : { outcome }),
      ...(disposition === undefined ? {} : { disposition }),
      topics,
      keywords,
      evidence,
    },
  };
}

/** One of them without a time is taken for the same. */
const sameDay = (a: Date | undefined, b: Date | undefined): boolean =>
  a === undefined || b === undefined || Math.abs(a.getTime() - b.getTime()) < 86_400_000;

/** After one of these nobody of the staff speaks with the caller through us. */
const LETS_GO: ReadonlySet<CallEvent['type']> = new Set(['handed_back', 'transferred', 'ended']);

/** The call without what an event of this kind takes from it. */
function without(call: Call, event: CallEvent): Call {
  if (call.takenOver && LETS_GO.has(event.type)) {
    const { takenOver: _, ...rest } = call;
    return rest;
  }
  if (event.type === 'erased') return unrecorded(call, event.what);
  if (event.type !== 'analysed') return call;
  const { analysisDue: _, ...rest } = call;
  return rest;
}

/** The call without its recording. The carrier's own copy is not ours to remove: it is left out when the content goes. */
function unrecorded(call: Call, what: 'content' | 'recording'): Call {
  const { recordingUrl: _, recordingDuration: __, ...rest } = call;
  if (what === 'recording') return rest;
  const { carrierRecordingSid: ___, carrierRecordingUrl: ____, analysisDue: _____, ...bare } = rest;
  return bare;
}

/** The call after `event`. Pure; a late or repeated event leaves the call as it is but for `seq` and `updatedAt`. */
export function step(call: Call | undefined, event: CallEvent): Call {
  if (!call) return opening(event);
  return {
    ...without(call, event),
    ...change(call, event),
    seq: event.seq,
    updatedAt: event.at,
    updatedBy: event.type,
  };
}

export const foldCall = (events: readonly CallEvent[]): Call | undefined =>
  events.reduce<Call | undefined>(step, undefined);

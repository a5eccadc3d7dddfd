/** contract/calls: calls, what happened in them, what was said, and the live wall. */
import { z } from 'zod';
import {
  Analysis,
  AnalysisOrigin,
  CallSentiment,
  CallUnderstanding,
  ExtractedInfo,
  KeyMoment,
  QualityFactors,
} from './analyses.ts';
import { Id, Instant, line, PageQuery, PhoneText } from './common.ts';
import { Decision } from './compliance.ts';

export const CallStatus = z.enum([
  'queued',
  'denied',
  'initiated',
  'ringing',
  'answered',
  'completed',
  'busy',
  'no_answer',
  'failed',
  'canceled',
]);
export type CallStatus = z.infer<typeof CallStatus>;
export const EndStatus = CallStatus.extract(['completed', 'busy', 'no_answer', 'failed', 'canceled']);
export const CallOutcome = z.enum([
  'qualified',
  'not_interested',
  'callback',
  'voicemail',
  'wrong_number',
  'opted_out',
  'transferred',
  'hung_up',
  'no_conversation',
]);
export type CallOutcome = z.infer<typeof CallOutcome>;
export const Direction = z.enum(['outbound', 'inbound']);
export const AnsweredBy = z.enum([
  'human',
  'fax',
  'unknown',
  'machine_start',
  'machine_end_beep',
  'machine_end_silence',
  'machine_end_other',
]);
/** complete: both accounts agree; repaired: words were filled in from the platform's account; gap: words are missing. */
export const Completeness = z.enum(['complete', 'repaired', 'gap']);
export const FollowUpKind = z.enum(['site_visit', 'callback', 'send_email', 'send_sms']);

/** Measured on the audio that passed the bridge; durations in ms, frames of 20 ms. */
export const LineMeasures = z
  .object({
    agentTalkMs: z.number(),
    userTalkMs: z.number(),
    silenceMs: z.number(),
    framesFromCaller: z.number(),
    framesToCaller: z.number(),
    framesLost: z.number(),
    framesRefused: z.number(),
  })
  .meta({ id: 'LineMeasures' });

export const FollowUpAction = z
  .object({
    type: FollowUpKind,
    scheduledFor: z.exactOptional(Instant),
    notes: z.string(),
    completed: z.boolean(),
    /** Not arranged by the agent but found in what was said. */
    foundBy: z.exactOptional(z.literal('analysis')),
  })
  .meta({ id: 'FollowUpAction' });

/** Which script the call was given, and the SHA-256 of its words before anything was filled in. */
export const ScriptRef = z.object({ name: z.string(), hash: z.string() }).meta({ id: 'ScriptRef' });

/** What the record of a dialled call tells of it, as it was when the call was permitted. */
export const CallTerms = z
  .object({
    seller: z.string(),
    purpose: z.enum(['marketing', 'informational']),
    subject: z.string(),
    calledName: z.string(),
    callerIdName: z.string(),
    /** The do-not-call lists that were current for the decision, with their publishers' dates. */
    lists: z.array(z.object({ list: z.string(), asOf: Instant })),
  })
  .meta({ id: 'CallTerms' });

/** US dollars by the rates that were used; estimated when the call was over. */
export const CallCost = z
  .object({
    twilioMinutes: z.number(),
    twilioRate: z.number(),
    /** One of the two, as the rate was meant. */
    elevenLabsMinutes: z.exactOptional(z.number()),
    elevenLabsCharacters: z.exactOptional(z.number()),
    elevenLabsRate: z.number(),
    /** What analysing it cost so far; in `totalCost` too. */
    claudeCost: z.exactOptional(z.number()),
    totalCost: z.number(),
  })
  .meta({ id: 'CallCost' });

/** What a campaign called for: the stage a lead was in, and which try or step of it, from 0. */
export const CampaignStep = z
  .object({ stage: z.enum(['initial', 'callback', 'follow_up', 'nurture', 'ended']), step: z.int() })
  .meta({ id: 'CampaignStep' });

/** Durations in seconds unless the name says `Ms`. A refused attempt is a call with status `denied`. */
export const Call = z
  .object({
    id: Id,
    attemptId: z.string(),
    callSid: z.exactOptional(z.string()),
    conversationId: z.exactOptional(z.string()),
    leadId: z.exactOptional(Id),
    campaignId: z.exactOptional(Id),
    campaignStep: z.exactOptional(CampaignStep),
    contactPhone: z.string(),
    fromPhone: z.string(),
    direction: Direction,
    type: z.enum(['automated', 'manual']),
    status: CallStatus,
    outcome: z.exactOptional(CallOutcome),
    disposition: z.exactOptional(z.string()),
    endReason: z.exactOptional(z.string()),
    answeredBy: z.exactOptional(AnsweredBy),
    attestation: z.exactOptional(z.string()),
    initiatedAt: Instant,
    /** When the carrier was asked to dial; on every call that may have rung. */
    dialedAt: z.exactOptional(Instant),
    ringingAt: z.exactOptional(Instant),
    answeredAt: z.exactOptional(Instant),
    endedAt: z.exactOptional(Instant),
    duration: z.exactOptional(z.number()),
    talkTime: z.exactOptional(z.number()),
    conversationMetrics: z.object({
      agentTalkTime: z.number(),
      userTalkTime: z.number(),
      interruptionCount: z.number(),
      turnCount: z.number(),
      avgTurnDuration: z.number(),
      silenceDuration: z.number(),
    }),
    /** Heard latency: from the caller's last word to the agent's first sound on the line. */
    latency: z.object({
      perTurnMs: z.array(z.number()),
      medianMs: z.exactOptional(z.number()),
      maxMs: z.exactOptional(z.number()),
    }),
    line: z.exactOptional(LineMeasures),
    followUpActions: z.array(FollowUpAction),
    transferredTo: z.exactOptional(z.string()),
    /** Who speaks with the caller in the agent's place, while they do. */
    takenOver: z.exactOptional(z.object({ by: z.string(), name: z.string(), at: Instant })),
    /** True when GET /calls/{id}/recording has audio. */
    hasRecording: z.boolean(),
    recordingDuration: z.exactOptional(z.number()),
    completeness: z.exactOptional(Completeness),
    sentiment: z.exactOptional(CallSentiment),
    /** Not in lists of calls. */
    keyMoments: z.exactOptional(z.array(KeyMoment)),
    extractedInfo: z.exactOptional(ExtractedInfo),
    qualityScore: z.exactOptional(z.number()),
    qualityFactors: z.exactOptional(QualityFactors),
    summary: z.exactOptional(z.string()),
    /** Who understood it so, and on which messages each claim rests. */
    analysis: z.exactOptional(CallUnderstanding),
    /** Present while its words, as they are now, were not analysed yet. */
    analysisDue: z.exactOptional(Instant),
    /** Of a call that was answered. */
    cost: z.exactOptional(CallCost),
    complianceDecision: z.exactOptional(Decision),
    script: z.exactOptional(ScriptRef),
    /** The hash of `script`. */
    promptHash: z.exactOptional(z.string()),
    terms: z.exactOptional(CallTerms),
    consentVerified: z.boolean(),
    dncChecked: z.boolean(),
    optedOut: z.boolean(),
    /** Present when the person asked for erasure: what they said and were called is gone. */
    erasedAt: z.exactOptional(Instant),
    /** Sequence number of the newest event in this picture of the call. */
    seq: z.int(),
    createdAt: Instant,
    updatedAt: Instant,
    createdBy: z.string(),
    updatedBy: z.string(),
  })
  .meta({ id: 'Call' });
export type Call = z.infer<typeof Call>;

/** The versions of what agents were told to say, the newest first; a call names its own as `promptHash`. */
export const CallScripts = z
  .object({ items: z.array(z.object({ name: z.string(), hash: z.string(), createdAt: Instant })) })
  .meta({ id: 'CallScripts' });
export type CallScripts = z.infer<typeof CallScripts>;

export const CallCreate = z
  .strictObject({ leadId: Id, campaignId: z.exactOptional(Id) })
  .meta({ id: 'CallCreate' });
export type CallCreate = z.infer<typeof CallCreate>;

export const CallAction = z
  .discriminatedUnion('action', [
    z.strictObject({ action: z.literal('end') }),
    /** The agent is told, the caller hears nothing. */
    z.strictObject({ action: z.literal('whisper'), text: line(1_000) }),
    /** `listener`: the id that GET /calls/{id}/listen gave; your voice comes over that socket. */
    z.strictObject({ action: z.literal('takeover'), listener: Id }),
    /** `note`: what was said meanwhile, for the agent. */
    z.strictObject({ action: z.literal('handback'), note: z.exactOptional(line(1_000)) }),
    /** `to`: the transfer number of another campaign; absent: of the call's own. */
    z.strictObject({ action: z.literal('transfer'), to: z.exactOptional(PhoneText) }),
  ])
  .meta({ id: 'CallAction' });
export type CallAction = z.infer<typeof CallAction>;

/** As an address has it. */
const Dollars = z
  .string()
  .regex(/^\d{1,6}(\.\d{1,4})?$/, 'must be an amount such as 0.25')
  .transform(Number);

export const CallQuery = PageQuery.extend({
  status: z.exactOptional(CallStatus),
  outcome: z.exactOptional(CallOutcome),
  direction: z.exactOptional(Direction),
  leadId: z.exactOptional(Id),
  campaignId: z.exactOptional(Id),
  /** The other party's. */
  phone: z.exactOptional(PhoneText),
  /** Of the whole call, as its analysis has it. */
  mood: z.exactOptional(z.enum(['good', 'neutral', 'bad'])),
  /** As people left it; nobody looked at an `unreviewed` one. */
  review: z.exactOptional(z.enum(['unreviewed', 'reviewed', 'needs_attention'])),
  tag: z.exactOptional(line(40)),
  /** Who is to review it: the id of a person, `me`, or `none` for nobody in particular. */
  assignedTo: z.exactOptional(
    z.string().regex(/^(?:me|none|owner|[0-9a-f]{24})$/, 'must be me, none or the id of a person'),
  ),
  /** The hash of the script that the agent spoke by. */
  promptHash: z.exactOptional(z.string().regex(/^[0-9a-f]{1,64}$/, 'must be a hash')),
  /** In US dollars; only calls that were answered have a cost. */
  minCost: z.exactOptional(Dollars),
  maxCost: z.exactOptional(Dollars),
  /** Initiated at or after. */
  from: z.exactOptional(Instant),
  /** Initiated before. */
  to: z.exactOptional(Instant),
});
export type CallQuery = z.infer<typeof CallQuery>;

const stamp = {
  id: Id,
  eventId: z.string(),
  callId: Id,
  sessionId: z.string(),
  seq: z.int(),
  at: Instant,
  /** Fields of an imported event that have no place here, as they were. */
  legacy: z.exactOptional(z.record(z.string(), z.unknown())),
};
const conversationId = z.exactOptional(z.string());
const event = <T extends string, S extends z.core.$ZodShape>(type: T, shape: S) =>
  z.object({ ...stamp, type: z.literal(type), ...shape });

/** One thing that happened to a call. (callId, seq) is the order; a repeated `eventId` is the same event. */
export const CallEvent = z
  .discriminatedUnion('type', [
    event('queued', {
      attemptId: z.string(),
      leadId: z.string(),
      contactPhone: z.string(),
      fromPhone: z.string(),
      campaignId: z.exactOptional(z.string()),
      campaignStep: z.exactOptional(CampaignStep),
      requestedBy: z.string(),
    }),
    event('received', {
      attemptId: z.string(),
      callSid: z.string(),
      contactPhone: z.string(),
      fromPhone: z.string(),
      leadId: z.exactOptional(z.string()),
      attestation: z.exactOptional(z.string()),
      script: z.exactOptional(ScriptRef),
    }),
    event('permitted', {
      decision: Decision,
      script: z.exactOptional(ScriptRef),
      terms: z.exactOptional(CallTerms),
    }),
    event('denied', { decision: Decision }),
    event('dialed', { callSid: z.string() }),
    event('dial_unconfirmed', { message: z.string() }),
    event('ringing', { attestation: z.exactOptional(z.string()) }),
    event('answered', {}),
    event('machine', { answeredBy: AnsweredBy, detectionMs: z.exactOptional(z.number()) }),
    event('stream_opened', { streamSid: z.string() }),
    event('stream_closed', { reason: z.string() }),
    event('session_opened', { conversationId: z.string(), recovery: z.boolean() }),
    event('session_lost', { closeCode: z.number(), meaning: z.string() }),
    event('said', {
      role: z.enum(['agent', 'user', 'system']),
      text: z.string(),
      turn: z.number(),
      conversationId,
      agoMs: z.exactOptional(z.number()),
    }),
    event('corrected', { turn: z.number(), text: z.string(), conversationId }),
    event('interrupted', { turn: z.number(), heardMs: z.number(), conversationId }),
    event('heard', { turn: z.number(), latencyMs: z.number() }),
    event('tool_called', {
      toolCallId: z.string(),
      name: z.string(),
      parameters: z.record(z.string(), z.unknown()),
    }),
    event('tool_answered', {
      toolCallId: z.string(),
      result: z.string(),
      isError: z.boolean(),
      tookMs: z.number(),
    }),
    event('looked_up', { entry: z.exactOptional(z.object({ key: z.string(), version: z.int() })) }),
    event('model_answered', {
      model: z.string(),
      usage: z.object({
        inputTokens: z.int(),
        outputTokens: z.int(),
        cacheReadTokens: z.int(),
        cacheWriteTokens: z.int(),
      }),
      cost: z.number(),
      firstTokenMs: z.exactOptional(z.number()),
      tookMs: z.number(),
    }),
    event('keypad', { digit: z.string() }),
    event('opted_out', { channel: z.enum(['voice', 'keypad', 'sms', 'manual']), words: z.string() }),
    event('follow_up_scheduled', {
      kind: FollowUpKind,
      scheduledFor: z.exactOptional(Instant),
      notes: z.string(),
    }),
    event('transferred', { to: z.string(), reason: z.string() }),
    event('whispered', { by: z.string(), name: z.string(), text: z.string() }),
    event('taken_over', { by: z.string(), name: z.string() }),
    event('handed_back', {
      by: z.string(),
      name: z.string(),
      how: z.enum(['asked', 'lost', 'over']),
      heldMs: z.number(),
      note: z.exactOptional(z.string()),
      cue: z.exactOptional(z.string()),
    }),
    event('voicemail_left', { text: z.string() }),
    event('concluded', { outcome: CallOutcome, reason: z.string() }),
    event('hangup_requested', { by: z.enum(['agent', 'manager', 'policy', 'system']), reason: z.string() }),
    event('ended', {
      status: EndStatus,
      reason: z.string(),
      durationSec: z.exactOptional(z.number()),
      sipCode: z.exactOptional(z.number()),
    }),
    event('measured', { line: LineMeasures }),
    event('recording_ready', { source: z.enum(['bridge', 'carrier']), durationSec: z.number() }),
    event('reconciled', {
      completeness: Completeness,
      turns: z.array(
        z.object({
          role: z.enum(['agent', 'user']),
          text: z.string(),
          offsetSec: z.number(),
          interrupted: z.boolean(),
        }),
      ),
      source: z.enum(['webhook', 'poll', 'none']),
    }),
    event('reworded', {
      messageIndex: z.int(),
      text: z.exactOptional(z.string()),
      by: z.string(),
      name: z.string(),
    }),
    event('costed', { cost: CallCost }),
    event('analysed', { analysisId: Id, origin: AnalysisOrigin, analysis: Analysis }),
    event('erased', { what: z.enum(['content', 'recording']), why: z.enum(['request', 'retention']) }),
  ])
  .meta({ id: 'CallEvent' });
export type CallEvent = z.infer<typeof CallEvent>;
export type CallEventType = CallEvent['type'];

/** `timestamp` is seconds since the call was answered. */
export const TranscriptMessage = z
  .object({
    speaker: z.enum(['agent', 'user', 'system']),
    text: z.string(),
    timestamp: z.number(),
    turn: z.number(),
    /** The caller cut the agent off; `text` is what was heard, as far as is known. */
    interrupted: z.boolean(),
    heardMs: z.exactOptional(z.number()),
    /** Only the platform's own account had this message. */
    repaired: z.boolean(),
    /** What was felt in it, -1..1, as the call's analysis has it. */
    sentiment: z.exactOptional(z.number()),
    /** Present when `text` is what a person says was said: what was heard, and who corrected it last. */
    correction: z.exactOptional(z.object({ original: z.string(), by: z.string(), at: Instant })),
  })
  .meta({ id: 'TranscriptMessage' });
export type TranscriptMessage = z.infer<typeof TranscriptMessage>;

export const Transcript = z
  .object({
    callId: Id,
    messages: z.array(TranscriptMessage),
    fullTranscript: z.string(),
    completeness: z.exactOptional(Completeness),
    /** The call is still going on: more will come. */
    live: z.boolean(),
  })
  .meta({ id: 'Transcript' });
export type Transcript = z.infer<typeof Transcript>;

/** `messageIndex` counts the messages of the transcript from 0. */
export const WordsPath = z.object({
  callId: Id,
  messageIndex: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a number')
    .transform(Number),
});
/** `was`: what the line reads as whoever corrects it sees it. */
export const WordsCorrection = z
  .strictObject({ was: z.string().max(20_000), text: line(4_000) })
  .meta({ id: 'WordsCorrection' });
export type WordsCorrection = z.infer<typeof WordsCorrection>;

/**
 * What is said on a live call: the transcript from message `from` on; what stood there before is replaced. The signs are taken
 * from the caller's last turns by word lists: what was felt in them (-1..1), whether they object or complain.
 */
export const LiveWords = z
  .object({
    callId: Id,
    from: z.int(),
    messages: z.array(TranscriptMessage),
    signs: z.object({ mood: z.number(), objects: z.boolean(), complains: z.boolean() }),
  })
  .meta({ id: 'LiveWords' });
export type LiveWords = z.infer<typeof LiveWords>;

/**
 * One message of GET /calls/live (server-sent events; the SSE event name equals `type`, `data` is this as JSON).
 * `snapshot` comes first and again after every reconnection and replaces all that is shown. `call` replaces one call, without
 * `complianceDecision` and `terms`, which do not change any more; a call that is over comes a last time and then leaves the
 * wall. `event` is one new event of a live call, `words` what it made of the transcript. `store` comes behind the snapshot and
 * with every change, where the database may be away: unless it is `up`, calls go on and nobody is dialled.
 * `reconnect`: this viewer fell behind or the server restarts; the connection closes after it and EventSource opens a new one.
 */
export const LiveChange = z
  .discriminatedUnion('type', [
    /** `words`: the last few messages of each call. */
    z.object({ type: z.literal('snapshot'), calls: z.array(Call), words: z.array(LiveWords) }),
    z.object({ type: z.literal('call'), call: Call }),
    z.object({ type: z.literal('event'), event: CallEvent }),
    z.object({ type: z.literal('words'), words: LiveWords }),
    z.object({ type: z.literal('store'), state: z.enum(['up', 'away', 'returning']) }),
    z.object({ type: z.literal('reconnect'), reason: z.string() }),
  ])
  .meta({ id: 'LiveChange' });
export type LiveChange = z.infer<typeof LiveChange>;

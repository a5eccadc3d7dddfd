/**
 * domain/erasure: what is left of a person who asks to be forgotten. What must stay is named field by field and everything
 * else goes, so that a field nobody thought of is not what tells who it was.
 */
import type { Call, CallEvent } from './call.ts';
import { sha256Hex } from './canonical.ts';
import type { CollectionName, ConversationSession, Lead, Stamped } from './documents.ts';
import { impossible } from './errors.ts';
import type { Message } from './message.ts';
import { noNumber } from './phone.ts';
import type { CallReview } from './review.ts';

/** In place of words that were spoken or written. */
export const ERASED = '[erased]';
const GONE = 'erased:';

/** The name a person has after their erasure: the same on all their calls, and telling nobody who they are. */
export const pseudonymOf = (erasureId: string): string => `${PSEUDONYM}${erasureId.slice(-8)}`;
const PSEUDONYM = 'Erased person ';

const words = (text: string): string => (text === '' ? '' : ERASED);
const name = (text: string, pseudonym: string): string =>
  text === '' || text.startsWith(PSEUDONYM) ? text : pseudonym;
/** By the platform's own id its copy of the talk is found, and a late report of it would bring the words back. */
const platformId = (id: string): string =>
  id.startsWith(GONE) ? id : `${GONE}${sha256Hex(id).slice(0, 16)}`;
const ofConversation = (event: { readonly conversationId?: string }) =>
  event.conversationId === undefined ? {} : { conversationId: platformId(event.conversationId) };

/** The event without what anybody said, was called or typed. Once more changes nothing more. */
export function eraseEvent(event: CallEvent, pseudonym: string): CallEvent {
  const { _id, eventId, callId, sessionId, seq, at } = event;
  const stamp = { _id, eventId, callId, sessionId, seq, at };
  switch (event.type) {
    case 'queued': {
      const { type, attemptId, leadId, contactPhone, fromPhone, requestedBy } = event;
      const { campaignId, campaignStep } = event;
      const campaign = {
        ...(campaignId === undefined ? {} : { campaignId }),
        ...(campaignStep === undefined ? {} : { campaignStep }),
      };
      return { ...stamp, type, attemptId, leadId, contactPhone, fromPhone, ...campaign, requestedBy };
    }
    case 'received': {
      const { type, attemptId, callSid, contactPhone, fromPhone, leadId, attestation, script } = event;
      return {
        ...stamp,
        type,
        attemptId,
        callSid,
        contactPhone,
        fromPhone,
        ...(leadId === undefined ? {} : { leadId }),
        ...(attestation === undefined ? {} : { attestation }),
        ...(script === undefined ? {} : { script }),
      };
    }
    case 'permitted': {
      const { type, decision, script, terms } = event;
      return {
        ...stamp,
        type,
        decision,
        ...(script === undefined ? {} : { script }),
        ...(terms === undefined
          ? {}
          : { terms: { ...terms, calledName: name(terms.calledName, pseudonym) } }),
      };
    }
    case 'denied':
      return { ...stamp, type: event.type, decision: event.decision };
    case 'dialed':
      return { ...stamp, type: event.type, callSid: event.callSid };
    case 'dial_unconfirmed':
      return { ...stamp, type: event.type, message: event.message };
    case 'ringing': {
      const { type, attestation } = event;
      return { ...stamp, type, ...(attestation === undefined ? {} : { attestation }) };
    }
    case 'answered':
      return { ...stamp, type: event.type };
    case 'machine': {
      const { type, answeredBy, detectionMs } = event;
      return { ...stamp, type, answeredBy, ...(detectionMs === undefined ? {} : { detectionMs }) };
    }
    case 'stream_opened':
      return { ...stamp, type: event.type, streamSid: event.streamSid };
    case 'stream_closed':
      return { ...stamp, type: event.type, reason: event.reason };
    case 'session_opened': {
      const { type, conversationId, recovery } = event;
      return { ...stamp, type, conversationId: platformId(conversationId), recovery };
    }
    case 'session_lost':
      return { ...stamp, type: event.type, closeCode: event.closeCode, meaning: event.meaning };
    case 'said': {
      const { type, role, text, turn, agoMs } = event;
      const began = agoMs === undefined ? {} : { agoMs };
      return { ...stamp, type, role, text: words(text), turn, ...ofConversation(event), ...began };
    }
    case 'corrected': {
      const { type, turn, text } = event;
      return { ...stamp, type, turn, text: words(text), ...ofConversation(event) };
    }
    case 'interrupted': {
      const { type, turn, heardMs } = event;
      return { ...stamp, type, turn, heardMs, ...ofConversation(event) };
    }
    case 'heard':
      return { ...stamp, type: event.type, turn: event.turn, latencyMs: event.latencyMs };
    case 'tool_called': {
      const { type, toolCallId, name: tool } = event;
      return { ...stamp, type, toolCallId, name: tool, parameters: {} };
    }
    case 'tool_answered': {
      const { type, toolCallId, result, isError, tookMs } = event;
      return { ...stamp, type, toolCallId, result: words(result), isError, tookMs };
    }
    case 'looked_up': {
      const { type, entry } = event;
      return { ...stamp, type, ...(entry === undefined ? {} : { entry }) };
    }
    case 'model_answered': {
      const { type, model, usage, cost, firstTokenMs, tookMs } = event;
      const first = firstTokenMs === undefined ? {} : { firstTokenMs };
      return { ...stamp, type, model, usage, cost, ...first, tookMs };
    }
    case 'keypad':
      return { ...stamp, type: event.type, digit: '?' };
    case 'opted_out':
      return { ...stamp, type: event.type, channel: event.channel, words: words(event.words) };
    case 'follow_up_scheduled': {
      const { type, kind, scheduledFor, notes } = event;
      const when = scheduledFor === undefined ? {} : { scheduledFor };
      return { ...stamp, type, kind, ...when, notes: words(notes) };
    }
    case 'transferred':
      return { ...stamp, type: event.type, to: event.to, reason: words(event.reason) };
    case 'whispered':
      return { ...stamp, type: event.type, by: event.by, name: event.name, text: words(event.text) };
    case 'taken_over':
      return { ...stamp, type: event.type, by: event.by, name: event.name };
    case 'handed_back': {
      const { type, by, name: manager, how, heldMs, note, cue } = event;
      return {
        ...stamp,
        type,
        by,
        name: manager,
        how,
        heldMs,
        ...(note === undefined ? {} : { note: words(note) }),
        ...(cue === undefined ? {} : { cue }),
      };
    }
    case 'voicemail_left':
      return { ...stamp, type: event.type, text: words(event.text) };
    case 'concluded':
      return { ...stamp, type: event.type, outcome: event.outcome, reason: words(event.reason) };
    case 'hangup_requested': {
      const { type, by, reason } = event;
      // The agent writes its own reasons; those of the others are sentences of ours.
      return { ...stamp, type, by, reason: by === 'agent' ? words(reason) : reason };
    }
    case 'ended': {
      const { type, status, reason, durationSec, sipCode } = event;
      return {
        ...stamp,
        type,
        status,
        reason,
        ...(durationSec === undefined ? {} : { durationSec }),
        ...(sipCode === undefined ? {} : { sipCode }),
      };
    }
    case 'measured':
      return { ...stamp, type: event.type, line: event.line };
    case 'recording_ready':
      return {
        ...stamp,
        type: event.type,
        source: event.source,
        durationSec: event.durationSec,
        url: '',
      };
    case 'reconciled': {
      const { type, completeness, turns, source } = event;
      return {
        ...stamp,
        type,
        completeness,
        turns: turns.map(({ role, text, offsetSec, interrupted }) => ({
          role,
          text: words(text),
          offsetSec,
          interrupted,
        })),
        source,
      };
    }
    case 'reworded': {
      const { type, messageIndex, text, by, name: manager } = event;
      const wording = text === undefined ? {} : { text: words(text) };
      return { ...stamp, type, messageIndex, ...wording, by, name: manager };
    }
    case 'costed':
      return { ...stamp, type: event.type, cost: event.cost };
    case 'analysed': {
      const { type, analysisId, origin, analysis } = event;
      const { sentiment, qualityScore, qualityFactors } = analysis;
      return {
        ...stamp,
        type,
        analysisId,
        origin,
        analysis: {
          sentiment: { ...sentiment, timeline: [] },
          messages: [],
          keyMoments: [],
          extractedInfo: { motivationFactors: [] },
          followUpActions: [],
          qualityScore,
          qualityFactors,
          topics: [],
          keywords: [],
          summary: '',
          evidence: [],
        },
      };
    }
    case 'erased':
      return { ...stamp, type: event.type, what: event.what, why: event.why };
    default:
      return impossible(event);
  }
}

/** A call of which the log has nothing, so that it cannot be made anew from it. */
export function eraseCall(call: Call, pseudonym: string, at: Date): Call {
  const {
    recordingUrl: _url,
    recordingDuration: _duration,
    carrierRecordingSid: _sid,
    carrierRecordingUrl: _carrierUrl,
    keyMoments: _moments,
    extractedInfo: _info,
    summary: _summary,
    analysis: _analysis,
    analysisDue: _due,
    conversationId,
    terms,
    ...rest
  } = call;
  return {
    ...rest,
    ...(conversationId === undefined ? {} : { conversationId: platformId(conversationId) }),
    ...(call.endReason === undefined ? {} : { endReason: ERASED }),
    ...(terms === undefined ? {} : { terms: { ...terms, calledName: name(terms.calledName, pseudonym) } }),
    followUpActions: call.followUpActions.map((action) => ({ ...action, notes: words(action.notes) })),
    erasedAt: at,
  };
}

/** What goes of a message, as an update: numbers and times stay, as those of calls do; an e-mail address does not. */
export function eraseMessage(
  message: Message,
  at: Date,
): { readonly $set: Partial<Message>; readonly $unset: Readonly<Record<string, ''>> } {
  const { _id, channel, direction, attemptKey } = message;
  return {
    $set: {
      text: ERASED,
      ...(channel === 'email' ? (direction === 'outbound' ? { to: ERASED } : { from: ERASED }) : {}),
      // Whoever asked for it may have put a name into its key; keys of campaigns are ids.
      ...(attemptKey.startsWith('api:') ? { attemptKey: `${GONE}${_id}` } : {}),
      erasedAt: at,
      updatedAt: at,
    },
    $unset: { subject: '' },
  };
}

/** The lead without the person: call records and campaigns refer to it, so it stays, and stays on the list. */
export function eraseLead(lead: Lead, pseudonym: string, at: Date): Lead {
  const { _id, source, receivedAt, campaignId, contactAttempts, lastContactedAt, dncStatus, stage } = lead;
  return {
    _id,
    source,
    externalId: `${GONE}${_id}`,
    receivedAt,
    contact: {
      firstName: name(lead.contact.firstName || ' ', pseudonym),
      lastName: '',
      phone: noNumber(_id),
    },
    ...(campaignId === undefined ? {} : { campaignId }),
    contactAttempts: contactAttempts.map(({ attemptId, timestamp, type, callId, outcome, duration }) => ({
      attemptId,
      timestamp,
      type,
      ...(callId === undefined ? {} : { callId }),
      outcome,
      ...(duration === undefined ? {} : { duration }),
    })),
    ...(lastContactedAt === undefined ? {} : { lastContactedAt }),
    dncStatus: { onNationalRegistry: dncStatus.onNationalRegistry, internalDNC: true },
    status: 'dnc',
    stage,
    tags: [],
    erasedAt: at,
    createdBy: lead.createdBy,
    updatedBy: lead.updatedBy,
    createdAt: lead.createdAt,
    updatedAt: at,
  };
}

/** That somebody looked at the call and remarked on it stays; what was remarked may name the person. */
export const eraseReview = (review: CallReview): CallReview => ({
  ...review,
  tags: [],
  comments: review.comments.map((comment) => ({ ...comment, text: words(comment.text) })),
});

/** When the talk was held, and no more. */
export function eraseSession(session: ConversationSession): ConversationSession {
  const { _id, sessionId, callId, leadId, leadGenerated, startTime, endTime, duration, turns } = session;
  return {
    _id,
    sessionId,
    callId,
    ...(leadId === undefined ? {} : { leadId }),
    leadGenerated,
    startTime,
    ...(endTime === undefined ? {} : { endTime }),
    ...(duration === undefined ? {} : { duration }),
    turns,
    channel: session.channel,
    ...(session.completeness === undefined ? {} : { completeness: session.completeness }),
    createdAt: session.createdAt,
    updatedAt: session.updatedAt,
  };
}

/** The copy that an outside party has of what this event tells of, as long as the event still tells its id. */
export function elsewhereOf(event: CallEvent): ErasureElsewhere | undefined {
  if (event.type === 'session_opened' && !event.conversationId.startsWith(GONE))
    return { at: 'agent_platform', what: 'conversation', id: event.conversationId };
  if (event.type === 'recording_ready' && event.recordingSid !== undefined)
    return { at: 'carrier', what: 'recording', id: event.recordingSid };
  return undefined;
}

/** What an erasure did, or would do, with one kind of thing. */
export interface ErasureItem {
  readonly of: CollectionName | 'recordings' | 'transcript_archives';
  readonly count: number;
  /** In plain words: what of it, and why. */
  readonly says: string;
}

/** A copy that an outside party may still have, under this id there. */
export interface ErasureElsewhere {
  readonly at: 'agent_platform' | 'carrier';
  readonly what: 'conversation' | 'recording';
  readonly id: string;
}

export interface ErasureReport {
  /** The number that was asked about, and all numbers of the person. */
  readonly phone: string;
  readonly numbers: readonly string[];
  /** As whoever asked for it wrote it. */
  readonly reason: string;
  readonly by: string;
  readonly removed: readonly ErasureItem[];
  readonly kept: readonly ErasureItem[];
  readonly elsewhere: readonly ErasureElsewhere[];
  /** What somebody should know, in plain words. */
  readonly notes: readonly string[];
  readonly startedAt: Date;
  readonly endedAt?: Date;
}

/** `running`: not at its end yet; asking again goes on with it. */
export interface Erasure extends ErasureReport, Stamped {
  readonly state: 'running' | 'done';
  readonly leadIds: readonly string[];
  /** What the person is called in what is kept. */
  readonly pseudonym: string;
}

export const ERASURE_NOTES: readonly string[] = [
  'Backups made before hold the person still: delete them when their time is over, and after restoring one repeat the erasures made since.',
  'The embedded store writes its file anew once a day while it runs: then old bytes are gone from it. Free space in the files of MongoDB holds them until it is used again.',
  'Where MongoDB is used, the journal on each machine keeps copies of events for the days that JOURNAL_DAYS says.',
];

/** Why what is kept is kept. */
export const KEPT_BECAUSE = {
  consent_logs:
    'Consent, revocations and do-not-call events stay as they were given, with the name and address in them: they prove why calls were made (16 CFR 310.5, five years after the last call), and their seals allow no change.',
  dnc_registry:
    'The numbers stay on the do-not-call list, so that nobody calls this person again (47 CFR 64.1200(d)).',
  calls:
    'One record for every call: numbers, times, how it ended, and what the gate decided. What happened on the line stays with it, without a word of what was said. The law asks for five years (16 CFR 310.5); the name in it is replaced.',
  leads: 'An empty entry without name, number or address, because call records refer to it.',
  attempts: 'When these numbers were tried: limits on how often somebody is called are counted from it.',
  reassigned_checks: 'What the database of reassigned numbers answered: it proves that a call was allowed.',
} as const satisfies Partial<Record<CollectionName, string>>;

export const REMOVED = {
  leads:
    'Name, number, e-mail address, street address, wishes, notes, tags and visit to the website of the lead.',
  contacts: 'The contact that joined the leads of the person: names, numbers and addresses.',
  properties: 'The name of the owner of the house, and the link to it.',
  calls: 'The name in the record of the call, what was noted of it, and the pointer to its recording.',
  call_events: 'Words spoken, keys pressed, notes, and what tools were told and answered.',
  call_transcripts: 'The transcript.',
  call_analyses: 'What was understood of the call: every analysis, with the words it quotes.',
  call_reviews: 'What comments on the call said, and the tags it was given.',
  agent_state: 'What the agents decided in the call and learned from it, with the words that were said.',
  knowledge_proposals: 'Words of the call that a proposal rested on.',
  transcript_archives: 'The archived transcript.',
  recordings: 'The recorded sound.',
  messages: 'What texts and e-mails said, and the e-mail address they went to.',
  conversation_sessions: 'Everything but when the conversation was held.',
  dnc_registry: 'What was said when the number was listed.',
  attempts: 'The key that whoever asked for the call gave it.',
  enrollments: 'What campaigns still had planned for the lead.',
} as const satisfies Partial<Record<ErasureItem['of'], string>>;

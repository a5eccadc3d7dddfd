/** dashboard/words: the product's terms in plain English, each with the tone in which it is shown. */
import type { z } from 'zod';
import type {
  Call,
  CallEventType,
  CallOutcome,
  CallReview,
  CallStatus,
  Completeness,
  ConsentLog,
  DncEntry,
  FollowUpKind,
  KeyMomentType,
  Lead,
  Reason,
  SandboxFlags,
} from '../contract/index.ts';
import { formatDate, hasNumber, humanise } from './format.ts';

/** How a state is coloured; never the only sign of it. */
export type Tone = 'live' | 'good' | 'warn' | 'bad' | 'info' | 'quiet';
export interface Word {
  readonly label: string;
  readonly tone: Tone;
}

export const STATUS: Record<CallStatus, Word> = {
  queued: { label: 'Queued', tone: 'info' },
  denied: { label: 'Denied', tone: 'bad' },
  initiated: { label: 'Dialling', tone: 'info' },
  ringing: { label: 'Ringing', tone: 'info' },
  answered: { label: 'Live', tone: 'live' },
  completed: { label: 'Completed', tone: 'quiet' },
  busy: { label: 'Busy', tone: 'warn' },
  no_answer: { label: 'No answer', tone: 'warn' },
  failed: { label: 'Failed', tone: 'bad' },
  canceled: { label: 'Canceled', tone: 'quiet' },
};

const GOING_ON: ReadonlySet<CallStatus> = new Set(['queued', 'initiated', 'ringing', 'answered']);
export const isOver = (call: Pick<Call, 'status'>): boolean => !GOING_ON.has(call.status);

export const OUTCOME: Record<CallOutcome, Word> = {
  qualified: { label: 'Qualified', tone: 'good' },
  not_interested: { label: 'Not interested', tone: 'quiet' },
  callback: { label: 'Call back', tone: 'info' },
  voicemail: { label: 'Voicemail', tone: 'quiet' },
  wrong_number: { label: 'Wrong number', tone: 'warn' },
  opted_out: { label: 'Opted out', tone: 'bad' },
  transferred: { label: 'Transferred', tone: 'good' },
  hung_up: { label: 'Hung up', tone: 'quiet' },
  no_conversation: { label: 'No conversation', tone: 'quiet' },
};

export const LEAD_STATUS: Record<Lead['status'], Word> = {
  new: { label: 'New', tone: 'info' },
  contacted: { label: 'Contacted', tone: 'quiet' },
  qualified: { label: 'Qualified', tone: 'good' },
  nurturing: { label: 'Nurturing', tone: 'quiet' },
  active: { label: 'Active', tone: 'good' },
  converted: { label: 'Converted', tone: 'good' },
  lost: { label: 'Lost', tone: 'quiet' },
  dnc: { label: 'Do not call', tone: 'bad' },
};

export const DIRECTION: Record<Call['direction'], string> = { outbound: 'Outbound', inbound: 'Inbound' };

/** What bars a call, as a clause that can stand in a list. */
export const REASON: Record<Reason, string> = {
  check_error: 'A check could not be made, so the call is not allowed',
  campaign_paused: 'All calling is stopped, or the campaign is not running',
  phone_invalid: 'The number is not a valid phone number',
  phone_toll_free: 'The number is toll-free',
  phone_premium: 'The number is a premium-rate number',
  phone_non_geographic: 'The number belongs to no place',
  phone_not_us: 'The number is not a US number',
  phone_fictional: 'The number is reserved for fiction',
  internal_dnc: 'The person is on our own do-not-call list',
  litigator_listed: 'The number is on the litigator list',
  national_dnc_unavailable: 'The national do-not-call list is not loaded',
  national_dnc_stale: 'The national do-not-call list is too old',
  state_dnc_stale: 'The state do-not-call list is too old',
  national_dnc_listed: 'The number is on the national do-not-call list',
  state_dnc_listed: 'The number is on a state do-not-call list',
  consent_missing: 'There is no consent on record',
  consent_seller_mismatch: 'The consent was given to another seller',
  consent_phone_mismatch: 'The consent was given for another number',
  consent_not_effective: 'The consent is not in force yet',
  consent_revoked: 'The consent was taken back',
  consent_insufficient: 'The consent does not cover calls by an artificial voice',
  consent_evidence_incomplete: 'The evidence of the consent is incomplete',
  consent_expired: 'The consent has expired',
  reassigned_check_missing: 'It was never checked whether the number has a new owner',
  reassigned_check_stale: 'The check for a new owner of the number is too old',
  number_reassigned: 'The number has a new owner',
  location_conflict: 'State and ZIP code disagree about where the person is',
  timezone_unknown: "The person's time zone is not known",
  state_not_enabled: 'Calls to this state are not enabled',
  state_emergency_freeze: 'A state of emergency bars calls there',
  state_holiday_barred: 'It is a holiday there on which calls are barred',
  state_day_barred: 'Calls are barred there on this day of the week',
  outside_federal_hours: 'It is outside of federal calling hours (8 am to 9 pm) there',
  outside_state_hours: 'It is outside of the calling hours of that state',
  outside_campaign_hours: "It is outside of the campaign's own hours",
  state_frequency_cap: 'The state allows no more calls to this person today',
  exempt_call_cap: 'The limit for calls without consent is reached',
  campaign_frequency_cap: "The campaign's own limit of calls is reached",
  email_missing: 'There is no usable e-mail address',
};

/** Lists of numbers that are not to be called. */
export const SCOPE: Record<DncEntry['scope'], string> = {
  internal: 'Our own list',
  national: 'National registry',
  state: 'State list',
  litigator: 'Litigator list',
  reassigned: 'Reassigned numbers',
};

export const CONSENT_EVENT: Record<ConsentLog['eventType'], Word> = {
  consent_granted: { label: 'Consent given', tone: 'good' },
  consent_revoked: { label: 'Consent taken back', tone: 'bad' },
  dnc_added: { label: 'Added to do-not-call', tone: 'bad' },
  dnc_removed: { label: 'Taken off do-not-call', tone: 'info' },
};

/** Why a call ended or was refused. The server stores a reason of the gate, or a phrase of its own. */
export const endReason = (text: string): string =>
  Object.hasOwn(REASON, text)
    ? REASON[text as Reason]
    : /\s/.test(text)
      ? text.charAt(0).toUpperCase() + text.slice(1)
      : humanise(text);

export const COMPLETENESS: Record<z.infer<typeof Completeness>, Word & { readonly meaning: string }> = {
  complete: {
    label: 'Complete',
    tone: 'good',
    meaning: 'What we heard on the line and what the agent platform reports agree word for word.',
  },
  repaired: {
    label: 'Repaired',
    tone: 'info',
    meaning: "Words that were missing were filled in from the agent platform's own account of the call.",
  },
  gap: {
    label: 'Has a gap',
    tone: 'warn',
    meaning: 'Some words are missing, and the agent platform could not supply them. The recording has them.',
  },
};

export const REVIEW: Record<CallReview['status'], Word> = {
  unreviewed: { label: 'Not reviewed', tone: 'quiet' },
  reviewed: { label: 'Reviewed', tone: 'good' },
  needs_attention: { label: 'Needs attention', tone: 'warn' },
};

/** What stands out in a talk. */
export const KEY_MOMENT: Record<z.infer<typeof KeyMomentType>, Word> = {
  objection: { label: 'Objection', tone: 'warn' },
  commitment: { label: 'Commitment', tone: 'good' },
  question: { label: 'Question', tone: 'info' },
  interest: { label: 'Interest', tone: 'good' },
  complaint: { label: 'Complaint', tone: 'bad' },
  opt_out: { label: 'Opt-out', tone: 'bad' },
};

export const MOOD = {
  good: { label: 'Positive', tone: 'good' },
  neutral: { label: 'Neutral', tone: 'quiet' },
  bad: { label: 'Negative', tone: 'bad' },
} as const satisfies Record<string, Word>;
/** -1..1 as a word. */
export const moodOf = (score: number): Word =>
  score >= 0.25 ? MOOD.good : score <= -0.25 ? MOOD.bad : MOOD.neutral;

export const FOLLOW_UP: Record<z.infer<typeof FollowUpKind>, string> = {
  site_visit: 'Site visit',
  callback: 'Call back',
  send_email: 'Email',
  send_sms: 'Text message',
};

export const EVENT: Record<CallEventType, string> = {
  queued: 'Queued',
  received: 'Call received',
  permitted: 'Allowed by the gate',
  denied: 'Denied by the gate',
  dialed: 'Dialled',
  dial_unconfirmed: 'Dialled, carrier did not confirm',
  ringing: 'Ringing',
  answered: 'Answered',
  machine: 'Answered by',
  stream_opened: 'Audio connected',
  stream_closed: 'Audio closed',
  session_opened: 'Agent connected',
  session_lost: 'Agent connection lost',
  said: 'Said',
  corrected: 'Corrected',
  interrupted: 'Interrupted',
  heard: 'Reply heard',
  tool_called: 'Tool called',
  tool_answered: 'Tool answered',
  looked_up: 'Knowledge looked up',
  model_answered: 'Claude answered',
  keypad: 'Key pressed',
  opted_out: 'Opted out',
  follow_up_scheduled: 'Follow-up scheduled',
  transferred: 'Transferred',
  whispered: 'Whispered to the agent',
  taken_over: 'Taken over',
  handed_back: 'Handed back',
  voicemail_left: 'Voicemail left',
  concluded: 'Outcome set',
  hangup_requested: 'Hang-up requested',
  ended: 'Ended',
  measured: 'Line measured',
  recording_ready: 'Recording ready',
  reconciled: 'Transcript reconciled',
  reworded: 'Words corrected',
  costed: 'Cost reckoned',
  analysed: 'Analysed',
  erased: 'Erased',
};

/** What to do about a failure: every code of the server, and those of this page itself. */
const REMEDY: Record<string, string> = {
  agent_unavailable:
    'The voice agent cannot be reached. Try again in a minute; if it stays, whoever runs the server checks the keys of the agent platform.',
  analysis_unavailable:
    'The model that analyses calls cannot be reached. The call and its words are kept; try again later.',
  knowledge_conflict: 'Look at the newest version, then save yours on top of it.',
  model_unavailable: 'Claude cannot be asked: check ANTHROPIC_API_KEY, or try again in a minute.',
  at_capacity: 'All lines are in use. Wait for a call to end, or raise MAX_CONCURRENT_CALLS.',
  already_taken_over:
    'Somebody else speaks with the caller now. You can listen, and take over when they are done.',
  attempt_in_progress: 'This person is being called already. Open that call from the list.',
  campaign_conflict: 'The campaign stands otherwise by now. Reload the page to see how.',
  campaign_not_ready: 'Edit the campaign, mend what is named here and start it again.',
  campaign_not_found: 'The campaign was removed. Choose another one.',
  call_not_found: 'The link may be wrong, or the call was erased. Go back to the list of calls.',
  call_elsewhere:
    'Another process of the service carries this call. Open the dashboard at the address of that one.',
  call_not_talking: 'Nobody talks on this call yet, or its line is just coming back. Try again in a moment.',
  call_over: 'The call ended in the meantime. Reload to see how.',
  config_invalid:
    'A stored setting cannot be read. Whoever runs the server finds its name in the log and corrects it.',
  dial_denied: 'Nobody was called. The gate names every reason; "May I call?" says what would lift it.',
  dial_refused: 'Nobody was called: the carrier turned it down. Check the number and the carrier account.',
  dial_unconfirmed:
    'The carrier did not confirm. Look at the list of calls before you try again, so that nobody is called twice.',
  listener_limit: 'Many people listen to calls already. Close a call that you do not need to hear.',
  not_listening: 'Listen to the call first: your voice goes over that connection.',
  not_taken_over: 'You do not speak with this caller any more. Reload to see who does.',
  transcript_conflict:
    'Somebody else corrected this line meanwhile. Look at it as it is now, then correct it again.',
  transfer_not_configured: 'Give the number of a colleague, or set one in the campaign (Transfer to).',
  upgrade_required: 'This address is for listening; open the call in the dashboard instead.',
  duplicate_key: 'An entry like this exists already. Search for it.',
  forbidden: 'Your role does not allow this. Ask an administrator.',
  idempotency_conflict:
    'The same request was sent before with other contents. Reload the page and look whether it was done before you try again.',
  import_conflict: 'Wait for the other import of this list to end, or discard it, then try again.',
  import_failed: 'The list is as it was before. Correct the file and import it again.',
  internal: 'Try again. If it stays, report the code and the request number below.',
  invalid_request: 'Correct what is named here and try again.',
  last_admin: 'Make somebody else an administrator first.',
  lead_not_found: 'The link may be wrong, or the lead was erased. Go back to the list of leads.',
  message_denied: 'Nothing was sent. The gate names every reason; the lead says what would lift it.',
  message_refused: 'Nothing was sent: the carrier or the mail server turned it down. Check the address.',
  message_unavailable:
    'Nothing was sent: the carrier or the mail server cannot be reached. Try again in a minute.',
  message_unconfirmed:
    'It may have been sent, and is not sent again by itself. Look at the history before you write once more.',
  not_found: 'The link may be wrong, or what it led to is gone. Go back and look for it in the list.',
  offline: 'Check that Parley is running and that this device is online. This page tries again by itself.',
  payload_too_large: 'Send the file in smaller parts, or ask whoever runs the server to raise the limit.',
  permit_expired: 'Nobody was called: the answer of the gate had grown too old. Call again to ask it anew.',
  permit_forged:
    'Nobody was called: the permit did not come from the gate. Report the code and the request number below.',
  permit_spent:
    'Each answer of the gate is good for one call. Look at the list of calls before you call again.',
  rate_limited: 'Too many requests in a short time. Wait a moment and try again.',
  review_conflict:
    'Somebody changed the tags or the status meanwhile; that call was left as it is. Open it and look.',
  recording_not_found: 'This call has no recording, or not yet.',
  shutting_down: 'The service restarts. Try again in a few seconds.',
  sign_in_locked: 'Wait until the time is over, or ask an administrator to lift the lock.',
  store_unavailable: 'Live calls go on; dialling waits until it is back. This page tries again by itself.',
  telephony_unavailable:
    'The carrier cannot be reached. Try again in a minute; if it stays, whoever runs the server checks the keys of the carrier.',
  not_loaded:
    'The server did not hand out this page: it is stopped, or was updated meanwhile. Try again in a moment.',
  timed_out: 'Try again. If it stays slow, look at /readyz on the server.',
  template_in_use: 'Campaigns use it. Take it out of their steps first.',
  unauthenticated: 'Sign in again.',
  upload_interrupted: 'What came is kept: go on with the same file under Imports.',
  unexpected_answer: 'The page and the server may be of different versions. Reload the page.',
};
export const remedy = (code: string): string | undefined =>
  Object.hasOwn(REMEDY, code) ? REMEDY[code] : undefined;

/** What is played by built-in peers, in one sentence; undefined when everything is real. */
export function sandboxNotice({ carrier, agent }: z.infer<typeof SandboxFlags>): string | undefined {
  if (carrier && agent) return 'Calls go to a built-in carrier and agent. No real phone rings.';
  if (carrier)
    return 'Calls go to a built-in carrier. No real phone rings. The voice agent is your real one.';
  if (agent) return 'Real phones ring. The voice agent is a built-in practice one.';
  return undefined;
}

export const fullName = (lead: Pick<Lead, 'contact'>): string =>
  `${lead.contact.firstName} ${lead.contact.lastName}`.trim();

/**
 * May an artificial voice call this person, as far as the lead's own picture tells? The gate decides, not this. The
 * national registry yields to written consent, so both are named; our own list yields to nothing.
 */
export function callableWords(
  lead: Pick<Lead, 'consent' | 'contact' | 'dncStatus' | 'erasedAt'>,
  nowMs: number,
): Word[] {
  if (lead.erasedAt !== undefined) return [ERASED];
  if (!hasNumber(lead.contact.phone)) return [{ label: 'No number', tone: 'quiet' }];
  if (lead.dncStatus.internalDNC) return [{ label: 'Do not call', tone: 'bad' }];
  const consent = consentWord(lead, nowMs);
  return lead.dncStatus.onNationalRegistry
    ? [consent, { label: 'National registry', tone: 'warn' }]
    : [consent];
}

/** Whoever asked for erasure: nothing of theirs is left to look at or to act on. */
export const ERASED: Word = { label: 'Erased', tone: 'quiet' };

/** Why nothing leads to a call of this lead, whatever the gate would say; undefined when something may. */
export function whyNeverDialled(lead: Pick<Lead, 'contact' | 'erasedAt'>): string | undefined {
  if (lead.erasedAt !== undefined)
    return `This person asked us to forget them. What told who they are was removed on ${formatDate(lead.erasedAt)}; their number stays on our do-not-call list.`;
  return hasNumber(lead.contact.phone)
    ? undefined
    : 'This lead has no phone number, so there is nobody to call. Edit the lead to enter one.';
}

/** Why calling is not offered though there is a number: our own list yields to nothing. */
export const whyNotCalled = ({ dncStatus }: Pick<Lead, 'dncStatus'>): string | undefined =>
  dncStatus.internalDNC
    ? 'This person is on our own do-not-call list, so nobody calls or writes. Only an administrator can release the number, because the person asked for it.'
    : undefined;

export function consentWord(lead: Pick<Lead, 'consent'>, nowMs: number): Word {
  const { consent } = lead;
  if (!consent) return { label: 'No consent', tone: 'warn' };
  if (!consent.hasWrittenConsent && consent.consentDate === undefined)
    return { label: 'Consent taken back', tone: 'bad' };
  if (consent.expiresAt && Date.parse(consent.expiresAt) <= nowMs)
    return { label: 'Consent expired', tone: 'warn' };
  if (!consent.hasWrittenConsent || !consent.automatedCallsAllowed)
    return { label: 'Consent limited', tone: 'warn' };
  return { label: 'Consent', tone: 'good' };
}

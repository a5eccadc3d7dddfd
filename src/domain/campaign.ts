/**
 * domain/campaign: what a campaign wants done with a lead, and when. A lead that a campaign takes is enrolled; the enrollment
 * says which step comes next and when it is due. What is here is pure: the outcome of a step in, the next step out.
 */
import type { Call, CallOutcome, CallStatus } from './call.ts';
import type { Decision, Reason } from './compliance/decision.ts';
import type { Lead, Stamped } from './documents.ts';

export const STEP_METHODS = ['automated_call', 'sms', 'email'] as const;
export type StepMethod = (typeof STEP_METHODS)[number];

/** How soon after its receipt a new lead is to be called first. A goal that is measured: a late lead is called all the same. */
export const FIRST_CONTACT_SECONDS = {
  immediately: 0,
  within_5_minutes: 300,
  within_15_minutes: 900,
  within_1_hour: 3_600,
  within_1_day: 86_400,
} as const;
export type FirstContact = keyof typeof FIRST_CONTACT_SECONDS;

/** Why a call did not reach the person, and is tried again. */
export const RETRY_REASONS = ['busy', 'no_answer', 'voicemail', 'failed', 'hung_up'] as const;
export type RetryReason = (typeof RETRY_REASONS)[number];

/** Delays are seconds. A campaign without a workflow calls nobody by itself. */
export interface Workflow {
  readonly initialContact: {
    readonly method: 'automated_call';
    readonly timing: FirstContact;
    /** Calls until the follow-up begins, 1..20. */
    readonly maxAttempts: number;
    /** From the end of a try to the next, where `retryDelays` does not say otherwise. */
    readonly retryDelay: number;
    readonly retryDelays?: Readonly<Partial<Record<RetryReason, number>>>;
  };
  /** `delay` counts from the end of the initial contact, as the steps of the source do; in ascending order. */
  readonly followUp: readonly {
    readonly delay: number;
    readonly method: StepMethod;
    /** The message template of a text or an e-mail. */
    readonly template?: string;
  }[];
  readonly nurture?: {
    readonly enabled: boolean;
    readonly frequency: 'weekly' | 'biweekly' | 'monthly';
    /** Days. */
    readonly duration: number;
    /** Message templates, one after the other and then from the first again. */
    readonly content: readonly string[];
  };
}

export const WEEKDAY_NAMES = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const;
export type WeekdayName = (typeof WEEKDAY_NAMES)[number];

/** "HH:MM", half-open; null: closed that day. */
export type DayHours = { readonly start: string; readonly end: string } | null;

/** When a campaign works. The gate's hours in the called party's zone hold besides. */
export interface Schedule {
  readonly startDate?: Date;
  readonly endDate?: Date;
  readonly callingHours?: { readonly timezone: string } & Readonly<Record<WeekdayName, DayHours>>;
}

/** US dollars. What is absent does not limit. Days are those of the schedule's zone, else UTC. */
export interface Budget {
  readonly totalBudget?: number;
  /** What a call is reckoned with until its cost is known, and in forecasts. */
  readonly costPerCall?: number;
  readonly maxCallsPerDay?: number;
  /** New leads called for the first time in a day. */
  readonly maxLeadsPerDay?: number;
}

/** Below what the house allows. */
export interface Pacing {
  readonly callsPerSecond?: number;
  readonly maxConcurrentCalls?: number;
}

/** What the agent is told besides its prompt. `openingScript` may hold the placeholders of the prompts. */
export interface ConversationStrategy {
  readonly voiceId?: string;
  readonly openingScript?: string;
  readonly qualificationQuestions?: readonly string[];
  /** By the kind of objection. */
  readonly objectionHandlers?: Readonly<Record<string, string>>;
  readonly callToAction?: string;
}

/** Why a campaign stands still though it is not over. */
export interface Hold {
  /** `manual`; `failures`: calls kept failing; `budget`: the total is spent. */
  readonly code: 'manual' | 'failures' | 'budget';
  readonly says: string;
  readonly at: Date;
  readonly by: string;
}

/** Most urgent first: agreed callbacks, new leads, other calls, messages. */
export const PRIORITIES = [0, 1, 2, 3] as const;
export type Priority = (typeof PRIORITIES)[number];

export const STAGES = ['initial', 'callback', 'follow_up', 'nurture', 'ended'] as const;
export type Stage = (typeof STAGES)[number];

/** Why nothing more is done for a lead in a campaign. */
export const ENDINGS = [
  'reached',
  'not_interested',
  'wrong_number',
  'opted_out',
  'converted',
  'exhausted',
  'removed',
  'campaign_over',
] as const;
export type Ending = (typeof ENDINGS)[number];

/** One lead in one campaign: (campaignId, leadId) is unique. */
export interface Enrollment extends Stamped {
  readonly campaignId: string;
  readonly leadId: string;
  /** When the lead came in; the goal of the first contact counts from it. */
  readonly receivedAt: Date;
  readonly stage: Stage;
  /** Which try of the initial contact, step of the follow-up or message of the nurture comes next, from 0. */
  readonly step: number;
  /** How many tries are settled: the key of the next one is made of it, so that it is made once whoever makes it. */
  readonly turn: number;
  readonly priority: Priority;
  /** When somebody is to look at it next: a step is due, or the lease of who works on it ends. Absent when it is over. */
  readonly dueAt?: Date;
  /** Who works on it; of a holder whose lease ran out another takes over. */
  readonly holder?: string;
  /** The call or message whose outcome is awaited. */
  readonly working?: {
    readonly method: StepMethod;
    readonly id: string;
    readonly since: Date;
    /** What its campaign's budget was charged with for it, US dollars, until its cost is known. */
    readonly reckoned?: number;
  };
  /** Why the step that is due is not taken: the gate's reason, or the campaign's own. */
  readonly waiting?: {
    readonly reason: string;
    readonly explanation: string;
    readonly since: Date;
    /** Absent: until something changes. */
    readonly until?: Date;
  };
  readonly calls: number;
  readonly messages: number;
  readonly firstCalledAt?: Date;
  readonly lastAt?: Date;
  readonly lastOutcome?: CallOutcome | CallStatus | string;
  /** When the initial contact was over without reaching anybody; the follow-up counts from it. */
  readonly initialEndedAt?: Date;
  /** The step of the follow-up to go on with when an agreed callback reaches nobody. */
  readonly resumeAt?: number;
  readonly ended?: { readonly why: Ending; readonly at: Date };
  /** When it was begun anew, the last time. */
  readonly reopenedAt?: Date;
}

export interface UseFigures {
  readonly calls: number;
  /** New leads called for the first time. */
  readonly leads: number;
  readonly messages: number;
  /** US dollars, calls that are not costed yet reckoned with the budget's costPerCall. */
  readonly spent: number;
}

/** What a campaign used up of its limits on the last of its days on which it did anything, and in all. `_id` is the campaign's. */
export interface CampaignUse extends Stamped {
  /** "2026-11-22". */
  readonly day: string;
  readonly today: UseFigures;
  readonly total: UseFigures;
  /** Kept where the campaign has a pace. */
  readonly lastCallAt?: Date;
  /** Analyses whose cost is in the figures and which are not told to be done yet. */
  readonly analysing?: readonly string[];
  /** When all its leads were looked at last, and how many more there were then than enrollments. */
  readonly swept?: { readonly at: Date; readonly apart: number };
}

// ── What comes next ──────────────────────────────────────────────────────────────────────────────────────────────────

export type Step =
  | { readonly kind: 'call' }
  /** `channel` absent: that of the template. */
  | { readonly kind: 'message'; readonly template: string; readonly channel?: 'sms' | 'email' };

/** What becomes of an enrollment whose step is settled. */
export type Move =
  | {
      readonly kind: 'next';
      readonly stage: Exclude<Stage, 'ended'>;
      readonly step: number;
      readonly priority: Priority;
      readonly dueAt: Date;
      readonly initialEndedAt?: Date;
      readonly resumeAt?: number;
    }
  | { readonly kind: 'ended'; readonly why: Ending };

/** Where an enrollment stands; `calls` counts every call made, the one just settled too. */
export type Position = Pick<Enrollment, 'stage' | 'step' | 'calls' | 'initialEndedAt' | 'resumeAt'>;

const DAY_MS = 86_400_000;
/** Whoever was called so often is called back no more, whatever is agreed. */
const MOST_CALLS = 30;
/** A call that was never dialled (the service stopped, say) is placed again, and counts for nothing. */
const AGAIN_MS = 60_000;
/** Steps of a follow-up that fell behind do not come all at once. */
const LEAST_BETWEEN_MS = 3_600_000;
const PERIOD_MS = { weekly: 7 * DAY_MS, biweekly: 14 * DAY_MS, monthly: 30 * DAY_MS } as const;

/** The step an enrollment stands before; undefined: its workflow was changed and has no such step, so it goes on. */
export function stepOf(
  workflow: Workflow,
  { stage, step }: Pick<Position, 'stage' | 'step'>,
): Step | undefined {
  switch (stage) {
    case 'initial':
    case 'callback':
      return step < workflow.initialContact.maxAttempts ? { kind: 'call' } : undefined;
    case 'follow_up': {
      const next = workflow.followUp[step];
      if (!next) return undefined;
      if (next.method === 'automated_call') return { kind: 'call' };
      return next.template === undefined
        ? undefined
        : { kind: 'message', channel: next.method, template: next.template };
    }
    case 'nurture': {
      const { enabled, content } = workflow.nurture ?? { enabled: false, content: [] };
      const template = content[step % content.length];
      return enabled && template !== undefined ? { kind: 'message', template } : undefined;
    }
    case 'ended':
      return undefined;
  }
}

/** What a call came to, as far as its campaign asks. */
export interface CallEnd {
  readonly outcome?: CallOutcome;
  readonly status: CallStatus;
  /** False: the phone surely never rang. */
  readonly wasDialled: boolean;
  readonly callbackAt?: Date;
}

export function callEndOf(call: Call): CallEnd {
  const callback = call.followUpActions.find(({ type, scheduledFor }) => type === 'callback' && scheduledFor);
  return {
    status: call.status,
    wasDialled: call.dialedAt !== undefined,
    ...(call.outcome === undefined ? {} : { outcome: call.outcome }),
    ...(callback?.scheduledFor === undefined ? {} : { callbackAt: callback.scheduledFor }),
  };
}

const ENDED_BY: Partial<Record<CallOutcome, Ending>> = {
  qualified: 'reached',
  transferred: 'reached',
  not_interested: 'not_interested',
  wrong_number: 'wrong_number',
  opted_out: 'opted_out',
};

/** Why a call that reached nobody is tried again. */
export function retryReasonOf({ outcome, status }: Pick<CallEnd, 'outcome' | 'status'>): RetryReason {
  if (outcome === 'voicemail' || outcome === 'hung_up') return outcome;
  if (status === 'busy' || status === 'no_answer' || status === 'failed') return status;
  return status === 'canceled' ? 'no_answer' : 'hung_up';
}

/** What follows a call that is over. */
export function afterCall(workflow: Workflow, at: Position, end: CallEnd, nowMs: number): Move {
  const why = end.outcome && ENDED_BY[end.outcome];
  if (why) return { kind: 'ended', why };
  if (!end.wasDialled) return again(at, nowMs);
  const { maxAttempts, retryDelay, retryDelays = {} } = workflow.initialContact;
  const laterMs = (seconds: number): Date => new Date(nowMs + seconds * 1_000);
  if (end.outcome === 'callback' && at.calls < MOST_CALLS)
    return {
      kind: 'next',
      stage: 'callback',
      step: 0,
      priority: 0,
      dueAt: new Date(Math.max(nowMs, (end.callbackAt ?? laterMs(retryDelay)).getTime())),
      resumeAt: at.resumeAt ?? (at.stage === 'follow_up' ? at.step + 1 : 0),
    };
  const isRetried = at.stage === 'initial' || at.stage === 'callback';
  if (!isRetried || at.step + 1 >= maxAttempts) return onward(workflow, at, nowMs);
  return {
    kind: 'next',
    stage: at.stage,
    step: at.step + 1,
    priority: at.stage === 'callback' ? 0 : 2,
    dueAt: laterMs(retryDelays[retryReasonOf(end)] ?? retryDelay),
  };
}

const again = ({ stage, step, calls }: Position, nowMs: number): Move => ({
  kind: 'next',
  stage: stage === 'ended' ? 'initial' : stage,
  step,
  priority: priorityOf(stage, calls === 0),
  dueAt: new Date(nowMs + AGAIN_MS),
});

const priorityOf = (stage: Stage, isNew: boolean): Priority => (stage === 'callback' ? 0 : isNew ? 1 : 2);

/** What follows a step that is done, skipped, or not in the workflow any more, where nobody was reached. */
export function onward(workflow: Workflow, at: Position, nowMs: number): Move {
  const endedMs = at.initialEndedAt?.getTime() ?? nowMs;
  const started = at.initialEndedAt === undefined ? { initialEndedAt: new Date(nowMs) } : {};
  if (at.stage === 'nurture') return nurtured(workflow, at.step + 1, endedMs, nowMs);
  const step = at.stage === 'follow_up' ? at.step + 1 : (at.resumeAt ?? 0);
  const next = workflow.followUp[step];
  if (!next) {
    const move = nurtured(workflow, 0, endedMs, nowMs);
    return move.kind === 'ended' ? move : { ...move, ...started };
  }
  const gapMs = (next.delay - (workflow.followUp[step - 1]?.delay ?? 0)) * 1_000;
  const leastMs = nowMs + Math.min(Math.max(gapMs, 0), LEAST_BETWEEN_MS);
  return {
    kind: 'next',
    stage: 'follow_up',
    step,
    priority: next.method === 'automated_call' ? 2 : 3,
    dueAt: new Date(Math.max(leastMs, endedMs + next.delay * 1_000)),
    ...started,
  };
}

function nurtured({ nurture, followUp }: Workflow, step: number, endedMs: number, nowMs: number): Move {
  if (!nurture?.enabled || nurture.content.length === 0) return { kind: 'ended', why: 'exhausted' };
  const beganMs = endedMs + (followUp.at(-1)?.delay ?? 0) * 1_000;
  const dueMs = Math.max(nowMs, beganMs) + PERIOD_MS[nurture.frequency];
  if (dueMs > beganMs + nurture.duration * DAY_MS) return { kind: 'ended', why: 'exhausted' };
  return { kind: 'next', stage: 'nurture', step, priority: 3, dueAt: new Date(dueMs) };
}

// ── What bars a step ─────────────────────────────────────────────────────────────────────────────────────────────────

/** These do not pass, and no time helps. */
const FOR_EVER: ReadonlySet<Reason> = new Set(['internal_dnc', 'consent_revoked']);
/** What stands in the way is the house's own, a list or a setting: it may be gone at any time. */
const OF_THE_HOUSE: ReadonlySet<Reason> = new Set([
  'check_error',
  'campaign_paused',
  'national_dnc_unavailable',
  'national_dnc_stale',
  'state_dnc_stale',
  'reassigned_check_missing',
  'reassigned_check_stale',
  'state_not_enabled',
  'state_emergency_freeze',
]);
const CHECK_AGAIN_MS = 300_000;
const HOUSE_AGAIN_MS = 3 * 3_600_000;
const PERSON_AGAIN_MS = DAY_MS;
/** Not at once, however soon the gate would allow. */
const LEAST_WAIT_MS = 1_000;

export type Barred =
  | { readonly kind: 'ended'; readonly why: Ending }
  | {
      readonly kind: 'waits';
      readonly reason: string;
      readonly explanation: string;
      /** Absent: until something changes. */
      readonly until?: Date;
      /** When to ask again. */
      readonly dueAt: Date;
      /** What it takes: time alone, something of ours (a list, a switch), or something of the person's. */
      readonly needs: 'time' | 'house' | 'person';
    };

/** What the gate's denial means for a step that is due. */
export function afterDenial(
  {
    reason,
    reasons,
    explanation,
    nextAllowedAt,
  }: Pick<Decision, 'reason' | 'reasons' | 'explanation' | 'nextAllowedAt'>,
  nowMs: number,
): Barred {
  if (reasons.some((each) => FOR_EVER.has(each))) return { kind: 'ended', why: 'opted_out' };
  if (nextAllowedAt !== null) {
    const until = new Date(Math.max(nextAllowedAt.getTime(), nowMs + LEAST_WAIT_MS));
    return { kind: 'waits', reason, explanation, until, dueAt: until, needs: 'time' };
  }
  const needs = reasons.some((each) => OF_THE_HOUSE.has(each)) ? 'house' : 'person';
  const againMs =
    reason === 'check_error' ? CHECK_AGAIN_MS : needs === 'house' ? HOUSE_AGAIN_MS : PERSON_AGAIN_MS;
  return { kind: 'waits', reason, explanation, dueAt: new Date(nowMs + againMs), needs };
}

/** Why nothing more is done for a lead, whatever its step; undefined: it goes on. */
export function endingOf(lead: Lead | undefined, campaignId: string): Ending | undefined {
  if (!lead || lead.campaignId !== campaignId) return 'removed';
  if (lead.status === 'dnc' || lead.erasedAt !== undefined) return 'opted_out';
  if (lead.status === 'converted') return 'converted';
  return lead.status === 'lost' ? 'removed' : undefined;
}

// ── Stopping by itself ───────────────────────────────────────────────────────────────────────────────────────────────

/** So many of the last calls are looked at, and so many of them may fail. */
export const LAST_CALLS = 20;
const MOST_FAILED = 10;

const WHAT_TO_DO: readonly (readonly [reason: RegExp, advice: string])[] = [
  [/account|auth|balance|suspend|credential/i, 'look at the account with the carrier'],
  [/caller.?id|from number/i, 'look at the numbers we call from'],
  [/region|geo.?permission|international/i, 'look at the regions that the carrier account may call'],
  [/agent|session/i, 'look at the agent platform'],
  [/unavailable|unconfirmed|timeout|connect/i, 'look whether the carrier can be reached'],
];

/**
 * Whether calls fail too often to go on; then why, in a sentence for people. `last`: calls that were placed, the newest first.
 */
export function tooManyFailures(last: readonly Pick<Call, 'status' | 'endReason'>[]): string | undefined {
  const looked = last.slice(0, LAST_CALLS);
  const failed = looked.filter(({ status }) => status === 'failed');
  if (failed.length < MOST_FAILED) return undefined;
  const counts = new Map<string, number>();
  for (const { endReason = 'no reason was given' } of failed)
    counts.set(endReason, (counts.get(endReason) ?? 0) + 1);
  const [most = ''] = [...counts].sort(([, a], [, b]) => b - a).map(([reason]) => reason);
  const advice = WHAT_TO_DO.find(([reason]) => reason.test(most))?.[1] ?? 'look into one of these calls';
  return `${failed.length} of the last ${looked.length} calls failed, most of them because: ${most}. Before it goes on, ${advice}.`;
}

// ── Sharing the lines ────────────────────────────────────────────────────────────────────────────────────────────────

/** Whose turn it is: of those who want a line, the one that had the least of them, seconds, for its size. */
export function fairest(
  usedSec: ReadonlyMap<string, number>,
  wanting: readonly string[],
): string | undefined {
  let found: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const id of wanting) {
    const used = usedSec.get(id) ?? 0;
    if (used < least) {
      least = used;
      found = id;
    }
  }
  return found;
}

// ── In words ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const ORDINALS = [
  'first',
  'second',
  'third',
  'fourth',
  'fifth',
  'sixth',
  'seventh',
  'eighth',
  'ninth',
  'tenth',
];

/** What comes next for an enrollment, as people say it; undefined when nothing does. */
export function nextInWords(
  workflow: Workflow | undefined,
  { stage, step }: Pick<Enrollment, 'stage' | 'step'>,
): string | undefined {
  const next = workflow && stepOf(workflow, { stage, step });
  if (!next) return undefined;
  if (next.kind === 'message') {
    const what = next.channel === 'sms' ? 'text' : next.channel === 'email' ? 'e-mail' : 'message';
    return `${what} ${next.template}`;
  }
  if (stage === 'callback') return step === 0 ? 'agreed callback' : 'agreed callback, again';
  if (stage === 'follow_up') return 'follow-up call';
  return `${ORDINALS[step] ?? `${step + 1}th`} call`;
}

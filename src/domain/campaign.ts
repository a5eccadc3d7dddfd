/**
 * domain/campaign: what a campaign wants done with a lead, and when. A lead that a campaign takes is enrolled; the enrollment
 * says which step comes next and when it is due. What is here is pure: the outcome of a step in, the next step out.
 */
import type { CallOutcome, CallStatus } from './call.ts';
import type { Stamped } from './documents.ts';

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
  readonly working?: { readonly method: StepMethod; readonly id: string; readonly since: Date };
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
  readonly ended?: { readonly why: Ending; readonly at: Date };
}

/** What a campaign used up of its limits in one of its days; `_id` is `<campaignId>:<yyyy-mm-dd>`, and `<campaignId>:total`. */
export interface CampaignUse extends Stamped {
  readonly campaignId: string;
  readonly calls: number;
  readonly leads: number;
  readonly messages: number;
  /** US dollars, calls that are not costed yet reckoned with the budget's costPerCall. */
  readonly spent: number;
}

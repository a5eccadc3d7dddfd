/** dashboard/campaign/draft: a campaign as the editor holds it, what a new one begins with, and what is sent of it. */
import type { z } from 'zod';
import type {
  Campaign,
  CampaignCreate,
  CampaignHours,
  CampaignPatch,
  ConversationStrategy,
  Schedule,
  Targeting,
  Workflow,
} from '../../contract/index.ts';
import { dayAsInstant, fieldOf, OWN_ZONE } from '../format.ts';
import { newRowKey } from '../ui/row-key.ts';
import { teamOf } from './words.ts';

type First = Workflow['initialContact'];
export type RetryReason = keyof NonNullable<First['retryDelays']>;
export type Method = Workflow['followUp'][number]['method'];
type Nurture = NonNullable<Workflow['nurture']>;
export type DayHours = { readonly start: string; readonly end: string } | null;

export const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
export type DayName = (typeof DAYS)[number];
export type Week = Readonly<Record<DayName, DayHours>>;

export type CalledHours = z.infer<typeof CampaignHours>;
export const CALLED_HOURS: CalledHours = {
  start: '09:00',
  end: '20:00',
  days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
};

export interface StepDraft {
  /** Only to tell steps apart while they move. */
  readonly key: string;
  /** Seconds from the end of the first contact. */
  readonly delay: number;
  readonly method: Method;
  readonly template: string;
}

export interface WorkflowDraft {
  readonly first: First;
  readonly steps: readonly StepDraft[];
  readonly nurture: Nurture;
}

/** A number field: undefined while it is empty. */
type Amount = number | undefined;

export interface Draft {
  readonly name: string;
  readonly description: string;
  readonly type: Campaign['type'];
  /** Ids of people. */
  readonly managers: readonly string[];
  readonly closers: readonly string[];
  /** False: only leads that were given to the campaign. */
  readonly finds: boolean;
  readonly targeting: {
    readonly leadSources: readonly string[];
    readonly intent: readonly string[];
    readonly minScore: Amount;
    readonly minEquity: Amount;
    readonly maxPrice: Amount;
    readonly propertyTypes: readonly string[];
    readonly states: readonly string[];
    readonly cities: readonly string[];
    readonly zipCodes: readonly string[];
    readonly motivationFactors: readonly string[];
  };
  /** False: people place the calls. */
  readonly works: boolean;
  readonly workflow: WorkflowDraft;
  /** Date fields: the first and the last day. */
  readonly startDate: string;
  readonly endDate: string;
  /** False: the gate's hours alone. */
  readonly timed: boolean;
  readonly timezone: string;
  readonly week: Week;
  readonly totalBudget: Amount;
  readonly costPerCall: Amount;
  readonly maxCallsPerDay: Amount;
  readonly maxLeadsPerDay: Amount;
  readonly revenuePerDeal: Amount;
  readonly wholesaleShare: Amount;
  readonly callsPerSecond: Amount;
  readonly maxConcurrentCalls: Amount;
  readonly calling: {
    readonly purpose: 'marketing' | 'informational';
    /** Empty: the name of the campaign. */
    readonly subject: string;
    readonly machinePolicy: 'hang_up' | 'leave_message' | 'talk';
    readonly voicemailText: string;
    readonly ringTimeoutSec: number;
    readonly maxCallSec: number;
    readonly transferNumber: string;
    readonly carrierRecording: boolean;
    /** On the called party's own clock; null: as the law has it. */
    readonly hours: CalledHours | null;
  };
  readonly strategy: {
    readonly voiceId: string;
    readonly openingScript: string;
    readonly questions: readonly string[];
    readonly objections: readonly { readonly key: string; readonly kind: string; readonly answer: string }[];
    readonly callToAction: string;
  };
}

const HOUR = 3_600;
const DAY = 24 * HOUR;
const open = (start: string, end: string): DayHours => ({ start, end });

const WEEK: Week = {
  monday: open('09:00', '18:00'),
  tuesday: open('09:00', '18:00'),
  wednesday: open('09:00', '18:00'),
  thursday: open('09:00', '18:00'),
  friday: open('09:00', '18:00'),
  saturday: open('10:00', '14:00'),
  sunday: null,
};
const FIRST: First = {
  method: 'automated_call',
  timing: 'within_5_minutes',
  maxAttempts: 3,
  retryDelay: HOUR,
  retryDelays: { busy: 600 },
};
const STEPS = [
  { delay: DAY, method: 'email', template: 'follow_up_day_1' },
  { delay: 3 * DAY, method: 'sms', template: 'follow_up_day_3' },
  { delay: 7 * DAY, method: 'automated_call', template: '' },
] as const;
const NURTURE_CONTENT = ['market_updates', 'success_stories', 'tips'] as const;

/** The sequence that most begin with; messages whose template is not there are left out. */
export function firstWorkflow(templates: ReadonlySet<string>): WorkflowDraft {
  const content = NURTURE_CONTENT.filter((name) => templates.has(name));
  return {
    first: FIRST,
    steps: STEPS.filter(({ template }) => template === '' || templates.has(template)).map((step) => ({
      ...step,
      key: newRowKey(),
    })),
    nurture: { enabled: content.length > 0, frequency: 'weekly', duration: 90, content },
  };
}

export const blankDraft = (templates: ReadonlySet<string>): Draft => ({
  name: '',
  description: '',
  type: 'wholesale',
  managers: [],
  closers: [],
  finds: true,
  targeting: {
    leadSources: [],
    intent: ['seller'],
    minScore: undefined,
    minEquity: undefined,
    maxPrice: undefined,
    propertyTypes: [],
    states: [],
    cities: [],
    zipCodes: [],
    motivationFactors: [],
  },
  works: true,
  workflow: firstWorkflow(templates),
  startDate: '',
  endDate: '',
  timed: true,
  timezone: OWN_ZONE,
  week: WEEK,
  totalBudget: undefined,
  costPerCall: 0.5,
  maxCallsPerDay: 50,
  maxLeadsPerDay: 100,
  revenuePerDeal: undefined,
  wholesaleShare: undefined,
  callsPerSecond: undefined,
  maxConcurrentCalls: undefined,
  calling: {
    purpose: 'marketing',
    subject: '',
    machinePolicy: 'hang_up',
    voicemailText: '',
    ringTimeoutSec: 30,
    maxCallSec: 900,
    transferNumber: '',
    carrierRecording: false,
    hours: null,
  },
  strategy: { voiceId: '', openingScript: '', questions: [], objections: [], callToAction: '' },
});

type Member = NonNullable<Campaign['assignedTo']>[number];

/** An existing campaign; what it does not have stands ready as in a new one, switched off. */
export function draftOf(campaign: Campaign, templates: ReadonlySet<string>): Draft {
  const blank = blankDraft(templates);
  const { targeting, workflow, schedule, budget, pacing, calling, conversationStrategy: strategy } = campaign;
  const hours = schedule?.callingHours;
  return {
    ...blank,
    name: campaign.name,
    description: campaign.description ?? '',
    type: campaign.type,
    managers: teamOf(campaign, 'campaign_manager'),
    closers: teamOf(campaign, 'closer'),
    finds: targeting !== undefined,
    targeting: {
      leadSources: targeting?.leadSources ?? [],
      intent: targeting?.intent ?? [],
      minScore: targeting?.qualification?.minScore,
      minEquity: targeting?.qualification?.minEquity,
      maxPrice: targeting?.qualification?.maxPrice,
      propertyTypes: targeting?.qualification?.propertyTypes ?? [],
      states: targeting?.geography?.states ?? [],
      cities: targeting?.geography?.cities ?? [],
      zipCodes: targeting?.geography?.zipCodes ?? [],
      motivationFactors: targeting?.motivationFactors ?? [],
    },
    works: workflow !== undefined,
    workflow: workflow
      ? {
          first: workflow.initialContact,
          steps: workflow.followUp.map(({ delay, method, template }) => ({
            key: newRowKey(),
            delay,
            method,
            template: template ?? '',
          })),
          nurture: workflow.nurture ?? { ...blank.workflow.nurture, enabled: false },
        }
      : blank.workflow,
    startDate: schedule?.startDate ? fieldOf(schedule.startDate, false) : '',
    // The last day is over at the instant that is kept.
    endDate: schedule?.endDate
      ? fieldOf(new Date(Date.parse(schedule.endDate) - 1).toISOString(), false)
      : '',
    timed: hours !== undefined,
    timezone: hours?.timezone ?? blank.timezone,
    week: hours ? (Object.fromEntries(DAYS.map((day) => [day, hours[day]])) as Week) : blank.week,
    totalBudget: budget?.totalBudget,
    costPerCall: budget?.costPerCall,
    maxCallsPerDay: budget?.maxCallsPerDay,
    maxLeadsPerDay: budget?.maxLeadsPerDay,
    revenuePerDeal: campaign.revenuePerDeal,
    wholesaleShare: campaign.wholesaleShare,
    callsPerSecond: pacing?.callsPerSecond,
    maxConcurrentCalls: pacing?.maxConcurrentCalls,
    calling: {
      purpose: calling.purpose,
      subject: calling.subject,
      machinePolicy: calling.machinePolicy,
      voicemailText: calling.voicemailText ?? '',
      ringTimeoutSec: calling.ringTimeoutSec,
      maxCallSec: calling.maxCallSec,
      transferNumber: calling.transferNumber ?? '',
      carrierRecording: calling.carrierRecording,
      hours: calling.hours ?? null,
    },
    strategy: {
      voiceId: strategy?.voiceId ?? '',
      openingScript: strategy?.openingScript ?? '',
      questions: strategy?.qualificationQuestions ?? [],
      objections: Object.entries(strategy?.objectionHandlers ?? {}).map(([kind, answer]) => ({
        key: newRowKey(),
        kind,
        answer,
      })),
      callToAction: strategy?.callToAction ?? '',
    },
  };
}

/** Without what is empty: the API takes a missing member, not an empty one. */
function filled<T extends object>(values: T): Partial<{ [K in keyof T]: Exclude<T[K], undefined> }> {
  return Object.fromEntries(
    Object.entries(values).filter(
      ([, value]) =>
        value !== undefined &&
        value !== '' &&
        !(Array.isArray(value) && value.length === 0) &&
        !(typeof value === 'object' && value !== null && Object.keys(value).length === 0),
    ),
  ) as Partial<{ [K in keyof T]: Exclude<T[K], undefined> }>;
}
const orAbsent = <T extends object>(values: T): T | undefined =>
  Object.keys(values).length > 0 ? values : undefined;

/** What the editor asks to be counted; undefined: only leads that were given to the campaign. */
export function targetingOf({
  finds,
  targeting: wish,
}: Pick<Draft, 'finds' | 'targeting'>): Targeting | undefined {
  if (!finds) return undefined;
  const { leadSources, intent, motivationFactors, states, cities, zipCodes } = wish;
  const { minScore, minEquity, maxPrice, propertyTypes } = wish;
  // Whether it is valid, the server says at the field.
  return filled({
    leadSources,
    intent,
    qualification: filled({ minScore, minEquity, maxPrice, propertyTypes }),
    geography: filled({ states, cities, zipCodes }),
    motivationFactors,
  }) as Targeting;
}

function workflowOf({ works, workflow: { first, steps, nurture } }: Draft): Workflow | undefined {
  if (!works) return undefined;
  const { retryDelays, ...contact } = first;
  return {
    initialContact: { ...contact, ...filled({ retryDelays }) },
    followUp: steps.map(({ delay, method, template }) => ({
      delay,
      method,
      ...(method === 'automated_call' ? {} : filled({ template })),
    })),
    ...(nurture.enabled ? { nurture: { ...nurture, content: [...nurture.content] } } : {}),
  };
}

const scheduleOf = ({ startDate, endDate, timed, timezone, week }: Draft): Schedule | undefined =>
  orAbsent(
    filled({
      startDate: dayAsInstant(startDate),
      endDate: dayAsInstant(endDate, 1),
      callingHours: timed ? { timezone, ...week } : undefined,
    }),
  );

const strategyOf = ({ strategy }: Draft): z.infer<typeof ConversationStrategy> | undefined =>
  orAbsent(
    filled({
      voiceId: strategy.voiceId.trim(),
      openingScript: strategy.openingScript.trim(),
      qualificationQuestions: strategy.questions.map((line) => line.trim()).filter(Boolean),
      objectionHandlers: Object.fromEntries(
        strategy.objections
          .map(({ kind, answer }) => [kind.trim(), answer.trim()] as const)
          .filter(([kind, answer]) => kind !== '' && answer !== ''),
      ),
      callToAction: strategy.callToAction.trim(),
    }),
  );

const assignedOf = ({ managers, closers }: Draft): Member[] => [
  ...managers.map((userId): Member => ({ userId, role: 'campaign_manager' })),
  ...closers.map((userId): Member => ({ userId, role: 'closer' })),
];

/** What a campaign is made of besides its name, each part as the API takes it; undefined where there is none. */
function partsOf(draft: Draft) {
  const { totalBudget, costPerCall, maxCallsPerDay, maxLeadsPerDay } = draft;
  const { callsPerSecond, maxConcurrentCalls } = draft;
  return {
    targeting: targetingOf(draft),
    workflow: workflowOf(draft),
    schedule: scheduleOf(draft),
    budget: orAbsent(filled({ totalBudget, costPerCall, maxCallsPerDay, maxLeadsPerDay })),
    pacing: orAbsent(filled({ callsPerSecond, maxConcurrentCalls })),
    conversationStrategy: strategyOf(draft),
    revenuePerDeal: draft.revenuePerDeal,
    wholesaleShare: draft.wholesaleShare,
    assignedTo: draft.managers.length + draft.closers.length > 0 ? assignedOf(draft) : undefined,
  };
}

const callingOf = ({ calling }: Draft) => {
  const { subject, voicemailText, transferNumber, hours, ...rest } = calling;
  return {
    ...rest,
    ...(hours ? { hours } : {}),
    ...filled({
      subject: subject.trim(),
      voicemailText: voicemailText.trim(),
      transferNumber: transferNumber.trim(),
    }),
  };
};

export const createOf = (draft: Draft): CampaignCreate => ({
  name: draft.name.trim(),
  type: draft.type,
  ...filled({ description: draft.description.trim() }),
  ...Object.fromEntries(Object.entries(partsOf(draft)).filter(([, part]) => part !== undefined)),
  calling: callingOf(draft),
});

/** All of it: what there is none of is removed. */
export const patchOf = (draft: Draft): CampaignPatch => ({
  name: draft.name.trim(),
  type: draft.type,
  description: draft.description.trim() || null,
  ...Object.fromEntries(Object.entries(partsOf(draft)).map(([part, value]) => [part, value ?? null])),
  calling: {
    ...callingOf(draft),
    ...(draft.calling.voicemailText.trim() ? {} : { voicemailText: null }),
    ...(draft.calling.transferNumber.trim() ? {} : { transferNumber: null }),
    ...(draft.calling.hours ? {} : { hours: null }),
  },
});

/** The part of a list one place up or down; the times stay where they are, only what is done moves. */
export function movedStep(steps: readonly StepDraft[], from: number, by: 1 | -1): readonly StepDraft[] {
  const one = steps[from];
  const other = steps[from + by];
  if (!one || !other) return steps;
  return steps.map((step, index) =>
    index === from
      ? { ...other, delay: one.delay }
      : index === from + by
        ? { ...one, delay: other.delay }
        : step,
  );
}

/**
 * domain/campaign-plan: what people may write into a campaign, checked for sense, and what keeps a campaign from being
 * started. Every complaint names its field.
 */
import { IANAZone } from 'luxon';
import { z } from 'zod';
import type { Budget, ConversationStrategy, Pacing, Schedule, Workflow } from './campaign.ts';
import { RETRY_REASONS, STEP_METHODS, WEEKDAY_NAMES } from './campaign.ts';
import { type CallingPolicy, type Campaign, TEAM_ROLES, type TeamMember } from './documents.ts';
import { PROPERTY_TYPES } from './property.ts';
import type { Targeting } from './qualification.ts';

const TimeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day as "HH:MM"');
const LATER_THAN_START = { error: 'must be later than start', path: ['end'] };
const startsBeforeEnd = ({ start, end }: { readonly start: string; readonly end: string }): boolean =>
  start < end;

/** Settings of calls, each of which may be left out. */
const CallingInput = z.strictObject({
  purpose: z.enum(['marketing', 'informational']).optional(),
  subject: z.string().trim().min(1).max(100).optional(),
  machinePolicy: z.enum(['hang_up', 'leave_message', 'talk']).optional(),
  voicemailText: z.string().trim().min(1).max(1_000).nullable().optional(),
  ringTimeoutSec: z.number().int().min(15).max(120).optional(),
  maxCallSec: z.number().int().min(30).max(14_400).optional(),
  transferNumber: z.string().nullable().optional(),
  hours: z
    .strictObject({
      start: TimeOfDay,
      end: TimeOfDay,
      days: z.array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])).min(1),
    })
    .refine(startsBeforeEnd, LATER_THAN_START)
    .nullable()
    .optional(),
  carrierRecording: z.boolean().optional(),
});

const names = (most: number) => z.array(z.string().trim().min(1).max(100)).max(most);
const TargetingInput = z.strictObject({
  leadSources: z.exactOptional(names(50)),
  intent: z.exactOptional(z.array(z.enum(['buyer', 'seller', 'investor']))),
  qualification: z.exactOptional(
    z.strictObject({
      minScore: z.exactOptional(z.number().min(0).max(1)),
      minEquity: z.exactOptional(z.number().min(0).max(1)),
      maxPrice: z.exactOptional(z.number().min(0)),
      propertyTypes: z.exactOptional(z.array(z.enum(PROPERTY_TYPES))),
    }),
  ),
  geography: z.exactOptional(
    z.strictObject({
      states: z.exactOptional(names(60)),
      cities: z.exactOptional(names(500)),
      zipCodes: z.exactOptional(names(2_000)),
    }),
  ),
  motivationFactors: z.exactOptional(names(50)),
});

const Seconds = z
  .int()
  .min(0)
  .max(366 * 86_400);
const Delay = Seconds.min(60);
const TemplateName = z.string().trim().min(1).max(60);

const FollowUpStep = z
  .strictObject({
    delay: Seconds,
    method: z.enum(STEP_METHODS),
    template: z.exactOptional(TemplateName),
  })
  .refine(({ method, template }) => method === 'automated_call' || template !== undefined, {
    error: 'a text or an e-mail needs a template',
    path: ['template'],
  });

const FollowUp = z
  .array(FollowUpStep)
  .max(50)
  .superRefine((steps, context) => {
    for (const [index, { delay }] of steps.entries())
      if (delay < (steps[index - 1]?.delay ?? 0))
        context.addIssue({
          code: 'custom',
          path: [index, 'delay'],
          message:
            'must not be less than the delay of the step before; delays count from the end of the first contact',
        });
  });

const WorkflowInput = z.strictObject({
  initialContact: z.strictObject({
    method: z.literal('automated_call'),
    timing: z.enum(['immediately', 'within_5_minutes', 'within_15_minutes', 'within_1_hour', 'within_1_day']),
    maxAttempts: z.int().min(1).max(20),
    retryDelay: Delay,
    retryDelays: z.exactOptional(z.partialRecord(z.enum(RETRY_REASONS), Delay)),
  }),
  followUp: FollowUp,
  nurture: z.exactOptional(
    z
      .strictObject({
        enabled: z.boolean(),
        frequency: z.enum(['weekly', 'biweekly', 'monthly']),
        duration: z.int().min(1).max(3_650),
        content: z.array(TemplateName).max(50),
      })
      .refine(({ enabled, content }) => !enabled || content.length > 0, {
        error: 'needs at least one template while it is enabled',
        path: ['content'],
      }),
  ),
});

const Day = z
  .strictObject({ start: TimeOfDay, end: TimeOfDay })
  .refine(startsBeforeEnd, LATER_THAN_START)
  .nullable();
const CallingHours = z
  .strictObject({
    timezone: z
      .string()
      .refine((zone) => IANAZone.isValidZone(zone), 'must be an IANA time zone, such as America/Los_Angeles'),
    monday: Day,
    tuesday: Day,
    wednesday: Day,
    thursday: Day,
    friday: Day,
    saturday: Day,
    sunday: Day,
  })
  .refine((hours) => WEEKDAY_NAMES.some((day) => hours[day] !== null), 'no day of the week is open');

const ScheduleInput = z
  .strictObject({
    startDate: z.exactOptional(z.date()),
    endDate: z.exactOptional(z.date()),
    callingHours: z.exactOptional(CallingHours),
  })
  .refine(
    ({ startDate, endDate }) => startDate === undefined || endDate === undefined || startDate < endDate,
    {
      error: 'must be later than startDate',
      path: ['endDate'],
    },
  );

const Dollars = z.number().min(0).max(1e10);
const BudgetInput = z
  .strictObject({
    totalBudget: z.exactOptional(Dollars),
    costPerCall: z.exactOptional(Dollars),
    maxCallsPerDay: z.exactOptional(z.int().min(1).max(1_000_000)),
    maxLeadsPerDay: z.exactOptional(z.int().min(1).max(1_000_000)),
  })
  .refine(({ totalBudget = Number.POSITIVE_INFINITY, costPerCall = 0 }) => totalBudget >= costPerCall, {
    error: 'is less than one call costs',
    path: ['totalBudget'],
  });

const PacingInput = z.strictObject({
  callsPerSecond: z.exactOptional(z.number().min(0.01).max(100)),
  maxConcurrentCalls: z.exactOptional(z.int().min(1).max(10_000)),
});

const StrategyInput = z.strictObject({
  voiceId: z.exactOptional(z.string().trim().min(1).max(100)),
  openingScript: z.exactOptional(z.string().trim().min(1).max(2_000)),
  qualificationQuestions: z.exactOptional(z.array(z.string().trim().min(1).max(300)).max(30)),
  objectionHandlers: z.exactOptional(
    z
      .record(z.string().trim().min(1).max(60), z.string().trim().min(1).max(1_000))
      .refine((handlers) => Object.keys(handlers).length <= 50, 'at most 50 kinds of objection'),
  ),
  callToAction: z.exactOptional(z.string().trim().min(1).max(500)),
});

const Member = z.strictObject({ userId: z.string().min(1).max(64), role: z.enum(TEAM_ROLES) });

/** What makes up a campaign; each part as a whole. */
const parts = {
  workflow: WorkflowInput,
  schedule: ScheduleInput,
  budget: BudgetInput,
  pacing: PacingInput,
  conversationStrategy: StrategyInput,
  revenuePerDeal: Dollars,
  wholesaleShare: z.number().min(0).max(1),
  assignedTo: z.array(Member).max(50),
} as const;

const head = {
  name: z.string().trim().min(1).max(200),
  type: z.enum(['wholesale', 'fix_flip', 'rental']),
};
const Description = z.string().max(2_000);

export const CampaignInput = z.strictObject({
  ...head,
  description: Description.optional(),
  targeting: TargetingInput.optional(),
  calling: CallingInput.optional(),
  workflow: parts.workflow.optional(),
  schedule: parts.schedule.optional(),
  budget: parts.budget.optional(),
  pacing: parts.pacing.optional(),
  conversationStrategy: parts.conversationStrategy.optional(),
  revenuePerDeal: parts.revenuePerDeal.optional(),
  wholesaleShare: parts.wholesaleShare.optional(),
  assignedTo: parts.assignedTo.optional(),
});

/** Null removes. */
export const CampaignChangeInput = z.strictObject({
  name: head.name.optional(),
  type: head.type.optional(),
  status: z.enum(['draft', 'active', 'paused', 'completed']).optional(),
  description: Description.nullable().optional(),
  targeting: TargetingInput.nullable().optional(),
  calling: CallingInput.optional(),
  workflow: parts.workflow.nullable().optional(),
  schedule: parts.schedule.nullable().optional(),
  budget: parts.budget.nullable().optional(),
  pacing: parts.pacing.nullable().optional(),
  conversationStrategy: parts.conversationStrategy.nullable().optional(),
  revenuePerDeal: parts.revenuePerDeal.nullable().optional(),
  wholesaleShare: parts.wholesaleShare.nullable().optional(),
  assignedTo: parts.assignedTo.nullable().optional(),
});

interface Plan {
  readonly description?: string;
  readonly targeting?: Targeting;
  readonly workflow?: Workflow;
  readonly schedule?: Schedule;
  readonly budget?: Budget;
  readonly pacing?: Pacing;
  readonly conversationStrategy?: ConversationStrategy;
  readonly revenuePerDeal?: number;
  readonly wholesaleShare?: number;
  readonly assignedTo?: readonly TeamMember[];
}

/** What is given of how to call; null removes what may be absent. */
export type CallingChange = Partial<Omit<CallingPolicy, 'voicemailText' | 'transferNumber' | 'hours'>> & {
  readonly [K in 'voicemailText' | 'transferNumber' | 'hours']?: CallingPolicy[K] | null;
};

/** What is absent of `calling` is as the house calls; the subject defaults to the campaign's name. */
export interface NewCampaign extends Plan {
  readonly name: string;
  readonly type: Campaign['type'];
  readonly calling?: CallingChange;
}

/** Only what is given changes; a part is replaced whole, null removes it. */
export type CampaignChange = { readonly [K in keyof Plan]?: Plan[K] | null } & {
  readonly name?: string;
  readonly type?: Campaign['type'];
  readonly status?: Campaign['status'];
  readonly calling?: CallingChange;
};

/** The message templates that a workflow sends, by the field that names each. */
export function templatesOf(
  workflow: Workflow | undefined,
): { readonly field: string; readonly name: string; readonly channel?: 'sms' | 'email' }[] {
  const steps = (workflow?.followUp ?? []).flatMap(({ method, template }, index) =>
    method === 'automated_call' || template === undefined
      ? []
      : [{ field: `workflow.followUp.${index}.template`, name: template, channel: method }],
  );
  const content = (workflow?.nurture?.content ?? []).map((name, index) => ({
    field: `workflow.nurture.content.${index}`,
    name,
  }));
  return [...steps, ...content];
}

/** What keeps a campaign from working by itself at this moment: field → why. `spent`: US dollars. */
export function notReady(
  { workflow, schedule, budget }: Pick<Campaign, 'workflow' | 'schedule' | 'budget'>,
  nowMs: number,
  spent: number,
): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  if (workflow === undefined) fields.workflow = 'a campaign needs steps to work by itself';
  if (schedule?.endDate !== undefined && schedule.endDate.getTime() <= nowMs)
    fields['schedule.endDate'] = 'has passed';
  const left = budget?.totalBudget === undefined ? undefined : budget.totalBudget - spent;
  if (left !== undefined && (left <= 0 || left < (budget?.costPerCall ?? 0)))
    fields['budget.totalBudget'] = `$${spent.toFixed(2)} of it are spent; another call does not fit`;
  return fields;
}

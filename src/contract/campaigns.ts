/** contract/campaigns: how calls of one kind are made. */
import { z } from 'zod';
import { Id, Instant, line, PageQuery, PhoneText, prose } from './common.ts';
import { PropertyType } from './properties.ts';

export const CampaignType = z.enum(['wholesale', 'fix_flip', 'rental']);
export const CampaignStatus = z.enum(['draft', 'active', 'paused', 'completed']);
export const Weekday = z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']);

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM');

/** Hours only narrow what the law allows: local wall clock of the called party. */
export const CampaignHours = z
  .strictObject({ start: clock, end: clock, days: z.array(Weekday).min(1).max(7) })
  .refine((value) => value.start < value.end, { error: 'must be later than start', path: ['end'] })
  .meta({ id: 'CampaignHours' });

const names = (most: number) => z.array(line(100)).max(most);

/** Whom a campaign is for; what is absent or empty asks for nothing. Leads are judged by it. */
export const Targeting = z
  .strictObject({
    leadSources: z.exactOptional(names(50)),
    intent: z.exactOptional(z.array(z.enum(['buyer', 'seller', 'investor'])).max(3)),
    qualification: z.exactOptional(
      z.strictObject({
        /** 0..1; a lead below it does not qualify. */
        minScore: z.exactOptional(z.number().min(0).max(1)),
        /** The owner's share of the worth, 0..1. */
        minEquity: z.exactOptional(z.number().min(0).max(1)),
        maxPrice: z.exactOptional(z.number().min(0).max(1e10)),
        propertyTypes: z.exactOptional(z.array(PropertyType).max(4)),
      }),
    ),
    geography: z.exactOptional(
      z.strictObject({
        states: z.exactOptional(names(60)),
        cities: z.exactOptional(names(500)),
        zipCodes: z.exactOptional(names(2000)),
      }),
    ),
    motivationFactors: z.exactOptional(names(50)),
  })
  .meta({ id: 'Targeting' });
export type Targeting = z.infer<typeof Targeting>;

const policy = {
  purpose: z.enum(['marketing', 'informational']),
  subject: line(100),
  machinePolicy: z.enum(['hang_up', 'leave_message', 'talk']),
  /** Said after who calls and how to stop; may hold the placeholders of the prompts, such as {{lead_name}}. */
  voicemailText: z.exactOptional(prose(1000)),
  /** Above the 15 seconds or four rings that 47 CFR 64.1200(a)(6) asks for. */
  ringTimeoutSec: z.int().min(15).max(120),
  maxCallSec: z.int().min(30).max(14_400),
  transferNumber: z.exactOptional(PhoneText),
  hours: z.exactOptional(CampaignHours),
  carrierRecording: z.boolean(),
};

export const CallingPolicy = z
  .object({ ...policy, transferNumber: z.exactOptional(z.string()) })
  .meta({ id: 'CallingPolicy' });
export type CallingPolicy = z.infer<typeof CallingPolicy>;

/** What is left out is as the house calls; the subject is the name of the campaign. */
const calling = z.strictObject({
  purpose: z.exactOptional(policy.purpose),
  subject: z.exactOptional(policy.subject),
  machinePolicy: z.exactOptional(policy.machinePolicy),
  voicemailText: policy.voicemailText,
  ringTimeoutSec: z.exactOptional(policy.ringTimeoutSec),
  maxCallSec: z.exactOptional(policy.maxCallSec),
  transferNumber: policy.transferNumber,
  hours: policy.hours,
  carrierRecording: z.exactOptional(policy.carrierRecording),
});

/** As `calling`; null removes what may be absent. */
const callingPatch = z.strictObject({
  ...calling.shape,
  voicemailText: z.exactOptional(prose(1000).nullable()),
  transferNumber: z.exactOptional(PhoneText.nullable()),
  hours: z.exactOptional(CampaignHours.nullable()),
});

const Seconds = z
  .int()
  .min(0)
  .max(366 * 86_400);
const retryReasons = ['busy', 'no_answer', 'voicemail', 'failed', 'hung_up'] as const;
const TemplateName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_]{0,59}$/, 'must be lower-case letters, digits and _');
const StepMethod = z.enum(['automated_call', 'sms', 'email']);

/** What is done with the leads of a campaign, step by step. Delays are seconds. */
export const Workflow = z
  .strictObject({
    initialContact: z.strictObject({
      method: z.literal('automated_call'),
      timing: z.enum([
        'immediately',
        'within_5_minutes',
        'within_15_minutes',
        'within_1_hour',
        'within_1_day',
      ]),
      maxAttempts: z.int().min(1).max(20),
      retryDelay: Seconds.min(60),
      retryDelays: z.exactOptional(z.partialRecord(z.enum(retryReasons), Seconds.min(60))),
    }),
    /** Delays count from the end of the initial contact, in ascending order. */
    followUp: z
      .array(
        z.strictObject({
          delay: Seconds,
          method: StepMethod,
          /** Of a text or an e-mail. */
          template: z.exactOptional(TemplateName),
        }),
      )
      .max(50),
    nurture: z.exactOptional(
      z.strictObject({
        enabled: z.boolean(),
        frequency: z.enum(['weekly', 'biweekly', 'monthly']),
        /** Days. */
        duration: z.int().min(1).max(3_650),
        content: z.array(TemplateName).max(50),
      }),
    ),
  })
  .meta({ id: 'Workflow' });
export type Workflow = z.infer<typeof Workflow>;

const dayHours = z.nullable(z.strictObject({ start: clock, end: clock }));
/** When a campaign works, by its own zone; the gate keeps the called party's hours besides. */
export const Schedule = z
  .strictObject({
    startDate: z.exactOptional(Instant),
    endDate: z.exactOptional(Instant),
    callingHours: z.exactOptional(
      z.strictObject({
        /** An IANA zone. */
        timezone: line(64),
        monday: dayHours,
        tuesday: dayHours,
        wednesday: dayHours,
        thursday: dayHours,
        friday: dayHours,
        saturday: dayHours,
        sunday: dayHours,
      }),
    ),
  })
  .meta({ id: 'Schedule' });
export type Schedule = z.infer<typeof Schedule>;

const dollars = z.number().min(0).max(1e10);
const share = z.number().min(0).max(1);
/** US dollars; what is absent does not limit. */
export const Budget = z
  .strictObject({
    totalBudget: z.exactOptional(dollars),
    costPerCall: z.exactOptional(dollars),
    maxCallsPerDay: z.exactOptional(z.int().min(1).max(1_000_000)),
    maxLeadsPerDay: z.exactOptional(z.int().min(1).max(1_000_000)),
  })
  .meta({ id: 'Budget' });
export type Budget = z.infer<typeof Budget>;

export const Pacing = z
  .strictObject({
    callsPerSecond: z.exactOptional(z.number().min(0.01).max(100)),
    maxConcurrentCalls: z.exactOptional(z.int().min(1).max(10_000)),
  })
  .meta({ id: 'Pacing' });

export const ConversationStrategy = z
  .strictObject({
    voiceId: z.exactOptional(line(100)),
    openingScript: z.exactOptional(prose(2000)),
    qualificationQuestions: z.exactOptional(z.array(line(300)).max(30)),
    objectionHandlers: z.exactOptional(z.record(line(60), prose(1000))),
    callToAction: z.exactOptional(line(500)),
  })
  .meta({ id: 'ConversationStrategy' });

/** Who of the staff works on it; people who may review calls, by their ids. */
const Team = z
  .array(z.strictObject({ userId: line(64), role: z.enum(['campaign_manager', 'closer']) }))
  .max(50);

const running = {
  workflow: z.exactOptional(Workflow),
  schedule: z.exactOptional(Schedule),
  budget: z.exactOptional(Budget),
  pacing: z.exactOptional(Pacing),
  conversationStrategy: z.exactOptional(ConversationStrategy),
  revenuePerDeal: z.exactOptional(dollars),
  /** What is paid of the worth of a house before repairs, 0..1; 0.7 where it is left out. */
  wholesaleShare: z.exactOptional(share),
  assignedTo: z.exactOptional(Team),
};

/** Why a campaign is paused. */
export const Hold = z
  .object({
    code: z.enum(['manual', 'failures', 'budget']),
    says: z.string(),
    at: Instant,
    by: z.string(),
  })
  .meta({ id: 'Hold' });

export const CampaignCreate = z
  .strictObject({
    name: line(120),
    description: z.exactOptional(prose(2000)),
    type: CampaignType,
    targeting: z.exactOptional(Targeting),
    calling: z.exactOptional(calling),
    ...running,
  })
  .meta({ id: 'CampaignCreate' });
export type CampaignCreate = z.infer<typeof CampaignCreate>;

/** Only what is given changes, within `calling` too; `targeting`, `workflow` and the like are replaced whole, null removes. */
export const CampaignPatch = z
  .strictObject({
    name: z.exactOptional(line(120)),
    description: z.exactOptional(prose(2000).nullable()),
    type: z.exactOptional(CampaignType),
    status: z.exactOptional(CampaignStatus),
    /** Null: only the leads that were given to the campaign. */
    targeting: z.exactOptional(Targeting.nullable()),
    calling: z.exactOptional(callingPatch),
    workflow: z.exactOptional(Workflow.nullable()),
    schedule: z.exactOptional(Schedule.nullable()),
    budget: z.exactOptional(Budget.nullable()),
    pacing: z.exactOptional(Pacing.nullable()),
    conversationStrategy: z.exactOptional(ConversationStrategy.nullable()),
    revenuePerDeal: z.exactOptional(dollars.nullable()),
    wholesaleShare: z.exactOptional(share.nullable()),
    assignedTo: z.exactOptional(Team.nullable()),
  })
  .refine((value) => Object.keys(value).length > 0, { error: 'give at least one member to change' })
  .meta({ id: 'CampaignPatch' });
export type CampaignPatch = z.infer<typeof CampaignPatch>;

/** Rates 0..1, absent where there is nothing to divide by; money US dollars, durations seconds. */
export const CampaignMetrics = z
  .object({
    leadsReceived: z.int(),
    leadsContacted: z.int(),
    conversationsCompleted: z.int(),
    qualified: z.int(),
    siteVisits: z.int(),
    offersExtended: z.int(),
    dealsClosed: z.int(),
    avgQualificationScore: z.exactOptional(z.number()),
    avgSentiment: z.exactOptional(z.number()),
    avgCallDuration: z.exactOptional(z.number()),
    conversionRate: z.exactOptional(z.number()),
    costPerLead: z.exactOptional(z.number()),
    costPerDeal: z.exactOptional(z.number()),
    totalRevenue: z.number(),
    totalCost: z.number(),
    roi: z.exactOptional(z.number()),
  })
  .meta({ id: 'CampaignMetrics' });
export type CampaignMetrics = z.infer<typeof CampaignMetrics>;

export const Campaign = z
  .object({
    id: Id,
    name: z.string(),
    description: z.exactOptional(z.string()),
    type: CampaignType,
    status: CampaignStatus,
    targeting: z.exactOptional(Targeting),
    calling: CallingPolicy,
    ...running,
    /** Why it is paused. */
    hold: z.exactOptional(Hold),
    startedAt: z.exactOptional(Instant),
    /** When it last became active. */
    resumedAt: z.exactOptional(Instant),
    completedAt: z.exactOptional(Instant),
    /** What was computed last; GET /campaigns/{id}/performance computes it anew. */
    metrics: z.exactOptional(CampaignMetrics.extend({ computedAt: Instant })),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'Campaign' });
export type Campaign = z.infer<typeof Campaign>;

export const CampaignQuery = PageQuery.extend({
  status: z.exactOptional(CampaignStatus),
  type: z.exactOptional(CampaignType),
});
export type CampaignQuery = z.infer<typeof CampaignQuery>;

// ── Before the start ─────────────────────────────────────────────────────────────────────────────────────────────────

/** How many leads a targeting takes, for an editor that shows it while one writes. `campaignId`: its own leads count too. */
export const AudienceQuery = z
  .strictObject({ targeting: z.exactOptional(Targeting), campaignId: z.exactOptional(Id) })
  .meta({ id: 'AudienceQuery' });
export const Audience = z
  .object({
    /** Leads that would be taken: those of the campaign itself, and those of no campaign that fit. */
    fitting: z.int(),
    /** All leads that are open to be called. */
    open: z.int(),
    /** Present when the count of `fitting` stopped before the end: there are at least so many. */
    atLeast: z.exactOptional(z.literal(true)),
  })
  .meta({ id: 'Audience' });
export type Audience = z.infer<typeof Audience>;

/** Leads of which the gate says the same; a few of them by name. */
const Share = z.object({
  reason: z.string(),
  explanation: z.string(),
  leads: z.int(),
  examples: z.array(z.object({ leadId: Id, name: z.string() })),
});

/** What the gate says of every lead of a campaign, and what the pace makes of it. Made in the background; asked for again until `done`. */
export const Forecast = z
  .object({
    campaignId: Id,
    state: z.enum(['running', 'done', 'failed']),
    /** Of the leads asked about. */
    progress: z.object({ done: z.int(), total: z.int() }),
    startedAt: Instant,
    finishedAt: z.exactOptional(Instant),
    /** One sentence: "812 of 1,000 can be called; 121 do-not-call, 44 without consent; finish Thursday 4 pm; about $96". */
    summary: z.string(),
    leads: z.int(),
    /** Can be called now, or later without anybody doing anything. */
    callable: z.int(),
    callableNow: z.int(),
    /** Cannot be called unless something changes; by the first reason, most leads first. */
    barred: z.array(Share),
    /** Can be called later; by the first reason. */
    waiting: z.array(Share.extend({ from: z.exactOptional(Instant) })),
    /** Expected, counted in hours from now: tries made and people reached by the end of each. */
    curve: z.array(z.object({ at: Instant, calls: z.number(), reached: z.number() })),
    calls: z.number(),
    /** Absent when the campaign's end, its budget or its hours come first. */
    finishAt: z.exactOptional(Instant),
    /** Why it does not finish: `end_date`, `budget`, `no_hours`. */
    stopsBy: z.exactOptional(z.enum(['end_date', 'budget', 'no_hours'])),
    limitedBy: z.enum(['lines', 'calls_per_second', 'calls_per_day', 'leads_per_day', 'hours', 'nothing']),
    cost: z.number(),
    /** What was assumed: share of answers, length of calls, cost of a call, and where each is from. */
    assumptions: z.array(z.string()),
  })
  .meta({ id: 'Forecast' });
export type Forecast = z.infer<typeof Forecast>;

// ── While it runs ────────────────────────────────────────────────────────────────────────────────────────────────────

export const EnrollmentStage = z.enum(['initial', 'callback', 'follow_up', 'nurture', 'ended']);
export const EnrollmentEnding = z.enum([
  'reached',
  'not_interested',
  'wrong_number',
  'opted_out',
  'converted',
  'exhausted',
  'removed',
  'campaign_over',
]);

/** One lead in one campaign: what was done, and what comes next. */
export const Enrollment = z
  .object({
    id: Id,
    campaignId: Id,
    leadId: Id,
    leadName: z.string(),
    stage: EnrollmentStage,
    step: z.int(),
    /** What comes next, as people say it: "second call", "text follow_up_day_3". */
    next: z.exactOptional(z.string()),
    dueAt: z.exactOptional(Instant),
    working: z.exactOptional(z.object({ method: StepMethod, id: Id, since: Instant })),
    waiting: z.exactOptional(
      z.object({
        reason: z.string(),
        explanation: z.string(),
        since: Instant,
        until: z.exactOptional(Instant),
      }),
    ),
    calls: z.int(),
    messages: z.int(),
    lastAt: z.exactOptional(Instant),
    lastOutcome: z.exactOptional(z.string()),
    ended: z.exactOptional(z.object({ why: EnrollmentEnding, at: Instant })),
    receivedAt: Instant,
    firstCalledAt: z.exactOptional(Instant),
  })
  .meta({ id: 'Enrollment' });
export type Enrollment = z.infer<typeof Enrollment>;

export const EnrollmentQuery = PageQuery.extend({
  leadId: z.exactOptional(Id),
  stage: z.exactOptional(EnrollmentStage),
  /** The reason for which it waits. */
  waiting: z.exactOptional(line(60)),
  /** `due`: its step may be taken now; `working`: a call or message of it is under way. */
  state: z.exactOptional(z.enum(['due', 'working', 'waiting'])),
});
export type EnrollmentQuery = z.infer<typeof EnrollmentQuery>;

/** How a campaign stands at this moment. */
export const CampaignWork = z
  .object({
    campaignId: Id,
    at: Instant,
    /** What it does now, in one sentence: "Waits for its hours until Mon, 9:00 AM EST". */
    says: z.string(),
    /** Why nothing is begun at this moment though work is due: `hours`, `budget`, `day_limit`, `lines`, `not_active`, `database`. */
    stoppedBy: z.exactOptional(
      z.enum(['not_started', 'hours', 'budget', 'day_limit', 'lines', 'not_active', 'database', 'over']),
    ),
    resumesAt: z.exactOptional(Instant),
    counts: z.object({
      enrolled: z.int(),
      due: z.int(),
      working: z.int(),
      /** Their step comes later. */
      scheduled: z.int(),
      /** Their step is due, and something bars it. */
      waiting: z.int(),
      ended: z.partialRecord(EnrollmentEnding, z.int()),
    }),
    waiting: z.array(
      z.object({
        reason: z.string(),
        explanation: z.string(),
        leads: z.int(),
        /** The first of them may go on then. */
        from: z.exactOptional(Instant),
      }),
    ),
    today: z.object({ calls: z.int(), leads: z.int(), messages: z.int(), spent: z.number() }),
    spent: z.number(),
    lines: z.object({ used: z.int(), ofCampaign: z.int(), free: z.int() }),
    /** How soon after its receipt a lead was first called, seconds, over the last hundred. */
    firstContact: z.exactOptional(z.object({ medianSec: z.number(), withinGoal: z.number() })),
  })
  .meta({ id: 'CampaignWork' });
export type CampaignWork = z.infer<typeof CampaignWork>;
/** Of each campaign that is there, in the order in which they were asked for. */
export const CampaignWorks = z.object({ items: z.array(CampaignWork) }).meta({ id: 'CampaignWorks' });
export const CampaignWorksQuery = z.strictObject({
  ids: z
    .string()
    .regex(/^[0-9a-f]{24}(,[0-9a-f]{24}){0,99}$/, 'must be up to 100 ids with a comma between')
    .transform((text) => [...new Set(text.split(','))]),
});

/** What needs no words: an empty object, or nothing at all. */
export const NoWords = z.strictObject({}).optional();

export const PauseRequest = z
  .strictObject({ reason: z.exactOptional(line(300)) })
  .optional()
  .meta({ id: 'PauseRequest' });

// ── What came of it ──────────────────────────────────────────────────────────────────────────────────────────────────

export const PerformanceQuery = z.strictObject({
  from: z.exactOptional(Instant),
  to: z.exactOptional(Instant),
});

/** Computed from calls, leads and enrollments; rates 0..1, money US dollars, durations seconds. */
export const Performance = z
  .object({
    campaignId: Id,
    computedAt: Instant,
    metrics: CampaignMetrics,
    funnel: z.array(z.object({ step: z.string(), leads: z.int(), ofFirst: z.number() })),
    outcomes: z.array(
      z.object({
        outcome: z.string(),
        calls: z.int(),
        avgDuration: z.exactOptional(z.number()),
        avgSentiment: z.exactOptional(z.number()),
        cost: z.number(),
      }),
    ),
    /** By the called party's clock; only hours with calls. */
    hours: z.array(
      z.object({ day: Weekday, hour: z.int(), calls: z.int(), answered: z.int(), reached: z.int() }),
    ),
    days: z.array(
      z.object({
        day: z.iso.date(),
        calls: z.int(),
        answered: z.int(),
        qualified: z.int(),
        cost: z.number(),
      }),
    ),
    messages: z.array(
      z.object({
        channel: z.string(),
        template: z.string(),
        sent: z.int(),
        delivered: z.int(),
        failed: z.int(),
      }),
    ),
  })
  .meta({ id: 'Performance' });
export type Performance = z.infer<typeof Performance>;

// ── A sample ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Sample campaigns that run, and how many made-up people are on their way into them. */
export const Demo = z
  .object({ campaigns: z.array(z.object({ id: Id, name: z.string() })), people: z.int() })
  .meta({ id: 'Demo' });
export type Demo = z.infer<typeof Demo>;

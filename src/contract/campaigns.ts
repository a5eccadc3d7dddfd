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

export const CampaignCreate = z
  .strictObject({
    name: line(120),
    description: z.exactOptional(prose(2000)),
    type: CampaignType,
    targeting: z.exactOptional(Targeting),
    calling: z.exactOptional(calling),
  })
  .meta({ id: 'CampaignCreate' });
export type CampaignCreate = z.infer<typeof CampaignCreate>;

/** Only what is given changes, within `calling` too. */
export const CampaignPatch = z
  .strictObject({
    name: z.exactOptional(line(120)),
    description: z.exactOptional(prose(2000)),
    type: z.exactOptional(CampaignType),
    status: z.exactOptional(CampaignStatus),
    /** Replaced whole. */
    targeting: z.exactOptional(Targeting),
    calling: z.exactOptional(calling),
  })
  .refine((value) => Object.keys(value).length > 0, { error: 'give at least one member to change' })
  .meta({ id: 'CampaignPatch' });
export type CampaignPatch = z.infer<typeof CampaignPatch>;

export const Campaign = z
  .object({
    id: Id,
    name: z.string(),
    description: z.exactOptional(z.string()),
    type: CampaignType,
    status: CampaignStatus,
    targeting: z.exactOptional(Targeting),
    calling: CallingPolicy,
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

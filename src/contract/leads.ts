/** contract/leads: the people we may want to call. */
import { z } from 'zod';
import { Id, Instant, line, PageQuery, PhoneText, prose } from './common.ts';
import { LeadConsent } from './compliance.ts';

export const LeadStatus = z.enum([
  'new',
  'contacted',
  'qualified',
  'nurturing',
  'active',
  'converted',
  'lost',
  'dnc',
]);
export const LeadStage = z.enum([
  'new',
  'contacted',
  'qualified',
  'site_visit',
  'offer_made',
  'negotiation',
  'closed',
  'lost',
]);
const IntentType = z.enum(['buyer', 'seller', 'investor']);
const Urgency = z.enum(['low', 'medium', 'high']);

const address = z.strictObject({
  street: z.exactOptional(line(200)),
  city: z.exactOptional(line(100)),
  state: z.exactOptional(line(64)),
  zipCode: z.exactOptional(line(16)),
});
const intent = z.strictObject({
  type: z.exactOptional(IntentType),
  message: z.exactOptional(prose(5000)),
  urgency: z.exactOptional(Urgency),
  timeframe: z.exactOptional(line(200)),
  motivation: z.exactOptional(z.array(line(200)).max(50)),
});
const contact = z.strictObject({
  firstName: line(100),
  lastName: z.union([line(100), z.literal('')]).default(''),
  email: z.exactOptional(z.email().max(254)),
  phone: PhoneText,
  alternatePhone: z.exactOptional(PhoneText),
  address: z.exactOptional(address),
});
const contactPatch = z.strictObject({
  ...contact.shape,
  firstName: z.exactOptional(line(100)),
  lastName: z.exactOptional(z.union([line(100), z.literal('')])),
  phone: z.exactOptional(PhoneText),
});
const tags = z.array(line(60)).max(50);

/** 0..100 */
const points = z.number().min(0).max(100);
const visit = {
  sessionId: line(200),
  visitorId: z.exactOptional(line(200)),
  /** How much it looked like the visit of somebody who means it, 0..100, and its four parts. */
  score: z.exactOptional(points),
  scoreBreakdown: z.exactOptional(
    z.object({ timeOnSite: points, pageDepth: points, engagement: points, intent: points }),
  ),
};
const visitedPage = {
  url: line(2_000),
  title: z.exactOptional(line(300)),
  timestamp: Instant,
  /** Seconds; where it is left out it follows from the next page. */
  duration: z.exactOptional(z.number().min(0).max(86_400)),
};
const web = z.strictObject({
  ...visit,
  /** Of more than 100 pages the first and the last 99 are kept. */
  journey: z.array(z.strictObject(visitedPage)).max(1_000).default([]),
});

/** `source` + `externalId` is unique; without an externalId one is made. */
export const LeadCreate = z
  .strictObject({
    source: line(60).default('manual'),
    externalId: z.exactOptional(line(200)),
    contact,
    propertyAddress: z.exactOptional(line(300)),
    intent: z.exactOptional(intent),
    campaignId: z.exactOptional(Id),
    tags: tags.default([]),
    /** The visit to a website that led to it. */
    web: z.exactOptional(web),
    consent: z.exactOptional(LeadConsent),
  })
  .meta({ id: 'LeadCreate' });
/** As a client writes it: members with a default may be left out. */
export type LeadCreate = z.input<typeof LeadCreate>;

/** Only what is given changes; null removes. Consent and do-not-call have doors of their own. */
export const LeadPatch = z
  .strictObject({
    contact: z.exactOptional(contactPatch),
    propertyAddress: z.exactOptional(line(300).nullable()),
    intent: z.exactOptional(intent),
    campaignId: z.exactOptional(Id.nullable()),
    nextFollowUp: z.exactOptional(Instant.nullable()),
    status: z.exactOptional(LeadStatus.exclude(['dnc'])),
    stage: z.exactOptional(LeadStage),
    /** What a closed deal brought, US dollars; of a lead that is converted. */
    dealValue: z.exactOptional(z.number().min(0).max(1e10)),
    tags: z.exactOptional(tags),
    web: z.exactOptional(web.nullable()),
  })
  .refine((value) => Object.keys(value).length > 0, { error: 'give at least one member to change' })
  .meta({ id: 'LeadPatch' });
export type LeadPatch = z.infer<typeof LeadPatch>;

/** How well a lead fits its campaign: every part of the score with what it rests on. */
export const Qualification = z
  .object({
    /** 0..1 */
    score: z.number(),
    qualified: z.boolean(),
    qualifiedAt: z.exactOptional(Instant),
    criteria: z.object({
      hasMinEquity: z.boolean(),
      withinBudget: z.boolean(),
      rightPropertyType: z.boolean(),
      isMotivated: z.boolean(),
    }),
    /** All weights together are 1; `points` are 0..1. */
    factors: z.array(
      z.object({
        name: z.enum(['intent', 'motivation', 'urgency', 'equity', 'price', 'property_type', 'place']),
        weight: z.number(),
        points: z.number(),
        says: z.string(),
      }),
    ),
    estimatedValue: z.exactOptional(z.number()),
    estimatedEquity: z.exactOptional(z.number()),
    wholesalePotential: z.exactOptional(z.enum(['low', 'medium', 'high'])),
  })
  .meta({ id: 'Qualification' });
export type Qualification = z.infer<typeof Qualification>;

/** The visit to a website that led to a lead. */
export const WebVisit = z
  .object({
    ...visit,
    /** In the order of time. Not in lists of leads. */
    journey: z.exactOptional(z.array(z.object(visitedPage))),
  })
  .meta({ id: 'WebVisit' });
export type WebVisit = z.infer<typeof WebVisit>;

export const ContactAttempt = z
  .object({
    attemptId: z.string(),
    timestamp: Instant,
    type: z.enum(['automated_call', 'manual_call', 'sms', 'email']),
    /** Of a call. */
    callId: z.exactOptional(z.string()),
    outcome: z.string(),
    duration: z.exactOptional(z.number()),
    /** As the analysis of the call has it, -1..1. */
    sentiment: z.exactOptional(z.number()),
    notes: z.exactOptional(z.string()),
  })
  .meta({ id: 'ContactAttempt' });

export const Lead = z
  .object({
    id: Id,
    source: z.string(),
    externalId: z.string(),
    receivedAt: Instant,
    contact: z.object({
      firstName: z.string(),
      lastName: z.string(),
      email: z.exactOptional(z.string()),
      phone: z.string(),
      alternatePhone: z.exactOptional(z.string()),
      address: z.exactOptional(
        z.object({
          street: z.exactOptional(z.string()),
          city: z.exactOptional(z.string()),
          state: z.exactOptional(z.string()),
          zipCode: z.exactOptional(z.string()),
        }),
      ),
    }),
    propertyId: z.exactOptional(Id),
    propertyAddress: z.exactOptional(z.string()),
    qualification: z.exactOptional(Qualification),
    intent: z.exactOptional(
      z.object({
        type: z.exactOptional(IntentType),
        message: z.exactOptional(z.string()),
        urgency: z.exactOptional(Urgency),
        timeframe: z.exactOptional(z.string()),
        motivation: z.exactOptional(z.array(z.string())),
      }),
    ),
    campaignId: z.exactOptional(Id),
    /** When it came to its campaign. */
    assignedAt: z.exactOptional(Instant),
    web: z.exactOptional(WebVisit),
    contactAttempts: z.array(ContactAttempt),
    lastContactedAt: z.exactOptional(Instant),
    nextFollowUp: z.exactOptional(Instant),
    /** A projection of the consent log for reading; the gate reads the log. */
    consent: z.exactOptional(
      z.object({
        hasWrittenConsent: z.boolean(),
        consentMethod: z.exactOptional(z.string()),
        consentDate: z.exactOptional(Instant),
        consentSource: z.exactOptional(z.string()),
        consentText: z.exactOptional(z.string()),
        expiresAt: z.exactOptional(Instant),
        automatedCallsAllowed: z.boolean(),
        textMessagesAllowed: z.boolean(),
      }),
    ),
    /** A projection of the registry for reading; the gate reads the registry. */
    dncStatus: z.object({
      onNationalRegistry: z.boolean(),
      internalDNC: z.boolean(),
      lastCheckedAt: z.exactOptional(Instant),
      notes: z.exactOptional(z.string()),
    }),
    status: LeadStatus,
    stage: LeadStage,
    tags: z.array(z.string()),
    /** Of a lead that is converted; US dollars. */
    deal: z.exactOptional(z.object({ value: z.exactOptional(z.number()), closedAt: Instant })),
    /** Present when the person asked for erasure: what told who they are is gone. */
    erasedAt: z.exactOptional(Instant),
    /** Fields of an imported lead that have no place here, as they were. */
    legacy: z.exactOptional(z.record(z.string(), z.unknown())),
    createdAt: Instant,
    updatedAt: Instant,
    createdBy: z.string(),
    updatedBy: z.string(),
  })
  .meta({ id: 'Lead' });
export type Lead = z.infer<typeof Lead>;

/** A lead that was just made, and the older leads that carry one of its numbers. */
export const CreatedLead = Lead.extend({ duplicates: z.array(Id) }).meta({ id: 'CreatedLead' });
export type CreatedLead = z.infer<typeof CreatedLead>;

export const LeadQuery = PageQuery.extend({
  status: z.exactOptional(LeadStatus),
  stage: z.exactOptional(LeadStage),
  source: z.exactOptional(line(60)),
  campaignId: z.exactOptional(Id),
  phone: z.exactOptional(PhoneText),
  /** The beginning of a first name, last name, e-mail address or number. */
  search: z.exactOptional(line(100)),
  /** Received at or after. */
  from: z.exactOptional(Instant),
  /** Received before. */
  to: z.exactOptional(Instant),
});
export type LeadQuery = z.infer<typeof LeadQuery>;

/** One thing that happened around a lead, oldest first. */
export const TimelineEntry = z
  .object({
    at: Instant,
    kind: z.enum(['created', 'call', 'consent', 'dnc', 'message', 'follow_up', 'campaign', 'note', 'visit']),
    title: z.string(),
    detail: z.exactOptional(z.string()),
    callId: z.exactOptional(Id),
  })
  .meta({ id: 'TimelineEntry' });
export type TimelineEntry = z.infer<typeof TimelineEntry>;

export const Timeline = z.object({ leadId: Id, entries: z.array(TimelineEntry) }).meta({ id: 'Timeline' });
export type Timeline = z.infer<typeof Timeline>;

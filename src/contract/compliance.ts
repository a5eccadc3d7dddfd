/** contract/compliance: decisions of the gate, consent evidence, the do-not-call registry. */
import { z } from 'zod';
import { Id, Instant, line, PageQuery, PhoneText, prose } from './common.ts';

/** Reasons to refuse a call, in the order in which the gate evaluates them. */
export const Reason = z
  .enum([
    'check_error',
    'campaign_paused',
    'phone_invalid',
    'phone_toll_free',
    'phone_premium',
    'phone_non_geographic',
    'phone_not_us',
    'phone_fictional',
    'internal_dnc',
    'litigator_listed',
    'national_dnc_unavailable',
    'national_dnc_stale',
    'state_dnc_stale',
    'national_dnc_listed',
    'state_dnc_listed',
    'consent_missing',
    'consent_seller_mismatch',
    'consent_phone_mismatch',
    'consent_not_effective',
    'consent_revoked',
    'consent_insufficient',
    'consent_evidence_incomplete',
    'consent_expired',
    'reassigned_check_missing',
    'reassigned_check_stale',
    'number_reassigned',
    'location_conflict',
    'timezone_unknown',
    'state_not_enabled',
    'state_emergency_freeze',
    'state_holiday_barred',
    'state_day_barred',
    'outside_federal_hours',
    'outside_state_hours',
    'outside_campaign_hours',
    'state_frequency_cap',
    'exempt_call_cap',
    'campaign_frequency_cap',
  ])
  .meta({ id: 'Reason' });
export type Reason = z.infer<typeof Reason>;

export const Verdict = z.enum(['allow', 'deny']);

/** One place the called party may be, with the clock there ("Tue 2026-07-14 08:00") at the moment of the decision. */
export const CandidateZone = z
  .object({ zone: z.string(), state: z.string(), localTime: z.string() })
  .meta({ id: 'CandidateZone' });

export const Decision = z
  .object({
    verdict: Verdict,
    reason: z.union([Reason, z.literal('ok')]),
    reasons: z.array(Reason),
    nextAllowedAt: Instant.nullable(),
    explanation: z.string(),
    decidedAt: Instant,
    ruleVersion: z.string(),
    inputsHash: z.string(),
    zones: z.array(CandidateZone),
    permitId: z.exactOptional(z.string()),
  })
  .meta({ id: 'Decision', description: 'The answer of the gate, as stored on the call.' });
export type Decision = z.infer<typeof Decision>;

/** What would happen if this lead or number were dialled (at `at`; now without it). */
export const ComplianceCheck = z
  .strictObject({
    leadId: z.exactOptional(Id),
    phone: z.exactOptional(z.string().max(40)),
    campaignId: z.exactOptional(Id),
    at: z.exactOptional(Instant),
  })
  .refine((value) => (value.leadId === undefined) !== (value.phone === undefined), {
    error: 'give either leadId or phone',
    path: ['leadId'],
  })
  .meta({ id: 'ComplianceCheck' });
export type ComplianceCheck = z.infer<typeof ComplianceCheck>;

const state = z.string().regex(/^[A-Z]{2}$/, 'must be a two-letter state code');
const list = z.strictObject({ as_of: Instant.nullable(), listed: z.array(z.string().max(40)).max(1000) });
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'must be HH:MM');

/**
 * All facts of one decision, in the format of the published compliance cases (snake_case, as the cases have it). A case's
 * own answer (`expect`, `reason` …) may stand in the body and is ignored.
 */
export const ComplianceFacts = z
  .strictObject({
    now: Instant,
    lead: z.strictObject({
      phone: z.string().max(64),
      alt_phones: z.array(z.string().max(64)).max(200),
      line_type: z.string().max(40).nullable(),
      state: z.string().max(64).nullable(),
      zip: z.string().max(16).nullable(),
      consent: z
        .array(
          z.strictObject({
            event: z.enum(['grant', 'revoke']),
            level: z.string().max(40).nullish(),
            at: Instant,
            phone: z.string().max(64).nullish(),
            seller: z.string().max(200).nullish(),
            purpose: z.string().max(40).nullish(),
            artificial_voice_disclosed: z.boolean().nullish(),
            evidence_complete: z.boolean().nullish(),
            expires_at: Instant.nullish(),
            scope: z.string().max(40).nullish(),
            channel: z.string().max(40).nullish(),
          }),
        )
        .max(1000),
      ebr_last_transaction_at: Instant.nullish(),
    }),
    call: z.strictObject({
      purpose: z.string().max(40),
      voice: z.string().max(40),
      seller: z.string().min(1).max(200),
      subject: z.string().max(200),
    }),
    dnc: z.strictObject({
      national: list.nullable(),
      state: z.record(z.string().max(10), list.nullable()),
      /** Requests made to us: the number alone (every seller, not released), or who it was made to and when it was released. */
      internal: z
        .array(
          z.union([
            z.string().max(64),
            z.strictObject({
              phone: z.string().max(64),
              seller: z.string().max(200).nullish(),
              at: Instant.nullish(),
              released_at: Instant.nullish(),
            }),
          ]),
        )
        .max(1000),
      litigator: z.boolean(),
      reassigned: z
        .strictObject({ result: z.string().max(40).nullable(), checked_at: Instant.nullable() })
        .nullable(),
    }),
    environment: z.strictObject({
      emergency_states: z.array(z.string().max(10)).max(100),
      kill_switch: z.exactOptional(z.boolean()),
    }),
    campaign: z.strictObject({
      status: z.string().max(40),
      hours: z.strictObject({
        start: clock,
        end: clock,
        days: z.array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])).max(7),
      }),
      max_per_24h: z.int().min(0).max(10_000),
      min_gap_minutes: z.int().min(0).max(10_000),
      dnc_consent_override: z.boolean(),
      allow_exempt_calls: z.boolean(),
      blocked_states: z.array(z.string().max(10)).max(100),
    }),
    history: z.strictObject({
      attempts: z
        .array(
          z.strictObject({
            at: Instant,
            phone: z.string().max(64).nullish(),
            subject: z.string().max(200).nullish(),
            outcome: z.string().max(64).nullish(),
          }),
        )
        .max(1000),
    }),
    id: z.exactOptional(z.unknown()),
    expect: z.exactOptional(z.unknown()),
    reason: z.exactOptional(z.unknown()),
    also_true: z.exactOptional(z.unknown()),
    next_allowed_at: z.exactOptional(z.unknown()),
    candidate_local_times: z.exactOptional(z.unknown()),
    rationale: z.exactOptional(z.unknown()),
  })
  .meta({ id: 'ComplianceFacts' });
export type ComplianceFacts = z.infer<typeof ComplianceFacts>;

export const Evaluation = z
  .object({
    verdict: Verdict,
    reason: z.union([Reason, z.literal('ok')]),
    reasons: z.array(Reason),
    nextAllowedAt: Instant.nullable(),
    explanation: z.string(),
  })
  .meta({ id: 'Evaluation' });
export type Evaluation = z.infer<typeof Evaluation>;

/** One decision of the gate about a call that was really asked for. */
export const DecisionRecord = z
  .object({
    callId: Id,
    leadId: z.exactOptional(Id),
    campaignId: z.exactOptional(Id),
    contactPhone: z.string(),
    decision: Decision,
  })
  .meta({ id: 'DecisionRecord' });
export type DecisionRecord = z.infer<typeof DecisionRecord>;

export const DecisionQuery = PageQuery.extend({
  verdict: z.exactOptional(Verdict),
  leadId: z.exactOptional(Id),
  campaignId: z.exactOptional(Id),
  /** Decided for calls initiated at or after. */
  from: z.exactOptional(Instant),
  /** Decided for calls initiated before. */
  to: z.exactOptional(Instant),
});
export type DecisionQuery = z.infer<typeof DecisionQuery>;

/** What proves a consent. `marketing` calls with an artificial voice need `written` and the disclosure. */
export const ConsentEvidence = z
  .strictObject({
    seller: z.exactOptional(line(200)),
    purpose: z.exactOptional(z.enum(['marketing', 'informational'])),
    level: z.exactOptional(z.enum(['written', 'oral'])),
    artificialVoiceDisclosed: z.exactOptional(z.boolean()),
    pageUrl: z.exactOptional(z.url({ protocol: /^https?$/ }).max(2000)),
    textHash: z.exactOptional(line(200)),
    certificate: z.exactOptional(line(2000)),
    sessionId: z.exactOptional(line(200)),
  })
  .meta({ id: 'ConsentEvidence' });
export type ConsentEvidence = z.infer<typeof ConsentEvidence>;

const given = {
  method: line(100),
  source: line(200),
  consentText: z.exactOptional(prose(5000)),
  automatedCallsAllowed: z.boolean(),
  textMessagesAllowed: z.boolean(),
  expiresAt: z.exactOptional(Instant),
  /** When the person consented; now without it. */
  at: z.exactOptional(Instant),
  evidence: z.exactOptional(ConsentEvidence),
  ipAddress: z.exactOptional(z.union([z.ipv4(), z.ipv6()])),
  userAgent: z.exactOptional(line(500)),
  referrer: z.exactOptional(line(2000)),
};

/** A consent handed in together with a lead: the lead's own number and id are meant. */
export const LeadConsent = z.strictObject(given).meta({ id: 'LeadConsent' });
export type LeadConsent = z.infer<typeof LeadConsent>;

export const ConsentGrant = z
  .strictObject({
    phone: PhoneText,
    leadId: z.exactOptional(Id),
    email: z.exactOptional(z.email().max(254)),
    ...given,
  })
  .meta({ id: 'ConsentGrant' });
export type ConsentGrant = z.infer<typeof ConsentGrant>;

/** Takes back every consent of this number, for every program of the seller, at once. */
export const ConsentRevoke = z
  .strictObject({
    phone: PhoneText,
    leadId: z.exactOptional(Id),
    channel: line(100),
    words: z.exactOptional(prose(2000)),
  })
  .meta({ id: 'ConsentRevoke' });
export type ConsentRevoke = z.infer<typeof ConsentRevoke>;

export const ConsentEventType = z.enum(['consent_granted', 'consent_revoked', 'dnc_added', 'dnc_removed']);

/** One event of the append-only consent log; `prevHash` → `hash` chains the events of one number. */
export const ConsentLog = z
  .object({
    id: Id,
    leadId: z.exactOptional(Id),
    phone: z.string(),
    email: z.exactOptional(z.string()),
    eventType: ConsentEventType,
    consentDetails: z.exactOptional(
      z.object({
        method: z.string(),
        source: z.string(),
        consentText: z.exactOptional(z.string()),
        automatedCallsAllowed: z.boolean(),
        textMessagesAllowed: z.boolean(),
        expiresAt: z.exactOptional(Instant),
      }),
    ),
    evidence: z.exactOptional(
      z.object({
        seller: z.exactOptional(z.string()),
        purpose: z.exactOptional(z.enum(['marketing', 'informational'])),
        level: z.exactOptional(z.enum(['written', 'oral'])),
        artificialVoiceDisclosed: z.exactOptional(z.boolean()),
        pageUrl: z.exactOptional(z.string()),
        textHash: z.exactOptional(z.string()),
        certificate: z.exactOptional(z.string()),
        sessionId: z.exactOptional(z.string()),
      }),
    ),
    revocation: z.exactOptional(z.object({ channel: z.string(), words: z.string() })),
    ipAddress: z.exactOptional(z.string()),
    userAgent: z.exactOptional(z.string()),
    referrer: z.exactOptional(z.string()),
    timestamp: Instant,
    recordedBy: z.string(),
    chainIndex: z.int(),
    prevHash: z.string(),
    hash: z.string(),
    createdAt: Instant,
  })
  .meta({ id: 'ConsentLog' });
export type ConsentLog = z.infer<typeof ConsentLog>;

export const ConsentQuery = PageQuery.extend({
  phone: z.exactOptional(PhoneText),
  leadId: z.exactOptional(Id),
  eventType: z.exactOptional(ConsentEventType),
});
export type ConsentQuery = z.infer<typeof ConsentQuery>;

/** Whether the hash chains still hold. `phone` and `brokenAt`: the number and the position of the first entry that does not. */
export const ConsentVerification = z
  .object({
    phone: z.exactOptional(z.string()),
    intact: z.boolean(),
    entries: z.int(),
    brokenAt: z.exactOptional(z.int()),
    detail: z.exactOptional(z.string()),
  })
  .meta({ id: 'ConsentVerification' });
export type ConsentVerification = z.infer<typeof ConsentVerification>;

export const DncScope = z.enum(['national', 'state', 'internal', 'litigator', 'reassigned']);

export const DncEntry = z
  .object({
    id: Id,
    phone: z.string(),
    scope: DncScope,
    state: z.string().nullable(),
    seller: z.string().nullable(),
    source: z.string(),
    listedAt: Instant,
    reason: z.exactOptional(z.string()),
    releasedAt: z.exactOptional(Instant),
    releasedBy: z.exactOptional(z.string()),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'DncEntry' });
export type DncEntry = z.infer<typeof DncEntry>;

/** Puts a number on a list by hand. Without a scope: our own list, which bars every call of ours. */
export const DncAdd = z
  .strictObject({
    phone: PhoneText,
    scope: DncScope.default('internal'),
    state: z.exactOptional(state),
    reason: z.exactOptional(prose(2000)),
    source: line(100).default('manual'),
  })
  .refine((value) => (value.scope === 'state') === (value.state !== undefined), {
    error: 'the scope "state" needs a state, and no other scope has one',
    path: ['state'],
  })
  .meta({ id: 'DncAdd' });
export type DncAdd = z.infer<typeof DncAdd>;

/** Takes a number off our own list. The reason is kept for ever. */
export const DncRelease = z
  .strictObject({ reason: prose(2000), scope: DncScope.default('internal'), state: z.exactOptional(state) })
  .meta({ id: 'DncRelease' });
export type DncRelease = z.infer<typeof DncRelease>;

export const DncQuery = PageQuery.extend({
  phone: z.exactOptional(PhoneText),
  scope: z.exactOptional(DncScope),
});
export type DncQuery = z.infer<typeof DncQuery>;

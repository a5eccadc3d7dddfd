/** contract/compliance: decisions of the gate, consent evidence, the do-not-call registry. */
import { z } from 'zod';
import { Id, Instant, line, PageQuery, PhoneText, prose } from './common.ts';

/** Reasons to refuse a call or a message, in the order in which the gate evaluates them. */
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
    'email_missing',
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
  /** Denied with this among its reasons. */
  reason: z.exactOptional(Reason),
  phone: z.exactOptional(PhoneText),
  leadId: z.exactOptional(Id),
  campaignId: z.exactOptional(Id),
  /** Decided for calls initiated at or after. */
  from: z.exactOptional(Instant),
  /** Decided for calls initiated before. */
  to: z.exactOptional(Instant),
});
export type DecisionQuery = z.infer<typeof DecisionQuery>;

const webPage = z.url({ protocol: /^https?$/ }).max(2000);

/**
 * What proves a consent. `marketing` calls with an artificial voice need `written`, the disclosure, a text that says that
 * consent is no condition of a purchase, and a proof of the act: `certificate`, `sessionId`, `signature` with `copyUrl`, or
 * `pageUrl` with the address and browser.
 */
export const ConsentEvidence = z
  .strictObject({
    seller: z.exactOptional(line(200)),
    purpose: z.exactOptional(z.enum(['marketing', 'informational'])),
    level: z.exactOptional(z.enum(['written', 'oral'])),
    artificialVoiceDisclosed: z.exactOptional(z.boolean()),
    /** The text says that consent is no condition of a purchase; without this, what the text itself says counts. */
    conditionOfPurchaseDisclaimed: z.exactOptional(z.boolean()),
    /** Who consented; the lead's name without it. */
    personName: z.exactOptional(line(200)),
    pageUrl: z.exactOptional(webPage),
    textHash: z.exactOptional(line(200)),
    /** The edition of the text that was shown. */
    textVersion: z.exactOptional(line(200)),
    /** Where a copy of what was shown or signed is kept: a screenshot, a scan. */
    copyUrl: z.exactOptional(webPage),
    checkboxPreTicked: z.exactOptional(z.boolean()),
    /** What was done to sign: "click", the name as it was typed, "by hand". */
    signature: z.exactOptional(line(200)),
    certificate: z.exactOptional(line(2000)),
    /** Who issued the certificate or what it is: trustedform, jornaya, recording … */
    certificateType: z.exactOptional(line(100)),
    certificateClaimedAt: z.exactOptional(Instant),
    certificateRetainedUntil: z.exactOptional(Instant),
    sessionId: z.exactOptional(line(200)),
    /** Who ran the page, where it was not the seller. */
    publisher: z.exactOptional(line(200)),
    /** Whose clock the time of the consent is of. */
    sourceClock: z.exactOptional(line(200)),
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
        conditionOfPurchaseDisclaimed: z.exactOptional(z.boolean()),
        personName: z.exactOptional(z.string()),
        pageUrl: z.exactOptional(z.string()),
        textHash: z.exactOptional(z.string()),
        textVersion: z.exactOptional(z.string()),
        copyUrl: z.exactOptional(z.string()),
        checkboxPreTicked: z.exactOptional(z.boolean()),
        signature: z.exactOptional(z.string()),
        certificate: z.exactOptional(z.string()),
        certificateType: z.exactOptional(z.string()),
        certificateClaimedAt: z.exactOptional(Instant),
        certificateRetainedUntil: z.exactOptional(Instant),
        sessionId: z.exactOptional(z.string()),
        publisher: z.exactOptional(z.string()),
        sourceClock: z.exactOptional(z.string()),
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
  /** Listed at or after. */
  from: z.exactOptional(Instant),
  /** Listed before. */
  to: z.exactOptional(Instant),
});
export type DncQuery = z.infer<typeof DncQuery>;

/** A stretch of time, from inclusive, to exclusive. */
export const Span = z.object({ from: Instant, to: Instant }).meta({ id: 'Span' });
export type Span = z.infer<typeof Span>;

/** Question of the simulator: when may this lead or number be called, on the facts of now, from `at` on? */
export const CallingWindowsQuestion = z
  .strictObject({
    leadId: z.exactOptional(Id),
    phone: z.exactOptional(z.string().max(40)),
    campaignId: z.exactOptional(Id),
    at: z.exactOptional(Instant),
    days: z.int().min(1).max(14).default(7),
  })
  .refine((value) => (value.leadId === undefined) !== (value.phone === undefined), {
    error: 'give either leadId or phone',
    path: ['leadId'],
  })
  .meta({ id: 'CallingWindowsQuestion' });
export type CallingWindowsQuestion = z.infer<typeof CallingWindowsQuestion>;

/** The decision at `at`, and every stretch of the following days in which the gate would allow. `zone` is the clock people read it on. */
export const CallingWindows = z
  .object({ decision: Decision, zone: z.string().nullable(), windows: z.array(Span) })
  .meta({ id: 'CallingWindows' });
export type CallingWindows = z.infer<typeof CallingWindows>;

const cap = z.int().min(0);

/** What the business may decide for itself; consent, the internal list and federal hours are not among it. */
export const CompliancePolicy = z
  .object({
    killSwitch: z.boolean(),
    emergencyStates: z.array(state),
    blockedStates: z.array(state),
    requireNationalRegistry: z.boolean(),
    requireStateLists: z.boolean(),
    requireReassignedCheck: z.boolean(),
    dncConsentOverride: z.boolean(),
    allowExemptCalls: z.boolean(),
    maxPer24h: cap,
    minGapMinutes: cap,
    maxPerDay: cap,
    maxPer7Days: cap,
    maxPer30Days: cap,
    stopAfterUnanswered: cap,
    /** Newest first, 100 at most. */
    history: z.array(
      z.object({
        at: Instant,
        by: z.string(),
        reason: z.string(),
        changes: z.array(z.object({ setting: z.string(), before: z.unknown(), after: z.unknown() })),
      }),
    ),
  })
  .meta({ id: 'CompliancePolicy' });
export type CompliancePolicy = z.infer<typeof CompliancePolicy>;

/** Changes what is given. The reason is kept for ever, because somebody will ask. */
export const CompliancePolicyPatch = z
  .strictObject({
    reason: prose(2000),
    killSwitch: z.exactOptional(z.boolean()),
    emergencyStates: z.exactOptional(z.array(state).max(60)),
    blockedStates: z.exactOptional(z.array(state).max(60)),
    requireNationalRegistry: z.exactOptional(z.boolean()),
    requireStateLists: z.exactOptional(z.boolean()),
    requireReassignedCheck: z.exactOptional(z.boolean()),
    dncConsentOverride: z.exactOptional(z.boolean()),
    allowExemptCalls: z.exactOptional(z.boolean()),
    maxPer24h: z.exactOptional(cap.max(10)),
    minGapMinutes: z.exactOptional(cap.max(10_000)),
    maxPerDay: z.exactOptional(cap.max(10)),
    maxPer7Days: z.exactOptional(cap.max(70)),
    maxPer30Days: z.exactOptional(cap.max(300)),
    stopAfterUnanswered: z.exactOptional(z.int().min(1).max(100)),
  })
  .refine(({ reason: _reason, ...settings }) => Object.keys(settings).length > 0, {
    error: 'name at least one setting to change',
  })
  .meta({ id: 'CompliancePolicyPatch' });
export type CompliancePolicyPatch = z.infer<typeof CompliancePolicyPatch>;

/** `national`, `litigator`, `reassigned`, or `state.FL`. */
export const ListName = z
  .string()
  .regex(
    /^(national|litigator|reassigned|state\.[A-Z]{2})$/,
    'must be national, litigator, reassigned or state.XX',
  )
  .meta({ id: 'ListName' });

/** One outside list and how old our copy is. `aging`: a week or less before it blocks calls. */
export const ListStatus = z
  .object({
    list: ListName,
    name: z.string(),
    /** Whether calls are denied without it; a copy that is there must be fresh in any case. */
    required: z.boolean(),
    state: z.enum(['missing', 'fresh', 'aging', 'stale']),
    asOf: Instant.nullable(),
    importedAt: Instant.nullable(),
    count: z.int(),
    /** When this copy begins to block calls. */
    blocksAt: Instant.nullable(),
  })
  .meta({ id: 'ListStatus' });
export type ListStatus = z.infer<typeof ListStatus>;

/** The import of one file. A list becomes current as a whole when `done`, never before. */
export const ListImport = z
  .object({
    id: Id,
    list: ListName,
    /** `full` replaces the list; `changes` adds and removes. */
    kind: z.enum(['full', 'changes']),
    asOf: Instant,
    state: z.enum(['receiving', 'interrupted', 'done', 'failed', 'discarded']),
    /** Lines that are taken and on disk; an interrupted import goes on behind them. */
    lines: z.int(),
    added: z.int(),
    removed: z.int(),
    rejected: z.int(),
    /** The first hundred. */
    errors: z.array(z.object({ line: z.int(), message: z.string() })),
    /** Of the list as it is after; once done. */
    count: z.exactOptional(z.int()),
    failure: z.exactOptional(z.string()),
    startedAt: Instant,
    endedAt: z.exactOptional(Instant),
    createdBy: z.string(),
  })
  .meta({ id: 'ListImport' });
export type ListImport = z.infer<typeof ListImport>;

/** With `importId`: the same file again, to go on where an interrupted import stopped. */
export const ListImportQuery = z.strictObject({
  list: ListName,
  kind: z.enum(['full', 'changes']).default('full'),
  /** The date of the list, as its publisher says; not in the future. */
  asOf: Instant,
  importId: z.exactOptional(Id),
});
export type ListImportQuery = z.infer<typeof ListImportQuery>;

/** Everything that shows why a number was, or may be, called: for a regulator, a court or the person. */
export const ConsentProof = z
  .object({
    phone: z.string(),
    seller: z.string(),
    producedAt: Instant,
    ruleVersion: z.string(),
    /** All numbers known to be of the same person. */
    numbers: z.array(z.string()),
    verification: ConsentVerification,
    /** Oldest first, every number of the person. */
    events: z.array(ConsentLog),
    dnc: z.array(DncEntry),
    /** Oldest first: every call that was asked for, with the decision it got. */
    calls: z.array(
      z.object({
        callId: Id,
        contactPhone: z.string(),
        status: z.string(),
        initiatedAt: Instant,
        decision: z.exactOptional(Decision),
      }),
    ),
    /**
     * SHA-256 of the canonical JSON (RFC 8785) of everything above, with the `id` of events and entries under the name `_id`,
     * as they are stored and as the hash of each event has it.
     */
    hash: z.string(),
  })
  .meta({ id: 'ConsentProof' });
export type ConsentProof = z.infer<typeof ConsentProof>;

export const ProofQuery = z.strictObject({
  phone: PhoneText,
  /** `html`: a page to read and print. */
  format: z.enum(['json', 'html']).default('json'),
});
export type ProofQuery = z.infer<typeof ProofQuery>;

/** One outbound call as 16 CFR 310.5(a)(2) wants it kept. */
export const CallRecord = z
  .object({
    callId: Id,
    telemarketer: z.string(),
    seller: z.string(),
    goodsOrServices: z.string(),
    /** `consumer` or `business`: what kind of party was called. */
    calledParty: z.string(),
    direction: z.string(),
    prerecorded: z.string(),
    callingNumber: z.string(),
    calledNumber: z.string(),
    calledPartyName: z.string(),
    date: z.string(),
    time: z.string(),
    durationSec: z.number().nullable(),
    disposition: z.string(),
    transferredTo: z.string(),
    campaignId: z.string(),
    scriptName: z.string(),
    scriptHash: z.string(),
    callerIdNumber: z.string(),
    callerIdName: z.string(),
    callerIdProof: z.string(),
    verdict: z.string(),
    reasons: z.string(),
    ruleVersion: z.string(),
    inputsHash: z.string(),
    permitId: z.string(),
    dncListsAsOf: z.string(),
  })
  .meta({ id: 'CallRecord' });
export type CallRecord = z.infer<typeof CallRecord>;

/** What the law wants kept for five years (16 CFR 310.5) is what one export may hold. */
const RECORD_YEARS = 5;

export const RecordsQuery = z
  .strictObject({
    /** Calls initiated at or after. */
    from: Instant,
    /** Calls initiated before. */
    to: Instant,
    format: z.enum(['json', 'csv']).default('csv'),
  })
  // Said so that an instant that cannot be read, which has an error of its own, gets no second one.
  .refine(({ from, to }) => !(Date.parse(to) <= Date.parse(from)), {
    error: 'must be after from',
    path: ['to'],
  })
  .refine(
    ({ from, to }) => {
      const last = new Date(from);
      last.setUTCFullYear(last.getUTCFullYear() + RECORD_YEARS);
      return !(Date.parse(to) > last.getTime());
    },
    { error: `must be at most ${RECORD_YEARS} years after from`, path: ['to'] },
  );
export type RecordsQuery = z.infer<typeof RecordsQuery>;

/**
 * domain/compliance/facts: everything the gate looks at, as one value. Whoever asks gathers the facts; the gate only
 * judges them. A word this schema does not know becomes its strictest reading, never a permission.
 */
import { z } from 'zod';

const Hhmm = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'a time of day as "HH:MM"');

const Grant = z.object({
  event: z.literal('grant'),
  level: z.enum(['written', 'oral']).catch('oral'),
  at: z.date(),
  phone: z.string(),
  seller: z.string(),
  purpose: z.enum(['marketing', 'informational']).catch('informational'),
  artificialVoiceDisclosed: z.boolean(),
  evidenceComplete: z.boolean(),
  /** Null: the policy's one year after `at`. */
  expiresAt: z.date().nullable(),
});

const Revoke = z.object({
  event: z.literal('revoke'),
  at: z.date(),
  /** Null: every seller. */
  seller: z.string().nullable(),
  channel: z.string(),
});

export const ConsentFact = z.discriminatedUnion('event', [Grant, Revoke]);

const ListState = z.object({
  /** When the copy of the list was made; null when there is none. */
  asOf: z.date().nullable(),
  listed: z.array(z.string()),
});

/**
 * Which outside lists must exist. `false` only forgives a list that was never set up; a list that is there is always
 * obeyed and must be fresh. Nothing here turns off consent, the internal list or calling hours.
 */
export const ListPolicy = z.object({
  requireNationalRegistry: z.boolean(),
  requireStateLists: z.boolean(),
  requireReassignedCheck: z.boolean(),
});

const count = z.number().int().min(0).max(10_000);

/** Numbers E.164, instants `Date`, states two-letter codes or names, hours on the called party's wall clock. */
export const Facts = z.object({
  lead: z.object({
    phone: z.string().max(64),
    altPhones: z.array(z.string().max(64)).max(200),
    lineType: z.enum(['wireless', 'landline', 'voip', 'unknown']).catch('unknown'),
    state: z.string().max(64).nullable(),
    zip: z.string().max(16).nullable(),
    /** Every consent event of the person, all numbers, in any order. */
    consent: z.array(ConsentFact).max(2_000),
    /** A business relationship never stands in for consent to an artificial voice; kept as a fact of the record. */
    ebrLastTransactionAt: z.date().nullable(),
  }),
  call: z.object({
    purpose: z.enum(['marketing', 'informational']).catch('marketing'),
    voice: z.string(),
    seller: z.string().min(1),
    subject: z.string(),
  }),
  dnc: z.object({
    national: ListState,
    /** By two-letter state. */
    state: z.record(z.string(), ListState),
    /** Requests made to us, for any number of the person; seller null means every seller. */
    internal: z.array(
      z.object({
        phone: z.string(),
        seller: z.string().nullable(),
        releasedAt: z.date().nullable(),
      }),
    ),
    litigator: z.boolean(),
    reassigned: z
      .object({ result: z.enum(['no', 'yes', 'no_data']).catch('no_data'), checkedAt: z.date() })
      .nullable(),
  }),
  environment: z.object({
    emergencyStates: z.array(z.string()),
    killSwitch: z.boolean().default(false),
  }),
  campaign: z.object({
    /** Only `running` may dial. */
    status: z.string(),
    hours: z.object({
      start: Hhmm,
      end: Hhmm,
      days: z.array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])),
    }),
    maxPer24h: count,
    minGapMinutes: count,
    /** Null: no such cap. */
    maxPerDay: count.nullable().default(null),
    maxPer7Days: count.nullable().default(null),
    maxPer30Days: count.nullable().default(null),
    stopAfterUnanswered: count.nullable().default(null),
    dncConsentOverride: z.boolean(),
    allowExemptCalls: z.boolean(),
    blockedStates: z.array(z.string()),
  }),
  history: z.object({
    /** Tries at any number of the person, any outcome; denied ones never rang and do not belong here. */
    attempts: z
      .array(
        z.object({
          at: z.date(),
          phone: z.string(),
          subject: z.string(),
          outcome: z.string(),
        }),
      )
      .max(5_000),
  }),
  policy: ListPolicy.default({
    requireNationalRegistry: true,
    requireStateLists: true,
    requireReassignedCheck: true,
  }),
});

/** Facts as given: what has a default may be left out. */
export type FactsInput = z.input<typeof Facts>;
export type Facts = z.output<typeof Facts>;
export type ConsentFact = z.output<typeof ConsentFact>;
export type GrantFact = z.output<typeof Grant>;

/** The business's own limits for campaigns that set none (reference §4, "default policy"). */
export const DEFAULT_CAPS = {
  maxPer24h: 3,
  minGapMinutes: 120,
  maxPerDay: 2,
  maxPer7Days: 6,
  maxPer30Days: 8,
  stopAfterUnanswered: 8,
} as const;

/** Closed until counsel clears them: states whose automated-device laws reach an AI voice (reference §5). */
export const DEFAULT_BLOCKED_STATES = ['MS', 'MT', 'NM', 'NV', 'TX', 'UT', 'WA', 'WY'] as const;

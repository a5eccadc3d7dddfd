/** The worked cases of the gate, read into its facts; and facts that are allowed, for tests to spoil one at a time. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { FactsInput } from '../../src/domain/compliance/facts.ts';

const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const list = z.object({ as_of: instant.nullable(), listed: z.array(z.string()) });

const Case = z.object({
  id: z.string(),
  now: instant,
  lead: z.object({
    phone: z.string(),
    alt_phones: z.array(z.string()),
    line_type: z.enum(['wireless', 'landline', 'voip', 'unknown']),
    state: z.string().nullable(),
    zip: z.string().nullable(),
    consent: z.array(
      z.union([
        z.object({
          event: z.literal('grant'),
          level: z.enum(['written', 'oral']),
          at: instant,
          phone: z.string(),
          seller: z.string(),
          purpose: z.enum(['marketing', 'informational']),
          artificial_voice_disclosed: z.boolean(),
          evidence_complete: z.boolean(),
          expires_at: instant.nullable(),
        }),
        z.object({ event: z.literal('revoke'), at: instant, seller: z.string(), channel: z.string() }),
      ]),
    ),
    ebr_last_transaction_at: instant.nullable(),
  }),
  call: z.object({
    purpose: z.enum(['marketing', 'informational']),
    voice: z.string(),
    seller: z.string(),
    subject: z.string(),
  }),
  dnc: z.object({
    national: list,
    state: z.record(z.string(), list),
    internal: z.array(z.string()),
    litigator: z.boolean(),
    reassigned: z.object({ result: z.enum(['no', 'yes', 'no_data']), checked_at: instant }).nullable(),
  }),
  environment: z.object({ emergency_states: z.array(z.string()) }),
  campaign: z.object({
    status: z.string(),
    hours: z.object({
      start: z.string(),
      end: z.string(),
      days: z.array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])),
    }),
    max_per_24h: z.number(),
    min_gap_minutes: z.number(),
    dnc_consent_override: z.boolean(),
    allow_exempt_calls: z.boolean(),
    blocked_states: z.array(z.string()),
  }),
  history: z.object({
    attempts: z.array(z.object({ at: instant, phone: z.string(), subject: z.string(), outcome: z.string() })),
  }),
  expect: z.enum(['allow', 'deny']),
  reason: z.string(),
  also_true: z.array(z.string()).optional(),
  next_allowed_at: instant.optional(),
  rationale: z.string(),
});
type Case = z.output<typeof Case>;

const factsOf = ({ lead, call, dnc, environment, campaign, history }: Case): FactsInput => ({
  lead: {
    phone: lead.phone,
    altPhones: lead.alt_phones,
    lineType: lead.line_type,
    state: lead.state,
    zip: lead.zip,
    consent: lead.consent.map((event) =>
      event.event === 'grant'
        ? {
            event: 'grant' as const,
            level: event.level,
            at: event.at,
            phone: event.phone,
            seller: event.seller,
            purpose: event.purpose,
            artificialVoiceDisclosed: event.artificial_voice_disclosed,
            evidenceComplete: event.evidence_complete,
            expiresAt: event.expires_at,
          }
        : event,
    ),
    ebrLastTransactionAt: lead.ebr_last_transaction_at,
  },
  call,
  dnc: {
    national: { asOf: dnc.national.as_of, listed: dnc.national.listed },
    state: Object.fromEntries(
      Object.entries(dnc.state).map(([state, { as_of, listed }]) => [state, { asOf: as_of, listed }]),
    ),
    internal: dnc.internal.map((phone) => ({ phone, seller: null, releasedAt: null })),
    litigator: dnc.litigator,
    reassigned: dnc.reassigned && {
      result: dnc.reassigned.result,
      checkedAt: dnc.reassigned.checked_at,
    },
  },
  environment: { emergencyStates: environment.emergency_states },
  campaign: {
    status: campaign.status,
    hours: campaign.hours,
    maxPer24h: campaign.max_per_24h,
    minGapMinutes: campaign.min_gap_minutes,
    dncConsentOverride: campaign.dnc_consent_override,
    allowExemptCalls: campaign.allow_exempt_calls,
    blockedStates: campaign.blocked_states,
  },
  history,
});

export const CASES = z
  .object({ cases: z.array(Case) })
  .parse(JSON.parse(readFileSync(new URL('../domain/compliance-cases.sample.json', import.meta.url), 'utf8')))
  .cases.map((one) => ({ ...one, facts: factsOf(one) }));

export const minutesAfter = (at: Date | number, minutes: number): Date =>
  new Date(Number(at) + minutes * 60_000);
export const daysAfter = (at: Date | number, days: number): Date => minutesAfter(at, days * 1440);

/** Tuesday 2026-07-14, 12:00 in New York. */
export const NOON_MS = Date.parse('2026-07-14T16:00:00Z');

/** Facts of a marketing call to a New Yorker that is allowed at NOON_MS. */
export function goodFacts(nowMs = NOON_MS): FactsInput {
  return {
    lead: {
      phone: '+12125550234',
      altPhones: [],
      lineType: 'wireless',
      state: 'NY',
      zip: '10001',
      consent: [goodGrant(nowMs)],
      ebrLastTransactionAt: null,
    },
    call: { purpose: 'marketing', voice: 'ai', seller: 'acme', subject: 'solar' },
    dnc: {
      national: { asOf: daysAfter(nowMs, -2), listed: [] },
      state: {},
      internal: [],
      litigator: false,
      reassigned: { result: 'no', checkedAt: daysAfter(nowMs, -3) },
    },
    environment: { emergencyStates: [] },
    campaign: {
      status: 'running',
      hours: {
        start: '08:00',
        end: '21:00',
        days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
      },
      maxPer24h: 10,
      minGapMinutes: 0,
      dncConsentOverride: false,
      allowExemptCalls: false,
      blockedStates: [],
    },
    history: { attempts: [] },
  };
}

export type Grant = Extract<FactsInput['lead']['consent'][number], { event: 'grant' }>;

export const goodGrant = (nowMs = NOON_MS): Grant => ({
  event: 'grant',
  level: 'written',
  at: daysAfter(nowMs, -30),
  phone: '+12125550234',
  seller: 'acme',
  purpose: 'marketing',
  artificialVoiceDisclosed: true,
  evidenceComplete: true,
  expiresAt: daysAfter(nowMs, 335),
});

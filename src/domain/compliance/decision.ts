/** domain/compliance/decision: the shape of the gate's answer. Final: rules may grow, the shape stays. */

/** Reasons in the order in which the gate evaluates them (reference table §8); the first that holds is reported. */
export const CALL_REASONS = [
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
] as const;

/** Those of calls and texts, and what only an e-mail can lack. */
export const REASONS = [...CALL_REASONS, 'email_missing'] as const;

export type Reason = (typeof REASONS)[number];

/** One place the called party may be, with the clock there at the moment of the decision. */
export interface CandidateZone {
  readonly zone: string;
  readonly state: string;
  /** Local wall clock, "Tue 2026-07-14 08:00". */
  readonly localTime: string;
}

/** The answer, as stored on the call or message and shown to people. */
export interface Decision {
  readonly verdict: 'allow' | 'deny';
  readonly reason: Reason | 'ok';
  readonly reasons: readonly Reason[];
  /** First whole minute at which only-time bars have passed; null when time alone will not help. */
  readonly nextAllowedAt: Date | null;
  /** One sentence a manager understands. */
  readonly explanation: string;
  readonly decidedAt: Date;
  /** Revision of the engine and a fingerprint of its tables; behind a "+tz", the time zone data: "3-0c1d2e3f4a5b+tz2025c". */
  readonly ruleVersion: string;
  /**
   * Of the facts the decision was made from: "f3:" and a SHA-256 as facts-hash.ts writes them; of an e-mail "m1:" and that of
   * their canonical JSON. Empty: unreadable ones.
   */
  readonly inputsHash: string;
  readonly zones: readonly CandidateZone[];
  /** The permit minted by an allow; absent on deny. */
  readonly permitId?: string;
}

/**
 * domain/compliance/consent: does a person's record of consent cover this call or text (reference §1, §8 rows 10 to 16)?
 * Consent is a list of events, never a flag; one that does not name texts covers none, and one that names nothing else no call. Ties between a grant and a revocation are revoked; a revocation reaches every
 * number and every program of its seller; a business relationship is no consent to an artificial voice.
 */
import type { Reason } from './decision.ts';
import type { Facts, GrantFact } from './facts.ts';

export { revokes } from './revocation.ts';

export type ConsentReason = Extract<
  Reason,
  | 'consent_missing'
  | 'consent_seller_mismatch'
  | 'consent_phone_mismatch'
  | 'consent_not_effective'
  | 'consent_revoked'
  | 'consent_insufficient'
  | 'consent_evidence_incomplete'
  | 'consent_expired'
>;

export interface ConsentFinding {
  readonly missing: ReadonlySet<ConsentReason>;
  /** The grant that carries the call, when one passes every test. */
  readonly grant: GrantFact | undefined;
  /** An informational call (never a text) to a landline that the law lets pass without consent, within its cap. */
  readonly exempt: boolean;
  /** The last revocation that counts for this seller. */
  readonly revokedAtMs: number | undefined;
  /** When the last of the grants that pass every other test ends; with `consent_expired`. */
  readonly endedAtMs: number | undefined;
}

/** KRS 367.463(2)(d): consent to automated calls lasts two years in Kentucky, whatever the record says. */
export const KENTUCKY_YEARS = 2;
/** The client's policy where a record names no end (reference §1.4). */
export const DEFAULT_CONSENT_YEARS = 1;

const plain = (name: string): string => name.trim().replace(/\s+/g, ' ').toLowerCase();

export const sameSeller = (a: string, b: string): boolean => a === b || plain(a) === plain(b);

/** Does a request made to `seller` concern a call for `ours`? One that names nobody concerns every seller. */
export const concernsSeller = (seller: string | null, ours: string): boolean =>
  seller === null || seller.trim() === '' || sameSeller(seller, ours);

/** The same UTC wall clock `years` later; 29 February becomes 28 February, the earlier end. */
export function yearsAfter(at: Date, years: number): Date {
  const later = new Date(at);
  later.setUTCFullYear(at.getUTCFullYear() + years);
  if (later.getUTCMonth() !== at.getUTCMonth()) later.setUTCDate(0);
  return later;
}

/** When a grant ends, ms since the epoch. */
export function endMs(grant: GrantFact, inKentucky: boolean): number {
  const own = (grant.expiresAt ?? yearsAfter(grant.at, DEFAULT_CONSENT_YEARS)).getTime();
  return inKentucky ? Math.min(own, yearsAfter(grant.at, KENTUCKY_YEARS).getTime()) : own;
}

/** Does a consent name what is about to be done? */
const covers = (grant: GrantFact, text: boolean): boolean => {
  const named = grant.covers ?? 'calls';
  return named === 'both' || named === (text ? 'texts' : 'calls');
};

/** The newer one, or the written one of the same moment: the order of a record's events means nothing. */
const better = (a: GrantFact, b: GrantFact): GrantFact => {
  const newer = b.at.getTime() - a.at.getTime();
  return newer > 0 || (newer === 0 && b.level === 'written') ? b : a;
};

/** The grants that are left, and the tests that none of them passed. */
interface Sieve {
  grants: GrantFact[];
  readonly missing: Set<ConsentReason>;
}

/** Keeps the grants that pass; when none does, notes why and lets the later tests look at what was left. */
function narrow(sieve: Sieve, reason: ConsentReason, passes: (grant: GrantFact) => boolean): void {
  if (sieve.grants.every(passes)) return;
  const passed = sieve.grants.filter(passes);
  if (passed.length > 0) sieve.grants = passed;
  else sieve.missing.add(reason);
}

/**
 * Judges the consent events of a person for one call to `number`. A grant carries the call when it passes every test;
 * when none does, each test that no remaining grant passes is named.
 */
export function judgeConsent(
  { lead, call, campaign }: Facts,
  number: string | undefined,
  inKentucky: boolean,
  nowMs: number,
): ConsentFinding {
  const text = call.channel === 'text';
  const sieve: Sieve = { grants: [], missing: new Set() };
  const { missing } = sieve;
  let revokedAtMs: number | undefined;
  for (const event of lead.consent) {
    if (event.event === 'grant') {
      if (covers(event, text)) sieve.grants.push(event);
    } else if (concernsSeller(event.seller, call.seller))
      revokedAtMs = Math.max(revokedAtMs ?? -Infinity, event.at.getTime());
  }

  if (sieve.grants.length === 0) {
    const exempt =
      !text && call.purpose === 'informational' && lead.lineType === 'landline' && campaign.allowExemptCalls;
    if (!exempt) missing.add('consent_missing');
    if (revokedAtMs !== undefined) missing.add('consent_revoked');
    return {
      missing,
      grant: undefined,
      exempt: exempt && missing.size === 0,
      revokedAtMs,
      endedAtMs: undefined,
    };
  }

  narrow(sieve, 'consent_seller_mismatch', (grant) => sameSeller(grant.seller, call.seller));
  if (number !== undefined) narrow(sieve, 'consent_phone_mismatch', (grant) => grant.phone === number);
  narrow(sieve, 'consent_not_effective', (grant) => grant.at.getTime() <= nowMs);
  const revoked = revokedAtMs;
  if (revoked !== undefined) narrow(sieve, 'consent_revoked', (grant) => grant.at.getTime() > revoked);

  // After a revocation only written consent counts again, whatever the call is for (reference §1.5, re-grant).
  const needsWriting = call.purpose === 'marketing' || revoked !== undefined;
  narrow(
    sieve,
    'consent_insufficient',
    (grant) =>
      !needsWriting ||
      (grant.level === 'written' &&
        // A text has no voice; that texts may be sent is what its consent has to say.
        (text || grant.artificialVoiceDisclosed) &&
        (call.purpose !== 'marketing' || grant.purpose === 'marketing')),
  );
  narrow(sieve, 'consent_evidence_incomplete', (grant) => grant.evidenceComplete);
  narrow(sieve, 'consent_expired', (grant) => nowMs < endMs(grant, inKentucky));
  const { grants } = sieve;
  return {
    missing,
    grant: missing.size === 0 && number !== undefined ? grants.reduce(better) : undefined,
    exempt: false,
    revokedAtMs,
    endedAtMs: missing.has('consent_expired')
      ? Math.max(...grants.map((grant) => endMs(grant, inKentucky)))
      : undefined,
  };
}

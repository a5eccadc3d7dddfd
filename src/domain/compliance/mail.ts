/**
 * domain/compliance/mail: the gate of e-mails. Federal law asks no consent for one, but that a wish to get no more holds
 * (CAN-SPAM, 15 USC 7704(a)(4)); here such a wish, said on any channel, holds for e-mails too (reference §1.5). Facts in, an
 * explained decision out, and for the one caller that is about to send a permit with it. Whatever goes wrong in here denies.
 */
import { fingerprint } from '../canonical.ts';
import { concernsSeller } from './consent.ts';
import { checkError, MAX_PERMIT_MS, type Mint, type VerdictWith } from './decide.ts';
import type { Decision, Reason } from './decision.ts';
import type { ConsentFact, InternalFact } from './facts.ts';
import { type MessagePermit, mintMessagePermit } from './permit.ts';
import { showDate } from './zone-clock.ts';

/** Of one e-mail. The person is everybody who shares a number or this address. */
export interface MailFacts {
  /** Null: none is known. */
  readonly address: string | null;
  readonly seller: string;
  /** `running`: it may send. */
  readonly campaignStatus: string;
  readonly killSwitch: boolean;
  /** Requests made to us for any number of the person. */
  readonly internal: readonly InternalFact[];
  /** Every consent event of the person, all numbers, in any order. */
  readonly consent: readonly ConsentFact[];
}

interface MailRule {
  readonly reason: Reason;
  readonly source: string;
  readonly test: (facts: MailFacts, nowMs: number) => boolean;
  /** Half a sentence for a manager. Asked only where `test` is true. */
  readonly say: (facts: MailFacts) => string;
}

const LONGEST_ADDRESS = 254;
/** RFC 5321: what a mail server may be asked to deliver to, without quoting, comments or address literals. */
const ADDRESS =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$/;

export const isMailAddress = (text: string): boolean => text.length <= LONGEST_ADDRESS && ADDRESS.test(text);

/** The last revocation for this seller that no later consent answers, ms since the epoch; a tie is a revocation. */
function revokedAtMs({ consent, seller }: MailFacts): number | undefined {
  let revoked = -Infinity;
  let granted = -Infinity;
  for (const event of consent) {
    if (event.event === 'grant') granted = Math.max(granted, event.at.getTime());
    else if (concernsSeller(event.seller, seller)) revoked = Math.max(revoked, event.at.getTime());
  }
  return revoked !== -Infinity && !(granted > revoked) ? revoked : undefined;
}

const RULES: readonly MailRule[] = [
  {
    reason: 'campaign_paused',
    source: 'reference §8 row 1',
    test: ({ killSwitch, campaignStatus }) => killSwitch || campaignStatus !== 'running',
    say: ({ killSwitch, campaignStatus }) =>
      killSwitch ? 'all outbound calling is switched off' : `the campaign is ${campaignStatus}, not running`,
  },
  {
    reason: 'internal_dnc',
    source: '15 USC 7704(a)(4); 47 CFR 64.1200(d); reference §1.5 and §2, internal',
    test: ({ internal, seller }, nowMs) =>
      internal.some(
        ({ seller: named, releasedAt }) =>
          !(releasedAt !== null && releasedAt.getTime() <= nowMs) && concernsSeller(named, seller),
      ),
    say: () => 'this person asked us to stop',
  },
  {
    reason: 'consent_revoked',
    source: '47 CFR 64.1200(a)(10) and (11); reference §1.5, other channels',
    test: (facts) => revokedAtMs(facts) !== undefined,
    say: (facts) => `consent was revoked on ${showDate(new Date(revokedAtMs(facts) ?? 0))}`,
  },
  {
    reason: 'email_missing',
    source: 'RFC 5321 §4.1.2',
    test: ({ address }) => address === null || !isMailAddress(address),
    say: ({ address }) =>
      address === null ? 'there is no e-mail address of this person' : 'this is no e-mail address',
  },
];

const MAIL_REVISION = 1;
const MAIL_RULES = `mail-${MAIL_REVISION}-${fingerprint(RULES.map(({ reason, source }) => [reason, source])).slice(0, 12)}`;

/**
 * The gate's answer for one e-mail at `nowMs` (ms since the epoch). Pure; never throws: any surprise is a denial with
 * `check_error`. A permit is minted only for an allow and only when `mint` is given.
 */
export function decideMail(facts: MailFacts, nowMs: number, mint?: Mint): VerdictWith<MessagePermit> {
  try {
    return judge(facts, nowMs, mint);
  } catch (error) {
    const why = error instanceof RangeError ? error.message : 'the facts could not be read';
    return { kind: 'deny', decision: { ...checkError(nowMs, why), ruleVersion: MAIL_RULES } };
  }
}

function judge(facts: MailFacts, nowMs: number, mint: Mint | undefined): VerdictWith<MessagePermit> {
  if (!Number.isSafeInteger(nowMs)) throw new RangeError('the clock gives no instant');
  if (facts.seller.trim() === '') throw new RangeError('the seller has no name');
  const failing = RULES.filter((rule) => rule.test(facts, nowMs));
  const [first] = failing;
  const decision: Decision = {
    verdict: first ? 'deny' : 'allow',
    reason: first ? first.reason : 'ok',
    reasons: failing.map(({ reason }) => reason),
    nextAllowedAt: null,
    explanation: first
      ? `Blocked: ${first.say(facts)}.`
      : 'Allowed: nobody at this address or its numbers has asked us to stop.',
    decidedAt: new Date(nowMs),
    ruleVersion: MAIL_RULES,
    inputsHash: `m1:${fingerprint(facts)}`,
    zones: [],
  };
  if (first) return { kind: 'deny', decision };
  if (!mint) return { kind: 'allow', decision };
  if (!mint.reserved) throw new RangeError('no message is reserved');
  if (!(mint.ttlMs > 0 && mint.ttlMs <= MAX_PERMIT_MS))
    throw new RangeError('a permit lives at most a minute');
  if (facts.address === null) throw new RangeError('there is no address');
  return {
    kind: 'allow',
    permit: mintMessagePermit(mint.permitId, 'email', facts.address, nowMs + mint.ttlMs),
    decision: { ...decision, permitId: mint.permitId },
  };
}

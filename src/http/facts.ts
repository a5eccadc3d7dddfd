/** http/facts: the facts of one decision from the published cases' words (snake_case) into the gate's own. */
import type { ComplianceFacts } from '../contract/index.ts';
import type { FactsInput } from '../domain/compliance/facts.ts';

const instant = (text: string | null | undefined): Date | null =>
  text === null || text === undefined ? null : new Date(text);

type WireList = ComplianceFacts['dnc']['national'];
const list = (given: WireList): FactsInput['dnc']['national'] => ({
  asOf: instant(given?.as_of),
  listed: given?.listed ?? [],
});

const oneOf = <T extends string>(words: readonly T[], word: string | null | undefined, strictest: T): T =>
  words.find((known) => known === word) ?? strictest;

function consent(given: ComplianceFacts['lead']['consent'][number]): FactsInput['lead']['consent'][number] {
  const at = new Date(given.at);
  if (given.event === 'revoke') {
    return { event: 'revoke', at, seller: given.seller ?? null, channel: given.channel ?? '' };
  }
  return {
    event: 'grant',
    level: oneOf(['written', 'oral'], given.level, 'oral'),
    at,
    phone: given.phone ?? '',
    seller: given.seller ?? '',
    purpose: oneOf(['marketing', 'informational'], given.purpose, 'informational'),
    artificialVoiceDisclosed: given.artificial_voice_disclosed ?? false,
    evidenceComplete: given.evidence_complete ?? false,
    expiresAt: instant(given.expires_at),
  };
}

/** What is not said is read in the strictest way: a grant without evidence has none, a list without a date is missing. */
export function readFacts(given: ComplianceFacts): { readonly facts: FactsInput; readonly now: Date } {
  const { lead, call, dnc, environment, campaign, history } = given;
  const checkedAt = instant(dnc.reassigned?.checked_at);
  return {
    now: new Date(given.now),
    facts: {
      lead: {
        phone: lead.phone,
        altPhones: lead.alt_phones,
        lineType: oneOf(['wireless', 'landline', 'voip', 'unknown'], lead.line_type, 'unknown'),
        state: lead.state,
        zip: lead.zip,
        consent: lead.consent.map(consent),
        ebrLastTransactionAt: instant(lead.ebr_last_transaction_at),
      },
      call: { ...call, purpose: oneOf(['marketing', 'informational'], call.purpose, 'marketing') },
      dnc: {
        national: list(dnc.national),
        state: Object.fromEntries(Object.entries(dnc.state).map(([state, copy]) => [state, list(copy)])),
        internal: dnc.internal.map((entry) =>
          typeof entry === 'string'
            ? { phone: entry, seller: null, releasedAt: null }
            : { phone: entry.phone, seller: entry.seller ?? null, releasedAt: instant(entry.released_at) },
        ),
        litigator: dnc.litigator,
        reassigned:
          checkedAt === null
            ? null
            : { result: oneOf(['no', 'yes', 'no_data'], dnc.reassigned?.result, 'no_data'), checkedAt },
      },
      environment: {
        emergencyStates: environment.emergency_states,
        killSwitch: environment.kill_switch ?? false,
      },
      campaign: {
        status: campaign.status,
        hours: campaign.hours,
        maxPer24h: campaign.max_per_24h,
        minGapMinutes: campaign.min_gap_minutes,
        dncConsentOverride: campaign.dnc_consent_override,
        allowExemptCalls: campaign.allow_exempt_calls,
        blockedStates: campaign.blocked_states,
      },
      history: {
        attempts: history.attempts.map((attempt) => ({
          at: new Date(attempt.at),
          phone: attempt.phone ?? '',
          subject: attempt.subject ?? '',
          outcome: attempt.outcome ?? '',
        })),
      },
    },
  };
}

/**
 * domain/compliance/consent-log: the ledger of consent. One chain of entries per phone, each sealed with a hash over
 * itself and its forerunner, so that a change of any field of any entry shows.
 *
 * What a chain cannot show by itself: that its last entries were cut off (its head, kept apart, can: app/consent-ledger),
 * and that somebody who may write to the store made a whole chain and its head anew, for the hash has no secret. Against
 * that stand only copies outside of the store, such as an exported proof with its number of entries and last hash.
 */
import { fingerprint, sha256Hex } from '../canonical.ts';
import type { ConsentLog, Lead } from '../documents.ts';
import { yearsAfter } from './consent.ts';
import type { ConsentFact, Covers } from './facts.ts';

export type ConsentBody = Omit<ConsentLog, 'chainIndex' | 'prevHash' | 'hash'>;

/** What the first entry of a chain has in place of a forerunner's hash. */
export const CHAIN_START = '0'.repeat(64);

function seal(entry: Omit<ConsentLog, 'hash'>): string {
  return fingerprint(entry);
}

/**
 * The entry that follows `prev` (undefined: the first of this phone). Hash: SHA-256 over the canonical JSON of the whole
 * entry, prevHash included, hash itself left out.
 */
export function nextConsentLog(prev: ConsentLog | undefined, body: ConsentBody): ConsentLog {
  if (prev && prev.phone !== body.phone) throw new RangeError('a chain belongs to one phone');
  const entry = {
    ...body,
    chainIndex: (prev?.chainIndex ?? 0) + 1,
    prevHash: prev?.hash ?? CHAIN_START,
  };
  return { ...entry, hash: seal(entry) };
}

/** What is wrong with `entry` as the one behind `prev` in the chain of its phone (undefined: as the first); undefined: nothing. */
export function linkFault(prev: ConsentLog | undefined, entry: ConsentLog): string | undefined {
  const at = (prev?.chainIndex ?? 0) + 1;
  if (prev && entry.phone !== prev.phone) return 'the entry is of another phone';
  if (entry.chainIndex !== at) return `entry ${at} is missing or doubled`;
  if (entry.prevHash !== (prev?.hash ?? CHAIN_START)) return 'the entry does not follow its forerunner';
  const { hash, ...sealed } = entry;
  let expected: string;
  try {
    expected = seal(sealed);
  } catch {
    return 'the entry holds something that no entry can hold';
  }
  return hash === expected ? undefined : 'the entry was changed after it was written';
}

/** How a text says that consent is no condition of a purchase, in the languages in which people are called. */
const NO_CONDITION = [
  /(?:\bnot?\b|n['’]t\b)[^.!?]{0,80}\bcondition\b[^.!?]{0,80}\b(?:purchas|buy|sale|sell|goods|product|propert|service)/i,
  /(?:\bnot\b|n['’]t\b)[^.!?]{0,40}\b(?:required|necessary|have to|need to)\b[^.!?]{0,100}\b(?:purchas|buy)/i,
  /\bno\b[^.!?]{0,80}\bcondici[oó]n\b[^.!?]{0,80}\b(?:compra|adquirir|adquisici|venta|vender)/i,
] as const;

/**
 * What a grant lacks as evidence (reference §1.2, §1.3), in plain words; empty when it is complete. Written consent needs
 * the text shown with its hash, a box that did not start ticked, and one proof of the act: a certificate, a recorded
 * session, a signature with a copy of what was signed, or page, address and browser. For marketing, and for any consent
 * given after a revocation (§1.5), the text must also say that consent is no condition of a purchase.
 */
export function evidenceGaps(entry: ConsentBody, afterRevocation = false): readonly string[] {
  const { consentDetails: details, evidence } = entry;
  const gaps: string[] = [];
  const need = (held: unknown, name: string): void => {
    if (held === undefined || held === '') gaps.push(name);
  };
  need(details?.method, 'method');
  need(details?.source, 'source');
  need(details?.consentText, 'consent text');
  need(evidence?.seller, 'seller');
  need(evidence?.purpose, 'purpose');
  need(evidence?.level, 'level');
  need(evidence?.artificialVoiceDisclosed, 'whether an artificial voice was disclosed');
  if (evidence?.level === 'written') {
    const text = details?.consentText ?? '';
    need(evidence.textHash, 'hash of the text');
    if (details?.consentText !== undefined && evidence.textHash !== sha256Hex(text))
      gaps.push('hash that fits the text');
    if (evidence.checkboxPreTicked === true) gaps.push('a box that did not start ticked');
    const disclaimed =
      evidence.conditionOfPurchaseDisclaimed ?? NO_CONDITION.some((pattern) => pattern.test(text));
    if ((evidence.purpose === 'marketing' || afterRevocation) && !disclaimed)
      gaps.push('that consent is no condition of a purchase');
  }
  const page = evidence?.pageUrl && entry.ipAddress && entry.userAgent;
  const signed = evidence?.signature && evidence.copyUrl;
  if (!(evidence?.certificate || evidence?.sessionId || signed || page))
    gaps.push('certificate, recorded session, signed copy, or page with address and browser');
  return gaps;
}

function coveredBy(details: ConsentLog['consentDetails']): Covers {
  if (details?.automatedCallsAllowed) return details.textMessagesAllowed ? 'both' : 'calls';
  return details?.textMessagesAllowed ? 'texts' : 'nothing';
}

/** The events of the ledger as the gate reads them. DNC entries are no consent events; the registry carries them. */
export function consentFacts(entries: readonly ConsentLog[]): ConsentFact[] {
  const facts: ConsentFact[] = [];
  let firstRevokedMs = Infinity;
  for (const { eventType, timestamp } of entries)
    if (eventType === 'consent_revoked') firstRevokedMs = Math.min(firstRevokedMs, timestamp.getTime());
  for (const entry of entries) {
    if (entry.eventType === 'consent_revoked') {
      facts.push({
        event: 'revoke',
        at: entry.timestamp,
        seller: entry.evidence?.seller ?? null,
        channel: entry.revocation?.channel ?? 'unknown',
      });
    } else if (entry.eventType === 'consent_granted') {
      const details = entry.consentDetails;
      const covers = coveredBy(details);
      if (covers === 'nothing') continue;
      facts.push({
        event: 'grant',
        covers,
        level: entry.evidence?.level ?? 'oral',
        at: entry.timestamp,
        phone: entry.phone,
        seller: entry.evidence?.seller ?? '',
        purpose: entry.evidence?.purpose ?? 'informational',
        artificialVoiceDisclosed: entry.evidence?.artificialVoiceDisclosed ?? false,
        evidenceComplete: evidenceGaps(entry, entry.timestamp.getTime() >= firstRevokedMs).length === 0,
        expiresAt: details?.expiresAt ?? null,
      });
    }
  }
  return facts;
}

export type ConsentState =
  | { readonly state: 'none' }
  | { readonly state: 'granted' | 'expired'; readonly grant: ConsentLog; readonly expiresAt: Date }
  | { readonly state: 'revoked'; readonly revocation: ConsentLog };

/** Where a person stands, from all entries of all their numbers: the latest event counts, and a tie is a revocation. */
export function consentState(entries: readonly ConsentLog[], nowMs: number): ConsentState {
  let latest: ConsentLog | undefined;
  for (const entry of entries) {
    if (entry.eventType !== 'consent_granted' && entry.eventType !== 'consent_revoked') continue;
    const newer = entry.timestamp.getTime() - (latest?.timestamp.getTime() ?? -Infinity);
    if (newer > 0 || (newer === 0 && entry.eventType === 'consent_revoked')) latest = entry;
  }
  if (!latest) return { state: 'none' };
  if (latest.eventType === 'consent_revoked') return { state: 'revoked', revocation: latest };
  const expiresAt = latest.consentDetails?.expiresAt ?? yearsAfter(latest.timestamp, 1);
  return {
    state: nowMs < expiresAt.getTime() ? 'granted' : 'expired',
    grant: latest,
    expiresAt,
  };
}

/** The projection kept on a lead for reading; undefined while nothing is known. The gate never reads it. */
export function consentProjection(entries: readonly ConsentLog[], nowMs: number): Lead['consent'] {
  const current = consentState(entries, nowMs);
  if (current.state === 'none') return undefined;
  if (current.state === 'revoked')
    return {
      hasWrittenConsent: false,
      automatedCallsAllowed: false,
      textMessagesAllowed: false,
    };
  const { grant, expiresAt, state } = current;
  const details = grant.consentDetails;
  return {
    hasWrittenConsent: grant.evidence?.level === 'written',
    ...(details ? { consentMethod: details.method, consentSource: details.source } : {}),
    ...(details?.consentText === undefined ? {} : { consentText: details.consentText }),
    consentDate: grant.timestamp,
    expiresAt,
    automatedCallsAllowed: state === 'granted' && (details?.automatedCallsAllowed ?? false),
    textMessagesAllowed: state === 'granted' && (details?.textMessagesAllowed ?? false),
  };
}

/**
 * domain/compliance/consent-log: the ledger of consent. One chain of entries per phone, each sealed with a hash over
 * itself and its forerunner, so that a change of any field of any entry shows. (A chain cannot show that its last entries
 * were cut off; the number of entries in an exported proof can.)
 */
import { fingerprint, sha256Hex } from '../canonical.ts';
import type { ConsentLog, Lead } from '../documents.ts';
import { yearsAfter } from './consent.ts';
import type { ConsentFact } from './facts.ts';

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

export type ChainCheck =
  | { readonly ok: true }
  | { readonly ok: false; readonly at: number; readonly why: string };

/** Recomputes the chain of one phone, entries in any order. `at` is the chainIndex of the first entry that is wrong. */
export function verifyChain(entries: readonly ConsentLog[]): ChainCheck {
  const chain = [...entries].sort((a, b) => a.chainIndex - b.chainIndex);
  let prev: ConsentLog | undefined;
  for (const [i, entry] of chain.entries()) {
    const at = i + 1;
    const broken = (why: string): ChainCheck => ({ ok: false, at, why });
    if (entry.chainIndex !== at) return broken(`entry ${at} is missing or doubled`);
    if (entry.phone !== chain[0]?.phone) return broken('the entry is of another phone');
    if (entry.prevHash !== (prev?.hash ?? CHAIN_START))
      return broken('the entry does not follow its forerunner');
    const { hash, ...sealed } = entry;
    let expected: string;
    try {
      expected = seal(sealed);
    } catch {
      return broken('the entry holds something that no entry can hold');
    }
    if (hash !== expected) return broken('the entry was changed after it was written');
    prev = entry;
  }
  return { ok: true };
}

/**
 * What a grant lacks as evidence (reference §1.2, §1.3), in plain words; empty when it is complete. Written consent needs
 * the text shown with its hash and one proof of the act: a certificate, a recorded session, or page, address and browser.
 */
export function evidenceGaps(entry: ConsentBody): readonly string[] {
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
    need(evidence.textHash, 'hash of the text');
    if (details?.consentText !== undefined && evidence.textHash !== sha256Hex(details.consentText))
      gaps.push('hash that fits the text');
  }
  const page = evidence?.pageUrl && entry.ipAddress && entry.userAgent;
  if (!(evidence?.certificate || evidence?.sessionId || page))
    gaps.push('certificate, recorded session, or page with address and browser');
  return gaps;
}

/** The events of the ledger as the gate reads them. DNC entries are no consent events; the registry carries them. */
export function consentFacts(entries: readonly ConsentLog[]): ConsentFact[] {
  const facts: ConsentFact[] = [];
  for (const entry of entries) {
    if (entry.eventType === 'consent_revoked') {
      facts.push({
        event: 'revoke',
        at: entry.timestamp,
        seller: entry.evidence?.seller ?? null,
        channel: entry.revocation?.channel ?? 'unknown',
      });
    } else if (entry.eventType === 'consent_granted' && entry.consentDetails?.automatedCallsAllowed) {
      facts.push({
        event: 'grant',
        level: entry.evidence?.level ?? 'oral',
        at: entry.timestamp,
        phone: entry.phone,
        seller: entry.evidence?.seller ?? '',
        purpose: entry.evidence?.purpose ?? 'informational',
        artificialVoiceDisclosed: entry.evidence?.artificialVoiceDisclosed ?? false,
        evidenceComplete: evidenceGaps(entry).length === 0,
        expiresAt: entry.consentDetails.expiresAt ?? null,
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

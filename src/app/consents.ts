/** app/consents: consent as people give it, take it back, look it up and prove it. */
import { sha256Hex } from '../domain/canonical.ts';
import { DEFAULT_CONSENT_YEARS, yearsAfter } from '../domain/compliance/consent.ts';
import type { ConsentEventType, ConsentLog, Lead } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { type E164, parsePhone } from '../domain/phone.ts';
import {
  appendConsent,
  type ChainReport,
  type LedgerDeps,
  refreshLeads,
  verifyLedger,
} from './consent-ledger.ts';
import type { Dnc } from './dnc.ts';
import { type Page, page } from './paging.ts';
import { personOf } from './person.ts';

export interface ConsentGiven {
  /** How it was given: web_form, paper, voice … */
  readonly method: string;
  readonly source: string;
  /** The disclosure the person saw or heard, word for word. */
  readonly consentText?: string;
  readonly automatedCallsAllowed: boolean;
  readonly textMessagesAllowed: boolean;
  /** Default: one year after `at`. */
  readonly expiresAt?: Date;
  /** When the person consented; default now. */
  readonly at?: Date;
  /**
   * The seller defaults to ours, the name to the lead's, the clock to ours when `at` is absent; the hash of the text is
   * computed when it is absent.
   */
  readonly evidence?: NonNullable<ConsentLog['evidence']>;
  readonly ipAddress?: string;
  readonly userAgent?: string;
  readonly referrer?: string;
}

export interface ConsentQuery {
  readonly phone?: string;
  readonly leadId?: string;
  readonly eventType?: ConsentEventType;
  readonly limit?: number;
  readonly cursor?: string;
}

const CLOCK_SLACK_MS = 60_000;
const OUR_CLOCK = 'of this service';

export interface ConsentsDeps extends LedgerDeps {
  readonly dnc: Pick<Dnc, 'optOut'>;
}

export function createConsents(deps: ConsentsDeps) {
  const { store, clock, sellerName } = deps;
  const ledger = store.collection('consent_logs');

  /**
   * Records consent. What is incomplete is recorded too, and the gate says what it lacks. A number on the internal list
   * stays there until a person releases it. Throws `invalid_request`, `lead_not_found`.
   */
  async function grant(
    given: ConsentGiven & { readonly phone: string; readonly leadId?: string; readonly email?: string },
    by: string,
  ): Promise<ConsentLog> {
    const phone = readPhone(given.phone);
    const nowMs = clock.nowMs();
    const at = given.at ?? new Date(nowMs);
    if (Number.isNaN(at.getTime()) || at.getTime() > nowMs + CLOCK_SLACK_MS)
      throw invalid('at', 'consent cannot be given in the future');
    const expiresAt = given.expiresAt ?? yearsAfter(at, DEFAULT_CONSENT_YEARS);
    if (!(expiresAt.getTime() > at.getTime()))
      throw invalid('expiresAt', 'consent must end after it was given');
    const lead = given.leadId === undefined ? undefined : await store.collection('leads').get(given.leadId);
    if (given.leadId !== undefined && !lead)
      throw new Failure('lead_not_found', 'there is no such lead', { details: { leadId: given.leadId } });

    const { consentText, evidence } = given;
    // A lead may be renamed; who consented may not.
    const personName = evidence?.personName ?? (lead && nameOf(lead));
    const sourceClock = evidence?.sourceClock ?? (given.at === undefined ? OUR_CLOCK : undefined);
    const textHash = evidence?.textHash ?? (consentText === undefined ? undefined : sha256Hex(consentText));
    const entry = await appendConsent(deps, {
      phone,
      ...(given.leadId === undefined ? {} : { leadId: given.leadId }),
      ...(given.email === undefined ? {} : { email: given.email }),
      eventType: 'consent_granted',
      consentDetails: {
        method: given.method,
        source: given.source,
        ...(consentText === undefined ? {} : { consentText }),
        automatedCallsAllowed: given.automatedCallsAllowed,
        textMessagesAllowed: given.textMessagesAllowed,
        expiresAt,
      },
      evidence: {
        ...evidence,
        seller: evidence?.seller ?? sellerName,
        ...(personName === undefined ? {} : { personName }),
        ...(sourceClock === undefined ? {} : { sourceClock }),
        ...(textHash === undefined ? {} : { textHash }),
      },
      ...(given.ipAddress === undefined ? {} : { ipAddress: given.ipAddress }),
      ...(given.userAgent === undefined ? {} : { userAgent: given.userAgent }),
      ...(given.referrer === undefined ? {} : { referrer: given.referrer }),
      timestamp: at,
      recordedBy: by,
    });
    await refreshLeads(deps, [phone], by);
    return entry;
  }

  /** Takes consent back by any channel: an opt-out from everything, for all numbers of the person. */
  async function revoke(
    revocation: {
      readonly phone: string;
      readonly leadId?: string;
      readonly channel: string;
      readonly words: string;
    },
    by: string,
  ): Promise<ConsentLog> {
    return (await deps.dnc.optOut({ ...revocation, phone: readPhone(revocation.phone) }, by)).revocation;
  }

  /** Newest first. With a lead: the entries of all numbers of that person. Throws `lead_not_found`. */
  async function list(query: ConsentQuery): Promise<Page<ConsentLog>> {
    const phones = new Set<string>();
    if (query.phone !== undefined) phones.add(readPhone(query.phone));
    else if (query.leadId !== undefined) {
      const lead = await store.collection('leads').get(query.leadId);
      if (!lead)
        throw new Failure('lead_not_found', 'there is no such lead', { details: { leadId: query.leadId } });
      for (const number of (await personOf(store, [lead.contact.phone])).numbers) phones.add(number);
    }
    return page(ledger, {
      filter: {
        ...(phones.size > 0 ? { phone: { $in: [...phones].sort() } } : {}),
        ...(query.eventType === undefined ? {} : { eventType: query.eventType }),
      },
      sort: { field: 'timestamp', direction: -1 },
      ...(query.limit === undefined ? {} : { limit: query.limit }),
      ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
    });
  }

  /**
   * Recomputes the chain of one number, or of every number, and tells the first that is broken. What it finds and what no
   * chain can show: `verifyLedger`. Throws `invalid_request`.
   */
  const verify = async (phone?: string): Promise<ChainReport> =>
    await verifyLedger(store, phone === undefined ? undefined : [readPhone(phone)]);

  return { grant, revoke, list, verify };
}

export type Consents = ReturnType<typeof createConsents>;

const nameOf = ({ contact }: Lead): string | undefined =>
  `${contact.firstName} ${contact.lastName}`.trim() || undefined;

const invalid = (field: string, message: string): Failure =>
  new Failure('invalid_request', `${field}: ${message}`, { details: { fields: { [field]: message } } });

function readPhone(text: string): E164 {
  const phone = parsePhone(text);
  if (phone === undefined) throw invalid('phone', 'not a phone number');
  return phone;
}

/** app/consents: consent as people give it, take it back, look it up and prove it. */
import { sha256Hex } from '../domain/canonical.ts';
import { DEFAULT_CONSENT_YEARS, yearsAfter } from '../domain/compliance/consent.ts';
import { verifyChain } from '../domain/compliance/consent-log.ts';
import type { ConsentEventType, ConsentLog } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { type E164, parsePhone } from '../domain/phone.ts';
import { appendConsent, type LedgerDeps, refreshLeads } from './consent-ledger.ts';
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
  /** The seller defaults to ours; the hash of the text is computed when it is absent. */
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

export interface ChainReport {
  readonly intact: boolean;
  readonly entries: number;
  /** chainIndex of the first entry that is wrong, and what is wrong with it. */
  readonly brokenAt?: number;
  readonly detail?: string;
  /** The number whose chain is broken. */
  readonly phone?: string;
}

const CLOCK_SLACK_MS = 60_000;
const VERIFY_BATCH = 1_000;

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
    if (given.leadId !== undefined && !(await store.collection('leads').get(given.leadId)))
      throw new Failure('lead_not_found', 'there is no such lead', { details: { leadId: given.leadId } });

    const { consentText, evidence } = given;
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

  /** Recomputes the chain of one number, or of every number; stops at the first that is broken. */
  async function verify(phone?: string): Promise<ChainReport> {
    const only = phone === undefined ? undefined : readPhone(phone);
    let entries = 0;
    let chain: ConsentLog[] = [];
    const check = (): ChainReport | undefined => {
      const result = verifyChain(chain);
      if (result.ok) return undefined;
      const broken = chain[0]?.phone;
      return {
        intact: false,
        entries,
        brokenAt: result.at,
        detail: result.why,
        ...(broken === undefined ? {} : { phone: broken }),
      };
    };

    let after: ConsentLog | undefined;
    for (;;) {
      const batch: ConsentLog[] = await ledger.find({
        filter: {
          ...(only === undefined ? {} : { phone: only }),
          ...(after === undefined
            ? {}
            : {
                $or: [
                  { phone: { $gt: after.phone } },
                  { phone: after.phone, chainIndex: { $gt: after.chainIndex } },
                ],
              }),
        },
        sort: { phone: 1, chainIndex: 1 },
        limit: VERIFY_BATCH,
      });
      for (const entry of batch) {
        if (chain.length > 0 && chain[0]?.phone !== entry.phone) {
          const broken = check();
          if (broken) return broken;
          chain = [];
        }
        chain.push(entry);
        entries += 1;
      }
      after = batch.at(-1);
      if (batch.length < VERIFY_BATCH) return check() ?? { intact: true, entries };
    }
  }

  return { grant, revoke, list, verify };
}

export type Consents = ReturnType<typeof createConsents>;

const invalid = (field: string, message: string): Failure =>
  new Failure('invalid_request', `${field}: ${message}`, { details: { fields: { [field]: message } } });

function readPhone(text: string): E164 {
  const phone = parsePhone(text);
  if (phone === undefined) throw invalid('phone', 'not a phone number');
  return phone;
}

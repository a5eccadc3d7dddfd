/**
 * app/consent-ledger: the only writer of consent_logs, and what is shown of it on leads. Writers of one phone take turns;
 * should another process append meanwhile, the unique (phone, chainIndex) lets one through and the other reads again.
 */
import {
  type ConsentBody,
  consentProjection,
  linkFault,
  nextConsentLog,
} from '../domain/compliance/consent-log.ts';
import type { ConsentHead, ConsentLog, Lead } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { inOrder } from './paging.ts';
import { personOf } from './person.ts';
import type { Clock, Ids, Log, Store } from './ports.ts';
import { turnsOf } from './turns.ts';

export interface LedgerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly sellerName: string;
  readonly news?: LeadNews;
}

/** Who wants to hear of leads at once. Neither throws nor is waited for. */
export interface LeadNews {
  /** They are new, or a campaign may take them now. */
  arrived(leadIds: readonly string[]): void;
  /** Something changed that may have been in the way of calls: consent, the list, the lead itself. */
  changed(leadIds: readonly string[]): void;
}

const MOST_TRIES = 20;

/** Appends to the chain of `entry.phone` and answers the sealed entry. Throws what the store throws. */
export async function appendConsent(
  { store, clock, ids }: Pick<LedgerDeps, 'store' | 'clock' | 'ids'>,
  entry: Omit<ConsentBody, '_id' | 'createdAt'>,
): Promise<ConsentLog> {
  const chain = store.collection('consent_logs');
  const body: ConsentBody = { ...entry, _id: ids.objectId(), createdAt: new Date(clock.nowMs()) };
  return await turnsOf(store)(`consent ${body.phone}`, append);

  async function append(): Promise<ConsentLog> {
    for (let attempt = 1; ; attempt += 1) {
      const [last] = await chain.find({
        filter: { phone: body.phone },
        sort: { chainIndex: -1 },
        limit: 1,
      });
      const sealed = nextConsentLog(last, body);
      try {
        await chain.insert(sealed);
        await markHead(sealed);
        return sealed;
      } catch (error) {
        if (!isFailure(error, 'duplicate_key')) throw error;
        if (attempt >= MOST_TRIES)
          throw new Failure('internal', 'the consent ledger of this number is too busy', { cause: error });
      }
    }
  }

  async function markHead({ phone, chainIndex, hash }: ConsentLog): Promise<void> {
    const head = { _id: phone, entries: chainIndex, hash, updatedAt: new Date(clock.nowMs()) };
    // The entry stands without it, and a head that stayed behind is brought up by the next entry of this phone.
    await store
      .collection('consent_heads')
      .put(head)
      .catch(() => undefined);
  }
}

export interface ChainReport {
  readonly intact: boolean;
  /** How many were read. */
  readonly entries: number;
  /** chainIndex of the first entry that is wrong or gone, and what is wrong with it. */
  readonly brokenAt?: number;
  readonly detail?: string;
  /** The number whose chain is broken. */
  readonly phone?: string;
}

/**
 * Recomputes the chains of these numbers, or of every number, and hands every entry on as it is read, by phone and place
 * in its chain. Finds entries that were altered, forged, moved, doubled, taken out of the middle, or cut off at the end
 * while their head was left (a head is written behind its entry, so the very newest entry may not have one yet). What it
 * cannot see: a chain and its head made anew as a whole by somebody who may write to the store, or both removed.
 */
export async function verifyLedger(
  store: Store,
  phones?: readonly string[],
  take: (entry: ConsentLog) => void = () => {},
): Promise<ChainReport> {
  const ledger = store.collection('consent_logs');
  const only = (field: string) => (phones === undefined ? {} : { [field]: { $in: phones } });
  const heads = inOrder(store.collection('consent_heads'), only('_id'), ['_id']);
  let head = (await heads.next()).value;
  let entries = 0;
  let broken: Omit<ChainReport, 'intact' | 'entries'> | undefined;

  /** Heads of phones before this one have nothing more to meet: their chains end too early, if they are there at all. */
  const passHeads = async (phone?: string): Promise<void> => {
    for (; head && (phone === undefined || head._id < phone); head = (await heads.next()).value)
      if (!(await isThere(head)))
        broken ??= { brokenAt: head.entries, detail: 'the last entries were removed', phone: head._id };
  };
  /** The head may be of an entry written since its chain was read. */
  const isThere = async ({ _id: phone, entries: chainIndex, hash }: ConsentHead): Promise<boolean> => {
    const [named] = await ledger.find({ filter: { phone, chainIndex }, limit: 1 });
    return named?.hash === hash;
  };

  let prev: ConsentLog | undefined;
  for await (const entry of inOrder(ledger, only('phone'), ['phone', 'chainIndex'])) {
    const { phone, chainIndex } = entry;
    if (prev?.phone !== phone) {
      await passHeads(phone);
      prev = undefined;
    }
    let fault = linkFault(prev, entry);
    if (head?._id === phone && head.entries === chainIndex) {
      if (head.hash !== entry.hash) fault ??= 'the entry is not the one that was written';
      head = (await heads.next()).value;
    }
    if (fault !== undefined) broken ??= { brokenAt: (prev?.chainIndex ?? 0) + 1, detail: fault, phone };
    entries += 1;
    take(entry);
    prev = entry;
  }
  await passHeads();
  return { intact: broken === undefined, entries, ...broken };
}

/** Every ledger entry of these numbers, oldest first. */
export const ledgerOf = (store: Store, phones: readonly string[]): Promise<ConsentLog[]> =>
  store.collection('consent_logs').find({
    filter: { phone: { $in: phones } },
    sort: { timestamp: 1, chainIndex: 1 },
  });

/** The standing entries of the internal list for these numbers and this seller. */
export const internalListings = (store: Store, phones: readonly string[], sellerName: string) =>
  store.collection('dnc_registry').find({
    filter: {
      phone: { $in: phones },
      scope: 'internal',
      seller: { $in: [sellerName, null] },
      releasedAt: { $exists: false },
    },
  });

/**
 * Brings consent and do-not-call status on the leads of a person up to date with the ledger and the list. What is written
 * there is for reading only, so a failure is logged and the truth stands.
 */
export async function refreshLeads(deps: LedgerDeps, phones: readonly string[], by: string): Promise<void> {
  const { store, clock, log } = deps;
  try {
    const { numbers, leads } = await personOf(store, phones);
    const [entries, listed] = await Promise.all([
      ledgerOf(store, numbers),
      internalListings(store, numbers, deps.sellerName),
    ]);
    const consent = consentProjection(entries, clock.nowMs());
    for (const lead of leads) await refresh(lead, consent, listed.length > 0);
    deps.news?.changed(leads.map(({ _id }) => _id));
  } catch (error) {
    log.warn({ err: error }, 'consent shown on leads could not be refreshed');
  }

  async function refresh(lead: Lead, consent: Lead['consent'], listed: boolean): Promise<void> {
    const now = new Date(clock.nowMs());
    await store.collection('leads').update(
      { _id: lead._id },
      {
        $set: {
          ...(consent ? { consent } : {}),
          ...(listed ? { status: 'dnc' } : {}),
          'dncStatus.internalDNC': listed,
          'dncStatus.lastCheckedAt': now,
          updatedAt: now,
          updatedBy: by,
        },
        ...(consent ? {} : { $unset: { consent: '' } }),
      },
    );
  }
}

/**
 * app/consent-ledger: the only writer of consent_logs, and what is shown of it on leads. Writers of one phone take turns;
 * should another process append meanwhile, the unique (phone, chainIndex) lets one through and the other reads again.
 */
import { type ConsentBody, consentProjection, nextConsentLog } from '../domain/compliance/consent-log.ts';
import type { ConsentLog, Lead } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { personOf } from './person.ts';
import type { Clock, Ids, Log, Store } from './ports.ts';
import { turnsOf } from './turns.ts';

export interface LedgerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly sellerName: string;
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
        return sealed;
      } catch (error) {
        if (!isFailure(error, 'duplicate_key')) throw error;
        if (attempt >= MOST_TRIES)
          throw new Failure('internal', 'the consent ledger of this number is too busy', { cause: error });
      }
    }
  }
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

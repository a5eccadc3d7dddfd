/** app/dnc: the do-not-call list as people keep it. Entries are released by a person with a reason, never removed. */
import { stateCode } from '../domain/compliance/states.ts';
import type { DncEntry } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { type E164, parsePhone } from '../domain/phone.ts';
import { appendConsent, internalListings, ledgerOf, refreshLeads } from './consent-ledger.ts';
import { createOptOut, createOptOutOrKeep, listNumber, noteListed, type OptOutDeps } from './opt-out.ts';
import { type Page, page } from './paging.ts';
import { personOf } from './person.ts';
import type { Filter } from './ports.ts';

export interface DncQuery {
  readonly phone?: string;
  readonly scope?: DncEntry['scope'];
  /** listedAt in [from, to). */
  readonly from?: Date;
  readonly to?: Date;
  readonly limit?: number;
  readonly cursor?: string;
}

export function createDnc(deps: OptOutDeps) {
  const { store, clock, sellerName } = deps;
  const registry = store.collection('dnc_registry');

  /** Lists one number; a number that is listed already is answered as it stands. Throws `invalid_request`. */
  async function add(
    entry: {
      readonly phone: string;
      readonly scope: DncEntry['scope'];
      /** For scope state: which one. */
      readonly state?: string;
      readonly reason?: string;
      readonly source: string;
    },
    by: string,
  ): Promise<DncEntry> {
    const phone = readPhone(entry.phone);
    const listed = await listNumber(deps, {
      phone,
      scope: entry.scope,
      state: stateOf(entry),
      seller: entry.scope === 'internal' ? sellerName : null,
      source: entry.source,
      ...(entry.reason === undefined ? {} : { reason: entry.reason }),
    });
    if (entry.scope === 'internal') {
      await noteListed(deps, phone, entry.reason ?? entry.source, await ledgerOf(store, [phone]), by);
      await refreshLeads(deps, [phone], by);
    }
    return listed;
  }

  /** Newest first, released entries included. */
  async function list(query: DncQuery): Promise<Page<DncEntry>> {
    const filter: Filter = {
      ...(query.phone === undefined ? {} : { phone: readPhone(query.phone) }),
      ...(query.scope === undefined ? {} : { scope: query.scope }),
      ...(query.from || query.to
        ? {
            listedAt: { ...(query.from ? { $gte: query.from } : {}), ...(query.to ? { $lt: query.to } : {}) },
          }
        : {}),
    };
    return page(registry, {
      filter,
      sort: { field: 'listedAt', direction: -1 },
      ...(query.limit === undefined ? {} : { limit: query.limit }),
      ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
    });
  }

  /** Is any of these numbers, or another number of the same person, on the internal list? */
  async function isListed(phones: readonly string[]): Promise<boolean> {
    const { numbers, complete } = await personOf(store, phones);
    return !complete || (await internalListings(store, numbers, sellerName)).length > 0;
  }

  /** Lets a number go. The entry stays with who released it, and the ledger keeps why. Throws `not_found`. */
  async function release(
    given: {
      readonly phone: string;
      readonly scope: DncEntry['scope'];
      readonly state?: string;
      readonly reason: string;
    },
    by: string,
  ): Promise<DncEntry> {
    const phone = readPhone(given.phone);
    if (given.reason.trim() === '') throw invalid('reason', 'a release needs a reason');
    const now = new Date(clock.nowMs());
    const which: Filter = {
      phone,
      scope: given.scope,
      state: stateOf(given),
      ...(given.scope === 'internal' ? { seller: { $in: [sellerName, null] } } : {}),
      releasedAt: { $exists: false },
    };
    let released: DncEntry | undefined;
    for (;;) {
      const next = await registry.update(which, {
        $set: { releasedAt: now, releasedBy: by, updatedAt: now },
      });
      if (!next) break;
      released = next;
    }
    if (!released) throw new Failure('not_found', 'this number is not listed there');
    if (given.scope === 'internal') {
      await appendConsent(deps, {
        phone,
        eventType: 'dnc_removed',
        evidence: { seller: sellerName },
        revocation: { channel: 'manual', words: given.reason },
        timestamp: now,
        recordedBy: by,
      });
      await refreshLeads(deps, [phone], by);
    }
    return released;
  }

  const optOut = createOptOut(deps);
  return { add, list, isListed, release, optOut, optOutOrKeep: createOptOutOrKeep(deps, optOut) };
}

export type Dnc = ReturnType<typeof createDnc>;

const invalid = (field: string, message: string): Failure =>
  new Failure('invalid_request', `${field}: ${message}`, { details: { fields: { [field]: message } } });

function readPhone(text: string): E164 {
  const phone = parsePhone(text);
  if (phone === undefined) throw invalid('phone', 'not a phone number');
  return phone;
}

function stateOf({ scope, state }: { scope: DncEntry['scope']; state?: string }): string | null {
  if (scope !== 'state') return null;
  const code = state === undefined ? undefined : stateCode(state);
  if (code === undefined) throw invalid('state', 'a state list needs its state');
  return code;
}

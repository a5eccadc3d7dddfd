/**
 * app/opt-out: a person wants no more calls. Holds at once, for every number of the person and every program of the
 * seller, and can be said again without harm. The internal list is written first: from then on the gate denies. Then what
 * was on its way is stopped: calls that wait or ring, and follow-ups that were agreed.
 */
import type { Call } from '../domain/call.ts';
import type { ConsentLog, DncEntry } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { type E164, parsePhone } from '../domain/phone.ts';
import {
  appendConsent,
  internalListings,
  type LedgerDeps,
  ledgerOf,
  refreshLeads,
} from './consent-ledger.ts';
import { personOf } from './person.ts';
import type { Store } from './ports.ts';
import type { EventLog } from './record-event.ts';
import { turnsOf } from './turns.ts';

export interface OptOutRequest {
  readonly phone?: string;
  readonly leadId?: string;
  /** How it reached us: voice, keypad, sms, email, web, manual … */
  readonly channel: string;
  /** What the person said or wrote, as it was. */
  readonly words: string;
  readonly callId?: string;
  /** When it was said; now without it. */
  readonly at?: Date;
}

export interface OptedOut {
  /** Every number that is now on the internal list, the asked one first. */
  readonly numbers: readonly string[];
  /** The entry of the first number, the one that tells the words. */
  readonly revocation: ConsentLog;
}

export type OptOut = (request: OptOutRequest, by?: string) => Promise<OptedOut>;

const MOST_WORDS = 2_000;

export interface OptOutDeps extends LedgerDeps {
  /** Ends every outbound call to these numbers but `except`, whether it waits, rings or talks. */
  readonly stopCallsTo: (numbers: readonly string[], except: string | undefined) => Promise<void>;
}

/** What it answers throws Failure `invalid_request` (no readable number), `lead_not_found`, and what the store throws. */
export function createOptOut(deps: OptOutDeps): OptOut {
  const { store, clock, log, sellerName } = deps;

  return async (request, by = request.channel) => {
    const first = await numbersNamed(request);
    // A carrier may tell the same stop twice at once; in turn, the second finds what the first wrote.
    return await turnsOf(store)(`opt out ${first[0]}`, () => optOut(request, first, by));
  };

  async function optOut(request: OptOutRequest, first: readonly string[], by: string): Promise<OptedOut> {
    const person = await personOf(store, first);
    if (!person.complete)
      log.error(
        { leads: person.leads.length },
        'an opt-out reached a number that very many leads share; not all were followed',
      );
    const { numbers } = person;
    const reason = `${request.channel}: ${request.words}`.slice(0, 500);
    await Promise.all(
      numbers.map((phone) => listInternally(deps, { phone, source: request.channel, reason })),
    );
    try {
      await deps.stopCallsTo(numbers, request.callId);
    } catch (error) {
      // What waits asks the gate before it is dialled, and the gate denies from here on.
      log.error({ err: error, callId: request.callId }, 'calls to a person who opted out could not be ended');
    }

    const entries = await ledgerOf(store, numbers);
    let revocation: ConsentLog | undefined;
    for (const phone of numbers) {
      const entry = await revokeOnce(phone, request, entries, by);
      await noteListed(deps, phone, request.words.slice(0, 500), entries, by);
      revocation ??= entry;
    }
    await refreshLeads(deps, numbers, by);
    for (const { _id } of person.leads)
      await store
        .collection('leads')
        .update(
          { _id, nextFollowUp: { $exists: true } },
          { $set: { updatedAt: new Date(clock.nowMs()), updatedBy: by }, $unset: { nextFollowUp: '' } },
        );
    log.info(
      { channel: request.channel, numbers: numbers.length, callId: request.callId, pii: { numbers } },
      'a person opted out of all calls',
    );
    if (!revocation) throw new Failure('invalid_request', 'an opt-out needs a number or a lead');
    return { numbers, revocation };
  }

  async function numbersNamed({ phone, leadId }: OptOutRequest): Promise<string[]> {
    const numbers: string[] = [];
    const read: E164 | undefined = phone === undefined ? undefined : parsePhone(phone);
    if (phone !== undefined && read === undefined && leadId === undefined)
      throw new Failure('invalid_request', 'this is no phone number', {
        details: { fields: { phone: 'not a phone number' } },
      });
    if (read !== undefined) numbers.push(read);
    if (leadId !== undefined) {
      const lead = await store.collection('leads').get(leadId);
      if (lead) {
        numbers.push(lead.contact.phone);
        if (lead.contact.alternatePhone !== undefined) numbers.push(lead.contact.alternatePhone);
      } else if (read === undefined) throw new Failure('lead_not_found', 'there is no such lead');
    }
    if (numbers.length === 0)
      throw new Failure('invalid_request', 'an opt-out needs a number or a lead', {
        details: { fields: { phone: 'phone or leadId is required' } },
      });
    return numbers;
  }

  /** The same request told twice (same channel, words and call, no grant in between) is one revocation. */
  async function revokeOnce(
    phone: string,
    request: OptOutRequest,
    entries: readonly ConsentLog[],
    by: string,
  ): Promise<ConsentLog> {
    const words = request.words.slice(0, MOST_WORDS);
    const own = entries.filter((entry) => entry.phone === phone);
    let lastGrantMs = -Infinity;
    for (const entry of entries)
      if (entry.eventType === 'consent_granted')
        lastGrantMs = Math.max(lastGrantMs, entry.timestamp.getTime());
    const told = own.find(
      (entry) =>
        entry.eventType === 'consent_revoked' &&
        entry.timestamp.getTime() >= lastGrantMs &&
        entry.revocation?.channel === request.channel &&
        entry.revocation.words === words &&
        entry.evidence?.sessionId === request.callId,
    );
    if (told) return told;
    const lead = await leadOf(phone);
    return await appendConsent(deps, {
      phone,
      ...(lead === undefined ? {} : { leadId: lead }),
      eventType: 'consent_revoked',
      evidence: {
        seller: sellerName,
        ...(request.callId === undefined ? {} : { sessionId: request.callId }),
      },
      revocation: { channel: request.channel, words },
      // Never older than a grant it answers, even when that grant came from a clock ahead of ours.
      timestamp: new Date(Math.max(request.at?.getTime() ?? clock.nowMs(), lastGrantMs)),
      recordedBy: by,
    });
  }

  async function leadOf(phone: string): Promise<string | undefined> {
    const [lead] = await store.collection('leads').find({
      filter: { $or: [{ 'contact.phone': phone }, { 'contact.alternatePhone': phone }] },
      sort: { receivedAt: -1 },
      limit: 1,
    });
    return lead?._id;
  }
}

/** `kept`: the store was away. The opt-out is on this machine's disk, and nobody at all is dialled until the store has it. */
export type OptOutOrKeep = (request: OptOutRequest) => Promise<'done' | 'kept'>;

/** Throws as `OptOut`, and when neither the store nor this machine's disk takes it. */
export function createOptOutOrKeep(
  { store, clock }: Pick<OptOutDeps, 'store' | 'clock'>,
  optOut: OptOut,
): OptOutOrKeep {
  return async (request) => {
    const { outage } = store;
    const at = new Date(clock.nowMs());
    try {
      await optOut(request);
      return 'done';
    } catch (error) {
      if (!outage || !isFailure(error, 'store_unavailable')) throw error;
      await outage.keep({ ...request, at });
      return 'kept';
    }
  };
}

/**
 * A person said it in a call. However many heard it (the agent, the words themselves, a key), it is kept once for that call,
 * in the words of who was first. Answers the call as it is then; undefined when there is none. Throws as `OptOut`.
 */
export async function optOutInCall(
  deps: { readonly store: Store; readonly events: EventLog; readonly optOut: OptOutOrKeep },
  callId: string,
  channel: 'voice' | 'keypad',
  words: string,
): Promise<Call | undefined> {
  const { store, events, optOut } = deps;
  return await turnsOf(store)(`opt out in call ${callId}`, async () => {
    const call = await events.call(callId);
    if (!call || call.optedOut) return call;
    await optOut({
      phone: call.contactPhone,
      ...(call.leadId ? { leadId: call.leadId } : {}),
      channel,
      words,
      callId,
    });
    return await events.record(
      callId,
      { type: 'opted_out', channel, words },
      { eventId: `${callId}:opted_out` },
    );
  });
}

/** Puts a number on the internal list of this seller, or back on it; harmless when it is there. */
export async function listInternally(
  deps: LedgerDeps,
  { phone, source, reason }: { readonly phone: string; readonly source: string; readonly reason?: string },
): Promise<DncEntry> {
  return await listNumber(deps, {
    phone,
    scope: 'internal',
    state: null,
    seller: deps.sellerName,
    source,
    ...(reason === undefined ? {} : { reason }),
  });
}

/** Lists a number in any scope. An entry that stands is answered as it is; a released one is listed again. */
export async function listNumber(
  { store, clock, ids }: LedgerDeps,
  listing: Pick<DncEntry, 'phone' | 'scope' | 'state' | 'seller' | 'source' | 'reason'>,
): Promise<DncEntry> {
  const registry = store.collection('dnc_registry');
  const now = new Date(clock.nowMs());
  const entry: DncEntry = {
    _id: ids.objectId(),
    ...listing,
    listedAt: now,
    createdAt: now,
    updatedAt: now,
  };
  try {
    await registry.insert(entry);
    return entry;
  } catch (error) {
    if (!isFailure(error, 'duplicate_key')) throw error;
  }
  const { phone, scope, state, seller, source, reason } = listing;
  const key = { phone, scope, state, seller };
  const again = await registry.update(
    { ...key, releasedAt: { $exists: true } },
    {
      $set: { listedAt: now, updatedAt: now, source, ...(reason === undefined ? {} : { reason }) },
      $unset: { releasedAt: '', releasedBy: '' },
    },
  );
  if (again) return again;
  const [standing] = await registry.find({ filter: key, limit: 1 });
  if (!standing) throw new Failure('internal', 'a listed number was not found again');
  return standing;
}

/** Tells the ledger that a number is on the internal list, unless that is the last it heard. */
export async function noteListed(
  deps: LedgerDeps,
  phone: string,
  reason: string,
  entries: readonly ConsentLog[],
  by: string,
): Promise<void> {
  const last = entries
    .filter(
      (entry) =>
        entry.phone === phone && (entry.eventType === 'dnc_added' || entry.eventType === 'dnc_removed'),
    )
    .reduce<ConsentLog | undefined>((a, b) => (a && a.chainIndex > b.chainIndex ? a : b), undefined);
  if (last?.eventType === 'dnc_added') return;
  await appendConsent(deps, {
    phone,
    eventType: 'dnc_added',
    evidence: { seller: deps.sellerName },
    revocation: { channel: by, words: reason },
    timestamp: new Date(deps.clock.nowMs()),
    recordedBy: by,
  });
}

/**
 * Before a lead gets numbers it did not have: whoever said stop on one of its old numbers is not called on the new ones
 * either. Where the old number was somebody else's, a person releases the new one, with that reason.
 */
export async function stopFollows(
  deps: LedgerDeps,
  before: readonly string[],
  set: Readonly<Record<string, unknown>>,
  by: string,
): Promise<void> {
  const named = [set['contact.phone'], set['contact.alternatePhone']];
  const fresh = named.filter((phone) => typeof phone === 'string').filter((phone) => !before.includes(phone));
  if (fresh.length === 0) return;
  const listed = await internalListings(deps.store, before, deps.sellerName);
  if (listed.length === 0) return;
  const reason = 'an earlier number of this lead is on the list';
  const entries = await ledgerOf(deps.store, fresh);
  for (const phone of fresh) {
    await listInternally(deps, { phone, source: 'lead', reason });
    await noteListed(deps, phone, reason, entries, by);
  }
}

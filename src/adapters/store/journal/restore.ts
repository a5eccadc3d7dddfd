/**
 * adapters/store/journal/restore: brings what copies of a journal tell into a store, as often as one likes: what is there
 * stays as it is. The copies may be those of a process that runs. They tell of calls, of what happened in them and of
 * opt-outs; leads, campaigns, consents and lists are in backups of the database alone.
 */
import type { KeptOptOut, Log, Store } from '../../../app/ports.ts';
import type { CallEvent } from '../../../domain/call.ts';
import { eraseEvent } from '../../../domain/erasure.ts';
import { isFailure } from '../../../domain/errors.ts';
import { callOf, decode, deliver } from './deliver.ts';
import { type Damage, type Entry, readEntries } from './segments.ts';

export interface RestoreSettings {
  /** The folder of the copies. */
  readonly dir: string;
  /** Only what was kept from then on. */
  readonly since?: Date;
  readonly store: Store;
  /** Changes nothing. */
  readonly dryRun: boolean;
  /** Makes an opt-out hold that the store may have lost. Saying it again must do no harm. */
  readonly optOut: (optOut: KeptOptOut) => Promise<void>;
  readonly log: Log;
  readonly progress: (entries: number) => void;
}

export interface RestoreReport {
  /** Intact entries that were read. */
  readonly entries: number;
  /** Events of calls that were brought in (in a dry run: would be), and that were there. */
  readonly restored: number;
  readonly known: number;
  /** Calls that have something new. */
  readonly calls: number;
  readonly optOuts: number;
  /** Entries that are not ours to read, or that the store refuses, and why the first ones. */
  readonly refused: number;
  readonly refusals: readonly string[];
  readonly damage: readonly Damage[];
}

const MOST_REFUSALS = 20;
/** Calls whose events in the store are remembered. */
const MOST_CALLS = 1_000;
/** The name of a person whose erasure is in the copies too; the erasure's own number is not known here. */
const PSEUDONYM = 'Erased person';

/** Throws what the file system throws, and Failure `store_unavailable`; then the same again goes on with the rest. */
export async function restoreJournal(settings: RestoreSettings): Promise<RestoreReport> {
  const { dir, since, store, dryRun, optOut, log, progress } = settings;
  const damage: Damage[] = [];
  const refusals: string[] = [];
  const touched = new Set<string>();
  let [entries, restored, known, optOuts, refused] = [0, 0, 0, 0, 0];

  const erased = new Set<string>();
  const lastOf = new Map<string, number>();
  const fulfilled = new Set<string>();
  for await (const batch of readEntries(dir, {}, (each) => damage.push(each)))
    for (const { payload, number } of batch) {
      const kept = decode(payload);
      if (!kept) continue;
      if ('fulfilled' in kept) fulfilled.add(kept.fulfilled);
      if (!('event' in kept)) continue;
      const { callId } = kept.event;
      lastOf.set(callId, number);
      if (kept.event.type === 'erased' && kept.event.what === 'content') erased.add(callId);
    }

  const there = new Map<string, ReadonlySet<string>>();
  async function isThere({ callId, eventId }: CallEvent): Promise<boolean> {
    const ids = there.get(callId) ?? new Set((await store.events(callId)).map((each) => each.eventId));
    there.delete(callId);
    there.set(callId, ids);
    const [oldest] = there.keys();
    if (there.size > MOST_CALLS && oldest !== undefined) there.delete(oldest);
    return ids.has(eventId);
  }

  async function bring(event: CallEvent, number: number): Promise<void> {
    const { callId } = event;
    const own = erased.has(callId) ? eraseEvent(event, PSEUDONYM) : event;
    const isNew = dryRun
      ? !(await isThere(own))
      : (await deliver(store, own, undefined, log)) === 'delivered';
    if (isNew) {
      restored += 1;
      touched.add(callId);
      if (own.type === 'opted_out') await heed(own);
    } else known += 1;
    if (dryRun || lastOf.get(callId) !== number || !touched.has(callId)) return;
    const call = callOf(await store.events(callId));
    if (call) await store.collection('calls').put(call);
  }

  async function heed({ callId, channel, words, at }: CallEvent & { type: 'opted_out' }): Promise<void> {
    optOuts += 1;
    if (dryRun) return;
    const call = callOf(await store.events(callId));
    if (call) await optOut({ phone: call.contactPhone, channel, words, callId, at });
  }

  /** An opt-out that came by another way than a call: what the ledger has of it tells whether it is there. */
  async function bringOptOut(wish: KeptOptOut, id: string): Promise<void> {
    const { phone, channel, words, callId } = wish;
    const isOfCall = callId !== undefined && fulfilled.has(id);
    if (isOfCall || phone === undefined) return;
    const written = await store.collection('consent_logs').count({
      phone,
      eventType: 'consent_revoked',
      'revocation.channel': channel,
      'revocation.words': words,
    });
    if (written > 0) return;
    optOuts += 1;
    if (!dryRun) await optOut(wish);
  }

  async function take({ payload, number }: Entry): Promise<void> {
    const kept = decode(payload);
    if (!kept) throw new Error('it is none that this version knows');
    if (since && kept.at < since) return;
    if ('event' in kept) await bring(kept.event, number);
    else if ('optOut' in kept) await bringOptOut(kept.optOut, kept.id);
  }

  for await (const batch of readEntries(dir, {}, () => {})) {
    for (const entry of batch) {
      try {
        await take(entry);
      } catch (error) {
        if (isFailure(error, 'store_unavailable')) throw error;
        refused += 1;
        const why = error instanceof Error ? error.message : String(error);
        if (refusals.length < MOST_REFUSALS) refusals.push(`entry ${entry.number}: ${why}`);
      }
      entries += 1;
    }
    progress(entries);
  }
  // What was counted of past hours does not know of these calls.
  if (!dryRun && restored > 0) await store.collection('call_hours').remove({});
  return { entries, restored, known, calls: touched.size, optOuts, refused, refusals, damage };
}

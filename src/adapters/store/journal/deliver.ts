/**
 * adapters/store/journal/deliver: what an entry of the journal says, and how its event comes into a store, however often
 * that is tried.
 */
import { BSON } from 'mongodb';
import type { KeptOptOut, Log, Store } from '../../../app/ports.ts';
import { type Call, type CallEvent, foldCall } from '../../../domain/call.ts';
import { Failure } from '../../../domain/errors.ts';

/** One entry: an event of a call, an opt-out that could not be written, or that it was fulfilled. `at`: when it was kept. */
export type Kept = { readonly at: Date } & (
  | { readonly event: CallEvent }
  | { readonly optOut: KeptOptOut; readonly id: string }
  | { readonly fulfilled: string }
);

const MOST_CONFLICTS = 8;

export const encode = (kept: Kept): Uint8Array => BSON.serialize(kept, { ignoreUndefined: true });

/** Undefined for what is none of ours: a later version may keep other things. */
export function decode(payload: Uint8Array): Kept | undefined {
  try {
    const kept = BSON.deserialize(payload, { promoteBuffers: true });
    const known = 'event' in kept || 'optOut' in kept || 'fulfilled' in kept;
    return kept.at instanceof Date && known ? (kept as Kept) : undefined;
  } catch {
    return undefined;
  }
}

/** The call of these events; undefined when they are not a call's from its beginning. */
export function callOf(events: readonly CallEvent[]): Call | undefined {
  try {
    return foldCall(events);
  } catch {
    return undefined;
  }
}

/**
 * Brings an event into a store: once, however often. When another process wrote to the same call meanwhile, the event goes
 * behind what that one wrote. Without `call` the call's document waits for a later event. Throws what the store throws.
 */
export async function deliver(
  store: Store,
  event: CallEvent,
  call: Call | undefined,
  log: Log,
): Promise<'delivered' | 'known'> {
  const { callId, eventId } = event;
  let answer = await store.append(event, call);
  for (let attempt = 0; answer === 'conflict'; attempt += 1) {
    if (attempt === MOST_CONFLICTS)
      throw new Failure('store_unavailable', `call ${callId} is being written by too many at once`);
    const all = await store.events(callId);
    const moved = { ...event, seq: Math.max(0, ...all.map(({ seq }) => seq)) + 1 };
    answer = await store.append(moved, callOf([...all, moved]));
    if (answer === 'appended')
      log.warn(
        { callId, eventId, from: event.seq, to: moved.seq },
        'two processes wrote to one call; an event of this one was put behind',
      );
  }
  return answer === 'appended' ? 'delivered' : 'known';
}

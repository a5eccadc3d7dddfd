/**
 * adapters/store/journal/calls: whose entries lie where. Of a call that was opened here every entry is known, so that it
 * can be read from the journal; of any other call only what is not sent yet. An entry costs eight bytes, whatever is in it.
 */
import type { Filter } from '../../../app/ports.ts';
import type { Call, CallEvent } from '../../../domain/call.ts';
import { compileFilter, type Doc } from '../language.ts';
import { callOf, decode } from './deliver.ts';
import type { JournalFile } from './file.ts';

export interface KeptCall {
  readonly callId: string;
  /** Every event since its first is in `places`. */
  readonly isWhole: boolean;
  readonly places: number[];
  /** How many of them are sent. */
  sent: number;
  lastSeq: number;
  /** Of all its events here; read from the journal when it is not at hand. */
  ids: Set<string> | undefined;
  /** As it is after the last event, when that is at hand. */
  call: Call | undefined;
}

/** Calls of which more than places is at hand: those that something happened to last. Some of them are over. */
const MOST_AT_HAND = 2_000;
/** Entries read at once. */
const READ_CHUNK = 32;
/** Each of these names one call. */
const OWN_KEYS = ['_id', 'callSid', 'attemptId', 'conversationId'] as const;

export const opensCall = ({ seq, type }: CallEvent): boolean =>
  seq === 1 && (type === 'queued' || type === 'received');

export function createKeptCalls(file: JournalFile) {
  const calls = new Map<string, KeptCall>();
  /** The one that something happened to last is the last. */
  const atHand = new Set<string>();
  let unsent = 0;

  async function read(places: readonly number[]): Promise<CallEvent[]> {
    const events: CallEvent[] = [];
    for (let at = 0; at < places.length; at += READ_CHUNK)
      for (const payload of await Promise.all(
        places.slice(at, at + READ_CHUNK).map((place) => file.read(place)),
      )) {
        const kept = decode(payload);
        if (kept && 'event' in kept) events.push(kept.event);
      }
    return events;
  }

  function open(event: CallEvent): KeptCall {
    const { callId, seq } = event;
    const kept: KeptCall = {
      callId,
      isWhole: opensCall(event),
      places: [],
      sent: 0,
      lastSeq: seq,
      ids: undefined,
      call: undefined,
    };
    calls.set(callId, kept);
    return kept;
  }

  function add(kept: KeptCall, { seq }: CallEvent, place: number): void {
    kept.places.push(place);
    kept.lastSeq = Math.max(kept.lastSeq, seq);
  }

  /** Of the calls that nothing happened to for longest, those with nothing left to send are forgotten, the others made small. */
  function tidy(): void {
    for (const callId of atHand) {
      if (atHand.size <= MOST_AT_HAND) return;
      atHand.delete(callId);
      const kept = calls.get(callId);
      if (!kept) continue;
      kept.ids = undefined;
      kept.call = undefined;
      if (kept.sent === kept.places.length) calls.delete(callId);
    }
  }

  return {
    get: (callId: string): KeptCall | undefined => calls.get(callId),
    /** How many events are not sent. */
    get unsent(): number {
      return unsent;
    },
    /** An event was put there. */
    took(
      event: CallEvent,
      place: number,
      { call, isSent }: { call: Call | undefined; isSent: boolean },
    ): void {
      const { callId, eventId } = event;
      const known = calls.get(callId);
      const isWhole = known?.isWhole ?? opensCall(event);
      if (!isWhole && isSent) return;
      const kept = known ?? open(event);
      if (!known) kept.ids = new Set();
      add(kept, event, place);
      if (isSent) kept.sent += 1;
      else unsent += 1;
      kept.ids?.add(eventId);
      kept.call = call;
      atHand.delete(callId);
      atHand.add(callId);
      tidy();
    },
    /** An event of an earlier life lies there, which is not sent. */
    found(event: CallEvent, place: number): void {
      add(calls.get(event.callId) ?? open(event), event, place);
      unsent += 1;
    },
    /** What lies there was sent. */
    wasSent(callId: string, place: number): void {
      const kept = calls.get(callId);
      // An entry that was in the store before it was kept may be sent once more.
      if (!kept || kept.places[kept.sent] !== place) return;
      kept.sent += 1;
      unsent -= 1;
      const isNeeded = kept.isWhole && atHand.has(callId);
      if (!isNeeded && kept.sent === kept.places.length) {
        calls.delete(callId);
        atHand.delete(callId);
      }
    },
    isLast(callId: string, place: number): boolean {
      return calls.get(callId)?.places.at(-1) === place;
    },
    /** Its events here, or only those that are not sent. */
    events: (kept: KeptCall, only: 'all' | 'unsent'): Promise<CallEvent[]> =>
      read(kept.places.slice(only === 'all' ? 0 : kept.sent)),
    async ids(kept: KeptCall): Promise<ReadonlySet<string>> {
      kept.ids ??= new Set((await read(kept.places)).map(({ eventId }) => eventId));
      return kept.ids;
    },
    /** A call that was opened here, as it is; undefined when not all of it is known. */
    async whole(kept: KeptCall): Promise<Call | undefined> {
      return kept.call ?? (kept.isWhole ? callOf(await read(kept.places)) : undefined);
    },
    /** The calls a filter means that names one by its own key; undefined when none is known here. */
    named(filter: Filter): Call[] | undefined {
      if (!OWN_KEYS.some((key) => typeof filter[key] === 'string')) return undefined;
      const matches = compileFilter(filter);
      const found: Call[] = [];
      for (const callId of atHand) {
        const call = calls.get(callId)?.call;
        if (call && matches(call as unknown as Doc)) found.push(call);
      }
      return found.length > 0 ? found : undefined;
    },
    /** Somebody wrote the documents of calls by hand: what they say is asked for again. */
    forgetDocuments(callId?: string): void {
      for (const id of callId === undefined ? atHand : [callId]) {
        const kept = calls.get(id);
        if (kept) kept.call = undefined;
      }
    },
    /** Somebody wrote the log by hand: only what is not sent is known for sure. */
    forgetSent(): void {
      for (const [callId, { sent, places }] of calls)
        if (sent === places.length) {
          calls.delete(callId);
          atHand.delete(callId);
        }
    },
  };
}

/**
 * adapters/store/journal/calls: whose entries lie where. Of a call that was opened here every entry is known, so that it
 * can be read from the journal; of any other call only what is not sent yet. An entry costs eight bytes, whatever is in it.
 */
import type { Filter } from '../../../app/ports.ts';
import { type Call, type CallEvent, isOver } from '../../../domain/call.ts';
import { compileFilter, type Doc } from '../local/language.ts';
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
  /** Of all its events here; read from the journal when it is not known. */
  ids?: Set<string>;
  /** As it is after the last event, when that is known. */
  call?: Call;
}

/** Calls that are over stay known for a while, for those who look at them; of more than these only places are kept. */
const MOST_CALLS = 2_000;
/** Entries read at once. */
const READ_CHUNK = 32;
/** Each of these names one call. */
const OWN_KEYS = ['_id', 'callSid', 'attemptId', 'conversationId'] as const;

export const opensCall = ({ seq, type }: CallEvent): boolean =>
  seq === 1 && (type === 'queued' || type === 'received');

export function createKeptCalls(file: JournalFile) {
  const calls = new Map<string, KeptCall>();
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

  /** Of the calls nobody touched longest, those with nothing left to do are forgotten, the others made small. */
  function tidy(): void {
    for (let tries = 0; tries < 4 && calls.size > MOST_CALLS; tries += 1) {
      const [oldest] = calls.values();
      if (!oldest) return;
      calls.delete(oldest.callId);
      const isLive = oldest.call !== undefined && !isOver(oldest.call);
      if (oldest.sent === oldest.places.length && !isLive) continue;
      delete oldest.ids;
      if (!isLive) delete oldest.call;
      calls.set(oldest.callId, oldest);
    }
  }

  return {
    get: (callId: string): KeptCall | undefined => calls.get(callId),
    /** How many events are not sent. */
    get unsent(): number {
      return unsent;
    },
    /** An event lies at that place. `ids` are only those of events that were taken here. */
    took(
      event: CallEvent,
      place: number,
      { call, isSent }: { call?: Call | undefined; isSent: boolean },
    ): void {
      const { callId, eventId, seq } = event;
      const known = calls.get(callId);
      const isWhole = known?.isWhole ?? opensCall(event);
      if (!isWhole && isSent) return;
      const kept: KeptCall = known ?? {
        callId,
        isWhole,
        places: [],
        sent: 0,
        lastSeq: seq,
        ids: new Set(),
      };
      kept.places.push(place);
      if (isSent) kept.sent += 1;
      else unsent += 1;
      kept.lastSeq = Math.max(kept.lastSeq, seq);
      kept.ids?.add(eventId);
      if (call) kept.call = call;
      else delete kept.call;
      calls.delete(callId);
      calls.set(callId, kept);
      tidy();
    },
    /** What lies there was sent. */
    wasSent(callId: string, place: number): void {
      const kept = calls.get(callId);
      // An entry that was in the store before it was kept may be sent once more.
      if (!kept || kept.places[kept.sent] !== place) return;
      kept.sent += 1;
      unsent -= 1;
      if (!kept.isWhole && kept.sent === kept.places.length) calls.delete(callId);
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
      for (const { call } of calls.values()) if (call && matches(call as unknown as Doc)) found.push(call);
      return found.length > 0 ? found : undefined;
    },
    /** Somebody wrote the documents of calls by hand: what they say is asked for again. */
    forgetDocuments(callId?: string): void {
      for (const kept of callId === undefined ? calls.values() : [calls.get(callId)]) delete kept?.call;
    },
    /** Somebody wrote the log by hand: only what is not sent is known for sure. */
    forgetSent(): void {
      for (const [callId, { sent, places }] of calls) if (sent === places.length) calls.delete(callId);
    },
  };
}

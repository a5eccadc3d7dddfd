/**
 * app/record-event: the only writer of calls. An event is durable before anyone is told of it, and the call document is
 * refreshed from it; both can be rebuilt from the log at any time.
 */
import { type Call, type CallEvent, type CallEventBody, foldCall, isOver, step } from '../domain/call.ts';
import { Failure } from '../domain/errors.ts';
import type { Cancel, Clock, Ids, Log, Store } from './ports.ts';

export interface Change {
  readonly event: CallEvent;
  readonly call: Call;
}

export interface RecordOptions {
  /** Default: a new one. */
  readonly eventId?: string;
  /** Default: now. */
  readonly at?: Date;
  /** Of a talk that another program held: what it called it. Default: the call's id. */
  readonly sessionId?: string;
}

export interface EventLog {
  /**
   * Records what happened to a call and answers the call as it is then. Events of one call are written one after the
   * other, in the order of these calls. A repeated `eventId` changes nothing. Throws `call_not_found` when the call's
   * first event is missing, and the store's failures.
   */
  record(callId: string, body: CallEventBody, options?: RecordOptions): Promise<Call>;
  /** The call as its events have it; undefined when there is none. */
  call(callId: string): Promise<Call | undefined>;
  /** Tells of every change after it is durable. A listener that throws is logged and stays. */
  watch(listener: (change: Change) => void): Cancel;
  /** Refreshes the document of a call from its events, where a crash came between the two. */
  rebuild(callId: string): Promise<Call | undefined>;
  /** Resolves when everything recorded so far, of this call or of all, is written or has failed. */
  settled(callId?: string): Promise<void>;
}

/** Calls kept in memory at most; finished ones go first. Far above what one process can hold live. */
const MAX_KEPT = 4_096;
/** Two processes writing to one call: the loser reads again this often before it gives up. */
const MAX_CONFLICTS = 8;

export function createEventLog(deps: { store: Store; clock: Clock; ids: Ids; log: Log }): EventLog {
  const { store, clock, ids, log } = deps;
  const kept = new Map<string, Call>();
  const tails = new Map<string, Promise<unknown>>();
  const listeners = new Set<(change: Change) => void>();

  function keep(call: Call): void {
    kept.delete(call._id);
    kept.set(call._id, call);
    if (kept.size <= MAX_KEPT) return;
    for (const [id, old] of kept) {
      if (isOver(old) || kept.size > 2 * MAX_KEPT) kept.delete(id);
      if (kept.size <= MAX_KEPT) return;
    }
  }

  function tell(change: Change): void {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (error) {
        log.error({ err: error, callId: change.call._id }, 'a listener of call events failed');
      }
    }
  }

  async function write(
    callId: string,
    body: CallEventBody,
    { eventId, at, sessionId }: Required<RecordOptions>,
  ): Promise<Call> {
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt += 1) {
      const opens = body.type === 'queued' || body.type === 'received';
      // Of a call that begins there is nothing to read, unless its place proves taken.
      const isNew = opens && attempt === 0;
      const current = kept.get(callId) ?? (isNew ? undefined : foldCall(await store.events(callId)));
      if (!current && !opens) throw new Failure('call_not_found', `no call ${callId}`);
      const event: CallEvent = {
        ...body,
        _id: ids.objectId(),
        eventId,
        callId,
        sessionId,
        seq: (current?.seq ?? 0) + 1,
        at,
      };
      const call = step(current, event);
      const outcome = await store.append(event, call);
      if (outcome === 'conflict') {
        kept.delete(callId);
        continue;
      }
      if (outcome === 'duplicate') {
        // Another process may have written it: what is kept here may be older.
        kept.delete(callId);
        const known = foldCall(await store.events(callId));
        if (known) return known;
        throw new Failure('internal', 'an event is known whose call is not');
      }
      keep(call);
      tell({ event, call });
      return call;
    }
    throw new Failure('store_unavailable', `call ${callId} is being written by too many at once`);
  }

  return {
    record(callId, body, options = {}) {
      const stamp = {
        eventId: options.eventId ?? ids.objectId(),
        at: options.at ?? new Date(clock.nowMs()),
        sessionId: options.sessionId ?? callId,
      };
      const before = tails.get(callId) ?? Promise.resolve();
      const written = before.then(
        () => write(callId, body, stamp),
        () => write(callId, body, stamp),
      );
      tails.set(callId, written);
      const forget = () => {
        if (tails.get(callId) === written) tails.delete(callId);
      };
      written.then(forget, forget);
      return written;
    },
    async call(callId) {
      const call = kept.get(callId);
      if (call) return call;
      return await store.collection('calls').get(callId);
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async rebuild(callId) {
      kept.delete(callId);
      const call = foldCall(await store.events(callId));
      if (call) await store.collection('calls').put(call);
      return call;
    },
    async settled(callId) {
      await Promise.allSettled(callId === undefined ? [...tails.values()] : [tails.get(callId)]);
    },
  };
}

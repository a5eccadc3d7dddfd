/**
 * carrier/journal: what the carrier did (events), what it had to complain about (debugger entries, the sandbox's
 * Twilio Debugger) and how it is to misbehave (fault knobs). All in memory, the newest kept.
 */
import { z } from 'zod';
import type { Clock } from './clock.ts';

const EVENT_LIMIT = 20_000;
const DEBUGGER_LIMIT = 2_000;

/** One thing that happened. `atMs`: carrier ms since its start; `at`: the world's time, ISO 8601. */
export type CarrierEvent = {
  readonly atMs: number;
  readonly at: string;
  readonly type: string;
  readonly callSid?: string;
  readonly detail: Readonly<Record<string, unknown>>;
};

/**
 * One Debugger entry. `code` is Twilio's (twilio.md §4.5); 90001 is the sandbox's own: a file header was played as
 * sound, which Twilio accepts and the listener hears as noise.
 */
export type DebuggerEntry = {
  readonly sid: string;
  readonly at: string;
  readonly level: 'error' | 'warning';
  readonly code: number;
  readonly message: string;
  readonly callSid?: string;
  readonly url?: string;
};

const share = z.number().min(0).max(1);
const ms = z.number().min(0).max(600_000);

const FaultGroups = {
  /** Shares of callbacks; `delayMs` holds every one. `reorder` lets a callback overtake the one before it. */
  callbacks: z.strictObject({ drop: share, duplicate: share, reorder: share, delayMs: ms }),
  /** Which requests carry a wrong signature; `appendSlash` signs the WebSocket URL with a '/' at its end. */
  signature: z.strictObject({ bad: z.enum(['none', 'http', 'upgrade', 'all']), appendSlash: z.boolean() }),
  /** Caller frames that never arrive (share), and by how much frames are late at most, in order. */
  media: z.strictObject({ loss: share, jitterMs: ms }),
  /** The carrier drops every stream so long after its start; null: never. Code 1006 cuts the connection. */
  stream: z.strictObject({
    closeAfterMs: ms.nullable(),
    closeCode: z.union([z.literal(1000), z.literal(1006), z.number().int().min(3000).max(4999)]),
    withoutStop: z.boolean(),
  }),
  /** What the next `times` creations of a call or a text meet. */
  rest: z.strictObject({
    mode: z.enum(['none', 'too-many-requests', 'concurrency', 'server-error', 'hang', 'answer-lost']),
    times: z.number().int().min(0).max(1_000_000),
  }),
  /** `noDual` answers 400 to RequestedChannels=2; `swapChannels` puts the person on channel 2. */
  recordings: z.strictObject({ noDual: z.boolean(), swapChannels: z.boolean(), delayMs: ms }),
  /** How far the clock is ahead (or behind) that the REST API's answers show. */
  clock: z.strictObject({ aheadMs: z.number().min(-600_000).max(600_000) }),
};

/** All knobs. */
export const Faults = z.strictObject(FaultGroups);
export type Faults = z.infer<typeof Faults>;

/** A change to some knobs: groups and fields that are left out stay as they are. */
export const FaultChange = z.strictObject({
  callbacks: FaultGroups.callbacks.partial().optional(),
  signature: FaultGroups.signature.partial().optional(),
  media: FaultGroups.media.partial().optional(),
  stream: FaultGroups.stream.partial().optional(),
  rest: FaultGroups.rest.partial().optional(),
  recordings: FaultGroups.recordings.partial().optional(),
  clock: FaultGroups.clock.partial().optional(),
});
export type FaultChange = z.input<typeof FaultChange>;

/** A carrier that does everything right. */
const NO_FAULTS: Faults = {
  callbacks: { drop: 0, duplicate: 0, reorder: 0, delayMs: 0 },
  signature: { bad: 'none', appendSlash: false },
  media: { loss: 0, jitterMs: 0 },
  stream: { closeAfterMs: null, closeCode: 1006, withoutStop: true },
  rest: { mode: 'none', times: 0 },
  recordings: { noDual: false, swapChannels: false, delayMs: 600 },
  clock: { aheadMs: 0 },
};

export type Journal = {
  readonly faults: Faults;
  readonly events: readonly CarrierEvent[];
  readonly debugger: readonly DebuggerEntry[];
  setFaults(change: FaultChange): Faults;
  note(type: string, callSid: string | undefined, detail?: Readonly<Record<string, unknown>>): void;
  complain(
    level: DebuggerEntry['level'],
    code: number,
    message: string,
    about?: { callSid?: string; url?: string },
  ): void;
};

/** `newSid` makes the NO… ids of debugger entries. */
export function createJournal(clock: Clock, newSid: (prefix: string) => string): Journal {
  let faults = NO_FAULTS;
  const events: CarrierEvent[] = [];
  const entries: DebuggerEntry[] = [];
  const note: Journal['note'] = (type, callSid, detail = {}) => {
    events.push({
      atMs: Math.round(clock.now()),
      at: new Date().toISOString(),
      type,
      ...(callSid === undefined ? {} : { callSid }),
      detail,
    });
    if (events.length > EVENT_LIMIT) events.splice(0, EVENT_LIMIT / 10);
  };
  return {
    get faults() {
      return faults;
    },
    events,
    debugger: entries,
    setFaults: (change) => {
      const parsed = FaultChange.parse(change);
      const merged: Record<string, unknown> = {};
      for (const [group, now] of Object.entries(faults)) {
        merged[group] = { ...now, ...parsed[group as keyof typeof parsed] };
      }
      faults = Faults.parse(merged);
      note('faults-set', undefined, faults);
      return faults;
    },
    note,
    complain: (level, code, message, about = {}) => {
      entries.push({ sid: newSid('NO'), at: new Date().toISOString(), level, code, message, ...about });
      if (entries.length > DEBUGGER_LIMIT) entries.splice(0, DEBUGGER_LIMIT / 10);
      note('debugger', about.callSid, { level, code, message });
    },
  };
}

/**
 * adapters/store/journal/sender: brings what the journal took to the store: the events of a call in their order, several
 * calls at a time. It holds a window of events in memory; of a longer backlog the rest is read from the journal in its turn.
 */
import type { Cancel, Clock, Log, Store } from '../../../app/ports.ts';
import type { Call, CallEvent } from '../../../domain/call.ts';
import { isFailure } from '../../../domain/errors.ts';
import { callOf, decode, deliver } from './deliver.ts';
import type { JournalFile } from './file.ts';
import { type Damage, type Entry, entryBytes } from './segments.ts';

/** Calls whose events are on their way at the same time. */
const MAX_RUNNING = 32;
/** Events held in memory at most. */
const WINDOW = 1_000;
const WINDOW_BYTES = 16 * 1024 * 1024;
/** How long a journal that cannot be read is left alone. */
const REREAD_MS = 1_000;
const BACKOFF_MS = { least: 250, most: 15_000 } as const;
/** What a store refuses for good is tried so often. */
const REFUSED_TRIES = 3;
/** What merely never succeeds is tried so often while others do, and for so long when there is no other. */
const UNLUCKY_TRIES = 8;
const UNLUCKY_MS = 120_000;

/** An entry by its number and its place. */
export interface Mark {
  readonly number: number;
  readonly place: number;
}

export interface Item extends Entry {
  readonly at: Date;
  readonly event: CallEvent;
  /** The call as it is after the event, where that is known. */
  readonly call?: Call;
}

interface Held extends Item {
  /** How often it failed since the store was last away. */
  tries: number;
  /** How many had been sent when it first did, and when that was. */
  sentBefore: number;
  failingMs: number;
}

/** The events of one call. */
interface Lane {
  readonly items: Held[];
  state: 'ready' | 'sending' | 'waiting';
  stopWaiting?: Cancel;
}

export interface SenderDeps {
  readonly file: JournalFile;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Where what is not sent begins. */
  readonly from: Mark;
  /** Whether a call has no event behind this one that is not sent. */
  readonly isLast: (item: Item) => boolean;
  readonly sent: (item: Item) => void;
  /** The store failed. */
  readonly trouble: () => void;
  /** Takes what the store refuses for good. Throws when it cannot. */
  readonly setAside: (entry: Entry, error: unknown) => Promise<void>;
  readonly damaged: (damage: Damage) => void;
}

export interface Sender {
  /** An event that was just kept. */
  offer(item: Item): void;
  /** An entry that was just kept and is not to be sent. */
  skip(entry: Entry): void;
  pause(): void;
  resume(): void;
  /** Resolves when every entry with a lower number is sent or set aside. */
  reached(number: number): Promise<void>;
  /** When the oldest event that is held was kept. */
  readonly since: Date | undefined;
  /** The entry below which everything is sent or set aside. */
  readonly done: Mark;
}

export function createSender(deps: SenderDeps): Sender {
  const { file, store, clock, log } = deps;
  const lanes = new Map<string, Lane>();
  /** Lanes whose turn comes; one that is not `ready` any more is passed over. */
  const ready: Lane[] = [];
  let waiters: { readonly number: number; readonly resolve: () => void }[] = [];
  /** What is not held yet begins here. */
  let cursor: Mark = deps.from;
  let held = 0;
  let heldBytes = 0;
  let running = 0;
  let paused = true;
  let filling: Promise<void> | undefined;
  let sent = 0;
  let looking = false;

  const hasRoom = (): boolean => held < WINDOW && heldBytes < WINDOW_BYTES;

  const advance = ({ number, place, payload }: Entry): void => {
    cursor = { number: number + 1, place: place + entryBytes(payload) };
  };

  function queue(lane: Lane): void {
    lane.state = 'ready';
    ready.push(lane);
  }

  function hold(item: Item): void {
    const { callId } = item.event;
    const mine = { ...item, tries: 0, sentBefore: 0, failingMs: 0 };
    const lane = lanes.get(callId);
    if (lane) lane.items.push(mine);
    else {
      const made: Lane = { items: [mine], state: 'ready' };
      lanes.set(callId, made);
      queue(made);
    }
    held += 1;
    heldBytes += item.payload.length;
    advance(item);
  }

  /** Takes what is next in the journal, until there is enough or no more. */
  async function fill(isEnough: () => boolean): Promise<void> {
    const all = { number: file.next, place: file.end };
    for await (const entries of file.entries(cursor.place, deps.damaged))
      for (const entry of entries) {
        if (isEnough()) return;
        const kept = decode(entry.payload);
        if (!kept) await deps.setAside(entry, 'it cannot be read');
        if (kept && 'event' in kept) hold({ ...entry, at: kept.at, event: kept.event });
        else advance(entry);
        run();
      }
    cursor = all;
  }

  function fillSoon(): void {
    if (filling || paused || cursor.number >= file.next || held > WINDOW / 2) return;
    filling = fill(() => paused || !hasRoom())
      .then(
        () => 0,
        (error) => {
          log.error({ err: error }, 'the journal could not be read; trying again');
          return REREAD_MS;
        },
      )
      .then((waitMs) => {
        filling = undefined;
        look();
        if (waitMs > 0) clock.after(waitMs, fillSoon);
        else fillSoon();
      });
  }

  function run(): void {
    while (!paused && running < MAX_RUNNING) {
      const lane = ready.shift();
      if (!lane) break;
      if (lane.state === 'ready') void send(lane);
    }
  }

  /** Sends the first event of a call. */
  async function send(lane: Lane): Promise<void> {
    const [item] = lane.items;
    if (!item) return;
    lane.state = 'sending';
    running += 1;
    let isDone = true;
    try {
      await deliver(store, item.event, await callAfter(item), log);
      sent += 1;
    } catch (error) {
      isDone = await failed(item, error);
    }
    running -= 1;
    if (isDone) {
      lane.items.shift();
      held -= 1;
      heldBytes -= item.payload.length;
      if (lane.items.length === 0) lanes.delete(item.event.callId);
      else queue(lane);
      deps.sent(item);
      look();
      fillSoon();
    } else {
      const delayMs = Math.min(BACKOFF_MS.most, BACKOFF_MS.least * 2 ** Math.min(item.tries - 1, 10));
      lane.state = 'waiting';
      lane.stopWaiting = clock.after(delayMs * (0.5 + Math.random() / 2), () => {
        queue(lane);
        run();
      });
    }
    run();
  }

  /** The document of a call is written with the last of its events, when what is known of it does not come along. */
  async function callAfter(item: Item): Promise<Call | undefined> {
    if (item.call || !deps.isLast(item)) return item.call;
    const before = await store.events(item.event.callId);
    const others = before.filter(({ eventId }) => eventId !== item.event.eventId);
    return callOf([...others, item.event]);
  }

  /** Whether it was set aside; else it is tried again. */
  async function failed(item: Held, error: unknown): Promise<boolean> {
    if (item.tries === 0) {
      item.sentBefore = sent;
      item.failingMs = clock.steadyMs();
    }
    item.tries += 1;
    if (isFailure(error, 'store_unavailable')) {
      deps.trouble();
      const isAlone = sent === item.sentBefore && clock.steadyMs() - item.failingMs < UNLUCKY_MS;
      if (item.tries < UNLUCKY_TRIES || isAlone) return false;
    } else if (item.tries < REFUSED_TRIES) return false;
    if (paused) return false;
    try {
      await deps.setAside(item, error);
      return true;
    } catch (cause) {
      log.error({ err: cause }, 'what the store refuses could not be set aside; trying again');
      return false;
    }
  }

  const lowest = (): Mark => {
    let least: Mark = cursor;
    for (const { items } of lanes.values()) if (items[0] && items[0].number < least.number) least = items[0];
    return { number: least.number, place: least.place };
  };

  /** Wakes who waits, once for all that was sent in a turn of the event loop. */
  function look(): void {
    if (looking || waiters.length === 0) return;
    looking = true;
    setImmediate(() => {
      looking = false;
      const { number } = lowest();
      const reached = waiters.filter((waiter) => waiter.number <= number);
      waiters = waiters.filter((waiter) => waiter.number > number);
      for (const { resolve } of reached) resolve();
    });
  }

  return {
    offer(item) {
      if (item.number === cursor.number && !filling && hasRoom()) hold(item);
      else fillSoon();
      run();
    },
    skip(entry) {
      if (entry.number === cursor.number && !filling) advance(entry);
      else fillSoon();
      look();
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      for (const lane of lanes.values()) {
        for (const item of lane.items) item.tries = 0;
        if (lane.state !== 'waiting') continue;
        lane.stopWaiting?.();
        queue(lane);
      }
      fillSoon();
      run();
    },
    reached: (number) =>
      new Promise((resolve) => {
        waiters.push({ number, resolve });
        look();
      }),
    get since() {
      let since: Date | undefined;
      for (const { items } of lanes.values())
        if (items[0] && (since === undefined || items[0].at < since)) since = items[0].at;
      return since;
    },
    get done() {
      return lowest();
    },
  };
}

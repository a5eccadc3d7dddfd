/**
 * adapters/store/journal: a store on another machine, and what is kept on this one so that nothing is lost while that one
 * is away. Every event of a call is on the disk here before anybody is told that it is kept; then it is sent.
 *
 * What is exact. While the store is `up`: everything; a read of calls or events waits until what was kept before it is sent.
 * Otherwise: `events` and `collection('calls').get` of a call that was opened here, and `find` of such a call by one of its
 * own keys. Any other read is answered by the store while it can be read (what is on its way to it is missing), and fails
 * with `store_unavailable` when it cannot. Writes of other collections go to the store alone.
 *
 * Two processes that write to one call: the first event of a call, and every event of a call that was not opened here, goes
 * to the store before it is kept, so that the unique keys there decide; while the store is away it is kept, and goes behind
 * what the other process wrote when it is sent.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cancel, Clock, Collection, Log, Outage, Store } from '../../../app/ports.ts';
import type { Call, CallEvent } from '../../../domain/call.ts';
import type { Stored } from '../../../domain/documents.ts';
import { isFailure } from '../../../domain/errors.ts';
import { storable } from '../language.ts';
import { lockDirectory } from '../lock.ts';
import { createKeptCalls } from './calls.ts';
import { callOf, decode, encode, type Kept } from './deliver.ts';
import { type JournalFile, openJournalFile } from './file.ts';
import { createKeptOptOuts } from './opt-outs.ts';
import type { Damage, Entry } from './segments.ts';
import { createSender, type Mark } from './sender.ts';
import { createStanding, messageOf, unavailable, within } from './standing.ts';

export interface JournalSettings {
  /** The store on the other machine. */
  readonly store: Store;
  readonly dir: string;
  /** Days for which what was sent stays on the disk. */
  readonly keepDays: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** A disk that does not take an event in this time has failed. */
const APPEND_MS = 10_000;
/** The store is asked first about a call that others may write to, for so long. */
const ASK_FIRST_MS = 1_000;
/** A read waits so long for what was kept before it. */
const CATCH_UP_MS = 2_000;
const NOTE_MS = 2_000;
const PRUNE_MS = 3_600_000;
const DAY_MS = 24 * 3_600_000;
/** What is on its way when the store is closed has this long to arrive. */
const CLOSE_MS = 2_000;
/** A shorter stretch of work leaves the event loop to the audio in between. */
const STRETCH_MS = 4;

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What is named once and for ever where one journal lies: only one living process has it. */
async function homeOf(dir: string): Promise<string> {
  const path = join(dir, 'home');
  const known = await readFile(path, 'utf8').catch(() => '');
  if (/^[0-9a-f]{24}$/.test(known)) return known;
  const home = randomBytes(12).toString('hex');
  await writeFile(`${path}.new`, home, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return home;
}

/**
 * Opens the journal in `dir` before a store, which may be away. Takes the store over: closing this closes it. Throws Failure
 * `store_unavailable` when another process has the journal, or its directory cannot be read and written.
 */
export async function openJournaledStore(settings: JournalSettings): Promise<Store> {
  const { store, dir, keepDays, clock, log } = settings;
  let release: () => void;
  let file: JournalFile;
  let aside: JournalFile;
  let home: string;
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    release = lockDirectory(dir);
  } catch (error) {
    throw isFailure(error)
      ? error
      : unavailable(`the journal in ${dir} cannot be written: ${messageOf(error)}`, error);
  }
  try {
    file = await openJournalFile(dir, clock.nowMs);
    aside = await openJournalFile(join(dir, 'aside'), clock.nowMs);
    home = await homeOf(dir);
  } catch (error) {
    release();
    throw unavailable(`the journal in ${dir} cannot be opened: ${messageOf(error)}`, error);
  }

  // ── What lies there ──────────────────────────────────────────────────────────────────────────────────────────────

  const kept = createKeptCalls(file);
  const told = new Set<string>();
  let setAsideCount = aside.next - 1;

  function damaged(damage: Damage): void {
    const key = `${damage.segment} ${damage.offset}`;
    if (told.has(key)) return;
    told.add(key);
    if (damage.torn)
      log.warn(
        { dir, ...damage },
        'a write to the journal was cut off; nobody was told that it had succeeded',
      );
    else log.error({ dir, ...damage }, 'the journal is damaged; what is intact around the damage is used');
  }

  async function setAside(entry: Entry, error: unknown): Promise<void> {
    await aside.append(entry.payload);
    setAsideCount += 1;
    const found = decode(entry.payload);
    const event = found && 'event' in found ? found.event : undefined;
    log.error(
      {
        err: error,
        dir: join(dir, 'aside'),
        callId: event?.callId,
        eventId: event?.eventId,
        type: event?.type,
      },
      'ALARM: the database refuses what was kept for it; it was set aside and somebody must look at it',
    );
  }

  async function write(what: Kept): Promise<Entry> {
    const payload = encode(what);
    const where = await file.append(payload);
    return { ...where, payload: Buffer.from(payload) };
  }

  async function writeApart(what: Kept): Promise<Entry> {
    const entry = await write(what);
    sender.skip(entry);
    return entry;
  }

  const optOuts = createKeptOptOuts({
    clock,
    log,
    write: writeApart,
    setAside,
    isAway: () => standing.state === 'away',
    changed: () => standing.changed(),
  });

  const markPath = join(dir, 'sent.json');
  /** Below it everything is sent. It may lie behind: what is sent twice is there once. */
  async function readMark(): Promise<number> {
    try {
      const place: unknown = JSON.parse(await readFile(markPath, 'utf8'))?.place;
      return typeof place === 'number' && place <= file.end ? place : 0;
    } catch {
      return 0;
    }
  }

  async function takeStock(): Promise<Mark> {
    let first: Mark | undefined;
    let sinceMs = clock.steadyMs();
    for await (const entries of file.entries(await readMark(), damaged))
      for (const entry of entries) {
        const found = decode(entry.payload);
        if (!found) first ??= entry;
        else if ('event' in found) {
          first ??= entry;
          kept.found(found.event, entry.place);
        } else if ('optOut' in found) optOuts.found(found.id, found.optOut, entry);
        else optOuts.foundFulfilled(found.fulfilled);
        if (clock.steadyMs() - sinceMs > STRETCH_MS) {
          await breathe();
          sinceMs = clock.steadyMs();
        }
      }
    return first ?? { number: file.next, place: file.end };
  }

  const from = await takeStock();
  if (kept.unsent + optOuts.size > 0)
    log.warn(
      { events: kept.unsent, optOuts: optOuts.size },
      'the journal holds what was not sent before the last stop',
    );

  const sender = createSender({
    file,
    store,
    clock,
    log,
    from,
    isLast: ({ event, place }) => kept.isLast(event.callId, place),
    sent: ({ event, place }) => kept.wasSent(event.callId, place),
    trouble: () => standing.suspect(),
    setAside,
    damaged,
  });
  const standing = createStanding({
    store,
    sender,
    clock,
    log,
    next: () => file.next,
    owed: () => optOuts.size,
    back: optOuts.work,
  });

  // ── Housekeeping ─────────────────────────────────────────────────────────────────────────────────────────────────

  let marked = -1;
  let pruneAtMs = 0;
  let stopKeeping: Cancel = () => {};

  const done = (): number => Math.min(sender.done.place, optOuts.oldest?.place ?? Number.POSITIVE_INFINITY);

  async function note(): Promise<void> {
    const place = done();
    if (place === marked) return;
    await writeFile(`${markPath}.new`, JSON.stringify({ place }), { mode: 0o600 });
    await rename(`${markPath}.new`, markPath);
    marked = place;
  }

  async function keepHouse(): Promise<void> {
    await note();
    const nowMs = clock.nowMs();
    if (nowMs < pruneAtMs) return;
    pruneAtMs = nowMs + PRUNE_MS;
    const segments = await file.prune(done(), nowMs - keepDays * DAY_MS);
    if (segments > 0) log.info({ segments, keepDays }, 'old copies of the journal were removed');
  }

  function keepHouseLater(): void {
    stopKeeping = clock.after(NOTE_MS, () => {
      void keepHouse()
        .catch((error) => log.warn({ err: error }, 'the journal could not be tidied'))
        .then(() => {
          if (!closing) keepHouseLater();
        });
    });
  }

  // ── The log of calls ─────────────────────────────────────────────────────────────────────────────────────────────

  let closing: Promise<void> | undefined;
  const turns = new Map<string, Promise<unknown>>();

  /** Events of one call are taken one after the other. */
  function inTurn<T>(callId: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(callId) ?? Promise.resolve()).then(work, work);
    turns.set(callId, turn);
    const leave = () => {
      if (turns.get(callId) === turn) turns.delete(callId);
    };
    turn.then(leave, leave);
    return turn;
  }

  type Answer = 'appended' | 'duplicate' | 'conflict';

  async function take(event: CallEvent, call: Call | undefined): Promise<Answer> {
    const known = kept.get(event.callId);
    if (known) {
      if ((await kept.ids(known)).has(event.eventId)) return 'duplicate';
      if (event.seq <= known.lastSeq) return 'conflict';
    }
    const isOurs = known !== undefined && (known.isWhole || known.sent < known.places.length);
    const answer = isOurs || standing.state === 'away' ? undefined : await askFirst(event, call);
    if (answer === 'duplicate' || answer === 'conflict') return answer;
    const at = new Date(clock.nowMs());
    const entry = await write({ at, event });
    const isSent = answer === 'appended';
    kept.took(event, entry.place, { call, isSent });
    if (isSent) sender.skip(entry);
    else sender.offer({ ...entry, at, event, ...(call ? { call } : {}) });
    return 'appended';
  }

  /** What the store says to an event; undefined when it says nothing in time. */
  async function askFirst(event: CallEvent, call: Call | undefined): Promise<Answer | undefined> {
    try {
      return await within(
        clock,
        ASK_FIRST_MS,
        standing.exchange(() => store.append(event, call)),
      );
    } catch (error) {
      if (isFailure(error, 'store_unavailable')) return undefined;
      throw error;
    }
  }

  async function append(event: CallEvent, call: Call | undefined): Promise<Answer> {
    if (closing) throw unavailable('the store is closed');
    const own = storable(event) as CallEvent;
    const answer = await within(
      clock,
      APPEND_MS,
      inTurn(own.callId, () => take(own, call)),
    );
    if (!answer)
      throw unavailable(`the journal did not take an event within ${APPEND_MS} ms; it may still do so`);
    return answer;
  }

  async function events(callId: string): Promise<CallEvent[]> {
    if (closing) throw unavailable('the store is closed');
    const known = kept.get(callId);
    const unsent = known ? await kept.events(known, 'unsent') : [];
    let stored: CallEvent[];
    try {
      stored = await standing.exchange(() => store.events(callId));
    } catch (error) {
      if (!known?.isWhole || !isFailure(error, 'store_unavailable')) throw error;
      return await kept.events(known, 'all');
    }
    if (unsent.length === 0) return stored;
    const there = new Set(stored.map(({ eventId }) => eventId));
    return [...stored, ...unsent.filter(({ eventId }) => !there.has(eventId))].sort((a, b) => a.seq - b.seq);
  }

  // ── Collections ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Waits until everything kept so far is sent; a store that is not up to date is read as it is. */
  async function upToDate(): Promise<void> {
    if (standing.state !== 'up') return;
    const caughtUp = sender.reached(file.next).then(() => true);
    if (!(await within(clock, CATCH_UP_MS, caughtUp)))
      throw unavailable('the database is behind what was recorded; try again in a moment');
  }

  function guarded<N extends keyof Stored>(name: N): Collection<Stored[N]> {
    const inner = store.collection(name);
    const { exchange } = standing;
    return {
      get: (id) => exchange(() => inner.get(id)),
      find: (query) => exchange(() => inner.find(query)),
      count: (filter) => exchange(() => inner.count(filter)),
      aggregate: (pipeline) => exchange(() => inner.aggregate(pipeline)),
      insert: (document) => exchange(() => inner.insert(document)),
      put: (document) => exchange(() => inner.put(document)),
      update: (filter, update) => exchange(() => inner.update(filter, update)),
      remove: (filter) => exchange(() => inner.remove(filter)),
    };
  }

  /** A collection that what was kept is on its way to. `written`: somebody else than the log writes to it. */
  function logged<N extends keyof Stored>(name: N, written: (id?: string) => void): Collection<Stored[N]> {
    const inner = guarded(name);
    const read = async <T>(task: () => Promise<T>): Promise<T> => {
      await standing.exchange(upToDate);
      return await task();
    };
    const change = async <T>(id: string | undefined, task: () => Promise<T>): Promise<T> => {
      await standing.exchange(upToDate);
      try {
        return await task();
      } finally {
        written(id);
      }
    };
    return {
      get: (id) => read(() => inner.get(id)),
      find: (query) => read(() => inner.find(query)),
      count: (filter) => read(() => inner.count(filter)),
      aggregate: (pipeline) => read(() => inner.aggregate(pipeline)),
      insert: (document) => change(document._id, () => inner.insert(document)),
      put: (document) => change(document._id, () => inner.put(document)),
      update: (filter, update) => change(undefined, () => inner.update(filter, update)),
      remove: (filter) => change(undefined, () => inner.remove(filter)),
    };
  }

  const copy = (call: Call): Call => storable(call) as Call;

  const callEvents = logged('call_events', () => kept.forgetSent());
  const calls: Collection<Call> = {
    ...logged('calls', (id) => kept.forgetDocuments(id)),
    async get(id) {
      const known = kept.get(id);
      if (closing || !known) return await guarded('calls').get(id);
      const isBehind = known.sent < known.places.length;
      if (standing.isReachable && !isBehind) {
        try {
          return await guarded('calls').get(id);
        } catch (error) {
          if (!isFailure(error, 'store_unavailable')) throw error;
        }
      }
      const call = (await kept.whole(known)) ?? callOf(await events(id));
      return call && copy(call);
    },
    async find(query) {
      if (standing.state === 'away' && !closing) {
        const named = kept.named(query.filter ?? {});
        if (named)
          return named.slice(query.skip ?? 0, (query.skip ?? 0) + (query.limit || named.length)).map(copy);
      }
      return await callsInStore.find(query);
    },
  };
  const callsInStore = logged('calls', () => {});

  function collection<N extends keyof Stored>(name: N): Collection<Stored[N]> {
    // Each name has the collection of its own documents.
    if (name === 'calls') return calls as unknown as Collection<Stored[N]>;
    if (name === 'call_events') return callEvents as unknown as Collection<Stored[N]>;
    return guarded(name);
  }

  // ── How it stands ────────────────────────────────────────────────────────────────────────────────────────────────

  const outage: Outage = {
    get state() {
      return standing.state;
    },
    get backlog() {
      const { since } = sender;
      return {
        events: kept.unsent,
        ...(since ? { since } : {}),
        optOuts: optOuts.size,
        setAside: setAsideCount,
      };
    },
    watch: standing.watch,
    keep: optOuts.keep,
    fulfil: optOuts.fulfil,
  };

  await standing.start();
  keepHouseLater();

  return {
    collection,
    append,
    events,
    lists: {
      copies: () => standing.exchange(() => store.lists.copies()),
      lookUp: (number) => standing.exchange(() => store.lists.lookUp(number)),
      stage: (importId, list, base) => standing.exchange(() => store.lists.stage(importId, list, base)),
      discard: (importId) => standing.exchange(() => store.lists.discard(importId)),
    },
    said: (query) => standing.exchange(() => store.said(query)),
    outage,
    home,
    async health() {
      const { state, trouble } = standing;
      if (!closing && state === 'away') return { kind: 'journal', ok: false, detail: `away: ${trouble}` };
      const health = await store.health();
      if (closing || state === 'up') return { ...health, ok: health.ok && !closing };
      return { ...health, ok: false, detail: `${health.detail}; it is being told what it missed` };
    },
    close() {
      closing ??= (async () => {
        stopKeeping();
        if (standing.state !== 'away') await within(clock, CLOSE_MS, sender.reached(file.next));
        standing.stop();
        sender.pause();
        await file.close();
        await note().catch((error) => log.warn({ err: error }, 'what was sent could not be noted'));
        await aside.close();
        await store.close();
        release();
      })();
      return closing;
    },
  };
}

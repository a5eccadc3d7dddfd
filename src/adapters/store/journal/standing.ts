/**
 * adapters/store/journal/standing: whether the store is there. Asked every few seconds, and at once when an exchange fails;
 * while it is away, exchanges are refused at once instead of waiting in vain.
 */
import type { Cancel, Clock, Log, Outage, Store } from '../../../app/ports.ts';
import { Failure, isFailure } from '../../../domain/errors.ts';
import type { Sender } from './sender.ts';

const LOOK_MS = 2_000;
/** A store that does not answer a small question in this time is away. */
const ANSWER_MS = 2_000;
const AWAY_LOOK_MS = { least: 250, most: 5_000 } as const;
/** So many fruitless questions in a row are no accident. */
const MISSES = 2;
/** No document has this id. */
const NOBODY = 'is it there';
/** When what was kept this long ago is not sent, the store is not up to date. */
const LATE_MS = 30_000;

export const unavailable = (message: string, cause?: unknown): Failure =>
  new Failure('store_unavailable', message, { cause });
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What a promise brings within `ms`; undefined when it takes longer. */
export function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(undefined));
    promise.then(resolve, reject).finally(cancel);
  });
}

export interface StandingDeps {
  readonly store: Store;
  readonly sender: Sender;
  readonly clock: Clock;
  readonly log: Log;
  /** The number behind everything that was kept so far. */
  readonly next: () => number;
  /** Opt-outs that the store must be told of before it is up to date. */
  readonly owed: () => number;
  /** The store is back. */
  readonly back: () => void;
}

export interface Standing {
  readonly state: Outage['state'];
  /** Whether the store can be read. */
  readonly isReachable: boolean;
  /** Why it is away; empty when it is not. */
  readonly trouble: string;
  /** Runs an exchange: refused while the store cannot be reached, and given up when it is found to be gone. */
  exchange<T>(task: () => Promise<T>): Promise<T>;
  /** An exchange failed: looks at once. */
  suspect(): void;
  /** Something changed that `owed` tells of. */
  changed(): void;
  watch(listener: () => void): Cancel;
  /** Resolves when it is known how the store stands. */
  start(): Promise<void>;
  stop(): void;
}

export function createStanding(deps: StandingDeps): Standing {
  const { store, sender, clock, log } = deps;
  const listeners = new Set<() => void>();
  const underWay = new Set<(error: Failure) => void>();
  /** It can be read. */
  let reachable = false;
  /** It can be written. */
  let takes = false;
  /** What was kept while it was away is not all sent. */
  let behind = false;
  let misses = MISSES - 1;
  let trouble = '';
  let told: Outage['state'] | undefined;
  let toldMs = clock.steadyMs();
  let returns = 0;
  let looks = 0;
  let looking: Promise<void> | undefined;
  let cancel: Cancel | undefined;
  let stopped = false;

  const state = (): Outage['state'] =>
    !reachable || !takes ? 'away' : behind || deps.owed() > 0 ? 'returning' : 'up';

  function changed(): void {
    const now = state();
    if (now === told) return;
    const fields = { forMs: Math.round(clock.steadyMs() - toldMs) };
    if (now === 'away')
      log.error(
        { ...fields, trouble },
        'the database is away: calls go on from the journal, and nobody is dialled until it is back',
      );
    else if (now === 'up' && told) log.info(fields, 'the database has everything; calls may be placed');
    else if (told === 'away') log.warn(fields, 'the database is back; what was kept is on its way to it');
    else if (told) log.warn(fields, 'something is owed to the database; nobody is dialled meanwhile');
    told = now;
    toldMs = clock.steadyMs();
    for (const listener of listeners) listener();
  }

  function lose(why: string, canRead: boolean): void {
    trouble = why;
    reachable = canRead;
    takes = false;
    sender.pause();
    if (!canRead) for (const give of underWay) give(unavailable(`the database is away: ${why}`));
    changed();
  }

  /** Not up to date before all that was kept until now is sent. */
  function catchUp(): void {
    returns += 1;
    const mine = returns;
    behind = sender.done.number < deps.next();
    if (!behind) return;
    void sender.reached(deps.next()).then(() => {
      if (mine !== returns) return;
      behind = false;
      changed();
    });
  }

  function comeBack(): void {
    trouble = '';
    looks = 0;
    reachable = true;
    takes = true;
    sender.resume();
    catchUp();
    deps.back();
    changed();
  }

  /** Why something asked of the store did not come about in time; undefined when it did. */
  async function answerTo(asked: Promise<unknown>): Promise<string | undefined> {
    const answer = asked.then(
      () => '',
      (error: unknown) => messageOf(error),
    );
    const why = (await within(clock, ANSWER_MS, answer)) ?? `no answer within ${ANSWER_MS} ms`;
    return why === '' ? undefined : why;
  }

  async function question(): Promise<void> {
    const read = answerTo(store.collection('system_config').get(NOBODY));
    // A write that changes nothing is refused by a server that takes no writes.
    const write = answerTo(store.collection('call_events').update({ _id: NOBODY }, { $set: { seq: 0 } }));
    const [noRead, noWrite] = await Promise.all([read, write]);
    if (stopped) return;
    const why = noRead ?? noWrite;
    if (why !== undefined) {
      misses += 1;
      if (misses >= MISSES) lose(noRead ?? `it takes no writes: ${why}`, noRead === undefined);
      return;
    }
    misses = 0;
    if (state() === 'away') comeBack();
    else if (!behind && sender.since && clock.nowMs() - sender.since.getTime() > LATE_MS) {
      catchUp();
      changed();
    }
  }

  function look(): Promise<void> {
    cancel?.();
    looking ??= question()
      .catch((error) => log.error({ err: error }, 'the database could not be asked how it stands'))
      .finally(() => {
        looking = undefined;
        if (stopped) return;
        looks += 1;
        const away = Math.min(AWAY_LOOK_MS.most, AWAY_LOOK_MS.least * 2 ** Math.min(looks, 10));
        const soon = misses > 0 && reachable;
        const delayMs =
          state() === 'away' ? away * (0.5 + Math.random() / 2) : soon ? AWAY_LOOK_MS.least : LOOK_MS;
        cancel = clock.after(delayMs, () => void look());
      });
    return looking;
  }

  function suspect(): void {
    if (stopped || !reachable || misses > 0) return;
    misses = 1;
    void look();
  }

  return {
    get state() {
      return state();
    },
    get isReachable() {
      return reachable;
    },
    get trouble() {
      return trouble;
    },
    async exchange(task) {
      if (stopped) throw unavailable('the store is closed');
      if (!reachable) throw unavailable(`the database is away: ${trouble}`);
      let give: (error: Failure) => void = () => {};
      const gone = new Promise<never>((_, reject) => {
        give = reject;
      });
      underWay.add(give);
      try {
        return await Promise.race([task(), gone]);
      } catch (error) {
        if (isFailure(error, 'store_unavailable')) suspect();
        throw error;
      } finally {
        underWay.delete(give);
      }
    },
    suspect,
    changed,
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: look,
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}

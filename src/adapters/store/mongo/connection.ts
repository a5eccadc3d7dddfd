/**
 * adapters/store/mongo/connection: one exchange with the server at a time: bounded, counted, its failures in the app's
 * words. Opening it never fails for want of a server: it goes on trying in the background, and until the server was there
 * once everything is refused at once.
 *
 * How it is set up, and why:
 * - 50 connections: as many as one process can keep busy; what comes on top waits here and not in the server. Two are kept
 *   open, so that the first call after a quiet hour waits for no handshake.
 * - Nobody waits longer than `timeoutMs`: this room's own timer says so, whatever the driver does (its `timeoutMS` has no
 *   effect since 7.x). The driver gets the same number for choosing a server, for a free connection and for a silent
 *   socket, and the server gets it as maxTimeMS, so that nothing goes on for somebody who has left. Connecting and
 *   heartbeats have at most five seconds, so that a server that hangs is left within about ten.
 * - retryWrites: the driver repeats a write once under its transaction number when the primary changes; the server does it
 *   once. Standalone servers cannot, so there a broken connection leaves it open whether a write was done.
 * - Writes are acknowledged by a majority, from their journals (w: majority, j: true): what was acknowledged outlives the
 *   loss of a primary. Reads are of the primary and of what a majority has (readConcern majority), because they decide
 *   whether a phone rings: no answer may later turn out never to have been so.
 * - Analytics may be read from a secondary that is at most 90 s behind, and that has caught up with the last write of this
 *   process (causal consistency), so that here too a read sees all writes that resolved before it began.
 */
import {
  type ClientSession,
  type Db,
  type DbOptions,
  type Document,
  MongoClient,
  type MongoClientOptions,
  ReadConcern,
  ReadPreference,
  type Timestamp,
} from 'mongodb';
import type { Clock, Log } from '../../../app/ports.ts';
import type { Stored } from '../../../domain/documents.ts';
import type { Failure } from '../../../domain/errors.ts';
import { type FailureWords, failureWords, messageOf, unavailable } from './failures.ts';
import { COLLECTION_NAMES, makeSchema } from './schema.ts';

const POOL = { maxPoolSize: 50, minPoolSize: 2, maxIdleTimeMS: 300_000 } as const;
const MAX_CONNECT_MS = 5_000;
const HEARTBEAT_MS = 5_000;
/** A secondary further behind is not asked; 90 s is the least that MongoDB allows. */
const ALMOST_CURRENT = new ReadPreference('secondaryPreferred', undefined, { maxStalenessSeconds: 90 });
/** Exchanges that may be under way or wait for a connection. */
const MAX_UNDER_WAY = 10_000;
/** How long opening waits for the server before it goes on without. */
const FIRST_TRY_MS = 3_000;
const RETRY_MS = { least: 500, most: 15_000 } as const;
const HEALTH_MS = 2_000;
const CLOSE_MS = 10_000;

export interface MongoSettings {
  readonly uri: string;
  readonly database: string;
  /** The longest that any method of the store takes, in ms; `close`, and work on whole lists, may take several steps. */
  readonly timeoutMs: number;
  readonly log: Log;
  readonly clock: Clock;
}

export type Write = <T>(collection: keyof Stored, task: (session: ClientSession) => Promise<T>) => Promise<T>;

export interface Connection {
  readonly db: Db;
  /** For exchanges that the server itself shall give up in time. */
  readonly limits: { readonly maxTimeMS: number };
  /** Throws Failure: what the driver threw, in our words, or `store_unavailable` when time is up. */
  read<T>(task: () => Promise<T>): Promise<T>;
  /** Read where it burdens the primary least. */
  analyse<T>(task: (options: AnalysisOptions) => Promise<T>): Promise<T>;
  /** As `read`; waits until the collection is fit to be written. Whatever is thrown may still happen, unless it says so. */
  readonly write: Write;
  /** Several writes that belong together: where the first was let in the others are, though closing has begun. */
  writes<T>(task: (write: Write) => Promise<T>): Promise<T>;
  /** Resolves with the answer, or with undefined when `ms` are over. What becomes of it then is of no interest. */
  within<T>(ms: number, task: Promise<T>): Promise<T | undefined>;
  /** Aborted when closing begins. */
  readonly closing: AbortSignal;
  /** Resolves when the server was there and all of the schema is. */
  readonly ready: Promise<void>;
  health(): Promise<{ readonly ok: boolean; readonly detail: string }>;
  close(): Promise<void>;
}

interface AnalysisOptions {
  readonly session: ClientSession;
  readonly readConcern: { readonly level: 'majority' };
  readonly readPreference: ReadPreference;
}

const optionsFor = (timeoutMs: number): MongoClientOptions => ({
  appName: 'parley',
  ...POOL,
  serverSelectionTimeoutMS: timeoutMs,
  waitQueueTimeoutMS: timeoutMs,
  socketTimeoutMS: timeoutMs,
  connectTimeoutMS: Math.min(timeoutMs, MAX_CONNECT_MS),
  heartbeatFrequencyMS: HEARTBEAT_MS,
  retryReads: true,
  retryWrites: true,
  ignoreUndefined: true,
});

/** Set where a connection string has no say any more. */
const concernsFor = (timeoutMs: number): DbOptions => ({
  writeConcern: { w: 'majority', journal: true, wtimeoutMS: timeoutMs },
  readConcern: new ReadConcern('majority'),
  readPreference: 'primary',
});

function clientOf(uri: string, options: MongoClientOptions, words: FailureWords): MongoClient {
  try {
    return new MongoClient(uri, options);
  } catch (error) {
    throw words.ofSettings(error);
  }
}

/** What answered, by its `hello`. */
function partOf({ msg, setName, isWritablePrimary }: Document): string {
  if (msg === 'isdbgrid') return 'a sharded cluster';
  if (setName === undefined) return 'a standalone server';
  return `${isWritablePrimary ? 'the primary' : 'not the primary'} of ${setName}`;
}

/** Opens the connection and begins to make the schema. Throws Failure `config_invalid` for what is no connection string. */
export async function connect({ uri, database, timeoutMs, log, clock }: MongoSettings): Promise<Connection> {
  const words = failureWords({ uri, database });
  const options = optionsFor(timeoutMs);
  const client = clientOf(uri, options, words);
  const db = client.db(database, concernsFor(timeoutMs));
  /** Collections that must not be written yet, and what their writers wait for. */
  const waiting = new Map<string, { readonly usable: Promise<void>; readonly tell: () => void }>(
    COLLECTION_NAMES.map((name) => {
      let tell: () => void = () => undefined;
      const usable = new Promise<void>((resolve) => {
        tell = resolve;
      });
      return [name, { usable, tell }];
    }),
  );
  const stopping = new AbortController();
  const waitingForIdle = new Set<() => void>();
  let closing: Promise<void> | undefined;
  let underWay = 0;
  let reached = false;
  let complete = false;
  let trouble: Failure | undefined;
  let lastWrite: Timestamp | undefined;

  function within<T>(ms: number, task: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const cancel = clock.after(ms, () => resolve(undefined));
      task.then(resolve, reject).finally(cancel);
    });
  }

  /** One exchange, in the time it has. */
  async function timed<T>(
    task: (givenUp: () => boolean) => Promise<T>,
    collection?: string,
    wrote = false,
  ): Promise<T> {
    let givenUp = false;
    try {
      const answer = await within(
        timeoutMs,
        task(() => givenUp).then((value) => ({ value })),
      );
      if (answer) return answer.value;
      givenUp = true;
      throw unavailable(
        wrote && waiting.has(collection ?? '')
          ? `${collection} cannot be written yet: ${trouble?.message ?? 'its indexes are being made'}`
          : `MongoDB did not answer within ${timeoutMs} ms${wrote ? '; the write may still happen' : ''}`,
      );
    } catch (error) {
      throw words.of(error, collection, wrote);
    }
  }

  /** Lets a task in, whatever exchanges it has; closing waits for it. */
  async function whole<T>(task: () => Promise<T>): Promise<T> {
    if (closing) throw unavailable('the store is closed');
    if (!reached) throw trouble ?? unavailable('MongoDB was not reached yet; try again');
    if (underWay >= MAX_UNDER_WAY)
      throw unavailable(`${underWay} exchanges with MongoDB are under way already`);
    underWay += 1;
    try {
      return await task();
    } finally {
      underWay -= 1;
      if (underWay === 0) for (const wake of waitingForIdle) wake();
    }
  }

  async function inSession<T>(task: (session: ClientSession) => Promise<T>): Promise<T> {
    const session = client.startSession({ causalConsistency: true });
    try {
      if (lastWrite) session.advanceOperationTime(lastWrite);
      return await task(session);
    } finally {
      const time = session.operationTime;
      if (time && (!lastWrite || time.greaterThan(lastWrite))) lastWrite = time;
      await session.endSession();
    }
  }

  const write: Write = (collection, task) =>
    timed(
      async (givenUp) => {
        if (waiting.has(collection) && trouble?.details.collection === collection) throw trouble;
        await waiting.get(collection)?.usable;
        if (givenUp()) throw unavailable('too late');
        return inSession(task);
      },
      collection,
      true,
    );

  /** Over a connection of its own, on which building an index may take as long as it takes. */
  async function prepare(): Promise<void> {
    const builder = clientOf(uri, { ...options, maxPoolSize: 4, minPoolSize: 0, socketTimeoutMS: 0 }, words);
    try {
      await builder.connect();
      await client.connect();
      // The first command that needs rights: who may not do this may do nothing.
      await builder.db(database).command({ ping: 1 });
      reached = true;
      await makeSchema(builder.db(database), log, (name) => {
        waiting.get(name)?.tell();
        waiting.delete(name);
      });
      complete = true;
      trouble = undefined;
    } finally {
      await builder.close().catch(() => undefined);
    }
  }

  async function prepareAtLast(tried: () => void): Promise<boolean> {
    for (let waitMs: number = RETRY_MS.least; !closing; waitMs = Math.min(2 * waitMs, RETRY_MS.most)) {
      try {
        await prepare();
        log.info({ database }, 'MongoDB is ready');
        return true;
      } catch (error) {
        const failure = words.of(error);
        if (failure.message !== trouble?.message)
          log.warn({ err: failure }, 'MongoDB is not ready; trying again in the background');
        trouble = failure;
      } finally {
        tried();
      }
      await clock.sleep(waitMs, stopping.signal).catch(() => undefined);
    }
    return false;
  }

  let tried: () => void = () => undefined;
  const firstTry = new Promise<void>((resolve) => {
    tried = resolve;
  });
  const preparing = prepareAtLast(tried);
  await within(FIRST_TRY_MS, firstTry);

  return {
    db,
    limits: { maxTimeMS: timeoutMs },
    within,
    read: (task) => whole(() => timed(task)),
    analyse: (task) =>
      whole(() =>
        timed(() =>
          inSession((session) =>
            task({ session, readPreference: ALMOST_CURRENT, readConcern: { level: 'majority' } }),
          ),
        ),
      ),
    write: (collection, task) => whole(() => write(collection, task)),
    writes: (task) => whole(() => task(write)),
    ready: new Promise((resolve) => {
      void preparing.then((done) => (done ? resolve() : undefined));
    }),
    closing: stopping.signal,
    async health() {
      if (closing) return { ok: false, detail: 'closed' };
      if (!reached) return { ok: false, detail: trouble?.message ?? 'not reached yet' };
      const beganMs = clock.steadyMs();
      try {
        const admin = client.db('admin');
        const answers = await within(
          Math.min(HEALTH_MS, timeoutMs),
          Promise.all([admin.command({ hello: 1 }), admin.command({ buildInfo: 1 })]),
        );
        if (!answers) return { ok: false, detail: `no answer within ${Math.min(HEALTH_MS, timeoutMs)} ms` };
        const [hello, build] = answers;
        const detail = `MongoDB ${build.version}, ${partOf(hello)}, ${Math.ceil(clock.steadyMs() - beganMs)} ms`;
        if (complete) return { ok: hello.isWritablePrimary === true, detail };
        return { ok: false, detail: `${detail}; ${trouble?.message ?? 'its indexes are being made'}` };
      } catch (error) {
        return { ok: false, detail: words.of(error).message };
      }
    },
    close() {
      closing ??= (async () => {
        stopping.abort();
        const idle = new Promise<void>((resolve) => {
          if (underWay === 0) resolve();
          else waitingForIdle.add(resolve);
        });
        await within(CLOSE_MS, idle);
        const closed = Promise.all([client.close(), preparing]);
        await within(
          CLOSE_MS,
          closed.catch((error: unknown) =>
            log.warn({ error: messageOf(error) }, 'MongoDB was not left in order'),
          ),
        );
      })();
      return closing;
    },
  };
}

/**
 * adapters/store/mongo: Parley on MongoDB, by the official driver: the same documents, the same language and the same
 * answers as the embedded store, for several processes at once. `values` translates, `connection` bounds and explains,
 * `schema` makes the indexes, `lists` holds the imported lists of numbers.
 */
import type { AbstractCursor, Document, Collection as MongoCollection } from 'mongodb';
import type { Collection } from '../../../app/ports.ts';
import { type Call, type CallEvent, foldCall } from '../../../domain/call.ts';
import {
  type CollectionName,
  isTranscriptArchive,
  type Stored as StoredDocuments,
} from '../../../domain/documents.ts';
import { Failure, isFailure } from '../../../domain/errors.ts';
import type { WholeStore } from '../migrate.ts';
import { connect, type MongoSettings, type Write } from './connection.ts';
import { isDuplicate, keysOf, messageOf } from './failures.ts';
import { openLists } from './lists.ts';
import { findSaid } from './said.ts';
import { COLLECTION_NAMES } from './schema.ts';
import {
  fromBson,
  hexOf,
  type Stored,
  toFilter,
  toPipeline,
  toQuery,
  toStored,
  toStoredId,
  toUpdate,
} from './values.ts';
import { openWhole } from './whole.ts';

/** Documents a batch of a read: few enough to be taken apart in a few milliseconds, for the event loop carries audio. */
const BATCH = 200;
/** Two that insert the same new document by `put` at once: one of them tries again. */
const PUT_ATTEMPTS = 3;
/** Calls whose document waits to be made from the log again, and how often that is tried. */
const MAX_BEHIND = 50_000;
const MEND_EVERY_MS = 2_000;
/** How far back in the log opening looks for calls whose document was left behind by a crash. */
const MEND_BACK_MS = 24 * 3_600_000;
const MEND_CHUNK = 500;

/** All that a cursor yields, made ours batch by batch. */
async function gather<T>(cursor: AbstractCursor<Document>, ours: (document: Document) => T): Promise<T[]> {
  const found: T[] = [];
  for await (const first of cursor) {
    found.push(ours(first));
    for (const each of cursor.readBufferedDocuments()) found.push(ours(each));
  }
  return found;
}

/**
 * Opens the store, in a few seconds also when the server is not there: then `health` says so and every method throws
 * `store_unavailable` until it comes. Throws Failure `config_invalid` for a connection string that is none.
 */
export async function openMongoStore(settings: MongoSettings): Promise<WholeStore> {
  const { log, clock } = settings;
  const connection = await connect(settings);
  const { db, limits, read, write, closing } = connection;
  const lists = openLists(connection, clock, log);
  const bsonOf = (name: string): MongoCollection<Stored> => db.collection<Stored>(name);

  function collection<N extends keyof StoredDocuments>(name: N): Collection<StoredDocuments[N]> {
    if (!COLLECTION_NAMES.includes(name as CollectionName) && !isTranscriptArchive(name))
      throw new Failure('internal', `there is no collection ${name}`);
    const stored = bsonOf(name);
    const ours = (document: Document): StoredDocuments[N] => fromBson(document) as StoredDocuments[N];
    return {
      get: (id) =>
        read(async () => {
          const found = typeof id === 'string' ? await stored.findOne({ _id: toStoredId(id) }, limits) : null;
          return found ? ours(found) : undefined;
        }),
      find: (query) =>
        read(async () => {
          const { filter, ...rest } = toQuery(query);
          const found: StoredDocuments[N][] = [];
          for await (const each of stored.find(filter, { ...rest, ...limits, batchSize: BATCH }))
            found.push(ours(each));
          return found;
        }),
      count: (filter) => read(async () => stored.countDocuments(toFilter(filter), limits)),
      aggregate: (pipeline) =>
        connection.analyse(async (options) =>
          gather(
            stored.aggregate(toPipeline(pipeline), { ...options, ...limits, batchSize: BATCH }),
            (each) => fromBson(each) as Record<string, unknown>,
          ),
        ),
      insert: (document) =>
        write(name, async (session) => {
          await stored.insertOne(toStored(document), { session, ...limits });
        }),
      put: (document) =>
        write(name, async (session) => {
          const { _id, ...rest } = toStored(document);
          for (let attempt = 1; ; attempt += 1) {
            try {
              await stored.replaceOne({ _id }, rest, { session, ...limits, upsert: true });
              return;
            } catch (error) {
              if (!isDuplicate(error) || !keysOf(error).includes('_id') || attempt === PUT_ATTEMPTS)
                throw error;
            }
          }
        }),
      update: (filter, update) =>
        write(name, async (session) => {
          const updated = await stored.findOneAndUpdate(toFilter(filter), toUpdate(filter, update), {
            session,
            ...limits,
            returnDocument: 'after',
          });
          return updated ? ours(updated) : undefined;
        }),
      remove: (filter) =>
        write(name, async (session) => {
          const { deletedCount } = await stored.deleteMany(toFilter(filter), { session, ...limits });
          return deletedCount;
        }),
    };
  }

  // ── The event log ──────────────────────────────────────────────────────────────────────────────────────────────────

  const events = bsonOf('call_events');
  const calls = bsonOf('calls');

  /** Calls whose document is behind the log. */
  const behind = new Set<string>();
  let mending = false;

  const eventsOf = (callId: string): Promise<CallEvent[]> => {
    const { filter, sort } = toQuery({ filter: { callId }, sort: { seq: 1 } });
    return gather(
      events.find(filter, { sort, ...limits, batchSize: BATCH }),
      (each) => fromBson(each) as CallEvent,
    );
  };

  /**
   * Puts a call in place of an older fold of it, never of a newer one: of two processes that write to one call, the later
   * event wins whichever write comes last.
   */
  async function refresh(call: Stored, through: Write): Promise<void> {
    const { _id, ...rest } = call;
    await through('calls', async (session) => {
      try {
        await calls.replaceOne({ _id, seq: { $not: { $gte: call.seq } } }, rest, {
          session,
          ...limits,
          upsert: true,
        });
      } catch (error) {
        // A document of this call is there and the filter did not want it: it is as new, or newer.
        if (!isDuplicate(error) || !keysOf(error).includes('_id')) throw error;
      }
    });
  }

  /** Makes a call's document from the log where it is older than the log. */
  async function mend(callId: string): Promise<void> {
    const lag = await read(async () => {
      const [newest, call] = await Promise.all([
        events.findOne(
          { callId: toStoredId(callId) },
          { ...limits, sort: { seq: -1 }, projection: { seq: 1 } },
        ),
        calls.findOne({ _id: toStoredId(callId) }, { ...limits, projection: { seq: 1 } }),
      ]);
      return newest !== null && !(call?.seq >= newest.seq);
    });
    if (!lag) return;
    const call = foldCall(await read(() => eventsOf(callId)));
    if (call) await refresh(toStored(call), write);
  }

  async function mendBehind(): Promise<void> {
    if (mending) return;
    mending = true;
    while (behind.size > 0) {
      await clock.sleep(MEND_EVERY_MS, closing).catch(() => undefined);
      if (closing.aborted) break;
      for (const callId of behind) {
        try {
          await mend(callId);
        } catch (error) {
          if (isFailure(error, 'store_unavailable')) break;
          log.error({ err: error, callId }, 'the document of a call cannot be made from its log');
        }
        behind.delete(callId);
      }
    }
    mending = false;
  }

  function mendLater(callId: string, error: unknown): void {
    log.warn(
      { error: messageOf(error), callId },
      "an event is stored, its call's document is not; it follows",
    );
    if (behind.size < MAX_BEHIND) behind.add(callId);
    else
      log.error({ callId }, 'too many documents of calls are behind their log; this one waits for a restart');
    void mendBehind();
  }

  /** What a crash left behind: compares the calls of the last day in the log with their documents. */
  async function mendAll(): Promise<void> {
    const [newest] = await collection('call_events').find({ sort: { at: -1 }, limit: 1 });
    if (!newest) return;
    const since = new Date(newest.at.getTime() - MEND_BACK_MS);
    const logged = await read(() =>
      events
        .aggregate<{ _id: unknown; seq: number }>(
          [{ $match: { at: { $gte: since } } }, { $group: { _id: '$callId', seq: { $max: '$seq' } } }],
          { ...limits, batchSize: BATCH },
        )
        .toArray(),
    );
    for (let at = 0; at < logged.length && !closing.aborted; at += MEND_CHUNK) {
      const chunk = logged.slice(at, at + MEND_CHUNK);
      const ids = chunk.map(({ _id }) => hexOf(_id));
      const found = await read(() =>
        calls.find(toFilter({ _id: { $in: ids } }), { ...limits, projection: { seq: 1 } }).toArray(),
      );
      const seqs = new Map(found.map((call) => [hexOf(call._id), call.seq as number]));
      for (const [n, id] of ids.entries())
        if (!(Number(seqs.get(id)) >= Number(chunk[n]?.seq))) behind.add(id);
    }
    if (behind.size > 0) await mendBehind();
  }

  /**
   * Event first, then the call's document behind it, in two writes. A transaction would need a replica set, holds both
   * documents for a round trip more and fails by itself when two writers meet; the log is the truth, so a document that is
   * late does no harm, and it is never left behind: a failure is made good in the background, a crash when the store opens
   * again or the same event is brought again.
   */
  async function append(event: CallEvent, call: Call | undefined, through: Write) {
    const untilMs = clock.steadyMs() + settings.timeoutMs;
    const document = toStored(event);
    const refreshed = call && toStored(call);
    const answer = await through('call_events', async (session) => {
      try {
        await events.insertOne(document, { session, ...limits });
        return 'appended' as const;
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        // The index that is named is the first that was met; the same event brought again meets that of `_id`.
        const local = { session, ...limits, readConcern: 'local', projection: { _id: 1 } } as const;
        if (await events.findOne({ eventId: event.eventId }, local)) return 'duplicate' as const;
        const { callId, seq } = document;
        if (await events.findOne({ callId, seq }, local)) return 'conflict' as const;
        throw error;
      }
    });
    if (!call || !refreshed || answer === 'conflict') return answer;
    const follow = answer === 'appended' ? refresh(refreshed, through) : mend(call._id);
    const followed = follow.then(() => true);
    // A second document under a key that must be one's own is a mistake of the caller's, and no outage.
    const kept = followed.catch((error: unknown) => {
      if (answer === 'appended' && isFailure(error, 'duplicate_key')) throw error;
      mendLater(call._id, error);
      return true;
    });
    await connection.within(Math.max(0, untilMs - clock.steadyMs()), kept);
    return answer;
  }

  /** The newest append of each call that has one under way. */
  const appending = new Map<string, Promise<unknown>>();

  /**
   * Of this process only one at a time asks for a place in a call's log: a server that guards unique keys by locks lets
   * many writers of one key wait for each other in circles, for longer than a write may take.
   */
  function inTurn<T>(callId: string, work: () => Promise<T>): Promise<T> {
    const turn = (appending.get(callId) ?? Promise.resolve()).then(work, work);
    const leave = () => {
      if (appending.get(callId) === turn) appending.delete(callId);
    };
    appending.set(callId, turn);
    turn.then(leave, leave);
    return turn;
  }

  /** As often as it takes: what a crash left behind is known to nobody else. */
  async function mendAllAtLast(): Promise<void> {
    while (!closing.aborted) {
      try {
        await connection.ready;
        return await mendAll();
      } catch (error) {
        if (closing.aborted) return;
        log.warn({ error: messageOf(error) }, 'the calls could not be compared with their log; trying again');
        await clock.sleep(MEND_EVERY_MS, closing).catch(() => undefined);
      }
    }
  }

  void mendAllAtLast();

  return {
    collection,
    append: (event: CallEvent, call?: Call) =>
      connection.writes((through) => inTurn(event.callId, () => append(event, call, through))),
    events: (callId) => read(() => eventsOf(callId)),
    lists,
    said: (query) => findSaid(connection, query),
    whole: openWhole(connection),
    health: async () => ({ kind: 'mongodb', ...(await connection.health()) }),
    close: () => connection.close(),
  };
}

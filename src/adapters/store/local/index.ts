/**
 * adapters/store/local: the database Parley runs on when no other is named. One LMDB file under DATA_DIR, one process,
 * MongoDB's language. What is here is the port; `writer` and `reader` do the work.
 */
import { mkdirSync } from 'node:fs';
import type { ChangeOf, Collection, Filter, Log, SaidQuery, Store, Update } from '../../../app/ports.ts';
import type { Call, CallEvent } from '../../../domain/call.ts';
import type { CallTranscript, Documents, Stored } from '../../../domain/documents.ts';
import { Failure } from '../../../domain/errors.ts';
import { compileFilter, compilePipeline, compileUpdate, type Doc, storable } from '../language.ts';
import { lockDirectory } from '../lock.ts';
import type { Whole, WholeStore } from '../migrate.ts';
import { behind } from '../order.ts';
import { type Compacted, compact } from './compact.ts';
import { COMPACTED_AT, collectionIn, messageOf, unavailable } from './data-file.ts';
import { type Files, idKey, openFiles, type Room } from './files.ts';
import { currentLists, type LocalLists, numbersIn, openLists } from './lists.ts';
import { openReader } from './reader.ts';
import { openSearch } from './search.ts';
import { openWriter, type Prepared, prepare, type Turn, type Writer } from './writer.ts';

const MAX_ID_BYTES = 256;
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
const CLOSE_TIMEOUT_MS = 10_000;
/** What is packed into so much less than the limit is within it, whatever it is made of. */
const SURELY_FITS_BYTES = MAX_DOCUMENT_BYTES / 32;
/** An update whose document another writer took looks for the next one so often. */
const UPDATE_ATTEMPTS = 50;
const REMOVE_CHUNK = 50;
/** Documents that are read at once when all are. */
const WHOLE_BATCH = 250;
/** How often LMDB is told to forget readers of processes that were killed: what they saw is kept until then. */
const READERS_MS = 60_000;
/** What was removed is off the disk a day later. */
const COMPACT_MS = 24 * 3_600_000;
/** After one that failed, for want of room say. */
const COMPACT_AGAIN_MS = 3_600_000;

/** About what a value takes in BSON, whose limit is the one kept. */
function roughBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value) + 5;
  if (value instanceof Uint8Array) return value.length + 5;
  if (typeof value !== 'object' || value === null || value instanceof Date) return 8;
  return Object.entries(value).reduce((sum, [name, inner]) => sum + name.length + 2 + roughBytes(inner), 5);
}

function checked(document: unknown): Doc {
  const copy = storable(document) as Doc;
  const id: unknown = copy?._id;
  if (typeof id !== 'string') throw new Failure('invalid_request', 'a document needs an _id, a string');
  if (Buffer.byteLength(id) > MAX_ID_BYTES)
    throw new Failure('invalid_request', `an _id may have at most ${MAX_ID_BYTES} bytes`);
  refuseTooLarge(copy);
  return copy;
}

function refuseTooLarge(document: Doc): void {
  if (roughBytes(document) > MAX_DOCUMENT_BYTES)
    throw new Failure('payload_too_large', `a document may have at most ${MAX_DOCUMENT_BYTES} bytes`);
}

/** What an update makes of a document. Throws Failure `payload_too_large`, and what `change` throws. */
function changed(turn: Turn, room: Room, document: Doc, change: (document: Doc) => Doc): Prepared {
  const updated = change(document);
  const keys = turn.written(room, document._id)?.keys;
  const prepared = prepare(room, updated, { document, keys });
  if (prepared.bytes.length > SURELY_FITS_BYTES) refuseTooLarge(updated);
  return prepared;
}

const RETRY = Symbol('look outside the turn, then try again');

export interface LocalStore extends WholeStore {
  /**
   * Writes the file anew without what was removed; nobody waits for it. Done by itself once a day. Throws Failure
   * `store_unavailable`: then everything is as it was.
   */
  compact(): Promise<Compacted>;
}

/**
 * Opens the store in `dir` (made when missing) and builds indexes that are new. Throws Failure `store_unavailable` when
 * another process has it open, the directory cannot be written or the file is damaged; `config_invalid` when stored
 * documents stand in the way of a new unique index.
 */
export async function openLocalStore({ dir, log }: { dir: string; log: Log }): Promise<LocalStore> {
  let release: () => void;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    release = lockDirectory(dir);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw unavailable(`the data directory ${dir} cannot be written: ${messageOf(error)}`, error);
  }
  let files: Files | undefined;
  let writer: Writer;
  let lists: LocalLists;
  try {
    files = await openFiles(dir, log);
    writer = openWriter(files, log);
    lists = openLists(dir, files, writer, log);
  } catch (error) {
    await files?.file.root.close();
    release();
    if (error instanceof Failure) throw error;
    throw unavailable(`the database in ${dir} cannot be opened: ${messageOf(error)}`, error);
  }
  return storeOver(dir, files, writer, lists, log, release);
}

function storeOver(
  dir: string,
  files: Files,
  writer: Writer,
  lists: LocalLists,
  log: Log,
  release: () => void,
): LocalStore {
  const reader = openReader(files);
  const stopping = new AbortController();
  let closing: Promise<void> | undefined;
  let compacting: Promise<Compacted> | undefined;
  let compactAtMs = Number(files.file.meta.get(COMPACTED_AT)) + COMPACT_MS;

  function compactNow(): Promise<Compacted> {
    compacting ??= compact(dir, files, writer, reader.left, stopping.signal)
      .then((compacted) => {
        compactAtMs = Date.now() + COMPACT_MS;
        log.info({ ...compacted }, 'the database was written anew, without what was removed');
        return compacted;
      })
      .finally(() => {
        compacting = undefined;
      });
    return compacting;
  }

  const housekeeping = setInterval(() => {
    files.file.root.readerCheck();
    if (compacting || Date.now() < compactAtMs) return;
    compactAtMs = Date.now() + COMPACT_AGAIN_MS;
    compactNow().catch((error: unknown) => {
      if (!stopping.signal.aborted)
        log.warn({ error: messageOf(error) }, 'the database could not be written anew; it is as it was');
    });
  }, READERS_MS);
  housekeeping.unref();

  const roomOf = (name: keyof Stored): Room => {
    const room = files.roomOf(name);
    if (!room) throw new Failure('internal', `there is no collection ${name}`);
    return room;
  };

  /** Runs one call of the port; after close, and for anything LMDB throws, it fails with `store_unavailable`. */
  async function call<T>(task: () => Promise<T> | T): Promise<T> {
    if (closing) throw unavailable('the store is closed');
    try {
      return await task();
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw unavailable(`the store failed: ${messageOf(error)}`, error);
    }
  }

  /** Atomically changes the first match by `change`, which leaves what it is given as it is. Answers what it made of it. */
  async function modify(
    room: Room,
    filter: Filter,
    change: (document: Doc) => Doc,
  ): Promise<Doc | undefined> {
    const matches = compileFilter(filter);
    const named = typeof filter._id === 'string' ? filter._id : undefined;
    let candidate = named;
    for (let attempt = 0; attempt < UPDATE_ATTEMPTS; attempt += 1) {
      const result = await writer.submit((turn) => {
        let found = candidate === undefined ? undefined : turn.read(room, candidate);
        if (found && !matches(found)) found = undefined;
        if (!found && named === undefined) {
          const touched = turn.touched(room);
          for (const written of touched.values())
            if (written && matches(written.document)) {
              found = written.document;
              break;
            }
          if (!found) {
            const looked = reader.lookUp(room, filter, matches, (id) => touched.has(id));
            if (looked === 'many') return RETRY;
            found = looked;
          }
        }
        if (!found) return undefined;
        const prepared = changed(turn, room, found, change);
        turn.write(room, prepared, found);
        return prepared.document;
      }, 0);
      if (result !== RETRY) return result && (storable(result) as Doc);
      const [first] = await reader.find(room, { filter, limit: 1 });
      if (!first) return undefined;
      candidate = first._id;
    }
    throw unavailable('too many writers change the same documents; try again');
  }

  const updateBoth: NonNullable<Store['updateBoth']> = (first, second) =>
    call(async () => {
      const [one, other] = [compiled(first), compiled(second)];
      const done = await writer.submit((turn) => {
        const found = one.find(turn);
        if (!found) return {};
        const fresh = changed(turn, one.room, found, one.apply);
        turn.refuseTaken(one.room, fresh);
        const beside = other.find(turn);
        // What throws does so before anything is written.
        if (beside) {
          const prepared = changed(turn, other.room, beside, other.apply);
          turn.write(other.room, prepared, beside);
          turn.write(one.room, fresh, found);
          return { first: fresh.document, second: prepared.document };
        }
        turn.write(one.room, fresh, found);
        return { first: fresh.document };
      }, 0);
      const answer = <T>(document: Doc | undefined): T | undefined => document && (storable(document) as T);
      return { first: answer(done.first), second: answer(done.second) };
    });

  function compiled<N extends keyof Documents>({ collection: name, filter, update }: ChangeOf<N>) {
    const room = roomOf(name);
    const matches = compileFilter(filter);
    return {
      room,
      apply: compileUpdate(filter, update),
      find(turn: Turn): Doc | undefined {
        const found = turn.read(room, filter._id);
        return found && matches(found) ? found : undefined;
      },
    };
  }

  function collection<N extends keyof Stored>(name: N): Collection<Stored[N]> {
    const room = roomOf(name);
    const typed = (document: Doc): Stored[N] => document as unknown as Stored[N];
    return {
      get: (id) =>
        call(() => {
          const document = typeof id === 'string' ? room.db.get(idKey(id)) : undefined;
          return document && typed(document);
        }),
      find: (query) => call(async () => (await reader.find(room, query)).map(typed)),
      count: (filter) =>
        call(async () => {
          if (Object.keys(filter).length === 0)
            return (room.db.getStats() as { entryCount: number }).entryCount;
          return await reader.count(room, filter);
        }),
      aggregate: (pipeline) =>
        call(async () => {
          const plan = compilePipeline(pipeline);
          const group = plan.group?.();
          const documents: Doc[] = plan.sort
            ? await reader.find(room, {
                filter: plan.filter,
                sort: plan.sort,
                ...(plan.limit === undefined ? {} : { limit: plan.limit }),
              })
            : [];
          if (!plan.sort)
            await reader.each(room, plan.filter, (document) =>
              group ? group.add(document) : documents.push(plan.prune(document)),
            );
          if (!group) return plan.finish(documents);
          for (const document of documents) group.add(document);
          return plan.finish(group.take());
        }),
      insert: (document) =>
        call(async () => {
          const prepared = prepare(room, checked(document));
          const id = prepared.document._id;
          await writer.submit((turn) => {
            if (turn.read(room, id) !== undefined)
              throw new Failure('duplicate_key', `there is a document ${id} in ${name} already`, {
                details: { collection: name, keys: ['_id'] },
              });
            turn.write(room, prepared);
          }, prepared.bytes.length);
        }),
      put: (document) =>
        call(async () => {
          const prepared = prepare(room, checked(document));
          await writer.submit((turn) => turn.write(room, prepared), prepared.bytes.length);
        }),
      update: (filter, update: Update) =>
        call(async () => {
          const apply = compileUpdate(filter, update);
          const updated = await modify(room, filter, apply);
          return updated && typed(updated);
        }),
      remove: (filter) =>
        call(async () => {
          const matches = compileFilter(filter);
          const ids: string[] = [];
          await reader.each(room, filter, (document) => ids.push(document._id));
          let removed = 0;
          for (let at = 0; at < ids.length; at += REMOVE_CHUNK)
            removed += await writer.submit((turn) => {
              let count = 0;
              for (const id of ids.slice(at, at + REMOVE_CHUNK)) {
                const document = turn.read(room, id);
                if (!document || !matches(document)) continue;
                turn.remove(room, id);
                count += 1;
              }
              return count;
            }, 0);
          return removed;
        }),
    };
  }

  const whole: Whole = {
    names: () =>
      call(() =>
        files.file.tables().flatMap((table) => (collectionIn(table) as keyof Stored | undefined) ?? []),
      ),
    async *read(name) {
      const room = roomOf(name);
      let from: Buffer = Buffer.alloc(1);
      for (;;) {
        const batch = await call(() => [...room.db.getRange({ start: from, limit: WHOLE_BATCH })]);
        const last = batch.at(-1);
        if (!last) return;
        yield batch.map(({ value }) => value);
        from = behind(last.key);
      }
    },
    async fill(name, documents) {
      const { put } = named(name);
      await Promise.all(documents.map((document) => put(document as Stored[typeof name])));
    },
    async *numbersOf(list) {
      const current = await call(() => currentLists(files.file).get(list));
      if (current) yield* numbersIn(files.file, current.version);
    },
  };

  const transcripts = roomOf('call_transcripts');
  const search = openSearch({
    dir,
    log,
    transcript: (id) => transcripts.db.get(idKey(id)) as unknown as CallTranscript | undefined,
    transcripts: () =>
      whole.read('call_transcripts') as AsyncIterable<readonly unknown[]> as AsyncIterable<
        readonly CallTranscript[]
      >,
  });

  /** Transcripts, whose words are to be found. */
  function searched<D extends { readonly _id: string }>(plain: Collection<D>): Collection<D> {
    async function writing<T>(ids: () => Promise<readonly string[]>, task: () => Promise<T>): Promise<T> {
      search.noted();
      const concerned = await ids();
      try {
        return await task();
      } finally {
        for (const id of concerned) search.noted(id);
      }
    }
    const matching = async (filter: Filter): Promise<string[]> =>
      (await plain.find({ filter })).map(({ _id }) => _id);
    return {
      ...plain,
      insert: (document) =>
        writing(
          async () => [document._id],
          () => plain.insert(document),
        ),
      put: (document) =>
        writing(
          async () => [document._id],
          () => plain.put(document),
        ),
      update: (filter, update) =>
        writing(
          () => matching(filter),
          () => plain.update(filter, update),
        ),
      remove: (filter) =>
        writing(
          () => matching(filter),
          () => plain.remove(filter),
        ),
    };
  }

  const events = roomOf('call_events');
  const calls = roomOf('calls');
  const positionOf = (keys: string): number => {
    const position = events.indexes.findIndex((index) => index.parts.map(([path]) => path).join() === keys);
    if (position < 0) throw new Failure('internal', `call_events has no index ${keys}`);
    return position;
  };
  const byEventId = positionOf('eventId');
  const bySeq = positionOf('callId,seq');

  const named = <N extends keyof Stored>(name: N): Collection<Stored[N]> =>
    name === 'call_transcripts' ? searched(collection(name)) : collection(name);

  return {
    collection: named,
    updateBoth,
    append: (event: CallEvent, refreshed?: Call) =>
      call(async () => {
        const prepared = prepare(events, checked(event));
        const document = refreshed && prepare(calls, checked(refreshed));
        return writer.submit(
          (turn) => {
            if (turn.owner(events, byEventId, prepared) !== undefined) return 'duplicate' as const;
            if (turn.owner(events, bySeq, prepared) !== undefined) return 'conflict' as const;
            if (turn.read(events, prepared.document._id) !== undefined)
              throw new Failure('duplicate_key', 'there is another event with this _id', {
                details: { collection: 'call_events', keys: ['_id'] },
              });
            turn.add(events, prepared);
            if (document) turn.write(calls, document);
            return 'appended' as const;
          },
          prepared.bytes.length + (document?.bytes.length ?? 0),
        );
      }),
    events: (callId) =>
      call(
        async () =>
          (await reader.find(events, { filter: { callId }, sort: { seq: 1 } })) as unknown as CallEvent[],
      ),
    lists,
    said: (query: SaidQuery) => call(() => search.find(query)),
    whole,
    compact: () => call(compactNow),
    health: async () => {
      if (closing) return { kind: 'local', ok: false, detail: 'closed' };
      if (writer.failure) return { kind: 'local', ok: false, detail: writer.failure };
      const { mapSize } = files.file.root.getStats() as { mapSize: number };
      return {
        kind: 'local',
        ok: true,
        detail: `${dir}, ${Math.ceil(mapSize / 1e6)} MB, ${writer.waiting} writes waiting`,
      };
    },
    close: () => {
      closing ??= (async () => {
        clearInterval(housekeeping);
        stopping.abort();
        // LMDB's own copying cannot be stopped, and the file cannot be closed under it.
        await compacting?.catch(() => undefined);
        await search.close();
        let timer: NodeJS.Timeout | undefined;
        const late = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
        });
        await Promise.race([Promise.all([lists.stop(), writer.idle(), reader.left(files.file.root)]), late]);
        clearTimeout(timer);
        writer.stop();
        reader.stop();
        await reader.left(files.file.root);
        await files.file.root.close();
        release();
      })();
      return closing;
    },
  };
}

/**
 * adapters/store/local/meet: documents that stand in several indexes at once, found by their keys. Where the indexes lead
 * through the same order, each leaps to where the others are; only what stands in all of them is read.
 */
import type { Database, Transaction } from 'lmdb';
import { unavailable } from './data-file.ts';
import { type Index, idKey, type Room } from './files.ts';
import type { Plan } from './plan.ts';

/** Index entries fetched at once: few for the first documents, more for a long walk. */
export const CHUNK_FIRST = 16;
export const CHUNK_MOST = 256;

interface Bounds {
  readonly low: Buffer;
  readonly high: Buffer;
  readonly limit: number;
  readonly backward: boolean;
  readonly transaction: Transaction | undefined;
}

/** Up to `limit` entries with low <= key < high, from either end. */
export function entriesBetween<V>(db: Database<V, Buffer>, bounds: Bounds): { key: Buffer; value: V }[] {
  const { low, high, limit, backward, transaction } = bounds;
  const within = { limit, ...(transaction ? { transaction } : {}) };
  const first = low.length > 0 ? low : Buffer.alloc(1);
  return Array.from(
    db.getRange(
      backward
        ? { start: high, end: first, reverse: true, exclusiveStart: true, inclusiveEnd: true, ...within }
        : { start: first, end: high, ...within },
    ),
  );
}

/** The first key behind this one. */
export const next = (key: Buffer): Buffer => Buffer.concat([key, Buffer.alloc(1)]);

/** The document that an entry of an index stands for. Throws Failure `store_unavailable` when it is not there. */
export function documentOf(room: Room, id: string, transaction: Transaction | undefined) {
  const document = room.db.get(idKey(id), transaction ? { transaction } : {});
  if (!document)
    throw unavailable(
      `an index of ${room.name} names ${id}, which is not there: the file is damaged; restore a backup`,
    );
  return document;
}

interface Place {
  /** The key behind what is fixed. */
  readonly rest: Buffer;
  readonly id: Buffer;
}

/** One range of one index, read in the order of the walk from wherever it is told to go on. */
function streamOf(
  { index, fixed, walk }: Plan<Index>,
  range: { readonly start: Buffer; readonly end: Buffer },
  transaction: Transaction,
) {
  const backward = walk === 'backward';
  let { start: low, end: high } = range;
  let chunk: { key: Buffer; value: Buffer }[] = [];
  let at = 0;
  let limit = CHUNK_FIRST;
  let reads = 0;
  let isOver = false;

  const isBefore = (key: Buffer, wanted: Buffer): boolean =>
    backward ? Buffer.compare(key, wanted) > 0 : Buffer.compare(key, wanted) < 0;

  function read(): void {
    chunk = entriesBetween(index.db, { low, high, limit, backward, transaction });
    at = 0;
    reads += 1;
    const last = chunk.at(-1);
    isOver = chunk.length < limit;
    limit = Math.min(CHUNK_MOST, limit * 2);
    if (!last) return;
    if (backward) high = last.key;
    else low = next(last.key);
  }

  return {
    /** How often the index was read. */
    get reads() {
      return reads;
    },
    /** The next entry that is not before `rest`; undefined behind the last one. */
    seek(rest: Buffer | undefined): Place | undefined {
      const wanted = rest && Buffer.concat([fixed, rest]);
      for (;;) {
        const entry = chunk[at];
        if (entry && !(wanted && isBefore(entry.key, wanted))) {
          at += 1;
          return { rest: entry.key.subarray(fixed.length), id: entry.value };
        }
        const last = chunk.at(-1);
        if (wanted && last && entry && !isBefore(last.key, wanted)) {
          at += 1;
          continue;
        }
        if (isOver) return undefined;
        if (wanted) {
          // What lies between is not read.
          if (backward) high = next(wanted);
          else low = wanted;
          limit = CHUNK_FIRST;
        }
        read();
      }
    },
  };
}

/**
 * The documents that stand in the ranges of all the plans, in the order of their walk; only those `among` some ids where
 * there are any. Yields undefined whenever it has read in an index, at most `CHUNK_MOST` entries. The plans have the same
 * fields behind what is fixed, and so the same ranges there.
 */
export function* meet(
  room: Room,
  plans: readonly Plan<Index>[],
  transaction: Transaction,
  among?: ReadonlySet<string>,
) {
  const [first] = plans;
  if (!first) return;
  const tails = first.ranges.map(({ start, end }) => ({
    start: start.subarray(first.fixed.length),
    end: end.subarray(first.fixed.length),
  }));
  for (const { start, end } of first.walk === 'backward' ? tails.reverse() : tails) {
    const streams = plans.map((plan) => {
      const whole = (rest: Buffer): Buffer => Buffer.concat([plan.fixed, rest]);
      return streamOf(plan, { start: whole(start), end: whole(end) }, transaction);
    });
    let wanted: Buffer | undefined;
    let agreed = 0;
    for (let turn = 0; ; turn += 1) {
      const stream = streams[turn % streams.length];
      const before = stream?.reads;
      const place = stream?.seek(wanted);
      if (stream?.reads !== before) yield undefined;
      if (!place) break;
      agreed = wanted?.equals(place.rest) ? agreed + 1 : 1;
      wanted = place.rest;
      if (agreed < streams.length) continue;
      const id = place.id.toString('utf8');
      if (!among || among.has(id)) yield documentOf(room, id, transaction);
      wanted = undefined;
    }
  }
}

/**
 * adapters/store/mongo/lists: imported lists of numbers, beside `dnc_registry`, which keeps the single entries that have a
 * story (who, why, since when).
 *
 * A list is blocks of bits, one block for the 10,000 numbers of an exchange (2125550123 is bit 123 of 212555), not a
 * document a number: the national registry is some 250 million numbers, which is 20 GB of documents and index, and 250 MB
 * of blocks. A look-up is a read of one block a list by `_id`. Making a copy sets bits, so its lines need no order and the
 * work no more memory than the bits of one area code (1.25 MB). Bits are counted as MongoDB counts them in binary data, so
 * whoever queries the database asks the same block the same question, and the server answers it:
 *
 *     const { version } = db.dnc_lists.findOne({ _id: 'national' })
 *     db.dnc_list_blocks.countDocuments({ _id: `national/${version}/212555`, bits: { $bitsAllSet: [123] } })
 *
 * `dnc_lists` has one document a list: which version is current, its date and size. Changing `version` there, from the one
 * it was, is the whole switch. Blocks of a version never change; those of one that was let go stay for a minute, longer
 * than a look-up may take, and go in the background. What the lines of a copy in the making said waits in
 * `dnc_list_lines`, by area code and in order, under a document in `dnc_list_imports` that says how much of it counts; so
 * any process can go on with an import that another one began.
 */
import { Binary, ObjectId } from 'mongodb';
import type { Clock, ListCopy, Log, NumberLists, StagedCopy } from '../../../app/ports.ts';
import { Failure } from '../../../domain/errors.ts';
import { AREA_NUMBERS, AREAS, bitsIn, FIRST_AREA, slices } from '../numbers.ts';
import type { Connection } from './connection.ts';
import { isDuplicate, messageOf, unavailable } from './failures.ts';

export const BLOCK_NUMBERS = 10_000;
const BLOCK_BYTES = BLOCK_NUMBERS / 8;
const AREA_BLOCKS = AREA_NUMBERS / BLOCK_NUMBERS;
const AREA_BYTES = AREA_NUMBERS / 8;

/** Numbers of a copy in the making that are held in memory: 4 MB. */
const HELD_NUMBERS = 500_000;
/** What goes to the server at once. */
const BYTES_A_WRITE = 384 * 1024;
const WRITES_AT_ONCE = 4;
/** Numbers in one document of lines: 4 MB. */
const NUMBERS_A_DOCUMENT = 1_000_000;
/** How long the blocks of a version that was let go can still be read, and how long a look-up may take to do so. */
const KEPT_MS = 60_000;
const LOOK_UP_MS = 30_000;
/** Two that make a copy of one list at once: the later one begins again with what the other made. */
const COMMIT_ATTEMPTS = 3;

const ALL_AREAS: readonly number[] = Array.from({ length: AREAS }, (_, n) => FIRST_AREA + n);

export interface ListDocument {
  readonly _id: string;
  readonly version: string;
  readonly asOf: Date;
  readonly count: number;
  readonly importedAt: Date;
  /** Area codes that have blocks. */
  readonly areas: readonly number[];
  /** Versions whose blocks are to be removed. */
  readonly letGo: readonly string[];
}

export interface BlockDocument {
  readonly _id: string;
  readonly count: number;
  readonly bits: Binary;
}

interface ImportDocument {
  readonly _id: string;
  readonly list: string;
  readonly base: 'empty' | 'current';
  readonly begunAt: Date;
  /** Lines of the file that are taken. */
  readonly lines: number;
  /** The runs of lines that count, in their order; what is stored of another came too late. */
  readonly runs: readonly string[];
  /** Area codes that the lines name. */
  readonly areas: readonly number[];
  /** The version that is, or was, being made of it, and what it comes to. */
  readonly version?: string;
  readonly added?: number;
  readonly removed?: number;
}

interface LinesDocument {
  /** import/area code/run/part */
  readonly _id: string;
  /** 32 bits each, little-endian: twice the number without its area code, and one more to remove it. */
  readonly said: Binary;
}

interface Made {
  readonly areas: readonly number[];
  readonly count: number;
  readonly added: number;
  readonly removed: number;
}

const copyOf = ({ _id, asOf, count, importedAt }: ListDocument): ListCopy => ({
  list: _id,
  asOf,
  count,
  importedAt,
});

/** All `_id`s that begin with `path` and a slash. */
const under = (path: string): { readonly $gte: string; readonly $lt: string } => ({
  $gte: `${path}/`,
  $lt: `${path}0`,
});

const checked = (word: string, what: string): string => {
  if (!/^[\w.-]{1,64}$/.test(word)) throw new Failure('invalid_request', `this is no ${what}`);
  return word;
};

/** Runs tasks, so many at a time; `done` waits for all and throws what the first of them threw. */
function conveyor(width: number) {
  const running = new Set<Promise<void>>();
  let failed: { readonly error: unknown } | undefined;
  const check = (): void => {
    if (failed) throw failed.error;
  };
  return {
    async put(task: () => Promise<void>): Promise<void> {
      while (running.size >= width) await Promise.race(running);
      check();
      const one: Promise<void> = task()
        .catch((error: unknown) => {
          failed ??= { error };
        })
        .finally(() => running.delete(one));
      running.add(one);
    },
    async done(): Promise<void> {
      while (running.size > 0) await Promise.race(running);
      check();
    },
  };
}

export function openLists(
  { db, limits, read, ready, closing, ...connection }: Connection,
  clock: Clock,
  log: Log,
): NumberLists {
  const pointers = db.collection<ListDocument>('dnc_lists');
  const blocks = db.collection<BlockDocument>('dnc_list_blocks');
  const imports = db.collection<ImportDocument>('dnc_list_imports');
  const spoken = db.collection<LinesDocument>('dnc_list_lines');
  const write = <T>(task: () => Promise<T>): Promise<T> => connection.write('dnc_registry', task);

  // ── Versions that were let go ──────────────────────────────────────────────────────────────────────────────────────

  /** In steps, each short: a version may have half a million blocks. */
  async function removeBlocks(list: string, version: string, areas = ALL_AREAS): Promise<void> {
    for (const area of areas) {
      const first = `${list}/${version}/${area}`;
      await write(() => blocks.deleteMany({ _id: { $gte: `${first}000`, $lte: `${first}999` } }, limits));
    }
  }

  /** Waits until nobody can be reading them any more; by our own clock, for those of several machines differ. */
  function removeLater(list: string, versions: readonly string[]): void {
    if (versions.length === 0) return;
    const remove = async (): Promise<void> => {
      for (const version of versions) {
        await removeBlocks(list, version);
        await write(() => pointers.updateOne({ _id: list }, { $pull: { letGo: version } }, limits));
      }
    };
    void clock
      .sleep(KEPT_MS, closing)
      .then(remove)
      .catch((error: unknown) => {
        if (closing.aborted) return;
        log.warn(
          { list, error: messageOf(error) },
          'a list that is no longer used stays until the next start',
        );
      });
  }

  async function removeLeftOver(): Promise<void> {
    for (const { _id, letGo } of await read(() => pointers.find({}, limits).toArray()))
      removeLater(_id, letGo);
  }

  // ── Making a copy ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes documents in the order they come, several parcels at a time. */
  function parcels<D extends { readonly _id: string }>(insert: (documents: D[]) => Promise<unknown>) {
    const out = conveyor(WRITES_AT_ONCE);
    let held: D[] = [];
    let heldBytes = 0;
    const send = (): Promise<void> => {
      const parcel = held;
      held = [];
      heldBytes = 0;
      return out.put(async () => {
        await write(() => insert(parcel));
      });
    };
    return {
      async put(document: D, bytes: number): Promise<void> {
        held.push(document);
        heldBytes += bytes;
        if (heldBytes >= BYTES_A_WRITE) await send();
      },
      async done(): Promise<void> {
        if (held.length > 0) await send();
        await out.done();
      },
    };
  }

  /** Makes the blocks of a version: what the lines said, over nothing or over the copy before. */
  async function makeBlocks(
    { _id, list, base, areas, runs }: ImportDocument,
    version: string,
    before: ListDocument | undefined,
  ): Promise<Made> {
    const breathe = slices();
    const now = new Uint8Array(AREA_BYTES);
    const was = new Uint8Array(AREA_BYTES);
    const nowPairs = new Uint16Array(now.buffer);
    const wasPairs = new Uint16Array(was.buffer);
    const out = parcels<BlockDocument>((documents) => blocks.insertMany(documents, { ordered: false }));
    const made = { areas: [] as number[], count: 0, added: 0, removed: 0 };

    async function takeUp(area: number): Promise<void> {
      was.fill(0);
      if (!before?.areas.includes(area)) return;
      const path = `${list}/${before.version}`;
      const found = await read(() =>
        blocks.find({ _id: { $gte: `${path}/${area}000`, $lte: `${path}/${area}999` } }, limits).toArray(),
      );
      for (const each of found) {
        was.set(each.bits.buffer.subarray(0, BLOCK_BYTES), Number(each._id.slice(-3)) * BLOCK_BYTES);
        await breathe();
      }
    }

    async function hear(area: number): Promise<void> {
      const found = await read(() =>
        spoken.find({ _id: under(`${_id}/${area}`) }, { ...limits, projection: { _id: 1 } }).toArray(),
      );
      const order = new Map(runs.map((run, n) => [run, n]));
      const inOrder = found
        .map((each) => ({ id: each._id, run: order.get(each._id.split('/')[2] ?? '') ?? -1 }))
        .filter(({ run }) => run >= 0)
        .sort((a, b) => a.run - b.run || (a.id < b.id ? -1 : 1));
      for (const { id } of inOrder) {
        const lines = await read(() => spoken.findOne({ _id: id }, limits));
        if (!lines) throw unavailable(`lines of the import ${_id} are gone; begin it again`);
        const { buffer } = lines.said;
        const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
        for (let at = 0; at < buffer.byteLength; at += 4) {
          const entry = view.getUint32(at, true);
          const byte = entry >>> 4;
          const bit = 1 << ((entry >>> 1) & 7);
          now[byte] = entry & 1 ? (now[byte] as number) & ~bit : (now[byte] as number) | bit;
          if ((at & 0xffff) === 0) await breathe();
        }
      }
    }

    async function lay(area: number): Promise<void> {
      let any = false;
      for (let n = 0; n < AREA_BLOCKS; n += 1) {
        let count = 0;
        const end = ((n + 1) * BLOCK_BYTES) / 2;
        for (let at = (n * BLOCK_BYTES) / 2; at < end; at += 1) {
          const is = nowPairs[at] as number;
          const had = wasPairs[at] as number;
          if (is === 0 && had === 0) continue;
          count += bitsIn(is);
          made.added += bitsIn(is & ~had);
          made.removed += bitsIn(had & ~is);
        }
        if (count > 0) {
          any = true;
          made.count += count;
          const bits = new Binary(Buffer.from(now.subarray(n * BLOCK_BYTES, (n + 1) * BLOCK_BYTES)));
          const exchange = `${area}${String(n).padStart(3, '0')}`;
          await out.put({ _id: `${list}/${version}/${exchange}`, count, bits }, BLOCK_BYTES);
        }
        await breathe();
      }
      if (any) made.areas.push(area);
    }

    for (const area of [...new Set([...areas, ...(before?.areas ?? [])])].sort((a, b) => a - b)) {
      await takeUp(area);
      if (base === 'current') now.set(was);
      else now.fill(0);
      if (areas.includes(area)) await hear(area);
      await lay(area);
    }
    await out.done();
    return made;
  }

  /** The one step that makes a version current; false when another copy became current since `before` was read. */
  async function switchTo(
    copy: Omit<ListDocument, 'letGo'>,
    before: ListDocument | undefined,
  ): Promise<boolean> {
    const { _id, ...fields } = copy;
    if (before) {
      const { matchedCount } = await write(() =>
        pointers.updateOne(
          { _id, version: before.version },
          { $set: fields, $push: { letGo: before.version } },
          limits,
        ),
      );
      return matchedCount === 1;
    }
    return await write(async () => {
      try {
        await pointers.insertOne({ ...copy, letGo: [] }, limits);
        return true;
      } catch (error) {
        if (isDuplicate(error)) return false;
        throw error;
      }
    });
  }

  const pointerOf = async (list: string): Promise<ListDocument | undefined> =>
    (await read(() => pointers.findOne({ _id: list }, limits))) ?? undefined;

  async function forget(importId: string): Promise<void> {
    await write(() => imports.deleteOne({ _id: importId }, limits));
    await write(() => spoken.deleteMany({ _id: under(importId) }, limits));
  }

  async function makeCurrent(importId: string, asOf: Date, fewest: number) {
    for (let attempt = 1; attempt <= COMMIT_ATTEMPTS; attempt += 1) {
      const begun = await read(() => imports.findOne({ _id: importId }, limits));
      if (!begun) throw new Failure('invalid_request', 'there is no such import; it was discarded');
      const before = await pointerOf(begun.list);
      if (before && begun.version === before.version) {
        // It was made current already, and the answer to that was lost.
        await forget(importId);
        return { copy: copyOf(before), added: begun.added ?? 0, removed: begun.removed ?? 0 };
      }
      if (begun.version !== undefined) await removeBlocks(begun.list, begun.version);
      const version = new ObjectId().toHexString();
      await write(() => imports.updateOne({ _id: importId }, { $set: { version } }, limits));
      const { areas, count, added, removed } = await makeBlocks(begun, version, before);
      if (count < fewest) {
        await removeBlocks(begun.list, version, areas);
        await write(() => imports.updateOne({ _id: importId }, { $unset: { version: '' } }, limits));
        throw new Failure('invalid_request', `the list would have ${count} numbers`, { details: { count } });
      }
      await write(() => imports.updateOne({ _id: importId }, { $set: { added, removed } }, limits));
      const copy = { _id: begun.list, version, asOf, count, importedAt: new Date(clock.nowMs()), areas };
      if (!(await switchTo(copy, before))) continue;
      if (before) removeLater(begun.list, [before.version]);
      await forget(importId).catch((error: unknown) =>
        log.warn({ importId, error: messageOf(error) }, 'what an import has read stays in the database'),
      );
      return { copy: copyOf({ ...copy, letGo: [] }), added, removed };
    }
    throw unavailable('other copies of this list become current all the time; try again');
  }

  // ── Copies in the making ───────────────────────────────────────────────────────────────────────────────────────────

  async function stage(importId: string, list: string, base: 'empty' | 'current'): Promise<StagedCopy> {
    checked(importId, 'id of an import');
    checked(list, 'name of a list');
    const begun = await write(() =>
      imports.findOneAndUpdate(
        { _id: importId },
        { $setOnInsert: { list, base, begunAt: new Date(clock.nowMs()), lines: 0, runs: [], areas: [] } },
        { ...limits, upsert: true, returnDocument: 'after' },
      ),
    );
    if (!begun) throw unavailable('the import could not be begun; try again');
    if (begun.list !== list || begun.base !== base)
      throw new Failure('invalid_request', `this import was begun as ${begun.list} ${begun.base}`);

    let { lines } = begun;
    let held: Float64Array[] = [];
    let heldNumbers = 0;
    let heldLines = 0;
    let broken = false;

    /** Puts what is held by area code, in order within each. */
    async function byArea(): Promise<{ entries: Uint32Array; starts: Uint32Array }> {
      const breathe = slices();
      const starts = new Uint32Array(AREAS + 1);
      for (const numbers of held) {
        for (const number of numbers) {
          const area = Math.floor(Math.abs(number) / AREA_NUMBERS) - FIRST_AREA;
          starts[area + 1] = (starts[area + 1] as number) + 1;
        }
        await breathe();
      }
      for (let n = 0; n < AREAS; n += 1) starts[n + 1] = (starts[n + 1] as number) + (starts[n] as number);
      const entries = new Uint32Array(heldNumbers);
      const next = starts.slice();
      for (const numbers of held) {
        for (const number of numbers) {
          const size = Math.abs(number);
          const area = Math.floor(size / AREA_NUMBERS) - FIRST_AREA;
          const at = next[area] as number;
          next[area] = at + 1;
          entries[at] = (size % AREA_NUMBERS) * 2 + (number < 0 ? 1 : 0);
        }
        await breathe();
      }
      return { entries, starts };
    }

    async function flush(): Promise<void> {
      if (held.length === 0) return;
      broken = true;
      const { entries, starts } = await byArea();
      const out = parcels<LinesDocument>((documents) => spoken.insertMany(documents, { ordered: false }));
      const areas: number[] = [];
      const run = new ObjectId().toHexString();
      for (let n = 0; n < AREAS; n += 1) {
        const end = starts[n + 1] as number;
        if (end > (starts[n] as number)) areas.push(FIRST_AREA + n);
        for (let from = starts[n] as number, part = 0; from < end; from += NUMBERS_A_DOCUMENT, part += 1) {
          const some = entries.subarray(from, Math.min(end, from + NUMBERS_A_DOCUMENT));
          const _id = `${importId}/${FIRST_AREA + n}/${run}/${String(part).padStart(6, '0')}`;
          const said = new Binary(Buffer.from(some.buffer, some.byteOffset, some.byteLength));
          await out.put({ _id, said }, some.byteLength);
        }
      }
      await out.done();
      const { matchedCount } = await write(() =>
        imports.updateOne(
          { _id: importId, lines },
          {
            $set: { lines: lines + heldLines },
            $push: { runs: run },
            $addToSet: { areas: { $each: areas } },
          },
          limits,
        ),
      );
      if (matchedCount === 0)
        throw unavailable(`the import ${importId} was discarded, or another process goes on with it`);
      lines += heldLines;
      held = [];
      heldNumbers = 0;
      heldLines = 0;
      broken = false;
    }

    /** After a failure only the database knows what counts: the copy is to be staged again. */
    function mustGoOn(): void {
      if (closing.aborted) throw unavailable('the store is closed');
      if (broken) throw unavailable(`the import ${importId} was interrupted; go on from what was taken`);
    }

    return {
      get linesTaken() {
        return lines;
      },
      async write(numbers, count) {
        mustGoOn();
        for (const number of numbers) {
          const area = Math.floor(Math.abs(number) / AREA_NUMBERS) - FIRST_AREA;
          if (!Number.isInteger(number) || !(area >= 0 && area < AREAS))
            throw new Failure('invalid_request', 'a list holds numbers of ten digits that begin with 2 to 9');
        }
        held.push(numbers.slice());
        heldNumbers += numbers.length;
        heldLines += count;
        if (heldNumbers >= HELD_NUMBERS) await flush();
      },
      async commit(asOf, fewest = 0) {
        mustGoOn();
        await flush();
        return await makeCurrent(importId, asOf, fewest);
      },
    };
  }

  void ready.then(removeLeftOver).catch((error: unknown) => {
    if (!closing.aborted) log.warn({ error: messageOf(error) }, 'lists that are no longer used stay for now');
  });

  return {
    copies: async () =>
      (await read(() => pointers.find({}, { ...limits, projection: { areas: 0 } }).toArray())).map(copyOf),
    async lookUp(number) {
      const beganMs = clock.steadyMs();
      const current = await read(() => pointers.find({}, { ...limits, projection: { areas: 0 } }).toArray());
      const exchange = String(Math.floor(number / BLOCK_NUMBERS));
      const place = number % BLOCK_NUMBERS;
      const found = await read(() =>
        blocks
          .find({ _id: { $in: current.map(({ _id, version }) => `${_id}/${version}/${exchange}`) } }, limits)
          .toArray(),
      );
      if (clock.steadyMs() - beganMs > LOOK_UP_MS)
        throw unavailable('looking up a number took so long that the lists may have changed; try again');
      const has = ({ bits }: BlockDocument): boolean =>
        (((bits.buffer[place >>> 3] ?? 0) >>> (place & 7)) & 1) === 1;
      const listed = new Set(found.filter(has).map(({ _id }) => _id.slice(0, _id.indexOf('/'))));
      return {
        copies: current.map(copyOf),
        listedIn: current.map(({ _id }) => _id).filter((list) => listed.has(list)),
      };
    },
    stage,
    discard: async (importId) => {
      checked(importId, 'id of an import');
      const begun = await read(() => imports.findOne({ _id: importId }, limits));
      if (begun?.version !== undefined && begun.version !== (await pointerOf(begun.list))?.version)
        await removeBlocks(begun.list, begun.version);
      await forget(importId);
    },
  };
}

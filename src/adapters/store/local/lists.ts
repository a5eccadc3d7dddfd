/**
 * adapters/store/local/lists: imported lists of numbers. A copy is a version: packed blocks under (version, first five
 * digits), so that a look-up reads one small block a list. One record says which version is current, and writing it is the
 * whole switch. Until then a new copy is a spill, from which the blocks are made area code by area code.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ListCopy, Log, NumberLists } from '../../../app/ports.ts';
import { Failure } from '../../../domain/errors.ts';
import { AREA_NUMBERS, AREAS, bitsIn, FIRST_AREA, slices } from '../numbers.ts';
import { type DataFile, messageOf, unavailable } from './data-file.ts';
import type { Files } from './files.ts';
import {
  BLOCK_NUMBERS,
  BLOCK_WORDS,
  blockCount,
  blockHas,
  bytesOf,
  packBlock,
  unpackBlock,
} from './list-blocks.ts';
import { openSpill, type Spill } from './list-spill.ts';
import type { Writer } from './writer.ts';

const AREA_BLOCKS = AREA_NUMBERS / BLOCK_NUMBERS;
const AREA_WORDS = AREA_NUMBERS / 32;
/** Area codes that are made in one pass over the spill, 1.25 MB of memory each. */
const AREAS_A_PASS = 16;
/** What goes to the writer at once; whoever else writes waits for as much at most. */
const BYTES_A_WRITE = 256 * 1024;
/** What a block of no bytes weighs in that: putting it takes time too. */
const BLOCK_BYTES = 512;
const BLOCKS_A_REMOVAL = 256;

/** The current copy and the version of its blocks. */
interface Current {
  readonly version: number;
  readonly copy: ListCopy;
}

interface Made {
  readonly count: number;
  readonly added: number;
  readonly removed: number;
}

const encode = (current: Current): Buffer => Buffer.from(JSON.stringify(current), 'utf8');

function decode(bytes: Buffer): Current {
  const { version, copy } = JSON.parse(bytes.toString('utf8')) as Current;
  return {
    version,
    copy: { ...copy, asOf: new Date(copy.asOf), importedAt: new Date(copy.importedAt) },
  };
}

/** Big-endian: the blocks of one version lie together. */
function blockKey(version: number, prefix: number): Buffer {
  const key = Buffer.allocUnsafeSlow(8);
  key.writeUInt32BE(version, 0);
  key.writeUInt32BE(prefix, 4);
  return key;
}

/** The current copies in a file, by the names of their lists. */
export const currentLists = (file: DataFile): Map<string, Current> =>
  new Map([...file.lists.getRange({})].map(({ key, value }) => [key.toString('utf8'), decode(value)]));

/** The numbers of a version, ascending, block by block. */
export function* numbersIn(file: DataFile, version: number): Generator<Float64Array> {
  const words = new Uint32Array(BLOCK_WORDS);
  const end = blockKey(version + 1, 0);
  for (let start = blockKey(version, 0); ; ) {
    const [found] = [...file.blocks.getRange({ start, end, limit: 1 })];
    if (!found) return;
    const prefix = found.key.readUInt32BE(4);
    words.fill(0);
    unpackBlock(found.value, words);
    const numbers = new Float64Array(blockCount(found.value));
    let at = 0;
    for (let word = 0; word < BLOCK_WORDS; word += 1)
      for (let bits = words[word] as number; bits !== 0; bits &= bits - 1) {
        numbers[at] = prefix * BLOCK_NUMBERS + word * 32 + 31 - Math.clz32(bits & -bits);
        at += 1;
      }
    yield numbers;
    start = blockKey(version, prefix + 1);
  }
}

export interface LocalLists extends NumberLists {
  /** Ends what is under way; nothing touches the database after it. */
  stop(): Promise<void>;
}

/** Takes up the current copies, and lets go of versions that never became current or no longer are. */
export function openLists(dir: string, files: Files, writer: Writer, log: Log): LocalLists {
  const current = new Map<string, Current>();
  for (const { key, value } of files.file.lists.getRange({}))
    current.set(key.toString('utf8'), decode(value));
  const underWay = new Set<Promise<unknown>>();
  let stopped = false;
  let newestVersion = 0;
  let lastCommit: Promise<unknown> = Promise.resolve();

  function mustRun(): void {
    if (stopped) throw unavailable('the store is closed');
  }

  /** Runs a task of the port; whatever is no Failure is `store_unavailable`. */
  function run<T>(task: () => Promise<T>): Promise<T> {
    const running = (async () => {
      mustRun();
      try {
        return await task();
      } catch (error) {
        if (error instanceof Failure) throw error;
        throw unavailable(`the store failed: ${messageOf(error)}`, error);
      }
    })();
    const settled = running.catch(() => undefined).then(() => void underWay.delete(settled));
    underWay.add(settled);
    return running;
  }

  const spillOf = (importId: string): string => {
    if (!/^[\w-]{1,64}$/.test(importId)) throw new Failure('invalid_request', 'this is no id of an import');
    return join(dir, 'lists', importId);
  };

  /** Removes the blocks of a version in small steps; what a stop leaves is found when the store opens again. */
  async function letGo(version: number): Promise<void> {
    for (;;) {
      if (stopped) return;
      const keys = [
        ...files.file.blocks.getKeys({
          start: blockKey(version, 0),
          end: blockKey(version + 1, 0),
          limit: BLOCKS_A_REMOVAL,
        }),
      ];
      if (keys.length === 0) return;
      await writer.submit((turn) => {
        for (const key of keys) turn.keep(files.file.blocks, key, undefined);
      }, 0);
    }
  }

  const letGoLater = (version: number): void =>
    void run(() => letGo(version)).catch((error: unknown) => {
      if (!stopped)
        log.warn({ version, error: messageOf(error) }, 'a list that is no longer used stays on disk');
    });

  /** Every version that has blocks, by one step to each. */
  function versionsOnDisk(): number[] {
    const versions: number[] = [];
    for (let from = 0; ; ) {
      const [key] = [...files.file.blocks.getKeys({ start: blockKey(from, 0), limit: 1 })];
      if (!key) return versions;
      const version = key.readUInt32BE(0);
      versions.push(version);
      from = version + 1;
    }
  }

  /** Makes the blocks of a new version: what the spill said, over nothing or over the copy before. */
  async function makeBlocks(
    version: number,
    spill: Spill,
    base: 'empty' | 'current',
    before: number | undefined,
  ): Promise<Made> {
    const breathe = slices();
    const words = new Uint32Array(AREAS_A_PASS * AREA_WORDS);
    const earlier = new Uint32Array(BLOCK_WORDS);
    let made = { count: 0, added: 0, removed: 0 };
    let out: (readonly [key: Buffer, block: Buffer])[] = [];
    let outBytes = 0;

    /** The blocks of an area code in the copy before, by their prefix. */
    const blocksBefore = (area: number): ReadonlyMap<number, Buffer> =>
      new Map(
        before === undefined
          ? []
          : [
              ...files.file.blocks.getRange({
                start: blockKey(before, area * AREA_BLOCKS),
                end: blockKey(before, (area + 1) * AREA_BLOCKS),
              }),
            ].map(({ key, value }) => [key.readUInt32BE(4), value]),
      );
    const pause = async (): Promise<void> => {
      await breathe();
      mustRun();
    };

    async function writeOut(): Promise<void> {
      const blocksOut = out;
      out = [];
      await writer.submit((turn) => {
        for (const [key, block] of blocksOut) turn.keep(files.file.blocks, key, block);
      }, outBytes);
      outBytes = 0;
      mustRun();
    }

    async function keep(prefix: number, block: Buffer): Promise<void> {
      out.push([blockKey(version, prefix), block]);
      outBytes += BLOCK_BYTES + block.length;
      if (outBytes >= BYTES_A_WRITE) await writeOut();
    }

    /** An area code of which nothing was said. */
    async function passOver(area: number): Promise<void> {
      for (const [prefix, block] of blocksBefore(area)) {
        const count = blockCount(block);
        if (base === 'current') {
          made = { ...made, count: made.count + count };
          await keep(prefix, block);
        } else made = { ...made, removed: made.removed + count };
        await pause();
      }
      await pause();
    }

    async function takeUp(area: number, bits: Uint32Array): Promise<void> {
      bits.fill(0);
      await pause();
      if (base === 'empty') return;
      for (const [prefix, block] of blocksBefore(area)) {
        const from = (prefix - area * AREA_BLOCKS) * BLOCK_WORDS;
        unpackBlock(block, bits.subarray(from, from + BLOCK_WORDS));
        await pause();
      }
    }

    async function lay(area: number, bits: Uint32Array): Promise<void> {
      const old = blocksBefore(area);
      for (let n = 0; n < AREA_BLOCKS; n += 1) {
        const prefix = area * AREA_BLOCKS + n;
        const block = old.get(prefix);
        const numbers = bits.subarray(n * BLOCK_WORDS, (n + 1) * BLOCK_WORDS);
        earlier.fill(0);
        if (block) unpackBlock(block, earlier);
        // Most blocks of most lists are as they were: empty.
        if (bytesOf(numbers).equals(bytesOf(earlier))) {
          if (block) {
            made = { ...made, count: made.count + blockCount(block) };
            await keep(prefix, block);
          }
          await pause();
          continue;
        }
        let count = 0;
        let { added, removed } = made;
        for (let i = 0; i < BLOCK_WORDS; i += 1) {
          const now = numbers[i] as number;
          const was = earlier[i] as number;
          if (now === 0 && was === 0) continue;
          count += bitsIn(now);
          added += bitsIn(now & ~was);
          removed += bitsIn(was & ~now);
        }
        made = { count: made.count + count, added, removed };
        if (count > 0) await keep(prefix, packBlock(numbers, count));
        await pause();
      }
    }

    for (let first = FIRST_AREA; first < FIRST_AREA + AREAS; first += AREAS_A_PASS) {
      const last = Math.min(first + AREAS_A_PASS, FIRST_AREA + AREAS);
      const bitsOf = (area: number): Uint32Array =>
        words.subarray((area - first) * AREA_WORDS, (area - first + 1) * AREA_WORDS);
      const named: number[] = [];
      for (let area = first; area < last; area += 1)
        if (spill.names(area)) {
          named.push(area);
          await takeUp(area, bitsOf(area));
        } else await passOver(area);
      if (named.length === 0) continue;
      await spill.read(first, last, (area, said) => {
        const bits = bitsOf(area);
        for (const entry of said) {
          const at = entry >>> 6;
          const bit = 1 << ((entry >>> 1) & 31);
          bits[at] = entry & 1 ? (bits[at] as number) & ~bit : (bits[at] as number) | bit;
        }
      });
      for (const area of named) await lay(area, bitsOf(area));
    }
    await writeOut();
    return made;
  }

  async function commit(list: string, spill: Spill, base: 'empty' | 'current', asOf: Date, fewest: number) {
    mustRun();
    newestVersion += 1;
    const version = newestVersion;
    const before = current.get(list);
    let made: Made;
    try {
      made = await makeBlocks(version, spill, base, before?.version);
      if (made.count < fewest)
        throw new Failure('invalid_request', `the list would have ${made.count} numbers`, {
          details: { count: made.count },
        });
    } catch (error) {
      letGoLater(version);
      throw error;
    }
    const { count, added, removed } = made;
    const copy: ListCopy = { list, asOf, count, importedAt: new Date() };
    // Where this write fails it may still happen, so both versions stay until the store opens again.
    await writer.submit(
      (turn) => turn.keep(files.file.lists, Buffer.from(list, 'utf8'), encode({ version, copy })),
      0,
    );
    current.set(list, { version, copy });
    if (before) letGoLater(before.version);
    return { copy, added, removed };
  }

  const inUse = new Set([...current.values()].map(({ version }) => version));
  for (const version of [...versionsOnDisk(), ...inUse]) {
    newestVersion = Math.max(newestVersion, version);
    if (!inUse.has(version)) letGoLater(version);
  }

  const copies = (): ListCopy[] => [...current.values()].map(({ copy }) => copy);

  return {
    copies: () => run(async () => copies()),
    lookUp: (number) =>
      run(async () => {
        // No step here waits for anything, so that all blocks are of the copies that were current at one moment.
        const prefix = Math.floor(number / BLOCK_NUMBERS);
        const listedIn: string[] = [];
        for (const [list, { version }] of current) {
          const block = files.file.blocks.get(blockKey(version, prefix));
          if (block && blockHas(block, number % BLOCK_NUMBERS)) listedIn.push(list);
        }
        return { copies: copies(), listedIn };
      }),
    stage: (importId, list, base) =>
      run(async () => {
        const path = spillOf(importId);
        await mkdir(join(dir, 'lists'), { recursive: true, mode: 0o700 });
        const spill = await openSpill(path, `${list} ${base}`);
        return {
          get linesTaken() {
            return spill.lines;
          },
          write: (numbers, lines) => run(() => spill.append(numbers, lines)),
          commit: (asOf, fewest = 0) =>
            run(async () => {
              // One after the other: each takes memory, and the next may begin with the numbers of this one.
              const turn = lastCommit.then(() => commit(list, spill, base, asOf, fewest));
              lastCommit = turn.catch(() => undefined);
              const committed = await turn;
              await rm(path, { force: true });
              return committed;
            }),
        };
      }),
    discard: (importId) => run(() => rm(spillOf(importId), { force: true })),
    async stop() {
      stopped = true;
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

/**
 * adapters/store/local/list-spill: what the lines of a list's file said, on disk until all of them are there. Each write
 * is a run: its lines' numbers put by area code, in the order of the lines within one. So the area codes can be worked off
 * one by one in little memory, and a process that dies loses no run that was acknowledged.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { Failure } from '../../../domain/errors.ts';
import { AREA_NUMBERS, AREAS, FIRST_AREA } from '../numbers.ts';

/** `list base` of the copy in the making. */
const TITLE_BYTES = 64;
/** Of a run's head: magic, lines, numbers, checksum of what follows; then the count of numbers of each area code. */
const HEAD = { magic: 0, lines: 4, numbers: 8, checksum: 12, counts: 16 } as const;
const HEAD_BYTES = HEAD.counts + 4 * AREAS;
const MAGIC = 0x1157_ca11;

interface Run {
  readonly position: number;
  readonly lines: number;
  /** Where the numbers of each area code begin, counted in numbers; one more at the end. */
  readonly starts: Uint32Array;
}

export interface Spill {
  /** Lines of all runs. */
  readonly lines: number;
  /** Adds a run: the numbers that `lines` more lines said, negative ones to remove. On disk when it resolves. */
  append(numbers: Float64Array, lines: number): Promise<void>;
  /** Whether anything was said of an area code. */
  names(area: number): boolean;
  /**
   * Hands over what was said of the area codes [first, end), for each in the order of the lines: twice the number without
   * its area code, and one more to remove it. The array is good during the call only.
   */
  read(first: number, end: number, take: (area: number, said: Uint32Array) => void): Promise<void>;
}

const startsOf = (head: Buffer): Uint32Array => {
  const starts = new Uint32Array(AREAS + 1);
  for (let n = 0; n < AREAS; n += 1)
    starts[n + 1] = (starts[n] as number) + head.readUInt32LE(HEAD.counts + 4 * n);
  return starts;
};

const bytesOf = (run: Run): number => HEAD_BYTES + 4 * (run.starts[AREAS] as number);

async function using<T>(opening: Promise<FileHandle>, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await opening;
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, bytes: number): Promise<Buffer | undefined> {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, position + done);
    if (bytesRead === 0) return undefined;
    done += bytesRead;
  }
  return buffer;
}

async function writeAt(file: FileHandle, position: number, buffer: Buffer): Promise<void> {
  let done = 0;
  while (done < buffer.length)
    done += (await file.write(buffer, done, buffer.length - done, position + done)).bytesWritten;
}

/** The runs that are whole. Only the last can be torn: each was synced before the next was begun. */
async function runsOf(file: FileHandle): Promise<Run[]> {
  const { size } = await file.stat();
  const runs: Run[] = [];
  let position = TITLE_BYTES;
  for (;;) {
    const head = await readAt(file, position, HEAD_BYTES);
    if (head?.readUInt32LE(HEAD.magic) !== MAGIC) break;
    const run = { position, lines: head.readUInt32LE(HEAD.lines), starts: startsOf(head) };
    position += bytesOf(run);
    if (run.starts[AREAS] !== head.readUInt32LE(HEAD.numbers) || position > size) break;
    runs.push(run);
  }
  const last = runs.at(-1);
  if (last) {
    const bytes = await readAt(file, last.position, bytesOf(last));
    if (!bytes || crc32(bytes.subarray(HEAD.counts)) !== bytes.readUInt32LE(HEAD.checksum)) runs.pop();
  }
  return runs;
}

/** A run as it stands in the file. Throws Failure `invalid_request` for what is no number of the numbering plan. */
function encodeRun(numbers: Float64Array, lines: number): { bytes: Buffer; starts: Uint32Array } {
  const count = numbers.length;
  const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + 4 * count);
  const areas = new Uint16Array(count);
  const counts = new Uint32Array(bytes.buffer, HEAD.counts, AREAS).fill(0);
  for (let i = 0; i < count; i += 1) {
    const size = Math.abs(numbers[i] as number);
    const area = Math.trunc(size / AREA_NUMBERS) - FIRST_AREA;
    if (!(area >= 0 && area < AREAS && size === Math.trunc(size)))
      throw new Failure('invalid_request', 'a list holds numbers of ten digits that begin with 2 to 9');
    areas[i] = area;
    counts[area] = (counts[area] as number) + 1;
  }
  bytes.writeUInt32LE(MAGIC, HEAD.magic);
  bytes.writeUInt32LE(lines, HEAD.lines);
  bytes.writeUInt32LE(count, HEAD.numbers);
  const starts = startsOf(bytes);
  const next = starts.slice();
  const said = new Uint32Array(bytes.buffer, HEAD_BYTES, count);
  for (let i = 0; i < count; i += 1) {
    const number = numbers[i] as number;
    const area = areas[i] as number;
    const at = next[area] as number;
    next[area] = at + 1;
    said[at] = (Math.abs(number) - (area + FIRST_AREA) * AREA_NUMBERS) * 2 + (number < 0 ? 1 : 0);
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(HEAD.counts)), HEAD.checksum);
  return { bytes, starts };
}

/**
 * Opens the spill at `path`, made when missing, with the runs that are whole. Throws Failure `invalid_request` when it was
 * begun under another title.
 */
export async function openSpill(path: string, title: string): Promise<Spill> {
  const runs: Run[] = [];
  const mine = Buffer.alloc(TITLE_BYTES, ' ');
  mine.write(`${title}\n`);
  const withFile = <T>(work: (file: FileHandle) => Promise<T>): Promise<T> =>
    using(open(path, constants.O_RDWR | constants.O_CREAT, 0o600), work);

  await withFile(async (file) => {
    const found = await readAt(file, 0, TITLE_BYTES);
    if (!found) await writeAt(file, 0, mine);
    else if (!found.equals(mine))
      throw new Failure('invalid_request', `this import was begun as ${found.toString('latin1').trim()}`);
    else runs.push(...(await runsOf(file)));
    await file.truncate(end());
    await file.sync();
  });
  // The name of a new file is on disk when its directory is.
  await using(open(dirname(path)), (directory) => directory.sync());

  function end(): number {
    const last = runs.at(-1);
    return last ? last.position + bytesOf(last) : TITLE_BYTES;
  }

  return {
    get lines() {
      return runs.reduce((sum, run) => sum + run.lines, 0);
    },
    async append(numbers, lines) {
      const { bytes, starts } = encodeRun(numbers, lines);
      const position = end();
      await withFile(async (file) => {
        await writeAt(file, position, bytes);
        await file.datasync();
      });
      runs.push({ position, lines, starts });
    },
    names: (area) => runs.some(({ starts }) => starts[area - FIRST_AREA] !== starts[area - FIRST_AREA + 1]),
    read: (first, last, take) =>
      withFile(async (file) => {
        for (const { position, starts } of runs) {
          const begin = starts[first - FIRST_AREA] as number;
          const count = (starts[last - FIRST_AREA] as number) - begin;
          if (count === 0) continue;
          const bytes = await readAt(file, position + HEAD_BYTES + 4 * begin, 4 * count);
          if (!bytes) throw new Error(`${path} was cut short`);
          const said = new Uint32Array(bytes.buffer, 0, count);
          for (let area = first; area < last; area += 1)
            take(
              area,
              said.subarray(
                (starts[area - FIRST_AREA] as number) - begin,
                (starts[area - FIRST_AREA + 1] as number) - begin,
              ),
            );
        }
      }),
  };
}

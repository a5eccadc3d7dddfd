/**
 * adapters/store/journal/segments: what lies on disk, and how it is read again, whatever happened to it.
 *
 * A journal is a folder of segments, `00000007-000000004211.journal`: its place in their order, and the number of its first
 * entry. A segment is a line of text that names the format, then entries: 4 bytes of marker, CRC-32 of all that follows,
 * length of the payload, number of the entry, payload; whole numbers are little-endian. Entries count up without gaps, so
 * that it shows when some are lost. A segment ends where the next one begins to count: what a failed write left behind
 * there is void.
 */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** The first line of every segment. */
export const TITLE = Buffer.from('PARLEY JOURNAL 1\n', 'latin1');
/** No text in UTF-8 has the first two bytes. */
const MARKER = Buffer.from([0xff, 0xfe, 0x50, 0x4a]);
const AT = { crc: 4, length: 8, number: 12, payload: 20 } as const;
/** A document of 16 MB, the largest there is, in its wrapping. */
export const MAX_PAYLOAD_BYTES = 17 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** A place is the ordinal of a segment times this, plus an offset in it. */
const SPAN = 2 ** 32;

export interface Segment {
  readonly name: string;
  readonly ordinal: number;
  /** The number of its first entry. */
  readonly first: number;
}

export interface Entry {
  /** Where it lies; places grow with numbers. */
  readonly place: number;
  readonly number: number;
  readonly payload: Buffer;
}

/** Bytes that are no entries. */
export interface Damage {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  /** Entries that are missing there, as far as their numbers tell. */
  readonly lost: number;
  /** It is the end of its segment and nothing is missing behind it: a write cut off by a crash, which nobody was told of. */
  readonly torn: boolean;
}

export const placeOf = (ordinal: number, offset: number): number => ordinal * SPAN + offset;
export const ordinalOf = (place: number): number => Math.floor(place / SPAN);
const offsetOf = (place: number): number => place % SPAN;

export const segmentName = (ordinal: number, first: number): string =>
  `${String(ordinal).padStart(8, '0')}-${String(first).padStart(12, '0')}.journal`;

/** The segments of a folder in their order. */
export async function listSegments(dir: string): Promise<Segment[]> {
  return (await readdir(dir))
    .flatMap((name): Segment[] => {
      const [, ordinal, first] = /^(\d{8})-(\d{12,})\.journal$/.exec(name) ?? [];
      return ordinal && first ? [{ name, ordinal: Number(ordinal), first: Number(first) }] : [];
    })
    .sort((a, b) => a.ordinal - b.ordinal);
}

export const entryBytes = (payload: Uint8Array): number => AT.payload + payload.length;

/** Writes an entry into `into` at `at`; answers where it ends. */
export function writeEntry(into: Buffer, at: number, number: number, payload: Uint8Array): number {
  const end = at + entryBytes(payload);
  MARKER.copy(into, at);
  into.writeUInt32LE(payload.length, at + AT.length);
  into.writeBigUInt64LE(BigInt(number), at + AT.number);
  into.set(payload, at + AT.payload);
  into.writeUInt32LE(crc32(into.subarray(at + AT.length, end)), at + AT.crc);
  return end;
}

/** The entry at `at`, 'none' when there is none, or how many bytes are needed from `at` on to tell. */
function entryAt(
  bytes: Buffer,
  at: number,
): { number: number; payload: Buffer; end: number } | 'none' | number {
  const here = Math.min(bytes.length - at, MARKER.length);
  if (bytes.compare(MARKER, 0, here, at, at + here) !== 0) return 'none';
  if (bytes.length - at < AT.payload) return AT.payload;
  const length = bytes.readUInt32LE(at + AT.length);
  if (length > MAX_PAYLOAD_BYTES) return 'none';
  const end = at + AT.payload + length;
  if (end > bytes.length) return end - at;
  if (crc32(bytes.subarray(at + AT.length, end)) !== bytes.readUInt32LE(at + AT.crc)) return 'none';
  return {
    number: Number(bytes.readBigUInt64LE(at + AT.number)),
    payload: bytes.subarray(at + AT.payload, end),
    end,
  };
}

/** What a chunk of a segment holds, in its order: entries, and stretches that are none. */
type Found =
  | { readonly offset: number; readonly number: number; readonly payload: Buffer }
  | { readonly offset: number; readonly bytes: number; readonly payload?: undefined };

/** An open segment between two offsets, a chunk at a time. A stretch is told when it is over. */
async function* scan(file: FileHandle, start: number, end: number): AsyncGenerator<Found[]> {
  let held: Buffer = Buffer.alloc(0);
  /** Where in the file `held` begins. */
  let base = start;
  let needed = 0;
  let badFrom: number | undefined;
  while (base + held.length < end) {
    const wanted = Math.min(Math.max(CHUNK_BYTES, needed - held.length), end - base - held.length);
    const chunk = Buffer.allocUnsafe(wanted);
    const { bytesRead } = await file.read(chunk, 0, wanted, base + held.length);
    if (bytesRead === 0) break;
    held = Buffer.concat([held, chunk.subarray(0, bytesRead)]);
    const all: Found[] = [];
    let at = 0;
    needed = 0;
    while (at < held.length) {
      const found = entryAt(held, at);
      if (typeof found === 'object') {
        if (badFrom !== undefined) all.push({ offset: badFrom, bytes: base + at - badFrom });
        badFrom = undefined;
        all.push({ offset: base + at, number: found.number, payload: found.payload });
        at = found.end;
      } else if (found !== 'none' && base + at + found <= end) {
        needed = found;
        break;
      } else {
        badFrom ??= base + at;
        const next = held.indexOf(MARKER, at + 1);
        // A marker may lie across the end of what was read so far.
        at = next === -1 ? Math.max(at + 1, held.length - MARKER.length + 1) : next;
      }
    }
    yield all;
    held = held.subarray(at);
    base += at;
  }
  badFrom ??= base;
  if (badFrom < end) yield [{ offset: badFrom, bytes: end - badFrom }];
}

/**
 * Every intact entry from a place on, below another, oldest first, some hundreds at a time. Damage is told and passed over.
 * Throws what the file system throws.
 */
export async function* readEntries(
  dir: string,
  { from = 0, below = Number.POSITIVE_INFINITY }: { readonly from?: number; readonly below?: number },
  damaged: (damage: Damage) => void,
): AsyncGenerator<Entry[]> {
  const segments = await listSegments(dir);
  /** The number that comes next; undefined where reading begins in the middle. */
  let expected: number | undefined;
  /** Damage behind which no entry was seen yet. */
  let pending: Omit<Damage, 'lost' | 'torn'> | undefined;
  const tell = (lost: number, torn: boolean): void => {
    if (pending) damaged({ ...pending, lost, torn });
    pending = undefined;
  };

  for (const [index, { name, ordinal, first }] of segments.entries()) {
    const began = placeOf(ordinal, 0);
    if (ordinal < ordinalOf(from) || began >= below) continue;
    const voidFrom = segments[index + 1]?.first ?? Number.POSITIVE_INFINITY;
    const file = await open(join(dir, name), 'r');
    try {
      const title = Buffer.alloc(TITLE.length);
      await file.read(title, 0, TITLE.length, 0);
      const start = Math.max(from - began, title.equals(TITLE) ? TITLE.length : 0);
      const end = Math.min((await file.stat()).size, below - began);
      if (start <= TITLE.length) expected ??= first;
      for await (const all of scan(file, start, end)) {
        const entries: Entry[] = [];
        for (const found of all) {
          if (found.payload === undefined) {
            tell(0, true);
            pending = { segment: name, offset: found.offset, bytes: found.bytes };
            continue;
          }
          const { offset, number, payload } = found;
          if (number >= voidFrom || number < (expected ?? 0)) continue;
          const lost = number - (expected ?? number);
          if (lost > 0) pending ??= { segment: name, offset, bytes: 0 };
          tell(lost, lost === 0 && pending?.segment !== name);
          expected = number + 1;
          entries.push({ place: began + offset, number, payload });
        }
        if (entries.length > 0) yield entries;
      }
    } finally {
      await file.close();
    }
  }
  tell(0, true);
}

/** The payload of the entry at a place in its open segment, `guess` bytes being read first; undefined when there is no intact entry. */
export async function readEntry(file: FileHandle, place: number, guess: number): Promise<Buffer | undefined> {
  let bytes = Buffer.allocUnsafe(guess);
  for (;;) {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, offsetOf(place));
    const found = entryAt(bytes.subarray(0, bytesRead), 0);
    if (typeof found === 'object') return found.payload;
    if (found === 'none' || bytesRead < bytes.length) return undefined;
    bytes = Buffer.allocUnsafe(found);
  }
}

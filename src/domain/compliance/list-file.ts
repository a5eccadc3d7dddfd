/**
 * domain/compliance/list-file: the flat files in which the national registry, states and vendors publish numbers, read
 * from bytes as they come, cut anywhere. A line is `aaa,nnnnnnn`, ten digits or E.164; in a list of changes A (added) or D
 * (deleted) follows, and behind that the publisher's dates. A line that is none of this is counted and explained, and a
 * file with too many of them is no list.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { Failure } from '../errors.ts';

/** `full` names everybody who is listed; `changes` who came and who went. */
export type ListKind = 'full' | 'changes';

export interface LineError {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** How far a file has been read, always behind a whole line, and what it takes to go on there. */
export interface FileMark {
  readonly lines: number;
  readonly bytes: number;
  /** Lines that named a number. */
  readonly named: number;
  readonly rejected: number;
  /** SHA-256 of all bytes so far, in hex. */
  readonly hash: string;
}

export interface ListFile {
  /**
   * Reads on; the chunk is not kept. Throws Failure `invalid_request` when the file does not begin as the one did whose
   * mark was given.
   */
  take(chunk: Uint8Array): void;
  /** There is no more; the last line needs no line end. Throws as `take`. */
  end(): void;
  /** The numbers of the lines since the last time, in their order, one that was deleted negative; and how many lines. */
  drain(): { readonly numbers: Float64Array; readonly lines: number };
  /** How many numbers `drain` would give. */
  readonly waiting: number;
  mark(): FileMark;
  /** The first hundred. */
  readonly errors: readonly LineError[];
  /** Why this is no list of numbers, as far as it was read. */
  readonly refusal: string | undefined;
}

const LONGEST_LINE = 200;
const MOST_ERRORS = 100;

const NUL = 0;
const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const PLUS = 43;
const COMMA = 44;
const DASH = 45;
const ZERO = 48;
const ONE = 49;
const NINE = 57;
const LESS = 60;
const ADDED = 65;
const DELETED = 68;

/** What files begin with that are no text of lines. */
const FOREIGN: readonly (readonly [bytes: readonly number[], what: string])[] = [
  [[0x50, 0x4b, 3, 4], 'this is a ZIP archive; unpack it and send the text file inside'],
  [[0x1f, 0x8b], 'this is a gzip archive; unpack it and send the text file inside'],
  [[0xff, 0xfe], 'this is UTF-16 text; save it as plain text (UTF-8)'],
  [[0xfe, 0xff], 'this is UTF-16 text; save it as plain text (UTF-8)'],
];
const BOM = [0xef, 0xbb, 0xbf] as const;
const XML = 'this is the XML form of the list; download the flat text file instead';

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= NINE;
const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
const isBlank = (byte: number): boolean => byte === SPACE || byte === TAB || byte === CR;
const show = (byte: number): string =>
  byte > SPACE && byte < 0x7f ? String.fromCharCode(byte) : `byte ${byte}`;

const startsWith = (bytes: Uint8Array, from: number, to: number, start: readonly number[]): boolean =>
  to - from >= start.length && start.every((byte, n) => bytes[from + n] === byte);

/** `2026-11-20`, with a time of day or without. */
function isDate(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 10) return false;
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number;
    const place = at - from;
    const fine =
      place === 4 || place === 7
        ? byte === DASH
        : place < 10
          ? isDigit(byte)
          : isDigit(byte) || 'TZ:.+- '.includes(String.fromCharCode(byte));
    if (!fine) return false;
  }
  return true;
}

/** The number of a line, negative where it is deleted; what is wrong with the line; or 0 for a blank one. */
function readLine(bytes: Uint8Array, from: number, to: number, kind: ListKind): number | string {
  if (to - from > LONGEST_LINE) return `longer than ${LONGEST_LINE} bytes`;
  let at = from;
  let end = to;
  while (end > at && isBlank(bytes[end - 1] as number)) end -= 1;
  while (at < end && isBlank(bytes[at] as number)) at += 1;
  if (at === end) return 0;

  const start = at;
  if (bytes[at] === PLUS) {
    if (bytes[at + 1] !== ONE) return 'not a number of North America';
    at += 2;
  }
  let number = 0;
  let digits = 0;
  for (; at < end; at += 1) {
    const byte = bytes[at] as number;
    if (byte >= ZERO && byte <= NINE) {
      number = number * 10 + (byte - ZERO);
      digits += 1;
    } else if (!(byte === COMMA && at === start + 3 && digits === 3)) break;
  }
  if (at < end && bytes[at] !== COMMA) {
    const byte = bytes[at] as number;
    if (byte === NUL || bytes.subarray(at, end).includes(NUL)) return 'a NUL byte';
    return isLetter(byte) ? 'letters where a digit belongs' : `${show(byte)} where a digit belongs`;
  }
  if (digits !== 10) return `${digits} digits, not 10`;
  const area = Math.trunc(number / 10_000_000);
  if (area < 200 || area % 100 === 11) return `no area code ${String(area).padStart(3, '0')}`;

  let change = 0;
  while (at < end) {
    const field = at + 1;
    at = field;
    while (at < end && bytes[at] !== COMMA) at += 1;
    const byte = bytes[field] as number;
    if (at === field + 1 && change === 0 && (byte === ADDED || byte === DELETED)) change = byte;
    else if (!isDate(bytes, field, at)) {
      if (bytes.subarray(field, at).includes(NUL)) return 'a NUL byte';
      return at === field + 1
        ? `unknown change letter ${show(byte)}; only A and D are known`
        : 'neither A, D nor a date behind the number';
    }
  }
  if (kind === 'full')
    return change === DELETED ? 'D: a full list deletes nothing; import changes as changes' : number;
  if (change === 0) return 'no A or D behind the number';
  return change === DELETED ? -number : number;
}

const EARLY_LINES = 1_000;
const FEW_BAD = 100;
const count = (n: number): string => n.toLocaleString('en-US');

/** Why a file with so many bad lines is no list; `early`: the bad ones of the first thousand. */
export function tooManyBad(
  { lines, rejected, early }: { readonly lines: number; readonly rejected: number; readonly early: number },
  ended: boolean,
): string | undefined {
  const first = Math.min(lines, EARLY_LINES);
  if ((ended || lines >= EARLY_LINES) && early * 2 > first)
    return `this does not look like a list of numbers: ${count(early)} of its first ${count(first)} lines are bad`;
  if (ended && rejected > FEW_BAD && rejected * 100 > lines)
    return `this does not look like a list of numbers: ${count(rejected)} of its ${count(lines)} lines are bad`;
  return undefined;
}

/** Begins a file, or goes on with one behind `from`: it is then read from its first byte again, and compared. */
export function openListFile(kind: ListKind, from?: FileMark, earlier: readonly LineError[] = []): ListFile {
  let { lines = 0, bytes: read = 0, named = 0, rejected = 0 } = from ?? {};
  const errors = earlier.filter(({ line }) => line <= lines).slice(0, MOST_ERRORS);
  let early = lines <= EARLY_LINES ? rejected : 0;
  let drained = lines;
  let foreign: string | undefined;
  let ended = false;

  const hash = sha256.create();
  let hashAtLineEnd = hash.clone();
  /** Bytes that are still to be compared. */
  let known = from?.bytes ?? 0;

  let numbers = new Float64Array(8_192);
  let waiting = 0;
  /** The beginning of a line whose end has not come, one byte more than the longest line at most. */
  const held = new Uint8Array(LONGEST_LINE + 1);
  let heldBytes = 0;
  /** All bytes behind the last line end. */
  let openBytes = 0;

  function hold(bytes: Uint8Array, begin: number, end: number): void {
    const room = Math.min(end - begin, held.length - heldBytes);
    held.set(bytes.subarray(begin, begin + room), heldBytes);
    heldBytes += room;
  }

  /** The first line may be a heading, and shows files that are something else. Answers whether the line is done with. */
  function isHeading(bytes: Uint8Array, begin: number, end: number): boolean {
    foreign = FOREIGN.find(([start]) => startsWith(bytes, begin, end, start))?.[1];
    let at = begin;
    while (at < end && isBlank(bytes[at] as number)) at += 1;
    const byte = bytes[at] ?? 0;
    if (byte === LESS) foreign = XML;
    return foreign !== undefined || isLetter(byte) || byte === QUOTE;
  }

  function line(bytes: Uint8Array, begin: number, end: number): void {
    lines += 1;
    let start = begin;
    if (lines === 1) {
      if (startsWith(bytes, begin, end, BOM)) start += BOM.length;
      if (isHeading(bytes, start, end)) return;
    }
    const said = readLine(bytes, start, end, kind);
    if (typeof said === 'string') {
      rejected += 1;
      if (lines <= EARLY_LINES) early += 1;
      if (errors.length < MOST_ERRORS) errors.push({ line: lines, message: said });
    } else if (said !== 0) {
      if (waiting === numbers.length) {
        const more = new Float64Array(numbers.length * 2);
        more.set(numbers);
        numbers = more;
      }
      numbers[waiting] = said;
      waiting += 1;
      named += 1;
    }
  }

  /** Compares what is known already; answers what of the chunk is new. */
  function pass(chunk: Uint8Array): Uint8Array {
    if (known === 0) return chunk;
    const passed = chunk.subarray(0, known);
    hash.update(passed);
    known -= passed.length;
    if (known > 0) return chunk.subarray(chunk.length);
    if (hexOf(hash) !== from?.hash) throw anotherFile();
    hashAtLineEnd = hash.clone();
    return chunk.subarray(passed.length);
  }

  return {
    take(chunk) {
      const bytes = pass(chunk);
      if (bytes.length === 0) return;
      let at = 0;
      for (;;) {
        const end = bytes.indexOf(LF, at);
        if (end === -1) break;
        if (heldBytes === 0) line(bytes, at, end);
        else {
          hold(bytes, at, end);
          line(held, 0, heldBytes);
          heldBytes = 0;
        }
        at = end + 1;
      }
      hold(bytes, at, bytes.length);
      if (at > 0) {
        hash.update(bytes.subarray(0, at));
        hashAtLineEnd = hash.clone();
        read += openBytes + at;
        openBytes = 0;
      }
      hash.update(bytes.subarray(at));
      openBytes += bytes.length - at;
    },
    end() {
      if (known > 0) throw anotherFile();
      if (openBytes > 0) {
        line(held, 0, heldBytes);
        heldBytes = 0;
        hashAtLineEnd = hash.clone();
        read += openBytes;
        openBytes = 0;
      }
      ended = true;
    },
    drain() {
      const taken = { numbers: numbers.slice(0, waiting), lines: lines - drained };
      waiting = 0;
      drained = lines;
      return taken;
    },
    get waiting() {
      return waiting;
    },
    mark: () => ({ lines, bytes: read, named, rejected, hash: hexOf(hashAtLineEnd) }),
    errors,
    get refusal() {
      if (foreign !== undefined) return foreign;
      const bad = tooManyBad({ lines, rejected, early }, ended);
      if (bad !== undefined) return bad;
      return ended && kind === 'full' && named === 0 ? 'the file names no number' : undefined;
    },
  };
}

const hexOf = (hash: ReturnType<typeof sha256.create>): string => bytesToHex(hash.clone().digest());

const anotherFile = (): Failure =>
  new Failure(
    'invalid_request',
    'this is another file than the one the import began with; send that one again, or discard the import and begin anew',
  );

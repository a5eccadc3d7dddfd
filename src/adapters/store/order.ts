/**
 * adapters/store/order: one total order of values, MongoDB's, in two forms that agree: `compareValues` for filters
 * and byte strings whose memcmp order is that order for index keys and sorting.
 *
 * Order of types (MongoDB manual, "Comparison/Sort Order"): empty array in a key < null and missing < numbers < strings
 * < objects < arrays < binary < booleans < dates. Strings compare by their UTF-8 bytes.
 */
import { Failure } from '../../domain/errors.ts';

export type Direction = 1 | -1;

/** Stands for an empty array where a key is taken from an array's elements. */
const EMPTY_ARRAY = Symbol('empty array');

const RANK = {
  emptyArray: 0x05,
  null: 0x0a,
  number: 0x1e,
  string: 0x3c,
  object: 0x46,
  array: 0x50,
  binary: 0x5a,
  boolean: 0x82,
  date: 0x8c,
} as const;

/** Bytes of one string that go into an index key; longer ones are cut, and the key then says less than the value. */
const MAX_INDEXED_BYTES = 256;

/** Bytes that one unit of a text takes at most. */
const MAX_UTF8_BYTES = 3;

const NUL_ESCAPE = 0xff;
const END = Buffer.from([0x00, 0x01]);
const CUT = Buffer.from([0x00, 0x02]);
/** Sorts behind every key that begins with the bytes before it: no component starts with 0xff. */
const BEHIND = Buffer.from([0xff]);

export const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Date) &&
  !(value instanceof RegExp) &&
  !(value instanceof Uint8Array);

/** The place of a value's type in the order of types. */
export function rankOf(value: unknown): number {
  if (value === undefined || value === null) return RANK.null;
  if (value === EMPTY_ARRAY) return RANK.emptyArray;
  switch (typeof value) {
    case 'number':
      return RANK.number;
    case 'string':
      return RANK.string;
    case 'boolean':
      return RANK.boolean;
    default:
      if (value instanceof Date) return RANK.date;
      if (Array.isArray(value)) return RANK.array;
      if (value instanceof Uint8Array) return RANK.binary;
      if (isPlainObject(value)) return RANK.object;
      throw new Failure(
        'invalid_request',
        `a value of type ${typeof value} has no place in the order of values`,
      );
  }
}

const sign = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

/** UTF-16 units in the order of the UTF-8 bytes they become: surrogates behind U+E000..U+FFFF. */
const utf8Rank = (unit: number): number =>
  unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit;

function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return sign(utf8Rank(x), utf8Rank(y));
  }
  return sign(a.length, b.length);
}

function compareNumbers(a: number, b: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : -1;
  return Number.isNaN(b) ? 1 : sign(a, b);
}

/** -1, 0 or 1 over all types; missing equals null; objects compare field by field in their order, as BSON does. */
export function compareValues(a: unknown, b: unknown): number {
  const rank = rankOf(a);
  const other = rankOf(b);
  if (rank !== other) return sign(rank, other);
  if (typeof a === 'number' && typeof b === 'number') return compareNumbers(a, b);
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return sign(Number(a), Number(b));
  if (a instanceof Date && b instanceof Date) return sign(a.getTime(), b.getTime());
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return sign(a.length, b.length) || Buffer.compare(a, b);
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
      const order = compareValues(a[i], b[i]);
      if (order !== 0) return order;
    }
    return sign(a.length, b.length);
  }
  if (isPlainObject(a) && isPlainObject(b)) {
    const left = Object.entries(a);
    const right = Object.entries(b);
    for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
      const [nameA = '', valueA] = left[i] ?? [];
      const [nameB = '', valueB] = right[i] ?? [];
      const order =
        sign(rankOf(valueA), rankOf(valueB)) || compareStrings(nameA, nameB) || compareValues(valueA, valueB);
      if (order !== 0) return order;
    }
    return sign(left.length, right.length);
  }
  return 0;
}

function escapeNul(bytes: Buffer): Buffer {
  if (!bytes.includes(0)) return bytes;
  const out: number[] = [];
  for (const byte of bytes) {
    out.push(byte);
    if (byte === 0) out.push(NUL_ESCAPE);
  }
  return Buffer.from(out);
}

/** Writes the nine bytes of a number at a place. */
function putNumber(into: Buffer, at: number, value: number): void {
  into[at] = RANK.number;
  const first = at + 1;
  if (Number.isNaN(value)) {
    into.fill(0, first, first + 8);
    return;
  }
  into.writeDoubleBE(value === 0 ? 0 : value, first);
  if (((into[first] ?? 0) & 0x80) !== 0)
    for (let i = first; i < first + 8; i += 1) into[i] = (into[i] ?? 0) ^ 0xff;
  else into[first] = (into[first] ?? 0) | 0x80;
}

function encodeNumber(value: number): Buffer {
  const out = Buffer.allocUnsafe(9);
  putNumber(out, 0, value);
  return out;
}

function encodeDate(value: Date): Buffer {
  const out = encodeNumber(value.getTime());
  out[0] = RANK.date;
  return out;
}

function encodeString(value: string): Buffer {
  if (value.includes('\0'))
    return Buffer.concat([Buffer.from([RANK.string]), escapeNul(Buffer.from(value, 'utf8')), END]);
  const length = Buffer.byteLength(value);
  const out = Buffer.allocUnsafe(length + 3);
  out[0] = RANK.string;
  out.write(value, 1);
  out[length + 1] = 0x00;
  out[length + 2] = 0x01;
  return out;
}

function encodeExact(value: unknown): Buffer {
  if (value === undefined || value === null) return Buffer.from([RANK.null]);
  if (value === EMPTY_ARRAY) return Buffer.from([RANK.emptyArray]);
  if (typeof value === 'number') return encodeNumber(value);
  if (typeof value === 'boolean') return Buffer.from([RANK.boolean, value ? 2 : 1]);
  if (value instanceof Date) return encodeDate(value);
  if (typeof value === 'string') return encodeString(value);
  const rank = Buffer.from([rankOf(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([rank, escapeNul(Buffer.from(value)), END]);
  if (Array.isArray(value)) return Buffer.concat([rank, ...value.map(encodeExact), END]);
  const fields = Object.entries(value).flatMap(([name, inner]) => [
    Buffer.from([rankOf(inner)]),
    encodeExact(name),
    encodeExact(inner),
  ]);
  return Buffer.concat([rank, ...fields, END]);
}

function invert(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length);
  for (let i = 0; i < bytes.length; i += 1) out[i] = (bytes[i] ?? 0) ^ 0xff;
  return out;
}

interface KeyPart {
  readonly bytes: Buffer;
  /** False when the value was cut: equal bytes then do not prove equal values. */
  readonly exact: boolean;
}

/** A value as part of an index key; no part is a prefix of another. */
export function keyPart(value: unknown, direction: Direction): KeyPart {
  let bytes = encodeExact(value);
  const exact = bytes.length <= MAX_INDEXED_BYTES + 3;
  if (!exact) bytes = Buffer.concat([bytes.subarray(0, MAX_INDEXED_BYTES), CUT]);
  return { bytes: direction === 1 ? bytes : invert(bytes), exact };
}

/** A key in the making: its parts are written one behind the other, and it becomes one buffer when it is whole. */
export interface KeyDraft {
  begin(): void;
  /** Appends what `keyPart` makes of the value; answers whether that is exact. */
  add(value: unknown, direction: Direction): boolean;
  readonly length: number;
  take(): Buffer;
}

export function createKeyDraft(): KeyDraft {
  let bytes = Buffer.allocUnsafe(1_024);
  let length = 0;

  function makeRoomFor(more: number): void {
    if (length + more <= bytes.length) return;
    const wider = Buffer.allocUnsafe(2 * (length + more));
    bytes.copy(wider, 0, 0, length);
    bytes = wider;
  }

  /** Writes a value as `encodeExact` does; false, and nothing is written, where that is not done here. */
  function write(value: unknown): boolean {
    if (typeof value === 'string') {
      if (value.length * MAX_UTF8_BYTES > MAX_INDEXED_BYTES || value.includes('\0')) return false;
      bytes[length] = RANK.string;
      length += 1 + bytes.write(value, length + 1);
      bytes[length] = 0x00;
      bytes[length + 1] = 0x01;
      length += 2;
    } else if (value instanceof Date || typeof value === 'number') {
      putNumber(bytes, length, typeof value === 'number' ? value : value.getTime());
      if (typeof value !== 'number') bytes[length] = RANK.date;
      length += 9;
    } else return false;
    return true;
  }

  return {
    begin() {
      length = 0;
    },
    add(value, direction) {
      makeRoomFor(MAX_INDEXED_BYTES + 3);
      const from = length;
      if (write(value)) {
        if (direction === -1) for (let i = from; i < length; i += 1) bytes[i] = (bytes[i] ?? 0) ^ 0xff;
        return true;
      }
      const part = keyPart(value, direction);
      makeRoomFor(part.bytes.length);
      bytes.set(part.bytes, length);
      length += part.bytes.length;
      return part.exact;
    },
    get length() {
      return length;
    },
    take() {
      const key = Buffer.allocUnsafe(length);
      bytes.copy(key, 0, 0, length);
      return key;
    },
  };
}

/** A value as part of a sort key, never cut. */
const sortPart = (value: unknown, direction: Direction): Buffer =>
  direction === 1 ? encodeExact(value) : invert(encodeExact(value));

/** The first key behind all keys that begin with `bytes`. */
export const behind = (bytes: Buffer): Buffer => Buffer.concat([bytes, BEHIND]);

/** Half-open byte range [start, end) of key parts; `point` when it holds exactly one value. */
export interface Range {
  readonly start: Buffer;
  readonly end: Buffer;
  readonly point: boolean;
}

/** The key parts that satisfy one comparison with a value, within the value's own type as MongoDB compares. */
export function rangeOf(
  operator: '$eq' | '$gt' | '$gte' | '$lt' | '$lte',
  value: unknown,
  direction: Direction,
): Range {
  const { bytes, exact } = keyPart(value, direction);
  if (operator === '$eq') return { start: bytes, end: behind(bytes), point: true };
  const rank = rankOf(value);
  const typeStart = Buffer.from([direction === 1 ? rank : rank ^ 0xff]);
  const typeEnd = Buffer.from([(direction === 1 ? rank : rank ^ 0xff) + 1]);
  // A cut value shares its key with its neighbours: the range must take them in, the filter sorts them out.
  const inclusive = operator === '$gte' || operator === '$lte' || !exact;
  const upward = (operator === '$gt' || operator === '$gte') === (direction === 1);
  return upward
    ? { start: inclusive ? bytes : behind(bytes), end: typeEnd, point: false }
    : { start: typeStart, end: inclusive ? behind(bytes) : bytes, point: false };
}

/** Sorted, disjoint ranges covering exactly what any of the given ones covers. */
export function unite(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => Buffer.compare(a.start, b.start));
  const out: Range[] = [];
  for (const range of sorted) {
    const last = out.at(-1);
    if (last && Buffer.compare(range.start, last.end) <= 0 && !(last.point && range.point)) {
      const end = Buffer.compare(range.end, last.end) > 0 ? range.end : last.end;
      out[out.length - 1] = { start: last.start, end, point: false };
    } else if (!(last && Buffer.compare(range.start, last.start) === 0)) out.push(range);
  }
  return out;
}

/** What two sorted, disjoint lists have in common. */
export function intersect(a: readonly Range[], b: readonly Range[]): Range[] {
  const out: Range[] = [];
  let i = 0;
  let j = 0;
  for (let x = a[i], y = b[j]; x && y; x = a[i], y = b[j]) {
    const start = Buffer.compare(x.start, y.start) > 0 ? x.start : y.start;
    const xEndsFirst = Buffer.compare(x.end, y.end) <= 0;
    const end = xEndsFirst ? x.end : y.end;
    if (Buffer.compare(start, end) < 0) out.push({ start, end, point: x.point || y.point });
    if (xEndsFirst) i += 1;
    else j += 1;
  }
  return out;
}

const isIndexNumber = (part: string): boolean => /^(0|[1-9]\d*)$/.test(part);

function descend(
  value: unknown,
  parts: readonly string[],
  at: number,
  atArrayLeaf: (array: readonly unknown[], out: unknown[]) => void,
  out: unknown[],
): boolean {
  const part = parts[at];
  if (part === undefined) {
    if (!Array.isArray(value)) {
      out.push(value);
      return false;
    }
    atArrayLeaf(value, out);
    return true;
  }
  if (Array.isArray(value)) {
    const before = out.length;
    if (isIndexNumber(part) && Number(part) < value.length)
      descend(value[Number(part)], parts, at + 1, atArrayLeaf, out);
    for (const element of value) if (isPlainObject(element)) descend(element, parts, at, atArrayLeaf, out);
    if (out.length === before) out.push(undefined);
    return true;
  }
  if (isPlainObject(value) && Object.hasOwn(value, part))
    return descend(value[part], parts, at + 1, atArrayLeaf, out);
  out.push(undefined);
  return false;
}

/** The values a filter on a dotted path, in its parts, is tested against: arrays stand for themselves and for their elements. */
export function valuesForFilter(document: unknown, parts: readonly string[]): unknown[] {
  const out: unknown[] = [];
  descend(document, parts, 0, (array, into) => into.push(array, ...array), out);
  return out;
}

/** The values a key or a sort takes from a dotted path: the elements of an array; `undefined` where nothing is there. */
export function valuesForKey(
  document: unknown,
  path: string,
): { readonly values: readonly unknown[]; readonly fromArray: boolean } {
  const out: unknown[] = [];
  const fromArray = descend(
    document,
    path.split('.'),
    0,
    (array, into) => {
      if (array.length === 0) into.push(EMPTY_ARRAY);
      else into.push(...array);
    },
    out,
  );
  return { values: out, fromArray };
}

/** Bytes by which documents sort; of an array the least element counts ascending, the greatest descending. */
export function sortKey(
  document: unknown,
  sort: readonly (readonly [path: string, direction: Direction])[],
): Buffer {
  return Buffer.concat(
    sort.map(([path, direction]) =>
      valuesForKey(document, path)
        .values.map((value) => sortPart(value, direction))
        .reduce((least, bytes) => (Buffer.compare(bytes, least) < 0 ? bytes : least)),
    ),
  );
}

/**
 * adapters/store/local/plan: which keys of an index can hold matches of a filter, and whether walking them yields the
 * wanted order. Ranges may take in too much, never too little: every document read is tested against the filter again.
 */
import type { Filter } from '../../../app/ports.ts';
import {
  behind,
  type Direction,
  intersect,
  isPlainObject,
  keyPart,
  type Range,
  rangeOf,
  unite,
} from '../order.ts';
import { fold, type IndexShape } from './indexes.ts';

/** More ranges than this are not worth walking one by one. */
const MAX_RANGES = 20_000;

export interface Plan<I extends IndexShape = IndexShape> {
  readonly index: I;
  /** Sorted, disjoint half-open ranges of whole keys. */
  readonly ranges: readonly { readonly start: Buffer; readonly end: Buffer }[];
  /** True when the ranges leave something out. */
  readonly bounded: boolean;
  /** True when the ranges say all that the filter asks for: no other way reads less. */
  readonly exact: boolean;
  /** How to walk the ranges to get the wanted order; undefined when the walk does not give it. */
  readonly walk: 'forward' | 'backward' | undefined;
  /** What all keys of the ranges begin with: the fields that have one value each. */
  readonly fixed: Buffer;
  /** How many those fields are. */
  readonly fixedParts: number;
}

const NOTHING = Buffer.alloc(0);
/** What stands in a key for a field that is not there. */
const MISSING = { '1': keyPart(null, 1).bytes, '-1': keyPart(null, -1).bytes } as const;

const isScalar = (value: unknown): boolean =>
  value === null ||
  value instanceof Date ||
  typeof value === 'string' ||
  typeof value === 'number' ||
  typeof value === 'boolean';

function rangesOfOperator(operator: string, operand: unknown, direction: Direction): Range[] | undefined {
  switch (operator) {
    case '$eq':
      return isScalar(operand) ? [rangeOf('$eq', operand, direction)] : undefined;
    case '$in':
      return Array.isArray(operand) && operand.length <= MAX_RANGES && operand.every(isScalar)
        ? unite(operand.map((each) => rangeOf('$eq', each, direction)))
        : undefined;
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return isScalar(operand) && operand !== null && !Number.isNaN(operand)
        ? [rangeOf(operator, operand, direction)]
        : undefined;
    case '$exists':
      return operand ? undefined : [rangeOf('$eq', null, direction)];
    default:
      return undefined;
  }
}

/** The text that a pattern's matches begin with; undefined when it does not say so in plain letters. */
function beginningOf(pattern: unknown): string | undefined {
  if (typeof pattern !== 'string' || !pattern.startsWith('^')) return undefined;
  let text = '';
  for (let at = 1; at < pattern.length; at += 1) {
    let letter = pattern.charAt(at);
    if (letter === '\\') {
      at += 1;
      letter = pattern.charAt(at);
      // Behind a backslash letters and digits mean something else.
      if (!/[^\w\s]/.test(letter)) return undefined;
    } else if (/[.*+?^${}()|[\]]/.test(letter)) return undefined;
    text += letter;
  }
  return text === '' ? undefined : text;
}

const LAST_LETTER = 0x10ffff;
/** The least text that is greater than all that begin so; undefined when there is none. */
function beyond(text: string): string | undefined {
  const letters = Array.from(text, (letter) => letter.codePointAt(0) ?? 0);
  while (letters.at(-1) === LAST_LETTER) letters.pop();
  const last = letters.pop();
  if (last === undefined) return undefined;
  const next = last + 1;
  return String.fromCodePoint(...letters, next >= 0xd800 && next < 0xe000 ? 0xe000 : next);
}

function rangesOfPattern(
  condition: Record<string, unknown>,
  direction: Direction,
  folded: boolean,
): Range[] | undefined {
  const { $regex: pattern, $options: options = '' } = condition;
  if (options !== (folded ? 'i' : '')) return undefined;
  const text = beginningOf(pattern);
  if (text === undefined) return undefined;
  const first = folded ? fold(text) : text;
  const end = beyond(first);
  const from = [rangeOf('$gte', first, direction)];
  return end === undefined ? from : intersect(from, [rangeOf('$lt', end, direction)]);
}

const isOperatorObject = (condition: unknown): condition is Record<string, unknown> =>
  isPlainObject(condition) && Object.keys(condition).some((name) => name.startsWith('$'));

/**
 * Key parts of `path` in documents that match; undefined when the filter does not bound it. Where a path leads through
 * arrays two conditions may be met by two elements, so there only one of them may bound the walk.
 */
function rangesOf(
  filter: Filter,
  path: string,
  direction: Direction,
  index: Pick<IndexShape, 'overArrays' | 'folded'>,
): Range[] | undefined {
  const { overArrays, folded } = index;
  let all: Range[] | undefined;
  const narrow = (ranges: Range[] | undefined) => {
    if (!ranges) return;
    if (!all) all = ranges;
    else if (!overArrays) all = intersect(all, ranges);
    else if (ranges.every((range) => range.point) && !all.every((range) => range.point)) all = ranges;
  };
  for (const name of Object.keys(filter)) {
    const condition = filter[name];
    if (name === '$and' && Array.isArray(condition))
      for (const each of condition)
        narrow(isPlainObject(each) ? rangesOf(each, path, direction, index) : undefined);
    else if (name === '$or' && Array.isArray(condition)) {
      const branches = condition.map((each) =>
        isPlainObject(each) ? rangesOf(each, path, direction, index) : undefined,
      );
      if (branches.length > 0 && branches.every((branch) => branch !== undefined))
        narrow(unite(branches.flat()));
    } else if (name === path) {
      if (isOperatorObject(condition)) {
        if (condition.$regex !== undefined) narrow(rangesOfPattern(condition, direction, folded));
        if (folded) continue;
        for (const operator of Object.keys(condition))
          narrow(rangesOfOperator(operator, condition[operator], direction));
      } else if (!folded) narrow(rangesOfOperator('$eq', condition, direction));
    }
  }
  return all;
}

type Order = readonly (readonly [path: string, direction: Direction])[];

/** What stands in a key behind its first parts. */
const orderBehind = ({ parts, tail }: IndexShape, fixedParts: number): Order => [
  ...parts.slice(fixedParts),
  ...(tail ? [['_id', tail] as const] : []),
];

/** The fields behind the fixed ones. Of plans that have the same ones, a document's keys end alike. */
export const behindFixed = ({ index, fixedParts }: Plan): string =>
  orderBehind(index, fixedParts)
    .map(([path, direction]) => `${path} ${direction}`)
    .join();

function walkFor(index: IndexShape, fixedParts: number, sort: Order): 'forward' | 'backward' | undefined {
  if (index.cut || index.folded) return undefined;
  // Of keys that begin with the same element of an array, a document has one.
  if (index.overArrays && (index.overBehind || fixedParts === 0)) return undefined;
  // Any walk gives no order.
  if (sort.length === 0) return 'forward';
  const fixed = new Set(index.parts.slice(0, fixedParts).map(([path]) => path));
  const order = orderBehind(index, fixedParts);
  let factor = 0;
  let at = 0;
  for (const [path, direction] of sort) {
    if (fixed.has(path)) continue;
    const part = order[at];
    if (!part) break; // The whole key is used up, _id included: nothing is left to tell apart.
    if (part[0] !== path) return undefined;
    if (factor !== 0 && factor !== part[1] * direction) return undefined;
    factor = part[1] * direction;
    at += 1;
  }
  return factor === -1 ? 'backward' : 'forward';
}

/** Conditions whose ranges take in nothing that does not meet them. */
const isPlain = (condition: unknown): boolean =>
  isOperatorObject(condition)
    ? Object.entries(condition).every(
        ([operator, operand]) =>
          (operator === '$in' &&
            Array.isArray(operand) &&
            operand.every(isScalar) &&
            !operand.includes(null)) ||
          (['$eq', '$gt', '$gte', '$lt', '$lte'].includes(operator) && isScalar(operand) && operand !== null),
      )
    : isScalar(condition) && condition !== null;

/** Whether the documents in the ranges of a plan are the matches of the filter, each once, so that none need be read. */
export const isWhole = ({ exact, index }: Plan, filter: Filter): boolean =>
  exact && !index.cut && !index.folded && Object.values(filter).every(isPlain);

/** How `index` can serve a filter and a sort; undefined when it must not (a sparse index may lack matches). */
export function planFor<I extends IndexShape>(index: I, filter: Filter, sort: Order): Plan<I> | undefined {
  let prefixes: Buffer[] = [NOTHING];
  let ranges: { start: Buffer; end: Buffer }[] | undefined;
  let fixed: Buffer = NOTHING;
  let fixedParts = 0;
  let bounded = false;
  let said = 0;
  let holdsAllMatches = !index.sparse;
  for (const [at, [path, direction]] of index.parts.entries()) {
    const overArrays = at === 0 ? index.overArrays : index.overBehind;
    const found = rangesOf(filter, path, direction, { overArrays, folded: index.folded });
    if (!found) break;
    bounded = true;
    const nothing = MISSING[direction];
    if (
      !found.some(({ start, end }) => Buffer.compare(start, nothing) <= 0 && Buffer.compare(nothing, end) < 0)
    )
      holdsAllMatches = true;
    if (prefixes.length * found.length > MAX_RANGES) break;
    said += path in filter ? 1 : 0;
    const parents = prefixes;
    if (!found.every((range) => range.point)) {
      ranges = parents.flatMap((prefix) =>
        found.map(({ start, end }) => ({
          start: Buffer.concat([prefix, start]),
          end: Buffer.concat([prefix, end]),
        })),
      );
      break;
    }
    prefixes = parents.flatMap((prefix) => found.map(({ start }) => Buffer.concat([prefix, start])));
    const [only, another] = prefixes;
    if (only && !another) {
      fixed = only;
      fixedParts += 1;
    }
  }
  if (!holdsAllMatches) return undefined;
  ranges ??= prefixes.map((prefix) => ({ start: prefix, end: behind(prefix) }));
  const exact = bounded && !index.overArrays && said === Object.keys(filter).length;
  return { index, ranges, bounded, exact, walk: walkFor(index, fixedParts, sort), fixed, fixedParts };
}

/**
 * app/paging: lists in pages that neither skip nor repeat a document while others come and go. A cursor holds the sort
 * value and id of the last document seen, not a count, and is good only for the query that made it. And whole collections,
 * one document after the other, for whoever must see them all.
 */
import { z } from 'zod';
import { fingerprint } from '../domain/canonical.ts';
import { Failure } from '../domain/errors.ts';
import type { Collection, Filter } from './ports.ts';

export interface PageQuery {
  readonly filter: Filter;
  /** One field of one type (absent counts as null); `_id` breaks ties. Dots reach into documents. */
  readonly sort: { readonly field: string; readonly direction: 1 | -1 };
  /** 1..MAX_LIMIT, default 50. */
  readonly limit?: number;
  readonly cursor?: string;
}

export interface Page<D> {
  readonly items: D[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

export const MAX_LIMIT = 200;
const DEFAULT_LIMIT = 50;

const Value = z.discriminatedUnion('t', [
  z.object({ t: z.literal('null') }),
  z.object({ t: z.literal('date'), v: z.number() }),
  z.object({ t: z.literal('number'), v: z.number() }),
  z.object({ t: z.literal('string'), v: z.string() }),
  z.object({ t: z.literal('boolean'), v: z.boolean() }),
]);
type Value = z.output<typeof Value>;
const Cursor = z.object({ k: Value, id: z.string(), q: z.string() });

/** Throws Failure `invalid_request` for a limit out of range and a cursor that is damaged or of another query. */
export async function page<D extends { readonly _id: string }>(
  collection: Collection<D>,
  { filter, sort, limit = DEFAULT_LIMIT, cursor }: PageQuery,
): Promise<Page<D>> {
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT))
    throw new Failure('invalid_request', `limit must be a whole number from 1 to ${MAX_LIMIT}`, {
      details: { fields: { limit: `1 to ${MAX_LIMIT}` } },
    });
  const from = cursor === undefined ? undefined : behind(cursor, nameOf({ filter, sort }), sort);
  const found = await collection.find({
    filter: from === undefined ? filter : { $and: [filter, from] },
    sort:
      sort.field === '_id' ? { _id: sort.direction } : { [sort.field]: sort.direction, _id: sort.direction },
    limit: limit + 1,
  });
  const items = found.slice(0, limit);
  const last = items.at(-1);
  if (found.length <= limit || last === undefined) return { items };
  return { items, nextCursor: cursorBehind(last, { filter, sort }) };
}

const nameOf = ({ filter, sort }: Pick<PageQuery, 'filter' | 'sort'>): string =>
  fingerprint({ filter, sort }).slice(0, 16);

/** Where the same list goes on behind one of its documents. */
export function cursorBehind(
  last: { readonly _id: string },
  query: Pick<PageQuery, 'filter' | 'sort'>,
): string {
  const text = JSON.stringify({
    k: typed(valueAt(last, query.sort.field)),
    id: last._id,
    q: nameOf(query),
  });
  return Buffer.from(text).toString('base64url');
}

const STRIDE = 500;
/** So many documents are handed on before others get to run: about 1 ms where each is hashed. */
const SLICE = 25;

/**
 * Every match, ascending by the fields of `by`, read in pages, so that memory is bounded and nothing is skipped or repeated
 * while others come and go. The fields together must tell documents apart, and each holds values of one type, never null.
 * Others get to run between documents, whatever the reader does with each.
 */
export async function* inOrder<D extends { readonly _id: string }>(
  collection: Collection<D>,
  filter: Filter,
  by: readonly string[],
): AsyncGenerator<D, undefined> {
  const sort = Object.fromEntries(by.map((field) => [field, 1 as const]));
  let last: D | undefined;
  for (;;) {
    const after = last === undefined ? filter : { $and: [filter, further(last, by)] };
    const documents: D[] = await collection.find({ filter: after, sort, limit: STRIDE });
    for (const [i, document] of documents.entries()) {
      if (i % SLICE === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      yield document;
    }
    if (documents.length < STRIDE) return;
    last = documents.at(-1);
  }
}

/**
 * What comes behind `last`: a greater first field, or the same and a greater second one, and so on. That the first is not
 * less follows from it, and is said because an index can begin there.
 */
const further = (last: object, by: readonly string[]): Filter => ({
  ...(by[0] === undefined ? {} : { [by[0]]: { $gte: valueAt(last, by[0]) } }),
  $or: by.map((field, i) => ({
    ...Object.fromEntries(by.slice(0, i).map((equal) => [equal, valueAt(last, equal)])),
    [field]: { $gt: valueAt(last, field) },
  })),
});

function behind(cursor: string, query: string, { field, direction }: PageQuery['sort']): Filter {
  const bad = (why: string): Failure =>
    new Failure('invalid_request', why, { details: { fields: { cursor: why } } });
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    throw bad('the cursor is damaged');
  }
  const parsed = Cursor.safeParse(json);
  if (!parsed.success) throw bad('the cursor is damaged');
  const { k, id, q } = parsed.data;
  if (q !== query) throw bad('the cursor belongs to another query; start again without it');

  const beyond = direction === 1 ? '$gt' : '$lt';
  const tie = { _id: { [beyond]: id } };
  if (field === '_id') return tie;
  // Absent and null sort before every value; comparisons with $gt and $lt never match them, so they are named.
  if (k.t === 'null') {
    const ties = { [field]: null, ...tie };
    return direction === 1 ? { $or: [ties, { [field]: { $ne: null } }] } : ties;
  }
  const value = k.t === 'date' ? new Date(k.v) : k.v;
  const further: Filter[] = [{ [field]: { [beyond]: value } }, { [field]: value, ...tie }];
  if (direction === -1) further.push({ [field]: null });
  return { $or: further };
}

function valueAt(document: object, path: string): unknown {
  let value: unknown = document;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function typed(value: unknown): Value {
  if (value === undefined || value === null) return { t: 'null' };
  if (value instanceof Date) return { t: 'date', v: value.getTime() };
  if (typeof value === 'number') return { t: 'number', v: value };
  if (typeof value === 'string') return { t: 'string', v: value };
  if (typeof value === 'boolean') return { t: 'boolean', v: value };
  throw new Failure('internal', 'a list was sorted by a field that has no order');
}

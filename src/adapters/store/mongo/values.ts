/**
 * adapters/store/mongo/values: what the app means, in BSON, and back. Ids are ObjectIds in the database and 24 hex digits
 * everywhere else; which fields are ids is one table. Filters, updates and pipelines are checked by the language that the
 * embedded store speaks, so that nothing runs on one store that the other refuses, and no code ever runs in the server.
 */
import { Binary, BSON, BSONRegExp, Decimal128, type Document, Long, ObjectId } from 'mongodb';
import type { Filter, Query, Stage, Update } from '../../../app/ports.ts';
import { Failure } from '../../../domain/errors.ts';
import { compileFilter, compilePipeline, compileUpdate, parseSort, storable } from '../language.ts';

/**
 * The fields that hold ids, as dotted paths without positions in lists. A value there that is no 24 hex digits (a phone
 * as `_id`, say) stays the string it is. `sessionId`, `eventId` and the vendors' ids are strings by the data model.
 */
const ID_PATHS = [
  '_id',
  'assignedTo.userId',
  'attemptId',
  'callId',
  'campaignId',
  'contactAttempts.attemptId',
  'contactAttempts.callId',
  'leadId',
  'leadIds',
  'learnings.callId',
  'propertyId',
  'transcriptId',
] as const;

const isId: ReadonlySet<string> = new Set(ID_PATHS);
const HEX = /^[0-9a-f]{24}$/;
const MAX_ID_BYTES = 256;
/** MongoDB's own limit. */
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
/** Operators and stages that run code, or that read or write elsewhere, at any depth of a filter or pipeline. */
const REFUSED = new Set([
  '$accumulator',
  '$documents',
  '$function',
  '$graphLookup',
  '$lookup',
  '$merge',
  '$out',
  '$unionWith',
  '$where',
]);
/** What is stored has no operators: a name with `$` in it is a name. */
const NONE_REFUSED: ReadonlySet<string> = new Set();
/** A path without ids: what stages have made. */
const MADE = 'made';
/** Stages that only choose and order documents: ids may still be ObjectIds behind them. */
const CHOOSING = new Set(['$limit', '$match', '$skip', '$sort']);

/** An ObjectId, or a string where the id is no 24 hex digits. */
type StoredId = ObjectId;
export type Stored = Document & { _id: StoredId };

const invalid = (message: string, cause?: unknown): Failure =>
  new Failure('invalid_request', message, { cause });

const isPlain = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

// ── To BSON ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `path` and `name` joined, without positions in lists: `a.0`, `a.$`, `a.$[]` and `a.$[x]` are all `a`. */
const below = (path: string, name: string): string =>
  [path, ...name.split('.').filter((part) => !/^(\d+|\$(\[\w*\])?)$/.test(part))]
    .filter((part) => part !== '')
    .join('.');

/** The flags MongoDB has letters for; Unicode is always on there. */
const flagsOf = (pattern: RegExp): string =>
  [...pattern.flags].filter((flag) => 'ims'.includes(flag)).join('');

const badName = (name: string): Failure => invalid(`${name} is not supported by this store`);

/**
 * A value at a path with its ids as ObjectIds. Names with `$` are operators and stay at their path, so documents, filters
 * and updates are one case. Throws Failure `invalid_request` for `undefined`, which would widen a filter in silence.
 */
function toBson(value: unknown, path: string, refused: ReadonlySet<string> = REFUSED): unknown {
  if (typeof value === 'string') return isId.has(path) && HEX.test(value) ? new ObjectId(value) : value;
  if (value === undefined)
    throw invalid(`there is no value at ${path || 'the top'}; use null or {$exists: false}`);
  if (value instanceof RegExp) return new BSONRegExp(value.source, flagsOf(value));
  if (Array.isArray(value)) return value.map((each) => toBson(each, path, refused));
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      if (refused.has(name)) throw badName(name);
      if (name === '$expr' && refused === REFUSED) return [name, withTextIds(inner)];
      return [name, toBson(inner, name.startsWith('$') ? path : below(path, name), refused)];
    }),
  );
}

/** A document as it is stored. Throws Failure `invalid_request` or `payload_too_large`. */
export function toStored(document: unknown): Stored {
  const copy = storable(document) as Record<string, unknown> | undefined;
  const id: unknown = copy?._id;
  if (typeof id !== 'string') throw invalid('a document needs an _id, a string');
  if (Buffer.byteLength(id) > MAX_ID_BYTES) throw invalid(`an _id may have at most ${MAX_ID_BYTES} bytes`);
  const stored = toBson(copy, '', NONE_REFUSED) as Stored;
  let bytes: number;
  try {
    bytes = BSON.calculateObjectSize(stored);
  } catch (error) {
    throw invalid(`the document cannot be stored: ${(error as Error).message}`, error);
  }
  if (bytes > MAX_DOCUMENT_BYTES)
    throw new Failure('payload_too_large', `a document may have at most ${MAX_DOCUMENT_BYTES} bytes`);
  return stored;
}

/** An `_id` as it is stored. */
export const toStoredId = (id: string): StoredId => toBson(id, '_id') as StoredId;

/** An id as it is stored, as we write it. */
export const hexOf = (value: unknown): string => String(fromBson(value));

/** A filter for the server. Throws Failure `invalid_request`. */
export function toFilter(filter: Filter): Document {
  compileFilter(filter);
  return toBson(filter, '') as Document;
}

const wholeNumber = (value: number | undefined, name: string): number => {
  if (value === undefined) return 0;
  if (!Number.isInteger(value) || value < 0) throw invalid(`${name} must be a whole number, 0 or more`);
  return value;
};

/** A query for the server; a limit of 0 is none. Throws Failure `invalid_request`. */
export function toQuery({ filter = {}, sort = {}, skip, limit }: Query) {
  return {
    filter: toFilter(filter),
    sort: new Map(parseSort(sort)),
    skip: wholeNumber(skip, 'skip'),
    limit: wholeNumber(limit, 'limit'),
  };
}

/** An update for the server. Throws Failure `invalid_request`; what only the document can tell, the server refuses. */
export function toUpdate(filter: Filter, update: Update): Document {
  compileUpdate(filter, update);
  return toBson(storable(update), '') as Document;
}

// ── Pipelines ────────────────────────────────────────────────────────────────────────────────────────────────────────

const oneAsText = (reference: string): Document => ({
  $cond: [{ $eq: [{ $type: reference }, 'objectId'] }, { $toString: reference }, reference],
});

/** An expression: the id or ids at `reference` as text; what is no ObjectId, and what is missing, stays so. */
const textOf = (reference: string): Document => ({
  $cond: [
    { $isArray: [reference] },
    { $map: { input: reference, as: 'id', in: oneAsText('$$id') } },
    oneAsText(reference),
  ],
});

/** An expression of people, in which references to ids are text. */
function withTextIds(expression: unknown): unknown {
  if (typeof expression === 'string')
    return expression.startsWith('$') && isId.has(expression.slice(1)) ? textOf(expression) : expression;
  if (expression === undefined) throw invalid('an expression has no value somewhere; use null');
  if (Array.isArray(expression)) return expression.map(withTextIds);
  if (!isPlain(expression)) return expression;
  return Object.fromEntries(
    Object.entries(expression).map(([name, inner]) => {
      if (REFUSED.has(name)) throw badName(name);
      return [name, withTextIds(inner)];
    }),
  );
}

/** What stages name: the first part of every path, as a field or as a reference. */
function namesIn(value: unknown, names: Set<string>): Set<string> {
  const first = (path: string): void => void names.add(path.split('.')[0] ?? '');
  if (typeof value === 'string') {
    if (value.startsWith('$')) first(value.replace(/^\$+/, ''));
  } else if (Array.isArray(value)) for (const each of value) namesIn(each, names);
  else if (isPlain(value))
    for (const [name, inner] of Object.entries(value)) {
      if (!name.startsWith('$')) first(name);
      namesIn(inner, names);
    }
  return names;
}

/** A stage that makes text of the ids among `names`, so that what follows works on what the app knows. */
function textStage(names: ReadonlySet<string>): Document[] {
  const all = names.has('ROOT') || names.has('CURRENT');
  const fields: Document = {};
  const inLists = new Map<string, Document>();
  for (const path of ID_PATHS) {
    const [name = '', inner] = path.split('.');
    if (!all && !names.has(name)) continue;
    if (inner === undefined) fields[name] = textOf(`$${name}`);
    else inLists.set(name, { ...inLists.get(name), [inner]: textOf(`$$each.${inner}`) });
  }
  for (const [name, inner] of inLists)
    fields[name] = {
      $cond: [
        { $isArray: [`$${name}`] },
        { $map: { input: `$${name}`, as: 'each', in: { $mergeObjects: ['$$each', inner] } } },
        `$${name}`,
      ],
    };
  return Object.keys(fields).length > 0 ? [{ $set: fields }] : [];
}

/**
 * A pipeline for the server: its first stages, which choose documents, look for ObjectIds as the indexes have them; for
 * what comes behind them ids are text, as everywhere in the app. Throws Failure `invalid_request`.
 */
export function toPipeline(pipeline: readonly Stage[]): Document[] {
  compileFilter(compilePipeline(pipeline).filter);
  const choosing = pipeline.findIndex((stage) => !CHOOSING.has(Object.keys(stage)[0] ?? ''));
  const at = choosing === -1 ? pipeline.length : choosing;
  const rest = pipeline.slice(at);
  return [
    ...pipeline.slice(0, at).map((stage) => toBson(stage, '') as Document),
    ...textStage(namesIn(rest, new Set())),
    ...rest.map((stage) => toBson(stage, MADE) as Document),
  ];
}

// ── From BSON ────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * What the driver read, made ours in place: ids as hex, all numbers as numbers, bytes as Buffer. Types that the app never
 * writes (somebody else did) come as their text.
 */
export function fromBson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array)
    return value;
  if (Array.isArray(value)) {
    for (const [i, each] of value.entries()) value[i] = fromBson(each);
    return value;
  }
  if (value instanceof ObjectId) return value.toHexString();
  if (value instanceof Binary) return Buffer.from(value.buffer.subarray(0, value.position));
  if (value instanceof Long) return value.toNumber();
  if (value instanceof Decimal128) return Number(value.toString());
  if (!isPlain(value)) return String(value);
  for (const name of Object.keys(value)) value[name] = fromBson(value[name]);
  return value;
}

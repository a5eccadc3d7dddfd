/**
 * adapters/store/language: MongoDB's filters, updates and pipelines over documents in memory. mingo parses and
 * computes; what it would compare differently from the server (null in ranges, the order of strings and fields, exists
 * across arrays) or would let pass in silence (updates that cannot apply) is put right here.
 */
import { Aggregator } from 'mingo/aggregator';
import { Context, evalExpr } from 'mingo/core';
import { Lazy } from 'mingo/lazy';
import * as accumulators from 'mingo/operators/accumulator';
import * as expressions from 'mingo/operators/expression';
import * as stages from 'mingo/operators/pipeline';
import * as projections from 'mingo/operators/projection';
import * as queries from 'mingo/operators/query';
import * as windows from 'mingo/operators/window';
import { Query } from 'mingo/query';
import type { Options } from 'mingo/types';
import { update as applyModifier, type Modifier } from 'mingo/updater';
import type { Filter, Stage, Update } from '../../app/ports.ts';
import type { IndexSpec } from '../../domain/documents.ts';
import { Failure } from '../../domain/errors.ts';
import { compareValues, type Direction, isPlainObject, rankOf, sortKey, valuesForFilter } from './order.ts';

export type Doc = Record<string, unknown> & { readonly _id: string };
type SortSpec = readonly (readonly [path: string, direction: Direction])[];

/** The name the server gives an index. */
export const indexName = (spec: IndexSpec): string =>
  Object.entries(spec.keys)
    .map(([path, direction]) => `${path}_${direction}`)
    .join('_');

const MAX_DEPTH = 100;

const invalid = (message: string, cause?: unknown): Failure =>
  new Failure('invalid_request', message, { cause });

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

// ── Comparison operators with the server's meaning ──────────────────────────────────────────────────────────────────

type Operator = (path: string, operand: unknown) => (document: unknown) => boolean;

/** Whether one of the values at a path passes. */
function someAt(path: string, passes: (value: unknown) => boolean): (document: unknown) => boolean {
  const parts = path.split('.');
  const [only = ''] = parts;
  return (document) => {
    if (parts.length === 1 && isPlainObject(document)) {
      const value = Object.hasOwn(document, only) ? document[only] : undefined;
      // Most values are no lists.
      if (!Array.isArray(value)) return passes(value);
    }
    return valuesForFilter(document, parts).some(passes);
  };
}

const anyValue =
  (matches: (value: unknown, operand: unknown) => boolean): Operator =>
  (path, operand) =>
    someAt(path, (value) => matches(value, operand));

const not =
  (operator: Operator): Operator =>
  (path, operand) => {
    const test = operator(path, operand);
    return (document) => !test(document);
  };

const equal = anyValue((value, operand) => compareValues(value, operand) === 0);

/** Ranges compare within one type only; null stands in the ranges that include their bound. */
const ranged = (accepts: (order: number) => boolean): Operator =>
  anyValue(
    (value, operand) =>
      rankOf(value) === rankOf(operand) &&
      !isNaNPair(value, operand) &&
      accepts(compareValues(value, operand)),
  );

/** NaN is neither below nor above a number, and equals NaN alone. */
const isNaNPair = (a: unknown, b: unknown): boolean => Number.isNaN(a) !== Number.isNaN(b);

/** Scalars have one text each, so that a long `$in` costs one lookup a value. */
const scalarText = (value: unknown): string | undefined => {
  if (value === null || value === undefined) return 'null';
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (typeof value === 'number') return `number ${value === 0 ? 0 : value}`;
  if (typeof value === 'string' || typeof value === 'boolean') return `${typeof value} ${value}`;
  return undefined;
};

const oneOf: Operator = (path, operand) => {
  if (!Array.isArray(operand)) throw invalid(`$in and $nin need an array (path ${path})`);
  const scalars = new Set(operand.map(scalarText).filter((text) => text !== undefined));
  const patterns = operand.filter((each): each is RegExp => each instanceof RegExp);
  const others = operand.filter((each) => scalarText(each) === undefined && !(each instanceof RegExp));
  return someAt(path, (value) => {
    const text = scalarText(value);
    if (text !== undefined && scalars.has(text)) return true;
    if (typeof value === 'string' && patterns.some((pattern) => value.search(pattern) !== -1)) return true;
    return others.some((other) => compareValues(value, other) === 0);
  });
};

const present = anyValue((value) => value !== undefined);
const exists: Operator = (path, wanted) => (wanted ? present : not(present))(path, true);

const sortStage = (documents: { transform: (fn: (all: unknown[]) => unknown) => unknown }, spec: unknown) =>
  documents.transform((all) => Lazy(sorted(all, parseSort(spec), (each) => each)));

/** In expressions the server compares across types, in their order: a text is greater than null. */
const compared =
  (accepts: (order: number) => boolean) =>
  (document: unknown, operands: unknown, within: unknown): boolean => {
    const [a, b] = evalExpr(document as never, operands as never, within as never) as unknown[];
    return accepts(compareValues(a, b));
  };

const OPERATORS: Readonly<Record<string, Operator>> = {
  $eq: equal,
  $ne: not(equal),
  $in: oneOf,
  $nin: not(oneOf),
  $lt: ranged((order) => order < 0),
  $lte: ranged((order) => order <= 0),
  $gt: ranged((order) => order > 0),
  $gte: ranged((order) => order >= 0),
  $exists: exists,
};

const filterContext = Context.init()
  .addQueryOps(OPERATORS as unknown as Parameters<Context['addQueryOps']>[0])
  .addQueryOps(queries);
const comparisons = {
  $lt: compared((order) => order < 0),
  $lte: compared((order) => order <= 0),
  $gt: compared((order) => order > 0),
  $gte: compared((order) => order >= 0),
};
const context = Context.from(filterContext)
  .addPipelineOps({ $sort: sortStage } as unknown as Parameters<Context['addPipelineOps']>[0])
  .addPipelineOps(stages)
  .addExpressionOps(comparisons as unknown as Parameters<Context['addExpressionOps']>[0])
  .addExpressionOps(expressions)
  .addAccumulatorOps(accumulators)
  .addProjectionOps(projections)
  .addWindowOps(windows);

/** Code in a query never runs: filters may come from people. */
const options: Partial<Options> = { context, scriptEnabled: false };
/** For a filter that computes nothing: mingo copies its context for each, and the whole one takes longer than the rest. */
const plainOptions: Partial<Options> = { context: filterContext, scriptEnabled: false };

// ── Values ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const isStorableAsIs = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** A deep copy of what can be stored: `undefined` fields are left out, in arrays they become null. */
export function storable(value: unknown, path = '', depth = 0): unknown {
  if (depth > MAX_DEPTH) throw invalid(`nested deeper than ${MAX_DEPTH} levels at ${path}`);
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'undefined':
      return value;
    case 'object':
      break;
    default:
      throw invalid(`a ${typeof value} cannot be stored (at ${path || 'the top'})`);
  }
  if (value === null) return null;
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw invalid(`an invalid date cannot be stored (at ${path})`);
    return new Date(value);
  }
  if (Array.isArray(value))
    return Array.from(value, (each, i) => storable(each, `${path}.${i}`, depth + 1) ?? null);
  if (value instanceof Uint8Array) return Buffer.from(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw invalid(`only plain objects, arrays, dates and bytes can be stored (at ${path || 'the top'})`);
  const fields = value as Readonly<Record<string, unknown>>;
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    if (name === '__proto__') throw invalid('a field cannot be called __proto__');
    const inner = fields[name];
    // Most values are no objects, and need no name of their place.
    const kept =
      isStorableAsIs(inner) && depth < MAX_DEPTH
        ? inner
        : storable(inner, path ? `${path}.${name}` : name, depth + 1);
    if (kept !== undefined) copy[name] = kept;
  }
  return copy;
}

// ── Filters ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `{phone: undefined}` is a mistake that would otherwise match every document without a phone, or all of them. */
function refuseUndefined(value: unknown, path: string): void {
  if (value === undefined) throw invalid(`the filter has no value at ${path}; use null or {$exists: false}`);
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) for (const [i, each] of value.entries()) refuseUndefined(each, `${path}.${i}`);
  else if (isPlainObject(value))
    for (const name of Object.keys(value)) refuseUndefined(value[name], path ? `${path}.${name}` : name);
}

const computes = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.some(computes)
    : isPlainObject(value) &&
      Object.entries(value).some(([name, inner]) => name === '$expr' || computes(inner));

type Test = (document: unknown) => boolean;

/** The tests of a condition on a path; undefined when it has more in it than the operators above. */
function plainTests(path: string, condition: unknown): Test[] | undefined {
  if (condition instanceof RegExp) return undefined;
  if (!isPlainObject(condition)) return [equal(path, condition)];
  const names = Object.keys(condition);
  const operators = names.filter((name) => name.startsWith('$'));
  if (operators.length === 0) return [equal(path, condition)];
  if (operators.length < names.length) return undefined;
  const tests: Test[] = [];
  for (const name of operators) {
    const operand = condition[name];
    if (Object.hasOwn(OPERATORS, name) && !(operand instanceof RegExp)) {
      const test = OPERATORS[name]?.(path, operand);
      if (test) tests.push(test);
      continue;
    }
    const inner =
      name === '$not' && isPlainObject(operand) && Object.keys(operand).some((each) => each.startsWith('$'))
        ? plainTests(path, operand)
        : undefined;
    if (!inner) return undefined;
    tests.push((document) => !inner.every((test) => test(document)));
  }
  return tests;
}

/** A filter of those operators, `$and`, `$or` and `$nor` only, which is nearly every one; undefined for others. */
function compilePlain(filter: Filter): Test | undefined {
  const tests: Test[] = [];
  for (const name of Object.keys(filter)) {
    const condition = filter[name];
    if (name === '$and' || name === '$or' || name === '$nor') {
      if (!Array.isArray(condition) || condition.length === 0) return undefined;
      const branches: Test[] = [];
      for (const each of condition) {
        const branch = isPlainObject(each) ? compilePlain(each) : undefined;
        if (!branch) return undefined;
        branches.push(branch);
      }
      if (name === '$and') tests.push(...branches);
      else tests.push((document) => branches.some((test) => test(document)) === (name === '$or'));
    } else {
      const own = name.startsWith('$') ? undefined : plainTests(name, condition);
      if (!own) return undefined;
      tests.push(...own);
    }
  }
  return (document) => tests.every((test) => test(document));
}

/** Compiles a filter. Throws Failure `invalid_request` when it is not one. */
export function compileFilter(filter: Filter): (document: Doc) => boolean {
  if (!isPlainObject(filter)) throw invalid('a filter is an object');
  refuseUndefined(filter, '');
  const plain = compilePlain(filter);
  if (plain) return plain;
  try {
    const query = new Query<Doc>(filter as never, computes(filter) ? options : plainOptions);
    return (document) => query.test(document);
  } catch (error) {
    throw error instanceof Failure ? error : invalid(`not a filter: ${reason(error)}`, error);
  }
}

// ── Sorting ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export function parseSort(sort: unknown): SortSpec {
  if (!isPlainObject(sort)) throw invalid('a sort is an object of 1 and -1');
  return Object.entries(sort).map(([path, direction]) => {
    if (direction !== 1 && direction !== -1) throw invalid(`the sort direction of ${path} must be 1 or -1`);
    return [path, direction] as const;
  });
}

function sorted<T>(items: readonly T[], sort: SortSpec, documentOf: (item: T) => unknown): T[] {
  return items
    .map((item) => ({ item, key: sortKey(documentOf(item), sort) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ item }) => item);
}

/** Collects the first `keep` documents in the order of `sort`, holding not much more than those. */
export function sortedCollector(sort: SortSpec, keep: number): { add(document: Doc): void; take(): Doc[] } {
  let held: { readonly document: Doc; readonly key: Buffer }[] = [];
  const settle = () => {
    held.sort((a, b) => Buffer.compare(a.key, b.key));
    if (held.length > keep) held.length = keep;
  };
  return {
    add(document) {
      held.push({ document, key: sortKey(document, sort) });
      if (held.length > 2 * keep + 1000) settle();
    },
    take() {
      settle();
      const documents = held.map(({ document }) => document);
      held = [];
      return documents;
    },
  };
}

// ── Updates ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const UPDATE_OPERATORS = new Set([
  '$addToSet',
  '$currentDate',
  '$inc',
  '$max',
  '$min',
  '$mul',
  '$pop',
  '$pull',
  '$pullAll',
  '$push',
  '$rename',
  '$set',
  '$setOnInsert',
  '$unset',
]);

/** What must stand at the path for an operator to apply; missing is always fine. */
const NEEDS: Readonly<Record<string, 'number' | 'array'>> = {
  $inc: 'number',
  $mul: 'number',
  $addToSet: 'array',
  $pop: 'array',
  $pull: 'array',
  $pullAll: 'array',
  $push: 'array',
};

/** The value at a path as an update walks it, or a refusal when the way is barred by a value that has no fields. */
function targetOf(document: Doc, path: string, creates: boolean): unknown {
  let value: unknown = document;
  for (const part of path.split('.')) {
    if (Array.isArray(value)) {
      if (!/^\d+$/.test(part)) {
        if (creates) throw invalid(`cannot create field ${part} in an array (path ${path})`);
        return undefined;
      }
      value = value[Number(part)];
    } else if (isPlainObject(value)) value = Object.hasOwn(value, part) ? value[part] : undefined;
    else if (value === undefined) return undefined;
    else if (creates) throw invalid(`cannot create field ${part} in a value without fields (path ${path})`);
    else return undefined;
  }
  return value;
}

const hasModifiers = (spec: unknown): spec is Record<string, unknown> =>
  isPlainObject(spec) && Object.keys(spec).some((name) => name.startsWith('$'));

/** Appending to nothing appends to an empty list, so that `$slice` and `$sort` hold for the first entries too. */
function startLists(document: Doc, path: string, spec: unknown): void {
  if (!hasModifiers(spec) || targetOf(document, path, true) !== undefined) return;
  applyModifier(document as never, { $set: { [path]: [] } } as never);
}

/**
 * Puts the number of the element that the filter found in place of the first `$` of a path: the first element that
 * meets all the conditions on its list by itself.
 */
function locate(document: Doc, path: string, filter: Filter): string {
  const at = path.indexOf('.$.') === -1 && path.endsWith('.$') ? path.length - 2 : path.indexOf('.$.');
  if (at === -1) return path;
  const list = path.slice(0, at);
  const conditionsIn = (part: Filter): Filter[] =>
    Object.entries(part).flatMap(([name, condition]) => {
      if (name === '$and' && Array.isArray(condition)) return (condition as Filter[]).flatMap(conditionsIn);
      if (name === list) return [{ element: condition }];
      return name.startsWith(`${list}.`) ? [{ [`element${name.slice(list.length)}`]: condition }] : [];
    });
  const conditions = conditionsIn(filter);
  const elements = targetOf(document, list, true);
  if (conditions.length === 0 || !Array.isArray(elements))
    throw invalid(`the filter must say which element of ${list} is meant`);
  const matches = compileFilter({ $and: conditions });
  const found = elements.findIndex((element) => matches({ _id: document._id, element: [element] }));
  if (found === -1) throw invalid(`no element of ${list} meets the filter by itself`);
  return `${list}.${found}${path.slice(at + 2)}`;
}

interface PlainChange {
  readonly operator: '$set' | '$unset' | '$inc' | '$push';
  readonly parts: readonly string[];
  readonly value: unknown;
}

/** Deeper than anything stored, and far from the depth at which documents are refused. */
const PLAIN_DEPTH = 20;
const NO_PLAIN_FIELD = /^$|\$|^(__proto__|constructor|prototype)$/;

const isFlatterThan = (value: unknown, depth: number): boolean => {
  if (!Array.isArray(value) && !isPlainObject(value)) return depth > 0;
  return depth > 0 && Object.values(value).every((inner) => isFlatterThan(inner, depth - 1));
};

/** An update that only sets, removes, adds numbers and appends, none of it within another; undefined for others. */
function plainChanges(update: Readonly<Record<string, Record<string, unknown>>>): PlainChange[] | undefined {
  const changes: PlainChange[] = [];
  for (const [operator, fields] of Object.entries(update)) {
    if (operator !== '$set' && operator !== '$unset' && operator !== '$inc' && operator !== '$push')
      return undefined;
    for (const [path, value] of Object.entries(fields)) {
      const parts = path.split('.');
      if (parts[0] === '_id' || parts.some((part) => NO_PLAIN_FIELD.test(part))) return undefined;
      if (operator === '$inc' && typeof value !== 'number') return undefined;
      if (operator === '$push' && hasModifiers(value)) return undefined;
      if (!isFlatterThan(value, PLAIN_DEPTH - parts.length)) return undefined;
      changes.push({ operator, parts, value });
    }
  }
  const paths = changes.map(({ parts }) => `${parts.join('.')}.`).sort();
  const isWithin = paths.some((path, at) => at > 0 && path.startsWith(paths[at - 1] ?? path));
  return isWithin ? undefined : changes;
}

/** What `value` becomes; undefined: that is for others to say. */
function changedValue({ operator, value: by }: PlainChange, value: unknown): unknown {
  if (operator === '$set') return by;
  if (operator === '$inc') {
    if (value === undefined) return by;
    return typeof value === 'number' ? value + (by as number) : undefined;
  }
  if (value === undefined) return [by];
  return Array.isArray(value) ? [...value, by] : undefined;
}

/**
 * The document with the changes made; what they do not concern is shared with the given one, which stays as it is. Undefined
 * where a list or something without fields is in the way.
 */
function withChanges(document: Doc, changes: readonly PlainChange[]): Doc | undefined {
  const changed: Record<string, unknown> = { ...document };
  const own = new Set<unknown>([changed]);
  for (const change of changes) {
    const { operator, parts } = change;
    let holder = changed;
    for (const part of parts.slice(0, -1)) {
      const inner = Object.hasOwn(holder, part) ? holder[part] : {};
      if (!isPlainObject(inner)) return undefined;
      if (operator === '$unset' && !Object.hasOwn(holder, part)) {
        holder = {};
        break;
      }
      const mine = own.has(inner) ? inner : { ...inner };
      own.add(mine);
      holder[part] = mine;
      holder = mine;
    }
    const last = parts.at(-1) ?? '';
    if (operator === '$unset') delete holder[last];
    else {
      const value = changedValue(change, Object.hasOwn(holder, last) ? holder[last] : undefined);
      if (value === undefined) return undefined;
      holder[last] = value;
    }
  }
  return changed as Doc;
}

/**
 * Checks an update once and answers what applies it: the changed document, which may share with the given one what is the
 * same; the given one stays as it is. Throws Failure `invalid_request`, here or when it cannot apply to a document.
 */
export function compileUpdate(filter: Filter, update: Update): (document: Doc) => Doc {
  if (!isPlainObject(update) || Object.keys(update).length === 0)
    throw invalid('an update is an object of update operators');
  for (const [operator, fields] of Object.entries(update)) {
    if (!UPDATE_OPERATORS.has(operator)) throw invalid(`unknown update operator ${operator}`);
    if (!isPlainObject(fields)) throw invalid(`${operator} needs an object of paths`);
  }
  const cleaned = storable(update) as Record<string, Record<string, unknown>>;
  // Meant for documents that an upsert creates; here every document is there already.
  delete cleaned.$setOnInsert;
  const plain = plainChanges(cleaned);
  return (before) => {
    const changed = plain && withChanges(before, plain);
    if (changed) return changed;
    const document = storable(before) as Doc;
    const id = document._id;
    // A copy per document: mingo puts the very objects of the update into it.
    const modifier = storable(cleaned) as Record<string, Record<string, unknown>>;
    try {
      for (const [operator, fields] of Object.entries(modifier))
        modifier[operator] = Object.fromEntries(
          Object.entries(fields).map(([path, spec]) => [locate(document, path, filter), spec]),
        );
      for (const [operator, fields] of Object.entries(modifier)) {
        if (fields._id !== undefined) {
          if (operator !== '$set' || fields._id !== id) throw invalid('the _id of a document cannot change');
          delete fields._id;
        }
        const creates = !['$unset', '$pop', '$pull', '$pullAll', '$rename'].includes(operator);
        for (const [path, spec] of Object.entries(fields)) {
          if (path.includes('$')) continue;
          const target = targetOf(document, path, creates);
          const needs = NEEDS[operator];
          const fits = needs === 'array' ? Array.isArray(target) : typeof target === 'number';
          if (needs && target !== undefined && !fits)
            throw invalid(`${operator} needs ${needs === 'array' ? 'an array' : 'a number'} at ${path}`);
          if (operator === '$push' || operator === '$addToSet') startLists(document, path, spec);
        }
      }
      applyModifier(
        document as never,
        modifier as Modifier<unknown> as never,
        [],
        {},
        {
          cloneMode: 'none',
          queryOptions: (computes(cleaned) ? options : plainOptions) as Options,
        },
      );
      return storable(document) as Doc;
    } catch (error) {
      throw error instanceof Failure ? error : invalid(`the update cannot apply: ${reason(error)}`, error);
    }
  };
}

// ── Pipelines ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Stages that read or write other collections, or look at the server: not offered by an embedded store. */
const REFUSED_STAGES = new Set(['$out', '$merge', '$lookup', '$graphLookup', '$unionWith', '$documents']);

function parsePipeline(pipeline: readonly Stage[]): (readonly [operator: string, spec: unknown])[] {
  if (!Array.isArray(pipeline)) throw invalid('a pipeline is an array of stages');
  return pipeline.map((stage) => {
    const [entry, ...more] = isPlainObject(stage) ? Object.entries(stage) : [];
    if (!entry || more.length > 0) throw invalid('a pipeline stage is an object with one operator');
    if (REFUSED_STAGES.has(entry[0])) throw invalid(`the stage ${entry[0]} is not supported by this store`);
    return entry;
  });
}

/** Top-level fields a stage may read; undefined when it may read them all. */
function fieldsReadBy(spec: unknown): Set<string> | undefined {
  const fields = new Set<string>();
  const visit = (value: unknown): boolean => {
    if (typeof value === 'string') {
      if (value.startsWith('$$')) return /^\$\$(NOW|REMOVE|this|value)\b/.test(value);
      if (value.startsWith('$')) fields.add(value.slice(1).split('.')[0] ?? '');
      return true;
    }
    if (Array.isArray(value)) return value.every(visit);
    return isPlainObject(value) ? Object.values(value).every(visit) : true;
  };
  return visit(spec) ? fields : undefined;
}

/** A `$group` that takes one document after the other and keeps none of them. */
interface Grouping {
  add(document: Doc): void;
  /** The groups, in the order in which they first came. */
  take(): Doc[];
}

type Accumulator = { add(value: unknown): void; value(): unknown };

/** Accumulators that need of all documents together no more than of one after the other; of numbers, only numbers count. */
const ACCUMULATORS: Readonly<Record<string, () => Accumulator>> = {
  $sum() {
    let sum = 0;
    return {
      add(value) {
        if (typeof value === 'number') sum += value;
      },
      value: () => sum,
    };
  },
  $avg() {
    let sum = 0;
    let count = 0;
    return {
      add(value) {
        if (typeof value !== 'number') return;
        sum += value;
        count += 1;
      },
      value: () => (count === 0 ? null : sum / count),
    };
  },
  $min: () => extreme(-1),
  $max: () => extreme(1),
};

function extreme(direction: Direction): Accumulator {
  let most: unknown = null;
  return {
    add(value) {
      if (value === undefined || value === null) return;
      if (most === null || compareValues(value, most) * direction > 0) most = value;
    },
    value: () => most,
  };
}

/** With the operators of these expressions only: mingo copies them all for each document. */
function optionsFor(asked: unknown): Partial<Options> {
  const named = new Set(JSON.stringify(asked).match(/\$\w+/g));
  const only = (ops: object): never =>
    Object.fromEntries(Object.entries(ops).filter(([name]) => named.has(name))) as never;
  return {
    context: Context.init()
      .addExpressionOps(only(comparisons))
      .addExpressionOps(only(expressions))
      .addAccumulatorOps(only(accumulators)),
    scriptEnabled: false,
  };
}

/** Undefined: it is no such group, and the pipeline has to have all documents at once. */
function groupingOf(spec: unknown): (() => Grouping) | undefined {
  if (!isPlainObject(spec) || !('_id' in spec)) return undefined;
  const { _id: idOf, ...fields } = spec;
  const made: { name: string; begin: () => Accumulator; of: unknown }[] = [];
  for (const [name, accumulator] of Object.entries(fields)) {
    const [entry, ...more] = isPlainObject(accumulator) ? Object.entries(accumulator) : [];
    const begin = entry && ACCUMULATORS[entry[0]];
    if (!begin || more.length > 0) return undefined;
    made.push({ name, begin, of: entry[1] });
  }
  const asked = [idOf, ...made.map(({ of }) => of)];
  const within = optionsFor(asked);
  return () => {
    const groups = new Map<string, { readonly id: unknown; readonly held: readonly Accumulator[] }>();
    return {
      add(document) {
        const [found, ...values] = evalExpr(document as never, asked as never, within as never) as unknown[];
        const id = storable(found) ?? null;
        const key = sortKey({ id }, [['id', 1]]).toString('latin1');
        let group = groups.get(key);
        if (!group) {
          group = { id, held: made.map(({ begin }) => begin()) };
          groups.set(key, group);
        }
        for (const [at, value] of values.entries()) group.held[at]?.add(value);
      },
      take: () =>
        [...groups.values()].map(({ id, held }) => ({
          _id: id as string,
          ...Object.fromEntries(made.map(({ name }, at) => [name, held[at]?.value()])),
        })),
    };
  };
}

interface PipelinePlan {
  /** The documents the pipeline starts from. */
  readonly filter: Filter;
  readonly sort?: Readonly<Record<string, Direction>>;
  readonly limit?: number;
  /** Keeps of a document what the rest of the pipeline reads. */
  prune(document: Doc): Doc;
  /** Present where the documents need not be kept: those it makes are what the rest runs over. */
  readonly group?: () => Grouping;
  /** Runs the rest over those documents. */
  finish(documents: Doc[]): Record<string, unknown>[];
}

/** Splits a pipeline into the part an index can serve and the rest. Throws Failure `invalid_request`. */
export function compilePipeline(pipeline: readonly Stage[]): PipelinePlan {
  const parsed = parsePipeline(pipeline);
  const filters: Filter[] = [];
  let at = 0;
  for (; parsed[at]?.[0] === '$match'; at += 1) {
    const spec = parsed[at]?.[1];
    if (!isPlainObject(spec)) throw invalid('$match needs a filter');
    filters.push(spec);
  }
  const filter = filters.length === 1 && filters[0] ? filters[0] : filters.length ? { $and: filters } : {};
  let sort: Readonly<Record<string, Direction>> | undefined;
  let limit: number | undefined;
  if (parsed[at]?.[0] === '$sort') {
    sort = Object.fromEntries(parseSort(parsed[at]?.[1]));
    at += 1;
    const count = parsed[at]?.[0] === '$limit' ? parsed[at]?.[1] : undefined;
    if (typeof count === 'number' && Number.isInteger(count) && count > 0) {
      limit = count;
      at += 1;
    }
  }
  const next = parsed[at];
  const group = next?.[0] === '$group' ? groupingOf(next[1]) : undefined;
  const rest = parsed.slice(group ? at + 1 : at).map(([operator, spec]) => ({ [operator]: spec }));
  // After these stages only what they made is left of a document.
  const narrows = next?.[0] === '$group' || next?.[0] === '$count' || next?.[0] === '$sortByCount';
  const reads = narrows ? fieldsReadBy(next[1]) : undefined;
  let aggregator: Aggregator;
  try {
    aggregator = new Aggregator(rest, options);
  } catch (error) {
    throw invalid(`not a pipeline: ${reason(error)}`, error);
  }
  return {
    filter,
    ...(sort ? { sort } : {}),
    ...(limit === undefined ? {} : { limit }),
    ...(group ? { group } : {}),
    prune: (document) =>
      reads
        ? (Object.fromEntries(Object.entries(document).filter(([name]) => reads.has(name))) as Doc)
        : document,
    finish(documents) {
      try {
        return rest.length === 0 ? documents : (aggregator.run(documents) as Record<string, unknown>[]);
      } catch (error) {
        throw error instanceof Failure ? error : invalid(`the pipeline failed: ${reason(error)}`, error);
      }
    },
  };
}

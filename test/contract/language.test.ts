/**
 * contract/language: plain filters and updates are computed without mingo. Whatever they are, and over whatever document, they
 * mean what mingo makes of them.
 */
import fc from 'fast-check';
import { Query as NaiveQuery } from 'mingo';
import { update as naiveUpdate } from 'mingo/updater';
import { expect, test } from 'vitest';
import { compileFilter, compileUpdate, type Doc, storable } from '../../src/adapters/store/language.ts';
import { createKeyDraft, keyPart } from '../../src/adapters/store/order.ts';
import type { Filter, Update } from '../../src/app/ports.ts';
import { Failure } from '../../src/domain/errors.ts';

const word = fc.constantFrom('', 'a', 'b', 'ab');
const number = fc.integer({ min: -2, max: 3 });
const date = fc.integer({ min: 0, max: 3 }).map((day) => new Date(day * 86_400_000));
const scalar = fc.oneof(word, number, fc.boolean(), date);
const field = fc.constantFrom('a', 'b', 'c');
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    scalar,
    fc.array(scalar, { maxLength: 3 }),
    fc.dictionary(field, tie('value'), { maxKeys: 3 }),
  ),
}));
const document = fc
  .dictionary(field, value, { maxKeys: 3 })
  .map((fields): Doc => ({ _id: 'one', ...fields }));
const path = fc.array(field, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.'));

const condition = fc.oneof(
  scalar,
  fc.record({ $eq: scalar }),
  fc.record({ $ne: scalar }),
  fc.record({ $in: fc.array(scalar, { maxLength: 3 }) }),
  fc.record({ $nin: fc.array(scalar, { maxLength: 3 }) }),
  fc.record({ $exists: fc.boolean() }),
  fc.record({ $gte: number, $lt: number }),
  fc.tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), scalar).map(([name, by]) => ({ [name]: by })),
  fc.record({ $not: fc.record({ $gt: number }) }),
);
const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    fc.dictionary(path, condition, { maxKeys: 3 }) as fc.Arbitrary<Filter>,
    fc
      .tuple(
        fc.constantFrom('$and', '$or', '$nor'),
        fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) as fc.Arbitrary<Filter[]>,
      )
      .map(([name, branches]) => ({ [name]: branches })),
  ),
}));

/** By the operators that the store puts in mingo's place, through mingo: a pattern that all texts have takes a filter there. */
const throughMingo = (asked: Filter): Filter => ({ $and: [asked, { _id: { $regex: '' } }] });

test('a plain filter takes the documents that it takes through mingo, with the same operators', () => {
  fc.assert(
    fc.property(filter, fc.array(document, { maxLength: 6 }), (asked, documents) => {
      const own = compileFilter(asked);
      const other = compileFilter(throughMingo(asked));
      for (const each of documents) expect(own(each)).toBe(other(each));
    }),
    { numRuns: 2_000 },
  );
});

test('of documents without lists and null, a plain filter takes those that mingo itself takes', () => {
  const plain = fc
    .dictionary(field, scalar, { maxKeys: 3 })
    .map((fields): Doc => ({ _id: 'one', ...fields }));
  const flat = fc.dictionary(field, condition, { maxKeys: 3 }) as fc.Arbitrary<Filter>;
  fc.assert(
    fc.property(flat, fc.array(plain, { maxLength: 6 }), (asked, documents) => {
      const own = compileFilter(asked);
      const naive = new NaiveQuery(asked as never);
      for (const each of documents) expect(own(each)).toBe(naive.test(each));
    }),
    { numRuns: 1_000 },
  );
});

const operators = fc.record(
  {
    $set: fc.dictionary(path, value, { maxKeys: 3 }),
    $unset: fc.dictionary(path, fc.constant(''), { maxKeys: 2 }),
    $inc: fc.dictionary(path, number, { maxKeys: 2 }),
    $push: fc.dictionary(path, value, { maxKeys: 2 }),
  },
  { requiredKeys: [] },
);

const naivelyUpdated = (before: Doc, update: Update): unknown => {
  const copy = storable(before) as Doc;
  naiveUpdate(copy as never, storable(update) as never, [], {}, { cloneMode: 'none' });
  return copy;
};

const outcomeOf = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error instanceof Failure ? error.code : error;
  }
};

test('a plain update makes of a document what mingo makes of it, and leaves the one it was given alone', () => {
  let applied = 0;
  fc.assert(
    fc.property(document, operators, (before, asked) => {
      fc.pre(Object.keys(asked).length > 0);
      const seen = structuredClone(before);
      const after = outcomeOf(() => compileUpdate({}, asked as Update)(before));
      expect(before).toEqual(seen);
      // What cannot apply is refused; mingo lets some of it pass in silence.
      if (after === 'invalid_request') return;
      applied += 1;
      expect(after).toEqual(naivelyUpdated(before, asked as Update));
    }),
    { numRuns: 3_000 },
  );
  expect(applied).toBeGreaterThan(500);
});

test('updates that cannot apply are refused, plain or not, and those within one another too', () => {
  const one: Doc = { _id: 'one', text: 'x', list: [{ a: 1 }], none: null };
  for (const bad of [
    { $inc: { text: 1 } },
    { $inc: { list: 1 } },
    { $push: { text: 1 } },
    { $set: { 'text.a': 1 } },
    { $set: { 'none.a': 1 } },
    { $set: { 'list.a': 1 } },
    { $set: { a: 1, 'a.b': 2 } },
    { $set: { a: 1 }, $inc: { a: 1 } },
    { $set: { _id: 'two' } },
    { $set: { '__proto__.a': 1 } },
  ])
    expect(
      outcomeOf(() => compileUpdate({}, bad as Update)(one)),
      JSON.stringify(bad),
    ).toBe('invalid_request');
  expect(compileUpdate({}, { $set: { 'list.0.a': 2 } } as Update)(one)).toEqual({ ...one, list: [{ a: 2 }] });
  expect(one.list).toEqual([{ a: 1 }]);
});

test('a key that is written in one piece is made of the very parts', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.constantFrom(
      '',
      '\0',
      'a\0b',
      '\ud800',
      'ä'.repeat(85),
      'ä'.repeat(86),
      'a'.repeat(256),
      'a'.repeat(257),
    ),
    fc.double(),
    fc.constantFrom(0, -0, Number.NaN, null, undefined, true, false),
    fc.date(),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.dictionary(fc.string(), fc.integer(), { maxKeys: 3 }),
  );
  const draft = createKeyDraft();
  fc.assert(
    fc.property(fc.array(fc.tuple(value, fc.constantFrom<1 | -1>(1, -1)), { maxLength: 12 }), (parts) => {
      const wanted = parts.map(([each, direction]) => keyPart(each, direction));
      draft.begin();
      expect(parts.map(([each, direction]) => draft.add(each, direction))).toEqual(
        wanted.map(({ exact }) => exact),
      );
      expect(draft.take().equals(Buffer.concat(wanted.map(({ bytes }) => bytes)))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

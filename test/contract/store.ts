/** contract/store: what every store must do, whatever it is made of. Each room's test calls `storeContract` with itself. */
import fc from 'fast-check';
import { Query as NaiveQuery } from 'mingo';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type {
  Collection,
  Filter,
  ListCopy,
  Query,
  Stage,
  StagedCopy,
  Store,
  Update,
} from '../../src/app/ports.ts';
import { type Call, type CallEvent, foldCall } from '../../src/domain/call.ts';
import type { Documents, Stored } from '../../src/domain/documents.ts';
import { type Code, Failure, isFailure } from '../../src/domain/errors.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens what it stored again. */
  reopen(): Promise<Store>;
  /** Closes the store and removes what it stored. */
  destroy(): Promise<void>;
}

const day = (text: string): Date => new Date(`2026-${text}T00:00:00.000Z`);
const oid = (n: number): string => n.toString(16).padStart(24, '0');

const stamps = { createdAt: day('01-01'), updatedAt: day('01-01') };

/** A document with the fields a test cares for; the rest of its type does not matter to a store. */
const as = <T>(fields: object): T => ({ ...stamps, ...fields }) as unknown as T;

const lead = (n: number, fields: object = {}) =>
  as<Documents['leads']>({
    _id: oid(n),
    source: 'csv',
    externalId: `row-${n}`,
    receivedAt: new Date(Date.UTC(2026, 0, 1) + n * 1000),
    contact: { firstName: 'Ada', lastName: 'Löwe', phone: `+1206555${String(n).padStart(4, '0')}` },
    contactAttempts: [],
    dncStatus: { onNationalRegistry: false, internalDNC: false },
    status: 'new',
    stage: 'new',
    tags: [],
    ...fields,
  });

const call = (n: number, fields: object = {}) =>
  as<Call>({
    _id: oid(n),
    attemptId: oid(n + 1_000_000),
    initiatedAt: new Date(Date.UTC(2026, 0, 1) + n * 1000),
    status: 'completed',
    ...fields,
  });

const attempt = (n: number, fields: object = {}) =>
  as<Documents['attempts']>({
    _id: oid(n),
    callId: oid(n),
    phone: '+12065550100',
    reservedAt: day('01-01'),
    state: 'reserved',
    ...fields,
  });

const event = (callNumber: number, seq: number, fields: object = {}): CallEvent =>
  ({
    _id: oid(callNumber * 10_000 + seq),
    eventId: `event-${callNumber}-${seq}`,
    callId: oid(callNumber),
    sessionId: `session-${callNumber}`,
    seq,
    at: new Date(Date.UTC(2026, 0, 1) + seq * 1000),
    type: 'said',
    role: 'user',
    text: `sentence ${seq}`,
    turn: seq,
    ...fields,
  }) as unknown as CallEvent;

const note = (name: string, value: unknown) =>
  as<Documents['system_config']>({
    _id: oid([...name].reduce((sum, letter) => sum * 131 + letter.charCodeAt(0), 7)),
    key: name,
    value,
    updatedBy: 'test',
  });

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

const codeOf = async (promise: Promise<unknown>): Promise<Code> => (await failureOf(promise)).code;

// ── Tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const NOTES: Readonly<Record<string, unknown>> = {
  a: {
    n: 1,
    s: 'apple',
    d: day('01-10'),
    tags: ['x', 'y'],
    o: { p: 1, q: null },
    list: [
      { k: 1, v: 'a' },
      { k: 2, v: 'b' },
    ],
    b: true,
  },
  b: { n: 2, s: 'Banana', d: day('02-10'), tags: ['y'], o: { p: 2 }, list: [{ k: 1, v: 'b' }], b: false },
  c: { n: null, s: 'cherry', tags: [], o: {}, list: [] },
  d: { n: '2', s: 'éclair', tags: 'x', d: null },
  e: { n: [1, 5], s: '', o: { p: [3, 4] }, d: day('01-01') },
  f: {},
};

const FILTERS: readonly (readonly [filter: Filter, matches: string])[] = [
  [{}, 'abcdef'],
  [{ 'value.n': 1 }, 'ae'],
  [{ 'value.n': { $eq: 2 } }, 'b'],
  [{ 'value.n': '2' }, 'd'],
  [{ 'value.n': null }, 'cf'],
  [{ 'value.n': { $ne: null } }, 'abde'],
  [{ 'value.n': { $ne: 1 } }, 'bcdf'],
  [{ 'value.n': { $gt: 1 } }, 'be'],
  [{ 'value.n': { $gte: 1, $lt: 2 } }, 'ae'],
  [{ 'value.n': { $gt: 1, $lt: 5 } }, 'be'],
  [{ 'value.n': { $in: [2, null] } }, 'bcf'],
  [{ 'value.n': { $in: [] } }, ''],
  [{ 'value.n': { $nin: [1, 2] } }, 'cdf'],
  [{ 'value.n': { $exists: false } }, 'f'],
  [{ 'value.n': { $exists: true } }, 'abcde'],
  [{ 'value.n': { $not: { $gt: 1 } } }, 'acdf'],
  [{ 'value.d': day('02-10') }, 'b'],
  [{ 'value.d': { $in: [day('02-10'), day('01-01')] } }, 'be'],
  [{ 'value.d': { $lt: day('01-15') } }, 'ae'],
  [{ 'value.d': { $gte: day('01-10'), $lte: day('02-10') } }, 'ab'],
  [{ 'value.d': null }, 'cdf'],
  [{ 'value.tags': 'x' }, 'ad'],
  [{ 'value.tags': ['x', 'y'] }, 'a'],
  [{ 'value.tags': [] }, 'c'],
  [{ 'value.tags': { $size: 1 } }, 'b'],
  [{ 'value.tags': { $all: ['y', 'x'] } }, 'a'],
  [{ 'value.tags': { $in: ['x', 'z'] } }, 'ad'],
  [{ 'value.tags': { $nin: ['x', 'y'] } }, 'cef'],
  [{ 'value.o.p': { $gte: 2 } }, 'be'],
  [{ 'value.o.q': null }, 'abcdef'],
  [{ 'value.o': { p: 2 } }, 'b'],
  [{ 'value.list': { $elemMatch: { k: 1, v: 'b' } } }, 'b'],
  [{ 'value.list.k': 1, 'value.list.v': 'b' }, 'ab'],
  [{ 'value.list.1.v': 'b' }, 'a'],
  [{ 'value.s': { $regex: '^b', $options: 'i' } }, 'b'],
  [{ 'value.s': /an/ }, 'b'],
  [{ 'value.s': { $in: [/^a/, 'cherry'] } }, 'ac'],
  [{ 'value.s': { $gt: 'a' } }, 'acd'],
  [{ 'value.s': '' }, 'e'],
  [{ 'value.b': { $in: [true, false] } }, 'ab'],
  [{ $or: [{ 'value.n': 1 }, { 'value.b': false }] }, 'abe'],
  [{ $nor: [{ 'value.n': 1 }, { 'value.b': false }] }, 'cdf'],
  [{ $and: [{ 'value.n': { $gt: 0 } }, { 'value.tags': 'y' }] }, 'ab'],
  [{ key: { $in: ['a', 'c', 'zebra'] } }, 'ac'],
  [{ key: { $gte: 'b', $lt: 'd' } }, 'bc'],
  [{ key: { $gte: 'b' }, 'value.n': { $ne: 1 } }, 'bcdf'],
  [{ $or: [{ key: 'a' }, { _id: note('d', 0)._id }] }, 'ad'],
  [{ $or: [{ key: 'b' }, { $expr: { $eq: ['$key', 'a'] } }] }, 'ab'],
];

const UPDATES: readonly (readonly [sentence: string, before: unknown, update: Update, after: unknown])[] = [
  ['$set writes a field', { a: 1 }, { $set: { 'value.a': 2 } }, { a: 2 }],
  ['$set makes the way to a deep field', {}, { $set: { 'value.x.y.z': 1 } }, { x: { y: { z: 1 } } }],
  [
    '$set writes into an element',
    { l: [{ k: 1 }, { k: 2 }] },
    { $set: { 'value.l.1.k': 9 } },
    { l: [{ k: 1 }, { k: 9 }] },
  ],
  [
    '$set keeps dates and null',
    {},
    { $set: { 'value.d': day('03-01'), 'value.n': null } },
    { d: day('03-01'), n: null },
  ],
  [
    '$unset removes a field and no other',
    { a: 1, b: 2 },
    { $unset: { 'value.a': '', 'value.zz': '' } },
    { b: 2 },
  ],
  ['$inc adds', { n: 40 }, { $inc: { 'value.n': 2 } }, { n: 42 }],
  ['$inc begins at nothing', {}, { $inc: { 'value.n': -3 } }, { n: -3 }],
  ['$mul multiplies', { n: 4 }, { $mul: { 'value.n': 2.5 } }, { n: 10 }],
  [
    '$min and $max keep the least and the greatest',
    { a: 5, b: 5 },
    { $min: { 'value.a': 3 }, $max: { 'value.b': 9 } },
    { a: 3, b: 9 },
  ],
  [
    '$max leaves what is greater',
    { d: day('05-01') },
    { $max: { 'value.d': day('04-01') } },
    { d: day('05-01') },
  ],
  ['$push appends', { l: [1] }, { $push: { 'value.l': 2 } }, { l: [1, 2] }],
  ['$push begins a list', {}, { $push: { 'value.l': { k: 1 } } }, { l: [{ k: 1 }] }],
  ['$push of a list appends it as one', { l: [] }, { $push: { 'value.l': [1, 2] } }, { l: [[1, 2]] }],
  [
    '$push with $each and $slice keeps the last',
    { l: [1, 2] },
    { $push: { 'value.l': { $each: [3, 4], $slice: -3 } } },
    { l: [2, 3, 4] },
  ],
  [
    '$push with $slice holds for a new list too',
    {},
    { $push: { 'value.l': { $each: [1, 2, 3], $slice: -2 } } },
    { l: [2, 3] },
  ],
  [
    '$push with $position inserts',
    { l: [1, 4] },
    { $push: { 'value.l': { $each: [2, 3], $position: 1 } } },
    { l: [1, 2, 3, 4] },
  ],
  [
    '$push with $sort sorts',
    { l: [{ k: 3 }, { k: 1 }] },
    { $push: { 'value.l': { $each: [{ k: 2 }], $sort: { k: 1 } } } },
    { l: [{ k: 1 }, { k: 2 }, { k: 3 }] },
  ],
  ['$addToSet adds once', { l: [1, 2] }, { $addToSet: { 'value.l': { $each: [2, 3] } } }, { l: [1, 2, 3] }],
  ['$addToSet begins a list', {}, { $addToSet: { 'value.l': 'x' } }, { l: ['x'] }],
  ['$pull removes by value', { l: [1, 2, 1] }, { $pull: { 'value.l': 1 } }, { l: [2] }],
  [
    '$pull removes by condition',
    { l: [{ k: 1 }, { k: 5 }] },
    { $pull: { 'value.l': { k: { $gte: 3 } } } },
    { l: [{ k: 1 }] },
  ],
  ['$pop removes the last', { l: [1, 2, 3] }, { $pop: { 'value.l': 1 } }, { l: [1, 2] }],
  ['$rename moves a field', { a: 1 }, { $rename: { 'value.a': 'value.b' } }, { b: 1 }],
  [
    '$setOnInsert leaves a document that is there',
    { a: 1 },
    { $set: { 'value.b': 2 }, $setOnInsert: { 'value.a': 9 } },
    { a: 1, b: 2 },
  ],
  [
    'several operators apply together',
    { n: 1, l: [1], x: 1 },
    { $inc: { 'value.n': 1 }, $push: { 'value.l': 2 }, $unset: { 'value.x': '' } },
    { n: 2, l: [1, 2] },
  ],
  ['an update that changes nothing answers the document', { a: 1 }, { $set: { 'value.a': 1 } }, { a: 1 }],
];

const BAD_UPDATES: readonly (readonly [sentence: string, update: Update])[] = [
  ['nothing', {}],
  ['a document in place of operators', { value: 1 }],
  ['an unknown operator', { $explode: { value: 1 } }],
  ['adding to a string', { $inc: { 'value.s': 1 } }],
  ['appending to a number', { $push: { 'value.n': 1 } }],
  ['a field of a string', { $set: { 'value.s.x': 1 } }],
  ['another _id', { $set: { _id: oid(99) } }],
  ['one path twice', { $set: { 'value.n': 1 }, $inc: { 'value.n': 1 } }],
];

/** In the order in which documents sort by `value.v`; equal ones stand together and then sort by key. */
const ORDERED_VALUES: readonly unknown[] = [
  Number.NEGATIVE_INFINITY,
  -1,
  0,
  0.5,
  3,
  2 ** 53,
  '',
  'B',
  'a',
  'aa',
  'b',
  'é',
  '\uffee',
  '\u{1F600}',
  { a: 1 },
  false,
  true,
  new Date(-1000),
  day('01-01'),
];

// ── The suite ────────────────────────────────────────────────────────────────────────────────────────────────────────

export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name}: the contract of every store`, () => {
    let under: StoreUnderTest;
    let store: Store;
    let notes: Collection<Documents['system_config']>;

    /** Collections that a test asked for by name, or that it may write to without: the next one finds them empty. */
    const asked = new Set<keyof Stored>();
    const noting = (opened: Store): Store => ({
      ...opened,
      collection: (name) => {
        asked.add(name);
        return opened.collection(name);
      },
    });

    beforeAll(async () => {
      const opened = await open();
      under = {
        store: noting(opened.store),
        reopen: async () => noting(await opened.reopen()),
        destroy: opened.destroy,
      };
      store = under.store;
      notes = store.collection('system_config');
    });
    afterAll(() => under.destroy());
    beforeEach(async () => {
      const written = new Set<keyof Stored>([...asked, 'system_config', 'call_events', 'calls']);
      asked.clear();
      await Promise.all([...written].map((each) => store.collection(each).remove({})));
      asked.clear();
    });

    describe('documents', () => {
      test('come back as they were stored: dates, lists, numbers, null, unknown fields, unusual keys', async () => {
        const value = {
          date: new Date(1_767_225_600_123),
          ancient: new Date(-62_135_596_800_000),
          list: [1, [2, [3]], { four: 4 }, null],
          numbers: [0, -1, 0.1, 1e-7, 2 ** 53 - 1, -(2 ** 31), 1e300],
          nothing: null,
          empty: [{}, [], ''],
          'spaced key': { '': 1, ünïcödé: 'ключ', '0': 'digit' },
          text: 'quote " backslash \\ tab \t newline \n emoji 👩‍🚀 zero \u0000 end',
        };
        await notes.insert(note('lossless', value));
        expect(await notes.get(note('lossless', 0)._id)).toEqual(note('lossless', value));
      });

      test('lose their undefined fields and nothing else', async () => {
        await notes.insert(
          note('gaps', { kept: 1, gone: undefined, deep: { gone: undefined, kept: [1, 2] } }),
        );
        const stored = await notes.get(note('gaps', 0)._id);
        expect(stored?.value).toStrictEqual({ kept: 1, deep: { kept: [1, 2] } });
      });

      test('are copies: changing what was given or answered changes nothing stored', async () => {
        const given = note('copy', { list: [1] });
        await notes.insert(given);
        (given.value as { list: number[] }).list.push(2);
        const first = await notes.get(given._id);
        (first as unknown as { value: { list: number[] } }).value.list.push(3);
        expect((await notes.get(given._id))?.value).toEqual({ list: [1] });
      });

      test('of 200 KB are kept whole', async () => {
        const text = 'Ünïcode 👋 '.repeat(14_000);
        await notes.insert(note('big', { text }));
        expect((await notes.get(note('big', 0)._id))?.value).toEqual({ text });
      });

      test('without an answer are undefined', async () => {
        expect(await notes.get(oid(404))).toBeUndefined();
      });

      test('with strange keys in a unique index are told apart', async () => {
        const keys = [
          'a',
          'a\u0000',
          'a\u0000b',
          'a b',
          'a/b',
          'a.b',
          '$a',
          '',
          ' ',
          'é',
          'e\u0301',
          'A',
          '👋',
          'x'.repeat(900),
          `${'x'.repeat(900)}y`,
        ];
        for (const [n, key] of keys.entries())
          await notes.insert(as({ _id: oid(n + 1), key, value: n, updatedBy: 't' }));
        for (const [n, key] of keys.entries())
          expect((await notes.find({ filter: { key } })).map(({ value }) => value)).toEqual([n]);
        expect(
          await codeOf(notes.insert(as({ _id: oid(99), key: 'x'.repeat(900), value: 0, updatedBy: 't' }))),
        ).toBe('duplicate_key');
      });

      test('that cannot be stored are refused and leave nothing behind', async () => {
        expect(await codeOf(notes.insert(note('bad', { f: () => 1 })))).toBe('invalid_request');
        expect(await codeOf(notes.insert(note('bad', { d: new Date(Number.NaN) })))).toBe('invalid_request');
        expect(await codeOf(notes.insert(as({ key: 'no id', value: 1, updatedBy: 't' })))).toBe(
          'invalid_request',
        );
        expect(await notes.count({})).toBe(0);
      });
    });

    describe('filters', () => {
      beforeEach(async () => {
        await Promise.all(Object.entries(NOTES).map(([key, value]) => notes.insert(note(key, value))));
      });

      test.each(FILTERS.map(([filter, matches]) => ({ filter, matches })))(
        '$filter matches "$matches"',
        async ({ filter, matches }) => {
          const found = await notes.find({ filter });
          expect(
            found
              .map(({ key }) => key)
              .sort()
              .join(''),
          ).toBe(matches);
          expect(await notes.count(filter)).toBe(matches.length);
        },
      );

      test.each([
        ['an unknown operator', { key: { $near: 1 } }],
        ['an unknown top operator', { $both: [] }],
        ['$in without a list', { key: { $in: 'a' } }],
        ['a forgotten value', { key: undefined }],
        ['code', { $where: 'true' }],
      ])('refuse %s', async (_, filter) => {
        expect(await codeOf(notes.find({ filter }))).toBe('invalid_request');
        expect(await codeOf(notes.remove(filter))).toBe('invalid_request');
        expect(await notes.count({})).toBe(6);
      });
    });

    describe('order and pages', () => {
      test('values of all types sort as MongoDB sorts them, up and down', async () => {
        const all = [...ORDERED_VALUES.map((v, n) => ({ v, n: n + 2 })), { v: null, n: 1 }, { n: 0 }];
        for (const value of all.toReversed())
          await notes.insert(note(`v${String(value.n).padStart(2, '0')}`, value));
        const numbers = (found: Documents['system_config'][]) =>
          found.map(({ value }) => (value as { n: number }).n);
        const up = numbers(await notes.find({ sort: { 'value.v': 1, key: 1 } }));
        expect(up).toEqual(all.map(({ n }) => n).sort((a, b) => a - b));
        const down = numbers(await notes.find({ sort: { 'value.v': -1, key: -1 } }));
        expect(down).toEqual(up.toReversed());
      });

      test('a list sorts by its least element upwards and by its greatest downwards', async () => {
        for (const [key, v] of Object.entries({ a: [5, 1], b: 2, c: [3, 4], d: [] }))
          await notes.insert(note(key, { v }));
        const keys = async (direction: 1 | -1) =>
          (await notes.find({ sort: { 'value.v': direction } })).map(({ key }) => key).join('');
        expect(await keys(1)).toBe('dabc');
        expect(await keys(-1)).toBe('acbd');
      });

      test('skip and limit cut the sorted whole', async () => {
        const leads = store.collection('leads');
        await Promise.all(Array.from({ length: 30 }, (_, n) => leads.insert(lead(n + 1))));
        const ids = async (query: Query) =>
          (await leads.find(query)).map(({ _id }) => Number.parseInt(_id, 16));
        expect(await ids({ sort: { receivedAt: -1 }, limit: 3 })).toEqual([30, 29, 28]);
        expect(await ids({ sort: { receivedAt: -1 }, skip: 28, limit: 5 })).toEqual([2, 1]);
        expect(await ids({ sort: { receivedAt: 1 }, skip: 30 })).toEqual([]);
        expect(await ids({ filter: { status: 'new' }, sort: { 'contact.phone': 1 }, limit: 2 })).toEqual([
          1, 2,
        ]);
        expect(await codeOf(leads.find({ limit: -1 }))).toBe('invalid_request');
        expect(await codeOf(leads.find({ sort: { receivedAt: 2 as 1 } }))).toBe('invalid_request');
      });

      test('pages behind the last document seen bring every document once, many dates being equal', async () => {
        const calls = store.collection('calls');
        const dates = [day('01-01'), day('01-02'), day('01-03')];
        await Promise.all(
          Array.from({ length: 120 }, (_, n) =>
            calls.insert(
              call((n * 37) % 120, { initiatedAt: dates[n % 3], status: n % 4 ? 'completed' : 'busy' }),
            ),
          ),
        );
        for (const base of [{}, { status: 'completed' }] as Filter[]) {
          const whole = await calls.find({ filter: base, sort: { initiatedAt: -1, _id: -1 } });
          const seen: Call[] = [];
          for (;;) {
            const last = seen.at(-1);
            const behind: Filter = last
              ? {
                  $or: [
                    { initiatedAt: { $lt: last.initiatedAt } },
                    { initiatedAt: last.initiatedAt, _id: { $lt: last._id } },
                  ],
                }
              : {};
            const page = await calls.find({
              filter: { $and: [base, behind] },
              sort: { initiatedAt: -1, _id: -1 },
              limit: 7,
            });
            if (page.length === 0) break;
            seen.push(...page);
          }
          expect(seen.map(({ _id }) => _id)).toEqual(whole.map(({ _id }) => _id));
          expect(seen).toHaveLength(base.status ? 90 : 120);
        }
      });

      test('any filter, sort, skip and limit answer what a plain filter over the same documents answers', async () => {
        const calls = store.collection('calls');
        const id = fc.constantFrom(oid(801), oid(802), oid(803));
        const status = fc.constantFrom('queued', 'completed', 'busy');
        const date = fc.integer({ min: 0, max: 6 }).map((n) => new Date(Date.UTC(2026, 0, 1 + n)));
        const option = { requiredKeys: ['status', 'initiatedAt'] as ['status', 'initiatedAt'] };
        const fields = fc.record(
          {
            status,
            initiatedAt: date,
            outcome: fc.constantFrom(null, 'qualified', 'callback', 'Ä'),
            campaignId: id,
            leadId: id,
            duration: fc.integer({ min: 0, max: 4 }),
            marks: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
          },
          option,
        );
        const compared = <T>(field: string, value: fc.Arbitrary<T>): fc.Arbitrary<Filter> =>
          fc.oneof(
            value.map((v) => ({ [field]: v })),
            value.map((v) => ({ [field]: { $ne: v } })),
            fc.array(value, { maxLength: 3 }).map((v) => ({ [field]: { $in: v } })),
            fc
              .tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), value)
              .map(([operator, v]) => ({ [field]: { [operator]: v } })),
            fc.tuple(value, value).map(([low, high]) => ({ [field]: { $gte: low, $lt: high } })),
            fc.boolean().map((v) => ({ [field]: { $exists: v } })),
          );
        const condition = fc.oneof(
          compared('status', status),
          compared('initiatedAt', date),
          compared('campaignId', id),
          compared('leadId', id),
          compared('outcome', fc.constantFrom('qualified', 'callback', 'Ä')),
          compared('duration', fc.integer({ min: 0, max: 4 })),
          compared('marks', fc.integer({ min: 0, max: 3 })),
          fc.constant({ outcome: null }),
        );
        const filter: fc.Arbitrary<Filter> = fc.oneof(
          { weight: 2, arbitrary: condition },
          {
            weight: 2,
            arbitrary: fc.array(condition, { minLength: 1, maxLength: 3 }).map(($and) => ({ $and })),
          },
          {
            weight: 1,
            arbitrary: fc.array(condition, { minLength: 1, maxLength: 3 }).map(($or) => ({ $or })),
          },
          {
            weight: 1,
            arbitrary: fc
              .tuple(condition, fc.array(condition, { minLength: 2, maxLength: 2 }))
              .map(([a, $or]) => ({ $and: [a, { $or }] })),
          },
          { weight: 1, arbitrary: fc.constant({}) },
        );
        const direction = fc.constantFrom<1 | -1>(1, -1);
        const sort = fc
          .tuple(
            fc.uniqueArray(
              fc.constantFrom('status', 'outcome', 'initiatedAt', 'leadId', 'campaignId', 'duration'),
              { maxLength: 2 },
            ),
            direction,
            direction,
            direction,
          )
          .map(([paths, ...directions]) =>
            Object.fromEntries([...paths, '_id'].map((path, n) => [path, directions[n] ?? 1])),
          );
        const query = fc.record({
          filter,
          sort,
          limit: fc.integer({ min: 0, max: 12 }),
          skip: fc.integer({ min: 0, max: 5 }),
        });
        await fc.assert(
          fc.asyncProperty(
            fc.array(fields, { maxLength: 40 }),
            fc.array(query, { minLength: 5, maxLength: 15 }),
            async (rows, queries) => {
              const documents = rows.map((row, n) => call((n * 7919) % 4001, row));
              await calls.remove({});
              await Promise.all(documents.map((each) => calls.insert(each)));
              for (const wanted of queries) {
                const cursor = new NaiveQuery(wanted.filter as never)
                  .find<Call>(documents)
                  .sort(wanted.sort)
                  .skip(wanted.skip);
                const expected = (wanted.limit ? cursor.limit(wanted.limit) : cursor).all();
                const found = await calls.find(wanted);
                expect(
                  found.map(({ _id }) => _id),
                  JSON.stringify(wanted),
                ).toEqual(expected.map(({ _id }) => _id));
                expect(await calls.count(wanted.filter)).toBe(
                  new NaiveQuery(wanted.filter as never).find(documents).all().length,
                );
              }
            },
          ),
          { numRuns: 40 },
        );
      }, 120_000);
    });

    describe('updates', () => {
      test.each(UPDATES.map(([sentence, before, update, after]) => ({ sentence, before, update, after })))(
        '$sentence',
        async ({ before, update, after }) => {
          await notes.insert(note('subject', before));
          await notes.insert(note('witness', before));
          const answer = await notes.update({ key: 'subject' }, update);
          expect(answer).toEqual(note('subject', after));
          expect(await notes.get(note('subject', 0)._id)).toEqual(note('subject', after));
          expect(await notes.get(note('witness', 0)._id)).toEqual(note('witness', before));
        },
      );

      test('reach the element that the filter found', async () => {
        await notes.insert(
          note('elements', {
            l: [
              { k: 1, v: 'a' },
              { k: 2, v: 'b' },
            ],
          }),
        );
        const answer = await notes.update(
          { key: 'elements', 'value.l.k': 2 },
          { $set: { 'value.l.$.v': 'z' } },
        );
        expect(answer?.value).toEqual({
          l: [
            { k: 1, v: 'a' },
            { k: 2, v: 'z' },
          ],
        });
        const all = await notes.update({ key: 'elements' }, { $inc: { 'value.l.$[].k': 10 } });
        expect(all?.value).toEqual({
          l: [
            { k: 11, v: 'a' },
            { k: 12, v: 'z' },
          ],
        });
      });

      test('setting the whole document, _id and all, is fine while the _id stays', async () => {
        await notes.insert(note('whole', { a: 1 }));
        const whole = note('whole', { b: 2 });
        expect(await notes.update({ _id: whole._id }, { $set: whole as unknown as Update })).toEqual(whole);
      });

      test('without a match answer undefined and write nothing', async () => {
        expect(await notes.update({ key: 'nobody' }, { $set: { value: 1 } })).toBeUndefined();
        expect(await notes.count({})).toBe(0);
      });

      test('of a document by its id hold only where every other condition holds too', async () => {
        const leads = store.collection('leads');
        await leads.insert(lead(1));
        const claim = () =>
          leads.update(
            { _id: oid(1), status: 'new' },
            { $set: { status: 'contacted' }, $inc: { claims: 1 } },
          );
        const claims = await Promise.all(Array.from({ length: 5 }, claim));
        expect(claims.filter((each) => each !== undefined)).toHaveLength(1);
        expect(await claim()).toBeUndefined();
        expect(
          await leads.update({ _id: oid(1), erasedAt: { $exists: true } }, { $set: { status: 'lost' } }),
        ).toBeUndefined();
        expect(await leads.get(oid(1))).toMatchObject({ status: 'contacted', claims: 1 });
      });

      test.each(BAD_UPDATES)('refuse %s and leave the document alone', async (_, update) => {
        await notes.insert(note('safe', { s: 'text', n: 1 }));
        expect(await codeOf(notes.update({ key: 'safe' }, update))).toBe('invalid_request');
        expect(await notes.get(note('safe', 0)._id)).toEqual(note('safe', { s: 'text', n: 1 }));
      });

      test('change one document only, and its place in every index', async () => {
        const leads = store.collection('leads');
        await Promise.all([1, 2, 3].map((n) => leads.insert(lead(n))));
        const changed = await leads.update(
          { status: 'new' },
          { $set: { status: 'qualified', 'contact.phone': '+12065559999' } },
        );
        expect(await leads.count({ status: 'new' })).toBe(2);
        expect(await leads.find({ filter: { status: 'qualified' } })).toEqual([changed]);
        expect(await leads.find({ filter: { 'contact.phone': '+12065559999' } })).toEqual([changed]);
      });
    });

    describe('put and remove', () => {
      test('put inserts, then replaces whole', async () => {
        await notes.put(note('p', { a: 1, b: 1 }));
        await notes.put(note('p', { b: 2 }));
        expect(await notes.find({})).toEqual([note('p', { b: 2 })]);
      });

      test('remove answers how many went and takes them out of every index', async () => {
        const leads = store.collection('leads');
        await Promise.all(
          Array.from({ length: 130 }, (_, n) =>
            leads.insert(lead(n + 1, { status: n < 120 ? 'lost' : 'new' })),
          ),
        );
        expect(await leads.remove({ status: 'lost' })).toBe(120);
        expect(await leads.remove({ status: 'lost' })).toBe(0);
        expect(await leads.count({ 'contact.phone': { $gte: '+1' } })).toBe(10);
        await leads.insert(lead(1));
        expect(await leads.count({})).toBe(11);
      });
    });

    describe('unique keys', () => {
      const keysOf = async (promise: Promise<unknown>) => {
        const failure = await failureOf(promise);
        expect(failure.code).toBe('duplicate_key');
        return failure.details.keys;
      };

      test('a second document with a taken _id or key is refused, naming the index', async () => {
        const leads = store.collection('leads');
        await leads.insert(lead(1));
        expect(await keysOf(leads.insert(lead(1, { externalId: 'other' })))).toEqual(['_id']);
        expect(await keysOf(leads.insert(lead(2, { externalId: 'row-1' })))).toEqual([
          'source',
          'externalId',
        ]);
        expect(await keysOf(leads.put(lead(2, { externalId: 'row-1' })))).toEqual(['source', 'externalId']);
        await leads.insert(lead(2, { externalId: 'row-1', source: 'zillow' }));
        expect(await leads.count({})).toBe(2);
      });

      test('an update onto a taken key is refused and changes nothing', async () => {
        const leads = store.collection('leads');
        await leads.insert(lead(1));
        await leads.insert(lead(2));
        expect(
          await keysOf(leads.update({ _id: oid(2) }, { $set: { externalId: 'row-1', status: 'lost' } })),
        ).toEqual(['source', 'externalId']);
        expect(await leads.get(oid(2))).toEqual(lead(2));
        expect(await leads.count({ status: 'lost' })).toBe(0);
      });

      test('documents without a sparse key live side by side; with it they do not', async () => {
        const calls = store.collection('calls');
        await calls.insert(call(1));
        await calls.insert(call(2));
        await calls.update({ _id: oid(1) }, { $set: { callSid: 'CA1' } });
        expect(await keysOf(calls.insert(call(3, { callSid: 'CA1' })))).toEqual(['callSid']);
        expect(await calls.find({ filter: { callSid: 'CA1' } })).toHaveLength(1);
        expect(await calls.find({ filter: { callSid: null } })).toHaveLength(1);
        expect(await calls.find({ sort: { callSid: 1 } })).toHaveLength(2);
      });

      test('a missing part of a compound key counts as null', async () => {
        const registry = store.collection('dnc_registry');
        const entry = (n: number, fields: object) =>
          as<Documents['dnc_registry']>({
            _id: oid(n),
            phone: '+12065550100',
            scope: 'internal',
            source: 't',
            listedAt: day('01-01'),
            ...fields,
          });
        await registry.insert(entry(1, { state: null, seller: null }));
        expect(await keysOf(registry.insert(entry(2, {})))).toEqual(['phone', 'scope', 'state', 'seller']);
        await registry.insert(entry(3, { state: null, seller: 'Acme' }));
        await registry.insert(entry(4, { state: 'WA', seller: null }));
        expect(await registry.count({ phone: '+12065550100', scope: 'internal' })).toBe(3);
      });

      test('a freed key can be taken again', async () => {
        const attempts = store.collection('attempts');
        await attempts.insert(attempt(1, { activePhones: ['+12065550100'] }));
        expect(await keysOf(attempts.insert(attempt(2, { activePhones: ['+12065550100'] })))).toEqual([
          'activePhones',
        ]);
        await attempts.update({ _id: oid(1) }, { $unset: { activePhones: '' } });
        await attempts.insert(attempt(2, { activePhones: ['+12065550100'] }));
        await attempts.remove({ _id: oid(2) });
        await attempts.insert(attempt(3, { activePhones: ['+12065550100'] }));
        expect(await attempts.count({ activePhones: '+12065550100' })).toBe(1);
      });

      test('a unique list shares no element with the list of another document, and may repeat its own', async () => {
        const attempts = store.collection('attempts');
        const [a, b, c, d] = ['+12065550100', '+12065550101', '+12065550102', '+12065550103'];
        await attempts.insert(attempt(1, { activePhones: [a, b, b] }));
        expect(await keysOf(attempts.insert(attempt(2, { activePhones: [c, b] })))).toEqual(['activePhones']);
        // Nothing of the refused one is held.
        await attempts.insert(attempt(3, { activePhones: [c] }));
        expect(await keysOf(attempts.update({ _id: oid(3) }, { $set: { activePhones: [c, a] } }))).toEqual([
          'activePhones',
        ]);
        await attempts.update({ _id: oid(3) }, { $set: { activePhones: [c, d] } });
        expect(await keysOf(attempts.put(attempt(4, { activePhones: [d] })))).toEqual(['activePhones']);
        await attempts.insert(attempt(5));
        await attempts.insert(attempt(6));
        expect(
          await attempts.find({ filter: { activePhones: { $in: [b, d] } }, sort: { _id: 1 } }),
        ).toMatchObject([{ _id: oid(1) }, { _id: oid(3) }]);
      });
    });

    describe('many writers at once', () => {
      const outcomes = async (tasks: Promise<unknown>[]) => {
        const settled = await Promise.allSettled(tasks);
        return {
          won: settled.filter(({ status }) => status === 'fulfilled').length,
          refused: settled.filter(
            (each) => each.status === 'rejected' && isFailure(each.reason, 'duplicate_key'),
          ).length,
        };
      };

      test('of 50 claims of one number one wins', async () => {
        const attempts = store.collection('attempts');
        const claims = Array.from({ length: 50 }, (_, n) =>
          attempts.insert(attempt(n + 1, { activePhones: ['+12065550100'] })),
        );
        expect(await outcomes(claims)).toEqual({ won: 1, refused: 49 });
        expect(await attempts.count({})).toBe(1);
      });

      test('of 50 claims of lists, no two that hold share a number', async () => {
        const attempts = store.collection('attempts');
        const number = (n: number) => `+1206555${1_000 + (n % 50)}`;
        // A ring: each shares a number with the one before and the one after it.
        const claims = Array.from({ length: 50 }, (_, n) =>
          attempts.insert(attempt(n + 1, { activePhones: [number(n), number(n + 1)] })),
        );
        const { won, refused } = await outcomes(claims);
        expect(won + refused).toBe(50);
        expect(won).toBeGreaterThanOrEqual(17);
        const held = (await attempts.find({})).flatMap(({ activePhones = [] }) => activePhones);
        expect(new Set(held).size).toBe(held.length);
        expect(held).toHaveLength(2 * won);
      });

      test('of 50 takers of one document one gets it', async () => {
        const attempts = store.collection('attempts');
        await attempts.insert(attempt(1));
        const answers = await Promise.all(
          Array.from({ length: 50 }, () =>
            attempts.update({ _id: oid(1), state: 'reserved' }, { $set: { state: 'dialed' } }),
          ),
        );
        expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
      });

      test('30 takers of any waiting document get 30 different ones', async () => {
        const attempts = store.collection('attempts');
        await Promise.all(Array.from({ length: 40 }, (_, n) => attempts.insert(attempt(n + 1))));
        const answers = await Promise.all(
          Array.from({ length: 30 }, () =>
            attempts.update({ state: 'reserved' }, { $set: { state: 'dialed' } }),
          ),
        );
        expect(new Set(answers.map((answer) => answer?._id)).size).toBe(30);
        expect(await attempts.count({ state: 'reserved' })).toBe(10);
      });

      test('no increment is lost', async () => {
        await notes.insert(note('counter', { n: 0 }));
        await Promise.all(
          Array.from({ length: 100 }, () => notes.update({ key: 'counter' }, { $inc: { 'value.n': 1 } })),
        );
        expect((await notes.get(note('counter', 0)._id))?.value).toEqual({ n: 100 });
      });

      test('a read that begins after a write resolved sees it', async () => {
        await Promise.all(
          Array.from({ length: 100 }, async (_, n) => {
            await notes.insert(note(`seen-${n}`, n));
            expect(await notes.find({ filter: { key: `seen-${n}` } })).toHaveLength(1);
            await notes.remove({ key: `seen-${n}` });
            expect(await notes.get(note(`seen-${n}`, 0)._id)).toBeUndefined();
          }),
        );
      });
    });

    describe('the event log', () => {
      test("refreshes the call's document with an event that was appended, and with no other", async () => {
        const opening = {
          ...event(21, 1),
          type: 'received',
          attemptId: oid(9_021),
          callSid: 'CA21',
          contactPhone: '+12065550221',
          fromPhone: '+12065550222',
        } as CallEvent;
        const call = foldCall([opening]) as Call;
        expect(await store.append(opening, call)).toBe('appended');
        expect(await store.collection('calls').get(call._id)).toEqual(call);
        expect(await store.append(opening, { ...call, status: 'failed' })).toBe('duplicate');
        const taken = { ...opening, _id: oid(9_022), eventId: 'taken-place' };
        expect(await store.append(taken, { ...call, status: 'failed' })).toBe('conflict');
        expect(await store.collection('calls').get(call._id)).toEqual(call);
      });

      test('answers appended, duplicate for a repeated event, conflict for a taken place', async () => {
        expect(await store.append(event(1, 0))).toBe('appended');
        expect(await store.append(event(1, 0))).toBe('duplicate');
        expect(await store.append(event(1, 5, { eventId: 'event-1-0' }))).toBe('duplicate');
        expect(await store.append(event(1, 0, { _id: oid(77), eventId: 'another' }))).toBe('conflict');
        expect(await store.append(event(2, 0))).toBe('appended');
        expect(await store.events(oid(1))).toEqual([event(1, 0)]);
      });

      test('gives the events of a call in the order of seq, numbers above nine included', async () => {
        await Promise.all([11, 2, 10, 0, 1, 100].map((seq) => store.append(event(3, seq))));
        await store.append(event(4, 1));
        expect((await store.events(oid(3))).map(({ seq }) => seq)).toEqual([0, 1, 2, 10, 11, 100]);
        expect(await store.events(oid(5))).toEqual([]);
      });

      test('takes one event once of 50 who bring it at the same time', async () => {
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, n) =>
            store.append(event(6, n, { eventId: 'webhook', _id: oid(n + 1) })),
          ),
        );
        expect(answers.filter((answer) => answer === 'appended')).toHaveLength(1);
        expect(answers.filter((answer) => answer === 'duplicate')).toHaveLength(49);
        expect(await store.events(oid(6))).toHaveLength(1);
      });

      test('leaves no gap when writers race for places and go on behind a conflict', async () => {
        const writer = async (w: number) => {
          for (let n = 0; n < 5; n += 1) {
            for (;;) {
              const seq = (await store.events(oid(7))).length;
              const answer = await store.append(
                event(7, seq, { eventId: `w${w}-${n}`, _id: oid(700_000 + w * 100 + n) }),
              );
              if (answer === 'appended') break;
              expect(answer).toBe('conflict');
            }
          }
        };
        await Promise.all(Array.from({ length: 10 }, (_, w) => writer(w)));
        const events = await store.events(oid(7));
        expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, n) => n));
        expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(50);
      });

      test('is a collection like the others to read', async () => {
        await store.append(event(8, 0));
        expect(await store.collection('call_events').find({ filter: { sessionId: 'session-8' } })).toEqual([
          event(8, 0),
        ]);
      });
    });

    describe('pipelines', () => {
      const campaign = oid(500);
      const rows = [
        {
          outcome: 'qualified',
          duration: 420,
          sentiment: { overall: 0.6 },
          cost: { totalCost: 0.5 },
          campaignId: campaign,
        },
        {
          outcome: 'qualified',
          duration: 380,
          sentiment: { overall: 0.8 },
          cost: { totalCost: 0.25 },
          campaignId: campaign,
        },
        { outcome: 'voicemail', duration: 30, cost: { totalCost: 0.25 }, campaignId: campaign },
        { outcome: 'qualified', duration: 999, campaignId: oid(501) },
        { outcome: 'callback', duration: 60, campaignId: campaign, initiatedAt: day('01-01') },
      ];
      beforeEach(async () => {
        await Promise.all(
          rows.map((row, n) =>
            store.collection('calls').insert(call(n + 1, { initiatedAt: day('02-01'), ...row })),
          ),
        );
      });
      const run = (stages: readonly Stage[]) => store.collection('calls').aggregate(stages);

      test('campaign performance: match, group with sums and averages, sort', async () => {
        expect(
          await run([
            { $match: { campaignId: campaign, initiatedAt: { $gte: day('01-15') } } },
            {
              $group: {
                _id: '$outcome',
                count: { $sum: 1 },
                avgDuration: { $avg: '$duration' },
                avgSentiment: { $avg: '$sentiment.overall' },
                totalCost: { $sum: '$cost.totalCost' },
              },
            },
            { $sort: { count: -1 } },
          ]),
        ).toEqual([
          { _id: 'qualified', count: 2, avgDuration: 400, avgSentiment: 0.7, totalCost: 0.75 },
          { _id: 'voicemail', count: 1, avgDuration: 30, avgSentiment: null, totalCost: 0.25 },
        ]);
      });

      test('the lead funnel: group, then project with a rounded average and no _id', async () => {
        const leads = store.collection('leads');
        for (const [n, score] of [0.5, 0.25, 0.333].entries())
          await leads.insert(lead(n + 1, { qualification: { score }, status: n ? 'new' : 'lost' }));
        expect(
          await leads.aggregate([
            { $match: { receivedAt: { $gte: day('01-01') } } },
            { $group: { _id: '$status', count: { $sum: 1 }, avgScore: { $avg: '$qualification.score' } } },
            { $project: { status: '$_id', count: 1, avgScore: { $round: ['$avgScore', 2] }, _id: 0 } },
            { $sort: { status: 1 } },
          ]),
        ).toEqual([
          { status: 'lost', count: 1, avgScore: 0.5 },
          { status: 'new', count: 2, avgScore: 0.29 },
        ]);
      });

      test('sort and limit before the rest; count; whole documents; lists taken apart', async () => {
        expect(
          await run([{ $sort: { duration: -1 } }, { $limit: 2 }, { $project: { duration: 1, _id: 0 } }]),
        ).toEqual([{ duration: 999 }, { duration: 420 }]);
        expect(
          await run([
            { $match: { duration: { $gt: 50 } } },
            { $match: { campaignId: campaign } },
            { $count: 'calls' },
          ]),
        ).toEqual([{ calls: 3 }]);
        expect(await run([{ $match: { _id: oid(3) } }])).toEqual(
          await store.collection('calls').find({ filter: { _id: oid(3) } }),
        );
        expect(
          await run([
            {
              $group: {
                _id: null,
                most: { $max: '$duration' },
                least: { $min: '$duration' },
                last: { $max: '$initiatedAt' },
              },
            },
          ]),
        ).toEqual([{ _id: null, most: 999, least: 30, last: day('02-01') }]);
        await notes.insert(note('lists', { topics: ['price', 'visit', 'price'] }));
        expect(
          await notes.aggregate([
            { $unwind: '$value.topics' },
            { $group: { _id: '$value.topics', n: { $sum: 1 } } },
            { $sort: { n: -1 } },
          ]),
        ).toEqual([
          { _id: 'price', n: 2 },
          { _id: 'visit', n: 1 },
        ]);
      });

      test('compare across types in expressions, and group what has no value under null', async () => {
        for (const [key, is] of Object.entries({ text: 'text', number: 5, nothing: null }))
          await notes.insert(note(key, { is }));
        await notes.insert(note('absent', {}));
        const counted = (condition: object) => ({ $sum: { $cond: [condition, 1, 0] } });
        expect(
          await notes.aggregate([
            { $match: { key: { $in: ['text', 'number', 'nothing', 'absent'] } } },
            {
              $group: {
                _id: '$value.none',
                overNull: counted({ $gt: ['$value.is', null] }),
                overNumber: counted({ $gt: ['$value.is', 9] }),
                underText: counted({ $lt: ['$value.is', 'a'] }),
                upToNull: counted({ $lte: [{ $ifNull: ['$value.is', null] }, null] }),
                mean: { $avg: '$value.is' },
                sum: { $sum: '$value.is' },
                absent: { $avg: '$value.none' },
              },
            },
          ]),
        ).toEqual([
          {
            _id: null,
            overNull: 2,
            overNumber: 1,
            underText: 3,
            upToNull: 2,
            mean: 5,
            sum: 5,
            absent: null,
          },
        ]);
      });

      test('of nothing are nothing, and bad ones are refused', async () => {
        expect(
          await notes.aggregate([{ $match: { key: 'none' } }, { $group: { _id: '$key', n: { $sum: 1 } } }]),
        ).toEqual([]);
        expect(await codeOf(run([{ $explode: {} }]))).toBe('invalid_request');
        expect(await codeOf(run([{ $match: {}, $limit: 1 }]))).toBe('invalid_request');
        expect(await codeOf(run([{ $out: 'calls' }]))).toBe('invalid_request');
      });
    });

    describe('lists of numbers', () => {
      // Copies stay for good, so each test has lists of its own: what it calls `national` is another one each time.
      let round = 0;
      beforeEach(() => {
        round += 1;
      });
      const own = (list: string): string => `${list}.${round}`;
      const ofMine = (list: string): string[] =>
        list.endsWith(`.${round}`) ? [list.slice(0, list.lastIndexOf('.'))] : [];
      const mine = (copies: readonly ListCopy[]): ListCopy[] =>
        copies.flatMap((copy) => ofMine(copy.list).map((list) => ({ ...copy, list })));

      const lookUp = async (number: number) => {
        const { copies, listedIn } = await store.lists.lookUp(number);
        return { copies: mine(copies), listedIn: listedIn.flatMap(ofMine).sort() };
      };
      const isListed = async (number: number): Promise<string[]> => (await lookUp(number)).listedIn;
      const allCopies = async (): Promise<ListCopy[]> => mine(await store.lists.copies());
      const copyOf = async (list: string): Promise<ListCopy | undefined> =>
        (await allCopies()).find((copy) => copy.list === list);
      const stage = (id: string, list: string, base: 'empty' | 'current'): Promise<StagedCopy> =>
        store.lists.stage(id, own(list), base);
      let staged = 0;
      const importId = (): string => {
        staged += 1;
        return oid(staged);
      };

      /** Imports what the writes say, one line a number; answers what the commit answers. */
      async function take(
        list: string,
        base: 'empty' | 'current',
        asOf: Date,
        ...writes: readonly (readonly number[])[]
      ) {
        const copy = await stage(importId(), list, base);
        for (const numbers of writes) await copy.write(Float64Array.from(numbers), numbers.length);
        return copy.commit(asOf);
      }

      test('that nobody imported have no copy and name nobody', async () => {
        expect(await lookUp(2_065_550_100)).toEqual({ copies: [], listedIn: [] });
        expect(await allCopies()).toEqual([]);
      });

      test('become current as a whole when committed, and not before', async () => {
        const copy = await stage(importId(), 'national', 'empty');
        await copy.write(Float64Array.of(2_065_550_100, 9_179_999_999), 2);
        expect(copy.linesTaken).toBeLessThanOrEqual(2);
        expect(await lookUp(2_065_550_100)).toEqual({ copies: [], listedIn: [] });
        const before = Date.now();
        const { copy: made, ...changed } = await copy.commit(day('11-20'));
        expect(changed).toEqual({ added: 2, removed: 0 });
        expect(made).toEqual({
          list: own('national'),
          asOf: day('11-20'),
          count: 2,
          importedAt: made.importedAt,
        });
        expect(made.importedAt.getTime()).toBeGreaterThanOrEqual(before);
        const seen = { ...made, list: 'national' };
        expect(await lookUp(2_065_550_100)).toEqual({ copies: [seen], listedIn: ['national'] });
        expect(await lookUp(9_179_999_999)).toEqual({ copies: [seen], listedIn: ['national'] });
        expect(await lookUp(2_065_550_101)).toEqual({ copies: [seen], listedIn: [] });
      });

      test('are told apart, and one number may be on several', async () => {
        await take('national', 'empty', day('11-01'), [2_065_550_100, 2_065_550_101]);
        await take('state.FL', 'empty', day('11-02'), [3_055_550_100, 2_065_550_100]);
        await take('litigator', 'empty', day('11-03'), [2_065_550_100]);
        expect(await isListed(2_065_550_100)).toEqual(['litigator', 'national', 'state.FL']);
        expect(await isListed(2_065_550_101)).toEqual(['national']);
        expect(await isListed(3_055_550_100)).toEqual(['state.FL']);
        expect((await allCopies()).map(({ list, asOf, count }) => [list, asOf, count]).sort()).toEqual([
          ['litigator', day('11-03'), 1],
          ['national', day('11-01'), 2],
          ['state.FL', day('11-02'), 2],
        ]);
      });

      test('replaced as a whole keep nothing of the copy before', async () => {
        await take('national', 'empty', day('11-01'), [2_065_550_100, 3_105_550_100, 9_175_550_100]);
        const { copy, ...changed } = await take(
          'national',
          'empty',
          day('11-08'),
          [3_105_550_100, 2_015_550_100],
        );
        expect(changed).toEqual({ added: 1, removed: 2 });
        expect(copy.count).toBe(2);
        for (const [number, listed] of [
          [2_065_550_100, false],
          [9_175_550_100, false],
          [3_105_550_100, true],
          [2_015_550_100, true],
        ] as const)
          expect(await isListed(number)).toEqual(listed ? ['national'] : []);
        expect((await copyOf('national'))?.asOf).toEqual(day('11-08'));
      });

      test('changes hold in the order of their lines, within a write and across writes', async () => {
        await take('national', 'empty', day('11-01'), [2_065_550_001, 2_065_550_002, 2_065_550_003]);
        const { copy, ...changed } = await take(
          'national',
          'current',
          day('11-02'),
          [-2_065_550_001, 2_065_550_001, 2_065_550_004, -2_065_550_004, -2_065_550_002, 2_065_550_005],
          [2_065_550_002, -2_065_550_005, -2_065_550_003, -2_065_550_003, -7_185_550_000, 2_065_550_006],
        );
        expect(changed).toEqual({ added: 1, removed: 1 });
        expect(copy.count).toBe(3);
        const still: number[] = [];
        for (let number = 2_065_550_000; number < 2_065_550_010; number += 1)
          if ((await isListed(number)).length > 0) still.push(number);
        expect(still).toEqual([2_065_550_001, 2_065_550_002, 2_065_550_006]);
      });

      test('changes without a line bring the copy a new date', async () => {
        await take('national', 'empty', day('11-01'), [2_065_550_001]);
        const { copy, ...changed } = await take('national', 'current', day('11-02'));
        expect([changed, copy.count, copy.asOf]).toEqual([{ added: 0, removed: 0 }, 1, day('11-02')]);
        expect(await isListed(2_065_550_001)).toEqual(['national']);
      });

      test('hold crowded and sparse blocks of numbers, to their very edges', async () => {
        const crowded = Array.from({ length: 20_000 }, (_, n) => 2_065_500_000 + n * 5);
        const edges = [
          2_000_000_000, 2_000_065_535, 2_000_065_536, 2_000_099_999, 2_000_100_000, 9_999_999_999,
        ];
        const { copy } = await take('national', 'empty', day('11-01'), [...crowded, ...crowded, ...edges]);
        expect(copy.count).toBe(crowded.length + edges.length);
        for (const n of [0, 1, 6553, 13_107, 19_999]) {
          expect(await isListed(2_065_500_000 + n * 5)).toEqual(['national']);
          for (const off of [1, 2, 3, 4]) expect(await isListed(2_065_500_000 + n * 5 + off)).toEqual([]);
        }
        for (const number of edges) expect(await isListed(number)).toEqual(['national']);
        for (const number of [2_000_000_001, 2_000_065_534, 2_000_065_537, 2_000_099_998, 2_000_100_001])
          expect(await isListed(number)).toEqual([]);
        // Sparse again by a list of changes, and crowded again by another.
        await take(
          'national',
          'current',
          day('11-02'),
          crowded.slice(100).map((number) => -number),
        );
        expect((await copyOf('national'))?.count).toBe(100 + edges.length);
        expect(await isListed(2_065_500_495)).toEqual(['national']);
        expect(await isListed(2_065_500_500)).toEqual([]);
        await take('national', 'current', day('11-03'), crowded);
        expect((await copyOf('national'))?.count).toBe(crowded.length + edges.length);
        expect(await isListed(2_065_599_995)).toEqual(['national']);
      });

      test('answer what a plain set of numbers answers, whatever was imported in whatever order', async () => {
        const prefixes = [20_655, 20_656, 30_500, 99_999];
        const number = fc
          .record({
            prefix: fc.constantFrom(...prefixes),
            rest: fc.oneof(
              fc.nat(40),
              fc.integer({ min: 65_525, max: 65_545 }),
              fc.integer({ min: 99_990, max: 99_999 }),
            ),
          })
          .map(({ prefix, rest }) => prefix * 100_000 + rest);
        const line = fc.tuple(number, fc.boolean());
        const file = fc.record({
          list: fc.constantFrom('national', 'state.TX'),
          kind: fc.constantFrom('empty' as const, 'current' as const),
          writes: fc.array(fc.array(line, { maxLength: 60 }), { maxLength: 3 }),
          crowd: fc.boolean(),
        });
        const model = new Map<string, Set<number>>();
        await fc.assert(
          fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 4 }), async (files) => {
            for (const { list, kind, writes, crowd } of files) {
              const before = model.get(list) ?? new Set<number>();
              const after = kind === 'empty' ? new Set<number>() : new Set(before);
              const copy = await stage(importId(), list, kind);
              const lines = writes.map((write) =>
                write.map(([value, adds]) => (adds || kind === 'empty' ? value : -value)),
              );
              // So many in one block that it is no longer kept as single numbers.
              if (crowd) lines.push(Array.from({ length: 7_000 }, (_, n) => 2_065_600_000 + n * 14));
              for (const write of lines) {
                await copy.write(Float64Array.from(write), write.length);
                for (const value of write) value > 0 ? after.add(value) : after.delete(-value);
              }
              const made = await copy.commit(day('11-01'));
              expect(made.copy.count).toBe(after.size);
              expect(made.added).toBe([...after].filter((value) => !before.has(value)).length);
              expect(made.removed).toBe([...before].filter((value) => !after.has(value)).length);
              model.set(list, after);
            }
            for (const prefix of prefixes)
              for (const rest of [...Array(50).keys(), 65_535, 65_536, 65_540, 99_986, 99_999]) {
                const value = prefix * 100_000 + rest;
                const expected = [...model].filter(([, numbers]) => numbers.has(value)).map(([list]) => list);
                expect(await isListed(value)).toEqual(expected.sort());
              }
          }),
          { numRuns: 15 },
        );
      }, 180_000);

      test('being staged survive closing and opening between any two writes, and go on where they were', async () => {
        const writes = Array.from({ length: 4 }, (_, n) =>
          Array.from({ length: 500 }, (__, i) => 2_065_550_000 + n * 400 + i),
        );
        for (let broken = 0; broken <= writes.length; broken += 1) {
          const id = importId();
          const list = `state.${['FL', 'TX', 'PA', 'OK', 'IN'][broken] ?? ''}`;
          let copy = await stage(id, list, 'empty');
          for (const [n, numbers] of writes.entries()) {
            if (n === broken) {
              store = await under.reopen();
              copy = await stage(id, list, 'empty');
            }
            // A store may have kept less than it was given: what is missing is told again.
            for (const write of writes.slice(copy.linesTaken / 500, n + 1))
              await copy.write(Float64Array.from(write), write.length);
            expect(numbers).toHaveLength(500);
          }
          if (broken === writes.length) {
            store = await under.reopen();
            copy = await stage(id, list, 'empty');
            for (const write of writes.slice(copy.linesTaken / 500))
              await copy.write(Float64Array.from(write), write.length);
          }
          expect((await copyOf(list))?.count).toBeUndefined();
          expect((await copy.commit(day('11-01'))).copy.count).toBe(1_700);
          expect(await isListed(2_065_551_699)).toContain(list);
          expect(await isListed(2_065_551_700)).not.toContain(list);
        }
        store = await under.reopen();
        notes = store.collection('system_config');
        expect(await allCopies()).toHaveLength(5);
        expect(await isListed(2_065_550_000)).toHaveLength(5);
      });

      test('are never seen mixed: every look-up answers the old copy or the new one', async () => {
        const ending = (last: number): number[] =>
          Array.from(
            { length: 30_000 },
            (_, n) => (201 + (n % 300)) * 10_000_000 + 2_000_000 + n * 10 + last,
          );
        const [before, after] = [ending(1), ending(2)];
        await take('national', 'empty', day('11-01'), before);
        const copy = await stage(importId(), 'national', 'empty');
        await copy.write(Float64Array.from(after), 30_000);
        let over = false;
        const committing = copy.commit(day('11-02')).finally(() => {
          over = true;
        });
        const seen = new Set<string>();
        for (let n = 0; !over; n = (n + 7) % 30_000) {
          const [a, b] = await Promise.all([lookUp(before[n] ?? 0), lookUp(after[n] ?? 0)]);
          for (const [answer, ofOld] of [
            [a, true],
            [b, false],
          ] as const) {
            const isOld = answer.copies[0]?.asOf.getTime() === day('11-01').getTime();
            seen.add(isOld ? 'old' : 'new');
            expect(answer.listedIn).toEqual(isOld === ofOld ? ['national'] : []);
          }
          await new Promise((resolve) => setImmediate(resolve));
        }
        await committing;
        expect(seen).toContain('old');
        expect(await isListed(after[77] ?? 0)).toEqual(['national']);
        expect(await isListed(before[77] ?? 0)).toEqual([]);
      });

      test('that became too short are refused, and the copy before stays', async () => {
        await take('national', 'empty', day('11-01'), [2_065_550_001, 2_065_550_002, 2_065_550_003]);
        const copy = await stage(importId(), 'national', 'empty');
        await copy.write(Float64Array.of(2_065_550_009, 2_065_550_009), 2);
        const refusal = await failureOf(copy.commit(day('11-02'), 2));
        expect([refusal.code, refusal.details.count]).toEqual(['invalid_request', 1]);
        expect(await isListed(2_065_550_001)).toEqual(['national']);
        expect(await isListed(2_065_550_009)).toEqual([]);
        expect((await copyOf('national'))?.asOf).toEqual(day('11-01'));
        expect((await copy.commit(day('11-02'), 1)).copy.count).toBe(1);
      });

      test('that are discarded begin anew, and discarding what nobody knows is nothing', async () => {
        const id = importId();
        const copy = await stage(id, 'national', 'empty');
        await copy.write(Float64Array.of(2_065_550_001), 1);
        await store.lists.discard(id);
        await store.lists.discard(oid(999));
        const anew = await stage(id, 'national', 'empty');
        expect(anew.linesTaken).toBe(0);
        await anew.write(Float64Array.of(2_065_550_002), 1);
        expect((await anew.commit(day('11-01'))).copy.count).toBe(1);
        expect(await isListed(2_065_550_001)).toEqual([]);
      });

      test('of two imports at once both become current', async () => {
        await Promise.all(
          ['national', 'state.FL', 'litigator'].map((list, n) =>
            take(list, 'empty', day('11-01'), [2_065_550_000 + n, 3_055_550_000]),
          ),
        );
        expect(await isListed(3_055_550_000)).toEqual(['litigator', 'national', 'state.FL']);
        expect(await isListed(2_065_550_001)).toEqual(['state.FL']);
      });

      test('take numbers of ten digits only, and nothing of a write that has another', async () => {
        const copy = await stage(importId(), 'national', 'empty');
        for (const bad of [
          1_999_999_999,
          10_000_000_000,
          0,
          2_065_550_100.5,
          Number.NaN,
          Number.POSITIVE_INFINITY,
        ])
          expect(await codeOf(copy.write(Float64Array.of(2_065_550_100, bad), 2))).toBe('invalid_request');
        expect(copy.linesTaken).toBe(0);
        await copy.write(Float64Array.of(2_065_550_101), 1);
        expect((await copy.commit(day('11-01'))).copy.count).toBe(1);
      });

      test('do not answer when the store is closed', async () => {
        const copy = await stage(importId(), 'national', 'empty');
        await store.close();
        expect(await codeOf(lookUp(2_065_550_100))).toBe('store_unavailable');
        expect(await codeOf(allCopies())).toBe('store_unavailable');
        expect(await codeOf(copy.write(Float64Array.of(2_065_550_100), 1))).toBe('store_unavailable');
        expect(await codeOf(copy.commit(day('11-01')))).toBe('store_unavailable');
        store = await under.reopen();
        notes = store.collection('system_config');
        expect(await allCopies()).toEqual([]);
      });
    });

    describe('what was said in calls', () => {
      const transcript = (n: number, fullTranscript: string, fields: object = {}) =>
        as<Documents['call_transcripts']>({
          _id: oid(n),
          callId: oid(n),
          messages: [],
          fullTranscript,
          createdAt: new Date(Date.UTC(2026, 0, 2) + n * 1000),
          ...fields,
        });
      const transcripts = () => store.collection('call_transcripts');
      async function found(text: string): Promise<readonly string[]> {
        for (;;) {
          const { hits, complete } = await store.said({ text, limit: 50 });
          if (complete) return hits.map(({ callId }) => callId);
        }
      }

      test('is found by words in any case, all of them, and by phrases, the newest first', async () => {
        await transcripts().insert(transcript(1, 'Agent: Do you want to sell your house?\nCaller: Not now.'));
        await transcripts().insert(
          transcript(2, 'Agent: Hello.\nCaller: I will SELL the House on Elm-Street!'),
        );
        await transcripts().insert(transcript(3, "Caller: Houses? Don't call me again."));
        expect(await found('sell house')).toEqual([oid(2), oid(1)]);
        expect(await found('House')).toEqual([oid(2), oid(1)]);
        expect(await found('"your house"')).toEqual([oid(1)]);
        expect(await found('"the house" street')).toEqual([oid(2)]);
        expect(await found('sell again')).toEqual([]);
        expect(await found('again')).toEqual([oid(3)]);
        expect(await found('nobody said this')).toEqual([]);
        expect(await found('"house" OR (again) -sell * NEAR $where')).toEqual([]);
      });

      test('follows what is written and removed', async () => {
        await transcripts().insert(transcript(1, 'Caller: kitchen'));
        await transcripts().insert(transcript(2, 'Caller: kitchen and roof'));
        expect(await found('kitchen')).toEqual([oid(2), oid(1)]);
        await transcripts().put(transcript(1, 'Caller: garage'));
        await transcripts().remove({ _id: oid(2) });
        expect(await found('kitchen')).toEqual([]);
        expect(await found('garage')).toEqual([oid(1)]);
        await transcripts().update({ callId: oid(1) }, { $set: { fullTranscript: 'Caller: cellar' } });
        expect(await found('garage')).toEqual([]);
        expect(await found('cellar')).toEqual([oid(1)]);
      });

      test('comes in pages that neither skip nor repeat', async () => {
        const at = new Date(Date.UTC(2026, 0, 3));
        await Promise.all(
          Array.from({ length: 60 }, (_, n) =>
            transcripts().insert(
              transcript(n + 1, `Caller: roof ${n}`, n % 3 === 0 ? { createdAt: at } : {}),
            ),
          ),
        );
        const seen: string[] = [];
        for (let cursor: string | undefined, isLast = false; !isLast; ) {
          const page = await store.said({ text: 'roof', limit: 7, ...(cursor ? { cursor } : {}) });
          // From the middle of a page on, too.
          const taken = page.hits.slice(0, 4);
          seen.push(...taken.map(({ callId }) => callId));
          cursor = taken.at(-1)?.cursor;
          isLast = page.isLast && taken.length === page.hits.length;
        }
        expect(seen).toHaveLength(60);
        expect(new Set(seen).size).toBe(60);
        expect(new Set(seen.slice(0, 20))).toEqual(
          new Set(Array.from({ length: 20 }, (_, n) => oid(3 * n + 1))),
        );
      });

      test('is found after closing and opening again, what changed before nobody searched too', async () => {
        await transcripts().insert(transcript(1, 'Caller: kitchen'));
        expect(await found('kitchen')).toEqual([oid(1)]);
        store = await under.reopen();
        expect(await found('kitchen')).toEqual([oid(1)]);
        store = await under.reopen();
        await transcripts().put(transcript(1, 'Caller: garage'));
        await transcripts().insert(transcript(2, 'Caller: kitchen'));
        store = await under.reopen();
        notes = store.collection('system_config');
        expect(await found('kitchen')).toEqual([oid(2)]);
        expect(await found('garage')).toEqual([oid(1)]);
      });

      test('is asked for by words, with a cursor of the same search', async () => {
        const codeOf = (query: Parameters<Store['said']>[0]) =>
          store.said(query).then(
            () => 'found',
            (error: Failure) => error.code,
          );
        expect(await codeOf({ text: ' "?" - ', limit: 5 })).toBe('invalid_request');
        expect(await codeOf({ text: 'house', limit: 5, cursor: 'x{' })).toBe('invalid_request');
      });
    });

    test('what was stored is there after closing and opening again, indexes and all', async () => {
      const leads = store.collection('leads');
      await Promise.all(
        Array.from({ length: 60 }, (_, n) => leads.insert(lead(n + 1, { status: n % 2 ? 'new' : 'lost' }))),
      );
      await store.append(event(9, 0));
      const old = store;
      store = await under.reopen();
      notes = store.collection('system_config');
      expect(await store.events(oid(9))).toEqual([event(9, 0)]);
      expect(await store.append(event(9, 0))).toBe('duplicate');
      expect(await store.collection('leads').count({ status: 'lost' })).toBe(30);
      expect(await store.collection('leads').find({ filter: { 'contact.phone': '+12065550007' } })).toEqual([
        lead(7, { status: 'lost' }),
      ]);
      expect(await codeOf(store.collection('leads').insert(lead(99, { externalId: 'row-7' })))).toBe(
        'duplicate_key',
      );
      expect((await store.health()).ok).toBe(true);
      expect((await old.health()).ok).toBe(false);
    });

    test('a closed store answers store_unavailable, and closing again is nothing', async () => {
      const waiting = store.collection('system_config').insert(note('last words', 1));
      const closing = store.close();
      await Promise.all([waiting, closing, store.close()]);
      expect(await codeOf(store.collection('system_config').get(oid(1)))).toBe('store_unavailable');
      expect(await codeOf(store.append(event(1, 1)))).toBe('store_unavailable');
      expect(await codeOf(store.events(oid(1)))).toBe('store_unavailable');
      expect((await store.health()).ok).toBe(false);
      store = await under.reopen();
      notes = store.collection('system_config');
      expect(await notes.find({ filter: { key: 'last words' } })).toHaveLength(1);
    });
  });
}

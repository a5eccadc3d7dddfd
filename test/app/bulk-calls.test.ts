/** One deed for many calls: each answers for itself, and what people made of a call can be put back. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalStore, openLocalStore } from '../../src/adapters/store/local/index.ts';
import { type BulkResult, createBulkCalls, MOST_CHOSEN, type PutBack } from '../../src/app/bulk-calls.ts';
import { page } from '../../src/app/paging.ts';
import type { Log } from '../../src/app/ports.ts';
import { callFilter } from '../../src/app/read-calls.ts';
import { createReviewCalls } from '../../src/app/review-calls.ts';
import { createReviewers } from '../../src/app/reviewers.ts';
import { createSearchCalls } from '../../src/app/search-calls.ts';
import type { Call } from '../../src/domain/call.ts';
import { Failure } from '../../src/domain/errors.ts';

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
const oid = (n: number): string => n.toString(16).padStart(24, '0');
const ANNA = { id: 'u1', name: 'Anna', isAdmin: false };
const T0 = Date.UTC(2026, 0, 1);

let dir: string;
let store: LocalStore;
let analysed: string[];
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'parley-bulk-'));
  store = await openLocalStore({ dir, log: quiet });
  analysed = [];
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const keep = (count: number, fields: (n: number) => Partial<Call> = () => ({})) =>
  store.whole.fill(
    'calls',
    Array.from(
      { length: count },
      (_, n) =>
        ({
          _id: oid(n),
          attemptId: oid(n),
          status: 'completed',
          initiatedAt: new Date(T0 + n * 1_000),
          ...fields(n),
        }) as never,
    ),
  );

function open() {
  const calls = store.collection('calls');
  const reviewers = createReviewers({ store });
  const reviews = createReviewCalls({
    store,
    clock: { nowMs: () => T0 } as never,
    ids: {} as never,
    reviewers,
    calls: {
      async get(callId) {
        const call = await calls.get(callId);
        if (!call) throw new Failure('call_not_found', `no call ${callId}`);
        return call;
      },
      list: ({ limit, cursor, ...query }) =>
        page(calls, {
          filter: callFilter(query),
          sort: { field: 'initiatedAt', direction: -1 },
          limit,
          ...(cursor ? { cursor } : {}),
        }),
    },
  });
  const bulk = createBulkCalls({
    list: reviews.list,
    search: createSearchCalls({ store }),
    judge: reviews.rejudge,
    reviewers,
    async analyse({ callId }) {
      if (callId === oid(1)) throw new Failure('invalid_request', 'the call is not over yet');
      analysed.push(callId);
    },
  });
  return { reviews, bulk };
}

const backOf = (results: readonly BulkResult[]): PutBack[] =>
  results.flatMap(({ callId, undo }) => (undo ? [{ callId, ...undo }] : []));

test('tags are added and taken away, what is there already stays as it is, and a call that is none says so', async () => {
  await keep(3);
  const { bulk, reviews } = open();
  await reviews.judge(oid(1), { tags: ['price', 'coaching'] }, ANNA);
  const results = await bulk.act(
    [oid(0), oid(1), oid(9), oid(2)],
    { what: 'tag', add: [' Coaching '], remove: ['nothing'] },
    ANNA,
  );
  expect(results.map(({ state }) => state)).toEqual(['done', 'unchanged', 'failed', 'done']);
  expect(results[2]?.problem?.code).toBe('call_not_found');
  expect((await reviews.review(oid(0))).tags).toEqual(['coaching']);
  expect(await reviews.review(oid(1))).toMatchObject({ tags: ['price', 'coaching'], revision: 1 });
  await bulk.act([oid(1)], { what: 'tag', remove: ['PRICE'] }, ANNA);
  expect((await reviews.review(oid(1))).tags).toEqual(['coaching']);
});

test('a deed is taken back where nobody changed the review since, and only there', async () => {
  await keep(2);
  const { bulk, reviews } = open();
  await reviews.judge(oid(0), { status: 'needs_attention', tags: ['old'] }, ANNA);
  const done = await bulk.act([oid(0), oid(1)], { what: 'review', status: 'reviewed' }, ANNA);
  await reviews.judge(oid(1), { tags: ['mine'] }, ANNA);
  const undone = await bulk.undo(backOf(done), ANNA);
  expect(undone.map(({ problem }) => problem?.code)).toEqual([undefined, 'review_conflict']);
  expect(await reviews.review(oid(0))).toMatchObject({ status: 'needs_attention', tags: ['old'] });
  expect(await reviews.review(oid(1))).toMatchObject({ status: 'reviewed', tags: ['mine'] });
});

test('a tag that no longer fits is refused for that call alone', async () => {
  await keep(2);
  const { bulk, reviews } = open();
  await reviews.judge(oid(0), { tags: Array.from({ length: 20 }, (_, n) => `t${n}`) }, ANNA);
  const results = await bulk.act([oid(0), oid(1)], { what: 'tag', add: ['one more'] }, ANNA);
  expect(results.map(({ state }) => state)).toEqual(['failed', 'done']);
  expect((await reviews.review(oid(0))).tags).toHaveLength(20);
});

test('a call that cannot be analysed does not keep the others from it', async () => {
  await keep(3);
  const results = await open().bulk.act([oid(0), oid(1), oid(2)], { what: 'analyse' }, ANNA);
  expect(results.map(({ state }) => state)).toEqual(['done', 'failed', 'done']);
  expect(analysed).toEqual([oid(0), oid(2)]);
});

test('where the store is away the rest is not tried, and every call says so', async () => {
  let tried = 0;
  const bulk = createBulkCalls({
    list: async () => ({ items: [] }),
    search: async () => ({ items: [], complete: true }),
    async judge() {
      tried += 1;
      throw new Failure('store_unavailable', 'away');
    },
    reviewers: createReviewers({ store }),
    analyse: async () => undefined,
  });
  const results = await bulk.act([oid(0), oid(1), oid(2)], { what: 'review', status: 'reviewed' }, ANNA);
  expect(tried).toBe(1);
  expect(results.map(({ problem }) => problem?.code)).toEqual(Array(3).fill('store_unavailable'));
});

test('of the calls that fit the newest are chosen, and whether there are more is told', async () => {
  await keep(700, (n) => (n % 2 === 0 ? { cost: { totalCost: n / 1_000 } as Call['cost'] & object } : {}));
  const { bulk, reviews } = open();
  const all = await bulk.matching({});
  expect(all.ids).toEqual(Array.from({ length: MOST_CHOSEN }, (_, n) => oid(699 - n)));
  expect(all.more).toBe(true);
  expect(await bulk.matching({ minCost: 0.004, maxCost: 0.01 })).toEqual({
    ids: [10, 8, 6, 4].map(oid),
    more: false,
  });
  await reviews.judge(oid(2), { tags: ['x'] }, ANNA);
  expect(await bulk.matching({ tag: 'x' })).toEqual({ ids: [oid(2)], more: false });
});

/** Calls are given to people to review: to whom they can be, what becomes of them when people leave, and how each finds theirs. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBulkCalls, type PutBack } from '../../src/app/bulk-calls.ts';
import { page } from '../../src/app/paging.ts';
import { type CallQuery, callFilter } from '../../src/app/read-calls.ts';
import { createReviewCalls, type ReviewFilter } from '../../src/app/review-calls.ts';
import { createReviewers } from '../../src/app/reviewers.ts';
import type { Call } from '../../src/domain/call.ts';
import { Failure } from '../../src/domain/errors.ts';
import type { Reviewer } from '../../src/domain/review.ts';
import type { Role, User } from '../../src/domain/user.ts';
import { failureOf, oid } from '../contract/filled.ts';
import { type HandClock, handClock } from '../support/clock.ts';
import { type OpenStore, storesFor } from '../support/stores.ts';

const BOSS: Reviewer = { id: oid(900), name: 'Boss', isAdmin: true };
const [ADA, BO, CY] = [oid(901), oid(902), oid(903)];
const T0 = Date.UTC(2026, 10, 20);

describe.each(storesFor('calls that are given to people'))('on %s', (_name, open) => {
  let opened: OpenStore;
  let clock: HandClock;
  beforeEach(async () => {
    clock = handClock(T0);
    opened = await open(clock);
  });
  afterEach(() => opened.close());

  const person = (_id: string, name: string, role: Role, isActive = true) =>
    opened.store.collection('admin_users').put({
      _id,
      name,
      email: `${name.toLowerCase()}@example.com`,
      role,
      isActive,
      epoch: 0,
      createdBy: 'test',
      updatedBy: 'test',
      createdAt: new Date(T0),
      updatedAt: new Date(T0),
    } satisfies User);
  const staff = () =>
    Promise.all([person(ADA, 'Ada', 'ANALYST'), person(BO, 'Bo', 'ADMIN'), person(CY, 'Cy', 'USER')]);

  const called = (n: number, direction: Call['direction'] = 'outbound') =>
    opened.store.collection('calls').insert({
      _id: oid(n),
      attemptId: oid(n + 10_000),
      status: 'completed',
      direction,
      contactPhone: '+12065550100',
      initiatedAt: new Date(T0 + n * 60_000),
    } as Call);

  function house() {
    const { store } = opened;
    const calls = store.collection('calls');
    const reviewers = createReviewers({ store });
    const reviews = createReviewCalls({
      store,
      clock,
      ids: { objectId: () => oid(1), token: () => '' },
      reviewers,
      calls: {
        async get(callId) {
          const call = await calls.get(callId);
          if (!call) throw new Failure('call_not_found', 'no such call');
          return call;
        },
        list: ({ limit, cursor, ...query }: CallQuery) =>
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
      search: async () => ({ items: [], complete: true }),
      judge: reviews.rejudge,
      reviewers,
      analyse: async () => undefined,
    });
    return { reviewers, reviews, bulk };
  }

  /** All pages of a list, by the numbers of the calls; how many pages it took. */
  async function all(query: Omit<CallQuery & ReviewFilter, 'limit'>, limit = 3) {
    const { list } = house().reviews;
    const found: number[] = [];
    let pages = 0;
    let cursor: string | undefined;
    do {
      const { items, nextCursor } = await list({ ...query, limit, ...(cursor ? { cursor } : {}) });
      expect(items.length).toBeLessThanOrEqual(limit);
      found.push(...items.map(({ _id }) => Number.parseInt(_id, 16)));
      cursor = nextCursor;
      pages += 1;
    } while (cursor !== undefined);
    return { found, pages };
  }

  test('a call is given to somebody, stays theirs when it is reviewed, and is nobody’s again without a trace', async () => {
    await staff();
    await called(1);
    const { review, judge } = house().reviews;
    await judge(oid(1), { assignedTo: ADA }, BOSS);
    expect(await review(oid(1))).toMatchObject({
      status: 'unreviewed',
      assignedTo: ADA,
      assignedToName: 'Ada',
      assignedBy: 'Boss',
      assignedAt: new Date(T0),
    });
    await clock.pass(1_000);
    await judge(oid(1), { status: 'reviewed' }, { ...BOSS, name: 'Ada' });
    const done = await review(oid(1));
    expect(done).toMatchObject({ status: 'reviewed', reviewedBy: 'Ada', assignedTo: ADA, revision: 2 });
    expect(await judge(oid(1), { assignedTo: ADA }, BOSS)).toEqual(done);
    await judge(oid(1), { assignedTo: null }, BOSS);
    const kept = await opened.store.collection('call_reviews').get(oid(1));
    expect(Object.keys(kept ?? {}).filter((field) => field.startsWith('assigned'))).toEqual([]);
    expect(kept).toMatchObject({ status: 'reviewed', revision: 3 });
  });

  test('it cannot be given to somebody who is not there, was deactivated or may not review, and nothing changes', async () => {
    await staff();
    await person(oid(904), 'Dee', 'ANALYST', false);
    await called(1);
    const { reviews, bulk } = house();
    await reviews.judge(oid(1), { assignedTo: ADA }, BOSS);
    for (const [userId, why] of [
      [oid(999), 'there is no such person'],
      [oid(904), 'Dee was deactivated'],
      [CY, 'Cy has a role that may not review calls'],
      ['owner', 'is nobody by name; choose a person'],
    ] as const) {
      const refused = await failureOf(
        reviews.judge(oid(1), { assignedTo: userId, status: 'reviewed' }, BOSS),
      );
      expect([refused.code, refused.details]).toEqual(['invalid_request', { fields: { assignedTo: why } }]);
      const many = await failureOf(bulk.act([oid(1)], { what: 'assign', assignedTo: userId }, BOSS));
      expect(many.details).toEqual({ fields: { 'deed.assignedTo': why } });
    }
    expect(await reviews.review(oid(1))).toMatchObject({
      assignedTo: ADA,
      status: 'unreviewed',
      revision: 1,
    });
  });

  test('whoever may review is named, and who may no more as long as calls wait for them', async () => {
    const { reviewers, reviews } = house();
    for (const n of [1, 2, 3]) await called(n);
    expect(await reviewers.list()).toEqual({ items: [{ id: 'owner', name: 'Owner' }], former: [] });
    await reviews.judge(oid(1), { assignedTo: 'owner' }, BOSS);
    await staff();
    const team = [
      { id: ADA, name: 'Ada' },
      { id: BO, name: 'Bo' },
    ];
    expect(await reviewers.list()).toEqual({ items: team, former: [{ id: 'owner', name: 'Owner' }] });
    await reviews.judge(oid(1), { assignedTo: BO }, BOSS);
    await reviews.judge(oid(2), { assignedTo: ADA }, BOSS);
    await reviews.judge(oid(3), { assignedTo: ADA, status: 'reviewed' }, BOSS);
    await person(ADA, 'Ada', 'ANALYST', false);
    expect(await reviewers.list()).toEqual({ items: team.slice(1), former: team.slice(0, 1) });
    expect(await reviews.review(oid(2))).toMatchObject({ assignedToName: 'Ada' });
    await reviews.judge(oid(2), { assignedTo: BO }, BOSS);
    expect(await reviewers.list()).toEqual({ items: team.slice(1), former: [] });
    expect(await Promise.all([reviewers.waiting(ADA), reviewers.waiting(BO)])).toEqual([0, 2]);
  });

  test('each finds theirs and what is nobody’s, newest first, with the other filters', async () => {
    await staff();
    for (let n = 1; n <= 12; n += 1) await called(n, n % 4 === 0 ? 'inbound' : 'outbound');
    const { judge } = house().reviews;
    for (const n of [2, 4, 6, 8]) await judge(oid(n), { assignedTo: ADA }, BOSS);
    for (const n of [3, 5]) await judge(oid(n), { assignedTo: BO, tags: ['price'] }, BOSS);
    await judge(oid(4), { status: 'reviewed' }, BOSS);
    await judge(oid(7), { status: 'needs_attention', tags: ['price'] }, BOSS);
    await judge(oid(9), { assignedTo: ADA }, BOSS);
    await judge(oid(9), { assignedTo: null }, BOSS);
    const listed = async (query: Parameters<typeof all>[0]) => (await all(query)).found;
    expect(await listed({ assignedTo: ADA })).toEqual([8, 6, 4, 2]);
    expect(await listed({ assignedTo: ADA, review: 'unreviewed' })).toEqual([8, 6, 2]);
    expect(await listed({ assignedTo: ADA, direction: 'inbound' })).toEqual([8, 4]);
    expect(await listed({ assignedTo: BO, tag: 'price', review: 'unreviewed' })).toEqual([5, 3]);
    expect(await listed({ assignedTo: null })).toEqual([12, 11, 10, 9, 7, 1]);
    expect(await listed({ assignedTo: null, review: 'unreviewed' })).toEqual([12, 11, 10, 9, 1]);
    expect(await listed({ assignedTo: null, review: 'needs_attention' })).toEqual([7]);
    expect(await listed({ assignedTo: null, tag: 'price' })).toEqual([7]);
    const from = new Date(T0 + 6 * 60_000);
    expect(await listed({ assignedTo: ADA, from })).toEqual([8, 6]);
    expect(await listed({ assignedTo: null, from, direction: 'inbound' })).toEqual([12]);
    expect(await listed({ assignedTo: CY })).toEqual([]);
  });

  test('what is nobody’s is found behind many that are somebody’s, each once', async () => {
    await staff();
    await Promise.all(Array.from({ length: 430 }, (_, n) => called(n + 1)));
    const { bulk } = house();
    const given = Array.from({ length: 430 }, (_, n) => n + 1).filter((n) => n > 210 || n % 3 !== 0);
    await bulk.act(given.map(oid), { what: 'assign', assignedTo: ADA }, BOSS);
    const { found, pages } = await all({ assignedTo: null }, 20);
    expect(found).toEqual(Array.from({ length: 70 }, (_, n) => (70 - n) * 3));
    expect(pages).toBe(4);
  });

  test('many are given at once and put back to whom they were, though they were deactivated since', async () => {
    await staff();
    for (const n of [1, 2, 3]) await called(n);
    const { reviews, bulk } = house();
    await reviews.judge(oid(1), { assignedTo: ADA, status: 'needs_attention' }, BOSS);
    await reviews.judge(oid(3), { assignedTo: BO }, BOSS);
    const results = await bulk.act(
      [oid(1), oid(2), oid(3), oid(99)],
      { what: 'assign', assignedTo: BO },
      BOSS,
    );
    expect(results.map(({ state }) => state)).toEqual(['done', 'done', 'unchanged', 'failed']);
    await person(ADA, 'Ada', 'ANALYST', false);
    const before = results.flatMap(({ callId, undo }): PutBack[] => (undo ? [{ callId, ...undo }] : []));
    expect(before.map(({ assignedTo }) => assignedTo)).toEqual([ADA, null]);
    const undone = await bulk.undo(before, BOSS);
    expect(undone.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(await reviews.review(oid(1))).toMatchObject({ assignedTo: ADA, status: 'needs_attention' });
    expect(await reviews.review(oid(2))).not.toHaveProperty('assignedTo');
    const [judged] = await bulk.act([oid(3)], { what: 'review', status: 'reviewed' }, BOSS);
    expect(judged?.undo).toEqual({ status: 'unreviewed', tags: [], revision: 2 });
    // What somebody changed meanwhile stays as they left it.
    expect((await bulk.undo(before, BOSS)).map(({ problem }) => problem?.code)).toEqual([
      'review_conflict',
      'review_conflict',
    ]);
  });
});

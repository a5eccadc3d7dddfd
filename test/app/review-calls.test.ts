/** Calls are reviewed by several people at once, found by what they made of them, and drawn as a picture. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRecordings } from '../../src/adapters/recordings/index.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { page } from '../../src/app/paging.ts';
import type { Ids, Log, Store } from '../../src/app/ports.ts';
import { type CallQuery, callFilter } from '../../src/app/read-calls.ts';
import { createReviewCalls, type ReviewFilter } from '../../src/app/review-calls.ts';
import { createReviewers } from '../../src/app/reviewers.ts';
import { createSavedViews } from '../../src/app/saved-views.ts';
import { createWaveforms } from '../../src/app/waveforms.ts';
import type { Call } from '../../src/domain/call.ts';
import { Failure } from '../../src/domain/errors.ts';
import type { Reviewer } from '../../src/domain/review.ts';
import { failureOf, oid } from '../contract/filled.ts';
import { type HandClock, handClock } from '../support/clock.ts';

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
const ids: Ids = {
  objectId: () => randomBytes(12).toString('hex'),
  token: () => randomBytes(32).toString('base64url'),
};
const ADA: Reviewer = { id: 'ada', name: 'Ada', isAdmin: false };
const BO: Reviewer = { id: 'bo', name: 'Bo', isAdmin: false };
const ROOT: Reviewer = { id: 'root', name: 'Root', isAdmin: true };

let dir: string;
let store: Store;
let clock: HandClock;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'parley-review-'));
  store = await openLocalStore({ dir: join(dir, 'store'), log: quiet });
  clock = handClock(Date.UTC(2026, 10, 20));
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

function house() {
  const calls = store.collection('calls');
  return createReviewCalls({
    store,
    clock,
    ids,
    reviewers: createReviewers({ store }),
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
}

async function called(n: number, direction: Call['direction'] = 'outbound'): Promise<string> {
  await store.collection('calls').insert({
    _id: oid(n),
    attemptId: oid(n + 1_000),
    status: 'completed',
    direction,
    contactPhone: '+12065550100',
    initiatedAt: new Date(Date.UTC(2026, 0, 1) + n * 60_000),
  } as Call);
  return oid(n);
}

async function all(query: Omit<CallQuery & ReviewFilter, 'limit'>, limit = 2): Promise<number[]> {
  const { list } = house();
  const found: number[] = [];
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await list({ ...query, limit, ...(cursor ? { cursor } : {}) });
    expect(items.length).toBeLessThanOrEqual(limit);
    found.push(...items.map(({ _id }) => Number.parseInt(_id, 16)));
    cursor = nextCursor;
  } while (cursor !== undefined);
  return found;
}

test('a call that nobody looked at is unreviewed; status and tags are set and told with who set them', async () => {
  const { review, judge } = house();
  const callId = await called(1);
  expect(await review(callId)).toMatchObject({ status: 'unreviewed', tags: [], comments: [] });
  await judge(callId, { status: 'needs_attention', tags: ['Coaching', 'coaching ', 'Price'] }, ADA);
  await judge(callId, { tags: ['price'] }, BO);
  expect(await review(callId)).toMatchObject({
    status: 'needs_attention',
    tags: ['price'],
    reviewedBy: 'Ada',
  });
  expect((await failureOf(review(oid(9)))).code).toBe('call_not_found');
});

test('what several people write at the same moment is all kept', async () => {
  const { review, comment, judge } = house();
  const callId = await called(1);
  await Promise.all([
    ...Array.from({ length: 8 }, (_, n) => comment(callId, { text: `remark ${n}`, atSec: n }, ADA)),
    judge(callId, { status: 'reviewed' }, BO),
  ]);
  const found = await review(callId);
  expect(found.status).toBe('reviewed');
  expect(found.comments.map(({ text }) => text).sort()).toEqual(
    Array.from({ length: 8 }, (_, n) => `remark ${n}`),
  );
});

test('a comment is changed by who wrote it and by administrators, by nobody else', async () => {
  const { comment, editComment, removeComment } = house();
  const callId = await called(1);
  const made = await comment(callId, { text: 'Well put', atSec: 12.5 }, ADA);
  const id = made.comments[0]?.id ?? '';
  expect((await failureOf(editComment(callId, id, 'No', BO))).code).toBe('forbidden');
  expect((await failureOf(removeComment(callId, id, BO))).code).toBe('forbidden');
  await clock.pass(1_000);
  const edited = await editComment(callId, id, 'Very well put', ADA);
  expect(edited.comments).toEqual([
    expect.objectContaining({ text: 'Very well put', atSec: 12.5, by: 'ada', editedAt: expect.any(Date) }),
  ]);
  expect((await removeComment(callId, id, ROOT)).comments).toEqual([]);
  expect((await failureOf(editComment(callId, id, 'Again', ADA))).code).toBe('not_found');
});

test('calls are listed by review and tag, newest first, page by page, with the other filters', async () => {
  const { judge } = house();
  for (let n = 1; n <= 12; n += 1) await called(n, n % 4 === 0 ? 'inbound' : 'outbound');
  for (const n of [2, 4, 6, 8, 10]) await judge(oid(n), { status: 'reviewed', tags: ['even'] }, ADA);
  await judge(oid(3), { tags: ['even'] }, ADA);
  expect(await all({ review: 'reviewed' })).toEqual([10, 8, 6, 4, 2]);
  expect(await all({ review: 'unreviewed' })).toEqual([12, 11, 9, 7, 5, 3, 1]);
  expect(await all({ tag: 'Even' })).toEqual([10, 8, 6, 4, 3, 2]);
  expect(await all({ review: 'unreviewed', tag: 'even' })).toEqual([3]);
  expect(await all({ review: 'reviewed', direction: 'inbound' })).toEqual([8, 4]);
  const from = new Date(Date.UTC(2026, 0, 1) + 5 * 60_000);
  expect(await all({ review: 'reviewed', from })).toEqual([10, 8, 6]);
  expect(await all({})).toHaveLength(12);
});

test('everybody keeps views of their own; one of the same name is replaced', async () => {
  const { list, save, remove } = createSavedViews({ store, clock, ids });
  const made = await save('ada', { of: 'calls', name: 'To coach', query: { review: 'unreviewed' } });
  const again = await save('ada', { of: 'calls', name: 'To coach', query: { tag: 'price' } });
  expect(again).toMatchObject({ _id: made._id, query: { tag: 'price' } });
  await save('bo', { of: 'calls', name: 'To coach', query: {} });
  expect((await list('ada', 'calls')).map(({ query }) => query)).toEqual([{ tag: 'price' }]);
  expect((await failureOf(remove('bo', made._id))).code).toBe('not_found');
  await remove('ada', made._id);
  expect(await list('ada', 'calls')).toEqual([]);
  for (let n = 0; n < 50; n += 1) await save('ada', { of: 'calls', name: `View ${n}`, query: {} });
  const one = save('ada', { of: 'calls', name: 'One more', query: {} });
  expect((await failureOf(one)).code).toBe('invalid_request');
});

/** μ-law: 0xff is silence, 0x80 and 0x00 the loudest. */
async function recorded(callId: string, seconds: number, loud: (sec: number) => readonly [number, number]) {
  const recordings = openRecordings({ dir: join(dir, 'recordings'), log: quiet, clock });
  const sink = recordings.open(callId);
  for (let sec = 0; sec < seconds; sec += 1) {
    const [left, right] = loud(sec);
    const second = Buffer.alloc(16_000);
    for (let at = 0; at < second.length; at += 2) {
      second[at] = left;
      second[at + 1] = right;
    }
    sink.write(second);
    await new Promise((done) => setTimeout(done, 1));
  }
  await sink.close();
  return recordings;
}

test('a picture of a recording has each side where it spoke, and nothing where nobody did', async () => {
  const recordings = await recorded(oid(1), 6, (sec) => [sec < 2 ? 0x80 : 0xff, sec === 4 ? 0x00 : 0xff]);
  const waveform = createWaveforms({ recordings, clock });
  const found = await waveform(oid(1));
  expect(found).toMatchObject({ durationSec: 6, bucketSec: 0.05 });
  const second = (lane: readonly number[] | undefined, sec: number) =>
    Math.max(...(lane ?? []).slice(sec * 20, sec * 20 + 20));
  expect([0, 1, 2, 3, 4, 5].map((sec) => second(found?.caller, sec))).toEqual([250, 250, 0, 0, 0, 0]);
  expect([0, 1, 2, 3, 4, 5].map((sec) => second(found?.agent, sec))).toEqual([0, 0, 0, 0, 250, 0]);
  expect(await waveform(oid(2))).toBeUndefined();
});

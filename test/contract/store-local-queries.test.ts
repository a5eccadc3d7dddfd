/** contract/store-local-queries: over many documents the embedded store joins indexes, and answers what a plain filter answers. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { open as openLmdb } from 'lmdb';
import { Query as NaiveQuery } from 'mingo';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalStore, openLocalStore } from '../../src/adapters/store/local/index.ts';
import { page } from '../../src/app/paging.ts';
import type { Filter, Log } from '../../src/app/ports.ts';
import type { Call } from '../../src/domain/call.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const MANY = 9_000;
const STATUSES = ['completed', 'no_answer', 'busy'] as const;
const OUTCOMES = ['voicemail', 'qualified', 'transferred'] as const;
const T0 = Date.UTC(2026, 0, 1);
const A_MINUTE = 60_000;

/** Mixes the digits of a number: neighbours differ in everything. */
const mix = (n: number, salt: number): number => {
  const x = Math.imul((n + salt * 0x9e3779b1) ^ (n >>> 7), 0x85ebca6b);
  return Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 8;
};
const idOf = (n: number): string => n.toString(16).padStart(24, '0');

/** Three calls a minute; the third outcome is rare, and calls that cost a lot are. */
function callOf(n: number): Call {
  const status = STATUSES[mix(n, 1) % 3];
  const answered = status === 'completed';
  return {
    _id: idOf(mix(n, 9) % 2 === 0 ? n : n + 100_000),
    attemptId: idOf(n),
    initiatedAt: new Date(T0 + Math.floor(n / 3) * A_MINUTE),
    status,
    direction: mix(n, 2) % 4 === 0 ? 'inbound' : 'outbound',
    contactPhone: `+1206555${String(mix(n, 3) % 1_000).padStart(4, '0')}`,
    campaignId: idOf(mix(n, 4) % 3),
    ...(answered ? { outcome: OUTCOMES[mix(n, 5) % 50 === 0 ? 2 : mix(n, 5) % 2] } : {}),
    ...(answered ? { cost: { totalCost: (mix(n, 6) % 1_000) / 1_000 } } : {}),
    ...(answered ? { sentiment: { overall: (mix(n, 7) % 201) / 100 - 1, timeline: [] } } : {}),
  } as unknown as Call;
}

const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-queries-'));
const documents = Array.from({ length: MANY }, (_, n) => callOf(n));
let store: LocalStore;
beforeAll(async () => {
  store = await openLocalStore({ dir, log: silent });
  await store.whole.fill('calls', documents as never);
});
afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const naive = (filter: Filter, direction: 1 | -1): string[] =>
  new NaiveQuery(filter as never)
    .find<Call>(documents)
    .sort({ initiatedAt: direction, _id: direction })
    .all()
    .map(({ _id }) => _id);

const minute = fc.integer({ min: 0, max: MANY / 3 }).map((n) => new Date(T0 + n * A_MINUTE));
const share = fc.integer({ min: 0, max: 100 }).map((n) => n / 100);
/** Each as people combine them; the rare ones are there to be met by none. */
const condition: fc.Arbitrary<Filter> = fc.oneof(
  fc.constantFrom(...STATUSES).map((status) => ({ status })),
  fc.constantFrom(...OUTCOMES).map((outcome) => ({ outcome })),
  fc.constantFrom('inbound', 'outbound').map((direction) => ({ direction })),
  fc.integer({ min: 0, max: 3 }).map((n) => ({ campaignId: idOf(n) })),
  fc
    .uniqueArray(fc.integer({ min: 0, max: 3 }), { maxLength: 4 })
    .map((some) => ({ campaignId: { $in: some.map(idOf) } })),
  fc.integer({ min: 0, max: 3 }).map((n) => ({ contactPhone: `+1206555000${n}` })),
  minute.map((from) => ({ initiatedAt: { $gte: from } })),
  fc.tuple(minute, minute).map(([from, to]) => ({ initiatedAt: { $gte: from, $lt: to } })),
  share.map((least) => ({ 'cost.totalCost': { $gte: least } })),
  fc.tuple(share, share).map(([least, most]) => ({ 'cost.totalCost': { $gte: least, $lte: most } })),
  share.map((most) => ({ 'sentiment.overall': { $lte: most * 2 - 1 } })),
);
const filter = fc
  .array(condition, { minLength: 1, maxLength: 4 })
  .map((all): Filter => Object.assign({}, ...all));
const direction = fc.constantFrom<1 | -1>(1, -1);

test('the first matches of filters over several indexes, in either order', async () => {
  const calls = store.collection('calls');
  await fc.assert(
    fc.asyncProperty(
      filter,
      direction,
      fc.integer({ min: 1, max: 120 }),
      fc.integer({ min: 0, max: 9 }),
      async (wanted, up, limit, skip) => {
        const found = await calls.find({
          filter: wanted,
          sort: { initiatedAt: up, _id: up },
          limit,
          skip,
        });
        expect(
          found.map(({ _id }) => _id),
          JSON.stringify(wanted),
        ).toEqual(naive(wanted, up).slice(skip, skip + limit));
      },
    ),
    { numRuns: 80 },
  );
});

test('what is counted is what is found, of one value or of some', async () => {
  const calls = store.collection('calls');
  await fc.assert(
    fc.asyncProperty(filter, async (wanted) => {
      expect(await calls.count(wanted), JSON.stringify(wanted)).toBe(naive(wanted, 1).length);
    }),
    { numRuns: 40 },
  );
});

test('of several fields with some values each, every match is counted once', async () => {
  const enrollments = store.collection('enrollments');
  const made = Array.from({ length: 300 }, (_, n) => ({
    _id: idOf(n),
    campaignId: idOf(n % 3),
    leadId: idOf(Math.floor(n / 3)),
    turn: 0,
  }));
  await store.whole.fill('enrollments', made as never);
  const ids = fc.array(fc.integer({ min: 0, max: 110 }).map(idOf), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(ids, ids, async (campaignIds, leadIds) => {
      const wanted = { campaignId: { $in: campaignIds }, leadId: { $in: leadIds } };
      const expected = made.filter(
        ({ campaignId, leadId }) => campaignIds.includes(campaignId) && leadIds.includes(leadId),
      );
      expect(await enrollments.count(wanted)).toBe(expected.length);
    }),
    { numRuns: 60 },
  );
});

test('pages behind one another bring every match once', async () => {
  const calls = store.collection('calls');
  for (const up of [1, -1] as const)
    for (const wanted of [
      { campaignId: idOf(1), outcome: 'transferred' },
      { direction: 'inbound', status: 'completed', outcome: 'voicemail' },
      { direction: 'inbound', 'cost.totalCost': { $gte: 0.8 } },
      { 'cost.totalCost': { $gte: 0.5 }, 'sentiment.overall': { $gte: 0.5 } },
    ]) {
      const seen: string[] = [];
      for (let cursor: string | undefined; ; ) {
        const found = await page(calls, {
          filter: wanted,
          sort: { field: 'initiatedAt', direction: up },
          limit: 37,
          ...(cursor === undefined ? {} : { cursor }),
        });
        seen.push(...found.items.map(({ _id }) => _id));
        cursor = found.nextCursor;
        if (cursor === undefined) break;
      }
      expect(seen).toEqual(naive(wanted, up));
    }
});

test('an index of which an earlier version did not keep where its arrays are is made anew once', async () => {
  const own = mkdtempSync(join(tmpdir(), 'parley-queries-'));
  const built: unknown[] = [];
  const log: Log = { ...silent, info: (about, text) => void (text === 'index built' && built.push(about)) };
  try {
    const before = await openLocalStore({ dir: own, log });
    for (let n = 0; n < 5; n += 1)
      await before
        .collection('call_reviews')
        .put({ _id: idOf(n), tags: ['a', 'b'], callAt: new Date(n) } as never);
    await before.close();
    const raw = openLmdb<unknown, Buffer>({
      path: join(own, 'store.mdb'),
      keyEncoding: 'binary',
      maxDbs: 512,
    });
    const asDocuments: object = { encoder: { useRecords: false } };
    const meta = raw.openDB<unknown, Buffer>({ name: 'meta', keyEncoding: 'binary', ...asDocuments });
    const key = Buffer.from('index call_reviews tags_1_callAt_-1');
    expect(meta.get(key)).toEqual({ overArrays: true, overBehind: false, cut: false });
    await meta.put(key, { overArrays: true, cut: false });
    await raw.close();
    const again = await openLocalStore({ dir: own, log });
    expect(built).toMatchObject([{ collection: 'call_reviews', index: 'tags_1_callAt_-1', documents: 5 }]);
    const found = await again
      .collection('call_reviews')
      .find({ filter: { tags: 'b' }, sort: { callAt: -1, _id: -1 }, limit: 2 });
    expect(found.map(({ _id }) => _id)).toEqual([idOf(4), idOf(3)]);
    await again.close();
    await (await openLocalStore({ dir: own, log })).close();
    expect(built).toHaveLength(1);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
});

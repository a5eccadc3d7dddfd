/** The first of many, of a server that is asked for no order, are those that it would name if it were. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Between, firstDue } from '../../src/app/first-due.ts';
import type { Enrollment } from '../../src/domain/campaign.ts';

const NOW_MS = Date.UTC(2026, 10, 18, 18);
const dueMs = ({ dueAt }: Enrollment): number => dueAt?.getTime() ?? Number.NaN;
const stepOf = (atMs: number, n: number): Enrollment =>
  ({ _id: String(n), dueAt: new Date(atMs) }) as Enrollment;

/** How a server may walk through what it finds, of steps in the order of time. */
const WALKS = {
  'as they are due': (steps: Enrollment[]) => steps,
  'the other way': (steps: Enrollment[]) => steps.toReversed(),
  'as they came': (steps: Enrollment[]) =>
    steps.toSorted((a, b) => ((Number(a._id) * 7_919) % 10_007) - ((Number(b._id) * 7_919) % 10_007)),
};

function server(steps: readonly Enrollment[], walk: (steps: Enrollment[]) => Enrollment[]) {
  const inOrder = steps.toSorted((a, b) => dueMs(a) - dueMs(b));
  const asked = { some: 0, first: 0, most: 0 };
  const within = ({ fromMs, untilMs }: Between) =>
    inOrder.filter((each) => dueMs(each) >= fromMs && dueMs(each) <= untilMs);
  return {
    asked,
    readsOf: (order: 'earliest' | 'latest') => ({
      async some(between: Between, limit: number) {
        asked.some += 1;
        const found = walk(within(between)).slice(0, limit);
        asked.most = Math.max(asked.most, found.length);
        return found;
      },
      async first(between: Between, limit: number) {
        asked.first += 1;
        const found = within(between);
        return (order === 'latest' ? found.reverse() : found).slice(0, limit);
      },
    }),
  };
}

const spread = fc.array(fc.integer({ min: 0, max: 30 * 86_400_000 }), { maxLength: 300 });
/** Many at a few instants, as when the hours begin. */
const together = fc.array(fc.constantFrom(0, 1, 2, 60_000, 3_600_000), { maxLength: 300 });

for (const order of ['earliest', 'latest'] as const)
  for (const [name, walk] of Object.entries(WALKS))
    test(`the ${order}, found by a server that walks ${name}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(spread, together),
          fc.integer({ min: 1, max: 20 }),
          fc.constantFrom(0, NOW_MS - 20 * 86_400_000),
          fc.option(fc.tuple(fc.nat(40 * 86_400_000), fc.nat(3_600_000)), { nil: undefined }),
          async (ages, limit, fromMs, seen) => {
            const { readsOf, asked } = server(
              ages.map((ageMs, n) => stepOf(NOW_MS - ageMs, n)),
              walk,
            );
            const reads = readsOf(order);
            const between = { fromMs, untilMs: NOW_MS };
            // Wherever those lay that were found before.
            const before = seen && { fromMs: NOW_MS - seen[0] - seen[1], untilMs: NOW_MS - seen[0] };
            const found = await firstDue(reads, between, order, limit, before);
            const wanted = await reads.first(between, limit);
            expect(found.map(dueMs)).toEqual(wanted.map(dueMs));
            expect(new Set(found).size).toBe(found.length);
            expect(asked.most).toBeLessThanOrEqual(4 * limit);
          },
        ),
        { numRuns: 200 },
      );
    });

test.each(['earliest', 'latest'] as const)(
  'the %s of a hundred thousand are found in a few questions',
  async (order) => {
    const steps = Array.from({ length: 100_000 }, (_, n) =>
      stepOf(NOW_MS - ((n * 7_919) % 100_003) * 8_640, n),
    );
    const { asked, readsOf } = server(steps, WALKS['as they are due']);
    await firstDue(readsOf(order), { fromMs: 0, untilMs: NOW_MS }, order, 16);
    expect(asked).toMatchObject({ first: 0 });
    expect(asked.some).toBeLessThanOrEqual(order === 'earliest' ? 3 : 7);
  },
);

test.each(['earliest', 'latest'] as const)('of the %s those behind are found at once', async (order) => {
  const all = Array.from({ length: 50_000 }, (_, n) => stepOf(NOW_MS - ((n * 7_919) % 50_021) * 17_280, n));
  const between = { fromMs: 0, untilMs: NOW_MS };
  const at = await firstDue(server(all, WALKS['as they came']).readsOf(order), between, order, 16);
  const times = at.map(dueMs);
  const left = all.filter((each) => !at.includes(each));
  const { asked, readsOf } = server(left, WALKS['as they came']);
  const before = { fromMs: Math.min(...times), untilMs: Math.max(...times) };
  expect(await firstDue(readsOf(order), between, order, 16, before)).toHaveLength(16);
  expect(asked).toEqual({ some: 1, first: 0, most: expect.any(Number) });
});

test('of thousands that are due at one instant any are taken', async () => {
  const steps = Array.from({ length: 5_000 }, (_, n) => stepOf(NOW_MS - 30_000, n));
  for (const order of ['earliest', 'latest'] as const) {
    const { asked, readsOf } = server(steps, WALKS['as they are due']);
    const found = await firstDue(readsOf(order), { fromMs: 0, untilMs: NOW_MS }, order, 16);
    expect(found).toHaveLength(16);
    expect(asked).toMatchObject({ first: 0 });
    expect(asked.some).toBeLessThanOrEqual(5);
  }
});

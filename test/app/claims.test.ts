/** Claims over the embedded store: however steps and clocks fall, one holds at a time, and every taking has a higher fence. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { type Claim, createClaims, MOST_SKEW_MS } from '../../src/app/claims.ts';
import type { Clock, Collection, Log, Store } from '../../src/app/ports.ts';
import { handClock } from '../support/clock.ts';

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
const LEASE_MS = 10_000;
const ids = createIds();
let dir: string;
let store: Store;

beforeAll(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-claims-'));
  store = await openLocalStore({ dir, log: quiet });
});
afterAll(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

/** The store as one process sees it: whatever it asks comes there and back when the schedule says so. */
function delayed(scheduler: fc.Scheduler, name: string): Store {
  const late =
    <A extends unknown[], T>(what: string, work: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      await scheduler.schedule(Promise.resolve(), `${name} asks: ${what}`);
      const answer = await work(...args).then(
        (found) => () => found,
        (error) => () => Promise.reject(error),
      );
      await scheduler.schedule(Promise.resolve(), `${name} hears of: ${what}`);
      return await answer();
    };
  return {
    ...store,
    collection(of) {
      const real = store.collection(of);
      const wrapped = Object.entries(real).map(([what, work]) => [what, late(what, work as never)]);
      return Object.fromEntries(wrapped) as Collection<never> as typeof real;
    },
  };
}

const step = fc.oneof(
  { weight: 3, arbitrary: fc.constant('take' as const) },
  { weight: 3, arbitrary: fc.constant('renew' as const) },
  { weight: 1, arbitrary: fc.constant('release' as const) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: LEASE_MS + 2 * MOST_SKEW_MS }) },
);
/** A process: how far its clock is from the true time, and what it does. Two clocks differ by less than MOST_SKEW_MS. */
const process = fc.record({
  skewMs: fc.integer({ min: 1, max: MOST_SKEW_MS }),
  steps: fc.array(step, { minLength: 1, maxLength: 8 }),
});

test('however steps, answers and clocks fall, never two hold a claim, and a later taking has a higher fence', async () => {
  let takings = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(process, { minLength: 2, maxLength: 4 }),
      async (scheduler, processes) => {
        const key = ids.objectId();
        let trueMs = 1_000_000;
        const fences: number[] = [];
        const held = processes.map((): Claim | undefined => undefined);
        const clocks = processes.map(
          ({ skewMs }): Clock => ({ ...handClock(), nowMs: () => trueMs + skewMs }),
        );
        const holders = () =>
          held.filter((claim, p) => claim && (clocks[p]?.nowMs() ?? 0) < claim.untilMs).length;
        const works = processes.map(async ({ steps }, p) => {
          const clock = clocks[p] as Clock;
          const claims = createClaims({ store: delayed(scheduler, `process ${p}`), clock });
          for (const what of steps) {
            if (typeof what === 'number') {
              await scheduler.schedule(Promise.resolve(), `${what} ms pass`);
              trueMs += what;
            } else if (what === 'take') {
              const taken = await claims.take(key, LEASE_MS);
              if (taken) {
                expect(fences).not.toContain(taken.fence);
                if (clock.nowMs() < taken.untilMs)
                  expect(taken.fence).toBeGreaterThan(Math.max(0, ...fences));
                fences.push(taken.fence);
                held[p] = taken;
                takings += 1;
              }
            } else if (what === 'renew') {
              if (held[p]) held[p] = await claims.renew(held[p], LEASE_MS);
            } else {
              const mine = held[p];
              held[p] = undefined;
              if (mine) await claims.release(mine);
            }
            expect(holders()).toBeLessThanOrEqual(1);
          }
        });
        await scheduler.waitFor(Promise.all(works));
      },
    ),
    { numRuns: 120 },
  );
  expect(takings).toBeGreaterThan(120);
});

test('a lease that ran out is taken over by another, whom a sleeper cannot push out again', async () => {
  const clock = handClock();
  const [one, two] = [createClaims({ store, clock }), createClaims({ store, clock })];
  const first = (await one.take('nightly', LEASE_MS)) as Claim;
  expect(await two.take('nightly', LEASE_MS)).toBeUndefined();
  await clock.pass(LEASE_MS + MOST_SKEW_MS - 1);
  expect(await two.take('nightly', LEASE_MS)).toBeUndefined();
  expect(await one.lapsed('nigh')).toEqual([]);
  await clock.pass(1);
  expect(await one.lapsed('nigh')).toEqual(['nightly']);
  const second = (await two.take('nightly', LEASE_MS)) as Claim;
  expect(second.fence).toBe(first.fence + 1);
  expect(await one.renew(first, LEASE_MS)).toBeUndefined();
  await one.release(first);
  expect(await one.take('nightly', LEASE_MS)).toBeUndefined();
  await two.release(second);
  expect(await one.take('nightly', LEASE_MS)).toMatchObject({ fence: first.fence + 2 });
});

test('a lease that ran out and that nobody took is renewed', async () => {
  const clock = handClock();
  const claims = createClaims({ store, clock });
  const claim = (await claims.take('weekly', LEASE_MS)) as Claim;
  await clock.pass(3 * LEASE_MS);
  expect(await claims.renew(claim, LEASE_MS)).toEqual({
    key: 'weekly',
    fence: claim.fence,
    untilMs: clock.nowMs() + LEASE_MS,
  });
});

test('a retired claim is forgotten', async () => {
  const clock = handClock();
  const claims = createClaims({ store, clock });
  const claim = (await claims.take('once', LEASE_MS)) as Claim;
  await claims.retire(claim);
  await clock.pass(3 * LEASE_MS);
  expect(await claims.lapsed('once')).toEqual([]);
  expect(await claims.renew(claim, LEASE_MS)).toBeUndefined();
});

/** Steps that are read ahead are those that the store would name, whatever is planned, moved and ended meanwhile. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDueSteps } from '../../src/app/due-steps.ts';
import type { Enrollment, Priority } from '../../src/domain/campaign.ts';
import { handClock } from '../support/clock.ts';

const START_MS = Date.UTC(2026, 10, 18, 18);
const CAMPAIGN = 'c'.repeat(24);
const dueMs = ({ dueAt }: Enrollment): number => dueAt?.getTime() ?? Number.NaN;

const delay = fc.integer({ min: -5, max: 20 }).map((seconds) => seconds * 1_000);
const operation = fc.oneof(
  fc.record({ kind: fc.constant('plan' as const), inMs: delay }),
  // Another part of the house plans it, and says when.
  fc.record({ kind: fc.constant('hear' as const), inMs: delay }),
  fc.record({ kind: fc.constant('move' as const), which: fc.nat(), inMs: delay }),
  fc.record({ kind: fc.constant('end' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('reprioritize' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('take' as const), most: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 8_000 }) }),
);

test.each([
  ['new leads, whoever came in last first', 1 as Priority],
  ['other steps, whatever is due longest first', 2 as Priority],
])('%s', async (_, priority) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(delay, { maxLength: 90 }),
      fc.array(operation, { maxLength: 80 }),
      fc.boolean(),
      async (early, operations, isSlow) => {
        const clock = handClock(START_MS);
        const stored = new Map<string, Enrollment>();
        let count = 0;
        const plan = (inMs: number, known?: string, of = priority): Enrollment => {
          count += 1;
          const _id = known ?? String(count);
          const dueAt = new Date(clock.nowMs() + inMs);
          const step = { _id, campaignId: CAMPAIGN, priority: of, dueAt } as Enrollment;
          stored.set(_id, step);
          return step;
        };
        const all = (): Enrollment[] =>
          [...stored.values()].filter((each) => each.dueAt && each.priority === priority);
        for (const inMs of early) plan(inMs);
        let during = (): void => {};
        const enrollments = {
          async planned(
            _campaign: string,
            _priority: Priority,
            afterMs: number,
            untilMs: number,
            limit: number,
          ) {
            const found = all().filter((each) => dueMs(each) > afterMs && dueMs(each) <= untilMs);
            during();
            return found.sort((a, b) => dueMs(a) - dueMs(b)).slice(0, limit);
          },
          async late(_campaign: string, _priority: Priority, byMs: number, limit: number) {
            const found = all().filter((each) => dueMs(each) <= byMs);
            return found.sort((a, b) => dueMs(b) - dueMs(a)).slice(0, limit);
          },
        };
        const steps = createDueSteps(CAMPAIGN, priority, {
          clock,
          enrollments,
          batch: 4,
          lookMs: 3_600_000,
        });
        const chosen = (which: number): string | undefined =>
          all()
            .map(({ _id }) => _id)
            .at(which % Math.max(1, all().length));
        for (const each of operations) {
          switch (each.kind) {
            case 'plan':
              steps.put(plan(each.inMs));
              break;
            case 'hear':
              steps.staleFrom(dueMs(plan(each.inMs)));
              break;
            case 'move': {
              const id = chosen(each.which);
              if (id !== undefined) steps.put(plan(each.inMs, id));
              break;
            }
            case 'reprioritize': {
              const id = chosen(each.which);
              if (id !== undefined) steps.put(plan(0, id, 3));
              break;
            }
            case 'end': {
              const id = chosen(each.which);
              const before = id === undefined ? undefined : stored.get(id);
              if (!before) break;
              const { dueAt: _dueAt, ...ended } = before;
              stored.set(before._id, ended);
              steps.put(ended);
              break;
            }
            case 'take': {
              for (let n = 0; n < each.most; n += 1) {
                during = isSlow ? () => steps.put(plan(-500)) : () => {};
                while (steps.isUnknown()) {
                  await steps.read(new Map());
                  during = () => {};
                }
                // As is done in the background, where it need not be.
                if (steps.isToBeRead()) await steps.read(new Map());
                const due = all().filter((one) => dueMs(one) <= clock.nowMs());
                expect(steps.hasDue()).toBe(due.length > 0);
                const times = due.map(dueMs);
                const taken = steps.take();
                expect(taken?.dueAt?.getTime()).toBe(
                  due.length === 0 ? undefined : priority === 1 ? Math.max(...times) : Math.min(...times),
                );
                if (taken) stored.delete(taken._id);
              }
              break;
            }
            case 'pass': {
              const next = all()
                .map(dueMs)
                .filter((ms) => ms > clock.nowMs());
              // Nobody sleeps past what comes next.
              if (next.length > 0) expect(steps.nextMs()).toBeLessThanOrEqual(Math.min(...next));
              await clock.pass(each.ms);
              break;
            }
          }
        }
      },
    ),
    { numRuns: 400 },
  );
});

test.each([
  ['new leads', 1 as Priority],
  ['other steps', 2 as Priority],
])('%s are taken and planned while they are read: each once, and none is forgotten', async (_, priority) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 40 }),
      fc.array(fc.constantFrom('take', 'answer', 'release', 'lose', 'plan', 'age'), { maxLength: 120 }),
      async (count, operations) => {
        let nowMs = START_MS;
        const clock = { ...handClock(), nowMs: () => nowMs };
        const stored = new Map<string, Enrollment>();
        const inHand = new Map<string, Enrollment>();
        const takenOnce = new Set<string>();
        let made = 0;
        const plan = (of?: Enrollment): Enrollment => {
          made += 1;
          const _id = of?._id ?? String(made);
          const dueAt = new Date(clock.nowMs() - made * 10);
          const step = {
            _id,
            campaignId: CAMPAIGN,
            priority,
            turn: (of?.turn ?? 0) + 1,
            dueAt,
          } as Enrollment;
          stored.set(_id, step);
          return step;
        };
        for (let n = 0; n < count; n += 1) plan();
        /** Reads that the store did not answer yet; what it says is as it was when it was asked. */
        const asked: (() => void)[] = [];
        const answerLater = (found: Enrollment[]): Promise<Enrollment[]> =>
          new Promise((resolve) => asked.push(() => resolve(found)));
        const found = (isIt: (ms: number) => boolean): Enrollment[] =>
          [...stored.values()].filter((each) => isIt(dueMs(each))).sort((a, b) => dueMs(a) - dueMs(b));
        const steps = createDueSteps(CAMPAIGN, priority, {
          clock,
          enrollments: {
            planned: (_campaign, _priority, afterMs, untilMs, limit) =>
              answerLater(found((ms) => ms > afterMs && ms <= untilMs).slice(0, limit)),
            late: (_campaign, _priority, byMs, limit) =>
              answerLater(
                found((ms) => ms <= byMs)
                  .reverse()
                  .slice(0, limit),
              ),
          },
          batch: 8,
          lookMs: 60_000,
        });
        let reading: Promise<void> | undefined;
        const readOn = (): void => {
          if (!steps.isToBeRead()) return;
          reading ??= steps.read(inHand).finally(() => {
            reading = undefined;
          });
        };
        const answer = async (): Promise<void> => {
          const under = reading;
          for (const each of asked.splice(0)) each();
          await under;
        };
        const take = (): boolean => {
          const taken = steps.isUnknown() ? undefined : steps.take();
          if (!taken) return false;
          expect(inHand.has(taken._id), 'in hand already').toBe(false);
          // One that was planned anew meanwhile may be offered as it was before, and is not found then.
          if (taken.turn === 1) expect(takenOnce.has(taken._id), 'offered again').toBe(false);
          takenOnce.add(taken._id);
          // A claim would find it.
          if (stored.get(taken._id)?.turn === taken.turn) inHand.set(taken._id, taken);
          return true;
        };
        for (const each of operations) {
          readOn();
          if (each === 'take') take();
          if (each === 'answer') await answer();
          if (each === 'plan') steps.put(plan());
          if (each === 'age') nowMs += 70_000;
          const [mine] = inHand.values();
          if (!mine) continue;
          // Its step is done, and the next one is planned; or another process was quicker.
          if (each === 'release') steps.put(plan(mine));
          if (each === 'lose') stored.delete(mine._id);
          if (each === 'release' || each === 'lose') inHand.delete(mine._id);
        }
        const left = new Set([...stored.keys()].filter((id) => !inHand.has(id)));
        for (let idle = 0; idle < 3; ) {
          readOn();
          const before = inHand.size;
          if (take()) idle = 0;
          else {
            idle += 1;
            await answer();
          }
          if (inHand.size > before) left.delete([...inHand.keys()].at(-1) ?? '');
        }
        expect([...left]).toEqual([]);
      },
    ),
    {
      numRuns: 300,
      // Two turns of one step taken during one read, which then says the first of them.
      examples: [[1, ['answer', 'age', 'take', 'release', 'take', 'lose']]],
    },
  );
});

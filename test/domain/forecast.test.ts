/** What the pace of a campaign makes of its leads: people go through the workflow in numbers. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Call } from '../../src/domain/call.ts';
import type { Position, Schedule, Workflow } from '../../src/domain/campaign.ts';
import { isOpen } from '../../src/domain/campaign-hours.ts';
import {
  assumed,
  type EndShare,
  intersection,
  measure,
  openBySchedule,
  type Pace,
  repeated,
  type SimulationInput,
  simulate,
  summaryOf,
} from '../../src/domain/forecast.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Wednesday, one in the afternoon in New York. */
const NOW_MS = Date.UTC(2026, 10, 18, 18, 0, 0);
const START: Position = { stage: 'initial', step: 0, calls: 0 };

const workflow = (
  maxAttempts: number,
  retryDelay = 3_600,
  followUp: Workflow['followUp'] = [],
): Workflow => ({
  initialContact: { method: 'automated_call', timing: 'immediately', maxAttempts, retryDelay },
  followUp,
});
const ends = (reached: number, lineSec = 30, cost = 0.1): EndShare[] => [
  {
    share: reached,
    end: { outcome: 'not_interested', status: 'completed', wasDialled: true },
    lineSec,
    cost,
    reached: true,
  },
  {
    share: 1 - reached,
    end: { outcome: 'no_conversation', status: 'no_answer', wasDialled: true },
    lineSec,
    cost,
    reached: false,
  },
];
const always = [{ fromMs: NOW_MS, toMs: NOW_MS + 366 * DAY_MS }];
const pace = (over: Partial<Pace> = {}): Pace => ({
  lines: 10,
  callsPerSecond: 10,
  usedToday: { calls: 0, leads: 0 },
  ...over,
});

function run(people: number, over: Partial<SimulationInput> = {}) {
  const steps = simulate({
    nowMs: NOW_MS,
    untilMs: NOW_MS + 366 * DAY_MS,
    workflow: workflow(1),
    groups: [always],
    cohorts: [{ group: 0, at: START, fromMs: NOW_MS, people }],
    ends: ends(0.4),
    pace: pace(),
    spacing: (_group, _tries, wantedMs) => wantedMs,
    ...over,
  });
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    expect(step.value).toBeGreaterThanOrEqual(0);
    expect(step.value).toBeLessThanOrEqual(1);
  }
}

describe('the pace', () => {
  test('as many as there are lines are called at once', () => {
    const { finishMs = 0, limitedBy } = run(10);
    expect((finishMs - NOW_MS) / 1_000).toBeLessThan(40);
    expect(limitedBy).toBe('nothing');
  });

  test('a thousand people on ten lines of thirty seconds take fifty minutes', () => {
    const { calls, cost, finishMs = 0, limitedBy } = run(1_000);
    expect(calls).toBeCloseTo(1_000);
    expect(cost).toBeCloseTo(100);
    expect((finishMs - NOW_MS) / 60_000).toBeGreaterThan(49);
    expect((finishMs - NOW_MS) / 60_000).toBeLessThan(52);
    expect(limitedBy).toBe('lines');
  });

  test('calls a second bind where there are lines enough', () => {
    const { finishMs = 0, limitedBy } = run(600, { pace: pace({ lines: 100, callsPerSecond: 0.5 }) });
    expect((finishMs - NOW_MS) / 60_000).toBeGreaterThan(20);
    expect((finishMs - NOW_MS) / 60_000).toBeLessThan(22);
    expect(limitedBy).toBe('calls_per_second');
  });

  test('who is not reached is called again, as often as the workflow says and after its delay', () => {
    const { calls, finishMs = 0 } = run(100, { workflow: workflow(3) });
    // 100, then 60, then 36.
    expect(calls).toBeCloseTo(196, 0);
    expect(finishMs - NOW_MS).toBeGreaterThan(2 * HOUR_MS);
    expect(finishMs - NOW_MS).toBeLessThan(2.5 * HOUR_MS);
  });

  test('a call of the follow-up comes when its delay after the first contact is over', () => {
    const followUp = [
      { delay: 86_400, method: 'sms', template: 'x' },
      { delay: 172_800, method: 'automated_call' },
    ] as const;
    const { calls, finishMs = 0 } = run(10, { workflow: workflow(1, 60, followUp), ends: ends(0) });
    expect(calls).toBeCloseTo(20);
    expect(finishMs - NOW_MS).toBeGreaterThan(2 * DAY_MS);
    expect(finishMs - NOW_MS).toBeLessThan(2 * DAY_MS + HOUR_MS);
  });

  test('the word of the gate on spacing is kept', () => {
    const { finishMs = 0 } = run(10, {
      workflow: workflow(2, 60),
      ends: ends(0),
      spacing: (_group, tries, wantedMs) => Math.max(wantedMs, (tries.at(-1) ?? 0) + 5 * HOUR_MS),
    });
    expect(finishMs - NOW_MS).toBeGreaterThan(5 * HOUR_MS);
    const never = run(10, { workflow: workflow(2, 60), ends: ends(0), spacing: () => undefined });
    expect(never.calls).toBeCloseTo(10);
  });

  test('calls a day and leads a day are not passed', () => {
    const daily = run(100, { pace: pace({ maxCallsPerDay: 40, usedToday: { calls: 30, leads: 0 } }) });
    expect(daily.limitedBy).toBe('calls_per_day');
    // Ten today, forty tomorrow, forty and ten on the days after.
    expect(Math.ceil(((daily.finishMs ?? 0) - Date.UTC(2026, 10, 18)) / DAY_MS)).toBe(4);
    const leads = run(100, { workflow: workflow(2), pace: pace({ maxLeadsPerDay: 50 }), ends: ends(0) });
    expect(leads.limitedBy).toBe('leads_per_day');
    expect(leads.calls).toBeCloseTo(200, 0);
  });

  test('closed hours are waited for, and told as what limits when nothing else does', () => {
    const opens = NOW_MS + 14 * HOUR_MS;
    const { finishMs = 0, limitedBy } = run(10, {
      groups: [[{ fromMs: opens, toMs: opens + HOUR_MS }]],
    });
    expect(finishMs).toBeGreaterThan(opens);
    expect(finishMs).toBeLessThan(opens + 10 * 60_000);
    expect(limitedBy).toBe('hours');
  });

  test('it stops by its budget, by its last day, or because there are no hours', () => {
    const spent = run(1_000, { pace: pace({ budgetLeft: 20 }) });
    expect(spent).toMatchObject({ stopsBy: 'budget' });
    expect(spent.cost).toBeLessThanOrEqual(20.000_001);
    const endDate = new Date(NOW_MS + 10 * 60_000);
    const ended = run(1_000, {
      schedule: { endDate },
      untilMs: endDate.getTime(),
      groups: [[{ fromMs: NOW_MS, toMs: endDate.getTime() }]],
    });
    expect(ended.stopsBy).toBe('end_date');
    expect(ended.calls).toBeGreaterThan(150);
    expect(ended.calls).toBeLessThan(210);
    expect(run(5, { groups: [[]] })).toMatchObject({ stopsBy: 'no_hours', calls: 0 });
  });

  test('nobody to call is done at once', () => {
    expect(run(0)).toMatchObject({ calls: 0, cost: 0, curve: [], limitedBy: 'nothing', finishMs: NOW_MS });
  });

  const anything = fc.record({
    people: fc.integer({ min: 1, max: 5_000 }),
    reached: fc.double({ min: 0, max: 1, noNaN: true }),
    maxAttempts: fc.integer({ min: 1, max: 6 }),
    lines: fc.integer({ min: 1, max: 200 }),
    callsPerSecond: fc.double({ min: 0.1, max: 20, noNaN: true }),
    lineSec: fc.integer({ min: 5, max: 600 }),
    openHours: fc.integer({ min: 1, max: 24 }),
  });
  test('whatever the pace: nobody is called too often, figures only grow, and more lines are never slower', () => {
    fc.assert(
      fc.property(anything, ({ people, reached, maxAttempts, lines, callsPerSecond, lineSec, openHours }) => {
        const groups = [
          Array.from({ length: 200 }, (_, day) => ({
            fromMs: NOW_MS + day * DAY_MS,
            toMs: NOW_MS + day * DAY_MS + openHours * HOUR_MS,
          })),
        ];
        const over = { workflow: workflow(maxAttempts), ends: ends(reached, lineSec), groups };
        const made = run(people, { ...over, pace: pace({ lines, callsPerSecond }) });
        let expected = 0;
        for (let attempt = 0, left = people; attempt < maxAttempts; attempt += 1) {
          expected += left;
          left *= 1 - reached;
        }
        expect(made.calls).toBeLessThanOrEqual(expected * 1.001 + 0.5);
        if (made.stopsBy === undefined) expect(made.calls).toBeGreaterThan(expected * 0.98 - 1);
        const sorted = [...made.curve].sort((a, b) => a.atMs - b.atMs || a.calls - b.calls);
        expect(made.curve).toEqual(sorted);
        for (const point of made.curve)
          expect(point.reached).toBeLessThanOrEqual(point.calls * reached + 1e-6);
        const faster = run(people, {
          ...over,
          pace: pace({ lines: lines * 2, callsPerSecond: callsPerSecond * 2 }),
        });
        if (made.finishMs !== undefined && faster.finishMs !== undefined)
          expect(faster.finishMs).toBeLessThanOrEqual(made.finishMs + 2 * HOUR_MS);
      }),
      { numRuns: 60 },
    );
  });
});

describe('hours', () => {
  const nine = { start: '09:00', end: '18:00' };
  const schedule: Schedule = {
    startDate: new Date(NOW_MS - DAY_MS),
    endDate: new Date(NOW_MS + 30 * DAY_MS),
    callingHours: {
      timezone: 'America/Los_Angeles',
      monday: nine,
      tuesday: nine,
      wednesday: { start: '10:30', end: '12:15' },
      thursday: nine,
      friday: null,
      saturday: { start: '10:00', end: '14:00' },
      sunday: null,
    },
  };

  test('the stretches of a schedule are open where it is, at any minute', () => {
    const open = openBySchedule(schedule, NOW_MS, NOW_MS + 28 * DAY_MS);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 28 * 24 * 60 - 1 }), (minute) => {
        const atMs = NOW_MS + minute * 60_000;
        expect(open.some(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs)).toBe(isOpen(schedule, atMs));
      }),
      { numRuns: 500 },
    );
    expect(openBySchedule(undefined, 5, 9)).toEqual([{ fromMs: 5, toMs: 9 }]);
  });

  test('known weeks go on as the last of them', () => {
    const known = openBySchedule(schedule, NOW_MS, NOW_MS + 14 * DAY_MS);
    const longer = repeated(known, NOW_MS + 14 * DAY_MS, NOW_MS + 28 * DAY_MS);
    expect(longer).toEqual(openBySchedule(schedule, NOW_MS, NOW_MS + 28 * DAY_MS));
  });

  test('what is open in both is open in each', () => {
    const stretches = fc
      .array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 })), { maxLength: 20 })
      .map((pairs) => {
        let at = 0;
        return pairs.map(([gap, length]) => {
          const fromMs = at + gap;
          at = fromMs + length;
          return { fromMs, toMs: at };
        });
      });
    const isIn = (all: readonly { fromMs: number; toMs: number }[], ms: number) =>
      all.some(({ fromMs, toMs }) => fromMs <= ms && ms < toMs);
    fc.assert(
      fc.property(stretches, stretches, (a, b) => {
        const both = intersection(a, b);
        for (let ms = 0; ms < 500; ms += 3) expect(isIn(both, ms)).toBe(isIn(a, ms) && isIn(b, ms));
      }),
      { numRuns: 100 },
    );
  });
});

describe('what calls come to', () => {
  const call = (over: Partial<Call>): Call =>
    ({
      status: 'completed',
      direction: 'outbound',
      dialedAt: new Date(NOW_MS),
      endedAt: new Date(NOW_MS + 60_000),
      ...over,
    }) as Call;

  test('is measured on earlier calls, kind by kind, once there are enough', () => {
    const few = Array.from({ length: 29 }, () => call({ outcome: 'qualified' }));
    expect(measure(few)).toBeUndefined();
    const many = [
      ...Array.from({ length: 30 }, () =>
        call({ outcome: 'qualified', cost: { totalCost: 0.4 } as NonNullable<Call['cost']> }),
      ),
      ...Array.from({ length: 10 }, () =>
        call({ outcome: 'no_conversation', status: 'busy', endedAt: new Date(NOW_MS + 4_000) }),
      ),
      call({ direction: 'inbound' }),
      call({ status: 'answered' }),
    ];
    expect(measure(many)).toEqual([
      {
        share: 0.75,
        end: { outcome: 'qualified', status: 'completed', wasDialled: true },
        lineSec: 60,
        cost: expect.closeTo(0.4),
        reached: true,
      },
      {
        share: 0.25,
        end: { outcome: 'no_conversation', status: 'busy', wasDialled: true },
        lineSec: 4,
        cost: 0,
        reached: false,
      },
    ]);
  });

  test('is otherwise assumed, and all kinds together are all calls', () => {
    const all = assumed(30, (talkSec) => talkSec / 100);
    expect(all.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    expect(all.find(({ end }) => end.status === 'no_answer')).toMatchObject({ lineSec: 30, cost: 0 });
  });
});

describe('the sentence', () => {
  const share = (reason: string, leads: number) => ({ reason, leads, explanation: '', leadIds: [] });
  const found = {
    leads: 1_000,
    callable: 812,
    barred: [
      share('internal_dnc', 21),
      share('national_dnc_listed', 100),
      share('consent_missing', 44),
      share('timezone_unknown', 23),
    ],
    cost: 96.2,
  };

  test('says who can be called, who cannot and why, when it is done and what it costs', () => {
    const finishAt = new Date(Date.UTC(2026, 10, 19, 20, 40));
    expect(summaryOf({ ...found, finishAt }, 'America/New_York', NOW_MS)).toBe(
      '812 of 1,000 can be called; 121 DNC, 44 no consent, 23 unknown time zone; finish Thursday 4 pm; about $96',
    );
  });

  test('is as exact as the end is near', () => {
    const at = (ms: number) =>
      summaryOf({ ...found, barred: [], finishAt: new Date(NOW_MS + ms) }, 'utc', NOW_MS);
    expect(at(24.2 * 60_000)).toContain('finish today 6:25 pm UTC');
    expect(at(15 * DAY_MS)).toContain('finish Thu, Dec 3, 6 pm UTC');
  });

  test('says what comes before the end, and when nobody can be called', () => {
    expect(summaryOf({ ...found, stopsBy: 'budget' }, 'utc', NOW_MS)).toContain('before its budget is spent');
    expect(summaryOf({ ...found, callable: 0, cost: 0 }, 'utc', NOW_MS)).toBe(
      '0 of 1,000 can be called; 121 DNC, 44 no consent, 23 unknown time zone',
    );
    expect(summaryOf({ leads: 0, callable: 0, barred: [], cost: 0 }, 'utc', NOW_MS)).toContain('No lead');
  });
});

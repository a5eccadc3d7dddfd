/** test/browser/week: the drawing of a week on a wall clock far away, against luxon's own arithmetic. */
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, test } from 'vitest';
import { MINUTES_OF_DAY, weekOf } from '../../src/dashboard/compliance/week.ts';

const ZONES = [
  'America/New_York',
  'America/Chicago',
  'America/Phoenix',
  'America/Los_Angeles',
  'America/Adak',
  'Pacific/Guam',
  // On the other side of the date line.
  'Australia/Sydney',
] as const;
const MINUTE = 60_000;
const iso = (ms: number): string => new Date(ms).toISOString();

const spans = (fromMs: number) =>
  fc
    .array(fc.tuple(fc.integer({ min: 1, max: 1_500 }), fc.integer({ min: 1, max: 2_000 })), { maxLength: 8 })
    .map((gaps) => {
      let at = fromMs;
      return gaps.map(([gap, length]) => {
        const from = at + gap * MINUTE;
        at = from + length * MINUTE;
        return { from: iso(from), to: iso(at) };
      });
    });

const question = fc
  .record({
    zone: fc.constantFrom(...ZONES),
    // Any minute of two years, so that both changes of the clocks are met.
    fromMs: fc
      .integer({ min: 0, max: 2 * 366 * MINUTES_OF_DAY })
      .map((n) => Date.UTC(2026, 0, 1) + n * MINUTE),
    days: fc.integer({ min: 1, max: 14 }),
  })
  .chain((asked) => spans(asked.fromMs).map((windows) => ({ ...asked, windows })));

describe('a week on the called party’s clock', () => {
  test('days begin and end at local midnight, also where the clocks change', () => {
    fc.assert(
      fc.property(question, ({ zone, fromMs, days }) => {
        const week = weekOf([], zone, fromMs, days);
        expect(week).toHaveLength(days);
        const noon = DateTime.fromMillis(fromMs, { zone }).set({ hour: 12 });
        for (const [n, day] of week.entries()) {
          expect(day.date).toBe(noon.plus({ days: n }).toISODate());
          expect(day.startMs).toBe(noon.plus({ days: n }).startOf('day').toMillis());
          expect(day.endMs).toBe(
            noon
              .plus({ days: n + 1 })
              .startOf('day')
              .toMillis(),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  test('what is drawn is exactly what was open: nothing lost, nothing added, nothing twice', () => {
    fc.assert(
      fc.property(question, ({ zone, fromMs, days, windows }) => {
        const week = weekOf(windows, zone, fromMs, days);
        const endMs = week.at(-1)?.endMs ?? 0;
        const startMs = week[0]?.startMs ?? 0;
        const drawn = week.flatMap((day) => day.open);
        const open = windows.reduce(
          (sum, { from, to }) =>
            sum + Math.max(0, Math.min(Date.parse(to), endMs) - Math.max(Date.parse(from), startMs)),
          0,
        );
        expect(drawn.reduce((sum, stretch) => sum + stretch.toMs - stretch.fromMs, 0)).toBe(open);
        for (const stretch of drawn) {
          const local = DateTime.fromMillis(stretch.fromMs, { zone });
          expect(stretch.startMinute).toBe(local.hour * 60 + local.minute);
          expect(stretch.endMinute).toBeGreaterThan(0);
          expect(stretch.endMinute).toBeLessThanOrEqual(MINUTES_OF_DAY);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('the day on which clocks go back has 25 hours, the day on which they go forward 23', () => {
    const hours = (date: string): number => {
      const [day] = weekOf([], 'America/Chicago', Date.parse(`${date}T18:00:00Z`), 1);
      return day ? (day.endMs - day.startMs) / 3_600_000 : 0;
    };
    expect(hours('2026-11-01')).toBe(25);
    expect(hours('2027-03-14')).toBe(23);
    expect(hours('2026-11-21')).toBe(24);
  });

  test('where midnight itself is left out, the day begins an hour later', () => {
    const [day] = weekOf([], 'America/Havana', Date.parse('2026-03-08T18:00:00Z'), 1);
    expect(day).toMatchObject({
      date: '2026-03-08',
      startMs: Date.parse('2026-03-08T05:00:00Z'),
      endMs: Date.parse('2026-03-09T04:00:00Z'),
    });
  });

  test('a zone that the browser does not know is drawn in UTC and does not break the page', () => {
    const [day] = weekOf([], 'Mars/Olympus_Mons', Date.parse('2026-11-21T23:59:00Z'), 1);
    expect(day?.startMs).toBe(Date.parse('2026-11-21T00:00:00Z'));
  });
});

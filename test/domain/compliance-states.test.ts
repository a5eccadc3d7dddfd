/** Every state, hour by hour and day by day, against a second law that shares nothing with the product's tables. */
import { DateTime } from 'luxon';
import { describe, expect, test } from 'vitest';
import { assess } from '../../src/domain/compliance/decide.ts';
import { type Facts, readFacts } from '../../src/domain/compliance/facts.ts';
import { STATES as ROWS } from '../../src/domain/compliance/states.ts';
import { FEDERAL, PLACE_OF_AREA_CODE, STATES, stateBar, within } from '../simulation/law.ts';
import { openFacts } from './compliance-people.ts';

/** An area code of each state that lies in one zone, with that zone; two states are split wherever one looks. */
const WHERE = new Map<string, { npa: string; zones: readonly string[] }>();
for (const [npa, { state, zones }] of PLACE_OF_AREA_CODE) {
  const known = WHERE.get(state);
  if (!known || zones.length < known.zones.length) WHERE.set(state, { npa, zones });
}

const factsOf = (state: string, nowMs: number): Facts =>
  readFacts(openFacts({ phone: `+1${WHERE.get(state)?.npa}5550234`, state: null, zip: null }, nowMs));

/** What the second law has against a call at that moment. */
const barOf = (state: string, nowMs: number): string | undefined =>
  WHERE.get(state)
    ?.zones.map((zone) => DateTime.fromMillis(nowMs, { zone }))
    .map((local) => (within(FEDERAL, local) ? stateBar(state, local) : 'federal hours'))
    .find((why) => why !== undefined);

describe('the table of states', () => {
  test('has every state, the District and the territories, and no other', () => {
    expect([...ROWS.keys()].sort()).toEqual([...STATES].sort());
    expect(WHERE.size).toBe(ROWS.size);
  });

  test.each([...ROWS.keys()])(
    '%s, every half hour of the days of a week, and a minute before each',
    (state) => {
      const { zones } = WHERE.get(state) ?? { zones: [] };
      const startMs = DateTime.fromISO('2026-09-14T00:00', { zone: zones[0] ?? 'UTC' }).toMillis();
      const facts = factsOf(state, startMs - 60_000);
      for (let half = 0; half < 7 * 48; half += 1) {
        // Of the nights, midnight will do.
        if (half % 48 > 0 && half % 48 < 15) continue;
        for (const atMs of [startMs + half * 1_800_000, startMs + half * 1_800_000 - 60_000]) {
          const isBarred = assess(facts, atMs).reasons.length > 0;
          const bar = barOf(state, atMs);
          if (isBarred !== (bar !== undefined))
            expect({ at: new Date(atMs).toISOString(), isBarred }).toEqual({
              at: new Date(atMs).toISOString(),
              isBarred: bar,
            });
        }
      }
    },
  );
});

/** Days that the product bars in doubt and the second law does not know. */
const IN_DOUBT = new Set([
  'ME 2026-04-20',
  'ME 2027-04-19',
  // The Monday on which Utah may keep Juneteenth.
  'UT 2026-06-15',
  'UT 2027-06-21',
]);

test.each(['AL', 'LA', 'ME', 'MS', 'NE', 'NY', 'PA', 'RI', 'UT'])(
  '%s, every morning of two years at eleven',
  (state) => {
    const zone = WHERE.get(state)?.zones[0] ?? 'UTC';
    for (let at = DateTime.fromISO('2026-01-01T11:00', { zone }); at.year < 2028; at = at.plus({ days: 1 })) {
      if (IN_DOUBT.has(`${state} ${at.toISODate()}`)) continue;
      const { reasons } = assess(factsOf(state, at.toMillis()), at.toMillis());
      expect(`${at.toISODate()}: ${reasons.length > 0}`).toBe(
        `${at.toISODate()}: ${barOf(state, at.toMillis()) !== undefined}`,
      );
    }
  },
);

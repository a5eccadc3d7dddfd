/** The clocks of this machine beside those of a database that follows every release. */
import moment from 'moment-timezone';
import { afterEach, expect, test, vi } from 'vitest';
import { disputedZones, timeZoneRelease } from '../src/adapters/time-zones.ts';
import { ZONES } from '../src/domain/compliance/places.ts';

afterEach(() => vi.restoreAllMocks());

test('Node’s clocks are those of the newest release that we know, in every zone that the gate tells the time of', () => {
  expect(ZONES.length).toBeGreaterThan(15);
  expect(disputedZones(Date.now())).toEqual([]);
  expect(timeZoneRelease(Date.now()) >= '2026f').toBe(true);
});

test('a state that changes its clocks in a newer release is seen, and then Node’s own release is named', () => {
  const { zone } = moment.tz;
  // Winter time for good from 1 March 2027 on: New York's next change never comes.
  vi.spyOn(moment.tz, 'zone').mockImplementation((name) => {
    const real = zone(name);
    if (!real || name !== 'America/New_York') return real;
    const kept = real.untils.filter((untilMs) => untilMs < Date.UTC(2027, 2, 1));
    return { ...real, untils: kept, utcOffset: () => 300 } as typeof real;
  });
  const nowMs = Date.UTC(2026, 11, 1);
  expect(disputedZones(nowMs)).toEqual(['America/New_York']);
  expect(timeZoneRelease(nowMs)).toBe(process.versions.tz);
});

test('a change at another hour of the same day is seen too', () => {
  const { zone } = moment.tz;
  vi.spyOn(moment.tz, 'zone').mockImplementation((name) => {
    const real = zone(name);
    if (!real || name !== 'America/Denver') return real;
    const untils = real.untils.map((untilMs) => untilMs + 3_600_000);
    return { ...real, untils, utcOffset: (atMs: number) => real.utcOffset(atMs - 3_600_000) } as typeof real;
  });
  expect(disputedZones(Date.UTC(2026, 11, 1))).toEqual(['America/Denver']);
});

/**
 * adapters/time-zones: how old is the knowledge of clocks that this machine works with? Node brings its own time zone
 * database and a long-lived release of Node gets no newer one, so its clocks are compared with those of a package that
 * follows every release: where both agree for the time to come, Node's data is as good as the newer release.
 */
import moment from 'moment-timezone';
import { ZONES } from '../domain/compliance/places.ts';
import { offsetMinutes } from '../domain/compliance/zone-clock.ts';

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** Further ahead than the gate looks for an opening, and than a process lives without a restart. */
const AHEAD_MS = 400 * DAY_MS;

/** Zones whose clocks Node and the package do not tell alike at some time between `nowMs` and AHEAD_MS later. */
export function disputedZones(nowMs: number): readonly string[] {
  const endMs = nowMs + AHEAD_MS;
  return ZONES.filter((name) => {
    const zone = moment.tz.zone(name);
    if (!zone) return true;
    // Every change that the package knows, to the millisecond; and every week, for one that only Node knows lasts longer.
    const instants = zone.untils
      .filter((untilMs) => untilMs > nowMs && untilMs < endMs)
      .flatMap((untilMs) => [untilMs - 1, untilMs]);
    for (let atMs = nowMs; atMs < endMs; atMs += WEEK_MS) instants.push(atMs);
    return instants.some((atMs) => offsetMinutes(name, atMs) !== -zone.utcOffset(atMs));
  });
}

/**
 * The newest release of the time zone database that this machine's clocks agree with, "2026f"; '' when not even the runtime
 * names one, which the gate takes for data that is too old.
 */
export function timeZoneRelease(nowMs: number): string {
  const own = process.versions.tz ?? '';
  const newer = moment.tz.dataVersion;
  return newer > own && disputedZones(nowMs).length === 0 ? newer : own;
}

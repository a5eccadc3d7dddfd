/**
 * domain/compliance/machine: may this machine be believed when it tells the time (reference §8, fail closed)? States change
 * their clocks, and a database of time zones that is too old does not know; a clock that is off shows another hour than the
 * called party's.
 */
import type { Facts } from './facts.ts';

/** Rules of a year and more ago may have been changed since. */
const MAX_TZDATA_AGE_MS = 365 * 86_400_000;
const MAX_CLOCK_SKEW_MS = 30_000;

/** Releases of the time zone database and their days (github.com/eggert/tz, NEWS). */
const RELEASES = [
  { version: '2024a', atMs: Date.UTC(2024, 1, 1) },
  { version: '2024b', atMs: Date.UTC(2024, 8, 4) },
  { version: '2025a', atMs: Date.UTC(2025, 0, 15) },
  { version: '2025b', atMs: Date.UTC(2025, 2, 22) },
  { version: '2025c', atMs: Date.UTC(2025, 11, 10) },
  { version: '2026b', atMs: Date.UTC(2026, 3, 22) },
] as const;

const VERSION = /^(20\d\d)[a-z]$/;

/**
 * When the data of a version is too old, ms since the epoch; undefined for what is no version. A release that is not in the
 * table has the earliest day it can have: in its year, and after those before it.
 */
export function tzdataEndsMs(version: string): number | undefined {
  const year = VERSION.exec(version)?.[1];
  if (year === undefined) return undefined;
  let releasedMs = Date.UTC(Number(year), 0, 1);
  for (const release of RELEASES)
    if (release.version <= version) releasedMs = Math.max(releasedMs, release.atMs);
  return releasedMs + MAX_TZDATA_AGE_MS;
}

/** Why this machine's time cannot be believed at `nowMs`, half a sentence; undefined when it can. */
export function machineFault(
  { tzdata, clockSkewMs }: Facts['environment'],
  nowMs: number,
): string | undefined {
  if (clockSkewMs !== null && !(Math.abs(clockSkewMs) <= MAX_CLOCK_SKEW_MS))
    return `the clock of this machine is off by ${Math.round(Math.abs(clockSkewMs) / 1000)} seconds`;
  if (tzdata === null) return undefined;
  const endsMs = tzdataEndsMs(tzdata);
  if (endsMs === undefined) return 'the time zone data has no version that is known';
  if (!(nowMs <= endsMs))
    return `the time zone data ${tzdata} is more than a year old: this machine needs a newer Parley or Node.js`;
  return undefined;
}

/** Part of the rule version. */
export const MACHINE_SOURCE = { RELEASES, MAX_TZDATA_AGE_MS, MAX_CLOCK_SKEW_MS };

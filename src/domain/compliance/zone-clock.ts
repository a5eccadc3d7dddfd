/**
 * domain/compliance/zone-clock: what a wall clock in an IANA zone shows. Days are whole numbers (days since 1970-01-01 on
 * the local calendar), so that weekday and holiday always come from the local date and never from UTC.
 */
import { IANAZone } from 'luxon';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export interface LocalTime {
  readonly day: number;
  /** Minutes since local midnight, 0..1439. */
  readonly minute: number;
  /** 0 is Sunday. */
  readonly weekday: number;
}

/** Asking the time zone database costs microseconds; within one UTC hour the answer is the same in every US zone. */
const offsets = new Map<string, Map<number, number>>();
const HOURS_KEPT = 20_000;

/** Minutes to add to UTC at an instant. Throws RangeError for a zone the database does not know. */
export function offsetMinutes(zone: string, atMs: number): number {
  let known = offsets.get(zone);
  if (!known) {
    if (!IANAZone.isValidZone(zone)) throw new RangeError(`unknown time zone ${zone}`);
    known = new Map();
    offsets.set(zone, known);
  }
  const hour = Math.floor(atMs / HOUR_MS);
  let offset = known.get(hour);
  if (offset === undefined) {
    offset = IANAZone.create(zone).offset(atMs);
    if (!Number.isFinite(offset)) throw new RangeError(`no offset for ${zone} at ${atMs}`);
    if (known.size >= HOURS_KEPT) known.clear();
    known.set(hour, offset);
  }
  return offset;
}

export function localTime(zone: string, atMs: number): LocalTime {
  const localMs = atMs + offsetMinutes(zone, atMs) * MINUTE_MS;
  const day = Math.floor(localMs / DAY_MS);
  return {
    day,
    minute: Math.floor((localMs - day * DAY_MS) / MINUTE_MS),
    weekday: weekdayOf(day),
  };
}

/** 1970-01-01 was a Thursday. */
export const weekdayOf = (day: number): number => (((day + 4) % 7) + 7) % 7;

export const yearOf = (day: number): number => new Date(day * DAY_MS).getUTCFullYear();

export const dayOf = (year: number, month: number, date: number): number =>
  Math.floor(Date.UTC(year, month - 1, date) / DAY_MS);

/** The instant at which a local clock shows `minute` of `day`; the first one when it shows it twice. */
export function instantOf(zone: string, day: number, minute: number): number {
  const asUtc = day * DAY_MS + minute * MINUTE_MS;
  const early = asUtc - offsetMinutes(zone, asUtc - DAY_MS) * MINUTE_MS;
  const late = asUtc - offsetMinutes(zone, asUtc + DAY_MS) * MINUTE_MS;
  const first = Math.min(early, late);
  const at = localTime(zone, first);
  return at.day === day && at.minute === minute ? first : Math.max(early, late);
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;

/** "Tue 2026-07-14 08:00". */
export function showLocal(zone: string, atMs: number): string {
  const shifted = new Date(atMs + offsetMinutes(zone, atMs) * MINUTE_MS).toISOString();
  const { weekday } = localTime(zone, atMs);
  return `${WEEKDAYS[weekday]} ${shifted.slice(0, 10)} ${shifted.slice(11, 16)}`;
}

/** 480 → "8 am", 810 → "1:30 pm", 1440 → "midnight". */
export function showMinute(minute: number): string {
  if (minute % 1440 === 0) return 'midnight';
  const hour = Math.floor(minute / 60);
  const rest = minute % 60;
  const twelve = hour % 12 === 0 ? 12 : hour % 12;
  return `${twelve}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`} ${hour < 12 ? 'am' : 'pm'}`;
}

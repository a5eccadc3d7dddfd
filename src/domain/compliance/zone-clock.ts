/**
 * domain/compliance/zone-clock: what a wall clock in an IANA zone shows. Days are whole numbers (days since 1970-01-01 on
 * the local calendar), so that weekday and holiday always come from the local date and never from UTC.
 */
import { IANAZone } from 'luxon';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const MINUTES_A_DAY = 1440;

export interface LocalTime {
  readonly day: number;
  /** Minutes since local midnight, 0..1439. */
  readonly minute: number;
  /** 0 is Sunday. */
  readonly weekday: number;
}

/** One zone, with what was asked of it last: the rules ask for the same minute many times over. */
interface ZoneClock {
  /** Minutes to add to UTC, by UTC day; NaN for a day on which that changes. */
  readonly days: Map<number, number>;
  /** The same for the hours of such days: US zones change at whole hours of UTC. */
  readonly hours: Map<number, number>;
  /** UTC minute since the epoch of `time`. */
  utcMinute: number;
  time: LocalTime;
  /** UTC minute since the epoch of `shown`. */
  shownMinute: number;
  shown: string;
}

const clocks = new Map<string, ZoneClock>();
/** Some decades. Asking the time zone database takes as long as the rest of a decision. */
const DAYS_KEPT = 20_000;

function clockOf(zone: string): ZoneClock {
  let clock = clocks.get(zone);
  if (!clock) {
    if (!IANAZone.isValidZone(zone)) throw new RangeError(`unknown time zone ${zone}`);
    clock = {
      days: new Map(),
      hours: new Map(),
      utcMinute: Number.NaN,
      time: { day: 0, minute: 0, weekday: 0 },
      shownMinute: Number.NaN,
      shown: '',
    };
    clocks.set(zone, clock);
  }
  return clock;
}

function offsetAt(zone: string, { days, hours }: ZoneClock, atMs: number): number {
  const utcDay = Math.floor(atMs / DAY_MS);
  let offset = days.get(utcDay);
  if (offset === undefined) {
    const midnightMs = utcDay * DAY_MS;
    const first = ask(zone, midnightMs);
    offset = first === ask(zone, midnightMs + DAY_MS) ? first : Number.NaN;
    if (days.size >= DAYS_KEPT) days.clear();
    days.set(utcDay, offset);
  }
  if (!Number.isNaN(offset)) return offset;
  const hour = Math.floor(atMs / HOUR_MS);
  let ofHour = hours.get(hour);
  if (ofHour === undefined) {
    ofHour = ask(zone, atMs);
    if (hours.size >= DAYS_KEPT) hours.clear();
    hours.set(hour, ofHour);
  }
  return ofHour;
}

function ask(zone: string, atMs: number): number {
  const offset = IANAZone.create(zone).offset(atMs);
  if (!Number.isFinite(offset)) throw new RangeError(`no offset for ${zone} at ${atMs}`);
  return Math.floor(offset);
}

/** Minutes to add to UTC at an instant. Throws RangeError for a zone the database does not know. */
export const offsetMinutes = (zone: string, atMs: number): number => offsetAt(zone, clockOf(zone), atMs);

/** Day and time on the clocks of a zone at an instant. Throws as `offsetMinutes`. */
export function localTime(zone: string, atMs: number): LocalTime {
  const clock = clockOf(zone);
  const utcMinute = Math.floor(atMs / MINUTE_MS);
  if (clock.utcMinute !== utcMinute) {
    const local = utcMinute + offsetAt(zone, clock, atMs);
    const day = Math.floor(local / MINUTES_A_DAY);
    clock.time = { day, minute: local - day * MINUTES_A_DAY, weekday: weekdayOf(day) };
    clock.utcMinute = utcMinute;
  }
  return clock.time;
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
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** "Tue 2026-07-14 08:00". */
export function showLocal(zone: string, atMs: number): string {
  const clock = clockOf(zone);
  const utcMinute = Math.floor(atMs / MINUTE_MS);
  if (clock.shownMinute !== utcMinute) {
    const { day, minute, weekday } = localTime(zone, atMs);
    const iso = new Date(day * DAY_MS + minute * MINUTE_MS).toISOString();
    clock.shown = `${WEEKDAYS[weekday]} ${iso.slice(0, 10)} ${iso.slice(11, 16)}`;
    clock.shownMinute = utcMinute;
  }
  return clock.shown;
}

/** "Mon 23 Nov". */
export function showDay(day: number): string {
  const date = new Date(day * DAY_MS);
  return `${WEEKDAYS[weekdayOf(day)]} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

/** "23 Nov 2026", in UTC: for what was recorded, where no clock of a person is meant. */
export const showDate = (at: Date): string =>
  `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;

const MINUTES = Array.from({ length: MINUTES_A_DAY }, (_, minute) => {
  const hour = Math.floor(minute / 60);
  return `${hour % 12 === 0 ? 12 : hour % 12}:${String(minute % 60).padStart(2, '0')} ${hour < 12 ? 'am' : 'pm'}`;
});

/** 480 → "8:00 am", 1439 → "11:59 pm". */
export const showMinute = (minute: number): string => MINUTES[minute] ?? '12:00 am';

const HOURS = [...MINUTES, MINUTES[0] ?? ''].map((text, minute) => {
  if (minute % MINUTES_A_DAY === 0) return 'midnight';
  return minute === 720 ? 'noon' : text.replace(':00', '');
});

/** An end of a span of hours: 480 → "8 am", 810 → "1:30 pm", 720 → "noon", 1440 → "midnight". */
export const showHour = (minute: number): string => HOURS[minute] ?? 'midnight';

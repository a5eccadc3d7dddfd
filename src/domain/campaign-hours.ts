/**
 * domain/campaign-hours: when a campaign works, by its own clock. Its days are those of its zone too. What the law and the
 * called party's clock say is the gate's business and holds besides.
 */
import { DateTime } from 'luxon';
import { type DayHours, type Schedule, WEEKDAY_NAMES } from './campaign.ts';
import { localTime } from './compliance/zone-clock.ts';
import type { Campaign } from './documents.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A week and the day it began on: hours that do not come round by then do not come. */
const DAYS_LOOKED = 8;

const zoneOf = (schedule: Schedule | undefined): string => schedule?.callingHours?.timezone ?? 'UTC';

const localOf = (schedule: Schedule | undefined, atMs: number): DateTime =>
  DateTime.fromMillis(atMs, { zone: zoneOf(schedule) });

/** The day of a campaign on which `atMs` lies, "2026-11-22". */
export const dayOf = (schedule: Schedule | undefined, atMs: number): string =>
  new Date(localTime(zoneOf(schedule), atMs).day * DAY_MS).toISOString().slice(0, 10);

/** When the next day of the campaign begins, ms since the epoch. */
export const nextDayMs = (schedule: Schedule | undefined, atMs: number): number =>
  localOf(schedule, atMs).startOf('day').plus({ days: 1 }).startOf('day').toMillis();

const minutesOf = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));

/** `weekday`: 0 is Sunday. */
const hoursOn = ({ callingHours }: Schedule, weekday: number): DayHours =>
  callingHours?.[WEEKDAY_NAMES[(weekday + 6) % 7] ?? 'sunday'] ?? null;

/** By the wall clock of the zone. Asked for every step, so not of luxon. */
function isOpenLocally(schedule: Schedule, atMs: number): boolean {
  const { weekday, minute } = localTime(zoneOf(schedule), atMs);
  const hours = hoursOn(schedule, weekday);
  return hours !== null && minute >= minutesOf(hours.start) && minute < minutesOf(hours.end);
}

/** Whether the schedule lets the campaign work at this moment. */
export function isOpen(schedule: Schedule | undefined, atMs: number): boolean {
  if (!schedule) return true;
  const { startDate, endDate } = schedule;
  if (startDate && atMs < startDate.getTime()) return false;
  if (endDate && atMs >= endDate.getTime()) return false;
  return schedule.callingHours === undefined || isOpenLocally(schedule, atMs);
}

/** The first moment from `atMs` on at which the campaign may work, ms since the epoch; undefined: there is none. */
export function nextOpening(schedule: Schedule | undefined, atMs: number): number | undefined {
  const fromMs = Math.max(atMs, schedule?.startDate?.getTime() ?? atMs);
  if (!schedule?.callingHours || isOpen(schedule, fromMs))
    return isOpen(schedule, fromMs) ? fromMs : undefined;
  const today = localOf(schedule, fromMs).startOf('day');
  for (let ahead = 0; ahead < DAYS_LOOKED; ahead += 1) {
    const openingMs = openingOn(schedule, today.plus({ days: ahead }).startOf('day'), fromMs);
    if (openingMs !== undefined) return isOpen(schedule, openingMs) ? openingMs : undefined;
  }
  return undefined;
}

function openingOn(schedule: Schedule, day: DateTime, fromMs: number): number | undefined {
  const hours = hoursOn(schedule, day.weekday);
  if (!hours || hours.start >= hours.end) return undefined;
  const tomorrow = day.plus({ days: 1 }).startOf('day');
  if (day.offset === tomorrow.offset) {
    const openingMs = day.toMillis() + minutesOf(hours.start) * MINUTE_MS;
    return openingMs >= fromMs ? openingMs : undefined;
  }
  // On a day on which clocks change, an hour is not there or comes twice: what the wall clock shows is looked at itself.
  const firstMs = Math.max(day.toMillis(), Math.ceil(fromMs / MINUTE_MS) * MINUTE_MS);
  for (let ms = firstMs; ms < tomorrow.toMillis(); ms += MINUTE_MS)
    if (isOpenLocally(schedule, ms)) return ms;
  return undefined;
}

/** Whether a campaign may begin anything now; if not, why, and from when on, ms since the epoch, as far as that is known. */
export type Standing =
  | { readonly kind: 'works' }
  | { readonly kind: 'over' }
  | { readonly kind: 'not_active' }
  | { readonly kind: 'not_started' | 'hours'; readonly untilMs?: number };

export function standingOf(
  { status, workflow, schedule }: Pick<Campaign, 'status' | 'workflow' | 'schedule'>,
  nowMs: number,
): Standing {
  if (status === 'completed' || (status === 'active' && hasEnded(schedule, nowMs))) return { kind: 'over' };
  if (status !== 'active' || !workflow) return { kind: 'not_active' };
  if (isOpen(schedule, nowMs)) return { kind: 'works' };
  const untilMs = nextOpening(schedule, nowMs);
  const kind = schedule?.startDate && nowMs < schedule.startDate.getTime() ? 'not_started' : 'hours';
  return { kind, ...(untilMs === undefined ? {} : { untilMs }) };
}

/** Whether the last day of the schedule is behind us. */
export const hasEnded = (schedule: Schedule | undefined, nowMs: number): boolean =>
  schedule?.endDate !== undefined && nowMs >= schedule.endDate.getTime();

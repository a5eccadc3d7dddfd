/** dashboard/overview/range: the stretch of time that is looked at, as days and as the API is asked for it. */
import { dayAsInstant, fieldOf, OWN_ZONE } from '../format.ts';

/** `own`: the days from one to another, both included. */
export const RANGES = ['today', 'week', 'month', 'own'] as const;
export interface OverviewRange {
  readonly range?: (typeof RANGES)[number];
  readonly from?: string;
  readonly to?: string;
}
const DAYS = { today: 1, week: 7, month: 30 } as const;

/** Both days included; what an unfinished choice of one's own lacks is today. */
export function daysOf(
  { range = 'today', from, to }: OverviewRange,
  nowMs: number,
): { from: string; to: string } {
  const today = fieldOf(new Date(nowMs).toISOString(), false);
  if (range === 'own') {
    const last = to ?? today;
    return { from: from !== undefined && from <= last ? from : last, to: last };
  }
  const at = new Date(nowMs);
  at.setDate(at.getDate() - DAYS[range] + 1);
  return { from: fieldOf(at.toISOString(), false), to: today };
}

const daysIn = ({ from, to }: { from: string; to: string }): number =>
  Math.round((Date.parse(`${to}T00:00Z`) - Date.parse(`${from}T00:00Z`)) / 86_400_000) + 1;

/** Compared with as many days directly before, up to the same time of day. */
export function questionOf(days: { from: string; to: string }): {
  from: string;
  to: string;
  before: string;
  zone: string;
} {
  return {
    from: dayAsInstant(days.from) ?? '',
    to: dayAsInstant(days.to, 1) ?? '',
    before: dayAsInstant(days.from, -daysIn(days)) ?? '',
    zone: OWN_ZONE,
  };
}

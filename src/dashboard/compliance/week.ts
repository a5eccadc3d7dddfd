/** dashboard/compliance/week: stretches of time cut into the days of a wall clock somewhere, so that they can be drawn. */

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
export const MINUTES_OF_DAY = 24 * 60;

/** One stretch within one day. Minutes are what the wall clock shows, 0..1440. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
  readonly startMinute: number;
  readonly endMinute: number;
}

export interface Day {
  /** "2026-11-23" on that clock. */
  readonly date: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly open: readonly Stretch[];
}

interface Wall {
  readonly date: string;
  readonly minute: number;
}

/** Reads the wall clock of a zone; one this browser does not know is read as UTC. */
export function wallClock(zone: string): (ms: number) => Wall {
  const options = {
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  } as const;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-CA', { ...options, timeZone: zone });
  } catch {
    format = new Intl.DateTimeFormat('en-CA', { ...options, timeZone: 'UTC' });
  }
  return (ms) => {
    const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, value]));
    return {
      date: `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`,
      minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
    };
  };
}

const utcOf = (date: string): number => Date.parse(`${date}T00:00:00Z`);

/** The instant at which the day of `date` begins there. A day is 23 to 25 hours long; its neighbours tell. */
function startOf(date: string, clock: (ms: number) => Wall): number {
  const asUtc = utcOf(date);
  const distance = (ms: number): number => {
    const wall = clock(ms);
    return utcOf(wall.date) + wall.minute * MINUTE - asUtc;
  };
  const near = asUtc - distance(asUtc);
  // The offset may be another one on the other side of a change of clocks; where midnight is left out, `near` is right.
  const nearer = near - distance(near);
  return clock(nearer).date === date ? nearer : near;
}

/**
 * `count` days of the clock of `zone` from the one that holds `fromMs`, each with the parts of the spans that fall into it.
 * Spans are half-open, in order, and do not overlap.
 */
export function weekOf(
  spans: readonly { readonly from: string; readonly to: string }[],
  zone: string,
  fromMs: number,
  count: number,
): readonly Day[] {
  const clock = wallClock(zone);
  const first = utcOf(clock(fromMs).date);
  const dates = Array.from({ length: count + 1 }, (_, n) =>
    new Date(first + n * DAY).toISOString().slice(0, 10),
  );
  const starts = dates.map((date) => startOf(date, clock));
  return dates.slice(0, count).map((date, n) => {
    const startMs = starts[n] ?? Number.NaN;
    const endMs = starts[n + 1] ?? Number.NaN;
    const open = spans.flatMap((span): Stretch[] => {
      const fromMs = Math.max(Date.parse(span.from), startMs);
      const toMs = Math.min(Date.parse(span.to), endMs);
      if (!(fromMs < toMs)) return [];
      return [
        {
          fromMs,
          toMs,
          startMinute: clock(fromMs).minute,
          endMinute: toMs === endMs ? MINUTES_OF_DAY : clock(toMs).minute,
        },
      ];
    });
    return { date, startMs, endMs, open };
  });
}

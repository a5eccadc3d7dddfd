/** dashboard/compliance/week-grid: when the gate would allow, day by day, on the called party's clock. */
import './week-grid.css';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { formatMomentIn, formatTimeIn, OWN_ZONE, zoneName } from '../format.ts';
import { type Day, MINUTES_OF_DAY, type Stretch, wallClock, weekOf } from './week.ts';

const HOURS = [0, 6, 12, 18] as const;
const HOUR_NAME: Record<(typeof HOURS)[number], string> = { 0: '12 AM', 6: '6 AM', 12: 'Noon', 18: '6 PM' };

const weekday = new Intl.DateTimeFormat('en-US', {
  weekday: 'short',
  month: 'short',
  day: 'numeric',
  timeZone: 'UTC',
});
const dayName = (day: Day): string => weekday.format(new Date(`${day.date}T00:00:00Z`));
const percent = (minute: number): string => `${(minute / MINUTES_OF_DAY) * 100}%`;

export function WeekGrid({
  windows,
  zone,
  fromMs,
  nowMs,
  ask,
  days,
}: {
  windows: readonly { readonly from: string; readonly to: string }[];
  /** The clock it is drawn on. */
  zone: string;
  fromMs: number;
  nowMs: number;
  /** Asks the gate about another moment. */
  ask: (at: string) => void;
  days: number;
}) {
  const [read, setRead] = useState<Stretch>();
  const week = weekOf(windows, zone, fromMs, days);
  const clock = wallClock(zone);
  const end = (stretch: Stretch): string =>
    stretch.endMinute === MINUTES_OF_DAY ? 'midnight' : formatTimeIn(stretch.toMs, zone);
  const times = (stretch: Stretch): string => `${formatTimeIn(stretch.fromMs, zone)} to ${end(stretch)}`;
  const name = zoneName(zone);
  /** The word "Now" stands over the first row; a name of an hour it would cover is left out. */
  const nowMinute = week.some((day) => nowMs >= day.startMs && nowMs < day.endMs)
    ? clock(nowMs).minute
    : undefined;
  const hours = HOURS.filter(
    (hour) => nowMinute === undefined || nowMinute < hour * 60 - 45 || nowMinute > hour * 60 + 105,
  );

  return (
    <div className="week">
      <div className="week-row week-hours" aria-hidden="true">
        <span />
        <div className="week-scale">
          {hours.map((hour) => (
            <span key={hour} style={{ left: percent(hour * 60) }}>
              {HOUR_NAME[hour]}
            </span>
          ))}
        </div>
        <span />
      </div>
      <ul aria-label={`When the gate would allow, on the clock of ${name}`}>
        {week.map((day) => {
          const today = nowMs >= day.startMs && nowMs < day.endMs;
          return (
            <li key={day.date} className="week-row" data-today={today || undefined}>
              <span className="week-day">
                {today ? <strong>Today</strong> : null} {dayName(day)}
              </span>
              <div className="week-track">
                {day.open.map((stretch) => (
                  <button
                    key={stretch.fromMs}
                    type="button"
                    className="week-open"
                    style={{
                      left: percent(stretch.startMinute),
                      width: percent(stretch.endMinute - stretch.startMinute),
                    }}
                    aria-label={`${dayName(day)}, ${times(stretch)}: read in both clocks`}
                    aria-pressed={read?.fromMs === stretch.fromMs}
                    onMouseEnter={() => setRead(stretch)}
                    onFocus={() => setRead(stretch)}
                    onClick={() => setRead(stretch)}
                  />
                ))}
                {today ? (
                  <span className="week-now" style={{ left: percent(nowMinute ?? 0) }}>
                    <span className="week-now-word">Now</span>
                  </span>
                ) : null}
              </div>
              <span className="week-times num">
                {day.open.length > 0 ? day.open.map(times).join(', ') : 'No calls'}
              </span>
            </li>
          );
        })}
      </ul>
      <div className="week-reading" role="status">
        {read ? (
          <>
            <p>
              <strong>
                {formatMomentIn(read.fromMs, zone)} to {end(read)}
              </strong>{' '}
              in {name}
              {zone === OWN_ZONE ? ', which is your clock too' : null}
              {zone === OWN_ZONE ? null : (
                <>
                  <br />
                  {formatMomentIn(read.fromMs, OWN_ZONE)} to {formatTimeIn(read.toMs, OWN_ZONE)} on your clock
                </>
              )}
            </p>
            <Button
              variant="default"
              size="compact-sm"
              onClick={() => ask(new Date(read.fromMs).toISOString())}
            >
              Ask about its beginning
            </Button>
          </>
        ) : (
          <p className="muted">Point at a green stretch, or tab to it, to read its times in both clocks.</p>
        )}
      </div>
    </div>
  );
}

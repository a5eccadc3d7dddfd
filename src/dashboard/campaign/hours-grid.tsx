/** dashboard/campaign/hours-grid: the hours of a campaign, day by day on a clock of one zone, to read and to set. */
import '../compliance/week-grid.css';
import './hours-grid.css';
import { Button, Checkbox, Group, TextInput } from '@mantine/core';
import { MINUTES_OF_DAY } from '../compliance/week.ts';
import { zoneName } from '../format.ts';
import { DAYS, type DayHours, type DayName, type Week } from './draft.ts';

const NAME: Record<DayName, string> = {
  monday: 'Monday',
  tuesday: 'Tuesday',
  wednesday: 'Wednesday',
  thursday: 'Thursday',
  friday: 'Friday',
  saturday: 'Saturday',
  sunday: 'Sunday',
};
const SCALE = [
  [0, '12 AM'],
  [6, '6 AM'],
  [12, 'Noon'],
  [18, '6 PM'],
] as const;
const OPENED: NonNullable<DayHours> = { start: '09:00', end: '18:00' };

const clock = new Intl.DateTimeFormat('en-US', { hour: 'numeric', minute: '2-digit', timeZone: 'UTC' });
/** "18:00" → "6:00 PM" */
export const tellClock = (text: string): string =>
  /^\d{2}:\d{2}$/.test(text) ? clock.format(new Date(`2026-01-01T${text}:00Z`)) : text;
/** "18:00" → 1080 */
const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
const percent = (minute: number): string => `${(minute / MINUTES_OF_DAY) * 100}%`;
export const tellHours = (hours: DayHours): string =>
  hours ? `${tellClock(hours.start)} to ${tellClock(hours.end)}` : 'Closed';

/** `change` undefined: only to read. */
export function HoursGrid({
  week,
  zone,
  change,
  fault,
}: {
  week: Week;
  zone: string;
  change?: (week: Week) => void;
  fault?: (day: DayName, end: 'start' | 'end') => string | undefined;
}) {
  const set = (day: DayName, hours: DayHours) => change?.({ ...week, [day]: hours });
  const everyWeekday = () => {
    const { monday } = week;
    change?.({ ...week, tuesday: monday, wednesday: monday, thursday: monday, friday: monday });
  };
  return (
    <div className="week hours" data-fixed={change === undefined || undefined}>
      <div className="week-row week-hours" aria-hidden="true">
        <span />
        <div className="week-scale">
          {SCALE.map(([hour, name]) => (
            <span key={hour} style={{ left: percent(hour * 60) }}>
              {name}
            </span>
          ))}
        </div>
        <span />
      </div>
      <ul aria-label={`Calling hours, on the clock of ${zoneName(zone)}`}>
        {DAYS.map((day) => {
          const hours = week[day];
          const backwards = hours && hours.end <= hours.start ? 'The end must be later.' : undefined;
          return (
            <li key={day} className="week-row">
              {change ? (
                <Checkbox
                  label={NAME[day]}
                  checked={hours !== null}
                  onChange={(event) => set(day, event.currentTarget.checked ? OPENED : null)}
                />
              ) : (
                <span className="week-day">{NAME[day]}</span>
              )}
              <div className="week-track" aria-hidden="true">
                {hours && !backwards ? (
                  <span
                    className="week-open"
                    style={{
                      left: percent(minutes(hours.start)),
                      width: percent(minutes(hours.end) - minutes(hours.start)),
                    }}
                  />
                ) : null}
              </div>
              {change && hours ? (
                <Group gap={6} wrap="nowrap" align="start" className="hours-times">
                  <TextInput
                    type="time"
                    size="xs"
                    aria-label={`${NAME[day]} from`}
                    value={hours.start}
                    onChange={(event) => set(day, { ...hours, start: event.currentTarget.value })}
                    error={fault?.(day, 'start')}
                  />
                  <span className="muted small">to</span>
                  <TextInput
                    type="time"
                    size="xs"
                    aria-label={`${NAME[day]} to`}
                    value={hours.end}
                    onChange={(event) => set(day, { ...hours, end: event.currentTarget.value })}
                    error={backwards ?? fault?.(day, 'end')}
                  />
                </Group>
              ) : (
                <span className="week-times num">{hours ? tellHours(hours) : 'No calls'}</span>
              )}
            </li>
          );
        })}
      </ul>
      {change ? (
        <Button variant="subtle" size="compact-sm" className="hours-copy" onClick={everyWeekday}>
          Monday's hours on every weekday
        </Button>
      ) : null}
    </div>
  );
}

/** dashboard/ui/day-range: narrows something to the days from one to another, both included, on the reader's own clock. */
import './day-range.css';
import { TextInput } from '@mantine/core';
import { dayAsInstant } from '../format.ts';

export interface DayRange {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** The days as the API takes them: the first moment, and the first behind the last day. */
export function instantsOf({ from, to }: DayRange): { from?: string; to?: string } {
  const since = from === undefined ? undefined : dayAsInstant(from);
  const until = to === undefined ? undefined : dayAsInstant(to, 1);
  return { ...(since ? { from: since } : {}), ...(until ? { to: until } : {}) };
}

export function DayRangeFields({
  from,
  to,
  change,
}: DayRange & { change: (part: { from?: string | undefined; to?: string | undefined }) => void }) {
  return (
    <>
      <TextInput
        type="date"
        className="filter-day"
        leftSection={<span aria-hidden="true">From</span>}
        leftSectionWidth={52}
        aria-label="From day"
        value={from ?? ''}
        max={to}
        onChange={(event) => change({ from: event.currentTarget.value || undefined })}
      />
      <TextInput
        type="date"
        className="filter-day"
        leftSection={<span aria-hidden="true">To</span>}
        leftSectionWidth={36}
        aria-label="To day"
        value={to ?? ''}
        min={from}
        onChange={(event) => change({ to: event.currentTarget.value || undefined })}
      />
    </>
  );
}

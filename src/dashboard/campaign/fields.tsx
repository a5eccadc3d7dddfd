/** dashboard/campaign/fields: the kinds of fields that a campaign is written with. */
import { Group, NativeSelect, NumberInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';

export const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS = [
  { value: String(MINUTE), label: 'minutes' },
  { value: String(HOUR), label: 'hours' },
  { value: String(DAY), label: 'days' },
];
const MOST_DAYS = 366;

/** The largest unit in which a length is a whole number. */
const unitOf = (seconds: number): number =>
  [DAY, HOUR].find((unit) => seconds % unit === 0 && seconds > 0) ?? MINUTE;

/** A length of time as people say it; seconds outside. */
export function DelayInput({
  label,
  description,
  seconds,
  change,
  min = MINUTE,
  error,
  autoFocus = false,
}: {
  label: string;
  description?: string;
  seconds: number;
  change: (seconds: number) => void;
  /** Seconds. */
  min?: number;
  error?: ReactNode;
  autoFocus?: boolean;
}) {
  const [unit, setUnit] = useState(() => unitOf(seconds));
  const put = (many: number, of: number) =>
    change(Math.min(MOST_DAYS * DAY, Math.max(min, Math.round(many * of))));
  return (
    <Group gap="xs" align="end" wrap="nowrap">
      <NumberInput
        flex="1 1 7rem"
        maw={description === undefined ? '7rem' : undefined}
        label={label}
        description={description}
        min={0}
        max={(MOST_DAYS * DAY) / unit}
        allowNegative={false}
        decimalScale={1}
        value={seconds / unit}
        onFocus={(event) => event.currentTarget.select()}
        onChange={(value) => {
          if (typeof value === 'number') put(value, unit);
        }}
        error={error}
        {...(autoFocus ? { autoFocus: true } : {})}
      />
      <NativeSelect
        w="7rem"
        aria-label={`${label}: unit`}
        data={UNITS}
        value={String(unit)}
        onChange={(event) => {
          const next = Number(event.currentTarget.value);
          setUnit(next);
          put(seconds / unit, next);
        }}
      />
    </Group>
  );
}

/** A number that may be left empty. */
export function AmountInput({
  value,
  change,
  share = false,
  cents = false,
  ...rest
}: {
  label: string;
  description?: string;
  value: number | undefined;
  change: (value: number | undefined) => void;
  /** Kept as 0..1, written in per cent. */
  share?: boolean;
  /** An amount of money so small that its cents matter. */
  cents?: boolean;
  min?: number;
  max?: number;
  prefix?: string;
  decimalScale?: number;
  placeholder?: string;
  error?: ReactNode;
}) {
  return (
    <NumberInput
      {...rest}
      {...(share ? { suffix: ' %', min: 0, max: 100, decimalScale: 0 } : {})}
      {...(cents ? { decimalScale: 2, fixedDecimalScale: true } : {})}
      allowNegative={false}
      thousandSeparator=","
      hideControls
      value={value === undefined ? '' : share ? Math.round(value * 100) : value}
      onChange={(next) => {
        if (typeof next === 'number') change(share ? next / 100 : next);
        else if (next === '') change(undefined);
      }}
    />
  );
}

/** dashboard/ui/drawn: the charts that are drawn on axes, and the library that draws them: loaded where one is shown. */
import '@mantine/charts/styles.css';
import { BarChart, LineChart } from '@mantine/charts';
import { colourOf, type Series } from './hues.ts';

const HIGH = 200;
/** A few days do not make bars as broad as the page. */
const WIDEST_BAR = 56;
/** Five names below are enough to read a time off, and do not touch each other. */
const TICKS = 5;
const HOUR_MS = 3_600_000;

const dayOf = new Intl.DateTimeFormat('en-US', { month: 'short', day: 'numeric' });
const hourOf = new Intl.DateTimeFormat('en-US', { weekday: 'short', hour: 'numeric' });

interface Props {
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
}

const rowOf = (series: readonly Series[], at: number): Record<string, number | null> =>
  Object.fromEntries(series.map(({ name, values }) => [name, values[at] ?? null]));

const seriesOf = (series: readonly Series[]) =>
  series.map(({ name, hue }) => ({ name, color: colourOf(hue) }));

/** The sentence and the table beside a picture say it to whoever cannot see it; the picture takes no focus. */
const COMMON = {
  h: HIGH,
  dataKey: 'at',
  accessibilityLayer: false,
  gridColor: 'var(--edge)',
  textColor: 'var(--ink-2)',
  tickLine: 'none',
  strokeDasharray: '0',
} as const;

export function Bars({ labels, series, format }: Props & { labels: readonly string[] }) {
  return (
    <BarChart
      {...COMMON}
      type="stacked"
      data={labels.map((at, index) => ({ at, ...rowOf(series, index) }))}
      series={seriesOf(series)}
      valueFormatter={format}
      maxBarWidth={WIDEST_BAR}
      xAxisProps={{ minTickGap: 24 }}
      yAxisProps={{ width: 56, allowDecimals: false }}
    />
  );
}

export function Lines({
  instants,
  series,
  format,
  scale,
}: Props & { instants: readonly string[]; scale: readonly [number, number] | undefined }) {
  const times = instants.map((at) => Date.parse(at));
  const first = times[0] ?? 0;
  const span = Math.max(1, (times.at(-1) ?? 0) - first);
  const name = span > 4 * 24 * HOUR_MS ? dayOf : hourOf;
  return (
    <LineChart
      {...COMMON}
      data={times.map((at, index) => ({ at, ...rowOf(series, index) }))}
      series={seriesOf(series)}
      valueFormatter={format}
      withDots={false}
      curveType="linear"
      connectNulls={false}
      tooltipProps={{ labelFormatter: (at) => (typeof at === 'number' ? hourOf.format(at) : '') }}
      xAxisProps={{
        type: 'number',
        scale: 'time',
        domain: ['dataMin', 'dataMax'],
        ticks: Array.from({ length: TICKS }, (_, tick) => first + (tick * span) / (TICKS - 1)),
        tickFormatter: (at: number) => name.format(at),
        minTickGap: 24,
      }}
      yAxisProps={{ width: 56, ...(scale ? { domain: [...scale] } : {}) }}
    />
  );
}

/** dashboard/ui/charts: numbers as pictures, each with a sentence for who cannot see it and a table for who wants the figures. */
import './charts.css';
import type { ReactNode } from 'react';
import { formatCount } from '../format.ts';
import { niceTop } from './scale.ts';

/** The colours of a series; each keeps 3:1 against its ground in both schemes, and is never the only sign. */
export type Hue = 'accent' | 'good' | 'fair' | 'slow' | 'quiet' | 'caller';

export interface Figures {
  readonly columns: readonly string[];
  /** The first cell of a row is its name. */
  readonly rows: readonly (readonly string[])[];
}

/** A picture with its sentence, and behind it the same as a table. */
export function Chart({
  says,
  figures,
  children,
}: {
  /** What one sees in it. */
  says: string;
  figures: Figures;
  children: ReactNode;
}) {
  return (
    <figure className="chart">
      <div role="img" aria-label={says}>
        {children}
      </div>
      <details className="chart-table">
        <summary className="small">As a table</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
        <section className="chart-rows" aria-label={says} tabIndex={0}>
          <table>
            <thead>
              <tr>
                {figures.columns.map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {figures.rows.map(([name, ...cells]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  {cells.map((cell, column) => (
                    <td key={figures.columns[column + 1]} className="num">
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </figure>
  );
}

export interface Part {
  readonly name: string;
  readonly value: number;
  readonly hue: Hue;
}

/** One bar cut into its parts; the names and counts stand below, so it needs no table. */
export function PartsBar({
  what,
  parts,
  legend = true,
}: {
  what: string;
  parts: readonly Part[];
  legend?: boolean;
}) {
  const total = parts.reduce((sum, part) => sum + part.value, 0);
  const says = `${what}: ${parts.map(({ name, value }) => `${formatCount(value)} ${name}`).join(', ')}`;
  return (
    <div className="parts">
      <div className="parts-bar" role="img" aria-label={says}>
        {parts.map(({ name, value, hue }) =>
          value > 0 ? (
            <span
              key={name}
              data-hue={hue}
              style={{ flexGrow: value / total }}
              title={`${formatCount(value)} ${name}`}
            />
          ) : null,
        )}
      </div>
      {legend ? (
        <ul className="parts-legend" aria-hidden="true">
          {parts.map(({ name, value, hue }) => (
            <li key={name}>
              <span className="swatch" data-hue={hue} />
              <strong className="num">{formatCount(value)}</strong> {name}
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

export interface Line {
  readonly name: string;
  readonly hue: Hue;
  readonly values: readonly number[];
}

const WIDE = 600;
const HIGH = 180;

const day = new Intl.DateTimeFormat('en-US', { month: 'short', day: 'numeric' });
const hourOfDay = new Intl.DateTimeFormat('en-US', { weekday: 'short', hour: 'numeric' });
const HOUR_MS = 3_600_000;
/** Five names below are enough to read a time off, and do not touch each other. */
const TICKS = [0, 0.25, 0.5, 0.75, 1] as const;

/** Values over time, one line for each series; the instants need not be evenly apart. */
export function LineChart({
  says,
  instants,
  lines,
  figures,
}: {
  says: string;
  /** ISO 8601, ascending, at least two. */
  instants: readonly string[];
  lines: readonly Line[];
  figures: Figures;
}) {
  const times = instants.map((at) => Date.parse(at));
  const first = times[0] ?? 0;
  const span = Math.max(1, (times.at(-1) ?? 0) - first);
  const top = niceTop(Math.max(0, ...lines.flatMap((line) => line.values)));
  const x = (index: number) => (((times[index] ?? first) - first) / span) * WIDE;
  const y = (value: number) => HIGH - (value / top) * HIGH;
  const points = (values: readonly number[]) =>
    values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const name = span > 4 * 24 * HOUR_MS ? day : hourOfDay;
  return (
    <Chart says={says} figures={figures}>
      <div className="plot">
        <div className="plot-y">
          {[1, 0.5, 0].map((part) => (
            <span key={part} className="num" style={{ top: `${(1 - part) * 100}%` }}>
              {formatCount(top * part)}
            </span>
          ))}
        </div>
        <svg viewBox={`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" aria-hidden="true">
          {TICKS.map((part) => (
            <line key={part} className="plot-mark" x1={0} x2={WIDE} y1={part * HIGH} y2={part * HIGH} />
          ))}
          {lines.map(({ name: series, hue, values }, order) => (
            <g key={series} data-hue={hue}>
              <polygon points={`0,${HIGH} ${points(values)} ${WIDE},${HIGH}`} />
              <polyline points={points(values)} strokeDasharray={order === 0 ? undefined : '7 4'} />
            </g>
          ))}
        </svg>
        <div className="plot-x">
          {TICKS.map((part) => (
            <span
              key={part}
              data-narrow={part === 0 || part === 1 || undefined}
              data-edge={part === 0 ? 'first' : part === 1 ? 'last' : undefined}
              style={{ left: `${part * 100}%` }}
            >
              {name.format(first + part * span)}
            </span>
          ))}
        </div>
      </div>
      <ul className="parts-legend">
        {lines.map(({ name: series, hue }, order) => (
          <li key={series}>
            <span className="swatch" data-line={order === 0 ? 'whole' : 'dashed'} data-hue={hue} />
            {series}
          </li>
        ))}
      </ul>
    </Chart>
  );
}

/** A few days do not make bars as broad as the page. */
const WIDEST_BAR_REM = 4;

/** Values of days side by side; the second series stands within the first. */
export function BarsChart({
  says,
  labels,
  whole,
  part,
  figures,
}: {
  says: string;
  labels: readonly string[];
  whole: Line;
  part: Line;
  figures: Figures;
}) {
  const top = niceTop(Math.max(0, ...whole.values));
  const percent = (value: number) => `${(value / top) * 100}%`;
  const ends = [...new Set([0, labels.length - 1])];
  return (
    <Chart says={says} figures={figures}>
      <div className="plot" style={{ maxWidth: `${labels.length * WIDEST_BAR_REM + 3}rem` }}>
        <div className="plot-y">
          {[1, 0.5, 0].map((share) => (
            <span key={share} className="num" style={{ top: `${(1 - share) * 100}%` }}>
              {formatCount(top * share)}
            </span>
          ))}
        </div>
        <div className="plot-bars">
          {labels.map((label, index) => {
            const all = whole.values[index] ?? 0;
            const some = part.values[index] ?? 0;
            return (
              <span
                key={label}
                className="plot-day"
                title={`${label}: ${formatCount(all)} ${whole.name}, ${formatCount(some)} ${part.name}`}
              >
                <span data-hue={whole.hue} style={{ height: percent(all) }} />
                <span data-hue={part.hue} style={{ height: percent(some) }} />
              </span>
            );
          })}
        </div>
        <div className="plot-x">
          {ends.map((index) => (
            <span
              key={index}
              data-narrow
              data-edge={index === 0 ? 'first' : 'last'}
              style={{ left: index === 0 ? 0 : '100%' }}
            >
              {labels[index]}
            </span>
          ))}
        </div>
      </div>
      <ul className="parts-legend">
        {[whole, part].map(({ name, hue }) => (
          <li key={name}>
            <span className="swatch" data-hue={hue} />
            {name}
          </li>
        ))}
      </ul>
    </Chart>
  );
}

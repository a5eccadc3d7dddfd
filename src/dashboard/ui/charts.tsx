/** dashboard/ui/charts: numbers as pictures, each with a sentence for who cannot see it and a table for who wants the figures. */
import './charts.css';
import { Progress } from '@mantine/core';
import { lazy, type ReactNode, Suspense } from 'react';
import { formatCount } from '../format.ts';
import { colourOf, type Hue, type Series } from './hues.ts';

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
              {figures.rows.map(([name, ...cells], row) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: where clocks go back two hours have one name
                <tr key={row}>
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
      <Progress.Root size="0.875rem" radius={5} role="img" aria-label={says}>
        {parts.map(({ name, value, hue }) =>
          value > 0 ? (
            <Progress.Section
              key={name}
              className="parts-section"
              value={(value / total) * 100}
              color={colourOf(hue)}
              withAria={false}
              title={`${formatCount(value)} ${name}`}
            />
          ) : null,
        )}
      </Progress.Root>
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

/** What draws on axes is loaded by the pages that show such a picture, when they do. */
const drawn = () => import('./drawn.tsx');
const Bars = lazy(() => drawn().then((file) => ({ default: file.Bars })));
const Lines = lazy(() => drawn().then((file) => ({ default: file.Lines })));

/** Figures side by side, as parts of one bar each. */
export function BarsChart({
  says,
  labels,
  series,
  figures,
  format = formatCount,
}: {
  says: string;
  labels: readonly string[];
  series: readonly Series[];
  figures: Figures;
  format?: (value: number) => string;
}) {
  return (
    <Plot says={says} figures={figures} series={series}>
      <Bars labels={labels} series={series} format={format} />
    </Plot>
  );
}

/** Values over time, one line for each series; the instants need not be evenly apart. */
export function LineChart({
  says,
  instants,
  series,
  figures,
  format = formatCount,
  scale,
}: {
  says: string;
  /** ISO 8601, ascending, at least two. */
  instants: readonly string[];
  series: readonly Series[];
  figures: Figures;
  format?: (value: number) => string;
  /** The lowest and the highest that there can be; without it, 0 and what is needed. */
  scale?: readonly [number, number];
}) {
  return (
    <Plot says={says} figures={figures} series={series}>
      <Lines instants={instants} series={series} format={format} scale={scale} />
    </Plot>
  );
}

function Plot({
  says,
  figures,
  series,
  children,
}: {
  says: string;
  figures: Figures;
  series: readonly Series[];
  children: ReactNode;
}) {
  return (
    <Chart says={says} figures={figures}>
      <div className="plot">
        <Suspense fallback={null}>{children}</Suspense>
      </div>
      {series.length > 1 ? (
        <ul className="parts-legend">
          {series.map(({ name, hue }) => (
            <li key={name}>
              <span className="swatch" data-hue={hue} />
              {name}
            </li>
          ))}
        </ul>
      ) : null}
    </Chart>
  );
}

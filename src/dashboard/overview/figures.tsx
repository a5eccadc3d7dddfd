/** dashboard/overview/figures: the figures of a stretch of time, in boxes, over time, and by what came of the calls. */
import { Progress, SegmentedControl } from '@mantine/core';
import { Link, type LinkProps } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { CallSummary, Overview, OverviewPeriod } from '../../contract/index.ts';
import { count, formatCount, formatDate, formatMoney, formatShare, spokenLength } from '../format.ts';
import { BarsChart, LineChart, PartsBar } from '../ui/charts.tsx';
import { Panel } from '../ui/pieces.tsx';
import { type Tile, Tiles } from '../ui/tile.tsx';
import { MOOD, moodOf, OUTCOME, REASON, STATUS } from '../words.ts';

interface Days {
  readonly from: string;
  readonly to: string;
}

export function Figures({ overview, days }: { overview: Overview; days: Days }) {
  const { now } = overview;
  return (
    <div className="overview">
      <Tiles tiles={tilesOf(overview, days)} />
      <OverTime overview={overview} />
      <div className="overview-two">
        <Panel id="outcomes" title="What came of the talks">
          <Shares
            rows={now.outcomes.map(({ outcome, calls }) => ({
              name: OUTCOME[outcome].label,
              calls,
              link: { to: '/calls', search: { outcome, ...days } },
            }))}
            none="No call has come to an end yet."
          />
        </Panel>
        <Panel id="statuses" title="On the line">
          <Shares
            rows={now.statuses
              .filter(({ status }) => status !== 'denied')
              .map(({ status, calls }) => ({
                name: STATUS[status].label,
                calls,
                link: { to: '/calls', search: { status, direction: 'outbound', ...days } },
              }))}
            none="Nobody was called."
          />
        </Panel>
        <Panel id="mood" title="Mood of the calls">
          <Mood period={now} days={days} />
        </Panel>
        <Panel id="denials" title="Refused by the gate">
          <Shares
            rows={now.denials.map(({ reason, calls }) => ({
              name: REASON[reason],
              calls,
              link: { to: '/compliance/decisions', search: { verdict: 'deny', reason, ...days } },
            }))}
            none="The gate refused nobody."
          />
        </Panel>
      </div>
    </div>
  );
}

/** What it was before, and how much more or less it is now. */
function Before({ now, before, say }: { now: number; before: number; say: (value: number) => string }) {
  const change = before === 0 ? undefined : (now - before) / before;
  return (
    <>
      {say(before)} before
      {change === undefined || Math.round(change * 100) === 0 ? null : (
        <>
          {' · '}
          <span className="num">
            {change > 0 ? '+' : '−'}
            {formatShare(Math.abs(change))}
          </span>
        </>
      )}
    </>
  );
}

function tilesOf({ now, before }: Overview, days: Days): readonly Tile[] {
  const figure = (
    name: string,
    of: (period: OverviewPeriod) => number,
    link: LinkProps,
    say: (value: number) => string = formatCount,
  ): Tile => ({
    name,
    value: <Link {...link}>{say(of(now))}</Link>,
    detail: <Before now={of(now)} before={of(before)} say={say} />,
  });
  const ofOutcome = (outcome: keyof typeof OUTCOME) => (period: OverviewPeriod) =>
    period.outcomes.find((row) => row.outcome === outcome)?.calls ?? 0;
  const rate = (period: OverviewPeriod): string =>
    period.connectRate === null ? '–' : formatShare(period.connectRate);
  return [
    figure('Calls placed', ({ outbound, denied }) => outbound + denied, {
      to: '/calls',
      search: { direction: 'outbound', ...days },
    }),
    figure('Refused by the gate', ({ denied }) => denied, {
      to: '/calls',
      search: { status: 'denied', ...days },
    }),
    {
      name: 'Connected',
      value: (
        <Link to="/calls" search={{ direction: 'outbound', status: 'completed', ...days }}>
          {rate(now)}
        </Link>
      ),
      detail: `${count(now.connected, 'call')} · ${rate(before)} before`,
    },
    figure('Calls received', ({ inbound }) => inbound, {
      to: '/calls',
      search: { direction: 'inbound', ...days },
    }),
    figure('Qualified', ofOutcome('qualified'), { to: '/calls', search: { outcome: 'qualified', ...days } }),
    figure('Leads', ({ leads }) => leads, { to: '/leads', search: days }),
    figure('Opt-outs', ({ optOuts }) => optOuts, {
      to: '/compliance/do-not-call',
      search: { scope: 'internal', ...days },
    }),
    figure('Cost', ({ cost }) => cost, { to: '/calls', search: days }, formatMoney),
  ];
}

const MEASURES = {
  calls: 'Calls',
  rate: 'Connected',
  mood: 'Mood',
  cost: 'Cost',
} as const;
type Measure = keyof typeof MEASURES;

const hourName = new Intl.DateTimeFormat('en-US', { hour: 'numeric' });
const dayHour = new Intl.DateTimeFormat('en-US', { weekday: 'short', hour: 'numeric' });
const dayName = new Intl.DateTimeFormat('en-US', { month: 'short', day: 'numeric' });
const DAY_MS = 86_400_000;

const moodWords = (value: number): string => value.toFixed(2);

function OverTime({ overview: { step, steps } }: { overview: Overview }) {
  const [measure, setMeasure] = useState<Measure>('calls');
  const first = Date.parse(steps[0]?.from ?? '');
  const severalDays = Date.parse(steps.at(-1)?.from ?? '') - first >= DAY_MS;
  const name = step === 'day' ? dayName : severalDays ? dayHour : hourName;
  const labels = steps.map(({ from }) => name.format(new Date(from)));
  return (
    <Panel
      id="over-time"
      title={step === 'day' ? 'Day by day' : 'Hour by hour'}
      aside={
        <SegmentedControl
          size="xs"
          aria-label="What is drawn"
          data={(Object.keys(MEASURES) as Measure[]).map((value) => ({ value, label: MEASURES[value] }))}
          value={measure}
          onChange={(value) => setMeasure(value as Measure)}
        />
      }
    >
      <Drawn measure={measure} steps={steps} labels={labels} />
    </Panel>
  );
}

function Drawn({
  measure,
  steps,
  labels,
}: {
  measure: Measure;
  steps: readonly CallSummary[];
  labels: readonly string[];
}) {
  const sum = (of: (step: CallSummary) => number): number => steps.reduce((all, step) => all + of(step), 0);
  const figures = {
    columns: ['From', 'Placed', 'Received', 'Refused', 'Connected', 'Mood', 'Cost'],
    rows: steps.map((step, index) => [
      labels[index] ?? formatDate(step.from),
      formatCount(step.outbound),
      formatCount(step.inbound),
      formatCount(step.denied),
      step.connectRate === null ? '–' : formatShare(step.connectRate),
      step.mood.average === null ? '–' : moodWords(step.mood.average),
      formatMoney(step.cost),
    ]),
  };
  switch (measure) {
    case 'calls':
      return (
        <BarsChart
          says={`${count(
            sum((step) => step.outbound),
            'call',
          )} placed, ${formatCount(sum((step) => step.inbound))} received, ${formatCount(sum((step) => step.denied))} refused by the gate.`}
          labels={labels}
          series={[
            { name: 'Placed', hue: 'accent', values: steps.map(({ outbound }) => outbound) },
            { name: 'Received', hue: 'caller', values: steps.map(({ inbound }) => inbound) },
            { name: 'Refused by the gate', hue: 'slow', values: steps.map(({ denied }) => denied) },
          ]}
          figures={figures}
        />
      );
    case 'cost':
      return (
        <BarsChart
          says={`It cost ${formatMoney(sum(({ cost }) => cost))}.`}
          labels={labels}
          series={[{ name: 'Cost', hue: 'accent', values: steps.map(({ cost }) => cost) }]}
          figures={figures}
          format={formatMoney}
        />
      );
    case 'rate':
      return (
        <Known
          says="The share of placed calls that were answered, over time."
          name="Connected"
          steps={steps}
          of={({ connectRate }) => connectRate}
          figures={figures}
          format={formatShare}
          scale={[0, 1]}
        />
      );
    case 'mood':
      return (
        <Known
          says="The average mood of calls over time, from -1 to 1."
          name="Mood"
          steps={steps}
          of={({ mood }) => mood.average}
          figures={figures}
          format={moodWords}
          scale={[-1, 1]}
        />
      );
  }
}

/** A line through the steps of which something is known. */
function Known({
  says,
  name,
  steps,
  of,
  figures,
  format,
  scale,
}: {
  says: string;
  name: string;
  steps: readonly CallSummary[];
  of: (step: CallSummary) => number | null;
  figures: { columns: readonly string[]; rows: readonly (readonly string[])[] };
  format: (value: number) => string;
  scale: readonly [number, number];
}) {
  const known = steps.filter((step) => of(step) !== null);
  if (known.length < 2) return <p className="muted">Too little is known yet to draw a line.</p>;
  return (
    <LineChart
      says={says}
      instants={known.map(({ from }) => from)}
      series={[{ name, hue: 'accent', values: known.map(of) }]}
      figures={figures}
      format={format}
      scale={scale}
    />
  );
}

/** Names with their counts and the share of the whole, each a link to what it counts. */
function Shares({
  rows,
  none,
}: {
  rows: readonly { readonly name: string; readonly calls: number; readonly link: LinkProps }[];
  none: string;
}) {
  const all = rows.reduce((sum, { calls }) => sum + calls, 0);
  if (all === 0) return <p className="muted">{none}</p>;
  return (
    <ul className="shares">
      {rows.map(({ name, calls, link }) => (
        <li key={name}>
          <Link {...link}>{name}</Link>
          <span className="num">
            <strong>{formatCount(calls)}</strong>{' '}
            <span className="muted small">{formatShare(calls / all)}</span>
          </span>
          <Progress value={(calls / all) * 100} color="var(--accent)" size={6} aria-hidden="true" />
        </li>
      ))}
    </ul>
  );
}

const MOODS = [
  ['good', 'good'],
  ['neutral', 'quiet'],
  ['bad', 'slow'],
] as const;

function Mood({ period: { mood, talkSec }, days }: { period: OverviewPeriod; days: Days }): ReactNode {
  if (mood.average === null) return <p className="muted">No call was analysed yet.</p>;
  return (
    <div className="mood">
      <p>
        <strong>{moodOf(mood.average).label}</strong> on average ({moodWords(mood.average)} on a scale from −1
        to 1), in {spokenLength(Math.round(talkSec / 60) * 60)} of talk.
      </p>
      <PartsBar
        what="Calls"
        parts={MOODS.map(([key, hue]) => ({ name: MOOD[key].label.toLowerCase(), value: mood[key], hue }))}
        legend={false}
      />
      <ul className="parts-legend">
        {MOODS.map(([key, hue]) => (
          <li key={key}>
            <span className="swatch" data-hue={hue} />
            <Link to="/calls" search={{ mood: key, ...days }}>
              {formatCount(mood[key])} {MOOD[key].label.toLowerCase()}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** dashboard/campaign/performance: what came of a campaign: the way to a deal, what it costs, when people answer. */
import './performance.css';
import { Progress, Stack } from '@mantine/core';
import { IconChartBar } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import type { Performance } from '../../contract/index.ts';
import { count, formatCount, formatLength, formatMoney, formatShare, humanise } from '../format.ts';
import { performanceQuery } from '../queries.ts';
import { BarsChart } from '../ui/charts.tsx';
import { Ago, Panel, Pill } from '../ui/pieces.tsx';
import { Empty, ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { Tiles } from '../ui/tile.tsx';
import { HeatMap } from './heat-map.tsx';
import { outcomeWord } from './words.ts';

export function CampaignPerformance() {
  const { campaignId } = useParams({ from: '/campaigns/$campaignId' });
  const performance = useQuery(performanceQuery(campaignId));
  const { data } = performance;
  return (
    <>
      {performance.error ? <ErrorNote error={performance.error} retry={() => performance.refetch()} /> : null}
      {performance.isPending ? <RowsSkeleton /> : null}
      {data ? (
        data.metrics.leadsReceived === 0 ? (
          <Empty icon={<IconChartBar size={36} stroke={1.4} />} title="Nothing to tell yet">
            Figures come with the first leads.
          </Empty>
        ) : (
          <Figures performance={data} />
        )
      ) : null}
    </>
  );
}

/** A mood of -1..1 in a word, with its number. */
const mood = (value: number): string =>
  `${value > 0.25 ? 'Good' : value < -0.25 ? 'Bad' : 'Even'} (${value.toFixed(2)})`;
/** 19.7 → "19.7 times": so often the cost came back as profit. */
const times = (value: number): string =>
  `${value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 })} ×`;

function Figures({ performance }: { performance: Performance }) {
  const { metrics, funnel, outcomes, hours, days, messages } = performance;
  return (
    <Stack gap="md">
      <Metrics metrics={metrics} />
      <div className="performance-two">
        <Panel id="funnel" title="The way to a deal">
          <Funnel steps={funnel} />
        </Panel>
        <Panel id="hours" title="When people answer">
          {hours.length > 0 ? <HeatMap hours={hours} /> : <p className="muted">No calls yet.</p>}
        </Panel>
      </div>
      <Panel id="days" title="Day by day">
        {days.length > 0 ? <Days days={days} /> : <p className="muted">No calls yet.</p>}
      </Panel>
      <div className="performance-two">
        <Panel id="outcomes" title="How calls came out">
          <Outcomes outcomes={outcomes} />
        </Panel>
        <Panel id="messages" title="Messages">
          <Messages messages={messages} />
        </Panel>
      </div>
      <p className="small muted">
        Computed <Ago at={performance.computedAt} /> from calls, leads and messages.
      </p>
    </Stack>
  );
}

function Metrics({ metrics }: { metrics: Performance['metrics'] }) {
  const money = (value: number | undefined) => (value === undefined ? '–' : formatMoney(value));
  const tiles: readonly (readonly [name: string, value: string, detail?: string])[] = [
    ['Return on the cost', metrics.roi === undefined ? '–' : times(metrics.roi), '(revenue − cost) / cost'],
    ['Cost of a lead', money(metrics.costPerLead), count(metrics.leadsReceived, 'lead')],
    ['Cost of a deal', money(metrics.costPerDeal), count(metrics.dealsClosed, 'deal')],
    ['Cost', formatMoney(metrics.totalCost), `Revenue ${formatMoney(metrics.totalRevenue)}`],
    [
      'Deals of all leads',
      metrics.conversionRate === undefined ? '–' : formatShare(metrics.conversionRate),
      `${formatCount(metrics.dealsClosed)} of ${formatCount(metrics.leadsReceived)}`,
    ],
    [
      'Talk',
      metrics.avgCallDuration === undefined ? '–' : formatLength(metrics.avgCallDuration),
      count(metrics.conversationsCompleted, 'conversation'),
    ],
    [
      'Score',
      metrics.avgQualificationScore === undefined ? '–' : metrics.avgQualificationScore.toFixed(2),
      'of 1, on average',
    ],
    ['Mood', metrics.avgSentiment === undefined ? '–' : mood(metrics.avgSentiment), 'on average'],
  ];
  return <Tiles tiles={tiles.map(([name, value, detail]) => ({ name, value, detail }))} />;
}

/** A step of the way and the share of the first that came so far: words and figures, so it needs no table. */
function Funnel({ steps }: { steps: Performance['funnel'] }) {
  return (
    <ol className="funnel">
      {steps.map(({ step, leads, ofFirst }, index) => {
        const before = steps[index - 1]?.leads;
        return (
          <li key={step}>
            <span className="funnel-name">{humanise(step)}</span>
            <span className="funnel-count num">
              <strong>{formatCount(leads)}</strong>{' '}
              <span className="muted small">
                {index === 0
                  ? ''
                  : `${formatShare(ofFirst)} of all${before ? `, ${formatShare(leads / before)} of the step before` : ''}`}
              </span>
            </span>
            <Progress
              className="funnel-bar"
              value={Math.max(leads > 0 ? 1 : 0, ofFirst * 100)}
              size="0.625rem"
              color="var(--accent)"
              aria-hidden="true"
            />
          </li>
        );
      })}
    </ol>
  );
}

const dayName = new Intl.DateTimeFormat('en-US', { month: 'short', day: 'numeric', timeZone: 'UTC' });

function Days({ days }: { days: Performance['days'] }) {
  const labels = days.map(({ day }) => dayName.format(new Date(`${day}T00:00:00Z`)));
  const calls = days.reduce((sum, one) => sum + one.calls, 0);
  const answered = days.reduce((sum, one) => sum + one.answered, 0);
  return (
    <BarsChart
      says={`${count(calls, 'call')} on ${count(days.length, 'day')}, ${formatCount(answered)} of them answered.`}
      labels={labels}
      series={[
        { name: 'Answered', hue: 'accent', values: days.map((one) => one.answered) },
        { name: 'Not answered', hue: 'quiet', values: days.map((one) => one.calls - one.answered) },
      ]}
      figures={{
        columns: ['Day', 'Calls', 'Answered', 'Qualified', 'Cost'],
        rows: days.map((one, index) => [
          labels[index] ?? one.day,
          formatCount(one.calls),
          formatCount(one.answered),
          formatCount(one.qualified),
          formatMoney(one.cost),
        ]),
      }}
    />
  );
}

function Outcomes({ outcomes }: { outcomes: Performance['outcomes'] }) {
  if (outcomes.length === 0) return <p className="muted">No calls yet.</p>;
  return (
    <div className="table-plain">
      <table>
        <thead>
          <tr>
            <th scope="col">Outcome</th>
            <th scope="col">Calls</th>
            <th scope="col">Talk</th>
            <th scope="col">Mood</th>
            <th scope="col">Cost</th>
          </tr>
        </thead>
        <tbody>
          {outcomes.map((one) => (
            <tr key={one.outcome}>
              <th scope="row">
                <Pill word={outcomeWord(one.outcome)} />
              </th>
              <td className="num">{formatCount(one.calls)}</td>
              <td className="num">{one.avgDuration ? formatLength(one.avgDuration) : '–'}</td>
              <td className="num">{one.avgSentiment === undefined ? '–' : one.avgSentiment.toFixed(2)}</td>
              <td className="num">{formatMoney(one.cost)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Messages({ messages }: { messages: Performance['messages'] }) {
  if (messages.length === 0) return <p className="muted">None was sent yet.</p>;
  return (
    <div className="table-plain">
      <table>
        <thead>
          <tr>
            <th scope="col">Template</th>
            <th scope="col">Sent</th>
            <th scope="col">Delivered</th>
            <th scope="col">Failed</th>
          </tr>
        </thead>
        <tbody>
          {messages.map((one) => (
            <tr key={`${one.channel} ${one.template}`}>
              <th scope="row">
                {one.template}
                <span className="aside-detail">{one.channel === 'sms' ? 'Text' : 'E-mail'}</span>
              </th>
              <td className="num">{formatCount(one.sent)}</td>
              <td className="num">{formatCount(one.delivered)}</td>
              <td className="num">{formatCount(one.failed)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

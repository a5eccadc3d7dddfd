/** dashboard/campaign/forecast: what a start would bring: who can be called, who not and why, when it ends, what it costs. */
import { Button, Progress, Stack } from '@mantine/core';
import { IconChartLine, IconRefresh } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { Forecast } from '../../contract/index.ts';
import { api } from '../api.ts';
import { count, formatCount, formatMoment, formatMoney } from '../format.ts';
import { forecastQuery, keys } from '../queries.ts';
import { LineChart, PartsBar } from '../ui/charts.tsx';
import { Ago, Facts, Notice, Panel, useNow } from '../ui/pieces.tsx';
import { Empty, ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { LIMITED_BY, reasonWords, STOPS_BY } from './words.ts';

/** An old forecast says little: leads, lists and consents change. */
const OLD_MS = 60 * 60_000;

export function ForecastTab() {
  const { campaignId } = useParams({ from: '/campaigns/$campaignId' });
  return <ForecastPanel campaignId={campaignId} />;
}

export function ForecastPanel({ campaignId }: { campaignId: string }) {
  const forecast = useQuery(forecastQuery(campaignId));
  const queries = useQueryClient();
  const now = useNow(60_000);
  const make = useMutation({
    mutationFn: () => api.startForecast(campaignId),
    onSuccess: (begun) => queries.setQueryData(keys.forecast(campaignId), begun),
  });
  const { data } = forecast;
  const running = data?.state === 'running';
  const old = data?.state === 'done' && now - Date.parse(data.startedAt) > OLD_MS;
  const button = (
    <Button
      size="xs"
      variant={data ? 'default' : 'filled'}
      leftSection={data ? <IconRefresh size={15} /> : <IconChartLine size={15} />}
      loading={make.isPending}
      disabled={running}
      onClick={() => make.mutate()}
    >
      {data ? 'Ask the gate again' : 'Make a forecast'}
    </Button>
  );
  return (
    <Panel id="forecast" title="Forecast" aside={data ? button : null}>
      {forecast.error ? <ErrorNote error={forecast.error} retry={() => forecast.refetch()} /> : null}
      {make.error ? <ErrorNote error={make.error} /> : null}
      {forecast.isPending ? <RowsSkeleton rows={3} /> : null}
      {data === null ? (
        <Empty icon={<IconChartLine size={36} stroke={1.4} />} title="No forecast yet" action={button}>
          The gate is asked about every lead, as if it were called. Nobody is.
        </Empty>
      ) : null}
      {running ? <Running forecast={data} /> : null}
      {data?.state === 'failed' ? (
        <Notice tone="bad" alert title="The forecast could not be made">
          <p>{data.summary}</p>
        </Notice>
      ) : null}
      {data?.state === 'done' ? <Made forecast={data} old={old} /> : null}
    </Panel>
  );
}

function Running({ forecast: { progress } }: { forecast: Forecast }) {
  const share = progress.total > 0 ? (progress.done / progress.total) * 100 : 0;
  return (
    <Stack gap="xs">
      <Progress value={share} aria-label="Leads asked about" />
      <p role="status">
        The gate was asked about {formatCount(progress.done)} of {formatCount(progress.total)} leads …
      </p>
    </Stack>
  );
}

const rounded = (value: number): string => formatCount(Math.round(value));

function Made({ forecast, old }: { forecast: Forecast; old: boolean }) {
  const { leads, callable, callableNow, curve } = forecast;
  const later = callable - callableNow;
  const last = curve.at(-1);
  if (leads === 0) {
    return (
      <Notice tone="warn" title={forecast.summary}>
        <p>Bring in leads, give some to it, or ask for less when you edit it.</p>
      </Notice>
    );
  }
  return (
    <Stack gap="md">
      <Notice tone={callable > 0 ? 'info' : 'warn'} title={forecast.summary}>
        <p className="small">
          Made <Ago at={forecast.startedAt} />.{' '}
          {old ? 'Leads, lists and consents may have changed since.' : null}
        </p>
      </Notice>
      <PartsBar
        what={count(leads, 'lead')}
        parts={[
          { name: 'can be called now', value: callableNow, hue: 'good' },
          { name: 'later, without anybody doing anything', value: later, hue: 'caller' },
          { name: 'cannot be called', value: leads - callable, hue: 'slow' },
        ]}
      />
      <div className="reasons-two">
        <Reasons title="Later, and why" shares={forecast.waiting} />
        <Reasons title="Not, and why" shares={forecast.barred} />
      </div>
      {curve.length > 1 && last ? (
        <div>
          <h3>What is expected</h3>
          <LineChart
            says={`Expected until ${formatMoment(last.at)}: ${rounded(last.calls)} calls, ${rounded(last.reached)} people reached.`}
            instants={curve.map(({ at }) => at)}
            series={[
              { name: 'Calls', hue: 'accent', values: curve.map(({ calls }) => calls) },
              { name: 'People reached', hue: 'caller', values: curve.map(({ reached }) => reached) },
            ]}
            figures={{
              columns: ['Until', 'Calls', 'Reached'],
              rows: curve.map(({ at, calls, reached }) => [
                formatMoment(at),
                rounded(calls),
                rounded(reached),
              ]),
            }}
          />
        </div>
      ) : null}
      {forecast.calls > 0 ? (
        <Facts
          entries={[
            ['Calls', `About ${rounded(forecast.calls)}`],
            ['Costs', `About ${formatMoney(forecast.cost)}`],
            ['Finish', forecast.finishAt ? formatMoment(forecast.finishAt) : undefined],
            ['No finish', forecast.stopsBy ? STOPS_BY[forecast.stopsBy] : undefined],
            ['Pace set by', LIMITED_BY[forecast.limitedBy]],
          ]}
        />
      ) : null}
      {forecast.calls > 0 && forecast.assumptions.length > 0 ? (
        <div>
          <h3>What was assumed</h3>
          <ul className="assumptions small">
            {forecast.assumptions.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </div>
      ) : null}
    </Stack>
  );
}

type Share = Forecast['waiting'][number];

/** Reasons with how many leads each holds; some of them by name. */
function Reasons({ title, shares }: { title: string; shares: readonly Share[] }) {
  if (shares.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <ul className="reasons">
        {shares.map(({ reason, explanation, leads, from, examples }) => (
          <li key={reason}>
            <details>
              <summary>
                <strong className="num">{formatCount(leads)}</strong> {reasonWords(reason)}
              </summary>
              <p className="small">{explanation}</p>
              {from ? <p className="small">The first of them from {formatMoment(from)}.</p> : null}
              {examples.length > 0 ? (
                <ul className="examples small" aria-label="Some of them">
                  {examples.map(({ leadId, name }) => (
                    <li key={leadId}>
                      <Link to="/leads/$leadId" params={{ leadId }}>
                        {name}
                      </Link>
                    </li>
                  ))}
                  {leads > examples.length ? <li>and {formatCount(leads - examples.length)} more</li> : null}
                </ul>
              ) : null}
            </details>
          </li>
        ))}
      </ul>
    </div>
  );
}

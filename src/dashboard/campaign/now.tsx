/** dashboard/campaign/now: how a campaign stands at this moment; before its start, what a start would bring. */
import '../lead/lead.css';
import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { Campaign, CampaignWork } from '../../contract/index.ts';
import {
  formatCount,
  formatDate,
  formatMoment,
  formatMoney,
  formatShare,
  spokenLength,
  zoneName,
} from '../format.ts';
import { useLive } from '../live.ts';
import { campaignQuery, workQuery } from '../queries.ts';
import { CallLine } from '../ui/call-line.tsx';
import { PartsBar } from '../ui/charts.tsx';
import { Facts, Notice, Panel, Pill } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import type { Week } from './draft.ts';
import { ForecastPanel } from './forecast.tsx';
import { HoursGrid } from './hours-grid.tsx';
import { progressParts } from './progress.ts';
import { ENDING, reasonWords, STOPPED_BY } from './words.ts';
import { WorkflowPlan } from './workflow-line.tsx';

export function CampaignNow() {
  const { campaignId } = useParams({ from: '/campaigns/$campaignId' });
  const { data: campaign } = useQuery(campaignQuery(campaignId));
  if (!campaign) return null;
  return (
    <div className="call-grid">
      <div className="call-main">
        {campaign.startedAt === undefined ? (
          <ForecastPanel campaignId={campaignId} />
        ) : (
          <Work campaign={campaign} />
        )}
      </div>
      <aside className="call-side" aria-label="About this campaign">
        <Plan campaign={campaign} />
      </aside>
    </div>
  );
}

function Work({ campaign }: { campaign: Campaign }) {
  const work = useQuery(workQuery(campaign.id));
  const { data } = work;
  return (
    <>
      {/* What was read a moment ago is worth more than an error alone. */}
      {work.error ? <ErrorNote error={work.error} retry={() => work.refetch()} /> : null}
      {work.isPending ? <RowsSkeleton /> : null}
      {data ? (
        <>
          {/* Why it is paused stands above the tabs. */}
          {campaign.status === 'paused' && campaign.hold ? null : <Standing work={data} />}
          <People campaign={campaign} work={data} />
          <Waiting campaign={campaign} work={data} />
          <LiveCalls campaignId={campaign.id} />
          <Today campaign={campaign} work={data} />
        </>
      ) : null}
    </>
  );
}

/** What it does now, in one sentence. Its figures change all the time; only what stands in its way is read out. */
function Standing({ work }: { work: CampaignWork }) {
  const { stoppedBy, resumesAt } = work;
  const troubled = stoppedBy === 'database' || stoppedBy === 'budget';
  return (
    <div>
      <Notice tone={stoppedBy === undefined ? 'good' : troubled ? 'warn' : 'info'} title={work.says}>
        {stoppedBy && resumesAt ? (
          <p>
            {STOPPED_BY[stoppedBy].label}. Goes on <strong>{formatMoment(resumesAt)}</strong>.
          </p>
        ) : null}
      </Notice>
      <p className="sr" role="status">
        {stoppedBy ? STOPPED_BY[stoppedBy].label : 'Working'}
      </p>
    </div>
  );
}

function People({ campaign, work }: { campaign: Campaign; work: CampaignWork }) {
  const { counts } = work;
  const params = { campaignId: campaign.id };
  const ended = Object.entries(counts.ended) as [keyof typeof ENDING, number][];
  return (
    <Panel
      id="leads"
      title={`${formatCount(counts.enrolled)} ${counts.enrolled === 1 ? 'lead' : 'leads'}`}
      aside={
        <Link className="small" to="/campaigns/$campaignId/people" params={params}>
          All of them
        </Link>
      }
    >
      <PartsBar what="Leads" parts={progressParts(work)} />
      <p className="exports">
        <Link to="/campaigns/$campaignId/people" params={params} search={{ state: 'due' }}>
          Due now
        </Link>
        <Link to="/campaigns/$campaignId/people" params={params} search={{ state: 'working' }}>
          In progress
        </Link>
        <Link to="/campaigns/$campaignId/people" params={params} search={{ state: 'waiting' }}>
          Waiting
        </Link>
        <Link to="/campaigns/$campaignId/people" params={params} search={{ stage: 'ended' }}>
          Ended
        </Link>
      </p>
      {ended.length > 0 ? (
        <ul className="endings" aria-label="How it ended">
          {ended
            .filter(([, leads]) => leads > 0)
            .sort(([, a], [, b]) => b - a)
            .map(([why, leads]) => (
              <li key={why}>
                <Pill word={ENDING[why]} /> <span className="num">{formatCount(leads)}</span>
              </li>
            ))}
        </ul>
      ) : null}
    </Panel>
  );
}

function Waiting({ campaign, work }: { campaign: Campaign; work: CampaignWork }) {
  if (work.waiting.length === 0) return null;
  return (
    <Panel id="waiting" title="Due, but not taken, and why">
      <ul className="reasons">
        {work.waiting.map(({ reason, explanation, leads, from }) => (
          <li key={reason} className="waiting">
            <Link
              to="/campaigns/$campaignId/people"
              params={{ campaignId: campaign.id }}
              search={{ waiting: reason }}
            >
              <strong className="num">{formatCount(leads)}</strong> {reasonWords(reason)}
            </Link>
            <span className="small muted">
              {from ? `The first may go on ${formatMoment(from)}.` : 'Until something changes.'} {explanation}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function LiveCalls({ campaignId }: { campaignId: string }) {
  const { connection, calls } = useLive();
  const own = calls.filter((call) => call.campaignId === campaignId);
  return (
    <Panel
      id="live"
      title="Calls going on"
      aside={
        own.length > 0 ? (
          <span className="pill" data-tone="live">
            {own.length} live
          </span>
        ) : null
      }
    >
      {connection === 'reconnecting' ? <p className="small muted">Reconnecting …</p> : null}
      {own.length === 0 ? <p className="muted">None at this moment.</p> : null}
      <ul className="call-lines">
        {own.map((call) => (
          <li key={call.id}>
            <CallLine call={call} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const ofLimit = (value: string, limit: string | undefined): string =>
  limit === undefined ? `${value}, no limit` : `${value} of ${limit}`;

function Today({ campaign, work }: { campaign: Campaign; work: CampaignWork }) {
  const { budget, workflow } = campaign;
  const { today, lines, firstContact } = work;
  const money = (amount: number | undefined) => (amount === undefined ? undefined : formatMoney(amount));
  const number = (amount: number | undefined) => (amount === undefined ? undefined : formatCount(amount));
  return (
    <Panel id="today" title="Today">
      <div className="today">
        <Facts
          entries={[
            ['Calls', ofLimit(formatCount(today.calls), number(budget?.maxCallsPerDay))],
            ['New leads', ofLimit(formatCount(today.leads), number(budget?.maxLeadsPerDay))],
            ['Messages', formatCount(today.messages)],
            ['Spent today', formatMoney(today.spent)],
            ['Spent in all', ofLimit(formatMoney(work.spent), money(budget?.totalBudget))],
          ]}
        />
        <Facts
          entries={[
            ['Lines in use', `${formatCount(lines.used)} of ${formatCount(lines.ofCampaign)}`],
            ['Free lines', formatCount(lines.free)],
            [
              'First contact',
              firstContact ? `${spokenLength(firstContact.medianSec)} after receipt (median)` : undefined,
            ],
            [
              'In time',
              firstContact && workflow
                ? `${formatShare(firstContact.withinGoal)} of the last hundred`
                : undefined,
            ],
          ]}
        />
      </div>
    </Panel>
  );
}

/** What was written of it, to read. */
function Plan({ campaign }: { campaign: Campaign }) {
  const { workflow, schedule, budget, pacing, targeting } = campaign;
  const hours = schedule?.callingHours;
  const names = (list: readonly string[] | undefined) =>
    list && list.length > 0 ? list.join(', ') : undefined;
  const share = (value: number | undefined) =>
    value === undefined ? undefined : `at least ${formatShare(value)}`;
  return (
    <>
      <Panel id="plan" title="What is done with each lead">
        {workflow ? (
          <WorkflowPlan workflow={workflow} />
        ) : (
          <p className="muted">Nothing by itself: people place its calls.</p>
        )}
      </Panel>
      <Panel id="plan-hours" title="When and how far">
        {hours ? (
          <>
            <p className="small muted">On the clock of {zoneName(hours.timezone)}</p>
            <HoursGrid week={hours as Week} zone={hours.timezone} />
          </>
        ) : (
          <p className="small">At any hour the law allows.</p>
        )}
        <Facts
          entries={[
            ['First day', schedule?.startDate ? formatDate(schedule.startDate) : undefined],
            [
              'Last day',
              schedule?.endDate
                ? formatDate(new Date(Date.parse(schedule.endDate) - 1).toISOString())
                : undefined,
            ],
            ['Budget', budget?.totalBudget === undefined ? undefined : formatMoney(budget.totalBudget)],
            ['Calls a day', budget?.maxCallsPerDay],
            ['New leads a day', budget?.maxLeadsPerDay],
            ['At a time', pacing?.maxConcurrentCalls],
            ['In a second', pacing?.callsPerSecond],
          ]}
        />
      </Panel>
      <Panel id="plan-whom" title="Whom it is for">
        {targeting === undefined ? (
          <p className="small">Only leads that were given to it.</p>
        ) : (
          <Stack gap="xs">
            <Facts
              entries={[
                ['They are a', names(targeting.intent)],
                ['From', names(targeting.leadSources)],
                ['States', names(targeting.geography?.states)],
                ['Cities', names(targeting.geography?.cities)],
                ['ZIP codes', names(targeting.geography?.zipCodes)],
                ['Moved by', names(targeting.motivationFactors)],
                ['House', names(targeting.qualification?.propertyTypes)],
                [
                  'Price',
                  targeting.qualification?.maxPrice === undefined
                    ? undefined
                    : `at most ${formatMoney(targeting.qualification.maxPrice)}`,
                ],
                ['Their share', share(targeting.qualification?.minEquity)],
                ['Score', share(targeting.qualification?.minScore)],
              ]}
            />
            {Object.keys(targeting).length === 0 ? <p className="small">Every lead that is open.</p> : null}
          </Stack>
        )}
      </Panel>
    </>
  );
}

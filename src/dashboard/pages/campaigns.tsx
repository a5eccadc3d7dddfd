/** dashboard/pages/campaigns: every campaign, how far it is, what it may still spend today, and why it stands still. */
import '../campaign/campaign.css';
import '../ui/data-table.css';
import '../ui/filters.css';
import { Button, NativeSelect, Skeleton } from '@mantine/core';
import { IconPlus, IconSpeakerphone } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type Campaign, CampaignStatus, type CampaignWork } from '../../contract/index.ts';
import { progressParts } from '../campaign/progress.ts';
import { CAMPAIGN_STATUS, CAMPAIGN_TYPE, HOLD, STOPPED_BY } from '../campaign/words.ts';
import { formatCount, formatMoney } from '../format.ts';
import { DemoButton } from '../overview/demo-button.tsx';
import { campaignListQuery, worksQuery } from '../queries.ts';
import { readCampaignSearch } from '../search.ts';
import { PartsBar } from '../ui/charts.tsx';
import { useMayAct } from '../ui/may-act.ts';
import { Ago, Pill, useTitle } from '../ui/pieces.tsx';
import { Empty, ErrorNote, LoadMore, RowsSkeleton } from '../ui/states.tsx';

const STATUSES = [
  { value: '', label: 'Any status' },
  ...CampaignStatus.options.map((value) => ({ value, label: CAMPAIGN_STATUS[value].label })),
];

/** "31 of 50", or "31" where nothing limits. */
const ofLimit = (value: string, limit: string | undefined): string =>
  limit === undefined ? value : `${value} of ${limit}`;

export function CampaignsPage() {
  useTitle('Campaigns');
  const filter = useSearch({ from: '/campaigns' });
  const navigate = useNavigate({ from: '/campaigns' });
  const mayAct = useMayAct();
  const campaigns = useInfiniteQuery(campaignListQuery(filter));
  const rows = campaigns.data?.pages.flatMap((page) => page.items) ?? [];
  const works = useQuery(worksQuery(rows.flatMap(({ id, startedAt }) => (startedAt ? [id] : []))));
  const create = mayAct ? (
    <Button component={Link} to="/campaigns/new" leftSection={<IconPlus size={18} />}>
      New campaign
    </Button>
  ) : null;
  return (
    <div className="page">
      <header className="page-head">
        <h1>Campaigns</h1>
        <span className="grow" />
        {create}
      </header>
      {rows.length > 0 || filter.status ? (
        <search className="filters" aria-label="Filter the campaigns">
          <NativeSelect
            aria-label="Status"
            data={STATUSES}
            value={filter.status ?? ''}
            onChange={(event) =>
              navigate({
                search: readCampaignSearch({ status: event.currentTarget.value }),
                replace: true,
              })
            }
          />
        </search>
      ) : null}
      {campaigns.error ? <ErrorNote error={campaigns.error} retry={() => campaigns.refetch()} /> : null}
      {campaigns.isPending ? <RowsSkeleton rows={3} /> : null}
      <ul className="campaigns" aria-label="Campaigns, newest first">
        {rows.map((campaign) => (
          <CampaignCard
            key={campaign.id}
            campaign={campaign}
            work={works.data?.get(campaign.id)}
            isUnknown={works.isError}
          />
        ))}
      </ul>
      {campaigns.data && rows.length === 0 ? (
        filter.status ? (
          <Empty icon={<IconSpeakerphone size={36} stroke={1.4} />} title="No campaign stands like that">
            Choose another status.
          </Empty>
        ) : (
          <Empty
            icon={<IconSpeakerphone size={36} stroke={1.4} />}
            title="No campaigns yet"
            action={<DemoButton>{create}</DemoButton>}
          >
            A campaign calls leads by itself: say whom it is for, what is done with them and when. Before it
            starts you see who can be called, who not and why, when it ends and what it costs.
          </Empty>
        )
      ) : null}
      <LoadMore list={campaigns} />
    </div>
  );
}

function CampaignCard({
  campaign,
  work,
  isUnknown,
}: {
  campaign: Campaign;
  work: CampaignWork | undefined;
  /** It could not be asked how campaigns stand. */
  isUnknown: boolean;
}) {
  const begun = campaign.startedAt !== undefined;
  const { hold } = campaign;
  return (
    <li className="panel campaign-card">
      <div className="campaign-head">
        <Link className="row-link" to="/campaigns/$campaignId" params={{ campaignId: campaign.id }}>
          <strong>{campaign.name}</strong>
          <span className="muted">{CAMPAIGN_TYPE[campaign.type]}</span>
        </Link>
        <span className="pills">
          <Pill word={CAMPAIGN_STATUS[campaign.status]} />
          {campaign.status === 'active' && campaign.workflow && work?.stoppedBy ? (
            <Pill word={STOPPED_BY[work.stoppedBy]} />
          ) : null}
        </span>
      </div>
      {campaign.status === 'paused' && hold ? (
        <p className="small campaign-hold">
          {HOLD[hold.code]}: {hold.says}{' '}
          <span className="muted">
            (<Ago at={hold.at} />)
          </span>
        </p>
      ) : null}
      {work ? <Progress campaign={campaign} work={work} /> : null}
      {begun && !work && !isUnknown ? <Skeleton height={52} /> : null}
      {begun && isUnknown ? <p className="small muted">How far it is cannot be told at the moment.</p> : null}
      {campaign.workflow ? null : <p className="small muted">It has no steps: people place its calls.</p>}
      {begun ? null : (
        <p className="small muted">
          Not started: nobody is called yet. Written <Ago at={campaign.createdAt} />.
        </p>
      )}
    </li>
  );
}

function Progress({ campaign, work }: { campaign: Campaign; work: CampaignWork }) {
  const { budget } = campaign;
  return (
    <>
      <PartsBar what="Leads" parts={progressParts(work)} />
      <dl className="campaign-numbers">
        <div>
          <dt>Leads</dt>
          <dd className="num">{formatCount(work.counts.enrolled)}</dd>
        </div>
        <div>
          <dt>Calls today</dt>
          <dd className="num">
            {ofLimit(
              formatCount(work.today.calls),
              budget?.maxCallsPerDay === undefined ? undefined : formatCount(budget.maxCallsPerDay),
            )}
          </dd>
        </div>
        <div>
          <dt>Spent</dt>
          <dd className="num">
            {ofLimit(
              formatMoney(work.spent),
              budget?.totalBudget === undefined ? undefined : formatMoney(budget.totalBudget),
            )}
          </dd>
        </div>
      </dl>
    </>
  );
}

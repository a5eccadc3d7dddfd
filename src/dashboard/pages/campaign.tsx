/** dashboard/pages/campaign: the frame of one campaign: how it stands, what can be done with it, and its tabs. */
import '../campaign/campaign.css';
import '../ui/record.css';
import { Skeleton } from '@mantine/core';
import { IconArrowLeft } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useParams } from '@tanstack/react-router';
import type { Campaign } from '../../contract/index.ts';
import { CampaignDeeds } from '../campaign/deeds.tsx';
import { Team } from '../campaign/team.tsx';
import { CAMPAIGN_STATUS, CAMPAIGN_TYPE, HOLD } from '../campaign/words.ts';
import { campaignQuery } from '../queries.ts';
import { Ago, Notice, Pill, useTitle } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { Tabs } from '../ui/tabs.tsx';

export function CampaignPage() {
  const { campaignId } = useParams({ from: '/campaigns/$campaignId' });
  const campaign = useQuery(campaignQuery(campaignId));
  return (
    <div className="page">
      <Link to="/campaigns" className="back">
        <IconArrowLeft size={15} aria-hidden="true" /> Campaigns
      </Link>
      {campaign.error && !campaign.data ? (
        <>
          <h1>Campaign</h1>
          <ErrorNote error={campaign.error} retry={() => campaign.refetch()} />
        </>
      ) : null}
      {campaign.isPending ? (
        <div role="status" aria-label="Loading">
          <Skeleton height={56} mb="lg" />
          <RowsSkeleton />
        </div>
      ) : null}
      {campaign.data ? <Frame campaign={campaign.data} /> : null}
    </div>
  );
}

function Frame({ campaign }: { campaign: Campaign }) {
  useTitle(campaign.name);
  const { id, hold } = campaign;
  const base = `/campaigns/${id}`;
  return (
    <>
      <header className="call-head">
        <div className="call-title">
          <h1>{campaign.name}</h1>
          <Pill word={CAMPAIGN_STATUS[campaign.status]} />
          <span className="grow" />
          <CampaignDeeds campaign={campaign} />
        </div>
        <p className="call-facts">
          <span>{CAMPAIGN_TYPE[campaign.type]}</span>
          {campaign.startedAt ? (
            <span>
              Started <Ago at={campaign.startedAt} />
            </span>
          ) : (
            <span>
              Written <Ago at={campaign.createdAt} />
            </span>
          )}
          {campaign.completedAt ? (
            <span>
              Over since <Ago at={campaign.completedAt} />
            </span>
          ) : null}
          {campaign.assignedTo?.length ? <Team campaign={campaign} /> : null}
          {campaign.description ? <span>{campaign.description}</span> : null}
        </p>
      </header>
      {campaign.status === 'paused' && hold ? (
        <div className="campaign-notice">
          <Notice tone={hold.code === 'manual' ? 'info' : 'warn'} title={HOLD[hold.code]}>
            <p>
              {hold.says}{' '}
              <span className="muted">
                <Ago at={hold.at} /> by {hold.by}
              </span>
            </p>
          </Notice>
        </div>
      ) : null}
      <Tabs
        name={campaign.name}
        tabs={[
          { to: base, label: campaign.startedAt ? 'Now' : 'Before the start' },
          { to: `${base}/people`, label: 'People' },
          ...(campaign.startedAt ? [{ to: `${base}/forecast`, label: 'Forecast' }] : []),
          { to: `${base}/performance`, label: 'Performance' },
        ]}
      />
      <Outlet />
    </>
  );
}

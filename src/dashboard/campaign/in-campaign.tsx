/** dashboard/campaign/in-campaign: how one lead stands in its campaign, and what comes next for it. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { campaignQuery, enrollmentsQuery } from '../queries.ts';
import { Facts, Panel, Pill } from '../ui/pieces.tsx';
import { Next } from './people.tsx';
import { CAMPAIGN_STATUS, outcomeWord, STAGE } from './words.ts';

export function InCampaign({ campaignId, leadId }: { campaignId: string; leadId: string }) {
  const campaign = useQuery(campaignQuery(campaignId)).data;
  const enrollments = useInfiniteQuery(enrollmentsQuery(campaignId, { leadId }));
  const own = enrollments.data?.pages[0]?.items[0];
  if (!campaign) return null;
  return (
    <Panel
      id="campaign"
      title="Campaign"
      aside={own ? <Pill word={STAGE[own.stage]} /> : <Pill word={CAMPAIGN_STATUS[campaign.status]} />}
    >
      <Link to="/campaigns/$campaignId" params={{ campaignId }}>
        {campaign.name}
      </Link>
      {own ? (
        <Facts
          entries={[
            ['Next', <Next key="next" one={own} />],
            ['Calls', own.calls],
            ['Messages', own.messages],
            ['Last', own.lastOutcome ? outcomeWord(own.lastOutcome).label : undefined],
          ]}
        />
      ) : (
        <p className="small muted">
          {campaign.startedAt === undefined
            ? 'Given to it; it is not started yet.'
            : 'Given to it; it has not begun with this person.'}
        </p>
      )}
    </Panel>
  );
}

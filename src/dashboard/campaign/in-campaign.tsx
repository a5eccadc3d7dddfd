/** dashboard/campaign/in-campaign: how one lead stands in its campaign, and what comes next for it. */
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconRotateClockwise } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api } from '../api.ts';
import { campaignQuery, enrollmentsQuery, keys } from '../queries.ts';
import { useMayAct } from '../ui/may-act.ts';
import { Facts, Panel, Pill } from '../ui/pieces.tsx';
import { ErrorNote } from '../ui/states.tsx';
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
      {own?.stage === 'ended' && campaign.status !== 'completed' ? (
        <Reopen campaignId={campaignId} leadId={leadId} />
      ) : null}
    </Panel>
  );
}

function Reopen({ campaignId, leadId }: { campaignId: string; leadId: string }) {
  const queries = useQueryClient();
  const mayAct = useMayAct();
  const reopen = useMutation({
    mutationFn: () => api.reopenLead(campaignId, leadId),
    onSuccess: async () => {
      notifications.show({
        color: 'petrol',
        title: 'Reopened',
        message: 'It is called from the first step.',
      });
      await queries.invalidateQueries({ queryKey: keys.enrollments(campaignId) });
    },
  });
  if (!mayAct) return null;
  return (
    <>
      {reopen.error ? <ErrorNote error={reopen.error} /> : null}
      <Button
        variant="default"
        size="xs"
        mt="sm"
        leftSection={<IconRotateClockwise size={14} />}
        loading={reopen.isPending}
        onClick={() => reopen.mutate()}
      >
        Begin anew
      </Button>
    </>
  );
}

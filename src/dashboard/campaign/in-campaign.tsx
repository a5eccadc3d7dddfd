/** dashboard/campaign/in-campaign: how one lead stands in its campaign, and what comes next for it. */
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconRotateClockwise } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Lead } from '../../contract/index.ts';
import { api } from '../api.ts';
import { campaignQuery, enrollmentsQuery, keys } from '../queries.ts';
import { useMayAct } from '../ui/may-act.ts';
import { Facts, Panel, Pill } from '../ui/pieces.tsx';
import { ErrorNote } from '../ui/states.tsx';
import { Next } from './people.tsx';
import { CAMPAIGN_STATUS, outcomeWord, STAGE } from './words.ts';

export function InCampaign({ campaignId, lead }: { campaignId: string; lead: Lead }) {
  const leadId = lead.id;
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
            [own.ended ? 'Ended' : 'Next', <Next key="next" one={own} />],
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
      {own?.ended && campaign.status !== 'completed' ? <Reopen campaignId={campaignId} lead={lead} /> : null}
    </Panel>
  );
}

/** What has to be changed before a campaign may begin with somebody anew. */
const IN_THE_WAY: { readonly [S in Lead['status']]?: string } = {
  dnc: 'Whoever asked us to stop is not called anew. An administrator can release the number.',
  lost: 'The lead is lost. Give it another stage under “How far it is”, then it can be begun anew.',
  converted: 'The lead is converted. Give it another stage under “How far it is” to begin anew.',
};

function Reopen({ campaignId, lead }: { campaignId: string; lead: Lead }) {
  const queries = useQueryClient();
  const mayAct = useMayAct();
  const reopen = useMutation({
    mutationFn: () => api.reopenLead(campaignId, lead.id),
    onSuccess: async () => {
      notifications.show({
        color: 'petrol',
        title: 'Begun anew',
        message: 'From the first step, as soon as hours and limits allow.',
      });
      const stale = [keys.enrollments(campaignId), keys.timeline(lead.id)];
      await Promise.all(stale.map((queryKey) => queries.invalidateQueries({ queryKey })));
    },
  });
  if (!mayAct) return null;
  const inTheWay = lead.erasedAt === undefined ? IN_THE_WAY[lead.status] : 'The person was erased.';
  if (inTheWay) return <p className="small muted">{inTheWay}</p>;
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

/** dashboard/campaign/deeds: starting a campaign, pausing it, letting it go on and ending it, each after a question. */
import { Button, Group, Modal, Skeleton, Stack } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconEdit, IconPlayerPause, IconPlayerPlay, IconPlayerStop, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { Campaign } from '../../contract/index.ts';
import { api, faultOf } from '../api.ts';
import { campaignChanged, forecastQuery, keys } from '../queries.ts';
import { FormEnd, ReasonField } from '../ui/form.tsx';
import { useMayAct } from '../ui/may-act.ts';
import { Ago, Notice } from '../ui/pieces.tsx';
import { Question } from '../ui/question.tsx';

type Deed = 'start' | 'pause' | 'complete' | 'remove';

export function CampaignDeeds({ campaign }: { campaign: Campaign }) {
  const [asking, setAsking] = useState<Deed>();
  const mayAct = useMayAct();
  if (!mayAct) return null;
  const { status } = campaign;
  const close = () => setAsking(undefined);
  return (
    <Group gap="xs" justify="flex-end">
      {status === 'active' ? (
        <Button leftSection={<IconPlayerPause size={16} />} onClick={() => setAsking('pause')}>
          Pause
        </Button>
      ) : null}
      {status === 'draft' || status === 'paused' ? (
        <Button
          leftSection={<IconPlayerPlay size={16} />}
          onClick={() => setAsking('start')}
          disabled={campaign.workflow === undefined}
          {...(campaign.workflow === undefined
            ? { title: 'It has no steps yet: edit it to say what is done with each lead.' }
            : {})}
        >
          {status === 'paused' ? 'Go on' : 'Start'}
        </Button>
      ) : null}
      {status === 'completed' ? null : (
        <Button
          component={Link}
          to={`/campaigns/${campaign.id}/edit`}
          variant="default"
          leftSection={<IconEdit size={16} />}
        >
          Edit
        </Button>
      )}
      {status === 'draft' ? (
        <Button variant="default" leftSection={<IconTrash size={16} />} onClick={() => setAsking('remove')}>
          Delete
        </Button>
      ) : null}
      {status === 'active' || status === 'paused' ? (
        <Button
          variant="default"
          leftSection={<IconPlayerStop size={16} />}
          onClick={() => setAsking('complete')}
        >
          End
        </Button>
      ) : null}
      {asking === 'start' ? <Start campaign={campaign} close={close} /> : null}
      {asking === 'pause' ? <Pause campaign={campaign} close={close} /> : null}
      {asking === 'complete' ? <Complete campaign={campaign} close={close} /> : null}
      {asking === 'remove' ? <Remove campaign={campaign} close={close} /> : null}
    </Group>
  );
}

function useDeed<T = void>(send: (input: T) => Promise<Campaign>, said: string, close: () => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSuccess: (campaign) => {
      campaignChanged(queries, campaign);
      notifications.show({ color: 'petrol', title: said, message: campaign.name });
      close();
    },
  });
}

/** Before anybody is called it says once more what will happen. */
function Start({ campaign, close }: { campaign: Campaign; close: () => void }) {
  const again = campaign.status === 'paused';
  const forecast = useQuery(forecastQuery(campaign.id));
  const start = useDeed(() => api.startCampaign(campaign.id), again ? 'It goes on' : 'Started', close);
  const { data } = forecast;
  return (
    <Modal
      opened
      onClose={close}
      centered
      title={again ? `Let ${campaign.name} go on?` : `Start ${campaign.name}?`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="sm">
        {forecast.isPending ? <Skeleton height={48} /> : null}
        {data?.state === 'done' ? (
          <Notice tone="info" title={data.summary}>
            <p className="small">
              Forecast of <Ago at={data.startedAt} />.
            </p>
          </Notice>
        ) : null}
        {data === null || data?.state === 'failed' || forecast.error ? (
          <Notice tone="warn" title="There is no forecast">
            <p>Who can be called, how long it takes and what it costs was not looked at. It can be, first.</p>
          </Notice>
        ) : null}
        {data?.state === 'running' ? <p className="muted">The forecast is still being made.</p> : null}
        <p>
          {again ? 'Calls go on' : 'Calls begin'} as soon as its hours and a line allow. The gate decides
          about each one.
        </p>
        <FormEnd
          error={start.error}
          close={close}
          act={() => start.mutate()}
          busy={start.isPending}
          icon={<IconPlayerPlay size={16} />}
        >
          {again ? 'Go on' : 'Start calling'}
        </FormEnd>
      </Stack>
    </Modal>
  );
}

function Pause({ campaign, close }: { campaign: Campaign; close: () => void }) {
  const [reason, setReason] = useState('');
  const pause = useDeed(
    () => api.pauseCampaign(campaign.id, reason.trim() ? { reason: reason.trim() } : {}),
    'Paused',
    close,
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    pause.mutate();
  };
  return (
    <Modal
      opened
      onClose={close}
      centered
      title={`Pause ${campaign.name}?`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <p>Nothing new is begun. Calls that are going on are not cut, and every lead keeps its place.</p>
          <ReasonField
            value={reason}
            change={setReason}
            required={false}
            maxLength={300}
            description="Stands beside the campaign while it is paused."
            error={faultOf(pause.error, '/reason')}
            autoFocus
          />
          <FormEnd
            error={pause.error}
            close={close}
            busy={pause.isPending}
            icon={<IconPlayerPause size={16} />}
          >
            Pause
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

function Complete({ campaign, close }: { campaign: Campaign; close: () => void }) {
  const complete = useDeed(() => api.completeCampaign(campaign.id), 'Ended', close);
  return (
    <Question
      title={`End ${campaign.name}?`}
      close={close}
      deed={complete}
      back="Keep it"
      label="End the campaign"
    >
      Nothing more is done for its leads, and it cannot be started again. Calls that are going on are not cut.
      To stop for a while, pause it.
    </Question>
  );
}

function Remove({ campaign, close }: { campaign: Campaign; close: () => void }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => api.removeCampaign(campaign.id),
    onSuccess: async () => {
      // Away from its page first: there is nothing to ask for any more.
      await navigate({ to: '/campaigns' });
      queries.removeQueries({ queryKey: keys.campaign(campaign.id) });
      queries.invalidateQueries({ queryKey: keys.campaigns }).catch(() => undefined);
    },
  });
  return (
    <Question
      title={`Delete ${campaign.name}?`}
      close={close}
      deed={remove}
      back="Keep it"
      label="Delete the draft"
    >
      It was never started, so nothing but its plan is lost.
    </Question>
  );
}

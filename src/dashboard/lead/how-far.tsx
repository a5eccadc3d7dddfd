/** dashboard/lead/how-far: how far a lead has come, what its deal brought, and the campaign it was given to. */
import { Button, Modal, NativeSelect, Stack } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { type Lead, type LeadPatch, LeadStage } from '../../contract/index.ts';
import { api, faultOf } from '../api.ts';
import { AmountInput } from '../campaign/fields.tsx';
import { formatDate, formatMoney, humanise } from '../format.ts';
import { campaignsQuery, keys } from '../queries.ts';
import { FormEnd } from '../ui/form.tsx';
import { Facts, Panel } from '../ui/pieces.tsx';

export function HowFar({ lead, mayChange }: { lead: Lead; mayChange: boolean }) {
  const [changing, setChanging] = useState(false);
  const { deal } = lead;
  return (
    <Panel
      id="how-far"
      title="How far it is"
      aside={
        mayChange ? (
          <Button variant="default" size="xs" onClick={() => setChanging(true)}>
            Change
          </Button>
        ) : null
      }
    >
      <Facts
        entries={[
          ['Stage', humanise(stageOf(lead))],
          ['Deal', deal?.value === undefined ? undefined : formatMoney(deal.value)],
          ['Closed', deal ? formatDate(deal.closedAt) : undefined],
        ]}
      />
      {changing ? <Change lead={lead} close={() => setChanging(false)} /> : null}
    </Panel>
  );
}

type Stage = Lead['stage'];
const STAGES = LeadStage.options.map((value) => ({ value, label: humanise(value) }));

/** A stage that ends the way says so in the status too; one that goes on takes an ended lead up again. */
function statusFor(stage: Stage, { status }: Pick<Lead, 'status'>): LeadPatch['status'] {
  if (stage === 'closed') return 'converted';
  if (stage === 'lost') return 'lost';
  return status === 'converted' || status === 'lost' ? 'active' : undefined;
}

/** A lead may be lost or converted by a call, whatever stage it had come to. */
const stageOf = ({ stage, status }: Pick<Lead, 'stage' | 'status'>): Stage =>
  status === 'lost' ? 'lost' : status === 'converted' ? 'closed' : stage;

function Change({ lead, close }: { lead: Lead; close: () => void }) {
  const [stage, setStage] = useState<Stage>(stageOf(lead));
  const [value, setValue] = useState(lead.deal?.value);
  const [campaignId, setCampaignId] = useState(lead.campaignId ?? '');
  const campaigns = useQuery(campaignsQuery).data ?? [];
  const open = campaigns.filter(({ id, status }) => status !== 'completed' || id === lead.campaignId);
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => {
      const status = statusFor(stage, lead);
      return api.changeLead(lead.id, {
        stage,
        ...(status === undefined ? {} : { status }),
        ...(stage === 'closed' && value !== undefined ? { dealValue: value } : {}),
        ...(campaignId === (lead.campaignId ?? '') ? {} : { campaignId: campaignId || null }),
      });
    },
    onSuccess: (changed) => {
      queries.setQueryData(keys.lead(lead.id), changed);
      for (const queryKey of [keys.leadLists, keys.timeline(lead.id), ['campaign'] as const])
        queries.invalidateQueries({ queryKey }).catch(() => undefined);
      notifications.show({ color: 'petrol', title: 'Saved', message: `Stage: ${humanise(changed.stage)}.` });
      close();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal
      opened
      onClose={close}
      centered
      title="How far is it?"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <NativeSelect
            label="Stage"
            data={STAGES}
            value={stage}
            onChange={(event) => setStage(LeadStage.parse(event.currentTarget.value))}
            error={faultOf(save.error, '/stage') ?? faultOf(save.error, '/status')}
            data-autofocus
          />
          {stage === 'closed' ? (
            <AmountInput
              label="What the deal brought"
              description="Empty: as the campaign reckons with a deal"
              prefix="$"
              value={value}
              change={setValue}
              error={faultOf(save.error, '/dealValue')}
            />
          ) : null}
          <NativeSelect
            label="Campaign"
            description="It takes the lead up when it runs"
            data={[{ value: '', label: 'None' }, ...open.map(({ id, name }) => ({ value: id, label: name }))]}
            value={campaignId}
            onChange={(event) => setCampaignId(event.currentTarget.value)}
            error={faultOf(save.error, '/campaignId')}
          />
          <FormEnd error={save.error} close={close} busy={save.isPending}>
            Save
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

/** dashboard/pages/campaign-edit: a campaign as it is written: whom it is for, what is done with them, when, and how far it may go. */
import '../campaign/campaign.css';
import '../ui/save-bar.css';
import { Button, Group, NativeSelect, SimpleGrid, Stack, Switch, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconArrowLeft, IconDeviceFloppy } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useBlocker, useNavigate, useParams } from '@tanstack/react-router';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { type Campaign, CampaignType } from '../../contract/index.ts';
import { ApiError, api, faultOf } from '../api.ts';
import { CallFields, StrategyFields } from '../campaign/call-fields.tsx';
import { blankDraft, createOf, type Draft, draftOf, patchOf } from '../campaign/draft.ts';
import { AmountInput } from '../campaign/fields.tsx';
import { HoursGrid } from '../campaign/hours-grid.tsx';
import { TargetingFields } from '../campaign/targeting-fields.tsx';
import { TeamFields } from '../campaign/team-fields.tsx';
import { CAMPAIGN_TYPE } from '../campaign/words.ts';
import { WorkflowEditor } from '../campaign/workflow-line.tsx';
import { OWN_ZONE, zoneName } from '../format.ts';
import { campaignChanged, campaignQuery, templatesQuery } from '../queries.ts';
import { useMayAct } from '../ui/may-act.ts';
import { NotForYou, Panel, useTitle } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';

export function NewCampaignPage() {
  useTitle('New campaign');
  const templates = useTemplateNames();
  return (
    <div className="page">
      <Link to="/campaigns" className="back">
        <IconArrowLeft size={15} aria-hidden="true" /> Campaigns
      </Link>
      <header className="page-head">
        <h1>New campaign</h1>
      </header>
      {templates ? <Editor draft={blankDraft(templates)} /> : <RowsSkeleton />}
    </div>
  );
}

export function EditCampaignPage() {
  const { campaignId } = useParams({ from: '/campaigns/$campaignId/edit' });
  // What is written must not be replaced under the hands of who writes it.
  const campaign = useQuery({ ...campaignQuery(campaignId), refetchInterval: false });
  const templates = useTemplateNames();
  useTitle(campaign.data ? `Edit ${campaign.data.name}` : 'Edit campaign');
  return (
    <div className="page">
      <Link to="/campaigns/$campaignId" params={{ campaignId }} className="back">
        <IconArrowLeft size={15} aria-hidden="true" /> {campaign.data?.name ?? 'Campaign'}
      </Link>
      <header className="page-head">
        <h1>Edit campaign</h1>
      </header>
      {campaign.error ? <ErrorNote error={campaign.error} retry={() => campaign.refetch()} /> : null}
      {campaign.isPending || !templates ? <RowsSkeleton /> : null}
      {campaign.data && templates ? (
        <Editor key={campaignId} draft={draftOf(campaign.data, templates)} campaign={campaign.data} />
      ) : null}
    </div>
  );
}

/** Undefined while they are asked for; none when they cannot be had: a campaign can be written without. */
function useTemplateNames(): ReadonlySet<string> | undefined {
  const templates = useQuery(templatesQuery);
  if (templates.isPending) return undefined;
  return new Set(templates.data?.filter((one) => one.retiredAt === undefined).map((one) => one.name));
}

const TYPES = CampaignType.options.map((value) => ({ value, label: CAMPAIGN_TYPE[value] }));
const US_ZONES = [
  'America/New_York',
  'America/Chicago',
  'America/Denver',
  'America/Phoenix',
  'America/Los_Angeles',
  'America/Anchorage',
  'Pacific/Honolulu',
  'America/Puerto_Rico',
];

function Editor({ draft: begun, campaign }: { draft: Draft; campaign?: Campaign }) {
  const [start] = useState(begun);
  const [draft, setDraft] = useState(begun);
  const dirty = JSON.stringify(draft) !== JSON.stringify(start);
  const mayAct = useMayAct();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const form = useRef<HTMLFormElement>(null);
  const saved = useRef(false);
  const save = useMutation({
    mutationFn: () =>
      campaign ? api.changeCampaign(campaign.id, patchOf(draft)) : api.createCampaign(createOf(draft)),
    onSuccess: (made) => {
      saved.current = true;
      campaignChanged(queries, made);
      notifications.show({
        color: 'petrol',
        title: campaign ? 'Saved' : 'Campaign created',
        message:
          made.status === 'active'
            ? 'It goes on as it is written now.'
            : 'Nobody is called before it is started.',
      });
      navigate({ to: '/campaigns/$campaignId', params: { campaignId: made.id } }).catch(() => undefined);
    },
  });
  useBlocker({
    shouldBlockFn: () => !saved.current && !window.confirm('Leave without saving what you wrote?'),
    enableBeforeUnload: () => dirty && !saved.current,
    disabled: !dirty,
  });
  const failed = save.error;
  useEffect(() => {
    // To the first field that the server complains about.
    if (failed) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [failed]);

  const set = (part: Partial<Draft>) => setDraft((now) => ({ ...now, ...part }));
  const fault = (pointer: string) => faultOf(failed, pointer);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const zones = US_ZONES.includes(draft.timezone) ? US_ZONES : [draft.timezone, ...US_ZONES];
  const named = failed instanceof ApiError && (failed.problem?.errors?.length ?? 0) > 0;

  return (
    <form ref={form} onSubmit={submit} className="editor" noValidate>
      {mayAct ? null : <NotForYou needs="analyst">Campaigns can be read, not changed, here.</NotForYou>}
      <Panel id="name" title="Name">
        <Stack gap="sm">
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
            <TextInput
              label="Name"
              required
              maxLength={120}
              autoComplete="off"
              placeholder="Autumn sellers, Seattle"
              value={draft.name}
              onChange={(event) => set({ name: event.currentTarget.value })}
              error={fault('/name')}
            />
            <NativeSelect
              label="Kind of deal"
              data={TYPES}
              value={draft.type}
              onChange={(event) => set({ type: CampaignType.parse(event.currentTarget.value) })}
            />
          </SimpleGrid>
          <Textarea
            label="What it is for"
            autosize
            minRows={1}
            maxLength={2000}
            value={draft.description}
            onChange={(event) => set({ description: event.currentTarget.value })}
            error={fault('/description')}
          />
          <TeamFields draft={draft} change={set} fault={fault} />
        </Stack>
      </Panel>
      <Panel id="whom" title="Whom it is for">
        <TargetingFields draft={draft} change={set} campaignId={campaign?.id} fault={fault} />
      </Panel>
      <Panel id="steps" title="What is done with each lead">
        <Switch
          label="Parley works it by itself"
          description="Off: people place every call."
          checked={draft.works}
          onChange={(event) => set({ works: event.currentTarget.checked })}
        />
        {draft.works ? (
          <WorkflowEditor workflow={draft.workflow} change={(workflow) => set({ workflow })} fault={fault} />
        ) : null}
        <p className="small muted">
          Who is reached, asks for a callback or asks to be left alone leaves the line at once. The gate
          decides again at every step.
        </p>
      </Panel>
      <Panel id="hours" title="When it works">
        <Stack gap="sm">
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
            <TextInput
              type="date"
              label="First day"
              description="Empty: as soon as it is started"
              value={draft.startDate}
              onChange={(event) => set({ startDate: event.currentTarget.value })}
              error={fault('/schedule/startDate')}
            />
            <TextInput
              type="date"
              label="Last day, included"
              description="Empty: until all is done"
              value={draft.endDate}
              onChange={(event) => set({ endDate: event.currentTarget.value })}
              error={
                draft.startDate && draft.endDate && draft.endDate < draft.startDate
                  ? 'Must not be before the first day.'
                  : fault('/schedule/endDate')
              }
            />
          </SimpleGrid>
          <Switch
            label="Only at certain hours"
            description="The law's hours in the called person's own zone hold besides, whatever stands here."
            checked={draft.timed}
            onChange={(event) => set({ timed: event.currentTarget.checked })}
          />
          {draft.timed ? (
            <>
              <NativeSelect
                maw="20rem"
                label="On the clock of"
                data={zones.map((zone) => ({
                  value: zone,
                  label: zone === OWN_ZONE ? `${zoneName(zone)} (yours)` : zoneName(zone),
                }))}
                value={draft.timezone}
                onChange={(event) => set({ timezone: event.currentTarget.value })}
                error={fault('/schedule/callingHours/timezone')}
              />
              <HoursGrid
                week={draft.week}
                zone={draft.timezone}
                change={(week) => set({ week })}
                fault={(day, end) => fault(`/schedule/callingHours/${day}/${end}`)}
              />
            </>
          ) : null}
        </Stack>
      </Panel>
      <Panel id="limits" title="Budget and pace">
        <p className="small muted">What is left empty does not limit. The house's own limits hold besides.</p>
        <SimpleGrid cols={{ base: 1, xs: 2, sm: 3 }} spacing="sm">
          <AmountInput
            label="Budget in all"
            description="It pauses when that is spent"
            prefix="$"
            value={draft.totalBudget}
            change={(totalBudget) => set({ totalBudget })}
            error={fault('/budget/totalBudget')}
          />
          <AmountInput
            label="A call is reckoned with"
            description="Until its cost is known"
            prefix="$"
            cents
            value={draft.costPerCall}
            change={(costPerCall) => set({ costPerCall })}
            error={fault('/budget/costPerCall')}
          />
          <AmountInput
            label="Revenue of a deal"
            description="For the return on the cost"
            prefix="$"
            value={draft.revenuePerDeal}
            change={(revenuePerDeal) => set({ revenuePerDeal })}
            error={fault('/revenuePerDeal')}
          />
          <AmountInput
            label="Pays of the worth"
            description="Before repairs; empty: 70 %"
            share
            value={draft.wholesaleShare}
            change={(wholesaleShare) => set({ wholesaleShare })}
            error={fault('/wholesaleShare')}
          />
          <AmountInput
            label="Calls a day"
            description="Of every kind"
            value={draft.maxCallsPerDay}
            change={(maxCallsPerDay) => set({ maxCallsPerDay })}
            error={fault('/budget/maxCallsPerDay')}
          />
          <AmountInput
            label="New leads a day"
            description="Called for the first time"
            value={draft.maxLeadsPerDay}
            change={(maxLeadsPerDay) => set({ maxLeadsPerDay })}
            error={fault('/budget/maxLeadsPerDay')}
          />
          <AmountInput
            label="Calls at a time"
            description="Lines it may use"
            value={draft.maxConcurrentCalls}
            change={(maxConcurrentCalls) => set({ maxConcurrentCalls })}
            error={fault('/pacing/maxConcurrentCalls')}
          />
          <AmountInput
            label="Calls begun in a second"
            description="0.1 is one in ten seconds"
            decimalScale={2}
            value={draft.callsPerSecond}
            change={(callsPerSecond) => set({ callsPerSecond })}
            error={fault('/pacing/callsPerSecond')}
          />
        </SimpleGrid>
      </Panel>
      <Panel id="call" title="The call">
        <CallFields
          calling={draft.calling}
          name={draft.name}
          change={(calling) => set({ calling })}
          fault={(pointer) => fault(`/calling${pointer}`)}
        />
      </Panel>
      <Panel id="strategy" title="What the agent says and asks">
        <StrategyFields
          strategy={draft.strategy}
          change={(strategy) => set({ strategy })}
          fault={(pointer) => fault(`/conversationStrategy${pointer}`)}
        />
      </Panel>
      {failed ? <ErrorNote error={failed} /> : null}
      {mayAct && (dirty || !campaign) ? (
        <section className="save-bar" aria-label="Save">
          <p role="status">
            {named
              ? 'Not saved: look at the fields in red.'
              : campaign
                ? 'Changed, not saved.'
                : 'A new campaign begins as a draft: nobody is called yet.'}
          </p>
          <Group gap="xs">
            <Button
              variant="default"
              component={Link}
              {...(campaign ? { to: `/campaigns/${campaign.id}` } : { to: '/campaigns' })}
            >
              Cancel
            </Button>
            <Button
              type="submit"
              leftSection={<IconDeviceFloppy size={16} />}
              loading={save.isPending}
              disabled={!draft.name.trim()}
            >
              {campaign ? 'Save' : 'Create campaign'}
            </Button>
          </Group>
        </section>
      ) : null}
    </form>
  );
}

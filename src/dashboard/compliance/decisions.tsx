/** dashboard/compliance/decisions: what the gate decided, call by call, and the record of calls to hand out. */
import { Button, CloseButton, Drawer, NativeSelect, Stack } from '@mantine/core';
import { IconFileExport, IconGavel } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useMemo, useState } from 'react';
import { type DecisionRecord, Reason, Verdict } from '../../contract/index.ts';
import type { DecisionFilter } from '../api.ts';
import { formatPhone, hasNumber } from '../format.ts';
import { callQuery, campaignsQuery, decisionsQuery, leadQuery } from '../queries.ts';
import { type DecisionSearch, readDecisionSearch } from '../search.ts';
import { columnsOf } from '../ui/data-table.tsx';
import { DayRangeFields, instantsOf } from '../ui/day-range.tsx';
import { DecisionDetails, DecisionEvidence, DecisionNotice, VERDICT } from '../ui/decision.tsx';
import { List } from '../ui/list.tsx';
import { PhoneFilter } from '../ui/phone-filter.tsx';
import { Ago, Facts, Pill, useTitle } from '../ui/pieces.tsx';
import { Empty, ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { useCallerName } from '../ui/who.ts';
import { fullName, REASON } from '../words.ts';

const ExportRecords = lazy(() =>
  import('./export-records.tsx').then((file) => ({ default: file.ExportRecords })),
);

function Who({ record }: { record: DecisionRecord }) {
  const name = useCallerName(record);
  return (
    <Link
      className="row-link"
      to="/compliance/decisions"
      search={(before) => ({ ...readDecisionSearch(before), open: record.callId })}
    >
      <strong>{name ?? formatPhone(record.contactPhone)}</strong>
      {name ? <span className="muted num">{formatPhone(record.contactPhone)}</span> : null}
    </Link>
  );
}

function Why({ record }: { record: DecisionRecord }) {
  const [first, ...others] = record.decision.reasons;
  if (first === undefined) return <span className="muted">Nothing barred it</span>;
  return (
    <span className="why">
      {REASON[first]}
      {others.length > 0 ? ` and ${others.length} more` : ''}
    </span>
  );
}

function CampaignName({ id }: { id: string | undefined }) {
  const campaign = useQuery(campaignsQuery).data?.find((one) => one.id === id);
  return id === undefined ? <span className="muted">–</span> : <span>{campaign?.name ?? 'Unknown'}</span>;
}

const column = columnsOf<DecisionRecord>();
const COLUMNS = column.columns([
  column.display({
    id: 'who',
    header: 'Who',
    enableHiding: false,
    cell: ({ row }) => <Who record={row.original} />,
  }),
  column.display({
    id: 'verdict',
    header: 'Verdict',
    cell: ({ row }) => <Pill word={VERDICT[row.original.decision.verdict]} />,
  }),
  column.display({ id: 'reason', header: 'Why', cell: ({ row }) => <Why record={row.original} /> }),
  column.display({
    id: 'campaign',
    header: 'Campaign',
    cell: ({ row }) => <CampaignName id={row.original.campaignId} />,
  }),
  column.display({
    id: 'decided',
    header: 'Decided',
    cell: ({ row }) => <Ago at={row.original.decision.decidedAt} />,
  }),
]);

function Card({ record }: { record: DecisionRecord }) {
  return (
    <div className="card">
      <div className="card-line">
        <Who record={record} />
        <Pill word={VERDICT[record.decision.verdict]} />
      </div>
      <div className="card-line small muted">
        <Why record={record} />
        <Ago at={record.decision.decidedAt} />
      </div>
    </div>
  );
}

const VERDICTS = [
  { value: '', label: 'Any verdict' },
  ...Verdict.options.map((value) => ({ value, label: VERDICT[value].label })),
];
const REASONS = [
  { value: '', label: 'Any reason' },
  ...Reason.options.map((value) => ({ value, label: REASON[value] })),
];

/** What the address asks for, as the API takes it: days become instants, the last day included. */
function filterOf({ lead, campaign, from, to, open: _, ...rest }: DecisionSearch): DecisionFilter {
  return {
    ...rest,
    ...(lead === undefined ? {} : { leadId: lead }),
    ...(campaign === undefined ? {} : { campaignId: campaign }),
    ...instantsOf({ from, to }),
  };
}

export function Decisions() {
  useTitle('Decisions of the gate');
  const search = useSearch({ from: '/compliance/decisions' });
  const navigate = useNavigate({ from: '/compliance/decisions' });
  const campaigns = useQuery(campaignsQuery).data ?? [];
  const [exporting, setExporting] = useState(false);
  const decisions = useInfiniteQuery(decisionsQuery(filterOf(search)));
  const rows = useMemo(() => decisions.data?.pages.flatMap((page) => page.items) ?? [], [decisions.data]);
  const { open, ...filters } = search;
  const filtered = Object.keys(filters).length > 0;
  const set = (part: Readonly<Record<string, string | undefined>>) => {
    navigate({ search: readDecisionSearch({ ...search, ...part }), replace: true }).catch(() => undefined);
  };

  return (
    <>
      <header className="tab-head">
        <h2>Decisions</h2>
        <span className="grow" />
        <Button
          variant="default"
          leftSection={<IconFileExport size={16} />}
          onClick={() => setExporting(true)}
        >
          Export call records
        </Button>
      </header>
      <search className="filters" aria-label="Filter the decisions">
        <PhoneFilter phone={search.phone} change={(phone) => set({ phone })} />
        <NativeSelect
          aria-label="Verdict"
          data={VERDICTS}
          value={search.verdict ?? ''}
          onChange={(event) => set({ verdict: event.currentTarget.value })}
        />
        <NativeSelect
          aria-label="Reason"
          data={REASONS}
          value={search.reason ?? ''}
          onChange={(event) => set({ reason: event.currentTarget.value })}
        />
        {campaigns.length > 0 ? (
          <NativeSelect
            aria-label="Campaign"
            data={[
              { value: '', label: 'Any campaign' },
              ...campaigns.map((campaign) => ({ value: campaign.id, label: campaign.name })),
            ]}
            value={search.campaign ?? ''}
            onChange={(event) => set({ campaign: event.currentTarget.value })}
          />
        ) : null}
        <DayRangeFields from={search.from} to={search.to} change={set} />
        {search.lead === undefined ? null : (
          <OnlyLead leadId={search.lead} clear={() => set({ lead: undefined })} />
        )}
        {filtered ? (
          <Button variant="subtle" onClick={() => navigate({ search: {}, replace: true })}>
            Show all
          </Button>
        ) : null}
      </search>
      <List
        list={decisions}
        name="decisions"
        caption="Decisions of the gate, newest first"
        columns={COLUMNS}
        rows={rows}
        rowId={(record) => record.callId}
        card={(record) => <Card record={record} />}
        empty={
          <Empty
            icon={<IconGavel size={36} stroke={1.4} />}
            title={filtered ? 'No decision matches these filters' : 'The gate has decided nothing yet'}
          >
            {filtered
              ? 'Change a filter, or show all decisions.'
              : 'Each call that somebody asks for is decided first. The decision is kept, allowed or not.'}
          </Empty>
        }
      />
      <OneDecision
        callId={open}
        known={rows.find((record) => record.callId === open)}
        close={() => set({ open: undefined })}
      />
      <Suspense fallback={null}>
        {exporting ? <ExportRecords close={() => setExporting(false)} /> : null}
      </Suspense>
    </>
  );
}

function OnlyLead({ leadId, clear }: { leadId: string; clear: () => void }) {
  const lead = useQuery(leadQuery(leadId)).data;
  return (
    <span className="chip">
      Only {lead ? fullName(lead) : 'one lead'}
      <CloseButton size="sm" aria-label="Show every lead" onClick={clear} />
    </span>
  );
}

/** The whole decision beside the list. An address may open one that the list does not hold. */
function OneDecision({
  callId,
  known,
  close,
}: {
  callId: string | undefined;
  known: DecisionRecord | undefined;
  close: () => void;
}) {
  const call = useQuery({ ...callQuery(callId ?? ''), enabled: callId !== undefined });
  const decision = known?.decision ?? call.data?.complianceDecision;
  const phone = known?.contactPhone ?? call.data?.contactPhone;
  const leadId = known?.leadId ?? call.data?.leadId;
  const name = useCallerName(leadId === undefined ? {} : { leadId });
  return (
    <Drawer
      opened={callId !== undefined}
      onClose={close}
      position="right"
      size={520}
      title={name ?? (phone ? formatPhone(phone) : 'Decision')}
    >
      <Stack gap="md">
        {call.error && !known ? <ErrorNote error={call.error} retry={() => call.refetch()} /> : null}
        {call.isPending && !known ? <RowsSkeleton rows={4} /> : null}
        {call.data && !decision ? (
          <p className="muted">The gate was not asked about this call: they called us.</p>
        ) : null}
        {decision ? (
          <>
            <DecisionNotice decision={decision} />
            <DecisionDetails decision={decision} />
            <DecisionEvidence decision={decision} />
          </>
        ) : null}
        {callId === undefined || phone === undefined ? null : (
          <Facts
            entries={[
              [
                'Call',
                <Link key="call" to="/calls/$callId" params={{ callId }}>
                  Open the call
                </Link>,
              ],
              [
                'Lead',
                leadId === undefined ? undefined : (
                  <Link key="lead" to="/leads/$leadId" params={{ leadId }}>
                    Open the lead
                  </Link>
                ),
              ],
              [
                'Number',
                hasNumber(phone) ? (
                  <Link key="number" to="/compliance/decisions" search={{ phone }}>
                    Every decision about {formatPhone(phone)}
                  </Link>
                ) : (
                  formatPhone(phone)
                ),
              ],
              [
                'Now',
                <Link key="now" to="/compliance" search={leadId === undefined ? { phone } : { lead: leadId }}>
                  May I call today?
                </Link>,
              ],
            ]}
          />
        )}
      </Stack>
    </Drawer>
  );
}

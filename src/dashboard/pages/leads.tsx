/** dashboard/pages/leads: the people we may want to call. */
import { Button, Drawer, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedCallback, useHotkeys } from '@mantine/hooks';
import {
  IconAddressBook,
  IconFileImport,
  IconPlugConnected,
  IconPlus,
  IconSearch,
} from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useRef, useState } from 'react';
import { type Lead, LeadStatus } from '../../contract/index.ts';
import { formatPhone, humanise } from '../format.ts';
import { LeadForm } from '../lead/lead-form.tsx';
import { campaignsQuery, leadsQuery } from '../queries.ts';
import { readLeadSearch } from '../search.ts';
import { columnsOf } from '../ui/data-table.tsx';
import { DayRangeFields, instantsOf } from '../ui/day-range.tsx';
import { List } from '../ui/list.tsx';
import { useMayAct } from '../ui/may-act.ts';
import { Ago, Pill, useNow, useTitle } from '../ui/pieces.tsx';
import { Empty } from '../ui/states.tsx';
import { callableWords, fullName, LEAD_STATUS } from '../words.ts';

function Name({ lead }: { lead: Lead }) {
  return (
    <Link className="row-link" to="/leads/$leadId" params={{ leadId: lead.id }}>
      <strong>{fullName(lead)}</strong>
      <span className="muted num">{formatPhone(lead.contact.phone)}</span>
    </Link>
  );
}

function Consent({ lead }: { lead: Lead }) {
  const now = useNow(60_000);
  return (
    <span className="pills">
      {callableWords(lead, now).map((word) => (
        <Pill key={word.label} word={word} />
      ))}
    </span>
  );
}

const placeOf = (lead: Lead): string =>
  [lead.contact.address?.city, lead.contact.address?.state, lead.contact.address?.zipCode]
    .filter(Boolean)
    .join(' ');

const column = columnsOf<Lead>();
const COLUMNS = column.columns([
  column.display({
    id: 'name',
    header: 'Name',
    enableHiding: false,
    cell: ({ row }) => <Name lead={row.original} />,
  }),
  column.display({
    id: 'status',
    header: 'Status',
    cell: ({ row }) => <Pill word={LEAD_STATUS[row.original.status]} />,
  }),
  column.display({
    id: 'consent',
    header: 'May be called',
    cell: ({ row }) => <Consent lead={row.original} />,
  }),
  column.accessor(placeOf, {
    id: 'place',
    header: 'Place',
    cell: ({ getValue }) => getValue() || <span className="muted">–</span>,
  }),
  column.accessor('source', { header: 'Source', cell: ({ getValue }) => humanise(getValue()) }),
  column.display({
    id: 'attempts',
    header: 'Attempts',
    cell: ({ row }) => <span className="num">{row.original.contactAttempts.length}</span>,
  }),
  column.display({
    id: 'contacted',
    header: 'Last contact',
    cell: ({ row }) =>
      row.original.lastContactedAt ? (
        <Ago at={row.original.lastContactedAt} />
      ) : (
        <span className="muted">Never</span>
      ),
  }),
]);

function LeadCard({ lead }: { lead: Lead }) {
  return (
    <div className="card">
      <div className="card-line">
        <Name lead={lead} />
        <Pill word={LEAD_STATUS[lead.status]} />
      </div>
      <div className="card-line small">
        <Consent lead={lead} />
        <span className="muted">{placeOf(lead)}</span>
      </div>
    </div>
  );
}

const STATUSES = [
  { value: '', label: 'Any status' },
  ...LeadStatus.options.map((value) => ({ value, label: LEAD_STATUS[value].label })),
];

export function LeadsPage() {
  useTitle('Leads');
  const filter = useSearch({ from: '/leads' });
  const navigate = useNavigate({ from: '/leads' });
  const mayAct = useMayAct();
  const [text, setText] = useState(filter.search ?? '');
  const [creating, setCreating] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useHotkeys([['/', () => field.current?.focus()]]);

  const campaigns = useQuery(campaignsQuery).data ?? [];
  const { from, to, ...rest } = filter;
  const leads = useInfiniteQuery(leadsQuery({ ...rest, ...instantsOf({ from, to }) }));
  const rows = useMemo(() => leads.data?.pages.flatMap((page) => page.items) ?? [], [leads.data]);
  const search = useDebouncedCallback((value: string) => {
    navigate({ search: readLeadSearch({ ...filter, search: value }), replace: true }).catch(() => undefined);
  }, 250);
  const filtered = Object.keys(filter).length > 0;
  const createButton = mayAct ? (
    <Button leftSection={<IconPlus size={18} />} onClick={() => setCreating(true)}>
      New lead
    </Button>
  ) : null;

  return (
    <div className="page">
      <header className="page-head">
        <h1>Leads</h1>
        <span className="grow" />
        <Button
          component={Link}
          to="/leads/sources"
          variant="default"
          leftSection={<IconPlugConnected size={18} />}
        >
          Sources
        </Button>
        <Button
          component={Link}
          to="/leads/import"
          variant="default"
          leftSection={<IconFileImport size={18} />}
        >
          Import
        </Button>
        {createButton}
      </header>
      <search className="filters" aria-label="Filter the leads">
        <TextInput
          ref={field}
          className="filter-search"
          aria-label="Search leads"
          placeholder="Name, email or number"
          leftSection={<IconSearch size={16} aria-hidden="true" />}
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            search(event.currentTarget.value);
          }}
        />
        <NativeSelect
          aria-label="Status"
          data={STATUSES}
          value={filter.status ?? ''}
          onChange={(event) =>
            navigate({
              search: readLeadSearch({ ...filter, status: event.currentTarget.value }),
              replace: true,
            })
          }
        />
        {campaigns.length > 0 || filter.campaignId ? (
          <NativeSelect
            aria-label="Campaign"
            data={[
              { value: '', label: 'Any campaign' },
              ...campaigns.map(({ id, name }) => ({ value: id, label: name })),
            ]}
            value={filter.campaignId ?? ''}
            onChange={(event) =>
              navigate({
                search: readLeadSearch({ ...filter, campaignId: event.currentTarget.value }),
                replace: true,
              })
            }
          />
        ) : null}
        <DayRangeFields
          from={from}
          to={to}
          change={(days) => navigate({ search: readLeadSearch({ ...filter, ...days }), replace: true })}
        />
      </search>
      <List
        list={leads}
        name="leads"
        caption="Leads, newest first"
        columns={COLUMNS}
        rows={rows}
        rowId={(lead) => lead.id}
        card={(lead) => <LeadCard lead={lead} />}
        empty={
          filtered ? (
            <Empty icon={<IconAddressBook size={36} stroke={1.4} />} title="No lead matches">
              Try fewer letters, another status or another campaign.
            </Empty>
          ) : (
            <Empty
              icon={<IconAddressBook size={36} stroke={1.4} />}
              title="No leads yet"
              action={createButton}
            >
              A lead is a person you may want to call. Enter the first one with the proof of consent.
            </Empty>
          )
        }
      />
      <Drawer
        opened={creating}
        onClose={() => setCreating(false)}
        position="right"
        size={500}
        title="New lead"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <LeadForm
          submitLabel="Save lead"
          done={(lead) => navigate({ to: '/leads/$leadId', params: { leadId: lead.id } })}
        />
      </Drawer>
    </div>
  );
}

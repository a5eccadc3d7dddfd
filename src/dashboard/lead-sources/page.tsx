/** dashboard/lead-sources: the addresses that lead sources post their leads to: looked at, made and revoked. */
import './lead-sources.css';
import { Button } from '@mantine/core';
import { IconArrowLeft, IconPlugConnected, IconPlus } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { CreatedIntakeEndpoint, IntakeEndpoint, LeadField } from '../../contract/index.ts';
import { usersQuery } from '../access/queries.ts';
import { api } from '../api.ts';
import { NO_FIELD } from '../lead-import/mapping.tsx';
import { campaignsQuery, keys, leadSourcesQuery, meQuery, settingsQuery } from '../queries.ts';
import { columnsOf, DataTable } from '../ui/data-table.tsx';
import { useMay } from '../ui/may-act.ts';
import { Ago, Copy, Facts, NotForYou, Pill, useTitle } from '../ui/pieces.tsx';
import { Question } from '../ui/question.tsx';
import { Empty, ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { MadeSource, NewSource } from './new-source.tsx';
import { FIELD, SOURCE, VALUES } from './words.ts';

/** What people call whoever did something, by the id that is kept. */
function useNames(): (id: string) => string {
  const me = useQuery(meQuery).data?.user.id;
  const users = useInfiniteQuery({ ...usersQuery, enabled: useMay('ADMIN') }).data;
  return useMemo(() => {
    const names = new Map(users?.pages.flatMap(({ items }) => items.map(({ id, name }) => [id, name])));
    return (id) =>
      id === me ? 'you' : (names.get(id) ?? (/^(?:key:|admin-api-key$)/.test(id) ? 'an API key' : id));
  }, [me, users]);
}

const TARGET: Readonly<Record<string, string>> = {
  ...FIELD,
  ...Object.fromEntries(NO_FIELD.map(({ value, label }) => [value, label])),
};

const wordOf = (field: LeadField, value: string): string =>
  VALUES[field]?.find((word) => word.value === value)?.label ?? `“${value}”`;

function Name({ one }: { one: IntakeEndpoint }) {
  const said = one.mapping.length + one.defaults.length;
  return (
    <div className="source-name" data-revoked={one.revokedAt === undefined ? undefined : true}>
      <strong>{one.name}</strong>
      <span className="aside-detail">{SOURCE[one.source].label}</span>
      {said > 0 ? (
        <details className="small">
          <summary>
            Names and values ({said})<span className="sr"> of {one.name}</span>
          </summary>
          <Facts
            entries={[
              ...one.mapping.map(({ from, target }) => [from, TARGET[target]] as const),
              ...one.defaults.map(({ field, value }) => [FIELD[field], wordOf(field, value)] as const),
            ]}
          />
        </details>
      ) : null}
    </div>
  );
}

function Address({ one, url }: { one: IntakeEndpoint; url: string }) {
  return (
    <div className="source-where">
      <span className="source-address">
        <code>{url}</code>
        {one.revokedAt === undefined ? <Copy value={url} what={`address of ${one.name}`} /> : null}
      </span>
      {one.revokedAt === undefined ? <span className="aside-detail">{one.proof}</span> : null}
    </div>
  );
}

function Made({ one, nameOf }: { one: IntakeEndpoint; nameOf: (id: string) => string }) {
  return (
    <span className="source-made">
      <Ago at={one.createdAt} />
      <span className="aside-detail">by {nameOf(one.createdBy)}</span>
    </span>
  );
}

function Standing({ one, nameOf }: { one: IntakeEndpoint; nameOf: (id: string) => string }) {
  if (one.revokedAt === undefined) return <Pill word={{ label: 'Open', tone: 'good' }} />;
  return (
    <span className="source-made">
      <Pill word={{ label: 'Revoked', tone: 'quiet' }} />
      <span className="aside-detail">
        <Ago at={one.revokedAt} />
        {one.revokedBy === undefined ? '' : ` by ${nameOf(one.revokedBy)}`}
      </span>
    </span>
  );
}

const column = columnsOf<IntakeEndpoint>();

export function LeadSourcesPage() {
  useTitle('Lead sources');
  const admin = useMay('ADMIN');
  const sources = useQuery(leadSourcesQuery);
  const settings = useQuery(settingsQuery);
  const campaigns = useQuery(campaignsQuery).data;
  const nameOf = useNames();
  const queries = useQueryClient();
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<CreatedIntakeEndpoint>();
  const [revoking, setRevoking] = useState<IntakeEndpoint>();
  const again = () => {
    queries.invalidateQueries({ queryKey: keys.leadSources }).catch(() => undefined);
  };
  const base = settings.data?.publicBaseUrl;
  const table = useMemo(() => {
    const address = (one: IntakeEndpoint) => <Address one={one} url={`${base ?? ''}${one.path}`} />;
    const campaign = ({ campaignId }: IntakeEndpoint) =>
      campaignId === undefined ? null : (
        <Link to="/campaigns/$campaignId" params={{ campaignId }}>
          {campaigns?.find(({ id }) => id === campaignId)?.name ?? 'Open'}
        </Link>
      );
    const revoke = (one: IntakeEndpoint) =>
      one.revokedAt === undefined ? (
        <Button
          variant="default"
          size="compact-sm"
          aria-label={`Revoke ${one.name}`}
          onClick={() => setRevoking(one)}
        >
          Revoke
        </Button>
      ) : null;
    return {
      address,
      campaign,
      revoke,
      columns: column.columns([
        column.display({
          id: 'name',
          header: 'Source',
          enableHiding: false,
          cell: ({ row }) => <Name one={row.original} />,
        }),
        column.display({ id: 'address', header: 'Address', cell: ({ row }) => address(row.original) }),
        column.display({
          id: 'campaign',
          header: 'Campaign',
          cell: ({ row }) => campaign(row.original) ?? <span className="muted">–</span>,
        }),
        column.display({
          id: 'made',
          header: 'Made',
          cell: ({ row }) => <Made one={row.original} nameOf={nameOf} />,
        }),
        column.display({
          id: 'standing',
          header: 'Standing',
          cell: ({ row }) => <Standing one={row.original} nameOf={nameOf} />,
        }),
        ...(admin
          ? [column.display({ id: 'revoke', header: 'Revoke', cell: ({ row }) => revoke(row.original) })]
          : []),
      ]),
    };
  }, [base, campaigns, nameOf, admin]);
  const create = admin ? (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setMaking(true)}>
      New lead source
    </Button>
  ) : null;
  const error = sources.error ?? settings.error;
  const rows = base === undefined ? undefined : sources.data;
  return (
    <div className="page">
      <header className="page-head">
        <h1>Lead sources</h1>
        <span className="grow" />
        <Button
          component={Link}
          to="/leads"
          variant="default"
          leftSection={<IconArrowLeft size={16} aria-hidden="true" />}
        >
          Leads
        </Button>
        {create}
      </header>
      {admin ? null : (
        <div className="sources-note">
          <NotForYou needs="administrator">Lead sources cannot be made or revoked here.</NotForYou>
        </div>
      )}
      {error ? (
        <ErrorNote error={error} retry={() => Promise.all([sources.refetch(), settings.refetch()])} />
      ) : null}
      {!rows && !error ? <RowsSkeleton /> : null}
      {rows && rows.length > 0 ? (
        <DataTable
          name="lead-sources"
          caption="Addresses for lead sources, newest first"
          columns={table.columns}
          rows={rows}
          rowId={(one) => one.id}
          card={(one) => (
            <div className="card">
              <div className="card-line">
                <Name one={one} />
                <Standing one={one} nameOf={nameOf} />
              </div>
              {table.address(one)}
              <div className="card-line small">
                <Made one={one} nameOf={nameOf} />
                {table.campaign(one)}
                {admin ? table.revoke(one) : null}
              </div>
            </div>
          )}
        />
      ) : null}
      {rows?.length === 0 ? (
        <Empty
          icon={<IconPlugConnected size={36} stroke={1.4} />}
          title="No lead sources yet"
          action={create}
        >
          {admin
            ? 'Zillow, Google Ads, Real Geeks or your own form can send each lead here as it comes up. Make an address for each, and enter it there with its secret.'
            : 'Zillow, Google Ads, Real Geeks or a form can send each lead here as it comes up, once an administrator has made an address for it.'}
        </Empty>
      ) : null}
      {making ? (
        <NewSource
          close={() => setMaking(false)}
          done={(one) => {
            setMaking(false);
            setMade(one);
            again();
          }}
        />
      ) : null}
      {made ? (
        <MadeSource made={made} url={`${base ?? ''}${made.path}`} close={() => setMade(undefined)} />
      ) : null}
      {revoking ? <Revoke one={revoking} close={() => setRevoking(undefined)} done={again} /> : null}
    </div>
  );
}

function Revoke({ one, close, done }: { one: IntakeEndpoint; close: () => void; done: () => void }) {
  const revoke = useMutation({
    mutationFn: () => api.revokeLeadSource(one.id),
    onSuccess: () => {
      done();
      close();
    },
  });
  return (
    <Question title={`Revoke “${one.name}”?`} close={close} deed={revoke} label="Revoke">
      From now on no lead that is sent to it is taken, and whoever sends one gets an error. Leads that came in
      stay. A revoked address cannot be brought back.
    </Question>
  );
}

/** dashboard/access/audit-log: who did and saw what, newest first; whose deeds, and done to what. */
import { Button, CloseButton, NativeSelect, TextInput } from '@mantine/core';
import { IconListSearch } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useMemo, useState } from 'react';
import type { AuditEntry } from '../../contract/index.ts';
import type { AuditFilter } from '../api.ts';
import { dayAsInstant, formatPhone } from '../format.ts';
import { columnsOf } from '../ui/data-table.tsx';
import { DayRangeFields } from '../ui/day-range.tsx';
import { List } from '../ui/list.tsx';
import { Ago, Pill, useTitle } from '../ui/pieces.tsx';
import { Empty } from '../ui/states.tsx';
import { auditQuery } from './queries.ts';
import { type AuditSearch, readAuditSearch } from './search.ts';
import { deedOf, OUTCOME, placeOf } from './words.ts';

const filterOf = ({ from, to, ...rest }: AuditSearch): AuditFilter => {
  const since = from === undefined ? undefined : dayAsInstant(from);
  const until = to === undefined ? undefined : dayAsInstant(to, 1);
  return { ...rest, ...(since ? { from: since } : {}), ...(until ? { to: until } : {}) };
};

const VIA: Record<AuditEntry['who']['via'], string> = {
  cookie: '',
  api_key: 'by a key',
  sign_in: '',
};

function Who({ entry: { who, network } }: { entry: AuditEntry }) {
  return (
    <Link
      className="row-link"
      to="/access/audit-log"
      search={(before) => ({ ...readAuditSearch(before), who: who.id })}
      title="Only what they did"
    >
      <strong>{who.name}</strong>
      <span className="muted">{[VIA[who.via], network].filter(Boolean).join(', ')}</span>
    </Link>
  );
}

function Target({ route, target }: { route: string; target: string }) {
  const place = placeOf(route, target);
  const text = target.startsWith('+') ? formatPhone(target) : target;
  const shown = <code title={target}>{text.length > 16 ? `${text.slice(0, 8)}…` : text}</code>;
  return place === undefined ? (
    <Link
      to="/access/audit-log"
      search={(before) => ({ ...readAuditSearch(before), target })}
      title="Everything done to it"
    >
      {shown}
    </Link>
  ) : (
    <Link to={place}>{shown}</Link>
  );
}

function What({ entry }: { entry: AuditEntry }) {
  return (
    <span className="why" title={entry.route}>
      {deedOf(entry.route)}{' '}
      {entry.targets.map((target) => (
        <span key={target}>
          <Target route={entry.route} target={target} />{' '}
        </span>
      ))}
    </span>
  );
}

const column = columnsOf<AuditEntry>();
const COLUMNS = column.columns([
  column.display({
    id: 'when',
    header: 'When',
    enableHiding: false,
    cell: ({ row }) => <Ago at={row.original.at} />,
  }),
  column.display({ id: 'who', header: 'Who', cell: ({ row }) => <Who entry={row.original} /> }),
  column.display({ id: 'what', header: 'What', cell: ({ row }) => <What entry={row.original} /> }),
  column.display({
    id: 'outcome',
    header: 'Outcome',
    cell: ({ row }) => <Pill word={OUTCOME[row.original.outcome]} title={`Status ${row.original.status}`} />,
  }),
  column.accessor('requestId', {
    header: 'Request',
    cell: ({ getValue }) => <code title={getValue()}>{getValue().slice(0, 8)}</code>,
  }),
]);

export function AuditLog() {
  useTitle('Audit log');
  const search = useSearch({ from: '/access/audit-log' });
  const navigate = useNavigate({ from: '/access/audit-log' });
  const entries = useInfiniteQuery(auditQuery(filterOf(search)));
  const rows = useMemo(() => entries.data?.pages.flatMap((page) => page.items) ?? [], [entries.data]);
  const filtered = Object.keys(search).length > 0;
  const set = (part: Readonly<Record<string, string | undefined>>) => {
    navigate({ search: readAuditSearch({ ...search, ...part }), replace: true }).catch(() => undefined);
  };
  return (
    <>
      <header className="tab-head">
        <h2>Audit log</h2>
        <p className="muted small">
          Every change, and every opening of a call, a recording, a lead or a proof. Nobody can change it.
        </p>
      </header>
      <search className="filters" aria-label="Filter the audit log">
        <NativeSelect
          aria-label="Kind"
          data={[
            { value: '', label: 'Everything' },
            { value: 'change', label: 'Changes' },
            { value: 'opening', label: 'Openings' },
          ]}
          value={search.kind ?? ''}
          onChange={(event) => set({ kind: event.currentTarget.value })}
        />
        <TargetFilter key={search.target ?? ''} target={search.target} change={(target) => set({ target })} />
        <DayRangeFields from={search.from} to={search.to} change={set} />
        {search.who === undefined ? null : (
          <span className="chip">
            Only {rows.find(({ who }) => who.id === search.who)?.who.name ?? search.who}
            <CloseButton size="sm" aria-label="Show everybody" onClick={() => set({ who: undefined })} />
          </span>
        )}
        {filtered ? (
          <Button variant="subtle" onClick={() => navigate({ search: {}, replace: true })}>
            Show all
          </Button>
        ) : null}
      </search>
      <List
        list={entries}
        name="audit-log"
        caption="Who did and saw what, newest first"
        columns={COLUMNS}
        rows={rows}
        rowId={(entry) => entry.id}
        card={(entry) => (
          <div className="card">
            <div className="card-line">
              <Who entry={entry} />
              <Pill word={OUTCOME[entry.outcome]} />
            </div>
            <div className="card-line small">
              <What entry={entry} />
              <Ago at={entry.at} />
            </div>
          </div>
        )}
        empty={
          <Empty
            icon={<IconListSearch size={36} stroke={1.4} />}
            title={filtered ? 'Nothing matches these filters' : 'Nothing was done yet'}
          >
            {filtered ? 'Change a filter, or show everything.' : 'What people and programs do stands here.'}
          </Empty>
        }
      />
    </>
  );
}

function TargetFilter({
  target,
  change,
}: {
  target: string | undefined;
  change: (target: string | undefined) => void;
}) {
  const [text, setText] = useState(target ?? '');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change(text.trim() === '' ? undefined : text.trim());
  };
  return (
    <form onSubmit={submit}>
      <TextInput
        aria-label="Id or number"
        placeholder="Id or +12065550123"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={() => change(text.trim() === '' ? undefined : text.trim())}
      />
    </form>
  );
}

/** dashboard/pages/calls: the home page: what is going on now, and every call before it. */
import { Button, NativeSelect } from '@mantine/core';
import {
  IconPhone,
  IconPhoneIncoming,
  IconPhoneOutgoing,
  IconPhonePlus,
  IconWifiOff,
} from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { type Call, CallOutcome, CallStatus, Direction } from '../../contract/index.ts';
import { useDialer } from '../dialer.ts';
import { formatMs, formatPhone } from '../format.ts';
import { useLive } from '../live.ts';
import { callsQuery } from '../queries.ts';
import { type CallSearch, readCallSearch } from '../search.ts';
import { columnsOf, DataTable } from '../ui/data-table.tsx';
import { Ago, Length, Pill, Running, useTitle } from '../ui/pieces.tsx';
import { Empty, ErrorNote, LoadMore, RowsSkeleton } from '../ui/states.tsx';
import { useCallerName } from '../ui/who.ts';
import { DIRECTION, endReason, isOver, OUTCOME, STATUS } from '../words.ts';

function Who({ call }: { call: Call }) {
  const name = useCallerName(call);
  return (
    <Link className="row-link" to="/calls/$callId" params={{ callId: call.id }}>
      <strong>{name ?? formatPhone(call.contactPhone)}</strong>
      {name ? <span className="muted num">{formatPhone(call.contactPhone)}</span> : null}
    </Link>
  );
}

export function CallStatusPill({ call }: { call: Call }) {
  return <Pill word={STATUS[call.status]} />;
}

function CallLength({ call }: { call: Call }) {
  if (!isOver(call))
    return call.answeredAt ? <Running since={call.answeredAt} /> : <span className="muted">–</span>;
  return call.duration ? <Length seconds={call.duration} /> : <span className="muted">–</span>;
}

function WhyEnded({ call }: { call: Call }) {
  return call.endReason && isOver(call) ? (
    <span
      className="why"
      title={call.complianceDecision?.verdict === 'deny' ? call.complianceDecision.explanation : undefined}
    >
      {endReason(call.endReason)}
    </span>
  ) : (
    <span className="muted">–</span>
  );
}

const column = columnsOf<Call>();
const COLUMNS = column.columns([
  column.display({
    id: 'who',
    header: 'Who',
    enableHiding: false,
    cell: ({ row }) => <Who call={row.original} />,
  }),
  column.display({
    id: 'direction',
    header: 'Direction',
    cell: ({ row }) => {
      const { direction } = row.original;
      const Icon = direction === 'inbound' ? IconPhoneIncoming : IconPhoneOutgoing;
      return (
        <span className="with-icon">
          <Icon size={15} stroke={1.7} aria-hidden="true" />
          {DIRECTION[direction]}
        </span>
      );
    },
  }),
  column.display({
    id: 'status',
    header: 'Status',
    cell: ({ row }) => <CallStatusPill call={row.original} />,
  }),
  column.display({
    id: 'outcome',
    header: 'Outcome',
    cell: ({ row }) =>
      row.original.outcome ? <Pill word={OUTCOME[row.original.outcome]} /> : <span className="muted">–</span>,
  }),
  column.display({
    id: 'started',
    header: 'Started',
    cell: ({ row }) => <Ago at={row.original.initiatedAt} />,
  }),
  column.display({ id: 'length', header: 'Duration', cell: ({ row }) => <CallLength call={row.original} /> }),
  column.display({
    id: 'latency',
    header: 'Reply time',
    cell: ({ row }) => {
      const { medianMs } = row.original.latency;
      return medianMs === undefined ? (
        <span className="muted">–</span>
      ) : (
        <span className="num" title="Median time from the caller's last word to the agent's first sound">
          {formatMs(medianMs)}
        </span>
      );
    },
  }),
  column.display({ id: 'why', header: 'Why it ended', cell: ({ row }) => <WhyEnded call={row.original} /> }),
]);

function CallCard({ call }: { call: Call }) {
  return (
    <div className="card">
      <div className="card-line">
        <Who call={call} />
        <CallStatusPill call={call} />
      </div>
      <div className="card-line muted small">
        <span>
          {DIRECTION[call.direction]} · <Ago at={call.initiatedAt} />
        </span>
        <CallLength call={call} />
      </div>
      {call.outcome || (isOver(call) && call.endReason) ? (
        <div className="card-line small">
          {call.outcome ? <Pill word={OUTCOME[call.outcome]} /> : null}
          <WhyEnded call={call} />
        </div>
      ) : null}
    </div>
  );
}

const options = (any: string, values: readonly string[], name: (value: string) => string) => [
  { value: '', label: any },
  ...values.map((value) => ({ value, label: name(value) })),
];
const STATUSES = options('Any status', CallStatus.options, (value) => STATUS[CallStatus.parse(value)].label);
const DIRECTIONS = options(
  'Both directions',
  Direction.options,
  (value) => DIRECTION[Direction.parse(value)],
);
const OUTCOMES = options(
  'Any outcome',
  CallOutcome.options,
  (value) => OUTCOME[CallOutcome.parse(value)].label,
);

const matches = (call: Call, filter: CallSearch): boolean =>
  (filter.status === undefined || call.status === filter.status) &&
  (filter.direction === undefined || call.direction === filter.direction) &&
  (filter.outcome === undefined || call.outcome === filter.outcome);

export function CallsPage() {
  useTitle('Calls');
  const filter = useSearch({ from: '/' });
  const navigate = useNavigate({ from: '/' });
  const dialer = useDialer();
  const live = useLive();
  const calls = useInfiniteQuery(callsQuery(filter));
  const rows = useMemo(() => {
    const now = live.calls.filter((call) => matches(call, filter));
    const shown = new Set(live.calls.map((call) => call.id));
    const before =
      calls.data?.pages.flatMap((page) => page.items).filter((call) => !shown.has(call.id)) ?? [];
    return [...now, ...before];
  }, [live.calls, calls.data, filter]);

  const filtered = Object.keys(filter).length > 0;
  const set = (key: keyof CallSearch, value: string) =>
    navigate({ search: readCallSearch({ ...filter, [key]: value }), replace: true });

  const dialButton = (
    <Button leftSection={<IconPhonePlus size={18} />} onClick={() => dialer.open()}>
      Call a lead
    </Button>
  );
  return (
    <div className="page">
      <header className="page-head">
        <h1>Calls</h1>
        <LiveBadge />
        <span className="grow" />
        {dialButton}
      </header>
      <search className="filters" aria-label="Filter the calls">
        <NativeSelect
          aria-label="Status"
          data={STATUSES}
          value={filter.status ?? ''}
          onChange={(event) => set('status', event.currentTarget.value)}
        />
        <NativeSelect
          aria-label="Direction"
          data={DIRECTIONS}
          value={filter.direction ?? ''}
          onChange={(event) => set('direction', event.currentTarget.value)}
        />
        <NativeSelect
          aria-label="Outcome"
          data={OUTCOMES}
          value={filter.outcome ?? ''}
          onChange={(event) => set('outcome', event.currentTarget.value)}
        />
        {filtered ? (
          <Button variant="subtle" onClick={() => navigate({ search: {}, replace: true })}>
            Show all
          </Button>
        ) : null}
      </search>
      {calls.error ? <ErrorNote error={calls.error} retry={() => calls.refetch()} /> : null}
      {calls.isPending && rows.length === 0 ? <RowsSkeleton /> : null}
      {rows.length > 0 ? (
        <DataTable
          name="calls"
          caption="Calls, newest first; live ones on top"
          columns={COLUMNS}
          rows={rows}
          rowId={(call) => call.id}
          card={(call) => <CallCard call={call} />}
          isLive={(call) => !isOver(call)}
        />
      ) : null}
      {calls.data && rows.length === 0 ? (
        filtered ? (
          <Empty icon={<IconPhone size={36} stroke={1.4} />} title="No call matches these filters">
            Change a filter, or show all calls.
          </Empty>
        ) : (
          <Empty icon={<IconPhone size={36} stroke={1.4} />} title="No calls yet" action={dialButton}>
            Choose a lead and let the agent call. You can read along while they talk, and listen afterwards.
          </Empty>
        )
      ) : null}
      <LoadMore list={calls} />
    </div>
  );
}

/** How many calls are going on, and whether this page still hears about them. */
function LiveBadge() {
  const { connection, calls } = useLive();
  if (connection === 'reconnecting') {
    return (
      <span className="pill" data-tone="warn" role="status">
        <IconWifiOff size={13} aria-hidden="true" /> Reconnecting …
      </span>
    );
  }
  return (
    <span role="status">
      {calls.length > 0 ? (
        <span className="pill" data-tone="live">
          {calls.length} live
        </span>
      ) : null}
    </span>
  );
}

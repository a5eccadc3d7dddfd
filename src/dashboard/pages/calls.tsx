/** dashboard/pages/calls: what is going on now, and every call before it. */
import { Button } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import {
  IconDownload,
  IconMessage,
  IconPhone,
  IconPhoneIncoming,
  IconPhoneOutgoing,
  IconPhonePlus,
  IconUser,
  IconWifiOff,
} from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useRef, useState } from 'react';
import type { Call, ListedCall } from '../../contract/index.ts';
import { callsFile } from '../api.ts';
import { BulkDeeds } from '../calls/bulk.tsx';
import { CallFilters, filterOf } from '../calls/filters.tsx';
import { FoundCalls } from '../calls/found.tsx';
import { CallViews } from '../calls/views.tsx';
import { useDialer } from '../dialer.ts';
import { count, dayAsInstant, formatMoney, formatMs, formatPhone, formatShare, humanise } from '../format.ts';
import { useLive } from '../live.ts';
import { DemoButton } from '../overview/demo-button.tsx';
import { callsQuery, campaignsQuery } from '../queries.ts';
import { type CallSearch, readCallSearch } from '../search.ts';
import { columnsOf, DataTable } from '../ui/data-table.tsx';
import { useMayAct } from '../ui/may-act.ts';
import { Ago, Length, Pill, Running, useTitle } from '../ui/pieces.tsx';
import { Empty, ErrorNote, LoadMore, RowsSkeleton } from '../ui/states.tsx';
import { useCallerName } from '../ui/who.ts';
import { DIRECTION, endReason, isOver, moodOf, OUTCOME, REVIEW, STATUS } from '../words.ts';

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

const column = columnsOf<ListedCall>();
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
  column.display({
    id: 'campaign',
    header: 'Campaign',
    cell: ({ row }) => <OfCampaign id={row.original.campaignId} />,
  }),
  column.display({
    id: 'script',
    header: 'Agent',
    cell: ({ row }) => <Script call={row.original} />,
  }),
  column.display({
    id: 'review',
    header: 'Review',
    cell: ({ row }) => <Reviewed call={row.original} />,
  }),
  column.display({
    id: 'reviewer',
    header: 'Reviewer',
    cell: ({ row }) => row.original.review?.assignedToName ?? <None />,
  }),
  column.display({
    id: 'sentiment',
    header: 'Mood',
    cell: ({ row }) => {
      const { sentiment } = row.original;
      return sentiment ? <Pill word={moodOf(sentiment.overall)} /> : <None />;
    },
  }),
  column.display({
    id: 'quality',
    header: 'Quality',
    cell: ({ row }) =>
      row.original.qualityScore === undefined ? (
        <None />
      ) : (
        <span className="num">{formatShare(row.original.qualityScore)}</span>
      ),
  }),
  column.display({
    id: 'cost',
    header: 'Cost',
    cell: ({ row }) =>
      row.original.cost ? <span className="num">{formatMoney(row.original.cost.totalCost)}</span> : <None />,
  }),
  column.display({
    id: 'summary',
    header: 'Summary',
    cell: ({ row }) =>
      row.original.summary ? <span className="why">{row.original.summary}</span> : <None />,
  }),
]);
/** As the API takes them for one file. */
const MOST_CHOSEN = 300;
const SELDOM = ['campaign', 'script', 'reviewer', 'sentiment', 'quality', 'cost', 'summary'];

const None = () => <span className="muted">–</span>;

function OfCampaign({ id }: { id: string | undefined }) {
  const campaign = useQuery(campaignsQuery).data?.find((one) => one.id === id);
  if (id === undefined) return <None />;
  return (
    <Link to="/campaigns/$campaignId" params={{ campaignId: id }}>
      {campaign?.name ?? 'One that is gone'}
    </Link>
  );
}

/** The script that the agent spoke by, and its version. */
function Script({ call: { script } }: { call: ListedCall }) {
  if (!script) return <None />;
  return (
    <>
      {humanise(script.name)} <code>{script.hash.slice(0, 6)}</code>
    </>
  );
}

/** Whether there is something to say of its review. */
const isTouched = ({ review }: ListedCall): boolean =>
  review !== undefined &&
  (review.status !== 'unreviewed' ||
    review.tags.length > 0 ||
    review.comments > 0 ||
    review.assignedTo !== undefined);

function Reviewed({ call }: { call: ListedCall }) {
  const { review } = call;
  if (!review || !isTouched(call)) return <None />;
  return (
    <span className="tags">
      {review.status === 'unreviewed' ? null : <Pill word={REVIEW[review.status]} />}
      {review.tags.map((tag) => (
        <span key={tag} className="tag">
          {tag}
        </span>
      ))}
      {review.comments > 0 ? (
        <span className="with-icon muted" title={count(review.comments, 'comment')}>
          <IconMessage size={14} aria-hidden="true" />
          <span className="num">{review.comments}</span>
          <span className="sr">comments</span>
        </span>
      ) : null}
      {review.assignedToName ? (
        <span className="with-icon muted small" title={`To be reviewed by ${review.assignedToName}`}>
          <IconUser size={14} aria-hidden="true" />
          <span className="sr">Reviewer:</span> {review.assignedToName}
        </span>
      ) : null}
    </span>
  );
}

function CallCard({ call }: { call: ListedCall }) {
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
      {isTouched(call) ? <Reviewed call={call} /> : null}
    </div>
  );
}

/**
 * Whether a call that goes on now belongs into the list: nobody reviewed it yet or was given it, its cost and its words are not
 * known.
 */
const matches = (call: Call, { from, to, ...search }: CallSearch): boolean =>
  (search.text ?? search.tag) === undefined &&
  (search.review ?? 'unreviewed') === 'unreviewed' &&
  (search.assignedTo ?? 'none') === 'none' &&
  search.mood === undefined &&
  (search.minCost ?? search.maxCost) === undefined &&
  (search.promptHash ?? call.promptHash) === call.promptHash &&
  (search.status ?? call.status) === call.status &&
  (search.direction ?? call.direction) === call.direction &&
  (search.outcome ?? call.outcome) === call.outcome &&
  (search.campaignId ?? call.campaignId) === call.campaignId &&
  (search.phone === undefined || digits(call.contactPhone).endsWith(digits(search.phone))) &&
  (from === undefined || (dayAsInstant(from) ?? '') <= call.initiatedAt) &&
  (to === undefined || call.initiatedAt < (dayAsInstant(to, 1) ?? '9'));

const digits = (phone: string): string => phone.replaceAll(/\D/g, '').slice(-10);

export function CallsPage() {
  useTitle('Calls');
  const filter = useSearch({ from: '/calls' });
  const navigate = useNavigate({ from: '/calls' });
  const dialer = useDialer();
  const live = useLive();
  const calls = useInfiniteQuery({ ...callsQuery(filterOf(filter)), enabled: filter.text === undefined });
  const list = useRef<HTMLDivElement>(null);
  const rows = useMemo((): ListedCall[] => {
    const now = live.calls.filter((call) => matches(call, filter));
    const shown = new Set(live.calls.map((call) => call.id));
    const before =
      calls.data?.pages.flatMap((page) => page.items).filter((call) => !shown.has(call.id)) ?? [];
    return [...now, ...before];
  }, [live.calls, calls.data, filter]);

  const mayAct = useMayAct();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const choose = (ids: readonly string[], isChosen: boolean) =>
    setChosen((before) => {
      const next = new Set(before);
      for (const id of ids)
        if (!isChosen) next.delete(id);
        else if (next.size < MOST_CHOSEN) next.add(id);
      return next;
    });
  const asked = { ...filterOf(filter), ...(filter.text === undefined ? {} : { text: filter.text }) };

  const filtered = Object.keys(filter).length > 0;
  const change = (next: Readonly<Record<string, unknown>>) =>
    navigate({ search: readCallSearch(next), replace: true });
  const step = (by: 1 | -1) => {
    const links = [...(list.current?.querySelectorAll<HTMLElement>('.row-link, .found-who') ?? [])];
    const at = links.findIndex((link) => link.matches(':focus'));
    links[at < 0 ? 0 : at + by]?.focus();
  };
  useHotkeys([
    ['j', () => step(1)],
    ['k', () => step(-1)],
  ]);

  const dialButton = (
    <Button leftSection={<IconPhonePlus size={18} />} onClick={() => dialer.open()}>
      Call a lead
    </Button>
  );
  return (
    <div className="page" ref={list}>
      <header className="page-head">
        <h1>Calls</h1>
        <LiveBadge />
        <span className="grow" />
        <CallViews search={filter} open={change} />
        <Button
          component="a"
          variant="default"
          leftSection={<IconDownload size={16} />}
          href={callsFile(asked)}
          download="calls.csv"
        >
          CSV
        </Button>
        {dialButton}
      </header>
      <CallFilters search={filter} change={change} />
      {mayAct ? <BulkDeeds chosen={chosen} choose={setChosen} filter={asked} /> : null}
      {filter.text === undefined ? null : <FoundCalls search={filter} text={filter.text} />}
      {calls.error ? <ErrorNote error={calls.error} retry={() => calls.refetch()} /> : null}
      {calls.isLoading && rows.length === 0 ? <RowsSkeleton /> : null}
      {filter.text === undefined && rows.length > 0 ? (
        <DataTable
          name="calls"
          caption="Calls, newest first; live ones on top"
          columns={COLUMNS}
          rows={rows}
          rowId={(call) => call.id}
          card={(call) => <CallCard call={call} />}
          isLive={(call) => !isOver(call)}
          hidden={SELDOM}
          choice={
            mayAct
              ? { chosen, choose, nameOf: (call) => `the call with ${formatPhone(call.contactPhone)}` }
              : undefined
          }
        />
      ) : null}
      {filter.text === undefined && calls.data && rows.length === 0 ? (
        calls.hasNextPage ? (
          <p className="muted">None of the newest calls matches; there may be older ones.</p>
        ) : filtered ? (
          <Empty icon={<IconPhone size={36} stroke={1.4} />} title="No call matches these filters">
            Change a filter, or show all calls.
          </Empty>
        ) : (
          <Empty
            icon={<IconPhone size={36} stroke={1.4} />}
            title="No calls yet"
            action={<DemoButton>{dialButton}</DemoButton>}
          >
            Choose a lead and let the agent call. You can read along while they talk, and listen afterwards.
          </Empty>
        )
      ) : null}
      {filter.text === undefined ? <LoadMore list={calls} /> : null}
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

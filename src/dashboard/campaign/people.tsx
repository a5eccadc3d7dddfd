/** dashboard/campaign/people: the leads of a campaign, how each stands and what comes next for it. */
import { Button, NativeSelect } from '@mantine/core';
import { IconUsers } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { type Enrollment, EnrollmentStage } from '../../contract/index.ts';
import { formatMoment, sentence } from '../format.ts';
import { enrollmentsQuery } from '../queries.ts';
import { type EnrollmentSearch, readEnrollmentSearch } from '../search.ts';
import { columnsOf, DataTable } from '../ui/data-table.tsx';
import { Ago, Pill, useNow } from '../ui/pieces.tsx';
import { Empty, ErrorNote, LoadMore, RowsSkeleton } from '../ui/states.tsx';
import { ENDING, METHOD, outcomeWord, reasonWords, STAGE, STATE } from './words.ts';

function Who({ one }: { one: Enrollment }) {
  return (
    <Link className="row-link" to="/leads/$leadId" params={{ leadId: one.leadId }}>
      <strong>{one.leadName}</strong>
      <span className="muted">
        Came in <Ago at={one.receivedAt} />
      </span>
    </Link>
  );
}

/** What comes next for this lead, or why nothing does. */
export function Next({ one }: { one: Enrollment }) {
  const now = useNow(10_000);
  if (one.ended) {
    return (
      <>
        <Pill word={ENDING[one.ended.why]} />
        <span className="aside-detail">
          <Ago at={one.ended.at} />
        </span>
      </>
    );
  }
  if (one.working) {
    return (
      <>
        {METHOD[one.working.method]} under way
        <span className="aside-detail">
          Since <Ago at={one.working.since} />
          {one.working.method === 'automated_call' ? (
            <>
              {' · '}
              <Link className="above" to="/calls/$callId" params={{ callId: one.working.id }}>
                open the call
              </Link>
            </>
          ) : null}
        </span>
      </>
    );
  }
  if (one.waiting) {
    return (
      <>
        {reasonWords(one.waiting.reason)}
        <span className="aside-detail" title={one.waiting.explanation}>
          {one.waiting.until
            ? `Waits until ${formatMoment(one.waiting.until)}`
            : 'Waits until something changes'}
        </span>
      </>
    );
  }
  return (
    <>
      {one.next ? sentence(one.next).replace(/\.$/, '') : 'Nothing is planned'}
      {one.dueAt ? (
        <span className="aside-detail">
          {Date.parse(one.dueAt) <= now ? 'Due now' : `Due ${formatMoment(one.dueAt)}`}
        </span>
      ) : null}
    </>
  );
}

function Last({ one }: { one: Enrollment }) {
  if (one.lastAt === undefined) return <span className="muted">–</span>;
  return (
    <>
      {one.lastOutcome ? <Pill word={outcomeWord(one.lastOutcome)} /> : null}
      <span className="aside-detail">
        <Ago at={one.lastAt} />
      </span>
    </>
  );
}

const column = columnsOf<Enrollment>();
const COLUMNS = column.columns([
  column.display({
    id: 'who',
    header: 'Who',
    enableHiding: false,
    cell: ({ row }) => <Who one={row.original} />,
  }),
  column.display({
    id: 'stage',
    header: 'Stage',
    cell: ({ row }) => <Pill word={STAGE[row.original.stage]} />,
  }),
  column.display({ id: 'next', header: 'What comes next', cell: ({ row }) => <Next one={row.original} /> }),
  column.display({ id: 'last', header: 'Last', cell: ({ row }) => <Last one={row.original} /> }),
  column.accessor('calls', {
    header: 'Calls',
    cell: ({ getValue }) => <span className="num">{getValue()}</span>,
  }),
  column.accessor('messages', {
    header: 'Messages',
    cell: ({ getValue }) => <span className="num">{getValue()}</span>,
  }),
]);

const STAGES = [
  { value: '', label: 'Any stage' },
  ...EnrollmentStage.options.map((value) => ({ value, label: STAGE[value].label })),
];
const STATES = [
  { value: '', label: 'Any state' },
  ...Object.entries(STATE).map(([value, label]) => ({ value, label })),
];

export function CampaignPeople() {
  const { campaignId } = useParams({ from: '/campaigns/$campaignId' });
  const filter = useSearch({ from: '/campaigns/$campaignId/people' });
  const navigate = useNavigate({ from: '/campaigns/$campaignId/people' });
  const people = useInfiniteQuery(enrollmentsQuery(campaignId, filter));
  const rows = useMemo(() => people.data?.pages.flatMap((page) => page.items) ?? [], [people.data]);
  const filtered = Object.keys(filter).length > 0;
  const set = (
    part: Readonly<Record<keyof EnrollmentSearch, string | undefined> | Record<string, string | undefined>>,
  ) => {
    navigate({ search: readEnrollmentSearch({ ...filter, ...part }), replace: true }).catch(() => undefined);
  };
  return (
    <>
      <search className="filters" aria-label="Filter the people">
        <NativeSelect
          aria-label="Stage"
          data={STAGES}
          value={filter.stage ?? ''}
          onChange={(event) => set({ stage: event.currentTarget.value })}
        />
        <NativeSelect
          aria-label="State"
          data={STATES}
          value={filter.waiting ? 'waiting' : (filter.state ?? '')}
          onChange={(event) => set({ state: event.currentTarget.value, waiting: undefined })}
        />
        {filter.waiting ? (
          <span className="chip">
            {reasonWords(filter.waiting)}
            <Button
              variant="subtle"
              size="compact-xs"
              onClick={() => set({ waiting: undefined, state: 'waiting' })}
            >
              Any reason
            </Button>
          </span>
        ) : null}
        {filtered ? (
          <Button variant="subtle" onClick={() => navigate({ search: {}, replace: true })}>
            Show all
          </Button>
        ) : null}
      </search>
      {people.error ? <ErrorNote error={people.error} retry={() => people.refetch()} /> : null}
      {people.isPending ? <RowsSkeleton /> : null}
      {rows.length > 0 ? (
        <DataTable
          name="enrollments"
          caption="Leads of this campaign"
          columns={COLUMNS}
          rows={rows}
          rowId={(one) => one.id}
          isLive={(one) => one.working !== undefined}
          card={(one) => (
            <div className="card">
              <div className="card-line">
                <Who one={one} />
                <Pill word={STAGE[one.stage]} />
              </div>
              <div className="small">
                <Next one={one} />
              </div>
            </div>
          )}
        />
      ) : null}
      {people.data && rows.length === 0 ? (
        filtered ? (
          <Empty icon={<IconUsers size={36} stroke={1.4} />} title="Nobody stands like that">
            Change a filter, or show all.
          </Empty>
        ) : (
          <Empty icon={<IconUsers size={36} stroke={1.4} />} title="Nobody yet">
            While it runs it takes the leads that are given to it and those that fit, as soon as they come in.
          </Empty>
        )
      ) : null}
      <LoadMore list={people} />
    </>
  );
}

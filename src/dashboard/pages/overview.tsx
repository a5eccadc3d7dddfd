/** dashboard/pages/overview: the first page: how it goes, now and against before; each figure leads to what it counts. */
import '../ui/filters.css';
import '../overview/overview.css';
import { Button, SegmentedControl, Skeleton } from '@mantine/core';
import { IconPhone, IconPhonePlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useDialer } from '../dialer.ts';
import { DemoButton } from '../overview/demo-button.tsx';
import { Figures } from '../overview/figures.tsx';
import { LiveNow } from '../overview/live-now.tsx';
import { daysOf, type OverviewRange, questionOf } from '../overview/range.ts';
import { ToReview } from '../overview/to-review.tsx';
import { overviewQuery } from '../queries.ts';
import { readOverviewSearch } from '../search.ts';
import { DayRangeFields } from '../ui/day-range.tsx';
import { Ago, useNow, useTitle } from '../ui/pieces.tsx';
import { Empty, ErrorNote } from '../ui/states.tsx';

const RANGE_NAMES = [
  { value: 'today', label: 'Today' },
  { value: 'week', label: '7 days' },
  { value: 'month', label: '30 days' },
  { value: 'own', label: 'Own' },
];
const HOUR_MS = 3_600_000;

export function OverviewPage() {
  useTitle('Overview');
  const search = useSearch({ from: '/' });
  const navigate = useNavigate({ from: '/' });
  const dialer = useDialer();
  const days = daysOf(search, useNow(HOUR_MS));
  const overview = useQuery(overviewQuery(questionOf(days)));
  const change = (next: OverviewRange) => {
    navigate({ search: readOverviewSearch({ ...next }), replace: true }).catch(() => undefined);
  };
  const { data } = overview;
  const nothing =
    data?.complete === true &&
    [data.now, data.before].every(
      ({ outbound, inbound, denied, leads }) => outbound + inbound + denied + leads === 0,
    );
  const dialButton = (
    <Button leftSection={<IconPhonePlus size={18} />} onClick={() => dialer.open()}>
      Call a lead
    </Button>
  );
  return (
    <div className="page">
      <header className="page-head">
        <h1>Overview</h1>
        <LiveNow />
        <ToReview />
        <span className="grow" />
        {dialButton}
      </header>
      <search className="filters" aria-label="Which days">
        <SegmentedControl
          aria-label="Days"
          data={RANGE_NAMES}
          value={search.range ?? 'today'}
          onChange={(range) =>
            change(
              range === 'own' ? { ...readOverviewSearch({ range }), ...days } : readOverviewSearch({ range }),
            )
          }
        />
        {search.range === 'own' ? (
          <DayRangeFields {...days} change={(part) => change({ ...search, ...days, ...readDays(part) })} />
        ) : null}
        {data ? (
          <span className="muted small overview-made" role="status">
            {data.complete ? (
              <>
                Counted <Ago at={data.computedAt} />
              </>
            ) : (
              'Past days are being counted; the figures grow for a moment …'
            )}
          </span>
        ) : null}
      </search>
      {overview.error ? <ErrorNote error={overview.error} retry={() => overview.refetch()} /> : null}
      {overview.isPending ? (
        <div role="status" aria-label="Loading">
          <Skeleton height={180} mb="md" />
          <Skeleton height={280} />
        </div>
      ) : null}
      {data ? (
        nothing ? (
          <Empty
            icon={<IconPhone size={36} stroke={1.4} />}
            title={
              search.range === undefined
                ? 'Nothing happened today or yesterday'
                : 'Nothing happened in these days'
            }
            action={<DemoButton>{dialButton}</DemoButton>}
          >
            Calls, leads and what came of them are counted here.
          </Empty>
        ) : (
          <Figures overview={data} days={days} />
        )
      ) : null}
    </div>
  );
}

const readDays = (part: { from?: string | undefined; to?: string | undefined }): OverviewRange =>
  readOverviewSearch({ range: 'own', ...part });

/** dashboard/lead-import/report: how far an import is, how it ended, and what became of its rows. */
import { Button, Group, Progress, SegmentedControl, Table } from '@mantine/core';
import { IconDownload, IconPlayerStop } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { type ImportedRow, type LeadImport, RowOutcome } from '../../contract/index.ts';
import { api, leadImportReport } from '../api.ts';
import { formatBytes, formatCount } from '../format.ts';
import { Notice, Pill } from '../ui/pieces.tsx';
import { Empty, ErrorNote, LoadMore, RowsSkeleton } from '../ui/states.tsx';
import type { Word } from '../words.ts';
import { refusedRowsOf, saveAs } from './refused-rows.ts';
import { type LeadUpload, stopLeadUpload } from './upload.ts';

export const importKeys = {
  all: ['lead-imports'] as const,
  one: (id: string) => ['lead-imports', id] as const,
  rows: (id: string, outcome: string) => ['lead-imports', id, 'rows', outcome] as const,
};

const POLL_MS = 1_000;
const PAGE = 50;

export const OUTCOME: Record<RowOutcome, Word> = {
  created: { label: 'New lead', tone: 'good' },
  updated: { label: 'Updated', tone: 'info' },
  unchanged: { label: 'Nothing new', tone: 'quiet' },
  duplicate: { label: 'Known already', tone: 'quiet' },
  refused: { label: 'Refused', tone: 'bad' },
};
export const STATE: Record<LeadImport['state'], Word> = {
  waiting: { label: 'Waiting for its file', tone: 'info' },
  receiving: { label: 'Coming in', tone: 'live' },
  interrupted: { label: 'Interrupted', tone: 'warn' },
  done: { label: 'Done', tone: 'good' },
  failed: { label: 'Failed', tone: 'bad' },
  discarded: { label: 'Forgotten', tone: 'quiet' },
};
const MATCHED: Record<NonNullable<ImportedRow['matchedBy']>, string> = {
  external_id: 'same id at the source',
  phone: 'same number',
  email: 'same e-mail address',
};

function Sending({ upload }: { upload: LeadUpload }) {
  const share = upload.file.size === 0 ? 100 : (upload.sent / upload.file.size) * 100;
  return (
    <div className="upload">
      <Progress value={share} animated aria-label="Part of the file that was sent" />
      <Group justify="space-between" w="100%">
        <span className="small muted num">
          {formatBytes(upload.sent)} of {formatBytes(upload.file.size)} sent
        </span>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlayerStop size={14} />}
          onClick={() => stopLeadUpload()}
        >
          Stop
        </Button>
      </Group>
    </div>
  );
}

const Counts = ({ made }: { made: LeadImport }) => (
  <dl className="import-counts" aria-label="Counts">
    {(
      [
        ['Rows', made.rows],
        ['New leads', made.created],
        ['Updated', made.updated],
        ['Known, nothing new', made.duplicate + made.unchanged],
        ['Refused', made.refused],
        ['With proof of consent', made.withConsent],
      ] as const
    ).map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd className="num">{formatCount(value)}</dd>
      </div>
    ))}
  </dl>
);

function Ending({ made }: { made: LeadImport }) {
  if (made.state === 'interrupted')
    return (
      <Notice tone="warn" alert title={`Interrupted: ${made.failure ?? 'the file broke off'}`}>
        <p>What came is kept. Choose the same file again to go on behind it; nobody comes in twice.</p>
      </Notice>
    );
  if (made.state === 'failed')
    return (
      <Notice tone="bad" alert title="The file could not be read to its end">
        <p>{made.failure}</p>
      </Notice>
    );
  if (made.state !== 'done') return null;
  const silent = made.created + made.updated - made.withConsent;
  return (
    <Notice
      tone="good"
      alert
      title={`Done: ${formatCount(made.created)} new ${made.created === 1 ? 'lead' : 'leads'}`}
    >
      {silent > 0 ? (
        <p>Leads without complete proof of consent are kept and cannot be called until there is one.</p>
      ) : null}
    </Notice>
  );
}

/** `file`: the one that was sent, when this browser still has it. */
function Downloads({ made, file }: { made: LeadImport; file: File | undefined }) {
  const cut = useMutation({
    mutationFn: async (from: File) => saveAs(await refusedRowsOf(made.id, from), `refused-${from.name}`),
  });
  return (
    <>
      <Group gap="xs">
        <Button
          component="a"
          size="xs"
          variant="default"
          leftSection={<IconDownload size={14} />}
          href={leadImportReport(made.id)}
        >
          Report as CSV
        </Button>
        {made.refused > 0 ? (
          <Button
            component="a"
            size="xs"
            variant="default"
            leftSection={<IconDownload size={14} />}
            href={leadImportReport(made.id, 'refused')}
          >
            Why rows were refused
          </Button>
        ) : null}
        {made.refused > 0 && file ? (
          <Button
            size="xs"
            variant="default"
            loading={cut.isPending}
            leftSection={<IconDownload size={14} />}
            onClick={() => cut.mutate(file)}
          >
            Refused rows, to mend
          </Button>
        ) : null}
      </Group>
      {cut.error ? <ErrorNote error={cut.error} /> : null}
    </>
  );
}

function Rows({ made }: { made: LeadImport }) {
  const [outcome, setOutcome] = useState<RowOutcome | ''>(made.refused > 0 ? 'refused' : '');
  const rows = useInfiniteQuery({
    queryKey: importKeys.rows(made.id, outcome),
    queryFn: ({ pageParam, signal }) =>
      api.leadImportRows(made.id, outcome || undefined, { limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextCursor }) => nextCursor,
  });
  const all = rows.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <>
      <div className="outcomes">
        <SegmentedControl
          size="xs"
          aria-label="Which rows"
          data={[
            { value: '', label: 'All rows' },
            ...RowOutcome.options.map((value) => ({ value, label: OUTCOME[value].label })),
          ]}
          value={outcome}
          onChange={(value) => setOutcome(RowOutcome.safeParse(value).data ?? '')}
        />
      </div>
      {rows.error ? <ErrorNote error={rows.error} retry={() => rows.refetch()} /> : null}
      {rows.isPending ? <RowsSkeleton rows={4} /> : null}
      {rows.data && all.length === 0 ? <p className="muted">No such row.</p> : null}
      {all.length > 0 ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section className="scrolls" aria-label="Rows" tabIndex={0}>
          <Table fz="0.8125rem" verticalSpacing={5} aria-label="What became of the rows">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">Line</Table.Th>
                <Table.Th scope="col">What became of it</Table.Th>
                <Table.Th scope="col">Why</Table.Th>
                <Table.Th scope="col">Lead</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {all.map((row) => (
                <Table.Tr key={row.line}>
                  <Table.Td className="num">{row.line}</Table.Td>
                  <Table.Td>
                    <Pill word={OUTCOME[row.outcome]} />
                  </Table.Td>
                  <Table.Td>
                    {[row.matchedBy && MATCHED[row.matchedBy], ...row.says].filter(Boolean).join('. ')}
                  </Table.Td>
                  <Table.Td>
                    {row.leadId ? (
                      <Link to="/leads/$leadId" params={{ leadId: row.leadId }}>
                        Open
                      </Link>
                    ) : null}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </section>
      ) : null}
      <LoadMore list={rows} />
    </>
  );
}

/** One import as it is now; it is asked for again while it goes on. */
export function ImportReport({ id, upload }: { id: string; upload: LeadUpload | undefined }) {
  const mine = upload?.importId === id ? upload : undefined;
  const made = useQuery({
    queryKey: importKeys.one(id),
    queryFn: ({ signal }) => api.leadImport(id, signal),
    refetchInterval: ({ state }) =>
      mine?.phase === 'sending' || state.data?.state === 'receiving' ? POLL_MS : false,
  });
  if (made.error) return <ErrorNote error={made.error} retry={() => made.refetch()} />;
  if (!made.data) return <RowsSkeleton rows={3} />;
  const { data } = made;
  const over = data.state === 'done' || data.state === 'failed' || data.state === 'interrupted';
  return (
    <div className="import-report">
      <p>
        <Pill word={STATE[data.state]} /> <strong>{data.fileName ?? 'File of leads'}</strong>
      </p>
      {mine?.phase === 'sending' ? <Sending upload={mine} /> : null}
      {mine?.error ? <ErrorNote error={mine.error} /> : null}
      <Ending made={data} />
      <Counts made={data} />
      {over && data.rows > 0 ? (
        <>
          <Downloads made={data} file={mine?.file} />
          <Rows key={data.state} made={data} />
        </>
      ) : null}
      {data.state === 'done' && data.rows === 0 ? (
        <Empty icon={null} title="The file had no rows">
          There is nothing below its first line.
        </Empty>
      ) : null}
    </div>
  );
}

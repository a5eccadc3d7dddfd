/** dashboard/compliance/lists: the outside lists, how old our copies are, and bringing in a new one. */
import './lists.css';
import { Button, Group, Progress, SimpleGrid } from '@mantine/core';
import { IconFileImport, IconPlayerStop } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { ListImport, ListStatus } from '../../contract/index.ts';
import { api } from '../api.ts';
import { formatBytes, formatCount, formatDate, formatIn } from '../format.ts';
import { gateChanged, importsQuery, listsQuery } from '../queries.ts';
import { columnsOf, DataTable } from '../ui/data-table.tsx';
import { useMay } from '../ui/may-act.ts';
import { Ago, NotForYou, Notice, Pill, useNow, useTitle } from '../ui/pieces.tsx';
import { Question } from '../ui/question.tsx';
import { Empty, ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { ImportList } from './import-list.tsx';
import { forgetUpload, stopUpload, type Upload, useUploads } from './uploads.ts';
import { IMPORT_KIND, IMPORT_STATE, LIST_STATE } from './words.ts';

const MINUTE = 60_000;

/** A new copy, or the rest of one that was interrupted. */
type Importing = { readonly list: ListStatus } | { readonly goOn: ListImport; readonly name: string };

export function Lists() {
  useTitle('Lists');
  const uploads = useUploads();
  const sending = [...uploads.values()].some((upload) => upload.phase === 'sending');
  const lists = useQuery(listsQuery);
  const imports = useQuery(importsQuery(sending));
  const admin = useMay('ADMIN');
  const [importing, setImporting] = useState<Importing>();
  /** A list that nobody needs and nobody has is one line, not a card; the national registry everybody should have. */
  const isAbsent = (list: ListStatus): boolean =>
    list.asOf === null && !list.required && list.list !== 'national' && !uploads.has(list.list);
  const shown = lists.data?.filter((list) => !isAbsent(list)) ?? [];
  const absent = lists.data?.filter(isAbsent) ?? [];
  const nameOf = (list: string): string => lists.data?.find((one) => one.list === list)?.name ?? list;
  return (
    <>
      <header className="tab-head">
        <h2>Lists</h2>
        <p className="muted small">
          A copy older than 31 days denies every call it concerns. A new one replaces the old as a whole, once
          it is complete.
        </p>
      </header>
      {admin ? null : <NotForYou needs="administrator">Lists cannot be imported here.</NotForYou>}
      {lists.error ? <ErrorNote error={lists.error} retry={() => lists.refetch()} /> : null}
      {lists.isPending ? <RowsSkeleton rows={4} /> : null}
      {lists.data?.length === 0 ? (
        <Empty icon={<IconFileImport size={36} stroke={1.4} />} title="No list is known" />
      ) : null}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="md" mb="md">
        {shown.map((list) => {
          const upload = uploads.get(list.list);
          return (
            <ListCard
              key={list.list}
              list={list}
              upload={upload}
              lines={imports.data?.find((one) => one.list === list.list && one.state === 'receiving')?.lines}
              start={admin && upload?.phase !== 'sending' ? () => setImporting({ list }) : undefined}
            />
          );
        })}
      </SimpleGrid>
      {absent.length > 0 ? (
        <section className="panel absent" aria-labelledby="absent-title">
          <header className="panel-head">
            <h2 id="absent-title">Not set up</h2>
          </header>
          <p className="small muted">Calls go on without these lists, and nothing is looked up in them.</p>
          <ul>
            {absent.map((list) => (
              <li key={list.list}>
                <span>{list.name}</span>
                {admin ? (
                  <Button
                    variant="default"
                    size="compact-sm"
                    aria-label={`Import ${list.name}`}
                    onClick={() => setImporting({ list })}
                  >
                    Import
                  </Button>
                ) : null}
              </li>
            ))}
          </ul>
        </section>
      ) : null}
      <Imports
        imports={imports.data}
        error={imports.error}
        retry={() => imports.refetch()}
        nameOf={nameOf}
        goOn={admin ? (one) => setImporting({ goOn: one, name: nameOf(one.list) }) : undefined}
        uploads={uploads}
      />
      {importing ? <ImportList {...importing} close={() => setImporting(undefined)} /> : null}
    </>
  );
}

/** How much of the time a copy may be used is gone. */
function Age({ list }: { list: ListStatus }) {
  const now = useNow(MINUTE);
  if (list.asOf === null) {
    return (
      <p className="small">
        {list.required ? 'Calls are denied until there is a copy.' : 'Calls go on without it.'}
      </p>
    );
  }
  const from = Date.parse(list.asOf);
  const share = list.blocksAt
    ? Math.min(100, Math.max(2, ((now - from) / (Date.parse(list.blocksAt) - from)) * 100))
    : undefined;
  return (
    <>
      {share === undefined ? null : (
        <Progress
          value={share}
          size="sm"
          color={`var(--age-${list.state})`}
          aria-label={`${Math.round(share)} % of the time this copy may be used is gone`}
        />
      )}
      <p className="small">
        {list.blocksAt === null ? (
          'No law says how old this list may be.'
        ) : list.state === 'stale' ? (
          <>
            <strong>Blocks calls</strong> since {formatDate(list.blocksAt)}.
          </>
        ) : (
          <>
            Blocks calls on <strong>{formatDate(list.blocksAt)}</strong>, {formatIn(list.blocksAt, now)}.
          </>
        )}
      </p>
    </>
  );
}

function ListCard({
  list,
  upload,
  lines,
  start,
}: {
  list: ListStatus;
  upload: Upload | undefined;
  /** Lines the server has taken of an import that is under way. */
  lines: number | undefined;
  start: (() => void) | undefined;
}) {
  return (
    <section className="panel list-card" data-state={list.state} aria-labelledby={`list-${list.list}`}>
      <header className="panel-head">
        <h3 id={`list-${list.list}`}>{list.name}</h3>
        <Pill word={LIST_STATE[list.state]} />
      </header>
      <p className="list-count">
        {list.asOf === null ? (
          <span className="muted">Nothing imported</span>
        ) : (
          <>
            <span className="num">{formatCount(list.count)}</span>
            <span className="muted small">{list.count === 1 ? 'number' : 'numbers'}</span>
          </>
        )}
        {list.required ? <span className="pill">Required</span> : null}
      </p>
      <Age list={list} />
      {list.asOf ? (
        <p className="small muted">
          As of {formatDate(list.asOf)}
          {list.importedAt ? (
            <>
              , imported <Ago at={list.importedAt} />
            </>
          ) : null}
        </p>
      ) : null}
      {upload ? <UploadState upload={upload} lines={lines} /> : null}
      {!upload && lines !== undefined ? (
        <p className="small" role="status">
          An import is under way: {formatCount(lines)} lines taken.
        </p>
      ) : null}
      {start ? (
        <Button
          variant="default"
          mt="auto"
          leftSection={<IconFileImport size={16} />}
          aria-label={`Import ${list.name}`}
          onClick={start}
        >
          Import
        </Button>
      ) : null}
    </section>
  );
}

function UploadState({ upload, lines }: { upload: Upload; lines: number | undefined }) {
  if (upload.phase === 'sending') {
    const share = upload.size > 0 ? (upload.sent / upload.size) * 100 : 100;
    const allSent = upload.sent >= upload.size;
    return (
      <div className="upload" role="status">
        <Progress
          value={share}
          size="lg"
          animated={allSent}
          aria-label={`${upload.fileName} is being sent`}
        />
        <p className="small">
          {allSent
            ? 'All sent. The server puts the list in order'
            : `${formatBytes(upload.sent)} of ${formatBytes(upload.size)} sent`}
          {lines === undefined ? '' : `, ${formatCount(lines)} lines taken`}
        </p>
        <Button
          variant="default"
          size="compact-sm"
          leftSection={<IconPlayerStop size={14} />}
          onClick={() => stopUpload(upload.list)}
        >
          Stop
        </Button>
      </div>
    );
  }
  return (
    <div className="upload" role="status">
      {upload.result ? <Outcome result={upload.result} /> : null}
      {upload.stopped ? <Kept /> : null}
      {upload.error ? <ErrorNote error={upload.error} /> : null}
      <Button variant="subtle" size="compact-sm" onClick={() => forgetUpload(upload.list)}>
        Close this report
      </Button>
    </div>
  );
}

function Outcome({ result }: { result: ListImport }) {
  const done = result.state === 'done';
  if (result.state === 'interrupted') return <Kept />;
  return (
    <Notice tone={done ? 'good' : 'bad'} title={done ? 'The list is current' : 'The list was not replaced'}>
      <p>{done ? sumOf(result) : (result.failure ?? 'The import ended before it was complete.')}</p>
      <Faults result={result} />
    </Notice>
  );
}

const Kept = () => (
  <Notice tone="warn" title="The file was not sent to its end">
    <p>What was taken is kept. Go on with the same file under Imports, or discard it there.</p>
  </Notice>
);

const sumOf = ({ lines, added, removed, count }: ListImport): string =>
  `${formatCount(lines)} lines: ${formatCount(added)} added, ${formatCount(removed)} removed${
    count === undefined ? '' : `, ${formatCount(count)} numbers now`
  }.`;

/** Lines that could not be read. */
function Faults({ result }: { result: ListImport }) {
  if (result.rejected === 0 && result.errors.length === 0) return null;
  return (
    <details className="faults">
      <summary>
        {formatCount(result.rejected)} {result.rejected === 1 ? 'line was' : 'lines were'} not taken
      </summary>
      <ol>
        {result.errors.map((error) => (
          <li key={error.line}>
            <span className="num">Line {formatCount(error.line)}</span>: {error.message}
          </li>
        ))}
      </ol>
      {result.rejected > result.errors.length ? (
        <p className="muted">And {formatCount(result.rejected - result.errors.length)} more.</p>
      ) : null}
    </details>
  );
}

const column = columnsOf<ListImport>();

/** Every import there was; what was interrupted goes on or is forgotten here. */
function Imports({
  imports,
  error,
  retry,
  nameOf,
  goOn,
  uploads,
}: {
  imports: ListImport[] | undefined;
  error: unknown;
  retry: () => void;
  nameOf: (list: string) => string;
  goOn: ((one: ListImport) => void) | undefined;
  uploads: ReadonlyMap<string, Upload>;
}) {
  const [discarding, setDiscarding] = useState<ListImport>();
  const what = (one: ListImport) => (
    <>
      {nameOf(one.list)}
      <span className="aside-detail">
        {IMPORT_KIND[one.kind]}, as of {formatDate(one.asOf)}
      </span>
    </>
  );
  const result = (one: ListImport) => (
    <>
      {one.state === 'done' ? sumOf(one) : `${formatCount(one.lines)} lines taken.`}
      {one.failure ? <span className="aside-detail">{one.failure}</span> : null}
      <Faults result={one} />
      {one.state === 'interrupted' && goOn && uploads.get(one.list)?.phase !== 'sending' ? (
        <Group gap="xs" mt={4}>
          <Button variant="default" size="compact-sm" onClick={() => goOn(one)}>
            Go on
          </Button>
          <Button
            variant="subtle"
            color="red"
            c="var(--bad-ink)"
            size="compact-sm"
            onClick={() => setDiscarding(one)}
          >
            Discard
          </Button>
        </Group>
      ) : null}
    </>
  );
  const columns = column.columns([
    column.display({
      id: 'list',
      header: 'List',
      enableHiding: false,
      cell: ({ row }) => what(row.original),
    }),
    column.display({
      id: 'state',
      header: 'State',
      cell: ({ row }) => <Pill word={IMPORT_STATE[row.original.state]} />,
    }),
    column.display({ id: 'result', header: 'What came of it', cell: ({ row }) => result(row.original) }),
    column.display({
      id: 'began',
      header: 'Started',
      cell: ({ row }) => <Ago at={row.original.startedAt} />,
    }),
    column.accessor('createdBy', { header: 'By', cell: ({ getValue }) => getValue() }),
  ]);
  return (
    <section aria-labelledby="imports-title">
      <header className="tab-head">
        <h2 id="imports-title">Imports</h2>
        <p className="small muted">
          Whether one number is on a list: <Link to="/compliance">May I call?</Link>
        </p>
      </header>
      {error ? <ErrorNote error={error} retry={retry} /> : null}
      {imports?.length === 0 ? <p className="muted">Nothing was imported yet.</p> : null}
      {imports && imports.length > 0 ? (
        <DataTable
          name="imports"
          caption="Imports, newest first"
          columns={columns}
          rows={imports}
          rowId={(one) => one.id}
          isLive={(one) => one.state === 'receiving'}
          card={(one) => (
            <div className="card">
              <div className="card-line">
                <span>{what(one)}</span>
                <Pill word={IMPORT_STATE[one.state]} />
              </div>
              <div className="small">{result(one)}</div>
              <span className="small muted">
                <Ago at={one.startedAt} /> by {one.createdBy}
              </span>
            </div>
          )}
        />
      ) : null}
      {discarding ? (
        <Discard one={discarding} name={nameOf(discarding.list)} close={() => setDiscarding(undefined)} />
      ) : null}
    </section>
  );
}

function Discard({ one, name, close }: { one: ListImport; name: string; close: () => void }) {
  const queries = useQueryClient();
  const discard = useMutation({
    mutationFn: () => api.discardImport(one.id),
    onSuccess: () => {
      gateChanged(queries);
      forgetUpload(one.list);
      close();
    },
  });
  return (
    <Question title="Discard this import?" close={close} deed={discard} back="Keep it" label="Discard">
      The {formatCount(one.lines)} lines that were taken of {name} are forgotten. The copy in use stays as it
      is.
    </Question>
  );
}

/** dashboard/compliance/retention: what is kept how long, what the daily run did, and people who asked to be forgotten. */
import { FormEnd, ReasonField } from '../ui/form.tsx';
import '../ui/history.css';
import './policy.css';
import { Button, Group, Modal, NumberInput, Stack, Switch } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconEraser, IconEye, IconPlayerPlay } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { Erasure, RetentionPolicy, RetentionRun } from '../../contract/index.ts';
import { api, faultOf } from '../api.ts';
import { formatPhone, sentence } from '../format.ts';
import { erasuresQuery, keys, retentionQuery, retentionRunsQuery } from '../queries.ts';
import { columnsOf, DataTable } from '../ui/data-table.tsx';
import { useMay } from '../ui/may-act.ts';
import { Ago, NotForYou, Notice, Panel, Pill, useTitle } from '../ui/pieces.tsx';
import { ErrorNote, LoadMore, RowsSkeleton } from '../ui/states.tsx';
import type { Word } from '../words.ts';
import { Erase, ErasureReport } from './erase.tsx';
import { lifetimeWord, RUN_STATE, tellRun } from './words.ts';

export function Retention() {
  useTitle('Retention');
  const admin = useMay('ADMIN');
  return (
    <>
      <header className="tab-head">
        <h2>Retention</h2>
        <p className="muted small">
          What is kept, for how long, and who asks for it. Nothing leaves without a report.
        </p>
      </header>
      {admin ? (
        <Kept />
      ) : (
        <NotForYou needs="administrator">
          What is kept how long, and who asked to be forgotten, is not shown here.
        </NotForYou>
      )}
    </>
  );
}

function Kept() {
  const policy = useQuery(retentionQuery);
  return (
    <Stack gap="md">
      <Runs />
      <Forgotten />
      {policy.error ? <ErrorNote error={policy.error} retry={() => policy.refetch()} /> : null}
      {policy.isPending ? <RowsSkeleton /> : null}
      {policy.data ? (
        <>
          <Recordings policy={policy.data} />
          <Rules policy={policy.data} />
        </>
      ) : null}
    </Stack>
  );
}

// ── The daily run ────────────────────────────────────────────────────────────────────────────────────────────────────

function Did({ run }: { run: RetentionRun }) {
  return (
    <>
      {run.state === 'running' ? 'Not at its end yet' : tellRun(run)}
      {[...(run.failure === undefined ? [] : [run.failure]), ...run.notes].map((note) => (
        <span key={note} className="aside-detail">
          {note}
        </span>
      ))}
    </>
  );
}

const column = columnsOf<RetentionRun>();
const RUN_COLUMNS = column.columns([
  column.display({
    id: 'when',
    header: 'When',
    enableHiding: false,
    cell: ({ row }) => <Ago at={row.original.startedAt} />,
  }),
  column.display({
    id: 'state',
    header: 'State',
    cell: ({ row }) => <Pill word={RUN_STATE[row.original.state]} />,
  }),
  column.display({ id: 'did', header: 'What it did', cell: ({ row }) => <Did run={row.original} /> }),
  column.display({
    id: 'by',
    header: 'By',
    cell: ({ row }) => (row.original.trigger === 'clock' ? 'The clock' : row.original.by),
  }),
]);

const SHOWN_RUNS = 5;

/** When the job ran last, what it removed, and running it by hand. */
function Runs() {
  const runs = useQuery(retentionRunsQuery);
  const queries = useQueryClient();
  const run = useMutation({
    mutationFn: api.runRetention,
    onSettled: () => queries.invalidateQueries({ queryKey: keys.retentionRuns }),
  });
  const shown = runs.data?.filter((one) => !one.dryRun).slice(0, SHOWN_RUNS) ?? [];
  const last = shown.find((one) => one.state === 'done');
  return (
    <Panel id="runs" title="The daily run">
      <p className="small">
        Every night it archives transcripts that are a year old and removes recordings that have had the time
        set below.{' '}
        <strong>
          {last ? (
            <>
              Last done <Ago at={last.startedAt} />: {tellRun(last).toLowerCase()}.
            </>
          ) : runs.data ? (
            'It has not run yet.'
          ) : null}
        </strong>
      </p>
      {runs.error ? <ErrorNote error={runs.error} retry={() => runs.refetch()} /> : null}
      {runs.isPending ? <RowsSkeleton rows={2} /> : null}
      {shown.length > 0 ? (
        <DataTable
          name="retention-runs"
          caption="Runs, newest first"
          columns={RUN_COLUMNS}
          rows={shown}
          rowId={(one) => one.id}
          isLive={(one) => one.state === 'running'}
          card={(one) => (
            <div className="card">
              <div className="card-line">
                <Ago at={one.startedAt} />
                <Pill word={RUN_STATE[one.state]} />
              </div>
              <div className="small">
                <Did run={one} />
              </div>
            </div>
          )}
        />
      ) : null}
      {run.error ? <ErrorNote error={run.error} /> : null}
      {run.data ? (
        <Notice
          tone={run.data.state === 'failed' ? 'bad' : 'info'}
          title={run.data.dryRun ? 'What a run would do now' : RUN_STATE[run.data.state].label}
        >
          <p role="status">
            <Did run={run.data} />
          </p>
        </Notice>
      ) : null}
      <Group gap="xs">
        <Button
          variant="default"
          size="xs"
          leftSection={<IconEye size={15} />}
          loading={run.isPending && run.variables}
          disabled={run.isPending}
          onClick={() => run.mutate(true)}
        >
          What would it do now?
        </Button>
        <Button
          variant="default"
          size="xs"
          leftSection={<IconPlayerPlay size={15} />}
          loading={run.isPending && !run.variables}
          disabled={run.isPending}
          onClick={() => run.mutate(false)}
        >
          Run it now
        </Button>
      </Group>
    </Panel>
  );
}

// ── People who asked to be forgotten ─────────────────────────────────────────────────────────────────────────────────

const HALF_DONE: Word = { label: 'Cut off', tone: 'warn' };

function Forgotten() {
  const { erase } = useSearch({ from: '/compliance/retention' });
  const navigate = useNavigate({ from: '/compliance/retention' });
  const erasures = useInfiniteQuery(erasuresQuery);
  const items = erasures.data?.pages.flatMap((page) => page.items) ?? [];
  const [asking, setAsking] = useState(false);
  const close = () => {
    setAsking(false);
    navigate({ search: {}, replace: true }).catch(() => undefined);
  };
  return (
    <Panel
      id="forgotten"
      title="People who asked to be forgotten"
      aside={
        <Button
          variant="default"
          size="xs"
          leftSection={<IconEraser size={15} />}
          onClick={() => setAsking(true)}
        >
          Erase a person
        </Button>
      }
    >
      {erasures.error ? <ErrorNote error={erasures.error} retry={() => erasures.refetch()} /> : null}
      {erasures.isPending ? <RowsSkeleton rows={2} /> : null}
      {erasures.data && items.length === 0 ? <p className="muted">Nobody has asked yet.</p> : null}
      <ol className="history">
        {items.map((one) => (
          <li key={one.id ?? one.startedAt} data-kind="dnc">
            <Done erasure={one} />
          </li>
        ))}
      </ol>
      <LoadMore list={erasures} />
      {asking || erase !== undefined ? <Erase phone={erase ?? ''} close={close} /> : null}
    </Panel>
  );
}

function Done({ erasure }: { erasure: Erasure }) {
  return (
    <>
      <span className="history-title">
        {erasure.numbers.map(formatPhone).join(', ')}{' '}
        {erasure.state === 'running' ? <Pill word={HALF_DONE} /> : null}
      </span>
      <span className="history-detail">{erasure.reason}</span>
      <span className="muted small">
        <Ago at={erasure.startedAt} /> by {erasure.by}
        {erasure.pseudonym === undefined ? '' : `, now called “${erasure.pseudonym}”`}
      </span>
      {erasure.state === 'running' ? (
        <span className="small">
          It did not come to its end. Erase the same number again to go on with it.
        </span>
      ) : null}
      <details className="faults">
        <summary className="small">What was removed and what stays</summary>
        <ErasureReport erasure={erasure} />
      </details>
    </>
  );
}

// ── What is kept how long ────────────────────────────────────────────────────────────────────────────────────────────

const daysOf = (days: number): string => (days === 1 ? 'one day' : `${days} days`);

function Recordings({ policy }: { policy: RetentionPolicy }) {
  const [changing, setChanging] = useState(false);
  const { recordingsDays, history } = policy;
  return (
    <Panel
      id="recordings"
      title="Recordings"
      aside={
        <Button variant="default" size="xs" onClick={() => setChanging(true)}>
          Change
        </Button>
      }
    >
      <p>
        {recordingsDays === null
          ? 'Recordings are kept until somebody asks for their erasure.'
          : `Recordings are removed ${daysOf(recordingsDays)} after the call. Transcripts stay.`}
      </p>
      {history.length > 0 ? (
        <ol className="history">
          {history.map((change) => (
            <li key={`${change.at} ${change.by}`} data-kind="note">
              <span className="history-title">{change.reason}</span>
              <span className="history-detail">
                {change.changes
                  .map(({ before, after }) => `${tellDays(before)} → ${tellDays(after)}`)
                  .join(', ')}
              </span>
              <span className="muted small">
                {change.by}, <Ago at={change.at} />
              </span>
            </li>
          ))}
        </ol>
      ) : null}
      {changing ? <ChangeRecordings policy={policy} close={() => setChanging(false)} /> : null}
    </Panel>
  );
}

const tellDays = (value: unknown): string => (typeof value === 'number' ? daysOf(value) : 'kept');

/** As the contract bounds it. */
const LONGEST_DAYS = 36_500;
const A_YEAR_DAYS = 365;

function ChangeRecordings({ policy, close }: { policy: RetentionPolicy; close: () => void }) {
  const [days, setDays] = useState(policy.recordingsDays);
  const [reason, setReason] = useState('');
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => api.changeRetention({ recordingsDays: days, reason: reason.trim() }),
    onSuccess: (changed) => {
      queries.setQueryData(keys.retention, changed);
      notifications.show({
        color: 'petrol',
        title: 'Saved',
        message: 'It holds from the next daily run on.',
      });
      close();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={close} title="How long are recordings kept?">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Switch
            label="Remove recordings when they are old"
            description="What is removed cannot be brought back. Transcripts stay."
            checked={days !== null}
            onChange={(event) => setDays(event.currentTarget.checked ? A_YEAR_DAYS : null)}
          />
          {days === null ? null : (
            <NumberInput
              label="Days after the call"
              min={1}
              max={LONGEST_DAYS}
              allowDecimal={false}
              clampBehavior="strict"
              value={days}
              onChange={(value) => {
                if (typeof value === 'number') setDays(value);
              }}
              error={faultOf(save.error, '/recordingsDays')}
            />
          )}
          <ReasonField value={reason} change={setReason} error={faultOf(save.error, '/reason')} />
          <FormEnd
            error={save.error}
            close={close}
            busy={save.isPending}
            ready={reason.trim() !== '' && days !== policy.recordingsDays}
          >
            Save
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

function Rules({ policy }: { policy: RetentionPolicy }) {
  return (
    <Panel id="rules" title="What is kept, and for how long">
      {policy.rules.map((rule) => {
        const [what, how] = rule.says.split(': ', 2);
        return (
          <div key={rule.of} className="setting">
            <div>
              <strong>{what}</strong>
              <p className="small">
                {how === undefined ? null : sentence(how)}{' '}
                <span className="muted">{sentence(rule.source)}</span>
              </p>
            </div>
            <Pill word={lifetimeWord(rule.lifetime)} />
          </div>
        );
      })}
    </Panel>
  );
}

/** dashboard/compliance/do-not-call: numbers that stand on a list one by one: who, why, since when, and letting one go. */
import { Button, Modal, NativeSelect, Stack, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconPhoneOff, IconPlus } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useMemo, useState } from 'react';
import { type DncEntry, DncScope } from '../../contract/index.ts';
import { api, faultOf } from '../api.ts';
import { formatPhone, humanise } from '../format.ts';
import { STATE_NAME } from '../lead/us-states.ts';
import { listingsQuery, personChanged } from '../queries.ts';
import { readDncSearch } from '../search.ts';
import { columnsOf } from '../ui/data-table.tsx';
import { DayRangeFields, instantsOf } from '../ui/day-range.tsx';
import { FormEnd, ReasonField } from '../ui/form.tsx';
import { List } from '../ui/list.tsx';
import { useMay } from '../ui/may-act.ts';
import { PhoneFilter } from '../ui/phone-filter.tsx';
import { Ago, NotForYou, Notice, Pill, useTitle } from '../ui/pieces.tsx';
import { Empty } from '../ui/states.tsx';
import { SCOPE, type Word } from '../words.ts';

const HELD: Word = { label: 'Not called', tone: 'bad' };
const RELEASED: Word = { label: 'Released', tone: 'quiet' };

export const listOf = (entry: DncEntry): string =>
  entry.state ? `${SCOPE[entry.scope]} (${entry.state})` : SCOPE[entry.scope];

function Standing({ entry }: { entry: DncEntry }) {
  return entry.releasedAt === undefined ? (
    <Pill word={HELD} />
  ) : (
    <span className="small">
      <Pill word={RELEASED} />
      <span className="aside-detail">
        <Ago at={entry.releasedAt} />
        {entry.releasedBy ? ` by ${entry.releasedBy}` : ''}
      </span>
    </span>
  );
}

function Source({ entry }: { entry: DncEntry }) {
  return (
    <span className="why">
      {humanise(entry.source)}
      {entry.reason ? `: ${entry.reason}` : ''}
    </span>
  );
}

const column = columnsOf<DncEntry>();

export function DoNotCall() {
  useTitle('Do not call');
  const filter = useSearch({ from: '/compliance/do-not-call' });
  const navigate = useNavigate({ from: '/compliance/do-not-call' });
  const admin = useMay('ADMIN');
  const [adding, setAdding] = useState(false);
  const [releasing, setReleasing] = useState<DncEntry>();
  const { from, to, ...rest } = filter;
  const entries = useInfiniteQuery(listingsQuery({ ...rest, ...instantsOf({ from, to }) }));
  const rows = useMemo(() => entries.data?.pages.flatMap((page) => page.items) ?? [], [entries.data]);
  const filtered = Object.keys(filter).length > 0;
  const set = (part: Readonly<Record<string, string | undefined>>) => {
    navigate({ search: readDncSearch({ ...filter, ...part }), replace: true }).catch(() => undefined);
  };
  const columns = useMemo(() => {
    const release = (entry: DncEntry) =>
      admin && entry.releasedAt === undefined ? (
        <Button
          variant="default"
          size="compact-sm"
          aria-label={`Release ${formatPhone(entry.phone)}`}
          onClick={() => setReleasing(entry)}
        >
          Release
        </Button>
      ) : null;
    return {
      release,
      table: column.columns([
        column.display({
          id: 'number',
          header: 'Number',
          enableHiding: false,
          cell: ({ row }) => (
            <Link
              className="num"
              to="/compliance/consents"
              search={{ phone: row.original.phone }}
              title="What this person agreed to and took back"
            >
              {formatPhone(row.original.phone)}
            </Link>
          ),
        }),
        column.accessor(listOf, { id: 'list', header: 'List', cell: ({ getValue }) => getValue() }),
        column.display({
          id: 'standing',
          header: 'Standing',
          cell: ({ row }) => <Standing entry={row.original} />,
        }),
        column.display({
          id: 'listed',
          header: 'Since',
          cell: ({ row }) => <Ago at={row.original.listedAt} />,
        }),
        column.display({ id: 'source', header: 'Why', cell: ({ row }) => <Source entry={row.original} /> }),
        column.display({ id: 'release', header: 'Release', cell: ({ row }) => release(row.original) }),
      ]),
    };
  }, [admin]);

  const addButton = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
      Add a number
    </Button>
  );
  return (
    <>
      <header className="tab-head">
        <h2>Do not call</h2>
        <span className="grow" />
        {addButton}
      </header>
      <search className="filters" aria-label="Filter the numbers">
        <PhoneFilter phone={filter.phone} change={(phone) => set({ phone })} />
        <NativeSelect
          aria-label="List"
          data={[
            { value: '', label: 'Any list' },
            ...DncScope.options.map((value) => ({ value, label: SCOPE[value] })),
          ]}
          value={filter.scope ?? ''}
          onChange={(event) => set({ scope: event.currentTarget.value })}
        />
        <DayRangeFields from={filter.from} to={filter.to} change={set} />
        {filtered ? (
          <Button variant="subtle" onClick={() => navigate({ search: {}, replace: true })}>
            Show all
          </Button>
        ) : null}
      </search>
      <List
        list={entries}
        name="dnc"
        caption="Numbers that are not called, newest first"
        columns={columns.table}
        rows={rows}
        rowId={(entry) => entry.id}
        card={(entry) => (
          <div className="card">
            <div className="card-line">
              <Link className="num" to="/compliance/consents" search={{ phone: entry.phone }}>
                {formatPhone(entry.phone)}
              </Link>
              <Standing entry={entry} />
            </div>
            <div className="card-line small">
              <span>
                {listOf(entry)} · <Ago at={entry.listedAt} />
              </span>
              {columns.release(entry)}
            </div>
            <span className="small">
              <Source entry={entry} />
            </span>
          </div>
        )}
        empty={
          <Empty
            icon={<IconPhoneOff size={36} stroke={1.4} />}
            title={filtered ? 'No number matches' : 'Nobody is listed yet'}
            action={filtered ? null : addButton}
          >
            {filtered
              ? 'Change a filter, or show all. Numbers of imported lists do not stand here: "May I call?" looks them up.'
              : 'Who asks not to be called is listed here by the agent, by text message or by hand. Imported lists are under Lists.'}
          </Empty>
        }
      />
      {rows.length > 0 ? (
        <p className="small muted tab-foot">
          Numbers of imported lists do not stand here one by one: “May I call?” looks them up.
        </p>
      ) : null}
      {admin || rows.length === 0 ? null : (
        <NotForYou needs="administrator">A number cannot be released here.</NotForYou>
      )}
      {adding ? <AddNumber close={() => setAdding(false)} phone={filter.phone ?? ''} /> : null}
      {releasing ? <Release entry={releasing} close={() => setReleasing(undefined)} /> : null}
    </>
  );
}

function AddNumber({ close, phone: asked }: { close: () => void; phone: string }) {
  const [phone, setPhone] = useState(() => formatPhone(asked));
  const [scope, setScope] = useState<DncEntry['scope']>('internal');
  const [state, setState] = useState('');
  const [reason, setReason] = useState('');
  const queries = useQueryClient();
  const add = useMutation({
    mutationFn: () =>
      api.addToDnc({
        phone: phone.trim(),
        scope,
        ...(scope === 'state' ? { state } : {}),
        ...(reason.trim() ? { reason: reason.trim() } : {}),
      }),
    onSuccess: (entry) => {
      notifications.show({
        color: 'petrol',
        title: 'Listed',
        message: `${formatPhone(entry.phone)} will not be called from now on.`,
      });
      personChanged(queries);
      close();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate();
  };
  return (
    <Modal opened onClose={close} title="Add a number">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label="Number"
            type="tel"
            required
            autoComplete="off"
            placeholder="(206) 555-0123"
            value={phone}
            onChange={(event) => setPhone(event.currentTarget.value)}
            error={faultOf(add.error, '/phone')}
            data-autofocus
          />
          <NativeSelect
            label="On which list?"
            description="Our own list bars every call of ours. The others copy what an authority says."
            data={DncScope.options.map((value) => ({ value, label: SCOPE[value] }))}
            value={scope}
            onChange={(event) => setScope(DncScope.parse(event.currentTarget.value))}
          />
          {scope === 'state' ? (
            <NativeSelect
              label="Which state?"
              required
              data={[
                { value: '', label: 'Choose …' },
                ...[...STATE_NAME].map(([value, label]) => ({ value, label })),
              ]}
              value={state}
              onChange={(event) => setState(event.currentTarget.value)}
              error={faultOf(add.error, '/state')}
            />
          ) : null}
          <ReasonField
            description="Kept for ever with the entry."
            value={reason}
            change={setReason}
            error={faultOf(add.error, '/reason')}
          />
          <FormEnd
            error={add.error}
            close={close}
            busy={add.isPending}
            ready={phone.trim() !== '' && reason.trim() !== ''}
          >
            Add to the list
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

function Release({ entry, close }: { entry: DncEntry; close: () => void }) {
  const [reason, setReason] = useState('');
  const queries = useQueryClient();
  const number = formatPhone(entry.phone);
  const release = useMutation({
    mutationFn: () =>
      api.releaseFromDnc(entry.phone, {
        reason: reason.trim(),
        scope: entry.scope,
        ...(entry.state === null ? {} : { state: entry.state }),
      }),
    onSuccess: () => {
      notifications.show({
        color: 'petrol',
        title: 'Released',
        message: `${number} is off: ${listOf(entry)}.`,
      });
      personChanged(queries);
      close();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason.trim()) release.mutate();
  };
  return (
    <Modal opened onClose={close} title={`Release ${number}?`}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Notice
            tone="warn"
            title={entry.scope === 'internal' ? 'This person asked us to stop' : listOf(entry)}
          >
            {entry.scope === 'internal' ? (
              <p>
                Release the number only because the person asked for calls again. It does not bring consent
                back: the gate still wants written consent that is later than the day they stopped us.
              </p>
            ) : (
              <p>
                This takes off only what was entered by hand. If the imported list names the number, the gate
                still refuses.
              </p>
            )}
          </Notice>
          <ReasonField
            description="Kept for ever, with your name: who asked for it, when, and how."
            placeholder="Called us on Monday and asked to be called about the house again"
            value={reason}
            change={setReason}
            error={faultOf(release.error, '/reason')}
            autoFocus
          />
          <FormEnd
            error={release.error}
            close={close}
            back="Keep it listed"
            busy={release.isPending}
            ready={reason.trim() !== ''}
            danger
          >
            Release
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

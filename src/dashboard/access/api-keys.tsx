/** dashboard/access/api-keys: keys of programs: what each may do, until when, and taking it back. */
import { Button, Checkbox, Modal, NativeSelect, Stack, TextInput } from '@mantine/core';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useMemo, useState } from 'react';
import type { ApiKey, ApiKeyMade, Role, Scope } from '../../contract/index.ts';
import { api, faultOf } from '../api.ts';
import { dayAsInstant, formatDate } from '../format.ts';
import { columnsOf, DataTable } from '../ui/data-table.tsx';
import { FormEnd } from '../ui/form.tsx';
import { Ago, Pill, useNow, useTitle } from '../ui/pieces.tsx';
import { Question } from '../ui/question.tsx';
import { ShownOnce } from '../ui/shown-once.tsx';
import { Empty, ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { accessKeys, apiKeysQuery, grantsQuery } from './queries.ts';
import { keyWord, ROLE, ROLES } from './words.ts';

const MINUTE_MS = 60_000;

function Name({ one }: { one: ApiKey }) {
  return (
    <span className="person">
      <strong>{one.name}</strong>
      <span className="aside-detail">
        <code>{one.prefix}…</code>
      </span>
    </span>
  );
}

function Standing({ one }: { one: ApiKey }) {
  const now = useNow(MINUTE_MS);
  return (
    <span className="standing small">
      <Pill word={keyWord(one, now)} />
      <span className="aside-detail">
        {one.revokedAt ? (
          <Ago at={one.revokedAt} />
        ) : one.expiresAt ? (
          `until ${formatDate(one.expiresAt)}`
        ) : (
          'without end'
        )}
      </span>
    </span>
  );
}

function Used({ one }: { one: ApiKey }) {
  return one.lastUsedAt ? <Ago at={one.lastUsedAt} /> : <span className="muted">Never</span>;
}

function Scopes({ one }: { one: ApiKey }) {
  return (
    <span className="why">
      {ROLE[one.role]}: {one.scopes.join(', ')}
    </span>
  );
}

const column = columnsOf<ApiKey>();

export function ApiKeys() {
  useTitle('API keys');
  const found = useQuery(apiKeysQuery);
  const rows = found.data ?? [];
  const queries = useQueryClient();
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<ApiKeyMade>();
  const [revoking, setRevoking] = useState<ApiKey>();
  const again = () => {
    queries.invalidateQueries({ queryKey: accessKeys.apiKeys }).catch(() => undefined);
  };
  const table = useMemo(() => {
    const revoke = (one: ApiKey) =>
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
      revoke,
      columns: column.columns([
        column.display({
          id: 'name',
          header: 'Key',
          enableHiding: false,
          cell: ({ row }) => <Name one={row.original} />,
        }),
        column.display({ id: 'may', header: 'May', cell: ({ row }) => <Scopes one={row.original} /> }),
        column.display({
          id: 'standing',
          header: 'Standing',
          cell: ({ row }) => <Standing one={row.original} />,
        }),
        column.display({ id: 'used', header: 'Last used', cell: ({ row }) => <Used one={row.original} /> }),
        column.display({ id: 'revoke', header: 'Revoke', cell: ({ row }) => revoke(row.original) }),
      ]),
    };
  }, []);
  const create = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setMaking(true)}>
      New key
    </Button>
  );
  return (
    <>
      <header className="tab-head">
        <h2>API keys</h2>
        <span className="grow" />
        {create}
      </header>
      {found.error ? <ErrorNote error={found.error} retry={() => found.refetch()} /> : null}
      {found.isPending ? <RowsSkeleton /> : null}
      {rows.length > 0 ? (
        <DataTable
          name="api-keys"
          caption="Keys of programs, newest first"
          columns={table.columns}
          rows={rows}
          rowId={(one) => one.id}
          card={(one) => (
            <div className="card">
              <div className="card-line">
                <Name one={one} />
                <Standing one={one} />
              </div>
              <div className="small">
                <Scopes one={one} />
              </div>
              <div className="card-line small">
                <span>
                  Used: <Used one={one} />
                </span>
                {table.revoke(one)}
              </div>
            </div>
          )}
        />
      ) : null}
      {found.data && rows.length === 0 ? (
        <Empty icon={<IconKey size={36} stroke={1.4} />} title="No keys yet" action={create}>
          A key lets a program use the API. Give it what it needs and nothing more.
        </Empty>
      ) : null}
      {making ? (
        <NewKey
          close={() => setMaking(false)}
          done={(one) => {
            setMaking(false);
            setMade(one);
            again();
          }}
        />
      ) : null}
      {made ? (
        <ShownOnce
          title={`The key “${made.key.name}”`}
          what="key"
          value={made.secret}
          close={() => setMade(undefined)}
        >
          Programs send it as “Authorization: Bearer” and the key. Whoever has it may do what it may.
        </ShownOnce>
      ) : null}
      {revoking ? <Revoke one={revoking} close={() => setRevoking(undefined)} done={again} /> : null}
    </>
  );
}

const A_DAY = 1;
const dayOf = (nowMs: number): string => new Date(nowMs).toISOString().slice(0, 10);

function NewKey({ close, done }: { close: () => void; done: (made: ApiKeyMade) => void }) {
  const grants = useQuery(grantsQuery);
  const now = useNow(MINUTE_MS);
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('ANALYST');
  const [scopes, setScopes] = useState<readonly Scope[]>([]);
  const [until, setUntil] = useState('');
  const offered = (grants.data ?? []).filter((grant) => ROLES.indexOf(grant.role) <= ROLES.indexOf(role));
  const chosen = scopes.filter((scope) => offered.some((grant) => grant.scope === scope));
  const save = useMutation({
    mutationFn: () => {
      // The whole of the last day, too.
      const expiresAt = until === '' ? undefined : dayAsInstant(until, A_DAY);
      return api.createApiKey({
        name: name.trim(),
        role,
        scopes: chosen,
        ...(expiresAt === undefined ? {} : { expiresAt }),
      });
    },
    onSuccess: done,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={close} size={620} title="A key for a program">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label="Name"
            description="Which program it is for."
            required
            maxLength={100}
            autoComplete="off"
            data-autofocus
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={faultOf(save.error, '/name')}
          />
          <NativeSelect
            label="At most"
            description="No scope reaches beyond this role."
            data={ROLES.map((value) => ({ value, label: ROLE[value] }))}
            value={role}
            onChange={(event) => {
              const next = ROLES.find((one) => one === event.currentTarget.value);
              if (next) setRole(next);
            }}
          />
          {grants.error ? <ErrorNote error={grants.error} retry={() => grants.refetch()} /> : null}
          <Checkbox.Group
            label="What it may do"
            required
            value={[...chosen]}
            onChange={(values) => {
              setScopes(offered.map((grant) => grant.scope).filter((scope) => values.includes(scope)));
            }}
            error={faultOf(save.error, '/scopes')}
          >
            <div className="scopes">
              {offered.map((grant) => (
                <Checkbox
                  key={grant.scope}
                  value={grant.scope}
                  label={grant.scope}
                  description={grant.says}
                />
              ))}
            </div>
          </Checkbox.Group>
          <TextInput
            label="Last day"
            description="Without one it is good until somebody revokes it."
            type="date"
            min={dayOf(now)}
            value={until}
            onChange={(event) => setUntil(event.currentTarget.value)}
            error={faultOf(save.error, '/expiresAt')}
          />
          <FormEnd
            error={save.error}
            close={close}
            busy={save.isPending}
            ready={!!name.trim() && chosen.length > 0}
          >
            Make the key
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

function Revoke({ one, close, done }: { one: ApiKey; close: () => void; done: () => void }) {
  const revoke = useMutation({
    mutationFn: () => api.revokeApiKey(one.id),
    onSuccess: () => {
      done();
      close();
    },
  });
  return (
    <Question title={`Revoke “${one.name}”?`} close={close} deed={revoke} label="Revoke">
      The program that uses it is shut out at once. A revoked key cannot be brought back.
    </Question>
  );
}

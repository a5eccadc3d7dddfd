/** dashboard/access/users: the people who may sign in: adding them, what they may, locks and links. */
import { Button, Menu, Modal, NativeSelect, Stack, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconDots, IconLink, IconLockOpen, IconPlus, IconUserOff, IconUsers } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useMemo, useState } from 'react';
import type { PasswordLink, Role, User } from '../../contract/index.ts';
import { api, faultOf } from '../api.ts';
import { formatDelay } from '../format.ts';
import { meQuery } from '../queries.ts';
import { columnsOf, DataTable } from '../ui/data-table.tsx';
import { FormEnd } from '../ui/form.tsx';
import { Ago, Notice, Pill, useNow, useTitle } from '../ui/pieces.tsx';
import { Question } from '../ui/question.tsx';
import { ShownOnce } from '../ui/shown-once.tsx';
import { Empty, ErrorNote, LoadMore, RowsSkeleton } from '../ui/states.tsx';
import { accessKeys, usersQuery } from './queries.ts';
import { ROLE, ROLE_SAYS, ROLES, standingOf } from './words.ts';

const TEN_SEC = 10_000;

function Standing({ user }: { user: User }) {
  const now = useNow(TEN_SEC);
  const word = standingOf(user, now);
  const left = user.lockedUntil === undefined ? 0 : (Date.parse(user.lockedUntil) - now) / 1000;
  return (
    <span className="standing small">
      <Pill word={word} />
      {word.label === 'Locked' ? (
        <span className="aside-detail">
          {user.failedLogins} failed sign-ins; {formatDelay(left)} left
        </span>
      ) : null}
    </span>
  );
}

function Name({ user }: { user: User }) {
  return (
    <span className="person">
      <strong>{user.name}</strong>
      <span className="aside-detail">{user.email}</span>
    </span>
  );
}

function LastSeen({ user }: { user: User }) {
  return user.lastLogin ? <Ago at={user.lastLogin} /> : <span className="muted">Never</span>;
}

type Deed = 'edit' | 'link' | 'unlock' | 'deactivate' | 'activate';

function Deeds({ user, act }: { user: User; act: (user: User, deed: Deed) => void }) {
  const now = useNow(TEN_SEC);
  const locked = standingOf(user, now).label === 'Locked';
  return (
    <span className="row-deeds">
      <Button variant="default" size="compact-sm" onClick={() => act(user, 'edit')}>
        Change<span className="sr"> {user.name}</span>
      </Button>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <Button variant="default" size="compact-sm" aria-label={`More about ${user.name}`}>
            <IconDots size={16} aria-hidden="true" />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {locked ? (
            <Menu.Item leftSection={<IconLockOpen size={16} />} onClick={() => act(user, 'unlock')}>
              Lift the lock
            </Menu.Item>
          ) : null}
          {user.isActive ? (
            <>
              <Menu.Item leftSection={<IconLink size={16} />} onClick={() => act(user, 'link')}>
                Link for a new password
              </Menu.Item>
              <Menu.Item leftSection={<IconUserOff size={16} />} onClick={() => act(user, 'deactivate')}>
                Deactivate
              </Menu.Item>
            </>
          ) : (
            <Menu.Item leftSection={<IconUsers size={16} />} onClick={() => act(user, 'activate')}>
              Activate again
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
    </span>
  );
}

const column = columnsOf<User>();

export function Users() {
  useTitle('People');
  const users = useInfiniteQuery(usersQuery);
  const me = useQuery(meQuery).data;
  const queries = useQueryClient();
  const rows = useMemo(() => users.data?.pages.flatMap((page) => page.items) ?? [], [users.data]);
  const [inviting, setInviting] = useState(false);
  const [editing, setEditing] = useState<User>();
  const [leaving, setLeaving] = useState<User>();
  const [shown, setShown] = useState<{ readonly name: string; readonly link: PasswordLink }>();

  const again = () => {
    queries.invalidateQueries({ queryKey: accessKeys.users }).catch(() => undefined);
  };
  const quick = useMutation({
    mutationFn: async ({ user, deed }: { user: User; deed: 'link' | 'unlock' | 'activate' }) => {
      if (deed === 'link') setShown({ name: user.name, link: await api.passwordLink(user.id) });
      else if (deed === 'unlock') await api.unlockUser(user.id);
      else await api.changeUser(user.id, { isActive: true });
    },
    onSuccess: again,
  });
  const { mutate } = quick;
  const table = useMemo(() => {
    const act = (user: User, deed: Deed) => {
      if (deed === 'edit') setEditing(user);
      else if (deed === 'deactivate') setLeaving(user);
      else mutate({ user, deed });
    };
    return {
      act,
      columns: column.columns([
        column.display({
          id: 'name',
          header: 'Name',
          enableHiding: false,
          cell: ({ row }) => <Name user={row.original} />,
        }),
        column.accessor('role', { header: 'Role', cell: ({ getValue }) => ROLE[getValue()] }),
        column.display({
          id: 'standing',
          header: 'Standing',
          cell: ({ row }) => <Standing user={row.original} />,
        }),
        column.display({
          id: 'last',
          header: 'Last sign-in',
          cell: ({ row }) => <LastSeen user={row.original} />,
        }),
        column.display({
          id: 'deeds',
          header: 'Actions',
          cell: ({ row }) => <Deeds user={row.original} act={act} />,
        }),
      ]),
    };
  }, [mutate]);

  const invite = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setInviting(true)}>
      Add a person
    </Button>
  );
  return (
    <>
      <header className="tab-head">
        <h2>People</h2>
        <span className="grow" />
        {invite}
      </header>
      {users.error ? <ErrorNote error={users.error} retry={() => users.refetch()} /> : null}
      {quick.error ? <ErrorNote error={quick.error} /> : null}
      {users.isPending ? <RowsSkeleton /> : null}
      {rows.length > 0 ? (
        <DataTable
          name="users"
          caption="People who may sign in, newest first"
          columns={table.columns}
          rows={rows}
          rowId={(user) => user.id}
          card={(user) => (
            <div className="card">
              <div className="card-line">
                <Name user={user} />
                <Standing user={user} />
              </div>
              <div className="card-line small">
                <span>
                  {ROLE[user.role]}, last sign-in: <LastSeen user={user} />
                </span>
              </div>
              <Deeds user={user} act={table.act} />
            </div>
          )}
        />
      ) : null}
      {users.data && rows.length === 0 ? (
        <Empty icon={<IconUsers size={36} stroke={1.4} />} title="Nobody has a sign-in yet" action={invite}>
          {me?.byLink
            ? 'You came by the printed link. Make your own sign-in under My account, then add the others here.'
            : 'Whoever is added gets a link to choose a password by.'}
        </Empty>
      ) : null}
      <LoadMore list={users} />
      {inviting ? (
        <Invite
          close={() => setInviting(false)}
          done={(name, link) => {
            setInviting(false);
            setShown({ name, link });
            again();
          }}
        />
      ) : null}
      {editing ? <Edit user={editing} close={() => setEditing(undefined)} done={again} /> : null}
      {leaving ? <Deactivate user={leaving} close={() => setLeaving(undefined)} done={again} /> : null}
      {shown ? (
        <ShownOnce
          title={`A link for ${shown.name}`}
          what="link"
          value={shown.link.url}
          close={() => setShown(undefined)}
        >
          Whoever opens it chooses the password and is signed in. It works once, for 24 hours. Hand it over in
          a way that only this person reads.
        </ShownOnce>
      ) : null}
    </>
  );
}

function RoleField({ role, change }: { role: Role; change: (role: Role) => void }) {
  return (
    <NativeSelect
      label="Role"
      description={ROLE_SAYS[role]}
      data={ROLES.map((value) => ({ value, label: ROLE[value] }))}
      value={role}
      onChange={(event) => {
        const next = ROLES.find((one) => one === event.currentTarget.value);
        if (next) change(next);
      }}
    />
  );
}

function Invite({ close, done }: { close: () => void; done: (name: string, link: PasswordLink) => void }) {
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('USER');
  const save = useMutation({
    mutationFn: () => api.createUser({ name: name.trim(), email: email.trim(), role }),
    onSuccess: ({ user, link }) => done(user.name, link),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={close} title="Add a person">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label="Name"
            required
            maxLength={100}
            autoComplete="off"
            data-autofocus
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={faultOf(save.error, '/name')}
          />
          <TextInput
            label="E-mail address"
            description="To sign in with. Nothing is sent to it."
            type="email"
            required
            maxLength={254}
            autoComplete="off"
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
            error={faultOf(save.error, '/email')}
          />
          <RoleField role={role} change={setRole} />
          <FormEnd
            error={save.error}
            close={close}
            busy={save.isPending}
            ready={!!name.trim() && !!email.trim()}
          >
            Add
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

function Edit({ user, close, done }: { user: User; close: () => void; done: () => void }) {
  const [name, setName] = useState(user.name);
  const [role, setRole] = useState(user.role);
  const save = useMutation({
    mutationFn: () => api.changeUser(user.id, { name: name.trim(), role }),
    onSuccess: () => {
      notifications.show({
        color: 'petrol',
        title: 'Saved',
        message: `${name.trim()} is now ${ROLE[role]}.`,
      });
      done();
      close();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Modal opened onClose={close} title={user.email}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label="Name"
            required
            maxLength={100}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={faultOf(save.error, '/name')}
          />
          <RoleField role={role} change={setRole} />
          {role === user.role ? null : (
            <Notice tone="info">
              <p>{user.name} is signed out everywhere and signs in again with the new role.</p>
            </Notice>
          )}
          <FormEnd
            error={save.error}
            close={close}
            busy={save.isPending}
            ready={!!name.trim() && (name.trim() !== user.name || role !== user.role)}
          >
            Save
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

function Deactivate({ user, close, done }: { user: User; close: () => void; done: () => void }) {
  const save = useMutation({
    mutationFn: () => api.changeUser(user.id, { isActive: false }),
    onSuccess: () => {
      done();
      close();
    },
  });
  return (
    <Question title={`Deactivate ${user.name}?`} close={close} deed={save} label="Deactivate">
      Their sessions end at once and they cannot sign in any more. What they did stays in the audit log. You
      can activate them again.
    </Question>
  );
}

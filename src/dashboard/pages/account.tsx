/** dashboard/pages/account: one's own sign-in: the password, and where one is signed in. */
import '../access/access.css';
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconDeviceDesktop, IconLogout } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Session, UserSession } from '../../contract/index.ts';
import { isChosen, PasswordFields } from '../access/password-fields.tsx';
import { accessKeys, sessionsQuery } from '../access/queries.ts';
import { browserOf, ROLE, ROLE_SAYS } from '../access/words.ts';
import { api, faultOf } from '../api.ts';
import { count } from '../format.ts';
import { meQuery } from '../queries.ts';
import { Ago, Notice, Panel, Pill, useTitle } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';

export function AccountPage() {
  useTitle('My account');
  const me = useQuery(meQuery).data;
  if (!me) return null;
  return (
    <div className="page">
      <header className="page-head">
        <h1>{me.user.name}</h1>
      </header>
      <div className="account">
        <p>
          <strong>{ROLE[me.role]}.</strong> <span className="muted">{ROLE_SAYS[me.role]}</span>
        </p>
        {me.byLink ? <ByLink me={me} /> : <Password />}
        <Sessions />
      </div>
    </div>
  );
}

function ByLink({ me }: { me: Session }) {
  return me.isFirst ? (
    <FirstUser />
  ) : (
    <Notice tone="info" title="You came by the printed link">
      <p>
        It signs in as the owner of this installation, who has no password. People have their own sign-ins.
      </p>
    </Notice>
  );
}

/** The session is another one now: nothing that was read as somebody else stays. */
const freshPage = (): void => location.assign('/');

/** Whether what is wrong stands at the field it is wrong with. */
const isNamed = (error: unknown): boolean =>
  ['/name', '/email', '/current', '/password'].some((field) => faultOf(error, field) !== undefined);

function FirstUser() {
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const save = useMutation({
    mutationFn: () => api.becomeFirstUser({ name: name.trim(), email: email.trim(), password }),
    onSuccess: freshPage,
  });
  const named = isNamed(save.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Panel id="first" title="Make your own sign-in">
      <p className="muted">
        You came by the link that was printed at the start. With an e-mail address and a password you come
        back without it, as the first administrator.
      </p>
      <form onSubmit={submit} className="narrow-form">
        <TextInput
          label="Your name"
          required
          maxLength={100}
          autoComplete="name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={faultOf(save.error, '/name')}
        />
        <TextInput
          label="E-mail address"
          type="email"
          required
          maxLength={254}
          autoComplete="username"
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
          error={faultOf(save.error, '/email')}
        />
        <PasswordFields
          password={password}
          again={again}
          change={setPassword}
          changeAgain={setAgain}
          error={faultOf(save.error, '/password')}
        />
        {save.error && !named ? <ErrorNote error={save.error} /> : null}
        <Button
          type="submit"
          loading={save.isPending}
          disabled={!name.trim() || !email.trim() || !isChosen(password, again)}
        >
          Make the sign-in
        </Button>
      </form>
    </Panel>
  );
}

function Password() {
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => api.changePassword({ current, password }),
    onSuccess: () => {
      for (const set of [setCurrent, setPassword, setAgain]) set('');
      queries.invalidateQueries({ queryKey: accessKeys.sessions }).catch(() => undefined);
      notifications.show({
        color: 'petrol',
        title: 'The password is changed',
        message: 'Everywhere else you are signed out.',
      });
    },
  });
  const named = isNamed(save.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Panel id="password" title="Password">
      <form onSubmit={submit} className="narrow-form">
        <PasswordInput
          label="Your password now"
          required
          autoComplete="current-password"
          value={current}
          onChange={(event) => setCurrent(event.currentTarget.value)}
          error={faultOf(save.error, '/current')}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the present password' }}
        />
        <PasswordFields
          password={password}
          again={again}
          change={setPassword}
          changeAgain={setAgain}
          error={faultOf(save.error, '/password')}
        />
        {save.error && !named ? <ErrorNote error={save.error} /> : null}
        <Button
          type="submit"
          loading={save.isPending}
          disabled={current === '' || !isChosen(password, again)}
        >
          Change the password
        </Button>
      </form>
    </Panel>
  );
}

const HERE = { label: 'This browser', tone: 'good' } as const;

function Sessions() {
  const sessions = useQuery(sessionsQuery);
  const queries = useQueryClient();
  const again = () => queries.invalidateQueries({ queryKey: accessKeys.sessions });
  const one = useMutation({ mutationFn: api.endSession, onSettled: again });
  const others = useMutation({
    mutationFn: api.endOtherSessions,
    onSuccess: (ended) => {
      notifications.show({
        color: 'petrol',
        title: 'Signed out everywhere else',
        message: `${count(ended, 'session')} ended.`,
      });
    },
    onSettled: again,
  });
  const elsewhere = (sessions.data?.length ?? 0) > 1;
  return (
    <Panel
      id="sessions"
      title="Sessions"
      aside={
        elsewhere ? (
          <Button
            variant="default"
            size="xs"
            leftSection={<IconLogout size={15} />}
            loading={others.isPending}
            onClick={() => others.mutate()}
          >
            Sign out everywhere else
          </Button>
        ) : null
      }
    >
      {sessions.error ? <ErrorNote error={sessions.error} retry={() => sessions.refetch()} /> : null}
      {(one.error ?? others.error) ? <ErrorNote error={one.error ?? others.error} /> : null}
      {sessions.isPending ? <RowsSkeleton rows={2} /> : null}
      {sessions.data?.map((session) => (
        <OneSession
          key={session.id}
          session={session}
          end={() => one.mutate(session.id)}
          ending={one.isPending && one.variables === session.id}
        />
      ))}
    </Panel>
  );
}

function OneSession({ session, end, ending }: { session: UserSession; end: () => void; ending: boolean }) {
  const browser = browserOf(session.userAgent);
  return (
    <div className="session">
      <div>
        <span className="with-icon">
          <IconDeviceDesktop size={16} stroke={1.7} aria-hidden="true" />
          <strong>{browser}</strong>
        </span>
        <span className="aside-detail">
          {session.network ? `${session.network}, ` : ''}since <Ago at={session.startedAt} />, last seen{' '}
          <Ago at={session.lastSeenAt} />
        </span>
      </div>
      {session.current ? (
        <Pill word={HERE} />
      ) : (
        <Button
          variant="default"
          size="compact-sm"
          loading={ending}
          onClick={end}
          aria-label={`Sign out ${browser}`}
        >
          Sign out
        </Button>
      )}
    </div>
  );
}

/** dashboard/pages/sign-in: the way in: e-mail address and password, or the one-time link from the terminal. */
import '../access/access.css';
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useLocation, useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useCallback, useEffect, useState } from 'react';
import { ApiError, api } from '../api.ts';
import { formatDelay } from '../format.ts';
import { keys, meQuery, signInQuery } from '../queries.ts';
import { Brand } from '../ui/brand.tsx';
import { Notice, useNow, useTitle } from '../ui/pieces.tsx';
import { ErrorNote } from '../ui/states.tsx';

/** The token of a pasted link, or what was pasted when it is no link. */
function tokenOf(pasted: string): string {
  const text = pasted.trim();
  return (URL.canParse(text) ? new URL(text).searchParams.get('token') : undefined) ?? text;
}

export function SignInPage() {
  const { token } = useSearch({ from: '/signin' });
  return <SignIn opened={token ?? ''} />;
}

/** Once the cookie is there: who is signed in, and on to where they wanted to go. */
function useEnter(): () => Promise<void> {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  return useCallback(async () => {
    // A question that was asked before the cookie came would otherwise answer for this one.
    await queries.cancelQueries({ queryKey: keys.me });
    await queries.fetchQuery({ ...meQuery, staleTime: 0 });
    // Whoever was asked to sign in on the way to a page goes on to that page.
    if (pathname === '/signin') await navigate({ to: '/', replace: true });
  }, [queries, navigate, pathname]);
}

/** With the token of an opened link it signs in by itself. */
export function SignIn({ opened }: { opened: string }) {
  useTitle('Sign in');
  return (
    <main className="lobby">
      <Brand />
      <h1>Sign in</h1>
      <ByPassword />
      <ByLink opened={opened} />
    </main>
  );
}

const SECOND = 1_000;
/** A wait that is worth asking somebody to lift. */
const LONG_SEC = 60;

/** What was wrong, and how long to wait; nothing tells whether there is anybody with this address. */
function Refused({ error, untilMs }: { error: unknown; untilMs: number }) {
  const left = Math.ceil((untilMs - useNow(SECOND)) / SECOND);
  const code = error instanceof ApiError ? error.code : undefined;
  if (code !== 'unauthenticated' && code !== 'sign_in_locked') return <ErrorNote error={error} />;
  return (
    <Notice
      tone="bad"
      alert
      title={
        code === 'unauthenticated'
          ? 'The e-mail address or the password is wrong'
          : 'Too many failed sign-ins with this address'
      }
    >
      <p>
        {left > 0
          ? `You can try again in ${formatDelay(left)}.${left > LONG_SEC ? ' An administrator can lift the lock.' : ''}`
          : code === 'unauthenticated'
            ? 'Capital letters count. An administrator can give you a link for a new password.'
            : 'You can try again now.'}
      </p>
    </Notice>
  );
}

function ByPassword() {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [untilMs, setUntilMs] = useState(0);
  const enter = useEnter();
  const login = useMutation({
    mutationFn: () => api.login({ email: email.trim(), password }),
    onSuccess: enter,
    onError: (error) => {
      const wait = error instanceof ApiError ? Number(error.problem?.retryInSec ?? 0) : 0;
      setUntilMs(Date.now() + wait * SECOND);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    login.mutate();
  };
  return (
    <form onSubmit={submit} className="ways">
      <TextInput
        label="E-mail address"
        type="email"
        required
        autoComplete="username"
        maxLength={254}
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
      <PasswordInput
        label="Password"
        required
        autoComplete="current-password"
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
      />
      {/* Not held back while it is empty: what a browser fills in by itself is not always heard. */}
      <Button type="submit" fullWidth loading={login.isPending}>
        Sign in
      </Button>
      {login.error ? <Refused error={login.error} untilMs={untilMs} /> : null}
    </form>
  );
}

function ByLink({ opened }: { opened: string }) {
  const [link, setLink] = useState('');
  const [token, setToken] = useState(opened);
  const signIn = useQuery(signInQuery(token));
  const enter = useEnter();
  const { isSuccess } = signIn;
  useEffect(() => {
    if (isSuccess) enter().catch(() => undefined);
  }, [isSuccess, enter]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const next = tokenOf(link);
    if (next === token) signIn.refetch().catch(() => undefined);
    else setToken(next);
  };
  return (
    <div className="ways">
      <details open={opened !== '' || undefined}>
        <summary>With the link from the terminal</summary>
        <form onSubmit={submit} className="ways">
          <p>
            <code>npm start</code> prints a one-time sign-in link. Open it, or paste it here. It works once;
            start Parley again for a fresh one.
          </p>
          <TextInput
            label="Sign-in link"
            placeholder="http://localhost:3000/signin?token=…"
            value={link}
            onChange={(event) => setLink(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
          />
          <Button
            type="submit"
            variant="default"
            fullWidth
            loading={signIn.isFetching}
            disabled={!link.trim()}
          >
            Use the link
          </Button>
        </form>
      </details>
      {signIn.error ? <ErrorNote error={signIn.error} /> : null}
    </div>
  );
}

/** dashboard/pages/sign-in: the way in. A one-time link from the terminal is exchanged for the session cookie. */
import { Button, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useLocation, useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useEffect, useState } from 'react';
import { keys, meQuery, signInQuery } from '../queries.ts';
import { Brand } from '../ui/brand.tsx';
import { useTitle } from '../ui/pieces.tsx';
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

/** With the token of an opened link it signs in by itself; without one it says where to find the link. */
export function SignIn({ opened }: { opened: string }) {
  useTitle('Sign in');
  const [link, setLink] = useState('');
  const [token, setToken] = useState(opened);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { pathname } = useLocation();
  const signIn = useQuery(signInQuery(token));

  const { isSuccess } = signIn;
  useEffect(() => {
    if (!isSuccess) return;
    const enter = async () => {
      // A question that was asked before the cookie came would otherwise answer for this one.
      await queries.cancelQueries({ queryKey: keys.me });
      await queries.fetchQuery({ ...meQuery, staleTime: 0 });
      // Whoever was asked to sign in on the way to a page goes on to that page.
      if (pathname === '/signin') await navigate({ to: '/', replace: true });
    };
    enter().catch(() => undefined);
  }, [isSuccess, queries, navigate, pathname]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const next = tokenOf(link);
    if (next === token) signIn.refetch().catch(() => undefined);
    else setToken(next);
  };

  return (
    <main className="lobby">
      <Brand />
      <h1>Sign in</h1>
      <p>
        <code>npm start</code> prints a one-time sign-in link in the terminal. Open it, or paste it here. It
        works once; start Parley again for a fresh one.
      </p>
      <form onSubmit={submit}>
        <TextInput
          label="Sign-in link"
          placeholder="http://localhost:3000/signin?token=…"
          value={link}
          onChange={(event) => setLink(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
        />
        <Button type="submit" fullWidth mt="sm" loading={signIn.isFetching} disabled={!link.trim()}>
          Sign in
        </Button>
      </form>
      {signIn.error ? <ErrorNote error={signIn.error} /> : null}
    </main>
  );
}

/** dashboard/pages/set-password: the link of an invitation or a reset was opened: a new password, and in. */
import '../access/access.css';
import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { Link, useLocation } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { isChosen, PasswordFields } from '../access/password-fields.tsx';
import { ApiError, api, faultOf } from '../api.ts';
import { Brand } from '../ui/brand.tsx';
import { Notice, useTitle } from '../ui/pieces.tsx';
import { ErrorNote } from '../ui/states.tsx';

export function SetPasswordPage() {
  useTitle('Choose a password');
  // Behind the #: what stands there is sent to no server by itself.
  const { hash } = useLocation();
  const [token] = useState(hash);
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const save = useMutation({
    mutationFn: () => api.setPassword({ token, password }),
    // Somebody else may have been signed in here: nothing of theirs stays.
    onSuccess: () => location.assign('/'),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const bad = save.error instanceof ApiError && save.error.code === 'unauthenticated';
  const fault = faultOf(save.error, '/password');
  return (
    <main className="lobby">
      <Brand />
      <h1>Choose a password</h1>
      {token === '' || bad ? (
        <Notice tone="bad" alert title="This link does not work">
          <p>
            A link works once and for 24 hours, and a newer one replaces it. Ask an administrator for another.
          </p>
          <p>
            <Link to="/">Sign in</Link>
          </p>
        </Notice>
      ) : (
        <>
          <p>You sign in with it from now on, and you are signed out wherever you were before.</p>
          <form onSubmit={submit} className="ways">
            <PasswordFields
              password={password}
              again={again}
              change={setPassword}
              changeAgain={setAgain}
              error={fault}
            />
            <Button type="submit" fullWidth loading={save.isPending} disabled={!isChosen(password, again)}>
              Save and sign in
            </Button>
          </form>
          {save.error && fault === undefined ? <ErrorNote error={save.error} /> : null}
        </>
      )}
    </main>
  );
}

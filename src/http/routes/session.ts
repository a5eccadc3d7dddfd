/** http/routes/session: signing in and out, and what the dashboard must know first. */
import { Session, Settings, SignIn } from '../../contract/index.ts';
import type { Auth, Caller } from '../auth.ts';
import { type Route, route } from '../route.ts';

const sessionOf = (caller: Caller): Session => ({
  user: { id: caller.userId, name: caller.name },
  role: caller.role,
  via: caller.via,
  ...(caller.session ? { expiresAt: new Date(caller.session.expiresAtMs).toISOString() } : {}),
});

export function sessionRoutes({
  auth,
  settings,
}: {
  readonly auth: Auth;
  readonly settings: Settings;
}): Route[] {
  return [
    route({
      method: 'POST',
      path: '/api/v1/auth/link',
      summary: 'Sign in with the token of a printed link; it works once',
      tag: 'auth',
      role: 'public',
      body: SignIn,
      responses: { 204: { description: 'Signed in; the session cookie is set.' } },
      problems: ['unauthenticated', 'forbidden', 'rate_limited'],
      handle: ({ body }) => ({ status: 204, headers: { 'set-cookie': auth.signIn(body.token) } }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/auth/logout',
      summary: 'End the session',
      tag: 'auth',
      role: 'public',
      responses: { 204: { description: 'Signed out; the cookie is gone.' } },
      problems: ['forbidden'],
      handle: ({ caller }) => ({ status: 204, headers: { 'set-cookie': auth.signOut(caller) } }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/auth/me',
      summary: 'Who is signed in',
      tag: 'auth',
      role: 'USER',
      responses: { 200: { description: 'The session.', schema: Session } },
      handle: ({ caller }) => ({ status: 200, json: sessionOf(caller) }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/settings',
      summary: 'What the dashboard needs to know of this installation',
      tag: 'auth',
      role: 'USER',
      responses: { 200: { description: 'The settings.', schema: Settings } },
      handle: () => ({ status: 200, json: settings }),
    }),
  ];
}

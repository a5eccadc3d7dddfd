/** http/routes/session: signing in and out, one's own password and sessions, and what the dashboard must know first. */
import { z } from 'zod';
import type { Access } from '../../app/access.ts';
import {
  FirstUser,
  Grant,
  Id,
  Login,
  PasswordByLink,
  PasswordChange,
  Session,
  Settings,
  SignIn,
  UserSession,
} from '../../contract/index.ts';
import { Failure } from '../../domain/errors.ts';
import { GRANTS, OWNER, SCOPES, type UserSession as SessionRecord } from '../../domain/user.ts';
import { type Auth, type Caller, visitorOf } from '../auth.ts';
import { type Reply, type Route, route } from '../route.ts';

const presentSession = (session: SessionRecord, current: string): UserSession => ({
  id: session._id,
  current: session._id === current,
  startedAt: session.createdAt.toISOString(),
  lastSeenAt: session.lastSeenAt.toISOString(),
  expiresAt: session.expiresAt.toISOString(),
  ...(session.network === undefined ? {} : { network: session.network }),
  ...(session.userAgent === undefined ? {} : { userAgent: session.userAgent }),
});

/** Keys were turned away before. */
function ownSession({ session }: Caller): SessionRecord {
  if (!session) throw new Failure('forbidden', 'This is about people who signed in; a key is none.');
  return session;
}

export function sessionRoutes({
  access: { users, sessions },
  auth,
  settings,
}: {
  readonly access: Pick<Access, 'users' | 'sessions'>;
  readonly auth: Auth;
  readonly settings: Settings;
}): Route[] {
  /** What a browser gets that is signed in from now on; the session it had before is over. */
  async function signedIn(
    { token, session }: { readonly token: string; readonly session: SessionRecord },
    before: Caller,
    locals: Record<string, unknown>,
  ): Promise<Reply> {
    if (before.session) await auth.signOut(before);
    locals.signedIn = { id: session.userId, name: session.name };
    return { status: 204, headers: { 'set-cookie': auth.cookieFor(token) } };
  }

  async function sessionOf(caller: Caller): Promise<Session> {
    const byLink = caller.userId === OWNER.userId && caller.session !== undefined;
    return {
      user: { id: caller.userId, name: caller.name },
      role: caller.role,
      via: caller.via,
      ...(caller.session ? { expiresAt: caller.session.expiresAt.toISOString() } : {}),
      ...(caller.key ? { scopes: [...caller.key.scopes] } : {}),
      ...(byLink ? { byLink, ...((await users.anybody()) ? {} : { isFirst: true as const }) } : {}),
    };
  }

  return [
    route({
      method: 'POST',
      path: '/api/v1/auth/login',
      summary: 'Sign in with e-mail address and password',
      tag: 'auth',
      role: 'public',
      body: Login,
      responses: { 204: { description: 'Signed in; the session cookie is set.' } },
      problems: ['unauthenticated', 'sign_in_locked', 'forbidden', 'rate_limited', 'at_capacity'],
      handle: async ({ body, caller, request, response }) =>
        signedIn(await users.signIn(body, visitorOf(request)), caller, response.locals),
    }),
    route({
      method: 'POST',
      path: '/api/v1/auth/link',
      summary: 'Sign in with the token of a printed link; it works once',
      tag: 'auth',
      role: 'public',
      body: SignIn,
      responses: { 204: { description: 'Signed in; the session cookie is set.' } },
      problems: ['unauthenticated', 'forbidden', 'rate_limited'],
      handle: async ({ body, request, response }) => {
        const cookie = await auth.signInByLink(body.token, visitorOf(request));
        response.locals.signedIn = { id: OWNER.userId, name: OWNER.name };
        return { status: 204, headers: { 'set-cookie': cookie } };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/auth/password-link',
      summary: 'Choose a password by the link of an invitation or a reset, and sign in; it works once',
      tag: 'auth',
      role: 'public',
      body: PasswordByLink,
      responses: { 204: { description: 'Signed in; all older sessions are over.' } },
      problems: ['unauthenticated', 'forbidden', 'rate_limited', 'at_capacity'],
      handle: async ({ body, caller, request, response }) =>
        signedIn(await users.redeem(body, visitorOf(request)), caller, response.locals),
    }),
    route({
      method: 'POST',
      path: '/api/v1/auth/logout',
      summary: 'End the session',
      tag: 'auth',
      role: 'public',
      responses: { 204: { description: 'Signed out; the session is over and the cookie is gone.' } },
      problems: ['forbidden', 'store_unavailable'],
      handle: async ({ caller, response }) => {
        if (caller.session)
          response.locals.signedIn = { id: caller.session.userId, name: caller.session.name };
        return { status: 204, headers: { 'set-cookie': await auth.signOut(caller) } };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/auth/me',
      summary: 'Who is signed in',
      tag: 'auth',
      role: 'USER',
      responses: { 200: { description: 'The session.', schema: Session } },
      handle: async ({ caller }) => ({ status: 200, json: await sessionOf(caller) }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/auth/first-user',
      summary: 'Become the first person with a password; only for who came by the printed link',
      tag: 'account',
      role: 'ADMIN',
      body: FirstUser,
      responses: { 204: { description: 'Made, and signed in as that person.' } },
      problems: ['duplicate_key', 'at_capacity'],
      handle: async ({ body, caller, request, response }) => {
        if (caller.userId !== OWNER.userId)
          throw new Failure('forbidden', 'Only who signed in by the printed link is nobody yet.');
        return await signedIn(await users.createFirst(body, visitorOf(request)), caller, response.locals);
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/auth/password',
      summary: 'Change your own password; every other session of yours is over',
      tag: 'account',
      role: 'USER',
      body: PasswordChange,
      responses: { 204: { description: 'Changed; this browser has a new session.' } },
      problems: ['sign_in_locked', 'at_capacity'],
      handle: async ({ body, caller, request }) => {
        const { token } = await users.changePassword(caller.userId, body, visitorOf(request));
        return { status: 204, headers: { 'set-cookie': auth.cookieFor(token) } };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/auth/sessions',
      summary: 'Where you are signed in',
      tag: 'account',
      role: 'USER',
      responses: {
        200: { description: 'Last seen first.', schema: z.object({ items: z.array(UserSession) }) },
      },
      handle: async ({ caller }) => {
        const own = ownSession(caller);
        const found = await sessions.list(caller.userId);
        return { status: 200, json: { items: found.map((each) => presentSession(each, own._id)) } };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/auth/sessions/end-others',
      summary: 'Sign out everywhere but here',
      tag: 'account',
      role: 'USER',
      responses: { 200: { description: 'How many were ended.', schema: z.object({ ended: z.int() }) } },
      handle: async ({ caller }) => ({
        status: 200,
        json: { ended: await sessions.endAll(caller.userId, ownSession(caller)._id) },
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/auth/sessions/:sessionId/end',
      summary: 'End one of your sessions',
      tag: 'account',
      role: 'USER',
      params: z.object({ sessionId: Id }),
      responses: { 204: { description: 'It is over.' } },
      problems: ['not_found'],
      handle: async ({ params, caller }) => {
        await sessions.end(params.sessionId, caller.userId);
        return { status: 204 };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/auth/grants',
      summary: 'What there is to do, and which role and scope that takes',
      tag: 'auth',
      role: 'USER',
      responses: {
        200: { description: 'All of it.', schema: z.object({ items: z.array(Grant) }) },
      },
      handle: () => ({
        status: 200,
        json: { items: SCOPES.map((scope): Grant => ({ scope, ...GRANTS[scope] })) },
      }),
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

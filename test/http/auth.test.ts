/** Who gets in: the printed link, cookies, keys, roles, other sites, and those who guess. */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClock } from '../../src/adapters/system.ts';
import { Session } from '../../src/contract/index.ts';
import {
  SESSION_MS,
  type SessionClaims,
  SIGN_IN_MS,
  signSession,
  verifySession,
} from '../../src/http/auth.ts';
import { API_KEY, callId, LINK_TOKEN, leadId, SECRET, type Served, serve } from './support.ts';

let served: Served;
let nowMs = Date.now();
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
beforeEach(async () => {
  nowMs = Date.now();
  served = await serve({ clock: { ...createClock(quiet), nowMs: () => nowMs } });
});
afterEach(() => served.http.close());

const me = (cookie: string) => fetch(`${served.base}/api/v1/auth/me`, { headers: { cookie } });
const claims = (over: Partial<SessionClaims> = {}): SessionClaims => ({
  sessionId: 'session-1',
  userId: 'u1',
  name: 'Ann',
  role: 'ADMIN',
  issuedAtMs: nowMs,
  expiresAtMs: nowMs + SESSION_MS,
  ...over,
});
const cookieOf = (over: Partial<SessionClaims> = {}, secret = SECRET) =>
  `parley_session=${signSession(secret, claims(over))}`;

test('the printed link signs in once, sets a guarded cookie and goes to the dashboard', async () => {
  const first = await fetch(`${served.base}/signin?token=${LINK_TOKEN}`, { redirect: 'manual' });
  expect([first.status, first.headers.get('location')]).toEqual([303, '/']);
  const setCookie = first.headers.get('set-cookie') ?? '';
  expect(setCookie).toMatch(
    /^parley_session=v1\.[\w-]+\.[\w-]+; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax$/,
  );
  const session = Session.parse(await (await me(setCookie.split(';')[0] ?? '')).json());
  expect(session).toMatchObject({ role: 'ADMIN', via: 'cookie' });

  const again = await fetch(`${served.base}/signin?token=${LINK_TOKEN}`, { redirect: 'manual' });
  expect(again.status).toBe(401);
  expect(again.headers.get('set-cookie')).toBeNull();
  expect(await again.text()).toContain('works once');
});

test('over https the cookie is Secure and browsers are told to stay on https', async () => {
  const own = await serve({
    config: { host: '127.0.0.1', port: 0, publicBaseUrl: 'https://calls.example.com' },
  });
  const response = await fetch(`${own.base}/signin?token=${LINK_TOKEN}`, { redirect: 'manual' });
  expect(response.headers.get('set-cookie')).toMatch(/; Secure$/);
  expect(response.headers.get('strict-transport-security')).toMatch(/^max-age=/);
  await own.http.close();
});

test('a wrong token, a look ahead and a link a day old sign nobody in', async () => {
  const wrong = await fetch(`${served.base}/signin?token=nope`, { redirect: 'manual' });
  expect([wrong.status, wrong.headers.get('set-cookie')]).toEqual([401, null]);
  const ahead = await fetch(`${served.base}/signin?token=${LINK_TOKEN}`, {
    headers: { 'sec-purpose': 'prefetch' },
  });
  expect([ahead.status, ahead.headers.get('set-cookie')]).toEqual([204, null]);
  await fetch(`${served.base}/signin?token=${LINK_TOKEN}`, { method: 'HEAD' });
  nowMs += SIGN_IN_MS;
  const late = await fetch(`${served.base}/signin?token=${LINK_TOKEN}`, { redirect: 'manual' });
  expect([late.status, late.headers.get('set-cookie')]).toEqual([401, null]);
});

test('the dashboard signs in with the token of the link', async () => {
  const link = (token: string) =>
    fetch(`${served.base}/api/v1/auth/link`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    });
  const wrong = await link('nope');
  expect([wrong.status, await wrong.json()]).toMatchObject([401, { code: 'unauthenticated' }]);
  const right = await link(LINK_TOKEN);
  expect(right.status).toBe(204);
  expect((await me((right.headers.get('set-cookie') ?? '').split(';')[0] ?? '')).status).toBe(200);
});

test('a cookie ends after seven days, is renewed on the way there, and keeps its session', async () => {
  const cookie = cookieOf();
  expect((await me(cookie)).headers.get('set-cookie')).toBeNull();
  nowMs += SESSION_MS / 2;
  const renewed = (await me(cookie)).headers.get('set-cookie')?.split(';')[0] ?? '';
  nowMs += SESSION_MS / 2;
  expect((await me(cookie)).status).toBe(401);
  expect((await me(renewed)).status).toBe(200);
  await fetch(`${served.base}/api/v1/auth/logout`, { method: 'POST', headers: { cookie: renewed } });
  expect((await me(renewed)).status).toBe(401);
});

test('signing out ends the session, not only the cookie', async () => {
  const cookie = await served.signIn();
  const out = await fetch(`${served.base}/api/v1/auth/logout`, { method: 'POST', headers: { cookie } });
  expect(out.status).toBe(204);
  expect(out.headers.get('set-cookie')).toMatch(/^parley_session=; Path=\/; Max-Age=0/);
  expect((await me(cookie)).status).toBe(401);
});

test('no change of a signed cookie is accepted, nor one that another secret signed', () => {
  const good = signSession(SECRET, claims());
  expect(verifySession(SECRET, good, nowMs)).toEqual(claims());
  expect(verifySession('t'.repeat(48), good, nowMs)).toBeUndefined();
  expect(verifySession(SECRET, good, nowMs + SESSION_MS)).toBeUndefined();
  const forged = Buffer.from(JSON.stringify(claims({ role: 'USER' }))).toString('base64url');
  expect(verifySession(SECRET, `v1.${forged}.${good.split('.')[2]}`, nowMs)).toBeUndefined();
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.constantFrom('A', 'z', '.', '0', ''), (index, other) => {
      const changed = good.slice(0, index) + other + good.slice(index + 1);
      fc.pre(changed !== good);
      expect(verifySession(SECRET, changed, nowMs)).toBeUndefined();
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => verifySession(SECRET, text, nowMs) === undefined));
});

test('a bad key beside a good cookie is refused, and so is a key when none is set', async () => {
  const cookie = cookieOf();
  const bad = await fetch(`${served.base}/api/v1/auth/me`, {
    headers: { cookie, authorization: `Bearer ${API_KEY}x` },
  });
  expect(bad.status).toBe(401);
  expect(bad.headers.get('www-authenticate')).toMatch(/^Bearer/);
  const own = await serve({ auth: { sessionSecret: SECRET, signInToken: 't' } });
  for (const key of [API_KEY, 'undefined', '']) {
    expect(
      (await fetch(`${own.base}/api/v1/auth/me`, { headers: { authorization: `Bearer ${key}` } })).status,
    ).toBe(401);
  }
  await own.http.close();
});

test('a role lets through what it may and nothing above it', async () => {
  const post = (path: string, body: unknown, role: 'ADMIN' | 'ANALYST' | 'USER') =>
    fetch(served.base + path, {
      method: 'POST',
      headers: { cookie: cookieOf({ role }), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const statuses = async (path: string, body: unknown) =>
    Promise.all(
      (['USER', 'ANALYST', 'ADMIN'] as const).map(async (role) => (await post(path, body, role)).status),
    );
  expect(await statuses('/api/v1/dnc/%2B12125550123/release', { reason: 'asked' })).toEqual([403, 403, 200]);
  expect(await statuses('/api/v1/calls', { leadId })).toEqual([403, 202, 202]);
  expect(await statuses('/api/v1/dnc', { phone: '+12125550123' })).toEqual([201, 201, 201]);
  expect(
    (
      await fetch(`${served.base}/api/v1/calls/${callId}`, {
        headers: { cookie: cookieOf({ role: 'USER' }) },
      })
    ).status,
  ).toBe(200);
});

test.each([
  ['another site (fetch metadata)', { 'sec-fetch-site': 'cross-site' }, 403],
  ['a sister domain', { 'sec-fetch-site': 'same-site' }, 403],
  ['another site (origin)', { origin: 'https://evil.example' }, 403],
  ['a sandboxed page', { origin: 'null' }, 403],
  ['our own page', { 'sec-fetch-site': 'same-origin', origin: 'http://127.0.0.1' }, 202],
  ['a program', {}, 202],
])('a call asked for with a cookie by %s', async (_name, headers, status) => {
  const response = await fetch(`${served.base}/api/v1/calls`, {
    method: 'POST',
    headers: { cookie: cookieOf(), 'content-type': 'application/json', ...headers } as Record<string, string>,
    body: JSON.stringify({ leadId }),
  });
  expect(response.status).toBe(status);
  expect(served.state.asked.length).toBe(status === 202 ? 1 : 0);
});

test('our own origin is known by the host and by the public address', async () => {
  const own = await serve({
    config: { host: '127.0.0.1', port: 0, publicBaseUrl: 'https://calls.example.com' },
  });
  const from = async (origin: string) =>
    (
      await fetch(`${own.base}/api/v1/auth/logout`, {
        method: 'POST',
        headers: { origin, cookie: cookieOf() },
      })
    ).status;
  expect(await from(own.base)).toBe(204);
  expect(await from('https://calls.example.com')).toBe(204);
  expect(await from('https://calls.example.com.evil.example')).toBe(403);
  await own.http.close();
});

test('an API key needs no origin: no browser sends it by itself', async () => {
  const response = await served.send('POST', '/api/v1/calls', { leadId }, { 'sec-fetch-site': 'cross-site' });
  expect(response.status).toBe(202);
});

test('guessing is slowed down, and a good credential is not locked out by it', async () => {
  const guess = () => fetch(`${served.base}/api/v1/auth/me`, { headers: { authorization: 'Bearer wrong' } });
  const statuses = new Set<number>();
  for (let i = 0; i < 40; i += 1) statuses.add((await guess()).status);
  expect([...statuses]).toEqual([401, 429]);
  const limited = await guess();
  expect(limited.headers.get('retry-after')).toBe('60');
  expect(await limited.json()).toMatchObject({ code: 'rate_limited', retryable: true });
  expect((await me(cookieOf())).status).toBe(200);
});

test('sign-in links cannot be guessed at leisure', async () => {
  let last = 0;
  for (let i = 0; i < 40; i += 1) last = (await fetch(`${served.base}/signin?token=${i}`)).status;
  expect(last).toBe(429);
});

test('neither keys, cookies nor tokens reach the log', async () => {
  const cookie = await served.signIn();
  await me(cookie);
  await served.withKey('/api/v1/leads?search=Ada');
  await fetch(`${served.base}/signin?token=guess-me`, { redirect: 'manual' });
  const text = JSON.stringify(served.lines);
  expect(served.lines.length).toBeGreaterThan(0);
  for (const secret of [API_KEY, LINK_TOKEN, 'guess-me', cookie.slice(20), 'Ada'])
    expect(text).not.toContain(secret);
});

/** Who gets in: the printed link, passwords, cookies, keys, roles, other sites, and those who guess. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClock } from '../../src/adapters/system.ts';
import { IDLE_MS, SESSION_MS } from '../../src/app/sessions.ts';
import { Session } from '../../src/contract/index.ts';
import { networkOf, SIGN_IN_MS } from '../../src/http/auth.ts';
import { API_KEY, callId, LINK_TOKEN, leadId, SECRET, type Served, serve } from './support.ts';

let served: Served;
let passedMs = 0;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const real = createClock(quiet);
beforeEach(async () => {
  passedMs = 0;
  served = await serve({
    clock: { ...real, nowMs: () => real.nowMs() + passedMs, steadyMs: () => real.steadyMs() + passedMs },
  });
});
afterEach(() => served.http.close());

const me = (cookie: string) => fetch(`${served.base}/api/v1/auth/me`, { headers: { cookie } });
const cookieIn = (response: Response) => (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(served.base + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

test('the printed link signs in once, sets a guarded cookie and goes to the dashboard', async () => {
  const first = await fetch(`${served.base}/signin?token=${LINK_TOKEN}`, { redirect: 'manual' });
  expect([first.status, first.headers.get('location')]).toEqual([303, '/']);
  expect(first.headers.get('set-cookie')).toMatch(
    /^parley_session=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax$/,
  );
  const session = Session.parse(await (await me(cookieIn(first))).json());
  expect(session).toMatchObject({ role: 'ADMIN', via: 'cookie', byLink: true, isFirst: true });

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
  passedMs += SIGN_IN_MS;
  const late = await fetch(`${served.base}/signin?token=${LINK_TOKEN}`, { redirect: 'manual' });
  expect([late.status, late.headers.get('set-cookie')]).toEqual([401, null]);
});

test('the dashboard signs in with the token of the link', async () => {
  const wrong = await post('/api/v1/auth/link', { token: 'nope' });
  expect([wrong.status, await wrong.json()]).toMatchObject([401, { code: 'unauthenticated' }]);
  const right = await post('/api/v1/auth/link', { token: LINK_TOKEN });
  expect(right.status).toBe(204);
  expect((await me(cookieIn(right))).status).toBe(200);
});

test('a session ends after twelve hours without a sign of life, and after seven days in any case', async () => {
  const idle = await served.access.sessions.begin({ userId: 'u', name: 'U', role: 'USER' }, {});
  const cookie = await served.signIn();
  /** That somebody was here is written behind the answer. */
  const seen = () =>
    expect
      .poll(async () => (await served.access.sessions.list('owner'))[0]?.lastSeenAt.getTime())
      .toBeGreaterThan(real.nowMs() + passedMs - 60_000);
  passedMs += IDLE_MS - 1_000;
  expect((await me(cookie)).status).toBe(200);
  await seen();
  passedMs += 2_000;
  expect((await me(`parley_session=${idle.token}`)).status).toBe(401);
  for (let hours = 12; hours < 7 * 24; hours += 8) {
    expect((await me(cookie)).status).toBe(200);
    await seen();
    passedMs += 8 * 3_600_000;
  }
  passedMs = SESSION_MS;
  expect((await me(cookie)).status).toBe(401);
});

test('signing out ends the session, not only the cookie', async () => {
  const cookie = await served.signIn();
  const out = await post('/api/v1/auth/logout', undefined, served.asPage(cookie));
  expect(out.status).toBe(204);
  expect(out.headers.get('set-cookie')).toMatch(/^parley_session=; Path=\/; Max-Age=0/);
  expect((await me(cookie)).status).toBe(401);
});

test('a bad key beside a good cookie is refused, and so is a key when none is set', async () => {
  const cookie = served.cookieOf('ADMIN');
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
  const statuses = async (path: string, body: unknown) =>
    Promise.all(
      (['USER', 'ANALYST', 'ADMIN'] as const).map(
        async (role) => (await post(path, body, served.asPage(served.cookieOf(role)))).status,
      ),
    );
  expect(await statuses('/api/v1/dnc/%2B12125550123/release', { reason: 'asked' })).toEqual([403, 403, 200]);
  expect(await statuses('/api/v1/calls', { leadId })).toEqual([403, 202, 202]);
  expect(await statuses('/api/v1/dnc', { phone: '+12125550123' })).toEqual([201, 201, 201]);
  const call = await fetch(`${served.base}/api/v1/calls/${callId}`, {
    headers: { cookie: served.cookieOf('USER') },
  });
  expect(call.status).toBe(200);
});

const own = { 'x-requested-by': 'parley' };
test.each([
  ['another site (fetch metadata)', { 'sec-fetch-site': 'cross-site', ...own }, 403],
  ['a sister domain', { 'sec-fetch-site': 'same-site', ...own }, 403],
  ['another site (origin)', { origin: 'https://evil.example', ...own }, 403],
  ['a sandboxed page', { origin: 'null', ...own }, 403],
  ['our own page', { 'sec-fetch-site': 'same-origin', origin: 'http://127.0.0.1', ...own }, 202],
  ['a form of our own site', { 'sec-fetch-site': 'same-origin', origin: 'http://127.0.0.1' }, 403],
  ['a browser that tells nothing', {}, 403],
  ['a program that knows the header', own, 202],
])('a call asked for with a cookie by %s', async (_name, headers, status) => {
  const response = await post('/api/v1/calls', { leadId }, {
    cookie: served.cookieOf('ADMIN'),
    ...headers,
  } as Record<string, string>);
  expect(response.status).toBe(status);
  expect(served.state.asked.length).toBe(status === 202 ? 1 : 0);
});

test('our own origin is known by the host and by the public address', async () => {
  const elsewhere = await serve({
    config: { host: '127.0.0.1', port: 0, publicBaseUrl: 'https://calls.example.com' },
  });
  const from = async (origin: string) => {
    const headers = { origin, ...elsewhere.asPage(elsewhere.cookieOf('ADMIN')) };
    return (await fetch(`${elsewhere.base}/api/v1/auth/logout`, { method: 'POST', headers })).status;
  };
  expect(await from('https://calls.example.com.evil.example')).toBe(403);
  expect(await from(elsewhere.base)).toBe(204);
  expect(await from('https://calls.example.com')).toBe(204);
  await elsewhere.http.close();
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
  expect((await me(served.cookieOf('ADMIN'))).status).toBe(200);
});

test('sign-in links cannot be guessed at leisure', async () => {
  let last = 0;
  for (let i = 0; i < 40; i += 1) last = (await fetch(`${served.base}/signin?token=${i}`)).status;
  expect(last).toBe(429);
});

test('neither keys, cookies, passwords nor tokens reach the log', async () => {
  const cookie = await served.signIn();
  await me(cookie);
  await served.withKey('/api/v1/leads?search=Ada');
  await fetch(`${served.base}/signin?token=guess-me`, { redirect: 'manual' });
  await post('/api/v1/auth/login', { email: 'ann@example.com', password: 'hunter2hunter2' });
  const text = JSON.stringify(served.lines);
  expect(served.lines.length).toBeGreaterThan(0);
  for (const secret of [API_KEY, LINK_TOKEN, 'guess-me', cookie.slice(20), 'Ada', 'hunter2'])
    expect(text).not.toContain(secret);
});

test.each([
  ['203.0.113.77', '203.0.113.0/24'],
  ['::ffff:203.0.113.77', '203.0.113.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
  ['2001:db8::9', '2001:db8::/48'],
  ['fe80::1%eth0', 'fe80::/48'],
  ['::1', '::/48'],
  [undefined, undefined],
])('of the address %s only the network is kept', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

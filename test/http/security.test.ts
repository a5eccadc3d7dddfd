/**
 * Nobody gets further than they may: every route before every role, every scope and no sign-in, generated from the route
 * table; cookies, keys and links that are forged, over, used or revoked; other sites; and words that would like to be code.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SESSION_MS } from '../../src/app/sessions.ts';
import * as contract from '../../src/contract/index.ts';
import { GRANTS, ROLES, reaches, SCOPES, type Scope } from '../../src/domain/user.ts';
import { kindOf } from '../../src/http/audit.ts';
import type { Route } from '../../src/http/route.ts';
import { buildRoutes, type RouteNeeds } from '../../src/http/routes/index.ts';
import { isAsking, needOf } from '../../src/http/scopes.ts';
import { API_KEY, callId, campaignId, leadId, missingId, type Served, serve } from './support.ts';

/** The table itself; nothing of it is run here. */
const nothing: never = new Proxy({}, { get: (): unknown => nothing }) as never;
const settings = { publicBaseUrl: '' } as contract.Settings;
const ROUTES: readonly Route[] = buildRoutes({
  app: nothing,
  access: nothing,
  settings,
  clock: nothing,
} as Partial<RouteNeeds> as RouteNeeds);
const CLOSED = ROUTES.filter(({ role }) => role !== 'public');
const nameOf = ({ method, path }: Route) => `${method} ${path}`;

const IDS: Readonly<Record<string, string>> = { leadId, callId, campaignId, phone: '%2B12125550123' };
const addressOf = ({ path }: Route) => path.replace(/:(\w+)/g, (_whole, name) => IDS[name] ?? missingId);

let served: Served;
let strangers = 0;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.http.close());

/** Each from an address of its own, so that nobody is slowed down for the others. */
async function ask(row: Route, headers: Record<string, string>): Promise<{ status: number; code: unknown }> {
  strangers += 1;
  const response = await fetch(served.base + addressOf(row), {
    method: row.method,
    headers: {
      'x-forwarded-for': `10.${strangers >> 16}.${(strangers >> 8) & 255}.${strangers & 255}`,
      ...(row.body ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    ...(row.body ? { body: '{}' } : {}),
    redirect: 'manual',
  });
  const { status } = response;
  const problem = status >= 400 ? contract.Problem.parse(await response.json()) : undefined;
  if (!problem) await response.body?.cancel();
  return { status, code: problem?.code };
}

/** What comes of asking for all of them, a few at a time. */
async function sweep<T>(
  rows: readonly Route[],
  work: (row: Route) => Promise<T>,
): Promise<Record<string, T>> {
  const found: Record<string, T> = {};
  for (let at = 0; at < rows.length; at += 16) {
    const slice = rows.slice(at, at + 16);
    for (const [name, result] of await Promise.all(
      slice.map(async (row) => [nameOf(row), await work(row)] as const),
    ))
      found[name] = result;
  }
  return found;
}

const IN = 'let in';
const verdict = ({ status, code }: { status: number; code: unknown }) =>
  status === 401 || status === 403 ? `${status} ${code}` : IN;

describe('every route', () => {
  test('is in the table once, and there are many', () => {
    expect(CLOSED.length).toBeGreaterThan(60);
    expect(new Set(ROUTES.map(nameOf)).size).toBe(ROUTES.length);
    expect(
      ROUTES.filter(({ role }) => role === 'public')
        .map(nameOf)
        .sort(),
    ).toEqual([
      'GET /healthz',
      'GET /metrics',
      'GET /readyz',
      'POST /api/v1/auth/link',
      'POST /api/v1/auth/login',
      'POST /api/v1/auth/logout',
      'POST /api/v1/auth/password-link',
    ]);
  });

  test('is closed to strangers, before anything is done', async () => {
    served.state.asked.length = 0;
    const found = await sweep(CLOSED, async (row) => verdict(await ask(row, {})));
    expect(found).toEqual(Object.fromEntries(CLOSED.map((row) => [nameOf(row), '401 unauthenticated'])));
    expect(served.state.asked).toEqual([]);
  });

  test.each(ROLES)('lets %s do what that role may, and nothing above it', async (role) => {
    const cookie = served.asPage(served.cookieOf(role));
    const found = await sweep(CLOSED, async (row) => verdict(await ask(row, cookie)));
    expect(found).toEqual(
      Object.fromEntries(
        CLOSED.map((row) => [
          nameOf(row),
          row.role !== 'public' && reaches(role, row.role) ? IN : '403 forbidden',
        ]),
      ),
    );
  });

  test('asks for a role that its scope needs at least', () => {
    for (const row of CLOSED) {
      const need = needOf(row);
      if (need === 'any' || need === 'person' || row.role === 'public') continue;
      expect(reaches(row.role, GRANTS[need].role), nameOf(row)).toBe(true);
    }
  });

  test.each(SCOPES)('opens to a key made for %s only if that is what it takes', async (scope: Scope) => {
    const { secret } = await served.access.apiKeys.create(
      { name: scope, role: 'ADMIN', scopes: [scope] },
      'owner',
    );
    const key = { authorization: `Bearer ${secret}` };
    const found = await sweep(CLOSED, async (row) => verdict(await ask(row, key)));
    const expected = CLOSED.map((row) => {
      const need = needOf(row);
      return [nameOf(row), need === scope || need === 'any' ? IN : '403 forbidden'];
    });
    expect(found).toEqual(Object.fromEntries(expected));
  });

  test('keeps a key to its own role, whatever its scopes', async () => {
    const { secret } = await served.access.apiKeys.create(
      { name: 'small', role: 'USER', scopes: ['leads:read', 'calls:read', 'compliance:write'] },
      'owner',
    );
    const rows = CLOSED.filter(({ role }) => role !== 'USER');
    const found = await sweep(rows, async (row) =>
      verdict(await ask(row, { authorization: `Bearer ${secret}` })),
    );
    expect(new Set(Object.values(found))).toEqual(new Set(['403 forbidden']));
  });

  test('that changes something takes no cookie without proof that our own page sent it', async () => {
    served.state.asked.length = 0;
    const cookie = served.cookieOf('ADMIN');
    const changing = ROUTES.filter(({ method }) => method !== 'GET');
    for (const forged of [
      { 'x-requested-by': 'parley', 'sec-fetch-site': 'cross-site' },
      { 'x-requested-by': 'parley', 'sec-fetch-site': 'same-site' },
      { 'x-requested-by': 'parley', origin: 'https://evil.example' },
      { 'x-requested-by': 'parley', origin: 'null' },
      { 'sec-fetch-site': 'same-origin' },
      {},
    ] as Record<string, string>[]) {
      const found = await sweep(changing, async (row) => verdict(await ask(row, { cookie, ...forged })));
      expect([forged, new Set(Object.values(found))]).toEqual([forged, new Set(['403 forbidden'])]);
    }
    expect(served.state.asked).toEqual([]);
  });

  test('that changes something, or opens what is somebody’s, is noted', () => {
    const kinds = Object.fromEntries(CLOSED.map((row) => [nameOf(row), kindOf(row)]));
    for (const row of CLOSED)
      if (!isAsking(row)) expect([nameOf(row), kindOf(row)]).toEqual([nameOf(row), 'change']);
    for (const opens of [
      'GET /api/v1/calls/:callId',
      'GET /api/v1/calls/:callId/transcript',
      'GET /api/v1/calls/:callId/events',
      'GET /api/v1/calls/:callId/recording',
      'GET /api/v1/calls/live',
      'GET /api/v1/leads/:leadId',
      'GET /api/v1/leads/:leadId/timeline',
      'GET /api/v1/consents/proof',
      'GET /api/v1/compliance/records',
      'GET /api/v1/audit-log',
    ])
      expect([opens, kinds[opens]]).toEqual([opens, 'opening']);
  });
});

describe('a cookie', () => {
  const me = async (cookie: string) =>
    (
      await fetch(`${served.base}/api/v1/auth/me`, {
        headers: { cookie, 'x-forwarded-for': `10.9.0.${++strangers % 250}` },
      })
    ).status;
  const began = (over = {}) =>
    served.access.sessions.begin({ userId: 'u1', name: 'Ann', role: 'ADMIN', ...over }, {});

  test('that was made up, cut, changed, or is another program’s opens nothing', async () => {
    const { token } = await began();
    expect(await me(`parley_session=${token}`)).toBe(200);
    const changed = (token.startsWith('A') ? 'B' : 'A') + token.slice(1);
    for (const value of [
      '',
      'A'.repeat(43),
      changed,
      token.slice(0, -1),
      `${token}A`,
      token.toLowerCase() === token ? `${token}x` : token.toLowerCase(),
      `"${token}"`,
      'v1.eyJyb2xlIjoiQURNSU4ifQ.AAAA',
      '{"$ne":null}',
      '../../etc/passwd',
    ])
      expect([value, await me(`parley_session=${value}`)]).toEqual([value, 401]);
    expect(await me(`other=${token}; xparley_session=${token}`)).toBe(401);
  });

  test('that was used before signing out opens nothing afterwards', async () => {
    const { token } = await began();
    const cookie = `parley_session=${token}`;
    await fetch(`${served.base}/api/v1/auth/logout`, { method: 'POST', headers: served.asPage(cookie) });
    expect(await me(cookie)).toBe(401);
  });

  test('of a person who was deactivated opens nothing from that moment', async () => {
    const { user, link } = await served.access.users.create(
      { email: 'gone@example.com', name: 'Gone', role: 'ANALYST' },
      'owner',
    );
    const password = 'a walk along the river';
    const { token } = await served.access.users.redeem({ token: link.token, password }, {});
    expect(await me(`parley_session=${token}`)).toBe(200);
    const { status } = await served.send('PATCH', `/api/v1/users/${user._id}`, { isActive: false });
    expect([status, await me(`parley_session=${token}`)]).toEqual([200, 401]);
  });

  test('is new with every sign-in, and the one before it is over', async () => {
    const { user, link } = await served.access.users.create(
      { email: 'again@example.com', name: 'Again', role: 'USER' },
      'owner',
    );
    const password = 'a walk along the river';
    const first = await served.access.users.redeem({ token: link.token, password }, {});
    const login = await fetch(`${served.base}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...served.asPage(`parley_session=${first.token}`) },
      body: JSON.stringify({ email: user.email, password }),
    });
    const second = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    expect(login.status).toBe(204);
    expect(login.headers.get('set-cookie')).toMatch(
      new RegExp(`; Max-Age=${SESSION_MS / 1000}; HttpOnly; SameSite=Lax$`),
    );
    expect(second).not.toContain(first.token);
    expect([await me(second), await me(`parley_session=${first.token}`)]).toEqual([200, 401]);
    const refixed = await fetch(`${served.base}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie: `parley_session=${'A'.repeat(43)}` },
      body: JSON.stringify({ email: user.email, password }),
    });
    expect(refixed.headers.get('set-cookie')).not.toContain('A'.repeat(43));
  });
});

describe('a key', () => {
  const me = async (key: string) =>
    (
      await fetch(`${served.base}/api/v1/auth/me`, {
        headers: { authorization: `Bearer ${key}`, 'x-forwarded-for': `10.8.0.${++strangers % 250}` },
      })
    ).status;

  test('that was made up, changed, revoked, or whose hash was sent opens nothing', async () => {
    const made = await served.send('POST', '/api/v1/api-keys', {
      name: 'CRM',
      role: 'USER',
      scopes: ['leads:read'],
    });
    const { key, secret } = contract.ApiKeyMade.parse(await made.json());
    expect(await me(secret)).toBe(200);
    const [stored] = (await served.access.apiKeys.list()).filter(({ _id }) => _id === key.id);
    for (const other of [
      `${secret}A`,
      secret.slice(0, -1),
      secret.replace('parley_', ''),
      `parley_${'A'.repeat(43)}`,
      stored?.hash ?? '',
      key.id,
      `${API_KEY}x`,
    ])
      expect([other, await me(other)]).toEqual([other, 401]);
    const listed = await (await served.withKey('/api/v1/api-keys')).text();
    expect(listed).not.toContain(secret.slice(13));
    expect(listed).not.toContain(stored?.hash ?? 'none');
    await served.send('POST', `/api/v1/api-keys/${key.id}/revoke`, '');
    expect(await me(secret)).toBe(401);
  });

  test('is nobody’s person: no own password, no own sessions', async () => {
    for (const path of ['/api/v1/auth/sessions']) expect((await served.withKey(path)).status).toBe(403);
    const first = await served.send('POST', '/api/v1/auth/first-user', {
      email: 'a@example.com',
      name: 'A',
      password: 'a walk along the river',
    });
    expect(first.status).toBe(403);
  });
});

describe('signing in', () => {
  const login = (email: string, password: string, from = '10.7.0.1') =>
    fetch(`${served.base}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': from },
      body: JSON.stringify({ email, password }),
    });

  test('says the same for an unknown address and a wrong password, and how long to wait', async () => {
    const { link } = await served.access.users.create(
      { email: 'real@example.com', name: 'Real', role: 'USER' },
      'owner',
    );
    await served.access.users.redeem({ token: link.token, password: 'a walk along the river' }, {});
    const said: unknown[][] = [[], []];
    for (const [at, email] of ['real@example.com', 'unreal@example.com'].entries()) {
      for (let n = 0; n < 6; n += 1) {
        const response = await login(email, 'wrong', `10.7.${at}.${n}`);
        const { instance: _request, retryInSec, ...problem } = contract.Problem.parse(await response.json());
        said[at]?.push([problem, retryInSec, response.headers.get('retry-after')]);
      }
    }
    expect(said[1]).toEqual(said[0]);
    expect(said[0]?.at(3)).toMatchObject([{ code: 'unauthenticated', status: 401 }, 1, '1']);
    expect(said[0]?.at(4)).toMatchObject([{ code: 'sign_in_locked', status: 429 }, 1, '1']);
  });

  test('is slowed down by address, too', async () => {
    const statuses = new Set<number>();
    for (let n = 0; n < 40; n += 1) statuses.add((await login(`n${n}@example.com`, 'x', '10.6.0.1')).status);
    expect([...statuses]).toEqual([401, 429]);
  });

  test('from a page of another site is refused', async () => {
    const response = await fetch(`${served.base}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: 'https://evil.example' },
      body: JSON.stringify({ email: 'real@example.com', password: 'a walk along the river' }),
    });
    expect([response.status, response.headers.get('set-cookie')]).toEqual([403, null]);
  });

  test('by the link of an invitation works once, and the link is in no address that a server sees', async () => {
    const made = await served.send('POST', '/api/v1/users', {
      email: 'new@example.com',
      name: '<script>alert(1)</script>',
      role: 'USER',
    });
    const { link } = contract.InvitedUser.parse(await made.json());
    const { pathname, search, hash } = new URL(link.url);
    expect([pathname, search]).toEqual(['/set-password', '']);
    const choose = (password: string) =>
      fetch(`${served.base}/api/v1/auth/password-link`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': '10.5.0.1' },
        body: JSON.stringify({ token: hash.slice(1), password }),
      });
    expect((await choose('short')).status).toBe(400);
    expect((await choose('a walk along the river')).status).toBe(204);
    expect((await choose('a walk along the river')).status).toBe(401);
  });
});

describe('the audit log', () => {
  test('tells who changed, opened and was refused what, and nothing of what was in it', async () => {
    const who = { userId: 'grace', name: 'Grace', role: 'ANALYST' } as const;
    const { token } = await served.access.sessions.begin(who, {});
    const page = served.asPage(`parley_session=${token}`);
    const json = { 'content-type': 'application/json' };
    await fetch(`${served.base}/api/v1/leads?search=Ada`, { headers: page });
    await fetch(`${served.base}/api/v1/leads/${leadId}`, { headers: page });
    await fetch(`${served.base}/api/v1/calls/${callId}/transcript`, { headers: page });
    await fetch(`${served.base}/api/v1/leads/${leadId}`, {
      method: 'PATCH',
      headers: { ...page, ...json },
      body: JSON.stringify({ contact: { firstName: 'Rosalind' } }),
    });
    await fetch(`${served.base}/api/v1/consents/proof?phone=%2B12125550123`, { headers: page });
    await fetch(`${served.base}/api/v1/retention/run`, {
      method: 'POST',
      headers: { ...page, ...json },
      body: '{}',
    });
    await served.access.auditLog.settled(5_000);
    const listed = await served.withKey('/api/v1/audit-log?who=grace&limit=200');
    const { items } = contract.page(contract.AuditEntry).parse(await listed.json());
    const seen = items
      .slice(0, 5)
      .map(({ kind, route, targets, outcome }) => [kind, route, targets, outcome]);
    expect(seen).toEqual([
      ['change', 'POST /api/v1/retention/run', [], 'refused'],
      ['opening', 'GET /api/v1/consents/proof', ['+12125550123'], 'done'],
      ['change', 'PATCH /api/v1/leads/:leadId', [leadId], 'done'],
      ['opening', 'GET /api/v1/calls/:callId/transcript', [callId], 'done'],
      ['opening', 'GET /api/v1/leads/:leadId', [leadId], 'done'],
    ]);
    expect(items[0]).toMatchObject({
      who: { id: 'grace', name: 'Grace', via: 'cookie' },
      network: '127.0.0.0/24',
    });
    expect(JSON.stringify(items)).not.toMatch(/Rosalind|Ada/);
    const about = await served.withKey(`/api/v1/audit-log?target=${callId}&kind=opening&limit=1`);
    expect(await about.json()).toMatchObject({ items: [{ targets: [callId] }] });
  });

  test('tells of sign-ins, of failed ones too', async () => {
    await served.signIn();
    await fetch(`${served.base}/signin?token=wrong`, { redirect: 'manual' });
    await served.access.auditLog.settled(5_000);
    const { items } = await served.access.auditLog.list({ who: 'owner', limit: 5 });
    expect(items).toMatchObject([
      { route: 'POST /api/v1/auth/link', outcome: 'done', who: { via: 'sign_in' } },
    ]);
    const nobody = await served.access.auditLog.list({ who: 'nobody', limit: 200 });
    expect(nobody.items.map(({ route, outcome }) => `${route} ${outcome}`)).toContain(
      'POST /api/v1/auth/login refused',
    );
  });
});

describe('a page', () => {
  test.each([
    '/',
    '/api/docs',
    '/signin?token=wrong',
    '/api/v1/consents/proof?phone=%2B12125550123&format=html',
  ])('%s runs no script but our own files, and nobody may frame it', async (path) => {
    const response = await served.withKey(path, { headers: { accept: 'text/html' }, redirect: 'manual' });
    const policy = Object.fromEntries(
      (response.headers.get('content-security-policy') ?? '').split(';').map((part) => {
        const [name = '', ...sources] = part.trim().split(' ');
        return [name, sources.join(' ')];
      }),
    );
    expect(policy).toMatchObject({
      'base-uri': "'none'",
      'frame-ancestors': "'none'",
    });
    expect(policy['object-src'] ?? policy['default-src']).toBe("'none'");
    expect(policy['script-src'] ?? policy['default-src']).toMatch(/^'(self|none)'$/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    const html = await response.text();
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)[^>]*>/i);
    expect(html).not.toMatch(/\son\w+\s*=|javascript:/i);
  });

  test('names and words that look like code stay text in every answer that carries them', async () => {
    for (const path of [
      '/api/v1/leads',
      `/api/v1/leads/${leadId}`,
      '/api/v1/users',
      `/api/v1/calls/${callId}/transcript`,
    ]) {
      const response = await served.withKey(path, { headers: { accept: 'application/json' } });
      expect([path, response.headers.get('content-type')]).toEqual([path, 'application/json; charset=utf-8']);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('cache-control')).toBe('no-store');
    }
  });
});

test('the contract has the scopes of the domain, no more and no less', () => {
  expect(contract.Scope.options).toEqual([...SCOPES]);
  expect([...contract.Role.options].sort()).toEqual([...ROLES].sort());
});

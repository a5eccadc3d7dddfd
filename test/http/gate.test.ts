/** The gate over HTTP: who may see and change what, what is refused, and what is noted of it. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as contract from '../../src/contract/index.ts';
import {
  API_KEY,
  at,
  callId,
  campaignId,
  decision,
  leadId,
  missingId,
  type Served,
  serve,
} from './support.ts';

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.http.close());
beforeEach(() => {
  served.state.asked.length = 0;
  served.lines.length = 0;
});

const ROLES = ['USER', 'ANALYST', 'ADMIN'] as const;
const PROOF = '/api/v1/consents/proof?phone=2125550123';
const RECORDS = '/api/v1/compliance/records?from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z';
const IMPORT = '/api/v1/dnc/import?list=national&asOf=2026-11-20T00:00:00Z';

interface Ask {
  readonly method: string;
  readonly path: string;
  readonly type?: string;
  readonly body?: string;
}
const json = (method: string, path: string, body: unknown): Ask => ({
  method,
  path,
  type: 'application/json',
  body: JSON.stringify(body),
});
const get = (path: string): Ask => ({ method: 'GET', path });
const file = (body: string, path = IMPORT): Ask => ({ method: 'POST', path, type: 'text/csv', body });
const ask = ({ method, path, type, body }: Ask, headers: Record<string, string>) =>
  fetch(served.base + path, {
    method,
    headers: { ...(type === undefined ? {} : { 'content-type': type }), ...headers },
    ...(body === undefined ? {} : { body }),
  });
const key = { authorization: `Bearer ${API_KEY}` };
const problemOf = async (response: Response) => contract.Problem.parse(await response.json());
const audits = () =>
  served.lines
    .filter(({ sentence }) => sentence === 'audit')
    .map(({ fields: { audit: _audit, requestId: _id, via: _via, ...rest } }) => rest);

const OPEN_TO: readonly (readonly [Ask, contract.Role])[] = [
  [json('POST', '/api/v1/compliance/windows', { phone: '2125550123' }), 'USER'],
  [get('/api/v1/compliance/policy'), 'USER'],
  [json('PATCH', '/api/v1/compliance/policy', { killSwitch: true, reason: 'storm' }), 'ADMIN'],
  [get('/api/v1/compliance/lists'), 'USER'],
  [get('/api/v1/compliance/decisions?reason=consent_missing&phone=2125550123'), 'USER'],
  [get(RECORDS), 'ANALYST'],
  [get('/api/v1/dnc/imports'), 'USER'],
  [get(PROOF), 'ANALYST'],
  [get(`${PROOF}&format=html`), 'ANALYST'],
  [file('2125550123\n'), 'ADMIN'],
];
const named = ({ method, path, type = '', body = '' }: Ask): string =>
  `${method} ${path} ${type} ${body}`.trimEnd();

test.each(OPEN_TO.map(([wanted, role]) => [named(wanted), role, wanted] as const))(
  '%s needs the role %s and no less',
  async (_name, role, wanted) => {
    const stranger = await ask(wanted, {});
    expect([stranger.status, (await problemOf(stranger)).code]).toEqual([401, 'unauthenticated']);
    const statuses: number[] = [];
    for (const name of ROLES) {
      const response = await ask(wanted, served.asPage(served.cookieOf(name)));
      statuses.push(response.status);
      await response.body?.cancel();
      const may = ROLES.indexOf(name) >= ROLES.indexOf(role);
      expect(served.state.asked.length > 0).toBe(may);
    }
    expect(statuses).toEqual(ROLES.map((name) => (ROLES.indexOf(name) >= ROLES.indexOf(role) ? 200 : 403)));
  },
);

test('a file with a cookie from another site is refused before a byte of it is read', async () => {
  const response = await ask(file('2125550123\n'), {
    ...served.asPage(served.cookieOf('ADMIN')),
    origin: 'https://evil.example',
  });
  expect([response.status, served.state.asked]).toEqual([403, []]);
});

const REFUSED: readonly (readonly [Ask, readonly string[]])[] = [
  [json('POST', '/api/v1/compliance/windows', { leadId, phone: '1' }), ['/leadId']],
  [json('POST', '/api/v1/compliance/windows', { phone: '1', days: 15, at: 'noon' }), ['/at', '/days']],
  [json('PATCH', '/api/v1/compliance/policy', { reason: 'because' }), ['']],
  [json('PATCH', '/api/v1/compliance/policy', { killSwitch: true }), ['/reason']],
  [
    json('PATCH', '/api/v1/compliance/policy', {
      reason: ' ',
      emergencyStates: ['Florida'],
      maxPer24h: 11,
      stopAfterUnanswered: 0,
      federalHours: '0-24',
    }),
    ['/emergencyStates/0', '/federalHours', '/maxPer24h', '/reason', '/stopAfterUnanswered'],
  ],
  [get('/api/v1/compliance/decisions?reason=bad_mood&phone=2125550123'), ['reason']],
  [get('/api/v1/compliance/decisions?phone=12'), ['phone']],
  [get('/api/v1/compliance/records?from=2026-11-01T00:00:00Z'), ['to']],
  [get('/api/v1/compliance/records?from=soon&to=2026-11-01T00:00:00Z'), ['from']],
  [get('/api/v1/compliance/records?from=2026-11-01T00:00:00Z&to=2026-11-01T00:00:00Z'), ['to']],
  [get('/api/v1/compliance/records?from=2021-11-01T00:00:00Z&to=2026-11-01T00:00:01Z'), ['to']],
  [get(`${RECORDS}&format=xlsx`), ['format']],
  [get('/api/v1/consents/proof'), ['phone']],
  [get('/api/v1/consents/proof?phone=12'), ['phone']],
  [get(`${PROOF}&format=pdf`), ['format']],
  [file('2125550123\n', '/api/v1/dnc/import?list=florida'), ['asOf', 'list']],
  [file('2125550123\n', `${IMPORT}&kind=some&importId=7`), ['importId', 'kind']],
  [file(''), ['']],
  [{ ...file('2125550123\n'), type: 'application/json' }, ['Content-Type']],
  [{ ...file('2125550123\n'), type: 'application/gzip' }, ['Content-Type']],
  [{ method: 'POST', path: '/api/v1/dnc/imports/7/discard' }, ['importId']],
  [json('POST', `/api/v1/dnc/imports/${missingId}/discard`, {}), ['']],
];

test.each(REFUSED.map(([wanted, pointers]) => [named(wanted), pointers, wanted] as const))(
  '%s is 400 for %j',
  async (_name, pointers, wanted) => {
    const response = await ask(wanted, key);
    expect(response.status).toBe(400);
    const said = await problemOf(response);
    expect(said.code).toBe('invalid_request');
    expect(said.errors?.map(({ pointer }) => pointer).sort()).toEqual(pointers);
    expect(served.state.asked).toEqual([]);
  },
);

test('an export may hold exactly five years', async () => {
  const response = await ask(
    get('/api/v1/compliance/records?from=2021-11-01T00:00:00Z&to=2026-11-01T00:00:00Z'),
    key,
  );
  expect(response.status).toBe(200);
  await response.body?.cancel();
});

test('a form is refused with a word on how to send the file', async () => {
  const form = new FormData();
  form.set('file', new Blob(['2125550123\n']), 'list.csv');
  const response = await served.withKey(IMPORT, { method: 'POST', body: form });
  expect(response.status).toBe(400);
  expect((await problemOf(response)).errors?.[0]?.detail).toContain('send the file itself as the body');
});

test('a compressed file is refused', async () => {
  const response = await ask(file('2125550123\n'), { ...key, 'content-encoding': 'gzip' });
  expect((await problemOf(response)).errors).toEqual([
    { in: 'header', pointer: 'Content-Encoding', detail: 'bodies must not be compressed' },
  ]);
});

test('the windows of a number come with the decision and the clock they are read on', async () => {
  const response = await ask(
    json('POST', '/api/v1/compliance/windows', {
      phone: '911',
      campaignId,
      at: '2026-11-21T15:00:00Z',
      days: 3,
    }),
    key,
  );
  expect(await response.json()).toEqual({
    decision: { ...decision, decidedAt: at.toISOString() },
    zone: 'America/New_York',
    windows: [{ from: '2026-11-21T15:00:00.000Z', to: '2026-11-21T16:00:00.000Z' }],
  });
  expect(served.state.asked.at(-1)?.given).toEqual({ phone: '911', campaignId, at, days: 3 });
  await ask(json('POST', '/api/v1/compliance/windows', { leadId }), key);
  expect(served.state.asked.at(-1)?.given).toEqual({ leadId, days: 7 });
});

test('a change of the policy holds, keeps who and why, and stands in the audit log', async () => {
  await (
    await ask(json('PATCH', '/api/v1/compliance/policy', { killSwitch: false, reason: 'calm' }), key)
  ).body?.cancel();
  served.lines.length = 0;
  const change = { killSwitch: true, emergencyStates: ['FL', 'GA'] };
  const changed = await ask(
    json('PATCH', '/api/v1/compliance/policy', { ...change, reason: 'the storm' }),
    key,
  );
  const policy = contract.CompliancePolicy.parse(await changed.json());
  expect(policy).toMatchObject({ ...change, blockedStates: ['WY'] });
  expect(policy.history.slice(0, 2)).toEqual([
    {
      at: at.toISOString(),
      by: 'admin-api-key',
      reason: 'the storm',
      changes: [
        { setting: 'killSwitch', before: false, after: true },
        { setting: 'emergencyStates', before: [], after: ['FL', 'GA'] },
      ],
    },
    expect.objectContaining({ reason: 'calm' }),
  ]);
  const read = await ask(get('/api/v1/compliance/policy'), { cookie: served.cookieOf('USER') });
  expect(await read.json()).toEqual(policy);
  expect(audits()).toEqual([{ action: 'policy.change', userId: 'admin-api-key', change }]);
});

test('decisions are found by the reason of a denial and by the number', async () => {
  const response = await ask(
    get('/api/v1/compliance/decisions?verdict=deny&reason=consent_missing&phone=(212)%20555-0123'),
    key,
  );
  const found = contract.page(contract.DecisionRecord).parse(await response.json());
  expect(found.items[0]).toMatchObject({ callId, decision: { reason: 'consent_missing' } });
  expect(served.state.asked.at(-1)?.given).toEqual({
    limit: 50,
    decided: 'deny',
    reason: 'consent_missing',
    phone: '+12125550123',
  });
});

test('an import is seen in the state of its list and among the imports; a second discard finds nothing', async () => {
  await (await ask(file('2125550123\n2125550124\n'), key)).json();
  const { items: lists } = (await (await ask(get('/api/v1/compliance/lists'), key)).json()) as {
    items: unknown[];
  };
  expect(lists.map((list) => contract.ListStatus.parse(list))).toMatchObject([
    { list: 'national', count: 2, asOf: '2026-11-20T00:00:00.000Z', required: true },
  ]);
  const { items } = (await (await ask(get('/api/v1/dnc/imports'), key)).json()) as { items: unknown[] };
  const made = contract.ListImport.parse(items[0]);
  expect(made).toMatchObject({ state: 'done', lines: 2, createdBy: 'admin-api-key' });
  const discard = await ask({ method: 'POST', path: `/api/v1/dnc/imports/${made.id}/discard` }, key);
  expect([discard.status, (await problemOf(discard)).code]).toEqual([404, 'not_found']);
});

test('who changed, imported, exported or asked for whose proof stands in the audit log, numbers as personal data', async () => {
  await (await ask(file('2125550123\n'), key)).body?.cancel();
  await (await ask(get(`${RECORDS}&format=json`), { cookie: served.cookieOf('ANALYST') })).body?.cancel();
  const proof = contract.ConsentProof.parse(await (await ask(get(PROOF), key)).json());
  await (
    await ask(json('POST', '/api/v1/dnc/2125550123/release', { reason: 'asked again' }), key)
  ).body?.cancel();
  const userId = 'admin-api-key';
  expect(audits()).toEqual([
    {
      action: 'list.import',
      userId,
      list: 'national',
      kind: 'full',
      asOf: new Date('2026-11-20T00:00:00Z'),
    },
    {
      action: 'records.export',
      userId: 'analyst',
      from: new Date('2026-11-01T00:00:00Z'),
      to: new Date('2026-12-01T00:00:00Z'),
      format: 'json',
    },
    { action: 'consent.proof', userId, format: 'json', hash: proof.hash, pii: { phone: '+12125550123' } },
    {
      action: 'dnc.release',
      userId,
      entryId: expect.any(String),
      scope: 'internal',
      pii: { phone: '+12125550123' },
    },
  ]);
});

test('the document says that the import takes the file itself, and of which types', async () => {
  const document = (await (await fetch(`${served.base}/api/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { requestBody?: { content: object }; responses: object }>>;
  };
  const operation = document.paths['/api/v1/dnc/import']?.post;
  expect(Object.keys(operation?.requestBody?.content ?? {})).toEqual([
    'text/csv',
    'text/plain',
    'application/octet-stream',
  ]);
  expect(Object.keys(operation?.responses ?? {})).toEqual(
    expect.arrayContaining(['200', '400', '403', '404', '408', '409', '422', '429']),
  );
});

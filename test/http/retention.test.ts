/** What is kept, archived, removed and forgotten, over HTTP: who may ask for it, what is refused, what is answered and noted. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as contract from '../../src/contract/index.ts';
import { COLLECTIONS } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';
import { erasure, type Served, serve } from './support.ts';

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.http.close());
beforeEach(() => {
  served.state.asked.length = 0;
  served.state.failWith = undefined;
  served.state.run = {};
  served.lines.length = 0;
});

const audits = () =>
  served.lines
    .filter(({ sentence }) => sentence === 'audit')
    .map(({ fields: { audit: _audit, requestId: _id, via: _via, userId: _user, ...rest } }) => rest);
const problemOf = async (response: Response) => contract.Problem.parse(await response.json());

const DOORS: readonly (readonly [string, string, unknown])[] = [
  ['GET', '/api/v1/retention', undefined],
  ['PATCH', '/api/v1/retention', { recordingsDays: 30, reason: 'counsel' }],
  ['GET', '/api/v1/retention/runs', undefined],
  ['POST', '/api/v1/retention/run', { dryRun: true }],
  ['POST', '/api/v1/erasures', { phone: '2125550123', reason: 'a letter' }],
  ['GET', '/api/v1/erasures', undefined],
];

test.each(DOORS)('%s %s is for administrators alone', async (method, path, body) => {
  const ask = (role: contract.Role) =>
    fetch(served.base + path, {
      method,
      headers: { ...served.asPage(served.cookieOf(role)), 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  for (const role of ['USER', 'ANALYST'] as const)
    expect([role, (await ask(role)).status]).toEqual([role, 403]);
  expect(served.state.asked).toEqual([]);
  expect((await ask('ADMIN')).status).toBe(200);
  expect(served.state.asked).toHaveLength(1);
});

test('the policy names the rule of every collection, and the setting is changed with a reason', async () => {
  const policy = contract.RetentionPolicy.parse(await (await served.withKey('/api/v1/retention')).json());
  expect(policy.rules.map(({ of }) => of).sort()).toEqual([...Object.keys(COLLECTIONS), 'recordings'].sort());
  expect(policy.recordingsDays).toBe(90);
  const changed = await served.send('PATCH', '/api/v1/retention', {
    recordingsDays: null,
    reason: 'counsel',
  });
  expect(contract.RetentionPolicy.parse(await changed.json()).recordingsDays).toBeNull();
  expect(served.state.asked.at(-1)).toMatchObject({
    verb: 'retention.changePolicy',
    given: { change: { recordingsDays: null }, reason: 'counsel' },
  });
  expect(audits()).toEqual([{ action: 'retention.change', change: { recordingsDays: null } }]);
});

test.each([
  ['PATCH', '/api/v1/retention', { recordingsDays: 0, reason: 'x' }, ['/recordingsDays']],
  ['PATCH', '/api/v1/retention', { recordingsDays: 30 }, ['/reason']],
  ['PATCH', '/api/v1/retention', { reason: 'x', calls: 1 }, ['/calls', '/recordingsDays']],
  ['POST', '/api/v1/retention/run', { dryRun: 'yes' }, ['/dryRun']],
  ['POST', '/api/v1/erasures', { phone: '12', reason: 'x' }, ['/phone']],
  ['POST', '/api/v1/erasures', { phone: '2125550123' }, ['/reason']],
  ['POST', '/api/v1/erasures', { phone: '2125550123', reason: 'x', leadId: 'y' }, ['/leadId']],
])('%s %s %j is refused by name, and nothing is asked of the app', async (method, path, body, pointers) => {
  const response = await served.send(method, path, body);
  const problem = await problemOf(response);
  expect([response.status, problem.code]).toEqual([400, 'invalid_request']);
  expect((problem.errors ?? []).map(({ pointer }) => pointer).sort()).toEqual(pointers);
  expect(served.state.asked).toEqual([]);
});

test('a run answers with its report; one that takes long with 202 and what there is of it', async () => {
  const done = await served.send('POST', '/api/v1/retention/run', {});
  expect(done.status).toBe(200);
  expect(contract.RetentionRun.parse(await done.json())).toMatchObject({
    state: 'done',
    items: [{ of: 'call_transcripts', count: 3, into: { call_transcripts_archive_2025: 3 } }],
  });
  expect(served.state.asked).toMatchObject([{ verb: 'retention.run', given: { dryRun: false } }]);
  served.state.run = { state: 'running', items: [] };
  const running = await served.send('POST', '/api/v1/retention/run', { dryRun: true });
  expect([running.status, contract.RetentionRun.parse(await running.json()).state]).toEqual([202, 'running']);
});

test('runs come in pages', async () => {
  const response = await served.withKey('/api/v1/retention/runs?limit=1');
  const page = contract
    .page(contract.RetentionRun)
    .strict()
    .parse(await response.json());
  expect([page.items.length, page.nextCursor]).toEqual([1, 'next']);
  expect(Object.keys(page.items[0] ?? {})).not.toContain('updatedAt');
});

test('an erasure answers what is gone and what stays, and the log knows who asked but not about whom', async () => {
  const response = await served.send('POST', '/api/v1/erasures', {
    phone: '(212) 555-0123',
    reason: 'a letter of 3 November',
  });
  const { _id: id, leadIds: _leads, ...rest } = erasure;
  const answer = contract.Erasure.strict().parse(await response.json());
  expect(answer).toMatchObject({ id, dryRun: false, state: 'done', numbers: rest.numbers, kept: rest.kept });
  expect(served.state.asked).toMatchObject([
    { verb: 'erasures.erase', given: { phone: '+12125550123', reason: 'a letter of 3 November' } },
  ]);
  expect(audits()).toEqual([{ action: 'erasure', pii: { phone: '+12125550123' } }]);
});

test('a dry run changes nothing and has no id', async () => {
  const response = await served.send('POST', '/api/v1/erasures', {
    phone: '+12125550123',
    reason: 'a letter',
    dryRun: true,
  });
  const answer = contract.Erasure.strict().parse(await response.json());
  expect([answer.dryRun, 'id' in answer]).toEqual([true, false]);
  expect(served.state.asked.map(({ verb }) => verb)).toEqual(['erasures.foresee']);
});

test('a person who is on the phone is not erased now, and asking again may work', async () => {
  served.state.failWith = new Failure('attempt_in_progress', 'a call with this person is under way');
  const response = await served.send('POST', '/api/v1/erasures', { phone: '2125550123', reason: 'a letter' });
  expect([response.status, await problemOf(response)]).toMatchObject([
    409,
    { code: 'attempt_in_progress', retryable: true },
  ]);
});

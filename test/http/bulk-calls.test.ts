/** One deed for many calls over the wire: who may, how many at once, what the audit log says, and the filters behind it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CallBulkResults, CallMatches } from '../../src/contract/index.ts';
import { callId, missingId, type Served, serve } from './support.ts';

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.http.close());

const as: Served['as'] = (...asked) => served.as(...asked);
const by = { id: 'analyst', name: 'ANALYST', isAdmin: false };

test('analysts do one deed to many calls under their own name, users only see which would be meant', async () => {
  const deed = { what: 'tag', add: ['Coaching'] };
  const body = { callIds: [callId, missingId], deed };
  expect((await as('USER', 'POST', '/calls/bulk', body)).status).toBe(403);
  expect((await as('USER', 'POST', '/calls/bulk/undo', { reviews: [] })).status).toBe(403);
  const done = await as('ANALYST', 'POST', '/calls/bulk', body);
  expect(done.status).toBe(200);
  expect(CallBulkResults.parse(await done.json()).items.map((each) => each.callId)).toEqual(body.callIds);
  expect(served.state.asked).toContainEqual({ verb: 'bulk.act', given: { ids: body.callIds, deed, by } });
  const matching = await as('USER', 'GET', '/calls/matching?status=completed&text=roof');
  expect(CallMatches.parse(await matching.json())).toEqual({ ids: [callId], more: true });
});

test('what was done to which calls stands in the audit log, and so does taking it back', async () => {
  await as('ANALYST', 'POST', '/calls/bulk', { callIds: [missingId], deed: { what: 'analyse' } });
  await as('ANALYST', 'POST', '/calls/bulk', {
    callIds: [callId],
    deed: { what: 'assign', assignedTo: missingId },
  });
  const reviews = [{ callId, status: 'reviewed', tags: ['a'], assignedTo: null, revision: 3 }];
  const undone = await as('ANALYST', 'POST', '/calls/bulk/undo', { reviews });
  expect(CallBulkResults.parse(await undone.json()).items[0]?.problem?.code).toBe('review_conflict');
  expect(served.state.asked).toContainEqual({ verb: 'bulk.undo', given: { before: reviews, by } });
  await served.access.auditLog.settled(2_000);
  const noted = await served.store.collection('audit_log').find({});
  const told = noted.map(({ kind, route, targets }) => ({ kind, route, targets }));
  expect(told).toContainEqual({
    kind: 'change',
    route: 'POST /api/v1/calls/bulk',
    targets: ['analyse', missingId],
  });
  expect(told).toContainEqual({
    kind: 'change',
    route: 'POST /api/v1/calls/bulk',
    targets: ['assign', callId, missingId],
  });
  expect(told).toContainEqual({
    kind: 'change',
    route: 'POST /api/v1/calls/bulk/undo',
    targets: [callId],
  });
});

test('none, too many, the same twice and unknown deeds are refused', async () => {
  const deed = { what: 'review', status: 'reviewed' };
  const ids = (n: number) => Array.from({ length: n }, (_, at) => at.toString(16).padStart(24, '0'));
  for (const body of [
    { callIds: [], deed },
    { callIds: ids(101), deed },
    { callIds: [callId, callId], deed },
    { callIds: ['first'], deed },
    { callIds: [callId], deed: { what: 'erase' } },
    { callIds: [callId], deed: { what: 'assign' } },
    { callIds: [callId], deed: { what: 'assign', assignedTo: 'me' } },
    { callIds: [callId], deed: { what: 'tag', add: Array.from({ length: 21 }, (_, n) => `t${n}`) } },
  ])
    expect((await as('ANALYST', 'POST', '/calls/bulk', body)).status, JSON.stringify(body)).toBe(400);
  expect((await as('ANALYST', 'POST', '/calls/bulk', { callIds: ids(100), deed })).status).toBe(200);
});

test('a list is narrowed by script and cost, and a file to the calls that were chosen', async () => {
  await as('USER', 'GET', '/calls?minCost=0.25&maxCost=3&promptHash=0a1b');
  expect(served.state.asked).toContainEqual({
    verb: 'calls.list',
    given: expect.objectContaining({ minCost: 0.25, maxCost: 3, promptHash: '0a1b' }),
  });
  for (const bad of ['minCost=-1', 'maxCost=1e9', 'minCost=', 'promptHash=x%27', 'ids=1'])
    expect((await as('USER', 'GET', `/calls?${bad}`)).status, bad).toBe(400);
  expect((await as('USER', 'GET', `/calls.csv?ids=${callId},${missingId}`)).status).toBe(200);
  expect(served.state.asked).toContainEqual({
    verb: 'calls.list',
    given: expect.objectContaining({ ids: [callId, missingId] }),
  });
  expect((await as('USER', 'GET', `/calls.csv?ids=${callId},x`)).status).toBe(400);
});

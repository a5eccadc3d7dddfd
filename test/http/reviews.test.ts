/** Reviews over the wire: who may write them, as whom, the views people keep, and the list as a file. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CallReview, Problem, SavedView, Transcript } from '../../src/contract/index.ts';
import { Failure } from '../../src/domain/errors.ts';
import { API_KEY, call, callId, missingId, type Served, serve } from './support.ts';

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.http.close());

const as: Served['as'] = (...asked) => served.as(...asked);

test('analysts write under their own name, users only read, and nobody else gets in', async () => {
  const given = { text: 'Well put', atSec: 3 };
  expect((await as('USER', 'POST', `/calls/${callId}/comments`, given)).status).toBe(403);
  expect((await as('USER', 'PUT', `/calls/${callId}/review`, { status: 'reviewed' })).status).toBe(403);
  expect((await as('USER', 'GET', `/calls/${callId}/review`)).status).toBe(200);
  const made = await as('ANALYST', 'POST', `/calls/${callId}/comments`, given);
  expect(made.status).toBe(201);
  expect(CallReview.parse(await made.json()).comments[0]).not.toHaveProperty('revision');
  expect(served.state.asked).toContainEqual({
    verb: 'reviews.comment',
    given: { given, by: { id: 'analyst', name: 'ANALYST', isAdmin: false } },
  });
  expect((await as('ADMIN', 'GET', `/calls/${missingId}/review`)).status).toBe(404);
  expect((await as('ANALYST', 'POST', `/calls/${callId}/comments`, { text: ' ' })).status).toBe(400);
});

test('a call is given to somebody by analysts alone; who it can be, and how many wait, everybody may ask', async () => {
  const review = `/calls/${callId}/review`;
  expect((await as('USER', 'PUT', review, { assignedTo: null })).status).toBe(403);
  const given = await as('ANALYST', 'PUT', review, { assignedTo: missingId });
  expect(CallReview.parse(await given.json())).toMatchObject({ assignedTo: 'owner', assignedBy: 'Ada' });
  expect(served.state.asked).toContainEqual({
    verb: 'reviews.judge',
    given: { given: { assignedTo: missingId }, by: { id: 'analyst', name: 'ANALYST', isAdmin: false } },
  });
  expect((await as('ANALYST', 'PUT', review, { assignedTo: null })).status).toBe(200);
  for (const assignedTo of ['me', 'none', 'Ada', '', 7, 'f'.repeat(23)])
    expect((await as('ANALYST', 'PUT', review, { assignedTo })).status, String(assignedTo)).toBe(400);
  const reviewers = await as('USER', 'GET', '/calls/reviewers');
  expect(await reviewers.json()).toEqual({ items: [{ id: 'owner', name: 'Owner' }], former: [] });
  expect(await (await as('USER', 'GET', '/calls/to-review')).json()).toEqual({ calls: 3 });
  expect(served.state.asked).toContainEqual({ verb: 'reviews.waiting', given: 'user' });
});

test('for whom a call cannot be given to is told at the field, and to whom it was given stands in the audit log', async () => {
  const own = await serve(
    {},
    {
      reviews: {
        ...served.app.reviews,
        async judge() {
          const why = 'Bo was deactivated';
          throw new Failure('invalid_request', why, { details: { fields: { assignedTo: why } } });
        },
      },
    },
  );
  try {
    const refused = await own.as('ANALYST', 'PUT', `/calls/${callId}/review`, { assignedTo: missingId });
    expect(refused.status).toBe(400);
    expect(Problem.parse(await refused.json())).toMatchObject({
      code: 'invalid_request',
      errors: [{ in: 'body', pointer: '/assignedTo', detail: 'Bo was deactivated' }],
    });
    await own.access.auditLog.settled(2_000);
    expect(await own.store.collection('audit_log').find({})).toMatchObject([
      { route: 'PUT /api/v1/calls/:callId/review', targets: [callId, missingId], outcome: 'refused' },
    ]);
  } finally {
    await own.http.close();
  }
});

test('whose to review a list is narrowed to: mine is of whoever asks, nobody’s of nobody', async () => {
  for (const [asked, assignedTo] of [
    ['me', 'analyst'],
    ['none', null],
    [missingId, missingId],
    ['owner', 'owner'],
  ] as const) {
    for (const [path, verb] of [
      ['/calls?', 'calls.list'],
      ['/calls/search?text=roof&', 'calls.search'],
      ['/calls/matching?', 'bulk.matching'],
    ] as const) {
      served.state.asked.length = 0;
      const found = await as('ANALYST', 'GET', `${path}assignedTo=${asked}`);
      await found.text();
      expect(served.state.asked, path + asked).toContainEqual({
        verb,
        given: expect.objectContaining({ assignedTo }),
      });
    }
  }
  expect((await as('USER', 'GET', '/calls?assignedTo=Ada')).status).toBe(400);
});

test('comments are changed and removed at their own address', async () => {
  const path = `/calls/${callId}/comments/${missingId}`;
  expect((await as('ANALYST', 'PATCH', path, { text: 'Better' })).status).toBe(200);
  expect((await as('ADMIN', 'DELETE', path)).status).toBe(200);
});

test('analysts correct words and make tests under their own name, users do neither', async () => {
  const line = `/calls/${callId}/transcript/0`;
  const given = { was: 'Hello', text: 'Hallo' };
  expect((await as('USER', 'PUT', line, given)).status).toBe(403);
  expect((await as('USER', 'DELETE', line)).status).toBe(403);
  expect((await as('USER', 'GET', `/calls/${callId}/test`)).status).toBe(403);
  expect(Transcript.parse(await (await as('ANALYST', 'PUT', line, given)).json()).callId).toBe(callId);
  const by = { id: 'analyst', name: 'ANALYST' };
  expect(served.state.asked).toContainEqual({
    verb: 'calls.correctWords',
    given: { corrected: { callId, messageIndex: 0, wording: given }, by },
  });
  expect((await as('ANALYST', 'DELETE', line)).status).toBe(200);
  expect(served.state.asked).toContainEqual({
    verb: 'calls.correctWords',
    given: { corrected: { callId, messageIndex: 0 }, by },
  });
  expect((await as('ANALYST', 'PUT', `/calls/${missingId}/transcript/0`, given)).status).toBe(404);
  expect((await as('ANALYST', 'PUT', `/calls/${callId}/transcript/first`, given)).status).toBe(400);
  expect((await as('ANALYST', 'PUT', line, { was: 'Hello', text: ' ' })).status).toBe(400);
  expect((await as('ANALYST', 'PUT', line, { text: 'Hallo' })).status).toBe(400);
});

test('views are of whoever signed in; a key has none', async () => {
  const view = { of: 'calls', name: 'To coach', query: { review: 'unreviewed' } };
  const kept = await as('USER', 'PUT', '/views', view);
  expect(SavedView.parse(await kept.json())).not.toHaveProperty('userId');
  expect((await as('USER', 'GET', '/views?of=calls')).status).toBe(200);
  expect((await as('USER', 'DELETE', `/views/${missingId}`)).status).toBe(404);
  const byKey = await fetch(`${served.base}/api/v1/views?of=calls`, {
    headers: { authorization: `Bearer ${API_KEY}` },
  });
  expect(byKey.status).toBe(403);
});

test('a list goes into a file page by page, with the same filters, and no cell of it is a formula', async () => {
  const evil = { ...call, endReason: '=HYPERLINK("http://evil")', summary: '+1 is "quoted"\n@x' };
  const pages = [
    { items: [evil, { ...call, _id: missingId }], nextCursor: 'behind' },
    { items: [{ ...call, outcome: 'qualified' as const }] },
  ];
  const asked: unknown[] = [];
  const own = await serve(
    {},
    {
      calls: {
        ...served.app.calls,
        list: async (query) => {
          asked.push(query);
          return pages.shift() ?? { items: [] };
        },
      },
    },
  );
  try {
    const response = await fetch(
      `${own.base}/api/v1/calls.csv?status=completed&phone=(212)%20555-0123&tag=coaching&assignedTo=none`,
      {
        headers: { authorization: `Bearer ${API_KEY}` },
      },
    );
    expect(response.headers.get('content-type')).toContain('text/csv');
    const text = await response.text();
    expect(text.split('\r\n')[0]).toMatch(/^id,initiatedAt,direction,status,outcome,/);
    expect(text).toContain(`"'=HYPERLINK(""http://evil"")"`);
    expect(text).toContain(`"'+1 is ""quoted""\n'@x"`);
    expect(text).toContain(',+12125550123,+12065550100,');
    expect(text.match(/reviewed,coaching,'=Owner/g)).toHaveLength(3);
    const filters = {
      status: 'completed',
      phone: '+12125550123',
      tag: 'coaching',
      assignedTo: null,
      limit: 50,
    };
    expect(asked).toEqual([filters, { ...filters, cursor: 'behind' }]);
  } finally {
    await own.http.close();
  }
  expect((await as('USER', 'GET', '/calls.csv?limit=3')).status).toBe(400);
});

/** Analyses of a call over HTTP: who may read, ask and mark, what is refused, and in which shape they are answered. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as contract from '../../src/contract/index.ts';
import { callId, missingId, type Served, serve } from './support.ts';

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.http.close());
beforeEach(() => {
  served.state.asked.length = 0;
});

const PATH = `/api/v1/calls/${callId}/analyses`;
const analysisId = async (): Promise<string> => {
  const { items } = contract.CallAnalyses.parse(await (await served.withKey(PATH)).json());
  return items[0]?.id ?? '';
};
const problemOf = async (response: Response) => contract.Problem.parse(await response.json());

test('analyses are listed, and two of them are compared', async () => {
  const first = contract.CallAnalyses.parse(await (await served.withKey(PATH)).json());
  expect(first).not.toHaveProperty('differences');
  const [a, b] = ['a'.repeat(24), 'b'.repeat(24)];
  const compared = contract.CallAnalyses.parse(
    await (await served.withKey(`${PATH}?compare=${a},${b}`)).json(),
  );
  expect(compared.differences).toEqual([{ path: 'outcome', a: 'callback' }]);
  expect((await served.withKey(`${PATH}?compare=${a}`)).status).toBe(400);
  expect((await problemOf(await served.withKey(`/api/v1/calls/${missingId}/analyses`))).code).toBe(
    'call_not_found',
  );
});

test('another analysis is asked for by whoever may, of the two there are', async () => {
  const answer = await served.send('POST', PATH, { by: 'lexicon' });
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(PATH);
  expect(contract.CallAnalysis.parse(await answer.json())).toMatchObject({ state: 'queued' });
  expect((await served.send('POST', PATH, {})).status).toBe(202);
  expect((await served.send('POST', PATH, { by: 'somebody' })).status).toBe(400);
});

test('a claim is marked with a note that says something', async () => {
  const id = await analysisId();
  const mark = (body: object) => served.send('POST', `${PATH}/${id}/wrong`, body);
  const marked = contract.CallAnalysis.parse(
    await (await mark({ path: 'outcome', note: ' never said ' })).json(),
  );
  expect(marked.wrong).toMatchObject([{ path: 'outcome', note: 'never said' }]);
  expect((await mark({ path: 'outcome', note: '  ' })).status).toBe(400);
  expect((await served.send('POST', `${PATH}/${missingId}/wrong`, { path: 'x', note: 'y' })).status).toBe(
    404,
  );
});

test.each([
  ['', {}],
  [`/${'a'.repeat(24)}/wrong`, { path: 'outcome', note: 'x' }],
])('POST …/analyses%s is not for whoever may only look', async (more, body) => {
  const answer = await fetch(served.base + PATH + more, {
    method: 'POST',
    headers: { ...served.asPage(served.cookieOf('USER')), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(403);
  expect(served.state.asked).toEqual([]);
});

/** The visit to a website that led to a lead: brought along by programs and forms, kept, shown where it belongs, and erased. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CreatedIntakeEndpoint, Lead, Problem, page, Timeline } from '../../src/contract/index.ts';
import { serveLeadsIn } from './leads-in.ts';

let served: Awaited<ReturnType<typeof serveLeadsIn>>;
beforeEach(async () => {
  served = await serveLeadsIn();
});
afterEach(() => served.close());

const VISIT = {
  sessionId: 'session-1',
  visitorId: 'visitor-1',
  score: 72,
  scoreBreakdown: { timeOnSite: 60, pageDepth: 70, engagement: 75, intent: 83 },
  journey: [
    {
      url: 'https://example.com/',
      title: 'We buy houses',
      timestamp: '2026-11-20T16:58:00.000Z',
      duration: 40,
    },
    { url: 'https://example.com/inherited', title: 'Inherited?', timestamp: '2026-11-20T16:58:40.000Z' },
  ],
};
const PERSON = { contact: { firstName: 'Ann', lastName: 'Lee', phone: '+12065550101' } };
const create = async (body: object) => {
  const response = await served.send('POST', '/api/v1/leads', { ...PERSON, ...body });
  return { status: response.status, body: (await response.json()) as unknown };
};
const get = async (path: string): Promise<unknown> => (await served.send('GET', path, undefined)).json();

async function form() {
  const made = await served.send('POST', '/api/v1/intake/endpoints', { name: 'ours', source: 'web_form' });
  const { path, secret } = CreatedIntakeEndpoint.parse(await made.json());
  return async (body: object | URLSearchParams) => {
    const response = await fetch(served.base + path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${secret}`,
        ...(body instanceof URLSearchParams ? {} : { 'content-type': 'application/json' }),
      },
      body: body instanceof URLSearchParams ? body : JSON.stringify(body),
    });
    return { status: response.status, ...((await response.json()) as { outcome?: string; says?: string[] }) };
  };
}
const leads = () => served.store.collection('leads').find({ sort: { receivedAt: 1 } });

test('a program brings it with a lead, changes it and takes it away; a list leaves its pages out', async () => {
  const made = await create({ web: VISIT });
  expect(made.status).toBe(201);
  const { id, web } = Lead.parse(made.body);
  expect(web).toEqual(VISIT);
  expect(Lead.parse(await get(`/api/v1/leads/${id}`)).web).toEqual(VISIT);
  const { journey: _, ...ofList } = VISIT;
  expect(
    page(Lead)
      .parse(await get('/api/v1/leads'))
      .items.map((each) => each.web),
  ).toEqual([ofList]);
  const { entries } = Timeline.parse(await get(`/api/v1/leads/${id}/timeline`));
  expect(entries[0]).toEqual({
    at: '2026-11-20T16:58:00.000Z',
    kind: 'visit',
    title: 'Visited the website',
    detail: '2 pages, first We buy houses',
  });
  const patched = await served.send('PATCH', `/api/v1/leads/${id}`, { web: { sessionId: 'session-2' } });
  expect(Lead.parse(await patched.json()).web).toEqual({ sessionId: 'session-2', journey: [] });
  const taken = await served.send('PATCH', `/api/v1/leads/${id}`, { web: null });
  expect(Lead.parse(await taken.json())).not.toHaveProperty('web');
});

test('one that is wrong is refused by its place, and no lead is made', async () => {
  const [first] = VISIT.journey;
  const { status, body } = await create({
    web: { ...VISIT, journey: [{ ...first, timestamp: 'yesterday' }] },
  });
  expect(status).toBe(400);
  expect(Problem.parse(body).errors?.map(({ pointer }) => pointer)).toEqual(['/web/journey/0/timestamp']);
  expect((await create({ web: { ...VISIT, score: 101 } })).status).toBe(400);
  expect((await create({ web: { ...VISIT, ip: '192.0.2.1' } })).status).toBe(400);
  expect(await leads()).toEqual([]);
});

test('a form sends it along: the lead has it, once, and learns of a later visit and of no earlier one', async () => {
  const send = await form();
  const body = { name: 'Ann Lee', phone: '206-555-0101', message: 'Call me', web: VISIT };
  expect(await send(body)).toMatchObject({ status: 200, outcome: 'created', consent: 'none', says: [] });
  const [lead] = await leads();
  expect(lead?.web?.journey.map(({ timestamp }) => timestamp)).toEqual(
    VISIT.journey.map(({ timestamp }) => new Date(timestamp)),
  );
  expect(lead).not.toHaveProperty('legacy');
  expect(await send(body)).toMatchObject({ outcome: 'unchanged' });
  const again = (sessionId: string, timestamp: string) =>
    send({ ...body, web: { sessionId, journey: [{ url: '/fees', timestamp }] } });
  expect(await again('session-0', '2026-11-19T10:00:00Z')).toMatchObject({ outcome: 'unchanged' });
  expect(await again('session-3', '2026-11-21T10:00:00Z')).toMatchObject({ outcome: 'updated' });
  const after = await leads();
  expect(after.map(({ web }) => web?.sessionId)).toEqual(['session-3']);
});

test('a form of the old kind sends it as text', async () => {
  const send = await form();
  const fields = new URLSearchParams({ name: 'Ann', phone: '2065550101', web: JSON.stringify(VISIT) });
  expect(await send(fields)).toMatchObject({ outcome: 'created' });
  expect((await leads())[0]?.web).toMatchObject({ sessionId: 'session-1', score: 72 });
});

test('one that cannot be read costs nobody the lead: it is kept as it came, and the form is told', async () => {
  const send = await form();
  const web = { ...VISIT, journey: [{ url: 'https://example.com/' }] };
  const answer = await send({ name: 'Ann', phone: '2065550101', web });
  expect(answer).toMatchObject({ status: 200, outcome: 'created' });
  expect(answer.says?.[0]).toMatch(/^The visit was not taken: web\.journey\.0\.timestamp: /);
  const [lead] = await leads();
  expect(lead).not.toHaveProperty('web');
  expect(lead).not.toHaveProperty('intent');
  expect(lead?.legacy).toMatchObject({
    web_journey_0_url: 'https://example.com/',
    web_scoreBreakdown_intent: '83',
  });
});

test('another thing of that name stays what it was', async () => {
  const send = await form();
  expect(await send({ name: 'Ann', phone: '2065550101', web: 'https://ann.example.com' })).toMatchObject({
    says: [],
  });
  expect((await leads())[0]?.legacy).toEqual({ web: 'https://ann.example.com' });
});

test('what came with the visit is gone when the person is erased', async () => {
  await create({ web: VISIT });
  await served.erase('+12065550101');
  expect(JSON.stringify(await leads())).not.toMatch(/session-1|visitor-1|inherited/i);
});

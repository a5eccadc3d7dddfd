/** Texts, e-mails and templates over HTTP, and the links by which people unsubscribe. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Message, MessageTemplate, PLACEHOLDERS, Problem, page } from '../../src/contract/index.ts';
import { MESSAGE_VALUE_NAMES } from '../../src/domain/message-template.ts';
import { leadId, message, missingId, type Served, serve, UNSUBSCRIBE_TOKEN } from './support.ts';

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.http.close());
beforeEach(() => {
  served.state.asked.length = 0;
  served.state.place = 'placed';
});

const api = (path: string) => `/api/v1${path}`;
const get = async (path: string) => await served.withKey(api(path));
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  served.withKey(api(path), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const asked = (verb: string) =>
  served.state.asked.filter((each) => each.verb === verb).map(({ given }) => given);

test('a message is sent once for a key of its sender, and shows nothing of how it was kept', async () => {
  const body = { leadId, channel: 'sms', text: 'Hello' };
  const answer = await post('/messages', body, { 'idempotency-key': 'key-1' });
  expect(answer.status).toBe(201);
  const sent = await answer.json();
  expect(Message.parse(sent)).toMatchObject({ id: message._id, status: 'sent', segments: 1 });
  expect(answer.headers.get('location')).toBe(api(`/messages/${message._id}`));
  for (const hidden of ['attemptKey', 'holds', 'vendorId']) expect(sent).not.toHaveProperty(hidden);
  expect(asked('messages.send')).toMatchObject([
    { ...body, attemptKey: expect.stringMatching(/^api:.+:key-1$/) },
  ]);
});

test('a denied message is 409 message_denied with the decision and the message', async () => {
  served.state.place = 'denied';
  const answer = await post('/messages', { leadId, channel: 'sms', text: 'Hello' });
  expect(answer.status).toBe(409);
  const problem = (await answer.json()) as { message: { status: string }; decision: { verdict: string } };
  expect(Problem.parse(problem)).toMatchObject({ code: 'message_denied' });
  expect(Message.parse(problem.message).status).toBe('denied');
  expect(problem.decision.verdict).toBe('deny');
});

test('neither both a template and a text nor none of them is sent', async () => {
  for (const more of [{}, { text: 'a', template: 'tips' }, { text: 'a', channel: 'fax' }])
    expect((await post('/messages', { leadId, channel: 'sms', ...more })).status).toBe(400);
  expect(asked('messages.send')).toEqual([]);
});

test('messages are listed and read, and one that is not there is 404', async () => {
  const listed = page(Message).parse(
    await (await get(`/messages?leadId=${leadId}&channel=sms&template=tips`)).json(),
  );
  expect(listed.items.map(({ id }) => id)).toEqual([message._id]);
  expect(asked('messages.list')).toMatchObject([{ leadId, channel: 'sms', template: 'tips' }]);
  expect(Message.parse(await (await get(`/messages/${message._id}`)).json()).text).toBe(message.text);
  expect((await get(`/messages/${missingId}`)).status).toBe(404);
});

test('templates are saved, shown with what they become, and retired', async () => {
  const saved = await post('/message-templates', {
    name: 'follow_up_day_3',
    channel: 'sms',
    body: 'Hi {{first_name}}',
  });
  expect([saved.status, saved.headers.get('location')]).toEqual([
    201,
    api('/message-templates/follow_up_day_3'),
  ]);
  expect(MessageTemplate.parse(await saved.json()).preview.segments).toBe(1);
  for (const path of ['/message-templates', '/message-templates/follow_up_day_3/versions'])
    expect(page(MessageTemplate).parse(await (await get(path)).json()).items).toHaveLength(1);
  expect(
    MessageTemplate.parse(await (await get('/message-templates/follow_up_day_3')).json()).usedBy,
  ).toHaveLength(1);
  const preview = await post('/message-templates/preview', { name: 'x', channel: 'sms', body: 'Hi' });
  expect(await preview.json()).toEqual({ text: expect.any(String), segments: 1 });
  const retired = await post('/message-templates/follow_up_day_3/retire', undefined);
  expect(MessageTemplate.parse(await retired.json()).retiredAt).toBeDefined();
  expect((await get('/message-templates/nothing_here')).status).toBe(404);
});

test('the placeholders that the contract explains are those that are filled in', () => {
  expect(Object.keys(PLACEHOLDERS)).toEqual(MESSAGE_VALUE_NAMES);
});

test('a link asks before it unsubscribes; the button and a mail program do it, without signing in', async () => {
  const link = `${served.base}/unsubscribe/${UNSUBSCRIBE_TOKEN}`;
  const shown = await fetch(link);
  expect(shown.status).toBe(200);
  expect(await shown.text()).toContain('<form method="post">');
  expect(asked('messages.unsubscribe')).toEqual([]);
  const clicked = await fetch(link, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'List-Unsubscribe=One-Click',
  });
  expect([clicked.status, asked('messages.unsubscribe')]).toEqual([200, [UNSUBSCRIBE_TOKEN]]);
  expect(await clicked.text()).toContain('You are unsubscribed');
});

test('a link that is none of ours tells nothing, and is not tried for ever', async () => {
  const link = `${served.base}/unsubscribe/${leadId}-${'b'.repeat(32)}`;
  expect((await fetch(link)).status).toBe(404);
  expect((await fetch(link, { method: 'POST' })).status).toBe(404);
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => fetch(link).then(({ status }) => status)),
  );
  expect(answers).toContain(429);
});

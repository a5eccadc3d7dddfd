/**
 * A text goes out, the person answers STOP: over real sockets, with the carrier, the mail server and the product whole. From
 * then on nobody calls, texts or writes to them, what waited included.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CallerScript } from '../../src/sandbox/callers.ts';
import { until } from '../support/until.ts';
import { type World, world } from '../support/world.ts';

const STOPPER: CallerScript = {
  name: 'stopper',
  title: 'Answers texts with STOP',
  summary: 'Lets the phone ring for long.',
  voice: 'slt',
  ringMs: 30_000,
  pickup: { kind: 'never-answers' },
  detection: { verdict: 'human', latencyMs: 1_800 },
  textReply: 'STOP',
  steps: [],
};

let here: World;
beforeAll(async () => {
  here = await world({ brief: true });
});
afterAll(() => here.close());

const post = (path: string, body: unknown) => here.ask('POST', `/api/v1${path}`, body);

test('a text is sent and told of, the person replies STOP, and nothing more reaches them', async () => {
  const lead = await here.lead(STOPPER);
  const { phone } = lead.contact;
  await here.ask('PATCH', `/api/v1/leads/${lead._id}`, { contact: { email: 'ana@example.com' } });

  const mail = await post('/messages', { leadId: lead._id, channel: 'email', template: 'follow_up_day_1' });
  expect([mail.status, mail.json()]).toMatchObject([201, { status: 'sent' }]);
  expect(here.mailbox.letters).toMatchObject([{ to: ['ana@example.com'] }]);

  const text = await post('/messages', { leadId: lead._id, channel: 'sms', template: 'follow_up_day_3' });
  expect([text.status, text.json()]).toMatchObject([201, { status: 'sent', segments: 1 }]);
  const { id } = text.json<{ id: string }>();
  await until('delivery', async () => (await here.app.messages.get(id)).status === 'delivered');
  const [arrived] = here.carrier.control.messages(phone);
  expect(arrived?.body).toMatch(/^Parley: Hi .* Reply STOP to stop\.$/);

  await until('the stop', async () => await here.app.dnc.isListed([phone]));
  const later = [
    await post('/messages', { leadId: lead._id, channel: 'sms', text: 'One more thing' }),
    await post('/messages', { leadId: lead._id, channel: 'email', subject: 'Hi', text: 'One more thing' }),
    await post('/calls', { leadId: lead._id }),
  ];
  expect(later.map((answer) => [answer.status, answer.json<{ code: string }>().code])).toEqual([
    [409, 'message_denied'],
    [409, 'message_denied'],
    [409, 'dial_denied'],
  ]);
  expect(here.mailbox.letters).toHaveLength(1);
  expect(here.dialled(phone)).toBe(0);
  const bodies = here.carrier.control.messages(phone).map(({ body }) => body);
  expect(bodies.filter((body) => body.includes('One more thing'))).toEqual([]);

  const timeline = await here.ask('GET', `/api/v1/leads/${lead._id}/timeline`);
  const titles = timeline.json<{ entries: { title: string }[] }>().entries.map(({ title }) => title);
  for (const title of ['E-mail sent', 'Text delivered', 'Wrote a text', 'Consent revoked', 'Text not sent'])
    expect(titles, title).toContain(title);
  const { contactAttempts } = await here.app.leads.get(lead._id);
  expect(contactAttempts.map(({ type }) => type).sort()).toEqual(['email', 'sms']);
});

test('a call that rings is ended when its person texts STOP', async () => {
  const lead = await here.lead({ ...STOPPER, textReply: 'Who is this?' });
  const callId = await here.place(lead);
  await here.event(callId, 'ringing');
  here.carrier.control.sendSms({ from: lead.contact.phone, body: 'stop calling me' });
  const { call } = await here.finished(callId);
  expect(call.status).toBe('canceled');
  const wrote = await here.app.messages.list({ leadId: lead._id });
  expect(wrote.items).toMatchObject([{ direction: 'inbound', text: 'stop calling me' }]);
});

test('the link in an e-mail unsubscribes from everything', async () => {
  const lead = await here.lead(STOPPER);
  await here.ask('PATCH', `/api/v1/leads/${lead._id}`, { contact: { email: 'bo@example.com' } });
  await post('/messages', { leadId: lead._id, channel: 'email', subject: 'Hi', text: 'Hello' });
  const header = here.mailbox.letters.at(-1)?.headers['list-unsubscribe'] ?? '';
  const { pathname } = new URL(header.slice(1, -1));
  expect((await here.ask('GET', pathname)).body.toString()).toContain('<form');
  expect(await here.app.dnc.isListed([lead.contact.phone])).toBe(false);
  const clicked = await here.ask('POST', pathname);
  expect(clicked.status).toBe(200);
  expect(await here.app.dnc.isListed([lead.contact.phone])).toBe(true);
  expect((await post('/calls', { leadId: lead._id })).status).toBe(409);
});

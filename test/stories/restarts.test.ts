/** The product stops, dies and comes back: what was kept is there, open calls are taken up, and nobody is dialled twice. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DECLINER, SELLS, SLOW_TO_ANSWER, STAYER } from '../support/people.ts';
import { until } from '../support/until.ts';
import { type Story, type World, world } from '../support/world.ts';

/** What the line concluded; how the call was understood afterwards is another matter. */
const concluded = ({ events }: Pick<Story, 'events'>): string[] =>
  events.flatMap((event) => (event.type === 'concluded' ? [event.outcome] : []));

let here: World;
beforeEach(async () => {
  here = await world({ brief: true });
});
afterEach(() => here.close());

test('call, transcript, recording and decision are there after a restart', async () => {
  const { call } = await here.call(DECLINER);
  const look = async () => {
    const paths = ['', '/transcript', '/transcript?format=txt', '/events', '/recording'];
    const answers = await Promise.all(
      paths.map((path) => here.ask('GET', `/api/v1/calls/${call._id}${path}`)),
    );
    const decisions = await here.ask('GET', `/api/v1/compliance/decisions?leadId=${call.leadId}`);
    return [...answers, decisions].map(({ status, body }) => ({ status, body: body.toString('latin1') }));
  };
  const before = await look();
  expect(before.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  await here.restart();
  expect(await look()).toEqual(before);
});

test('a phone that rings while the product dies is answered by its next life', async () => {
  const lead = await here.lead(SLOW_TO_ANSWER);
  const callId = await here.place(lead);
  await here.event(callId, 'session_opened');
  await here.die();
  await here.revive();
  const story = await here.finished(callId);
  expect(story.call.status).toBe('completed');
  expect(concluded(story)).toEqual(['hung_up']);
  expect(story.transcript.map(({ text }) => text)).toContain(SELLS);
  expect(story.recording?.seconds).toBeGreaterThan(2);
  expect(here.dialled(lead.contact.phone)).toBe(1);
});

test('a talk that the product’s death cut off is finished by its next life, and the person is not dialled again', async () => {
  const lead = await here.lead(STAYER);
  const callId = await here.place(lead);
  await until('the caller’s words', async () =>
    (await here.app.calls.events(callId)).some((event) => event.type === 'said' && event.role === 'user'),
  );
  await here.die();
  await until('the carrier to give up', () =>
    here.carrier.control.calls().every(({ status }) => status === 'completed'),
  );
  await here.revive();
  const story = await here.finished(callId);
  expect(story.call.status).toBe('completed');
  expect(concluded(story)).toEqual(['hung_up']);
  expect(story.transcript.map(({ text }) => text)).toContain(SELLS);
  expect(story.kept?.messages).toEqual(story.transcript);
  expect(story.attempt).toMatchObject({ state: 'closed' });
  expect(here.dialled(lead.contact.phone)).toBe(1);
});

test('a dial whose answer died with the product is looked for: the call is carried, and there is one', async () => {
  const lead = await here.lead(SLOW_TO_ANSWER);
  const callId = await here.place(lead);
  // The carrier has the call, and its answer has not reached us yet.
  while (here.dialled(lead.contact.phone) === 0) await new Promise((resolve) => setImmediate(resolve));
  await here.die();
  await here.revive();
  const story = await here.finished(callId);
  expect(story.call).toMatchObject({ status: 'completed' });
  expect(story.transcript.map(({ text }) => text)).toContain(SELLS);
  expect(here.dialled(lead.contact.phone)).toBe(1);
});

test('when all lines are in use, who calls us hears so, and the next outbound call waits', async () => {
  await here.close();
  here = await world({ brief: true, maxConcurrentCalls: 2 });
  const first = await here.place(await here.lead(STAYER));
  const second = await here.lead(STAYER);
  const refused = await here.ask('POST', '/api/v1/calls', { leadId: second._id });
  expect(refused.status).toBe(503);
  expect(refused.json()).toMatchObject({ code: 'at_capacity' });
  const inbound = await here.receive('+12125556611', STAYER);
  const callSid = here.carrier.control.placeInboundCall({ from: '+12125556612', caller: STAYER });
  await until('the busy sentence to be over', () =>
    here.carrier.control.calls().some(({ sid, status }) => sid === callSid && status === 'completed'),
  );
  const busy =
    'Thank you for calling Parley. All our lines are busy right now. Please try again in a few minutes. Goodbye.';
  expect(await here.heard({ callSid }, busy)).toBe(true);
  await Promise.all([here.finished(first), here.finished(inbound.callId)]);
  const third = await here.ask('POST', '/api/v1/calls', { leadId: second._id });
  expect(third.status).toBe(202);
  await here.finished(third.json<{ id: string }>().id);
});

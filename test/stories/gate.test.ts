/**
 * The gate in a call's life, over real sockets: one call a person, a stop that holds at once on every channel, and what is
 * said at the beginning and at the end.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CallEvent } from '../../src/domain/call.ts';
import type { Lead } from '../../src/domain/documents.ts';
import type { CallerScript } from '../../src/sandbox/callers.ts';
import { BRIEF, DECLINER, SELLS, SLOW_TO_ANSWER, STAYER } from '../support/people.ts';
import { until } from '../support/until.ts';
import { OURS, type Story, type World, world } from '../support/world.ts';

const NO_MORE = 'You will get no more calls or messages from Parley.';
const OPENING =
  'Hi Maria, this is the AI assistant of Parley, calling about 12 Maple Street. To stop all calls, just say stop calling, or press nine. This call is recorded and processed by AI. Is this a good time?';
const SIGN_OFF = 'Again, this was the AI assistant of Parley. You can reach us at (212) 555-0190. Goodbye.';
const STOPPED = 'the person asked not to be called';

let here: World;
let nextAlternate = 7_000;
beforeAll(async () => {
  here = await world();
  // In some of these states an AI may call only when counsel has cleared it.
  await here.app.compliance.changePolicy({ blockedStates: [] }, 'a story', 'story');
});
afterAll(() => here.close());

const of = <T extends CallEvent['type']>(story: Pick<Story, 'events'>, type: T) =>
  story.events.filter((event): event is Extract<CallEvent, { type: T }> => event.type === type);
const alternate = (): string => {
  nextAlternate += 1;
  return `+1212555${nextAlternate}`;
};
const other = (lead: Lead): string => lead.contact.alternatePhone ?? '';

/** Why the gate would not let this number be called. */
const reasons = async (phone: string): Promise<string[]> =>
  (await here.ask('POST', '/api/v1/compliance/check', { phone })).json<{ reasons: string[] }>().reasons;

/** A person stops all calls by a text message, and gets one in answer. */
async function text(from: string, body: string): Promise<string[]> {
  const before = here.carrier.control.messages(from).filter(({ to }) => to === from).length;
  here.carrier.control.sendSms({ from, to: OURS, body });
  return await until('the answer to a text message', () => {
    const answers = here.carrier.control.messages(from).filter(({ to }) => to === from);
    return answers.length > before && answers.slice(before).map((message) => message.body);
  });
}

/** Moves a lead to another state; the area code of their number stays a place where they may be. */
const movedTo = (lead: Lead, state: string, zipCode: string, city: string): Promise<Lead> =>
  here.app.leads.update(lead._id, { contact: { address: { state, zipCode, city } } }, 'story');

/** The first message of a conversation: what the agent was told. */
function briefing(story: Pick<Story, 'events'>): {
  readonly dynamic_variables: Record<string, string>;
  readonly conversation_config_override?: { readonly agent: { readonly first_message: string } };
} {
  const [opened] = of(story, 'session_opened');
  const [first] = here.agent.control
    .messages(opened?.conversationId ?? '')
    .filter(({ from }) => from === 'client');
  return first?.message as ReturnType<typeof briefing>;
}

describe.concurrent('one person', () => {
  test('who is asked for fifty times at once, by two numbers and three leads, hears one phone ring', async () => {
    const first = await here.lead(BRIEF, { alternatePhone: alternate() });
    const second = await here.lead(BRIEF, { alternatePhone: other(first) });
    const third = await here.lead(BRIEF, { alternatePhone: second.contact.phone });
    const leads = [first, second, third];
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        here.ask('POST', '/api/v1/calls', { leadId: leads[i % leads.length]?._id }),
      ),
    );
    const placed = answers.filter(({ status }) => status === 202);
    expect(placed).toHaveLength(1);
    for (const answer of answers)
      if (answer.status !== 202) expect(answer.json()).toMatchObject({ code: 'attempt_in_progress' });
    await here.finished(placed[0]?.json<{ id: string }>().id ?? '');
    expect(leads.reduce((sum, { contact }) => sum + here.dialled(contact.phone), 0)).toBe(1);
    // And not again for two hours, by whatever number.
    const again = await here.ask('POST', '/api/v1/calls', { leadId: third._id });
    expect(again.json()).toMatchObject({ decision: { reason: 'campaign_frequency_cap' } });
  });

  test('who talks to us is not called meanwhile, by any number', async () => {
    const lead = await here.lead(BRIEF, { alternatePhone: alternate() });
    const { callId } = await here.receive(other(lead), STAYER);
    await here.event(callId, 'stream_opened');
    const refused = await here.ask('POST', '/api/v1/calls', { leadId: lead._id });
    expect(refused.json()).toMatchObject({ code: 'attempt_in_progress' });
    await here.finished(callId);
    await until('the line to be free', async () => {
      const answer = await here.ask('POST', '/api/v1/calls', { leadId: lead._id });
      return answer.status === 202 && here.finished(answer.json<{ id: string }>().id);
    });
    expect(here.dialled(lead.contact.phone)).toBe(1);
  });
});

describe.concurrent('a stop by text message', () => {
  test.each(['STOP', 'Alto', 'Ya no me llamen, por favor', 'please take me off your list', 'Quit!'])(
    '"%s" holds for every number of the person, and is confirmed once',
    async (words) => {
      const lead = await here.lead(BRIEF, { alternatePhone: alternate() });
      expect(await text(other(lead), words)).toEqual([NO_MORE]);
      for (const phone of [lead.contact.phone, other(lead)])
        expect(await reasons(phone)).toEqual(expect.arrayContaining(['internal_dnc', 'consent_revoked']));
      const refused = await here.ask('POST', '/api/v1/calls', { leadId: lead._id });
      expect(refused.status).toBe(409);
      expect(refused.json()).toMatchObject({ decision: { reason: 'internal_dnc' } });
      const [entry] = await here.store
        .collection('consent_logs')
        .find({ filter: { phone: other(lead), eventType: 'consent_revoked' } });
      expect(entry).toMatchObject({ revocation: { channel: 'sms', words } });
    },
  );

  test('while the phone rings: it stops ringing, and what was agreed before is off', async () => {
    const lead = await here.lead(SLOW_TO_ANSWER, { alternatePhone: alternate() });
    await here.store
      .collection('leads')
      .update({ _id: lead._id }, { $set: { nextFollowUp: new Date(here.nowMs() + 86_400_000) } });
    const callId = await here.place(lead);
    await here.event(callId, 'ringing');
    await text(other(lead), 'STOP');
    const story = await here.finished(callId);
    expect(story.call).toMatchObject({ status: 'canceled', endReason: STOPPED });
    expect(story.call).not.toHaveProperty('answeredAt');
    expect(of(story, 'hangup_requested')).toMatchObject([{ by: 'policy' }]);
    expect(story.lead).toMatchObject({ status: 'dnc' });
    expect(story.lead).not.toHaveProperty('nextFollowUp');
  });

  test('while they talk with us: the agent has a moment to finish, then we confirm and hang up', async () => {
    const lead = await here.lead(STAYER, { alternatePhone: alternate() });
    const callId = await here.place(lead);
    await until('the agent to answer', async () => {
      const said = (await here.app.calls.events(callId)).filter((event) => event.type === 'said');
      return said.some((event, i) => event.role === 'agent' && said[i - 1]?.role === 'user');
    });
    await text(other(lead), 'Cancelar');
    const story = await here.finished(callId);
    expect(story.call).toMatchObject({ status: 'completed', endReason: STOPPED });
    expect(of(story, 'hangup_requested')).toMatchObject([{ by: 'policy' }]);
    expect(await here.heard(story.call, NO_MORE)).toBe(true);
  });

  test('with other words changes nothing', async () => {
    const lead = await here.lead(BRIEF);
    here.carrier.control.sendSms({ from: lead.contact.phone, to: OURS, body: 'Yes, call me tomorrow.' });
    await here.clock.sleep(3_000);
    expect(await reasons(lead.contact.phone)).toEqual([]);
  });

  test('is let go only by a person with a reason, and a new consent alone does not open the gate', async () => {
    const lead = await here.lead(BRIEF);
    const { phone } = lead.contact;
    await text(phone, 'STOP');
    const release = (body: unknown) =>
      here.ask('POST', `/api/v1/dnc/${encodeURIComponent(phone)}/release`, body);
    await here.lead(BRIEF, { alternatePhone: phone });
    expect(await reasons(phone)).toContain('internal_dnc');
    expect((await release({ scope: 'internal' })).status).toBe(400);
    expect((await release({ scope: 'internal', reason: '  ' })).status).toBe(400);
    expect(await reasons(phone)).toContain('internal_dnc');
    const released = await release({ scope: 'internal', reason: 'asked in writing to be called' });
    expect(released.status).toBe(200);
    expect(await reasons(phone)).toEqual(['consent_revoked']);
  });
});

describe.concurrent('a stop in the call', () => {
  const SPANISH = 'Por favor, ya no me llame a este número.';
  const speaker = (words: string): CallerScript => ({
    ...STAYER,
    name: 'speaker',
    steps: [
      { waitForAgent: { patienceMs: 20_000 } },
      { say: words },
      { waitForAgent: { quietMs: 9_000, patienceMs: 30_000 } },
      { hangUp: true },
    ],
  });

  test('in words that the agent does not understand: it holds at once, and we confirm and hang up', async () => {
    await here.agent.control.learn([{ text: SPANISH, voice: STAYER.voice }]);
    const lead = await here.lead(speaker(SPANISH), { alternatePhone: alternate() });
    const story = await here.finished(await here.place(lead));
    expect(of(story, 'tool_called')).toEqual([]);
    expect(of(story, 'opted_out')).toMatchObject([{ channel: 'voice', words: SPANISH }]);
    expect(story.call).toMatchObject({ outcome: 'opted_out', endReason: STOPPED, optedOut: true });
    expect(await here.heard(story.call, NO_MORE)).toBe(true);
    for (const phone of [lead.contact.phone, other(lead)])
      expect(await reasons(phone)).toContain('internal_dnc');
    const heard = of(story, 'said').find(({ role }) => role === 'user');
    const [entry] = await here.store
      .collection('dnc_registry')
      .find({ filter: { phone: other(lead), scope: 'internal' } });
    expect((entry?.listedAt.getTime() ?? 0) - (heard?.at.getTime() ?? 0)).toBeLessThan(2_000);
    // Connecticut and Washington give ten seconds from the wish to the end.
    const ended = of(story, 'ended')[0]?.at.getTime() ?? 0;
    expect(ended - (heard?.at.getTime() ?? 0)).toBeLessThan(10_000);
  });

  test('in words that it understands: it is kept once, in the person’s own words', async () => {
    const words = 'Please take me off your list.';
    await here.agent.control.learn([{ text: words, voice: STAYER.voice }]);
    const lead = await here.lead(speaker(words), { alternatePhone: alternate() });
    const story = await here.finished(await here.place(lead));
    expect(of(story, 'tool_called').map(({ name }) => name)).toContain('record_opt_out');
    expect(of(story, 'opted_out')).toMatchObject([{ channel: 'voice', words }]);
    expect(of(story, 'hangup_requested')).toMatchObject([{ by: 'agent', reason: STOPPED }]);
    const revoked = await here.store.collection('consent_logs').find({
      filter: { phone: { $in: [lead.contact.phone, other(lead)] }, eventType: 'consent_revoked' },
    });
    expect(revoked.map(({ revocation }) => revocation?.words)).toEqual([words, words]);
    // The agent has said it; nobody says it again.
    expect(await here.heard(story.call, NO_MORE)).toBe(false);
  });

  test('by the key nine: it holds for every number of the person', async () => {
    const lead = await here.lead(
      {
        ...STAYER,
        name: 'presser',
        steps: [
          { pauseMs: 1_500 },
          { press: '9' },
          { waitForAgent: { quietMs: 9_000, patienceMs: 30_000 } },
          { hangUp: true },
        ],
      },
      { alternatePhone: alternate() },
    );
    const story = await here.finished(await here.place(lead));
    expect(of(story, 'opted_out')).toMatchObject([{ channel: 'keypad', words: 'pressed 9' }]);
    expect(story.call).toMatchObject({ outcome: 'opted_out', endReason: STOPPED });
    for (const phone of [lead.contact.phone, other(lead)])
      expect(await reasons(phone)).toContain('internal_dnc');
    expect(
      await here.store
        .collection('consent_logs')
        .count({ phone: lead.contact.phone, eventType: 'consent_revoked' }),
    ).toBe(1);
  });
});

describe.concurrent('the script', () => {
  test('opens the call, is given to the agent, and its name and hash are kept with the call', async () => {
    const story = await here.finished(await here.place(await here.lead(DECLINER)));
    expect(story.transcript[0]).toMatchObject({ speaker: 'agent', text: OPENING });
    const told = briefing(story);
    expect(told.conversation_config_override?.agent.first_message).toBe(OPENING);
    expect(told.dynamic_variables).toMatchObject({
      opening: OPENING,
      sign_off: '',
      seller_name: 'Parley',
      callback_number: '(212) 555-0190',
    });
    const [permitted] = of(story, 'permitted');
    expect(permitted?.script).toEqual({
      name: 'outbound',
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(story.call).toMatchObject({
      script: permitted?.script,
      promptHash: permitted?.script?.hash,
    });
  });

  test('in Kentucky ends with name and number: the agent is told, and where we end the call it is said', async () => {
    const lead = await movedTo(await here.lead(STAYER), 'KY', '40202', 'Louisville');
    const callId = await here.place(lead);
    await until('the caller’s words', async () =>
      (await here.app.calls.events(callId)).some((event) => event.type === 'said' && event.role === 'user'),
    );
    await here.ask('POST', `/api/v1/calls/${callId}/actions`, { action: 'end' });
    const story = await here.finished(callId);
    expect(story.call.script?.name).toBe('outbound+sign-off');
    expect(briefing(story).dynamic_variables.sign_off).toBe(SIGN_OFF);
    expect(await here.heard(story.call, SIGN_OFF)).toBe(true);
    expect(of(story, 'hangup_requested')).toMatchObject([{ by: 'manager' }]);
  });

  test('in Tennessee: an agent that wants to end the call is told what to say first', async () => {
    const lead = await movedTo(await here.lead(DECLINER), 'TN', '37203', 'Nashville');
    const story = await here.finished(await here.place(lead));
    const ending = of(story, 'tool_called').find(({ name }) => name === 'end_call');
    const answer = of(story, 'tool_answered').find(({ toolCallId }) => toolCallId === ending?.toolCallId);
    expect(answer?.result).toContain(`say exactly this: "${SIGN_OFF}"`);
  });

  test('elsewhere a call that we end is ended without another word', async () => {
    const callId = await here.place(await here.lead(STAYER));
    await until('the caller’s words', async () =>
      (await here.app.calls.events(callId)).some((event) => event.type === 'said' && event.role === 'user'),
    );
    await here.ask('POST', `/api/v1/calls/${callId}/actions`, { action: 'end' });
    const story = await here.finished(callId);
    expect(await here.heard(story.call, SIGN_OFF)).toBe(false);
  });
});

describe('a connection that is lost', () => {
  test('before the phone is answered: whoever answers hears the whole opening', async () => {
    const callId = await here.place(await here.lead(SLOW_TO_ANSWER));
    const { conversationId } = await here.event(callId, 'session_opened');
    await until('the opening to be made', async () =>
      (await here.app.calls.events(callId)).some((event) => event.type === 'said'),
    );
    expect(here.agent.control.closeNow(1011, conversationId)).toBe(1);
    const story = await here.finished(callId);
    expect(of(story, 'session_opened').map(({ recovery }) => recovery)).toEqual([false, false]);
    for (const sentence of OPENING.split(/(?<=[.?]) /))
      expect(await here.heard(story.call, sentence), sentence).toBe(true);
    expect(await here.heard(story.call, 'Sorry, Maria, we were cut off for a moment.')).toBe(false);
  });

  test('with the whole process, before the phone is answered: the same', async () => {
    const callId = await here.place(await here.lead(SLOW_TO_ANSWER));
    await until('the opening to be made', async () =>
      (await here.app.calls.events(callId)).some((event) => event.type === 'said'),
    );
    await here.die();
    await here.revive();
    const story = await here.finished(callId);
    for (const sentence of OPENING.split(/(?<=[.?]) /))
      expect(await here.heard(story.call, sentence), sentence).toBe(true);
    expect(story.transcript.map(({ text: said }) => said)).toContain(SELLS);
  });

  test('in the middle of a talk: who calls, how to stop and the recording are told again', async () => {
    const callId = await here.place(await here.lead(STAYER));
    const { conversationId } = await here.event(callId, 'session_opened');
    await until('the caller’s words', async () =>
      (await here.app.calls.events(callId)).some((event) => event.type === 'said' && event.role === 'user'),
    );
    here.agent.control.closeNow(1011, conversationId);
    const story = await here.finished(callId);
    expect(of(story, 'session_opened').map(({ recovery }) => recovery)).toEqual([false, true]);
    for (const sentence of [
      'This is the AI assistant of Parley again.',
      'Sorry, Maria, we were cut off for a moment.',
      'To stop all calls, just say stop calling, or press nine.',
      'This call is recorded and processed by AI.',
    ])
      expect(await here.heard(story.call, sentence), sentence).toBe(true);
  });
});

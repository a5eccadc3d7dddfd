/** People of the house at a live call: they hear it, whisper, speak in the agent's place, give it back, send the caller on. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CallEvent } from '../../src/domain/call.ts';
import { type Ear, framesOf, listen, type Refused, sounding, VOICE } from '../support/listener.ts';
import { STAYER, TALKER } from '../support/people.ts';
import { until } from '../support/until.ts';
import { OFFICE, type Story, type World, world } from '../support/world.ts';

const SCALE = 24;
const KEY = { authorization: 'Bearer a-key-for-the-stories-of-this-world-0123' };
/** Somebody who stays on the line for a long while, and says a word now and then. */
const PATIENT = {
  ...STAYER,
  name: 'patient',
  steps: [
    ...STAYER.steps.slice(0, 3),
    ...Array.from({ length: 12 }, () => [{ pauseMs: 9_000 }, { say: 'Are you still there?' }]).flat(),
    { hangUp: true as const },
  ],
};

let here: World;
beforeAll(async () => {
  here = await world({ brief: true, scale: SCALE });
});
afterAll(() => here.close());

const of = <T extends CallEvent['type']>(story: Pick<Story, 'events'>, type: T) =>
  story.events.filter((event): event is Extract<CallEvent, { type: T }> => event.type === type);
const act = (callId: string, body: object) => here.ask('POST', `/api/v1/calls/${callId}/actions`, body);
const told = (conversationId: string): string[] =>
  here.agent.control
    .messages(conversationId)
    .filter(({ from }) => from === 'client')
    .map(({ message }) => JSON.stringify(message));

/** A call whose agent has answered the caller once. */
async function talk(caller = PATIENT): Promise<{ callId: string; conversationId: string }> {
  const callId = await here.place(await here.lead(caller));
  const { conversationId } = await here.event(callId, 'session_opened');
  await until('the agent to answer the caller', async () => {
    const said = (await here.app.calls.events(callId)).filter((event) => event.type === 'said');
    return said.some((event, i) => event.role === 'agent' && said[i - 1]?.role === 'user');
  });
  return { callId, conversationId };
}
const hear = (callId: string): Promise<Ear> => listen(here.url, callId, KEY);
const hangUp = async (callId: string): Promise<Story> => {
  const call = await here.app.calls.get(callId);
  here.carrier.control.hangUp(call.callSid ?? '');
  return await here.finished(callId);
};
/** Whoever listens with this ear takes over and speaks until they are stopped. */
async function takeOver(callId: string, ear: Ear): Promise<() => void> {
  expect((await act(callId, { action: 'takeover', listener: ear.listener })).status).toBe(202);
  return ear.keepSpeaking(VOICE, SCALE);
}

describe('hearing a call', () => {
  test('two who listen hear both sides byte for byte, and the call loses nothing', async () => {
    const callId = await here.place(await here.lead(TALKER));
    await here.event(callId, 'stream_opened');
    const ears = [await hear(callId), await hear(callId)] as const;
    const story = await here.finished(callId);
    await until('both to be told that it is over', () => ears.every(({ closed }) => closed === 1000));
    const line = here.line(story.call);
    for (const ear of ears) {
      expect(ear.told[0]).toMatchObject({ type: 'listening', callId, encoding: 'mulaw', sampleRate: 8000 });
      expect(ear.told.at(-1)).toEqual({ type: 'over', reason: 'call_over' });
      expect(ear.told.filter(({ type }) => type === 'gap')).toEqual([]);
      // They came a moment after the beginning; from then on it is what the person said.
      const caller = ear.heard(0);
      expect(caller.length).toBeGreaterThan(line.said.length * 0.7);
      expect(line.said.includes(caller.subarray(0, caller.length - 1_600))).toBe(true);
      const last = sounding(ear.heard(1)).subarray(-8_000);
      expect(sounding(line.heard).includes(last)).toBe(true);
      for (const lane of [0, 1] as const)
        expect([...ear.times(lane)].sort((a, b) => a - b)).toEqual(ear.times(lane));
    }
    expect(ears[0].heard(0).subarray(-16_000)).toEqual(ears[1].heard(0).subarray(-16_000));
    expect(story.call.line).toMatchObject({ framesLost: 0, framesRefused: 0 });
    expect(story.call.completeness).toBe('complete');
  });

  test('a call that rings, is over or is not ours cannot be heard, and each says why', async () => {
    const callId = await here.place(await here.lead({ ...TALKER, ringMs: 20_000 }));
    await expect(hear(callId)).rejects.toMatchObject({ status: 409, code: 'call_not_talking' });
    expect((await act(callId, { action: 'whisper', text: 'x' })).json()).toMatchObject({
      code: 'call_not_talking',
    });
    await act(callId, { action: 'end' });
    await here.finished(callId);
    await expect(hear(callId)).rejects.toMatchObject({ status: 409, code: 'call_over' });
    await expect(hear('f'.repeat(24))).rejects.toMatchObject({ status: 404, code: 'call_not_found' });
    await expect(listen(here.url, callId, {})).rejects.toMatchObject({ status: 401 });
  });

  test('a call that another process carries is refused with the reason', async () => {
    const { callId } = await talk();
    const call = await here.app.calls.get(callId);
    const elsewhere = 'e'.repeat(24);
    await here.store.collection('calls').put({
      ...call,
      _id: elsewhere,
      attemptId: elsewhere,
      callSid: 'CAelsewhere',
      carriedBy: 'another life',
    });
    await expect(hear(elsewhere)).rejects.toMatchObject({ status: 409, code: 'call_elsewhere' });
    expect((await act(elsewhere, { action: 'handback' })).json()).toMatchObject({ code: 'call_elsewhere' });
    await hangUp(callId);
  });

  test('at a call there is room for so many, and a place becomes free when somebody leaves', async () => {
    const { callId } = await talk();
    const ears = await Promise.all(Array.from({ length: 25 }, () => hear(callId)));
    await expect(hear(callId)).rejects.toMatchObject({ status: 503, code: 'listener_limit' });
    ears[0]?.leave();
    const late = await until('a free place', () =>
      hear(callId).catch((error: Refused) => error.status === 0 && undefined),
    );
    expect(late.listener).toMatch(/^[0-9a-f]{24}$/);
    await hangUp(callId);
    await until('all to be told', () => ears.slice(1).every(({ closed }) => closed === 1000));
  });
});

test('a whisper reaches the agent and not the caller, and stands in the log of the call', async () => {
  const { callId, conversationId } = await talk();
  expect((await act(callId, { action: 'whisper', text: 'Offer a visit on Friday.' })).status).toBe(202);
  await until('the agent to be told', () =>
    told(conversationId).some((message) =>
      /"contextual_update".*does not hear.*Offer a visit on Friday\./.test(message),
    ),
  );
  const story = await hangUp(callId);
  expect(of(story, 'whispered')).toMatchObject([{ name: 'Admin API key', text: 'Offer a visit on Friday.' }]);
  expect(story.transcript.map(({ text }) => text).join()).not.toContain('Friday');
});

describe('taking over', () => {
  test('the caller hears the manager and not the agent, which is told afterwards and goes on', async () => {
    const { callId, conversationId } = await talk();
    const [ear, other] = [await hear(callId), await hear(callId)];
    const stop = await takeOver(callId, ear);
    await until('both to know who speaks', () => ear.floor?.yours === true && other.floor?.yours === false);
    expect(await here.app.calls.get(callId)).toMatchObject({ takenOver: { name: 'Admin API key' } });
    const { callSid } = await here.app.calls.get(callId);
    const since = here.line({ callSid: callSid ?? '' }).heard.length;
    await until('the manager to be heard', () => framesOf(other.heard(2)) > 200);
    // The agent is on nobody's line.
    const agentHeard = other.heard(1).length;
    await until('the manager to be heard on', () => framesOf(other.heard(2)) > 400);
    expect(other.heard(1)).toHaveLength(agentHeard);
    // Their own voice does not come back to them.
    expect(ear.heard(2)).toHaveLength(0);
    const during = here.line({ callSid: callSid ?? '' }).heard.subarray(since + 8_000);
    expect(sounding(during).length / during.length).toBeGreaterThan(0.7);
    expect(framesOf(during) * 160).toBeGreaterThan(0.9 * sounding(during).length);

    const back = await act(callId, { action: 'handback', note: 'We agreed on 410 thousand dollars.' });
    stop();
    expect(back.status).toBe(202);
    expect(back.json()).not.toHaveProperty('takenOver');
    await until('the agent to be told', () =>
      told(conversationId).some((message) => /"contextual_update".*410 thousand/.test(message)),
    );
    await here.heardAgain(callId, since);
    expect(ear.floor).toBeNull();
    const story = await hangUp(callId);
    expect(of(story, 'taken_over')).toMatchObject([{ name: 'Admin API key' }]);
    const [returned] = of(story, 'handed_back');
    expect(returned).toMatchObject({ how: 'asked', note: 'We agreed on 410 thousand dollars.' });
    expect(returned?.heldMs).toBeGreaterThan(3_500);
    // Said by nobody: neither what made the agent speak, nor what it believed to say meanwhile.
    expect(story.transcript.filter(({ text }) => /handed the call back/.test(text))).toEqual([]);
    const aside = story.transcript.filter(({ speaker }) => speaker === 'system').map(({ text }) => text);
    expect(aside).toEqual([
      expect.stringMatching(/^Admin API key spoke with the caller for \d+ s \(recorded\)\. Note: We agreed/),
    ]);
    expect(story.call.completeness).toBe('gap');
    // The recording has the manager where the agent would be.
    const right = story.recording?.lanes[1] ?? new Int16Array();
    expect(right.filter((sample) => Math.abs(sample) > 5_000).length).toBeGreaterThan(100 * 160);
  });

  test('the agent is mute at once: what it was saying is cut off', async () => {
    const callId = await here.place(await here.lead(PATIENT));
    await here.event(callId, 'stream_opened');
    await until('the agent to speak', async () =>
      (await here.app.calls.events(callId)).some((event) => event.type === 'said' && event.role === 'agent'),
    );
    const ear = await hear(callId);
    const stop = await takeOver(callId, ear);
    await until('the agent to be cut off', () => ear.told.some(({ type }) => type === 'cut'));
    expect(of({ events: await here.app.calls.events(callId) }, 'interrupted')).toHaveLength(1);
    stop();
    await act(callId, { action: 'handback' });
    await hangUp(callId);
  });

  test('of two managers one has the floor, and the other is told who', async () => {
    const { callId } = await talk();
    const made = await here.ask('POST', '/api/v1/api-keys', {
      name: 'Second manager',
      role: 'ANALYST',
      scopes: ['calls:read', 'calls:write'],
    });
    const { secret } = made.json<{ secret: string }>();
    const second = { authorization: `Bearer ${secret}` };
    const [mine, theirs] = [await hear(callId), await listen(here.url, callId, second)];
    const answers = await Promise.all([
      act(callId, { action: 'takeover', listener: mine.listener }),
      here.ask(
        'POST',
        `/api/v1/calls/${callId}/actions`,
        { action: 'takeover', listener: theirs.listener },
        second,
      ),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    const lost = answers.find(({ status }) => status === 409);
    expect(lost?.json()).toMatchObject({ code: 'already_taken_over' });
    const name = lost?.json<{ name: string }>().name;
    expect(of({ events: await here.app.calls.events(callId) }, 'taken_over')).toMatchObject([{ name }]);
    // Whoever does not have the floor is not heard, and has nothing to hand back.
    const [holder, other] = name === 'Second manager' ? [theirs, mine] : [mine, theirs];
    const headers = name === 'Second manager' ? KEY : second;
    for (let i = 0; i < 50; i += 1) other.speak(VOICE);
    const refused = await here.ask(
      'POST',
      `/api/v1/calls/${callId}/actions`,
      { action: 'handback' },
      headers,
    );
    expect(refused.json()).toMatchObject({ code: 'not_taken_over' });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(holder.heard(2)).toHaveLength(0);
    // One's own place at the call is needed.
    const borrowed = await act(callId, { action: 'takeover', listener: theirs.listener });
    expect(borrowed.json()).toMatchObject({ code: 'not_listening' });
    await hangUp(callId);
  });

  test('a voice that is lost gives the call back by itself; one that comes back in time keeps it', async () => {
    const { callId } = await talk();
    const first = await hear(callId);
    await takeOver(callId, first);
    first.leave();
    const again = await hear(callId);
    expect(again.floor).toMatchObject({ yours: false });
    const stop = await takeOver(callId, again);
    await until('the voice to be heard again', () => again.floor?.yours);
    await new Promise((resolve) => setTimeout(resolve, 4_000 / SCALE));
    expect(again.floor?.yours).toBe(true);
    const since = here.line(await here.app.calls.get(callId)).heard.length;
    stop();
    again.leave();
    const back = await here.event(callId, 'handed_back');
    expect(back).toMatchObject({ how: 'lost' });
    await here.heardAgain(callId, since);
    const story = await hangUp(callId);
    expect(of(story, 'taken_over')).toHaveLength(1);
  });

  test('an agent that is lost meanwhile is fetched again when it is needed', async () => {
    const { callId, conversationId } = await talk();
    const ear = await hear(callId);
    const stop = await takeOver(callId, ear);
    here.agent.control.closeNow(1011, conversationId);
    await here.event(callId, 'session_lost');
    await until('the manager to be heard on', () => ear.floor?.yours);
    stop();
    expect((await act(callId, { action: 'handback', note: 'They like Friday.' })).status).toBe(202);
    const opened = await until('a new agent', async () =>
      of({ events: await here.app.calls.events(callId) }, 'session_opened').at(1),
    );
    expect(told(opened.conversationId).join()).toContain('They like Friday.');
    await hangUp(callId);
  });

  test('a call that ends while somebody speaks says so, and nothing is left behind', async () => {
    const { callId } = await talk();
    const ear = await hear(callId);
    const stop = await takeOver(callId, ear);
    const story = await hangUp(callId);
    stop();
    expect(of(story, 'handed_back')).toMatchObject([{ how: 'over' }]);
    expect(story.call).not.toHaveProperty('takenOver');
    await until('the listener to be told', () => ear.closed === 1000);
  });

  test('ending it from the dashboard works while somebody speaks', async () => {
    const { callId } = await talk();
    const ear = await hear(callId);
    const stop = await takeOver(callId, ear);
    expect((await act(callId, { action: 'end' })).status).toBe(202);
    const story = await here.finished(callId);
    stop();
    expect(of(story, 'hangup_requested')).toMatchObject([{ by: 'manager' }]);
  });
});

describe('sending the caller on', () => {
  test('a manager connects the caller to the number of the campaign', async () => {
    const { callId } = await talk();
    expect((await act(callId, { action: 'transfer' })).status).toBe(202);
    const story = await here.finished(callId);
    expect(of(story, 'transferred')).toMatchObject([{ to: OFFICE, reason: 'transferred by Admin API key' }]);
    expect(story.call).toMatchObject({ outcome: 'transferred', transferredTo: OFFICE });
    expect(await here.heard(story.call, 'Please hold while I connect you to a person of Parley.')).toBe(true);
  });

  test('no number that no campaign names is rung, whoever asks', async () => {
    const { callId } = await talk();
    const { contactPhone } = await here.app.calls.get(callId);
    for (const to of ['nobody', contactPhone, '+12125558801']) {
      const answer = await act(callId, { action: 'transfer', to });
      expect(answer.json(), to).toMatchObject({ code: 'invalid_request' });
    }
    expect(of({ events: await here.app.calls.events(callId) }, 'transferred')).toEqual([]);
    expect((await act(callId, { action: 'transfer', to: '(212) 555-0316' })).status).toBe(202);
    expect((await here.finished(callId)).call).toMatchObject({ transferredTo: OFFICE });
  });
});

/** Every scripted caller, all on the line at once, and what each call leaves behind. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CallOutcome, CallStatus } from '../../src/domain/call.ts';
import type { LeadStatus } from '../../src/domain/documents.ts';
import { sentences } from '../../src/sandbox/agent/brain.ts';
import { CALLERS, linesOf } from '../../src/sandbox/callers.ts';
import { murmur } from '../support/agent.ts';
import { audibleSeconds, indexOfSound, speechFrames } from '../support/sound.ts';
import { until } from '../support/until.ts';
import { OFFICE, START_MS, type Story, type World, world } from '../support/world.ts';

const GREETING =
  'Hi Maria, this is the AI assistant of Parley, calling about 12 Maple Street. To stop all calls, just say stop calling, or press nine. This call is recorded and processed by AI. Is this a good time?';
const MESSAGE =
  'Hi Maria, this is the AI assistant of Parley, calling about 12 Maple Street. To stop all calls from us, call (212) 555-0190 and press nine. We would like to talk with you about your house. You can also reach us at that number. Thank you, and have a good day.';

interface Expected {
  readonly status: CallStatus;
  readonly outcome: CallOutcome;
  /** Who asked for the end; `carrier`: the other side hung up, or the phone was never answered. */
  readonly by: 'agent' | 'policy' | 'system' | 'carrier';
  readonly why: string | RegExp;
  readonly lead: LeadStatus;
  /** What must be found in the transcript, in this order. */
  readonly words?: readonly (readonly ['agent' | 'user', string | RegExp])[];
}

const HUNG_UP = 'the carrier reported completed';

const EXPECTED: Readonly<Record<string, Expected>> = {
  'interested-seller': {
    status: 'completed',
    outcome: 'qualified',
    by: 'agent',
    why: 'visit_booked',
    lead: 'qualified',
    words: [
      ['agent', GREETING],
      ['user', 'Yes, this is she. I was just looking at your website.'],
      ['agent', 'May I ask what has you thinking about selling?'],
      ['user', 'Yes, we are thinking about selling our house this spring.'],
      ['agent', 'What condition is the house in'],
      ['user', 'It has three bedrooms and two bathrooms'],
      ['agent', 'Do you have a price in mind'],
      ['user', 'We would like to know what it is worth before we decide.'],
      ['agent', 'Would you be open to a short visit'],
      ['user', 'Thursday at four in the afternoon would work for me.'],
      ['agent', 'Your visit is booked'],
    ],
  },
  objects: {
    status: 'completed',
    outcome: 'qualified',
    by: 'agent',
    why: 'visit_booked',
    lead: 'qualified',
    words: [
      ['agent', GREETING],
      ['user', 'Your offers are always too low'],
      ['agent', 'I hear you, and it should be a number you are happy with.'],
      ['user', 'All right, that sounds good.'],
      ['agent', 'Your visit is booked'],
    ],
  },
  'not-interested': {
    status: 'completed',
    outcome: 'not_interested',
    by: 'agent',
    why: 'not_interested',
    lead: 'lost',
    words: [
      ['agent', GREETING],
      ['user', 'No thank you, I am not interested.'],
      ['agent', 'I understand. Thank you for your time'],
    ],
  },
  'opt-out': {
    status: 'completed',
    outcome: 'opted_out',
    by: 'agent',
    why: 'the person asked not to be called',
    lead: 'dnc',
    words: [
      ['agent', GREETING],
      ['user', 'Please take me off your list.'],
      ['agent', 'I have taken your number off our list, and we will not call you again.'],
    ],
  },
  voicemail: {
    status: 'completed',
    outcome: 'voicemail',
    by: 'policy',
    why: 'left a message after the beep',
    lead: 'new',
    words: [['agent', MESSAGE]],
  },
  'call-screening': {
    status: 'completed',
    outcome: 'callback',
    by: 'agent',
    why: 'email_promised',
    lead: 'contacted',
    words: [
      ['user', 'Hello, this is Dana. What is this about?'],
      ['agent', /AI assistant .*Parley/],
      ['user', 'Please send me an email with the details.'],
      ['agent', 'We will send you the details by email.'],
    ],
  },
  busy: {
    status: 'busy',
    outcome: 'no_conversation',
    by: 'carrier',
    why: 'the carrier reported busy',
    lead: 'new',
  },
  'no-answer': {
    status: 'no_answer',
    outcome: 'no_conversation',
    by: 'carrier',
    why: 'the carrier reported no_answer',
    lead: 'new',
  },
  'bad-number': {
    status: 'failed',
    outcome: 'no_conversation',
    by: 'carrier',
    why: 'the carrier reported failed',
    lead: 'new',
  },
  rejects: {
    status: 'no_answer',
    outcome: 'no_conversation',
    by: 'carrier',
    why: 'the carrier reported no_answer',
    lead: 'new',
  },
  'hangs-up': {
    status: 'completed',
    outcome: 'hung_up',
    by: 'carrier',
    why: HUNG_UP,
    lead: 'contacted',
    words: [
      ['agent', GREETING],
      ['user', 'Hello?'],
    ],
  },
  'talks-over': {
    status: 'completed',
    outcome: 'callback',
    by: 'agent',
    why: 'callback_scheduled',
    lead: 'contacted',
    words: [
      ['agent', GREETING],
      ['user', 'Okay, go on.'],
      ['user', 'Wait, wait. How did you get my number?'],
      ['agent', 'You gave us this number through story.'],
      ['user', 'Okay. And what do you want from me?'],
      ['user', 'Hold on, I only have one minute.'],
      ['agent', 'I will be brief.'],
      ['user', 'Call me another time. Bye.'],
      ['agent', 'We will call you back then.'],
    ],
  },
  silent: {
    status: 'completed',
    outcome: 'no_conversation',
    by: 'carrier',
    why: HUNG_UP,
    lead: 'new',
    words: [
      ['agent', GREETING],
      ['agent', 'Are you still there?'],
    ],
  },
  'wants-person': {
    status: 'completed',
    outcome: 'transferred',
    by: 'agent',
    why: 'transferred to a person',
    lead: 'contacted',
    words: [
      ['agent', GREETING],
      ['user', 'Am I talking to a robot?'],
      ['agent', 'Yes, I am an AI assistant of Parley'],
      ['user', 'I want to speak to a real person, please.'],
      ['agent', 'Please hold while I connect you with a colleague.'],
    ],
  },
  'call-later': {
    status: 'completed',
    outcome: 'callback',
    by: 'agent',
    why: 'callback_scheduled',
    lead: 'contacted',
    words: [
      ['agent', GREETING],
      ['user', 'Sorry, this is a bad time, I am driving.'],
      ['agent', 'When would be a good time to call you back?'],
      ['user', 'Can you call me back tomorrow at ten in the morning?'],
      ['agent', 'We will call you back then.'],
    ],
  },
  'keypad-opt-out': {
    status: 'completed',
    outcome: 'opted_out',
    by: 'agent',
    why: 'the person asked not to be called',
    lead: 'dnc',
    words: [['agent', 'we will not call you again']],
  },
};
const OUTBOUND = Object.keys(EXPECTED);
const UNANSWERED = ['busy', 'no-answer', 'bad-number', 'rejects'];
const ANSWERED = OUTBOUND.filter((name) => !UNANSWERED.includes(name));

let here: World;
const stories = new Map<string, Promise<Story>>();
const storyOf = async (name: string): Promise<Story> => {
  const story = await stories.get(name);
  if (!story) throw new Error(`nobody called ${name}`);
  return story;
};
const ALTERNATE = '+12125557777';

beforeAll(async () => {
  here = await world();
  for (const name of OUTBOUND) {
    const lead = await here.lead(name, name === 'opt-out' ? { alternatePhone: ALTERNATE } : {});
    const story = here.place(lead).then(here.finished);
    story.catch(() => {});
    stories.set(name, story);
    // Nobody dials a list in one instant: the phones ring one after the other.
    await here.clock.sleep(700);
  }
  const known = await here.lead('silent', { firstName: 'Susan' });
  const looked = { url: 'https://story.invalid/maple', title: 'Maple Street', timestamp: new Date(START_MS) };
  const web = { sessionId: 'web-1', journey: [{ ...looked, duration: 40 }] };
  await here.app.leads.update(known._id, { web }, 'story');
  for (const [name, from] of [
    ['inbound-buyer', known.contact.phone],
    ['inbound-opt-out', '+12125558888'],
  ] as const) {
    const story = here.receive(from, name).then(({ callId }) => here.finished(callId));
    story.catch(() => {});
    stories.set(name, story);
    await here.clock.sleep(700);
  }
});
afterAll(() => here.close());

/** Finds the words in the order in which they must have been said; answers the first that are missing. */
function missingWords(story: Story, words: Expected['words'] = []): unknown {
  let from = 0;
  for (const [speaker, text] of words) {
    const at = story.transcript.findIndex(
      (line, place) =>
        place >= from &&
        line.speaker === speaker &&
        (typeof text === 'string' ? line.text.includes(text) : text.test(line.text)),
    );
    if (at < 0) return { speaker, text, in: story.kept?.fullTranscript ?? story.transcript };
    from = at;
  }
  return undefined;
}

test('the stories know every caller that can be dialled', () => {
  const others = ['inbound-buyer', 'inbound-opt-out', 'colleague'];
  expect([...OUTBOUND, ...others].sort()).toEqual(CALLERS.map(({ name }) => name).sort());
});

describe.each(OUTBOUND)('a call to %s', (name) => {
  test('ends with the right status, outcome and reason, and says who ended it', async () => {
    const { call, events } = await storyOf(name);
    const expected = EXPECTED[name];
    if (!expected) throw new Error(name);
    expect({
      status: call.status,
      outcome: call.outcome,
      why: call.endReason,
      by: events.find((event) => event.type === 'hangup_requested')?.by ?? 'carrier',
    }).toEqual({
      status: expected.status,
      outcome: expected.outcome,
      why: expected.why,
      by: expected.by,
    });
  });

  test('leaves the decision, the closed attempt and a row with the lead', async () => {
    const { call, attempt, lead } = await storyOf(name);
    expect(call.complianceDecision).toMatchObject({
      verdict: 'allow',
      reason: 'ok',
      permitId: call.attemptId,
    });
    const stored = await here.ask('GET', `/api/v1/compliance/decisions?leadId=${call.leadId}`);
    expect(stored.json<{ items: unknown[] }>().items.length).toBeGreaterThan(0);
    expect(attempt).toMatchObject({ state: 'closed' });
    expect(attempt).not.toHaveProperty('activePhones');
    expect(lead).toMatchObject({ status: EXPECTED[name]?.lead });
    expect(lead?.contactAttempts).toMatchObject([{ callId: call._id, outcome: call.outcome }]);
  });
});

describe.each(ANSWERED)('the talk with %s', (name) => {
  test('is kept word by word, in order', async () => {
    const story = await storyOf(name);
    expect(missingWords(story, EXPECTED[name]?.words)).toBeUndefined();
    expect(story.kept?.messages).toEqual(story.transcript);
    expect(story.call.completeness).toBe('complete');
  });

  test('is recorded, each side on its own lane', async () => {
    const { call, recording } = await storyOf(name);
    if (!recording) throw new Error('there is no recording');
    expect(recording.sampleRate).toBe(8_000);
    expect(recording.seconds).toBeCloseTo(call.recordingDuration ?? 0, 0);
    const [caller, agent] = recording.lanes;
    expect(audibleSeconds(agent)).toBeGreaterThan(1);
    if (name === 'silent') expect(audibleSeconds(caller)).toBe(0);
    else if (name !== 'keypad-opt-out') expect(audibleSeconds(caller)).toBeGreaterThan(0.3);
    // What the recording holds is what was measured on the line.
    expect(audibleSeconds(agent)).toBeCloseTo((call.line?.agentTalkMs ?? 0) / 1_000, 0);
    expect(call.line).toMatchObject({ framesLost: 0, framesRefused: 0 });
  });
});

describe.each(UNANSWERED)('the unanswered call to %s', (name) => {
  test('has no talk and no recording', async () => {
    const { call, recording, kept } = await storyOf(name);
    expect(recording).toBeUndefined();
    expect(kept).toBeUndefined();
    expect(call).not.toHaveProperty('answeredAt');
    expect(call).not.toHaveProperty('completeness');
  });
});

test('what the seller hears is the agent’s audio, byte for byte', async () => {
  const { call, transcript } = await storyOf('interested-seller');
  const heard = here.carrier.control.tracks(call.callSid ?? '')?.heard ?? Buffer.alloc(0);
  const said = transcript.filter(({ speaker, interrupted }) => speaker === 'agent' && !interrupted);
  expect(said.length).toBeGreaterThanOrEqual(5);
  let from = 0;
  for (const sentence of said.flatMap(({ text }) => sentences(text))) {
    const at = indexOfSound(heard, await murmur(sentence, 'slt'), from);
    expect(at, sentence).toBeGreaterThanOrEqual(0);
    from = at;
  }
});

test('the appointment of the seller is kept with its time, and the lead is to be seen then', async () => {
  const { call, lead } = await storyOf('interested-seller');
  // Thursday at four in New York, seen from Wednesday.
  const at = new Date('2026-11-19T21:00:00Z');
  expect(call.followUpActions).toMatchObject([{ type: 'site_visit', scheduledFor: at, completed: false }]);
  expect(lead).toMatchObject({ nextFollowUp: at, stage: 'site_visit' });
});

test('every reply’s latency is measured', async () => {
  const { call } = await storyOf('interested-seller');
  expect(call.latency.perTurnMs.length).toBeGreaterThanOrEqual(4);
  for (const ms of call.latency.perTurnMs) {
    expect(ms).toBeGreaterThan(600);
    expect(ms).toBeLessThan(4_000);
  }
});

test('who talks over the agent hears it stop, and the transcript shows what was heard of it', async () => {
  const { call, events, transcript } = await storyOf('talks-over');
  const cut = events.filter((event) => event.type === 'interrupted');
  expect(cut.length).toBeGreaterThanOrEqual(2);
  expect(call.conversationMetrics.interruptionCount).toBe(cut.length);
  for (const line of transcript.filter(({ interrupted }) => interrupted)) {
    expect(line.speaker).toBe('agent');
    expect(line.heardMs).toBeGreaterThan(400);
    expect(line.heardMs).toBeLessThan(4_000);
    const planned = events.find((event) => event.type === 'said' && event.turn === line.turn);
    expect(planned).toMatchObject({ text: expect.stringContaining(line.text) });
    expect(line.text.length).toBeLessThan((planned?.type === 'said' ? planned.text : '').length);
  }
  const cleared = here.carrier.control.events.filter(
    (event) => event.type === 'playback-cleared' && event.callSid === call.callSid,
  );
  expect(cleared.length).toBeGreaterThanOrEqual(2);
});

test('the voicemail holds the whole message, after the beep and nothing else', async () => {
  const { call } = await storyOf('voicemail');
  const tracks = here.carrier.control.tracks(call.callSid ?? '');
  if (!tracks) throw new Error('the line had no sound');
  const message = await murmur(MESSAGE, 'slt');
  const beepEnds = speechFrames(tracks.said).at(-1) ?? 0;
  const begins = tracks.heard.indexOf(message) / 160;
  expect(begins).toBeGreaterThan(beepEnds);
  expect(begins).toBeLessThan(beepEnds + 2 * 50);
  // Between the beep and the message there is silence, not a scrap of the greeting.
  const between = speechFrames(tracks.heard).filter((frame) => frame > beepEnds + 25 && frame < begins);
  expect(between).toEqual([]);
});

test('whoever wants a person is connected to the office', async () => {
  const { call, events } = await storyOf('wants-person');
  expect(events.find((event) => event.type === 'transferred')).toMatchObject({ to: OFFICE });
  const office = await until('the call to the office', () =>
    here.carrier.control.calls().find(({ to, status }) => to === OFFICE && status === 'completed'),
  );
  expect(office.durationS).toBeGreaterThan(2);
  const heard = here.carrier.control.tracks(call.callSid ?? '')?.heard ?? Buffer.alloc(0);
  const colleague = CALLERS.find(({ name }) => name === 'colleague');
  const [hello] = colleague ? linesOf(colleague) : [];
  expect(indexOfSound(heard, await murmur(hello?.text ?? '', 'rms'))).toBeGreaterThan(0);
});

describe.each(['opt-out', 'keypad-opt-out'])('after %s', (name) => {
  test('the number is on the internal list before the call is over', async () => {
    const { call, events } = await storyOf(name);
    const [entry] = await here.store
      .collection('dnc_registry')
      .find({ filter: { phone: call.contactPhone, scope: 'internal' } });
    const ended = events.find((event) => event.type === 'ended');
    expect(entry?.listedAt.getTime()).toBeLessThanOrEqual(ended?.at.getTime() ?? 0);
    expect(call).toMatchObject({ optedOut: true, disposition: 'do_not_call' });
    expect(events.find((event) => event.type === 'opted_out')).toMatchObject({
      channel: name === 'opt-out' ? 'voice' : 'keypad',
    });
  });

  test('the next call to that person is denied', async () => {
    const { call, lead } = await storyOf(name);
    const answer = await here.ask('POST', '/api/v1/calls', { leadId: lead?._id });
    expect(answer.status).toBe(409);
    expect(answer.json()).toMatchObject({ code: 'dial_denied', decision: { reason: 'internal_dnc' } });
    const placed = here.carrier.control.calls().filter(({ to }) => to === call.contactPhone);
    expect(placed).toHaveLength(1);
  });
});

test('the alternate number of a person who opted out is denied too', async () => {
  await storyOf('opt-out');
  const check = await here.ask('POST', '/api/v1/compliance/check', { phone: ALTERNATE });
  expect(check.json()).toMatchObject({ verdict: 'deny', reason: 'internal_dnc' });
});

test.each(['no-answer', 'rejects'])('to whom did not answer nothing was said: %s', async (name) => {
  const { call, events, transcript } = await storyOf(name);
  expect(events.some(({ type }) => type === 'answered')).toBe(false);
  expect(transcript).toEqual([]);
  expect(call).not.toHaveProperty('analysis');
});

test('a known lead who calls us is greeted by name, and what was agreed is kept', async () => {
  const story = await storyOf('inbound-buyer');
  expect(story.call).toMatchObject({ direction: 'inbound', status: 'completed', outcome: 'qualified' });
  expect(story.call.leadId).toBe(story.lead?._id);
  expect(
    missingWords(story, [
      [
        'agent',
        'Hello Susan, you have reached the AI assistant of Parley. To stop all calls, just say stop calling, or press nine. This call is recorded and processed by AI. How can I help you?',
      ],
      ['user', 'Hi, I am calling about the house on Maple Street.'],
      ['user', 'Is it still available?'],
      ['agent', 'it is still available'],
      ['user', 'Could I see it on Saturday morning?'],
      ['agent', 'Your visit is booked'],
    ]),
  ).toBeUndefined();
  expect(story.recording?.lanes.map((lane) => audibleSeconds(lane) > 2)).toEqual([true, true]);
});

test('the agent knows what whoever calls looked at, and nothing of whom nobody knows', async () => {
  const toldOf = async (name: string) => {
    const { call } = await storyOf(name);
    const { url, apiKey } = here.agent;
    const answer = await fetch(`${url}/v1/convai/conversations/${call.conversationId}`, {
      headers: { 'xi-api-key': apiKey },
    });
    const { conversation_initiation_client_data: told } = (await answer.json()) as {
      conversation_initiation_client_data: { dynamic_variables: Record<string, unknown> };
    };
    return told.dynamic_variables.web_journey;
  };
  expect(await toldOf('inbound-buyer')).toBe('on 2026-11-18: “Maple Street” for 40 seconds');
  expect(await toldOf('inbound-opt-out')).toBe('none');
});

test('an unknown person who calls us can stop all calls', async () => {
  const story = await storyOf('inbound-opt-out');
  expect(story.call).toMatchObject({ direction: 'inbound', status: 'completed', outcome: 'opted_out' });
  expect(story.call).not.toHaveProperty('leadId');
  expect(
    missingWords(story, [['agent', 'Hello there, you have reached the AI assistant of Parley']]),
  ).toBeUndefined();
  const check = await here.ask('POST', '/api/v1/compliance/check', { phone: '+12125558888' });
  expect(check.json()).toMatchObject({ verdict: 'deny' });
  expect(check.json<{ reasons: string[] }>().reasons).toContain('internal_dnc');
});

test('nothing went wrong that nobody expected', async () => {
  await Promise.all(stories.values());
  expect(here.log.filter(({ level }) => level === 'error')).toEqual([]);
});

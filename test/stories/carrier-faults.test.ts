/** The carrier loses, doubles, delays and forges what it can, and its sockets break; each call still ends right, and once. */
import twilio from 'twilio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CallEvent } from '../../src/domain/call.ts';
import { sentences } from '../../src/sandbox/agent/brain.ts';
import type { CallerScript } from '../../src/sandbox/callers.ts';
import type { FaultChange } from '../../src/sandbox/carrier/journal.ts';
import { BRIEF, DECLINER, SELLS, SLOW_TO_ANSWER, STAYER, TALKER } from '../support/people.ts';
import { longestSilenceMs } from '../support/sound.ts';
import { until } from '../support/until.ts';
import { type Story, type World, world } from '../support/world.ts';

const APOLOGY =
  'We are sorry, we cannot talk right now because of a technical problem. Parley will get back to you. Goodbye.';
const AWKWARD_MS = 7_000;
const CALM: FaultChange = {
  callbacks: { drop: 0, duplicate: 0, reorder: 0, delayMs: 0 },
  signature: { bad: 'none', appendSlash: false },
  media: { loss: 0, jitterMs: 0 },
  stream: { closeAfterMs: null, closeCode: 1006, withoutStop: true },
  rest: { mode: 'none', times: 0 },
};

let here: World;
beforeAll(async () => {
  here = await world({ brief: true });
});
afterAll(() => here.close());

/** Faults hold for the whole carrier, so each story has them for itself, and only for as long as it needs them. */
let last: Promise<unknown> = Promise.resolve();
function during<T>(faults: FaultChange, work: () => Promise<T>): Promise<T> {
  const turn = last.then(async () => {
    here.carrier.control.setFaults(faults);
    try {
      return await work();
    } finally {
      here.carrier.control.setFaults(CALM);
    }
  });
  last = turn.catch(() => {});
  return turn;
}
/** Places a call whose first stream, and no later one, meets the faults. */
const placeDuring = (faults: FaultChange, caller: CallerScript) =>
  during(faults, async () => {
    const callId = await here.place(await here.lead(caller));
    await here.event(callId, 'stream_opened');
    return callId;
  });

const of = <T extends CallEvent['type']>(story: Pick<Story, 'events'>, type: T) =>
  story.events.filter((event): event is Extract<CallEvent, { type: T }> => event.type === type);
const types = (story: Pick<Story, 'events'>) => story.events.map(({ type }) => type);

describe.concurrent('asking for one call twice', () => {
  test('at the same moment: one call goes out, the other answer says so', async () => {
    const lead = await here.lead(BRIEF);
    const answers = await Promise.all(
      [1, 2, 3].map(() => here.ask('POST', '/api/v1/calls', { leadId: lead._id })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    for (const answer of answers.filter(({ status }) => status === 409))
      expect(answer.json()).toMatchObject({ code: 'attempt_in_progress' });
    const placed = answers.find(({ status }) => status === 202)?.json<{ id: string }>();
    await here.finished(placed?.id ?? '');
    expect(here.dialled(lead.contact.phone)).toBe(1);
  });

  test('with the same Idempotency-Key: the same call, also when it is over', async () => {
    const lead = await here.lead(BRIEF);
    const place = () =>
      here.ask('POST', '/api/v1/calls', { leadId: lead._id }, { 'idempotency-key': 'one-and-the-same' });
    const first = (await place()).json<{ id: string }>().id;
    expect((await place()).json()).toMatchObject({ id: first });
    await here.finished(first);
    const again = await place();
    expect(again.status).toBe(202);
    expect(again.json()).toMatchObject({ id: first, status: 'completed' });
    expect(here.dialled(lead.contact.phone)).toBe(1);
  });

  test('with the same key for another lead: refused', async () => {
    const [one, two] = [await here.lead(BRIEF), await here.lead(BRIEF)];
    const key = { 'idempotency-key': 'used-for-two-people' };
    const first = await here.ask('POST', '/api/v1/calls', { leadId: one._id }, key);
    const second = await here.ask('POST', '/api/v1/calls', { leadId: two._id }, key);
    expect(second.status).toBe(409);
    expect(second.json()).toMatchObject({ code: 'idempotency_conflict' });
    await here.finished(first.json<{ id: string }>().id);
    expect(here.dialled(two.contact.phone)).toBe(0);
  });
});

describe.concurrent('a manager ends a call', () => {
  test('in the middle of a sentence: it is said to its end, then the line is closed', async () => {
    const callId = await here.place(await here.lead(STAYER));
    const reply = await until('the agent’s reply', async () => {
      const said = (await here.app.calls.events(callId)).filter((event) => event.type === 'said');
      return said.findLast((event, i) => event.role === 'agent' && said[i - 1]?.role === 'user');
    });
    const answer = await here.ask('POST', `/api/v1/calls/${callId}/actions`, { action: 'end' });
    expect(answer.status).toBeLessThan(300);
    const story = await here.finished(callId);
    expect(of(story, 'hangup_requested')).toMatchObject([{ by: 'manager' }]);
    expect(story.call).toMatchObject({ status: 'completed', endReason: expect.stringContaining('ended by') });
    const words = sentences(reply.type === 'said' ? reply.text : '');
    expect(words.length).toBeGreaterThan(0);
    for (const sentence of words) expect(await here.heard(story.call, sentence), sentence).toBe(true);
    const again = await here.ask('POST', `/api/v1/calls/${callId}/actions`, { action: 'end' });
    expect(again.json()).toMatchObject({ code: 'call_over' });
  });

  test('while the phone rings: it stops ringing', async () => {
    const callId = await here.place(await here.lead(SLOW_TO_ANSWER));
    await here.event(callId, 'ringing');
    await here.ask('POST', `/api/v1/calls/${callId}/actions`, { action: 'end' });
    const { call } = await here.finished(callId);
    expect(call).toMatchObject({ status: 'canceled', endReason: expect.stringContaining('ended by') });
    expect(call).not.toHaveProperty('answeredAt');
  });
});

describe.concurrent('a request whose signature is not the carrier’s', () => {
  test('is refused on every address, and nothing is done', async () => {
    const callId = await here.place(await here.lead(SLOW_TO_ANSWER));
    const { callSid } = await here.event(callId, 'dialed');
    await here.event(callId, 'ringing');
    const before = await here.app.calls.events(callId);
    const callsBefore = here.carrier.control.calls().length;
    const form = {
      CallSid: callSid,
      CallStatus: 'completed',
      SequenceNumber: '9',
      From: '+12125550001',
      To: '+1',
    };
    const paths = ['voice', 'status', 'amd', 'recording', 'stream', 'after', 'fallback'].map(
      (door) => `/twilio/${door}/${callId}`,
    );
    for (const path of [...paths, '/twilio/voice', '/twilio/status', '/twilio/sms', '/twilio/dial-result']) {
      for (const token of ['', 'another token']) {
        const answer = await fetch(`${here.url}${path}`, {
          method: 'POST',
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            ...(token === ''
              ? {}
              : {
                  'x-twilio-signature': twilio.getExpectedTwilioSignature(token, `${here.url}${path}`, form),
                }),
          },
          body: new URLSearchParams({ ...form, Body: 'STOP', MessageSid: `SM${'0'.repeat(32)}` }),
        });
        expect([path, answer.status]).toEqual([path, 403]);
      }
    }
    const upgrade = await here.ask('GET', '/twilio/media', undefined, {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'x-twilio-signature': 'AAAA',
    });
    expect(upgrade.status).toBe(403);
    const since = (await here.app.calls.events(callId)).slice(before.length).map(({ type }) => type);
    expect(since.filter((type) => !['session_opened', 'said'].includes(type))).toEqual([]);
    expect(here.carrier.control.calls()).toHaveLength(callsBefore);
    const [listed] = await here.store.collection('dnc_registry').find({ filter: { phone: '+12125550001' } });
    expect(listed).toBeUndefined();
    await here.finished(callId);
  });
});

describe('callbacks', () => {
  test.each<[string, FaultChange['callbacks']]>([
    ['overtake each other', { reorder: 1 }],
    ['come twice', { duplicate: 1 }],
    ['come three seconds late', { delayMs: 3_000 }],
    ['come late, twice and in any order', { duplicate: 0.5, reorder: 0.5, delayMs: 1_000 }],
    ['never come', { drop: 1 }],
  ])('that %s change nothing about how calls end', async (_, callbacks) => {
    const [declined, busy] = await during({ callbacks }, () =>
      Promise.all([here.call(DECLINER), here.call('busy')]),
    );
    expect(declined.call).toMatchObject({
      status: 'completed',
      outcome: 'not_interested',
      endReason: 'not_interested',
      completeness: 'complete',
    });
    expect(declined.attempt?.state).toBe('closed');
    expect(busy.call).toMatchObject({ status: 'busy', outcome: 'no_conversation' });
    expect(busy.attempt?.state).toBe('closed');
    for (const story of [declined, busy]) {
      const once = types(story).filter((type) => ['dialed', 'ringing', 'answered', 'ended'].includes(type));
      expect(new Set(once).size).toBe(once.length);
      expect(here.dialled(story.call.contactPhone)).toBe(1);
    }
  });
});

describe('a stream whose signature is not the carrier’s', () => {
  test('on the stream: it is not opened, and the caller hears a sentence', async () => {
    const story = await during({ signature: { bad: 'upgrade' } }, () => here.call(STAYER));
    expect(types(story)).not.toContain('stream_opened');
    expect(await here.heard(story.call, APOLOGY)).toBe(true);
    expect(story.call).toMatchObject({ status: 'completed', endReason: 'the media stream broke twice' });
  });

  test('with a slash behind the address, as the carrier sometimes signs, is good', async () => {
    const story = await here.finished(await placeDuring({ signature: { appendSlash: true } }, DECLINER));
    expect(story.call).toMatchObject({ status: 'completed', outcome: 'not_interested' });
  });
});

describe('the media stream', () => {
  test.each([
    [1006, true],
    [1000, true],
    [3000, true],
  ])(
    'closes with %i in the middle of a talk: it comes back, and the talk goes on',
    async (closeCode, withoutStop) => {
      const callId = await placeDuring({ stream: { closeAfterMs: 5_500, closeCode, withoutStop } }, TALKER);
      const story = await here.finished(callId);
      expect(of(story, 'stream_opened')).toHaveLength(2);
      expect(of(story, 'session_opened')).toHaveLength(1);
      const [, reopened] = of(story, 'stream_opened');
      const after = story.events.filter(({ type, seq }) => type === 'said' && seq > (reopened?.seq ?? 0));
      expect(after.length).toBeGreaterThan(0);
      expect(story.transcript.some(({ text }) => text === SELLS)).toBe(true);
      expect(story.call).toMatchObject({ status: 'completed', completeness: 'complete' });
      expect(longestSilenceMs(here.line(story.call))).toBeLessThan(AWKWARD_MS);
      // One recording goes on behind the break.
      expect(story.recording?.seconds).toBeGreaterThan((story.call.duration ?? 0) - 4);
    },
  );

  test('breaks again and again: the caller hears a sentence', async () => {
    const faults: FaultChange = { stream: { closeAfterMs: 3_000, closeCode: 1006, withoutStop: true } };
    const story = await during(faults, () => here.call(STAYER));
    expect(of(story, 'stream_opened')).toHaveLength(2);
    expect(await here.heard(story.call, APOLOGY)).toBe(true);
    expect(story.call).toMatchObject({ status: 'completed', endReason: 'the media stream broke twice' });
  });

  test('loses and delays frames: the words are understood all the same', async () => {
    const story = await during({ media: { loss: 0.03, jitterMs: 80 } }, () => here.call(TALKER));
    expect(story.transcript.some(({ text }) => text.includes('thinking about selling our house'))).toBe(true);
    expect(story.call).toMatchObject({ status: 'completed', completeness: 'complete' });
  });
});

describe('the carrier’s answer to the dial', () => {
  const MODES = [
    ['too-many-requests', 'telephony_unavailable'],
    ['concurrency', 'telephony_unavailable'],
    ['server-error', 'dial_unconfirmed: the carrier has no such call'],
    ['hang', 'dial_unconfirmed: the carrier has no such call'],
  ] as const;
  const stories = new Map<string, Promise<Story>>();
  beforeAll(async () => {
    for (const [mode] of MODES) {
      const callId = await during({ rest: { mode, times: 1 } }, async () => {
        const id = await here.place(await here.lead(BRIEF));
        await until('the carrier to be asked', () => here.carrier.control.faults.rest.times === 0);
        return id;
      });
      const story = here.finished(callId);
      story.catch(() => {});
      stories.set(mode, story);
    }
  });

  test.each(MODES)('is %s: nobody is dialled, then or later', async (mode, why) => {
    const story = await stories.get(mode);
    expect(story?.call).toMatchObject({ status: 'failed', endReason: expect.stringContaining(why) });
    expect(story?.call).not.toHaveProperty('callSid');
    expect(story?.attempt?.state).toBe('closed');
    expect(here.dialled(story?.call.contactPhone ?? '')).toBe(0);
  });

  test('is lost, though the phone rings: the call is carried, and there is one', async () => {
    const story = await during({ rest: { mode: 'answer-lost', times: 1 } }, () => here.call(DECLINER));
    expect(types(story)).toContain('dial_unconfirmed');
    expect(story.call).toMatchObject({ status: 'completed', outcome: 'not_interested' });
    expect(here.dialled(story.call.contactPhone)).toBe(1);
  });

  test('is lost together with every callback: the call is found, and there is one', async () => {
    const faults: FaultChange = { rest: { mode: 'answer-lost', times: 1 }, callbacks: { drop: 1 } };
    const story = await during(faults, () => here.call('busy'));
    expect(story.call).toMatchObject({ status: 'busy' });
    expect(here.dialled(story.call.contactPhone)).toBe(1);
  });
});

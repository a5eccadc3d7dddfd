/** The parts behind a live call: who has the floor, what listeners get, what is told of the words. Time is turned by hand. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFloor, type Return } from '../../src/app/floor.ts';
import { createEars } from '../../src/app/listeners.ts';
import { createLiveWords, type Words } from '../../src/app/live-words.ts';
import type { Store } from '../../src/app/ports.ts';
import type { Change, EventLog } from '../../src/app/record-event.ts';
import type { Call, CallEvent, CallEventBody } from '../../src/domain/call.ts';
import { foldCall } from '../../src/domain/call.ts';
import { eraseEvent } from '../../src/domain/erasure.ts';
import { signsOf } from '../../src/domain/live-signs.ts';
import { completenessOf, foldTranscript } from '../../src/domain/transcript.ts';
import { handClock } from '../support/clock.ts';

const CALL = 'c'.repeat(24);
const START_MS = Date.UTC(2026, 10, 22, 12);
/** Events of one call, each so many seconds after its beginning. */
const eventsOf = (...told: readonly (readonly [sec: number, body: CallEventBody])[]): CallEvent[] =>
  told.map(([sec, body], index) => ({
    ...body,
    _id: `${index}`.padStart(24, '0'),
    eventId: `e${index}`,
    callId: CALL,
    sessionId: CALL,
    seq: index + 1,
    at: new Date(START_MS + sec * 1_000),
  }));
const RECEIVED: CallEventBody = {
  type: 'received',
  attemptId: 'a',
  callSid: 'CA1',
  contactPhone: '+12125550123',
  fromPhone: '+12065550100',
};
const said = (role: 'agent' | 'user', text: string, turn = 1): CallEventBody => ({
  type: 'said',
  role,
  text,
  turn,
});
const ana = { by: 'u1', name: 'Ana' };
const ben = { by: 'u2', name: 'Ben' };

describe('the floor', () => {
  function floor(cue: string | undefined = 'go on') {
    const clock = handClock();
    const told: CallEventBody[] = [];
    const returns: Return[] = [];
    const holders: (string | undefined)[] = [];
    let hushed = 0;
    const made = createFloor({
      clock,
      say: (body) => void told.push(body),
      taken() {
        hushed += 1;
      },
      returned: (back) => {
        returns.push(back);
        return cue;
      },
      changed: (holder) => void holders.push(holder?.name),
    });
    return { clock, told, returns, holders, floor: made, hushed: () => hushed };
  }

  test('is one person’s at a time, and whoever comes second is told who has it', () => {
    const { floor: own, told, hushed } = floor();
    own.take(ana, 'l1');
    expect(() => own.take(ben, 'l2')).toThrow(
      expect.objectContaining({ code: 'already_taken_over', details: { by: 'u1', name: 'Ana' } }),
    );
    expect(() => own.giveBack(ben, undefined)).toThrow(expect.objectContaining({ code: 'not_taken_over' }));
    expect([own.heard('l1'), own.heard('l2'), hushed()]).toEqual([true, false, 1]);
    expect(told).toEqual([{ type: 'taken_over', by: 'u1', name: 'Ana' }]);
  });

  test('goes back with how long it was held, what was noted and what made the agent speak', async () => {
    const { floor: own, clock, told, returns, holders } = floor();
    own.take(ana, 'l1');
    await clock.pass(42_000);
    own.giveBack(ana, 'Friday.');
    expect(returns).toEqual([{ how: 'asked', name: 'Ana', heldMs: 42_000, note: 'Friday.' }]);
    expect(told[1]).toEqual({
      type: 'handed_back',
      ...ana,
      how: 'asked',
      heldMs: 42_000,
      note: 'Friday.',
      cue: 'go on',
    });
    expect(holders).toEqual(['Ana', undefined]);
    expect(() => own.giveBack(ana, undefined)).toThrow(expect.objectContaining({ code: 'not_taken_over' }));
  });

  test('a connection that is lost has a moment to come back; then the agent goes on', async () => {
    const { floor: own, clock, told } = floor();
    own.take(ana, 'l1');
    own.gone('another');
    own.gone('l1');
    await clock.pass(2_000);
    own.take(ana, 'l2');
    await clock.pass(10_000);
    expect(own.heard('l2')).toBe(true);
    own.gone('l2');
    await clock.pass(3_100);
    expect(own.holder).toBeUndefined();
    expect(told.map((body) => (body.type === 'handed_back' ? body.how : body.type))).toEqual([
      'taken_over',
      'lost',
    ]);
    expect(clock.waiting).toBe(0);
  });

  test('a microphone that is not heard any more gives it back, though its connection stands', async () => {
    const { floor: own, clock, told } = floor();
    own.take(ana, 'l1');
    for (let second = 0; second < 20; second += 1) {
      await clock.pass(1_000);
      own.heard('l1');
      own.look(clock.steadyMs());
    }
    expect(own.holder?.name).toBe('Ana');
    await clock.pass(5_100);
    own.look(clock.steadyMs());
    expect(told.at(-1)).toMatchObject({ type: 'handed_back', how: 'lost' });
  });

  test('a talk that ends leaves no timer, and asks no agent to go on', async () => {
    const { floor: own, clock, told, returns } = floor();
    own.take(ana, 'l1');
    own.gone('l1');
    own.end();
    own.end();
    await clock.pass(5_000);
    expect(returns).toEqual([]);
    expect(told.at(-1)).toMatchObject({ type: 'handed_back', how: 'over' });
    expect(clock.waiting).toBe(0);
  });
});

describe('listeners', () => {
  const heard = () => {
    const lanes: Buffer[][] = [[], [], []];
    const times: number[] = [];
    const cuts: number[] = [];
    const listener = {
      audio(message: Buffer) {
        lanes[message[0] ?? 0]?.push(Buffer.from(message.subarray(5)));
        times.push(message.readUInt32BE(1));
      },
      cut: (atMs: number) => void cuts.push(atMs),
    };
    return { listener, cuts, times, lane: (of: number) => Buffer.concat(lanes[of] ?? []) };
  };

  test('get every byte of every voice once and in order, however it came and whenever it is handed on', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('caller' as const), bytes: fc.integer({ min: 1, max: 400 }) }),
      fc.record({
        do: fc.constantFrom('agent' as const, 'manager' as const),
        bytes: fc.integer({ min: 1, max: 6_000 }),
      }),
      fc.record({
        do: fc.constantFrom('flush' as const, 'cut' as const, 'wait' as const),
        bytes: fc.constant(0),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ears = createEars();
        const [one, two] = [heard(), heard()];
        ears.begin(1_000);
        ears.add(one.listener);
        const leave = ears.add(two.listener);
        let nowMs = 1_000;
        let serial = 0;
        const given: Buffer[][] = [[], [], []];
        for (const { do: deed, bytes } of steps) {
          nowMs += 20;
          const voice = Buffer.from(Array.from({ length: bytes }, () => (serial = (serial + 1) % 251)));
          if (deed === 'caller') ears.caller(voice, bytes, nowMs);
          else if (deed === 'agent' || deed === 'manager') ears.ours(voice, nowMs + 200, deed === 'manager');
          else if (deed === 'flush') ears.flush();
          else if (deed === 'cut') ears.cut(nowMs);
          else nowMs += 500;
          given[['caller', 'agent', 'manager'].indexOf(deed)]?.push(voice);
        }
        ears.flush();
        for (const each of [one, two])
          for (const of of [0, 1, 2]) expect(each.lane(of).equals(Buffer.concat(given[of] ?? []))).toBe(true);
        expect(one.times).toEqual(two.times);
        leave();
        expect(ears.on).toBe(true);
      }),
    );
  });

  test('are told when each voice is heard, counted from the beginning of the talk', () => {
    const ears = createEars();
    const one = heard();
    ears.begin(500);
    ears.add(one.listener);
    ears.caller(Buffer.alloc(160), 160, 720);
    ears.ours(Buffer.alloc(1_600), 1_000, false);
    ears.flush();
    ears.cut(1_100);
    expect([one.times, one.cuts]).toEqual([[200, 500], [600]]);
  });

  test('nobody listens: nothing is kept', () => {
    const ears = createEars();
    expect(ears.on).toBe(false);
    ears.begin(0);
    ears.caller(Buffer.alloc(160), 160, 20);
    const late = heard();
    ears.add(late.listener);
    ears.flush();
    expect(late.lane(0)).toHaveLength(0);
  });
});

describe('the words of live calls', () => {
  function words(stored: readonly CallEvent[] = []) {
    let tell: (change: Change) => void = () => {};
    const events = {
      watch(listener: (change: Change) => void) {
        tell = listener;
        return () => {};
      },
    } as unknown as EventLog;
    const store = { events: async () => [...stored] } as unknown as Store;
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const live = createLiveWords({ store, events, log });
    const heard: Words[] = [];
    live.watch((each) => void heard.push(each));
    return {
      live,
      heard,
      play(all: readonly CallEvent[], from = 0) {
        for (let at = from; at < all.length; at += 1) {
          const event = all[at];
          const call = foldCall(all.slice(0, at + 1));
          if (event && call) tell({ event, call: call as Call });
        }
      },
    };
  }
  const TALK = eventsOf(
    [0, RECEIVED],
    [1, { type: 'stream_opened', streamSid: 'MZ' }],
    [2, said('agent', 'Hello, this is a long greeting.')],
    [3, { type: 'heard', turn: 1, latencyMs: 800 }],
    [4, { type: 'interrupted', turn: 1, heardMs: 900 }],
    [4, { type: 'corrected', turn: 1, text: 'Hello, this' }],
    [5, said('user', 'This is ridiculous, stop wasting my time.', 2)],
  );

  test('each change tells from where the transcript is new; put together they are the fold of the events', () => {
    const { heard, play, live } = words();
    play(TALK);
    let shown: unknown[] = [];
    for (const { from, messages } of heard) shown = [...shown.slice(0, from), ...messages];
    expect(shown).toEqual(foldTranscript(TALK));
    expect(heard.map(({ from }) => from)).toEqual([0, 0, 0, 1]);
    expect(heard.at(-1)?.signs).toMatchObject({ complains: true });
    expect(live.now()).toMatchObject([{ callId: CALL, from: 0, messages: [{}, {}] }]);
  });

  test('of a call that began before this process what was said is read once', async () => {
    const { heard, play, live } = words(TALK.slice(0, 6));
    play(TALK, 6);
    await new Promise((resolve) => setImmediate(resolve));
    expect(live.now()[0]?.messages.map(({ text }) => text)).toEqual([
      'Hello, this',
      'This is ridiculous, stop wasting my time.',
    ]);
    expect(heard.at(-1)?.from).toBe(0);
  });

  test('a call that is over is forgotten', () => {
    const { play, live } = words();
    const all = [...TALK, ...eventsOf([9, { type: 'ended', status: 'completed', reason: 'x' }])];
    play(all);
    expect(live.now()).toEqual([]);
  });

  test('signs are of the caller’s last turns, not of what the agent says', () => {
    const message = (speaker: 'agent' | 'user', text: string) =>
      ({ speaker, text, timestamp: 0, turn: 0, interrupted: false, repaired: false }) as const;
    expect(signsOf([])).toEqual({ mood: 0, objects: false, complains: false });
    expect(signsOf([message('agent', 'This is ridiculous, I am not interested.')])).toEqual(signsOf([]));
    const cross = [
      message('user', 'You keep calling me, I hate this.'),
      message('user', 'It is worth more, that is too low.'),
    ];
    expect(signsOf(cross)).toMatchObject({ objects: true, complains: true });
    expect(signsOf(cross).mood).toBeLessThan(0);
    const calmed = ['Sure.', 'That works.', 'Wonderful, thank you.'].map((text) => message('user', text));
    expect(signsOf([...cross, ...calmed])).toMatchObject({ objects: false, complains: false });
  });
});

describe('a takeover in the record of a call', () => {
  const CUE = '(Our colleague has handed the call back to you.)';
  const TAKEN = eventsOf(
    [0, RECEIVED],
    [1, { type: 'stream_opened', streamSid: 'MZ' }],
    [3, said('user', 'Hello?', 1)],
    [10, { type: 'taken_over', ...ana }],
    [12, { type: 'whispered', ...ben, text: 'Say yes.' }],
    [52, { type: 'handed_back', ...ana, how: 'asked', heldMs: 42_000, note: 'Friday at ten.', cue: CUE }],
    [54, said('agent', 'Thank you for waiting.', 3)],
  );
  const platform = (role: 'agent' | 'user', text: string, offsetSec: number) => ({
    role,
    text,
    offsetSec,
    interrupted: false,
  });

  test('the transcript says who spoke for how long, and keeps what no caller heard out', () => {
    const all = [
      ...TAKEN,
      ...eventsOf([
        60,
        {
          type: 'reconciled',
          completeness: 'gap',
          source: 'poll',
          turns: [
            platform('user', 'Hello?', 2),
            platform('agent', 'What nobody heard.', 20),
            platform('user', CUE, 51),
            platform('agent', 'Thank you for waiting.', 53),
            platform('user', 'A word that we had missed.', 56),
          ],
        },
      ]),
    ];
    expect(foldTranscript(all).map(({ speaker, text }) => [speaker, text])).toEqual([
      ['user', 'Hello?'],
      ['system', 'Ana spoke with the caller for 42 s (recorded). Note: Friday at ten.'],
      ['agent', 'Thank you for waiting.'],
      ['user', 'A word that we had missed.'],
    ]);
    expect(completenessOf(TAKEN, [platform('user', 'Hello?', 2)])).toBe('gap');
  });

  test('the call says who speaks while they do, and whatever ends it', () => {
    expect(foldCall(TAKEN.slice(0, 5))?.takenOver).toEqual({ ...ana, at: new Date(START_MS + 10_000) });
    expect(foldCall(TAKEN)).not.toHaveProperty('takenOver');
    for (const body of [
      { type: 'ended', status: 'completed', reason: 'x' },
      { type: 'transferred', to: '+12125550316', reason: 'x' },
    ] as const)
      expect(foldCall([...TAKEN.slice(0, 5), ...eventsOf([20, body])])).not.toHaveProperty('takenOver');
  });

  test('what was whispered and noted is forgotten with the rest of the words', () => {
    const erased = TAKEN.map((event) => eraseEvent(event, 'Person 1'));
    expect(JSON.stringify(erased)).not.toMatch(/Say yes|Friday/);
    expect(erased.map(({ type }) => type)).toEqual(TAKEN.map(({ type }) => type));
  });
});

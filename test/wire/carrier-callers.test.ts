/** The scripted callers on the carrier's line, each against a tiny agent that greets, listens and answers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FRAME_BYTES } from '../../src/sandbox/audio.ts';
import {
  allCallerLines,
  BY_LAST_DIGITS,
  CALLERS,
  type CallerScript,
  callerFor,
  callerNamed,
  linesOf,
  ODDS,
} from '../../src/sandbox/callers.ts';
import { Caller } from '../../src/sandbox/carrier/caller.ts';
import { SILENT_FRAME } from '../../src/sandbox/carrier/media-stream.ts';
import {
  OURS,
  openLine,
  person,
  sine,
  type TestLine,
  tinyAgent,
  toneSpeak,
  until,
} from '../support/carrier.ts';

const FINAL = ['completed', 'busy', 'failed', 'no-answer', 'canceled'];

/** Last two digits → how the call ends, and what of it must be seen on the way. */
const ENDINGS: readonly [digits: string, status: string, sip: string][] = [
  ['01', 'completed', '200'],
  ['02', 'completed', '200'],
  ['03', 'completed', '200'],
  ['04', 'completed', '200'],
  ['05', 'completed', '200'],
  ['06', 'busy', '486'],
  ['07', 'no-answer', '487'],
  ['08', 'failed', '404'],
  ['09', 'no-answer', '603'],
  ['10', 'completed', '200'],
  ['11', 'completed', '200'],
  ['12', 'completed', '200'],
  ['13', 'completed', '200'],
  ['14', 'completed', '200'],
  ['15', 'completed', '200'],
  ['16', 'completed', '200'],
];

let line: TestLine;
const sids = new Map<string, string>();
beforeAll(async () => {
  line = await openLine({ callsPerSecond: 20, timeScale: 8 });
  line.answers.set('/voice', line.connectStream());
  line.onStart = tinyAgent();
  // All of them talk at the same time; a carrier is there for many calls.
  for (const [digits] of ENDINGS) {
    const { sid } = await line.client.calls.create({
      to: `+141555501${digits}`,
      from: OURS,
      url: `${line.app}/voice`,
      timeout: 20,
      statusCallback: `${line.app}/status`,
    });
    sids.set(digits, sid);
  }
});
afterAll(() => line.close());

async function over(digits: string) {
  const sid = sids.get(digits) ?? '';
  await until(`the end of the call to …${digits}`, () =>
    FINAL.includes(line.carrier.control.calls().find((call) => call.sid === sid)?.status ?? ''),
  );
  const events = line.carrier.control.events.filter((event) => event.callSid === sid);
  return { sid, events, types: events.map((event) => event.type) };
}

describe('each caller comes to the end its script says', () => {
  test.each(ENDINGS)('…%s ends as %s with SIP code %s', async (digits, status, sip) => {
    const { sid } = await over(digits);
    const told = await until('the last callback', () =>
      line.callbacks('/status').find((params) => params.CallSid === sid),
    );
    expect(told).toMatchObject({ CallStatus: status, SipResponseCode: sip });
    expect(line.carrier.control.calls().find((call) => call.sid === sid)?.caller).toBe(
      BY_LAST_DIGITS[digits],
    );
  });

  test.each(['01', '02', '03', '05', '13', '14', '16'])(
    '…%s says every line once, in order',
    async (digits) => {
      const { events } = await over(digits);
      const script = callerNamed(BY_LAST_DIGITS[digits] ?? '') as CallerScript;
      expect(
        events.filter((event) => event.type === 'caller-says').map((event) => event.detail.text),
      ).toEqual(linesOf(script).map((entry) => entry.text));
      expect(events.filter((event) => event.type === 'caller-line-lost')).toEqual([]);
    },
  );

  test('the voicemail beeps after its greeting and takes the message', async () => {
    const { sid } = await over('04');
    const tracks = line.carrier.control.tracks(sid);
    expect(tracks?.said.length).toBe(tracks?.heard.length);
    expect(tracks?.said.includes(await toneSpeak('Please leave a message after the tone.'))).toBe(true);
    expect(tracks?.heard.includes(sine(1).subarray(0, FRAME_BYTES))).toBe(true);
  });

  test('the one who talks over the agent makes it clear its buffer', async () => {
    const { types } = await over('11');
    expect(types).toContain('playback-cleared');
  });

  test('the one who hangs up does so while the agent speaks', async () => {
    const { sid, types } = await over('10');
    expect(types.at(-1)).toBeDefined();
    const heard = line.carrier.control.tracks(sid)?.heard ?? Buffer.alloc(0);
    expect(types).toContain('caller-hangs-up');
    expect(heard.length).toBeGreaterThan(0);
  });

  test('the keypad caller presses 9, the silent one says nothing', async () => {
    const { sid, events } = await over('15');
    expect(events.find((event) => event.type === 'digits-pressed')?.detail).toEqual({ digits: '9' });
    const socket = line.sockets.find((one) => one.events('start').length > 0 && one.start().callSid === sid);
    expect(socket?.events('dtmf')).toHaveLength(1);
    const silent = await over('12');
    expect(line.carrier.control.tracks(silent.sid)?.said.every((byte) => byte === 0xff)).toBe(true);
  });
});

describe('the engine', () => {
  const actions = (log: string[]) => ({
    press: (digit: string) => log.push(`press ${digit}`),
    hangUp: () => log.push('hang up'),
    beeped: () => log.push('beeped'),
    note: () => {},
  });
  const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

  test('waits for the end of the agent’s turn, breathes and speaks in whole frames', async () => {
    const log: string[] = [];
    const caller = new Caller(
      person([{ waitForAgent: { quietMs: 500 } }, { say: 'hello there' }]),
      toneSpeak,
      actions(log),
    );
    caller.prepare();
    await settle();
    const speech = sine(1);
    for (let i = 0; i < 50; i += 1) expect(caller.turn(speech)).toBe(SILENT_FRAME);
    let quiet = 0;
    let frame = caller.turn(SILENT_FRAME);
    while (frame === SILENT_FRAME && quiet < 200) {
      quiet += 1;
      frame = caller.turn(SILENT_FRAME);
    }
    expect(quiet * 20).toBeGreaterThanOrEqual(500 + 300);
    expect(quiet * 20).toBeLessThan(500 + 450);
    const expected = await toneSpeak('hello there');
    const said = [frame];
    for (let i = 1; i < expected.length / FRAME_BYTES; i += 1) said.push(caller.turn(SILENT_FRAME));
    expect(Buffer.concat(said).equals(expected)).toBe(true);
    caller.turn(SILENT_FRAME);
    expect(log).toEqual(['hang up']);
  });

  test('begins to talk over the agent after exactly the time given', async () => {
    const caller = new Caller(person([{ bargeInAfterMs: 1200, say: 'wait' }]), toneSpeak, actions([]));
    caller.prepare();
    await settle();
    for (let i = 0; i < 100; i += 1) caller.turn(SILENT_FRAME);
    let frames = 0;
    while (caller.turn(sine(1)) === SILENT_FRAME && frames < 500) frames += 1;
    expect((frames + 1) * 20).toBe(1200);
  });

  test.each([
    ['waits for an agent who never speaks', person([{ waitForAgent: { patienceMs: 2000 } }])],
    ['waits for an agent who never stops', person([{ waitForAgent: { patienceMs: 2000 } }])],
    ['waits to talk over somebody who is silent', person([{ bargeInAfterMs: 500, say: 'wait' }])],
    ['cannot be given a voice', person([{ say: 'lost' }])],
  ])('hangs up in the end even when it %s', async (name, script) => {
    const log: string[] = [];
    const broken = name.startsWith('cannot') ? () => Promise.reject(new Error('no voice')) : toneSpeak;
    const caller = new Caller(script, broken, actions(log));
    caller.prepare();
    await settle();
    const heard = name.includes('never stops') ? sine(1) : SILENT_FRAME;
    for (let i = 0; i < 60 * 50 && log.length === 0; i += 1) caller.turn(heard);
    expect(log).toEqual(['hang up']);
  });
});

describe('the cast', () => {
  test('every name is used once, every table names people who exist, every script can end', () => {
    const names = CALLERS.map((caller) => caller.name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of [...Object.values(BY_LAST_DIGITS), ...ODDS.map(([odd]) => odd)])
      expect(names).toContain(name);
    for (const caller of CALLERS) {
      if (caller.pickup.kind === 'answers') expect(caller.steps.at(-1)).toEqual({ hangUp: true });
    }
  });

  test('the same number is always the same person, and a list of numbers meets all sorts', () => {
    expect(callerFor('+14155550103', 0.99).name).toBe('opt-out');
    const met = new Set(Array.from({ length: 200 }, (_, i) => callerFor('+14155550150', i / 200).name));
    expect(met).toEqual(new Set(ODDS.map(([name]) => name)));
    expect(callerFor('+14155550150', 0.3)).toBe(callerFor('+14155550150', 0.3));
  });

  test('all lines are listed once per voice, for the recogniser', () => {
    const lines = allCallerLines();
    const keys = lines.map((entry) => `${entry.voice} ${entry.text}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const caller of CALLERS) {
      for (const spoken of linesOf(caller)) expect(keys).toContain(`${spoken.voice} ${spoken.text}`);
    }
  });
});

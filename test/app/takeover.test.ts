/** A talk that somebody takes over, frame by frame: the bridge between a leg and a session that do as they are told. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type Bridge, createBridge, OPT_OUT_KEY } from '../../src/app/bridge-call.ts';
import type { AgentSession, AgentSink, Leg, LegSink } from '../../src/app/ports.ts';
import { FRAME_BYTES, SILENCE } from '../../src/domain/audio.ts';
import type { CallEventBody } from '../../src/domain/call.ts';
import { type HandClock, handClock } from '../support/clock.ts';
import { VOICE } from '../support/listener.ts';

const ana = { by: 'u1', name: 'Ana' };
/** 20 ms of the agent, and of the caller. */
const AGENT = Buffer.alloc(FRAME_BYTES, 0x20);
const CALLER = Buffer.alloc(FRAME_BYTES, 0x30);
const POLICY = {
  purpose: 'marketing',
  subject: 'houses',
  machinePolicy: 'hang_up',
  ringTimeoutSec: 30,
  maxCallSec: 1_800,
  carrierRecording: false,
} as const;

let clock: HandClock;
let bridge: Bridge;
let agent: AgentSink;
let phone: LegSink;
let told: CallEventBody[];
let ran: string[];
let opened: { firstMessage?: string; summary: unknown }[];
/** What the session was given: audio as it came, and everything else in words. */
let heardByAgent: Buffer[];
let toAgent: string[];
/** What the carrier was given, and how often it was to forget. */
let played: Buffer[];
let clears: number;
let transferred: string[];

beforeEach(async () => {
  clock = handClock();
  [told, ran, opened, heardByAgent, toAgent, played, transferred] = [[], [], [], [], [], [], []];
  clears = 0;
  bridge = createBridge(
    {
      clock,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      agent: {
        async open(brief, sink) {
          agent = sink;
          opened.push({
            ...(brief.firstMessage === undefined ? {} : { firstMessage: brief.firstMessage }),
            summary: brief.dynamicVariables.recovery_summary,
          });
          const session: AgentSession = {
            conversationId: `conv-${opened.length}`,
            hear: (base64) => void heardByAgent.push(Buffer.from(base64.toString('latin1'), 'base64')),
            inform: (text) => void toAgent.push(`inform: ${text}`),
            tell: (text) => void toAgent.push(`tell: ${text}`),
            keepWaiting: () => void toAgent.push('wait'),
            answerTool: (id, result, isError) => void toAgent.push(`tool ${id}: ${result} ${isError}`),
            close: () => void toAgent.push('close'),
          };
          return session;
        },
        conversation: async () => 'absent',
      },
      telephony: {
        hangUp: async () => undefined,
        sayAndHangUp: async () => undefined,
        transfer: async (_sid: string, to: string) => void transferred.push(to),
      } as never,
      recordings: {
        open: () => ({ write() {}, close: async () => ({ durationSec: 1, lostBytes: 0 }) }),
      } as never,
      tell: (_callId, body) => void told.push(body),
      async runTool(_callId, name) {
        ran.push(name);
        return { result: 'done' };
      },
      summarise: async () => 'They talked about a house.',
      callSid: async () => 'CA1',
    },
    {
      callId: 'c1',
      direction: 'inbound',
      policy: POLICY,
      dynamicVariables: {},
      firstMessage: 'Hello',
      recoveryMessage: 'Sorry, we were cut off.',
      apology: 'Sorry.',
      voicemail: 'Please call.',
      recoverySummary: '',
    },
  );
  bridge.prepare();
  await clock.pass(20);
  const leg: Leg = {
    callSid: 'CA1',
    streamSid: 'MZ1',
    bind: (sink) => {
      phone = sink;
    },
    play: (ulaw) => void played.push(Buffer.from(ulaw)),
    clear() {
      clears += 1;
    },
    counts: { lost: 0, refused: 0, unsent: 0 },
    close() {},
  };
  bridge.attach(leg);
  await clock.pass(20);
});

/** So many seconds in which the caller speaks, and whoever has the floor too, when `voice` names their connection. */
async function talk(seconds: number, voice?: string): Promise<void> {
  for (let frame = 0; frame < seconds * 50; frame += 1) {
    phone.callerAudio(Buffer.from(CALLER.toString('base64'), 'latin1'), clock.steadyMs());
    if (voice !== undefined) bridge.speak(voice, VOICE);
    await clock.pass(20);
  }
}
const frames = (of: Buffer): number =>
  played.reduce((count, ulaw) => {
    for (let at = 0; at < ulaw.length; at += FRAME_BYTES)
      if (ulaw.subarray(at, at + FRAME_BYTES).equals(of)) count += 1;
    return count;
  }, 0);
const forget = (): void => {
  played = [];
  heardByAgent = [];
  toAgent = [];
  told = [];
};
const types = () => told.map(({ type }) => type);

test('what the caller said is told with when they began, short pauses included', async () => {
  const quiet = async (ms: number) => {
    for (let at = 0; at < ms; at += 20) {
      phone.callerAudio(Buffer.from(Buffer.alloc(FRAME_BYTES, SILENCE).toString('base64'), 'latin1'), 0);
      await clock.pass(20);
    }
  };
  const ago = (): unknown => told.find(({ type }) => type === 'said') ?? 'nothing was told';
  // A cough long before the words is not their beginning; a pause within them does not end them.
  await talk(0.2);
  await quiet(2_000);
  await talk(1);
  await quiet(1_000);
  await talk(0.5);
  await quiet(600);
  agent.said('user', 'Yes, I am thinking of it.', 1);
  expect(ago()).toMatchObject({ role: 'user', agoMs: 3_120 });
  forget();
  agent.said('agent', 'Good.', 1);
  expect(ago()).not.toHaveProperty('agoMs');
  // The words told, the next ones begin anew, however soon they come.
  forget();
  await talk(0.4);
  agent.said('user', 'When would that be?', 2);
  expect(ago()).toMatchObject({ agoMs: 420 });
  forget();
  agent.said('user', 'Typed by nobody’s voice.', 3);
  expect(ago()).not.toHaveProperty('agoMs');
});

describe('while somebody speaks in the agent’s place', () => {
  test('the agent is cut off at once, hears silence and is asked to wait; nothing of it is heard', async () => {
    agent.agentAudio(Buffer.concat(Array.from({ length: 100 }, () => AGENT)), 1);
    await talk(0.5);
    forget();
    bridge.takeOver(ana, 'l1');
    expect(clears).toBe(1);
    expect(types()).toEqual(['interrupted', 'taken_over']);
    agent.said('agent', 'And another thing.', 2);
    agent.agentAudio(Buffer.concat(Array.from({ length: 50 }, () => AGENT)), 2);
    await talk(6, 'l1');
    expect(frames(AGENT)).toBe(0);
    expect(frames(VOICE)).toBeGreaterThan(290);
    expect(types()).not.toContain('said');
    expect(heardByAgent.length).toBeGreaterThan(20);
    expect(heardByAgent.every((audio) => audio.every((byte) => byte === SILENCE))).toBe(true);
    expect(toAgent.filter((what) => what === 'wait').length).toBeGreaterThanOrEqual(2);
  });

  test('its tools are not run, and what it takes for an interruption cuts nobody off', async () => {
    bridge.takeOver(ana, 'l1');
    await talk(0.4, 'l1');
    clears = 0;
    agent.interrupted(3);
    agent.corrected(2, 'never heard');
    agent.toolCalled({ toolCallId: 't1', name: 'end_call', parameters: {} });
    await talk(0.2, 'l1');
    expect([clears, ran]).toEqual([0, []]);
    expect(toAgent).toContain('tool t1: A colleague is speaking with the caller now; nothing was done. true');
    expect(types()).not.toContain('corrected');
  });

  test('keys are not told to it, but the one that stops all calls does', async () => {
    bridge.takeOver(ana, 'l1');
    phone.digit('5');
    phone.digit(OPT_OUT_KEY);
    await talk(0.1, 'l1');
    expect(toAgent.filter((what) => what.startsWith('tell'))).toEqual([]);
    expect(ran).toEqual(['record_opt_out']);
  });

  test('a voice that comes faster than it can be played is kept near the present, one that ends is given up', async () => {
    bridge.takeOver(ana, 'l1');
    for (let frame = 0; frame < 500; frame += 1) bridge.speak('l1', VOICE);
    expect(bridge.speak('another', VOICE)).toBe(false);
    await talk(2);
    expect(frames(VOICE)).toBeLessThan(40);
    // And one that does not come any more is not waited for.
    await talk(4);
    expect(told.find(({ type }) => type === 'handed_back')).toMatchObject({ how: 'lost' });
  });

  test('a machine that is detected late ends nothing: somebody is there', async () => {
    bridge.takeOver(ana, 'l1');
    bridge.machine('machine_start', 'CA1');
    await talk(0.5, 'l1');
    expect(types()).not.toContain('hangup_requested');
  });
});

describe('when the agent has the call back', () => {
  test('it is told what happened and made to speak; what it began meanwhile stays unheard', async () => {
    bridge.takeOver(ana, 'l1');
    agent.said('agent', 'What nobody heard.', 4);
    await talk(3, 'l1');
    forget();
    bridge.handBack(ana, 'Friday at ten.');
    expect(toAgent[0]).toMatch(
      /^inform: Ana, a colleague of yours, took over .* for 3 seconds\. .*Friday at ten\./,
    );
    expect(toAgent[1]).toMatch(/^tell: \(Our colleague has handed the call back to you/);
    // The last words of Ana are still on their way to the caller.
    const before = clears;
    agent.interrupted(5);
    expect(clears).toBe(before);
    agent.agentAudio(Buffer.concat(Array.from({ length: 10 }, () => AGENT)), 4);
    agent.said('agent', 'The rest of that.', 4);
    agent.said('agent', 'Thank you for waiting.', 5);
    agent.agentAudio(Buffer.concat(Array.from({ length: 25 }, () => AGENT)), 5);
    await talk(1);
    expect(frames(AGENT)).toBe(25);
    expect(told.filter(({ type }) => type === 'said')).toMatchObject([{ text: 'Thank you for waiting.' }]);
    expect(heardByAgent.some((audio) => audio.equals(CALLER))).toBe(true);
    expect(told.find(({ type }) => type === 'handed_back')).toMatchObject({ how: 'asked', heldMs: 3_000 });
  });

  test('one that was lost meanwhile is opened anew, with what was said before and the note', async () => {
    bridge.takeOver(ana, 'l1');
    agent.agentEnded({ kind: 'finished', closeCode: 1000, meaning: 'its time was over' });
    await talk(1, 'l1');
    expect(types()).not.toContain('hangup_requested');
    bridge.handBack(ana, 'Friday at ten.');
    await talk(0.2);
    expect(opened).toHaveLength(2);
    expect(opened[1]).toMatchObject({
      firstMessage: 'Sorry, we were cut off.',
      summary: expect.stringMatching(/They talked about a house\. Ana, .*Friday at ten\./),
    });
    agent.agentAudio(Buffer.concat(Array.from({ length: 5 }, () => AGENT)), 0);
    await talk(0.5);
    expect(frames(AGENT)).toBe(5);
  });
});

test('a call that is ending takes no deeds any more, and a transfer waits for nobody', async () => {
  agent.agentAudio(Buffer.concat(Array.from({ length: 500 }, () => AGENT)), 1);
  await talk(0.2);
  bridge.transfer('+12125550316', 'Please hold.', 'transferred by Ana');
  await talk(0.1);
  expect(transferred).toEqual(['+12125550316']);
  for (const deed of [
    () => bridge.takeOver(ana, 'l1'),
    () => bridge.whisper(ana, 'x'),
    () => bridge.transfer('+12125550316', '', ''),
  ])
    expect(deed).toThrow(expect.objectContaining({ code: 'call_over' }));
});

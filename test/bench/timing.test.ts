/** In real time, on the wire: how soon the first words leave, how soon the line falls silent for who interrupts. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { machineMs } from '../support/time.ts';
import { type World, world } from '../support/world.ts';

/** A message at the carrier's or the agent's end of a socket; `of`: its stream or conversation, `id`: its event_id. */
interface Seen {
  readonly atMs: number;
  readonly what: (typeof KINDS)[keyof typeof KINDS];
  readonly of: string;
  readonly id: number;
}

/** The sandbox's sockets are those of `ws`; the product has its own. So what passes here is on the other side's wire. */
const seen: Seen[] = [];
const { emit, send } = WebSocket.prototype;
const KINDS = {
  'out "event":"start"': 'start',
  'in "event":"media"': 'media',
  'in "event":"clear"': 'clear',
  'out "type":"audio"': 'audio',
  'out "type":"interruption"': 'interruption',
  'out "type":"ping"': 'ping',
  'in "type":"pong"': 'pong',
} as const;
const names = new WeakMap<WebSocket, string>();

function note(socket: WebSocket, way: 'in' | 'out', data: unknown): void {
  const atMs = machineMs();
  const text = String(data);
  const named = /"(?:conversation_id|streamSid)":"(\w+)"/.exec(text.slice(0, 2_000))?.[1];
  if (named !== undefined && !names.has(socket)) names.set(socket, named);
  for (const [mark, what] of Object.entries(KINDS)) {
    if (!mark.startsWith(way) || !text.includes(mark.slice(way.length + 1))) continue;
    seen.push({
      atMs,
      what,
      of: names.get(socket) ?? '',
      id: Number(/"event_id":(\d+)/.exec(text)?.[1] ?? -1),
    });
    return;
  }
}

let here: World;
beforeAll(async () => {
  WebSocket.prototype.emit = function (this: WebSocket, event: string | symbol, ...args: unknown[]) {
    if (event === 'message') note(this, 'in', args[0]);
    return emit.call(this, event, ...args);
  } as typeof emit;
  WebSocket.prototype.send = function (this: WebSocket, ...args: unknown[]) {
    note(this, 'out', args[0]);
    return Reflect.apply(send, this, args);
  } as typeof send;
  here = await world({ scale: 1, brief: true });
});
afterAll(async () => {
  await here.close();
  WebSocket.prototype.emit = emit;
  WebSocket.prototype.send = send;
});

const person = {
  name: 'listener',
  title: '',
  summary: '',
  voice: 'awb',
  ringMs: 900,
  pickup: { kind: 'answers' },
  detection: { verdict: 'human', latencyMs: 1_800 },
} as const;

const calls: string[] = [];
beforeAll(async () => {
  here.agent.control.set({ staleChunk: true });
  for (let i = 0; i < 5; i += 1) {
    const lead = await here.lead({
      ...person,
      steps: [
        { waitForAgent: { patienceMs: 8_000 } },
        { say: 'Okay, go on.' },
        { bargeInAfterMs: 500, say: 'Hold on, I only have one minute.' },
        { waitForAgentToStart: {} },
        { pauseMs: 300 },
        { hangUp: true },
      ],
    });
    calls.push(await here.place(lead));
    await here.clock.sleep(330);
  }
  for (const callId of calls) await here.event(callId, 'ended');
}, 40_000);

const middle = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.POSITIVE_INFINITY;
const tell = (values: readonly number[]) => values.map((ms) => ms.toFixed(1)).join(', ');

test('audio is on the wire within 60 ms of the stream’s start', () => {
  const starts = seen.filter(({ what }) => what === 'start');
  expect(starts).toHaveLength(calls.length);
  const waits = starts.map(({ of, atMs }) => {
    const first = seen.find((message) => message.what === 'media' && message.of === of);
    return (first?.atMs ?? Number.POSITIVE_INFINITY) - atMs;
  });
  expect(middle(waits), `each: ${tell(waits)} ms`).toBeLessThan(60);
});

test('who interrupts: the carrier is told to clear within 20 ms, and nothing stale comes after it', async () => {
  const waits: number[] = [];
  const floors: number[] = [];
  for (const callId of calls) {
    const { conversationId } = await here.event(callId, 'session_opened');
    const { streamSid } = await here.event(callId, 'stream_opened');
    const wire = seen.filter(({ of }) => of === conversationId || of === streamSid);
    // What a question and its answer take between the two on this machine at this hour, without any work in between.
    for (const ping of wire.filter(({ what }) => what === 'ping')) {
      const pong = wire.find(({ what, id }) => what === 'pong' && id === ping.id);
      if (pong) floors.push(pong.atMs - ping.atMs);
    }
    const cuts = wire.filter(({ what }) => what === 'interruption');
    expect(cuts.length).toBeGreaterThanOrEqual(1);
    for (const cut of cuts) {
      const clear = wire.find(({ what, atMs }) => what === 'clear' && atMs >= cut.atMs);
      if (!clear) throw new Error('the carrier was not told to clear');
      waits.push(clear.atMs - cut.atMs);
      // The agent does send stale audio, and it goes nowhere: the next sound belongs to a newer turn.
      const audio = wire.filter(({ what, atMs }) => what === 'audio' && atMs >= cut.atMs);
      expect(audio[0]?.id).toBeLessThan(cut.id);
      const fresh = audio.find(({ id }) => id >= cut.id)?.atMs ?? Number.POSITIVE_INFINITY;
      const sound = wire.find(({ what, atMs }) => what === 'media' && atMs > clear.atMs);
      expect(sound?.atMs ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(fresh);
    }
  }
  expect(floors.length).toBeGreaterThan(5);
  expect(middle(waits), `clear after ${tell(waits)} ms; a bare answer takes ${tell(floors)} ms`).toBeLessThan(
    20 + middle(floors),
  );
});

/** What the browser does with the sound of a live call, without a browser: decoding, the time axis, the microphone. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDownsampler } from '../../src/dashboard/live/downsample.ts';
import { createLineBuffer } from '../../src/dashboard/live/line-buffer.ts';
import { lookOf } from '../../src/dashboard/live/signs.ts';
import { decoded, encoded } from '../../src/dashboard/live/ulaw.ts';
import { decodeUlaw, encodeUlaw } from '../../src/sandbox/audio.ts';

const message = (lane: number, atMs: number, byte: number, bytes = 320): ArrayBuffer => {
  const made = new Uint8Array(5 + bytes).fill(byte);
  made[0] = lane;
  new DataView(made.buffer).setUint32(1, atMs);
  return made.buffer;
};
const LOUD = encoded(0.5);
const SOFT = encoded(0.25);
const near = (value: number) => expect.closeTo(value, 1);
/** Plays so many ms at the line's own rate, and answers the samples. */
const play = (buffer: ReturnType<typeof createLineBuffer>, ms: number): Float32Array => {
  const out = new Float32Array(ms * 8);
  buffer.play(out, 1);
  return out;
};

test('μ-law is the telephone’s, both ways, for every byte and every sample', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const theirs = decodeUlaw(Buffer.from(bytes));
  for (const byte of bytes) expect(decoded(byte) * 32_768).toBeCloseTo(theirs[byte] ?? 0, 0);
  fc.assert(
    fc.property(fc.integer({ min: -32_767, max: 32_767 }), (sample) => {
      const [byte] = encodeUlaw(Int16Array.of(sample));
      // Both zeros are silence.
      expect(decoded(encoded(sample / 32_767))).toBeCloseTo(decoded(byte ?? 0), 3);
    }),
  );
});

describe('the line as it is played', () => {
  test('voices of one moment are heard in one moment, whenever their packets came', () => {
    const buffer = createLineBuffer();
    // The agent's sound comes before it is heard, the caller's as it is said.
    buffer.take(message(1, 240, SOFT, 800));
    for (let at = 0; at < 400; at += 40) buffer.take(message(0, at, at >= 240 ? LOUD : 0xff));
    // 100 ms behind the first packet's end, then on from there.
    const out = play(buffer, 300);
    const first = out.findIndex((sample) => sample > 0.1);
    expect(out[first]).toBeGreaterThan(0.6);
    expect([...out.slice(first, first + 700)].every((sample) => sample > 0.6)).toBe(true);
    expect(out[first - 4]).toBe(0);
  });

  test('a voice that is switched off is not heard, and how loud each is is told', () => {
    const buffer = createLineBuffer();
    for (let at = 0; at < 400; at += 40) {
      buffer.take(message(0, at, LOUD));
      buffer.take(message(1, at, SOFT));
    }
    buffer.gains[0] = 0;
    const out = new Float32Array(400);
    expect(buffer.play(out, 1)).toEqual([near(0.5), near(0.25), 0]);
    expect(out[200]).toBeCloseTo(0.25, 1);
  });

  test('what was cut off on the line is not heard', () => {
    const buffer = createLineBuffer();
    buffer.take(message(0, 0, 0xff));
    buffer.take(message(1, 40, LOUD, 3_200));
    buffer.cut(200);
    for (let at = 40; at < 360; at += 40) buffer.take(message(0, at, 0xff));
    const out = play(buffer, 300);
    const heard = [...out].filter((sample) => sample > 0.1).length;
    expect(heard / 8).toBeGreaterThan(150);
    expect(heard / 8).toBeLessThan(165);
  });

  test('late packets make it wait, and nothing is played twice', () => {
    const buffer = createLineBuffer();
    buffer.take(message(0, 0, LOUD, 1_600));
    expect([...play(buffer, 300)].filter((sample) => sample > 0.1).length).toBeLessThanOrEqual(1_600);
    expect(Math.max(...play(buffer, 100))).toBe(0);
    buffer.take(message(0, 200, LOUD, 1_600));
    expect(Math.max(...play(buffer, 100))).toBeCloseTo(0.5, 1);
  });

  test('a browser that was asleep goes on near the present', () => {
    const buffer = createLineBuffer();
    for (let at = 0; at < 3_000; at += 40) buffer.take(message(0, at, at >= 2_500 ? LOUD : 0xff));
    expect(Math.max(...play(buffer, 150))).toBeCloseTo(0.5, 1);
  });

  test('nothing that came too late, or was left out, is heard when its place comes round again', () => {
    const buffer = createLineBuffer();
    // Before the first of the caller's sound there is no clock; then the present is far ahead.
    buffer.take(message(1, 0, LOUD, 800));
    buffer.take(message(0, 2_000, 0xff));
    buffer.take(message(1, 1_800, LOUD, 800));
    for (let at = 2_040; at < 12_000; at += 40) {
      buffer.take(message(0, at, 0xff));
      expect(Math.max(...play(buffer, 40)), `at ${at} ms`).toBe(0);
    }
    // A gap that is skipped.
    buffer.take(message(1, 12_100, LOUD, 800));
    buffer.take(message(0, 13_000, 0xff));
    for (let at = 13_040; at < 22_000; at += 40) {
      buffer.take(message(0, at, 0xff));
      expect(Math.max(...play(buffer, 40)), `at ${at} ms`).toBe(0);
    }
  });

  test('a line whose time begins anew is heard from there', () => {
    const buffer = createLineBuffer();
    for (let at = 60_000; at < 60_400; at += 40) buffer.take(message(0, at, 0xff));
    play(buffer, 200);
    for (let at = 0; at < 400; at += 40) buffer.take(message(0, at, LOUD));
    expect(Math.max(...play(buffer, 100))).toBeCloseTo(0.5, 1);
  });

  test('messages that are none are left out', () => {
    const buffer = createLineBuffer();
    for (const bytes of [[], [0], [9, 0, 0, 0, 0, 1, 2], [0, 0, 0, 0, 0]])
      buffer.take(Uint8Array.from(bytes).buffer);
    expect(Math.max(...play(buffer, 40))).toBe(0);
  });
});

describe('the microphone', () => {
  const heard = (hz: number, rate: number): { frames: number; power: number } => {
    let frames = 0;
    let sum = 0;
    const take = createDownsampler(rate, (ulaw) => {
      frames += 1;
      if (frames > 5) for (const byte of ulaw) sum += decoded(byte) ** 2;
    });
    const samples = Float32Array.from(
      { length: rate },
      (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / rate),
    );
    for (let at = 0; at < samples.length; at += 128) take(samples.subarray(at, at + 128));
    return { frames, power: sum / ((frames - 5) * 160) };
  };
  test.each([8_000, 16_000, 44_100, 48_000])('at %i Hz a second is fifty frames of a telephone', (rate) => {
    expect(Math.abs(heard(1_000, rate).frames - 50)).toBeLessThanOrEqual(1);
    expect(heard(1_000, rate).power).toBeCloseTo(0.125, 2);
  });

  test('what a telephone cannot carry does not come back as something else', () => {
    expect(heard(6_500, 48_000).power).toBeLessThan(0.001);
    expect(heard(12_000, 48_000).power).toBeLessThan(0.0001);
  });
});

describe('how a call looks from afar', () => {
  const answeredAt = '2026-11-22T10:00:00.000Z';
  const now = Date.parse(answeredAt) + 60_000;
  const call = (interruptionCount = 0, more = {}) => ({
    answeredAt,
    conversationMetrics: {
      agentTalkTime: 0,
      userTalkTime: 0,
      interruptionCount,
      turnCount: 4,
      avgTurnDuration: 0,
      silenceDuration: 0,
    },
    ...more,
  });
  const calm = { mood: 0.2, objects: false, complains: false };
  test('calm, worth a look, in need of somebody, each with its reasons in words', () => {
    expect(lookOf(call(), calm, now - 1_000, now)).toEqual({ level: 0, tone: 'quiet', why: [] });
    expect(lookOf(call(3), { ...calm, objects: true }, now - 1_000, now)).toEqual({
      level: 1,
      tone: 'warn',
      why: ['objects', '3 interruptions'],
    });
    expect(lookOf(call(), { mood: -0.6, objects: true, complains: true }, now - 30_000, now)).toEqual({
      level: 2,
      tone: 'bad',
      why: ['complains', 'sounds angry', 'silent for 0:30', 'objects'],
    });
  });
  test('silence is none while somebody of the staff speaks, or nobody has answered', () => {
    const takenOver = { by: 'u', name: 'Ana', at: answeredAt };
    expect(lookOf(call(0, { takenOver }), calm, now - 30_000, now).level).toBe(0);
    const { answeredAt: _, ...ringing } = call();
    expect(lookOf(ringing, undefined, undefined, now).level).toBe(0);
  });
});

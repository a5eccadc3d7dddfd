/** Pacing: a short lead, whole frames, nothing stale after a cut, and an honest account of what was heard. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPlayout } from '../../src/app/playout.ts';
import type { Leg } from '../../src/app/ports.ts';

/** A carrier that plays a byte every 1/8 ms and echoes marks when it comes to them. */
function carrier(echo = true) {
  let now = 0;
  const buffer: (number | string)[] = [];
  const heard: number[] = [];
  const log: { at: number; what: string; frames: number }[] = [];
  let deepest = 0;
  const leg: Leg = {
    callSid: 'CA1',
    streamSid: 'MZ1',
    counts: { lost: 0, refused: 0, unsent: 0 },
    bind: () => {},
    play(ulaw, mark) {
      expect(ulaw.length % 160).toBe(0);
      log.push({ at: now, what: 'play', frames: ulaw.length / 160 });
      buffer.push(...ulaw);
      if (mark !== undefined) buffer.push(mark);
      deepest = Math.max(deepest, buffer.filter((item) => typeof item === 'number').length / 8);
    },
    clear() {
      log.push({ at: now, what: 'clear', frames: 0 });
      const names = buffer.filter((item): item is string => typeof item === 'string');
      buffer.length = 0;
      for (const name of names) playout.markEchoed(name, now);
    },
    close: () => {},
  };
  const sent: { bytes: number[]; at: number; turn: number }[] = [];
  const playout = createPlayout({
    played: (ulaw, at, turn) => sent.push({ bytes: [...ulaw], at, turn }),
  });
  const pass = (ms: number): void => {
    for (const end = now + ms; now < end; ) {
      now += 20;
      let room = 160;
      while (buffer.length > 0 && (room > 0 || typeof buffer[0] === 'string')) {
        const item = buffer.shift();
        if (typeof item === 'string') {
          if (echo) playout.markEchoed(item, now);
        } else if (item !== undefined) {
          heard.push(item);
          room -= 1;
        }
      }
      playout.tick(now);
    }
  };
  return {
    leg,
    playout,
    pass,
    heard,
    log,
    sent,
    now: () => now,
    deepest: () => deepest,
    buffered: () => buffer.length,
  };
}

const voice = (length: number, value = 7): Buffer => Buffer.alloc(length, value);

describe('playout', () => {
  test('what was ready before the caller answered leaves at once when the stream opens', () => {
    const line = carrier();
    line.playout.add(voice(8_000), 1, 0);
    expect(line.log).toEqual([]);
    line.playout.attach(line.leg, 0);
    expect(line.log[0]).toMatchObject({ at: 0, what: 'play' });
  });

  test('every byte is played once, in order, whatever the chunks are cut into', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const line = carrier();
        line.playout.attach(line.leg, 0);
        const all: number[] = [];
        for (const size of sizes) {
          const chunk = Buffer.from(Array.from({ length: size }, (_, i) => (all.length + i) % 251));
          all.push(...chunk);
          line.playout.add(chunk, 1, line.now());
        }
        line.pass(all.length / 8 + 400);
        const padded = Math.ceil(all.length / 160) * 160;
        expect(line.heard.length).toBe(padded);
        expect(line.heard.slice(0, all.length)).toEqual(all);
        expect(line.heard.slice(all.length).every((byte) => byte === 0xff)).toBe(true);
        expect(line.playout.silent(line.now())).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('the carrier never holds more than half a second, however fast the agent talks', () => {
    const line = carrier();
    line.playout.attach(line.leg, 0);
    line.playout.add(voice(80_000), 1, 0);
    line.pass(5_000);
    expect(line.deepest()).toBeLessThanOrEqual(420);
    expect(line.heard.length).toBeGreaterThan(4_700 * 8);
  });

  test('frames leave several to a write, not one by one', () => {
    const line = carrier();
    line.playout.attach(line.leg, 0);
    line.playout.add(voice(40_000), 1, 0);
    line.pass(5_000);
    const frames = line.log.reduce((sum, entry) => sum + entry.frames, 0);
    expect(frames / line.log.length).toBeGreaterThan(3);
  });

  test('after a cut nothing of the old turn is sent and the carrier is emptied in the same instant', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3_000 }), (afterMs) => {
        const line = carrier();
        line.playout.attach(line.leg, 0);
        line.playout.add(voice(32_000, 1), 1, 0);
        line.pass(afterMs);
        const before = line.log.length;
        const cut = line.playout.cut(line.now());
        expect(line.log.slice(before).map(({ what }) => what)).toEqual(['clear']);
        line.playout.add(voice(1_600, 2), 2, line.now());
        line.pass(600);
        expect(line.sent.filter(({ turn }) => turn === 2).length).toBeGreaterThan(0);
        expect(
          line.heard.slice(line.heard.lastIndexOf(1) + 1).every((byte) => byte === 2 || byte === 0xff),
        ).toBe(true);
        const heard = line.heard.filter((byte) => byte === 1).length / 8;
        expect(cut?.turn).toBe(1);
        expect(Math.abs((cut?.heardMs ?? -1) - heard)).toBeLessThanOrEqual(40);
      }),
      { numRuns: 40 },
    );
  });

  test('a cut when everything was played long ago interrupts nobody, and still clears', () => {
    const line = carrier();
    line.playout.attach(line.leg, 0);
    line.playout.add(voice(1_600), 1, 0);
    line.pass(1_000);
    expect(line.playout.cut(line.now())).toBeUndefined();
    expect(line.log.at(-1)?.what).toBe('clear');
  });

  test('it is silent only when the carrier echoed the last mark, or long after it should have', () => {
    const mute = carrier(false);
    mute.playout.attach(mute.leg, 0);
    mute.playout.add(voice(1_600), 1, 0);
    mute.pass(1_000);
    expect(mute.playout.silent(mute.now())).toBe(false);
    mute.pass(1_500);
    expect(mute.playout.silent(mute.now())).toBe(true);
  });

  test('more than five minutes ahead is dropped and counted, not kept', () => {
    const line = carrier();
    for (let i = 0; i < 400; i += 1) line.playout.add(voice(8_000), 1, 0);
    expect(line.playout.aheadMs(0)).toBe(300_000);
    expect(line.playout.droppedBytes).toBe(100 * 8_000);
  });
});

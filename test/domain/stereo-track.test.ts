/** Two lanes on one time axis, and only what was heard. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStereoTrack } from '../../src/app/stereo-track.ts';

function recorder(startMs = 1_000) {
  const pieces: Buffer[] = [];
  const track = createStereoTrack(
    {
      write: (piece) => void pieces.push(Buffer.from(piece)),
      close: async () => ({ durationSec: 0, lostBytes: 0 }),
    },
    startMs,
  );
  const lanes = () => {
    const all = Buffer.concat(pieces);
    return {
      caller: all.filter((_, i) => i % 2 === 0),
      agent: all.filter((_, i) => i % 2 === 1),
    };
  };
  return { track, lanes };
}
const frame = (value: number) => Buffer.alloc(160, value);
const where = (lane: Uint8Array, value: number) => ({
  first: lane.indexOf(value) / 8,
  last: (lane.lastIndexOf(value) + 1) / 8,
});

describe('stereo track', () => {
  test('both parties stand where they were heard, to the millisecond', () => {
    const { track, lanes } = recorder();
    for (let i = 0; i < 100; i += 1) {
      const nowMs = 1_000 + (i + 1) * 20;
      track.caller(frame(i >= 10 && i < 20 ? 1 : 0xff), 160, 155 + i * 20, nowMs);
      if (i >= 50 && i < 60) track.agent(frame(2), nowMs + 100);
      track.settle(nowMs);
    }
    track.finish(3_000);
    const { caller, agent } = lanes();
    expect(caller.length / 8).toBe(2_000);
    expect(agent.length).toBe(caller.length);
    expect(where(caller, 1)).toEqual({ first: 200, last: 400 });
    expect(where(agent, 2)).toEqual({ first: 1_120, last: 1_320 });
  });

  test('what was to be said after an interruption is not in the recording', () => {
    const { track, lanes } = recorder(0);
    for (let i = 0; i < 10; i += 1) track.agent(frame(3), i * 20);
    track.cut(90);
    track.agent(frame(4), 150);
    track.finish(400);
    const { agent } = lanes();
    expect(where(agent, 3)).toEqual({ first: 0, last: 90 });
    expect(where(agent, 4)).toEqual({ first: 150, last: 170 });
  });

  test('jitter neither tears nor doubles the caller, and a gap in the stream stays a gap', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 30, maxLength: 30 }),
        fc.integer({ min: 0, max: 29 }),
        (jitter, lostAt) => {
          const { track, lanes } = recorder(0);
          for (let i = 0; i < 30; i += 1) {
            if (i === lostAt || i === lostAt + 5) continue;
            track.caller(frame(i + 1), 160, 150 + i * 20, 20 + i * 20 + (jitter[i] ?? 0));
            if (i % 10 === 9) track.settle(i * 20);
          }
          track.finish(1_000);
          const { caller } = lanes();
          const heard = [...caller].filter((byte) => byte !== 0xff);
          // Every frame that came is there once, whole and in order.
          const expected = Array.from({ length: 30 }, (_, i) => i).filter(
            (i) => i !== lostAt && i !== lostAt + 5,
          );
          expect(heard.length).toBe(expected.length * 160);
          expect([...new Set(heard)]).toEqual(expected.map((i) => i + 1));
        },
      ),
      { numRuns: 100 },
    );
  });

  test('a long silence of the stream is silence of the same length', () => {
    const { track, lanes } = recorder(0);
    track.caller(frame(1), 160, 150, 20);
    track.caller(frame(2), 160, 10_150, 10_020);
    track.finish(10_100);
    const { caller } = lanes();
    expect(where(caller, 2).first - where(caller, 1).first).toBeCloseTo(10_000, 0);
  });
});

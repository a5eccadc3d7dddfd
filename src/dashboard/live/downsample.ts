/**
 * dashboard/live/downsample: a microphone's sound as a telephone carries it: 8 kHz, in frames of 20 ms of μ-law. What a
 * telephone cannot carry is filtered out first, or it would come back as a lisp.
 */
import { encoded } from './ulaw.ts';

const RATE = 8_000;
export const FRAME_SAMPLES = 160;
/** Just under half of what the telephone samples. */
const CUTOFF_HZ = 3_500;
const TAPS = 63;

/** A low-pass filter: a sinc in a Blackman window, sum 1. */
function lowPass(rate: number): Float32Array {
  const middle = (TAPS - 1) / 2;
  const taps = Float32Array.from({ length: TAPS }, (_, i) => {
    const x = i - middle;
    const f = (2 * CUTOFF_HZ) / rate;
    const sinc = x === 0 ? f : Math.sin(Math.PI * f * x) / (Math.PI * x);
    const turn = (2 * Math.PI * i) / (TAPS - 1);
    return sinc * (0.42 - 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn));
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
}

/** Takes sound at `rate`; calls `frame` with every 20 ms and how loud they were, 0..1. */
export function createDownsampler(rate: number, frame: (ulaw: Uint8Array, level: number) => void) {
  const taps = lowPass(rate);
  const past = new Float32Array(TAPS);
  let newest = 0;
  /** Samples that came in since the last that went out, in samples of the telephone. */
  let due = 0;
  let ulaw = new Uint8Array(FRAME_SAMPLES);
  let filled = 0;
  let loudest = 0;

  function filtered(): number {
    let sum = 0;
    for (let i = 0; i < TAPS; i += 1) sum += (taps[i] ?? 0) * (past[(newest + TAPS - i) % TAPS] ?? 0);
    return sum;
  }

  return (samples: Float32Array): void => {
    for (const sample of samples) {
      newest = (newest + 1) % TAPS;
      past[newest] = sample;
      due += RATE / rate;
      if (due < 1) continue;
      due -= 1;
      const value = filtered();
      loudest = Math.max(loudest, Math.abs(value));
      ulaw[filled] = encoded(value);
      filled += 1;
      if (filled < FRAME_SAMPLES) continue;
      frame(ulaw, loudest);
      ulaw = new Uint8Array(FRAME_SAMPLES);
      filled = 0;
      loudest = 0;
    }
  };
}

/**
 * dashboard/live/line-buffer: the voices of a line on one time axis, played a moment behind so that packets may jitter. What was
 * cut off on the line is not heard here either. Times are samples of 8 kHz since the talk began.
 */
import { decoded } from './ulaw.ts';

const RATE = 8_000;
/** What is kept of each voice: four seconds. */
const WINDOW = 32_768;
/** So far behind the newest sound we play, and so far we may fall behind before some is skipped. */
const BEHIND = 0.12 * RATE;
const MOST_BEHIND = 0.4 * RATE;
const LANES = 3;
const CALLER = 0;
const HEAD_BYTES = 5;

export interface LineBuffer {
  /** A binary message of the listen socket; what is no such message is left out. */
  take(message: ArrayBuffer): void;
  /** Nobody but the caller is heard from `atMs` on. */
  cut(atMs: number): void;
  /** How loud each voice is: caller, agent, manager. */
  readonly gains: number[];
  /** Fills `out`, whose samples are `step` of ours apart. Answers the loudest of each voice in it. */
  play(out: Float32Array, step: number): readonly number[];
}

export function createLineBuffer(): LineBuffer {
  const lanes = Array.from({ length: LANES }, () => new Float32Array(WINDOW));
  const ends = new Array<number>(LANES).fill(0);
  const gains = new Array<number>(LANES).fill(1);
  let at: number | undefined;

  const erase = (lane: Float32Array, from: number, to: number): void => {
    for (let sample = Math.max(0, from, to - WINDOW); sample < to; sample += 1) lane[sample % WINDOW] = 0;
  };

  /** What lies before is left out. */
  function goOnAt(sample: number): void {
    for (const lane of lanes) erase(lane, at === undefined ? sample - WINDOW : Math.floor(at), sample);
    at = sample;
  }

  return {
    gains,
    take(message) {
      const view = new DataView(message);
      const of = view.byteLength > HEAD_BYTES ? view.getUint8(0) : LANES;
      const lane = lanes[of];
      if (!lane) return;
      const bytes = new Uint8Array(message, HEAD_BYTES);
      const start = view.getUint32(1) * (RATE / 1_000);
      // The caller's voice comes in order: one that begins anew is another process's.
      if (of === CALLER && at !== undefined && start < at - MOST_BEHIND) {
        for (const each of lanes) each.fill(0);
        at = undefined;
      }
      // What comes too late is not kept: its place will be somebody else's when it comes round again.
      const late = Math.max(0, Math.ceil(at ?? 0) - start);
      for (let i = late; i < bytes.length; i += 1) lane[(start + i) % WINDOW] = decoded(bytes[i] ?? 0xff);
      ends[of] = start + bytes.length;
      // The caller's voice never stops, so it is the clock.
      if (of !== CALLER) return;
      const newest = start + bytes.length;
      if (at === undefined || newest - at > MOST_BEHIND) goOnAt(Math.max(0, newest - BEHIND));
    },
    cut(atMs) {
      const from = Math.max(Math.ceil(at ?? 0), atMs * (RATE / 1_000));
      for (let of = 0; of < LANES; of += 1) {
        const [lane, end = 0] = [lanes[of], ends[of]];
        if (of === CALLER || !lane || end <= from) continue;
        erase(lane, from, end);
        ends[of] = from;
      }
    },
    play(out, step) {
      const loudest = new Array<number>(LANES).fill(0);
      const newest = ends[CALLER] ?? 0;
      for (let i = 0; i < out.length; i += 1) {
        out[i] = 0;
        // Nothing there: wait, and so be a little further behind from now on.
        if (at === undefined || at + 1 >= newest) continue;
        const whole = Math.floor(at);
        const part = at - whole;
        for (let of = 0; of < LANES; of += 1) {
          const lane = lanes[of];
          if (!lane) continue;
          const here = lane[whole % WINDOW] ?? 0;
          const value = here + ((lane[(whole + 1) % WINDOW] ?? 0) - here) * part;
          const size = Math.abs(value);
          if (size > (loudest[of] ?? 0)) loudest[of] = size;
          out[i] = (out[i] ?? 0) + value * (gains[of] ?? 0);
        }
        at += step;
        // What was played is silence when its place comes round again.
        for (let played = whole; played < Math.floor(at); played += 1)
          for (const lane of lanes) lane[played % WINDOW] = 0;
      }
      return loudest;
    },
  };
}

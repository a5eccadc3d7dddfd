/**
 * app/stereo-track: lays both parties on one time axis, caller left and agent right, and hands settled audio to the
 * recording. The agent's lane is written a little ahead of the clock (when it will be played) and taken back when the
 * caller interrupts, so the recording holds what was heard.
 */
import { BYTES_PER_MS, SILENCE } from '../domain/audio.ts';
import type { RecordingSink } from './ports.ts';

/** The window that can still change: lanes are written 0.4 s ahead of the clock at most and settled 0.3 s behind it. */
const WINDOW = 1_024 * BYTES_PER_MS;
const SETTLE_MS = 300;
/** Audio this close to the lane's end continues it: the caller's packets jitter, samples do not; the agent's are ours. */
const SLACK = [80 * BYTES_PER_MS, 5 * BYTES_PER_MS] as const;

export interface StereoTrack {
  /** The caller's audio that has just arrived; `timestampMs` is the carrier's clock, counted from the stream's start. */
  caller(ulaw: Buffer, length: number, timestampMs: number, nowMs: number): void;
  /** The agent's audio that will be played from `playAtMs` on. */
  agent(ulaw: Buffer, playAtMs: number): void;
  /** From now on the agent is silent: what it was going to say was not heard. */
  cut(nowMs: number): void;
  /** Hands settled audio on; to be called every now and then. */
  settle(nowMs: number): void;
  /** Hands everything on up to now. */
  finish(nowMs: number): void;
}

export function createStereoTrack(sink: RecordingSink, startMs: number): StereoTrack {
  /** Interleaved ring: sample s of lane l is ring[(s % WINDOW) * 2 + l]. */
  const ring = Buffer.alloc(WINDOW * 2, SILENCE);
  let settled = 0;
  const ends: [number, number] = [0, 0];
  let carrierZero: number | undefined;

  const sampleAt = (ms: number): number => Math.max(0, Math.round((ms - startMs) * BYTES_PER_MS));

  function lay(lane: 0 | 1, ulaw: Buffer, length: number, at: number): void {
    const end = ends[lane];
    const start = Math.max(settled, Math.abs(at - end) < SLACK[lane] ? end : at);
    const limit = Math.min(length, settled + WINDOW - start);
    // In two runs, before and behind the ring's end, so that the inner loops have nothing to decide.
    const first = Math.min(limit, WINDOW - (start % WINDOW));
    let to = (start % WINDOW) * 2 + lane;
    for (let i = 0; i < first; i += 1, to += 2) ring[to] = ulaw[i] as number;
    to = lane;
    for (let i = Math.max(0, first); i < limit; i += 1, to += 2) ring[to] = ulaw[i] as number;
    ends[lane] = start + Math.max(0, limit);
  }

  function flush(until: number): void {
    while (settled < until) {
      const from = settled % WINDOW;
      const count = Math.min(until - settled, WINDOW - from);
      sink.write(ring.subarray(from * 2, (from + count) * 2));
      ring.fill(SILENCE, from * 2, (from + count) * 2);
      settled += count;
    }
  }

  function settle(nowMs: number): void {
    flush(sampleAt(nowMs - SETTLE_MS));
  }

  /** A lane that jumps ahead (a gap in the stream) moves the window with it. */
  function roomFor(at: number, length: number): void {
    if (at + length > settled + WINDOW) flush(at + length - WINDOW);
  }

  return {
    caller(ulaw, length, timestampMs, nowMs) {
      // What has just arrived was said until now.
      const beganMs = nowMs - length / BYTES_PER_MS;
      carrierZero ??= beganMs - timestampMs;
      // The carrier's clock gives the place; when it and ours disagree by more than a second, the stream was restarted.
      if (Math.abs(carrierZero + timestampMs - beganMs) > 1_000) carrierZero = beganMs - timestampMs;
      const ms = carrierZero + timestampMs;
      const at = sampleAt(ms);
      roomFor(at, length);
      lay(0, ulaw, length, at);
    },
    agent(ulaw, playAtMs) {
      const at = sampleAt(playAtMs);
      roomFor(at, ulaw.length);
      lay(1, ulaw, ulaw.length, at);
    },
    cut(nowMs) {
      const from = Math.max(settled, sampleAt(nowMs));
      for (let sample = from; sample < ends[1]; sample += 1) ring[(sample % WINDOW) * 2 + 1] = SILENCE;
      if (ends[1] > from) ends[1] = from;
    },
    settle,
    finish(nowMs) {
      flush(Math.min(sampleAt(nowMs), settled + WINDOW));
    },
  };
}

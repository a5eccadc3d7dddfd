/**
 * app/listeners: who hears a call while it goes on. Both sides are copied as they pass, gathered for a moment, and handed to
 * every listener as the same bytes; a listener takes them at once or loses them. A call that nobody hears pays for one `if`.
 */
import { BYTES_PER_MS } from '../domain/audio.ts';
import type { Cancel } from './ports.ts';

/** Whose voice it is: the first byte of every message. */
export const LANES = ['caller', 'agent', 'manager'] as const;
const [CALLER, AGENT, MANAGER] = [0, 1, 2];
/** The lane, and when its audio is heard: ms since the talk began, 32 bits, big-endian. */
export const LANE_HEAD_BYTES = 5;
/** More than is ever gathered between two flushes: the agent's audio leaves in bursts of 0.4 s at most. */
const LANE_BYTES = 4_096;
/** The caller's packets jitter, their samples do not: so little between two of them is no gap. */
const SLACK_MS = 80;

/** All of it must return at once, and none of it may throw. */
export interface Listener {
  /** Head and μ-law of one lane, in the order in which it is heard. Lent: valid only during the call. */
  audio(message: Buffer, fromManager: boolean): void;
  /** Whoever speaks for us is not heard from `atMs` on: what was given for later is not on the line. */
  cut(atMs: number): void;
}

export interface Ears {
  /** Whether anybody listens. */
  readonly on: boolean;
  add(listener: Listener): Cancel;
  /** The talk begins: times count from here. */
  begin(nowMs: number): void;
  /** Of the caller, just arrived. */
  caller(ulaw: Buffer, length: number, nowMs: number): void;
  /** Of the agent or the manager, to be heard from `playAtMs` on. */
  ours(ulaw: Buffer, playAtMs: number, fromManager: boolean): void;
  cut(nowMs: number): void;
  /** Hands on what was gathered; to be called every few ticks while `on`. */
  flush(): void;
}

interface Lane {
  readonly message: Buffer;
  bytes: number;
  /** Where it ends, ms since the talk began. */
  endMs: number;
}

export function createEars(): Ears {
  const listeners = new Set<Listener>();
  const lanes: Lane[] = [];
  let startMs = 0;

  function emit(of: number): void {
    const lane = lanes[of];
    if (!lane || lane.bytes === 0) return;
    const message = lane.message.subarray(0, LANE_HEAD_BYTES + lane.bytes);
    message.writeUInt32BE(Math.max(0, Math.round(lane.endMs - lane.bytes / BYTES_PER_MS)), 1);
    lane.bytes = 0;
    for (const listener of listeners) listener.audio(message, of === MANAGER);
  }

  function gather(of: number, ulaw: Buffer, length: number, atMs: number): void {
    const lane = lanes[of];
    if (!lane) return;
    // What does not continue the lane begins anew.
    if (Math.abs(atMs - lane.endMs) >= SLACK_MS) {
      emit(of);
      lane.endMs = atMs;
    }
    for (let from = 0; from < length; ) {
      const take = Math.min(length - from, LANE_BYTES - lane.bytes);
      ulaw.copy(lane.message, LANE_HEAD_BYTES + lane.bytes, from, from + take);
      lane.bytes += take;
      lane.endMs += take / BYTES_PER_MS;
      from += take;
      if (lane.bytes === LANE_BYTES) emit(of);
    }
  }

  function flush(): void {
    for (let of = 0; of < lanes.length; of += 1) emit(of);
  }

  const ears: { on: boolean } & Ears = {
    on: false,
    add(listener) {
      // Memory only for calls that are listened to.
      for (let of = lanes.length; of < LANES.length; of += 1) {
        const message = Buffer.alloc(LANE_HEAD_BYTES + LANE_BYTES);
        message[0] = of;
        lanes.push({ message, bytes: 0, endMs: Number.NEGATIVE_INFINITY });
      }
      listeners.add(listener);
      ears.on = true;
      return () => {
        listeners.delete(listener);
        ears.on = listeners.size > 0;
      };
    },
    begin(nowMs) {
      startMs = nowMs;
    },
    caller(ulaw, length, nowMs) {
      gather(CALLER, ulaw, length, nowMs - startMs - length / BYTES_PER_MS);
    },
    ours(ulaw, playAtMs, fromManager) {
      gather(fromManager ? MANAGER : AGENT, ulaw, ulaw.length, playAtMs - startMs);
    },
    cut(nowMs) {
      flush();
      const atMs = Math.max(0, Math.round(nowMs - startMs));
      for (const of of [AGENT, MANAGER]) {
        const lane = lanes[of];
        if (lane) lane.endMs = Math.min(lane.endMs, nowMs - startMs);
      }
      for (const listener of listeners) listener.cut(atMs);
    },
    flush,
  };
  return ears;
}

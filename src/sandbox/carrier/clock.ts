/**
 * carrier/clock: the carrier's time. One wheel turns every 20 ms for all calls, corrected against drift; timers,
 * sleeps and the wheel can all run faster than the world for tests and demonstrations (`scale`), and all end with
 * `stop()`, so that nothing of a closed carrier stays behind.
 *
 * Waits for the product's answers (connect, read) are not the carrier's time and never run through here.
 */
import { createHash } from 'node:crypto';

/** Carrier ms of one audio frame. */
export const FRAME_MS = 20;

/** Frames the wheel makes up for after the process was held. What is older is skipped: a line does not rewind. */
const CATCH_UP_FRAMES = 100;

/** Frames in one go. Between two goes the sockets get their turn, so that the product can answer what it hears. */
const FRAMES_AT_ONCE = 4;

export type Clock = {
  /** Carrier ms since the start. */
  now(): number;
  /** Runs `action` after so many carrier ms; answers how to cancel it. */
  after(ms: number, action: () => void): () => void;
  /** Resolves after so many carrier ms, true; or as soon as `signal` is aborted or the clock stops, false. */
  sleep(ms: number, signal: AbortSignal): Promise<boolean>;
  /** Calls `tick` once per frame until the answered function is called. */
  everyFrame(tick: () => void): () => void;
  stop(): void;
};

/** `scale`: carrier seconds per real second; 1 is real time. `onError` hears what a tick threw. */
export function createClock(scale: number, onError: (error: unknown) => void): Clock {
  const startedAt = performance.now();
  const ticks = new Set<() => void>();
  const timers = new Map<NodeJS.Timeout, (() => void) | undefined>();
  let stopped = false;
  let wheel: NodeJS.Timeout | undefined;
  let framesDone = 0;

  const now = () => (performance.now() - startedAt) * scale;

  /** Never early: where the world's clock is held back, a timer of the machine is not to be believed. */
  function start(real: number, action: () => void, onStop?: () => void): () => void {
    if (stopped) {
      onStop?.();
      return () => {};
    }
    const due = now() + real * scale;
    let timer: NodeJS.Timeout;
    const arm = (wait: number) => {
      timer = setTimeout(() => {
        timers.delete(timer);
        const left = (due - now()) / scale;
        if (left > 0 && !stopped) arm(left);
        else action();
      }, wait);
      timers.set(timer, onStop);
    };
    arm(real);
    return () => {
      clearTimeout(timer);
      timers.delete(timer);
    };
  }

  function turn(): void {
    const due = Math.floor(now() / FRAME_MS);
    if (due - framesDone > CATCH_UP_FRAMES * Math.max(1, scale)) framesDone = due - 1;
    const until = Math.min(due, framesDone + Math.max(FRAMES_AT_ONCE, Math.ceil(scale / 10)));
    for (; framesDone < until && ticks.size > 0; framesDone += 1) {
      for (const tick of ticks) {
        try {
          tick();
        } catch (error) {
          onError(error);
        }
      }
    }
    wheel = undefined;
    wind();
  }

  function wind(): void {
    if (stopped || wheel !== undefined || ticks.size === 0) return;
    wheel = setTimeout(turn, Math.max(1, ((framesDone + 1) * FRAME_MS - now()) / scale));
  }

  return {
    now,
    after: (ms, action) => start(ms / scale, action),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve(false);
        const stop = () => {
          cancel();
          resolve(false);
        };
        const cancel = start(
          ms / scale,
          () => {
            signal.removeEventListener('abort', stop);
            resolve(true);
          },
          () => resolve(false),
        );
        signal.addEventListener('abort', stop, { once: true });
      }),
    everyFrame: (tick) => {
      if (ticks.size === 0) framesDone = Math.floor(now() / FRAME_MS);
      ticks.add(tick);
      wind();
      return () => {
        ticks.delete(tick);
      };
    },
    stop: () => {
      stopped = true;
      clearTimeout(wheel);
      ticks.clear();
      for (const [timer, onStop] of timers) {
        clearTimeout(timer);
        onStop?.();
      }
      timers.clear();
    },
  };
}

/** A row of numbers in [0, 1) that is always the same for the same seed and labels, and unrelated for others. */
export function chance(seed: number, ...labels: readonly (string | number)[]): () => number {
  let state = createHash('sha256')
    .update(JSON.stringify([seed, ...labels]))
    .digest()
    .readUInt32LE(0);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

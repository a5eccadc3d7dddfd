/**
 * test/support/time: the time of a world that runs faster than ours. All parties of a world live in this process and read
 * `performance.now()` and `Date`, so both are replaced: a calendar that starts at a chosen moment, and a clock that stands
 * still while the machine does not come round to turning its loop. A busy machine makes the world slow, not wrong.
 */
import { setMaxListeners } from 'node:events';
import type { Cancel, Clock, Log } from '../../src/app/ports.ts';

/** The machine's own time, whatever a world does to it. */
export const machineMs: () => number = performance.now.bind(performance);

export interface WorldTime {
  /** World ms for one ms of `performance.now()`. */
  readonly scale: number;
  /** World time since the start. */
  steadyMs(): number;
  /** The calendar, ms since the epoch. */
  nowMs(): number;
  /** Puts the machine's own time back. */
  restore(): void;
}

/** A world's time goes on by small steps; between two of them every socket and timer had its turn. */
const BEAT_MS = 1;
/** The longest step, in world ms: two frames of the line. */
const LONGEST_STEP_MS = 40;

/**
 * Starts a world's time. With `scale` 1 the steady clock is the machine's own, so that what is measured is true; the calendar
 * starts at `startMs` in any case.
 */
export function startTime(scale: number, startMs: number): WorldTime {
  const RealDate = Date;
  const startedMs = machineMs();
  let passed = 0;
  let lastMs = startedMs;
  const beat =
    scale === 1
      ? undefined
      : setInterval(() => {
          const nowMs = machineMs();
          passed += Math.min(nowMs - lastMs, LONGEST_STEP_MS / scale);
          lastMs = nowMs;
        }, BEAT_MS);
  const look = () => (beat === undefined ? machineMs() - startedMs : passed);
  const steadyMs = () => look() * scale;
  const nowMs = () => startMs + Math.floor(steadyMs());
  if (scale !== 1) performance.now = () => startedMs + look();
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args) => Reflect.construct(target, args.length === 0 ? [nowMs()] : args),
    get: (target, key) => (key === 'now' ? nowMs : Reflect.get(target, key)),
  });
  return {
    scale,
    steadyMs,
    nowMs,
    restore() {
      clearInterval(beat);
      globalThis.Date = RealDate;
      performance.now = machineMs;
    },
  };
}

export interface WorldClock extends Clock {
  /** Tasks and wheels still waiting: what a finished call must not leave behind. */
  readonly waiting: number;
  /** No task runs any more, as after the death of a process. */
  stop(): void;
}

const FRAME_MS = 20;
/** Between two goes the sockets get their turn. */
const FRAMES_AT_ONCE = 4;

/** The product's clock in a world's time. */
export function createWorldClock(time: WorldTime, log: Log): WorldClock {
  const timers = new Set<NodeJS.Timeout>();
  const wheel = new Set<(steadyMs: number) => void>();
  let turning: NodeJS.Timeout | undefined;
  let dueMs = 0;
  let stopped = false;

  function start(delayMs: number, task: () => void): Cancel {
    const due = time.steadyMs() + Math.max(0, delayMs);
    let timer: NodeJS.Timeout | undefined;
    const arm = () => {
      timers.delete(timer as NodeJS.Timeout);
      const left = due - time.steadyMs();
      if (stopped) return;
      if (timer !== undefined && left <= 0) return task();
      timer = setTimeout(arm, Math.min(Math.max(0, left) / time.scale, 2 ** 31 - 1));
      timers.add(timer);
    };
    arm();
    return () => {
      clearTimeout(timer);
      timers.delete(timer as NodeJS.Timeout);
    };
  }

  function turn(): void {
    for (let frame = 0; frame < FRAMES_AT_ONCE && dueMs <= time.steadyMs(); frame += 1) {
      for (const task of wheel) {
        try {
          task(dueMs);
        } catch (error) {
          log.error({ err: error }, 'a frame task failed');
        }
      }
      dueMs += FRAME_MS;
    }
    turning = undefined;
    wind();
  }

  function wind(): void {
    if (stopped || wheel.size === 0 || turning !== undefined) return;
    turning = setTimeout(turn, Math.max(0, dueMs - time.steadyMs()) / time.scale);
  }

  return {
    nowMs: time.nowMs,
    steadyMs: time.steadyMs,
    after: start,
    everyFrame(task) {
      const own = (steadyMs: number) => task(steadyMs);
      if (wheel.size === 0) dueMs = time.steadyMs() + FRAME_MS;
      wheel.add(own);
      wind();
      return () => {
        wheel.delete(own);
        if (wheel.size > 0) return;
        clearTimeout(turning);
        turning = undefined;
      };
    },
    sleep: (delayMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => {
          cancel();
          reject(signal?.reason);
        };
        const cancel = start(delayMs, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        if (signal) setMaxListeners(0, signal);
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    get waiting() {
      return timers.size + wheel.size;
    },
    stop() {
      stopped = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      clearTimeout(turning);
      wheel.clear();
    },
  };
}

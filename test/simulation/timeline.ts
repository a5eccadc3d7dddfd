/**
 * test/simulation/timeline: a month that passes as fast as the work in it gets done. Time stands still while anything is in
 * hand, so a busy machine makes the month long and never wrong, and every process in it tells the same time.
 */
import { setMaxListeners } from 'node:events';
import type { Cancel, Clock } from '../../src/app/ports.ts';

interface Task {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Earliest first; of one instant, first told first. */
const before = (a: Task, b: Task): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export interface Timeline {
  nowMs(): number;
  /** Runs `task` at an instant, of whole milliseconds; one that has passed means now. */
  at(instantMs: number, task: () => void): Cancel;
  /** Lets time pass up to `untilMs`. After every instant at which something ran, `settled` says when to go on. */
  pass(untilMs: number, settled: () => Promise<void>): Promise<void>;
  /** Lets time pass until `work` is done, which may need it to. */
  through<T>(work: Promise<T>, settled: () => Promise<void>): Promise<T>;
}

export function createTimeline(startMs: number): Timeline {
  /** A binary heap: hundreds of thousands of timers wait in a month. */
  const heap: Task[] = [];
  let now = startMs;
  let order = 0;

  function push(task: Task): void {
    let at = heap.push(task) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (!above || before(above, task)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = task;
  }

  function shift(): void {
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const [child, smaller] =
        left && right && before(right, left) ? [2 * at + 2, right] : [2 * at + 1, left];
      if (!smaller || before(last, smaller)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = last;
  }

  /** Goes on to the next instant and does what is due there; false when all of it was called off. */
  function step(): boolean {
    let ran = false;
    now = heap[0]?.at ?? now;
    for (let due = heap[0]; due && due.at === now; due = heap[0]) {
      shift();
      ran ||= due.run !== undefined;
      due.run?.();
    }
    return ran;
  }

  return {
    nowMs: () => now,
    at(instantMs, run) {
      order += 1;
      const task: Task = { at: Math.max(now, Math.ceil(instantMs)), order, run };
      push(task);
      return () => {
        task.run = undefined;
      };
    },
    async pass(untilMs, settled) {
      while ((heap[0]?.at ?? Number.POSITIVE_INFINITY) <= untilMs) if (step()) await settled();
      now = Math.max(now, untilMs);
    },
    async through(work, settled) {
      let done = false;
      const end = () => {
        done = true;
      };
      work.then(end, end);
      for (;;) {
        await settled();
        if (done) return await work;
        if (heap.length > 0) step();
        else await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
  };
}

/** A wheel for calls without sound: nothing is heard, so it need not turn fifty times a second. */
const BEAT_MS = 500;

/** The clock of one life of the product on the timeline. `stop`: nothing of it runs any more, as after a kill. */
export function createLifeClock(time: Timeline, startMs: number): Clock & { stop(): void } {
  const waiting = new Set<Cancel>();
  const wheel = new Set<(steadyMs: number) => void>();
  let turning = false;
  let stopped = false;
  const steadyMs = (): number => time.nowMs() - startMs;

  function after(delayMs: number, task: () => void): Cancel {
    if (stopped) return () => {};
    const cancel = time.at(time.nowMs() + Math.max(0, delayMs), () => {
      waiting.delete(forget);
      task();
    });
    const forget = () => {
      waiting.delete(forget);
      cancel();
    };
    waiting.add(forget);
    return forget;
  }

  function turn(): void {
    for (const task of [...wheel]) task(steadyMs());
    turning = wheel.size > 0;
    if (turning) after(BEAT_MS, turn);
  }

  return {
    nowMs: time.nowMs,
    steadyMs,
    after,
    everyFrame(task) {
      const own = (ms: number) => task(ms);
      wheel.add(own);
      if (!turning) {
        turning = true;
        after(BEAT_MS, turn);
      }
      return () => void wheel.delete(own);
    },
    sleep: (delayMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => {
          cancel();
          reject(signal?.reason);
        };
        const cancel = after(delayMs, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        // Every call that is being finished sleeps on the one signal of the shutdown.
        if (signal) setMaxListeners(0, signal);
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    stop() {
      stopped = true;
      wheel.clear();
      for (const cancel of [...waiting]) cancel();
    },
  };
}

/** Chance that comes out the same for the same seed (mulberry32). */
export interface Random {
  /** In [0, 1). */
  next(): number;
  chance(probability: number): boolean;
  /** A whole number in [from, to]. */
  whole(from: number, to: number): number;
  pick<T>(from: readonly T[]): T;
  /** One of the names, as often as its weight says. */
  weigh<N extends string>(weights: Readonly<Record<N, number>>): N;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return {
    next,
    chance: (probability) => next() < probability,
    whole: (from, to) => from + Math.floor(next() * (to - from + 1)),
    pick(from) {
      const index = Math.floor(next() * from.length);
      const found = from[index];
      if (found === undefined && index >= from.length) throw new RangeError('there is nothing to pick from');
      return found as (typeof from)[number];
    },
    weigh(weights) {
      const names = Object.keys(weights) as (keyof typeof weights)[];
      let left = next() * names.reduce((sum, name) => sum + weights[name], 0);
      for (const name of names) {
        left -= weights[name];
        if (left < 0) return name;
      }
      throw new RangeError('there is nothing to weigh');
    },
  };
}

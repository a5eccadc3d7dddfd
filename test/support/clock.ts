/** A clock turned by hand: time passes when the test says so, and everything due happens in its order. */
import type { Clock, Timekeeping } from '../../src/app/ports.ts';

/** A machine that can be believed when it tells the time. */
export const trueTime: Timekeeping = { tzdata: '2026f', clockSkewMs: () => 0 };

export interface HandClock extends Clock {
  /** Lets `ms` pass, frame by frame; everything that falls due runs, and promises settle in between. */
  pass(ms: number): Promise<void>;
  /** Tasks and wheels still waiting: what a finished call must not leave behind. */
  readonly waiting: number;
}

export function handClock(startMs = Date.UTC(2026, 10, 18, 18, 0, 0)): HandClock {
  let now = 0;
  const tasks = new Set<{ at: number; run: () => void }>();
  const frames = new Set<(steadyMs: number) => void>();
  const after = (delayMs: number, run: () => void) => {
    const task = { at: now + delayMs, run };
    tasks.add(task);
    return () => void tasks.delete(task);
  };
  return {
    nowMs: () => startMs + now,
    steadyMs: () => now,
    after,
    everyFrame(task) {
      frames.add(task);
      return () => void frames.delete(task);
    },
    sleep: (delayMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const stop = (): void => {
          cancel();
          reject(signal?.reason);
        };
        const cancel = after(delayMs, () => {
          signal?.removeEventListener('abort', stop);
          resolve();
        });
        signal?.addEventListener('abort', stop);
      }),
    async pass(ms) {
      const end = now + ms;
      while (now < end) {
        const frameAt = Math.floor(now / 20) * 20 + 20;
        const due = [...tasks].sort((a, b) => a.at - b.at)[0];
        now = Math.min(end, frameAt, Math.max(now, due?.at ?? Number.POSITIVE_INFINITY));
        for (const task of [...tasks].sort((a, b) => a.at - b.at)) {
          if (task.at > now || !tasks.delete(task)) continue;
          task.run();
        }
        if (now === frameAt) for (const frame of [...frames]) frame(now);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    get waiting() {
      return tasks.size + frames.size;
    },
  };
}

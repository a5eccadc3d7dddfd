/**
 * test/support/until: waiting for what sockets, timers and other processes bring about. Patience is counted in turns that the
 * test got, not by the clock alone: a busy machine makes a test slow, not wrong.
 */
import { machineMs } from './time.ts';

/** What must happen at all has happened by then, in ms of a machine that has time for us. */
const PATIENCE_MS = 45_000;
/** Between two looks. */
const PAUSE_MS = 5;
/** What lies between two looks counts for no more than this: while the machine was elsewhere, nothing could happen. */
const COUNTED_MS = 4 * PAUSE_MS;

/** Waits until `check` gives something; says what it waited for when it does not come. */
export async function until<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = PATIENCE_MS,
): Promise<T> {
  let lastMs = machineMs();
  for (let waitedMs = 0; ; ) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (waitedMs > withinMs) throw new Error(`waited ${withinMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const nowMs = machineMs();
    waitedMs += Math.min(nowMs - lastMs, COUNTED_MS);
    lastMs = nowMs;
  }
}

/** The same for what explains itself. */
export const untilTrue = async (holds: () => boolean, withinMs?: number): Promise<void> => {
  await until(`${holds}`, holds, withinMs);
};

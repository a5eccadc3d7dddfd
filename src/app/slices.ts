/** app/slices: much small work, a few milliseconds at a time, with a turn of the event loop between: calls run on it. */
import type { Clock } from './ports.ts';

/** As long as others may wait for their turn, ms. */
const SLICE_MS = 4;

/** Waits for a turn of the event loop whenever this slice of work has lasted long enough. */
export function slices(clock: Pick<Clock, 'steadyMs'>): () => Promise<void> {
  let sinceMs = clock.steadyMs();
  return async () => {
    if (clock.steadyMs() - sinceMs < SLICE_MS) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    sinceMs = clock.steadyMs();
  };
}

/** Begins the work of every item, and resolves when all is done. Throws what the first failed one throws. */
export async function allInSlices<T>(
  clock: Pick<Clock, 'steadyMs'>,
  items: readonly T[],
  begin: (item: T) => Promise<unknown>,
): Promise<void> {
  const breathe = slices(clock);
  const begun: Promise<unknown>[] = [];
  for (const item of items) {
    const work = begin(item);
    // Heard below, when all have begun.
    work.catch(() => undefined);
    begun.push(work);
    await breathe();
  }
  await Promise.all(begun);
}

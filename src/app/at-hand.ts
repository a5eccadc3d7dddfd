/**
 * app/at-hand: what a call under way needs of the store, kept as it was last read, so that the call goes on while the store
 * is away or slow. Never for the gate: what decides a dial is read there and then.
 */
import { isFailure } from '../domain/errors.ts';
import type { Clock } from './ports.ts';

/** A caller waits this long for what would merely be good to know. */
const PATIENCE_MS = 1_500;
const MOST_KEPT = 5_000;

/** What `work` brings within a caller's patience; undefined when it takes longer or the store is away. */
export function soon<T>(clock: Clock, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(PATIENCE_MS, () => resolve(undefined));
    work
      .catch((error: unknown) => {
        if (!isFailure(error, 'store_unavailable')) throw error;
        return undefined;
      })
      .then(resolve, reject)
      .finally(cancel);
  });
}

/** Reads by id; what was read before is the answer when reading fails or takes long. Throws what `read` throws. */
export function keepAtHand<T extends object>(
  clock: Clock,
  read: (id: string) => Promise<T | undefined>,
): (id: string) => Promise<T | undefined> {
  const last = new Map<string, T>();

  async function fresh(id: string): Promise<T | undefined> {
    const found = await read(id);
    last.delete(id);
    if (found) last.set(id, found);
    const [oldest] = last.keys();
    if (last.size > MOST_KEPT && oldest !== undefined) last.delete(oldest);
    return found;
  }

  return async (id) => {
    const known = last.get(id);
    const reading = fresh(id);
    return known ? ((await soon(clock, reading)) ?? known) : await reading;
  };
}

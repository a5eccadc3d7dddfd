/**
 * app/credentials: who a secret belongs to, read from the store once in a while and kept in between: a request costs one
 * read at most, what ends here ends at once, and what ends in another process ends here within seconds.
 */
import { soon } from './at-hand.ts';
import type { Clock } from './ports.ts';

/** How long other processes may take to be heard. */
const FRESH_MS = 2_000;
/** While the store is away nobody can end anything there either; after this long nobody is believed any more. */
const AWAY_MS = 3_600_000;
const MOST_KEPT = 5_000;

export interface Credentials<T extends object> {
  /** Undefined: nobody's. Throws Failure `store_unavailable` when the store is away and nothing is known. */
  read(hash: string): Promise<T | undefined>;
  /** Once in `everyMs` for each: that it was used is worth writing down so often. */
  isDue(hash: string, everyMs: number): boolean;
  /** These are good no more, from now on and whatever is being read at this moment. */
  forget(which: (known: T) => boolean): void;
}

export function keepCredentials<T extends object>(
  clock: Clock,
  find: (hash: string) => Promise<T | undefined>,
): Credentials<T> {
  const kept = new Map<string, { readonly known: T; readonly atMs: number }>();
  const used = new Map<string, number>();
  let changes = 0;

  async function fresh(hash: string): Promise<{ readonly found: T | undefined }> {
    for (;;) {
      const before = changes;
      const atMs = clock.steadyMs();
      const found = await find(hash);
      // Something ended while this was on its way; it may have been this.
      if (changes !== before) continue;
      kept.delete(hash);
      if (found) kept.set(hash, { known: found, atMs });
      const [oldest] = kept.keys();
      if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
      return { found };
    }
  }

  return {
    async read(hash) {
      const last = kept.get(hash);
      const ageMs = last ? clock.steadyMs() - last.atMs : Number.POSITIVE_INFINITY;
      if (last && ageMs < FRESH_MS) return last.known;
      if (!last || ageMs > AWAY_MS) return (await fresh(hash)).found;
      const answer = await soon(clock, fresh(hash));
      // Forgotten meanwhile is no longer known.
      return answer ? answer.found : kept.get(hash)?.known;
    },
    isDue(hash, everyMs) {
      const nowMs = clock.steadyMs();
      if (nowMs - (used.get(hash) ?? Number.NEGATIVE_INFINITY) < everyMs) return false;
      used.delete(hash);
      used.set(hash, nowMs);
      const [oldest] = used.keys();
      if (used.size > MOST_KEPT && oldest !== undefined) used.delete(oldest);
      return true;
    },
    forget(which) {
      changes += 1;
      for (const [hash, { known }] of kept) if (which(known)) kept.delete(hash);
    },
  };
}

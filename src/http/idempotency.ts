/**
 * http/idempotency: a repeated creation with the same Idempotency-Key gets the first answer again instead of a second
 * thing. Kept in memory for 24 hours, bounded; a repeat that comes while the first still runs waits for it.
 */
import type { Clock } from '../app/ports.ts';
import { fingerprint } from '../domain/canonical.ts';
import { Failure } from '../domain/errors.ts';

const KEEP_MS = 24 * 3_600_000;
const BOUND = 10_000;

interface Kept<T> {
  readonly bodyHash: string;
  readonly until: number;
  readonly answer: Promise<T>;
}

export interface IdempotentOnce<T> {
  /** Runs `create` unless the same key did. Throws `idempotency_conflict` when the key came with another body. */
  run(scope: readonly string[], body: unknown, create: () => Promise<T>): Promise<T>;
}

export function createIdempotentOnce<T>(clock: Clock): IdempotentOnce<T> {
  const kept = new Map<string, Kept<T>>();
  return {
    async run(scope, body, create) {
      const key = JSON.stringify(scope);
      const bodyHash = fingerprint(body);
      const nowMs = clock.nowMs();
      const known = kept.get(key);
      if (known && known.until > nowMs) {
        if (known.bodyHash !== bodyHash) {
          throw new Failure('idempotency_conflict', 'This Idempotency-Key came with another body before.');
        }
        return known.answer;
      }
      const answer = create();
      kept.delete(key);
      kept.set(key, { bodyHash, until: nowMs + KEEP_MS, answer });
      for (const [oldest, entry] of kept) {
        if (kept.size <= BOUND && entry.until > nowMs) break;
        kept.delete(oldest);
      }
      try {
        return await answer;
      } catch (error) {
        // Nothing was made: the same key may try again.
        if (kept.get(key)?.answer === answer) kept.delete(key);
        throw error;
      }
    },
  };
}

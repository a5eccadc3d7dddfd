/**
 * app/house-limits: how fast the house calls and how many lines it uses, over all processes that work on one store. Alone, a
 * process knows both by itself. With others, every dial takes its place in the pace by an atomic write, and every attempt
 * counts those of all others once it is reserved: of two that are reserved at once, each sees the other.
 */
import { Failure, isFailure } from '../domain/errors.ts';
import { FIRST_FENCE } from './claims.ts';
import type { Clock, Store } from './ports.ts';

export interface HouseLimitsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly callsPerSecond: number;
  readonly maxConcurrentCalls: number;
  /** The share of them that is kept for inbound calls, 0 to 0.95. */
  readonly inboundReserve: number;
}

const PACE = 'house-pace';
/** Whose place in the pace others keep taking asks for another so often. */
const MOST_TRIES = 100;
/** Longer than any call rings and talks: an attempt that a fault left open does not keep a line for ever. */
const LONGEST_MS = 5 * 3_600_000;

export type HouseLimits = ReturnType<typeof createHouseLimits>;

export function createHouseLimits(deps: HouseLimitsDeps) {
  const { store, clock, callsPerSecond } = deps;
  const claims = store.collection('claims');
  const isShared = store.home !== undefined;
  const gapMs = 1_000 / callsPerSecond;
  const room = Math.max(1, Math.floor(deps.maxConcurrentCalls * (1 - deps.inboundReserve)));
  let nextMs = 0;
  let last: Promise<unknown> = Promise.resolve();

  /** Takes the next place; answers when that is, ms since the epoch. */
  async function takePlace(): Promise<number> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const known = await claims.get(PACE);
      const nowMs = clock.nowMs();
      const atMs = Math.max(nowMs, known?.until.getTime() ?? 0);
      const until = new Date(Math.ceil(atMs + gapMs));
      const updatedAt = new Date(nowMs);
      try {
        if (!known)
          await claims.insert({ _id: PACE, fence: FIRST_FENCE, until, createdAt: updatedAt, updatedAt });
        else if (
          !(await claims.update(
            { _id: PACE, fence: known.fence },
            { $set: { until, updatedAt }, $inc: { fence: 1 } },
          ))
        )
          continue;
      } catch (error) {
        if (isFailure(error, 'duplicate_key')) continue;
        throw error;
      }
      nextMs = until.getTime();
      return atMs;
    }
    throw new Failure('store_unavailable', 'too many processes begin calls at once');
  }

  return {
    /**
     * Takes the next moment at which the carrier's calls per second allow a dial; answers how long it is until then, ms. Throws
     * what the store throws: then nobody may dial.
     */
    async slot(): Promise<number> {
      if (!isShared || gapMs === 0) {
        const nowMs = clock.nowMs();
        const atMs = Math.max(nowMs, nextMs);
        nextMs = atMs + gapMs;
        return atMs - nowMs;
      }
      const place = last.then(takePlace);
      last = place.catch(() => undefined);
      const atMs = await place;
      return Math.max(0, atMs - clock.nowMs());
    },
    /** From when on a dial need not wait, as far as this process knows, ms since the epoch. */
    slotMs: (): number => nextMs,
    /**
     * Whether more calls than there are lines for are open over all processes, this attempt, which is reserved, among them.
     * Throws what the store throws.
     */
    async isOverfull(): Promise<boolean> {
      if (!isShared) return false;
      const open = await store.collection('attempts').count({
        state: { $in: ['reserved', 'dialed'] },
        reservedAt: { $gt: new Date(clock.nowMs() - LONGEST_MS) },
      });
      return open > room;
    },
  };
}

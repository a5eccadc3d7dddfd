/**
 * app/claims: work that one process at a time may do, among several on one store. Who takes a claim has it until its lease
 * ends; who wants it longer renews it in time; of a process that died, another takes it when the lease has run out.
 *
 * Time is each process's own clock. A holder stops at the end of its lease by its clock; another takes the claim
 * MOST_SKEW_MS after that end by its own. So two never hold one claim while their clocks differ by less than that. Clocks
 * that differ by more, or a process that goes on after its lease without looking, can make two at work: what they must not
 * both do passes the fence, the number of the taking, which the later one has higher.
 */
import type { StoredClaim } from '../domain/documents.ts';
import { isFailure } from '../domain/errors.ts';
import type { Clock, Store } from './ports.ts';

export interface Claim {
  readonly key: string;
  /** Grows by one at every taking of this key. */
  readonly fence: number;
  /** The end of the lease by this process's clock, ms since the epoch; from then on the claim is not held. */
  readonly untilMs: number;
}

/** The clocks of processes on one store may differ by so much: far more than any that are set by the network do. */
export const MOST_SKEW_MS = 2_000;
/** The fence of who took a key that nobody had before. */
export const FIRST_FENCE = 1;
const MOST_LAPSED = 1_000;

export interface Claims {
  /** Undefined: another has it. Throws Failure `store_unavailable`; then it may be taken, for nobody, until its lease ends. */
  take(key: string, leaseMs: number): Promise<Claim | undefined>;
  /**
   * Holds the claim for `leaseMs` from now, even when its lease had run out, as long as nobody took it since. Undefined: it
   * was taken, or released.
   */
  renew(claim: Pick<Claim, 'key' | 'fence'>, leaseMs: number): Promise<Claim | undefined>;
  /** Lets another take it at once. The work must have stopped. */
  release(claim: Claim): Promise<void>;
  /** Releases it and forgets its key, which is never to be used again. */
  retire(claim: Claim): Promise<void>;
  /** Keys that begin with `prefix` and can be taken. */
  lapsed(prefix: string): Promise<string[]>;
}

export function createClaims({ store, clock }: { store: Store; clock: Clock }): Claims {
  const stored = store.collection('claims');
  const RELEASED = new Date(0);

  const claimOf = ({ _id, fence, until }: StoredClaim): Claim => ({
    key: _id,
    fence,
    untilMs: until.getTime(),
  });
  const runOut = (nowMs: number) => ({ until: { $lte: new Date(nowMs - MOST_SKEW_MS) } });

  return {
    async take(key, leaseMs) {
      // The lease is counted from before the question: however long the answer takes, it is never held longer than asked for.
      const nowMs = clock.nowMs();
      const updatedAt = new Date(nowMs);
      const until = new Date(nowMs + leaseMs);
      const taken = await stored.update(
        { _id: key, ...runOut(nowMs) },
        { $set: { until, updatedAt }, $inc: { fence: 1 } },
      );
      if (taken) return claimOf(taken);
      const first: StoredClaim = { _id: key, fence: FIRST_FENCE, until, createdAt: updatedAt, updatedAt };
      try {
        await stored.insert(first);
        return claimOf(first);
      } catch (error) {
        if (isFailure(error, 'duplicate_key')) return undefined;
        throw error;
      }
    },
    async renew({ key, fence }, leaseMs) {
      const nowMs = clock.nowMs();
      const renewed = await stored.update(
        { _id: key, fence, until: { $gt: RELEASED } },
        { $set: { until: new Date(nowMs + leaseMs), updatedAt: new Date(nowMs) } },
      );
      return renewed && claimOf(renewed);
    },
    async release({ key, fence }) {
      await stored.update(
        { _id: key, fence },
        { $set: { until: RELEASED, updatedAt: new Date(clock.nowMs()) } },
      );
    },
    async retire({ key, fence }) {
      await stored.remove({ _id: key, fence });
    },
    async lapsed(prefix) {
      const found = await stored.find({
        filter: { _id: { $gte: prefix, $lt: `${prefix}\uffff` }, ...runOut(clock.nowMs()) },
        limit: MOST_LAPSED,
      });
      return found.map(({ _id }) => _id);
    },
  };
}

/**
 * app/lives: whose calls are whose, where several processes work on one store. Each run of a process is a life; it stands on
 * every call that begins in it, and says by a claim that it goes on. Calls of a life that ended without finishing them are
 * taken up by one other: by the next life in the same home at once, else by whoever first sees that its lease has run out.
 *
 * A home is a directory that one living process at a time has, so that its earlier lives are known to be over. A life that
 * only seemed to be over (its machine slept, the store could not be reached for long) finds its claim taken and goes on as a
 * new one. What it was about to dial was ended by who took its calls up, and its permits have expired: they live shorter
 * than a lease.
 */
import { isFailure } from '../domain/errors.ts';
import { type Claim, type Claims, FIRST_FENCE } from './claims.ts';
import type { Cancel, Clock, Ids, Log, Store } from './ports.ts';

const LEASE_MS = 30_000;
/** How often the lease is renewed and others are looked after: two renewals may fail. */
const BEAT_MS = 10_000;
const PREFIX = 'life:';

/** What stands on a call or an attempt that begins in a life. */
export const underLife = (life: string | undefined): { readonly carriedBy?: string } =>
  life === undefined ? {} : { carriedBy: life };

export interface LivesDeps {
  readonly store: Store;
  readonly claims: Claims;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** The lives that left something open; undefined for what belongs to none. */
  readonly left: () => Promise<ReadonlySet<string | undefined>>;
  /** Takes up the calls of a life; answers the ids of those to be finished. */
  readonly takeUp: (life: string | undefined) => Promise<readonly string[]>;
  /** Whether a call is being finished here. */
  readonly isFinishing: (callId: string) => boolean;
}

/** A life that is over, and its calls that are being finished here. */
interface Estate {
  claim: Claim;
  readonly takenMs: number;
  calls: readonly string[] | undefined;
}

export function createLives(deps: LivesDeps) {
  const { store, claims, clock, ids, log } = deps;
  const { home } = store;
  const estates = new Map<string, Estate>();
  let own = home === undefined ? undefined : `${home}:${ids.objectId()}`;
  let held: Claim | undefined;
  let living: Promise<void> | undefined;
  /** Lives of other homes that left something open when this one began; they may go on. */
  const strangers = new Set<string>();
  /** Since when every beat succeeded. */
  let sinceMs: number | undefined;
  let cancel: Cancel = () => {};
  let isLooking = false;
  let stopped = false;

  const isOurs = (life: string): boolean => home !== undefined && life.startsWith(`${home}:`);

  /** Says that this life goes on; when another took it for over, a new one begins. */
  function live(): Promise<void> {
    living ??= sayLiving().finally(() => {
      living = undefined;
    });
    return living;
  }

  async function sayLiving(): Promise<void> {
    if (own === undefined) return;
    held = await hold(own, held?.fence ?? FIRST_FENCE);
    if (held) return;
    log.error({ life: own }, 'this process was silent for too long and its calls were taken up by another');
    own = `${home}:${ids.objectId()}`;
    held = await hold(own, FIRST_FENCE);
  }

  /** Goes on with a claim, or takes it. */
  const hold = async (life: string, fence: number): Promise<Claim | undefined> => {
    const key = PREFIX + life;
    return (await claims.renew({ key, fence }, LEASE_MS)) ?? (await claims.take(key, LEASE_MS));
  };

  /** Takes up the calls of a life that is over, unless it is not, or another does. Answers how many. */
  async function takeOver(life: string): Promise<number> {
    if (life === own || estates.has(life)) return 0;
    const claim = await (isOurs(life) ? hold(life, FIRST_FENCE) : claims.take(PREFIX + life, LEASE_MS));
    if (!claim) return 0;
    const estate: Estate = { claim, takenMs: clock.steadyMs(), calls: undefined };
    estates.set(life, estate);
    try {
      estate.calls = await deps.takeUp(life);
    } catch (error) {
      // When its lease has run out it is taken up from the beginning.
      estates.delete(life);
      throw error;
    }
    if (estate.calls.length > 0)
      log.warn({ life, calls: estate.calls.length }, 'took up calls of a process that is gone');
    return estate.calls.length;
  }

  async function keepEstates(): Promise<void> {
    for (const [life, estate] of estates) {
      if (isFinished(estate)) {
        // What that life had sent before it ended may have arrived behind the first look.
        estate.calls = await deps.takeUp(life);
        if (estate.calls.length === 0) {
          await claims.retire(estate.claim);
          estates.delete(life);
          continue;
        }
      }
      const claim = await claims.renew(estate.claim, LEASE_MS);
      if (claim) estate.claim = claim;
      else estates.delete(life);
    }
  }

  const isFinished = ({ calls, takenMs }: Estate): boolean =>
    clock.steadyMs() - takenMs >= LEASE_MS && (calls?.every((callId) => !deps.isFinishing(callId)) ?? false);

  async function look(): Promise<void> {
    const lapsed = (await claims.lapsed(PREFIX)).map((key) => key.slice(PREFIX.length));
    const suspects = [...lapsed, ...strangers];
    strangers.clear();
    for (const life of suspects) await takeOver(life);
  }

  async function beat(): Promise<void> {
    try {
      await live();
      await keepEstates();
    } catch (error) {
      sinceMs = undefined;
      return complain(error);
    }
    sinceMs ??= clock.steadyMs();
    // Behind an outage every lease has run out: those who live have had the time to say so.
    if (clock.steadyMs() - sinceMs < LEASE_MS) return;
    // Taking up may last longer than a lease, which is renewed meanwhile.
    if (isLooking) return;
    isLooking = true;
    void look()
      .catch(complain)
      .finally(() => {
        isLooking = false;
      });
  }

  function beatLater(): void {
    cancel = clock.after(BEAT_MS, () => {
      void beat().finally(() => {
        if (!stopped) beatLater();
      });
    });
  }

  const complain = (error: unknown): void => {
    // An outage is told of where it is noticed.
    if (!isFailure(error, 'store_unavailable'))
      log.error({ err: error }, 'the lives of processes could not be looked after');
  };

  return {
    /** Stands on every call that begins now; undefined where this process is the only one. */
    get own(): string | undefined {
      return own;
    },
    /**
     * Resolves when others know that this process lives; while they do not, they may take up what it begins. Throws what the
     * store throws.
     */
    async beKnown(): Promise<void> {
      if (own === undefined || (held && clock.nowMs() < held.untilMs)) return;
      await live();
    },
    /**
     * Takes up what is open and belongs to no living process, and goes on doing so; answers how many calls. Throws Failure
     * `store_unavailable`; then nothing is lost and it is to be called again.
     */
    async begin(): Promise<number> {
      await live();
      let calls = 0;
      for (const life of await deps.left()) {
        if (life === undefined || own === undefined) calls += (await deps.takeUp(life)).length;
        else if (isOurs(life)) calls += await takeOver(life);
        else strangers.add(life);
      }
      cancel();
      if (own !== undefined && !stopped) beatLater();
      return calls;
    },
    /** Lets others take up at once what is left. Throws what the store throws. */
    async stop(): Promise<void> {
      stopped = true;
      cancel();
      const all = [...estates.values()].map(({ claim }) => claim);
      estates.clear();
      for (const claim of held ? [held, ...all] : all) await claims.release(claim);
      held = undefined;
    },
  };
}

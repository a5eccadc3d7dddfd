/**
 * test/simulation/life: the product's process as something that can be killed at any moment, at the very write it was about
 * to make or had just made. What a dead process was waiting for never comes back to it.
 */
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { type App, buildApp } from '../../src/app/index.ts';
import type { Clock, Ids, Log, Store, Telephony, VoiceAgent } from '../../src/app/ports.ts';
import { PROMPTS, type Prompts } from '../../src/app/prompts.ts';
import { trueTime } from '../support/clock.ts';
import { messagesHouse, noMessenger } from '../support/messages.ts';
import { createLifeClock, type Random, type Timeline } from './timeline.ts';

export const SELLER = 'Parley Home Buyers';
const OURS = '+12125550100';

/** Everything of the world that is in hand right now; time stands still until it is nothing. */
export interface Hands {
  busy<T>(work: Promise<T>): Promise<T>;
  empty(): Promise<void>;
}

const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createHands(): Hands {
  let held = 0;
  return {
    async busy(work) {
      held += 1;
      try {
        return await work;
      } finally {
        held -= 1;
      }
    },
    async empty() {
      // What was answered just now asks for the next thing before the loop has turned twice. The loop is kept turning, for
      // to sleep and be woken takes longer than most of what is waited for.
      for (let quiet = 0; quiet < 2; ) {
        await immediate();
        quiet = held > 0 ? 0 : quiet + 1;
      }
    },
  };
}

const never = (): Promise<never> => new Promise(() => {});

export interface Life {
  readonly app: App;
  readonly clock: Clock;
  /** The store itself, for those who look from outside. */
  readonly store: Store;
  readonly dead: boolean;
  /** Resolves at its death. */
  readonly death: Promise<void>;
  /** It dies at the nth touch of the store from now. */
  lightFuse(touches: number): void;
  /** While it is calm the disk does not stall, and no fuse burns that was not lit since. */
  calm(on: boolean): void;
  die(): void;
  /** Lets the files go, after death or at the end. */
  close(): Promise<void>;
}

export interface LifeOptions {
  readonly dir: string;
  readonly time: Timeline;
  readonly random: Random;
  readonly hands: Hands;
  readonly ids: Ids;
  readonly log: Log;
  readonly callsPerSecond: number;
  readonly telephony: (life: {
    readonly clock: Clock;
    readonly dead: () => boolean;
    die(): void;
  }) => Telephony;
  readonly agent: VoiceAgent;
  /** Chance that an operation of the store starts a little late, so that others overtake it. */
  readonly late: number;
  /** Chance that it takes seconds, as on a disk that stalls. */
  readonly stalls: number;
}

const LONGEST_STALL_MS = 4_000;
const PROMPT = 'This is the AI assistant of {{seller_name}}.';
const prompts = Object.fromEntries(PROMPTS.map((name) => [name, PROMPT])) as Prompts;

export async function beginLife(options: LifeOptions): Promise<Life> {
  const { time, random, hands, log } = options;
  const store = await openLocalStore({ dir: options.dir, log });
  const clock = createLifeClock(time, time.nowMs());
  let dead = false;
  let { stalls } = options;
  let fuse = Number.POSITIVE_INFINITY;
  let bury: () => void = () => {};
  const death = new Promise<void>((resolve) => {
    bury = resolve;
  });

  function die(): void {
    if (dead) return;
    dead = true;
    clock.stop();
    bury();
  }

  async function touch(operation: () => Promise<unknown>): Promise<unknown> {
    for (let beats = random.chance(options.late) ? random.whole(1, 4) : 0; beats > 0; beats -= 1)
      await immediate();
    return await operation();
  }

  /** A door of the store that closes at death, with whoever is inside. */
  function mortal<T extends object>(target: T): T {
    const inner = new Map<unknown, object>();
    return new Proxy(target, {
      get(of, key) {
        const value: unknown = Reflect.get(of, key);
        if (typeof value === 'object' && value !== null) return mortal(value);
        if (typeof value !== 'function') return value;
        if (key === 'collection')
          return (name: unknown) => {
            const known = inner.get(name) ?? mortal(value.call(of, name) as object);
            inner.set(name, known);
            return known;
          };
        return (...args: unknown[]) => {
          if (dead) return never();
          fuse -= 1;
          if (fuse <= 0) {
            die();
            // Killed before the write, or after it and before its answer.
            if (random.chance(0.5)) void hands.busy(Promise.resolve(value.apply(of, args)).catch(() => {}));
            return never();
          }
          const operation = () => hands.busy(touch(() => value.apply(of, args) as Promise<unknown>));
          const begun = random.chance(stalls)
            ? clock.sleep(random.whole(100, LONGEST_STALL_MS)).then(operation)
            : operation();
          return begun.then(
            (answer) => (dead ? never() : answer),
            (error: unknown) => (dead ? never() : Promise.reject(error)),
          );
        };
      },
    });
  }

  const app = buildApp(
    {
      store: mortal<Store>(store),
      telephony: options.telephony({ clock, dead: () => dead, die }),
      messenger: noMessenger,
      agent: options.agent,
      recordings: {
        open: () => ({ write: () => {}, close: async () => ({ durationSec: 0, lostBytes: 0 }) }),
        find: async () => undefined,
        remove: async () => false,
      },
      timekeeping: trueTime,
      clock,
      ids: options.ids,
      log,
    },
    {
      sellerName: SELLER,
      fromNumbers: [OURS],
      maxConcurrentCalls: 1_000_000,
      callsPerSecond: options.callsPerSecond,
      inboundReserve: 0,
      prompts,
      messages: messagesHouse(SELLER),
      agents: { voiceAgentId: 'agent', knowledge: [] },
    },
  );
  return {
    app,
    clock,
    store,
    death,
    get dead() {
      return dead;
    },
    lightFuse(touches) {
      fuse = touches;
    },
    calm(on) {
      fuse = Number.POSITIVE_INFINITY;
      stalls = on ? 0 : options.stalls;
    },
    die,
    close: () => store.close(),
  };
}

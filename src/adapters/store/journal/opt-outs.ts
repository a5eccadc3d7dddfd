/**
 * adapters/store/journal/opt-outs: opt-outs that the store could not take. Each lies in the journal until it is fulfilled,
 * which is noted there too; until then nobody is dialled (see `Outage.state`).
 */
import { randomUUID } from 'node:crypto';
import type { Clock, KeptOptOut, Log } from '../../../app/ports.ts';
import { isFailure } from '../../../domain/errors.ts';
import type { Kept } from './deliver.ts';
import type { Entry } from './segments.ts';
import type { Mark } from './sender.ts';

const RETRY_MS = { least: 250, most: 15_000 } as const;
/** What fails for another reason than the store's being away is tried so often. */
const MOST_FAULTS = 5;

export interface KeptOptOutsDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Puts something into the journal. */
  readonly write: (kept: Kept) => Promise<Entry>;
  readonly setAside: (entry: Entry, error: unknown) => Promise<void>;
  readonly isAway: () => boolean;
  readonly changed: () => void;
}

export interface KeptOptOuts {
  readonly size: number;
  /** The oldest that is not fulfilled. */
  readonly oldest: Mark | undefined;
  /** One found in the journal, or noted there as fulfilled. */
  found(id: string, optOut: KeptOptOut, entry: Entry): void;
  foundFulfilled(id: string): void;
  keep(optOut: KeptOptOut): Promise<void>;
  fulfil(by: (optOut: KeptOptOut) => Promise<void>): void;
  /** Goes to work, when there is any and the store is there. */
  work(): void;
}

export function createKeptOptOuts(deps: KeptOptOutsDeps): KeptOptOuts {
  const { clock, log } = deps;
  const owed = new Map<string, { readonly optOut: KeptOptOut; readonly entry: Entry; faults: number }>();
  let by: ((optOut: KeptOptOut) => Promise<void>) | undefined;
  let working = false;

  /** Tries each once; answers whether any is left. */
  async function round(fulfil: (optOut: KeptOptOut) => Promise<void>): Promise<boolean> {
    for (const [id, each] of owed) {
      if (deps.isAway()) return true;
      try {
        await fulfil(each.optOut);
      } catch (error) {
        if (!isFailure(error, 'store_unavailable')) each.faults += 1;
        log.error(
          { err: error, callId: each.optOut.callId },
          'an opt-out that was kept could not be fulfilled yet',
        );
        if (each.faults < MOST_FAULTS) continue;
        await deps.setAside(each.entry, error);
      }
      await deps.write({ at: new Date(clock.nowMs()), fulfilled: id });
      owed.delete(id);
      deps.changed();
    }
    return owed.size > 0;
  }

  async function toil(fulfil: (optOut: KeptOptOut) => Promise<void>): Promise<void> {
    for (let waitMs: number = RETRY_MS.least; ; waitMs = Math.min(RETRY_MS.most, 2 * waitMs)) {
      const isLeft = await round(fulfil).catch((error) => {
        log.error({ err: error }, 'an opt-out could not be noted as fulfilled yet');
        return true;
      });
      if (!isLeft || deps.isAway()) return;
      await clock.sleep(waitMs);
    }
  }

  function work(): void {
    if (working || !by || owed.size === 0 || deps.isAway()) return;
    working = true;
    void toil(by).finally(() => {
      working = false;
    });
  }

  return {
    get size() {
      return owed.size;
    },
    get oldest() {
      const [first] = owed.values();
      return first?.entry;
    },
    found(id, optOut, entry) {
      owed.set(id, { optOut, entry, faults: 0 });
    },
    foundFulfilled(id) {
      owed.delete(id);
    },
    async keep(optOut) {
      const id = randomUUID();
      const entry = await deps.write({ at: new Date(clock.nowMs()), optOut, id });
      owed.set(id, { optOut, entry, faults: 0 });
      log.warn(
        { callId: optOut.callId, channel: optOut.channel },
        'an opt-out is kept until the database takes it; nobody is dialled before',
      );
      deps.changed();
      work();
    },
    fulfil(given) {
      by = given;
      work();
    },
    work,
  };
}

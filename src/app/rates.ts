/**
 * app/rates: what the vendors charge. Each rate is a setting of its own in system_config, put there with its list price
 * when nobody set it, and changed there by people.
 */
import { z } from 'zod';
import { DEFAULT_RATES, type Rates } from '../domain/cost.ts';
import type { SystemConfig } from '../domain/documents.ts';
import { isFailure } from '../domain/errors.ts';
import { parseInput } from '../domain/input.ts';
import type { Clock, Ids, Log, Store } from './ports.ts';

const Price = z.number().min(0).max(1_000);
const RatesInput = z.strictObject({
  twilioMinute: Price,
  twilioInboundMinute: Price,
  elevenLabs: Price,
  elevenLabsUnit: z.enum(['minutes', 'characters']),
  smsSegment: Price,
  claudeInput: Price,
  claudeCacheWrite: Price,
  claudeCacheRead: Price,
  claudeOutput: Price,
});

type Name = keyof Rates;
const NAMES = Object.keys(DEFAULT_RATES) as Name[];
const keyOf = (name: Name): string => `rates.${name}`;
/** Every call that ends asks for the rates. */
const KEPT_MS = 30_000;
const MOST_KEPT = 100;

export interface RatesDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

export function createRates({ store, clock, ids, log }: RatesDeps) {
  const config = store.collection('system_config');
  let known: { readonly rates: Rates; readonly atMs: number } | undefined;

  async function stored(): Promise<Map<string, SystemConfig>> {
    const found = await config.find({ filter: { key: { $in: NAMES.map(keyOf) } } });
    return new Map(found.map((setting) => [setting.key, setting]));
  }

  async function seed(name: Name): Promise<void> {
    const now = new Date(clock.nowMs());
    try {
      await config.insert({
        _id: ids.objectId(),
        key: keyOf(name),
        value: DEFAULT_RATES[name],
        updatedBy: 'parley',
        createdAt: now,
        updatedAt: now,
      });
    } catch (error) {
      if (!isFailure(error, 'duplicate_key')) throw error;
    }
  }

  /** The rates in force; one that cannot be read counts as its list price. Throws what the store throws. */
  async function read(): Promise<Rates> {
    const settings = await stored();
    const absent = NAMES.filter((name) => !settings.has(keyOf(name)));
    for (const name of absent) await seed(name);
    const read = Object.fromEntries(
      NAMES.map((name) => {
        const value = RatesInput.shape[name].safeParse(settings.get(keyOf(name))?.value);
        return [name, value.success ? value.data : DEFAULT_RATES[name]];
      }),
    ) as unknown as Rates;
    known = { rates: read, atMs: clock.steadyMs() };
    return read;
  }

  return {
    read,
    /** As they were within the last half minute. */
    atHand: async (): Promise<Rates> =>
      known && clock.steadyMs() - known.atMs < KEPT_MS ? known.rates : await read(),
    /** Changes what is given; calls that are costed already keep theirs. Throws `invalid_request`. */
    async change(change: Partial<Rates>, by: string): Promise<Rates> {
      const wanted = parseInput(RatesInput.partial(), change);
      const before = await read();
      const now = new Date(clock.nowMs());
      for (const name of NAMES) {
        const after = wanted[name];
        if (after === undefined || after === before[name]) continue;
        const entry = {
          at: now,
          by,
          reason: 'rates of the vendors',
          changes: [{ setting: name, before: before[name], after }],
        };
        await config.update(
          { key: keyOf(name) },
          {
            $set: { value: after, updatedBy: by, updatedAt: now },
            $push: { history: { $each: [entry], $slice: -MOST_KEPT } },
          },
        );
        log.info({ audit: true, by, rate: name, before: before[name], after }, 'a rate was changed');
      }
      return await read();
    },
  };
}

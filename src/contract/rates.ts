/** contract/rates: what the vendors charge. */
import { z } from 'zod';

const price = z.number().min(0).max(1_000);
const rates = {
  /** A started minute of a call that is placed, and of one that comes in. */
  twilioMinute: price,
  twilioInboundMinute: price,
  /** A minute of talk or a character that the agent says, as `elevenLabsUnit` has it. */
  elevenLabs: price,
  elevenLabsUnit: z.enum(['minutes', 'characters']),
  /** One part of a text message. */
  smsSegment: price,
  /** A million tokens of the model that analyses calls: read, written to its cache, read from there, answered. */
  claudeInput: price,
  claudeCacheWrite: price,
  claudeCacheRead: price,
  claudeOutput: price,
};

/** US dollars. Costs of calls and forecasts are reckoned with them; what was reckoned before stays. */
export const Rates = z.object(rates).meta({ id: 'Rates' });
export type Rates = z.infer<typeof Rates>;

export const RatesPatch = z
  .strictObject(rates)
  .partial()
  .refine((value) => Object.keys(value).length > 0, { error: 'give at least one rate to change' })
  .meta({ id: 'RatesPatch' });
export type RatesPatch = z.infer<typeof RatesPatch>;

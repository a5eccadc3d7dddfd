/** contract/search: calls by what was said in them. */
import { z } from 'zod';
import { Call, CallQuery } from './calls.ts';
import { line } from './common.ts';

export const CallSearchQuery = CallQuery.extend({
  /** Words and "phrases", all of which were said, in any case. */
  text: line(200),
});
export type CallSearchQuery = z.infer<typeof CallSearchQuery>;

export const FoundCall = z
  .object({
    call: Call,
    /** Where it was said: at most three messages; `timestamp` is seconds since the talk began. */
    said: z.array(
      z.object({
        index: z.int(),
        speaker: z.enum(['agent', 'user', 'system']),
        text: z.string(),
        timestamp: z.number(),
      }),
    ),
  })
  .meta({ id: 'FoundCall' });
export type FoundCall = z.infer<typeof FoundCall>;

export const FoundCalls = z
  .object({
    items: z.array(FoundCall),
    /** A page may have fewer calls than asked for and yet not be the last. */
    nextCursor: z.exactOptional(z.string()),
    /** False: the index is being made at this moment, and there may be more. */
    complete: z.boolean(),
  })
  .meta({ id: 'FoundCalls' });
export type FoundCalls = z.infer<typeof FoundCalls>;

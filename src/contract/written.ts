/**
 * contract/written: a conversation as a file, with what a careful person takes from it. Analyses are measured by such files:
 * `npm run evals -- <folder or file>`.
 */
import { z } from 'zod';
import { ExtractedInfo, FoundOutcome, KeyMomentType } from './analyses.ts';
import { FollowUpKind } from './calls.ts';
import { Id } from './common.ts';

const Feeling = z.number().min(-1).max(1);

export const WrittenConversation = z
  .strictObject({
    about: z.string(),
    startedAt: z.iso.datetime(),
    /** Of the called party: a zone of the IANA database. */
    zone: z.string(),
    optedOut: z.boolean(),
    /** Line by line, each with who says it. */
    talk: z.array(z.string().regex(/^(agent|user|system): /, 'must begin with agent:, user: or system:')),
    expected: z.strictObject({
      /** Any of them is right. */
      outcome: z.array(FoundOutcome),
      /** From, to. */
      sentiment: z.tuple([Feeling, Feeling]),
      /** `messageIndex`: the line, counted from 0. */
      keyMoments: z.array(z.strictObject({ type: KeyMomentType, messageIndex: z.int() })),
      extractedInfo: ExtractedInfo.strict(),
      followUps: z.array(z.strictObject({ type: FollowUpKind, at: z.exactOptional(z.iso.datetime()) })),
    }),
  })
  .meta({ id: 'WrittenConversation' });
export type WrittenConversation = z.infer<typeof WrittenConversation>;

/** A call as such a file, for somebody to look through before it is kept. */
export const CallTest = z
  .object({
    callId: Id,
    conversation: WrittenConversation,
    /** Personal data, and the made-up words in its place. */
    replaced: z.array(
      z.object({
        kind: z.enum(['name', 'number', 'address', 'email']),
        found: z.string(),
        by: z.string(),
        times: z.int(),
      }),
    ),
    /** Claims of the analysis that somebody said are wrong, with what they said: nothing is expected of these yet. */
    leftOut: z.array(z.object({ path: z.string(), note: z.string() })),
    /** What else to know before it is kept, in plain words. */
    notes: z.array(z.string()),
  })
  .meta({ id: 'CallTest' });
export type CallTest = z.infer<typeof CallTest>;

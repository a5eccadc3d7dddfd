/** contract/reviews: what people make of calls, the views of lists that they keep, and the picture of a recording. */
import { z } from 'zod';
import { Call, CallQuery } from './calls.ts';
import { Id, Instant, line, prose } from './common.ts';
import { CallSearchQuery } from './search.ts';

export const CallComment = z
  .object({
    id: Id,
    by: z.string(),
    byName: z.string(),
    text: z.string(),
    /** Seconds since the recording began; absent: about the whole call. */
    atSec: z.exactOptional(z.number()),
    createdAt: Instant,
    editedAt: z.exactOptional(Instant),
  })
  .meta({ id: 'CallComment' });
export type CallComment = z.infer<typeof CallComment>;

/** A call that nobody looked at is unreviewed, without tags and comments. */
export const CallReview = z
  .object({
    callId: Id,
    status: z.enum(['unreviewed', 'reviewed', 'needs_attention']),
    tags: z.array(z.string()),
    comments: z.array(CallComment),
    reviewedBy: z.exactOptional(z.string()),
    reviewedAt: z.exactOptional(Instant),
  })
  .meta({ id: 'CallReview' });
export type CallReview = z.infer<typeof CallReview>;

/** What is given changes; tags are kept in lower case. */
export const CallReviewPut = z
  .strictObject({
    status: z.exactOptional(CallReview.shape.status),
    tags: z.exactOptional(z.array(line(40)).max(20)),
  })
  .meta({ id: 'CallReviewPut' });
export const CallCommentCreate = z
  .strictObject({ text: prose(4_000), atSec: z.exactOptional(z.number().min(0).max(86_400)) })
  .meta({ id: 'CallCommentCreate' });
export const CallCommentPatch = z.strictObject({ text: prose(4_000) }).meta({ id: 'CallCommentPatch' });

/** A call in a list, with what people made of it; absent: nothing yet. */
export const ListedCall = Call.extend({
  review: z.exactOptional(
    z.object({ status: CallReview.shape.status, tags: z.array(z.string()), comments: z.int() }),
  ),
}).meta({ id: 'ListedCall' });
export type ListedCall = z.infer<typeof ListedCall>;

/** As the list of calls, or, with `text`, as the search for what was said. */
const { limit: _limit, cursor: _cursor, ...filters } = CallQuery.shape;
export const CallFileQuery = z.strictObject({
  ...filters,
  text: z.exactOptional(CallSearchQuery.shape.text),
});
export type CallFileQuery = z.infer<typeof CallFileQuery>;

/** The loudest sample of each bucket, 0..255 of full scale. */
export const Waveform = z
  .object({
    durationSec: z.number(),
    bucketSec: z.number(),
    caller: z.array(z.int()),
    agent: z.array(z.int()),
  })
  .meta({ id: 'Waveform' });
export type Waveform = z.infer<typeof Waveform>;

/** Filters of a list as its address has them, kept under a name by whoever made them. */
export const SavedView = z
  .object({
    id: Id,
    of: z.literal('calls'),
    name: z.string(),
    query: z.record(z.string(), z.string()),
    updatedAt: Instant,
  })
  .meta({ id: 'SavedView' });
export type SavedView = z.infer<typeof SavedView>;
export const SavedViewPut = z
  .strictObject({
    of: z.literal('calls'),
    name: line(60),
    query: z.record(line(40), line(200)).refine((query) => Object.keys(query).length <= 20, 'at most 20'),
  })
  .meta({ id: 'SavedViewPut' });
export const SavedViewQuery = z.strictObject({ of: z.literal('calls') });

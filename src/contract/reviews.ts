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
    /** Who is to review it, by id and by the name they had then; absent: nobody in particular. */
    assignedTo: z.exactOptional(z.string()),
    assignedToName: z.exactOptional(z.string()),
    /** Who gave it to them. */
    assignedBy: z.exactOptional(z.string()),
    assignedAt: z.exactOptional(Instant),
  })
  .meta({ id: 'CallReview' });
export type CallReview = z.infer<typeof CallReview>;

/** `owner`: whoever came by the printed link. Null: nobody in particular. */
const AssignedTo = z
  .string()
  .regex(/^(?:owner|[0-9a-f]{24})$/, 'must be the id of a person')
  .nullable();

/** What is given changes; tags are kept in lower case. */
export const CallReviewPut = z
  .strictObject({
    status: z.exactOptional(CallReview.shape.status),
    tags: z.exactOptional(z.array(line(40)).max(20)),
    assignedTo: z.exactOptional(AssignedTo),
  })
  .meta({ id: 'CallReviewPut' });
export const CallCommentCreate = z
  .strictObject({ text: prose(4_000), atSec: z.exactOptional(z.number().min(0).max(86_400)) })
  .meta({ id: 'CallCommentCreate' });
export const CallCommentPatch = z.strictObject({ text: prose(4_000) }).meta({ id: 'CallCommentPatch' });

/** Who calls can be given to for review, by name; `former` may review no more, and calls still wait for them. */
const Named = z.object({ id: z.string(), name: z.string() });
export const Reviewers = z
  .object({ items: z.array(Named), former: z.array(Named) })
  .meta({ id: 'Reviewers' });
export type Reviewers = z.infer<typeof Reviewers>;

/** How many calls that nobody looked at yet were given to whoever asks. */
export const CallsToReview = z.object({ calls: z.int() }).meta({ id: 'CallsToReview' });
export type CallsToReview = z.infer<typeof CallsToReview>;

/** A call in a list, with what people made of it; absent: nothing yet. */
export const ListedCall = Call.extend({
  review: z.exactOptional(
    z.object({
      status: CallReview.shape.status,
      tags: z.array(z.string()),
      comments: z.int(),
      assignedTo: CallReview.shape.assignedTo,
      assignedToName: CallReview.shape.assignedToName,
    }),
  ),
}).meta({ id: 'ListedCall' });
export type ListedCall = z.infer<typeof ListedCall>;

/** As the list of calls, or, with `text`, as the search for what was said. */
const { limit: _limit, cursor: _cursor, ...filters } = CallQuery.shape;
export const CallFileQuery = z.strictObject({
  ...filters,
  text: z.exactOptional(CallSearchQuery.shape.text),
  /** Only these, with a comma between. */
  ids: z.exactOptional(
    z
      .string()
      .regex(/^[0-9a-f]{24}(,[0-9a-f]{24}){0,299}$/, 'must be up to 300 ids with a comma between')
      .transform((text) => text.split(',')),
  ),
});
export type CallFileQuery = z.infer<typeof CallFileQuery>;

/** The newest calls that fit, for a deed on many of them; `more`: there are others behind these 300. */
export const CallMatches = z.object({ ids: z.array(Id), more: z.boolean() }).meta({ id: 'CallMatches' });
export type CallMatches = z.infer<typeof CallMatches>;
const { ids: _ids, ...matched } = CallFileQuery.shape;
export const CallMatchesQuery = z.strictObject(matched);

const Tags = CallReviewPut.shape.tags;
export const BulkDeed = z
  .discriminatedUnion('what', [
    z.strictObject({ what: z.literal('tag'), add: Tags, remove: Tags }),
    z.strictObject({ what: z.literal('review'), status: CallReview.shape.status }),
    z.strictObject({ what: z.literal('assign'), assignedTo: AssignedTo }),
    z.strictObject({ what: z.literal('analyse') }),
  ])
  .meta({ id: 'BulkDeed' });
export type BulkDeed = z.infer<typeof BulkDeed>;
const MOST_AT_ONCE = 100;
export const CallBulk = z
  .strictObject({
    callIds: z
      .array(Id)
      .min(1)
      .max(MOST_AT_ONCE)
      .refine((all) => new Set(all).size === all.length, 'each call once'),
    deed: BulkDeed,
  })
  .meta({ id: 'CallBulk' });
export type CallBulk = z.infer<typeof CallBulk>;

/** What people made of a call before, and the revision that the deed left. */
const Before = z.object({
  status: CallReview.shape.status,
  tags: z.array(line(40)).max(20),
  assignedTo: z.exactOptional(AssignedTo),
  revision: z.int().min(1),
});
export const CallBulkUndo = z
  .strictObject({
    reviews: z
      .array(Before.extend({ callId: Id }).strict())
      .min(1)
      .max(MOST_AT_ONCE),
  })
  .meta({ id: 'CallBulkUndo' });
export type CallBulkUndo = z.infer<typeof CallBulkUndo>;

/** What became of each call, in the order in which they were named. */
export const CallBulkResults = z
  .object({
    items: z.array(
      z.object({
        callId: Id,
        /** `unchanged`: it was so already. */
        state: z.enum(['done', 'unchanged', 'failed']),
        /** Of a deed that can be taken back: what `POST /calls/bulk/undo` takes. */
        undo: z.exactOptional(Before),
        problem: z.exactOptional(z.object({ code: z.string(), detail: z.string() })),
      }),
    ),
  })
  .meta({ id: 'CallBulkResults' });
export type CallBulkResults = z.infer<typeof CallBulkResults>;

/** Seconds of the recording in which one side spoke without the other taking a turn. */
const Monologue = z.object({ fromSec: z.number(), toSec: z.number() });

/** The loudest sample of each bucket, 0..255 of full scale; the longest monologue of each side that is heard. */
export const Waveform = z
  .object({
    durationSec: z.number(),
    bucketSec: z.number(),
    caller: z.array(z.int()),
    agent: z.array(z.int()),
    monologues: z.object({ caller: z.exactOptional(Monologue), agent: z.exactOptional(Monologue) }),
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

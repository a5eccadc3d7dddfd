/**
 * domain/review: what people make of a call: who is to look at it, whether it is dealt with, under which tags, with which
 * remarks.
 */
import type { Stamped } from './documents.ts';
import { Failure } from './errors.ts';
import { reaches, type User } from './user.ts';

export const REVIEW_STATUSES = ['unreviewed', 'reviewed', 'needs_attention'] as const;
export type ReviewStatus = (typeof REVIEW_STATUSES)[number];

/** A remark about a call or, with `atSec`, about one second of its recording. */
export interface CallComment {
  readonly id: string;
  readonly by: string;
  /** The name of who wrote it, as it was then. */
  readonly byName: string;
  readonly text: string;
  readonly atSec?: number;
  readonly createdAt: Date;
  readonly editedAt?: Date;
}

/** The review of one call; `_id` is the call's. A call without one is unreviewed, without tags and comments. */
export interface CallReview extends Stamped {
  /** When the call began: reviews are listed in the order of their calls. */
  readonly callAt: Date;
  readonly status: ReviewStatus;
  /** In lower case, each once. */
  readonly tags: readonly string[];
  /** In the order in which they were written. */
  readonly comments: readonly CallComment[];
  /** Who set the status last, and when. */
  readonly reviewedBy?: string;
  readonly reviewedAt?: Date;
  /** Who is to review it, by id and by the name they had then; it stays when they did. Absent: nobody in particular. */
  readonly assignedTo?: string;
  readonly assignedToName?: string;
  /** Who gave it to them, and when. */
  readonly assignedBy?: string;
  readonly assignedAt?: Date;
  /** Counts the changes: of two people who write at once, neither undoes what the other wrote. */
  readonly revision: number;
}

/** A choice of what a list shows, kept under a name by whoever made it. */
export interface SavedView extends Stamped {
  readonly userId: string;
  readonly of: 'calls';
  readonly name: string;
  /** The filters, as the address of the list has them. */
  readonly query: Readonly<Record<string, string>>;
}

/** Who asks for a change. */
export interface Reviewer {
  readonly id: string;
  readonly name: string;
  /** May change what others wrote. */
  readonly isAdmin: boolean;
}

/** Who is to review a call. */
export type Assignee = Pick<Reviewer, 'id' | 'name'>;

/** Whether calls may be given to somebody to review. */
export const mayReview = ({ isActive, role }: Pick<User, 'isActive' | 'role'>): boolean =>
  isActive && reaches(role, 'ANALYST');

export const MOST_COMMENTS = 500;

export const unreviewed = (callId: string, callAt: Date): CallReview => ({
  _id: callId,
  callAt,
  status: 'unreviewed',
  tags: [],
  comments: [],
  revision: 0,
  createdAt: callAt,
  updatedAt: callAt,
});

const tagsOf = (tags: readonly string[]): string[] => [
  ...new Set(tags.map((tag) => tag.trim().toLowerCase()).filter((tag) => tag !== '')),
];

export const MOST_TAGS = 20;

/** What somebody makes of a call; `tags` are all of them, `addTags` and `removeTags` change them. */
export interface Judged {
  readonly status?: ReviewStatus;
  readonly tags?: readonly string[];
  readonly addTags?: readonly string[];
  readonly removeTags?: readonly string[];
  /** Who is to review it; null: nobody in particular any more. */
  readonly assignee?: Assignee | null;
}

/** What is given changes; the review itself where it is so already. Throws Failure `invalid_request` for too many tags. */
export function judged(
  review: CallReview,
  { status = review.status, tags = review.tags, addTags = [], removeTags = [], assignee }: Judged,
  by: Reviewer,
  at: Date,
): CallReview {
  const removed = new Set(tagsOf(removeTags));
  const kept = tagsOf([...tags, ...addTags]).filter((tag) => !removed.has(tag));
  if (kept.length > MOST_TAGS) throw new Failure('invalid_request', `a call has at most ${MOST_TAGS} tags`);
  const given = assignee === undefined ? review : assigned(review, assignee, by, at);
  if (status === review.status && JSON.stringify(kept) === JSON.stringify(review.tags)) return given;
  return {
    ...given,
    tags: kept,
    ...(status === review.status ? {} : { status, reviewedBy: by.name, reviewedAt: at }),
  };
}

/** The review itself where it is theirs already, or nobody's and is to be so. */
function assigned(review: CallReview, to: Assignee | null, by: Reviewer, at: Date): CallReview {
  if (review.assignedTo === to?.id) return review;
  const { assignedTo: _to, assignedToName: _name, assignedBy: _by, assignedAt: _at, ...rest } = review;
  if (to === null) return rest;
  return { ...rest, assignedTo: to.id, assignedToName: to.name, assignedBy: by.name, assignedAt: at };
}

/** Throws Failure `invalid_request` when there are too many. */
export function commented(review: CallReview, comment: CallComment): CallReview {
  if (review.comments.length >= MOST_COMMENTS)
    throw new Failure('invalid_request', `a call has at most ${MOST_COMMENTS} comments`);
  return { ...review, comments: [...review.comments, comment] };
}

/**
 * The review with the comment as `change` makes it; undefined removes it. Throws Failure `not_found`, and `forbidden` for
 * a comment of somebody else unless an administrator asks.
 */
export function recommented(
  review: CallReview,
  commentId: string,
  by: Reviewer,
  change: (comment: CallComment) => CallComment | undefined,
): CallReview {
  const comment = review.comments.find(({ id }) => id === commentId);
  if (!comment) throw new Failure('not_found', 'no such comment');
  if (comment.by !== by.id && !by.isAdmin)
    throw new Failure('forbidden', 'Only who wrote a comment and administrators may change it.');
  return {
    ...review,
    comments: review.comments.flatMap((each) => (each.id === commentId ? (change(each) ?? []) : [each])),
  };
}

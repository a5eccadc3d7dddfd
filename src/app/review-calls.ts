/**
 * app/review-calls: people look at calls, say what they make of them, and find calls by it. A review is a document of its
 * own: a call is made of what happened on the line and can be made anew from it at any time.
 */
import type { Call } from '../domain/call.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import {
  type CallReview,
  commented,
  type Judged,
  judged,
  type Reviewer,
  type ReviewStatus,
  recommented,
  unreviewed,
} from '../domain/review.ts';
import { cursorBehind, MAX_LIMIT, type Page, page } from './paging.ts';
import type { Clock, Filter, Ids, Store } from './ports.ts';
import { type CallQuery, callFilter } from './read-calls.ts';

export interface ReviewFilter {
  /** `unreviewed`: nobody set another status yet. */
  readonly review?: ReviewStatus;
  readonly tag?: string;
}

/** With `revision`: only while it is the one that is kept. */
export interface Judgement extends Judged {
  readonly revision?: number;
}

/** How often the store is asked for one page. */
const MOST_ROUNDS = 10;
const NEWEST = { field: 'callAt', direction: -1 } as const;
/** Others may write at the same moment, so often. */
const TRIES = 20;

const has = ({ review, tag }: ReviewFilter): Filter => ({
  ...(review ? { status: review } : {}),
  ...(tag ? { tags: tag.trim().toLowerCase() } : {}),
});

/** The reviews of these calls, by call. */
export async function reviewsOf(store: Store, calls: readonly Call[]): Promise<Map<string, CallReview>> {
  if (calls.length === 0) return new Map();
  const found = await store
    .collection('call_reviews')
    .find({ filter: { _id: { $in: calls.map(({ _id }) => _id) } } });
  return new Map(found.map((review) => [review._id, review]));
}

/** Those of the calls whose review is so. */
export async function reviewedSo(
  store: Store,
  calls: readonly Call[],
  { review: status, tag }: ReviewFilter,
): Promise<readonly Call[]> {
  if (status === undefined && tag === undefined) return calls;
  const reviews = await reviewsOf(store, calls);
  const wanted = tag?.trim().toLowerCase();
  return calls.filter(({ _id, initiatedAt }) => {
    const review = reviews.get(_id) ?? unreviewed(_id, initiatedAt);
    return (
      (status === undefined || review.status === status) &&
      (wanted === undefined || review.tags.includes(wanted))
    );
  });
}

export function createReviewCalls(deps: {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly calls: {
    get(callId: string): Promise<Call>;
    list(query: CallQuery): Promise<Page<Call>>;
  };
}) {
  const { store, clock, ids, calls } = deps;
  const reviews = store.collection('call_reviews');
  const now = (): Date => new Date(clock.nowMs());

  /** Throws `call_not_found`. */
  async function review(callId: string): Promise<CallReview> {
    const call = await calls.get(callId);
    return (await reviews.get(callId)) ?? unreviewed(callId, call.initiatedAt);
  }

  async function revise(
    callId: string,
    step: (review: CallReview) => CallReview,
  ): Promise<{ readonly before: CallReview; readonly after: CallReview }> {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const before = await review(callId);
      const made = step(before);
      if (made === before) return { before, after: before };
      const at = now();
      const next: CallReview = { ...made, revision: before.revision + 1, updatedAt: at };
      if (before.revision === 0) {
        const first = { ...next, createdAt: at };
        try {
          await reviews.insert(first);
          return { before, after: first };
        } catch (error) {
          if (!isFailure(error, 'duplicate_key')) throw error;
        }
      } else {
        const { _id, ...set } = next;
        if (await reviews.update({ _id, revision: before.revision }, { $set: set }))
          return { before, after: next };
      }
    }
    throw new Failure('store_unavailable', 'too many people write about this call at once; try again');
  }

  const change = async (callId: string, step: (review: CallReview) => CallReview): Promise<CallReview> =>
    (await revise(callId, step)).after;

  /** Newest first; a page may have fewer calls than asked for and yet not be the last. */
  async function list({ review: status, tag, ...query }: CallQuery & ReviewFilter): Promise<Page<Call>> {
    if (status === undefined && tag === undefined) return await calls.list(query);
    const { limit, cursor, from, to, ...rest } = query;
    // A call without a review is unreviewed, so those are found among the calls and all others among the reviews.
    const among = status === 'unreviewed' && tag === undefined;
    const filter = {
      ...has({ ...(status ? { review: status } : {}), ...(tag ? { tag } : {}) }),
      ...(from || to ? { callAt: { ...(from ? { $gte: from } : {}), ...(to ? { $lt: to } : {}) } } : {}),
    };
    const items: Call[] = [];
    let next = cursor;
    for (let round = 0; round < MOST_ROUNDS && items.length < limit; round += 1) {
      const from = next === undefined ? {} : { cursor: next };
      if (among) {
        const found = await calls.list({ ...query, limit: limit - items.length, ...from });
        items.push(...(await reviewedSo(store, found.items, { review: 'unreviewed' })));
        next = found.nextCursor;
      } else {
        // Many at once, for most of them may not fit.
        const found = await page(reviews, { filter, sort: NEWEST, limit: MAX_LIMIT, ...from });
        const fitting = await store.collection('calls').find({
          filter: {
            $and: [
              { _id: { $in: found.items.map(({ _id }) => _id) } },
              // The calls' indexes end in it: those that do not fit need not be read.
              { initiatedAt: { $in: found.items.map(({ callAt }) => callAt) } },
              callFilter(rest),
            ],
          },
        });
        const byId = new Map(fitting.map((call) => [call._id, call]));
        next = found.nextCursor;
        for (const [at, one] of found.items.entries()) {
          const call = byId.get(one._id);
          if (!call) continue;
          items.push(call);
          if (items.length < limit) continue;
          if (at < found.items.length - 1) next = cursorBehind(one, { filter, sort: NEWEST });
          break;
        }
      }
      if (next === undefined) break;
    }
    return { items, ...(next === undefined ? {} : { nextCursor: next }) };
  }

  return {
    review,
    list,
    reviewsOf: (found: readonly Call[]) => reviewsOf(store, found),
    /** Throws `call_not_found`, and `invalid_request` for too many tags. */
    judge: (callId: string, given: Judged, by: Reviewer) =>
      change(callId, (before) => judged(before, given, by, now())),
    /** As `judge`, and tells what was before. Throws `review_conflict` where somebody changed it since `revision`. */
    rejudge: (callId: string, { revision, ...given }: Judgement, by: Reviewer) =>
      revise(callId, (before) => {
        if (revision !== undefined && before.revision !== revision)
          throw new Failure('review_conflict', 'somebody changed what was made of this call meanwhile');
        return judged(before, given, by, now());
      }),
    /** Throws `call_not_found`, and `invalid_request` when there are too many. */
    comment(
      callId: string,
      { text, atSec }: { readonly text: string; readonly atSec?: number },
      by: Reviewer,
    ): Promise<CallReview> {
      const comment = {
        id: ids.objectId(),
        by: by.id,
        byName: by.name,
        text,
        ...(atSec === undefined ? {} : { atSec }),
        createdAt: now(),
      };
      return change(callId, (before) => commented(before, comment));
    },
    /** Throws `call_not_found`, `not_found`, `forbidden`. */
    editComment: (callId: string, commentId: string, text: string, by: Reviewer) =>
      change(callId, (before) =>
        recommented(before, commentId, by, (comment) => ({ ...comment, text, editedAt: now() })),
      ),
    /** For good. Throws `call_not_found`, `not_found`, `forbidden`. */
    removeComment: (callId: string, commentId: string, by: Reviewer) =>
      change(callId, (before) => recommented(before, commentId, by, () => undefined)),
  };
}

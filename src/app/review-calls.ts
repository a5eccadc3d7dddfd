/**
 * app/review-calls: people look at calls, say what they make of them, give them to each other to review, and find calls by all
 * that. A review is a document of its own: a call is made of what happened on the line and can be made anew from it at any time.
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
import type { Reviewers } from './reviewers.ts';

export interface ReviewFilter {
  /** `unreviewed`: nobody set another status yet. */
  readonly review?: ReviewStatus;
  readonly tag?: string;
  /** Who is to review it; null: nobody in particular. */
  readonly assignedTo?: string | null;
}

/** As people ask for it: who is to review the call stands there by id. */
export interface JudgementAsked extends Omit<Judged, 'assignee'> {
  readonly assignedTo?: string | null;
}

/** With `revision`: only while it is the one that is kept. */
export interface Judgement extends Judged {
  readonly revision?: number;
}

/** How often the store is asked for one page. */
const MOST_ROUNDS = 10;
const NEWEST_REVIEW = { field: 'callAt', direction: -1 } as const;
const NEWEST_CALL = { field: 'initiatedAt', direction: -1 } as const;
/** Others may write at the same moment, so often. */
const TRIES = 20;

const UNTOUCHED = unreviewed('', new Date(0));

/** Whether calls are asked for by what people made of them. */
export const asksForReviews = ({ review, tag, assignedTo }: ReviewFilter): boolean =>
  review !== undefined || tag !== undefined || assignedTo !== undefined;

const tagOf = (tag: string): string => tag.trim().toLowerCase();

const fits = (made: CallReview, { review, tag, assignedTo }: ReviewFilter): boolean =>
  (review === undefined || made.status === review) &&
  (tag === undefined || made.tags.includes(tagOf(tag))) &&
  (assignedTo === undefined || (made.assignedTo ?? null) === assignedTo);

const has = ({ review, tag, assignedTo }: ReviewFilter): Filter => ({
  ...(review === undefined ? {} : { status: review }),
  ...(tag === undefined ? {} : { tags: tagOf(tag) }),
  ...(assignedTo === undefined ? {} : { assignedTo }),
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
  filter: ReviewFilter,
): Promise<readonly Call[]> {
  if (!asksForReviews(filter)) return calls;
  const reviews = await reviewsOf(store, calls);
  return calls.filter(({ _id }) => fits(reviews.get(_id) ?? UNTOUCHED, filter));
}

/** Some of what a list is looked for in, newest first. */
interface Looked {
  /** Undefined: it does not fit. `behind`: where the list goes on after it. */
  readonly seen: readonly { readonly call: Call | undefined; readonly behind: () => string }[];
  readonly nextCursor?: string;
}

export function createReviewCalls(deps: {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly reviewers: Pick<Reviewers, 'chosen'>;
  readonly calls: {
    get(callId: string): Promise<Call>;
    list(query: CallQuery): Promise<Page<Call>>;
  };
}) {
  const { store, clock, ids, reviewers } = deps;
  const reviews = store.collection('call_reviews');
  const calls = store.collection('calls');
  const now = (): Date => new Date(clock.nowMs());

  /** Throws `call_not_found`. */
  async function review(callId: string): Promise<CallReview> {
    const call = await deps.calls.get(callId);
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
        const { _id, ...$set } = next;
        const gone = Object.keys(before).filter((field) => !(field in next));
        const $unset = Object.fromEntries(gone.map((field) => [field, '']));
        const change = gone.length > 0 ? { $set, $unset } : { $set };
        if (await reviews.update({ _id, revision: before.revision }, change)) return { before, after: next };
      }
    }
    throw new Failure('store_unavailable', 'too many people write about this call at once; try again');
  }

  const change = async (callId: string, step: (review: CallReview) => CallReview): Promise<CallReview> =>
    (await revise(callId, step)).after;

  /** Looks through calls: for what one that nobody touched is as well. */
  const throughCalls = (query: CallQuery & ReviewFilter) => {
    const asked = { filter: callFilter(query), sort: NEWEST_CALL };
    return async (limit: number, cursor: { readonly cursor?: string }): Promise<Looked> => {
      const { items, ...more } = await page(calls, { ...asked, limit, ...cursor });
      const fitting = new Set(await reviewedSo(store, items, query));
      const seen = items.map((call) => ({
        call: fitting.has(call) ? call : undefined,
        behind: () => cursorBehind(call, asked),
      }));
      return { seen, ...more };
    };
  };

  /** Looks through reviews: many at once, for most of their calls may not fit. */
  const throughReviews = ({ from, to, ...query }: CallQuery & ReviewFilter) => {
    const callAt = { ...(from ? { $gte: from } : {}), ...(to ? { $lt: to } : {}) };
    const asked = {
      filter: { ...has(query), ...(from || to ? { callAt } : {}) },
      sort: NEWEST_REVIEW,
    };
    return async (_limit: number, cursor: { readonly cursor?: string }): Promise<Looked> => {
      const { items, ...more } = await page(reviews, { ...asked, limit: MAX_LIMIT, ...cursor });
      const fitting = await calls.find({
        filter: {
          $and: [
            { _id: { $in: items.map(({ _id }) => _id) } },
            // The calls' indexes end in it: those that do not fit need not be read.
            { initiatedAt: { $in: items.map((each) => each.callAt) } },
            callFilter(query),
          ],
        },
      });
      const byId = new Map(fitting.map((call) => [call._id, call]));
      const seen = items.map((each) => ({
        call: byId.get(each._id),
        behind: () => cursorBehind(each, asked),
      }));
      return { seen, ...more };
    };
  };

  /** Newest first; a page may have fewer calls than asked for and yet not be the last. */
  async function list(query: CallQuery & ReviewFilter): Promise<Page<Call>> {
    if (!asksForReviews(query)) return await deps.calls.list(query);
    const { limit } = query;
    const look = fits(UNTOUCHED, query) ? throughCalls(query) : throughReviews(query);
    const items: Call[] = [];
    let next = query.cursor;
    for (let round = 0; round < MOST_ROUNDS && items.length < limit; round += 1) {
      // Where the first ones do not fit, there may be many like them.
      const { seen, nextCursor } = await look(
        round === 0 ? limit : MAX_LIMIT,
        next === undefined ? {} : { cursor: next },
      );
      next = nextCursor;
      for (const [at, { call, behind }] of seen.entries()) {
        if (!call) continue;
        items.push(call);
        if (items.length < limit) continue;
        if (at < seen.length - 1) next = behind();
        break;
      }
      if (next === undefined) break;
    }
    return { items, ...(next === undefined ? {} : { nextCursor: next }) };
  }

  return {
    review,
    list,
    reviewsOf: (found: readonly Call[]) => reviewsOf(store, found),
    /** Throws `call_not_found`, and `invalid_request` for too many tags and for whom no call can be given to. */
    async judge(callId: string, { assignedTo, ...given }: JudgementAsked, by: Reviewer): Promise<CallReview> {
      const made =
        assignedTo === undefined
          ? given
          : { ...given, assignee: await reviewers.chosen(assignedTo, 'assignedTo') };
      return await change(callId, (before) => judged(before, made, by, now()));
    },
    /** Changes it, and tells what was before. Throws `review_conflict` where somebody changed it since `revision`. */
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

/**
 * app/bulk-calls: one deed for many calls that somebody chose. Each call answers for itself, and what people made of a call
 * can be put back as long as nobody changed it since.
 */
import type { Call } from '../domain/call.ts';
import { type Code, Failure, isFailure } from '../domain/errors.ts';
import type { CallReview, Judged, Reviewer, ReviewStatus } from '../domain/review.ts';
import { MAX_LIMIT, type Page } from './paging.ts';
import type { CallQuery } from './read-calls.ts';
import type { Judgement, ReviewFilter } from './review-calls.ts';
import type { Reviewers } from './reviewers.ts';
import type { CallSearch, FoundCalls } from './search-calls.ts';

export type BulkDeed =
  | { readonly what: 'tag'; readonly add?: readonly string[]; readonly remove?: readonly string[] }
  | { readonly what: 'review'; readonly status: ReviewStatus }
  /** By id; null: to nobody in particular. */
  | { readonly what: 'assign'; readonly assignedTo: string | null }
  | { readonly what: 'analyse' };

/** What people made of a call before a deed, and the revision that the deed left. */
export interface PutBack {
  readonly callId: string;
  readonly status: ReviewStatus;
  readonly tags: readonly string[];
  /** Absent: stays as it is; null: nobody in particular. */
  readonly assignedTo?: string | null;
  readonly revision: number;
}

export interface BulkResult {
  readonly callId: string;
  /** `unchanged`: it was so already. */
  readonly state: 'done' | 'unchanged' | 'failed';
  /** Of a deed that can be taken back. */
  readonly undo?: Omit<PutBack, 'callId'>;
  readonly problem?: { readonly code: Code; readonly detail: string };
}

/** So many calls are chosen at most. */
export const MOST_CHOSEN = 300;
/** How often the list is asked for more. */
const MOST_ROUNDS = 10;

export function createBulkCalls(deps: {
  readonly list: (query: CallQuery & ReviewFilter) => Promise<Page<Call>>;
  readonly search: (query: CallSearch) => Promise<FoundCalls>;
  readonly judge: (
    callId: string,
    given: Judgement,
    by: Reviewer,
  ) => Promise<{ readonly before: CallReview; readonly after: CallReview }>;
  readonly reviewers: Pick<Reviewers, 'chosen' | 'known'>;
  readonly analyse: (request: { readonly callId: string }, requestedBy: string) => Promise<unknown>;
}) {
  const { reviewers } = deps;

  async function judged(callId: string, given: Judgement, by: Reviewer): Promise<BulkResult> {
    const { before, after } = await deps.judge(callId, given, by);
    if (before === after) return { callId, state: 'unchanged' };
    const { status, tags, assignedTo = null } = before;
    const had = before.assignedTo === after.assignedTo ? {} : { assignedTo };
    return { callId, state: 'done', undo: { status, tags, ...had, revision: after.revision } };
  }

  /** What a deed makes of a review; undefined: it is about something else. */
  async function judgementOf(deed: BulkDeed): Promise<Judged | undefined> {
    switch (deed.what) {
      case 'tag':
        return { addTags: deed.add ?? [], removeTags: deed.remove ?? [] };
      case 'review':
        return { status: deed.status };
      case 'assign':
        return { assignee: await reviewers.chosen(deed.assignedTo, 'deed.assignedTo') };
      case 'analyse':
        return undefined;
    }
  }

  /** One after the other; where the store is away the rest is not tried. */
  async function each<T extends { readonly callId: string }>(
    chosen: readonly T[],
    step: (one: T) => Promise<BulkResult>,
  ): Promise<BulkResult[]> {
    const results: BulkResult[] = [];
    let away: Failure | undefined;
    for (const one of chosen) {
      try {
        if (away) throw away;
        results.push(await step(one));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (isFailure(error, 'store_unavailable')) away = error;
        const problem = { code: error.code, detail: error.message };
        results.push({ callId: one.callId, state: 'failed', problem });
      }
    }
    return results;
  }

  return {
    /** The newest calls that fit; `more`: there are others. */
    async matching({
      text,
      ...query
    }: Omit<CallQuery & ReviewFilter, 'limit' | 'cursor'> & { readonly text?: string }): Promise<{
      readonly ids: readonly string[];
      readonly more: boolean;
    }> {
      const ids: string[] = [];
      let cursor: string | undefined;
      for (let round = 0; round < MOST_ROUNDS; round += 1) {
        const asked = {
          ...query,
          limit: Math.min(MAX_LIMIT, MOST_CHOSEN - ids.length),
          ...(cursor === undefined ? {} : { cursor }),
        };
        if (text === undefined) {
          const found = await deps.list(asked);
          ids.push(...found.items.map(({ _id }) => _id));
          cursor = found.nextCursor;
        } else {
          const found = await deps.search({ ...asked, text });
          ids.push(...found.items.map(({ call }) => call._id));
          cursor = found.nextCursor;
        }
        if (cursor === undefined || ids.length >= MOST_CHOSEN) break;
      }
      return { ids, more: cursor !== undefined };
    },

    /** What became of each, in their order. Throws Failure `invalid_request` for whom no call can be given to. */
    async act(callIds: readonly string[], deed: BulkDeed, by: Reviewer): Promise<BulkResult[]> {
      const given = await judgementOf(deed);
      return await each(
        callIds.map((callId) => ({ callId })),
        async ({ callId }) => {
          if (given) return await judged(callId, given, by);
          await deps.analyse({ callId }, by.id);
          return { callId, state: 'done' };
        },
      );
    },

    /** Puts back what a deed changed; a review that somebody changed since stays, with `review_conflict`. */
    undo: (before: readonly PutBack[], by: Reviewer): Promise<BulkResult[]> =>
      each(before, async ({ callId, assignedTo, ...given }) => {
        // Whoever had it may have been deactivated since; it was theirs all the same.
        const had = assignedTo === undefined ? {} : { assignee: await reviewers.known(assignedTo) };
        return await judged(callId, { ...given, ...had }, by);
      }),
  };
}

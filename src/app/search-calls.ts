/** app/search-calls: calls by what was said in them, with the places where it was said. */
import type { Call } from '../domain/call.ts';
import type { TranscriptMessage } from '../domain/documents.ts';
import { mentions, wantedIn } from '../domain/search-text.ts';
import type { Store } from './ports.ts';
import { type CallQuery, callFilter } from './read-calls.ts';
import { asksForReviews, type ReviewFilter, reviewedSo } from './review-calls.ts';

export interface CallSearch extends CallQuery, ReviewFilter {
  /** Words and "phrases", all of which were said. */
  readonly text: string;
}

export interface FoundCall {
  readonly call: Call;
  /** The first messages that have one of the words; `index` counts the messages of the transcript from 0. */
  readonly said: readonly (TranscriptMessage & { readonly index: number })[];
}

export interface FoundCalls {
  readonly items: readonly FoundCall[];
  /** Absent on the last page; a page may have fewer calls than asked for where a filter leaves many out. */
  readonly nextCursor?: string;
  /** False: the index is being made, and there may be more. */
  readonly complete: boolean;
}

/** What was said is looked up for so many calls at once, and for so many a page, where filters leave some out. */
const AT_ONCE = 200;
const MOST_A_PAGE = 1_000;
const MOST_SHOWN = 3;

/** The newest talks first. Throws Failure `invalid_request` for a text without a word, and what the store throws. */
export function createSearchCalls({ store }: { readonly store: Store }) {
  return async function searchCalls({ text, limit, cursor, ...filters }: CallSearch): Promise<FoundCalls> {
    const filter = callFilter(filters);
    const isNarrowed = Object.keys(filter).length > 0 || asksForReviews(filters);
    const found: Call[] = [];
    let from = cursor;
    let complete = true;
    let isLast = false;
    for (let looked = 0; !isLast && found.length < limit && looked < MOST_A_PAGE; ) {
      const page = await store.said({
        text,
        limit: isNarrowed ? AT_ONCE : limit - found.length,
        ...(from === undefined ? {} : { cursor: from }),
      });
      looked += page.hits.length;
      complete &&= page.complete;
      isLast = page.isLast;
      const calls = await store.collection('calls').find({
        filter: { $and: [{ _id: { $in: page.hits.map(({ callId }) => callId) } }, filter] },
      });
      const reviewed = await reviewedSo(store, calls, filters);
      const byId = new Map(reviewed.map((call) => [call._id, call]));
      for (const [at, hit] of page.hits.entries()) {
        from = hit.cursor;
        const call = byId.get(hit.callId);
        if (!call) continue;
        found.push(call);
        if (found.length < limit) continue;
        isLast &&= at === page.hits.length - 1;
        break;
      }
    }
    const transcripts = await store.collection('call_transcripts').find({
      filter: { callId: { $in: found.map(({ _id }) => _id) } },
    });
    const messages = new Map(transcripts.map((each) => [each.callId, each.messages]));
    const wanted = wantedIn(text);
    return {
      items: found.map((call) => ({
        call,
        said: (messages.get(call._id) ?? [])
          .map((message, index) => ({ ...message, index }))
          .filter((message) => mentions(message.text, wanted))
          .slice(0, MOST_SHOWN),
      })),
      ...(isLast || from === undefined ? {} : { nextCursor: from }),
      complete,
    };
  };
}

/** app/search-calls: calls by what was said in them, with the places where it was said. */
import type { Call } from '../domain/call.ts';
import type { TranscriptMessage } from '../domain/documents.ts';
import { mentions, wantedIn } from '../domain/search-text.ts';
import type { Store } from './ports.ts';
import { type CallQuery, callFilter } from './read-calls.ts';
import { type ReviewFilter, reviewedSo } from './review-calls.ts';

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

/** How often the index is asked for one page. */
const MOST_ROUNDS = 20;
const MOST_SHOWN = 3;

/** The newest talks first. Throws Failure `invalid_request` for a text without a word, and what the store throws. */
export function createSearchCalls({ store }: { readonly store: Store }) {
  return async function searchCalls({
    text,
    limit,
    cursor,
    review,
    tag,
    ...filters
  }: CallSearch): Promise<FoundCalls> {
    const found: Call[] = [];
    let from = cursor;
    let complete = true;
    for (let round = 0; round < MOST_ROUNDS && found.length < limit; round += 1) {
      // What the index answers is taken whole, for it goes on only behind its last.
      const page = await store.said({
        text,
        limit: limit - found.length,
        ...(from === undefined ? {} : { cursor: from }),
      });
      complete &&= page.complete;
      from = page.cursor;
      const calls = await store.collection('calls').find({
        filter: { $and: [{ _id: { $in: page.callIds } }, callFilter(filters)] },
      });
      const reviewed = await reviewedSo(store, calls, {
        ...(review ? { review } : {}),
        ...(tag ? { tag } : {}),
      });
      const byId = new Map(reviewed.map((call) => [call._id, call]));
      found.push(...page.callIds.flatMap((id) => byId.get(id) ?? []));
      if (from === undefined) break;
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
      ...(from === undefined ? {} : { nextCursor: from }),
      complete,
    };
  };
}

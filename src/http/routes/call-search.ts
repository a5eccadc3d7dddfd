/** http/routes/call-search: calls by what was said in them, what was found as a file, and one deed for many calls. */
import {
  CallBulk,
  CallBulkResults,
  CallBulkUndo,
  CallFileQuery,
  CallMatches,
  CallMatchesQuery,
  CallScripts,
  CallSearchQuery,
  CallsToReview,
  FoundCalls,
  Reviewers,
} from '../../contract/index.ts';
import type { Call } from '../../domain/call.ts';
import { callsCsv } from '../calls-csv.ts';
import type { AppForHttp, PageOf } from '../needs.ts';
import { presentCall } from '../present.ts';
import { type Route, route } from '../route.ts';
import { sendPieces } from '../stream.ts';
import { callFilters, present } from './read.ts';
import { reviewer } from './reviews.ts';

/** So many calls of a file are in memory at once. */
const ROWS_AT_ONCE = 50;

export const callSearchRoutes = ({
  app,
}: {
  readonly app: Pick<AppForHttp, 'bulk' | 'calls' | 'reviews'>;
}): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/calls/search',
    summary: 'Find calls by what was said in them, newest first',
    tag: 'calls',
    role: 'USER',
    query: CallSearchQuery,
    responses: { 200: { description: 'A page of calls, with the places.', schema: FoundCalls } },
    handle: async ({ query, caller }) => {
      const found = await app.calls.search(callFilters(query, caller));
      return {
        status: 200,
        json: {
          items: found.items.map(({ call, said }) => ({
            call: presentCall(call),
            said: said.map(({ index, speaker, text, timestamp }) => ({ index, speaker, text, timestamp })),
          })),
          ...present({ nextCursor: found.nextCursor }),
          complete: found.complete,
        },
      };
    },
  }),
  route({
    method: 'GET',
    path: '/api/v1/calls.csv',
    summary: 'All calls that fit, as a CSV file, newest first',
    tag: 'calls',
    role: 'USER',
    query: CallFileQuery,
    responses: { 200: { description: 'A line for each call.', content: ['text/csv'] } },
    handle: async ({ query, caller, request, response }) => {
      const { text, ...filters } = callFilters(query, caller);
      const read = async (cursor: string | undefined): Promise<PageOf<Call>> => {
        const page = { ...filters, limit: ROWS_AT_ONCE, ...present({ cursor }) };
        if (text === undefined) return await app.calls.list(page);
        const { items, nextCursor } = await app.calls.search({ ...page, text });
        return { items: items.map(({ call }) => call), ...present({ nextCursor }) };
      };
      const headers = {
        'content-type': 'text/csv; charset=utf-8',
        'content-disposition': 'attachment; filename="calls.csv"',
      };
      await sendPieces(request, response, headers, callsCsv(read, app.reviews.reviewsOf));
      return 'written' as const;
    },
  }),
  route({
    method: 'GET',
    path: '/api/v1/calls/scripts',
    summary: 'The versions of the scripts that agents were given, newest first',
    tag: 'calls',
    role: 'USER',
    responses: { 200: { description: 'At most 50.', schema: CallScripts } },
    handle: async () => {
      const scripts = await app.calls.scripts();
      const items = scripts.map(({ name, hash, createdAt }) => ({
        name,
        hash,
        createdAt: createdAt.toISOString(),
      }));
      return { status: 200, json: { items } };
    },
  }),
  route({
    method: 'GET',
    path: '/api/v1/calls/reviewers',
    summary: 'Who calls can be given to for review, by id and name',
    tag: 'calls',
    role: 'USER',
    responses: { 200: { description: 'All of them.', schema: Reviewers } },
    handle: async () => ({ status: 200, json: await app.reviews.reviewers() }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/calls/to-review',
    summary: 'How many calls wait for your review',
    tag: 'calls',
    role: 'USER',
    responses: { 200: { description: 'Those that nobody looked at yet.', schema: CallsToReview } },
    handle: async ({ caller }) => ({
      status: 200,
      json: { calls: await app.reviews.waiting(caller.userId) },
    }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/calls/matching',
    summary: 'The ids of the newest 300 calls that fit, for a deed on many of them',
    tag: 'calls',
    role: 'USER',
    query: CallMatchesQuery,
    responses: { 200: { description: 'The ids.', schema: CallMatches } },
    handle: async ({ query, caller }) => ({
      status: 200,
      json: await app.bulk.matching(callFilters(query, caller)),
    }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/calls/bulk',
    summary:
      'Tag up to 100 calls, set their review status, give them to somebody to review, or have them analysed again',
    tag: 'calls',
    role: 'ANALYST',
    body: CallBulk,
    responses: { 200: { description: 'What became of each.', schema: CallBulkResults } },
    handle: async ({ body: { callIds, deed }, caller, response }) => {
      response.locals.deed = deed.what;
      const to = deed.what === 'assign' ? deed.assignedTo : undefined;
      response.locals.touched = [...callIds, to];
      return { status: 200, json: { items: await app.bulk.act(callIds, deed, reviewer(caller)) } };
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/calls/bulk/undo',
    summary: 'Put status, tags and reviewer of calls back, where nobody changed them since',
    tag: 'calls',
    role: 'ANALYST',
    body: CallBulkUndo,
    responses: { 200: { description: 'What became of each.', schema: CallBulkResults } },
    handle: async ({ body: { reviews }, caller, response }) => {
      response.locals.touched = reviews.map(({ callId }) => callId);
      return { status: 200, json: { items: await app.bulk.undo(reviews, reviewer(caller)) } };
    },
  }),
];

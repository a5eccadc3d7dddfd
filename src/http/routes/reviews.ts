/**
 * http/routes/reviews: what people make of calls: status, tags, comments, corrected words, tests made of them; and the views of
 * lists that they keep.
 */
import { z } from 'zod';
import {
  CallCommentCreate,
  CallCommentPatch,
  CallReview,
  CallReviewPut,
  CallTest,
  Id,
  SavedView,
  SavedViewPut,
  SavedViewQuery,
  Transcript,
  WordsCorrection,
  WordsPath,
} from '../../contract/index.ts';
import type { Reviewer } from '../../domain/review.ts';
import type { Caller } from '../auth.ts';
import type { AppForHttp } from '../needs.ts';
import { presentReview, presentView } from '../present.ts';
import { type Route, route } from '../route.ts';

const CallPath = z.object({ callId: Id });
const CommentPath = z.object({ callId: Id, commentId: Id });

export const reviewer = ({ userId, name, role }: Caller): Reviewer => ({
  id: userId,
  name,
  isAdmin: role === 'ADMIN',
});

const WORDS = { description: 'The transcript as it reads now.', schema: Transcript };
const REVIEW = { description: 'The review as it is now.', schema: CallReview };

export const reviewRoutes = ({
  app: { calls, reviews, savedViews },
}: {
  readonly app: Pick<AppForHttp, 'calls' | 'reviews' | 'savedViews'>;
}): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/calls/:callId/review',
    summary: 'What people made of a call',
    tag: 'calls',
    role: 'USER',
    params: CallPath,
    responses: { 200: REVIEW },
    problems: ['call_not_found'],
    handle: async ({ params }) => ({
      status: 200,
      json: presentReview(await reviews.review(params.callId)),
    }),
  }),
  route({
    method: 'PUT',
    path: '/api/v1/calls/:callId/review',
    summary: 'Set the status and the tags of a call, and who is to review it',
    tag: 'calls',
    role: 'ANALYST',
    params: CallPath,
    body: CallReviewPut,
    responses: { 200: REVIEW },
    problems: ['call_not_found'],
    handle: async ({ params, body, caller, response }) => {
      response.locals.touched = [body.assignedTo];
      return {
        status: 200,
        json: presentReview(await reviews.judge(params.callId, body, reviewer(caller))),
      };
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/calls/:callId/comments',
    summary: 'Comment on a call, or on one second of it',
    tag: 'calls',
    role: 'ANALYST',
    params: CallPath,
    body: CallCommentCreate,
    idempotency: 'kept',
    responses: { 201: REVIEW },
    problems: ['call_not_found'],
    handle: async ({ params, body, caller }) => ({
      status: 201,
      json: presentReview(await reviews.comment(params.callId, body, reviewer(caller))),
    }),
  }),
  route({
    method: 'PATCH',
    path: '/api/v1/calls/:callId/comments/:commentId',
    summary: 'Write a comment anew: one of your own, or any as an administrator',
    tag: 'calls',
    role: 'ANALYST',
    params: CommentPath,
    body: CallCommentPatch,
    responses: { 200: REVIEW },
    problems: ['call_not_found', 'not_found'],
    handle: async ({ params, body, caller }) => ({
      status: 200,
      json: presentReview(
        await reviews.editComment(params.callId, params.commentId, body.text, reviewer(caller)),
      ),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/api/v1/calls/:callId/comments/:commentId',
    summary: 'Remove a comment for good: one of your own, or any as an administrator',
    tag: 'calls',
    role: 'ANALYST',
    params: CommentPath,
    responses: { 200: REVIEW },
    problems: ['call_not_found', 'not_found'],
    handle: async ({ params, caller }) => ({
      status: 200,
      json: presentReview(await reviews.removeComment(params.callId, params.commentId, reviewer(caller))),
    }),
  }),
  route({
    method: 'PUT',
    path: '/api/v1/calls/:callId/transcript/:messageIndex',
    summary: 'Correct what a line of the transcript of a call that is over says; what was heard is kept',
    tag: 'calls',
    role: 'ANALYST',
    params: WordsPath,
    body: WordsCorrection,
    responses: { 200: WORDS },
    problems: ['call_not_found', 'not_found', 'transcript_conflict'],
    handle: async ({ params, body, caller }) => {
      await calls.correctWords({ ...params, wording: body }, { id: caller.userId, name: caller.name });
      return { status: 200, json: { callId: params.callId, ...(await calls.transcript(params.callId)) } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/api/v1/calls/:callId/transcript/:messageIndex',
    summary: 'Let a corrected line of the transcript read again as it was heard',
    tag: 'calls',
    role: 'ANALYST',
    params: WordsPath,
    responses: { 200: WORDS },
    problems: ['call_not_found', 'not_found'],
    handle: async ({ params, caller }) => {
      await calls.correctWords(params, { id: caller.userId, name: caller.name });
      return { status: 200, json: { callId: params.callId, ...(await calls.transcript(params.callId)) } };
    },
  }),
  route({
    method: 'GET',
    path: '/api/v1/calls/:callId/test',
    summary: 'A call as a written conversation with what is expected of its analysis, personal data replaced',
    tag: 'calls',
    role: 'ANALYST',
    params: CallPath,
    responses: {
      200: {
        description:
          'To be looked through by somebody: save `conversation` as a file for `npm run evals -- <file>`.',
        schema: CallTest,
      },
    },
    problems: ['call_not_found', 'not_found', 'invalid_request'],
    handle: async ({ params }) => ({
      status: 200,
      json: { callId: params.callId, ...(await calls.writeConversation(params.callId)) },
    }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/views',
    summary: 'Your own saved views of a list, by name',
    tag: 'account',
    role: 'USER',
    query: SavedViewQuery,
    responses: { 200: { description: 'All of them.', schema: z.object({ items: z.array(SavedView) }) } },
    handle: async ({ query, caller }) => ({
      status: 200,
      json: { items: (await savedViews.list(caller.userId, query.of)).map(presentView) },
    }),
  }),
  route({
    method: 'PUT',
    path: '/api/v1/views',
    summary: 'Keep a view under a name; one of the same name is replaced',
    tag: 'account',
    role: 'USER',
    body: SavedViewPut,
    responses: { 200: { description: 'The view.', schema: SavedView } },
    handle: async ({ body, caller }) => ({
      status: 200,
      json: presentView(await savedViews.save(caller.userId, body)),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/api/v1/views/:viewId',
    summary: 'Remove a view',
    tag: 'account',
    role: 'USER',
    params: z.object({ viewId: Id }),
    responses: { 204: { description: 'It is gone.' } },
    problems: ['not_found'],
    handle: async ({ params, caller }) => {
      await savedViews.remove(caller.userId, params.viewId);
      return { status: 204 };
    },
  }),
];

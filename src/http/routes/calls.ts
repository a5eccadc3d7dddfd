/** http/routes/calls: calls as they are asked for, watched, read, heard and ended. */
import { z } from 'zod';
import {
  Call,
  CallAction,
  CallCreate,
  CallEvent,
  CallQuery,
  Id,
  ListedCall,
  LiveChange,
  page,
  Transcript,
  Waveform,
} from '../../contract/index.ts';
import { Failure } from '../../domain/errors.ts';
import type { Audit } from '../audit.ts';
import type { Auth } from '../auth.ts';
import type { LiveWall } from '../live.ts';
import type { AppForHttp } from '../needs.ts';
import {
  presentCall,
  presentDecision,
  presentEvent,
  presentListedCall,
  presentPage,
  transcriptText,
  transcriptVtt,
} from '../present.ts';
import { sendRecording } from '../recording.ts';
import { type Route, route } from '../route.ts';
import { callFilters, present } from './read.ts';

const CallPath = z.object({ callId: Id });

/** What could not be checked may be checked again after this long (reference §8). */
const CHECK_AGAIN_SEC = 300;

export function callRoutes({
  app,
  auth,
  live,
  audit,
}: {
  readonly app: Pick<AppForHttp, 'calls' | 'reviews'>;
  readonly auth: Auth;
  readonly live: LiveWall;
  readonly audit: Audit;
}): Route[] {
  return [
    route({
      method: 'POST',
      path: '/api/v1/calls',
      summary: 'Call a lead, if the gate permits it',
      tag: 'calls',
      role: 'ANALYST',
      body: CallCreate,
      idempotency: 'passed',
      responses: { 202: { description: 'The call goes out; `Location` is its address.', schema: Call } },
      problems: [
        'dial_denied',
        'attempt_in_progress',
        'lead_not_found',
        'campaign_not_found',
        'at_capacity',
        'dial_refused',
        'dial_unconfirmed',
        'telephony_unavailable',
        'shutting_down',
      ],
      handle: async ({ body, caller, idempotencyKey }) => {
        const placed = await app.calls.place({
          ...body,
          requestedBy: caller.userId,
          // Two people may choose the same key.
          ...present({
            idempotencyKey: idempotencyKey === undefined ? undefined : `${caller.userId}:${idempotencyKey}`,
          }),
        });
        if (placed.kind === 'denied') {
          throw new Failure('dial_denied', placed.decision.explanation, {
            details: {
              decision: presentDecision(placed.decision),
              call: presentCall(placed.call),
              ...(placed.decision.reason === 'check_error' ? { retryInSec: CHECK_AGAIN_SEC } : {}),
            },
          });
        }
        return {
          status: 202,
          json: presentCall(placed.call),
          headers: { location: `/api/v1/calls/${placed.call._id}` },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/calls',
      summary: 'List calls, newest first',
      tag: 'calls',
      role: 'USER',
      query: CallQuery,
      responses: { 200: { description: 'A page of calls.', schema: page(ListedCall) } },
      handle: async ({ query }) => {
        const found = await app.calls.list(callFilters(query));
        const reviews = await app.reviews.reviewsOf(found.items);
        return {
          status: 200,
          json: presentPage(found, (call) => presentListedCall(call, reviews.get(call._id))),
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/calls/live',
      summary: 'Live calls as server-sent events: a snapshot, then every change',
      tag: 'calls',
      role: 'USER',
      responses: {
        200: {
          description:
            'The event name is the `type` of the message; a comment comes every 15 seconds. A viewer that falls behind gets `reconnect` and is let go.',
          schema: LiveChange,
          content: ['text/event-stream'],
        },
      },
      problems: ['at_capacity', 'shutting_down'],
      handle: ({ request, response, caller, requestId }) => {
        audit('calls.watch', { caller, requestId }, { callId: 'live' });
        live.serve(request, response, () => auth.stillGood(caller));
        return 'written' as const;
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/calls/:callId',
      summary: 'One call',
      tag: 'calls',
      role: 'USER',
      params: CallPath,
      responses: { 200: { description: 'The call.', schema: Call } },
      problems: ['call_not_found'],
      handle: async ({ params }) => ({ status: 200, json: presentCall(await app.calls.get(params.callId)) }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/calls/:callId/transcript',
      summary: 'What was said, as JSON, text or subtitles',
      tag: 'calls',
      role: 'USER',
      params: CallPath,
      query: z.strictObject({ format: z.exactOptional(z.enum(['json', 'txt', 'vtt'])) }),
      responses: {
        200: {
          description: 'The transcript. Without `format` the Accept header decides.',
          schema: Transcript,
          content: ['text/plain', 'text/vtt'],
        },
      },
      problems: ['call_not_found'],
      handle: async ({ params, query, request, caller, requestId }) => {
        const transcript = await app.calls.transcript(params.callId);
        audit('transcript.read', { caller, requestId }, { callId: params.callId });
        const accepted = request.accepts(['application/json', 'text/vtt', 'text/plain']);
        const format =
          query.format ?? (accepted === 'text/vtt' ? 'vtt' : accepted === 'text/plain' ? 'txt' : 'json');
        const headers = { vary: 'Accept' };
        switch (format) {
          case 'txt':
            return {
              status: 200,
              text: transcriptText(transcript.messages),
              contentType: 'text/plain; charset=utf-8',
              headers,
            };
          case 'vtt':
            return {
              status: 200,
              text: transcriptVtt(transcript.messages),
              contentType: 'text/vtt; charset=utf-8',
              headers,
            };
          case 'json':
            return { status: 200, json: { callId: params.callId, ...transcript }, headers };
        }
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/calls/:callId/events',
      summary: 'Everything that happened to a call, in order',
      tag: 'calls',
      role: 'USER',
      params: CallPath,
      responses: {
        200: { description: 'All events.', schema: z.object({ items: z.array(CallEvent) }) },
      },
      problems: ['call_not_found'],
      handle: async ({ params, caller, requestId }) => {
        const items = (await app.calls.events(params.callId)).map(presentEvent);
        audit('events.read', { caller, requestId }, { callId: params.callId });
        return { status: 200, json: { items } };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/calls/:callId/recording',
      summary: 'The audio of a call: stereo WAV, caller left, agent right; byte ranges are served',
      tag: 'calls',
      role: 'USER',
      params: CallPath,
      responses: {
        200: { description: 'All of it.', content: ['audio/wav'] },
        206: { description: 'The range that was asked for.', content: ['audio/wav'] },
        304: { description: 'The one you have is the newest.' },
      },
      problems: ['call_not_found', 'recording_not_found', 'range_not_satisfiable'],
      handle: async ({ params, caller, requestId, request, response }) => {
        const recording = await app.calls.recording(params.callId);
        if (recording === undefined) {
          throw new Failure('recording_not_found', 'This call has no recording.');
        }
        audit('recording.read', { caller, requestId }, { callId: params.callId });
        await sendRecording(request, response, params.callId, recording, requestId);
        return 'written' as const;
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/calls/:callId/waveform',
      summary: 'How loud each side of a call was: a picture of its recording',
      tag: 'calls',
      role: 'USER',
      params: CallPath,
      responses: { 200: { description: 'At most 4000 buckets.', schema: Waveform } },
      problems: ['call_not_found', 'recording_not_found'],
      handle: async ({ params }) => {
        await app.calls.get(params.callId);
        const waveform = await app.calls.waveform(params.callId);
        if (!waveform) throw new Failure('recording_not_found', 'This call has no recording.');
        return { status: 200, json: waveform, headers: { 'cache-control': 'private, no-cache' } };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/calls/:callId/actions',
      summary: 'Act on a live call',
      tag: 'calls',
      role: 'ANALYST',
      params: CallPath,
      body: CallAction,
      responses: { 202: { description: 'The call as it is now; it ends in a moment.', schema: Call } },
      problems: ['call_not_found', 'call_over', 'telephony_unavailable'],
      handle: async ({ params, caller }) => {
        await app.calls.end({ callId: params.callId, by: caller.userId });
        return { status: 202, json: presentCall(await app.calls.get(params.callId)) };
      },
    }),
  ];
}

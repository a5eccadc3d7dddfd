/** http/routes/calls: calls as they are asked for, watched, read, heard and ended. */
import { z } from 'zod';
import type { Person } from '../../app/floor.ts';
import {
  Call,
  CallAction,
  CallCreate,
  CallEvent,
  CallQuery,
  Id,
  ListedCall,
  ListenMessage,
  LiveChange,
  page,
  Transcript,
  Waveform,
} from '../../contract/index.ts';
import { Failure } from '../../domain/errors.ts';
import type { Audit } from '../audit.ts';
import type { Auth } from '../auth.ts';
import type { Listening } from '../listen.ts';
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
import { protocolProblem, sendProblem } from '../problems.ts';
import { sendRecording } from '../recording.ts';
import { type Route, route } from '../route.ts';
import { transcriptCsv } from '../transcript-csv.ts';
import { callFilters, present } from './read.ts';

const CallPath = z.object({ callId: Id });
export const LISTEN_PATH = '/api/v1/calls/:callId/listen';

/** What could not be checked may be checked again after this long (reference §8). */
const CHECK_AGAIN_SEC = 300;

async function act(
  { attend, end }: AppForHttp['calls'],
  callId: string,
  person: Person,
  deed: CallAction,
): Promise<void> {
  switch (deed.action) {
    case 'end':
      return await end({ callId, by: person.by });
    case 'whisper':
      return await attend.whisper(callId, person, deed.text);
    case 'takeover':
      return await attend.takeOver(callId, person, deed.listener);
    case 'handback':
      return await attend.handBack(callId, person, deed.note);
    case 'transfer':
      return await attend.passOn(callId, person, deed.to);
  }
}

export function callRoutes({
  app,
  auth,
  live,
  listening,
  audit,
}: {
  readonly app: Pick<AppForHttp, 'calls' | 'reviews'>;
  readonly auth: Auth;
  readonly live: LiveWall;
  readonly listening: Listening;
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
      handle: async ({ query, caller }) => {
        const found = await app.calls.list(callFilters(query, caller));
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
      summary: 'What was said, as JSON, text, subtitles or CSV',
      tag: 'calls',
      role: 'USER',
      params: CallPath,
      query: z.strictObject({ format: z.exactOptional(z.enum(['json', 'txt', 'vtt', 'csv'])) }),
      responses: {
        200: {
          description: 'The transcript. Without `format` the Accept header decides.',
          schema: Transcript,
          content: ['text/plain', 'text/vtt', 'text/csv'],
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
          case 'csv':
            return {
              status: 200,
              text: transcriptCsv(transcript.messages),
              contentType: 'text/csv; charset=utf-8',
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
      method: 'GET',
      path: LISTEN_PATH,
      summary: 'Hear a live call, and speak on it after a takeover, over a WebSocket',
      tag: 'calls',
      role: 'USER',
      params: CallPath,
      responses: {
        101: {
          description:
            'Text messages are JSON as in the schema, `listening` first. A binary message is one lane byte (0 caller, 1 agent, 2 manager), four bytes big-endian of when it is heard in ms since the talk began, and μ-law at 8 kHz; messages of one lane follow each other in time. After `takeover` send your voice as binary μ-law, 160 bytes every 20 ms, silence included: after 5 s without any the agent has the call back. Whoever reads slowly loses sound and is told (`gap`). Answer pings. With the session cookie `Origin` must be ours.',
          schema: ListenMessage,
        },
      },
      problems: [
        'upgrade_required',
        'call_not_found',
        'call_over',
        'call_not_talking',
        'call_elsewhere',
        'listener_limit',
        'shutting_down',
      ],
      handle: async ({ params, request, response, caller, requestId }) => {
        if (!listening.isUpgrade(request)) {
          const detail = 'Open this address as a WebSocket.';
          sendProblem(response, protocolProblem('upgrade_required', detail, requestId), {
            upgrade: 'websocket',
            connection: 'Upgrade',
          });
          return 'written' as const;
        }
        await listening.serve(request, params.callId, caller, () => auth.stillGood(caller));
        audit('calls.listen', { caller, requestId }, { callId: params.callId });
        return 'written' as const;
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/calls/:callId/actions',
      summary: 'Act on a live call: end it, whisper to its agent, take it over, hand it back, transfer it',
      tag: 'calls',
      role: 'ANALYST',
      params: CallPath,
      body: CallAction,
      responses: { 202: { description: 'The call as it is now.', schema: Call } },
      problems: [
        'call_not_found',
        'call_over',
        'call_not_talking',
        'call_elsewhere',
        'already_taken_over',
        'not_taken_over',
        'not_listening',
        'agent_unavailable',
        'transfer_not_configured',
        'telephony_unavailable',
      ],
      handle: async ({ params: { callId }, body, caller, requestId, response }) => {
        const person = { by: caller.userId, name: caller.name };
        response.locals.deed = body.action;
        audit(`calls.${body.action}`, { caller, requestId }, { callId });
        await act(app.calls, callId, person, body);
        return { status: 202, json: presentCall(await app.calls.get(callId)) };
      },
    }),
  ];
}

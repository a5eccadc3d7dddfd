/** http/routes: the table of everything people and programs may ask for. It serves the requests and is the documentation. */
import { z } from 'zod';
import type { Clock, Log } from '../app/ports.ts';
import {
  Call,
  CallAction,
  CallCreate,
  CallEvent,
  CallQuery,
  Campaign,
  CampaignCreate,
  CampaignPatch,
  CampaignQuery,
  ComplianceCheck,
  ComplianceFacts,
  ConsentGrant,
  ConsentLog,
  ConsentQuery,
  ConsentRevoke,
  ConsentVerification,
  CreatedLead,
  Decision,
  DecisionQuery,
  DecisionRecord,
  DncAdd,
  DncEntry,
  DncQuery,
  DncRelease,
  Evaluation,
  type FieldError,
  Health,
  Id,
  Lead,
  LeadCreate,
  LeadPatch,
  LeadQuery,
  LiveChange,
  PhoneText,
  page,
  Readiness,
  Session,
  Settings,
  SignIn,
  Timeline,
  Transcript,
} from '../contract/index.ts';
import { Failure } from '../domain/errors.ts';
import { parsePhone } from '../domain/phone.ts';
import type { Auth, Caller } from './auth.ts';
import { readFacts } from './facts.ts';
import type { LiveWall } from './live.ts';
import { type Metric, metricsText } from './metrics.ts';
import type { AppForHttp, ConsentGiven } from './needs.ts';
import {
  presentCall,
  presentCampaign,
  presentConsent,
  presentCreatedLead,
  presentDecision,
  presentDnc,
  presentEvent,
  presentLead,
  presentPage,
  presentTimeline,
  transcriptText,
  transcriptVtt,
} from './present.ts';
import { invalid } from './problems.ts';
import { sendRecording } from './recording.ts';
import { type Route, route } from './route.ts';

export interface RouteNeeds {
  readonly app: AppForHttp;
  readonly auth: Auth;
  readonly live: LiveWall;
  readonly log: Log;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: () => readonly Metric[];
}

/** Copies the members that are there: an absent one stays absent. */
type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};
const present = <T extends object>(values: T): Present<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;

function phoneAt(where: FieldError['in'], pointer: string, text: string): string;
function phoneAt(where: FieldError['in'], pointer: string, text: string | undefined): string | undefined;
function phoneAt(where: FieldError['in'], pointer: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const phone = parsePhone(text);
  if (phone === undefined) {
    throw invalid([{ in: where, pointer, detail: 'must be a phone number without an extension' }]);
  }
  return phone;
}

const date = (text: string | undefined): Date | undefined =>
  text === undefined ? undefined : new Date(text);

function consentGiven(given: z.output<typeof LeadCreate>['consent'] & object): ConsentGiven {
  const { expiresAt, at, ...rest } = given;
  return { ...rest, ...present({ expiresAt: date(expiresAt), at: date(at) }) };
}

function readCalling(given: z.output<typeof CampaignCreate>['calling']): { calling?: typeof given & object } {
  if (given === undefined) return {};
  const { transferNumber, ...rest } = given;
  const number = phoneAt('body', '/calling/transferNumber', transferNumber);
  return { calling: { ...rest, ...present({ transferNumber: number }) } };
}

const sessionOf = (caller: Caller): Session => ({
  user: { id: caller.userId, name: caller.name },
  role: caller.role,
  via: caller.via,
  ...(caller.session ? { expiresAt: new Date(caller.session.expiresAtMs).toISOString() } : {}),
});

const LeadPath = z.object({ leadId: Id });
const CallPath = z.object({ callId: Id });
const CampaignPath = z.object({ campaignId: Id });

const READY_WITHIN_MS = 3_000;

export function buildRoutes({
  app,
  auth,
  live,
  log,
  clock,
  settings,
  readiness,
  metrics,
}: RouteNeeds): Route[] {
  const audit = (action: string, caller: Caller, callId: string, requestId: string): void =>
    log.info({ audit: true, action, userId: caller.userId, via: caller.via, callId, requestId }, 'audit');

  const readyInTime = async (): Promise<Readiness> => {
    const over = new AbortController();
    const late = clock.sleep(READY_WITHIN_MS, over.signal).then(
      (): Readiness => ({
        status: 'not_ready',
        checks: [{ name: 'readiness', ok: false, detail: `no answer within ${READY_WITHIN_MS / 1000} s` }],
        sandbox: settings.sandbox,
      }),
    );
    try {
      return await Promise.race([readiness(), late]);
    } finally {
      late.catch(() => {});
      over.abort();
    }
  };

  return [
    // ── Signing in ──────────────────────────────────────────────────────────────────────────────────────────────────
    route({
      method: 'POST',
      path: '/api/v1/auth/link',
      summary: 'Sign in with the token of a printed link; it works once',
      tag: 'auth',
      role: 'public',
      body: SignIn,
      responses: { 204: { description: 'Signed in; the session cookie is set.' } },
      problems: ['unauthenticated', 'forbidden', 'rate_limited'],
      handle: ({ body }) => ({ status: 204, headers: { 'set-cookie': auth.signIn(body.token) } }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/auth/logout',
      summary: 'End the session',
      tag: 'auth',
      role: 'public',
      responses: { 204: { description: 'Signed out; the cookie is gone.' } },
      problems: ['forbidden'],
      handle: ({ caller }) => ({ status: 204, headers: { 'set-cookie': auth.signOut(caller) } }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/auth/me',
      summary: 'Who is signed in',
      tag: 'auth',
      role: 'USER',
      responses: { 200: { description: 'The session.', schema: Session } },
      handle: ({ caller }) => ({ status: 200, json: sessionOf(caller) }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/settings',
      summary: 'What the dashboard needs to know of this installation',
      tag: 'auth',
      role: 'USER',
      responses: { 200: { description: 'The settings.', schema: Settings } },
      handle: () => ({ status: 200, json: settings }),
    }),

    // ── Leads ───────────────────────────────────────────────────────────────────────────────────────────────────────
    route({
      method: 'GET',
      path: '/api/v1/leads',
      summary: 'List leads, newest first',
      tag: 'leads',
      role: 'USER',
      query: LeadQuery,
      responses: { 200: { description: 'A page of leads.', schema: page(Lead) } },
      handle: async ({ query }) => {
        const { phone, ...rest } = query;
        const found = await app.leads.list({
          ...rest,
          ...present({ phone: phoneAt('query', 'phone', phone) }),
        });
        return { status: 200, json: presentPage(found, presentLead) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/leads',
      summary: 'Create a lead, with the evidence of its consent when there is one',
      tag: 'leads',
      role: 'ANALYST',
      body: LeadCreate,
      idempotency: 'kept',
      responses: { 201: { description: 'The lead; `Location` is its address.', schema: CreatedLead } },
      problems: ['duplicate_key'],
      handle: async ({ body, caller }) => {
        const { contact, consent, ...rest } = body;
        const { phone, alternatePhone, ...person } = contact;
        const lead = await app.leads.create(
          {
            ...rest,
            contact: {
              ...person,
              phone: phoneAt('body', '/contact/phone', phone),
              ...present({ alternatePhone: phoneAt('body', '/contact/alternatePhone', alternatePhone) }),
            },
            ...present({ consent: consent === undefined ? undefined : consentGiven(consent) }),
          },
          caller.userId,
        );
        return {
          status: 201,
          json: presentCreatedLead(lead),
          headers: { location: `/api/v1/leads/${lead._id}` },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/leads/:leadId',
      summary: 'One lead',
      tag: 'leads',
      role: 'USER',
      params: LeadPath,
      responses: { 200: { description: 'The lead.', schema: Lead } },
      problems: ['lead_not_found'],
      handle: async ({ params }) => ({ status: 200, json: presentLead(await app.leads.get(params.leadId)) }),
    }),
    route({
      method: 'PATCH',
      path: '/api/v1/leads/:leadId',
      summary: 'Change a lead',
      tag: 'leads',
      role: 'ANALYST',
      params: LeadPath,
      body: LeadPatch,
      responses: { 200: { description: 'The lead as it is now.', schema: Lead } },
      problems: ['lead_not_found', 'duplicate_key'],
      handle: async ({ params, body, caller }) => {
        const { contact, nextFollowUp, ...rest } = body;
        const { phone, alternatePhone, ...person }: NonNullable<typeof contact> = contact ?? {};
        const change = {
          ...rest,
          ...present({
            contact:
              contact === undefined
                ? undefined
                : {
                    ...person,
                    ...present({
                      phone: phoneAt('body', '/contact/phone', phone),
                      alternatePhone: phoneAt('body', '/contact/alternatePhone', alternatePhone),
                    }),
                  },
            nextFollowUp: nextFollowUp === null ? null : date(nextFollowUp),
          }),
        };
        return {
          status: 200,
          json: presentLead(await app.leads.update(params.leadId, change, caller.userId)),
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/leads/:leadId/timeline',
      summary: 'Everything that happened around a lead, oldest first',
      tag: 'leads',
      role: 'USER',
      params: LeadPath,
      responses: { 200: { description: 'The timeline.', schema: Timeline } },
      problems: ['lead_not_found'],
      handle: async ({ params }) => {
        const entries = (await app.leads.timeline(params.leadId)).map(presentTimeline);
        return { status: 200, json: { leadId: params.leadId, entries } };
      },
    }),

    // ── The gate ────────────────────────────────────────────────────────────────────────────────────────────────────
    route({
      method: 'POST',
      path: '/api/v1/compliance/check',
      summary: 'What would happen if this lead or number were dialled',
      tag: 'compliance',
      role: 'USER',
      body: ComplianceCheck,
      responses: { 200: { description: 'The decision; nothing was reserved.', schema: Decision } },
      problems: ['lead_not_found', 'campaign_not_found'],
      handle: async ({ body }) => {
        const { at, ...who } = body;
        const decision = await app.compliance.check({ ...who, ...present({ at: date(at) }) });
        return { status: 200, json: presentDecision(decision) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/compliance/evaluate',
      summary: 'Judge the facts in the body and nothing else',
      tag: 'compliance',
      role: 'USER',
      body: ComplianceFacts,
      responses: { 200: { description: 'The answer of the gate.', schema: Evaluation } },
      handle: ({ body }) => {
        const { facts, now } = readFacts(body);
        const { verdict, reason, reasons, nextAllowedAt, explanation } = app.compliance.evaluate(facts, now);
        return {
          status: 200,
          json: {
            verdict,
            reason,
            reasons,
            nextAllowedAt: nextAllowedAt === null ? null : nextAllowedAt.toISOString(),
            explanation,
          },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/compliance/decisions',
      summary: 'Decisions about calls that were asked for, newest first',
      tag: 'compliance',
      role: 'USER',
      query: DecisionQuery,
      responses: { 200: { description: 'A page of decisions.', schema: page(DecisionRecord) } },
      handle: async ({ query }) => {
        const { verdict, from, to, ...rest } = query;
        const found = await app.calls.list({
          ...rest,
          ...present({ from: date(from), to: date(to) }),
          decided: verdict ?? 'any',
        });
        const items = found.items.flatMap((call): DecisionRecord[] =>
          call.complianceDecision === undefined
            ? []
            : [
                {
                  callId: call._id,
                  ...present({ leadId: call.leadId, campaignId: call.campaignId }),
                  contactPhone: call.contactPhone,
                  decision: presentDecision(call.complianceDecision),
                },
              ],
        );
        return { status: 200, json: { items, ...present({ nextCursor: found.nextCursor }) } };
      },
    }),

    // ── Do not call ─────────────────────────────────────────────────────────────────────────────────────────────────
    route({
      method: 'GET',
      path: '/api/v1/dnc',
      summary: 'Numbers that must not be called',
      tag: 'compliance',
      role: 'USER',
      query: DncQuery,
      responses: { 200: { description: 'A page of entries.', schema: page(DncEntry) } },
      handle: async ({ query }) => {
        const { phone, ...rest } = query;
        const found = await app.dnc.list({
          ...rest,
          ...present({ phone: phoneAt('query', 'phone', phone) }),
        });
        return { status: 200, json: presentPage(found, presentDnc) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/dnc',
      summary: 'Put a number on a list; holds at once',
      tag: 'compliance',
      role: 'USER',
      body: DncAdd,
      idempotency: 'kept',
      responses: { 201: { description: 'The entry.', schema: DncEntry } },
      handle: async ({ body, caller }) => {
        const entry = await app.dnc.add(
          { ...body, phone: phoneAt('body', '/phone', body.phone) },
          caller.userId,
        );
        return { status: 201, json: presentDnc(entry) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/dnc/:phone/release',
      summary: 'Take a number off a list; the reason is kept for ever',
      tag: 'compliance',
      role: 'ADMIN',
      params: z.object({ phone: PhoneText }),
      body: DncRelease,
      responses: { 200: { description: 'The released entry.', schema: DncEntry } },
      problems: ['not_found'],
      handle: async ({ params, body, caller }) => {
        const phone = phoneAt('path', 'phone', params.phone);
        return { status: 200, json: presentDnc(await app.dnc.release({ ...body, phone }, caller.userId)) };
      },
    }),

    // ── Consent ─────────────────────────────────────────────────────────────────────────────────────────────────────
    route({
      method: 'GET',
      path: '/api/v1/consents',
      summary: 'The log of consents and revocations, newest first',
      tag: 'compliance',
      role: 'USER',
      query: ConsentQuery,
      responses: { 200: { description: 'A page of the log.', schema: page(ConsentLog) } },
      handle: async ({ query }) => {
        const { phone, ...rest } = query;
        const found = await app.consents.list({
          ...rest,
          ...present({ phone: phoneAt('query', 'phone', phone) }),
        });
        return { status: 200, json: presentPage(found, presentConsent) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/consents',
      summary: 'Record a consent with its evidence',
      tag: 'compliance',
      role: 'ANALYST',
      body: ConsentGrant,
      idempotency: 'kept',
      responses: { 201: { description: 'The log entry.', schema: ConsentLog } },
      problems: ['lead_not_found'],
      handle: async ({ body, caller }) => {
        const { phone, leadId, email, ...given } = body;
        const entry = await app.consents.grant(
          { ...consentGiven(given), phone: phoneAt('body', '/phone', phone), ...present({ leadId, email }) },
          caller.userId,
        );
        return { status: 201, json: presentConsent(entry) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/consents/revoke',
      summary: 'Record that a person takes back every consent; holds at once',
      tag: 'compliance',
      role: 'USER',
      body: ConsentRevoke,
      idempotency: 'kept',
      responses: { 201: { description: 'The log entry.', schema: ConsentLog } },
      problems: ['lead_not_found'],
      handle: async ({ body, caller }) => {
        const { phone, words, ...rest } = body;
        const entry = await app.consents.revoke(
          { ...rest, phone: phoneAt('body', '/phone', phone), words: words ?? '' },
          caller.userId,
        );
        return { status: 201, json: presentConsent(entry) };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/consents/verify',
      summary: 'Recompute the hash chain of a number, or of every number',
      tag: 'compliance',
      role: 'USER',
      query: z.strictObject({ phone: z.exactOptional(PhoneText) }),
      responses: { 200: { description: 'Whether the chains hold.', schema: ConsentVerification } },
      handle: async ({ query }) => {
        const phone = phoneAt('query', 'phone', query.phone);
        return { status: 200, json: { ...present({ phone }), ...(await app.consents.verify(phone)) } };
      },
    }),

    // ── Campaigns ───────────────────────────────────────────────────────────────────────────────────────────────────
    route({
      method: 'GET',
      path: '/api/v1/campaigns',
      summary: 'List campaigns, newest first',
      tag: 'campaigns',
      role: 'USER',
      query: CampaignQuery,
      responses: { 200: { description: 'A page of campaigns.', schema: page(Campaign) } },
      handle: async ({ query }) => ({
        status: 200,
        json: presentPage(await app.campaigns.list(query), presentCampaign),
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/campaigns',
      summary: 'Create a campaign as a draft',
      tag: 'campaigns',
      role: 'ANALYST',
      body: CampaignCreate,
      idempotency: 'kept',
      responses: { 201: { description: 'The campaign; `Location` is its address.', schema: Campaign } },
      handle: async ({ body, caller }) => {
        const campaign = await app.campaigns.create({ ...body, ...readCalling(body.calling) }, caller.userId);
        return {
          status: 201,
          json: presentCampaign(campaign),
          headers: { location: `/api/v1/campaigns/${campaign._id}` },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/campaigns/:campaignId',
      summary: 'One campaign',
      tag: 'campaigns',
      role: 'USER',
      params: CampaignPath,
      responses: { 200: { description: 'The campaign.', schema: Campaign } },
      problems: ['campaign_not_found'],
      handle: async ({ params }) => ({
        status: 200,
        json: presentCampaign(await app.campaigns.get(params.campaignId)),
      }),
    }),
    route({
      method: 'PATCH',
      path: '/api/v1/campaigns/:campaignId',
      summary: 'Change a campaign',
      tag: 'campaigns',
      role: 'ANALYST',
      params: CampaignPath,
      body: CampaignPatch,
      responses: { 200: { description: 'The campaign as it is now.', schema: Campaign } },
      problems: ['campaign_not_found'],
      handle: async ({ params, body, caller }) => {
        const change = { ...body, ...readCalling(body.calling) };
        const campaign = await app.campaigns.update(params.campaignId, change, caller.userId);
        return { status: 200, json: presentCampaign(campaign) };
      },
    }),

    // ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────
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
            details: { decision: presentDecision(placed.decision), call: presentCall(placed.call) },
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
      responses: { 200: { description: 'A page of calls.', schema: page(Call) } },
      handle: async ({ query }) => {
        const { from, to, ...rest } = query;
        const found = await app.calls.list({ ...rest, ...present({ from: date(from), to: date(to) }) });
        return { status: 200, json: presentPage(found, presentCall) };
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
        audit('calls.watch', caller, 'live', requestId);
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
        audit('transcript.read', caller, params.callId, requestId);
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
        audit('events.read', caller, params.callId, requestId);
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
        audit('recording.read', caller, params.callId, requestId);
        await sendRecording(request, response, params.callId, recording, requestId);
        return 'written' as const;
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

    // ── How the service is ──────────────────────────────────────────────────────────────────────────────────────────
    route({
      method: 'GET',
      path: '/healthz',
      summary: 'The process is alive',
      tag: 'status',
      role: 'public',
      responses: { 200: { description: 'Alive.', schema: Health } },
      handle: () => ({ status: 200, json: { status: 'ok', uptimeSec: Math.round(process.uptime()) } }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      summary: 'Every part that calls need is ready',
      tag: 'status',
      role: 'public',
      responses: {
        200: { description: 'Ready.', schema: Readiness },
        503: { description: 'Not ready; `checks` says why.', schema: Readiness },
      },
      handle: async () => {
        const answer = await readyInTime();
        return { status: answer.status === 'ready' ? 200 : 503, json: answer };
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      summary: 'Figures for Prometheus',
      tag: 'status',
      role: 'public',
      responses: { 200: { description: 'Text format 0.0.4.', content: ['text/plain'] } },
      handle: () => ({
        status: 200,
        text: metricsText(metrics()),
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
      }),
    }),
  ];
}

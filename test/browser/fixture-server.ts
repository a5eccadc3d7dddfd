/**
 * test/browser/fixture-server: the built dashboard beside answers that are valid by the contract, and a live stream that
 * plays a call. It stands in for the product's server in tests of the screens, so that each state can be put on stage.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import {
  Call,
  CallEvent,
  ConsentLog,
  Decision,
  DncEntry,
  Lead,
  LeadCreate,
  type LiveChange,
  Timeline,
  Transcript,
  type TranscriptMessage,
} from '../../src/contract/index.ts';

/** Text that would run, close a tag or break a layout if anything treated it as more than text. */
export const HOSTILE = '<img src=x onerror="window.pwned=true">';

/** What the product's server sends with the dashboard; one that is stricter must not break the pages either. */
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; font-src 'self'; connect-src 'self'; media-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const hex = (seed: number): string => seed.toString(16).padStart(24, '0');
const START = Date.now();
const ago = (minutes: number): string => new Date(START - minutes * 60_000).toISOString();
const after = (iso: string, seconds: number): string =>
  new Date(Date.parse(iso) + seconds * 1000).toISOString();

const ALLOW = (): Decision =>
  Decision.parse({
    verdict: 'allow',
    reason: 'ok',
    reasons: [],
    nextAllowedAt: null,
    explanation: 'Written consent of 3 November 2026 covers this call, and it is 10:12 in Seattle.',
    decidedAt: new Date().toISOString(),
    ruleVersion: '2026-11-01',
    inputsHash: 'f3b1'.repeat(16),
    zones: [{ zone: 'America/Los_Angeles', state: 'WA', localTime: 'Sat 2026-11-21 10:12' }],
  });

export const DENIAL = 'It is 22:30 in New York; calls may be made there between 08:00 and 21:00.';
const DENY = (): Decision =>
  Decision.parse({
    verdict: 'deny',
    reason: 'internal_dnc',
    reasons: ['internal_dnc', 'consent_revoked', 'outside_federal_hours'],
    nextAllowedAt: null,
    explanation: 'This person asked on 14 November 2026 not to be called again.',
    decidedAt: new Date().toISOString(),
    ruleVersion: '2026-11-01',
    inputsHash: 'a91c'.repeat(16),
    zones: [
      { zone: 'America/New_York', state: 'NY', localTime: 'Sat 2026-11-21 22:30' },
      { zone: 'America/Chicago', state: 'IL', localTime: 'Sat 2026-11-21 21:30' },
    ],
  });
const LATE = (): Decision =>
  Decision.parse({
    ...DENY(),
    reason: 'outside_federal_hours',
    reasons: ['outside_federal_hours'],
    nextAllowedAt: after(new Date().toISOString(), 9.5 * 3600),
    explanation: DENIAL,
  });

interface Person {
  readonly first: string;
  readonly last: string;
  readonly phone: string;
  readonly state?: string;
  readonly zip?: string;
  readonly city?: string;
  readonly says?: string;
  readonly status?: Lead['status'];
  readonly consent?: boolean;
  readonly dnc?: boolean;
}

const PEOPLE: readonly Person[] = [
  {
    first: 'Mara',
    last: 'Lindqvist',
    phone: '+12065550110',
    city: 'Seattle',
    state: 'WA',
    zip: '98101',
    says: 'Interested seller: wants an estimate and an appointment on Thursday.',
    status: 'qualified',
  },
  {
    first: 'Devon',
    last: 'Okafor',
    phone: '+13125550111',
    city: 'Chicago',
    state: 'IL',
    zip: '60614',
    says: 'Asks never to be called again.',
    status: 'dnc',
    dnc: true,
  },
  {
    first: HOSTILE,
    last: 'O’Hara',
    phone: '+15035550112',
    city: 'Portland',
    state: 'OR',
    zip: '97205',
    says: `Talks over the agent. ${HOSTILE}`,
  },
  {
    first: 'Priya',
    last: 'Raman',
    phone: '+12125550113',
    city: 'New York',
    state: 'NY',
    zip: '10011',
    says: 'Voicemail with a beep.',
    status: 'contacted',
  },
  { first: 'Tom', last: 'Becker', phone: '+17135550114', state: 'TX', consent: false },
  {
    first: 'Aurelia-Konstantina',
    last: 'Papadopoulou-Weatherstone',
    phone: '+14155550115',
    city: 'San Francisco',
    state: 'CA',
    zip: '94110',
    status: 'nurturing',
  },
];
/** The gate says yes when asked beforehand and no when it comes to dialling. */
const CHANGES_ITS_MIND = hex(4);

const lead = (person: Person, index: number): Lead =>
  Lead.parse({
    id: hex(index + 1),
    source: index % 2 ? 'zillow' : 'sandbox',
    externalId: `x-${index}`,
    receivedAt: ago(60 * 24 * (index + 1)),
    contact: {
      firstName: person.first,
      lastName: person.last,
      phone: person.phone,
      email: `lead${index}@example.com`,
      address: {
        ...(person.city ? { city: person.city } : {}),
        ...(person.state ? { state: person.state } : {}),
        ...(person.zip ? { zipCode: person.zip } : {}),
      },
    },
    ...(person.says ? { intent: { type: 'seller', message: person.says } } : {}),
    contactAttempts: [],
    ...(index < 4 ? { lastContactedAt: ago(40 + index * 300) } : {}),
    ...(person.consent === false
      ? {}
      : {
          consent: {
            hasWrittenConsent: true,
            consentMethod: 'web_form',
            consentDate: ago(60 * 24 * 18),
            consentSource: 'sandbox',
            consentText: 'I agree that Parley Homes may call me at this number with an artificial voice.',
            automatedCallsAllowed: true,
            textMessagesAllowed: false,
          },
        }),
    dncStatus: { onNationalRegistry: false, internalDNC: person.dnc ?? false },
    status: person.status ?? 'new',
    stage: 'new',
    tags: ['sample'],
    createdAt: ago(60 * 24 * (index + 1)),
    updatedAt: ago(30),
    createdBy: 'system',
    updatedBy: 'system',
  });

type EventInput = {
  [T in CallEvent['type']]: Omit<Extract<CallEvent, { type: T }>, keyof Stamp>;
}[CallEvent['type']];
type Stamp = { id: string; eventId: string; callId: string; sessionId: string; seq: number; at: string };

interface Told {
  call: Call;
  readonly events: CallEvent[];
  messages: TranscriptMessage[];
  repaired?: boolean;
}

const blankCall = (id: string, person: Person, index: number, startedAt: string): Call =>
  Call.parse({
    id,
    attemptId: `attempt-${id}`,
    leadId: hex(index + 1),
    contactPhone: person.phone,
    fromPhone: '+12065550100',
    direction: 'outbound',
    type: 'automated',
    status: 'queued',
    initiatedAt: startedAt,
    conversationMetrics: {
      agentTalkTime: 0,
      userTalkTime: 0,
      interruptionCount: 0,
      turnCount: 0,
      avgTurnDuration: 0,
      silenceDuration: 0,
    },
    latency: { perTurnMs: [] },
    followUpActions: [],
    hasRecording: false,
    consentVerified: false,
    dncChecked: false,
    optedOut: false,
    seq: 0,
    createdAt: startedAt,
    updatedAt: startedAt,
    createdBy: 'admin',
    updatedBy: 'admin',
  });

/** Seconds since the call began, and what happens then. */
type Script = readonly (readonly [sec: number, event: EventInput])[];

const TALK: Script = [
  [0.2, { type: 'permitted', decision: ALLOW() }],
  [0.4, { type: 'dialed', callSid: `CA${'3'.repeat(32)}` }],
  [1, { type: 'ringing', attestation: 'A' }],
  [4, { type: 'answered' }],
  [4.2, { type: 'stream_opened', streamSid: `MZ${'5'.repeat(32)}` }],
  [4.5, { type: 'session_opened', conversationId: 'conv_01sandbox', recovery: false }],
  [5, { type: 'said', role: 'user', text: 'Hello?', turn: 0 }],
  [5.8, { type: 'heard', turn: 1, latencyMs: 780 }],
  [
    5.8,
    {
      type: 'said',
      role: 'agent',
      text: 'Hi, this is the AI assistant of Parley Homes, on a recorded line. Am I speaking with the owner of the house on Pine Street?',
      turn: 1,
    },
  ],
  [
    13,
    { type: 'said', role: 'user', text: 'Yes, this is she. I was just looking at your website.', turn: 2 },
  ],
  [16.4, { type: 'heard', turn: 3, latencyMs: 1120 }],
  [
    16.4,
    {
      type: 'said',
      role: 'agent',
      text: 'Great to hear. Homes like yours nearby have sold for about',
      turn: 3,
    },
  ],
  [18.2, { type: 'interrupted', turn: 3, heardMs: 1800 }],
  [18.6, { type: 'said', role: 'user', text: `Sorry, before that: what is this ${HOSTILE} about?`, turn: 4 }],
  [21, { type: 'heard', turn: 5, latencyMs: 2340 }],
  [21, { type: 'said', role: 'agent', text: 'Of course. You asked us for an estimate last week.', turn: 5 }],
  [26, { type: 'said', role: 'user', text: 'Right. Could somebody come by on Thursday afternoon?', turn: 6 }],
  [
    27.5,
    {
      type: 'tool_called',
      toolCallId: 't1',
      name: 'schedule_callback',
      parameters: { kind: 'site_visit', when: '2026-11-26T15:00:00-08:00', note: HOSTILE },
    },
  ],
  [
    27.9,
    {
      type: 'tool_answered',
      toolCallId: 't1',
      result: 'Booked for Thursday 3 pm.',
      isError: false,
      tookMs: 412,
    },
  ],
  [
    28,
    {
      type: 'follow_up_scheduled',
      kind: 'site_visit',
      scheduledFor: '2026-11-26T23:00:00.000Z',
      notes: 'Wants an estimate at the house.',
    },
  ],
  [28.9, { type: 'heard', turn: 7, latencyMs: 940 }],
  [
    28.9,
    { type: 'said', role: 'agent', text: 'Done: Thursday at three. Shall I text you a reminder?', turn: 7 },
  ],
  [33, { type: 'keypad', digit: '1' }],
  [33.6, { type: 'said', role: 'user', text: 'Yes, please. Thank you, goodbye.', turn: 8 }],
  [36, { type: 'heard', turn: 9, latencyMs: 690 }],
  [36, { type: 'said', role: 'agent', text: 'Thank you, goodbye!', turn: 9 }],
  [38, { type: 'concluded', outcome: 'qualified', reason: 'Booked a site visit.' }],
  [38.2, { type: 'ended', status: 'completed', reason: 'The caller hung up', durationSec: 34 }],
];

const CLOSING: Script = [
  [
    38.5,
    {
      type: 'measured',
      line: {
        agentTalkMs: 15_800,
        userTalkMs: 9_400,
        silenceMs: 6_300,
        framesFromCaller: 1704,
        framesToCaller: 1688,
        framesLost: 3,
        framesRefused: 0,
      },
    },
  ],
  [39, { type: 'recording_ready', source: 'bridge', durationSec: 34 }],
  [40, { type: 'reconciled', completeness: 'complete', turns: [], source: 'webhook' }],
];

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** The product's own folds, as far as the screens can tell the difference. */
function tell(told: Told, input: EventInput, at: string): CallEvent {
  const event = CallEvent.parse({
    id: hex(0xe000_0000 + told.events.length),
    eventId: `ev-${told.call.id}-${told.events.length}`,
    callId: told.call.id,
    sessionId: 'session',
    seq: told.events.length + 1,
    at,
    ...input,
  });
  told.events.push(event);
  const { call } = told;
  const change = (patch: Partial<Call>) => {
    told.call = Call.parse({ ...told.call, ...patch });
  };
  change({ seq: event.seq, updatedAt: at });
  switch (event.type) {
    case 'permitted':
      change({ complianceDecision: event.decision, consentVerified: true, dncChecked: true });
      break;
    case 'denied':
      change({
        complianceDecision: event.decision,
        status: 'denied',
        endReason: event.decision.reason,
        endedAt: at,
      });
      break;
    case 'dialed':
      change({ callSid: event.callSid, status: 'initiated' });
      break;
    case 'ringing':
      change({
        status: 'ringing',
        ringingAt: at,
        ...(event.attestation ? { attestation: event.attestation } : {}),
      });
      break;
    case 'answered':
      change({ status: 'answered', answeredAt: at });
      break;
    case 'session_opened':
      change({ conversationId: event.conversationId });
      break;
    case 'said':
      told.messages.push({
        speaker: event.role,
        text: event.text,
        timestamp: (Date.parse(at) - Date.parse(call.answeredAt ?? at)) / 1000,
        turn: event.turn,
        interrupted: false,
        repaired: false,
      });
      change({ conversationMetrics: { ...call.conversationMetrics, turnCount: told.messages.length } });
      break;
    case 'interrupted':
      told.messages = told.messages.map((message) =>
        message.turn === event.turn ? { ...message, interrupted: true, heardMs: event.heardMs } : message,
      );
      change({
        conversationMetrics: {
          ...call.conversationMetrics,
          interruptionCount: call.conversationMetrics.interruptionCount + 1,
        },
      });
      break;
    case 'heard': {
      const perTurnMs = [...call.latency.perTurnMs, event.latencyMs];
      change({ latency: { perTurnMs, medianMs: median(perTurnMs), maxMs: Math.max(...perTurnMs) } });
      break;
    }
    case 'follow_up_scheduled':
      change({
        followUpActions: [
          {
            type: event.kind,
            ...(event.scheduledFor ? { scheduledFor: event.scheduledFor } : {}),
            notes: event.notes,
            completed: false,
          },
        ],
      });
      break;
    case 'concluded':
      change({ outcome: event.outcome });
      break;
    case 'opted_out':
      change({ outcome: 'opted_out', optedOut: true });
      break;
    case 'ended':
      change({
        status: event.status,
        endedAt: at,
        endReason: event.reason,
        ...(event.durationSec === undefined ? {} : { duration: event.durationSec }),
      });
      break;
    case 'measured':
      change({ line: event.line });
      break;
    case 'recording_ready':
      change({ hasRecording: true, recordingDuration: event.durationSec });
      break;
    case 'reconciled':
      change({ completeness: event.completeness });
      break;
    default:
      break;
  }
  return event;
}

function finished(id: string, index: number, minutesAgo: number, script: Script): Told {
  const person = PEOPLE[index] ?? { first: 'Nobody', last: 'Known', phone: '+12065550199' };
  const startedAt = ago(minutesAgo);
  const told: Told = { call: blankCall(id, person, index, startedAt), events: [], messages: [] };
  for (const [sec, event] of script) tell(told, event, after(startedAt, sec));
  return told;
}

const SHORT = (status: 'busy' | 'no_answer' | 'failed', reason: string): Script => [
  [0.2, { type: 'permitted', decision: ALLOW() }],
  [0.4, { type: 'dialed', callSid: `CA${'4'.repeat(32)}` }],
  [1, { type: 'ringing' }],
  [24, { type: 'ended', status, reason, durationSec: 0 }],
];

export const FINISHED = hex(0xca01);
export const DENIED = hex(0xca02);
export const INBOUND = hex(0xca03);
const PLACED = hex(0xca99);

function history(): Map<string, Told> {
  const all = [
    finished(FINISHED, 2, 12, [...TALK, ...CLOSING]),
    finished(DENIED, 1, 45, [[0.1, { type: 'denied', decision: DENY() }]]),
    finished(INBOUND, 3, 90, [
      [0, { type: 'ringing' }],
      [1, { type: 'answered' }],
      [2, { type: 'heard', turn: 1, latencyMs: 610 }],
      [
        2,
        {
          type: 'said',
          role: 'agent',
          text: 'Parley Homes, this is the AI assistant. How can I help?',
          turn: 1,
        },
      ],
      [7, { type: 'said', role: 'user', text: 'Take me off your list.', turn: 2 }],
      [8, { type: 'opted_out', channel: 'voice', words: 'Take me off your list.' }],
      [9, { type: 'heard', turn: 3, latencyMs: 880 }],
      [9, { type: 'said', role: 'agent', text: 'Done. You will not be called again. Goodbye.', turn: 3 }],
      [12, { type: 'session_lost', closeCode: 1006, meaning: 'The connection broke off.' }],
      [14, { type: 'ended', status: 'completed', reason: 'The agent hung up', durationSec: 13 }],
      [16, { type: 'reconciled', completeness: 'gap', turns: [], source: 'none' }],
    ]),
    finished(hex(0xca04), 5, 60 * 5, SHORT('no_answer', 'Nobody answered within 30 seconds')),
    finished(hex(0xca05), 3, 60 * 27, SHORT('busy', 'The line was busy')),
    finished(hex(0xca06), 0, 60 * 24 * 3, [
      ...TALK,
      ...CLOSING.slice(0, 2),
      [40, { type: 'reconciled', completeness: 'repaired', turns: [], source: 'poll' }],
    ]),
    finished(hex(0xca07), 4, 60 * 24 * 12, SHORT('failed', 'sip_503')),
  ];
  const inbound = all.find((told) => told.call.id === INBOUND);
  if (inbound) {
    const { leadId: _none, ...call } = inbound.call;
    inbound.call = Call.parse({ ...call, direction: 'inbound', contactPhone: '+12125550198' });
  }
  return new Map(all.map((told) => [told.call.id, told]));
}

/** 34 s of a quiet tone: mono PCM, 8 kHz, 8 bit. */
function tone(): Buffer {
  const samples = 8000 * 34;
  const wav = Buffer.alloc(44 + samples, 128);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8000, 24);
  wav.writeUInt32LE(8000, 28);
  wav.writeUInt16LE(1, 32);
  wav.writeUInt16LE(8, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples, 40);
  for (let i = 0; i < samples; i += 1) wav[44 + i] = 128 + Math.round(12 * Math.sin(i / 6));
  return wav;
}

const KIND: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface Stage {
  readonly url: string;
  /** Everybody signed in from now on, or nobody. */
  signIn(yes: boolean): void;
  /** No leads and no calls. */
  clear(): void;
  /** Starts a live call and tells its first `count` events at once. */
  ring(count: number): string;
  /** Tells the next `count` events of the live call to all viewers. */
  play(count: number): void;
  /** Cuts every live stream and refuses new ones until it is called with true. */
  liveWorks(yes: boolean): void;
  /** Requests by `METHOD path`. */
  readonly seen: string[];
  close(): Promise<void>;
}

/** Serves `dist/dashboard` and the API on a free port of this machine. */
export async function openStage(dist: string): Promise<Stage> {
  let signedIn = true;
  let liveWorks = true;
  let calls = history();
  let leads = PEOPLE.map(lead);
  let told = 0;
  const seen: string[] = [];
  const viewers = new Set<ServerResponse>();
  const wav = tone();

  const send = (viewer: ServerResponse, change: LiveChange) =>
    viewer.write(`event: ${change.type}\ndata: ${JSON.stringify(change)}\n\n`);
  const live = (): Call[] =>
    [...calls.values()]
      .map((one) => one.call)
      .filter((call) => ['queued', 'initiated', 'ringing', 'answered'].includes(call.status));

  const ring = (index: number, count: number): string => {
    const person = PEOPLE[index];
    if (!person) throw new Error(`nobody has the number ${index}`);
    const one: Told = {
      call: blankCall(PLACED, person, index, new Date().toISOString()),
      events: [],
      messages: [],
    };
    calls.set(PLACED, one);
    told = 0;
    for (const viewer of viewers) send(viewer, { type: 'call', call: one.call });
    play(count);
    return PLACED;
  };
  const play = (count: number): void => {
    const one = calls.get(PLACED);
    if (!one) return;
    const script = [...TALK, ...CLOSING].slice(told, told + count);
    for (const [sec, input] of script) {
      const event = tell(one, input, after(one.call.initiatedAt, sec));
      for (const viewer of viewers) {
        send(viewer, { type: 'event', event });
        send(viewer, { type: 'call', call: one.call });
      }
    }
    told += script.length;
  };

  const problem = (
    response: ServerResponse,
    status: number,
    code: string,
    title: string,
    more: object = {},
  ) => {
    response.writeHead(status, { 'content-type': 'application/problem+json' });
    response.end(
      JSON.stringify({
        type: `urn:parley:problem:${code}`,
        title,
        status,
        code,
        retryable: status >= 500,
        instance: 'urn:parley:request:req-42',
        ...more,
      }),
    );
  };
  const json = (response: ServerResponse, body: unknown, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };

  async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const body: unknown = text ? JSON.parse(text) : {};
    return typeof body === 'object' && body !== null ? { ...body } : {};
  }

  const gate = (leadId: unknown): Decision =>
    leads.find((one) => one.id === leadId)?.dncStatus.internalDNC ? DENY() : ALLOW();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stage');
    const path = url.pathname.replace(/^\/api\/v1/, '');
    const method = request.method ?? 'GET';
    seen.push(`${method} ${url.pathname}`);
    const query = url.searchParams;
    const body = method === 'GET' ? {} : await bodyOf(request);

    if (path === '/auth/link') {
      if (body.token !== 'good')
        return problem(response, 401, 'unauthenticated', 'This link was used already');
      signedIn = true;
      response.writeHead(204);
      response.end();
      return;
    }
    if (!signedIn) return problem(response, 401, 'unauthenticated', 'Sign in first');
    if (path === '/auth/logout') {
      signedIn = false;
      response.writeHead(204);
      response.end();
      return;
    }
    if (path === '/auth/me') {
      return json(response, { user: { id: 'u1', name: 'Robin Ellery' }, role: 'ADMIN', via: 'cookie' });
    }
    if (path === '/settings') {
      return json(response, {
        version: '0.1.0',
        sellerName: 'Parley Homes',
        sandbox: { carrier: true, agent: true },
        publicBaseUrl: 'http://localhost:3000',
        fromNumbers: ['+12065550100'],
      });
    }
    if (path === '/calls/live') {
      if (!liveWorks) return problem(response, 503, 'shutting_down', 'The service is restarting');
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      viewers.add(response);
      response.on('close', () => viewers.delete(response));
      send(response, { type: 'snapshot', calls: live() });
      return;
    }
    if (path === '/compliance/check') return json(response, gate(body.leadId));
    if (path === '/dnc' && method === 'POST') {
      leads = leads.map((one) =>
        one.contact.phone === body.phone
          ? Lead.parse({ ...one, status: 'dnc', dncStatus: { ...one.dncStatus, internalDNC: true } })
          : one,
      );
      return json(response, listing(String(body.phone), String(body.reason)), 201);
    }
    if (path === '/dnc') {
      const one = leads.find((each) => each.contact.phone === query.get('phone'));
      return json(response, {
        items: one?.dncStatus.internalDNC ? [listing(one.contact.phone, 'Asked on the phone')] : [],
      });
    }
    if (path === '/consents') return json(response, { items: [consentEvent(query.get('phone') ?? '')] });

    if (path === '/leads' && method === 'POST') {
      const created = LeadCreate.safeParse(body);
      if (!created.success) return problem(response, 400, 'invalid_request', 'The request is not valid');
      if (!/\d{7}/.test(created.data.contact.phone.replaceAll(/\D/g, ''))) {
        return problem(response, 400, 'invalid_request', 'The request is not valid', {
          errors: [
            { in: 'body', pointer: '/contact/phone', detail: 'must be a phone number without an extension' },
          ],
        });
      }
      const { firstName, lastName } = created.data.contact;
      const made = lead(
        {
          first: firstName,
          last: lastName,
          phone: '+12065550177',
          consent: created.data.consent !== undefined,
        },
        leads.length,
      );
      leads = [made, ...leads];
      return json(response, made, 201);
    }
    if (path === '/leads') {
      const search = (query.get('search') ?? '').toLowerCase();
      return json(response, {
        items: leads.filter(
          (one) =>
            `${one.contact.firstName} ${one.contact.lastName}`.toLowerCase().includes(search) &&
            (query.get('status') ?? one.status) === one.status,
        ),
      });
    }
    const leadPath = /^\/leads\/([0-9a-f]{24})(\/timeline)?$/.exec(path);
    if (leadPath) {
      const one = leads.find((each) => each.id === leadPath[1]);
      if (!one) return problem(response, 404, 'lead_not_found', 'No such lead');
      if (!leadPath[2])
        return json(
          response,
          method === 'PATCH'
            ? Lead.parse({ ...one, ...body, contact: { ...one.contact, ...(body.contact as object) } })
            : one,
        );
      return json(
        response,
        Timeline.parse({
          leadId: one.id,
          entries: [
            {
              at: one.receivedAt,
              kind: 'created',
              title: 'Lead received',
              detail: one.intent?.message ?? 'No message',
            },
            {
              at: after(one.receivedAt, 60),
              kind: 'consent',
              title: 'Consent given',
              detail: 'Web form, written',
            },
            { at: ago(45), kind: 'call', title: 'Call refused by the gate', detail: HOSTILE, callId: DENIED },
            { at: ago(12), kind: 'call', title: 'Call completed: qualified', callId: FINISHED },
          ],
        }),
      );
    }

    if (path === '/calls' && method === 'POST') {
      if (body.leadId === CHANGES_ITS_MIND) {
        const denied = calls.get(DENIED);
        return problem(response, 409, 'dial_denied', 'The gate refused this call', {
          detail: DENIAL,
          decision: LATE(),
          call: denied?.call,
        });
      }
      const index = leads.findIndex((one) => one.id === body.leadId);
      const id = ring(index, 3);
      return json(response, calls.get(id)?.call, 202);
    }
    if (path === '/calls') {
      const items = [...calls.values()]
        .map((one) => one.call)
        .filter(
          (call) =>
            (query.get('status') ?? call.status) === call.status &&
            (query.get('direction') ?? call.direction) === call.direction &&
            (query.get('outcome') ?? call.outcome ?? null) === (call.outcome ?? null),
        )
        .sort((a, b) => b.initiatedAt.localeCompare(a.initiatedAt));
      // Two pages, so that "Load more" has something to do.
      const first = query.get('cursor') === null;
      return json(
        response,
        first && items.length > 5
          ? { items: items.slice(0, 5), nextCursor: 'more' }
          : { items: first ? items : items.slice(5) },
      );
    }
    const callPath = /^\/calls\/([0-9a-f]{24})(?:\/(\w+))?$/.exec(path);
    const one = callPath?.[1] ? calls.get(callPath[1]) : undefined;
    if (!callPath || !one) return problem(response, 404, 'call_not_found', 'No such call');
    switch (callPath[2]) {
      case undefined:
        return json(response, one.call);
      case 'events':
        return json(response, { items: one.events });
      case 'transcript':
        return json(
          response,
          Transcript.parse({
            callId: one.call.id,
            messages: one.messages,
            fullTranscript: one.messages.map((message) => message.text).join('\n'),
            ...(one.call.completeness ? { completeness: one.call.completeness } : {}),
            live: one.call.endedAt === undefined,
          }),
        );
      case 'actions': {
        const event = tell(
          one,
          { type: 'ended', status: 'completed', reason: 'A manager ended the call', durationSec: 20 },
          new Date().toISOString(),
        );
        for (const viewer of viewers) {
          send(viewer, { type: 'event', event });
          send(viewer, { type: 'call', call: one.call });
        }
        return json(response, one.call, 202);
      }
      case 'recording': {
        const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
        const from = Number(range?.[1] ?? 0);
        const to = range?.[2] ? Number(range[2]) : wav.length - 1;
        response.writeHead(range ? 206 : 200, {
          'content-type': 'audio/wav',
          'accept-ranges': 'bytes',
          'content-length': to - from + 1,
          ...(range ? { 'content-range': `bytes ${from}-${to}/${wav.length}` } : {}),
        });
        response.end(wav.subarray(from, to + 1));
        return;
      }
      default:
        return problem(response, 404, 'not_found', 'Nothing here');
    }
  }

  async function file(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = normalize(new URL(request.url ?? '/', 'http://stage').pathname);
    const asked = extname(path) ? path : '/index.html';
    const content = await readFile(join(dist, asked)).catch(() => undefined);
    response.writeHead(content ? 200 : 404, {
      'content-type': KIND[extname(asked)] ?? 'application/octet-stream',
      'content-security-policy': CSP,
      'x-content-type-options': 'nosniff',
    });
    response.end(content);
  }

  const server = createServer((request, response) => {
    const work = request.url?.startsWith('/api/') ? answer(request, response) : file(request, response);
    work.catch((error: unknown) => {
      if (!response.headersSent) problem(response, 500, 'internal', String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    signIn: (yes) => {
      signedIn = yes;
    },
    clear: () => {
      calls = new Map();
      leads = [];
    },
    ring: (count) => ring(0, count),
    play,
    liveWorks: (yes) => {
      liveWorks = yes;
      if (!yes) for (const viewer of viewers) viewer.destroy();
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const listing = (phone: string, reason: string): DncEntry =>
  DncEntry.parse({
    id: hex(0xd1),
    phone,
    scope: 'internal',
    state: null,
    seller: null,
    source: 'manual',
    listedAt: ago(60 * 24 * 7),
    reason,
    createdAt: ago(60 * 24 * 7),
    updatedAt: ago(60 * 24 * 7),
  });

const consentEvent = (phone: string): ConsentLog =>
  ConsentLog.parse({
    id: hex(0xc1),
    phone,
    eventType: 'consent_granted',
    consentDetails: {
      method: 'web_form',
      source: 'sandbox',
      automatedCallsAllowed: true,
      textMessagesAllowed: false,
    },
    timestamp: ago(60 * 24 * 18),
    recordedBy: 'system',
    chainIndex: 0,
    prevHash: '0'.repeat(64),
    hash: 'e'.repeat(64),
    createdAt: ago(60 * 24 * 18),
  });

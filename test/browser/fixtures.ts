/**
 * test/browser/fixtures: the people, calls and decisions that the screens are tested with. All of it is valid by the contract,
 * and some of it is as hostile as strangers are.
 */
import {
  Call,
  CallEvent,
  Decision,
  IntakeEndpoint,
  Lead,
  Property,
  type TranscriptMessage,
} from '../../src/contract/index.ts';

/** Text that would run, close a tag or break a layout if anything treated it as more than text. */
export const HOSTILE = '<img src=x onerror="window.pwned=true">';

export const hex = (seed: number): string => seed.toString(16).padStart(24, '0');
const START = Date.now();
export const ago = (minutes: number): string => new Date(START - minutes * 60_000).toISOString();
export const after = (iso: string, seconds: number): string =>
  new Date(Date.parse(iso) + seconds * 1000).toISOString();

export const ALLOW = (): Decision =>
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
export const DENY = (): Decision =>
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
export const LATE = (): Decision =>
  Decision.parse({
    ...DENY(),
    reason: 'outside_federal_hours',
    reasons: ['outside_federal_hours'],
    nextAllowedAt: after(new Date().toISOString(), 9.5 * 3600),
    explanation: DENIAL,
  });

export const STOPPED = (): Decision =>
  Decision.parse({
    ...DENY(),
    reason: 'campaign_paused',
    reasons: ['campaign_paused'],
    explanation: 'Blocked: all outbound calling is switched off.',
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
  readonly erased?: boolean;
}

export const PEOPLE: readonly Person[] = [
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
  { first: 'Noor', last: 'Haddad', phone: `none:${hex(7)}`, state: 'OR', city: 'Salem', consent: false },
  { first: 'Erased person 00a1b2c3', last: '', phone: `none:${hex(8)}`, consent: false, erased: true },
];
export const NUMBERLESS = hex(7);
export const FORGOTTEN = hex(8);
/** The gate says yes when asked beforehand and no when it comes to dialling. */
export const CHANGES_ITS_MIND = hex(4);

export const HOUSE = hex(0xb0_01);
export const PROPERTY: Property = Property.parse({
  id: HOUSE,
  address: {
    street: '12 Alder Street',
    city: 'Seattle',
    state: 'WA',
    zipCode: '98101',
    formatted: '12 Alder Street, Seattle, WA 98101',
  },
  type: 'single_family',
  bedrooms: 3,
  bathrooms: 2,
  squareFeet: 1_650,
  condition: 'needs_work',
  features: [],
  repairNeeds: [{ item: 'Roof', severity: 'major', estimatedCost: 18_000 }],
  totalRepairCost: 18_000,
  valuation: {
    listPrice: 520_000,
    afterRepairValue: 610_000,
    wholesalePrice: 409_000,
    profitMargin: 183_000,
    comparablesUsed: [
      {
        address: '9 Alder Street, Seattle',
        distance: 0.1,
        soldDate: ago(60 * 24 * 40),
        soldPrice: 605_000,
        squareFeet: 1_600,
        pricePerSqFt: 378,
        weight: 1,
      },
    ],
    updatedAt: ago(60 * 24),
  },
  comparables: [],
  liens: [],
  leadIds: [hex(1)],
  dataSource: 'manual',
  createdAt: ago(60 * 24 * 2),
  updatedAt: ago(60 * 24),
});

const TITLES = [
  'We buy houses',
  'Selling a house with a leaking roof',
  'What it costs you: nothing',
  'How it works',
  'People who sold to us',
  'Questions',
  'Seattle',
  'About us',
  'How it works',
  'Tell us about your house',
];
/** What people looked at before they left their number; the second one did not come from a browser. */
const VISITS: Readonly<Record<number, Lead['web']>> = {
  0: {
    sessionId: '5e55-1011',
    visitorId: 'v-7f3a90',
    score: 78,
    scoreBreakdown: { timeOnSite: 82, pageDepth: 90, engagement: 64, intent: 76 },
    journey: TITLES.map((title, at) => ({
      url: `https://parley.example/${title.toLowerCase().replaceAll(/[^a-z]+/g, '-')}?utm_source=ad`,
      title,
      timestamp: ago(60 * 25 - at),
      ...(at < TITLES.length - 1 ? { duration: 60 } : {}),
    })),
  },
  2: {
    sessionId: HOSTILE,
    journey: [
      { url: 'javascript:window.pwned=true', title: HOSTILE, timestamp: ago(60 * 74), duration: 5 },
      { url: `/${'a-place-without-a-name-'.repeat(8)}`, timestamp: ago(60 * 73) },
    ],
  },
};

export const lead = (person: Person, index: number): Lead =>
  Lead.parse({
    id: hex(index + 1),
    source: index % 2 ? 'zillow' : 'sandbox',
    externalId: `x-${index}`,
    receivedAt: ago(60 * 24 * (index + 1)),
    contact: {
      firstName: person.first,
      lastName: person.last,
      phone: person.phone,
      ...(person.erased ? {} : { email: `lead${index}@example.com` }),
      address: {
        ...(person.city ? { city: person.city } : {}),
        ...(person.state ? { state: person.state } : {}),
        ...(person.zip ? { zipCode: person.zip } : {}),
      },
    },
    ...(person.says
      ? {
          intent: { type: 'seller', message: person.says },
          ...(index === 0 ? { propertyId: HOUSE } : {}),
          qualification: {
            score: 0.44,
            qualified: false,
            criteria: {
              hasMinEquity: false,
              withinBudget: true,
              rightPropertyType: true,
              isMotivated: true,
            },
            factors: [
              { name: 'intent', weight: 0.15, points: 1, says: 'wants to sell' },
              { name: 'motivation', weight: 0.25, points: 0.7, says: 'relocation' },
              { name: 'equity', weight: 0.2, points: 0, says: 'equity not known' },
            ],
          },
        }
      : {}),
    ...(VISITS[index] ? { web: VISITS[index] } : {}),
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
    dncStatus: { onNationalRegistry: false, internalDNC: person.dnc ?? person.erased ?? false },
    status: person.erased ? 'dnc' : (person.status ?? 'new'),
    stage: 'new',
    tags: person.erased ? [] : ['sample'],
    ...(person.erased ? { erasedAt: ago(60 * 24) } : {}),
    createdAt: ago(60 * 24 * (index + 1)),
    updatedAt: ago(30),
    createdBy: 'system',
    updatedBy: 'system',
  });

type EventInput = {
  [T in CallEvent['type']]: Omit<Extract<CallEvent, { type: T }>, keyof Stamp>;
}[CallEvent['type']];
type Stamp = { id: string; eventId: string; callId: string; sessionId: string; seq: number; at: string };

export interface Told {
  call: Call;
  readonly events: CallEvent[];
  messages: TranscriptMessage[];
  repaired?: boolean;
}

export const blankCall = (id: string, person: Person, index: number, startedAt: string): Call =>
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

export const TALK: Script = [
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

export const CLOSING: Script = [
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
export function tell(told: Told, input: EventInput, at: string): CallEvent {
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
export const PLACED = hex(0xca99);

export function history(): Map<string, Told> {
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

/** One that takes leads, with rules of its own, and one that was revoked. */
export const LEAD_SOURCES: readonly IntakeEndpoint[] = [
  IntakeEndpoint.parse({
    id: hex(0x5_01),
    source: 'web_form',
    name: HOSTILE,
    path: `/intake/web_form/${hex(0x5_01)}`,
    proof:
      'Send the secret as Authorization: Bearer, or sign the body with it (X-Parley-Signature: sha256=…).',
    mapping: [
      { from: 'answers.0.a_very_long_name_that_nobody_would_break_anywhere_else', target: 'phone' },
      { from: 'utm_campaign', target: 'ignore' },
    ],
    defaults: [{ field: 'consentText', value: 'I agree to calls by Parley Homes.' }],
    createdBy: 'u1',
    createdAt: ago(90),
    updatedAt: ago(90),
  }),
  IntakeEndpoint.parse({
    id: hex(0x5_02),
    source: 'zillow',
    name: 'Zillow, King County',
    path: `/intake/zillow/${hex(0x5_02)}`,
    proof:
      'Send the secret as Authorization: Bearer, or as the password of Basic, in the address if need be.',
    mapping: [],
    defaults: [],
    createdBy: 'u1',
    createdAt: ago(3_000),
    updatedAt: ago(120),
    revokedAt: ago(120),
    revokedBy: 'u1',
  }),
];

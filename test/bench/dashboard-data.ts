/**
 * Half a year of a busy house, for the bench of the dashboard: a million calls, what was said in a hundred thousand of them,
 * reviews, leads, and one talk of half an hour with its recording. The same every time, but for the hour at which it ends.
 */
import { openRecordings } from '../../src/adapters/recordings/index.ts';
import { createClock, createIds } from '../../src/adapters/system.ts';
import type { Collection, Log, Store } from '../../src/app/ports.ts';
import { createEventLog } from '../../src/app/record-event.ts';
import type { Call, CallOutcome, CallStatus } from '../../src/domain/call.ts';
import type { CallTranscript, Campaign, Lead } from '../../src/domain/documents.ts';
import { newLead } from '../../src/domain/lead.ts';
import type { CallReview } from '../../src/domain/review.ts';

export interface Sizes {
  readonly calls: number;
  readonly transcripts: number;
  readonly leads: number;
}

const DAYS = 180;
const DAY_MS = 86_400_000;
const CAMPAIGNS = 20;
const AT_ONCE = 10_000;
const LONG_SEC = 1_800;
export const LONG_MESSAGES = 400;

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
export const idOf = (kind: number, n: number): string => `${kind}${n.toString(16).padStart(23, '0')}`;
export const LONG_CALL = idOf(1, 0xfffffff);
/** Mixes the digits of a number: neighbours differ in everything. */
const mix = (n: number, salt: number): number => {
  let x = (n + salt * 0x9e3779b1) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
};

/** One of them, as often as its weight says. */
function pick<T>(weights: readonly (readonly [T, number])[], n: number): T {
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  let rest = n % total;
  for (const [value, weight] of weights) {
    if (rest < weight) return value;
    rest -= weight;
  }
  throw new Error('the weights do not add up');
}

const STATUSES: readonly (readonly [CallStatus, number])[] = [
  ['completed', 42],
  ['no_answer', 38],
  ['denied', 10],
  ['busy', 7],
  ['canceled', 2],
  ['failed', 1],
];
const OUTCOMES: readonly (readonly [CallOutcome, number])[] = [
  ['voicemail', 40],
  ['not_interested', 22],
  ['hung_up', 14],
  ['callback', 9],
  ['qualified', 7],
  ['wrong_number', 4],
  ['opted_out', 3],
  ['transferred', 1],
];
const REASONS = ['national_dnc_listed', 'outside_state_hours', 'consent_missing', 'internal_dnc'] as const;

/** `n` counts from the newest. */
export function callOf(n: number, total: number, endMs: number): Call {
  const initiatedAt = new Date(endMs - Math.floor(((n + 0.5) / total) * DAYS * DAY_MS));
  const after = (sec: number): Date => new Date(initiatedAt.getTime() + sec * 1_000);
  const direction = mix(n, 1) % 5 === 0 ? ('inbound' as const) : ('outbound' as const);
  const status = direction === 'inbound' ? 'completed' : pick(STATUSES, mix(n, 2));
  const answered = status === 'completed';
  const outcome = answered ? pick(OUTCOMES, mix(n, 3)) : undefined;
  const duration = answered ? 20 + (mix(n, 4) % 400) : undefined;
  const analysed = answered && mix(n, 5) % 3 > 0;
  const overall = Math.round(((mix(n, 6) % 200) / 100 - 1) * 100) / 100;
  const reason = status === 'denied' ? REASONS[mix(n, 7) % REASONS.length] : undefined;
  return {
    _id: idOf(1, n),
    attemptId: idOf(2, n),
    leadId: idOf(3, mix(n, 8) % 300_000),
    ...(direction === 'outbound' ? { campaignId: idOf(4, mix(n, 9) % CAMPAIGNS) } : {}),
    ...(status === 'denied' ? {} : { callSid: `CA${idOf(5, n)}00000000`, dialedAt: after(1) }),
    contactPhone: `+1206${String(2_000_000 + (mix(n, 8) % 300_000))}`,
    fromPhone: '+12125550190',
    direction,
    type: 'automated',
    status,
    ...(outcome ? { outcome } : {}),
    ...(status === 'denied' ? { endReason: 'denied' } : { endReason: answered ? 'caller_hung_up' : status }),
    initiatedAt,
    ...(answered ? { answeredAt: after(9), duration, talkTime: duration } : {}),
    endedAt: after(12 + (duration ?? 20)),
    conversationMetrics: {
      agentTalkTime: (duration ?? 0) * 0.55,
      userTalkTime: (duration ?? 0) * 0.35,
      interruptionCount: mix(n, 10) % 4,
      turnCount: Math.floor((duration ?? 0) / 12),
      avgTurnDuration: 6,
      silenceDuration: (duration ?? 0) * 0.1,
    },
    latency: answered
      ? {
          perTurnMs: Array.from(
            { length: Math.min(12, Math.floor((duration ?? 0) / 24)) },
            (_, turn) => 600 + (mix(n, 20 + turn) % 900),
          ),
          medianMs: 980,
          maxMs: 1_490,
        }
      : { perTurnMs: [] },
    followUpActions: [],
    ...(answered
      ? {
          completeness: 'complete' as const,
          cost: {
            twilioMinutes: 3,
            twilioRate: 0.014,
            elevenLabsMinutes: 2.4,
            elevenLabsRate: 0.1,
            totalCost: Math.round(15 + (duration ?? 0) / 5) / 100,
          },
        }
      : {}),
    ...(analysed
      ? {
          sentiment: {
            overall,
            timeline: Array.from({ length: 8 }, (_, at) => ({ timestamp: at * 30, score: overall })),
          },
          qualityScore: (mix(n, 11) % 100) / 100,
          summary:
            'They asked what the house is worth and when somebody could come; a visit was offered for next week.',
        }
      : {}),
    complianceDecision: {
      verdict: reason ? 'deny' : 'allow',
      reason: reason ?? 'ok',
      reasons: reason ? [reason] : [],
      nextAllowedAt: null,
      explanation: reason ? 'This number may not be called now.' : 'Nothing speaks against this call.',
      decidedAt: initiatedAt,
      ruleVersion: '3-0c1d2e3f4a5b+tz2026c',
      inputsHash: `f3:${idOf(6, n)}${idOf(7, n)}`,
      zones: [{ zone: 'America/Los_Angeles', state: 'WA', localTime: 'Tue 2026-07-14 08:00' }],
    },
    promptHash: idOf(8, 1),
    consentVerified: true,
    dncChecked: true,
    optedOut: outcome === 'opted_out',
    seq: 12,
    createdAt: initiatedAt,
    updatedAt: after(30),
    createdBy: 'campaign',
    updatedBy: 'parley',
  } as unknown as Call;
}

const SAID = [
  'hello this is about the house on {street} that you asked us to look at',
  'I would like to know what it is worth before I talk to anybody else about {thing}',
  'could you come on {day} in the afternoon when my {kin} is here too',
  'the {thing} was done two years ago and it cost us more than I want to say',
  'we need to be out by the end of {month} because of the new job in {city}',
  'somebody else has offered already and they wanted to pay in cash',
  'I am not sure yet whether we want to sell at all this year',
  'that sounds good to me please send me an email with what you said',
] as const;
const WORDS: Readonly<Record<string, readonly string[]>> = {
  street: ['pine street', 'oak avenue', 'lake road', 'hill drive', 'cedar lane', 'market street'],
  thing: ['kitchen', 'roof', 'basement', 'garage', 'furnace', 'bathroom', 'septic tank', 'greenhouse'],
  day: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'],
  kin: ['wife', 'husband', 'brother', 'daughter', 'father'],
  month: ['january', 'march', 'june', 'september', 'november'],
  city: ['denver', 'austin', 'portland', 'boise', 'tacoma'],
};
const sentenceOf = (n: number, turn: number): string => {
  const pattern = SAID[mix(n, 40 + turn) % SAID.length] ?? SAID[0];
  return pattern.replaceAll(/\{(\w+)\}/g, (_, kind: string) => {
    const words = WORDS[kind] ?? [];
    return words[mix(n, 80 + turn) % words.length] ?? kind;
  });
};

/** Of a call that was talked on; one word in it that hardly any other has. */
function transcriptOf(call: Call, n: number): CallTranscript {
  const messages = Array.from({ length: 14 }, (_, turn) => ({
    speaker: turn % 2 === 0 ? ('agent' as const) : ('user' as const),
    text: turn === 5 ? `my file number is k${mix(n, 60) % 50_000}` : sentenceOf(n, turn),
    timestamp: turn * 11,
    turn,
    interrupted: false,
    repaired: false,
  }));
  return {
    _id: idOf(9, n),
    callId: call._id,
    ...(call.leadId ? { leadId: call.leadId } : {}),
    messages,
    fullTranscript: messages.map(({ speaker, text }) => `${speaker}: ${text}`).join('\n'),
    totalMessages: messages.length,
    agentMessages: 7,
    userMessages: 7,
    duration: call.duration ?? 0,
    completeness: 'complete',
    createdAt: call.endedAt ?? call.initiatedAt,
    updatedAt: call.endedAt ?? call.initiatedAt,
  } as CallTranscript;
}

function reviewOf(call: Call, n: number): CallReview {
  return {
    _id: call._id,
    callAt: call.initiatedAt,
    status: mix(n, 31) % 4 === 0 ? 'needs_attention' : 'reviewed',
    tags: mix(n, 32) % 3 === 0 ? ['coaching'] : [],
    comments: [],
    ...(mix(n, 33) % 2 === 0
      ? {
          assignedTo: idOf(9, mix(n, 34) % 8),
          assignedToName: 'Ada',
          assignedBy: 'Grace',
          assignedAt: call.initiatedAt,
        }
      : {}),
    revision: 1,
    createdAt: call.initiatedAt,
    updatedAt: call.initiatedAt,
  };
}

function leadOf(n: number, total: number, endMs: number): Lead {
  const receivedAt = new Date(endMs - Math.floor(((n + 0.5) / total) * DAYS * DAY_MS));
  const contact = { firstName: 'Alex', lastName: `Taylor ${n}`, phone: `+1206${String(2_000_000 + n)}` };
  const status = pick(
    [
      ['new', 4],
      ['contacted', 3],
      ['qualified', 2],
      ['converted', 1],
    ] as const,
    mix(n, 50),
  );
  const made = { id: idOf(3, n), nowMs: receivedAt.getTime(), by: 'import' };
  return { ...newLead({ source: 'csv', externalId: `row-${n}`, receivedAt, contact }, made), status };
}

/** Half an hour of talk, an event for everything that was said, and the sound of it. */
async function longCall(store: Store, recordingsDir: string, endMs: number): Promise<void> {
  const clock = createClock(silent);
  const events = createEventLog({ store, clock, ids: createIds(), log: silent });
  const beganMs = endMs - 4_000_000;
  const at = (sec: number) => ({ at: new Date(beganMs + sec * 1_000) });
  const record = (sec: number, body: Parameters<typeof events.record>[1]) =>
    events.record(LONG_CALL, body, at(sec));
  await record(0, {
    type: 'received',
    attemptId: 'long',
    callSid: 'CAlong',
    contactPhone: '+12062000777',
    fromPhone: '+12125550190',
    leadId: idOf(3, 777),
  });
  await record(0, { type: 'answered' });
  await record(1, { type: 'session_opened', conversationId: 'conv_long', recovery: false });
  const everySec = LONG_SEC / LONG_MESSAGES;
  for (let turn = 0; turn < LONG_MESSAGES; turn += 1) {
    const sec = 2 + turn * everySec;
    await record(sec, {
      type: 'said',
      role: turn % 2 === 0 ? 'agent' : 'user',
      text: sentenceOf(7, turn),
      turn,
    });
    if (turn % 2 === 0) await record(sec, { type: 'heard', turn, latencyMs: 700 + (mix(turn, 3) % 1_500) });
    if (turn % 40 === 21) {
      const toolCallId = `tool-${turn}`;
      await record(sec, {
        type: 'tool_called',
        toolCallId,
        name: 'check_calendar',
        parameters: { day: 'friday' },
      });
      await record(sec + 1, {
        type: 'tool_answered',
        toolCallId,
        result: 'free at 3',
        isError: false,
        tookMs: 240,
      });
    }
  }
  await record(LONG_SEC, {
    type: 'ended',
    status: 'completed',
    reason: 'caller_hung_up',
    durationSec: LONG_SEC,
  });
  const recordings = openRecordings({ dir: recordingsDir, log: silent, clock });
  const sink = recordings.open(LONG_CALL);
  const second = Buffer.alloc(16_000, 0xff);
  for (let sec = 0; sec < LONG_SEC; sec += 1) {
    const lane = Math.floor(sec / everySec) % 2;
    // Speech is loud and quiet by turns; the other side is silent.
    for (let frame = 0; frame < 8_000; frame += 1)
      second[2 * frame + lane] = sec % 5 === 4 ? 0xff : 0x80 + (mix(frame >> 9, sec) % 60) * (frame % 2);
    for (let frame = 0; frame < 8_000; frame += 1) second[2 * frame + (1 - lane)] = 0xff;
    sink.write(second);
    if (sec % 20 === 19) await new Promise((done) => setTimeout(done, 20));
  }
  const { durationSec } = await sink.close();
  await record(LONG_SEC + 2, { type: 'recording_ready', source: 'bridge', url: 'recordings', durationSec });
  await record(LONG_SEC + 3, { type: 'reconciled', completeness: 'complete', turns: [], source: 'webhook' });
}

async function fillOne<D extends { readonly _id: string }>(
  collection: Collection<D>,
  total: number,
  make: (n: number) => D | undefined,
): Promise<void> {
  for (let from = 0; from < total; from += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, total - from) }, (_, n) => {
        const made = make(from + n);
        return made && collection.insert(made);
      }),
    );
}

/** Fills an empty store; `recordingsDir`: where the product keeps its recordings. */
export async function fillHouse(
  store: Store,
  recordingsDir: string,
  { calls, transcripts, leads }: Sizes,
  endMs: number,
): Promise<void> {
  for (let n = 0; n < CAMPAIGNS; n += 1)
    await store.collection('campaigns').insert({
      _id: idOf(4, n),
      name: `Campaign ${n + 1}`,
      type: 'outbound',
      status: 'completed',
      createdAt: new Date(endMs),
      updatedAt: new Date(endMs),
    } as unknown as Campaign);
  await fillOne(store.collection('leads'), leads, (n) => leadOf(n, leads, endMs));
  let said = 0;
  await fillOne(store.collection('calls'), calls, (n) => callOf(n, calls, endMs));
  await fillOne(store.collection('call_transcripts'), calls, (n) => {
    if (said >= transcripts) return undefined;
    const call = callOf(n, calls, endMs);
    if (call.status !== 'completed') return undefined;
    said += 1;
    return transcriptOf(call, n);
  });
  await fillOne(store.collection('call_reviews'), calls, (n) =>
    mix(n, 30) % 50 === 0 ? reviewOf(callOf(n, calls, endMs), n) : undefined,
  );
  await longCall(store, recordingsDir, endMs);
}

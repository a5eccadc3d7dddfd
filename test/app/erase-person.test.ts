/** A person who asks is forgotten: nothing that tells of them is left but what the law wants kept, and they are never called again. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openRecordings } from '../../src/adapters/recordings/index.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createCallRecords } from '../../src/app/call-records.ts';
import { createCheckCompliance } from '../../src/app/check-compliance.ts';
import { createConsents } from '../../src/app/consents.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createErasures } from '../../src/app/erase-person.ts';
import { createLeads } from '../../src/app/leads.ts';
import type { Filter, Ids, Log, LogFields, Recordings, Store } from '../../src/app/ports.ts';
import { createReadCalls } from '../../src/app/read-calls.ts';
import { createEventLog, type EventLog } from '../../src/app/record-event.ts';
import { createRetention } from '../../src/app/retention.ts';
import type { Analysis, AnalysisOrigin } from '../../src/domain/analysis.ts';
import type { CallEventBody } from '../../src/domain/call.ts';
import type { Decision } from '../../src/domain/compliance/decision.ts';
import {
  COLLECTIONS,
  type CollectionName,
  type Lead,
  transcriptArchive,
} from '../../src/domain/documents.ts';
import { ERASED, type Erasure } from '../../src/domain/erasure.ts';
import { Failure } from '../../src/domain/errors.ts';
import { unreviewed } from '../../src/domain/review.ts';
import { foldTranscript, transcriptText } from '../../src/domain/transcript.ts';
import { type HandClock, handClock, trueTime } from '../support/clock.ts';

const NOON_MS = Date.parse('2026-11-20T17:00:00Z');
const SELLER = 'Acme Homes';
const PHONE = '+12125550234';
const SECOND = '+13055550278';
const ids: Ids = {
  objectId: () => randomBytes(12).toString('hex'),
  token: () => randomBytes(32).toString('base64url'),
};

/** What nobody may find again, each said in one place only. */
/** Words of somebody else's call, which stay. */
const ELSEWHERE = 'said in another call';
const SECRETS = {
  firstName: 'Ottilie',
  lastName: 'Quarzbein',
  email: 'ottilie.quarzbein@plant.example',
  street: '77 Plantstreet',
  city: 'Plantville',
  property: '9 Plantproperty Rd',
  wish: 'plantwish before winter',
  tag: 'planttag',
  web: 'plantpage that was looked at',
  externalId: 'plant-external-id',
  legacy: 'plantlegacy employer',
  attemptNote: 'plantnote of the attempt',
  said: 'plantsaid my knee hurts',
  answered: 'plantanswer that is bad, Ottilie',
  corrected: 'plantcorrected sorry',
  toolInput: 'plantparameter',
  toolResult: 'plantresult',
  evidence: 'plantevidence of a proposal',
  decided: 'plantdecision of an agent',
  learned: 'plantlearned of a call',
  stopped: 'plantstop leave me alone',
  follow: 'plantfollow call my sister',
  transfer: 'planttransfer wants a person',
  voicemail: 'plantvoicemail hello Ottilie',
  concluded: 'plantconcluded she is ill',
  hangup: 'planthangup she cried',
  messageText: 'plantmessage dear Ottilie',
  messageSubject: 'plantsubject of Ottilie',
  messageKey: 'plantkey-of-the-message',
  platform: 'plantplatform only they heard',
  conversation: 'conv_plantconversation',
  key: 'plant-idempotency-key',
  listed: 'plantlisted by my lawyer Quarzbein',
  sessionLegacy: 'plantsession room',
  comment: 'plantcomment she sounded ill',
  reviewTag: 'plantreviewtag',
  understood: 'plantunderstood she is ill',
  reworded: 'plantreworded her name is Ottilie',
} as const;

let dir: string;
let store: Store;
let clock: HandClock;
let lines: LogFields[];

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-erasure-'));
  store = await openLocalStore({ dir: join(dir, 'store'), log });
  clock = handClock(NOON_MS);
  lines = [];
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});
const log: Log = {
  debug: () => {},
  info: (fields) => lines?.push(fields),
  warn: () => {},
  error: () => {},
};

function house(over: Store = store) {
  const deps = { store: over, clock, ids, log, sellerName: SELLER, timekeeping: trueTime };
  const events = createEventLog(deps);
  const recordings = openRecordings({ dir: join(dir, 'recordings'), log, clock });
  const dnc = createDnc({ ...deps, stopCallsTo: async () => {} });
  const consents = createConsents({ ...deps, dnc });
  return {
    events,
    recordings,
    dnc,
    consents,
    leads: createLeads({ ...deps, consents }),
    check: createCheckCompliance(deps).check,
    calls: createReadCalls({ store: over, events, recordings }),
    records: createCallRecords(deps).records,
    erasures: createErasures({ ...deps, events, recordings, dnc }),
    retention: createRetention({ ...deps, events, recordings, shutdown: new AbortController().signal }),
  };
}
type House = ReturnType<typeof house>;

const decision: Decision = {
  verdict: 'allow',
  reason: 'ok',
  reasons: [],
  nextAllowedAt: null,
  explanation: 'All checks passed.',
  decidedAt: new Date(NOON_MS),
  ruleVersion: '1',
  inputsHash: 'ab',
  zones: [],
  permitId: 'p1',
};

/** Everything that can happen in a call, with something of the person in each. */
function conversation(lead: Lead): CallEventBody[] {
  const conversationId = SECRETS.conversation;
  return [
    {
      type: 'queued',
      attemptId: ids.objectId(),
      leadId: lead._id,
      contactPhone: PHONE,
      fromPhone: '+12065550100',
      requestedBy: 'ada',
    },
    {
      type: 'permitted',
      decision,
      script: { name: 'outbound', hash: 'cd' },
      terms: {
        seller: SELLER,
        purpose: 'marketing',
        subject: 'houses',
        calledName: `${SECRETS.firstName} ${SECRETS.lastName}`,
        callerIdName: SELLER,
        lists: [],
      },
    },
    { type: 'dialed', callSid: `CA${ids.objectId()}` },
    { type: 'ringing' },
    { type: 'answered' },
    { type: 'machine', answeredBy: 'human' },
    { type: 'stream_opened', streamSid: 'MZ1' },
    { type: 'session_opened', conversationId, recovery: false },
    { type: 'said', role: 'agent', text: SECRETS.answered, turn: 1, conversationId },
    { type: 'said', role: 'user', text: SECRETS.said, turn: 1, conversationId },
    { type: 'said', role: 'agent', text: 'longer', turn: 2, conversationId },
    { type: 'interrupted', turn: 2, heardMs: 500, conversationId },
    { type: 'corrected', turn: 2, text: SECRETS.corrected, conversationId },
    { type: 'heard', turn: 2, latencyMs: 700 },
    { type: 'tool_called', toolCallId: 't1', name: 'lookup_lead', parameters: { q: SECRETS.toolInput } },
    { type: 'tool_answered', toolCallId: 't1', result: SECRETS.toolResult, isError: false, tookMs: 3 },
    { type: 'keypad', digit: '4' },
    { type: 'follow_up_scheduled', kind: 'callback', notes: SECRETS.follow },
    { type: 'transferred', to: '+12065550111', reason: SECRETS.transfer },
    { type: 'voicemail_left', text: SECRETS.voicemail },
    { type: 'opted_out', channel: 'voice', words: SECRETS.stopped },
    { type: 'concluded', outcome: 'opted_out', reason: SECRETS.concluded },
    { type: 'hangup_requested', by: 'agent', reason: SECRETS.hangup },
    { type: 'ended', status: 'completed', reason: 'the carrier reported completed', durationSec: 61 },
    { type: 'recording_ready', source: 'bridge', durationSec: 61, url: 'recordings/x.wav' },
    {
      type: 'recording_ready',
      source: 'carrier',
      durationSec: 61,
      url: 'https://c/RE1',
      recordingSid: 'RE1',
    },
    {
      type: 'reconciled',
      completeness: 'repaired',
      turns: [{ role: 'user', text: SECRETS.platform, offsetSec: 9, interrupted: false }],
      source: 'poll',
    },
    { type: 'analysed', analysisId: ids.objectId(), origin: ORIGIN, analysis: UNDERSTOOD },
    { type: 'reworded', messageIndex: 1, text: SECRETS.reworded, by: 'ada', name: 'Ada' },
  ];
}

const ORIGIN: AnalysisOrigin = { by: 'lexicon', version: '1', transcriptHash: 'ab' };
const UNDERSTOOD: Analysis = {
  sentiment: {
    overall: 0.1,
    timeline: [{ timestamp: 0, score: 0.1 }],
    emotions: { positive: 0, neutral: 1, negative: 0 },
  },
  messages: [{ messageIndex: 1, sentiment: 0.1 }],
  keyMoments: [{ type: 'objection', messageIndex: 1, timestamp: 1, userText: SECRETS.understood }],
  extractedInfo: { motivationFactors: ['health'], priceExpectation: 123_456 },
  followUpActions: [{ type: 'callback', notes: SECRETS.understood }],
  qualityScore: 0.5,
  qualityFactors: {
    clearCommunication: 0.5,
    activeListening: 0.5,
    objectionHandling: 0.5,
    outcomeAchieved: 0.5,
  },
  topics: ['motivation'],
  keywords: [SECRETS.understood],
  summary: SECRETS.understood,
  evidence: [{ path: 'summary.0', messageIndex: 1, quote: SECRETS.understood }],
};

async function record(events: EventLog, bodies: readonly CallEventBody[], at: Date): Promise<string> {
  const callId = ids.objectId();
  for (const body of bodies) await events.record(callId, body, { at });
  return callId;
}

async function sound(recordings: Recordings, callId: string): Promise<void> {
  const sink = recordings.open(callId);
  sink.write(Buffer.alloc(1_600, 0x55));
  const closed = sink.close();
  await clock.pass(20);
  await closed;
}

/** A lead with two numbers, everything known of it, and a call of 2025 that is archived; one call of somebody else. */
async function plant({ events, leads, dnc, recordings, retention }: House) {
  const made = await leads.create(
    {
      source: 'csv',
      externalId: SECRETS.externalId,
      contact: {
        firstName: SECRETS.firstName,
        lastName: SECRETS.lastName,
        email: SECRETS.email,
        phone: PHONE,
        alternatePhone: SECOND,
        address: { street: SECRETS.street, city: SECRETS.city, state: 'NY' },
      },
      propertyAddress: SECRETS.property,
      intent: { type: 'seller', message: SECRETS.wish },
      tags: [SECRETS.tag],
      web: { sessionId: SECRETS.web, journey: [{ url: SECRETS.web, timestamp: new Date(NOON_MS) }] },
    },
    'ada',
  );
  for (const channel of ['sms', 'email'] as const) {
    const at = new Date('2026-11-11T15:00:00Z');
    await store.collection('messages').put({
      _id: ids.objectId(),
      channel,
      direction: 'outbound',
      leadId: made._id,
      to: channel === 'sms' ? PHONE : SECRETS.email,
      from: '+12065550100',
      ...(channel === 'email' ? { subject: SECRETS.messageSubject } : {}),
      text: SECRETS.messageText,
      status: 'delivered',
      history: [{ status: 'delivered', at }],
      attemptKey: `api:ada:${SECRETS.messageKey}:${channel}`,
      requestedBy: 'ada',
      sentAt: at,
      createdAt: at,
      updatedAt: at,
    });
  }
  const callIds: string[] = [];
  for (const at of [new Date('2025-03-01T15:00:00Z'), new Date('2026-11-10T15:00:00Z')]) {
    const callId = await record(events, conversation(made), at);
    callIds.push(callId);
    await sound(recordings, callId);
    const messages = foldTranscript(await store.events(callId));
    await store.collection('call_transcripts').put({
      _id: callId,
      callId,
      leadId: made._id,
      messages,
      fullTranscript: transcriptText(messages),
      totalMessages: messages.length,
      agentMessages: 1,
      userMessages: 1,
      duration: 61,
      completeness: 'repaired',
      createdAt: at,
      updatedAt: at,
    });
    await store.collection('call_analyses').put({
      _id: ids.objectId(),
      callId,
      state: 'done',
      requestedBy: 'parley',
      origin: ORIGIN,
      analysis: UNDERSTOOD,
      dropped: [{ path: 'outcome', messageIndex: 1, quote: SECRETS.understood, why: 'not_said_there' }],
      wrong: [{ path: 'summary', note: SECRETS.understood, by: 'ada', at }],
      createdAt: at,
      updatedAt: at,
    });
    await store.collection('call_reviews').put({
      ...unreviewed(callId, at),
      status: 'reviewed',
      tags: [SECRETS.reviewTag],
      comments: [
        { id: ids.objectId(), by: 'ada', byName: 'Ada', text: SECRETS.comment, atSec: 4, createdAt: at },
      ],
      revision: 1,
    });
    await store.collection('knowledge_proposals').put({
      _id: ids.objectId(),
      key: callId,
      kind: 'objection_handler',
      title: 'Other agents',
      body: 'There is no charge.',
      tags: [],
      baseVersion: 0,
      insight: 'people ask what it costs',
      by: 'rules',
      source: 'analysis',
      evidence: [
        { callId, messageIndex: 0, atSec: 1, speaker: 'user', quote: SECRETS.evidence },
        { callId: 'a'.repeat(24), messageIndex: 0, atSec: 1, speaker: 'user', quote: ELSEWHERE },
      ],
      before: { used: 0, succeeded: 0 },
      state: 'open',
      createdAt: at,
      updatedAt: at,
    });
    await store.collection('conversation_sessions').put({
      _id: callId,
      sessionId: callId,
      callId,
      leadId: made._id,
      leadGenerated: false,
      startTime: at,
      turns: 4,
      channel: 'phone',
      legacy: { room: SECRETS.sessionLegacy },
      createdAt: at,
      updatedAt: at,
    });
  }
  await retention.run({ dryRun: false, waitMs: 60_000 }, 'ada');
  // A call of ours to the second number, without a lead.
  const inbound = await record(
    events,
    [
      {
        type: 'received',
        attemptId: ids.objectId(),
        callSid: `CA${ids.objectId()}`,
        contactPhone: SECOND,
        fromPhone: '+12065550100',
      },
      { type: 'said', role: 'user', text: SECRETS.said, turn: 1 },
      { type: 'ended', status: 'completed', reason: 'hung up' },
    ],
    new Date('2026-11-12T15:00:00Z'),
  );
  const now = new Date(clock.nowMs());
  await store.collection('attempts').insert({
    _id: ids.objectId(),
    callId: callIds[1] ?? '',
    leadId: made._id,
    phone: PHONE,
    subject: 'houses',
    direction: 'outbound',
    reservedAt: now,
    state: 'closed',
    idempotencyKey: `ada:${SECRETS.key}`,
    createdAt: now,
    updatedAt: now,
  });
  await dnc.add({ phone: PHONE, scope: 'litigator', reason: SECRETS.listed, source: 'manual' }, 'ada');
  await store.collection('leads').update(
    { _id: made._id },
    {
      $set: {
        legacy: { employer: SECRETS.legacy },
        contactAttempts: [
          {
            attemptId: ids.objectId(),
            timestamp: now,
            type: 'automated_call',
            callId: callIds[1] ?? '',
            outcome: 'opted_out',
            notes: SECRETS.attemptNote,
          },
        ],
      },
    },
  );
  const stranger = await leads.create(
    {
      source: 'csv',
      contact: { firstName: 'Basil', lastName: 'Bystander', phone: '+14155550199', email: 'b@by.example' },
    },
    'ada',
  );
  const theirs = await record(
    events,
    [
      {
        type: 'queued',
        attemptId: ids.objectId(),
        leadId: stranger._id,
        contactPhone: '+14155550199',
        fromPhone: '+12065550100',
        requestedBy: 'ada',
      },
      { type: 'said', role: 'user', text: 'good day', turn: 1 },
      { type: 'ended', status: 'completed', reason: 'hung up' },
    ],
    now,
  );
  const ofCalls = (also: string) => [...callIds, also];
  await store.collection('agent_state').put({
    _id: 'architect',
    agentType: 'architect',
    agentId: 'default',
    state: {},
    decisionHistory: ofCalls(theirs).map((callId) => ({
      timestamp: now,
      decision: 'proposed',
      input: callId === theirs ? ELSEWHERE : SECRETS.decided,
      reasoning: '',
      output: '',
      callId,
    })),
    metrics: {},
    sums: {},
    days: {},
    learnings: ofCalls(theirs).map((callId) => ({
      timestamp: now,
      source: 'analysis' as const,
      callId,
      insight: callId === theirs ? ELSEWHERE : SECRETS.learned,
      incorporated: false,
      proposalId: ids.objectId(),
      key: 'price',
    })),
    knowledgeVersions: {},
    counted: [],
    createdAt: now,
    updatedAt: now,
  });
  return { lead: made, callIds, inbound, stranger, theirs };
}

/** Every document there is, by its collection, and every file but the database's own. */
async function everything(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const archives = [2024, 2025, 2026].map(transcriptArchive);
  for (const name of [...(Object.keys(COLLECTIONS) as CollectionName[]), ...archives])
    found.set(name, JSON.stringify(await store.collection(name).find({})));
  for (const name of await readdir(dir, { recursive: true, withFileTypes: true }))
    if (name.isFile() && !/^store\.(mdb|lock)/.test(name.name))
      found.set(name.name, (await readFile(join(name.parentPath, name.name))).toString('latin1'));
  return found;
}

/** Where each secret is still found. */
async function traces(): Promise<Record<string, string[]>> {
  const all = await everything();
  const found: Record<string, string[]> = {};
  for (const [what, secret] of Object.entries(SECRETS))
    for (const [where, text] of all) if (text.includes(secret)) found[what] = [...(found[what] ?? []), where];
  return found;
}

const ASK = { phone: '(212) 555-0234', reason: 'a letter of 3 November' };

describe('an erasure', () => {
  test('leaves no trace of name, address or words in any document or file, and says what it removed', async () => {
    const parts = house();
    const { lead, callIds, inbound, theirs, stranger } = await plant(parts);
    const before = await traces();
    expect(Object.keys(before).sort()).toEqual(Object.keys(SECRETS).sort());
    const theirsBefore = [await store.events(theirs), await store.collection('leads').get(stranger._id)];

    const erasure = await parts.erasures.erase(ASK, 'ada');
    expect(await traces()).toEqual({
      // The one thing told by the report: which copy to delete at the platform.
      conversation: ['erasures'],
    });
    const [state] = await store.collection('agent_state').find({});
    expect(
      [state?.decisionHistory, state?.learnings].map((left) => left?.map(({ callId }) => callId)),
    ).toEqual([[theirs], [theirs]]);
    for (const { evidence } of await store.collection('knowledge_proposals').find({}))
      expect(evidence.map(({ quote }) => quote)).toEqual([ELSEWHERE]);
    expect(erasure).toMatchObject({
      phone: PHONE,
      numbers: [PHONE, SECOND],
      reason: ASK.reason,
      by: 'ada',
      state: 'done',
      leadIds: [lead._id],
      endedAt: new Date(clock.nowMs()),
    });
    expect(Object.fromEntries(erasure.removed.map(({ of, count }) => [of, count]))).toEqual({
      contacts: 1,
      call_reviews: 2,
      call_analyses: 2,
      knowledge_proposals: 2,
      agent_state: 2,
      leads: 1,
      calls: 3,
      call_events: 43,
      call_transcripts: 1,
      transcript_archives: 1,
      recordings: 2,
      conversation_sessions: 2,
      dnc_registry: 1,
      attempts: 1,
      messages: 2,
    });
    expect(Object.fromEntries(erasure.kept.map(({ of, count }) => [of, count]))).toEqual({
      consent_logs: 4,
      dnc_registry: 3,
      calls: 3,
      leads: 1,
      attempts: 1,
    });
    for (const { says } of [...erasure.removed, ...erasure.kept]) expect(says.length).toBeGreaterThan(10);
    expect(erasure.elsewhere).toEqual([
      { at: 'agent_platform', what: 'conversation', id: SECRETS.conversation },
      { at: 'carrier', what: 'recording', id: 'RE1' },
    ]);
    expect((await parts.erasures.list({})).items).toEqual([erasure]);
    expect(await readdir(join(dir, 'recordings'))).toEqual([]);
    for (const callId of [...callIds, inbound])
      expect(await parts.calls.get(callId)).toMatchObject({ erasedAt: new Date(clock.nowMs()) });
    expect([await store.events(theirs), await store.collection('leads').get(stranger._id)]).toEqual(
      theirsBefore,
    );
  });

  test('keeps the record of each call as the law wants it, under a name that tells nobody', async () => {
    const parts = house();
    const { callIds } = await plant(parts);
    const range = { from: new Date('2025-01-01'), to: new Date('2027-01-01') };
    const list = async () => {
      const found = [];
      for await (const each of parts.records(range)) found.push(each);
      return found.filter(({ callId }) => callIds.includes(callId));
    };
    const before = await list();
    const { pseudonym } = await parts.erasures.erase(ASK, 'ada');
    expect(pseudonym).toMatch(/^Erased person [0-9a-f]{8}$/);
    expect(await list()).toEqual(before.map((each) => ({ ...each, calledPartyName: pseudonym })));
    const call = await parts.calls.get(callIds[1] ?? '');
    expect(call).not.toHaveProperty('recordingUrl');
    expect(call).not.toHaveProperty('carrierRecordingUrl');
    expect(call).toMatchObject({ status: 'completed', outcome: 'opted_out', duration: 61, optedOut: true });
    const { messages } = await parts.calls.transcript(callIds[1] ?? '');
    expect(messages.length).toBeGreaterThan(3);
    expect(new Set(messages.map(({ text }) => text))).toEqual(new Set([ERASED]));
    // Whatever is rebuilt from the log says no more.
    await parts.events.rebuild(call._id);
    expect(await parts.calls.get(call._id)).toEqual(call);
  });

  test('leaves the consent log as it was: it still verifies, and is the one place where the name stands', async () => {
    const parts = house();
    const { lead } = await plant(parts);
    await parts.consents.grant(
      {
        phone: PHONE,
        leadId: lead._id,
        email: SECRETS.email,
        method: 'web_form',
        source: 'landing page',
        consentText: `I agree that ${SELLER} may call me.`,
        automatedCallsAllowed: true,
        textMessagesAllowed: true,
      },
      'ada',
    );
    const ledger = () => store.collection('consent_logs').find({ sort: { createdAt: 1, chainIndex: 1 } });
    const before = await ledger();
    await parts.erasures.erase(ASK, 'ada');
    expect((await ledger()).filter(({ _id }) => before.some((each) => each._id === _id))).toEqual(before);
    expect(await parts.consents.verify()).toMatchObject({ intact: true });
    expect(await traces()).toEqual({
      conversation: ['erasures'],
      email: ['consent_logs'],
      firstName: ['consent_logs'],
      lastName: ['consent_logs'],
    });
  });

  test('puts every number on the list, for ever: no call is allowed, by number or by lead', async () => {
    const parts = house();
    const { lead } = await plant(parts);
    await parts.erasures.erase(ASK, 'ada');
    for (const phone of [PHONE, SECOND]) {
      expect(await parts.dnc.isListed([phone])).toBe(true);
      expect(await parts.check({ phone })).toMatchObject({ verdict: 'deny', reason: 'internal_dnc' });
    }
    expect(await parts.check({ leadId: lead._id })).toMatchObject({
      verdict: 'deny',
      reason: 'phone_invalid',
    });
    expect(await store.collection('leads').get(lead._id)).toMatchObject({
      status: 'dnc',
      contact: { lastName: '', phone: `none:${lead._id}` },
      erasedAt: new Date(clock.nowMs()),
    });
  });

  test('said in advance changes nothing and says the same', async () => {
    const parts = house();
    await plant(parts);
    const before = await everything();
    const foreseen = await parts.erasures.foresee(ASK, 'ada');
    expect(await everything()).toEqual(before);
    const erasure = await parts.erasures.erase(ASK, 'ada');
    expect(foreseen).toMatchObject({
      numbers: erasure.numbers,
      removed: erasure.removed,
      elsewhere: erasure.elsewhere,
    });
  });

  test('asked for again finds nothing left, and erases what came in since', async () => {
    const parts = house();
    const { callIds } = await plant(parts);
    await parts.erasures.erase(ASK, 'ada');
    const before = await everything();
    expect((await parts.erasures.erase(ASK, 'ada')).removed).toEqual([]);
    const after = await everything();
    before.delete('erasures');
    after.delete('erasures');
    expect(after).toEqual(before);

    await parts.events.record(callIds[0] ?? '', { type: 'said', role: 'user', text: SECRETS.said, turn: 9 });
    expect((await parts.erasures.erase(ASK, 'ada')).removed).toMatchObject([
      { of: 'call_events', count: 1 },
      { of: 'calls', count: 1 },
    ]);
    expect(await traces()).toEqual({ conversation: ['erasures'] });
  });

  test('ends what campaigns still had planned for the lead, and for no other', async () => {
    const parts = house();
    const { lead, stranger } = await plant(parts);
    const at = new Date(NOON_MS);
    const enrollments = store.collection('enrollments');
    for (const { _id: leadId } of [lead, stranger])
      await enrollments.insert({
        _id: ids.objectId(),
        campaignId: 'c1',
        leadId,
        receivedAt: at,
        stage: 'follow_up',
        step: 1,
        turn: 3,
        priority: 3,
        dueAt: at,
        waiting: { reason: 'consent_missing', explanation: 'Blocked.', since: at },
        calls: 2,
        messages: 1,
        createdAt: at,
        updatedAt: at,
      });
    const { removed } = await parts.erasures.erase(ASK, 'ada');
    expect(removed.find(({ of }) => of === 'enrollments')?.count).toBe(1);
    const [theirs] = await enrollments.find({ filter: { leadId: lead._id } });
    expect(theirs).toMatchObject({ stage: 'ended', ended: { why: 'opted_out' }, calls: 2 });
    expect([theirs?.dueAt, theirs?.waiting]).toEqual([undefined, undefined]);
    const [others] = await enrollments.find({ filter: { leadId: stranger._id } });
    expect(others).toMatchObject({ stage: 'follow_up', dueAt: at });
  });

  test('of a number nobody knows still puts it on the list', async () => {
    const parts = house();
    const erasure = await parts.erasures.erase({ phone: '+16175550223', reason: 'by phone' }, 'ada');
    expect(erasure).toMatchObject({ state: 'done', removed: [], numbers: ['+16175550223'] });
    expect(await parts.check({ phone: '+16175550223' })).toMatchObject({ reason: 'internal_dnc' });
  });

  test.each([
    ['a number that is none', { phone: '12', reason: 'x' }],
    ['no reason', { phone: PHONE, reason: ' ' }],
  ])('is refused for %s', async (_, request) => {
    await expect(house().erasures.erase(request, 'ada')).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await store.collection('erasures').count({})).toBe(0);
  });

  test('does not tell who it was to the log', async () => {
    const parts = house();
    await plant(parts);
    lines = [];
    await parts.erasures.erase(ASK, 'ada');
    const told = lines.map(({ pii: _pii, ...rest }) => JSON.stringify(rest)).join();
    expect(told).toContain('"audit":true');
    for (const secret of [PHONE, SECOND, ...Object.values(SECRETS)]) expect(told).not.toContain(secret);
  });
});

describe('while a call with the person is not done with', () => {
  const busy = { code: 'attempt_in_progress' };

  test('it is refused, and nothing changes: a call that rings, talks, is about to be dialled, or is being finished', async () => {
    const parts = house();
    const { lead } = await plant(parts);
    const before = await everything();
    const expectRefused = async (): Promise<void> => {
      await expect(parts.erasures.erase(ASK, 'ada')).rejects.toMatchObject(busy);
      await expect(parts.erasures.foresee(ASK, 'ada')).rejects.toMatchObject(busy);
      expect(await store.collection('erasures').count({})).toBe(0);
      expect(await store.collection('dnc_registry').count({ scope: 'internal' })).toBe(0);
    };
    const now = new Date(clock.nowMs());
    const attempt = {
      _id: ids.objectId(),
      callId: ids.objectId(),
      leadId: lead._id,
      phone: SECOND,
      activePhones: [PHONE, SECOND],
      subject: 'houses',
      direction: 'outbound' as const,
      reservedAt: now,
      state: 'reserved' as const,
      createdAt: now,
      updatedAt: now,
    };
    await store.collection('attempts').insert(attempt);
    await expectRefused();
    await store.collection('attempts').remove({ _id: attempt._id });

    const live = await record(parts.events, conversation(lead).slice(0, 10), now);
    await expectRefused();
    await parts.events.record(live, { type: 'ended', status: 'completed', reason: 'hung up' }, { at: now });
    await expectRefused();
    await parts.events.record(live, {
      type: 'reconciled',
      completeness: 'complete',
      turns: [],
      source: 'poll',
    });
    expect((await everything()).get('leads')).toBe(before.get('leads'));
    await parts.erasures.erase(ASK, 'ada');
    expect(await traces()).toEqual({ conversation: ['erasures'] });
  });

  test('a talk whose account never came does not stand in the way for ever', async () => {
    const parts = house();
    const { lead } = await plant(parts);
    const ended = new Date(clock.nowMs() - 1_800_001);
    const bodies = conversation(lead).slice(0, 10);
    await record(parts.events, [...bodies, { type: 'ended', status: 'completed', reason: 'hung up' }], ended);
    expect((await parts.erasures.erase(ASK, 'ada')).state).toBe('done');
    expect(await traces()).toEqual({ conversation: ['erasures'] });
  });
});

test('an erasure cut off at any write goes on when it is asked for again, with both numbers, and ends the same', async () => {
  const counts: unknown[] = [];
  for (let left = 0; ; left += 11) {
    const parts = house();
    const { lead } = await plant(parts);
    let writes = left;
    let died = false;
    const dying = new Proxy(store, {
      get: (of, key) => {
        const fuse = <T>(task: () => Promise<T>): Promise<T> => {
          writes -= 1;
          if (writes >= 0) return task();
          died = true;
          return Promise.reject(new Failure('store_unavailable', 'gone'));
        };
        if (key === 'append') return (...args: Parameters<Store['append']>) => fuse(() => of.append(...args));
        if (key !== 'collection') return Reflect.get(of, key) as unknown;
        return (name: 'leads') => {
          const room = of.collection(name);
          return {
            ...room,
            insert: (document: Lead) => fuse(() => room.insert(document)),
            put: (document: Lead) => fuse(() => room.put(document)),
            update: (...args: Parameters<typeof room.update>) => fuse(() => room.update(...args)),
            remove: (filter: Filter) => fuse(() => room.remove(filter)),
          };
        };
      },
    });
    const first = await house(dying)
      .erasures.erase(ASK, 'ada')
      .catch((error: unknown) => error);
    // Asked again by the other number, by a process that knows only what is stored.
    const again = died ? await house().erasures.erase({ ...ASK, phone: SECOND }, 'bob') : (first as Erasure);
    expect(again.state).toBe('done');
    expect(await traces()).toEqual({ conversation: ['erasures'] });
    expect(await house().consents.verify()).toMatchObject({ intact: true });
    for (const phone of [PHONE, SECOND]) expect(await parts.dnc.isListed([phone])).toBe(true);
    expect((await store.collection('leads').get(lead._id))?.erasedAt).toBeDefined();
    const reports = await store.collection('erasures').find({});
    expect(reports.filter(({ state }) => state === 'running')).toEqual([]);
    counts.push(again.removed);
    if (!died) break;
    await store.close();
    await rm(dir, { recursive: true, force: true });
    store = await openLocalStore({ dir: join(dir, 'store'), log });
  }
  expect(counts.length).toBeGreaterThan(5);
});

test('a call of which the log has nothing is erased all the same', async () => {
  const parts = house();
  const { callIds } = await plant(parts);
  const [callId = ''] = callIds;
  await store.collection('call_events').remove({ callId });
  await parts.erasures.erase(ASK, 'ada');
  expect(await traces()).toEqual({ conversation: ['erasures'] });
  expect(await store.collection('calls').get(callId)).toMatchObject({ status: 'completed', duration: 61 });
  expect((await parts.erasures.erase(ASK, 'ada')).removed).toEqual([]);
});

test('a transcript that is being archived while its person is erased is in no archive afterwards', async () => {
  const parts = house();
  const { callIds } = await plant(parts);
  const [old = ''] = callIds;
  const at = new Date('2025-03-01T15:00:00Z');
  await store.collection('call_transcripts_archive_2025').remove({ _id: old });
  await store.collection('call_transcripts').put({
    _id: old,
    callId: old,
    messages: [],
    fullTranscript: SECRETS.said,
    totalMessages: 1,
    agentMessages: 0,
    userMessages: 1,
    duration: 1,
    completeness: 'complete',
    createdAt: at,
    updatedAt: at,
  });
  // The run has read the transcript when the erasure comes, and goes on when that is done.
  const crossing = new Proxy(store, {
    get: (of, key) =>
      key === 'collection'
        ? (name: 'call_transcripts') => {
            const room = of.collection(name);
            if (!name.startsWith('call_transcripts_archive')) return room;
            return {
              ...room,
              put: async (document: Parameters<typeof room.put>[0]) => {
                await parts.erasures.erase(ASK, 'ada');
                await room.put(document);
              },
            };
          }
        : (Reflect.get(of, key) as unknown),
  });
  await house(crossing).retention.run({ dryRun: false, waitMs: 60_000 }, 'ada');
  expect(await traces()).toEqual({ conversation: ['erasures'] });
});

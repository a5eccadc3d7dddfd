/** test/http/support: a served API over an app of a few documents, on a port of its own. */

import { rmSync } from 'node:fs';
import { createPasswords } from '../../src/adapters/passwords.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createClock, createIds } from '../../src/adapters/system.ts';
import { buildAccess } from '../../src/app/access.ts';
import type { Hearing } from '../../src/app/attend-call.ts';
import type { CampaignWork, EnrollmentView } from '../../src/app/campaign-work.ts';
import type { Person } from '../../src/app/floor.ts';
import type { ForecastShown } from '../../src/app/forecast-campaign.ts';
import type { Period } from '../../src/app/overview.ts';
import type { StoredRecording } from '../../src/app/ports.ts';
import type { LeadStats, WeeklyReport } from '../../src/app/reports.ts';
import type { Role } from '../../src/contract/index.ts';
import type { AgentState } from '../../src/domain/agent-state.ts';
import type { CallAnalysis } from '../../src/domain/analysis.ts';
import type { Call, CallEvent } from '../../src/domain/call.ts';
import { NO_FIGURES } from '../../src/domain/call-figures.ts';
import { fingerprint } from '../../src/domain/canonical.ts';
import type { Decision } from '../../src/domain/compliance/decision.ts';
import type {
  CallRecord,
  CompliancePolicyDocument,
  ConsentProof,
  ListImport,
} from '../../src/domain/compliance/records.ts';
import { contactOf } from '../../src/domain/contact.ts';
import { DEFAULT_RATES } from '../../src/domain/cost.ts';
import type { Campaign, ConsentLog, DncEntry, Lead, TranscriptMessage } from '../../src/domain/documents.ts';
import type { Erasure } from '../../src/domain/erasure.ts';
import { Failure } from '../../src/domain/errors.ts';
import type { IntakeEndpoint } from '../../src/domain/intake.ts';
import type { KnowledgeEntry, KnowledgeProposal } from '../../src/domain/knowledge.ts';
import { type LeadImport, NO_ROWS } from '../../src/domain/lead-import.ts';
import type { Message } from '../../src/domain/message.ts';
import { newProperty } from '../../src/domain/property.ts';
import { qualify } from '../../src/domain/qualification.ts';
import type { RetentionRun } from '../../src/domain/retention.ts';
import { type CallReview, type SavedView, unreviewed } from '../../src/domain/review.ts';
import { ROLES } from '../../src/domain/user.ts';
import { createHttp, type HttpDeps } from '../../src/http/index.ts';
import type { AppForHttp, Change } from '../../src/http/needs.ts';
import { freshDir, silent } from '../contract/filled.ts';

const ids = createIds();
export const at = new Date('2026-11-21T15:00:00.000Z');
export const API_KEY = 'k'.repeat(40);
export const LINK_TOKEN = 'link-token-of-this-start';
export const SECRET = 's'.repeat(48);
export const leadId = ids.objectId();
export const campaignId = ids.objectId();
export const callId = ids.objectId();
export const missingId = 'f'.repeat(24);

const lead: Lead = {
  _id: leadId,
  source: 'manual',
  externalId: 'x-1',
  receivedAt: at,
  contact: { firstName: 'Ada', lastName: '<script>alert(1)</script>', phone: '+12125550123' },
  contactAttempts: [],
  dncStatus: { onNationalRegistry: false, internalDNC: false },
  status: 'new',
  stage: 'new',
  tags: [],
  createdBy: 'owner',
  updatedBy: 'owner',
  createdAt: at,
  updatedAt: at,
};

const property = newProperty(
  { address: { street: '123 Main St', city: 'Seattle', state: 'WA', zipCode: '98101' } },
  { id: ids.objectId(), nowMs: at.getTime() },
);

const analysis: CallAnalysis = {
  _id: ids.objectId(),
  callId,
  state: 'done',
  requestedBy: 'parley',
  wrong: [],
  createdAt: at,
  updatedAt: at,
};

const endpoint: IntakeEndpoint = {
  _id: ids.objectId(),
  source: 'zillow',
  name: 'Zillow',
  mapping: [],
  defaults: [],
  createdBy: 'owner',
  createdAt: at,
  updatedAt: at,
};

const leadImport: LeadImport = {
  _id: ids.objectId(),
  state: 'done',
  defaults: [],
  duplicates: 'skip',
  ...NO_ROWS,
  createdBy: 'owner',
  createdAt: at,
  updatedAt: at,
};

export const decision: Decision = {
  verdict: 'deny',
  reason: 'consent_missing',
  reasons: ['consent_missing'],
  nextAllowedAt: null,
  explanation: 'There is no consent for this number.',
  decidedAt: at,
  ruleVersion: '1',
  inputsHash: 'ab',
  zones: [{ zone: 'America/New_York', state: 'NY', localTime: 'Sat 2026-11-21 10:00' }],
};

export const call: Call = {
  _id: callId,
  attemptId: 'attempt-1',
  callSid: 'CA1',
  leadId,
  contactPhone: '+12125550123',
  fromPhone: '+12065550100',
  direction: 'outbound',
  type: 'automated',
  status: 'answered',
  initiatedAt: at,
  answeredAt: at,
  conversationMetrics: {
    agentTalkTime: 1,
    userTalkTime: 2,
    interruptionCount: 0,
    turnCount: 2,
    avgTurnDuration: 1.5,
    silenceDuration: 0,
  },
  latency: { perTurnMs: [800], medianMs: 800, maxMs: 800 },
  followUpActions: [{ type: 'callback', scheduledFor: at, notes: 'call again', completed: false }],
  recordingUrl: '/var/secret/place.ulaw',
  carrierRecordingUrl: 'https://api.twilio.com/secret',
  complianceDecision: decision,
  consentVerified: true,
  dncChecked: true,
  optedOut: false,
  seq: 4,
  createdAt: at,
  updatedAt: at,
  createdBy: 'owner',
  updatedBy: 'said',
};

const campaign: Campaign = {
  _id: campaignId,
  name: 'Spring',
  type: 'wholesale',
  status: 'draft',
  calling: {
    purpose: 'marketing',
    subject: 'houses',
    machinePolicy: 'hang_up',
    ringTimeoutSec: 30,
    maxCallSec: 1800,
    carrierRecording: false,
  },
  createdAt: at,
  updatedAt: at,
};

const forecast: ForecastShown = {
  _id: campaignId,
  campaignId,
  state: 'done',
  progress: { done: 3, total: 3 },
  startedAt: at,
  finishedAt: at,
  summary: '2 of 3 can be called; 1 DNC; finish today 4 pm; about $0.09',
  leads: 3,
  callable: 2,
  callableNow: 1,
  barred: [
    {
      reason: 'internal_dnc',
      explanation: 'Blocked: the person asked us not to call.',
      leads: 1,
      examples: [{ leadId, name: 'Ada' }],
    },
  ],
  waiting: [
    {
      reason: 'outside_federal_hours',
      explanation: 'Blocked: it is night.',
      leads: 1,
      examples: [],
      from: at,
    },
  ],
  curve: [{ at, calls: 2.5, reached: 1 }],
  calls: 2.5,
  finishAt: at,
  limitedBy: 'hours',
  cost: 0.09,
  assumptions: ['None.'],
  createdAt: at,
  updatedAt: at,
};

const campaignWork: CampaignWork = {
  campaignId,
  at,
  says: 'Calls one lead.',
  counts: { enrolled: 3, due: 1, working: 1, scheduled: 0, waiting: 1, ended: {} },
  waiting: [{ reason: 'consent_missing', explanation: 'There is no consent.', leads: 1 }],
  today: { calls: 1, leads: 1, messages: 0, spent: 0.1 },
  spent: 0.1,
  lines: { used: 1, ofCampaign: 1, free: 69 },
};

const enrollment: EnrollmentView = {
  _id: ids.objectId(),
  campaignId,
  leadId,
  leadName: 'Ada',
  receivedAt: at,
  stage: 'initial',
  step: 0,
  turn: 0,
  priority: 1,
  dueAt: at,
  holder: 'of a process',
  calls: 0,
  messages: 0,
  next: 'first call',
  createdAt: at,
  updatedAt: at,
};

const leadStats: LeadStats = {
  leads: 1,
  byStatus: { new: 1 },
  bySource: { csv: 1 },
  conversionRate: 0,
};

const period: Period = { from: at, to: at, calls: NO_FIGURES, leads: 1, optOuts: 0 };

const week: WeeklyReport['week'] = {
  from: at,
  to: at,
  leads: leadStats,
  calls: 1,
  answered: 1,
  conversations: 1,
  qualified: 0,
  optedOut: 0,
  talkTime: 10,
  avgSentiment: null,
  messages: 0,
  dealsClosed: 0,
  revenue: 0,
  cost: 0.1,
  days: [{ day: '2026-11-21', calls: 1, answered: 1 }],
};

const consent: ConsentLog = {
  _id: ids.objectId(),
  phone: '+12125550123',
  eventType: 'consent_granted',
  timestamp: at,
  recordedBy: 'owner',
  chainIndex: 1,
  prevHash: '0',
  hash: '1',
  createdAt: at,
};

const dncEntry: DncEntry = {
  _id: ids.objectId(),
  phone: '+12125550123',
  scope: 'internal',
  state: null,
  seller: 'Parley',
  source: 'manual',
  listedAt: at,
  createdAt: at,
  updatedAt: at,
};

export const HOSTILE =
  'bye\n\n00:00:00.000 --> 99:00:00.000\n<v Agent><c.red onclick=x>I agree & sign\r\nAgent: yes';

const messages: TranscriptMessage[] = [
  {
    speaker: 'agent',
    text: 'Hello',
    timestamp: 0.4,
    turn: 1,
    interrupted: true,
    heardMs: 300,
    repaired: false,
  },
  { speaker: 'user', text: HOSTILE, timestamp: 2, turn: 1, interrupted: false, repaired: false },
];

export const saidEvent = (seq: number, text = 'Hello'): CallEvent => ({
  _id: ids.objectId(),
  eventId: `e-${seq}`,
  callId,
  sessionId: callId,
  seq,
  at,
  type: 'said',
  role: 'agent',
  text,
  turn: seq,
});

export const record: CallRecord = {
  callId,
  telemarketer: 'Parley',
  seller: 'Parley',
  goodsOrServices: 'houses',
  calledParty: 'consumer',
  direction: 'outbound',
  prerecorded: 'artificial voice',
  callingNumber: '+12065550100',
  calledNumber: '+12125550123',
  calledPartyName: 'Ada Lovelace',
  date: '2026-11-21',
  time: '15:00:00',
  durationSec: 61,
  disposition: 'answered',
  transferredTo: '',
  campaignId,
  scriptName: 'first-call',
  scriptHash: 'ab',
  callerIdNumber: '+12065550100',
  callerIdName: 'Parley',
  callerIdProof: 'owned',
  verdict: 'allow',
  reasons: '',
  ruleVersion: '1',
  inputsHash: 'ab',
  permitId: 'p1',
  dncListsAsOf: 'national 2026-11-20; state.FL 2026-11-18',
};

export const UNSUBSCRIBE_TOKEN = `${leadId}-${'a'.repeat(32)}`;
export const message: Message = {
  _id: ids.objectId(),
  channel: 'sms',
  direction: 'outbound',
  leadId,
  campaignId,
  to: '+12125550123',
  from: '+12065550100',
  text: 'Parley: Hello. Reply STOP to stop.',
  segments: 1,
  status: 'sent',
  history: [{ status: 'sent', at }],
  complianceDecision: decision,
  attemptKey: 'api:owner:secret-key',
  holds: ['sms:+12125550123'],
  vendorId: 'SM123',
  requestedBy: 'owner',
  sentAt: at,
  createdAt: at,
  updatedAt: at,
};

const template = {
  _id: ids.objectId(),
  name: 'follow_up_day_3',
  version: 2,
  channel: 'sms',
  body: 'Hi {{first_name}}',
  preview: { text: 'Parley: Hi Maria Reply STOP to stop.', segments: 1 },
  usedBy: [{ id: campaignId, name: 'Fall sellers' }],
  createdBy: 'owner',
  createdAt: at,
  updatedAt: at,
} as const;

const review: CallReview = {
  ...unreviewed(callId, at),
  status: 'reviewed',
  tags: ['coaching'],
  comments: [
    { id: ids.objectId(), by: 'owner', byName: 'Owner', text: 'Well put.', atSec: 4, createdAt: at },
  ],
  assignedTo: 'owner',
  assignedToName: '=Owner',
  assignedBy: 'Ada',
  assignedAt: at,
  revision: 2,
};
const savedView: SavedView = {
  _id: ids.objectId(),
  userId: 'owner',
  of: 'calls',
  name: 'To coach',
  query: { review: 'unreviewed' },
  createdAt: at,
  updatedAt: at,
};

/** The proof of a number, sealed as the app seals it. */
export const proofOf = (phone: string, over: Partial<ConsentProof> = {}): ConsentProof => {
  const { hash: _hash, ...sealed } = {
    phone,
    seller: 'Parley',
    producedAt: at,
    ruleVersion: '1',
    numbers: [phone],
    verification: { intact: true, entries: 1 },
    events: [consent],
    dnc: [dncEntry],
    calls: [{ callId, contactPhone: phone, status: 'answered', initiatedAt: at, decision }],
    ...over,
  };
  return { ...sealed, hash: fingerprint(sealed) };
};

const POLICY: CompliancePolicyDocument = {
  killSwitch: false,
  emergencyStates: [],
  blockedStates: ['WY'],
  requireNationalRegistry: true,
  requireStateLists: true,
  requireReassignedCheck: false,
  dncConsentOverride: false,
  allowExemptCalls: false,
  maxPer24h: 1,
  minGapMinutes: 60,
  maxPerDay: 2,
  maxPer7Days: 4,
  maxPer30Days: 8,
  stopAfterUnanswered: 6,
  history: [],
};

/** Lists in memory, as the app keeps them: a number a line, the file of a list taken whole or not at all. */
function fakeLists(imports: ListImport[], note: (verb: string, given: unknown) => void): AppForHttp['lists'] {
  const current = new Map<string, { readonly asOf: Date; readonly count: number }>();
  const keep = (made: ListImport): ListImport => {
    const place = imports.findIndex(({ _id }) => _id === made._id);
    if (place < 0) imports.unshift(made);
    else imports[place] = made;
    return made;
  };
  const find = (importId: string): ListImport => {
    const made = imports.find(({ _id, state }) => _id === importId && state === 'interrupted');
    if (!made) throw new Failure('not_found', 'There is no interrupted import with this id.');
    return made;
  };
  return {
    status: async () => {
      note('lists.status', undefined);
      return [...current].map(([list, { asOf, count }]) => ({
        list,
        name: list,
        required: list === 'national',
        state: 'fresh',
        asOf,
        importedAt: at,
        count,
        blocksAt: null,
      }));
    },
    async import({ importId, ...request }, file, by) {
      note('lists.import', { ...request, by });
      if (imports.some(({ list, state }) => list === request.list && state === 'receiving')) {
        throw new Failure('import_conflict', 'Another import of this list is running.');
      }
      const before = importId === undefined ? undefined : find(importId);
      let made = keep({
        ...(before ?? { _id: ids.objectId(), lines: 0, added: 0, removed: 0, rejected: 0, errors: [] }),
        ...request,
        state: 'receiving',
        startedAt: at,
        createdBy: by,
      });
      let rest = '';
      let skip = made.lines;
      const take = (line: string): void => {
        if (skip > 0) skip -= 1;
        else {
          const good = /^\d{10}$/.test(line);
          made = {
            ...made,
            lines: made.lines + 1,
            added: made.added + (good ? 1 : 0),
            rejected: made.rejected + (good ? 0 : 1),
            errors: good ? made.errors : [...made.errors, { line: made.lines + 1, message: 'no number' }],
          };
        }
      };
      const decoder = new TextDecoder();
      try {
        for await (const chunk of file) {
          const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) take(line);
        }
      } catch (error) {
        const failure = error instanceof Error ? error.message : String(error);
        return keep({ ...made, state: 'interrupted', failure });
      }
      if (rest !== '') take(rest);
      if (made.rejected > made.added) {
        return keep({
          ...made,
          state: 'failed',
          failure: 'Most lines of this file are no numbers.',
          endedAt: at,
        });
      }
      current.set(made.list, { asOf: made.asOf, count: made.added });
      return keep({ ...made, state: 'done', count: made.added, endedAt: at });
    },
    imports: async () => {
      note('lists.imports', undefined);
      return imports;
    },
    discard: async (importId, by) => {
      note('lists.discard', { importId, by });
      return keep({ ...find(importId), state: 'discarded', endedAt: at });
    },
  };
}

const retentionRun: RetentionRun = {
  _id: ids.objectId(),
  trigger: 'person',
  by: 'owner',
  dryRun: false,
  state: 'done',
  startedAt: at,
  endedAt: at,
  durationMs: 12,
  transcriptsBefore: at,
  items: [
    {
      of: 'call_transcripts',
      action: 'archived',
      count: 3,
      from: at,
      to: at,
      into: { call_transcripts_archive_2025: 3 },
    },
  ],
  notes: [],
  createdAt: at,
  updatedAt: at,
};

export const erasure: Erasure = {
  _id: ids.objectId(),
  phone: '+12125550123',
  numbers: ['+12125550123'],
  reason: 'a letter of 3 November',
  by: 'owner',
  pseudonym: 'Erased person 0badcafe',
  removed: [{ of: 'leads', count: 1, says: 'Name and number.' }],
  kept: [{ of: 'dnc_registry', count: 1, says: 'So that nobody calls again.' }],
  elsewhere: [{ at: 'carrier', what: 'recording', id: 'RE1' }],
  notes: ['Old backups hold it.'],
  leadIds: [leadId],
  state: 'done',
  startedAt: at,
  endedAt: at,
  createdAt: at,
  updatedAt: at,
};

export const wav = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 256));

interface Asked {
  readonly verb: string;
  readonly given: unknown;
}

/** An app that answers with the documents above, notes what it was asked, and can be told to fail. */
function fakeApp() {
  const asked: Asked[] = [];
  const listeners = new Set<(change: Change) => void>();
  const state = {
    asked,
    listeners,
    place: 'placed' as 'placed' | 'denied',
    failWith: undefined as unknown,
    recordingReads: 0,
    recordingClosed: 0,
    imports: [] as ListImport[],
    /** Whoever listens to the call, oldest first. */
    guests: [] as {
      readonly person: Person;
      readonly hearing: Hearing;
      readonly spoken: Buffer[];
      left: boolean;
    }[],
    /** What is otherwise about the run that is answered. */
    run: {} as Partial<RetentionRun>,
    proof: undefined as ConsentProof | undefined,
    records: [record] as Iterable<CallRecord> | AsyncIterable<CallRecord>,
    change: (change: Change) => {
      for (const listener of listeners) listener(change);
    },
  };
  const note = <T>(verb: string, given: unknown, answer: T): T => {
    asked.push({ verb, given });
    if (state.failWith !== undefined) throw state.failWith;
    return answer;
  };
  const known = <T>(
    verb: string,
    id: string,
    wanted: string,
    code: 'lead_not_found' | 'call_not_found' | 'campaign_not_found' | 'not_found',
    answer: T,
  ): T => {
    if (id !== wanted) throw new Failure(code, 'There is none with this id.');
    return note(verb, id, answer);
  };
  const attended = (verb: string, id: string, given: unknown): void => {
    if (id !== callId) throw new Failure('call_not_found', 'There is none with this id.');
    note(verb, given, undefined);
  };
  const recording: StoredRecording = {
    bytes: wav.length,
    durationSec: 1,
    async *read(start, end, signal) {
      state.recordingReads += 1;
      try {
        for (let from = start; from < end && !signal?.aborted; from += 100) {
          yield wav.subarray(from, Math.min(end, from + 100));
        }
      } finally {
        state.recordingClosed += 1;
      }
    },
  };
  let policy = POLICY;
  const app: AppForHttp = {
    leads: {
      create: async (given, by) =>
        note(
          'leads.create',
          { ...given, by },
          { ...lead, _id: ids.objectId(), contact: given.contact, duplicates: [leadId] },
        ),
      get: async (id) => known('leads.get', id, leadId, 'lead_not_found', lead),
      list: async (query) => {
        if (query.cursor === 'forged')
          throw new Failure('invalid_request', 'bad cursor', {
            details: { fields: { cursor: 'not of this list' } },
          });
        return note('leads.list', query, { items: [lead], nextCursor: 'abc' });
      },
      update: async (id, change, by) => {
        known('leads.update', id, leadId, 'lead_not_found', lead);
        return note('leads.update', { change, by }, lead);
      },
      timeline: async (id) =>
        known('leads.timeline', id, leadId, 'lead_not_found', [
          { at, kind: 'created', title: 'Lead created' },
        ]),
    },
    leadImports: {
      preview: async () =>
        note('leadImports.preview', undefined, { delimiter: ',', columns: [], rows: [], problems: [] }),
      prepare: async (plan, by) => note('leadImports.prepare', { ...plan, by }, leadImport),
      import: async (request, _file, by) => note('leadImports.import', { ...request, by }, leadImport),
      get: async (id) => note('leadImports.get', id, leadImport),
      list: async () => note('leadImports.list', undefined, [leadImport]),
      report: async (id, query) => note('leadImports.report', { id, ...query }, { items: [] }),
      async *rows(id) {
        yield* note('leadImports.rows', id, []);
      },
      discard: async (id, by) => note('leadImports.discard', { id, by }, leadImport),
    },
    contacts: {
      ofLead: async (id) => known('contacts.ofLead', id, leadId, 'lead_not_found', contactOf([lead], 0)),
      get: async (id) => note('contacts.get', id, contactOf([lead], 0)),
      list: async (query) => note('contacts.list', query, { items: [contactOf([lead], 0)] }),
    },
    properties: {
      create: async (given) => note('properties.create', given, property),
      get: async (id) => note('properties.get', id, property),
      list: async (query) => note('properties.list', query, { items: [property] }),
      update: async (id, change, by) => note('properties.update', { id, change, by }, property),
      link: async (id, lead, by) => note('properties.link', { id, lead, by }, property),
      qualifyLead: async (id, by) =>
        note('properties.qualifyLead', { id, by }, qualify(lead, property, {}, at.getTime())),
    },
    intake: {
      create: async (given, by) => note('intake.create', { ...given, by }, { ...endpoint, ...given }),
      open: async () => [],
      list: async () => note('intake.list', undefined, [endpoint]),
      revoke: async (id, by) => note('intake.revoke', { id, by }, { ...endpoint, revokedAt: at }),
      receive: async () => note('intake.receive', undefined, {}),
    },
    compliance: {
      check: async (question) => note('compliance.check', question, decision),
      evaluate: (facts, now) =>
        note('compliance.evaluate', { facts, now }, { ...decision, nextAllowedAt: at }),
      windows: async (question) =>
        note('compliance.windows', question, {
          decision,
          zone: 'America/New_York',
          windows: [{ from: at, to: new Date(at.getTime() + 3_600_000) }],
        }),
      policy: async () => note('compliance.policy', undefined, policy),
      changePolicy: async (change, reason, by) => {
        note('compliance.changePolicy', { change, reason, by }, undefined);
        const changes = Object.entries(change).map(([setting, after]) => ({
          setting,
          before: policy[setting as keyof CompliancePolicyDocument],
          after,
        }));
        policy = { ...policy, ...change, history: [{ at, by, reason, changes }, ...policy.history] };
        return policy;
      },
      proof: async (phone) => note('compliance.proof', phone, state.proof ?? proofOf(phone)),
      async *records(range) {
        note('compliance.records', range, undefined);
        yield* state.records;
      },
    },
    lists: fakeLists(state.imports, (verb, given) => note(verb, given, undefined)),
    consents: {
      grant: async (given, by) => note('consents.grant', { ...given, by }, consent),
      revoke: async (given, by) => note('consents.revoke', { ...given, by }, consent),
      list: async (query) => note('consents.list', query, { items: [consent] }),
      verify: async (phone) => note('consents.verify', phone, { intact: true, entries: 1 }),
    },
    dnc: {
      add: async (given, by) => note('dnc.add', { ...given, by }, dncEntry),
      list: async (query) => note('dnc.list', query, { items: [dncEntry] }),
      release: async (given, by) => note('dnc.release', { ...given, by }, { ...dncEntry, releasedAt: at }),
    },
    retention: {
      policy: async () => note('retention.policy', undefined, { recordingsDays: 90, history: [] }),
      changePolicy: async (change, reason, by) =>
        note('retention.changePolicy', { change, reason, by }, { ...change, history: [] }),
      run: async (request, by) =>
        note('retention.run', { ...request, by }, { ...retentionRun, ...state.run }),
      list: async (query) => note('retention.list', query, { items: [retentionRun], nextCursor: 'next' }),
    },
    erasures: {
      foresee: async (request, by) => {
        const { _id, leadIds, pseudonym, state: _state, createdAt, updatedAt, endedAt, ...report } = erasure;
        return note('erasures.foresee', { ...request, by }, report);
      },
      erase: async (request, by) => note('erasures.erase', { ...request, by }, erasure),
      list: async (query) => note('erasures.list', query, { items: [erasure] }),
    },
    campaigns: {
      create: async (given, by) => note('campaigns.create', { ...given, by }, campaign),
      get: async (id) => known('campaigns.get', id, campaignId, 'campaign_not_found', campaign),
      list: async (query) => note('campaigns.list', query, { items: [campaign] }),
      update: async (id, change, by) => {
        known('campaigns.update', id, campaignId, 'campaign_not_found', campaign);
        return note('campaigns.update', { change, by }, campaign);
      },
      start: async (id, by) => {
        known('campaigns.start', id, campaignId, 'campaign_not_found', campaign);
        return note('campaigns.start', { by }, { ...campaign, status: 'active' });
      },
      pause: async (id, reason, by) => {
        known('campaigns.pause', id, campaignId, 'campaign_not_found', campaign);
        return note('campaigns.pause', { reason, by }, { ...campaign, status: 'paused' });
      },
      complete: async (id, by) => {
        known('campaigns.complete', id, campaignId, 'campaign_not_found', campaign);
        return note('campaigns.complete', { by }, { ...campaign, status: 'completed' });
      },
      remove: async (id, by) => {
        known('campaigns.remove', id, campaignId, 'campaign_not_found', campaign);
        note('campaigns.remove', { by }, undefined);
      },
    },
    runCampaigns: {
      work: async (id) => known('runCampaigns.work', id, campaignId, 'campaign_not_found', campaignWork),
      enrollments: async (id, query) => {
        known('runCampaigns.enrollments', id, campaignId, 'campaign_not_found', undefined);
        return note('runCampaigns.enrollments', query, { items: [enrollment] });
      },
      reopen: async (id) => known('runCampaigns.reopen', id, campaignId, 'campaign_not_found', enrollment),
    },
    forecasts: {
      start: async (id) => known('forecasts.start', id, campaignId, 'campaign_not_found', forecast),
      get: async (id) => known('forecasts.get', id, campaignId, 'campaign_not_found', forecast),
    },
    performance: async (id) =>
      known('performance', id, campaignId, 'campaign_not_found', {
        campaignId,
        computedAt: at,
        metrics: {
          leadsReceived: 1,
          leadsContacted: 1,
          conversationsCompleted: 1,
          qualified: 0,
          siteVisits: 0,
          offersExtended: 0,
          dealsClosed: 0,
          totalRevenue: 0,
          totalCost: 0.1,
        },
        funnel: [{ step: 'received', leads: 1, ofFirst: 1 }],
        outcomes: [{ outcome: 'callback', calls: 1, cost: 0.1 }],
        hours: [{ day: 'mon', hour: 9, calls: 1, answered: 1, reached: 1 }],
        days: [{ day: '2026-11-21', calls: 1, answered: 1, qualified: 0, cost: 0.1 }],
        messages: [],
      }),
    overview: {
      overview: async (query) =>
        note('overview.overview', query, {
          computedAt: at,
          complete: true,
          now: period,
          before: period,
          step: 'day',
          steps: [{ from: at, calls: NO_FIGURES }],
        }),
      daily: async (query) =>
        note('overview.daily', query, {
          computedAt: at,
          complete: true,
          days: [{ from: at, calls: NO_FIGURES }],
        }),
    },
    reports: {
      leadFunnel: async (query) =>
        note('reports.leadFunnel', query, [{ status: 'new', count: 1, avgScore: null }]),
      leadStats: async (query) => note('reports.leadStats', query, leadStats),
      campaignSummary: async (id) =>
        known('reports.campaignSummary', id, campaignId, 'campaign_not_found', [
          { outcome: null, count: 1, avgDuration: null, avgSentiment: null, totalCost: 0 },
        ]),
      weekly: async (end) => note('reports.weekly', end, { week, before: week, campaigns: [] }),
    },
    rates: {
      read: async () => note('rates.read', undefined, DEFAULT_RATES),
      change: async (change, by) => note('rates.change', { change, by }, { ...DEFAULT_RATES, ...change }),
    },
    messages: {
      send: async (request) =>
        note(
          'messages.send',
          request,
          state.place === 'placed'
            ? { kind: 'sent', message }
            : { kind: 'denied', message: { ...message, status: 'denied' }, decision },
        ),
      get: async (id) => known('messages.get', id, message._id, 'not_found', message),
      list: async (query) => note('messages.list', query, { items: [message] }),
      templates: {
        save: async (wording, by) => note('templates.save', { ...wording, by }, template),
        preview: (wording) => note('templates.preview', wording, template.preview),
        list: async () => note('templates.list', undefined, [template]),
        get: async (name) => known('templates.get', name, template.name, 'not_found', template),
        versions: async (name) => known('templates.versions', name, template.name, 'not_found', [template]),
        retire: async (name) => note('templates.retire', name, { ...template, retiredAt: at }),
      },
      isUnsubscribeToken: (token) => token === UNSUBSCRIBE_TOKEN,
      unsubscribe: async (token) =>
        note('messages.unsubscribe', token, token === UNSUBSCRIBE_TOKEN ? 'done' : undefined),
    },
    audience: async (query) => note('audience', query, { fitting: 3, open: 9 }),
    bulk: {
      matching: async (query) => note('bulk.matching', query, { ids: [callId], more: true }),
      act: async (ids, deed, by) =>
        note(
          'bulk.act',
          { ids, deed, by },
          ids.map((id) => ({
            callId: id,
            state: 'done' as const,
            undo: { status: 'unreviewed' as const, tags: [], assignedTo: null, revision: 1 },
          })),
        ),
      undo: async (before, by) =>
        note(
          'bulk.undo',
          { before, by },
          before.map(({ callId: id }) => ({
            callId: id,
            state: 'failed' as const,
            problem: { code: 'review_conflict' as const, detail: 'somebody changed it' },
          })),
        ),
    },
    reviews: {
      review: async (id) => known('reviews.review', id, callId, 'call_not_found', review),
      reviewsOf: async (calls) => new Map(calls.map(({ _id }) => [_id, review])),
      reviewers: async () =>
        note('reviews.reviewers', undefined, { items: [{ id: 'owner', name: 'Owner' }], former: [] }),
      waiting: async (userId) => note('reviews.waiting', userId, 3),
      judge: async (id, given, by) => {
        known('reviews.judge', id, callId, 'call_not_found', review);
        return note('reviews.judge', { given, by }, review);
      },
      comment: async (id, given, by) => {
        known('reviews.comment', id, callId, 'call_not_found', review);
        return note('reviews.comment', { given, by }, review);
      },
      editComment: async (id, _comment, text, by) => {
        known('reviews.editComment', id, callId, 'call_not_found', review);
        return note('reviews.editComment', { text, by }, review);
      },
      removeComment: async (id, _comment, by) => {
        known('reviews.removeComment', id, callId, 'call_not_found', review);
        return note('reviews.removeComment', { by }, review);
      },
    },
    llm: {
      model: 'claude-of-the-tests',
      budget: async () => ({ daily: 50, spent: 12.5 }),
      answer: (given, spoken) =>
        note(
          'llm.answer',
          { given, spoken },
          {
            model: 'claude-of-the-tests',
            askedAt: at,
            async *parts() {
              yield { kind: 'text', text: 'Hello.' } as const;
              yield { kind: 'end', why: 'stop' } as const;
            },
            leave: () => undefined,
          },
        ),
    },
    agents: {
      list: async () => note('agents.list', undefined, [agentState]),
      get: async (type) => known('agents.get', type, 'sales', 'not_found', agentState),
      prompts: async () =>
        note('agents.prompts', undefined, [
          { kind: 'script', name: 'outbound', hash: 'f'.repeat(64), text: 'Hi', calls: 3, lastUsedAt: at },
        ]),
    },
    knowledge: {
      list: async (kind) => note('knowledge.list', kind, [topic]),
      get: async (key) => known('knowledge.get', key, topic.key, 'not_found', topic),
      save: async (given, by) => note('knowledge.save', { ...given, by }, topic),
      activate: async (key, version, by) => {
        known('knowledge.activate', key, topic.key, 'not_found', undefined);
        return note('knowledge.activate', { version, by }, topic);
      },
      deactivate: async (key) => known('knowledge.deactivate', key, topic.key, 'not_found', topic),
      uses: async (key) =>
        note('knowledge.uses', key, [
          { _id: 'u', callId, key, version: 1, atSec: 12, result: 'settled', createdAt: at, updatedAt: at },
        ]),
      proposals: {
        list: async (query) => note('proposals.list', query, { items: [proposal], nextCursor: 'abc' }),
        get: async (id) => known('proposals.get', id, proposal._id, 'not_found', proposal),
        accept: async (id, edited, by) => {
          known('proposals.accept', id, proposal._id, 'not_found', undefined);
          return note('proposals.accept', { edited, by }, topic);
        },
        reject: async (id, reason, by) => {
          known('proposals.reject', id, proposal._id, 'not_found', undefined);
          return note('proposals.reject', { reason, by }, proposal);
        },
      },
    },
    savedViews: {
      list: async (userId) => note('savedViews.list', userId, [savedView]),
      save: async (userId, given) => note('savedViews.save', { userId, ...given }, savedView),
      remove: async (_userId, id) => {
        known('savedViews.remove', id, savedView._id, 'not_found', undefined);
      },
    },
    analyses: {
      request: async (request, by) =>
        known('analyses.request', request.callId, callId, 'call_not_found', {
          ...analysis,
          state: 'queued',
          requestedBy: by,
        }),
      list: async (id, compare) =>
        known('analyses.list', id, callId, 'call_not_found', {
          items: [analysis],
          ...(compare ? { differences: [{ path: 'outcome', a: 'callback' }] } : {}),
        }),
      markWrong: async ({ analysisId, path, note: why }, by) =>
        known('analyses.markWrong', analysisId, analysis._id, 'not_found', {
          ...analysis,
          wrong: [{ path, note: why, by, at }],
        }),
    },
    calls: {
      place: async (request) =>
        note(
          'calls.place',
          request,
          state.place === 'placed' ? { kind: 'placed', call } : { kind: 'denied', call, decision },
        ),
      get: async (id) => known('calls.get', id, callId, 'call_not_found', call),
      list: async (query) => note('calls.list', query, { items: [call], nextCursor: 'next' }),
      scripts: async () =>
        note('calls.scripts', undefined, [{ name: 'outbound', hash: 'ab12', createdAt: at }]),
      search: async (query) =>
        note('calls.search', query, {
          items: [{ call, said: messages.map((message, index) => ({ ...message, index })) }],
          nextCursor: 'next',
          complete: true,
        }),
      transcript: async (id) =>
        known('calls.transcript', id, callId, 'call_not_found', {
          messages,
          fullTranscript: 'Agent: Hello',
          live: true,
        }),
      events: async (id) => known('calls.events', id, callId, 'call_not_found', [saidEvent(1)]),
      recording: async (id) => known('calls.recording', id, callId, 'call_not_found', recording),
      waveform: async (id) =>
        known('calls.waveform', id, callId, 'call_not_found', {
          durationSec: 0.1,
          bucketSec: 0.05,
          caller: [0, 12],
          agent: [200, 3],
          monologues: { agent: { fromSec: 0, toSec: 0.05 } },
        }),
      correctWords: async (corrected, by) => {
        known('calls.correctWords', corrected.callId, callId, 'call_not_found', undefined);
        note('calls.correctWords', { corrected, by }, undefined);
      },
      writeConversation: async (id) =>
        known('calls.writeConversation', id, callId, 'call_not_found', {
          conversation: {
            about: 'Made from a call.',
            startedAt: at.toISOString(),
            zone: 'America/New_York',
            optedOut: false,
            talk: ['agent: Hi Alex.', 'user: Hello.'],
            expected: {
              outcome: ['callback'],
              sentiment: [-0.2, 0.4],
              keyMoments: [{ type: 'question', messageIndex: 1 }],
              extractedInfo: { motivationFactors: [] },
              followUps: [{ type: 'callback', at: at.toISOString() }],
            },
          },
          replaced: [{ kind: 'name', found: 'Ada', by: 'Alex', times: 1 }],
          leftOut: [{ path: 'extractedInfo.timeframe', note: 'Next year.' }],
          notes: [],
        }),
      end: async (request) => {
        known('calls.end', request.callId, callId, 'call_not_found', undefined);
      },
      attend: {
        listen: async (id, person, hearing) => {
          known('attend.listen', id, callId, 'call_not_found', undefined);
          const guest = { person, hearing, spoken: [] as Buffer[], left: false };
          state.guests.push(guest);
          return {
            listenerId: ids.objectId(),
            speak: (ulaw) => guest.spoken.push(Buffer.from(ulaw)) > 0,
            leave: () => {
              guest.left = true;
            },
          };
        },
        whisper: async (id, person, text) => attended('attend.whisper', id, { person, text }),
        takeOver: async (id, person, listenerId) => attended('attend.takeOver', id, { person, listenerId }),
        handBack: async (id, person, told) => attended('attend.handBack', id, { person, told }),
        passOn: async (id, person, to) => attended('attend.passOn', id, { person, to }),
      },
      live: () => [call],
      words: {
        now: () => [{ callId, from: 0, messages, signs: { mood: -0.2, objects: false, complains: true } }],
        watch: () => () => {},
      },
      watch: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  };
  return { app, state };
}

interface LogLine {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly sentence: string;
}

const knowledgeEntry: KnowledgeEntry = {
  _id: ids.objectId(),
  key: 'price_too_low',
  kind: 'objection_handler',
  version: 1,
  title: 'The offer is too low',
  body: 'I hear you.',
  tags: ['too low'],
  active: true,
  activatedAt: at,
  stats: { used: 4, succeeded: 2.5 },
  createdBy: 'parley',
  createdAt: at,
  updatedAt: at,
};
const topic = { key: knowledgeEntry.key, active: knowledgeEntry, versions: [knowledgeEntry] };
export const proposalId = ids.objectId();
const proposal: KnowledgeProposal = {
  _id: proposalId,
  key: knowledgeEntry.key,
  openKey: knowledgeEntry.key,
  kind: 'objection_handler',
  title: 'The offer is too low',
  body: 'I hear you, and I see why.',
  tags: ['too low'],
  baseVersion: 1,
  insight: 'It rarely settles the matter.',
  by: 'rules',
  source: 'analysis',
  evidence: [{ callId, messageIndex: 3, atSec: 12, speaker: 'user', quote: 'too low' }],
  before: { used: 8, succeeded: 1 },
  state: 'open',
  createdAt: at,
  updatedAt: at,
};
const agentState: AgentState = {
  _id: ids.objectId(),
  agentType: 'sales',
  agentId: 'sales',
  state: {},
  decisionHistory: [
    {
      timestamp: at,
      decision: 'qualify_lead',
      input: 'i',
      reasoning: 'r',
      output: 'o',
      callId,
      outcome: 'open',
    },
  ],
  metrics: { totalRequests: 2, successfulRequests: 2, failedRequests: 0 },
  sums: { requests: 2 },
  days: { '2026-11-18': { requests: 2 } },
  learnings: [],
  knowledgeVersions: { price_too_low: 'v1' },
  counted: ['call:x'],
  createdAt: at,
  updatedAt: at,
};

export async function serve(overrides: Partial<HttpDeps> = {}, real: Partial<AppForHttp> = {}) {
  const { app: fake, state } = fakeApp();
  const app: AppForHttp = { ...fake, ...real };
  const lines: LogLine[] = [];
  const write = (level: string) => (fields: object, sentence: string) => {
    lines.push({ level, fields: { ...fields }, sentence });
  };
  const log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const dir = freshDir();
  const clock = overrides.clock ?? createClock(log);
  const store = await openLocalStore({ dir, log: silent });
  // Four is the least that bcrypt knows: what slow hashes are worth is not what most tests are about.
  const access = buildAccess({ store, clock, ids, log, passwords: createPasswords(4) });
  /** Somebody with each role, signed in from the beginning. */
  const cookies = new Map<Role, string>();
  for (const role of ROLES) {
    const { token } = await access.sessions.begin({ userId: role.toLowerCase(), name: role, role }, {});
    cookies.set(role, `parley_session=${token}`);
  }
  const http = createHttp({
    app,
    access,
    config: { host: '127.0.0.1', port: 0 },
    doors: {
      twilio: async ({ method, url, body }) => ({
        status: 200,
        contentType: 'text/xml',
        body: `<Response>${method} ${url} ${body.length}</Response>`,
      }),
      elevenlabs: async ({ body }) => ({ status: 200, body: String(body.length) }),
    },
    media: (_request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    auth: { sessionSecret: SECRET, signInToken: LINK_TOKEN, adminApiKey: API_KEY },
    log,
    clock,
    settings: {
      version: '0.1.0',
      sellerName: 'Parley',
      sandbox: { carrier: true, agent: true },
      publicBaseUrl: 'http://localhost',
      fromNumbers: ['+12065550100'],
    },
    readiness: async () => ({
      status: 'ready',
      checks: [{ name: 'store', ok: true, detail: 'embedded' }],
      sandbox: { carrier: true, agent: true },
    }),
    ...overrides,
  });
  const { port } = await http.listen();
  const base = `http://127.0.0.1:${port}`;
  const withKey = (path: string, init: RequestInit = {}) =>
    fetch(base + path, {
      ...init,
      headers: { authorization: `Bearer ${API_KEY}`, ...(init.headers as Record<string, string>) },
    });
  const send = (method: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
    withKey(path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  /** Signs in and answers the Cookie header. */
  const signIn = async (): Promise<string> => {
    const response = await fetch(`${base}/signin?token=${LINK_TOKEN}`, { redirect: 'manual' });
    return (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  };
  /** The Cookie header of somebody with this role. */
  const cookieOf = (role: Role): string => cookies.get(role) ?? '';
  /** What our own page sends with a cookie. */
  const asPage = (cookie: string) => ({ cookie, 'x-requested-by': 'parley' });
  /** Asks as our own page does for somebody with this role. */
  const as = (role: Role, method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${base}/api/v1${path}`, {
      method,
      headers: {
        ...asPage(cookieOf(role)),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const close = http.close;
  const closed = async (): Promise<void> => {
    await close();
    await access.auditLog.settled(2_000);
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  };
  let closing: Promise<void> | undefined;
  http.close = () => {
    closing ??= closed();
    return closing;
  };
  return { http, base, port, app, access, store, state, lines, withKey, send, signIn, cookieOf, asPage, as };
}

export type Served = Awaited<ReturnType<typeof serve>>;

/**
 * test/simulation/campaign-month: a month of campaigns through the real engine over the embedded store. Leads come in lists
 * and one by one; the gate judges generated facts; phones ring, or do not, as people do; a carrier has a bad day, managers pause
 * and go on, budgets run out, and the process is killed while it works. Everything that rings is put before the checker of
 * campaign-checker, which knows nothing of the engine. From the command line: `npx tsx test/simulation/campaign-month.ts
 * [leads] [seed]`.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { HOUSE_CALLING } from '../../src/app/campaigns.ts';
import { createClaims } from '../../src/app/claims.ts';
import type { FactsQuery, Gathered } from '../../src/app/gather-facts.ts';
import type { PlaceCallRequest, Placed } from '../../src/app/place-call.ts';
import type { Collection, Ids, Log, Store } from '../../src/app/ports.ts';
import { createRunCampaigns } from '../../src/app/run-campaigns.ts';
import type { SendStep } from '../../src/app/take-step.ts';
import { type Call, type CallOutcome, type CallStatus, isOver } from '../../src/domain/call.ts';
import type { Enrollment, Schedule, Workflow } from '../../src/domain/campaign.ts';
import { decide } from '../../src/domain/compliance/decide.ts';
import type { Decision } from '../../src/domain/compliance/decision.ts';
import type { FactsInput } from '../../src/domain/compliance/facts.ts';
import type { Campaign, Lead } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';
import { type CampaignRules, createCampaignChecker } from './campaign-checker.ts';
import { createHands } from './life.ts';
import { createLifeClock, createRandom, createTimeline } from './timeline.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Monday 19 October 2026, midnight UTC; the clocks go back in the second week. */
const START_MS = Date.UTC(2026, 9, 19);
const SELLER = 'Parley Home Buyers';
/** Whatever happens, happens on a beat: what falls on the same one is done together. */
const BEAT_SEC = 5;
const BEAT_MS = BEAT_SEC * 1_000;
/** How often it is looked who has work that waits. */
const SAMPLE_MS = 10 * MINUTE;

export interface CampaignMonthOptions {
  readonly leads: number;
  readonly campaigns: number;
  readonly days: number;
  readonly lines: number;
  readonly callsPerSecond: number;
  readonly seed: number;
  /** How many times the process is killed. */
  readonly deaths: number;
  readonly progress?: (line: string) => void;
}

export interface CampaignMonthReport {
  readonly violations: readonly string[];
  readonly forgotten: readonly string[];
  /** The share of the lines each campaign had, of what was fair, while several wanted them. */
  readonly shares: readonly number[];
  readonly calls: number;
  readonly messages: number;
  readonly deaths: number;
  readonly pauses: readonly string[];
  readonly ended: ReadonlyMap<string, number>;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly errors: ReadonlyMap<string, number>;
  /** From receipt to the first ring of leads that came in one by one while they could be called, seconds, ascending. */
  readonly firstContactSec: readonly number[];
  readonly enrolled: number;
  readonly seconds: number;
  /** Of processor time, all threads. */
  readonly cpuSeconds: number;
}

/** Where people live, by area code; the gate blocks Texas until counsel clears it. */
const PLACES = [
  { npa: '212', state: 'NY', zone: 'America/New_York' },
  { npa: '305', state: 'FL', zone: 'America/New_York' },
  { npa: '404', state: 'GA', zone: 'America/New_York' },
  { npa: '312', state: 'IL', zone: 'America/Chicago' },
  { npa: '602', state: 'AZ', zone: 'America/Phoenix' },
  { npa: '310', state: 'CA', zone: 'America/Los_Angeles' },
] as const;
const BLOCKED = { npa: '512', state: 'TX', zone: 'America/Chicago' } as const;

interface Person {
  readonly phone: string;
  readonly state: string;
  readonly zone: string;
  consent: 'full' | 'none';
  listed: boolean;
  /** Of calls and texts, newest last. */
  readonly attempts: { readonly at: Date; readonly subject: string; outcome: string }[];
  inCall: boolean;
}

const hours = new Map<string, Intl.DateTimeFormat>(
  [...PLACES, BLOCKED].map(({ zone }) => [
    zone,
    new Intl.DateTimeFormat('en-US', { timeZone: zone, hour: 'numeric', hourCycle: 'h23' }),
  ]),
);

const outcomes = {
  no_answer: 44,
  voicemail: 24,
  busy: 6,
  failed: 1,
  hung_up: 6,
  callback: 4,
  not_interested: 8,
  qualified: 3,
  wrong_number: 2,
  opted_out: 2,
} as const;
type Came = keyof typeof outcomes;

const hoursOf = (timezone: string, start: string, end: string, saturday: boolean): Schedule => {
  const day = { start, end };
  return {
    callingHours: {
      timezone,
      monday: day,
      tuesday: day,
      wednesday: day,
      thursday: day,
      friday: day,
      saturday: saturday ? { start: '10:00', end: '16:00' } : null,
      sunday: null,
    },
  };
};

const WORKFLOWS: readonly Workflow[] = [
  {
    initialContact: {
      method: 'automated_call',
      timing: 'within_5_minutes',
      maxAttempts: 2,
      retryDelay: 14_400,
      retryDelays: { busy: 7_500, voicemail: 86_400 },
    },
    followUp: [
      { delay: 259_200, method: 'sms', template: 'day_3' },
      { delay: 604_800, method: 'automated_call' },
    ],
  },
  {
    initialContact: { method: 'automated_call', timing: 'immediately', maxAttempts: 1, retryDelay: 7_200 },
    followUp: [{ delay: 172_800, method: 'email', template: 'day_2' }],
    nurture: { enabled: true, frequency: 'biweekly', duration: 14, content: ['market', 'story'] },
  },
];

/** The campaigns: most of them ordinary, some with a limit of each kind. */
function campaignOf(n: number, options: CampaignMonthOptions, id: string): Campaign {
  const ordinary = hoursOf('America/New_York', '09:00', '20:00', true);
  const perCampaign = options.leads / options.campaigns;
  const limits: Partial<Campaign>[] = [
    { budget: { costPerCall: 0.1, maxCallsPerDay: Math.ceil(perCampaign / 8) } },
    { budget: { costPerCall: 0.1, maxLeadsPerDay: Math.ceil(perCampaign / 15) } },
    { budget: { costPerCall: 0.1, totalBudget: Math.ceil(perCampaign * 0.06) } },
    { pacing: { maxConcurrentCalls: Math.max(1, Math.floor(options.lines / 20)) } },
    { pacing: { callsPerSecond: 0.1 } },
    { schedule: hoursOf('America/Los_Angeles', '10:00', '17:30', false) },
    {
      schedule: {
        ...ordinary,
        startDate: new Date(START_MS + (options.days / 4) * DAY),
        endDate: new Date(START_MS + (options.days / 2) * DAY + 15 * HOUR),
      },
    },
  ];
  const workflow = WORKFLOWS[n % WORKFLOWS.length];
  return {
    _id: id,
    name: `Campaign ${n}`,
    type: 'wholesale',
    status: 'active',
    calling: { ...HOUSE_CALLING, subject: `subject ${n % 5}` },
    ...(workflow ? { workflow } : {}),
    schedule: ordinary,
    // Some also take leads that belong to nobody.
    ...(n % 4 === 1 ? { targeting: { leadSources: [`source ${n}`] } } : {}),
    ...limits[n],
    startedAt: new Date(START_MS),
    createdAt: new Date(START_MS + n),
    updatedAt: new Date(START_MS + n),
  };
}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const never = (): Promise<never> => new Promise(() => {});

export async function simulateCampaignMonth(options: CampaignMonthOptions): Promise<CampaignMonthReport> {
  const startedMs = performance.now();
  const startedCpu = cpuSeconds();
  const random = createRandom(options.seed);
  const time = createTimeline(START_MS);
  const hands = createHands();
  const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-campaigns-'));
  const endMs = START_MS + options.days * DAY;
  const errors = new Map<string, number>();
  const count = (map: Map<string, number>, key: string) => void map.set(key, (map.get(key) ?? 0) + 1);
  const note = (_fields: object, sentence: string): void => count(errors, sentence);
  const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: note };
  const store = await openLocalStore({ dir, log });
  let nextId = 0;
  const newId = (): string => (++nextId).toString(16).padStart(24, '0');
  const ids: Ids = { objectId: newId, token: newId };

  // ── People, and what the line makes of them ────────────────────────────────────────────────────────────────────────

  const persons: Person[] = [];
  const personOfLead = new Map<string, Person>();
  const sourceOfLead = new Map<string, { readonly aloneAt?: number }>();
  const calls = new Map<string, Call>();
  const callsOfCampaign = new Map<string, Call[]>();
  const callOfKey = new Map<string, string>();
  const sentKeys = new Set<string>();
  const campaigns = new Map<string, Campaign>();
  const came = new Map<string, number>();
  const pauses: string[] = [];
  const firstContactSec: number[] = [];
  let lines = 0;
  let messages = 0;
  let deaths = 0;
  /** Of which campaign calls fail, until when. */
  let badDay: { readonly campaignId: string; readonly untilMs: number } | undefined;
  const checker = createCampaignChecker({
    lines: options.lines,
    callsPerSecond: options.callsPerSecond,
  });

  function newPerson(): Person {
    const place = random.chance(0.003) ? BLOCKED : random.pick(PLACES);
    const line = String(2_000_000 + persons.length).padStart(7, '0');
    const person: Person = {
      phone: `+1${place.npa}${line}`,
      state: place.state,
      zone: place.zone,
      consent: random.chance(0.04) ? 'none' : 'full',
      listed: random.chance(0.01),
      attempts: [],
      inCall: false,
    };
    persons.push(person);
    return person;
  }

  function factsOf(person: Person, campaign: Campaign, at: Date): FactsInput {
    return {
      lead: {
        phone: person.phone,
        altPhones: [],
        lineType: 'wireless',
        state: person.state,
        zip: null,
        consent:
          person.consent === 'none'
            ? []
            : [
                {
                  event: 'grant',
                  at: new Date(START_MS - 10 * DAY),
                  phone: person.phone,
                  seller: SELLER,
                  purpose: 'marketing',
                  level: 'written',
                  artificialVoiceDisclosed: true,
                  evidenceComplete: true,
                  expiresAt: null,
                },
              ],
        ebrLastTransactionAt: null,
      },
      call: {
        purpose: campaign.calling.purpose,
        voice: 'ai',
        seller: SELLER,
        subject: campaign.calling.subject,
      },
      dnc: {
        national: { asOf: null, listed: [] },
        state: {},
        internal: person.listed ? [{ phone: person.phone, seller: SELLER, releasedAt: null }] : [],
        litigator: false,
        reassigned: null,
      },
      environment: { emergencyStates: [], killSwitch: false, tzdata: '2026f', clockSkewMs: 0 },
      campaign: {
        status: campaign.status === 'active' ? 'running' : campaign.status,
        hours: { start: '08:00', end: '21:00', days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] },
        maxPer24h: 3,
        minGapMinutes: 120,
        maxPerDay: 2,
        maxPer7Days: 6,
        maxPer30Days: 8,
        stopAfterUnanswered: 8,
        dncConsentOverride: false,
        allowExemptCalls: false,
        blockedStates: ['TX'],
      },
      history: {
        attempts: person.attempts
          .filter((attempt) => attempt.at <= at)
          .map(({ at: when, subject, outcome }) => ({ at: when, phone: person.phone, subject, outcome })),
      } as FactsInput['history'],
      policy: { requireNationalRegistry: false, requireStateLists: false, requireReassignedCheck: false },
    };
  }

  const present = (campaignId: string): Campaign => {
    const campaign = campaigns.get(campaignId);
    if (!campaign) throw new Failure('campaign_not_found', campaignId);
    return campaign;
  };
  const partyOf = (leadId: string): Person => {
    const person = personOfLead.get(leadId);
    if (!person) throw new Failure('lead_not_found', leadId);
    return person;
  };

  // ── The engine's world ─────────────────────────────────────────────────────────────────────────────────────────────

  interface Life {
    readonly engine: ReturnType<typeof createRunCampaigns>;
    dead: boolean;
    fuse: number;
    /** Resolves at its death: the dead hear nothing, and nobody waits for them. */
    readonly death: Promise<void>;
    readonly stop: () => void;
  }
  let life: Life | undefined;

  /** Calls are the world's here: the engine reads them, and nobody else writes them. */
  const callCollection = {
    get: async (id: string) => calls.get(id),
    find: async ({ filter, limit }: { filter?: object; limit?: number }) => {
      const { campaignId = '', initiatedAt } = filter as {
        campaignId?: string;
        initiatedAt?: { $gte: Date };
      };
      const all = callsOfCampaign.get(campaignId) ?? [];
      return all
        .slice(-200)
        .reverse()
        .map(({ _id }) => calls.get(_id))
        .filter((call): call is Call => call !== undefined && isOver(call) && call.dialedAt !== undefined)
        .filter((call) => !initiatedAt || call.initiatedAt >= initiatedAt.$gte)
        .slice(0, limit);
    },
  } as unknown as Collection<Call>;
  /** Attempts: only asked for the call that a key made. */
  const attemptCollection = {
    find: async ({ filter }: { filter?: { idempotencyKey?: string } }) => {
      const callId = callOfKey.get(filter?.idempotencyKey ?? '');
      return callId === undefined ? [] : [{ callId }];
    },
  };

  function doorFor(self: { dead: boolean; fuse: number; die: () => void }): Store {
    const doors = new Map<string, object>();
    const mortal = (target: object): object =>
      new Proxy(target, {
        get(of, name) {
          const value: unknown = Reflect.get(of, name);
          if (typeof value !== 'function') return value;
          return async (...args: unknown[]) => {
            if (self.dead) return await never();
            self.fuse -= 1;
            if (self.fuse === 0) {
              // Killed before the write, or behind it and before its answer.
              self.die();
              if (random.chance(0.5))
                await hands.busy(Promise.resolve(value.apply(of, args)).catch(() => {}));
              return await never();
            }
            const answer: unknown = await hands.busy(value.apply(of, args) as Promise<unknown>);
            return self.dead ? await never() : answer;
          };
        },
      });
    return {
      ...store,
      ...mortal({ updateBoth: store.updateBoth }),
      collection(name: string) {
        const known = doors.get(name);
        if (known) return known;
        const real =
          name === 'calls'
            ? callCollection
            : name === 'attempts'
              ? attemptCollection
              : store.collection(name as 'leads');
        const door = mortal(real as object);
        doors.set(name, door);
        return door;
      },
    } as Store;
  }

  function begin(): void {
    let bury: () => void = () => {};
    const death = new Promise<void>((resolve) => {
      bury = resolve;
    });
    const self = {
      dead: false,
      fuse: Number.POSITIVE_INFINITY,
      death,
      die() {
        self.dead = true;
        bury();
      },
    };
    const clock = createLifeClock(time, time.nowMs());
    const stop = new AbortController();
    const door = doorFor(self);
    const alive = async <T>(work: () => Promise<T>): Promise<T> => {
      if (self.dead) return await never();
      const answer = await hands.busy(work());
      return self.dead ? await never() : answer;
    };
    const engine = createRunCampaigns({
      store: door,
      clock,
      ids,
      log,
      claims: createClaims({ store: door, clock }),
      gatherFacts: (query: FactsQuery, atMs: number) =>
        alive(async () => {
          const campaign = present(query.campaignId ?? '');
          return { facts: factsOf(partyOf(query.leadId ?? ''), campaign, new Date(atMs)) } as Gathered;
        }),
      placeCall: (request) => alive(() => place(request)),
      sendMessage: (request) => alive(() => send(request)),
      linesFree: () => options.lines - lines,
      callsPerSecond: options.callsPerSecond,
      slotMs: () => 0,
      shutdown: stop.signal,
    });
    life = Object.assign(self, {
      engine,
      stop() {
        self.die();
        clock.stop();
        engine.stop();
        stop.abort();
      },
    });
    engine.begin();
  }

  // ── Calls and messages ─────────────────────────────────────────────────────────────────────────────────────────────

  async function place(request: PlaceCallRequest): Promise<Placed> {
    const { leadId, campaignId = '', requestedBy, idempotencyKey = '' } = request;
    const key = `${requestedBy}:${idempotencyKey}`;
    const known = calls.get(callOfKey.get(key) ?? '');
    if (known)
      return known.status === 'denied' && known.complianceDecision
        ? { kind: 'denied', call: known, decision: known.complianceDecision }
        : { kind: 'placed', call: known };
    if (lines >= options.lines) throw new Failure('at_capacity', 'all lines are in use');
    const campaign = present(campaignId);
    const person = partyOf(leadId);
    if (person.inCall) throw new Failure('attempt_in_progress', 'this person is being called');
    const at = new Date(time.nowMs());
    const { decision, kind } = decide(factsOf(person, campaign, at), at.getTime());
    const call = {
      _id: newId(),
      attemptId: newId(),
      leadId,
      campaignId,
      contactPhone: person.phone,
      direction: 'outbound',
      status: kind === 'deny' ? 'denied' : 'initiated',
      initiatedAt: at,
      ...(kind === 'deny' ? { complianceDecision: decision, endedAt: at } : { dialedAt: at }),
      followUpActions: [],
      createdBy: requestedBy,
      createdAt: at,
      updatedAt: at,
    } as unknown as Call;
    calls.set(call._id, call);
    callOfKey.set(key, call._id);
    if (kind === 'deny') return { kind: 'denied', call, decision };
    ring(call, person, campaign, idempotencyKey);
    return { kind: 'placed', call };
  }

  function ring(call: Call, person: Person, campaign: Campaign, key: string): void {
    const { _id, leadId = '' } = call;
    lines += 1;
    person.inCall = true;
    const attempt = { at: call.initiatedAt, subject: campaign.calling.subject, outcome: 'unknown' };
    person.attempts.push(attempt);
    const all = callsOfCampaign.get(campaign._id) ?? [];
    callsOfCampaign.set(campaign._id, all);
    all.push(call);
    const cameTo =
      badDay?.campaignId === campaign._id && random.chance(0.9) ? 'failed' : random.weigh(outcomes);
    const tookSec = cameTo === 'failed' ? BEAT_SEC : secondsOf(cameTo);
    checker.dialled({
      call: _id,
      key,
      lead: leadId,
      campaign: campaign._id,
      person: person.phone,
      zone: person.zone,
      barred: person.listed || person.consent === 'none' || person.state === 'TX',
      at: time.nowMs(),
      tookSec,
    });
    const alone = sourceOfLead.get(leadId)?.aloneAt;
    if (alone !== undefined && person.attempts.length === 1)
      firstContactSec.push((time.nowMs() - alone) / 1_000);
    count(came, cameTo);
    time.at(
      time.nowMs() + tookSec * 1_000,
      () => void hands.busy(over(call, person, attempt, cameTo, tookSec)),
    );
  }

  function secondsOf(cameTo: Came): number {
    switch (cameTo) {
      case 'no_answer':
        return 30;
      case 'busy':
        return 5;
      case 'voicemail':
        return BEAT_SEC * random.whole(3, 8);
      case 'qualified':
      case 'callback':
        return BEAT_SEC * random.whole(18, 84);
      default:
        return BEAT_SEC * random.whole(3, 18);
    }
  }

  async function over(
    call: Call,
    person: Person,
    attempt: { outcome: string },
    cameTo: Came,
    tookSec: number,
  ): Promise<void> {
    lines -= 1;
    person.inCall = false;
    const endedAt = new Date(time.nowMs());
    const isAnswered = cameTo !== 'no_answer' && cameTo !== 'busy' && cameTo !== 'failed';
    const status: CallStatus = isAnswered ? 'completed' : cameTo;
    const outcome: CallOutcome = isAnswered ? cameTo : 'no_conversation';
    attempt.outcome = isAnswered ? outcome : status;
    const cost = isAnswered ? Math.ceil(tookSec / 60) * 0.03 : 0;
    const ended = {
      ...call,
      status,
      outcome,
      endedAt,
      ...(isAnswered ? { answeredAt: call.initiatedAt, cost: { totalCost: cost } } : {}),
      ...(status === 'failed' ? { endReason: 'dial_refused: the account is suspended' } : {}),
      followUpActions:
        cameTo === 'callback'
          ? [
              {
                type: 'callback',
                scheduledFor: new Date(time.nowMs() + random.whole(3, 60) * HOUR),
                notes: '',
                completed: false,
              },
            ]
          : [],
    } as unknown as Call;
    calls.set(call._id, ended);
    checker.over(call._id, cost);
    if (cameTo === 'opted_out') {
      person.listed = true;
      checker.optedOut(person.phone);
    }
    const leadStatus = {
      qualified: 'qualified',
      not_interested: 'lost',
      wrong_number: 'lost',
      opted_out: 'dnc',
    };
    const to = leadStatus[cameTo as keyof typeof leadStatus];
    if (to && call.leadId)
      await store.collection('leads').update({ _id: call.leadId }, { $set: { status: to } });
    if (life && !life.dead) await Promise.race([life.engine.callOver(ended), life.death]);
  }

  const send: SendStep = async ({ leadId, campaignId, channel, attemptKey }) => {
    const person = partyOf(leadId);
    const at = time.nowMs();
    const hour = Number(hours.get(person.zone)?.format(at));
    const isNight = channel === 'sms' && (hour < 8 || hour >= 21);
    const next = isNight ? new Date(at + ((32 - hour) % 24 || 1) * HOUR) : null;
    const bar = person.listed ? 'internal_dnc' : person.consent === 'none' ? 'consent_missing' : undefined;
    if (bar || isNight) {
      const reason = bar ?? 'outside_federal_hours';
      const decision = {
        reason,
        reasons: [reason],
        explanation: 'Blocked.',
        nextAllowedAt: bar ? null : next,
      };
      return { kind: 'denied', decision: decision as unknown as Decision };
    }
    // At most once for its key: a step whose holder died behind the sending is told so.
    if (sentKeys.has(attemptKey)) return { kind: 'sent' };
    sentKeys.add(attemptKey);
    messages += 1;
    checker.messaged({ key: attemptKey, campaign: campaignId, person: person.phone, at });
    return { kind: 'sent' };
  };

  // ── Leads ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  const campaignIds = Array.from({ length: options.campaigns }, newId);
  const targeted = campaignIds.filter((_, n) => n % 4 === 1);

  function newLead(at: number, alone: boolean): Lead {
    const _id = newId();
    const shares = persons.length > 20 && random.chance(0.03);
    const person = shares ? random.pick(persons) : newPerson();
    personOfLead.set(_id, person);
    if (alone) sourceOfLead.set(_id, { aloneAt: at });
    const campaignId = random.pick(campaignIds);
    // Some leads belong to nobody, and find their campaign by their source.
    const isFree = targeted.length > 0 && random.chance(0.1);
    const goal = isFree ? random.pick(targeted) : campaignId;
    checker.lead({ lead: _id, campaign: goal });
    return {
      _id,
      source: `source ${campaignIds.indexOf(goal)}`,
      externalId: _id,
      receivedAt: new Date(at),
      contact: { firstName: 'Ana', lastName: 'Ruiz', phone: person.phone, address: { state: person.state } },
      ...(isFree ? {} : { campaignId }),
      contactAttempts: [],
      dncStatus: { onNationalRegistry: false, internalDNC: false },
      status: 'new',
      stage: 'new',
      tags: [],
      createdAt: new Date(at),
      updatedAt: new Date(at),
      createdBy: 'simulation',
      updatedBy: 'simulation',
    };
  }

  async function arrive(some: number, alone: boolean): Promise<void> {
    const at = time.nowMs();
    const batch = Array.from({ length: some }, () => newLead(at, alone));
    await Promise.all(batch.map((lead) => store.collection('leads').insert(lead)));
    if (life && !life.dead)
      await Promise.race([life.engine.arrived(batch.map(({ _id }) => _id)), life.death]);
  }

  async function change(campaignId: string, set: Partial<Campaign>, unset: object = {}): Promise<void> {
    const updatedAt = new Date(time.nowMs());
    const changed = await store
      .collection('campaigns')
      .update({ _id: campaignId }, { $set: { ...set, updatedAt }, $unset: unset });
    if (!changed) return;
    learn(changed);
    if (life && !life.dead) life.engine.campaignChanged(campaignId);
  }

  function learn(campaign: Campaign): void {
    campaigns.set(campaign._id, campaign);
    const { schedule, budget, pacing, workflow } = campaign;
    checker.campaign(campaign._id, {
      ...(schedule === undefined ? {} : { schedule }),
      ...(budget === undefined ? {} : { budget }),
      ...(pacing === undefined ? {} : { pacing }),
      ...(workflow === undefined ? {} : { workflow }),
      status: campaign.status,
    } as CampaignRules);
  }

  /** What the engine itself did to campaigns; a manager looks into it some hours later. */
  async function readCampaigns(): Promise<void> {
    for (const campaign of await store.collection('campaigns').find({})) {
      const before = campaigns.get(campaign._id);
      learn(campaign);
      if (campaign.status !== 'paused' || before?.status !== 'active' || !campaign.hold) continue;
      pauses.push(campaign.hold.code);
      const { _id, hold, budget } = campaign;
      time.at(time.nowMs() + 5 * HOUR, () => {
        if (badDay?.campaignId === _id) badDay = undefined;
        const raised =
          hold.code === 'budget' && budget?.totalBudget
            ? { budget: { ...budget, totalBudget: budget.totalBudget * 2 } }
            : {};
        const resumedAt = new Date(time.nowMs());
        void hands.busy(change(_id, { ...raised, status: 'active', resumedAt }, { hold: '' }));
      });
    }
  }

  // ── The month ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async function settle(): Promise<void> {
    await hands.empty();
    while (life?.dead) {
      deaths += 1;
      life.stop();
      begin();
      await hands.empty();
    }
  }
  const pass = (untilMs: number): Promise<void> => time.pass(untilMs, settle);

  try {
    for (const [n, id] of campaignIds.entries()) {
      const campaign = campaignOf(n, options, id);
      await store.collection('campaigns').insert(campaign);
      learn(campaign);
    }
    // Half of the leads are there when it begins, some come as lists, the rest one by one.
    const listed = Math.floor(options.leads * 0.5);
    for (let left = listed; left > 0; left -= 5_000) await arrive(Math.min(5_000, left), false);
    begin();
    const lists = 10;
    const perList = Math.floor((options.leads * 0.2) / lists);
    for (let n = 0; n < lists; n += 1)
      time.at(
        START_MS + ((n + 0.7) * options.days * DAY) / (lists + 2),
        () => void hands.busy(arrive(perList, false)),
      );
    const alone = options.leads - listed - perList * lists;
    for (let n = 0; n < alone; n += 1)
      time.at(
        START_MS + Math.floor(random.next() * (options.days - 3) * (DAY / BEAT_MS)) * BEAT_MS,
        () => void hands.busy(arrive(1, true)),
      );
    for (let n = 1; n <= options.deaths; n += 1)
      time.at(START_MS + ((n - 0.4) * options.days * DAY) / (options.deaths + 1), () => {
        if (life) life.fuse = random.whole(1, 200);
      });
    const victim = campaignIds[7 % options.campaigns] ?? '';
    time.at(START_MS + 2.7 * DAY, () => {
      badDay = { campaignId: victim, untilMs: endMs };
    });
    const paused = campaignIds.at(-1) ?? '';
    time.at(START_MS + 3.6 * DAY, () => void hands.busy(change(paused, { status: 'paused' })));
    time.at(
      START_MS + 4.2 * DAY,
      () => void hands.busy(change(paused, { status: 'active', resumedAt: new Date(time.nowMs()) })),
    );

    for (let at = START_MS; at < endMs; at += SAMPLE_MS) {
      await pass(Math.min(at + SAMPLE_MS, endMs));
      await readCampaigns();
      const backlogs = new Map<string, boolean>();
      for (const id of campaignIds)
        if (checker.mayWant(id, time.nowMs())) backlogs.set(id, await hasBacklog(id));
      checker.sample(time.nowMs(), backlogs);
      if (options.progress && (at - START_MS) % DAY === 0)
        options.progress(
          `day ${(at - START_MS) / DAY}: ${checker.dials} calls, ${messages} messages, ${Math.round((performance.now() - startedMs) / 1_000)} s`,
        );
    }
    await pass(endMs + 20 * MINUTE);

    const forgotten = await lookForForgotten();
    const ended = new Map<string, number>();
    for (const { stage, ended: end } of await store.collection('enrollments').find({}))
      count(ended, end?.why ?? stage);
    return {
      violations: checker.violations,
      forgotten,
      shares: checker.shares(),
      calls: checker.dials,
      messages,
      deaths,
      pauses,
      ended,
      outcomes: came,
      errors,
      firstContactSec: firstContactSec.sort((a, b) => a - b),
      enrolled: await store.collection('enrollments').count({}),
      seconds: (performance.now() - startedMs) / 1_000,
      cpuSeconds: cpuSeconds() - startedCpu,
    };
  } finally {
    life?.stop();
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  }

  async function hasBacklog(campaignId: string): Promise<boolean> {
    for (const priority of [0, 1, 2]) {
      const filter = { campaignId, priority, dueAt: { $lte: new Date(time.nowMs() - 2 * MINUTE) } };
      if ((await store.collection('enrollments').find({ filter, limit: 1 })).length > 0) return true;
    }
    return false;
  }

  /** Every lead is enrolled, and every enrollment is over, waits with a reason, or is planned. */
  async function lookForForgotten(): Promise<string[]> {
    const found: string[] = [];
    const nowMs = time.nowMs();
    const byLead = new Map<string, Enrollment>();
    for (const each of await store.collection('enrollments').find({})) {
      if (byLead.has(each.leadId)) found.push(`${each.leadId}: enrolled twice`);
      byLead.set(each.leadId, each);
      const what = `${each._id} of ${campaigns.get(each.campaignId)?.name}`;
      const isEnded = each.stage === 'ended';
      if (isEnded !== (each.ended !== undefined)) found.push(`${what}: ended, or not`);
      if (isEnded && (each.dueAt ?? each.holder ?? each.working))
        found.push(`${what}: over and still planned`);
      if (isEnded) continue;
      if (!each.dueAt) found.push(`${what}: neither over nor planned`);
      if (each.waiting && !each.waiting.reason) found.push(`${what}: waits without a reason`);
      if (each.working && isOver(calls.get(each.working.id) ?? ({ status: 'completed' } as Call)))
        found.push(`${what}: awaits a call that is over`);
      const lateMs = nowMs - (each.dueAt?.getTime() ?? nowMs);
      if (each.holder && lateMs > 5 * MINUTE) found.push(`${what}: its holder is gone`);
    }
    for (const lead of await store.collection('leads').find({})) {
      const goal = checker.goalOf(lead._id);
      const campaign = campaigns.get(goal ?? '');
      const isOpen = !['dnc', 'converted', 'lost'].includes(lead.status);
      if (!byLead.has(lead._id) && isOpen && campaign?.status === 'active')
        found.push(`${lead._id}: was never enrolled in ${campaign.name}`);
      const enrolledIn = byLead.get(lead._id)?.campaignId;
      if (enrolledIn !== undefined && enrolledIn !== goal)
        found.push(`${lead._id}: enrolled in the wrong campaign`);
    }
    return found;
  }
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor((sorted.length - 1) * share)] ?? 0;

export function describeCampaignMonth(report: CampaignMonthReport): string {
  const list = (map: ReadonlyMap<string, number>): string =>
    [...map]
      .sort(([, a], [, b]) => b - a)
      .map(([name, n]) => `${name} ${n}`)
      .join(', ');
  return [
    `${report.calls} calls, ${report.messages} messages, ${report.enrolled} enrolled, ${report.deaths} deaths, ${report.seconds.toFixed(1)} s (${report.cpuSeconds.toFixed(1)} s of processor time)`,
    `ended or at: ${list(report.ended)}`,
    `calls came to: ${list(report.outcomes)}`,
    `paused by itself: ${report.pauses.join(', ')}`,
    `first ring, s after receipt: p50 ${at(report.firstContactSec, 0.5)}, p99 ${at(report.firstContactSec, 0.99)} (nights and rests included), of ${report.firstContactSec.length}`,
    `shares of the lines: ${report.shares.map((share) => share.toFixed(3)).join(' ')}`,
    `errors: ${list(report.errors)}`,
    `${report.violations.length} violations, ${report.forgotten.length} forgotten`,
    ...report.violations.slice(0, 20),
    ...report.forgotten.slice(0, 20),
  ].join('\n');
}

export const MOST_UNFAIR = 0.1;

export const isCleanMonth = ({ violations, forgotten, shares }: CampaignMonthReport): boolean =>
  violations.length === 0 &&
  forgotten.length === 0 &&
  shares.every((share) => Math.abs(share - 1) <= MOST_UNFAIR);

if (process.argv[1] === import.meta.filename) {
  const [leads = 100_000, seed = 1] = process.argv.slice(2).map(Number);
  const report = await simulateCampaignMonth({
    leads,
    campaigns: 20,
    days: 30,
    lines: 60,
    callsPerSecond: Number.POSITIVE_INFINITY,
    seed,
    deaths: 10,
    progress: (line) => console.error(line),
  });
  console.log(describeCampaignMonth(report));
  process.exitCode = isCleanMonth(report) ? 0 : 1;
}

/**
 * test/simulation/month: a campaign month through the real app and the real store. A greedy dialler asks for everyone at
 * every hour, most of all at the edges of what is allowed; people consent, refuse and move; lists age; settings change;
 * the process is killed while it works. Every dial is put before the judge.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUSE_CALLING } from '../../src/app/campaigns.ts';
import type { Ids, Log } from '../../src/app/ports.ts';
import type { CallingPolicy } from '../../src/domain/documents.ts';
import { isFailure } from '../../src/domain/errors.ts';
import { createCarrier, type Ring } from './carrier.ts';
import { createChecker, type Finding, type Happening, type Settings } from './checker.ts';
import { DISPUTED_ZIPS, numberBar, placesOf } from './law.ts';
import { beginLife, createHands, type Life, SELLER } from './life.ts';
import { type ConsentKind, createPeople, OTHERS, STOPS } from './people.ts';
import { createRandom, createTimeline } from './timeline.ts';

const MINUTE = 60_000;
/** Between the product's decision to dial and the carrier's answer, a slow store and a lost answer included. */
const DIAL_TAKES_MS = 90_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Thursday 29 October 2026, midnight UTC: the night the clocks go back, Election Day, Thanksgiving and what follows it. */
export const START_MS = Date.UTC(2026, 9, 29);
export const DAYS = 35;

export interface MonthOptions {
  readonly leads: number;
  /** Calls the dialler asks for in all, about. */
  readonly asks: number;
  /** Moments at which it asks. */
  readonly moments: number;
  readonly seed: number;
  /** How many times the process is killed, about. */
  readonly crashes: number;
  /** What the carrier takes; few make a line in which permits grow old. */
  readonly callsPerSecond?: number;
  readonly progress?: (line: string) => void;
}

export interface Report {
  readonly violations: readonly Finding[];
  readonly doubts: readonly Finding[];
  /** Dials whose bar became known between the decision and the ringing. */
  readonly races: number;
  /** What the store and the carrier do not agree on: dials without a decision, lost, doubled, or never ended. */
  readonly faults: readonly string[];
  /** Denials for which the judge sees no ground, by the gate's reason. */
  readonly overDenied: ReadonlyMap<string, OverDenial>;
  readonly judgedDenials: number;
  /** Persons who cannot be called any more, because an attempt of theirs never ended. */
  readonly stuck: readonly string[];
  readonly asked: number;
  readonly dials: number;
  /** Of those, how many came within three seconds of a whole or half hour. */
  readonly dialsAtEdges: number;
  readonly denials: ReadonlyMap<string, number>;
  readonly refusals: ReadonlyMap<string, number>;
  readonly deaths: number;
  readonly happenings: number;
  readonly callbacks: number;
  readonly logged: ReadonlyMap<string, number>;
  readonly seconds: number;
  readonly storeBytes: number;
}

/** `explained`: the product means to be stricter than the law here. */
interface OverDenial {
  readonly explained: boolean;
  count: number;
  readonly example: string;
}

const BASE: Settings = {
  killSwitch: false,
  emergencyStates: [],
  blockedStates: ['MS', 'MT', 'NM', 'NV', 'TX', 'UT', 'WA', 'WY'],
  requireNationalRegistry: true,
  requireStateLists: true,
  requireReassignedCheck: false,
  dncConsentOverride: false,
  allowExemptCalls: false,
  maxPer24h: 3,
  minGapMinutes: 120,
  maxPerDay: 2,
  maxPer7Days: 6,
  maxPer30Days: 8,
  stopAfterUnanswered: 8,
};

/** Nothing of the business's own: what is left is the law. */
const LOOSE = {
  maxPer24h: 10,
  minGapMinutes: 0,
  maxPerDay: 10,
  maxPer7Days: 70,
  maxPer30Days: 300,
  stopAfterUnanswered: 100,
};
const { maxPer24h, minGapMinutes, maxPerDay, maxPer7Days, maxPer30Days, stopAfterUnanswered } = BASE;
const USUAL = { maxPer24h, minGapMinutes, maxPerDay, maxPer7Days, maxPer30Days, stopAfterUnanswered };

/** Day of the month on which the business changes its mind. */
const CHANGES: readonly (readonly [day: number, change: Partial<Settings>])[] = [
  [2, { blockedStates: [] }],
  [6, LOOSE],
  [8, USUAL],
  [9.75, { killSwitch: true }],
  [9.78, { killSwitch: false }],
  [11, { emergencyStates: ['LA', 'NY'] }],
  [12.25, { emergencyStates: [] }],
  [13, { dncConsentOverride: true }],
  [14.7, { dncConsentOverride: false }],
  [15, { blockedStates: ['NV', 'TX', 'CA'] }],
  [17, { blockedStates: [] }],
  [17.8, { killSwitch: true }],
  [18.05, { killSwitch: false }],
  [18.5, { requireReassignedCheck: true }],
  [23.2, { requireReassignedCheck: false }],
  [20, LOOSE],
  [23, { ...USUAL, maxPer30Days: 100, maxPer7Days: 20 }],
  [23.7, { killSwitch: true }],
  [23.7007, { killSwitch: false }],
  [25, { requireStateLists: false }],
  [25.5, { allowExemptCalls: true }],
  [26, { requireStateLists: true, allowExemptCalls: false }],
  [31, LOOSE],
];

/** Copies of lists: the day on which each comes in, and how old it is then, in days. Some come late, one comes too early. */
const COPIES: readonly (readonly [
  list: string,
  ...copies: readonly (readonly [day: number, age: number])[],
])[] = [
  ['national', [0, 28], [4.5, 0.5], [18, 2]],
  ['state.FL', [0, 20], [13, 1], [27, 1]],
  ['state.MA', [2, 1], [20, 1]],
  ['state.PA', [0, 30], [1.5, 1], [16, 1]],
  ['state.LA', [0, 4], [8, -1], [22, 0]],
  ['state.TX', [0, 1], [21, 1]],
  ['state.CO', [0, 10], [20, 0.1]],
  ['state.IN', [0, 10], [23, 0.1]],
  ['state.MO', [0, 10], [23, 0.1]],
  ['state.OK', [0, 0], [29, 0.1]],
  ['state.TN', [0, 12], [19.2, 0]],
  ['state.WY', [5, 0]],
  ['litigator', [0, 3], [10, 0]],
];

const WEEK = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const CAMPAIGNS: readonly { readonly name: string; readonly calling: Partial<CallingPolicy> }[] = [
  { name: 'Sellers', calling: { subject: 'houses' } },
  { name: 'Sellers again', calling: { subject: 'houses', machinePolicy: 'talk' } },
  { name: 'Buyers', calling: { subject: 'buying' } },
  {
    name: 'Office hours',
    calling: { subject: 'offices', hours: { start: '10:00', end: '16:30', days: WEEK.slice(0, 5) } },
  },
  // Wider than the law: what is left is the law's.
  {
    name: 'Day and night',
    calling: { subject: 'land', hours: { start: '00:00', end: '23:59', days: WEEK } },
  },
  { name: 'News', calling: { subject: 'news', purpose: 'informational' } },
];

interface Lead {
  readonly id: string;
  readonly externalId: string;
  phone: string;
  others: readonly string[];
  state: string | undefined;
  zip: string | undefined;
  campaign: string | undefined;
}

interface Ask {
  readonly lead: Lead;
  readonly campaign: string;
  readonly askedAfter: number;
}

const HOUSE = 'house';

export async function simulateMonth(options: MonthOptions): Promise<Report> {
  const startedMs = performance.now();
  const random = createRandom(options.seed);
  const time = createTimeline(START_MS);
  const hands = createHands();
  const people = createPeople(random);
  const checker = createChecker({ seller: SELLER });
  const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-month-'));
  const endMs = START_MS + DAYS * DAY;

  const leads: Lead[] = [];
  const asks = new Map<string, Ask>();
  const faults: string[] = [];
  const denials = new Map<string, number>();
  const refusals = new Map<string, number>();
  const overDenied = new Map<string, OverDenial>();
  const logged = new Map<string, number>();
  const listed = new Map<string, ReadonlySet<string>>();
  const requestOf = new Map<string, string>();
  const callOfRequest = new Map<string, string>();
  /** The last ring of every number. */
  const lastRing = new Map<string, Ring>();
  const lastPlaced = new Map<Lead, number>();
  /** How often the person of a lead was asked for. */
  const askedFor = new Map<Lead, number>();
  /** Leads of persons who are asked for several times at once right now. */
  const crowded = new Set<Lead>();
  /** How many calls to a lead are being asked for right now. */
  const asking = new Map<Lead, number>();
  /** Leads whose person is saying stop right now, or said it to a product that died on it. */
  const saying = new Set<Lead>();
  let nextLead = 0;
  let judgedDenials = 0;
  let asked = 0;
  let deaths = 0;
  let settings = BASE;
  const count = (map: Map<string, number>, key: string) => void map.set(key, (map.get(key) ?? 0) + 1);
  const note = (happening: Happening) => checker.note(happening);

  const write =
    (level: string) =>
    (_fields: unknown, sentence: string): void =>
      count(logged, `${level}: ${sentence}`);
  const log: Log = { debug: () => {}, info: () => {}, warn: write('warn'), error: write('error') };
  let nextId = 0;
  const ids: Ids = {
    objectId: () => (++nextId).toString(16).padStart(24, '0'),
    token: () => `token-${++nextId}`,
  };

  // ── The product, and its deaths ────────────────────────────────────────────────────────────────────────────────────

  let life: Life | undefined;
  const carrier = createCarrier({
    time,
    random,
    hands,
    life: () => (life?.dead ? undefined : life),
    deadly: options.crashes / (3 * options.asks),
    slowMs: 800,
    witness: {
      dialled: witnessDial,
      answered: (call, by) => note({ what: 'answered', at: time.nowMs(), call, by }),
      over: (call, hungUpByPerson) => note({ what: 'over', at: time.nowMs(), call, hungUpByPerson }),
      stopping({ callId }) {
        const lead = asks.get(requestOf.get(callId) ?? '')?.lead;
        if (lead) saying.add(lead);
      },
      stopped({ to, callId }) {
        const at = time.nowMs();
        const lead = asks.get(requestOf.get(callId) ?? '')?.lead;
        note({ what: 'stop', at, said: at, phone: to, ...(lead ? { lead: lead.id } : {}) });
        if (lead) saying.delete(lead);
      },
    },
  });

  /** The moment before a phone rings: is there a decision behind it, on disk? */
  async function witnessDial(ring: Ring): Promise<void> {
    const { callId, to, permitId } = ring;
    const store = life?.store;
    const [call, events, [attempt]] = await Promise.all([
      store?.collection('calls').get(callId),
      store?.events(callId) ?? [],
      store?.collection('attempts').find({ filter: { callId }, limit: 2 }) ?? [],
    ]);
    const decision = call?.complianceDecision;
    const ask = asks.get(call?.createdBy ?? '');
    if (!call || !decision || !ask || !attempt)
      return void faults.push(`${callId}: dialled without a stored call, decision or attempt`);
    if (decision.verdict !== 'allow' || decision.permitId !== permitId || attempt._id !== permitId)
      faults.push(
        `${callId}: dialled with the permit ${permitId}, the stored decision is ${decision.verdict}`,
      );
    const types = events.map((event) => event.type);
    if (!types.includes('permitted') || types.includes('denied') || types.includes('ended'))
      faults.push(`${callId}: dialled after ${types.join(', ')}`);
    if (attempt.state !== 'dialed' || !attempt.activePhones?.includes(to))
      faults.push(`${callId}: dialled while its attempt is ${attempt.state}, ${attempt.activePhones}`);
    if (call.leadId !== ask.lead.id || (call.campaignId ?? HOUSE) !== ask.campaign)
      faults.push(`${callId}: dialled another lead or campaign than was asked for`);
    const twin = callOfRequest.get(call.createdBy);
    if (twin !== undefined) faults.push(`${callId}: one request made this call and ${twin}`);
    callOfRequest.set(call.createdBy, callId);
    requestOf.set(callId, call.createdBy);
    lastRing.set(to, ring);
    if (!ring.rings) return;
    const { lead, campaign, askedAfter } = ask;
    const decided = decision.decidedAt.getTime();
    const seen = checker.violations.length;
    note({
      what: 'dial',
      at: ring.at,
      call: callId,
      lead: lead.id,
      campaign,
      phone: to,
      decided,
      askedAfter,
    });
    for (const found of checker.violations.slice(seen)) options.progress?.(`VIOLATION ${finding(found)}`);
  }

  async function begin(): Promise<Life> {
    life = undefined;
    const begun = await beginLife({
      dir,
      time,
      random,
      hands,
      ids,
      log,
      callsPerSecond: options.callsPerSecond ?? Number.POSITIVE_INFINITY,
      telephony: carrier.telephony,
      agent: carrier.agent,
      late: 0.03,
      stalls: 0.002,
    });
    life = begun;
    return begun;
  }

  const alive = (): Life => {
    if (!life || life.dead) throw new Error('the product is dead');
    return life;
  };

  let reviving: Promise<void> | undefined;

  /** Waits until nothing is in hand; a product that died in the meantime lives again. */
  async function settle(): Promise<void> {
    await hands.empty();
    while (life?.dead) {
      reviving ??= revive(life).finally(() => {
        reviving = undefined;
      });
      await reviving;
    }
  }

  async function revive(corpse: Life): Promise<void> {
    deaths += 1;
    await corpse.close();
    await hands.empty();
    const { app } = await begin();
    // As in the product, calls are asked for while it still recovers.
    app.recover().catch((error) => faults.push(`the product could not recover: ${error}`));
    await hands.empty();
  }

  const pass = (untilMs: number) => time.pass(untilMs, settle);
  const through = <T>(work: Promise<T>): Promise<T> => time.through(work, settle);

  /** Work that the product may die of. Undefined: it died, and nobody knows what was done. */
  async function dare<T>(work: (app: Life['app']) => Promise<T>): Promise<{ done: T } | undefined> {
    if (!life || life.dead) return undefined;
    const { app, death } = life;
    return await Promise.race([work(app).then((done) => ({ done })), death.then(() => undefined)]);
  }

  // ── What happens in the world ──────────────────────────────────────────────────────────────────────────────────────

  const numbersOf = (lead: Lead): readonly string[] => [lead.phone, ...lead.others];
  /** By number: the leads that carry it, or once did. */
  const carrying = new Map<string, Set<Lead>>();
  /** Every lead of the same person, this one too. */
  function sharing(lead: Lead): Set<Lead> {
    const person = new Set([lead]);
    for (const one of person)
      for (const number of numbersOf(one))
        for (const other of carrying.get(number) ?? [])
          if (numbersOf(other).includes(number)) person.add(other);
    return person;
  }

  function tellLead(lead: Lead): void {
    for (const number of numbersOf(lead)) carrying.set(number, (carrying.get(number) ?? new Set()).add(lead));
    note({
      what: 'lead',
      at: time.nowMs(),
      lead: lead.id,
      phone: lead.phone,
      others: lead.others,
      state: lead.state,
      zip: lead.zip,
    });
  }

  async function addLead(campaigns: readonly string[]): Promise<void> {
    const { app } = alive();
    const shared = leads.length > 0 && random.chance(0.08) ? random.pick(leads) : undefined;
    const campaign = random.chance(0.85) ? random.pick(campaigns) : undefined;
    nextLead += 1;
    const externalId = `x${nextLead}`;
    const person = people.lead(externalId, campaign, shared ? [shared.phone, ...shared.others] : []);
    const { _id } = await app.leads.create(person.given, 'simulation');
    const { phone, others, state, zip } = person;
    const lead: Lead = { id: _id, externalId, phone, others, state, zip, campaign };
    leads.push(lead);
    tellLead(lead);
    await consent(lead, people.consentKind(), false);
    if (random.chance(0.3)) await consent(lead, people.consentKind(), false);
  }

  async function consent(lead: Lead, kind: ConsentKind, fresh: boolean): Promise<void> {
    const made = people.consent(kind, lead, time.nowMs(), fresh);
    if (!made) return;
    await alive().app.consents.grant({ ...made.given, leadId: lead.id }, 'simulation');
    if (made.told) note(made.told);
  }

  /** A person wants no more calls, by any way there is. A wish that a death cut off is said again. */
  async function stop(lead: Lead): Promise<void> {
    saying.add(lead);
    try {
      await sayStop(lead);
    } finally {
      saying.delete(lead);
    }
  }

  async function sayStop(lead: Lead): Promise<void> {
    const said = time.nowMs();
    const words = random.pick(STOPS);
    const phone = random.chance(0.7) ? lead.phone : (lead.others[0] ?? lead.phone);
    const way = random.weigh({ sms: 4, email: 2, web: 1, manual: 2, voice: 2, revoke: 2 });
    for (;;) {
      const done = await dare(async ({ carrierInlet, dnc, consents }) => {
        if (way === 'sms')
          await carrierInlet.message({
            messageSid: ids.token(),
            from: phone,
            to: '+12125550100',
            text: words,
          });
        else if (way === 'revoke') await consents.revoke({ phone, channel: 'letter', words }, 'simulation');
        else if (way === 'manual') await dnc.optOut({ leadId: lead.id, channel: way, words }, 'simulation');
        else await dnc.optOut({ phone, channel: way, words });
      });
      if (done) break;
      await settle();
    }
    note({ what: 'stop', at: time.nowMs(), said, ...(way === 'manual' ? { lead: lead.id } : { phone }) });
  }

  async function chat(lead: Lead): Promise<void> {
    const text = random.pick(OTHERS);
    await alive().app.carrierInlet.message({ messageSid: ids.token(), from: lead.phone, to: '', text });
  }

  async function listByHand(lead: Lead): Promise<void> {
    const scope = random.weigh({ internal: 4, litigator: 1, reassigned: 1, national: 1, state: 1 });
    const state = scope === 'state' ? (lead.state ?? 'FL') : undefined;
    if (state === 'AE') return;
    const entry = { phone: lead.phone, scope, source: 'simulation', ...(state ? { state } : {}) };
    await alive().app.dnc.add(entry, 'simulation');
    note({ what: 'listed', at: time.nowMs(), list: state ? `state.${state}` : scope, phone: lead.phone });
  }

  async function release(lead: Lead): Promise<void> {
    try {
      await alive().app.dnc.release(
        { phone: lead.phone, scope: 'internal', reason: 'asked for it' },
        'simulation',
      );
    } catch (error) {
      if (isFailure(error, 'not_found')) return;
      throw error;
    }
    note({ what: 'released', at: time.nowMs(), list: 'internal', phone: lead.phone });
  }

  async function move(lead: Lead): Promise<void> {
    const { app } = alive();
    const way = random.weigh({ address: 6, number: 2, alternate: 2 });
    if (way === 'address') {
      const { state, zip } = people.address(lead.phone);
      const address = people.written({ ...(state ? { state } : {}), ...(zip ? { zip } : {}) });
      await app.leads.update(lead.id, { contact: { address } }, 'simulation');
      lead.state = state;
      lead.zip = zip;
    } else {
      const phone = random.chance(0.3) ? random.pick(leads).phone : people.phone();
      if (phone === lead.phone) return;
      const contact = way === 'number' ? { phone } : { alternatePhone: phone };
      await app.leads.update(lead.id, { contact }, 'simulation');
      if (way === 'number') lead.phone = phone;
      else lead.others = [phone];
    }
    tellLead(lead);
  }

  async function change(wanted: Partial<Settings>): Promise<void> {
    const { maxPer24h, maxPerDay, maxPer7Days, maxPer30Days, stopAfterUnanswered, ...plain } = wanted;
    const caps = { maxPer24h, maxPerDay, maxPer7Days, maxPer30Days, stopAfterUnanswered };
    const numbers = Object.fromEntries(Object.entries(caps).filter(([, cap]) => typeof cap === 'number'));
    settings = { ...settings, ...wanted };
    note({
      what: 'coming',
      at: time.nowMs(),
      next: { what: 'settings', at: time.nowMs(), settings },
    });
    await alive().app.compliance.changePolicy({ ...plain, ...numbers }, 'it is time', 'simulation');
    note({ what: 'settings', at: time.nowMs(), settings });
  }

  /** A list gets a new copy: most of the old numbers, and some new ones. */
  async function publish(list: string, asOf: number): Promise<void> {
    const before = listed.get(list) ?? new Set<string>();
    const rate = list === 'litigator' ? 0.004 : 0.03;
    const now = new Set([...before].filter(() => random.chance(0.97)));
    for (const lead of leads) {
      if (!random.chance(rate)) continue;
      if (list.startsWith('state.') && !placesAre(lead, list.slice(6))) continue;
      if (numberBar(lead.phone) === undefined) now.add(lead.phone);
    }
    // A list without a number is none, so nobody's number is on every one.
    const lines = ['212,5550199', ...[...now].map((phone) => `${phone.slice(2, 5)},${phone.slice(5)}`)];
    if (!(await take(list, asOf, lines))) return;
    listed.set(list, now);
    note({ what: 'copy', at: time.nowMs(), list, asOf, numbers: now });
  }

  /** A file of a list comes in, and comes in again for as long as the product dies of it. */
  async function take(list: string, asOf: number, lines: readonly string[]): Promise<boolean> {
    const about = { list, kind: 'full', asOf: new Date(asOf) } as const;
    const file = async function* () {
      yield Buffer.from(`${lines.join('\n')}\n`, 'latin1');
    };
    let importId: string | undefined;
    for (;;) {
      alive().calm(true);
      if (time.nowMs() > START_MS && random.chance(0.15)) alive().lightFuse(random.whole(1, 15));
      const again = importId === undefined ? {} : { importId };
      try {
        const taken = await dare((app) => app.lists.import({ ...about, ...again }, file(), 'simulation'));
        if (taken?.done.state === 'done') return true;
        if (taken) throw new Error(`the list ${list} was not taken: ${taken.done.failure}`);
      } catch (error) {
        // A copy that is dated in the future is refused at the door.
        if (asOf > time.nowMs() && isFailure(error, 'invalid_request')) return false;
        throw error;
      } finally {
        await settle();
        alive().calm(false);
      }
      const open = (await alive().app.lists.imports()).find(
        (each) => each.list === list && each.state === 'interrupted' && each.asOf.getTime() === asOf,
      );
      importId = open?._id;
    }
  }

  /** The database of reassigned numbers answers for most of the numbers. */
  async function publishChecks(): Promise<void> {
    const lines = ['phone,result,checked date'];
    const told: Happening[] = [];
    for (const { phone } of leads) {
      if (random.chance(0.2) || numberBar(phone) !== undefined) continue;
      const answer = random.weigh({ no: 95, yes: 1, no_data: 4 });
      const asked = time.nowMs() - random.whole(0, 40 * 24) * HOUR;
      lines.push(`${phone},${answer},${new Date(asked).toISOString()}`);
      told.push({ what: 'reassigned', at: time.nowMs(), phone, answer, asked });
    }
    await take('reassigned', time.nowMs(), lines);
    for (const each of told) note({ ...each, at: time.nowMs() });
  }

  const placesAre = (lead: Lead, state: string): boolean => {
    const places = placesOf(lead.phone, lead);
    return typeof places !== 'string' && places.some((place) => place.state === state);
  };

  async function campaign(id: string, name: string, status: 'active' | 'paused'): Promise<void> {
    const running = status === 'active';
    const next = asCampaign(id, (await alive().app.campaigns.get(id)).calling, running);
    note({ what: 'coming', at: time.nowMs(), next });
    await alive().app.campaigns.update(id, { status }, 'simulation');
    note({ ...next, at: time.nowMs() });
    options.progress?.(`${name} is ${status}`);
  }

  const asCampaign = (id: string, { purpose, subject, hours }: CallingPolicy, running: boolean) =>
    ({
      what: 'campaign',
      at: time.nowMs(),
      campaign: id,
      running,
      purpose,
      subject,
      ...(hours ? { hours } : {}),
    }) as const;

  // ── The dialler ────────────────────────────────────────────────────────────────────────────────────────────────────

  const appointments: { at: number; lead: Lead }[] = [];

  async function ask(lead: Lead, campaigns: readonly string[], key?: string): Promise<void> {
    asked += 1;
    const name = key ?? `ask-${asked}`;
    const elsewhere = key === undefined && random.chance(0.1) ? random.pick(campaigns) : undefined;
    const campaign = elsewhere ?? lead.campaign ?? HOUSE;
    if (!asks.has(name)) asks.set(name, { lead, campaign, askedAfter: checker.known });
    const request = {
      leadId: lead.id,
      requestedBy: name,
      ...(elsewhere === undefined ? {} : { campaignId: elsewhere }),
      ...(key === undefined ? {} : { idempotencyKey: key }),
    };
    asking.set(lead, (asking.get(lead) ?? 0) + 1);
    for (const other of sharing(lead)) askedFor.set(other, (askedFor.get(other) ?? 0) + 1);
    const askedBefore = askedFor.get(lead);
    try {
      const answer = await dare((app) => app.calls.place(request));
      if (!answer) return;
      if (answer.done.kind === 'placed') return void lastPlaced.set(lead, time.nowMs());
      const { decision } = answer.done;
      for (const reason of decision.reasons) count(denials, reason);
      if (decision.nextAllowedAt && random.chance(0.4)) {
        const at = decision.nextAllowedAt.getTime();
        appointments.push({ at: random.chance(0.5) ? at : at - 1, lead });
      }
      judgedDenials += 1;
      const at = decision.decidedAt.getTime();
      if (checker.judge({ lead: lead.id, campaign, at }).bars.length > 0) return;
      const justBefore = checker.judge({ lead: lead.id, campaign, at: at - DIAL_TAKES_MS });
      const ground = await stricterGround(lead, decision.reasons, justBefore.bars.length > 0);
      overDeny(
        decision.reason,
        ground,
        () => `${told(lead, at)} ${decision.reasons}, ${decision.explanation}`,
      );
    } catch (error) {
      if (!isFailure(error)) throw error;
      count(refusals, error.code);
      if (error.code === 'attempt_in_progress' && askedFor.get(lead) === askedBefore && !lineMayBeHeld(lead))
        overDeny(error.code, await groundOfHold(lead), () => told(lead, time.nowMs()));
    } finally {
      asking.set(lead, (asking.get(lead) ?? 0) - 1);
    }
  }

  const told = (lead: Lead, at: number): string => `${new Date(at).toISOString()} ${JSON.stringify(lead)}`;

  function overDeny(reason: string, ground: string | undefined, example: () => string): void {
    const key = `${reason}: ${ground ?? 'NOT EXPLAINED'}`;
    const known = overDenied.get(key) ?? { explained: ground !== undefined, count: 0, example: example() };
    known.count += 1;
    overDenied.set(key, known);
  }

  /** Somebody asks for this person at the same time, or a call of theirs is or may be thought to be under way. */
  function lineMayBeHeld(lead: Lead): boolean {
    const person = [...sharing(lead)];
    if (person.reduce((sum, other) => sum + (asking.get(other) ?? 0), 0) > 1) return true;
    const hourAgo = time.nowMs() - HOUR;
    // Placed, and perhaps still waiting for its turn at the carrier.
    if (person.some((other) => (lastPlaced.get(other) ?? 0) > hourAgo)) return true;
    return person.flatMap(numbersOf).some((number) => {
      const ring = lastRing.get(number);
      return ring !== undefined && !((ring.overAt ?? ring.at) < hourAgo);
    });
  }

  /** Why the gate is stricter than the judge, for each reason it names: what the product's papers say it does in doubt. */
  async function stricterGround(
    lead: Lead,
    reasons: readonly string[],
    barredJustNow: boolean,
  ): Promise<string | undefined> {
    const grounds = new Set<string>();
    for (const reason of reasons) {
      const ground = await groundOf(lead, reason, barredJustNow);
      if (ground === undefined) return undefined;
      grounds.add(ground);
    }
    return [...grounds].join('; ');
  }

  /** Why a person counted as being called when nobody was calling them. */
  async function groundOfHold(lead: Lead): Promise<string | undefined> {
    const numbers = [...sharing(lead)].flatMap(numbersOf);
    const held = await alive()
      .store.collection('attempts')
      .count({ activePhones: { $in: numbers } });
    return held === 0 ? 'a hold that a death left is given back by the try that meets it' : undefined;
  }

  async function groundOf(lead: Lead, reason: string, barredJustNow: boolean): Promise<string | undefined> {
    if (reason.startsWith('reassigned_check'))
      return 'an answer about a reassigned number that is there is obeyed, required or not';
    if (reason === 'internal_dnc' || reason === 'consent_revoked')
      return [...sharing(lead)].some((other) => saying.has(other))
        ? 'the person is saying stop at this moment'
        : undefined;
    if (/hours$|_barred$/.test(reason) && DISPUTED_ZIPS.has(lead.zip?.slice(0, 5) ?? ''))
      return 'a ZIP that tables disagree about has every zone they name';
    if (!reason.endsWith('_frequency_cap')) return undefined;
    if (barredJustNow) return 'a call counts from when the carrier surely had it';
    if (crowded.has(lead)) return 'another call to this person is being asked for at this moment';
    const same = [...sharing(lead)].flatMap(numbersOf);
    const tries = await alive()
      .store.collection('attempts')
      .find({ filter: { phone: { $in: same }, state: { $ne: 'denied' } } });
    const rings = tries.map(({ callId }) => carrier.rings.get(callId));
    if (rings.some((ring) => !ring?.rings)) return 'a try that rang no phone counts as one';
    if (reason === 'state_frequency_cap' && placesAre(lead, 'NV') && rings.length > 0)
      return 'in Nevada an earlier call of which nobody knows more may have been hung up on';
    if (rings.some((ring) => ring?.answeredAt !== undefined))
      return 'a call without a word counts as unanswered';
    return undefined;
  }

  /** Is this a moment at which the answer for this lead may be about to change? */
  function worthAsking(lead: Lead, at: number): boolean {
    const places = placesOf(lead.phone, lead);
    if (typeof places === 'string') return random.chance(0.1);
    let worth = 0.02;
    for (const { state, zones } of places)
      for (const zone of zones) {
        const minute = localMinute(zone, at);
        const edge = EDGES.some((each) => Math.abs(each - minute) <= 1);
        const day = minute >= 8 * 60 && minute < 21 * 60;
        const special =
          day && SPECIAL_STATES.has(state) && SPECIAL_DAYS.has(Math.floor((at - START_MS) / DAY));
        worth = Math.max(worth, edge || special ? 1 : day ? 0.3 : 0.02);
      }
    return random.chance(worth);
  }

  function choose(at: number, wanted: number): Lead[] {
    const chosen = new Set<Lead>();
    for (let look = 0; chosen.size < wanted && look < wanted * 30; look += 1) {
      // One lead in ten is a favourite, and is asked for all the time.
      const among = random.chance(0.5) ? Math.ceil(leads.length / 10) : leads.length;
      const lead = leads[Math.floor(random.next() * among)];
      if (lead && worthAsking(lead, at)) chosen.add(lead);
    }
    return [...chosen];
  }

  /** Everyone who shares a number with this lead is asked for at once, some twice, while one of them may say stop. */
  async function crowd(lead: Lead, campaigns: readonly string[]): Promise<void> {
    const key = random.chance(0.3) ? ids.token() : undefined;
    const person = sharing(lead);
    for (const other of person) crowded.add(other);
    const work = [...person, lead, lead].map((other) =>
      ask(other, campaigns, other === lead ? key : undefined),
    );
    if (random.chance(0.15)) work.push(stop(lead));
    await Promise.all(work);
    for (const other of person) crowded.delete(other);
  }

  // ── The month ──────────────────────────────────────────────────────────────────────────────────────────────────────

  try {
    await begin();
    const campaigns: string[] = [];
    await through(setUp(campaigns));
    options.progress?.(
      `${leads.length} leads after ${Math.round((performance.now() - startedMs) / 1_000)} s`,
    );

    const happenings: { at: number; run: () => Promise<unknown> }[] = [];
    const on = (day: number, run: () => Promise<unknown>) =>
      void happenings.push({ at: START_MS + day * DAY, run });
    /** A switch is thrown while calls are being asked for. */
    const amid = (run: () => Promise<unknown>) => async () => {
      const chosen = choose(time.nowMs(), Math.min(20, Math.ceil(options.leads / 100)));
      await Promise.all([...chosen.map((lead) => ask(lead, campaigns)), run()]);
    };
    for (const [day, wanted] of CHANGES)
      on(
        day,
        amid(() => change(wanted)),
      );
    for (const [list, ...copies] of COPIES)
      for (const [day, age] of copies)
        if (day > 0) on(day, () => publish(list, START_MS + (day - age) * DAY));
    for (const day of [1.3, 10.2, 19, 22]) on(day, publishChecks);
    for (const [index, id] of campaigns.entries()) {
      const name = CAMPAIGNS[index]?.name ?? '';
      on(
        7 + index * 3.3,
        amid(() => campaign(id, name, 'paused')),
      );
      on(7.6 + index * 3.3, () => campaign(id, name, 'active'));
    }
    const often = (share: number, run: (lead: Lead) => Promise<unknown>) => {
      for (let left = options.leads * share; left > 0; left -= 1)
        if (left >= 1 || random.chance(left)) on(random.next() * DAYS, () => run(random.pick(leads)));
    };
    often(0.06, stop);
    often(0.02, chat);
    often(0.02, listByHand);
    often(0.03, async (lead) => {
      await release(lead);
      if (random.chance(0.6)) await consent(lead, 'good', true);
    });
    often(0.06, move);
    often(0.05, (lead) => consent(lead, people.consentKind(), true));
    often(0.03, async (lead) => {
      await stop(lead);
      if (random.chance(0.5)) await release(lead);
      if (random.chance(0.5)) await consent(lead, random.chance(0.5) ? 'good' : 'oral', true);
    });
    often(0.1, () => addLead(campaigns));
    happenings.sort((a, b) => a.at - b.at);

    const moments = momentsOf(random, options.moments);
    let due = 0;
    let told = 0;
    for (const at of moments) {
      for (let next = happenings[due]; next && next.at <= at; next = happenings[due]) {
        due += 1;
        await pass(next.at);
        // What people do by hand is not cut off.
        alive().lightFuse(Number.POSITIVE_INFINITY);
        await through(next.run());
      }
      appointments.sort((a, b) => a.at - b.at);
      const kept = appointments.splice(0, appointments.findIndex((each) => each.at > at) >>> 0);
      for (const { at: when, lead } of kept.slice(-options.leads)) {
        if (when < time.nowMs()) continue;
        await pass(when);
        await through(ask(lead, campaigns));
      }
      await pass(at);
      const wanted = Math.ceil(options.asks / options.moments);
      for (const batch of chunks(choose(at, wanted), 64)) {
        if (random.chance((options.crashes * batch.length) / options.asks))
          alive().lightFuse(random.whole(1, batch.length * 16));
        const crowded = random.chance(0.5) ? [crowd(random.pick(leads), campaigns)] : [];
        await through(Promise.all([...batch.map((lead) => ask(lead, campaigns)), ...crowded]));
      }
      const day = Math.floor((at - START_MS) / DAY);
      if (day > told) {
        told = day;
        const seconds = Math.round((performance.now() - startedMs) / 1_000);
        options.progress?.(
          `day ${day}: ${asked} asked, ${checker.dials} dialled, ${checker.violations.length} violations, ${deaths} deaths, ${seconds} s`,
        );
      }
    }
    // Everything that is under way comes to its end.
    await pass(endMs + 12 * HOUR);
    alive().calm(true);
    const stuck = await closing();
    const { store, app } = alive();
    const chain = await app.consents.verify();
    if (!chain.intact) faults.push(`the ledger of ${chain.phone} is broken: ${chain.detail}`);
    await app.stop(1);
    await store.close();
    return {
      violations: checker.violations,
      doubts: checker.doubts,
      races: checker.races.length,
      faults,
      overDenied,
      judgedDenials,
      stuck,
      asked,
      dials: checker.dials,
      dialsAtEdges: [...carrier.rings.values()].filter(({ at }) => (at + 3_000) % (30 * MINUTE) <= 6_000)
        .length,
      denials,
      refusals,
      deaths,
      happenings: checker.known,
      callbacks: carrier.told,
      logged,
      seconds: (performance.now() - startedMs) / 1_000,
      storeBytes: readdirSync(dir)
        .filter((name) => name.endsWith('.mdb'))
        .reduce((sum, name) => sum + statSync(join(dir, name)).size, 0),
    };
  } finally {
    if (life?.dead === false) await life.close();
    rmSync(dir, { recursive: true, force: true });
  }

  async function setUp(campaigns: string[]): Promise<void> {
    await change(BASE);
    note(asCampaign(HOUSE, HOUSE_CALLING, true));
    for (const { name, calling } of CAMPAIGNS) {
      const { _id } = await alive().app.campaigns.create({ name, type: 'wholesale', calling }, 'simulation');
      campaigns.push(_id);
      await campaign(_id, name, 'active');
    }
    while (leads.length < options.leads * 0.9)
      await Promise.all(Array.from({ length: Math.min(64, options.leads) }, () => addLead(campaigns)));
    for (const [list, ...copies] of COPIES)
      for (const [day, age] of copies) if (day === 0) await publish(list, START_MS - age * DAY);
  }

  /** After the last call: does the store know of every ring, once, and is nobody left hanging? */
  async function closing(): Promise<string[]> {
    const { store } = alive();
    const permits = new Set<string>();
    for (const ring of carrier.rings.values()) {
      const call = await store.collection('calls').get(ring.callId);
      if (permits.has(ring.permitId)) faults.push(`${ring.callId}: its permit was used twice`);
      permits.add(ring.permitId);
      if (!call) faults.push(`${ring.callId}: it rang and is not on record`);
      else if (ring.rings && call.callSid !== undefined && call.callSid !== ring.callSid)
        faults.push(`${ring.callId}: it is on record as ${call.callSid}`);
      else if (!['completed', 'busy', 'no_answer', 'failed', 'canceled'].includes(call.status))
        faults.push(`${ring.callId}: it is over and on record as ${call.status}, ${await story(ring)}`);
    }
    async function story(ring: Ring): Promise<string> {
      const types = (await store.events(ring.callId)).map(({ type }) => type);
      return `${types.join(', ')}; ${JSON.stringify(ring)}`;
    }
    const open = ['queued', 'initiated', 'ringing', 'answered'];
    for (const { _id, status } of await store.collection('calls').find({ filter: { status: { $in: open } } }))
      if (!carrier.rings.has(_id)) faults.push(`${_id}: it never rang and is on record as ${status}`);
    const hanging = await store.collection('attempts').find({ filter: { activePhones: { $exists: true } } });
    return hanging.map(({ _id, state, activePhones }) => `${_id} ${state} ${activePhones}`);
  }
}

const chunks = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );

/** Days of the month on which some states bar calls: Election Day, Veterans Day, Thanksgiving, the day after, Rosa Parks. */
const SPECIAL_DAYS = new Set([5, 13, 28, 29, 33]);
const SPECIAL_STATES = new Set(['AL', 'LA', 'ME', 'NE', 'PA', 'RI', 'UT']);
/** The night in which the clocks go back, and its morning. */
const NIGHT_OF_THE_CLOCKS = [3, 4];

/** Minutes of the local day at which something opens or closes somewhere. */
const EDGES = [8, 9, 10, 12, 13, 13.5, 16.5, 17, 18, 20, 21].map((hour) => hour * 60);

const formats = new Map<string, Intl.DateTimeFormat>();
function localMinute(zone: string, at: number): number {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
  formats.set(zone, format);
  const [hour = '0', minute = '0'] = format.format(at).split(':');
  return Number(hour) * 60 + Number(minute);
}

/** When the dialler asks: mostly a blink before, at and after whole and half hours, which are edges for everybody. */
function momentsOf(random: ReturnType<typeof createRandom>, wanted: number): number[] {
  const moments = new Set<number>();
  const half = 30 * MINUTE;
  for (const day of [...NIGHT_OF_THE_CLOCKS, ...SPECIAL_DAYS])
    for (let share = wanted / 18; share > 0; share -= 1)
      moments.add(START_MS + day * DAY + random.whole(0, 48) * half + random.pick([-1, 0, 1_000]));
  while (moments.size < wanted) {
    const at = START_MS + random.next() * DAYS * DAY;
    const edge = Math.round(at / half) * half;
    moments.add(random.chance(0.25) ? Math.floor(at) : edge + random.pick([-1, -1, 0, 0, 1, -1_000, 2_000]));
  }
  return [...moments].filter((at) => at >= START_MS).sort((a, b) => a - b);
}

/** Nothing that should not have been, and nothing that nobody can explain. */
export const isClean = ({ violations, faults, stuck, overDenied }: Report): boolean =>
  violations.length + faults.length + stuck.length === 0 &&
  [...overDenied.values()].every(({ explained }) => explained);

const finding = ({ at, phone, rule, why, lead, decided }: Finding): string =>
  `${new Date(at).toISOString()} ${phone} ${rule}: ${why} (lead ${lead}, decided ${at - decided} ms before)`;

/** A report as people read it. */
export function describeReport(report: Report): string {
  const table = (map: ReadonlyMap<string, number>) =>
    [...map]
      .sort(([, a], [, b]) => b - a)
      .map(([key, times]) => `  ${String(times).padStart(8)}  ${key}`)
      .join('\n');
  const byRule = (findings: readonly Finding[]) => {
    const rules = new Map<string, number>();
    for (const { rule } of findings) rules.set(rule, (rules.get(rule) ?? 0) + 1);
    return table(rules);
  };
  const some = (findings: readonly Finding[]) =>
    findings
      .slice(0, 20)
      .map((each) => `  ${finding(each)}`)
      .join('\n');
  const events = report.asked + report.happenings + report.callbacks;
  return [
    `${report.asked} calls asked for, ${report.dials} phones rung (${report.dialsAtEdges} within 3 s of an edge), ${report.deaths} deaths of the process`,
    `${events} simulated events in ${report.seconds.toFixed(1)} s, ${Math.round(events / report.seconds)} a second; the store is ${(report.storeBytes / 1e6).toFixed(0)} MB`,
    `denials by reason:\n${table(report.denials)}`,
    `refusals:\n${table(report.refusals)}`,
    `denials the judge would have allowed, of ${report.judgedDenials}:`,
    ...[...report.overDenied].map(
      ([why, { count, explained, example }]) =>
        `  ${String(count).padStart(8)}  ${why}${explained ? '' : `\n      ${example}`}`,
    ),
    `logged:\n${table(report.logged)}`,
    `races ${report.races}, doubts ${report.doubts.length}`,
    byRule(report.doubts),
    some(report.doubts),
    `attempts that never ended: ${report.stuck.length}`,
    ...report.stuck.slice(0, 10).map((line) => `  ${line}`),
    `faults of the record: ${report.faults.length}`,
    ...report.faults.slice(0, 20).map((line) => `  ${line}`),
    `VIOLATIONS: ${report.violations.length}`,
    byRule(report.violations),
    some(report.violations),
  ].join('\n');
}

/**
 * domain/compliance/facts: everything the gate looks at, as one value. Whoever asks gathers the facts; the gate only
 * judges them. Facts come from code that has parsed what it read, so they are checked here a second time and by hand: at
 * the price of a microsecond, whatever is not as it must be is found before it can allow a call. A word that is not known
 * becomes its strictest reading, never a permission.
 */

export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** What a consent names. A word that is not known covers nothing. */
export const COVERS = ['calls', 'texts', 'both', 'nothing'] as const;
export type Covers = (typeof COVERS)[number];

/** A text is judged by the rules of calls, with a consent that names texts. */
export const CHANNELS = ['voice', 'text'] as const;

export interface GrantFact {
  readonly event: 'grant';
  /** Absent: calls. */
  readonly covers?: Covers | undefined;
  readonly level: 'written' | 'oral';
  readonly at: Date;
  readonly phone: string;
  readonly seller: string;
  readonly purpose: 'marketing' | 'informational';
  readonly artificialVoiceDisclosed: boolean;
  readonly evidenceComplete: boolean;
  /** Null: the policy's one year after `at`. */
  readonly expiresAt: Date | null;
}

export interface RevokeFact {
  readonly event: 'revoke';
  readonly at: Date;
  /** Null: every seller. */
  readonly seller: string | null;
  readonly channel: string;
}

export type ConsentFact = GrantFact | RevokeFact;

export interface ListFact {
  /** When the copy of the list was made; null when there is none. */
  readonly asOf: Date | null;
  /** Numbers of the person that stand in it. */
  readonly listed: readonly string[];
}

/** A request made to us, for any number of the person. */
export interface InternalFact {
  readonly phone: string;
  /** Null: every seller. */
  readonly seller: string | null;
  readonly releasedAt: Date | null;
}

/** One try to reach the person. A text has the outcome `text`: it counts against caps and gaps, and nobody answers it. */
export interface AttemptFact {
  readonly at: Date;
  readonly phone: string;
  readonly subject: string;
  readonly outcome: string;
}

/**
 * Which outside lists must exist. `false` only forgives a list that was never set up; a list that is there is always
 * obeyed and must be fresh. Nothing here turns off consent, the internal list or calling hours.
 */
export interface ListPolicy {
  readonly requireNationalRegistry: boolean;
  readonly requireStateLists: boolean;
  readonly requireReassignedCheck: boolean;
}

/** Numbers E.164, instants `Date`, states two-letter codes or names, hours on the called party's wall clock. */
export interface Facts {
  readonly lead: {
    readonly phone: string;
    /** The person's other numbers. */
    readonly altPhones: readonly string[];
    readonly lineType: 'wireless' | 'landline' | 'voip' | 'unknown';
    readonly state: string | null;
    readonly zip: string | null;
    /** Every consent event of the person, all numbers, in any order. */
    readonly consent: readonly ConsentFact[];
    /** A business relationship never stands in for consent to an artificial voice; kept as a fact of the record. */
    readonly ebrLastTransactionAt: Date | null;
  };
  readonly call: {
    /** Absent: voice. */
    readonly channel?: (typeof CHANNELS)[number] | undefined;
    readonly purpose: 'marketing' | 'informational';
    readonly voice: string;
    readonly seller: string;
    readonly subject: string;
  };
  readonly dnc: {
    readonly national: ListFact;
    /** By two-letter state. */
    readonly state: ReadonlyMap<string, ListFact>;
    readonly internal: readonly InternalFact[];
    readonly litigator: boolean;
    readonly reassigned: { readonly result: 'no' | 'yes' | 'no_data'; readonly checkedAt: Date } | null;
  };
  readonly environment: {
    readonly emergencyStates: readonly string[];
    readonly killSwitch: boolean;
    /** Version of the time zone database that hours are told by, "2025c". Null: nobody says; enough to judge, not to dial. */
    readonly tzdata: string | null;
    /** How far this machine's clock is off, ms, either way; null where it cannot be measured. */
    readonly clockSkewMs: number | null;
  };
  readonly campaign: {
    /** Only `running` may dial. */
    readonly status: string;
    /** "HH:MM", 00:00 to 24:00, half-open. */
    readonly hours: { readonly start: string; readonly end: string; readonly days: readonly Weekday[] };
    readonly maxPer24h: number;
    readonly minGapMinutes: number;
    /** Null: no such cap. */
    readonly maxPerDay: number | null;
    readonly maxPer7Days: number | null;
    readonly maxPer30Days: number | null;
    readonly stopAfterUnanswered: number | null;
    readonly dncConsentOverride: boolean;
    readonly allowExemptCalls: boolean;
    readonly blockedStates: readonly string[];
  };
  readonly history: {
    /** Tries at any number of the person, any outcome; denied ones never rang and do not belong here. */
    readonly attempts: readonly AttemptFact[];
  };
  readonly policy: ListPolicy;
}

type Optional<T, K extends keyof T> = Omit<T, K> & { readonly [P in K]?: T[P] | undefined };

/** Facts as given: what has a default may be left out. */
export interface FactsInput extends Omit<Facts, 'dnc' | 'environment' | 'campaign' | 'policy'> {
  readonly dnc: Omit<Facts['dnc'], 'state'> & { readonly state: Readonly<Record<string, ListFact>> };
  readonly environment: Optional<Facts['environment'], 'killSwitch' | 'tzdata' | 'clockSkewMs'>;
  readonly campaign: Optional<
    Facts['campaign'],
    'maxPerDay' | 'maxPer7Days' | 'maxPer30Days' | 'stopAfterUnanswered'
  >;
  /** Left out: everything is required. */
  readonly policy?: ListPolicy | undefined;
}

/** The business's own limits for campaigns that set none (reference §4, "default policy"). */
export const DEFAULT_CAPS = {
  maxPer24h: 3,
  minGapMinutes: 120,
  maxPerDay: 2,
  maxPer7Days: 6,
  maxPer30Days: 8,
  stopAfterUnanswered: 8,
} as const;

/** Closed until counsel clears them: states whose automated-device laws reach an AI voice (reference §5). */
export const DEFAULT_BLOCKED_STATES = ['KY', 'MS', 'MT', 'NM', 'NV', 'TN', 'TX', 'UT', 'WA', 'WY'] as const;

// ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const REQUIRE_ALL: ListPolicy = {
  requireNationalRegistry: true,
  requireStateLists: true,
  requireReassignedCheck: true,
};
export const LINE_TYPES = ['wireless', 'landline', 'voip', 'unknown'] as const;
export const LEVELS = ['written', 'oral'] as const;
export const PURPOSES = ['marketing', 'informational'] as const;
export const REASSIGNED = ['no', 'yes', 'no_data'] as const;

const MOST_PHONES = 200;
const MOST_CONSENT_EVENTS = 2_000;
const MOST_ATTEMPTS = 5_000;
const MOST_ENTRIES = 10_000;
const LONGEST_PHONE = 64;
const LONGEST_TEXT = 300;
const HIGHEST_COUNT = 10_000;

/**
 * The facts as the gate judges them: complete, with defaults, a copy. Throws TypeError, naming the first member that is
 * missing or not of its kind. What else the value holds is not looked at.
 */
export function readFacts(value: unknown): Facts {
  const given = object(value, 'the facts');
  const lead = object(given.lead, 'lead');
  const call = object(given.call, 'call');
  const dnc = object(given.dnc, 'dnc');
  const environment = object(given.environment, 'environment');
  const campaign = object(given.campaign, 'campaign');
  const hours = object(campaign.hours, 'campaign.hours');
  const history = object(given.history, 'history');
  return {
    lead: {
      phone: text(lead.phone, 'lead.phone', LONGEST_PHONE),
      altPhones: list(lead.altPhones, 'lead.altPhones', MOST_PHONES, phone),
      lineType: word(lead.lineType, LINE_TYPES, 'unknown'),
      state: lead.state === null ? null : text(lead.state, 'lead.state', LONGEST_PHONE),
      zip: lead.zip === null ? null : text(lead.zip, 'lead.zip', LONGEST_PHONE),
      consent: list(lead.consent, 'lead.consent', MOST_CONSENT_EVENTS, consentEvent),
      ebrLastTransactionAt: instantOrNull(lead.ebrLastTransactionAt, 'lead.ebrLastTransactionAt'),
    },
    call: {
      channel: channel(call.channel),
      purpose: word(call.purpose, PURPOSES, 'marketing'),
      voice: text(call.voice, 'call.voice'),
      seller: sellerName(call.seller, 'call.seller'),
      subject: text(call.subject, 'call.subject'),
    },
    dnc: {
      national: listState(dnc.national, 'dnc.national'),
      state: listStates(dnc.state),
      internal: list(dnc.internal, 'dnc.internal', MOST_ENTRIES, internalEntry),
      litigator: flag(dnc.litigator, 'dnc.litigator'),
      reassigned: dnc.reassigned === null ? null : reassignedCheck(dnc.reassigned),
    },
    environment: {
      emergencyStates: list(environment.emergencyStates, 'environment.emergencyStates', MOST_PHONES, text),
      killSwitch: flag(environment.killSwitch ?? false, 'environment.killSwitch'),
      tzdata: textOrNull(environment.tzdata ?? null, 'environment.tzdata'),
      clockSkewMs: skew(environment.clockSkewMs ?? null),
    },
    campaign: {
      status: text(campaign.status, 'campaign.status'),
      hours: {
        start: timeOfDay(hours.start, 'campaign.hours.start'),
        end: timeOfDay(hours.end, 'campaign.hours.end'),
        days: list(hours.days, 'campaign.hours.days', MOST_PHONES, weekday),
      },
      maxPer24h: count(campaign.maxPer24h, 'campaign.maxPer24h'),
      minGapMinutes: count(campaign.minGapMinutes, 'campaign.minGapMinutes'),
      maxPerDay: countOrNull(campaign.maxPerDay, 'campaign.maxPerDay'),
      maxPer7Days: countOrNull(campaign.maxPer7Days, 'campaign.maxPer7Days'),
      maxPer30Days: countOrNull(campaign.maxPer30Days, 'campaign.maxPer30Days'),
      stopAfterUnanswered: countOrNull(campaign.stopAfterUnanswered, 'campaign.stopAfterUnanswered'),
      dncConsentOverride: flag(campaign.dncConsentOverride, 'campaign.dncConsentOverride'),
      allowExemptCalls: flag(campaign.allowExemptCalls, 'campaign.allowExemptCalls'),
      blockedStates: list(campaign.blockedStates, 'campaign.blockedStates', MOST_PHONES, text),
    },
    history: { attempts: list(history.attempts, 'history.attempts', MOST_ATTEMPTS, attempt) },
    policy: given.policy === undefined ? REQUIRE_ALL : listPolicy(given.policy),
  };
}

function bad(what: string): never {
  throw new TypeError(`${what} is missing or not what it must be`);
}

type Members = Readonly<Record<string, unknown>>;

function object(value: unknown, what: string): Members {
  if (typeof value !== 'object' || value === null) return bad(what);
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? (value as Members) : bad(what);
}

function list<T>(value: unknown, what: string, most: number, item: (value: unknown, what: string) => T): T[] {
  if (!Array.isArray(value) || value.length > most) return bad(what);
  const items: T[] = [];
  for (let i = 0; i < value.length; i += 1) items.push(item(value[i], what));
  return items;
}

const text = (value: unknown, what: string, longest = LONGEST_TEXT): string =>
  typeof value === 'string' && value.length <= longest ? value : bad(what);
const textOrNull = (value: unknown, what: string): string | null =>
  value === null ? null : text(value, what);
const phone = (value: unknown, what: string): string => text(value, what, LONGEST_PHONE);
const flag = (value: unknown, what: string): boolean => (typeof value === 'boolean' ? value : bad(what));
function instant(value: unknown, what: string): Date {
  if (!(value instanceof Date)) return bad(what);
  const ms = value.getTime();
  return Number.isFinite(ms) ? new Date(ms) : bad(what);
}
const instantOrNull = (value: unknown, what: string): Date | null =>
  value === null ? null : instant(value, what);
const count = (value: unknown, what: string): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= HIGHEST_COUNT
    ? value
    : bad(what);
const countOrNull = (value: unknown, what: string): number | null =>
  value === null || value === undefined ? null : count(value, what);
const skew = (value: unknown): number | null =>
  value === null || Number.isFinite(value) ? (value as number | null) : bad('environment.clockSkewMs');

const channel = (value: unknown): (typeof CHANNELS)[number] =>
  value === undefined ? 'voice' : (CHANNELS.find((known) => known === value) ?? bad('call.channel'));

const sellerName = (value: unknown, what: string): string => {
  const name = text(value, what);
  return name.trim() === '' ? bad(what) : name;
};

const TIME_OF_DAY = /^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/;
const timeOfDay = (value: unknown, what: string): string =>
  typeof value === 'string' && TIME_OF_DAY.test(value) ? value : bad(what);
const weekday = (value: unknown, what: string): Weekday => WEEKDAYS.find((day) => day === value) ?? bad(what);

function word<T extends string>(value: unknown, words: readonly T[], strictest: T): T {
  for (const known of words) if (known === value) return known;
  return strictest;
}

function consentEvent(value: unknown, what: string): ConsentFact {
  const given = object(value, what);
  if (given.event === 'grant')
    return {
      event: 'grant',
      covers: given.covers === undefined ? 'calls' : word(given.covers, COVERS, 'nothing'),
      level: word(given.level, LEVELS, 'oral'),
      at: instant(given.at, what),
      phone: phone(given.phone, what),
      seller: text(given.seller, what),
      purpose: word(given.purpose, PURPOSES, 'informational'),
      artificialVoiceDisclosed: flag(given.artificialVoiceDisclosed, what),
      evidenceComplete: flag(given.evidenceComplete, what),
      expiresAt: instantOrNull(given.expiresAt, what),
    };
  if (given.event === 'revoke')
    return {
      event: 'revoke',
      at: instant(given.at, what),
      seller: textOrNull(given.seller, what),
      channel: text(given.channel, what),
    };
  return bad(what);
}

function listState(value: unknown, what: string): ListFact {
  const given = object(value, what);
  return {
    asOf: instantOrNull(given.asOf, what),
    listed: list(given.listed, what, MOST_ENTRIES, phone),
  };
}

/** In the order of the states' names, so that the same lists are the same facts. */
function listStates(value: unknown): ReadonlyMap<string, ListFact> {
  const given = object(value, 'dnc.state');
  const states = Object.keys(given);
  if (states.length > MOST_PHONES) return bad('dnc.state');
  const lists = new Map<string, ListFact>();
  for (const state of states.length > 1 ? states.sort() : states)
    lists.set(text(state, 'dnc.state'), listState(given[state], 'dnc.state'));
  return lists;
}

function internalEntry(value: unknown, what: string): InternalFact {
  const given = object(value, what);
  return {
    phone: phone(given.phone, what),
    seller: textOrNull(given.seller, what),
    releasedAt: instantOrNull(given.releasedAt, what),
  };
}

function reassignedCheck(value: unknown): Facts['dnc']['reassigned'] {
  const given = object(value, 'dnc.reassigned');
  return {
    result: word(given.result, REASSIGNED, 'no_data'),
    checkedAt: instant(given.checkedAt, 'dnc.reassigned.checkedAt'),
  };
}

function attempt(value: unknown, what: string): AttemptFact {
  const given = object(value, what);
  return {
    at: instant(given.at, what),
    phone: phone(given.phone, what),
    subject: text(given.subject, what),
    outcome: text(given.outcome, what),
  };
}

function listPolicy(value: unknown): ListPolicy {
  const given = object(value, 'policy');
  return {
    requireNationalRegistry: flag(given.requireNationalRegistry, 'policy.requireNationalRegistry'),
    requireStateLists: flag(given.requireStateLists, 'policy.requireStateLists'),
    requireReassignedCheck: flag(given.requireReassignedCheck, 'policy.requireReassignedCheck'),
  };
}

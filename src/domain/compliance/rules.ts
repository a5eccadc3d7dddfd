/**
 * domain/compliance/rules: the decision table (reference §8) as a list. Each rule looks at one context and either holds
 * or not; the engine knows nothing of their law. `bar` rules do not pass with time; `time` rules say how long to wait.
 *
 * A text is judged by every rule of a call, hours and caps included. Federal law counts it as one (64.1200(a)(1) and (2); the
 * registry and the company's own list by 64.1200(e) since FCC 23-107), and so do Florida (501.059(1): "telephonic sales
 * call") and Texas (SB 140, B&CC 302 and 304, since 2025-09-01). Whether consent opens the quiet hours for texts is argued
 * (reference §0, King v. Bon Charge): it does not here. Where a state's hours bind only devices with a voice, texts keep them too.
 *
 * Comparisons with ages and instants are written so that a value that cannot be compared denies.
 */
import { type ConsentFinding, concernsSeller, judgeConsent } from './consent.ts';
import { CALL_REASONS, type Reason } from './decision.ts';
import { type Facts, WEEKDAYS } from './facts.ts';
import { holidayOf } from './holidays.ts';
import { machineFault } from './machine.ts';
import { type NumberKind, numberKind, sameNumber } from './number.ts';
import { type Place, type Whereabouts, whereabouts } from './places.ts';
import { STATE_LISTS, type StateRow, stateCode, type Window } from './states.ts';
import { instantOf, type LocalTime, localTime, showDate, showHour, showMinute } from './zone-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** A copy of a registry, and the answer of the reassigned-numbers database, may be this old (64.1200(c)(2)(i)(D)). */
export const FRESH_MS = 31 * DAY_MS;
/** 64.1200(c)(1), 310.4(c): from 8 am to 9 pm at the called party's location. */
export const FEDERAL: readonly [number, number] = [8 * 60, 21 * 60];
/** 64.1200(a)(3)(ii)-(iv): informational calls to a landline without consent. */
export const EXEMPT_CAP = { max: 3, days: 30 } as const;

interface Try {
  readonly atMs: number;
  readonly subject: string;
  readonly outcome: string;
}

/** Everything the rules look at, derived once per decision. */
export interface Context {
  readonly facts: Facts;
  readonly nowMs: number;
  readonly number: NumberKind;
  readonly where: Whereabouts;
  /** The state rows of all places, each once. */
  readonly states: readonly StateRow[];
  readonly consent: ConsentFinding;
  /** Newest first. */
  readonly attempts: readonly Try[];
  readonly hours: Window;
  /** The campaign's days by their number, 0 is Sunday. */
  readonly days: readonly boolean[];
}

export interface Rule {
  readonly reason: Exclude<Reason, 'check_error'>;
  readonly kind: 'bar' | 'time';
  /** True: the reason holds at that instant. */
  readonly test: (context: Context, atMs: number) => boolean;
  /** For `time`: no earlier instant than this one can pass (Infinity: none). Where the rule passes, `atMs` or less. */
  readonly opensAt?: (context: Context, atMs: number) => number;
  /** The rule as half a sentence for a manager, without full stop. Asked only where `test` is true. */
  readonly say: (context: Context, atMs: number) => string;
  /** What the clock there shows, where that is what breaks the rule: "it is 9:00 pm in Louisiana". As `say`. */
  readonly show?: (context: Context, atMs: number) => string | undefined;
}

const WEEKDAY_NAME = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

const digitAt = (text: string, index: number): number => text.charCodeAt(index) - 48;

/** "09:30" → 570. */
const minuteOf = (hhmm: string): number =>
  digitAt(hhmm, 0) * 600 + digitAt(hhmm, 1) * 60 + digitAt(hhmm, 3) * 10 + digitAt(hhmm, 4);

/** Of two tries at the same moment, the answered one counts as the older: it must not end a row of unanswered ones. */
const newestFirst = (a: Try, b: Try): number =>
  b.atMs - a.atMs || Number(ANSWERED.has(a.outcome)) - Number(ANSWERED.has(b.outcome));

/** Throws RangeError when this machine cannot tell the time, or when a table is missing. */
export function contextOf(facts: Facts, nowMs: number): Context {
  if (!Number.isSafeInteger(nowMs)) throw new RangeError('the clock gives no instant');
  const fault = machineFault(facts.environment, nowMs);
  if (fault !== undefined) throw new RangeError(fault);
  const number = numberKind(facts.lead.phone);
  const where = whereabouts(number.npa, facts.lead.state, facts.lead.zip);
  const states: StateRow[] = [];
  for (const { row } of where.places) if (!states.includes(row)) states.push(row);
  const inKentucky = states.some(({ code }) => code === 'KY');
  const attempts: Try[] = [];
  for (const { at, subject, outcome } of facts.history.attempts)
    attempts.push({ atMs: at.getTime(), subject, outcome });
  const { start, end, days } = facts.campaign.hours;
  const hours = [minuteOf(start), minuteOf(end)] as const;
  return {
    facts,
    nowMs,
    number,
    where,
    states,
    consent: judgeConsent(facts, number.e164, inKentucky, nowMs),
    attempts: attempts.length > 1 ? attempts.sort(newestFirst) : attempts,
    hours: hours[0] < hours[1] ? hours : null,
    days: WEEKDAYS.map((day) => days.includes(day)),
  };
}

// ── Hours and days ───────────────────────────────────────────────────────────────────────────────────────────────────

const within = (window: Window, minute: number): boolean =>
  window !== null && minute >= window[0] && minute < window[1];

const holidayAt = ({ row, gulf }: Place, local: LocalTime): string | undefined =>
  row.holiday === undefined ? undefined : holidayOf(row.code, local.day, gulf);

const weekWindow = (row: StateRow, weekday: number): Window =>
  weekday === 0 ? row.sunday : weekday === 6 ? row.saturday : row.weekday;

function stateWindow(place: Place, local: LocalTime): Window {
  const { row } = place;
  return row.holiday !== undefined && holidayAt(place, local) !== undefined
    ? row.holiday
    : weekWindow(row, local.weekday);
}

type At<T> = (context: Context, place: Place, local: LocalTime) => T;

/**
 * A rule that must hold in no place. `opens` answers the minute of this local day to wait for, or undefined for the next
 * day; `say` and `show` are told of the first place where it holds.
 */
function everywhere(
  holds: At<boolean>,
  opens: At<number | undefined>,
  say: At<string>,
  show: At<string | undefined> = () => undefined,
): Pick<Rule, 'kind' | 'test' | 'opensAt' | 'say' | 'show'> {
  const first =
    <T>(tell: At<T>) =>
    (context: Context, atMs: number): T => {
      for (const place of context.where.places) {
        const local = localTime(place.zone, atMs);
        if (holds(context, place, local)) return tell(context, place, local);
      }
      throw new RangeError('no place breaks this rule');
    };
  return {
    kind: 'time',
    test(context, atMs) {
      for (const place of context.where.places)
        if (holds(context, place, localTime(place.zone, atMs))) return true;
      return false;
    },
    opensAt(context, atMs) {
      let opensMs = atMs;
      for (const place of context.where.places) {
        const local = localTime(place.zone, atMs);
        if (!holds(context, place, local)) continue;
        const minute = opens(context, place, local);
        const nextMs =
          minute === undefined
            ? instantOf(place.zone, local.day + 1, 0)
            : instantOf(place.zone, local.day, minute);
        opensMs = Math.max(opensMs, nextMs, atMs + 1);
      }
      return opensMs;
    },
    say: first(say),
    show: first(show),
  };
}

/** The start of today's window when it is still to come. */
const upcoming = (window: Window, minute: number): number | undefined =>
  window !== null && minute < window[0] ? window[0] : undefined;

const outsideFederal = (local: LocalTime): boolean => !within(FEDERAL, local.minute);
const outsideCampaign = (context: Context, local: LocalTime): boolean =>
  !context.days[local.weekday] || !within(context.hours, local.minute);
/** The holiday that closes the whole day. */
const onBarredHoliday = (place: Place, local: LocalTime): string | undefined =>
  place.row.holiday === null ? holidayAt(place, local) : undefined;
const onBarredDay = (place: Place, local: LocalTime): boolean =>
  weekWindow(place.row, local.weekday) === null;
/** State hours count where federal law would let the call pass; elsewhere the federal rule says it already. */
function outsideState(place: Place, local: LocalTime): boolean {
  if (outsideFederal(local)) return false;
  const window = stateWindow(place, local);
  return window !== null && !within(window, local.minute);
}

/**
 * When the hours that are open at `atMs` in every place end in the first of them. Asked only where no rule of hours and
 * days holds.
 */
export function hoursEndMs(context: Context, atMs: number): number {
  let endMs = Infinity;
  for (const place of context.where.places) {
    const local = localTime(place.zone, atMs);
    const minute = Math.min(
      FEDERAL[1],
      stateWindow(place, local)?.[1] ?? local.minute,
      context.hours?.[1] ?? local.minute,
    );
    endMs = Math.min(endMs, instantOf(place.zone, local.day, minute));
  }
  return endMs;
}

const isText = ({ facts }: Context): boolean => facts.call.channel === 'text';

// ── Words for places and hours ───────────────────────────────────────────────────────────────────────────────────────

/** "Florida", or "Florida, the state of the area code," where the address is in another one. */
function stateName(context: Context, row: StateRow): string {
  const { places, byAddress } = context.where;
  const elsewhere = byAddress > 0 && places.findIndex((place) => place.row === row) >= byAddress;
  return elsewhere ? `${row.name}, the state of the area code,` : row.name;
}

const itIs = (place: Place, local: LocalTime): string =>
  `it is ${showMinute(local.minute)} in ${place.region}`;

const span = (window: readonly [number, number]): string =>
  `from ${showHour(window[0])} to ${showHour(window[1])}`;

/** " on Memorial Day", " on Saturdays", or nothing for a state's usual hours. */
function onWhichDay(place: Place, local: LocalTime): string {
  const { row } = place;
  const holiday = holidayAt(place, local);
  if (holiday !== undefined) return ` on ${holiday}`;
  const window = weekWindow(row, local.weekday);
  const usual = row.weekday;
  if (window === usual || window === null || usual === null) return '';
  return window[0] === usual[0] && window[1] === usual[1] ? '' : ` on ${WEEKDAY_NAME[local.weekday]}s`;
}

const oneOr = (n: number, one: string, many: string): string => (n === 1 ? one : `${n} ${many}`);
const howOften = (n: number): string => (n === 1 ? 'once' : n === 2 ? 'twice' : `${n} times`);
const minutes = (n: number): string =>
  n % 60 === 0 ? oneOr(n / 60, 'an hour', 'hours') : oneOr(n, 'a minute', 'minutes');

// ── Frequency ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The instant from which fewer than `max` of the attempts (newest first) lie inside the window. */
function capFreesAt(attempts: readonly Try[], max: number, windowMs: number): number {
  if (max === 0) return Infinity;
  const blocking = attempts[max - 1];
  return blocking === undefined ? -Infinity : blocking.atMs + windowMs;
}

/** An attempt counts against a cap while it is younger than the window. */
const over = (freesAtMs: number, atMs: number): boolean => !(freesAtMs <= atMs);

/** The outcome of a text: nobody answers it, and it rang no phone that somebody left unanswered. */
const TEXT = 'text';

/** Outcomes after which nobody can have hung up on us. After every other one somebody may have: an outcome does not tell who did. */
const NOT_HUNG_UP = new Set(['no_answer', 'busy', 'failed', 'canceled', 'voicemail', 'transferred', TEXT]);

const plainSubject = (text: string): string => text.trim().toLowerCase();

function capOfState({ facts, attempts }: Context, { cap, noneAfterHangup }: StateRow): number {
  if (noneAfterHangup && attempts.some(({ outcome }) => !NOT_HUNG_UP.has(outcome))) return Infinity;
  if (!cap || attempts.length < cap.max) return -Infinity;
  const subject = plainSubject(facts.call.subject);
  const counted = cap.sameSubject
    ? attempts.filter((attempt) => plainSubject(attempt.subject) === subject)
    : attempts;
  return capFreesAt(counted, cap.max, cap.hours * HOUR_MS);
}

const stateCapFreesAt = (context: Context): number =>
  context.states.reduce((latest, row) => Math.max(latest, capOfState(context, row)), -Infinity);

const exemptCapFreesAt = (context: Context): number =>
  context.consent.exempt ? capFreesAt(context.attempts, EXEMPT_CAP.max, EXEMPT_CAP.days * DAY_MS) : -Infinity;

/** Outcomes of calls that a person took. Every other one counts as unanswered. */
const ANSWERED = new Set([
  'answered',
  'completed',
  'qualified',
  'not_interested',
  'callback',
  'wrong_number',
  'opted_out',
  'transferred',
  'hung_up',
]);

/** One limit of the campaign: when it is free again, and how it is told. */
interface CampaignCap {
  readonly freesAt: (context: Context, atMs: number) => number;
  readonly say: (campaign: Facts['campaign']) => string;
}

const rolling = (
  maxOf: (campaign: Facts['campaign']) => number | null,
  days: number,
  window: string,
): CampaignCap => ({
  freesAt({ facts, attempts }) {
    const max = maxOf(facts.campaign);
    return max === null ? -Infinity : capFreesAt(attempts, max, days * DAY_MS);
  },
  say: (campaign) => triedOften(maxOf(campaign) ?? 0, `within ${window}`),
});

const NO_CALLS = 'the limits of the campaign allow no calls at all';

const triedOften = (max: number, when: string): string =>
  max === 0 ? NO_CALLS : `this person was tried ${howOften(max)} ${when}, and that is the limit`;

function triedToday(context: Context, zone: string, day: number): number {
  let tries = 0;
  for (const { atMs } of context.attempts) {
    const then = localTime(zone, atMs).day;
    if (then === day) tries += 1;
    else if (then < day) break;
  }
  return tries;
}

const CAMPAIGN_CAPS: readonly [CampaignCap, ...CampaignCap[]] = [
  {
    freesAt({ facts, attempts }) {
      const stop = facts.campaign.stopAfterUnanswered;
      if (stop === null || attempts.length < stop) return -Infinity;
      let unanswered = 0;
      for (const { outcome } of attempts) {
        if (unanswered === stop || ANSWERED.has(outcome)) break;
        if (outcome !== TEXT) unanswered += 1;
      }
      return unanswered < stop ? -Infinity : Infinity;
    },
    say: ({ stopAfterUnanswered }) =>
      stopAfterUnanswered
        ? `nobody answered the last ${oneOr(stopAfterUnanswered, 'try', 'tries')}, and that is the limit`
        : NO_CALLS,
  },
  {
    freesAt({ facts, attempts }) {
      const { minGapMinutes } = facts.campaign;
      const [newest] = attempts;
      return newest === undefined || minGapMinutes === 0
        ? -Infinity
        : newest.atMs + minGapMinutes * MINUTE_MS;
    },
    say: ({ minGapMinutes }) => `the last try was less than ${minutes(minGapMinutes)} ago`,
  },
  {
    freesAt(context, atMs) {
      const { maxPerDay } = context.facts.campaign;
      if (maxPerDay === null || context.attempts.length < maxPerDay) return -Infinity;
      if (maxPerDay === 0) return Infinity;
      let freesAtMs = -Infinity;
      for (const { zone } of context.where.places) {
        const { day } = localTime(zone, atMs);
        if (triedToday(context, zone, day) >= maxPerDay)
          freesAtMs = Math.max(freesAtMs, instantOf(zone, day + 1, 0));
      }
      return freesAtMs;
    },
    say: ({ maxPerDay }) => triedOften(maxPerDay ?? 0, 'today'),
  },
  rolling(({ maxPer24h }) => maxPer24h, 1, '24 hours'),
  rolling(({ maxPer7Days }) => maxPer7Days, 7, '7 days'),
  rolling(({ maxPer30Days }) => maxPer30Days, 30, '30 days'),
];

/** The limit that is free again last. */
function lastCap(context: Context, atMs: number): { cap: CampaignCap; freesAtMs: number } {
  let [cap] = CAMPAIGN_CAPS;
  let freesAtMs = -Infinity;
  for (const other of CAMPAIGN_CAPS) {
    const ofOther = other.freesAt(context, atMs);
    if (ofOther <= freesAtMs) continue;
    cap = other;
    freesAtMs = ofOther;
  }
  return { cap, freesAtMs };
}

// ── Lists ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const fresh = (asOf: Date, nowMs: number): boolean => nowMs - asOf.getTime() <= FRESH_MS;
const future = (asOf: Date, nowMs: number): boolean => !(asOf.getTime() <= nowMs);

/** Written consent naming seller and number lifts a registry listing, where the policy says so ((c)(2)(ii)). */
function lifted(context: Context): boolean {
  const { grant } = context.consent;
  return (
    context.facts.campaign.dncConsentOverride && grant?.level === 'written' && grant.artificialVoiceDisclosed
  );
}

const listedHere = ({ number }: Context, listed: readonly string[]): boolean => {
  const { e164 } = number;
  return e164 !== undefined && listed.some((written) => sameNumber(written, e164));
};

/** A request that concerns this seller, for a number of this person, and that nobody has released. */
function askedUsNotTo({ facts, nowMs }: Context): boolean {
  const { lead, call } = facts;
  return facts.dnc.internal.some(
    ({ phone, seller, releasedAt }) =>
      (releasedAt === null || future(releasedAt, nowMs)) &&
      concernsSeller(seller, call.seller) &&
      [lead.phone, ...lead.altPhones].some((own) => own === phone || sameNumbers(own, phone)),
  );
}

function sameNumbers(own: string, other: string): boolean {
  const { e164 } = numberKind(own);
  return e164 !== undefined && sameNumber(other, e164);
}

/** The first state whose own list is needed and missing, from the future or too old. */
function staleStateList({ facts, states, nowMs }: Context): StateRow | undefined {
  return states.find(({ code }) => {
    if (!STATE_LISTS.has(code)) return false;
    const asOf = facts.dnc.state.get(code)?.asOf ?? null;
    if (asOf === null) return facts.policy.requireStateLists;
    return future(asOf, nowMs) || !fresh(asOf, nowMs);
  });
}

/** What is wrong with our copy of a list. */
function copyFault(what: string, asOf: Date | null, nowMs: number): string {
  if (asOf === null) return `there is no copy of ${what}`;
  return future(asOf, nowMs)
    ? `our copy of ${what} claims to be of ${showDate(asOf)}, which is in the future`
    : `our copy of ${what} is of ${showDate(asOf)}, and older than 31 days`;
}

const NATIONAL = 'the national do-not-call registry';

const listingState = (context: Context): StateRow | undefined =>
  context.states.find(({ code }) => {
    const copy = context.facts.dnc.state.get(code);
    return copy !== undefined && listedHere(context, copy.listed);
  });

/** The first candidate state that stands in a list. Every name must be one of a state: an unknown one may mean any. */
function candidateIn(context: Context, listed: readonly string[]): StateRow | undefined {
  let found: StateRow | undefined;
  for (const text of listed) {
    const code = stateCode(text);
    if (code === undefined) throw new RangeError('a blocked or frozen state has no known name');
    found ??= context.states.find((row) => row.code === code);
  }
  return found;
}

// ── The table ────────────────────────────────────────────────────────────────────────────────────────────────────────

type NumberReason = Extract<Reason, `phone_${string}`>;
const numberRule = (reason: NumberReason, text: string): Rule => ({
  reason,
  kind: 'bar',
  test: ({ number }) => number.bar === reason,
  say: () => text,
});

type ConsentRule = Extract<Reason, `consent_${string}`>;
const consentRule = (reason: ConsentRule, say: Rule['say']): Rule => ({
  reason,
  kind: 'bar',
  test: ({ consent }) => consent.missing.has(reason),
  say,
});

const UNPLACED = {
  zip: 'the ZIP code is unknown or military',
  state: 'the state of the address is none of the US',
  number: 'the area code belongs to no place',
} as const;

export const RULES: readonly Rule[] = [
  {
    reason: 'campaign_paused',
    kind: 'bar',
    test: ({ facts }) => facts.environment.killSwitch || facts.campaign.status !== 'running',
    say: ({ facts }) =>
      facts.environment.killSwitch
        ? 'all outbound calling is switched off'
        : `the campaign is ${facts.campaign.status}, not running`,
  },
  numberRule('phone_invalid', 'this is not a number that can be called in the US'),
  numberRule('phone_toll_free', 'this is a toll-free number'),
  numberRule('phone_premium', 'this is a premium-rate number'),
  numberRule('phone_non_geographic', 'the area code of this number belongs to no place'),
  numberRule('phone_not_us', 'this number is outside the United States'),
  numberRule('phone_fictional', 'this number is set aside for fiction'),
  {
    reason: 'internal_dnc',
    kind: 'bar',
    test: askedUsNotTo,
    say: (context) =>
      isText(context) ? 'this person asked us to stop' : 'this person asked not to be called',
  },
  {
    reason: 'litigator_listed',
    kind: 'bar',
    test: ({ facts }) => facts.dnc.litigator,
    say: () => 'this number is on the list of litigators',
  },
  {
    reason: 'national_dnc_unavailable',
    kind: 'bar',
    test: ({ facts, nowMs }) => {
      const { asOf } = facts.dnc.national;
      return asOf === null ? facts.policy.requireNationalRegistry : future(asOf, nowMs);
    },
    say: ({ facts, nowMs }) => copyFault(NATIONAL, facts.dnc.national.asOf, nowMs),
  },
  {
    reason: 'national_dnc_stale',
    kind: 'bar',
    test: ({ facts, nowMs }) => {
      const { asOf } = facts.dnc.national;
      return asOf !== null && !future(asOf, nowMs) && !fresh(asOf, nowMs);
    },
    say: ({ facts, nowMs }) => copyFault(NATIONAL, facts.dnc.national.asOf, nowMs),
  },
  {
    reason: 'state_dnc_stale',
    kind: 'bar',
    test: (context) => staleStateList(context) !== undefined,
    say(context) {
      const row = staleStateList(context);
      const asOf = row && context.facts.dnc.state.get(row.code)?.asOf;
      return copyFault(`the do-not-call list of ${row?.name ?? 'the state'}`, asOf ?? null, context.nowMs);
    },
  },
  {
    reason: 'national_dnc_listed',
    kind: 'bar',
    test: (context) =>
      context.facts.call.purpose === 'marketing' &&
      listedHere(context, context.facts.dnc.national.listed) &&
      !lifted(context),
    say: () => `this number is on ${NATIONAL}`,
  },
  {
    reason: 'state_dnc_listed',
    kind: 'bar',
    test: (context) =>
      context.facts.call.purpose === 'marketing' && listingState(context) !== undefined && !lifted(context),
    say: (context) => `this number is on the do-not-call list of ${listingState(context)?.name ?? 'a state'}`,
  },
  consentRule('consent_missing', (context) =>
    isText(context) ? 'there is no consent to texts on record' : 'there is no consent on record',
  ),
  consentRule('consent_seller_mismatch', () => 'the consent on record was given to another seller'),
  consentRule('consent_phone_mismatch', () => 'the consent on record names another number'),
  consentRule('consent_not_effective', () => 'the consent on record is dated in the future'),
  consentRule(
    'consent_revoked',
    ({ consent }) => `consent was revoked on ${showDate(new Date(consent.revokedAtMs ?? 0))}`,
  ),
  consentRule('consent_insufficient', (context) => {
    const marketing = context.facts.call.purpose === 'marketing';
    if (isText(context))
      return marketing
        ? 'the consent on record is not written consent to marketing texts'
        : 'after a revocation, only written consent counts, and there is none';
    return marketing
      ? 'the consent on record is not written consent to marketing calls with an artificial voice'
      : 'after a revocation, only written consent that names an artificial voice counts, and there is none';
  }),
  consentRule('consent_evidence_incomplete', () => 'the proof of consent is incomplete'),
  consentRule(
    'consent_expired',
    ({ consent }) => `consent expired on ${showDate(new Date(consent.endedAtMs ?? 0))}`,
  ),
  {
    reason: 'reassigned_check_missing',
    kind: 'bar',
    test: ({ facts }) => {
      const check = facts.dnc.reassigned;
      return check === null ? facts.policy.requireReassignedCheck : check.result === 'no_data';
    },
    say: ({ facts }) =>
      facts.dnc.reassigned === null
        ? 'nobody has checked whether the number now belongs to somebody else'
        : 'the database of reassigned numbers could not tell whose number this is',
  },
  {
    reason: 'reassigned_check_stale',
    kind: 'bar',
    test: ({ facts, nowMs }) => {
      const check = facts.dnc.reassigned;
      return check?.result === 'no' && (future(check.checkedAt, nowMs) || !fresh(check.checkedAt, nowMs));
    },
    say: ({ facts, nowMs }) => {
      const checkedAt = facts.dnc.reassigned?.checkedAt ?? new Date(nowMs);
      return future(checkedAt, nowMs)
        ? `the check for a reassigned number claims to be of ${showDate(checkedAt)}, which is in the future`
        : `the check for a reassigned number is of ${showDate(checkedAt)}, and older than 31 days`;
    },
  },
  {
    reason: 'number_reassigned',
    kind: 'bar',
    test: ({ facts }) => facts.dnc.reassigned?.result === 'yes',
    say: () => 'the number now belongs to somebody else',
  },
  {
    reason: 'location_conflict',
    kind: 'bar',
    test: ({ where }) => where.conflict,
    say: () => 'the ZIP code and the state of the address do not agree',
  },
  {
    reason: 'timezone_unknown',
    kind: 'bar',
    test: ({ where, number }) =>
      number.npa !== undefined && (where.unknown !== undefined || where.places.length === 0),
    say: ({ where }) =>
      `the time zone of this person cannot be told, because ${UNPLACED[where.unknown ?? 'number']}`,
  },
  {
    reason: 'state_not_enabled',
    kind: 'bar',
    test: (context) => candidateIn(context, context.facts.campaign.blockedStates) !== undefined,
    say(context) {
      const row = candidateIn(context, context.facts.campaign.blockedStates);
      const what = isText(context) ? 'texts' : 'calls with an AI voice';
      return `${what} to ${row ? stateName(context, row) : 'this state'} are not cleared`;
    },
  },
  {
    reason: 'state_emergency_freeze',
    kind: 'bar',
    test: (context) => candidateIn(context, context.facts.environment.emergencyStates) !== undefined,
    say(context) {
      const row = candidateIn(context, context.facts.environment.emergencyStates);
      return `${row ? stateName(context, row) : 'the state'} is under a declared emergency`;
    },
  },
  {
    reason: 'state_holiday_barred',
    ...everywhere(
      (_context, place, local) => onBarredHoliday(place, local) !== undefined,
      () => undefined,
      (context, place, local) =>
        `${stateName(context, place.row)} allows no AI-voice calls on ${onBarredHoliday(place, local)}`,
    ),
  },
  {
    reason: 'state_day_barred',
    ...everywhere(
      (_context, place, local) => onBarredDay(place, local),
      () => undefined,
      (context, place, local) =>
        `${stateName(context, place.row)} allows no AI-voice calls on ${WEEKDAY_NAME[local.weekday]}s`,
      (_context, place, local) => `it is ${WEEKDAY_NAME[local.weekday]} in ${place.region}`,
    ),
  },
  {
    reason: 'outside_federal_hours',
    ...everywhere(
      (_context, _place, local) => outsideFederal(local),
      (_context, _place, local) => upcoming(FEDERAL, local.minute),
      () => `federal law allows calls ${span(FEDERAL)}`,
      (_context, place, local) => itIs(place, local),
    ),
  },
  {
    reason: 'outside_state_hours',
    ...everywhere(
      (_context, place, local) => outsideState(place, local),
      (_context, place, local) => upcoming(stateWindow(place, local), local.minute),
      (context, place, local) =>
        `${stateName(context, place.row)} allows calls ${span(stateWindow(place, local) ?? FEDERAL)}${onWhichDay(place, local)}`,
      (_context, place, local) => itIs(place, local),
    ),
  },
  {
    reason: 'outside_campaign_hours',
    ...everywhere(
      (context, _place, local) => outsideCampaign(context, local),
      (context, _place, local) =>
        context.days[local.weekday] ? upcoming(context.hours, local.minute) : undefined,
      ({ hours, days }, _place, local) => {
        if (hours === null) return 'the hours of the campaign end before they begin';
        if (!days.includes(true)) return 'the campaign has no days to call on';
        return days[local.weekday]
          ? `the campaign calls ${span(hours)}`
          : `the campaign does not call on ${WEEKDAY_NAME[local.weekday]}s`;
      },
      ({ hours, days }, place, local) => {
        if (hours === null || !days.includes(true)) return undefined;
        return days[local.weekday]
          ? itIs(place, local)
          : `it is ${WEEKDAY_NAME[local.weekday]} in ${place.region}`;
      },
    ),
  },
  {
    reason: 'state_frequency_cap',
    kind: 'time',
    test: (context, atMs) => over(stateCapFreesAt(context), atMs),
    opensAt: stateCapFreesAt,
    say(context) {
      const latest = stateCapFreesAt(context);
      const row = context.states.find((state) => capOfState(context, state) === latest);
      if (!row?.cap)
        return `${row ? stateName(context, row) : 'the state'} allows no further AI-voice call to a person who may have hung up on one`;
      const { max, hours, sameSubject } = row.cap;
      const calls = `${oneOr(max, 'one call', 'calls')} to a person in ${hours} hours`;
      return `${stateName(context, row)} allows ${calls}${sameSubject ? ' on one subject' : ''}, and ${max === 1 ? 'that one was' : 'those were'} made`;
    },
  },
  {
    reason: 'exempt_call_cap',
    kind: 'time',
    test: (context, atMs) => over(exemptCapFreesAt(context), atMs),
    opensAt: exemptCapFreesAt,
    say: () =>
      `without consent, federal law allows ${EXEMPT_CAP.max} informational calls in ${EXEMPT_CAP.days} days, and those were made`,
  },
  {
    reason: 'campaign_frequency_cap',
    kind: 'time',
    test(context, atMs) {
      for (const cap of CAMPAIGN_CAPS) if (over(cap.freesAt(context, atMs), atMs)) return true;
      return false;
    },
    opensAt: (context, atMs) => lastCap(context, atMs).freesAtMs,
    say: (context, atMs) => lastCap(context, atMs).cap.say(context.facts.campaign),
  },
];

for (const [index, reason] of CALL_REASONS.slice(1).entries())
  if (RULES[index]?.reason !== reason) throw new RangeError(`the rule for ${reason} is missing or misplaced`);

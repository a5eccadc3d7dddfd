/**
 * domain/compliance/rules: the decision table (reference §8) as a list. Each rule looks at one context and either holds
 * or not; the engine knows nothing of their law. `bar` rules do not pass with time; `time` rules say how long to wait.
 *
 * Comparisons with ages and instants are written so that a value that cannot be compared denies.
 */
import { type ConsentFinding, judgeConsent, sameSeller } from './consent.ts';
import { REASONS, type Reason } from './decision.ts';
import type { Facts } from './facts.ts';
import { holidayOf } from './holidays.ts';
import { type NumberKind, numberKind } from './number.ts';
import { clockName, type Place, type Whereabouts, whereabouts } from './places.ts';
import { STATE_LISTS, STATES, type StateRow, stateCode, type Window } from './states.ts';
import { instantOf, type LocalTime, localTime, showMinute } from './zone-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** A copy of a registry, and the answer of the reassigned-numbers database, may be this old (64.1200(c)(2)(i)(D)). */
export const FRESH_MS = 31 * DAY_MS;
/** 64.1200(c)(1), 310.4(c): from 8 am to 9 pm at the called party's location. */
export const FEDERAL: readonly [number, number] = [8 * 60, 21 * 60];
/** 64.1200(a)(3)(ii)-(iv): informational calls to a landline without consent. */
export const EXEMPT_CAP = { max: 3, days: 30 } as const;

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
  readonly attempts: readonly { readonly atMs: number; readonly subject: string; readonly outcome: string }[];
  readonly hours: Window;
  readonly days: ReadonlySet<number>;
}

export interface Rule {
  readonly reason: Exclude<Reason, 'check_error'>;
  readonly kind: 'bar' | 'time';
  /** True: the reason holds at that instant. */
  readonly test: (context: Context, atMs: number) => boolean;
  /** For `time`: no earlier instant than this one can pass (Infinity: none). Asked only where `test` is true. */
  readonly opensAt?: (context: Context, atMs: number) => number;
  /** Half a sentence for a manager, without full stop. Asked only where `test` is true. */
  readonly say: (context: Context, atMs: number) => string;
}

const WEEKDAY_NUMBER = { sun: 0, mon: 1, tue: 2, wed: 3, thu: 4, fri: 5, sat: 6 } as const;
const WEEKDAY_NAME = ['Sundays', 'Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays'];

function minuteOf(hhmm: string): number {
  return Number(hhmm.slice(0, 2)) * 60 + Number(hhmm.slice(3, 5));
}

export function contextOf(facts: Facts, nowMs: number): Context {
  const number = numberKind(facts.lead.phone);
  const where = whereabouts(number.npa, facts.lead.state, facts.lead.zip);
  const states = [...new Set(where.places.map((place) => place.state))].map(rowOf);
  const start = minuteOf(facts.campaign.hours.start);
  const end = minuteOf(facts.campaign.hours.end);
  const attempts = facts.history.attempts.map((attempt) => ({
    atMs: attempt.at.getTime(),
    subject: attempt.subject,
    outcome: attempt.outcome,
  }));
  return {
    facts,
    nowMs,
    number,
    where,
    states,
    consent: judgeConsent(
      facts,
      number.e164,
      states.some((row) => row.code === 'KY'),
      nowMs,
    ),
    attempts: attempts.length > 1 ? attempts.sort((a, b) => b.atMs - a.atMs) : attempts,
    hours: start < end ? [start, end] : null,
    days: new Set(facts.campaign.hours.days.map((day) => WEEKDAY_NUMBER[day])),
  };
}

function rowOf(state: string): StateRow {
  const row = STATES.get(state);
  if (!row) throw new RangeError(`no rules for state ${state}`);
  return row;
}

// ── Hours and days ───────────────────────────────────────────────────────────────────────────────────────────────────

const within = (window: Window, minute: number): boolean =>
  window !== null && minute >= window[0] && minute < window[1];

function stateWindow(place: Place, local: LocalTime): { window: Window; holiday: string | undefined } {
  const row = rowOf(place.state);
  const holiday = row.holiday === undefined ? undefined : holidayOf(place.state, local.day, place.gulf);
  if (holiday !== undefined && row.holiday !== undefined) return { window: row.holiday, holiday };
  const window = local.weekday === 0 ? row.sunday : local.weekday === 6 ? row.saturday : row.weekday;
  return { window, holiday: undefined };
}

/** A rule that must hold in no place. `opens` answers the minute of this local day to wait for, or undefined for the next day. */
function everywhere(
  holds: (context: Context, place: Place, local: LocalTime) => boolean,
  opens: (context: Context, place: Place, local: LocalTime) => number | undefined,
): Pick<Rule, 'kind' | 'test'> & Required<Pick<Rule, 'opensAt'>> {
  return {
    kind: 'time',
    test: (context, atMs) =>
      context.where.places.some((place) => holds(context, place, localTime(place.zone, atMs))),
    opensAt(context, atMs) {
      let open = atMs;
      for (const place of context.where.places) {
        const local = localTime(place.zone, atMs);
        if (!holds(context, place, local)) continue;
        const minute = opens(context, place, local);
        const next =
          minute === undefined
            ? instantOf(place.zone, local.day + 1, 0)
            : instantOf(place.zone, local.day, minute);
        open = Math.max(open, next);
      }
      return open;
    },
  };
}

/** The start of today's window when it is still to come. */
const upcoming = (window: Window, minute: number): number | undefined =>
  window !== null && minute < window[0] ? window[0] : undefined;

function firstPlace(
  context: Context,
  atMs: number,
  holds: (place: Place, local: LocalTime) => boolean,
): { place: Place; local: LocalTime } {
  for (const place of context.where.places) {
    const local = localTime(place.zone, atMs);
    if (holds(place, local)) return { place, local };
  }
  throw new RangeError('no place breaks this rule');
}

const itIs = (place: Place, local: LocalTime): string =>
  `it is ${showMinute(local.minute)} ${clockName(place.zone)} time there`;

const span = (window: readonly [number, number]): string =>
  `from ${showMinute(window[0])} to ${showMinute(window[1])}`;

const outsideFederal = (local: LocalTime): boolean => !within(FEDERAL, local.minute);
const outsideCampaign = (context: Context, local: LocalTime): boolean =>
  !context.days.has(local.weekday) || !within(context.hours, local.minute);
const onBarredHoliday = (place: Place, local: LocalTime): string | undefined => {
  const { window, holiday } = stateWindow(place, local);
  return window === null ? holiday : undefined;
};
const onBarredDay = (place: Place, local: LocalTime): boolean => {
  const row = rowOf(place.state);
  return (local.weekday === 0 ? row.sunday : local.weekday === 6 ? row.saturday : row.weekday) === null;
};
/** State hours count where federal law would let the call pass; elsewhere the federal rule says it already. */
const outsideState = (place: Place, local: LocalTime): boolean => {
  const { window } = stateWindow(place, local);
  return window !== null && !outsideFederal(local) && !within(window, local.minute);
};

// ── Frequency ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The instant from which fewer than `max` of the attempts (newest first) lie inside the window. */
function capFreesAt(attempts: readonly { readonly atMs: number }[], max: number, windowMs: number): number {
  if (max === 0) return Infinity;
  const blocking = attempts[max - 1];
  return blocking === undefined ? -Infinity : blocking.atMs + windowMs;
}

/** No attempt still counts against the cap: an attempt counts while it is younger than the window. */
const over = (freesAtMs: number, atMs: number): boolean => !(freesAtMs <= atMs);

const ended = (outcome: string): boolean => outcome === 'hung_up';

function stateCapFreesAt(context: Context): { row: StateRow; freesAtMs: number } | undefined {
  let latest: { row: StateRow; freesAtMs: number } | undefined;
  for (const row of context.states) {
    let freesAtMs = -Infinity;
    if (row.cap) {
      const same = context.attempts.filter((attempt) => attempt.subject === context.facts.call.subject);
      freesAtMs = capFreesAt(same, row.cap.max, row.cap.hours * HOUR_MS);
    }
    if (row.noneAfterHangup && context.attempts.some((attempt) => ended(attempt.outcome)))
      freesAtMs = Infinity;
    if (!latest || freesAtMs > latest.freesAtMs) latest = { row, freesAtMs };
  }
  return latest;
}

const exemptCapFreesAt = (context: Context): number =>
  context.consent.exempt ? capFreesAt(context.attempts, EXEMPT_CAP.max, EXEMPT_CAP.days * DAY_MS) : -Infinity;

const UNANSWERED = new Set(['no_answer', 'busy', 'failed', 'canceled', 'voicemail', 'no_conversation']);

function unansweredInARow(context: Context): number {
  const answered = context.attempts.findIndex((attempt) => !UNANSWERED.has(attempt.outcome));
  return answered === -1 ? context.attempts.length : answered;
}

/** The campaign's own limits, in the order in which they are told. */
function campaignCaps(context: Context, atMs: number): { freesAtMs: number; text: string }[] {
  const { campaign } = context.facts;
  const { attempts } = context;
  const caps: { freesAtMs: number; text: string }[] = [];
  const rolling = (max: number | null, days: number, window: string): void => {
    if (max !== null)
      caps.push({
        freesAtMs: capFreesAt(attempts, max, days * DAY_MS),
        text: `this person was tried ${times(max)} within ${window}, which is the limit`,
      });
  };

  const stop = campaign.stopAfterUnanswered;
  if (stop !== null && unansweredInARow(context) >= stop)
    caps.push({ freesAtMs: Infinity, text: `the last ${stop} tries went unanswered` });
  const [newest] = attempts;
  if (newest && campaign.minGapMinutes > 0)
    caps.push({
      freesAtMs: newest.atMs + campaign.minGapMinutes * MINUTE_MS,
      text: `the last try was less than ${minutes(campaign.minGapMinutes)} ago`,
    });
  const perDay = campaign.maxPerDay;
  if (perDay !== null)
    for (const { zone } of context.where.places) {
      const { day } = localTime(zone, atMs);
      const today = attempts.filter(
        (attempt) => attempt.atMs >= instantOf(zone, day, 0) && localTime(zone, attempt.atMs).day === day,
      );
      if (today.length >= perDay)
        caps.push({
          freesAtMs: perDay === 0 ? Infinity : instantOf(zone, day + 1, 0),
          text: `this person was tried ${times(perDay)} today, which is the limit`,
        });
    }
  rolling(campaign.maxPer24h, 1, '24 hours');
  rolling(campaign.maxPer7Days, 7, '7 days');
  rolling(campaign.maxPer30Days, 30, '30 days');
  return caps;
}

const times = (n: number): string => (n === 1 ? 'once' : n === 2 ? 'twice' : `${n} times`);
const minutes = (n: number): string =>
  n % 60 === 0 ? `${n / 60} hour${n === 60 ? '' : 's'}` : `${n} minutes`;

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

const listedHere = (context: Context, listed: readonly string[]): boolean =>
  context.number.e164 !== undefined && listed.includes(context.number.e164);

/** The first state whose own list is needed and missing, from the future or too old. */
function staleStateList(context: Context): StateRow | undefined {
  const { facts, nowMs } = context;
  return context.states.find(({ code }) => {
    if (!STATE_LISTS.has(code)) return false;
    const asOf = facts.dnc.state[code]?.asOf ?? null;
    if (asOf === null) return facts.policy.requireStateLists;
    return future(asOf, nowMs) || !fresh(asOf, nowMs);
  });
}

const listingState = (context: Context): StateRow | undefined =>
  context.states.find(({ code }) => listedHere(context, context.facts.dnc.state[code]?.listed ?? []));

const candidateIn = (context: Context, states: readonly string[]): StateRow | undefined => {
  if (states.length === 0) return undefined;
  const codes = new Set(
    states.map((text) => {
      const code = stateCode(text);
      if (code === undefined) throw new RangeError('a blocked or frozen state has no known name');
      return code;
    }),
  );
  return context.states.find((row) => codes.has(row.code));
};

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
  numberRule('phone_invalid', 'this is no number that can be called in the US'),
  numberRule('phone_toll_free', 'this is a toll-free number'),
  numberRule('phone_premium', 'this is a premium-rate number'),
  numberRule('phone_non_geographic', 'this area code belongs to no place'),
  numberRule('phone_not_us', 'this number is outside the United States'),
  numberRule('phone_fictional', 'this number is set aside for fiction'),
  {
    reason: 'internal_dnc',
    kind: 'bar',
    test: ({ facts }) =>
      facts.dnc.internal.some(
        (entry) =>
          entry.releasedAt === null && (entry.seller === null || sameSeller(entry.seller, facts.call.seller)),
      ),
    say: () => 'this person asked not to be called',
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
    say: ({ facts }) =>
      facts.dnc.national.asOf === null
        ? 'no copy of the national do-not-call registry is loaded'
        : 'the copy of the national do-not-call registry claims to be from the future',
  },
  {
    reason: 'national_dnc_stale',
    kind: 'bar',
    test: ({ facts, nowMs }) => {
      const { asOf } = facts.dnc.national;
      return asOf !== null && !future(asOf, nowMs) && !fresh(asOf, nowMs);
    },
    say: () => 'the copy of the national do-not-call registry is older than 31 days',
  },
  {
    reason: 'state_dnc_stale',
    kind: 'bar',
    test: (context) => staleStateList(context) !== undefined,
    say: (context) =>
      `the do-not-call list of ${staleStateList(context)?.name ?? 'the state'} is missing or older than 31 days`,
  },
  {
    reason: 'national_dnc_listed',
    kind: 'bar',
    test: (context) =>
      context.facts.call.purpose === 'marketing' &&
      listedHere(context, context.facts.dnc.national.listed) &&
      !lifted(context),
    say: () => 'this number is on the national do-not-call registry',
  },
  {
    reason: 'state_dnc_listed',
    kind: 'bar',
    test: (context) =>
      context.facts.call.purpose === 'marketing' && listingState(context) !== undefined && !lifted(context),
    say: (context) => `this number is on the do-not-call list of ${listingState(context)?.name ?? 'a state'}`,
  },
  consentRule('consent_missing', () => 'there is no consent on record'),
  consentRule('consent_seller_mismatch', () => 'the consent on record was given to another seller'),
  consentRule('consent_phone_mismatch', () => 'the consent on record names another number'),
  consentRule('consent_not_effective', () => 'the consent on record is dated in the future'),
  consentRule('consent_revoked', () => 'consent was revoked'),
  consentRule(
    'consent_insufficient',
    () => 'the consent on record is not written consent to marketing calls with an artificial voice',
  ),
  consentRule('consent_evidence_incomplete', () => 'the proof of consent is incomplete'),
  consentRule('consent_expired', () => 'consent has expired'),
  {
    reason: 'reassigned_check_missing',
    kind: 'bar',
    test: ({ facts }) => {
      const check = facts.dnc.reassigned;
      return check === null ? facts.policy.requireReassignedCheck : check.result === 'no_data';
    },
    say: () => 'nobody has checked whether the number was reassigned',
  },
  {
    reason: 'reassigned_check_stale',
    kind: 'bar',
    test: ({ facts, nowMs }) => {
      const check = facts.dnc.reassigned;
      return check?.result === 'no' && (future(check.checkedAt, nowMs) || !fresh(check.checkedAt, nowMs));
    },
    say: () => 'the check for a reassigned number is older than 31 days',
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
    test: ({ where, number }) => number.npa !== undefined && (where.unknown || where.places.length === 0),
    say: () => 'the time zone of this person cannot be told',
  },
  {
    reason: 'state_not_enabled',
    kind: 'bar',
    test: (context) => candidateIn(context, context.facts.campaign.blockedStates) !== undefined,
    say: (context) =>
      `calls with an AI voice to ${candidateIn(context, context.facts.campaign.blockedStates)?.name ?? 'this state'} are not cleared`,
  },
  {
    reason: 'state_emergency_freeze',
    kind: 'bar',
    test: (context) => candidateIn(context, context.facts.environment.emergencyStates) !== undefined,
    say: (context) =>
      `${candidateIn(context, context.facts.environment.emergencyStates)?.name ?? 'the state'} is under a declared emergency`,
  },
  {
    reason: 'state_holiday_barred',
    ...everywhere(
      (_context, place, local) => onBarredHoliday(place, local) !== undefined,
      () => undefined,
    ),
    say(context, atMs) {
      const { place, local } = firstPlace(
        context,
        atMs,
        (at, time) => onBarredHoliday(at, time) !== undefined,
      );
      return `${rowOf(place.state).name} bars these calls on ${onBarredHoliday(place, local) ?? 'holidays'}`;
    },
  },
  {
    reason: 'state_day_barred',
    ...everywhere(
      (_context, place, local) => onBarredDay(place, local),
      () => undefined,
    ),
    say(context, atMs) {
      const { place, local } = firstPlace(context, atMs, onBarredDay);
      return `${rowOf(place.state).name} bars these calls on ${WEEKDAY_NAME[local.weekday] ?? 'this day'}`;
    },
  },
  {
    reason: 'outside_federal_hours',
    ...everywhere(
      (_context, _place, local) => outsideFederal(local),
      (_context, _place, local) => upcoming(FEDERAL, local.minute),
    ),
    say(context, atMs) {
      const { place, local } = firstPlace(context, atMs, (_place, time) => outsideFederal(time));
      return `federal law allows calls ${span(FEDERAL)} and ${itIs(place, local)}`;
    },
  },
  {
    reason: 'outside_state_hours',
    ...everywhere(
      (_context, place, local) => outsideState(place, local),
      (_context, place, local) => upcoming(stateWindow(place, local).window, local.minute),
    ),
    say(context, atMs) {
      const { place, local } = firstPlace(context, atMs, outsideState);
      const { window, holiday } = stateWindow(place, local);
      const { name } = rowOf(place.state);
      const day = holiday ? ` on ${holiday}` : '';
      return `${name} allows these calls ${window ? span(window) : 'on other days'}${day} and ${itIs(place, local)}`;
    },
  },
  {
    reason: 'outside_campaign_hours',
    ...everywhere(
      (context, _place, local) => outsideCampaign(context, local),
      (context, _place, local) =>
        context.days.has(local.weekday) ? upcoming(context.hours, local.minute) : undefined,
    ),
    say(context, atMs) {
      const { place, local } = firstPlace(context, atMs, (_place, time) => outsideCampaign(context, time));
      if (!context.days.has(local.weekday))
        return `the campaign does not call on ${WEEKDAY_NAME[local.weekday] ?? 'this day'}`;
      return `the campaign calls ${context.hours ? span(context.hours) : 'at no time'} and ${itIs(place, local)}`;
    },
  },
  {
    reason: 'state_frequency_cap',
    kind: 'time',
    test: (context, atMs) => over(stateCapFreesAt(context)?.freesAtMs ?? -Infinity, atMs),
    opensAt: (context) => stateCapFreesAt(context)?.freesAtMs ?? -Infinity,
    say(context) {
      const row = stateCapFreesAt(context)?.row;
      if (!row?.cap) return `${row?.name ?? 'the state'} forbids another call to a person who hung up on one`;
      return `${row.name} allows ${times(row.cap.max)} in ${row.cap.hours} hours on one subject, and that is used up`;
    },
  },
  {
    reason: 'exempt_call_cap',
    kind: 'time',
    test: (context, atMs) => over(exemptCapFreesAt(context), atMs),
    opensAt: exemptCapFreesAt,
    say: () => 'without consent only 3 informational calls in 30 days are allowed, and those are used up',
  },
  {
    reason: 'campaign_frequency_cap',
    kind: 'time',
    test: (context, atMs) => campaignCaps(context, atMs).some((cap) => over(cap.freesAtMs, atMs)),
    opensAt: (context, atMs) =>
      campaignCaps(context, atMs).reduce((latest, cap) => Math.max(latest, cap.freesAtMs), -Infinity),
    say: (context, atMs) =>
      campaignCaps(context, atMs).find((cap) => over(cap.freesAtMs, atMs))?.text ??
      'this person was tried often enough',
  },
];

for (const [index, reason] of REASONS.slice(1).entries())
  if (RULES[index]?.reason !== reason) throw new RangeError(`the rule for ${reason} is missing or misplaced`);

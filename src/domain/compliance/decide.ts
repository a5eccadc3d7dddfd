/**
 * domain/compliance/decide: the gate. Facts in, an explained decision out, and for the one caller that is about to dial
 * a permit with it. Whatever goes wrong in here denies.
 */
import { fingerprint } from '../canonical.ts';
import { parsePhone } from '../phone.ts';
import { DEFAULT_CONSENT_YEARS, KENTUCKY_YEARS } from './consent.ts';
import type { CandidateZone, Decision, Reason } from './decision.ts';
import { Facts, type FactsInput } from './facts.ts';
import { HOLIDAY_SOURCE } from './holidays.ts';
import { NUMBER_SOURCE } from './number.ts';
import { type DialPermit, mintPermit } from './permit.ts';
import { clockName, PLACE_SOURCE } from './places.ts';
import { type Context, contextOf, EXEMPT_CAP, FEDERAL, FRESH_MS, RULES, type Rule } from './rules.ts';
import { STATE_LISTS, STATES } from './states.ts';
import { localTime, showLocal, showMinute } from './zone-clock.ts';

/** Changes with every change of a table. The engine's own revision counts up when the meaning of a rule changes. */
const ENGINE_REVISION = 1;
export const RULE_VERSION = `${ENGINE_REVISION}-${fingerprint({
  states: [...STATES.values()],
  stateLists: [...STATE_LISTS],
  holidays: HOLIDAY_SOURCE,
  places: PLACE_SOURCE,
  numbers: NUMBER_SOURCE,
  federal: FEDERAL,
  freshMs: FRESH_MS,
  exempt: EXEMPT_CAP,
  consentYears: [DEFAULT_CONSENT_YEARS, KENTUCKY_YEARS],
  order: RULES.map((rule) => rule.reason),
}).slice(0, 12)}`;

export type Verdict =
  | { readonly kind: 'allow'; readonly permit?: DialPermit; readonly decision: Decision }
  | { readonly kind: 'deny'; readonly decision: Decision };

/** What the dialler brings to get a permit. */
export interface Mint {
  readonly permitId: string;
  /** How long the permit lives, ms; at most MAX_PERMIT_MS. */
  readonly ttlMs: number;
  /** True once an attempt is reserved in the store: the caps are only true for somebody who holds a slot. */
  readonly reserved: boolean;
}

export const MAX_PERMIT_MS = 60_000;

const MINUTE_MS = 60_000;
const TIME_RULES = RULES.filter((rule) => rule.kind === 'time');
const SEARCH_MS = 60 * 86_400_000;
/** Each step of the search crosses at least one boundary of a day or window, so this is far more than it needs. */
const SEARCH_STEPS = 2_000;

/**
 * The gate's answer for one call at `nowMs` (ms since the epoch). Pure; never throws: facts it cannot read, a table that
 * is missing or any other surprise is a denial with `check_error`. A permit is minted only for an allow and only when
 * `mint` is given.
 */
export function decide(facts: FactsInput, nowMs: number, mint?: Mint): Verdict {
  try {
    return judge(facts, nowMs, mint);
  } catch (error) {
    return { kind: 'deny', decision: checkError(nowMs, messageOf(error), hashOrNothing(facts)) };
  }
}

const messageOf = (error: unknown): string =>
  error instanceof RangeError || error instanceof TypeError ? error.message : 'the facts could not be read';

function hashOrNothing(facts: unknown): string {
  try {
    return fingerprint(facts);
  } catch {
    return '';
  }
}

/** The decision for a check that could not be made; `why` is half a sentence and may be shown to people. */
export function checkError(nowMs: number, why: string, inputsHash = ''): Decision {
  return {
    verdict: 'deny',
    reason: 'check_error',
    reasons: ['check_error'],
    nextAllowedAt: null,
    explanation: `Blocked: the check could not be made (${why}), and doubt denies.`,
    decidedAt: new Date(Number.isFinite(nowMs) ? nowMs : 0),
    ruleVersion: RULE_VERSION,
    inputsHash,
    zones: [],
  };
}

/** What the rules say, without the record of it. */
export interface Assessment {
  /** In the order of the decision table; empty means the call may be made. */
  readonly reasons: readonly Reason[];
  /** As in Decision. */
  readonly nextAllowedAt: Date | null;
}

/**
 * The rules alone, for forecasts over many leads: no fingerprint, no sentence, and no way to a permit. Takes facts that
 * `Facts` has parsed. Throws RangeError where `decide` denies with `check_error`.
 */
export function assess(facts: Facts, nowMs: number): Assessment {
  const { failing, nextMs } = weigh(contextOf(facts, nowMs));
  return {
    reasons: failing.map((rule) => rule.reason),
    nextAllowedAt: nextMs === undefined ? null : new Date(nextMs),
  };
}

function weigh(context: Context): { failing: readonly Rule[]; nextMs: number | undefined } {
  const { nowMs, where, consent, number } = context;
  if (!Number.isSafeInteger(nowMs)) throw new RangeError('the clock gives no instant');
  const failing = RULES.filter((rule) => rule.test(context, nowMs));
  // Whatever the rules say: no allow without a number, a place and a ground for the call.
  if (failing.length === 0) {
    const grounded = consent.grant !== undefined || consent.exempt;
    if (number.npa === undefined || where.places.length === 0 || !grounded)
      throw new RangeError('no rule failed and yet nothing carries the call');
    return { failing, nextMs: undefined };
  }
  const onlyTime = failing.every((rule) => rule.kind === 'time');
  return { failing, nextMs: onlyTime ? nextAllowed(context) : undefined };
}

function judge(input: FactsInput, nowMs: number, mint: Mint | undefined): Verdict {
  const parsed = Facts.safeParse(input);
  if (!parsed.success) throw new TypeError('the facts are incomplete');
  const facts = parsed.data;
  const context = contextOf(facts, nowMs);
  const { failing, nextMs } = weigh(context);
  const record = {
    decidedAt: new Date(nowMs),
    ruleVersion: RULE_VERSION,
    inputsHash: fingerprint(facts),
    zones: zonesOf(context),
  };

  const [first] = failing;
  if (first) {
    return {
      kind: 'deny',
      decision: {
        verdict: 'deny',
        reason: first.reason,
        reasons: failing.map((rule): Reason => rule.reason),
        nextAllowedAt: nextMs === undefined ? null : new Date(nextMs),
        explanation: blocked(context, first, nextMs),
        ...record,
      },
    };
  }

  const decision: Decision = {
    verdict: 'allow',
    reason: 'ok',
    reasons: [],
    nextAllowedAt: null,
    explanation: allowed(context),
    ...record,
  };
  if (!mint) return { kind: 'allow', decision };
  if (!mint.reserved) throw new RangeError('no attempt is reserved');
  if (!(mint.ttlMs > 0 && mint.ttlMs <= MAX_PERMIT_MS))
    throw new RangeError('a permit lives at most a minute');
  const to = parsePhone(facts.lead.phone);
  if (to === undefined || to !== context.number.e164)
    throw new RangeError('the number cannot be read twice alike');
  return {
    kind: 'allow',
    permit: mintPermit(mint.permitId, to, nowMs + mint.ttlMs),
    decision: { ...decision, permitId: mint.permitId },
  };
}

const zonesOf = (context: Context): readonly CandidateZone[] =>
  context.where.places.map(({ state, zone }) => ({
    zone,
    state,
    localTime: showLocal(zone, context.nowMs),
  }));

/**
 * The first whole minute from now on at which every time rule passes, all other facts unchanged; undefined when there is
 * none within 60 days or when the holiday tables end. Jumps from boundary to boundary: no rule can open earlier than the
 * latest instant that the failing ones name.
 */
function nextAllowed(context: Context): number | undefined {
  const { nowMs } = context;
  let atMs = Math.ceil(nowMs / MINUTE_MS) * MINUTE_MS;
  try {
    for (let step = 0; step < SEARCH_STEPS && atMs <= nowMs + SEARCH_MS; step += 1) {
      let opensMs = -Infinity;
      for (const rule of TIME_RULES)
        if (rule.test(context, atMs)) opensMs = Math.max(opensMs, rule.opensAt?.(context, atMs) ?? Infinity);
      if (opensMs === -Infinity) return atMs;
      if (opensMs === Infinity) return undefined;
      atMs = Math.max(atMs + MINUTE_MS, Math.ceil(opensMs / MINUTE_MS) * MINUTE_MS);
    }
  } catch {
    return undefined;
  }
  return undefined;
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** "Mon 23 Nov 8:00 am Central time", on the clock of the first place. */
function when(context: Context, atMs: number): string {
  const zone = context.where.places[0]?.zone;
  if (zone === undefined) return new Date(atMs).toISOString();
  const { day, minute, weekday } = localTime(zone, atMs);
  const date = new Date(day * 86_400_000);
  const month = MONTHS[date.getUTCMonth()];
  return `${WEEKDAYS[weekday]} ${date.getUTCDate()} ${month} ${showMinute(minute)} ${clockName(zone)} time`;
}

function blocked(context: Context, rule: Rule, nextMs: number | undefined): string {
  const cause = rule.say(context, context.nowMs);
  return nextMs === undefined ? `Blocked: ${cause}.` : `Blocked until ${when(context, nextMs)}: ${cause}.`;
}

function allowed(context: Context): string {
  const { grant } = context.consent;
  const ground = grant
    ? `${grant.level} consent of ${grant.at.toISOString().slice(0, 10)} covers this number`
    : 'the law lets this informational call to a landline pass without consent';
  const clocks = context.where.places.map(
    ({ zone }) => `${showMinute(localTime(zone, context.nowMs).minute)} ${clockName(zone)} time`,
  );
  return `Allowed: ${ground} and it is ${[...new Set(clocks)].join(' and ')}${unchecked(context)}.`;
}

/** The lists that were left out because none is set up: said with every allow that went without them. */
function unchecked({ facts, states }: Context): string {
  const out: string[] = [];
  if (facts.dnc.national.asOf === null) out.push('the national registry');
  for (const { code, name } of states)
    if (STATE_LISTS.has(code) && !facts.dnc.state[code]?.asOf) out.push(`the list of ${name}`);
  if (facts.dnc.reassigned === null) out.push('the reassigned numbers');
  return out.length === 0 ? '' : `; not checked, because not set up: ${out.join(', ')}`;
}

/**
 * domain/compliance/decide: the gate of calls and texts. Facts in, an explained decision out, and for the one caller that is
 * about to dial or to text a permit with it. Whatever goes wrong in here denies.
 */
import { fingerprint } from '../canonical.ts';
import { type E164, parsePhone } from '../phone.ts';
import { DEFAULT_CONSENT_YEARS, KENTUCKY_YEARS } from './consent.ts';
import type { CandidateZone, Decision, Reason } from './decision.ts';
import { type Facts, type FactsInput, readFacts } from './facts.ts';
import { hashFacts } from './facts-hash.ts';
import { HOLIDAY_SOURCE } from './holidays.ts';
import { MACHINE_SOURCE } from './machine.ts';
import { NUMBER_SOURCE } from './number.ts';
import { type DialPermit, type MessagePermit, mintMessagePermit, mintPermit } from './permit.ts';
import { clockName, PLACE_SOURCE } from './places.ts';
import { type Context, contextOf, EXEMPT_CAP, FEDERAL, FRESH_MS, RULES, type Rule } from './rules.ts';
import { STATE_LISTS, STATES } from './states.ts';
import { allowedUntil, type NextOpening, nextOpening } from './windows.ts';
import { localTime, showDate, showDay, showLocal, showMinute } from './zone-clock.ts';

/** Changes with every change of a table. The engine's own revision counts up when the meaning of a rule changes. */
const ENGINE_REVISION = 3;
export const RULE_VERSION = `${ENGINE_REVISION}-${fingerprint({
  states: [...STATES.values()],
  stateLists: [...STATE_LISTS],
  holidays: HOLIDAY_SOURCE,
  places: PLACE_SOURCE,
  numbers: NUMBER_SOURCE,
  machine: MACHINE_SOURCE,
  federal: FEDERAL,
  freshMs: FRESH_MS,
  exempt: EXEMPT_CAP,
  consentYears: [DEFAULT_CONSENT_YEARS, KENTUCKY_YEARS],
  order: RULES.map((rule) => rule.reason),
}).slice(0, 12)}`;

export type VerdictWith<P> =
  | { readonly kind: 'allow'; readonly permit?: P; readonly decision: Decision }
  | { readonly kind: 'deny'; readonly decision: Decision };
export type Verdict =
  | { readonly kind: 'allow'; readonly permit?: DialPermit; readonly decision: Decision }
  | { readonly kind: 'deny'; readonly decision: Decision };

/** What whoever dials or sends brings to get a permit. */
export interface Mint {
  readonly permitId: string;
  /** How long the permit lives at most, ms, up to MAX_PERMIT_MS; it ends earlier where the allow would. */
  readonly ttlMs: number;
  /** True once an attempt is reserved in the store: the caps are only true for somebody who holds a slot. */
  readonly reserved: boolean;
}

export const MAX_PERMIT_MS = 60_000;

type Channel = NonNullable<Facts['call']['channel']>;
type MintPermit<P> = (permitId: string, to: E164, expiresAtMs: number) => P;

/**
 * The gate's answer for one call at `nowMs` (ms since the epoch). Pure; never throws: facts it cannot read, a table that
 * is missing or any other surprise is a denial with `check_error`. A permit is minted only for an allow and only when
 * `mint` is given.
 */
export const decide = (facts: FactsInput, nowMs: number, mint?: Mint): Verdict =>
  answer('voice', mintPermit, facts, nowMs, mint);

/** The same for one text: its facts name it one, and its permit sends no e-mail and dials nobody. */
export const decideText = (facts: FactsInput, nowMs: number, mint?: Mint): VerdictWith<MessagePermit> =>
  answer(
    'text',
    (permitId, to, expiresAtMs) => mintMessagePermit(permitId, 'sms', to, expiresAtMs),
    facts,
    nowMs,
    mint,
  );

function answer<P>(
  channel: Channel,
  mintIt: MintPermit<P>,
  facts: FactsInput,
  nowMs: number,
  mint: Mint | undefined,
): VerdictWith<P> {
  let read: Facts | undefined;
  try {
    read = readFacts(facts);
    if (read.call.channel !== channel) throw new RangeError(`these are not the facts of a ${NAME[channel]}`);
    return judge(read, nowMs, mintIt, mint);
  } catch (error) {
    return { kind: 'deny', decision: checkError(nowMs, messageOf(error), read) };
  }
}

const NAME: Readonly<Record<Channel, string>> = { voice: 'call', text: 'text' };

const messageOf = (error: unknown): string =>
  error instanceof RangeError || error instanceof TypeError ? error.message : 'the facts could not be read';

/**
 * The decision for a check that could not be made; `why` is half a sentence and may be shown to people. `facts`: what it
 * would have been made from, as far as they could be read.
 */
export function checkError(nowMs: number, why: string, facts?: Facts): Decision {
  return {
    verdict: 'deny',
    reason: 'check_error',
    reasons: ['check_error'],
    nextAllowedAt: null,
    explanation: `Blocked: the check could not be made (${why}), and doubt denies.`,
    decidedAt: new Date(Number.isFinite(nowMs) ? nowMs : 0),
    ruleVersion: versionOf(facts),
    inputsHash: facts === undefined ? '' : hashFacts(facts),
    zones: [],
  };
}

/** The rules and, where it is known, the time zone data that a decision was made by. */
const versionOf = (facts: Facts | undefined): string =>
  typeof facts?.environment.tzdata === 'string'
    ? `${RULE_VERSION}+tz${facts.environment.tzdata}`
    : RULE_VERSION;

/** What the rules say, without the record of it. */
export interface Assessment {
  /** In the order of the decision table; empty means the call may be made. */
  readonly reasons: readonly Reason[];
  /** As in Decision. */
  readonly nextAllowedAt: Date | null;
}

/**
 * The rules alone, for forecasts over many leads: no fingerprint, no sentence, and no way to a permit. Takes facts that
 * `readFacts` has read. Throws RangeError where `decide` denies with `check_error`.
 */
export function assess(facts: Facts, nowMs: number): Assessment {
  const { failing, next } = weigh(contextOf(facts, nowMs));
  return {
    reasons: failing.map((rule) => rule.reason),
    nextAllowedAt: next === undefined ? null : new Date(next.atMs),
  };
}

function weigh(context: Context): { failing: readonly Rule[]; next: NextOpening | undefined } {
  const { nowMs, where, consent, number } = context;
  const failing = RULES.filter((rule) => rule.test(context, nowMs));
  // Whatever the rules say: no allow without a number, a place and a ground for the call.
  if (failing.length === 0) {
    const grounded = consent.grant !== undefined || consent.exempt;
    if (number.npa === undefined || where.places.length === 0 || !grounded)
      throw new RangeError('no rule failed and yet nothing carries the call');
    return { failing, next: undefined };
  }
  const onlyTime = failing.every((rule) => rule.kind === 'time');
  return { failing, next: onlyTime ? nextOpening(context) : undefined };
}

function judge<P>(
  facts: Facts,
  nowMs: number,
  mintIt: MintPermit<P>,
  mint: Mint | undefined,
): VerdictWith<P> {
  const context = contextOf(facts, nowMs);
  const { failing, next } = weigh(context);
  const [first] = failing;
  const decision: Decision = {
    verdict: first ? 'deny' : 'allow',
    reason: first ? first.reason : 'ok',
    reasons: failing.map((rule): Reason => rule.reason),
    nextAllowedAt: next === undefined ? null : new Date(next.atMs),
    explanation: first ? blocked(context, first, next) : allowed(context),
    decidedAt: new Date(nowMs),
    ruleVersion: versionOf(facts),
    inputsHash: hashFacts(facts),
    zones: zonesOf(context),
  };
  if (first) return { kind: 'deny', decision };
  return mint ? permitted(context, decision, mintIt, mint) : { kind: 'allow', decision };
}

/** An allow with its key. Throws RangeError where there is the least doubt about who may be reached. */
function permitted<P>(
  context: Context,
  decision: Decision,
  mintIt: MintPermit<P>,
  mint: Mint,
): VerdictWith<P> {
  const { facts, nowMs, number } = context;
  if (!mint.reserved) throw new RangeError('no attempt is reserved');
  if (!(mint.ttlMs > 0 && mint.ttlMs <= MAX_PERMIT_MS))
    throw new RangeError('a permit lives at most a minute');
  const to = parsePhone(facts.lead.phone);
  if (to === undefined || to !== number.e164) throw new RangeError('the number cannot be read twice alike');
  return {
    kind: 'allow',
    permit: mintIt(mint.permitId, to, Math.min(nowMs + mint.ttlMs, allowedUntil(context))),
    decision: { ...decision, permitId: mint.permitId },
  };
}

const zonesOf = ({ where, nowMs }: Context): readonly CandidateZone[] =>
  where.places.map(({ state, zone }) => ({ zone, state, localTime: showLocal(zone, nowMs) }));

// ── The sentence ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** A sentence that names more is not read to its end. */
const MOST_BESIDES = 2;

/** The first rule that is broken; with a time to wait for, also what else is waited for before it comes. */
function blocked(context: Context, first: Rule, next: NextOpening | undefined): string {
  const { nowMs } = context;
  const isText = context.facts.call.channel === 'text';
  const cause = first.say(context, nowMs);
  const shown = first.show?.(context, nowMs);
  const clock = shown === undefined ? cause : `${cause}, and ${shown}`;
  const sentence = isText && first.kind === 'time' ? `${clock} (texts count as calls do)` : clock;
  if (next === undefined) return `Blocked: ${sentence}.`;
  const besides: string[] = [];
  for (const { rule, atMs } of next.obstacles) {
    // That nobody is called at night needs no mention.
    if (besides.length === MOST_BESIDES || rule.reason === 'outside_federal_hours') continue;
    const other = rule.say(context, atMs);
    if (other !== cause && !besides.includes(other)) besides.push(other);
  }
  const rest = besides.length === 0 ? '' : `; besides, ${besides.join(', and ')}`;
  return `Blocked until ${when(context, next.atMs)}: ${sentence}${rest}.`;
}

/** "Mon 23 Nov 8:00 am Central time", on the clock of the first place. */
function when(context: Context, atMs: number): string {
  const zone = context.where.places[0]?.zone;
  if (zone === undefined) return new Date(atMs).toISOString();
  const { day, minute } = localTime(zone, atMs);
  return `${showDay(day)} ${showMinute(minute)} ${clockName(zone)} time`;
}

function allowed(context: Context): string {
  const { facts, consent } = context;
  const { grant } = consent;
  const ground = grant
    ? `${grant.level === 'oral' ? 'spoken' : 'written'} consent of ${showDate(grant.at)} covers ${facts.call.channel === 'text' ? 'texts to ' : ''}this number`
    : 'the law lets this informational call to a landline pass without consent';
  const clocks: string[] = [];
  for (const { zone } of context.where.places) {
    const clock = `${showMinute(localTime(zone, context.nowMs).minute)} ${clockName(zone)} time`;
    if (!clocks.includes(clock)) clocks.push(clock);
  }
  return `Allowed: ${ground}, and it is ${listed(clocks)}${unchecked(context)}.`;
}

/** "a", "a and b", "a, b and c". */
const listed = (items: readonly string[]): string =>
  items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;

/** The lists that were left out because none is set up: said with every allow that went without them. */
function unchecked({ facts, states }: Context): string {
  const out: string[] = [];
  if (facts.dnc.national.asOf === null) out.push('the national do-not-call registry');
  for (const { code, name } of states)
    if (STATE_LISTS.has(code) && !facts.dnc.state.get(code)?.asOf) out.push(`the list of ${name}`);
  if (facts.dnc.reassigned === null) out.push('the reassigned numbers');
  return out.length === 0 ? '' : `; not checked, because not set up: ${listed(out)}`;
}

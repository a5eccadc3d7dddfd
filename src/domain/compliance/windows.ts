/**
 * domain/compliance/windows: when the gate is open. All answers come by jumping from one boundary to the next (an hour
 * that begins or ends, a midnight, a cap that is free again, a list that grows too old); nothing is tried minute by minute.
 */
import { endMs } from './consent.ts';
import { type Facts, type FactsInput, readFacts } from './facts.ts';
import { tzdataEndsMs } from './machine.ts';
import { type Context, contextOf, FRESH_MS, hoursEndMs, RULES, type Rule } from './rules.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

const TIME_RULES = RULES.filter((rule) => rule.kind === 'time');
const BARS = RULES.filter((rule) => rule.kind === 'bar');

const SEARCH_MS = 60 * DAY_MS;
/** Each step crosses at least one boundary of a day or window, so this is far more than 60 days need. */
const SEARCH_STEPS = 2_000;

const wholeMinute = (atMs: number): number => Math.ceil(atMs / MINUTE_MS) * MINUTE_MS;

/**
 * The rule of time that holds longest at an instant, and the earliest instant at which all may pass (no rule can open
 * earlier than the latest that they name); undefined when all pass now. Throws RangeError where a table ends.
 */
function longest(context: Context, atMs: number): { rule: Rule; opensMs: number } | undefined {
  let last: Rule | undefined;
  let opensMs = atMs;
  for (const rule of TIME_RULES) {
    const ofRule = rule.opensAt?.(context, atMs) ?? Infinity;
    if (ofRule <= opensMs) continue;
    opensMs = ofRule;
    last = rule;
  }
  return last && { rule: last, opensMs };
}

/** A rule, and an instant before the gate opens at which it is the one to wait for. */
export interface Obstacle {
  readonly rule: Rule;
  readonly atMs: number;
}

export interface NextOpening {
  readonly atMs: number;
  /** What is waited for, in order; the first few. */
  readonly obstacles: readonly Obstacle[];
}

const MOST_OBSTACLES = 6;

/**
 * The first whole minute from now on at which every rule of time passes, all other facts unchanged; undefined when there is
 * none within 60 days or when the tables end before it.
 */
export function nextOpening(context: Context): NextOpening | undefined {
  const { nowMs } = context;
  const obstacles: Obstacle[] = [];
  let atMs = wholeMinute(nowMs);
  try {
    for (let step = 0; step < SEARCH_STEPS && atMs <= nowMs + SEARCH_MS; step += 1) {
      const wait = longest(context, atMs);
      if (!wait) return { atMs, obstacles };
      if (wait.opensMs === Infinity) return undefined;
      if (obstacles.length < MOST_OBSTACLES) obstacles.push({ rule: wait.rule, atMs });
      atMs = Math.max(atMs + MINUTE_MS, wholeMinute(wait.opensMs));
    }
  } catch {
    return undefined;
  }
  return undefined;
}

/**
 * Until when an allow of now is sure to hold, ms since the epoch, exclusive: then the hours end in one of the places, or a
 * fact begins or grows too old. Asked only where the gate allows.
 */
export function allowedUntil(context: Context): number {
  const { facts, nowMs } = context;
  return turningPoints(facts).reduce(
    (until, atMs) => (atMs > nowMs ? Math.min(until, atMs) : until),
    hoursEndMs(context, nowMs),
  );
}

/** A stretch of time, from inclusive, to exclusive; ms since the epoch. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

const LONGEST_RANGE_MS = 92 * DAY_MS;

/**
 * Every stretch between two instants in which `decide` would allow on the same facts, in order: all rules count, and facts
 * grow old in the meantime. A stretch begins on a whole minute, or with the range. Facts that cannot be read have none.
 * Throws RangeError for a range that is not one of at most 92 days.
 */
export function windows(facts: FactsInput, fromMs: number, toMs: number): readonly Stretch[] {
  if (!Number.isSafeInteger(fromMs) || !(toMs >= fromMs && toMs - fromMs <= LONGEST_RANGE_MS))
    throw new RangeError('windows are told for a range of at most 92 days');
  let read: Facts;
  try {
    read = readFacts(facts);
  } catch {
    return [];
  }
  const turns = turningPoints(read).filter((atMs) => atMs > fromMs && atMs < toMs);
  const starts = [...new Set([fromMs, ...turns])].sort((a, b) => a - b);
  const found: Stretch[] = [];
  for (const [index, startMs] of starts.entries()) {
    const spanEndMs = starts[index + 1] ?? toMs;
    const context = unbarred(read, startMs);
    if (context) addOpen(found, context, startMs, spanEndMs, startMs === fromMs);
  }
  return found;
}

/** The facts at an instant, when nothing but time can bar the call then. */
function unbarred(facts: Facts, atMs: number): Context | undefined {
  try {
    const context = contextOf(facts, atMs);
    return BARS.some((rule) => rule.test(context, atMs)) ? undefined : context;
  } catch {
    return undefined;
  }
}

/** Adds what is open between two instants between which only rules of time change. */
function addOpen(found: Stretch[], context: Context, startMs: number, endMs: number, isFirst: boolean): void {
  let atMs = startMs;
  while (atMs < endMs) {
    const opensMs = shutUntil(context, atMs);
    if (opensMs > atMs) {
      atMs = Math.max(atMs + 1, wholeMinute(opensMs));
      continue;
    }
    const last = found.at(-1);
    const closesMs = Math.min(endMs, hoursEndMs(context, atMs));
    const onMinute = isFirst && atMs === startMs ? atMs : wholeMinute(atMs);
    if (last?.toMs === atMs) found[found.length - 1] = { fromMs: last.fromMs, toMs: closesMs };
    else if (onMinute < closesMs) found.push({ fromMs: onMinute, toMs: closesMs });
    atMs = Math.max(atMs + 1, closesMs);
  }
}

/** No rule of time lets a call pass before this; where a table ends, an hour later is soon enough to look again. */
function shutUntil(context: Context, atMs: number): number {
  try {
    return longest(context, atMs)?.opensMs ?? atMs;
  } catch {
    return atMs + HOUR_MS;
  }
}

/** The instants at which a bar may come or go by itself: facts become true, or too old. */
function turningPoints({ lead, dnc, environment }: Facts): number[] {
  const turns: number[] = [];
  const copies = [dnc.national.asOf, dnc.reassigned?.checkedAt];
  for (const { asOf } of dnc.state.values()) copies.push(asOf);
  for (const asOf of copies) if (asOf) turns.push(asOf.getTime(), asOf.getTime() + FRESH_MS + 1);
  for (const event of lead.consent)
    if (event.event === 'grant') turns.push(event.at.getTime(), endMs(event, false), endMs(event, true));
  for (const { releasedAt } of dnc.internal) if (releasedAt) turns.push(releasedAt.getTime());
  const tzdataEnds = environment.tzdata === null ? undefined : tzdataEndsMs(environment.tzdata);
  if (tzdataEnds !== undefined) turns.push(tzdataEnds + 1);
  return turns;
}

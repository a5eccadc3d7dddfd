/**
 * domain/forecast: what the pace of a campaign makes of the leads that the gate lets it call. People go through the
 * workflow as the engine takes them, by the same functions, but as expected numbers: of ten calls, six may reach nobody and
 * are made again later. Time goes in slots that are short where the work is short; where nothing can be called it is
 * jumped over.
 */
import { DateTime } from 'luxon';
import { type Call, type CallStatus, isOver } from './call.ts';
import {
  afterCall,
  type CallEnd,
  onward,
  type Position,
  type Schedule,
  stepOf,
  type Workflow,
} from './campaign.ts';
import { nextDayMs, nextOpening } from './campaign-hours.ts';
import type { Stretch } from './compliance/windows.ts';
import { instantOf, localTime } from './compliance/zone-clock.ts';
import type { Stamped } from './documents.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

// ── What calls come to ───────────────────────────────────────────────────────────────────────────────────────────────

/** One way in which calls end: how many of them do, how long they hold a line, and what they cost, US dollars. */
export interface EndShare {
  /** 0..1; all together are 1. */
  readonly share: number;
  readonly end: CallEnd;
  readonly lineSec: number;
  readonly cost: number;
  readonly reached: boolean;
}

const talked = (outcome: NonNullable<CallEnd['outcome']>): CallEnd => ({
  outcome,
  status: 'completed',
  wasDialled: true,
});
const missed = (status: CallStatus): CallEnd => ({ outcome: 'no_conversation', status, wasDialled: true });

/** Of calls to people who asked to be called; stated with every forecast that rests on them. */
const ASSUMED: readonly { readonly share: number; readonly end: CallEnd; readonly talkSec: number }[] = [
  { share: 0.2, end: talked('not_interested'), talkSec: 90 },
  { share: 0.08, end: talked('qualified'), talkSec: 240 },
  { share: 0.07, end: talked('hung_up'), talkSec: 25 },
  { share: 0.3, end: talked('voicemail'), talkSec: 35 },
  { share: 0.3, end: missed('no_answer'), talkSec: 0 },
  { share: 0.05, end: missed('busy'), talkSec: 0 },
];
const RING_SEC = 12;
const BUSY_SEC = 5;
/** Fewer calls tell nothing. */
const ENOUGH_CALLS = 30;

const REACHED: ReadonlySet<string> = new Set([
  'qualified',
  'transferred',
  'not_interested',
  'callback',
  'wrong_number',
  'opted_out',
]);

const secondsOf = (call: Call): number =>
  call.endedAt && call.dialedAt ? Math.max(0, call.endedAt.getTime() - call.dialedAt.getTime()) / 1_000 : 0;

/**
 * How dialled calls ended, kind by kind; undefined when they are too few to tell. Calls that have no cost of their own cost
 * nothing: nobody answered them.
 */
export function measure(calls: readonly Call[]): readonly EndShare[] | undefined {
  const over = calls.filter(
    (call) => isOver(call) && call.dialedAt !== undefined && call.direction === 'outbound',
  );
  if (over.length < ENOUGH_CALLS) return undefined;
  const kinds = new Map<string, Call[]>();
  for (const call of over) {
    const kind = `${call.outcome ?? ''}/${call.status}`;
    const alike = kinds.get(kind);
    if (alike) alike.push(call);
    else kinds.set(kind, [call]);
  }
  const mean = (of: readonly Call[], value: (call: Call) => number): number =>
    of.reduce((sum, call) => sum + value(call), 0) / of.length;
  return [...kinds.values()].flatMap((alike) => {
    const [{ outcome, status } = { status: 'completed' as const, outcome: undefined }] = alike;
    return {
      share: alike.length / over.length,
      end: { status, wasDialled: true, ...(outcome === undefined ? {} : { outcome }) },
      lineSec: Math.max(1, mean(alike, secondsOf)),
      cost: mean(alike, ({ cost }) => cost?.totalCost ?? 0),
      reached: outcome !== undefined && REACHED.has(outcome),
    };
  });
}

/** What is taken for granted where nothing was measured. `costOf`: of a call that is talked on for so long. */
export const assumed = (ringTimeoutSec: number, costOf: (talkSec: number) => number): readonly EndShare[] =>
  ASSUMED.map(({ share, end, talkSec }) => ({
    share,
    end,
    lineSec:
      end.status === 'no_answer' ? ringTimeoutSec : end.status === 'busy' ? BUSY_SEC : RING_SEC + talkSec,
    cost: talkSec === 0 ? 0 : costOf(talkSec),
    reached: end.outcome !== undefined && REACHED.has(end.outcome),
  }));

// ── When ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Every stretch between two instants in which a schedule lets a campaign work, in order. */
export function openBySchedule(schedule: Schedule | undefined, fromMs: number, toMs: number): Stretch[] {
  const endMs = Math.min(toMs, schedule?.endDate?.getTime() ?? toMs);
  const found: Stretch[] = [];
  let atMs = fromMs;
  while (atMs < endMs) {
    const openMs = nextOpening(schedule, atMs);
    if (openMs === undefined || openMs >= endMs) break;
    const closesMs = Math.min(endMs, closing(schedule, openMs));
    if (closesMs > openMs) found.push({ fromMs: openMs, toMs: closesMs });
    atMs = Math.max(closesMs, openMs + MINUTE_MS);
  }
  return found;
}

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

/** When the hours end in which `atMs` lies. */
function closing(schedule: Schedule | undefined, atMs: number): number {
  const hours = schedule?.callingHours;
  if (!hours) return Infinity;
  const { day, weekday } = localTime(hours.timezone, atMs);
  const end = hours[WEEKDAYS[weekday] ?? 'sunday']?.end ?? '24:00';
  return instantOf(hours.timezone, day, Number(end.slice(0, 2)) * 60 + Number(end.slice(3, 5)));
}

/** What lies in both, of stretches in order. */
export function intersection(a: readonly Stretch[], b: readonly Stretch[]): Stretch[] {
  const both: Stretch[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const one = a[i];
    const other = b[j];
    if (!one || !other) return both;
    const fromMs = Math.max(one.fromMs, other.fromMs);
    const toMs = Math.min(one.toMs, other.toMs);
    if (fromMs < toMs) both.push({ fromMs, toMs });
    if (one.toMs < other.toMs) i += 1;
    else j += 1;
  }
}

const WEEK_MS = 7 * DAY_MS;

/** Stretches known for some weeks, gone on with as in the last of these weeks, up to `toMs`. */
export function repeated(known: readonly Stretch[], knownToMs: number, toMs: number): Stretch[] {
  const lastWeek = known.filter(({ toMs: endMs }) => endMs > knownToMs - WEEK_MS);
  const all = [...known];
  for (let shiftMs = WEEK_MS; knownToMs - WEEK_MS + shiftMs < toMs; shiftMs += WEEK_MS)
    for (const { fromMs, toMs: endMs } of lastWeek) {
      const from = Math.max(fromMs, knownToMs - WEEK_MS) + shiftMs;
      const end = Math.min(endMs + shiftMs, toMs);
      const before = all.at(-1);
      if (before && before.toMs >= from)
        all[all.length - 1] = { fromMs: before.fromMs, toMs: Math.max(before.toMs, end) };
      else if (from < end) all.push({ fromMs: from, toMs: end });
    }
  return all;
}

// ── The pace ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** People who stand at the same place of the workflow, may be called at the same hours and from the same moment on. */
export interface Cohort {
  /** Index into `groups`. */
  readonly group: number;
  readonly at: Position;
  readonly fromMs: number;
  readonly people: number;
}

export interface Pace {
  /** Calls at a time, and how many begin in a second. */
  readonly lines: number;
  readonly callsPerSecond: number;
  readonly maxCallsPerDay?: number;
  /** People called for the first time. */
  readonly maxLeadsPerDay?: number;
  readonly usedToday: { readonly calls: number; readonly leads: number };
  /** US dollars. */
  readonly budgetLeft?: number;
}

export interface SimulationInput {
  readonly nowMs: number;
  /** Nothing is looked at behind this. */
  readonly untilMs: number;
  readonly workflow: Workflow;
  readonly schedule?: Schedule;
  /** When people of each group may be called, by the gate and the schedule, in order. */
  readonly groups: readonly (readonly Stretch[])[];
  readonly cohorts: readonly Cohort[];
  readonly ends: readonly EndShare[];
  readonly pace: Pace;
  /** When a person of this group who was tried at these moments may be tried again, from `wantedMs` on; undefined: never. */
  readonly spacing: (group: number, triesMs: readonly number[], wantedMs: number) => number | undefined;
}

export type Limit = 'lines' | 'calls_per_second' | 'calls_per_day' | 'leads_per_day' | 'hours' | 'nothing';

export interface Simulated {
  /** Expected; so many are made and reached by the end of each hour in which anything happens. */
  readonly curve: readonly { readonly atMs: number; readonly calls: number; readonly reached: number }[];
  readonly calls: number;
  readonly cost: number;
  /** When the last expected call is over. Absent when it never is. */
  readonly finishMs?: number;
  readonly stopsBy?: 'end_date' | 'budget' | 'no_hours';
  readonly limitedBy: Limit;
}

interface Waiting {
  readonly group: number;
  readonly at: Position;
  readonly triesMs: readonly number[];
  readyMs: number;
  people: number;
}

const SHORTEST_SLOT_MS = 5_000;
/** As many slots as the calls themselves take, about; a short campaign is told exactly, a long one by the hour. */
const SLOTS = 300;
const MOST_SLOTS = 20_000;
/** Less than this of a person is nobody. */
const NOBODY = 0.01;
/** Nothing that matters for an hour's figures differs within it. */
const ALIKE_MS = 5 * MINUTE_MS;
const MOST_POINTS = 1_000;

/** Answers, at each step, what share of the people is done with, for whoever lets others work in between. */
export function* simulate(input: SimulationInput): Generator<number, Simulated> {
  const { nowMs, untilMs, workflow, groups, ends, pace } = input;
  const meanLineSec = ends.reduce((sum, { share, lineSec }) => sum + share * lineSec, 0);
  const meanCost = ends.reduce((sum, { share, cost }) => sum + share * cost, 0);
  const reachedShare = ends.reduce((sum, { share, reached }) => sum + (reached ? share : 0), 0);
  const byLines = pace.lines / Math.max(1, meanLineSec);
  const perSecond = Math.min(byLines, pace.callsPerSecond);
  const everybody = input.cohorts.reduce((sum, { people }) => sum + people, 0);
  const tries = 1 + (workflow.initialContact.maxAttempts - 1) * (1 - reachedShare);
  const slotMs = Math.min(
    HOUR_MS,
    Math.max(SHORTEST_SLOT_MS, Math.ceil((everybody * tries) / perSecond / SLOTS) * 1_000),
  );
  const alikeMs = Math.min(ALIKE_MS, slotMs);

  const waiting = new Map<string, Waiting>();
  const wait = (next: Waiting): void => {
    if (next.people < NOBODY) return;
    const ready = Math.ceil(next.readyMs / alikeMs);
    const { stage, step, calls, initialEndedAt, resumeAt } = next.at;
    const began = initialEndedAt === undefined ? '' : Math.round(initialEndedAt.getTime() / alikeMs);
    const key = `${next.group} ${ready} ${stage} ${step} ${Math.min(calls, 1)} ${resumeAt ?? ''} ${began} ${next.triesMs
      .map((ms) => Math.round(ms / (4 * ALIKE_MS)))
      .join()}`;
    const alike = waiting.get(key);
    if (alike) {
      // The mean of those who wait together, so that none is called before their time.
      alike.readyMs = Math.max(alike.readyMs, next.readyMs);
      alike.people += next.people;
    } else waiting.set(key, next);
  };
  /** A step that is no call takes no line; what comes behind it is waited for. */
  const enter = (
    group: number,
    from: Position,
    dueMs: number,
    triesMs: readonly number[],
    people: number,
  ): void => {
    let at = from;
    let atMs = dueMs;
    for (;;) {
      const step = stepOf(workflow, at);
      if (step?.kind === 'call') {
        wait({ group, at, triesMs, readyMs: atMs, people });
        return;
      }
      if (at.stage === 'nurture' || at.stage === 'ended') return;
      const move = onward(workflow, at, atMs);
      if (move.kind === 'ended') return;
      at = { ...at, ...positionOf(move) };
      atMs = Math.max(atMs, move.dueAt.getTime());
    }
  };
  for (const { group, at, fromMs, people } of input.cohorts)
    enter(group, at, Math.max(nowMs, fromMs), [], people);

  const weights: Record<Limit, number> = {
    lines: 0,
    calls_per_second: 0,
    calls_per_day: 0,
    leads_per_day: 0,
    hours: 0,
    nothing: 0,
  };
  const points: { atMs: number; calls: number; reached: number }[] = [];
  const moments: { atMs: number; calls: number }[] = [];
  let calls = 0;
  let spent = 0;
  let { calls: callsToday, leads: leadsToday } = pace.usedToday;
  let dayEndsMs = nextDayMs(input.schedule, nowMs);
  let stopsBy: Simulated['stopsBy'];
  let inUse = 0;
  let atMs = nowMs;
  const done = (): number => Math.min(1, calls / Math.max(1, everybody * tries));

  for (let slot = 0; slot < MOST_SLOTS; slot += 1) {
    if (waiting.size === 0) break;
    if (atMs >= dayEndsMs) {
      callsToday = 0;
      leadsToday = 0;
      dayEndsMs = nextDayMs(input.schedule, atMs);
    }
    const endMs = Math.min(atMs + slotMs, dayEndsMs);
    const lengthMs = endMs - atMs;
    // Lines that are free at once, and as many as become free in a slot that is longer than a call.
    const still = inUse * Math.max(0, 1 - lengthMs / 1_000 / meanLineSec);
    const byFree = Math.max((byLines * lengthMs) / 1_000, pace.lines - still);
    const bySecond = (pace.callsPerSecond * lengthMs) / 1_000;
    const room = Math.min(byFree, bySecond);
    const ready = [...waiting.entries()]
      .filter(
        ([, { readyMs, group }]) =>
          readyMs < endMs && openMs(groups[group], Math.max(atMs, readyMs), endMs) > 0,
      )
      .sort(([, a], [, b]) => rank(a) - rank(b) || a.readyMs - b.readyMs);
    yield done();

    let used = 0;
    let begun = false;
    const next: (() => void)[] = [];
    for (const [key, cohort] of ready) {
      const share = openMs(groups[cohort.group], Math.max(atMs, cohort.readyMs), endMs) / lengthMs;
      const isFirst = cohort.at.calls === 0;
      const limits: [Limit, number][] = [
        [byFree <= bySecond ? 'lines' : 'calls_per_second', room * share - used],
        ['calls_per_day', (pace.maxCallsPerDay ?? Infinity) - callsToday],
        ['leads_per_day', isFirst ? (pace.maxLeadsPerDay ?? Infinity) - leadsToday : Infinity],
      ];
      const [limit, most] = limits.reduce((least, each) => (each[1] < least[1] ? each : least));
      const affordable =
        pace.budgetLeft === undefined || meanCost <= 0 ? Infinity : (pace.budgetLeft - spent) / meanCost;
      const taken = Math.max(0, Math.min(cohort.people, most, affordable));
      if (taken < cohort.people) weights[limit] += (cohort.people - taken) * lengthMs;
      if (affordable < Math.min(cohort.people, most)) stopsBy = 'budget';
      if (taken <= 0) continue;
      begun = true;
      const fromMs = Math.max(atMs, cohort.readyMs);
      const callMs = Math.min(endMs, Math.max(fromMs, atMs + ((used + taken / 2) / room) * lengthMs));
      used += taken;
      calls += taken;
      spent += taken * meanCost;
      callsToday += taken;
      if (isFirst) leadsToday += taken;
      cohort.people -= taken;
      if (cohort.people < NOBODY) waiting.delete(key);
      next.push(() => goOn(input, cohort, taken, callMs, enter));
    }
    if (begun) {
      const busyMs = Math.min(lengthMs, (used / room) * lengthMs);
      moments.push({ atMs: atMs + busyMs + meanLineSec * 1_000, calls });
      const hour = nowMs + Math.ceil((endMs - nowMs) / HOUR_MS) * HOUR_MS;
      const last = points.at(-1);
      const point = { atMs: hour, calls, reached: calls * reachedShare };
      if (last?.atMs === hour) points[points.length - 1] = point;
      else points.push(point);
      for (const step of next) {
        step();
        yield done();
      }
    }
    inUse = Math.min(pace.lines, still + used);
    if (stopsBy !== undefined) break;
    if (begun) {
      atMs = endMs;
      continue;
    }

    const jump = firstOpening(waiting, groups, atMs, ready.length > 0 ? dayEndsMs : atMs);
    if (jump === undefined || jump.atMs >= untilMs) {
      stopsBy =
        input.schedule?.endDate && input.schedule.endDate.getTime() <= untilMs ? 'end_date' : 'no_hours';
      break;
    }
    if (ready.length > 0) weights[daily(pace, callsToday)] += jump.ready * (jump.atMs - atMs);
    else weights.hours += jump.ready * (jump.atMs - atMs);
    if (jump.atMs - atMs > meanLineSec * 1_000) inUse = 0;
    atMs = Math.max(jump.atMs, atMs + 1);
  }

  const finish = moments.find((moment) => moment.calls >= calls - 0.5);
  return {
    curve: thinned(points),
    calls,
    cost: spent,
    ...(stopsBy === undefined ? (finish ? { finishMs: finish.atMs } : { finishMs: nowMs }) : { stopsBy }),
    limitedBy: strongest(weights),
  };
}

const positionOf = ({
  stage,
  step,
  initialEndedAt,
  resumeAt,
}: Extract<ReturnType<typeof onward>, { kind: 'next' }>): Partial<Position> => ({
  stage,
  step,
  ...(initialEndedAt === undefined ? {} : { initialEndedAt }),
  ...(resumeAt === undefined ? {} : { resumeAt }),
});

/** First of all agreed callbacks, then people who were never called. */
const rank = ({ at }: Waiting): number => (at.stage === 'callback' ? 0 : at.calls === 0 ? 1 : 2);

const daily = (pace: Pace, callsToday: number): Limit =>
  callsToday >= (pace.maxCallsPerDay ?? Infinity) - NOBODY ? 'calls_per_day' : 'leads_per_day';

/** Where people go whose call ended, each in their way. */
function goOn(
  { workflow, ends, spacing }: SimulationInput,
  { group, at, triesMs }: Waiting,
  people: number,
  callMs: number,
  enter: (group: number, at: Position, dueMs: number, triesMs: readonly number[], people: number) => void,
): void {
  const called = { ...at, calls: at.calls + 1 };
  const tried = [...triesMs, callMs];
  const moves = new Map<string, { position: Position; dueMs: number; people: number }>();
  for (const { share, end, lineSec } of ends) {
    const move = afterCall(workflow, called, end, callMs + lineSec * 1_000);
    if (move.kind === 'ended' || share <= 0) continue;
    const dueMs = move.dueAt.getTime();
    const key = `${move.stage} ${move.step} ${Math.round(dueMs / MINUTE_MS)}`;
    const alike = moves.get(key);
    if (alike) alike.people += people * share;
    else moves.set(key, { position: { ...called, ...positionOf(move) }, dueMs, people: people * share });
  }
  for (const { position, dueMs, people: some } of moves.values()) {
    const isCall = stepOf(workflow, position)?.kind === 'call';
    const allowedMs = isCall ? spacing(group, tried, dueMs) : dueMs;
    if (allowedMs !== undefined) enter(group, position, Math.max(dueMs, allowedMs), tried, some);
  }
}

/** How much of a slot is open, ms. */
function openMs(stretches: readonly Stretch[] | undefined, fromMs: number, toMs: number): number {
  if (!stretches || fromMs >= toMs) return 0;
  let open = 0;
  for (let i = firstEndingAfter(stretches, fromMs); i < stretches.length; i += 1) {
    const stretch = stretches[i];
    if (!stretch || stretch.fromMs >= toMs) break;
    open += Math.min(toMs, stretch.toMs) - Math.max(fromMs, stretch.fromMs);
  }
  return open;
}

/** The place of the first stretch that is not over at an instant. */
function firstEndingAfter(stretches: readonly Stretch[], atMs: number): number {
  let low = 0;
  let high = stretches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((stretches[middle]?.toMs ?? Infinity) <= atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The next moment, not before `leastMs`, at which somebody may be called, and how many wait for it though it is their turn. */
function firstOpening(
  waiting: ReadonlyMap<string, Waiting>,
  groups: readonly (readonly Stretch[])[],
  atMs: number,
  leastMs: number,
): { readonly atMs: number; readonly ready: number } | undefined {
  let first = Infinity;
  let ready = 0;
  for (const { group, readyMs, people } of waiting.values()) {
    const stretches = groups[group] ?? [];
    const fromMs = Math.max(leastMs, readyMs);
    const stretch = stretches[firstEndingAfter(stretches, fromMs)];
    if (stretch) first = Math.min(first, Math.max(fromMs, stretch.fromMs));
    if (readyMs <= atMs) ready += people;
  }
  return first === Infinity ? undefined : { atMs: first, ready };
}

/** Waiting for a line is nothing beside waiting for the morning where it takes less of the time than this. */
const LITTLE = 0.02;

/** A limit of the pace, where one held anybody up; that nobody is called at night is the last that is said. */
function strongest(weights: Readonly<Record<Limit, number>>): Limit {
  const ofPace = (['lines', 'calls_per_second', 'calls_per_day', 'leads_per_day'] as const).reduce((a, b) =>
    weights[b] > weights[a] ? b : a,
  );
  if (weights[ofPace] > weights.hours * LITTLE) return ofPace;
  return weights.hours > 0 ? 'hours' : 'nothing';
}

function thinned<T>(points: readonly T[]): readonly T[] {
  if (points.length <= MOST_POINTS) return points;
  const every = Math.ceil(points.length / MOST_POINTS);
  return points.filter((_, index) => index % every === every - 1 || index === points.length - 1);
}

// ── The forecast as it is kept and told ──────────────────────────────────────────────────────────────────────────────

export interface Share {
  readonly reason: string;
  readonly explanation: string;
  readonly leads: number;
  /** A few of them; their names are the leads' own, and are read when they are shown. */
  readonly leadIds: readonly string[];
}

/** Of a campaign the newest one; `_id` is the campaign's. */
export interface Forecast extends Stamped {
  readonly campaignId: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly progress: { readonly done: number; readonly total: number };
  readonly startedAt: Date;
  readonly finishedAt?: Date;
  readonly summary: string;
  readonly leads: number;
  readonly callable: number;
  readonly callableNow: number;
  readonly barred: readonly Share[];
  readonly waiting: readonly (Share & { readonly from?: Date })[];
  readonly curve: readonly { readonly at: Date; readonly calls: number; readonly reached: number }[];
  readonly calls: number;
  readonly finishAt?: Date;
  readonly stopsBy?: NonNullable<Simulated['stopsBy']>;
  readonly limitedBy: Limit;
  readonly cost: number;
  readonly assumptions: readonly string[];
}

const IN_A_WORD: readonly (readonly [reasons: RegExp, words: string])[] = [
  [/^(internal_dnc|litigator_listed|national_dnc_listed|state_dnc_listed)$/, 'DNC'],
  [/^consent_(expired|revoked)$/, 'consent ended'],
  [/^consent_/, 'no consent'],
  [/^(timezone_unknown|location_conflict)$/, 'unknown time zone'],
  [/^(phone_|number_reassigned)/, 'no number to call'],
  [/^state_(not_enabled|emergency_freeze)$/, 'in a state that is not cleared'],
  [/^(lead_closed|done)$/, 'done with'],
];

const count = (value: number): string => Math.round(value).toLocaleString('en-US');

/** "812 of 1,000 can be called; 121 DNC, 44 no consent, 23 unknown time zone; finish Thursday 4 pm; about $96". */
export function summaryOf(
  {
    leads,
    callable,
    barred,
    finishAt,
    stopsBy,
    cost,
  }: Pick<Forecast, 'leads' | 'callable' | 'barred' | 'finishAt' | 'stopsBy' | 'cost'>,
  zone: string,
  nowMs: number,
): string {
  if (leads === 0) return 'No lead belongs to this campaign, and none fits its targeting.';
  const groups = new Map<string, number>();
  for (const { reason, leads: some } of barred) {
    const words = IN_A_WORD.find(([reasons]) => reasons.test(reason))?.[1] ?? 'barred otherwise';
    groups.set(words, (groups.get(words) ?? 0) + some);
  }
  const why = [...groups]
    .sort(([, a], [, b]) => b - a)
    .map(([words, some]) => `${count(some)} ${words}`)
    .join(', ');
  const end =
    callable === 0
      ? ''
      : stopsBy !== undefined
        ? STOPS[stopsBy]
        : finishAt
          ? `finish ${momentInWords(finishAt.getTime(), zone, nowMs)}`
          : '';
  const parts = [
    `${count(callable)} of ${count(leads)} can be called`,
    why,
    end,
    callable === 0 ? '' : `about $${cost < 10 ? cost.toFixed(2) : count(cost)}`,
  ];
  return parts.filter((part) => part !== '').join('; ');
}

const STOPS: Readonly<Record<NonNullable<Simulated['stopsBy']>, string>> = {
  end_date: 'not finished by its last day',
  budget: 'not finished before its budget is spent',
  no_hours: 'not finished within the hours it may call in',
};

/** "today 4:25 pm", "Thursday 4 pm", "Thu, Dec 3, 4 pm": as exact as it is near. */
function momentInWords(atMs: number, zone: string, nowMs: number): string {
  const roundMs = atMs - nowMs < 3 * HOUR_MS ? MINUTE_MS : HOUR_MS;
  const at = DateTime.fromMillis(Math.ceil(atMs / roundMs) * roundMs, { zone, locale: 'en-US' });
  const now = DateTime.fromMillis(nowMs, { zone });
  const clock = at.toFormat(at.minute === 0 ? 'h a' : 'h:mm a').toLowerCase();
  const days = at.startOf('day').diff(now.startOf('day'), 'days').days;
  const day = days < 1 ? 'today' : days < 7 ? at.toFormat('cccc') : at.toFormat('ccc, LLL d,');
  return `${day} ${clock}${zone === 'utc' ? ' UTC' : ''}`;
}

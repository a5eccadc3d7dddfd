/**
 * app/due-steps: the steps of one campaign and one priority that are due or come next, read ahead some at a time and kept up to
 * date with what this process itself plans. They are taken also while they are read anew. What is kept may be out of date all
 * the same: whoever takes a step claims it in the store, where one that somebody else took or moved is not found any more.
 */
import type { Enrollment, Priority } from '../domain/campaign.ts';
import type { Enrollments } from './enrollments.ts';
import type { Clock } from './ports.ts';

export interface DueStepsDeps {
  readonly clock: Clock;
  readonly enrollments: Pick<Enrollments, 'planned' | 'late'>;
  /** Steps read at a time. */
  readonly batch: number;
  /** How old what was read may be before it is read anew, ms; until that is done it is believed for as long again. */
  readonly lookMs: number;
}

/** Steps that are kept, of one campaign and priority. */
const MOST_KEPT = 64;
/** Of new leads those that come next: what is planned for them is read to know when to look again. */
const FEW = 8;

/** So few of many due steps are left, of those read at a time, that more are read while these are taken. */
const LOW_SHARE = 0.25;

interface Meanwhile {
  readonly planned: Map<string, Enrollment>;
  readonly taken: Map<string, Enrollment>;
  staleMs: number;
}

const dueMs = ({ dueAt }: Enrollment): number => dueAt?.getTime() ?? Number.POSITIVE_INFINITY;

export type DueSteps = ReturnType<typeof createDueSteps>;

export function createDueSteps(
  campaignId: string,
  priority: Priority,
  { clock, enrollments, batch, lookMs }: DueStepsDeps,
) {
  /** Whoever came in last is called first: a lead that waits for an hour is lost, one that waited for a month is not. */
  const isNewestFirst = priority === 1;
  /** By when they are due, ascending: all that are due behind `fromMs` and before `toMs`. */
  let ahead: Enrollment[] = [];
  let fromMs = 0;
  let toMs = 0;
  /** Newest first: of those due at or before `fromMs` the latest, descending; all of them, or there are more. */
  let late: Enrollment[] = [];
  let isMoreLate = false;
  /** When what is kept is to be read anew, and when it does not say any more which step is next. */
  let oldMs = 0;
  let staleMs = 0;
  /** What happened since a read began that it may have missed. */
  let meanwhile: Meanwhile | undefined;

  /** Where in `ahead` the step is that is to be taken now; -1: none of them is due. */
  function dueAhead(nowMs: number): number {
    const first = ahead[0];
    if (!first || dueMs(first) > nowMs) return -1;
    if (!isNewestFirst) return 0;
    const later = ahead.findIndex((each) => dueMs(each) > nowMs);
    return (later === -1 ? ahead.length : later) - 1;
  }

  const hasDue = (): boolean => dueAhead(clock.nowMs()) >= 0 || late.length > 0;

  /** Whether what is kept does not say which step is next. */
  function isUnknown(): boolean {
    const nowMs = clock.nowMs();
    if (nowMs >= staleMs) return true;
    if (isNewestFirst && nowMs >= toMs) return true;
    return !hasDue() && (nowMs >= toMs || isMoreLate);
  }

  function isLow(): boolean {
    const low = batch * LOW_SHARE;
    return isNewestFirst ? isMoreLate && late.length <= low : clock.nowMs() >= toMs && ahead.length <= low;
  }

  function place(step: Enrollment): void {
    const atMs = dueMs(step);
    if (isNewestFirst && atMs <= fromMs) {
      const behind = late.findIndex((each) => dueMs(each) < atMs);
      if (behind !== -1) {
        late.splice(behind, 0, step);
        if (late.length > MOST_KEPT) isMoreLate = late.pop() !== undefined;
      } else if (isMoreLate || late.length >= MOST_KEPT) isMoreLate = true;
      else late.push(step);
      return;
    }
    if (atMs >= toMs) return;
    let at = ahead.length;
    while (at > 0 && dueMs(ahead[at - 1] ?? step) > atMs) at -= 1;
    ahead.splice(at, 0, step);
    const last = ahead.length > MOST_KEPT ? ahead.pop() : undefined;
    if (last) toMs = Math.min(toMs, dueMs(last));
  }

  /** What an enrollment of this campaign has become just now: a step of this priority or not. */
  function put(step: Enrollment): void {
    meanwhile?.planned.set(step._id, step);
    const isIt = ({ _id }: Enrollment): boolean => _id === step._id;
    for (const list of [ahead, late]) {
      const at = list.findIndex(isIt);
      if (at !== -1) list.splice(at, 1);
    }
    if (step.dueAt && step.priority === priority) place(step);
  }

  /** Reads anew, without those that are in hand here. To be called again only when it is over. */
  async function read(inHand: ReadonlyMap<string, Enrollment>): Promise<void> {
    const nowMs = clock.nowMs();
    // What comes later than that is read anew anyhow, and no server has to look at it before.
    const untilMs = nowMs + 2 * lookMs;
    const missed: Meanwhile = { planned: new Map(), taken: new Map(), staleMs: untilMs };
    meanwhile = missed;
    for (const each of inHand.values()) if (each.campaignId === campaignId) missed.taken.set(each._id, each);
    const limit = batch + missed.taken.size;
    const few = isNewestFirst ? FEW : limit;
    const behindMs = isNewestFirst ? nowMs : 0;
    const isOpen = (step: Enrollment): boolean => {
      const taken = missed.taken.get(step._id);
      const isOver =
        taken && (step.turn < taken.turn || (step.turn === taken.turn && dueMs(taken) === dueMs(step)));
      return !isOver && !inHand.has(step._id);
    };
    try {
      const [found, next] = await Promise.all([
        isNewestFirst ? enrollments.late(campaignId, priority, nowMs, limit) : [],
        enrollments.planned(campaignId, priority, behindMs, untilMs, few),
      ]);
      const last = next.length < few ? undefined : next.at(-1);
      fromMs = behindMs;
      toMs = last ? dueMs(last) : untilMs;
      isMoreLate = found.length === limit;
      late = found.filter(isOpen);
      ahead = next.filter(isOpen);
      oldMs = nowMs + lookMs;
      staleMs = missed.staleMs;
    } finally {
      meanwhile = undefined;
    }
    for (const step of missed.planned.values()) put(step);
  }

  return {
    hasDue,
    isUnknown,
    /** Whether it is time to read, though what is kept may still say which step is next. */
    isToBeRead: (): boolean => isUnknown() || clock.nowMs() >= oldMs || isLow(),
    read,
    put,
    /** The step to be taken now, which is kept here no more. */
    take(): Enrollment | undefined {
      const at = dueAhead(clock.nowMs());
      const step = at >= 0 ? ahead.splice(at, 1)[0] : late.shift();
      if (step) meanwhile?.planned.delete(step._id);
      if (step) meanwhile?.taken.set(step._id, step);
      return step;
    },
    /** Something was planned for `atMs` that was not told here. */
    staleFrom(atMs: number): void {
      staleMs = Math.min(staleMs, atMs);
      if (meanwhile) meanwhile.staleMs = Math.min(meanwhile.staleMs, atMs);
    },
    /** When there may be something to be taken or to be read, ms since the epoch. */
    nextMs(): number {
      if (hasDue() || isUnknown()) return clock.nowMs();
      return Math.min(oldMs, staleMs, toMs, ahead[0] ? dueMs(ahead[0]) : Number.POSITIVE_INFINITY);
    },
  };
}

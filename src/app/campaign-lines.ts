/**
 * app/campaign-lines: whose step is next. Every campaign that runs has its due steps here, read some at a time, and its own pace and
 * number of calls; the lines are shared among those with due calls by the time each has used (deficit round robin), so
 * that within a while all have had as much. Steps are read in the background while those that are known are taken; only
 * where none is known to be due is a read waited for. Kept in memory: another life begins as equals.
 */
import { type Enrollment, fairest, PRIORITIES, type Priority, stepOf } from '../domain/campaign.ts';
import { type Standing, standingOf } from '../domain/campaign-hours.ts';
import type { Campaign } from '../domain/documents.ts';
import { createDueSteps, type DueSteps } from './due-steps.ts';
import type { Enrollments } from './enrollments.ts';
import type { Clock } from './ports.ts';

export interface CampaignLinesDeps {
  readonly clock: Clock;
  readonly enrollments: Pick<Enrollments, 'planned' | 'late' | 'working'>;
  /** How many outbound calls may begin before the lines are full. */
  readonly linesFree: () => number;
  readonly callsPerSecond: number;
  /** From when on a dial need not wait for those of the house before it, ms since the epoch. */
  readonly slotMs: () => number;
  /** Other processes work on the same campaigns. */
  readonly isShared: boolean;
}

/** Steps that are being begun at a time: enough to keep a slow store busy, few enough to hold up nobody. */
const MOST_IN_HAND = 32;
/** Campaigns that are read at a time: the server is asked without a pause, and answers the first as soon as it can. */
const MOST_READS = 2;
/** Due steps read at a time: what others may take too, and what only this process works on. */
const BATCH_SHARED = 16;
const BATCH_ALONE = 32;
/** How long it may take until something that another process did is seen; alone, everything is told at once. */
const LOOK_SHARED_MS = 2_000;
const LOOK_ALONE_MS = 3_600_000;
/** Lines that were full are tried again, if nobody says before that one is free. */
const AGAIN_MS = 1_000;
/** A line is used so long by a call, until it is known, seconds. */
export const USUAL_CALL_SEC = 60;

const MINUTE_MS = 60_000;

const NEW: Priority = 1;
const CALLS: readonly Priority[] = [0, NEW, 2];
const WITHOUT_NEW: readonly Priority[] = [0, 2];
const MESSAGES: readonly Priority[] = [3];

type Kind = 'call' | 'message';

/** A campaign as this process works on it. */
export interface Runner {
  campaign: Campaign;
  /** Its steps, by their priority. */
  readonly steps: readonly DueSteps[];
  /** Those of its steps that are being read. */
  readonly reading: Set<Kind>;
  /** Whether it may work, and until when that need not be asked again, ms since the epoch. */
  standing: Standing;
  standsUntilMs: number;
  /** From when on its own pace allows the next call. */
  slotMs: number;
  /** Until when another process used up its pace. */
  pacedMs: number;
  /** Enrollments that have a line or are about to ask for one, here; and as far as was read, elsewhere. */
  readonly lines: Set<string>;
  elsewhere: number;
  /** Until when none of its calls, or none to new leads, may begin; and why. */
  callsBarredMs: number;
  newBarredMs: number;
  barredBy?: 'day_limit' | 'not_active';
}

/** A step that is due, and whose. */
export interface Due {
  readonly runner: Runner;
  readonly seen: Enrollment;
}

export type CampaignLines = ReturnType<typeof createCampaignLines>;

export function createCampaignLines(deps: CampaignLinesDeps) {
  const { clock, enrollments, isShared } = deps;
  const lookMs = isShared ? LOOK_SHARED_MS : LOOK_ALONE_MS;
  const runners = new Map<string, Runner>();
  /** Enrollments whose step is being begun, by their ids. */
  const inHand = new Map<string, Enrollment>();
  /** Line time of campaigns, seconds. */
  const usedSec = new Map<string, number>();
  let wanted = new Set<string>();
  const reads = new Set<Promise<void>>();
  /** Why a read failed that nobody was told of yet. */
  let trouble: { readonly error: unknown } | undefined;
  /** Ends the waiting for reads. */
  let told = (): void => {};
  let callsInHand = 0;
  let houseSlotMs = 0;
  let linesFullMs = 0;
  /** Until when no line is asked for, because the last asking was in vain. */
  let refusedMs = 0;

  /** Calls that are about to be placed have no line yet. */
  const linesFree = (): number => deps.linesFree() - callsInHand;

  /** The next moment at which something can be begun, ms since the epoch; infinite while enough is in hand. */
  function nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    if (inHand.size >= MOST_IN_HAND) return next;
    for (const runner of runners.values()) {
      if (standing(runner).kind !== 'works') {
        next = Math.min(next, runner.standsUntilMs);
        continue;
      }
      next = Math.min(next, stepsMs(runner, MESSAGES));
      const barredMs = clock.nowMs() < runner.newBarredMs ? runner.newBarredMs : Number.POSITIVE_INFINITY;
      const callMs = Math.max(
        Math.min(stepsMs(runner, callsOf(runner)), barredMs),
        runner.slotMs,
        runner.pacedMs,
        runner.callsBarredMs,
        houseSlotMs,
        deps.slotMs(),
        refusedMs,
      );
      if (hasRoom(runner)) next = Math.min(next, linesFree() > 0 ? callMs : Math.max(callMs, linesFullMs));
    }
    return next;
  }

  function stepsMs({ steps }: Runner, priorities: readonly Priority[]): number {
    let next = Number.POSITIVE_INFINITY;
    for (const priority of priorities) next = Math.min(next, steps[priority]?.nextMs() ?? next);
    return next;
  }

  const callsOf = ({ newBarredMs }: Runner): readonly Priority[] =>
    clock.nowMs() < newBarredMs ? WITHOUT_NEW : CALLS;

  function standing(runner: Runner): Standing {
    const nowMs = clock.nowMs();
    if (nowMs < runner.standsUntilMs) return runner.standing;
    const { campaign } = runner;
    runner.standing = standingOf(campaign, nowMs);
    const endMs = campaign.schedule?.endDate?.getTime() ?? Number.POSITIVE_INFINITY;
    const nextMs =
      'untilMs' in runner.standing && runner.standing.untilMs !== undefined
        ? runner.standing.untilMs
        : (Math.floor(nowMs / MINUTE_MS) + 1) * MINUTE_MS;
    runner.standsUntilMs = nowMs < endMs ? Math.min(nextMs, endMs) : nextMs;
    return runner.standing;
  }

  const hasRoom = ({ campaign, lines, elsewhere }: Runner): boolean =>
    lines.size + elsewhere < (campaign.pacing?.maxConcurrentCalls ?? Number.POSITIVE_INFINITY);

  /** The step that is to be begun now, a call before a message. Throws what a read threw, now or in the background. */
  async function next(): Promise<Due | undefined> {
    while (inHand.size < MOST_IN_HAND) {
      if (trouble) await fail(trouble.error);
      const callers = ableToCall();
      const call = callers && nextCall(callers);
      const unread = readOn(callers ?? [], 'call');
      if (call) return call;
      const writers = [...runners.values()].filter((each) => standing(each).kind === 'works');
      const message = nextMessage(writers);
      const unreadMessages = readOn(writers, 'message');
      if (message || unread + unreadMessages === 0) return message;
      const change = new Promise<void>((resolve) => {
        told = resolve;
      });
      await Promise.race([...reads, change]);
    }
    return undefined;
  }

  /** All reads have to be over before one that failed is told: nothing may be read twice at a time. */
  async function fail(error: unknown): Promise<never> {
    await Promise.all(reads);
    trouble = undefined;
    throw error;
  }

  /** Campaigns that may begin a call now; undefined: the house may not. */
  function ableToCall(): Runner[] | undefined {
    const nowMs = clock.nowMs();
    if (nowMs < Math.max(houseSlotMs, deps.slotMs(), refusedMs)) return undefined;
    if (linesFree() <= 0) {
      linesFullMs = nowMs + AGAIN_MS;
      return undefined;
    }
    return [...runners.values()].filter(
      (runner) =>
        nowMs >= Math.max(runner.slotMs, runner.pacedMs) &&
        nowMs >= runner.callsBarredMs &&
        hasRoom(runner) &&
        standing(runner).kind === 'works',
    );
  }

  function nextCall(able: readonly Runner[]): Due | undefined {
    const ready: string[] = [];
    const wanting: string[] = [];
    for (const runner of able) {
      const isUnread = isUnknown(runner, callsOf(runner));
      const isReady = !isUnread && hasDue(runner, callsOf(runner));
      if (isReady) ready.push(runner.campaign._id);
      // Who is being read was not away.
      if (isReady || isUnread) wanting.push(runner.campaign._id);
    }
    share(wanting);
    const runner = runners.get(fairest(usedSec, ready) ?? '');
    const seen = runner && takeDue(runner, callsOf(runner));
    return runner && seen && { runner, seen };
  }

  /** Whoever comes to the lines does not make up for the time away. */
  function share(wanting: readonly string[]): void {
    if (wanting.length === wanted.size && wanting.every((id) => wanted.has(id))) return;
    const usedOf = (id: string): number => usedSec.get(id) ?? 0;
    const stayed = wanting.filter((id) => wanted.has(id)).map(usedOf);
    const least = stayed.length === 0 ? Math.max(0, ...wanting.map(usedOf)) : Math.min(...stayed);
    for (const id of wanting) if (!wanted.has(id)) usedSec.set(id, Math.max(usedOf(id), least));
    wanted = new Set(wanting);
  }

  const addUsed = (campaignId: string, seconds: number): void => {
    usedSec.set(campaignId, (usedSec.get(campaignId) ?? 0) + seconds);
  };

  let lastMessages = '';
  function nextMessage(able: readonly Runner[]): Due | undefined {
    const from = able.findIndex(({ campaign }) => campaign._id === lastMessages) + 1;
    const isReady = (each: Runner): boolean => !isUnknown(each, MESSAGES) && hasDue(each, MESSAGES);
    const runner =
      able.find((each, at) => at >= from && isReady(each)) ??
      able.find((each, at) => at < from && isReady(each));
    if (!runner) return undefined;
    lastMessages = runner.campaign._id;
    const seen = takeDue(runner, MESSAGES);
    return seen && { runner, seen };
  }

  /** Whether what is kept does not say if a step of these priorities, the most urgent first, is due. */
  function isUnknown({ steps }: Runner, priorities: readonly Priority[]): boolean {
    for (const priority of priorities) {
      if (steps[priority]?.isUnknown()) return true;
      if (steps[priority]?.hasDue()) return false;
    }
    return false;
  }

  function isToBeRead({ steps }: Runner, priorities: readonly Priority[]): boolean {
    for (const priority of priorities) {
      if (steps[priority]?.isToBeRead()) return true;
      if (steps[priority]?.hasDue()) return false;
    }
    return false;
  }

  const hasDue = ({ steps }: Runner, priorities: readonly Priority[]): boolean =>
    priorities.some((priority) => steps[priority]?.hasDue());

  const prioritiesOf = (runner: Runner, kind: Kind): readonly Priority[] =>
    kind === 'message' ? MESSAGES : callsOf(runner);

  /** Begins to read what is old, as much as may be read at a time; answers how many campaigns are to be read. */
  function readOn(able: readonly Runner[], kind: Kind): number {
    const unread = able.filter((runner) => isToBeRead(runner, prioritiesOf(runner, kind)));
    if (unread.length === 0) return 0;
    // Those without which nothing can be said come first.
    const inOrder = [true, false].flatMap((isFirst) =>
      unread.filter((runner) => isUnknown(runner, prioritiesOf(runner, kind)) === isFirst),
    );
    for (const runner of inOrder) {
      if (reads.size >= MOST_READS) break;
      if (runner.reading.has(kind)) continue;
      runner.reading.add(kind);
      const read = readSteps(runner, kind)
        .catch((error: unknown) => {
          trouble ??= { error };
        })
        .finally(() => {
          runner.reading.delete(kind);
          reads.delete(read);
        });
      reads.add(read);
    }
    return unread.length;
  }

  async function readSteps(runner: Runner, kind: Kind): Promise<void> {
    if (isShared && kind === 'call') await readElsewhere(runner);
    for (const priority of prioritiesOf(runner, kind)) {
      const steps = runner.steps[priority];
      if (steps?.isToBeRead()) await steps.read(inHand);
      if (steps?.hasDue()) return;
    }
  }

  async function readElsewhere(runner: Runner): Promise<void> {
    const { campaign, lines } = runner;
    if (campaign.pacing?.maxConcurrentCalls === undefined) return;
    const all = await enrollments.working(campaign._id);
    runner.elsewhere = all.filter(({ _id }) => !lines.has(_id)).length;
  }

  const takeDue = ({ steps }: Runner, priorities: readonly Priority[]): Enrollment | undefined =>
    steps[priorities.find((priority) => steps[priority]?.hasDue()) ?? -1]?.take();

  /** Something of a campaign is due at `atMs`; false: of one that does not run here. */
  function expect(campaignId: string, atMs: number, priority?: Priority): boolean {
    const runner = runners.get(campaignId);
    if (!runner) return false;
    for (const each of priority === undefined ? PRIORITIES : [priority]) runner.steps[each]?.staleFrom(atMs);
    told();
    return true;
  }

  /** What an enrollment has become; false: of a campaign that does not run here. */
  function planned(step: Enrollment): boolean {
    const steps = runners.get(step.campaignId)?.steps;
    for (const priority of steps ? PRIORITIES : []) steps?.[priority]?.put(step);
    told();
    return steps !== undefined;
  }

  /** A line and a place in the pace are taken in the same breath, and given back when nobody is called. */
  function takeLine(runner: Runner, seen: Enrollment): (isPlaced: boolean) => void {
    const nowMs = clock.nowMs();
    const houseGapMs = 1_000 / deps.callsPerSecond;
    const gapMs = 1_000 / (runner.campaign.pacing?.callsPerSecond ?? Number.POSITIVE_INFINITY);
    callsInHand += 1;
    runner.lines.add(seen._id);
    addUsed(runner.campaign._id, USUAL_CALL_SEC);
    houseSlotMs = Math.max(nowMs, houseSlotMs) + houseGapMs;
    runner.slotMs = Math.max(nowMs, runner.slotMs) + gapMs;
    return (isPlaced) => {
      callsInHand -= 1;
      if (isPlaced) return;
      runner.lines.delete(seen._id);
      addUsed(runner.campaign._id, -USUAL_CALL_SEC);
      houseSlotMs -= houseGapMs;
      runner.slotMs -= gapMs;
    };
  }

  const isCall = ({ campaign: { workflow } }: Runner, seen: Enrollment): boolean =>
    seen.working === undefined && workflow !== undefined && stepOf(workflow, seen)?.kind === 'call';

  return {
    runners: runners as ReadonlyMap<string, Runner>,
    campaigns: (): Campaign[] => [...runners.values()].map(({ campaign }) => campaign),
    /** What is known of a campaign that changed begins anew, but for its lines and its pace. */
    renew(campaign: Campaign): void {
      const known = runners.get(campaign._id);
      runners.set(campaign._id, {
        campaign,
        standing: { kind: 'not_active' },
        standsUntilMs: 0,
        steps: PRIORITIES.map((priority) =>
          createDueSteps(campaign._id, priority, {
            clock,
            enrollments,
            batch: isShared ? BATCH_SHARED : BATCH_ALONE,
            lookMs,
          }),
        ),
        reading: new Set(),
        slotMs: known?.slotMs ?? 0,
        pacedMs: 0,
        lines: known?.lines ?? new Set(),
        elsewhere: known?.elsewhere ?? 0,
        callsBarredMs: 0,
        newBarredMs: 0,
      });
    },
    drop: (campaignId: string): boolean => runners.delete(campaignId),
    next,
    reads: reads as ReadonlySet<Promise<void>>,
    /** Takes it in hand, until the answer is called. */
    take({ runner, seen }: Due): (isPlaced: boolean) => void {
      const endLine = isCall(runner, seen) ? takeLine(runner, seen) : undefined;
      inHand.set(seen._id, seen);
      return (isPlaced) => {
        inHand.delete(seen._id);
        endLine?.(isPlaced);
      };
    },
    inHand: inHand as ReadonlyMap<string, Enrollment>,
    nextMs,
    expect,
    planned,
    addUsed,
    /** The house has no line, whatever it said. */
    refused(): number {
      refusedMs = clock.nowMs() + AGAIN_MS;
      return refusedMs;
    },
    /** A call is over: there is a line again. */
    freed(): void {
      linesFullMs = 0;
      refusedMs = 0;
      told();
    },
    barredOf(
      campaignId: string,
    ): { readonly by: 'day_limit' | 'not_active'; readonly untilMs: number } | undefined {
      const runner = runners.get(campaignId);
      const nowMs = clock.nowMs();
      if (!runner?.barredBy) return undefined;
      if (nowMs < runner.callsBarredMs) return { by: runner.barredBy, untilMs: runner.callsBarredMs };
      return nowMs < runner.newBarredMs ? { by: 'day_limit', untilMs: runner.newBarredMs } : undefined;
    },
  };
}

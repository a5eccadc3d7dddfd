/**
 * app/run-campaigns: the engine. Enrolls the leads of campaigns that run, takes the steps that are due, each under a claim, and
 * settles what became of them. Calls go through place-call and its gate like everybody's; what is asked of the gate here
 * before is only so that a denial costs nothing.
 *
 * Nothing here is kept in memory that another process, or the next life of this one, would miss: what is due stands in the
 * store, and the key of every try is made of its enrollment and turn, so that it is made once whoever makes it.
 */
import { type Call, isOver } from '../domain/call.ts';
import {
  afterCall,
  afterDenial,
  callEndOf,
  type Ending,
  type Enrollment,
  endingOf,
  fairest,
  type Hold,
  LAST_CALLS,
  type Move,
  onward,
  type Priority,
  type Step,
  stepOf,
  tooManyFailures,
} from '../domain/campaign.ts';
import { dayOf, hasEnded, nextDayMs, type Standing, standingOf } from '../domain/campaign-hours.ts';
import { decide } from '../domain/compliance/decide.ts';
import type { Decision } from '../domain/compliance/decision.ts';
import type { Campaign, Lead } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import type { MessageChannel } from '../domain/message.ts';
import { type Charge, type Charged, createCampaignUse } from './campaign-use.ts';
import { createCampaignWork } from './campaign-work.ts';
import type { Claims } from './claims.ts';
import { createEnrollLeads } from './enroll-leads.ts';
import { createEnrollments, type Held, positionOf } from './enrollments.ts';
import type { GatherFacts } from './gather-facts.ts';
import { inOrder } from './paging.ts';
import type { PlaceCallRequest, Placed } from './place-call.ts';
import type { Cancel, Clock, Ids, Log, Store } from './ports.ts';
import { slices } from './slices.ts';

/** A message of a step, at most once for its key. */
export type SendStep = (request: {
  readonly leadId: string;
  readonly campaignId: string;
  readonly channel: MessageChannel;
  readonly template: string;
  readonly attemptKey: string;
  readonly requestedBy: string;
}) => Promise<
  | { readonly kind: 'sent' | 'failed' | 'unconfirmed' }
  | { readonly kind: 'denied'; readonly decision: Decision }
>;

export interface RunCampaignsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly claims: Pick<Claims, 'take'>;
  readonly gatherFacts: GatherFacts;
  readonly placeCall: (request: PlaceCallRequest) => Promise<Placed>;
  readonly sendMessage: SendStep;
  /** How many outbound calls may begin before the lines are full. */
  readonly linesFree: () => number;
  readonly callsPerSecond: number;
  readonly shutdown: AbortSignal;
}

/** Steps that are being begun at a time: enough to keep a slow store busy, few enough to hold up nobody. */
const MOST_IN_HAND = 32;
/** Due steps read at a time. */
const BATCH = 16;
/** How long it may take until something that another process did is seen; alone, everything is told at once. */
const LOOK_SHARED_MS = 2_000;
const LOOK_ALONE_MS = 3_600_000;
/** How often campaigns are read anew, calls whose end nobody told are looked for, and new leads that nobody enrolled. */
const KEEP_MS = 900_000;
const KEEP_SHARED_MS = 5_000;
/** How far back a look at new leads goes. */
const NEW_MS = 1_800_000;
/** How often all leads are looked at, by one of the processes. */
const SWEEP_MS = 24 * 3_600_000;
const SWEEP_CLAIM = 'enroll-leads';
/** Lines that were full are tried again, if nobody says before that one is free; and what is in hand is looked behind. */
const AGAIN_MS = 1_000;
/** A store that is away is asked again. */
const AWAY_MS = 5_000;
/** Somebody else talks to the person, or the vendor of messages is away. */
const BUSY_AGAIN_MS = 60_000;
/** All calls are stopped by a switch. */
const STOPPED_AGAIN_MS = 15_000;
/** Behind the longest that a call can ring and talk: its end is told by then, or asked for. */
const CALL_SLACK_MS = 180_000;
/** A call that is over and about which nobody concluded anything. */
const UNCONCLUDED_MS = 900_000;
/** A line is used so long by a call, until it is known, seconds. */
const USUAL_CALL_SEC = 60;

const MINUTE_MS = 60_000;

const CALLS: readonly Priority[] = [0, 1, 2];
const WITHOUT_NEW: readonly Priority[] = [0, 2];
const MESSAGES: readonly Priority[] = [3];

/** Steps of one kind of one campaign: calls, or messages. */
interface Lane {
  due: Enrollment[];
  /** When there may be something more that is due, ms since the epoch. */
  nextMs: number;
}

/** A campaign as this process works on it. */
interface Runner {
  campaign: Campaign;
  readonly calls: Lane;
  readonly messages: Lane;
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

export function createRunCampaigns(deps: RunCampaignsDeps) {
  const { store, clock, log, shutdown } = deps;
  const campaigns = store.collection('campaigns');
  const calls = store.collection('calls');
  const leads = store.collection('leads');
  const enrollments = createEnrollments(deps);
  const enrolling = createEnrollLeads(deps);
  const use = createCampaignUse(deps);
  const isShared = store.home !== undefined;
  const lookMs = isShared ? LOOK_SHARED_MS : LOOK_ALONE_MS;
  const keepMs = isShared ? KEEP_SHARED_MS : KEEP_MS;

  const runners = new Map<string, Runner>();
  /** Enrollments whose step is being begun, and their leads. */
  const inHand = new Map<string, string>();
  const background = new Set<Promise<void>>();
  /** Leads about which something changed while their enrollment was in hand. */
  const changedInHand = new Set<string>();
  /** Line time of campaigns, seconds. */
  const usedSec = new Map<string, number>();
  let wanted = new Set<string>();
  let houseSlotMs = 0;
  let linesFullMs = 0;
  /** Until when no line is asked for, because the last asking was in vain. */
  let refusedMs = 0;
  let awayMs = 0;
  let isStale = true;
  let begun = false;
  let stopped = false;
  let turning: Promise<void> | undefined;
  let turnAgain = false;
  let timer: { readonly atMs: number; readonly cancel: Cancel } | undefined;
  let keptMs = 0;
  let lookedMs = 0;

  // ── When ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  function wake(atMs = clock.nowMs()): void {
    if (!begun || stopped) return;
    if (timer && timer.atMs <= atMs) return;
    timer?.cancel();
    timer = {
      atMs,
      cancel: clock.after(Math.max(0, atMs - clock.nowMs()), () => {
        timer = undefined;
        turn();
      }),
    };
  }

  function turn(): void {
    if (stopped) return;
    if (turning) {
      turnAgain = true;
      return;
    }
    turning = turns().finally(() => {
      turning = undefined;
      if (turnAgain) wake();
      turnAgain = false;
    });
  }

  async function turns(): Promise<void> {
    try {
      const nowMs = clock.nowMs();
      if (nowMs < awayMs) return wake(awayMs);
      if (store.outage && store.outage.state !== 'up') throw new Failure('store_unavailable', 'away');
      if (isStale || nowMs >= keptMs + keepMs) await keep();
      await beginDue();
      if (isShared || runners.size > 0) wake(nextMs());
    } catch (error) {
      awayMs = clock.nowMs() + AWAY_MS;
      if (!isFailure(error, 'store_unavailable'))
        log.error({ err: error }, 'campaigns could not be worked on');
      wake(awayMs);
    }
  }

  /** The next moment at which something can be begun, or is to be looked after. */
  function nextMs(): number {
    let next = isStale ? clock.nowMs() : keptMs + keepMs;
    if (inHand.size >= MOST_IN_HAND) return next;
    for (const runner of runners.values()) {
      if (standing(runner).kind !== 'works') {
        next = Math.min(next, runner.standsUntilMs);
        continue;
      }
      next = Math.min(next, runner.messages.nextMs);
      const callMs = Math.max(
        runner.calls.nextMs,
        runner.slotMs,
        runner.pacedMs,
        runner.callsBarredMs,
        houseSlotMs,
        refusedMs,
      );
      if (hasRoom(runner)) next = Math.min(next, linesFree() > 0 ? callMs : Math.max(callMs, linesFullMs));
    }
    return next;
  }

  /** Calls that are about to be placed have no line yet. */
  const linesFree = (): number => deps.linesFree() - callsInHand;
  let callsInHand = 0;

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

  // ── Whose turn ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async function beginDue(): Promise<void> {
    const breathe = slices(clock);
    while (!stopped && !isStale && inHand.size < MOST_IN_HAND) {
      const next = (await nextCall()) ?? (await nextMessage());
      if (!next) return;
      begin(next.runner, next.seen);
      await breathe();
    }
  }

  async function nextCall(): Promise<{ runner: Runner; seen: Enrollment } | undefined> {
    const nowMs = clock.nowMs();
    if (nowMs < Math.max(houseSlotMs, refusedMs)) return undefined;
    if (linesFree() <= 0) {
      linesFullMs = nowMs + AGAIN_MS;
      return undefined;
    }
    const able = [...runners.values()].filter(
      (runner) =>
        nowMs >= Math.max(runner.slotMs, runner.pacedMs) &&
        nowMs >= runner.callsBarredMs &&
        hasRoom(runner) &&
        standing(runner).kind === 'works',
    );
    const wanting: string[] = [];
    for (const runner of able) if (await hasDue(runner, runner.calls)) wanting.push(runner.campaign._id);
    share(wanting);
    const runner = runners.get(fairest(usedSec, wanting) ?? '');
    const seen = runner?.calls.due.shift();
    return runner && seen && { runner, seen };
  }

  /** Whoever comes to the lines does not make up for the time away. */
  function share(wanting: readonly string[]): void {
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
  async function nextMessage(): Promise<{ runner: Runner; seen: Enrollment } | undefined> {
    const all = [...runners.keys()];
    const from = all.indexOf(lastMessages) + 1;
    for (const id of [...all.slice(from), ...all.slice(0, from)]) {
      const runner = runners.get(id);
      if (!runner || standing(runner).kind !== 'works') continue;
      if (!(await hasDue(runner, runner.messages))) continue;
      lastMessages = id;
      const seen = runner.messages.due.shift();
      if (seen) return { runner, seen };
    }
    return undefined;
  }

  async function hasDue(runner: Runner, lane: Lane): Promise<boolean> {
    const nowMs = clock.nowMs();
    if (lane.due.length > 0) return true;
    if (nowMs < lane.nextMs) return false;
    const { _id, pacing } = runner.campaign;
    const isNewBarred = nowMs < runner.newBarredMs;
    const priorities = lane === runner.messages ? MESSAGES : isNewBarred ? WITHOUT_NEW : CALLS;
    // Whoever adds something meanwhile lowers it again.
    lane.nextMs = Number.POSITIVE_INFINITY;
    try {
      if (lane === runner.calls && isShared && pacing?.maxConcurrentCalls !== undefined)
        runner.elsewhere = (await enrollments.working(_id)).filter(
          (each) => !runner.lines.has(each._id),
        ).length;
      const found = await enrollments.due(_id, priorities, BATCH + inHand.size);
      lane.due = found.due.filter((each) => !inHand.has(each._id)).slice(0, BATCH);
      // Where all that is due is in hand already, what comes behind it was not looked for.
      const isInHand = found.due.length > lane.due.length;
      const next = lane.due.length > 0 ? nowMs : (found.nextMs ?? nowMs + (isInHand ? AGAIN_MS : lookMs));
      const barredMs = isNewBarred ? runner.newBarredMs : Number.POSITIVE_INFINITY;
      lane.nextMs = Math.min(lane.nextMs, next, nowMs + lookMs, barredMs);
    } catch (error) {
      lane.nextMs = nowMs;
      throw error;
    }
    return lane.due.length > 0 && (lane === runner.messages || hasRoom(runner));
  }

  /** Something of a campaign is due at `atMs`. */
  function expect(campaignId: string, atMs: number, priority?: Priority): void {
    const runner = runners.get(campaignId);
    if (!runner) return;
    for (const lane of priority === undefined
      ? [runner.calls, runner.messages]
      : [priority === 3 ? runner.messages : runner.calls]) {
      // What is more urgent than what was read before is to come before it.
      if (atMs <= clock.nowMs()) lane.due = [];
      lane.nextMs = Math.min(lane.nextMs, atMs);
    }
    wake(Math.max(atMs, clock.nowMs()));
  }

  // ── One step ───────────────────────────────────────────────────────────────────────────────────────────────────────

  function begin(runner: Runner, seen: Enrollment): void {
    const { workflow, _id } = runner.campaign;
    const isCall =
      seen.working === undefined && workflow !== undefined && stepOf(workflow, seen)?.kind === 'call';
    // A line and a place in the pace are taken in the same breath, and given back when nobody is called.
    let isPlaced = false;
    if (isCall) takeTurn(runner, seen);
    inHand.set(seen._id, seen.leadId);
    const work = take(runner, seen)
      .then((placed) => {
        isPlaced = placed;
      })
      .catch((error) => {
        if (isFailure(error, 'store_unavailable')) awayMs = clock.nowMs() + AWAY_MS;
        else log.error({ err: error, enrollmentId: seen._id }, 'a step of a campaign could not be taken');
        // Its lease ends, and it is taken over then.
        expect(_id, clock.nowMs() + AWAY_MS);
      })
      .finally(() => {
        inHand.delete(seen._id);
        background.delete(work);
        if (isCall) endTurn(runner, seen, isPlaced);
        if (changedInHand.delete(seen.leadId)) inBackground(changed([seen.leadId]));
        wake();
      });
    background.add(work);
  }

  function takeTurn(runner: Runner, seen: Enrollment): void {
    const nowMs = clock.nowMs();
    const { callsPerSecond } = runner.campaign.pacing ?? {};
    callsInHand += 1;
    runner.lines.add(seen._id);
    addUsed(runner.campaign._id, USUAL_CALL_SEC);
    houseSlotMs = Math.max(nowMs, houseSlotMs) + 1_000 / deps.callsPerSecond;
    if (callsPerSecond !== undefined) runner.slotMs = Math.max(nowMs, runner.slotMs) + 1_000 / callsPerSecond;
  }

  function endTurn(runner: Runner, seen: Enrollment, isPlaced: boolean): void {
    callsInHand -= 1;
    if (isPlaced) return;
    const { callsPerSecond } = runner.campaign.pacing ?? {};
    runner.lines.delete(seen._id);
    addUsed(runner.campaign._id, -USUAL_CALL_SEC);
    houseSlotMs -= 1_000 / deps.callsPerSecond;
    if (callsPerSecond !== undefined) runner.slotMs -= 1_000 / callsPerSecond;
  }

  /** Answers whether a call was placed. */
  async function take(runner: Runner, seen: Enrollment): Promise<boolean> {
    const mine = await enrollments.claim(seen);
    if (!mine) return false;
    if (mine.working) {
      await look(mine, mine.working.id);
      return false;
    }
    const { campaign } = runner;
    const { workflow } = campaign;
    const lead = await leads.get(mine.leadId);
    const why = endingOf(lead, campaign._id);
    if (why || !lead) await end(mine, why ?? 'removed');
    else if (!workflow) await enrollments.release(mine);
    else return await takeStep(runner, mine, lead, stepOf(workflow, mine));
    return false;
  }

  async function takeStep(runner: Runner, mine: Held, lead: Lead, step: Step | undefined): Promise<boolean> {
    const { workflow } = runner.campaign;
    if (!workflow) return false;
    if (step?.kind === 'call') return await takeCall(runner, mine);
    if (step?.kind === 'message') await takeMessage(runner.campaign, mine, lead, step);
    else await moveOn(mine, onward(workflow, positionOf(mine, mine.calls), clock.nowMs()));
    return false;
  }

  async function moveOn(
    mine: Held,
    to: Move,
    told: Parameters<typeof enrollments.move>[2] = {},
  ): Promise<void> {
    if (!(await enrollments.move(mine, to, told))) return;
    if (to.kind === 'next') expect(mine.campaignId, to.dueAt.getTime(), to.priority);
  }

  const end = (mine: Held, why: Ending): Promise<void> => moveOn(mine, { kind: 'ended', why });

  /** The step is barred: it waits, or it is the last. */
  async function bar(mine: Held, decision: Decision, key: 'unused' | 'spent'): Promise<void> {
    const barred = afterDenial(decision, clock.nowMs());
    if (barred.kind === 'ended') return await end(mine, barred.why);
    if (await enrollments.wait(mine, barred, key))
      expect(mine.campaignId, barred.dueAt.getTime(), mine.priority);
  }

  async function later(mine: Held, reason: string, explanation: string): Promise<void> {
    const dueAt = new Date(clock.nowMs() + BUSY_AGAIN_MS);
    await enrollments.wait(mine, { reason, explanation, until: dueAt, dueAt });
    expect(mine.campaignId, dueAt.getTime(), mine.priority);
  }

  // ── A call ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  const requesterOf = (campaignId: string): string => `campaign:${campaignId}`;
  const keyOf = ({ _id, turn }: Enrollment): string => `enrollment:${_id}:${turn}`;

  async function takeCall(runner: Runner, mine: Held): Promise<boolean> {
    const { campaign } = runner;
    const { _id: campaignId } = campaign;
    // Whoever held it may have placed the call and died before it said so.
    const known = mine.takenOver ? await placedBefore(mine) : undefined;
    if (known) return await awaitEnd(campaign, mine, known, undefined);
    const nowMs = clock.nowMs();
    const { facts } = await deps.gatherFacts({ leadId: mine.leadId, campaignId }, nowMs);
    const { decision } = decide(facts, nowMs);
    if (decision.reason === 'campaign_paused') {
      runner.callsBarredMs = nowMs + STOPPED_AGAIN_MS;
      runner.barredBy = 'not_active';
      await enrollments.release(mine);
      return false;
    }
    if (decision.verdict === 'deny') {
      await bar(mine, decision, 'unused');
      return false;
    }
    const charged = await use.charge(campaign, mine.calls === 0);
    if (charged.kind === 'spent') {
      await enrollments.release(mine);
      await standStill(runner, charged);
      return false;
    }
    return await place(runner, mine, charged.charge);
  }

  async function placedBefore(mine: Held): Promise<Call | undefined> {
    const idempotencyKey = `${requesterOf(mine.campaignId)}:${keyOf(mine)}`;
    const [attempt] = await store.collection('attempts').find({ filter: { idempotencyKey }, limit: 1 });
    return attempt && (await calls.get(attempt.callId));
  }

  async function place({ campaign }: Runner, mine: Held, charge: Charge): Promise<boolean> {
    const { leadId, campaignId } = mine;
    let placed: Placed;
    try {
      placed = await deps.placeCall({
        leadId,
        campaignId,
        requestedBy: requesterOf(campaignId),
        idempotencyKey: keyOf(mine),
      });
    } catch (error) {
      // Where the store failed nobody knows what was placed; whoever takes it over looks.
      if (!isFailure(error) || isFailure(error, 'store_unavailable')) throw error;
      await use.giveBack(charge);
      await notPlaced(mine, error);
      return false;
    }
    if (placed.kind === 'denied') {
      await use.giveBack(charge);
      await bar(mine, placed.decision, 'spent');
      return false;
    }
    return await awaitEnd(campaign, mine, placed.call, charge);
  }

  async function notPlaced(mine: Held, error: Failure): Promise<void> {
    switch (error.code) {
      case 'attempt_in_progress':
        return await later(
          mine,
          'in_a_call',
          'This person is in a call with us, or is being called, right now.',
        );
      case 'lead_not_found':
        return await end(mine, 'removed');
      case 'at_capacity':
        refusedMs = clock.nowMs() + AGAIN_MS;
        await enrollments.release(mine);
        return expect(mine.campaignId, refusedMs, mine.priority);
      case 'shutting_down':
        await enrollments.release(mine);
        return;
      default:
        log.error({ err: error, enrollmentId: mine._id }, 'a call of a campaign could not be placed');
        return await later(mine, error.code, `The call could not be placed: ${error.message}.`);
    }
  }

  /** From now on the end of this call is awaited. */
  async function awaitEnd(
    campaign: Campaign,
    mine: Held,
    call: Call,
    charge: Charge | undefined,
  ): Promise<boolean> {
    const { ringTimeoutSec, maxCallSec } = campaign.calling;
    const since = new Date(clock.nowMs());
    const dueAt = new Date(since.getTime() + (ringTimeoutSec + maxCallSec) * 1_000 + CALL_SLACK_MS);
    const reckoned = charge?.reckoned ?? campaign.budget?.costPerCall ?? 0;
    const working = { method: 'automated_call', id: call._id, since, reckoned } as const;
    const awaited = await enrollments.placed(mine, working, dueAt);
    if (!awaited) return false;
    expect(mine.campaignId, dueAt.getTime(), mine.priority);
    // A short call may be over before anybody knew whose it is.
    const now = await calls.get(call._id);
    if (now && isSettled(now)) await settle(awaited, now);
    return true;
  }

  const isSettled = (call: Call): boolean =>
    isOver(call) &&
    (call.status === 'denied' ||
      call.outcome !== undefined ||
      clock.nowMs() - (call.endedAt ?? call.updatedAt).getTime() > UNCONCLUDED_MS);

  /** Its call should be over by now. */
  async function look(mine: Held, callId: string): Promise<void> {
    const call = await calls.get(callId);
    const again = new Date(clock.nowMs() + BUSY_AGAIN_MS);
    const freed = await enrollments.release(mine, again);
    if (freed && (!call || isSettled(call))) await settle(freed, call);
    else expect(mine.campaignId, again.getTime(), mine.priority);
  }

  /** What follows from a call that is over; undefined: from one that nobody knows any more. */
  async function settle(enrollment: Enrollment, call: Call | undefined): Promise<void> {
    const { campaignId, working } = enrollment;
    if (!working) return;
    const nowMs = clock.nowMs();
    const runner = runners.get(campaignId);
    const campaign = runner?.campaign ?? (await campaigns.get(campaignId));
    const charge: Charge = {
      campaignId,
      day: dayOf(campaign?.schedule, working.since.getTime()),
      reckoned: working.reckoned ?? 0,
      isFirst: enrollment.calls === 0,
    };
    runner?.lines.delete(enrollment._id);
    const barred =
      call?.status === 'denied' && call.complianceDecision
        ? afterDenial(call.complianceDecision, nowMs)
        : undefined;
    if (barred?.kind === 'waits') {
      if (!(await enrollments.settleWaiting(enrollment, working.id, barred))) return;
      expect(campaignId, barred.dueAt.getTime(), enrollment.priority);
      return await use.giveBack(charge);
    }
    const wasDialled = call?.dialedAt !== undefined;
    const made = enrollment.calls + (wasDialled ? 1 : 0);
    const to = barred ?? following(campaign, enrollment, call, made, nowMs);
    const told = wasDialled
      ? {
          calls: made,
          firstCalledAt: enrollment.firstCalledAt ?? call.dialedAt,
          lastAt: call.endedAt ?? new Date(nowMs),
        }
      : {};
    const lastOutcome = outcomeOf(call);
    if (!(await enrollments.settle(enrollment, working.id, to, { ...told, lastOutcome }))) return;
    if (to.kind === 'next') expect(campaignId, to.dueAt.getTime(), to.priority);
    if (!wasDialled) return await use.giveBack(charge);
    await use.settle(charge, call.cost?.totalCost ?? 0);
    const tookSec = ((call.endedAt?.getTime() ?? nowMs) - call.initiatedAt.getTime()) / 1_000;
    addUsed(campaignId, tookSec - USUAL_CALL_SEC);
    if (call.status === 'failed') await judge(campaignId);
  }

  function following(
    campaign: Campaign | undefined,
    enrollment: Enrollment,
    call: Call | undefined,
    made: number,
    nowMs: number,
  ): Move {
    const { workflow } = campaign ?? {};
    if (!workflow) return { kind: 'ended', why: 'removed' };
    const to = afterCall(
      workflow,
      positionOf(enrollment, made),
      call ? callEndOf(call) : { status: 'canceled', wasDialled: false },
      nowMs,
    );
    const isLast = campaign?.status === 'completed' && to.kind === 'next';
    return isLast ? { kind: 'ended', why: 'campaign_over' } : to;
  }

  // ── A message ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async function takeMessage(
    campaign: Campaign,
    mine: Held,
    lead: Lead,
    step: Extract<Step, { kind: 'message' }>,
  ): Promise<void> {
    const { workflow, _id: campaignId } = campaign;
    if (!workflow) return;
    const goOn = async (outcome: string, wasSent: boolean): Promise<void> => {
      const lastAt = new Date(clock.nowMs());
      const to = onward(workflow, positionOf(mine, mine.calls), clock.nowMs());
      const lastOutcome = outcome;
      await moveOn(
        mine,
        to,
        wasSent ? { lastOutcome, lastAt, messages: mine.messages + 1 } : { lastOutcome },
      );
    };
    const channel = step.channel ?? (await channelOf(step.template));
    if (!channel) return await goOn('message_failed', false);
    try {
      const sent = await deps.sendMessage({
        leadId: lead._id,
        campaignId,
        channel,
        template: step.template,
        attemptKey: keyOf(mine),
        requestedBy: requesterOf(campaignId),
      });
      if (sent.kind === 'denied')
        return await messageDenied(mine, sent.decision, () => goOn(`${channel}_denied`, false));
      await use.countMessage(campaign);
      await goOn(`${channel}_${sent.kind}`, sent.kind !== 'failed');
    } catch (error) {
      if (!isFailure(error) || isFailure(error, 'store_unavailable')) throw error;
      const { code, message, retryable } = error;
      if (code === 'shutting_down') await enrollments.release(mine);
      else if (retryable) await later(mine, code, `The message could not be sent: ${message}.`);
      else {
        log.warn(
          { err: error, enrollmentId: mine._id },
          'a message of a campaign could not be sent; it goes on',
        );
        await goOn(`${channel}_failed`, false);
      }
    }
  }

  /** A message that time will allow is waited for; one that needs something else is left out. */
  async function messageDenied(mine: Held, decision: Decision, skip: () => Promise<void>): Promise<void> {
    const barred = afterDenial(decision, clock.nowMs());
    if (barred.kind === 'waits' && barred.needs === 'person') return await skip();
    await bar(mine, decision, 'unused');
  }

  async function channelOf(name: string): Promise<MessageChannel | undefined> {
    const [newest] = await store
      .collection('message_templates')
      .find({ filter: { name }, sort: { version: -1 }, limit: 1 });
    return newest?.channel;
  }

  // ── Standing still ─────────────────────────────────────────────────────────────────────────────────────────────────

  async function standStill(
    runner: Runner,
    { what, untilMs }: Extract<Charged, { kind: 'spent' }>,
  ): Promise<void> {
    const { campaign } = runner;
    if (what === 'budget') {
      const { totalBudget = 0 } = campaign.budget ?? {};
      const says = `The budget of $${totalBudget.toFixed(2)} is spent. Raise it to go on.`;
      return await hold(campaign._id, 'budget', says);
    }
    const until = untilMs ?? nextDayMs(campaign.schedule, clock.nowMs());
    if (what === 'pace') {
      runner.pacedMs = until;
      return;
    }
    runner.barredBy = 'day_limit';
    runner.calls.due = [];
    if (what === 'calls') runner.callsBarredMs = until;
    else runner.newBarredMs = until;
    runner.calls.nextMs = clock.nowMs();
  }

  /** Pauses a campaign by itself. */
  async function hold(campaignId: string, code: Hold['code'], says: string): Promise<void> {
    const at = new Date(clock.nowMs());
    const hold: Hold = { code, says, at, by: 'parley' };
    const paused = await campaigns.update(
      { _id: campaignId, status: 'active' },
      { $set: { status: 'paused', hold, updatedAt: at } },
    );
    if (!paused) return;
    log.warn({ campaignId, code, says }, 'a campaign was paused by itself');
    campaignChanged(campaignId);
  }

  async function judge(campaignId: string): Promise<void> {
    const campaign = await campaigns.get(campaignId);
    if (campaign?.status !== 'active') return;
    const since = campaign.resumedAt ?? campaign.startedAt ?? campaign.createdAt;
    const last = await calls.find({
      filter: {
        campaignId,
        initiatedAt: { $gte: since },
        dialedAt: { $exists: true },
        status: { $in: ['completed', 'busy', 'no_answer', 'failed', 'canceled'] },
      },
      sort: { initiatedAt: -1 },
      limit: LAST_CALLS,
    });
    const says = tooManyFailures(last);
    if (says !== undefined) await hold(campaignId, 'failures', says);
  }

  // ── Looking after ──────────────────────────────────────────────────────────────────────────────────────────────────

  async function keep(): Promise<void> {
    const nowMs = clock.nowMs();
    await readCampaigns();
    if (nowMs < keptMs + keepMs) return;
    keptMs = nowMs;
    inBackground(lookAfterCalls());
    if (nowMs < lookedMs + KEEP_MS) return;
    const since = Math.max(lookedMs - NEW_MS, nowMs - SWEEP_MS);
    lookedMs = nowMs;
    inBackground(enrolling.lookAtNew(since, running(), expectAll, shutdown));
    inBackground(sweepInTurn());
  }

  const running = (): Campaign[] => [...runners.values()].map(({ campaign }) => campaign);
  const expectAll = (campaignIds: ReadonlySet<string>): void => {
    for (const id of campaignIds) expect(id, clock.nowMs(), 1);
  };

  /** Several processes look at all leads one after the other, not each. */
  async function sweepInTurn(): Promise<void> {
    if (runners.size > 0 && (await deps.claims.take(SWEEP_CLAIM, SWEEP_MS)))
      await enrolling.sweep(running(), running(), expectAll, shutdown);
  }

  let reading: Promise<void> | undefined;
  function readCampaigns(): Promise<void> {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  async function read(): Promise<void> {
    // What changes while they are read is read again.
    isStale = false;
    const active = await campaigns.find({ filter: { status: 'active' } });
    const nowMs = clock.nowMs();
    const ended = active.filter(({ schedule }) => hasEnded(schedule, nowMs));
    for (const { _id } of ended) await complete(_id);
    const works = active.filter(({ workflow, schedule }) => workflow && !hasEnded(schedule, nowMs));
    const ids = new Set(works.map(({ _id }) => _id));
    for (const id of runners.keys()) if (!ids.has(id)) runners.delete(id);
    const fresh: Campaign[] = [];
    for (const campaign of works) {
      const known = runners.get(campaign._id);
      if (known?.campaign.updatedAt.getTime() === campaign.updatedAt.getTime()) continue;
      const isFresh =
        !known || JSON.stringify(known.campaign.targeting) !== JSON.stringify(campaign.targeting);
      if (isFresh) fresh.push(campaign);
      runners.set(campaign._id, runnerOf(campaign, known));
    }
    if (fresh.length > 0) inBackground(enrolling.sweep(fresh, works, expectAll, shutdown));
  }

  const runnerOf = (campaign: Campaign, known: Runner | undefined): Runner => ({
    campaign,
    standing: { kind: 'not_active' },
    standsUntilMs: 0,
    calls: { due: [], nextMs: 0 },
    messages: { due: [], nextMs: 0 },
    slotMs: known?.slotMs ?? 0,
    pacedMs: 0,
    lines: known?.lines ?? new Set(),
    elsewhere: known?.elsewhere ?? 0,
    callsBarredMs: 0,
    newBarredMs: 0,
  });

  async function complete(campaignId: string): Promise<void> {
    const at = new Date(clock.nowMs());
    const completed = await campaigns.update(
      { _id: campaignId, status: 'active' },
      { $set: { status: 'completed', completedAt: at, updatedAt: at }, $unset: { hold: '' } },
    );
    if (!completed) return;
    log.info({ campaignId }, 'the last day of a campaign is over');
    inBackground(closeOut(campaignId));
  }

  /** Nothing more is done for the leads of a campaign that is over. */
  async function closeOut(campaignId: string): Promise<void> {
    const open = { campaignId, dueAt: { $gt: new Date(0) } };
    for await (const each of inOrder(store.collection('enrollments'), open, ['leadId'])) {
      if (shutdown.aborted) return;
      await enrollments.interject(each, { kind: 'ended', why: 'campaign_over' });
    }
  }

  /** Calls that are over though nobody said so here. */
  async function lookAfterCalls(): Promise<void> {
    for (const enrollment of await enrollments.working()) {
      const { working, campaignId, dueAt } = enrollment;
      if (!working || shutdown.aborted) continue;
      const call = await calls.get(working.id);
      if (call ? isSettled(call) : (dueAt?.getTime() ?? 0) <= clock.nowMs()) await settle(enrollment, call);
      else if (!inHand.has(enrollment._id)) runners.get(campaignId)?.lines.add(enrollment._id);
    }
  }

  function inBackground(work: Promise<void>): void {
    const tracked = work.catch((error) => {
      if (shutdown.aborted || isFailure(error, 'store_unavailable')) return;
      log.error({ err: error }, 'campaigns could not be looked after');
    });
    background.add(tracked);
    void tracked.finally(() => background.delete(tracked));
  }

  // ── What others tell ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Leads that are new, or newly given to a campaign. Never throws: what is missed is found by the next look. */
  async function arrived(leadIds: readonly string[]): Promise<void> {
    if (!begun || stopped || leadIds.length === 0) return;
    try {
      if (isStale) await readCampaigns();
      if (runners.size > 0) expectAll(await enrolling.arrived(leadIds, running()));
    } catch (error) {
      log.warn({ err: error, leads: leadIds.length }, 'new leads could not be enrolled at once');
    }
  }

  async function changed(leadIds: readonly string[]): Promise<void> {
    const handled = new Set(inHand.values());
    for (const leadId of leadIds) if (handled.has(leadId)) changedInHand.add(leadId);
    for (const enrollment of await enrollments.ofLeads(leadIds)) {
      const lead = await leads.get(enrollment.leadId);
      const why = endingOf(lead, enrollment.campaignId);
      if (why) await enrollments.interject(enrollment, { kind: 'ended', why });
      else if (enrollment.waiting && (await enrollments.awaken(enrollment)))
        expect(enrollment.campaignId, clock.nowMs(), enrollment.priority);
    }
  }

  function campaignChanged(campaignId: string): void {
    isStale = true;
    wake();
    inBackground(
      campaigns.get(campaignId).then(async (campaign) => {
        if (campaign?.status === 'completed') await closeOut(campaignId);
      }),
    );
  }

  /** A call is over, whoever placed it, and its lead was told. Never throws: what is missed is found by the next look. */
  async function callOver(call: Call): Promise<void> {
    if (!begun) return;
    try {
      const enrollment = await enrollments.awaiting(call._id);
      if (enrollment) await settle(enrollment, call);
      else if (call.leadId !== undefined) await talkedBeside(call, call.leadId);
    } catch (error) {
      if (!isFailure(error, 'store_unavailable'))
        log.error({ err: error, callId: call._id }, 'the end of a call could not be told to its campaign');
    }
    linesFullMs = 0;
    refusedMs = 0;
    wake();
  }

  /** Somebody talked to a lead of a campaign in a call that the campaign did not place. */
  async function talkedBeside(call: Call, leadId: string): Promise<void> {
    const end = callEndOf(call);
    const isOurs = call.createdBy === requesterOf(call.campaignId ?? '');
    if (isOurs || end.outcome === undefined || call.answeredAt === undefined) return;
    const isTelling =
      end.outcome !== 'hung_up' && end.outcome !== 'voicemail' && end.outcome !== 'no_conversation';
    if (!isTelling) return;
    for (const enrollment of await enrollments.ofLeads([leadId])) {
      const campaign = await campaigns.get(enrollment.campaignId);
      if (!campaign?.workflow) continue;
      const at = positionOf(enrollment, enrollment.calls);
      const to = afterCall(campaign.workflow, at, { ...end, wasDialled: true }, clock.nowMs());
      if ((await enrollments.interject(enrollment, to)) && to.kind === 'next')
        expect(campaign._id, to.dueAt.getTime(), to.priority);
    }
  }

  const work = createCampaignWork({
    ...deps,
    figuresOf: use.figuresOf,
    linesFree: deps.linesFree,
    linesOf: (campaignId) => runners.get(campaignId)?.lines.size ?? 0,
    barredOf(campaignId) {
      const runner = runners.get(campaignId);
      const nowMs = clock.nowMs();
      if (!runner?.barredBy) return undefined;
      if (nowMs < runner.callsBarredMs) return { by: runner.barredBy, untilMs: runner.callsBarredMs };
      return nowMs < runner.newBarredMs ? { by: 'day_limit', untilMs: runner.newBarredMs } : undefined;
    },
  });

  return {
    /** Starts working. To be called when what an earlier life left open is taken up. */
    begin(): void {
      if (begun) return;
      begun = true;
      lookedMs = clock.nowMs();
      store.outage?.watch(() => wake());
      wake();
    },
    arrived,
    /** Something about these leads changed: consent, a release, the lead itself. Never throws. */
    async changed(leadIds: readonly string[]): Promise<void> {
      if (!begun || stopped || runners.size === 0) return;
      try {
        await changed(leadIds);
      } catch (error) {
        log.warn({ err: error }, 'a change could not be told to campaigns');
      }
    },
    campaignChanged,
    callOver,
    ...work,
    /** Begins nothing more. */
    stop(): void {
      stopped = true;
      timer?.cancel();
    },
    /** Resolves when nothing is in hand. */
    async settled(): Promise<void> {
      while (turning || background.size > 0) await Promise.allSettled([turning, ...background]);
    },
  };
}

const outcomeOf = (call: Call | undefined): string =>
  call === undefined
    ? 'lost'
    : ((call.outcome === 'no_conversation' ? undefined : call.outcome) ?? call.status);

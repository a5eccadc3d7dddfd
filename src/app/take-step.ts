/**
 * app/take-step: one step of one enrollment, under its claim. Calls go through place-call and its gate like everybody's; what is
 * asked of the gate here before is only so that a denial costs nothing. The key of every try is made of its enrollment and
 * turn, so that it is made once whoever makes it.
 */
import type { Call } from '../domain/call.ts';
import {
  afterDenial,
  type Ending,
  type Enrollment,
  endingOf,
  type Move,
  onward,
  type Step,
  stepOf,
} from '../domain/campaign.ts';
import { nextDayMs } from '../domain/campaign-hours.ts';
import { decide } from '../domain/compliance/decide.ts';
import type { Decision } from '../domain/compliance/decision.ts';
import type { Campaign, Lead } from '../domain/documents.ts';
import { type Failure, isFailure } from '../domain/errors.ts';
import type { MessageChannel } from '../domain/message.ts';
import type { CampaignLines, Due, Runner } from './campaign-lines.ts';
import type { CampaignUse, Charge, Charged } from './campaign-use.ts';
import { type Enrollments, type Held, positionOf } from './enrollments.ts';
import type { GatherFacts } from './gather-facts.ts';
import type { PlaceCallRequest, Placed } from './place-call.ts';
import type { Clock, Log, Store } from './ports.ts';
import type { SettleCall } from './settle-call.ts';

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

export interface TakeStepDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly enrollments: Enrollments;
  readonly use: CampaignUse;
  readonly lines: CampaignLines;
  readonly settling: SettleCall;
  readonly gatherFacts: GatherFacts;
  readonly placeCall: (request: PlaceCallRequest) => Promise<Placed>;
  readonly sendMessage: SendStep;
  /** What an enrollment has become: its step is planned, given back or the last. */
  readonly planned: (step: Enrollment) => void;
}

/** Somebody else talks to the person, or the vendor of messages is away. */
const BUSY_AGAIN_MS = 60_000;
/** All calls are stopped by a switch. */
const STOPPED_AGAIN_MS = 15_000;
/** Behind the longest that a call can ring and talk: its end is told by then, or asked for. */
const CALL_SLACK_MS = 180_000;

/** In whose name a campaign's calls and messages are asked for. */
export const requesterOf = (campaignId: string): string => `campaign:${campaignId}`;

/** Answers whether a call was placed. */
export type TakeStep = (due: Due) => Promise<boolean>;

export function createTakeStep(deps: TakeStepDeps): TakeStep {
  const { store, clock, log, enrollments, use, lines, planned } = deps;
  const { settle, isSettled, hold } = deps.settling;
  const leads = store.collection('leads');
  const calls = store.collection('calls');

  async function take({ runner, seen }: Due): Promise<boolean> {
    const { campaign } = runner;
    const isAwaited = seen.working !== undefined;
    const lead = isAwaited ? undefined : await leads.get(seen.leadId);
    const why = isAwaited ? undefined : endingOf(lead, campaign._id);
    const step = campaign.workflow && stepOf(campaign.workflow, seen);
    // A call that the gate bars needs no claim to wait: that is one write, of what was seen.
    const isFresh = lead && why === undefined && step?.kind === 'call' && seen.holder === undefined;
    if (isFresh && !(await isAllowed(runner, seen))) return false;
    const toCharge = isFresh ? use.toCharge(campaign, seen.calls === 0) : undefined;
    const mine = await enrollments.claim(seen, toCharge?.change);
    if (!mine) return false;
    if (mine.working) {
      await look(mine, mine.working.id);
      return false;
    }
    if (why || !lead) await end(mine, why ?? 'removed');
    else if (!campaign.workflow) await giveBack(mine);
    else return await takeStep(runner, mine, lead, step, mine.alsoDone ? toCharge?.charge : undefined);
    return false;
  }

  /** `charge`: of its call, where that was made with the claim. */
  async function takeStep(
    runner: Runner,
    mine: Held,
    lead: Lead,
    step: Step | undefined,
    charge: Charge | undefined,
  ): Promise<boolean> {
    const { workflow } = runner.campaign;
    if (!workflow) return false;
    if (step?.kind === 'call') return await takeCall(runner, mine, charge);
    if (step?.kind === 'message') await takeMessage(runner.campaign, mine, lead, step);
    else await moveOn(mine, onward(workflow, positionOf(mine, mine.calls), clock.nowMs()));
    return false;
  }

  async function moveOn(
    mine: Held | Enrollment,
    to: Move,
    told: Parameters<typeof enrollments.move>[2] = {},
  ): Promise<void> {
    tell(await enrollments.move(mine, to, told));
  }

  /** `step`: as it stands now, unless another was quicker. */
  function tell(step: Enrollment | undefined): void {
    if (step) planned(step);
  }

  const giveBack = async (mine: Held): Promise<void> => tell(await enrollments.release(mine));

  const end = (mine: Held | Enrollment, why: Ending): Promise<void> => moveOn(mine, { kind: 'ended', why });

  /** The step is barred: it waits, or it is the last. */
  async function bar(mine: Held | Enrollment, decision: Decision, key: 'unused' | 'spent'): Promise<void> {
    const barred = afterDenial(decision, clock.nowMs());
    if (barred.kind === 'ended') return await end(mine, barred.why);
    tell(await enrollments.wait(mine, barred, key));
  }

  async function later(mine: Held, reason: string, explanation: string): Promise<void> {
    const dueAt = new Date(clock.nowMs() + BUSY_AGAIN_MS);
    tell(await enrollments.wait(mine, { reason, explanation, until: dueAt, dueAt }));
  }

  // ── A call ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  const keyOf = ({ _id, turn }: Enrollment): string => `enrollment:${_id}:${turn}`;

  async function takeCall(runner: Runner, mine: Held, charge: Charge | undefined): Promise<boolean> {
    const { campaign } = runner;
    if (charge) return await place(runner, mine, charge);
    // Whoever held it may have placed the call and died before it said so.
    const known = mine.takenOver ? await placedBefore(mine) : undefined;
    if (known) return await awaitEnd(campaign, mine, known, undefined);
    if (mine.takenOver && !(await isAllowed(runner, mine))) return false;
    const charged = await use.charge(campaign, mine.calls === 0);
    if (charged.kind === 'spent') {
      await giveBack(mine);
      await standStill(runner, charged);
      return false;
    }
    return await place(runner, mine, charged.charge);
  }

  /** Whether the gate would let the call be placed now; a step that it bars waits, or is the last. */
  async function isAllowed(runner: Runner, seen: Held | Enrollment): Promise<boolean> {
    const { leadId, campaignId } = seen;
    const nowMs = clock.nowMs();
    const { facts } = await deps.gatherFacts({ leadId, campaignId }, nowMs);
    const { decision } = decide(facts, nowMs);
    if (decision.reason === 'campaign_paused') {
      runner.callsBarredMs = nowMs + STOPPED_AGAIN_MS;
      runner.barredBy = 'not_active';
      if ('wasDueAt' in seen) await giveBack(seen);
      else planned(seen);
      return false;
    }
    if (decision.verdict === 'deny') await bar(seen, decision, 'unused');
    return decision.verdict !== 'deny';
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
        campaignStep: { stage: mine.stage, step: mine.step },
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
        lines.refused();
        return await giveBack(mine);
      case 'shutting_down':
        return await giveBack(mine);
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
    tell(awaited);
    deps.settling.awaits(call._id, awaited);
    // A short call may be over before anybody knew whose it is.
    const now = await calls.get(call._id);
    if (now && isSettled(now)) await settle(awaited, now);
    return true;
  }

  /** Its call should be over by now. */
  async function look(mine: Held, callId: string): Promise<void> {
    const call = await calls.get(callId);
    const again = new Date(clock.nowMs() + BUSY_AGAIN_MS);
    const freed = await enrollments.release(mine, again);
    if (freed && (!call || isSettled(call))) await settle(freed, call);
    else tell(freed);
  }

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
    if (what === 'calls') runner.callsBarredMs = until;
    else runner.newBarredMs = until;
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
      await Promise.all([
        use.countMessage(campaign),
        goOn(`${channel}_${sent.kind}`, sent.kind !== 'failed'),
      ]);
    } catch (error) {
      if (!isFailure(error) || isFailure(error, 'store_unavailable')) throw error;
      const { code, message, retryable } = error;
      if (code === 'shutting_down') await giveBack(mine);
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

  return take;
}

/**
 * app/settle-call: what becomes of an enrollment whose call is over: where it goes next, what it cost, and whether its
 * campaign goes on at all.
 */
import { type Call, isOver } from '../domain/call.ts';
import {
  afterCall,
  afterDenial,
  callEndOf,
  type Enrollment,
  type Hold,
  LAST_CALLS,
  type Move,
  tooManyFailures,
} from '../domain/campaign.ts';
import { dayOf } from '../domain/campaign-hours.ts';
import type { Campaign } from '../domain/documents.ts';
import { type CampaignLines, USUAL_CALL_SEC } from './campaign-lines.ts';
import type { CampaignUse, Charge } from './campaign-use.ts';
import { type Enrollments, positionOf } from './enrollments.ts';
import type { Clock, Log, Store } from './ports.ts';

export interface SettleCallDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly enrollments: Enrollments;
  readonly use: CampaignUse;
  readonly lines: CampaignLines;
  /** What an enrollment has become. */
  readonly planned: (step: Enrollment) => void;
  /** A campaign was paused. */
  readonly held: (campaignId: string) => void;
}

/** A call that is over and about which nobody concluded anything. */
const UNCONCLUDED_MS = 900_000;

export type SettleCall = ReturnType<typeof createSettleCall>;

export function createSettleCall(deps: SettleCallDeps) {
  const { store, clock, log, enrollments, use, lines, planned } = deps;
  const campaigns = store.collection('campaigns');
  const calls = store.collection('calls');
  /** Enrollments whose call was placed here and is not settled, by the ids of the calls. */
  const awaiting = new Map<string, Enrollment>();

  const isSettled = (call: Call): boolean =>
    isOver(call) &&
    (call.status === 'denied' ||
      call.outcome !== undefined ||
      clock.nowMs() - (call.endedAt ?? call.updatedAt).getTime() > UNCONCLUDED_MS);

  /** What follows from a call that is over; undefined: from one that nobody knows any more. */
  async function settle(enrollment: Enrollment, call: Call | undefined): Promise<void> {
    const { campaignId, working } = enrollment;
    if (!working) return;
    awaiting.delete(working.id);
    const nowMs = clock.nowMs();
    const runner = lines.runners.get(campaignId);
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
      const waiting = await enrollments.settleWaiting(enrollment, working.id, barred);
      if (!waiting) return;
      planned(waiting);
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
    const owed = wasDialled ? use.settled(charge, await costOf(call)) : use.uncharged(charge);
    const outcome = { ...told, lastOutcome };
    const { found, alsoDone } = await enrollments.settle(enrollment, working.id, to, outcome, owed?.change);
    if (!found) return;
    planned(found);
    if (owed && !alsoDone) await use.correct(owed);
    if (!wasDialled) return;
    const tookSec = ((call.endedAt?.getTime() ?? nowMs) - call.initiatedAt.getTime()) / 1_000;
    lines.addUsed(campaignId, tookSec - USUAL_CALL_SEC);
    if (call.status === 'failed') await judge(campaignId);
  }

  /** Without its analyses, which are told to the campaign by themselves, before or after, US dollars. */
  async function costOf({ _id, cost, analysis }: Call): Promise<number> {
    if (!cost || !analysis) return cost?.totalCost ?? 0;
    const reckoned = (await store.events(_id)).flatMap((event) =>
      event.type === 'costed' ? event.cost.totalCost : [],
    );
    return reckoned.at(-1) ?? cost.totalCost;
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
    deps.held(campaignId);
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

  return {
    /** Whether what came of it is known, or will not be known any more. */
    isSettled,
    settle,
    hold,
    /** Its call was placed here. */
    awaits(callId: string, enrollment: Enrollment): void {
      awaiting.set(callId, enrollment);
    },
    /** Whose call it is; undefined: nobody's, or it was settled. */
    awaitedBy: async (callId: string): Promise<Enrollment | undefined> =>
      awaiting.get(callId) ?? (await enrollments.awaiting(callId)),
    /** Those whose calls others settled are forgotten. */
    keepAwaiting(callIds: ReadonlySet<string>): void {
      for (const callId of awaiting.keys()) if (!callIds.has(callId)) awaiting.delete(callId);
    },
  };
}

const outcomeOf = (call: Call | undefined): string =>
  call === undefined
    ? 'lost'
    : ((call.outcome === 'no_conversation' ? undefined : call.outcome) ?? call.status);

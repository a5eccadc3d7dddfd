/**
 * app/apply-analysis: what follows from an analysis that was made: the call's event log hears of it, its transcript gets feelings and
 * topics, its lead tags, a step ahead and a follow-up, its campaign what it cost. Every step may be done twice, so a cut-off one is simply done again.
 */
import type { Analysis, CallAnalysis } from '../domain/analysis.ts';
import type { Call } from '../domain/call.ts';
import { dayOf } from '../domain/campaign-hours.ts';
import type { LeadStatus } from '../domain/documents.ts';
import { eraseEvent } from '../domain/erasure.ts';
import { stageAfter } from '../domain/lead.ts';
import { foldTranscript } from '../domain/transcript.ts';
import { createCampaignUse } from './campaign-use.ts';
import type { OptOutOrKeep } from './opt-out.ts';
import type { Clock, Log, Store } from './ports.ts';
import type { EventLog } from './record-event.ts';
import { requesterOf } from './take-step.ts';

export interface ApplyAnalysisDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventLog;
  readonly optOut: OptOutOrKeep;
}

/** What a call that was understood makes of an open lead: only ever a step ahead. */
const AHEAD: Partial<
  Record<NonNullable<Analysis['outcome']>, { from: readonly LeadStatus[]; to: LeadStatus }>
> = {
  qualified: { from: ['new', 'contacted', 'nurturing'], to: 'qualified' },
  callback: { from: ['new'], to: 'contacted' },
  hung_up: { from: ['new'], to: 'contacted' },
};
/** This person may have asked for no more calls, and nobody on the line took it so: doubt denies until somebody looked. */
const LOOK_FOR_STOP = 'check_opt_out';
const MOST_TAGS = 50;
const MOST_NOTES = 500;

/** What a lead is tagged with, where it was said. */
function tagsOf(call: Call, { extractedInfo, keyMoments, outcome }: Analysis): string[] {
  const { motivationFactors, decisionMakers, competingOffers, agentInvolved, timeframe } = extractedInfo;
  const stopped = outcome === 'opted_out' || keyMoments.some(({ type }) => type === 'opt_out');
  return [
    ...(motivationFactors.length > 0 && (outcome === 'qualified' || outcome === 'callback')
      ? ['motivated_seller']
      : []),
    ...(timeframe === 'immediate' || timeframe === '30_days' ? ['quick_close'] : []),
    ...(decisionMakers !== undefined && decisionMakers !== 'sole_owner' ? ['needs_approval'] : []),
    ...(competingOffers === true ? ['other_offers'] : []),
    ...(agentInvolved === true ? ['listed'] : []),
    ...(stopped && !call.optedOut ? [LOOK_FOR_STOP] : []),
  ];
}

/** What was said that sounds like a stop. */
const stopIn = ({ keyMoments }: Analysis): string | undefined =>
  keyMoments.find(({ type }) => type === 'opt_out')?.userText;

/** Answers whether nothing is left to do for it. */
export type ApplyAnalysis = (made: CallAnalysis) => Promise<boolean>;

export function createApplyAnalysis({ store, clock, log, events, optOut }: ApplyAnalysisDeps): ApplyAnalysis {
  const analyses = store.collection('call_analyses');
  const calls = store.collection('calls');
  const transcripts = store.collection('call_transcripts');
  const leads = store.collection('leads');
  const use = createCampaignUse({ store, clock });
  const now = (): Date => new Date(clock.nowMs());

  async function apply(made: CallAnalysis): Promise<boolean> {
    const { _id: analysisId, callId, origin, analysis } = made;
    if (!origin || !analysis) return false;
    const before = await calls.get(callId);
    if (before) await tellCampaign(before, made);
    if (!before || before.erasedAt) {
      await analyses.remove({ _id: analysisId });
      await forgetCost(before, made);
      return true;
    }
    // A model's reading of the same words is not replaced by that of word lists; it is kept beside it, to compare.
    const shown = before.analysis;
    const isBetter =
      shown?.by === 'claude' && origin.by === 'lexicon' && shown.transcriptHash === origin.transcriptHash;
    const applied = !isBetter || shown?.analysisId === analysisId;
    if (applied) {
      const call = await events.record(
        callId,
        { type: 'analysed', analysisId, origin, analysis },
        { eventId: `${callId}:analysed:${analysisId}` },
      );
      if (call.erasedAt) {
        await forget(callId, analysisId);
        await forgetCost(call, made);
        return true;
      }
      await tellTranscript(call);
      if (call.analysis?.analysisId === analysisId) await tellLead(call, analysis);
    }
    await analyses.update({ _id: analysisId }, { $set: { state: 'done', applied, updatedAt: now() } });
    await forgetCost(before, made);
    return true;
  }

  /** The campaign whose budget was charged for a call. */
  const payerOf = ({ campaignId, createdBy }: Call): string | undefined =>
    campaignId !== undefined && createdBy === requesterOf(campaignId) ? campaignId : undefined;

  /** What was paid for an analysis is spent, whether the call shows it or not. */
  async function tellCampaign(call: Call, { _id, origin }: CallAnalysis): Promise<void> {
    const campaignId = payerOf(call);
    const cost = origin?.cost?.totalCost ?? 0;
    if (campaignId === undefined || cost === 0) return;
    const campaign = await store.collection('campaigns').get(campaignId);
    const day = dayOf(campaign?.schedule, call.initiatedAt.getTime());
    await use.addAnalysis({ campaignId, day }, _id, cost);
  }

  async function forgetCost(call: Call | undefined, { _id, origin }: CallAnalysis): Promise<void> {
    const campaignId = call && payerOf(call);
    if (campaignId !== undefined && origin?.cost) await use.analysisDone(campaignId, _id);
  }

  /** The person was erased while their call was being analysed: the words go again. */
  async function forget(callId: string, analysisId: string): Promise<void> {
    for (const event of await store.events(callId))
      if (event.type === 'analysed') await store.collection('call_events').put(eraseEvent(event, ''));
    await analyses.remove({ _id: analysisId });
  }

  /** One that is archived or erased is left as it is. */
  async function tellTranscript(call: Call): Promise<void> {
    const messages = foldTranscript(await store.events(call._id));
    const { topics = [], keywords = [] } = call.analysis ?? {};
    await transcripts.update(
      { _id: call._id, totalMessages: messages.length },
      { $set: { messages, topics, keywords, updatedAt: now() } },
    );
  }

  async function tellLead(call: Call, analysis: Analysis): Promise<void> {
    const lead = call.leadId ? await leads.get(call.leadId) : undefined;
    if (!lead || lead.erasedAt) return;
    const by = { updatedAt: now(), updatedBy: 'analyse-call' };
    const tags = tagsOf(call, analysis).filter((tag) => !lead.tags.includes(tag));
    // Once: whoever looked and released the person is not overruled by another analysis of the same call.
    if (tags.includes(LOOK_FOR_STOP)) {
      await optOut({
        phone: call.contactPhone,
        leadId: lead._id,
        channel: 'analysis',
        words: stopIn(analysis) ?? analysis.summary.slice(0, MOST_NOTES),
        callId: call._id,
      });
      log.warn(
        { callId: call._id, leadId: lead._id },
        'a person may have asked for no more calls; they are on the list now, and somebody should look',
      );
    }
    if (tags.length > 0 && lead.tags.length + tags.length <= MOST_TAGS)
      await leads.update({ _id: lead._id }, { $addToSet: { tags: { $each: tags } }, $set: by });

    await leads.update(
      { _id: lead._id, erasedAt: { $exists: false }, 'contactAttempts.callId': call._id },
      {
        $set: {
          ...(call.outcome ? { 'contactAttempts.$.outcome': call.outcome } : {}),
          'contactAttempts.$.sentiment': analysis.sentiment.overall,
          'contactAttempts.$.notes': analysis.summary.slice(0, MOST_NOTES),
          ...by,
        },
      },
    );

    const step = call.outcome === analysis.outcome && analysis.outcome ? AHEAD[analysis.outcome] : undefined;
    if (step)
      await leads.update({ _id: lead._id, status: { $in: step.from } }, { $set: { status: step.to, ...by } });
    const stage = step && stageAfter(call);
    if (stage)
      await leads.update({ _id: lead._id, stage: { $in: stage.from } }, { $set: { stage: stage.to, ...by } });
    const followUp = call.followUpActions.find(
      ({ foundBy, scheduledFor }) =>
        foundBy === 'analysis' && scheduledFor !== undefined && scheduledFor > by.updatedAt,
    );
    if (followUp?.scheduledFor && !call.optedOut)
      await leads.update(
        { _id: lead._id, status: { $nin: ['dnc', 'converted', 'lost'] }, nextFollowUp: { $exists: false } },
        { $set: { nextFollowUp: followUp.scheduledFor, ...by } },
      );
  }

  return apply;
}

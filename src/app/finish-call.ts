/**
 * app/finish-call: after the last word. Waits for the carrier's ending (and asks when it does not come), keeps the
 * transcript, compares it with the agent platform's own account, closes the attempt and tells the lead.
 */
import { type Call, type CallEvent, type EndStatus, isOver, type PlatformTurn } from '../domain/call.ts';
import { costOf, type Rates } from '../domain/cost.ts';
import type { ContactAttempt, LeadStatus } from '../domain/documents.ts';
import { isFailure } from '../domain/errors.ts';
import { stageAfter } from '../domain/lead.ts';
import { completenessOf, talkStart, transcriptOf } from '../domain/transcript.ts';
import type { Clock, Log, PlatformConversation, Store, Telephony, VoiceAgent } from './ports.ts';
import type { EventLog } from './record-event.ts';

export interface FinishDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventLog;
  readonly telephony: Telephony;
  readonly agent: VoiceAgent;
  /** What the vendors charge at present. */
  readonly ratesOf: () => Promise<Rates>;
  /** The carrier said, only when asked, that a call is over: whatever waits for its ending is to be freed. */
  readonly learnedEnd: (callId: string) => void;
  /** Told, with its lead, that a call is over and what came of it; perhaps twice. */
  readonly over: (call: Call) => void;
  /** Told that the words of a call are as they will stay; perhaps twice. */
  readonly reconciled: (callId: string) => void;
  readonly shutdown: AbortSignal;
}

/** When to ask the platform for its account, ms after the call's end; its analysis lags the hang-up. */
const ASK_PLATFORM_MS = [1_500, 3_000, 6_000, 12_000, 25_000, 60_000, 180_000, 600_000] as const;
/** How long to wait for an ending's callback before each time the carrier is asked. */
const ASK_CARRIER_MS: readonly number[] = [3_000, 5_000, 12_000, 40_000, 120_000];
const ASK_CARRIER_LATER_MS = 300_000;
const REST_MS = 15_000;
/** How often a store that is away is asked again to take what follows from a call. */
const INSIST_MS = 5_000;

/** What the end of a call makes of a lead that was still open. */
const LEAD_STATUS: Partial<Record<NonNullable<Call['outcome']>, LeadStatus>> = {
  qualified: 'qualified',
  callback: 'contacted',
  transferred: 'contacted',
  not_interested: 'lost',
  wrong_number: 'lost',
  hung_up: 'contacted',
  opted_out: 'dnc',
};

export function createFinishCall(deps: FinishDeps) {
  const { store, clock, log, events, telephony, agent } = deps;
  const finishing = new Map<string, Promise<void>>();
  /** Accounts that came by webhook before or while we wait for them. Bounded: oldest out. */
  const reported = new Map<string, PlatformConversation>();
  const MAX_REPORTED = 1_000;

  const within = () => AbortSignal.any([deps.shutdown, AbortSignal.timeout(REST_MS)]);

  /** Resolves when the call has an ending, by callback or by asking. A call that the carrier says is alive is waited for. */
  async function ending(callId: string): Promise<Call | undefined> {
    let silences = 0;
    for (let attempt = 0; ; attempt += 1) {
      const before = await events.call(callId);
      if (!before || isOver(before)) return before;
      await clock.sleep(ASK_CARRIER_MS[attempt] ?? ASK_CARRIER_LATER_MS, deps.shutdown);
      const call = await events.call(callId);
      if (!call || isOver(call)) return call;
      try {
        if (!call.callSid) {
          silences += 1;
        } else {
          const seen = await telephony.fetchCall(call.callSid, within());
          if (seen === 'absent') return await end(callId, 'failed', 'the carrier does not know this call');
          if (seen.state === 'over') {
            return await end(
              callId,
              seen.end ?? 'completed',
              'told by the carrier when asked',
              seen.durationSec,
            );
          }
        }
      } catch (error) {
        silences += 1;
        log.warn({ err: error, callId }, 'the carrier could not be asked how a call ended');
      }
      if (silences > ASK_CARRIER_MS.length) {
        return await end(callId, 'failed', 'the carrier never said how the call ended');
      }
    }
  }

  async function end(callId: string, status: EndStatus, reason: string, durationSec?: number): Promise<Call> {
    const call = await events.record(
      callId,
      { type: 'ended', status, reason, ...(durationSec === undefined ? {} : { durationSec }) },
      { eventId: `${callId}:ended` },
    );
    deps.learnedEnd(callId);
    return call;
  }

  async function platformAccount(
    all: readonly CallEvent[],
    conversationIds: readonly string[],
  ): Promise<{ turns: PlatformTurn[]; source: 'webhook' | 'poll' } | undefined> {
    const accounts: PlatformConversation[] = [];
    let source: 'webhook' | 'poll' = 'webhook';
    for (const id of conversationIds) {
      let account: PlatformConversation | undefined;
      let waited = 0;
      for (const atMs of ASK_PLATFORM_MS) {
        account = reported.get(id);
        if (account) break;
        await clock.sleep(atMs - waited, deps.shutdown);
        waited = atMs;
        account = reported.get(id);
        if (account) break;
        try {
          const answer = await agent.conversation(id, within());
          if (answer === 'absent') break;
          if (answer !== 'pending') {
            account = answer;
            source = 'poll';
            break;
          }
        } catch (error) {
          log.warn(
            { err: error, conversationId: id },
            'the agent platform could not be asked for its transcript',
          );
        }
      }
      reported.delete(id);
      if (!account || account.failed) return undefined;
      accounts.push({ ...account, turns: onCallTime(account.turns, id, all) });
    }
    return { turns: accounts.flatMap((account) => account.turns), source };
  }

  /** The platform counts from the opening of its session, which may be before the answer; a transcript from the answer. */
  function onCallTime(
    turns: readonly PlatformTurn[],
    conversationId: string,
    all: readonly CallEvent[],
  ): PlatformTurn[] {
    const opened = all.find(
      (event) => event.type === 'session_opened' && event.conversationId === conversationId,
    );
    const start = talkStart(all);
    const shiftSec = opened && start ? (opened.at.getTime() - start.getTime()) / 1_000 : 0;
    return turns.map((turn) => ({
      ...turn,
      offsetSec: Math.max(0, Math.round((turn.offsetSec + shiftSec) * 10) / 10),
    }));
  }

  async function keepTranscript(call: Call, all: readonly CallEvent[]): Promise<void> {
    const now = new Date(clock.nowMs());
    const transcript = transcriptOf(call, all, now);
    await store.collection('call_transcripts').put(transcript);
    const start = talkStart(all) ?? call.initiatedAt;
    await store.collection('conversation_sessions').put({
      _id: call._id,
      sessionId: call._id,
      callId: call._id,
      ...(call.leadId ? { leadId: call.leadId } : {}),
      leadGenerated: false,
      startTime: start,
      ...(call.endedAt ? { endTime: call.endedAt, duration: call.duration ?? 0 } : {}),
      turns: transcript.totalMessages,
      channel: 'phone',
      ...(call.completeness ? { completeness: call.completeness } : {}),
      createdAt: call.createdAt,
      updatedAt: now,
    });
  }

  /** What came of it when neither the agent nor the line said so. */
  async function conclude(call: Call, all: readonly CallEvent[]): Promise<Call> {
    if (call.outcome && call.disposition) return call;
    const spoke = all.some((event) => event.type === 'said' && event.role === 'user');
    const outcome = call.outcome ?? (spoke ? 'hung_up' : 'no_conversation');
    return await events.record(
      call._id,
      { type: 'concluded', outcome, reason: call.endReason ?? call.status },
      { eventId: `${call._id}:concluded:end` },
    );
  }

  /** Estimated once, by the rates of this moment. */
  async function reckon(call: Call, all: readonly CallEvent[]): Promise<Call> {
    const cost = call.cost ? undefined : costOf(call, all, await deps.ratesOf());
    return cost
      ? await events.record(call._id, { type: 'costed', cost }, { eventId: `${call._id}:costed` })
      : call;
  }

  async function tellLead(call: Call): Promise<void> {
    if (!call.leadId || call.direction !== 'outbound') return;
    const row: ContactAttempt = {
      attemptId: call.attemptId,
      timestamp: call.initiatedAt,
      type: 'automated_call',
      callId: call._id,
      outcome: call.outcome ?? call.status,
      ...(call.duration === undefined ? {} : { duration: call.duration }),
    };
    const now = new Date(clock.nowMs());
    const followUp = call.followUpActions.find((action) => action.scheduledFor);
    const leads = store.collection('leads');
    const untold = { _id: call.leadId, 'contactAttempts.attemptId': { $ne: call.attemptId } };
    const told = {
      // A call that the carrier never took contacted nobody.
      ...(call.callSid === undefined ? {} : { lastContactedAt: call.endedAt ?? now }),
      updatedAt: now,
      updatedBy: 'finish-call',
    };
    const agreed =
      followUp?.scheduledFor &&
      // Whatever was agreed, a person who wants no more calls gets none.
      (await leads.update(
        { ...untold, status: { $ne: 'dnc' } },
        { $push: { contactAttempts: row }, $set: { ...told, nextFollowUp: followUp.scheduledFor } },
      ));
    if (!agreed) await leads.update(untold, { $push: { contactAttempts: row }, $set: told });
    const status = call.outcome ? LEAD_STATUS[call.outcome] : undefined;
    if (status) {
      // A person on the do-not-call list stays there, whatever a call of theirs came to.
      await leads.update(
        { _id: call.leadId, status: { $nin: ['dnc', 'converted'] } },
        { $set: { status, updatedAt: now } },
      );
    }
    const stage = stageAfter(call);
    if (stage)
      await leads.update(
        { _id: call.leadId, stage: { $in: stage.from } },
        { $set: { stage: stage.to, updatedAt: now } },
      );
  }

  /** The person may be called again. */
  const free = ({ attemptId, status }: Call): Promise<unknown> =>
    store.collection('attempts').update(
      { _id: attemptId },
      {
        // A denied attempt stays denied: it does not count against the caps.
        $set: { state: status === 'denied' ? 'denied' : 'closed', updatedAt: new Date(clock.nowMs()) },
        $unset: { activePhones: '' },
      },
    );

  async function finish(callId: string): Promise<void> {
    let call = await ending(callId);
    if (!call) return;
    let all = await store.events(callId);
    const conversationIds = [
      ...new Set(all.flatMap((event) => (event.type === 'session_opened' ? [event.conversationId] : []))),
    ];
    const talked = conversationIds.length > 0 && call.answeredAt !== undefined;
    try {
      call = await reckon(await conclude(call, all), all);
      if (talked) await keepTranscript(call, all);
      await tellLead(call);
    } finally {
      // Behind what has to be told: of a process that dies before, the next one finds the attempt open and does it.
      await free(call);
    }
    deps.over(call);
    if (!talked) return;
    const account = await platformAccount(all, conversationIds);
    all = await store.events(callId);
    call = await events.record(
      callId,
      {
        type: 'reconciled',
        completeness: completenessOf(all, account?.turns),
        turns: account?.turns ?? [],
        source: account?.source ?? 'none',
      },
      { eventId: `${callId}:reconciled` },
    );
    await keepTranscript(call, await store.events(callId));
    deps.reconciled(callId);
  }

  /** Every step may be done twice: what the store did not take is done when it is back, from the beginning. */
  async function finishAtLast(callId: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await finish(callId);
        return;
      } catch (error) {
        if (!isFailure(error, 'store_unavailable') || deps.shutdown.aborted) throw error;
        if (attempt === 1) log.warn({ err: error, callId }, 'a call waits for the store to be finished');
        await clock.sleep(INSIST_MS, deps.shutdown);
      }
    }
  }

  return {
    /** Starts finishing a call, once; a second start while it runs joins the first. */
    start(callId: string): void {
      if (finishing.has(callId)) return;
      const work = finishAtLast(callId)
        .catch((error) => {
          if (!deps.shutdown.aborted) log.error({ err: error, callId }, 'finishing a call failed');
        })
        .finally(() => finishing.delete(callId));
      finishing.set(callId, work);
    },
    isUnderWay: (callId: string): boolean => finishing.has(callId),
    /** The platform's report by webhook: kept for the finish under way, or compared at once for a call long finished. */
    async conversationReported(conversation: PlatformConversation): Promise<void> {
      reported.set(conversation.conversationId, conversation);
      for (const oldest of reported.keys()) {
        if (reported.size <= MAX_REPORTED) break;
        reported.delete(oldest);
      }
      const [known] = await store
        .collection('calls')
        .find({ filter: { conversationId: conversation.conversationId }, limit: 1 });
      if (!known || finishing.has(known._id) || known.completeness === 'complete' || !isOver(known)) return;
      const all = await store.events(known._id);
      const call = await events.record(
        known._id,
        {
          type: 'reconciled',
          completeness: completenessOf(all, conversation.turns),
          turns: onCallTime(conversation.turns, conversation.conversationId, all),
          source: 'webhook',
        },
        { eventId: `${known._id}:reconciled:${conversation.conversationId}` },
      );
      reported.delete(conversation.conversationId);
      await keepTranscript(call, await store.events(known._id));
      deps.reconciled(known._id);
    },
    settled: async (): Promise<void> => {
      await Promise.allSettled([...finishing.values()]);
    },
  };
}

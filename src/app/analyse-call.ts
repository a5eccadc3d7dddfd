/**
 * app/analyse-call: every call that was talked on is understood afterwards, in the background: by a model where there is one,
 * else by word lists. It never delays or loses a call. Each analysis is a document from the moment it is asked for, so that
 * one that was cut off is taken up again, by whichever process comes first; every step may be done twice.
 *
 * Where the model cannot be asked, the word lists answer at once and the model's answer replaces theirs when it comes.
 */
import {
  type Analysis,
  type AnalysisOrigin,
  type CallAnalysis,
  type ClaimDifference,
  claimsOf,
  type DroppedClaim,
  differences,
  evidenced,
  type Findings,
  spokenWords,
  type WrongClaim,
} from '../domain/analysis.ts';
import { type Call, isOver } from '../domain/call.ts';
import { canonicalJson, sha256Hex } from '../domain/canonical.ts';
import { numberKind } from '../domain/compliance/number.ts';
import { whereabouts } from '../domain/compliance/places.ts';
import type { Rates } from '../domain/cost.ts';
import type { LeadStatus, TranscriptMessage } from '../domain/documents.ts';
import { eraseEvent } from '../domain/erasure.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { readByLexicon } from '../domain/lexicon.ts';
import { LEXICON_VERSION } from '../domain/lexicon-words.ts';
import { foldTranscript, talkStart } from '../domain/transcript.ts';
import type { Claims } from './claims.ts';
import type { OptOutOrKeep } from './opt-out.ts';
import type { Analyst, Cancel, Clock, Ids, Log, Store, TokenUsage } from './ports.ts';
import type { EventLog } from './record-event.ts';
import { slices } from './slices.ts';

export interface AnalyseDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly events: EventLog;
  readonly claims: Claims;
  /** Absent: word lists alone. */
  readonly analyst?: HiredAnalyst;
  readonly ratesOf: () => Promise<Rates>;
  readonly optOut: OptOutOrKeep;
  readonly shutdown: AbortSignal;
}

/** A model, and what its analyses may cost in a day (UTC), US dollars; when that is spent, word lists go on. */
export interface HiredAnalyst {
  readonly model: Analyst;
  readonly dailyBudget: number;
}

type By = AnalysisOrigin['by'];

/** Analyses under way in this process. */
const AT_ONCE = 2;
/** Waiting here; those beyond are found in the store. */
const MOST_WAITING = 500;
const LOOK_EVERY_MS = 60_000;
const MOST_FOUND = 100;
/** What was not analysed in so long is left. */
const OLDEST_MS = 3 * 86_400_000;
/** Longer than any analysis may take (adapters/claude: 4 minutes), with room for a slow store. */
const LEASE_MS = 600_000;
/** A model that could not be asked is left alone for so long; longer when somebody must mend a setting. */
const PAUSE_MS = 60_000;
const PAUSE_FOR_SETTINGS_MS = 900_000;
/** Asked for in vain for so long, an analysis by the model has failed. */
const GIVE_UP_MS = 86_400_000;
/** What one analysis may cost at most, kept free for each under way. */
const MOST_A_CALL = 0.25;
const SPENT_KEPT_MS = 30_000;
const MOST_KEPT = 200;

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

const notDone: CallAnalysis['state'][] = ['queued', 'found'];

/** The first reading of a process makes its patterns ready, which takes a while: before anybody is on the line. */
function warm(): void {
  const line = {
    optedOut: false,
    agentTalkTime: 0,
    userTalkTime: 0,
    silenceDuration: 0,
    interruptionCount: 0,
  };
  const text = 'I want $400,000. Call me tomorrow at five. Llámeme mañana a las cinco.';
  const message = {
    speaker: 'user',
    text,
    timestamp: 0,
    turn: 0,
    interrupted: false,
    repaired: false,
  } as const;
  const reading = readByLexicon([message], { ...line, startedAt: new Date(0), zone: 'America/New_York' });
  while (reading.next().done !== true);
}

export function createAnalyseCalls(deps: AnalyseDeps) {
  const { store, clock, ids, log, events, claims, analyst, shutdown } = deps;
  const analyses = store.collection('call_analyses');
  const calls = store.collection('calls');
  const transcripts = store.collection('call_transcripts');
  const leads = store.collection('leads');
  /** Ids of analyses, the next one first. */
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  /** Looks and enqueuings under way. */
  const errands = new Set<Promise<unknown>>();
  let pausedUntilMs = 0;
  let spent: { readonly dollars: number; readonly atMs: number } | undefined;
  let asking = 0;
  let cancelLook: Cancel = () => undefined;
  const now = (): Date => new Date(clock.nowMs());
  warm();

  // ── The queue ──────────────────────────────────────────────────────────────────────────────────────────────────────

  function enqueue(analysisId: string): void {
    if (running.has(analysisId) || waiting.size >= MOST_WAITING) return;
    waiting.add(analysisId);
    next();
  }

  function next(): void {
    for (const analysisId of waiting) {
      if (running.size >= AT_ONCE || shutdown.aborted) return;
      waiting.delete(analysisId);
      const work = carry(analysisId)
        .catch((error) => {
          if (!shutdown.aborted)
            log.warn({ err: error, analysisId }, 'an analysis of a call waits for the next look');
        })
        .finally(() => {
          running.delete(analysisId);
          next();
        });
      running.set(analysisId, work);
    }
  }

  function errand(work: Promise<unknown>): void {
    const told = work
      .catch((error) => {
        if (!shutdown.aborted) log.warn({ err: error }, 'calls to analyse could not be looked for');
      })
      .finally(() => errands.delete(told));
    errands.add(told);
  }

  /** The analysis that a call as it is now is due: the same for whoever comes. */
  async function due(call: Call): Promise<void> {
    const analysisId = sha256Hex(`${call._id}:${call.seq}`).slice(0, 24);
    const at = now();
    try {
      await analyses.insert({
        _id: analysisId,
        callId: call._id,
        state: 'queued',
        requestedBy: 'parley',
        wrong: [],
        createdAt: at,
        updatedAt: at,
      });
    } catch (error) {
      if (!isFailure(error, 'duplicate_key')) throw error;
    }
    enqueue(analysisId);
  }

  /** Calls that nobody analysed and analyses that nobody finished, newest first. */
  async function look(): Promise<void> {
    if (store.outage && store.outage.state !== 'up') return;
    const since = new Date(clock.nowMs() - OLDEST_MS);
    const unread = await calls.find({
      filter: { analysisDue: { $gte: since } },
      sort: { analysisDue: -1 },
      limit: MOST_FOUND,
    });
    for (const call of unread) {
      const [open] = await analyses.find({ filter: { callId: call._id, state: { $in: notDone } }, limit: 1 });
      if (!open) await due(call);
    }
    const isPaused = clock.steadyMs() < pausedUntilMs;
    for (const state of notDone) {
      const open = await analyses.find({
        filter: { state, createdAt: { $gte: since } },
        sort: { createdAt: -1 },
        limit: MOST_FOUND,
      });
      // Behind a pause lies what has an answer by the word lists already.
      for (const { _id, note } of open) if (!(isPaused && note !== undefined)) enqueue(_id);
    }
  }

  function lookAgain(): void {
    errand(
      look().finally(() => {
        if (!shutdown.aborted) cancelLook = clock.after(LOOK_EVERY_MS, lookAgain);
      }),
    );
  }

  // ── One analysis ───────────────────────────────────────────────────────────────────────────────────────────────────

  async function carry(analysisId: string): Promise<void> {
    const claim = await claims.take(`analysis:${analysisId}`, LEASE_MS);
    if (!claim) return;
    let isDone = false;
    try {
      const asked = await analyses.get(analysisId);
      isDone = asked === undefined || !notDone.includes(asked.state) || (await work(asked));
    } catch (error) {
      if (isFailure(error) || shutdown.aborted) throw error;
      // A call that nobody can analyse is not tried for ever.
      log.error({ err: error, analysisId }, 'a call could not be analysed');
      const note = 'something went wrong on our side';
      await analyses.update({ _id: analysisId }, { $set: { state: 'failed', note, updatedAt: now() } });
      isDone = true;
    } finally {
      await (isDone ? claims.retire(claim) : claims.release(claim)).catch(() => undefined);
    }
  }

  /** True when nothing is left to do for it. */
  async function work(asked: CallAnalysis): Promise<boolean> {
    if (asked.state === 'found') return await tell(asked);
    const call = await calls.get(asked.callId);
    if (!call || call.erasedAt) {
      await analyses.remove({ _id: asked._id });
      return true;
    }
    const all = await store.events(call._id);
    const messages = foldTranscript(all);
    const startedAt = talkStart(all) ?? call.initiatedAt;
    const about = { call, messages, startedAt, words: sha256Hex(canonicalJson(spokenWords(messages))) };
    const isModelWanted =
      asked.wanted !== 'lexicon' &&
      analyst !== undefined &&
      messages.some(({ speaker }) => speaker === 'user');
    const note = isModelWanted ? await modelsAnswer(asked, about, analyst) : undefined;
    if (note === 'told' || note === 'later') return note === 'told';
    return await tell(
      await found(asked, about, await lexiconsAnswer(about), {
        by: 'lexicon',
        version: LEXICON_VERSION,
        ...(note ? { note } : {}),
      }),
    );
  }

  interface About {
    readonly call: Call;
    readonly messages: readonly TranscriptMessage[];
    readonly startedAt: Date;
    /** The hash of what was said. */
    readonly words: string;
  }

  /**
   * `told`: the model's analysis is told to the call. `later`: it will be asked again; meanwhile there is one by the word
   * lists. Anything else is why the word lists are to answer.
   */
  async function modelsAnswer(
    asked: CallAnalysis,
    about: About,
    { model, dailyBudget }: HiredAnalyst,
  ): Promise<string> {
    const { call, messages, startedAt } = about;
    if ((await spentToday()) + asking * MOST_A_CALL + MOST_A_CALL > dailyBudget)
      return 'the budget of the day for analyses is spent';
    if (clock.steadyMs() < pausedUntilMs)
      return await postpone(asked, about, 'Claude could not be reached a moment ago');
    const zone = zoneOf(call);
    asking += 1;
    try {
      const answer = await model.analyse(
        { callId: call._id, direction: call.direction, messages, startedAt, ...(zone ? { zone } : {}) },
        shutdown,
      );
      const cost = await costOf(answer.usage);
      spent = spent && { ...spent, dollars: spent.dollars + cost.totalCost };
      const origin = { version: model.version, model: model.model, promptHash: model.promptHash, cost };
      if (answer.kind === 'unusable') {
        const { version, ...paid } = origin;
        const note = `${answer.why}; read by word lists`;
        const lexicon = { by: 'lexicon' as const, version: LEXICON_VERSION, note };
        // What was paid for in vain counts too.
        const isPaid = cost.totalCost > 0 ? { model: paid.model, promptHash: paid.promptHash, cost } : {};
        log.warn({ callId: call._id, version }, 'a call could not be analysed by the model');
        await tell(await found(asked, about, await lexiconsAnswer(about), { ...lexicon, ...isPaid }));
        return 'told';
      }
      await tell(await found(asked, about, answer.findings, { by: 'claude', ...origin }));
      return 'told';
    } catch (error) {
      if (!isFailure(error, 'analysis_unavailable')) throw error;
      const isSetting = error.details.blame === 'settings';
      pausedUntilMs = clock.steadyMs() + (isSetting ? PAUSE_FOR_SETTINGS_MS : PAUSE_MS);
      log.error(
        { err: error, callId: call._id },
        'the model cannot be asked; calls are read by word lists meanwhile',
      );
      return await postpone(asked, about, error.message);
    } finally {
      asking -= 1;
    }
  }

  async function postpone(asked: CallAnalysis, about: About, why: string): Promise<string> {
    const age = clock.nowMs() - asked.createdAt.getTime();
    if (age > GIVE_UP_MS) {
      await analyses.update({ _id: asked._id }, { $set: { state: 'failed', note: why, updatedAt: now() } });
      return 'told';
    }
    if (asked.note === undefined && about.call.analysis === undefined) {
      const at = now();
      const meanwhile: CallAnalysis = {
        _id: ids.objectId(),
        callId: asked.callId,
        state: 'queued',
        requestedBy: asked.requestedBy,
        wanted: 'lexicon',
        wrong: [],
        createdAt: at,
        updatedAt: at,
      };
      const note = `${why}; read by word lists until it can`;
      await tell(
        await found(meanwhile, about, await lexiconsAnswer(about), {
          by: 'lexicon',
          version: LEXICON_VERSION,
          note,
        }),
      );
    }
    await analyses.update({ _id: asked._id }, { $set: { note: why, updatedAt: now() } });
    return 'later';
  }

  async function lexiconsAnswer({ call, messages, startedAt }: About): Promise<Findings> {
    const breathe = slices(clock);
    const { agentTalkTime, userTalkTime, silenceDuration, interruptionCount } = call.conversationMetrics;
    const zone = zoneOf(call);
    const reading = readByLexicon(messages, {
      startedAt,
      ...(zone ? { zone } : {}),
      optedOut: call.optedOut,
      agentTalkTime,
      userTalkTime,
      silenceDuration,
      interruptionCount,
      ...(call.latency.medianMs === undefined ? {} : { medianLatencyMs: call.latency.medianMs }),
    });
    for (;;) {
      const step = reading.next();
      if (step.done === true) return step.value;
      await breathe();
    }
  }

  /** Keeps what was found, as far as it was said. */
  async function found(
    asked: CallAnalysis,
    { call, messages, startedAt, words }: About,
    findings: Findings,
    origin: Omit<AnalysisOrigin, 'transcriptHash'>,
  ): Promise<CallAnalysis> {
    const { analysis, dropped }: { analysis: Analysis; dropped: readonly DroppedClaim[] } = evidenced(
      findings,
      messages,
      startedAt,
    );
    if (dropped.length > 0)
      log.info(
        { callId: call._id, by: origin.by, dropped: dropped.map(({ why }) => why) },
        'claims that nobody said were dropped from an analysis',
      );
    const { note: _, ...rest } = asked;
    const made: CallAnalysis = {
      ...rest,
      state: 'found',
      origin: { ...origin, transcriptHash: words },
      analysis,
      dropped,
      analysedAt: now(),
      updatedAt: now(),
    };
    await analyses.put(made);
    return made;
  }

  // ── What follows from it ───────────────────────────────────────────────────────────────────────────────────────────

  async function tell(made: CallAnalysis): Promise<boolean> {
    const { _id: analysisId, callId, origin, analysis } = made;
    if (!origin || !analysis) return false;
    const before = await calls.get(callId);
    if (!before || before.erasedAt) {
      await analyses.remove({ _id: analysisId });
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
        return true;
      }
      await tellTranscript(call);
      if (call.analysis?.analysisId === analysisId) await tellLead(call, analysis);
    }
    await analyses.update({ _id: analysisId }, { $set: { state: 'done', applied, updatedAt: now() } });
    return true;
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
      await deps.optOut({
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

  // ── Money ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  async function costOf(usage: TokenUsage) {
    const { claudeInput, claudeOutput, claudeCacheRead, claudeCacheWrite } = await deps.ratesOf();
    const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = usage;
    return {
      ...usage,
      totalCost:
        (inputTokens * claudeInput +
          outputTokens * claudeOutput +
          cacheReadTokens * claudeCacheRead +
          cacheWriteTokens * claudeCacheWrite) /
        1_000_000,
    };
  }

  /** Of all processes, as it was within the last half minute, and what this one spent since. */
  async function spentToday(): Promise<number> {
    if (spent && clock.steadyMs() - spent.atMs < SPENT_KEPT_MS) return spent.dollars;
    const day = new Date(Math.floor(clock.nowMs() / 86_400_000) * 86_400_000);
    const [row] = await analyses.aggregate([
      { $match: { analysedAt: { $gte: day } } },
      { $group: { _id: null, dollars: { $sum: '$origin.cost.totalCost' } } },
    ]);
    const dollars = typeof row?.dollars === 'number' ? row.dollars : 0;
    spent = { dollars, atMs: clock.steadyMs() };
    return dollars;
  }

  // ── For people ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async function known(callId: string): Promise<Call> {
    const call = await events.call(callId);
    if (!call) throw new Failure('call_not_found', `no call ${callId}`);
    return call;
  }

  async function one(callId: string, analysisId: string): Promise<CallAnalysis> {
    const found = await analyses.get(analysisId);
    if (found?.callId === callId) return found;
    throw new Failure('not_found', `no analysis ${analysisId} of this call`);
  }

  const refused = (field: string, message: string): Failure =>
    new Failure('invalid_request', message, { details: { fields: { [field]: message } } });

  return {
    /** A call's words are as they will stay: it is analysed when there is time. Never throws. */
    reconciled(callId: string): void {
      errand(
        calls.get(callId).then(async (call) => {
          if (call?.analysisDue) await due(call);
        }),
      );
    },
    /** Begins to look for what was left undone, now and every minute. */
    begin(): void {
      cancelLook();
      lookAgain();
    },
    /**
     * Asks for another analysis, made when there is time. Throws `call_not_found`, `invalid_request` for a call that is not over
     * or whose words are gone, `analysis_unavailable` when Claude is wanted and not set up.
     */
    async request(
      { callId, by }: { readonly callId: string; readonly by?: By },
      requestedBy: string,
    ): Promise<CallAnalysis> {
      const call = await known(callId);
      if (!isOver(call)) throw refused('callId', 'the call is not over yet');
      if (call.erasedAt) throw refused('callId', 'what was said in this call is erased');
      if (by === 'claude' && !analyst)
        throw new Failure('analysis_unavailable', 'Claude is not set up: ANTHROPIC_API_KEY is missing');
      const at = now();
      const asked: CallAnalysis = {
        _id: ids.objectId(),
        callId,
        state: 'queued',
        requestedBy,
        ...(by ? { wanted: by } : {}),
        wrong: [],
        createdAt: at,
        updatedAt: at,
      };
      await analyses.insert(asked);
      enqueue(asked._id);
      return asked;
    },
    /** Newest first, and what two of them say differently. Throws `call_not_found`, `not_found`, `invalid_request`. */
    async list(
      callId: string,
      compare?: readonly [string, string],
    ): Promise<{
      readonly items: readonly CallAnalysis[];
      readonly differences?: readonly ClaimDifference[];
    }> {
      await known(callId);
      const items = await analyses.find({
        filter: { callId },
        sort: { createdAt: -1, _id: -1 },
        limit: MOST_KEPT,
      });
      if (!compare) return { items };
      const [a, b] = await Promise.all(compare.map((id) => one(callId, id)));
      if (!a?.analysis || !b?.analysis)
        throw refused('compare', 'an analysis that is not made yet cannot be compared');
      return { items, differences: differences(a.analysis, b.analysis) };
    },
    /** A person says that a claim is wrong; saying so again replaces the note. Throws `not_found`, `invalid_request`. */
    async markWrong(
      {
        callId,
        analysisId,
        path,
        note,
      }: {
        readonly callId: string;
        readonly analysisId: string;
        readonly path: string;
        readonly note: string;
      },
      by: string,
    ): Promise<CallAnalysis> {
      const { analysis } = await one(callId, analysisId);
      if (!analysis || !claimsOf(analysis).has(path))
        throw refused('path', `this analysis does not claim ${JSON.stringify(path)}`);
      const mark: WrongClaim = { path, note, by, at: now() };
      await analyses.update({ _id: analysisId }, { $pull: { wrong: { path } } });
      const marked = await analyses.update(
        { _id: analysisId },
        { $push: { wrong: mark }, $set: { updatedAt: mark.at } },
      );
      if (!marked) throw new Failure('not_found', `no analysis ${analysisId} of this call`);
      log.info({ audit: true, by, callId, analysisId, path }, 'a claim of an analysis was marked as wrong');
      return marked;
    },
    /** Resolves when nothing is under way. */
    async settled(): Promise<void> {
      cancelLook();
      while (running.size + errands.size > 0) await Promise.allSettled([...running.values(), ...errands]);
    },
  };
}

/** Of the other party: where the gate took them to be, else where their area code is. */
function zoneOf({ complianceDecision, contactPhone }: Call): string | undefined {
  const [place] = whereabouts(numberKind(contactPhone).npa, null, null).places;
  return complianceDecision?.zones[0]?.zone ?? place?.zone;
}

/**
 * app/find-analysis: reads the words of one call, by a model where there is one and its budget of the day allows, else by word
 * lists, and keeps what was found as far as it was said. Where the model cannot be asked, the word lists answer at once and
 * the model's answer replaces theirs when it comes.
 */
import {
  type Analysis,
  type AnalysisOrigin,
  type CallAnalysis,
  type DroppedClaim,
  evidenced,
  type Findings,
  spokenWords,
} from '../domain/analysis.ts';
import type { Call } from '../domain/call.ts';
import { canonicalJson, sha256Hex } from '../domain/canonical.ts';
import { numberKind } from '../domain/compliance/number.ts';
import { whereabouts } from '../domain/compliance/places.ts';
import type { Rates } from '../domain/cost.ts';
import type { TranscriptMessage } from '../domain/documents.ts';
import { isFailure } from '../domain/errors.ts';
import { readByLexicon } from '../domain/lexicon.ts';
import { LEXICON_VERSION } from '../domain/lexicon-words.ts';
import { foldTranscript, talkStart } from '../domain/transcript.ts';
import type { ApplyAnalysis } from './apply-analysis.ts';
import type { Analyst, Clock, Ids, Log, Store, TokenUsage } from './ports.ts';
import { slices } from './slices.ts';

/** A model, and what its analyses may cost in a day (UTC), US dollars; when that is spent, word lists go on. */
export interface HiredAnalyst {
  readonly model: Analyst;
  readonly dailyBudget: number;
}

export interface FindAnalysisDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** Absent: word lists alone. */
  readonly analyst?: HiredAnalyst;
  readonly ratesOf: () => Promise<Rates>;
  readonly apply: ApplyAnalysis;
  readonly shutdown: AbortSignal;
}

/** A model that could not be asked is left alone for so long; longer when somebody must mend a setting. */
const PAUSE_MS = 60_000;
const PAUSE_FOR_SETTINGS_MS = 900_000;
/** Asked for in vain for so long, an analysis by the model has failed. */
const GIVE_UP_MS = 86_400_000;
/** What one analysis may cost at most, kept free for each under way. */
const MOST_A_CALL = 0.25;
const SPENT_KEPT_MS = 30_000;

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

/** One call, as its words are read. */
interface About {
  readonly call: Call;
  readonly messages: readonly TranscriptMessage[];
  readonly startedAt: Date;
  /** The hash of what was said. */
  readonly words: string;
}

export function createFindAnalysis(deps: FindAnalysisDeps) {
  const { store, clock, ids, log, analyst, apply, shutdown } = deps;
  const analyses = store.collection('call_analyses');
  const calls = store.collection('calls');
  let pausedUntilMs = 0;
  let spent: { readonly dollars: number; readonly atMs: number } | undefined;
  let asking = 0;
  const now = (): Date => new Date(clock.nowMs());
  const isPaused = (): boolean => clock.steadyMs() < pausedUntilMs;
  warm();

  async function find(asked: CallAnalysis): Promise<boolean> {
    if (asked.state === 'found') return await apply(asked);
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
    return await apply(
      await found(asked, about, await lexiconsAnswer(about), {
        by: 'lexicon',
        version: LEXICON_VERSION,
        ...(note ? { note } : {}),
      }),
    );
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
    if (isPaused()) return await postpone(asked, about, 'Claude could not be reached a moment ago');
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
        await apply(await found(asked, about, await lexiconsAnswer(about), { ...lexicon, ...isPaid }));
        return 'told';
      }
      await apply(await found(asked, about, answer.findings, { by: 'claude', ...origin }));
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
      await apply(
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

  return {
    /** True when nothing is left to do for it. */
    find,
    /** Whether the model is left alone for now, because it could not be asked. */
    isPaused,
  };
}

/** Of the other party: where the gate took them to be, else where their area code is. */
export function zoneOf({ complianceDecision, contactPhone }: Call): string | undefined {
  const [place] = whereabouts(numberKind(contactPhone).npa, null, null).places;
  return complianceDecision?.zones[0]?.zone ?? place?.zone;
}

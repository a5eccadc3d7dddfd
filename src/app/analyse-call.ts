/**
 * app/analyse-call: every call that was talked on is understood afterwards, in the background: its words are read
 * (find-analysis), and what follows is told to call and lead (apply-analysis). It never delays or loses a call. Each analysis is
 * a document from the moment it is asked for, so that one that was cut off is taken up again, by whichever process comes
 * first; every step may be done twice.
 */
import {
  type AnalysisOrigin,
  type CallAnalysis,
  type ClaimDifference,
  claimsOf,
  differences,
  type WrongClaim,
} from '../domain/analysis.ts';
import { type Call, isOver } from '../domain/call.ts';
import { sha256Hex } from '../domain/canonical.ts';
import type { Rates } from '../domain/cost.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { createApplyAnalysis } from './apply-analysis.ts';
import type { Claims } from './claims.ts';
import { createFindAnalysis, type HiredAnalyst } from './find-analysis.ts';
import type { OptOutOrKeep } from './opt-out.ts';
import type { Cancel, Clock, Ids, Log, Store } from './ports.ts';
import type { EventLog } from './record-event.ts';

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
const MOST_KEPT = 200;

const notDone: CallAnalysis['state'][] = ['queued', 'found'];

export function createAnalyseCalls(deps: AnalyseDeps) {
  const { store, clock, ids, log, events, claims, analyst, shutdown } = deps;
  const analyses = store.collection('call_analyses');
  const calls = store.collection('calls');
  /** Ids of analyses, the next one first. */
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  /** Looks and enqueuings under way. */
  const errands = new Set<Promise<unknown>>();
  let cancelLook: Cancel = () => undefined;
  const now = (): Date => new Date(clock.nowMs());
  const { find, isPaused } = createFindAnalysis({ ...deps, apply: createApplyAnalysis(deps) });

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
    for (const state of notDone) {
      const open = await analyses.find({
        filter: { state, createdAt: { $gte: since } },
        sort: { createdAt: -1 },
        limit: MOST_FOUND,
      });
      // Behind a pause lies what has an answer by the word lists already.
      for (const { _id, note } of open) if (!(isPaused() && note !== undefined)) enqueue(_id);
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
      isDone = asked === undefined || !notDone.includes(asked.state) || (await find(asked));
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

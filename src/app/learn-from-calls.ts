/**
 * app/learn-from-calls: every call that was understood teaches the agents something, once: how look-ups went, what was
 * decided, what it cost. One process at a time does this, one call after the other, from the analyses in the store; so a call
 * that a crash left out is found again, and what was counted already is known by its key.
 */
import { salesOf, talkOf } from '../domain/agent-state.ts';
import type { CallAnalysis } from '../domain/analysis.ts';
import type { Call } from '../domain/call.ts';
import type { Rates } from '../domain/cost.ts';
import { lookUpsIn, resultOf } from '../domain/knowledge.ts';
import { foldTranscript } from '../domain/transcript.ts';
import { type Agents, tokensCount } from './agents.ts';
import type { Claims } from './claims.ts';
import type { Knowledge } from './knowledge.ts';
import type { Cancel, Clock, Log, Store } from './ports.ts';
import type { EventLog } from './record-event.ts';
import { slices } from './slices.ts';

export interface LearnDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventLog;
  readonly claims: Claims;
  readonly agents: Agents;
  readonly knowledge: Pick<Knowledge, 'judge'>;
  readonly ratesOf: () => Promise<Rates>;
  /** Looks whether entries that were used should say something else. */
  readonly learned: (keys: readonly string[], callId: string) => Promise<void>;
  readonly shutdown: AbortSignal;
}

const CLAIM = 'learn-from-calls';
const LEASE_MS = 300_000;
const LOOK_EVERY_MS = 60_000;
/** After an analysis was told to its call: it is marked as done a moment later. */
const SOON_MS = 1_500;
/** What was analysed longer ago and never seen is left. */
const OLDEST_MS = 3 * 86_400_000;
/** Analyses are marked as done in another order than they were made in, by so much at most. */
const OVERLAP_MS = 900_000;
const AT_ONCE = 200;

export function createLearnFromCalls(deps: LearnDeps) {
  const { store, clock, log, events, claims, agents, knowledge, shutdown } = deps;
  const analyses = store.collection('call_analyses');
  const lessons = store.collection('call_lessons');
  const calls = store.collection('calls');
  const now = (): Date => new Date(clock.nowMs());
  let seenMs: number | undefined;
  let cancelLook: Cancel = () => undefined;
  let looking: Promise<void> | undefined;
  let isAskedAgain = false;
  /** A look is due in a moment. */
  let isSoon = false;

  /** The next analyses behind `from` that nobody learned from yet, and where to go on. */
  async function unlearned(
    from: Date,
    skip: number,
  ): Promise<{ readonly made: readonly CallAnalysis[]; readonly isLast: boolean }> {
    const found = await analyses.find({
      filter: { analysedAt: { $gte: from } },
      sort: { analysedAt: 1, _id: 1 },
      skip,
      limit: AT_ONCE,
    });
    const known = await lessons.find({
      filter: { _id: { $in: [...new Set(found.map((each) => each.callId))] } },
    });
    const counted = new Set(known.flatMap((lesson) => lesson.analyses));
    return {
      made: found.filter(({ _id, state }) => state === 'done' && !counted.has(_id)),
      isLast: found.length < AT_ONCE,
    };
  }

  async function look(): Promise<void> {
    if (store.outage && store.outage.state !== 'up') return;
    const claim = await claims.take(CLAIM, LEASE_MS);
    if (!claim) return;
    try {
      const startMs = clock.nowMs();
      const from = new Date(Math.max(startMs - OLDEST_MS, (seenMs ?? 0) - OVERLAP_MS));
      const breathe = slices(clock);
      for (let skip = 0; ; skip += AT_ONCE) {
        const { made, isLast } = await unlearned(from, skip);
        for (const analysis of made) {
          // What another process may take up from here on is left to it.
          if (shutdown.aborted || clock.nowMs() > startMs + LEASE_MS / 2) return;
          await learnFrom(analysis);
          await breathe();
        }
        if (isLast) break;
      }
      seenMs = startMs;
    } finally {
      await claims.release(claim).catch(() => undefined);
    }
  }

  async function learnFrom({
    _id: analysisId,
    callId,
    origin,
    analysis,
    applied,
  }: CallAnalysis): Promise<void> {
    const call = await calls.get(callId);
    const lesson = await lessons.get(callId);
    if (call && !call.erasedAt) {
      const rates = await deps.ratesOf();
      const { cost } = origin ?? {};
      if (cost) {
        const { totalCost: _total, ...usage } = cost;
        await agents.note('sales', {
          key: `analysis:${analysisId}`,
          counts: { asked: 1, ...(analysis ? {} : { askedInVain: 1 }), ...tokensCount(usage, rates) },
        });
      }
      // A second analysis of a call judges look-ups anew; the talk itself is counted once.
      const isShown = applied && call.analysis?.analysisId === analysisId;
      if (call.analysis && (isShown || !lesson)) await rejudge(call, !lesson);
    }
    const at = now();
    await lessons.put({
      _id: callId,
      analyses: [...(lesson?.analyses ?? []), analysisId],
      createdAt: lesson?.createdAt ?? at,
      updatedAt: at,
    });
  }

  async function rejudge(call: Call, isNew: boolean): Promise<void> {
    const all = await store.events(call._id);
    const messages = foldTranscript(all);
    const found = await analyses.find({ filter: { callId: call._id } });
    const wrong = new Set(
      found.flatMap((each) =>
        each._id === call.analysis?.analysisId ? each.wrong.map(({ path }) => path) : [],
      ),
    );
    const lookUps = lookUpsIn(all, messages).map((lookUp) => ({
      ...lookUp,
      result: resultOf(lookUp, call, wrong),
    }));
    const uses = lookUps.flatMap(({ entry, atSec, messageIndex, result }) =>
      entry ? [{ ...entry, atSec, ...(messageIndex === undefined ? {} : { messageIndex }), result }] : [],
    );
    // Of one entry that was looked up twice, the last time says how it went.
    await knowledge.judge(call._id, [
      ...new Map(uses.map((use) => [`${use.key}:${use.version}`, use])).values(),
    ]);
    if (isNew) {
      const versions = Object.fromEntries(uses.map(({ key, version }) => [key, `v${version}`]));
      await agents.note('conversation_ai', {
        key: `call:${call._id}`,
        ...talkOf(call, all, messages, lookUps),
        knowledge: versions,
      });
      const decisions = salesOf(call, now());
      await agents.note('sales', {
        key: `call:${call._id}`,
        counts: { requests: 1 },
        decisions,
      });
    }
    await deps
      .learned([...new Set(uses.map(({ key }) => key))], call._id)
      .catch((error) => log.warn({ err: error, callId: call._id }, 'nothing could be learned from a call'));
  }

  function lookNow(): void {
    cancelLook();
    isSoon = false;
    if (looking) {
      isAskedAgain = true;
      return;
    }
    looking = look()
      .catch((error) => {
        if (!shutdown.aborted) log.warn({ err: error }, 'calls to learn from could not be looked for');
      })
      .finally(() => {
        looking = undefined;
        if (!shutdown.aborted) cancelLook = clock.after(isAskedAgain ? SOON_MS : LOOK_EVERY_MS, lookNow);
        isAskedAgain = false;
      });
  }

  return {
    /** Begins to look for calls that nobody learned from, soon after each analysis and every minute. */
    begin(): void {
      events.watch(({ event }) => {
        if (event.type !== 'analysed' || shutdown.aborted) return;
        // Where calls are analysed all the time each would put off the look of the one before it.
        if (isSoon) {
          isAskedAgain = true;
          return;
        }
        isSoon = true;
        cancelLook();
        cancelLook = clock.after(SOON_MS, lookNow);
      });
      lookNow();
    },
    /** A person said what they make of a call: its look-ups are judged by that. Never throws. */
    reviewed(callId: string): void {
      calls
        .get(callId)
        .then(async (call) => {
          if (call?.analysis && !call.erasedAt) await rejudge(call, false);
        })
        .catch((error) => log.warn({ err: error, callId }, 'a review could not be learned from'));
    },
    /** Resolves when nothing is under way. */
    async settled(): Promise<void> {
      cancelLook();
      await looking;
    },
  };
}

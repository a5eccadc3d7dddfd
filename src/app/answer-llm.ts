/**
 * app/answer-llm: Claude answers for the agent platform, while somebody waits on the phone. A question that comes again
 * within seconds gets the same answer, from the one that is under way or just was, and is paid once. Whoever listens never
 * hears silence: a slow answer begins with a word of ours, and one that fails is a sentence.
 */
import { isOver } from '../domain/call.ts';
import { fingerprint } from '../domain/canonical.ts';
import type { Rates, TokenUsage } from '../domain/cost.ts';
import { Failure } from '../domain/errors.ts';
import { type Agents, tokensCount } from './agents.ts';
import type { Cancel, ChatPart, ChatQuestion, Clock, Log, TalkingModel } from './ports.ts';
import type { EventLog } from './record-event.ts';
import { createTalkBudget, type TalkBudget } from './talk-budget.ts';

export interface HiredTalker {
  readonly model: TalkingModel;
  /** US dollars that its answers may cost in a day (UTC). */
  readonly dailyBudget: number;
}

export interface AnswerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventLog;
  readonly agents: Pick<Agents, 'note' | 'get'>;
  /** Absent: there is no key for Claude. */
  readonly talking?: HiredTalker;
  readonly ratesOf: () => Promise<Rates>;
  /** Said when Claude takes its time, when it does not answer, and when the day's budget is used up. */
  readonly sentences: { readonly wait: string; readonly sorry: string; readonly spent: string };
  readonly shutdown: AbortSignal;
}

export interface Asked {
  readonly question: ChatQuestion;
  /** Of our call, as the platform was told it. */
  readonly callId?: string;
  readonly idempotencyKey?: string;
}

/** The answer of one question, for one reader. */
export interface Answering {
  readonly model: string;
  /** When it was first asked. */
  readonly askedAt: Date;
  /** The parts from the first on, as they come. Throws what went wrong when nobody is on the line (`spoken` false). */
  parts(): AsyncIterable<ChatPart>;
  /** This reader is gone. The model is stopped when nobody else reads, and nobody asks again at once. */
  leave(): void;
}

/** After so long without a word, one of ours. */
const PATIENCE_MS = 1_800;
/** After so long without a word of Claude, or between two, it is given up: the platform itself waits 20 s. */
const GIVE_UP_MS = 9_000;
/** The platform asks again at once when its connection broke. */
const GRACE_MS = 300;
/** A question that comes again within so long is the same one. */
const REPEAT_MS = 10_000;
const MOST_AT_ONCE = 300;
const MOST_CHARS = 20_000;
/** The agent's own tool (`app/agent-tools`). */
const END_CALL = 'end_call';

interface Run {
  readonly askedAt: Date;
  readonly parts: ChatPart[];
  readonly stop: AbortController;
  readonly waiting: Set<() => void>;
  readers: number;
  over: boolean;
  failure?: unknown;
}

export function createAnswerLlm(deps: AnswerDeps) {
  const { clock, log, events, agents, talking, sentences, shutdown } = deps;
  const budget = talking && createTalkBudget({ ...deps, daily: talking.dailyBudget });
  const runs = new Map<string, Run>();
  const underWay = new Set<Promise<void>>();

  function tell(run: Run, part?: ChatPart): void {
    if (part) run.parts.push(part);
    for (const wake of run.waiting) wake();
  }

  /** What is heard instead of Claude when the day's budget is used up; then the call ends, where the agent can end it. */
  function tellSpent(run: Run, { tools, messages }: ChatQuestion): void {
    tell(run, { kind: 'text', text: sentences.spent });
    const canEnd = tools.some(({ name }) => name === END_CALL) && messages.at(-1)?.role !== 'tool';
    if (canEnd) {
      const input = JSON.stringify({ reason: 'the budget of the day for talking is used up' });
      tell(run, { kind: 'tool', id: `end_${run.askedAt.getTime()}`, name: END_CALL, input });
    }
    tell(run, { kind: 'end', why: canEnd ? 'tool_calls' : 'stop' });
  }

  async function answer(run: Run, { model }: HiredTalker, asked: Asked, spoken: boolean): Promise<void> {
    const release = await budget?.take(asked.question).catch((error) => {
      log.warn({ err: error }, 'the budget for talking could not be reckoned with');
      return () => undefined;
    });
    if (release) return await carry(run, model, asked, spoken).finally(release);
    if (spoken) tellSpent(run, asked.question);
    else run.failure = new Failure('model_unavailable', 'the budget of the day for talking is used up');
    run.over = true;
    tell(run);
  }

  /** Asks Claude and hands on what comes. `spoken`: somebody listens, so that a failure is a sentence. */
  async function carry(
    run: Run,
    model: TalkingModel,
    { question, callId }: Asked,
    spoken: boolean,
  ): Promise<void> {
    const startMs = clock.steadyMs();
    const signal = AbortSignal.any([run.stop.signal, shutdown]);
    let usage: TokenUsage | undefined;
    let firstMs: number | undefined;
    let chars = 0;
    let isEnded = false;
    let failure: unknown;
    let cancelWait: Cancel = () => undefined;
    let cancelLate: Cancel = () => undefined;
    const late = new AbortController();
    const awaitNext = (): void => {
      cancelLate();
      cancelLate = clock.after(GIVE_UP_MS, () =>
        late.abort(
          new Failure('model_unavailable', 'Claude did not answer in time', { details: { status: 504 } }),
        ),
      );
    };
    if (spoken)
      cancelWait = clock.after(PATIENCE_MS, () => tell(run, { kind: 'text', text: `${sentences.wait} ` }));
    awaitNext();
    try {
      for await (const part of model.answer(question, AbortSignal.any([signal, late.signal]))) {
        awaitNext();
        if (part.kind === 'used') {
          usage = part.usage;
          tell(run, part);
          continue;
        }
        cancelWait();
        if (part.kind !== 'end') firstMs ??= clock.steadyMs() - startMs;
        if (part.kind === 'text') chars += part.text.length;
        isEnded = part.kind === 'end';
        // An answer without a word would be asked for again, and paid again.
        if (isEnded && firstMs === undefined) {
          if (!spoken) throw new Failure('model_unavailable', 'Claude answered without a word');
          tell(run, { kind: 'text', text: sentences.sorry });
        }
        tell(run, part);
        if (chars > MOST_CHARS) throw new Failure('model_unavailable', 'Claude answered without an end');
      }
    } catch (error) {
      failure = error;
    } finally {
      cancelWait();
      cancelLate();
    }
    const isGone = signal.aborted;
    if (failure !== undefined && !isGone) {
      log.error({ err: failure, callId }, 'Claude did not answer for the agent');
      if (spoken) {
        if (firstMs === undefined) tell(run, { kind: 'text', text: sentences.sorry });
        tell(run, { kind: 'end', why: 'stop' });
      }
    }
    if (failure !== undefined && (isGone || !spoken)) run.failure = failure;
    run.over = true;
    tell(run);
    await count(model.model, {
      callId,
      usage,
      firstMs,
      isGood: isEnded && failure === undefined,
      isGone,
      tookMs: clock.steadyMs() - startMs,
    });
  }

  async function count(
    model: string,
    told: {
      readonly callId: string | undefined;
      readonly usage: TokenUsage | undefined;
      readonly firstMs: number | undefined;
      readonly isGood: boolean;
      readonly isGone: boolean;
      readonly tookMs: number;
    },
  ): Promise<void> {
    const { callId, usage, isGood, isGone } = told;
    const firstTokenMs = told.firstMs === undefined ? undefined : Math.round(told.firstMs);
    let unkept = 0;
    try {
      const counts = usage && tokensCount(usage, await deps.ratesOf());
      unkept = counts?.cost ?? 0;
      await agents.note('conversation_ai', {
        counts: {
          asked: 1,
          ...(isGood || isGone ? {} : { askedInVain: 1 }),
          ...(firstTokenMs === undefined ? {} : { firstTokenMs, firstTokens: 1 }),
          ...counts,
        },
      });
      unkept = 0;
      const call = callId === undefined ? undefined : await events.call(callId);
      // The cost of a call that is over is reckoned by now.
      if (call && usage && counts && !isOver(call))
        await events.record(call._id, {
          type: 'model_answered',
          model,
          usage,
          cost: counts.cost ?? 0,
          ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
          tookMs: Math.round(told.tookMs),
        });
    } catch (error) {
      budget?.unkept(unkept);
      log.warn({ err: error, callId }, 'what Claude used could not be recorded');
    }
  }

  async function* read(run: Run): AsyncGenerator<ChatPart, undefined> {
    for (let at = 0; ; at += 1) {
      for (;;) {
        if (at < run.parts.length || run.over) break;
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            run.waiting.delete(wake);
            resolve();
          };
          run.waiting.add(wake);
        });
      }
      const part = run.parts[at];
      if (!part) {
        if (run.failure !== undefined) throw run.failure;
        return;
      }
      yield part;
    }
  }

  const isFull = (): boolean => [...runs.values()].filter(({ over }) => !over).length >= MOST_AT_ONCE;

  /** Of an answer for which there is no room: whoever is on the phone hears so. */
  async function* sorry(): AsyncGenerator<ChatPart> {
    log.warn({}, 'Claude answers too many at once; somebody was asked to say it again');
    yield { kind: 'text', text: sentences.sorry };
    yield { kind: 'end', why: 'stop' };
  }

  function begin(key: string, hired: HiredTalker, asked: Asked, spoken: boolean): Run {
    const run: Run = {
      askedAt: new Date(clock.nowMs()),
      parts: [],
      stop: new AbortController(),
      waiting: new Set(),
      readers: 0,
      over: false,
    };
    runs.set(key, run);
    const forget = (): void => {
      if (runs.get(key) === run) runs.delete(key);
    };
    const work = answer(run, hired, asked, spoken).finally(() => {
      underWay.delete(work);
      // One that failed or was stopped is no answer to anybody who asks again.
      if (run.failure !== undefined || run.stop.signal.aborted) forget();
      else clock.after(REPEAT_MS, forget);
    });
    underWay.add(work);
    return run;
  }

  return {
    /** The model that answers; undefined: none is set up. */
    model: talking?.model.model,
    /** What it may cost today and did; undefined: none is set up. */
    budget: async (): Promise<TalkBudget | undefined> => await budget?.now(),
    /**
     * Begins to answer, or joins the answer to the same question. `spoken`: it is streamed to somebody on the phone. Throws
     * `model_unavailable` without a key, `shutting_down`; `at_capacity` where nobody hears a sentence instead.
     */
    answer(asked: Asked, spoken: boolean): Answering {
      if (!talking)
        throw new Failure(
          'model_unavailable',
          'Claude is not set up: set ANTHROPIC_API_KEY and start again',
          {
            details: { blame: 'settings' },
          },
        );
      if (shutdown.aborted) throw new Failure('shutting_down', 'the service is restarting');
      const { question, callId = '', idempotencyKey = '' } = asked;
      const key = fingerprint({ question, callId, idempotencyKey, spoken });
      const { model } = talking.model;
      const known = runs.get(key);
      if (!known && isFull()) {
        if (!spoken) throw new Failure('at_capacity', 'Claude answers too many at once');
        return { model, askedAt: new Date(clock.nowMs()), parts: sorry, leave: () => undefined };
      }
      const run = known ?? begin(key, talking, asked, spoken);
      run.readers += 1;
      let isHere = true;
      return {
        model,
        askedAt: run.askedAt,
        parts: () => read(run),
        leave() {
          if (!isHere) return;
          isHere = false;
          run.readers -= 1;
          clock.after(GRACE_MS, () => {
            if (run.readers === 0 && !run.over) {
              runs.delete(key);
              run.stop.abort(new Failure('call_over', 'nobody waits for this answer any more'));
            }
          });
        },
      };
    },
    /** Resolves when nothing is under way. */
    async settled(): Promise<void> {
      await Promise.allSettled([...underWay]);
    },
  };
}

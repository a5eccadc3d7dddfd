/**
 * app/talk-budget: what Claude may cost in a day (UTC) by answering on the phone, over all processes and restarts: what was
 * spent stands in the figures of the voice agent, what is under way is held beside it at the most it can come to.
 */
import { dayOf } from '../domain/agent-state.ts';
import { type Rates, tokenCost } from '../domain/cost.ts';
import type { Agents } from './agents.ts';
import type { ChatQuestion, Clock, Log } from './ports.ts';

/** Somebody waits on the phone: a store that takes longer is not waited for. */
const READ_MS = 500;
/** Letters of a token, at the least that texts of ours have. */
const CHARS_A_TOKEN = 3;

/** The most that the answer of a question can cost, US dollars. */
function mostOf({ system, messages, tools, maxTokens }: ChatQuestion, rates: Rates): number {
  const chars = system.length + JSON.stringify(messages).length + JSON.stringify(tools).length;
  return tokenCost(
    {
      inputTokens: 0,
      cacheReadTokens: 0,
      cacheWriteTokens: Math.ceil(chars / CHARS_A_TOKEN),
      outputTokens: maxTokens,
    },
    rates,
  );
}

export interface TalkBudget {
  /** US dollars a day. */
  readonly daily: number;
  readonly spent: number;
}

export function createTalkBudget(deps: {
  readonly daily: number;
  readonly agents: Pick<Agents, 'get'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly ratesOf: () => Promise<Rates>;
}) {
  const { daily, agents, clock, log } = deps;
  /** As last read; what could not be kept is added to it. */
  let known = { day: '', spent: 0, unkept: 0 };
  let held = 0;
  let warnedOn = '';

  const today = (): string => dayOf(new Date(clock.nowMs()));

  async function read(): Promise<number> {
    const day = today();
    if (known.day !== day) known = { day, spent: 0, unkept: 0 };
    const late = new AbortController();
    try {
      const state = await Promise.race([
        agents.get('conversation_ai'),
        clock.sleep(READ_MS, late.signal).then(() => undefined),
      ]);
      if (state && known.day === day) known = { ...known, spent: state.days[day]?.cost ?? 0 };
      if (!state) log.warn({}, 'what Claude cost today could not be read in time; the last known sum counts');
    } catch (error) {
      log.warn({ err: error }, 'what Claude cost today could not be read; the last known sum counts');
    } finally {
      late.abort();
    }
    return known.spent + known.unkept;
  }

  return {
    /** Room for one answer, until it is given back; undefined where the day's budget would not bear it. */
    async take(question: ChatQuestion): Promise<(() => void) | undefined> {
      const most = mostOf(question, await deps.ratesOf());
      // Held before it is asked whether there is room: of two at once one sees the other.
      held += most;
      const release = (): void => {
        held -= most;
      };
      const spent = await read();
      if (spent + held <= daily) return release;
      release();
      if (warnedOn !== today()) {
        warnedOn = today();
        log.warn(
          { daily, spent },
          'the budget of the day for talking is used up: callers hear so, and their calls end',
        );
      }
      return undefined;
    },
    /** What an answer cost could not be kept: this process remembers it. */
    unkept(dollars: number): void {
      known = { ...known, unkept: known.unkept + dollars };
    },
    now: async (): Promise<TalkBudget> => ({ daily, spent: await read() }),
  };
}

/**
 * app/agents: the state of the four agents: what they decided, their figures, what they learned. Whoever decides or counts
 * something notes it here; a note changes one document in one step, and a note with a key that was taken changes nothing.
 */
import {
  AGENT_TYPES,
  type AgentDecision,
  type AgentState,
  type AgentType,
  type Counted,
  dayOf,
  type Learning,
  MOST_DECISIONS,
  MOST_LEARNINGS,
  metricsOf,
  oldDays,
} from '../domain/agent-state.ts';
import { sha256Hex } from '../domain/canonical.ts';
import { cacheSavings, type Rates, type TokenUsage, tokenCost } from '../domain/cost.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import type { Clock, Store } from './ports.ts';

/** Keys that are known, for the last ones: who notes with keys notes one call after the other. */
const MOST_COUNTED = 50;

export interface AgentNote {
  /** What this counts; the same again counts nothing. */
  readonly key?: string;
  readonly counts?: Counted;
  readonly decisions?: readonly AgentDecision[];
  readonly learning?: Learning;
  /** The version in use of a key that was looked up. */
  readonly knowledge?: Readonly<Record<string, string>>;
}

export interface AgentsDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** Of the voice agent, as its platform calls it. */
  readonly voiceAgentId: string;
}

/** What Claude's reported tokens count as. */
export const tokensCount = (usage: TokenUsage, rates: Rates): Counted => ({
  ...usage,
  cost: tokenCost(usage, rates),
  savings: cacheSavings(usage, rates),
});

export function createAgents({ store, clock, voiceAgentId }: AgentsDeps) {
  const states = store.collection('agent_state');
  const now = (): Date => new Date(clock.nowMs());
  const agentIdOf = (type: AgentType): string => (type === 'conversation_ai' ? voiceAgentId : type);
  const idOf = (type: AgentType): string => sha256Hex(`${type}:${agentIdOf(type)}`).slice(0, 24);

  const blank = (agentType: AgentType): AgentState => ({
    _id: idOf(agentType),
    agentType,
    agentId: agentIdOf(agentType),
    state: {},
    decisionHistory: [],
    metrics: {},
    sums: {},
    days: {},
    learnings: [],
    knowledgeVersions: {},
    counted: [],
    createdAt: now(),
    updatedAt: now(),
  });

  async function begin(type: AgentType): Promise<void> {
    if (await states.get(idOf(type))) return;
    await states.insert(blank(type)).catch((error) => {
      if (!isFailure(error, 'duplicate_key')) throw error;
    });
  }

  /** Answers whether it was new. Throws what the store throws. */
  async function note(
    type: AgentType,
    { key, counts = {}, decisions = [], learning, knowledge = {} }: AgentNote,
  ) {
    const at = now();
    const day = dayOf(at);
    const added = Object.entries(counts).filter(([, value]) => value !== 0);
    const update = {
      ...(added.length > 0
        ? {
            $inc: Object.fromEntries(
              added.flatMap(([name, value]) => [
                [`sums.${name}`, value],
                [`days.${day}.${name}`, value],
              ]),
            ),
          }
        : {}),
      $push: {
        decisionHistory: { $each: decisions, $slice: -MOST_DECISIONS },
        ...(learning ? { learnings: { $each: [learning], $slice: -MOST_LEARNINGS } } : {}),
        ...(key === undefined ? {} : { counted: { $each: [key], $slice: -MOST_COUNTED } }),
      },
      $set: {
        updatedAt: at,
        ...Object.fromEntries(
          Object.entries(knowledge).map(([of, version]) => [`knowledgeVersions.${of}`, version]),
        ),
        ...(Object.keys(knowledge).length > 0 ? { 'state.lastKnowledgeRefresh': at } : {}),
      },
    };
    const filter = { _id: idOf(type), ...(key === undefined ? {} : { counted: { $ne: key } }) };
    let after = await states.update(filter, update);
    if (!after) {
      // There is no such document yet, or it counted this already.
      await begin(type);
      after = await states.update(filter, update);
    }
    // Whoever counted it may have died before its shares were made.
    const state = after ?? (await states.get(idOf(type)));
    if (state) await derive(state);
    return after !== undefined;
  }

  /** Averages and shares, unless somebody counted more meanwhile: then they are that one's to make. */
  async function derive({ _id, sums, days, updatedAt }: AgentState): Promise<void> {
    const metrics = metricsOf(sums);
    const old = oldDays(days, now());
    const { cacheHitRate } = metrics;
    await states.update(
      { _id, updatedAt, sums },
      {
        $set: { metrics, ...(cacheHitRate === undefined ? {} : { 'state.cacheHitRate': cacheHitRate }) },
        ...(old.length > 0 ? { $unset: Object.fromEntries(old.map((day) => [`days.${day}`, ''])) } : {}),
      },
    );
  }

  return {
    note,
    /** All four, those that did nothing yet too. */
    async list(): Promise<readonly AgentState[]> {
      return await Promise.all(
        AGENT_TYPES.map(async (type) => (await states.get(idOf(type))) ?? blank(type)),
      );
    },
    /** Throws `not_found`. */
    async get(type: string): Promise<AgentState> {
      const known = AGENT_TYPES.find((each) => each === type);
      if (!known) throw new Failure('not_found', 'there is no such agent', { details: { agentType: type } });
      return (await states.get(idOf(known))) ?? blank(known);
    },
    /** What became of what the architect learned. */
    async learned(
      proposalId: string,
      change: Partial<Pick<Learning, 'incorporated' | 'improvedMetric' | 'improvement'>>,
    ): Promise<void> {
      const set = Object.fromEntries(
        Object.entries(change).map(([name, value]) => [`learnings.$.${name}`, value]),
      );
      await states.update({ _id: idOf('architect'), 'learnings.proposalId': proposalId }, { $set: set });
    },
  };
}

export type Agents = ReturnType<typeof createAgents>;

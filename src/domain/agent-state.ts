/**
 * domain/agent-state: what each of the four agents decided, how well it does, and what it learned. A figure that nobody
 * measured is absent, never 0. Times are ms, money US dollars, shares 0..1.
 */
import type { Call, CallEvent } from './call.ts';
import type { Stamped, TranscriptMessage } from './documents.ts';
import type { LookUp, UseResult } from './knowledge.ts';
import type { Property } from './property.ts';

/** `conversation_ai` talks on the phone; `sales` qualifies and follows up; `realty` values houses; `architect` learns. */
export const AGENT_TYPES = ['conversation_ai', 'sales', 'realty', 'architect'] as const;
export type AgentType = (typeof AGENT_TYPES)[number];

export const MOST_DECISIONS = 100;
export const MOST_LEARNINGS = 100;
/** Days of figures that are kept. */
export const DAYS_KEPT = 90;

export interface AgentDecision {
  readonly timestamp: Date;
  readonly decision: string;
  readonly input: string;
  readonly reasoning: string;
  readonly output: string;
  readonly outcome?: 'successful' | 'unsuccessful' | 'open';
  readonly confidence?: number;
  readonly callId?: string;
  /** Seconds since the talk began. */
  readonly atSec?: number;
  readonly leadId?: string;
  readonly propertyId?: string;
}

/** What is counted; averages and shares are made of it. */
export interface AgentCounts {
  /** Turns of the voice agent; calls judged by sales; valuations of realty; proposals of the architect. */
  readonly requests: number;
  readonly failed: number;
  /** Sum of the delays that were heard, and how many they were. */
  readonly responseMs: number;
  readonly responses: number;
  readonly confidence: number;
  readonly confidences: number;
  readonly hits: number;
  readonly misses: number;
  /** Decisions that people undid or refused; and what of people's remarks came into use. */
  readonly overridden: number;
  readonly incorporated: number;
  /** Questions to Claude; the time until its first word, and how often that was measured. */
  readonly asked: number;
  readonly askedInVain: number;
  readonly firstTokenMs: number;
  readonly firstTokens: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly cost: number;
  readonly savings: number;
}

export type Counted = Partial<AgentCounts>;

/** As the source has them. `success…` counts requests that did not fail. */
export interface AgentMetrics {
  readonly totalRequests?: number;
  readonly successfulRequests?: number;
  readonly failedRequests?: number;
  readonly avgResponseTime?: number;
  readonly avgConfidence?: number;
  readonly knowledgeBaseHits?: number;
  readonly knowledgeBaseMisses?: number;
  readonly knowledgeBaseHitRate?: number;
  readonly decisionsOverridden?: number;
  readonly feedbackIncorporated?: number;
  readonly modelRequests?: number;
  readonly modelFailures?: number;
  readonly avgFirstToken?: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
  /** Of what Claude read, the share that came from its cache. */
  readonly cacheHitRate?: number;
  readonly costSavings?: number;
  readonly totalCost?: number;
}

export interface Learning {
  readonly timestamp: Date;
  readonly source: 'call_feedback' | 'analysis';
  readonly callId: string;
  readonly insight: string;
  readonly incorporated: boolean;
  readonly proposalId: string;
  readonly key: string;
  /** What an accepted version changed, once it was used often enough: the share of look-ups that settled the matter. */
  readonly improvedMetric?: 'knowledge_success_rate';
  readonly improvement?: number;
}

/** A document of `agent_state`: one for each agentType and agentId. */
export interface AgentState extends Stamped {
  readonly agentType: AgentType;
  readonly agentId: string;
  readonly state: { readonly lastKnowledgeRefresh?: Date; readonly cacheHitRate?: number };
  /** Oldest first. */
  readonly decisionHistory: readonly AgentDecision[];
  readonly metrics: AgentMetrics;
  readonly sums: Counted;
  /** By day (UTC), "2026-11-22". */
  readonly days: Readonly<Record<string, Counted>>;
  readonly learnings: readonly Learning[];
  /** The version in use of each key that was looked up. */
  readonly knowledgeVersions: Readonly<Record<string, string>>;
  /** What was counted last, by key: a repeat of it counts nothing. */
  readonly counted: readonly string[];
}

const share = (part: number, whole: number): number | undefined =>
  whole === 0 ? undefined : Math.round((part / whole) * 10_000) / 10_000;
const mean = (sum: number, count: number): number | undefined =>
  count === 0 ? undefined : Math.round(sum / count);

/** Figures without a basis are left out. */
export function metricsOf(sums: Counted): AgentMetrics {
  const of = (name: keyof AgentCounts): number => sums[name] ?? 0;
  const read = of('inputTokens') + of('cacheReadTokens') + of('cacheWriteTokens');
  const isAsked = of('asked') > 0;
  const isRequested = of('requests') > 0;
  const lookUps = of('hits') + of('misses');
  const all: { readonly [K in keyof AgentMetrics]-?: number | undefined } = {
    totalRequests: isRequested ? of('requests') : undefined,
    successfulRequests: isRequested ? Math.max(0, of('requests') - of('failed')) : undefined,
    failedRequests: isRequested ? of('failed') : undefined,
    avgResponseTime: mean(of('responseMs'), of('responses')),
    avgConfidence: share(of('confidence'), of('confidences')),
    knowledgeBaseHits: lookUps > 0 ? of('hits') : undefined,
    knowledgeBaseMisses: lookUps > 0 ? of('misses') : undefined,
    knowledgeBaseHitRate: share(of('hits'), lookUps),
    decisionsOverridden: sums.overridden,
    feedbackIncorporated: sums.incorporated,
    modelRequests: isAsked ? of('asked') : undefined,
    modelFailures: isAsked ? of('askedInVain') : undefined,
    avgFirstToken: mean(of('firstTokenMs'), of('firstTokens')),
    inputTokens: isAsked ? of('inputTokens') : undefined,
    outputTokens: isAsked ? of('outputTokens') : undefined,
    cacheReadTokens: isAsked ? of('cacheReadTokens') : undefined,
    cacheWriteTokens: isAsked ? of('cacheWriteTokens') : undefined,
    cacheHitRate: share(of('cacheReadTokens'), read),
    costSavings: isAsked ? of('savings') : undefined,
    totalCost: sums.cost,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

export const dayOf = (at: Date): string => at.toISOString().slice(0, 10);

/** Days of figures that have had their time. */
export const oldDays = (days: AgentState['days'], now: Date): string[] => {
  const first = dayOf(new Date(now.getTime() - DAYS_KEPT * 86_400_000));
  return Object.keys(days).filter((day) => day < first);
};

// ── What a call shows ──────────────────────────────────────────────────────────────────────────────────────────────────

const MOST_SAID = 200;
const cut = (text: string): string => (text.length <= MOST_SAID ? text : `${text.slice(0, MOST_SAID - 1)}…`);

const WENT: Readonly<Record<UseResult, AgentDecision['outcome']>> = {
  settled: 'successful',
  partly: 'successful',
  open: 'unsuccessful',
  unclear: undefined,
};

/** What the voice agent did in a call that was talked on: its figures and decisions. */
export function talkOf(
  call: Call,
  events: readonly CallEvent[],
  messages: readonly TranscriptMessage[],
  lookUps: readonly (LookUp & { readonly result?: UseResult })[],
): { readonly counts: Counted; readonly decisions: readonly AgentDecision[] } {
  const { perTurnMs } = call.latency;
  const turns = messages.filter(({ speaker }) => speaker === 'agent').length;
  const lost = events.filter(({ type }) => type === 'session_lost').length;
  const hits = lookUps.filter(({ entry }) => entry !== undefined).length;
  const startMs = (events.find(({ type }) => type === 'stream_opened') ?? events[0])?.at.getTime() ?? 0;
  const at = (atSec: number): Date => new Date(startMs + atSec * 1_000);
  const stamp = { callId: call._id, ...(call.leadId ? { leadId: call.leadId } : {}) };
  const chosen = lookUps.map(({ entry, atSec, messageIndex, result }): AgentDecision => {
    const answer = messages.slice((messageIndex ?? -1) + 1).find(({ speaker }) => speaker === 'agent');
    const said = messageIndex === undefined ? undefined : messages[messageIndex]?.text;
    const outcome = result && WENT[result];
    return {
      timestamp: at(atSec),
      decision: entry ? 'select_knowledge' : 'knowledge_not_found',
      input: said === undefined ? 'Nothing was said yet.' : `They said: ${cut(said)}`,
      reasoning: entry
        ? `Looked it up; ${entry.key} version ${entry.version} fits best.`
        : 'Looked it up; no entry speaks of it.',
      output: answer === undefined ? '' : cut(answer.text),
      ...(outcome ? { outcome } : {}),
      ...stamp,
      atSec,
    };
  });
  const acts = events.flatMap((event): AgentDecision[] => {
    const atSec = Math.max(0, Math.round((event.at.getTime() - startMs) / 100) / 10);
    const act = (decision: string, input: string, reasoning: string, output: string): AgentDecision[] => [
      { timestamp: event.at, decision, input, reasoning, output, ...stamp, atSec },
    ];
    switch (event.type) {
      case 'opted_out':
        return act(
          'record_opt_out',
          event.words === '' ? `On the ${event.channel}` : `They said: ${cut(event.words)}`,
          'A wish not to be called holds at once.',
          'All numbers of the person are on the do-not-call list.',
        );
      case 'transferred':
        return act(
          'transfer',
          cut(event.reason),
          'A person was asked for or needed.',
          'Connected to a person.',
        );
      case 'concluded':
        return act('conclude', cut(event.reason), 'The talk came to an end.', `Outcome: ${event.outcome}.`);
      default:
        return [];
    }
  });
  return {
    counts: {
      ...(turns > 0 ? { requests: turns, failed: lost } : {}),
      ...(perTurnMs.length > 0
        ? { responseMs: perTurnMs.reduce((sum, ms) => sum + ms, 0), responses: perTurnMs.length }
        : {}),
      ...(hits > 0 ? { hits } : {}),
      ...(lookUps.length > hits ? { misses: lookUps.length - hits } : {}),
      ...(call.cost ? { cost: call.cost.totalCost - (call.cost.claudeCost ?? 0) } : {}),
    },
    decisions: [...chosen, ...acts].sort((a, b) => a.timestamp.getTime() - b.timestamp.getTime()),
  };
}

/** What sales makes of a call that was understood: how the lead stands, and what follows. */
export function salesOf(call: Call, at: Date): readonly AgentDecision[] {
  const { analysis, outcome, summary = '', followUpActions, extractedInfo } = call;
  if (!analysis) return [];
  const stamp = { timestamp: at, callId: call._id, ...(call.leadId ? { leadId: call.leadId } : {}) };
  const motives = extractedInfo?.motivationFactors ?? [];
  const why = [
    ...(motives.length > 0 ? [`reasons: ${motives.join(', ').replaceAll('_', ' ')}`] : []),
    ...(extractedInfo?.timeframe ? [`time: ${extractedInfo.timeframe.replaceAll('_', ' ')}`] : []),
    ...(extractedInfo?.priceExpectation ? [`price: $${extractedInfo.priceExpectation}`] : []),
  ];
  const byWhom = analysis.by === 'claude' ? 'Claude' : 'Word lists';
  return [
    {
      ...stamp,
      decision: 'qualify_lead',
      input: cut(summary),
      reasoning: `${byWhom} read the call${why.length > 0 ? `; ${why.join('; ')}` : ''}.`,
      output: `Outcome: ${(outcome ?? 'none').replaceAll('_', ' ')}.`,
    },
    ...followUpActions.map((action): AgentDecision => {
      const when = action.scheduledFor ? ` for ${action.scheduledFor.toISOString()}` : '';
      return {
        ...stamp,
        decision: 'plan_follow_up',
        input: cut(action.notes),
        reasoning: action.foundBy ? 'It was found in what was said.' : 'The agent arranged it in the call.',
        output: `${action.type.replaceAll('_', ' ')}${when}`,
        outcome: action.completed ? 'successful' : 'open',
      };
    }),
  ];
}

const dollars = (value: number): string => `$${Math.round(value).toLocaleString('en-US')}`;

/** What realty made of a house; undefined: nothing comparable was sold, or its size is not known, so it has no value yet. */
export function valuationOf(
  { _id, valuation, squareFeet, totalRepairCost, leadIds }: Property,
  at: Date,
): AgentDecision | undefined {
  const { afterRepairValue, wholesalePrice, profitMargin, comparablesUsed = [] } = valuation;
  if (afterRepairValue === undefined || wholesalePrice === undefined || profitMargin === undefined)
    return undefined;
  const [leadId] = leadIds;
  return {
    timestamp: at,
    decision: 'value_property',
    input: `${comparablesUsed.length} comparables, ${squareFeet ?? 0} square feet, repairs ${dollars(totalRepairCost)}`,
    reasoning: 'The median price per square foot of what was sold, weighted by distance and age.',
    output: `Worth ${dollars(afterRepairValue)} repaired, ${dollars(wholesalePrice)} to buy, margin ${dollars(profitMargin)}.`,
    propertyId: _id,
    ...(leadId === undefined ? {} : { leadId }),
  };
}

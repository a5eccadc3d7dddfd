/** contract/agents: what the four agents decided, how well they do, and what they learned. */
import { z } from 'zod';
import { Id, Instant } from './common.ts';

export const AgentType = z.enum(['conversation_ai', 'sales', 'realty', 'architect']);
export type AgentType = z.infer<typeof AgentType>;

export const AgentDecision = z
  .object({
    timestamp: Instant,
    decision: z.string(),
    input: z.string(),
    reasoning: z.string(),
    output: z.string(),
    outcome: z.exactOptional(z.enum(['successful', 'unsuccessful', 'open'])),
    confidence: z.exactOptional(z.number()),
    callId: z.exactOptional(Id),
    /** Seconds since the talk began. */
    atSec: z.exactOptional(z.number()),
    leadId: z.exactOptional(Id),
    propertyId: z.exactOptional(Id),
  })
  .meta({ id: 'AgentDecision' });
export type AgentDecision = z.infer<typeof AgentDecision>;

const figure = z.exactOptional(z.number());

/** A figure that nobody measured is absent. Times are ms, money US dollars, rates 0..1. */
export const AgentMetrics = z
  .object({
    /** Turns of the voice agent, calls that sales judged, valuations of realty, proposals of the architect. */
    totalRequests: figure,
    successfulRequests: figure,
    failedRequests: figure,
    /** From the end of what a person said until the answer was heard. */
    avgResponseTime: figure,
    avgConfidence: figure,
    knowledgeBaseHits: figure,
    knowledgeBaseMisses: figure,
    knowledgeBaseHitRate: figure,
    decisionsOverridden: figure,
    feedbackIncorporated: figure,
    /** Questions to Claude, and the time until its first word. */
    modelRequests: figure,
    modelFailures: figure,
    avgFirstToken: figure,
    inputTokens: figure,
    outputTokens: figure,
    cacheReadTokens: figure,
    cacheWriteTokens: figure,
    cacheHitRate: figure,
    costSavings: figure,
    totalCost: figure,
  })
  .meta({ id: 'AgentMetrics' });
export type AgentMetrics = z.infer<typeof AgentMetrics>;

export const AgentLearning = z
  .object({
    timestamp: Instant,
    source: z.enum(['call_feedback', 'analysis']),
    callId: Id,
    insight: z.string(),
    /** A person accepted what follows from it. */
    incorporated: z.boolean(),
    proposalId: Id,
    key: z.string(),
    improvedMetric: z.exactOptional(z.string()),
    improvement: z.exactOptional(z.number()),
  })
  .meta({ id: 'AgentLearning' });
export type AgentLearning = z.infer<typeof AgentLearning>;

/** The figures of one day (UTC). */
export const AgentDay = AgentMetrics.extend({ day: z.string() }).meta({ id: 'AgentDay' });
export type AgentDay = z.infer<typeof AgentDay>;

/** Decisions are the last 100, newest first; `days` the last 90 that have figures, oldest first. */
export const AgentState = z
  .object({
    agentType: AgentType,
    agentId: z.string(),
    state: z.object({
      lastKnowledgeRefresh: z.exactOptional(Instant),
      cacheHitRate: figure,
      /** Calls that it talks on at this moment. */
      activeContexts: figure,
      /** US dollars that Claude's answers on the phone may cost today (UTC), and did; absent: Claude is not set up. */
      talkBudget: z.exactOptional(z.object({ daily: z.number(), spent: z.number() })),
    }),
    decisionHistory: z.array(AgentDecision),
    metrics: AgentMetrics,
    days: z.array(AgentDay),
    learnings: z.array(AgentLearning),
    knowledgeVersions: z.record(z.string(), z.string()),
    updatedAt: Instant,
  })
  .meta({ id: 'AgentState' });
export type AgentState = z.infer<typeof AgentState>;
export const AgentStates = z.object({ items: z.array(AgentState) }).meta({ id: 'AgentStates' });
export const AgentPath = z.object({ agentType: AgentType });

/** A text by which agents talk or understand. */
export const PromptInUse = z
  .object({
    kind: z.enum(['script', 'sentence', 'model']),
    name: z.string(),
    version: z.exactOptional(z.string()),
    hash: z.string(),
    text: z.exactOptional(z.string()),
    /** Calls that were made with it, or analyses made by it. */
    calls: z.exactOptional(z.int()),
    lastUsedAt: z.exactOptional(Instant),
  })
  .meta({ id: 'PromptInUse' });
export type PromptInUse = z.infer<typeof PromptInUse>;
export const PromptsInUse = z.object({ items: z.array(PromptInUse) }).meta({ id: 'PromptsInUse' });

/** What the agent platform is given to let Claude talk through this service. */
export const LlmEndpoint = z
  .object({
    /** To enter as the custom LLM's address. */
    url: z.string(),
    /** To enter as its API key. */
    secret: z.string(),
    /** The model that answers; absent: none is set up. */
    model: z.exactOptional(z.string()),
  })
  .meta({ id: 'LlmEndpoint' });
export type LlmEndpoint = z.infer<typeof LlmEndpoint>;

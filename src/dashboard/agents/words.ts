/** dashboard/agents/words: what the agents, their decisions and figures are called. */
import type { AgentMetrics, AgentState, AgentType } from '../../contract/index.ts';
import { count, formatCount, formatMoney, formatMs, formatShare } from '../format.ts';
import type { Tile } from '../ui/tile.tsx';
import type { Word } from '../words.ts';

export const AGENT: Readonly<Record<AgentType, { readonly name: string; readonly does: string }>> = {
  conversation_ai: { name: 'Voice agent', does: 'Talks with people on the phone.' },
  sales: { name: 'Sales', does: 'Judges every call that was understood, and plans what follows.' },
  realty: { name: 'Realty', does: 'Says what houses are worth.' },
  architect: { name: 'Architect', does: 'Learns from calls and proposes better answers.' },
};

const DECISION: Readonly<Record<string, string>> = {
  select_knowledge: 'Chose an answer',
  knowledge_not_found: 'Found no answer',
  record_opt_out: 'Recorded a stop',
  transfer: 'Transferred the call',
  conclude: 'Concluded the call',
  qualify_lead: 'Judged the lead',
  plan_follow_up: 'Planned a follow-up',
  value_property: 'Valued a house',
  propose_version: 'Proposed a better answer',
};
export const decisionName = (decision: string): string => DECISION[decision] ?? decision.replaceAll('_', ' ');

export const DECISION_OUTCOME: Readonly<
  Record<NonNullable<AgentState['decisionHistory'][number]['outcome']>, Word>
> = {
  successful: { label: 'Went well', tone: 'good' },
  unsuccessful: { label: 'Did not settle it', tone: 'bad' },
  open: { label: 'Open', tone: 'info' },
};

const REQUESTS: Readonly<Record<AgentType, string>> = {
  conversation_ai: 'turn',
  sales: 'call',
  realty: 'valuation',
  architect: 'proposal',
};

const tile = (name: string, value: string | undefined, detail?: string): readonly Tile[] =>
  value === undefined ? [] : [{ name, value, ...(detail === undefined ? {} : { detail }) }];
const told = (value: number | undefined, format: (value: number) => string): string | undefined =>
  value === undefined ? undefined : format(value);

/** Only what was measured. */
export function tilesOf(type: AgentType, metrics: AgentMetrics): readonly Tile[] {
  const { totalRequests, failedRequests, knowledgeBaseHits = 0, knowledgeBaseMisses = 0 } = metrics;
  return [
    ...tile(
      `${REQUESTS[type].charAt(0).toUpperCase()}${REQUESTS[type].slice(1)}s`,
      told(totalRequests, formatCount),
      failedRequests ? `${formatCount(failedRequests)} failed` : undefined,
    ),
    ...tile('Reply heard after', told(metrics.avgResponseTime, formatMs), 'on average'),
    ...tile(
      'Answers found',
      told(metrics.knowledgeBaseHitRate, formatShare),
      `of ${count(knowledgeBaseHits + knowledgeBaseMisses, 'look-up')}`,
    ),
    ...tile(
      'Asked Claude',
      told(metrics.modelRequests, formatCount),
      metrics.modelFailures ? `${formatCount(metrics.modelFailures)} in vain` : undefined,
    ),
    ...tile('First word of Claude', told(metrics.avgFirstToken, formatMs), 'on average'),
    ...tile(
      'Read from the cache',
      told(metrics.cacheHitRate, formatShare),
      metrics.cacheReadTokens === undefined
        ? undefined
        : `${formatCount(metrics.cacheReadTokens)} tokens of ${formatCount(
            metrics.cacheReadTokens + (metrics.inputTokens ?? 0) + (metrics.cacheWriteTokens ?? 0),
          )}`,
    ),
    ...tile(
      'Tokens written',
      told(metrics.outputTokens, formatCount),
      metrics.inputTokens === undefined ? undefined : `${formatCount(metrics.inputTokens)} read anew`,
    ),
    ...tile(
      'Cost',
      told(metrics.totalCost, formatMoney),
      metrics.costSavings ? `${formatMoney(metrics.costSavings)} spared by the cache` : undefined,
    ),
    ...tile('Learned and in use', told(metrics.feedbackIncorporated, formatCount)),
    ...tile('Refused by people', told(metrics.decisionsOverridden, formatCount)),
  ];
}

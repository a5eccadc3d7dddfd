/** test/browser/fixture-agents: agents with a fortnight of figures, entries with versions, and a proposal that waits. */
import {
  AgentState,
  AgentStates,
  KnowledgeList,
  KnowledgeProposal,
  KnowledgeProposals,
  KnowledgeSave,
  KnowledgeTopic,
  KnowledgeUses,
  LlmEndpoint,
  PromptsInUse,
  ProposalAccept,
} from '../../src/contract/index.ts';
import { type Ask, fits, json, problem, type Reply } from './fixture-gate.ts';
import { ago, FINISHED, hex } from './fixtures.ts';

const FIRST =
  'That is the price we can pay. It is what it is, and nobody will pay you more for a house in that state.';
const SECOND =
  'I hear you, and it should be a number you are happy with. Our price is for the house as it stands: no repairs, no commission.';

const decision = (
  name: string,
  minutes: number,
  more: Partial<AgentState['decisionHistory'][number]> = {},
) => ({
  timestamp: ago(minutes),
  decision: name,
  input: 'They said: Your offers are always too low, I have heard about that.',
  reasoning: 'Looked it up; price_too_low version 2 fits best.',
  output: SECOND,
  callId: FINISHED,
  atSec: 18.4,
  ...more,
});
const days = (basis: object) =>
  Array.from({ length: 14 }, (_, n) => ({
    day: new Date(Date.UTC(2026, 10, 8 + n)).toISOString().slice(0, 10),
    ...Object.fromEntries(
      Object.entries(basis).map(([name, value]) => [name, Math.round(Number(value) * (1 + Math.sin(n) / 3))]),
    ),
  }));
const agent = (agentType: AgentState['agentType'], more: Partial<AgentState> = {}): AgentState => ({
  agentType,
  agentId: agentType,
  state: {},
  decisionHistory: [],
  metrics: {},
  days: [],
  learnings: [],
  knowledgeVersions: {},
  updatedAt: ago(1),
  ...more,
});

export function createAgentFixtures() {
  const version = (n: number, body: string, active: boolean, used: number, succeeded: number) => ({
    key: 'price_too_low',
    kind: 'objection_handler' as const,
    version: n,
    title: 'The offer is too low',
    body,
    tags: ['too low', 'worth more'],
    active,
    stats: { used, succeeded },
    createdAt: ago(2_000 - n * 500),
    createdBy: n === 1 ? 'parley' : 'Robin Ellery',
  });
  let versions = [version(2, SECOND, true, 24, 15), version(1, FIRST, false, 31, 9)];
  let proposal: KnowledgeProposal = KnowledgeProposal.parse({
    id: hex(0x9a01),
    key: 'price_too_low',
    kind: 'objection_handler',
    title: 'The offer is too low',
    body: `${SECOND} Shall we look at three houses near yours that sold?`,
    tags: ['too low', 'worth more'],
    baseVersion: 2,
    insight: 'Owners who were shown what sold nearby went on talking.',
    by: 'rules',
    source: 'analysis',
    evidence: [{ callId: FINISHED, messageIndex: 3, atSec: 18, speaker: 'user', quote: 'always too low' }],
    before: { used: 24, succeeded: 15 },
    state: 'open',
    createdAt: ago(40),
  });
  const agents = [
    agent('conversation_ai', {
      state: { activeContexts: 2, cacheHitRate: 0.91 },
      metrics: {
        totalRequests: 1_204,
        successfulRequests: 1_201,
        failedRequests: 3,
        avgResponseTime: 840,
        knowledgeBaseHits: 55,
        knowledgeBaseMisses: 6,
        knowledgeBaseHitRate: 0.9,
        modelRequests: 640,
        modelFailures: 2,
        avgFirstToken: 420,
        inputTokens: 90_000,
        outputTokens: 31_000,
        cacheReadTokens: 910_000,
        cacheWriteTokens: 12_000,
        cacheHitRate: 0.9,
        costSavings: 2.45,
        totalCost: 18.2,
      },
      days: days({
        totalRequests: 90,
        avgResponseTime: 840,
        avgFirstToken: 420,
        knowledgeBaseHits: 4,
        knowledgeBaseMisses: 1,
        cacheReadTokens: 65_000,
        inputTokens: 6_000,
        totalCost: 1.3,
      }),
      decisionHistory: [
        decision('select_knowledge', 3, { outcome: 'successful' }),
        decision('record_opt_out', 60, { output: 'All numbers of the person are on the do-not-call list.' }),
      ],
      knowledgeVersions: { price_too_low: 'v2' },
    }),
    agent('sales', {
      metrics: { totalRequests: 61, successfulRequests: 61, failedRequests: 0 },
      days: days({ totalRequests: 5 }),
    }),
    agent('realty'),
    agent('architect', {
      metrics: { totalRequests: 1, feedbackIncorporated: 1 },
      learnings: [
        {
          timestamp: ago(40),
          source: 'analysis',
          callId: FINISHED,
          insight: proposal.insight,
          incorporated: true,
          proposalId: proposal.id,
          key: 'price_too_low',
          improvedMetric: 'knowledge_success_rate',
          improvement: 0.15,
        },
      ],
    }),
  ];
  const topic = (): KnowledgeTopic => {
    const active = versions.find((each) => each.active);
    return { key: 'price_too_low', ...(active ? { active } : {}), versions };
  };
  const save = (body: string): void => {
    const newest = versions[0]?.version ?? 0;
    versions = [
      version(newest + 1, body, true, 0, 0),
      ...versions.map((each) => ({ ...each, active: false })),
    ];
  };

  return {
    answer({ method, path, query, body }: Ask): Reply | undefined {
      if (path === '/agents') return json(AgentStates, { items: agents });
      if (path === '/agents/prompts')
        return json(PromptsInUse, {
          items: [
            {
              kind: 'script',
              name: 'outbound',
              hash: 'a'.repeat(64),
              text: 'Hi {{lead_name}}',
              calls: 61,
              lastUsedAt: ago(3),
            },
            {
              kind: 'model',
              name: 'call-analysis',
              version: 'call-analysis 1',
              hash: 'b'.repeat(64),
              calls: 58,
            },
          ],
        });
      if (path === '/agents/llm')
        return json(LlmEndpoint, {
          url: 'http://localhost:3000/llm/v1/chat/completions',
          secret: 's'.repeat(43),
        });
      if (path.startsWith('/agents/')) {
        const found = agents.find(({ agentType }) => path === `/agents/${agentType}`);
        return found ? json(AgentState, found) : problem(404, 'not_found', 'Nothing here');
      }
      if (path === '/knowledge') return json(KnowledgeList, { items: [topic()] });
      if (path === '/knowledge/proposals') {
        const isIn = query.get('state') === proposal.state;
        return json(KnowledgeProposals, { items: isIn ? [proposal] : [] });
      }
      if (path.endsWith('/accept')) {
        const edited = fits('body', ProposalAccept, body);
        save(edited.body ?? proposal.body);
        const accepted = { acceptedVersion: 3, decidedBy: 'Robin Ellery' };
        proposal = { ...proposal, state: 'accepted', ...accepted };
        return json(KnowledgeTopic, topic());
      }
      if (path === '/knowledge/price_too_low/uses')
        return json(KnowledgeUses, {
          items: [{ callId: FINISHED, version: 2, atSec: 18, result: 'settled', updatedAt: ago(4) }],
        });
      const [, activated] = /^\/knowledge\/price_too_low\/versions\/(\d+)\/activate$/.exec(path) ?? [];
      if (activated !== undefined)
        versions = versions.map((each) => ({ ...each, active: each.version === Number(activated) }));
      else if (path !== '/knowledge/price_too_low') return undefined;
      if (method === 'PUT') save(fits('body', KnowledgeSave, body).body);
      return json(KnowledgeTopic, topic());
    },
  };
}

/** http/routes/agents: what the four agents decided, their figures and learnings, the prompts in use, and the LLM endpoint. */
import {
  AgentPath,
  AgentState,
  AgentStates,
  LlmEndpoint,
  PromptsInUse,
  type Settings,
} from '../../contract/index.ts';
import type { Audit } from '../audit.ts';
import { LLM_PATH } from '../llm.ts';
import type { AppForHttp } from '../needs.ts';
import { presentAgent, presentPrompt } from '../present.ts';
import { type Route, route } from '../route.ts';

/** What the voice agent does at this moment, and what it may still cost. */
const talksOf = async ({ calls, llm }: Pick<AppForHttp, 'calls' | 'llm'>) => ({
  liveCalls: calls.live().length,
  budget: await llm.budget(),
});

export const agentRoutes = ({
  app,
  audit,
  settings,
  llmSecret,
}: {
  readonly app: Pick<AppForHttp, 'agents' | 'llm' | 'calls'>;
  readonly audit: Audit;
  readonly settings: Settings;
  readonly llmSecret: string;
}): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/agents',
    summary: 'The state of all four agents',
    tag: 'agents',
    role: 'USER',
    responses: { 200: { description: 'All of them.', schema: AgentStates } },
    handle: async () => {
      const talks = await talksOf(app);
      return {
        status: 200,
        json: { items: (await app.agents.list()).map((state) => presentAgent(state, talks)) },
      };
    },
  }),
  // Before the agents: their paths have a word where an agent has its type.
  route({
    method: 'GET',
    path: '/api/v1/agents/prompts',
    summary: 'The texts by which the agents talk and understand, by name, version and hash',
    tag: 'agents',
    role: 'USER',
    responses: { 200: { description: 'All of them.', schema: PromptsInUse } },
    handle: async () => ({
      status: 200,
      json: { items: (await app.agents.prompts()).map(presentPrompt) },
    }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/agents/llm',
    summary: 'The address and the secret under which the agent platform asks Claude through this service',
    tag: 'agents',
    role: 'ADMIN',
    responses: { 200: { description: 'To enter as the custom LLM.', schema: LlmEndpoint } },
    handle: ({ caller, requestId }) => {
      audit('llm.secret', { caller, requestId }, {});
      return {
        status: 200,
        json: {
          url: `${settings.publicBaseUrl}${LLM_PATH}`,
          secret: llmSecret,
          ...(app.llm.model === undefined ? {} : { model: app.llm.model }),
        },
      };
    },
  }),
  route({
    method: 'GET',
    path: '/api/v1/agents/:agentType',
    summary: 'One agent: its decisions, figures by day, and learnings',
    tag: 'agents',
    role: 'USER',
    params: AgentPath,
    responses: { 200: { description: 'The agent.', schema: AgentState } },
    problems: ['not_found'],
    handle: async ({ params }) => ({
      status: 200,
      json: presentAgent(await app.agents.get(params.agentType), await talksOf(app)),
    }),
  }),
];

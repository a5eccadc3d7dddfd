/** dashboard/agents/queries: the state of the agents and the texts they talk by, as the API answers them. */
import { queryOptions } from '@tanstack/react-query';
import type { AgentType } from '../../contract/index.ts';
import { api } from '../api.ts';

const POLL_MS = 30_000;

export const agentsQuery = queryOptions({
  queryKey: ['agents'] as const,
  queryFn: ({ signal }) => api.agents(signal),
  refetchInterval: POLL_MS,
});

export const agentQuery = (type: AgentType) =>
  queryOptions({
    queryKey: ['agents', type] as const,
    queryFn: ({ signal }) => api.agent(type, signal),
    refetchInterval: POLL_MS,
  });

export const promptsQuery = queryOptions({
  queryKey: ['agent-prompts'] as const,
  queryFn: ({ signal }) => api.prompts(signal),
});

/** A secret: asked for when somebody wants to see it, and not kept. */
export const llmQuery = queryOptions({
  queryKey: ['agent-llm'] as const,
  queryFn: ({ signal }) => api.llmEndpoint(signal),
  gcTime: 0,
});

/** dashboard/knowledge/queries: what the agent may look up, and what is proposed, as the API answers them. */
import { type QueryClient, queryOptions } from '@tanstack/react-query';
import { api, type ProposalFilter } from '../api.ts';
import { paged } from '../queries.ts';

export const knowledgeKeys = {
  all: ['knowledge'] as const,
  topic: (key: string) => ['knowledge', 'topic', key] as const,
  uses: (key: string) => ['knowledge', 'uses', key] as const,
  proposals: ['knowledge', 'proposals'] as const,
};

export const knowledgeQuery = queryOptions({
  queryKey: [...knowledgeKeys.all, 'list'] as const,
  queryFn: ({ signal }) => api.knowledge(signal),
});

export const topicQuery = (key: string) =>
  queryOptions({
    queryKey: knowledgeKeys.topic(key),
    queryFn: ({ signal }) => api.knowledgeTopic(key, signal),
  });

export const usesQuery = (key: string) =>
  queryOptions({
    queryKey: knowledgeKeys.uses(key),
    queryFn: ({ signal }) => api.knowledgeUses(key, signal),
  });

export const proposalsQuery = (filter: ProposalFilter) =>
  paged(knowledgeKeys.proposals, filter, api.proposals);

/** What may be different once a version was saved, put in use, or decided about. */
export function knowledgeChanged(queries: QueryClient): void {
  queries.invalidateQueries({ queryKey: knowledgeKeys.all }).catch(() => undefined);
}

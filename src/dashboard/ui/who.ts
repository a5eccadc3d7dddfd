/** dashboard/ui/who: the name behind a call. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { Call } from '../../contract/index.ts';
import { leadQuery, leadsQuery } from '../queries.ts';
import { fullName } from '../words.ts';

/** The lead's name; undefined while it is not known, or when the call belongs to no lead. */
export function useCallerName(call: Pick<Call, 'leadId'>): string | undefined {
  // The newest leads come in one request; only a lead beyond them is asked for by itself.
  const newest = useInfiniteQuery({ ...leadsQuery({}), staleTime: 60_000 });
  const known = newest.data?.pages.flatMap((page) => page.items).find((lead) => lead.id === call.leadId);
  const alone = useQuery({
    ...leadQuery(call.leadId ?? ''),
    enabled: call.leadId !== undefined && !known && !newest.isPending,
  });
  const lead = known ?? alone.data;
  return lead ? fullName(lead) : undefined;
}

/** dashboard/call/neighbours: J and K go to the next and the previous call of the list that one came from. */
import { useHotkeys } from '@mantine/hooks';
import { type InfiniteData, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { Call, ListedCall } from '../../contract/index.ts';
import { api } from '../api.ts';
import { keys } from '../queries.ts';

type Pages = InfiniteData<{ readonly items: readonly ListedCall[] }>;

/** Of several lists the one that was shown last counts; without any, the next is the call before this one. */
export function useNeighbours(call: Call): void {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const go = (callId: string | undefined) => {
    if (callId === undefined) return;
    navigate({ to: '/calls/$callId', params: { callId } }).catch(() => undefined);
  };
  const listed = (): string[] => {
    const lists = queries
      .getQueryCache()
      .findAll({ queryKey: keys.callLists })
      // The other calls of one person are a list too, but nobody came from there.
      .filter(({ queryKey }) => (queryKey[1] as { leadId?: string } | undefined)?.leadId === undefined)
      .sort((a, b) => b.state.dataUpdatedAt - a.state.dataUpdatedAt)
      .map(({ state }) => (state.data as Pages | undefined)?.pages.flatMap((page) => page.items) ?? [])
      .map((calls) => calls.map(({ id }) => id));
    return lists.find((ids) => ids.includes(call.id)) ?? [];
  };
  const step = async (by: 1 | -1) => {
    const ids = listed();
    const at = ids.indexOf(call.id);
    const known = at < 0 ? undefined : ids[at + by];
    if (known !== undefined || by < 0) return go(known);
    const { items } = await api.calls({ to: call.initiatedAt }, { limit: 1 });
    go(items[0]?.id);
  };
  useHotkeys([
    ['j', () => step(1).catch(() => undefined)],
    ['k', () => step(-1).catch(() => undefined)],
  ]);
}

/** dashboard/call/neighbours: J and K go to the next and the previous call of the list that one came from. */
import { useHotkeys } from '@mantine/hooks';
import { type InfiniteData, type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useRef } from 'react';
import type { FoundCalls, ListedCall } from '../../contract/index.ts';
import { api, type CallFilter } from '../api.ts';
import { callQuery, keys } from '../queries.ts';

interface List {
  readonly filter: CallFilter & { readonly text?: string };
  readonly ids: readonly string[];
}

/** The list that was shown last of those that have the call; what was searched for is a list too. */
function listWith(queries: QueryClient, callId: string): List | undefined {
  const found = [keys.callLists, keys.said]
    .flatMap((queryKey) => queries.getQueryCache().findAll({ queryKey }))
    .map(({ queryKey, state }) => {
      const data = state.data as InfiniteData<FoundCalls | { items: readonly ListedCall[] }> | undefined;
      const items = data?.pages.flatMap(
        (page): readonly (FoundCalls['items'][number] | ListedCall)[] => page.items,
      );
      return {
        at: state.dataUpdatedAt,
        filter: (queryKey[1] ?? {}) as List['filter'],
        ids: (items ?? []).map((item) => ('call' in item ? item.call.id : item.id)),
      };
    })
    // The other calls of one person are a list too, but nobody came from there.
    .filter(({ filter, ids }) => filter.leadId === undefined && ids.includes(callId));
  return found.sort((a, b) => b.at - a.at)[0];
}

const MINUTE_MS = 60_000;
/** How far ahead is looked for the call after one, minutes: each as long as all before it are empty. */
const AHEAD_MIN = [10, 120, 1_440, 10_080, 525_600];
const MOST_PAGES = 10;

/** The call that began next after `at`; calls are listed newest first, so it is the last of those since. */
async function after(callId: string, at: string): Promise<string | undefined> {
  for (const minutes of AHEAD_MIN) {
    const filter = { from: at, to: new Date(Date.parse(at) + minutes * MINUTE_MS).toISOString() };
    let last: string | undefined;
    let cursor: string | undefined;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const { items, nextCursor } = await api.calls(filter, { limit: 100, cursor });
      last = items.findLast(({ id }) => id !== callId)?.id ?? last;
      cursor = nextCursor;
      if (cursor === undefined) break;
    }
    if (last !== undefined) return last;
  }
  return undefined;
}

/** `by` 1: the one further down, which is the call before this one. */
async function neighbour(queries: QueryClient, callId: string, by: 1 | -1): Promise<string | undefined> {
  const list = listWith(queries, callId);
  const at = list?.ids.indexOf(callId) ?? -1;
  const known = list?.ids[at + by];
  if (known !== undefined || (list && (by < 0 || list.filter.text !== undefined))) return known;
  const { initiatedAt } = await queries.ensureQueryData(callQuery(callId));
  if (by < 0) return await after(callId, initiatedAt);
  const { items } = await api.calls({ ...list?.filter, to: initiatedAt }, { limit: 1 });
  return items[0]?.id;
}

/** Works as soon as the page is there, whether or not the call is; of several keys each goes on from where the last one leads. */
export function useNeighbours(callId: string): void {
  const queries = useQueryClient();
  const navigate = useNavigate();
  /** The steps under way, and the call that they lead to. */
  const going = useRef<Promise<string>>(undefined);
  const step = (by: 1 | -1) => {
    const steps = (going.current ?? Promise.resolve(callId)).then(async (from) => {
      const next = await neighbour(queries, from, by).catch(() => undefined);
      if (next === undefined) return from;
      await navigate({ to: '/calls/$callId', params: { callId: next } }).catch(() => undefined);
      return next;
    });
    going.current = steps;
    steps.finally(() => {
      if (going.current === steps) going.current = undefined;
    });
  };
  useHotkeys([
    ['j', () => step(1)],
    ['k', () => step(-1)],
  ]);
}

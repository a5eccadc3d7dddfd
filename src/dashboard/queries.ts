/** dashboard/queries: the keys under which answers of the API are kept, and how long they count as fresh. */
import {
  infiniteQueryOptions,
  keepPreviousData,
  QueryCache,
  QueryClient,
  queryOptions,
} from '@tanstack/react-query';
import type { Call } from '../contract/index.ts';
import { ApiError, api, type CallFilter, type LeadFilter } from './api.ts';

export const keys = {
  me: ['me'] as const,
  signIn: (token: string) => ['sign-in', token] as const,
  settings: ['settings'] as const,
  live: ['live'] as const,
  callLists: ['calls'] as const,
  call: (id: string) => ['call', id] as const,
  transcript: (id: string) => ['call', id, 'transcript'] as const,
  events: (id: string) => ['call', id, 'events'] as const,
  leadLists: ['leads'] as const,
  lead: (id: string) => ['lead', id] as const,
  timeline: (id: string) => ['lead', id, 'timeline'] as const,
  gate: (id: string) => ['lead', id, 'gate'] as const,
  consents: (phone: string) => ['consents', phone] as const,
  listings: (phone: string) => ['listings', phone] as const,
};

const PAGE = 50;
const MINUTE = 60_000;

/** Trying again helps only when the server says so, and not for long. */
const again = (failures: number, error: Error) =>
  error instanceof ApiError && error.retryable && failures < 2;

export function createQueries(): QueryClient {
  const queries: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (error, query) => {
        // The session ended under an open page: asking who is signed in leads to the sign-in page.
        if (error instanceof ApiError && error.status === 401 && query.queryKey[0] !== 'sign-in') {
          queries.invalidateQueries({ queryKey: keys.me }).catch(() => undefined);
        }
      },
    }),
    defaultOptions: {
      queries: { staleTime: 10_000, gcTime: 10 * MINUTE, retry: again },
      mutations: { retry: false },
    },
  });
  return queries;
}

export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: ({ signal }) => api.me(signal),
  staleTime: 5 * MINUTE,
});

/** A query and not a mutation, so that a token is sent once however often the page is drawn: it works only once. */
export const signInQuery = (token: string) =>
  queryOptions({
    queryKey: keys.signIn(token),
    queryFn: () => api.signIn(token),
    enabled: token !== '',
    staleTime: Infinity,
    gcTime: Infinity,
    retry: false,
    retryOnMount: false,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });

export const settingsQuery = queryOptions({
  queryKey: keys.settings,
  queryFn: ({ signal }) => api.settings(signal),
  staleTime: 10 * MINUTE,
});

export const callsQuery = (filter: CallFilter) =>
  infiniteQueryOptions({
    queryKey: [...keys.callLists, filter] as const,
    queryFn: ({ pageParam, signal }) => api.calls(filter, { limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.nextCursor,
    placeholderData: keepPreviousData,
  });

const LATE_MS = 2 * MINUTE;
const POLL_MS = 2_500;

/** The recording and the second account of the talk arrive shortly after a call left the live wall. */
export function isSettling(call: Call, nowMs: number): boolean {
  if (call.answeredAt === undefined || call.endedAt === undefined) return false;
  return (
    (call.completeness === undefined || !call.hasRecording) && nowMs - Date.parse(call.endedAt) < LATE_MS
  );
}

export const callQuery = (id: string) =>
  queryOptions({
    queryKey: keys.call(id),
    queryFn: ({ signal }) => api.call(id, signal),
    refetchInterval: ({ state }) => (state.data && isSettling(state.data, Date.now()) ? POLL_MS : false),
  });

/** `settling`: the call ended moments ago, so words may still be filled in. */
export const transcriptQuery = (id: string, settling: boolean) =>
  queryOptions({
    queryKey: keys.transcript(id),
    queryFn: ({ signal }) => api.transcript(id, signal),
    refetchInterval: settling ? POLL_MS : false,
  });

export const eventsQuery = (id: string, settling: boolean) =>
  queryOptions({
    queryKey: keys.events(id),
    queryFn: ({ signal }) => api.events(id, signal),
    refetchInterval: settling ? POLL_MS : false,
  });

export const leadsQuery = (filter: LeadFilter) =>
  infiniteQueryOptions({
    queryKey: [...keys.leadLists, filter] as const,
    queryFn: ({ pageParam, signal }) => api.leads(filter, { limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.nextCursor,
    placeholderData: keepPreviousData,
  });

export const leadQuery = (id: string) =>
  queryOptions({
    queryKey: keys.lead(id),
    queryFn: ({ signal }) => api.lead(id, signal),
    staleTime: MINUTE,
  });

export const timelineQuery = (id: string) =>
  queryOptions({ queryKey: keys.timeline(id), queryFn: ({ signal }) => api.timeline(id, signal) });

/** What the gate would say now. Never taken from the cache without asking again: the clock is one of its facts. */
export const gateQuery = (id: string) =>
  queryOptions({
    queryKey: keys.gate(id),
    queryFn: ({ signal }) => api.check(id, signal),
    staleTime: 0,
    refetchOnMount: 'always',
  });

export const consentsQuery = (phone: string) =>
  queryOptions({ queryKey: keys.consents(phone), queryFn: ({ signal }) => api.consents(phone, signal) });

export const listingsQuery = (phone: string) =>
  queryOptions({ queryKey: keys.listings(phone), queryFn: ({ signal }) => api.listings(phone, signal) });

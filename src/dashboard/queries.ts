/** dashboard/queries: the keys under which answers of the API are kept, and how long they count as fresh. */
import {
  infiniteQueryOptions,
  keepPreviousData,
  MutationCache,
  QueryCache,
  QueryClient,
  queryOptions,
} from '@tanstack/react-query';
import type { Call } from '../contract/index.ts';
import {
  ApiError,
  api,
  type CallFilter,
  type ConsentFilter,
  type Cut,
  type DecisionFilter,
  type DncFilter,
  type LeadFilter,
  type WindowsQuestion,
} from './api.ts';

export const keys = {
  me: ['me'] as const,
  signIn: (token: string) => ['sign-in', token] as const,
  settings: ['settings'] as const,
  readiness: ['readiness'] as const,
  live: ['live'] as const,
  callLists: ['calls'] as const,
  call: (id: string) => ['call', id] as const,
  transcript: (id: string) => ['call', id, 'transcript'] as const,
  events: (id: string) => ['call', id, 'events'] as const,
  leadLists: ['leads'] as const,
  lead: (id: string) => ['lead', id] as const,
  timeline: (id: string) => ['lead', id, 'timeline'] as const,
  gate: (id: string) => ['lead', id, 'gate'] as const,
  windows: ['windows'] as const,
  decisionLists: ['decisions'] as const,
  campaigns: ['campaigns'] as const,
  policy: ['policy'] as const,
  lists: ['lists'] as const,
  imports: ['imports'] as const,
  consents: ['consents'] as const,
  listings: ['listings'] as const,
  retention: ['retention'] as const,
  retentionRuns: ['retention', 'runs'] as const,
  erasures: ['erasures'] as const,
};

/** What may be different once somebody's consent or listing changed: all that the gate, the lists and the lead say. */
export function personChanged(queries: QueryClient, leadId?: string): void {
  const stale = [
    keys.consents,
    keys.listings,
    keys.windows,
    keys.leadLists,
    ...(leadId === undefined ? [['lead'] as const] : [keys.lead(leadId)]),
  ];
  for (const queryKey of stale) queries.invalidateQueries({ queryKey }).catch(() => undefined);
}

/** What may be different once a rule of the house or a list changed. */
export function gateChanged(queries: QueryClient): void {
  for (const queryKey of [keys.policy, keys.lists, keys.imports, keys.windows, ['lead'] as const])
    queries.invalidateQueries({ queryKey }).catch(() => undefined);
}

const PAGE = 50;
const MINUTE = 60_000;

/** Trying again helps only when the server says so, and not for long; an absent database is waited for otherwise. */
const again = (failures: number, error: Error) =>
  error instanceof ApiError && error.retryable && error.code !== 'store_unavailable' && failures < 2;

/** What failed while the server or its database was away is asked for again once both are there. */
const tryFailedAgain = (queries: QueryClient) => {
  queries
    .refetchQueries({
      type: 'active',
      // The question whether they are there is the one being answered.
      predicate: ({ state, queryKey }) =>
        queryKey[0] !== keys.readiness[0] && state.error instanceof ApiError && state.error.retryable,
    })
    .catch(() => undefined);
};

export function createQueries(): QueryClient {
  // Why, and what waits meanwhile, is said on every page.
  const storeAway = (error: Error) => {
    if (error instanceof ApiError && error.code === 'store_unavailable')
      queries.invalidateQueries({ queryKey: keys.readiness }).catch(() => undefined);
  };
  const queries: QueryClient = new QueryClient({
    mutationCache: new MutationCache({ onError: storeAway }),
    queryCache: new QueryCache({
      onError: (error, query) => {
        storeAway(error);
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

const READINESS_EVERY_MS = 15_000;
const WHILE_NOT_READY_MS = 2_500;

/** Asked on every page while it is looked at, more often while something is away. */
export const readinessQuery = queryOptions({
  queryKey: keys.readiness,
  queryFn: async ({ signal, client }) => {
    const readiness = await api.readiness(signal);
    if (readiness.status === 'ready') tryFailedAgain(client);
    return readiness;
  },
  staleTime: WHILE_NOT_READY_MS,
  retry: false,
  refetchInterval: ({ state }) =>
    state.data?.status === 'not_ready' ? WHILE_NOT_READY_MS : READINESS_EVERY_MS,
});

/** A list that is read page by page; what is shown stays while another filter loads. */
const paged = <F extends object, T, K extends readonly unknown[]>(
  key: K,
  filter: F,
  read: (filter: F, cut: Cut, signal: AbortSignal) => Promise<{ items: T[]; nextCursor?: string }>,
) =>
  infiniteQueryOptions({
    queryKey: [...key, filter] as const,
    queryFn: ({ pageParam, signal }) => read(filter, { limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.nextCursor,
    placeholderData: keepPreviousData,
  });

export const callsQuery = (filter: CallFilter) => paged(keys.callLists, filter, api.calls);
export const leadsQuery = (filter: LeadFilter) => paged(keys.leadLists, filter, api.leads);
export const decisionsQuery = (filter: DecisionFilter) => paged(keys.decisionLists, filter, api.decisions);
export const consentsQuery = (filter: ConsentFilter) => paged(keys.consents, filter, api.consents);
export const listingsQuery = (filter: DncFilter) => paged(keys.listings, filter, api.listings);

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

/** When may this person be called? Asked anew every minute while the question is about now. */
export const windowsQuery = (question: WindowsQuestion) =>
  queryOptions({
    queryKey: [...keys.windows, question] as const,
    queryFn: ({ signal }) => api.windows(question, signal),
    staleTime: 0,
    refetchOnMount: 'always',
    refetchInterval: question.at === undefined ? MINUTE : false,
  });

export const campaignsQuery = queryOptions({
  queryKey: keys.campaigns,
  queryFn: ({ signal }) => api.campaigns(signal),
  staleTime: 5 * MINUTE,
});

/** Shown across the app (a switch that stops every call), so every open page learns of a change within a minute. */
export const policyQuery = queryOptions({
  queryKey: keys.policy,
  queryFn: ({ signal }) => api.policy(signal),
  staleTime: MINUTE,
  refetchInterval: MINUTE,
});

export const listsQuery = queryOptions({
  queryKey: keys.lists,
  queryFn: ({ signal }) => api.lists(signal),
  staleTime: 5 * MINUTE,
  refetchInterval: 10 * MINUTE,
});

export const retentionQuery = queryOptions({
  queryKey: keys.retention,
  queryFn: ({ signal }) => api.retention(signal),
});

const RUN_POLL_MS = 2_000;
/** The newest, among them those that only looked. */
export const retentionRunsQuery = queryOptions({
  queryKey: keys.retentionRuns,
  queryFn: async ({ signal }) => (await api.retentionRuns({ limit: 50 }, signal)).items,
  refetchInterval: ({ state }) => (state.data?.some((run) => run.state === 'running') ? RUN_POLL_MS : false),
});

export const erasuresQuery = paged(keys.erasures, {}, (_filter, cut, signal) => api.erasures(cut, signal));

const IMPORT_POLL_MS = 1_000;

/** `sending`: this browser sends a file, so there is something to see soon. */
export const importsQuery = (sending: boolean) =>
  queryOptions({
    queryKey: keys.imports,
    queryFn: ({ signal }) => api.imports(signal),
    refetchInterval: ({ state }) =>
      sending || state.data?.some((one) => one.state === 'receiving') ? IMPORT_POLL_MS : false,
  });

/** dashboard/queries: the keys under which answers of the API are kept, and how long they count as fresh. */
import {
  infiniteQueryOptions,
  keepPreviousData,
  MutationCache,
  QueryCache,
  QueryClient,
  queryOptions,
} from '@tanstack/react-query';
import type { z } from 'zod';
import type {
  AudienceQuery,
  Call,
  Campaign,
  CampaignWork,
  MessageTemplateSave,
  Readiness,
} from '../contract/index.ts';
import {
  ApiError,
  api,
  type CallFilter,
  type CampaignFilter,
  type ConsentFilter,
  type Cut,
  type DecisionFilter,
  type DncFilter,
  type EnrollmentFilter,
  type LeadFilter,
  type MessageFilter,
  type OverviewQuestion,
  type SaidFilter,
  type WindowsQuestion,
} from './api.ts';

export const keys = {
  me: ['me'] as const,
  signIn: (token: string) => ['sign-in', token] as const,
  settings: ['settings'] as const,
  readiness: ['readiness'] as const,
  live: ['live'] as const,
  overview: ['overview'] as const,
  callLists: ['calls'] as const,
  call: (id: string) => ['call', id] as const,
  transcript: (id: string) => ['call', id, 'transcript'] as const,
  events: (id: string) => ['call', id, 'events'] as const,
  waveform: (id: string) => ['call', id, 'waveform'] as const,
  review: (id: string) => ['call', id, 'review'] as const,
  /** Who reviews, and what waits for whoever is signed in. */
  reviewers: ['reviewers'] as const,
  analyses: (id: string) => ['call', id, 'analyses'] as const,
  said: ['said'] as const,
  callViews: ['views', 'calls'] as const,
  callScripts: ['call-scripts'] as const,
  leadLists: ['leads'] as const,
  leadSources: ['lead-sources'] as const,
  lead: (id: string) => ['lead', id] as const,
  timeline: (id: string) => ['lead', id, 'timeline'] as const,
  property: (id: string) => ['property', id] as const,
  /** Under its lead: whatever changes one may change who is the same person. */
  contact: (leadId: string) => ['lead', leadId, 'contact'] as const,
  gate: (id: string) => ['lead', id, 'gate'] as const,
  windows: ['windows'] as const,
  decisionLists: ['decisions'] as const,
  campaigns: ['campaigns'] as const,
  campaignLists: ['campaigns', 'list'] as const,
  campaign: (id: string) => ['campaign', id] as const,
  work: (id: string) => ['campaign', id, 'work'] as const,
  forecast: (id: string) => ['campaign', id, 'forecast'] as const,
  enrollments: (id: string) => ['campaign', id, 'enrollments'] as const,
  performance: (id: string) => ['campaign', id, 'performance'] as const,
  audience: ['audience'] as const,
  messages: ['messages'] as const,
  templates: ['templates'] as const,
  templateVersions: (name: string) => ['templates', name] as const,
  templatePreview: ['template-preview'] as const,
  rates: ['rates'] as const,
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

/** What may be different once a campaign was changed, started, paused or ended. */
export function campaignChanged(queries: QueryClient, campaign: Campaign): void {
  queries.setQueryData(keys.campaign(campaign.id), campaign);
  for (const queryKey of [keys.campaigns, keys.campaign(campaign.id), keys.audience])
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

/** When what failed was last asked for again. */
let triedAgainMs = 0;

/** Asked on every page while it is looked at, more often while something is away. */
export const readinessQuery = queryOptions({
  queryKey: keys.readiness,
  queryFn: async ({ signal, client }) => {
    const before = client.getQueryState<Readiness>(keys.readiness);
    const wasAway = before?.status === 'error' || before?.data?.status !== 'ready';
    const readiness = await api.readiness(signal);
    // What fails though all is there would otherwise be asked for as fast as it fails: its failure leads back here.
    if (readiness.status === 'ready' && (wasAway || Date.now() - triedAgainMs >= READINESS_EVERY_MS)) {
      triedAgainMs = Date.now();
      tryFailedAgain(client);
    }
    return readiness;
  },
  staleTime: WHILE_NOT_READY_MS,
  retry: false,
  refetchInterval: ({ state }) =>
    state.data?.status === 'not_ready' ? WHILE_NOT_READY_MS : READINESS_EVERY_MS,
});

/** A list that is read page by page; what is shown stays while another filter loads. */
export const paged = <
  F extends object,
  P extends { readonly nextCursor?: string },
  K extends readonly unknown[],
>(
  key: K,
  filter: F,
  read: (filter: F, cut: Cut, signal: AbortSignal) => Promise<P>,
) =>
  infiniteQueryOptions({
    queryKey: [...key, filter] as const,
    queryFn: ({ pageParam, signal }) => read(filter, { limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.nextCursor,
    placeholderData: keepPreviousData,
  });

const COUNTING_POLL_MS = 2_000;
/** Asked again each minute, and while past hours are being counted for it. */
export const overviewQuery = (query: OverviewQuestion) =>
  queryOptions({
    queryKey: [...keys.overview, query] as const,
    queryFn: ({ signal }) => api.overview(query, signal),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (state.data?.complete === false ? COUNTING_POLL_MS : MINUTE),
  });

export const callsQuery = (filter: CallFilter) => paged(keys.callLists, filter, api.calls);
const INDEX_POLL_MS = 3_000;
/** Asked again while the index of what was said is being made. */
export const saidQuery = (filter: SaidFilter) => ({
  ...paged(keys.said, filter, api.saidIn),
  refetchInterval: ({
    state,
  }: {
    state: { data?: { pages: readonly { complete: boolean }[] } | undefined };
  }): number | false =>
    state.data?.pages.every(({ complete }) => complete) === false ? INDEX_POLL_MS : false,
});
export const callScriptsQuery = queryOptions({
  queryKey: keys.callScripts,
  queryFn: ({ signal }) => api.callScripts(signal),
  staleTime: 5 * MINUTE,
});

export const callViewsQuery = queryOptions({
  queryKey: keys.callViews,
  queryFn: ({ signal }) => api.callViews(signal),
  staleTime: 5 * MINUTE,
});
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

/** `hasRecording`: without one there is nothing to draw. What was drawn once does not change. */
export const waveformQuery = (call: Pick<Call, 'id' | 'hasRecording' | 'endedAt'>) =>
  queryOptions({
    queryKey: keys.waveform(call.id),
    queryFn: ({ signal }) => api.waveform(call.id, signal),
    enabled: call.hasRecording && call.endedAt !== undefined,
    staleTime: Infinity,
    retry: false,
  });

export const reviewQuery = (id: string) =>
  queryOptions({ queryKey: keys.review(id), queryFn: ({ signal }) => api.review(id, signal) });

export const reviewersQuery = queryOptions({
  queryKey: keys.reviewers,
  queryFn: ({ signal }) => api.reviewers(signal),
  staleTime: MINUTE,
});

export const toReviewQuery = queryOptions({
  queryKey: [...keys.reviewers, 'waiting'] as const,
  queryFn: ({ signal }) => api.toReview(signal),
  refetchInterval: MINUTE,
});

export const analysesQuery = (id: string) =>
  queryOptions({
    queryKey: keys.analyses(id),
    queryFn: ({ signal }) => api.analyses(id, signal),
    // One that was asked for is made within moments.
    refetchInterval: ({ state }) =>
      state.data?.some(({ state: how }) => how === 'queued' || how === 'found') ? POLL_MS : false,
  });

/** Made anew each time: words and marks may have changed since. */
export const callTestQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.analyses(id), 'test'] as const,
    queryFn: ({ signal }) => api.callTest(id, signal),
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });

export const comparisonQuery = (id: string, a: string, b: string) =>
  queryOptions({
    queryKey: [...keys.analyses(id), a, b] as const,
    queryFn: ({ signal }) => api.compareAnalyses(id, a, b, signal),
    placeholderData: keepPreviousData,
  });

export const leadQuery = (id: string) =>
  queryOptions({
    queryKey: keys.lead(id),
    queryFn: ({ signal }) => api.lead(id, signal),
    staleTime: MINUTE,
  });

export const propertyQuery = (id: string) =>
  queryOptions({ queryKey: keys.property(id), queryFn: ({ signal }) => api.property(id, signal) });

/** The person behind a lead, with all leads that are that person. */
export const contactQuery = (leadId: string) =>
  queryOptions({ queryKey: keys.contact(leadId), queryFn: ({ signal }) => api.contact(leadId, signal) });

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

export const leadSourcesQuery = queryOptions({
  queryKey: keys.leadSources,
  queryFn: ({ signal }) => api.leadSources(signal),
});

export const campaignsQuery = queryOptions({
  queryKey: keys.campaigns,
  queryFn: ({ signal }) => api.campaigns(signal),
  staleTime: 5 * MINUTE,
});

export const campaignListQuery = (filter: CampaignFilter) =>
  paged(keys.campaignLists, filter, api.campaignList);

export const campaignQuery = (id: string) =>
  queryOptions({
    queryKey: keys.campaign(id),
    queryFn: ({ signal }) => api.campaign(id, signal),
    refetchInterval: ({ state }) => (state.data?.status === 'active' ? WORK_POLL_MS : false),
  });

const WORK_POLL_MS = 3_000;
/** Asked again while somebody looks at it. */
export const workQuery = (id: string) =>
  queryOptions({
    queryKey: keys.work(id),
    queryFn: ({ signal }) => api.work(id, signal),
    refetchInterval: WORK_POLL_MS,
  });

/** A list is looked over, not watched. */
const WORKS_POLL_MS = 15_000;
const WORKS_AT_ONCE = 100;
/** By campaign. */
export const worksQuery = (ids: readonly string[]) =>
  queryOptions({
    queryKey: [...keys.campaigns, 'work', ids] as const,
    async queryFn({ signal }) {
      const works: CampaignWork[] = [];
      for (let at = 0; at < ids.length; at += WORKS_AT_ONCE)
        works.push(...(await api.works(ids.slice(at, at + WORKS_AT_ONCE), signal)));
      return new Map(works.map((work) => [work.campaignId, work]));
    },
    enabled: ids.length > 0,
    placeholderData: keepPreviousData,
    refetchInterval: WORKS_POLL_MS,
  });

const FORECAST_POLL_MS = 1_000;
export const forecastQuery = (id: string) =>
  queryOptions({
    queryKey: keys.forecast(id),
    queryFn: ({ signal }) => api.forecast(id, signal),
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? FORECAST_POLL_MS : false),
  });

/** The first page is kept fresh; whoever read on is not disturbed. */
export const enrollmentsQuery = (id: string, filter: EnrollmentFilter) => ({
  ...paged(keys.enrollments(id), filter, (asked: EnrollmentFilter, cut, signal) =>
    api.enrollments(id, asked, cut, signal),
  ),
  refetchInterval: ({ state }: { state: { data?: { pages: readonly unknown[] } | undefined } }) =>
    (state.data?.pages.length ?? 0) > 1 ? (false as const) : 2 * WORK_POLL_MS,
});

export const performanceQuery = (id: string) =>
  queryOptions({
    queryKey: keys.performance(id),
    queryFn: ({ signal }) => api.performance(id, signal),
    staleTime: MINUTE,
  });

export const audienceQuery = (question: z.infer<typeof AudienceQuery>) =>
  queryOptions({
    queryKey: [...keys.audience, question] as const,
    queryFn: ({ signal }) => api.audience(question, signal),
    placeholderData: keepPreviousData,
    retry: false,
  });

export const messagesQuery = (filter: MessageFilter) => paged(keys.messages, filter, api.messages);

/** The newest version of each. */
export const templatesQuery = queryOptions({
  queryKey: keys.templates,
  queryFn: ({ signal }) => api.templates(signal),
  staleTime: MINUTE,
});

export const templateVersionsQuery = (name: string) =>
  queryOptions({
    queryKey: keys.templateVersions(name),
    queryFn: ({ signal }) => api.templateVersions(name, signal),
  });

export const templatePreviewQuery = (template: MessageTemplateSave) =>
  queryOptions({
    queryKey: [...keys.templatePreview, template] as const,
    queryFn: ({ signal }) => api.previewTemplate(template, signal),
    placeholderData: keepPreviousData,
    retry: false,
  });

export const ratesQuery = queryOptions({
  queryKey: keys.rates,
  queryFn: ({ signal }) => api.rates(signal),
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

/** dashboard/app: the providers and the routes. Each page is a chunk of its own, loaded when it is visited. */
import './schemas.ts';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './base.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  RouterProvider,
} from '@tanstack/react-router';
import { createRoot } from 'react-dom/client';
import { readAuditSearch } from './access/search.ts';
import { NotFoundPage } from './pages/not-found.tsx';
import {
  callQuery,
  createQueries,
  eventsQuery,
  leadQuery,
  meQuery,
  reviewQuery,
  transcriptQuery,
  waveformQuery,
} from './queries.ts';
import {
  readCallSearch,
  readCampaignSearch,
  readDecisionSearch,
  readDncSearch,
  readEnrollmentSearch,
  readKnowledgeSearch,
  readLeadSearch,
  readMomentSearch,
  readOverviewSearch,
  readPersonSearch,
  readProposalSearch,
  readRetentionSearch,
  readSignInSearch,
  readSimulatorSearch,
  readTemplateSearch,
  readWallSearch,
} from './search.ts';
import { Shell } from './shell.tsx';
import { cssVariables, theme } from './theme.ts';
import { PageError, PageSkeleton } from './ui/states.tsx';

const queries = createQueries();
// Everything waits for who is signed in: it is asked while the code of the page is still coming.
if (!/^\/(signin|set-password)/.test(location.pathname))
  queries.prefetchQuery(meQuery).catch(() => undefined);

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage });

const overviewRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  validateSearch: readOverviewSearch,
  component: lazyRouteComponent(() => import('./pages/overview.tsx'), 'OverviewPage'),
});

const callsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/calls',
  validateSearch: readCallSearch,
  component: lazyRouteComponent(() => import('./pages/calls.tsx'), 'CallsPage'),
});

const callRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/calls/$callId',
  validateSearch: readMomentSearch,
  // Asked for while the code of the page is still coming; not when a link to it is only pointed at, for reading is logged.
  loader: ({ params: { callId }, preload }) => {
    if (preload) return;
    const asked = [
      queries.prefetchQuery(transcriptQuery(callId, false)),
      queries.prefetchQuery(eventsQuery(callId, false)),
      queries
        .fetchQuery(callQuery(callId))
        .then((call) =>
          Promise.all([
            call.hasRecording && call.endedAt ? queries.prefetchQuery(waveformQuery(call)) : undefined,
            call.status === 'denied' ? undefined : queries.prefetchQuery(reviewQuery(callId)),
            call.leadId === undefined ? undefined : queries.prefetchQuery(leadQuery(call.leadId)),
          ]),
        ),
    ];
    for (const each of asked) each.catch(() => undefined);
  },
  component: lazyRouteComponent(() => import('./pages/call.tsx'), 'CallPage'),
});

const wallRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/live',
  validateSearch: readWallSearch,
  component: lazyRouteComponent(() => import('./pages/wall.tsx'), 'WallPage'),
});

const leadsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/leads',
  validateSearch: readLeadSearch,
  component: lazyRouteComponent(() => import('./pages/leads.tsx'), 'LeadsPage'),
});

const importLeadsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/leads/import',
  component: lazyRouteComponent(() => import('./lead-import/page.tsx'), 'ImportLeadsPage'),
});

const leadSourcesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/leads/sources',
  component: lazyRouteComponent(() => import('./lead-sources/page.tsx'), 'LeadSourcesPage'),
});

const leadRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/leads/$leadId',
  component: lazyRouteComponent(() => import('./pages/lead.tsx'), 'LeadPage'),
});

const campaignsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/campaigns',
  validateSearch: readCampaignSearch,
  component: lazyRouteComponent(() => import('./pages/campaigns.tsx'), 'CampaignsPage'),
});

const newCampaignRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/campaigns/new',
  component: lazyRouteComponent(() => import('./pages/campaign-edit.tsx'), 'NewCampaignPage'),
});

const editCampaignRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/campaigns/$campaignId/edit',
  component: lazyRouteComponent(() => import('./pages/campaign-edit.tsx'), 'EditCampaignPage'),
});

const campaignRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/campaigns/$campaignId',
  component: lazyRouteComponent(() => import('./pages/campaign.tsx'), 'CampaignPage'),
});

const campaignRoutes = [
  createRoute({
    getParentRoute: () => campaignRoute,
    path: '/',
    component: lazyRouteComponent(() => import('./campaign/now.tsx'), 'CampaignNow'),
  }),
  createRoute({
    getParentRoute: () => campaignRoute,
    path: '/people',
    validateSearch: readEnrollmentSearch,
    component: lazyRouteComponent(() => import('./campaign/people.tsx'), 'CampaignPeople'),
  }),
  createRoute({
    getParentRoute: () => campaignRoute,
    path: '/forecast',
    component: lazyRouteComponent(() => import('./campaign/forecast.tsx'), 'ForecastTab'),
  }),
  createRoute({
    getParentRoute: () => campaignRoute,
    path: '/performance',
    component: lazyRouteComponent(() => import('./campaign/performance.tsx'), 'CampaignPerformance'),
  }),
] as const;

const templatesRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/templates',
  validateSearch: readTemplateSearch,
  component: lazyRouteComponent(() => import('./pages/templates.tsx'), 'TemplatesPage'),
});

const agentsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/agents',
  component: lazyRouteComponent(() => import('./pages/agents.tsx'), 'AgentsPage'),
});

const agentRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/agents/$agentType',
  component: lazyRouteComponent(() => import('./pages/agent.tsx'), 'AgentPage'),
});

const knowledgeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/knowledge',
  component: lazyRouteComponent(() => import('./pages/knowledge.tsx'), 'KnowledgePage'),
});

const knowledgeRoutes = [
  createRoute({
    getParentRoute: () => knowledgeRoute,
    path: '/',
    validateSearch: readKnowledgeSearch,
    component: lazyRouteComponent(() => import('./knowledge/entries.tsx'), 'Entries'),
  }),
  createRoute({
    getParentRoute: () => knowledgeRoute,
    path: '/proposals',
    validateSearch: readProposalSearch,
    component: lazyRouteComponent(() => import('./knowledge/proposals.tsx'), 'Proposals'),
  }),
] as const;

const knowledgeEntryRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/knowledge/$key',
  component: lazyRouteComponent(() => import('./pages/knowledge-entry.tsx'), 'KnowledgeEntryPage'),
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/signin',
  validateSearch: readSignInSearch,
  component: lazyRouteComponent(() => import('./pages/sign-in.tsx'), 'SignInPage'),
});

const setPasswordRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/set-password',
  component: lazyRouteComponent(() => import('./pages/set-password.tsx'), 'SetPasswordPage'),
});

const accountRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/account',
  component: lazyRouteComponent(() => import('./pages/account.tsx'), 'AccountPage'),
});

const accessRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/access',
  component: lazyRouteComponent(() => import('./pages/access.tsx'), 'AccessPage'),
});

const accessRoutes = [
  createRoute({
    getParentRoute: () => accessRoute,
    path: '/',
    component: lazyRouteComponent(() => import('./access/users.tsx'), 'Users'),
  }),
  createRoute({
    getParentRoute: () => accessRoute,
    path: '/keys',
    component: lazyRouteComponent(() => import('./access/api-keys.tsx'), 'ApiKeys'),
  }),
  createRoute({
    getParentRoute: () => accessRoute,
    path: '/audit-log',
    validateSearch: readAuditSearch,
    component: lazyRouteComponent(() => import('./access/audit-log.tsx'), 'AuditLog'),
  }),
] as const;

const settingsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/settings.tsx'), 'SettingsPage'),
});

const complianceRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/compliance',
  component: lazyRouteComponent(() => import('./pages/compliance.tsx'), 'CompliancePage'),
});

const complianceRoutes = [
  createRoute({
    getParentRoute: () => complianceRoute,
    path: '/',
    validateSearch: readSimulatorSearch,
    component: lazyRouteComponent(() => import('./compliance/may-i-call.tsx'), 'MayICall'),
  }),
  createRoute({
    getParentRoute: () => complianceRoute,
    path: '/decisions',
    validateSearch: readDecisionSearch,
    component: lazyRouteComponent(() => import('./compliance/decisions.tsx'), 'Decisions'),
  }),
  createRoute({
    getParentRoute: () => complianceRoute,
    path: '/do-not-call',
    validateSearch: readDncSearch,
    component: lazyRouteComponent(() => import('./compliance/do-not-call.tsx'), 'DoNotCall'),
  }),
  createRoute({
    getParentRoute: () => complianceRoute,
    path: '/lists',
    component: lazyRouteComponent(() => import('./compliance/lists.tsx'), 'Lists'),
  }),
  createRoute({
    getParentRoute: () => complianceRoute,
    path: '/consents',
    validateSearch: readPersonSearch,
    component: lazyRouteComponent(() => import('./compliance/consents.tsx'), 'Consents'),
  }),
  createRoute({
    getParentRoute: () => complianceRoute,
    path: '/policy',
    component: lazyRouteComponent(() => import('./compliance/policy.tsx'), 'Policy'),
  }),
  createRoute({
    getParentRoute: () => complianceRoute,
    path: '/retention',
    validateSearch: readRetentionSearch,
    component: lazyRouteComponent(() => import('./compliance/retention.tsx'), 'Retention'),
  }),
] as const;

const router = createRouter({
  routeTree: rootRoute.addChildren([
    overviewRoute,
    callsRoute,
    callRoute,
    wallRoute,
    leadsRoute,
    importLeadsRoute,
    leadSourcesRoute,
    leadRoute,
    campaignsRoute,
    newCampaignRoute,
    editCampaignRoute,
    campaignRoute.addChildren(campaignRoutes),
    templatesRoute,
    agentsRoute,
    agentRoute,
    knowledgeRoute.addChildren(knowledgeRoutes),
    knowledgeEntryRoute,
    signInRoute,
    setPasswordRoute,
    accountRoute,
    settingsRoute,
    accessRoute.addChildren(accessRoutes),
    complianceRoute.addChildren(complianceRoutes),
  ]),
  defaultPreload: 'intent',
  defaultPendingComponent: PageSkeleton,
  defaultErrorComponent: PageError,
  defaultNotFoundComponent: NotFoundPage,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

export function start(root: HTMLElement): void {
  createRoot(root).render(
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <Notifications position="top-right" limit={3} />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>,
  );
}

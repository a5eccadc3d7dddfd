/** dashboard/app: the providers and the routes. Each page is a chunk of its own, loaded when it is visited. */
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
import { NotFoundPage } from './pages/not-found.tsx';
import { createQueries } from './queries.ts';
import {
  readCallSearch,
  readDecisionSearch,
  readDncSearch,
  readLeadSearch,
  readPersonSearch,
  readRetentionSearch,
  readSignInSearch,
  readSimulatorSearch,
} from './search.ts';
import { Shell } from './shell.tsx';
import { cssVariables, theme } from './theme.ts';
import { PageError, PageSkeleton } from './ui/states.tsx';

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage });

const callsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  validateSearch: readCallSearch,
  component: lazyRouteComponent(() => import('./pages/calls.tsx'), 'CallsPage'),
});

const callRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/calls/$callId',
  component: lazyRouteComponent(() => import('./pages/call.tsx'), 'CallPage'),
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

const leadRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/leads/$leadId',
  component: lazyRouteComponent(() => import('./pages/lead.tsx'), 'LeadPage'),
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/signin',
  validateSearch: readSignInSearch,
  component: lazyRouteComponent(() => import('./pages/sign-in.tsx'), 'SignInPage'),
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
    callsRoute,
    callRoute,
    leadsRoute,
    importLeadsRoute,
    leadRoute,
    signInRoute,
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

const queries = createQueries();

export function App() {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <Notifications position="top-right" limit={3} />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  );
}

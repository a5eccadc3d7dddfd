/** http/routes: the table of everything people and programs may ask for. It serves the requests and is the documentation. */
import type { Access } from '../../app/access.ts';
import type { Clock } from '../../app/ports.ts';
import type { Readiness, Settings } from '../../contract/index.ts';
import type { Audit } from '../audit.ts';
import type { Auth } from '../auth.ts';
import type { Bodies } from '../body.ts';
import type { SecretOf } from '../intake.ts';
import type { Listening } from '../listen.ts';
import type { LiveWall } from '../live.ts';
import type { Metric } from '../metrics.ts';
import type { AppForHttp, BeginDemo } from '../needs.ts';
import type { Route } from '../route.ts';
import { agentRoutes } from './agents.ts';
import { analysisRoutes } from './analyses.ts';
import { analyticsRoutes } from './analytics.ts';
import { keyRoutes } from './api-keys.ts';
import { callSearchRoutes } from './call-search.ts';
import { callRoutes } from './calls.ts';
import { campaignRoutes } from './campaigns.ts';
import { complianceRoutes } from './compliance.ts';
import { consentRoutes } from './consents.ts';
import { demoRoutes } from './demo.ts';
import { dncRoutes } from './dnc.ts';
import { intakeRoutes } from './intake.ts';
import { knowledgeRoutes } from './knowledge.ts';
import { leadImportRoutes } from './lead-imports.ts';
import { leadRoutes } from './leads.ts';
import { listRoutes } from './lists.ts';
import { messageRoutes } from './messages.ts';
import { propertyRoutes } from './properties.ts';
import { ratesRoutes } from './rates.ts';
import { reportRoutes } from './reports.ts';
import { retentionRoutes } from './retention.ts';
import { reviewRoutes } from './reviews.ts';
import { sessionRoutes } from './session.ts';
import { statusRoutes } from './status.ts';
import { userRoutes } from './users.ts';

export interface RouteNeeds {
  readonly app: AppForHttp;
  readonly demo?: BeginDemo | undefined;
  readonly access: Access;
  readonly auth: Auth;
  readonly live: LiveWall;
  readonly listening: Listening;
  readonly bodies: Bodies;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly secretOf: SecretOf;
  readonly llmSecret: string;
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: () => readonly Metric[];
}

/** In the order of the documentation; of two paths that fit one address, the first here serves it. */
export const buildRoutes = (needs: RouteNeeds): Route[] => [
  ...sessionRoutes(needs),
  ...userRoutes(needs),
  ...keyRoutes(needs),
  // Before the leads, for their paths have a word where a lead has its id.
  ...leadImportRoutes(needs),
  ...leadRoutes(needs),
  ...intakeRoutes(needs),
  ...propertyRoutes(needs),
  ...complianceRoutes(needs),
  ...listRoutes(needs),
  ...dncRoutes(needs),
  ...consentRoutes(needs),
  ...retentionRoutes(needs),
  ...campaignRoutes(needs),
  ...demoRoutes(needs),
  // Before the reports, of which one has a campaign's id in its path.
  ...analyticsRoutes(needs),
  ...reportRoutes(needs),
  ...ratesRoutes(needs),
  ...messageRoutes(needs),
  // Before the calls: its path has a word where a call has its id.
  ...callSearchRoutes(needs),
  ...callRoutes(needs),
  ...analysisRoutes(needs),
  ...reviewRoutes(needs),
  ...agentRoutes(needs),
  ...knowledgeRoutes(needs),
  ...statusRoutes(needs),
];

/**
 * http/scopes: which scope a key needs for a route: one table by tag and method, so that no route is without an answer. A tag
 * that is not in the table does not compile.
 */
import type { Scope } from '../domain/user.ts';
import type { Route } from './route.ts';

/** `any`: whoever is signed in, any key too. `person`: about whoever is signed in themselves, so no key. */
type Need = Scope | 'any' | 'person';

interface Needs {
  readonly read: Need;
  readonly write: Need;
}

const both = (need: Need): Needs => ({ read: need, write: need });

const NEEDS = {
  auth: both('any'),
  account: both('person'),
  status: both('any'),
  calls: { read: 'calls:read', write: 'calls:write' },
  leads: { read: 'leads:read', write: 'leads:write' },
  properties: { read: 'leads:read', write: 'leads:write' },
  campaigns: { read: 'campaigns:read', write: 'campaigns:write' },
  messages: { read: 'messages:read', write: 'messages:write' },
  compliance: { read: 'compliance:read', write: 'compliance:write' },
  analytics: { read: 'analytics:read', write: 'analytics:write' },
  visitors: { read: 'analytics:read', write: 'analytics:write' },
  alerts: { read: 'analytics:read', write: 'analytics:write' },
  agents: { read: 'agents:read', write: 'agents:write' },
  knowledge: { read: 'agents:read', write: 'agents:write' },
  settings: { read: 'settings:read', write: 'admin' },
  retention: both('admin'),
  users: both('admin'),
  'api-keys': both('admin'),
  'audit-log': both('admin'),
  exports: both('admin'),
  integrations: both('admin'),
  webhooks: both('admin'),
} as const satisfies Readonly<Record<string, Needs>>;

export type Tag = keyof typeof NEEDS;

/** Questions that are long enough for a body. */
const ASKING: ReadonlySet<string> = new Set([
  '/api/v1/campaigns/audience',
  '/api/v1/campaigns/:campaignId/forecast',
  '/api/v1/compliance/check',
  '/api/v1/compliance/evaluate',
  '/api/v1/compliance/windows',
  '/api/v1/message-templates/preview',
]);

/** Whether it only looks. */
export const isAsking = ({ method, path }: Pick<Route, 'method' | 'path'>): boolean =>
  method === 'GET' || ASKING.has(path);

export const needOf = (row: Pick<Route, 'method' | 'path' | 'tag'>): Need =>
  NEEDS[row.tag][isAsking(row) ? 'read' : 'write'];

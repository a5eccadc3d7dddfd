/** dashboard/access/queries: people, keys, the audit log and one's own sessions, as the API answers them. */
import { queryOptions } from '@tanstack/react-query';
import { type AuditFilter, api } from '../api.ts';
import { paged } from '../queries.ts';

export const accessKeys = {
  users: ['users'] as const,
  apiKeys: ['api-keys'] as const,
  auditLog: ['audit-log'] as const,
  sessions: ['own-sessions'] as const,
  grants: ['grants'] as const,
};

export const usersQuery = paged(accessKeys.users, {}, (_filter, cut, signal) => api.users(cut, signal));

export const apiKeysQuery = queryOptions({
  queryKey: accessKeys.apiKeys,
  queryFn: ({ signal }) => api.apiKeys(signal),
});

export const auditQuery = (filter: AuditFilter) => paged(accessKeys.auditLog, filter, api.auditLog);

export const sessionsQuery = queryOptions({
  queryKey: accessKeys.sessions,
  queryFn: ({ signal }) => api.sessions(signal),
});

/** What there is to do does not change while the page is open. */
export const grantsQuery = queryOptions({
  queryKey: accessKeys.grants,
  queryFn: ({ signal }) => api.grants(signal),
  staleTime: Infinity,
});

/** app/access: who gets in: the people of the staff, their sessions, the keys of programs, and what they all did. */
import { createApiKeys } from './api-keys.ts';
import { createAuditLog } from './audit-log.ts';
import type { Passwords } from './ports.ts';
import { createSessions, type SessionDeps } from './sessions.ts';
import { createUsers } from './users.ts';

export function buildAccess(ports: SessionDeps & { readonly passwords: Passwords }) {
  const sessions = createSessions(ports);
  return {
    sessions,
    users: createUsers({ ...ports, sessions }),
    apiKeys: createApiKeys(ports),
    auditLog: createAuditLog(ports),
  };
}

export type Access = ReturnType<typeof buildAccess>;

/** http/routes/api-keys: keys of programs, and the log of who did and saw what. */
import { z } from 'zod';
import type { Access } from '../../app/access.ts';
import { ApiKey, ApiKeyCreate, ApiKeyMade, AuditEntry, AuditQuery, Id, page } from '../../contract/index.ts';
import { presentAuditEntry, presentKey, presentPage } from '../present.ts';
import { type Route, route } from '../route.ts';
import { date, present } from './read.ts';

export function keyRoutes({
  access: { apiKeys, auditLog },
}: {
  readonly access: Pick<Access, 'apiKeys' | 'auditLog'>;
}): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/api-keys',
      summary: 'Keys of programs, newest first, with those that were revoked',
      tag: 'api-keys',
      role: 'ADMIN',
      responses: { 200: { description: 'All keys.', schema: z.object({ items: z.array(ApiKey) }) } },
      handle: async () => ({ status: 200, json: { items: (await apiKeys.list()).map(presentKey) } }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/api-keys',
      summary: 'Make a key; it is shown in this answer and never again',
      tag: 'api-keys',
      role: 'ADMIN',
      body: ApiKeyCreate,
      responses: { 201: { description: 'The key.', schema: ApiKeyMade } },
      problems: ['at_capacity'],
      handle: async ({ body: { expiresAt, ...rest }, caller }) => {
        const wanted = { ...rest, ...present({ expiresAt: date(expiresAt) }) };
        const { key, secret } = await apiKeys.create(wanted, caller.userId, caller.key);
        return {
          status: 201,
          json: { key: presentKey(key), secret },
          headers: { location: `/api/v1/api-keys/${key._id}` },
        };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/api-keys/:keyId/revoke',
      summary: 'Let a key open nothing from now on',
      tag: 'api-keys',
      role: 'ADMIN',
      params: z.object({ keyId: Id }),
      responses: { 200: { description: 'The key, revoked.', schema: ApiKey } },
      problems: ['not_found'],
      handle: async ({ params, caller }) => ({
        status: 200,
        json: presentKey(await apiKeys.revoke(params.keyId, caller.userId)),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/audit-log',
      summary: 'Who did and saw what, newest first',
      tag: 'audit-log',
      role: 'ADMIN',
      query: AuditQuery,
      responses: { 200: { description: 'A page of entries.', schema: page(AuditEntry) } },
      handle: async ({ query: { from, to, ...rest } }) => ({
        status: 200,
        json: presentPage(
          await auditLog.list({ ...rest, ...present({ from: date(from), to: date(to) }) }),
          presentAuditEntry,
        ),
      }),
    }),
  ];
}

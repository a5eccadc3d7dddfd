/** http/routes/intake: the endpoints that lead sources post to: made, looked at, revoked. */
import { z } from 'zod';
import { CreatedIntakeEndpoint, Id, IntakeEndpoint, IntakeEndpointCreate } from '../../contract/index.ts';
import type { Audit } from '../audit.ts';
import { PROOF, type SecretOf } from '../intake.ts';
import type { AppForHttp } from '../needs.ts';
import { presentEndpoint } from '../present.ts';
import { type Route, route } from '../route.ts';

export function intakeRoutes({
  app,
  audit,
  secretOf,
}: {
  readonly app: Pick<AppForHttp, 'intake'>;
  readonly audit: Audit;
  readonly secretOf: SecretOf;
}): Route[] {
  const present = (endpoint: Parameters<typeof presentEndpoint>[0]) =>
    presentEndpoint(endpoint, PROOF[endpoint.source]);
  return [
    route({
      method: 'GET',
      path: '/api/v1/intake/endpoints',
      summary: 'Addresses that lead sources post to, newest first',
      tag: 'leads',
      role: 'USER',
      responses: {
        200: { description: 'All of them.', schema: z.object({ items: z.array(IntakeEndpoint) }) },
      },
      handle: async () => ({ status: 200, json: { items: (await app.intake.list()).map(present) } }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/intake/endpoints',
      summary: 'Make an address for a lead source; its secret is in the answer and nowhere else',
      tag: 'leads',
      role: 'ADMIN',
      body: IntakeEndpointCreate,
      responses: { 201: { description: 'The endpoint and its secret.', schema: CreatedIntakeEndpoint } },
      problems: ['campaign_not_found', 'at_capacity'],
      handle: async ({ body, caller, requestId }) => {
        const made = await app.intake.create(body, caller.userId);
        audit('intake.create', { caller, requestId }, { endpointId: made._id, source: made.source });
        return { status: 201, json: { ...present(made), secret: secretOf(made) } };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/intake/endpoints/:endpointId/revoke',
      summary: 'Take nothing more from an address, at once and for good',
      tag: 'leads',
      role: 'ADMIN',
      params: z.object({ endpointId: Id }),
      responses: { 200: { description: 'The revoked endpoint.', schema: IntakeEndpoint } },
      problems: ['not_found'],
      handle: async ({ params, caller, requestId }) => {
        const revoked = await app.intake.revoke(params.endpointId, caller.userId);
        audit('intake.revoke', { caller, requestId }, { endpointId: revoked._id, source: revoked.source });
        return { status: 200, json: present(revoked) };
      },
    }),
  ];
}

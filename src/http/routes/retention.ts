/** http/routes/retention: what is kept how long, what was archived and removed, and people who ask to be forgotten. */
import {
  Erasure,
  ErasureQuery,
  ErasureRequest,
  page,
  RetentionPatch,
  RetentionPolicy,
  RetentionRun,
  RetentionRunQuery,
  RetentionRunRequest,
} from '../../contract/index.ts';
import type { Audit } from '../audit.ts';
import type { AppForHttp } from '../needs.ts';
import { presentErasure, presentForeseen, presentPage, presentRetention, presentRun } from '../present.ts';
import { type Route, route } from '../route.ts';
import { phoneAt } from './read.ts';

/** A run over much data goes on behind the answer. */
const WAIT_MS = 20_000;

export function retentionRoutes({
  app,
  audit,
}: {
  readonly app: Pick<AppForHttp, 'retention' | 'erasures'>;
  readonly audit: Audit;
}): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/retention',
      summary: 'What is kept how long, who asks for that, and what the business decided',
      tag: 'retention',
      role: 'ADMIN',
      responses: { 200: { description: 'The rules and the setting.', schema: RetentionPolicy } },
      problems: ['config_invalid'],
      handle: async () => ({ status: 200, json: presentRetention(await app.retention.policy()) }),
    }),
    route({
      method: 'PATCH',
      path: '/api/v1/retention',
      summary: 'Change how long recordings are kept; the reason is kept',
      tag: 'retention',
      role: 'ADMIN',
      body: RetentionPatch,
      responses: { 200: { description: 'As it is now.', schema: RetentionPolicy } },
      handle: async ({ body, caller, requestId }) => {
        const { reason, ...change } = body;
        const policy = await app.retention.changePolicy(change, reason, caller.userId);
        audit('retention.change', { caller, requestId }, { change });
        return { status: 200, json: presentRetention(policy) };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/retention/runs',
      summary: 'What was archived and removed, newest first',
      tag: 'retention',
      role: 'ADMIN',
      query: RetentionRunQuery,
      responses: { 200: { description: 'A page of reports.', schema: page(RetentionRun) } },
      handle: async ({ query }) => ({
        status: 200,
        json: presentPage(await app.retention.list(query), presentRun),
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/retention/run',
      summary: 'Archive and remove what has had its time, or tell what that would be',
      tag: 'retention',
      role: 'ADMIN',
      body: RetentionRunRequest,
      responses: {
        200: { description: 'The report of the run.', schema: RetentionRun },
        202: { description: 'The run goes on; its report is among the runs.', schema: RetentionRun },
      },
      problems: ['shutting_down'],
      handle: async ({ body, caller, requestId }) => {
        audit('retention.run', { caller, requestId }, body);
        const run = await app.retention.run({ ...body, waitMs: WAIT_MS }, caller.userId);
        return { status: run.state === 'running' ? 202 : 200, json: presentRun(run) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/erasures',
      summary:
        'Forget a person: remove what the law lets go, keep the rest without their name, never call them again',
      tag: 'retention',
      role: 'ADMIN',
      body: ErasureRequest,
      responses: { 200: { description: 'What was removed, what is kept, and why.', schema: Erasure } },
      problems: ['attempt_in_progress'],
      handle: async ({ body, caller, requestId }) => {
        const { dryRun, ...given } = body;
        const request = { ...given, phone: phoneAt('body', '/phone', given.phone) };
        audit(
          dryRun ? 'erasure.foresee' : 'erasure',
          { caller, requestId },
          { pii: { phone: request.phone } },
        );
        return {
          status: 200,
          json: dryRun
            ? presentForeseen(await app.erasures.foresee(request, caller.userId))
            : presentErasure(await app.erasures.erase(request, caller.userId)),
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/erasures',
      summary: 'Erasures, newest first',
      tag: 'retention',
      role: 'ADMIN',
      query: ErasureQuery,
      responses: { 200: { description: 'A page of reports.', schema: page(Erasure) } },
      handle: async ({ query, caller, requestId }) => {
        audit('erasures.read', { caller, requestId }, {});
        return { status: 200, json: presentPage(await app.erasures.list(query), presentErasure) };
      },
    }),
  ];
}

/** http/routes/compliance: the gate: what it would decide, what it decided, and what the business decided for it. */
import { z } from 'zod';
import {
  CallingWindows,
  CallingWindowsQuestion,
  CallRecord,
  ComplianceCheck,
  ComplianceFacts,
  CompliancePolicy,
  CompliancePolicyPatch,
  Decision,
  DecisionQuery,
  DecisionRecord,
  Evaluation,
  page,
  RecordsQuery,
} from '../../contract/index.ts';
import type { Audit } from '../audit.ts';
import { readFacts } from '../facts.ts';
import type { AppForHttp } from '../needs.ts';
import { presentDecision, presentPolicy, presentWindows } from '../present.ts';
import { recordsCsv, recordsJson } from '../records.ts';
import { type Route, route } from '../route.ts';
import { sendPieces } from '../stream.ts';
import { date, phoneAt, present } from './read.ts';

/** An instant that may stand in the name of a file: 20261121T150000Z. */
const inFileName = (at: Date): string => at.toISOString().replace(/[-:]|\.\d+/g, '');

export function complianceRoutes({
  app,
  audit,
}: {
  readonly app: Pick<AppForHttp, 'compliance' | 'calls'>;
  readonly audit: Audit;
}): Route[] {
  return [
    route({
      method: 'POST',
      path: '/api/v1/compliance/check',
      summary: 'What would happen if this lead or number were dialled',
      tag: 'compliance',
      role: 'USER',
      body: ComplianceCheck,
      responses: { 200: { description: 'The decision; nothing was reserved.', schema: Decision } },
      problems: ['lead_not_found', 'campaign_not_found'],
      handle: async ({ body }) => {
        const { at, ...who } = body;
        const decision = await app.compliance.check({ ...who, ...present({ at: date(at) }) });
        return { status: 200, json: presentDecision(decision) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/compliance/windows',
      summary: 'When this lead or number may be called, on the facts of now',
      tag: 'compliance',
      role: 'USER',
      body: CallingWindowsQuestion,
      responses: { 200: { description: 'The decision and every open stretch.', schema: CallingWindows } },
      problems: ['lead_not_found', 'campaign_not_found'],
      handle: async ({ body }) => {
        const { at, ...question } = body;
        const found = await app.compliance.windows({ ...question, ...present({ at: date(at) }) });
        return { status: 200, json: presentWindows(found) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/compliance/evaluate',
      summary: 'Judge the facts in the body and nothing else',
      tag: 'compliance',
      role: 'USER',
      body: ComplianceFacts,
      responses: { 200: { description: 'The answer of the gate.', schema: Evaluation } },
      handle: ({ body }) => {
        const { facts, now } = readFacts(body);
        const { verdict, reason, reasons, nextAllowedAt, explanation } = app.compliance.evaluate(facts, now);
        return {
          status: 200,
          json: {
            verdict,
            reason,
            reasons,
            nextAllowedAt: nextAllowedAt === null ? null : nextAllowedAt.toISOString(),
            explanation,
          },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/compliance/decisions',
      summary: 'Decisions about calls that were asked for, newest first',
      tag: 'compliance',
      role: 'USER',
      query: DecisionQuery,
      responses: { 200: { description: 'A page of decisions.', schema: page(DecisionRecord) } },
      handle: async ({ query }) => {
        const { verdict, from, to, phone, ...rest } = query;
        const found = await app.calls.list({
          ...rest,
          ...present({ from: date(from), to: date(to), phone: phoneAt('query', 'phone', phone) }),
          decided: verdict ?? 'any',
        });
        const items = found.items.flatMap((call): DecisionRecord[] =>
          call.complianceDecision === undefined
            ? []
            : [
                {
                  callId: call._id,
                  ...present({ leadId: call.leadId, campaignId: call.campaignId }),
                  contactPhone: call.contactPhone,
                  decision: presentDecision(call.complianceDecision),
                },
              ],
        );
        return { status: 200, json: { items, ...present({ nextCursor: found.nextCursor }) } };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/compliance/policy',
      summary: 'What the business decided for the gate, and every change with its reason',
      tag: 'compliance',
      role: 'USER',
      responses: { 200: { description: 'The policy.', schema: CompliancePolicy } },
      handle: async () => ({ status: 200, json: presentPolicy(await app.compliance.policy()) }),
    }),
    route({
      method: 'PATCH',
      path: '/api/v1/compliance/policy',
      summary: 'Change what is given; holds for the next decision, and the reason is kept for ever',
      tag: 'compliance',
      role: 'ADMIN',
      body: CompliancePolicyPatch,
      responses: { 200: { description: 'The policy as it is now.', schema: CompliancePolicy } },
      handle: async ({ body, caller, requestId }) => {
        const { reason, ...change } = body;
        const policy = await app.compliance.changePolicy(change, reason, caller.userId);
        audit('policy.change', { caller, requestId }, { change });
        return { status: 200, json: presentPolicy(policy) };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/compliance/records',
      summary: 'The record of every outbound call of a time, as 16 CFR 310.5 wants it kept, oldest first',
      tag: 'compliance',
      role: 'ANALYST',
      query: RecordsQuery,
      responses: {
        200: {
          description:
            'A file, streamed. In CSV an apostrophe stands before what a spreadsheet could run as a formula; JSON has every text as it is.',
          schema: z.array(CallRecord),
          content: ['text/csv'],
        },
      },
      handle: async ({ query, caller, requestId, request, response }) => {
        const range = { from: new Date(query.from), to: new Date(query.to) };
        audit('records.export', { caller, requestId }, { ...range, format: query.format });
        const records = app.compliance.records(range);
        const name = `call-records_${inFileName(range.from)}_${inFileName(range.to)}.${query.format}`;
        await sendPieces(
          request,
          response,
          {
            'content-type':
              query.format === 'csv'
                ? 'text/csv; charset=utf-8; header=present'
                : 'application/json; charset=utf-8',
            'content-disposition': `attachment; filename="${name}"`,
          },
          query.format === 'csv' ? recordsCsv(records) : recordsJson(records),
        );
        return 'written' as const;
      },
    }),
  ];
}

/** http/routes/lead-imports: files of leads, looked at first, then read as they stream in; and what became of their rows. */
import { z } from 'zod';
import {
  Id,
  ImportedRow,
  ImportReportFileQuery,
  ImportReportQuery,
  LeadFilePreview,
  LeadImport,
  LeadImportPlan,
  LeadImportQuery,
  page,
} from '../../contract/index.ts';
import { Failure } from '../../domain/errors.ts';
import { LEAD_FIELD_NAMES, LEAD_FIELDS } from '../../domain/lead-fields.ts';
import type { Audit } from '../audit.ts';
import type { Bodies } from '../body.ts';
import type { AppForHttp } from '../needs.ts';
import { presentLeadImport, presentPage } from '../present.ts';
import { reportCsv } from '../report-csv.ts';
import { type Route, route } from '../route.ts';
import { sendPieces } from '../stream.ts';

const ImportPath = z.object({ importId: Id });
const FILES = ['text/csv', 'text/plain', 'application/vnd.ms-excel', 'application/octet-stream'];
const FIELDS = LEAD_FIELD_NAMES.map((field) => ({ field, label: LEAD_FIELDS[field].label }));

export function leadImportRoutes({
  app,
  bodies,
  audit,
}: {
  readonly app: Pick<AppForHttp, 'leadImports'>;
  readonly bodies: Pick<Bodies, 'file'>;
  readonly audit: Audit;
}): Route[] {
  const { leadImports } = app;
  return [
    route({
      method: 'POST',
      path: '/api/v1/leads/import/preview',
      summary: 'Look at the beginning of a file of leads: its columns, where they would go, its first rows',
      tag: 'leads',
      role: 'ANALYST',
      file: FILES,
      responses: {
        200: { description: 'What the file looks like; nothing is kept.', schema: LeadFilePreview },
      },
      problems: ['upload_interrupted'],
      handle: async ({ request }) => ({
        status: 200,
        json: { ...(await bodies.file(request, (file) => leadImports.preview(file))), fields: FIELDS },
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/leads/import',
      summary: 'Import a file of leads as it streams in; every row is reported',
      tag: 'leads',
      role: 'ANALYST',
      query: LeadImportQuery,
      file: FILES,
      responses: { 200: { description: 'Done: every row was taken or refused.', schema: LeadImport } },
      problems: [
        'import_conflict',
        'import_failed',
        'upload_interrupted',
        'not_found',
        'campaign_not_found',
        'shutting_down',
      ],
      handle: async ({ query, caller, requestId, request }) => {
        const { importId, ...plan } = query;
        const question = importId === undefined ? plan : { importId };
        audit('leads.import', { caller, requestId }, question);
        const made = await bodies.file(request, (file) => leadImports.import(question, file, caller.userId));
        const answer = presentLeadImport(made);
        const details = { import: answer };
        switch (made.state) {
          case 'done':
            return { status: 200, json: answer };
          case 'interrupted':
            throw new Failure(
              'upload_interrupted',
              `The import stopped: ${made.failure ?? 'the file broke off'}. What came is kept; send the same file again with importId ${made._id} to go on.`,
              { details },
            );
          default:
            throw new Failure('import_failed', made.failure ?? 'The file could not be read.', { details });
        }
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/leads/imports',
      summary: 'Say how a file of leads is to be read before it comes',
      tag: 'leads',
      role: 'ANALYST',
      body: LeadImportPlan,
      idempotency: 'kept',
      responses: { 201: { description: 'The import, waiting for its file.', schema: LeadImport } },
      problems: ['campaign_not_found'],
      handle: async ({ body, caller }) => {
        const made = await leadImports.prepare(body, caller.userId);
        return {
          status: 201,
          json: presentLeadImport(made),
          headers: { location: `/api/v1/leads/imports/${made._id}` },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/leads/imports',
      summary: 'Imports of leads, newest first, with those under way',
      tag: 'leads',
      role: 'USER',
      responses: {
        200: { description: 'The last hundred.', schema: z.object({ items: z.array(LeadImport) }) },
      },
      handle: async () => ({
        status: 200,
        json: { items: (await leadImports.list()).map(presentLeadImport) },
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/leads/imports/:importId',
      summary: 'One import: how far it is, or how it ended',
      tag: 'leads',
      role: 'USER',
      params: ImportPath,
      responses: { 200: { description: 'The import.', schema: LeadImport } },
      problems: ['not_found'],
      handle: async ({ params }) => ({
        status: 200,
        json: presentLeadImport(await leadImports.get(params.importId)),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/leads/imports/:importId/rows',
      summary: 'What became of the rows, in the order of the file',
      tag: 'leads',
      role: 'USER',
      params: ImportPath,
      query: ImportReportQuery,
      responses: { 200: { description: 'A page of the report.', schema: page(ImportedRow) } },
      problems: ['not_found'],
      handle: async ({ params, query }) => ({
        status: 200,
        json: presentPage(await leadImports.report(params.importId, query), (row) => row),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/leads/imports/:importId/rows.csv',
      summary: 'The report as a CSV file',
      tag: 'leads',
      role: 'USER',
      params: ImportPath,
      query: ImportReportFileQuery,
      responses: { 200: { description: 'A line for each row of the file.', content: ['text/csv'] } },
      problems: ['not_found'],
      handle: async ({ params, query, request, response }) => {
        await leadImports.get(params.importId);
        const headers = {
          'content-type': 'text/csv; charset=utf-8',
          'content-disposition': `attachment; filename="import-${params.importId}.csv"`,
        };
        await sendPieces(
          request,
          response,
          headers,
          reportCsv(leadImports.rows(params.importId, query.outcome)),
        );
        return 'written' as const;
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/leads/imports/:importId/discard',
      summary: 'Forget an import that waits for its file; leads that came in with it stay',
      tag: 'leads',
      role: 'ANALYST',
      params: ImportPath,
      responses: { 200: { description: 'The discarded import.', schema: LeadImport } },
      problems: ['not_found', 'import_conflict'],
      handle: async ({ params, caller, requestId }) => {
        const made = await leadImports.discard(params.importId, caller.userId);
        audit('leads.import.discard', { caller, requestId }, { importId: made._id });
        return { status: 200, json: presentLeadImport(made) };
      },
    }),
  ];
}

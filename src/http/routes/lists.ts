/** http/routes/lists: the outside lists the gate looks at: how old ours are, and the files that renew them. */
import { z } from 'zod';
import { Id, ListImport, ListImportQuery, ListStatus } from '../../contract/index.ts';
import { Failure } from '../../domain/errors.ts';
import type { Audit } from '../audit.ts';
import type { Bodies } from '../body.ts';
import type { AppForHttp } from '../needs.ts';
import { presentImport, presentListStatus } from '../present.ts';
import { type Route, route } from '../route.ts';

export function listRoutes({
  app,
  bodies,
  audit,
}: {
  readonly app: Pick<AppForHttp, 'lists'>;
  readonly bodies: Pick<Bodies, 'file'>;
  readonly audit: Audit;
}): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/compliance/lists',
      summary: 'Every list the gate may look at, and how old our copy is',
      tag: 'compliance',
      role: 'USER',
      responses: {
        200: { description: 'All lists.', schema: z.object({ items: z.array(ListStatus) }) },
      },
      handle: async () => ({
        status: 200,
        json: { items: (await app.lists.status()).map(presentListStatus) },
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/dnc/import',
      summary:
        'Import the file of a list, as it streams in; the list becomes current as a whole or not at all',
      tag: 'compliance',
      role: 'ADMIN',
      query: ListImportQuery,
      file: ['text/csv', 'text/plain', 'application/octet-stream'],
      responses: { 200: { description: 'Done: the list is current.', schema: ListImport } },
      problems: ['import_conflict', 'import_failed', 'upload_interrupted', 'not_found', 'shutting_down'],
      handle: async ({ query, caller, requestId, request }) => {
        const question = { ...query, asOf: new Date(query.asOf) };
        audit('list.import', { caller, requestId }, question);
        const made = await bodies.file(request, (file) => app.lists.import(question, file, caller.userId));
        const answer = presentImport(made);
        const details = { import: answer };
        switch (made.state) {
          case 'done':
            return { status: 200, json: answer };
          case 'interrupted':
            throw new Failure(
              'upload_interrupted',
              `The import stopped: ${made.failure ?? 'the file broke off'}. What came is kept; send the same file again with this importId to go on.`,
              { details },
            );
          default:
            throw new Failure('import_failed', made.failure ?? 'The list stays as it was.', { details });
        }
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/dnc/imports',
      summary: 'Imports of lists, newest first, with those under way',
      tag: 'compliance',
      role: 'USER',
      responses: {
        200: { description: 'All imports.', schema: z.object({ items: z.array(ListImport) }) },
      },
      handle: async () => ({ status: 200, json: { items: (await app.lists.imports()).map(presentImport) } }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/dnc/imports/:importId/discard',
      summary: 'Forget an interrupted import; the list stays as it is',
      tag: 'compliance',
      role: 'ADMIN',
      params: z.object({ importId: Id }),
      responses: { 200: { description: 'The discarded import.', schema: ListImport } },
      problems: ['not_found', 'import_conflict'],
      handle: async ({ params, caller, requestId }) => {
        const made = await app.lists.discard(params.importId, caller.userId);
        audit('list.discard', { caller, requestId }, { importId: made._id, list: made.list });
        return { status: 200, json: presentImport(made) };
      },
    }),
  ];
}

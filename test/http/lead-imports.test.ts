/** Files of leads through the API: looked at, brought in, reported; and the words of the contract are those of the domain. */
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import {
  ImportedRow,
  LeadField,
  LeadFilePreview,
  LeadImport,
  Problem,
  page,
} from '../../src/contract/index.ts';
import { LEAD_FIELD_NAMES } from '../../src/domain/lead-fields.ts';
import { serveLeadsIn } from './leads-in.ts';
import { API_KEY } from './support.ts';

let served: Awaited<ReturnType<typeof serveLeadsIn>>;
beforeEach(async () => {
  served = await serveLeadsIn();
});
afterEach(() => served.close());

const FILE = 'Name,Mobile,Plot\nAnn Lee,(206) 555-0101,12\nBo,nonsense,13\nAnn,206-555-0101,14\n';
const send = (path: string, body: string | ReadableStream, type = 'text/csv') =>
  served.withKey(`/api/v1/leads/${path}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
    duplex: 'half',
  });
const problem = async (response: Response) => Problem.parse(await response.json());

test('the fields of the contract are the fields of the domain', () => {
  expect([...LeadField.options].sort()).toEqual([...LEAD_FIELD_NAMES].sort());
});

test('a file is looked at, prepared, brought in and reported', async () => {
  const seen = LeadFilePreview.parse(await (await send('import/preview', FILE)).json());
  expect(seen.columns.map(({ target }) => target)).toEqual(['fullName', 'phone', 'keep']);
  expect(seen.fields.find(({ field }) => field === 'phone')).toEqual({ field: 'phone', label: 'Phone' });

  const prepared = await served.send('POST', '/api/v1/leads/imports', {
    fileName: 'plots.csv',
    mapping: [
      { column: 'Name', target: 'fullName' },
      { column: 'Mobile', target: 'phone' },
      { column: 'Plot', target: 'ignore' },
    ],
    defaults: [{ field: 'tags', value: 'plots' }],
  });
  expect(prepared.status).toBe(201);
  const { id } = LeadImport.parse(await prepared.json());
  expect(prepared.headers.get('location')).toBe(`/api/v1/leads/imports/${id}`);

  const done = await send(`import?importId=${id}`, FILE);
  expect(done.status).toBe(200);
  const made = LeadImport.parse(await done.json());
  expect(made).toMatchObject({ id, state: 'done', rows: 3, created: 1, refused: 1, duplicate: 1 });
  expect(JSON.stringify(made)).not.toContain('fence');

  const rows = page(ImportedRow).parse(
    await (await served.withKey(`/api/v1/leads/imports/${id}/rows`)).json(),
  );
  expect(rows.items.map(({ line, outcome }) => [line, outcome])).toEqual([
    [2, 'created'],
    [3, 'refused'],
    [4, 'duplicate'],
  ]);
  const [first, , third] = rows.items;
  expect(third).toMatchObject({ leadId: first?.leadId, matchedBy: 'phone' });
  const lead = await served.store.collection('leads').get(first?.leadId ?? '');
  expect(lead).toMatchObject({ tags: ['plots'], contact: { phone: '+12065550101' } });

  const file = await served.withKey(`/api/v1/leads/imports/${id}/rows.csv?outcome=refused`);
  expect(file.headers.get('content-type')).toContain('text/csv');
  expect(await file.text()).toBe(
    'line,outcome,leadId,matchedBy,consent,says\r\n3,refused,,,none,Phone: not a phone number\r\n',
  );
  const one = LeadImport.parse(await (await served.withKey(`/api/v1/leads/imports/${id}`)).json());
  expect(one).toEqual(made);
  const all = await (await served.withKey('/api/v1/leads/imports')).json();
  expect(z.object({ items: z.array(LeadImport) }).parse(all).items).toEqual([made]);
  expect(served.lines.filter(({ fields }) => fields.action === 'leads.import')).toHaveLength(1);
});

test('a file needs no preparation, and its rows are then where their names say', async () => {
  const done = await send('import?fileName=x.csv&duplicates=update', FILE);
  expect(LeadImport.parse(await done.json())).toMatchObject({
    created: 1,
    unchanged: 1,
    updated: 0,
    refused: 1,
  });
});

test('a file that broke off is said, and goes on when it is sent again', async () => {
  const rows = Array.from({ length: 450 }, (_, n) => `Ann,206556${String(n).padStart(4, '0')}\n`);
  const file = `Name,Phone\n${rows.join('')}`;
  const socket = connect(served.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(
    `POST /api/v1/leads/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${API_KEY}\r\nContent-Type: text/csv\r\nContent-Length: ${file.length}\r\n\r\n${file.slice(0, 5_000)}`,
  );
  const imports = async () =>
    z
      .object({ items: z.array(LeadImport) })
      .parse(await (await served.withKey('/api/v1/leads/imports')).json()).items;
  await expect.poll(() => served.store.collection('lead_import_parts').count({})).toBe(1);
  socket.destroy();
  await expect.poll(async () => (await imports())[0]?.state).toBe('interrupted');
  const [open] = await imports();
  expect(open).toMatchObject({ rows: 200, failure: 'The connection ended before the file did.' });
  const done = await send(`import?importId=${open?.id}`, file);
  expect(LeadImport.parse(await done.json())).toMatchObject({ state: 'done', rows: 450, created: 450 });
  expect(await served.store.collection('leads').count({})).toBe(450);
});

test('what cannot be is said with its place', async () => {
  expect(await problem(await send('import', 'Name\nAnn\n'))).toMatchObject({
    status: 422,
    code: 'import_failed',
    import: { state: 'failed' },
  });
  expect(await problem(await send('import/preview', 'PK\u0003\u0004'))).toMatchObject({
    code: 'invalid_request',
  });
  expect((await send('import', FILE, 'multipart/form-data; boundary=x')).status).toBe(400);
  expect((await send(`import?importId=${'f'.repeat(24)}`, FILE)).status).toBe(404);
  expect((await send(`import?importId=${'f'.repeat(24)}&duplicates=skip`, FILE)).status).toBe(400);
  expect((await send(`import?campaignId=${'f'.repeat(24)}`, FILE)).status).toBe(404);
  const twice = [
    { column: 'A', target: 'phone' },
    { column: 'B', target: 'phone' },
  ];
  const doubled = await served.send('POST', '/api/v1/leads/imports', { mapping: twice });
  expect((await problem(doubled)).errors).toEqual([
    { in: 'body', pointer: '/mapping', detail: 'two columns go to phone' },
  ]);
  expect((await served.withKey('/api/v1/leads/imports/nonsense')).status).toBe(400);
});

test('who may only look may not bring leads in', async () => {
  for (const path of ['import', 'import/preview']) {
    const response = await fetch(`${served.base}/api/v1/leads/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv', ...served.asPage(served.cookieOf('USER')) },
      body: FILE,
    });
    expect(response.status).toBe(403);
  }
});

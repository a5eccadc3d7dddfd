/** A file of leads: every row becomes a lead, is known already or is refused with a reason, once, whatever breaks on the way. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createClaims } from '../../src/app/claims.ts';
import { createConsents } from '../../src/app/consents.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createLeadImports, type LeadImportPlan } from '../../src/app/lead-imports.ts';
import type { Ids, Log, Store } from '../../src/app/ports.ts';
import type { Lead } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';
import type { ImportedRow, LeadImport } from '../../src/domain/lead-import.ts';
import { type HandClock, handClock } from '../support/clock.ts';

const NOON_MS = Date.parse('2026-11-20T17:00:00Z');
const ids: Ids = {
  objectId: () => randomBytes(12).toString('hex'),
  token: () => randomBytes(32).toString('base64url'),
};
const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const SELLER = 'Parley Homes';

let dir: string;
let store: Store;
let clock: HandClock;
let shutdown: AbortController;

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-leads-'));
  store = await openLocalStore({ dir, log: quiet });
  clock = handClock(NOON_MS);
  shutdown = new AbortController();
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

function importsOver(over: Store) {
  const deps = { store: over, clock, ids, log: quiet, sellerName: SELLER };
  const dnc = createDnc({ ...deps, stopCallsTo: async () => {} });
  const consents = createConsents({ ...deps, dnc });
  const claims = createClaims({ store: over, clock });
  return {
    dnc,
    consents,
    ...createLeadImports({ ...deps, consents, claims, shutdown: shutdown.signal }),
  };
}

async function* upload(
  text: string | Uint8Array,
  chunkBytes = 700,
  breaks?: Error,
): AsyncGenerator<Uint8Array> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  if (breaks) throw breaks;
}

const leads = (): Promise<Lead[]> => store.collection('leads').find({ sort: { _id: 1 } });
/** Who is there, whatever ids they got. */
const people = async () =>
  (await leads())
    .map(({ contact, tags, consent }) => JSON.stringify([contact, tags, consent?.hasWrittenConsent]))
    .sort();

async function all(imports: ReturnType<typeof importsOver>, made: LeadImport): Promise<ImportedRow[]> {
  const rows: ImportedRow[] = [];
  for await (const row of imports.rows(made._id)) rows.push(row);
  return rows;
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => undefined,
    (why: unknown) => why,
  );
  if (error instanceof Failure) return error;
  throw new Error(`not a Failure: ${String(error)}`);
}

const phone = (n: number): string => `206555${String(n).padStart(4, '0')}`;
const rowsOf = (count: number, first = 0): string =>
  Array.from(
    { length: count },
    (_, n) =>
      `Ann${first + n},Lee,(${phone(first + n).slice(0, 3)}) ${phone(first + n).slice(3)},a${first + n}@x.org\n`,
  ).join('');
const HEAD = 'First Name,Last Name,Phone Number,E-mail\n';

const TEXT =
  'I agree that Parley Homes calls me with an artificial voice. Consent is not a condition of any purchase.';
const EVIDENCE: Record<string, string> = {
  'Consent Date': '2026-11-01T10:00:00Z',
  'Consent Method': 'web_form',
  'Consent Source': 'https://example.org/sell',
  'Consent Text': TEXT,
  'Automated Calls': 'yes',
  'Consent Purpose': 'marketing',
  'Consent Level': 'written',
  'Artificial Voice': 'yes',
  Certificate: 'https://cert.trustedform.com/abc',
};
const evidenceFile = (change: Record<string, string> = {}): string => {
  const cells = { Name: 'Ann Lee', Phone: phone(1), ...EVIDENCE, ...change };
  return `${Object.keys(cells).join(',')}\n${Object.values(cells)
    .map((cell) => `"${cell}"`)
    .join(',')}\n`;
};

describe('a file of leads', () => {
  test('becomes leads, one a row, and its report says which', async () => {
    const imports = importsOver(store);
    const made = await imports.import({ fileName: 'fair.csv' }, upload(HEAD + rowsOf(450)), 'ada');
    expect(made).toMatchObject({
      state: 'done',
      rows: 450,
      created: 450,
      refused: 0,
      fileName: 'fair.csv',
      createdBy: 'ada',
    });
    expect(await leads()).toHaveLength(450);
    const rows = await all(imports, made);
    expect(rows.map(({ line }) => line)).toEqual(Array.from({ length: 450 }, (_, n) => n + 2));
    const [lead] = await store.collection('leads').find({ filter: { _id: rows[7]?.leadId } });
    expect(lead).toMatchObject({
      source: 'csv',
      status: 'new',
      createdBy: 'ada',
      contact: { firstName: 'Ann7', lastName: 'Lee', phone: '+12065550007', email: 'a7@x.org' },
    });
    expect(await imports.list()).toEqual([made]);
  });

  test('is looked at first: columns, where they would go, the first rows and what is wrong with them', async () => {
    const imports = importsOver(store);
    const seen = await imports.preview(
      upload(
        '\ufeffOwner;Cell Phone;Favourite colour;Zip\nDoe, Jane;2065550101;red;98101\nBob;12;blue;="00501"\n',
      ),
    );
    expect(seen.delimiter).toBe(';');
    expect(seen.columns.map(({ name, target }) => [name, target])).toEqual([
      ['Owner', 'fullName'],
      ['Cell Phone', 'phone'],
      ['Favourite colour', 'keep'],
      ['Zip', 'zipCode'],
    ]);
    expect(seen.columns[2]?.samples).toEqual(['red', 'blue']);
    expect(seen.rows.map(({ line, says }) => [line, says])).toEqual([
      [2, []],
      [3, ['Phone: not a phone number']],
    ]);
    expect(seen.problems).toEqual([]);
    expect(await leads()).toEqual([]);
    const nothing = await imports.preview(upload('Owner,Colour\n'));
    expect(nothing.problems).toEqual([
      'No column looks like a phone number; a lead without one is refused',
      'There is no row below the first line',
    ]);
    const long = await imports.preview(upload(HEAD + rowsOf(20_000), 60_000));
    expect(long.rows).toHaveLength(20);
    expect(long.problems).toEqual([]);
  });

  test('goes where its mapping says; what nobody named is kept with the lead, what is not wanted is left out', async () => {
    const imports = importsOver(store);
    const plan: LeadImportPlan = {
      mapping: [
        { column: 'A', target: 'phone' },
        { column: 'B', target: 'fullName' },
        { column: 'C', target: 'ignore' },
      ],
      defaults: [
        { field: 'source', value: 'fair' },
        { field: 'tags', value: 'spring; fair' },
      ],
    };
    const prepared = await imports.prepare(plan, 'ada');
    expect(prepared.state).toBe('waiting');
    const made = await imports.import(
      { importId: prepared._id },
      upload('A,B,C,D.x\n2065550101,"Lee, Ann",secret,kept\n'),
      'ada',
    );
    expect(made).toMatchObject({ _id: prepared._id, state: 'done', created: 1 });
    const [lead] = await leads();
    expect(lead).toMatchObject({
      source: 'fair',
      tags: ['spring', 'fair'],
      contact: { firstName: 'Ann', lastName: 'Lee' },
      legacy: { D_x: 'kept' },
    });
    expect(JSON.stringify(lead)).not.toContain('secret');
  });

  test.each([
    [
      {
        mapping: [
          { column: 'A', target: 'phone' as const },
          { column: 'B', target: 'phone' as const },
        ],
      },
      'mapping',
    ],
    [
      {
        mapping: [
          { column: 'A', target: 'phone' as const },
          { column: 'A', target: 'email' as const },
        ],
      },
      'mapping',
    ],
    [{ duplicates: 'twice' as never }, 'duplicates'],
  ])('a plan that cannot be meant is refused: %j', async (plan, field) => {
    const failure = await failureOf(importsOver(store).prepare(plan, 'ada'));
    expect(failure.code).toBe('invalid_request');
    expect(Object.keys(failure.details.fields as object)).toEqual([field]);
  });

  test('with complete evidence of consent grants it in the ledger, once; the lead is callable', async () => {
    const imports = importsOver(store);
    const made = await imports.import({}, upload(evidenceFile()), 'ada');
    expect(made).toMatchObject({ created: 1, withConsent: 1 });
    const [lead] = await leads();
    expect(lead?.consent).toMatchObject({ hasWrittenConsent: true, automatedCallsAllowed: true });
    const [entry] = await store.collection('consent_logs').find({});
    expect(entry).toMatchObject({
      phone: '+12065550001',
      leadId: lead?._id,
      eventType: 'consent_granted',
      timestamp: new Date('2026-11-01T10:00:00Z'),
      evidence: { seller: SELLER, level: 'written', personName: 'Ann Lee' },
    });
    const again = await imports.import({ duplicates: 'update' }, upload(evidenceFile()), 'ada');
    expect((await all(imports, again))[0]).toMatchObject({ outcome: 'unchanged', consent: 'known' });
    expect(await store.collection('consent_logs').count({})).toBe(1);
  });

  test.each([
    ['Certificate', '', 'certificate, recorded session'],
    ['Consent Date', '', 'when it was given'],
    ['Consent Date', '2027-01-01', 'not in the future'],
    ['Consent Text', 'Call me.', 'no condition of a purchase'],
    ['Automated Calls', '', 'whether automated calls are allowed'],
  ])(
    'with %s as “%s” the lead is kept and not callable, and the report says why',
    async (column, value, why) => {
      const imports = importsOver(store);
      const made = await imports.import({}, upload(evidenceFile({ [column]: value })), 'ada');
      const [row] = await all(imports, made);
      expect(row).toMatchObject({ outcome: 'created', consent: 'incomplete' });
      expect(row?.says.join()).toContain(why);
      expect(await store.collection('consent_logs').count({})).toBe(0);
      const [lead] = await leads();
      expect(lead?.consent).toBeUndefined();
      expect(lead?.legacy).toHaveProperty('incompleteConsent');
    },
  );

  test('finds people on the do-not-call list as such', async () => {
    const imports = importsOver(store);
    await imports.dnc.optOut({ phone: `+1${phone(3)}`, channel: 'manual', words: 'stop' }, 'ada');
    await imports.import({}, upload(HEAD + rowsOf(5)), 'ada');
    const [listed] = await store.collection('leads').find({ filter: { 'contact.phone': `+1${phone(3)}` } });
    expect(listed).toMatchObject({ status: 'dnc', dncStatus: { internalDNC: true } });
    expect(await store.collection('leads').count({ status: 'new' })).toBe(4);
  });
});

describe('people who are leads already', () => {
  test.each([
    ['the same number', 'Name,Phone\nA,2065550001\nB,+1 206-555-0001\n', 'phone'],
    ['the other number', 'Name,Phone,Phone 2\nA,2065550001,2065550002\nB,2065550002,\n', 'phone'],
    ['the e-mail address', 'Name,Phone,Email\nA,2065550001,x@y.org\nB,2065550002,X@Y.org\n', 'email'],
    [
      'the id at the source',
      'Name,Phone,Source,External Id\nA,2065550001,z,1\nB,2065550002,z,1\n',
      'external_id',
    ],
  ])('are known by %s, within the file', async (_, file, matchedBy) => {
    const imports = importsOver(store);
    const made = await imports.import({}, upload(file), 'ada');
    const [first, second] = await all(imports, made);
    expect([first?.outcome, second?.outcome, second?.matchedBy]).toEqual(['created', 'duplicate', matchedBy]);
    expect(second?.leadId).toBe(first?.leadId);
    expect(await leads()).toHaveLength(1);
  });

  test('are left alone, or learn what the row says but for their numbers', async () => {
    const imports = importsOver(store);
    await imports.import({}, upload('Name,Phone,Email\nAnn Lee,2065550001,a@x.org\n'), 'ada');
    const before = await leads();
    const later = 'Name,Phone,Phone 2,Email,City,Tags\nAnna Lee,2065550009,2065550008,a@x.org,Tacoma,hot\n';
    expect(await imports.import({}, upload(later), 'bob')).toMatchObject({ duplicate: 1, created: 0 });
    expect(await leads()).toEqual(before);
    const made = await imports.import({ duplicates: 'update' }, upload(later), 'bob');
    const [row] = await all(imports, made);
    expect(row).toMatchObject({ outcome: 'updated', matchedBy: 'email', leadId: before[0]?._id });
    expect(row?.says).toHaveLength(2);
    const [after] = await leads();
    expect(after).toMatchObject({
      contact: { firstName: 'Anna', phone: '+12065550001', address: { city: 'Tacoma' } },
      tags: ['hot'],
      updatedBy: 'bob',
    });
    expect(after?.contact.alternatePhone).toBeUndefined();
  });

  test('the same file again changes nothing, whatever is in it', async () => {
    const digit = fc.integer({ min: 0, max: 9 });
    const row = fc.record({
      name: fc.constantFrom('Ann Lee', 'Bo', ''),
      phone: fc.oneof(
        digit.map((n) => phone(n)),
        fc.constant('nonsense'),
        fc.constant(''),
      ),
      email: fc.oneof(
        digit.map((n) => `p${n}@x.org`),
        fc.constant(''),
      ),
      id: fc.oneof(digit.map(String), fc.constant('')),
      tag: fc.constantFrom('', 'a', 'b;a'),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (rows) => {
        run += 1;
        const file = `Name,Phone,Email,External Id,Tags,Source\n${rows
          .map(
            (each) =>
              `${each.name},${each.phone === '' ? '' : `${each.phone}`},${each.email},${each.id},${each.tag},run${run}`,
          )
          .join('\n')}\n`;
        await store.collection('leads').remove({});
        const imports = importsOver(store);
        const first = await imports.import({}, upload(file), 'ada');
        const once = await people();
        const second = await imports.import({}, upload(file), 'ada');
        expect(await people()).toEqual(once);
        expect(second).toMatchObject({ created: 0, refused: first.refused, rows: rows.length });
        expect(first.created).toBe(once.length);
        // Nobody is there twice.
        const numbers = (await leads()).map(({ contact }) => contact.phone);
        expect(new Set(numbers).size).toBe(numbers.length);
        expect((await all(imports, second)).map(({ line }) => line)).toEqual(rows.map((_, n) => n + 2));
      }),
      { numRuns: 25 },
    );
  });

  test('rows in another order make the same people, when no two rows are one person', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6], { minLength: 7 }), async (order) => {
        const imports = importsOver(store);
        await store.collection('leads').remove({});
        await imports.import({}, upload(HEAD + rowsOf(7)), 'ada');
        const straight = await people();
        await store.collection('leads').remove({});
        await imports.import({}, upload(HEAD + order.map((n) => rowsOf(1, n)).join('')), 'ada');
        expect(await people()).toEqual(straight);
      }),
      { numRuns: 5 },
    );
  });
});

describe('a file that is not as it should be', () => {
  test('loses only the rows that are wrong, each with its line and reason', async () => {
    const imports = importsOver(store);
    const file = Buffer.concat([
      Buffer.from('Name,Phone,Email,Received\n'),
      Buffer.from(`Ann,${phone(1)},a@x.org,2026-11-01\n`),
      Buffer.from('Bo,12,b@x.org,\n'),
      Buffer.from('Cy,,c@x.org,\n'),
      Buffer.from(`"=HYPERLINK(""http://evil"")",${phone(4)},,\n`),
      Buffer.from(`D\0e,${phone(5)},,\n`),
      Buffer.concat([Buffer.from('Ren'), Buffer.from([0xe9]), Buffer.from(`e,${phone(6)},,\n`)]),
      Buffer.from(`Fay,${phone(7)},no mail,\n`),
      Buffer.from(`Gus,${phone(8)},,20/11/2026\n`),
      Buffer.from(`Hal,${phone(9)},,2027-01-01\n`),
      Buffer.from(`Ian,${phone(10)},,,too,many\n`),
      Buffer.from('\n'),
      Buffer.from(`"Joe\nJay",${phone(11)},,\n`),
      Buffer.from(`Kim,${phone(12)}`),
    ]);
    const made = await imports.import({}, upload(file, 50), 'ada');
    expect(made).toMatchObject({ state: 'done', rows: 12, created: 3, refused: 9 });
    const rows = await all(imports, made);
    expect(
      rows.filter(({ outcome }) => outcome === 'refused').map(({ line, says }) => [line, says.join('|')]),
    ).toEqual([
      [3, 'Phone: not a phone number'],
      [4, 'Phone: is missing'],
      [5, 'Full name: holds a formula; send values, not formulas'],
      [6, 'Full name: holds a NUL byte: this is no text'],
      [7, 'Full name: holds characters that are not UTF-8; save the file as UTF-8'],
      [8, 'E-mail: not an e-mail address'],
      [9, expect.stringContaining('Received at: is no time')],
      [10, 'Received at: lies in the future'],
      [11, 'has 6 cells, and the first line names 4 columns'],
    ]);
    expect(rows.slice(-2).map(({ line }) => line)).toEqual([13, 15]);
    // Whoever sent the file can cut the refused rows out of it.
    const [bad] = rows.filter(({ line }) => line === 3);
    const [from = 0, to = 0] = bad?.bytes ?? [];
    expect(file.subarray(from, to).toString()).toBe('Bo,12,b@x.org,\n');
    expect((await leads()).map(({ contact }) => contact.firstName).sort()).toEqual(['Ann', 'Joe', 'Kim']);
  });

  test.each([
    ['nothing', '', 'the file is empty'],
    ['a spreadsheet', 'PK\u0003\u0004rest', 'save the sheet as CSV'],
    ['UTF-16', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('Phone\n1', 'utf16le')]), 'UTF-16'],
    ['bytes', Buffer.from([1, 0, 2, 0, 3]), 'NUL bytes'],
    ['no column for the number', 'Name,Colour\nAnn,red\n', 'no column is mapped to the phone number'],
    ['a quote that is not closed', `Phone\n"${phone(1)}\n`, 'not closed'],
    [
      'a row without an end',
      `Phone,Notes\n${phone(1)},"${'x'.repeat(200_000)}`,
      'max record size of 65536 bytes',
    ],
  ])('of %s fails, and says why', async (_, file, why) => {
    const made = await importsOver(store).import({}, upload(file), 'ada');
    expect(made.state).toBe('failed');
    expect(made.failure).toContain(why);
  });

  test('that lacks a column of its mapping fails before a row is taken', async () => {
    const imports = importsOver(store);
    const plan = { mapping: [{ column: 'Mobile', target: 'phone' as const }] };
    const made = await imports.import(plan, upload(HEAD + rowsOf(3)), 'ada');
    expect(made).toMatchObject({ state: 'failed', rows: 0 });
    expect(made.failure).toContain('no column “Mobile”');
    expect(await leads()).toEqual([]);
  });
});

describe('an import that breaks off', () => {
  const gone = () => new Failure('upload_interrupted', 'The connection ended before the file did.');
  const file = HEAD + rowsOf(650);

  test('goes on with the same file, and makes nobody twice', async () => {
    const imports = importsOver(store);
    const broken = await imports.import({}, upload(file.slice(0, 20_000), 500, gone()), 'ada');
    expect(broken).toMatchObject({ state: 'interrupted', failure: gone().message });
    expect(broken.rows).toBeGreaterThan(0);
    expect(broken.rows % 200).toBe(0);
    const made = await imports.import({ importId: broken._id }, upload(file), 'bob');
    expect(made).toMatchObject({ _id: broken._id, state: 'done', rows: 650, created: 650, createdBy: 'ada' });
    expect(made.failure).toBeUndefined();
    expect(await leads()).toHaveLength(650);
    expect(await failureOf(imports.import({ importId: made._id }, upload(file), 'bob'))).toMatchObject({
      code: 'not_found',
    });
  });

  test('does not go on with another file', async () => {
    const imports = importsOver(store);
    const broken = await imports.import({}, upload(file.slice(0, 20_000), 500, gone()), 'ada');
    const other = await imports.import({ importId: broken._id }, upload(HEAD + rowsOf(650, 1_000)), 'ada');
    expect(other.state).toBe('failed');
    expect(other.failure).toContain('another file than the one that was begun');
    expect(await leads()).toHaveLength(broken.rows);
  });

  test('behind the leads and before their report makes them once', async () => {
    const dying: Store = {
      ...store,
      collection: ((name: 'leads') => {
        const real = store.collection(name);
        return (name as string) === 'lead_import_parts'
          ? { ...real, insert: () => Promise.reject(new Failure('store_unavailable', 'away')) }
          : real;
      }) as unknown as Store['collection'],
    };
    const failure = await failureOf(importsOver(dying).import({}, upload(file), 'ada'));
    expect(failure.code).toBe('store_unavailable');
    expect(await leads()).toHaveLength(200);
    const imports = importsOver(store);
    const [open] = await imports.list();
    expect(open?.state).toBe('interrupted');
    const made = await imports.import({ importId: open?._id ?? '' }, upload(file), 'ada');
    expect(made).toMatchObject({ state: 'done', created: 650 });
    expect(await leads()).toHaveLength(650);
  });

  test('because its process died is taken over when its claim has run out', async () => {
    const imports = importsOver(store);
    const never = imports.import(
      {},
      (async function* () {
        yield new TextEncoder().encode(HEAD + rowsOf(300));
        await new Promise(() => {});
      })(),
      'ada',
    );
    void never.catch(() => {});
    await expect.poll(() => store.collection('leads').count({})).toBe(200);
    await expect.poll(() => store.collection('lead_import_parts').count({})).toBe(1);
    const other = importsOver(store);
    const [open] = await other.list();
    const busy = await failureOf(other.import({ importId: open?._id ?? '' }, upload(file), 'bob'));
    expect(busy.code).toBe('import_conflict');
    expect((await failureOf(other.discard(open?._id ?? '', 'bob'))).code).toBe('import_conflict');
    await clock.pass(200_000);
    expect((await other.list())[0]?.state).toBe('interrupted');
    const made = await other.import({ importId: open?._id ?? '' }, upload(file), 'bob');
    expect(made).toMatchObject({ state: 'done', rows: 650, created: 650 });
    expect(await leads()).toHaveLength(650);
  });

  test('may be forgotten; its leads stay', async () => {
    const imports = importsOver(store);
    const broken = await imports.import({}, upload(file.slice(0, 20_000), 500, gone()), 'ada');
    expect(await imports.discard(broken._id, 'ada')).toMatchObject({ state: 'discarded' });
    expect(await leads()).toHaveLength(broken.rows);
    expect((await failureOf(imports.discard(broken._id, 'ada'))).code).toBe('not_found');
  });
});

test('the report is read in pages, all of it or one kind of row', async () => {
  const imports = importsOver(store);
  const made = await imports.import(
    {},
    upload(`Phone\n${Array.from({ length: 500 }, (_, n) => (n % 5 === 0 ? 'bad' : phone(n))).join('\n')}\n`),
    'ada',
  );
  const lines: number[] = [];
  let cursor: string | undefined;
  do {
    const found = await imports.report(made._id, {
      outcome: 'refused',
      limit: 30,
      ...(cursor === undefined ? {} : { cursor }),
    });
    lines.push(...found.items.map(({ line }) => line));
    cursor = found.nextCursor;
  } while (cursor !== undefined);
  expect(lines).toEqual(Array.from({ length: 100 }, (_, n) => n * 5 + 2));
  expect((await failureOf(imports.report(made._id, { cursor: 'x' }))).code).toBe('invalid_request');
  expect((await failureOf(imports.report('f'.repeat(24), {}))).code).toBe('not_found');
});

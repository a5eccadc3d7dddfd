/** The export of call records: what spreadsheets make of it, how it flows, and what half an export looks like. */
import { connect } from 'node:net';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { CallRecord, Problem } from '../../src/contract/index.ts';
import { Failure } from '../../src/domain/errors.ts';
import { defused } from '../../src/http/records.ts';
import { untilTrue } from '../support/until.ts';
import { API_KEY, record, type Served, serve } from './support.ts';

const running: Served[] = [];
const open = async (): Promise<Served> => {
  const served = await serve();
  running.push(served);
  return served;
};
afterEach(async () => {
  for (const served of running.splice(0)) await served.http.close();
});

const PATH = '/api/v1/compliance/records?from=2026-11-01T00:00:00%2B02:00&to=2026-12-01T00:00:00.250Z';
const COLUMNS = Object.keys(CallRecord.shape);
const cells = (text: string): string[][] => parse(text, { record_delimiter: '\r\n' });
async function* endless(count = { made: 0 }) {
  for (;;) {
    count.made += 1;
    yield record;
  }
}

test('CSV is a file of its range: a header, a row for each record, numbers and texts as they are', async () => {
  const served = await open();
  const quoted = { ...record, calledPartyName: 'Lovelace, "Ada"\r\nof London', durationSec: null };
  served.state.records = [record, quoted];
  const response = await served.withKey(PATH);
  expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
  expect(response.headers.get('content-disposition')).toBe(
    'attachment; filename="call-records_20261031T220000Z_20261201T000000Z.csv"',
  );
  expect(response.headers.get('cache-control')).toBe('no-store');
  const [head, first, second, ...more] = cells(await response.text());
  expect(head).toEqual(COLUMNS);
  expect(first).toEqual(Object.values(record).map((value) => String(value ?? '')));
  expect(second?.[COLUMNS.indexOf('calledPartyName')]).toBe('Lovelace, "Ada"\r\nof London');
  expect(second?.[COLUMNS.indexOf('durationSec')]).toBe('');
  expect(more).toEqual([]);
  expect(served.state.asked.at(-1)?.given).toEqual({
    from: new Date('2026-10-31T22:00:00.000Z'),
    to: new Date('2026-12-01T00:00:00.250Z'),
  });
});

test('JSON is an array of records, and an empty range is an empty array or a header alone', async () => {
  const served = await open();
  served.state.records = [record, { ...record, calledPartyName: '=1+1' }];
  const response = await served.withKey(`${PATH}&format=json`);
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(response.headers.get('content-disposition')).toMatch(/Z\.json"$/);
  expect(z.array(CallRecord.strict()).parse(await response.json())).toEqual([
    record,
    { ...record, calledPartyName: '=1+1' },
  ]);
  served.state.records = [];
  expect(await (await served.withKey(`${PATH}&format=json`)).json()).toEqual([]);
  expect(cells(await (await served.withKey(PATH)).text())).toEqual([COLUMNS]);
});

test.each([
  ['=HYPERLINK("https://evil.example","open")', `'=HYPERLINK("https://evil.example","open")`],
  ['+1-800', "'+1-800"],
  ['-2+3', "'-2+3"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\t'=1"],
  ['\r=1', "'\r'=1"],
  ['＝1', "'＝1"],
  ['a;=1', "a;'=1"],
  ['a\n+1', "a\n'+1"],
  ['a=1; b - c', 'a=1; b - c'],
  ['+12125550123', "'+12125550123"],
])('a name %j stands in the CSV as %j', async (name, cell) => {
  const served = await open();
  served.state.records = [{ ...record, calledPartyName: name }];
  const [, row] = cells(await (await served.withKey(PATH)).text());
  expect(row?.[COLUMNS.indexOf('calledPartyName')]).toBe(cell);
  expect(row?.[COLUMNS.indexOf('calledNumber')]).toBe('+12125550123');
});

test.each(['+1212555;=1', '+1(212)', '=+12125550123', '+', '-12125550123', '+1212555012３'])(
  'what is no number in a column of numbers (%s) is defused too',
  (text) => expect(defused('calledNumber', text)).not.toBe(text),
);

test('whatever a cell holds, no spreadsheet finds a formula in it, and taking the apostrophes away gives the text', () => {
  const signs = fc.constantFrom(...'=+-@;,"\t\r\n aＡ＝＋－＠1'.split(''));
  fc.assert(
    fc.property(
      fc.array(signs, { maxLength: 12 }),
      fc.constantFrom('calledPartyName', 'calledNumber'),
      (parts, column) => {
        const text = parts.join('');
        const cell = defused(column, text);
        if (cell !== text || !/^\+\d+$/.test(text)) {
          for (const piece of cell.split(/[;\t\r\n]/)) expect(piece).not.toMatch(/^[=+\-@＝＋－＠]/);
          expect(cell).not.toMatch(/^[\t\r]/);
        }
        expect(cell.replaceAll("'", '')).toBe(text);
      },
    ),
  );
});

test('a failure before the first row is answered as one; a later one breaks off and stands in the log', async () => {
  const served = await open();
  served.state.records = (async function* () {
    yield record;
    throw new Failure('store_unavailable', 'The database does not answer.');
  })();
  const early = await served.withKey(PATH);
  expect([early.status, early.headers.get('content-disposition')]).toEqual([503, null]);
  expect(Problem.parse(await early.json()).code).toBe('store_unavailable');

  served.state.records = (async function* () {
    for (let i = 0; i < 500; i += 1) yield record;
    throw new Failure('store_unavailable', 'The database does not answer any more.');
  })();
  served.lines.length = 0;
  const late = await served.withKey(PATH);
  expect(late.status).toBe(200);
  await expect(late.text()).rejects.toThrow();
  await untilTrue(() => served.lines.some(({ level }) => level === 'error'));
});

test('a slow reader holds up the making of rows and nothing else; when it leaves, the making ends', async () => {
  const served = await open();
  const count = { made: 0 };
  let ended = false;
  served.state.records = (async function* () {
    try {
      yield* endless(count);
    } finally {
      ended = true;
    }
  })();
  const slow = connect(served.port, '127.0.0.1');
  slow.on('error', () => {});
  slow.write(`GET ${PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${API_KEY}\r\n\r\n`);
  await new Promise((resolve) => slow.once('readable', resolve));
  let before = -1;
  while (count.made !== before) {
    before = count.made;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // What the system's buffers hold (some MB) was made; then nothing more.
  expect(before).toBeLessThan(60_000);
  expect((await served.withKey('/api/v1/auth/me')).status).toBe(200);
  slow.destroy();
  await untilTrue(() => ended);
  expect(served.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test.each(['csv', 'json'])(
  'while a long %s export is made for a quick reader, everything else gets its turns',
  async (format) => {
    const served = await open();
    let turns = 0;
    let making = true;
    const turn = () => {
      turns += 1;
      if (making) setImmediate(turn);
    };
    served.state.records = (function* () {
      turn();
      for (let i = 0; i < 10_000; i += 1) yield record;
      making = false;
    })();
    const text = await (await served.withKey(`${PATH}&format=${format}`)).text();
    expect(format === 'csv' ? cells(text).length - 1 : (JSON.parse(text) as unknown[]).length).toBe(10_000);
    // A batch has 16 KB and what of its last rows goes beyond.
    expect(turns).toBeGreaterThan(text.length / 32_768);
  },
);

test('HEAD tells what the file would be and makes no row', async () => {
  const served = await open();
  const response = await served.withKey(PATH, { method: 'HEAD' });
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/csv; charset=utf-8; header=present',
  ]);
  expect(served.state.asked).toEqual([]);
});

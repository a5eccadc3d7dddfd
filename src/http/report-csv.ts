/** http/report-csv: the report of an import of leads as a file that a spreadsheet opens beside the one that was sent. */
import { stringify } from 'csv-stringify/sync';
import type { ImportedRow } from '../domain/lead-import.ts';
import { defused } from './records.ts';

const COLUMNS = ['line', 'outcome', 'leadId', 'matchedBy', 'consent', 'says'];
/** Setting up the writer of CSV costs as much as a few rows. */
const ROWS_AT_ONCE = 20;

const lines = (rows: readonly ImportedRow[], header: boolean): string =>
  stringify(
    rows.map(({ says, bytes: _, ...row }) => ({ ...row, says: says.join(' | ') })),
    {
      columns: COLUMNS,
      header,
      record_delimiter: 'windows',
      cast: { string: (text, { column }) => defused(String(column), text) },
    },
  );

export async function* reportCsv(rows: AsyncIterable<ImportedRow>): AsyncGenerator<string> {
  let waiting: ImportedRow[] = [];
  yield lines([], true);
  for await (const row of rows) {
    waiting.push(row);
    if (waiting.length < ROWS_AT_ONCE) continue;
    yield lines(waiting, false);
    waiting = [];
  }
  if (waiting.length > 0) yield lines(waiting, false);
}

/** http/records: records of calls as files: CSV (RFC 4180) for people with a spreadsheet, JSON for programs. */
import { stringify } from 'csv-stringify/sync';
import { CallRecord } from '../contract/index.ts';
import type { CallRecord as Kept } from '../domain/compliance/records.ts';

const COLUMNS = Object.keys(CallRecord.shape);
const PHONE_COLUMNS = new Set([
  'callingNumber',
  'calledNumber',
  'transferredTo',
  'callerIdNumber',
  'contactPhone',
  'ourPhone',
]);

/**
 * Where a spreadsheet may see the beginning of a formula (owasp.org, "CSV Injection"): at the beginning of a cell, and
 * behind what another country's spreadsheet takes for the end of one, full-width signs included.
 */
const FORMULA = /(?<=^|[;\t\r\n])(?=[=+\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r])/g;
/** A plus and digits are a number to every spreadsheet, whatever the digits are: no formula can hide in it. */
const PLAIN_NUMBER = /^\+\d{1,15}$/;

/**
 * A text that no spreadsheet runs: an apostrophe stands before what could begin a formula. Only a phone number in a column
 * of phone numbers stays as it is, because those who read these files compare and dial them.
 */
export const defused = (column: string, text: string): string =>
  PHONE_COLUMNS.has(column) && PLAIN_NUMBER.test(text) ? text : text.replace(FORMULA, "'");

/** Setting up the writer of CSV costs as much as a few rows. */
const ROWS_AT_ONCE = 20;

const rows = (records: readonly Kept[], header: boolean): string =>
  stringify([...records], {
    columns: COLUMNS,
    header,
    record_delimiter: 'windows',
    cast: { string: (text, { column }) => defused(String(column), text) },
  });

/** A header line, then a line for each record. Text that could run as a formula is defused; JSON has it as it was. */
export async function* recordsCsv(records: AsyncIterable<Kept>): AsyncGenerator<string> {
  let waiting: Kept[] = [];
  yield rows([], true);
  for await (const record of records) {
    waiting.push(record);
    if (waiting.length < ROWS_AT_ONCE) continue;
    yield rows(waiting, false);
    waiting = [];
  }
  if (waiting.length > 0) yield rows(waiting, false);
}

/** One array, a record a line. */
export async function* recordsJson(records: AsyncIterable<Kept>): AsyncGenerator<string> {
  let before = '[';
  for await (const record of records) {
    yield `${before}\n${JSON.stringify(record)}`;
    before = ',';
  }
  yield before === '[' ? '[]\n' : '\n]\n';
}

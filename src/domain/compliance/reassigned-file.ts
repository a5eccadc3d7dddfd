/**
 * domain/compliance/reassigned-file: the answers of the database of reassigned numbers, one row a number: the phone, `no`,
 * `yes` or `no data`, and when it was asked. The answer counts from the day of asking, so a row without one has the file's.
 */
import type { ReassignedCheck } from '../documents.ts';
import { parsePhone } from '../phone.ts';

export type CheckedNumber = Pick<ReassignedCheck, 'phone' | 'result' | 'checkedAt'>;

/** Where the cells of a row are. */
export interface CheckColumns {
  readonly phone: number;
  readonly result: number;
  readonly checkedAt: number | undefined;
}

const HEADINGS = {
  phone: new Set(['phone', 'phonenumber', 'telephonenumber', 'number']),
  result: new Set(['result', 'response', 'reassigned']),
  checkedAt: new Set(['checkedat', 'checkeddate', 'datechecked', 'checked']),
};

/** The columns by their headings; undefined when there is none for the phone or the result. */
export function checkColumns(headings: readonly string[]): CheckColumns | undefined {
  const names = headings.map((heading) => heading.toLowerCase().replace(/[^a-z]/g, ''));
  const of = (known: ReadonlySet<string>): number => names.findIndex((name) => known.has(name));
  const checkedAt = of(HEADINGS.checkedAt);
  const columns = {
    phone: of(HEADINGS.phone),
    result: of(HEADINGS.result),
    checkedAt: checkedAt === -1 ? undefined : checkedAt,
  };
  return columns.phone === -1 || columns.result === -1 ? undefined : columns;
}

const RESULTS: ReadonlyMap<string, ReassignedCheck['result']> = new Map([
  ['no', 'no'],
  ['yes', 'yes'],
  ['no data', 'no_data'],
  ['no_data', 'no_data'],
]);

/** A day, or an instant with its zone. */
const DATE = /^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d))?$/;

/** What a row says, or what is wrong with it. `asOf`: the date of the file. */
export function readCheck(
  cells: readonly string[],
  columns: CheckColumns,
  asOf: Date,
  nowMs: number,
): CheckedNumber | string {
  const phone = parsePhone(cells[columns.phone] ?? '');
  if (phone === undefined) return 'not a phone number';
  const result = RESULTS.get((cells[columns.result] ?? '').trim().toLowerCase());
  if (result === undefined) return 'the result is none of yes, no and no data';
  const written = columns.checkedAt === undefined ? '' : (cells[columns.checkedAt] ?? '').trim();
  if (written === '') return { phone, result, checkedAt: asOf };
  const checkedAt = new Date(DATE.test(written) ? written : Number.NaN);
  if (Number.isNaN(checkedAt.getTime())) return 'the date is none such as 2026-11-20';
  return checkedAt.getTime() > nowMs ? 'the date lies in the future' : { phone, result, checkedAt };
}

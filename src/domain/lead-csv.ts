/**
 * domain/lead-csv: files of leads as people's spreadsheets save them: what separates the cells, what the columns are, and a
 * row as the fields of a lead.
 */
import type { Legacy } from './documents.ts';
import { keptName, type LeadField, type Target } from './lead-fields.ts';

const FOREIGN: readonly (readonly [bytes: readonly number[], what: string])[] = [
  [[0x50, 0x4b, 3, 4], 'this is a spreadsheet or a ZIP archive; save the sheet as CSV (UTF-8) and send that'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'this is an old Excel file; save the sheet as CSV (UTF-8) and send that'],
  [[0x1f, 0x8b], 'this is a gzip archive; unpack it and send the CSV file inside'],
  [[0x25, 0x50, 0x44, 0x46], 'this is a PDF; send the data as CSV (UTF-8)'],
  [[0xff, 0xfe], 'this is UTF-16 text; save it as CSV (UTF-8)'],
  [[0xfe, 0xff], 'this is UTF-16 text; save it as CSV (UTF-8)'],
];

/** Why a file that begins like this is no CSV; undefined: it may be one. */
export function foreignFile(start: Uint8Array): string | undefined {
  const known = FOREIGN.find(([bytes]) => bytes.every((byte, at) => start[at] === byte))?.[1];
  if (known !== undefined) return known;
  const looked = start.subarray(0, 1_000);
  const nuls = looked.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0);
  // A stray one spoils its row; text in two bytes a character has one in every second.
  return nuls > looked.length / 10 ? 'this is no text: it holds NUL bytes' : undefined;
}

const DELIMITERS = [',', ';', '\t', '|'] as const;
export type Delimiter = (typeof DELIMITERS)[number];

/** What stands most often between the columns of the first line, outside of quotes; a comma when nothing does. */
export function delimiterOf(start: string): Delimiter {
  const counts = new Map<string, number>();
  let quoted = false;
  for (const char of start) {
    if (char === '"') quoted = !quoted;
    else if (!quoted && (char === '\n' || char === '\r')) break;
    else if (!quoted) counts.set(char, (counts.get(char) ?? 0) + 1);
  }
  return DELIMITERS.reduce<Delimiter>(
    (best, each) => ((counts.get(each) ?? 0) > (counts.get(best) ?? 0) ? each : best),
    ',',
  );
}

export const MOST_COLUMNS = 200;
const LONGEST_HEADING = 200;

/** The names of the columns, each once, in their order; or why the first line names none. */
export function headingsOf(cells: readonly string[]): readonly string[] | string {
  if (cells.length > MOST_COLUMNS)
    return `the file has ${cells.length} columns, and at most ${MOST_COLUMNS} are read`;
  if (cells.every((cell) => cell === '')) return 'the first line is empty; it must name the columns';
  if (cells.some((cell) => /[\0\ufffd]/.test(cell)))
    return 'the first line is not UTF-8 text; save the file as CSV (UTF-8)';
  const taken = new Set<string>();
  return cells.map((cell, at) => {
    const name = cell.replace(/\s+/g, ' ').slice(0, LONGEST_HEADING) || `Column ${at + 1}`;
    let unique = name;
    for (let n = 2; taken.has(unique); n += 1) unique = `${name} (${n})`;
    taken.add(unique);
    return unique;
  });
}

export interface ColumnTarget {
  readonly column: string;
  readonly target: Target;
}

/** Where each column of the file goes; or what of the mapping does not fit the file. Columns it does not name are kept. */
export function placeColumns(
  headings: readonly string[],
  mapping: readonly ColumnTarget[],
): readonly Target[] | string {
  const wanted = new Map(mapping.map(({ column, target }) => [column, target]));
  for (const column of wanted.keys())
    if (!headings.includes(column)) return `the file has no column “${column}”, which the mapping names`;
  return headings.map((heading) => wanted.get(heading) ?? 'keep');
}

/** A field that two columns are mapped to, which would hide one of them. */
export function doubledTarget(mapping: readonly ColumnTarget[]): string | undefined {
  const seen = new Set<Target>();
  for (const { target } of mapping) {
    if (target !== 'keep' && target !== 'ignore' && seen.has(target)) return target;
    seen.add(target);
  }
  return undefined;
}

/** One row as fields and what is kept beside them. `defaults` stand where the file says nothing. */
export function splitRow(
  cells: readonly string[],
  headings: readonly string[],
  targets: readonly Target[],
  defaults: ReadonlyMap<LeadField, string>,
): { readonly values: ReadonlyMap<LeadField, string>; readonly kept: Legacy } {
  const values = new Map(defaults);
  const kept: Record<string, string> = {};
  for (const [at, target] of targets.entries()) {
    const cell = cells[at] ?? '';
    if (cell === '' || target === 'ignore') continue;
    if (target === 'keep') kept[keptName(headings[at] ?? '')] = cell;
    else values.set(target, cell);
  }
  return { values, kept };
}

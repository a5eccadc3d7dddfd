/**
 * app/reassigned: takes in the answers of the database of reassigned numbers. Each row is a fact of its own, stored as it
 * comes, and an answer never replaces a newer one; so a file that broke off is simply sent again from its beginning.
 */
import { type CsvError, type Parser, parse } from 'csv-parse';
import { type LineError, tooManyBad } from '../domain/compliance/list-file.ts';
import {
  type CheckColumns,
  type CheckedNumber,
  checkColumns,
  readCheck,
} from '../domain/compliance/reassigned-file.ts';
import { isFailure } from '../domain/errors.ts';
import { type Ended, type FileSource, PROGRESS_MS, type Progress } from './file-import.ts';
import type { Clock, Ids, Store } from './ports.ts';

const LONGEST_ROW = 4_096;
const NEWLINE = 0x0a;
const NOTHING = Buffer.alloc(0);
/** Rows that are stored at once. */
const BATCH = 100;
const MOST_ERRORS = 100;
const EARLY_ROWS = 1_000;

interface Row {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

interface Deps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Throws what the store throws. */
export async function takeChecks(deps: Deps, progress: Progress, source: FileSource): Promise<Ended> {
  const { clock } = deps;
  const { asOf } = progress.document;
  const parser = parse({
    bom: true,
    trim: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_ROW,
  });
  let broken: string | undefined;

  async function feed(): Promise<void> {
    /** What came behind the last end of a line: begun, and no row yet. */
    let begun = NOTHING;
    for (;;) {
      const piece = await source.next();
      if (parser.destroyed) return;
      if (piece.kind !== 'bytes') {
        // What was begun of a row that broke off must not pass for a row.
        if (piece.kind === 'broken') broken = piece.why;
        parser.end(piece.kind === 'broken' ? NOTHING : begun);
        return;
      }
      const bytes = Buffer.concat([begun, piece.bytes]);
      const end = begun.length > LONGEST_ROW ? bytes.length : bytes.lastIndexOf(NEWLINE) + 1;
      begun = bytes.subarray(end);
      if (!parser.write(bytes.subarray(0, end))) await roomIn(parser);
    }
  }

  let columns: CheckColumns | undefined;
  let rows = 0;
  let rejected = 0;
  let early = 0;
  let stored = 0;
  let savedMs = clock.steadyMs();
  const errors: LineError[] = [];
  let batch: CheckedNumber[] = [];

  async function storeBatch(): Promise<void> {
    const written = await Promise.all(batch.map((check) => storeCheck(deps, check)));
    stored += written.filter(Boolean).length;
    batch = [];
    if (clock.steadyMs() - savedMs < PROGRESS_MS) return;
    savedMs = clock.steadyMs();
    await save();
  }
  const save = (): Promise<void> =>
    progress.save({ lines: rows, added: stored, rejected, errors: [...errors] });

  function take({ record, info }: Row): void {
    if (!columns) return;
    rows += 1;
    const read = readCheck(record, columns, asOf, clock.nowMs());
    if (typeof read !== 'string') {
      batch.push(read);
      return;
    }
    rejected += 1;
    if (rows <= EARLY_ROWS) early += 1;
    if (errors.length < MOST_ERRORS) errors.push({ line: info.lines, message: read });
  }

  const refusal = (ended: boolean): string | undefined => tooManyBad({ lines: rows, rejected, early }, ended);

  async function readRows(): Promise<string | undefined> {
    for await (const row of parser as AsyncIterable<Row>) {
      if (columns) take(row);
      else {
        columns = checkColumns(row.record);
        if (!columns)
          return 'the first line must name the columns: phone, result and, if there is one, checked date';
      }
      if (batch.length >= BATCH) await storeBatch();
      if (refusal(false) !== undefined) return refusal(false);
    }
    return columns ? refusal(true) : 'the file is empty';
  }

  void feed();
  let failure: string | undefined;
  try {
    failure = await readRows();
  } catch (error) {
    if (isFailure(error)) throw error;
    if (broken === undefined) failure = `this is no CSV: ${explain(error as Partial<CsvError>)}`;
  } finally {
    parser.destroy();
  }
  await storeBatch();
  await save();
  if (broken !== undefined) return { state: 'interrupted', failure: broken };
  if (failure !== undefined) return { state: 'failed', failure };
  const total = await deps.store.collection('reassigned_checks').count({});
  return { state: 'done', added: stored, removed: 0, count: total };
}

/** Resolves when the parser takes more, or takes no more at all; leaves no listener behind. */
const roomIn = (parser: Parser): Promise<void> =>
  new Promise((resolve) => {
    const settle = (): void => {
      parser.off('drain', settle).off('close', settle);
      resolve();
    };
    parser.on('drain', settle).on('close', settle);
  });

const explain = ({ code, lines }: Partial<CsvError>): string =>
  code === undefined
    ? 'it cannot be read'
    : `${code.slice(4).toLowerCase().replaceAll('_', ' ')} at line ${String(lines)}`;

/** Stores an answer unless a newer one is known; answers whether it was. */
async function storeCheck({ store, clock, ids }: Deps, check: CheckedNumber): Promise<boolean> {
  const checks = store.collection('reassigned_checks');
  const updatedAt = new Date(clock.nowMs());
  for (;;) {
    const { phone, checkedAt } = check;
    if (await checks.update({ phone, checkedAt: { $lte: checkedAt } }, { $set: { ...check, updatedAt } }))
      return true;
    try {
      await checks.insert({ _id: ids.objectId(), ...check, createdAt: updatedAt, updatedAt });
      return true;
    } catch (error) {
      if (!isFailure(error, 'duplicate_key')) throw error;
      const [known] = await checks.find({ filter: { phone }, limit: 1 });
      if (known && known.checkedAt > checkedAt) return false;
    }
  }
}

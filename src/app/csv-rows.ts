/**
 * app/csv-rows: a file of comma-separated values, row by row as it comes in, in bounded memory. A row that broke off never
 * passes for a row.
 */
import { type CsvError, type Parser, parse } from 'csv-parse';
import type { FileSource } from './file-import.ts';

export interface CsvRow {
  readonly cells: readonly string[];
  /** Of its first line, from 1. */
  readonly line: number;
  /** Where it stands in the file: from inclusive, to exclusive. */
  readonly bytes: readonly [from: number, to: number];
}

/** How a file ended: at its end, cut off on the way, or because it is no CSV from some line on. */
export type CsvEnd = { readonly kind: 'end' } | { readonly kind: 'broken' | 'bad'; readonly why: string };

export interface CsvRows {
  /** Undefined when there is no further row; `end` then says why. Throws what the source throws. */
  next(): Promise<CsvRow | undefined>;
  readonly end: CsvEnd;
  close(): void;
}

interface Parsed {
  readonly record: readonly string[];
  readonly info: { readonly lines: number; readonly bytes: number };
}

export interface CsvOptions {
  readonly delimiter: string;
  /** In bytes, about; a longer row ends the file. */
  readonly longestRow: number;
}

/** Reads the rows of `source`, whose first bytes may have been looked at already and stand in `begun`. */
export function openCsv(source: FileSource, begun: readonly Uint8Array[], options: CsvOptions): CsvRows {
  const parser = parse({
    bom: true,
    trim: true,
    info: true,
    delimiter: options.delimiter,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    relax_quotes: true,
    max_record_size: options.longestRow,
  });
  let broken: string | undefined;
  let fault: unknown;
  let end: CsvEnd = { kind: 'end' };
  let lines = 0;
  let bytes = 0;

  async function feed(): Promise<void> {
    for (const piece of begun) if (!parser.write(piece)) await roomIn(parser);
    for (;;) {
      const piece = await source.next();
      if (parser.destroyed) return;
      if (piece.kind === 'end') {
        parser.end();
        return;
      }
      if (piece.kind === 'broken') {
        broken = piece.why;
        parser.destroy();
        return;
      }
      if (!parser.write(piece.bytes)) await roomIn(parser);
    }
  }

  const rows = (parser as AsyncIterable<Parsed>)[Symbol.asyncIterator]();
  let _feeding: Promise<void> | undefined;
  return {
    get end() {
      return end;
    },
    async next() {
      _feeding ??= feed().catch((error: unknown) => {
        fault = error;
        parser.destroy();
      });
      try {
        for (;;) {
          const { done, value } = await rows.next();
          if (done) {
            if (fault !== undefined) throw fault;
            if (broken !== undefined) end = { kind: 'broken', why: broken };
            return undefined;
          }
          const row: CsvRow = { cells: value.record, line: lines + 1, bytes: [bytes, value.info.bytes] };
          lines = value.info.lines;
          bytes = value.info.bytes;
          // A line without anything in it is no row.
          if (value.record.length > 1 || value.record[0] !== '') return row;
        }
      } catch (error) {
        if (fault !== undefined) throw fault;
        end =
          broken === undefined
            ? { kind: 'bad', why: explain(error as Partial<CsvError>, lines + 1, options.longestRow) }
            : { kind: 'broken', why: broken };
        return undefined;
      }
    },
    close() {
      parser.destroy();
    },
  };
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

function explain({ code }: Partial<CsvError>, line: number, longestRow: number): string {
  switch (code) {
    case 'CSV_MAX_RECORD_SIZE':
      return `this is no CSV: max record size of ${longestRow} bytes exceeded by the row that begins at line ${line}; is a quote not closed there?`;
    case 'CSV_QUOTE_NOT_CLOSED':
      return `this is no CSV: quote not closed, in the row that begins at line ${line}`;
    default:
      return `this is no CSV: the row that begins at line ${line} cannot be read`;
  }
}

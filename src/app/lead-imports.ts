/**
 * app/lead-imports: files of leads. A file is looked at first (what are its columns, what is wrong with its first rows), then
 * read as it streams in: each row becomes a lead, is laid beside the lead it is already, or is refused with the reason, and
 * all of that is in the report. Rows are taken some hundreds at a time, and what became of them is written down behind them:
 * a file that broke off is sent again, and what was taken of it is known and passed over.
 *
 * One file of leads at a time among all processes on the store, or two would not see each other's people.
 */
import { z } from 'zod';
import { sha256Hex } from '../domain/canonical.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { parseInput } from '../domain/input.ts';
import {
  type ColumnTarget,
  type Delimiter,
  delimiterOf,
  doubledTarget,
  foreignFile,
  headingsOf,
  placeColumns,
  splitRow,
} from '../domain/lead-csv.ts';
import {
  type Brought,
  isProblems,
  LEAD_FIELD_NAMES,
  type LeadField,
  type Problems,
  proposeTargets,
  readLead,
  type Target,
} from '../domain/lead-fields.ts';
import {
  counted,
  DUPLICATE_POLICIES,
  type DuplicatePolicy,
  type ImportedRow,
  type LeadImport,
  NO_ROWS,
  type RowOutcome,
} from '../domain/lead-import.ts';
import type { Claim, Claims } from './claims.ts';
import { type CsvEnd, type CsvRow, type CsvRows, openCsv } from './csv-rows.ts';
import { type FileSource, fileSource, PROGRESS_MS } from './file-import.ts';
import type { Page } from './paging.ts';
import { slices } from './slices.ts';
import {
  createTakeLeads,
  lacking,
  leadOf,
  type Offered,
  saysOf,
  type TakeLeadsDeps,
  type Taken,
} from './take-leads.ts';

export interface LeadImportsDeps extends TakeLeadsDeps {
  readonly claims: Pick<Claims, 'take' | 'renew' | 'release'>;
  readonly shutdown: AbortSignal;
}

/** What is known of a file before it comes; without `mapping`, columns go where their names say. */
export interface LeadImportPlan {
  readonly fileName?: string;
  readonly mapping?: readonly ColumnTarget[];
  readonly defaults?: readonly { readonly field: LeadField; readonly value: string }[];
  readonly duplicates?: DuplicatePolicy;
  readonly campaignId?: string;
}

export interface LeadFilePreview {
  readonly delimiter: Delimiter;
  readonly columns: readonly {
    readonly name: string;
    readonly target: Target;
    /** The first cells that are not empty. */
    readonly samples: readonly string[];
  }[];
  /** The first rows, and what is wrong with each if the columns go where they are proposed to. */
  readonly rows: readonly {
    readonly line: number;
    readonly cells: readonly string[];
    readonly says: readonly string[];
  }[];
  readonly problems: readonly string[];
}

export interface ReportQuery {
  readonly outcome?: RowOutcome;
  readonly limit?: number;
  readonly cursor?: string;
}

const CLAIM = 'lead-import';
/** Of leads whose file names no other. */
const SOURCE = 'csv';
/** A sender may dawdle for 30 s; whoever is not heard of for so long is gone. */
const LEASE_MS = 90_000;
const RENEW_MS = 20_000;
/** Rows that stand together in the report. */
const PART_ROWS = 200;
/** Rows whose people are looked for in one question: the store is asked for some milliseconds. */
const TAKEN_AT_ONCE = 100;
const LONGEST_ROW = 64 * 1024;
const SNIFFED_BYTES = 4_096;
const PREVIEW_BYTES = 256 * 1024;
const PREVIEW_ROWS = 20;
const SAMPLES = 3;
const LONGEST_SAMPLE = 200;
const MOST_SHOWN = 100;
const MOST_LIMIT = 200;
const SILENT_MS = LEASE_MS + RENEW_MS;

const TARGETS = ['keep', 'ignore', ...LEAD_FIELD_NAMES] as const;
const Plan = z.strictObject({
  fileName: z.string().trim().max(200).optional(),
  mapping: z
    .array(z.strictObject({ column: z.string().min(1).max(210), target: z.enum(TARGETS) }))
    .min(1)
    .max(200)
    .optional(),
  defaults: z
    .array(
      z.strictObject({
        field: z.enum(LEAD_FIELD_NAMES as readonly [LeadField, ...LeadField[]]),
        value: z.string().trim().min(1).max(5_000),
      }),
    )
    .max(LEAD_FIELD_NAMES.length)
    .default([]),
  duplicates: z.enum(DUPLICATE_POLICIES).default('skip'),
  campaignId: z.string().max(64).optional(),
});

type Ended = Pick<LeadImport, 'state'> & { readonly failure?: string };

export function createLeadImports(deps: LeadImportsDeps) {
  const { store, clock, ids, log, claims, shutdown, sellerName } = deps;
  const imports = store.collection('lead_imports');
  const parts = store.collection('lead_import_parts');
  const take = createTakeLeads(deps);
  const underWay = new Set<Promise<unknown>>();
  const now = (): Date => new Date(clock.nowMs());

  const readRow = (
    { cells }: CsvRow,
    headings: readonly string[],
    targets: readonly Target[],
    defaults: ReadonlyMap<LeadField, string>,
  ): Brought | Problems => {
    if (cells.length > headings.length)
      return [
        {
          field: 'row',
          says: `has ${cells.length} cells, and the first line names ${headings.length} columns`,
        },
      ];
    const { values, kept } = splitRow(cells, headings, targets, defaults);
    if (Object.values(kept).some((cell) => /[\0\ufffd]/.test(String(cell))))
      return [{ field: 'row', says: 'holds characters that are not UTF-8 text; save the file as UTF-8' }];
    return readLead(values, kept, { nowMs: clock.nowMs(), sellerName });
  };

  /** Looks at the beginning of a file and changes nothing. Throws Failure `invalid_request` when it is no CSV. */
  async function preview(file: AsyncIterable<Uint8Array>): Promise<LeadFilePreview> {
    const source = fileSource(beginningOf(file), shutdown);
    const opened = await openFile(source);
    if ('refused' in opened) throw invalid('file', opened.refused);
    if ('broken' in opened) throw new Failure('upload_interrupted', opened.broken);
    const { csv, headings, delimiter } = opened;
    try {
      const found = proposeTargets(headings);
      const rows: CsvRow[] = [];
      while (rows.length < PREVIEW_ROWS) {
        const row = await csv.next();
        if (!row) break;
        rows.push(row);
      }
      const problems: string[] = [];
      if (csv.end.kind === 'bad') problems.push(csv.end.why);
      if (!found.includes('phone'))
        problems.push('No column looks like a phone number; a lead without one is refused');
      if (rows.length === 0) problems.push('There is no row below the first line');
      return {
        delimiter,
        columns: headings.map((name, at) => ({
          name,
          target: found[at] ?? 'keep',
          samples: rows
            .map(({ cells }) => cells[at] ?? '')
            .filter((cell) => cell !== '')
            .slice(0, SAMPLES)
            .map((cell) => cell.slice(0, LONGEST_SAMPLE)),
        })),
        rows: rows.map((row) => ({
          line: row.line,
          cells: row.cells.map((cell) => cell.slice(0, LONGEST_SAMPLE)),
          says: judged(readRow(row, headings, found, new Map())),
        })),
        problems,
      };
    } finally {
      csv.close();
      source.close();
    }
  }

  function judged(read: Brought | Problems): readonly string[] {
    if (isProblems(read)) return saysOf(read);
    const lead = leadOf(read.lead, { source: SOURCE }, { id: '0'.repeat(24), nowMs: clock.nowMs(), by: '' });
    if (!('_id' in lead)) return saysOf(lead);
    return read.consent.kind === 'incomplete' ? [lacking(read.consent.lacks)] : [];
  }

  /** Notes where the columns of a file go, before it comes. Throws Failure `invalid_request`, `campaign_not_found`. */
  async function prepare(plan: LeadImportPlan, by: string): Promise<LeadImport> {
    const document = await planned(plan, by);
    await imports.insert(document);
    return shown(document);
  }

  async function planned(plan: LeadImportPlan, by: string): Promise<LeadImport> {
    const { fileName, mapping, campaignId, ...rest } = parseInput(Plan, plan);
    const doubled = doubledTarget(mapping ?? []);
    if (doubled !== undefined) throw invalid('mapping', `two columns go to ${doubled}`);
    if (mapping && new Set(mapping.map(({ column }) => column)).size < mapping.length)
      throw invalid('mapping', 'a column is named twice');
    if (campaignId !== undefined && !(await store.collection('campaigns').get(campaignId)))
      throw new Failure('campaign_not_found', 'there is no such campaign', { details: { campaignId } });
    const createdAt = now();
    return {
      _id: ids.objectId(),
      ...rest,
      ...(fileName === undefined || fileName === '' ? {} : { fileName }),
      ...(mapping === undefined ? {} : { mapping }),
      ...(campaignId === undefined ? {} : { campaignId }),
      ...NO_ROWS,
      state: 'waiting',
      createdBy: by,
      createdAt,
      updatedAt: createdAt,
    };
  }

  /**
   * Reads a file of leads as it streams in; `importId` names what was prepared, or an import that broke off, whose file comes
   * again. Answers an import that is done, failed for good (what was taken stays), or interrupted because the file broke off
   * or the service stops. Throws Failure `invalid_request`, `not_found`, `import_conflict` while another file of leads is
   * read, `campaign_not_found`, `shutting_down`, and what the store throws, which leaves it interrupted too.
   */
  async function importFile(
    request: { readonly importId: string } | LeadImportPlan,
    file: AsyncIterable<Uint8Array>,
    by: string,
  ): Promise<LeadImport> {
    if (shutdown.aborted) throw new Failure('shutting_down', 'the service is stopping');
    const first = 'importId' in request ? await toGoOn(request.importId) : await planned(request, by);
    const claim = await claims.take(CLAIM, LEASE_MS);
    if (!claim)
      throw new Failure('import_conflict', 'another file of leads is being read; wait until that is over');
    const running = receive(first, claim, file, by);
    underWay.add(running);
    try {
      return shown(await running);
    } finally {
      underWay.delete(running);
    }
  }

  async function toGoOn(importId: string): Promise<LeadImport> {
    const document = await imports.get(importId);
    // One that is `receiving` and whose claim can be taken is nobody's.
    const open: readonly LeadImport['state'][] = ['waiting', 'interrupted', 'receiving'];
    if (!document || !open.includes(document.state))
      throw new Failure('not_found', 'there is no such import that waits for a file');
    return document;
  }

  async function receive(
    before: LeadImport,
    taken: Claim,
    file: AsyncIterable<Uint8Array>,
    by: string,
  ): Promise<LeadImport> {
    let claim = taken;
    let renewedMs = clock.nowMs();
    const { failure: _, endedAt: __, ...clean } = before;
    let document: LeadImport = {
      ...clean,
      state: 'receiving',
      startedAt: before.startedAt ?? now(),
      fence: claim.fence,
    };
    const save = async (changes: Partial<LeadImport>): Promise<void> => {
      document = { ...document, ...changes, updatedAt: now() };
      const { _id, ...set } = document;
      if (await imports.update({ _id, fence: claim.fence }, { $set: set })) return;
      throw new Failure('import_conflict', 'another process goes on with this import');
    };
    const stillOurs = async (): Promise<void> => {
      if (clock.nowMs() - renewedMs < RENEW_MS) return;
      renewedMs = clock.nowMs();
      const renewed = await claims.renew(claim, LEASE_MS);
      if (!renewed) throw new Failure('import_conflict', 'another process reads a file of leads by now');
      claim = renewed;
    };
    const bytes = fileSource(file, shutdown);
    const source: FileSource = {
      ...bytes,
      async next() {
        await stillOurs();
        return await bytes.next();
      },
    };
    try {
      await imports.put(document);
      const ended = await takeRows(source, () => document, save, by);
      await save({ ...ended, ...(ended.state === 'interrupted' ? {} : { endedAt: now() }) });
    } catch (error) {
      const failure = isFailure(error) ? error.message : 'something went wrong on our side';
      await save({ state: 'interrupted', failure }).catch((also: unknown) => {
        log.warn({ importId: before._id, err: also }, 'an interrupted import could not be marked as such');
      });
      throw error;
    } finally {
      bytes.close();
      // A claim that cannot be given back runs out by itself.
      await claims.release(claim).catch(() => undefined);
    }
    const { _id: importId, state, rows, created, updated, duplicate, refused, failure } = document;
    log.info(
      { audit: true, importId, by, state, rows, created, updated, duplicate, refused, failure },
      'the import of a file of leads ended',
    );
    return document;
  }

  async function takeRows(
    source: FileSource,
    document: () => LeadImport,
    save: (changes: Partial<LeadImport>) => Promise<void>,
    by: string,
  ): Promise<Ended> {
    const opened = await openFile(source);
    if ('refused' in opened) return { state: 'failed', failure: opened.refused };
    if ('broken' in opened) return { state: 'interrupted', failure: opened.broken };
    const { csv, headings } = opened;
    const { _id: importId, defaults, duplicates, campaignId } = document();
    const mapping =
      document().mapping ??
      proposeTargets(headings).map((target, at): ColumnTarget => ({ column: headings[at] ?? '', target }));
    const targets = placeColumns(headings, mapping);
    if (typeof targets === 'string') return { state: 'failed', failure: targets };
    const fixed = new Map(defaults.map(({ field, value }) => [field, value]));
    if (!targets.includes('phone') && !fixed.has('phone'))
      return { state: 'failed', failure: 'no column is mapped to the phone number, and a lead needs one' };
    await save({ mapping });

    let hash = sha256Hex(JSON.stringify(headings));
    let counts = NO_ROWS;
    let savedMs = clock.steadyMs();
    try {
      for (let part = 0; ; part += 1) {
        const rows = await someRows(csv);
        // What broke off may have been cut within its last rows: they come again with the file.
        if (csv.end.kind === 'broken') return { state: 'interrupted', failure: csv.end.why, ...counts };
        if (rows.length > 0) {
          hash = sha256Hex(hash + JSON.stringify(rows.map(({ cells }) => cells)));
          const reported = await takePart(part, rows);
          if (typeof reported === 'string') return { state: 'failed', failure: reported, ...counts };
          counts = counted(counts, reported);
        }
        if (rows.length < PART_ROWS) return { ...endOf(csv.end), ...counts };
        if (clock.steadyMs() - savedMs < PROGRESS_MS) continue;
        savedMs = clock.steadyMs();
        await save(counts);
      }
    } finally {
      csv.close();
    }

    /** What became of these rows, from now or from a try before; or why this is another file than the one that was begun. */
    async function takePart(part: number, rows: readonly CsvRow[]): Promise<readonly ImportedRow[] | string> {
      const [known] = await parts.find({ filter: { importId, part }, limit: 1 });
      if (known?.hash === hash) return known.rows;
      if (known)
        return `this is another file than the one that was begun: it differs behind line ${(rows[0]?.line ?? 1) - 1}`;
      const offered: Offered[] = [];
      const breathe = slices(clock);
      for (const row of rows) {
        await breathe();
        const id = sha256Hex(`${importId}:${row.line}`).slice(0, 24);
        offered.push({ id, read: readRow(row, headings, targets as readonly Target[], fixed) });
      }
      const rules = { source: SOURCE, duplicates, ...(campaignId === undefined ? {} : { campaignId }) };
      const taken: Taken[] = [];
      for (let at = 0; at < offered.length; at += TAKEN_AT_ONCE)
        taken.push(...(await take(offered.slice(at, at + TAKEN_AT_ONCE), rules, by)));
      const reported = taken.map((each, at): ImportedRow => {
        const { line = 0, bytes } = rows[at] ?? {};
        return { line, ...each, ...(each.outcome === 'refused' && bytes ? { bytes } : {}) };
      });
      const createdAt = now();
      await parts.insert({
        _id: ids.objectId(),
        importId,
        part,
        hash,
        rows: reported,
        createdAt,
        updatedAt: createdAt,
      });
      return reported;
    }
  }

  async function someRows(csv: CsvRows): Promise<CsvRow[]> {
    const rows: CsvRow[] = [];
    while (rows.length < PART_ROWS) {
      const row = await csv.next();
      if (!row) break;
      rows.push(row);
    }
    return rows;
  }

  const endOf = (end: CsvEnd): Ended =>
    end.kind === 'end'
      ? { state: 'done' }
      : {
          state: 'failed',
          failure: `${end.why}; what stands above it was taken. Mend the file and send it as a new one: who came in already is known`,
        };

  /** Throws Failure `not_found`. */
  async function get(importId: string): Promise<LeadImport> {
    const document = await imports.get(importId);
    if (!document) throw new Failure('not_found', 'there is no such import');
    return shown(document);
  }

  /** Newest first, with those under way. */
  const list = async (): Promise<readonly LeadImport[]> =>
    (await imports.find({ sort: { createdAt: -1 }, limit: MOST_SHOWN })).map(shown);

  /** What became of the rows, in the order of the file. Throws Failure `not_found`, `invalid_request`. */
  async function report(
    importId: string,
    { outcome, limit = 50, cursor }: ReportQuery,
  ): Promise<Page<ImportedRow>> {
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= MOST_LIMIT))
      throw invalid('limit', `must be a whole number from 1 to ${MOST_LIMIT}`);
    await get(importId);
    const after = cursor === undefined ? { part: -1, line: 0 } : placeOf(cursor);
    const items: ImportedRow[] = [];
    for (let part = Math.max(0, after.part); ; part += 1) {
      const [found] = await parts.find({ filter: { importId, part }, limit: 1 });
      if (!found) return { items };
      for (const row of found.rows) {
        if (row.line <= after.line || (outcome !== undefined && row.outcome !== outcome)) continue;
        if (items.length === limit) {
          const last = items.at(-1)?.line ?? 0;
          return { items, nextCursor: `${part}-${last}` };
        }
        items.push(row);
      }
    }
  }

  /** All rows of the report, a part at a time. Throws Failure `not_found`. */
  async function* rows(importId: string, outcome?: RowOutcome): AsyncGenerator<ImportedRow> {
    await get(importId);
    for (let part = 0; ; part += 1) {
      const [found] = await parts.find({ filter: { importId, part }, limit: 1 });
      if (!found) return;
      for (const row of found.rows) if (outcome === undefined || row.outcome === outcome) yield row;
    }
  }

  /** Forgets an import that waits for a file; leads that came in with it stay. Throws Failure `not_found`, `import_conflict`. */
  async function discard(importId: string, by: string): Promise<LeadImport> {
    const document = await toGoOn(importId);
    const claim = document.state === 'receiving' ? await claims.take(CLAIM, LEASE_MS) : undefined;
    if (document.state === 'receiving' && !claim)
      throw new Failure('import_conflict', 'this import is under way');
    try {
      const at = now();
      const discarded = await imports.update(
        { _id: importId, state: document.state },
        { $set: { state: 'discarded', endedAt: at, updatedAt: at } },
      );
      if (!discarded) throw new Failure('import_conflict', 'this import has just begun');
      log.info({ audit: true, importId, by }, 'an import of leads was discarded');
      return shown(discarded);
    } finally {
      if (claim) await claims.release(claim).catch(() => undefined);
    }
  }

  function shown({ fence: _, ...document }: LeadImport): LeadImport {
    return document.state === 'receiving' && clock.nowMs() - document.updatedAt.getTime() > SILENT_MS
      ? { ...document, state: 'interrupted', failure: 'the service stopped while the file came in' }
      : document;
  }

  return {
    preview,
    prepare,
    import: importFile,
    get,
    list,
    report,
    rows,
    discard,
    /** Resolves when no import is under way. */
    settled: async (): Promise<void> => void (await Promise.allSettled(underWay)),
  };
}

interface OpenFile {
  readonly csv: CsvRows;
  readonly headings: readonly string[];
  readonly delimiter: Delimiter;
}

/** Reads up to and with the first line. `refused`: why this is no file of rows; `broken`: it ended on the way there. */
async function openFile(
  source: FileSource,
): Promise<OpenFile | { readonly refused: string } | { readonly broken: string }> {
  const begun: Uint8Array[] = [];
  let length = 0;
  let whole = false;
  while (length < SNIFFED_BYTES && !whole) {
    const piece = await source.next();
    if (piece.kind === 'broken') return { broken: piece.why };
    if (piece.kind === 'end') whole = true;
    else {
      begun.push(piece.bytes.slice());
      length += piece.bytes.length;
    }
  }
  const start = joined(begun, length);
  if (length === 0) return { refused: 'the file is empty' };
  const foreign = foreignFile(start);
  if (foreign !== undefined) return { refused: foreign };
  const delimiter = delimiterOf(new TextDecoder().decode(start));
  const rest: FileSource = whole ? { ...source, next: async () => ({ kind: 'end' }) } : source;
  const csv = openCsv(rest, begun, { delimiter, longestRow: LONGEST_ROW });
  const first = await csv.next();
  if (!first) {
    const { end } = csv;
    csv.close();
    if (end.kind === 'broken') return { broken: end.why };
    return { refused: end.kind === 'bad' ? end.why : 'the file is empty' };
  }
  const headings = headingsOf(first.cells);
  if (typeof headings !== 'string') return { csv, headings, delimiter };
  csv.close();
  return { refused: headings };
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** So much of a file as a preview looks at; a row that is cut there is left out. */
async function* beginningOf(file: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = PREVIEW_BYTES;
  for await (const chunk of file) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) throw new Failure('upload_interrupted', 'the rest is not looked at');
  }
}

function placeOf(cursor: string): { readonly part: number; readonly line: number } {
  const [, part, line] = /^(\d{1,9})-(\d{1,12})$/.exec(cursor) ?? [];
  if (part === undefined || line === undefined) throw invalid('cursor', 'the cursor is damaged');
  return { part: Number(part), line: Number(line) };
}

const invalid = (field: string, message: string): Failure =>
  new Failure('invalid_request', `${field}: ${message}`, { details: { fields: { [field]: message } } });

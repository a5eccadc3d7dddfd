/**
 * app/lists: the outside lists the gate looks at: how old our copies are, and the imports that renew them. A file is read
 * as it streams in, staged in the store, and becomes the current copy as a whole at its end; until then the old one counts.
 */
import { z } from 'zod';
import { type ListFile, openListFile } from '../domain/compliance/list-file.ts';
import type { ListImport, ListStatus } from '../domain/compliance/records.ts';
import { FRESH_MS } from '../domain/compliance/rules.ts';
import { STATE_LISTS, STATES } from '../domain/compliance/states.ts';
import type { StoredListImport } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { parseInput } from '../domain/input.ts';
import type { Claim, Claims } from './claims.ts';
import type { CompliancePolicy } from './compliance-policy.ts';
import { type Ended, type FileSource, fileSource, PROGRESS_MS, type Progress } from './file-import.ts';
import type { Cancel, Clock, Ids, ListCopy, Log, StagedCopy, Store } from './ports.ts';
import { takeChecks } from './reassigned.ts';

export interface ListsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly claims: Pick<Claims, 'take' | 'renew' | 'release'>;
  readonly policy: () => Promise<
    Pick<CompliancePolicy, 'requireNationalRegistry' | 'requireStateLists' | 'requireReassignedCheck'>
  >;
  readonly shutdown: AbortSignal;
}

export interface ListImportRequest {
  readonly list: string;
  readonly kind: 'full' | 'changes';
  readonly asOf: Date;
  readonly importId?: string;
}

const DAY_MS = 86_400_000;
/** A list is aging when it has a week left. */
const WARNING_MS = 7 * DAY_MS;
/** Numbers that are staged at once. */
const BATCH = 65_536;
/** A list of more numbers than this does not shrink by more than half in one file. */
const GUARDED = 1_000;
const MOST_SHOWN = 200;
/** A list that a process was reading when it died can be read by another after this. */
const LEASE_MS = 15_000;
/** Two renewals may fail. */
const RENEW_MS = 5_000;

const Request = z.strictObject({
  list: z
    .string()
    .refine(
      (list) => /^(?:national|litigator|reassigned)$/.test(list) || STATES.has(stateOf(list) ?? ''),
      'must be national, litigator, reassigned or state.XX',
    ),
  kind: z.enum(['full', 'changes']),
  asOf: z.date(),
  importId: z.string().optional(),
});

export function createLists({ store, clock, ids, log, claims, policy, shutdown }: ListsDeps) {
  const imports = store.collection('list_imports');
  const claimed = new Set<string>();
  const underWay = new Set<Promise<unknown>>();

  const now = (): Date => new Date(clock.nowMs());
  const currentCopy = async (list: string): Promise<ListCopy | undefined> =>
    (await store.lists.copies()).find((copy) => copy.list === list);

  const conflict = (): Failure =>
    new Failure('import_conflict', 'this list is being imported right now; wait until that is over');

  /** Undefined: another process reads this list, or did until a moment ago. */
  const claimOf = (list: string): Promise<Claim | undefined> => claims.take(`list:${list}`, LEASE_MS);

  /** Runs `work` while nobody else works on this list; the signal ends it when others may. Throws `import_conflict`. */
  async function claiming<T>(list: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (claimed.has(list)) throw conflict();
    claimed.add(list);
    const running = holding(list, work);
    underWay.add(running);
    try {
      return await running;
    } finally {
      underWay.delete(running);
      claimed.delete(list);
    }
  }

  async function holding<T>(list: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    // Where this process is the only one, nobody else reads a list, and a claim of its earlier life would be in the way.
    if (store.home === undefined) return await work(shutdown);
    let claim = await claimOf(list);
    if (!claim) throw conflict();
    const lost = new AbortController();
    let cancel: Cancel = () => {};
    const keep = (): void => {
      cancel = clock.after(RENEW_MS, () => {
        void renewed().finally(() => {
          if (claim && !lost.signal.aborted) keep();
        });
      });
    };
    const renewed = async (): Promise<void> => {
      const before = claim;
      if (!before) return;
      const after = await claims.renew(before, LEASE_MS).catch(() => before);
      if (claim) claim = after;
      if (!after || clock.nowMs() >= after.untilMs) lost.abort(conflict());
    };
    keep();
    try {
      return await work(AbortSignal.any([shutdown, lost.signal]));
    } finally {
      cancel();
      const last = claim;
      claim = undefined;
      // A claim that cannot be given back runs out by itself.
      if (last) await claims.release(last).catch(() => undefined);
    }
  }

  /**
   * Reads a list's file as it streams in. Answers an import that is done, failed for good, or interrupted because the file
   * broke off or the service stops; the same file again with its id goes on with that. Throws Failure `invalid_request`,
   * `import_conflict`, `not_found`, `shutting_down` and what the store throws, which leaves the import interrupted too.
   */
  async function importFile(
    request: ListImportRequest,
    file: AsyncIterable<Uint8Array>,
    by: string,
  ): Promise<ListImport> {
    const asked = parseInput(Request, request) as ListImportRequest;
    if (shutdown.aborted) throw new Failure('shutting_down', 'the service is stopping');
    return claiming(asked.list, async (signal) => {
      await refuseOutOfTurn(asked);
      const document = asked.importId === undefined ? newImport(asked, by) : await toGoOn(asked);
      return shown(await receive(document, file, signal, by));
    });
  }

  async function refuseOutOfTurn({ list, kind, asOf }: ListImportRequest): Promise<void> {
    if (asOf.getTime() > clock.nowMs()) throw invalid('asOf', 'lies in the future');
    if (list === 'reassigned') {
      if (kind === 'changes')
        throw invalid('kind', 'answers about reassigned numbers have no changes; use full');
      return;
    }
    const copy = await currentCopy(list);
    if (kind === 'changes' && !copy)
      throw invalid('kind', 'there is no copy that could change; import the full list first');
    if (copy && asOf < copy.asOf)
      throw invalid('asOf', `older than the copy in use, which is of ${copy.asOf.toISOString()}`);
  }

  function newImport({ list, kind, asOf }: ListImportRequest, by: string): StoredListImport {
    const startedAt = now();
    return {
      _id: ids.objectId(),
      list,
      kind,
      asOf,
      state: 'receiving',
      lines: 0,
      added: 0,
      removed: 0,
      rejected: 0,
      errors: [],
      marks: [],
      startedAt,
      createdBy: by,
      createdAt: startedAt,
      updatedAt: startedAt,
    };
  }

  async function toGoOn({ list, kind, asOf, importId = '' }: ListImportRequest): Promise<StoredListImport> {
    const document = await imports.get(importId);
    // One that is `receiving` is nobody's: its list would be claimed.
    if (document?.state !== 'interrupted' && document?.state !== 'receiving')
      throw new Failure('not_found', 'there is no such import to go on with');
    if (document.list !== list) throw invalid('list', `this import is of ${document.list}`);
    if (document.kind !== kind) throw invalid('kind', `this import is of kind ${document.kind}`);
    if (document.asOf.getTime() !== asOf.getTime())
      throw invalid('asOf', `this import is of ${document.asOf.toISOString()}`);
    const { failure: _, ...rest } = document;
    return { ...rest, state: 'receiving' };
  }

  function progressOf(first: StoredListImport): Progress {
    let document = first;
    return {
      get document() {
        return document;
      },
      async save(changes) {
        document = { ...document, ...changes, updatedAt: now() };
        await imports.put(document);
      },
    };
  }

  async function receive(
    first: StoredListImport,
    file: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    by: string,
  ): Promise<StoredListImport> {
    const progress = progressOf(first);
    const { _id: importId, list } = first;
    const source = fileSource(file, signal);
    try {
      await progress.save({});
      const ended =
        list === 'reassigned'
          ? await takeChecks({ store, clock, ids }, progress, source)
          : await takeNumbers(progress, source, signal);
      if (ended.state === 'failed') await store.lists.discard(importId);
      if (ended.state === 'done') await publish(list, first.asOf, ended.count, by);
      await progress.save({
        ...ended,
        ...(ended.state === 'interrupted' ? {} : { endedAt: now(), marks: [] }),
      });
    } catch (error) {
      const failure = isFailure(error) ? error.message : 'something went wrong on our side';
      await progress.save({ state: 'interrupted', failure }).catch((also: unknown) => {
        log.warn({ importId, list, err: also }, 'an interrupted import could not be marked as such');
      });
      throw error;
    } finally {
      source.close();
    }
    const { state, lines, rejected, added, removed, failure } = progress.document;
    log.info(
      { audit: true, importId, list, by, state, lines, rejected, added, removed, failure },
      'the import of a list ended',
    );
    return progress.document;
  }

  /** Stages a list where it was left, or anew when the store has another part of it than we wrote down. */
  async function stage({ document }: Progress): Promise<{ staged: StagedCopy; lines: ListFile }> {
    const { _id, list, kind, marks, errors } = document;
    const open = () => store.lists.stage(_id, list, kind === 'full' ? 'empty' : 'current');
    const staged = await open();
    if (staged.linesTaken === 0) return { staged, lines: openListFile(kind) };
    const mark = marks.find(({ lines }) => lines === staged.linesTaken);
    if (mark) return { staged, lines: openListFile(kind, mark, errors) };
    await store.lists.discard(_id);
    return { staged: await open(), lines: openListFile(kind) };
  }

  async function takeNumbers(progress: Progress, source: FileSource, signal: AbortSignal): Promise<Ended> {
    const { staged, lines } = await stage(progress);
    let savedMs = clock.steadyMs();

    /** Whatever the store has of the file, its end is among the marks: the new one is written down first. */
    async function save(): Promise<void> {
      const mark = lines.mark();
      const { linesTaken } = staged;
      savedMs = clock.steadyMs();
      if (mark.lines === linesTaken) return;
      const { rejected } = mark;
      const marks = [...progress.document.marks.filter((earlier) => earlier.lines >= linesTaken), mark];
      await progress.save({ lines: linesTaken, rejected, errors: [...lines.errors], marks });
      const { numbers, lines: taken } = lines.drain();
      await staged.write(numbers, taken);
    }

    for (;;) {
      const piece = await source.next();
      if (piece.kind === 'broken') {
        await save();
        await progress.save({ lines: staged.linesTaken });
        return { state: 'interrupted', failure: piece.why };
      }
      if (piece.kind === 'end') lines.end();
      else lines.take(piece.bytes);
      if (lines.refusal !== undefined) {
        const { lines: read, rejected } = lines.mark();
        await progress.save({ lines: read, rejected, errors: [...lines.errors] });
        return { state: 'failed', failure: lines.refusal };
      }
      if (piece.kind === 'end') break;
      if (lines.waiting >= BATCH || clock.steadyMs() - savedMs >= PROGRESS_MS) await save();
    }
    await save();
    await progress.save({ lines: staged.linesTaken });
    signal.throwIfAborted();
    return commit(progress.document, staged);
  }

  async function commit({ list, kind, asOf }: StoredListImport, staged: StagedCopy): Promise<Ended> {
    const inUse = (await currentCopy(list))?.count ?? 0;
    const fewest = kind === 'full' && inUse > GUARDED ? Math.ceil(inUse / 2) : 0;
    try {
      const { copy, added, removed } = await staged.commit(asOf, fewest);
      return { state: 'done', added, removed, count: copy.count };
    } catch (error) {
      const left = isFailure(error, 'invalid_request') ? error.details.count : undefined;
      if (typeof left !== 'number') throw error;
      return {
        state: 'failed',
        failure: `the file names ${count(left)} numbers and the list in use ${count(inUse)}: a list does not shrink by more than half in one file, so the one in use stays; if this is right, delete the rest with a file of changes`,
      };
    }
  }

  /** Tells people in system_config what is current; the gate asks the copy itself. */
  async function publish(list: string, asOf: Date, total: number, by: string): Promise<void> {
    const config = store.collection('system_config');
    const key = `dnc.list.${list}`;
    const updatedAt = now();
    const set = { value: { asOf, count: total, importedAt: updatedAt }, updatedBy: by, updatedAt };
    if (await config.update({ key }, { $set: set })) return;
    await config.insert({ _id: ids.objectId(), key, createdAt: updatedAt, ...set });
  }

  /** Newest first, with those under way. */
  const allImports = async (): Promise<readonly ListImport[]> =>
    (await imports.find({ sort: { startedAt: -1 }, limit: MOST_SHOWN })).map(shown);

  /** Forgets an interrupted import. Throws Failure `not_found`, `import_conflict`. */
  async function discard(importId: string, by: string): Promise<ListImport> {
    const none = (): Failure => new Failure('not_found', 'there is no such import to discard');
    const { list } = (await imports.get(importId)) ?? {};
    if (list === undefined) throw none();
    return claiming(list, async () => {
      const document = await imports.get(importId);
      if (document?.state !== 'interrupted' && document?.state !== 'receiving') throw none();
      await store.lists.discard(importId);
      const progress = progressOf(document);
      await progress.save({ state: 'discarded', endedAt: now(), marks: [] });
      log.info({ audit: true, importId, list, by }, 'an interrupted import was discarded');
      return shown(progress.document);
    });
  }

  /** Imports that a process left open when it ended can be gone on with, or discarded. */
  async function recover(): Promise<void> {
    let isOthers = false;
    for (const document of await imports.find({ filter: { state: 'receiving' } }))
      if (!claimed.has(document.list))
        await claiming(document.list, async () => {
          const failure = 'the service stopped while the file came in';
          await progressOf(document).save({ state: 'interrupted', failure });
        }).catch((error) => {
          if (!isFailure(error, 'import_conflict')) throw error;
          isOthers = true;
        });
    // Whose claim it is shows when it was not renewed.
    if (isOthers && !shutdown.aborted)
      clock.after(LEASE_MS, () => {
        recover().catch((error) => log.warn({ err: error }, 'open imports could not be looked after'));
      });
  }

  /** Every list that the gate may look at, and how old our copy is. */
  async function status(): Promise<readonly ListStatus[]> {
    const checks = store.collection('reassigned_checks');
    const [copies, required, [newestCheck], checked] = await Promise.all([
      store.lists.copies(),
      policy(),
      checks.find({ sort: { checkedAt: -1 }, limit: 1 }),
      checks.count({}),
    ]);
    const byList = new Map(copies.map((copy) => [copy.list, copy]));
    const states = new Set([...STATE_LISTS].map((code) => `state.${code}`));
    for (const { list } of copies) if (stateOf(list) !== undefined) states.add(list);
    const nowMs = clock.nowMs();
    return [
      statusOf('national', byList.get('national'), required.requireNationalRegistry, nowMs),
      ...[...states]
        .sort()
        .map((list) =>
          statusOf(list, byList.get(list), required.requireStateLists && blocksByAge(list), nowMs),
        ),
      statusOf('litigator', byList.get('litigator'), false, nowMs),
      statusOf(
        'reassigned',
        newestCheck && { asOf: newestCheck.checkedAt, importedAt: newestCheck.updatedAt, count: checked },
        required.requireReassignedCheck,
        nowMs,
      ),
    ];
  }

  /** A sentence for every list that is required and missing, or that blocks calls within a week or does so already. */
  async function warnings(): Promise<string[]> {
    const nowMs = clock.nowMs();
    return (await status()).flatMap(({ name, state, required, asOf, blocksAt }) => {
      if (state === 'missing' && required) return [`${name}: missing, blocks calls`];
      if (asOf === null || state === 'fresh' || state === 'missing') return [];
      const age = `${name}: ${Math.floor((nowMs - asOf.getTime()) / DAY_MS)} days old`;
      if (blocksAt === null) return [`${age}, time for a new one`];
      return [`${age}, blocks calls ${state === 'stale' ? 'since' : 'on'} ${dayOf(blocksAt)}`];
    });
  }

  return {
    status,
    import: importFile,
    imports: allImports,
    discard,
    recover,
    warnings,
    /** Resolves when no import is under way. */
    settled: async (): Promise<void> => void (await Promise.allSettled(underWay)),
  };
}

const invalid = (field: string, message: string): Failure =>
  new Failure('invalid_request', `${field}: ${message}`, { details: { fields: { [field]: message } } });

const count = (n: number): string => n.toLocaleString('en-US');

/** "24 Nov", UTC. */
const dayOf = (instant: Date): string => instant.toUTCString().slice(5, 11);

/** The state of `state.FL`. */
const stateOf = (list: string): string | undefined => /^state\.([A-Z]{2})$/.exec(list)?.[1];

function nameOf(list: string): string {
  const row = STATES.get(stateOf(list) ?? '');
  if (row) return `Do-not-call list of ${row.name}`;
  return list === 'national'
    ? 'National registry'
    : list === 'litigator'
      ? 'Litigators'
      : 'Reassigned numbers';
}

/** Whether the gate denies calls for the age of this list; a vendor's list of litigators has no legal age. */
function blocksByAge(list: string): boolean {
  const state = stateOf(list);
  return state === undefined ? list !== 'litigator' : STATE_LISTS.has(state);
}

function statusOf(
  list: string,
  copy: Pick<ListCopy, 'asOf' | 'importedAt' | 'count'> | undefined,
  required: boolean,
  nowMs: number,
): ListStatus {
  const base = { list, name: nameOf(list), required };
  if (!copy) return { ...base, state: 'missing', asOf: null, importedAt: null, count: 0, blocksAt: null };
  const { asOf, importedAt } = copy;
  const staleMs = asOf.getTime() + FRESH_MS;
  const state =
    nowMs > staleMs || asOf.getTime() > nowMs ? 'stale' : staleMs - nowMs <= WARNING_MS ? 'aging' : 'fresh';
  const blocksAt = blocksByAge(list) ? new Date(staleMs) : null;
  return { ...base, state, asOf, importedAt, count: copy.count, blocksAt };
}

/** An import without what only this room needs. */
function shown({ marks: _, createdAt: __, updatedAt: ___, ...rest }: StoredListImport): ListImport {
  return rest;
}

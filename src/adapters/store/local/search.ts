/**
 * adapters/store/local/search: the full-text index beside the database, which SQLite keeps in a thread of its own. It follows
 * what is written to the transcripts, a moment behind. Only an index that was closed in good order is used again: after a
 * crash it is made anew from the transcripts, in the background, so that it never has what the database has not (an erased
 * conversation, say). Where nobody ever searched there is no index, and no thread.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Log, Said, SaidQuery } from '../../../app/ports.ts';
import type { CallTranscript } from '../../../domain/documents.ts';
import { Failure } from '../../../domain/errors.ts';
import { wantedIn } from '../../../domain/search-text.ts';
import { messageOf, unavailable } from './data-file.ts';
import type { Answer, Entry, Job, Row } from './search-worker.ts';

export interface SearchDeps {
  readonly dir: string;
  readonly log: Log;
  readonly transcript: (id: string) => CallTranscript | undefined;
  /** Every transcript, in batches, as they are when they are read. */
  readonly transcripts: () => AsyncIterable<readonly CallTranscript[]>;
}

export interface Search {
  find(query: SaidQuery): Promise<Said>;
  /** To be called before the first write of transcripts, and with the id behind every one. */
  noted(id?: string): void;
  /** What is in the index is used again, if it is up to date. */
  close(): Promise<void>;
}

/** There while the index is closed and holds exactly the transcripts. */
export const SEAL = 'search.sealed';
/** A search waits so long for what the index lacks, then it answers from what is there. */
const FILL_MS = 1_500;
/** One that takes longer has failed. */
const FIND_MS = 10_000;
const CLOSE_MS = 5_000;
/** Transcripts that are brought to the index at once. */
const BATCH = 50;
/** Of more changed ones the index is made anew instead. */
const MOST_CHANGED = 20_000;

/** Run from source, the thread first loads tsx: a thread does not inherit its parent's TypeScript loader. */
const FROM_SOURCE =
  "const { workerData } = require('node:worker_threads');" +
  'void import(workerData.tsx).then(({ tsImport }) => tsImport(workerData.source, workerData.source));';

function startThread(path: string): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./search-worker.js', import.meta.url), { workerData: { path } });
  const require = createRequire(import.meta.url);
  return new Worker(FROM_SOURCE, {
    eval: true,
    // Flags of the process, such as its input type, are not meant for the thread.
    execArgv: [],
    workerData: {
      path,
      tsx: new URL('./dist/esm/api/index.mjs', pathToFileURL(require.resolve('tsx/package.json'))).href,
      source: new URL('./search-worker.ts', import.meta.url).href,
    },
  });
}

export function openSearch({ dir, log, transcript, transcripts }: SearchDeps): Search {
  const path = join(dir, 'search.db');
  const seal = join(dir, SEAL);
  let isSealed = existsSync(seal) && existsSync(path);
  /** Whether the index, when it is open, has or is getting everything. */
  let isMade = isSealed;
  let changed = new Set<string>();
  let thread: Worker | undefined;
  let jobs = new Map<number, { resolve(rows: readonly Row[]): void; reject(error: Failure): void }>();
  let lastJob = 0;
  let filling: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  function breakSeal(): void {
    if (!isSealed) return;
    rmSync(seal, { force: true });
    isSealed = false;
  }

  function throwAway(): void {
    for (const file of [path, `${path}-journal`, `${path}.lock`])
      rmSync(file, { force: true, recursive: true });
  }

  function start(): Worker {
    breakSeal();
    if (!isMade) throwAway();
    const started = startThread(path);
    const over = (cause: unknown): void => {
      if (thread !== started) return;
      thread = undefined;
      isMade = false;
      const left = jobs;
      jobs = new Map();
      for (const { reject } of left.values())
        reject(unavailable(`the search ended: ${messageOf(cause)}`, cause));
      if (!closing)
        log.error({ error: messageOf(cause) }, 'the search ended; it is made anew when it is asked');
    };
    started.on('message', (answer: Answer) => {
      const job = jobs.get(answer.id);
      jobs.delete(answer.id);
      if ('rows' in answer) job?.resolve(answer.rows);
      else job?.reject(unavailable(`the search failed: ${answer.error}`));
    });
    started.on('error', over);
    started.on('exit', (code) => over(`its thread ended with ${code}`));
    // After the listeners: adding one would make the thread hold the process again.
    started.unref();
    thread = started;
    return started;
  }

  function ask(job: Job): Promise<readonly Row[]> {
    const to = thread ?? start();
    lastJob += 1;
    const id = lastJob;
    return new Promise((resolve, reject) => {
      jobs.set(id, { resolve, reject });
      to.postMessage({ id, job });
    });
  }

  const entryOf = ({ callId, createdAt, fullTranscript }: CallTranscript): Entry => ({
    callId,
    atMs: createdAt.getTime(),
    text: fullTranscript,
  });

  /** Brings the index what it lacks; everything, where it has nothing. */
  async function fill(): Promise<void> {
    if (!isMade) {
      isMade = true;
      changed = new Set();
      const beganMs = performance.now();
      let count = 0;
      for await (const batch of transcripts())
        for (let at = 0; at < batch.length; at += BATCH) {
          if (closing) return;
          const entries = batch.slice(at, at + BATCH).map(entryOf);
          await ask({ what: 'keep', entries });
          count += entries.length;
        }
      const tookMs = Math.round(performance.now() - beganMs);
      if (count > 0) log.info({ transcripts: count, tookMs }, 'the full-text index was made');
    }
    while (changed.size > 0) {
      const ids = [...changed].slice(0, BATCH);
      for (const id of ids) changed.delete(id);
      const entries = ids.map((id): Entry => {
        const found = transcript(id);
        return found ? entryOf(found) : { callId: id, gone: true };
      });
      await ask({ what: 'keep', entries });
    }
  }

  function fillSoon(): void {
    if (filling || closing) return;
    filling = fill()
      .catch((error) => {
        isMade = false;
        log.warn({ error: messageOf(error) }, 'the full-text index could not be brought up to date');
      })
      .finally(() => {
        filling = undefined;
      });
  }

  return {
    async find({ text, limit, cursor }) {
      const wanted = wantedIn(text);
      if (wanted.length === 0)
        throw new Failure('invalid_request', 'there is no word to look for', {
          details: { fields: { said: 'needs a word' } },
        });
      const below = cursor === undefined ? undefined : Number(cursor);
      if (below !== undefined && !Number.isSafeInteger(below))
        throw new Failure('invalid_request', 'the cursor is damaged', {
          details: { fields: { cursor: 'the cursor is damaged' } },
        });
      if (!isMade || changed.size > 0) fillSoon();
      await inTime(filling ?? Promise.resolve(), FILL_MS).catch(() => undefined);
      const match = wanted.map((words) => `"${words.join(' ')}"`).join(' AND ');
      const rows = await inTime(ask({ what: 'find', match, below, limit }), FIND_MS);
      return {
        hits: rows.map(({ callId, row }) => ({ callId, cursor: String(row) })),
        isLast: rows.length < limit,
        complete: filling === undefined,
      };
    },
    noted(id) {
      breakSeal();
      if (id === undefined) return;
      // One that is not made will be made of everything.
      if (!isMade) return;
      changed.add(id);
      if (changed.size > MOST_CHANGED) {
        changed.clear();
        isMade = false;
        thread?.terminate().catch(() => undefined);
      } else fillSoon();
    },
    close() {
      closing ??= (async () => {
        if (!thread) return;
        await inTime(filling ?? Promise.resolve(), CLOSE_MS).catch(() => undefined);
        const isWhole = isMade && changed.size === 0 && filling === undefined;
        try {
          await inTime(ask({ what: 'close' }), CLOSE_MS);
          if (isWhole) writeFileSync(seal, '', { mode: 0o600 });
        } catch (error) {
          log.warn({ error: messageOf(error) }, 'the full-text index could not be closed; it is made anew');
        }
        const ended = thread;
        thread = undefined;
        await ended?.terminate();
      })();
      return closing;
    },
  };
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(`the search took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

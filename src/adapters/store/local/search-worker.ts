/**
 * adapters/store/local/search-worker: the thread in which the full-text index lives, so that looking for a common word never
 * holds a call. One job at a time; `search.ts` is the only one who talks to it. The index is made of the transcripts and can
 * be made of them again: nothing here is synced, and after a crash it is thrown away.
 */
import { parentPort, workerData } from 'node:worker_threads';
import sqlite from 'node-sqlite3-wasm';

/** A transcript as it is now; `gone`: it is not to be found any more. */
export type Entry =
  | { readonly callId: string; readonly atMs: number; readonly text: string }
  | { readonly callId: string; readonly gone: true };

export type Job =
  | { readonly what: 'keep'; readonly entries: readonly Entry[] }
  /** `match`: a query of FTS5; `below`: rows beneath this one only. */
  | {
      readonly what: 'find';
      readonly match: string;
      readonly below: number | undefined;
      readonly limit: number;
    }
  | { readonly what: 'close' };

export interface Row {
  readonly callId: string;
  readonly row: number;
}

export type Answer = { readonly id: number } & (
  | { readonly rows: readonly Row[] }
  | { readonly error: string }
);

/** Rows of one millisecond, so that the row tells the order: far more than calls end in one, and safe numbers until 2248. */
const A_MILLISECOND = 1_024;

const port = parentPort;
if (!port) throw new Error('this is a thread of the store');
const { path } = workerData as { readonly path: string };

const db = new sqlite.Database(path);
db.exec(`
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA secure_delete = ON;
  PRAGMA cache_size = -16000;
  CREATE TABLE IF NOT EXISTS calls (id TEXT PRIMARY KEY, row INTEGER NOT NULL UNIQUE) WITHOUT ROWID;
  CREATE VIRTUAL TABLE IF NOT EXISTS said USING fts5(text, content='', contentless_delete=1, tokenize='unicode61');
  INSERT INTO said(said, rank) VALUES ('secure-delete', 1);
`);
const rowOf = db.prepare('SELECT row FROM calls WHERE id = ?');
const lastIn = db.prepare('SELECT max(row) AS row FROM calls WHERE row >= ? AND row < ?');
const forgetCall = db.prepare('DELETE FROM calls WHERE id = ?');
const forgetText = db.prepare('DELETE FROM said WHERE rowid = ?');
const keepCall = db.prepare('INSERT INTO calls (id, row) VALUES (?, ?)');
const keepText = db.prepare('INSERT INTO said (rowid, text) VALUES (?, ?)');
const FIND = `SELECT calls.id AS id, said.rowid AS row FROM said JOIN calls ON calls.row = said.rowid
  WHERE said MATCH ? AND said.rowid < ? ORDER BY said.rowid DESC LIMIT ?`;

const numberIn = (found: unknown): number | undefined => {
  const row = (found as { readonly row?: unknown } | undefined | null)?.row;
  return typeof row === 'number' || typeof row === 'bigint' ? Number(row) : undefined;
};

function keep(entries: readonly Entry[]): void {
  db.exec('BEGIN');
  for (const entry of entries) {
    const before = numberIn(rowOf.get([entry.callId]));
    if (before !== undefined) {
      forgetText.run([before]);
      forgetCall.run([entry.callId]);
    }
    if ('gone' in entry) continue;
    const first = entry.atMs * A_MILLISECOND;
    const row = (numberIn(lastIn.get([first, first + A_MILLISECOND])) ?? first - 1) + 1;
    if (row >= first + A_MILLISECOND) continue;
    keepCall.run([entry.callId, row]);
    keepText.run([row, entry.text]);
  }
  db.exec('COMMIT');
}

function find({ match, below, limit }: Extract<Job, { what: 'find' }>): Row[] {
  const found = db.all(FIND, [match, below ?? Number.MAX_SAFE_INTEGER, limit]) as unknown[];
  return found.map((each) => ({
    callId: String((each as { readonly id: unknown }).id),
    row: numberIn(each) ?? 0,
  }));
}

function close(): void {
  for (const statement of [rowOf, lastIn, forgetCall, forgetText, keepCall, keepText]) statement.finalize();
  db.close();
}

function work(job: Job): readonly Row[] {
  if (job.what === 'find') return find(job);
  if (job.what === 'keep') keep(job.entries);
  else close();
  return [];
}

port.on('message', ({ id, job }: { readonly id: number; readonly job: Job }) => {
  let answer: Answer;
  try {
    answer = { id, rows: work(job) };
  } catch (error) {
    answer = { id, error: error instanceof Error ? error.message : String(error) };
  }
  port.postMessage(answer);
});

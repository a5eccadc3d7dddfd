/**
 * adapters/store/local/fill: makes a database that is there whole or not at all: it is filled as a store of its own, beside,
 * and takes its place when it is complete.
 */
import { renameSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../../app/ports.ts';
import { Failure } from '../../../domain/errors.ts';
import { lockDirectory } from '../lock.ts';
import {
  dataFileIn,
  isEmptyFile,
  newestIn,
  removeOtherEditions,
  syncPath,
  unavailable,
} from './data-file.ts';
import { type LocalStore, openLocalStore } from './index.ts';

/**
 * Hands over an empty store, and makes it the database in `dir` when the task resolves; otherwise `dir` is as it was. Throws
 * Failure `invalid_request` when there is one that is not empty, `store_unavailable` while a process has it open; and what
 * the task throws.
 */
export async function fillStore<T>(
  dir: string,
  log: Log,
  task: (store: LocalStore) => Promise<T>,
): Promise<T> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const release = lockDirectory(dir);
  const beside = join(dir, 'filling');
  try {
    const edition = newestIn(dir);
    if (edition !== undefined && !(await isEmptyFile(dataFileIn(dir, edition))))
      throw new Failure(
        'invalid_request',
        `there is a database in ${dir} already; choose another DATA_DIR, or move it away`,
      );
    // What a run that was killed left.
    rmSync(beside, { recursive: true, force: true });
    const store = await openLocalStore({ dir: beside, log });
    let answer: T;
    try {
      answer = await task(store);
    } finally {
      await store.close();
    }
    const filled = newestIn(beside);
    if (filled === undefined) throw unavailable(`what was filled in ${beside} is gone`);
    const next = edition === undefined ? 0 : edition + 1;
    await syncPath(dataFileIn(beside, filled));
    renameSync(dataFileIn(beside, filled), dataFileIn(dir, next));
    await syncPath(dir);
    removeOtherEditions(dir, next);
    return answer;
  } finally {
    rmSync(beside, { recursive: true, force: true });
    release();
  }
}

/**
 * test/support/made-once: what tests make out of the sources (the dashboard, programs without types) is made by whoever needs
 * it first and serves everybody until the sources change. It lies under node_modules/.cache.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache');
/** Whoever makes something for so long has died over it. */
const STALE_LOCK_MS = 60_000;
/** What nobody used for so long is removed: another run of the tests, of other sources, may be using what is younger. */
const KEPT_MS = 24 * 3_600_000;

/** The files of folders of the project, in a fixed order, as paths within it. */
export async function filesIn(...folders: readonly string[]): Promise<string[]> {
  const all = await Promise.all(
    folders.map(async (folder) => {
      const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length));
    }),
  );
  return all.flat().sort();
}

async function removeOld(shelf: string): Promise<void> {
  for (const name of await readdir(shelf)) {
    const path = join(shelf, name);
    const used = await stat(path).catch(() => undefined);
    if (used && Date.now() - used.mtimeMs > KEPT_MS) await rm(path, { recursive: true, force: true });
  }
}

/** The folder that `make` fills out of these files; it is called only where nobody did for the same contents. */
export async function madeOnce(
  what: string,
  files: readonly string[],
  make: (folder: string) => Promise<unknown>,
): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(await readFile(join(ROOT, file)));
  const shelf = join(CACHE, what);
  const made = join(shelf, hash.digest('hex').slice(0, 16));
  const lock = `${made}.lock`;
  await mkdir(shelf, { recursive: true });
  while (!existsSync(made)) {
    const mine = await mkdir(lock).then(
      () => true,
      () => false,
    );
    if (!mine) {
      const since = await stat(lock).then(
        (held) => held.mtimeMs,
        () => Date.now(),
      );
      if (Date.now() - since > STALE_LOCK_MS) await rm(lock, { recursive: true, force: true });
      await sleep(50);
      continue;
    }
    try {
      if (existsSync(made)) break;
      await removeOld(shelf);
      const part = `${made}.part`;
      await rm(part, { recursive: true, force: true });
      await make(part);
      await rename(part, made);
    } finally {
      await rm(lock, { recursive: true, force: true });
    }
  }
  const now = new Date();
  await utimes(made, now, now);
  return made;
}

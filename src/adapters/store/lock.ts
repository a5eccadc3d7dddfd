/**
 * adapters/store/lock: one process per directory. The lock file names its owner by pid and by the instant the
 * process began (Linux), so that a restarted container whose pid is given out again does not lock itself out.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../domain/errors.ts';

interface Owner {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process, with the boot's id; null where the system does not tell. */
  readonly began: string | null;
}

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** proc(5): field 22 of /proc/<pid>/stat, counted behind the parenthesised name, which may hold anything. */
function beganAt(pid: number): string | null {
  const stat = readText(`/proc/${pid}/stat`);
  const ticks = stat
    ?.slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .at(19);
  const boot = readText('/proc/sys/kernel/random/boot_id')?.trim();
  return ticks && boot ? `${boot} ${ticks}` : null;
}

const ownerIn = (text: string): Owner | undefined => {
  try {
    const owner = JSON.parse(text) as Partial<Owner>;
    return typeof owner.pid === 'number' && owner.pid > 0
      ? { pid: owner.pid, began: owner.began ?? null }
      : undefined;
  } catch {
    return undefined;
  }
};

function isAlive(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const began = beganAt(owner.pid);
  return owner.began === null || began === null || owner.began === began;
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

const ATTEMPTS = 5;

/**
 * Takes the lock of a directory and answers its release. Throws Failure `store_unavailable` naming the owner when a
 * living process has it; a dead one's lock is taken over.
 */
export function lockDirectory(dir: string): () => void {
  const path = join(dir, 'store.lock');
  const mine = `${JSON.stringify({ pid: process.pid, began: beganAt(process.pid) } satisfies Owner)}\n`;
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, mine);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      try {
        // A link appears whole or not at all: nobody reads half an owner.
        linkSync(draft, path);
        return () => {
          if (readText(path) === mine) unlinkSync(path);
        };
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      const text = readText(path);
      if (text === undefined) continue;
      const owner = ownerIn(text);
      if (owner && isAlive(owner))
        throw new Failure(
          'store_unavailable',
          `the data directory ${dir} is in use by process ${owner.pid}; stop it or choose another DATA_DIR`,
          { details: { dir, pid: owner.pid } },
        );
      const aside = `${draft}.stale`;
      try {
        renameSync(path, aside);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') continue;
        throw error;
      }
      // Another process may have taken the lock over between reading and renaming: then it gets its file back.
      if (readText(aside) !== text) linkSync(aside, path);
      unlinkSync(aside);
    }
    throw new Failure('store_unavailable', `several processes are trying to open ${dir} at once`, {
      details: { dir },
    });
  } finally {
    unlinkSync(draft);
  }
}

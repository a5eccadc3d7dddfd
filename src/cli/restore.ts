/**
 * cli/restore: a composition root beside main: makes a backup the embedded store, whole or not at all. Imported by nobody.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { restore } from '../adapters/store/local/backup.ts';
import { loadConfig } from '../config.ts';
import { count, progressOn, Refusal, runProgram } from './terminal.ts';

const USAGE = `Usage: npm run restore -- <folder> [--replace]

  <folder>   a backup, made by npm run backup
  --replace  put it in the place of the database that is there, which is kept beside it

Stop Parley first.
`;

function asked(argv: readonly string[]): { folder: string; replace: boolean } {
  try {
    const { positionals, values } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { replace: { type: 'boolean', default: false } },
    });
    const [folder, ...more] = positionals;
    if (folder !== undefined && more.length === 0) return { folder, replace: values.replace };
  } catch (error) {
    throw new Refusal(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
  throw new Refusal(`Name one folder.\n\n${USAGE}`);
}

async function main(): Promise<void> {
  const { folder, replace } = asked(process.argv.slice(2));
  if (existsSync('.env')) process.loadEnvFile('.env');
  const { mongo, dataDir } = loadConfig(process.env);
  if (mongo)
    throw new Refusal(
      'Parley keeps its data in MongoDB here. Restore with USE_MONGODB=false, then npm run migrate.',
    );
  const progress = progressOn(process.stderr);
  try {
    const dir = join(resolve(dataDir), 'store');
    const { manifest, before, stops } = await restore(folder, dir, replace, progress.show);
    progress.end();
    const documents = Object.values(manifest.contents.collections).reduce((sum, each) => sum + each.count, 0);
    process.stdout.write(
      `Restored from ${resolve(folder)}, as of ${manifest.begunAt}: ${count(documents)} documents. Compared with its manifest: the same.\n` +
        (before
          ? `What was there before is kept in ${before}. ${
              stops === undefined
                ? 'It could not be read: whoever said stop after the backup is NOT on the do-not-call list now. Bring their stops over'
                : `Stops said after the backup were carried over: ${count(stops)} numbers. Everything else that happened after ${manifest.begunAt} is in that file alone`
            }; repeat erasures before anybody is called, then delete it.\n`
          : ''),
    );
  } finally {
    progress.end();
  }
}

runProgram(main, 'The database is as it was.');

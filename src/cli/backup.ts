/**
 * cli/backup: a composition root beside main: copies the embedded store into a folder, while Parley runs or not, and reads
 * the copy from end to end. Imported by nobody.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { backUp } from '../adapters/store/local/backup.ts';
import { loadConfig } from '../config.ts';
import { count, progressOn, Refusal, runProgram } from './terminal.ts';

const USAGE = `Usage: npm run backup -- <folder>

  <folder>   where the backup goes; it must not be there yet

It holds the database. Recordings are plain files under DATA_DIR/recordings: copy them with any tool.
`;

function folderOf(argv: readonly string[]): string {
  try {
    const { positionals } = parseArgs({ args: [...argv], allowPositionals: true, options: {} });
    const [folder, ...more] = positionals;
    if (folder !== undefined && more.length === 0) return folder;
  } catch (error) {
    throw new Refusal(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
  throw new Refusal(`Name one folder.\n\n${USAGE}`);
}

async function main(): Promise<void> {
  const folder = folderOf(process.argv.slice(2));
  if (existsSync('.env')) process.loadEnvFile('.env');
  const { mongo, dataDir } = loadConfig(process.env);
  if (mongo) throw new Refusal('Parley keeps its data in MongoDB here: back it up with mongodump.');
  const progress = progressOn(process.stderr);
  try {
    const { contents, file, begunAt } = await backUp(join(resolve(dataDir), 'store'), folder, progress.show);
    progress.end();
    const documents = Object.values(contents.collections).reduce((sum, each) => sum + each.count, 0);
    process.stdout.write(
      `Backed up to ${resolve(folder)}, as of ${begunAt}: ${count(documents)} documents in ` +
        `${count(Object.keys(contents.collections).length)} collections, ${count(Object.keys(contents.lists).length)} lists, ` +
        `${(file.bytes / 1e6).toFixed(1)} MB. Read from end to end: whole.\n` +
        'Recordings are not in it: copy DATA_DIR/recordings too.\n',
    );
  } finally {
    progress.end();
  }
}

runProgram(main, 'There is no backup.');

/**
 * cli/migrate: a composition root beside main: carries everything from the embedded store into MongoDB, or back, and compares
 * the two. Imported by nobody.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Contents } from '../adapters/store/contents.ts';
import { fillStore } from '../adapters/store/local/fill.ts';
import { openLocalStore } from '../adapters/store/local/index.ts';
import { migrate, type WholeStore } from '../adapters/store/migrate.ts';
import { createClock, createLog } from '../adapters/system.ts';
import { type Config, loadConfig } from '../config.ts';
import { openMongo } from './store.ts';
import { count, progressOn, Refusal, runProgram } from './terminal.ts';

const USAGE = `Usage: npm run migrate -- --to mongodb://host/database [--from embedded]
       npm run migrate -- --to embedded [--from mongodb://host/database]

  --to    where everything goes; it must be empty
  --from  where it is now: the embedded store under DATA_DIR, or a MongoDB; without it the other one of the
          two, MongoDB being MONGODB_URI

Stop Parley first, wherever it runs. The source is only read. Recordings stay where they are, under DATA_DIR.
`;

const EMBEDDED = 'embedded';
/** Copying in bulk waits longer for an answer than a call does. */
const LEAST_TIMEOUT_MS = 10_000;

interface Asked {
  readonly from: string;
  readonly to: string;
}

function asked(argv: readonly string[], uri: string | undefined): Asked {
  let values: { to?: string | undefined; from?: string | undefined };
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: { to: { type: 'string' }, from: { type: 'string' } },
    }));
  } catch (error) {
    throw new Refusal(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
  const { to } = values;
  if (to === undefined) throw new Refusal(`Say where to.\n\n${USAGE}`);
  const from = values.from ?? (to === EMBEDDED ? uri : EMBEDDED);
  if (from === undefined) throw new Refusal(`Say where from: MONGODB_URI is not set.\n\n${USAGE}`);
  for (const place of [from, to])
    if (place !== EMBEDDED && !/^mongodb(\+srv)?:\/\/\S+$/.test(place))
      throw new Refusal(`Both are "${EMBEDDED}" or mongodb://…\n\n${USAGE}`);
  if ((from === EMBEDDED) === (to === EMBEDDED))
    throw new Refusal(`One of the two is the embedded store, the other a MongoDB.\n\n${USAGE}`);
  return { from, to };
}

/** The database that an address names, and the address without its password, for people to read. */
function placeOf(uri: string, fallback: string): { readonly database: string; readonly shown: string } {
  const [, hosts = '', path = ''] = /^mongodb(?:\+srv)?:\/\/(?:[^@/]*@)?([^/?]+)\/?([^?]*)/.exec(uri) ?? [];
  const database = path === '' ? fallback : decodeURIComponent(path);
  return { database, shown: `mongodb://${hosts}/${database}` };
}

function told({ collections, lists }: Contents, shownFrom: string, shownTo: string): string {
  const rows = [...Object.entries(collections), ...Object.entries(lists)]
    .map(
      ([name, print]) =>
        `  ${name.padEnd(32)} ${count(print.count).padStart(13)}  ${print.sha256.slice(0, 16)}…\n`,
    )
    .join('');
  return `${rows}Carried from ${shownFrom} to ${shownTo}. Counts and SHA-256 of both are the same.\n`;
}

async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config: Config = loadConfig(process.env);
  const { from, to } = asked(process.argv.slice(2), process.env.MONGODB_URI ?? process.env.DATABASE_URL);
  const log = createLog('warn', process.stderr);
  const clock = createClock(log);
  const dir = join(resolve(config.dataDir), 'store');
  const uri = from === EMBEDDED ? to : from;
  const { database, shown } = placeOf(uri, config.mongo?.database ?? 'parley');
  const timeoutMs = Math.max(config.mongo?.timeoutMs ?? 0, LEAST_TIMEOUT_MS);
  const progress = progressOn(process.stderr);
  const carry = (source: WholeStore, target: WholeStore, origin: string): Promise<Contents> =>
    migrate(source, target, origin, progress.show);
  const mongo = await openMongo({ uri, database, timeoutMs }, clock, log);
  try {
    if (to === EMBEDDED) {
      const carried = await fillStore(dir, log, (target) => carry(mongo, target, shown));
      progress.end();
      process.stdout.write(told(carried, shown, dir));
      return;
    }
    if (!existsSync(dir)) throw new Refusal(`There is no embedded store in ${dir}.`);
    const source = await openLocalStore({ dir, log });
    try {
      const carried = await carry(source, mongo, dir);
      progress.end();
      process.stdout.write(
        `${told(carried, dir, shown)}Set MONGODB_URI and MONGODB_DATABASE=${database} before Parley starts again.\n`,
      );
    } finally {
      await source.close();
    }
  } finally {
    progress.end();
    await mongo.close();
  }
}

runProgram(
  main,
  'The source is as it was. The target is not complete: run the same again, or empty it, before anything starts on it.',
);

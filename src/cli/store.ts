/** cli/store: the store that main would open, for programs that run beside it or in its place. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openLocalStore } from '../adapters/store/local/index.ts';
import { unfinishedMigration, type WholeStore } from '../adapters/store/migrate.ts';
import type { MongoSettings } from '../adapters/store/mongo/connection.ts';
import { openMongoStore } from '../adapters/store/mongo/index.ts';
import type { Clock, Log, Store } from '../app/ports.ts';
import type { Config } from '../config.ts';
import { Failure } from '../domain/errors.ts';

/** Throws Failure `store_unavailable` when it is not there, or when Parley runs and has the embedded store open. */
export async function openConfiguredStore(config: Config, clock: Clock, log: Log): Promise<Store> {
  const { mongo, dataDir } = config;
  if (!mongo) {
    const dir = join(resolve(dataDir), 'store');
    mkdirSync(dir, { recursive: true });
    return await openLocalStore({ dir, log });
  }
  const store = await openMongo(mongo, clock, log);
  const origin = await unfinishedMigration(store);
  if (origin === undefined) return store;
  await store.close();
  throw new Failure(
    'store_unavailable',
    `the database is not complete: a migration from ${origin} has not come to its end; run it again`,
  );
}

/** Throws Failure `store_unavailable` when it is not there. */
export async function openMongo(
  settings: Omit<MongoSettings, 'clock' | 'log'>,
  clock: Clock,
  log: Log,
): Promise<WholeStore> {
  const store = await openMongoStore({ ...settings, clock, log });
  const { ok, detail } = await store.health();
  if (ok) return store;
  await store.close();
  throw new Failure('store_unavailable', `MongoDB cannot be used: ${detail}`);
}

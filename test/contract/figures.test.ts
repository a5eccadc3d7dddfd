/** contract/figures: the same figures on the embedded store and, where there is a server, on MongoDB. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { openMongoStore } from '../../src/adapters/store/mongo/index.ts';
import { createClock, createIds } from '../../src/adapters/system.ts';
import { figuresContract } from './figures.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

figuresContract('the embedded store', async () => {
  const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-figures-'));
  const store = await openLocalStore({ dir, log: quiet });
  return {
    store,
    async destroy() {
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
});

const uri = process.env.TEST_MONGODB_URI;
if (uri === undefined) test.skip('the figures on MongoDB need TEST_MONGODB_URI', () => {});
else
  figuresContract('MongoDB', async () => {
    const database = `parley_figures_${createIds().objectId()}`;
    const clock = createClock(quiet);
    const store = await openMongoStore({ uri, database, timeoutMs: 10_000, clock, log: quiet });
    return {
      store,
      async destroy() {
        await store.close();
        const client = new MongoClient(uri);
        await client.db(database).dropDatabase();
        await client.close();
      },
    };
  });

/**
 * test/support/stores: the stores that a test of the product runs on, each opened anew and empty: the embedded one, and MongoDB
 * where TEST_MONGODB_URI names one.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { openMongoStore } from '../../src/adapters/store/mongo/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import type { Clock, Store } from '../../src/app/ports.ts';
import { silent as log } from '../contract/filled.ts';

const uri = process.env.TEST_MONGODB_URI ?? '';

export interface OpenStore {
  readonly store: Store;
  /** Closes it; what the embedded one wrote is removed. */
  close(): Promise<void>;
}
type Open = (clock: Clock) => Promise<OpenStore>;

async function openEmbedded(): Promise<OpenStore> {
  const dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-store-'));
  const store = await openLocalStore({ dir, log });
  return {
    store,
    async close() {
      await store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function openOnMongo(clock: Clock): Promise<OpenStore> {
  const database = `parley_test_${createIds().objectId()}`;
  const store = await openMongoStore({ uri, database, timeoutMs: 10_000, clock, log });
  return { store, close: () => store.close() };
}

/** The stores by name, for `describe.each`. Where there is no MongoDB it says aloud that `what` is left out on it. */
export function storesFor(what: string): readonly (readonly [name: string, open: Open])[] {
  if (uri === '') console.warn(`LEFT OUT: ${what} on MongoDB (TEST_MONGODB_URI is not set).`);
  return [['the embedded store', openEmbedded], ...(uri === '' ? [] : [['MongoDB', openOnMongo] as const])];
}

/** contract/journal: the journaled store keeps the contract over a store that is there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournaledStore } from '../../src/adapters/store/journal/index.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createClock } from '../../src/adapters/system.ts';
import type { Log } from '../../src/app/ports.ts';
import { storeContract } from './store.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

storeContract('journaled', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'parley-journaled-'));
  const open = async () =>
    openJournaledStore({
      store: await openLocalStore({ dir: join(dir, 'store'), log: silent }),
      dir: join(dir, 'journal'),
      keepDays: 14,
      clock: createClock(silent),
      log: silent,
    });
  let store = await open();
  return {
    store,
    async reopen() {
      await store.close();
      store = await open();
      return store;
    },
    async destroy() {
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
});

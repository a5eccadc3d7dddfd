/**
 * adapters/store/local/carry-stops: a backup is put in the place of a newer database, and whoever said stop since is not in it. Their
 * stops are carried over, for they hold whatever becomes of our files: every entry of the do-not-call registry that stands
 * in the newer one, and every number whose consent was revoked there.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../../app/ports.ts';
import type { ConsentLog, DncEntry } from '../../../domain/documents.ts';
import { behind } from '../order.ts';
import { dataFileIn, newestIn, openDataFile } from './data-file.ts';
import { openLocalStore } from './index.ts';

const BATCH = 500;
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };

async function* documentsOf(path: string, collection: string): AsyncGenerator<unknown> {
  const file = await openDataFile(path, 'read');
  try {
    if (!file.tables().includes(`documents ${collection}`)) return;
    const { db } = file.documents(collection);
    let from: Buffer = Buffer.alloc(1);
    for (;;) {
      const batch = [...db.getRange({ start: from, limit: BATCH })];
      const last = batch.at(-1);
      if (!last) return;
      for (const { value } of batch) yield value;
      from = behind(last.key);
    }
  } finally {
    await file.root.close();
  }
}

/**
 * Adds to the database file `draft`, which nobody uses, the stops of `newer`; answers how many numbers are on the list only
 * because of that. `dir` is where both are; throws what reading either of them throws.
 */
export async function carryStops(newer: string, draft: string, dir: string): Promise<number> {
  const workshop = join(dir, 'restoring');
  await rm(workshop, { recursive: true, force: true });
  await mkdir(workshop, { mode: 0o700 });
  try {
    await rename(draft, dataFileIn(workshop, 0));
    const store = await openLocalStore({ dir: workshop, log: quiet });
    try {
      const registry = store.collection('dnc_registry');
      const carried = new Set<string>();
      for await (const value of documentsOf(newer, 'dnc_registry')) {
        const entry = value as DncEntry;
        if (entry.releasedAt !== undefined) continue;
        const { phone, scope, state, seller } = entry;
        const [known] = await registry.find({ filter: { phone, scope, state, seller }, limit: 1 });
        if (known && known.releasedAt === undefined) continue;
        await registry.put(known ? { ...entry, _id: known._id } : entry);
        carried.add(phone);
      }
      const ledger = store.collection('consent_logs');
      for await (const value of documentsOf(newer, 'consent_logs')) {
        const { _id, phone, eventType, timestamp } = value as ConsentLog;
        if (eventType !== 'consent_revoked' || (await ledger.get(_id))) continue;
        const [listed] = await registry.find({
          filter: { phone, scope: 'internal', releasedAt: { $exists: false } },
          limit: 1,
        });
        if (listed) continue;
        await registry.insert({
          _id: randomBytes(12).toString('hex'),
          phone,
          scope: 'internal',
          state: null,
          seller: null,
          source: 'restore',
          listedAt: timestamp,
          reason: 'consent was revoked after the backup that was restored',
          createdAt: timestamp,
          updatedAt: timestamp,
        });
        carried.add(phone);
      }
      return carried.size;
    } finally {
      await store.close();
    }
  } finally {
    const edition = newestIn(workshop);
    if (edition !== undefined) await rename(dataFileIn(workshop, edition), draft);
    await rm(workshop, { recursive: true, force: true });
  }
}

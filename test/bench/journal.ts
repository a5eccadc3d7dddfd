/**
 * The journal before a database: how many events a second are durable with a group commit, how long one takes at an
 * ordinary rate, and how a million of them are replayed in bounded memory, into MongoDB too when TEST_MONGODB_URI is set.
 * `npm run bench:journal [-- <folder on the disk to be measured>]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { encode } from '../../src/adapters/store/journal/deliver.ts';
import { openJournalFile } from '../../src/adapters/store/journal/file.ts';
import { openJournaledStore } from '../../src/adapters/store/journal/index.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { openMongoStore } from '../../src/adapters/store/mongo/index.ts';
import { createClock, createIds } from '../../src/adapters/system.ts';
import type { Log, Store } from '../../src/app/ports.ts';
import type { CallEvent } from '../../src/domain/call.ts';

const GOAL_PER_SEC = 20_000;
const GOAL_P99_MS = 15;
const PACE_PER_SEC = 2_000;
const REPLAYED = 1_000_000;
const CALLS = 10_000;

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const ids = createIds();
const clock = createClock(silent);
const count = (n: number): string => Math.round(n).toLocaleString('en-US');
const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
const rss = (): number => process.memoryUsage().rss / 1e6;

function said(callId: string, seq: number): CallEvent {
  return {
    _id: ids.objectId(),
    eventId: ids.objectId(),
    callId,
    sessionId: callId,
    seq,
    at: new Date(),
    ...(seq === 1
      ? {
          type: 'received',
          attemptId: callId,
          callSid: `CA${callId}`,
          contactPhone: '+12125550100',
          fromPhone: '+12125550190',
        }
      : {
          type: 'said',
          role: 'user',
          text: 'I would like to know what the house is worth, and whether you could come.',
          turn: seq,
        }),
  };
}

const journalOver = (store: Store, dir: string): Promise<Store> =>
  openJournaledStore({ store, dir, keepDays: 14, clock, log: silent });

/** A store that takes everything and keeps nothing: what is measured is the journal. */
async function nothing(dir: string): Promise<Store & { taken: number; disorder: number }> {
  const inner = await openLocalStore({ dir, log: silent });
  const seqs = new Map<string, number>();
  const self = {
    ...inner,
    taken: 0,
    disorder: 0,
    append: async ({ callId, seq }: CallEvent) => {
      if (seq !== (seqs.get(callId) ?? 0) + 1) self.disorder += 1;
      seqs.set(callId, seq);
      self.taken += 1;
      // As with a socket, the answer comes in another turn of the event loop.
      await new Promise((done) => setImmediate(done));
      return 'appended' as const;
    },
    events: async () => [],
  };
  return self;
}

async function appends(dir: string): Promise<void> {
  const file = await openJournalFile(join(dir, 'appends'), Date.now);
  const payload = encode({ at: new Date(), event: said(ids.objectId(), 2) });
  const total = 200_000;
  let begun = 0;
  const beganMs = performance.now();
  const writer = async (): Promise<void> => {
    while (begun < total) {
      begun += 1;
      await file.append(payload);
    }
  };
  await Promise.all(Array.from({ length: 500 }, writer));
  const perSec = total / ((performance.now() - beganMs) / 1_000);
  process.stdout.write(
    `${count(perSec)} durable events/s by 500 writers, ${payload.length} bytes each (goal ${count(GOAL_PER_SEC)})\n`,
  );

  // What the burst left to the disk and to the garbage collector is not this question's.
  await clock.sleep(2_000);
  const took: number[] = [];
  const pending: Promise<unknown>[] = [];
  const startMs = performance.now();
  while (took.length + pending.length < 5 * PACE_PER_SEC && performance.now() - startMs < 10_000) {
    const due = ((performance.now() - startMs) / 1_000) * PACE_PER_SEC;
    while (pending.length < due && pending.length < 5 * PACE_PER_SEC) {
      const oneMs = performance.now();
      pending.push(file.append(payload).then(() => took.push(performance.now() - oneMs)));
    }
    await new Promise((done) => setTimeout(done, 1));
  }
  await Promise.all(pending);
  took.sort((a, b) => a - b);
  process.stdout.write(
    `at ${count(PACE_PER_SEC)} events/s one is durable in ${at(took, 0.5).toFixed(1)} ms (p50), ${at(took, 0.99).toFixed(1)} ms (p99, goal ${GOAL_P99_MS}), ${at(took, 1).toFixed(1)} ms (longest)\n`,
  );
  await file.close();
}

/** As the app tells events: several hundred calls at once, each of them one event after the other. */
async function wholeStore(dir: string): Promise<void> {
  const journaled = await journalOver(await nothing(join(dir, 'whole store')), join(dir, 'whole journal'));
  const events = 200;
  const beganMs = performance.now();
  await Promise.all(
    Array.from({ length: 500 }, async () => {
      const callId = ids.objectId();
      for (let seq = 1; seq <= events; seq += 1) await journaled.append(said(callId, seq));
    }),
  );
  const perSec = (500 * events) / ((performance.now() - beganMs) / 1_000);
  process.stdout.write(
    `${count(perSec)} events/s through the whole store, 500 calls at once, sent meanwhile\n`,
  );
  await journaled.close();
}

/** A journal with events of many calls, as an outage of days leaves it. */
async function backlog(dir: string, total: number): Promise<void> {
  const file = await openJournalFile(dir, Date.now);
  const callIds = Array.from({ length: CALLS }, () => ids.objectId());
  for (let seq = 1; seq <= total / CALLS; seq += 1)
    await Promise.all(
      callIds.map((callId) => file.append(encode({ at: new Date(), event: said(callId, seq) }))),
    );
  await file.close();
}

/** Opens the journal before a store and waits until that one has everything. */
async function replay(dir: string, store: Store, what: string, total: number): Promise<void> {
  const beforeMb = rss();
  const openMs = performance.now();
  const journaled = await journalOver(store, dir);
  const stockMs = performance.now() - openMs;
  let mostMb = rss();
  let longestMs = 0;
  let lastMs = performance.now();
  const startMs = performance.now();
  while (journaled.outage?.state !== 'up') {
    await new Promise((done) => setImmediate(done));
    longestMs = Math.max(longestMs, performance.now() - lastMs);
    lastMs = performance.now();
    mostMb = Math.max(mostMb, rss());
  }
  const seconds = (performance.now() - startMs) / 1_000;
  process.stdout.write(
    `${count(total)} events of ${count(CALLS)} calls: taken stock of in ${(stockMs / 1_000).toFixed(1)} s, replayed into ${what} at ${count(total / seconds)}/s; memory ${count(beforeMb)} MB before, ${count(mostMb)} MB at most; the event loop was held for ${longestMs.toFixed(0)} ms at most\n`,
  );
  await journaled.close();
}

async function replayIntoNothing(dir: string): Promise<void> {
  await backlog(join(dir, 'journal'), REPLAYED);
  const store = await nothing(join(dir, 'store'));
  await replay(join(dir, 'journal'), store, 'a store that keeps nothing', REPLAYED);
  process.stdout.write(`  ${store.disorder} out of order, ${count(store.taken)} taken\n`);
}

async function replayIntoMongo(dir: string, uri: string): Promise<void> {
  const database = `parley_bench_${ids.objectId()}`;
  const client = await new MongoClient(uri).connect();
  try {
    await backlog(join(dir, 'mongo journal'), REPLAYED);
    const store = await openMongoStore({ uri, database, timeoutMs: 10_000, clock, log: silent });
    await replay(join(dir, 'mongo journal'), store, 'MongoDB', REPLAYED);
    const there = await client.db(database).collection('call_events').countDocuments();
    process.stdout.write(`  ${count(there)} are there\n`);
  } finally {
    await client.db(database).dropDatabase();
    await client.close();
  }
}

const dir = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'parley-journal-'));
try {
  await appends(dir);
  await wholeStore(dir);
  await replayIntoNothing(dir);
  const uri = process.env.TEST_MONGODB_URI ?? '';
  if (uri === '') process.stdout.write('LEFT OUT: the replay into MongoDB (TEST_MONGODB_URI is not set)\n');
  else await replayIntoMongo(dir, uri);
} finally {
  rmSync(dir, { recursive: true, force: true });
}

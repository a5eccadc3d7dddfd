/**
 * The embedded store with 100,000 leads and 1,000,000 events: how many events a second are durable with a group commit, how
 * long one takes at an ordinary rate, and what a process that opens it all pays in time and memory. Bare LMDB, which keeps
 * the same bytes under one key and no index, is measured in the same run.
 * `npm run bench:store [-- <folder on the disk to be measured>]`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import type { Filter, Log, Store } from '../../src/app/ports.ts';
import type { CallEvent } from '../../src/domain/call.ts';
import type { Lead } from '../../src/domain/documents.ts';

const LEADS = 100_000;
const EVENTS = 1_000_000;
const CALLS = 1_000;
const PACE_PER_SEC = 2_000;
const PACE_MS = 10_000;
const GOAL = {
  startMs: 3_000,
  byIdMs: 1,
  pageMs: 50,
  memoryMb: 600,
  eventsPerSec: 20_000,
  p99Ms: 15,
} as const;

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const ids = createIds();
const whole = (n: number): string => Math.round(n).toLocaleString('en-US');
const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
const ascending = (all: readonly number[]): number[] => [...all].sort((a, b) => a - b);

const tell = (what: string, figure: string, goal?: string): void =>
  void process.stdout.write(`${what.padEnd(48)} ${figure}${goal === undefined ? '' : `   (goal ${goal})`}\n`);

/** The leads' ids can be told again, so that another process can ask for them. */
const leadId = (n: number): string => n.toString(16).padStart(24, '0');
const STATUSES = ['new', 'contacted', 'qualified', 'nurturing', 'converted', 'lost'] as const;

function leadOf(n: number): Lead {
  const receivedAt = new Date(1_790_000_000_000 + ((n * 7_919) % LEADS) * 60_000);
  return {
    _id: leadId(n),
    source: 'csv',
    externalId: `row-${n}`,
    receivedAt,
    contact: {
      firstName: 'Alex',
      lastName: `Taylor ${n}`,
      phone: `+1206${String(2_000_000 + n)}`,
      email: `alex.${n}@example.com`,
      address: { street: `${n} Pine Street`, city: 'Seattle', state: 'WA', zip: '98101' },
    },
    status: STATUSES[n % STATUSES.length],
    stage: 'initial_contact',
    tags: [`batch-${n % 50}`],
    createdAt: receivedAt,
    updatedAt: receivedAt,
  } as unknown as Lead;
}

const said = (callId: string, seq: number): CallEvent => ({
  _id: ids.objectId(),
  eventId: ids.objectId(),
  callId,
  sessionId: callId,
  seq,
  at: new Date(),
  type: 'said',
  role: 'user',
  text: 'I would like to know what the house is worth, and whether you could come.',
  turn: seq,
});

// ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Bare LMDB: as many events under their id alone, synced 250 at a time, which is what one turn of the store takes. */
async function bare(dir: string): Promise<number> {
  const root = open<CallEvent, string>({
    path: join(dir, 'bare.mdb'),
    overlappingSync: false,
    eventTurnBatching: false,
  });
  const total = 100_000;
  const events = Array.from({ length: total }, (_, n) => said(leadId(n % CALLS), n));
  const beganMs = performance.now();
  for (let from = 0; from < total; from += 250)
    await root.batch(() => {
      for (const event of events.slice(from, from + 250)) void root.put(event._id, event);
    });
  const perSec = total / ((performance.now() - beganMs) / 1_000);
  await root.close();
  return perSec;
}

/** Calls that each append one event after the other: `total` events, and how many a second. */
async function burst(store: Store, total: number, calls: number): Promise<number> {
  const beganMs = performance.now();
  await Promise.all(
    Array.from({ length: calls }, async () => {
      const callId = ids.objectId();
      for (let seq = 1; seq <= total / calls; seq += 1) await store.append(said(callId, seq));
    }),
  );
  return total / ((performance.now() - beganMs) / 1_000);
}

/** What one event waits for its acknowledgement, in ms, at an even rate: 1,000 live calls with two events a second each. */
async function paced(store: Store): Promise<number[]> {
  const callIds = Array.from({ length: CALLS }, () => ids.objectId());
  const took: number[] = [];
  const pending: Promise<unknown>[] = [];
  const startMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < PACE_MS; elapsedMs = performance.now() - startMs) {
    for (const due = (elapsedMs / 1_000) * PACE_PER_SEC; pending.length < due; ) {
      const n = pending.length;
      const oneMs = performance.now();
      pending.push(
        store
          .append(said(callIds[n % CALLS] ?? '', Math.floor(n / CALLS) + 1))
          .then(() => took.push(performance.now() - oneMs)),
      );
    }
    await new Promise((done) => setTimeout(done, 1));
  }
  await Promise.all(pending);
  return ascending(took);
}

async function write(dir: string): Promise<void> {
  const barePerSec = await bare(dir);
  const store = await openLocalStore({ dir: join(dir, 'store'), log: silent });
  const leads = store.collection('leads');
  for (let from = 0; from < LEADS; from += 5_000)
    await Promise.all(Array.from({ length: 5_000 }, (_, n) => leads.insert(leadOf(from + n))));
  // Most of the million with many calls at once; the last of them, over a full database, are what is told.
  const measured = 100_000;
  await burst(store, EVENTS - measured - (2 * PACE_PER_SEC * PACE_MS) / 1_000, CALLS);
  const perSec = await burst(store, measured, CALLS);
  tell(
    `events durable a second, ${whole(CALLS)} calls at once`,
    `${whole(perSec)}; bare LMDB ${whole(barePerSec)}, ratio ${(perSec / barePerSec).toFixed(2)}`,
    whole(GOAL.eventsPerSec),
  );
  const took = await paced(store);
  tell(
    `an event at ${whole(PACE_PER_SEC)} a second, p50 / p99 / longest`,
    `${at(took, 0.5).toFixed(1)} / ${at(took, 0.99).toFixed(1)} / ${at(took, 1).toFixed(1)} ms`,
    `p99 ${GOAL.p99Ms} ms`,
  );
  const beganMs = performance.now();
  const [{ bytesBefore, bytesAfter, tookMs }, meanwhile] = await Promise.all([
    store.compact().then((compacted) => ({ ...compacted, tookMs: performance.now() - beganMs })),
    paced(store),
  ]);
  tell(
    'the same while the file is written anew',
    `${at(meanwhile, 0.5).toFixed(1)} / ${at(meanwhile, 0.99).toFixed(1)} / ${at(meanwhile, 1).toFixed(1)} ms; ` +
      `${whole(bytesBefore / 1e6)} to ${whole(bytesAfter / 1e6)} MB in ${(tookMs / 1_000).toFixed(1)} s`,
  );
  await store.close();
}

// ── Reading, in a process of its own ─────────────────────────────────────────────────────────────────────────────────

/** As the list of leads asks: newest first. */
const PAGES: readonly (readonly [name: string, filter: Filter])[] = [
  ['by status', { $and: [{ status: 'qualified' }] }],
  ['by status and source', { $and: [{ status: 'lost' }, { source: 'csv' }] }],
  ['by status and tag', { $and: [{ status: 'lost' }, { tags: 'batch-17' }] }],
  ['by phone', { $or: [{ 'contact.phone': '+12062000777' }, { 'contact.alternatePhone': '+12062000777' }] }],
  ['by the beginning of many names', { 'contact.lastName': { $regex: '^taylor 9', $options: 'i' } }],
  ['by the beginning of one name', { 'contact.lastName': { $regex: '^taylor 77777', $options: 'i' } }],
];

async function read(dir: string): Promise<void> {
  const emptyMb = process.memoryUsage().rss / 1e6;
  const startMs = performance.now();
  const store = await openLocalStore({ dir: join(dir, 'store'), log: silent });
  const startedMs = performance.now() - startMs;
  tell('start', `${whole(startedMs)} ms`, `${whole(GOAL.startMs)} ms`);
  const leads = store.collection('leads');
  const took: number[] = [];
  for (let n = 0; n < 10_000; n += 1) {
    const id = leadId((n * 9_973) % LEADS);
    const oneMs = performance.now();
    if ((await leads.get(id))?._id !== id) throw new Error(`lead ${id} is not there`);
    took.push(performance.now() - oneMs);
  }
  const sorted = ascending(took);
  tell(
    'lead by id, p50 / p99',
    `${at(sorted, 0.5).toFixed(3)} / ${at(sorted, 0.99).toFixed(3)} ms`,
    `${GOAL.byIdMs} ms`,
  );
  for (const [name, filter] of PAGES) {
    const pages: number[] = [];
    for (let n = 0; n < 10; n += 1) {
      const oneMs = performance.now();
      await leads.find({ filter, sort: { receivedAt: -1 }, limit: 50 });
      pages.push(performance.now() - oneMs);
    }
    tell(
      `first page of leads ${name}, first / p50`,
      `${pages[0]?.toFixed(1)} / ${at(ascending(pages), 0.5).toFixed(1)} ms`,
      `${GOAL.pageMs} ms`,
    );
  }
  const events = await store.collection('call_events').count({});
  tell(
    'memory',
    `${whole(process.memoryUsage().rss / 1e6)} MB with ${whole(events)} events, ${whole(emptyMb)} MB before`,
    `${GOAL.memoryMb} MB`,
  );
  await store.close();
}

const [mode, given] = process.argv.slice(2);
if (mode === 'write' || mode === 'read') await { write, read }[mode](given ?? '');
else {
  const folder = mode ?? tmpdir();
  mkdirSync(folder, { recursive: true });
  const dir = mkdtempSync(join(folder, 'parley-store-bench-'));
  try {
    for (const part of ['write', 'read'])
      execFileSync(process.execPath, [...process.execArgv, import.meta.filename, part, dir], {
        stdio: 'inherit',
      });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * Choosing the next due work among a million enrollments, on the embedded store and, with TEST_MONGODB_URI, on MongoDB; a process
 * that knows nothing yet, and one that works on step after step. Choosing ends with the step in hand; claiming it is the
 * one write behind. A plain read by id, of the same documents in the same run, stands beside each figure. How soon the phone
 * of a new lead rings is measured by campaign-ring.test.ts. `npm run bench:campaigns`.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { openMongoStore } from '../../src/adapters/store/mongo/index.ts';
import { toStored } from '../../src/adapters/store/mongo/values.ts';
import { createClock, createIds } from '../../src/adapters/system.ts';
import { createCampaignLines } from '../../src/app/campaign-lines.ts';
import { HOUSE_CALLING } from '../../src/app/campaigns.ts';
import { createDueSteps } from '../../src/app/due-steps.ts';
import { createEnrollments } from '../../src/app/enrollments.ts';
import type { Log, Store } from '../../src/app/ports.ts';
import type { Enrollment, Priority } from '../../src/domain/campaign.ts';
import type { Campaign } from '../../src/domain/documents.ts';

const CAMPAIGNS = 20;
const ROUNDS = 300;
/** Long enough that everything is read anew several times meanwhile. */
const STEADY_MS = 10_000;
const BATCH = 5_000;
const GOAL_MS = 20;
/** Lines, so that no step waits for one. */
const MANY = 1_000;

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
const ascending = (all: readonly number[]): number[] => [...all].sort((a, b) => a - b);
const whole = (n: number): string => Math.round(n).toLocaleString('en-US');
const tell = (what: string, figure: string, goal: string): void =>
  void process.stdout.write(`${what.padEnd(58)} ${figure}   (goal ${goal})\n`);
const idOf = (n: number): string => n.toString(16).padStart(24, '0');

/** Half of them are over; of the others some are due, most are planned, some wait. */
function enrollmentOf(n: number, nowMs: number): Enrollment {
  const spread = (n * 7_919) % 1_000_003;
  const isEnded = spread % 2 === 0;
  const stamp = new Date(nowMs - 86_400_000);
  const dueAt = new Date(nowMs + (spread % 10 === 3 ? -1 : 1) * (spread % 864_000) * 1_000);
  return {
    _id: idOf(n),
    campaignId: idOf(n % CAMPAIGNS),
    leadId: idOf(n),
    receivedAt: stamp,
    stage: isEnded ? 'ended' : 'initial',
    step: n % 3,
    turn: n % 5,
    priority: ((n >> 3) % 4) as Priority,
    ...(isEnded ? { ended: { why: 'exhausted', at: stamp } } : { dueAt }),
    calls: n % 5,
    messages: 0,
    createdAt: stamp,
    updatedAt: stamp,
  };
}

function campaignOf(n: number, nowMs: number): Campaign {
  const at = new Date(nowMs);
  return {
    _id: idOf(n),
    name: `Campaign ${n}`,
    type: 'wholesale',
    status: 'active',
    calling: HOUSE_CALLING,
    workflow: {
      initialContact: { method: 'automated_call', timing: 'immediately', maxAttempts: 3, retryDelay: 3_600 },
      followUp: [],
    },
    createdAt: at,
    updatedAt: at,
  };
}

type Keep = (enrollments: Enrollment[]) => Promise<unknown>;

async function choosing(
  name: string,
  store: Store,
  isShared: boolean,
  total: number,
  keep: Keep,
): Promise<void> {
  const clock = createClock(silent);
  const collection = store.collection('enrollments');
  const nowMs = clock.nowMs();
  for (let from = 0; from < total; from += BATCH)
    await keep(
      Array.from({ length: Math.min(BATCH, total - from) }, (_, n) => enrollmentOf(from + n, nowMs)),
    );
  const ids = createIds();
  const begun = () => createEnrollments({ store, clock, ids });
  const allLines = () => {
    const lines = createCampaignLines({
      clock,
      enrollments: begun(),
      linesFree: () => MANY,
      callsPerSecond: 1_000 * MANY,
      slotMs: () => 0,
      isShared,
    });
    for (let n = 0; n < CAMPAIGNS; n += 1) lines.renew(campaignOf(n, nowMs));
    return lines;
  };
  const gets: number[] = [];
  const chosen: number[] = [];
  const chosenOfAll: number[] = [];
  const chosenNext: number[] = [];
  const claims: number[] = [];
  const timed = async <T>(into: number[], work: () => Promise<T>): Promise<T> => {
    const beganMs = performance.now();
    const answer = await work();
    into.push(performance.now() - beganMs);
    return answer;
  };
  for (let n = 0; n < ROUNDS; n += 1) {
    await timed(gets, () => collection.get(idOf((n * 9_973) % total)));
    const enrollments = begun();
    const steps = ([0, 1, 2] as const).map((priority) =>
      createDueSteps(idOf(n % CAMPAIGNS), priority, { clock, enrollments, batch: 16, lookMs: 2_000 }),
    );
    const first = await timed(chosen, async () => {
      for (const each of steps) {
        await each.read(new Map());
        if (each.hasDue()) return each.take();
      }
      return undefined;
    });
    if (!first) throw new Error('nothing is due');
    if (!(await timed(claims, () => enrollments.claim(first)))) throw new Error('the claim was not taken');
  }
  for (let n = 0; n < ROUNDS / 10; n += 1) {
    const lines = allLines();
    if (!(await timed(chosenOfAll, () => lines.next()))) throw new Error('nothing is due');
    await Promise.all(lines.reads);
  }
  const lines = allLines();
  await lines.next();
  const enrollments = begun();
  const untilMs = performance.now() + STEADY_MS;
  while (performance.now() < untilMs) {
    const due = await timed(chosenNext, () => lines.next());
    if (!due) throw new Error('nothing is due');
    const end = lines.take(due);
    await timed(claims, () => enrollments.claim(due.seen));
    end(false);
  }
  const sortedGets = ascending(gets);
  const get = at(sortedGets, 0.5);
  const slowGet = at(sortedGets, 0.99);
  const show = (all: readonly number[]): string => {
    const sorted = ascending(all);
    const half = at(sorted, 0.5);
    return `p50 ${half.toFixed(2)} / p99 ${at(sorted, 0.99).toFixed(2)} ms; a get ${get.toFixed(2)} / ${slowGet.toFixed(2)} ms, ratio ${(half / get).toFixed(1)}`;
  };
  const among = `among ${whole(total)}`;
  tell(`${name}: next due ${among}, of one campaign`, show(chosen), `${GOAL_MS} ms`);
  tell(`${name}: of ${CAMPAIGNS} campaigns, nothing known yet`, show(chosenOfAll), `${GOAL_MS} ms`);
  tell(`${name}: of ${CAMPAIGNS} campaigns, step after step`, show(chosenNext), `${GOAL_MS} ms`);
  tell(`${name}: claiming it, durably`, show(claims), `${GOAL_MS} ms`);
}

const total = Number(process.argv[2] ?? 1_000_000);
const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-campaigns-bench-'));
try {
  const local = await openLocalStore({ dir, log: silent });
  const kept = local.collection('enrollments');
  await choosing('embedded store', local, false, total, (batch) =>
    Promise.all(batch.map((one) => kept.insert(one))),
  );
  await local.close();
  const uri = process.env.TEST_MONGODB_URI ?? '';
  if (uri === '') console.warn('LEFT OUT: MongoDB (TEST_MONGODB_URI is not set).');
  else {
    const log = silent;
    const database = `parley_bench_${Date.now()}`;
    const clock = createClock(log);
    const mongo = await openMongoStore({ uri, database, timeoutMs: 60_000, clock, log });
    const client = await MongoClient.connect(uri);
    const kept = client.db(database).collection('enrollments');
    // As a process that shares it with others.
    await choosing('MongoDB', { ...mongo, home: 'bench' }, true, total, (batch) =>
      kept.insertMany(batch.map(toStored), { ordered: false }),
    );
    await client.db(database).dropDatabase();
    await client.close();
    await mongo.close();
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
process.exit(0);

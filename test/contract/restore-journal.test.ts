/** contract/restore-journal: copies of a journal bring back what a database has lost, once, however often that is done. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openJournaledStore } from '../../src/adapters/store/journal/index.ts';
import { type RestoreReport, restoreJournal } from '../../src/adapters/store/journal/restore.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import type { KeptOptOut, Log, Store } from '../../src/app/ports.ts';
import { type CallEvent, type CallEventBody, foldCall } from '../../src/domain/call.ts';
import { handClock } from '../support/clock.ts';
import { ROOT } from '../support/made-once.ts';
import { programOf } from '../support/programs.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const ids = createIds();
const PHONE = '+12125550100';
const START_MS = Date.UTC(2026, 10, 18, 12);

let dir: string;
let lost: Store;
const stores: Store[] = [];
const calls = { whole: ids.objectId(), stopped: ids.objectId(), erased: ids.objectId() };
const told: CallEvent[] = [];

/** Three calls on three days, as a journal before a store has them; the store is lost. */
beforeEach(async () => {
  dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-restore-'));
  lost = await openLocalStore({ dir: join(dir, 'lost'), log: silent });
  const clock = handClock(START_MS);
  let days = 0;
  const store = await openJournaledStore({
    store: lost,
    dir: join(dir, 'journal'),
    keepDays: 14,
    clock: { ...clock, nowMs: () => START_MS + days * 86_400_000 },
    log: silent,
  });
  stores.push(store);
  told.length = 0;
  const said = (text: string): CallEventBody => ({ type: 'said', role: 'user', text, turn: 1 });
  for (const [callId, bodies] of [
    [
      calls.whole,
      [said('Hello.'), said('Good bye.'), { type: 'ended', status: 'completed', reason: 'over' }],
    ],
    [
      calls.stopped,
      [said('Stop calling me.'), { type: 'opted_out', channel: 'voice', words: 'Stop calling me.' }],
    ],
    [calls.erased, [said('My name is Maria.'), { type: 'erased', what: 'content', why: 'request' }]],
  ] as const) {
    const opening: CallEventBody = {
      type: 'received',
      attemptId: ids.objectId(),
      callSid: `CA${callId}`,
      contactPhone: PHONE,
      fromPhone: '+12125550190',
    };
    const events: CallEvent[] = [];
    for (const body of [opening, ...bodies]) {
      const seq = events.length + 1;
      const at = new Date(START_MS + days * 86_400_000 + seq * 1_000);
      events.push({
        ...body,
        _id: ids.objectId(),
        eventId: ids.objectId(),
        callId,
        sessionId: callId,
        seq,
        at,
      });
      await store.append(events[seq - 1] as CallEvent, foldCall(events));
    }
    told.push(...events);
    days += 1;
  }
  await store.close();
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  rmSync(dir, { recursive: true, force: true });
});

async function fresh(): Promise<Store> {
  const store = await openLocalStore({ dir: join(dir, `fresh-${ids.objectId()}`), log: silent });
  stores.push(store);
  return store;
}

async function restore(
  store: Store,
  more: { dryRun?: boolean; since?: Date; from?: string } = {},
): Promise<RestoreReport & { heeded: KeptOptOut[] }> {
  const heeded: KeptOptOut[] = [];
  const report = await restoreJournal({
    dir: more.from ?? join(dir, 'journal'),
    ...(more.since ? { since: more.since } : {}),
    store,
    dryRun: more.dryRun ?? false,
    optOut: async (optOut) => void heeded.push(optOut),
    log: silent,
    progress: () => {},
  });
  return { ...report, heeded };
}

const eventsOf = (callId: string): CallEvent[] => told.filter((event) => event.callId === callId);

test('an empty database gets every event and the document of every call; a second time changes nothing', async () => {
  const store = await fresh();
  expect(await restore(store)).toMatchObject({
    entries: 10,
    restored: 10,
    known: 0,
    calls: 3,
    refused: 0,
    damage: [],
  });
  expect(await store.events(calls.whole)).toEqual(eventsOf(calls.whole));
  expect(await store.collection('calls').get(calls.whole)).toEqual(foldCall(eventsOf(calls.whole)));
  const again = await restore(store);
  expect(again).toMatchObject({ restored: 0, known: 10, calls: 0, optOuts: 0, heeded: [] });
  expect(await store.collection('call_events').count({})).toBe(10);
});

test('a dry run tells the same and changes nothing', async () => {
  const store = await fresh();
  const { heeded, ...plan } = await restore(store, { dryRun: true });
  expect(heeded).toEqual([]);
  expect(await store.collection('call_events').count({})).toBe(0);
  const { heeded: _, ...done } = await restore(store);
  expect(plan).toEqual(done);
});

test('a database that lost some of it gets just that, and what it has stays as it is', async () => {
  const store = await fresh();
  await restore(store);
  const [, second, third] = eventsOf(calls.whole);
  await store.collection('call_events').remove({ eventId: { $in: [second?.eventId, third?.eventId] } });
  await store
    .collection('call_events')
    .put({ ...(eventsOf(calls.stopped)[1] as CallEvent), legacy: { note: 'kept' } });
  expect(await restore(store)).toMatchObject({ restored: 2, known: 8, calls: 1 });
  expect(await store.events(calls.whole)).toEqual(eventsOf(calls.whole));
  expect((await store.events(calls.stopped))[1]?.legacy).toEqual({ note: 'kept' });
});

test('who opted out in a call that is brought back is opted out again, with the time when it was said', async () => {
  const { heeded } = await restore(await fresh());
  expect(heeded).toEqual([
    {
      phone: PHONE,
      channel: 'voice',
      words: 'Stop calling me.',
      callId: calls.stopped,
      at: eventsOf(calls.stopped)[2]?.at,
    },
  ]);
});

test('the words of an erased person do not come back', async () => {
  const store = await fresh();
  await restore(store);
  const text = JSON.stringify(await store.events(calls.erased));
  expect(text).not.toContain('Maria');
  expect((await store.collection('calls').get(calls.erased))?.erasedAt).toBeInstanceOf(Date);
});

test('from a day on, only what was kept since then is brought back', async () => {
  const store = await fresh();
  const report = await restore(store, { since: new Date(START_MS + 86_400_000) });
  expect(report).toMatchObject({ entries: 10, restored: 6, calls: 2 });
  expect(await store.events(calls.whole)).toEqual([]);
});

test('a damaged copy gives back everything around the damage, and says what is lost', async () => {
  const from = join(dir, 'copy');
  cpSync(join(dir, 'journal'), from, { recursive: true });
  const [path = ''] = readdirSync(from)
    .filter((name) => name.endsWith('.journal'))
    .map((name) => join(from, name));
  const bytes = readFileSync(path);
  const at = bytes.indexOf('Good bye.');
  bytes[at] = 0;
  writeFileSync(path, bytes);
  const store = await fresh();
  const report = await restore(store, { from });
  expect(report).toMatchObject({ entries: 9, restored: 9 });
  expect(report.damage).toMatchObject([{ lost: 1, torn: false }]);
  expect((await store.events(calls.whole)).map(({ seq }) => seq)).toEqual([1, 2, 4]);
});

test('the command restores into the store that Parley would open, and says what it did', async () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [programOf('src/cli/restore-journal.ts'), ...args], {
      cwd: ROOT,
      env: { ...process.env, DATA_DIR: dir, MONGODB_URI: '', DATABASE_URL: '' },
    });
  expect((await run()).stdout).toContain('Restored:      10 events of 3 calls, 1 opt-outs');
  const store = await openLocalStore({ dir: join(dir, 'store'), log: silent });
  stores.push(store);
  expect(await store.collection('dnc_registry').count({ phone: PHONE, scope: 'internal' })).toBe(1);
  const refused = await run('--from', 'the day before').catch(
    (error: { code: number; stderr: string }) => error,
  );
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('no folder and no date') });
  const locked = await run().catch((error: { code: number; stderr: string }) => error);
  expect(locked).toMatchObject({ code: 1, stderr: expect.stringContaining('in use by process') });
});

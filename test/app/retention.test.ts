/** What has had its time goes to its archive or goes away, once, whoever runs and wherever a run is cut off; and it is told. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openRecordings } from '../../src/adapters/recordings/index.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import type { Filter, Ids, Log, Recordings, Store } from '../../src/app/ports.ts';
import { createReadCalls } from '../../src/app/read-calls.ts';
import { createEventLog, type EventLog } from '../../src/app/record-event.ts';
import { createRetention } from '../../src/app/retention.ts';
import type { CallTranscript } from '../../src/domain/documents.ts';
import { COLLECTIONS } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';
import { archiveOf, planRetention, RETENTION_RULES, type RetentionRun } from '../../src/domain/retention.ts';
import { type HandClock, handClock } from '../support/clock.ts';

const NOON_MS = Date.parse('2026-11-20T17:00:00Z');
const DAY_MS = 86_400_000;
const ids: Ids = {
  objectId: () => randomBytes(12).toString('hex'),
  token: () => randomBytes(32).toString('base64url'),
};
const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let dir: string;
let store: Store;
let clock: HandClock;
let events: EventLog;
let recordings: Recordings;
let shutdown: AbortController;

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-retention-'));
  store = await openLocalStore({ dir: join(dir, 'store'), log: quiet });
  clock = handClock(NOON_MS);
  events = createEventLog({ store, clock, ids, log: quiet });
  recordings = openRecordings({ dir: join(dir, 'recordings'), log: quiet, clock });
  shutdown = new AbortController();
});
afterEach(async () => {
  shutdown.abort();
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

const retentionOver = (over: Store = store, sound: Pick<Recordings, 'find' | 'remove'> = recordings) =>
  createRetention({
    store: over,
    clock,
    ids,
    log: quiet,
    events,
    recordings: sound,
    shutdown: shutdown.signal,
  });
const NOW = { dryRun: false, waitMs: 60_000 };

/** The store with something done before each write, by collection and verb. */
const storeWith = (of: Store, before: (name: string, verb: string) => Promise<void>): Store =>
  new Proxy(of, {
    get: (target, key) =>
      key === 'collection'
        ? (name: 'call_transcripts') => {
            const collection = target.collection(name);
            return {
              ...collection,
              put: async (document: CallTranscript) => {
                await before(name, 'put');
                await collection.put(document);
              },
              remove: async (filter: Filter) => {
                await before(name, 'remove');
                return await collection.remove(filter);
              },
            };
          }
        : (Reflect.get(target, key) as unknown),
  });

const transcript = (createdAt: Date, text = 'Agent: hello'): CallTranscript => {
  const _id = ids.objectId();
  return {
    _id,
    callId: _id,
    messages: [],
    fullTranscript: text,
    totalMessages: 0,
    agentMessages: 0,
    userMessages: 0,
    duration: 0,
    completeness: 'complete',
    createdAt,
    updatedAt: createdAt,
  };
};
const keep = async (...all: readonly CallTranscript[]): Promise<void> => {
  for (const each of all) await store.collection('call_transcripts').put(each);
};

/** A call of that moment that is over, with words and a recording; answers its id. */
async function call(at: Date, recorded = true): Promise<string> {
  const callId = ids.objectId();
  const when = { at };
  await events.record(
    callId,
    {
      type: 'received',
      attemptId: ids.objectId(),
      callSid: `CA${callId}`,
      contactPhone: '+12065550123',
      fromPhone: '+12065550100',
    },
    when,
  );
  await events.record(callId, { type: 'answered' }, when);
  await events.record(callId, { type: 'said', role: 'user', text: 'good morning', turn: 1 }, when);
  await events.record(callId, { type: 'ended', status: 'completed', reason: 'hung up' }, when);
  if (!recorded) return callId;
  const sink = recordings.open(callId);
  sink.write(Buffer.alloc(1_600, 0x55));
  const closed = sink.close();
  await clock.pass(20);
  await closed;
  await events.record(
    callId,
    { type: 'recording_ready', source: 'bridge', durationSec: 0.1, url: 'x' },
    when,
  );
  return callId;
}
const files = async (): Promise<string[]> => (await readdir(join(dir, 'recordings'))).sort();

describe('the rules', () => {
  test('name every collection there is, and say what asks for each', () => {
    expect(Object.keys(RETENTION_RULES).sort()).toEqual([...Object.keys(COLLECTIONS), 'recordings'].sort());
    for (const [of, { says, source }] of Object.entries(RETENTION_RULES))
      expect([of, says.length > 10, source.length > 5]).toEqual([of, true, true]);
    for (const of of ['consent_logs', 'consent_heads', 'dnc_registry'] as const)
      expect(RETENTION_RULES[of].lifetime).toEqual({ kind: 'kept' });
    expect(RETENTION_RULES.calls.lifetime).toEqual({ kind: 'kept', atLeastYears: 5 });
  });

  test('a year is a year by the calendar, and the archive is that of the transcript’s own year in UTC', () => {
    const plan = planRetention({ recordingsDays: null }, Date.parse('2028-02-29T12:00:00Z'));
    expect(plan).toEqual({ transcriptsBefore: new Date('2027-02-28T12:00:00Z') });
    expect(planRetention({ recordingsDays: 90 }, NOON_MS).recordingsBefore).toEqual(
      new Date(NOON_MS - 90 * DAY_MS),
    );
    expect(archiveOf(new Date('2024-12-31T23:59:59.999Z'))).toBe('call_transcripts_archive_2024');
    expect(archiveOf(new Date('2025-01-01T00:00:00Z'))).toBe('call_transcripts_archive_2025');
  });
});

describe('transcripts', () => {
  test('of more than a year go to the archive of their year, whole, and the report says how many and of when', async () => {
    const oldest = transcript(new Date('2024-03-01T00:00:00Z'));
    const older = transcript(new Date('2025-01-01T00:00:00Z'));
    const old = transcript(new Date(Date.parse('2025-11-20T17:00:00Z') - 1));
    const young = transcript(new Date('2025-11-20T17:00:00Z'));
    await keep(young, old, oldest, older);
    const run = await retentionOver().run(NOW, 'ada');
    expect(run).toMatchObject({
      trigger: 'person',
      by: 'ada',
      dryRun: false,
      state: 'done',
      startedAt: new Date(NOON_MS),
      transcriptsBefore: new Date('2025-11-20T17:00:00Z'),
      items: [
        {
          of: 'call_transcripts',
          action: 'archived',
          count: 3,
          from: oldest.createdAt,
          to: old.createdAt,
          into: { call_transcripts_archive_2024: 1, call_transcripts_archive_2025: 2 },
        },
      ],
      notes: [],
    });
    expect(run.durationMs).toBeGreaterThanOrEqual(0);
    expect(await store.collection('call_transcripts').find({})).toEqual([young]);
    expect(await store.collection('call_transcripts_archive_2024').find({})).toEqual([oldest]);
    expect(await store.collection('call_transcripts_archive_2025').find({ sort: { createdAt: 1 } })).toEqual([
      older,
      old,
    ]);
    expect((await retentionOver().run(NOW, 'ada')).items).toEqual([]);
    expect((await retentionOver().list({})).items.map(({ items }) => items.length).sort()).toEqual([0, 1]);
  });

  test('in the archive are still there when the store is opened again', async () => {
    await keep(transcript(new Date('2024-03-01T00:00:00Z')));
    await retentionOver().run(NOW, 'ada');
    await store.close();
    store = await openLocalStore({ dir: join(dir, 'store'), log: quiet });
    expect(await store.collection('call_transcripts_archive_2024').count({})).toBe(1);
    expect(() => store.collection('call_transcripts_archive_24' as 'call_transcripts')).toThrow(Failure);
  });

  test('of a call are read as before when they are archived', async () => {
    const callId = await call(new Date('2025-02-01T00:00:00Z'));
    await keep({ ...transcript(new Date('2025-02-01T00:00:00Z')), _id: callId, callId });
    const calls = createReadCalls({ store, events, recordings });
    const before = await calls.transcript(callId);
    expect(before.messages).toMatchObject([{ text: 'good morning' }]);
    await retentionOver().run(NOW, 'ada');
    expect(await store.collection('call_transcripts').count({})).toBe(0);
    expect(await calls.transcript(callId)).toEqual(before);
  });

  test('archived by several at once are archived once, and each counts its own', async () => {
    const all = Array.from({ length: 100 }, (_, n) => transcript(new Date(Date.UTC(2024, 0, 1, 0, n))));
    await keep(...all);
    // Another process has another store object over the same documents.
    const other = new Proxy(store, {});
    const runs = await Promise.all([retentionOver().run(NOW, 'a'), retentionOver(other).run(NOW, 'b')]);
    const counts = runs.map(({ items }) => items[0]?.count ?? 0);
    expect(counts.reduce((a, b) => a + b)).toBe(100);
    expect(await store.collection('call_transcripts_archive_2024').count({})).toBe(100);
    expect(await store.collection('call_transcripts').count({})).toBe(0);
  });

  test('written anew while they are archived stay where they are', async () => {
    const old = transcript(new Date('2024-03-01T00:00:00Z'));
    await keep(old);
    const newer = { ...old, fullTranscript: 'Agent: hello again', updatedAt: new Date(NOON_MS) };
    const crossing = storeWith(store, async (name, verb) => {
      if (verb === 'remove' && name === 'call_transcripts') await store.collection(name).put(newer);
    });
    expect((await retentionOver(crossing).run(NOW, 'ada')).items).toEqual([]);
    expect(await store.collection('call_transcripts').find({})).toEqual([newer]);
  });

  test('a run cut off between archive and removal is made good by the next', async () => {
    const all = Array.from({ length: 40 }, (_, n) => transcript(new Date(Date.UTC(2024, 0, 1, 0, n))));
    await keep(...all);
    let left = 20;
    const dying = storeWith(store, async (name) => {
      if (!name.startsWith('call_transcripts')) return;
      left -= 1;
      if (left < 0) throw new Failure('store_unavailable', 'gone');
    });
    const cut = await retentionOver(dying).run(NOW, 'ada');
    expect(cut).toMatchObject({ state: 'failed', failure: 'gone' });
    const rest = await retentionOver().run(NOW, 'ada');
    expect(rest.state).toBe('done');
    expect((cut.items[0]?.count ?? 0) + (rest.items[0]?.count ?? 0)).toBe(40);
    expect(await store.collection('call_transcripts_archive_2024').count({})).toBe(40);
    expect(await store.collection('call_transcripts').count({})).toBe(0);
  });
});

describe('recordings', () => {
  test('are kept until somebody sets days, and then go with a word on the call', async () => {
    const old = await call(new Date(NOON_MS - 91 * DAY_MS));
    const young = await call(new Date(NOON_MS - 89 * DAY_MS));
    const retention = retentionOver();
    expect((await retention.run(NOW, 'ada')).items).toEqual([]);
    expect(await files()).toHaveLength(2);

    const policy = await retention.changePolicy({ recordingsDays: 90 }, 'counsel', 'ada');
    expect(policy).toEqual({
      recordingsDays: 90,
      history: [
        {
          at: new Date(clock.nowMs()),
          by: 'ada',
          reason: 'counsel',
          changes: [{ setting: 'recordingsDays', before: null, after: 90 }],
        },
      ],
    });
    const foreseen = await retention.run({ ...NOW, dryRun: true }, 'ada');
    expect(foreseen).toMatchObject({ dryRun: true, items: [{ of: 'recordings', count: 1 }] });
    expect(await files()).toHaveLength(2);

    const run = await retention.run(NOW, 'ada');
    const at = new Date(NOON_MS - 91 * DAY_MS);
    expect(run.items).toEqual([{ of: 'recordings', action: 'removed', count: 1, from: at, to: at }]);
    expect(await files()).toEqual([`${young}.wav`]);
    const after = await events.call(old);
    expect(after).not.toHaveProperty('recordingUrl');
    expect(after).not.toHaveProperty('erasedAt');
    expect((await store.events(old)).at(-1)).toMatchObject({
      type: 'erased',
      what: 'recording',
      why: 'retention',
    });
    expect(await events.call(young)).toHaveProperty('recordingUrl');
  });

  test('left behind by a crash go too, and a call is not looked at again once its time was seen', async () => {
    const orphan = await call(new Date(NOON_MS - 100 * DAY_MS), false);
    const sink = recordings.open(orphan);
    sink.write(Buffer.alloc(160, 0x55));
    const closed = sink.close();
    await clock.pass(20);
    await closed;
    const retention = retentionOver();
    await retention.changePolicy({ recordingsDays: 90 }, 'counsel', 'ada');
    expect((await retention.run(NOW, 'ada')).items).toMatchObject([{ count: 1 }]);
    const looked: string[] = [];
    const watched = {
      find: recordings.find,
      remove: (id: string) => {
        looked.push(id);
        return recordings.remove(id);
      },
    };
    await call(new Date(NOON_MS - 50 * DAY_MS));
    await retentionOver(store, watched).run(NOW, 'ada');
    expect(looked).toEqual([]);
    // Fewer days: what lies between is seen, and no more.
    await retention.changePolicy({ recordingsDays: 40 }, 'counsel', 'ada');
    await retentionOver(store, watched).run(NOW, 'ada');
    expect(looked).toHaveLength(1);
  });

  test('that cannot be deleted fail the run, and the next tries again', async () => {
    const callId = await call(new Date(NOON_MS - 91 * DAY_MS));
    const retention = retentionOver();
    await retention.changePolicy({ recordingsDays: 90 }, 'counsel', 'ada');
    const stuck = {
      find: recordings.find,
      remove: async () => {
        throw new Failure('store_unavailable', 'a recording could not be deleted');
      },
    };
    const failed = await retentionOver(store, stuck).run(NOW, 'ada');
    expect(failed).toMatchObject({ state: 'failed', failure: 'a recording could not be deleted', items: [] });
    expect(await events.call(callId)).toHaveProperty('recordingUrl');
    expect((await retention.run(NOW, 'ada')).items).toMatchObject([{ count: 1 }]);
  });

  test('stay when the setting cannot be read, and the report says so', async () => {
    await call(new Date(NOON_MS - 900 * DAY_MS));
    await store.collection('system_config').insert({
      _id: ids.objectId(),
      key: 'retention.recordingsDays',
      value: 'ninety',
      updatedBy: 'by hand',
      createdAt: new Date(NOON_MS),
      updatedAt: new Date(NOON_MS),
    });
    await expect(retentionOver().policy()).rejects.toMatchObject({ code: 'config_invalid' });
    const run = await retentionOver().run(NOW, 'ada');
    expect(run).toMatchObject({
      state: 'done',
      items: [],
      notes: [expect.stringContaining('no number of days')],
    });
    expect(await files()).toHaveLength(1);
    // Setting it anew mends it.
    expect(await retentionOver().changePolicy({ recordingsDays: 9_999 }, 'mended', 'ada')).toMatchObject({
      recordingsDays: 9_999,
    });
  });

  test.each([0, -1, 1.5, 40_000, Number.NaN, '90', undefined])('are not kept for %s days', async (days) => {
    await expect(
      retentionOver().changePolicy({ recordingsDays: days as number }, 'why', 'ada'),
    ).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('a run', () => {
  test('that takes long is answered as it is, and goes on', async () => {
    await keep(transcript(new Date('2024-03-01T00:00:00Z')));
    let letGo: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const slow = storeWith(store, async (name, verb) => {
      if (verb === 'put' && name === 'call_transcripts_archive_2024') await gate;
    });
    const retention = retentionOver(slow);
    const answered = retention.run({ dryRun: false, waitMs: 200 }, 'ada');
    let answer: RetentionRun | undefined;
    const waiting = answered.then((run) => {
      answer = run;
    });
    while (!answer) await clock.pass(20);
    await waiting;
    expect(answer).toMatchObject({ state: 'running', items: [] });
    letGo();
    await retention.settled();
    expect((await retention.list({})).items).toMatchObject([{ state: 'done', items: [{ count: 1 }] }]);
  });

  test('is made once a day by whoever comes first, and taken up when that one fell silent', async () => {
    let days = 0;
    const calendar = { ...clock, nowMs: () => clock.nowMs() + days * DAY_MS };
    const process = (over: Store) =>
      createRetention({
        store: over,
        clock: calendar,
        ids,
        log: quiet,
        events,
        recordings,
        shutdown: shutdown.signal,
      });
    const look = async (...all: readonly ReturnType<typeof process>[]): Promise<void> => {
      const stops = all.map((each) => each.daily());
      await clock.pass(60_100);
      for (const each of all) await each.settled();
      for (const stop of stops) stop();
    };
    const runs = async () =>
      (await store.collection('retention_runs').find({ sort: { startedAt: 1 } })).map(({ day, state }) => [
        day,
        state,
      ]);
    await look(process(store), process(new Proxy(store, {})));
    expect(await runs()).toEqual([['2026-11-20', 'done']]);
    expect(clock.waiting).toBe(0);
    await look(process(store));
    expect(await runs()).toEqual([['2026-11-20', 'done']]);

    days = 1;
    const silentMs = calendar.nowMs() - 600_000;
    await store.collection('retention_runs').insert({
      _id: ids.objectId(),
      day: '2026-11-21',
      trigger: 'clock',
      by: 'clock',
      dryRun: false,
      state: 'running',
      startedAt: new Date(silentMs),
      transcriptsBefore: new Date(0),
      items: [
        { of: 'call_transcripts', action: 'archived', count: 2, into: { call_transcripts_archive_2024: 2 } },
      ],
      notes: [],
      createdAt: new Date(silentMs),
      updatedAt: new Date(silentMs),
    });
    await keep(transcript(new Date('2024-03-01T00:00:00Z')));
    await look(process(store));
    expect(await runs()).toEqual([
      ['2026-11-20', 'done'],
      ['2026-11-21', 'done'],
    ]);
    expect((await process(store).list({})).items[0]).toMatchObject({
      items: [{ count: 3, into: { call_transcripts_archive_2024: 3 } }],
    });
  });

  test('whose maker was not heard of for long is shown as interrupted', async () => {
    const at = new Date(NOON_MS - 601_000);
    await store.collection('retention_runs').insert({
      _id: ids.objectId(),
      trigger: 'person',
      by: 'ada',
      dryRun: false,
      state: 'running',
      startedAt: at,
      transcriptsBefore: at,
      items: [],
      notes: [],
      createdAt: at,
      updatedAt: at,
    });
    expect((await retentionOver().list({})).items).toMatchObject([{ state: 'interrupted' }]);
  });

  test('does not begin when the service stops, and one under way ends as interrupted', async () => {
    await keep(...Array.from({ length: 64 }, () => transcript(new Date('2024-03-01T00:00:00Z'))));
    const retention = retentionOver();
    const run = retention.run(NOW, 'ada');
    await new Promise((resolve) => setImmediate(resolve));
    shutdown.abort();
    expect(await run).toMatchObject({ state: 'interrupted', failure: 'the service stopped' });
    await expect(retention.run(NOW, 'ada')).rejects.toMatchObject({ code: 'shutting_down' });
  });
});

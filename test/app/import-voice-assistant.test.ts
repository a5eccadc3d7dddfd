/** The voice assistant's files come in once, whole, with what was wrong of them told; and nobody becomes callable by them. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openRecordings } from '../../src/adapters/recordings/index.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createCheckCompliance } from '../../src/app/check-compliance.ts';
import { createConsents } from '../../src/app/consents.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createErasures } from '../../src/app/erase-person.ts';
import {
  type AssistantFiles,
  createVoiceAssistantImport,
  type ImportProgress,
  type ImportReport,
  type ImportSettings,
} from '../../src/app/import-voice-assistant.ts';
import { createLeads } from '../../src/app/leads.ts';
import type { Filter, Ids, Log, Store } from '../../src/app/ports.ts';
import { createReadCalls } from '../../src/app/read-calls.ts';
import { createEventLog } from '../../src/app/record-event.ts';
import type { SourceFile } from '../../src/app/source-files.ts';
import { foldCall } from '../../src/domain/call.ts';
import { COLLECTIONS, type CollectionName, type Lead } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';
import { importedId } from '../../src/domain/voice-assistant.ts';
import { handClock, trueTime } from '../support/clock.ts';
import { programOf } from '../support/programs.ts';

const SAMPLES = 'test/samples/voice-assistant';
const SELLER = 'Acme Homes';
const NAMED = 'session_20251013_134500_0a1b2c3d';
const ids: Ids = {
  objectId: () => randomBytes(12).toString('hex'),
  token: () => randomBytes(32).toString('base64url'),
};
const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let dir: string;
let store: Store;
const clock = handClock(Date.parse('2026-11-20T17:00:00Z'));

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-import-'));
  store = await openLocalStore({ dir: join(dir, 'store'), log });
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

const house = (over: Store = store) => ({
  store: over,
  clock,
  ids,
  log,
  sellerName: SELLER,
  timekeeping: trueTime,
});
const bringIn = (
  files: AssistantFiles,
  settings: Partial<ImportSettings> = {},
  over: Store = store,
): Promise<ImportReport> =>
  createVoiceAssistantImport(house(over))(files, {
    dryRun: false,
    zone: 'UTC',
    progress: () => {},
    ...settings,
  });

const onDisk = (name: string): SourceFile => ({
  name,
  bytes: statSync(join(SAMPLES, name)).size,
  open: () => createReadStream(join(SAMPLES, name), { highWaterMark: 64 }),
});
const inDir = (place: string, pattern: RegExp): SourceFile[] =>
  readdirSync(join(SAMPLES, place))
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => onDisk(join(place, name)));
const samples = (): AssistantFiles => ({
  leads: inDir('leads', /^lead_/),
  sessions: inDir('conversations', /^transcript_session_/),
  events: inDir('conversations', /jsonl$/),
});

const text = (name: string, content: string | Uint8Array, chunkBytes = 7_000): SourceFile => {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return {
    name,
    bytes: bytes.length,
    async *open() {
      for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
    },
  };
};
const jsonl = (...lines: readonly object[]): SourceFile =>
  text('transcripts.jsonl', lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
const only = (files: Partial<AssistantFiles>): AssistantFiles => ({
  leads: [],
  sessions: [],
  events: [],
  ...files,
});
const said = (session: string, second: number, words: string, role = 'user') => ({
  session_id: session,
  role,
  content: words,
  timestamp: new Date(Date.UTC(2025, 9, 13, 8, 0, second)).toISOString(),
});

async function everything(): Promise<Record<string, unknown[]>> {
  const names = Object.keys(COLLECTIONS) as CollectionName[];
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, await store.collection(name).find({ sort: { _id: 1 } })] as const),
    ),
  );
}
const countsOf = (all: Record<string, unknown[]>) =>
  Object.fromEntries(
    Object.entries(all).flatMap(([name, { length }]) => (length > 0 ? [[name, length]] : [])),
  );
const callOf = (sessionId: string): string => importedId('session', sessionId);
const reader = () =>
  createReadCalls({
    store,
    events: createEventLog(house()),
    recordings: openRecordings({ dir: join(dir, 'recordings'), log, clock }),
  });

describe('an import', () => {
  test('brings in leads and conversations, and tells what it skipped, by file and line, and why', async () => {
    const report = await bringIn(samples());
    expect(report).toMatchObject({
      dryRun: false,
      read: { files: 8, lines: 13 },
      written: { leads: 3, conversations: 4, events: 11 },
      there: { leads: 0, conversations: 0, events: 0 },
      skipped: 6,
      noted: 4,
    });
    const skipped = report.skips.map(
      ({ file, line, why }) => `${file.split('/').at(-1)}:${line ?? ''} ${why}`,
    );
    expect(skipped.sort()).toEqual([
      'lead_20251015_000000.json: is no valid JSON',
      'transcripts.jsonl:10 repeats an earlier line',
      'transcripts.jsonl:11 has no time that can be read',
      'transcripts.jsonl:13 is no JSON object',
      'transcripts.jsonl:14 has neither words nor the name of an event',
      'transcripts.jsonl:6 is no valid JSON (from character 2 on)',
    ]);
    const all = await everything();
    expect(countsOf(all)).toEqual({
      leads: 3,
      calls: 4,
      call_events: 27,
      call_transcripts: 4,
      conversation_sessions: 4,
      // One of the leads was not to be called.
      consent_logs: 1,
      consent_heads: 1,
      dnc_registry: 1,
    });
  });

  test('a second time brings nothing, and so does a dry run after it; one before it says the same and writes nothing', async () => {
    const before = await everything();
    const foreseen = await bringIn(samples(), { dryRun: true });
    expect(await everything()).toEqual(before);
    const first = await bringIn(samples());
    expect({ ...foreseen, dryRun: false, tookMs: 0, notes: [] }).toEqual({ ...first, tookMs: 0, notes: [] });
    const after = await everything();
    for (const dryRun of [false, true]) {
      const again = await bringIn(samples(), { dryRun });
      expect(again).toMatchObject({
        written: { leads: 0, conversations: 0, events: 0 },
        there: first.written,
      });
      expect(await everything()).toEqual(after);
    }
  });

  test('makes calls that are read as all others are, with what only one of the files had', async () => {
    await bringIn(samples());
    const callId = callOf(NAMED);
    const calls = reader();
    expect(await calls.get(callId)).toMatchObject({
      direction: 'inbound',
      status: 'completed',
      leadId: importedId('lead', 'lead_20251013_135233'),
      contactPhone: '+12065550142',
      initiatedAt: new Date('2025-10-13T13:45:00Z'),
      endedAt: new Date('2025-10-13T13:53:05.250Z'),
      duration: 485.3,
      completeness: 'repaired',
    });
    const { messages, completeness, live } = await calls.transcript(callId);
    expect([completeness, live]).toEqual(['repaired', false]);
    expect(
      messages.map(({ speaker, text: words, timestamp, repaired }) => [speaker, words, timestamp, repaired]),
    ).toEqual(
      [
        ['agent', 'Good afternoon, this is Friday, the AI assistant. How can I help?', 2.1, false],
        ['user', 'I want someone to answer the phone.', 9.9, false],
        ['system', 'auto_hangup: closing_message_no_reply', 480, false],
        ['user', 'And at night too.', 0, true],
      ].sort((a, b) => Number(a[2]) - Number(b[2])),
    );
    const events = await calls.events(callId);
    expect(foldCall(events)).toEqual(await calls.get(callId));
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, n) => n + 1));
    expect(new Set(events.map(({ sessionId }) => sessionId))).toEqual(new Set([NAMED]));
    expect(events.map(({ type }) => type)).toEqual([
      'received',
      'answered',
      'said',
      'said',
      'tool_called',
      'tool_answered',
      'said',
      'ended',
      'reconciled',
    ]);
    expect(events.find(({ legacy }) => legacy?.meta !== undefined)).toMatchObject({
      text: 'I want someone to answer the phone.',
      legacy: { source: 'session_history', meta: { start_time: 7.1, end_time: 9.8 } },
    });
    expect(await store.collection('call_transcripts').get(callId)).toMatchObject({
      messages,
      createdAt: new Date('2025-10-13T13:53:05.250Z'),
    });
    expect(await store.collection('conversation_sessions').get(callId)).toMatchObject({
      sessionId: NAMED,
      leadGenerated: true,
      startTime: new Date('2025-10-13T13:45:00Z'),
      endTime: new Date('2025-10-13T13:53:05.250Z'),
      channel: 'browser',
      legacy: { total_items: 3, metadata: { persona: 'front desk' } },
    });
    const timeline = await createLeads({
      ...house(),
      consents: { grant: () => Promise.reject(new Error()) },
    }).timeline(importedId('lead', 'lead_20251013_135233'));
    expect(timeline.map(({ kind }) => kind)).toEqual(['call', 'created']);
  });

  test('puts events that name no conversation where their times say, and a file without events speaks for itself', async () => {
    const report = await bringIn(samples());
    const calls = reader();
    const byFile = await calls.transcript(callOf('transcript_session_2025-10-13T08-40-58.242325'));
    expect(byFile.messages.map(({ text: words }) => words)).toEqual([
      'Hello, anybody there?',
      'Yes, good morning. Friday here',
    ]);
    expect(byFile.completeness).toBe('complete');
    const alone = await calls.transcript(callOf('session_20251012_095800_ffffffff'));
    expect(alone).toMatchObject({
      completeness: 'complete',
      messages: [
        { text: 'Welcome.', repaired: false },
        { text: 'Only looking, thanks.' },
        { speaker: 'system' },
      ],
    });
    const [fence] = await store
      .collection('conversation_sessions')
      .find({ filter: { sessionId: /^unnamed_/ } });
    expect(fence).toMatchObject({ completeness: 'gap', turns: 1 });
    expect(report.notes).toContainEqual({
      file: 'conversations/transcripts.jsonl',
      why: expect.stringContaining('put into 2') as string,
    });
  });

  test('makes nobody callable, and a wish not to be called comes along', async () => {
    await bringIn(samples());
    const { check } = createCheckCompliance(house());
    const all = await store.collection('leads').find({ sort: { externalId: 1 } });
    const reasons = async ({ _id }: Lead) => (await check({ leadId: _id })).reasons;
    const [wished, asked, numberless] = all;
    if (!wished || !asked || !numberless) throw new Error('three leads');
    expect(await reasons(wished)).toContain('internal_dnc');
    expect(wished).toMatchObject({
      status: 'dnc',
      dncStatus: { internalDNC: true },
      legacy: { consent: true },
    });
    expect(await reasons(asked)).toContain('consent_missing');
    expect(await reasons(numberless)).toContain('phone_invalid');
    expect(await store.collection('consent_logs').count({ eventType: 'consent_granted' })).toBe(0);
    expect(
      await createConsents({ ...house(), dnc: { optOut: () => Promise.reject(new Error()) } }).verify(),
    ).toMatchObject({
      intact: true,
    });
  });

  test('reads times without a zone in the zone that is given, and says how many there were', async () => {
    const lead = text('leads/lead_1.json', JSON.stringify({ name: 'A', timestamp: '2025-10-13T13:52:33' }));
    const report = await bringIn(only({ leads: [lead] }), { zone: 'America/New_York' });
    const [made] = await store.collection('leads').find({});
    expect(made?.receivedAt).toEqual(new Date('2025-10-13T17:52:33Z'));
    expect(report.notes.map(({ why }) => why)).toContainEqual(
      expect.stringContaining('read as America/New_York'),
    );
  });

  test('of a file that has grown brings what is new', async () => {
    const lines = [said('s', 1, 'one'), said('s', 2, 'two', 'assistant')];
    await bringIn(only({ events: [jsonl(...lines)] }));
    const report = await bringIn(
      only({ events: [jsonl(...lines, said('s', 3, 'three'), said('t', 1, 'other'))] }),
    );
    expect(report).toMatchObject({
      written: { conversations: 1, events: 2 },
      there: { events: 2 },
      skipped: 0,
    });
    const { fullTranscript } = await reader().transcript(callOf('s'));
    expect(fullTranscript).toBe('User: one\nAgent: two\nUser: three');
    expect((await store.collection('call_transcripts').get(callOf('s')))?.fullTranscript).toBe(
      fullTranscript,
    );
  });

  test('takes conversations that run side by side, and lines out of their order, apart', async () => {
    const lines = Array.from({ length: 300 }, (_, n) => said(`s${n % 50}`, 400 - n, `words ${n}`));
    const report = await bringIn(only({ events: [jsonl(...lines)] }));
    expect(report).toMatchObject({ written: { conversations: 50, events: 300 }, skipped: 0 });
    const { messages } = await reader().transcript(callOf('s7'));
    expect(messages.map(({ text: words }) => words)).toEqual(
      [257, 207, 157, 107, 57, 7].map((n) => `words ${n}`),
    );
    expect(messages.map(({ timestamp }) => timestamp)).toEqual([0, 50, 100, 150, 200, 250]);
  });

  test('holds no more than so much, however long a conversation is, and cuts what is too large', async () => {
    const long = 'x'.repeat(900_000);
    let made = 0;
    const big: SourceFile = {
      name: 'transcripts.jsonl',
      bytes: 40 * 900_000,
      async *open() {
        for (let n = 0; n < 40; n += 1) {
          made += 1;
          yield new TextEncoder().encode(`${JSON.stringify(said('long', n, `${n} ${long}`))}\n`);
        }
        yield new TextEncoder().encode(
          `${JSON.stringify({ ...said('long', 51, 'too long'), x: long + long })}\n`,
        );
        yield new TextEncoder().encode(JSON.stringify(said('short', 1, 'the last line has no end')));
      },
    };
    const report = await bringIn(only({ events: [big] }));
    expect(made).toBe(80);
    expect(report.skips.map(({ line, why }) => [line, why])).toEqual([
      [41, 'is longer than 1 MB'],
      // A transcript of 36 MB is more than any document may hold.
      [expect.any(Number), expect.stringContaining('cannot be kept')],
    ]);
    expect((await store.events(callOf('long'))).filter(({ type }) => type === 'said')).toHaveLength(40);
    expect((await reader().transcript(callOf('short'))).messages).toHaveLength(1);
  });

  test.each([
    ['no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 'is not UTF-8'],
    ['nothing', '', 'is no valid JSON'],
    ['a list of other things', '[1]', 'is no JSON object'],
    ['more than 16 MB', new Uint8Array(16 * 1024 * 1024 + 1), 'is larger than 16 MB'],
  ])('says of a file with %s why it was not taken', async (_, content, why) => {
    const file = text('leads/lead_1.json', content);
    const report = await bringIn(
      only({ leads: [file], sessions: [{ ...file, name: 'transcript_session_1.json' }] }),
    );
    expect(report.skips.map((each) => [each.file, each.why])).toContainEqual([
      'leads/lead_1.json',
      expect.stringContaining(why),
    ]);
    expect(report.written.leads).toBe(0);
  });

  test('shows how far it is', async () => {
    const seen: ImportProgress[] = [];
    await bringIn(samples(), { progress: (at) => seen.push(at) });
    const phases = [...new Set(seen.map(({ phase }) => phase))];
    expect(phases).toEqual(['leads', 'conversations', 'reading events', 'writing events']);
    for (const phase of phases) {
      const bytes = seen.filter((at) => at.phase === phase).map((at) => at.bytes);
      expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
      const last = seen.findLast((at) => at.phase === phase);
      expect(last?.bytes).toBe(last?.ofBytes);
    }
  });

  test('that was cut off at any write is made whole by the next', async () => {
    for (const left of [0, 1, 2, 3, 4, 5, 6, 7, 8, 20, 31, 40]) {
      let writes = left;
      const fuse = <T>(task: () => Promise<T>): Promise<T> => {
        writes -= 1;
        return writes >= 0 ? task() : Promise.reject(new Failure('store_unavailable', 'gone'));
      };
      const dying = new Proxy(store, {
        get: (of, key) => {
          if (key === 'append')
            return (...args: Parameters<Store['append']>) => fuse(() => of.append(...args));
          if (key !== 'collection') return Reflect.get(of, key) as unknown;
          return (name: 'leads') => {
            const room = of.collection(name);
            return {
              ...room,
              insert: (document: Lead) => fuse(() => room.insert(document)),
              put: (document: Lead) => fuse(() => room.put(document)),
              remove: (filter: Filter) => fuse(() => room.remove(filter)),
            };
          };
        },
      });
      await expect(bringIn(samples(), {}, dying)).rejects.toMatchObject({ code: 'store_unavailable' });
      await bringIn(samples());
      const {
        leads = [],
        conversation_sessions = [],
        call_events = [],
        calls = [],
        dnc_registry = [],
      } = await everything();
      expect(
        [leads, conversation_sessions, call_events, calls, dnc_registry].map(({ length }) => length),
      ).toEqual([3, 4, 27, 4, 1]);
      expect(await reader().get(callOf(NAMED))).toMatchObject({
        status: 'completed',
        completeness: 'repaired',
      });
      await store.close();
      await rm(dir, { recursive: true, force: true });
      store = await openLocalStore({ dir: join(dir, 'store'), log });
    }
  });
});

describe('people who asked for erasure', () => {
  const erasures = () =>
    createErasures({
      ...house(),
      events: createEventLog(house()),
      recordings: openRecordings({ dir: join(dir, 'recordings'), log, clock }),
      dnc: createDnc({ ...house(), stopCallsTo: async () => {} }),
    });

  test('do not come back with the next import of the same files', async () => {
    await bringIn(samples());
    await erasures().erase({ phone: '+12065550142', reason: 'a letter' }, 'ada');
    const before = await everything();
    expect(JSON.stringify(before)).not.toContain('Ashdown');
    expect(JSON.stringify(before)).not.toContain('answer the phone');
    const report = await bringIn(samples());
    expect(await everything()).toEqual(before);
    expect(report.skips).toContainEqual({
      file: 'conversations/transcripts.jsonl',
      line: 1,
      why: `the conversation ${NAMED} is of a person who asked for the erasure of their data`,
    });
  });

  test('are not brought in by files that were never imported, but what they told us since is', async () => {
    await erasures().erase({ phone: '+12065550142', reason: 'a letter' }, 'ada');
    const report = await bringIn(samples());
    expect(report.written).toMatchObject({ leads: 2, conversations: 3 });
    expect(JSON.stringify(await everything())).not.toContain('Ashdown');
    const later = text(
      'leads/lead_2.json',
      JSON.stringify({ name: 'Back', phone: '2065550142', timestamp: '2026-12-01T00:00:00Z' }),
    );
    expect((await bringIn(only({ leads: [later] }))).written.leads).toBe(1);
  });
});

describe('the program', () => {
  const run = (...args: readonly string[]): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      execFile(
        process.execPath,
        [programOf('src/cli/import-voice-assistant.ts'), ...args],
        { env: { ...process.env, DATA_DIR: dir, MONGODB_URI: '' } },
        (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }),
      );
    });

  test('says what to do while the service has the database open, and imports when it is stopped', async () => {
    const held = await run(SAMPLES);
    expect([held.code, held.out]).toEqual([2, '']);
    expect(held.err).toContain(`Process ${process.pid} has the database in ${join(dir, 'store')} open`);
    expect(held.err).toContain('Stop it');
    await store.close();
    const done = await run(SAMPLES);
    expect([done.code, done.out]).toEqual([
      0,
      expect.stringContaining('Brought in:    3 leads, 4 conversations, 11 events'),
    ]);
    expect(done.out).toContain('conversations/transcripts.jsonl:6: is no valid JSON');
    expect(done.out).toContain('Not looked at: 1 files');
    expect(done.err).toContain('writing events: 100%');
    store = await openLocalStore({ dir: join(dir, 'store'), log });
    expect(await store.collection('leads').count({})).toBe(3);
  });

  test('refuses what it does not understand, and says what it would', async () => {
    const wrong: readonly (readonly [readonly string[], string])[] = [
      [[], 'Name one folder'],
      [['/nowhere/at/all'], 'cannot be read'],
      [[SAMPLES, '--zone', 'Mars/Olympus'], 'no time zone Mars/Olympus'],
    ];
    const told = await Promise.all(wrong.map(([args]) => run(...args)));
    for (const [n, { code, out, err }] of told.entries())
      expect([code, out, err]).toEqual([2, '', expect.stringContaining(wrong[n]?.[1] ?? '')]);
  });
});

/** Calls are found by what was said in them, with the places where it was said. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import type { Log, Store } from '../../src/app/ports.ts';
import { createSearchCalls, type FoundCall } from '../../src/app/search-calls.ts';
import type { Call } from '../../src/domain/call.ts';
import type { CallTranscript } from '../../src/domain/documents.ts';
import { mentions, wantedIn } from '../../src/domain/search-text.ts';

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const oid = (n: number): string => n.toString(16).padStart(24, '0');

let dir: string;
let store: Store;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'parley-search-'));
  store = await openLocalStore({ dir, log: quiet });
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

async function talked(n: number, status: Call['status'], ...said: string[]): Promise<void> {
  const createdAt = new Date(Date.UTC(2026, 0, 1) + n * 60_000);
  await store.collection('calls').insert({
    _id: oid(n),
    attemptId: oid(n + 1_000),
    status,
    direction: 'outbound',
    contactPhone: '+12065550100',
    initiatedAt: createdAt,
  } as Call);
  await store.collection('call_transcripts').insert({
    _id: oid(n),
    callId: oid(n),
    messages: said.map((text, turn) => ({ speaker: 'user', text, timestamp: turn * 5, turn })),
    fullTranscript: said.map((text) => `Caller: ${text}`).join('\n'),
    createdAt,
  } as unknown as CallTranscript);
}

async function all(query: Parameters<ReturnType<typeof createSearchCalls>>[0]): Promise<FoundCall[]> {
  const search = createSearchCalls({ store });
  while (!(await search(query)).complete);
  const found: FoundCall[] = [];
  let cursor: string | undefined;
  do {
    const page = await search({ ...query, ...(cursor === undefined ? {} : { cursor }) });
    expect(page.items.length).toBeLessThanOrEqual(query.limit);
    found.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}

test('with the messages that say it, and the seconds', async () => {
  await talked(1, 'completed', 'Hello?', 'The roof leaks.', 'No.', 'And the ROOF again', 'roof', 'roof');
  const [found] = await all({ text: 'roof leaks', limit: 10 });
  expect(found?.call._id).toBe(oid(1));
  expect(found?.said.map(({ index, timestamp }) => [index, timestamp])).toEqual([
    [1, 5],
    [3, 15],
    [4, 20],
  ]);
});

test('of those that a filter leaves, none is passed over however few there are', async () => {
  for (let n = 1; n <= 60; n += 1) await talked(n, n % 7 === 0 ? 'completed' : 'failed', `roof number ${n}`);
  const found = await all({ text: 'roof', limit: 5, status: 'completed' });
  expect(found.map(({ call }) => call._id)).toEqual([56, 49, 42, 35, 28, 21, 14, 7].map(oid));
});

test('words are looked for as they were said, not as parts of others', () => {
  expect(wantedIn(' "the Kitchen sink" Roof-top, É ')).toEqual([
    ['the', 'kitchen', 'sink'],
    ['roof'],
    ['top'],
    ['é'],
  ]);
  expect(wantedIn('"" - *')).toEqual([]);
  expect(wantedIn('a "b c')).toEqual([['a'], ['b', 'c']]);
  expect(wantedIn('word '.repeat(500))).toHaveLength(32);
  expect(mentions('In the kitchen, sink included', wantedIn('"kitchen sink"'))).toBe(true);
  expect(mentions('Rooftop', wantedIn('roof'))).toBe(false);
});

/** A call becomes a test: what was said without whose words they are, and what a careful person expects of an analysis of it. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import type { Store } from '../../src/app/ports.ts';
import { createEventLog } from '../../src/app/record-event.ts';
import { createWriteConversation } from '../../src/app/write-conversation.ts';
import { WrittenConversation } from '../../src/contract/index.ts';
import type { WrongClaim } from '../../src/domain/analysis.ts';
import type { Lead } from '../../src/domain/documents.ts';
import { foldTranscript } from '../../src/domain/transcript.ts';
import { failureOf, silent as log } from '../contract/filled.ts';
import { byLexicon } from '../evals/lexicon.ts';
import { type Conversation, conversations, judge } from '../evals/scoring.ts';
import { type HandClock, handClock } from '../support/clock.ts';

const ids = createIds();
const STARTED = new Date('2026-11-18T18:00:00Z');
const VISIT = conversations()[0] as Conversation;

let store: Store;
let clock: HandClock;
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-written-'));
  store = await openLocalStore({ dir: join(dir, 'store'), log });
  clock = handClock(STARTED.getTime());
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

/** The first of the written conversations, as a call with somebody in New York that word lists analysed. */
async function talked({ isAnalysed = true, wrong = [] as readonly WrongClaim[] } = {}): Promise<string> {
  const events = createEventLog({ store, clock, ids, log });
  const callId = ids.objectId();
  const leadId = ids.objectId();
  await store.collection('leads').put({
    _id: leadId,
    source: 'csv',
    externalId: leadId,
    contact: {
      firstName: 'John',
      lastName: 'Wainwright',
      phone: '+12125550123',
      address: { street: '123 Main Street', city: 'Albany' },
    },
  } as Lead);
  await events.record(callId, {
    type: 'queued',
    attemptId: ids.objectId(),
    leadId,
    contactPhone: '+12125550123',
    fromPhone: '+12065550100',
    requestedBy: 'ada',
  });
  await events.record(callId, { type: 'stream_opened', streamSid: 'MZ1' });
  for (const { speaker, text, turn } of VISIT.messages) {
    await events.record(callId, { type: 'said', role: speaker, text, turn });
    await clock.pass(3_000);
  }
  await events.record(callId, { type: 'whispered', by: 'bo', name: 'Bo Larsson', text: 'Offer the visit' });
  await events.record(callId, { type: 'ended', status: 'completed', reason: 'over', durationSec: 40 });
  if (!isAnalysed) return callId;
  const messages = foldTranscript(await store.events(callId));
  const { analysis } = byLexicon({ ...VISIT, messages });
  const analysisId = ids.objectId();
  const origin = { by: 'lexicon', version: '1', transcriptHash: 'ab' } as const;
  await store.collection('call_analyses').put({
    _id: analysisId,
    callId,
    state: 'done',
    requestedBy: 'parley',
    origin,
    analysis,
    wrong,
    createdAt: STARTED,
    updatedAt: STARTED,
  });
  await events.record(callId, { type: 'analysed', analysisId, origin, analysis });
  return callId;
}
const write = (callId: string) => createWriteConversation({ store, clock })(callId);

test('a file made from a call is one of the written conversations, and runs as one', async () => {
  const { conversation, replaced } = await write(await talked());
  expect(JSON.stringify(conversation)).not.toMatch(/John|Wainwright|Main Street|123/);
  expect(conversation.talk[0]).toContain('calling from Parley');
  expect(replaced.map(({ kind, found }) => [kind, found])).toEqual([
    ['address', '123 Main Street'],
    ['name', 'John'],
  ]);
  expect(conversation.startedAt).toBe(STARTED.toISOString());
  expect(conversation.zone).toBe('America/New_York');
  const file = join(dir, 'mine.json');
  await writeFile(file, JSON.stringify(WrittenConversation.parse(conversation)));
  const [mine] = conversations(file);
  if (!mine) throw new Error('the file is not read');
  expect(mine).toMatchObject({ name: 'mine', isHeldOut: false });
  const { analysis } = byLexicon(mine);
  const found = {
    ...analysis,
    sentiment: analysis.sentiment.overall,
    extractedInfo: { ...analysis.extractedInfo },
  };
  expect(judge(mine, found).wrong).toEqual([]);
  expect(mine.expected.keyMoments).toEqual(VISIT.expected.keyMoments);
});

test('what a person marked as wrong is expected of nobody', async () => {
  const mark = (path: string): WrongClaim => ({ path, note: `not ${path}`, by: 'ada', at: STARTED });
  const paths = [
    'outcome',
    'keyMoments.commitment@9',
    'extractedInfo.timeframe',
    'followUpActions.site_visit@9',
  ];
  const { conversation, leftOut, notes } = await write(await talked({ wrong: paths.map(mark) }));
  const { outcome, keyMoments, extractedInfo, followUps } = conversation.expected;
  expect(outcome).toEqual([]);
  expect(keyMoments.some(({ type }) => type === 'commitment')).toBe(false);
  expect(extractedInfo).not.toHaveProperty('timeframe');
  expect(extractedInfo.priceExpectation).toBe(400_000);
  expect(followUps).toEqual([]);
  expect(leftOut).toEqual(paths.map((path) => ({ path, note: `not ${path}` })));
  expect(notes).toContain('The outcome was marked as wrong: say what is right.');
});

test('a file that is none is refused by its name', async () => {
  const file = join(dir, 'none.json');
  await writeFile(file, JSON.stringify({ about: 'nothing' }));
  expect(() => conversations(file)).toThrow(/none\.json is no written conversation/);
});

test('a call that nobody analysed, that goes on or that is gone makes no test', async () => {
  expect((await failureOf(write(ids.objectId()))).code).toBe('call_not_found');
  expect((await failureOf(write(await talked({ isAnalysed: false })))).code).toBe('not_found');
  const callId = await talked();
  const events = createEventLog({ store, clock, ids, log });
  await events.record(callId, { type: 'erased', what: 'content', why: 'request' });
  expect((await failureOf(write(callId))).code).toBe('invalid_request');
});

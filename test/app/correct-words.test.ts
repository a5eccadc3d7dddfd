/** Words that were heard wrongly are corrected by people: for everybody who reads them from then on, and never for good. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createIds } from '../../src/adapters/system.ts';
import { createCorrectWords } from '../../src/app/correct-words.ts';
import type { Store } from '../../src/app/ports.ts';
import { createEventLog } from '../../src/app/record-event.ts';
import { createSearchCalls } from '../../src/app/search-calls.ts';
import type { CallEventBody, PlatformTurn } from '../../src/domain/call.ts';
import { transcriptArchive } from '../../src/domain/documents.ts';
import { ERASED, eraseEvent } from '../../src/domain/erasure.ts';
import { foldTranscript, transcriptOf } from '../../src/domain/transcript.ts';
import { failureOf, silent as log } from '../contract/filled.ts';
import { type HandClock, handClock } from '../support/clock.ts';
import { type OpenStore, storesFor } from '../support/stores.ts';

const ids = createIds();
const ADA = { id: 'ada', name: 'Ada' };
const BO = { id: 'bo', name: 'Bo' };
const HEARD = 'I live on Pine Street, the roof is thirty';
const MEANT = 'I live on Vine Street, the roof is thirteen';
const NOON_MS = Date.UTC(2026, 10, 20, 12);

let store: Store;
let clock: HandClock;
let opened: OpenStore;

/** Another process has its own log over the same store. */
const inProcess = () => {
  const events = createEventLog({ store, clock, ids, log });
  return { events, correct: createCorrectWords({ store, clock, events }) };
};

const TALK: readonly CallEventBody[] = [
  {
    type: 'queued',
    attemptId: ids.objectId(),
    leadId: ids.objectId(),
    contactPhone: '+12065550111',
    fromPhone: '+12065550100',
    requestedBy: 'ada',
  },
  { type: 'answered' },
  { type: 'stream_opened', streamSid: 'MZ1' },
  { type: 'said', role: 'agent', text: 'Where do you live?', turn: 1 },
  { type: 'said', role: 'user', text: HEARD, turn: 1 },
  { type: 'taken_over', by: 'ada', name: 'Ada' },
];
const OVER: CallEventBody = { type: 'ended', status: 'completed', reason: 'over', durationSec: 20 };
const LINE = 1;

async function talked(bodies: readonly CallEventBody[] = [...TALK, OVER]): Promise<string> {
  const { events } = inProcess();
  const callId = ids.objectId();
  for (const body of bodies)
    await events.record(callId, body.type === 'queued' ? { ...body, attemptId: ids.objectId() } : body);
  const call = await events.call(callId);
  if (call)
    await store
      .collection('call_transcripts')
      .put(transcriptOf(call, await store.events(callId), new Date(clock.nowMs())));
  return callId;
}
const messages = async (callId: string) => foldTranscript(await store.events(callId));
const kept = async (callId: string) => await store.collection('call_transcripts').get(callId);

describe.each(storesFor('corrected words'))('on %s', (_name, open) => {
  beforeEach(async () => {
    clock = handClock(NOON_MS);
    opened = await open(clock);
    store = opened.store;
  });
  afterEach(() => opened.close());

  test('a corrected line reads so everywhere, is found by its new words only, and says who heard what', async () => {
    const callId = await talked();
    const search = createSearchCalls({ store });
    const found = async (text: string) =>
      (await search({ text, limit: 10 })).items.map(({ call }) => call._id);
    expect(await found('thirty')).toEqual([callId]);
    await inProcess().correct({ callId, messageIndex: LINE, wording: { was: HEARD, text: MEANT } }, ADA);
    const line = { text: MEANT, correction: { original: HEARD, by: 'Ada', at: new Date(NOON_MS) } };
    expect((await messages(callId))[LINE]).toMatchObject(line);
    expect((await kept(callId))?.messages[LINE]).toMatchObject(line);
    expect((await kept(callId))?.fullTranscript).toContain(MEANT);
    expect(await found('thirteen')).toEqual([callId]);
    expect(await found('thirty')).toEqual([]);
    const { totalMessages, ...rest } = (await kept(callId)) ?? {};
    expect(totalMessages).toBe(3);
    expect(rest).not.toHaveProperty('correction');
  });

  test('it is corrected again and undone, and the first words are kept through all of it', async () => {
    const callId = await talked();
    const { correct } = inProcess();
    await correct({ callId, messageIndex: LINE, wording: { was: HEARD, text: 'First try' } }, ADA);
    await correct({ callId, messageIndex: LINE, wording: { was: 'First try', text: MEANT } }, BO);
    expect((await messages(callId))[LINE]?.correction).toMatchObject({ original: HEARD, by: 'Bo' });
    await correct({ callId, messageIndex: LINE }, ADA);
    expect((await messages(callId))[LINE]?.text).toBe(HEARD);
    expect((await messages(callId))[LINE]).not.toHaveProperty('correction');
    expect((await kept(callId))?.messages[LINE]).not.toHaveProperty('correction');
    const told = (await store.events(callId)).filter(({ type }) => type === 'reworded');
    expect(told.map((event) => event.type === 'reworded' && [event.by, event.text])).toEqual([
      ['ada', 'First try'],
      ['bo', MEANT],
      ['ada', undefined],
    ]);
  });

  test('of two people who correct a line at once in two processes one is told that it reads otherwise by now', async () => {
    const callId = await talked();
    const tried = await Promise.allSettled(
      [ADA, BO].map((by) =>
        inProcess().correct(
          { callId, messageIndex: LINE, wording: { was: HEARD, text: `${by.name}: ${MEANT}` } },
          by,
        ),
      ),
    );
    const refused = tried.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []));
    expect(refused).toEqual(['transcript_conflict']);
    expect((await store.events(callId)).filter(({ type }) => type === 'reworded')).toHaveLength(1);
    expect((await kept(callId))?.messages).toEqual(await messages(callId));
  });

  test('what was asked for twice is done once, also where the transcript did not hear of it', async () => {
    const callId = await talked();
    const before = await kept(callId);
    const wording = { was: HEARD, text: MEANT };
    await inProcess().correct({ callId, messageIndex: LINE, wording }, ADA);
    if (before) await store.collection('call_transcripts').put(before);
    await inProcess().correct({ callId, messageIndex: LINE, wording }, ADA);
    expect((await kept(callId))?.fullTranscript).toContain(MEANT);
    expect((await store.events(callId)).filter(({ type }) => type === 'reworded')).toHaveLength(1);
  });

  test('a transcript that is archived is corrected there', async () => {
    const callId = await talked();
    const transcript = await kept(callId);
    if (!transcript) throw new Error('there is no transcript');
    await store.collection(transcriptArchive(2026)).put(transcript);
    await store.collection('call_transcripts').remove({ _id: callId });
    await inProcess().correct({ callId, messageIndex: LINE, wording: { was: HEARD, text: MEANT } }, ADA);
    expect((await store.collection(transcriptArchive(2026)).get(callId))?.fullTranscript).toContain(MEANT);
    expect(await kept(callId)).toBeUndefined();
  });

  test('nothing else can be corrected', async () => {
    const callId = await talked();
    const live = await talked([...TALK]);
    const { correct, events } = inProcess();
    const code = async (work: Promise<void>) => (await failureOf(work)).code;
    const wording = { was: HEARD, text: MEANT };
    expect(await code(correct({ callId: ids.objectId(), messageIndex: LINE, wording }, ADA))).toBe(
      'call_not_found',
    );
    expect(await code(correct({ callId, messageIndex: 77, wording }, ADA))).toBe('not_found');
    expect(await code(correct({ callId, messageIndex: 2, wording }, ADA))).toBe('invalid_request');
    expect(await code(correct({ callId: live, messageIndex: LINE, wording }, ADA))).toBe('invalid_request');
    expect(await code(correct({ callId, messageIndex: LINE, wording: { was: '?', text: 'x' } }, ADA))).toBe(
      'transcript_conflict',
    );
    await events.record(callId, { type: 'erased', what: 'content', why: 'request' });
    expect(await code(correct({ callId, messageIndex: LINE, wording }, ADA))).toBe('invalid_request');
    expect((await store.events(callId)).some(({ type }) => type === 'reworded')).toBe(false);
  });

  test('words of somebody who is erased in that moment do not stay', async () => {
    const callId = await talked();
    const { events } = inProcess();
    const correct = createCorrectWords({
      store,
      clock,
      events: {
        ...events,
        async record(...given) {
          await events.record(callId, { type: 'erased', what: 'content', why: 'request' });
          return await events.record(...given);
        },
      },
    });
    const work = correct({ callId, messageIndex: LINE, wording: { was: HEARD, text: MEANT } }, ADA);
    expect((await failureOf(work)).code).toBe('invalid_request');
    const [told] = (await store.events(callId)).filter(({ type }) => type === 'reworded');
    expect(told).toMatchObject({ text: ERASED });
  });
});

test('the platform’s account is compared with what was heard, not with what people made of it', () => {
  const at = new Date(NOON_MS);
  const stamp = { callId: 'c', sessionId: 'c', at };
  const all = [
    ...TALK,
    OVER,
    { type: 'reworded' as const, messageIndex: LINE, text: MEANT, by: 'ada', name: 'Ada' },
    {
      type: 'reconciled' as const,
      completeness: 'complete' as const,
      turns: [{ role: 'user', text: HEARD, offsetSec: 3, interrupted: false } satisfies PlatformTurn],
      source: 'poll' as const,
    },
  ].map((body, seq) => ({ ...body, ...stamp, _id: `${seq}`, eventId: `${seq}`, seq: seq + 1 }));
  expect(foldTranscript(all).map(({ text }) => text)).toEqual([
    'Where do you live?',
    MEANT,
    'Ada took over the call.',
  ]);
  const erased = all.map((event) => eraseEvent(event, 'Erased person 1'));
  expect(JSON.stringify(erased)).not.toContain('Vine');
});

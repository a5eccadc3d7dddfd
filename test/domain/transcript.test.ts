/** test/domain: what was said, as a fold of the events of a call, stands at the second where it was begun. */
import { expect, test } from 'vitest';
import type { CallEvent, CallEventBody } from '../../src/domain/call.ts';
import { completenessOf, foldTranscript } from '../../src/domain/transcript.ts';

const START_MS = Date.UTC(2026, 10, 18, 18, 0, 0);
const events = (...told: readonly (readonly [sec: number, body: CallEventBody])[]): CallEvent[] =>
  told.map(
    ([sec, body], seq) =>
      ({
        _id: `e${seq}`,
        eventId: `e${seq}`,
        callId: 'c1',
        seq,
        at: new Date(START_MS + sec * 1_000),
        ...body,
      }) as CallEvent,
  );
const said = (role: 'agent' | 'user', text: string, agoMs?: number): CallEventBody => ({
  type: 'said',
  role,
  text,
  turn: 1,
  ...(agoMs === undefined ? {} : { agoMs }),
});
const opened = [0, { type: 'stream_opened', streamSid: 'MZ1' }] as const;

test('a caller’s words stand where they were begun, not where the platform told them', () => {
  const lines = foldTranscript(
    events(opened, [1, said('agent', 'Hello.')], [8, said('user', 'Yes, this is she.', 4_100)]),
  );
  expect(lines.map(({ timestamp }) => timestamp)).toEqual([1, 3.9]);
});

test('no line stands before the one that was said before it, nor before the talk', () => {
  const lines = foldTranscript(
    events(
      opened,
      [1, said('user', 'Hello?', 9_000)],
      [5, said('agent', 'Good day.')],
      [6, said('user', 'Who is this?', 3_000)],
      [7, said('user', 'Older events do not say since when.')],
    ),
  );
  expect(lines.map(({ timestamp }) => timestamp)).toEqual([0, 5, 5, 7]);
});

test('what the agent made ready while the phone rang is said when somebody answers, and by nobody when nobody does', () => {
  const queued: CallEventBody = {
    type: 'queued',
    attemptId: 'a1',
    leadId: 'l1',
    contactPhone: '+12065550110',
    fromPhone: '+12065550100',
    requestedBy: 'ada',
  };
  const turn = { role: 'agent', text: 'Hi Ann.', offsetSec: 0, interrupted: false } as const;
  const rings = [
    [-9, queued],
    [-5, { type: 'ringing' }],
    [-4, said('agent', 'Hi Ann.')],
  ] as const;
  const unanswered = events(
    ...rings,
    [20, { type: 'ended', status: 'no_answer', reason: 'nobody answered' }],
    [21, { type: 'reconciled', completeness: 'complete', turns: [turn], source: 'webhook' }],
  );
  expect(foldTranscript(events(...rings))).toEqual([]);
  expect(foldTranscript(unanswered)).toEqual([]);
  expect([completenessOf(unanswered, [turn]), completenessOf(unanswered, undefined)]).toEqual([
    'complete',
    'complete',
  ]);
  const answered = foldTranscript(events(...rings, [-1, { type: 'answered' }], opened));
  expect(answered.map(({ text, timestamp }) => [text, timestamp])).toEqual([['Hi Ann.', 0]]);
});

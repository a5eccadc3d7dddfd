/** Subtitles: what is read when two speak at once, and that nothing is read when it is over. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TranscriptMessage } from '../../src/domain/documents.ts';
import { transcriptVtt } from '../../src/http/present.ts';

const said = (
  speaker: TranscriptMessage['speaker'],
  timestamp: number,
  text: string,
  more: Partial<TranscriptMessage> = {},
): TranscriptMessage => ({
  speaker,
  text,
  timestamp,
  turn: 0,
  interrupted: false,
  repaired: false,
  ...more,
});
const secondsOf = (clock: string): number => {
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(':').map(Number);
  return hours * 3_600 + minutes * 60 + seconds;
};
const timesOf = (messages: readonly TranscriptMessage[]) =>
  [...transcriptVtt(messages).matchAll(/^(\S+) --> (\S+)$/gm)].map(([, from = '', to = '']) => [
    secondsOf(from),
    secondsOf(to),
  ]);

test('a long sentence is read to its end though somebody says hello into it', () => {
  const opening = 'x'.repeat(200);
  expect(timesOf([said('agent', 0, opening), said('user', 0.2, 'Hello?'), said('user', 16, 'Yes.')])).toEqual(
    [
      [0, 12],
      [0.2, 1.2],
      [16, 17],
    ],
  );
});

test('what is mostly said ends where the other begins, and what was cut off ends there', () => {
  expect(timesOf([said('agent', 0, 'x'.repeat(100)), said('user', 4, 'Yes.')])[0]).toEqual([0, 4]);
  expect(
    timesOf([
      said('agent', 0, 'x'.repeat(200), { interrupted: true, heardMs: 1_500 }),
      said('user', 1, 'No.'),
    ])[0],
  ).toEqual([0, 1]);
});

test('cues stand in the order of their beginnings, end behind them, and nobody is read twice at once', () => {
  const message = fc
    .tuple(
      fc.constantFrom('agent' as const, 'user' as const),
      fc.integer({ min: 0, max: 60_000 }).map((ms) => ms / 1_000),
      fc.string({ maxLength: 300 }),
    )
    .map(([speaker, at, text]) => said(speaker, at, text));
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
      const ordered = [...messages].sort((a, b) => a.timestamp - b.timestamp);
      const times = timesOf(ordered);
      for (const [at, [from = 0, to = 0]] of times.entries()) {
        expect(to).toBeGreaterThan(from);
        const [next = Number.POSITIVE_INFINITY] = times[at + 1] ?? [];
        expect(next).toBeGreaterThanOrEqual(from);
        const again = times.findIndex(
          ([begins = 0], other) =>
            other > at && begins > from && ordered[other]?.speaker === ordered[at]?.speaker,
        );
        if (again > 0) expect(times[again]?.[0]).toBeGreaterThanOrEqual(to - 0.001);
      }
    }),
  );
});

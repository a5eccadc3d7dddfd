/** The analysis without a model: what it promises on conversations it was not tuned on, and what it never does. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evidenced, Findings } from '../../src/domain/analysis.ts';
import type { TranscriptMessage } from '../../src/domain/documents.ts';
import { type LineFacts, readByLexicon, sentimentOfWords } from '../../src/domain/lexicon.ts';
import { byLexicon } from '../evals/lexicon.ts';
import { conversations, FIELDS, type Field, judge, precision, recall, sum } from '../evals/scoring.ts';

const LINE: LineFacts = {
  startedAt: new Date('2026-11-18T18:00:00Z'),
  zone: 'America/New_York',
  optedOut: false,
  agentTalkTime: 0,
  userTalkTime: 0,
  silenceDuration: 0,
  interruptionCount: 0,
};
const said = (speaker: TranscriptMessage['speaker'], text: string, timestamp = 0): TranscriptMessage => ({
  speaker,
  text,
  timestamp,
  turn: 0,
  interrupted: false,
  repaired: false,
});
function read(messages: readonly TranscriptMessage[], line: LineFacts = LINE) {
  const work = readByLexicon(messages, line);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/**
 * As measured, when these lists were made, on the 13 conversations that were held out: written beforehand by the same hand,
 * never looked at while the lists were tuned on the other 26. [of what a person finds, of what is found right]
 */
const FLOOR: Readonly<Record<Field, readonly [number, number]>> = {
  outcome: [1, 1],
  sentiment: [1, 1],
  keyMoments: [0.72, 0.9],
  facts: [0.9, 0.86],
  followUps: [1, 0.88],
  dates: [1, 0.85],
};

test('on conversations that were held out it finds as much, and as rightly, as when it was made', () => {
  const held = conversations().filter(({ isHeldOut }) => isHeldOut);
  expect(held).toHaveLength(13);
  const scores = sum(
    held.map((conversation) => {
      const { analysis } = byLexicon(conversation);
      const { sentiment, extractedInfo } = analysis;
      return judge(conversation, {
        ...analysis,
        sentiment: sentiment.overall,
        extractedInfo: { ...extractedInfo },
      }).scores;
    }),
  );
  for (const field of FIELDS) {
    const [found, right] = FLOOR[field];
    expect(recall(scores[field]), `${field}: of what a person finds`).toBeGreaterThanOrEqual(found);
    expect(precision(scores[field]), `${field}: of what is found`).toBeGreaterThanOrEqual(right);
  }
});

test('nothing it claims of a written conversation has to be dropped, and its findings have the shape that is asked for', () => {
  for (const conversation of conversations()) {
    const { findings, dropped } = byLexicon(conversation);
    expect(dropped, conversation.name).toEqual([]);
    expect(Findings.safeParse(findings).error, conversation.name).toBeUndefined();
  }
});

const word = fc.constantFrom(
  ...'yes no i am not interested stop calling me wrong number tomorrow at five four hundred thousand my wife the roof leaks how much $400,000 ??? Thursday come by <script> ¿cuánto? 😀 toString __proto__'.split(
    ' ',
  ),
);
const words = fc.array(word, { maxLength: 20 }).map((all) => all.join(' '));
const anyTalk = fc.array(
  fc.tuple(
    fc.constantFrom('agent' as const, 'user' as const, 'system' as const),
    fc.oneof(words, fc.string()),
  ),
  {
    maxLength: 12,
  },
);

test('whatever is said, every claim rests on words that were said, and the same words give the same findings', () => {
  fc.assert(
    fc.property(anyTalk, (talk) => {
      const messages = talk.map(([speaker, text], at) => said(speaker, text, at));
      const findings = read(messages);
      expect(Findings.safeParse(findings).error).toBeUndefined();
      expect(evidenced(findings, messages, LINE.startedAt).dropped).toEqual([]);
      expect(read(messages)).toEqual(findings);
    }),
    { numRuns: 150 },
  );
});

describe('feelings', () => {
  test.each([
    ['thank you so much that is perfect', 0.5, 1],
    ['this is not good', -0.7, -0.1],
    ['leave me alone', -0.9, -0.5],
    ['no', 0, 0],
    ['it has three bedrooms and a new fence', -0.1, 0.1],
    ['oh great another robot', -0.9, -0.2],
    ['toString constructor __proto__', 0, 0],
  ])('%s', (norm, low, high) => {
    expect(sentimentOfWords(norm)).toBeGreaterThanOrEqual(low);
    expect(sentimentOfWords(norm)).toBeLessThanOrEqual(high);
  });
});

test('an agent that tells how to stop all calls is not taken for angry; somebody who says so is', () => {
  const opening =
    'Hi David, this is the AI assistant of Parley. To stop all calls, just say stop calling, or press nine. Do you still think of selling?';
  const { messages } = read([said('agent', opening), said('user', 'Stop calling me, leave me alone.', 2)]);
  const [agent, caller] = messages.map(({ sentiment }) => sentiment);
  expect(agent).toBe(0);
  expect(caller).toBeLessThan(-0.5);
});

describe('quality', () => {
  const stop = [said('agent', 'Would you sell?'), said('user', 'Take me off your list.', 2)];
  test('an opt-out that is taken at once is handled well, one that is talked over is not', () => {
    const honoured = read([...stop, said('agent', 'You will get no more calls from us. Goodbye.', 4)]);
    const ignored = read([...stop, said('agent', 'But would you consider a cash offer?', 4)]);
    expect(honoured.qualityFactors.objectionHandling).toBe(1);
    expect(ignored.qualityFactors.objectionHandling).toBe(0);
  });
  test('an agent that talks alone and answers late is worse than one that listens', () => {
    const talk = [
      said('agent', 'How are you?'),
      said('user', 'Fine. And you?', 2),
      said('agent', 'Well.', 4),
    ];
    const good = read(talk, { ...LINE, agentTalkTime: 50, userTalkTime: 50, medianLatencyMs: 900 });
    const bad = read(talk, { ...LINE, agentTalkTime: 95, userTalkTime: 5, medianLatencyMs: 4_500 });
    expect(bad.qualityFactors.activeListening).toBeLessThan(good.qualityFactors.activeListening);
    expect(bad.qualityFactors.clearCommunication).toBeLessThan(good.qualityFactors.clearCommunication);
  });
});

test('nothing is arranged with a person whose zone is unknown at a time, nor after a stop', () => {
  const talk = [said('agent', 'When may I call?'), said('user', 'Call me tomorrow at five.', 2)];
  const { zone: _, ...nowhere } = LINE;
  expect(read(talk).followUpActions[0]?.scheduledFor).toBe('2026-11-19T22:00:00.000Z');
  expect(read(talk, nowhere).followUpActions).toMatchObject([{ type: 'callback' }]);
  expect(read(talk, nowhere).followUpActions[0]).not.toHaveProperty('scheduledFor');
  expect(read([...talk, said('user', 'Actually, stop calling me.', 4)]).followUpActions).toEqual([]);
});

test('it rests after every message of a long call', () => {
  const talk = Array.from({ length: 300 }, (_, at) =>
    said(at % 2 ? 'user' : 'agent', 'I need to think about it.', at),
  );
  let rests = 0;
  for (const work = readByLexicon(talk, LINE); work.next().done !== true; ) rests += 1;
  expect(rests).toBeGreaterThan(600);
});

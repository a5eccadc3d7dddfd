/** An analysis keeps what was said where it is said to be, and nothing else. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Analysis,
  claimsOf,
  differences,
  evidenced,
  type Findings,
  KEY_MOMENTS,
  MOTIVATIONS,
  TOPICS,
  wasSaid,
} from '../../src/domain/analysis.ts';
import { type CallEvent, type CallEventBody, foldCall } from '../../src/domain/call.ts';
import type { TranscriptMessage } from '../../src/domain/documents.ts';
import { eraseEvent } from '../../src/domain/erasure.ts';
import { amountsIn, saysAmount } from '../../src/domain/spoken-amounts.ts';
import { spokenDate } from '../../src/domain/spoken-dates.ts';
import { foldTranscript } from '../../src/domain/transcript.ts';

const STARTED = new Date('2026-11-18T18:00:00Z');

const said = (speaker: TranscriptMessage['speaker'], text: string, timestamp: number): TranscriptMessage => ({
  speaker,
  text,
  timestamp,
  turn: 0,
  interrupted: false,
  repaired: false,
});
const TALK = [
  said('agent', 'Would you consider an offer?', 0),
  said('user', "I don't know. I'd want at least four hundred thousand.", 4.2),
  said('agent', 'May we see it on Thursday at 2 pm?', 9),
  said('user', 'Yes, Thursday works for me.', 12.5),
  said('agent', 'Thank you.', 15),
];
const nothing: Findings = {
  sentiment: 0,
  messages: [],
  keyMoments: [],
  extractedInfo: { motivationFactors: [] },
  followUpActions: [],
  qualityScore: 0.5,
  qualityFactors: {
    clearCommunication: 0.5,
    activeListening: 0.5,
    objectionHandling: 0.5,
    outcomeAchieved: 0.5,
  },
  topics: [],
  keywords: [],
  summary: [],
};
const read = (more: Partial<Findings>) => evidenced({ ...nothing, ...more }, TALK, STARTED);

describe('evidence', () => {
  test('a quote counts in any case and punctuation, as whole words in their order', () => {
    expect(wasSaid('I DON’T know', TALK[1]?.text ?? '')).toBe(true);
    expect(wasSaid('don t know', TALK[1]?.text ?? '')).toBe(false);
    expect(wasSaid('now', 'I do not know')).toBe(false);
    expect(wasSaid('know I', 'I do not know')).toBe(false);
    expect(wasSaid('...', 'I do not know')).toBe(false);
    expect(wasSaid('manana a las 3', 'Llámeme mañana, a las 3.')).toBe(true);
  });

  test('a moment has its time and both sentences from the transcript, not from whoever analysed it', () => {
    const { analysis, dropped } = read({
      keyMoments: [{ type: 'commitment', messageIndex: 3, quote: 'Thursday works', resolved: true }],
    });
    expect(dropped).toEqual([]);
    expect(analysis.keyMoments).toEqual([
      {
        type: 'commitment',
        messageIndex: 3,
        timestamp: 12.5,
        userText: 'Yes, Thursday works for me.',
        agentResponse: 'Thank you.',
        resolved: true,
      },
    ]);
    expect(analysis.evidence).toEqual([
      { path: 'keyMoments.commitment@3', messageIndex: 3, quote: 'Thursday works' },
    ]);
  });

  test('what the agent said is no objection and no fact of the person', () => {
    const { analysis, dropped } = read({
      keyMoments: [{ type: 'interest', messageIndex: 0, quote: 'consider an offer' }],
      extractedInfo: {
        motivationFactors: [{ value: 'divorce', messageIndex: 2, quote: 'see it' }],
        timeframe: { value: '30_days', messageIndex: 9, quote: 'in a month' },
      },
    });
    expect(analysis.keyMoments).toEqual([]);
    expect(analysis.extractedInfo).toEqual({ motivationFactors: [] });
    expect(dropped.map(({ path, why }) => [path, why])).toEqual([
      ['keyMoments.interest@0', 'not_said_by_them'],
      ['extractedInfo.motivationFactors.divorce', 'not_said_by_them'],
      ['extractedInfo.timeframe', 'no_such_message'],
    ]);
  });

  test('a price is one that was named in its quote', () => {
    const quote = 'at least four hundred thousand';
    const priced = (value: number) =>
      read({ extractedInfo: { motivationFactors: [], priceExpectation: { value, messageIndex: 1, quote } } });
    expect(priced(400_000).analysis.extractedInfo.priceExpectation).toBe(400_000);
    expect(priced(450_000).analysis.extractedInfo.priceExpectation).toBeUndefined();
    expect(priced(450_000).dropped).toMatchObject([{ why: 'another_amount' }]);
  });

  test('a time before the call, too far away or of no zone is left out, and the step stays', () => {
    const step = (scheduledFor: string) =>
      read({
        followUpActions: [
          { type: 'site_visit', scheduledFor, notes: 'See it.', messageIndex: 3, quote: 'Thursday works' },
        ],
      });
    expect(step('2026-11-19T14:00:00-05:00').analysis.followUpActions).toEqual([
      { type: 'site_visit', notes: 'See it.', scheduledFor: new Date('2026-11-19T19:00:00Z') },
    ]);
    for (const wrong of [
      '2026-11-17T14:00:00-05:00',
      '2030-01-01T00:00:00Z',
      '2026-11-19T14:00:00',
      'Thursday Z',
    ]) {
      expect(step(wrong).analysis.followUpActions, wrong).toEqual([{ type: 'site_visit', notes: 'See it.' }]);
      expect(step(wrong).dropped, wrong).toMatchObject([{ why: 'impossible_time' }]);
    }
  });

  test('keywords are words of the call, and the same claim counts once', () => {
    const twice = { type: 'commitment' as const, messageIndex: 3, quote: 'Yes' };
    const { analysis, dropped } = read({
      keywords: ['Thursday', 'pool', 'Thursday'],
      keyMoments: [twice, twice],
    });
    expect(analysis.keywords).toEqual(['Thursday']);
    expect(analysis.keyMoments).toHaveLength(1);
    expect(dropped.map(({ why }) => why)).toEqual(['said_twice', 'not_in_the_call']);
  });

  test('the timeline and the shares of feelings are reckoned from the messages of the person', () => {
    const { analysis } = read({
      messages: [
        { messageIndex: 0, sentiment: 1 },
        { messageIndex: 1, sentiment: -0.5 },
        { messageIndex: 3, sentiment: 0.5 },
      ],
    });
    expect(analysis.sentiment.timeline).toEqual([{ timestamp: 0, score: -0.167 }]);
    expect(analysis.sentiment.emotions).toEqual({ positive: 0.333, neutral: 0, negative: 0.667 });
  });
});

const word = fc.constantFrom(
  'yes',
  'no',
  'Thursday',
  "don't",
  'house',
  'four',
  'hundred',
  '...',
  'é',
  '<b>',
  '',
);
const text = fc.array(word, { maxLength: 8 }).map((all) => all.join(' '));
const talk = fc.array(
  fc.record({ speaker: fc.constantFrom('agent' as const, 'user' as const, 'system' as const), text }),
  { maxLength: 6 },
);
const index = fc.integer({ min: 0, max: 7 });
const quote = text.map((given) => given || 'x');
const anyFindings: fc.Arbitrary<Findings> = fc.record({
  sentiment: fc.double({ min: -1, max: 1, noNaN: true }),
  messages: fc.array(
    fc.record({ messageIndex: index, sentiment: fc.double({ min: -1, max: 1, noNaN: true }) }),
  ),
  keyMoments: fc.array(fc.record({ type: fc.constantFrom(...KEY_MOMENTS), messageIndex: index, quote })),
  extractedInfo: fc.record({
    motivationFactors: fc.array(
      fc.record({ value: fc.constantFrom(...MOTIVATIONS), messageIndex: index, quote }),
    ),
    priceExpectation: fc.record({
      value: fc.integer({ min: 1_000, max: 900_000 }),
      messageIndex: index,
      quote,
    }),
  }),
  outcome: fc.record({
    value: fc.constantFrom('qualified' as const, 'callback' as const),
    messageIndex: index,
    quote,
  }),
  followUpActions: fc.array(
    fc.record({
      type: fc.constantFrom('callback' as const, 'site_visit' as const),
      scheduledFor: fc.constantFrom('2026-11-19T14:00:00-05:00', '2020-01-01T00:00:00Z', 'soon'),
      notes: text,
      messageIndex: index,
      quote,
    }),
    { maxLength: 5 },
  ),
  qualityScore: fc.double({ min: 0, max: 1, noNaN: true }),
  qualityFactors: fc.constant(nothing.qualityFactors),
  topics: fc.array(fc.record({ topic: fc.constantFrom(...TOPICS), messageIndex: index, quote }), {
    maxLength: 8,
  }),
  keywords: fc.array(quote, { maxLength: 5 }),
  summary: fc.array(fc.record({ text: quote, messageIndex: index, quote }), { maxLength: 5 }),
});

describe('whatever is claimed', () => {
  test('everything kept was said where its evidence says, every claim is kept or dropped, and nobody is misquoted', () => {
    fc.assert(
      fc.property(talk, anyFindings, (lines, given) => {
        const messages = lines.map((line, at) => said(line.speaker, line.text, at));
        const { analysis, dropped } = evidenced(given, messages, STARTED);
        for (const { messageIndex, quote: words } of analysis.evidence)
          expect(wasSaid(words, messages[messageIndex]?.text ?? '')).toBe(true);
        expect(new Set(analysis.evidence.map(({ path }) => path)).size).toBe(analysis.evidence.length);
        for (const { messageIndex, userText } of analysis.keyMoments)
          expect(messages[messageIndex]).toMatchObject({ speaker: 'user', text: userText });
        const claimed =
          given.keyMoments.length +
          given.extractedInfo.motivationFactors.length +
          2 +
          given.followUpActions.length +
          given.topics.length +
          given.summary.length;
        const lost = dropped.filter(({ path }) => !/^(?:messages|keywords)\.|\.scheduledFor$/.test(path));
        expect(analysis.evidence.length + lost.length).toBe(claimed);
        const { positive, neutral, negative } = analysis.sentiment.emotions;
        expect([0, 1]).toContain(Math.round((positive + neutral + negative) * 100) / 100);
      }),
      { numRuns: 300 },
    );
  });

  test('the same findings give the same analysis, and an analysis is no different from itself', () => {
    fc.assert(
      fc.property(talk, anyFindings, (lines, given) => {
        const messages = lines.map((line, at) => said(line.speaker, line.text, at));
        const once = evidenced(given, messages, STARTED).analysis;
        expect(evidenced(structuredClone(given), messages, STARTED).analysis).toEqual(once);
        expect(differences(once, once)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});

test('two analyses are compared claim by claim', () => {
  const first = read({ outcome: { value: 'callback', messageIndex: 3, quote: 'Thursday' } }).analysis;
  const second = read({
    outcome: { value: 'qualified', messageIndex: 3, quote: 'Thursday' },
    topics: [{ topic: 'site_visit', messageIndex: 2, quote: 'see it' }],
  }).analysis;
  expect(differences(first, second)).toEqual([
    { path: 'outcome', a: 'callback', b: 'qualified' },
    { path: 'topics.site_visit', b: true },
  ]);
  expect(claimsOf(second).get('topics.site_visit')).toBe(true);
});

describe('sums as people say them', () => {
  test.each([
    ['$425,000', 425_000],
    ['four hundred twenty five thousand', 425_000],
    ['four hundred and fifty thousand', 450_000],
    ['400k', 400_000],
    ['half a million', 500_000],
    ['1.2 million', 1_200_000],
    ['a hundred and forty thousand', 140_000],
    ['two hundred grand', 200_000],
  ])('%s', (words, dollars) => {
    expect(amountsIn(`I want ${words} for it`).map(({ value }) => value)).toEqual([dollars]);
    expect(saysAmount(words, dollars)).toBe(true);
    expect(saysAmount(words, dollars * 1.1)).toBe(false);
  });
  test('"four twenty-five" may be thousands', () => {
    expect(saysAmount('Four twenty-five', 425_000)).toBe(true);
    expect(amountsIn('three or four hundred').map(({ value }) => value)).toEqual([3, 400]);
  });
});

describe('times as people say them, on a Wednesday at one in New York', () => {
  const at = (words: string, zone = 'America/New_York') => spokenDate(words, STARTED, zone)?.at.toISOString();
  test.each([
    ['call me tomorrow after five', '2026-11-19T22:00:00.000Z'],
    ['Thursday at two works', '2026-11-19T19:00:00.000Z'],
    ['in an hour', '2026-11-18T19:00:00.000Z'],
    ['in twenty minutes', '2026-11-18T18:20:00.000Z'],
    ['next Tuesday at 3:30 pm', '2026-11-24T20:30:00.000Z'],
    ['the twenty third at ten in the morning', '2026-11-23T15:00:00.000Z'],
    ['December 3rd at noon', '2026-12-03T17:00:00.000Z'],
    ['tomorrow morning', '2026-11-19T15:00:00.000Z'],
    ['llámeme el viernes por la tarde', '2026-11-20T19:00:00.000Z'],
    ['mañana a las tres', '2026-11-19T20:00:00.000Z'],
  ])('%s', (words, expected) => expect(at(words)).toBe(expected));
  test.each([
    'I bought it three years ago',
    'I have had it a week',
    'call back in March',
    'no',
    'four bedrooms',
  ])('no time: %s', (words) => expect(at(words)).toBeUndefined());
  test('the clock is that of the person, also across a change to winter time', () => {
    expect(at('tomorrow at nine am', 'America/Los_Angeles')).toBe('2026-11-19T17:00:00.000Z');
    expect(
      spokenDate('Monday at nine am', new Date('2026-10-30T18:00:00Z'), 'America/New_York')?.at.toISOString(),
    ).toBe('2026-11-02T14:00:00.000Z');
  });
});

describe('a call that was analysed', () => {
  let seq = 0;
  const event = (body: CallEventBody, sec = 0): CallEvent => {
    seq += 1;
    return {
      ...body,
      _id: `e${seq}`,
      eventId: `e${seq}`,
      callId: 'c',
      sessionId: 'c',
      seq,
      at: new Date(STARTED.getTime() + sec * 1_000),
    };
  };
  const begun = (): CallEvent[] => [
    event({
      type: 'queued',
      attemptId: 'a',
      leadId: 'l',
      contactPhone: '+12125550100',
      fromPhone: '+12125550101',
      requestedBy: 'r',
    }),
    event({ type: 'answered' }),
    ...TALK.map(({ speaker, text: words, timestamp }, turn) =>
      event({ type: 'said', role: speaker, text: words, turn }, timestamp),
    ),
    event({ type: 'ended', status: 'completed', reason: 'over' }, 20),
    event({ type: 'reconciled', completeness: 'complete', turns: [], source: 'poll' }, 30),
  ];
  const analysed = (analysis: Analysis, id = '1') =>
    event({
      type: 'analysed',
      analysisId: id,
      origin: { by: 'lexicon', version: 'x', transcriptHash: 'h' },
      analysis,
    });
  const understanding = (outcome: 'qualified' | 'opted_out') =>
    read({
      sentiment: 0.4,
      messages: [{ messageIndex: 3, sentiment: 0.5 }],
      outcome: { value: outcome, messageIndex: 3, quote: 'Thursday works' },
      disposition: { value: 'interested', messageIndex: 3, quote: 'Yes' },
      followUpActions: [
        {
          type: 'site_visit',
          scheduledFor: '2026-11-19T14:00:00-05:00',
          notes: 'See it.',
          messageIndex: 3,
          quote: 'Thursday works',
        },
      ],
      topics: [{ topic: 'site_visit', messageIndex: 2, quote: 'see it' }],
      summary: [{ text: 'They take a visit.', messageIndex: 3, quote: 'Yes' }],
    }).analysis;
  const ended = (outcome: 'hung_up' | 'not_interested') =>
    event({ type: 'concluded', outcome, reason: 'over' }, 21);

  test('waits for its analysis from the moment its words are whole until it has one', () => {
    expect(foldCall(begun())?.analysisDue).toEqual(STARTED);
    expect(foldCall([...begun(), analysed(understanding('qualified'))])).not.toHaveProperty('analysisDue');
  });

  test('has the outcome of its analysis where nobody said one, and that of the agent where it did', () => {
    const open = foldCall([...begun(), ended('hung_up'), analysed(understanding('qualified'))]);
    expect(open).toMatchObject({
      outcome: 'qualified',
      disposition: 'interested',
      sentiment: { overall: 0.4 },
      summary: 'They take a visit.',
      analysis: { by: 'lexicon', analysisId: '1', topics: ['site_visit'] },
    });
    const said = foldCall([...begun(), ended('not_interested'), analysed(understanding('qualified'))]);
    expect(said).toMatchObject({
      outcome: 'not_interested',
      disposition: 'not_interested',
      analysis: { outcome: 'qualified' },
    });
  });

  test('is never made a stop by an analysis, nor freed of one', () => {
    const heard = foldCall([...begun(), ended('hung_up'), analysed(understanding('opted_out'))]);
    expect(heard).toMatchObject({ outcome: 'hung_up', optedOut: false });
    const stopped = foldCall([
      ...begun(),
      event({ type: 'opted_out', channel: 'voice', words: 'stop' }),
      analysed(understanding('qualified')),
    ]);
    expect(stopped).toMatchObject({
      outcome: 'opted_out',
      disposition: 'do_not_call',
      optedOut: true,
      followUpActions: [],
    });
  });

  test('keeps what the agent arranged, and only the last analysis’ own steps beside it', () => {
    const arranged = event({
      type: 'follow_up_scheduled',
      kind: 'site_visit',
      scheduledFor: new Date('2026-11-19T19:00:00Z'),
      notes: 'arranged',
    });
    const same = foldCall([...begun(), arranged, analysed(understanding('qualified'))]);
    expect(same?.followUpActions).toMatchObject([{ notes: 'arranged' }]);
    const twice = foldCall([
      ...begun(),
      analysed(understanding('qualified')),
      analysed(understanding('qualified'), '2'),
    ]);
    expect(twice?.followUpActions).toMatchObject([{ type: 'site_visit', foundBy: 'analysis' }]);
    expect(foldCall([...begun(), analysed(read({}).analysis, '3')])?.followUpActions).toEqual([]);
  });

  test('shows in its transcript what was felt in each message', () => {
    const all = [...begun(), analysed(understanding('qualified'))];
    expect(foldTranscript(all).map(({ sentiment }) => sentiment)).toEqual([
      undefined,
      undefined,
      undefined,
      0.5,
      undefined,
    ]);
  });

  test('pays for the model, and has no word left when the person is erased', () => {
    const cost = {
      inputTokens: 1,
      outputTokens: 1,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      totalCost: 0.02,
    };
    const made = analysed(understanding('qualified'));
    const paid = { ...made, origin: { by: 'claude', version: 'v', transcriptHash: 'h', cost } } as CallEvent;
    const all = [
      ...begun(),
      event({
        type: 'costed',
        cost: {
          twilioMinutes: 1,
          twilioRate: 0.014,
          elevenLabsMinutes: 1,
          elevenLabsRate: 0.1,
          totalCost: 0.11,
        },
      }),
      paid,
    ];
    expect(foldCall(all)?.cost).toMatchObject({ claudeCost: 0.02, totalCost: 0.13 });
    const erased = JSON.stringify(foldCall(all.map((each) => eraseEvent(each, 'x'))));
    for (const words of ['Thursday', 'See it', 'They take']) expect(erased).not.toContain(words);
  });
});

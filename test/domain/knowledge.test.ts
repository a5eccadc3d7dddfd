/** Which entry answers, how a look-up went, and what rules alone would rather say. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readKnowledge } from '../../src/app/knowledge.ts';
import type { KeyMoment } from '../../src/domain/analysis.ts';
import type { CallEvent } from '../../src/domain/call.ts';
import type { TranscriptMessage } from '../../src/domain/documents.ts';
import {
  activeVersion,
  heldEvidence,
  improvementOf,
  type KnowledgeEntry,
  knowledgeIndex,
  knowledgeProblems,
  lookUpsIn,
  proposedByRules,
  resultOf,
  spokenBody,
  type Talk,
} from '../../src/domain/knowledge.ts';

const at = new Date('2026-11-18T18:00:00Z');
const entry = (key: string, more: Partial<KnowledgeEntry> = {}): KnowledgeEntry => ({
  _id: key,
  key,
  kind: 'objection_handler',
  version: 1,
  title: key,
  body: 'Words.',
  tags: [],
  active: true,
  activatedAt: at,
  stats: { used: 0, succeeded: 0 },
  createdBy: 'test',
  createdAt: at,
  updatedAt: at,
  ...more,
});
const shipped = readKnowledge((file) => readFileSync(file, 'utf8'));
const choose = knowledgeIndex(shipped.map((each) => entry(each.key, each)));

describe('what comes with the product answers', () => {
  test.each([
    ["I'm not sure about selling right now.", 'not_ready_to_sell'],
    ['I would need to think about it first.', 'not_ready_to_sell'],
    ['Your offers are always too low.', 'price_too_low'],
    ["The house is worth a lot more than that, it's an insulting offer.", 'price_too_low'],
    ['We already have an agent.', 'has_an_agent'],
    ['It is listed with a realtor.', 'has_an_agent'],
    ['I have to talk to my wife about that.', 'someone_else_decides'],
    ['That sounds like a scam to me.', 'is_this_a_scam'],
    ["So what's the catch?", 'is_this_a_scam'],
    ['Do I pay a commission?', 'fees_and_commissions'],
    ['I would rather sell it myself.', 'sell_it_myself'],
    ['The roof is falling apart and it needs repairs.', 'bad_condition'],
    ['There is still a mortgage on it.', 'owes_more'],
    ['We have tenants in there until May.', 'tenants_inside'],
    ['It was my mother’s, it is in probate.', 'inherited_house'],
    ['How does this work?', 'how_it_works'],
    ['How fast could you close?', 'how_fast'],
    ['Why are you calling about my house?', 'why_this_house'],
    ['What would you pay for it?', 'what_is_it_worth'],
  ])('to "%s"', (said, key) => {
    expect(choose({ said })?.key).toBe(key);
  });

  test.each(['', 'Hello?', 'Yes, this is she.', 'Sure, go ahead.', 'It is raining in Boston today.', '…!?'])(
    'nothing to "%s"',
    (said) => {
      expect(choose({ said })).toBeUndefined();
    },
  );

  test('to a topic of the agent as to words of the person', () => {
    expect(choose({ topic: 'fees' })?.key).toBe('fees_and_commissions');
  });
});

test('of two entries that say the same, the one that settled more is chosen', () => {
  const tags = ['too low'];
  const weak = entry('a', { tags, stats: { used: 20, succeeded: 1 } });
  const strong = entry('b', { tags, stats: { used: 20, succeeded: 18 } });
  expect(knowledgeIndex([weak, strong])({ said: 'It is too low' })?.key).toBe('b');
  expect(knowledgeIndex([strong, weak])({ said: 'It is too low' })?.key).toBe('b');
});

test('choosing knows only the entries it is given, whatever is said', () => {
  const keys = new Set(shipped.map(({ key }) => key));
  fc.assert(
    fc.property(fc.string({ maxLength: 400 }), (said) => {
      const found = choose({ said });
      return found === undefined || keys.has(found.key);
    }),
    { numRuns: 300 },
  );
});

test('of several active versions the one activated last is in use, an earlier one too', () => {
  const older = entry('a', { version: 1, activatedAt: new Date(at.getTime() + 5) });
  const newer = entry('a', { version: 2 });
  expect(activeVersion([newer, older])?.version).toBe(1);
  expect(activeVersion([{ ...newer, active: false }, older])?.version).toBe(1);
  expect(activeVersion([{ ...newer, active: false }])).toBeUndefined();
});

test('a wording is refused for every fault, by field', () => {
  const good = { kind: 'faq', title: 'T', body: 'We are {{seller_name}}.', tags: ['fees'] } as const;
  expect(knowledgeProblems(good)).toEqual({});
  expect(knowledgeProblems({ ...good, body: ' ' })).toHaveProperty('body');
  expect(knowledgeProblems({ ...good, body: 'x'.repeat(1_201) })).toHaveProperty('body');
  expect(knowledgeProblems({ ...good, body: 'Hi {{name}}' }).body).toContain('{{name}}');
  expect(knowledgeProblems({ ...good, body: 'Hi {{seller_name}' })).toHaveProperty('body');
  expect(knowledgeProblems({ ...good, tags: ['the'] })).toHaveProperty('tags');
  expect(spokenBody(good, 'Har$&bor')).toBe('We are Har$&bor.');
});

// ── How it went ────────────────────────────────────────────────────────────────────────────────────────────────────────

const event = (seq: number, sec: number, body: object): CallEvent =>
  ({
    _id: String(seq),
    eventId: String(seq),
    callId: 'c',
    sessionId: 'c',
    seq,
    at: new Date(at.getTime() + sec * 1_000),
    ...body,
  }) as CallEvent;
const said = (speaker: TranscriptMessage['speaker'], text: string, timestamp: number): TranscriptMessage => ({
  speaker,
  text,
  timestamp,
  turn: 0,
  interrupted: false,
  repaired: false,
});

test('a look-up is about what the person said last before it', () => {
  const events = [
    event(1, 0, { type: 'stream_opened', streamSid: 's' }),
    event(2, 7, { type: 'looked_up', entry: { key: 'a', version: 2 } }),
    event(3, 9, { type: 'looked_up' }),
  ];
  const messages = [said('agent', 'Hi', 1), said('user', 'Too low', 6), said('agent', 'I see', 8)];
  expect(lookUpsIn(events, messages)).toEqual([
    { entry: { key: 'a', version: 2 }, atSec: 7, messageIndex: 1 },
    { atSec: 9, messageIndex: 1 },
  ]);
});

const moment = (messageIndex: number, resolved?: boolean): KeyMoment => ({
  type: 'objection',
  messageIndex,
  timestamp: 0,
  userText: '',
  ...(resolved === undefined ? {} : { resolved }),
});

test.each([
  ['settled', [moment(4, true)], 'not_interested', []],
  ['open', [moment(4, false)], 'qualified', []],
  ['settled', [moment(3, true), moment(9, false)], undefined, []],
  ['partly', [moment(9, false)], 'qualified', []],
  ['partly', [], 'callback', []],
  ['unclear', [], 'hung_up', []],
  ['open', [moment(4, true)], 'qualified', ['keyMoments.objection@4']],
  ['settled', [moment(4, false)], 'hung_up', ['keyMoments.objection@4']],
] as const)('a look-up went %s', (result, keyMoments, outcome, wrong) => {
  const call = { keyMoments: [...keyMoments], ...(outcome ? { outcome } : {}) };
  expect(resultOf({ messageIndex: 4 }, call, new Set(wrong))).toBe(result);
});

// ── Proposals ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const talk = (callId: string, result: Talk['result'], answer: string, names: string[] = []): Talk => ({
  callId,
  result,
  messageIndex: 3,
  messages: [
    { ...said('user', 'That is far too low for me.', 9), index: 3 },
    { ...said('agent', answer, 12), index: 4 },
  ],
  remarks: [],
  names,
});
const weak = entry('price_too_low', {
  stats: { used: 8, succeeded: 1 },
  tags: ['too low'],
  body: 'Old words.',
});
const GOOD = 'Let us look at three houses near yours that sold, and what was left after the fees.';

test('rules propose what settled the same elsewhere, and say what it rests on', () => {
  const talks = [
    talk('a', 'open', 'Old words.'),
    talk('b', 'other', GOOD),
    talk('c', 'other', `${GOOD} Now.`),
  ];
  const draft = proposedByRules(weak, talks);
  expect(draft?.body).toBe(`${GOOD} Old words.`);
  expect(draft?.insight).toContain('settled 1 of 8');
  const held = heldEvidence(draft?.evidence ?? [], talks);
  expect(held).toHaveLength(draft?.evidence.length ?? -1);
  expect(held.map(({ callId }) => callId)).toEqual(['b', 'c', 'a']);
});

test.each([
  [
    'too few uses',
    { ...weak, stats: { used: 4, succeeded: 0 } },
    [talk('b', 'other', GOOD), talk('c', 'other', GOOD)],
  ],
  [
    'a version that does well',
    { ...weak, stats: { used: 8, succeeded: 5 } },
    [talk('b', 'other', GOOD), talk('c', 'other', GOOD)],
  ],
  ['a single talk', weak, [talk('b', 'other', GOOD)]],
  ['talks that went no better', weak, [talk('b', 'open', GOOD), talk('c', 'open', GOOD)]],
  [
    'words that tell who it was',
    weak,
    [talk('b', 'other', `Maria, ${GOOD}`, ['Maria']), talk('c', 'other', `Maria! ${GOOD}`, ['Maria'])],
  ],
] as const)('rules propose nothing from %s', (_, of, talks) => {
  expect(proposedByRules(of, talks)).toBeUndefined();
});

test('a quote that nobody said there is thrown away', () => {
  const talks = [talk('a', 'open', 'Old words.')];
  const quotes = [
    { talk: 0, messageIndex: 3, quote: 'far too low' },
    { talk: 0, messageIndex: 4, quote: 'far too low' },
    { talk: 0, messageIndex: 9, quote: 'far too low' },
    { talk: 1, messageIndex: 3, quote: 'far too low' },
  ];
  expect(heldEvidence(quotes, talks)).toEqual([
    { callId: 'a', messageIndex: 3, atSec: 9, speaker: 'user', quote: 'far too low' },
  ]);
});

test('an improvement is told only where both versions were used often enough', () => {
  expect(improvementOf({ used: 10, succeeded: 2 }, { used: 4, succeeded: 4 })).toBeUndefined();
  expect(improvementOf({ used: 10, succeeded: 2 }, { used: 5, succeeded: 4 })).toEqual({
    before: 0.2,
    now: 0.8,
    change: expect.closeTo(0.6),
  });
});

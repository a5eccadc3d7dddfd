/** test/wire/agent-brain: what the sandbox agent decides, and what it hears, without any socket. */
import { describe, expect, test } from 'vitest';
import {
  type Act,
  begin,
  type Facts,
  sentences,
  type Thought,
  think,
  understand,
  whenSaid,
} from '../../src/sandbox/agent/brain.ts';
import { Ear, Phrasebook, type Utterance, wordsBetween } from '../../src/sandbox/agent/hearing.ts';
import { FRAME_BYTES, ULAW_SILENCE } from '../../src/sandbox/audio.ts';
import { murmur } from '../support/agent.ts';

const NOON = Date.parse('2026-11-18T17:00:00Z'); // a Wednesday, noon in New York

function facts(change: Partial<Facts> = {}): Facts {
  return {
    variables: { lead_name: 'Ana', seller_name: 'Harbor Homes' },
    voicemail: 'hang_up',
    looksUp: false,
    seed: 1,
    ...change,
  };
}
function hear(thought: Thought, ...texts: string[]): Thought {
  return texts.reduce(
    (now, text) => think(now.mind, { kind: 'heard', text, nowMs: NOON, greeting: 'over' }),
    thought,
  );
}
function tool(thought: Thought, name: string, ok: boolean, result = '{}'): Thought {
  return think(thought.mind, { kind: 'tool_answered', name, ok, result });
}
const words = (acts: readonly Act[]) =>
  acts
    .map((act) => (act.do === 'say' ? act.text : ''))
    .join(' ')
    .trim();
const ends = (acts: readonly Act[]) => acts.flatMap((act) => (act.do === 'end' ? [act.reason] : []));

describe('the brain', () => {
  test('says in its first sentence that it is an AI, for whom it calls, and how to be left alone', () => {
    const text = words(begin(facts()).acts);
    expect(sentences(text)[0]).toBe('Hi Ana, this is an AI assistant calling for Harbor Homes.');
    expect(text).toMatch(/recorded/);
    expect(text).toMatch(/stop calling/);
  });

  test.each([
    ['Please take me off your list.', 'opt_out'],
    ['And stop calling me.', 'opt_out'],
    ['Please do not call me again.', 'opt_out'],
    ['I pressed 9', 'opt_out'],
    ["Yes, fine, but don't ever call me again", 'opt_out'],
    ['No thank you, I am not interested.', 'not_interested'],
    ['I want to speak to a real person, please.', 'person'],
    ['Am I talking to a robot?', 'robot'],
    ['Wait, wait. How did you get my number?', 'source'],
    ['Sorry, this is a bad time, I am driving.', 'later'],
    ['You have the wrong number.', 'wrong_number'],
    ['Hi, you have reached the voicemail of Tom Baker. I cannot take your call right now.', 'voicemail'],
    ['Please say your name and why you are calling.', 'screening'],
    ['Thank you. Please stay on the line while I connect you.', 'hold'],
    ['Hello?', 'greeting'],
    ['It needs a new roof.', undefined],
    ['There is no hurry, call it six months.', undefined],
  ])('understands “%s” as %s', (text, intent) => {
    expect(understand(text)).toBe(intent);
  });

  test('an opt-out is recorded first; only when that succeeded does it say so and hang up', () => {
    const asked = hear(begin(facts()), 'Stop calling me!');
    expect(asked.acts).toEqual([
      {
        do: 'tool',
        name: 'record_opt_out',
        parameters: { reason: 'asked_on_call', quote: 'Stop calling me!', channel: 'all' },
      },
    ]);
    const done = tool(asked, 'record_opt_out', true);
    expect(words(done.acts)).toMatch(/taken your number off our list/);
    expect(ends(done.acts)).toEqual(['opt_out']);
    const failed = tool(asked, 'record_opt_out', false);
    expect(words(failed.acts)).not.toMatch(/taken your number off/);
    expect(ends(failed.acts)).toEqual(['opt_out_unconfirmed']);
  });

  test('an opt-out is heard even while the greeting plays on; small talk is not', () => {
    const start = begin(facts());
    const during = (text: string) =>
      think(start.mind, { kind: 'heard', text, nowMs: NOON, greeting: 'playing' }).acts;
    expect(during('Stop calling me!')).toHaveLength(1);
    expect(during('Hello?')).toEqual([]);
  });

  test('a greeting that was cut off by a hello is said again, because it carries the disclosure', () => {
    const start = begin(facts());
    const again = think(start.mind, { kind: 'heard', text: 'Hello?', nowMs: NOON, greeting: 'cut' });
    expect(again.acts).toEqual(start.acts);
  });

  test('asks only what it was not told, and books the visit for the time that was said', () => {
    const talk = hear(begin(facts()), 'Yes, speaking.', 'We want to sell this spring because of a new job.');
    expect(words(talk.acts)).toMatch(/condition/);
    const visit = hear(talk, 'The roof needs repairs.', 'Around 400 thousand dollars.');
    expect(words(visit.acts)).toMatch(/visit/);
    const booked = hear(visit, 'Thursday at four in the afternoon would work for me.');
    expect(booked.acts).toMatchObject([
      {
        do: 'tool',
        name: 'schedule_follow_up',
        parameters: { type: 'site_visit', at: '2026-11-19T16:00:00-05:00' },
      },
    ]);
    expect(ends(tool(booked, 'schedule_follow_up', true).acts)).toEqual(['visit_booked']);
    expect(words(tool(booked, 'schedule_follow_up', false).acts)).not.toMatch(/is booked/);
  });

  test('goes on after a drop at the question that was not answered yet, and says what happened', () => {
    const variables = {
      seller_name: 'Harbor Homes',
      recovery_summary: 'motivation: relocating; condition: needs a roof',
    };
    const text = words(begin(facts({ variables })).acts);
    expect(text).toMatch(/^Sorry, we were cut off/);
    expect(text).toMatch(/How soon/);
  });

  test('gives its name to a screening machine, is silent on hold, and greets the person behind it', () => {
    const asked = hear(begin(facts()), 'Please say your name and why you are calling.');
    expect(words(asked.acts)).toMatch(/AI assistant of Harbor Homes/);
    const held = hear(asked, 'Please stay on the line while I connect you.');
    expect(held.acts).toEqual([]);
    expect(words(hear(held, 'Hello, this is Dana. What is this about?').acts)).toMatch(
      /^Hi Ana, this is an AI assistant/,
    );
  });

  test('on a voicemail it ends the call, or leaves a message that says how to opt out', () => {
    const heard = 'Please leave a message after the tone.';
    expect(hear(begin(facts()), heard).acts).toEqual([{ do: 'end', reason: 'voicemail' }]);
    const talk = hear(begin(facts({ voicemail: 'talk' })), heard);
    expect(words(talk.acts)).toMatch(/stop calling/);
    expect(ends(talk.acts)).toEqual(['voicemail']);
  });

  test('asks twice into silence, then ends', () => {
    let thought = begin(facts());
    const said: string[] = [];
    for (let i = 0; i < 3; i += 1) {
      thought = think(thought.mind, { kind: 'silence' });
      said.push(words(thought.acts));
    }
    expect(said[0]).toBe('Are you still there?');
    expect(said[1]).toMatch(/still there/);
    expect(ends(thought.acts)).toEqual(['silence']);
  });

  test.each([
    ['tomorrow at ten in the morning', 'America/New_York', '2026-11-19T10:00:00-05:00'],
    ['Saturday morning', 'America/Los_Angeles', '2026-11-21T10:00:00-08:00'],
    ['next week, at 3:30', 'America/Chicago', '2026-11-25T15:30:00-06:00'],
    ['some other time', 'Pacific/Honolulu', '2026-11-19T11:00:00-10:00'],
    ['today at nine am', 'America/New_York', '2026-11-19T09:00:00-05:00'],
    ['tomorrow', 'Nowhere/Atall', '2026-11-19T11:00:00+00:00'],
  ])('“%s” in %s is %s', (text, zone, at) => {
    expect(whenSaid(text, NOON, zone, 11)).toBe(at);
  });
});

describe('the ear', () => {
  const LINES = [
    'Hello, I would like to sell my house this spring.',
    'No thank you, I am not interested.',
    'Please take me off your list, and do not call again.',
    'Yes.',
  ];
  async function listen(audio: Buffer, sizes: readonly number[] = [FRAME_BYTES]): Promise<Utterance[]> {
    const book = new Phrasebook();
    for (const line of LINES) book.learn(line, 'slt', await murmur(line, 'slt'));
    const ear = new Ear(book);
    const whole = Buffer.concat([audio, Buffer.alloc(FRAME_BYTES * 40, ULAW_SILENCE)]);
    const heard: Utterance[] = [];
    let at = 0;
    for (let i = 0; at < whole.length; i += 1) {
      const size = sizes[i % sizes.length] ?? FRAME_BYTES;
      for (const event of ear.hear(whole.subarray(at, at + size)))
        if (event.kind === 'utterance') heard.push(event);
      at += size;
    }
    return heard;
  }
  const line = (i: number) => murmur(LINES[i] ?? '', 'slt');
  function lose(audio: Buffer, share: number): Buffer {
    const kept: Buffer[] = [];
    for (let i = 0; i * FRAME_BYTES < audio.length; i += 1)
      if (((i * 7_919) % 1_000) / 1_000 >= share)
        kept.push(audio.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES));
    return Buffer.concat(kept);
  }

  test.each([0, 1, 2, 3])('recognises line %i whole', async (i) => {
    expect(await listen(await line(i))).toMatchObject([{ text: LINES[i], confidence: 1 }]);
  });

  test.each([0.1, 0.2, 0.35])(
    'recognises every word when a share of %f of the frames is lost',
    async (share) => {
      for (const i of [0, 1, 2]) {
        const [heard] = await listen(lose(await line(i), share));
        expect(heard?.text).toBe(LINES[i]);
        expect(heard?.confidence).toBeGreaterThan(0.4);
      }
    },
  );

  test('does not care how the audio is cut into messages', async () => {
    expect(await listen(await line(0), [320, 1_600, 160, 8_000])).toMatchObject([{ text: LINES[0] }]);
    expect(await listen(await line(0), [1, 77, 501])).toMatchObject([{ text: LINES[0] }]);
  });

  test('finds its place again when part of a frame was lost', async () => {
    const first = await line(0);
    const shifted = Buffer.concat([
      first.subarray(57),
      Buffer.alloc(FRAME_BYTES * 40, ULAW_SILENCE),
      await line(1),
    ]);
    expect((await listen(shifted)).map((heard) => heard.text)).toEqual([LINES[0], LINES[1]]);
  });

  test('gives only the words that were said before the line went dead', async () => {
    const audio = await line(2);
    const half = audio.subarray(0, Math.floor(audio.length / FRAME_BYTES / 2) * FRAME_BYTES);
    const [heard] = await listen(half);
    expect(heard?.text).toMatch(/^Please take me off/);
    expect(LINES[2]?.startsWith(heard?.text ?? 'x')).toBe(true);
    expect(heard?.text).not.toMatch(/again/);
  });

  test('hears two lines in one breath in the order in which they were said', async () => {
    const both = Buffer.concat([await line(3), await line(1)]);
    expect(await listen(both)).toMatchObject([{ text: `${LINES[3]} ${LINES[1]}` }]);
  });

  test('says so when it does not know what was said', async () => {
    expect(await listen(await murmur('Nobody taught it this.', 'slt'))).toMatchObject([
      { text: '(unintelligible)', confidence: 0 },
    ]);
  });

  test('a click is not an utterance', async () => {
    const click = (await line(0)).subarray(FRAME_BYTES * 10, FRAME_BYTES * 12);
    expect(await listen(click)).toEqual([]);
  });

  test('words are counted by the time they take', () => {
    expect(wordsBetween('one two three four', 0, 1)).toBe('one two three four');
    expect(wordsBetween('one two three four', 0, 0.5)).toBe('one two');
    expect(wordsBetween('one two three four', 0, 0)).toBe('');
  });
});

/** What a call says first, how soon and in which order, for every combination of states; and prompts that cannot be used. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compose,
  composeMessage,
  fill,
  PROMPTS,
  readPrompts,
  scriptRef,
  signOffOf,
  statesOf,
  valuesOf,
} from '../../src/app/prompts.ts';
import type { Call } from '../../src/domain/call.ts';
import { checkError } from '../../src/domain/compliance/decide.ts';
import { type Situation, scriptFor, spokenSec } from '../../src/domain/compliance/scripts.ts';
import { STATES } from '../../src/domain/compliance/states.ts';
import type { Lead } from '../../src/domain/documents.ts';
import type { Failure } from '../../src/domain/errors.ts';

const SELLER = 'Sunrise Home Buyers of Florida LLC';
const FROM = '+12125550190';
const TOLL_FREE = '+18885550190';
const onDisk = (file: string): string => readFileSync(file, 'utf8');
const prompts = readPrompts(onDisk, SELLER);
const speaker = { prompts, sellerName: SELLER, fromNumbers: [FROM] };
const lead = (firstName: string, propertyAddress?: string) =>
  ({ contact: { firstName }, ...(propertyAddress === undefined ? {} : { propertyAddress }) }) as Lead;
/** A call that the gate allowed for these states. */
const call = (states: readonly string[], direction: Call['direction'] = 'outbound') => ({
  direction,
  fromPhone: FROM,
  complianceDecision: {
    ...checkError(0, 'x'),
    zones: states.map((state) => ({ state, zone: 'America/New_York', localTime: '' })),
  },
});
const values = valuesOf(speaker, call(['NY']), lead('Maria', '12 Maple Street'));

/** Reference §5: seconds to say who calls and why; Texas wants it at once. */
const TIMERS: Readonly<Record<string, number>> = {
  CT: 10,
  NM: 15,
  AL: 20,
  KY: 25,
  TN: 25,
  WA: 30,
  FL: 30,
  NJ: 30,
};
const TIMED = [...Object.keys(TIMERS), 'TX'];
const EVERY_COMBINATION = Array.from({ length: 2 ** TIMED.length }, (_, bits) =>
  TIMED.filter((__, i) => bits & (1 << i)),
);
const anyStates = fc.subarray([...STATES.keys()]);
const firstSentence = (text: string): string => text.split(/(?<=[.!?])\s/)[0] ?? '';

describe('who calls and why', () => {
  test('is said within the time of the strictest state, however long a lead’s name and address are', () => {
    const people = [
      lead('Maria', '12 Maple Street'),
      lead(
        'Maria Guadalupe Esperanza Dolores',
        '10482 Northwest One Hundred and Third Terrace, Apartment 4B',
      ),
      lead('word '.repeat(80), '1 '.repeat(80)),
      undefined,
    ];
    let strictest = Number.POSITIVE_INFINITY;
    for (const states of EVERY_COMBINATION) {
      for (const situation of ['outbound', 'voicemail'] as const) {
        const { parts, limits } = scriptFor(states, situation);
        const end = parts.indexOf('identification');
        const wanted = Math.min(30, ...states.flatMap((state) => TIMERS[state] ?? []));
        // With no state the duties of all hold.
        expect(limits.identifiedWithinSec).toBe(states.length === 0 ? 10 : wanted);
        for (const person of people) {
          const filled = valuesOf(speaker, call(states), person);
          const said = parts.slice(0, end + 1).map((part) => fill(prompts[part], filled));
          expect(spokenSec(said.join(' '))).toBeLessThanOrEqual(0.9 * limits.identifiedWithinSec);
        }
        strictest = Math.min(strictest, limits.identifiedWithinSec);
        if (states.includes('TX')) {
          expect(limits.identifiedAtOnce).toBe(true);
          expect(end).toBe(0);
        }
      }
    }
    expect(strictest).toBe(10);
  });

  test('leaves out the address, and then the name, only where it would take too long with them', () => {
    const long = lead('Maria Guadalupe', '10482 Northwest One Hundred and Third Terrace');
    expect(valuesOf(speaker, call(['NY']), long)).toMatchObject({
      lead_name: 'Maria Guadalupe',
      property_address: '10482 Northwest One Hundred and Third Terrace',
    });
    expect(valuesOf(speaker, call(['NY', 'CT']), long)).toMatchObject({
      lead_name: 'Maria Guadalupe',
      property_address: 'your property',
    });
    expect(valuesOf(speaker, call(['CT']), lead('Maria de los Angeles Guadalupe Esperanza'))).toMatchObject({
      lead_name: 'there',
      property_address: 'your property',
    });
    expect(valuesOf(speaker, call(['CT']), lead('Maria', '1402 Oak Street'))).toMatchObject({
      lead_name: 'Maria',
      property_address: '1402 Oak Street',
    });
    expect(valuesOf(speaker, call(['NY']), undefined)).toMatchObject({
      lead_name: 'there',
      property_address: 'your property',
    });
  });

  /** As leads are kept: without spaces around, and here without what would be a placeholder. */
  const plain = (text: string): string => text.replaceAll('{', '').replace(/\s+/g, ' ').trim();

  test.each<Situation>(['outbound', 'inbound', 'recovery', 'voicemail'])(
    'is said by an AI assistant in the first sentence: %s',
    (situation) => {
      fc.assert(
        fc.property(
          anyStates,
          fc.string({ maxLength: 60 }),
          fc.string({ maxLength: 80 }),
          (states, name, place) => {
            const filled = valuesOf(speaker, call(states), lead(plain(name), plain(place)));
            const text = compose(prompts, scriptFor(states, situation), { ...filled, campaign_words: 'x' });
            const [first = ''] = text.split('AI assistant');
            expect(text).toContain('AI assistant');
            // Nothing of ours ends a sentence before it.
            expect(first.replace(filled.lead_name, '')).not.toMatch(/[.!?]/);
            expect(text).toContain(SELLER);
          },
        ),
      );
    },
  );
});

describe('how to stop', () => {
  test.each<Situation>(['outbound', 'inbound', 'recovery', 'voicemail'])(
    'is said within two seconds of who calls: %s',
    (situation) => {
      fc.assert(
        fc.property(anyStates, (states) => {
          const { parts, limits } = scriptFor(states, situation);
          const identified = parts.findIndex((part) => part.startsWith('identification'));
          const stop = parts.findIndex((part) => part.endsWith('opt-out'));
          const between = parts.slice(identified + 1, stop).map((part) => fill(prompts[part], values));
          expect(identified).toBe(0);
          expect(stop).toBeGreaterThan(identified);
          expect(spokenSec(between.join(' '))).toBeLessThanOrEqual(limits.optOutWithinSec);
          expect(limits.optOutWithinSec).toBe(2);
          expect(prompts[parts[stop] ?? 'opt-out']).toMatch(/To stop all calls.* press nine/);
        }),
      );
    },
  );

  test('stands at the start in Pennsylvania, before everything but who calls', () => {
    expect(scriptFor(['PA'], 'outbound').parts.slice(0, 2)).toEqual(['identification', 'opt-out']);
  });

  test('on a machine: names a number that costs nothing, where one of ours does', () => {
    const message = (fromNumbers: readonly string[]) => {
      const own = { ...speaker, fromNumbers };
      return composeMessage(
        prompts,
        scriptFor(['NY'], 'voicemail'),
        valuesOf(own, call(['NY']), lead('Maria', '12 Maple Street')),
        'We saw {{property_address}}.',
      );
    };
    const wanted = `Hi Maria, this is the AI assistant of ${SELLER}, calling about 12 Maple Street. To stop all calls from us, call (888) 555-0190 and press nine. We saw 12 Maple Street. You can also reach us at that number. Thank you, and have a good day.`;
    expect(message([FROM, TOLL_FREE])).toBe(wanted);
    expect(message([FROM])).toBe(wanted.replace('(888)', '(212)'));
  });
});

describe('every opening', () => {
  test('tells of the recording, whatever the state', () => {
    fc.assert(
      fc.property(
        anyStates,
        fc.constantFrom<Situation>('outbound', 'inbound', 'recovery'),
        (states, situation) => {
          const text = compose(prompts, scriptFor(states, situation), values);
          expect(text).toContain('This call is recorded and processed by AI.');
        },
      ),
    );
  });

  test('is in one piece what a person hears', () => {
    expect(compose(prompts, scriptFor(['NY'], 'outbound'), values)).toBe(
      `Hi Maria, this is the AI assistant of ${SELLER}, calling about 12 Maple Street. To stop all calls, just say stop calling, or press nine. This call is recorded and processed by AI. Is this a good time?`,
    );
  });
});

describe('the end', () => {
  const AGAIN = `Again, this was the AI assistant of ${SELLER}. You can reach us at (212) 555-0190. Goodbye.`;

  test('repeats name and number in Alabama, Kentucky and Tennessee, and wherever the person may be in one of them', () => {
    for (const code of STATES.keys()) {
      const again = ['AL', 'KY', 'TN'].includes(code);
      expect(signOffOf(speaker, call([code])), code).toBe(again ? AGAIN : undefined);
      expect(signOffOf(speaker, call([code, 'TN'])), code).toBe(AGAIN);
      expect(signOffOf(speaker, call(['KY', code])), code).toBe(AGAIN);
    }
    expect(composeMessage(prompts, scriptFor(['AL'], 'voicemail'), values, '')).toMatch(
      new RegExp(`${AGAIN.replace(/[.()]/g, '\\$&')}$`),
    );
  });

  test('repeats it too when nobody knows the state, and never to a person who called us', () => {
    expect(signOffOf(speaker, { direction: 'outbound', fromPhone: FROM })).toBe(AGAIN);
    expect(signOffOf(speaker, { direction: 'inbound', fromPhone: FROM })).toBeUndefined();
  });

  test('the states are those of the decision, each once', () => {
    expect(statesOf(call(['KY', 'TN', 'KY']))).toEqual(['KY', 'TN']);
  });
});

test('another state only ever adds duties, in whatever order states are named', () => {
  fc.assert(
    fc.property(
      anyStates,
      anyStates,
      fc.constantFrom<Situation>('outbound', 'recovery', 'voicemail'),
      (a, b, situation) => {
        fc.pre(a.length > 0);
        const less = scriptFor(a, situation);
        const more = scriptFor([...a, ...b], situation);
        expect(more).toEqual(scriptFor([...b, ...a].reverse(), situation));
        expect(more.limits.identifiedWithinSec).toBeLessThanOrEqual(less.limits.identifiedWithinSec);
        expect(more.parts).toEqual(expect.arrayContaining([...less.parts]));
        if (less.signOff) expect(more.signOff).toBe(less.signOff);
        if (less.limits.identifiedAtOnce) expect(more.limits.identifiedAtOnce).toBe(true);
      },
    ),
  );
});

test('a script is known by its name and the hash of its words, not of what is filled in', () => {
  const ny = scriptRef(prompts, scriptFor(['NY'], 'outbound'));
  expect(ny).toEqual({ name: 'outbound', hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(scriptRef(prompts, scriptFor(['CT'], 'outbound'))).toEqual(ny);
  expect(scriptRef(readPrompts(onDisk, 'Another Seller'), scriptFor(['NY'], 'outbound'))).toEqual(ny);
  const kentucky = scriptRef(prompts, scriptFor(['KY'], 'outbound'));
  expect(kentucky.name).toBe('outbound+sign-off');
  expect(kentucky.hash).not.toBe(ny.hash);
  const changed = { ...prompts, recording: `${prompts.recording} ` };
  expect(scriptRef(changed, scriptFor(['NY'], 'outbound')).hash).not.toBe(ny.hash);
  // The boundary between two parts counts.
  const moved = { ...prompts, question: '', recording: `${prompts.recording} ${prompts.question}` };
  expect(scriptRef(moved, scriptFor(['NY'], 'outbound')).hash).not.toBe(ny.hash);
});

test('time is told by words: 150 a minute, digits one by one', () => {
  expect(spokenSec('word '.repeat(150))).toBe(60);
  expect(spokenSec('(212) 555-0190')).toBe(4);
  expect(spokenSec("we’re the Smiths' AI – really")).toBe(2);
  expect(spokenSec('')).toBe(0);
});

describe('prompts are refused at the start', () => {
  const problems = (change: Readonly<Record<string, string | undefined>>, seller = SELLER): string[] => {
    const read = (file: string) => {
      const name = /([^/]+)\.md$/.exec(file)?.[1] ?? '';
      return Object.hasOwn(change, name) ? change[name] : onDisk(file);
    };
    try {
      readPrompts(read, seller);
      return [];
    } catch (error) {
      return (error as Failure).details.problems as string[];
    }
  };

  test.each<[string, Readonly<Record<string, string | undefined>>, RegExp]>([
    ['a file is missing', { 'opt-out': undefined }, /^prompts\/parts\/opt-out\.md cannot be read/],
    ['a file is empty', { busy: ' \n' }, /^prompts\/busy\.md is empty/],
    [
      'a name is unknown',
      { recording: 'Hi {{lead_nme}}.' },
      /recording\.md asks for \{\{lead_nme\}\}, which nobody fills; it may use \{\{lead_name\}\}/,
    ],
    [
      'a name is not known to this sentence',
      { apology: 'Sorry, {{lead_name}}.' },
      /apology\.md asks for \{\{lead_name\}\}/,
    ],
    [
      'a brace is missing',
      { question: 'Hi {{lead_name}, yes?' },
      /question\.md has a broken placeholder near "Hi \{\{lead_na/,
    ],
    ['a brace is too many', { question: 'Hi {{{lead_name}}}?' }, /question\.md has a broken placeholder/],
    ['a name is empty', { question: 'Hi {{ }}?' }, /question\.md has a broken placeholder/],
    [
      'nobody says who calls',
      { identification: 'Hi, this is an AI assistant.' },
      /identification\.md must contain \{\{seller_name\}\}/,
    ],
    [
      'nobody says how to stop on a machine',
      { 'voicemail-opt-out': 'Bye.' },
      /voicemail-opt-out\.md must contain \{\{callback_number\}\}/,
    ],
    [
      'the campaign’s words have no place',
      { voicemail: 'Bye.' },
      /voicemail\.md must contain \{\{campaign_words\}\}/,
    ],
    [
      'it is said too late that an AI speaks',
      { identification: 'Hi. I am the AI assistant of {{seller_name}}.' },
      /identification\.md must say "AI assistant" in its first sentence/,
    ],
    [
      'it is never said that an AI speaks',
      { 'identification-again': 'This is {{seller_name}} again.' },
      /identification-again\.md must say "AI assistant"/,
    ],
    ['a text is too long', { recording: 'a'.repeat(1_001) }, /recording\.md has 1001 characters/],
    [
      'it takes too long to say who calls',
      { identification: `This is the AI assistant of {{seller_name}}, ${'and so on '.repeat(9)}.` },
      /identification\.md takes about 15\.6 s with SELLER_NAME "Sunrise Home Buyers of Florida LLC"; the strictest state gives 10 s, and voices differ/,
    ],
  ])('because %s', (_, change, says) => {
    expect(problems(change)).toEqual([expect.stringMatching(says)]);
  });

  test('because the seller’s name takes too long to say', () => {
    expect(problems({}, 'The Very Long Name of a Company That Nobody Can Say')).toEqual([
      expect.stringContaining('the strictest state gives 10 s'),
    ]);
  });

  test('all faults are told at once', () => {
    expect(problems({ busy: undefined, apology: '', recording: '{{x}}', question: '{' })).toHaveLength(4);
  });

  test('and those of the release are not', () => {
    expect(problems({}, 'Parley')).toEqual([]);
    expect(Object.keys(prompts).sort()).toEqual([...PROMPTS].sort());
    expect(() => fill('Hi {{nobody}}', values)).toThrow(/nobody fills/);
    for (const name of PROMPTS) expect(firstSentence(prompts[name])).not.toBe('');
  });
});

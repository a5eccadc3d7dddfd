/** What people said is told on without telling who they are. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type KnownPeople, pseudonymised } from '../../src/domain/pseudonyms.ts';

const NOBODY: KnownPeople = { firstNames: [], lastNames: [], places: [], kept: ['Parley'] };
const JOHN: KnownPeople = {
  firstNames: ['John'],
  lastNames: ["O'Hara"],
  places: ['9 Pine Street', 'Tacoma', '98402'],
  kept: ['Parley Homes'],
};
const of = (lines: string | readonly string[], known = NOBODY) => {
  const work = pseudonymised(typeof lines === 'string' ? [lines] : lines, known);
  let step = work.next();
  while (step.done !== true) step = work.next();
  return step.value;
};

test('whoever is known is somebody else throughout, and the same one each time', () => {
  const { lines, replaced } = of(
    ['Hi John, this is Parley Homes.', "John O'Hara here, yes. JOHN!", "that's john's house"],
    JOHN,
  );
  expect(lines).toEqual([
    'Hi Alex, this is Parley Homes.',
    'Alex Sample here, yes. Alex!',
    "that's Alex's house",
  ]);
  expect(replaced).toContainEqual({ kind: 'name', found: 'John', by: 'Alex', times: 4 });
});

test.each([
  ['My name is Priya Natarajan.', /Priya|Natarajan/],
  ['this is Graciela, who is calling?', /Graciela/],
  ['My wife Eleanor has to agree.', /Eleanor/],
  ['Me llamo Guadalupe.', /Guadalupe/],
  ['Thank you, Mr. Whitfield', /Whitfield/],
  ['Call me at 206-555-8812 after five.', /8812/],
  ['It is (253) 867 5309', /5309/],
  ["it's two five three eight six seven five three oh nine", /eight six/],
  ['Write to ada.l@gmail.com please', /gmail|ada/],
  ['ada dot l at gmail dot com', /gmail|ada/],
  ['I live at 4415 Cedar Hollow Road, near the lake.', /Cedar|4415/],
  ['the one on Maple Avenue', /Maple/],
  ['we are at twelve Cedar Street', /Cedar|twelve/],
])('“%s” tells nothing of them', (line, gone) => {
  const { lines, replaced } = of(line);
  expect(lines[0]).not.toMatch(gone);
  expect(replaced.length).toBeGreaterThan(0);
});

test.each([
  'I want 400,000 for it, or $1250000 in cash, maybe 450000.',
  'Thursday at 2 pm, or on the 20th of November 2026.',
  'I am Sure. This is Parley calling. Thanks Monday works.',
  'It is four hundred thousand on the way to the court.',
  'We drive there in 20 minutes, this is the right way.',
  'one two three four',
  'Good to know, thank you. Do you have a price in mind?',
  'All right, thanks! Would you be open to a short visit? Sorry. Could I ask again?',
  'It needs a new roof; the street is loud.',
])('“%s” says nothing of anybody and stays', (line) => {
  expect(of(line)).toEqual({ lines: [line], replaced: [] });
});

test('two people do not become one, and nobody becomes somebody who is there', () => {
  const { lines } = of(['Hi Alex, this is Robin.', 'Robin, meet my husband Vikram.']);
  const names = [...new Set(lines.join(' ').match(/\b(?!Hi|This)[A-Z]\w+/g))];
  expect(names).toHaveLength(3);
  expect(names).not.toContain('Alex');
  expect(names).not.toContain('Robin');
});

test('places that are known are gone wherever they are named', () => {
  const { lines } = of(['The house at 9 Pine Street in Tacoma, 98402?'], JOHN);
  expect(lines[0]).not.toMatch(/Pine|Tacoma|98402/);
});

test('whatever is said, no known name and no number of seven digits is left, and lines stay lines', () => {
  const word = fc.constantFrom(
    'John',
    "O'Hara",
    'john',
    'house',
    'Pine',
    'Street',
    '206',
    '5551234',
    '867-5309',
    'at',
    'Hi',
    'Tacoma',
    ',',
    'Maria',
  );
  fc.assert(
    fc.property(fc.array(fc.array(word, { maxLength: 12 }), { maxLength: 6 }), (words) => {
      const given = words.map((line) => line.join(' '));
      const { lines, replaced } = of(given, JOHN);
      expect(lines).toHaveLength(given.length);
      for (const line of lines) {
        expect(line).not.toMatch(/\bJohn\b|O'Hara|Tacoma|867-5309/);
        expect(line).not.toMatch(/[\ue000\ue001]/);
      }
      expect(of(given, JOHN)).toEqual({ lines, replaced });
    }),
  );
});

/** Where columns go by their names, and what a value may be. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { delimiterOf, doubledTarget, headingsOf, splitRow } from '../../src/domain/lead-csv.ts';
import {
  isProblems,
  LEAD_FIELD_NAMES,
  type LeadField,
  proposeTargets,
  readLead,
  readWhen,
} from '../../src/domain/lead-fields.ts';

const CONTEXT = { nowMs: Date.parse('2026-11-20T17:00:00Z'), sellerName: 'Parley' };
const read = (values: Partial<Record<LeadField, string>>) =>
  readLead(new Map(Object.entries(values) as [LeadField, string][]), {}, CONTEXT);

test('names go to fields however they are written, no field twice, and every name goes somewhere', () => {
  expect(proposeTargets(['FIRST_NAME', 'e-mail', 'Phone Number', 'phone', 'Zip Code', 'Blood type'])).toEqual(
    ['firstName', 'email', 'phone', 'keep', 'zipCode', 'keep'],
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom('Phone', 'cell', 'Name', 'STATE'))),
      (names) => {
        const targets = proposeTargets(names);
        expect(targets).toHaveLength(names.length);
        expect(doubledTarget(targets.map((target, at) => ({ column: String(at), target })))).toBeUndefined();
      },
    ),
  );
});

test('columns have names of their own, whatever the first line says', () => {
  expect(headingsOf(['Phone', '', 'Phone', ' a\n b '])).toEqual(['Phone', 'Column 2', 'Phone (2)', ' a b ']);
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-c ]{0,3}$/), { minLength: 1, maxLength: 20 }), (cells) => {
      const names = headingsOf(cells);
      if (typeof names === 'string') return;
      expect(new Set(names).size).toBe(cells.length);
    }),
  );
  expect(headingsOf(['', ''])).toContain('must name the columns');
  expect(headingsOf(Array.from({ length: 201 }, () => 'a'))).toContain('201 columns');
});

test.each([
  ['a,b,c\n1;2;3;4;5', ','],
  ['a;b;"c,d,e,f"\n', ';'],
  ['a\tb', '\t'],
  ['a|b|c', '|'],
  ['Phone', ','],
])('what stands between the columns of %j is %j', (start, delimiter) => {
  expect(delimiterOf(start)).toBe(delimiter);
});

test('a row gives its fields, keeps what nobody mapped, and defaults stand only where it is silent', () => {
  const { values, kept } = splitRow(
    ['1', '', 'x', 'y'],
    ['Phone', 'Tags', 'a.b', 'secret'],
    ['phone', 'tags', 'keep', 'ignore'],
    new Map<LeadField, string>([
      ['tags', 'spring'],
      ['phone', '2'],
    ]),
  );
  expect([...values]).toEqual([
    ['tags', 'spring'],
    ['phone', '1'],
  ]);
  expect(kept).toEqual({ a_b: 'x' });
});

test.each([
  ['2026-11-20', '2026-11-20T00:00:00.000Z'],
  ['11/2/2026', '2026-11-02T00:00:00.000Z'],
  ['2026-11-20T10:00:00-05:00', '2026-11-20T15:00:00.000Z'],
  ['2026-11-20 10:00Z', '2026-11-20T10:00:00.000Z'],
])('%s is a time', (text, iso) => {
  expect(readWhen(text)?.toISOString()).toBe(iso);
});

test.each(['2026-02-30', '13/13/2026', '2026-11-20T10:00:00', 'yesterday', '', '20261120'])(
  '“%s” is none, for it is no day or has no zone',
  (text) => {
    expect(readWhen(text)).toBeUndefined();
  },
);

test.each([
  [{ fullName: 'Lee, Ann Mary' }, 'Ann Mary', 'Lee'],
  [{ fullName: 'Ann Mary Lee' }, 'Ann Mary', 'Lee'],
  [{ fullName: 'Ann' }, 'Ann', ''],
  [{ fullName: 'Ann Lee', firstName: 'Anna' }, 'Anna', 'Lee'],
])('%j is a first and a last name', (values, firstName, lastName) => {
  const lead = read({ phone: '1', ...values });
  expect(isProblems(lead) ? lead : lead.lead.contact).toMatchObject({ firstName, lastName });
});

test('whatever stands in the fields, a lead comes of it or everything that is wrong is named', () => {
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom('yes', '2026-11-01', 'marketing', '=1+1', '\0', '2065550101'),
  );
  const values = fc.dictionary(fc.constantFrom(...LEAD_FIELD_NAMES), value) as fc.Arbitrary<
    Partial<Record<LeadField, string>>
  >;
  fc.assert(
    fc.property(values, (given) => {
      const lead = read(given);
      if (isProblems(lead)) {
        expect(lead.length).toBeGreaterThan(0);
        for (const { says } of lead) expect(says).not.toBe('');
      } else if (lead.consent.kind === 'incomplete') expect(lead.consent.lacks.length).toBeGreaterThan(0);
    }),
  );
});

/** The flat files of lists: every shape is read, every bad line explained, and it does not matter how the bytes are cut. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FileMark, type ListKind, openListFile } from '../../src/domain/compliance/list-file.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Reads a whole file, cut at these places. */
function read(
  file: string | Uint8Array,
  kind: ListKind = 'full',
  cuts: readonly number[] = [],
  from?: FileMark,
) {
  const bytes = typeof file === 'string' ? bytesOf(file) : file;
  const reader = openListFile(kind, from);
  let at = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    reader.take(bytes.subarray(at, Math.min(cut, bytes.length)));
    at = Math.min(cut, bytes.length);
  }
  reader.take(bytes.subarray(at));
  reader.end();
  const { numbers, lines } = reader.drain();
  return {
    numbers: [...numbers],
    lines,
    mark: reader.mark(),
    errors: [...reader.errors],
    refusal: reader.refusal,
  };
}

/** What a line says in a file of this kind, behind a good first line. */
function lineIn(kind: ListKind, line: string | Uint8Array): number | string | undefined {
  const head = bytesOf(kind === 'full' ? '212,5550100\n' : '212,5550100,A\n');
  const body = typeof line === 'string' ? bytesOf(line) : line;
  const { numbers, errors } = read(Uint8Array.of(...head, ...body, 10), kind);
  expect(errors.every((error) => error.line === 2)).toBe(true);
  return errors[0]?.message ?? numbers[1];
}

describe('a line', () => {
  test.each([
    ['206,5550123', 2_065_550_123],
    ['2065550123', 2_065_550_123],
    ['+12065550123', 2_065_550_123],
    ['206,5550123\r', 2_065_550_123],
    ['  206,5550123\t ', 2_065_550_123],
    ['206,5550123,A', 2_065_550_123],
    ['206,5550123,2026-11-20', 2_065_550_123],
    ['206,5550123,A,2026-11-20T08:15:00.000-05:00', 2_065_550_123],
    ['999,9999999', 9_999_999_999],
    ['200,0000000', 2_000_000_000],
    ['', undefined],
    ['   \r', undefined],
  ])('of a full list: %j', (line, said) => expect(lineIn('full', line)).toBe(said));

  test.each([
    ['206,5550123,A', 2_065_550_123],
    ['206,5550123,D', -2_065_550_123],
    ['2065550123,D', -2_065_550_123],
    ['+12065550123,A', 2_065_550_123],
    ['206,5550123,D,2026-11-20', -2_065_550_123],
    ['206,5550123,2026-11-20 08:15:00,D', -2_065_550_123],
    ['206,5550123,A,2026-11-20T08:15:00Z,2026-11-21', 2_065_550_123],
  ])('of a list of changes: %j', (line, said) => expect(lineIn('changes', line)).toBe(said));

  test.each([
    ['full', '206,555012', '9 digits, not 10'],
    ['full', '206555012', '9 digits, not 10'],
    ['full', '20655501234', '11 digits, not 10'],
    ['full', '206,', '3 digits, not 10'],
    ['full', '20,65550123', '2 digits, not 10'],
    ['full', '206,555O123', 'letters where a digit belongs'],
    ['full', 'not a number', 'letters where a digit belongs'],
    ['full', '"206","5550123"', '" where a digit belongs'],
    ['full', '206-555-0123', '- where a digit belongs'],
    ['full', '(206) 555-0123', '( where a digit belongs'],
    ['full', '206;5550123', '; where a digit belongs'],
    ['full', '-2065550123', '- where a digit belongs'],
    ['full', '206,5550123é', 'byte 195 where a digit belongs'],
    ['full', '+442079460123', 'not a number of North America'],
    ['full', '106,5550123', 'no area code 106'],
    ['full', '006,5550123', 'no area code 006'],
    ['full', '911,5550123', 'no area code 911'],
    ['full', '206,5550123,D', 'D: a full list deletes nothing; import changes as changes'],
    ['full', '206,5550123,', 'neither A, D nor a date behind the number'],
    ['full', '206,5550123,yesterday', 'neither A, D nor a date behind the number'],
    ['full', '206,5550123,2026-1-20', 'neither A, D nor a date behind the number'],
    ['full', '206,55501\u000023', 'a NUL byte'],
    ['full', '206,5550123,A\u0000', 'a NUL byte'],
    ['full', `206,5550123,${' '.repeat(200)}`, 'longer than 200 bytes'],
    ['full', '2'.repeat(5_000), 'longer than 200 bytes'],
    ['changes', '206,5550123', 'no A or D behind the number'],
    ['changes', '206,5550123,2026-11-20', 'no A or D behind the number'],
    ['changes', '206,5550123,X', 'unknown change letter X; only A and D are known'],
    ['changes', '206,5550123,a', 'unknown change letter a; only A and D are known'],
    ['changes', '206,5550123,A,D', 'unknown change letter D; only A and D are known'],
  ] as const)('that is wrong in a %s list says what is wrong: %j', (kind, line, message) =>
    expect(lineIn(kind, line)).toBe(message),
  );
});

describe('a file', () => {
  test('may begin with a BOM and a heading; neither is a number nor an error', () => {
    for (const heading of ['', 'Area Code,Phone Number\n', '"areacode","phone"\r\n', '  phone\n'])
      for (const bom of ['', '\uFEFF']) {
        const { numbers, errors, mark } = read(`${bom}${heading}206,5550123\r\n206,5550124`);
        expect([numbers, errors, mark.rejected]).toEqual([[2_065_550_123, 2_065_550_124], [], 0]);
      }
  });

  test('has a heading on its first line only', () => {
    expect(read('206,5550123\nArea Code,Phone Number\n').errors).toEqual([
      { line: 2, message: 'letters where a digit belongs' },
    ]);
  });

  test('keeps the order of its lines, what is named twice included', () => {
    expect(read('206,5550124,A\n206,5550123,A\n206,5550124,D\n\n206,5550123,A\n', 'changes').numbers).toEqual(
      [2_065_550_124, 2_065_550_123, -2_065_550_124, 2_065_550_123],
    );
  });

  test('counts every line, tells bad ones by their number, and the first hundred at most', () => {
    const lines = Array.from({ length: 30_000 }, (_, n) =>
      n % 200 === 199 ? `bad ${n}` : `206,555${1000 + (n % 9000)}`,
    );
    const { mark, errors, refusal, lines: drained } = read(lines.join('\n'));
    expect([mark.lines, drained, mark.named, mark.rejected]).toEqual([30_000, 30_000, 29_850, 150]);
    expect(errors).toHaveLength(100);
    expect(errors.map(({ line }) => line)).toEqual(Array.from({ length: 100 }, (_, n) => (n + 1) * 200));
    expect(refusal).toBeUndefined();
  });

  test.each([
    ['<?xml version="1.0"?>\n<list type="full">\n', 'XML form'],
    ['\uFEFF  <list><ac val="206">', 'XML form'],
    [Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0), 'ZIP archive'],
    [Uint8Array.of(0x1f, 0x8b, 8, 0, 10, 1), 'gzip archive'],
    [Uint8Array.of(0xff, 0xfe, 0x32, 0, 0x30, 0, 0x0a, 0), 'UTF-16'],
    ['', 'names no number'],
    ['phone\n\n\n', 'names no number'],
  ])('that is no list is refused with the reason: %j', (file, reason) => {
    expect(read(file).refusal).toContain(reason);
  });

  test('is refused as soon as more than half of its first thousand lines are bad', () => {
    const reader = openListFile('full');
    const good = '206,5550123\n';
    reader.take(bytesOf(good + 'x\n'.repeat(501) + good.repeat(497)));
    expect(reader.refusal).toBeUndefined();
    reader.take(bytesOf(good));
    expect(reader.refusal).toBe(
      'this does not look like a list of numbers: 501 of its first 1,000 lines are bad',
    );
    expect(read(good + 'x\n'.repeat(500) + good.repeat(60_000)).refusal).toBeUndefined();
    expect(read(`${good}x\nx\n`).refusal).toContain('2 of its first 3 lines');
  });

  test('is refused in the end when more than one line in a hundred is bad, a hundred being forgiven', () => {
    const file = (good: number, bad: number) =>
      read(`${'206,5550123\n'.repeat(good)}${'x\n'.repeat(bad)}`).refusal;
    expect(file(5_000, 100)).toBeUndefined();
    expect(file(5_000, 101)).toBe(
      'this does not look like a list of numbers: 101 of its 5,101 lines are bad',
    );
    expect(file(19_800, 200)).toBeUndefined();
    expect(file(19_799, 201)).toContain('201 of its 20,000 lines');
  });

  test('of changes may say nothing', () => {
    expect(read('', 'changes').refusal).toBeUndefined();
  });
});

const anyLine = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .integer({ min: 2_000_000_000, max: 9_999_999_999 })
      .map((n) => `${String(n).slice(0, 3)},${String(n).slice(3)}`),
  },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 2_000_000_000, max: 9_999_999_999 }).map((n) => `${n},D,2026-11-20`),
  },
  { weight: 1, arbitrary: fc.constantFrom('', '\r', 'x', '206', '2'.repeat(250), '\u0000') },
  { weight: 1, arbitrary: fc.string({ maxLength: 30 }) },
);
const anyFile = fc
  .tuple(fc.array(anyLine, { maxLength: 40 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
  .map(([lines, end, last]) => lines.join(end) + (last ? end : ''));
const kinds = fc.constantFrom<ListKind>('full', 'changes');

describe('bytes', () => {
  test('cut anywhere say the same', () => {
    fc.assert(
      fc.property(anyFile, kinds, fc.array(fc.nat(2_000), { maxLength: 20 }), (file, kind, cuts) => {
        expect(read(file, kind, cuts)).toEqual(read(file, kind));
      }),
      { numRuns: 300 },
    );
    const file = '206,5550123\r\nbad\r\n\r\n+12065550124\r\n2065550125';
    expect(read(file, 'full', [...Array(file.length).keys()])).toEqual(read(file));
  });

  test('gone on with behind any mark say what was not said before, and the same in the end', () => {
    fc.assert(
      fc.property(
        anyFile,
        kinds,
        fc.nat(2_000),
        fc.array(fc.nat(2_000), { maxLength: 5 }),
        (file, kind, stop, cuts) => {
          const bytes = bytesOf(file);
          const whole = read(bytes, kind);
          const first = openListFile(kind);
          first.take(bytes.subarray(0, stop));
          const mark = first.mark();
          const said = [...first.drain().numbers];
          const rest = read(bytes, kind, cuts, mark);
          expect([...said, ...rest.numbers]).toEqual(whole.numbers);
          expect(rest.mark).toEqual(whole.mark);
          expect(mark.lines + rest.lines).toBe(whole.lines);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('that are not the ones the mark was made of are refused, wherever they differ', () => {
    const file = bytesOf('206,5550123\n206,5550124\n206,5550125\n206,5550126\n');
    const first = openListFile('full');
    first.take(file.subarray(0, 30));
    const mark = first.mark();
    expect(mark).toMatchObject({ lines: 2, bytes: 24, named: 2, rejected: 0 });
    for (let at = 0; at < 24; at += 1) {
      const other = Uint8Array.from(file);
      other[at] = (other[at] ?? 0) ^ 1;
      expect(() => read(other, 'full', [5], mark)).toThrow('another file');
    }
    expect(() => read(file.subarray(0, 23), 'full', [], mark)).toThrow('another file');
    expect(read(file, 'full', [5, 24], mark).numbers).toEqual([2_065_550_125, 2_065_550_126]);
  });
});

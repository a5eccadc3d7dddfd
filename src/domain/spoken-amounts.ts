/** domain/spoken-amounts: sums of money as people say them: "$425,000", "four hundred thousand", "400k", "three fifty". */

const ONES: Readonly<Record<string, number>> = {
  one: 1,
  two: 2,
  three: 3,
  four: 4,
  five: 5,
  six: 6,
  seven: 7,
  eight: 8,
  nine: 9,
  ten: 10,
  eleven: 11,
  twelve: 12,
  thirteen: 13,
  fourteen: 14,
  fifteen: 15,
  sixteen: 16,
  seventeen: 17,
  eighteen: 18,
  nineteen: 19,
};
const TENS: Readonly<Record<string, number>> = {
  twenty: 20,
  thirty: 30,
  forty: 40,
  fourty: 40,
  fifty: 50,
  sixty: 60,
  seventy: 70,
  eighty: 80,
  ninety: 90,
};
const SCALES: Readonly<Record<string, number>> = {
  hundred: 100,
  k: 1_000,
  grand: 1_000,
  thousand: 1_000,
  mil: 1_000_000,
  million: 1_000_000,
};

export interface SpokenAmount {
  /** As it was said: 425 for "four twenty-five". */
  readonly value: number;
  /** True when a scale or at least five digits were said, or a dollar sign; else "four twenty-five" may mean thousands. */
  readonly isWhole: boolean;
  /** Where it stands in the text: offsets of UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const WORD = /\$?\d[\d,]*(?:\.\d+)?|[a-z]+/gi;

function wordsOf(text: string): Word[] {
  return [...text.matchAll(WORD)].map((match) => ({
    text: match[0].toLowerCase(),
    start: match.index,
    end: match.index + match[0].length,
  }));
}

const numberOf = (word: string): number | undefined => {
  if (/^\$?\d/.test(word)) return Number(word.replace(/[$,]/g, ''));
  return ONES[word] ?? TENS[word];
};

/**
 * Every number in a text that may be a sum, in order. "Half a million" is one; of "four hundred twenty five thousand" it is
 * 425000; "four twenty-five" is 425, not whole. Words between numbers end one: "three or four hundred" are two.
 */
export function amountsIn(text: string): SpokenAmount[] {
  const words = wordsOf(text);
  const found: SpokenAmount[] = [];
  for (let i = 0; i < words.length; i += 1) {
    const first = words[i];
    if (first === undefined) break;
    if (first.text === 'half' && words[i + 1]?.text === 'a' && words[i + 2]?.text === 'million') {
      found.push({ value: 500_000, isWhole: true, start: first.start, end: words[i + 2]?.end ?? first.end });
      i += 2;
      continue;
    }
    const isHundred = first.text === 'a' && words[i + 1]?.text === 'hundred';
    if (numberOf(first.text) === undefined && !isHundred) continue;
    // "total" counts what a scale closed; "part" is what is being built: 400 of "four hundred twenty".
    let total = 0;
    let part = isHundred ? 1 : 0;
    let scaled = first.text.startsWith('$');
    let digits = 0;
    let end = first.end;
    let at = isHundred ? i + 1 : i;
    for (; at < words.length; at += 1) {
      const word = words[at];
      if (word === undefined) break;
      const scale = SCALES[word.text];
      const value = numberOf(word.text);
      if (scale !== undefined && (part > 0 || total > 0)) {
        if (scale === 100) part *= 100;
        else {
          total += (part || 1) * scale;
          part = 0;
        }
        scaled ||= scale > 100;
      } else if (value !== undefined) {
        const isDigits = /\d/.test(word.text);
        if (isDigits && (part > 0 || digits > 0)) break;
        if (isDigits) digits = String(Math.trunc(value)).length;
        // "four twenty-five": a number below a hundred behind a single one is its hundreds.
        if (!isDigits && part > 0 && part < 10 && value >= 10) part = part * 100 + value;
        else if (part > 0 && !isDigits && part % 10 === 0 && part % 100 !== 0 && value >= 10) break;
        else part += value;
      } else if (word.text !== 'and' || numberOf(words[at + 1]?.text ?? '') === undefined || part < 100)
        break;
      end = word.end;
    }
    i = at - 1;
    const value = total + part;
    if (value > 0) found.push({ value, isWhole: scaled || digits >= 5, start: first.start, end });
  }
  return found;
}

/** Whether a sum is one of those said, also where thousands were left out. */
export const saysAmount = (text: string, dollars: number): boolean =>
  amountsIn(text).some(
    ({ value, isWhole }) =>
      near(value, dollars) || (!isWhole && value >= 10 && value < 2_000 && near(value * 1_000, dollars)),
  );

const near = (a: number, b: number): boolean => Math.abs(a - b) <= Math.abs(b) * 0.005;

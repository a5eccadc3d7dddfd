/** domain/search-text: what somebody looks for in conversations: words, and "phrases" in double quotes, all of which were said. */

/** One thing that was said: its words in their order, in small letters. */
export type Wanted = readonly string[];

const WORDS = /[\p{L}\p{N}\p{M}]+/gu;
const MOST_WORDS = 32;

const wordsOf = (text: string): string[] => text.toLowerCase().match(WORDS) ?? [];

/** Empty: there is no word in it. What stands between words counts nothing, as in the indexes. */
export function wantedIn(text: string): Wanted[] {
  const wanted: Wanted[] = [];
  let words = 0;
  for (const [at, part] of text.split('"').entries()) {
    const isPhrase = at % 2 === 1;
    for (const each of isPhrase ? [wordsOf(part)] : wordsOf(part).map((word) => [word])) {
      if (each.length === 0 || words + each.length > MOST_WORDS) continue;
      words += each.length;
      wanted.push(each);
    }
  }
  return wanted;
}

/** Whether one of them stands in a text. */
export function mentions(text: string, wanted: readonly Wanted[]): boolean {
  const said = ` ${wordsOf(text).join(' ')} `;
  return wanted.some((words) => said.includes(` ${words.join(' ')} `));
}

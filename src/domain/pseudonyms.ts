/**
 * domain/pseudonyms: words of a talk without telling whose they are: names, numbers, addresses and e-mail addresses become
 * made-up ones, the same one wherever the same was said. What is known of the people is found in any case; the rest by how people
 * say such things, so that somebody has to read the result before it is given away. In doubt too much is replaced.
 */

/** What is known of the people in a talk. */
export interface KnownPeople {
  /** First, last or whole. */
  readonly firstNames: readonly string[];
  readonly lastNames: readonly string[];
  /** Streets, cities, zip codes, each as it is written. */
  readonly places: readonly string[];
  /** Whole words that are no names, whatever stands before them: who sells, what the product is called. */
  readonly kept: readonly string[];
}

export interface Replaced {
  readonly kind: 'name' | 'number' | 'address' | 'email';
  readonly found: string;
  readonly by: string;
  readonly times: number;
}

const FIRST = 'Alex Robin Jamie Casey Morgan Jordan Taylor Riley Avery Quinn Drew Kim'.split(' ');
const LAST = 'Sample Example Model Pattern Template Specimen'.split(' ');
const STREETS = ['Sample Street', 'Example Avenue', 'Model Road', 'Pattern Lane'];
const PLACES = ['Sampleton', 'Exampleville', 'Modelburg', 'Patternfield'];

// ── How people say such things ─────────────────────────────────────────────────────────────────────────────────────────

const WRITTEN_EMAIL = /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu;
const SPOKEN_EMAIL =
  /[\p{L}\p{N}]+(?:\s+(?:dot|underscore|dash)\s+[\p{L}\p{N}]+)*\s+at\s+[\p{L}\p{N}-]+\s+dot\s+(?:com|net|org|edu|gov|io|us)\b/giu;
/** Seven digits or more, however they are grouped. */
const WRITTEN_NUMBER = /(?<![\p{L}\p{N}$€£,.])\+?\(?\d(?:\)?[\s.-]{0,2}\d){6,}(?![\p{L}\p{N}])/gu;
const DIGIT =
  '(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple|cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve)';
const SPOKEN_NUMBER = new RegExp(`\\b${DIGIT}(?:[\\s,.-]+${DIGIT}){6,}\\b`, 'giu');
/** What has the digits of a telephone number and is an amount or a day. */
const NO_NUMBER = /^(?:\d{4}-\d{2}-\d{2}|\d{1,3}(?:\.\d{3})+|\d{7,9})$/;

/** With a capital or without. */
const written = (words: string): string =>
  words
    .split(' ')
    .map((word) => `[${word[0]?.toUpperCase()}${word[0]}]${word.slice(1)}`)
    .join('|');
const COUNT = `(?:${written(
  'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred oh',
)})`;
const HOUSE = `(?:(?<![\\p{L}\\p{N}])(\\d{1,6}[a-z]?|${COUNT}(?:[\\s-]+${COUNT}){0,4})\\s+)?`;
const KIND_OF_STREET = `(${written(
  'street st avenue ave road rd boulevard blvd lane ln drive dr court ct place pl circle cir terrace parkway pkwy highway hwy way',
)})(?![\\p{L}\\p{N}])\\.?`;
/** House number, or none; the name of the street; what kind of street it is. */
const STREET = new RegExp(
  `${HOUSE}((?:(?:\\p{Lu}[\\p{L}'’.-]*|\\d+(?:st|nd|rd|th))\\s+){1,3})${KIND_OF_STREET}`,
  'gu',
);
/** In a line without capitals only what is behind a number is a name. */
const LOWER_STREET = new RegExp(`${HOUSE.slice(0, -1)}((?:[\\p{Ll}'’-]+\\s+){1,2}?)${KIND_OF_STREET}`, 'gu');
/** These are words of every day too: only behind a number and a name they are streets. */
const EVERYDAY = /^(?:drive|dr|court|ct|place|pl|circle|cir|way|st)$/i;

/** What a name follows. */
const CUE =
  /\b(?:my name is|my name's|the name is|this is|speaking (?:with|to)|speak (?:with|to)|talk(?:ing)? (?:with|to)|i am|i'm|i’m|call me|ask for|it's|it’s|hi|hello|hey|dear|thanks|thank you|bye|goodbye|sorry|husband|wife|son|daughter|brother|sister|mother|father|partner|me llamo|soy|hola|gracias|habla)[.,!]?\s+(\p{L}[\p{L}'’-]+)(?:\s+(\p{L}[\p{L}'’-]+))?/giu;
const TITLE = /\b(?:mr|mrs|ms|miss|dr|señora?)\.?\s+(\p{L}[\p{L}'’-]+)/giu;
const NO_NAMES = new Set(
  'mr mrs ms miss dr señor señora monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december yes yeah no sure okay ok well so but and the a an i it we you he she they this that there what when where who why how good great fine right sorry thanks thank please hello hi hey english spanish english american god ai our my your is are am not just in at on for from calling with about to do does did would could can might must should shall have has had let if as then now any some one lunes martes miércoles jueves viernes sábado domingo sí por muchas claro bueno'.split(
    ' ',
  ),
);

const isCapital = (word: string): boolean => /^\p{Lu}/u.test(word);
const nameOf = (word: string): string => word.toLowerCase().replaceAll(/['’]/g, '');
const plain = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[\s().,'’-]+/g, ' ')
    .trim();
const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Marks the place of a replacement until all are found, so that none is taken for something said. */
const OPEN = '\ue000';
const CLOSE = '\ue001';
const MARK = /\ue000(\d+)\ue001/g;

/**
 * The lines with made-up people, and what was replaced by what. Pure; the same lines give the same people. A long talk is long work:
 * it yields after each line, for whoever has something else to do meanwhile.
 */
export function* pseudonymised(
  lines: readonly string[],
  known: KnownPeople,
): Generator<void, { readonly lines: readonly string[]; readonly replaced: readonly Replaced[] }, void> {
  const made = new Map<
    string,
    { index: number; kind: Replaced['kind']; found: string; by: string; times: number }
  >();
  const counts = { first: 0, last: 0, number: 0, email: 0, place: 0, house: 0 };
  const streets = new Map<string, string>();

  const names = yield* namesIn(lines, known);
  const taken = new Set([...names.keys()]);
  const next = (from: readonly string[], at: 'first' | 'last' | 'place'): string => {
    for (;;) {
      const index = counts[at];
      counts[at] += 1;
      const word = from[index % from.length] ?? '';
      if (taken.has(nameOf(word))) continue;
      return index < from.length ? word : `${word} ${Math.floor(index / from.length) + 1}`;
    }
  };

  function swap(kind: Replaced['kind'], found: string, invent: () => string): string {
    const key = `${kind} ${plain(found)}`;
    let one = made.get(key);
    if (!one) {
      one = { index: made.size, kind, found, by: invent(), times: 0 };
      made.set(key, one);
    }
    one.times += 1;
    return `${OPEN}${one.index}${CLOSE}`;
  }

  function address(text: string, house: string | undefined, street: string): string {
    const name = plain(street);
    const invented = streets.get(name) ?? STREETS[streets.size % STREETS.length] ?? '';
    streets.set(name, invented);
    if (house === undefined) return swap('address', text, () => invented);
    return swap('address', text, () => {
      counts.house += 1;
      return `${10 * counts.house} ${invented}`;
    });
  }

  const places = [...known.places]
    .filter((place) => place.trim().length > 1)
    .sort((a, b) => b.length - a.length);
  const inMarks: string[] = [];
  for (const line of lines) {
    yield;
    const isLower = !/\p{Lu}/u.test(line);
    let text = line.replaceAll(/[\ue000\ue001]/g, '');
    const email = (found: string) =>
      swap('email', found, () => {
        counts.email += 1;
        return /@/.test(found)
          ? `person${counts.email}@example.com`
          : `person ${counts.email} at example dot com`;
      });
    text = text.replaceAll(WRITTEN_EMAIL, email).replaceAll(SPOKEN_EMAIL, email);
    for (const place of places)
      text = text.replaceAll(wholeWords(place), (found) =>
        swap('address', found, () => next(PLACES, 'place')),
      );
    text = text.replaceAll(
      isLower ? LOWER_STREET : STREET,
      (found: string, house: string | undefined, name: string, kind: string) => {
        const isStreet =
          (house !== undefined && !(isLower && EVERYDAY.test(kind))) ||
          (!EVERYDAY.test(kind) && !NO_NAMES.has(plain(name)));
        return isStreet ? address(found, house, `${name}${kind}`) : found;
      },
    );
    const number = (found: string) =>
      NO_NUMBER.test(found)
        ? found
        : swap('number', found, () => {
            counts.number += 1;
            const last = String(100 + (counts.number % 100)).padStart(4, '0');
            return /\d/.test(found) ? `206-555-${last}` : `two oh six five five five ${spelt(last)}`;
          });
    text = text.replaceAll(WRITTEN_NUMBER, number).replaceAll(SPOKEN_NUMBER, number);
    const bareOfNames = text.replaceAll(/[\p{L}][\p{L}'’-]*/gu, (word) => {
      const [, bare = word, ending = ''] = /^(.*?)(['’]s)?$/.exec(word) ?? [];
      const part = names.get(nameOf(bare));
      if (part === undefined || !(isCapital(bare) || isLower)) return word;
      return `${swap('name', bare, () => (part === 'first' ? next(FIRST, 'first') : next(LAST, 'last')))}${ending}`;
    });
    inMarks.push(bareOfNames);
  }

  const all = [...made.values()];
  return {
    lines: inMarks.map((line) =>
      line.replaceAll(MARK, (_mark, index: string) => all[Number(index)]?.by ?? ''),
    ),
    replaced: all.map(({ index: _, ...one }) => one),
  };
}

const wholeWords = (text: string): RegExp =>
  new RegExp(`(?<![\\p{L}\\p{N}])${escaped(text.trim())}(?![\\p{L}\\p{N}])`, 'gu');

const DIGITS = 'oh one two three four five six seven eight nine'.split(' ');
const spelt = (digits: string): string => [...digits].map((digit) => DIGITS[Number(digit)]).join(' ');

/** Every word that is somebody's name, in lower case, and which part of it. */
function* namesIn(
  lines: readonly string[],
  known: KnownPeople,
): Generator<void, ReadonlyMap<string, 'first' | 'last'>, void> {
  const kept = new Set(known.kept.flatMap((text) => text.split(/\s+/)).map(nameOf));
  const names = new Map<string, 'first' | 'last'>();
  const add = (word: string, part: 'first' | 'last') => {
    const name = nameOf(word);
    if (name.length > 1 && !kept.has(name) && !names.has(name)) names.set(name, part);
  };
  for (const name of known.firstNames) for (const word of name.split(/\s+/)) add(word, 'first');
  for (const name of known.lastNames) for (const word of name.split(/\s+/)) add(word, 'last');
  const isName = (word: string | undefined): word is string =>
    word !== undefined && isCapital(word) && !NO_NAMES.has(plain(word));
  for (const line of lines) {
    yield;
    for (const [, last] of line.matchAll(TITLE)) if (isName(last)) add(last, 'last');
    for (const [, first, last] of line.matchAll(CUE)) {
      if (!isName(first)) continue;
      add(first, 'first');
      if (isName(last)) add(last, 'last');
    }
  }
  return names;
}

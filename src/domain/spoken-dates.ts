/**
 * domain/spoken-dates: the time that people agree on in a talk: "tomorrow after five", "Thursday at two", "in an hour". Read
 * relative to the moment it was said, by the clock of the person who was called.
 */
import * as chrono from 'chrono-node';
import { DateTime } from 'luxon';

/** Cardinals and ordinals up to what a clock or a month has, as digits: the parser reads few of them as words. */
const CARDINALS = 'one two three four five six seven eight nine ten eleven twelve'.split(' ');
const ORDINALS =
  'first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth'.split(
    ' ',
  );
const TENS_ORDINAL: readonly [RegExp, number][] = [
  [/\bthirty[ -]first\b/gi, 31],
  [/\bthirtieth\b/gi, 30],
  ...ORDINALS.slice(0, 9).map((word, at): [RegExp, number] => [
    new RegExp(`\\btwenty[ -]${word}\\b`, 'gi'),
    21 + at,
  ]),
];

const CLOCK_WORD = new RegExp(
  `\\b(at|around|about|after|before|by|until|till|like)\\s+(${CARDINALS.join('|')})\\b(?:[ -](thirty|fifteen|forty[ -]five))?(?!\\s+(?:days?|weeks?|months?|years?|minutes?|hours?|hundred|thousand))`,
  'gi',
);
const CLOCK_PM = new RegExp(
  `\\b(${CARDINALS.join('|')})(?:[ -](thirty|fifteen|forty[ -]five))?\\s*(a\\.?m\\.?|p\\.?m\\.?|o'?clock)(?![a-z])`,
  'gi',
);
/** Of minutes and days. */
const ROUNDS: Readonly<Record<string, number>> = { fifteen: 15, twenty: 20, thirty: 30, 'forty-five': 45 };
const ROUND = /\b(fifteen|twenty|thirty|forty-five) (?=(?:minutes?|days?)\b)/gi;
const SPANISH_HOURS = 'una dos tres cuatro cinco seis siete ocho nueve diez once doce'.split(' ');
const SPANISH_CLOCK = new RegExp(`\\ba las? (${SPANISH_HOURS.join('|')})\\b`, 'gi');
const suffixOf = (day: number): string =>
  ({ 1: 'st', 2: 'nd', 3: 'rd', 21: 'st', 22: 'nd', 23: 'rd', 31: 'st' })[day] ?? 'th';
const MINUTES: Readonly<Record<string, string>> = { thirty: '30', fifteen: '15' };
const minutesOf = (word: string | undefined): string =>
  word === undefined ? '00' : (MINUTES[word.toLowerCase()] ?? '45');
const digitOf = (word: string): number => CARDINALS.indexOf(word.toLowerCase()) + 1;

/** As the parser wants it; the same length is not kept. */
function written(text: string, here: DateTime): string {
  let out = text;
  for (const [pattern, day] of TENS_ORDINAL) out = out.replace(pattern, `${day}${suffixOf(day)}`);
  out = out.replace(new RegExp(`\\bthe (${ORDINALS.join('|')})\\b`, 'gi'), (_, word: string) => {
    const day = ORDINALS.indexOf(word.toLowerCase()) + 1;
    return `the ${day}${suffixOf(day)}`;
  });
  // A day of the month alone is the next one of that name.
  out = out.replace(
    /(?<!(?:uary|ch|il|may|june|july|ust|ber|jan|feb|mar|apr|aug|sept?|oct|nov|dec)\.? )\b(?:the |on )(\d{1,2})(?:st|nd|rd|th)\b(?! of)/gi,
    (_, day: string) => `on ${here.plus({ months: Number(day) < here.day ? 1 : 0 }).toFormat('LLLL')} ${day}`,
  );
  out = out.replace(ROUND, (_, word: string) => `${ROUNDS[word.toLowerCase()]} `);
  out = out.replace(
    SPANISH_CLOCK,
    (_, hour: string) => `a las ${SPANISH_HOURS.indexOf(hour.toLowerCase()) + 1}`,
  );
  out = out.replace(CLOCK_PM, (_, hour: string, minutes: string | undefined, half: string) => {
    const suffix = /clock/i.test(half) ? '' : ` ${half.replace(/\./g, '')}`;
    return `at ${digitOf(hour)}:${minutesOf(minutes)}${suffix}`;
  });
  out = out.replace(
    CLOCK_WORD,
    (_, __: string, hour: string, minutes: string | undefined) => `at ${digitOf(hour)}:${minutesOf(minutes)}`,
  );
  // "after 5", "around 3:30": the parser reads a bare hour behind "at" only.
  return out.replace(
    /\b(?:after|around|about|before|by|until|till|like)\s+(\d{1,2}(?::\d{2})?)(?!\d|[:,]|\s*(?:days?|weeks?|months?|years?|minutes?|hours?|th|st|nd|rd|k\b|thousand|hundred|percent|%))/gi,
    'at $1',
  );
}

/** Without one of these there is no time in a text; most texts are not given to the parser, which is slow. */
const MAY_BE_TIME =
  /\b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?s?\b|\b(?:today|tonight|tomorrow|morning|afternoon|evening|noon|weekend|weeks?|month|hours?|minutes?|days|january|february|march|april|june|july|august|september|october|november|december|o'?clock)\b|\bthe (?:\d{1,2}(?:st|nd|rd|th)|\w+(?:th|first|second|third))\b|\b\d{1,2}(?::\d{2})?\s*[ap]\.?m\b|\b[ap]\.?m\.?\b|\b\d{1,2}\/\d{1,2}\b|ma[nñ]ana|\b(?:hoy|lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo|semana)\b/i;
const SPANISH =
  /ma[nñ]ana|\b(?:hoy|lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo|semana|tarde|noche|a las?)\b/i;

/** The hour that is meant by a part of the day, and by a day alone: when an office would call. */
const PART_OF_DAY: readonly [RegExp, number][] = [
  [/\bmorning\b|por la ma[nñ]ana|de la ma[nñ]ana/i, 10],
  [/\bafternoon\b|\btarde\b/i, 14],
  [/\b(?:evening|tonight|night)\b|\bnoche\b/i, 18],
];
const HOUR_OF_A_DAY = 10;

export interface SpokenDate {
  readonly at: Date;
  /** False when no time of the day was said: then it is 10 in the morning, or what a part of the day stands for. */
  readonly hasTime: boolean;
}

/**
 * The last time that is said in a text and lies ahead of `saidAt`. A day without a year or month is the next such day; an hour
 * without am or pm from 1 to 7 is in the afternoon. Undefined when there is none.
 */
export function spokenDate(text: string, saidAt: Date, zone: string): SpokenDate | undefined {
  if (!MAY_BE_TIME.test(text)) return undefined;
  const here = DateTime.fromJSDate(saidAt, { zone });
  if (!here.isValid) return undefined;
  const read = SPANISH.test(text) ? chrono.es : chrono;
  const results = read.parse(
    written(text.slice(0, 1_000), here),
    { instant: saidAt, timezone: here.offset },
    { forwardDate: true },
  );
  for (const { start, text: words } of results.toReversed()) {
    const get = (part: 'year' | 'month' | 'day' | 'hour' | 'minute'): number => start.get(part) ?? 0;
    if (
      /^(?:an?|half an?|\d+|\w+) (?:weeks?|months?|days?|years?|hours?|minutes?)$/i.test(words) &&
      !/^(?:next|this)/i.test(words)
    )
      continue;
    const names = (['day', 'weekday', 'hour', 'month'] as const).some((part) => start.isCertain(part));
    // "A week", "next month" name a stretch; "March" alone no day.
    if (!names && !/tomorrow|today|tonight|ma[nñ]ana|hoy|(?:next|this|in) .*week/i.test(words)) continue;
    if (start.isCertain('month') && !start.isCertain('day')) continue;
    const hasTime = start.isCertain('hour');
    const part = PART_OF_DAY.find(([pattern]) => pattern.test(text));
    const afternoon =
      !start.isCertain('meridiem') &&
      (get('hour') < 8 || (part !== undefined && part[1] > 12 && get('hour') < 12)) &&
      get('hour') > 0 &&
      !/morning|(?:de|por) la ma[nñ]ana/i.test(words) &&
      !/\bin\b.*(?:hour|minute)/i.test(words);
    const hour = hasTime ? get('hour') + (afternoon ? 12 : 0) : (part?.[1] ?? HOUR_OF_A_DAY);
    let local = DateTime.fromObject(
      {
        year: get('year'),
        month: get('month'),
        day: get('day'),
        hour,
        minute: hasTime ? get('minute') : 0,
      },
      { zone },
    );
    if (!local.isValid) continue;
    const isDaySaid = start.isCertain('day') || start.isCertain('weekday');
    if (local <= here && !isDaySaid) local = local.plus({ days: 1 });
    if (local > here && local < here.plus({ days: 366 })) return { at: local.toJSDate(), hasTime };
  }
  return undefined;
}

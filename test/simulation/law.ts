/**
 * test/simulation/law: what the checker holds to be the law, set down a second time from the written reference and from
 * nothing of the product: when each state may be called, on which days it may not, and where a number may be. A mistake in
 * the product's tables is then a disagreement and not a mistake twice.
 */
import { DateTime } from 'luxon';

/** Minutes of the local day, from inclusive, to exclusive. */
export type Span = readonly [from: number, to: number];

interface StateLaw {
  /** Monday first; undefined: nobody may be called on that day. */
  readonly week: readonly (Span | undefined)[];
  readonly holidays: 'as any day' | 'shut' | Span;
}

/** Mon-Fri, Sat, Sun, holidays (reference 3.2). `x`: barred. `-`: a holiday is as any day. */
const HOURS = `
AL 8-20 8-20 x x          CA 9-21 9-21 9-21 -       CT 9-20 9-20 9-20 -        FL 8-20 8-20 8-20 -
IL 9-21 9-21 9-21 -       IN 9-20 9-20 9-20 -       KY 10-21 10-21 10-21 -     LA 8-20 8-20 x x
ME 9-17 x x x             MD 8-20 8-20 8-20 -       MA 8-20 8-20 8-20 -        MI 9-21 9-21 9-21 -
MN 9-21 9-21 9-21 -       MS 8-20 8-20 x -          NE 8-21 8-21 13-21 13-21   NV 9-20 9-20 9-20 -
NM 9-21 9-21 9-21 -       OK 8-20 8-20 8-20 -       OR 8-20 8-20 8-20 -        PA 8-21 8-21 13:30-21 x
RI 9-18 10-17 x x         SD 9-21 x x -             TX 9-21 9-21 12-21 -       UT 8-21 8-21 x x
WA 8-20 8-20 8-20 -       WY 8-20 8-20 8-20 -`;

const FEDERAL_ONLY =
  'AK AZ AR CO DE DC GA HI ID IA KS MO MT NH NJ NY NC ND OH SC TN VT VA WV WI PR GU VI AS MP';

/** No solicitation before 8 or after 21, wherever the called party is. */
export const FEDERAL: Span = [8 * 60, 21 * 60];

const minuteOf = (text: string): number => {
  const [hours = '0', minutes = '0'] = text.split(':');
  return Number(hours) * 60 + Number(minutes);
};

export function spanOf(text: string): Span {
  const [from = '', to = ''] = text.split('-');
  return [minuteOf(from), minuteOf(to)];
}

const day = (text: string): Span | undefined => (text === 'x' ? undefined : spanOf(text));

const LAWS: ReadonlyMap<string, StateLaw> = new Map([
  ...FEDERAL_ONLY.split(' ').map((state): [string, StateLaw] => [
    state,
    { week: Array(7).fill(FEDERAL), holidays: 'as any day' },
  ]),
  ...HOURS.trim()
    .split(/\s{2,}|\n/)
    .map((row): [string, StateLaw] => {
      const [state = '', weekday = '', saturday = '', sunday = '', holidays = ''] = row.split(' ');
      return [
        state,
        {
          week: [...Array(5).fill(day(weekday)), day(saturday), day(sunday)],
          holidays: holidays === '-' ? 'as any day' : holidays === 'x' ? 'shut' : spanOf(holidays),
        },
      ];
    }),
]);

export const STATES: readonly string[] = [...LAWS.keys()];

/** What a state says of one local moment; undefined: it may be called. */
export function stateBar(state: string, local: DateTime): string | undefined {
  const law = LAWS.get(state);
  if (!law) return `${state} is no state`;
  const holiday = law.holidays === 'as any day' ? undefined : holidayOf(state, local);
  if (holiday !== undefined && law.holidays === 'shut') return `${holiday} is barred in ${state}`;
  const span =
    holiday !== undefined && law.holidays !== 'as any day' && law.holidays !== 'shut'
      ? law.holidays
      : law.week[local.weekday - 1];
  if (!span) return `${local.weekdayLong} is barred in ${state}`;
  return within(span, local) ? undefined : `${state} is closed at ${local.toFormat('HH:mm')}`;
}

export const within = ([from, to]: Span, local: DateTime): boolean => {
  const minute = local.hour * 60 + local.minute;
  return minute >= from && minute < to;
};

// ── Holidays ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const date = (year: number, month: number, dayOfMonth: number): DateTime =>
  DateTime.utc(year, month, dayOfMonth);

/** The nth weekday (1 Monday) of a month; -1 the last. */
function nth(year: number, month: number, weekday: number, n: number): DateTime {
  if (n > 0) {
    const first = date(year, month, 1);
    return first.plus({ days: ((weekday - first.weekday + 7) % 7) + (n - 1) * 7 });
  }
  const last = date(year, month, 1).endOf('month').startOf('day');
  return last.minus({ days: (last.weekday - weekday + 7) % 7 });
}

/** Gregorian Easter, by the anonymous algorithm (Meeus, Astronomical Algorithms, ch. 8). */
function easter(year: number): DateTime {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = (19 * a + b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30;
  const e = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - d - (c % 4)) % 7;
  const f = d + e - 7 * Math.floor((a + 11 * d + 22 * e) / 451) + 114;
  return date(year, Math.floor(f / 31), (f % 31) + 1);
}

type Holiday = readonly [name: string, on: DateTime];

/** Federal holidays of a year (reference 3.3), each on its date and, where it falls on a weekend, on the weekday kept for it. */
function common(year: number): Holiday[] {
  const thanksgiving = nth(year, 11, 4, 4);
  const days: Holiday[] = [
    ["New Year's Day", date(year, 1, 1)],
    ['Martin Luther King Day', nth(year, 1, 1, 3)],
    ["Presidents' Day", nth(year, 2, 1, 3)],
    ['Memorial Day', nth(year, 5, 1, -1)],
    ['Juneteenth', date(year, 6, 19)],
    ['Independence Day', date(year, 7, 4)],
    ['Labor Day', nth(year, 9, 1, 1)],
    ['Columbus Day', nth(year, 10, 1, 2)],
    ['Veterans Day', date(year, 11, 11)],
    ['Thanksgiving', thanksgiving],
    ['Christmas', date(year, 12, 25)],
  ];
  return kept(days);
}

const kept = (days: readonly Holiday[]): Holiday[] =>
  days.flatMap(([name, on]): Holiday[] => {
    if (on.weekday === 6)
      return [
        [name, on],
        [`${name}, as kept`, on.minus({ days: 1 })],
      ];
    if (on.weekday === 7)
      return [
        [name, on],
        [`${name}, as kept`, on.plus({ days: 1 })],
      ];
    return [[name, on]];
  });

/** What single states add. */
function own(state: string, year: number): Holiday[] {
  const election: Holiday = ['Election Day', nth(year, 11, 1, 1).plus({ days: 1 })];
  const goodFriday: Holiday = ['Good Friday', easter(year).minus({ days: 2 })];
  switch (state) {
    case 'AL':
      return kept([
        ['Confederate Memorial Day', nth(year, 4, 1, 4)],
        ['Jefferson Davis Day', nth(year, 6, 1, 1)],
        ['Rosa Parks Day', date(year, 12, 1)],
      ]);
    case 'LA':
      return [
        ['Mardi Gras', easter(year).minus({ days: 47 })],
        goodFriday,
        ['the day after Thanksgiving', nth(year, 11, 4, 4).plus({ days: 1 })],
        ...(year % 2 === 0 ? [election] : []),
      ];
    case 'PA':
      return [goodFriday, ...kept([['Flag Day', date(year, 6, 14)]]), election];
    case 'RI':
      return [
        ...kept([['Rhode Island Independence Day', date(year, 5, 4)]]),
        ['Victory Day', nth(year, 8, 1, 2)],
        election,
      ];
    case 'UT':
      return kept([['Pioneer Day', date(year, 7, 24)]]);
    default:
      return [];
  }
}

const calendars = new Map<string, ReadonlyMap<string, string>>();

function holidayOf(state: string, local: DateTime): string | undefined {
  const key = `${state} ${local.year}`;
  let calendar = calendars.get(key);
  if (!calendar) {
    // New Year's Day of the next year may be kept on the last day of this one.
    const years = [local.year - 1, local.year, local.year + 1];
    calendar = new Map(
      years.flatMap((year) =>
        [...common(year), ...own(state, year)].map(([name, on]): [string, string] => [
          on.toISODate() ?? '',
          name,
        ]),
      ),
    );
    calendars.set(key, calendar);
  }
  return calendar.get(local.toISODate() ?? '');
}

// ── Where a number and an address may be ─────────────────────────────────────────────────────────────────────────────

export interface Place {
  readonly state: string;
  readonly zones: readonly string[];
}

const ZONE: Readonly<Record<string, string>> = {
  E: 'America/New_York',
  C: 'America/Chicago',
  M: 'America/Denver',
  P: 'America/Los_Angeles',
  AZ: 'America/Phoenix',
  IN: 'America/Indiana/Indianapolis',
  DT: 'America/Detroit',
  ME: 'America/Menominee',
  AN: 'America/Anchorage',
  AD: 'America/Adak',
  HI: 'Pacific/Honolulu',
  PR: 'America/Puerto_Rico',
  VI: 'America/St_Thomas',
  GU: 'Pacific/Guam',
  MP: 'Pacific/Saipan',
  AS: 'Pacific/Pago_Pago',
};

const zonesOf = (letters: string): string[] =>
  letters.split('+').map((letter) => {
    const zone = ZONE[letter];
    if (zone === undefined) throw new Error(`no zone is written ${letter}`);
    return zone;
  });

/** State, zones, area codes. Only those the simulation uses; one that is not here is not dialled. */
const AREA_CODES = `
AL C 205 251 256          AL C+E 334               AK AN+AD 907             AZ AZ 480 520 602 623
AZ AZ+M 928               AR C 479 501 870         CA P 213 310 408 415 619 714 818 916
CO M 303 719 720 970      CT E 203 860             DE E 302                 DC E 202
FL E 305 407 561 727 786 813 904 954               FL E+C 850 448           GA E 404 678 706 770 912
HI HI 808                 ID M+P 208 986           IL C 217 309 312 618 773 815 847
IN IN 260 317 765         IN IN+C 219 574 812 930  IA C 319 515 563 712     KS C 316 913
KS C+M 620 785            KY E 502 859             KY E+C 270 364 606       LA C 225 318 337 504 985
ME E 207                  MD E 240 301 410 443     MA E 413 508 617 781     MI DT 248 313 517 616 734
MI DT+ME 906              MN C 218 507 612 651     MS C 228 601 662         MO C 314 417 573 816
MT M 406                  NE C 402 531             NE C+M 308               NV P 702 725
NV P+M 775                NH E 603                 NJ E 201 609 732 908     NM M 505 575
NY E 212 315 516 518 585 716 718 914               NC E 252 336 704 919     ND C+M 701
OH E 216 330 419 513 614  OK C 405 580 918         OR P 503 971             OR P+M 458 541
PA E 215 267 412 570 717  RI E 401                 SC E 803 843 864         SD C+M 605
TN C 615 901              TN E 865                 TN E+C 423 729           TX C 210 214 281 512 713 817
TX C+M 432                TX M 915                 UT M 385 435 801         VT E 802
VA E 540 703 757 804      WA P 206 253 360 425 509  WV E 304 681            WI C 262 414 608 920
WY M 307                  PR PR 787 939            GU GU 671                VI VI 340
AS AS 684                 MP MP 670`;

/** State, zones, ZIPs: well-known ones on both sides of the lines. */
const ZIPS = `
AL C 35203 36104          AK AN 99501              AZ AZ 85001 85281 86001  AZ M 86515
AR C 72201                CA P 90012 94103         CO M 80202               CT E 06103
DE E 19801                DC E 20001               FL E 33101 32301         FL C 32501
GA E 30303                HI HI 96813              ID M 83702               ID P 83814
IL C 60601                IN IN 46204              IN C 46402 47708         IA C 50309
KS C 67202                KY E 40202               KY C 42101               LA C 70112 70801
ME E 04101                MD E 21201               MA E 02108               MI DT 48226
MI ME 49801               MN C 55401               MS C 39201               MO C 64106
MT M 59601                NE C 68102               NE M 69361               NV P 89101
NH E 03101                NJ E 07102               NM M 87102               NY E 10001 14202
NC E 27601                ND C 58102               OH E 43215               OK C 73102
OR P 97201                OR M 97914               PA E 19103 15222         RI E 02903
SC E 29201                SD C 57104               SD M 57701               TN C 37203
TN E 37902                TX C 77002 75201         TX M 79901               UT M 84101
VT E 05401                VA E 23219               WA P 98101               WV E 25301
WI C 53202                WY M 82001               PR PR 00901              VI VI 00802`;

/** ZIPs that published tables put into different zones (3.6): the product may keep all of these, and be stricter. */
export const DISPUTED_ZIPS: ReadonlySet<string> = new Set(['42101', '46402', '47708', '86515', '97914']);

const placesIn = (table: string): Map<string, Place> =>
  new Map(
    table
      .trim()
      .split(/\s{2,}|\n/)
      .flatMap((row) => {
        const [state = '', zones = '', ...codes] = row.split(' ');
        if (!LAWS.has(state) || codes.some((code) => !/^\d{3}(?:\d{2})?$/.test(code)))
          throw new Error(`this row cannot be read: ${row}`);
        return codes.map((code): [string, Place] => [code, { state, zones: zonesOf(zones) }]);
      }),
  );

export const PLACE_OF_AREA_CODE: ReadonlyMap<string, Place> = placesIn(AREA_CODES);
export const PLACE_OF_ZIP: ReadonlyMap<string, Place> = placesIn(ZIPS);

/** States of more than one zone (3.5); the others have the zone of their area codes. */
const SPLIT = `AK AN+AD|AZ AZ+M|FL E+C|KY E+C|TN E+C|ID M+P|IN IN+C|KS C+M|NE C+M|ND C+M|SD C+M|TX C+M|MI DT+ME|NV P+M|OR P+M`;
const PLACE_OF_STATE: ReadonlyMap<string, Place> = new Map([
  ...[...PLACE_OF_AREA_CODE.values()]
    // Alabama's second zone is unofficial and optional there.
    .filter(({ state, zones }) => zones.length === 1 || state !== 'AL')
    .map((place): [string, Place] => [place.state, place]),
  ...SPLIT.split('|').map((row): [string, Place] => {
    const [state = '', zones = ''] = row.split(' ');
    return [state, { state, zones: zonesOf(zones) }];
  }),
]);

/** Everywhere the person may be: the address and the area code, both. A string says why nobody can know. */
export function placesOf(
  phone: string,
  address: { readonly state?: string | undefined; readonly zip?: string | undefined },
): readonly Place[] | 'location_conflict' | 'timezone_unknown' {
  const byNumber = PLACE_OF_AREA_CODE.get(phone.slice(2, 5));
  if (!byNumber) return 'timezone_unknown';
  if (address.zip !== undefined) {
    const byZip = PLACE_OF_ZIP.get(address.zip.slice(0, 5));
    if (!byZip) return 'timezone_unknown';
    if (address.state !== undefined && address.state !== byZip.state) return 'location_conflict';
    return [byZip, byNumber];
  }
  if (address.state === undefined) return [byNumber];
  const byState = PLACE_OF_STATE.get(address.state);
  return byState ? [byState, byNumber] : 'timezone_unknown';
}

/** Why a number is none that may be dialled; undefined: it may. Exchange 555 is good but for its fictional and directory lines. */
export function numberBar(phone: string): string | undefined {
  const [, area = '', exchange = '', line = ''] = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(phone) ?? [];
  if (area === '') return 'phone_invalid';
  if (/^8(?:00|33|44|55|66|77|88)$/.test(area)) return 'phone_toll_free';
  if (area === '900' || exchange === '976') return 'phone_premium';
  if (/^(?:700|710|5(?:00|21|22|33|44|66|77|88))$/.test(area)) return 'phone_non_geographic';
  if (!/^[2-9]/.test(exchange) || /^.11$/.test(exchange) || /^.11$/.test(area)) return 'phone_invalid';
  if (exchange === '555' && line === '1212') return 'phone_invalid';
  if (exchange === '555' && line.startsWith('01')) return 'phone_fictional';
  if (!PLACE_OF_AREA_CODE.has(area)) return 'phone_not_us';
  return undefined;
}

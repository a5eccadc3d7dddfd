/**
 * domain/compliance/holidays: the days on which states bar or narrow solicitation, one hand-checked table per year
 * (reference §3.3). A year without a table has no answer, and no answer denies. Both the statutory date and the weekday
 * on which it is observed are barred.
 */
import { dayOf, weekdayOf, yearOf } from './zone-clock.ts';

const TABLES = `
2025 newYear=01-01 king=01-20 presidents=02-17 mardiGras=03-04 goodFriday=04-18 patriots=04-21 confederate=04-28 riIndependence=05-04 memorial=05-26 davis=06-02 flag=06-14 juneteenth=06-19 independence=07-04 pioneer=07-24 victory=08-11 labor=09-01 columbus=10-13 veterans=11-11 election=11-04 thanksgiving=11-27 acadian=11-28 rosaParks=12-01 christmas=12-25
2026 newYear=01-01 king=01-19 presidents=02-16 mardiGras=02-17 goodFriday=04-03 patriots=04-20 confederate=04-27 riIndependence=05-04 memorial=05-25 davis=06-01 flag=06-14 juneteenth=06-19 independence=07-04 pioneer=07-24 victory=08-10 labor=09-07 columbus=10-12 veterans=11-11 election=11-03 thanksgiving=11-26 acadian=11-27 rosaParks=12-01 christmas=12-25
2027 newYear=01-01 king=01-18 presidents=02-15 mardiGras=02-09 goodFriday=03-26 patriots=04-19 confederate=04-26 riIndependence=05-04 memorial=05-31 davis=06-07 flag=06-14 juneteenth=06-19 independence=07-04 pioneer=07-24 victory=08-09 labor=09-06 columbus=10-11 veterans=11-11 election=11-02 thanksgiving=11-25 acadian=11-26 rosaParks=12-01 christmas=12-25
`;

const NAMES: Readonly<Record<string, string>> = {
  newYear: "New Year's Day",
  king: 'Martin Luther King Jr. Day',
  presidents: "Presidents' Day",
  mardiGras: 'Mardi Gras',
  goodFriday: 'Good Friday',
  patriots: "Patriots' Day",
  confederate: 'Confederate Memorial Day',
  riIndependence: 'Rhode Island Independence Day',
  memorial: 'Memorial Day',
  davis: "Jefferson Davis' Birthday",
  flag: 'Flag Day',
  juneteenth: 'Juneteenth',
  independence: 'Independence Day',
  pioneer: 'Pioneer Day',
  victory: 'Victory Day',
  labor: 'Labor Day',
  columbus: 'Columbus Day',
  veterans: 'Veterans Day',
  election: 'Election Day',
  thanksgiving: 'Thanksgiving',
  acadian: 'the day after Thanksgiving',
  rosaParks: 'Rosa Parks Day',
  christmas: 'Christmas',
};

const EVERYWHERE =
  'newYear king presidents memorial juneteenth independence labor columbus veterans thanksgiving christmas';

/**
 * Election Day of Louisiana is a holiday in even years; that of Rhode Island is unverified and taken for every year. Mardi
 * Gras of Alabama is one on the Gulf coast only.
 */
const STATE_DAYS: Readonly<Record<string, string>> = {
  AL: 'confederate davis rosaParks mardiGras',
  LA: 'mardiGras goodFriday election acadian',
  ME: 'patriots',
  NE: '',
  PA: 'goodFriday flag election',
  RI: 'riIndependence victory election',
  UT: 'pioneer',
};

const SATURDAY = 6;
const SUNDAY = 0;

function observedOn(day: number): number {
  const weekday = weekdayOf(day);
  return weekday === SATURDAY ? day - 1 : weekday === SUNDAY ? day + 1 : day;
}

/** Utah observes Juneteenth on the Monday before or after (unverified): both days are barred. */
function utahJuneteenth(day: number): number {
  const weekday = weekdayOf(day);
  return weekday === SATURDAY ? day + 2 : weekday === SUNDAY ? day + 1 : day - (weekday - 1);
}

interface Holiday {
  readonly name: string;
  /** For who may be on Alabama's Gulf coast. */
  readonly onlyGulf: boolean;
}

const barred = new Map<string, Map<number, Holiday[]>>();
/** Days that the tables cover, half-open. */
let fromDay = Infinity;
let toDay = -Infinity;

function bar(state: string, day: number, key: string, observed = observedOn(day)): void {
  const name = NAMES[key];
  if (name === undefined) throw new RangeError(`no name for holiday ${key}`);
  const onlyGulf = state === 'AL' && key === 'mardiGras';
  const days = barred.get(state) ?? new Map<number, Holiday[]>();
  barred.set(state, days);
  // A day's own holiday is named before one that is only observed on it.
  days.set(day, [{ name, onlyGulf }, ...(days.get(day) ?? [])]);
  if (observed !== day)
    days.set(observed, [...(days.get(observed) ?? []), { name: `${name} (observed)`, onlyGulf }]);
}

for (const line of TABLES.trim().split('\n')) {
  const [yearText = '', ...entries] = line.split(' ');
  const year = Number(yearText);
  fromDay = Math.min(fromDay, dayOf(year, 1, 1));
  if (toDay !== -Infinity && toDay !== dayOf(year, 1, 1))
    throw new RangeError(`a year before ${year} is missing`);
  toDay = dayOf(year + 1, 1, 1);
  const dates = new Map(
    entries.map((entry) => {
      const [key = '', monthDay = ''] = entry.split('=');
      const [month = '', date = ''] = monthDay.split('-');
      return [key, dayOf(year, Number(month), Number(date))] as const;
    }),
  );
  for (const [state, own] of Object.entries(STATE_DAYS)) {
    for (const key of `${EVERYWHERE} ${own}`.trim().split(' ')) {
      const day = dates.get(key);
      if (day === undefined) throw new RangeError(`${year} lacks ${key}`);
      if (key === 'election' && state === 'LA' && year % 2 === 1) continue;
      bar(state, day, key);
      if (state === 'UT' && key === 'juneteenth') bar(state, day, key, utahJuneteenth(day));
    }
    // 1 January on a Saturday is observed in the year before.
    bar(state, dayOf(year + 1, 1, 1), 'newYear');
  }
}

/**
 * The holiday that `state` keeps on a local day, or undefined. `gulf`: the person may be on Alabama's Gulf coast.
 * Throws RangeError for a year without a table, in the states that keep holidays.
 */
export function holidayOf(state: string, day: number, gulf: boolean): string | undefined {
  const days = barred.get(state);
  if (!days) return undefined;
  if (!(day >= fromDay && day < toDay))
    throw new RangeError(`there is no table of holidays for ${yearOf(day)}`);
  return days.get(day)?.find((holiday) => gulf || !holiday.onlyGulf)?.name;
}

/** Part of the rule version. */
export const HOLIDAY_SOURCE = { TABLES, EVERYWHERE, STATE_DAYS };

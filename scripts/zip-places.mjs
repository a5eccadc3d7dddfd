/**
 * zip-places: which state and time zones a ZIP code may be in, for src/domain/compliance/zip-places.ts.
 *
 *   npx tsx scripts/zip-places.mjs
 *
 * Three packages are asked about every ZIP code; they go into a temporary directory and are no dependencies of the
 * product (geo-tz alone weighs 71 MB). Where they disagree about the clock in January or in July, all their answers are
 * kept: none of them is right everywhere, and a doubt may only ever cost calls. A zone that nobody here has heard of
 * stops the run.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PLACE_SOURCE } from '../src/domain/compliance/places.ts';

const PACKAGES = ['zipcodes@8.0.0', 'zipcode-to-timezone@0.0.9', 'tz-lookup@6.1.25', 'geo-tz@8.1.9'];
const TARGET = new URL('../src/domain/compliance/zip-places.ts', import.meta.url);
const YEAR = 2026;

/** Post of the armed forces has no place; Palau, Micronesia and the Marshall Islands are not the US. */
const NO_STATE = new Set(['AA', 'AE', 'AP', 'PW', 'FM', 'MH']);

const { ZONE, STATE_ZONES } = PLACE_SOURCE;
const LETTER = new Map(Object.entries(ZONE).map(([letter, zone]) => [zone, letter]));

/** Zones of the US that keep the clock of one of ours. */
const SAME_CLOCK = {
  'America/Shiprock': 'M',
  'America/Kentucky/Louisville': 'E',
  'America/Kentucky/Monticello': 'E',
  'America/Indiana/Marengo': 'I',
  'America/Indiana/Petersburg': 'I',
  'America/Indiana/Vevay': 'I',
  'America/Indiana/Vincennes': 'I',
  'America/Indiana/Winamac': 'I',
  'America/Indiana/Knox': 'C',
  'America/Indiana/Tell_City': 'C',
  'America/North_Dakota/Beulah': 'C',
  'America/North_Dakota/Center': 'C',
  'America/North_Dakota/New_Salem': 'C',
  'America/Juneau': 'A',
  'America/Metlakatla': 'A',
  'America/Nome': 'A',
  'America/Sitka': 'A',
  'America/Yakutat': 'A',
};

/** Answers for a place across the border. A US ZIP code is not there, so they say nothing. */
const ABROAD = new Set([
  'America/Creston',
  'America/Edmonton',
  'America/Hermosillo',
  'America/Matamoros',
  'America/Moncton',
  'America/Monterrey',
  'America/Ojinaga',
  'America/Regina',
  'America/Tijuana',
  'America/Toronto',
  'America/Vancouver',
  'America/Winnipeg',
  'Asia/Anadyr',
  'Asia/Bishkek',
  'Pacific/Apia',
  'Pacific/Tarawa',
  'Pacific/Wake',
]);

const offset = (zone, month) =>
  new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    .formatToParts(new Date(Date.UTC(YEAR, month, 15, 12)))
    .find(({ type }) => type === 'timeZoneName')?.value;
const clocks = new Map();
function clock(letter) {
  if (!clocks.has(letter)) clocks.set(letter, `${offset(ZONE[letter], 0)} ${offset(ZONE[letter], 6)}`);
  return clocks.get(letter);
}
for (const [zone, letter] of Object.entries(SAME_CLOCK))
  if (`${offset(zone, 0)} ${offset(zone, 6)}` !== clock(letter))
    throw new Error(`${zone} no longer keeps the clock of ${ZONE[letter]}`);

/** Our letter for a zone in a state, the state's own one where it has one with that clock; undefined for one abroad. */
function letterOf(zone, state) {
  if (ABROAD.has(zone)) return undefined;
  const letter = LETTER.get(zone) ?? SAME_CLOCK[zone];
  if (letter === undefined) throw new Error(`zone ${zone}, named for a place in ${state}, is unknown here`);
  return [...STATE_ZONES[state]].find((own) => clock(own) === clock(letter)) ?? letter;
}

function packages(directory) {
  writeFileSync(join(directory, 'package.json'), '{"private":true}');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...options, ...PACKAGES], { cwd: directory, stdio: 'inherit' });
  const require = createRequire(join(directory, 'package.json'));
  return {
    codes: require('zipcodes').codes,
    byPoint: require('geo-tz').find,
    byCoarsePoint: require('tz-lookup'),
    byZip: require('zipcode-to-timezone').lookup,
  };
}

const directory = mkdtempSync(join(tmpdir(), 'zip-places-'));
const groups = new Map();
const left = [];
let known = 0;
let disagreed = 0;
try {
  const { codes, byPoint, byCoarsePoint, byZip } = packages(directory);
  for (const { zip, latitude, longitude, city, state, country } of Object.values(codes)) {
    if (country !== 'US' || NO_STATE.has(state)) continue;
    if (STATE_ZONES[state] === undefined) throw new Error(`state ${state} of ${zip} is unknown here`);
    const fine = byPoint(latitude, longitude);
    const answers = [...fine, byCoarsePoint(latitude, longitude), byZip(zip)].filter((zone) => zone !== null);
    // A point outside the US is a slip of the pen in the data, and there is no telling where the place is.
    if (fine.length === 0 || fine.some((zone) => letterOf(zone, state) === undefined)) {
      left.push(`${zip} ${city}, ${state}: ${answers.join(', ')}`);
      continue;
    }
    const letters = new Set();
    for (const zone of answers) {
      const letter = letterOf(zone, state);
      if (letter !== undefined && ![...letters].some((other) => clock(other) === clock(letter)))
        letters.add(letter);
    }
    if (letters.size > 1) disagreed += 1;
    known += 1;
    const key = `${zip.slice(0, 3)} ${state} ${[...letters].join('')}`;
    groups.set(key, [...(groups.get(key) ?? []), Number(zip.slice(3))]);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const two = (n) => String(n).padStart(2, '0');
function runs(numbers) {
  const out = [];
  for (const n of numbers.sort((a, b) => a - b)) {
    const last = out.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else out.push([n, n]);
  }
  return out.map(([from, to]) => (from === to ? two(from) : `${two(from)}-${two(to)}`)).join(' ');
}

const lines = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, ends]) => `${key} ${runs(ends)}`);
writeFileSync(
  TARGET,
  `/**
 * domain/compliance/zip-places: state and zones of every ZIP code, written by scripts/zip-places.mjs and not by hand. What
 * the packages do not know, and what is known better than they do, stands in places.ts.
 */

/** Where the table comes from. */
export const ZIP_SOURCE =
  '${PACKAGES.join(' ')}; clocks of ${YEAR} by tzdata ${process.versions.tz}';

/** The first three digits, state, zone letters as in places.ts, and the last two digits that exist. */
export const ZIP_PLACES = \`
${lines.join('\n')}
\`;
`,
);
console.log(`${known} ZIP codes, ${disagreed} with more than one clock, ${lines.length} lines`);
console.log(`left out, because their place is not in the US:\n  ${left.join('\n  ')}`);

/** Where a called party may be: ZIP codes on both sides of every line, what the packages do not know, and unknown places. */
import { describe, expect, test } from 'vitest';
import { areaCode, whereabouts, zipCode } from '../../src/domain/compliance/places.ts';
import { STATES } from '../../src/domain/compliance/states.ts';
import { ZIP_PLACES } from '../../src/domain/compliance/zip-places.ts';

const CITY: Readonly<Record<string, string>> = {
  E: 'America/New_York',
  C: 'America/Chicago',
  M: 'America/Denver',
  P: 'America/Los_Angeles',
  Z: 'America/Phoenix',
  B: 'America/Boise',
  I: 'America/Indiana/Indianapolis',
  A: 'America/Anchorage',
  K: 'America/Adak',
};

const told = (zip: string): string =>
  zipCode(zip)
    .map(({ state, zones }) => `${state} ${zones.join(' ')}`)
    .join(' + ');
const places = (state: string, letters: string): string =>
  `${state} ${[...letters].map((letter) => CITY[letter] ?? letter).join(' ')}`;

test.each([
  ['46402', 'IN', 'CI', 'Gary, Central; one package says Indianapolis'],
  ['47708', 'IN', 'CI', 'Evansville, Central; one package says Indianapolis'],
  ['46204', 'IN', 'I', 'Indianapolis'],
  ['97914', 'OR', 'BP', 'Ontario, Mountain; one package says Pacific'],
  ['97201', 'OR', 'P', 'Portland'],
  ['89883', 'NV', 'MP', 'West Wendover, Mountain; one package says Pacific'],
  ['89825', 'NV', 'PM', 'Jackpot lives by the clocks of Idaho'],
  ['89101', 'NV', 'P', 'Las Vegas'],
  ['79901', 'TX', 'M', 'El Paso'],
  ['79847', 'TX', 'MC', 'Salt Flat, on the line'],
  ['77002', 'TX', 'C', 'Houston'],
  ['32501', 'FL', 'C', 'Pensacola'],
  ['32424', 'FL', 'CE', 'Blountstown, on the line'],
  ['33101', 'FL', 'E', 'Miami'],
  ['36867', 'AL', 'EC', 'Phenix City follows Georgia clocks'],
  ['36863', 'AL', 'EC', 'Lanett does too'],
  ['35203', 'AL', 'C', 'Birmingham'],
  ['99685', 'AK', 'A', 'Unalaska uses Alaska time'],
  ['99546', 'AK', 'KA', 'Adak'],
  ['99923', 'AK', 'AP', 'Hyder lives by the clocks of British Columbia'],
  ['86039', 'AZ', 'ZM', 'Kykotsmovi, Hopi'],
  ['86042', 'AZ', 'ZM', 'Polacca, Hopi'],
  ['86001', 'AZ', 'Z', 'Flagstaff'],
  ['10001', 'NY', 'E', 'New York'],
  ['06390', 'NY', 'E', 'Fishers Island, with a ZIP of Connecticut'],
  ['96799', 'AS', 'Pacific/Pago_Pago', 'not Apia, a day ahead'],
])('ZIP %s is in %s: %s (%s)', (zip, state, letters) => {
  expect(told(zip)).toBe(letters.includes('/') ? `${state} ${letters}` : places(state, letters));
});

describe('ZIP codes', () => {
  test('the Navajo Nation, and the Hopi land and towns that share its ZIP codes, have both clocks', () => {
    for (const zip of ['86515', '86503', '86045', '86034', '86030', '86040'])
      expect(new Set(zipCode(zip).flatMap(({ zones }) => zones)), zip).toEqual(
        new Set(['America/Denver', 'America/Phoenix']),
      );
  });

  test('territories have their own clocks', () => {
    expect(told('00901')).toBe('PR America/Puerto_Rico');
    expect(told('00802')).toBe('VI America/St_Thomas');
    expect(told('96910')).toBe('GU Pacific/Guam');
    expect(told('96950')).toBe('MP Pacific/Saipan');
  });

  test('a town in two states is in both, whichever the address names', () => {
    expect(told('73960')).toBe('TX America/Chicago + OK America/Chicago');
    for (const state of ['TX', 'OK']) {
      const where = whereabouts('580', state, '73960');
      expect(where.conflict).toBe(false);
      expect(where.places.map((place) => place.state)).toEqual(['TX', 'OK']);
    }
    expect(whereabouts('580', 'KS', '73960').conflict).toBe(true);
  });

  test.each([
    ['09012', 'the army in Germany'],
    ['96201', 'the army in Korea'],
    ['34002', 'the armed forces in the Americas'],
    ['96940', 'Palau'],
    ['96960', 'the Marshall Islands'],
    ['96898', 'Wake Island'],
    ['00000', 'nothing'],
    ['99999', 'nothing'],
    ['10200', 'a ZIP code that is not in use'],
    ['1000', 'too short'],
    ['100011', 'too long'],
    ['1000A', 'no number'],
    ['', 'empty'],
  ])('%s is nowhere: %s', (zip) => {
    expect(zipCode(zip)).toEqual([]);
  });

  test('may be written with blanks and four more digits', () => {
    for (const zip of ['98101-1234', '981011234', ' 98101 ']) expect(told(zip)).toBe(told('98101'));
  });

  test('the table holds every ZIP code of the packages once, small enough to ship', () => {
    const seen = new Set<string>();
    for (const line of ZIP_PLACES.trim().split('\n')) {
      const [zip3 = '', state = '', letters = '', ...ends] = line.split(' ');
      expect(STATES.has(state), line).toBe(true);
      expect(letters, line).toMatch(/^[A-Z]{1,3}$/);
      for (const end of ends) {
        const [from = '', to = from] = end.split('-');
        for (let n = Number(from); n <= Number(to); n += 1) {
          const zip = zip3 + String(n).padStart(2, '0');
          expect(seen.has(zip), zip).toBe(false);
          seen.add(zip);
        }
      }
    }
    expect(seen.size).toBe(41_896);
    expect(ZIP_PLACES.length).toBeLessThan(150_000);
  });
});

describe('area codes', () => {
  // Reference §3.5: those that need more than one zone, and El Paso.
  test.each([
    ['ID', 'BP', '208 986'],
    ['IN', 'IC', '219 574 812 930'],
    ['KY', 'EC', '270 364 606'],
    ['TN', 'EC', '423 729'],
    ['NE', 'CM', '308'],
    ['TX', 'CM', '432'],
    ['OR', 'PB', '458 541'],
    ['SD', 'CM', '605'],
    ['KS', 'CM', '620 785'],
    ['ND', 'CM', '701'],
    ['NV', 'PM', '775'],
    ['FL', 'EC', '850 448'],
    ['AK', 'AK', '907'],
    ['AZ', 'ZM', '928'],
    ['TX', 'M', '915'],
    ['AL', 'CE', '334'],
  ])('%s %s: %s', (state, letters, codes) => {
    for (const code of codes.split(' ')) {
      const spot = areaCode(code);
      expect(spot?.state).toBe(state);
      expect(new Set(spot?.zones)).toEqual(new Set([...letters].map((letter) => CITY[letter])));
    }
  });

  test('906 spans Detroit and Menominee', () => {
    expect(areaCode('906')?.zones).toEqual(['America/Detroit', 'America/Menominee']);
  });
});

describe('address and area code together', () => {
  const zonesOf = (npa: string | undefined, state: string | null, zip: string | null): string[] =>
    whereabouts(npa, state, zip).places.map((place) => `${place.state} ${place.zone}`);

  test('count both, the address first, each place once', () => {
    expect(zonesOf('212', 'CA', '90012')).toEqual(['CA America/Los_Angeles', 'NY America/New_York']);
    expect(zonesOf('850', 'FL', '32501')).toEqual(['FL America/Chicago', 'FL America/New_York']);
    expect(zonesOf('305', 'FL', null)).toEqual(['FL America/New_York', 'FL America/Chicago']);
    expect(zonesOf('212', null, null)).toEqual(['NY America/New_York']);
  });

  test('what was given and cannot be placed is not made up for by the rest', () => {
    expect(whereabouts('212', 'NY', '09012').unknown).toBe('zip');
    expect(whereabouts('212', 'Ontario', null).unknown).toBe('state');
    expect(whereabouts('212', 'Ontario', '10001').unknown).toBe('state');
    expect(whereabouts(undefined, 'NY', '10001').unknown).toBe('number');
    expect(whereabouts('999', 'NY', '10001').unknown).toBe('number');
    expect(whereabouts('212', ' ny ', '').unknown).toBeUndefined();
  });

  test('the Gulf coast of Alabama is where its ZIP, its area code or no better evidence says so', () => {
    const gulf = (npa: string, state: string | null, zip: string | null): boolean =>
      whereabouts(npa, state, zip).places.some((place) => place.state === 'AL' && place.gulf);
    expect(gulf('205', 'AL', '36602')).toBe(true);
    expect(gulf('205', 'AL', null)).toBe(true);
    expect(gulf('251', 'AL', '35203')).toBe(true);
    expect(gulf('205', 'AL', '35203')).toBe(false);
    expect(gulf('205', null, null)).toBe(false);
  });
});

/**
 * domain/compliance/places: where a called party may be. Candidates are the address (ZIP, else state) together with the
 * area code, because numbers are portable and some states presume that the area code shows the place (reference §3.5).
 */
import { STATES, type StateRow, stateCode } from './states.ts';
import { ZIP_PLACES, ZIP_SOURCE } from './zip-places.ts';

/** One place the called party may be. */
export interface Place {
  readonly state: string;
  readonly row: StateRow;
  readonly zone: string;
  /** "Florida", or "the Central time part of Florida" where not the whole state has this clock. */
  readonly region: string;
  /** May be in Mobile or Baldwin county, Alabama, where Mardi Gras is a holiday. */
  readonly gulf: boolean;
}

const ZONE: Readonly<Record<string, string>> = {
  E: 'America/New_York',
  C: 'America/Chicago',
  M: 'America/Denver',
  P: 'America/Los_Angeles',
  Z: 'America/Phoenix',
  B: 'America/Boise',
  I: 'America/Indiana/Indianapolis',
  D: 'America/Detroit',
  N: 'America/Menominee',
  A: 'America/Anchorage',
  K: 'America/Adak',
  H: 'Pacific/Honolulu',
  R: 'America/Puerto_Rico',
  V: 'America/St_Thomas',
  G: 'Pacific/Guam',
  S: 'Pacific/Pago_Pago',
  Y: 'Pacific/Saipan',
};

/** Every zone that the gate tells the time of. */
export const ZONES: readonly string[] = Object.values(ZONE);

const CLOCKS: Readonly<Record<string, string>> = {
  'America/New_York': 'Eastern',
  'America/Detroit': 'Eastern',
  'America/Indiana/Indianapolis': 'Eastern',
  'America/Chicago': 'Central',
  'America/Menominee': 'Central',
  'America/Denver': 'Mountain',
  'America/Boise': 'Mountain',
  'America/Phoenix': 'Arizona',
  'America/Los_Angeles': 'Pacific',
  'America/Anchorage': 'Alaska',
  'America/Adak': 'Aleutian',
  'Pacific/Honolulu': 'Hawaii',
  'America/Puerto_Rico': 'Atlantic',
  'America/St_Thomas': 'Atlantic',
  'Pacific/Guam': 'Chamorro',
  'Pacific/Saipan': 'Chamorro',
  'Pacific/Pago_Pago': 'Samoa',
};

/** "Pacific" for America/Los_Angeles: the name people use. */
export const clockName = (zone: string): string => CLOCKS[zone] ?? zone;

/** Every zone of a state, as letters of ZONE; used when the state is all that is known of an address. */
const STATE_ZONES: Readonly<Record<string, string>> = {
  AK: 'AK',
  AL: 'C',
  AR: 'C',
  AS: 'S',
  AZ: 'ZM',
  CA: 'P',
  CO: 'M',
  CT: 'E',
  DC: 'E',
  DE: 'E',
  FL: 'EC',
  GA: 'E',
  GU: 'G',
  HI: 'H',
  IA: 'C',
  ID: 'BP',
  IL: 'C',
  IN: 'IC',
  KS: 'CM',
  KY: 'EC',
  LA: 'C',
  MA: 'E',
  MD: 'E',
  ME: 'E',
  MI: 'DN',
  MN: 'C',
  MO: 'C',
  MP: 'Y',
  MS: 'C',
  MT: 'M',
  NC: 'E',
  ND: 'CM',
  NE: 'CM',
  NH: 'E',
  NJ: 'E',
  NM: 'M',
  NV: 'PM',
  NY: 'E',
  OH: 'E',
  OK: 'C',
  OR: 'PB',
  PA: 'E',
  PR: 'R',
  RI: 'E',
  SC: 'E',
  SD: 'CM',
  TN: 'EC',
  TX: 'CM',
  UT: 'M',
  VA: 'E',
  VI: 'V',
  VT: 'E',
  WA: 'P',
  WI: 'C',
  WV: 'E',
  WY: 'M',
};

/** Geographic area codes: state, zone letters, codes. Where a zone line runs through an area code, both sides count. */
const AREA_CODES = `
AL C 205 256 659 938
AL C 251
AL CE 334
AK AK 907
AR C 327 479 501 870
AS S 684
AZ Z 480 520 602 623
AZ ZM 928
CA P 209 213 279 310 323 341 350 357 369 408 415 424 442 510 530 559 562 619 626 628 650 657 661 669 707 714 738 747 760 805 818 820 831 837 840 858 909 916 925 949 951
CO M 303 719 720 748 970 983
CT E 203 475 860 959
DC E 202 771
DE E 302
FL E 239 305 321 324 352 386 407 561 645 656 689 727 728 754 772 786 813 863 904 941 954
FL EC 448 850
GA E 229 404 470 478 678 706 762 770 912 943
GU G 671
HI H 808
IA C 319 515 563 641 712
ID BP 208 986
IL C 217 224 309 312 331 447 464 618 630 708 730 773 779 815 847 861 872
IN I 260 317 463 765
IN IC 219 574 812 930
KS C 316 913
KS CM 620 785
KY E 502 859
KY EC 270 364 606
LA C 225 318 337 457 504 985
MA E 339 351 413 508 617 774 781 857 978
MD E 227 240 301 410 443 667
ME E 207
MI D 231 248 269 313 517 586 616 679 734 810 947 989
MI DN 906
MN C 218 320 507 612 651 763 924 952
MO C 235 314 417 557 573 636 660 816 975
MP Y 670
MS C 228 471 601 662 769
MT M 406
NC E 252 336 472 704 743 828 910 919 980 984
ND CM 701
NE C 402 531
NE CM 308
NH E 603
NJ E 201 551 609 640 732 848 856 862 908 973
NM M 505 575
NV P 702 725
NV PM 775
NY E 212 315 329 332 347 363 516 518 585 607 624 631 646 680 716 718 838 845 914 917 929 934
OH E 216 220 234 283 326 330 380 419 436 440 513 567 614 740 937
OK C 405 539 572 580 918
OR P 503 971
OR PB 458 541
PA E 215 223 267 272 412 445 484 570 582 610 717 724 814 835 878
PR R 787 939
RI E 401
SC E 803 821 839 843 854 864
SD CM 605
TN C 615 629 731 901 931
TN E 865
TN EC 423 729
TX C 210 214 254 281 325 346 361 409 430 469 512 621 682 713 726 737 806 817 830 832 903 936 940 945 956 972 979
TX CM 432
TX M 915
UT M 385 435 801
VA E 276 434 540 571 686 703 757 804 826 948
VI V 340
VT E 802
WA P 206 253 360 425 509 564
WI C 262 274 353 414 534 608 715 920
WV E 304 681
WY M 307
`;

/**
 * Further states and zones of ZIP codes, where something is known that a point on a map of zones does not tell. Lines as in
 * AREA_CODES.
 *
 * AZ: the Navajo Nation has summer time, and the Hopi land inside it and the towns at its edge have none; their ZIP codes
 * reach across. AK: Hyder lives by the clocks of Stewart, British Columbia. NV: Jackpot, Jarbidge, Mountain City and Owyhee
 * live by those of Idaho. OK, TX: Texhoma is one town in two states.
 */
const ZIP_ADDITIONS = `
AZ Z 86020 86028 86033 86035 86044-86045 86053-86054 86502-86508 86510-86511 86514-86515 86520 86535 86538 86540 86544-86545 86547 86556
AK P 99923
NV M 89825-89826 89831-89832
OK C 73960
TX C 73949
`;

/** A code's state and the zones it may be in there. */
export interface Spot {
  readonly state: string;
  readonly zones: readonly string[];
}

/** What several codes of one table share. */
interface Ground extends Spot {
  readonly places: readonly Place[];
}

function ground(state: string, letters: string, gulf: boolean): Ground {
  const row = STATES.get(state);
  if (!row) throw new RangeError(`state ${state}`);
  const zones = zonesOf(letters);
  const clocks = new Set(zonesOf(STATE_ZONES[state] ?? '').map(clockName));
  const regionOf = (clock: string): string =>
    (clocks.size === 1 && clocks.has(clock)) || clock === row.name
      ? row.name
      : `the ${clock} time part of ${row.name}`;
  return {
    state,
    zones,
    places: zones.map((zone) => ({ state, row, zone, region: regionOf(clockName(zone)), gulf })),
  };
}

const zonesOf = (letters: string): string[] =>
  [...letters].map((letter) => {
    const zone = ZONE[letter];
    if (zone === undefined) throw new RangeError(`zone letter ${letter}`);
    return zone;
  });

/** The lines of a table as [state, letters, codes], ranges of codes written out. */
function* lines(text: string): Generator<[state: string, letters: string, codes: string[]]> {
  for (const line of text.trim().split('\n')) {
    const [state = '', letters = '', ...ranges] = line.split(' ');
    yield [state, letters, ranges.flatMap(range)];
  }
}

function range(text: string): string[] {
  const [from = '', to = from] = text.split('-');
  const codes: string[] = [];
  for (let n = Number(from); n <= Number(to); n += 1) codes.push(String(n).padStart(from.length, '0'));
  return codes;
}

const STATE_GROUND: ReadonlyMap<string, Ground> = new Map(
  Object.entries(STATE_ZONES).map(([state, letters]) => [state, ground(state, letters, true)]),
);

/** Mobile and Baldwin counties, with neighbours: the packages know no counties. */
const GULF_NPA = '251';
const GULF_ZIP3 = new Set(['365', '366']);

const NPA = new Map<string, Ground>();
for (const [state, letters, codes] of lines(AREA_CODES)) {
  const here = ground(state, letters, codes.includes(GULF_NPA));
  for (const code of codes) NPA.set(code, here);
}

/** By the number of the ZIP code: index into ZIP_GROUNDS, 0 for a code that does not exist. */
const ZIP = new Uint16Array(100_000);
const ZIP_GROUNDS: (readonly Ground[])[] = [[]];
{
  const known = new Map<string, number>();
  const numberOf = (key: string, grounds: () => readonly Ground[]): number => {
    let index = known.get(key);
    if (index === undefined) {
      index = ZIP_GROUNDS.push(grounds()) - 1;
      known.set(key, index);
    }
    return index;
  };
  for (const line of ZIP_PLACES.trim().split('\n')) {
    const [zip3 = '', state = '', letters = '', ...ends] = line.split(' ');
    const gulf = GULF_ZIP3.has(zip3);
    const index = numberOf(`${state}${letters}${gulf}`, () => [ground(state, letters, gulf)]);
    for (const end of ends.flatMap(range)) ZIP[Number(zip3 + end)] = index;
  }
  for (const [state, letters, codes] of lines(ZIP_ADDITIONS))
    for (const code of codes) {
      const before = ZIP[Number(code)] ?? 0;
      if (before === 0) throw new RangeError(`ZIP code ${code}`);
      ZIP[Number(code)] = numberOf(`${before}+${state}${letters}`, () =>
        joined(ZIP_GROUNDS[before] ?? [], ground(state, letters, false)),
      );
    }
}

/** One ground for each state. */
function joined(grounds: readonly Ground[], more: Ground): readonly Ground[] {
  if (!grounds.some(({ state }) => state === more.state)) return [...grounds, more];
  return grounds.map((here) =>
    here.state === more.state
      ? {
          state: here.state,
          zones: [...here.zones, ...more.zones],
          places: [...here.places, ...more.places],
        }
      : here,
  );
}

/** The state and zones of a geographic US area code; undefined for any other three digits. */
export const areaCode = (npa: string): Spot | undefined => NPA.get(npa);

const ZIP_TEXT = /^(\d{5})(?:-?\d{4})?$/;

/** Where a ZIP code may be; empty when it is unknown or military. Takes "98101" and "98101-1234". */
export const zipCode = (zip: string): readonly Spot[] => groundsOfZip(zip.trim());

function groundsOfZip(zip: string): readonly Ground[] {
  const five = ZIP_TEXT.exec(zip)?.[1];
  return (five === undefined ? undefined : ZIP_GROUNDS[ZIP[Number(five)] ?? 0]) ?? [];
}

export interface Whereabouts {
  /** Every (state, zone) that must be open, those of the address first. Empty when nothing is known. */
  readonly places: readonly Place[];
  /** How many of the places come from the address; the others are known by the area code alone. */
  readonly byAddress: number;
  /** ZIP and state name different states. */
  readonly conflict: boolean;
  /** The piece of evidence that was given and could not be placed. */
  readonly unknown: 'zip' | 'state' | 'number' | undefined;
}

/** All places that the evidence allows. `npa` is undefined for a number that has no area code of ours. */
export function whereabouts(npa: string | undefined, state: string | null, zip: string | null): Whereabouts {
  const zipText = zip?.trim() ?? '';
  const stateText = state?.trim() ?? '';
  const byZip = groundsOfZip(zipText);
  const code = stateText === '' ? undefined : stateCode(stateText);
  const byState = code === undefined ? undefined : STATE_GROUND.get(code);
  const byArea = npa === undefined ? undefined : NPA.get(npa);

  const places: Place[] = [];
  if (byZip.length > 0) for (const { places: here } of byZip) addPlaces(places, here);
  else if (byState) addPlaces(places, byState.places);
  const byAddress = places.length;
  if (byArea) addPlaces(places, byArea.places);

  let unknown: Whereabouts['unknown'];
  if (zipText !== '' && byZip.length === 0) unknown = 'zip';
  else if (stateText !== '' && !byState) unknown = 'state';
  else if (!byArea) unknown = 'number';
  return {
    places,
    byAddress,
    conflict:
      byZip.length > 0 && byState !== undefined && byZip.every((spot) => spot.state !== byState.state),
    unknown,
  };
}

/** Each state and zone once; it may be on the Gulf coast when any piece of evidence says so. */
function addPlaces(places: Place[], more: readonly Place[]): void {
  for (const place of more) {
    const twin = places.findIndex(({ state, zone }) => state === place.state && zone === place.zone);
    if (twin === -1) places.push(place);
    else if (place.gulf) places[twin] = place;
  }
}

/** Part of the rule version. */
export const PLACE_SOURCE = { ZONE, STATE_ZONES, AREA_CODES, ZIP_SOURCE, ZIP_PLACES, ZIP_ADDITIONS };

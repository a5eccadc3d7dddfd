/**
 * domain/compliance/places: where a called party may be. Candidates are the address (ZIP, else state) together with the
 * area code, because numbers are portable and some states presume that the area code shows the place (reference §3.5).
 */
import { stateCode } from './states.ts';

/** One place the called party may be. */
export interface Place {
  readonly state: string;
  readonly zone: string;
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

/** Geographic area codes by state; zones of the state unless letters stand before the codes. One line per zone set. */
const AREA_CODES = `
AL C 205 251 256 659 938
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
 * ZIP codes by their first three digits, with the zones of all counties that a prefix touches: where a zone line runs
 * through a prefix, both sides count. Prefixes of the armed forces and unused ones are missing on purpose.
 */
const ZIP_PREFIXES = `
NY E 005 100-149
PR R 006-007 009
VI V 008
MA E 010-027 055
RI E 028-029
NH E 030-038
ME E 039-049
VT E 050-054 056-059
CT E 060-069
NJ E 070-089
PA E 150-196
DE E 197-199
DC E 200 202-205 569
VA E 201 220-246
MD E 206-212 214-219
WV E 247-268
NC E 270-289
SC E 290-299
GA E 300-319 398-399
FL E 320-323 326-339 341-342 344 346-347 349
FL EC 324
FL C 325
AL C 350-352 354-369
TN C 370-372 380-385
TN EC 373
TN E 374 376-379
MS C 386-397
KY E 400 402-418
KY EC 401 425-427
KY C 420-424
OH E 430-459
IN I 460-462 466-474 478
IN IC 463 465 475 479
IN C 464 476-477
MI D 480-497
MI DN 498-499
IA C 500-516 520-528
WI C 530-532 534-535 537-549
MN C 550-551 553-567
SD C 570-574
SD CM 575-576
SD M 577
ND C 580-584
ND CM 585 587-588
ND M 586
MT M 590-599
IL C 600-620 622-629
MO C 630-631 633-641 644-658
KS C 660-662 664-676
KS CM 677-679
NE C 680-681 683-689
NE CM 690-692
NE M 693
LA C 700-701 703-708 710-714
AR C 716-729
OK C 730-731 734-741 743-749
TX C 733 750-770 772-797
TX CM 798
TX M 799 885
CO M 800-816
WY M 820-831
ID B 832-834 836-837
ID BP 835
ID P 838
UT M 840-847
AZ Z 850-853 855-857 859 863-864
AZ ZM 860 865
NM M 870-871 873-875 877-884
NV P 889-891 893-895 897
NV PM 898
CA P 900-908 910-928 930-961
HI H 967-968
GU G 969
OR P 970-978
OR PB 979
WA P 980-986 988-994
AK A 996-999
AK AK 995
`;

/** ZIP codes that differ from their prefix. */
const ZIP_EXCEPTIONS = `
AS S 96799
MP Y 96950 96951 96952
NY E 06390
`;

interface Spot {
  readonly state: string;
  readonly zones: readonly string[];
}

function zonesOf(letters: string): readonly string[] {
  return [...letters].map((letter) => {
    const zone = ZONE[letter];
    if (zone === undefined) throw new RangeError(`zone letter ${letter}`);
    return zone;
  });
}

function table(text: string): ReadonlyMap<string, Spot> {
  const spots = new Map<string, Spot>();
  for (const line of text.trim().split('\n')) {
    const [state = '', letters = '', ...codes] = line.split(' ');
    if (stateCode(state) !== state) throw new RangeError(`state ${state}`);
    const spot = { state, zones: zonesOf(letters) };
    for (const code of codes) {
      const [from = '', to = from] = code.split('-');
      for (let n = Number(from); n <= Number(to); n += 1)
        spots.set(String(n).padStart(from.length, '0'), spot);
    }
  }
  return spots;
}

const NPA = table(AREA_CODES);
const ZIP3 = table(ZIP_PREFIXES);
const ZIP5 = table(ZIP_EXCEPTIONS);
const STATE_SPOT: ReadonlyMap<string, Spot> = new Map(
  Object.entries(STATE_ZONES).map(([state, letters]) => [state, { state, zones: zonesOf(letters) }]),
);

/** The state and zones of a geographic US area code; undefined for any other three digits. */
export const areaCode = (npa: string): Spot | undefined => NPA.get(npa);

/** The state and zones a ZIP code may be in; undefined when it is unknown or military. Takes "98101" and "98101-1234". */
export function zipCode(zip: string): Spot | undefined {
  const five = /^(\d{5})(?:-?\d{4})?$/.exec(zip.trim())?.[1];
  return five === undefined ? undefined : (ZIP5.get(five) ?? ZIP3.get(five.slice(0, 3)));
}

const GULF_ZIP = /^36[56]/;

export interface Whereabouts {
  /** Every (state, zone) that must be open. Empty when nothing is known. */
  readonly places: readonly Place[];
  /** ZIP and state name different states. */
  readonly conflict: boolean;
  /** Some piece of evidence was given and could not be placed, or there is none at all. */
  readonly unknown: boolean;
}

/** All places that the evidence allows. `npa` is undefined for a number that has no area code of ours. */
export function whereabouts(npa: string | undefined, state: string | null, zip: string | null): Whereabouts {
  const places = new Map<string, Place>();
  const add = (spot: Spot, gulf: boolean): void => {
    for (const zone of spot.zones) {
      const key = `${spot.state} ${zone}`;
      places.set(key, { state: spot.state, zone, gulf: gulf || (places.get(key)?.gulf ?? false) });
    }
  };

  const zipText = zip?.trim() ?? '';
  const stateText = state?.trim() ?? '';
  const byZip = zipText === '' ? undefined : zipCode(zipText);
  const code = stateText === '' ? undefined : stateCode(stateText);
  const byState = code === undefined ? undefined : STATE_SPOT.get(code);
  const byArea = npa === undefined ? undefined : areaCode(npa);

  if (byZip) add(byZip, GULF_ZIP.test(zipText));
  else if (byState) add(byState, true);
  if (byArea) add(byArea, npa === '251');

  return {
    places: [...places.values()],
    conflict: byZip !== undefined && byState !== undefined && byZip.state !== byState.state,
    unknown: (zipText !== '' && !byZip) || (stateText !== '' && !byState) || !byArea || places.size === 0,
  };
}

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

/** Part of the rule version. */
export const PLACE_SOURCE = { ZONE, STATE_ZONES, AREA_CODES, ZIP_PREFIXES, ZIP_EXCEPTIONS };

/**
 * domain/compliance/states: what each state adds to federal law for calls with an artificial voice, as data.
 * Hours are half-open on the called party's clock. Rows tagged U rest on secondary or unverified sources and take the
 * stricter reading; counsel approves the table before launch (reference §3.2, §4, §5).
 */

/** Minutes of the local day, half-open; null bars the whole day. */
export type Window = readonly [number, number] | null;

export interface StateCap {
  readonly max: number;
  readonly hours: number;
  /** Only calls on the subject of this one count; otherwise all do. */
  readonly sameSubject: boolean;
}

export interface StateRow {
  readonly code: string;
  readonly name: string;
  readonly weekday: Window;
  readonly saturday: Window;
  readonly sunday: Window;
  /** Undefined: holidays are ordinary days. */
  readonly holiday: Window | undefined;
  /** Calls to one person within a rolling window. */
  readonly cap: StateCap | undefined;
  /** No further automated call to a person who ended one. */
  readonly noneAfterHangup: boolean;
  readonly source: string;
}

/**
 * code|name|Mon-Fri|Sat|Sun|holidays|cap|source. A cap is calls/hours, with `subject` where the law speaks of one subject;
 * `hangup` forbids another call to whoever ended one.
 */
const ROWS = `
AL|Alabama|08-20|same|no|no||Ala. Admin. Code 770-X-5-.17(1)(b)
AK|Alaska|08-21|same|same|||federal
AZ|Arizona|08-21|same|same|||federal
AR|Arkansas|08-21|same|same|||federal
AS|American Samoa|08-21|same|same|||federal
CA|California|09-21|same|same|||Cal. PUC 2872(c)
CO|Colorado|08-21|same|same|||federal
CT|Connecticut|09-20|same|same|||CGS 42-288a
DC|the District of Columbia|08-21|same|same|||federal
DE|Delaware|08-21|same|same|||federal
FL|Florida|08-20|same|same||3/24/subject|Fla. Stat. 501.616(6)
GA|Georgia|08-21|same|same|||federal
GU|Guam|08-21|same|same|||federal
HI|Hawaii|08-21|same|same|||federal
IA|Iowa|08-21|same|same|||federal
ID|Idaho|08-21|same|same|||federal
IL|Illinois|09-21|same|same|||815 ILCS 305/15
IN|Indiana|09-20|same|same|||IC 24-5-14-8 (U)
KS|Kansas|08-21|same|same|||federal
KY|Kentucky|10-21|same|same|||KRS 367.46955
LA|Louisiana|08-20|same|no|no||LPSC General Order R-29617
MA|Massachusetts|08-20|same|same|||201 CMR 12.02(2)
MD|Maryland|08-20|same|same||3/24/subject|Md. Com. Law 14-4502
ME|Maine|09-17|no|no|no|1/8|10 MRS 1498(3) (U)
MI|Michigan|09-21|same|same|||vendor tables (U)
MN|Minnesota|09-21|same|same|||vendor tables (U)
MO|Missouri|08-21|same|same|||federal
MP|the Northern Mariana Islands|08-21|same|same|||federal
MS|Mississippi|08-20|same|no|||Miss. Code 77-3-723
MT|Montana|08-21|same|same|||federal
NC|North Carolina|08-21|same|same|||federal
ND|North Dakota|08-21|same|same|||federal
NE|Nebraska|08-21|same|13-21|13-21||291 NAC 11 s.3
NH|New Hampshire|08-21|same|same|||federal
NJ|New Jersey|08-21|same|same|||federal
NM|New Mexico|09-21|same|same|||NMSA 57-12-22(B)(5)
NV|Nevada|09-20|same|same||hangup|NRS 597.814
NY|New York|08-21|same|same|||federal
OH|Ohio|08-21|same|same|||federal
OK|Oklahoma|08-20|same|same||3/24/subject|15 O.S. 775C.4
OR|Oregon|08-20|same|same||3/24|HB 3865
PA|Pennsylvania|08-21|same|13:30-21|no||73 P.S. 2245
PR|Puerto Rico|08-21|same|same|||federal
RI|Rhode Island|09-18|10-17|no|no||RIGL 5-61-3.6
SC|South Carolina|08-21|same|same|||federal
SD|South Dakota|09-21|no|no|||SDCL 37-30-28
TN|Tennessee|08-21|same|same|||federal
TX|Texas|09-21|same|12-21|||Tex. B&CC 301.051
UT|Utah|08-21|same|no|no||Utah Code 13-25a-103(3)
VA|Virginia|08-21|same|same|||federal
VI|the US Virgin Islands|08-21|same|same|||federal
VT|Vermont|08-21|same|same|||federal
WA|Washington|08-20|same|same|||RCW 19.158.040(2)
WI|Wisconsin|08-21|same|same|||federal
WV|West Virginia|08-21|same|same|||federal
WY|Wyoming|08-20|same|same|||vendor tables (U)
`;

const minuteOf = (text: string): number => {
  const [hour = '', minute = '0'] = text.split(':');
  return Number(hour) * 60 + Number(minute);
};

function windowOf(text: string): Window {
  if (text === 'no') return null;
  const [start = '', end = ''] = text.split('-');
  const window = [minuteOf(start), minuteOf(end)] as const;
  if (!(window[0] >= 0 && window[0] < window[1] && window[1] <= 1440)) throw new RangeError(`hours ${text}`);
  return window;
}

function rowOf(line: string): StateRow {
  const [code = '', name = '', week = '', sat = '', sun = '', holiday = '', cap = '', source = ''] =
    line.split('|');
  const weekday = windowOf(week);
  const other = (text: string): Window => (text === 'same' ? weekday : windowOf(text));
  const [max = '', hours = '', scope] = cap.split('/');
  return {
    code,
    name,
    weekday,
    saturday: other(sat),
    sunday: other(sun),
    holiday: holiday === '' ? undefined : windowOf(holiday),
    cap:
      hours === '' ? undefined : { max: Number(max), hours: Number(hours), sameSubject: scope === 'subject' },
    noneAfterHangup: cap === 'hangup',
    source,
  };
}

export const STATES: ReadonlyMap<string, StateRow> = new Map(
  ROWS.trim()
    .split('\n')
    .map((line) => [line.slice(0, 2), rowOf(line)]),
);

/** States with a list of their own besides the national registry (reference §2). */
export const STATE_LISTS: ReadonlySet<string> = new Set('CO FL IN LA MA MO OK PA TN TX WY'.split(' '));

const BY_NAME: ReadonlyMap<string, string> = new Map(
  [...STATES.values()].map((row) => [row.name.replace(/^the /, '').toUpperCase(), row.code]),
);

/** "wa", "WA", "Washington" → "WA"; undefined for what is no state or territory of the US. */
export function stateCode(text: string): string | undefined {
  if (STATES.has(text)) return text;
  const upper = text.trim().replace(/\s+/g, ' ').toUpperCase();
  return STATES.has(upper) ? upper : BY_NAME.get(upper.replace(/^THE /, ''));
}

/** dashboard/format: instants, lengths and numbers as people read them. */

/** A lead that came without a number, and a call of old of which none is known, carry "none:<id>" in its place. */
export const hasNumber = (phone: string): boolean => !phone.startsWith('none:');

/** "+12065550123" → "(206) 555-0123"; a number of another country is only grouped. For people, never for storage. */
export function formatPhone(phone: string): string {
  if (!hasNumber(phone)) return 'No number';
  const us = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(phone);
  if (us) return `(${us[1]}) ${us[2]}-${us[3]}`;
  return /^\+\d{6,15}$/.test(phone) ? phone.replace(/(\d{3})(?=\d)/g, '$1 ') : phone;
}

const two = (value: number) => String(value).padStart(2, '0');

/** 75 s → "1:15", 3675 s → "1:01:15". */
export function formatLength(totalSec: number): string {
  const all = Math.max(0, Math.floor(totalSec));
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor((all % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

/** 75 s → "1 minute 15 seconds", for people who listen to the page. */
export function spokenLength(totalSec: number): string {
  const all = Math.max(0, Math.floor(totalSec));
  const parts = [
    [Math.floor(all / 3600), 'hour'],
    [Math.floor((all % 3600) / 60), 'minute'],
    [all % 60, 'second'],
  ] as const;
  const named = parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}${count === 1 ? '' : 's'}`);
  return named.length > 0 ? named.join(' ') : '0 seconds';
}

/** 640 ms → "0.64 s", 1240 ms → "1.2 s". */
export const formatMs = (ms: number): string => `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`;

const full = new Intl.DateTimeFormat('en-US', {
  weekday: 'short',
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});
const short = new Intl.DateTimeFormat('en-US', {
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
});
const moment = new Intl.DateTimeFormat('en-US', {
  weekday: 'short',
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
  timeZoneName: 'short',
});
const clock = new Intl.DateTimeFormat('en-US', { hour: 'numeric', minute: '2-digit', second: '2-digit' });
const ago = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'long' });

const date = new Intl.DateTimeFormat('en-US', { year: 'numeric', month: 'short', day: 'numeric' });
/** Without its year a date is read as one of this year. */
const otherYear = (at: Date): boolean => at.getFullYear() !== new Date().getFullYear();
const momentOf = new Intl.DateTimeFormat('en-US', {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
  timeZoneName: 'short',
});

export const formatFull = (iso: string): string => full.format(new Date(iso));
export function formatMoment(iso: string): string {
  const at = new Date(iso);
  return (otherYear(at) ? momentOf : moment).format(at);
}
export const formatClock = (iso: string): string => clock.format(new Date(iso));

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "now", "4 minutes ago", "yesterday"; beyond a week the date itself. */
export function formatAgo(iso: string, nowMs: number): string {
  const distance = Date.parse(iso) - nowMs;
  const size = Math.abs(distance);
  if (size < MINUTE) return 'just now';
  if (size < HOUR) return ago.format(Math.round(distance / MINUTE), 'minute');
  if (size < DAY) return ago.format(Math.round(distance / HOUR), 'hour');
  if (size < 7 * DAY) return ago.format(Math.round(distance / DAY), 'day');
  const at = new Date(iso);
  return (otherYear(at) ? date : short).format(at);
}

/** snake_case or kebab-case as words: "hung_up" → "Hung up". */
export function humanise(text: string): string {
  const words = text.replaceAll(/[_-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "it is away" → "It is away." */
export const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? '' : '.'}`;

/** A clock of another place; a zone that this browser does not know is shown in UTC, and says so. */
function clockOf(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', { ...options, timeZone: zone });
  } catch {
    return new Intl.DateTimeFormat('en-US', { ...options, timeZone: 'UTC', timeZoneName: 'short' });
  }
}

const MOMENT = {
  weekday: 'short',
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
  timeZoneName: 'short',
} as const;

/** "Mon, Nov 23, 8:00 AM CST" on the clock of `zone`. */
export const formatMomentIn = (at: number | string, zone: string): string =>
  clockOf(zone, MOMENT).format(new Date(at));

/** "Sat 2026-11-21 16:44", as decisions have the called party's clock, → "4:44 PM, Sat, Nov 21". */
export function formatWallClock(text: string): string {
  const [, day, date, time] = /^(\w{3}) (\d{4}-\d{2}-\d{2}) (\d{2}:\d{2})$/.exec(text) ?? [];
  if (date === undefined) return text;
  const at = new Date(`${date}T${time}:00Z`);
  const dayOfMonth = clockOf('UTC', { month: 'short', day: 'numeric' }).format(at);
  return `${formatTimeIn(at.getTime(), 'UTC')}, ${day}, ${dayOfMonth}`;
}

/** "8:00 AM" on the clock of `zone`. */
export const formatTimeIn = (at: number | string, zone: string): string =>
  clockOf(zone, { hour: 'numeric', minute: '2-digit' }).format(new Date(at));

/** The zone of whoever looks at the page. */
export const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** "America/Indiana/Indianapolis" → "Indianapolis". */
export const zoneName = (zone: string): string => (zone.split('/').at(-1) ?? zone).replaceAll('_', ' ');

/** "Nov 20, 2026". */
export const formatDate = (iso: string): string => date.format(new Date(iso));

/** "in 9 days", "in 5 hours", "3 days ago". */
export function formatIn(iso: string, nowMs: number): string {
  const distance = Date.parse(iso) - nowMs;
  const [unit, size] = Math.abs(distance) < 2 * DAY ? (['hour', HOUR] as const) : (['day', DAY] as const);
  return ago.format(Math.round(distance / size), unit);
}

/** 1234567 → "1,234,567". */
export const formatCount = (count: number): string => count.toLocaleString('en-US');

const dollars = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });
const wholeDollars = new Intl.NumberFormat('en-US', {
  style: 'currency',
  currency: 'USD',
  maximumFractionDigits: 0,
});
/** 0.5 → "$0.50", 7100 → "$7,100": cents only where they matter. */
export const formatMoney = (amount: number): string =>
  (Math.abs(amount) < 100 && amount % 1 !== 0 ? dollars : wholeDollars).format(amount);

/** 0.314 → "31 %", 0.031 → "3.1 %". */
export const formatShare = (share: number): string =>
  `${(share * 100).toFixed(share !== 0 && Math.abs(share) < 0.1 ? 1 : 0)} %`;

/** `count(1, 'lead')` → "1 lead", `count(1200, 'lead')` → "1,200 leads". */
export const count = (many: number, what: string): string =>
  `${formatCount(many)} ${what}${many === 1 ? '' : 's'}`;

const DELAY_UNITS = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
] as const;
/** 3600 s → "1 hour", 259200 s → "3 days", 5400 s → "1 hour 30 minutes"; 0 → "no time". */
export function formatDelay(totalSec: number): string {
  let rest = Math.max(0, Math.round(totalSec));
  const parts: string[] = [];
  for (const [size, unit] of DELAY_UNITS) {
    const many = Math.floor(rest / size);
    rest -= many * size;
    if (many > 0) parts.push(count(many, unit));
  }
  if (parts.length === 0) return rest > 0 ? count(rest, 'second') : 'no time';
  return parts.slice(0, 2).join(' ');
}

/** 5_400_000 → "5.4 MB". */
export function formatBytes(bytes: number): string {
  const [unit, size] =
    bytes >= 1e9 ? ['GB', 1e9] : bytes >= 1e6 ? ['MB', 1e6] : bytes >= 1e3 ? ['KB', 1e3] : ['bytes', 1];
  const value = bytes / Number(size);
  return `${value >= 100 || size === 1 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

/** "2026-11-20", as a date field has it, → the first instant of that day here, `plusDays` later. */
export function dayAsInstant(day: string, plusDays = 0): string | undefined {
  const [, year, month, of] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day) ?? [];
  const at = new Date(Number(year), Number(month) - 1, Number(of) + plusDays);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** An instant as a date field ("2026-11-20") or, with minutes, a date-and-time field has it, on the clock here. */
export function fieldOf(iso: string, minutes: boolean): string {
  const at = new Date(iso);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return minutes ? `${day}T${two(at.getHours())}:${two(at.getMinutes())}` : day;
}

/** What a date-and-time field holds as an instant; undefined while it is empty or half filled in. */
export function instantOf(field: string): string | undefined {
  const at = new Date(field);
  return field === '' || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

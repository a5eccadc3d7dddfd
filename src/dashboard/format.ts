/** dashboard/format: instants, lengths and numbers as people read them. */

/** "+12065550123" → "(206) 555-0123"; a number of another country is only grouped. For people, never for storage. */
export function formatPhone(phone: string): string {
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

export const formatFull = (iso: string): string => full.format(new Date(iso));
export const formatMoment = (iso: string): string => moment.format(new Date(iso));
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
  return short.format(new Date(iso));
}

/** snake_case or kebab-case as words: "hung_up" → "Hung up". */
export function humanise(text: string): string {
  const words = text.replaceAll(/[_-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

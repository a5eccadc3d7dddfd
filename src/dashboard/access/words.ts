/** dashboard/access/words: people, keys and the audit log in words. */
import type { ApiKey, AuditEntry, Role, User } from '../../contract/index.ts';
import type { Word } from '../words.ts';

export const ROLE: Record<Role, string> = { USER: 'User', ANALYST: 'Analyst', ADMIN: 'Administrator' };

/** In the order of what they may. */
export const ROLES: readonly Role[] = ['USER', 'ANALYST', 'ADMIN'];

export const ROLE_SAYS: Record<Role, string> = {
  USER: 'Sees and hears calls, leads and campaigns, and puts numbers on the do-not-call list.',
  ANALYST: 'Also calls people, changes leads and runs campaigns.',
  ADMIN: 'Also people, keys, policy, lists, retention and the audit log.',
};

/** How somebody stands. A lock ends by itself. */
export function standingOf(user: User, nowMs: number): Word {
  if (!user.isActive) return { label: 'Deactivated', tone: 'quiet' };
  if (user.lockedUntil !== undefined && Date.parse(user.lockedUntil) > nowMs)
    return { label: 'Locked', tone: 'bad' };
  if (!user.hasPassword) return { label: 'Invited', tone: 'info' };
  return { label: 'Active', tone: 'good' };
}

export function keyWord(key: ApiKey, nowMs: number): Word {
  if (key.revokedAt !== undefined) return { label: 'Revoked', tone: 'quiet' };
  if (key.expiresAt !== undefined && Date.parse(key.expiresAt) <= nowMs)
    return { label: 'Expired', tone: 'quiet' };
  return { label: 'Good', tone: 'good' };
}

export const OUTCOME: Record<AuditEntry['outcome'], Word> = {
  done: { label: 'Done', tone: 'good' },
  refused: { label: 'Refused', tone: 'warn' },
  failed: { label: 'Failed', tone: 'bad' },
};

/** Deeds that people ask about most, by route. */
const DEEDS: Readonly<Record<string, string>> = {
  'POST /api/v1/auth/login': 'Sign in with a password',
  'POST /api/v1/auth/link': 'Sign in by the printed link',
  'POST /api/v1/auth/password-link': 'Choose a password by a link',
  'POST /api/v1/auth/logout': 'Sign out',
  'POST /api/v1/auth/password': 'Change their password',
  'POST /api/v1/auth/first-user': 'Become the first administrator',
  'POST /api/v1/auth/sessions/end-others': 'Sign out everywhere else',
  'POST /api/v1/auth/sessions/:sessionId/end': 'End one of their sessions',
  'POST /api/v1/users': 'Add a person',
  'PATCH /api/v1/users/:userId': 'Change a person',
  'POST /api/v1/users/:userId/password-link': 'Make a password link',
  'POST /api/v1/users/:userId/unlock': 'Lift a lock',
  'POST /api/v1/api-keys': 'Make an API key',
  'POST /api/v1/api-keys/:keyId/revoke': 'Revoke an API key',
  'GET /api/v1/audit-log': 'Read the audit log',
  'GET /api/v1/calls/live': 'Watch live calls',
  'GET /api/v1/calls/:callId': 'Open a call',
  'GET /api/v1/calls/:callId/transcript': 'Read a transcript',
  'GET /api/v1/calls/:callId/events': 'Read the events of a call',
  'GET /api/v1/calls/:callId/recording': 'Hear a recording',
  'POST /api/v1/calls': 'Call somebody',
  'POST /api/v1/calls/:callId/actions': 'Act on a live call',
  'GET /api/v1/leads/:leadId': 'Open a lead',
  'GET /api/v1/leads/:leadId/timeline': 'Read the history of a lead',
  'GET /api/v1/leads/:leadId/contact': 'Open a contact',
  'POST /api/v1/leads': 'Add a lead',
  'PATCH /api/v1/leads/:leadId': 'Change a lead',
  'POST /api/v1/intake/endpoints': 'Make an address for a lead source',
  'POST /api/v1/intake/endpoints/:endpointId/revoke': 'Revoke the address of a lead source',
  'GET /api/v1/consents/proof': 'Take the proof of a number',
  'GET /api/v1/compliance/records': 'Export call records',
  'PATCH /api/v1/compliance/policy': 'Change the calling policy',
  'POST /api/v1/erasures': 'Erase a person, or see what that would do',
};

/** What somebody was about to do; the outcome says whether they did. A route that has no words is its own. */
export const deedOf = (route: string): string =>
  Object.hasOwn(DEEDS, route) ? (DEEDS[route] ?? route) : route.replace('/api/v1', '');

const HEX_ID = /^[0-9a-f]{24}$/;

/** The page that shows what was seen or changed, where there is one. */
export function placeOf(route: string, target: string): string | undefined {
  if (!HEX_ID.test(target)) return undefined;
  if (/\/calls\b/.test(route)) return `/calls/${target}`;
  if (/\/campaigns\b/.test(route)) return `/campaigns/${target}`;
  return /\/leads(?!\/import)\b/.test(route) ? `/leads/${target}` : undefined;
}

const BROWSERS = [
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\//, 'Firefox'],
  [/Chrom(?:e|ium)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
] as const;
const SYSTEMS = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Mac OS X/, 'macOS'],
  [/Windows/, 'Windows'],
  [/Linux/, 'Linux'],
] as const;

/** "Firefox on Linux": enough to tell one's own browsers apart. */
export function browserOf(userAgent: string | undefined): string {
  const find = (names: readonly (readonly [RegExp, string])[]) =>
    names.find(([sign]) => sign.test(userAgent ?? ''))?.[1];
  const browser = find(BROWSERS);
  const system = find(SYSTEMS);
  if (browser === undefined) return 'A browser or program';
  return system === undefined ? browser : `${browser} on ${system}`;
}

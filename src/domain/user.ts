/**
 * domain/user: the people of the staff and the keys of programs: what each role may do, which passwords are taken, how long
 * whoever guesses must wait. Roles and scopes are closed lists; a route that needs neither does not exist.
 */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { Stamped } from './documents.ts';

export const ROLES = ['USER', 'ANALYST', 'ADMIN'] as const;
export type Role = (typeof ROLES)[number];

/** Whether somebody with `role` may do what `needed` may. */
export const reaches = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);

interface Grant {
  /** The least role that may do any of it. */
  readonly role: Role;
  readonly says: string;
}

/**
 * What there is to do, and who may. People may do everything that their role reaches; a key only what it was made for, and
 * never more than its own role. Single routes may ask for a higher role, none for a lower one.
 */
export const GRANTS = {
  'calls:read': { role: 'USER', says: 'See, read and hear calls' },
  'calls:write': { role: 'ANALYST', says: 'Call people and act on live calls' },
  'leads:read': { role: 'USER', says: 'See leads, contacts and houses' },
  'leads:write': { role: 'ANALYST', says: 'Add, change and import leads' },
  'campaigns:read': { role: 'USER', says: 'See campaigns and what they did' },
  'campaigns:write': { role: 'ANALYST', says: 'Make, change, start and stop campaigns' },
  'messages:read': { role: 'USER', says: 'See messages and templates' },
  'messages:write': { role: 'ANALYST', says: 'Send messages and change templates' },
  'compliance:read': { role: 'USER', says: 'Ask the gate; see consents, lists and proofs' },
  'compliance:write': { role: 'USER', says: 'Put numbers on the do-not-call list and record consent' },
  'analytics:read': { role: 'USER', says: 'See figures and reports' },
  'analytics:write': { role: 'ANALYST', says: 'Settle alerts and keep what reports are made of' },
  'agents:read': { role: 'USER', says: 'See agents, their learnings and the knowledge base' },
  'agents:write': { role: 'ANALYST', says: 'Change the knowledge base and accept learnings' },
  'settings:read': { role: 'USER', says: 'See settings of the house' },
  admin: { role: 'ADMIN', says: 'People, keys, the audit log, settings, retention and connections' },
} as const satisfies Readonly<Record<string, Grant>>;

export type Scope = keyof typeof GRANTS;
export const SCOPES = Object.keys(GRANTS) as readonly Scope[];

export interface User extends Stamped {
  /** Lower case. */
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly isActive: boolean;
  /** bcrypt; absent until the person chose a password. */
  readonly passwordHash?: string;
  readonly passwordChangedAt?: Date;
  readonly lastLogin?: Date;
  /** The one link that sets a new password: SHA-256 of its token. */
  readonly passwordLink?: { readonly tokenHash: string; readonly expiresAt: Date };
  /** Rises with every change after which older sign-ins count no more. */
  readonly epoch: number;
  readonly createdBy: string;
  readonly updatedBy: string;
}

/** Whoever signs in by the printed link: in no list of people. */
export const OWNER = { userId: 'owner', name: 'Owner', role: 'ADMIN' } as const;

/** One browser that is signed in. */
export interface UserSession extends Stamped {
  /** SHA-256 of the token in the cookie; the token itself is kept nowhere. */
  readonly tokenHash: string;
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
  readonly lastSeenAt: Date;
  /** When it ends if nobody comes by any more. */
  readonly idleUntil: Date;
  /** When it ends in any case. */
  readonly expiresAt: Date;
  /** The network it began from, not the address. */
  readonly network?: string;
  readonly userAgent?: string;
}

/** What a browser tells of itself, cut to what is kept. */
export type Visitor = Pick<UserSession, 'network' | 'userAgent'>;

/** A key of a program. */
export interface ApiKey extends Stamped {
  readonly name: string;
  /** How the key begins, to recognise it by. */
  readonly prefix: string;
  /** SHA-256; the key is 256 random bits, so a slow hash would guard nothing more. */
  readonly hash: string;
  readonly role: Role;
  readonly scopes: readonly Scope[];
  readonly expiresAt?: Date;
  readonly lastUsedAt?: Date;
  readonly revokedAt?: Date;
  readonly revokedBy?: string;
  readonly createdBy: string;
}

/** How often signing in with one address failed, whether or not there is anybody with it. `_id` is SHA-256 of the address. */
export interface SignInFailures extends Stamped {
  readonly failures: number;
  /** Until then no password is looked at. */
  readonly waitUntil: Date;
}

/** Who did or saw what. */
export interface AuditEntry extends Stamped {
  readonly at: Date;
  readonly who: {
    readonly id: string;
    readonly name: string;
    readonly via: 'cookie' | 'api_key' | 'sign_in';
  };
  readonly kind: 'change' | 'opening';
  /** Method and path of the route, `POST /api/v1/leads/:leadId`. */
  readonly route: string;
  /** What it was done to: ids, and the number of a person where the route is about a number. */
  readonly targets: readonly string[];
  readonly outcome: 'done' | 'refused' | 'failed';
  readonly status: number;
  readonly requestId: string;
  readonly network?: string;
}

const EMAIL = /^[^\s@<>"(),:;[\]\\]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/;

/** The address as it is kept; undefined for what is none. */
export function parseEmail(text: string): string | undefined {
  const email = text.trim().toLowerCase();
  return email.length <= 254 && EMAIL.test(email) ? email : undefined;
}

const SHORTEST_PASSWORD = 12;
/** bcrypt looks at no more: what is longer would be cut without a word. */
const LONGEST_PASSWORD_BYTES = 72;
/** Long enough and tried first by everybody who guesses. */
const WELL_KNOWN =
  /^(?:(?:password|passwort|qwerty|letmein|welcome|administrator|iloveyou|changeme|parley)[\d\W_]*){1,3}$|^(?:1?234567890|0?123456789|qwertyuiop|asdfghjkl|zxcvbnm)+[\d\W_]*$/i;

export const fitsHash = (password: string): boolean => utf8ToBytes(password).length <= LONGEST_PASSWORD_BYTES;

/** Why this password is not taken; undefined when it is. Length counts, signs do not (NIST SP 800-63B, 5.1.1.2). */
export function passwordFault(password: string, email: string): string | undefined {
  if ([...password].length < SHORTEST_PASSWORD) return `must have at least ${SHORTEST_PASSWORD} characters`;
  if (!fitsHash(password)) return `must have at most ${LONGEST_PASSWORD_BYTES} bytes`;
  if (new Set(password).size < 5) return 'has too few different characters';
  const own = email.split('@', 1)[0] ?? '';
  const lower = password.toLowerCase();
  if (WELL_KNOWN.test(password) || lower.includes(email) || (own.length > 3 && lower.startsWith(own)))
    return 'is too easy to guess';
  return undefined;
}

const FREE_FAILURES = 3;
/** From so many failures in a row on, the address is locked. */
export const LOCKED_AFTER = 10;
const LOCK_SEC = 3_600;
const FORGOTTEN_AFTER_MS = 24 * 3_600_000;

/** Seconds until the next try after so many failures in a row: none for slips, then 1, 2, 4 …, then an hour. */
export function waitAfter(failures: number): number {
  if (failures >= LOCKED_AFTER) return LOCK_SEC;
  return failures <= FREE_FAILURES ? 0 : 2 ** (failures - FREE_FAILURES - 1);
}

/** The failures that still count. */
export const failuresOf = (known: SignInFailures | undefined, nowMs: number): number =>
  known === undefined || nowMs - known.updatedAt.getTime() > FORGOTTEN_AFTER_MS ? 0 : known.failures;

/** The last failure that must still be kept was at this time. */
export const forgottenBefore = (nowMs: number): Date => new Date(nowMs - FORGOTTEN_AFTER_MS);

/** contract/access: people of the staff, how they sign in, keys of programs, and the log of who did and saw what. */
import { z } from 'zod';
import { Id, Instant, line, PageQuery } from './common.ts';
import { Role } from './session.ts';

const Email = z.string().trim().min(3).max(254);
/** Bounded by bytes where it is checked; here only so that nobody sends a book. */
const Password = z.string().min(1).max(1000);

export const Login = z.strictObject({ email: Email, password: Password }).meta({ id: 'Login' });
export type Login = z.infer<typeof Login>;

/** The first person with a password, made by whoever came by the printed link. */
export const FirstUser = z
  .strictObject({ email: Email, name: line(100), password: Password })
  .meta({ id: 'FirstUser' });
export type FirstUser = z.infer<typeof FirstUser>;

export const PasswordByLink = z
  .strictObject({ token: z.string().min(1).max(200), password: Password })
  .meta({ id: 'PasswordByLink' });
export type PasswordByLink = z.infer<typeof PasswordByLink>;

export const PasswordChange = z
  .strictObject({ current: Password, password: Password })
  .meta({ id: 'PasswordChange' });
export type PasswordChange = z.infer<typeof PasswordChange>;

/** A browser that is signed in. */
export const UserSession = z
  .object({
    id: Id,
    /** The one that asks. */
    current: z.boolean(),
    startedAt: Instant,
    lastSeenAt: Instant,
    expiresAt: Instant,
    /** The network it began from, without the last digits of the address. */
    network: z.exactOptional(z.string()),
    userAgent: z.exactOptional(z.string()),
  })
  .meta({ id: 'UserSession' });
export type UserSession = z.infer<typeof UserSession>;

export const User = z
  .object({
    id: Id,
    email: z.string(),
    name: z.string(),
    role: Role,
    isActive: z.boolean(),
    hasPassword: z.boolean(),
    passwordChangedAt: z.exactOptional(Instant),
    lastLogin: z.exactOptional(Instant),
    /** A link to set a password is out, until then. */
    linkUntil: z.exactOptional(Instant),
    failedLogins: z.int(),
    /** Too many failed sign-ins: none is looked at until then, or until an administrator lifts it. */
    lockedUntil: z.exactOptional(Instant),
    createdAt: Instant,
    createdBy: z.string(),
  })
  .meta({ id: 'User' });
export type User = z.infer<typeof User>;

export const UserCreate = z
  .strictObject({ email: Email, name: line(100), role: Role })
  .meta({ id: 'UserCreate' });
export type UserCreate = z.infer<typeof UserCreate>;

/** Only what is given changes. */
export const UserPatch = z
  .strictObject({
    name: z.exactOptional(line(100)),
    role: z.exactOptional(Role),
    isActive: z.exactOptional(z.boolean()),
  })
  .meta({ id: 'UserPatch' });
export type UserPatch = z.infer<typeof UserPatch>;

/** Whoever opens it chooses a password for that person, once. Shown in this answer only. */
export const PasswordLink = z.object({ url: z.string(), expiresAt: Instant }).meta({ id: 'PasswordLink' });
export type PasswordLink = z.infer<typeof PasswordLink>;

export const InvitedUser = z.object({ user: User, link: PasswordLink }).meta({ id: 'InvitedUser' });
export type InvitedUser = z.infer<typeof InvitedUser>;

export const Scope = z
  .enum([
    'calls:read',
    'calls:write',
    'leads:read',
    'leads:write',
    'campaigns:read',
    'campaigns:write',
    'messages:read',
    'messages:write',
    'compliance:read',
    'compliance:write',
    'analytics:read',
    'analytics:write',
    'agents:read',
    'agents:write',
    'settings:read',
    'admin',
  ])
  .meta({ id: 'Scope' });
export type Scope = z.infer<typeof Scope>;

/** What there is to do, in words, and the least role that may do any of it. */
export const Grant = z.object({ scope: Scope, role: Role, says: z.string() }).meta({ id: 'Grant' });
export type Grant = z.infer<typeof Grant>;

export const ApiKey = z
  .object({
    id: Id,
    name: z.string(),
    /** How it begins. */
    prefix: z.string(),
    role: Role,
    scopes: z.array(Scope),
    expiresAt: z.exactOptional(Instant),
    lastUsedAt: z.exactOptional(Instant),
    revokedAt: z.exactOptional(Instant),
    revokedBy: z.exactOptional(z.string()),
    createdAt: Instant,
    createdBy: z.string(),
  })
  .meta({ id: 'ApiKey' });
export type ApiKey = z.infer<typeof ApiKey>;

export const ApiKeyCreate = z
  .strictObject({
    name: line(100),
    /** What it may at most. */
    role: Role,
    scopes: z.array(Scope).min(1).max(Scope.options.length),
    expiresAt: z.exactOptional(Instant),
  })
  .meta({ id: 'ApiKeyCreate' });
export type ApiKeyCreate = z.infer<typeof ApiKeyCreate>;

export const ApiKeyMade = z
  .object({
    key: ApiKey,
    /** The key itself. Shown in this answer only. */
    secret: z.string(),
  })
  .meta({ id: 'ApiKeyMade' });
export type ApiKeyMade = z.infer<typeof ApiKeyMade>;

export const AuditEntry = z
  .object({
    id: Id,
    at: Instant,
    who: z.object({ id: z.string(), name: z.string(), via: z.enum(['cookie', 'api_key', 'sign_in']) }),
    kind: z.enum(['change', 'opening']),
    /** Method and path of the route. */
    route: z.string(),
    /** What it was done to: ids, and the number of a person where the route is about a number. */
    targets: z.array(z.string()),
    outcome: z.enum(['done', 'refused', 'failed']),
    status: z.int(),
    requestId: z.string(),
    network: z.exactOptional(z.string()),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.infer<typeof AuditEntry>;

export const AuditQuery = PageQuery.extend({
  /** The id of a person or key, as `who.id` has it. */
  who: z.exactOptional(z.string().min(1).max(100)),
  /** An id, or a number in E.164. */
  target: z.exactOptional(z.string().min(1).max(100)),
  kind: z.exactOptional(z.enum(['change', 'opening'])),
  from: z.exactOptional(Instant),
  to: z.exactOptional(Instant),
});
export type AuditQuery = z.infer<typeof AuditQuery>;

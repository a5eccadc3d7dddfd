/**
 * app/users: the people of the staff: who they are, how they sign in, and what ends their sessions. Whoever guesses learns
 * nothing: an address that nobody has fails in the same words, after the same work, and is locked in the same way.
 */
import { z } from 'zod';
import { sha256Hex } from '../domain/canonical.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { parseInput } from '../domain/input.ts';
import {
  failuresOf,
  fitsHash,
  forgottenBefore,
  LOCKED_AFTER,
  OWNER,
  parseEmail,
  passwordFault,
  ROLES,
  type Role,
  type User,
  type UserSession,
  type Visitor,
  waitAfter,
} from '../domain/user.ts';
import { type Page, page } from './paging.ts';
import type { Passwords, Update } from './ports.ts';
import type { SessionDeps, Sessions } from './sessions.ts';
import { turnsOf } from './turns.ts';

export const LINK_MS = 24 * 3_600_000;

export interface UserDeps extends SessionDeps {
  readonly passwords: Passwords;
  readonly sessions: Sessions;
}

/** A person as administrators see them. */
export interface Person extends Omit<User, 'passwordHash' | 'passwordLink' | 'epoch'> {
  readonly hasPassword: boolean;
  /** A link to set a password is out, until then. */
  readonly linkUntil?: Date;
  readonly failedLogins: number;
  /** Until then no password is looked at. */
  readonly lockedUntil?: Date;
}

/** Sets a password once; known to nobody but whoever it is handed to. */
export interface PasswordLink {
  readonly token: string;
  readonly expiresAt: Date;
}

export interface SignedIn {
  readonly token: string;
  readonly session: UserSession;
}

const Email = z.string().transform((text, context) => {
  const email = parseEmail(text);
  if (email !== undefined) return email;
  context.addIssue({ code: 'custom', message: 'must be an e-mail address' });
  return z.NEVER;
});
const Name = z.string().trim().min(1).max(100);
const NewUser = z.strictObject({ email: Email, name: Name, role: z.enum(ROLES) });
const Change = z.strictObject({ name: Name, role: z.enum(ROLES), isActive: z.boolean() }).partial();

const wrong = (waitSec: number): Failure =>
  new Failure('unauthenticated', 'The e-mail address or the password is wrong.', {
    details: waitSec > 0 ? { retryInSec: waitSec } : {},
  });

export function createUsers({ store, clock, ids, log, passwords, sessions }: UserDeps) {
  const users = store.collection('admin_users');
  const failures = store.collection('sign_in_failures');
  /** One after the other: who is an administrator must not change while it is counted. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => turnsOf(store)('users', work);
  const now = (): Date => new Date(clock.nowMs());
  /** What is compared with where there is nothing to compare with. */
  let nobodys: Promise<string> | undefined;

  async function known(userId: string): Promise<User> {
    const user = await users.get(userId);
    if (!user) throw new Failure('not_found', 'There is no such person.');
    return user;
  }

  const byEmail = async (email: string): Promise<User | undefined> =>
    (await users.find({ filter: { email }, limit: 1 }))[0];

  async function present(user: User): Promise<Person> {
    const { passwordHash, passwordLink, epoch: _epoch, ...person } = user;
    const tried = await failures.get(sha256Hex(user.email));
    const nowMs = clock.nowMs();
    const failedLogins = failuresOf(tried, nowMs);
    const locked = tried && failedLogins >= LOCKED_AFTER && tried.waitUntil.getTime() > nowMs;
    return {
      ...person,
      hasPassword: passwordHash !== undefined,
      ...(passwordLink && passwordLink.expiresAt.getTime() > nowMs
        ? { linkUntil: passwordLink.expiresAt }
        : {}),
      failedLogins,
      ...(locked ? { lockedUntil: tried.waitUntil } : {}),
    };
  }

  // ── People ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Newest first. */
  async function list(query: { readonly limit: number; readonly cursor?: string }): Promise<Page<Person>> {
    const found = await page(users, { filter: {}, sort: { field: 'createdAt', direction: -1 }, ...query });
    return { ...found, items: await Promise.all(found.items.map(present)) };
  }

  /** Whether anybody can sign in with a password of their own. */
  const anybody = async (): Promise<boolean> => (await users.count({ isActive: true })) > 0;

  async function add(
    input: { readonly email: string; readonly name: string; readonly role: Role },
    by: string,
    more: Partial<User> = {},
  ): Promise<User> {
    const at = now();
    const user: User = {
      _id: ids.objectId(),
      ...parseInput(NewUser, input),
      isActive: true,
      epoch: 0,
      ...more,
      createdBy: by,
      updatedBy: by,
      createdAt: at,
      updatedAt: at,
    };
    try {
      await users.insert(user);
    } catch (error) {
      if (!isFailure(error, 'duplicate_key')) throw error;
      throw new Failure('duplicate_key', 'Somebody has this e-mail address already.', {
        details: { fields: { email: 'is taken' } },
      });
    }
    return user;
  }

  const newLink = (): { link: PasswordLink; kept: NonNullable<User['passwordLink']> } => {
    const token = ids.token();
    const expiresAt = new Date(clock.nowMs() + LINK_MS);
    return { link: { token, expiresAt }, kept: { tokenHash: sha256Hex(token), expiresAt } };
  };

  /** Somebody new, with the link to choose a password by. Throws `invalid_request`, `duplicate_key`. */
  async function create(
    input: { readonly email: string; readonly name: string; readonly role: Role },
    by: string,
  ): Promise<{ readonly user: Person; readonly link: PasswordLink }> {
    const { link, kept } = newLink();
    return { user: await present(await add(input, by, { passwordLink: kept })), link };
  }

  /**
   * Who came by the printed link becomes the first person with a password. Throws `forbidden` when there is somebody already,
   * `invalid_request`.
   */
  function createFirst(
    input: { readonly email: string; readonly name: string; readonly password: string },
    visitor: Visitor,
  ): Promise<SignedIn> {
    return inTurn(async () => {
      if (await anybody())
        throw new Failure('forbidden', 'There is somebody already: administrators add people under Users.');
      const { email, name } = parseInput(NewUser.omit({ role: true }), {
        email: input.email,
        name: input.name,
      });
      const passwordHash = await hashed(input.password, email);
      const at = now();
      const user = await add({ email, name, role: 'ADMIN' }, OWNER.userId, {
        passwordHash,
        passwordChangedAt: at,
        lastLogin: at,
      });
      return await beginFor(user, visitor);
    });
  }

  async function hashed(password: string, email: string): Promise<string> {
    const fault = passwordFault(password, email);
    if (fault !== undefined)
      throw new Failure('invalid_request', `password: ${fault}`, {
        details: { fields: { password: fault } },
      });
    return await passwords.hash(password);
  }

  const otherAdmins = (userId: string): Promise<number> =>
    users.count({ _id: { $ne: userId }, role: 'ADMIN', isActive: true });

  /**
   * Changes what is given. Another role and being deactivated end all sessions of the person. Throws `not_found`,
   * `last_admin`, `invalid_request`.
   */
  function change(
    userId: string,
    input: { readonly name?: string; readonly role?: Role; readonly isActive?: boolean },
    by: string,
  ): Promise<Person> {
    const wanted = parseInput(Change, input);
    return inTurn(async () => {
      const before = await known(userId);
      const after = { ...before, ...wanted } as User;
      const ends = after.role !== before.role || after.isActive !== before.isActive;
      const lastAdmin = (): Failure =>
        new Failure('last_admin', 'Somebody must be left who can administer this installation.');
      const leaves =
        before.role === 'ADMIN' && before.isActive && !(after.role === 'ADMIN' && after.isActive);
      if (leaves && (await otherAdmins(userId)) === 0) throw lastAdmin();
      const { name, role, isActive } = after;
      const changed = await write(userId, { $set: { name, role, isActive } }, by, ends);
      if (leaves && (await otherAdmins(userId)) === 0) {
        // Another process did the same to the other one at the same moment: neither holds.
        await write(userId, { $set: { role: before.role, isActive: before.isActive } }, by, false);
        throw lastAdmin();
      }
      if (ends) await sessions.endAll(userId);
      return await present(changed);
    });
  }

  async function write(userId: string, { $set, ...rest }: Update, by: string, ends: boolean): Promise<User> {
    const changed = await users.update(
      { _id: userId },
      {
        ...rest,
        $set: { ...(typeof $set === 'object' ? $set : {}), updatedAt: now(), updatedBy: by },
        ...(ends ? { $inc: { epoch: 1 } } : {}),
      },
    );
    if (!changed) throw new Failure('not_found', 'There is no such person.');
    return changed;
  }

  /** A link that sets a new password once, within a day; the one before it works no more. Throws `not_found`. */
  async function linkFor(userId: string, by: string): Promise<PasswordLink> {
    const { link, kept } = newLink();
    await write(userId, { $set: { passwordLink: kept } }, by, false);
    return link;
  }

  /** Lifts the lock of somebody's address. Throws `not_found`. */
  async function unlock(userId: string): Promise<Person> {
    const user = await known(userId);
    await failures.remove({ _id: sha256Hex(user.email) });
    return await present(user);
  }

  // ── Signing in ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Opens a session unless the person was changed since they were looked at: then their sessions were just ended. */
  async function beginFor(user: User, visitor: Visitor): Promise<SignedIn> {
    const begun = await sessions.begin({ userId: user._id, name: user.name, role: user.role }, visitor);
    const still = await users.get(user._id);
    if (still?.isActive && still.epoch === user.epoch) return begun;
    await sessions.endAll(user._id);
    throw wrong(0);
  }

  /** Counts a failure before the password is looked at, so that many at once are no way around the count. */
  async function countTry(key: string): Promise<{ readonly waitSec: number }> {
    const at = now();
    const before = await failures.get(key);
    const leftMs = (before?.waitUntil.getTime() ?? 0) - at.getTime();
    if (leftMs > 0) throw locked(Math.ceil(leftMs / 1000));
    const failed = failuresOf(before, at.getTime()) + 1;
    const waitSec = waitAfter(failed);
    const set = { failures: failed, waitUntil: new Date(at.getTime() + waitSec * 1000), updatedAt: at };
    if (before) {
      const { failures: then, updatedAt } = before;
      const counted = await failures.update({ _id: key, failures: then, updatedAt }, { $set: set });
      if (!counted) throw locked(1);
    } else {
      await failures.insert({ _id: key, ...set, createdAt: at }).catch((error) => {
        throw isFailure(error, 'duplicate_key') ? locked(1) : error;
      });
      await failures.remove({ updatedAt: { $lt: forgottenBefore(at.getTime()) } });
    }
    return { waitSec };
  }

  const locked = (retryInSec: number): Failure =>
    new Failure('sign_in_locked', 'Signing in failed too often with this e-mail address.', {
      details: { retryInSec },
    });

  /**
   * Throws `unauthenticated` for whatever is wrong, with `retryInSec` where the next try has to wait, and `sign_in_locked` while
   * it has: then the password is not even looked at.
   */
  async function signIn(
    given: { readonly email: string; readonly password: string },
    visitor: Visitor,
  ): Promise<SignedIn> {
    const email = given.email.trim().toLowerCase();
    const key = sha256Hex(email);
    const { waitSec } = await turnsOf(store)(`sign in ${key}`, () => countTry(key));
    nobodys ??= passwords.hash(ids.token());
    const dummy = await nobodys.catch((error) => {
      nobodys = undefined;
      throw error;
    });
    const user = await byEmail(email);
    const hash = user?.isActive && fitsHash(given.password) ? user.passwordHash : undefined;
    const right = await passwords.matches(given.password, hash ?? dummy);
    if (!user || hash === undefined || !right) throw wrong(waitSec);
    const begun = await beginFor(user, visitor);
    await failures.remove({ _id: key });
    await users.update({ _id: user._id }, { $set: { lastLogin: now() } });
    return begun;
  }

  /**
   * Spends a link: the password is new, every older session is over, this browser is signed in. Throws `unauthenticated` for a
   * link that is not good (any more), `invalid_request` for a bad password; then the link is still good.
   */
  async function redeem(
    given: { readonly token: string; readonly password: string },
    visitor: Visitor,
  ): Promise<SignedIn> {
    const tokenHash = sha256Hex(given.token);
    const [user] = await users.find({ filter: { 'passwordLink.tokenHash': tokenHash }, limit: 1 });
    const bad = (): Failure =>
      new Failure(
        'unauthenticated',
        'This link was used already, is over 24 hours old or was replaced by a newer one. Ask an administrator for another.',
      );
    if (!user?.isActive || !user.passwordLink || user.passwordLink.expiresAt.getTime() <= clock.nowMs())
      throw bad();
    const passwordHash = await hashed(given.password, user.email);
    const at = now();
    const changed = await users.update(
      { _id: user._id, 'passwordLink.tokenHash': tokenHash, isActive: true },
      {
        $set: { passwordHash, passwordChangedAt: at, lastLogin: at, updatedAt: at, updatedBy: user._id },
        $unset: { passwordLink: '' },
        $inc: { epoch: 1 },
      },
    );
    if (!changed) throw bad();
    await sessions.endAll(user._id);
    await failures.remove({ _id: sha256Hex(user.email) });
    log.info({ userId: user._id }, 'a password was set by a link');
    return await beginFor(changed, visitor);
  }

  /**
   * Somebody's own new password; all their sessions end and this browser gets a new one. The old password counts as a try at
   * signing in. Throws `invalid_request` that names the field, `sign_in_locked`, `forbidden` for who has no password.
   */
  async function changePassword(
    userId: string,
    given: { readonly current: string; readonly password: string },
    visitor: Visitor,
  ): Promise<SignedIn> {
    const user = await users.get(userId);
    if (!user?.isActive || user.passwordHash === undefined)
      throw new Failure('forbidden', 'Who signed in by the printed link has no password to change.');
    const key = sha256Hex(user.email);
    await turnsOf(store)(`sign in ${key}`, () => countTry(key));
    if (!fitsHash(given.current) || !(await passwords.matches(given.current, user.passwordHash)))
      throw new Failure('invalid_request', 'current: is not your password', {
        details: { fields: { current: 'is not your password' } },
      });
    await failures.remove({ _id: key });
    const passwordHash = await hashed(given.password, user.email);
    const set = { passwordHash, passwordChangedAt: now() };
    const changed = await write(userId, { $set: set, $unset: { passwordLink: '' } }, userId, true);
    await sessions.endAll(userId);
    return await beginFor(changed, visitor);
  }

  return { list, anybody, create, createFirst, change, linkFor, unlock, signIn, redeem, changePassword };
}

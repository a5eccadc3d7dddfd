/**
 * app/api-keys: keys of programs: made by an administrator, shown once, good for what they were made for and nothing else,
 * until they expire or are revoked.
 */
import { z } from 'zod';
import { sha256Hex } from '../domain/canonical.ts';
import { Failure } from '../domain/errors.ts';
import { parseInput } from '../domain/input.ts';
import { type ApiKey, GRANTS, ROLES, type Role, reaches, type Scope } from '../domain/user.ts';
import { keepCredentials } from './credentials.ts';
import type { Clock, Ids, Log, Store } from './ports.ts';

const KEY = /^parley_[\w-]{43}$/;
const PREFIX_CHARACTERS = 'parley_'.length + 6;
const MOST_KEYS = 200;
/** How exactly it is kept when a key was last used. */
const USED_EVERY_MS = 60_000;
const LONGEST_YEARS_MS = 10 * 366 * 24 * 3_600_000;

export interface NewKey {
  readonly name: string;
  readonly role: Role;
  readonly scopes: readonly Scope[];
  readonly expiresAt?: Date;
}

const Input = z.strictObject({
  name: z.string().trim().min(1).max(100),
  role: z.enum(ROLES),
  scopes: z.array(z.enum(Object.keys(GRANTS) as [Scope, ...Scope[]])).min(1),
  expiresAt: z.date().optional(),
});

export interface KeyDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

const invalid = (field: string, says: string): Failure =>
  new Failure('invalid_request', `${field}: ${says}`, { details: { fields: { [field]: says } } });

export function createApiKeys({ store, clock, ids, log }: KeyDeps) {
  const keys = store.collection('api_keys');
  const kept = keepCredentials<ApiKey>(
    clock,
    async (hash) => (await keys.find({ filter: { hash }, limit: 1 }))[0],
  );
  const isGood = ({ revokedAt, expiresAt }: ApiKey): boolean =>
    revokedAt === undefined && (expiresAt === undefined || clock.nowMs() < expiresAt.getTime());

  /**
   * `secret` is the key itself and is kept nowhere. A key that makes keys gives no more than it has (`within`). Throws
   * `invalid_request`, `at_capacity`.
   */
  async function create(
    input: NewKey,
    by: string,
    within?: Pick<ApiKey, 'role' | 'scopes'>,
  ): Promise<{ readonly key: ApiKey; readonly secret: string }> {
    const { expiresAt, scopes, ...rest } = parseInput(Input, input);
    const nowMs = clock.nowMs();
    const lacking = scopes.find((scope) => !reaches(rest.role, GRANTS[scope].role));
    if (lacking !== undefined)
      throw invalid('scopes', `${lacking} needs a key with the role ${GRANTS[lacking].role}`);
    if (expiresAt && (expiresAt.getTime() <= nowMs || expiresAt.getTime() > nowMs + LONGEST_YEARS_MS))
      throw invalid('expiresAt', 'must lie in the next ten years');
    if (
      within &&
      (!reaches(within.role, rest.role) || scopes.some((scope) => !within.scopes.includes(scope)))
    )
      throw new Failure('forbidden', 'A key cannot make one that may do more than itself.');
    if ((await keys.count({ revokedAt: { $exists: false } })) >= MOST_KEYS)
      throw new Failure('at_capacity', `There are ${MOST_KEYS} keys already; revoke one first.`);
    const secret = `parley_${ids.token()}`;
    const at = new Date(nowMs);
    const key: ApiKey = {
      _id: ids.objectId(),
      ...rest,
      scopes: [...new Set(scopes)],
      prefix: secret.slice(0, PREFIX_CHARACTERS),
      hash: sha256Hex(secret),
      ...(expiresAt ? { expiresAt } : {}),
      createdBy: by,
      createdAt: at,
      updatedAt: at,
    };
    await keys.insert(key);
    return { key, secret };
  }

  /** Newest first, with those that were revoked. */
  const list = (): Promise<readonly ApiKey[]> =>
    keys.find({ sort: { createdAt: -1, _id: -1 }, limit: 2 * MOST_KEYS });

  /** From now on it opens nothing. Throws `not_found`. */
  async function revoke(keyId: string, by: string): Promise<ApiKey> {
    const at = new Date(clock.nowMs());
    const concerns = ({ _id }: ApiKey): boolean => _id === keyId;
    kept.forget(concerns);
    try {
      const revoked = await keys.update(
        { _id: keyId, revokedAt: { $exists: false } },
        { $set: { revokedAt: at, revokedBy: by, updatedAt: at } },
      );
      if (!revoked) throw new Failure('not_found', 'There is no such key, or it is revoked already.');
      return revoked;
    } finally {
      kept.forget(concerns);
    }
  }

  function used(key: ApiKey): void {
    if (!kept.isDue(key.hash, USED_EVERY_MS)) return;
    keys
      .update({ _id: key._id }, { $set: { lastUsedAt: new Date(clock.nowMs()) } })
      .catch((error) => log.debug({ err: error }, 'when a key was last used could not be kept'));
  }

  /** The key with this text, if it is good. */
  async function read(secret: string): Promise<ApiKey | undefined> {
    if (!KEY.test(secret)) return undefined;
    const key = await kept.read(sha256Hex(secret));
    if (!key || !isGood(key)) return undefined;
    used(key);
    return key;
  }

  return {
    create,
    list,
    revoke,
    read,
    /** Whether it is still good, for what outlasts a request. */
    async isGood({ hash }: ApiKey): Promise<boolean> {
      const key = await kept.read(hash);
      return key !== undefined && isGood(key);
    },
  };
}

/** Who gets in and what is left of it: people and their passwords, sessions, keys of programs, the audit log. */
import { mkdtemp, rm } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPasswords } from '../../src/adapters/passwords.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { type Access, buildAccess } from '../../src/app/access.ts';
import type { Clock, Passwords, Store } from '../../src/app/ports.ts';
import { IDLE_MS, SESSION_MS } from '../../src/app/sessions.ts';
import { LINK_MS } from '../../src/app/users.ts';
import { sha256Hex } from '../../src/domain/canonical.ts';
import { COLLECTIONS } from '../../src/domain/documents.ts';
import { isFailure } from '../../src/domain/errors.ts';
import { fitsHash, OWNER, parseEmail, passwordFault, SCOPES, waitAfter } from '../../src/domain/user.ts';
import { failureOf, freshDir, silent } from '../contract/filled.ts';
import { type FaultyStore, faulty } from '../support/faulty-store.ts';

const PASSWORD = 'a walk along the river';
const FROM = { network: '203.0.113.0/24', userAgent: 'Firefox' };
const MINE = ['admin_users', 'user_sessions', 'sign_in_failures', 'api_keys', 'audit_log'] as const;

let dir: string;
let store: FaultyStore;
let passedMs = 0;
/** What is read off the clock is set by hand; what waits, waits long enough for a read. */
const clock: Clock = {
  nowMs: () => Date.UTC(2026, 10, 20, 17) + passedMs,
  steadyMs: () => passedMs,
  after(_delayMs, run) {
    const timer = setTimeout(run, 1_000);
    return () => clearTimeout(timer);
  },
  everyFrame: () => () => {},
  sleep: () => new Promise((done) => setTimeout(done, 1)),
};
const ids = createIds();
const open = (passwords: Passwords = createPasswords(4)): Access =>
  buildAccess({ store, clock, ids, log: silent, passwords });
let access: Access;
let asked: string[] = [];

beforeAll(async () => {
  dir = freshDir();
  await mkdtemp(dir);
  store = faulty(await openLocalStore({ dir, log: silent }), clock);
});
afterAll(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  passedMs += 30 * 24 * 3_600_000;
  access = open();
  asked = [];
  store.before = (exchange) => void asked.push(exchange);
});
afterEach(async () => {
  store.trouble = 'none';
  for (const name of MINE) await store.collection(name).remove({});
});

/** Somebody with a password, who may be anything. */
async function somebody(role: 'ADMIN' | 'ANALYST' | 'USER' = 'ANALYST', name = 'ann') {
  const { user, link } = await access.users.create({ email: `${name}@example.com`, name, role }, 'owner');
  const begun = await access.users.redeem({ token: link.token, password: PASSWORD }, FROM);
  return { user, ...begun };
}
const login = (email: string, password: string) => access.users.signIn({ email, password }, FROM);

describe('people', () => {
  test('are added with a link that sets a password once, and sign in with it whatever the case of the address', async () => {
    const { user, link } = await access.users.create(
      { email: ' Ann@Example.COM ', name: 'Ann', role: 'USER' },
      'owner',
    );
    expect(user).toMatchObject({ email: 'ann@example.com', hasPassword: false, linkUntil: link.expiresAt });
    await access.users.redeem({ token: link.token, password: PASSWORD }, FROM);
    const again = await failureOf(access.users.redeem({ token: link.token, password: PASSWORD }, FROM));
    expect(again.code).toBe('unauthenticated');
    const { session } = await login('ANN@example.com', PASSWORD);
    expect(session).toMatchObject({ userId: user._id, name: 'Ann', role: 'USER', ...FROM });
    const [shown] = (await access.users.list({ limit: 10 })).items;
    expect(shown).toMatchObject({ hasPassword: true, failedLogins: 0, lastLogin: new Date(clock.nowMs()) });
    expect(JSON.stringify(shown)).not.toMatch(/passwordHash|tokenHash|\$2b/);
  });

  test('get in by no link that is a day old, was replaced, or came with a bad password; that one stays good', async () => {
    const { user, link } = await access.users.create(
      { email: 'ann@example.com', name: 'Ann', role: 'USER' },
      'owner',
    );
    const weak = await failureOf(access.users.redeem({ token: link.token, password: 'short' }, FROM));
    expect([weak.code, weak.details]).toEqual([
      'invalid_request',
      { fields: { password: 'must have at least 12 characters' } },
    ]);
    const newer = await access.users.linkFor(user._id, 'owner');
    expect(
      isFailure(await failureOf(access.users.redeem({ token: link.token, password: PASSWORD }, FROM))),
    ).toBe(true);
    passedMs += LINK_MS;
    const late = await failureOf(access.users.redeem({ token: newer.token, password: PASSWORD }, FROM));
    expect(late.code).toBe('unauthenticated');
  });

  test('have one address each', async () => {
    await somebody();
    const twice = await failureOf(
      access.users.create({ email: 'ANN@example.com', name: 'Other', role: 'USER' }, 'owner'),
    );
    expect([twice.code, twice.details]).toEqual(['duplicate_key', { fields: { email: 'is taken' } }]);
  });

  test('lose every session with their role, their password, or when they are deactivated', async () => {
    await somebody('ADMIN', 'boss');
    const { user } = await somebody();
    const read = async (token: string) => (await access.sessions.read(token)) !== undefined;
    for (const [name, act] of [
      ['role', () => access.users.change(user._id, { role: 'USER' }, 'boss')],
      ['deactivated', () => access.users.change(user._id, { isActive: false }, 'boss')],
    ] as const) {
      if (name === 'deactivated') await access.users.change(user._id, { isActive: true }, 'boss');
      const { token } = await login('ann@example.com', PASSWORD);
      expect(await read(token)).toBe(true);
      await act();
      expect([name, await read(token)]).toEqual([name, false]);
    }
    const gone = await failureOf(login('ann@example.com', PASSWORD));
    const wrong = await failureOf(login('nobody@example.com', PASSWORD));
    expect([gone.code, gone.message]).toEqual([wrong.code, wrong.message]);

    await access.users.change(user._id, { isActive: true }, 'boss');
    const first = await login('ann@example.com', PASSWORD);
    const here = await login('ann@example.com', PASSWORD);
    const other = 'another walk, up the hill';
    const changed = await access.users.changePassword(user._id, { current: PASSWORD, password: other }, FROM);
    expect([await read(first.token), await read(here.token), await read(changed.token)]).toEqual([
      false,
      false,
      true,
    ]);
    expect((await failureOf(login('ann@example.com', PASSWORD))).code).toBe('unauthenticated');
    const named = await failureOf(
      access.users.changePassword(user._id, { current: 'guess', password: other }, FROM),
    );
    expect(named.details).toEqual({ fields: { current: 'is not your password' } });
  });

  test('who are deactivated while they sign in have no session afterwards', async () => {
    await somebody('ADMIN', 'boss');
    const { user } = await somebody();
    const slow = createPasswords(4);
    const racing = open({
      hash: slow.hash,
      async matches(password, hash) {
        const right = await slow.matches(password, hash);
        await access.users.change(user._id, { isActive: false }, 'boss');
        return right;
      },
    });
    const failed = await failureOf(
      racing.users.signIn({ email: 'ann@example.com', password: PASSWORD }, FROM),
    );
    expect(failed.code).toBe('unauthenticated');
    expect(await store.collection('user_sessions').count({ userId: user._id })).toBe(0);
  });

  test('the last administrator can be neither demoted nor deactivated, by two processes at once either', async () => {
    const { user: one } = await somebody('ADMIN', 'one');
    for (const change of [{ role: 'USER' }, { isActive: false }] as const)
      expect((await failureOf(access.users.change(one._id, change, 'owner'))).code).toBe('last_admin');
    const { user: two } = await somebody('ADMIN', 'two');
    // Another process: its turns are its own.
    const elsewhere = buildAccess({
      store: { ...store },
      clock,
      ids,
      log: silent,
      passwords: createPasswords(4),
    });
    await Promise.allSettled([
      access.users.change(one._id, { role: 'USER' }, 'owner'),
      elsewhere.users.change(two._id, { isActive: false }, 'owner'),
    ]);
    expect(
      await store.collection('admin_users').count({ role: 'ADMIN', isActive: true }),
    ).toBeGreaterThanOrEqual(1);
  });

  test('the first one is made by whoever came by the printed link, and only while there is nobody', async () => {
    const first = { email: 'ann@example.com', name: 'Ann', password: PASSWORD };
    expect(await access.users.anybody()).toBe(false);
    const made = await Promise.allSettled([
      access.users.createFirst(first, FROM),
      access.users.createFirst({ ...first, email: 'bob@example.com' }, FROM),
    ]);
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await access.users.anybody()).toBe(true);
    expect((await access.users.list({ limit: 5 })).items).toMatchObject([
      { role: 'ADMIN', createdBy: 'owner' },
    ]);
  });
});

describe('whoever guesses', () => {
  test.each(['ann@example.com', 'nobody@example.com'])(
    'waits longer and longer and is locked out in the end, with %s',
    async (email) => {
      await somebody();
      const waits: unknown[] = [];
      for (let n = 1; n <= 10; n += 1) {
        const failure = await failureOf(login(email, `wrong ${n}`));
        waits.push([failure.code, failure.message, failure.details.retryInSec]);
        if (n > 3) {
          const early = await failureOf(login(email, PASSWORD));
          expect([early.code, early.details]).toEqual([
            'sign_in_locked',
            { retryInSec: failure.details.retryInSec },
          ]);
        }
        passedMs += Number(failure.details.retryInSec ?? 0) * 1_000;
      }
      const says = 'The e-mail address or the password is wrong.';
      expect(waits).toEqual(
        [undefined, undefined, undefined, 1, 2, 4, 8, 16, 32, 3_600].map((sec) => [
          'unauthenticated',
          says,
          sec,
        ]),
      );
    },
  );

  test('is let in again when an administrator lifts the lock, or a new link is used', async () => {
    const { user } = await somebody();
    const lockOut = async () => {
      for (let n = 0; n < 10; n += 1) {
        const failure = await failureOf(login('ann@example.com', 'wrong'));
        if (n < 9) passedMs += Number(failure.details.retryInSec ?? 0) * 1_000;
      }
    };
    await lockOut();
    const [shown] = (await access.users.list({ limit: 5 })).items;
    expect(shown).toMatchObject({ failedLogins: 10, lockedUntil: new Date(clock.nowMs() + 3_600_000) });
    expect(await access.users.unlock(user._id)).toMatchObject({ failedLogins: 0 });
    await login('ann@example.com', PASSWORD);
    await lockOut();
    const { token } = await access.users.linkFor(user._id, 'owner');
    await access.users.redeem({ token, password: PASSWORD }, FROM);
    await login('ann@example.com', PASSWORD);
  });

  test('gains nothing by guessing many at once', async () => {
    await somebody();
    const tries = await Promise.all(
      Array.from({ length: 30 }, (_, n) => failureOf(login('ann@example.com', `wrong ${n}`))),
    );
    expect(tries.filter(({ code }) => code === 'unauthenticated')).toHaveLength(4);
    expect(tries.filter(({ code }) => code === 'sign_in_locked')).toHaveLength(26);
  });

  test('finds the same work done for an address that nobody has', async () => {
    await somebody();
    const hashed: string[] = [];
    const real = createPasswords(4);
    access = open({
      hash: real.hash,
      matches: (password, hash) => {
        hashed.push(hash.slice(0, 7));
        return real.matches(password, hash);
      },
    });
    const work = async (email: string) => {
      asked = [];
      await failureOf(login(email, 'wrong'));
      return asked;
    };
    await work('first@example.com');
    hashed.length = 0;
    const known = await work('ann@example.com');
    const unknown = await work('nobody@example.com');
    expect(unknown).toEqual(known);
    expect(hashed).toEqual(['$2b$04$', '$2b$04$']);
  });

  test('the waits only grow', () => {
    fc.assert(fc.property(fc.nat(40), (n) => waitAfter(n + 1) >= waitAfter(n)));
  });
});

describe('passwords', () => {
  test.each([
    ['elevenchars', 'must have at least 12 characters'],
    ['x'.repeat(73), 'must have at most 72 bytes'],
    ['ä'.repeat(37), 'must have at most 72 bytes'],
    ['aaaaaaaaaaaaaa', 'has too few different characters'],
    ['Password1234!', 'is too easy to guess'],
    ['passwordpassword', 'is too easy to guess'],
    ['qwertyuiop123', 'is too easy to guess'],
    ['1234567890123', 'is too easy to guess'],
    ['rowan.ellery-2026', 'is too easy to guess'],
    ['my rowan.ellery@example.com', 'is too easy to guess'],
    ['correct horse battery', undefined],
    ['пароль на двенадцать', undefined],
  ])('%s: %s', (password, fault) => {
    expect(passwordFault(password, 'rowan.ellery@example.com')).toBe(fault);
  });

  test('one that is taken is never cut: the last character counts', async () => {
    const passwords = createPasswords(4);
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 12, maxLength: 72, unit: 'grapheme' }), async (password) => {
        fc.pre(passwordFault(password, 'a@example.com') === undefined);
        const hash = await passwords.hash(password);
        expect(await passwords.matches(password, hash)).toBe(true);
        expect(await passwords.matches(password.slice(0, -1), hash)).toBe(false);
        if (fitsHash(`${password}x`)) expect(await passwords.matches(`${password}x`, hash)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  test('many at once wait in turn, and beyond that are sent away', async () => {
    const passwords = createPasswords(4);
    const all = await Promise.allSettled(Array.from({ length: 60 }, () => passwords.hash('x')));
    const refused = all.filter((one) => one.status === 'rejected' && isFailure(one.reason, 'at_capacity'));
    expect(refused).toHaveLength(60 - 17);
    await passwords.hash('x');
  });

  test.each([
    ['Ann@Example.com ', 'ann@example.com'],
    ['ann+parley@mail.example.co.uk', 'ann+parley@mail.example.co.uk'],
    ['ann', undefined],
    ['ann@localhost', undefined],
    ['ann@exa mple.com', undefined],
    ['<script>@example.com', undefined],
  ])('%s as an address is %s', (text, email) => {
    expect(parseEmail(text)).toBe(email);
  });
});

describe('sessions', () => {
  test('are stored without what opens them', async () => {
    const { token } = await access.sessions.begin(OWNER, FROM);
    const [kept] = await store.collection('user_sessions').find({});
    expect(kept).toMatchObject({ tokenHash: sha256Hex(token), userId: 'owner', ...FROM });
    expect(JSON.stringify(kept)).not.toContain(token);
  });

  test('cost one read at most, and none while they were just read', async () => {
    const { token } = await access.sessions.begin(OWNER, FROM);
    const cost = async () => {
      asked = [];
      await access.sessions.read(token);
      return asked;
    };
    expect(await cost()).toEqual(['find']);
    expect(await cost()).toEqual([]);
    passedMs += 2_000;
    expect(await cost()).toEqual(['find']);
  });

  test('that end here are over at once, and in another process within seconds', async () => {
    const elsewhere = open();
    const { token, session } = await access.sessions.begin(OWNER, FROM);
    expect(await elsewhere.sessions.read(token)).toBeDefined();
    expect(await access.sessions.read(token)).toBeDefined();
    await access.sessions.end(session._id, 'owner');
    expect(await access.sessions.read(token)).toBeUndefined();
    passedMs += 2_000;
    expect(await elsewhere.sessions.read(token)).toBeUndefined();
    expect((await failureOf(access.sessions.end(session._id, 'owner'))).code).toBe('not_found');
  });

  test('that end while they are being read are over', async () => {
    let held: (() => Promise<unknown>) | undefined;
    const slow: Store = {
      ...store,
      collection: (name) => {
        const inner = store.collection(name);
        return {
          ...inner,
          async find(query) {
            const found = await inner.find(query);
            const wait = held;
            held = undefined;
            await wait?.();
            return found;
          },
        };
      },
    };
    const { sessions } = buildAccess({ store: slow, clock, ids, log: silent, passwords: createPasswords(4) });
    const { token } = await sessions.begin(OWNER, FROM);
    // The answer was on its way when the session ended.
    held = () => sessions.endAll('owner');
    expect(await sessions.read(token)).toBeUndefined();
    expect(await sessions.read(token)).toBeUndefined();
  });

  test('of somebody else cannot be ended', async () => {
    const { session } = await access.sessions.begin(OWNER, FROM);
    expect((await failureOf(access.sessions.end(session._id, 'other'))).code).toBe('not_found');
    expect(await access.sessions.isOn(session)).toBe(true);
  });

  test('end everywhere but here, and never are more than twenty', async () => {
    const { session } = await access.sessions.begin(OWNER, FROM);
    for (let n = 0; n < 25; n += 1) {
      passedMs += 1_000;
      await access.sessions.begin(OWNER, FROM);
    }
    const on = await access.sessions.list('owner');
    expect(on).toHaveLength(20);
    expect(on.map(({ _id }) => _id)).not.toContain(session._id);
    expect(await access.sessions.endAll('owner', on[3]?._id)).toBe(19);
    expect(await access.sessions.list('owner')).toMatchObject([{ _id: on[3]?._id }]);
  });

  test('that nobody used for twelve hours, or that are a week old, are over and leave the store', async () => {
    const { token } = await access.sessions.begin(OWNER, FROM);
    passedMs += IDLE_MS;
    expect(await access.sessions.read(token)).toBeUndefined();
    await access.sessions.begin(OWNER, FROM);
    expect(await store.collection('user_sessions').count({})).toBe(1);
    expect(SESSION_MS).toBe(7 * 24 * 3_600_000);
  });

  test('that were known go on while the database is away; nobody new gets in', async () => {
    const { token } = await access.sessions.begin(OWNER, FROM);
    const { token: unread } = await access.sessions.begin(OWNER, FROM);
    await access.sessions.read(token);
    store.trouble = 'refuse';
    passedMs += 60_000;
    expect(await access.sessions.read(token)).toBeDefined();
    expect((await failureOf(access.sessions.read(unread))).code).toBe('store_unavailable');
    passedMs += 3_600_000;
    expect((await failureOf(access.sessions.read(token))).code).toBe('store_unavailable');
  });

  test('of nobody are not even looked for when the cookie is no token', async () => {
    for (const text of ['', 'v1.e30.AAAA', 'x'.repeat(44), `${'x'.repeat(42)}\n`, '{"$gt":""}']) {
      expect(await access.sessions.read(text)).toBeUndefined();
    }
    expect(asked).toEqual([]);
  });
});

describe('keys of programs', () => {
  const wanted = { name: 'CRM', role: 'ANALYST', scopes: ['leads:write', 'leads:read'] } as const;

  test('are shown once and stored as a hash', async () => {
    const { key, secret } = await access.apiKeys.create(wanted, 'ann');
    expect(secret).toMatch(/^parley_[\w-]{43}$/);
    expect(secret.startsWith(key.prefix)).toBe(true);
    const kept = JSON.stringify(await store.collection('api_keys').find({}));
    expect(kept).toContain(sha256Hex(secret));
    expect(kept).not.toContain(secret.slice(13));
    expect(await access.apiKeys.read(secret)).toMatchObject({ name: 'CRM', role: 'ANALYST' });
    expect(await access.apiKeys.read(`${secret.slice(0, -1)}!`)).toBeUndefined();
  });

  test('open nothing once they are revoked or expired', async () => {
    const { key, secret } = await access.apiKeys.create(wanted, 'ann');
    expect(await access.apiKeys.read(secret)).toBeDefined();
    await access.apiKeys.revoke(key._id, 'ann');
    expect(await access.apiKeys.read(secret)).toBeUndefined();
    expect((await failureOf(access.apiKeys.revoke(key._id, 'ann'))).code).toBe('not_found');

    const soon = new Date(clock.nowMs() + 60_000);
    const short = await access.apiKeys.create({ ...wanted, expiresAt: soon }, 'ann');
    expect(await access.apiKeys.read(short.secret)).toBeDefined();
    passedMs += 60_000;
    expect(await access.apiKeys.read(short.secret)).toBeUndefined();
    expect(await access.apiKeys.isGood(short.key)).toBe(false);
  });

  test('tell when they were last used, written at most once a minute', async () => {
    const { secret } = await access.apiKeys.create(wanted, 'ann');
    for (let n = 0; n < 50; n += 1) {
      passedMs += 1_000;
      await access.apiKeys.read(secret);
    }
    expect(asked.filter((exchange) => exchange === 'update')).toHaveLength(1);
  });

  test('cannot do more than their role, nor make a key that does more than they', async () => {
    const refuse = async (...given: Parameters<Access['apiKeys']['create']>) =>
      (await failureOf(access.apiKeys.create(...given))).code;
    expect(await refuse({ ...wanted, role: 'USER' }, 'ann')).toBe('invalid_request');
    expect(await refuse({ ...wanted, scopes: ['admin'] }, 'ann')).toBe('invalid_request');
    expect(await refuse({ ...wanted, expiresAt: new Date(clock.nowMs()) }, 'ann')).toBe('invalid_request');
    const own = { role: 'ADMIN', scopes: ['admin'] } as const;
    expect(await refuse({ ...wanted, role: 'ADMIN' }, 'key:1', own)).toBe('forbidden');
    await access.apiKeys.create({ name: 'Same', ...own }, 'key:1', own);
    await access.apiKeys.create({ name: 'All', role: 'ADMIN', scopes: [...SCOPES] }, 'ann');
  });
});

describe('the audit log', () => {
  const entry = (n: number, kind: 'change' | 'opening' = 'change') => ({
    who: { id: 'ann', name: 'Ann', via: 'cookie' as const },
    kind,
    route: 'PATCH /api/v1/leads/:leadId',
    targets: [`lead-${n}`],
    outcome: 'done' as const,
    status: 200,
    requestId: `r-${n}`,
  });

  const written = () => expect.poll(() => access.auditLog.figures().waiting).toBe(0);

  test('is written behind what it tells of, found by who, what and when, newest first', async () => {
    for (let n = 0; n < 5; n += 1) {
      passedMs += 1_000;
      access.auditLog.note(entry(n));
    }
    await written();
    const listed = async (query: object) =>
      (await access.auditLog.list({ limit: 10, ...query })).items.map(({ requestId }) => requestId);
    expect(await listed({})).toEqual(['r-4', 'r-3', 'r-2', 'r-1', 'r-0']);
    expect(await listed({ target: 'lead-2' })).toEqual(['r-2']);
    expect(await listed({ who: 'bob' })).toEqual([]);
    expect(await listed({ from: new Date(clock.nowMs() - 1_000), to: new Date(clock.nowMs()) })).toEqual([
      'r-3',
    ]);
    const cut = await access.auditLog.list({ limit: 2 });
    const rest = await access.auditLog.list({
      limit: 2,
      ...(cut.nextCursor ? { cursor: cut.nextCursor } : {}),
    });
    expect(rest.items.map(({ requestId }) => requestId)).toEqual(['r-2', 'r-1']);
  });

  test('loses nothing while the database is away, however an answer was lost, and says what did not fit', async () => {
    for (const trouble of ['refuse', 'lossy'] as const) {
      store.trouble = trouble;
      for (let n = 0; n < 20; n += 1) access.auditLog.note(entry(n));
      expect(access.auditLog.figures().waiting).toBe(20);
      store.trouble = 'none';
      await written();
      expect(await store.collection('audit_log').count({})).toBe(20);
      await store.collection('audit_log').remove({});
    }
    store.trouble = 'refuse';
    for (let n = 0; n < 10_050; n += 1) access.auditLog.note(entry(n));
    expect(access.auditLog.figures()).toEqual({ waiting: 10_000, dropped: 50 });
    store.trouble = 'none';
    await written();
  });

  test('takes the pieces of one look for one', async () => {
    for (let n = 0; n < 9; n += 1) access.auditLog.note(entry(1, 'opening'));
    passedMs += 60_000;
    access.auditLog.note(entry(1, 'opening'));
    access.auditLog.note(entry(2, 'opening'));
    await written();
    expect(await store.collection('audit_log').count({})).toBe(3);
  });
});

test('whatever is asked for has an index that answers it', () => {
  const keys = (name: (typeof MINE)[number]) =>
    COLLECTIONS[name].indexes.map(({ keys }) => Object.keys(keys).join(' '));
  expect(keys('user_sessions')).toEqual(['tokenHash', 'userId lastSeenAt', 'idleUntil']);
  expect(keys('api_keys')).toContain('hash');
  expect(keys('audit_log')).toEqual(['at', 'who.id at', 'targets at', 'kind at']);
});

/**
 * app/sessions: browsers that are signed in. The cookie holds 256 random bits, the store their hash, so neither a copy of the
 * database nor a guess opens anything, and a session that is ended is over, whatever cookies are about.
 */
import { sha256Hex } from '../domain/canonical.ts';
import { Failure } from '../domain/errors.ts';
import type { Role, UserSession, Visitor } from '../domain/user.ts';
import { keepCredentials } from './credentials.ts';
import type { Clock, Filter, Ids, Log, Store } from './ports.ts';

export const IDLE_MS = 12 * 3_600_000;
export const SESSION_MS = 7 * 24 * 3_600_000;
/** How exactly it is kept when somebody was last here. */
const SEEN_EVERY_MS = 60_000;
/** Of one person; the one not seen for longest goes. */
const MOST_SESSIONS = 20;
const TOKEN = /^[\w-]{43}$/;

export interface SessionDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

export function createSessions({ store, clock, ids, log }: SessionDeps) {
  const sessions = store.collection('user_sessions');
  const kept = keepCredentials<UserSession>(
    clock,
    async (tokenHash) => (await sessions.find({ filter: { tokenHash }, limit: 1 }))[0],
  );
  const isOver = ({ idleUntil, expiresAt }: UserSession, nowMs: number): boolean =>
    nowMs >= idleUntil.getTime() || nowMs >= expiresAt.getTime();

  /** A session nobody had before; `token` goes into the cookie and is known to nobody else. */
  async function begin(
    who: { readonly userId: string; readonly name: string; readonly role: Role },
    visitor: Visitor,
  ): Promise<{ readonly token: string; readonly session: UserSession }> {
    const nowMs = clock.nowMs();
    const at = new Date(nowMs);
    const token = ids.token();
    const session: UserSession = {
      _id: ids.objectId(),
      tokenHash: sha256Hex(token),
      userId: who.userId,
      name: who.name,
      role: who.role,
      ...visitor,
      lastSeenAt: at,
      idleUntil: new Date(nowMs + IDLE_MS),
      expiresAt: new Date(nowMs + SESSION_MS),
      createdAt: at,
      updatedAt: at,
    };
    await sessions.remove({ idleUntil: { $lte: at } });
    await sessions.insert(session);
    const older = await sessions.find({
      filter: { userId: who.userId },
      sort: { lastSeenAt: -1, _id: -1 },
      skip: MOST_SESSIONS,
      limit: MOST_SESSIONS,
    });
    for (const { _id } of older) await end({ _id }, (known) => known._id === _id);
    return { token, session };
  }

  async function end(which: Filter, concerns: (known: UserSession) => boolean): Promise<number> {
    // Here it is over at once; what another request reads until the store has it is thrown away behind it.
    kept.forget(concerns);
    try {
      return await sessions.remove(which);
    } finally {
      kept.forget(concerns);
    }
  }

  function seen(session: UserSession, nowMs: number): void {
    if (nowMs - session.lastSeenAt.getTime() < SEEN_EVERY_MS) return;
    // What was read may be older than what is being written.
    if (!kept.isDue(session.tokenHash, SEEN_EVERY_MS)) return;
    const lastSeenAt = new Date(nowMs);
    const idleUntil = new Date(Math.min(nowMs + IDLE_MS, session.expiresAt.getTime()));
    sessions
      .update({ _id: session._id }, { $set: { lastSeenAt, idleUntil, updatedAt: lastSeenAt } })
      .catch((error) => log.debug({ err: error }, 'when a session was last seen could not be kept'));
  }

  /** Whose cookie this is; undefined when the session is over or never was. */
  async function read(token: string): Promise<UserSession | undefined> {
    if (!TOKEN.test(token)) return undefined;
    const session = await kept.read(sha256Hex(token));
    const nowMs = clock.nowMs();
    if (!session || isOver(session, nowMs)) return undefined;
    seen(session, nowMs);
    return session;
  }

  return {
    begin,
    read,
    /** Whether it is still on, for what outlasts a request. Does not count as being seen. */
    async isOn({ tokenHash }: UserSession): Promise<boolean> {
      const session = await kept.read(tokenHash);
      return session !== undefined && !isOver(session, clock.nowMs());
    },
    /** Those that are on, last seen first. */
    async list(userId: string): Promise<readonly UserSession[]> {
      const found = await sessions.find({ filter: { userId }, sort: { lastSeenAt: -1, _id: -1 } });
      return found.filter((session) => !isOver(session, clock.nowMs()));
    },
    /** Ends one session of somebody. Throws Failure `not_found`. */
    async end(sessionId: string, userId: string): Promise<void> {
      const which = { _id: sessionId, userId };
      if ((await end(which, (known) => known._id === sessionId && known.userId === userId)) === 0)
        throw new Failure('not_found', 'There is no such session, or it is over.');
    },
    /** Ends all sessions of somebody, but for one where it is named; answers how many. */
    endAll: (userId: string, except?: string): Promise<number> =>
      end(
        { userId, ...(except === undefined ? {} : { _id: { $ne: except } }) },
        (known) => known.userId === userId && known._id !== except,
      ),
  };
}

export type Sessions = ReturnType<typeof createSessions>;

/**
 * http/auth: who is asking. People sign in once with a printed link and carry a signed cookie; programs carry an API key.
 * Nothing here compares secrets in a way whose time tells how much of a guess was right.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../app/ports.ts';
import type { Role } from '../contract/index.ts';
import { Failure } from '../domain/errors.ts';

const COOKIE = 'parley_session';
export const SESSION_MS = 7 * 24 * 3_600_000;
export const SIGN_IN_MS = 24 * 3_600_000;
/** A cookie older than this is replaced by a fresh one on its next use. */
const ROTATE_MS = 24 * 3_600_000;
const REVOKED_BOUND = 10_000;

/** What a session cookie carries. Times are ms since the epoch. */
export interface SessionClaims {
  readonly sessionId: string;
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** Who asks, and by which credential. */
export interface Caller {
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
  readonly via: 'cookie' | 'api_key';
  readonly session?: SessionClaims;
}

const RANK: Record<Role, number> = { USER: 1, ANALYST: 2, ADMIN: 3 };
export const mayAct = (caller: Pick<Caller, 'role'>, needed: Role): boolean =>
  RANK[caller.role] >= RANK[needed];

const sameSecret = (a: string, b: string): boolean =>
  timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());

const mac = (secret: string, payload: string): string =>
  createHmac('sha256', secret).update(`parley.session.v1.${payload}`).digest('base64url');

/** `v1.<base64url of the claims>.<HMAC-SHA256>`: readable by anyone, made only with the secret. */
export function signSession(secret: string, claims: SessionClaims): string {
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `v1.${payload}.${mac(secret, payload)}`;
}

/** The claims of a cookie that this secret signed and whose time is not over; undefined for any other. */
export function verifySession(secret: string, cookie: string, nowMs: number): SessionClaims | undefined {
  const [version, payload, signature, ...rest] = cookie.split('.');
  if (version !== 'v1' || !payload || !signature || rest.length > 0) return undefined;
  if (!sameSecret(signature, mac(secret, payload))) return undefined;
  // Signed by us: the shape is ours.
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as SessionClaims;
  return nowMs < claims.expiresAtMs ? claims : undefined;
}

function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

export interface AuthSettings {
  /** Signs the cookies; whoever has it can make one. */
  readonly sessionSecret: string;
  /** The token of the printed link. */
  readonly signInToken: string;
  readonly adminApiKey?: string;
}

export interface Auth {
  /** Spends the token of the link; answers the value of a Set-Cookie header. Throws `unauthenticated`. */
  signIn(token: string): string;
  /** Ends a session; answers the Set-Cookie that removes it. */
  signOut(caller: Caller | undefined): string;
  /** Who asks; undefined when no good credential came along. A bad API key is not covered by a good cookie. */
  identify(request: IncomingMessage): Caller | undefined;
  /** A Set-Cookie that replaces an ageing cookie, when it is time. */
  renewal(caller: Caller): string | undefined;
  /** Whether a caller that was good once (a viewer of a long stream) still is. */
  stillGood(caller: Caller): boolean;
}

export function createAuth(settings: AuthSettings, secureCookie: boolean, clock: Clock): Auth {
  const linkExpiresAtMs = clock.nowMs() + SIGN_IN_MS;
  let linkSpent = false;
  /** Sessions that were signed out before their time, newest last. */
  const revoked = new Map<string, number>();

  const setCookie = (value: string, maxAgeSec: number): string =>
    `${COOKIE}=${value}; Path=/; Max-Age=${maxAgeSec}; HttpOnly; SameSite=Lax${secureCookie ? '; Secure' : ''}`;

  const issue = (who: Pick<SessionClaims, 'userId' | 'name' | 'role'>, sessionId: string): string => {
    const nowMs = clock.nowMs();
    const claims: SessionClaims = {
      sessionId,
      userId: who.userId,
      name: who.name,
      role: who.role,
      issuedAtMs: nowMs,
      expiresAtMs: nowMs + SESSION_MS,
    };
    return setCookie(signSession(settings.sessionSecret, claims), SESSION_MS / 1000);
  };

  const good = (claims: SessionClaims | undefined): claims is SessionClaims =>
    claims !== undefined && clock.nowMs() < claims.expiresAtMs && !revoked.has(claims.sessionId);

  return {
    signIn(token) {
      const right = sameSecret(token, settings.signInToken);
      if (!right || linkSpent || clock.nowMs() >= linkExpiresAtMs) {
        throw new Failure(
          'unauthenticated',
          'This sign-in link was used already, is over 24 hours old or is not ours. Each start of the service prints a new one.',
        );
      }
      linkSpent = true;
      return issue(
        { userId: 'owner', name: 'Owner', role: 'ADMIN' },
        createHash('sha256').update(randomBytes(32)).digest('base64url'),
      );
    },
    signOut(caller) {
      if (caller?.session) {
        revoked.set(caller.session.sessionId, caller.session.expiresAtMs);
        for (const [sessionId, expiresAtMs] of revoked) {
          if (expiresAtMs > clock.nowMs() && revoked.size <= REVOKED_BOUND) break;
          revoked.delete(sessionId);
        }
      }
      return setCookie('', 0);
    },
    identify(request) {
      const { authorization } = request.headers;
      if (authorization !== undefined) {
        const key = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
        const ours = settings.adminApiKey;
        if (key === undefined || ours === undefined || !sameSecret(key, ours)) return undefined;
        return { userId: 'admin-api-key', name: 'Admin API key', role: 'ADMIN', via: 'api_key' };
      }
      const cookie = readCookie(request.headers.cookie, COOKIE);
      const session =
        cookie === undefined ? undefined : verifySession(settings.sessionSecret, cookie, clock.nowMs());
      if (!good(session)) return undefined;
      return { userId: session.userId, name: session.name, role: session.role, via: 'cookie', session };
    },
    renewal(caller) {
      const { session } = caller;
      if (!session || clock.nowMs() - session.issuedAtMs < ROTATE_MS) return undefined;
      // The session keeps its id, so that signing out ends every cookie it ever had.
      return issue(session, session.sessionId);
    },
    stillGood: (caller) => caller.session === undefined || good(caller.session),
  };
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Refuses a request that changes something and that a browser sent on behalf of another site (Fetch Metadata,
 * w3.org/TR/fetch-metadata; Origin, RFC 6454). Every browser sends one of the two headers; a program sends neither.
 */
export function refuseCrossSite(request: IncomingMessage, publicBaseUrl: string | undefined): void {
  if (SAFE.has(request.method ?? '')) return;
  const site = request.headers['sec-fetch-site'];
  if (site === 'same-origin' || site === 'none') return;
  const { origin, host } = request.headers;
  if (site === undefined) {
    if (origin === undefined) return;
    const known = [publicBaseUrl === undefined ? undefined : new URL(publicBaseUrl).host, host];
    if (URL.canParse(origin) && known.includes(new URL(origin).host)) return;
  }
  throw new Failure('forbidden', 'Requests that change something must come from our own pages.');
}

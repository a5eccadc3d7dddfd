/**
 * http/auth: who is asking. People carry a cookie with the token of their session, programs an API key; both are looked up
 * anew for every request, so that what was ended is over. Nothing here compares secrets in a way whose time tells how much
 * of a guess was right.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import type { Access } from '../app/access.ts';
import type { Clock } from '../app/ports.ts';
import { SESSION_MS } from '../app/sessions.ts';
import { Failure } from '../domain/errors.ts';
import { type ApiKey, OWNER, type Role, reaches, type UserSession, type Visitor } from '../domain/user.ts';
import type { Route } from './route.ts';
import { needOf } from './scopes.ts';

const COOKIE = 'parley_session';
export const SIGN_IN_MS = 24 * 3_600_000;

/** Who asks, and by which credential. */
export interface Caller {
  readonly userId: string;
  readonly name: string;
  readonly role: Role;
  readonly via: 'cookie' | 'api_key';
  readonly session?: UserSession;
  /** Absent for people, and for the key of the environment, which may do everything. */
  readonly key?: ApiKey;
}

const sameSecret = (a: string, b: string): boolean =>
  timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());

function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(';') ?? []) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

/** The network of an address, enough to tell one place from another: a /24 of IPv4, a /48 of IPv6. */
export function networkOf(address: string | undefined): string | undefined {
  const plain = address?.replace(/^::ffff:/i, '').replace(/%.*$/, '');
  if (!plain) return undefined;
  if (isIPv4(plain)) return `${plain.split('.').slice(0, 3).join('.')}.0/24`;
  const [head = ''] = plain.split('::', 1);
  const groups = head === '' ? [] : head.split(':').slice(0, 3);
  return groups.length === 0 ? '::/48' : `${groups.join(':')}::/48`;
}

/** What is kept of a browser that signs in. */
export function visitorOf(request: IncomingMessage & { readonly ip?: string | undefined }): Visitor {
  const network = networkOf(request.ip);
  // Whatever is sent there is shown later: one line of printable characters.
  const agent = request.headers['user-agent']?.replace(/[^\x20-\x7e]/g, '').slice(0, 200);
  return { ...(network ? { network } : {}), ...(agent ? { userAgent: agent } : {}) };
}

export interface AuthSettings {
  /** What secrets for lead sources are made of. */
  readonly sessionSecret: string;
  /** The token of the printed link. */
  readonly signInToken: string;
  readonly adminApiKey?: string;
}

export interface Auth {
  /** Spends the token of the link; answers the value of a Set-Cookie header. Throws `unauthenticated`. */
  signInByLink(token: string, visitor: Visitor): Promise<string>;
  /** The Set-Cookie of a session that has just begun. */
  cookieFor(token: string): string;
  /** Ends a session; answers the Set-Cookie that removes it. Throws `store_unavailable`: then it ended in this process only. */
  signOut(caller: Caller): Promise<string>;
  /** Who asks; undefined when no good credential came along. A bad API key is not covered by a good cookie. */
  identify(request: IncomingMessage): Promise<Caller | undefined>;
  /** Whether a caller that was good once (a viewer of a long stream) still is. */
  stillGood(caller: Caller): Promise<boolean>;
}

export function createAuth(
  settings: AuthSettings,
  { sessions, apiKeys }: Pick<Access, 'sessions' | 'apiKeys'>,
  secureCookie: boolean,
  clock: Clock,
): Auth {
  const linkExpiresAtMs = clock.nowMs() + SIGN_IN_MS;
  let linkSpent = false;

  const setCookie = (value: string, maxAgeSec: number): string =>
    `${COOKIE}=${value}; Path=/; Max-Age=${maxAgeSec}; HttpOnly; SameSite=Lax${secureCookie ? '; Secure' : ''}`;
  const cookieFor = (token: string): string => setCookie(token, SESSION_MS / 1000);

  async function byKey(authorization: string): Promise<Caller | undefined> {
    const secret = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    if (secret === undefined) return undefined;
    if (settings.adminApiKey !== undefined && sameSecret(secret, settings.adminApiKey))
      return { userId: 'admin-api-key', name: 'Admin API key', role: 'ADMIN', via: 'api_key' };
    const key = await apiKeys.read(secret);
    return key && { userId: `key:${key._id}`, name: key.name, role: key.role, via: 'api_key', key };
  }

  return {
    async signInByLink(token, visitor) {
      const right = sameSecret(token, settings.signInToken);
      if (!right || linkSpent || clock.nowMs() >= linkExpiresAtMs) {
        throw new Failure(
          'unauthenticated',
          'This sign-in link was used already, is over 24 hours old or is not ours. Each start of the service prints a new one.',
        );
      }
      linkSpent = true;
      try {
        return cookieFor((await sessions.begin(OWNER, visitor)).token);
      } catch (error) {
        // Nobody was signed in by it.
        linkSpent = false;
        throw error;
      }
    },
    cookieFor,
    async signOut({ session }) {
      if (session)
        await sessions.end(session._id, session.userId).catch((error) => {
          // Over already, in another window.
          if (!(error instanceof Failure && error.code === 'not_found')) throw error;
        });
      return setCookie('', 0);
    },
    async identify(request) {
      const { authorization, cookie } = request.headers;
      if (authorization !== undefined) return await byKey(authorization);
      const token = readCookie(cookie, COOKIE);
      const session = token === undefined ? undefined : await sessions.read(token);
      return (
        session && { userId: session.userId, name: session.name, role: session.role, via: 'cookie', session }
      );
    },
    async stillGood({ session, key }) {
      if (session) return await sessions.isOn(session);
      return key === undefined || (await apiKeys.isGood(key));
    },
  };
}

/** Throws `forbidden` unless the caller's role, and the scopes of a key, reach what the route needs. */
export function expectMay(caller: Caller, row: Pick<Route, 'role' | 'method' | 'path' | 'tag'>): void {
  if (row.role !== 'public' && !reaches(caller.role, row.role))
    throw new Failure('forbidden', `This needs the role ${row.role}.`, { details: { role: row.role } });
  const need = needOf(row);
  if (caller.via !== 'api_key' || need === 'any') return;
  if (need === 'person') throw new Failure('forbidden', 'This is about people who signed in; a key is none.');
  if (caller.key && !caller.key.scopes.includes(need))
    throw new Failure('forbidden', `This key lacks the scope ${need}.`, { details: { scope: need } });
}

const hostsOf = (publicBaseUrl: string | undefined, host: string | undefined) => [
  publicBaseUrl === undefined ? undefined : new URL(publicBaseUrl).host,
  host,
];

/**
 * Refuses a socket that another site's page opens with our cookie: browsers let any page open one, and say which page it is
 * (RFC 6455, section 10.2). Whoever brings a cookie and does not say where from is no browser of ours.
 */
export function refuseForeignPage(request: IncomingMessage, publicBaseUrl: string | undefined): void {
  const { origin = '', host } = request.headers;
  if (!URL.canParse(origin) || !hostsOf(publicBaseUrl, host).includes(new URL(origin).host))
    throw new Failure('forbidden', 'With the session cookie, sockets are opened from our own pages only.');
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What our own page sends with every request. Its value says nothing; that it could be set does. */
const OWN_HEADER = 'x-requested-by';

/**
 * Refuses a request that changes something and that another site may have made a browser send (cross-site request forgery).
 * Three things keep such requests out, each by itself: the cookie is SameSite=Lax; the browser says which site it acts for
 * (Fetch Metadata, w3.org/TR/fetch-metadata; Origin, RFC 6454), and that must be ours; and whoever carries the cookie must
 * send `X-Requested-By`, which no form can and no script of another site may, for the browser asks us first (a CORS
 * preflight) and nobody answers it. The last one holds where a browser or a proxy leaves the other two out. No browser adds
 * an API key by itself, so keys need none of it.
 */
export function refuseForged(
  request: IncomingMessage,
  publicBaseUrl: string | undefined,
  hasSession: boolean,
): void {
  if (SAFE.has(request.method ?? '')) return;
  const site = request.headers['sec-fetch-site'];
  const { origin, host } = request.headers;
  const known = hostsOf(publicBaseUrl, host);
  const ours =
    site === undefined
      ? origin === undefined || (URL.canParse(origin) && known.includes(new URL(origin).host))
      : site === 'same-origin' || site === 'none';
  if (!ours) throw new Failure('forbidden', 'Requests that change something must come from our own pages.');
  if (hasSession && request.headers[OWN_HEADER] === undefined)
    throw new Failure(
      'forbidden',
      'With the session cookie, send the header X-Requested-By: parley as well.',
    );
}

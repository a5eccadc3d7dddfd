/**
 * adapters/twilio/signature: proof that a request comes from Twilio. The signed address is built from the configured
 * public URL and the path as it arrived; Host and X-Forwarded-* are never read, for anybody can write them.
 * Source: twilio.com/docs/usage/security.
 */
import { validateRequest } from 'twilio/lib/webhooks/webhooks.js';

/** A parsed form. A repeated key has an array of all its values, as the signature needs them. */
export type Form = Readonly<Record<string, string | string[]>>;

export interface Signature {
  /** `url`: path and query as received. `form`: the parameters of a POST, values untrimmed; empty for GET. */
  validRequest(header: string | string[] | undefined, url: string, form: Form): boolean;
  /** `path`: of the WebSocket upgrade; a query is dropped. */
  validUpgrade(header: string | undefined, path: string): boolean;
}

const withoutFragment = (url: string) => url.split('#', 1)[0] ?? '';

/** `publicBaseUrl`: http(s), without a slash at the end. */
export function createSignature(parts: { authToken: string; publicBaseUrl: string }): Signature {
  const matches = (header: string | string[] | undefined, url: string, form: Form): boolean => {
    if (typeof header !== 'string' || header === '') return false;
    try {
      return validateRequest(parts.authToken, header, url, form);
    } catch {
      return false; // not a URL at all, so nothing Twilio can have signed
    }
  };
  const socketBase = parts.publicBaseUrl.replace(/^http/, 'ws');

  return {
    validRequest: (header, url, form) => matches(header, parts.publicBaseUrl + withoutFragment(url), form),
    validUpgrade(header, path) {
      // The scheme that Twilio signs is wss, and it sometimes signs a slash that the TwiML did not have.
      const bare = socketBase + (withoutFragment(path).split('?', 1)[0] ?? '').replace(/\/$/, '');
      return [bare, `${bare}/`].some((url) => matches(header, url, {}));
    },
  };
}

/**
 * adapters/twilio/tickets: single-use tokens that tie a media stream to the call whose TwiML asked for it. Kept hashed,
 * so that a look into memory or a heap dump opens no stream.
 */
import { createHash } from 'node:crypto';
import type { Clock, Ids, StreamTickets } from '../../app/ports.ts';

/** From the TwiML answer to the stream's `start` message; Twilio connects within a few seconds. */
const LIFE_MS = 60_000;
const AT_MOST = 10_000;
const LONGEST_TOKEN = 200;

export function createTickets(parts: { clock: Clock; ids: Ids }): StreamTickets {
  /** By the token's SHA-256, oldest first: all live equally long, so the first to expire is always in front. */
  const open = new Map<string, { callId: string; expiresAtMs: number }>();
  // Looking a hash up compares nothing secret byte by byte: who does not know the token cannot steer its hash.
  const hashOf = (token: string) => createHash('sha256').update(token).digest('base64');

  return {
    issue(callId) {
      const nowMs = parts.clock.steadyMs();
      for (const [hash, ticket] of open) {
        if (ticket.expiresAtMs > nowMs && open.size < AT_MOST) break;
        open.delete(hash);
      }
      const token = parts.ids.token();
      open.set(hashOf(token), { callId, expiresAtMs: nowMs + LIFE_MS });
      return token;
    },
    spend(token) {
      if (token.length > LONGEST_TOKEN) return undefined;
      const hash = hashOf(token);
      const ticket = open.get(hash);
      open.delete(hash);
      return ticket && parts.clock.steadyMs() < ticket.expiresAtMs ? ticket.callId : undefined;
    },
  };
}

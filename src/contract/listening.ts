/**
 * contract/listening: what passes over GET /calls/{id}/listen (WebSocket). Sound comes as binary messages, everything else as
 * JSON text.
 *
 * A binary message from us: one byte, whose voice it is (0 the caller, 1 the agent, 2 a manager who took over); four bytes,
 * big-endian, when it is heard, in ms since the talk began; then μ-law, 8 kHz, mono. Messages of one voice follow each other
 * in time; the agent's come up to 0.4 s before they are heard.
 *
 * A binary message to us: μ-law of whoever took over by this socket, 20 ms (160 bytes) at best, 200 ms at most, in real time.
 * A microphone that is switched off sends silence: after 5 s without a message, and 3 s after the socket broke, the agent has
 * the call back. From anybody else it is ignored. Text to us is ignored too: POST /calls/{id}/actions acts.
 */
import { z } from 'zod';
import { Id, Instant } from './common.ts';

/** Who speaks with the caller in the agent's place; null: the agent does. `yours`: by this socket. */
const Floor = z
  .object({ by: z.string(), name: z.string(), since: Instant, yours: z.boolean() })
  .nullable()
  .meta({ id: 'Floor' });
export type Floor = z.infer<typeof Floor>;

export const ListenMessage = z
  .discriminatedUnion('type', [
    /** Comes first. */
    z.object({
      type: z.literal('listening'),
      /** For `takeover`. */
      listener: Id,
      callId: Id,
      encoding: z.literal('mulaw'),
      sampleRate: z.literal(8000),
      lanes: z.tuple([z.literal('caller'), z.literal('agent'), z.literal('manager')]),
    }),
    z.object({ type: z.literal('floor'), floor: Floor }),
    /** What was sent of agent or manager for later than this is not heard: somebody cut in. */
    z.object({ type: z.literal('cut'), atMs: z.number() }),
    /** This listener read too slowly: so much sound was left out. */
    z.object({ type: z.literal('gap'), lostMs: z.number() }),
    /** Nothing comes after it. */
    z.object({ type: z.literal('over'), reason: z.enum(['call_over', 'signed_out', 'restarting']) }),
  ])
  .meta({ id: 'ListenMessage' });
export type ListenMessage = z.infer<typeof ListenMessage>;

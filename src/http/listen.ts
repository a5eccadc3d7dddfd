/**
 * http/listen: a live call to hear, and to speak on, over a WebSocket (contract/listening says what passes). The request comes
 * through the same rows as any other, with sign-in, role, limits and audit log; only then it becomes a socket. A listener that
 * reads slowly loses sound and is told how much; nobody waits for it.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Hearing, Place } from '../app/attend-call.ts';
import type { Holder } from '../app/floor.ts';
import { LANE_HEAD_BYTES } from '../app/listeners.ts';
import type { Cancel, Clock, Log } from '../app/ports.ts';
import type { ListenMessage } from '../contract/index.ts';
import { Failure } from '../domain/errors.ts';
import { acceptSocket, type FrameSocket } from '../wire/websocket.ts';
import { type Caller, refuseForeignPage } from './auth.ts';
import type { AppForHttp } from './needs.ts';

/** How often each listener is asked for a sign of life, and whether it is still welcome. */
const BEAT_MS = 15_000;
/** Sound that a slow listener has not taken, beyond what the system's socket buffer holds: about two seconds of all lanes. */
const MOST_BEHIND_BYTES = 48 * 1024;
/** Of what comes from a listener: 200 ms of their voice in one message. */
const MOST_VOICE_BYTES = 1_600;
const MOST_MESSAGE_BYTES = 4_096;
const BYTES_PER_MS = 8;

export interface Listening {
  /** Takes an upgrade request of these paths through `answer`, as if it were any other. */
  through(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    answer: (request: IncomingMessage, response: ServerResponse) => void,
  ): void;
  /** Whether this request asks to become a socket. */
  isUpgrade(request: IncomingMessage): boolean;
  /**
   * Lets somebody hear a call until they leave, the call is over, or `stillWelcome` says no after a beat. Throws Failure
   * `forbidden` to pages that are not ours, `shutting_down`, and what `attend.listen` throws.
   */
  serve(
    request: IncomingMessage,
    callId: string,
    caller: Caller,
    stillWelcome: () => Promise<boolean>,
  ): Promise<void>;
  figures(): { readonly listeners: number; readonly lostMs: number };
  /** Tells everybody to come back, and closes. */
  close(): void;
}

interface Guest {
  readonly socket: FrameSocket;
  readonly place: Place;
  readonly stillWelcome: () => Promise<boolean>;
  answered: boolean;
}

export function createListening(
  { calls }: Pick<AppForHttp, 'calls'>,
  publicBaseUrl: string | undefined,
  clock: Clock,
  log: Log,
): Listening {
  const upgrades = new WeakMap<
    IncomingMessage,
    { readonly response: ServerResponse; readonly socket: Duplex; readonly head: Buffer }
  >();
  const guests = new Set<Guest>();
  let lostBytes = 0;
  let closed = false;
  let cancelBeat: Cancel | undefined;

  function letGo(guest: Guest, reason: Extract<ListenMessage, { type: 'over' }>['reason']): void {
    guest.socket.sendText(JSON.stringify({ type: 'over', reason } satisfies ListenMessage));
    guest.socket.close(reason === 'restarting' ? 1012 : 1000, reason);
  }

  function beat(): void {
    for (const guest of guests) {
      if (!guest.answered) {
        guest.socket.destroy();
        continue;
      }
      guest.answered = false;
      guest.socket.ping();
      guest.stillWelcome().then(
        (welcome) => {
          if (!welcome && guests.has(guest)) letGo(guest, 'signed_out');
        },
        // The database is away: nobody's session ends there.
        (error) => log.debug({ err: error }, 'whether a listener is still signed in could not be read'),
      );
    }
    cancelBeat = guests.size > 0 ? clock.after(BEAT_MS, beat) : undefined;
  }

  const floorOf = (holder: Holder | undefined, listenerId: string | undefined): ListenMessage => ({
    type: 'floor',
    floor: holder
      ? {
          by: holder.by,
          name: holder.name,
          since: new Date(clock.nowMs() - (clock.steadyMs() - holder.sinceMs)).toISOString(),
          yours: holder.listenerId === listenerId,
        }
      : null,
  });

  return {
    through(request, socket, head, answer) {
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket as Socket);
      response.once('finish', () => socket.end());
      upgrades.set(request, { response, socket, head });
      answer(request, response);
    },
    isUpgrade: (request) => upgrades.has(request),
    async serve(request, callId, caller, stillWelcome) {
      const upgrade = upgrades.get(request);
      if (!upgrade || closed) throw new Failure('shutting_down', 'The service is restarting.');
      if (caller.via === 'cookie') refuseForeignPage(request, publicBaseUrl);
      let socket: FrameSocket | undefined;
      let holder: Holder | undefined;
      let listenerId: string | undefined;
      let behindBytes = 0;
      const tell = (message: ListenMessage): void => socket?.sendText(JSON.stringify(message));
      let guest: Guest | undefined;
      let isOver = false;
      const hearing: Hearing = {
        audio(message, fromManager) {
          // Nobody wants to hear themselves a moment later.
          if (!socket || (fromManager && holder?.listenerId === listenerId)) return;
          if (socket.bufferedBytes > MOST_BEHIND_BYTES) {
            behindBytes += message.length - LANE_HEAD_BYTES;
            return;
          }
          if (behindBytes > 0) {
            tell({ type: 'gap', lostMs: Math.round(behindBytes / BYTES_PER_MS) });
            lostBytes += behindBytes;
            behindBytes = 0;
          }
          socket.sendBinary(message);
        },
        cut: (atMs) => tell({ type: 'cut', atMs }),
        floorChanged(now) {
          holder = now;
          tell(floorOf(now, listenerId));
        },
        over() {
          isOver = true;
          if (guest) letGo(guest, 'call_over');
        },
      };
      const place = await calls.attend.listen(callId, { by: caller.userId, name: caller.name }, hearing);
      listenerId = place.listenerId;
      upgrade.response.detachSocket(upgrade.socket as Socket);
      socket = acceptSocket(request, upgrade.socket, {
        maxPayload: MOST_MESSAGE_BYTES,
        head: upgrade.head,
      });
      // It went away, or it was no handshake and is answered.
      if (!socket) return place.leave();
      const mine: Guest = { socket, place, stillWelcome, answered: true };
      guest = mine;
      guests.add(mine);
      cancelBeat ??= clock.after(BEAT_MS, beat);
      tell({
        type: 'listening',
        listener: listenerId,
        callId,
        encoding: 'mulaw',
        sampleRate: 8000,
        lanes: ['caller', 'agent', 'manager'],
      });
      tell(floorOf(holder, listenerId));
      if (isOver) letGo(mine, 'call_over');
      socket.bind({
        text() {},
        binary(voice) {
          mine.answered = true;
          if (voice.length <= MOST_VOICE_BYTES) place.speak(voice);
        },
        pong() {
          mine.answered = true;
        },
        socketClosed() {
          guests.delete(mine);
          place.leave();
          if (guests.size > 0) return;
          cancelBeat?.();
          cancelBeat = undefined;
        },
      });
    },
    figures: () => ({ listeners: guests.size, lostMs: Math.round(lostBytes / BYTES_PER_MS) }),
    close() {
      closed = true;
      for (const guest of guests) letGo(guest, 'restarting');
    },
  };
}

/**
 * http/live: the wall of live calls as server-sent events (html.spec.whatwg.org, section 9.2). Each change is put into
 * words once for all viewers; a viewer that falls behind is told to come back and let go, so nobody waits for it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cancel, Clock, Log } from '../app/ports.ts';
import type { LiveChange } from '../contract/index.ts';
import { Failure } from '../domain/errors.ts';
import type { AppForHttp, Change } from './needs.ts';
import { presentCall, presentEvent } from './present.ts';

const HEARTBEAT_MS = 15_000;
const MAX_VIEWERS = 200;
/** What may wait in our memory for one viewer beyond what the system's socket buffer holds. */
const MAX_BEHIND_BYTES = 1024 * 1024;
/** How long a viewer that was let go may take to read the goodbye. */
const GOODBYE_MS = 3_000;
const RECONNECT_MS = 2_000;

const frame = (change: LiveChange): string => `event: ${change.type}\ndata: ${JSON.stringify(change)}\n\n`;

export interface LiveWall {
  /** Serves one viewer until it leaves, falls behind, or `stillWelcome` says no after a heartbeat. Throws `at_capacity`. */
  serve(request: IncomingMessage, response: ServerResponse, stillWelcome: () => Promise<boolean>): void;
  figures(): { readonly viewers: number; readonly dropped: number };
  /** Tells every viewer to reconnect and ends all streams. */
  close(): void;
}

interface Viewer {
  readonly response: ServerResponse;
  readonly stillWelcome: () => Promise<boolean>;
}

export function createLiveWall(
  { calls, outage }: Pick<AppForHttp, 'calls' | 'outage'>,
  clock: Clock,
  log: Log,
): LiveWall {
  const viewers = new Set<Viewer>();
  let dropped = 0;
  let cancelWatch: Cancel | undefined;
  let cancelOutage: Cancel | undefined;
  let cancelBeat: Cancel | undefined;
  let closed = false;

  const leave = (viewer: Viewer): void => {
    if (!viewers.delete(viewer) || viewers.size > 0) return;
    cancelWatch?.();
    cancelOutage?.();
    cancelBeat?.();
    cancelWatch = cancelOutage = cancelBeat = undefined;
  };

  const letGo = (viewer: Viewer, reason: string): void => {
    leave(viewer);
    viewer.response.end(frame({ type: 'reconnect', reason }));
    const cancel = clock.after(GOODBYE_MS, () => viewer.response.destroy());
    viewer.response.once('close', cancel);
  };

  const send = (text: string): void => {
    for (const viewer of viewers) {
      viewer.response.write(text);
      if (viewer.response.writableLength > MAX_BEHIND_BYTES) {
        dropped += 1;
        letGo(viewer, 'this viewer fell behind');
      }
    }
  };

  const tell = (change: Change): void => {
    // The app calls this while it works on a live call: whatever goes wrong here stays here.
    try {
      const event = frame({ type: 'event', event: presentEvent(change.event) });
      send(event + frame({ type: 'call', call: presentCall(change.call) }));
    } catch (error) {
      log.error({ err: error }, 'a live change could not be shown');
    }
  };

  const standing = (): string => (outage ? frame({ type: 'store', state: outage.state }) : '');

  const beat = (): void => {
    for (const viewer of viewers) {
      viewer.stillWelcome().then(
        (welcome) => {
          if (!welcome && viewers.has(viewer)) letGo(viewer, 'the session is over');
        },
        // The database is away: nobody's session ends there.
        (error) => log.debug({ err: error }, 'whether a viewer is still signed in could not be read'),
      );
    }
    send(': still here\n\n');
    if (viewers.size > 0) cancelBeat = clock.after(HEARTBEAT_MS, beat);
  };

  return {
    serve(request, response, stillWelcome) {
      if (closed) throw new Failure('shutting_down', 'The service is restarting.');
      if (viewers.size >= MAX_VIEWERS) throw new Failure('at_capacity', 'Too many people watch already.');
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
        // The stream is the last thing on its connection: ending it ends both.
        connection: 'close',
      });
      if (request.method === 'HEAD') {
        response.end();
        return;
      }
      request.socket.setNoDelay(true);
      const viewer: Viewer = { response, stillWelcome };
      response.on('close', () => leave(viewer)).on('error', () => leave(viewer));
      viewers.add(viewer);
      cancelWatch ??= calls.watch(tell);
      cancelOutage ??= outage?.watch(() => send(standing()));
      cancelBeat ??= clock.after(HEARTBEAT_MS, beat);
      // Watching began before this picture is taken and both happen in one turn of the loop: no change falls between.
      response.write(
        `retry: ${RECONNECT_MS}\n${frame({ type: 'snapshot', calls: calls.live().map(presentCall) })}${standing()}`,
      );
    },
    figures: () => ({ viewers: viewers.size, dropped }),
    close() {
      closed = true;
      for (const viewer of viewers) letGo(viewer, 'the service restarts');
    },
  };
}

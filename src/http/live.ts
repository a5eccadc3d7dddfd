/**
 * http/live: the wall of live calls as server-sent events (html.spec.whatwg.org, section 9.2). What happens within a moment is
 * put into words once for all viewers and written to a few of them at a time, for calls run on the same loop; a viewer that
 * falls behind is told to come back and let go, so nobody waits for it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Words } from '../app/live-words.ts';
import type { Cancel, Clock, Log } from '../app/ports.ts';
import type { LiveChange } from '../contract/index.ts';
import type { Call } from '../domain/call.ts';
import { Failure } from '../domain/errors.ts';
import type { AppForHttp, Change } from './needs.ts';
import { presentEvent, presentLiveCall, presentWords } from './present.ts';

const HEARTBEAT_MS = 15_000;
const MAX_VIEWERS = 200;
/** What may wait in our memory for one viewer beyond what the system's socket buffer holds. */
const MAX_BEHIND_BYTES = 1024 * 1024;
/** What happens is gathered for so long, or until it is so much. */
const GATHER_MS = 50;
const MOST_GATHERED = 64 * 1024;
/** Viewers written to in one turn of the loop. */
const VIEWERS_AT_ONCE = 8;
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
  let cancelWords: Cancel | undefined;
  let cancelOutage: Cancel | undefined;
  let cancelBeat: Cancel | undefined;
  let closed = false;

  const leave = (viewer: Viewer): void => {
    if (!viewers.delete(viewer) || viewers.size > 0) return;
    cancelWatch?.();
    cancelWords?.();
    cancelOutage?.();
    cancelBeat?.();
    cancelGather?.();
    cancelWatch = cancelWords = cancelOutage = cancelBeat = cancelGather = undefined;
    gathered = '';
    changed.clear();
  };

  const letGo = (viewer: Viewer, reason: string): void => {
    leave(viewer);
    viewer.response.end(frame({ type: 'reconnect', reason }));
    const cancel = clock.after(GOODBYE_MS, () => viewer.response.destroy());
    viewer.response.once('close', cancel);
  };

  /** What was not written yet: frames, and behind them each call that changed as it is now. */
  let gathered = '';
  const changed = new Map<string, Call>();
  let cancelGather: Cancel | undefined;
  /** What is being written, and who is still to get it: whoever came later began with a newer picture. */
  const batches: { readonly bytes: Buffer; readonly readers: Viewer[] }[] = [];
  let writing = false;

  const write = (): void => {
    const [batch] = batches;
    for (const viewer of batch?.readers.splice(0, VIEWERS_AT_ONCE) ?? []) {
      if (!viewers.has(viewer) || !batch) continue;
      viewer.response.write(batch.bytes);
      if (viewer.response.writableLength > MAX_BEHIND_BYTES) {
        dropped += 1;
        letGo(viewer, 'this viewer fell behind');
      }
    }
    if (batch?.readers.length === 0) batches.shift();
    writing = batches.length > 0;
    if (writing) setImmediate(write);
  };

  const flush = (): void => {
    cancelGather?.();
    cancelGather = undefined;
    let text = gathered;
    gathered = '';
    for (const call of changed.values()) text += frame({ type: 'call', call: presentLiveCall(call) });
    changed.clear();
    if (text === '' || viewers.size === 0) return;
    batches.push({ bytes: Buffer.from(text), readers: [...viewers] });
    if (!writing) write();
  };

  const send = (text: string): void => {
    gathered += text;
    if (gathered.length > MOST_GATHERED) flush();
    else cancelGather ??= clock.after(GATHER_MS, flush);
  };

  /** The app calls this while it works on a live call: whatever goes wrong here stays here. */
  const carefully =
    <T>(show: (what: T) => void) =>
    (what: T): void => {
      try {
        show(what);
      } catch (error) {
        log.error({ err: error }, 'a live change could not be shown');
      }
    };
  const tell = carefully((change: Change) => {
    changed.set(change.call._id, change.call);
    send(frame({ type: 'event', event: presentEvent(change.event) }));
  });
  const tellWords = carefully((words: Words) => send(frame({ type: 'words', words: presentWords(words) })));

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
      // Whoever is here already gets what was gathered; the newcomer has it in the picture.
      flush();
      viewers.add(viewer);
      cancelWatch ??= calls.watch(tell);
      cancelWords ??= calls.words.watch(tellWords);
      cancelOutage ??= outage?.watch(() => send(standing()));
      cancelBeat ??= clock.after(HEARTBEAT_MS, beat);
      // Watching began before this picture is taken and both happen in one turn of the loop: no change falls between.
      response.write(
        `retry: ${RECONNECT_MS}\n${frame({
          type: 'snapshot',
          calls: calls.live().map(presentLiveCall),
          words: calls.words.now().map(presentWords),
        })}${standing()}`,
      );
    },
    figures: () => ({ viewers: viewers.size, dropped }),
    close() {
      closed = true;
      for (const viewer of viewers) letGo(viewer, 'the service restarts');
    },
  };
}

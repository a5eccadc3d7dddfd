/**
 * http/body: request bodies. What is small is read whole, bounded in size and in what all such bodies together may hold;
 * a file goes to its reader as it comes in, no faster than it is read. No body keeps its connection for ever.
 */
import type { IncomingMessage } from 'node:http';
import type { Cancel, Clock } from '../app/ports.ts';
import { Failure } from '../domain/errors.ts';
import { invalid } from './problems.ts';

const JSON_LIMIT = 64 * 1024;
/** What all bodies being read at one moment may hold together. */
const IN_FLIGHT_LIMIT = 128 * 1024 * 1024;
const READ_TIMEOUT_MS = 20_000;
/** How long a reader of a file waits for its next byte. */
const IDLE_MS = 30_000;
/** How long a body may still come in that nobody reads: long enough for its sender to get to the answer. */
const UNREAD_MS = 30_000;

export interface Bodies {
  /** Sees to it that the connection ends when this body is neither all here in time nor read as a file. */
  watch(request: IncomingMessage): void;
  /** The raw body. Throws `payload_too_large`, `at_capacity`, or `invalid_request` when the client went away or dawdled. */
  raw(request: IncomingMessage, limit: number): Promise<Buffer>;
  /** The body as JSON; undefined when there is none. Throws as `raw`, and `invalid_request` for other types and broken JSON. */
  json(request: IncomingMessage): Promise<unknown>;
  /**
   * Lends the body to `read` as it streams in, whatever its size; answers what `read` answers. The sender waits while
   * nobody reads. To `read` the body throws `upload_interrupted` when the sender went away or sent nothing for 30 s. What
   * `read` leaves is thrown away.
   */
  file<T>(request: IncomingMessage, read: (file: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T>;
}

export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

export function createBodies(clock: Pick<Clock, 'after'>): Bodies {
  let inFlight = 0;
  /** Requests whose body is being read as a file. */
  const lent = new WeakSet<IncomingMessage>();

  const endUnread = (request: IncomingMessage): void => {
    const cancel = clock.after(UNREAD_MS, () => {
      if (!request.complete && !lent.has(request)) request.destroy();
    });
    request.once('close', cancel);
  };

  const raw = (request: IncomingMessage, limit: number): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      let size = 0;
      const chunks: Buffer[] = [];
      const timer = setTimeout(
        () => finish(() => reject(invalid([], 'The body did not arrive in time.'))),
        READ_TIMEOUT_MS,
      );
      const onData = (chunk: Buffer) => {
        size += chunk.length;
        inFlight += chunk.length;
        chunks.push(chunk);
        if (size > limit) finish(() => reject(tooLarge(limit)));
        else if (inFlight > IN_FLIGHT_LIMIT)
          finish(() => reject(new Failure('at_capacity', 'Too much is being uploaded right now.')));
      };
      const onEnd = () => finish(() => resolve(Buffer.concat(chunks)));
      const onLost = () => finish(() => reject(invalid([], 'The body ended early.')));
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        inFlight -= size;
        request.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost);
        // What still comes is thrown away, so that the client gets to read the answer.
        request.on('error', () => {}).resume();
        settle();
      };
      if (Number(request.headers['content-length'] ?? 0) > limit) finish(() => reject(tooLarge(limit)));
      else request.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost);
    });

  return {
    watch(request) {
      if (hasBody(request)) endUnread(request);
    },
    raw,
    async json(request) {
      if (!hasBody(request)) return undefined;
      const { 'content-type': type, 'content-encoding': encoding } = request.headers;
      if (!/^application\/(?:[\w.-]+\+)?json(?:;|$)/i.test(type?.trim() ?? '')) {
        throw invalid([{ in: 'header', pointer: 'Content-Type', detail: 'must be application/json' }]);
      }
      if (encoding !== undefined && encoding !== 'identity') {
        throw invalid([
          { in: 'header', pointer: 'Content-Encoding', detail: 'bodies must not be compressed' },
        ]);
      }
      const bytes = await raw(request, JSON_LIMIT);
      if (bytes.length === 0) return undefined;
      try {
        return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
      } catch (error) {
        const why = error instanceof SyntaxError ? 'is not valid JSON' : 'is not valid UTF-8';
        throw invalid([{ in: 'body', pointer: '', detail: why }]);
      }
    },
    async file(request, read) {
      let over = false;
      let wake = () => {};
      const stir = () => wake();
      const more = (): Promise<void> =>
        new Promise((resolve, reject) => {
          const idle: Cancel = clock.after(IDLE_MS, () =>
            reject(interrupted(`No byte of the file came for ${IDLE_MS / 1000} seconds.`)),
          );
          wake = () => {
            idle();
            resolve();
          };
        });
      async function* chunks(): AsyncGenerator<Uint8Array> {
        for (;;) {
          // A reader that goes on after it answered must not take this for the end of the file.
          if (over) throw interrupted('The file is not read any more.');
          const chunk: Buffer | null = request.read();
          if (chunk !== null) yield chunk;
          else if (request.readableEnded) return;
          else if (request.destroyed) throw interrupted('The connection ended before the file did.');
          else await more();
        }
      }
      lent.add(request);
      request.on('readable', stir).on('end', stir).on('error', stir).on('close', stir);
      try {
        return await read(chunks());
      } finally {
        over = true;
        wake();
        lent.delete(request);
        request.off('readable', stir).off('end', stir).off('close', stir);
        // The listener for errors stays: nobody else hears them now.
        request.resume();
        if (!request.complete) endUnread(request);
      }
    },
  };
}

const tooLarge = (limit: number): Failure =>
  new Failure('payload_too_large', `A body here may have at most ${limit} bytes.`, {
    details: { limitBytes: limit },
  });

const interrupted = (message: string): Failure => new Failure('upload_interrupted', message);

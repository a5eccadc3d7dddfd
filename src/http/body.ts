/** http/body: request bodies, read once, bounded in size and in what all of them together may hold. */
import type { IncomingMessage } from 'node:http';
import { Failure } from '../domain/errors.ts';
import { invalid } from './problems.ts';

const JSON_LIMIT = 64 * 1024;
/** What all bodies being read at one moment may hold together. */
const IN_FLIGHT_LIMIT = 128 * 1024 * 1024;
const READ_TIMEOUT_MS = 20_000;

export interface Bodies {
  /** The raw body. Throws `payload_too_large`, `at_capacity`, or `invalid_request` when the client went away or dawdled. */
  raw(request: IncomingMessage, limit: number): Promise<Buffer>;
  /** The body as JSON; undefined when there is none. Throws as `raw`, and `invalid_request` for other types and broken JSON. */
  json(request: IncomingMessage): Promise<unknown>;
}

export function createBodies(): Bodies {
  let inFlight = 0;

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
    raw,
    async json(request) {
      const {
        'content-type': type,
        'content-encoding': encoding,
        'content-length': length,
      } = request.headers;
      const empty = request.headers['transfer-encoding'] === undefined && Number(length ?? 0) === 0;
      if (empty) return undefined;
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
  };
}

const tooLarge = (limit: number): Failure =>
  new Failure('payload_too_large', `A body here may have at most ${limit} bytes.`, {
    details: { limitBytes: limit },
  });

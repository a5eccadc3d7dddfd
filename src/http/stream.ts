/** http/stream: long answers in text, made as fast as their reader takes them and never whole in memory. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as breathe } from 'node:timers/promises';

/** A connection on which nothing moves for this long is let go. */
const STALL_MS = 60_000;
/** What is made in one go: about a millisecond's work. */
const BATCH_CHARACTERS = 16_384;

type Pieces = Iterable<string> | AsyncIterable<string>;

async function* batches(pieces: Pieces): AsyncGenerator<string> {
  let batch = '';
  for await (const piece of pieces) {
    batch += piece;
    if (batch.length < BATCH_CHARACTERS) continue;
    yield batch;
    batch = '';
    // A quick reader of what is at hand would hold the event loop until the end.
    await breathe();
  }
  if (batch !== '') yield batch;
}

/**
 * Answers 200 with the pieces. Nothing is sent before the first batch is there, so that a failure up to then is answered
 * as one; a later one breaks the connection, so that half an answer never looks whole. Ends early when the reader leaves.
 */
export async function sendPieces(
  request: IncomingMessage,
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  pieces: Pieces,
): Promise<void> {
  const head = { 'cache-control': 'no-store', ...headers };
  if (request.method === 'HEAD') {
    response.writeHead(200, head).end();
    return;
  }
  let gone = false;
  const left = () => {
    gone = true;
  };
  response.on('close', left);
  const rest = batches(pieces);
  try {
    const first = await rest.next();
    if (gone) return;
    response.writeHead(200, head);
    response.setTimeout(STALL_MS, () => response.destroy());
    const body = (async function* () {
      if (!first.done) yield first.value;
      yield* rest;
    })();
    await pipeline(Readable.from(body, { highWaterMark: 1 }), response);
  } catch (error) {
    // The reader left: nobody is there to be told.
    if (!gone) throw error;
  } finally {
    await rest.return(undefined);
    response.off('close', left);
    response.setTimeout(0);
  }
}

/** http/recording: the audio of a call with byte ranges (RFC 9110, sections 13 and 14), streamed, never held in memory. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { StoredRecording } from '../app/ports.ts';
import { protocolProblem, sendProblem } from './problems.ts';

/** A player that paused may hold its connection this long; it asks again with a range when it goes on. */
const STALL_MS = 60_000;

/** `whole`: no range, or one that this server may ignore (several ranges, other units, bad syntax). End is exclusive. */
export function parseRange(
  header: string | undefined,
  size: number,
): 'whole' | 'unsatisfiable' | { readonly start: number; readonly end: number } {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header?.replaceAll(' ', '') ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (!match || (first === '' && last === '')) return 'whole';
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return 'whole';
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) };
}

export async function sendRecording(
  request: IncomingMessage,
  response: ServerResponse,
  callId: string,
  recording: StoredRecording,
  requestId: string,
): Promise<void> {
  const etag = `"${callId}-${recording.bytes}"`;
  const headers = {
    'content-type': 'audio/wav',
    'content-disposition': `inline; filename="call-${callId}.wav"`,
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    etag,
  };
  const wanted = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (wanted?.some((tag) => tag === etag || tag === '*')) {
    response.writeHead(304, headers).end();
    return;
  }
  const ifRange = request.headers['if-range'];
  const asked = ifRange === undefined || ifRange === etag ? request.headers.range : undefined;
  const range = parseRange(asked, recording.bytes);
  if (range === 'unsatisfiable') {
    const problem = protocolProblem(
      'range_not_satisfiable',
      `The recording has ${recording.bytes} bytes.`,
      requestId,
    );
    sendProblem(response, problem, {
      'content-range': `bytes */${recording.bytes}`,
      'accept-ranges': 'bytes',
    });
    return;
  }
  const { start, end } = range === 'whole' ? { start: 0, end: recording.bytes } : range;
  response.writeHead(range === 'whole' ? 200 : 206, {
    ...headers,
    'content-length': end - start,
    ...(range === 'whole' ? {} : { 'content-range': `bytes ${start}-${end - 1}/${recording.bytes}` }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const gone = new AbortController();
  const abort = () => gone.abort();
  response.on('close', abort);
  response.setTimeout(STALL_MS, () => response.destroy());
  try {
    await pipeline(Readable.from(recording.read(start, end, gone.signal), { objectMode: true }), response);
  } catch (error) {
    // The listener closed the player: nobody is left to tell.
    if (!gone.signal.aborted) throw error;
  } finally {
    response.off('close', abort);
    response.setTimeout(0);
  }
}

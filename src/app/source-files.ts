/**
 * app/source-files: text files that another program left, read in bounded memory: a record whole, a stream line by line. What
 * cannot be read says why in a few words and never throws; what the file itself throws comes through.
 */
import type { Refused } from '../domain/voice-assistant.ts';

export interface SourceFile {
  /** As the report names it. */
  readonly name: string;
  readonly bytes: number;
  open(): AsyncIterable<Uint8Array>;
}

/** A file of one record is read whole, a line as well. */
const MOST_FILE_BYTES = 16 * 1024 * 1024;
const MOST_LINE_BYTES = 1024 * 1024;

const megabytes = (bytes: number): string => `${bytes / 1024 / 1024} MB`;

/** Strict UTF-8, without the mark some editors put at the beginning. */
function decoded(bytes: Uint8Array): { readonly text: string } | Refused {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { why: 'is not UTF-8' };
  }
}

/** What JSON.parse says of a text may hold parts of it, which are nobody's business. */
export function parsed(text: string): { readonly json: unknown } | Refused {
  try {
    return { json: JSON.parse(text) as unknown };
  } catch (error) {
    const [, at] = /position (\d+)/.exec(String(error)) ?? [];
    return { why: `is no valid JSON${at === undefined ? '' : ` (from character ${Number(at) + 1} on)`}` };
  }
}

export async function whole(file: SourceFile): Promise<{ readonly json: unknown } | Refused> {
  if (file.bytes > MOST_FILE_BYTES) return { why: `is larger than ${megabytes(MOST_FILE_BYTES)}` };
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of file.open()) {
    bytes += chunk.length;
    if (bytes > MOST_FILE_BYTES) return { why: `is larger than ${megabytes(MOST_FILE_BYTES)}` };
    chunks.push(chunk);
  }
  const read = decoded(Buffer.concat(chunks));
  return 'why' in read ? read : parsed(read.text);
}

type Line = { readonly number: number; readonly bytes: number } & ({ readonly text: string } | Refused);

const NEWLINE = 0x0a;

/** The lines of a file, the last one also without its end. One that is too long is passed over. */
export async function* linesOf(file: SourceFile): AsyncGenerator<Line, undefined> {
  let number = 0;
  let pieces: Uint8Array[] = [];
  let held = 0;
  let bytes = 0;
  const line = (): Line => {
    number += 1;
    const stamp = { number, bytes };
    const read =
      held > MOST_LINE_BYTES
        ? { why: `is longer than ${megabytes(MOST_LINE_BYTES)}` }
        : decoded(Buffer.concat(pieces));
    pieces = [];
    held = 0;
    bytes = 0;
    return { ...stamp, ...read };
  };
  for await (const chunk of file.open()) {
    let from = 0;
    for (let to = chunk.indexOf(NEWLINE); ; to = chunk.indexOf(NEWLINE, from)) {
      const piece = chunk.subarray(from, to < 0 ? chunk.length : to);
      held += piece.length;
      bytes += piece.length + (to < 0 ? 0 : 1);
      // What is already too long is only counted.
      if (held <= MOST_LINE_BYTES) pieces.push(piece);
      else pieces = [];
      if (to < 0) break;
      yield line();
      from = to + 1;
    }
  }
  if (bytes > 0) yield line();
}

/**
 * app/file-import: what imports of files have in common: the file in pieces that take about a millisecond to work on, with
 * a turn of the event loop between them; how far it is; how it ended. A file that breaks off, and a service that stops, end
 * with a piece of their own.
 */
import type { ListImport } from '../domain/compliance/records.ts';
import type { StoredListImport } from '../domain/documents.ts';
import { isFailure } from '../domain/errors.ts';

export type Piece =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }
  | { readonly kind: 'broken'; readonly why: string };

export interface FileSource {
  next(): Promise<Piece>;
  /** Reads no more; the sender is told. */
  close(): void;
}

/** The document of an import under way. */
export interface Progress {
  readonly document: StoredListImport;
  save(changes: Partial<StoredListImport>): Promise<void>;
}

/** How an import ended, before it is written down. */
export type Ended =
  | (Pick<Required<ListImport>, 'added' | 'removed' | 'count'> & { readonly state: 'done' })
  | { readonly state: 'failed' | 'interrupted'; readonly failure: string };

/** How often progress is written down while the file comes. */
export const PROGRESS_MS = 1_000;

const PIECE_BYTES = 32 * 1024;

/** `signal` ends the file where it is. Whoever sends the file sees to it that it does not dawdle for ever. */
export function fileSource(file: AsyncIterable<Uint8Array>, signal: AbortSignal): FileSource {
  const iterator = file[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array(0);
  let bytesThisTurn = 0;
  let settle: (piece: Piece) => void = () => undefined;
  const onAbort = (): void =>
    settle({
      kind: 'broken',
      why: isFailure(signal.reason) ? signal.reason.message : 'the service is stopping',
    });
  signal.addEventListener('abort', onAbort);

  const fetched = (): Promise<Piece> =>
    new Promise((resolve) => {
      settle = resolve;
      if (signal.aborted) return onAbort();
      iterator.next().then(
        ({ done, value }) => {
          if (done) return resolve({ kind: 'end' });
          chunk = value;
          resolve(cut());
        },
        (error: unknown) =>
          resolve({ kind: 'broken', why: isFailure(error) ? error.message : 'the file broke off' }),
      );
    });

  function cut(): Piece {
    const bytes = chunk.subarray(0, PIECE_BYTES);
    chunk = chunk.subarray(bytes.length);
    bytesThisTurn += bytes.length;
    return { kind: 'bytes', bytes };
  }

  return {
    async next() {
      if (bytesThisTurn >= PIECE_BYTES) {
        bytesThisTurn = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
      return chunk.length === 0 || signal.aborted ? fetched() : cut();
    },
    close() {
      signal.removeEventListener('abort', onAbort);
      iterator.return?.().then(undefined, () => undefined);
    },
  };
}

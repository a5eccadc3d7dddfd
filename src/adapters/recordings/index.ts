/**
 * adapters/recordings: what was said, on disk. One WAV file a call, μ-law as the line carried it (caller left, agent
 * right), written behind the call's back: audio waits in memory, goes to disk in batches, and when the disk cannot keep up
 * the gap becomes silence of the same length, so that every later second stays where it was said. Readers get 16-bit PCM,
 * expanded while it is read.
 */
import { mkdirSync } from 'node:fs';
import { constants, type FileHandle, open as openFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Log, RecordingSink, Recordings, StoredRecording } from '../../app/ports.ts';
import { Failure } from '../../domain/errors.ts';
import {
  BYTES_PER_SEC,
  expanded,
  PCM_HEADER_BYTES,
  pcmHeader,
  SILENCE,
  ULAW_HEADER_BYTES,
  ulawHeader,
} from './wav.ts';

const CALL_ID = /^[0-9a-f]{24}$/;
/** Audio of one call that may wait in memory; what comes beyond it is lost and becomes silence. */
const MAX_QUEUED_BYTES = 1024 * 1024;
/** Audio waits so long for more before it goes to disk: longer than a block takes to fill, so that whole blocks go. */
const FLUSH_AFTER_MS = 2000;
/**
 * Audio waits in blocks of one second that all recordings share and use again: buffers made and dropped at the rate of
 * live audio would make the garbage collector stop the very loop that carries it.
 */
const BLOCK_BYTES = 16 * 1024;
const SPARE_BLOCKS = 256;
const RETRY_AFTER_MS = 1000;
/** Attempts at a failing disk once the call is over. */
const LAST_ATTEMPTS = 3;
const CLOSE_TIMEOUT_MS = 10_000;
/** Bytes of PCM handed out in one piece, at most. */
const CHUNK_BYTES = 64 * 1024;

/** Audio that waits, or a stretch of silence of so many bytes in place of audio that was lost. */
type Piece = { readonly block: Buffer; used: number } | { readonly silence: number };

const spare: Buffer[] = [];
const takeBlock = (): Buffer => spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
const giveBack = (block: Buffer): void => {
  if (spare.length < SPARE_BLOCKS) spare.push(block);
};

const even = (bytes: number): number => bytes - (bytes % 2);

interface Track {
  readonly sink: () => RecordingSink;
  readonly closed: Promise<void>;
  readonly accepts: boolean;
}

function openTrack(
  callId: string,
  path: string,
  {
    log,
    clock,
    earlier,
    onClosed,
  }: { log: Log; clock: Clock; earlier: Promise<void> | undefined; onClosed: () => void },
): Track {
  let queue: Piece[] = [];
  let queuedBytes = 0;
  let lostBytes = 0;
  /** Bytes of audio in the file. */
  let onDisk = 0;
  let file: FileHandle | undefined;
  let sinks = 0;
  let finishing: Promise<void> | undefined;
  let draining: Promise<void> | undefined;
  let cancelFlush: (() => void) | undefined;
  let settleClosed: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => {
    settleClosed = resolve;
  });

  const addSilence = (bytes: number, first: boolean) => {
    if (bytes === 0) return;
    const at = first ? 0 : queue.length - 1;
    const neighbour = queue[at];
    if (neighbour && 'silence' in neighbour) queue[at] = { silence: neighbour.silence + bytes };
    else if (first) queue.unshift({ silence: bytes });
    else queue.push({ silence: bytes });
  };

  function addAudio(interleaved: Buffer, length: number): void {
    let done = 0;
    while (done < length) {
      let last = queue.at(-1);
      if (!last || 'silence' in last || last.used === BLOCK_BYTES) {
        last = { block: takeBlock(), used: 0 };
        queue.push(last);
      }
      const part = Math.min(length - done, BLOCK_BYTES - last.used);
      interleaved.copy(last.block, last.used, done, done + part);
      last.used += part;
      done += part;
    }
    queuedBytes += length;
  }

  /** Takes the head of the queue, at most a block: audio, or silence that stands for audio. */
  function takeBatch(): { readonly bytes: Buffer; readonly length: number; readonly isAudio: boolean } {
    const head = queue.shift();
    if (head && 'block' in head) return { bytes: head.block, length: head.used, isAudio: true };
    const silence = head?.silence ?? 0;
    const length = Math.min(silence, BLOCK_BYTES);
    if (silence > length) queue.unshift({ silence: silence - length });
    return { bytes: takeBlock().fill(SILENCE, 0, length), length, isAudio: false };
  }

  async function opened(): Promise<FileHandle> {
    if (file) return file;
    await earlier;
    const handle = await openFile(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      // A process that died left sizes of zero and perhaps half a sample: the length of the file is the truth.
      onDisk = even(Math.max(0, (await handle.stat()).size - ULAW_HEADER_BYTES));
      await handle.write(ulawHeader(onDisk), 0, ULAW_HEADER_BYTES, 0);
    } catch (error) {
      await handle.close();
      throw error;
    }
    file = handle;
    return handle;
  }

  async function writeBatch(): Promise<void> {
    const { bytes, length, isAudio } = takeBatch();
    let done = 0;
    try {
      const handle = await opened();
      while (done < length) {
        const { bytesWritten } = await handle.write(bytes, done, length - done, ULAW_HEADER_BYTES + onDisk);
        if (bytesWritten === 0) throw new Error('the disk took nothing');
        done += bytesWritten;
        onDisk += bytesWritten;
      }
    } catch (error) {
      if (isAudio) lostBytes += length - done;
      addSilence(length - done, true);
      throw error;
    } finally {
      if (isAudio) queuedBytes -= length;
      giveBack(bytes);
    }
  }

  async function drainAll(): Promise<void> {
    let failures = 0;
    while (queue.length > 0) {
      try {
        await writeBatch();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) log.error({ callId, error: String(error) }, 'a recording cannot be written');
        if (finishing && failures >= LAST_ATTEMPTS) return;
        await clock.sleep(RETRY_AFTER_MS);
      }
    }
  }

  function drain(): Promise<void> {
    cancelFlush?.();
    cancelFlush = undefined;
    draining ??= drainAll().finally(() => {
      draining = undefined;
    });
    return draining;
  }

  async function finish(): Promise<void> {
    try {
      // The first may be on its way already; the second takes what came meanwhile.
      await drain();
      await drain();
      lostBytes += queuedBytes;
      queue = [];
      queuedBytes = 0;
      if (file) {
        await file.write(ulawHeader(even(onDisk)), 0, ULAW_HEADER_BYTES, 0);
        await file.datasync();
      }
    } catch (error) {
      log.error({ callId, error: String(error) }, 'a recording could not be finished');
    } finally {
      await file?.close().catch(() => undefined);
      onClosed();
      settleClosed();
    }
  }

  const result = () => ({ durationSec: onDisk / BYTES_PER_SEC, lostBytes });

  function sink(): RecordingSink {
    sinks += 1;
    let closing: ReturnType<RecordingSink['close']> | undefined;
    return {
      write(interleaved) {
        const length = even(interleaved.length);
        if (closing || length === 0) return;
        if (queuedBytes + length > MAX_QUEUED_BYTES) {
          if (lostBytes === 0) log.warn({ callId, queuedBytes }, 'the disk is too slow for a recording');
          lostBytes += length;
          addSilence(length, false);
        } else {
          addAudio(interleaved, length);
        }
        if (draining) return;
        if (queuedBytes >= BLOCK_BYTES) void drain();
        else cancelFlush ??= clock.after(FLUSH_AFTER_MS, () => void drain());
      },
      close() {
        closing ??= (async () => {
          sinks -= 1;
          if (sinks === 0) finishing ??= finish();
          await new Promise<void>((resolve) => {
            const cancel = clock.after(CLOSE_TIMEOUT_MS, () => {
              log.error({ callId, queuedBytes }, 'a recording was not on disk in time');
              resolve();
            });
            void (finishing ?? drain()).then(() => {
              cancel();
              resolve();
            });
          });
          return result();
        })();
        return closing;
      },
    };
  }

  return {
    sink,
    closed,
    get accepts() {
      return finishing === undefined;
    },
  };
}

async function* readPcm(
  path: string,
  audioBytes: number,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const last = Math.min(end, PCM_HEADER_BYTES + audioBytes * 2);
  let at = start;
  if (at < PCM_HEADER_BYTES && at < last && !signal?.aborted) {
    yield pcmHeader(audioBytes).subarray(at, Math.min(last, PCM_HEADER_BYTES));
    at = PCM_HEADER_BYTES;
  }
  if (at >= last || signal?.aborted) return;
  const file = await openFile(path, 'r');
  try {
    const ulaw = Buffer.alloc(CHUNK_BYTES / 2);
    while (at < last && !signal?.aborted) {
      // Each byte on disk becomes two: a range may begin or end within one.
      const first = (at - PCM_HEADER_BYTES) >> 1;
      const wanted = Math.min(ulaw.length, Math.ceil((last - PCM_HEADER_BYTES) / 2) - first);
      const { bytesRead } = await file.read(ulaw, 0, wanted, ULAW_HEADER_BYTES + first);
      if (bytesRead === 0)
        throw new Failure('recording_not_found', 'the recording was cut short while it was read');
      const pcm = expanded(ulaw, bytesRead);
      const base = PCM_HEADER_BYTES + first * 2;
      const piece = pcm.subarray(at - base, Math.min(pcm.length, last - base));
      yield piece;
      at += piece.length;
    }
  } finally {
    await file.close();
  }
}

/**
 * Recordings in `dir` (made when missing). Throws Failure `store_unavailable` when it cannot be made; `open` throws
 * `invalid_request` for an id that is not 24 hex digits.
 */
export function openRecordings({ dir, log, clock }: { dir: string; log: Log; clock: Clock }): Recordings {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Failure('store_unavailable', `the directory for recordings, ${dir}, cannot be made`, {
      cause: error,
    });
  }
  const tracks = new Map<string, Track>();
  const pathOf = (callId: string): string => join(dir, `${callId}.wav`);

  /** A file whose writer died still says it is empty; other programs read it by its header. */
  async function recover(path: string, file: FileHandle, audioBytes: number): Promise<void> {
    const header = Buffer.alloc(ULAW_HEADER_BYTES);
    await file.read(header, 0, ULAW_HEADER_BYTES, 0);
    if (header.equals(ulawHeader(audioBytes))) return;
    const writable = await openFile(path, 'r+');
    try {
      await writable.write(ulawHeader(audioBytes), 0, ULAW_HEADER_BYTES, 0);
    } finally {
      await writable.close();
    }
  }

  return {
    open(callId) {
      if (!CALL_ID.test(callId)) throw new Failure('invalid_request', 'a call id is 24 hex digits');
      const current = tracks.get(callId);
      if (current?.accepts) return current.sink();
      const track = openTrack(callId, pathOf(callId), {
        log,
        clock,
        earlier: current?.closed,
        onClosed: () => {
          if (tracks.get(callId) === track) tracks.delete(callId);
        },
      });
      tracks.set(callId, track);
      return track.sink();
    },

    async remove(callId) {
      if (!CALL_ID.test(callId)) return false;
      if (tracks.has(callId)) throw new Failure('attempt_in_progress', 'this call is still being recorded');
      try {
        await unlink(pathOf(callId));
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw new Failure('store_unavailable', 'a recording could not be deleted', { cause: error });
      }
    },

    async find(callId): Promise<StoredRecording | undefined> {
      if (!CALL_ID.test(callId)) return undefined;
      const path = pathOf(callId);
      let file: FileHandle;
      try {
        file = await openFile(path, 'r');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw new Failure('store_unavailable', 'the recording cannot be read', { cause: error });
      }
      try {
        const audioBytes = even((await file.stat()).size - ULAW_HEADER_BYTES);
        if (audioBytes <= 0) return undefined;
        if (!tracks.has(callId))
          await recover(path, file, audioBytes).catch((error: unknown) =>
            log.warn({ callId, error: String(error) }, 'the header of a recording could not be put right'),
          );
        const bytes = PCM_HEADER_BYTES + audioBytes * 2;
        return {
          bytes,
          durationSec: audioBytes / BYTES_PER_SEC,
          read(start, end, signal) {
            if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end < start || end > bytes)
              throw new Failure('invalid_request', `a range must lie within 0 and ${bytes}`);
            return readPcm(path, audioBytes, start, end, signal);
          },
        };
      } finally {
        await file.close();
      }
    },
  };
}

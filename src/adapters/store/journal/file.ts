/**
 * adapters/store/journal/file: an append-only log on disk. What was appended is synced before that is said; all that comes
 * while a sync is under way shares the next one (group commit). After a fault of the disk the file goes on behind what was
 * last known to be there.
 */
import { type FileHandle, mkdir, open, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../../domain/errors.ts';
import {
  type Damage,
  type Entry,
  entryBytes,
  listSegments,
  MAX_PAYLOAD_BYTES,
  ordinalOf,
  placeOf,
  readEntries,
  readEntry,
  segmentName,
  TITLE,
  writeEntry,
} from './segments.ts';

const SEGMENT_BYTES = 64 * 1024 * 1024;
/** A segment of a quiet house is left after a day, so that old ones can go in time. */
const SEGMENT_MS = 24 * 3_600_000;
/** What shares one sync: taken together in about a millisecond, for the event loop carries audio. */
const COMMIT_BYTES = 512 * 1024;
/** What may wait for the disk. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const MAX_READERS = 8;
/** An event of a call is about this long. */
const USUAL_BYTES = 1_024;

export interface JournalFile {
  /**
   * Resolves when it is on disk. Entries lie in the order of these calls. Throws Failure `store_unavailable` (a full or
   * failing disk, too much waiting; the entry is not there), `payload_too_large`.
   */
  append(payload: Uint8Array): Promise<{ readonly place: number; readonly number: number }>;
  /** Throws Failure `store_unavailable` when there is no intact entry at that place. */
  read(place: number): Promise<Buffer>;
  /** Every intact entry from a place on, as far as is on disk now. */
  entries(from: number, damaged: (damage: Damage) => void): AsyncGenerator<Entry[]>;
  /** The number of the next entry: all on disk are below it. */
  readonly next: number;
  /** Behind the last entry. */
  readonly end: number;
  /** Removes segments that lie wholly before a place and were last written before a time; answers how many. */
  prune(below: number, beforeMs: number): Promise<number>;
  /** Resolves when what waits is on disk. */
  close(): Promise<void>;
}

interface Waiting {
  readonly payload: Uint8Array;
  readonly done: (where: { place: number; number: number }) => void;
  readonly failed: (error: Failure) => void;
}

interface Writing {
  readonly file: FileHandle;
  readonly ordinal: number;
  readonly openedMs: number;
  /** Bytes that are on disk. */
  size: number;
}

const unavailable = (message: string, cause?: unknown): Failure =>
  new Failure('store_unavailable', message, { cause });
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A file that was made is there after a power cut only when its directory was synced. */
async function syncDirectory(dir: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Opens the journal in `dir`, made when missing. Nothing that lies there is changed. Throws what the file system throws. */
export async function openJournalFile(dir: string, nowMs: () => number): Promise<JournalFile> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const last = (await listSegments(dir)).at(-1);
  let ordinal = last?.ordinal ?? 0;
  let next = last?.first ?? 1;
  let end = 0;
  if (last) {
    for await (const entries of readEntries(dir, { from: placeOf(ordinal, 0) }, () => {}))
      next = (entries.at(-1)?.number ?? next) + 1;
    end = placeOf(ordinal, (await stat(join(dir, last.name))).size);
  }
  let writing: Writing | undefined;
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let committing: Promise<void> | undefined;
  let closing: Promise<void> | undefined;
  const readers = new Map<number, Promise<FileHandle>>();

  async function begin(): Promise<Writing> {
    // A new one each time: what a failed attempt left behind stands in nobody's way.
    ordinal += 1;
    const path = join(dir, segmentName(ordinal, next));
    const file = await open(path, 'wx', 0o600);
    try {
      await file.write(TITLE, 0, TITLE.length, 0);
      await file.sync();
      await syncDirectory(dir);
    } catch (error) {
      await file.close().catch(() => undefined);
      await unlink(path).catch(() => undefined);
      throw error;
    }
    return { file, ordinal, openedMs: nowMs(), size: TITLE.length };
  }

  async function leave(segment: Writing): Promise<void> {
    writing = undefined;
    await segment.file.close().catch(() => undefined);
  }

  /** The segment to write to: the present one while it is neither large nor old. */
  async function segment(): Promise<Writing> {
    if (writing && (writing.size >= SEGMENT_BYTES || nowMs() - writing.openedMs >= SEGMENT_MS))
      await leave(writing);
    writing ??= await begin();
    return writing;
  }

  async function commit(batch: readonly Waiting[]): Promise<void> {
    const into = await segment();
    const bytes = Buffer.allocUnsafe(batch.reduce((sum, { payload }) => sum + entryBytes(payload), 0));
    const wheres: { place: number; number: number }[] = [];
    let at = 0;
    for (const { payload } of batch) {
      wheres.push({ place: placeOf(into.ordinal, into.size + at), number: next + wheres.length });
      at = writeEntry(bytes, at, next + wheres.length - 1, payload);
    }
    let written = 0;
    try {
      while (written < bytes.length)
        written += (await into.file.write(bytes, written, bytes.length - written, into.size + written))
          .bytesWritten;
    } catch (error) {
      // What a full disk took of it is cut off again, and the same place is tried next time.
      await into.file.truncate(into.size).catch(() => leave(into));
      throw error;
    }
    try {
      await into.file.datasync();
    } catch (error) {
      // Which of these bytes are on disk nobody knows, and the system may not say so a second time.
      await into.file.truncate(into.size).catch(() => undefined);
      await leave(into);
      throw error;
    }
    into.size += bytes.length;
    next += batch.length;
    end = placeOf(into.ordinal, into.size);
    for (const [index, { done }] of batch.entries()) {
      const where = wheres[index];
      if (where) done(where);
    }
  }

  async function commitAll(): Promise<void> {
    while (waiting.length > 0) {
      let count = 0;
      let bytes = 0;
      for (const { payload } of waiting) {
        if (count > 0 && bytes + payload.length > COMMIT_BYTES) break;
        bytes += payload.length;
        count += 1;
      }
      const batch = waiting.slice(0, count);
      waiting = waiting.slice(count);
      waitingBytes -= bytes;
      try {
        await commit(batch);
      } catch (error) {
        const failure = unavailable(`the journal in ${dir} cannot be written: ${messageOf(error)}`, error);
        for (const { failed } of batch) failed(failure);
      }
    }
    committing = undefined;
  }

  /** A segment open for reading; of many, those read last. */
  function readerOf(place: number): Promise<FileHandle> {
    const wanted = ordinalOf(place);
    const known = readers.get(wanted);
    readers.delete(wanted);
    const reader =
      known ??
      listSegments(dir).then((segments) => {
        const name = segments.find((each) => each.ordinal === wanted)?.name;
        if (!name) throw unavailable(`segment ${wanted} of the journal is gone`);
        return open(join(dir, name), 'r');
      });
    readers.set(wanted, reader);
    reader.catch(() => readers.delete(wanted));
    for (const [oldest, handle] of readers) {
      if (readers.size <= MAX_READERS) break;
      readers.delete(oldest);
      closeReader(handle);
    }
    return reader;
  }

  const closeReader = (handle: Promise<FileHandle>): void => {
    handle.then((file) => file.close()).catch(() => undefined);
  };

  return {
    append(payload) {
      if (closing) return Promise.reject(unavailable('the journal is closed'));
      if (payload.length > MAX_PAYLOAD_BYTES)
        return Promise.reject(new Failure('payload_too_large', 'too large for the journal'));
      if (waitingBytes + payload.length > MAX_WAITING_BYTES)
        return Promise.reject(unavailable('the disk does not keep up with the journal'));
      return new Promise((done, failed) => {
        waiting.push({ payload, done, failed });
        waitingBytes += payload.length;
        committing ??= commitAll();
      });
    },
    async read(place) {
      let payload: Buffer | undefined;
      try {
        payload = await readEntry(await readerOf(place), place, USUAL_BYTES);
      } catch (error) {
        throw unavailable(`the journal in ${dir} cannot be read: ${messageOf(error)}`, error);
      }
      if (!payload) throw unavailable(`an entry of the journal in ${dir} is damaged`);
      return payload;
    },
    entries: (from, damaged) => readEntries(dir, { from, below: end }, damaged),
    get next() {
      return next;
    },
    get end() {
      return end;
    },
    async prune(below, beforeMs) {
      let removed = 0;
      for (const { name, ordinal: which } of await listSegments(dir)) {
        if (which >= ordinalOf(below) || which === writing?.ordinal) continue;
        const path = join(dir, name);
        if ((await stat(path)).mtimeMs >= beforeMs) continue;
        const reader = readers.get(which);
        readers.delete(which);
        if (reader) closeReader(reader);
        await unlink(path);
        removed += 1;
      }
      return removed;
    },
    close() {
      closing ??= (async () => {
        await committing;
        if (writing) await leave(writing);
        for (const handle of readers.values()) closeReader(handle);
        readers.clear();
      })();
      return closing;
    },
  };
}

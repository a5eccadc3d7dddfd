/** dashboard/compliance/uploads: list files on their way to the server. They go on while people look at other pages. */
import { useSyncExternalStore } from 'react';
import type { ListImport } from '../../contract/index.ts';
import { api, failedImportOf, type ImportQuestion } from '../api.ts';

export interface Upload {
  readonly list: string;
  readonly fileName: string;
  readonly size: number;
  /** Bytes that left this browser. */
  readonly sent: number;
  readonly phase: 'sending' | 'over';
  /** How it ended: done, or failed for a reason that is told in it. */
  readonly result?: ListImport;
  /** It ended without a result of its own. */
  readonly error?: unknown;
  readonly stopped?: boolean;
}

/** One upload for each list; replaced as a whole with every change, so that readers can compare. */
let uploads: ReadonlyMap<string, Upload> = new Map();
const stops = new Map<string, AbortController>();
const readers = new Set<() => void>();

function put(list: string, upload: Upload | undefined): void {
  const next = new Map(uploads);
  if (upload) next.set(list, upload);
  else next.delete(list);
  uploads = next;
  for (const read of readers) read();
}

const change = (list: string, part: Partial<Upload>): void => {
  const known = uploads.get(list);
  if (known) put(list, { ...known, ...part });
};

/** Leaving the page would cut the file off: the browser asks first. */
const guard = (event: BeforeUnloadEvent): void => event.preventDefault();

/** Starts sending; `settled` is called when it is over, however it ended. */
export function startUpload(question: ImportQuestion, file: File, settled: () => void): void {
  const { list } = question;
  if (uploads.get(list)?.phase === 'sending') return;
  const stop = new AbortController();
  stops.set(list, stop);
  put(list, { list, fileName: file.name, size: file.size, sent: 0, phase: 'sending' });
  window.addEventListener('beforeunload', guard);
  api
    .importList(question, file, (sent) => change(list, { sent }), stop.signal)
    .then(
      (result) => change(list, { phase: 'over', result }),
      (error: unknown) => {
        const result = failedImportOf(error);
        if (stop.signal.aborted) change(list, { phase: 'over', stopped: true });
        else change(list, { phase: 'over', ...(result ? { result } : { error }) });
      },
    )
    .finally(() => {
      stops.delete(list);
      if (stops.size === 0) window.removeEventListener('beforeunload', guard);
      settled();
    });
}

/** What was taken stays with the server; the same file goes on behind it. */
export const stopUpload = (list: string): void => stops.get(list)?.abort();

/** Takes the result off the page. */
export const forgetUpload = (list: string): void => put(list, undefined);

const subscribe = (reader: () => void): (() => void) => {
  readers.add(reader);
  return () => {
    readers.delete(reader);
  };
};

export const useUploads = (): ReadonlyMap<string, Upload> => useSyncExternalStore(subscribe, () => uploads);

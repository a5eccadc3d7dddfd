/** dashboard/lead-import/upload: the file of leads on its way to the server. It goes on while people look at other pages. */
import { useSyncExternalStore } from 'react';
import { LeadImport, type LeadImportPlan } from '../../contract/index.ts';
import { ApiError, api } from '../api.ts';

export interface LeadUpload {
  readonly file: File;
  /** Undefined until the server knows of it. */
  readonly importId: string | undefined;
  /** Bytes that left this browser. */
  readonly sent: number;
  readonly phase: 'sending' | 'over';
  readonly error?: unknown;
  readonly stopped?: boolean;
}

let upload: LeadUpload | undefined;
let stop: AbortController | undefined;
const readers = new Set<() => void>();

function put(next: LeadUpload | undefined): void {
  upload = next;
  for (const read of readers) read();
}
const change = (part: Partial<LeadUpload>): void => {
  if (upload) put({ ...upload, ...part });
};

/** Leaving the page would cut the file off: the browser asks first. */
const guard = (event: BeforeUnloadEvent): void => event.preventDefault();

/** How far an import came whose file could not be taken to its end. */
const failedImport = (error: unknown): LeadImport | undefined =>
  error instanceof ApiError ? LeadImport.safeParse(error.problem?.import).data : undefined;

/** Starts sending, to go on with an import or as one of its own; `settled` is called when it is over, however it ended. */
export function startLeadUpload(file: File, how: LeadImportPlan | string, settled: () => void): void {
  if (upload?.phase === 'sending') return;
  const mine = new AbortController();
  stop = mine;
  put({ file, importId: typeof how === 'string' ? how : undefined, sent: 0, phase: 'sending' });
  window.addEventListener('beforeunload', guard);
  const run = async (): Promise<void> => {
    const importId = typeof how === 'string' ? how : (await api.prepareLeadImport(how)).id;
    change({ importId });
    await api.importLeads(importId, file, (sent) => change({ sent }), mine.signal);
  };
  run()
    .then(
      () => change({ phase: 'over' }),
      (error: unknown) => {
        if (mine.signal.aborted) change({ phase: 'over', stopped: true });
        // What the import itself says of its failure stands on its page.
        else change({ phase: 'over', ...(failedImport(error) ? {} : { error }) });
      },
    )
    .finally(() => {
      window.removeEventListener('beforeunload', guard);
      settled();
    });
}

/** What was taken stays with the server; the same file goes on behind it. */
export const stopLeadUpload = (): void => stop?.abort();

/** Makes room for another file. */
export const forgetLeadUpload = (): void => put(undefined);

const subscribe = (reader: () => void): (() => void) => {
  readers.add(reader);
  return () => {
    readers.delete(reader);
  };
};

export const useLeadUpload = (): LeadUpload | undefined => useSyncExternalStore(subscribe, () => upload);

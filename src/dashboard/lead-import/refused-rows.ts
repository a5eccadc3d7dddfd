/** dashboard/lead-import/refused-rows: the rows that were refused, cut out of the file as they are, to be mended and sent again. */
import type { ImportedRow } from '../../contract/index.ts';
import { api } from '../api.ts';

const LONGEST_HEAD = 256 * 1024;
const PAGE = 200;

/** The first line of the file, its end included; a quoted cell may hold a line end. */
async function headOf(file: Blob): Promise<Blob> {
  const bytes = new Uint8Array(await file.slice(0, LONGEST_HEAD).arrayBuffer());
  const QUOTE = 34;
  const LINE_END = 10;
  let quoted = false;
  for (const [at, byte] of bytes.entries()) {
    if (byte === QUOTE) quoted = !quoted;
    else if (byte === LINE_END && !quoted) return file.slice(0, at + 1);
  }
  return file.slice(0, bytes.length);
}

/** A file of the refused rows under the first line of theirs. */
export async function refusedRowsOf(importId: string, file: File): Promise<Blob> {
  const pieces: Blob[] = [await headOf(file)];
  let cursor: string | undefined;
  do {
    const page: { items: ImportedRow[]; nextCursor?: string } = await api.leadImportRows(
      importId,
      'refused',
      { limit: PAGE, cursor },
    );
    for (const { bytes } of page.items) if (bytes) pieces.push(file.slice(bytes[0], bytes[1]));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return new Blob(pieces, { type: 'text/csv' });
}

/** Hands a file that this page made to whoever reads it. */
export function saveAs(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** dashboard/upload: one large file on its way to the server, and how far it is. fetch cannot tell that; this can. */

/** A connection on which nothing moves for this long is given up. */
const STALLED_MS = 60_000;
/** After the last byte the server may take this long to put a large list in order. */
const ANSWER_MS = 15 * 60_000;

/**
 * Posts the file as it lies on the disk, without reading it into memory. `sent` hears the bytes that left. Status 0: no
 * answer came. Rejects with the signal's reason when it aborts.
 */
export function sendFile(
  url: string,
  file: Blob,
  sent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: unknown }> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const request = new XMLHttpRequest();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const within = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), ms);
    };
    const stop = () => request.abort();
    signal.addEventListener('abort', stop);

    request.upload.onprogress = (event) => {
      sent(event.loaded);
      within(STALLED_MS);
    };
    request.upload.onload = () => {
      sent(file.size);
      within(ANSWER_MS);
    };
    request.onloadend = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      if (signal.aborted) reject(signal.reason);
      else resolve({ status: request.status, body: read(request.responseText) });
    };
    request.open('POST', url);
    request.setRequestHeader('accept', 'application/json');
    request.setRequestHeader('content-type', 'text/csv');
    // Another site cannot send this: the server asks for it with the cookie.
    request.setRequestHeader('x-requested-by', 'parley');
    within(STALLED_MS);
    request.send(file);
  });
}

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

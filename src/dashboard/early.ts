/** dashboard/early: what the first page is about to ask is asked while its code is still on its way. */

/** Not longer than the server may take for any answer, and not so long that an answer is old when it is taken. */
const TIMEOUT_MS = 20_000;
const KEPT_MS = 5_000;

const asked = new Map<string, { readonly answer: Promise<Response | undefined>; readonly atMs: number }>();

/** As every request of the dashboard is sent. */
export const HEADERS = {
  accept: 'application/json',
  // Another site cannot send this: the server asks for it with the cookie.
  'x-requested-by': 'parley',
} as const;
export const BASE = '/api/v1';

function ask(path: string): void {
  const url = `${BASE}${path}`;
  // What failed is asked again by whoever needs it, and reported there.
  const answer = fetch(url, {
    credentials: 'same-origin',
    headers: HEADERS,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch(() => undefined);
  asked.set(url, { answer, atMs: performance.now() });
}

/** Only of a call that was recorded is there a picture; whoever asks for the call itself reads the answer behind this. */
async function askWaveform(callId: string): Promise<void> {
  const answer = (await asked.get(`${BASE}/calls/${callId}`)?.answer)?.clone();
  const { hasRecording, endedAt } = answer?.ok ? await answer.json() : {};
  if (hasRecording && endedAt) ask(`/calls/${callId}/waveform`);
}

/** Who is signed in, which every page waits for; and for a call what makes its page long. */
export function askEarly(pathname: string): void {
  if (/^\/(signin|set-password)/.test(pathname)) return;
  ask('/auth/me');
  const [, callId] = /^\/calls\/([0-9a-f]{24})\/?$/.exec(pathname) ?? [];
  if (callId === undefined) return;
  ask(`/calls/${callId}`);
  askWaveform(callId).catch(() => undefined);
  ask(`/calls/${callId}/transcript?format=json`);
  ask(`/calls/${callId}/events`);
}

/** What came of a question that was asked early; it is given once. Undefined: it was not, or too long ago, or it failed. */
export async function askedEarly(url: string): Promise<Response | undefined> {
  const early = asked.get(url);
  asked.delete(url);
  return early && performance.now() - early.atMs < KEPT_MS ? early.answer : undefined;
}

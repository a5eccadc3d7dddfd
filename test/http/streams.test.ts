/** Recordings with ranges, the live wall, and what happens to those who read slowly or leave. */
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LiveChange } from '../../src/contract/index.ts';
import { parseRange } from '../../src/http/recording.ts';
import { untilTrue } from '../support/until.ts';
import { API_KEY, call, callId, type Served, saidEvent, serve, wav } from './support.ts';

let served: Served;
beforeEach(async () => {
  served = await serve();
});
afterEach(() => served.http.close());

const recording = (headers: Record<string, string> = {}, method = 'GET') =>
  served.withKey(`/api/v1/calls/${callId}/recording`, { method, headers });

test('a recording without a range is all of it, inline, as WAV', async () => {
  const response = await recording();
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('audio/wav');
  expect(response.headers.get('accept-ranges')).toBe('bytes');
  expect(response.headers.get('content-length')).toBe('1000');
  expect(response.headers.get('content-disposition')).toBe(`inline; filename="call-${callId}.wav"`);
  expect(Buffer.from(await response.arrayBuffer())).toEqual(wav);
});

test.each([
  ['bytes=0-0', 0, 1],
  ['bytes=100-199', 100, 200],
  ['bytes=990-', 990, 1000],
  ['bytes=-10', 990, 1000],
  ['bytes=-5000', 0, 1000],
  ['bytes=500-99999', 500, 1000],
])('%s is 206 with exactly those bytes', async (range, start, end) => {
  const response = await recording({ range });
  expect(response.status).toBe(206);
  expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/1000`);
  expect(Buffer.from(await response.arrayBuffer())).toEqual(wav.subarray(start, end));
});

test.each(['bytes=1000-', 'bytes=5000-6000', 'bytes=-0'])('%s is 416 and tells the length', async (range) => {
  const response = await recording({ range });
  expect(response.status).toBe(416);
  expect(response.headers.get('content-range')).toBe('bytes */1000');
  expect(await response.json()).toMatchObject({ code: 'range_not_satisfiable' });
});

test.each(['bytes=5-2', 'lines=1-2', 'bytes=a-b', 'bytes=-', 'bytes=0-1,5-6', 'bytes=99999999999999999-'])(
  'a range that is none (%s) is ignored',
  (range) => {
    expect(parseRange(range, 1000)).toBe('whole');
  },
);

test('HEAD tells length and tag and opens no audio', async () => {
  const response = await recording({}, 'HEAD');
  expect([response.status, response.headers.get('content-length')]).toEqual([200, '1000']);
  expect(response.headers.get('etag')).toBeTruthy();
  const ranged = await recording({ range: 'bytes=0-9' }, 'HEAD');
  expect([ranged.status, ranged.headers.get('content-length')]).toEqual([206, '10']);
  expect(served.state.recordingReads).toBe(0);
});

test('a tag that is known already is 304; a range of another version is the whole of this one', async () => {
  const etag = (await recording({}, 'HEAD')).headers.get('etag') ?? '';
  expect((await recording({ 'if-none-match': etag })).status).toBe(304);
  expect((await recording({ range: 'bytes=0-9', 'if-range': etag })).status).toBe(206);
  const other = await recording({ range: 'bytes=0-9', 'if-range': '"older"' });
  expect(other.status).toBe(200);
  await other.arrayBuffer();
});

test('a listener who leaves in the middle closes the file', async () => {
  const own = await serve();
  const app = own.app as unknown as { calls: { recording: unknown } };
  let open = 0;
  app.calls.recording = async () => ({
    bytes: 1e9,
    durationSec: 1,
    async *read(_start: number, _end: number, signal?: AbortSignal) {
      open += 1;
      try {
        while (!signal?.aborted) yield Buffer.alloc(65_536);
      } finally {
        open -= 1;
      }
    },
  });
  const response = await own.withKey(`/api/v1/calls/${callId}/recording`);
  const reader = response.body?.getReader();
  await reader?.read();
  expect(open).toBe(1);
  await reader?.cancel();
  await untilTrue(() => open === 0);
  expect(own.lines.filter((line) => line.level === 'error')).toEqual([]);
  await own.http.close();
});

/** Opens the wall and gives the messages as they come. */
async function watch(base: Served, headers: Record<string, string> = { authorization: `Bearer ${API_KEY}` }) {
  const stop = new AbortController();
  const response = await fetch(`${base.base}/api/v1/calls/live`, { headers, signal: stop.signal });
  const seen: LiveChange[] = [];
  let head = '';
  let rest = '';
  let over = false;
  const decoder = new TextDecoder();
  void (async () => {
    try {
      for await (const chunk of response.body ?? []) {
        const frames = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
        rest = frames.pop() ?? '';
        for (const frame of frames) {
          if (head.length < 100_000) head += `${frame}\n\n`;
          const data = /^data: (.*)$/m.exec(frame)?.[1];
          if (data === undefined) continue;
          const change = LiveChange.parse(JSON.parse(data));
          expect(change.type).toBe(/^event: (.*)$/m.exec(frame)?.[1]);
          seen.push(change);
        }
      }
    } catch {
      // The test let go.
    }
    over = true;
  })();
  return { response, seen, stop: () => stop.abort(), isOver: () => over, head: () => head };
}

test('a viewer gets a snapshot first and then every change, words with line breaks included', async () => {
  const viewer = await watch(served);
  expect(viewer.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  await untilTrue(() => viewer.seen.length === 1);
  served.state.change({
    event: saidEvent(5, 'one\n\ndata: {"type":"snapshot","calls":[]}\n\n'),
    call: { ...call, seq: 5 },
  });
  await untilTrue(() => viewer.seen.length === 3);
  expect(viewer.head().startsWith('retry: 2000\nevent: snapshot\n')).toBe(true);
  expect(viewer.seen.map((change) => change.type)).toEqual(['snapshot', 'event', 'call']);
  expect(viewer.seen[1]).toMatchObject({
    event: { type: 'said', text: 'one\n\ndata: {"type":"snapshot","calls":[]}\n\n' },
  });
  expect(viewer.seen[2]).toMatchObject({ call: { id: callId, seq: 5 } });
  viewer.stop();
});

test('the app is watched only while somebody looks', async () => {
  expect(served.state.listeners.size).toBe(0);
  const [one, two] = [await watch(served), await watch(served)];
  await untilTrue(() => one.seen.length + two.seen.length === 2);
  expect(served.state.listeners.size).toBe(1);
  one.stop();
  two.stop();
  await untilTrue(() => served.state.listeners.size === 0);
});

test('a viewer who does not read is let go and delays nobody', async () => {
  const slow = connect(served.port, '127.0.0.1');
  slow.write(`GET /api/v1/calls/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${API_KEY}\r\n\r\n`);
  await new Promise((resolve) => slow.once('readable', resolve));
  slow.pause();
  let slowClosed = false;
  slow.on('close', () => {
    slowClosed = true;
  });
  slow.on('error', () => {});
  const quick = await watch(served);
  await untilTrue(() => quick.seen.length === 1);

  const text = 'x'.repeat(10_000);
  const took: number[] = [];
  for (let i = 0; i < 1000; i += 1) {
    const began = performance.now();
    served.state.change({ event: saidEvent(i, text), call });
    took.push(performance.now() - began);
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Nearly every one: the machine itself may pause now and then.
  expect(took.sort((a, b) => a - b)[989]).toBeLessThan(100);
  await untilTrue(() => quick.seen.some((change) => change.type === 'event' && change.event.seq === 999));
  // All events, in their order; of the call only how it is.
  const events = quick.seen.flatMap((change) => (change.type === 'event' ? [change.event.seq] : []));
  expect(events).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  const metrics = await (await fetch(`${served.base}/metrics`)).text();
  expect(metrics).toContain('parley_live_viewers_dropped_total 1');
  expect(metrics).toContain('parley_live_viewers 1');
  slow.resume();
  await untilTrue(() => slowClosed);
  quick.stop();
});

test('closing the server tells viewers to come back and ends their streams', async () => {
  const viewer = await watch(served);
  await untilTrue(() => viewer.seen.length === 1);
  const began = Date.now();
  await served.http.close();
  await untilTrue(() => viewer.isOver());
  expect(viewer.seen.at(-1)).toMatchObject({ type: 'reconnect' });
  expect(Date.now() - began).toBeLessThan(3000);
});

test('a heartbeat comes, and a session that ended meanwhile ends the stream', async () => {
  const beats: (() => void)[] = [];
  const { createClock } = await import('../../src/adapters/system.ts');
  const real = createClock({ debug() {}, info() {}, warn() {}, error() {} });
  const own = await serve({
    clock: {
      ...real,
      after: (delayMs, task) => {
        if (delayMs !== 15_000) return real.after(delayMs, task);
        beats.push(task);
        return () => {};
      },
    },
  });
  const cookie = await own.signIn();
  const viewer = await watch(own, { cookie });
  await untilTrue(() => viewer.seen.length === 1);
  beats.at(-1)?.();
  await untilTrue(() => viewer.head().includes(': still here'));
  expect(viewer.isOver()).toBe(false);
  const out = await fetch(`${own.base}/api/v1/auth/logout`, { method: 'POST', headers: own.asPage(cookie) });
  expect(out.status).toBe(204);
  beats.at(-1)?.();
  await untilTrue(() => viewer.isOver());
  expect(viewer.head()).toContain('"type":"reconnect"');
  await own.http.close();
});

/** Media Streams as the sandbox carrier speaks them: frames, playback, marks, wrong messages and every kind of end. */
import { afterEach, describe, expect, test } from 'vitest';
import { FRAME_BYTES, pcmWav, ULAW_SILENCE } from '../../src/sandbox/audio.ts';
import { Playback } from '../../src/sandbox/carrier/media-stream.ts';
import {
  ACCOUNT_SID,
  type MediaSocket,
  OURS,
  openLine,
  PATIENT,
  person,
  sine,
  type TestLine,
  toneSpeak,
  until,
} from '../support/carrier.ts';

const THEIRS = '+14155550123';

let line: TestLine;
afterEach(() => line?.close());

type Media = {
  sequenceNumber: string;
  streamSid: string;
  media: { track: string; chunk: string; timestamp: string; payload: string };
};
const media = (socket: MediaSocket) => socket.events('media') as unknown as Media[];
const marks = (socket: MediaSocket) =>
  socket.events('mark').map((message) => (message.mark as { name: string }).name);

/** A call whose stream has begun; the last verb says `Bye`. */
async function talk(
  options: Parameters<typeof openLine>[0] = {},
  {
    script = PATIENT,
    faults,
    stream = {},
  }: {
    script?: typeof PATIENT;
    faults?: Parameters<TestLine['carrier']['control']['setFaults']>[0];
    stream?: Parameters<TestLine['connectStream']>[0];
  } = {},
) {
  line = await openLine(options);
  if (faults !== undefined) line.carrier.control.setFaults(faults);
  line.carrier.control.assign(THEIRS, script);
  line.answers.set('/voice', line.connectStream({ statusCallback: `${line.app}/stream`, ...stream }));
  const { sid } = await line.client.calls.create({
    to: THEIRS,
    from: OURS,
    url: `${line.app}/voice`,
    statusCallback: `${line.app}/status`,
  });
  const socket = await until('the stream', () =>
    line.sockets.find((one) => one.events('start').length === 1),
  );
  return { sid, socket };
}

const ended = (sid: string) =>
  until(
    'the end of the call',
    () => line.carrier.control.calls().find((call) => call.sid === sid)?.status === 'completed',
  );
const codes = () => line.carrier.control.debugger.map((entry) => entry.code);
const streamEvents = () => line.callbacks('/stream').map((params) => params.StreamEvent);

describe('what the carrier sends', () => {
  test('has the shapes that were captured: connected, start, then a frame every 20 ms even in silence', async () => {
    const { sid, socket } = await talk({ timeScale: 1 });
    const begun = performance.now();
    const first = media(socket).length;
    await until('a second of frames', () => media(socket).length >= first + 50);
    const tookMs = performance.now() - begun;
    expect(tookMs).toBeGreaterThan(900);

    const { streamSid } = socket.start();
    expect(socket.messages[0]).toEqual({ event: 'connected', protocol: 'Call', version: '1.0.0' });
    expect(socket.messages[1]).toEqual({
      event: 'start',
      sequenceNumber: '1',
      streamSid,
      start: {
        accountSid: ACCOUNT_SID,
        streamSid,
        callSid: sid,
        tracks: ['inbound'],
        mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
        customParameters: { callId: 'c_1 & more' },
      },
    });
    expect(streamSid).toMatch(/^MZ[0-9a-f]{32}$/);
    const frames = media(socket);
    expect(frames[0]).toMatchObject({
      sequenceNumber: '2',
      streamSid,
      media: { track: 'inbound', chunk: '1' },
    });
    const [start = 0, ...rest] = frames.map((frame) => Number(frame.media.timestamp));
    expect(start).toBeGreaterThanOrEqual(140);
    expect(start).toBeLessThan(180);
    expect(rest).toEqual(rest.map((_, i) => start + (i + 1) * 20));
    expect(frames.map((frame) => frame.sequenceNumber)).toEqual(frames.map((_, i) => String(i + 2)));
    expect(Buffer.from(frames[0]?.media.payload ?? '', 'base64')).toEqual(
      Buffer.alloc(FRAME_BYTES, ULAW_SILENCE),
    );
  });

  test('carries what the person says frame by frame, unchanged', async () => {
    const spoken = await toneSpeak('A sentence for the wire');
    const { socket } = await talk(
      {},
      { script: person([{ pauseMs: 600 }, { say: 'A sentence for the wire' }, { pauseMs: 9000 }]) },
    );
    const payloads = await until('the sentence', () => {
      const all = media(socket).map((frame) => frame.media.payload);
      return all.includes(spoken.subarray(-FRAME_BYTES).toString('base64')) && all;
    });
    const at = payloads.indexOf(spoken.subarray(0, FRAME_BYTES).toString('base64'));
    const wire = Buffer.concat(
      payloads.slice(at, at + spoken.length / FRAME_BYTES).map((payload) => Buffer.from(payload, 'base64')),
    );
    expect(wire.equals(spoken)).toBe(true);
  });

  test('is signed over the ws address without its query', async () => {
    const { socket } = await talk({}, { stream: { query: '?secret=1' } });
    expect(socket).toMatchObject({ signed: true, path: '/media' });
    await line.close();
    const slash = await talk({}, { faults: { signature: { appendSlash: true } } });
    expect(slash.socket.signed).toBe(true);
    await line.close();
    const wrong = await talk({}, { faults: { signature: { bad: 'upgrade' } } });
    expect(wrong.socket.signed).toBe(false);
    expect(line.seen.every((entry) => entry.signed)).toBe(true);
  });

  test('pressed keys arrive between the frames', async () => {
    const { sid, socket } = await talk();
    line.carrier.control.press(sid, '5#');
    const keys = await until('the keys', () => socket.events('dtmf').length === 2 && socket.events('dtmf'));
    expect(keys.map((key) => key.dtmf)).toEqual([
      { track: 'inbound_track', digit: '5' },
      { track: 'inbound_track', digit: '#' },
    ]);
    const numbers = socket.messages.slice(1).map((message) => Number(message.sequenceNumber));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });

  test('lost frames leave a gap in the timestamps, not in the counters', async () => {
    const { socket } = await talk({}, { faults: { media: { loss: 0.3 } } });
    await until('frames', () => media(socket).length > 100);
    const frames = media(socket).slice(0, 100);
    const gaps = frames
      .slice(1)
      .filter((frame, i) => Number(frame.media.timestamp) - Number(frames[i]?.media.timestamp) > 20);
    expect(gaps.length).toBeGreaterThan(10);
    expect(frames.map((frame) => frame.media.chunk)).toEqual(frames.map((_, i) => String(i + 1)));
  });

  test('late frames stay in order', async () => {
    const { socket } = await talk({}, { faults: { media: { jitterMs: 200 } } });
    await until('frames', () => media(socket).length > 100);
    const stamps = media(socket).map((frame) => Number(frame.media.timestamp));
    expect(stamps).toEqual([...stamps].sort((a, b) => a - b));
  });
});

describe('what the product sends', () => {
  test('is heard in order, and marks come back when the sound before them was played', async () => {
    const { sid, socket } = await talk({ timeScale: 1 });
    const sound = sine(15);
    const begun = performance.now();
    socket.play(sound.subarray(0, 1000));
    socket.play(sound.subarray(1000));
    socket.mark('half a second');
    socket.play(sine(5, 880));
    socket.mark('the rest');
    await until('the first mark', () => marks(socket).length === 1);
    const first = performance.now() - begun;
    await until('both marks', () => marks(socket).length === 2);
    expect(marks(socket)).toEqual(['half a second', 'the rest']);
    expect(first).toBeGreaterThan(260);
    expect(performance.now() - begun).toBeGreaterThan(360);
    expect(line.carrier.control.tracks(sid)?.heard.includes(sound)).toBe(true);
    expect(socket.events('mark')[0]).toEqual({
      event: 'mark',
      sequenceNumber: expect.any(String),
      streamSid: socket.start().streamSid,
      mark: { name: 'half a second' },
    });
  });

  test('a mark with nothing before it comes back at once', async () => {
    const { socket } = await talk();
    socket.mark('now');
    await until('the mark', () => marks(socket).length === 1);
  });

  test('clear drops the sound and returns the waiting marks in order', async () => {
    const { sid, socket } = await talk({ timeScale: 1 });
    socket.play(sine(500));
    for (const name of ['a', 'b', 'c']) {
      socket.mark(name);
      socket.play(sine(100));
    }
    await until('some sound', () =>
      line.carrier.control.tracks(sid)?.heard.includes(sine(3).subarray(0, 160)),
    );
    socket.clear();
    await until('all marks', () => marks(socket).length === 3);
    expect(marks(socket)).toEqual(['a', 'b', 'c']);
    const heardAtClear = line.carrier.control.tracks(sid)?.heard.length ?? 0;
    await until(
      'more time',
      () => (line.carrier.control.tracks(sid)?.heard.length ?? 0) > heardAtClear + 3200,
    );
    const after = line.carrier.control.tracks(sid)?.heard.subarray(heardAtClear + 320) ?? Buffer.alloc(0);
    expect(after.every((byte) => byte === ULAW_SILENCE)).toBe(true);
  });

  test.each([
    ['a binary frame', (socket: MediaSocket) => socket.socket.send(Buffer.from('{}')), 31950],
    ['no JSON', (socket: MediaSocket) => socket.socket.send('hello'), 31951],
    [
      'an unknown event',
      (socket: MediaSocket) => socket.send({ event: 'hello', streamSid: socket.start().streamSid }),
      31951,
    ],
    ['no streamSid', (socket: MediaSocket) => socket.send({ event: 'clear' }), 31951],
    [
      'the streamSid of another stream',
      (socket: MediaSocket) => socket.send({ event: 'clear', streamSid: 'MZ1' }),
      31951,
    ],
    [
      'an extra field',
      (socket: MediaSocket) =>
        socket.send({ event: 'clear', streamSid: socket.start().streamSid, now: true }),
      31951,
    ],
    [
      'an extra field in media',
      (socket: MediaSocket) =>
        socket.send({
          event: 'media',
          streamSid: socket.start().streamSid,
          media: { payload: '////', track: 'outbound' },
        }),
      31951,
    ],
    [
      'a misspelled payload',
      (socket: MediaSocket) =>
        socket.send({ event: 'media', streamSid: socket.start().streamSid, media: { paylod: '////' } }),
      31951,
    ],
    [
      'a payload that is not base64',
      (socket: MediaSocket) =>
        socket.send({ event: 'media', streamSid: socket.start().streamSid, media: { payload: '*' } }),
      31951,
    ],
    [
      'a mark without a name',
      (socket: MediaSocket) => socket.send({ event: 'mark', streamSid: socket.start().streamSid, mark: {} }),
      31951,
    ],
  ])('%s is warned about once and otherwise vanishes', async (_name, send, code) => {
    const { socket } = await talk();
    send(socket);
    send(socket);
    socket.mark('still alive');
    await until('the mark', () => marks(socket).includes('still alive'));
    expect(codes()).toEqual([code]);
  });

  test('more than ten minutes of sound is thrown away, a WAV header is found out', async () => {
    const { socket } = await talk();
    socket.play(pcmWav([new Int16Array(160)], 8000));
    for (let i = 0; i < 11; i += 1) socket.play(Buffer.alloc(60 * 8000, ULAW_SILENCE));
    await until('both complaints', () => codes().length === 2);
    expect(codes()).toEqual([90001, 31931]);
  });
});

describe('how a stream ends', () => {
  test('the person hangs up: stop, then the socket closes without a code, then the last callback', async () => {
    const { sid, socket } = await talk();
    line.carrier.control.hangUp(sid);
    await until('the close', () => socket.closeCode !== undefined);
    expect(socket.closeCode).toBe(1005);
    expect(socket.messages.at(-1)).toMatchObject({
      event: 'stop',
      stop: { accountSid: ACCOUNT_SID, callSid: sid },
    });
    await until('the callbacks', () => line.callbacks('/status').length === 1 && streamEvents().length === 2);
    expect(streamEvents()).toEqual(['stream-started', 'stream-stopped']);
    expect(line.callbacks('/stream')[0]).toMatchObject({
      CallSid: sid,
      StreamName: socket.start().streamSid,
    });
    expect(line.callbacks('/stream')[0]?.Timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  });

  test('the product closes the socket: the call goes on at the action', async () => {
    const { sid, socket } = await talk({}, { stream: { action: '/after', next: '<Say>not reached</Say>' } });
    line.answers.set('/after', '<Response><Say>Bye</Say></Response>');
    socket.socket.close(1000);
    await ended(sid);
    expect(line.callbacks('/after')[0]).toMatchObject({ CallSid: sid, CallStatus: 'in-progress' });
    expect(codes()).toEqual([31921]);
    const heard = line.carrier.control.tracks(sid)?.heard;
    expect(heard?.includes(await toneSpeak('Bye'))).toBe(true);
    expect(heard?.includes(await toneSpeak('not reached'))).toBe(false);
    await until('the callbacks', () => streamEvents().length === 2);
    expect(streamEvents()).toEqual(['stream-started', 'stream-stopped']);
  });

  test('without an action the next verb follows; without that the call ends', async () => {
    const { sid, socket } = await talk({}, { stream: { next: '<Say>the next verb</Say>' } });
    socket.socket.terminate();
    await ended(sid);
    expect(line.carrier.control.tracks(sid)?.heard.includes(await toneSpeak('the next verb'))).toBe(true);
    await until('the error', () => streamEvents().includes('stream-error'));
  });

  test('a redirect in the middle ends the stream and runs the new document', async () => {
    const { sid, socket } = await talk({}, { stream: { action: '/after' } });
    socket.play(sine(3000));
    await line.client.calls(sid).update({ twiml: '<Response><Say>Somebody else</Say></Response>' });
    await ended(sid);
    expect(socket.events('stop')).toHaveLength(1);
    expect(line.callbacks('/after')).toEqual([]);
    expect(line.carrier.control.tracks(sid)?.heard.includes(await toneSpeak('Somebody else'))).toBe(true);
  });

  test('a redirect can open the next stream of the same call', async () => {
    const { sid, socket } = await talk();
    await line.client.calls(sid).update({ twiml: line.connectStream() });
    const second = await until('the second stream', () =>
      line.sockets.find((one) => one !== socket && one.events('start').length === 1),
    );
    expect(second.start().streamSid).not.toBe(socket.start().streamSid);
    await until('its frames', () => media(second).length > 5);
    expect(socket.events('stop')).toHaveLength(1);
  });

  test.each([
    [
      'is refused',
      async () => {
        line.refuseUpgrade = 503;
      },
      31920,
    ],
    [
      'meets nobody',
      async () => {
        line.answers.set(
          '/voice',
          `<Response><Connect action="/after"><Stream url="ws://127.0.0.1:9/media" statusCallback="${line.app}/stream"/></Connect></Response>`,
        );
      },
      31902,
    ],
  ])('an upgrade that %s is told as stream-error, and the action follows', async (_name, prepare, code) => {
    line = await openLine();
    line.carrier.control.assign(THEIRS, PATIENT);
    line.answers.set(
      '/voice',
      line.connectStream({ action: '/after', statusCallback: `${line.app}/stream` }),
    );
    line.answers.set('/after', '<Response><Hangup/></Response>');
    await prepare();
    const { sid } = await line.client.calls.create({ to: THEIRS, from: OURS, url: `${line.app}/voice` });
    await ended(sid);
    expect(codes()).toEqual([code]);
    expect(line.callbacks('/after')).toHaveLength(1);
    const told = await until('the callback', () => line.callbacks('/stream')[0]);
    expect(told).toMatchObject({ StreamEvent: 'stream-error', CallSid: sid });
    expect(told.StreamError).toContain(String(code));
  });

  test.each([
    ['cut without a stop', { closeAfterMs: 1000, closeCode: 1006, withoutStop: true }, 1006, 0],
    ['closed with a code after a stop', { closeAfterMs: 1000, closeCode: 4000, withoutStop: false }, 4000, 1],
  ])('on demand the line is %s', async (_name, stream, code, stops) => {
    const { sid, socket } = await talk({}, { faults: { stream } });
    await until('the close', () => socket.closeCode !== undefined);
    expect(socket.closeCode).toBe(code);
    expect(socket.events('stop')).toHaveLength(stops);
    await ended(sid);
    await until('the callbacks', () => streamEvents().includes('stream-stopped'));
    expect(streamEvents()).toContain('stream-error');
  });
});

describe('the playback buffer', () => {
  test('fills a short frame up with silence and reaches marks where they stand', () => {
    const playback = new Playback();
    const reached: string[] = [];
    playback.push(Buffer.alloc(100, 1));
    playback.mark(() => reached.push('after 100'));
    playback.push(Buffer.alloc(100, 2));
    playback.mark(() => reached.push('after 200'));
    const first = playback.next();
    expect([...first]).toEqual([...Buffer.alloc(100, 1), ...Buffer.alloc(60, 2)]);
    expect(reached).toEqual(['after 100']);
    const second = playback.next();
    expect([...second]).toEqual([...Buffer.alloc(40, 2), ...Buffer.alloc(120, ULAW_SILENCE)]);
    expect(reached).toEqual(['after 100', 'after 200']);
    expect(playback.bytes).toBe(0);
  });

  test('holds ten minutes and not a byte more', () => {
    const playback = new Playback();
    expect(playback.push(Buffer.alloc(600 * 8000))).toBe(true);
    expect(playback.push(Buffer.alloc(1))).toBe(false);
    playback.clear();
    expect(playback.push(Buffer.alloc(1))).toBe(true);
  });
});

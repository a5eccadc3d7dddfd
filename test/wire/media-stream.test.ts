/** The carrier's stream, from a peer that speaks the protocol and from peers that do not. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createMediaDoor, cutMedia, noShape } from '../../src/adapters/twilio/media-stream.ts';
import type { Leg } from '../../src/app/ports.ts';
import { untilTrue } from '../support/until.ts';

const STREAM = 'MZ18ad3ab5a668481ce02b83e7395059f0';
const CALL = 'CA00000000000000000000000000000001';
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

interface Heard {
  audio: string[];
  times: number[];
  marks: string[];
  digits: string[];
  closed: [how: string, detail: string][];
}

async function door(options: { signed?: boolean; wanted?: boolean; startMs?: number } = {}) {
  const tokens = new Map([['good', 'c1']]);
  const heard: Heard = { audio: [], times: [], marks: [], digits: [], closed: [] };
  let leg: Leg | undefined;
  const warnings: string[] = [];
  const log = {
    debug() {},
    info() {},
    error() {},
    warn: (fields: object, text: string) => void warnings.push(`${text} ${JSON.stringify(fields)}`),
  };
  const server = createServer();
  server.on(
    'upgrade',
    createMediaDoor({
      validUpgrade: (signature) => options.signed !== false && signature === 'signed',
      tickets: {
        spend(token) {
          const callId = tokens.get(token);
          tokens.delete(token);
          return callId;
        },
      },
      inlet: {
        streamOpened(_callId, opened) {
          if (options.wanted === false) return false;
          leg = opened;
          opened.bind({
            callerAudio: (base64, timestampMs) => {
              heard.audio.push(base64.toString());
              heard.times.push(timestampMs);
            },
            markEchoed: (name) => heard.marks.push(name),
            digit: (digit) => heard.digits.push(digit),
            legClosed: (how, detail) => heard.closed.push([how, detail]),
          });
          return true;
        },
      },
      clock: {
        after: (_ms, task) => {
          const timer = setTimeout(task, options.startMs ?? 1_000);
          return () => clearTimeout(timer);
        },
      },
      log,
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/twilio/media`;
  return { url, heard, leg: () => leg, warnings };
}

const json = (value: unknown) => JSON.stringify(value);
const start = (parameters: Record<string, string> = { callId: 'c1', token: 'good' }, format = {}) =>
  json({
    event: 'start',
    sequenceNumber: '1',
    start: {
      accountSid: 'AC1',
      streamSid: STREAM,
      callSid: CALL,
      tracks: ['inbound'],
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1, ...format },
      customParameters: parameters,
    },
    streamSid: STREAM,
  });
const media = (payload: string, chunk = 1, timestamp = 155, streamSid = STREAM) =>
  json({
    event: 'media',
    sequenceNumber: String(chunk + 1),
    media: { track: 'inbound', chunk: String(chunk), timestamp: String(timestamp), payload },
    streamSid,
  });

async function connect(url: string, signature = 'signed'): Promise<WebSocket> {
  const socket = new WebSocket(url, { headers: { 'x-twilio-signature': signature } });
  ends.push(() => socket.terminate());
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return socket;
}
const closing = (socket: WebSocket) =>
  new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  );
const frame = (value = 1) => Buffer.alloc(160, value).toString('base64');

describe('the door', () => {
  test('a forged or absent signature gets 403 before any WebSocket exists', async () => {
    const { url } = await door();
    await expect(connect(url, 'forged')).rejects.toThrow('403');
  });

  test.each([
    ['no token', start({ callId: 'c1' }), 1008],
    ['an unknown token', start({ callId: 'c1', token: 'guess' }), 1008],
    ['the token of another call', start({ callId: 'c2', token: 'good' }), 1008],
    ['audio that is not mu-law 8 kHz', start(undefined, { sampleRate: 16000 }), 1003],
  ])('a start with %s closes the stream with its reason', async (_, message, code) => {
    const { url, leg } = await door();
    const socket = await connect(url);
    const closed = closing(socket);
    socket.send(message);
    expect(await closed).toMatchObject({ code, reason: expect.stringMatching(/./) });
    expect(leg()).toBeUndefined();
  });

  test('a token works once', async () => {
    const { url } = await door();
    const first = await connect(url);
    first.send(start());
    const second = await connect(url);
    const closed = closing(second);
    second.send(start());
    expect((await closed).code).toBe(1008);
    expect(first.readyState).toBe(WebSocket.OPEN);
  });

  test('a start that never comes ends the wait', async () => {
    const { url } = await door({ startMs: 50 });
    const socket = await connect(url);
    socket.send(json({ event: 'connected', protocol: 'Call', version: '1.0.0' }));
    expect(await closing(socket)).toMatchObject({ code: 1008, reason: 'no start message came' });
  });

  test('a stream nobody waits for is closed', async () => {
    const { url } = await door({ wanted: false });
    const socket = await connect(url);
    socket.send(start());
    expect((await closing(socket)).code).toBe(1008);
  });
});

describe('an open stream', () => {
  async function opened() {
    const at = await door();
    const socket = await connect(at.url);
    const got: Record<string, never>[] = [];
    socket.on('message', (data, binary) => {
      expect(binary).toBe(false);
      got.push(JSON.parse(data.toString()));
    });
    socket.send(json({ event: 'connected', protocol: 'Call', version: '1.0.0' }));
    socket.send(start());
    await untilTrue(() => at.leg() !== undefined);
    return { ...at, socket, got, live: at.leg() as Leg };
  }

  test('hears audio, marks and digits, and knows what it is connected to', async () => {
    const { socket, heard, live } = await opened();
    expect(live).toMatchObject({ callSid: CALL, streamSid: STREAM });
    socket.send(media(frame(), 1, 155));
    socket.send(
      json({
        event: 'dtmf',
        streamSid: STREAM,
        sequenceNumber: '3',
        dtmf: { track: 'inbound_track', digit: '5' },
      }),
    );
    socket.send(json({ event: 'mark', streamSid: STREAM, sequenceNumber: '4', mark: { name: '1:7' } }));
    await untilTrue(() => heard.marks.length === 1);
    expect(heard).toMatchObject({ audio: [frame()], times: [155], digits: ['5'], marks: ['1:7'] });
  });

  test('a media message written another way means the same', async () => {
    const { socket, heard } = await opened();
    socket.send(
      `{ "streamSid": "${STREAM}", "media": {"payload":"${frame(3)}","timestamp":"175","chunk":"2"}, "event": "media" }`,
    );
    await untilTrue(() => heard.audio.length === 1);
    expect(heard.audio).toEqual([frame(3)]);
    expect(heard.times).toEqual([175]);
  });

  test('speaks in 160-byte frames with exactly the documented fields', async () => {
    const { live, got } = await opened();
    live.play(Buffer.concat([Buffer.alloc(160, 1), Buffer.alloc(160, 2)]), '4:1');
    live.clear();
    await untilTrue(() => got.length === 4);
    expect(got).toEqual([
      { event: 'media', streamSid: STREAM, media: { payload: frame(1) } },
      { event: 'media', streamSid: STREAM, media: { payload: frame(2) } },
      { event: 'mark', streamSid: STREAM, mark: { name: '4:1' } },
      { event: 'clear', streamSid: STREAM },
    ]);
  });

  test('lost frames are counted by their numbers', async () => {
    const { socket, live, heard } = await opened();
    for (const chunk of [1, 2, 5, 4, 6]) socket.send(media(frame(), chunk, chunk * 20));
    await untilTrue(() => heard.audio.length === 5);
    expect(live.counts.lost).toBe(2);
  });

  test.each([
    ['garbage', 'not json'],
    ['an unknown event', json({ event: 'video', streamSid: STREAM })],
    ['another stream', media(frame(), 1, 155, 'MZ2')],
    [
      'a payload with a quote in it',
      json({ event: 'media', streamSid: STREAM, media: { chunk: '1', timestamp: '2', payload: 'AA"}' } }),
    ],
    [
      'a payload that is not base64',
      json({ event: 'media', streamSid: STREAM, media: { chunk: '1', timestamp: '2', payload: '****' } }),
    ],
    ['a second start', start()],
    ['a digit that is none', json({ event: 'dtmf', streamSid: STREAM, dtmf: { digit: '55' } })],
  ])('%s is dropped and counted, and the call lives', async (_, message) => {
    const { socket, live, heard } = await opened();
    socket.send(message);
    socket.send(media(frame(9), 1));
    await untilTrue(() => heard.audio.length === 1);
    expect(heard.audio).toEqual([frame(9)]);
    expect(live.counts.refused).toBe(1);
  });

  test('binary frames are dropped and counted', async () => {
    const { socket, live, heard } = await opened();
    socket.send(Buffer.from(media(frame())));
    socket.send(media(frame(9), 1));
    await untilTrue(() => heard.audio.length === 1);
    expect(live.counts.refused).toBe(1);
  });

  test('stop ends it; a socket that breaks loses it; either is told once', async () => {
    const one = await opened();
    one.socket.send(json({ event: 'stop', streamSid: STREAM, stop: { accountSid: 'AC1', callSid: CALL } }));
    await closing(one.socket);
    expect(one.heard.closed).toEqual([['ended', 'the call ended']]);
    const two = await opened();
    two.socket.terminate();
    await untilTrue(() => two.heard.closed.length > 0);
    expect(two.heard.closed).toEqual([['lost', expect.stringContaining('1006')]]);
  });

  test('whatever text arrives, the stream lives and the next frame is heard', async () => {
    const { socket, heard } = await opened();
    let expected = 0;
    const piece = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.json(),
      fc
        .constant(media(frame()))
        .chain((text) => fc.nat({ max: text.length }).map((cut) => text.slice(0, cut))),
      fc
        .record({
          event: fc.constantFrom('media', 'mark', 'dtmf', 'start', 'connected'),
          streamSid: fc.constantFrom(STREAM, 'MZ2', ''),
          media: fc.anything(),
        })
        .map((value) => json(value)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
        for (const text of pieces) socket.send(text);
        const before = heard.audio.length;
        socket.send(media(frame(200)));
        await untilTrue(() => heard.audio.length > before);
        expected += 1;
        expect(heard.audio.filter((payload) => payload === frame(200)).length).toBe(expected);
      }),
      { numRuns: 100 },
    );
  });
});

describe('cutting a payload out', () => {
  const quoted = Buffer.from(`"${STREAM}"`);

  test('means what JSON means, or says nothing, whatever came before', () => {
    const shape = noShape();
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes).toString('base64')),
          fc.string(),
          fc.json(),
        ),
        fc.oneof(fc.nat(), fc.string()),
        fc.constantFrom(STREAM, 'MZ2'),
        (payload, chunk, streamSid) => {
          const text = json({
            event: 'media',
            sequenceNumber: '9',
            media: { track: 'inbound', chunk: String(chunk), timestamp: '20', payload },
            streamSid,
          });
          const message = Buffer.from(text);
          const cut = cutMedia(message, quoted, shape);
          if (!cut) return;
          expect(message.toString('utf8', cut.from, cut.to)).toBe(payload);
          expect(cut.chunk).toBe(Number(chunk));
          expect(streamSid).toBe(STREAM);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('takes what Twilio sends', () => {
    const message = Buffer.from(media(frame(5), 12, 395));
    const cut = cutMedia(message, quoted, noShape());
    expect(cut).toMatchObject({ chunk: 12, timestampMs: 395 });
    expect(message.toString('utf8', cut?.from, cut?.to)).toBe(frame(5));
  });
});

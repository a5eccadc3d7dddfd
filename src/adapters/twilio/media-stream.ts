/**
 * adapters/twilio/media-stream: Twilio's bidirectional Media Stream, from the upgrade request to a `Leg`.
 *
 * This file is the carrier's half of the frame path. A media message is never parsed as JSON nor decoded: its payload is
 * cut out of the received buffer. Everything else, and every media message in a shape we do not expect, takes the slow
 * path through JSON and a schema. Source: twilio.com/docs/voice/media-streams/websocket-messages.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import type { CarrierInlet, Clock, Leg, LegSink, Log, StreamTickets } from '../../app/ports.ts';
import { acceptSocket, type FrameSocket, type FrameSocketSink, refuseUpgrade } from '../../wire/websocket.ts';

/** μ-law 8 kHz: 20 ms. */
const FRAME_BYTES = 160;
/** The longest base64 payload taken: one second of audio. Twilio sends 216 characters. */
const MAX_PAYLOAD_CHARS = 10_668;
const MAX_MESSAGE_BYTES = 64 * 1024;
/** Whoever connected has this long to say `start`. */
const START_MS = 5_000;
/** About five seconds of audio in JSON that the carrier's socket did not take: more would only be heard too late. */
const MAX_UNSENT_BYTES = 80 * 1024;

const Counter = z.string().regex(/^\d{1,15}$/);
const FromTwilio = z.discriminatedUnion('event', [
  z.object({ event: z.literal('connected') }),
  z.object({
    event: z.literal('start'),
    streamSid: z.string().min(1).max(64),
    start: z.object({
      callSid: z.string().min(1).max(64),
      customParameters: z.record(z.string(), z.string()).default({}),
      mediaFormat: z.object({ encoding: z.string(), sampleRate: z.number(), channels: z.number() }),
    }),
  }),
  z.object({
    event: z.literal('media'),
    streamSid: z.string(),
    media: z.object({ chunk: Counter, timestamp: Counter, payload: z.string().max(MAX_PAYLOAD_CHARS) }),
  }),
  z.object({
    event: z.literal('dtmf'),
    streamSid: z.string(),
    dtmf: z.object({ digit: z.string().regex(/^[0-9A-D*#]$/) }),
  }),
  z.object({
    event: z.literal('mark'),
    streamSid: z.string(),
    mark: z.object({ name: z.string().max(256) }),
  }),
  z.object({ event: z.literal('stop'), streamSid: z.string() }),
]);
type Start = Extract<z.infer<typeof FromTwilio>, { event: 'start' }>;

/** Where a payload lies in a media message: bytes [from, to). */
export interface MediaCut {
  readonly from: number;
  readonly to: number;
  readonly chunk: number;
  readonly timestampMs: number;
}

const MEDIA_START = Buffer.from('{"event":"media"');
const CHUNK = Buffer.from('"chunk":"');
const TIMESTAMP = Buffer.from('"timestamp":"');
const PAYLOAD = Buffer.from('"payload":"');
const QUOTE = 0x22;

/** 1 for the bytes a base64 payload may hold. */
const BASE64 = new Uint8Array(256);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=') {
  BASE64[char.charCodeAt(0)] = 1;
}

/** The number from `at` up to the closing quote; -1 when there is anything else. */
function digits(message: Buffer, at: number): number {
  let value = 0;
  for (let i = at; i < at + 16; i += 1) {
    const byte = message[i];
    if (byte === QUOTE) return i > at ? value : -1;
    if (byte === undefined || byte < 0x30 || byte > 0x39) return -1;
    value = value * 10 + byte - 0x30;
  }
  return -1;
}

/** Where the parts of a stream's last media message were: the next one is the same but for a digit now and then. */
export interface MediaShape {
  chunk: number;
  timestamp: number;
  payload: number;
  streamSid: number;
}

/** Where `key` is: at `hint` nearly always, else wherever it is found; -1 when nowhere. */
function find(message: Buffer, key: Buffer, hint: number): number {
  for (let i = 0; i < key.length; i += 1) {
    if (message[hint + i] !== key[i]) return message.indexOf(key, MEDIA_START.length);
  }
  return hint;
}

/**
 * Finds the payload of a media message written the way Twilio writes it. Undefined: some other message or some other way
 * of writing, which only the slow path can tell. The payload holds base64 characters only, so that it can be put into
 * another JSON text as it is. `streamSid` is the quoted id; `shape` is remembered from message to message.
 */
export function cutMedia(message: Buffer, streamSid: Buffer, shape: MediaShape): MediaCut | undefined {
  for (let i = 0; i < MEDIA_START.length; i += 1) if (message[i] !== MEDIA_START[i]) return undefined;
  shape.chunk = find(message, CHUNK, shape.chunk);
  shape.timestamp = find(message, TIMESTAMP, shape.timestamp);
  shape.payload = find(message, PAYLOAD, shape.payload);
  if (shape.chunk < 0 || shape.timestamp < 0 || shape.payload < 0) return undefined;
  const chunk = digits(message, shape.chunk + CHUNK.length);
  const timestampMs = digits(message, shape.timestamp + TIMESTAMP.length);
  if (chunk < 0 || timestampMs < 0) return undefined;
  const from = shape.payload + PAYLOAD.length;
  let to = from;
  while (BASE64[message[to] ?? 0] === 1) to += 1;
  if (message[to] !== QUOTE || to - from > MAX_PAYLOAD_CHARS || (to - from) % 4 !== 0) return undefined;
  shape.streamSid = find(message, streamSid, shape.streamSid);
  if (shape.streamSid < 0) return undefined;
  return { from, to, chunk, timestampMs };
}

export const noShape = (): MediaShape => ({ chunk: 0, timestamp: 0, payload: 0, streamSid: 0 });

export interface MediaDeps {
  /** Is this the carrier's signature of the upgrade request to `path`? */
  readonly validUpgrade: (signature: string | undefined, path: string) => boolean;
  readonly tickets: Pick<StreamTickets, 'spend'>;
  readonly inlet: Pick<CarrierInlet, 'streamOpened'>;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Log;
}

const SUFFIX = Buffer.from('"}}');
/** Frames sent with one write at most; the playout's lead is ten. */
const MAX_FRAMES = 50;
/** The payloads being sent: 160 bytes are 216 characters. Sending copies them, so one set serves all streams. */
const payloads = Array.from({ length: MAX_FRAMES }, () => Buffer.alloc(216));

class MediaStream implements Leg, FrameSocketSink {
  readonly #socket: FrameSocket;
  readonly #deps: MediaDeps;
  #sink: LegSink | undefined;
  #quotedSid: Buffer = Buffer.alloc(0);
  #prefix: Buffer = Buffer.alloc(0);
  #lastChunk = 0;
  readonly #shape = noShape();
  #closed = false;
  readonly #cancelStart: () => void;
  callSid = '';
  streamSid = '';
  readonly counts = { lost: 0, refused: 0, unsent: 0 };

  constructor(socket: FrameSocket, deps: MediaDeps) {
    this.#socket = socket;
    this.#deps = deps;
    this.#cancelStart = deps.clock.after(START_MS, () => this.#turnAway(1008, 'no start message came'));
    socket.bind(this);
  }

  bind(sink: LegSink): void {
    this.#sink = sink;
  }

  text(message: Buffer): void {
    const media = this.streamSid === '' ? undefined : cutMedia(message, this.#quotedSid, this.#shape);
    if (!media) return this.#slow(message);
    this.#countLost(media.chunk);
    if (media.to > media.from)
      this.#sink?.callerAudio(message.subarray(media.from, media.to), media.timestampMs);
  }

  binary(): void {
    this.#refuse('binary frame');
  }

  socketClosed(code: number): void {
    this.#over('lost', `the carrier closed the stream (${code})`);
  }

  play(ulaw: Buffer, mark?: string): void {
    if (this.#closed) return;
    const frames = Math.min(MAX_FRAMES, Math.floor(ulaw.length / FRAME_BYTES));
    if (this.#socket.bufferedBytes > MAX_UNSENT_BYTES) {
      this.counts.unsent += frames;
      return;
    }
    for (let frame = 0; frame < frames; frame += 1) {
      payloads[frame]?.write(
        ulaw.toString('base64', frame * FRAME_BYTES, (frame + 1) * FRAME_BYTES),
        'latin1',
      );
    }
    const behind =
      mark === undefined
        ? undefined
        : Buffer.from(JSON.stringify({ event: 'mark', streamSid: this.streamSid, mark: { name: mark } }));
    this.#socket.sendEach(this.#prefix, payloads.slice(0, frames), SUFFIX, behind);
  }

  clear(): void {
    this.#socket.sendText(JSON.stringify({ event: 'clear', streamSid: this.streamSid }));
  }

  close(): void {
    this.#socket.close(1000);
    this.#over('ended', 'closed by us');
  }

  #countLost(chunk: number): void {
    if (chunk <= this.#lastChunk) return;
    if (this.#lastChunk > 0) this.counts.lost += chunk - this.#lastChunk - 1;
    this.#lastChunk = chunk;
  }

  #slow(message: Buffer): void {
    const parsed = FromTwilio.safeParse(readJson(message)).data;
    if (!parsed) return this.#refuse('not a message of the protocol');
    if (this.streamSid === '') {
      if (parsed.event === 'start') return this.#start(parsed);
      if (parsed.event !== 'connected') this.#refuse(`${parsed.event} before start`);
      return;
    }
    if (parsed.event === 'connected' || parsed.event === 'start')
      return this.#refuse(`a second ${parsed.event}`);
    if (parsed.streamSid !== this.streamSid) return this.#refuse('message of another stream');
    switch (parsed.event) {
      case 'media': {
        const payload = Buffer.from(parsed.media.payload, 'latin1');
        if (payload.length % 4 !== 0 || payload.some((byte) => BASE64[byte] !== 1)) {
          return this.#refuse('payload is not base64');
        }
        this.#countLost(Number(parsed.media.chunk));
        if (payload.length > 0) this.#sink?.callerAudio(payload, Number(parsed.media.timestamp));
        return;
      }
      case 'dtmf':
        this.#sink?.digit(parsed.dtmf.digit);
        return;
      case 'mark':
        this.#sink?.markEchoed(parsed.mark.name);
        return;
      case 'stop':
        this.#socket.close(1000);
        this.#over('ended', 'the call ended');
    }
  }

  #start({ start, streamSid }: Start): void {
    const { customParameters, mediaFormat } = start;
    const callId = this.#deps.tickets.spend(customParameters.token ?? '');
    if (callId === undefined) return this.#turnAway(1008, 'unknown, used or expired token');
    if (callId !== customParameters.callId) return this.#turnAway(1008, 'token of another call');
    const { encoding, sampleRate, channels } = mediaFormat;
    if (encoding !== 'audio/x-mulaw' || sampleRate !== 8000 || channels !== 1) {
      return this.#turnAway(
        1003,
        `media format ${encoding}/${sampleRate}/${channels} is not mu-law 8 kHz mono`,
      );
    }
    this.#cancelStart();
    this.callSid = start.callSid;
    this.streamSid = streamSid;
    const sid = JSON.stringify(streamSid);
    this.#quotedSid = keptBytes(sid);
    this.#prefix = keptBytes(`{"event":"media","streamSid":${sid},"media":{"payload":"`);
    if (!this.#deps.inlet.streamOpened(callId, this)) this.#turnAway(1008, 'nobody waits for this stream');
  }

  #refuse(why: string): void {
    this.counts.refused += 1;
    // The first few of a stream are worth a line each; a peer gone wild is worth no more.
    if (this.counts.refused <= 3)
      this.#deps.log.warn({ streamSid: this.streamSid, why }, 'media stream message dropped');
  }

  #turnAway(code: number, why: string): void {
    this.#deps.log.warn({ code, why }, 'media stream turned away');
    this.#socket.close(code, why);
    this.#over('ended', why);
  }

  #over(how: 'ended' | 'lost', detail: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelStart();
    this.#sink?.legClosed(how, detail);
  }
}

/** In memory of its own: a slice of the pool would keep eight kilobytes of others' passing bytes for a whole call. */
function keptBytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

function readJson(message: Buffer): unknown {
  try {
    return JSON.parse(message.toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * The door for `GET /twilio/media`: checks the signature before it accepts, then waits for a `start` with a good token.
 * Refusals are answered (403 on the upgrade, a close code with its reason after it) and nothing else happens.
 */
export function createMediaDoor(
  deps: MediaDeps,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, socket, head) => {
    const signature = request.headers['x-twilio-signature'];
    if (!deps.validUpgrade(typeof signature === 'string' ? signature : undefined, request.url ?? '')) {
      deps.log.warn(
        { path: request.url?.slice(0, 200) },
        'media stream refused: its signature does not match',
      );
      refuseUpgrade(socket, 403, 'signature does not match');
      return;
    }
    const accepted = acceptSocket(request, socket, { maxPayload: MAX_MESSAGE_BYTES, head });
    if (accepted) new MediaStream(accepted, deps);
  };
}

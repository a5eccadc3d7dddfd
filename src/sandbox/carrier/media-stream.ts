/**
 * carrier/media-stream: one bidirectional Media Stream (twilio.md §1.2–1.4). `Playback` is the buffer that Twilio
 * keeps of what the product sent: bytes and marks, one frame of 20 ms leaving at each turn of the wheel.
 * `MediaStream` is the socket: frames of the caller out, commands of the product in.
 */
import type { Socket } from 'node:net';
import WebSocket from 'ws';
import { FRAME_BYTES, ULAW_SILENCE } from '../audio.ts';
import type { Webhooks } from './callbacks.ts';
import { FRAME_MS } from './clock.ts';
import type { Journal } from './journal.ts';
import type { StreamVerb } from './twiml.ts';

/** Ten minutes of μ-law (31931). */
const PLAYBACK_LIMIT_BYTES = 10 * 60 * 8000;
const MARK_LIMIT = 20_000;
/** Bytes the product may leave unread before the caller's frames are thrown away (31930): about 5 s of them. */
const UNREAD_LIMIT_BYTES = 80_000;
const MESSAGE_LIMIT_BYTES = 8 * 1024 * 1024;
const HANDSHAKE_MS = 10_000;
/** How long the other side may take to answer a close frame before the connection is cut. */
const CLOSE_MS = 1_000;

export const SILENT_FRAME: Buffer = Buffer.alloc(FRAME_BYTES, ULAW_SILENCE);
const SILENT_PAYLOAD = SILENT_FRAME.toString('base64');

type Item = { readonly audio: Buffer } | { readonly mark: () => void };

/** Sound and marks in the order they came, played one frame at a time. */
export class Playback {
  #items: Item[] = [];
  #head = 0;
  #offset = 0;
  #bytes = 0;
  #marks = 0;

  /** Sound that was accepted and not played yet, in bytes (8 a millisecond). */
  get bytes(): number {
    return this.#bytes;
  }

  /** False when more than ten minutes would be waiting: then nothing of `audio` is kept. */
  push(audio: Buffer): boolean {
    if (this.#bytes + audio.length > PLAYBACK_LIMIT_BYTES) return false;
    if (audio.length > 0) {
      this.#items.push({ audio });
      this.#bytes += audio.length;
    }
    return true;
  }

  /** Calls `reached` when everything before it was played or cleared; at once when nothing waits. */
  mark(reached: () => void): boolean {
    if (this.#head === this.#items.length) {
      reached();
      return true;
    }
    if (this.#marks >= MARK_LIMIT) return false;
    this.#items.push({ mark: reached });
    this.#marks += 1;
    return true;
  }

  /** Drops the sound; the marks that waited are reached at once, in order. */
  clear(): void {
    const waiting = this.#items.slice(this.#head);
    this.#forget();
    for (const item of waiting) if ('mark' in item) item.mark();
  }

  /** Drops sound and marks without a word. */
  discard(): void {
    this.#forget();
  }

  /** The next 20 ms: 160 bytes, filled up with silence when less is there. */
  next(): Buffer {
    this.#passMarks();
    const first = this.#items[this.#head];
    if (first === undefined || !('audio' in first)) return SILENT_FRAME;
    if (first.audio.length - this.#offset >= FRAME_BYTES) {
      const frame = first.audio.subarray(this.#offset, this.#offset + FRAME_BYTES);
      this.#consume(first.audio, FRAME_BYTES);
      return frame;
    }
    const frame = Buffer.alloc(FRAME_BYTES, ULAW_SILENCE);
    let filled = 0;
    while (filled < FRAME_BYTES) {
      const item = this.#items[this.#head];
      if (item === undefined) break;
      if ('mark' in item) {
        this.#passMarks();
        continue;
      }
      const count = Math.min(FRAME_BYTES - filled, item.audio.length - this.#offset);
      item.audio.copy(frame, filled, this.#offset, this.#offset + count);
      this.#consume(item.audio, count);
      filled += count;
    }
    return frame;
  }

  #consume(audio: Buffer, count: number): void {
    this.#offset += count;
    this.#bytes -= count;
    if (this.#offset < audio.length) return;
    this.#head += 1;
    this.#offset = 0;
    if (this.#head > 512) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  #passMarks(): void {
    for (;;) {
      const item = this.#items[this.#head];
      if (item === undefined || !('mark' in item)) return;
      this.#head += 1;
      this.#marks -= 1;
      item.mark();
    }
  }

  #forget(): void {
    this.#items = [];
    this.#head = 0;
    this.#offset = 0;
    this.#bytes = 0;
    this.#marks = 0;
  }
}

/** Why a stream did not come about: Twilio's code and a sentence. */
export type StreamFailure = { readonly code: 31901 | 31902 | 31910 | 31920; readonly reason: string };

/** Who ended a stream that ran. `code`: the WebSocket close code as the carrier saw it. */
export type StreamEnd =
  | { readonly by: 'carrier' }
  | { readonly by: 'server'; readonly code: number }
  | { readonly by: 'fault'; readonly code: number };

type Options = {
  readonly verb: StreamVerb;
  readonly streamSid: string;
  readonly callSid: string;
  readonly accountSid: string;
  readonly playback: Playback;
  readonly journal: Journal;
  readonly webhooks: Webhooks;
  /** Seeded numbers in [0, 1): loss, jitter and the first timestamp of this stream. */
  readonly dice: () => number;
};

type Late = { readonly frame: Buffer; readonly timestamp: number; readonly dueTick: number };

export class MediaStream {
  readonly ended: Promise<StreamEnd>;
  /** Resolves when the socket is closed for good, at most a second after the end. */
  readonly gone: Promise<void>;
  readonly #socket: WebSocket;
  readonly #options: Options;
  readonly #firstTimestamp: number;
  readonly #warned = new Set<number>();
  readonly #late: Late[] = [];
  #end: (end: StreamEnd) => void = () => {};
  #over = false;
  #sequence = 0;
  #chunk = 0;
  #tick = 0;

  /** Connects; answers the running stream, `connected` and `start` already sent, or why it failed. */
  static open(options: Options, signal: AbortSignal): Promise<MediaStream | StreamFailure> {
    const { url, headers } = options.webhooks.upgrade(options.verb.url);
    return new Promise((resolve) => {
      const fail = (code: StreamFailure['code'], reason: string) => {
        signal.removeEventListener('abort', onAbort);
        socket.terminate();
        resolve({ code, reason });
      };
      const socket = new WebSocket(url, {
        headers,
        perMessageDeflate: false,
        maxPayload: MESSAGE_LIMIT_BYTES,
        handshakeTimeout: HANDSHAKE_MS,
      });
      const onAbort = () => fail(31901, 'the call ended before the stream was connected');
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (/handshake has timed out/i.test(error.message)) fail(31901, error.message);
        else if (/certificate|self.signed/i.test(error.message)) fail(31910, error.message);
        else fail(error.code === undefined ? 31920 : 31902, error.message);
      });
      socket.on('unexpected-response', (_request, response) =>
        fail(31920, `the server answered ${response.statusCode ?? 0} instead of 101`),
      );
      socket.once('open', () => {
        signal.removeEventListener('abort', onAbort);
        if (signal.aborted) return fail(31901, 'the call ended before the stream was connected');
        resolve(new MediaStream(socket, options));
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  private constructor(socket: WebSocket, options: Options) {
    this.#socket = socket;
    this.#options = options;
    this.#firstTimestamp = 140 + Math.floor(options.dice() * 40);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.gone = new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
    socket.removeAllListeners('error');
    socket.on('error', () => {});
    socket.on('message', (data, binary) => {
      if (!this.#over) this.#receive(data as Buffer, binary);
    });
    socket.on('close', (code) => {
      if (this.#over) return;
      this.#over = true;
      this.#end({ by: 'server', code });
    });
    const tcp: Socket | undefined = (socket as unknown as { _socket?: Socket })._socket;
    tcp?.setNoDelay(true);
    this.#send({ event: 'connected', protocol: 'Call', version: '1.0.0' });
    const { streamSid, accountSid, callSid, verb } = options;
    this.#sequence += 1;
    this.#send({
      event: 'start',
      sequenceNumber: String(this.#sequence),
      start: {
        accountSid,
        streamSid,
        callSid,
        tracks: ['inbound'],
        mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
        customParameters: verb.parameters,
      },
      streamSid,
    });
  }

  /** What the caller said in this 20 ms; called once per turn of the wheel. */
  frame(frame: Buffer): void {
    if (this.#over) return;
    const { loss, jitterMs } = this.#options.journal.faults.media;
    const timestamp = this.#firstTimestamp + this.#tick * FRAME_MS;
    this.#tick += 1;
    const { dice } = this.#options;
    const lost = loss > 0 && dice() < loss;
    if (jitterMs === 0 && this.#late.length === 0) {
      if (!lost) this.#sendFrame(frame, timestamp);
      return;
    }
    if (!lost) {
      const late = Math.floor((dice() * jitterMs) / FRAME_MS);
      const before = this.#late.at(-1)?.dueTick ?? 0;
      this.#late.push({ frame, timestamp, dueTick: Math.max(before, this.#tick + late) });
    }
    for (;;) {
      const first = this.#late[0];
      if (first === undefined || first.dueTick > this.#tick) return;
      this.#late.shift();
      this.#sendFrame(first.frame, first.timestamp);
    }
  }

  dtmf(digit: string): void {
    if (this.#over) return;
    const { streamSid } = this.#options;
    this.#sequence += 1;
    this.#send({
      event: 'dtmf',
      streamSid,
      sequenceNumber: String(this.#sequence),
      dtmf: { track: 'inbound_track', digit },
    });
  }

  /** Ends the stream from the carrier's side: `stop`, then the close frame without a code. */
  stop(): void {
    if (this.#over) return;
    this.#sendStop();
    this.#finish({ by: 'carrier' }, () => this.#socket.close());
  }

  /** The line drops: closes with `code` (1006: cuts the connection), with or without a `stop` before it. */
  drop(code: number, withoutStop: boolean): void {
    if (this.#over) return;
    if (!withoutStop) this.#sendStop();
    this.#finish({ by: 'fault', code }, () =>
      code === 1006 ? this.#socket.terminate() : this.#socket.close(code),
    );
  }

  #finish(end: StreamEnd, close: () => void): void {
    this.#over = true;
    this.#late.length = 0;
    close();
    const cut = setTimeout(() => this.#socket.terminate(), CLOSE_MS);
    this.#socket.once('close', () => clearTimeout(cut));
    this.#end(end);
  }

  #sendStop(): void {
    const { accountSid, callSid, streamSid } = this.#options;
    this.#sequence += 1;
    this.#send({
      event: 'stop',
      sequenceNumber: String(this.#sequence),
      stop: { accountSid, callSid },
      streamSid,
    });
  }

  #sendFrame(frame: Buffer, timestamp: number): void {
    if (this.#socket.bufferedAmount > UNREAD_LIMIT_BYTES) {
      this.#warn(31930, 'the server reads too slowly; audio of the caller was dropped');
      return;
    }
    const payload = frame === SILENT_FRAME ? SILENT_PAYLOAD : frame.toString('base64');
    this.#sequence += 1;
    this.#chunk += 1;
    this.#socket.send(
      `{"event":"media","sequenceNumber":"${this.#sequence}","media":{"track":"inbound","chunk":"${this.#chunk}","timestamp":"${timestamp}","payload":"${payload}"},"streamSid":"${this.#options.streamSid}"}`,
    );
  }

  #send(message: unknown): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #receive(data: Buffer, binary: boolean): void {
    if (binary) return this.#warn(31950, 'a binary frame; messages are JSON in text frames');
    let message: unknown;
    try {
      message = JSON.parse(data.toString('utf8'));
    } catch {
      return this.#warn(31951, 'a message that is not JSON');
    }
    const command = readCommand(message);
    if (typeof command === 'string') return this.#warn(31951, command);
    if (command.streamSid !== this.#options.streamSid)
      return this.#warn(31951, 'the streamSid of another stream');
    const { playback } = this.#options;
    switch (command.event) {
      case 'media':
        if (command.audio.subarray(0, 4).toString('latin1') === 'RIFF') {
          this.#warn(90001, 'the payload begins with a RIFF header; it is played as noise');
        }
        if (!playback.push(command.audio)) this.#warn(31931, 'more than ten minutes of audio are waiting');
        return;
      case 'mark':
        if (!playback.mark(() => this.#echo(command.name))) this.#warn(31951, 'too many marks are waiting');
        return;
      case 'clear':
        this.#options.journal.note('playback-cleared', this.#options.callSid, { ms: playback.bytes / 8 });
        playback.clear();
        return;
    }
  }

  #echo(name: string): void {
    if (this.#over) return;
    this.#sequence += 1;
    this.#send({
      event: 'mark',
      sequenceNumber: String(this.#sequence),
      streamSid: this.#options.streamSid,
      mark: { name },
    });
  }

  /** Twilio warns once per stream and code; what comes later vanishes silently. */
  #warn(code: number, message: string): void {
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    this.#options.journal.complain('warning', code, message, { callSid: this.#options.callSid });
  }
}

type Command =
  | { readonly event: 'media'; readonly streamSid: string; readonly audio: Buffer }
  | { readonly event: 'mark'; readonly streamSid: string; readonly name: string }
  | { readonly event: 'clear'; readonly streamSid: string };

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** A message of the product with exactly the documented fields, or what is wrong with it. */
function readCommand(message: unknown): Command | string {
  const outer = fields(message, 'event' in Object(message) ? eventFields(message) : []);
  if (outer === undefined) return 'a message with missing or extra fields, or of an unknown event';
  const { event, streamSid } = outer;
  if (typeof streamSid !== 'string') return 'a message without a streamSid';
  if (event === 'clear') return { event, streamSid };
  if (event === 'media') {
    const payload = fields(outer.media, ['payload'])?.payload;
    if (typeof payload !== 'string' || payload.length % 4 !== 0 || !BASE64.test(payload)) {
      return 'a media message without a base64 payload, or with extra fields';
    }
    return { event, streamSid, audio: Buffer.from(payload, 'base64') };
  }
  const name = fields(outer.mark, ['name'])?.name;
  if (typeof name !== 'string') return 'a mark without a name, or with extra fields';
  return { event: 'mark', streamSid, name };
}

function eventFields(message: unknown): readonly string[] {
  switch ((message as { event: unknown }).event) {
    case 'media':
      return ['event', 'streamSid', 'media'];
    case 'mark':
      return ['event', 'streamSid', 'mark'];
    case 'clear':
      return ['event', 'streamSid'];
    default:
      return [];
  }
}

/** The object, if it has exactly these keys. */
function fields(value: unknown, keys: readonly string[]): Record<string, unknown> | undefined {
  if (keys.length === 0 || typeof value !== 'object' || value === null || Array.isArray(value))
    return undefined;
  const record = value as Record<string, unknown>;
  const found = Object.keys(record);
  return found.length === keys.length && keys.every((key) => Object.hasOwn(record, key)) ? record : undefined;
}

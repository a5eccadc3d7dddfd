/**
 * wire/websocket: WebSocket frames (RFC 6455) on the raw socket, for the places where fifty messages a second and call
 * pass. It reads payloads as Buffers into the received chunk, never decodes text, writes one buffer per message,
 * and keeps no stream machinery per connection. Text is not checked for UTF-8: whoever decodes a payload finds out.
 *
 * No extensions and no subprotocols are offered or accepted.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface FrameSocketSink {
  /** One whole text message, fragments joined. The buffer is valid only during the call. */
  text(payload: Buffer): void;
  binary(payload: Buffer): void;
  /** The other side answered a ping. */
  pong?(): void;
  /** Exactly once. 1006: the connection broke without a close frame; 1005: a close frame without a code. */
  socketClosed(code: number, reason: string): void;
}

export interface FrameSocket {
  /** Starts the flow of messages; until then the connection is paused, so nothing is lost and nothing piles up. */
  bind(sink: FrameSocketSink): void;
  sendText(text: string | Buffer): void;
  /** One binary message, copied before it returns. */
  sendBinary(payload: Buffer): void;
  /** Asks whether the other side is there: every WebSocket answers by itself. */
  ping(): void;
  /** One text message made of three pieces, copied once. */
  sendSpliced(prefix: Buffer, payload: Buffer, suffix: Buffer): void;
  /** Text messages prefix + piece + suffix for every piece, and `last` behind them if given, all in one write. */
  sendEach(prefix: Buffer, pieces: readonly Buffer[], suffix: Buffer, last?: Buffer): void;
  /** Starts the closing handshake; the connection is destroyed after 2 s at the latest. Idempotent. */
  close(code: number, reason?: string): void;
  destroy(): void;
  /** Bytes accepted by `send…` that the kernel has not taken yet. */
  readonly bufferedBytes: number;
  readonly open: boolean;
}

/** The other side did not become a WebSocket. `status` is its HTTP answer, `code` the system's error code. */
export class HandshakeError extends Error {
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly body: string;

  constructor(
    message: string,
    options: { status?: number; code?: string; body?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'HandshakeError';
    this.status = options.status;
    this.code = options.code;
    this.body = options.body ?? '';
  }
}

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const CLOSING_MS = 2_000;
const NOTHING = Buffer.alloc(0);

/** Masks come from one pool of randomness, refilled in blocks: a system call per frame would cost more than the frame. */
const maskPool = Buffer.alloc(8_192);
let maskAt = maskPool.length;
function nextMask(): number {
  if (maskAt === maskPool.length) {
    randomBytes(maskPool.length).copy(maskPool);
    maskAt = 0;
  }
  const mask = maskPool.readUInt32BE(maskAt);
  maskAt += 4;
  return mask;
}

/**
 * Frames are built one behind the other in a slab. A socket that took its frame at once leaves nothing behind, and the
 * next frame is built in the same place: in the steady state of a call no memory is made for what is sent.
 */
const SLAB_BYTES = 256 * 1024;
let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
let slabAt = 0;
function frameSpace(bytes: number): Buffer {
  if (bytes > SLAB_BYTES / 4) return Buffer.allocUnsafeSlow(bytes);
  if (slabAt + bytes > SLAB_BYTES) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    slabAt = 0;
  }
  return slab.subarray(slabAt, slabAt + bytes);
}

/** XORs `data[from, to)` with the mask, first mask byte at `from`. */
function applyMask(data: Buffer, from: number, to: number, mask: number): void {
  const a = mask >>> 24;
  const b = (mask >>> 16) & 0xff;
  const c = (mask >>> 8) & 0xff;
  const d = mask & 0xff;
  let at = from;
  for (const end = to - 3; at < end; at += 4) {
    data[at] = (data[at] as number) ^ a;
    data[at + 1] = (data[at + 1] as number) ^ b;
    data[at + 2] = (data[at + 2] as number) ^ c;
    data[at + 3] = (data[at + 3] as number) ^ d;
  }
  if (at < to) data[at] = (data[at] as number) ^ a;
  if (at + 1 < to) data[at + 1] = (data[at + 1] as number) ^ b;
  if (at + 2 < to) data[at + 2] = (data[at + 2] as number) ^ c;
}

/** Codes a peer may send in a close frame (RFC 6455 §7.4). */
const sendable = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
  (code >= 3000 && code <= 4999);

/** What one read of any connection brings. It is used up before the next, so all connections share it. */
const received = Buffer.alloc(64 * 1024);

/** Members of a socket that Node sets for its option `onread`. */
interface OnreadSocket {
  _handle?: { useUserBuffer?: (buffer: Uint8Array) => void } | null;
  [member: symbol]: unknown;
}

/**
 * Has Node read into `received` and call `take` with the number of bytes, instead of making a buffer and a stream event
 * for every read: at a hundred reads a second and call that is a tenth of the CPU and most of the garbage that stops the
 * loop. It is what the documented option `onread` of net.Socket does, which cannot be given to a server's sockets; where
 * this Node keeps it elsewhere, or the socket is no plain TCP socket, it answers false and the stream is used.
 */
function readShared(socket: Socket, take: (bytes: number) => void): boolean {
  if (!(socket instanceof Socket) || 'encrypted' in socket || socket.readableLength > 0) return false;
  const inner = socket as unknown as OnreadSocket;
  const [buffer, call, next] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) =>
    Object.getOwnPropertySymbols(inner).find((symbol) => symbol.description === name),
  );
  const handle = inner._handle;
  if (!buffer || !call || !next || typeof handle?.useUserBuffer !== 'function') return false;
  inner[buffer] = received;
  inner[call] = (bytes: number) => {
    take(bytes);
    return true;
  };
  inner[next] = null;
  // biome-ignore lint/correctness/useHookAtTopLevel: not a hook of React
  handle.useUserBuffer(received);
  return true;
}

class Frames implements FrameSocket {
  readonly #socket: Socket;
  /** We are the client: our frames are masked, theirs are not. */
  readonly #client: boolean;
  readonly #maxPayload: number;
  #sink: FrameSocketSink | undefined;
  /** Received bytes that do not make a frame yet, and how many are wanted before looking again. */
  #chunks: Buffer[] = [];
  #held = 0;
  #wanted = 2;
  /** Fragments of the message under way. */
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #partsOpcode = 0;
  #closeSent = false;
  #closeCode = 1006;
  #closeReason = '';
  #over = false;
  #closingTimer: NodeJS.Timeout | undefined;
  /** What came behind the handshake, until somebody reads. */
  #head: Buffer;

  constructor(socket: Socket, client: boolean, maxPayload: number, head: Buffer) {
    this.#socket = socket;
    this.#client = client;
    this.#maxPayload = maxPayload;
    socket.setNoDelay(true);
    socket.setTimeout(0);
    socket.pause();
    this.#head = head;
    socket.on('error', () => this.#end());
    socket.on('end', () => {
      socket.end();
      this.#end();
    });
    socket.on('close', () => this.#end());
  }

  bind(sink: FrameSocketSink): void {
    this.#sink = sink;
    if (this.#over) {
      sink.socketClosed(this.#closeCode, this.#closeReason);
      return;
    }
    if (!readShared(this.#socket, (bytes) => this.#read(received, bytes, true)))
      this.#socket.on('data', (chunk: Buffer) => this.#read(chunk, chunk.length, false));
    const head = this.#head;
    this.#head = NOTHING;
    if (head.length > 0) this.#read(head, head.length, false);
    this.#socket.resume();
  }

  get open(): boolean {
    return !this.#over && !this.#closeSent;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  sendText(text: string | Buffer): void {
    const payload = typeof text === 'string' ? Buffer.from(text) : text;
    this.#send(TEXT, NOTHING, payload, NOTHING);
  }

  sendBinary(payload: Buffer): void {
    this.#send(BINARY, NOTHING, payload, NOTHING);
  }

  ping(): void {
    this.#send(PING, NOTHING, NOTHING, NOTHING);
  }

  sendSpliced(prefix: Buffer, payload: Buffer, suffix: Buffer): void {
    this.#send(TEXT, prefix, payload, suffix);
  }

  sendEach(prefix: Buffer, pieces: readonly Buffer[], suffix: Buffer, last?: Buffer): void {
    if (this.#over || this.#closeSent) return;
    let bytes = last ? this.#frameBytes(last.length) : 0;
    for (const piece of pieces) bytes += this.#frameBytes(prefix.length + piece.length + suffix.length);
    const block = frameSpace(bytes);
    let at = 0;
    for (const piece of pieces) at = this.#put(block, at, TEXT, prefix, piece, suffix);
    if (last) this.#put(block, at, TEXT, NOTHING, last, NOTHING);
    this.#write(block);
  }

  close(code: number, reason = ''): void {
    if (this.#over || this.#closeSent) return;
    const text = Buffer.from(reason).subarray(0, 123);
    const payload = Buffer.allocUnsafe(2 + text.length);
    payload.writeUInt16BE(code, 0);
    text.copy(payload, 2);
    this.#closeCode = code;
    this.#closeReason = reason;
    this.#send(CLOSE, NOTHING, payload, NOTHING);
    this.#closeSent = true;
    this.#closingTimer = setTimeout(() => this.destroy(), CLOSING_MS);
    this.#closingTimer.unref();
    // A socket that nobody reads would never see the answer.
    if (!this.#sink) this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#end();
  }

  #send(opcode: number, prefix: Buffer, payload: Buffer, suffix: Buffer): void {
    if (this.#over || this.#closeSent) return;
    const frame = frameSpace(this.#frameBytes(prefix.length + payload.length + suffix.length));
    this.#put(frame, 0, opcode, prefix, payload, suffix);
    this.#write(frame);
  }

  #write(block: Buffer): void {
    this.#socket.write(block);
    // Still waiting in the socket: its place in the slab is taken until the slab is forgotten.
    if (this.#socket.writableLength > 0 && block.buffer === slab.buffer) slabAt += block.length;
  }

  #frameBytes(length: number): number {
    return length + (length < 126 ? 2 : length < 65_536 ? 4 : 10) + (this.#client ? 4 : 0);
  }

  /** Writes one frame into `block` at `at`; answers where the next begins. */
  #put(block: Buffer, at: number, opcode: number, prefix: Buffer, payload: Buffer, suffix: Buffer): number {
    const length = prefix.length + payload.length + suffix.length;
    const maskBit = this.#client ? 0x80 : 0;
    block[at] = 0x80 | opcode;
    let from = at + 2;
    if (length < 126) {
      block[at + 1] = maskBit | length;
    } else if (length < 65_536) {
      block[at + 1] = maskBit | 126;
      block[at + 2] = length >>> 8;
      block[at + 3] = length & 0xff;
      from = at + 4;
    } else {
      block[at + 1] = maskBit | 127;
      block.writeUInt32BE(0, at + 2);
      block.writeUInt32BE(length, at + 6);
      from = at + 10;
    }
    let mask = 0;
    if (this.#client) {
      mask = nextMask();
      block.writeUInt32BE(mask, from);
      from += 4;
    }
    if (prefix.length > 0) prefix.copy(block, from);
    payload.copy(block, from + prefix.length);
    if (suffix.length > 0) suffix.copy(block, from + prefix.length + payload.length);
    if (this.#client) applyMask(block, from, from + length, mask);
    return from + length;
  }

  /** `chunk[0, bytes)` has arrived; `lent`: what must outlive this call has to be copied. */
  #read(chunk: Buffer, bytes: number, lent: boolean): void {
    if (this.#over) return;
    let data = chunk;
    let end = bytes;
    if (this.#held > 0) {
      this.#chunks.push(lent ? Buffer.from(chunk.subarray(0, bytes)) : chunk);
      this.#held += bytes;
      // Joined only when a whole frame is there: a large message in small chunks is copied once, not once a chunk.
      if (this.#held < this.#wanted) return;
      data = Buffer.concat(this.#chunks, this.#held);
      end = this.#held;
      this.#chunks = [];
      this.#held = 0;
    }
    let at = 0;
    while (!this.#over) {
      const left = end - at;
      this.#wanted = 2;
      if (left < 2) break;
      const first = data[at] as number;
      const second = data[at + 1] as number;
      let length = second & 0x7f;
      const masked = (second & 0x80) !== 0;
      let head = masked ? 6 : 2;
      if (length === 126) head += 2;
      else if (length === 127) head += 8;
      if (left < head) {
        this.#wanted = head;
        break;
      }
      if (length === 126) {
        length = data.readUInt16BE(at + 2);
      } else if (length === 127) {
        length = data.readUInt32BE(at + 2) * 2 ** 32 + data.readUInt32BE(at + 6);
      }
      if ((first & 0x70) !== 0) return this.#refuse(1002, 'reserved bits set');
      if (masked === this.#client) return this.#refuse(1002, masked ? 'masked frame' : 'unmasked frame');
      if (length > this.#maxPayload) return this.#refuse(1009, 'message too big');
      if (left < head + length) {
        this.#wanted = head + length;
        break;
      }
      const from = at + head;
      if (masked) applyMask(data, from, from + length, data.readUInt32BE(from - 4));
      at = from + length;
      this.#frame(first & 0x0f, (first & 0x80) !== 0, data.subarray(from, at));
    }
    if (at < end && !this.#over) {
      // Copied, so that a few bytes do not keep a whole read buffer alive.
      const rest = Buffer.from(data.subarray(at, end));
      this.#chunks = [rest];
      this.#held = rest.length;
    }
  }

  #frame(opcode: number, final: boolean, payload: Buffer): void {
    if (opcode === TEXT && final && this.#partsOpcode === 0) {
      if (!this.#closeSent) this.#sink?.text(payload);
      return;
    }
    if (opcode >= 8) {
      if (!final || payload.length > 125) return this.#refuse(1002, 'bad control frame');
      if (opcode === PING) return this.#send(PONG, NOTHING, payload, NOTHING);
      if (opcode === CLOSE) return this.#closed(payload);
      if (opcode === PONG) this.#sink?.pong?.();
      else this.#refuse(1002, 'unknown control frame');
      return;
    }
    if (opcode > BINARY) return this.#refuse(1002, 'unknown frame');
    if ((opcode === CONTINUATION) !== (this.#partsOpcode !== 0))
      return this.#refuse(1002, 'fragments out of order');
    const kind = opcode === CONTINUATION ? this.#partsOpcode : opcode;
    if (!final || opcode === CONTINUATION) {
      this.#partsBytes += payload.length;
      if (this.#partsBytes > this.#maxPayload) return this.#refuse(1009, 'message too big');
      this.#parts.push(Buffer.from(payload));
      this.#partsOpcode = kind;
      if (!final) return;
    }
    const whole = opcode === CONTINUATION ? Buffer.concat(this.#parts, this.#partsBytes) : payload;
    this.#parts = [];
    this.#partsBytes = 0;
    this.#partsOpcode = 0;
    if (this.#closeSent) return;
    if (kind === TEXT) this.#sink?.text(whole);
    else this.#sink?.binary(whole);
  }

  #closed(payload: Buffer): void {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    if (payload.length === 1 || (code !== 1005 && !sendable(code)))
      return this.#refuse(1002, 'bad close frame');
    if (!this.#closeSent) {
      this.#closeCode = code;
      this.#closeReason = payload.toString('utf8', 2);
      this.#send(CLOSE, NOTHING, payload.subarray(0, 2), NOTHING);
      this.#closeSent = true;
    }
    this.#socket.end();
    this.#end();
  }

  #refuse(code: number, reason: string): void {
    this.close(code, reason);
    this.#socket.end();
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#closingTimer);
    this.#chunks = [];
    this.#parts = [];
    this.#socket.removeAllListeners('data');
    // The rest of the handshake may still arrive; it is read into nothing, for a bounded time.
    this.#socket.resume();
    const kill = setTimeout(() => this.#socket.destroy(), CLOSING_MS);
    kill.unref();
    this.#socket.once('close', () => clearTimeout(kill));
    if (this.#socket.destroyed) clearTimeout(kill);
    this.#sink?.socketClosed(this.#closeCode, this.#closeReason);
  }
}

const acceptFor = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** Answers an upgrade request with plain HTTP and closes: for requests that must not become a WebSocket. */
export function refuseUpgrade(socket: Duplex, status: number, text: string): void {
  const titles: Record<number, string> = {
    400: 'Bad Request',
    403: 'Forbidden',
    404: 'Not Found',
    426: 'Upgrade Required',
  };
  socket.on('error', () => {});
  socket.end(
    `HTTP/1.1 ${status} ${titles[status] ?? 'Error'}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}

/**
 * Turns an upgrade request into a WebSocket (we are the server). Undefined when the request is no valid handshake; it
 * has then been answered. `maxPayload` bounds one message, fragments joined.
 */
export function acceptSocket(
  request: IncomingMessage,
  socket: Duplex,
  options: { maxPayload: number; head: Buffer },
): FrameSocket | undefined {
  const key = request.headers['sec-websocket-key'];
  const upgrade = request.headers.upgrade?.toLowerCase();
  if (request.method !== 'GET' || upgrade !== 'websocket' || !key || !/^[+/0-9A-Za-z]{22}==$/.test(key)) {
    refuseUpgrade(socket, 400, 'not a WebSocket handshake');
    return undefined;
  }
  if (request.headers['sec-websocket-version'] !== '13') {
    refuseUpgrade(socket, 426, 'WebSocket version 13 is required');
    return undefined;
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptFor(key)}\r\n\r\n`,
  );
  return new Frames(socket as Socket, false, options.maxPayload, options.head);
}

/** Opens a ws: or wss: URL (we are the client). Rejects with HandshakeError, or with the signal's reason. */
export function connectSocket(
  url: string,
  options: {
    headers?: Record<string, string>;
    signal: AbortSignal;
    handshakeTimeoutMs: number;
    maxPayload: number;
  },
): Promise<FrameSocket> {
  const target = new URL(url);
  const secure = target.protocol === 'wss:';
  if (!secure && target.protocol !== 'ws:') {
    return Promise.reject(new HandshakeError(`not a WebSocket URL: ${target.protocol}`));
  }
  target.protocol = secure ? 'https:' : 'http:';
  const key = randomBytes(16).toString('base64');
  return new Promise((resolve, reject) => {
    let request: ClientRequest;
    const timer = setTimeout(() => {
      fail(new HandshakeError('the handshake took too long', { code: 'ETIMEDOUT' }));
    }, options.handshakeTimeoutMs);
    const aborted = () => fail(options.signal.reason);
    function settle(): void {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', aborted);
    }
    function fail(error: unknown): void {
      settle();
      request?.destroy();
      reject(error);
    }
    if (options.signal.aborted) {
      clearTimeout(timer);
      reject(options.signal.reason);
      return;
    }
    options.signal.addEventListener('abort', aborted, { once: true });
    request = (secure ? httpsRequest : httpRequest)(target, {
      agent: false,
      headers: {
        ...options.headers,
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Key': key,
        'Sec-WebSocket-Version': '13',
      },
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      fail(new HandshakeError(error.message, { ...(error.code ? { code: error.code } : {}), cause: error }));
    });
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        if (body.length < 2_000) body += text;
      });
      const done = () => {
        const status = response.statusCode ?? 0;
        fail(new HandshakeError(`the server answered ${status} instead of a WebSocket`, { status, body }));
      };
      response.on('end', done);
      response.on('close', done);
    });
    request.on('upgrade', (response, socket, head) => {
      if (response.headers['sec-websocket-accept'] !== acceptFor(key)) {
        socket.destroy();
        fail(new HandshakeError('the server accepted another handshake'));
        return;
      }
      if (response.headers['sec-websocket-protocol'] || response.headers['sec-websocket-extensions']) {
        socket.destroy();
        fail(new HandshakeError('the server chose an extension nobody offered'));
        return;
      }
      settle();
      resolve(new Frames(socket, true, options.maxPayload, head));
    });
    request.end();
  });
}

/** Frames against `ws`, a peer we did not write, and against bytes nobody should send. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { acceptSocket, connectSocket, type FrameSocket, HandshakeError } from '../../src/wire/websocket.ts';
import { untilTrue } from '../support/until.ts';

const servers: { close(): void }[] = [];
const open: (FrameSocket | WebSocket | Socket)[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) {
    if (socket instanceof WebSocket) socket.terminate();
    else socket.destroy();
  }
  for (const server of servers.splice(0)) server.close();
});

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

interface Heard {
  readonly texts: string[];
  readonly binaries: number[];
  readonly closed: Promise<{ code: number; reason: string }>;
  closes: number;
}
function hear(socket: FrameSocket): Heard {
  let settle: (value: { code: number; reason: string }) => void = () => {};
  const heard: Heard = { texts: [], binaries: [], closed: new Promise((r) => (settle = r)), closes: 0 };
  socket.bind({
    text: (payload) => heard.texts.push(payload.toString()),
    binary: (payload) => heard.binaries.push(payload.length),
    socketClosed: (code, reason) => {
      heard.closes += 1;
      settle({ code, reason });
    },
  });
  return heard;
}

/** Our server side, with whatever connects to it. */
async function ours(
  maxPayload = 1 << 20,
): Promise<{ port: number; next: () => Promise<FrameSocket>; raw: readonly Duplex[] }> {
  const raw: Duplex[] = [];
  const waiting: ((socket: FrameSocket) => void)[] = [];
  const ready: FrameSocket[] = [];
  const server = createServer();
  servers.push(server);
  server.on('upgrade', (request, socket, head) => {
    const accepted = acceptSocket(request, socket, { maxPayload, head });
    if (!accepted) return;
    open.push(accepted);
    raw.push(socket);
    const taker = waiting.shift();
    if (taker) taker(accepted);
    else ready.push(accepted);
  });
  const port = await listen(server);
  return {
    port,
    raw,
    next: () => {
      const socket = ready.shift();
      return socket ? Promise.resolve(socket) : new Promise((resolve) => waiting.push(resolve));
    },
  };
}

const opened = (socket: WebSocket): Promise<void> =>
  new Promise((resolve) => socket.once('open', () => resolve()));

const messages = fc.array(
  fc.oneof(fc.string(), fc.string({ minLength: 120, maxLength: 130 }), fc.constant('é'.repeat(40_000))),
  {
    minLength: 1,
    maxLength: 8,
  },
);

describe('as a server, with ws as the client', () => {
  test('bytes of any length arrive as they are, and a ping is answered', async () => {
    const server = await ours();
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/`);
    open.push(client);
    const back: Buffer[] = [];
    client.on('message', (data: Buffer, isBinary) => isBinary && back.push(data));
    const [socket] = await Promise.all([server.next(), opened(client)]);
    let pongs = 0;
    socket.bind({
      text() {},
      binary() {},
      socketClosed() {},
      pong() {
        pongs += 1;
      },
    });
    const sent = [0, 1, 125, 126, 4_101, 70_000].map((length) => Buffer.alloc(length, length % 251));
    // One buffer for all, as a lender has it.
    const lent = Buffer.alloc(70_000);
    for (const bytes of sent) {
      bytes.copy(lent);
      socket.sendBinary(lent.subarray(0, bytes.length));
      socket.ping();
    }
    await untilTrue(() => back.length === sent.length && pongs === sent.length);
    expect(Buffer.concat(back).equals(Buffer.concat(sent))).toBe(true);
  });

  test('any texts arrive whole and in order, both ways', async () => {
    const server = await ours();
    await fc.assert(
      fc.asyncProperty(messages, async (texts) => {
        const client = new WebSocket(`ws://127.0.0.1:${server.port}/`);
        open.push(client);
        const back: string[] = [];
        client.on('message', (data) => back.push(data.toString()));
        const [socket] = await Promise.all([server.next(), opened(client)]);
        const heard = hear(socket);
        for (const text of texts) client.send(text);
        await untilTrue(() => heard.texts.length === texts.length);
        expect(heard.texts).toEqual(texts);
        socket.sendEach(
          Buffer.from('<'),
          texts.map((text) => Buffer.from(text)),
          Buffer.from('>'),
          Buffer.from('last'),
        );
        await untilTrue(() => back.length === texts.length + 1);
        expect(back.pop()).toBe('last');
        await untilTrue(() => back.length === texts.length);
        expect(back).toEqual(texts.map((text) => `<${text}>`));
        client.close(4001, 'bye');
        expect(await heard.closed).toEqual({ code: 4001, reason: 'bye' });
      }),
      { numRuns: 25 },
    );
  });

  test('reads make no stream events on this version of Node, and two connections do not mix', async () => {
    const server = await ours();
    const clients = [0, 1].map(() => new WebSocket(`ws://127.0.0.1:${server.port}/`));
    open.push(...clients);
    const whenOpen = Promise.all(clients.map(opened));
    const sockets = await Promise.all(clients.map(() => server.next()));
    await whenOpen;
    const heard = sockets.map(hear);
    for (let i = 0; i < 50; i += 1)
      for (const [n, client] of clients.entries()) client.send(`${n}`.repeat(300));
    await untilTrue(() => heard.every(({ texts }) => texts.length === 50));
    for (const { texts } of heard) expect(new Set(texts).size).toBe(1);
    expect(server.raw.map((socket) => socket.listenerCount('data'))).toEqual([0, 0]);
  });

  test('a message in fragments with a ping between them is one message', async () => {
    const server = await ours();
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/`);
    open.push(client);
    const [socket] = await Promise.all([server.next(), opened(client)]);
    const heard = hear(socket);
    const ponged = new Promise((resolve) => client.once('pong', resolve));
    client.send('one ', { fin: false });
    client.ping('x');
    client.send('two', { fin: true });
    await ponged;
    await untilTrue(() => heard.texts.length === 1);
    expect(heard.texts).toEqual(['one two']);
  });

  test('messages sent before anyone listens are kept', async () => {
    const server = await ours();
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/`);
    open.push(client);
    const [socket] = await Promise.all([server.next(), opened(client)]);
    client.send('early');
    await new Promise((resolve) => setTimeout(resolve, 30));
    const heard = hear(socket);
    await untilTrue(() => heard.texts.length === 1);
    expect(heard.texts).toEqual(['early']);
  });

  test('a message over the bound closes the connection with 1009, in one piece or in fragments', async () => {
    const server = await ours(1_000);
    for (const send of [
      (c: WebSocket) => c.send('x'.repeat(1_001)),
      (c: WebSocket) => {
        c.send('x'.repeat(600), { fin: false });
        c.send('x'.repeat(600), { fin: true });
      },
    ]) {
      const client = new WebSocket(`ws://127.0.0.1:${server.port}/`);
      open.push(client);
      const code = new Promise((resolve) => client.once('close', resolve));
      const [socket] = await Promise.all([server.next(), opened(client)]);
      const heard = hear(socket);
      send(client);
      expect((await heard.closed).code).toBe(1009);
      expect(await code).toBe(1009);
    }
  });

  test('a connection that breaks is 1006, told once', async () => {
    const server = await ours();
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/`);
    const [socket] = await Promise.all([server.next(), opened(client)]);
    const heard = hear(socket);
    client.terminate();
    expect((await heard.closed).code).toBe(1006);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(heard.closes).toBe(1);
  });

  test('whatever bytes arrive, the socket ends in good order and nothing throws', async () => {
    const server = await ours(4_096);
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 400 }),
        fc.nat({ max: 7 }),
        async (bytes, cuts) => {
          const raw = connect(server.port, '127.0.0.1');
          open.push(raw);
          raw.on('error', () => {});
          raw.write(
            'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
          );
          const socket = await server.next();
          const heard = hear(socket);
          raw.resume();
          const size = Math.max(1, Math.ceil(bytes.length / (cuts + 1)));
          for (let at = 0; at < bytes.length; at += size) raw.write(bytes.subarray(at, at + size));
          raw.end();
          const { code } = await heard.closed;
          expect(code).toBeGreaterThanOrEqual(1000);
          expect(heard.closes).toBe(1);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a request that is no handshake is refused with its reason', async () => {
    const server = await ours();
    const answer = await new Promise<string>((resolve) => {
      const raw = connect(server.port, '127.0.0.1');
      let text = '';
      raw.on('data', (data) => (text += data.toString()));
      raw.on('close', () => resolve(text));
      raw.write(
        'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
    });
    expect(answer).toContain('426');
  });
});

describe('as a client, with ws as the server', () => {
  async function theirs(): Promise<{ url: string; sockets: WebSocket[]; server: WebSocketServer }> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    servers.push(server);
    const sockets: WebSocket[] = [];
    server.on('connection', (socket) => {
      sockets.push(socket);
      socket.on('message', (data) => socket.send(data.toString()));
    });
    await new Promise<void>((resolve) => server.once('listening', () => resolve()));
    return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/x?y=1`, sockets, server };
  }
  const signal = new AbortController().signal;
  const options = { signal, handshakeTimeoutMs: 2_000, maxPayload: 1 << 22 };

  test('texts come back as they were sent, masked on the way', async () => {
    const { url } = await theirs();
    const socket = await connectSocket(url, options);
    open.push(socket);
    const heard = hear(socket);
    await fc.assert(
      fc.asyncProperty(messages, async (texts) => {
        heard.texts.length = 0;
        for (const text of texts) socket.sendText(text);
        await untilTrue(() => heard.texts.length === texts.length);
        expect(heard.texts).toEqual(texts);
      }),
      { numRuns: 25 },
    );
  });

  test("the server's close code and reason are told, and ours reaches the server", async () => {
    const { url, sockets } = await theirs();
    const first = await connectSocket(url, options);
    const heard = hear(first);
    await untilTrue(() => sockets.length === 1);
    sockets[0]?.close(1008, 'override_error');
    expect(await heard.closed).toEqual({ code: 1008, reason: 'override_error' });

    const second = await connectSocket(url, options);
    hear(second);
    await untilTrue(() => sockets.length === 2);
    const code = new Promise((resolve) => sockets[1]?.once('close', resolve));
    second.close(1000);
    expect(await code).toBe(1000);
  });

  test('a refusal, a silent server, an abort and a dead port each reject with what happened', async () => {
    const refusing = createServer((_, response) => response.writeHead(429).end('slow down'));
    servers.push(refusing);
    const port = await listen(refusing);
    await expect(connectSocket(`ws://127.0.0.1:${port}/`, options)).rejects.toMatchObject({
      status: 429,
      body: 'slow down',
    });

    const silent = createServer();
    silent.on('upgrade', (_request, socket) => open.push(socket as Socket));
    servers.push(silent);
    const quiet = await listen(silent);
    await expect(
      connectSocket(`ws://127.0.0.1:${quiet}/`, { ...options, handshakeTimeoutMs: 50 }),
    ).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await expect(
      connectSocket(`ws://127.0.0.1:${quiet}/`, { ...options, signal: AbortSignal.timeout(30) }),
    ).rejects.toMatchObject({ name: 'TimeoutError' });
    await expect(connectSocket('ws://127.0.0.1:1/', options)).rejects.toBeInstanceOf(HandshakeError);
    await expect(connectSocket('ftp://127.0.0.1/', options)).rejects.toBeInstanceOf(HandshakeError);
  });
});

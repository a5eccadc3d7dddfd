/**
 * Callers and an agent for measuring a bridge from outside: one process, raw sockets, no JSON and no parsing on the media
 * path, so that what is measured is the bridge. Every caller sends a 20 ms frame 50 times a second; the agent echoes the
 * audio in groups of five, with pauses. Frames are counted by their headers; a frame's latency is the time from its send to its arrival.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

const FRAME_MS = 20;
const GROUP = 5;
/**
 * The agent is silent for half a second in every five, as speech is: without a pause the delay of the longest stall would
 * stay for ever, in the bridge that paces or, unmeasured, in the carrier's buffer.
 */
const CYCLE = 50;
const PAUSE = 5;
/** Counter-like filler that is voice to a detector of voice, and 160 bytes long. */
const VOICE = Buffer.from(Array.from({ length: 160 }, (_, i) => (i % 2 ? 0x20 : 0xa0)));
const PAYLOAD = VOICE.toString('base64');
const ECHO = Buffer.concat(Array.from({ length: GROUP }, () => VOICE)).toString('base64');

/** One WebSocket text frame; masked when a client sends it. The mask is zero: the bytes are ours and go to ourselves. */
function textFrame(text: string, masked: boolean): Buffer {
  const body = Buffer.from(text);
  const mask = masked ? 0x80 : 0;
  const head =
    body.length < 126
      ? Buffer.from([0x81, mask | body.length])
      : Buffer.from([0x81, mask | 126, body.length >> 8, body.length & 0xff]);
  return masked ? Buffer.concat([head, Buffer.alloc(4), body]) : Buffer.concat([head, body]);
}

/** Calls `each` with the opcode, the length and the first bytes' place of every whole frame; holds what is cut. */
function frameReader(
  each: (opcode: number, length: number, data: Buffer, at: number, mask: number) => void,
): (chunk: Buffer) => void {
  let held: Buffer | undefined;
  return (chunk) => {
    const data = held ? Buffer.concat([held, chunk]) : chunk;
    let at = 0;
    for (;;) {
      if (data.length - at < 2) break;
      const second = data[at + 1] as number;
      let length = second & 0x7f;
      let head = 2 + (second & 0x80 ? 4 : 0);
      if (length === 126) {
        if (data.length - at < 4) break;
        length = data.readUInt16BE(at + 2);
        head += 2;
      } else if (length === 127) {
        if (data.length - at < 10) break;
        length = data.readUInt32BE(at + 6);
        head += 8;
      }
      if (data.length - at < head + length) break;
      each(
        (data[at] as number) & 0x0f,
        length,
        data,
        at + head,
        second & 0x80 ? data.readUInt32BE(at + head - 4) : 0,
      );
      at += head + length;
    }
    held = at < data.length ? Buffer.from(data.subarray(at)) : undefined;
  };
}

function unmasked(data: Buffer, from: number, length: number, mask: number): string {
  const text = Buffer.from(data.subarray(from, from + length));
  for (let i = 0; i < text.length; i += 1)
    text[i] = (text[i] as number) ^ ((mask >>> (8 * (3 - (i % 4)))) & 0xff);
  return text.toString('latin1');
}

interface Call {
  readonly id: string;
  streamSid: string;
  phone?: Duplex;
  agent?: Duplex;
  started: boolean;
  /** Send times of caller frames and of agent groups, as rings: a frame's number finds its time. */
  readonly sentAt: Float64Array;
  readonly groupAt: Float64Array;
  sent: number;
  arrived: number;
  groups: number;
  /** Bytes of agent audio that came back to the caller. */
  heardBytes: number;
  groupsHeard: number;
  frame: Buffer;
  mediaLength: number;
}

const RING = 4_096;

export interface Load {
  /** For the bridge: `http://…`, speaks the agent platform's REST and socket, and takes the carrier's REST. */
  readonly url: string;
  readonly port: number;
  /** Opens one more call through the bridge at `target`; `admit` gives the stream's parameters for a call id. */
  open(
    target: string,
    admit: (callId: string) => Promise<{
      path: string;
      headers: Record<string, string>;
      parameters: Record<string, string>;
      callSid: string;
    }>,
  ): Promise<void>;
  /** Forgets what was measured so far. */
  reset(): void;
  /** What was measured since the reset: frames sent by callers and echoed groups, and how many never arrived. */
  figures(): {
    calls: number;
    frames: number;
    lostUp: number;
    groups: number;
    lostDown: number;
    up: number[];
    down: number[];
    lateTicks: number;
  };
  /** Ends all calls as a carrier does. */
  closeCalls(): Promise<void>;
  close(): Promise<void>;
}

const accept = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

export async function startLoad(): Promise<Load> {
  const calls = new Map<string, Call>();
  /** Calls by the id that the bridge tells the agent. */
  const expected = new Map<string, Call>();
  let measure = false;
  let up: number[] = [];
  let down: number[] = [];
  let lateTicks = 0;

  const server: Server = createServer((incoming, response) =>
    answerRest(incoming, response.writeHead.bind(response), response.end.bind(response), () => port),
  );
  server.on('upgrade', (incoming, socket) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(String(incoming.headers['sec-websocket-key']))}\r\n\r\n`,
    );
    (socket as Socket).setNoDelay(true);
    let call: Call | undefined;
    let audioLength = 0;
    socket.on('error', () => {});
    socket.on(
      'data',
      frameReader((opcode, length, data, from, mask) => {
        if (opcode === 8) return void socket.end();
        if (opcode !== 1) return;
        if (!call) {
          const id = /"call_id":"([^"]+)"/.exec(unmasked(data, from, length, mask))?.[1] ?? '';
          call = expected.get(id);
          if (!call) return void socket.destroy();
          call.agent = socket;
          return;
        }
        // The first message of a frame's size is audio, and every audio message has that size.
        if (audioLength === 0 && length > 230 && length < 260 && call.started) audioLength = length;
        if (length !== audioLength) return;
        const now = performance.now();
        if (measure) up.push(now - (call.sentAt[call.arrived % RING] as number));
        call.arrived += 1;
        if (call.arrived % GROUP === 0 && Math.floor(call.arrived / GROUP) % CYCLE < CYCLE - PAUSE) {
          call.groupAt[call.groups % RING] = now;
          call.groups += 1;
          socket.write(echo);
        }
      }),
    );
    socket.write(
      textFrame(
        JSON.stringify({
          type: 'conversation_initiation_metadata',
          conversation_initiation_metadata_event: {
            conversation_id: `conv_${randomBytes(12).toString('hex')}`,
            agent_output_audio_format: 'ulaw_8000',
            user_input_audio_format: 'ulaw_8000',
          },
        }),
        false,
      ),
    );
  });
  const echo = textFrame(
    JSON.stringify({ type: 'audio', audio_event: { audio_base_64: ECHO, event_id: 1 } }),
    false,
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = (server.address() as AddressInfo).port;

  // One wheel. Each call has its own phase within the 20 ms, as on real lines: four sub-ticks of 5 ms.
  let tick = 0;
  const startMs = performance.now();
  const wheel = setInterval(() => {
    const now = performance.now();
    let turns = 0;
    while (startMs + tick * (FRAME_MS / 4) <= now) {
      tick += 1;
      turns += 1;
      let i = 0;
      for (const call of calls.values()) {
        i += 1;
        if (!call.started || (i + tick) % 4 !== 0) continue;
        call.sentAt[call.sent % RING] = performance.now();
        call.sent += 1;
        call.phone?.write(call.frame);
      }
    }
    if (turns > 2) lateTicks += 1;
  }, 1);

  function mediaMessage(streamSid: string): Buffer {
    // Chunk and timestamp keep their width, so that one frame serves the whole call; a bridge need not look at them.
    return textFrame(
      `{"event":"media","sequenceNumber":"100000","media":{"track":"inbound","chunk":"1","timestamp":"100000","payload":"${PAYLOAD}"},"streamSid":"${streamSid}"}`,
      true,
    );
  }

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async open(target, admit) {
      const id = randomBytes(12).toString('hex');
      const call: Call = {
        id,
        streamSid: `MZ${randomBytes(16).toString('hex')}`,
        started: false,
        sentAt: new Float64Array(RING),
        groupAt: new Float64Array(RING),
        sent: 0,
        arrived: 0,
        groups: 0,
        heardBytes: 0,
        groupsHeard: 0,
        frame: Buffer.alloc(0),
        mediaLength: 0,
      };
      const { path, headers, parameters, callSid } = await admit(id);
      expected.set(parameters.callId ?? '', call);
      const { streamSid } = call;
      call.frame = mediaMessage(streamSid);
      const at = new URL(target);
      const phone = await new Promise<Duplex>((resolve, reject) => {
        const upgrade = request({
          host: at.hostname,
          port: at.port,
          path,
          headers: {
            ...headers,
            Connection: 'Upgrade',
            Upgrade: 'websocket',
            'Sec-WebSocket-Version': '13',
            'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
          },
        });
        upgrade.on('upgrade', (_response, socket) => resolve(socket));
        upgrade.on('response', (response) => reject(new Error(`the bridge answered ${response.statusCode}`)));
        upgrade.on('error', reject);
        upgrade.end();
      });
      (phone as Socket).setNoDelay(true);
      call.phone = phone;
      phone.on('error', () => {});
      phone.on('close', () => calls.delete(id));
      phone.on(
        'data',
        frameReader((opcode, length, data, from) => {
          if (opcode === 8) return void phone.end();
          if (opcode !== 1 || length < 200) return;
          // A media message: its audio is what is between the quotes of "payload".
          if (call.mediaLength !== length) {
            call.mediaLength = length;
            const text = data.toString('latin1', from, from + length);
            const payload = /"payload":"([^"]*)"/.exec(text)?.[1];
            if (payload === undefined) return;
            bytesOf.set(length, Buffer.from(payload, 'base64').length);
          }
          call.heardBytes += bytesOf.get(length) ?? 0;
          while (call.groupsHeard < Math.floor(call.heardBytes / (GROUP * 160))) {
            if (measure) down.push(performance.now() - (call.groupAt[call.groupsHeard % RING] as number));
            call.groupsHeard += 1;
          }
        }),
      );
      phone.write(textFrame('{"event":"connected","protocol":"Call","version":"1.0.0"}', true));
      phone.write(
        textFrame(
          JSON.stringify({
            event: 'start',
            sequenceNumber: '1',
            start: {
              accountSid: 'AC',
              streamSid,
              callSid,
              tracks: ['inbound'],
              mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
              customParameters: parameters,
            },
            streamSid,
          }),
          true,
        ),
      );
      const limit = performance.now() + 10_000;
      while (!call.agent) {
        if (performance.now() > limit) throw new Error('the bridge did not reach the agent');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      calls.set(id, call);
      call.started = true;
    },
    reset() {
      up = [];
      down = [];
      lateTicks = 0;
      measure = true;
      for (const call of calls.values()) {
        base.set(call.id, {
          sent: call.sent,
          arrived: call.arrived,
          groups: call.groups,
          groupsHeard: call.groupsHeard,
        });
      }
    },
    figures() {
      measure = false;
      let frames = 0;
      let lostUp = 0;
      let groups = 0;
      let lostDown = 0;
      for (const call of calls.values()) {
        const from = base.get(call.id) ?? { sent: 0, arrived: 0, groups: 0, groupsHeard: 0 };
        frames += call.sent - from.sent;
        groups += call.groups - from.groups;
        // What is under way is not lost: half a second of it is allowed for.
        lostUp += Math.max(0, call.sent - call.arrived - 25);
        lostDown += Math.max(0, call.groups - call.groupsHeard - 5);
      }
      return { calls: calls.size, frames, lostUp, groups, lostDown, up, down, lateTicks };
    },
    async closeCalls() {
      const all = [...calls.values()];
      calls.clear();
      expected.clear();
      for (const call of all) {
        call.started = false;
        call.phone?.write(textFrame(`{"event":"stop","streamSid":"${call.streamSid}"}`, true));
      }
      await new Promise((resolve) => setTimeout(resolve, 700));
      for (const call of all) {
        call.phone?.destroy();
        call.agent?.destroy();
      }
    },
    async close() {
      clearInterval(wheel);
      for (const call of calls.values()) {
        call.phone?.destroy();
        call.agent?.destroy();
      }
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const bytesOf = new Map<number, number>();
const base = new Map<string, { sent: number; arrived: number; groups: number; groupsHeard: number }>();

/** As much of both vendors' REST as a call needs: a signed URL, an agent that permits everything, a carrier that obeys. */
function answerRest(
  incoming: IncomingMessage,
  head: (status: number, headers: Record<string, string>) => unknown,
  end: (text: string) => unknown,
  port: () => number,
): void {
  incoming.resume();
  const path = incoming.url ?? '';
  const reply = (status: number, body: unknown) => {
    head(status, { 'content-type': 'application/json' });
    end(JSON.stringify(body));
  };
  if (path.includes('get-signed-url'))
    return reply(200, { signed_url: `ws://127.0.0.1:${port()}/v1/convai/conversation?agent_id=bench` });
  if (path.includes('/convai/agents/'))
    return reply(200, { agent_id: 'bench', name: 'bench', conversation_config: {}, metadata: {} });
  if (path.includes('/convai/conversations/'))
    return reply(404, { detail: { status: 'not_found', message: 'none' } });
  const sid = /(CA[0-9a-f]{32})/.exec(path)?.[1] ?? 'CA00000000000000000000000000000000';
  reply(200, { sid, status: 'completed', duration: '1', direction: 'inbound' });
}

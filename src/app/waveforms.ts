/**
 * app/waveforms: how loud each side of a call was, for a picture of it. The recording is read once, piece by piece, so that
 * no other work waits for it; what came of it is small and kept at hand.
 */
import { longestMonologue, type Monologue } from '../domain/monologue.ts';
import type { Clock, Recordings, StoredRecording } from './ports.ts';
import { slices } from './slices.ts';

export interface Waveform {
  readonly durationSec: number;
  /** Of one bucket. */
  readonly bucketSec: number;
  /** The loudest sample of each bucket, 0..255 of full scale. */
  readonly caller: readonly number[];
  readonly agent: readonly number[];
  /** The longest that each side spoke without the other taking a turn; absent where it is not heard. */
  readonly monologues: { readonly caller?: Monologue; readonly agent?: Monologue };
}

/** Of the WAV that recordings are read as: 16 bits, two channels, caller first. */
const HEADER_BYTES = 44;
const FRAME_BYTES = 4;
const FRAMES_PER_SEC = 8000;
/** More than any screen is wide, and short enough to see a pause in half an hour. */
const MOST_BUCKETS = 4000;
const SHORTEST_BUCKET_FRAMES = 400;
const KEPT = 200;

export interface WaveformsDeps {
  readonly recordings: Pick<Recordings, 'find'>;
  readonly clock: Pick<Clock, 'steadyMs'>;
}

export function createWaveforms({ recordings, clock }: WaveformsDeps) {
  /** By call and length: a recording that grew is looked at anew. The ones asked for last come last. */
  const kept = new Map<string, Promise<Waveform>>();
  /** One is read at a time. */
  let turn: Promise<unknown> = Promise.resolve();

  /** Undefined without a recording. Throws Failure `store_unavailable` and `recording_not_found` when it goes meanwhile. */
  return async function waveform(callId: string): Promise<Waveform | undefined> {
    const recording = await recordings.find(callId);
    if (!recording) return undefined;
    const key = `${callId} ${recording.bytes}`;
    const made = kept.get(key) ?? next(recording);
    kept.delete(key);
    kept.set(key, made);
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break;
      kept.delete(oldest);
    }
    try {
      return await made;
    } catch (error) {
      kept.delete(key);
      throw error;
    }
  };

  function next(recording: StoredRecording): Promise<Waveform> {
    const made = turn.then(() => loudness(recording, slices(clock)));
    turn = made.catch(() => undefined);
    return made;
  }
}

/** The bytes as numbers; they are little-endian, as every machine is that this runs on. */
function samplesIn(bytes: Buffer, length: number): Int16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : new Uint8Array(bytes);
  return new Int16Array(aligned.buffer, aligned.byteOffset, length / 2);
}

async function loudness(recording: StoredRecording, breathe: () => Promise<void>): Promise<Waveform> {
  const frames = Math.floor((recording.bytes - HEADER_BYTES) / FRAME_BYTES);
  const perBucket = Math.max(SHORTEST_BUCKET_FRAMES, Math.ceil(frames / MOST_BUCKETS));
  const buckets = Math.ceil(frames / perBucket);
  const caller = new Int16Array(buckets);
  const agent = new Int16Array(buckets);
  let frame = 0;
  /** Of a frame that two pieces share. */
  let rest = Buffer.alloc(0);
  for await (const piece of recording.read(HEADER_BYTES, HEADER_BYTES + frames * FRAME_BYTES)) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const whole = bytes.length - (bytes.length % FRAME_BYTES);
    const samples = samplesIn(bytes, whole);
    for (let at = 0; at < samples.length; ) {
      const bucket = Math.floor(frame / perBucket);
      const behind = Math.min(samples.length, at + 2 * ((bucket + 1) * perBucket - frame));
      let left = caller[bucket] ?? 0;
      let right = agent[bucket] ?? 0;
      frame += (behind - at) / 2;
      for (; at < behind; at += 2) {
        left = Math.max(left, Math.abs(samples[at] ?? 0));
        right = Math.max(right, Math.abs(samples[at + 1] ?? 0));
      }
      caller[bucket] = Math.min(left, 32_767);
      agent[bucket] = Math.min(right, 32_767);
    }
    rest = Buffer.from(bytes.subarray(whole));
    // What is read ahead comes without waiting; others get to run all the same.
    await breathe();
  }
  const bucketSec = perBucket / FRAMES_PER_SEC;
  const lanes = {
    caller: Array.from(caller, (peak) => peak >> 7),
    agent: Array.from(agent, (peak) => peak >> 7),
  };
  const theirs = longestMonologue(lanes.caller, lanes.agent, bucketSec);
  const ours = longestMonologue(lanes.agent, lanes.caller, bucketSec);
  return {
    durationSec: frames / FRAMES_PER_SEC,
    bucketSec,
    ...lanes,
    monologues: { ...(theirs ? { caller: theirs } : {}), ...(ours ? { agent: ours } : {}) },
  };
}

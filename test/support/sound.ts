/** test/support/sound: what can be heard in a recording and on a line. */
import { FRAME_BYTES, isSpeech } from '../../src/sandbox/audio.ts';

export interface Stereo {
  readonly sampleRate: number;
  /** The caller, then the agent. */
  readonly lanes: readonly [Int16Array, Int16Array];
  readonly seconds: number;
}

/** Reads a 16-bit stereo WAV; throws when it is none. */
export function readWav(wav: Buffer): Stereo {
  if (wav.toString('latin1', 0, 4) !== 'RIFF' || wav.toString('latin1', 8, 12) !== 'WAVE')
    throw new Error('this is no WAV file');
  let at = 12;
  let sampleRate = 0;
  while (at + 8 <= wav.length) {
    const id = wav.toString('latin1', at, at + 4);
    const size = wav.readUInt32LE(at + 4);
    if (id === 'fmt ') {
      const [format, channels, bits] = [
        wav.readUInt16LE(at + 8),
        wav.readUInt16LE(at + 10),
        wav.readUInt16LE(at + 22),
      ];
      if (format !== 1 || channels !== 2 || bits !== 16) throw new Error('not 16-bit stereo PCM');
      sampleRate = wav.readUInt32LE(at + 12);
    }
    if (id === 'data') {
      const samples = Math.floor(Math.min(size, wav.length - at - 8) / 4);
      const left = new Int16Array(samples);
      const right = new Int16Array(samples);
      for (let i = 0; i < samples; i += 1) {
        left[i] = wav.readInt16LE(at + 8 + i * 4);
        right[i] = wav.readInt16LE(at + 10 + i * 4);
      }
      return { sampleRate, lanes: [left, right], seconds: samples / sampleRate };
    }
    at += 8 + size + (size & 1);
  }
  throw new Error('the WAV file holds no sound');
}

/** Seconds of `lane` in which somebody is heard: windows of 20 ms whose root mean square lies over -40 dBFS. */
export function audibleSeconds(lane: Int16Array, sampleRate = 8_000): number {
  const size = sampleRate / 50;
  let windows = 0;
  for (let from = 0; from + size <= lane.length; from += size) {
    let sum = 0;
    for (let i = from; i < from + size; i += 1) sum += (lane[i] ?? 0) ** 2;
    if (Math.sqrt(sum / size) > 328) windows += 1;
  }
  return windows / 50;
}

/** Frames of μ-law in which somebody speaks, as their places. */
export function speechFrames(ulaw: Buffer): number[] {
  const places: number[] = [];
  for (let at = 0; at + FRAME_BYTES <= ulaw.length; at += FRAME_BYTES) {
    if (isSpeech(ulaw.subarray(at, at + FRAME_BYTES))) places.push(at / FRAME_BYTES);
  }
  return places;
}

/** The longest time in ms, from the first to the last sound, in which nobody on the line says a word. */
export function longestSilenceMs(tracks: { readonly said: Buffer; readonly heard: Buffer }): number {
  const spoken = [...speechFrames(tracks.said), ...speechFrames(tracks.heard)].sort((a, b) => a - b);
  return 20 * spoken.reduce((most, frame, i) => Math.max(most, frame - (spoken[i - 1] ?? frame)), 0);
}

/**
 * The byte of `track` at which `sound` begins whole, from `from` on; -1 when it is not there. Sought by a frame out of its
 * middle: it begins and ends in silence, and comparing silence with the silence of a track takes thousands of times as long.
 */
export function indexOfSound(track: Buffer, sound: Buffer, from = 0): number {
  const middle = sound.length >> 1;
  const frame = sound.subarray(middle, middle + FRAME_BYTES);
  for (let at = track.indexOf(frame, from + middle); at !== -1; at = track.indexOf(frame, at + 1)) {
    const start = at - middle;
    if (track.subarray(start, start + sound.length).equals(sound)) return start;
  }
  return -1;
}

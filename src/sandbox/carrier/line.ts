/**
 * carrier/line: the telephone line of one answered call. Each turn of the wheel takes 20 ms from what is played to
 * the person (stream, announcement or bridged party), gives it to the person, and takes what the person says. Both
 * directions are kept, so that recordings are cuts out of them and a listener can hear what the person heard.
 */
import { decodeUlaw, FRAME_BYTES, pcmWav } from '../audio.ts';
import type { Caller } from './caller.ts';
import { type MediaStream, Playback, SILENT_FRAME } from './media-stream.ts';

/** One hour; what is longer goes on unrecorded. */
const TRACK_LIMIT_FRAMES = 60 * 60 * 50;

/** Both directions of a line, 160 bytes per 20 ms, on one time axis. */
export type Tracks = { readonly said: Buffer; readonly heard: Buffer };

export class Line {
  /** What is played to the person. */
  readonly playback = new Playback();
  stream: MediaStream | undefined;
  /** The second person of a `<Dial>`; while set, the two hear each other. */
  other: Caller | undefined;
  readonly #person: Caller;
  readonly #pushed = new Playback();
  #said: Buffer[] = [];
  #heard: Buffer[] = [];
  #frames = 0;
  #lastSaid: Buffer = SILENT_FRAME;
  #closed: Tracks | undefined;

  constructor(person: Caller) {
    this.#person = person;
  }

  /** Frames since the answer. */
  get frames(): number {
    return this.#frames;
  }

  /** Sound that takes the place of what the person says, for as long as it lasts. False: ten minutes wait already. */
  pushAudio(ulaw: Buffer): boolean {
    return this.#pushed.push(ulaw);
  }

  turn(): void {
    if (this.#closed !== undefined) return;
    const heard = this.other === undefined ? this.playback.next() : this.other.turn(this.#lastSaid);
    const own = this.#person.turn(heard);
    const said = this.#pushed.bytes > 0 ? this.#pushed.next() : own;
    this.#frames += 1;
    this.#lastSaid = said;
    if (this.#frames <= TRACK_LIMIT_FRAMES) {
      this.#said.push(said);
      this.#heard.push(heard);
    }
    this.stream?.frame(said);
  }

  /** No more turns; the tracks become two plain buffers. */
  close(): void {
    this.#closed ??= this.tracks();
    this.#said = [];
    this.#heard = [];
    this.playback.discard();
    this.#pushed.discard();
  }

  tracks(): Tracks {
    return this.#closed ?? { said: Buffer.concat(this.#said), heard: Buffer.concat(this.#heard) };
  }
}

/** The cut `[from, to)` of the tracks, in frames; with `trim` without the silence of both sides at its ends. */
export function cut(tracks: Tracks, from: number, to: number, trim: boolean): Tracks {
  let first = from * FRAME_BYTES;
  let last = Math.min(to * FRAME_BYTES, tracks.said.length);
  const silentAt = (at: number) =>
    SILENT_FRAME.equals(tracks.said.subarray(at, at + FRAME_BYTES)) &&
    SILENT_FRAME.equals(tracks.heard.subarray(at, at + FRAME_BYTES));
  if (trim) {
    while (first < last && silentAt(first)) first += FRAME_BYTES;
    while (first < last && silentAt(last - FRAME_BYTES)) last -= FRAME_BYTES;
  }
  return { said: tracks.said.subarray(first, last), heard: tracks.heard.subarray(first, last) };
}

/** A WAV of the tracks, 8 kHz 16 bit: two channels in the order given, or one with both mixed. */
export function wavOf(tracks: Tracks, channels: 1 | 2, order: 'said-first' | 'heard-first'): Buffer {
  const said = decodeUlaw(tracks.said);
  const heard = decodeUlaw(tracks.heard);
  if (channels === 2) return pcmWav(order === 'said-first' ? [said, heard] : [heard, said], 8000);
  const mixed = said.map((sample, i) => Math.max(-32768, Math.min(32767, sample + (heard[i] ?? 0))));
  return pcmWav([mixed], 8000);
}

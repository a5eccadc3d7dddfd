/**
 * sandbox/agent/hearing: a recogniser that needs no model. Whoever calls in the sandbox speaks with voices that
 * always give the same bytes, so every 20 ms frame of a known line is known beforehand: frames that come in are
 * looked up, vote for lines, and the winners are what was said, as far as it was heard. Lost frames cost votes,
 * not words. Speech that no line explains is heard as unintelligible.
 */
import { FRAME_BYTES, isSpeech } from '../audio.ts';

const FRAME_MS = 20;
const LINE_LIMIT = 8_000;
const POSITIONS = 4_096; // frames a line may have: 82 s
const END_OF_UTTERANCE_FRAMES = 600 / FRAME_MS;
const SPEAKING_FRAMES = 160 / FRAME_MS;
const NOISE_FRAMES = 3;
const LONGEST_UTTERANCE_FRAMES = 45_000 / FRAME_MS;
const KEPT_BYTES = 4 * 8_000;
/** Frames that may be missing at either end of a line before words are taken as unheard. */
const EDGE_FRAMES = 8;

const UNINTELLIGIBLE = '(unintelligible)';

type Line = {
  readonly text: string;
  readonly frames: number;
  /** How many speech frames lie before frame i; one longer than the line. */
  readonly speechBefore: Uint16Array;
  readonly firstSpeech: number;
  readonly lastSpeech: number;
};

/** What one utterance was understood as. `confidence` 0–1: the share of the frames that spoke for `text`. */
export type Utterance = {
  readonly text: string;
  readonly confidence: number;
  /** Length of the utterance without the silence that ended it, in ms. */
  readonly durationMs: number;
};

/** `speaking`: somebody has spoken for 160 ms. `utterance`: they have been quiet for 600 ms since. */
export type HearingEvent = { readonly kind: 'speaking' } | ({ readonly kind: 'utterance' } & Utterance);

const NOTHING: readonly HearingEvent[] = [];

/** All lines that can be recognised; one for all conversations. */
export class Phrasebook {
  readonly #lines: Line[] = [];
  readonly #known = new Set<string>();
  readonly #index = new Map<number, number | number[]>();

  get size(): number {
    return this.#lines.length;
  }

  /** Learns a line from its audio (μ-law 8 kHz, whole frames). The same text may be learned in several voices. */
  learn(text: string, voice: string, audio: Buffer): void {
    const key = `${voice} ${text}`;
    if (this.#known.has(key) || this.#lines.length >= LINE_LIMIT) return;
    this.#known.add(key);
    const frames = Math.min(POSITIONS, Math.floor(audio.length / FRAME_BYTES));
    const speechBefore = new Uint16Array(frames + 1);
    const id = this.#lines.length;
    let first = -1;
    let last = -1;
    for (let i = 0; i < frames; i += 1) {
      const frame = audio.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES);
      const speech = isSpeech(frame);
      speechBefore[i + 1] = (speechBefore[i] ?? 0) + (speech ? 1 : 0);
      if (!speech) continue;
      if (first < 0) first = i;
      last = i;
      const hash = hashFrame(frame, 0);
      const owners = this.#index.get(hash);
      const mine = id * POSITIONS + i;
      if (owners === undefined) this.#index.set(hash, mine);
      else if (typeof owners === 'number') this.#index.set(hash, [owners, mine]);
      else if (owners.length < 16) owners.push(mine);
    }
    this.#lines.push({ text, frames, speechBefore, firstSpeech: Math.max(0, first), lastSpeech: last });
  }

  /** The places (line × 4096 + frame) at which this frame of audio occurs. */
  places(hash: number): readonly number[] {
    const owners = this.#index.get(hash);
    if (owners === undefined) return [];
    return typeof owners === 'number' ? [owners] : owners;
  }

  /**
   * Explains an utterance. `votes` holds, per recognised frame in order of time, its places; `speechFrames` is
   * how many frames of speech there were in all.
   */
  explain(votes: readonly (readonly number[])[], speechFrames: number): Omit<Utterance, 'durationMs'> {
    const open = new Set(votes.keys());
    const found: { line: Line; from: number; to: number; seen: number; at: number }[] = [];
    for (;;) {
      const counts = new Map<number, number>();
      for (const v of open) {
        for (const place of votes[v] ?? []) {
          const id = Math.floor(place / POSITIONS);
          counts.set(id, (counts.get(id) ?? 0) + 1);
        }
      }
      let best = -1;
      let most = 0;
      for (const [id, count] of counts) if (count > most) [best, most] = [id, count];
      const line = this.#lines[best];
      if (line === undefined) break;
      if (most < Math.max(2, Math.min(5, Math.ceil((line.speechBefore[line.frames] ?? 0) * 0.3)))) break;
      let from = line.frames;
      let to = 0;
      let at = votes.length;
      for (const v of open) {
        for (const place of votes[v] ?? []) {
          if (Math.floor(place / POSITIONS) !== best) continue;
          const position = place % POSITIONS;
          from = Math.min(from, position);
          to = Math.max(to, position);
          at = Math.min(at, v);
          open.delete(v);
        }
      }
      found.push({ line, from, to, seen: most, at });
    }
    if (found.length === 0) return { text: UNINTELLIGIBLE, confidence: 0 };
    found.sort((a, b) => a.at - b.at);
    let seen = 0;
    let expected = 0;
    const texts: string[] = [];
    for (const { line, from, to, seen: count } of found) {
      const text = wordsHeard(line, from, to);
      if (text !== '') texts.push(text);
      seen += count;
      expected += (line.speechBefore[to + 1] ?? 0) - (line.speechBefore[from] ?? 0);
    }
    if (texts.length === 0) return { text: UNINTELLIGIBLE, confidence: 0 };
    const confidence = Math.min(1, seen / Math.max(1, expected, speechFrames));
    return { text: texts.join(' '), confidence: Math.round(confidence * 100) / 100 };
  }
}

/** One caller's ear: takes the audio as it comes, in pieces of any size, and says what was understood. */
export class Ear {
  readonly #book: Phrasebook;
  #rest: Buffer = Buffer.alloc(0);
  #skip = 0;
  #votes: (readonly number[])[] = [];
  #speech = 0;
  #frames = 0;
  #silence = 0;
  #announced = false;
  #kept: Buffer[] = [];
  #keptBytes = 0;

  constructor(book: Phrasebook) {
    this.#book = book;
  }

  /** Somebody is in the middle of an utterance. */
  get hearing(): boolean {
    return this.#speech >= NOISE_FRAMES;
  }

  /** Takes μ-law 8 kHz audio that follows on what came before. */
  hear(audio: Buffer): readonly HearingEvent[] {
    const joined = this.#rest.length === 0 ? audio : Buffer.concat([this.#rest, audio]);
    const data = joined.subarray(this.#skip);
    this.#skip -= joined.length - data.length;
    const whole = data.length - (data.length % FRAME_BYTES);
    let events = NOTHING;
    for (let at = 0; at < whole; at += FRAME_BYTES) {
      const event = this.#frame(data.subarray(at, at + FRAME_BYTES));
      if (event !== undefined) events = [...events, event];
    }
    this.#rest = whole === data.length ? Buffer.alloc(0) : Buffer.from(data.subarray(whole));
    return events;
  }

  /** What was understood so far of the utterance under way. */
  tentative(): string {
    return this.#votes.length === 0 ? '' : this.#book.explain(this.#votes, this.#speech).text;
  }

  /** Ends the utterance under way, for audio that stopped coming altogether. */
  flush(): readonly HearingEvent[] {
    const event = this.#speech > 0 ? this.#end() : undefined;
    return event === undefined ? NOTHING : [event];
  }

  #frame(frame: Buffer): HearingEvent | undefined {
    const speech = isSpeech(frame);
    if (this.#speech === 0 && !speech) return undefined;
    this.#frames += 1;
    if (this.#keptBytes < KEPT_BYTES) {
      this.#kept.push(Buffer.from(frame));
      this.#keptBytes += frame.length;
    }
    if (speech) {
      this.#speech += 1;
      this.#silence = 0;
      const places = this.#book.places(hashFrame(frame, 0));
      if (places.length > 0) this.#votes.push(places);
      if (!this.#announced && this.#speech >= SPEAKING_FRAMES) {
        this.#announced = true;
        return { kind: 'speaking' };
      }
    } else this.#silence += 1;
    if (this.#silence >= END_OF_UTTERANCE_FRAMES || this.#frames >= LONGEST_UTTERANCE_FRAMES)
      return this.#end();
    return undefined;
  }

  #end(): HearingEvent | undefined {
    const votes = this.#votes.length > 0 ? this.#votes : this.#realign();
    const speech = this.#speech;
    const durationMs = (this.#frames - this.#silence) * FRAME_MS;
    this.#votes = [];
    this.#speech = 0;
    this.#frames = 0;
    this.#silence = 0;
    this.#announced = false;
    this.#kept = [];
    this.#keptBytes = 0;
    if (speech < NOISE_FRAMES) return undefined;
    return { kind: 'utterance', ...this.#book.explain(votes, speech), durationMs };
  }

  /**
   * Nothing was recognised: perhaps bytes were lost and all frames since begin in the wrong place. Tries the
   * start of the utterance at every offset; where frames turn up, the stream is cut there from now on.
   */
  #realign(): (readonly number[])[] {
    const audio = Buffer.concat(this.#kept);
    let best: (readonly number[])[] = [];
    let shift = 0;
    for (let offset = 1; offset < FRAME_BYTES; offset += 1) {
      const votes: (readonly number[])[] = [];
      for (let at = offset; at + FRAME_BYTES <= audio.length; at += FRAME_BYTES) {
        const places = this.#book.places(hashFrame(audio, at));
        if (places.length > 0) votes.push(places);
      }
      if (votes.length > best.length) [best, shift] = [votes, offset];
    }
    if (best.length < NOISE_FRAMES) return [];
    this.#skip = shift;
    return best;
  }
}

/** FNV-1a over one frame of `audio` from `at`. */
function hashFrame(audio: Buffer, at: number): number {
  let hash = 0x811c9dc5;
  for (let i = at; i < at + FRAME_BYTES; i += 1) hash = Math.imul(hash ^ (audio[i] ?? 0), 0x01000193);
  return hash >>> 0;
}

/** The words of a line whose sound lies between two frames; time is shared among words by their length. */
function wordsHeard(line: Line, from: number, to: number): string {
  const start = from - line.firstSpeech <= EDGE_FRAMES ? 0 : from - line.firstSpeech;
  const length = Math.max(1, line.lastSpeech - line.firstSpeech + 1);
  const end = line.lastSpeech - to <= EDGE_FRAMES ? length : to - line.firstSpeech + 1;
  return wordsBetween(line.text, start / length, end / length);
}

/** The words of `text` that lie between two fractions (0–1) of the time it takes to say it. */
export function wordsBetween(text: string, from: number, to: number): string {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const weight = (word: string) => word.length + (/[.,;:?!]$/.test(word) ? 4 : 1);
  const total = words.reduce((sum, word) => sum + weight(word), 0);
  let at = 0;
  const heard: string[] = [];
  for (const word of words) {
    const middle = (at + weight(word) / 2) / total;
    if (middle >= from && middle <= to) heard.push(word);
    at += weight(word);
  }
  return heard.join(' ');
}

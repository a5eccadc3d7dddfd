/**
 * app/playout: feeds the agent's audio to the carrier a little ahead of real time, and knows what was heard.
 *
 * The agent's platform sends seconds at once; the carrier plays 20 ms every 20 ms and buffers the rest. A short lead keeps
 * that buffer small, so an interruption costs little, and frames leave several to a write, so a call costs few writes.
 * Marks come back when audio was really played; `clear` brings them back too, and those prove nothing.
 */
import { BYTES_PER_MS, FRAME_BYTES, SILENCE } from '../domain/audio.ts';
import type { Leg } from './ports.ts';

/** How far ahead of the clock a burst is fed to the carrier, and how low its buffer may run before the burst goes on. */
const LEAD_MS = 200;
const REFILL_MS = 120;
/** A reply that comes in real time leaves at once while the carrier holds less than this: jitter is the carrier's to absorb. */
const FITS_MS = 400;
const FRAME_MS = FRAME_BYTES / BYTES_PER_MS;
/** Agent audio held here at most: five minutes. What comes beyond is dropped and counted. */
const MAX_QUEUED_BYTES = 5 * 60_000 * BYTES_PER_MS;
/** Marks stand this far apart while a turn is played. */
const MARK_EVERY_MS = 500;
const MAX_MARKS = 64;

export interface PlayoutSink {
  /** 20 ms frames were sent that the carrier will play from `playAtMs` (steady clock). Valid only during the call. */
  played(ulaw: Buffer, playAtMs: number, turn: number): void;
}

export interface Playout {
  /** From now on audio goes to this leg; what was queued before goes first, at once. */
  attach(leg: Leg, nowMs: number): void;
  detach(): void;
  /** Takes a chunk of any length; `ulaw` belongs to the playout from then on. */
  add(ulaw: Buffer, turn: number, nowMs: number): void;
  /** To be called every 20 ms. */
  tick(nowMs: number): void;
  /** Drops all that is queued and empties the carrier's buffer; answers what of the turn being played was heard. */
  cut(nowMs: number): { readonly turn: number; readonly heardMs: number } | undefined;
  markEchoed(name: string, nowMs: number): void;
  /** Nothing is queued and the carrier has played all it was given (told by its last mark or, failing that, the clock). */
  silent(nowMs: number): boolean;
  /** How much audio is still ahead of the listener, in ms. */
  aheadMs(nowMs: number): number;
  readonly framesSent: number;
  readonly droppedBytes: number;
}

interface Chunk {
  readonly ulaw: Buffer;
  readonly turn: number;
}

/** The frames under way to a leg: `play` and `played` copy before they return, so one buffer serves all calls. */
const batch = Buffer.alloc((FITS_MS / FRAME_MS) * FRAME_BYTES);

export function createPlayout(sink: PlayoutSink): Playout {
  let leg: Leg | undefined;
  let queue: Chunk[] = [];
  /** Bytes of queue[0] already taken, and of the whole queue still to take. */
  let taken = 0;
  let queued = 0;
  let addedMs = 0;
  /** Steady time at which the carrier runs out of what it was given. */
  let playedUntilMs = 0;
  let turn = 0;
  /** Of the current turn: audio sent, audio known to be heard, and when that was known. */
  let sentMs = 0;
  let heardMs = 0;
  let heardAtMs = 0;
  let markedMs = 0;
  let serial = 0;
  const marks = new Map<string, { turn: number; ms: number }>();

  /** Fills `batch` with up to `frames` frames of one turn; the last is padded when the turn has no more. */
  function take(frames: number): number {
    let filled = 0;
    const want = frames * FRAME_BYTES;
    const of = queue[0]?.turn;
    while (filled < want) {
      const chunk = queue[0];
      if (!chunk || chunk.turn !== of) break;
      const part = Math.min(want - filled, chunk.ulaw.length - taken);
      chunk.ulaw.copy(batch, filled, taken, taken + part);
      filled += part;
      taken += part;
      queued -= part;
      if (taken === chunk.ulaw.length) {
        queue.shift();
        taken = 0;
      }
    }
    const whole = Math.ceil(filled / FRAME_BYTES) * FRAME_BYTES;
    batch.fill(SILENCE, filled, whole);
    return whole;
  }

  function pump(nowMs: number): void {
    if (!leg || queued === 0) return;
    if (playedUntilMs < nowMs) playedUntilMs = nowMs;
    const leadMs = playedUntilMs - nowMs;
    const fits = leadMs + queued / BYTES_PER_MS <= FITS_MS;
    if (!fits && leadMs > REFILL_MS) return;
    const limitMs = fits ? FITS_MS : LEAD_MS;
    while (queued > 0) {
      const room = Math.floor((limitMs - (playedUntilMs - nowMs)) / FRAME_MS);
      if (room < 1) return;
      const next = queue[0];
      if (!next) return;
      // Less than a frame waits for the rest of its chunk; when none comes it is the end of the reply.
      if (queued < FRAME_BYTES && (playedUntilMs - nowMs > 2 * FRAME_MS || nowMs - addedMs < 2 * FRAME_MS))
        return;
      if (next.turn !== turn) {
        turn = next.turn;
        sentMs = 0;
        heardMs = 0;
        heardAtMs = playedUntilMs;
        markedMs = 0;
      }
      const whole = queued >= FRAME_BYTES ? Math.min(room, Math.floor(queued / FRAME_BYTES)) : 1;
      const length = take(whole);
      const audio = batch.subarray(0, length);
      const playAtMs = playedUntilMs;
      playedUntilMs += length / BYTES_PER_MS;
      sentMs += length / BYTES_PER_MS;
      playout.framesSent += length / FRAME_BYTES;
      let mark: string | undefined;
      if ((sentMs - markedMs >= MARK_EVERY_MS || queued === 0) && marks.size < MAX_MARKS) {
        serial += 1;
        mark = `${turn}:${serial}`;
        marks.set(mark, { turn, ms: sentMs });
        markedMs = sentMs;
      }
      leg.play(audio, mark);
      sink.played(audio, playAtMs, turn);
    }
  }

  function heardOf(nowMs: number): number {
    // The carrier plays on after its last echo; it cannot have played more than it was given by the clock.
    const byEcho = heardMs + Math.max(0, nowMs - heardAtMs);
    const byClock = sentMs - Math.max(0, playedUntilMs - nowMs);
    return Math.max(heardMs, Math.min(sentMs, byEcho, byClock));
  }

  const playout: { framesSent: number; droppedBytes: number } & Playout = {
    framesSent: 0,
    droppedBytes: 0,
    attach(next, nowMs) {
      leg = next;
      playedUntilMs = nowMs;
      marks.clear();
      pump(nowMs);
    },
    detach() {
      leg = undefined;
      marks.clear();
    },
    add(ulaw, of, nowMs) {
      if (ulaw.length === 0) return;
      if (queued + ulaw.length > MAX_QUEUED_BYTES) {
        playout.droppedBytes += ulaw.length;
        return;
      }
      queue.push({ ulaw, turn: of });
      queued += ulaw.length;
      addedMs = nowMs;
      pump(nowMs);
    },
    tick: pump,
    cut(nowMs) {
      const playing = sentMs > 0 && (queued > 0 || playedUntilMs > nowMs || marks.size > 0);
      const answer = playing ? { turn, heardMs: Math.round(heardOf(nowMs)) } : undefined;
      queue = [];
      taken = 0;
      queued = 0;
      marks.clear();
      sentMs = 0;
      playedUntilMs = nowMs;
      // Sent even when we believe that all was played: the carrier may hold more than we know.
      leg?.clear();
      return answer;
    },
    markEchoed(name, nowMs) {
      const mark = marks.get(name);
      if (!mark) return;
      // Echoes come in order: this one answers for all before it.
      for (const earlier of marks.keys()) {
        marks.delete(earlier);
        if (earlier === name) break;
      }
      if (mark.turn === turn) {
        heardMs = mark.ms;
        heardAtMs = nowMs;
      }
    },
    silent(nowMs) {
      return queued === 0 && (marks.size === 0 ? playedUntilMs <= nowMs : playedUntilMs + 2_000 <= nowMs);
    },
    aheadMs: (nowMs) => queued / BYTES_PER_MS + Math.max(0, playedUntilMs - nowMs),
  };
  return playout;
}

/**
 * carrier/caller: plays a scripted caller. A small machine that turns once per 20 ms: it is given the frame the
 * person hears and answers the frame the person says. It knows when the other side has ended its turn from the
 * energy of what it hears, like a person, and never waits for ever.
 */
import { encodeUlaw, FRAME_BYTES, isSpeech, ULAW_SILENCE } from '../audio.ts';
import { type CallerScript, type CallerStep, linesOf } from '../callers.ts';
import type { VoiceName } from '../voices.ts';
import { FRAME_MS } from './clock.ts';
import { SILENT_FRAME } from './media-stream.ts';

const QUIET_MS = 900;
const PATIENCE_MS = 12_000;
const BREATH_MS = 350;
const KEY_MS = 300;
/** Frames of speech that count as the other side talking: a single loud frame is a click. */
const TALK_FRAMES = 3;
/** How long a line may take to be synthesised, in frames, before the person goes on without it. */
const SYNTHESIS_FRAMES = 15_000 / FRAME_MS;

/** Text to μ-law 8 kHz, a multiple of 160 bytes long. `idle` work steps aside for work that a call waits for. */
export type Speak = (text: string, voice: VoiceName, urgency?: 'now' | 'idle') => Promise<Buffer>;

export type CallerActions = {
  press(digit: string): void;
  hangUp(): void;
  /** The voicemail's beep is over. */
  beeped(): void;
  note(type: string, detail: Readonly<Record<string, unknown>>): void;
};

export class Caller {
  readonly script: CallerScript;
  readonly #speak: Speak;
  readonly #actions: CallerActions;
  readonly #sounds = new Map<string, Buffer | 'coming' | 'failed'>();
  #at = 0;
  #ticksInStep = 0;
  #playing: { readonly sound: Buffer; offset: number } | undefined;
  /** Frames of speech heard since this person last ended a line, and frames of silence since the last of them. */
  #heardSpeech = 0;
  #quiet = 0;
  /** Frames since the other side began the turn it is in; 0 while it is quiet. */
  #agentTurn = 0;
  #over = false;

  constructor(script: CallerScript, speak: Speak, actions: CallerActions) {
    this.script = script;
    this.#speak = speak;
    this.#actions = actions;
  }

  /** Has the lines synthesised, so that they are ready when they are due. */
  prepare(): void {
    for (const { text, voice } of linesOf(this.script)) this.#sound(text, voice);
  }

  /** One turn of 20 ms: what is heard in, what is said out. */
  turn(heard: Buffer): Buffer {
    this.#listen(heard);
    for (let guard = 0; guard < 32 && !this.#over; guard += 1) {
      if (this.#playing !== undefined) {
        const { sound, offset } = this.#playing;
        this.#playing.offset += FRAME_BYTES;
        if (this.#playing.offset >= sound.length) {
          this.#playing = undefined;
          this.#heardSpeech = this.#agentTurn > 0 ? TALK_FRAMES : 0;
          this.#leaveStep();
        }
        return sound.subarray(offset, offset + FRAME_BYTES);
      }
      const step = this.script.steps[this.#at];
      if (step === undefined || 'hangUp' in step) {
        this.#over = true;
        this.#actions.note('caller-hangs-up', { caller: this.script.name });
        this.#actions.hangUp();
        return SILENT_FRAME;
      }
      if (this.#waits(step)) {
        this.#ticksInStep += 1;
        return SILENT_FRAME;
      }
    }
    return SILENT_FRAME;
  }

  #listen(heard: Buffer): void {
    if (heard !== SILENT_FRAME && isSpeech(heard)) {
      this.#heardSpeech += 1;
      this.#quiet = 0;
      this.#agentTurn += 1;
      return;
    }
    this.#quiet += 1;
    if (this.#agentTurn === 0) return;
    if (this.#quiet * FRAME_MS >= QUIET_MS) this.#agentTurn = 0;
    else this.#agentTurn += 1;
  }

  /** True: the step needs this turn too. False: it is over, or it began to sound. */
  #waits(step: Exclude<CallerStep, { hangUp: true }>): boolean {
    const waitedMs = this.#ticksInStep * FRAME_MS;
    if ('pauseMs' in step) {
      if (waitedMs < step.pauseMs) return true;
    } else if ('waitForAgent' in step) {
      const { quietMs = QUIET_MS, patienceMs = PATIENCE_MS } = step.waitForAgent;
      const ended = this.#heardSpeech >= TALK_FRAMES && this.#quiet * FRAME_MS >= quietMs;
      if (!ended && waitedMs < patienceMs) return true;
      // Someone who is still being talked to stays on the line a while longer than someone who hears nothing.
      if (!ended && this.#agentTurn > 0 && waitedMs < patienceMs + 30_000) return true;
      this.#actions.note('caller-waited', { forMs: waitedMs, agentSpoke: ended });
    } else if ('waitForAgentToStart' in step) {
      const { patienceMs = PATIENCE_MS } = step.waitForAgentToStart;
      if (this.#agentTurn < TALK_FRAMES && waitedMs < patienceMs) return true;
    } else if ('press' in step) {
      const key = Math.floor(waitedMs / KEY_MS);
      const digit = step.press[key];
      if (waitedMs % KEY_MS === 0 && digit !== undefined) this.#actions.press(digit);
      if (key < step.press.length) return true;
    } else if ('beep' in step) {
      if (waitedMs === 0) {
        this.#playing = { sound: tone(1000, step.beep), offset: 0 };
        return false;
      }
    } else {
      return this.#speaks(step, waitedMs);
    }
    this.#leaveStep();
    return false;
  }

  #speaks(step: Extract<CallerStep, { say: string }>, waitedMs: number): boolean {
    const voice = step.voice ?? this.script.voice;
    const sound = this.#sound(step.say, voice);
    if ('bargeInAfterMs' in step) {
      const due = this.#agentTurn * FRAME_MS >= step.bargeInAfterMs;
      if (!due && waitedMs < PATIENCE_MS) return true;
    } else if (this.#afterAgent() && waitedMs < (this.script.pauseBeforeLineMs ?? BREATH_MS)) {
      return true;
    }
    if (sound === 'coming' && this.#ticksInStep < SYNTHESIS_FRAMES) return true;
    if (typeof sound === 'string' || sound.length < FRAME_BYTES) {
      this.#actions.note('caller-line-lost', { text: step.say, why: String(sound) });
      this.#leaveStep();
      return false;
    }
    this.#actions.note('caller-says', { text: step.say, voice, ms: sound.length / 8 });
    this.#playing = { sound, offset: 0 };
    return false;
  }

  #afterAgent(): boolean {
    const before = this.script.steps[this.#at - 1];
    return before !== undefined && 'waitForAgent' in before;
  }

  #leaveStep(): void {
    const step = this.script.steps[this.#at];
    this.#at += 1;
    this.#ticksInStep = 0;
    if (step !== undefined && 'beep' in step) this.#actions.beeped();
  }

  #sound(text: string, voice: VoiceName): Buffer | 'coming' | 'failed' {
    const key = `${voice} ${text}`;
    const known = this.#sounds.get(key);
    if (known !== undefined) return known;
    this.#sounds.set(key, 'coming');
    this.#speak(text, voice).then(
      (sound) => this.#sounds.set(key, sound.subarray(0, sound.length - (sound.length % FRAME_BYTES))),
      () => this.#sounds.set(key, 'failed'),
    );
    return 'coming';
  }
}

/** A sine of `hertz` and `ms`, in whole frames of μ-law. */
function tone(hertz: number, ms: number, other = 0): Buffer {
  const samples = Math.ceil(ms / FRAME_MS) * FRAME_BYTES;
  const pcm = new Int16Array(samples);
  for (let i = 0; i < samples; i += 1) {
    const second = other === 0 ? 0 : Math.sin((2 * Math.PI * other * i) / 8000);
    pcm[i] = 6000 * (Math.sin((2 * Math.PI * hertz * i) / 8000) + second);
  }
  return samples === 0 ? Buffer.alloc(0, ULAW_SILENCE) : encodeUlaw(pcm);
}

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477, 1633];
const KEYS = '123A456B789C*0#D';

/** What `<Play digits>` and `SendDigits` sound like: 100 ms a key, 100 ms between; w and W wait 0.5 and 1 s. */
export function keyTones(digits: string): Buffer {
  const gap = Buffer.alloc(FRAME_BYTES * 5, ULAW_SILENCE);
  const wait = Buffer.alloc(FRAME_BYTES * 25, ULAW_SILENCE);
  return Buffer.concat(
    [...digits].flatMap((digit) => {
      if (digit === 'w') return [wait];
      if (digit === 'W') return [wait, wait];
      const key = KEYS.indexOf(digit.toUpperCase());
      return [tone(ROWS[Math.floor(key / 4)] ?? 941, 100, COLUMNS[key % 4] ?? 1336), gap];
    }),
  );
}

/**
 * dashboard/live/worklets: what runs on the browser's sound thread: one processor plays the line, one takes the microphone. A
 * file of its own, served from our address, as the Content-Security-Policy wants it.
 */
import { createDownsampler } from './downsample.ts';
import { createLineBuffer } from './line-buffer.ts';

/** What the sound thread has and TypeScript's own types do not tell. */
declare const sampleRate: number;
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

const RATE = 8_000;
/** Blocks of 128 samples between two reports of how loud it is. */
const REPORT_EVERY = 24;

export type ToPlayer = ArrayBuffer | { readonly cut: number } | { readonly gains: readonly number[] };

class LinePlayer extends AudioWorkletProcessor {
  readonly #buffer = createLineBuffer();
  #blocks = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<ToPlayer>) => {
      if (data instanceof ArrayBuffer) this.#buffer.take(data);
      else if ('cut' in data) this.#buffer.cut(data.cut);
      else for (const [of, gain] of data.gains.entries()) this.#buffer.gains[of] = gain;
    };
  }

  process(_inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
    const [out] = output ?? [];
    if (!out) return true;
    const loudest = this.#buffer.play(out, RATE / sampleRate);
    this.#blocks += 1;
    if (this.#blocks % REPORT_EVERY === 0) this.port.postMessage(loudest);
    return true;
  }
}

class Microphone extends AudioWorkletProcessor {
  readonly #take = createDownsampler(sampleRate, (ulaw, level) =>
    this.port.postMessage({ ulaw, level }, [ulaw.buffer]),
  );

  process([input]: Float32Array[][]): boolean {
    const [samples] = input ?? [];
    if (samples) this.#take(samples);
    return true;
  }
}

registerProcessor('line-player', LinePlayer);
registerProcessor('microphone', Microphone);

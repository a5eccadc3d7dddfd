/** domain/audio: telephone audio as Parley passes it: G.711 μ-law, 8 kHz, mono, one byte a sample. */

/** 20 ms. */
export const FRAME_BYTES = 160;
export const BYTES_PER_MS = 8;
/** The μ-law byte of silence. */
export const SILENCE = 0xff;

/** |sample| of each μ-law byte on the 16-bit scale (ITU-T G.711). */
const MAGNITUDE = new Uint16Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  const bits = ~byte & 0xff;
  MAGNITUDE[byte] = (((bits & 0x0f) << 3) + 0x84) * 2 ** ((bits >> 4) & 0x07) - 0x84;
}

/** Mean |sample| above which 20 ms count as voice: about -44 dBFS, over line noise and under quiet speech. */
const VOICE = 200;

/** Every fourth sample is looked at: voice is louder than that, and this runs for every frame of every call. */
const STRIDE = 4;

/** Whether `ulaw[from, to)` holds voice. */
export function isVoice(ulaw: Uint8Array, from = 0, to = ulaw.length): boolean {
  let sum = 0;
  for (let at = from; at < to; at += STRIDE) sum += MAGNITUDE[ulaw[at] as number] as number;
  return sum * STRIDE > VOICE * (to - from);
}

/** dashboard/live/ulaw: G.711 μ-law, as calls carry it, to samples in -1..1 and back. */

const BIAS = 0x84;
const CLIP = 32_635;

const DECODED = new Float32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  const bits = ~byte & 0xff;
  const magnitude = (((bits & 0x0f) << 3) + BIAS) * 2 ** ((bits >> 4) & 0x07) - BIAS;
  DECODED[byte] = ((bits & 0x80) === 0 ? magnitude : -magnitude) / 32_768;
}

export const decoded = (byte: number): number => DECODED[byte] ?? 0;

export function encoded(sample: number): number {
  const wide = Math.round(Math.max(-1, Math.min(1, sample)) * 32_767);
  const sign = wide < 0 ? 0x80 : 0;
  const magnitude = Math.min(CLIP, Math.abs(wide)) + BIAS;
  const exponent = 31 - Math.clz32(magnitude) - 7;
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}

/**
 * sandbox/audio: telephone sound as bytes. G.711 μ-law at 8 kHz, cut into frames of 160 bytes (20 ms), the only
 * format that Media Streams carry (twilio.md §1.2), and 16-bit WAV files for people to listen to.
 */

/** The μ-law byte of no sound. */
export const ULAW_SILENCE = 0xff;

/** Bytes in one frame: 20 ms at 8000 samples a second, one byte a sample. */
export const FRAME_BYTES = 160;

/** Mean |sample| (of 32768) above which a frame counts as somebody speaking. Line noise lies far below, words far above. */
const SPEECH_ENERGY = 250;

const BIAS = 0x84;
const CLIP = 32635;

const TO_PCM = Int16Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff;
  const magnitude = ((((code & 0x0f) << 3) + BIAS) << ((code & 0x70) >> 4)) - BIAS;
  return code & 0x80 ? -magnitude : magnitude;
});

const LOUDNESS = TO_PCM.map(Math.abs);

/** Indexed by the sample as an unsigned 16-bit number. */
const TO_ULAW = Uint8Array.from({ length: 65536 }, (_, unsigned) => {
  const sample = (unsigned << 16) >> 16;
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), CLIP) + BIAS;
  const exponent = 31 - Math.clz32(magnitude) - 7;
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
});

/** 16-bit samples to μ-law, one byte a sample. */
export function encodeUlaw(pcm: Int16Array): Buffer {
  const ulaw = Buffer.allocUnsafe(pcm.length);
  for (let i = 0; i < pcm.length; i += 1) ulaw[i] = TO_ULAW[(pcm[i] ?? 0) & 0xffff] ?? ULAW_SILENCE;
  return ulaw;
}

/** μ-law to 16-bit samples, one sample a byte. */
export function decodeUlaw(ulaw: Buffer): Int16Array {
  const pcm = new Int16Array(ulaw.length);
  for (let i = 0; i < ulaw.length; i += 1) pcm[i] = TO_PCM[ulaw[i] ?? ULAW_SILENCE] ?? 0;
  return pcm;
}

/** Mean |sample| over the bytes given, 0 to 32124. Nothing at all is silence: 0. */
export function frameEnergy(ulaw: Buffer): number {
  if (ulaw.length === 0) return 0;
  let sum = 0;
  for (const byte of ulaw) sum += LOUDNESS[byte] ?? 0;
  return sum / ulaw.length;
}

/** Whether somebody speaks in this frame. */
export function isSpeech(ulaw: Buffer): boolean {
  return frameEnergy(ulaw) > SPEECH_ENERGY;
}

/**
 * A 16-bit PCM WAV file: one track per channel, interleaved in the order given. Shorter channels are filled up with
 * silence, so that the channels stay on one time axis.
 */
export function pcmWav(channels: Int16Array[], sampleRate: number): Buffer {
  const count = channels.length;
  const frames = Math.max(0, ...channels.map((channel) => channel.length));
  const dataBytes = frames * count * 2;
  const file = Buffer.alloc(44 + dataBytes);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(36 + dataBytes, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(count, 22);
  file.writeUInt32LE(sampleRate, 24);
  file.writeUInt32LE(sampleRate * count * 2, 28);
  file.writeUInt16LE(count * 2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(dataBytes, 40);
  channels.forEach((channel, at) => {
    for (let i = 0; i < channel.length; i += 1) file.writeInt16LE(channel[i] ?? 0, 44 + (i * count + at) * 2);
  });
  return file;
}

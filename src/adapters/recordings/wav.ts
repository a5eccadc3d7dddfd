/**
 * adapters/recordings/wav: the two WAV headers and the way from μ-law to PCM. 8 kHz, two channels.
 * Sources: Microsoft/IBM "Multimedia Programming Interface and Data Specifications 1.0" (RIFF, `fact` for formats other
 * than PCM), RFC 2361 (0x0007 is μ-law), ITU-T G.711 (the law).
 */

const RATE = 8000;
const CHANNELS = 2;

/** μ-law bytes of one second, both channels. */
export const BYTES_PER_SEC = RATE * CHANNELS;

/** The μ-law byte of no sound. */
export const SILENCE = 0xff;

export const ULAW_HEADER_BYTES = 58;
export const PCM_HEADER_BYTES = 44;

const MAX_UINT32 = 0xffff_ffff;

/** Header of a file with `audioBytes` bytes of interleaved μ-law behind it. */
export function ulawHeader(audioBytes: number): Buffer {
  const header = Buffer.alloc(ULAW_HEADER_BYTES);
  header.write('RIFF', 0);
  header.writeUInt32LE(Math.min(MAX_UINT32, ULAW_HEADER_BYTES - 8 + audioBytes), 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(18, 16);
  header.writeUInt16LE(7, 20);
  header.writeUInt16LE(CHANNELS, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(BYTES_PER_SEC, 28);
  header.writeUInt16LE(CHANNELS, 32);
  header.writeUInt16LE(8, 34);
  header.writeUInt16LE(0, 36);
  header.write('fact', 38);
  header.writeUInt32LE(4, 42);
  header.writeUInt32LE(Math.min(MAX_UINT32, audioBytes / CHANNELS), 46);
  header.write('data', 50);
  header.writeUInt32LE(Math.min(MAX_UINT32, audioBytes), 54);
  return header;
}

/** Header of the 16-bit PCM rendering of `audioBytes` bytes of μ-law. */
export function pcmHeader(audioBytes: number): Buffer {
  const pcmBytes = audioBytes * 2;
  const header = Buffer.alloc(PCM_HEADER_BYTES);
  header.write('RIFF', 0);
  header.writeUInt32LE(Math.min(MAX_UINT32, PCM_HEADER_BYTES - 8 + pcmBytes), 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(CHANNELS, 22);
  header.writeUInt32LE(RATE, 24);
  header.writeUInt32LE(BYTES_PER_SEC * 2, 28);
  header.writeUInt16LE(CHANNELS * 2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(Math.min(MAX_UINT32, pcmBytes), 40);
  return header;
}

const LINEAR = Int16Array.from({ length: 256 }, (_, code) => {
  const bits = ~code & 0xff;
  const magnitude = (((bits & 0x0f) << 3) + 0x84) << ((bits & 0x70) >> 4);
  return bits & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
});

/** The first `count` bytes of μ-law as 16-bit samples; little-endian, as WAV wants them and every machine is that this runs on. */
export function expanded(ulaw: Buffer, count: number): Buffer {
  const pcm = new Int16Array(count);
  for (let i = 0; i < count; i += 1) pcm[i] = LINEAR[ulaw[i] as number] as number;
  return Buffer.from(pcm.buffer);
}

/**
 * adapters/store/local/sealed: how a value stands in the file: its bytes, then their CRC-32. LMDB does not check what it
 * reads; here a value that a disk or a stray write has changed is refused instead of believed.
 */
import { crc32 } from 'node:zlib';
import { Failure } from '../../../domain/errors.ts';
import type { Doc } from '../language.ts';

const SEAL_BYTES = 4;

/** What LMDB wants of an encoding; it hands over the size where its buffer is longer than the value. */
export interface Encoding<T> {
  encode(value: T): Buffer;
  decode(bytes: Buffer, size?: unknown): T;
}

function seal(payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(payload.length + SEAL_BYTES);
  bytes.set(payload);
  bytes.writeUInt32LE(crc32(payload), payload.length);
  return bytes;
}

/** How many bytes of a sealed value are its own. Throws Failure `store_unavailable` when the seal does not fit. */
function unsealed(bytes: Buffer, size: unknown, what: string): number {
  const length = (typeof size === 'number' ? size : bytes.length) - SEAL_BYTES;
  if (length < 0 || crc32(bytes.subarray(0, length)) !== bytes.readUInt32LE(length))
    throw new Failure('store_unavailable', `a record of ${what} is damaged on the disk; restore a backup`, {
      details: { what },
    });
  return length;
}

export const sealedBytes = (what: string): Encoding<Buffer> => ({
  encode: seal,
  decode: (bytes, size) => Buffer.from(bytes.subarray(0, unsealed(bytes, size, what))),
});

/** Documents, packed by what LMDB packs objects with. */
export const sealedDocuments = (what: string, packer: Encoding<Doc>): Encoding<Doc> => ({
  encode: (document) => seal(packer.encode(document)),
  decode: (bytes, size) => packer.decode(bytes, unsealed(bytes, size, what)),
});

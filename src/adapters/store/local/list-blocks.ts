/**
 * adapters/store/local/list-blocks: the numbers under one prefix of five digits, packed. A block is 12,500 bytes of bitmap
 * or, where that is shorter, how many of its numbers are below 65,536 and then all of them, sorted, in their low 16 bits.
 */
import { bitsIn } from '../numbers.ts';

export const BLOCK_NUMBERS = 100_000;
/** A block in the making: one bit for each number. */
export const BLOCK_WORDS = BLOCK_NUMBERS / 32;
const BITMAP_BYTES = BLOCK_NUMBERS / 8;

/** Packs a block of which `count` bits are set. */
export function packBlock(words: Uint32Array, count: number): Buffer {
  const listBytes = 2 + 2 * count;
  if (listBytes >= BITMAP_BYTES) {
    const bitmap = Buffer.allocUnsafeSlow(BITMAP_BYTES);
    bitmap.set(bytesOf(words));
    return bitmap;
  }
  const list = Buffer.allocUnsafeSlow(listBytes);
  let at = 2;
  let below = 0;
  for (let word = 0; word < BLOCK_WORDS; word += 1) {
    if (word === 65_536 / 32) below = (at - 2) / 2;
    let bits = words[word] as number;
    while (bits !== 0) {
      const value = word * 32 + 31 - Math.clz32(bits & -bits);
      list[at] = value & 0xff;
      list[at + 1] = (value >>> 8) & 0xff;
      at += 2;
      bits &= bits - 1;
    }
  }
  list.writeUInt16LE(below, 0);
  return list;
}

/** Sets the bits of a packed block in `words`, which must be empty. */
export function unpackBlock(block: Buffer, words: Uint32Array): void {
  if (block.length === BITMAP_BYTES) {
    bytesOf(words).set(block);
    return;
  }
  const below = 2 + 2 * block.readUInt16LE(0);
  for (let at = 2; at < block.length; at += 2) {
    const value = (block[at] as number) | ((block[at + 1] as number) << 8) | (at < below ? 0 : 0x10000);
    words[value >>> 5] = (words[value >>> 5] as number) | (1 << (value & 31));
  }
}

/** How many numbers a packed block holds. */
export function blockCount(block: Buffer): number {
  if (block.length !== BITMAP_BYTES) return (block.length - 2) / 2;
  let count = 0;
  for (let at = 0; at < BITMAP_BYTES; at += 4) count += bitsIn(block.readUInt32LE(at));
  return count;
}

/** Whether a packed block has this number, 0 to 99,999. */
export function blockHas(block: Buffer, number: number): boolean {
  if (block.length === BITMAP_BYTES) return (((block[number >>> 3] as number) >>> (number & 7)) & 1) === 1;
  const below = block.readUInt16LE(0);
  const wanted = number & 0xffff;
  let low = number < 0x10000 ? 0 : below;
  let high = number < 0x10000 ? below : (block.length - 2) / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const value = block.readUInt16LE(2 + 2 * middle);
    if (value === wanted) return true;
    if (value < wanted) low = middle + 1;
    else high = middle;
  }
  return false;
}

/** Little-endian machines only, as the database file itself. */
export const bytesOf = (words: Uint32Array): Buffer =>
  Buffer.from(words.buffer, words.byteOffset, BITMAP_BYTES);

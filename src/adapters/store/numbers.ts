/**
 * adapters/store/numbers: how lists of numbers are counted: the numbering plan's area codes, a bit for each number, and
 * slices of time, so that making a list of hundreds of millions holds up no audio.
 */

export const FIRST_AREA = 200;
export const AREAS = 800;
export const AREA_NUMBERS = 10_000_000;

/** Longest time one slice of work holds the event loop. */
const SLICE_MS = 2;

/** The bits that are set in a word of 32. */
export function bitsIn(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Lets the event loop turn whenever a slice of time is used up. */
export function slices(): () => Promise<void> | undefined {
  let endMs = performance.now() + SLICE_MS;
  return () =>
    performance.now() < endMs
      ? undefined
      : new Promise((resolve) =>
          setImmediate(() => {
            endMs = performance.now() + SLICE_MS;
            resolve();
          }),
        );
}

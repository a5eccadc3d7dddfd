/** domain/monologue: the longest that one side of a call spoke without the other taking a turn, from how loud each was. */

/** Seconds of the recording. */
export interface Monologue {
  readonly fromSec: number;
  readonly toSec: number;
}

/** Of 255: louder than the hum of a telephone line. */
const AUDIBLE = 8;
/** What the other side says within so long is a "yes" and "mm-hm" of somebody who listens. */
const LISTENING_SEC = 1;
/** After a pause so long one begins anew. */
const PAUSE_SEC = 3;

/** Undefined when this side is not heard. Peaks are 0..255, one for each `bucketSec`. Pure. */
export function longestMonologue(
  own: readonly number[],
  other: readonly number[],
  bucketSec: number,
): Monologue | undefined {
  let longest: Monologue | undefined;
  let first = -1;
  let last = -1;
  /** Buckets in which the other side was heard since this one was last heard alone. */
  let replied = 0;
  const end = () => {
    const span = { fromSec: first * bucketSec, toSec: (last + 1) * bucketSec };
    if (first >= 0 && span.toSec - span.fromSec > (longest ? longest.toSec - longest.fromSec : 0))
      longest = span;
    first = -1;
    replied = 0;
  };
  for (let at = 0; at < own.length; at += 1) {
    const isOther = (other[at] ?? 0) >= AUDIBLE;
    if (isOther) replied += 1;
    if (replied * bucketSec >= LISTENING_SEC) end();
    if ((own[at] ?? 0) < AUDIBLE) {
      if (first >= 0 && (at - last) * bucketSec >= PAUSE_SEC) end();
      continue;
    }
    if (!isOther) replied = 0;
    if (first < 0) first = at;
    last = at;
  }
  end();
  return longest;
}

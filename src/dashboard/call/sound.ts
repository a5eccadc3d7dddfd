/** dashboard/call/sound: what a picture of the sound tells: where nobody speaks, and how loud a stretch is. */
import type { Waveform } from '../../contract/index.ts';

/** Seconds of the recording. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Louder than the hum of a telephone line. */
const AUDIBLE = 8;
const SHORTEST_SILENCE_SEC = 2;

/** Where neither side is heard for two seconds or more. */
export function silencesOf({
  bucketSec,
  caller,
  agent,
}: Pick<Waveform, 'bucketSec' | 'caller' | 'agent'>): Stretch[] {
  const found: Stretch[] = [];
  let since = -1;
  const end = (at: number) => {
    if (since >= 0 && (at - since) * bucketSec >= SHORTEST_SILENCE_SEC)
      found.push({ from: since * bucketSec, to: at * bucketSec });
    since = -1;
  };
  for (let at = 0; at < caller.length; at += 1) {
    if ((caller[at] ?? 0) >= AUDIBLE || (agent[at] ?? 0) >= AUDIBLE) end(at);
    else if (since < 0) since = at;
  }
  end(caller.length);
  return found;
}

/** Seconds in which a lane is heard. */
export const heardSec = (lane: readonly number[], bucketSec: number): number =>
  lane.filter((peak) => peak >= AUDIBLE).length * bucketSec;

/** The peaks of a lane as `columns` of a picture, each 0..1; quiet speech is drawn so that it can be seen. */
export function columnsOf(lane: readonly number[], columns: number): Float32Array {
  const drawn = new Float32Array(columns);
  for (let column = 0; column < columns; column += 1) {
    const first = Math.floor((column * lane.length) / columns);
    const behind = Math.max(first + 1, Math.floor(((column + 1) * lane.length) / columns));
    let peak = 0;
    for (let at = first; at < behind; at += 1) peak = Math.max(peak, lane[at] ?? 0);
    drawn[column] = Math.sqrt(peak / 255);
  }
  return drawn;
}

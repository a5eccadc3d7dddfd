/** dashboard/live/signs: how a live call looks from afar, and why: calm, worth a look, or in need of somebody. */
import type { Call, LiveWords } from '../../contract/index.ts';
import { count, formatLength } from '../format.ts';
import type { Tone } from '../words.ts';

export interface Look {
  /** 0 calm, 1 worth a look, 2 in need of somebody. */
  readonly level: 0 | 1 | 2;
  readonly tone: Tone;
  /** In words; the colour says no more than they do. */
  readonly why: readonly string[];
}

const LONG_SILENCE_MS = 12_000;
const LONGER_SILENCE_MS = 25_000;
const TENSE = -0.15;
const ANGRY = -0.4;
const MANY_INTERRUPTIONS = 3;

const TONES: readonly Tone[] = ['quiet', 'warn', 'bad'];

/** `lastWordsMs`: when the last words came, as far as this page saw it. */
export function lookOf(
  call: Pick<Call, 'answeredAt' | 'conversationMetrics' | 'takenOver'>,
  signs: LiveWords['signs'] | undefined,
  lastWordsMs: number | undefined,
  nowMs: number,
): Look {
  const found: (readonly [1 | 2, string])[] = [];
  const { interruptionCount } = call.conversationMetrics;
  const since = Math.max(lastWordsMs ?? 0, call.answeredAt ? Date.parse(call.answeredAt) : nowMs);
  const silentMs = nowMs - since;
  if (signs?.complains) found.push([2, 'complains']);
  if (signs && signs.mood <= ANGRY) found.push([2, 'sounds angry']);
  else if (signs && signs.mood <= TENSE) found.push([1, 'sounds displeased']);
  if (signs?.objects) found.push([1, 'objects']);
  if (interruptionCount >= MANY_INTERRUPTIONS) found.push([1, count(interruptionCount, 'interruption')]);
  if (!call.takenOver && silentMs >= LONG_SILENCE_MS)
    found.push([silentMs >= LONGER_SILENCE_MS ? 2 : 1, `silent for ${formatLength(silentMs / 1_000)}`]);
  found.sort(([a], [b]) => b - a);
  const level = found[0]?.[0] ?? 0;
  return { level, tone: TONES[level] ?? 'quiet', why: found.map(([, why]) => why) };
}

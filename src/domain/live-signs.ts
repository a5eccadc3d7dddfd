/**
 * domain/live-signs: how a call stands while it goes on, by the word lists and the last things that the caller said. A glance
 * for whoever watches many calls at once; the analysis afterwards reads all of it.
 */
import { normalWords } from './analysis.ts';
import type { TranscriptMessage } from './documents.ts';
import { sentimentOfWords } from './lexicon.ts';
import { COMPLAINTS, OBJECTIONS } from './lexicon-words.ts';

export interface LiveSigns {
  /** What was felt in the caller's last turns, -1..1. */
  readonly mood: number;
  readonly objects: boolean;
  readonly complains: boolean;
}

const LAST_TURNS = 3;
/** Of one turn: somebody reads aloud, or a machine talks. */
const MAX_CHARS = 600;

export function signsOf(messages: readonly TranscriptMessage[]): LiveSigns {
  const last: string[] = [];
  for (let at = messages.length - 1; at >= 0 && last.length < LAST_TURNS; at -= 1) {
    const message = messages[at];
    if (message?.speaker === 'user') last.push(normalWords(message.text.slice(0, MAX_CHARS)));
  }
  const felt = last.reduce((sum, words) => sum + sentimentOfWords(words), 0);
  return {
    mood: last.length === 0 ? 0 : Math.round((felt / last.length) * 100) / 100,
    objects: last.some((words) => OBJECTIONS.some((pattern) => pattern.test(words))),
    complains: last.some((words) => COMPLAINTS.test(words)),
  };
}

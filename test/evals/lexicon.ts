/** test/evals/lexicon: a written conversation read by the word lists, as the product reads a call. */
import { evidenced } from '../../src/domain/analysis.ts';
import { readByLexicon } from '../../src/domain/lexicon.ts';
import type { Conversation } from './scoring.ts';

export function byLexicon({ messages, startedAt, zone, optedOut }: Conversation) {
  const work = readByLexicon(messages, {
    startedAt: new Date(startedAt),
    zone,
    optedOut,
    agentTalkTime: 0,
    userTalkTime: 0,
    silenceDuration: 0,
    interruptionCount: 0,
  });
  let step = work.next();
  while (step.done !== true) step = work.next();
  return { findings: step.value, ...evidenced(step.value, messages, new Date(startedAt)) };
}

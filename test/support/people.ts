/** test/support/people: brief callers for stories about the line and not about the person. */
import type { CallerScript } from '../../src/sandbox/callers.ts';

const person = (name: string, script: Partial<CallerScript> & Pick<CallerScript, 'steps'>): CallerScript => ({
  name,
  title: name,
  summary: '',
  voice: 'slt',
  ringMs: 900,
  pickup: { kind: 'answers' },
  detection: { verdict: 'human', latencyMs: 1_800 },
  ...script,
});

export const SELLS = 'Yes, we are thinking about selling our house this spring.';
export const WONDERS = 'We would like to know what it is worth before we decide.';
const listens = { waitForAgent: { patienceMs: 15_000 } } as const;

/** Answers twice, listens a while, and hangs up. */
export const TALKER = person('talker', {
  steps: [listens, { say: SELLS }, listens, { say: WONDERS }, listens, { pauseMs: 1_500 }, { hangUp: true }],
});

/** Answers once, then listens for long: whatever happens, they are still there. */
export const STAYER = person('stayer', {
  steps: [
    listens,
    { say: SELLS },
    listens,
    { pauseMs: 4_000 },
    { waitForAgent: { quietMs: 5_000, patienceMs: 20_000 } },
    { hangUp: true },
  ],
});

/** Says that they have no interest; the agent ends the call. */
export const DECLINER = person('decliner', {
  voice: 'rms',
  steps: [
    listens,
    { say: 'No thank you, I am not interested.' },
    { waitForAgent: { quietMs: 6_000, patienceMs: 20_000 } },
    { hangUp: true },
  ],
});

/** Puts the phone down after a second. */
export const BRIEF = person('brief', { ringMs: 400, steps: [{ pauseMs: 1_000 }, { hangUp: true }] });

/** Lets the phone ring for fourteen seconds. */
export const SLOW_TO_ANSWER = person('slow to answer', {
  ringMs: 14_000,
  steps: [listens, { say: SELLS }, listens, { pauseMs: 500 }, { hangUp: true }],
});

/**
 * domain/compliance/scripts: what a call must say, in which order and how soon, by the states the called party may be in
 * (reference §5). Names of parts and limits only: the words are prompts, and app/prompts puts them together.
 */

/** The pieces that scripts are made of; each is one text under prompts/parts. */
export const SCRIPT_PARTS = [
  'identification',
  'identification-inbound',
  'identification-again',
  'opt-out',
  'recording',
  'question',
  'question-inbound',
  'voicemail-opt-out',
  'voicemail',
  'sign-off',
] as const;
export type ScriptPart = (typeof SCRIPT_PARTS)[number];

/** `recovery`: the agent comes back after its connection was lost. `voicemail`: a message after the beep. */
export type Situation = 'outbound' | 'inbound' | 'recovery' | 'voicemail';

export interface Script {
  /** "outbound" or "outbound+sign-off"; with the hash of its words it tells what was said. */
  readonly name: string;
  /** In the order in which they are said. */
  readonly parts: readonly ScriptPart[];
  /** Said before the call or the message ends; undefined where nothing must be said again. */
  readonly signOff: Extract<ScriptPart, 'sign-off'> | undefined;
  readonly limits: ScriptLimits;
}

export interface ScriptLimits {
  /** Seconds from the first word to the end of who calls and why. */
  readonly identifiedWithinSec: number;
  /** Nothing at all may be said before who calls. */
  readonly identifiedAtOnce: boolean;
  /** Seconds of other words between who calls and how to stop: 64.1200(b)(3). */
  readonly optOutWithinSec: number;
}

interface Duty {
  /** 0: at once. */
  readonly identifySec: number;
  /** Name and number are repeated at the end. */
  readonly again: boolean;
}

/**
 * code|seconds to say who calls and why|at the end. Pennsylvania wants the way to stop at the start, which the order of
 * parts gives everybody. California's introduction by a natural voice is a person's: the gate's policy decides about it.
 */
const DUTIES: ReadonlyMap<string, Duty> = new Map(
  `
AL|20|again
CT|10|
FL|30|
KY|25|again
NJ|30|
NM|15|
TN|25|again
TX|0|
WA|30|
`
    .trim()
    .split('\n')
    .map((line): [string, Duty] => {
      const [code = '', seconds = '', end = ''] = line.split('|');
      return [code, { identifySec: Number(seconds), again: end === 'again' }];
    }),
);

/** "At the beginning" of 64.1200(b)(1), where no state names seconds: as long as the most patient of them gives. */
const BEGINNING_SEC = 30;
const OPT_OUT_SEC = 2;

const PARTS: Readonly<Record<Situation, readonly ScriptPart[]>> = {
  outbound: ['identification', 'opt-out', 'recording', 'question'],
  inbound: ['identification-inbound', 'opt-out', 'recording', 'question-inbound'],
  // Nobody knows how much of the opening was heard, so all of its duties are said again.
  recovery: ['identification-again', 'opt-out', 'recording'],
  voicemail: ['identification', 'voicemail-opt-out', 'voicemail'],
};

/**
 * The script for a called party who may be in any of these states: the shortest time of all, and everything that any of
 * them wants. Without a known state of an outbound call the duties of all states hold; a person who calls us is no called
 * party, and only the order of parts holds.
 */
export function scriptFor(states: readonly string[], situation: Situation): Script {
  const codes = situation === 'inbound' ? [] : states.length === 0 ? [...DUTIES.keys()] : states;
  const duties = codes.flatMap((code) => DUTIES.get(code) ?? []);
  const timed = duties.map(({ identifySec }) => identifySec).filter((seconds) => seconds > 0);
  const again = duties.some((duty) => duty.again);
  return {
    name: again ? `${situation}+sign-off` : situation,
    parts: PARTS[situation],
    signOff: again ? 'sign-off' : undefined,
    limits: {
      identifiedWithinSec: Math.min(BEGINNING_SEC, ...timed),
      identifiedAtOnce: duties.some(({ identifySec }) => identifySec === 0),
      optOutWithinSec: OPT_OUT_SEC,
    },
  };
}

const WORDS_PER_MINUTE = 150;

/**
 * Seconds that a text takes to say, roughly: 150 words a minute, which is an unhurried voice, each digit a word of its own,
 * as in a phone number. No allowance for the pauses between sentences.
 */
export function spokenSec(text: string): number {
  const words = text.match(/\d|\p{L}[\p{L}\p{M}'’-]*/gu) ?? [];
  return (words.length * 60) / WORDS_PER_MINUTE;
}

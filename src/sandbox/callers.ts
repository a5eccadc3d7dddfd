/**
 * sandbox/callers: the people at the other end of the line, as data. Each has a name, a voice, a way to take the
 * phone and a list of steps; `carrier/caller.ts` plays them. The sandbox agent recognises their lines, so every
 * sentence a caller can say stands here and is listed by `allCallerLines()`.
 *
 * Who answers when a number is dialled: the script assigned to that number by hand; else the number's last two
 * digits (`BY_LAST_DIGITS`); else a seeded choice that looks like an ordinary list of leads (`ODDS`).
 */
import type { VoiceName } from './voices.ts';

/** What a caller does next. All times are ms. */
export type CallerStep =
  /** Says a line, each 160-byte frame of the synthesised sound on the wire as one media frame. */
  | { readonly say: string; readonly voice?: VoiceName }
  /** Waits until the other side spoke and then was quiet for `quietMs` (900), at most `patienceMs` (12000). */
  | { readonly waitForAgent: { readonly quietMs?: number; readonly patienceMs?: number } }
  /** Waits until the other side starts to speak, at most `patienceMs` (12000). */
  | { readonly waitForAgentToStart: { readonly patienceMs?: number } }
  /** Does nothing for a while. */
  | { readonly pauseMs: number }
  /** Waits until the other side has been speaking for so long, then talks over it. */
  | { readonly bargeInAfterMs: number; readonly say: string; readonly voice?: VoiceName }
  /** Presses keys, 300 ms apart. */
  | { readonly press: string }
  /** A voicemail's 1000 Hz tone, so many ms long. */
  | { readonly beep: number }
  | { readonly hangUp: true };

/** What happens when this person is dialled. `sip` is the code that ends the attempt (twilio.md §2.2). */
type Pickup =
  | { readonly kind: 'answers' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'never-answers' }
  | { readonly kind: 'rejects' }
  | { readonly kind: 'unreachable' };

/** What answering machine detection will find, and how many ms after the answer it is sure (twilio.md §2.3). */
type DetectionScript = {
  readonly verdict: 'human' | 'machine' | 'fax' | 'unknown' | 'never';
  readonly latencyMs: number;
};

export type CallerScript = {
  readonly name: string;
  readonly title: string;
  /** What they do and how it ends, for people who choose one. */
  readonly summary: string;
  readonly voice: VoiceName;
  /** From the first ring to the answer, the rejection or the busy signal. */
  readonly ringMs: number;
  readonly pickup: Pickup;
  readonly detection: DetectionScript;
  /** Breath between the end of the other side's turn and this person's next line; 350 by default. */
  readonly pauseBeforeLineMs?: number;
  /** What this person answers to a text. Without it they read it and say nothing. */
  readonly textReply?: string;
  /** Played in order from the answer on. A person whose steps are over hangs up. */
  readonly steps: readonly CallerStep[];
};

const HUMAN: DetectionScript = { verdict: 'human', latencyMs: 1800 };
const MACHINE: DetectionScript = { verdict: 'machine', latencyMs: 3600 };
const ANSWERS: Pickup = { kind: 'answers' };

const turn: CallerStep = { waitForAgent: {} };
const say = (text: string): CallerStep => ({ say: text });
const hello: readonly CallerStep[] = [{ pauseMs: 700 }, say('Hello?')];
const goodbye: readonly CallerStep[] = [{ waitForAgent: { patienceMs: 8000 } }, { hangUp: true }];

export const CALLERS: readonly CallerScript[] = [
  {
    name: 'interested-seller',
    title: 'Interested seller',
    summary:
      'Talks about the house, wants an estimate and an appointment on Thursday, says goodbye and hangs up.',
    textReply: 'Yes, I still want to sell. Call me this afternoon.',
    voice: 'slt',
    ringMs: 2400,
    pickup: ANSWERS,
    detection: HUMAN,
    steps: [
      ...hello,
      turn,
      say('Yes, this is she. I was just looking at your website.'),
      turn,
      say('Yes, we are thinking about selling our house this spring.'),
      turn,
      say('It has three bedrooms and two bathrooms, and we put in a new kitchen last year.'),
      turn,
      say('We would like to know what it is worth before we decide.'),
      turn,
      say('Thursday at four in the afternoon would work for me.'),
      turn,
      say('Perfect. Thank you very much, goodbye.'),
      ...goodbye,
    ],
  },
  {
    name: 'not-interested',
    title: 'Not interested',
    summary: 'Listens once, declines politely and hangs up.',
    voice: 'rms',
    ringMs: 3200,
    pickup: ANSWERS,
    detection: HUMAN,
    steps: [
      ...hello,
      turn,
      say('No thank you, I am not interested.'),
      turn,
      say('We are happy where we are. Have a nice day.'),
      ...goodbye,
    ],
  },
  {
    name: 'opt-out',
    title: 'Opts out',
    summary: 'Asks to be taken off the list, waits for the confirmation and hangs up.',
    textReply: 'STOP',
    voice: 'awb',
    ringMs: 2000,
    pickup: ANSWERS,
    detection: HUMAN,
    steps: [
      ...hello,
      turn,
      say('Please take me off your list.'),
      turn,
      say('And stop calling me.'),
      ...goodbye,
    ],
  },
  {
    name: 'voicemail',
    title: 'Voicemail',
    summary: 'A greeting, a beep, then records what it hears until three seconds of silence.',
    voice: 'rms',
    ringMs: 5200,
    pickup: ANSWERS,
    detection: MACHINE,
    steps: [
      { pauseMs: 500 },
      say('Hi, you have reached the voicemail of Tom Baker. I cannot take your call right now.'),
      say('Please leave a message after the tone.'),
      { pauseMs: 400 },
      { beep: 900 },
      { waitForAgent: { quietMs: 3000, patienceMs: 12_000 } },
      { hangUp: true },
    ],
  },
  {
    name: 'call-screening',
    title: 'Call-screening assistant',
    summary:
      'A machine asks for name and reason, then connects a woman who listens and asks to get an email.',
    voice: 'kal',
    ringMs: 1600,
    pickup: ANSWERS,
    detection: { verdict: 'unknown', latencyMs: 4200 },
    steps: [
      { pauseMs: 500 },
      say('Hi. The person you are calling is using a screening service.'),
      say('Please say your name and why you are calling.'),
      { waitForAgent: { patienceMs: 15_000 } },
      say('Thank you. Please stay on the line while I connect you.'),
      { pauseMs: 2500 },
      { say: 'Hello, this is Dana. What is this about?', voice: 'slt' },
      turn,
      { say: 'All right. Please send me an email with the details.', voice: 'slt' },
      turn,
      { say: 'Thanks, bye bye.', voice: 'slt' },
      ...goodbye,
    ],
  },
  {
    name: 'busy',
    title: 'Busy line',
    summary: 'A busy signal; the call ends as busy.',
    voice: 'kal',
    ringMs: 900,
    pickup: { kind: 'busy' },
    detection: HUMAN,
    steps: [],
  },
  {
    name: 'no-answer',
    title: 'Nobody there',
    summary: 'Rings until the timeout; the call ends as no-answer.',
    voice: 'kal',
    ringMs: 0,
    pickup: { kind: 'never-answers' },
    detection: HUMAN,
    steps: [],
  },
  {
    name: 'bad-number',
    title: 'Number not in service',
    summary: 'Cannot be reached; the call ends as failed with SIP code 404.',
    voice: 'kal',
    ringMs: 600,
    pickup: { kind: 'unreachable' },
    detection: HUMAN,
    steps: [],
  },
  {
    name: 'rejects',
    title: 'Rejects the call',
    summary: 'Sees the number and presses reject; the call ends as no-answer with SIP code 603.',
    voice: 'kal',
    ringMs: 2600,
    pickup: { kind: 'rejects' },
    detection: HUMAN,
    steps: [],
  },
  {
    name: 'hangs-up',
    title: 'Hangs up in the middle of a sentence',
    summary: 'Says hello, listens for two seconds and puts the phone down while the agent speaks.',
    voice: 'kal16',
    ringMs: 2800,
    pickup: ANSWERS,
    detection: HUMAN,
    steps: [...hello, { waitForAgentToStart: {} }, { pauseMs: 2000 }, { hangUp: true }],
  },
  {
    name: 'talks-over',
    title: 'Talks over the agent',
    summary: 'Interrupts the agent twice, 1.2 s and 0.8 s into what it says, then ends the call.',
    voice: 'awb',
    ringMs: 2200,
    pickup: ANSWERS,
    detection: HUMAN,
    steps: [
      ...hello,
      turn,
      say('Okay, go on.'),
      { bargeInAfterMs: 1200, say: 'Wait, wait. How did you get my number?' },
      turn,
      say('Okay. And what do you want from me?'),
      { bargeInAfterMs: 800, say: 'Hold on, I only have one minute.' },
      turn,
      say('Call me another time. Bye.'),
      ...goodbye,
    ],
  },
  {
    name: 'silent',
    title: 'Says nothing',
    summary: 'Answers and never says a word; hangs up after twenty-five seconds.',
    voice: 'kal',
    ringMs: 1800,
    pickup: ANSWERS,
    detection: { verdict: 'unknown', latencyMs: 5000 },
    steps: [{ pauseMs: 25_000 }, { hangUp: true }],
  },
  {
    name: 'wants-person',
    title: 'Wants a person',
    summary: 'Does not talk to machines and asks to be put through to a human being.',
    voice: 'slt',
    ringMs: 2600,
    pickup: ANSWERS,
    detection: HUMAN,
    steps: [
      ...hello,
      turn,
      say('Am I talking to a robot?'),
      turn,
      say('I want to speak to a real person, please.'),
      { waitForAgent: { quietMs: 2500, patienceMs: 20_000 } },
      say('Okay, I will wait.'),
      { waitForAgent: { quietMs: 4000, patienceMs: 20_000 } },
      { hangUp: true },
    ],
  },
  {
    name: 'call-later',
    title: 'Asks for a call later',
    summary: 'Is driving and asks to be called back tomorrow at ten in the morning.',
    voice: 'rms',
    ringMs: 3000,
    pickup: ANSWERS,
    detection: HUMAN,
    steps: [
      ...hello,
      turn,
      say('Sorry, this is a bad time, I am driving.'),
      turn,
      say('Can you call me back tomorrow at ten in the morning?'),
      turn,
      say('Great, talk to you then.'),
      ...goodbye,
    ],
  },
  {
    name: 'keypad-opt-out',
    title: 'Opts out with the keypad',
    summary: 'Presses 9 while the agent speaks, waits for the confirmation and hangs up.',
    voice: 'slt',
    ringMs: 2400,
    pickup: ANSWERS,
    detection: HUMAN,
    steps: [
      ...hello,
      { waitForAgentToStart: {} },
      { pauseMs: 1500 },
      { press: '9' },
      { waitForAgent: { quietMs: 2500, patienceMs: 8000 } },
      { hangUp: true },
    ],
  },
  {
    name: 'inbound-buyer',
    title: 'Calls about a house',
    summary:
      'For inbound calls: lets the agent greet, asks about the house on Maple Street, wants to see it.',
    voice: 'slt',
    ringMs: 2000,
    pickup: ANSWERS,
    detection: HUMAN,
    steps: [
      turn,
      say('Hi, I am calling about the house on Maple Street.'),
      turn,
      say('Is it still available?'),
      turn,
      say('Could I see it on Saturday morning?'),
      turn,
      say('Wonderful, see you then. Bye.'),
      ...goodbye,
    ],
  },
  {
    name: 'inbound-opt-out',
    title: 'Calls back to stop all calls',
    summary: 'For inbound calls: somebody from this number keeps calling, and that shall stop.',
    voice: 'rms',
    ringMs: 2000,
    pickup: ANSWERS,
    detection: HUMAN,
    steps: [
      turn,
      say('I got a call from this number.'),
      turn,
      say('Please do not call me again.'),
      ...goodbye,
    ],
  },
  {
    name: 'objects',
    title: 'Finds offers too low',
    summary: 'Objects to the price, hears an answer, and agrees to a visit.',
    voice: 'rms',
    ringMs: 2600,
    pickup: ANSWERS,
    detection: HUMAN,
    steps: [
      ...hello,
      turn,
      say('Yes, this is he.'),
      turn,
      say('Your offers are always too low, I have heard about that.'),
      turn,
      say('All right, that sounds good. We want to sell because we are moving closer to our daughter.'),
      turn,
      say('The roof needs some repairs, but the kitchen is in good shape.'),
      turn,
      say('Within three months, and we hope for two hundred thousand dollars.'),
      turn,
      say('Yes, Tuesday at three in the afternoon works for me.'),
      ...goodbye,
    ],
  },
  {
    name: 'colleague',
    title: 'A colleague in the office',
    summary: 'For transferred calls: picks up, introduces himself, listens and promises to take over.',
    voice: 'rms',
    ringMs: 2500,
    pickup: ANSWERS,
    detection: HUMAN,
    steps: [
      { pauseMs: 500 },
      say('Hello, this is the office. How can I help you?'),
      { waitForAgent: { patienceMs: 8000 } },
      say('Sure, I will look into it for you right away.'),
      ...goodbye,
    ],
  },
];

/** Last two digits of a dialled number → who answers. Numbers that are not listed get a seeded choice by `ODDS`. */
export const BY_LAST_DIGITS: Readonly<Record<string, string>> = {
  '01': 'interested-seller',
  '02': 'not-interested',
  '03': 'opt-out',
  '04': 'voicemail',
  '05': 'call-screening',
  '06': 'busy',
  '07': 'no-answer',
  '08': 'bad-number',
  '09': 'rejects',
  '10': 'hangs-up',
  '11': 'talks-over',
  '12': 'silent',
  '13': 'wants-person',
  '14': 'call-later',
  '15': 'keypad-opt-out',
  '16': 'colleague',
  '17': 'objects',
};

/** How often each caller is met among numbers that `BY_LAST_DIGITS` does not name; parts of their sum. */
export const ODDS: readonly (readonly [name: string, parts: number])[] = [
  ['interested-seller', 22],
  ['not-interested', 16],
  ['voicemail', 20],
  ['no-answer', 12],
  ['call-later', 8],
  ['hangs-up', 5],
  ['opt-out', 4],
  ['wants-person', 4],
  ['call-screening', 3],
  ['busy', 2],
  ['rejects', 1],
  ['bad-number', 1],
  ['silent', 1],
  ['talks-over', 1],
];

const BY_NAME: ReadonlyMap<string, CallerScript> = new Map(CALLERS.map((caller) => [caller.name, caller]));

/** The caller of that name, if there is one. */
export function callerNamed(name: string): CallerScript | undefined {
  return BY_NAME.get(name);
}

/** Who answers `number` (E.164) when nobody was assigned to it. `chance` is a seeded number in [0, 1). */
export function callerFor(number: string, chance: number): CallerScript {
  const listed = BY_NAME.get(BY_LAST_DIGITS[number.slice(-2)] ?? '');
  if (listed !== undefined) return listed;
  let left = chance * ODDS.reduce((sum, [, parts]) => sum + parts, 0);
  for (const [name, parts] of ODDS) {
    left -= parts;
    const found = BY_NAME.get(name);
    if (left < 0 && found !== undefined) return found;
  }
  throw new Error('ODDS names no caller that exists');
}

/** The sentences of one script, in order, each with the voice that says it. */
export function linesOf(script: CallerScript): { text: string; voice: VoiceName }[] {
  return script.steps.flatMap((step) =>
    'say' in step ? [{ text: step.say, voice: step.voice ?? script.voice }] : [],
  );
}

/** Every sentence any caller can say, each once per voice: what the sandbox agent's recogniser is built from. */
export function allCallerLines(): { text: string; voice: VoiceName }[] {
  const seen = new Map<string, { text: string; voice: VoiceName }>();
  for (const script of CALLERS) {
    for (const line of linesOf(script)) seen.set(`${line.voice} ${line.text}`, line);
  }
  return [...seen.values()];
}

/**
 * sandbox/agent/brain: what the sandbox's agent says and does next. A pure function of what it knew and what it
 * heard; the words, the questions and the lexicon are tables. It qualifies people who may want to sell a house:
 * why, in what state, how soon, for how much; then it proposes a visit. A request to be left alone comes first,
 * always.
 */

/** What the agent knows at the start: dynamic variables, and how it was set up for this call. */
export type Facts = {
  readonly variables: Readonly<Record<string, string | number | boolean>>;
  /** The greeting, when it was overridden for this call; its `{{variables}}` are filled in. '' says nothing. */
  readonly firstMessage?: string;
  readonly voicemail: 'hang_up' | 'talk';
  /** The tool `look_up_knowledge` is set up: objections are answered by what it says. */
  readonly looksUp: boolean;
  /** Chooses between equal phrases. */
  readonly seed: number;
};

const TOPICS = ['motivation', 'condition', 'timeline', 'price', 'visit'] as const;
type Topic = (typeof TOPICS)[number];
/**
 * `screened`: a machine takes messages for the person called. `when`: asked for a better time. `handed_over`: a
 * colleague takes the call. `closing`: said goodbye.
 */
type Stage = Topic | 'screened' | 'when' | 'tool' | 'handed_over' | 'closing';

/** What the agent remembers of the conversation. Plain data; a new one is made for every step. */
export type Mind = {
  readonly facts: Facts;
  readonly stage: Stage;
  /** Where to go on when a tool has answered or a screening has passed. */
  readonly topic: Topic;
  readonly answers: Readonly<Partial<Record<Topic, string>>>;
  readonly turns: number;
  readonly misheard: number;
  readonly silences: number;
  /** What was said first, to be said again when it was cut off. */
  readonly greeting: string;
  /** The kind of follow-up last asked for. */
  readonly promised: string;
  /** How often an answer was looked up. */
  readonly lookUps: number;
};

export type BrainInput =
  | {
      readonly kind: 'heard';
      readonly text: string;
      readonly nowMs: number;
      /** Whether the greeting was over, still playing on, or cut off by this, when it was said. */
      readonly greeting: 'over' | 'playing' | 'cut';
    }
  | { readonly kind: 'silence' }
  | {
      readonly kind: 'tool_answered';
      readonly name: string;
      readonly ok: boolean;
      readonly result: string;
    };

export type Act =
  | { readonly do: 'say'; readonly text: string }
  | { readonly do: 'tool'; readonly name: string; readonly parameters: Readonly<Record<string, unknown>> }
  | { readonly do: 'end'; readonly reason: string };

export type Thought = { readonly mind: Mind; readonly acts: readonly Act[] };

type Intent =
  | 'opt_out'
  | 'handed_back'
  | 'voicemail'
  | 'screening'
  | 'hold'
  | 'wrong_number'
  | 'person'
  | 'robot'
  | 'source'
  | 'who'
  | 'called_us'
  | 'viewing'
  | 'send_info'
  | 'hurry'
  | 'later'
  | 'not_interested'
  | 'repeat'
  | 'goodbye'
  | 'greeting'
  | 'no'
  | 'yes';

/** Tried from the top; the first that fits is what was meant. The order is the order of importance. */
const LEXICON: readonly (readonly [Intent, RegExp])[] = [
  [
    'opt_out',
    /\b(take (me|us|my (number|name)) off|(stop|quit) (calling|contacting|bothering)|(do not|don'?t|never) (ever )?(call|contact|phone)( me| us| here| this number)?( again| any ?more)?\b|remove (me|us|my (number|name))|do not call|no more calls|unsubscribe|opt(ing)? out|lose (my|this) number|leave (me|us) alone|(pressed|press|pushed) (9|nine)\b)/i,
  ],
  ['handed_back', /\bhanded the call back to you\b/i],
  [
    'voicemail',
    /(leave (me |us )?(a |your )(brief |short |detailed )?(message|name)|(after|at) the (tone|beep)|voice ?mail|mailbox|you(’|'| ha)?ve reached|record your message|can(no|')?t (come to|take your call)|(is|are) (not available|unavailable) (to take|right now))/i,
  ],
  [
    'screening',
    /(state your name|say your name|your name and (why|the reason|reason)|reason for (your|the|this) call|why you(’|')?re calling|screening|who(’|'| i)?s calling and why|before I (try to )?(connect|put))/i,
  ],
  ['hold', /(please (hold|wait|stay)\b|stay on the line|connect you\b)/i],
  [
    'wrong_number',
    /(wrong (number|person)|no ?(one|body) (here )?by that name|never heard of|(do not|don'?t) (own|have) (a|any|that|the) (house|property|home)|there(’|'| i)?s no .{1,20} here|not (the )?.{0,20}owner)/i,
  ],
  [
    'person',
    /((speak|talk) (to|with) (a |an |some)?(real |live |actual )?(person|human|someone|somebody|agent|representative|manager|people)|(real|live|actual) (person|human)\b.*(please|want|need|get|put)|(get|give|put) me (through to )?(a |an )?(real |live )?(person|human|manager|agent|someone)|transfer me|representative\b|operator\b)/i,
  ],
  [
    'robot',
    /(are you (a |an )?(real|human|robot|bot|machine|computer|ai\b|person)|is this (a |an )?(robot|bot|recording|machine|computer|ai\b|real person|human|automated)|am I (talking|speaking) (to|with) (a |an )?(robot|bot|machine|computer|ai\b|recording|human|real))/i,
  ],
  [
    'source',
    /((how|where) did you (get|find|come by) (my|this|our)|who gave you (my|this|our)|how do you (have|know) my)/i,
  ],
  [
    'later',
    /(call (me |us )?(back|later|again|tomorrow|next|on (mon|tues|wednes|thurs|fri|satur|sun)day)|(bad|not a good|not the best|busy) (time|right now|moment)|(I(’|')?m|I am) (busy|driving|at work|in a meeting|cooking)|can(’|')?t talk|another time|try (me )?(again )?(later|tomorrow|next))/i,
  ],
  [
    'not_interested',
    /(not (really )?interested|no interest|not (looking|planning|thinking|going) (to sell|of selling|about selling)|not (for sale|selling)|(don'?t|do not) (want|wish|plan|need) to sell|no,? thank(s| you)|happy where|(already|just) (sold|listed)|not right now)/i,
  ],
  [
    'who',
    /(who(’|'| i)?s (this|calling|there)|who (are|is) (you|this)|what(’|'| i)?s this (about|regarding)|what company|who do you (work|call) for|what do you want)/i,
  ],
  ['called_us', /(got|had|missed|have) (a |your )?(missed )?call(s)? from/i],
  ['send_info', /((send|mail|e-?mail|text) (me|it|that|us)\b|(an?|by|via) e-?mail\b)/i],
  ['hurry', /(only have (a|one|two)|make it (quick|short)|be quick|in a hurry|get to the point|wait, wait)/i],
  [
    'viewing',
    /(calling about (the|a|your|that) (house|home|property|listing|place)|still (available|for sale)|(could|can|may) (I|we) (see|view|visit|look at)|like to (see|view|visit) (it|the))/i,
  ],
  [
    'repeat',
    /(say (that|it) again|repeat|pardon|(did ?n(o|')t|couldn(o|')t|can(’|')?t|cannot) (hear|catch|understand)|what was that|come again|excuse me\??$|you(’|'| a)?re breaking up)/i,
  ],
  ['goodbye', /\b(good ?bye|bye|have a (good|nice|great) (day|one|evening))\b/i],
  ['no', /^\W*(no|nope|nah|never|not really|i don'?t think so)\b/i],
  [
    'yes',
    /(^\W*|\b)(yes|yeah|yep|yup|sure|okay|ok|of course|absolutely|sounds good|that works|works for me|fine|correct|that'?s right|please do|go ahead|speaking|this is (he|she|him|her))\b/i,
  ],
  ['greeting', /^\W*(hello|hi|hey|good (morning|afternoon|evening))\b/i],
];

/** What a sentence of the other side means to the agent; undefined when it is simply an answer. */
export function understand(text: string): Intent | undefined {
  return LEXICON.find(([, pattern]) => pattern.test(text))?.[0];
}

const QUESTIONS: Readonly<Record<Topic, string>> = {
  motivation: 'May I ask what has you thinking about selling?',
  condition: 'What condition is the house in, and does it need any repairs?',
  timeline: 'How soon would you like to sell?',
  price: 'Do you have a price in mind that you would be happy with?',
  visit: 'Would you be open to a short visit by our local specialist, say tomorrow at two in the afternoon?',
};

/** The topics that a sentence speaks of, whatever was asked. */
const SPEAKS_OF: Readonly<Record<Topic, RegExp>> = {
  motivation:
    /\b(sell(ing)?|mov(e|ing)|relocat\w*|divorc\w*|inherit\w*|downsiz\w*|foreclos\w*|retir\w*|new job|too (big|small))\b/i,
  condition:
    /\b(bed ?rooms?|bath ?rooms?|kitchen|roof|repairs?|condition|renovat\w*|fixer|needs? (some )?work|shape|updated|paint)\b/i,
  timeline:
    /\b(months?|weeks?|spring|summer|fall|autumn|winter|as soon as|asap|right away|no (rush|hurry)|this year|next year|days)\b/i,
  price: /(\b(price|worth|thousand|hundred|dollars?|million|asking|offer)\b|\$|\d{3,})/i,
  visit: /\b(visit|come (by|over)|appointment|see (it|the house))\b/i,
};

const SAYS_A_TIME =
  /\b(today|tonight|tomorrow|next (week|month)|mon|tues|wednes|thurs|fri|satur|sun)(day)?\b|\b(at|around|after) (\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|noon)\b|in (the|an) (morning|afternoon|evening|hour)/i;

/** Reasons not to go along, to which an answer can be looked up. */
const OBJECTS =
  /\b(too low|low ?ball|worth (a lot |way |much )?more|not (nearly )?enough|(like|is this) a scam|fishy|(do not|don'?t) trust|what(’|')?s the catch|(already )?(have an agent|listed with)|(talk|speak) (to|with) my (wife|husband|family|brother|sister)|think (about it|it over)|need (some |more )?time|fees?|commissions?)\b/i;
/** Somebody who objects again and again has been heard. */
const MOST_LOOK_UPS = 3;

/** Meanings that are acted upon even while the greeting plays on; anything else waits until it is over. */
const URGENT: ReadonlySet<Intent | undefined> = new Set<Intent>([
  'opt_out',
  'voicemail',
  'screening',
  'hold',
  'wrong_number',
  'person',
]);

const THANKS: Readonly<Record<Topic, readonly string[]>> = {
  motivation: ['Thank you for telling me.', 'I understand, thank you.', 'That makes sense.'],
  condition: ['Good to know, thank you.', 'Thank you, that helps a lot.', 'All right, that helps.'],
  timeline: ['That is helpful.', 'Good, we can work with that.', 'Thank you, I have noted that.'],
  price: ['Thank you, I have written that down.', 'All right, thank you.', 'I appreciate you sharing that.'],
  visit: ['Wonderful.', 'Great.', 'Perfect.'],
};

const DEFAULT_FIRST_MESSAGE =
  'Hi {{lead_name}}, this is an AI assistant calling for {{seller_name}}. ' +
  'This call is recorded, and you can say stop calling at any time to be taken off our list. ' +
  'I am calling about your property. ';

/** The first thing the agent says, and the mind it goes on with. */
export function begin(facts: Facts): Thought {
  const recovery = word(facts.variables.recovery_summary);
  const topic = recovery === '' ? 'motivation' : resumeAt(recovery);
  const blank: Mind = {
    facts,
    stage: topic,
    topic,
    answers: {},
    turns: 0,
    misheard: 0,
    silences: 0,
    greeting: '',
    promised: '',
    lookUps: 0,
  };
  let text = fill(facts.firstMessage ?? DEFAULT_FIRST_MESSAGE + QUESTIONS.motivation, facts.variables).trim();
  if (recovery !== '' && !/cut off|disconnect|dropped/i.test(text))
    text = `Sorry, we were cut off. This is the AI assistant of ${seller(blank)} again. ${QUESTIONS[topic]}`;
  return { mind: { ...blank, greeting: text }, acts: text === '' ? [] : [say(text)] };
}

/** One step of the conversation. */
export function think(mind: Mind, input: BrainInput): Thought {
  switch (input.kind) {
    case 'heard':
      return answer({ ...mind, turns: mind.turns + 1, silences: 0 }, input);
    case 'silence':
      return silence(mind);
    case 'tool_answered':
      return afterTool(mind, input);
  }
}

function answer(mind: Mind, input: BrainInput & { kind: 'heard' }): Thought {
  const { text, nowMs } = input;
  const intent = understand(text);
  if (input.greeting === 'playing' && !URGENT.has(intent)) return { mind, acts: [] };
  if (mind.stage === 'handed_over' && intent !== 'opt_out') return { mind, acts: [] };
  if (text === '' || text.startsWith('(unintelligible')) return misheard(mind);
  const known: Mind = { ...mind, misheard: 0 };
  const small = intent === undefined || intent === 'greeting' || intent === 'yes' || intent === 'who';
  if (input.greeting === 'cut' && small) return { mind: known, acts: [say(known.greeting)] };
  if (known.stage === 'screened' && small) {
    const opening = fill(DEFAULT_FIRST_MESSAGE, known.facts.variables) + QUESTIONS[known.topic];
    return { mind: { ...known, stage: known.topic }, acts: [say(opening)] };
  }
  switch (intent) {
    case 'opt_out':
      return callTool(known, undefined, 'record_opt_out', {
        reason: 'asked_on_call',
        quote: text,
        channel: 'all',
      });
    case 'handed_back':
      return ask(known, `Thank you for waiting. This is the AI assistant of ${seller(mind)} again.`);
    case 'voicemail':
      return voicemail(known);
    case 'screening': {
      const words = `This is an AI assistant of ${seller(mind)}, calling ${lead(mind)} about their property. Please connect us.`;
      return { mind: { ...known, stage: 'screened' }, acts: [say(words)] };
    }
    case 'hold':
      return { mind: { ...known, stage: 'screened' }, acts: [] };
    case 'wrong_number':
      return close(
        known,
        'I am sorry, I have the wrong number. I will correct our records. Goodbye.',
        'wrong_number',
      );
    case 'person':
      return callTool(
        known,
        'Of course. Please hold while I connect you with a colleague.',
        'transfer_to_human',
        {
          reason: 'asked_for_person',
          summary: summary(known),
        },
      );
    case 'robot':
      return ask(
        known,
        `Yes, I am an AI assistant of ${seller(mind)}, and this call is recorded. A colleague can speak with you if you prefer.`,
      );
    case 'source':
      return callTool(known, 'Let me look that up for you.', 'lookup_lead', { question: 'source' });
    case 'who':
      return ask(known, `This is an AI assistant of ${seller(mind)}. It is about your property.`);
    case 'called_us':
      return ask(known, `That was the AI assistant of ${seller(mind)}, about your property.`);
    case 'send_info':
      return followUp(known, 'send_email', text, nowMs + 3_600_000);
    case 'hurry':
      return ask(known, 'I will be brief.');
    case 'viewing':
      if (SAYS_A_TIME.test(text))
        return answered({ ...known, stage: 'visit', topic: 'visit' }, text, intent, nowMs);
      return {
        mind: { ...known, stage: 'visit', topic: 'visit' },
        acts: [say('Thank you for asking. Yes, it is still available. Which day would you like to see it?')],
      };
    case 'later':
      if (SAYS_A_TIME.test(text) || /\bbye\b/i.test(text)) return callBack(known, text, nowMs);
      return {
        mind: { ...known, stage: 'when' },
        acts: [say('No problem. When would be a good time to call you back?')],
      };
    case 'not_interested':
      if (known.stage === 'closing') break;
      return close(
        known,
        'I understand. Thank you for your time, and have a good day. Goodbye.',
        'not_interested',
      );
    case 'goodbye':
      return close(known, 'Thank you for your time. Goodbye.', 'caller_said_goodbye');
    case 'repeat':
      return { mind: known, acts: [say(`Of course. ${QUESTIONS[known.topic]}`)] };
    default:
  }
  if (known.stage === 'closing') return close(known, 'Thank you. Goodbye.', 'completed');
  if (known.stage === 'when') return callBack(known, text, nowMs);
  if (known.facts.looksUp && known.lookUps < MOST_LOOK_UPS && OBJECTS.test(text))
    return callTool({ ...known, lookUps: known.lookUps + 1 }, undefined, 'look_up_knowledge', { said: text });
  return answered(known, text, intent, nowMs);
}

/** Takes what was said as answers to the topics it speaks of, or to the question asked, and goes on. */
function answered(mind: Mind, text: string, intent: Intent | undefined, nowMs: number): Thought {
  const { topic } = mind;
  const bare = /\b(this is (he|she|him|her)|speaking)\b/i.test(text) || text.split(/\s+/).length <= 3;
  if (topic !== 'visit' && bare && (intent === 'yes' || intent === 'greeting'))
    return ask(mind, 'Thank you.');
  const spokenOf = TOPICS.filter(
    (t) => t !== 'visit' && mind.answers[t] === undefined && SPEAKS_OF[t].test(text),
  );
  const filled = topic === 'visit' || spokenOf.length === 0 ? [topic] : spokenOf;
  const answers: Partial<Record<Topic, string>> = { ...mind.answers };
  for (const t of filled) answers[t] = text;
  const next = { ...mind, answers };
  if (topic === 'visit') {
    if (intent === 'no') {
      const words =
        'No problem. We will send you our estimate in writing instead. Thank you for your time. Goodbye.';
      return close(next, words, 'qualified_no_visit');
    }
    return followUp(next, 'site_visit', text, nowMs, 14);
  }
  const open = TOPICS.find((t) => answers[t] === undefined) ?? 'visit';
  const thanks = THANKS[topic][(mind.facts.seed + mind.turns) % THANKS[topic].length] ?? 'Thank you.';
  return { mind: { ...next, stage: open, topic: open }, acts: [say(`${thanks} ${QUESTIONS[open]}`)] };
}

function callBack(mind: Mind, text: string, nowMs: number): Thought {
  return followUp(mind, 'callback', text, nowMs, 10);
}

/** Asks the product to note something to be done at a time: as said in `text`, or at `atMs` when no hour is given. */
function followUp(mind: Mind, type: string, text: string, atMs: number, hour?: number): Thought {
  const at = hour === undefined ? new Date(atMs).toISOString() : whenSaid(text, atMs, zone(mind), hour);
  const notes = type === 'site_visit' ? summary(mind) : text;
  return callTool({ ...mind, promised: type }, undefined, 'schedule_follow_up', { type, at, notes });
}

function afterTool(mind: Mind, tool: { name: string; ok: boolean; result: string }): Thought {
  const back: Mind = { ...mind, stage: mind.topic };
  switch (tool.name) {
    case 'record_opt_out':
      return tool.ok
        ? close(
            back,
            'I have taken your number off our list, and we will not call you again. I am sorry for the trouble. Goodbye.',
            'opt_out',
          )
        : close(
            back,
            'I have written down that you do not want to be called, and a colleague will make sure of it. I am sorry for the trouble. Goodbye.',
            'opt_out_unconfirmed',
          );
    case 'schedule_follow_up': {
      if (!tool.ok) {
        const words =
          'I could not reach our calendar just now, so a colleague will confirm the time with you. Thank you. Goodbye.';
        return close(back, words, 'follow_up_unconfirmed');
      }
      if (back.promised === 'site_visit')
        return close(
          back,
          'Your visit is booked, and you will get a confirmation. Thank you for your time. Goodbye.',
          'visit_booked',
        );
      if (back.promised === 'send_email')
        return close(
          back,
          'We will send you the details by email. Thank you for your time. Goodbye.',
          'email_promised',
        );
      return close(back, 'Thank you. We will call you back then. Goodbye.', 'callback_scheduled');
    }
    case 'transfer_to_human':
      return tool.ok
        ? { mind: { ...back, stage: 'handed_over' }, acts: [] }
        : {
            mind: back,
            acts: [
              say(
                `I am sorry, nobody is free to talk just now. I can have someone call you back. ${QUESTIONS[back.topic]}`,
              ),
            ],
          };
    case 'lookup_lead': {
      const source = tool.ok ? sourceIn(tool.result) : '';
      const told =
        source === ''
          ? 'You asked us about your property, and gave us this number.'
          : `You gave us this number through ${source}.`;
      return ask(back, `${told} If you would rather not be called, just say stop calling.`);
    }
    case 'look_up_knowledge':
      return ask(back, (tool.ok ? answerIn(tool.result) : '') || 'I understand.');
    default:
      return { mind: back, acts: [] };
  }
}

/** The first two sentences of the answer that was looked up; '' when there is none. */
function answerIn(result: string): string {
  try {
    const parsed: unknown = JSON.parse(result);
    if (typeof parsed !== 'object' || parsed === null || !('answer' in parsed)) return '';
    return sentences(word(parsed.answer)).slice(0, 2).join(' ');
  } catch {
    return '';
  }
}

function misheard(mind: Mind): Thought {
  if (mind.stage === 'closing') return close(mind, 'Thank you. Goodbye.', 'completed');
  const times = mind.misheard + 1;
  if (times > 3)
    return close(
      mind,
      'I am sorry, the line is too bad. We will try again another time. Goodbye.',
      'not_understood',
    );
  const lines = [
    'I am sorry, I did not catch that. Could you say it again, please?',
    `Sorry, I still did not understand. ${QUESTIONS[mind.topic]}`,
    'I am sorry, the line is not good. Could you please say that once more?',
  ];
  return { mind: { ...mind, misheard: times }, acts: [say(lines[times - 1] ?? '')] };
}

function silence(mind: Mind): Thought {
  const silences = mind.silences + 1;
  const next: Mind = { ...mind, silences };
  if (mind.stage === 'handed_over') return { mind: next, acts: [] };
  if (mind.stage === 'closing') return { mind: next, acts: [{ do: 'end', reason: 'completed' }] };
  if (mind.stage === 'screened' && silences <= 3) return { mind: next, acts: [] };
  if (silences > 2)
    return close(next, 'I seem to have lost you. We will try again another time. Goodbye.', 'silence');
  return { mind: next, acts: [say(silences === 1 ? 'Are you still there?' : 'Hello? Are you still there?')] };
}

function voicemail(mind: Mind): Thought {
  if (mind.facts.voicemail === 'hang_up')
    return { mind: { ...mind, stage: 'closing' }, acts: [{ do: 'end', reason: 'voicemail' }] };
  return close(
    mind,
    `Hello ${lead(mind)}, this is an AI assistant of ${seller(mind)}, calling about your property. Please call us back when it suits you. To be taken off our list, call this number and say stop calling. Goodbye.`,
    'voicemail',
  );
}

function say(text: string): Act {
  return { do: 'say', text };
}

function ask(mind: Mind, text: string): Thought {
  const stage = mind.stage === 'closing' ? 'closing' : mind.topic;
  return {
    mind: { ...mind, stage },
    acts: [say(stage === 'closing' ? text : `${text} ${QUESTIONS[mind.topic]}`)],
  };
}

function close(mind: Mind, text: string, reason: string): Thought {
  return { mind: { ...mind, stage: 'closing' }, acts: [say(text), { do: 'end', reason }] };
}

function callTool(
  mind: Mind,
  words: string | undefined,
  name: string,
  parameters: Record<string, unknown>,
): Thought {
  const acts: Act[] = words === undefined ? [] : [say(words)];
  return { mind: { ...mind, stage: 'tool' }, acts: [...acts, { do: 'tool', name, parameters }] };
}

function word(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value).trim()
    : '';
}

function seller(mind: Mind): string {
  return word(mind.facts.variables.seller_name) || 'the company';
}

function lead(mind: Mind): string {
  return word(mind.facts.variables.lead_name) || 'there';
}

function zone(mind: Mind): string {
  return word(mind.facts.variables.time_zone) || 'America/New_York';
}

function summary(mind: Mind): string {
  const parts = TOPICS.flatMap((topic) =>
    mind.answers[topic] === undefined ? [] : [`${topic}: ${mind.answers[topic]}`],
  );
  return parts.join('; ') || 'nothing answered yet';
}

/** `{{name}}` → the variable's value; unknown names stay, so that they can be seen. */
export function fill(template: string, variables: Facts['variables']): string {
  return template.replace(/\{\{\s*([\w.-]+)\s*\}\}/g, (whole, name: string) =>
    Object.hasOwn(variables, name) ? word(variables[name]) : whole,
  );
}

/** The topic to go on with after a drop: the first that the summary of the first part does not mention. */
function resumeAt(recovery: string): Topic {
  const done: Readonly<Record<Topic, RegExp>> = {
    motivation: /motiv|reloca|inherit|divorc|foreclos|moving|job|downsiz|why/i,
    condition: /condition|repair|roof|needs work|renovat|kitchen/i,
    timeline: /timeline|timeframe|month|weeks|days|soon|year/i,
    price: /price|\$|dollar|thousand|asking|offer/i,
    visit: /visit booked|visit scheduled/i,
  };
  return TOPICS.find((topic) => !done[topic].test(recovery)) ?? 'visit';
}

/** A word for where the lead came from, out of whatever the tool answered (JSON or plain text). */
function sourceIn(result: string): string {
  try {
    const parsed: unknown = JSON.parse(result);
    if (typeof parsed !== 'object' || parsed === null) return '';
    const { source, leadSource, consentSource } = parsed as Record<string, unknown>;
    return (word(source) || word(leadSource) || word(consentSource)).replaceAll('_', ' ');
  } catch {
    return result.length < 60 ? result : '';
  }
}

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const NUMBERS = [
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
];

/**
 * The moment a sentence speaks of ("Tuesday at three", "tomorrow morning"), seen from `nowMs` in `timeZone`, as
 * ISO 8601 with the zone's offset. Without a day: tomorrow. Without an hour: `defaultHour`.
 */
export function whenSaid(text: string, nowMs: number, timeZone: string, defaultHour: number): string {
  const said = text.toLowerCase();
  const local = wallClock(nowMs, timeZone);
  const today = new Date(local);
  let days = /\btoday\b|\btonight\b|\bin an hour\b|this (afternoon|evening)/.test(said) ? 0 : 1;
  if (/next week/.test(said)) days = 7;
  const named = WEEKDAYS.findIndex((day) => said.includes(day));
  if (named >= 0) days = (named - today.getUTCDay() + 7) % 7 || 7;
  let hour = defaultHour;
  const clock =
    /\b(?:at|around|about|by|after)\s+(\d{1,2}|[a-z]+)(?::(\d\d))?\b/.exec(said) ??
    /\b(\d{1,2})(?::(\d\d))?\s*(?:am|pm|o'?clock)\b/.exec(said);
  const number = Number(clock?.[1] ?? Number.NaN) || NUMBERS.indexOf(clock?.[1] ?? '') + 1;
  if (number >= 1 && number <= 23) {
    const morning = /\b(am|morning)\b/.test(said);
    hour = number < 8 && !morning ? number + 12 : number;
  } else if (/noon/.test(said) && !/afternoon/.test(said)) hour = 12;
  else if (/morning/.test(said)) hour = 10;
  else if (/afternoon/.test(said)) hour = 14;
  else if (/evening|tonight/.test(said)) hour = 18;
  const minute = Number(clock?.[2] ?? 0);
  let wall = Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate() + days, hour, minute);
  if (wall <= local) wall += 86_400_000;
  const offsetMs = wallClock(wall - (local - nowMs), timeZone) - (wall - (local - nowMs));
  const offset = Math.abs(offsetMs) / 60_000;
  const pad = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${new Date(wall).toISOString().slice(0, 19)}${offsetMs < 0 ? '-' : '+'}${pad(offset / 60)}:${pad(offset % 60)}`;
}

/** The reading of the clocks in a zone at a moment, as if it were UTC (ms). An unknown zone reads as UTC. */
function wallClock(atMs: number, timeZone: string): number {
  const second = Math.floor(atMs / 1_000) * 1_000;
  try {
    const parts = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }).formatToParts(second);
    const of = (type: string) => Number(parts.find((part) => part.type === type)?.value ?? 0);
    return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  } catch {
    return second;
  }
}

/** Cuts a reply into sentences, so that the first can be heard while the rest is still being spoken. */
export function sentences(text: string): readonly string[] {
  const parts = text.match(/[^.!?]+(?:[.!?]+(?=\s|$)|$)|\S+/g) ?? [];
  const out: string[] = [];
  for (const part of parts) {
    const piece = part.trim();
    if (piece === '') continue;
    const last = out.at(-1);
    if (last !== undefined && (last.length < 12 || !/[.!?]$/.test(last)))
      out[out.length - 1] = `${last} ${piece}`;
    else out.push(piece);
  }
  return out;
}

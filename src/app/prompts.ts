/**
 * app/prompts: the words a call is made of, by name, with what they leave to be filled in, and the scripts put together
 * from them. Every text is read and checked at the start: a fault in one would be heard by somebody.
 */
import type { Call, ScriptRef } from '../domain/call.ts';
import type { ConversationStrategy } from '../domain/campaign.ts';
import { sha256Hex } from '../domain/canonical.ts';
import { numberKind } from '../domain/compliance/number.ts';
import {
  SCRIPT_PARTS,
  type Script,
  type ScriptPart,
  scriptFor,
  spokenSec,
} from '../domain/compliance/scripts.ts';
import type { Lead } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { formatPhone } from '../domain/phone.ts';

/**
 * Whole sentences: what the carrier's voice says when the agent cannot, the answer to a request for no more calls, and what
 * the agent says while Claude takes its time, when it does not answer, or when the day's budget for it is used up.
 */
const SENTENCES = ['apology', 'busy', 'no-more-calls', 'no-more-today', 'one-moment', 'say-again'] as const;
export const PROMPTS = [...SCRIPT_PARTS, ...SENTENCES] as const;
export type PromptName = (typeof PROMPTS)[number];

/** One text for each name. */
export type Prompts = Readonly<Record<PromptName, string>>;

/** What an outbound or inbound call knows to fill in. */
export const CALL_VALUES = [
  'lead_name',
  'seller_name',
  'property_address',
  'from_number',
  'callback_number',
] as const;
export type CallValues = Readonly<Record<(typeof CALL_VALUES)[number], string>>;

interface TextRule {
  /** Names that may be left to fill in. */
  readonly may: readonly string[];
  /** Names that must be, because the law wants them said. */
  readonly must: readonly string[];
  /** Says "AI assistant" in its first sentence (reference §5). */
  readonly disclosesAi?: true;
}

const RULES: Readonly<Record<PromptName, TextRule>> = {
  identification: { may: CALL_VALUES, must: ['seller_name'], disclosesAi: true },
  'identification-inbound': { may: CALL_VALUES, must: ['seller_name'], disclosesAi: true },
  'identification-again': { may: CALL_VALUES, must: ['seller_name'], disclosesAi: true },
  'opt-out': { may: CALL_VALUES, must: [] },
  recording: { may: CALL_VALUES, must: [] },
  question: { may: CALL_VALUES, must: [] },
  'question-inbound': { may: CALL_VALUES, must: [] },
  'voicemail-opt-out': { may: CALL_VALUES, must: ['callback_number'] },
  voicemail: { may: [...CALL_VALUES, 'campaign_words'], must: ['campaign_words'] },
  'sign-off': {
    may: ['seller_name', 'from_number', 'callback_number'],
    must: ['seller_name', 'from_number'],
  },
  apology: { may: ['seller_name'], must: [] },
  busy: { may: ['seller_name'], must: [] },
  'no-more-calls': { may: ['seller_name'], must: [] },
  'no-more-today': { may: ['seller_name'], must: [] },
  'one-moment': { may: ['seller_name'], must: [] },
  'say-again': { may: ['seller_name'], must: [] },
};

const MAX_CHARS = 1_000;
/** Of the time that a state gives, what is planned for: voices differ by a tenth. */
const PLANNED_SHARE = 0.9;
/** Said where a lead has no name or address, or one that takes too long. */
const NAMELESS = { lead_name: 'there', property_address: 'your property' } as const;

const PLACEHOLDER = /\{\{\s*(\w+)\s*\}\}/g;

/** Fills `{{name}}`s. A name without a value is a fault of ours and throws, because somebody would hear it. */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template
    .replace(PLACEHOLDER, (_, name: string) => {
      const value = values[name];
      if (value === undefined)
        throw new Failure('config_invalid', `a prompt asks for {{${name}}}, which nobody fills`);
      return value;
    })
    .replace(/\s+/g, ' ')
    .trim();
}

/** A campaign's opening with the placeholders of the prompts; {firstName} is written for {{lead_name}} in many a script. */
export const openingTemplate = (script: string): string =>
  script.replace(/(?<!\{)\{\s*firstName\s*\}(?!\})/g, '{{lead_name}}');

/**
 * The prompts as a campaign's calls say them: its opening stands in the place of our question, behind all that the law wants
 * said, which no campaign changes.
 */
export function promptsOf(prompts: Prompts, strategy: ConversationStrategy | undefined): Prompts {
  const script = strategy?.openingScript;
  return script === undefined ? prompts : { ...prompts, question: openingTemplate(script) };
}

/** What the agent is told of a campaign's way to talk; "none" where it says nothing of it. */
export const strategyVariables = ({
  qualificationQuestions = [],
  objectionHandlers = {},
  callToAction,
}: ConversationStrategy = {}): Readonly<
  Record<'qualification_questions' | 'objection_handlers' | 'call_to_action', string>
> => ({
  qualification_questions:
    qualificationQuestions.map((question, at) => `${at + 1}. ${question}`).join('\n') || 'none',
  objection_handlers:
    Object.entries(objectionHandlers)
      .map(([objection, answer]) => `${objection.replaceAll('_', ' ')}: ${answer}`)
      .join('\n') || 'none',
  call_to_action: callToAction ?? 'none',
});

/** What is wrong with the placeholders of a text, in words for whoever wrote it; undefined when nothing is. */
export function placeholderProblem(template: string, may: readonly string[]): string | undefined {
  const unknown = [...template.matchAll(PLACEHOLDER)]
    .map(([, name = '']) => name)
    .find((name) => !may.includes(name));
  if (unknown !== undefined)
    return `asks for {{${unknown}}}, which nobody fills; it may use ${may.map((name) => `{{${name}}}`).join(', ')}`;
  const left = template.replace(PLACEHOLDER, '');
  const broken = /.{0,10}[{}].{0,10}/.exec(left)?.[0];
  return broken === undefined ? undefined : `has a broken placeholder near "${broken.trim()}"`;
}

const fileOf = (name: PromptName): string =>
  SCRIPT_PARTS.some((part) => part === name) ? `prompts/parts/${name}.md` : `prompts/${name}.md`;

const firstSentence = (text: string): string => /^.*?[.!?](?=\s|$)/s.exec(text)?.[0] ?? text;

function problemsOf(name: PromptName, text: string | undefined): string[] {
  const file = fileOf(name);
  const { may, must, disclosesAi } = RULES[name];
  if (text === undefined) return [`${file} cannot be read; put it back, or take it from the release.`];
  if (text.trim() === '') return [`${file} is empty; somebody would hear silence.`];
  if (text.length > MAX_CHARS)
    return [`${file} has ${text.length} characters; at most ${MAX_CHARS} are said.`];
  const problems: string[] = [];
  const placeholder = placeholderProblem(text, may);
  if (placeholder !== undefined) problems.push(`${file} ${placeholder}.`);
  for (const value of must)
    if (![...text.matchAll(PLACEHOLDER)].some(([, found]) => found === value))
      problems.push(`${file} must contain {{${value}}}.`);
  if (disclosesAi && !/\bAI assistant\b/.test(firstSentence(text)))
    problems.push(`${file} must say "AI assistant" in its first sentence.`);
  return problems;
}

/**
 * Reads and checks every text; `read` answers undefined for a file that is not there. Throws Failure `config_invalid` with
 * one line for each fault in `details.problems`, also when who calls cannot be said within the shortest time that any
 * state gives, with this seller's name.
 */
export function readPrompts(read: (file: string) => string | undefined, sellerName: string): Prompts {
  const texts = new Map(PROMPTS.map((name) => [name, read(fileOf(name))]));
  const problems = PROMPTS.flatMap((name) => problemsOf(name, texts.get(name)));
  // Checked above: every name has its text.
  const prompts = Object.fromEntries([...texts].map(([name, text]) => [name, text?.trim()])) as Prompts;
  if (problems.length === 0) {
    const { limits } = scriptFor([], 'outbound');
    const tookSec = spokenSec(
      fill(prompts.identification, {
        ...NAMELESS,
        seller_name: sellerName,
        from_number: '(212) 555-0100',
        callback_number: '(212) 555-0100',
      }),
    );
    if (tookSec > limits.identifiedWithinSec * PLANNED_SHARE)
      problems.push(
        `${fileOf('identification')} takes about ${tookSec.toFixed(1)} s with SELLER_NAME ${JSON.stringify(sellerName)}; the strictest state gives ${limits.identifiedWithinSec} s, and voices differ. Shorten either.`,
      );
  }
  if (problems.length > 0)
    throw new Failure('config_invalid', `the prompts cannot be used: ${problems.join(' ')}`, {
      details: { problems },
    });
  return prompts;
}

/** Everything of a script that is said at some time. */
const wordsOf = ({ parts, signOff }: Script): readonly ScriptPart[] =>
  signOff === undefined ? parts : [...parts, signOff];

/** A script's words before anybody's name is filled in, a part a line. */
export const scriptText = (prompts: Prompts, script: Script): string =>
  wordsOf(script)
    .map((part) => prompts[part])
    .join('\n');

/** What stands in the record of a call. */
export const scriptRef = (prompts: Prompts, script: Script): ScriptRef => ({
  name: script.name,
  hash: sha256Hex(scriptText(prompts, script)),
});

/** The states that a call's decision took into account. */
export const statesOf = (call: Pick<Call, 'complianceDecision'>): string[] => [
  ...new Set((call.complianceDecision?.zones ?? []).map(({ state }) => state)),
];

const join = (texts: readonly string[]): string => texts.filter((text) => text !== '').join(' ');

/** The parts of a script one after the other, filled in. What is said at the end is not among them: see `signOffOf`. */
export const compose = (prompts: Prompts, script: Script, values: Readonly<Record<string, string>>): string =>
  join(script.parts.map((part) => fill(prompts[part], values)));

/** The message for a machine, in one piece: the script of its states with the campaign's own words in its place. */
export const composeMessage = (
  prompts: Prompts,
  script: Script,
  values: CallValues,
  campaignWords: string,
): string => {
  const all = { ...values, campaign_words: fill(campaignWords, values) };
  return join(wordsOf(script).map((part) => fill(prompts[part], all)));
};

/** Who speaks: the words, in whose name, and the numbers that are ours. */
export interface Speaker {
  readonly prompts: Prompts;
  readonly sellerName: string;
  readonly fromNumbers: readonly string[];
}

/**
 * What is filled in for a call. A name or an address is left out where who calls would not be said in time with it. The
 * number to call back is one that costs nothing, where we have one (64.1200(b)(3)).
 */
export function valuesOf(
  { prompts, sellerName, fromNumbers }: Speaker,
  call: Pick<Call, 'direction' | 'complianceDecision' | 'fromPhone'>,
  lead: Lead | undefined,
): CallValues {
  const { parts, limits } = scriptFor(statesOf(call), call.direction);
  const [identification = 'identification'] = parts;
  const inTime = (values: CallValues): boolean =>
    spokenSec(fill(prompts[identification], values)) <= limits.identifiedWithinSec * PLANNED_SHARE;

  const free = fromNumbers.find((number) => numberKind(number).bar === 'phone_toll_free');
  const whole: CallValues = {
    lead_name: lead?.contact.firstName || NAMELESS.lead_name,
    property_address: lead?.propertyAddress || NAMELESS.property_address,
    seller_name: sellerName,
    from_number: formatPhone(call.fromPhone),
    callback_number: formatPhone(free ?? call.fromPhone),
  };
  if (inTime(whole)) return whole;
  const shorter = { ...whole, property_address: NAMELESS.property_address };
  return inTime(shorter) ? shorter : { ...shorter, lead_name: NAMELESS.lead_name };
}

/** Confirms to a person that they get no more calls, and ends the call as its state wants it. */
export const farewellOf = (
  speaker: Speaker,
  call: Pick<Call, 'direction' | 'complianceDecision' | 'fromPhone'>,
): string =>
  join([
    fill(speaker.prompts['no-more-calls'], { seller_name: speaker.sellerName }),
    signOffOf(speaker, call) ?? '',
  ]);

/** What is to be said before this call ends, where a state wants it; undefined elsewhere. */
export function signOffOf(
  speaker: Speaker,
  call: Pick<Call, 'direction' | 'complianceDecision' | 'fromPhone'>,
): string | undefined {
  const { signOff } = scriptFor(statesOf(call), call.direction);
  return signOff && fill(speaker.prompts[signOff], valuesOf(speaker, call, undefined));
}

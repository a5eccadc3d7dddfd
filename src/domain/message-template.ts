/**
 * domain/message-template: what a text or an e-mail is made of. A template leaves names to be filled in, {{first_name}}; what
 * the law wants in every message (who sends it, how to stop) is added here and is no part of a template.
 */
import type { MessageTemplate } from './message.ts';
import { segmentsOf } from './sms-segments.ts';

/** Names that may be filled in: what the sample person has, and what stands where nothing is known. */
export const MESSAGE_VALUES = {
  first_name: { sample: 'Maria', without: 'there' },
  full_name: { sample: 'Maria Lopez', without: 'there' },
  seller_name: { sample: 'us', without: 'us' },
  property_address: { sample: '12 Oak Street, Tampa, FL 33602', without: 'your property' },
  city: { sample: 'Tampa', without: 'your area' },
  callback_number: { sample: '(813) 555-0100', without: '' },
  last_call: { sample: 'on Tuesday, November 24', without: 'recently' },
  next_step: {
    sample: 'We will call you again on Monday, November 30 at 10:00 am.',
    without: 'If you have a question, call us at any time.',
  },
} as const;
export type MessageValue = keyof typeof MESSAGE_VALUES;
export type MessageValues = Readonly<Record<MessageValue, string>>;
export const MESSAGE_VALUE_NAMES = Object.keys(MESSAGE_VALUES) as MessageValue[];

/** Who sends. `callbackNumber` for people to read. */
export interface Sender {
  readonly sellerName: string;
  /** Postal, one line; in every e-mail (15 USC 7704(a)(5)). */
  readonly sellerAddress: string;
  readonly callbackNumber: string;
}

/** What a message says, ready to send. */
export interface Composed {
  readonly subject?: string;
  readonly text: string;
  /** Texts only. */
  readonly segments?: number;
}

type Wording = Pick<MessageTemplate, 'channel' | 'body'> & { readonly subject?: string };

const PLACEHOLDER = /\{\{\s*(\w+)\s*\}\}/g;
const LONGEST_VALUE = 120;
/** Twilio refuses a longer body (21617). */
const LONGEST_TEXT = 1_600;
/** More parts than this arrive broken at some carriers, and each is billed. */
const MOST_SEGMENTS = 6;
const LONGEST_SUBJECT = 200;

/** A value is somebody's own words: one line of it, never markup of ours. */
const oneLine = (value: string): string =>
  value
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this removes
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, LONGEST_VALUE);

const named = (name: string): MessageValue | undefined => MESSAGE_VALUE_NAMES.find((known) => known === name);

/** Fills every name; one that is none of ours stays as it is, which a template that was checked has not. */
const filled = (text: string, values: Partial<MessageValues>): string =>
  text.replace(PLACEHOLDER, (whole, name: string) => {
    const known = named(name);
    if (known === undefined) return whole;
    return oneLine(values[known] ?? '') || MESSAGE_VALUES[known].without;
  });

/** What is wrong with the names a text leaves to fill in; undefined when nothing is. */
function namesProblem(text: string): string | undefined {
  for (const [, name = ''] of text.matchAll(PLACEHOLDER))
    if (named(name) === undefined)
      return `{{${name.slice(0, 40)}}} is not known; there are ${MESSAGE_VALUE_NAMES.map((each) => `{{${each}}}`).join(', ')}`;
  const broken = /.{0,10}[{}].{0,10}/.exec(text.replace(PLACEHOLDER, ''))?.[0];
  return broken === undefined ? undefined : `a placeholder is broken near "${broken.trim()}"`;
}

/**
 * The words of one message. A text begins with who sends it and ends with how to stop (64.1200(a)(12), CTIA Messaging
 * Principles §5.1); an e-mail ends with both, a postal address and a link (15 USC 7704(a)(3) and (5)).
 */
export function composeMessage(
  { channel, subject, body }: Wording,
  values: Partial<MessageValues>,
  sender: Sender,
  unsubscribeUrl: string,
): Composed {
  const all: Partial<MessageValues> = {
    ...values,
    seller_name: sender.sellerName,
    callback_number: sender.callbackNumber,
  };
  const words = filled(body, all).trim();
  if (channel === 'sms') {
    const text = `${sender.sellerName}: ${words.replace(/\s+/g, ' ')} Reply STOP to stop.`;
    return { text, segments: segmentsOf(text).count };
  }
  return {
    subject: oneLine(filled(subject ?? '', all)),
    text: `${words}\n\n--\n${sender.sellerName}, ${sender.sellerAddress}\nTo get no more e-mails, calls or texts from us: ${unsubscribeUrl}\n`,
  };
}

/** As the sample person would get it. */
export const sampleMessage = (template: Wording, sender: Sender, unsubscribeUrl: string): Composed =>
  composeMessage(
    template,
    Object.fromEntries(Object.entries(MESSAGE_VALUES).map(([name, { sample }]) => [name, sample])),
    sender,
    unsubscribeUrl,
  );

/** A wording that nobody may send: which field, and what is wrong with it, in words for whoever wrote it. */
export interface WordingProblem {
  readonly field: 'subject' | 'body';
  readonly says: string;
}

export function wordingProblems({ channel, subject, body }: Wording, sender: Sender): WordingProblem[] {
  const problems: WordingProblem[] = [];
  const add = (field: WordingProblem['field'], says: string | undefined): void => {
    if (says !== undefined) problems.push({ field, says });
  };
  if (body.trim() === '') add('body', 'says nothing');
  add('body', namesProblem(body));
  if (channel === 'sms') {
    if (subject !== undefined) add('subject', 'a text has no subject');
    if (problems.length > 0) return problems;
    const { text, segments = 1 } = sampleMessage({ channel, body }, sender, '');
    if (segments > MOST_SEGMENTS || text.length > LONGEST_TEXT)
      add(
        'body',
        `takes ${segments} parts with who sends and how to stop; at most ${MOST_SEGMENTS} are sent`,
      );
    return problems;
  }
  if (subject === undefined || subject.trim() === '') add('subject', 'an e-mail needs a subject');
  else {
    add('subject', namesProblem(subject));
    if (/[\r\n]/.test(subject) || subject.length > LONGEST_SUBJECT)
      add('subject', `must be one line of at most ${LONGEST_SUBJECT} characters`);
  }
  return problems;
}

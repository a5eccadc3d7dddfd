/**
 * test/evals/scoring: written conversations, what a careful person takes from each, and how far an analysis agrees. Every
 * third conversation (03, 06, …) is held out: word lists and prompts are never tuned on it, and what is promised of them is
 * what was measured there.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { WrittenConversation } from '../../src/contract/index.ts';
import type { Findings } from '../../src/domain/analysis.ts';
import type { TranscriptMessage } from '../../src/domain/documents.ts';

export interface Conversation extends WrittenConversation {
  readonly name: string;
  readonly isHeldOut: boolean;
  readonly messages: readonly TranscriptMessage[];
}

/** A word takes a person about so long. */
const SECONDS_A_WORD = 0.4;
const BREATH_SEC = 0.8;

function messagesOf(talk: readonly string[]): TranscriptMessage[] {
  let timestamp = 0;
  return talk.map((line, turn) => {
    const [, speaker = '', text = ''] = /^(\w+): (.*)$/.exec(line) ?? [];
    const message = {
      speaker: speaker as TranscriptMessage['speaker'],
      text,
      timestamp: Math.round(timestamp * 10) / 10,
      turn,
      interrupted: false,
      repaired: false,
    };
    timestamp += text.split(' ').length * SECONDS_A_WORD + BREATH_SEC;
    return message;
  });
}

const OURS = fileURLToPath(new URL('./conversations/', import.meta.url));

/** Of a folder, or of one file; without either, those that come with the product. Throws for what is no such file. */
export function conversations(path = OURS): Conversation[] {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((file) => file.endsWith('.json'))
        .sort()
        .map((file) => join(path, file))
    : [path];
  return files.map((file) => {
    const read = WrittenConversation.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    if (!read.success) throw new Error(`${file} is no written conversation: ${z.prettifyError(read.error)}`);
    const name = basename(file, '.json');
    return {
      ...read.data,
      name,
      isHeldOut: path === OURS && Number.parseInt(name, 10) % 3 === 0,
      messages: messagesOf(read.data.talk),
    };
  });
}

/** How often an analysis was right: of what it should have said, and of what it said. */
export interface Tally {
  readonly expected: number;
  readonly found: number;
  readonly right: number;
}
export const FIELDS = ['outcome', 'sentiment', 'keyMoments', 'facts', 'followUps', 'dates'] as const;
export type Field = (typeof FIELDS)[number];
export type Scores = Readonly<Record<Field, Tally>>;

export interface Judged {
  readonly scores: Scores;
  /** What was not as a person has it, in words. */
  readonly wrong: readonly string[];
}

const MOST_APART_MS = 45 * 60_000;

const one = (right: boolean): Tally => ({ expected: 1, found: 1, right: right ? 1 : 0 });

/** What was found, once it was seen that it was said, beside what a person takes from the same words. */
export function judge(
  { expected }: Conversation,
  found: Pick<Findings, 'sentiment'> & {
    readonly outcome?: string | undefined;
    readonly keyMoments: readonly { readonly type: string; readonly messageIndex: number }[];
    readonly extractedInfo: Readonly<Record<string, unknown>> & {
      readonly motivationFactors: readonly string[];
    };
    readonly followUpActions: readonly { readonly type: string; readonly scheduledFor?: Date }[];
  },
): Judged {
  const wrong: string[] = [];
  const outcome = found.outcome ?? 'no_conversation';
  const isOutcome = expected.outcome.some((each) => each === outcome);
  if (!isOutcome) wrong.push(`outcome ${outcome}, not ${expected.outcome.join(' or ')}`);
  const [low, high] = expected.sentiment;
  const isFelt = found.sentiment >= low && found.sentiment <= high;
  if (!isFelt) wrong.push(`sentiment ${found.sentiment.toFixed(2)}, not ${low}..${high}`);

  const sets = (name: string, wanted: readonly string[], got: readonly string[]): Tally => {
    for (const each of wanted) if (!got.includes(each)) wrong.push(`${name} misses ${each}`);
    for (const each of got) if (!wanted.includes(each)) wrong.push(`${name} has ${each}`);
    return {
      expected: wanted.length,
      found: got.length,
      right: wanted.filter((each) => got.includes(each)).length,
    };
  };
  const facts = ({
    motivationFactors,
    ...rest
  }: {
    readonly motivationFactors: readonly string[];
  }): string[] => [
    ...Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`),
    ...motivationFactors,
  ];
  const moments = (all: readonly { readonly type: string; readonly messageIndex: number }[]): string[] =>
    all.map(({ type, messageIndex }) => `${type}@${messageIndex}`);
  const dated = expected.followUps.filter(({ at }) => at !== undefined);
  const onTime = dated.filter(({ type, at }) =>
    found.followUpActions.some(
      (action) =>
        action.type === type &&
        action.scheduledFor !== undefined &&
        Math.abs(action.scheduledFor.getTime() - Date.parse(at ?? '')) <= MOST_APART_MS,
    ),
  );
  for (const { type, at } of dated)
    if (!onTime.some((each) => each.type === type))
      wrong.push(
        `${type} at ${found.followUpActions.find((action) => action.type === type)?.scheduledFor?.toISOString() ?? 'no time'}, not ${at}`,
      );
  return {
    scores: {
      outcome: one(isOutcome),
      sentiment: one(isFelt),
      keyMoments: sets('keyMoments', moments(expected.keyMoments), moments(found.keyMoments)),
      facts: sets('facts', facts(expected.extractedInfo), facts(found.extractedInfo)),
      followUps: sets(
        'followUps',
        expected.followUps.map(({ type }) => type),
        found.followUpActions.map(({ type }) => type),
      ),
      dates: {
        expected: dated.length,
        found: found.followUpActions.filter(({ scheduledFor }) => scheduledFor !== undefined).length,
        right: onTime.length,
      },
    },
    wrong,
  };
}

export const sum = (all: readonly Scores[]): Scores =>
  Object.fromEntries(
    FIELDS.map((field) => [
      field,
      {
        expected: all.reduce((total, each) => total + each[field].expected, 0),
        found: all.reduce((total, each) => total + each[field].found, 0),
        right: all.reduce((total, each) => total + each[field].right, 0),
      },
    ]),
  ) as unknown as Scores;

/** Of what should have been said, what was. */
export const recall = ({ expected, right }: Tally): number => (expected === 0 ? 1 : right / expected);
/** Of what was said, what is right. */
export const precision = ({ found, right }: Tally): number => (found === 0 ? 1 : right / found);

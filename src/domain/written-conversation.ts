/**
 * domain/written-conversation: a call as a written conversation with what is expected of an analysis of it: what was said, without
 * telling whose words they are, and what the call's analysis found, less what people marked as wrong. Somebody looks it through before
 * it is kept; from then on analyses are measured by it.
 */
import type { Analysis, ExtractedInfo, FoundOutcome, KeyMomentType, WrongClaim } from './analysis.ts';
import type { TranscriptMessage } from './documents.ts';
import { type KnownPeople, pseudonymised, type Replaced } from './pseudonyms.ts';

interface WrittenConversation {
  readonly about: string;
  readonly startedAt: string;
  readonly zone: string;
  readonly optedOut: boolean;
  /** "agent: …", "user: …", "system: …", one line each. */
  readonly talk: readonly string[];
  readonly expected: {
    /** Any of them is right; empty: nobody said yet what is. */
    readonly outcome: readonly FoundOutcome[];
    readonly sentiment: readonly [from: number, to: number];
    readonly keyMoments: readonly { readonly type: KeyMomentType; readonly messageIndex: number }[];
    readonly extractedInfo: ExtractedInfo;
    readonly followUps: readonly {
      readonly type: Analysis['followUpActions'][number]['type'];
      readonly at?: string;
    }[];
  };
}

export interface CallTest {
  readonly conversation: WrittenConversation;
  readonly replaced: readonly Replaced[];
  readonly leftOut: readonly Pick<WrongClaim, 'path' | 'note'>[];
  readonly notes: readonly string[];
}

interface ToWrite {
  readonly messages: readonly TranscriptMessage[];
  readonly startedAt: Date;
  /** Of the other party; undefined: nobody knows where they are. */
  readonly zone: string | undefined;
  readonly optedOut: boolean;
  readonly analysis: Analysis;
  readonly wrong: readonly WrongClaim[];
  readonly known: KnownPeople;
}

/** So far from what was felt an analysis may be and is right. */
const FELT_WITHIN = 0.3;

const tenth = (value: number): number => Math.round(Math.min(1, Math.max(-1, value)) * 10) / 10;

/** One line whatever was said: lines are counted. */
const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

/** Pure; yields as the words are gone through. */
export function* testOf({
  messages,
  startedAt,
  zone,
  optedOut,
  analysis,
  wrong,
  known,
}: ToWrite): Generator<void, CallTest, void> {
  const isWrong = (path: string): boolean => wrong.some((mark) => mark.path === path);
  const { lines, replaced } = yield* pseudonymised(
    messages.map(({ text }) => oneLine(text)),
    known,
  );
  const outcome = analysis.outcome ?? 'no_conversation';
  const { motivationFactors, ...facts } = analysis.extractedInfo;
  const followUps = analysis.evidence.filter(({ path }) => path.startsWith('followUpActions.'));
  const felt = analysis.sentiment.overall;
  return {
    conversation: {
      about: `Made from a call${isWrong('outcome') ? '' : ` that came to: ${outcome.replaceAll('_', ' ')}`}.`,
      startedAt: startedAt.toISOString(),
      zone: zone ?? 'UTC',
      optedOut,
      talk: messages.map(({ speaker }, at) => `${speaker}: ${lines[at] ?? ''}`),
      expected: {
        outcome: isWrong('outcome') ? [] : [outcome],
        sentiment: isWrong('sentiment') ? [-1, 1] : [tenth(felt - FELT_WITHIN), tenth(felt + FELT_WITHIN)],
        keyMoments: analysis.keyMoments
          .filter(({ type, messageIndex }) => !isWrong(`keyMoments.${type}@${messageIndex}`))
          .map(({ type, messageIndex }) => ({ type, messageIndex })),
        extractedInfo: {
          ...(Object.fromEntries(
            Object.entries(facts).filter(([name]) => !isWrong(`extractedInfo.${name}`)),
          ) as typeof facts),
          motivationFactors: motivationFactors.filter(
            (motive) => !isWrong(`extractedInfo.motivationFactors.${motive}`),
          ),
        },
        followUps: analysis.followUpActions.flatMap(({ type, scheduledFor }, at) => {
          const path = followUps[at]?.path;
          if (path !== undefined && isWrong(path)) return [];
          return [{ type, ...(scheduledFor ? { at: scheduledFor.toISOString() } : {}) }];
        }),
      },
    },
    replaced,
    leftOut: wrong.map(({ path, note }) => ({ path, note })),
    notes: [
      ...(isWrong('outcome') ? ['The outcome was marked as wrong: say what is right.'] : []),
      ...(zone === undefined
        ? ['Nobody knows in which time zone the person is: times are read as those of UTC.']
        : []),
      ...(messages.some(({ correction }) => correction)
        ? ['Corrected words stand as they were corrected.']
        : []),
    ],
  };
}

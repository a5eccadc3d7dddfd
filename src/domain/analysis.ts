/**
 * domain/analysis: what is understood of a call. Whoever analyses one answers with findings, each of which names the message
 * it rests on and quotes it; `evidenced` keeps what was really said and drops the rest. What can be taken from the
 * transcript itself (times, whole sentences, the timeline) is taken from there and never asked for.
 *
 * Sentiment is -1..1, scores 0..1, timestamps seconds since the talk began, money US dollars.
 */
import { z } from 'zod';
import type { Stamped, TranscriptMessage } from './documents.ts';
import { CONDITIONS } from './property.ts';
import { saysAmount } from './spoken-amounts.ts';

// ── The words ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What an analyst may say came of a call. That it was transferred only the line knows. */
export const FOUND_OUTCOMES = [
  'qualified',
  'not_interested',
  'callback',
  'voicemail',
  'wrong_number',
  'opted_out',
  'hung_up',
  'no_conversation',
] as const;
export type FoundOutcome = (typeof FOUND_OUTCOMES)[number];

export const DISPOSITIONS = [
  'interested',
  'not_interested',
  'no_decision',
  'wrong_number',
  'do_not_call',
  'no_contact',
] as const;
export type Disposition = (typeof DISPOSITIONS)[number];

export const KEY_MOMENTS = [
  'objection',
  'commitment',
  'question',
  'interest',
  'complaint',
  'opt_out',
] as const;
export type KeyMomentType = (typeof KEY_MOMENTS)[number];

export const MOTIVATIONS = [
  'relocation',
  'financial_hardship',
  'foreclosure',
  'inherited',
  'probate',
  'divorce',
  'downsizing',
  'tired_landlord',
  'vacant',
  'health',
  'costly_repairs',
  'time_sensitive',
] as const;
export type Motivation = (typeof MOTIVATIONS)[number];

export const TIMEFRAMES = [
  'immediate',
  '30_days',
  '60_days',
  '90_days',
  '6_months',
  '1_year',
  'no_hurry',
] as const;
export type Timeframe = (typeof TIMEFRAMES)[number];

export const DECISION_MAKERS = [
  'sole_owner',
  'spouse_approval_needed',
  'family_approval_needed',
  'other_approval_needed',
] as const;

export const TOPICS = [
  'property_condition',
  'price_negotiation',
  'timeline',
  'site_visit',
  'motivation',
  'mortgage',
  'inheritance',
  'tenants',
  'other_offers',
  'listing_agent',
  'decision_makers',
  'callback',
  'opt_out',
  'company_identity',
  'ai_disclosure',
  'selling_process',
] as const;
export type Topic = (typeof TOPICS)[number];

export const QUALITY_FACTORS = [
  'clearCommunication',
  'activeListening',
  'objectionHandling',
  'outcomeAchieved',
] as const;
export type QualityFactor = (typeof QUALITY_FACTORS)[number];

const MAX_QUOTE = 300;
/** Nobody agrees on a time further away. */
const FARTHEST_MS = 366 * 86_400_000;

// ── What an analyst answers ────────────────────────────────────────────────────────────────────────────────────────────

const rests = {
  /** Of the message it rests on, counted from 0. */
  messageIndex: z.int().min(0),
  /** Words of that message, exactly as they were said. */
  quote: z.string().min(1).max(MAX_QUOTE),
};
const claim = <T extends z.ZodType>(value: T) => z.object({ value, ...rests });
const Sentiment = z.number().min(-1).max(1);
const Score = z.number().min(0).max(1);

/** An analyst's answer, before anybody looked whether it is true. */
export const Findings = z.object({
  /** How the other party felt about the call as a whole. */
  sentiment: Sentiment,
  messages: z.array(z.object({ messageIndex: rests.messageIndex, sentiment: Sentiment })).max(5_000),
  keyMoments: z
    .array(
      z.object({
        type: z.enum(KEY_MOMENTS),
        ...rests,
        /** Of objections, questions and complaints: whether it was settled in the call. */
        resolved: z.boolean().optional(),
      }),
    )
    .max(60),
  extractedInfo: z.object({
    propertyCondition: claim(z.enum(CONDITIONS)).optional(),
    motivationFactors: z.array(claim(z.enum(MOTIVATIONS))).max(MOTIVATIONS.length),
    timeframe: claim(z.enum(TIMEFRAMES)).optional(),
    /** What they want for the property, US dollars. */
    priceExpectation: claim(z.number().min(1_000).max(100_000_000)).optional(),
    competingOffers: claim(z.boolean()).optional(),
    agentInvolved: claim(z.boolean()).optional(),
    decisionMakers: claim(z.enum(DECISION_MAKERS)).optional(),
  }),
  outcome: claim(z.enum(FOUND_OUTCOMES)).optional(),
  disposition: claim(z.enum(DISPOSITIONS)).optional(),
  followUpActions: z
    .array(
      z.object({
        type: z.enum(['site_visit', 'callback', 'send_email', 'send_sms']),
        /** ISO 8601 with the offset from UTC. */
        scheduledFor: z.string().max(40).optional(),
        notes: z.string().max(500),
        ...rests,
      }),
    )
    .max(20),
  qualityScore: Score,
  qualityFactors: z.object({
    clearCommunication: Score,
    activeListening: Score,
    objectionHandling: Score,
    outcomeAchieved: Score,
  }),
  topics: z.array(z.object({ topic: z.enum(TOPICS), ...rests })).max(TOPICS.length),
  keywords: z.array(z.string().min(1).max(60)).max(30),
  /** Sentence by sentence. */
  summary: z.array(z.object({ text: z.string().min(1).max(500), ...rests })).max(8),
});
export type Findings = z.output<typeof Findings>;

// ── What is kept ───────────────────────────────────────────────────────────────────────────────────────────────────────

export interface KeyMoment {
  readonly type: KeyMomentType;
  readonly messageIndex: number;
  readonly timestamp: number;
  /** What the other party said: the message the moment rests on. */
  readonly userText: string;
  readonly agentResponse?: string;
  readonly resolved?: boolean;
}

export interface ExtractedInfo {
  readonly propertyCondition?: (typeof CONDITIONS)[number];
  readonly motivationFactors: readonly Motivation[];
  readonly timeframe?: Timeframe;
  readonly priceExpectation?: number;
  readonly competingOffers?: boolean;
  readonly agentInvolved?: boolean;
  readonly decisionMakers?: (typeof DECISION_MAKERS)[number];
}

export interface CallSentiment {
  readonly overall: number;
  readonly timeline: readonly { readonly timestamp: number; readonly score: number }[];
  /** Shares of the other party's words; together 1, or all 0 when they said nothing. */
  readonly emotions: { readonly positive: number; readonly neutral: number; readonly negative: number };
}

export interface FoundFollowUp {
  readonly type: 'site_visit' | 'callback' | 'send_email' | 'send_sms';
  readonly scheduledFor?: Date;
  readonly notes: string;
}

/** What one claim rests on. `path` names it: "outcome", "keyMoments.objection@3", "extractedInfo.timeframe". */
export interface Evidence {
  readonly path: string;
  readonly messageIndex: number;
  readonly quote: string;
}

/** A claim that was not kept, and why. */
export interface DroppedClaim extends Evidence {
  readonly why:
    | 'no_such_message'
    | 'not_said_there'
    | 'not_said_by_them'
    | 'another_amount'
    | 'impossible_time'
    | 'not_in_the_call'
    | 'said_twice';
}

/** An analysis of which every claim was really said. */
export interface Analysis {
  readonly sentiment: CallSentiment;
  readonly messages: readonly { readonly messageIndex: number; readonly sentiment: number }[];
  readonly keyMoments: readonly KeyMoment[];
  readonly extractedInfo: ExtractedInfo;
  readonly outcome?: FoundOutcome;
  readonly disposition?: Disposition;
  readonly followUpActions: readonly FoundFollowUp[];
  readonly qualityScore: number;
  readonly qualityFactors: Readonly<Record<QualityFactor, number>>;
  readonly topics: readonly Topic[];
  readonly keywords: readonly string[];
  readonly summary: string;
  readonly evidence: readonly Evidence[];
}

/** Tokens that a model used, and what they cost by the rates of that moment, US dollars, not rounded. */
export interface AnalysisCost {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly totalCost: number;
}

/** Who made an analysis and of what. */
export interface AnalysisOrigin {
  /** `lexicon`: word lists, without a model. */
  readonly by: 'claude' | 'lexicon';
  /** Of the prompt, or of the word lists. */
  readonly version: string;
  readonly model?: string;
  /** SHA-256 of everything the model was told about how to answer. */
  readonly promptHash?: string;
  /** SHA-256 of the words that were analysed. */
  readonly transcriptHash: string;
  readonly cost?: AnalysisCost;
  /** What somebody should know about how it was made, in plain words. */
  readonly note?: string;
}

/** A document of `call_analyses`. `queued`: asked for; `found`: made, not yet told to the call; `failed`: `note` says why. */
export interface CallAnalysis extends Stamped {
  readonly callId: string;
  readonly state: 'queued' | 'found' | 'done' | 'failed';
  readonly requestedBy: string;
  /** Whom it was asked of; absent: whoever is there. */
  readonly wanted?: AnalysisOrigin['by'];
  readonly origin?: AnalysisOrigin;
  readonly analysis?: Analysis;
  readonly dropped?: readonly DroppedClaim[];
  /** The call shows it; an analysis made only to compare is kept beside it. */
  readonly applied?: boolean;
  readonly analysedAt?: Date;
  readonly note?: string;
  /** Claims that a person said are wrong. */
  readonly wrong: readonly WrongClaim[];
}

export interface WrongClaim {
  readonly path: string;
  readonly note: string;
  readonly by: string;
  readonly at: Date;
}

// ── Evidence ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Lower case, one space between words, no punctuation; apostrophes close up, so that "don’t" is "don't". */
export const normalWords = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/['’‘`´]/g, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

/** Whether these words were said in this text, whole words, in this order, one behind the other. */
export function wasSaid(quote: string, text: string): boolean {
  const words = normalWords(quote);
  return words !== '' && ` ${normalWords(text)} `.includes(` ${words} `);
}

const round = (value: number): number => Math.round(value * 1_000) / 1_000;

/** Analysed words are told apart by who said them and in what order; times do not matter. */
export const spokenWords = (messages: readonly TranscriptMessage[]): readonly (readonly [string, string])[] =>
  messages.map(({ speaker, text }) => [speaker, text] as const);

/**
 * The findings of which every claim was really said in the message it names; what was not is reported. `startedAt`: the
 * beginning of the talk, before which nothing can be agreed on. Pure.
 */
export function evidenced(
  findings: Findings,
  messages: readonly TranscriptMessage[],
  startedAt: Date,
): { readonly analysis: Analysis; readonly dropped: readonly DroppedClaim[] } {
  const evidence: Evidence[] = [];
  const dropped: DroppedClaim[] = [];
  const paths = new Set<string>();

  /** Keeps a claim's evidence when it holds; `theirs`: only the other party can have said it. */
  function holds(path: string, { messageIndex, quote }: Omit<Evidence, 'path'>, theirs = false): boolean {
    const found = { path, messageIndex, quote };
    const message = messages[messageIndex];
    const why = paths.has(path)
      ? 'said_twice'
      : message === undefined
        ? 'no_such_message'
        : !wasSaid(quote, message.text)
          ? 'not_said_there'
          : theirs && message.speaker !== 'user'
            ? 'not_said_by_them'
            : undefined;
    if (why !== undefined) {
      dropped.push({ ...found, why });
      return false;
    }
    paths.add(path);
    evidence.push(found);
    return true;
  }

  const keyMoments = findings.keyMoments.flatMap(({ type, messageIndex, quote, resolved }): KeyMoment[] => {
    const message = messages[messageIndex];
    if (!holds(`keyMoments.${type}@${messageIndex}`, { messageIndex, quote }, true) || !message) return [];
    const answer = messages.slice(messageIndex + 1).find(({ speaker }) => speaker !== 'system');
    return [
      {
        type,
        messageIndex,
        timestamp: message.timestamp,
        userText: message.text,
        ...(answer?.speaker === 'agent' ? { agentResponse: answer.text } : {}),
        ...(resolved === undefined ? {} : { resolved }),
      },
    ];
  });
  keyMoments.sort((a, b) => a.messageIndex - b.messageIndex);

  const info = findings.extractedInfo;
  /** Facts about the person and the house come from the person. */
  const fact = <T>(name: string, found: (Omit<Evidence, 'path'> & { value: T }) | undefined) =>
    found !== undefined && holds(`extractedInfo.${name}`, found, true) ? { [name]: found.value } : {};
  const price = info.priceExpectation;
  const priceWasSaid = price !== undefined && saysAmount(price.quote, price.value);
  if (price && !priceWasSaid)
    dropped.push({ path: 'extractedInfo.priceExpectation', ...restOf(price), why: 'another_amount' });
  const extractedInfo: ExtractedInfo = {
    ...fact('propertyCondition', info.propertyCondition),
    motivationFactors: info.motivationFactors
      .filter((found) => holds(`extractedInfo.motivationFactors.${found.value}`, found, true))
      .map(({ value }) => value),
    ...fact('timeframe', info.timeframe),
    ...(priceWasSaid ? fact('priceExpectation', price) : {}),
    ...fact('competingOffers', info.competingOffers),
    ...fact('agentInvolved', info.agentInvolved),
    ...fact('decisionMakers', info.decisionMakers),
  };

  const followUpActions = findings.followUpActions.flatMap((found): FoundFollowUp[] => {
    const { type, scheduledFor: text, notes } = found;
    const path = `followUpActions.${type}@${found.messageIndex}`;
    if (!holds(path, found)) return [];
    if (text === undefined) return [{ type, notes }];
    const scheduledFor = new Date(text);
    // A time without an offset is nobody's: it would be read in the zone of this machine.
    const aheadMs = /(?:z|[+-]\d{2}:?\d{2})$/i.test(text)
      ? scheduledFor.getTime() - startedAt.getTime()
      : Number.NaN;
    if (aheadMs > 0 && aheadMs <= FARTHEST_MS) return [{ type, scheduledFor, notes }];
    dropped.push({ path: `${path}.scheduledFor`, ...restOf(found), why: 'impossible_time' });
    return [{ type, notes }];
  });

  const sentimentAt = new Map<number, number>();
  for (const { messageIndex, sentiment } of findings.messages) {
    const why = messages[messageIndex] === undefined ? 'no_such_message' : 'said_twice';
    if (messages[messageIndex] === undefined || sentimentAt.has(messageIndex))
      dropped.push({ path: `messages.${messageIndex}`, messageIndex, quote: '', why });
    else sentimentAt.set(messageIndex, sentiment);
  }
  const everything = ` ${normalWords(messages.map(({ text }) => text).join('\n'))} `;
  const keywords = [...new Set(findings.keywords)].filter((keyword) => {
    const words = normalWords(keyword);
    if (words !== '' && everything.includes(` ${words} `)) return true;
    dropped.push({ path: `keywords.${keyword}`, messageIndex: 0, quote: keyword, why: 'not_in_the_call' });
    return false;
  });
  // In the order of the paths, so that the same findings give the same evidence.
  const topics = findings.topics.filter((found) => holds(`topics.${found.topic}`, found));
  const summary = findings.summary.filter((found, at) => holds(`summary.${at}`, found));
  const isOutcome = findings.outcome !== undefined && holds('outcome', findings.outcome);
  const isDisposition = findings.disposition !== undefined && holds('disposition', findings.disposition);
  return {
    analysis: {
      sentiment: sentimentOf(findings.sentiment, sentimentAt, messages),
      messages: [...sentimentAt]
        .sort(([a], [b]) => a - b)
        .map(([messageIndex, sentiment]) => ({ messageIndex, sentiment: round(sentiment) })),
      keyMoments,
      extractedInfo,
      ...(isOutcome && findings.outcome ? { outcome: findings.outcome.value } : {}),
      ...(isDisposition && findings.disposition ? { disposition: findings.disposition.value } : {}),
      followUpActions,
      qualityScore: round(findings.qualityScore),
      qualityFactors: {
        clearCommunication: round(findings.qualityFactors.clearCommunication),
        activeListening: round(findings.qualityFactors.activeListening),
        objectionHandling: round(findings.qualityFactors.objectionHandling),
        outcomeAchieved: round(findings.qualityFactors.outcomeAchieved),
      },
      topics: topics.map(({ topic }) => topic),
      keywords,
      summary: summary.map(({ text }) => text).join(' '),
      evidence,
    },
    dropped,
  };
}

const restOf = ({ messageIndex, quote }: Omit<Evidence, 'path'>) => ({ messageIndex, quote });

// ── Sentiment ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** From here on a message is positive, and below its negative it is negative. */
export const FELT = 0.15;
/** Points of the timeline at most. */
const MOST_POINTS = 60;
const SHORTEST_STRIDE_SEC = 15;

/** The timeline and the shares of emotions, from what was felt in each message. */
function sentimentOf(
  overall: number,
  felt: ReadonlyMap<number, number>,
  messages: readonly TranscriptMessage[],
): CallSentiment {
  const theirs = messages.flatMap((message, at) => {
    const score = felt.get(at);
    return message.speaker === 'user' && score !== undefined
      ? [{ at: message.timestamp, score, words: normalWords(message.text).split(' ').length }]
      : [];
  });
  const total = theirs.reduce((sum, { words }) => sum + words, 0);
  const share = (is: (score: number) => boolean): number =>
    total === 0
      ? 0
      : round(theirs.filter(({ score }) => is(score)).reduce((sum, { words }) => sum + words, 0) / total);
  const positive = share((score) => score >= FELT);
  const negative = share((score) => score <= -FELT);
  return {
    overall: round(overall),
    timeline: timelineOf(theirs),
    emotions: { positive, neutral: total === 0 ? 0 : Math.max(0, round(1 - positive - negative)), negative },
  };
}

/** One point for each stretch in which they spoke: their feeling there, weighed by words. */
function timelineOf(theirs: readonly { at: number; score: number; words: number }[]) {
  const lastSec = theirs.reduce((last, { at }) => Math.max(last, at), 0);
  const strideSec = Math.max(SHORTEST_STRIDE_SEC, Math.ceil((lastSec + 1) / MOST_POINTS));
  const stretches = new Map<number, { sum: number; words: number }>();
  for (const { at, score, words } of theirs) {
    const timestamp = Math.floor(at / strideSec) * strideSec;
    const before = stretches.get(timestamp) ?? { sum: 0, words: 0 };
    stretches.set(timestamp, { sum: before.sum + score * words, words: before.words + words });
  }
  return [...stretches]
    .sort(([a], [b]) => a - b)
    .map(([timestamp, { sum, words }]) => ({ timestamp, score: round(sum / words) }));
}

// ── Comparing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export type ClaimValue = string | number | boolean;

/** Everything an analysis says, claim by claim, by the path under which it can be compared and marked. */
export function claimsOf(analysis: Analysis): ReadonlyMap<string, ClaimValue> {
  const claims = new Map<string, ClaimValue>();
  claims.set('sentiment', analysis.sentiment.overall);
  if (analysis.outcome !== undefined) claims.set('outcome', analysis.outcome);
  if (analysis.disposition !== undefined) claims.set('disposition', analysis.disposition);
  for (const { type, messageIndex, resolved } of analysis.keyMoments)
    claims.set(
      `keyMoments.${type}@${messageIndex}`,
      resolved === undefined ? 'seen' : resolved ? 'resolved' : 'unresolved',
    );
  const { motivationFactors, ...facts } = analysis.extractedInfo;
  for (const [name, value] of Object.entries(facts)) claims.set(`extractedInfo.${name}`, value);
  for (const motive of motivationFactors) claims.set(`extractedInfo.motivationFactors.${motive}`, true);
  const followUps = analysis.evidence.filter(({ path }) => path.startsWith('followUpActions.'));
  for (const [at, { scheduledFor, notes }] of analysis.followUpActions.entries()) {
    const path = followUps[at]?.path;
    if (path !== undefined) claims.set(path, scheduledFor?.toISOString() ?? notes);
  }
  claims.set('qualityScore', analysis.qualityScore);
  for (const name of QUALITY_FACTORS) claims.set(`qualityFactors.${name}`, analysis.qualityFactors[name]);
  for (const topic of analysis.topics) claims.set(`topics.${topic}`, true);
  if (analysis.summary !== '') claims.set('summary', analysis.summary);
  return claims;
}

export interface ClaimDifference {
  readonly path: string;
  /** Absent: the first, or the second, says nothing of it. */
  readonly a?: ClaimValue;
  readonly b?: ClaimValue;
}

/** What two analyses of one call say differently, in the order of the paths. */
export function differences(a: Analysis, b: Analysis): ClaimDifference[] {
  const [first, second] = [claimsOf(a), claimsOf(b)];
  return [...new Set([...first.keys(), ...second.keys()])].sort().flatMap((path): ClaimDifference[] => {
    const [one, other] = [first.get(path), second.get(path)];
    if (one === other) return [];
    return [{ path, ...(one === undefined ? {} : { a: one }), ...(other === undefined ? {} : { b: other }) }];
  });
}

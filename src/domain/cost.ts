/**
 * domain/cost: what a call costs by the vendors' rates. Estimated when it is over, from what we know of it; the rates used
 * stand beside the figures.
 */
import type { Call, CallEvent } from './call.ts';

/** US dollars. */
export interface Rates {
  /** A started minute of a call that we place. */
  readonly twilioMinute: number;
  /** A started minute of a call that comes in. */
  readonly twilioInboundMinute: number;
  /** A minute of talk, or a character that the agent says: whichever the plan is billed by. */
  readonly elevenLabs: number;
  readonly elevenLabsUnit: 'minutes' | 'characters';
  /** One part of a text message. */
  readonly smsSegment: number;
  /** A million tokens of the model that analyses calls: read, written to its cache, read from there, answered. */
  readonly claudeInput: number;
  readonly claudeCacheWrite: number;
  readonly claudeCacheRead: number;
  readonly claudeOutput: number;
}

/** List prices of 2026; kept as settings when a service first starts, and changed there. */
export const DEFAULT_RATES: Rates = {
  twilioMinute: 0.014,
  twilioInboundMinute: 0.0085,
  elevenLabs: 0.1,
  elevenLabsUnit: 'minutes',
  smsSegment: 0.0083,
  claudeInput: 3,
  claudeCacheWrite: 3.75,
  claudeCacheRead: 0.3,
  claudeOutput: 15,
};

/** Tokens that a model reports to have read and written. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
}

/** What tokens cost, US dollars, not rounded. */
export const tokenCost = (usage: TokenUsage, rates: Rates): number =>
  (usage.inputTokens * rates.claudeInput +
    usage.outputTokens * rates.claudeOutput +
    usage.cacheReadTokens * rates.claudeCacheRead +
    usage.cacheWriteTokens * rates.claudeCacheWrite) /
  1_000_000;

/** What the cache spared, US dollars, not rounded; below 0 where more was written to it than was read again. */
export const cacheSavings = (usage: TokenUsage, rates: Rates): number =>
  (usage.cacheReadTokens * (rates.claudeInput - rates.claudeCacheRead) -
    usage.cacheWriteTokens * (rates.claudeCacheWrite - rates.claudeInput)) /
  1_000_000;

/** Money in US dollars; `totalCost` is rounded to cents. */
export interface CallCost {
  readonly twilioMinutes: number;
  readonly twilioRate: number;
  /** One of the two, as the rate was meant. */
  readonly elevenLabsMinutes?: number;
  readonly elevenLabsCharacters?: number;
  readonly elevenLabsRate: number;
  /** What Claude said in it, and what analysing it cost so far, not rounded; in `totalCost` too. */
  readonly claudeCost?: number;
  readonly totalCost: number;
}

export const cents = (dollars: number): number => Math.round(dollars * 100) / 100;
const hundredths = (value: number): number => Math.round(value * 100) / 100;

/** Of a call that is over; undefined when nobody answered it, for then it costs nothing. */
export function costOf(
  call: Pick<Call, 'direction' | 'answeredAt' | 'duration' | 'conversationId'>,
  events: readonly CallEvent[],
  rates: Rates,
): CallCost | undefined {
  if (!call.answeredAt) return undefined;
  const seconds = call.duration ?? 0;
  const twilioMinutes = Math.ceil(seconds / 60);
  const twilioRate = call.direction === 'outbound' ? rates.twilioMinute : rates.twilioInboundMinute;
  const talked = call.conversationId === undefined ? 0 : seconds;
  const units = rates.elevenLabsUnit === 'minutes' ? hundredths(talked / 60) : charactersOf(events);
  const answers = events.flatMap((event) => (event.type === 'model_answered' ? [event.cost] : []));
  const claudeCost = answers.reduce((sum, cost) => sum + cost, 0);
  return {
    twilioMinutes,
    twilioRate,
    ...(rates.elevenLabsUnit === 'minutes' ? { elevenLabsMinutes: units } : { elevenLabsCharacters: units }),
    elevenLabsRate: rates.elevenLabs,
    ...(answers.length > 0 ? { claudeCost } : {}),
    totalCost: cents(twilioMinutes * twilioRate + units * rates.elevenLabs + claudeCost),
  };
}

/** The cost of a call of which another analysis was made. */
export function withAnalysis(cost: CallCost, analysisCost: number): CallCost {
  const { twilioMinutes, twilioRate, elevenLabsMinutes, elevenLabsCharacters, elevenLabsRate } = cost;
  const claudeCost = (cost.claudeCost ?? 0) + analysisCost;
  const units = elevenLabsMinutes ?? elevenLabsCharacters ?? 0;
  return {
    ...cost,
    claudeCost,
    totalCost: cents(twilioMinutes * twilioRate + units * elevenLabsRate + claudeCost),
  };
}

/** What the agent had to say, heard or not. */
const charactersOf = (events: readonly CallEvent[]): number =>
  events.reduce(
    (sum, event) => (event.type === 'said' && event.role === 'agent' ? sum + event.text.length : sum),
    0,
  );

/** US dollars for a call that is talked on for so long, on average over calls; not rounded. */
export const talkCost = (talkSec: number, rates: Rates): number =>
  Math.ceil(talkSec / 60) * rates.twilioMinute +
  (rates.elevenLabsUnit === 'minutes' ? talkSec / 60 : talkSec * CHARACTERS_A_SECOND) * rates.elevenLabs;

/** An agent talks about half of the time, at 15 characters a second. */
const CHARACTERS_A_SECOND = 7.5;

/** What a call costs, by the rates of the vendors. */
import { describe, expect, test } from 'vitest';
import { type Call, type CallEvent, step } from '../../src/domain/call.ts';
import { costOf, DEFAULT_RATES, type Rates } from '../../src/domain/cost.ts';

const call = (over: Partial<Call> = {}) => ({
  direction: 'outbound' as const,
  answeredAt: new Date(0),
  duration: 420,
  conversationId: 'conv_1',
  ...over,
});
const rates: Rates = { ...DEFAULT_RATES, twilioMinute: 0.013, elevenLabs: 0.1 };
const said = (role: 'agent' | 'user', text: string) => ({ type: 'said', role, text }) as CallEvent;

describe('a call', () => {
  test('costs its started minutes and its minutes of talk', () => {
    expect(costOf(call(), [], rates)).toEqual({
      twilioMinutes: 7,
      twilioRate: 0.013,
      elevenLabsMinutes: 7,
      elevenLabsRate: 0.1,
      totalCost: 0.79,
    });
    expect(costOf(call({ duration: 61 }), [], rates)).toMatchObject({
      twilioMinutes: 2,
      elevenLabsMinutes: 1.02,
      totalCost: 0.13,
    });
  });

  test('costs the characters that the agent said, where the plan counts those', () => {
    const events = [said('agent', 'x'.repeat(2_300)), said('user', 'no'), said('agent', 'y'.repeat(100))];
    const byCharacter: Rates = { ...rates, elevenLabs: 0.000_18, elevenLabsUnit: 'characters' };
    expect(costOf(call(), events, byCharacter)).toEqual({
      twilioMinutes: 7,
      twilioRate: 0.013,
      elevenLabsCharacters: 2_400,
      elevenLabsRate: 0.000_18,
      totalCost: 0.52,
    });
  });

  test('that came in has its own rate, and one that talked to no agent costs the line alone', () => {
    const { conversationId: _, ...silent } = call({ direction: 'inbound', duration: 10 });
    expect(costOf(silent, [], rates)).toMatchObject({
      twilioRate: rates.twilioInboundMinute,
      elevenLabsMinutes: 0,
      totalCost: 0.01,
    });
  });

  test('that nobody answered costs nothing', () => {
    const { answeredAt: _, ...unanswered } = call();
    expect(costOf(unanswered, [], rates)).toBeUndefined();
  });

  test('carries its cost once the event has told it', () => {
    const cost = costOf(call(), [], rates);
    if (!cost) throw new Error('a cost');
    const before = { _id: 'a', status: 'completed', seq: 3 } as unknown as Call;
    const after = step(before, { type: 'costed', cost, seq: 4, at: new Date(1) } as CallEvent);
    expect(after).toMatchObject({ cost, seq: 4, status: 'completed' });
  });
});

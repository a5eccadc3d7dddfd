/** The worked cases of the reference, each with its verdict, first reason, further reasons and next legal minute. */
import { expect, test } from 'vitest';
import { decide } from '../../src/domain/compliance/decide.ts';
import { CASES } from '../support/compliance-cases.ts';

test('the sample has all its cases', () => {
  expect(CASES.length).toBe(57);
});

test.each(CASES)('$id: $rationale', (one) => {
  const { kind, decision } = decide(one.facts, one.now.getTime());
  expect(decision.reason).toBe(one.reason);
  expect(kind).toBe(one.expect);
  expect(decision.verdict).toBe(one.expect);
  expect(decision.nextAllowedAt).toEqual(one.next_allowed_at ?? null);
  for (const also of one.also_true ?? []) expect(decision.reasons).toContain(also);
  expect(decision.explanation).toMatch(/^(Allowed|Blocked)\b.*[^.]\.$/);
});

/** app/check-compliance: what the gate would say, without dialling. No permit comes from here. */
import { checkError, decide } from '../domain/compliance/decide.ts';
import type { Decision } from '../domain/compliance/decision.ts';
import type { FactsInput } from '../domain/compliance/facts.ts';
import { isFailure } from '../domain/errors.ts';
import { createGatherFacts, type FactsQuery, type GatherDeps } from './gather-facts.ts';
import type { Clock, Log } from './ports.ts';

export interface CheckDeps extends GatherDeps {
  readonly clock: Clock;
  readonly log: Log;
}

export function createCheckCompliance(deps: CheckDeps) {
  const gatherFacts = createGatherFacts(deps);

  /**
   * The decision for a lead or a number as if it were dialled `at` (default now), on the facts of this moment. Facts that
   * cannot be read are a denial, as at the dial. Throws `lead_not_found`, `campaign_not_found`, `invalid_request`.
   */
  async function check(
    query: Omit<FactsQuery, 'exceptAttemptId'> & { readonly at?: Date },
  ): Promise<Decision> {
    const { at, ...party } = query;
    const atMs = at?.getTime() ?? deps.clock.nowMs();
    try {
      const { facts } = await gatherFacts(party, atMs);
      return decide(facts, atMs).decision;
    } catch (error) {
      if (
        isFailure(error, 'lead_not_found') ||
        isFailure(error, 'campaign_not_found') ||
        isFailure(error, 'invalid_request')
      )
        throw error;
      deps.log.error({ err: error }, 'the facts of a call could not be read');
      return checkError(atMs, 'the facts could not be read');
    }
  }

  /** The decision for given facts at a given moment: the gate itself, nothing read and nothing written. */
  const evaluate = (facts: FactsInput, at: Date): Decision => decide(facts, at.getTime()).decision;

  return { check, evaluate };
}

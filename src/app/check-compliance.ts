/** app/check-compliance: what the gate would say, without dialling. No permit comes from here. */
import { checkError, decide } from '../domain/compliance/decide.ts';
import type { Decision } from '../domain/compliance/decision.ts';
import type { FactsInput } from '../domain/compliance/facts.ts';
import { windows as windowsOf } from '../domain/compliance/windows.ts';
import { isFailure } from '../domain/errors.ts';
import { createGatherFacts, type FactsQuery, type GatherDeps } from './gather-facts.ts';
import type { Clock, Log } from './ports.ts';

export interface CheckDeps extends GatherDeps {
  readonly clock: Clock;
  readonly log: Log;
}

/** Who would be called; `at`: when, now without it. */
export type CheckQuery = Omit<FactsQuery, 'exceptAttemptId'> & { readonly at?: Date };

export interface CallingWindows {
  readonly decision: Decision;
  /** The clock people read the windows on: that of the first place the called party may be. */
  readonly zone: string | null;
  readonly windows: readonly { readonly from: Date; readonly to: Date }[];
}

const DAY_MS = 86_400_000;

export function createCheckCompliance(deps: CheckDeps) {
  const gatherFacts = createGatherFacts(deps);

  /** The facts of this moment for a call at `atMs`; undefined when they cannot be read. Throws as `check`. */
  async function factsOf(party: FactsQuery, atMs: number): Promise<FactsInput | undefined> {
    try {
      return (await gatherFacts(party, atMs)).facts;
    } catch (error) {
      if (
        isFailure(error, 'lead_not_found') ||
        isFailure(error, 'campaign_not_found') ||
        isFailure(error, 'invalid_request')
      )
        throw error;
      deps.log.error({ err: error }, 'the facts of a call could not be read');
      return undefined;
    }
  }

  const judged = (facts: FactsInput | undefined, atMs: number): Decision =>
    facts ? decide(facts, atMs).decision : checkError(atMs, 'the facts could not be read');

  /**
   * The decision for a lead or a number as if it were dialled `at` (default now), on the facts of this moment. Facts that
   * cannot be read are a denial, as at the dial. Throws `lead_not_found`, `campaign_not_found`, `invalid_request`.
   */
  async function check({ at, ...party }: CheckQuery): Promise<Decision> {
    const atMs = at?.getTime() ?? deps.clock.nowMs();
    return judged(await factsOf(party, atMs), atMs);
  }

  /**
   * As `check`, with every stretch of the following days in which the gate would allow on the same facts. `days`: 1 to 14,
   * of 24 hours.
   */
  async function windows({
    at,
    days,
    ...party
  }: CheckQuery & { readonly days: number }): Promise<CallingWindows> {
    const atMs = at?.getTime() ?? deps.clock.nowMs();
    const facts = await factsOf(party, atMs);
    const decision = judged(facts, atMs);
    return {
      decision,
      zone: decision.zones[0]?.zone ?? null,
      windows: (facts ? windowsOf(facts, atMs, atMs + days * DAY_MS) : []).map(({ fromMs, toMs }) => ({
        from: new Date(fromMs),
        to: new Date(toMs),
      })),
    };
  }

  /** The decision for given facts at a given moment: the gate itself, nothing read and nothing written. */
  const evaluate = (facts: FactsInput, at: Date): Decision => decide(facts, at.getTime()).decision;

  return { check, windows, evaluate };
}

/** app/realty: what is decided about houses (what one is worth, how well a lead with it fits) is told to the agents' state. */
import { valuationOf } from '../domain/agent-state.ts';
import type { Property } from '../domain/property.ts';
import type { Agents } from './agents.ts';
import type { Clock, Log } from './ports.ts';
import type { createProperties } from './properties.ts';

type Properties = ReturnType<typeof createProperties>;

export function createRealty({
  properties,
  agents,
  clock,
  log,
}: {
  readonly properties: Properties;
  readonly agents: Pick<Agents, 'note'>;
  readonly clock: Clock;
  readonly log: Log;
}): Properties {
  /** Behind the deed: whoever values a house does not wait for what is told of it. */
  function tell(property: Property, by: string): void {
    const at = new Date(clock.nowMs());
    const decision = valuationOf(property, at);
    agents
      .note('realty', {
        counts: decision ? { requests: 1 } : { requests: 1, failed: 1 },
        decisions: decision ? [decision] : [],
      })
      .catch((error) =>
        log.warn({ err: error, propertyId: property._id, by }, 'a valuation could not be told to its agent'),
      );
  }

  return {
    ...properties,
    async create(...given) {
      const made = await properties.create(...given);
      tell(made, made.dataSource);
      return made;
    },
    async update(propertyId, change, by) {
      const after = await properties.update(propertyId, change, by);
      tell(after, by);
      return after;
    },
    async link(propertyId, leadId, by) {
      const linked = await properties.link(propertyId, leadId, by);
      tell(linked, by);
      return linked;
    },
  };
}

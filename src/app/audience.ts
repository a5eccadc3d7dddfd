/**
 * app/audience: the leads that a campaign has or would take, as the engine enrolls them: those that were given to it, and,
 * where it has a targeting, those that belong to no campaign and fit.
 */
import type { Lead } from '../domain/documents.ts';
import { fitOf, isOpenLead, type Targeting } from '../domain/qualification.ts';
import { inOrder } from './paging.ts';
import type { Clock, Filter, Store } from './ports.ts';

export interface AudienceQuery {
  /** Its own leads count, whether they fit or not. */
  readonly campaignId?: string;
  readonly targeting?: Targeting;
}

export interface Audience {
  readonly fitting: number;
  /** All leads that may still be worked on. */
  readonly open: number;
  /** The count of `fitting` stopped before the end. */
  readonly atLeast?: true;
}

const BATCH = 200;
/** Whoever waits for a count while typing waits for so long at most. */
const PATIENCE_MS = 1_500;
/** How many leads are open changes slowly, and counting them means looking at each. */
const KEPT_MS = 30_000;

const NOT_ERASED: Filter = { erasedAt: { $exists: false } };
const OPEN: Filter = { ...NOT_ERASED, status: { $nin: ['dnc', 'converted', 'lost'] } };

/** What a store can tell at once of a targeting; whether a lead fits is `fitOf`'s to say. */
const roughly = ({ leadSources = [], intent = [] }: Targeting): Filter => ({
  ...(leadSources.length === 0 ? {} : { source: { $in: leadSources } }),
  ...(intent.length === 0 ? {} : { 'intent.type': { $in: intent } }),
});

/** In batches, those of the campaign first. Leads of the campaign that are closed come too, for whoever counts them. */
export async function* leadsOf(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  { campaignId, targeting }: AudienceQuery,
): AsyncGenerator<Lead[], undefined> {
  const leads = store.collection('leads');
  const order = ['receivedAt', '_id'] as const;
  if (campaignId !== undefined) yield* batches(inOrder(leads, { campaignId, ...NOT_ERASED }, order));
  if (targeting === undefined) return;
  const nobodys = { campaignId: { $exists: false }, ...OPEN, ...roughly(targeting) };
  for await (const batch of batches(inOrder(leads, nobodys, order))) {
    const wanted = [...new Set(batch.flatMap(({ propertyId }) => propertyId ?? []))];
    const found =
      wanted.length === 0
        ? []
        : await store.collection('properties').find({ filter: { _id: { $in: wanted } } });
    const properties = new Map(found.map((property) => [property._id, property]));
    const nowMs = clock.nowMs();
    yield batch.filter((lead) => fitOf(lead, properties.get(lead.propertyId ?? ''), targeting, nowMs).fits);
  }
}

async function* batches(leads: AsyncIterable<Lead>): AsyncGenerator<Lead[], undefined> {
  let batch: Lead[] = [];
  for await (const lead of leads) {
    batch.push(lead);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

export function createAudience(deps: { readonly store: Store; readonly clock: Clock }) {
  const { store, clock } = deps;
  let known: { readonly count: Promise<number>; readonly atMs: number } | undefined;

  function open(): Promise<number> {
    const nowMs = clock.steadyMs();
    if (known === undefined || nowMs - known.atMs > KEPT_MS) {
      const count = store.collection('leads').count(OPEN);
      known = { count, atMs: nowMs };
      count.catch(() => (known = undefined));
    }
    return known.count;
  }

  /** How many leads it takes. Throws what the store throws. */
  return async function audience(query: AudienceQuery): Promise<Audience> {
    const endMs = clock.steadyMs() + PATIENCE_MS;
    const all = open();
    let fitting = 0;
    for await (const batch of leadsOf(deps, query)) {
      fitting += batch.filter(isOpenLead).length;
      if (clock.steadyMs() > endMs) return { fitting, open: Math.max(fitting, await all), atLeast: true };
    }
    return { fitting, open: await all };
  };
}

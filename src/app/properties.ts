/** app/properties: the houses that leads are about, what they are worth, and how well each lead fits its campaign by that. */
import type { Lead } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import {
  changedProperty,
  type NewProperty,
  newProperty,
  type Property,
  type PropertyChange,
  type PropertyType,
} from '../domain/property.ts';
import type { Qualification } from '../domain/qualification.ts';
import { createJudgeLeads } from './judge-leads.ts';
import { inOrder, type Page, page } from './paging.ts';
import type { Clock, Ids, Store } from './ports.ts';

export interface PropertiesDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
}

export interface PropertyQuery {
  readonly zipCode?: string;
  readonly type?: PropertyType;
  readonly leadId?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

/** Whoever changes a property at the same moment is let go first, so often. */
const MOST_TRIES = 20;

export function createProperties({ store, clock, ids }: PropertiesDeps) {
  const properties = store.collection('properties');
  const leads = store.collection('leads');
  const judging = createJudgeLeads({ store, clock });

  /** Throws Failure `invalid_request`, `duplicate_key` when there is one at this address. */
  async function create(input: NewProperty): Promise<Property> {
    const property = newProperty(input, { id: ids.objectId(), nowMs: clock.nowMs() });
    await properties.insert(property);
    return property;
  }

  /** Throws `not_found`. */
  async function get(propertyId: string): Promise<Property> {
    const property = await properties.get(propertyId);
    if (!property) throw new Failure('not_found', 'there is no such property');
    return property;
  }

  /** Newest first. */
  const list = ({ zipCode, type, leadId, ...paging }: PropertyQuery): Promise<Page<Property>> =>
    page(properties, {
      filter: {
        ...(zipCode === undefined ? {} : { 'address.zipCode': zipCode }),
        ...(type === undefined ? {} : { type }),
        ...(leadId === undefined ? {} : { leadIds: leadId }),
      },
      sort: { field: 'createdAt', direction: -1 },
      ...paging,
    });

  /** Changes what is given and values it anew; its leads are judged again. Throws `not_found`, `invalid_request`, `duplicate_key`. */
  async function update(propertyId: string, change: PropertyChange, by: string): Promise<Property> {
    for (let attempt = 1; ; attempt += 1) {
      const before = await get(propertyId);
      const nowMs = Math.max(clock.nowMs(), before.updatedAt.getTime() + 1);
      const {
        _id,
        leadIds: _leadIds,
        ...set
      } = changedProperty(before, change, {
        nowMs,
        ...(await shareFor(before)),
      });
      const after = await properties.update({ _id, updatedAt: before.updatedAt }, { $set: set });
      if (after) {
        for (const leadId of after.leadIds) await qualifyLead(leadId, by);
        return after;
      }
      if (attempt >= MOST_TRIES)
        throw new Failure('store_unavailable', 'too many change this property at once; try again');
    }
  }

  /** The lead is about this property from now on, and is judged by it. Throws `not_found`, `lead_not_found`. */
  async function link(propertyId: string, leadId: string, by: string): Promise<Property> {
    const property = await get(propertyId);
    const lead = await leadOf(leadId);
    const now = new Date(clock.nowMs());
    if (lead.propertyId !== undefined && lead.propertyId !== propertyId)
      await properties.update({ _id: lead.propertyId }, { $pull: { leadIds: leadId } });
    const linked = await properties.update({ _id: propertyId }, { $addToSet: { leadIds: leadId } });
    await leads.update(
      { _id: leadId },
      {
        $set: {
          propertyId,
          propertyAddress: property.address.formatted,
          updatedAt: now,
          updatedBy: by,
        },
      },
    );
    // Priced by what its campaign pays.
    return await update((linked ?? property)._id, {}, by);
  }

  async function leadOf(leadId: string): Promise<Lead> {
    const lead = await leads.get(leadId);
    if (!lead) throw new Failure('lead_not_found', 'there is no such lead', { details: { leadId } });
    return lead;
  }

  /** Judges a lead by what is known of it, of its property and of its campaign now, and keeps that. Throws `lead_not_found`. */
  async function qualifyLead(leadId: string, by: string): Promise<Qualification> {
    const lead = await leadOf(leadId);
    const { qualification = await judging.judged(lead) } = await judging.keep(lead, by);
    return qualification;
  }

  /** What the campaign pays whose lead was the last that came to be about the house. */
  async function shareFor({ leadIds }: Property): Promise<{ readonly wholesaleShare?: number }> {
    const leadId = leadIds.at(-1);
    const { campaignId } = (leadId === undefined ? undefined : await leads.get(leadId)) ?? {};
    const campaign =
      campaignId === undefined ? undefined : await store.collection('campaigns').get(campaignId);
    return campaign?.wholesaleShare === undefined ? {} : { wholesaleShare: campaign.wholesaleShare };
  }

  /** What a campaign looks for or pays has changed: its leads are judged and their houses priced anew. */
  async function judgeAllOf(campaignId: string, by: string, signal: AbortSignal): Promise<void> {
    // Of whom nothing may be kept, nothing is judged.
    const known = { campaignId, erasedAt: { $exists: false } };
    for await (const lead of inOrder(leads, known, ['receivedAt', '_id'])) {
      if (signal.aborted) return;
      if (lead.propertyId === undefined) await judging.keep(lead, by);
      else await update(lead.propertyId, {}, by);
    }
  }

  return { create, get, list, update, link, qualifyLead, judgeAllOf };
}

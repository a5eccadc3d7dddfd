/**
 * app/judge-leads: how well a lead fits the campaign it belongs to, by what is known of it and of its house now; kept with it,
 * for lists, metrics and people.
 */
import type { Lead } from '../domain/documents.ts';
import { judge, type Qualification } from '../domain/qualification.ts';
import type { Clock, Store } from './ports.ts';

export function createJudgeLeads({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
  const leads = store.collection('leads');

  async function judged(lead: Lead): Promise<Qualification> {
    const [property, campaign] = await Promise.all([
      lead.propertyId === undefined ? undefined : store.collection('properties').get(lead.propertyId),
      lead.campaignId === undefined ? undefined : store.collection('campaigns').get(lead.campaignId),
    ]);
    return judge(lead, property, campaign, clock.nowMs());
  }

  /** Answers with the lead as it is then. */
  async function keep(lead: Lead, by: string): Promise<Lead> {
    const qualification = await judged(lead);
    const set = { qualification, updatedAt: new Date(clock.nowMs()), updatedBy: by };
    return (await leads.update({ _id: lead._id }, { $set: set })) ?? { ...lead, ...set };
  }

  return { judged, keep };
}

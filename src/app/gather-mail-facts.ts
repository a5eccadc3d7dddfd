/**
 * app/gather-mail-facts: everything the gate wants to know of one e-mail, read from the store at that moment. People who
 * share an address count as one here, as those who share a number do everywhere.
 */
import { consentFacts } from '../domain/compliance/consent-log.ts';
import type { MailFacts } from '../domain/compliance/mail.ts';
import type { Lead } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { isKilled, POLICY_KEYS } from './compliance-policy.ts';
import { MOST_CONSENT_EVENTS, numbersOf } from './gather-facts.ts';
import { personOf } from './person.ts';
import type { Store } from './ports.ts';

const MOST_LEADS = 200;

/** Leads that carry this address. Throws Failure `internal` when they are too many to be one person's. */
export async function leadsAt(store: Store, address: string): Promise<readonly Lead[]> {
  const leads = await store
    .collection('leads')
    .find({ filter: { 'contact.email': address }, limit: MOST_LEADS + 1 });
  if (leads.length > MOST_LEADS)
    throw new Failure('internal', 'too many leads share this address to know whose it is');
  return leads;
}

/** Throws Failure `campaign_not_found`, `internal` (too much to judge), and what the store throws. */
export async function gatherMailFacts(
  { store, sellerName }: { readonly store: Store; readonly sellerName: string },
  lead: Lead,
  campaignId: string | undefined,
): Promise<MailFacts> {
  // What is on its way to the store may be an opt-out.
  if (store.outage && store.outage.state !== 'up')
    throw new Failure('store_unavailable', 'the database does not have everything yet');
  const campaign = campaignId === undefined ? undefined : await store.collection('campaigns').get(campaignId);
  if (campaignId !== undefined && !campaign)
    throw new Failure('campaign_not_found', 'there is no such campaign', { details: { campaignId } });
  const address = lead.contact.email ?? null;
  const sharing = address === null ? [] : await leadsAt(store, address);
  const person = await personOf(store, [...new Set([lead, ...sharing].flatMap(numbersOf))]);
  if (!person.complete)
    throw new Failure('internal', 'too many leads share these numbers to know whose they are');
  const phone = { $in: person.numbers };
  const [consent, listed, [killSwitch]] = await Promise.all([
    store.collection('consent_logs').find({
      filter: { phone },
      sort: { timestamp: -1 },
      limit: MOST_CONSENT_EVENTS + 1,
    }),
    store.collection('dnc_registry').find({ filter: { phone, scope: 'internal' } }),
    store.collection('system_config').find({ filter: { key: POLICY_KEYS.killSwitch }, limit: 1 }),
  ]);
  if (consent.length > MOST_CONSENT_EVENTS)
    throw new Failure('internal', 'this person has more consent events than can be judged');
  return {
    address,
    seller: sellerName,
    campaignStatus: campaign === undefined || campaign.status === 'active' ? 'running' : campaign.status,
    killSwitch: isKilled(killSwitch?.value),
    internal: listed.map(({ phone: number, seller, releasedAt }) => ({
      phone: number,
      seller,
      releasedAt: releasedAt ?? null,
    })),
    consent: consentFacts(consent),
  };
}

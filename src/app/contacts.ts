/**
 * app/contacts: leads that are one person, by number and by e-mail address. For reading and for people; the gate has its own
 * notion of a person (app/person), which goes by numbers alone and asks the leads themselves.
 */
import { type Contact, contactOf } from '../domain/contact.ts';
import type { Lead } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { parsePhone } from '../domain/phone.ts';
import { type Page, page } from './paging.ts';
import type { Clock, Filter, Store } from './ports.ts';
import { allInSlices } from './slices.ts';
import { turnsOf } from './turns.ts';

export interface ContactQuery {
  /** Any number of the person, as people write it. */
  readonly phone?: string;
  readonly email?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

/** A number or address that more leads share is a switchboard's or a family's, and nobody's own. */
const MOST_LEADS = 200;
const MOST_HOPS = 6;

export function createContacts({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
  const contacts = store.collection('contacts');
  const leads = store.collection('leads');

  /** Every lead that shares a number or an e-mail address with this one, or with one that does, and so on. */
  async function circleOf(lead: Lead): Promise<readonly [Lead, ...Lead[]]> {
    const circle = new Map([[lead._id, lead]]);
    const asked = new Set<string>();
    for (let hop = 0; hop < MOST_HOPS; hop += 1) {
      const numbers = fresh([...circle.values()].flatMap(numbersOf));
      const emails = fresh([...circle.values()].flatMap(({ contact }) => contact.email ?? []));
      if (numbers.length + emails.length === 0) break;
      const $or: Filter[] = [
        ...(numbers.length === 0
          ? []
          : [{ 'contact.phone': { $in: numbers } }, { 'contact.alternatePhone': { $in: numbers } }]),
        ...(emails.length === 0 ? [] : [{ 'contact.email': { $in: emails } }]),
      ];
      const found = await leads.find({ filter: { $or }, limit: MOST_LEADS + 1 });
      if (found.length > MOST_LEADS) return [lead];
      for (const each of found) circle.set(each._id, each);
    }
    circle.delete(lead._id);
    return [lead, ...circle.values()];

    function fresh(values: readonly string[]): string[] {
      const unasked = [...new Set(values)].filter((value) => !asked.has(value));
      for (const value of unasked) asked.add(value);
      return unasked;
    }
  }

  /** Brings the contact of a lead up to date and answers it; contacts that turn out to be one become one. Throws `lead_not_found`. */
  async function ofLead(leadId: string): Promise<Contact> {
    const lead = await leads.get(leadId);
    if (!lead || lead.erasedAt)
      throw new Failure('lead_not_found', 'there is no such lead', { details: { leadId } });
    return await turnsOf(store)('contacts', async () => {
      const contact = contactOf(await circleOf(lead), clock.nowMs());
      await contacts.put(contact);
      await contacts.remove({ leadIds: { $in: contact.leadIds }, _id: { $ne: contact._id } });
      return contact;
    });
  }

  /** The contacts of leads that are known to share nothing with any other. */
  async function ofNew(fresh: readonly Lead[]): Promise<void> {
    await allInSlices(clock, fresh, (lead) => contacts.put(contactOf([lead], clock.nowMs())));
  }

  /** Throws `not_found`. */
  async function get(contactId: string): Promise<Contact> {
    const contact = await contacts.get(contactId);
    if (!contact) throw new Failure('not_found', 'there is no such contact');
    return contact;
  }

  /** Those last seen first. Throws `invalid_request`. */
  async function list({ phone, email, ...paging }: ContactQuery): Promise<Page<Contact>> {
    const number = phone === undefined ? undefined : parsePhone(phone);
    if (phone !== undefined && number === undefined)
      throw new Failure('invalid_request', 'phone: not a phone number', {
        details: { fields: { phone: 'not a phone number' } },
      });
    return page(contacts, {
      filter: {
        ...(number === undefined ? {} : { phones: number }),
        ...(email === undefined ? {} : { emails: email.trim().toLowerCase() }),
      },
      sort: { field: 'lastSeenAt', direction: -1 },
      ...paging,
    });
  }

  return { ofLead, ofNew, get, list };
}

const numbersOf = ({ contact }: Lead): string[] =>
  contact.alternatePhone === undefined ? [contact.phone] : [contact.phone, contact.alternatePhone];

/** app/person: who else a number is. Leads that share a number are one person, and a person's wish covers all numbers. */
import type { Lead } from '../domain/documents.ts';
import type { Store } from './ports.ts';

export interface Person {
  /** Every number known of the person, the given ones first. */
  readonly numbers: readonly string[];
  /** Every lead that carries one of them. */
  readonly leads: readonly Lead[];
  /** False when the circle grew beyond reason and was not followed to its end. */
  readonly complete: boolean;
}

const MOST_LEADS = 200;
const MOST_HOPS = 6;

/** Follows shared numbers from lead to lead. Throws what the store throws. */
export async function personOf(store: Store, phones: readonly string[]): Promise<Person> {
  const numbers = new Set(phones);
  const leads = new Map<string, Lead>();
  let asked = new Set<string>();
  for (let hop = 0; hop < MOST_HOPS; hop += 1) {
    const fresh = [...numbers].filter((number) => !asked.has(number));
    if (fresh.length === 0) return { numbers: [...numbers], leads: [...leads.values()], complete: true };
    asked = new Set(numbers);
    const found = await store.collection('leads').find({
      filter: {
        $or: [{ 'contact.phone': { $in: fresh } }, { 'contact.alternatePhone': { $in: fresh } }],
      },
      limit: MOST_LEADS + 1,
    });
    for (const lead of found) {
      leads.set(lead._id, lead);
      numbers.add(lead.contact.phone);
      if (lead.contact.alternatePhone !== undefined) numbers.add(lead.contact.alternatePhone);
    }
    if (leads.size > MOST_LEADS) break;
  }
  return { numbers: [...numbers], leads: [...leads.values()], complete: false };
}

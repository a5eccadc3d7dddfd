/** domain/contact: the person behind one or more leads, folded from those leads; it can be made anew from them at any time. */
import type { Lead, Stamped } from './documents.ts';

export interface Contact extends Stamped {
  /** The newest name. */
  readonly firstName: string;
  readonly lastName: string;
  /** Every number and address of the person, those of the newest lead first. */
  readonly phones: readonly string[];
  readonly emails: readonly string[];
  readonly addresses: readonly NonNullable<Lead['contact']['address']>[];
  /** Oldest first. */
  readonly leadIds: readonly string[];
  readonly sources: readonly string[];
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  readonly lastContactedAt?: Date;
  /** Calls, messages and e-mails to the person, over all leads. */
  readonly attempts: number;
}

/** The contact has the id of the oldest lead, so that whoever joins the same leads makes the same contact. */
export function contactOf(leads: readonly [Lead, ...Lead[]], nowMs: number): Contact {
  const oldestFirst = [...leads].sort(
    (a, b) => a.receivedAt.getTime() - b.receivedAt.getTime() || (a._id < b._id ? -1 : 1),
  ) as [Lead, ...Lead[]];
  const [oldest] = oldestFirst;
  const newestFirst = [...oldestFirst].reverse();
  const named =
    newestFirst.find(({ contact }) => contact.firstName !== '' || contact.lastName !== '') ?? oldest;
  const contacted = leads.flatMap(({ lastContactedAt }) => lastContactedAt ?? []);
  const unique = <T>(values: readonly T[], key: (value: T) => string = String): T[] => [
    ...new Map(values.map((value) => [key(value), value])).values(),
  ];
  return {
    _id: oldest._id,
    firstName: named.contact.firstName,
    lastName: named.contact.lastName,
    phones: unique(
      newestFirst.flatMap(({ contact }) => [contact.phone, contact.alternatePhone ?? []].flat()),
    ),
    emails: unique(newestFirst.flatMap(({ contact }) => contact.email ?? [])),
    addresses: unique(
      newestFirst.flatMap(({ contact }) => contact.address ?? []),
      ({ street, city, state, zipCode }) => JSON.stringify([street, city, state, zipCode]),
    ),
    leadIds: oldestFirst.map(({ _id }) => _id),
    sources: unique(oldestFirst.map(({ source }) => source)),
    firstSeenAt: oldest.receivedAt,
    lastSeenAt: (oldestFirst.at(-1) ?? oldest).receivedAt,
    ...(contacted.length === 0
      ? {}
      : { lastContactedAt: new Date(Math.max(...contacted.map((at) => at.getTime()))) }),
    attempts: leads.reduce((sum, { contactAttempts }) => sum + contactAttempts.length, 0),
    createdAt: oldest.createdAt,
    updatedAt: new Date(nowMs),
  };
}

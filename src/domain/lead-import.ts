/** domain/lead-import: the import of a file of leads and its report, and what a row does to a lead that is there already. */
import { canonicalJson } from './canonical.ts';
import type { Lead, Stamped } from './documents.ts';
import { isNewVisit } from './journey.ts';
import type { LeadChange } from './lead.ts';
import type { ColumnTarget } from './lead-csv.ts';
import type { LeadField } from './lead-fields.ts';

/** What becomes of a row whose person is a lead already: left alone, or the lead learns what the row says. */
export const DUPLICATE_POLICIES = ['skip', 'update'] as const;
export type DuplicatePolicy = (typeof DUPLICATE_POLICIES)[number];

export const ROW_OUTCOMES = ['created', 'updated', 'unchanged', 'duplicate', 'refused'] as const;
export type RowOutcome = (typeof ROW_OUTCOMES)[number];

/** What a row and a lead have in common, the surest first. */
export type MatchedBy = 'external_id' | 'phone' | 'email';

/** What became of one row. It names no person: whoever sent the file has it, and the lead can be asked for. */
export interface ImportedRow {
  /** The first line of the row in the file, from 1. */
  readonly line: number;
  readonly outcome: RowOutcome;
  /** The lead that was made or changed, or of which the row is a duplicate. */
  readonly leadId?: string;
  readonly matchedBy?: MatchedBy;
  /** `known`: the same consent is in the ledger already. */
  readonly consent: 'granted' | 'known' | 'incomplete' | 'none';
  /** In plain words, field by field: why it was refused, what its consent lacks, what was not taken. */
  readonly says: readonly string[];
  /** Of refused rows: where it stands in the file, from inclusive, to exclusive. */
  readonly bytes?: readonly [from: number, to: number];
}

/** Counts of rows; each row is in one of the first five. */
export interface ImportCounts {
  readonly rows: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly duplicate: number;
  readonly refused: number;
  /** Rows whose consent was written to the ledger, or stands there already. */
  readonly withConsent: number;
}

export const NO_ROWS: ImportCounts = {
  rows: 0,
  created: 0,
  updated: 0,
  unchanged: 0,
  duplicate: 0,
  refused: 0,
  withConsent: 0,
};

export const counted = (before: ImportCounts, rows: readonly ImportedRow[]): ImportCounts => {
  const counts = { ...before, rows: before.rows + rows.length };
  for (const { outcome, consent } of rows) {
    counts[outcome] += 1;
    if (consent === 'granted' || consent === 'known') counts.withConsent += 1;
  }
  return counts;
};

/** `waiting`: it is known where the columns go, and no file has come. */
export interface LeadImport extends Stamped, ImportCounts {
  readonly state: 'waiting' | 'receiving' | 'interrupted' | 'done' | 'failed' | 'discarded';
  readonly fileName?: string;
  /** Absent until the file's first line is read, when nobody said where the columns go. */
  readonly mapping?: readonly ColumnTarget[];
  /** What stands in a field where the file says nothing. */
  readonly defaults: readonly { readonly field: LeadField; readonly value: string }[];
  readonly duplicates: DuplicatePolicy;
  readonly campaignId?: string;
  readonly failure?: string;
  readonly startedAt?: Date;
  readonly endedAt?: Date;
  readonly createdBy: string;
  /** The taking of the claim under which it is written to. */
  readonly fence?: number;
}

/** Rows that were taken together, in the order of the file; `part` from 0. */
export interface LeadImportPart extends Stamped {
  readonly importId: string;
  readonly part: number;
  /** SHA-256 over everything of the file up to here, by which the same file is known when it comes again. */
  readonly hash: string;
  readonly rows: readonly ImportedRow[];
}

/**
 * What a row changes on the lead that it matches, and what of it is not taken. A number of a lead is changed only by the
 * source that made the lead: to everybody else another number is another person's consent and do-not-call status.
 */
export function changeByRow(
  lead: Lead,
  brought: Pick<Lead, 'contact' | 'intent' | 'propertyAddress' | 'tags' | 'web'>,
  matchedBy: MatchedBy,
): { readonly change: LeadChange | undefined; readonly says: readonly string[] } {
  const says: string[] = [];
  const { phone, alternatePhone, email, firstName, lastName, address } = brought.contact;
  const numbers = [lead.contact.phone, lead.contact.alternatePhone];
  const contact: { -readonly [F in keyof Lead['contact']]?: Lead['contact'][F] } = {};
  if (matchedBy === 'external_id') {
    if (phone !== lead.contact.phone) contact.phone = phone;
    if (alternatePhone !== undefined && alternatePhone !== lead.contact.alternatePhone)
      contact.alternatePhone = alternatePhone;
  } else {
    for (const [number, name] of [[phone, 'Phone'] as const, [alternatePhone, 'Other phone'] as const])
      if (number !== undefined && !numbers.includes(number))
        says.push(`${name}: differs from the number of the lead and was not taken`);
  }
  if (email !== undefined && email !== lead.contact.email) contact.email = email;
  if (firstName !== '' && firstName !== lead.contact.firstName) contact.firstName = firstName;
  if (lastName !== '' && lastName !== lead.contact.lastName) contact.lastName = lastName;
  const together = { ...lead.contact.address, ...address };
  if (address && !same(together, lead.contact.address)) contact.address = together;

  const intent = { ...lead.intent, ...brought.intent };
  const tags = [...new Set([...lead.tags, ...brought.tags])];
  const change: LeadChange = {
    ...(Object.keys(contact).length === 0 ? {} : { contact }),
    ...(brought.propertyAddress === undefined || brought.propertyAddress === lead.propertyAddress
      ? {}
      : { propertyAddress: brought.propertyAddress }),
    ...(brought.intent === undefined || same(intent, lead.intent) ? {} : { intent }),
    ...(tags.length === lead.tags.length ? {} : { tags }),
    ...(brought.web && isNewVisit(brought.web, lead.web) ? { web: brought.web } : {}),
  };
  return { change: Object.keys(change).length === 0 ? undefined : change, says };
}

const same = (a: unknown, b: unknown): boolean =>
  a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b);

/** domain/lead: what a lead is when it is new, and what it is after a change. Every door to a lead comes through here. */
import { z } from 'zod';
import type { Call, CallOutcome } from './call.ts';
import { stateCode } from './compliance/states.ts';
import { LEAD_STAGES, LEAD_STATUSES, type Lead, type LeadStage, type Legacy } from './documents.ts';
import { Failure } from './errors.ts';
import { parseInput } from './input.ts';
import { WebVisitInput } from './journey.ts';
import { parsePhone } from './phone.ts';

const name = z.string().trim().max(100);
const Phone = z
  .string()
  .max(64)
  .transform((text, context) => {
    const phone = parsePhone(text);
    if (phone === undefined) {
      context.addIssue({ code: 'custom', message: 'not a phone number' });
      return z.NEVER;
    }
    return phone as string;
  });
const State = z
  .string()
  .trim()
  .max(64)
  .transform((text) => stateCode(text) ?? text);

const Address = z.strictObject({
  street: z.string().trim().max(200).optional(),
  city: z.string().trim().max(100).optional(),
  state: State.optional(),
  zipCode: z.string().trim().max(16).optional(),
});

const Contact = z.strictObject({
  firstName: name,
  lastName: name,
  email: z.string().trim().toLowerCase().pipe(z.email()).optional(),
  phone: Phone,
  alternatePhone: Phone.optional(),
  address: Address.optional(),
});

const Intent = z.strictObject({
  type: z.enum(['buyer', 'seller', 'investor']).optional(),
  message: z.string().max(5_000).optional(),
  urgency: z.enum(['low', 'medium', 'high']).optional(),
  timeframe: z.string().max(200).optional(),
  motivation: z.array(z.string().max(200)).max(50).readonly().optional(),
});

const tags = z.array(z.string().trim().min(1).max(100)).max(100).readonly();

const NewLeadInput = z.strictObject({
  source: z.string().trim().min(1).max(64),
  externalId: z.string().trim().min(1).max(200).optional(),
  receivedAt: z.date().optional(),
  contact: Contact,
  propertyAddress: z.string().trim().max(300).optional(),
  intent: Intent.optional(),
  campaignId: z.string().max(64).optional(),
  nextFollowUp: z.date().optional(),
  tags: tags.default([]),
  web: WebVisitInput.optional(),
  legacy: z.record(z.string(), z.unknown()).optional(),
});

const LeadChangeInput = z.strictObject({
  contact: Contact.partial().optional(),
  propertyAddress: z.string().trim().max(300).nullable().optional(),
  intent: Intent.optional(),
  campaignId: z.string().max(64).nullable().optional(),
  nextFollowUp: z.date().nullable().optional(),
  status: z.enum(LEAD_STATUSES).optional(),
  stage: z.enum(LEAD_STAGES).optional(),
  dealValue: z.number().min(0).max(1e10).optional(),
  tags: tags.optional(),
  web: WebVisitInput.nullable().optional(),
});

/** Phones as people write them; they are stored as E.164. */
export interface NewLead {
  readonly source: string;
  readonly externalId?: string;
  readonly receivedAt?: Date;
  readonly contact: Lead['contact'];
  readonly propertyAddress?: string;
  readonly intent?: NonNullable<Lead['intent']>;
  readonly campaignId?: string;
  readonly nextFollowUp?: Date;
  readonly tags?: readonly string[];
  /** The visit to a website that led to it. */
  readonly web?: NonNullable<Lead['web']>;
  /** What came with it and has no place here, as it was. */
  readonly legacy?: Legacy;
}

/** Only what is given changes; null removes; an address and a visit are replaced whole. */
export interface LeadChange {
  readonly contact?: Partial<Lead['contact']>;
  readonly propertyAddress?: string | null;
  readonly intent?: NonNullable<Lead['intent']>;
  readonly campaignId?: string | null;
  readonly nextFollowUp?: Date | null;
  readonly status?: Lead['status'];
  readonly stage?: Lead['stage'];
  /** What a closed deal brought, US dollars; only with the status `converted`, given along or there already. */
  readonly dealValue?: number;
  readonly tags?: readonly string[];
  readonly web?: NonNullable<Lead['web']> | null;
}

/** A copy without the keys that hold undefined, so that a document has a key or has it not. */
function settled<T>(value: T): T {
  if (Array.isArray(value) || value instanceof Date || typeof value !== 'object' || value === null)
    return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, held]) => held !== undefined)
      .map(([key, held]) => [key, settled(held)]),
  ) as T;
}

/** Throws Failure `invalid_request` with details.fields (path → what is wrong). */
export function newLead(
  input: NewLead,
  { id, nowMs, by }: { readonly id: string; readonly nowMs: number; readonly by: string },
): Lead {
  const given = parseInput(NewLeadInput, input);
  const now = new Date(nowMs);
  return settled({
    ...given,
    _id: id,
    externalId: given.externalId ?? id,
    receivedAt: given.receivedAt ?? now,
    assignedAt: given.campaignId === undefined ? undefined : now,
    contactAttempts: [],
    dncStatus: { onNationalRegistry: false, internalDNC: false },
    status: 'new',
    stage: 'new',
    createdAt: now,
    updatedAt: now,
    createdBy: by,
    updatedBy: by,
  }) as Lead;
}

/**
 * What a change makes of the deal of a lead, as `changeLead` does of the rest. Throws Failure `invalid_request` for a deal of
 * a lead that is not converted.
 */
export function changeDeal(
  before: Pick<Lead, 'status' | 'deal'>,
  { status, dealValue }: LeadChange,
  nowMs: number,
): { readonly set: Record<string, unknown>; readonly unset: readonly string[] } {
  if ((status ?? before.status) !== 'converted') {
    if (dealValue !== undefined)
      throw new Failure('invalid_request', 'dealValue: only a lead that is converted has a deal', {
        details: { fields: { dealValue: 'only a lead that is converted has a deal' } },
      });
    return { set: {}, unset: before.deal ? ['deal'] : [] };
  }
  const closes = (status === 'converted' || dealValue !== undefined) && !before.deal;
  return {
    set: {
      ...(dealValue === undefined ? {} : { 'deal.value': dealValue }),
      ...(closes ? { 'deal.closedAt': new Date(nowMs) } : {}),
    },
    unset: [],
  };
}

/**
 * The change of a lead as fields to set and fields to remove (dotted paths), so that a change of one field never writes
 * back another that somebody else has changed meanwhile. Throws Failure `invalid_request` as `newLead`.
 */
export function changeLead(
  input: LeadChange,
  { nowMs, by }: { readonly nowMs: number; readonly by: string },
): { readonly set: Record<string, unknown>; readonly unset: readonly string[] } {
  const { contact, dealValue: _, ...given } = parseInput(LeadChangeInput, input);
  const set: Record<string, unknown> = { updatedAt: new Date(nowMs), updatedBy: by };
  const unset: string[] = [];
  const put = (path: string, value: unknown): void => {
    if (value === null) unset.push(path);
    else if (value !== undefined) set[path] = settled(value);
  };
  for (const [key, value] of Object.entries(given)) put(key, value);
  for (const [key, value] of Object.entries(contact ?? {})) put(`contact.${key}`, value);
  return { set, unset };
}

// ── How far a call brings it ─────────────────────────────────────────────────────────────────────────────────────────

const NOBODY: ReadonlySet<CallOutcome> = new Set(['no_conversation', 'voicemail', 'wrong_number']);
const REFUSED: ReadonlySet<CallOutcome> = new Set(['not_interested', 'opted_out']);

/**
 * The stage a call brings its lead to, and those that come before it: no call sets a lead back. Undefined where nobody, or
 * somebody else, was talked with. That a person refused is told by the status.
 */
export function stageAfter({
  outcome,
  followUpActions,
}: Pick<Call, 'outcome' | 'followUpActions'>):
  | { readonly to: LeadStage; readonly from: readonly LeadStage[] }
  | undefined {
  if (outcome === undefined || NOBODY.has(outcome)) return undefined;
  const isVisit = !REFUSED.has(outcome) && followUpActions.some(({ type }) => type === 'site_visit');
  const to = isVisit ? 'site_visit' : outcome === 'qualified' ? 'qualified' : 'contacted';
  return { to, from: LEAD_STAGES.slice(0, LEAD_STAGES.indexOf(to)) };
}

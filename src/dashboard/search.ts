/** dashboard/search: what the address bar may say about a page. Unknown words are as if they were not there. */
import {
  CallOutcome,
  CallStatus,
  Direction,
  DncScope,
  Id,
  Instant,
  LeadStatus,
  Reason,
  Verdict,
} from '../contract/index.ts';
import type { CallFilter, LeadFilter } from './api.ts';

type Unread = Readonly<Record<string, unknown>>;

/** Without what is undefined: an absent filter is a missing member. */
function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

const MAX_SEARCH = 100;
/** The router reads a number in the address as one; people search for numbers too. */
const text = (value: unknown, max = MAX_SEARCH): string | undefined =>
  String(value ?? '')
    .trim()
    .slice(0, max) || undefined;

export type CallSearch = Pick<CallFilter, 'status' | 'direction' | 'outcome'>;
export const readCallSearch = (search: Unread): CallSearch =>
  present({
    status: CallStatus.safeParse(search.status).data,
    direction: Direction.safeParse(search.direction).data,
    outcome: CallOutcome.safeParse(search.outcome).data,
  });

export type LeadSearch = Pick<LeadFilter, 'search' | 'status'>;
export const readLeadSearch = (search: Unread): LeadSearch =>
  present({
    search: text(search.search),
    status: LeadStatus.safeParse(search.status).data,
  });

export const readSignInSearch = (search: Unread): { token?: string } =>
  present({ token: search.token === undefined ? undefined : String(search.token) });

/** A lead, or a number as people write it; the contract takes up to 40 characters of one. */
export type PersonSearch = { lead?: string; phone?: string };
const MAX_PHONE = 40;
export function readPersonSearch(search: Unread): PersonSearch {
  const lead = Id.safeParse(search.lead).data;
  return lead === undefined ? present({ phone: text(search.phone, MAX_PHONE) }) : { lead };
}

export type SimulatorSearch = PersonSearch & { campaign?: string; at?: string };
export const readSimulatorSearch = (search: Unread): SimulatorSearch => ({
  ...readPersonSearch(search),
  ...present({
    campaign: Id.safeParse(search.campaign).data,
    at: Instant.safeParse(search.at).data,
  }),
});

/** `erase`: the number of somebody who asked to be forgotten. */
export type RetentionSearch = { erase?: string };
export const readRetentionSearch = (search: Unread): RetentionSearch =>
  present({ erase: text(search.erase, MAX_PHONE) });

const day = (value: unknown): string | undefined => {
  const written = text(value);
  return written !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(written) ? written : undefined;
};

/** `from` and `to` are days, both included; `open` is the call whose decision is looked at. */
export type DecisionSearch = {
  verdict?: 'allow' | 'deny';
  reason?: Reason;
  phone?: string;
  lead?: string;
  campaign?: string;
  from?: string;
  to?: string;
  open?: string;
};
export const readDecisionSearch = (search: Unread): DecisionSearch =>
  present({
    verdict: Verdict.safeParse(search.verdict).data,
    reason: Reason.safeParse(search.reason).data,
    phone: text(search.phone, MAX_PHONE),
    lead: Id.safeParse(search.lead).data,
    campaign: Id.safeParse(search.campaign).data,
    from: day(search.from),
    to: day(search.to),
    open: Id.safeParse(search.open).data,
  });

export type DncSearch = {
  scope?: 'national' | 'state' | 'internal' | 'litigator' | 'reassigned';
  phone?: string;
};
export const readDncSearch = (search: Unread): DncSearch =>
  present({ scope: DncScope.safeParse(search.scope).data, phone: text(search.phone, MAX_PHONE) });

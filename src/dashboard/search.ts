/** dashboard/search: what the address bar may say about a page. Unknown words are as if they were not there. */
import {
  CallOutcome,
  CallReview,
  CallStatus,
  CampaignStatus,
  Direction,
  DncScope,
  EnrollmentQuery,
  EnrollmentStage,
  Id,
  Instant,
  LeadStatus,
  Reason,
  Verdict,
} from '../contract/index.ts';
import type { CallFilter, CampaignFilter, EnrollmentFilter, LeadFilter } from './api.ts';

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

/** `from` and `to` are days, both included; `text` is what was said. */
export type CallSearch = Pick<
  CallFilter,
  'status' | 'direction' | 'outcome' | 'campaignId' | 'phone' | 'review' | 'tag'
> & { text?: string; from?: string; to?: string };
export const readCallSearch = (search: Unread): CallSearch =>
  present({
    status: CallStatus.safeParse(search.status).data,
    direction: Direction.safeParse(search.direction).data,
    outcome: CallOutcome.safeParse(search.outcome).data,
    campaignId: Id.safeParse(search.campaignId).data,
    phone: text(search.phone, MAX_PHONE),
    review: CallReview.shape.status.safeParse(search.review).data,
    tag: text(search.tag, 40),
    text: text(search.text, 200),
    from: day(search.from),
    to: day(search.to),
  });

/** `t`: the second that is looked at. */
export type MomentSearch = { t?: number };
export const readMomentSearch = (search: Unread): MomentSearch => {
  const sec = Number(search.t ?? Number.NaN);
  return present({ t: Number.isFinite(sec) && sec >= 0 ? Math.floor(sec) : undefined });
};

export type LeadSearch = Pick<LeadFilter, 'search' | 'status' | 'campaignId'>;
export const readLeadSearch = (search: Unread): LeadSearch =>
  present({
    search: text(search.search),
    status: LeadStatus.safeParse(search.status).data,
    campaignId: Id.safeParse(search.campaignId).data,
  });

export type CampaignSearch = Pick<CampaignFilter, 'status'>;
export const readCampaignSearch = (search: Unread): CampaignSearch =>
  present({ status: CampaignStatus.safeParse(search.status).data });

export type EnrollmentSearch = Pick<EnrollmentFilter, 'stage' | 'state' | 'waiting'>;
export const readEnrollmentSearch = (search: Unread): EnrollmentSearch =>
  present({
    stage: EnrollmentStage.safeParse(search.stage).data,
    state: EnrollmentQuery.shape.state.safeParse(search.state).data,
    waiting: text(search.waiting, 60),
  });

/** `open`: the template that is looked at; `new`: one is being written. */
export type TemplateSearch = { open?: string; new?: true };
export const readTemplateSearch = (search: Unread): TemplateSearch => {
  const open = text(search.open, 60);
  return open === undefined
    ? present({ new: search.new === undefined ? undefined : (true as const) })
    : { open };
};

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

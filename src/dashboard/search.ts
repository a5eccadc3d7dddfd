/** dashboard/search: what the address bar may say about a page. Unknown words are as if they were not there. */
import {
  CallOutcome,
  CallQuery,
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
import { type OverviewRange, RANGES } from './overview/range.ts';

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

/** `call`: the one that is opened. */
export type WallSearch = { call?: string; first?: 'need' };
export const readWallSearch = (search: Unread): WallSearch =>
  present({
    call: Id.safeParse(search.call).data,
    first: search.first === 'need' ? ('need' as const) : undefined,
  });

/** `from` and `to` are days, both included; `text` is what was said. */
export type CallSearch = Pick<
  CallFilter,
  | 'status'
  | 'direction'
  | 'outcome'
  | 'campaignId'
  | 'phone'
  | 'mood'
  | 'review'
  | 'tag'
  | 'assignedTo'
  | 'promptHash'
> & { text?: string; minCost?: string; maxCost?: string; from?: string; to?: string };
export const readCallSearch = (search: Unread): CallSearch =>
  present({
    status: CallStatus.safeParse(search.status).data,
    direction: Direction.safeParse(search.direction).data,
    outcome: CallOutcome.safeParse(search.outcome).data,
    campaignId: Id.safeParse(search.campaignId).data,
    phone: text(search.phone, MAX_PHONE),
    mood: CallQuery.shape.mood.safeParse(search.mood).data,
    review: CallReview.shape.status.safeParse(search.review).data,
    tag: text(search.tag, 40),
    assignedTo: CallQuery.shape.assignedTo.safeParse(search.assignedTo).data,
    promptHash: CallQuery.shape.promptHash.safeParse(search.promptHash).data,
    minCost: dollars(search.minCost),
    maxCost: dollars(search.maxCost),
    text: text(search.text, 200),
    from: day(search.from),
    to: day(search.to),
  });

/** US dollars as somebody wrote them, if the API takes them so. */
const dollars = (value: unknown): string | undefined => {
  const written = text(value);
  return CallQuery.shape.minCost.safeParse(written).success ? written : undefined;
};

export function readOverviewSearch(search: Unread): OverviewRange {
  const range = RANGES.find((each) => each === search.range);
  return range === 'own'
    ? present({ range, from: day(search.from), to: day(search.to) })
    : present({ range });
}

/** `t`: the second that is looked at. */
export type MomentSearch = { t?: number };
export const readMomentSearch = (search: Unread): MomentSearch => {
  const sec = Number(search.t ?? Number.NaN);
  return present({ t: Number.isFinite(sec) && sec >= 0 ? Math.floor(sec) : undefined });
};

/** `from` and `to` are the days on which they were received, both included. */
export type LeadSearch = Pick<LeadFilter, 'search' | 'status' | 'campaignId'> & {
  from?: string;
  to?: string;
};
export const readLeadSearch = (search: Unread): LeadSearch =>
  present({
    search: text(search.search),
    status: LeadStatus.safeParse(search.status).data,
    campaignId: Id.safeParse(search.campaignId).data,
    from: day(search.from),
    to: day(search.to),
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

/** `new`: an entry is being written. */
export type KnowledgeSearch = { new?: true };
export const readKnowledgeSearch = (search: Unread): KnowledgeSearch =>
  present({ new: search.new === undefined ? undefined : (true as const) });

/** Without a state, those that wait for somebody. */
export type ProposalSearch = { state?: 'accepted' | 'rejected' };
export const readProposalSearch = (search: Unread): ProposalSearch =>
  present({
    state:
      search.state === 'accepted' || search.state === 'rejected'
        ? (search.state as 'accepted' | 'rejected')
        : undefined,
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

/** `from` and `to` are the days on which they were listed, both included. */
export type DncSearch = {
  scope?: 'national' | 'state' | 'internal' | 'litigator' | 'reassigned';
  phone?: string;
  from?: string;
  to?: string;
};
export const readDncSearch = (search: Unread): DncSearch =>
  present({
    scope: DncScope.safeParse(search.scope).data,
    phone: text(search.phone, MAX_PHONE),
    from: day(search.from),
    to: day(search.to),
  });

/** dashboard/search: what the address bar may say about a list. Unknown words are as if they were not there. */
import { CallOutcome, CallStatus, Direction, LeadStatus } from '../contract/index.ts';
import type { CallFilter, LeadFilter } from './api.ts';

type Unread = Readonly<Record<string, unknown>>;

/** Without what is undefined: an absent filter is a missing member. */
function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

export type CallSearch = Pick<CallFilter, 'status' | 'direction' | 'outcome'>;
export const readCallSearch = (search: Unread): CallSearch =>
  present({
    status: CallStatus.safeParse(search.status).data,
    direction: Direction.safeParse(search.direction).data,
    outcome: CallOutcome.safeParse(search.outcome).data,
  });

const MAX_SEARCH = 100;

export type LeadSearch = Pick<LeadFilter, 'search' | 'status'>;
export const readLeadSearch = (search: Unread): LeadSearch =>
  present({
    // The router reads a number in the address as one; people search for street numbers too.
    search:
      String(search.search ?? '')
        .trim()
        .slice(0, MAX_SEARCH) || undefined,
    status: LeadStatus.safeParse(search.status).data,
  });

export const readSignInSearch = (search: Unread): { token?: string } =>
  present({ token: search.token === undefined ? undefined : String(search.token) });

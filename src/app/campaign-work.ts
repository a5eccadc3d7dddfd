/** app/campaign-work: how a campaign stands at this moment, and where each of its leads does. Reads only. */
import {
  type Ending,
  type Enrollment,
  FIRST_CONTACT_SECONDS,
  nextInWords,
  type Stage,
} from '../domain/campaign.ts';
import { standingOf } from '../domain/campaign-hours.ts';
import type { Campaign, Lead } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import type { createCampaignUse } from './campaign-use.ts';
import { type Page, page } from './paging.ts';
import type { Clock, Filter, Store } from './ports.ts';

export type StoppedBy =
  | 'not_started'
  | 'hours'
  | 'budget'
  | 'day_limit'
  | 'lines'
  | 'not_active'
  | 'database'
  | 'over';

export interface CampaignWork {
  readonly campaignId: string;
  readonly at: Date;
  readonly says: string;
  readonly stoppedBy?: StoppedBy;
  readonly resumesAt?: Date;
  readonly counts: {
    readonly enrolled: number;
    readonly due: number;
    readonly working: number;
    readonly scheduled: number;
    readonly waiting: number;
    readonly ended: Partial<Record<Ending, number>>;
  };
  readonly waiting: readonly {
    readonly reason: string;
    readonly explanation: string;
    readonly leads: number;
    readonly from?: Date;
  }[];
  readonly today: {
    readonly calls: number;
    readonly leads: number;
    readonly messages: number;
    readonly spent: number;
  };
  readonly spent: number;
  readonly lines: { readonly used: number; readonly ofCampaign: number; readonly free: number };
  readonly firstContact?: { readonly medianSec: number; readonly withinGoal: number };
}

/** An enrollment as people see it. */
export type EnrollmentView = Enrollment & { readonly leadName: string; readonly next?: string };

export interface EnrollmentQuery {
  readonly stage?: Stage;
  readonly leadId?: string;
  /** The reason for which it waits. */
  readonly waiting?: string;
  /** `due`: its step may be taken now; `working`: a call of it is under way. */
  readonly state?: 'due' | 'working' | 'waiting';
  readonly limit?: number;
  readonly cursor?: string;
}

export interface CampaignWorkDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly figuresOf: ReturnType<typeof createCampaignUse>['figuresOf'];
  readonly linesFree: () => number;
  readonly linesOf: (campaignId: string) => number;
  /** Why none of its calls begins though it may work, as far as this process met it. */
  readonly barredOf: (
    campaignId: string,
  ) => { readonly by: 'day_limit' | 'not_active'; readonly untilMs: number } | undefined;
}

/** Counting a large campaign takes a while: it is counted again when it has rested for so many times as long. */
const REST = 10;
const LAST_FIRST_CALLS = 100;
const NEVER = new Date(8.64e15);

interface Group {
  readonly state: 'due' | 'working' | 'scheduled' | 'waiting' | 'ended';
  readonly why?: string;
  readonly leads: number;
  readonly explanation?: string;
  readonly from?: Date;
}

export function createCampaignWork(deps: CampaignWorkDeps) {
  const { store, clock } = deps;
  const enrollments = store.collection('enrollments');
  const counted = new Map<string, { readonly groups: Promise<Group[]>; untilMs: number }>();

  async function campaignOf(campaignId: string): Promise<Campaign> {
    const campaign = await store.collection('campaigns').get(campaignId);
    if (!campaign)
      throw new Failure('campaign_not_found', 'there is no such campaign', { details: { id: campaignId } });
    return campaign;
  }

  function groupsOf(campaignId: string): Promise<Group[]> {
    const beganMs = clock.steadyMs();
    const known = counted.get(campaignId);
    if (known && beganMs < known.untilMs) return known.groups;
    const entry = { groups: count(campaignId), untilMs: Number.POSITIVE_INFINITY };
    counted.set(campaignId, entry);
    const rest = (): void => {
      entry.untilMs = clock.steadyMs() + REST * (clock.steadyMs() - beganMs);
    };
    entry.groups.then(rest, () => counted.delete(campaignId));
    return entry.groups;
  }

  /** One pass over the enrollments of a campaign. */
  async function count(campaignId: string): Promise<Group[]> {
    const now = new Date(clock.nowMs());
    const rows = await enrollments.aggregate([
      { $match: { campaignId } },
      {
        $group: {
          _id: {
            ended: '$ended.why',
            waiting: '$waiting.reason',
            working: { $ne: [{ $ifNull: ['$working.id', ''] }, ''] },
            due: { $lte: [{ $ifNull: ['$dueAt', NEVER] }, now] },
          },
          leads: { $sum: 1 },
          explanation: { $max: '$waiting.explanation' },
          from: { $min: '$waiting.until' },
        },
      },
    ]);
    return rows.map(groupOf);
  }

  /** How a campaign stands. Throws Failure `campaign_not_found`. */
  async function work(campaignId: string): Promise<CampaignWork> {
    const campaign = await campaignOf(campaignId);
    const [groups, { today, total }, firstContact] = await Promise.all([
      groupsOf(campaignId),
      deps.figuresOf(campaign),
      firstContactOf(campaign),
    ]);
    const nowMs = clock.nowMs();
    const sum = (state: Group['state']): number =>
      groups.reduce((leads, group) => leads + (group.state === state ? group.leads : 0), 0);
    const ended: Partial<Record<Ending, number>> = {};
    for (const { state, why, leads } of groups)
      if (state === 'ended') ended[why as Ending] = (ended[why as Ending] ?? 0) + leads;
    const stop = stopOf(campaign, nowMs, sum('due'));
    return {
      campaignId,
      at: new Date(nowMs),
      says: saysOf(campaign, stop, sum('due'), sum('working')),
      ...(stop === undefined ? {} : { stoppedBy: stop.by }),
      ...(stop?.untilMs === undefined ? {} : { resumesAt: new Date(stop.untilMs) }),
      counts: {
        enrolled: groups.reduce((leads, group) => leads + group.leads, 0),
        due: sum('due'),
        working: sum('working'),
        scheduled: sum('scheduled'),
        waiting: sum('waiting'),
        ended,
      },
      waiting: waitingOf(groups),
      today: { calls: today.calls, leads: today.leads, messages: today.messages, spent: cents(today.spent) },
      spent: cents(total.spent),
      lines: {
        used: deps.linesOf(campaignId),
        ofCampaign:
          campaign.pacing?.maxConcurrentCalls ?? Math.max(0, deps.linesFree()) + deps.linesOf(campaignId),
        free: Math.max(0, deps.linesFree()),
      },
      ...(firstContact === undefined ? {} : { firstContact }),
    };
  }

  interface Stop {
    readonly by: StoppedBy;
    readonly untilMs?: number;
  }

  function stopOf(campaign: Campaign, nowMs: number, due: number): Stop | undefined {
    const standing = standingOf(campaign, nowMs);
    if (standing.kind === 'not_active')
      return { by: campaign.hold?.code === 'budget' ? 'budget' : 'not_active' };
    if (standing.kind === 'over') return { by: 'over' };
    if (store.outage && store.outage.state !== 'up') return { by: 'database' };
    if (standing.kind !== 'works')
      return { by: standing.kind, ...(standing.untilMs === undefined ? {} : { untilMs: standing.untilMs }) };
    const barred = deps.barredOf(campaign._id);
    if (barred) return barred;
    return due > 0 && deps.linesFree() <= 0 ? { by: 'lines' } : undefined;
  }

  function saysOf(campaign: Campaign, stop: Stop | undefined, due: number, working: number): string {
    const until = stop?.untilMs === undefined ? '' : ` until ${when(campaign, stop.untilMs)}`;
    switch (stop?.by) {
      case undefined:
        if (working > 0)
          return working === 1 ? 'Is in one call' : `Is in ${working.toLocaleString('en-US')} calls`;
        return due > 0 ? 'Begins what is due' : 'Nothing is due at this moment';
      case 'over':
        return 'Is over';
      case 'not_active':
        if (campaign.hold) return campaign.hold.says;
        if (campaign.status === 'active' && !campaign.workflow)
          return 'Has no workflow: nobody is called by itself';
        return campaign.status === 'active' ? `All calls are stopped` : `Is ${campaign.status}`;
      case 'not_started':
        return `Waits for its first day${until}`;
      case 'hours':
        return `Waits for its hours${until}`;
      case 'budget':
        return campaign.hold?.says ?? 'Its budget is spent';
      case 'day_limit':
        return `Has reached what it may do in a day; goes on ${until === '' ? 'tomorrow' : `from ${until.slice(7)}`}`;
      case 'lines':
        return 'Waits for a free line';
      case 'database':
        return 'Waits for the database';
    }
  }

  async function firstContactOf(campaign: Campaign): Promise<CampaignWork['firstContact']> {
    const last = await store.collection('calls').find({
      filter: { campaignId: campaign._id, dialedAt: { $exists: true } },
      sort: { initiatedAt: -1 },
      limit: LAST_FIRST_CALLS,
    });
    const leadIds = [...new Set(last.flatMap(({ leadId }) => leadId ?? []))];
    if (leadIds.length === 0) return undefined;
    const called = await enrollments.find({
      filter: { campaignId: campaign._id, leadId: { $in: leadIds }, firstCalledAt: { $exists: true } },
    });
    // A lead that was there before the campaign began came to it then.
    const beganMs = campaign.startedAt?.getTime() ?? 0;
    const seconds = called
      .flatMap(({ receivedAt, firstCalledAt }) =>
        firstCalledAt ? [(firstCalledAt.getTime() - Math.max(beganMs, receivedAt.getTime())) / 1_000] : [],
      )
      .sort((a, b) => a - b);
    if (seconds.length === 0) return undefined;
    const goal = FIRST_CONTACT_SECONDS[campaign.workflow?.initialContact.timing ?? 'immediately'];
    return {
      medianSec: Math.round((seconds[seconds.length >> 1] ?? 0) * 10) / 10,
      withinGoal: seconds.filter((each) => each <= Math.max(goal, AT_ONCE_SEC)).length / seconds.length,
    };
  }

  /** The newest leads first. Throws Failure `campaign_not_found`, `invalid_request`. */
  async function list(campaignId: string, query: EnrollmentQuery): Promise<Page<EnrollmentView>> {
    const { workflow } = await campaignOf(campaignId);
    const { stage, leadId, waiting, state, limit, cursor } = query;
    const filter: Filter = {
      campaignId,
      ...(stage === undefined ? {} : { stage }),
      ...(waiting === undefined ? {} : { 'waiting.reason': waiting }),
      ...(state === undefined ? {} : stateFilter(state, new Date(clock.nowMs()))),
      ...(leadId === undefined ? {} : { leadId }),
    };
    const found = await page(enrollments, {
      filter: state === 'due' ? { $and: [filter, { working: { $exists: false } }] } : filter,
      sort: { field: 'leadId', direction: -1 },
      ...(limit === undefined ? {} : { limit }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    const leads = await store
      .collection('leads')
      .find({ filter: { _id: { $in: found.items.map((each) => each.leadId) } } });
    const names = new Map(leads.map((lead) => [lead._id, nameOf(lead)]));
    const items = found.items.map((each): EnrollmentView => {
      const next = nextInWords(workflow, each);
      return { ...each, leadName: names.get(each.leadId) ?? '', ...(next === undefined ? {} : { next }) };
    });
    return { ...found, items };
  }

  return { work, enrollments: list };
}

/** "Immediately" is measured as this, seconds. */
const AT_ONCE_SEC = 60;
const cents = (dollars: number): number => Math.round(dollars * 100) / 100;
const nameOf = ({ contact }: Lead): string => `${contact.firstName} ${contact.lastName}`.trim();

const STATE_FILTERS = {
  working: { 'working.id': { $gt: '' } },
  waiting: { 'waiting.reason': { $exists: true } },
} as const;

const stateFilter = (state: NonNullable<EnrollmentQuery['state']>, now: Date): Filter =>
  state === 'due' ? { dueAt: { $lte: now } } : STATE_FILTERS[state];

function groupOf(row: Record<string, unknown>): Group {
  const { ended, waiting, working, due } = row._id as {
    ended?: string | null;
    waiting?: string | null;
    working: boolean;
    due: boolean;
  };
  const { leads, explanation, from } = row as {
    leads: number;
    explanation?: string | null;
    from?: Date | null;
  };
  const why = ended ?? waiting ?? undefined;
  return {
    state: ended ? 'ended' : working ? 'working' : waiting ? 'waiting' : due ? 'due' : 'scheduled',
    leads,
    ...(why === undefined ? {} : { why }),
    ...(explanation ? { explanation } : {}),
    ...(from ? { from } : {}),
  };
}

/** By reason, most leads first. */
function waitingOf(groups: readonly Group[]): CampaignWork['waiting'] {
  const byReason = new Map<string, { explanation: string; leads: number; from?: Date }>();
  for (const { state, why = '', leads, explanation = '', from } of groups) {
    if (state !== 'waiting') continue;
    const known = byReason.get(why);
    const first = known?.from === undefined || (from && from < known.from) ? from : known.from;
    byReason.set(why, {
      explanation: known?.explanation ?? explanation,
      leads: (known?.leads ?? 0) + leads,
      ...(first === undefined ? {} : { from: first }),
    });
  }
  return [...byReason].map(([reason, rest]) => ({ reason, ...rest })).sort((a, b) => b.leads - a.leads);
}

/** "Mon 9:00 am", on the campaign's clock. */
function when({ schedule }: Campaign, atMs: number): string {
  return new Date(atMs).toLocaleString('en-US', {
    timeZone: schedule?.callingHours?.timezone ?? 'UTC',
    weekday: 'short',
    hour: 'numeric',
    minute: '2-digit',
    timeZoneName: 'short',
  });
}

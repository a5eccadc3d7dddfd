/**
 * test/simulation/campaign-checker: what campaigns promise, checked from the outside on every dial. It knows the rules of the
 * campaigns and what rang when, and shares no code with the engine: hours come from Intl, sums are added up here.
 */
import type { Budget, Pacing, Schedule, Workflow } from '../../src/domain/campaign.ts';

export interface CampaignRules {
  readonly status: string;
  readonly schedule?: Schedule;
  readonly budget?: Budget;
  readonly pacing?: Pacing;
  readonly workflow?: Workflow;
}

export interface Dialled {
  readonly call: string;
  /** What the try is known by: it is made once. */
  readonly key: string;
  readonly lead: string;
  readonly campaign: string;
  readonly person: string;
  /** The clock of the person. */
  readonly zone: string;
  /** The person must not be called at all. */
  readonly barred: boolean;
  readonly at: number;
  readonly tookSec: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
/** Shares are told of campaigns that wanted lines at least so long while another did. */
const LEAST_WANTED_SEC = 4_000;

interface Wall {
  readonly day: string;
  readonly weekday: string;
  readonly time: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** Of every zone, what was asked last: many calls are made in one minute. */
const shown = new Map<string, { readonly minute: number; readonly wall: Wall }>();
function wall(zone: string, at: number): Wall {
  const minute = Math.floor(at / MINUTE);
  const last = shown.get(zone);
  if (last?.minute === minute) return last.wall;
  const fresh = askedOf(zone, at);
  shown.set(zone, { minute, wall: fresh });
  return fresh;
}

function askedOf(zone: string, at: number): Wall {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      weekday: 'long',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  return {
    day: `${parts.year}-${parts.month}-${parts.day}`,
    weekday: String(parts.weekday).toLowerCase(),
    time: `${parts.hour}:${parts.minute}`,
  };
}

function opens({ schedule }: CampaignRules, at: number): boolean {
  if (schedule?.startDate && at < schedule.startDate.getTime()) return false;
  if (schedule?.endDate && at >= schedule.endDate.getTime()) return false;
  const hours = schedule?.callingHours;
  if (!hours) return true;
  const { weekday, time } = wall(hours.timezone, at);
  const day = WEEKDAYS.find((name) => name === weekday);
  const open = day && hours[day];
  return open !== null && open !== undefined && time >= open.start && time < open.end;
}

export function createCampaignChecker(house: { readonly lines: number; readonly callsPerSecond: number }) {
  const violations: string[] = [];
  const rules = new Map<string, CampaignRules>();
  const goals = new Map<string, string>();
  const keys = new Map<string, string>();
  const messageKeys = new Set<string>();
  const open = new Map<string, Dialled>();
  const openOf = new Map<string, Set<string>>();
  const personsInCall = new Map<string, string>();
  const stopped = new Set<string>();
  const dialsOf = new Map<string, { readonly at: number; readonly day: string }[]>();
  const callsOfLead = new Map<string, number>();
  const daysOf = new Map<string, { calls: number; leads: number }>();
  const spent = new Map<string, number>();
  const lastDial = new Map<string, number>();
  const recent: number[] = [];
  /** Line seconds of each campaign since the last sample, and what came of all samples. */
  let since = new Map<string, number>();
  let wanted = new Map<string, boolean>();
  const got = new Map<string, number>();
  const fair = new Map<string, number>();
  let dials = 0;

  const broken = (what: string, { call, campaign, lead, at }: Dialled): void => {
    if (violations.length < 1_000)
      violations.push(
        `${new Date(at).toISOString()} call ${call} of lead ${lead}, campaign ${campaign}: ${what}`,
      );
  };

  function dialled(dial: Dialled): void {
    const { campaign, lead, person, at, key } = dial;
    const own = rules.get(campaign);
    if (!own) return broken('nobody knows its campaign', dial);
    dials += 1;
    const twin = keys.get(key);
    if (twin !== undefined) broken(`the same try was made by call ${twin}`, dial);
    keys.set(key, dial.call);
    if (goals.get(lead) !== campaign) broken('the lead belongs to another campaign', dial);
    if (dial.barred) broken('this person must not be called', dial);
    if (stopped.has(person)) broken('this person said stop', dial);
    const other = personsInCall.get(person);
    if (other !== undefined) broken(`call ${other} to this person is not over`, dial);
    personsInCall.set(person, dial.call);

    if (own.status !== 'active') broken(`its campaign is ${own.status}`, dial);
    if (!opens(own, at)) broken('outside the hours or days of its campaign', dial);
    const { time } = wall(dial.zone, at);
    if (time < '08:00' || time >= '21:00') broken(`it is ${time} there`, dial);

    frequency(dial);
    limits(dial, own);
    open.set(dial.call, dial);
    since.set(campaign, (since.get(campaign) ?? 0) + dial.tookSec);
    const mine = openOf.get(campaign) ?? new Set();
    openOf.set(campaign, mine.add(dial.call));
    if (open.size > house.lines) broken(`${open.size} lines in use of ${house.lines}`, dial);
    const most = own.pacing?.maxConcurrentCalls;
    if (most !== undefined && mine.size > most) broken(`${mine.size} calls at once, ${most} allowed`, dial);
    recent.push(at);
    while ((recent[0] ?? at) <= at - 10_000) recent.shift();
    if (recent.length > 10 * house.callsPerSecond + 1) broken(`${recent.length} calls in 10 s`, dial);
    const pace = own.pacing?.callsPerSecond;
    const last = lastDial.get(campaign);
    if (pace !== undefined && last !== undefined && at - last < 1_000 / pace - 1)
      broken(`${at - last} ms behind the last, ${pace} a second allowed`, dial);
    lastDial.set(campaign, at);
  }

  function frequency(dial: Dialled): void {
    const { person, at, zone } = dial;
    const before = dialsOf.get(person) ?? [];
    const within = (ms: number): number => before.filter((each) => each.at > at - ms).length;
    if (within(120 * MINUTE) > 0) broken('less than two hours since the last call', dial);
    if (within(DAY) >= 3) broken('three calls in 24 hours already', dial);
    if (within(7 * DAY) >= 6) broken('six calls in 7 days already', dial);
    if (within(30 * DAY) >= 8) broken('eight calls in 30 days already', dial);
    const today = wall(zone, at).day;
    if (before.filter(({ day }) => day === today).length >= 2) broken('two calls on this day already', dial);
    before.push({ at, day: today });
    dialsOf.set(person, before);
  }

  function limits(dial: Dialled, { budget = {}, schedule, workflow }: CampaignRules): void {
    const { campaign, lead, at } = dial;
    const made = (callsOfLead.get(lead) ?? 0) + 1;
    callsOfLead.set(lead, made);
    // Every call but the first may be followed by an agreed one, and its tries.
    const most = (workflow?.initialContact.maxAttempts ?? 0) + (workflow?.followUp.length ?? 0) + 30;
    if (made > most) broken(`${made} calls to one lead`, dial);
    const day = `${campaign} ${wall(schedule?.callingHours?.timezone ?? 'UTC', at).day}`;
    const today = daysOf.get(day) ?? { calls: 0, leads: 0 };
    today.calls += 1;
    if (made === 1) today.leads += 1;
    daysOf.set(day, today);
    if (today.calls > (budget.maxCallsPerDay ?? Number.POSITIVE_INFINITY))
      broken(`${today.calls} calls on ${day}`, dial);
    if (today.leads > (budget.maxLeadsPerDay ?? Number.POSITIVE_INFINITY))
      broken(`${today.leads} new leads on ${day}`, dial);
    const now = (spent.get(campaign) ?? 0) + (budget.costPerCall ?? 0);
    spent.set(campaign, now);
    if (now > (budget.totalBudget ?? Number.POSITIVE_INFINITY) + 0.001)
      broken(`$${now.toFixed(2)} spent or reckoned of $${budget.totalBudget}`, dial);
  }

  /** Nothing but the lines limits it at this moment. */
  function mayWant(id: string, at: number): boolean {
    const own = rules.get(id);
    const isLimited =
      own?.pacing !== undefined ||
      own?.budget?.maxCallsPerDay !== undefined ||
      own?.budget?.maxLeadsPerDay !== undefined;
    return own?.status === 'active' && !isLimited && opens(own, at);
  }

  return {
    violations: violations as readonly string[],
    get dials(): number {
      return dials;
    },
    goalOf: (lead: string): string | undefined => goals.get(lead),
    campaign: (id: string, known: CampaignRules): void => void rules.set(id, known),
    lead: ({ lead, campaign }: { readonly lead: string; readonly campaign: string }): void =>
      void goals.set(lead, campaign),
    dialled,
    over(call: string, cost: number): void {
      const dial = open.get(call);
      if (!dial) return;
      open.delete(call);
      openOf.get(dial.campaign)?.delete(call);
      personsInCall.delete(dial.person);
      const reckoned = rules.get(dial.campaign)?.budget?.costPerCall ?? 0;
      spent.set(dial.campaign, (spent.get(dial.campaign) ?? 0) + cost - reckoned);
    },
    optedOut: (person: string): void => void stopped.add(person),
    messaged(message: {
      readonly key: string;
      readonly campaign: string;
      readonly person: string;
      readonly at: number;
    }): void {
      const { key, campaign, person, at } = message;
      const of = `message ${key} of campaign ${campaign}`;
      if (messageKeys.has(key)) violations.push(`${of}: sent twice`);
      messageKeys.add(key);
      if (stopped.has(person)) violations.push(`${of}: this person said stop`);
      const own = rules.get(campaign);
      if (own?.status !== 'active') violations.push(`${of}: its campaign is ${own?.status}`);
      if (own && !opens(own, at)) violations.push(`${of}: outside the hours or days of its campaign`);
    },
    mayWant,
    /** What happened since the last sample counts for those that wanted lines at both. `backlogs`: who has work that waits. */
    sample(at: number, backlogs: ReadonlyMap<string, boolean>): void {
      const wants = (id: string): boolean => mayWant(id, at) && (backlogs.get(id) ?? false);
      const now = new Map([...rules.keys()].map((id) => [id, wants(id)]));
      const steady = [...now].filter(([id, want]) => want && wanted.get(id)).map(([id]) => id);
      if (open.size < house.lines)
        for (const id of steady)
          if ((since.get(id) ?? 0) === 0 && violations.length < 1_000)
            violations.push(
              `${new Date(at).toISOString()} campaign ${id}: its work waits though lines are free`,
            );
      if (steady.length > 1) {
        const total = steady.reduce((sum, id) => sum + (since.get(id) ?? 0), 0);
        for (const id of steady) {
          got.set(id, (got.get(id) ?? 0) + (since.get(id) ?? 0));
          fair.set(id, (fair.get(id) ?? 0) + total / steady.length);
        }
      }
      wanted = now;
      since = new Map();
    },
    shares: (): number[] =>
      [...fair]
        .filter(([, seconds]) => seconds >= LEAST_WANTED_SEC)
        .map(([id, seconds]) => (got.get(id) ?? 0) / seconds),
  };
}

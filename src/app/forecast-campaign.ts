/**
 * app/forecast-campaign: what would come of a campaign that were started now. The gate itself is asked about every lead that
 * it has or would take, nothing reserved and nothing written, and the pace is lived through in numbers. It goes on in the
 * background, a few milliseconds at a time; what it found is kept, so that any process can show it.
 */
import type { Position, Workflow } from '../domain/campaign.ts';
import { dayOf } from '../domain/campaign-hours.ts';
import { assess, decide } from '../domain/compliance/decide.ts';
import { type Facts, type FactsInput, readFacts } from '../domain/compliance/facts.ts';
import { numberKind } from '../domain/compliance/number.ts';
import { whereabouts } from '../domain/compliance/places.ts';
import { type Stretch, windows } from '../domain/compliance/windows.ts';
import { cents, type Rates, talkCost } from '../domain/cost.ts';
import type { Campaign, Lead } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import {
  assumed,
  type Cohort,
  type EndShare,
  type Forecast,
  intersection,
  measure,
  openBySchedule,
  type Pace,
  repeated,
  type Share,
  simulate,
  summaryOf,
} from '../domain/forecast.ts';
import { leadsOf } from './audience.ts';
import type { GatherMany } from './gather-many.ts';
import type { Clock, Log, Store } from './ports.ts';
import { slices } from './slices.ts';

export interface ForecastDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly gatherMany: GatherMany;
  readonly ratesOf: () => Promise<Rates>;
  readonly maxConcurrentCalls: number;
  readonly callsPerSecond: number;
  readonly inboundReserve: number;
  readonly shutdown: AbortSignal;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** The hours of the gate and of the schedule are looked up for so long, and each later week is taken to be as the last of them. */
const KNOWN_MS = 28 * DAY_MS;
const HORIZON_MS = 366 * DAY_MS;
/** Leads that may be called from about the same moment on go together. */
const ALIKE_MS = 5 * 60_000;
/** People of one place are judged by so many of them, for one may have a consent that ends soon. */
const SAMPLES = 3;
const MOST_EXAMPLES = 20;
/** The last calls, from which it is told what calls come to. */
const MEASURED = 1_000;
const TELL_EVERY_MS = 1_000;
const STILL_THERE_MS = 10_000;
/** A forecast of which nothing was heard for so long is nobody's any more. */
const SILENT_MS = 60_000;

/** What a campaign without steps of its own comes to: people call each lead once. */
const ONE_CALL: Workflow = {
  initialContact: { method: 'automated_call', timing: 'immediately', maxAttempts: 1, retryDelay: 3_600 },
  followUp: [],
};
const AT_THE_BEGINNING: Position = { stage: 'initial', step: 0, calls: 0 };

type Named<S extends Share> = Omit<S, 'leadIds'> & {
  readonly examples: readonly { readonly leadId: string; readonly name: string }[];
};
/** A forecast with the names of the leads that stand for others. */
export type ForecastShown = Omit<Forecast, 'barred' | 'waiting'> & {
  readonly barred: readonly Named<Share>[];
  readonly waiting: readonly Named<Forecast['waiting'][number]>[];
};

/** People in the same places, whose hours are therefore the same. */
interface Place {
  readonly index: number;
  readonly samples: Facts[];
}

interface Counted {
  readonly reason: string;
  readonly explanation: string;
  leads: number;
  readonly leadIds: string[];
  from?: Date;
}

export function createForecastCampaign(deps: ForecastDeps) {
  const { store, clock, log, shutdown } = deps;
  const campaigns = store.collection('campaigns');
  const kept = store.collection('campaign_forecasts');
  const running = new Map<string, { forecast: Forecast; readonly over: Promise<void> }>();

  async function campaignOf(campaignId: string): Promise<Campaign> {
    const campaign = await campaigns.get(campaignId);
    if (campaign) return campaign;
    throw new Failure('campaign_not_found', 'there is no such campaign', { details: { id: campaignId } });
  }

  /**
   * Begins a forecast, or answers with the one under way. Throws Failure `campaign_not_found`, `shutting_down`. What comes of
   * it is asked for with `get`.
   */
  async function start(campaignId: string): Promise<ForecastShown> {
    if (shutdown.aborted) throw new Failure('shutting_down', 'the service is stopping');
    const campaign = await campaignOf(campaignId);
    const under = running.get(campaignId);
    if (under) return await shown(under.forecast);
    const now = new Date(clock.nowMs());
    const begun: Forecast = {
      _id: campaignId,
      campaignId,
      state: 'running',
      progress: { done: 0, total: 0 },
      startedAt: now,
      summary: 'Asking the gate about every lead …',
      leads: 0,
      callable: 0,
      callableNow: 0,
      barred: [],
      waiting: [],
      curve: [],
      calls: 0,
      limitedBy: 'nothing',
      cost: 0,
      assumptions: [],
      createdAt: now,
      updatedAt: now,
    };
    const entry = { forecast: begun, over: Promise.resolve() };
    running.set(campaignId, entry);
    entry.over = make(campaign, begun, (forecast) => {
      entry.forecast = forecast;
    })
      .catch((error) => fail(entry.forecast, error))
      .finally(() => running.delete(campaignId));
    return await shown(begun);
  }

  async function fail(forecast: Forecast, error: unknown): Promise<void> {
    if (shutdown.aborted) return;
    log.warn({ err: error, campaignId: forecast.campaignId }, 'a forecast could not be made');
    const why = isFailure(error, 'store_unavailable')
      ? 'the database could not be reached'
      : 'the log has the details';
    await keep({ ...forecast, state: 'failed', summary: `The forecast could not be made: ${why}.` }).catch(
      () => undefined,
    );
  }

  async function keep(forecast: Forecast): Promise<Forecast> {
    const told = { ...forecast, updatedAt: new Date(clock.nowMs()) };
    await kept.put(told);
    return told;
  }

  /** The newest forecast, finished or not. Throws Failure `campaign_not_found`, `not_found` when none was made. */
  async function get(campaignId: string): Promise<ForecastShown> {
    const under = running.get(campaignId);
    if (under) return await shown(under.forecast);
    await campaignOf(campaignId);
    const found = await kept.get(campaignId);
    if (!found) throw new Failure('not_found', 'no forecast was made of this campaign yet');
    const silent = clock.nowMs() - found.updatedAt.getTime() > SILENT_MS;
    return await shown(
      found.state === 'running' && silent
        ? {
            ...found,
            state: 'failed',
            summary: 'The service stopped while the forecast was made; ask again.',
          }
        : found,
    );
  }

  async function shown({ barred, waiting, ...forecast }: Forecast): Promise<ForecastShown> {
    const wanted = [...new Set([...barred, ...waiting].flatMap(({ leadIds }) => leadIds))];
    const found =
      wanted.length === 0 ? [] : await store.collection('leads').find({ filter: { _id: { $in: wanted } } });
    const names = new Map(
      found.map(({ _id, contact }) => [_id, `${contact.firstName} ${contact.lastName}`.trim()]),
    );
    const named = <S extends Share>({ leadIds, ...share }: S) => ({
      ...share,
      examples: leadIds.flatMap((leadId) => {
        const name = names.get(leadId);
        return name === undefined ? [] : { leadId, name };
      }),
    });
    return { ...forecast, barred: barred.map(named), waiting: waiting.map(named) };
  }

  async function make(
    campaign: Campaign,
    begun: Forecast,
    tell: (forecast: Forecast) => void,
  ): Promise<void> {
    const nowMs = begun.startedAt.getTime();
    const breathe = slices(clock);
    await keep(begun);
    const asked = await ask(campaign, begun, nowMs, breathe, tell);
    const schedule = campaign.schedule;
    const untilMs = Math.min(nowMs + HORIZON_MS, schedule?.endDate?.getTime() ?? Infinity);
    const beginsMs = Math.max(nowMs, schedule?.startDate?.getTime() ?? nowMs);
    const knownMs = Math.min(untilMs, beginsMs + KNOWN_MS);
    const bySchedule = repeated(openBySchedule(schedule, beginsMs, knownMs), knownMs, untilMs);
    const groups: (readonly Stretch[])[] = [];
    for (const { samples } of asked.places) {
      await breathe();
      shutdown.throwIfAborted();
      groups.push(intersection(await hoursOf(samples, nowMs, untilMs, breathe), bySchedule));
    }
    const { ends, says } = await endsOf(campaign);
    const { pace, says: paceSays } = await paceOf(campaign, nowMs);
    const steps = simulate({
      nowMs,
      untilMs,
      workflow: campaign.workflow ?? ONE_CALL,
      ...(schedule ? { schedule } : {}),
      groups,
      cohorts: asked.cohorts,
      ends,
      pace,
      spacing: spacingBy(asked.places),
    });
    let toldMs = clock.steadyMs();
    for (;;) {
      const step = steps.next();
      if (step.done) {
        const { curve, calls, cost, finishMs, stopsBy, limitedBy } = step.value;
        const found = {
          ...asked.found,
          curve: curve.map(({ atMs, ...point }) => ({ at: new Date(atMs), ...point })),
          calls,
          cost: cents(cost),
          limitedBy,
          ...(finishMs === undefined ? {} : { finishAt: new Date(finishMs) }),
          ...(stopsBy === undefined ? {} : { stopsBy }),
        };
        await keep({
          ...begun,
          ...found,
          state: 'done',
          finishedAt: new Date(clock.nowMs()),
          progress: { done: found.leads, total: found.leads },
          summary: summaryOf(found, schedule?.callingHours?.timezone ?? 'utc', nowMs),
          assumptions: [...says, ...paceSays, ASSUMED_TO_STAY],
        });
        return;
      }
      await breathe();
      shutdown.throwIfAborted();
      if (clock.steadyMs() - toldMs < STILL_THERE_MS) continue;
      toldMs = clock.steadyMs();
      await keep({
        ...begun,
        ...asked.found,
        progress: { done: asked.found.leads, total: asked.found.leads },
      });
    }
  }

  /** What the gate says of every lead. */
  async function ask(
    campaign: Campaign,
    begun: Forecast,
    nowMs: number,
    breathe: () => Promise<void>,
    tell: (forecast: Forecast) => void,
  ) {
    const { targeting, _id: campaignId } = campaign;
    const rough = await store.collection('leads').count({ campaignId });
    const places = new Map<string, Place>();
    const cohorts = new Map<string, { -readonly [K in keyof Cohort]: Cohort[K] }>();
    const barred = new Map<string, Counted>();
    const waiting = new Map<string, Counted>();
    let leads = 0;
    let callableNow = 0;
    let toldMs = clock.steadyMs();

    const note = (of: Map<string, Counted>, lead: Lead, reason: string, explain: () => string): Counted => {
      const known = of.get(reason) ?? { reason, explanation: explain(), leads: 0, leadIds: [] };
      of.set(reason, known);
      known.leads += 1;
      if (known.leadIds.length < MOST_EXAMPLES) known.leadIds.push(lead._id);
      return known;
    };

    for await (const batch of leadsOf(deps, { campaignId, ...(targeting ? { targeting } : {}) })) {
      shutdown.throwIfAborted();
      const facts = await deps.gatherMany(batch, campaign, nowMs);
      const enrollments = await store.collection('enrollments').find({
        filter: { campaignId, leadId: { $in: batch.map(({ _id }) => _id) } },
      });
      const enrolled = new Map(enrollments.map((enrollment) => [enrollment.leadId, enrollment]));
      for (const [index, lead] of batch.entries()) {
        await breathe();
        leads += 1;
        const { ended, dueAt, stage, step, calls, initialEndedAt, resumeAt } = enrolled.get(lead._id) ?? {};
        if (ended) {
          note(barred, lead, 'done', () => 'Everything was done for them in this campaign.');
          continue;
        }
        if (lead.status === 'converted' || lead.status === 'lost') {
          note(barred, lead, 'lead_closed', () => 'The lead is converted or lost.');
          continue;
        }
        const judged = judge(facts[index], nowMs);
        if (judged.kind === 'barred') {
          note(barred, lead, judged.reason, judged.explain);
          continue;
        }
        if (judged.kind === 'now') callableNow += 1;
        else {
          const known = note(waiting, lead, judged.reason, judged.explain);
          if (!known.from || judged.from < known.from) known.from = judged.from;
        }
        const place = placeFor(places, judged.facts);
        const at: Position =
          stage === undefined || step === undefined || calls === undefined
            ? AT_THE_BEGINNING
            : {
                stage,
                step,
                calls,
                ...(initialEndedAt ? { initialEndedAt } : {}),
                ...(resumeAt === undefined ? {} : { resumeAt }),
              };
        const allowedMs = judged.kind === 'now' ? nowMs : judged.from.getTime();
        const fromMs = Math.max(allowedMs, dueAt?.getTime() ?? nowMs, nowMs);
        const alike = Math.ceil((fromMs - nowMs) / ALIKE_MS);
        const key = `${place.index} ${alike} ${at.stage} ${at.step} ${at.calls} ${at.resumeAt ?? ''} ${at.initialEndedAt?.getTime() ?? ''}`;
        const cohort = cohorts.get(key);
        if (cohort) cohort.people += 1;
        else cohorts.set(key, { group: place.index, at, fromMs, people: 1 });
      }
      const sofar = {
        ...begun,
        leads,
        callable: callableNow + sum(waiting),
        callableNow,
        progress: { done: leads, total: Math.max(rough, leads) },
      };
      tell(sofar);
      if (clock.steadyMs() - toldMs < TELL_EVERY_MS) continue;
      toldMs = clock.steadyMs();
      await keep(sofar);
    }
    const mostFirst = (of: Map<string, Counted>): Counted[] =>
      [...of.values()].sort((a, b) => b.leads - a.leads);
    return {
      places: [...places.values()],
      cohorts: [...cohorts.values()],
      found: {
        leads,
        callable: callableNow + sum(waiting),
        callableNow,
        barred: mostFirst(barred),
        waiting: mostFirst(waiting),
      },
    };
  }

  /** How calls end, as far as there were any; in a sentence for people. */
  async function endsOf(campaign: Campaign): Promise<{ ends: readonly EndShare[]; says: string[] }> {
    const calls = store.collection('calls');
    const last = (filter: object) =>
      calls.find({
        filter: { ...filter, dialedAt: { $exists: true } },
        sort: { initiatedAt: -1 },
        limit: MEASURED,
      });
    const own = measure(await last({ campaignId: campaign._id }));
    const measured = own ?? measure(await last({ direction: 'outbound' }));
    const perCall = campaign.budget?.costPerCall;
    if (measured) {
      const of = own ? 'this campaign' : 'all campaigns';
      return { ends: measured, says: [`Measured on the last calls of ${of}: ${inWords(measured)}.`] };
    }
    const rates = await deps.ratesOf();
    const made = assumed(campaign.calling.ringTimeoutSec, (talkSec) => talkCost(talkSec, rates));
    const ends = perCall === undefined ? made : made.map((each) => ({ ...each, cost: perCall }));
    const price = perCall === undefined ? 'by the rates of the vendors' : "the campaign's own figure";
    return {
      ends,
      says: [`Too few calls were made to measure; assumed: ${inWords(ends)}, ${price}.`],
    };
  }

  async function paceOf(campaign: Campaign, nowMs: number): Promise<{ pace: Pace; says: string[] }> {
    const { budget = {}, pacing = {}, schedule, _id } = campaign;
    const [use, others] = await Promise.all([
      store.collection('campaign_use').get(_id),
      campaigns.count({ status: 'active', workflow: { $exists: true }, _id: { $ne: _id } }),
    ]);
    const today = use && use.day >= dayOf(schedule, nowMs) ? use.today : undefined;
    const house = Math.max(1, Math.floor(deps.maxConcurrentCalls * (1 - deps.inboundReserve)));
    const lines = Math.max(1, Math.min(house / (others + 1), pacing.maxConcurrentCalls ?? Infinity));
    const callsPerSecond = Math.min(deps.callsPerSecond, pacing.callsPerSecond ?? Infinity);
    const shared =
      others === 0
        ? ''
        : `; ${others} other running campaign${others === 1 ? ' takes' : 's take'} an equal share`;
    return {
      pace: {
        lines,
        callsPerSecond,
        ...(budget.maxCallsPerDay === undefined ? {} : { maxCallsPerDay: budget.maxCallsPerDay }),
        ...(budget.maxLeadsPerDay === undefined ? {} : { maxLeadsPerDay: budget.maxLeadsPerDay }),
        usedToday: { calls: today?.calls ?? 0, leads: today?.leads ?? 0 },
        ...(budget.totalBudget === undefined
          ? {}
          : { budgetLeft: Math.max(0, budget.totalBudget - (use?.total.spent ?? 0)) }),
      },
      says: [
        `${Math.round(lines * 10) / 10} calls at a time and ${callsPerSecond} a second (${house} lines for outbound calls${shared}).`,
      ],
    };
  }

  return {
    start,
    get,
    /** Resolves when no forecast is being made. */
    settled: async (): Promise<void> => {
      await Promise.allSettled([...running.values()].map(({ over }) => over));
    },
  };
}

const ASSUMED_TO_STAY =
  'Consents, do-not-call lists and settings are taken to stay as they are, lists to be renewed in time.';

const sum = (of: ReadonlyMap<string, Counted>): number =>
  [...of.values()].reduce((total, { leads }) => total + leads, 0);

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function inWords(ends: readonly EndShare[]): string {
  const mean = (value: (each: EndShare) => number): number =>
    ends.reduce((total, each) => total + each.share * value(each), 0);
  return `${percent(mean(({ reached }) => (reached ? 1 : 0)))} of calls reach a person, ${Math.round(mean(({ lineSec }) => lineSec))} s on the line and $${mean(({ cost }) => cost).toFixed(3)} a call on average`;
}

type Judged =
  | { readonly kind: 'now'; readonly facts: Facts }
  | {
      readonly kind: 'later';
      readonly facts: Facts;
      readonly from: Date;
      readonly reason: string;
      readonly explain: () => string;
    }
  | { readonly kind: 'barred'; readonly reason: string; readonly explain: () => string };

const UNREADABLE = { kind: 'barred', reason: 'check_error' } as const;

/** What the gate says of a lead once the campaign runs. */
function judge(given: FactsInput | undefined, nowMs: number): Judged {
  if (!given) return { ...UNREADABLE, explain: () => 'The facts of this lead could not be read.' };
  const asRunning = { ...given, campaign: { ...given.campaign, status: 'running' } };
  const explain = () => decide(asRunning, nowMs).decision.explanation;
  try {
    const facts = readFacts(asRunning);
    const { reasons, nextAllowedAt } = assess(facts, nowMs);
    const [reason] = reasons;
    if (reason === undefined) return { kind: 'now', facts };
    return nextAllowedAt === null
      ? { kind: 'barred', reason, explain }
      : { kind: 'later', facts, from: nextAllowedAt, reason, explain };
  } catch {
    return { ...UNREADABLE, explain };
  }
}

function placeFor(places: Map<string, Place>, facts: Facts): Place {
  const { phone, state, zip } = facts.lead;
  const { places: where } = whereabouts(numberKind(phone).npa, state, zip);
  const key = where.map((each) => `${each.state} ${each.zone} ${each.gulf ? 'gulf' : ''}`).join();
  const place = places.get(key) ?? { index: places.size, samples: [] };
  places.set(key, place);
  if (place.samples.length < SAMPLES) place.samples.push(facts);
  return place;
}

/** The facts as they will be then: lists are renewed in time, and nobody was called meanwhile but at these moments. */
function later(facts: Facts, atMs: number, triesMs: readonly number[]): Facts {
  const asOf = new Date(atMs - HOUR_MS);
  const renewed = <L extends { readonly asOf: Date | null }>(list: L): L =>
    list.asOf ? { ...list, asOf } : list;
  const { dnc, lead, call } = facts;
  return {
    ...facts,
    dnc: {
      ...dnc,
      national: renewed(dnc.national),
      state: new Map([...dnc.state].map(([state, list]) => [state, renewed(list)])),
      reassigned: dnc.reassigned && { ...dnc.reassigned, checkedAt: asOf },
    },
    history: {
      attempts: triesMs.map((ms) => ({
        at: new Date(ms),
        phone: lead.phone,
        subject: call.subject,
        outcome: 'no_answer',
      })),
    },
  };
}

/** When people of a place may be called: the most that the gate allows one of them. */
async function hoursOf(
  samples: readonly Facts[],
  nowMs: number,
  untilMs: number,
  breathe: () => Promise<void>,
): Promise<Stretch[]> {
  const knownToMs = nowMs + KNOWN_MS;
  let most: readonly Stretch[] = [];
  let mostMs = -1;
  for (const facts of samples) {
    await breathe();
    const renewed = later(facts, nowMs + HOUR_MS, []);
    const open = windows(
      { ...renewed, dnc: { ...renewed.dnc, state: Object.fromEntries(renewed.dnc.state) } },
      nowMs,
      knownToMs,
    );
    const openMs = open.reduce((total, { fromMs, toMs }) => total + toMs - fromMs, 0);
    if (openMs > mostMs) [most, mostMs] = [open, openMs];
  }
  return repeated(most, knownToMs, untilMs);
}

const MOST_ANSWERS = 50_000;
const MINUTE_MS = 60_000;

/** The gate's own word on how long a person is left in peace after tries. */
function spacingBy(places: readonly Place[]) {
  const known = new Map<string, number | undefined>();
  return (group: number, triesMs: readonly number[], wantedMs: number): number | undefined => {
    const [facts] = places[group]?.samples ?? [];
    if (!facts) return undefined;
    const whole = (ms: number): number => Math.round(ms / MINUTE_MS) * MINUTE_MS;
    const tries = triesMs.map(whole);
    const atMs = Math.max(whole(wantedMs), ...tries.map((ms) => ms + 1));
    const key = `${group} ${tries.join()} ${atMs}`;
    if (known.has(key)) return known.get(key);
    if (known.size > MOST_ANSWERS) known.clear();
    let answer: number | undefined;
    try {
      const { reasons, nextAllowedAt } = assess(later(facts, atMs, tries), atMs);
      answer = reasons.length === 0 ? wantedMs : nextAllowedAt?.getTime();
    } catch {
      answer = undefined;
    }
    known.set(key, answer);
    return answer;
  };
}

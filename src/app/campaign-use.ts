/**
 * app/campaign-use: what campaigns may still spend. Every call is taken out of the limits before it is placed, by one atomic
 * write that fails where there is nothing left, so that no two processes spend the last dollar or the last call of a
 * day, or together call faster than the campaign may.
 */
import type { UseFigures } from '../domain/campaign.ts';
import { dayOf, nextDayMs } from '../domain/campaign-hours.ts';
import type { Campaign } from '../domain/documents.ts';
import { isFailure } from '../domain/errors.ts';
import type { Clock, Filter, Store } from './ports.ts';

/** A call that is in the figures of a campaign. */
export interface Charge {
  readonly campaignId: string;
  /** The campaign's day on which it was charged. */
  readonly day: string;
  /** US dollars. */
  readonly reckoned: number;
  /** The first call to a lead. */
  readonly isFirst: boolean;
}

export type Charged =
  | { readonly kind: 'charged'; readonly charge: Charge }
  /** `untilMs`: when there is room again, ms since the epoch; absent: not by waiting. */
  | {
      readonly kind: 'spent';
      readonly what: 'budget' | 'calls' | 'leads' | 'pace';
      readonly untilMs?: number;
    };

const NOTHING: UseFigures = { calls: 0, leads: 0, messages: 0, spent: 0 };
/** More than are ever applied at once; what a process that died left there does not stay for ever. */
const MOST_ANALYSING = 100;
/** Sums of dollars are a little off. */
const CENT_OF_A_CENT = 1e-4;

export type CampaignUse = ReturnType<typeof createCampaignUse>;

export function createCampaignUse({ store, clock }: { store: Store; clock: Clock }) {
  const uses = store.collection('campaign_use');

  /** Days only go on: where the clocks of two processes differ at midnight, the later day counts. */
  const begunBy = (campaignId: string, day: string): Filter => ({ _id: campaignId, day: { $gte: day } });

  /** Adds to the figures of the campaign and of this day, where `room` holds of them. */
  async function add(
    campaignId: string,
    day: string,
    figures: Partial<UseFigures>,
    room: Filter = {},
    lastCallAt?: Date,
  ): Promise<boolean> {
    const entries = Object.entries(figures);
    const change = {
      $inc: Object.fromEntries(
        entries.flatMap(([name, by]) => [
          [`today.${name}`, by],
          [`total.${name}`, by],
        ]),
      ),
      $set: { updatedAt: new Date(clock.nowMs()), ...(lastCallAt === undefined ? {} : { lastCallAt }) },
    };
    const filter = { ...begunBy(campaignId, day), ...room };
    if ((await uses.update(filter, change)) !== undefined) return true;
    // There was no room, or no such day yet; two who come first on a day may both find it so.
    await beginDay(campaignId, day);
    return (await uses.update(filter, change)) !== undefined;
  }

  async function beginDay(campaignId: string, day: string): Promise<void> {
    const updatedAt = new Date(clock.nowMs());
    const begun = await uses.update(
      { _id: campaignId, day: { $lt: day } },
      { $set: { day, today: NOTHING, updatedAt } },
    );
    if (begun) return;
    const first = { day, today: NOTHING, total: NOTHING, createdAt: updatedAt, updatedAt };
    try {
      await uses.insert({ _id: campaignId, ...first });
    } catch (error) {
      if (!isFailure(error, 'duplicate_key')) throw error;
    }
  }

  /** What belongs to a day that is over changes the total only. */
  async function correct({ campaignId, day }: Charge, figures: Partial<UseFigures>): Promise<void> {
    const updatedAt = new Date(clock.nowMs());
    const inc = (of: string) =>
      Object.fromEntries(Object.entries(figures).map(([name, by]) => [`${of}.${name}`, by]));
    const sameDay = await uses.update(
      { _id: campaignId, day },
      { $inc: { ...inc('today'), ...inc('total') }, $set: { updatedAt } },
    );
    if (!sameDay) await uses.update({ _id: campaignId }, { $inc: inc('total'), $set: { updatedAt } });
  }

  /** Takes a call out of the limits. */
  async function charge(
    { _id, budget = {}, pacing, schedule }: Campaign,
    isFirst: boolean,
  ): Promise<Charged> {
    const { totalBudget, costPerCall: reckoned = 0, maxCallsPerDay, maxLeadsPerDay } = budget;
    const nowMs = clock.nowMs();
    const day = dayOf(schedule, nowMs);
    const gapMs = pacing?.callsPerSecond === undefined ? 0 : 1_000 / pacing.callsPerSecond;
    const figures = { calls: 1, leads: isFirst ? 1 : 0, spent: reckoned };
    const room = {
      ...(totalBudget === undefined
        ? {}
        : { 'total.spent': { $lte: totalBudget - reckoned + CENT_OF_A_CENT } }),
      ...(maxCallsPerDay === undefined ? {} : { 'today.calls': { $lt: maxCallsPerDay } }),
      ...(isFirst && maxLeadsPerDay !== undefined ? { 'today.leads': { $lt: maxLeadsPerDay } } : {}),
      ...(gapMs === 0 ? {} : { lastCallAt: { $not: { $gt: new Date(nowMs - gapMs) } } }),
    };
    if (await add(_id, day, figures, room, gapMs === 0 ? undefined : new Date(nowMs)))
      return { kind: 'charged', charge: { campaignId: _id, day, reckoned, isFirst } };
    const use = await uses.get(_id);
    if (totalBudget !== undefined && (use?.total.spent ?? 0) > totalBudget - reckoned + CENT_OF_A_CENT)
      return { kind: 'spent', what: 'budget' };
    const paceMs = (use?.lastCallAt?.getTime() ?? 0) + gapMs;
    if (gapMs > 0 && paceMs > nowMs) return { kind: 'spent', what: 'pace', untilMs: paceMs };
    const isOfCalls = maxCallsPerDay !== undefined && (use?.today.calls ?? 0) >= maxCallsPerDay;
    return { kind: 'spent', what: isOfCalls ? 'calls' : 'leads', untilMs: nextDayMs(schedule, nowMs) };
  }

  /** Nobody was called after all. */
  const giveBack = (charge: Charge): Promise<void> =>
    correct(charge, { calls: -1, leads: charge.isFirst ? -1 : 0, spent: -charge.reckoned });

  /** What it cost is known now, US dollars. */
  async function settle(charge: Charge, cost: number): Promise<void> {
    if (cost !== charge.reckoned) await correct(charge, { spent: cost - charge.reckoned });
  }

  /**
   * What analysing a call of a campaign cost, US dollars; once, however often it is told until `analysisDone`. `day`: the
   * campaign's on which the call was charged.
   */
  async function addAnalysis(
    { campaignId, day }: Pick<Charge, 'campaignId' | 'day'>,
    analysisId: string,
    cost: number,
  ): Promise<void> {
    const untold = { _id: campaignId, analysing: { $ne: analysisId } };
    const change = (paths: readonly string[]) => ({
      $inc: Object.fromEntries(paths.map((path) => [path, cost])),
      $push: { analysing: { $each: [analysisId], $slice: -MOST_ANALYSING } },
      $set: { updatedAt: new Date(clock.nowMs()) },
    });
    const sameDay = await uses.update({ ...untold, day }, change(['today.spent', 'total.spent']));
    if (!sameDay) await uses.update(untold, change(['total.spent']));
  }

  /** It will not be told again. */
  async function analysisDone(campaignId: string, analysisId: string): Promise<void> {
    await uses.update({ _id: campaignId, analysing: analysisId }, { $pull: { analysing: analysisId } });
  }

  async function countMessage({ _id, schedule }: Campaign): Promise<void> {
    await add(_id, dayOf(schedule, clock.nowMs()), { messages: 1 });
  }

  /** Of the campaign's present day, and of all its days. */
  async function figuresOf({
    _id,
    schedule,
  }: Campaign): Promise<{ readonly today: UseFigures; readonly total: UseFigures }> {
    const use = await uses.get(_id);
    const isToday = use !== undefined && use.day >= dayOf(schedule, clock.nowMs());
    return { today: isToday ? use.today : NOTHING, total: use?.total ?? NOTHING };
  }

  return { charge, giveBack, settle, addAnalysis, analysisDone, countMessage, figuresOf };
}

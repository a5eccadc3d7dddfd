/**
 * app/campaign-use: what campaigns may still spend. Every call is taken out of the limits before it is placed, by one atomic
 * write that fails where there is nothing left, so that no two processes spend the last dollar or the last call of a
 * day, or together call faster than the campaign may.
 */
import type { UseFigures } from '../domain/campaign.ts';
import { dayOf, nextDayMs } from '../domain/campaign-hours.ts';
import type { Campaign } from '../domain/documents.ts';
import { isFailure } from '../domain/errors.ts';
import type { ChangeOf, Clock, Filter, Store } from './ports.ts';

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

type UseChange = ChangeOf<'campaign_use'>;

/** A call that is to be charged: `change` charges it, where there is room and the day has begun. */
export interface ToCharge {
  readonly charge: Charge;
  readonly change: UseChange;
}

/** What is to be put right in the figures: `change` does so while the day of the charge lasts. */
export interface Correction {
  readonly charge: Charge;
  readonly figures: Partial<UseFigures>;
  readonly change: UseChange;
}

const NOTHING: UseFigures = { calls: 0, leads: 0, messages: 0, spent: 0 };
/** More than are ever applied at once; what a process that died left there does not stay for ever. */
const MOST_ANALYSING = 100;
/** Sums of dollars are a little off. */
const CENT_OF_A_CENT = 1e-4;

export type CampaignUse = ReturnType<typeof createCampaignUse>;

export function createCampaignUse({ store, clock }: { store: Store; clock: Clock }) {
  const uses = store.collection('campaign_use');

  /** Days only go on: where the clocks of two processes differ at midnight, the later day counts. */
  const begunBy = (campaignId: string, day: string) => ({ _id: campaignId, day: { $gte: day } });

  /** Adds to the figures of the campaign and of this day, where `room` holds of them. */
  function addition(
    campaignId: string,
    day: string,
    figures: Partial<UseFigures>,
    room: Filter = {},
    lastCallAt?: Date,
  ): UseChange {
    const entries = Object.entries(figures);
    const update = {
      $inc: Object.fromEntries(
        entries.flatMap(([name, by]) => [
          [`today.${name}`, by],
          [`total.${name}`, by],
        ]),
      ),
      $set: { updatedAt: new Date(clock.nowMs()), ...(lastCallAt === undefined ? {} : { lastCallAt }) },
    };
    return { collection: 'campaign_use', filter: { ...begunBy(campaignId, day), ...room }, update };
  }

  async function add({ filter, update }: UseChange, day: string): Promise<boolean> {
    if ((await uses.update(filter, update)) !== undefined) return true;
    // There was no room, or no such day yet; two who come first on a day may both find it so.
    await beginDay(filter._id, day);
    return (await uses.update(filter, update)) !== undefined;
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

  const summed = (of: string, figures: Partial<UseFigures>) =>
    Object.fromEntries(Object.entries(figures).map(([name, by]) => [`${of}.${name}`, by]));

  function correction(charge: Charge, figures: Partial<UseFigures>): Correction {
    const { campaignId: _id, day } = charge;
    const update = {
      $inc: { ...summed('today', figures), ...summed('total', figures) },
      $set: { updatedAt: new Date(clock.nowMs()) },
    };
    return { charge, figures, change: { collection: 'campaign_use', filter: { _id, day }, update } };
  }

  /** What belongs to a day that is over changes the total only. */
  async function correct({ charge: { campaignId }, figures, change }: Correction): Promise<void> {
    if (await uses.update(change.filter, change.update)) return;
    const updatedAt = new Date(clock.nowMs());
    await uses.update({ _id: campaignId }, { $inc: summed('total', figures), $set: { updatedAt } });
  }

  const gapMsOf = ({ pacing }: Campaign): number =>
    pacing?.callsPerSecond === undefined ? 0 : 1_000 / pacing.callsPerSecond;

  /** `isFirst`: to a lead. */
  function toCharge(campaign: Campaign, isFirst: boolean): ToCharge {
    const { _id, budget = {}, schedule } = campaign;
    const { totalBudget, costPerCall: reckoned = 0, maxCallsPerDay, maxLeadsPerDay } = budget;
    const nowMs = clock.nowMs();
    const day = dayOf(schedule, nowMs);
    const gapMs = gapMsOf(campaign);
    const figures = { calls: 1, leads: isFirst ? 1 : 0, spent: reckoned };
    const room = {
      ...(totalBudget === undefined
        ? {}
        : { 'total.spent': { $lte: totalBudget - reckoned + CENT_OF_A_CENT } }),
      ...(maxCallsPerDay === undefined ? {} : { 'today.calls': { $lt: maxCallsPerDay } }),
      ...(isFirst && maxLeadsPerDay !== undefined ? { 'today.leads': { $lt: maxLeadsPerDay } } : {}),
      ...(gapMs === 0 ? {} : { lastCallAt: { $not: { $gt: new Date(nowMs - gapMs) } } }),
    };
    return {
      charge: { campaignId: _id, day, reckoned, isFirst },
      change: addition(_id, day, figures, room, gapMs === 0 ? undefined : new Date(nowMs)),
    };
  }

  /** Takes a call out of the limits. */
  async function charge(campaign: Campaign, isFirst: boolean): Promise<Charged> {
    const { charge, change } = toCharge(campaign, isFirst);
    if (await add(change, charge.day)) return { kind: 'charged', charge };
    const { _id, budget = {}, schedule } = campaign;
    const { totalBudget, costPerCall: reckoned = 0, maxCallsPerDay } = budget;
    const nowMs = clock.nowMs();
    const gapMs = gapMsOf(campaign);
    const use = await uses.get(_id);
    if (totalBudget !== undefined && (use?.total.spent ?? 0) > totalBudget - reckoned + CENT_OF_A_CENT)
      return { kind: 'spent', what: 'budget' };
    const paceMs = (use?.lastCallAt?.getTime() ?? 0) + gapMs;
    if (gapMs > 0 && paceMs > nowMs) return { kind: 'spent', what: 'pace', untilMs: paceMs };
    const isOfCalls = maxCallsPerDay !== undefined && (use?.today.calls ?? 0) >= maxCallsPerDay;
    return { kind: 'spent', what: isOfCalls ? 'calls' : 'leads', untilMs: nextDayMs(schedule, nowMs) };
  }

  /** Nobody was called after all. */
  const uncharged = (charge: Charge): Correction =>
    correction(charge, { calls: -1, leads: charge.isFirst ? -1 : 0, spent: -charge.reckoned });

  const giveBack = (charge: Charge): Promise<void> => correct(uncharged(charge));

  /** What it cost is known now, US dollars; undefined: as much as was reckoned. */
  const settled = (charge: Charge, cost: number): Correction | undefined =>
    cost === charge.reckoned ? undefined : correction(charge, { spent: cost - charge.reckoned });

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
    const day = dayOf(schedule, clock.nowMs());
    await add(addition(_id, day, { messages: 1 }), day);
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

  return {
    toCharge,
    charge,
    giveBack,
    uncharged,
    settled,
    correct,
    addAnalysis,
    analysisDone,
    countMessage,
    figuresOf,
  };
}

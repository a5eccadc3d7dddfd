/**
 * app/enroll-leads: which leads a campaign takes. A lead that was given to a campaign is its own; one that belongs to none
 * goes to the campaign whose targeting it fits best, of those that run. Each becomes an enrollment once, however often it is
 * looked at and by however many processes.
 */
import type { Enrollment } from '../domain/campaign.ts';
import type { Campaign, Lead } from '../domain/documents.ts';
import { isFailure } from '../domain/errors.ts';
import type { Property } from '../domain/property.ts';
import { fitOf, isOpenLead, judge } from '../domain/qualification.ts';
import { inOrder } from './paging.ts';
import type { Clock, Filter, Ids, Store } from './ports.ts';
import { allInSlices, slices } from './slices.ts';

export interface EnrollLeadsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Leads that are looked at together. */
const AT_ONCE = 200;
/** So few are looked up and not counted first. */
const FEW = 16;
/** How long counting is enough for a campaign's own leads; then all are looked at again. */
const SWEPT_MS = 7 * 24 * 3_600_000;

export function createEnrollLeads({ store, clock, ids }: EnrollLeadsDeps) {
  const leads = store.collection('leads');
  const enrollments = store.collection('enrollments');
  const uses = store.collection('campaign_use');

  /** Enrolls those of the leads that one of the campaigns takes; answers with the new enrollments. */
  async function enroll(offered: readonly Lead[], campaigns: readonly Campaign[]): Promise<Enrollment[]> {
    const open = offered.filter(isOpenLead);
    const chosen: { lead: Lead; campaign: Campaign }[] = [];
    const byId = new Map(campaigns.map((campaign) => [campaign._id, campaign]));
    const targeted = campaigns.filter(({ targeting }) => targeting !== undefined);
    const free = targeted.length === 0 ? [] : open.filter(({ campaignId }) => campaignId === undefined);
    const propertyIds = [...new Set(free.flatMap(({ propertyId }) => propertyId ?? []))];
    const houses = new Map(
      (propertyIds.length === 0
        ? []
        : await store.collection('properties').find({ filter: { _id: { $in: propertyIds } } })
      ).map((property) => [property._id, property]),
    );
    const breathe = slices(clock);
    for (const lead of open) {
      await breathe();
      const campaign =
        lead.campaignId === undefined
          ? bestFor(lead, lead.propertyId === undefined ? undefined : houses.get(lead.propertyId), targeted)
          : byId.get(lead.campaignId);
      if (campaign) chosen.push({ lead, campaign });
    }
    const known = await enrolled(chosen);
    const added: Enrollment[] = [];
    const fresh = chosen.filter(({ lead, campaign }) => !known.has(keyOf(campaign._id, lead._id)));
    await allInSlices(clock, fresh, async ({ lead, campaign }) => {
      const house = lead.propertyId === undefined ? undefined : houses.get(lead.propertyId);
      const enrollment = await add(lead, house, campaign);
      if (enrollment) added.push(enrollment);
    });
    return added;
  }

  function bestFor(
    lead: Lead,
    house: Parameters<typeof fitOf>[1],
    campaigns: readonly Campaign[],
  ): Campaign | undefined {
    let best: { readonly campaign: Campaign; readonly score: number } | undefined;
    for (const campaign of campaigns) {
      const { fits, score } = fitOf(lead, house, campaign.targeting, clock.nowMs());
      if (!fits || (best && score < best.score)) continue;
      if (best && score === best.score && best.campaign.createdAt <= campaign.createdAt) continue;
      best = { campaign, score };
    }
    return best?.campaign;
  }

  /** Those of the leads, or more, that are in a campaign already. */
  async function enrolled(
    chosen: readonly { readonly lead: Lead; readonly campaign: Campaign }[],
  ): Promise<Set<string>> {
    const [first] = chosen;
    if (!first) return new Set();
    const { _id: campaignId } = first.campaign;
    const leadId = { $in: chosen.map(({ lead }) => lead._id) };
    // A look at a campaign's own leads hardly ever finds a new one. An index can count them, and none is twice in a campaign.
    const isOwn = chosen.length > FEW && chosen.every(({ campaign }) => campaign._id === campaignId);
    if (isOwn && (await enrollments.count({ campaignId, leadId })) === chosen.length)
      return new Set(leadId.$in.map((id) => keyOf(campaignId, id)));
    const found = await enrollments.find({ filter: { leadId } });
    return new Set(found.map((each) => keyOf(each.campaignId, each.leadId)));
  }

  /** Undefined: it is enrolled already, or another campaign was quicker. */
  async function add(
    lead: Lead,
    house: Property | undefined,
    campaign: Campaign,
  ): Promise<Enrollment | undefined> {
    const { _id: campaignId } = campaign;
    const nowMs = clock.nowMs();
    const now = new Date(nowMs);
    if (lead.campaignId === undefined) {
      const assigned = await leads.update(
        { _id: lead._id, campaignId: { $exists: false } },
        {
          $set: {
            campaignId,
            assignedAt: now,
            qualification: judge(lead, house, campaign, nowMs),
            updatedAt: now,
            updatedBy: `campaign:${campaignId}`,
          },
        },
      );
      if (!assigned) return undefined;
    }
    const enrollment: Enrollment = {
      _id: ids.objectId(),
      campaignId,
      leadId: lead._id,
      receivedAt: lead.receivedAt,
      stage: 'initial',
      step: 0,
      turn: 0,
      priority: 1,
      // Whoever came in last is called first: a lead that waits for an hour is lost, one that waited for a month is not.
      dueAt: new Date(Math.min(lead.receivedAt.getTime(), nowMs)),
      calls: 0,
      messages: 0,
      createdAt: now,
      updatedAt: now,
    };
    try {
      await enrollments.insert(enrollment);
      return enrollment;
    } catch (error) {
      if (isFailure(error, 'duplicate_key')) return undefined;
      throw error;
    }
  }

  /** Looks at all matching leads, some at a time; tells of campaigns that got new ones as it goes. */
  async function pageThrough(
    filter: Filter,
    campaigns: readonly Campaign[],
    begun: (campaignIds: ReadonlySet<string>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let batch: Lead[] = [];
    const hand = async (): Promise<void> => {
      const added = await enroll(batch, campaigns);
      batch = [];
      if (added.length > 0) begun(new Set(added.map(({ campaignId }) => campaignId)));
    };
    for await (const lead of inOrder(leads, filter, ['receivedAt', '_id'])) {
      if (signal.aborted) return;
      if (batch.push(lead) === AT_ONCE) await hand();
    }
    if (batch.length > 0) await hand();
  }

  /**
   * How many more leads a campaign has than enrollments: those that were closed when they came in, less those that left it. A
   * lead that somebody missed makes it more.
   */
  async function apart(campaignId: string): Promise<number> {
    const enrolledNow = await enrollments.count({ campaignId });
    return (await leads.count({ campaignId })) - enrolledNow;
  }

  /** Looks at all leads of a campaign, unless as many as when that was done last are not enrolled. */
  async function lookAtOwn(
    campaignId: string,
    campaigns: readonly Campaign[],
    begun: (campaignIds: ReadonlySet<string>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { swept } = (await uses.get(campaignId)) ?? {};
    const isRecent = swept !== undefined && clock.nowMs() - swept.at.getTime() < SWEPT_MS;
    if (isRecent && swept.apart === (await apart(campaignId))) return;
    const at = new Date(clock.nowMs());
    await pageThrough({ campaignId }, campaigns, begun, signal);
    if (signal.aborted) return;
    await uses.update({ _id: campaignId }, { $set: { swept: { at, apart: await apart(campaignId) } } });
  }

  return {
    enroll,
    /** All leads that `of` could take; `campaigns`: all that run, for a lead that fits several goes to one. */
    async sweep(
      of: readonly Campaign[],
      campaigns: readonly Campaign[],
      begun: (campaignIds: ReadonlySet<string>) => void,
      signal: AbortSignal,
    ): Promise<void> {
      for (const { _id } of of) await lookAtOwn(_id, campaigns, begun, signal);
      if (of.some(({ targeting }) => targeting !== undefined))
        await pageThrough({ campaignId: { $exists: false } }, campaigns, begun, signal);
    },
    /** Leads received since, ms since the epoch: what a process that died did not come to. */
    lookAtNew: (
      sinceMs: number,
      campaigns: readonly Campaign[],
      begun: (campaignIds: ReadonlySet<string>) => void,
      signal: AbortSignal,
    ): Promise<void> => pageThrough({ receivedAt: { $gt: new Date(sinceMs) } }, campaigns, begun, signal),
    async arrived(leadIds: readonly string[], campaigns: readonly Campaign[]): Promise<Enrollment[]> {
      const added: Enrollment[] = [];
      for (let at = 0; at < leadIds.length; at += AT_ONCE) {
        const _id = { $in: leadIds.slice(at, at + AT_ONCE) };
        added.push(...(await enroll(await leads.find({ filter: { _id } }), campaigns)));
      }
      return added;
    },
  };
}

const keyOf = (campaignId: string, leadId: string): string => `${campaignId} ${leadId}`;

/** contract/reports: the reports of the business over all campaigns. */
import { z } from 'zod';
import { Id, Instant } from './common.ts';

export const ReportQuery = z.strictObject({
  from: z.exactOptional(Instant),
  to: z.exactOptional(Instant),
});
export const LeadFunnelQuery = ReportQuery.extend({ campaignId: z.exactOptional(Id) });

/** Leads received in the range, by status, most first. */
export const LeadFunnel = z
  .object({
    items: z.array(
      z.object({
        status: z.string(),
        count: z.int(),
        /** Mean of the qualification scores; null where none has one. */
        avgScore: z.number().nullable(),
      }),
    ),
  })
  .meta({ id: 'LeadFunnel' });
export type LeadFunnel = z.infer<typeof LeadFunnel>;

/** Calls of a campaign by outcome, most first; null: nothing came of them that was told. */
export const CampaignSummary = z
  .object({
    campaignId: Id,
    items: z.array(
      z.object({
        outcome: z.string().nullable(),
        count: z.int(),
        /** Seconds. */
        avgDuration: z.number().nullable(),
        avgSentiment: z.number().nullable(),
        /** US dollars. */
        totalCost: z.number(),
      }),
    ),
  })
  .meta({ id: 'CampaignSummary' });
export type CampaignSummary = z.infer<typeof CampaignSummary>;

const counts = z.record(z.string(), z.int());
export const LeadStats = z
  .object({
    leads: z.int(),
    byStatus: counts,
    bySource: counts,
    /** Converted leads of all, 0..1; null without leads. */
    conversionRate: z.number().nullable(),
  })
  .meta({ id: 'LeadStats' });
export type LeadStats = z.infer<typeof LeadStats>;

const WeekFigures = z
  .object({
    from: Instant,
    to: Instant,
    leads: LeadStats,
    calls: z.int(),
    answered: z.int(),
    conversations: z.int(),
    qualified: z.int(),
    optedOut: z.int(),
    /** Seconds. */
    talkTime: z.number(),
    avgSentiment: z.number().nullable(),
    messages: z.int(),
    dealsClosed: z.int(),
    /** US dollars. */
    revenue: z.number(),
    cost: z.number(),
    days: z.array(z.object({ day: z.iso.date(), calls: z.int(), answered: z.int() })),
  })
  .meta({ id: 'WeekFigures' });

/** `end`: the last moment of the week; now without it. */
export const WeeklyQuery = z.strictObject({ end: z.exactOptional(Instant) });
/** Seven days beside the seven before them. */
export const WeeklyReport = z
  .object({
    week: WeekFigures,
    before: WeekFigures,
    /** The campaigns with the most calls in the week. */
    campaigns: z.array(
      z.object({
        campaignId: Id,
        name: z.string(),
        calls: z.int(),
        qualified: z.int(),
        cost: z.number(),
      }),
    ),
  })
  .meta({ id: 'WeeklyReport' });
export type WeeklyReport = z.infer<typeof WeeklyReport>;

/** http/routes/reports: what came of it all, in figures. */
import { z } from 'zod';
import {
  CampaignSummary,
  Id,
  LeadFunnel,
  LeadFunnelQuery,
  LeadStats,
  ReportQuery,
  WeeklyQuery,
  WeeklyReport,
} from '../../contract/index.ts';
import type { AppForHttp } from '../needs.ts';
import { presentWeekly } from '../present.ts';
import { type Route, route } from '../route.ts';
import { date, present } from './read.ts';

export const reportRoutes = ({ app }: { readonly app: Pick<AppForHttp, 'reports'> }): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/analytics/lead-funnel',
    summary: 'Leads by status',
    tag: 'analytics',
    role: 'USER',
    query: LeadFunnelQuery,
    responses: { 200: { description: 'Leads received in the range.', schema: LeadFunnel } },
    handle: async ({ query: { from, to, ...rest } }) => ({
      status: 200,
      json: {
        items: await app.reports.leadFunnel({ ...rest, ...present({ from: date(from), to: date(to) }) }),
      },
    }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/analytics/lead-stats',
    summary: 'How many leads there are of each kind, and the share that became deals',
    tag: 'analytics',
    role: 'USER',
    query: ReportQuery,
    responses: { 200: { description: 'Leads received in the range.', schema: LeadStats } },
    handle: async ({ query: { from, to } }) => ({
      status: 200,
      json: await app.reports.leadStats(present({ from: date(from), to: date(to) })),
    }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/analytics/reports/weekly',
    summary: 'A week in figures, beside the week before',
    tag: 'analytics',
    role: 'USER',
    query: WeeklyQuery,
    responses: { 200: { description: 'The report.', schema: WeeklyReport } },
    handle: async ({ query }) => ({
      status: 200,
      json: presentWeekly(await app.reports.weekly(date(query.end))),
    }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/analytics/campaigns/:campaignId',
    summary: 'Calls of a campaign by outcome',
    tag: 'analytics',
    role: 'USER',
    params: z.object({ campaignId: Id }),
    query: ReportQuery,
    responses: { 200: { description: 'Calls begun in the range.', schema: CampaignSummary } },
    problems: ['campaign_not_found'],
    handle: async ({ params: { campaignId }, query: { from, to } }) => ({
      status: 200,
      json: {
        campaignId,
        items: await app.reports.campaignSummary(campaignId, present({ from: date(from), to: date(to) })),
      },
    }),
  }),
];

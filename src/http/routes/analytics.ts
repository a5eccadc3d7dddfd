/** http/routes/analytics: what a stretch of time came to, at a glance. */
import { Daily, DailyQuery, Overview, OverviewQuery } from '../../contract/index.ts';
import type { AppForHttp } from '../needs.ts';
import { presentDaily, presentOverview } from '../present.ts';
import { type Route, route } from '../route.ts';
import { date, present } from './read.ts';

export const analyticsRoutes = ({ app }: { readonly app: Pick<AppForHttp, 'overview'> }): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/analytics/overview',
    summary: 'Calls, what came of them, their mood and cost, leads and opt-outs, beside the stretch before',
    tag: 'analytics',
    role: 'USER',
    query: OverviewQuery,
    responses: { 200: { description: 'The figures.', schema: Overview } },
    handle: async ({ query: { from, to, before, zone } }) => ({
      status: 200,
      json: presentOverview(
        await app.overview.overview({
          from: new Date(from),
          to: new Date(to),
          zone,
          ...present({ before: date(before) }),
        }),
      ),
    }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/analytics/daily',
    summary: 'Calls of each day',
    tag: 'analytics',
    role: 'USER',
    query: DailyQuery,
    responses: { 200: { description: 'The days, in order.', schema: Daily } },
    handle: async ({ query: { from, to, zone } }) => ({
      status: 200,
      json: presentDaily(await app.overview.daily({ from: new Date(from), to: new Date(to), zone })),
    }),
  }),
];

/** http/routes/campaigns: what calls are made for: campaigns, what they are to do, whom they would take. */
import { z } from 'zod';
import {
  Audience,
  AudienceQuery,
  Campaign,
  CampaignCreate,
  CampaignPatch,
  CampaignQuery,
  CampaignWork,
  CampaignWorks,
  CampaignWorksQuery,
  Enrollment,
  EnrollmentQuery,
  Forecast,
  Id,
  NoWords,
  PauseRequest,
  Performance,
  PerformanceQuery,
  page,
  type Schedule,
} from '../../contract/index.ts';
import type { Schedule as CampaignSchedule } from '../../domain/campaign.ts';
import type { CallingChange, CampaignChange, NewCampaign } from '../../domain/campaign-plan.ts';
import { isFailure } from '../../domain/errors.ts';
import type { AppForHttp } from '../needs.ts';
import {
  presentCampaign,
  presentEnrollment,
  presentForecast,
  presentPage,
  presentPerformance,
  presentWork,
} from '../present.ts';
import { type Route, route } from '../route.ts';
import { date, phoneAt, present } from './read.ts';

const CampaignPath = z.object({ campaignId: Id });

function readCalling(given: z.output<typeof CampaignPatch>['calling']): { calling?: CallingChange } {
  if (given === undefined) return {};
  const { transferNumber, ...rest } = given;
  if (transferNumber === null) return { calling: { ...rest, transferNumber } };
  const number = phoneAt('body', '/calling/transferNumber', transferNumber);
  return { calling: { ...rest, ...present({ transferNumber: number }) } };
}

function readSchedule(given: z.output<typeof Schedule> | undefined): { schedule?: CampaignSchedule } {
  if (given === undefined) return {};
  const { startDate, endDate, ...rest } = given;
  return { schedule: { ...rest, ...present({ startDate: date(startDate), endDate: date(endDate) }) } };
}

function readNew({ calling, schedule, ...rest }: z.output<typeof CampaignCreate>): NewCampaign {
  return { ...rest, ...readCalling(calling), ...readSchedule(schedule) };
}

function readChange({ calling, schedule, ...rest }: z.output<typeof CampaignPatch>): CampaignChange {
  return {
    ...rest,
    ...readCalling(calling),
    ...(schedule === null ? { schedule } : readSchedule(schedule)),
  };
}

export function campaignRoutes({
  app,
}: {
  readonly app: Pick<AppForHttp, 'campaigns' | 'audience' | 'forecasts' | 'performance' | 'runCampaigns'>;
}): Route[] {
  /** One word to a campaign, and the campaign as it is then. */
  const turn = (
    word: string,
    summary: string,
    act: (campaignId: string, by: string) => ReturnType<AppForHttp['campaigns']['start']>,
    more: readonly 'campaign_not_ready'[] = [],
  ): Route =>
    route({
      method: 'POST',
      path: `/api/v1/campaigns/:campaignId/${word}`,
      summary,
      tag: 'campaigns',
      role: 'ANALYST',
      params: CampaignPath,
      body: NoWords,
      responses: { 200: { description: 'The campaign as it is now.', schema: Campaign } },
      problems: ['campaign_not_found', 'campaign_conflict', ...more],
      handle: async ({ params, caller }) => ({
        status: 200,
        json: presentCampaign(await act(params.campaignId, caller.userId)),
      }),
    });

  return [
    route({
      method: 'GET',
      path: '/api/v1/campaigns',
      summary: 'List campaigns, newest first',
      tag: 'campaigns',
      role: 'USER',
      query: CampaignQuery,
      responses: { 200: { description: 'A page of campaigns.', schema: page(Campaign) } },
      handle: async ({ query }) => ({
        status: 200,
        json: presentPage(await app.campaigns.list(query), presentCampaign),
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/campaigns',
      summary: 'Create a campaign as a draft',
      tag: 'campaigns',
      role: 'ANALYST',
      body: CampaignCreate,
      idempotency: 'kept',
      responses: { 201: { description: 'The campaign; `Location` is its address.', schema: Campaign } },
      handle: async ({ body, caller }) => {
        const campaign = await app.campaigns.create(readNew(body), caller.userId);
        return {
          status: 201,
          json: presentCampaign(campaign),
          headers: { location: `/api/v1/campaigns/${campaign._id}` },
        };
      },
    }),
    // Before the campaigns, for these have a word where a campaign has its id.
    route({
      method: 'GET',
      path: '/api/v1/campaigns/work',
      summary: 'How each of up to 100 campaigns stands at this moment',
      tag: 'campaigns',
      role: 'USER',
      query: CampaignWorksQuery,
      responses: { 200: { description: 'Those that are there.', schema: CampaignWorks } },
      handle: async ({ query }) => {
        const items = [];
        for (const id of query.ids) {
          // One after the other: each goes through all leads of a campaign.
          const work = await app.runCampaigns.work(id).catch((error) => {
            if (isFailure(error, 'campaign_not_found')) return undefined;
            throw error;
          });
          if (work) items.push(presentWork(work));
        }
        return { status: 200, json: { items } };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/campaigns/audience',
      summary: 'How many leads a targeting takes',
      tag: 'campaigns',
      role: 'USER',
      body: AudienceQuery,
      responses: { 200: { description: 'The count, as far as it got in a moment.', schema: Audience } },
      handle: async ({ body }) => ({ status: 200, json: await app.audience(body) }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/campaigns/:campaignId',
      summary: 'One campaign',
      tag: 'campaigns',
      role: 'USER',
      params: CampaignPath,
      responses: { 200: { description: 'The campaign.', schema: Campaign } },
      problems: ['campaign_not_found'],
      handle: async ({ params }) => ({
        status: 200,
        json: presentCampaign(await app.campaigns.get(params.campaignId)),
      }),
    }),
    route({
      method: 'PATCH',
      path: '/api/v1/campaigns/:campaignId',
      summary: 'Change a campaign',
      tag: 'campaigns',
      role: 'ANALYST',
      params: CampaignPath,
      body: CampaignPatch,
      responses: { 200: { description: 'The campaign as it is now.', schema: Campaign } },
      problems: ['campaign_not_found'],
      handle: async ({ params, body, caller }) => ({
        status: 200,
        json: presentCampaign(await app.campaigns.update(params.campaignId, readChange(body), caller.userId)),
      }),
    }),
    route({
      method: 'DELETE',
      path: '/api/v1/campaigns/:campaignId',
      summary: 'Delete a draft that nothing belongs to',
      tag: 'campaigns',
      role: 'ANALYST',
      params: CampaignPath,
      responses: { 204: { description: 'It is gone.' } },
      problems: ['campaign_not_found', 'campaign_conflict'],
      handle: async ({ params, caller }) => {
        await app.campaigns.remove(params.campaignId, caller.userId);
        return { status: 204 };
      },
    }),
    turn(
      'start',
      'Let a draft or a paused campaign work by itself, from where it stood',
      (campaignId, by) => app.campaigns.start(campaignId, by),
      ['campaign_not_ready'],
    ),
    route({
      method: 'POST',
      path: '/api/v1/campaigns/:campaignId/pause',
      summary: 'Begin nothing more for a campaign; calls under way end by themselves',
      tag: 'campaigns',
      role: 'ANALYST',
      params: CampaignPath,
      body: PauseRequest,
      responses: { 200: { description: 'The campaign as it is now.', schema: Campaign } },
      problems: ['campaign_not_found', 'campaign_conflict'],
      handle: async ({ params, body, caller }) => ({
        status: 200,
        json: presentCampaign(await app.campaigns.pause(params.campaignId, body?.reason, caller.userId)),
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/campaigns/:campaignId/forecast',
      summary: 'Ask the gate about every lead of a campaign, in the background, and live through its pace',
      tag: 'campaigns',
      role: 'USER',
      params: CampaignPath,
      body: NoWords,
      responses: { 202: { description: 'The forecast that is being made.', schema: Forecast } },
      problems: ['campaign_not_found', 'shutting_down'],
      handle: async ({ params }) => ({
        status: 202,
        json: presentForecast(await app.forecasts.start(params.campaignId)),
        headers: { location: `/api/v1/campaigns/${params.campaignId}/forecast` },
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/campaigns/:campaignId/forecast',
      summary: 'The newest forecast of a campaign, finished or under way',
      tag: 'campaigns',
      role: 'USER',
      params: CampaignPath,
      responses: { 200: { description: 'The forecast.', schema: Forecast } },
      problems: ['campaign_not_found', 'not_found'],
      handle: async ({ params }) => ({
        status: 200,
        json: presentForecast(await app.forecasts.get(params.campaignId)),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/campaigns/:campaignId/work',
      summary: 'How a campaign stands at this moment: what is due, in progress, waiting and why',
      tag: 'campaigns',
      role: 'USER',
      params: CampaignPath,
      responses: { 200: { description: 'The moment.', schema: CampaignWork } },
      problems: ['campaign_not_found'],
      handle: async ({ params }) => ({
        status: 200,
        json: presentWork(await app.runCampaigns.work(params.campaignId)),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/campaigns/:campaignId/enrollments',
      summary: 'Where each lead of a campaign stands',
      tag: 'campaigns',
      role: 'USER',
      params: CampaignPath,
      query: EnrollmentQuery,
      responses: { 200: { description: 'A page of enrollments.', schema: page(Enrollment) } },
      problems: ['campaign_not_found'],
      handle: async ({ params, query }) => ({
        status: 200,
        json: presentPage(await app.runCampaigns.enrollments(params.campaignId, query), presentEnrollment),
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/campaigns/:campaignId/leads/:leadId/reopen',
      summary: 'Begin anew with a lead that the campaign is done with',
      tag: 'campaigns',
      role: 'ANALYST',
      params: z.object({ campaignId: Id, leadId: Id }),
      body: NoWords,
      responses: { 200: { description: 'Where the lead stands now.', schema: Enrollment } },
      problems: ['campaign_not_found', 'not_found', 'campaign_conflict'],
      handle: async ({ params: { campaignId, leadId } }) => ({
        status: 200,
        json: presentEnrollment(await app.runCampaigns.reopen(campaignId, leadId)),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/campaigns/:campaignId/performance',
      summary: 'What came of a campaign: figures, funnel, outcomes, hours, days, messages',
      tag: 'campaigns',
      role: 'USER',
      params: CampaignPath,
      query: PerformanceQuery,
      responses: { 200: { description: 'Computed from calls, leads and messages.', schema: Performance } },
      problems: ['campaign_not_found'],
      handle: async ({ params, query: { from, to } }) => ({
        status: 200,
        json: presentPerformance(
          await app.performance(params.campaignId, present({ from: date(from), to: date(to) })),
        ),
      }),
    }),
    turn('complete', 'End a campaign for good', (campaignId, by) => app.campaigns.complete(campaignId, by)),
  ];
}

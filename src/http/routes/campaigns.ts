/** http/routes/campaigns: what calls are made for. */
import { z } from 'zod';
import { Campaign, CampaignCreate, CampaignPatch, CampaignQuery, Id, page } from '../../contract/index.ts';
import type { AppForHttp } from '../needs.ts';
import { presentCampaign, presentPage } from '../present.ts';
import { type Route, route } from '../route.ts';
import { phoneAt, present } from './read.ts';

const CampaignPath = z.object({ campaignId: Id });

function readCalling(given: z.output<typeof CampaignCreate>['calling']): { calling?: typeof given & object } {
  if (given === undefined) return {};
  const { transferNumber, ...rest } = given;
  const number = phoneAt('body', '/calling/transferNumber', transferNumber);
  return { calling: { ...rest, ...present({ transferNumber: number }) } };
}

export function campaignRoutes({ app }: { readonly app: Pick<AppForHttp, 'campaigns'> }): Route[] {
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
        const campaign = await app.campaigns.create({ ...body, ...readCalling(body.calling) }, caller.userId);
        return {
          status: 201,
          json: presentCampaign(campaign),
          headers: { location: `/api/v1/campaigns/${campaign._id}` },
        };
      },
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
      handle: async ({ params, body, caller }) => {
        const change = { ...body, ...readCalling(body.calling) };
        const campaign = await app.campaigns.update(params.campaignId, change, caller.userId);
        return { status: 200, json: presentCampaign(campaign) };
      },
    }),
  ];
}

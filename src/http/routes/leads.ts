/** http/routes/leads: people we may call, and what happened around them. */
import { z } from 'zod';
import {
  CreatedLead,
  Id,
  Lead,
  LeadCreate,
  LeadPatch,
  LeadQuery,
  page,
  Timeline,
} from '../../contract/index.ts';
import type { AppForHttp } from '../needs.ts';
import {
  presentCreatedLead,
  presentLead,
  presentListedLead,
  presentPage,
  presentTimeline,
} from '../present.ts';
import { type Route, route } from '../route.ts';
import { consentGiven, date, phoneAt, present } from './read.ts';

const visitGiven = ({ journey, ...visit }: NonNullable<z.output<typeof LeadCreate>['web']>) => ({
  ...visit,
  journey: journey.map((page) => ({ ...page, timestamp: new Date(page.timestamp) })),
});

const LeadPath = z.object({ leadId: Id });

export function leadRoutes({ app }: { readonly app: Pick<AppForHttp, 'leads'> }): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/leads',
      summary: 'List leads, newest first',
      tag: 'leads',
      role: 'USER',
      query: LeadQuery,
      responses: { 200: { description: 'A page of leads.', schema: page(Lead) } },
      handle: async ({ query }) => {
        const { phone, from, to, ...rest } = query;
        const found = await app.leads.list({
          ...rest,
          ...present({ phone: phoneAt('query', 'phone', phone), from: date(from), to: date(to) }),
        });
        return { status: 200, json: presentPage(found, presentListedLead) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/leads',
      summary: 'Create a lead, with the evidence of its consent when there is one',
      tag: 'leads',
      role: 'ANALYST',
      body: LeadCreate,
      idempotency: 'kept',
      responses: { 201: { description: 'The lead; `Location` is its address.', schema: CreatedLead } },
      problems: ['duplicate_key'],
      handle: async ({ body, caller }) => {
        const { contact, consent, web, ...rest } = body;
        const { phone, alternatePhone, ...person } = contact;
        const lead = await app.leads.create(
          {
            ...rest,
            contact: {
              ...person,
              phone: phoneAt('body', '/contact/phone', phone),
              ...present({ alternatePhone: phoneAt('body', '/contact/alternatePhone', alternatePhone) }),
            },
            ...present({
              web: web && visitGiven(web),
              consent: consent === undefined ? undefined : consentGiven(consent),
            }),
          },
          caller.userId,
        );
        return {
          status: 201,
          json: presentCreatedLead(lead),
          headers: { location: `/api/v1/leads/${lead._id}` },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/leads/:leadId',
      summary: 'One lead',
      tag: 'leads',
      role: 'USER',
      params: LeadPath,
      responses: { 200: { description: 'The lead.', schema: Lead } },
      problems: ['lead_not_found'],
      handle: async ({ params }) => ({ status: 200, json: presentLead(await app.leads.get(params.leadId)) }),
    }),
    route({
      method: 'PATCH',
      path: '/api/v1/leads/:leadId',
      summary: 'Change a lead',
      tag: 'leads',
      role: 'ANALYST',
      params: LeadPath,
      body: LeadPatch,
      responses: { 200: { description: 'The lead as it is now.', schema: Lead } },
      problems: ['lead_not_found', 'duplicate_key'],
      handle: async ({ params, body, caller }) => {
        const { contact, nextFollowUp, web, ...rest } = body;
        const { phone, alternatePhone, ...person }: NonNullable<typeof contact> = contact ?? {};
        const change = {
          ...rest,
          ...present({
            contact:
              contact === undefined
                ? undefined
                : {
                    ...person,
                    ...present({
                      phone: phoneAt('body', '/contact/phone', phone),
                      alternatePhone: phoneAt('body', '/contact/alternatePhone', alternatePhone),
                    }),
                  },
            nextFollowUp: nextFollowUp === null ? null : date(nextFollowUp),
            web: web && visitGiven(web),
          }),
        };
        return {
          status: 200,
          json: presentLead(await app.leads.update(params.leadId, change, caller.userId)),
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/leads/:leadId/timeline',
      summary: 'Everything that happened around a lead, oldest first',
      tag: 'leads',
      role: 'USER',
      params: LeadPath,
      responses: { 200: { description: 'The timeline.', schema: Timeline } },
      problems: ['lead_not_found'],
      handle: async ({ params }) => {
        const entries = (await app.leads.timeline(params.leadId)).map(presentTimeline);
        return { status: 200, json: { leadId: params.leadId, entries } };
      },
    }),
  ];
}

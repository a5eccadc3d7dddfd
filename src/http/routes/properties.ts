/** http/routes/properties: houses, what they are worth, how leads are judged by them; and the people behind leads. */
import { z } from 'zod';
import {
  Contact,
  ContactQuery,
  Id,
  Property,
  PropertyCreate,
  PropertyPatch,
  PropertyQuery,
  page,
  Qualification,
} from '../../contract/index.ts';
import type { PropertyChange } from '../../domain/property.ts';
import type { AppForHttp } from '../needs.ts';
import { presentContact, presentPage, presentProperty } from '../present.ts';
import { type Route, route } from '../route.ts';
import { date, phoneAt, present } from './read.ts';

const PropertyPath = z.object({ propertyId: Id });
const LeadPath = z.object({ leadId: Id });

/** What a body says of a property, its instants read. */
function factsOf({ owner, comparables, ...rest }: PropertyPatch): PropertyChange {
  return {
    ...rest,
    ...present({
      owner: owner && { ...owner, ...present({ ownedSince: date(owner.ownedSince) }) },
      comparables: comparables?.map((each) => ({ ...each, soldDate: new Date(each.soldDate) })),
    }),
  } as PropertyChange;
}

export function propertyRoutes({
  app,
}: {
  readonly app: Pick<AppForHttp, 'properties' | 'contacts'>;
}): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/properties',
      summary: 'Houses that leads are about, newest first',
      tag: 'properties',
      role: 'USER',
      query: PropertyQuery,
      responses: { 200: { description: 'A page of properties.', schema: page(Property) } },
      handle: async ({ query }) => ({
        status: 200,
        json: presentPage(await app.properties.list(query), presentProperty),
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/properties',
      summary: 'Add a house; its worth is computed from its comparables',
      tag: 'properties',
      role: 'ANALYST',
      body: PropertyCreate,
      idempotency: 'kept',
      responses: { 201: { description: 'The property; `Location` is its address.', schema: Property } },
      problems: ['duplicate_key'],
      handle: async ({ body }) => {
        const made = await app.properties.create({ ...factsOf(body), address: body.address });
        return {
          status: 201,
          json: presentProperty(made),
          headers: { location: `/api/v1/properties/${made._id}` },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/properties/:propertyId',
      summary: 'One house',
      tag: 'properties',
      role: 'USER',
      params: PropertyPath,
      responses: { 200: { description: 'The property.', schema: Property } },
      problems: ['not_found'],
      handle: async ({ params }) => ({
        status: 200,
        json: presentProperty(await app.properties.get(params.propertyId)),
      }),
    }),
    route({
      method: 'PATCH',
      path: '/api/v1/properties/:propertyId',
      summary: 'Change a house; it is valued anew and its leads are judged again',
      tag: 'properties',
      role: 'ANALYST',
      params: PropertyPath,
      body: PropertyPatch,
      responses: { 200: { description: 'The property as it is now.', schema: Property } },
      problems: ['not_found', 'duplicate_key'],
      handle: async ({ params, body, caller }) => ({
        status: 200,
        json: presentProperty(await app.properties.update(params.propertyId, factsOf(body), caller.userId)),
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/properties/:propertyId/leads',
      summary: 'Say that a lead is about this house; the lead is judged by it',
      tag: 'properties',
      role: 'ANALYST',
      params: PropertyPath,
      body: z.strictObject({ leadId: Id }),
      responses: { 200: { description: 'The property with its leads.', schema: Property } },
      problems: ['not_found', 'lead_not_found'],
      handle: async ({ params, body, caller }) => ({
        status: 200,
        json: presentProperty(await app.properties.link(params.propertyId, body.leadId, caller.userId)),
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/leads/:leadId/qualify',
      summary: 'Judge a lead by what is known of it, its house and its campaign now',
      tag: 'leads',
      role: 'ANALYST',
      params: LeadPath,
      responses: { 200: { description: 'The score, and what it rests on.', schema: Qualification } },
      problems: ['lead_not_found'],
      handle: async ({ params, caller }) => ({
        status: 200,
        json: await app.properties.qualifyLead(params.leadId, caller.userId),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/leads/:leadId/contact',
      summary: 'The person behind a lead, with all leads that are that person',
      tag: 'leads',
      role: 'USER',
      params: LeadPath,
      responses: { 200: { description: 'The contact.', schema: Contact } },
      problems: ['lead_not_found'],
      handle: async ({ params }) => ({
        status: 200,
        json: presentContact(await app.contacts.ofLead(params.leadId)),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/contacts',
      summary: 'People behind leads, last seen first',
      tag: 'leads',
      role: 'USER',
      query: ContactQuery,
      responses: { 200: { description: 'A page of contacts.', schema: page(Contact) } },
      handle: async ({ query }) => {
        const { phone, ...rest } = query;
        const found = await app.contacts.list({
          ...rest,
          ...present({ phone: phoneAt('query', 'phone', phone) }),
        });
        return { status: 200, json: presentPage(found, presentContact) };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/contacts/:contactId',
      summary: 'One person behind leads',
      tag: 'leads',
      role: 'USER',
      params: z.object({ contactId: Id }),
      responses: { 200: { description: 'The contact.', schema: Contact } },
      problems: ['not_found'],
      handle: async ({ params }) => ({
        status: 200,
        json: presentContact(await app.contacts.get(params.contactId)),
      }),
    }),
  ];
}

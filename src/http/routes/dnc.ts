/** http/routes/dnc: numbers that must not be called: entries made by hand. */
import { z } from 'zod';
import { DncAdd, DncEntry, DncQuery, DncRelease, PhoneText, page } from '../../contract/index.ts';
import type { Audit } from '../audit.ts';
import type { AppForHttp } from '../needs.ts';
import { presentDnc, presentPage } from '../present.ts';
import { type Route, route } from '../route.ts';
import { date, phoneAt, present } from './read.ts';

export function dncRoutes({
  app,
  audit,
}: {
  readonly app: Pick<AppForHttp, 'dnc'>;
  readonly audit: Audit;
}): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/dnc',
      summary: 'Numbers that must not be called',
      tag: 'compliance',
      role: 'USER',
      query: DncQuery,
      responses: { 200: { description: 'A page of entries.', schema: page(DncEntry) } },
      handle: async ({ query }) => {
        const { phone, from, to, ...rest } = query;
        const found = await app.dnc.list({
          ...rest,
          ...present({ phone: phoneAt('query', 'phone', phone), from: date(from), to: date(to) }),
        });
        return { status: 200, json: presentPage(found, presentDnc) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/dnc',
      summary: 'Put a number on a list; holds at once',
      tag: 'compliance',
      role: 'USER',
      body: DncAdd,
      idempotency: 'kept',
      responses: { 201: { description: 'The entry.', schema: DncEntry } },
      handle: async ({ body, caller }) => {
        const entry = await app.dnc.add(
          { ...body, phone: phoneAt('body', '/phone', body.phone) },
          caller.userId,
        );
        return { status: 201, json: presentDnc(entry) };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/dnc/:phone/release',
      summary: 'Take a number off a list; the reason is kept for ever',
      tag: 'compliance',
      role: 'ADMIN',
      params: z.object({ phone: PhoneText }),
      body: DncRelease,
      responses: { 200: { description: 'The released entry.', schema: DncEntry } },
      problems: ['not_found'],
      handle: async ({ params, body, caller, requestId }) => {
        const phone = phoneAt('path', 'phone', params.phone);
        const entry = await app.dnc.release({ ...body, phone }, caller.userId);
        audit(
          'dnc.release',
          { caller, requestId },
          { entryId: entry._id, scope: entry.scope, pii: { phone } },
        );
        return { status: 200, json: presentDnc(entry) };
      },
    }),
  ];
}

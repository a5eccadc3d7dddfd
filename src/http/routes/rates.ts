/** http/routes/rates: what the vendors charge. */
import { Rates, RatesPatch } from '../../contract/index.ts';
import type { AppForHttp } from '../needs.ts';
import { type Route, route } from '../route.ts';
import { present } from './read.ts';

export const ratesRoutes = ({ app }: { readonly app: Pick<AppForHttp, 'rates'> }): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/settings/rates',
    summary: 'What the vendors charge',
    tag: 'settings',
    role: 'USER',
    responses: { 200: { description: 'The rates in force.', schema: Rates } },
    handle: async () => ({ status: 200, json: await app.rates.read() }),
  }),
  route({
    method: 'PATCH',
    path: '/api/v1/settings/rates',
    summary: 'Change what the vendors charge',
    tag: 'settings',
    role: 'ADMIN',
    body: RatesPatch,
    responses: { 200: { description: 'The rates from now on.', schema: Rates } },
    handle: async ({ body, caller }) => ({
      status: 200,
      json: await app.rates.change(present(body), caller.userId),
    }),
  }),
];

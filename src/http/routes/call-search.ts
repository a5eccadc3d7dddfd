/** http/routes/call-search: calls by what was said in them. */
import { CallSearchQuery, FoundCalls } from '../../contract/index.ts';
import type { AppForHttp } from '../needs.ts';
import { presentCall } from '../present.ts';
import { type Route, route } from '../route.ts';
import { date, present } from './read.ts';

export const callSearchRoutes = ({ app }: { readonly app: Pick<AppForHttp, 'calls'> }): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/calls/search',
    summary: 'Find calls by what was said in them, newest first',
    tag: 'calls',
    role: 'USER',
    query: CallSearchQuery,
    responses: { 200: { description: 'A page of calls, with the places.', schema: FoundCalls } },
    handle: async ({ query }) => {
      const { from, to, ...rest } = query;
      const found = await app.calls.search({ ...rest, ...present({ from: date(from), to: date(to) }) });
      return {
        status: 200,
        json: {
          items: found.items.map(({ call, said }) => ({
            call: presentCall(call),
            said: said.map(({ index, speaker, text, timestamp }) => ({ index, speaker, text, timestamp })),
          })),
          ...present({ nextCursor: found.nextCursor }),
          complete: found.complete,
        },
      };
    },
  }),
];

/** http/routes/demo: a sample campaign, where the phones are made up too. */
import { Demo, NoWords } from '../../contract/index.ts';
import { Failure } from '../../domain/errors.ts';
import type { BeginDemo } from '../needs.ts';
import { type Route, route } from '../route.ts';

/** `demo` is absent where calls reach real phones. */
export const demoRoutes = ({ demo }: { readonly demo?: BeginDemo | undefined }): Route[] => [
  route({
    method: 'POST',
    path: '/api/v1/demo',
    summary: 'Bring in a sample campaign of made-up people; only while the carrier is the built-in one',
    tag: 'campaigns',
    role: 'ANALYST',
    body: NoWords,
    responses: { 202: { description: 'Its people come in during the next seconds.', schema: Demo } },
    problems: ['not_found'],
    handle: async ({ caller }) => {
      if (!demo) throw new Failure('not_found', 'The sample campaign is for the built-in carrier only.');
      return { status: 202, json: await demo(caller.userId) };
    },
  }),
];

/** http/routes/analyses: what was understood of a call, by whom, how two analyses differ, and where a person says it is wrong. */
import { z } from 'zod';
import { AnalysisRequest, CallAnalyses, CallAnalysis, Id, WrongClaimMark } from '../../contract/index.ts';
import type { AppForHttp } from '../needs.ts';
import { presentAnalysis } from '../present.ts';
import { type Route, route } from '../route.ts';
import { present } from './read.ts';

const CallPath = z.object({ callId: Id });
const AnalysisPath = CallPath.extend({ analysisId: Id });
const Two = z
  .string()
  .regex(/^[0-9a-f]{24},[0-9a-f]{24}$/, 'must be two ids with a comma between')
  .transform((text): [string, string] => [text.slice(0, 24), text.slice(25)])
  .meta({ description: 'Ids of two analyses of this call, with a comma between.' });

export function analysisRoutes({ app }: { readonly app: Pick<AppForHttp, 'analyses'> }): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/calls/:callId/analyses',
      summary: 'Every analysis of a call, newest first; with `compare`, what two of them say differently',
      tag: 'calls',
      role: 'USER',
      params: CallPath,
      query: z.strictObject({ compare: z.exactOptional(Two) }),
      responses: { 200: { description: 'The analyses.', schema: CallAnalyses } },
      problems: ['call_not_found', 'not_found', 'invalid_request'],
      handle: async ({ params, query }) => {
        const { items, differences } = await app.analyses.list(params.callId, query.compare);
        return {
          status: 200,
          json: { items: items.map(presentAnalysis), ...present({ differences }) },
        };
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/calls/:callId/analyses',
      summary: 'Analyse a call that is over once more',
      tag: 'calls',
      role: 'ANALYST',
      params: CallPath,
      body: AnalysisRequest,
      responses: {
        202: {
          description: 'It will be made in a moment; the list of analyses has it.',
          schema: CallAnalysis,
        },
      },
      problems: ['call_not_found', 'invalid_request', 'analysis_unavailable'],
      handle: async ({ params, body, caller }) => ({
        status: 202,
        json: presentAnalysis(await app.analyses.request({ ...params, ...body }, caller.userId)),
        headers: { location: `/api/v1/calls/${params.callId}/analyses` },
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/calls/:callId/analyses/:analysisId/wrong',
      summary: 'Say that a claim of an analysis is wrong',
      tag: 'calls',
      role: 'ANALYST',
      params: AnalysisPath,
      body: WrongClaimMark,
      responses: { 200: { description: 'The analysis, marked.', schema: CallAnalysis } },
      problems: ['not_found', 'invalid_request'],
      handle: async ({ params, body, caller }) => ({
        status: 200,
        json: presentAnalysis(await app.analyses.markWrong({ ...params, ...body }, caller.userId)),
      }),
    }),
  ];
}

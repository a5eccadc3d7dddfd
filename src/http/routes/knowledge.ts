/** http/routes/knowledge: what the agent may look up: read, written anew, put in and out of use; and what the architect proposes. */
import { z } from 'zod';
import {
  Id,
  KnowledgeCreate,
  KnowledgeList,
  KnowledgePath,
  KnowledgeProposal,
  KnowledgeProposals,
  KnowledgeQuery,
  KnowledgeSave,
  KnowledgeTopic,
  KnowledgeUses,
  KnowledgeVersionPath,
  ProposalAccept,
  ProposalQuery,
  ProposalReject,
} from '../../contract/index.ts';
import type { AppForHttp } from '../needs.ts';
import { presentPage, presentProposal, presentTopic, presentUse } from '../present.ts';
import { type Route, route } from '../route.ts';

const ProposalPath = z.object({ proposalId: Id });
const MOST_USES = 100;
const TOPIC = { description: 'The entry with all its versions.', schema: KnowledgeTopic };

export const knowledgeRoutes = ({
  app: { knowledge },
}: {
  readonly app: Pick<AppForHttp, 'knowledge'>;
}): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/knowledge',
    summary: 'What the agent may look up, by key',
    tag: 'knowledge',
    role: 'USER',
    query: KnowledgeQuery,
    responses: { 200: { description: 'All entries with their versions.', schema: KnowledgeList } },
    handle: async ({ query }) => ({
      status: 200,
      json: { items: (await knowledge.list(query.kind)).map(presentTopic) },
    }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/knowledge',
    summary: 'Make an entry: its first version is in use from now on',
    tag: 'knowledge',
    role: 'ANALYST',
    body: KnowledgeCreate,
    idempotency: 'kept',
    responses: { 201: TOPIC },
    problems: ['knowledge_conflict'],
    handle: async ({ body, caller }) => ({
      status: 201,
      json: presentTopic(await knowledge.save({ ...body, basedOn: 0 }, caller.userId)),
      headers: { location: `/api/v1/knowledge/${body.key}` },
    }),
  }),
  // Before the entries: its path has a word where an entry has its key.
  route({
    method: 'GET',
    path: '/api/v1/knowledge/proposals',
    summary: 'Versions that the architect proposes, newest first',
    tag: 'knowledge',
    role: 'USER',
    query: ProposalQuery,
    responses: { 200: { description: 'A page of proposals.', schema: KnowledgeProposals } },
    handle: async ({ query }) => ({
      status: 200,
      json: presentPage(await knowledge.proposals.list(query), presentProposal),
    }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/knowledge/proposals/:proposalId',
    summary: 'One proposal with the words it rests on',
    tag: 'knowledge',
    role: 'USER',
    params: ProposalPath,
    responses: { 200: { description: 'The proposal.', schema: KnowledgeProposal } },
    problems: ['not_found'],
    handle: async ({ params }) => ({
      status: 200,
      json: presentProposal(await knowledge.proposals.get(params.proposalId)),
    }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/knowledge/proposals/:proposalId/accept',
    summary: 'Make a proposal the version in use, as it is or edited',
    tag: 'knowledge',
    role: 'ANALYST',
    params: ProposalPath,
    body: ProposalAccept,
    responses: { 200: TOPIC },
    problems: ['not_found', 'knowledge_conflict'],
    handle: async ({ params, body, caller }) => ({
      status: 200,
      json: presentTopic(await knowledge.proposals.accept(params.proposalId, body, caller.userId)),
    }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/knowledge/proposals/:proposalId/reject',
    summary: 'Reject a proposal, and say why',
    tag: 'knowledge',
    role: 'ANALYST',
    params: ProposalPath,
    body: ProposalReject,
    responses: { 200: { description: 'The rejected proposal.', schema: KnowledgeProposal } },
    problems: ['not_found', 'knowledge_conflict'],
    handle: async ({ params, body, caller }) => ({
      status: 200,
      json: presentProposal(await knowledge.proposals.reject(params.proposalId, body.reason, caller.userId)),
    }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/knowledge/:key',
    summary: 'One entry with all its versions, newest first',
    tag: 'knowledge',
    role: 'USER',
    params: KnowledgePath,
    responses: { 200: TOPIC },
    problems: ['not_found'],
    handle: async ({ params }) => ({ status: 200, json: presentTopic(await knowledge.get(params.key)) }),
  }),
  route({
    method: 'PUT',
    path: '/api/v1/knowledge/:key',
    summary: 'Save a new version of an entry, in use from now on',
    tag: 'knowledge',
    role: 'ANALYST',
    params: KnowledgePath,
    body: KnowledgeSave,
    idempotency: 'kept',
    responses: { 200: TOPIC },
    problems: ['knowledge_conflict'],
    handle: async ({ params, body, caller }) => ({
      status: 200,
      json: presentTopic(await knowledge.save({ key: params.key, ...body }, caller.userId)),
    }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/knowledge/:key/versions/:version/activate',
    summary: 'Put a version in use instead of the one that is',
    tag: 'knowledge',
    role: 'ANALYST',
    params: KnowledgeVersionPath,
    responses: { 200: TOPIC },
    problems: ['not_found'],
    handle: async ({ params, caller }) => ({
      status: 200,
      json: presentTopic(await knowledge.activate(params.key, params.version, caller.userId)),
    }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/knowledge/:key/deactivate',
    summary: 'Put an entry out of use; its versions are kept',
    tag: 'knowledge',
    role: 'ANALYST',
    params: KnowledgePath,
    responses: { 200: TOPIC },
    problems: ['not_found'],
    handle: async ({ params, caller }) => ({
      status: 200,
      json: presentTopic(await knowledge.deactivate(params.key, caller.userId)),
    }),
  }),
  route({
    method: 'GET',
    path: '/api/v1/knowledge/:key/uses',
    summary: 'The last calls in which an entry was looked up, and how it went',
    tag: 'knowledge',
    role: 'USER',
    params: KnowledgePath,
    responses: { 200: { description: 'Up to 100 look-ups, newest first.', schema: KnowledgeUses } },
    problems: ['not_found'],
    handle: async ({ params }) => {
      await knowledge.get(params.key);
      return {
        status: 200,
        json: { items: (await knowledge.uses(params.key, MOST_USES)).map(presentUse) },
      };
    },
  }),
];

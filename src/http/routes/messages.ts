/** http/routes/messages: texts and e-mails as they are asked for and read, and the templates they are made of. */
import { z } from 'zod';
import {
  Id,
  Message,
  MessagePreview,
  MessageQuery,
  MessageSend,
  MessageTemplate,
  MessageTemplateSave,
  PageQuery,
  page,
} from '../../contract/index.ts';
import { Failure } from '../../domain/errors.ts';
import type { AppForHttp } from '../needs.ts';
import { presentDecision, presentMessage, presentPage, presentTemplate } from '../present.ts';
import { type Route, route } from '../route.ts';

const MessagePath = z.object({ messageId: Id });
const TemplatePath = z.object({ name: z.string().regex(/^[a-z0-9_]{1,60}$/, 'is no name of a template') });
const Templates = page(MessageTemplate);

/** What could not be checked may be checked again after this long (reference §8). */
const CHECK_AGAIN_SEC = 300;

export function messageRoutes({ app }: { readonly app: Pick<AppForHttp, 'messages'> }): Route[] {
  const { templates } = app.messages;
  return [
    route({
      method: 'GET',
      path: '/api/v1/messages',
      summary: 'List texts and e-mails, newest first',
      tag: 'messages',
      role: 'USER',
      query: MessageQuery,
      responses: { 200: { description: 'A page of messages.', schema: page(Message) } },
      handle: async ({ query }) => ({
        status: 200,
        json: presentPage(await app.messages.list(query), presentMessage),
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/messages',
      summary: 'Send a text or an e-mail to a lead, if the gate permits it',
      tag: 'messages',
      role: 'ANALYST',
      body: MessageSend,
      idempotency: 'passed',
      responses: {
        201: {
          description:
            'The message; its status says whether the carrier or mail server took it. With the same Idempotency-Key it is sent once; one that was denied is judged anew.',
          schema: Message,
        },
      },
      problems: [
        'message_denied',
        'message_unavailable',
        'attempt_in_progress',
        'lead_not_found',
        'campaign_not_found',
        'not_found',
        'idempotency_conflict',
        'shutting_down',
      ],
      handle: async ({ body, caller, idempotencyKey, requestId }) => {
        const sent = await app.messages.send({
          ...body,
          // Two people may choose the same key.
          attemptKey: `api:${caller.userId}:${idempotencyKey ?? requestId}`.slice(0, 200),
          requestedBy: caller.userId,
        });
        if (sent.kind === 'denied')
          throw new Failure('message_denied', sent.decision.explanation, {
            details: {
              decision: presentDecision(sent.decision),
              message: presentMessage(sent.message),
              ...(sent.decision.reason === 'check_error' ? { retryInSec: CHECK_AGAIN_SEC } : {}),
            },
          });
        return {
          status: 201,
          json: presentMessage(sent.message),
          headers: { location: `/api/v1/messages/${sent.message._id}` },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/messages/:messageId',
      summary: 'One text or e-mail',
      tag: 'messages',
      role: 'USER',
      params: MessagePath,
      responses: { 200: { description: 'The message.', schema: Message } },
      problems: ['not_found'],
      handle: async ({ params }) => ({
        status: 200,
        json: presentMessage(await app.messages.get(params.messageId)),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/message-templates',
      summary: 'The newest version of each message template',
      tag: 'messages',
      role: 'USER',
      query: PageQuery,
      responses: { 200: { description: 'All of them, retired ones last.', schema: Templates } },
      handle: async () => ({
        status: 200,
        json: { items: (await templates.list()).map(presentTemplate) },
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/message-templates',
      summary: 'Save a message template: a new version, in use from now on',
      tag: 'messages',
      role: 'ANALYST',
      body: MessageTemplateSave,
      idempotency: 'kept',
      responses: { 201: { description: 'The new version.', schema: MessageTemplate } },
      handle: async ({ body, caller }) => ({
        status: 201,
        json: presentTemplate(await templates.save(body, caller.userId)),
        headers: { location: `/api/v1/message-templates/${body.name}` },
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/message-templates/preview',
      summary: 'A message as the sample person would get it; nothing is kept',
      tag: 'messages',
      role: 'USER',
      body: MessageTemplateSave,
      responses: { 200: { description: 'The message.', schema: MessagePreview } },
      handle: ({ body }) => ({ status: 200, json: templates.preview(body) }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/message-templates/:name',
      summary: 'The newest version of a message template',
      tag: 'messages',
      role: 'USER',
      params: TemplatePath,
      responses: { 200: { description: 'The template.', schema: MessageTemplate } },
      problems: ['not_found'],
      handle: async ({ params }) => ({
        status: 200,
        json: presentTemplate(await templates.get(params.name)),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/message-templates/:name/versions',
      summary: 'Every version of a message template, newest first',
      tag: 'messages',
      role: 'USER',
      params: TemplatePath,
      query: PageQuery,
      responses: { 200: { description: 'All of them.', schema: Templates } },
      problems: ['not_found'],
      handle: async ({ params }) => ({
        status: 200,
        json: { items: (await templates.versions(params.name)).map(presentTemplate) },
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/message-templates/:name/retire',
      summary: 'Retire a message template that no campaign uses; its versions are kept',
      tag: 'messages',
      role: 'ANALYST',
      params: TemplatePath,
      responses: { 200: { description: 'The retired template.', schema: MessageTemplate } },
      problems: ['not_found', 'template_in_use'],
      handle: async ({ params }) => ({
        status: 200,
        json: presentTemplate(await templates.retire(params.name)),
      }),
    }),
  ];
}

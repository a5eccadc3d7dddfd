/** contract/messages: texts and e-mails, and the templates they are made of. */
import { z } from 'zod';
import { Id, Instant, line, PageQuery, prose } from './common.ts';
import { Decision } from './compliance.ts';

export const MessageChannel = z.enum(['sms', 'email']);
export const MessageStatus = z.enum([
  'queued',
  'denied',
  'sending',
  'sent',
  'delivered',
  'undelivered',
  'failed',
  'unconfirmed',
  'received',
]);

export const Message = z
  .object({
    id: Id,
    channel: MessageChannel,
    direction: z.enum(['outbound', 'inbound']),
    leadId: z.exactOptional(Id),
    campaignId: z.exactOptional(Id),
    to: z.string(),
    from: z.string(),
    subject: z.exactOptional(z.string()),
    text: z.string(),
    template: z.exactOptional(z.string()),
    templateVersion: z.exactOptional(z.int()),
    /** `unconfirmed`: the carrier gave no clear answer; it may have been sent, and is never sent again. */
    status: MessageStatus,
    history: z.array(z.object({ status: MessageStatus, at: Instant, detail: z.exactOptional(z.string()) })),
    complianceDecision: z.exactOptional(Decision),
    error: z.exactOptional(z.object({ code: z.string(), says: z.string() })),
    requestedBy: z.string(),
    createdAt: Instant,
    sentAt: z.exactOptional(Instant),
  })
  .meta({ id: 'Message' });
export type Message = z.infer<typeof Message>;

export const MessageQuery = PageQuery.extend({
  leadId: z.exactOptional(Id),
  campaignId: z.exactOptional(Id),
  channel: z.exactOptional(MessageChannel),
  status: z.exactOptional(MessageStatus),
});

/** Either a template, or a text of one's own. */
export const MessageSend = z
  .strictObject({
    leadId: Id,
    channel: MessageChannel,
    campaignId: z.exactOptional(Id),
    template: z.exactOptional(line(60)),
    subject: z.exactOptional(line(200)),
    text: z.exactOptional(prose(5000)),
  })
  .refine((value) => (value.template === undefined) !== (value.text === undefined), {
    error: 'give a template or a text',
    path: ['template'],
  })
  .meta({ id: 'MessageSend' });
export type MessageSend = z.infer<typeof MessageSend>;

const TemplateName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_]{0,59}$/, 'must be lower-case letters, digits and _');

/** Placeholders as {{first_name}}; one that is not known, or a text without what the law asks for, is refused. */
export const MessageTemplateSave = z
  .strictObject({
    name: TemplateName,
    channel: MessageChannel,
    /** E-mails only. */
    subject: z.exactOptional(line(200)),
    body: prose(5000),
  })
  .meta({ id: 'MessageTemplateSave' });
export type MessageTemplateSave = z.infer<typeof MessageTemplateSave>;

/** The newest version of a name is in use; older ones are kept, for messages were made of them. */
export const MessageTemplate = z
  .object({
    id: Id,
    name: z.string(),
    version: z.int(),
    channel: MessageChannel,
    subject: z.exactOptional(z.string()),
    body: z.string(),
    /** As the sample person would get it, with what is always added (who sends, how to stop). */
    preview: z.object({
      subject: z.exactOptional(z.string()),
      text: z.string(),
      segments: z.exactOptional(z.int()),
    }),
    /** Campaigns that use it. */
    usedBy: z.array(z.object({ id: Id, name: z.string() })),
    retiredAt: z.exactOptional(Instant),
    createdAt: Instant,
    createdBy: z.string(),
  })
  .meta({ id: 'MessageTemplate' });
export type MessageTemplate = z.infer<typeof MessageTemplate>;

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
    /** Parts of a text, as carriers count and bill them. */
    segments: z.exactOptional(z.int()),
    template: z.exactOptional(z.string()),
    templateVersion: z.exactOptional(z.int()),
    /** Of a text or e-mail of ours: where the gate, the carrier and the phone left it. `unconfirmed`: the carrier gave no clear answer; it may have been sent, and is never sent again. */
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
  template: z.exactOptional(line(60)),
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

/** What a template may leave to be filled in, {{first_name}}, and what stands there then. */
export const PLACEHOLDERS = {
  first_name: 'The first name of the lead, or "there".',
  full_name: 'First and last name, or "there".',
  seller_name: 'The name of the seller.',
  property_address: 'The address of the house, or "your property".',
  city: 'The city of the lead, or "your area".',
  callback_number: 'The number on which the seller is called back.',
  last_call: 'The day of the last call, as "on Tuesday, November 24", or "recently".',
  next_step: 'What was agreed in the last call and when, as a sentence, or an invitation to call.',
} as const;

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

/** As the sample person would get it, with what is always added (who sends, how to stop). */
export const MessagePreview = z
  .object({
    subject: z.exactOptional(z.string()),
    text: z.string(),
    segments: z.exactOptional(z.int()),
  })
  .meta({ id: 'MessagePreview' });
export type MessagePreview = z.infer<typeof MessagePreview>;

/** The newest version of a name is in use; older ones are kept, for messages were made of them. */
export const MessageTemplate = z
  .object({
    id: Id,
    name: z.string(),
    version: z.int(),
    channel: MessageChannel,
    subject: z.exactOptional(z.string()),
    body: z.string(),
    preview: MessagePreview,
    /** Campaigns that use it. */
    usedBy: z.array(z.object({ id: Id, name: z.string() })),
    retiredAt: z.exactOptional(Instant),
    createdAt: Instant,
    createdBy: z.string(),
  })
  .meta({ id: 'MessageTemplate' });
export type MessageTemplate = z.infer<typeof MessageTemplate>;

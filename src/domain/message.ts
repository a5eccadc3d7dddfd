/** domain/message: texts and e-mails that we send and get, and the templates they are made of. */
import type { Decision } from './compliance/decision.ts';
import type { Stamped } from './documents.ts';

export const MESSAGE_CHANNELS = ['sms', 'email'] as const;
export type MessageChannel = (typeof MESSAGE_CHANNELS)[number];

export const MESSAGE_STATUSES = [
  'queued',
  'denied',
  'sending',
  'sent',
  'delivered',
  'undelivered',
  'failed',
  'unconfirmed',
  'received',
] as const;
/** `unconfirmed`: the carrier gave no clear answer; it may have been sent and is never sent again. */
export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** One text or e-mail. `attemptKey` is unique: a message is sent at most once for it. */
export interface Message extends Stamped {
  readonly channel: MessageChannel;
  readonly direction: 'outbound' | 'inbound';
  readonly leadId?: string;
  readonly campaignId?: string;
  /** E.164 or an e-mail address. */
  readonly to: string;
  readonly from: string;
  readonly subject?: string;
  readonly text: string;
  /** The template and its version that the text was made of. */
  readonly template?: string;
  readonly templateVersion?: number;
  readonly status: MessageStatus;
  /** Of every change of status, oldest first. */
  readonly history: readonly {
    readonly status: MessageStatus;
    readonly at: Date;
    readonly detail?: string;
  }[];
  /** The gate's decision at the moment of sending. */
  readonly complianceDecision?: Decision;
  readonly attemptKey: string;
  /** The carrier's id of a text, or the Message-ID of an e-mail. */
  readonly vendorId?: string;
  readonly error?: { readonly code: string; readonly says: string };
  readonly requestedBy: string;
  readonly sentAt?: Date;
}

/** A text with placeholders, {{first_name}}. (name, version) is unique; the newest version is in use. */
export interface MessageTemplate extends Stamped {
  readonly name: string;
  readonly version: number;
  readonly channel: MessageChannel;
  /** E-mails only. */
  readonly subject?: string;
  readonly body: string;
  readonly createdBy: string;
  /** Present when it is no longer to be used in campaigns. */
  readonly retiredAt?: Date;
}

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
/**
 * `queued`: reserved, the gate is asked. `sending`: from here on it may arrive. `unconfirmed`: the carrier gave no clear
 * answer; it may have been sent and is never sent again.
 */
export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** What a carrier can tell of a message it took. */
export type Delivery = Extract<MessageStatus, 'sent' | 'delivered' | 'undelivered' | 'failed'>;

/** Statuses that a report of the carrier may still change into this one: reports come late, twice and in any order. */
export const BEFORE_DELIVERY: Readonly<Record<Delivery, readonly MessageStatus[]>> = {
  sent: ['sending', 'unconfirmed'],
  delivered: ['sending', 'unconfirmed', 'sent'],
  undelivered: ['sending', 'unconfirmed', 'sent'],
  failed: ['sending', 'unconfirmed', 'sent'],
};

/** How many changes of status are kept on a message. */
export const MOST_HISTORY = 50;

/**
 * One text or e-mail. `attemptKey` is unique: a message is sent at most once for it. `holds`, the person's numbers under this
 * channel ("sms:+12125550123"), exists while it is on its way: no two messages of a channel may share one. Absent, never empty.
 */
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
  readonly holds?: readonly string[];
  /** Parts of a text. */
  readonly segments?: number;
  /** The carrier's id of a text, or the Message-ID of an e-mail. */
  readonly vendorId?: string;
  readonly error?: { readonly code: string; readonly says: string };
  readonly requestedBy: string;
  readonly sentAt?: Date;
  /** Present when what it said is gone: its time was over, or the person asked for it. */
  readonly erasedAt?: Date;
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

/** dashboard/message/words: the terms of texts and e-mails in plain English. */
import type { Message, MessageTemplate } from '../../contract/index.ts';
import { count } from '../format.ts';
import type { Word } from '../words.ts';

export const CHANNEL: Record<Message['channel'], string> = { sms: 'Text', email: 'E-mail' };

export const MESSAGE_STATUS: Record<Message['status'], Word> = {
  queued: { label: 'Queued', tone: 'info' },
  denied: { label: 'Denied', tone: 'bad' },
  sending: { label: 'Sending', tone: 'info' },
  sent: { label: 'Sent', tone: 'quiet' },
  delivered: { label: 'Delivered', tone: 'good' },
  undelivered: { label: 'Not delivered', tone: 'warn' },
  failed: { label: 'Failed', tone: 'bad' },
  unconfirmed: { label: 'Unconfirmed', tone: 'warn' },
  received: { label: 'Received', tone: 'info' },
};

/** "2 parts" of a text; e-mails have none. */
export const tellSegments = (segments: number | undefined): string | undefined =>
  segments === undefined ? undefined : count(segments, 'part');

export const tellUse = ({ usedBy }: Pick<MessageTemplate, 'usedBy'>): string =>
  usedBy.length === 0 ? 'No campaign' : usedBy.map(({ name }) => name).join(', ');

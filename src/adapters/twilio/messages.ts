/**
 * adapters/twilio/messages: texts through Twilio's REST API, and what its status callbacks say of them. Sources: twilio.com/
 * docs/messaging/api/message-resource (statuses, parameters), docs/messaging/guides/track-outbound-message-status.
 */
import { z } from 'zod';
import type { CarrierText, Clock, DeliveryReport, MessageError, Messenger } from '../../app/ports.ts';
import { spendMessagePermit } from '../../domain/compliance/permit.ts';
import { Failure } from '../../domain/errors.ts';
import type { Delivery } from '../../domain/message.ts';
import type { Ask } from './client.ts';
import { textError, textFailure } from './errors.ts';
import { EVENT_DELIVERY } from './telephony.ts';

/** Longer bodies are refused (21617). */
const MAX_TEXT_CHARS = 1_600;
/** For so long a text may wait in Twilio's queue until it is given up: it was allowed now, not some hours later. */
const VALID_SEC = 300;
/** As for calls: Twilio's lists are eventually consistent, and a request whose answer we lost is over by then. */
const COMPLETE_AFTER_MS = 60_000;
const MAX_LISTED = 1_000;
/** Between our clock and Twilio's, whose creation times are cut to whole seconds. */
const CLOCK_SKEW_MS = 60_000;

export const MessageSid = z.string().regex(/^(?:SM|MM)[0-9a-fA-F]{32}$/);
/** What a message id may be made of, as it stands in the path of our callback. */
export const MessageId = z.string().regex(/^[0-9a-f]{24}$/);

/** Twilio's words. What it took and has not sent yet is on its way: nobody can call it back. */
const DELIVERY: Readonly<Record<string, Delivery>> = {
  accepted: 'sent',
  scheduled: 'sent',
  queued: 'sent',
  sending: 'sent',
  sent: 'sent',
  delivered: 'delivered',
  read: 'delivered',
  undelivered: 'undelivered',
  failed: 'failed',
  canceled: 'failed',
};

/** What became of a text, in our words; undefined for a status that we do not know. */
export function deliveryOf(
  vendorId: string,
  status: string,
  errorCode: number | undefined,
): DeliveryReport | undefined {
  const delivery = Object.hasOwn(DELIVERY, status) ? DELIVERY[status] : undefined;
  if (delivery === undefined) return undefined;
  const failed = delivery === 'undelivered' || delivery === 'failed';
  const error: MessageError | undefined = failed ? textError(errorCode) : undefined;
  return { vendorId, delivery, ...(error === undefined ? {} : { error }) };
}

export function createTexts(parts: {
  readonly ask: Ask;
  /** Our numbers: the only senders. */
  readonly numbers: readonly string[];
  /** http(s), without a slash at the end. */
  readonly publicBaseUrl: string;
  readonly clock: Clock;
}): Pick<Messenger, 'sendSms' | 'textsTo'> {
  const { ask, numbers, publicBaseUrl, clock } = parts;
  return {
    async sendSms(permit, { messageId, from, text }, signal) {
      const to = spendMessagePermit(permit, 'sms', clock.nowMs());
      const id = MessageId.safeParse(messageId).data;
      if (id === undefined || text.trim() === '' || text.length > MAX_TEXT_CHARS)
        throw new Failure('invalid_request', 'this text cannot be sent: it has no words, too many, or no id');
      if (!numbers.includes(from))
        throw new Failure('message_refused', 'the sender is not one of our numbers', {
          details: { error: { code: '21606', says: 'the sender is not one of our numbers' } },
        });
      if (signal.aborted)
        throw new Failure('message_unavailable', 'stopped before anything was sent', {
          cause: signal.reason,
        });
      const created = await ask(signal, (client) =>
        client.messages.create({
          to,
          from,
          body: text,
          statusCallback: `${publicBaseUrl}/twilio/message/${id}${EVENT_DELIVERY}`,
          validityPeriod: VALID_SEC,
        }),
      ).catch((error) => {
        throw textFailure(error);
      });
      const vendorId = MessageSid.safeParse(created.sid).data;
      if (vendorId === undefined)
        throw new Failure(
          'message_unconfirmed',
          'the carrier answered without a message SID; the text may exist',
        );
      return { vendorId };
    },

    async textsTo({ to, from, since }, signal) {
      // Before asking: the answer must be younger than that.
      const settled = clock.nowMs() >= since.getTime() + COMPLETE_AFTER_MS;
      const listed = await ask(signal, (client) =>
        // No DateSent filter: a text that waits in the carrier's queue has no such date and must not be missed.
        client.messages.list({ to, from, limit: MAX_LISTED + 1, pageSize: MAX_LISTED }),
      ).catch((error) => {
        throw new Failure('message_unavailable', 'the carrier could not be asked about texts', {
          cause: error,
        });
      });
      const texts: CarrierText[] = [];
      for (const { sid, body, status, errorCode, direction, dateCreated } of listed) {
        const createdMs = dateCreated instanceof Date ? dateCreated.getTime() : Number.NaN;
        if (direction !== 'outbound-api' || createdMs < since.getTime() - CLOCK_SKEW_MS) continue;
        const report = deliveryOf(sid, status, errorCode ?? undefined);
        texts.push({ text: body, ...(report ?? { vendorId: sid, delivery: 'sent' }) });
      }
      return { texts, complete: settled && listed.length <= MAX_LISTED };
    },
  };
}

/**
 * app/follow-messages: what becomes of a message after it was given to a carrier or a mail server. Keeps how it ended, looks
 * for what got no clear answer, takes the carrier's reports, and finishes what a process that died left open.
 */
import type { ContactAttempt } from '../domain/documents.ts';
import { isFailure } from '../domain/errors.ts';
import {
  BEFORE_DELIVERY,
  type Delivery,
  type Message,
  type MessageStatus,
  MOST_HISTORY,
} from '../domain/message.ts';
import type { OptOutOrKeep } from './opt-out.ts';
import type { Clock, DeliveryReport, Log, MessageError, Messenger, Store } from './ports.ts';

export interface FollowDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly messenger: Pick<Messenger, 'textsTo'>;
  readonly optOut: OptOutOrKeep;
  readonly shutdown: AbortSignal;
}

/** The error of a message that surely went nowhere, and whose key may be tried again. */
export const NOT_SENT = 'message_unavailable';
/** Longer than any vendor takes to give up by itself. */
const SEND_MS = 30_000;
/** By then whoever sends has an answer, or is dead. */
const STALE_MS = 120_000;
const SWEEP_MS = 60_000;
const MOST_STALE = 200;
/** When to look for a text the carrier may or may not have, in ms after the unclear answer. */
const LOOK_AFTER_MS = [2_000, 10_000, 30_000, 75_000, 150_000] as const;
/** A text whose whereabouts an earlier life could not tell is looked for again for so long. */
const WORTH_LOOKING_MS = 24 * 3_600_000;
/** How often a store that refuses is asked again to take what must be told. */
const INSIST_MS = 5_000;

/** As long as a vendor may take. */
export const sendingTime = (shutdown: AbortSignal): AbortSignal =>
  AbortSignal.any([shutdown, AbortSignal.timeout(SEND_MS)]);

export function createFollowMessages(deps: FollowDeps) {
  const { store, clock, log, messenger } = deps;
  const messages = store.collection('messages');
  const underWay = new Set<Promise<unknown>>();
  let sweeping: Promise<void> | undefined;

  // ── Telling ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Moves a message on from where it is; undefined when somebody else moved it. */
  async function move(
    message: Message,
    from: readonly MessageStatus[],
    to: MessageStatus,
    set: Partial<Message>,
    detail?: string,
  ): Promise<Message | undefined> {
    const now = new Date(clock.nowMs());
    return await messages.update(
      { _id: message._id, status: { $in: from } },
      {
        $set: { ...set, status: to, updatedAt: now },
        $push: told(to, now, detail),
        // Only what is on its way holds the person.
        ...(to === 'sending' ? {} : { $unset: { holds: '' } }),
      },
    );
  }

  /** What must be told is told when the store takes it again; should we stop before, the sweep finds it untold. */
  async function insist<T>(messageId: string, task: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await task();
      } catch (error) {
        if (!isFailure(error, 'store_unavailable')) throw error;
        log.error({ err: error, messageId }, 'what became of a message could not be kept; trying again');
        await clock.sleep(INSIST_MS, deps.shutdown);
      }
    }
  }

  function inBackground(work: Promise<unknown>, messageId: string): void {
    const tracked = work.catch((error) => {
      if (!deps.shutdown.aborted) log.error({ err: error, messageId }, 'a message could not be followed up');
    });
    underWay.add(tracked);
    void tracked.finally(() => underWay.delete(tracked));
  }

  /** Keeps how the sending ended: now, or when the store takes it again. Answers with the message as it then is. */
  async function settle(
    message: Message,
    to: Delivery | 'unconfirmed',
    set: Partial<Message>,
    detail?: string,
  ): Promise<Message> {
    const from = to === 'unconfirmed' ? (['sending'] as const) : BEFORE_DELIVERY[to];
    const keep = async (): Promise<Message> => {
      const moved = await move(message, from, to, set, detail);
      // A report of the carrier may have been faster.
      return (
        moved ??
        (await messages.update({ _id: message._id }, { $set: set, $unset: { holds: '' } })) ??
        message
      );
    };
    const end = { ...message, ...set, status: to };
    try {
      const kept = await keep();
      inBackground(
        insist(message._id, () => tellLead(kept)),
        message._id,
      );
      return kept;
    } catch (error) {
      if (!isFailure(error, 'store_unavailable')) throw error;
      inBackground(
        insist(message._id, keep).then((kept) => insist(message._id, () => tellLead(kept))),
        message._id,
      );
      return end;
    }
  }

  /** One row of the lead's history for a message that may have arrived. */
  async function tellLead({ _id, leadId, channel, status, sentAt, updatedAt }: Message): Promise<void> {
    if (leadId === undefined) return;
    const at = sentAt ?? updatedAt;
    const row: ContactAttempt = { attemptId: _id, timestamp: at, type: channel, outcome: status };
    await store.collection('leads').update(
      { _id: leadId, 'contactAttempts.attemptId': { $ne: _id } },
      {
        $push: { contactAttempts: row },
        $set: {
          ...(sentAt === undefined ? {} : { lastContactedAt: at }),
          updatedAt: new Date(clock.nowMs()),
          updatedBy: 'messages',
        },
      },
    );
  }

  /** Surely nothing was sent: the key is free to be tried again. */
  async function giveBack(message: Message, says: string): Promise<void> {
    await move(message, ['queued', 'sending'], 'failed', { error: { code: NOT_SENT, says } }, says).catch(
      (error) => {
        // The sweep finds it.
        log.error(
          { err: error, messageId: message._id },
          'a message that was not sent could not be given back',
        );
      },
    );
  }

  // ── What becomes of it ─────────────────────────────────────────────────────────────────────────────────────────────

  /** An unclear text: the carrier may have it. It is found, or it surely is not there, or nobody can tell. */
  async function look(message: Message): Promise<void> {
    const { _id, to, from, text } = message;
    const since = message.history.findLast(({ status }) => status === 'sending')?.at ?? message.createdAt;
    let waited = 0;
    for (const afterMs of LOOK_AFTER_MS) {
      await clock.sleep(afterMs - waited, deps.shutdown);
      waited = afterMs;
      const now = await insist(_id, () => messages.get(_id));
      // Its reports told us already, or somebody else found it.
      if (!now || now.vendorId !== undefined || now.status !== 'unconfirmed') return;
      try {
        const asked = await messenger.textsTo({ to, from, since }, sendingTime(deps.shutdown));
        const alike = asked.texts.filter((each) => each.text === text);
        const others = await messages.find({
          filter: { vendorId: { $in: alike.map(({ vendorId }) => vendorId) }, _id: { $ne: _id } },
        });
        const taken = new Set(others.map(({ vendorId }) => vendorId));
        const found = alike.find(({ vendorId }) => !taken.has(vendorId));
        if (found) {
          await settle(now, found.delivery, {
            vendorId: found.vendorId,
            sentAt: since,
            ...withError(found.error),
          });
          return;
        }
        if (asked.complete) {
          await settle(now, 'failed', {
            error: { code: 'message_unconfirmed', says: 'the carrier has no such text' },
          });
          return;
        }
      } catch (error) {
        log.warn({ err: error, messageId: _id }, 'the carrier could not be asked about a text');
      }
    }
  }

  /** Messages whose sender died: what was never sent is given back, what may have been sent is looked for. */
  async function sweep(): Promise<void> {
    const stale = await messages.find({
      filter: {
        status: { $in: ['queued', 'sending'] },
        updatedAt: { $lt: new Date(clock.nowMs() - STALE_MS) },
      },
      limit: MOST_STALE,
    });
    for (const message of stale) {
      if (message.status === 'queued') {
        await giveBack(message, 'the service stopped before it was sent');
        continue;
      }
      const says = 'the service stopped while sending';
      const error = { code: 'message_unconfirmed', says };
      const lost = await move(message, ['sending'], 'unconfirmed', { error }, says);
      if (!lost) continue;
      inBackground(
        insist(lost._id, () => tellLead(lost)),
        lost._id,
      );
      if (lost.channel === 'sms') inBackground(look(lost), lost._id);
    }
  }

  async function sweepFromTimeToTime(): Promise<void> {
    for (;;) {
      await clock.sleep(SWEEP_MS, deps.shutdown);
      try {
        await sweep();
      } catch (error) {
        if (!isFailure(error, 'store_unavailable')) throw error;
      }
    }
  }

  /** The carrier tells what became of a text of ours; twice, late or in any order. Throws what the store throws. */
  async function statusReported(
    messageId: string,
    { vendorId, delivery, error }: DeliveryReport,
  ): Promise<void> {
    const message = await messages.get(messageId);
    if (!message || (message.vendorId !== undefined && message.vendorId !== vendorId)) {
      log.warn(
        { messageId, vendorId, delivery },
        'a report about a text that is none of ours was left aside',
      );
      return;
    }
    const now = new Date(clock.nowMs());
    await move(
      message,
      BEFORE_DELIVERY[delivery],
      delivery,
      { vendorId, sentAt: message.sentAt ?? now, ...withError(error) },
      error?.says,
    );
    if (error?.optedOut) await stoppedAtCarrier(message);
  }

  /** The carrier knows that this person wants no texts from us; then they want nothing else either. */
  async function stoppedAtCarrier({ to, leadId }: Message): Promise<void> {
    const words = 'the carrier says that this person replied STOP to our texts';
    await deps.optOut({ phone: to, ...(leadId === undefined ? {} : { leadId }), channel: 'sms', words });
  }

  return {
    move,
    giveBack,
    settle,
    statusReported,
    lookFor: (message: Message): void => inBackground(look(message), message._id),
    /** The carrier says that this person wants no texts from us. */
    stopped: (message: Message): void => inBackground(stoppedAtCarrier(message), message._id),
    /** Takes up what an earlier life, or another process that died, left; now and from time to time. */
    async recover(): Promise<void> {
      await sweep();
      const lost = await messages.find({
        filter: {
          status: 'unconfirmed',
          channel: 'sms',
          updatedAt: { $gt: new Date(clock.nowMs() - WORTH_LOOKING_MS) },
        },
        limit: MOST_STALE,
      });
      for (const message of lost)
        if (message.vendorId === undefined) inBackground(look(message), message._id);
      sweeping ??= sweepFromTimeToTime();
      inBackground(sweeping, 'sweep');
    },
    /** Resolves when nothing is being followed up; call it when the service stops. */
    settled: async (): Promise<void> => {
      while (underWay.size > 0) await Promise.allSettled([...underWay]);
    },
  };
}

/** One more line of a message's history, the newest kept. */
export const told = (
  status: MessageStatus,
  at: Date,
  detail?: string,
): { history: { $each: Message['history']; $slice: number } } => ({
  history: {
    $each: [{ status, at, ...(detail === undefined ? {} : { detail: detail.slice(0, 300) }) }],
    $slice: -MOST_HISTORY,
  },
});

const bare = ({ code, says }: MessageError): NonNullable<Message['error']> => ({ code, says });
const withError = (error: MessageError | undefined): Pick<Message, 'error'> =>
  error === undefined ? {} : { error: bare(error) };

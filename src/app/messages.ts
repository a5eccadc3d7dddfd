/**
 * app/messages: the only way to a text or an e-mail. Reserve the message for the whole person, gather the facts fresh, ask the
 * gate, claim it, send, record, in that order. At most once a key: an unclear answer of the carrier is looked into, never
 * sent again.
 *
 * Two writes carry that promise, whoever runs beside us and wherever we die. The insert of the message takes its key and holds
 * the person (unique keys), and counts before the facts are read. The step from `queued` to `sending` is taken once: who ends
 * a message before it (an opt-out, a recovery) ends the sending. What comes behind it may have arrived, whatever we know.
 */
import { checkError, decideText, type VerdictWith } from '../domain/compliance/decide.ts';
import type { Decision } from '../domain/compliance/decision.ts';
import { decideMail } from '../domain/compliance/mail.ts';
import type { MessagePermit } from '../domain/compliance/permit.ts';
import type { Lead } from '../domain/documents.ts';
import { type Code, Failure, isFailure } from '../domain/errors.ts';
import type { Message, MessageChannel, MessageStatus } from '../domain/message.ts';
import type { Sender } from '../domain/message-template.ts';
import { parsePhone } from '../domain/phone.ts';
import { leadOfToken, unsubscribeToken } from '../domain/unsubscribe.ts';
import { createComposeMessage, type MessageWords } from './compose-message.ts';
import { createFollowMessages, NOT_SENT, sendingTime, told } from './follow-messages.ts';
import { type GatherFacts, numbersOf } from './gather-facts.ts';
import { gatherMailFacts, leadsAt } from './gather-mail-facts.ts';
import { createMessageTemplates, type TemplateWording } from './message-templates.ts';
import type { OptOutOrKeep } from './opt-out.ts';
import { type Page, page } from './paging.ts';
import { personOf } from './person.ts';
import type { Clock, Filter, Ids, Log, MessageError, Messenger, Store } from './ports.ts';

export interface SendMessageRequest extends MessageWords {
  readonly leadId: string;
  readonly campaignId?: string;
  /**
   * Unique for ever. The same key answers with the same message; one that was denied, or that surely was not sent because
   * nobody could be reached, is judged and tried anew.
   */
  readonly attemptKey: string;
  readonly requestedBy: string;
}

export type SentMessage =
  | { readonly kind: 'sent' | 'failed' | 'unconfirmed'; readonly message: Message }
  | { readonly kind: 'denied'; readonly message: Message; readonly decision: Decision };

export interface MessageQuery {
  readonly leadId?: string;
  readonly campaignId?: string;
  readonly channel?: MessageChannel;
  readonly status?: MessageStatus;
  readonly template?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

/** What the house knows of messages beside what it knows of calls. */
export interface MessagesHouse {
  readonly sender: Sender;
  /** Where readers of our e-mails reach us, without a slash at the end. */
  readonly publicBaseUrl: string;
  /** Signs unsubscribe links. */
  readonly secret: string;
  readonly templates: readonly TemplateWording[];
}

export interface MessagesDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly messenger: Messenger;
  readonly gatherFacts: GatherFacts;
  readonly sellerName: string;
  /** Our numbers, E.164. */
  readonly fromNumbers: readonly string[];
  readonly messages: MessagesHouse;
  readonly optOut: OptOutOrKeep;
  /** Throws Failure `store_unavailable` while the store does not have everything. */
  readonly expectUpToDate: () => void;
  readonly shutdown: AbortSignal;
}

/** A permit lives just long enough to be spent. */
const PERMIT_MS = 10_000;
const KEY = /^[\x21-\x7e]{1,200}$/;
/** A text of theirs that is longer is cut. */
const LONGEST_INBOUND = 2_000;

/** With these an adapter says that nothing had left us. */
const BEFORE_SENDING: ReadonlySet<Code> = new Set([
  NOT_SENT,
  'config_invalid',
  'invalid_request',
  'permit_expired',
  'permit_forged',
  'permit_spent',
]);
/** A message that surely went nowhere, and whose key may be tried again. */
const isOpenAgain = ({ status, error }: Message): boolean =>
  status === 'denied' || (status === 'failed' && error?.code === NOT_SENT);

const KIND: Readonly<Record<MessageStatus, 'sent' | 'failed' | 'unconfirmed' | undefined>> = {
  queued: undefined,
  denied: undefined,
  sending: undefined,
  sent: 'sent',
  delivered: 'sent',
  undelivered: 'failed',
  failed: 'failed',
  unconfirmed: 'unconfirmed',
  received: undefined,
};

export function createMessages(deps: MessagesDeps) {
  const { store, clock, ids, log, messenger, messages: house } = deps;
  const messages = store.collection('messages');
  const templates = createMessageTemplates({
    ...deps,
    sender: house.sender,
    shipped: house.templates,
    unsubscribeUrl: `${house.publicBaseUrl}/unsubscribe/…`,
  });
  const urlFor = (leadId: string): string =>
    `${house.publicBaseUrl}/unsubscribe/${unsubscribeToken(house.secret, leadId)}`;
  const compose = createComposeMessage({ store, clock, templates, sender: house.sender, urlFor });
  const follow = createFollowMessages(deps);
  const { move, giveBack, settle } = follow;

  // ── Reserving ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whom it goes to, and by whom. Of a lead that has no such address the gate says so. */
  async function endsOf(channel: MessageChannel, lead: Lead): Promise<{ to: string; from: string }> {
    if (channel === 'email') {
      if (!messenger.mail)
        throw new Failure(
          'config_invalid',
          'no mail server to send by: set SMTP_URL, MAIL_FROM and SELLER_ADDRESS',
        );
      return { to: lead.contact.email ?? '', from: messenger.mail.from };
    }
    const to = parsePhone(lead.contact.phone) ?? lead.contact.phone;
    // Whoever knows one of our numbers gets texts from that one.
    const [last] = await messages.find({
      filter: { to, channel: 'sms', direction: 'outbound', from: { $in: deps.fromNumbers } },
      sort: { createdAt: -1 },
      limit: 1,
    });
    const from = last?.from ?? deps.fromNumbers[0];
    if (!from) throw new Failure('config_invalid', 'no number to text from: set TWILIO_PHONE_NUMBER');
    return { to, from };
  }

  async function newMessage(request: SendMessageRequest, lead: Lead): Promise<Message> {
    const { channel, leadId, campaignId, attemptKey, requestedBy } = request;
    const composed = await compose(request, lead);
    const { to, from } = await endsOf(channel, lead);
    const { numbers } = await personOf(store, [
      ...new Set([parsePhone(lead.contact.phone) ?? lead.contact.phone, ...numbersOf(lead)]),
    ]);
    const now = new Date(clock.nowMs());
    return {
      _id: ids.objectId(),
      channel,
      direction: 'outbound',
      leadId,
      ...(campaignId === undefined ? {} : { campaignId }),
      to,
      from,
      ...composed,
      status: 'queued',
      history: [{ status: 'queued', at: now }],
      holds: holdsOf(channel, to, numbers),
      attemptKey,
      requestedBy,
      createdAt: now,
      updatedAt: now,
    };
  }

  /** Takes the key and the person, or tells what the key is already. Throws `attempt_in_progress`, `idempotency_conflict`. */
  async function reserve(
    message: Message,
  ): Promise<{ readonly reserved: Message } | { readonly known: Message }> {
    try {
      await messages.insert(message);
      return { reserved: message };
    } catch (error) {
      if (!isFailure(error, 'duplicate_key')) throw error;
    }
    const busy = new Failure(
      'attempt_in_progress',
      'a message to this person is being sent right now; ask again in a moment',
    );
    const [twin] = await messages.find({ filter: { attemptKey: message.attemptKey }, limit: 1 });
    if (!twin) throw busy;
    if (twin.leadId !== message.leadId || twin.channel !== message.channel)
      throw new Failure('idempotency_conflict', 'this key was used for another message');
    if (!isOpenAgain(twin)) {
      if (KIND[twin.status] === undefined) throw busy;
      return { known: twin };
    }
    const { _id, status, updatedAt } = twin;
    const { _id: _new, history: _history, createdAt: _created, attemptKey: _key, ...again } = message;
    try {
      const reserved = await messages.update(
        { _id, status, updatedAt },
        {
          $set: again,
          $unset: { complianceDecision: '', error: '' },
          $push: told('queued', again.updatedAt),
        },
      );
      if (reserved) return { reserved };
    } catch (error) {
      if (!isFailure(error, 'duplicate_key')) throw error;
    }
    throw busy;
  }

  // ── The gate ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The gate's answer from facts read now. Facts that cannot be read deny; a store that is away throws. */
  async function ask(message: Message, lead: Lead): Promise<VerdictWith<MessagePermit>> {
    const nowMs = clock.nowMs();
    let verdict: VerdictWith<MessagePermit>;
    let cause: unknown;
    try {
      verdict = await verdictOf(message, lead, nowMs);
    } catch (error) {
      if (isFailure(error, 'store_unavailable')) throw error;
      cause = error;
      verdict = { kind: 'deny', decision: checkError(nowMs, 'its facts could not be read') };
    }
    const { reason, explanation } = verdict.decision;
    if (reason === 'check_error')
      log.error(
        { err: cause, messageId: message._id, explanation },
        'a message could not be checked; denied',
      );
    return verdict;
  }

  async function verdictOf(
    { _id, channel, to, campaignId, holds = [] }: Message,
    lead: Lead,
    nowMs: number,
  ): Promise<VerdictWith<MessagePermit>> {
    const mint = { permitId: _id, ttlMs: PERMIT_MS, reserved: true };
    const meanwhile = 'what is known of the person changed meanwhile';
    if (channel === 'email') {
      const facts = await gatherMailFacts(deps, lead, campaignId);
      return to === (facts.address ?? '')
        ? decideMail(facts, nowMs, mint)
        : { kind: 'deny', decision: checkError(nowMs, meanwhile) };
    }
    const { facts, to: dialled } = await deps.gatherFacts(
      {
        leadId: lead._id,
        ...(campaignId === undefined ? {} : { campaignId }),
        channel: 'text',
        exceptAttemptId: _id,
      },
      nowMs,
    );
    const verdict = decideText(facts, nowMs, mint);
    if (verdict.kind === 'deny') return verdict;
    // The message must hold every number that the facts are about, or two texts to one person could pass each other.
    const held = new Set(holds);
    const whole =
      dialled === to && [to, ...facts.lead.altPhones].every((phone) => held.has(holdOf('sms', phone)));
    return whole ? verdict : { kind: 'deny', decision: checkError(nowMs, meanwhile) };
  }

  // ── Sending ────────────────────────────────────────────────────────────────────────────────────────────────────────

  async function deny(message: Message, decision: Decision): Promise<SentMessage> {
    const denied = await move(
      message,
      ['queued', 'denied'],
      'denied',
      { complianceDecision: decision },
      decision.reason,
    );
    return { kind: 'denied', message: denied ?? { ...message, status: 'denied' }, decision };
  }

  const dispatch = (message: Message, permit: MessagePermit): Promise<{ readonly vendorId: string }> => {
    const { _id: messageId, channel, from, text, subject = '', leadId = '' } = message;
    if (channel === 'sms')
      return messenger.sendSms(permit, { messageId, from, text }, sendingTime(deps.shutdown));
    if (!messenger.mail) throw new Failure(NOT_SENT, 'there is no mail server any more');
    return messenger.mail.sendMail(
      permit,
      { messageId, subject, text, unsubscribeUrl: urlFor(leadId) },
      sendingTime(deps.shutdown),
    );
  };

  async function deliver(message: Message, permit: MessagePermit): Promise<SentMessage> {
    let vendorId: string;
    try {
      ({ vendorId } = await dispatch(message, permit));
    } catch (error) {
      return await explain(message, error);
    }
    const sent = await settle(message, 'sent', { vendorId, sentAt: new Date(clock.nowMs()) });
    return { kind: 'sent', message: sent };
  }

  /** Why a message was not clearly sent, and what follows from it. Throws `message_unavailable` when it surely was not. */
  async function explain(message: Message, error: unknown): Promise<SentMessage> {
    const { _id: messageId } = message;
    const says = error instanceof Error ? error.message : String(error);
    if (isFailure(error, 'message_refused')) {
      const why = errorOf(error.details.error) ?? { code: error.code, says };
      if (why.optedOut) follow.stopped(message);
      log.warn({ messageId, code: why.code, pii: { says: why.says } }, 'a message was refused');
      return {
        kind: 'failed',
        message: await settle(message, 'failed', { error: { code: why.code, says: why.says } }, why.says),
      };
    }
    if (isFailure(error) && BEFORE_SENDING.has(error.code)) {
      await giveBack(message, says);
      throw error.code === NOT_SENT ? error : new Failure(NOT_SENT, says, { cause: error });
    }
    log.warn({ err: error, messageId }, 'a message was sent and nobody said whether it was taken');
    const lost = await settle(message, 'unconfirmed', { error: { code: 'message_unconfirmed', says } }, says);
    if (message.channel === 'sms') follow.lookFor(lost);
    return { kind: 'unconfirmed', message: lost };
  }

  /**
   * Sends a message, or tells why not. Throws Failure; when it does, nothing was or will be sent for this key unless it is
   * asked again: `store_unavailable`, `attempt_in_progress`, `message_unavailable`, `shutting_down` (later the same may work),
   * `lead_not_found`, `campaign_not_found`, `not_found` (no such template), `config_invalid`, `invalid_request`,
   * `idempotency_conflict`.
   */
  async function send(request: SendMessageRequest): Promise<SentMessage> {
    if (deps.shutdown.aborted) throw new Failure('shutting_down', 'the service is stopping; nothing is sent');
    deps.expectUpToDate();
    if (!KEY.test(request.attemptKey))
      throw new Failure('invalid_request', 'a message needs a key of 1 to 200 printable characters');
    const lead = await store.collection('leads').get(request.leadId);
    if (!lead) throw new Failure('lead_not_found', `no lead ${request.leadId}`);
    if (request.campaignId !== undefined && !(await store.collection('campaigns').get(request.campaignId)))
      throw new Failure('campaign_not_found', 'there is no such campaign');
    const place = await reserve(await newMessage(request, lead));
    if ('known' in place) {
      const { known } = place;
      return { kind: KIND[known.status] ?? 'unconfirmed', message: known };
    }
    const { reserved } = place;
    let claimed: Message | undefined;
    let permit: MessagePermit | undefined;
    try {
      const verdict = await ask(reserved, lead);
      if (verdict.kind === 'deny' || !verdict.permit) return await deny(reserved, verdict.decision);
      permit = verdict.permit;
      claimed = await move(reserved, ['queued'], 'sending', { complianceDecision: verdict.decision });
      // An opt-out that was said after the gate was asked may be kept here and nowhere else.
      deps.expectUpToDate();
    } catch (error) {
      await giveBack(claimed ?? reserved, 'the database went away before it was sent');
      throw error;
    }
    if (claimed) return await deliver(claimed, permit);
    // Somebody ended it meanwhile; the facts say why, unless it only took too long.
    const { kind, decision } = await ask(reserved, lead);
    if (kind === 'allow')
      throw new Failure('attempt_in_progress', 'this took too long; ask again in a moment');
    return await deny(reserved, decision);
  }

  /** A text of a person, kept. What it asks for is somebody else's affair. */
  async function received(text: {
    readonly messageSid: string;
    readonly from: string;
    readonly to: string;
    readonly text: string;
  }): Promise<void> {
    const phone = parsePhone(text.from);
    const now = new Date(clock.nowMs());
    const [lead] = await store.collection('leads').find({
      filter: {
        $or: [{ 'contact.phone': phone ?? text.from }, { 'contact.alternatePhone': phone ?? text.from }],
      },
      sort: { receivedAt: -1 },
      limit: 1,
    });
    const message: Message = {
      _id: ids.objectId(),
      channel: 'sms',
      direction: 'inbound',
      ...(lead ? { leadId: lead._id } : {}),
      to: text.to,
      from: phone ?? text.from,
      text: text.text.slice(0, LONGEST_INBOUND),
      status: 'received',
      history: [{ status: 'received', at: now }],
      attemptKey: `received:${text.messageSid}`,
      vendorId: text.messageSid,
      requestedBy: 'carrier',
      createdAt: now,
      updatedAt: now,
    };
    await messages.insert(message).catch((error) => {
      // The carrier told it twice.
      if (!isFailure(error, 'duplicate_key')) throw error;
    });
  }

  // ── Stopping ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A person wants nothing more: what waits to be sent to them is not sent. What is being sent cannot be stopped. */
  async function stopTo(numbers: readonly string[]): Promise<void> {
    const holds = { $in: numbers.flatMap((phone) => [holdOf('sms', phone), holdOf('email', phone)]) };
    for (const message of await messages.find({ filter: { holds, status: 'queued' } }))
      await move(message, ['queued'], 'denied', {}, 'this person asked us to stop');
  }

  /**
   * Whoever holds a link of one of our e-mails wants nothing more, on any channel. `undefined`: no link of ours. `kept`: the
   * store was away, and the wish is on this machine's disk. Throws as `OptOutOrKeep`.
   */
  async function unsubscribe(token: string): Promise<'done' | 'kept' | undefined> {
    const leadId = leadOfToken(house.secret, token);
    if (leadId === undefined) return undefined;
    const wish = { leadId, channel: 'email', words: 'unsubscribed by the link in an e-mail' };
    let how: 'done' | 'kept';
    try {
      how = await deps.optOut(wish);
    } catch (error) {
      // The lead is gone, and with it everything by which somebody could write to them.
      if (isFailure(error, 'lead_not_found')) return 'done';
      throw error;
    }
    const address = how === 'done' ? (await store.collection('leads').get(leadId))?.contact.email : undefined;
    for (const other of address === undefined ? [] : await leadsAt(store, address))
      if (other._id !== leadId) await deps.optOut({ ...wish, leadId: other._id });
    return how;
  }

  // ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Throws `not_found`. */
  async function get(messageId: string): Promise<Message> {
    const message = await messages.get(messageId);
    if (!message) throw new Failure('not_found', 'there is no such message', { details: { messageId } });
    return message;
  }

  /** Newest first. */
  async function list(query: MessageQuery): Promise<Page<Message>> {
    const filter: Record<string, unknown> = {};
    for (const field of ['leadId', 'campaignId', 'channel', 'status', 'template'] as const)
      if (query[field] !== undefined) filter[field] = query[field];
    return await page(messages, {
      filter: filter as Filter,
      sort: { field: 'createdAt', direction: -1 },
      ...(query.limit === undefined ? {} : { limit: query.limit }),
      ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
    });
  }

  const { inUse: _inUse, furnish, ...kept } = templates;
  return {
    send,
    get,
    list,
    templates: kept,
    statusReported: follow.statusReported,
    received,
    stopTo,
    unsubscribe,
    /** True for a token of ours. */
    isUnsubscribeToken: (token: string): boolean => leadOfToken(house.secret, token) !== undefined,
    /** Puts the product's templates in, and takes up what an earlier life, or another process that died, left. */
    async recover(): Promise<void> {
      await furnish();
      await follow.recover();
    },
    settled: follow.settled,
  };
}

export type Messages = ReturnType<typeof createMessages>;

const holdOf = (channel: MessageChannel, address: string): string => `${channel}:${address}`;

function holdsOf(channel: MessageChannel, to: string, numbers: readonly string[]): string[] {
  const addresses = channel === 'email' && to !== '' ? [...numbers, to] : numbers;
  return addresses.map((address) => holdOf(channel, address));
}

/** What a vendor's adapter says of a refusal. */
function errorOf(value: unknown): MessageError | undefined {
  if (typeof value !== 'object' || value === null || !('code' in value) || !('says' in value))
    return undefined;
  const optedOut = 'optedOut' in value && value.optedOut === true;
  return { code: String(value.code), says: String(value.says), ...(optedOut ? { optedOut } : {}) };
}

/**
 * carrier/messages: SMS. What the product sends lands in the inbox of a sandbox phone and is reported delivered, and whose
 * script says so answers; what a person sends goes to the number's SmsUrl. STOP words block a pair of numbers, as carriers do
 * (21610). A number that ends in one of Twilio's delivery errors, 30003 to 30008, gets no text for that reason.
 */
import type { Method, Webhooks } from './callbacks.ts';
import type { Clock } from './clock.ts';
import type { Journal } from './journal.ts';
import { parseTwiml, TwimlError } from './twiml.ts';

const MESSAGE_LIMIT = 5_000;
const SENT_AFTER_MS = 150;
const DELIVERED_AFTER_MS = 600;
const ANSWERED_AFTER_MS = 1_500;
const UNDELIVERABLE = /3000[3-8]$/;
const STOP_WORDS = new Set(['STOP', 'STOPALL', 'UNSUBSCRIBE', 'CANCEL', 'END', 'QUIT', 'REVOKE', 'OPTOUT']);
const START_WORDS = new Set(['START', 'YES', 'UNSTOP']);

export type Message = {
  readonly sid: string;
  readonly direction: 'inbound' | 'outbound-api' | 'outbound-reply';
  readonly from: string;
  readonly to: string;
  readonly body: string;
  readonly createdAt: Date;
  updatedAt: Date;
  sentAt: Date | undefined;
  status: 'queued' | 'sent' | 'delivered' | 'undelivered' | 'received';
  /** Why it was not delivered. */
  errorCode: number | undefined;
};

export type Messages = {
  readonly all: ReadonlyMap<string, Message>;
  /** Whether `to` has sent STOP to `from` and not START since. */
  blocked(from: string, to: string): boolean;
  send(from: string, to: string, body: string, statusCallback: string | undefined): Message;
  /** A person writes to one of the account's numbers; an answer in TwiML goes to that person's inbox. */
  receive(from: string, to: string, body: string, hook: Hook | undefined): Message;
};

type Options = {
  readonly accountSid: string;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly webhooks: Webhooks;
  readonly newSid: (prefix: string) => string;
  /** What the person at this number answers to a text, and where texts to one of the account's numbers are announced. */
  readonly replyOf: (number: string) => string | undefined;
  readonly hookOf: (number: string) => Hook | undefined;
};

type Hook = { readonly url: string; readonly method: Method };

export function createMessages(options: Options): Messages {
  const { accountSid, clock, journal, webhooks, newSid } = options;
  const all = new Map<string, Message>();
  const stopped = new Set<string>();
  const pair = (ours: string, theirs: string) => `${ours} ${theirs}`;

  function keep(facts: Pick<Message, 'direction' | 'from' | 'to' | 'body' | 'status'>): Message {
    const now = new Date();
    const message: Message = {
      ...facts,
      sid: newSid('SM'),
      createdAt: now,
      updatedAt: now,
      sentAt: undefined,
      errorCode: undefined,
    };
    all.set(message.sid, message);
    const [oldest] = all.keys();
    if (all.size > MESSAGE_LIMIT && oldest !== undefined) all.delete(oldest);
    journal.note('message', undefined, { sid: message.sid, direction: message.direction, to: message.to });
    return message;
  }

  const params = (message: Message) => ({
    AccountSid: accountSid,
    ApiVersion: '2010-04-01',
    MessageSid: message.sid,
    SmsSid: message.sid,
    From: message.from,
    To: message.to,
  });

  function send(
    from: string,
    to: string,
    body: string,
    statusCallback: string | undefined,
    direction: 'outbound-api' | 'outbound-reply' = 'outbound-api',
  ): Message {
    const message = keep({ direction, from, to, body, status: 'queued' });
    const tell = () => {
      const { status, errorCode } = message;
      if (statusCallback === undefined) return;
      webhooks.tell('message', {
        url: statusCallback,
        method: 'POST',
        params: {
          ...params(message),
          MessageStatus: status,
          SmsStatus: status,
          ...(errorCode === undefined ? {} : { ErrorCode: String(errorCode) }),
        },
      });
    };
    const become = (status: 'sent' | 'delivered' | 'undelivered') => {
      message.status = status;
      message.updatedAt = new Date();
      message.sentAt ??= message.updatedAt;
      tell();
    };
    const [failing] = UNDELIVERABLE.exec(to) ?? [];
    clock.after(0, tell);
    clock.after(SENT_AFTER_MS, () => become('sent'));
    clock.after(DELIVERED_AFTER_MS, () => {
      if (failing !== undefined) message.errorCode = Number(failing);
      become(failing === undefined ? 'delivered' : 'undelivered');
      const reply = direction === 'outbound-api' && failing === undefined ? options.replyOf(to) : undefined;
      if (reply !== undefined)
        clock.after(ANSWERED_AFTER_MS, () => receive(to, from, reply, options.hookOf(from)));
    });
    return message;
  }

  async function deliver(message: Message, hook: Hook): Promise<void> {
    const segments = segmentsOf(message.body);
    const answer = await webhooks.ask({
      ...hook,
      params: {
        ...params(message),
        Body: message.body,
        NumMedia: '0',
        NumSegments: String(segments),
        SmsStatus: 'received',
        SmsMessageSid: message.sid,
        FromCountry: 'US',
        ToCountry: 'US',
      },
    });
    if (!answer.ok) return journal.complain('error', answer.code, answer.reason, { url: hook.url });
    if (answer.body.trim() === '') return;
    try {
      for (const verb of parseTwiml(answer.body).verbs) {
        if (verb.verb === 'Message')
          send(message.to, verb.to ?? message.from, verb.body, undefined, 'outbound-reply');
      }
    } catch (error) {
      if (!(error instanceof TwimlError)) throw error;
      journal.complain('error', error.code, error.message, { url: hook.url });
    }
  }

  return {
    all,
    blocked: (from, to) => stopped.has(pair(from, to)),
    send: (from, to, body, statusCallback) => send(from, to, body, statusCallback),
    receive,
  };

  function receive(from: string, to: string, body: string, hook: Hook | undefined): Message {
    const word = body.trim().toUpperCase();
    if (STOP_WORDS.has(word)) stopped.add(pair(to, from));
    if (START_WORDS.has(word)) stopped.delete(pair(to, from));
    const message = keep({ direction: 'inbound', from, to, body, status: 'received' });
    if (hook !== undefined) {
      deliver(message, hook).catch((error: unknown) =>
        journal.note('carrier-error', undefined, { error: String(error) }),
      );
    }
    return message;
  }
}

/** About as Twilio counts them, for the plain alphabet. */
export const segmentsOf = (body: string): number => (body.length <= 160 ? 1 : Math.ceil(body.length / 153));

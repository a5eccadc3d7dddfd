/**
 * adapters/mail: e-mails through a mail server (SMTP), by nodemailer's own parts. Every e-mail has a connection of its own, as
 * every request to the carrier has: what is sent on one that the other side just dropped fails without telling whether it
 * arrived. Nothing here tries again by itself.
 */
import { Readable } from 'node:stream';
import parseAddress from 'nodemailer/lib/addressparser';
import MailComposer from 'nodemailer/lib/mail-composer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Clock, MessageError, Messenger } from '../../app/ports.ts';
import { spendMessagePermit } from '../../domain/compliance/permit.ts';
import { Failure } from '../../domain/errors.ts';
import type { Finding } from '../../domain/finding.ts';

type Mail = NonNullable<Messenger['mail']>;

export interface MailParts {
  /** smtp://user:password@host:587, or smtps:// where TLS begins at once. */
  readonly url: string;
  /** "Acme Homes <hello@acme.example>", or the address alone. */
  readonly from: string;
  readonly clock: Clock;
}

export interface MailAdapter {
  readonly mail: Mail;
  /** Connects and signs in without sending anything, and says what would make e-mails fail. */
  inspect(signal: AbortSignal): Promise<readonly Finding[]>;
}

/** Connecting, greeting and signing in, each. */
const CONNECT_MS = 10_000;
/** Without a word of the server meanwhile. RFC 5321 §4.5.3.2.6 would wait ten minutes for the last one. */
const SILENCE_MS = 20_000;
/** Mail servers refuse who comes with many connections at once. */
const MOST_CONNECTIONS = 4;
const MOST_WAITING = 1_000;
const LONGEST_ANSWER_BYTES = 64 * 1024;

interface Server {
  readonly host: string;
  readonly port: number | undefined;
  readonly secure: boolean;
  readonly auth: { readonly user: string; readonly pass: string } | undefined;
}

function serverOf(text: string): Server {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^smtps?:$/.test(url.protocol) || url.hostname === '')
    throw new Failure('config_invalid', 'SMTP_URL must be like smtp://user:password@host:587');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? undefined : Number(url.port),
    secure: url.protocol === 'smtps:',
    auth:
      url.username === ''
        ? undefined
        : { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
  };
}

const isNear = (host: string): boolean => /^(?:localhost|127(?:\.\d+){3}|::1)$/.test(host);

/** A conversation with the server that failed: how, and after what. */
class Trouble extends Error {
  /** The server's own answer, 250 to 599; absent when it gave none. */
  readonly answer: number | undefined;
  readonly step: 'connecting' | 'signing in' | 'sending';

  constructor(step: Trouble['step'], cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.step = step;
    const answer =
      cause instanceof Error && 'responseCode' in cause ? Number(cause.responseCode) : Number.NaN;
    this.answer = Number.isInteger(answer) && answer >= 200 ? answer : undefined;
  }
}

/** Throws Failure `config_invalid` for values that no mail server could work with. */
export function createMail({ url, from, clock }: MailParts): MailAdapter {
  const server = serverOf(url);
  const [sender, ...more] = parseAddress(from, { flatten: true });
  const address = sender?.address ?? '';
  if (more.length > 0 || !/^[^\s@]+@[^\s@]+$/.test(address))
    throw new Failure(
      'config_invalid',
      'MAIL_FROM must be one address, such as Acme Homes <hello@acme.example>',
    );
  const domain = address.slice(address.lastIndexOf('@') + 1);
  let connections = 0;
  const waiting: (() => void)[] = [];

  async function place(): Promise<() => void> {
    if (connections >= MOST_CONNECTIONS) {
      if (waiting.length >= MOST_WAITING)
        throw new Failure(
          'message_unavailable',
          'too many e-mails wait for the mail server; nothing was sent',
        );
      await new Promise<void>((resolve) => void waiting.push(resolve));
    } else connections += 1;
    return () => {
      const next = waiting.shift();
      if (next) next();
      else connections -= 1;
    };
  }

  /** Connects, signs in and does what is to be done, then leaves; whatever happens, the connection ends. Throws Trouble. */
  async function talk<T>(signal: AbortSignal, work: (connection: SMTPConnection) => Promise<T>): Promise<T> {
    const connection = new SMTPConnection({
      host: server.host,
      ...(server.port === undefined ? {} : { port: server.port }),
      secure: server.secure,
      // A password never travels in the open, but for a server on this machine.
      requireTLS: !server.secure && !isNear(server.host),
      ignoreTLS: isNear(server.host) && !server.secure,
      connectionTimeout: CONNECT_MS,
      greetingTimeout: CONNECT_MS,
      dnsTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      maxResponseSize: LONGEST_ANSWER_BYTES,
      name: domain,
    });
    let step: Trouble['step'] = 'connecting';
    let stop = (_reason: unknown): void => {};
    const broken = new Promise<never>((_, reject) => {
      stop = reject;
    });
    const onAbort = (): void => stop(signal.reason);
    connection.on('error', stop);
    connection.on('end', () => stop(new Error('the mail server closed the connection')));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      const done = (async () => {
        await answered((reply) => connection.connect((error) => reply(error ?? null)));
        const { auth } = server;
        if (auth) {
          step = 'signing in';
          await answered((reply) => connection.login({ credentials: auth }, reply));
        }
        step = 'sending';
        return await work(connection);
      })();
      done.catch(() => {});
      const result = await Promise.race([done, broken]);
      connection.quit();
      return result;
    } catch (error) {
      connection.close();
      throw new Trouble(step, error);
    } finally {
      signal.removeEventListener('abort', onAbort);
      broken.catch(() => {});
      // Errors of a connection that nobody needs any more.
      connection.removeAllListeners('error');
      connection.on('error', () => {});
    }
  }

  const mail: Mail = {
    from: address,
    async sendMail(permit, { messageId, subject, text, unsubscribeUrl }, signal) {
      const to = spendMessagePermit(permit, 'email', clock.nowMs());
      const vendorId = `<${messageId}@${domain}>`;
      const bytes = await new MailComposer({
        from: sender?.name ? { name: sender.name, address } : address,
        to: { name: '', address: to },
        subject,
        text,
        messageId: vendorId,
        date: new Date(clock.nowMs()),
        headers: {
          'List-Unsubscribe': { prepared: true, value: `<${unsubscribeUrl}>` },
          'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
        },
        disableFileAccess: true,
        disableUrlAccess: true,
      })
        .compile()
        .build();
      // Read only when the server has taken the envelope and waits for the message itself.
      let isBegun = false;
      const content = new Readable({
        read() {
          isBegun = true;
          this.push(bytes);
          this.push(null);
        },
      });
      const leave = await place();
      try {
        await talk(signal, (connection) =>
          answered((reply) => connection.send({ from: address, to: [to] }, content, reply)),
        );
      } catch (error) {
        throw error instanceof Trouble ? failureOf(error, isBegun) : error;
      } finally {
        leave();
      }
      return { vendorId };
    },
  };

  async function inspect(signal: AbortSignal): Promise<readonly Finding[]> {
    try {
      await talk(signal, async () => {});
      return [];
    } catch (error) {
      if (signal.aborted || !(error instanceof Trouble)) throw error;
      const refused = error.step === 'signing in';
      return [
        {
          level: 'error',
          setting: 'SMTP_URL',
          found: `${error.step} failed: ${error.message}`,
          wanted: 'a mail server that takes our e-mails',
          remedy: refused
            ? 'Check the user and password in SMTP_URL; letters such as @ and : in them are written as %40 and %3A.'
            : 'Check host and port in SMTP_URL (587 with smtp://, 465 with smtps://), and that this machine may reach them.',
        },
      ];
    }
  }

  return { mail, inspect };
}

/** What nodemailer answers by a callback, as a promise. */
const answered = <T>(
  ask: (reply: (error: Error | null, answer?: T) => void) => void,
): Promise<T | undefined> =>
  new Promise((resolve, reject) => {
    ask((error, answer) => (error ? reject(error) : resolve(answer)));
  });

/** `isBegun`: the server was being given the message; without an answer to it nobody knows whether it has it. */
function failureOf(trouble: Trouble, isBegun: boolean): Failure {
  const { answer, step, cause } = trouble;
  if (answer !== undefined && answer >= 500 && step === 'sending') {
    const error: MessageError = { code: `smtp_${answer}`, says: `the mail server refused it (${answer})` };
    return new Failure('message_refused', error.says, { cause, details: { error } });
  }
  if (isBegun && answer === undefined)
    return new Failure(
      'message_unconfirmed',
      'the mail server gave no answer; it may have taken the e-mail',
      {
        cause,
      },
    );
  const says = answer === undefined ? '' : ` (it answered ${answer})`;
  return new Failure('message_unavailable', `${step} to the mail server failed${says}; nothing was sent`, {
    cause,
  });
}

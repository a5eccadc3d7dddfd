/**
 * sandbox/mailbox: the mail server of everybody, over a real socket. Whatever is sent to any address lands in one bounded
 * mailbox. Three names in an address make it misbehave, as chosen digits do for the carrier: `refused@…` does not exist,
 * `later@…` is to be tried later, and for `silent@…` the server takes the e-mail and never says so.
 */
import type { AddressInfo } from 'node:net';
import PostalMime from 'postal-mime';
import { SMTPServer, type SMTPServerAddress } from 'smtp-server';

const MOST_LETTERS = 500;
const LARGEST_LETTER_BYTES = 512 * 1024;
const MOST_CLIENTS = 50;
const IDLE_MS = 60_000;
const CLOSE_MS = 500;

export type Letter = {
  readonly receivedAt: Date;
  /** Of the envelope. */
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** By lower-case name; of repeated ones the last. */
  readonly headers: Readonly<Record<string, string>>;
};

export type Mailbox = {
  /** smtp://host:port */
  readonly url: string;
  /** The oldest first. */
  readonly letters: readonly Letter[];
  close(): Promise<void>;
};

const nameOf = (address: SMTPServerAddress): string => address.address.split('@', 1)[0]?.toLowerCase() ?? '';

function answer(code: number, words: string): Error {
  return Object.assign(new Error(words), { responseCode: code });
}

/** Opens the mail server. `port` 0: any free one. Rejects when the address cannot be listened on. */
export async function startMailbox({ host, port }: { host: string; port: number }): Promise<Mailbox> {
  const letters: Letter[] = [];

  async function keep(content: Buffer, from: string, to: readonly string[]): Promise<void> {
    const parsed = await PostalMime.parse(content);
    letters.push({
      receivedAt: new Date(),
      from,
      to,
      subject: parsed.subject ?? '',
      text: parsed.text ?? '',
      headers: Object.fromEntries(parsed.headers.map(({ key, value }) => [key.toLowerCase(), value])),
    });
    if (letters.length > MOST_LETTERS) letters.splice(0, MOST_LETTERS / 10);
  }

  const server = new SMTPServer({
    name: 'mail.sandbox',
    banner: 'Parley sandbox mail server',
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    size: LARGEST_LETTER_BYTES,
    maxClients: MOST_CLIENTS,
    socketTimeout: IDLE_MS,
    closeTimeout: CLOSE_MS,
    disableReverseLookup: true,
    onRcptTo(address, _session, callback) {
      const name = nameOf(address);
      if (name === 'refused') callback(answer(550, 'There is no such mailbox'));
      else if (name === 'later') callback(answer(451, 'Try again later'));
      else callback();
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      const { mailFrom, rcptTo } = session.envelope;
      stream.on('data', (chunk: Buffer) => {
        if (!stream.sizeExceeded) chunks.push(chunk);
      });
      stream.on('end', () => {
        if (stream.sizeExceeded) {
          callback(answer(552, 'The message is too large'));
          return;
        }
        const from = mailFrom === false ? '' : mailFrom.address;
        keep(
          Buffer.concat(chunks),
          from,
          rcptTo.map(({ address }) => address),
        ).then(
          () => {
            if (!rcptTo.some((address) => nameOf(address) === 'silent')) callback();
          },
          (error: unknown) => callback(answer(554, error instanceof Error ? error.message : String(error))),
        );
      });
    },
  });
  // A client that breaks off is its own affair.
  server.on('error', () => {});

  await new Promise<void>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(port, host, () => {
      server.server.off('error', reject);
      resolve();
    });
  });
  const { port: bound } = server.server.address() as AddressInfo;
  return {
    url: `smtp://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    letters,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

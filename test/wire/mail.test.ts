/** E-mails: the adapter and the sandbox's mail server over real sockets, and servers that break off at every step. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMail } from '../../src/adapters/mail/index.ts';
import { createClock } from '../../src/adapters/system.ts';
import { mintMessagePermit } from '../../src/domain/compliance/permit.ts';
import { isFailure } from '../../src/domain/errors.ts';
import { type Mailbox, startMailbox } from '../../src/sandbox/mailbox.ts';
import { startPhones } from '../../src/sandbox/phones.ts';

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const clock = createClock(quiet);
const NEVER = new AbortController().signal;
const MESSAGE = {
  messageId: 'abcdef0123456789abcdef01',
  subject: 'About 1 Elm St – “soon”',
  text: 'Hi Ana,\n\nümlauts and a line of its own:\n.\n\n--\nAcme Homes\n',
  unsubscribeUrl: 'https://parley.test/unsubscribe/token',
};

let mailbox: Mailbox;
const servers: Server[] = [];
beforeEach(async () => {
  mailbox = await startMailbox({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await mailbox.close();
  for (const server of servers.splice(0)) server.close();
});

const permit = (to: string) => mintMessagePermit('p', 'email', to, Date.now() + 5_000);
const adapter = (url = mailbox.url) => createMail({ url, from: 'Acme Homes <hello@acme.example>', clock });
const send = (to = 'ana@example.com', url = mailbox.url, signal = NEVER) =>
  adapter(url).mail.sendMail(permit(to), MESSAGE, signal);
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'sent',
    (error) => (isFailure(error) ? error.code : error),
  );

/** A mail server that says its lines and breaks off, or falls silent, at a step. */
async function odd(at: 'greeting' | 'RCPT' | 'DATA' | '.', how: 'drop' | string): Promise<string> {
  const say: Record<string, string> = {
    EHLO: '250 ok',
    MAIL: '250 ok',
    RCPT: '250 ok',
    DATA: '354 go on',
    QUIT: '221 bye',
  };
  const server = createServer((socket: Socket) => {
    const end = (): void => {
      if (how === 'drop') socket.destroy();
      else socket.write(`${how}\r\n`);
    };
    socket.on('error', () => {});
    if (at === 'greeting') return end();
    socket.write('220 odd\r\n');
    let content = false;
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (content) {
        if (!text.endsWith('\r\n.\r\n')) return;
        text = '';
        content = false;
        if (at === '.') return end();
        socket.write('250 taken\r\n');
        return;
      }
      for (const line of text.split('\r\n').slice(0, -1)) {
        const verb = line.split(' ', 1)[0] ?? '';
        if (verb === at) return end();
        if (verb === 'DATA') content = true;
        socket.write(`${say[verb] ?? '250 ok'}\r\n`);
      }
      text = '';
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('an e-mail', () => {
  test('arrives as it was written, with the headers by which one click unsubscribes', async () => {
    const { vendorId } = await send();
    expect(vendorId).toBe('<abcdef0123456789abcdef01@acme.example>');
    expect(mailbox.letters).toMatchObject([
      { from: 'hello@acme.example', to: ['ana@example.com'], subject: MESSAGE.subject },
    ]);
    expect(mailbox.letters[0]?.text.trim()).toBe(MESSAGE.text.trim());
    expect(mailbox.letters[0]?.headers).toMatchObject({
      'message-id': vendorId,
      from: 'Acme Homes <hello@acme.example>',
      'list-unsubscribe': '<https://parley.test/unsubscribe/token>',
      'list-unsubscribe-post': 'List-Unsubscribe=One-Click',
    });
  });

  test('needs a permit for e-mails, once', async () => {
    const { mail } = adapter();
    const text = mintMessagePermit('p', 'sms', '+12065550123', Date.now() + 5_000);
    expect(await codeOf(mail.sendMail(text, MESSAGE, NEVER))).toBe('permit_forged');
    const good = permit('ana@example.com');
    await mail.sendMail(good, MESSAGE, NEVER);
    expect(await codeOf(mail.sendMail(good, MESSAGE, NEVER))).toBe('permit_spent');
    expect(mailbox.letters).toHaveLength(1);
  });

  test('that the server refuses fails, one it wants later was surely not sent', async () => {
    await expect(send('refused@example.com')).rejects.toMatchObject({
      code: 'message_refused',
      details: { error: { code: 'smtp_550' } },
    });
    expect(await codeOf(send('later@example.com'))).toBe('message_unavailable');
    expect(mailbox.letters).toEqual([]);
  });

  test('whose server takes it and says nothing is unconfirmed, not sent again', async () => {
    const patience = new AbortController();
    const sending = codeOf(send('silent@example.com', mailbox.url, patience.signal));
    for (let tries = 0; mailbox.letters.length === 0 && tries < 300; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    patience.abort(new Error('too long'));
    expect(await sending).toBe('message_unconfirmed');
    expect(mailbox.letters).toHaveLength(1);
  });

  test.each([
    ['greeting', 'drop', 'message_unavailable'],
    ['greeting', '554 not today', 'message_unavailable'],
    ['RCPT', 'drop', 'message_unavailable'],
    ['DATA', 'drop', 'message_unavailable'],
    ['DATA', '451 later', 'message_unavailable'],
    ['.', 'drop', 'message_unconfirmed'],
    ['.', '552 too large', 'message_refused'],
    ['.', '421 closing', 'message_unconfirmed'],
  ] as const)('a server that at %s says %s: %s', async (at, how, code) => {
    expect(await codeOf(send('ana@example.com', await odd(at, how)))).toBe(code);
  });

  test('to a server that is not there was surely not sent', async () => {
    await mailbox.close();
    expect(await codeOf(send())).toBe('message_unavailable');
    mailbox = await startMailbox({ host: '127.0.0.1', port: 0 });
  });

  test('goes out many at once over few connections, each once', async () => {
    const { mail } = adapter();
    await Promise.all(
      Array.from({ length: 30 }, (_, n) => mail.sendMail(permit(`n${n}@example.com`), MESSAGE, NEVER)),
    );
    expect(new Set(mailbox.letters.flatMap(({ to }) => to)).size).toBe(30);
    expect(mailbox.letters).toHaveLength(30);
  });

  test('a set-up that could never work is refused, and one that does not work is told', async () => {
    expect(() => createMail({ url: 'http://x', from: 'a@b.co', clock })).toThrow('SMTP_URL');
    expect(() => createMail({ url: 'smtp://x', from: 'nobody', clock })).toThrow('MAIL_FROM');
    expect(await adapter().inspect(NEVER)).toEqual([]);
    const [finding] = await adapter('smtp://127.0.0.1:1').inspect(NEVER);
    expect(finding).toMatchObject({ level: 'error', setting: 'SMTP_URL' });
  });
});

test('the page of phones and letters shows what arrived and runs nothing of it', async () => {
  await adapter().mail.sendMail(
    permit('ana@example.com'),
    { ...MESSAGE, subject: '<script>x</script>' },
    NEVER,
  );
  const phones = await startPhones(
    { host: '127.0.0.1', port: 0 },
    {
      numbers: ['+12125550190'],
      letters: () => mailbox.letters,
      texts: () => [
        {
          sid: 'SM1',
          direction: 'outbound-api',
          from: '+12125550190',
          to: '+12065550123',
          body: 'Hi <b>you</b>',
          createdAt: new Date(0),
          updatedAt: new Date(0),
          sentAt: undefined,
          status: 'undelivered',
          errorCode: 30003,
        },
      ],
    },
  );
  const page = await (await fetch(phones.url)).text();
  expect(page).toContain('&lt;script&gt;x&lt;/script&gt;');
  expect(page).toContain('Hi &lt;b&gt;you&lt;/b&gt;');
  expect(page).toContain('undelivered, error 30003');
  expect((await fetch(`${phones.url}other`)).status).toBe(404);
  await phones.close();
});

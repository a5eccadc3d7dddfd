/**
 * sandbox/phones: one page that shows what the made-up people got and wrote: the texts on their phones and the e-mails in
 * everybody's mailbox. Everything on it was written by somebody else, so everything is escaped.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Message } from './carrier/messages.ts';
import type { Letter } from './mailbox.ts';

const MOST_PHONES = 60;
const MOST_LETTERS = 60;
const REFRESH_SEC = 3;

export type Phones = { readonly url: string; close(): Promise<void> };

type Shown = {
  /** Ours, the oldest first. */
  readonly numbers: readonly string[];
  readonly texts: () => readonly Message[];
  readonly letters: () => readonly Letter[];
};

const ENTITY: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => ENTITY[sign] ?? sign);
/** Links of ours in an e-mail can be followed; nothing else becomes one. */
const linked = (text: string): string =>
  escaped(text).replace(/https?:\/\/[^\s<]+/g, (url) => `<a href="${url}" rel="noreferrer">${url}</a>`);
const clock = (at: Date): string => at.toISOString().slice(0, 19).replace('T', ' ');

const STYLE = `
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: 0 0 .5rem; }
.phones { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1rem; }
.phone, .letter { border: 1px solid #999; border-radius: 8px; padding: .75rem; overflow-wrap: anywhere; }
.letter { margin-bottom: 1rem; } .text { margin: .35rem 0; padding: .35rem .6rem; border-radius: 8px; background: #e8eef5; }
.theirs { background: #dcf2df; margin-left: 2rem; } small { color: #555; display: block; } pre { white-space: pre-wrap; font: inherit; margin: .5rem 0 0; }
`;

function phone(number: string, texts: readonly Message[]): string {
  const lines = texts.map((text) => {
    const state = text.errorCode === undefined ? text.status : `${text.status}, error ${text.errorCode}`;
    const side = text.direction === 'inbound' ? 'text theirs' : 'text';
    return `<p class="${side}">${escaped(text.body)}<small>${clock(text.createdAt)} ${escaped(state)}</small></p>`;
  });
  return `<section class="phone"><h3>${escaped(number)}</h3>${lines.join('')}</section>`;
}

const letter = ({ receivedAt, from, to, subject, text }: Letter): string =>
  `<section class="letter"><h3>${escaped(subject)}</h3><small>${clock(receivedAt)} from ${escaped(from)} to ${escaped(to.join(', '))}</small><pre>${linked(text)}</pre></section>`;

function page({ numbers, texts, letters }: Shown): string {
  const ours = new Set(numbers);
  const byPhone = new Map<string, Message[]>();
  for (const text of texts()) {
    const theirs = ours.has(text.to) ? text.from : text.to;
    const before = byPhone.get(theirs) ?? [];
    // The phone that got something last stands first.
    byPhone.delete(theirs);
    byPhone.set(theirs, [...before, text]);
  }
  const phones = [...byPhone].reverse().slice(0, MOST_PHONES);
  const mail = letters().slice(-MOST_LETTERS).reverse();
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="${REFRESH_SEC}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Phones and mailbox of the sandbox</title>
<style>${STYLE}</style></head><body>
<h1>Phones and mailbox of the sandbox</h1>
<p>What the made-up people got, and what they wrote. No real phone and no real mailbox is behind it. All times are UTC.</p>
<h2>Texts</h2>
<div class="phones">${phones.map(([number, all]) => phone(number, all)).join('') || '<p>None yet.</p>'}</div>
<h2>E-mails</h2>
${mail.map(letter).join('') || '<p>None yet.</p>'}
</body></html>
`;
}

/** Serves the page at `/`. `port` 0: any free one. Rejects when the address cannot be listened on. */
export async function startPhones(at: { host: string; port: number }, shown: Shown): Promise<Phones> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('there is nothing here');
      return;
    }
    response
      .writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      })
      .end(page(shown));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${at.host.includes(':') ? `[${at.host}]` : at.host}:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

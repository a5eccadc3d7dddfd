/** The proof of a number: checked by somebody who has only the answer, and printed with the words of hostile people on it. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ConsentProof } from '../../src/contract/index.ts';
import { canonicalJson } from '../../src/domain/canonical.ts';
import { nextConsentLog } from '../../src/domain/compliance/consent-log.ts';
import { escapeHtml } from '../../src/http/proof-page.ts';
import { at, callId, decision, leadId, missingId, proofOf, type Served, serve } from './support.ts';

const PHONE = '+12125550123';
/** An area code with a time zone line through it. */
const ELSEWHERE = '+18505550123';
const PATH = `/api/v1/consents/proof?phone=${encodeURIComponent(PHONE)}`;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Markup, an end of the page, quotes, and words that show something else than they hold. */
const HOSTILE = `</title></style></main><script>alert(1)</script><img src=x onerror='alert(2)'> " ' & \u202Egnihton ot eerga I\u202C \u200Bא \u0000\r\nnext\u2028line \uD800`;

const granted = nextConsentLog(undefined, {
  _id: 'a'.repeat(24),
  leadId,
  phone: PHONE,
  email: HOSTILE,
  eventType: 'consent_granted',
  consentDetails: {
    method: HOSTILE,
    source: HOSTILE,
    consentText: `I agree to be called.\n${HOSTILE}`,
    automatedCallsAllowed: true,
    textMessagesAllowed: false,
    expiresAt: new Date('2027-06-14T15:00:00Z'),
  },
  evidence: {
    seller: HOSTILE,
    purpose: 'marketing',
    level: 'written',
    artificialVoiceDisclosed: true,
    pageUrl: 'javascript:alert(1)',
    textHash: HOSTILE,
    certificate: 'https://cert.trustedform.com/abc"><script>',
    sessionId: HOSTILE,
  },
  ipAddress: '203.0.113.7',
  userAgent: HOSTILE,
  referrer: HOSTILE,
  timestamp: new Date('2026-07-14T15:00:00Z'),
  recordedBy: HOSTILE,
  createdAt: new Date('2026-07-14T15:00:01Z'),
});
const revoked = nextConsentLog(granted, {
  _id: 'b'.repeat(24),
  phone: PHONE,
  eventType: 'consent_revoked',
  revocation: { channel: HOSTILE, words: HOSTILE },
  timestamp: new Date('2026-11-21T15:00:00Z'),
  recordedBy: 'owner',
  createdAt: new Date('2026-11-21T15:00:00Z'),
});
const full = () =>
  proofOf(PHONE, {
    seller: HOSTILE,
    numbers: [PHONE, ELSEWHERE],
    verification: { intact: true, entries: 2 },
    events: [granted, revoked],
    dnc: [
      {
        _id: 'c'.repeat(24),
        phone: ELSEWHERE,
        scope: 'internal',
        state: null,
        seller: HOSTILE,
        source: HOSTILE,
        reason: HOSTILE,
        listedAt: at,
        releasedAt: at,
        releasedBy: HOSTILE,
        createdAt: at,
        updatedAt: at,
      },
    ],
    calls: [
      {
        callId,
        contactPhone: PHONE,
        status: HOSTILE,
        initiatedAt: at,
        decision: { ...decision, explanation: HOSTILE },
      },
      { callId: missingId, contactPhone: PHONE, status: 'answered', initiatedAt: at },
    ],
  });

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.http.close());
beforeEach(() => {
  served.state.proof = undefined;
});

const page = async () => {
  const response = await served.withKey(`${PATH}&format=html`);
  return { response, html: await response.text() };
};

/** What anybody can do with the JSON: the steps that the contract names. */
function recomputed(proof: ConsentProof): string {
  const stored = ({ id, ...rest }: { id: string }) => ({ _id: id, ...rest });
  const { hash: _hash, ...sealed } = proof;
  return sha256(canonicalJson({ ...sealed, events: proof.events.map(stored), dnc: proof.dnc.map(stored) }));
}

test('the hash of a proof, and of each event in it, follows from the JSON alone', async () => {
  served.state.proof = full();
  const proof = ConsentProof.parse(await (await served.withKey(PATH)).json());
  expect(recomputed(proof)).toBe(proof.hash);
  let before = '0'.repeat(64);
  for (const { id, hash, ...rest } of proof.events) {
    expect(rest.prevHash).toBe(before);
    expect(sha256(canonicalJson({ _id: id, ...rest }))).toBe(hash);
    before = hash;
  }
  expect(recomputed({ ...proof, numbers: [PHONE] })).not.toBe(proof.hash);
});

/** The text of HTML without tags, as a browser shows it. */
const textOf = (html: string): string =>
  html
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

test('the page carries its own data, from which its hash follows', async () => {
  const proof = full();
  served.state.proof = proof;
  const { html } = await page();
  expect(html).toContain(proof.hash);
  const data = textOf(/<pre[^>]*>([\s\S]*?)<\/pre>/.exec(html)?.[1] ?? '');
  expect(sha256(canonicalJson(JSON.parse(data)))).toBe(proof.hash);
});

test('no word of anybody becomes markup, and what cannot be seen is written out', async () => {
  served.state.proof = full();
  const { html } = await page();
  const tags = new Set([...html.matchAll(/<\/?([a-z0-9!]+)/gi)].map(([, name]) => name));
  for (const name of ['script', 'img', 'a', 'iframe', 'form', 'link', 'object'])
    expect(tags).not.toContain(name);
  expect(html.match(/<\/main>/g)?.length).toBe(1);
  expect(html.match(/<\/style>/g)?.length).toBe(1);
  for (const [tag] of html.matchAll(/<[a-z][^>]*>/g)) expect(tag).not.toMatch(/\son\w+=|href|src/);
  // Our own words have none of these, so every one would be somebody's.
  expect(html).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  expect(html).toContain(
    '&quot; &#39; &amp; [U+202E]gnihton ot eerga I[U+202C] [U+200B]א [U+0000]\nnext[U+2028]line [U+D800]',
  );
});

test.each([
  ['<b>', '&lt;b&gt;'],
  ['&lt;', '&amp;lt;'],
  ['a\r\nb\rc\td', 'a\nb[U+000D]c\td'],
  ['👩‍👩‍👧 Zoë', '👩‍👩‍👧 Zoë'],
  ['\u{E0041}', '[U+E0041]'],
  ['\u2066x\u2069', '[U+2066]x[U+2069]'],
])('%j is shown as %j', (text, html) => {
  expect(escapeHtml(text)).toBe(html);
});

test('the page shows everything a person must see of each event', async () => {
  served.state.proof = full();
  const { html } = await page();
  const text = textOf(html);
  for (const words of [
    'Consent and calls: (212) 555-0123',
    'The record holds',
    '(850) 555-0123, +18505550123',
    'Consent given',
    'I agree to be called.\n',
    '2026-07-14 15:00:00 UTC; by the number’s area code Tue 2026-07-14 11:00 (America/New_York)',
    'javascript:alert(1)',
    '203.0.113.7',
    'https://cert.trustedform.com/abc"><script>',
    `${'a'.repeat(24)}, number 1 of this number’s chain`,
    granted.hash,
    revoked.prevHash,
    revoked.hash,
    'Consent taken back',
    'released 2026-11-21 15:00:00 UTC',
    'denied: consent_missing',
    'Sat 2026-11-21 10:00 (America/New_York)',
    'no decision recorded',
  ]) {
    expect(text).toContain(words);
  }
});

test('an event of a number between two zones shows both clocks, and one from abroad only UTC', async () => {
  const abroad = '+442079460123';
  served.state.proof = proofOf(ELSEWHERE, {
    events: [
      { ...granted, phone: ELSEWHERE },
      { ...revoked, phone: abroad },
    ],
  });
  const text = textOf((await page()).html);
  expect(text).toContain(
    '15:00:00 UTC; by the number’s area code Tue 2026-07-14 11:00 (America/New_York) or Tue 2026-07-14 10:00 (America/Chicago)',
  );
  expect(text).toMatch(/2026-11-21 15:00:00 UTC\n/);
});

test('a record that does not hold is said before anything else of it', async () => {
  served.state.proof = proofOf(PHONE, {
    verification: {
      intact: false,
      entries: 4,
      phone: PHONE,
      brokenAt: 3,
      detail: 'the entry was changed <b>',
    },
  });
  const { html } = await page();
  expect(html).toContain('<p class="broken">The record does not hold');
  expect(textOf(html)).toContain('at entry 3, the entry was changed <b>');
  expect(html.indexOf('does not hold')).toBeLessThan(html.indexOf('Consent, oldest first'));
});

test('a number of which nothing is known has a page that says so', async () => {
  served.state.proof = proofOf(PHONE, {
    events: [],
    dnc: [],
    calls: [],
    verification: { intact: true, entries: 0 },
  });
  const { html } = await page();
  for (const words of ['No consent of this person', 'None of these numbers', 'No call to this person'])
    expect(html).toContain(words);
});

test('the page runs nothing and loads nothing: its policy names its own style by its hash', async () => {
  const { response, html } = await page();
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  expect(response.headers.get('content-security-policy')).toBe(
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  expect(html).not.toMatch(/\sstyle=/);
  expect(style).toContain('@media print');
  expect(style).not.toMatch(/url\(|@import/);
});

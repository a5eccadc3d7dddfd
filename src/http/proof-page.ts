/**
 * http/proof-page: the evidence about one number as a page to read, print and hand over. It needs nothing but itself: no
 * script, no file, no address. Every value on it was written by somebody else, so every value is escaped.
 */
import { createHash } from 'node:crypto';
import { canonicalPieces } from '../domain/canonical.ts';
import { numberKind } from '../domain/compliance/number.ts';
import { areaCode } from '../domain/compliance/places.ts';
import type { ConsentProof } from '../domain/compliance/records.ts';
import { showLocal } from '../domain/compliance/zone-clock.ts';
import type { ConsentEventType, ConsentLog, DncEntry } from '../domain/documents.ts';
import { formatPhone } from '../domain/phone.ts';

const STYLE = `
:root { color-scheme: light; }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1.5rem; background: #fff; color: #1a1a1a;
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .75rem; border-bottom: 1px solid #999; padding-bottom: .25rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
dl { display: grid; grid-template-columns: 12rem 1fr; gap: .15rem 1rem; margin: 0; }
dt { color: #555; }
dd { margin: 0; }
ol, ul { padding-left: 1.5rem; }
.event { border: 1px solid #999; border-radius: 4px; padding: .75rem 1rem; margin: 0 0 .75rem; }
.wording { white-space: pre-wrap; unicode-bidi: isolate; border-left: 3px solid #999; padding-left: .75rem; margin: .25rem 0; }
.hash { font: 13px/1.5 ui-monospace, monospace; unicode-bidi: isolate; }
.holds, .broken { border: 2px solid; border-radius: 4px; padding: .5rem .75rem; }
.holds { border-color: #2b6a30; }
.broken { border-color: #b00020; color: #b00020; font-weight: 600; }
pre { white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { border: 1px solid #999; padding: .3rem .5rem; text-align: left; vertical-align: top; }
th { overflow-wrap: normal; }
@media screen and (max-width: 40rem) {
  body { padding: 0 .75rem; }
  dl { grid-template-columns: 1fr; }
  table { display: block; overflow-x: auto; }
}
thead { display: table-header-group; }
@page { margin: 16mm; }
@media print {
  body { margin: 0; padding: 0; max-width: none; font-size: 10.5pt; }
  .event, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** The policy of this page: its own style and nothing else. */
export const PROOF_POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const ENTITY: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/**
 * What cannot be seen but changes what is: controls, direction marks, halves of characters. Not the line breaks and tabs
 * of a wording, nor the joiners that scripts and emoji need.
 */
const UNSEEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const codePoint = (sign: string): string =>
  `[U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`;
/** Both halves of a character that needs two. */
const asJsonEscape = (sign: string): string =>
  sign.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Text as HTML that shows exactly this text: what nobody could see is written out, such as [U+202E]. */
export const escapeHtml = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replace(/[&<>"']/g, (sign) => ENTITY[sign] ?? sign)
    .replace(UNSEEN, codePoint);

/** A value among our words: letters that run from right to left stay within it. */
const value = (text: string): string => `<bdi>${escapeHtml(text)}</bdi>`;
const code = (text: string): string => `<span class="hash">${escapeHtml(text)}</span>`;
const wording = (text: string): string => `<div class="wording" dir="auto">${escapeHtml(text)}</div>`;

const phone = (number: string): string => {
  const shown = formatPhone(number);
  return value(shown === number ? number : `${shown}, ${number}`);
};

const utc = (at: Date): string => `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** The clocks that the number's area code may mean; the person may be elsewhere. */
function localClocks(number: string, at: Date): string {
  const { npa } = numberKind(number);
  const zones = npa === undefined ? [] : (areaCode(npa)?.zones ?? []);
  return zones.map((zone) => `${showLocal(zone, at.getTime())} (${zone})`).join(' or ');
}

function time(at: Date, number: string): string {
  const local = localClocks(number, at);
  return value(local === '' ? utc(at) : `${utc(at)}; by the number’s area code ${local}`);
}

/** Rows of name and value; a value that is absent has no row. */
const facts = (rows: readonly (readonly [string, string | undefined])[]): string =>
  `<dl>\n${rows
    .filter(([, html]) => html !== undefined)
    .map(([name, html]) => `<dt>${name}</dt><dd>${html}</dd>\n`)
    .join('')}</dl>\n`;

const optional = (text: string | undefined, show: (text: string) => string = value): string | undefined =>
  text === undefined || text === '' ? undefined : show(text);
const yesNo = (answer: boolean | undefined): string | undefined =>
  answer === undefined ? undefined : answer ? 'yes' : 'no';

const EVENT_TITLE: Record<ConsentEventType, string> = {
  consent_granted: 'Consent given',
  consent_revoked: 'Consent taken back',
  dnc_added: 'Put on a do-not-call list',
  dnc_removed: 'Taken off a do-not-call list',
};

function eventHtml(entry: ConsentLog): string {
  const { consentDetails: details, evidence, revocation } = entry;
  return `<article class="event">
<h3>${EVENT_TITLE[entry.eventType]}</h3>
${facts([
  ['When', time(entry.timestamp, entry.phone)],
  ['Number', phone(entry.phone)],
  ['E-mail', optional(entry.email)],
  ['How', optional(details?.method)],
  ['Source', optional(details?.source)],
  ['Words shown or heard', optional(details?.consentText, wording)],
  ['Automated calls allowed', yesNo(details?.automatedCallsAllowed)],
  ['Text messages allowed', yesNo(details?.textMessagesAllowed)],
  ['Ends', details?.expiresAt && value(utc(details.expiresAt))],
  ['Seller', optional(evidence?.seller)],
  ['Purpose', optional(evidence?.purpose)],
  ['Level', optional(evidence?.level)],
  ['Artificial voice disclosed', yesNo(evidence?.artificialVoiceDisclosed)],
  ['Page', optional(evidence?.pageUrl)],
  ['Came from', optional(entry.referrer)],
  ['Hash of the words', optional(evidence?.textHash, code)],
  ['Certificate', optional(evidence?.certificate)],
  ['Recorded session', optional(evidence?.sessionId)],
  ['Taken back by', optional(revocation?.channel)],
  ['Words of the person', optional(revocation?.words, wording)],
  ['IP address', optional(entry.ipAddress)],
  ['Browser', optional(entry.userAgent)],
  ['Recorded', value(`${utc(entry.createdAt)} by ${entry.recordedBy}`)],
  ['Lead', optional(entry.leadId, code)],
  ['Entry', `${code(entry._id)}, number ${entry.chainIndex} of this number’s chain`],
  ['Hash before it', code(entry.prevHash)],
  ['Hash', code(entry.hash)],
])}</article>
`;
}

const table = (heads: readonly string[]): string =>
  `<table>\n<thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead>\n<tbody>\n`;
const row = (cells: readonly string[]): string =>
  `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>\n`;
const TABLE_END = '</tbody>\n</table>\n';

const dncHtml = (entry: DncEntry): string =>
  row([
    phone(entry.phone),
    value([entry.scope, entry.state, entry.seller].filter((part) => part !== null).join(', ')),
    value(utc(entry.listedAt)),
    value([entry.source, entry.reason].filter((part) => part !== undefined).join(': ')),
    entry.releasedAt === undefined
      ? 'holds'
      : value(`released ${utc(entry.releasedAt)}${entry.releasedBy ? ` by ${entry.releasedBy}` : ''}`),
  ]);

function callHtml({ callId, contactPhone, status, initiatedAt, decision }: ConsentProof['calls'][number]) {
  const clocks = decision?.zones.map(({ localTime, zone }) => `${localTime} (${zone})`).join(' or ') ?? '';
  return row([
    value(`${utc(initiatedAt)}${clocks === '' ? '' : `; there ${clocks}`}`),
    `${phone(contactPhone)}<br>${code(callId)}`,
    value(status),
    decision === undefined
      ? 'no decision recorded'
      : `${value(decision.verdict === 'allow' ? 'allowed' : `denied: ${decision.reasons.join(', ')}`)}<br>${value(decision.explanation)}`,
    decision === undefined
      ? ''
      : [
          `rules ${code(decision.ruleVersion)}`,
          `facts ${code(decision.inputsHash)}`,
          ...(decision.permitId === undefined ? [] : [`permit ${code(decision.permitId)}`]),
        ].join('<br>'),
  ]);
}

function verificationHtml({ verification }: ConsentProof): string {
  const { intact, entries, phone: number, brokenAt, detail } = verification;
  if (intact) {
    return `<p class="holds">The record holds: the hash of every entry (${entries} in all) was computed again and is as it was written.</p>\n`;
  }
  const where = [
    ...(number === undefined ? [] : [`in the chain of ${phone(number)}`]),
    ...(brokenAt === undefined ? [] : [`at entry ${brokenAt}`]),
    ...(detail === undefined ? [] : [value(detail)]),
  ].join(', ');
  return `<p class="broken">The record does not hold${where === '' ? '' : `: ${where}`}. What is shown here may have been changed after it was written.</p>\n`;
}

/** The page piece by piece: a person with many calls has a long one. */
export function* proofPage(proof: ConsentProof): Generator<string> {
  const title = `Consent and calls: ${escapeHtml(formatPhone(proof.phone))}`;
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${facts([
  ['Seller', value(proof.seller)],
  ['Asked for', phone(proof.phone)],
  [
    'Numbers of this person',
    `<ul>\n${proof.numbers.map((number) => `<li>${phone(number)}</li>\n`).join('')}</ul>`,
  ],
  ['Produced', value(utc(proof.producedAt))],
  ['Version of the rules', code(proof.ruleVersion)],
])}
<h2>Is the record as it was written?</h2>
${verificationHtml(proof)}
<h2>Consent, oldest first</h2>
`;
  if (proof.events.length === 0)
    yield '<p>No consent of this person was ever recorded, and none was taken back.</p>\n';
  for (const entry of proof.events) yield eventHtml(entry);

  yield '<h2>Do-not-call entries</h2>\n';
  if (proof.dnc.length === 0) yield '<p>None of these numbers was put on a do-not-call list here.</p>\n';
  else {
    yield table(['Number', 'List', 'Since', 'Why', 'State']);
    for (const entry of proof.dnc) yield dncHtml(entry);
    yield TABLE_END;
  }

  yield '<h2>Calls that were asked for, oldest first</h2>\n';
  if (proof.calls.length === 0) yield '<p>No call to this person was ever asked for.</p>\n';
  else {
    yield table(['When', 'Number and call', 'Outcome', 'Decision before it', 'Made from']);
    for (const call of proof.calls) yield callHtml(call);
    yield TABLE_END;
  }

  yield `<h2>How to check this</h2>
<p>Hash of this proof (SHA-256): ${code(proof.hash)}</p>
<ol>
<li>Take the data below, which is all of this page, and write it as canonical JSON (RFC 8785) in UTF-8. Its SHA-256 must be the hash of the proof.</li>
<li>Each event in it, without its own <span class="hash">hash</span>, gives that hash in the same way. Its <span class="hash">prevHash</span> is the hash of the event before it on the same number; the first has 64 zeros.</li>
</ol>
<details>
<summary>This page as data</summary>
<pre class="hash">`;
  const { hash: _hash, ...sealed } = proof;
  for (const json of canonicalPieces(sealed)) yield escapeHtml(json.replace(UNSEEN, asJsonEscape));
  yield `</pre>
</details>
</main>
</body>
</html>
`;
}

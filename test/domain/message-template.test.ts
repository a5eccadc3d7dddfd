/** Wordings of messages: what is filled in, what is always added, and what is refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  composeMessage,
  MESSAGE_VALUE_NAMES,
  sampleMessage,
  wordingProblems,
} from '../../src/domain/message-template.ts';
import { segmentsOf } from '../../src/domain/sms-segments.ts';
import { leadOfToken, unsubscribeToken } from '../../src/domain/unsubscribe.ts';

const SENDER = {
  sellerName: 'Acme Homes',
  sellerAddress: '100 Main Street, Tampa, FL 33602',
  callbackNumber: '(212) 555-0190',
};
const LINK = 'https://parley.test/unsubscribe/t';

describe('a wording', () => {
  test('says who sends and how to stop, whatever it says itself', () => {
    const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(words, words, (body, name) => {
        const text = composeMessage({ channel: 'sms', body }, { first_name: name }, SENDER, LINK);
        expect(text.text.startsWith('Acme Homes: ')).toBe(true);
        expect(text.text.endsWith(' Reply STOP to stop.')).toBe(true);
        const mail = composeMessage(
          { channel: 'email', subject: 'S', body },
          { first_name: name },
          SENDER,
          LINK,
        );
        expect(
          mail.text.endsWith(
            `, ${SENDER.sellerAddress}\nTo get no more e-mails, calls or texts from us: ${LINK}\n`,
          ),
        ).toBe(true);
      }),
    );
  });

  test('takes a name as a name: no line of its own, no placeholder, no header', () => {
    const values = { first_name: 'Ana\r\nBcc: x@y.co {{city}}\u0000', city: 'Tampa' };
    const mail = composeMessage(
      { channel: 'email', subject: 'For {{first_name}}', body: 'Hi {{ first_name }},' },
      values,
      SENDER,
      LINK,
    );
    expect(mail.subject).toBe('For Ana Bcc: x@y.co {{city}}');
    expect(mail.text.split('\n', 1)[0]).toBe('Hi Ana Bcc: x@y.co {{city}},');
  });

  test('has words where nothing is known', () => {
    const body = MESSAGE_VALUE_NAMES.map((name) => `{{${name}}}`).join(' ');
    expect(composeMessage({ channel: 'sms', body }, {}, SENDER, LINK).text).toBe(
      'Acme Homes: there there Acme Homes your property your area (212) 555-0190 recently If you have a question, call us at any time. Reply STOP to stop.',
    );
    expect(sampleMessage({ channel: 'sms', body: 'Hi {{first_name}}' }, SENDER, LINK)).toEqual({
      text: 'Acme Homes: Hi Maria Reply STOP to stop.',
      segments: 1,
    });
  });

  test('that passes is sent whole: nothing is left to be filled in', () => {
    const piece = fc.constantFrom(
      ...MESSAGE_VALUE_NAMES.map((name) => `{{${name}}}`),
      '{{nickname}}',
      '{',
      '}}',
      'word',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), (pieces) => {
        const wording = { channel: 'email', subject: 'S', body: pieces.join(' ') } as const;
        if (wordingProblems(wording, SENDER).length > 0) return;
        expect(composeMessage(wording, {}, SENDER, LINK).text).not.toMatch(/[{}]/);
      }),
    );
  });

  test('is refused with the field and the reason', () => {
    const problems = (wording: object) =>
      wordingProblems({ channel: 'sms', body: 'Hi', ...wording }, SENDER).map(
        ({ field, says }) => `${field} ${says}`,
      );
    expect(problems({})).toEqual([]);
    expect(problems({ body: ' ' })).toEqual(['body says nothing']);
    expect(problems({ body: 'Hi {{name}}' })[0]).toContain(
      'body {{name}} is not known; there are {{first_name}}',
    );
    expect(problems({ body: 'Hi {{first_name}' })).toEqual([
      'body a placeholder is broken near "Hi {{first_name"',
    ]);
    expect(problems({ subject: 'S' })).toEqual(['subject a text has no subject']);
    expect(problems({ body: 'x'.repeat(1_000) })[0]).toMatch(/^body takes 7 parts/);
    expect(problems({ channel: 'email' })).toEqual(['subject an e-mail needs a subject']);
  });
});

describe('the parts of a text', () => {
  test.each([
    ['', 'gsm7', 1],
    ['a'.repeat(160), 'gsm7', 1],
    ['a'.repeat(161), 'gsm7', 2],
    ['a'.repeat(306), 'gsm7', 2],
    ['a'.repeat(307), 'gsm7', 3],
    ['€'.repeat(80), 'gsm7', 1],
    ['€'.repeat(81), 'gsm7', 2],
    // An escape and its character are not parted: 76 of them fit into 153 units.
    ['€'.repeat(152), 'gsm7', 2],
    ['€'.repeat(153), 'gsm7', 3],
    ['é'.repeat(160), 'gsm7', 1],
    ['ê'.repeat(70), 'ucs2', 1],
    ['ê'.repeat(71), 'ucs2', 2],
    ['😀'.repeat(35), 'ucs2', 1],
    ['😀'.repeat(36), 'ucs2', 2],
    // A pair of surrogates is not parted: 33 of them fit into 67 units.
    ['😀'.repeat(66), 'ucs2', 2],
    ['😀'.repeat(67), 'ucs2', 3],
    [`${'a'.repeat(69)}“`, 'ucs2', 1],
  ] as const)('%#: %s', (text, encoding, count) => {
    expect(segmentsOf(text)).toEqual({ encoding, count });
  });
});

describe('an unsubscribe link', () => {
  const leadId = 'abcdef0123456789abcdef01';

  test('names its lead to whoever has the secret, and nobody can make or change one', () => {
    const token = unsubscribeToken('secret', leadId);
    expect(leadOfToken('secret', token)).toBe(leadId);
    expect(leadOfToken('another', token)).toBeUndefined();
    for (let at = 0; at < token.length; at += 1) {
      const other = token[at] === '0' ? '1' : '0';
      expect(
        leadOfToken('secret', token.slice(0, at) + other + token.slice(at + 1)),
        String(at),
      ).toBeUndefined();
    }
    for (const odd of ['', leadId, `${token}0`, ` ${token}`, token.toUpperCase()])
      expect(leadOfToken('secret', odd)).toBeUndefined();
  });
});

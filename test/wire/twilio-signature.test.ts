/** Who may speak to us in Twilio's name: signatures of requests and upgrades, and the tickets of media streams. */
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import { describe, expect, test } from 'vitest';
import { createSignature } from '../../src/adapters/twilio/signature.ts';
import { createTickets } from '../../src/adapters/twilio/tickets.ts';
import { adapter, CALL_ID, countingIds, handClock, TOKEN } from './twilio-kit.ts';

describe('signatures', () => {
  test('the vector of the documentation is valid, and any change of it is not', () => {
    const { validRequest } = createSignature({ authToken: '12345', publicBaseUrl: 'https://example.com' });
    const header = 'L/OH5YylLD5NRKLltdqwSvS0BnU=';
    const form = {
      CallSid: 'CA1234567890ABCDE',
      Caller: '+14158675310',
      Digits: '1234',
      From: '+14158675310',
      To: '+18005551212',
    };
    const url = '/myapp.php?foo=1&bar=2';
    expect(validRequest(header, url, form)).toBe(true);
    expect(validRequest(header, `${url}#rc=5&rp=all`, form)).toBe(true);
    expect(validRequest(header, '/myapp.php?foo=1&bar=3', form)).toBe(false);
    expect(validRequest(header, url, { ...form, Digits: '12345' })).toBe(false);
    expect(validRequest(header, url, { ...form, Extra: '' })).toBe(false);
    expect(validRequest(header.toLowerCase(), url, form)).toBe(false);
    expect(validRequest(undefined, url, form)).toBe(false);
    expect(validRequest([header, header], url, form)).toBe(false);
    const other = createSignature({ authToken: '12346', publicBaseUrl: 'https://example.com' });
    expect(other.validRequest(header, url, form)).toBe(false);
  });

  const sign = (url: string) => getExpectedTwilioSignature(TOKEN, url, {});

  test('an upgrade is signed over the wss URL, with or without a slash at the end', () => {
    const { signature } = adapter();
    for (const url of ['wss://app.test/twilio/media', 'wss://app.test/twilio/media/'])
      for (const path of ['/twilio/media', '/twilio/media/', '/twilio/media?x=1'])
        expect(signature.validUpgrade(sign(url), path)).toBe(true);
  });

  test.each([
    ['https scheme', 'https://app.test/twilio/media'],
    ['ws scheme', 'ws://app.test/twilio/media'],
    ['another host', 'wss://evil.test/twilio/media'],
    ['another path', 'wss://app.test/twilio/medium'],
    ['a query', 'wss://app.test/twilio/media?x=1'],
  ])('an upgrade signed over %s is refused', (_, url) => {
    expect(adapter().signature.validUpgrade(sign(url), '/twilio/media')).toBe(false);
  });

  test('an upgrade without a signature is refused', () => {
    const { signature } = adapter();
    expect(signature.validUpgrade(undefined, '/twilio/media')).toBe(false);
    expect(signature.validUpgrade('', '/twilio/media')).toBe(false);
    expect(signature.validUpgrade('nonsense', '')).toBe(false);
  });

  test('a public URL on http is reached by ws, with its port or without', () => {
    const { signature } = adapter({ publicBaseUrl: 'http://localhost:3000' });
    expect(signature.validUpgrade(sign('ws://localhost:3000/twilio/media'), '/twilio/media')).toBe(true);
    expect(signature.validUpgrade(sign('ws://localhost/twilio/media'), '/twilio/media')).toBe(true);
    expect(signature.validUpgrade(sign('ws://localhost:3001/twilio/media'), '/twilio/media')).toBe(false);
  });
});

describe('tickets', () => {
  const desk = () => {
    const hand = handClock();
    return { ...hand, ...createTickets({ clock: hand.clock, ids: countingIds() }) };
  };

  test('a ticket opens its call once', () => {
    const { issue, spend } = desk();
    const [one, two] = [issue('call-1'), issue('call-2')];
    expect(spend(two)).toBe('call-2');
    expect(spend(one)).toBe('call-1');
    expect(spend(one)).toBeUndefined();
    expect(spend(two)).toBeUndefined();
  });

  test('a ticket lives for sixty seconds, and not one millisecond more', () => {
    const { issue, spend, turn } = desk();
    const [early, late] = [issue(CALL_ID), issue(CALL_ID)];
    turn(59_999);
    expect(spend(early)).toBe(CALL_ID);
    turn(1);
    expect(spend(late)).toBeUndefined();
  });

  test('made-up, cut, longer and endless tickets open nothing and cost nobody theirs', () => {
    const { issue, spend } = desk();
    const token = issue(CALL_ID);
    for (const wrong of ['', token.slice(0, -1), `${token}x`, 'x'.repeat(1_000_000)])
      expect(spend(wrong)).toBeUndefined();
    expect(spend(token)).toBe(CALL_ID);
  });

  test('a flood of tickets is bounded: the oldest give way, the newest work', () => {
    const { issue, spend } = desk();
    const tokens = Array.from({ length: 10_001 }, (_, index) => issue(`call-${index}`));
    expect(spend(tokens[0] ?? '')).toBeUndefined();
    expect(spend(tokens[1] ?? '')).toBe('call-1');
    expect(spend(tokens[10_000] ?? '')).toBe('call-10000');
  });
});

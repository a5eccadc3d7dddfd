/** Lead sources at our door: each proves who it is in its own way, a lead sent twice is one, and bad input is never our error. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  CreatedIntakeEndpoint,
  IntakeEndpoint,
  type IntakeEndpointCreate,
} from '../../src/contract/index.ts';
import { serveLeadsIn } from './leads-in.ts';

let served: Awaited<ReturnType<typeof serveLeadsIn>>;
beforeEach(async () => {
  served = await serveLeadsIn();
});
afterEach(() => served.close());

async function endpoint(given: Partial<IntakeEndpointCreate> & Pick<IntakeEndpointCreate, 'source'>) {
  const response = await served.send('POST', '/api/v1/intake/endpoints', { name: 'ours', ...given });
  expect(response.status).toBe(201);
  return CreatedIntakeEndpoint.parse(await response.json());
}
const knock = (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(served.base + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
const leads = () => served.store.collection('leads').find({ sort: { receivedAt: 1 } });

const TEXT =
  'I agree to calls by Parley with an artificial voice. Consent is not a condition of any purchase.';

describe('Google Ads', () => {
  const google = (key: string, more: object = {}) =>
    JSON.stringify({
      lead_id: 'TeSter-123',
      google_key: key,
      form_id: 40_000_000_000,
      campaign_id: 123,
      api_version: '1.0',
      is_test: false,
      user_column_data: [
        { column_name: 'Full Name', column_id: 'FULL_NAME', string_value: 'Ann Lee' },
        { column_id: 'PHONE_NUMBER', string_value: '+1 206-555-0101' },
        { column_id: 'EMAIL', string_value: 'ann@example.org' },
        { column_id: 'POSTAL_CODE', string_value: '98101' },
        { column_id: 'how_soon_do_you_want_to_sell', string_value: 'now' },
      ],
      ...more,
    });

  test('sends its key in the body; its answers become a lead, once, and nothing it says is lost', async () => {
    const { path, secret } = await endpoint({ source: 'google_ads' });
    const first = await knock(path, google(secret));
    expect(first.status).toBe(200);
    const { leadId, outcome } = (await first.json()) as Record<string, string>;
    expect(outcome).toBe('created');
    const [lead] = await leads();
    expect(lead).toMatchObject({
      _id: leadId,
      source: 'google_ads',
      externalId: 'TeSter-123',
      contact: {
        firstName: 'Ann',
        lastName: 'Lee',
        phone: '+12065550101',
        email: 'ann@example.org',
        address: { zipCode: '98101' },
      },
      legacy: { form_id: '40000000000', user_column_data_how_soon_do_you_want_to_sell: 'now' },
    });
    expect(JSON.stringify(lead)).not.toContain(secret);
    expect(lead?.consent).toBeUndefined();
    const again = await knock(path, google(secret));
    expect(await again.json()).toMatchObject({ outcome: 'unchanged', leadId });
    expect(await leads()).toHaveLength(1);
  });

  test('with another key, or a test of its own, leaves nothing', async () => {
    const { path, secret } = await endpoint({ source: 'google_ads' });
    expect((await knock(path, google(`${secret}x`))).status).toBe(403);
    expect((await knock(path, google(secret).replace('google_key', 'other'))).status).toBe(403);
    expect((await knock(path, google(''), bearer(secret))).status).toBe(403);
    const tried = await knock(path, google(secret, { is_test: true }));
    expect([tried.status, await tried.json()]).toEqual([200, { outcome: 'test' }]);
    expect(await leads()).toEqual([]);
  });
});

describe('Real Geeks', () => {
  const body = JSON.stringify({
    id: 'a1b2',
    first_name: 'Ann',
    last_name: 'Lee',
    email: 'ann@example.org',
    phone: '2065550101',
    role: 'Seller',
    urgency: 'Hot',
    activities: [{ type: 'property_viewed', property: { mls: 'x' } }],
  });
  const signed = (secret: string, text: string, action = 'created') => ({
    'x-lead-router-action': action,
    'x-lead-router-signature': createHmac('sha256', secret).update(text).digest('hex'),
  });

  test('signs the body; its words become ours', async () => {
    const { path, secret } = await endpoint({ source: 'realgeeks' });
    const made = await knock(path, body, signed(secret, body));
    expect(await made.json()).toMatchObject({ outcome: 'created', consent: 'none' });
    const [lead] = await leads();
    expect(lead).toMatchObject({
      externalId: 'a1b2',
      intent: { type: 'seller', urgency: 'high' },
      legacy: { activities_0_type: 'property_viewed' },
    });
    const moved = body.replace('2065550101', '2065550199');
    const updated = await knock(path, moved, signed(secret, moved, 'updated'));
    expect(await updated.json()).toMatchObject({ outcome: 'updated' });
    expect((await leads()).map(({ contact }) => contact.phone)).toEqual(['+12065550199']);
    const looked = await knock(path, body, signed(secret, body, 'activity_added'));
    expect(await looked.json()).toEqual({ outcome: 'ignored' });
  });

  test('is not believed when the body is another than the one it signed', async () => {
    const { path, secret } = await endpoint({ source: 'realgeeks' });
    expect((await knock(path, body.replace('Ann', 'Eve'), signed(secret, body))).status).toBe(403);
    expect((await knock(path, body, bearer(secret))).status).toBe(403);
    expect(await leads()).toEqual([]);
  });
});

test('Zillow sends a form and may have the secret in its address; a lead without an id is known by what it says', async () => {
  const { path, secret } = await endpoint({ source: 'zillow' });
  const form = new URLSearchParams({
    listingId: 'p01023',
    name: 'Rachel Lee',
    email: 'rachel@example.org',
    phone: '206-555-0178',
    movingDate: '20260926',
    message: 'Is it free?',
    listingStreet: '246 Tennessee Avenue',
    listingCity: 'Sunnyvale',
    listingState: 'CA',
    listingPostalCode: '94086',
  }).toString();
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    authorization: `Basic ${Buffer.from(`zillow:${secret}`).toString('base64')}`,
  };
  expect(await (await knock(path, form, headers)).json()).toMatchObject({ outcome: 'created' });
  expect(await (await knock(path, form, headers)).json()).toMatchObject({ outcome: 'unchanged' });
  const all = await leads();
  expect(all).toHaveLength(1);
  expect(all[0]).toMatchObject({
    propertyAddress: '246 Tennessee Avenue, Sunnyvale, CA 94086',
    intent: { message: 'Is it free?' },
    legacy: { movingDate: '20260926' },
  });
});

test('a form of ours brings consent with its evidence, and is found without naming its endpoint', async () => {
  const { secret } = await endpoint({
    source: 'web_form',
    mapping: [{ from: 'answers.tel', target: 'phone' }],
    defaults: [
      { field: 'consentText', value: TEXT },
      { field: 'consentMethod', value: 'web_form' },
      { field: 'consentSource', value: 'https://parley.example/sell' },
      { field: 'consentPurpose', value: 'marketing' },
      { field: 'consentLevel', value: 'written' },
      { field: 'artificialVoiceDisclosed', value: 'yes' },
    ],
  });
  const body = JSON.stringify({
    id: 'f-1',
    name: 'Ann Lee',
    answers: { tel: '206 555 0101' },
    automatedCalls: true,
    consentDate: '2026-11-01T10:00:00Z',
    certificate: 'https://cert.trustedform.com/abc',
  });
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  const made = await knock('/intake/web_form', body, { 'x-parley-signature': signature });
  expect(await made.json()).toMatchObject({ outcome: 'created', consent: 'granted', says: [] });
  const [lead] = await leads();
  expect(lead?.consent).toMatchObject({ hasWrittenConsent: true, automatedCallsAllowed: true });
  await knock('/intake/web_form', body, bearer(secret));
  expect(await served.store.collection('consent_logs').count({})).toBe(1);
  // Without the evidence the lead is kept, and nobody may call it.
  const bare = JSON.stringify({ id: 'f-2', name: 'Bo', answers: { tel: '206 555 0102' } });
  expect(await (await knock('/intake/web_form', bare, bearer(secret))).json()).toMatchObject({
    outcome: 'created',
    consent: 'incomplete',
    says: [expect.stringContaining('when it was given')],
  });
});

test('many copies of one lead at one moment are one lead', async () => {
  const { path, secret } = await endpoint({ source: 'generic' });
  const body = JSON.stringify({ name: 'Ann Lee', phone: '2065550101' });
  const answers = await Promise.all(Array.from({ length: 12 }, () => knock(path, body, bearer(secret))));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
  expect(await leads()).toHaveLength(1);
});

test('a revoked endpoint, one of another source and one that never was take nothing', async () => {
  const { id, path, secret } = await endpoint({ source: 'generic' });
  const body = JSON.stringify({ name: 'Ann', phone: '2065550101' });
  expect((await knock(path.replace('generic', 'web_form'), body, bearer(secret))).status).toBe(403);
  expect((await knock(`/intake/generic/${'f'.repeat(24)}`, body, bearer(secret))).status).toBe(403);
  expect((await knock('/intake/nobody', body, bearer(secret))).status).toBe(404);
  const revoked = await served.send('POST', `/api/v1/intake/endpoints/${id}/revoke`, undefined, {});
  expect(IntakeEndpoint.parse(await revoked.json()).revokedAt).toBeDefined();
  expect((await knock(path, body, bearer(secret))).status).toBe(403);
  expect((await knock('/intake/generic', body, bearer(secret))).status).toBe(403);
  expect(await leads()).toEqual([]);
  const { items } = z
    .object({ items: z.array(IntakeEndpoint) })
    .parse(await (await served.withKey('/api/v1/intake/endpoints')).json());
  expect(items.map((each) => each.id)).toEqual([id]);
  expect(JSON.stringify(items)).not.toContain(secret);
  expect(JSON.stringify(await served.store.collection('intake_endpoints').find({}))).not.toContain(secret);
  expect(served.lines.filter(({ fields }) => String(fields.action).startsWith('intake.'))).toHaveLength(2);
});

test('bad input is refused with its reason and is never our error', async () => {
  const { path, secret } = await endpoint({ source: 'generic' });
  const refused = async (body: string, type = 'application/json') => {
    const response = await knock(path, body, { ...bearer(secret), 'content-type': type });
    const { errors } = (await response.json()) as { errors?: { pointer: string; detail: string }[] };
    return [response.status, errors?.map(({ pointer, detail }) => `${pointer} ${detail}`).join()];
  };
  expect(await refused('{')).toEqual([400, ' is not valid JSON']);
  expect(await refused('<lead/>', 'text/xml')).toEqual([
    400,
    expect.stringContaining('must be application/json'),
  ]);
  expect(await refused('[]')).toEqual([400, '/body the body must be an object with named values']);
  expect(await refused('{"name":"Ann"}')).toEqual([400, '/phone is missing']);
  expect(await refused('{"phone":"12"}')).toEqual([400, '/phone not a phone number']);
  expect(await refused(`{"phone":"2065550101","name":"=cmd()"}`)).toEqual([
    400,
    expect.stringContaining('formula'),
  ]);
  expect((await knock(path, `{"x":"${'x'.repeat(300_000)}"}`, bearer(secret))).status).toBe(413);
  const named = fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom('phone', 'name', '__proto__', 'consentDate')),
    fc.jsonValue(),
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(named, fc.jsonValue()), async (body) => {
      const response = await knock(path, JSON.stringify(body), bearer(secret));
      expect([200, 400]).toContain(response.status);
    }),
    { numRuns: 60 },
  );
});

test('only an administrator makes endpoints', async () => {
  const response = await fetch(`${served.base}/api/v1/intake/endpoints`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...served.asPage(served.cookieOf('ANALYST')) },
    body: JSON.stringify({ source: 'generic', name: 'x' }),
  });
  expect(response.status).toBe(403);
});

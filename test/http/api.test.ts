/** The API for people and programs: every route, what it refuses, and the document that describes it. */
import { readFileSync } from 'node:fs';
import Ajv2020 from 'ajv/dist/2020.js';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import * as contract from '../../src/contract/index.ts';
import { decide } from '../../src/domain/compliance/decide.ts';
import { REASONS } from '../../src/domain/compliance/decision.ts';
import { LEAD_STAGES, LEAD_STATUSES } from '../../src/domain/documents.ts';
import { Failure, RETRYABLE } from '../../src/domain/errors.ts';
import type { AppForHttp } from '../../src/http/needs.ts';
import { STATUS, TITLE } from '../../src/http/problems.ts';
import {
  API_KEY,
  at,
  callId,
  campaignId,
  decision,
  HOSTILE,
  leadId,
  missingId,
  proposalId,
  type Served,
  serve,
} from './support.ts';

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served.http.close());
beforeEach(() => {
  served.state.asked.length = 0;
  served.state.failWith = undefined;
  served.state.place = 'placed';
});

interface OpenApi {
  openapi: string;
  paths: Record<
    string,
    Record<
      string,
      {
        responses: Record<string, unknown>;
        operationId: string;
        security: unknown[];
        parameters: { name: string; in: string }[];
        requestBody?: unknown;
      }
    >
  >;
  components: { schemas: Record<string, unknown> };
}
const spec = async (): Promise<OpenApi> =>
  (await (await fetch(`${served.base}/api/v1/openapi.json`)).json()) as OpenApi;
const problem = async (response: Response): Promise<contract.Problem> => {
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  return contract.Problem.parse(await response.json());
};

const newLead = { contact: { firstName: 'Ada', lastName: 'Lovelace', phone: '(212) 555-0123' } };
const grant = {
  phone: '+12125550123',
  method: 'web_form',
  source: 'site',
  automatedCallsAllowed: true,
  textMessagesAllowed: false,
};
const wording = { kind: 'objection_handler', title: 'Too low', body: 'I hear you.', tags: ['too low'] };
const newCampaign = { name: 'Spring', type: 'rental', calling: { subject: 'houses' } };

const ROUTES: readonly (readonly [string, string, unknown, number, z.ZodType | undefined])[] = [
  ['GET', '/api/v1/auth/me', undefined, 200, contract.Session],
  ['GET', '/api/v1/settings', undefined, 200, contract.Settings],
  ['GET', '/api/v1/leads?limit=10&status=new', undefined, 200, contract.page(contract.Lead)],
  ['POST', '/api/v1/leads', newLead, 201, contract.CreatedLead],
  ['GET', `/api/v1/leads/${leadId}`, undefined, 200, contract.Lead],
  ['PATCH', `/api/v1/leads/${leadId}`, { status: 'contacted' }, 200, contract.Lead],
  ['GET', `/api/v1/leads/${leadId}/timeline`, undefined, 200, contract.Timeline],
  ['POST', '/api/v1/compliance/check', { phone: 'not a number' }, 200, contract.Decision],
  [
    'GET',
    '/api/v1/compliance/decisions?verdict=deny',
    undefined,
    200,
    contract.page(contract.DecisionRecord),
  ],
  ['POST', '/api/v1/compliance/windows', { leadId }, 200, contract.CallingWindows],
  ['GET', '/api/v1/compliance/policy', undefined, 200, contract.CompliancePolicy],
  [
    'PATCH',
    '/api/v1/compliance/policy',
    { killSwitch: true, reason: 'storm' },
    200,
    contract.CompliancePolicy,
  ],
  [
    'GET',
    '/api/v1/compliance/records?from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z',
    undefined,
    200,
    undefined,
  ],
  ['GET', '/api/v1/compliance/lists', undefined, 200, z.object({ items: z.array(contract.ListStatus) })],
  ['GET', '/api/v1/dnc/imports', undefined, 200, z.object({ items: z.array(contract.ListImport) })],
  ['GET', '/api/v1/consents/proof?phone=%2B12125550123', undefined, 200, contract.ConsentProof],
  ['GET', '/api/v1/dnc', undefined, 200, contract.page(contract.DncEntry)],
  ['POST', '/api/v1/dnc', { phone: '+12125550123' }, 201, contract.DncEntry],
  ['POST', '/api/v1/dnc/%2B12125550123/release', { reason: 'asked again' }, 200, contract.DncEntry],
  ['GET', '/api/v1/consents', undefined, 200, contract.page(contract.ConsentLog)],
  ['POST', '/api/v1/consents', grant, 201, contract.ConsentLog],
  ['POST', '/api/v1/consents/revoke', { phone: '+12125550123', channel: 'voice' }, 201, contract.ConsentLog],
  ['GET', '/api/v1/consents/verify?phone=%2B12125550123', undefined, 200, contract.ConsentVerification],
  ['GET', '/api/v1/campaigns', undefined, 200, contract.page(contract.Campaign)],
  ['POST', '/api/v1/campaigns', newCampaign, 201, contract.Campaign],
  ['GET', `/api/v1/campaigns/${campaignId}`, undefined, 200, contract.Campaign],
  ['PATCH', `/api/v1/campaigns/${campaignId}`, { status: 'active' }, 200, contract.Campaign],
  ['DELETE', `/api/v1/campaigns/${campaignId}`, undefined, 204, undefined],
  ['POST', '/api/v1/campaigns/audience', { targeting: {} }, 200, contract.Audience],
  ['POST', `/api/v1/campaigns/${campaignId}/start`, {}, 200, contract.Campaign],
  ['POST', `/api/v1/campaigns/${campaignId}/pause`, { reason: 'rest' }, 200, contract.Campaign],
  ['POST', `/api/v1/campaigns/${campaignId}/complete`, undefined, 200, contract.Campaign],
  ['POST', `/api/v1/campaigns/${campaignId}/forecast`, undefined, 202, contract.Forecast],
  ['GET', `/api/v1/campaigns/${campaignId}/forecast`, undefined, 200, contract.Forecast],
  ['GET', `/api/v1/campaigns/${campaignId}/work`, undefined, 200, contract.CampaignWork],
  ['GET', `/api/v1/campaigns/work?ids=${campaignId}`, undefined, 200, contract.CampaignWorks],
  [
    'GET',
    `/api/v1/campaigns/${campaignId}/enrollments?state=due`,
    undefined,
    200,
    contract.page(contract.Enrollment),
  ],
  ['POST', `/api/v1/campaigns/${campaignId}/leads/${leadId}/reopen`, undefined, 200, contract.Enrollment],
  ['GET', `/api/v1/campaigns/${campaignId}/performance`, undefined, 200, contract.Performance],
  ['GET', '/api/v1/analytics/lead-funnel', undefined, 200, contract.LeadFunnel],
  ['GET', '/api/v1/analytics/lead-stats', undefined, 200, contract.LeadStats],
  ['GET', `/api/v1/analytics/campaigns/${campaignId}`, undefined, 200, contract.CampaignSummary],
  ['GET', '/api/v1/analytics/reports/weekly', undefined, 200, contract.WeeklyReport],
  [
    'GET',
    '/api/v1/analytics/overview?from=2026-11-01T00:00:00Z&to=2026-11-08T00:00:00Z&zone=America/Chicago',
    undefined,
    200,
    contract.Overview,
  ],
  [
    'GET',
    '/api/v1/analytics/daily?from=2026-11-01T00:00:00Z&to=2026-11-08T00:00:00Z',
    undefined,
    200,
    contract.Daily,
  ],
  ['GET', '/api/v1/settings/rates', undefined, 200, contract.Rates],
  ['PATCH', '/api/v1/settings/rates', { smsSegment: 0.01 }, 200, contract.Rates],
  ['POST', '/api/v1/calls', { leadId }, 202, contract.Call],
  [
    'GET',
    '/api/v1/calls?direction=outbound&from=2026-11-01T00:00:00Z',
    undefined,
    200,
    contract.page(contract.Call),
  ],
  ['GET', `/api/v1/calls/${callId}`, undefined, 200, contract.Call],
  ['GET', `/api/v1/calls/${callId}/transcript`, undefined, 200, contract.Transcript],
  ['GET', `/api/v1/calls/${callId}/events`, undefined, 200, undefined],
  ['GET', `/api/v1/calls/${callId}/recording`, undefined, 200, undefined],
  ['GET', '/api/v1/calls/live', undefined, 200, undefined],
  ['GET', '/api/v1/calls/search?text=kitchen', undefined, 200, contract.FoundCalls],
  ['POST', `/api/v1/calls/${callId}/actions`, { action: 'end' }, 202, contract.Call],
  // Without an upgrade; with one it is a socket (listen.test).
  ['GET', `/api/v1/calls/${callId}/listen`, undefined, 426, contract.Problem],
  ['GET', `/api/v1/calls/${callId}/waveform`, undefined, 200, contract.Waveform],
  ['GET', `/api/v1/calls/${callId}/review`, undefined, 200, contract.CallReview],
  ['PUT', `/api/v1/calls/${callId}/review`, { status: 'reviewed' }, 200, contract.CallReview],
  ['GET', '/api/v1/calls/reviewers', undefined, 200, contract.Reviewers],
  ['GET', '/api/v1/calls/to-review', undefined, 200, contract.CallsToReview],
  ['POST', `/api/v1/calls/${callId}/comments`, { text: 'Well put' }, 201, contract.CallReview],
  ['GET', `/api/v1/calls/${callId}/test`, undefined, 200, contract.CallTest],
  ['GET', '/api/v1/agents', undefined, 200, contract.AgentStates],
  ['GET', '/api/v1/agents/prompts', undefined, 200, contract.PromptsInUse],
  ['GET', '/api/v1/agents/llm', undefined, 200, contract.LlmEndpoint],
  ['GET', '/api/v1/agents/sales', undefined, 200, contract.AgentState],
  ['GET', '/api/v1/knowledge?kind=objection_handler', undefined, 200, contract.KnowledgeList],
  ['POST', '/api/v1/knowledge', { key: 'price_too_low', ...wording }, 201, contract.KnowledgeTopic],
  ['GET', '/api/v1/knowledge/proposals?state=open', undefined, 200, contract.KnowledgeProposals],
  ['GET', `/api/v1/knowledge/proposals/${proposalId}`, undefined, 200, contract.KnowledgeProposal],
  ['POST', `/api/v1/knowledge/proposals/${proposalId}/accept`, {}, 200, contract.KnowledgeTopic],
  [
    'POST',
    `/api/v1/knowledge/proposals/${proposalId}/reject`,
    { reason: 'too long' },
    200,
    contract.KnowledgeProposal,
  ],
  ['GET', '/api/v1/knowledge/price_too_low', undefined, 200, contract.KnowledgeTopic],
  ['PUT', '/api/v1/knowledge/price_too_low', { ...wording, basedOn: 1 }, 200, contract.KnowledgeTopic],
  ['POST', '/api/v1/knowledge/price_too_low/versions/1/activate', undefined, 200, contract.KnowledgeTopic],
  ['POST', '/api/v1/knowledge/price_too_low/deactivate', undefined, 200, contract.KnowledgeTopic],
  ['GET', '/api/v1/knowledge/price_too_low/uses', undefined, 200, contract.KnowledgeUses],
];
const request = (method: string, path: string, body: unknown, headers: Record<string, string>) =>
  fetch(served.base + path, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    redirect: 'manual',
  });

test.each(ROUTES)('%s %s answers what the contract says', async (method, path, body, status, schema) => {
  const response = await request(method, path, body, { authorization: `Bearer ${API_KEY}` });
  expect(response.status).toBe(status);
  expect(response.headers.get('x-request-id')).toBeTruthy();
  if (schema) expect(schema.safeParse(await response.json()).error).toBeUndefined();
  else await response.body?.cancel();
});

test.each(ROUTES)('%s %s is closed to strangers', async (method, path, body) => {
  // A server of its own: strangers are slowed down after a while.
  const own = await serve();
  try {
    for (const headers of [
      {},
      { authorization: `Bearer ${'x'.repeat(40)}` },
      { authorization: 'Basic abc' },
      { cookie: 'parley_session=v1.e30.AAAA' },
    ]) {
      const response = await fetch(own.base + path, {
        method,
        headers: { 'content-type': 'application/json', ...headers } as Record<string, string>,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      expect(response.status).toBe(401);
      expect((await problem(response)).code).toBe('unauthenticated');
    }
    expect(own.state.asked).toEqual([]);
  } finally {
    await own.http.close();
  }
});

test('a signed-in person may use every route with the cookie', async () => {
  const own = await serve();
  try {
    const cookie = await own.signIn();
    expect(cookie).toMatch(/^parley_session=[\w-]{43}$/);
    for (const [method, path, body, status] of ROUTES) {
      const response = await fetch(own.base + path, {
        method,
        headers: {
          ...own.asPage(cookie),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      expect([method, path, response.status]).toEqual([method, path, status]);
      await response.body?.cancel();
    }
  } finally {
    await own.http.close();
  }
});

test('the document has every route of the table and nothing else, and is OpenAPI 3.1', async () => {
  const document = await spec();
  expect(document.openapi).toBe('3.1.0');
  const documented = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const tested = ROUTES.map(([method, path]) => {
    const plain = (path.split('?')[0] ?? '')
      .replace(leadId, '{leadId}')
      .replace(callId, '{callId}')
      .replace(campaignId, '{campaignId}')
      .replace('%2B12125550123', '{phone}')
      .replace(proposalId, '{proposalId}')
      .replace('price_too_low', '{key}')
      .replace('versions/1/', 'versions/{version}/')
      .replace('agents/sales', 'agents/{agentType}');
    return `${method} ${plain}`;
  });
  const elsewhere = [
    'GET /api/v1/calls/{callId}/analyses',
    'POST /api/v1/calls/{callId}/analyses',
    'POST /api/v1/calls/{callId}/analyses/{analysisId}/wrong',
    'POST /api/v1/demo',
    'POST /api/v1/auth/link',
    'POST /api/v1/auth/logout',
    'POST /api/v1/auth/login',
    'POST /api/v1/auth/password-link',
    'POST /api/v1/auth/first-user',
    'POST /api/v1/auth/password',
    'GET /api/v1/auth/sessions',
    'POST /api/v1/auth/sessions/end-others',
    'POST /api/v1/auth/sessions/{sessionId}/end',
    'GET /api/v1/auth/grants',
    'GET /api/v1/users',
    'POST /api/v1/users',
    'PATCH /api/v1/users/{userId}',
    'POST /api/v1/users/{userId}/password-link',
    'POST /api/v1/users/{userId}/unlock',
    'GET /api/v1/api-keys',
    'POST /api/v1/api-keys',
    'POST /api/v1/api-keys/{keyId}/revoke',
    'GET /api/v1/audit-log',
    'POST /api/v1/compliance/evaluate',
    'POST /api/v1/dnc/import',
    'POST /api/v1/dnc/imports/{importId}/discard',
    'POST /api/v1/leads/import',
    'POST /api/v1/leads/import/preview',
    'GET /api/v1/leads/imports',
    'POST /api/v1/leads/imports',
    'GET /api/v1/leads/imports/{importId}',
    'POST /api/v1/leads/imports/{importId}/discard',
    'GET /api/v1/leads/imports/{importId}/rows',
    'GET /api/v1/leads/imports/{importId}/rows.csv',
    'GET /api/v1/intake/endpoints',
    'POST /api/v1/intake/endpoints',
    'POST /api/v1/intake/endpoints/{endpointId}/revoke',
    'GET /api/v1/properties',
    'POST /api/v1/properties',
    'GET /api/v1/properties/{propertyId}',
    'PATCH /api/v1/properties/{propertyId}',
    'POST /api/v1/properties/{propertyId}/leads',
    'POST /api/v1/leads/{leadId}/qualify',
    'GET /api/v1/leads/{leadId}/contact',
    'GET /api/v1/contacts',
    'GET /api/v1/contacts/{contactId}',
    'GET /api/v1/retention',
    'PATCH /api/v1/retention',
    'GET /api/v1/retention/runs',
    'POST /api/v1/retention/run',
    'POST /api/v1/erasures',
    'GET /api/v1/erasures',
    'GET /api/v1/calls.csv',
    'GET /api/v1/calls/matching',
    'GET /api/v1/calls/scripts',
    'POST /api/v1/calls/bulk',
    'POST /api/v1/calls/bulk/undo',
    'PUT /api/v1/calls/{callId}/transcript/{messageIndex}',
    'DELETE /api/v1/calls/{callId}/transcript/{messageIndex}',
    'PATCH /api/v1/calls/{callId}/comments/{commentId}',
    'DELETE /api/v1/calls/{callId}/comments/{commentId}',
    'GET /api/v1/views',
    'PUT /api/v1/views',
    'DELETE /api/v1/views/{viewId}',
    'GET /api/v1/messages',
    'POST /api/v1/messages',
    'GET /api/v1/messages/{messageId}',
    'GET /api/v1/message-templates',
    'POST /api/v1/message-templates',
    'POST /api/v1/message-templates/preview',
    'GET /api/v1/message-templates/{name}',
    'GET /api/v1/message-templates/{name}/versions',
    'POST /api/v1/message-templates/{name}/retire',
    'GET /healthz',
    'GET /readyz',
    'GET /metrics',
  ];
  expect(documented.sort()).toEqual([...tested, ...elsewhere].sort());
  const ids = Object.values(document.paths).flatMap((item) => Object.values(item).map((o) => o.operationId));
  expect(new Set(ids).size).toBe(ids.length);
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const named = operation.parameters.filter((p) => p.in === 'path').map((p) => p.name);
      expect([method, path, named]).toEqual([method, path, inPath]);
      expect(Object.keys(operation.responses).length).toBeGreaterThan(1);
    }
  }
});

test('every reference of the document leads to a schema, and every schema compiles', async () => {
  const document = await spec();
  const text = JSON.stringify(document);
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    expect(Object.keys(document.components.schemas)).toContain(name);
  }
  expect(text).not.toContain('$defs');
  const ajv = new Ajv2020.default({ strict: false, validateFormats: false });
  ajv.addSchema(document, 'spec.json');
  for (const name of Object.keys(document.components.schemas)) {
    expect(ajv.getSchema(`spec.json#/components/schemas/${name}`), name).toBeTypeOf('function');
  }
  const validate = ajv.getSchema('spec.json#/components/schemas/Call');
  expect(validate?.(await (await served.withKey(`/api/v1/calls/${callId}`)).json())).toBe(true);
  expect(validate?.({ id: 'x' })).toBe(false);
});

test('the contract has the words of the domain, no more and no less', () => {
  expect(contract.Reason.options).toEqual([...REASONS]);
  expect(contract.LeadStatus.options).toEqual([...LEAD_STATUSES]);
  expect(contract.LeadStage.options).toEqual([...LEAD_STAGES]);
  for (const code of Object.keys(RETRYABLE)) {
    expect(STATUS).toHaveProperty(code);
    expect(TITLE).toHaveProperty(code);
  }
});

test('a lead is created with parsed phones and consent, and its address is told', async () => {
  const consent = {
    method: 'web_form',
    source: 'site',
    automatedCallsAllowed: true,
    textMessagesAllowed: false,
    expiresAt: '2027-01-01T00:00:00+02:00',
    evidence: { seller: 'Parley', level: 'written' },
  };
  const response = await served.send('POST', '/api/v1/leads', { ...newLead, consent, tags: ['a'] });
  const made = contract.Lead.parse(await response.json());
  expect(response.headers.get('location')).toBe(`/api/v1/leads/${made.id}`);
  expect(served.state.asked).toEqual([
    {
      verb: 'leads.create',
      given: {
        source: 'manual',
        contact: { firstName: 'Ada', lastName: 'Lovelace', phone: '+12125550123' },
        tags: ['a'],
        consent: { ...consent, expiresAt: new Date('2026-12-31T22:00:00.000Z') },
        by: 'admin-api-key',
      },
    },
  ]);
});

test('a change of a lead passes on only what was given, and null where something is removed', async () => {
  await served.send('PATCH', `/api/v1/leads/${leadId}`, {
    contact: { phone: '2125550199' },
    nextFollowUp: null,
    campaignId: null,
  });
  expect(served.state.asked.at(-1)?.given).toEqual({
    change: { contact: { phone: '+12125550199' }, nextFollowUp: null, campaignId: null },
    by: 'admin-api-key',
  });
});

test('names with markup stay text in JSON', async () => {
  const response = await served.withKey(`/api/v1/leads/${leadId}`);
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(contract.Lead.parse(await response.json()).contact.lastName).toBe('<script>alert(1)</script>');
});

test('where audio lies is not told', async () => {
  const text = await (await served.withKey(`/api/v1/calls/${callId}`)).text();
  expect(text).not.toContain('secret');
  expect(JSON.parse(text)).toMatchObject({ hasRecording: true });
});

test('a permitted call is 202 with its address; the idempotency key goes on to the app, one name space a caller', async () => {
  const response = await served.send(
    'POST',
    '/api/v1/calls',
    { leadId, campaignId },
    { 'idempotency-key': 'once-1' },
  );
  expect(response.status).toBe(202);
  expect(response.headers.get('location')).toBe(`/api/v1/calls/${callId}`);
  expect(served.state.asked.at(-1)?.given).toEqual({
    leadId,
    campaignId,
    requestedBy: 'admin-api-key',
    idempotencyKey: 'admin-api-key:once-1',
  });
});

test('a refused call is 409 dial_denied with the decision', async () => {
  served.state.place = 'denied';
  const response = await served.send('POST', '/api/v1/calls', { leadId });
  expect(response.status).toBe(409);
  const said = await problem(response);
  expect(said).toMatchObject({ code: 'dial_denied', retryable: false, detail: decision.explanation });
  expect(contract.Decision.parse(said.decision)).toMatchObject({
    verdict: 'deny',
    reason: 'consent_missing',
  });
  expect(contract.Call.parse(said.call).id).toBe(callId);
});

interface PublishedCase extends Record<string, unknown> {
  id: string;
  expect: string;
  reason: string;
  next_allowed_at?: string;
}
const published = (
  JSON.parse(readFileSync(new URL('../domain/compliance-cases.sample.json', import.meta.url), 'utf8')) as {
    cases: PublishedCase[];
  }
).cases;
const cases: Record<string, unknown> = published[0] ?? {};

test.each(published)('published case $id has its published answer over HTTP', async (given) => {
  const compliance = served.app.compliance as { evaluate: AppForHttp['compliance']['evaluate'] };
  const fake = compliance.evaluate;
  compliance.evaluate = (facts, now) => decide(facts, now.getTime()).decision;
  try {
    const response = await served.send('POST', '/api/v1/compliance/evaluate', given);
    const answer = contract.Evaluation.parse(await response.json());
    expect([answer.verdict, answer.reason]).toEqual([given.expect, given.reason]);
    const next = given.next_allowed_at;
    expect(answer.nextAllowedAt).toBe(next === undefined ? null : new Date(next).toISOString());
  } finally {
    compliance.evaluate = fake;
  }
});

test('facts in the format of the published cases reach the gate in its own words', async () => {
  const response = await served.send('POST', '/api/v1/compliance/evaluate', cases);
  expect(response.status).toBe(200);
  expect(contract.Evaluation.strict().parse(await response.json())).toEqual({
    verdict: 'deny',
    reason: 'consent_missing',
    reasons: ['consent_missing'],
    nextAllowedAt: at.toISOString(),
    explanation: decision.explanation,
  });
  const [asked] = served.state.asked as {
    given: { facts: Record<string, Record<string, unknown>>; now: Date };
  }[];
  if (!asked) throw new Error('the gate was not asked');
  const { facts, now } = asked.given;
  expect(now).toEqual(new Date(String(cases.now)));
  expect(facts.lead).toMatchObject({ phone: '+16025550234', lineType: 'wireless', altPhones: [] });
  expect(facts.lead?.consent).toMatchObject([
    {
      event: 'grant',
      level: 'written',
      artificialVoiceDisclosed: true,
      expiresAt: new Date('2027-06-14T15:00:00Z'),
    },
  ]);
  expect(facts.dnc).toMatchObject({
    national: { asOf: new Date('2026-07-12T15:00:00Z'), listed: [] },
    reassigned: { result: 'no' },
  });
});

test('a fact the gate does not know is refused, because it may bar the call', async () => {
  const response = await served.send('POST', '/api/v1/compliance/evaluate', { ...cases, surprise: 1 });
  expect((await problem(response)).errors).toEqual([
    { in: 'body', pointer: '/surprise', detail: 'unknown; remove it' },
  ]);
  expect(served.state.asked).toEqual([]);
});

test.each([
  ['malformed JSON', '{"leadId":', [{ in: 'body', pointer: '' }]],
  ['no object', '[]', [{ in: 'body', pointer: '' }]],
  ['an unknown field', JSON.stringify({ leadId, dial: true }), [{ in: 'body', pointer: '/dial' }]],
  ['a bad id', JSON.stringify({ leadId: '../../etc' }), [{ in: 'body', pointer: '/leadId' }]],
  ['nothing', '', [{ in: 'body', pointer: '' }]],
  ['a prototype', '{"__proto__":{"leadId":"a"},"constructor":1}', undefined],
])('a body with %s is 400 and nothing happens', async (_name, body, errors) => {
  const response = await served.send('POST', '/api/v1/calls', body);
  expect(response.status).toBe(400);
  const said = await problem(response);
  expect(said.code).toBe('invalid_request');
  if (errors) expect(said.errors).toMatchObject(errors);
  expect(said.errors?.length).toBeGreaterThan(0);
  expect(served.state.asked).toEqual([]);
});

test('everything wrong is told at once, with pointers into the body', async () => {
  const response = await served.send('POST', '/api/v1/leads', {
    contact: { firstName: '', phone: 5 },
    tags: ['a\nb'],
    x: 1,
  });
  const pointers = (await problem(response)).errors?.map((e) => e.pointer).sort();
  expect(pointers).toEqual(['/contact/firstName', '/contact/phone', '/tags/0', '/x']);
});

test('another content type, a compressed body and a body that is too large are refused', async () => {
  const form = await served.withKey('/api/v1/calls', {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: '{}',
  });
  expect((await problem(form)).errors).toMatchObject([{ in: 'header', pointer: 'Content-Type' }]);
  const packed = await served.send('POST', '/api/v1/calls', '{}', { 'content-encoding': 'gzip' });
  expect((await problem(packed)).errors).toMatchObject([{ in: 'header', pointer: 'Content-Encoding' }]);
  const large = await served.send('POST', '/api/v1/leads', {
    ...newLead,
    propertyAddress: 'x'.repeat(70_000),
  });
  expect(large.status).toBe(413);
  expect((await problem(large)).code).toBe('payload_too_large');
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sent += 1;
      if (sent > 20) controller.close();
      else controller.enqueue(new Uint8Array(16_384));
    },
  });
  const chunked = await served.withKey('/api/v1/leads', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: endless,
    duplex: 'half',
  });
  expect(chunked.status).toBe(413);
  await chunked.body?.cancel();
  expect(served.state.asked).toEqual([]);
});

test.each([
  ['/api/v1/leads?limit=0', 'limit'],
  ['/api/v1/leads?limit=1e9', 'limit'],
  ['/api/v1/leads?cursor=%00%20', 'cursor'],
  ['/api/v1/leads?colour=red', 'colour'],
  ['/api/v1/leads?status=new&status=lost', 'status'],
  ['/api/v1/leads?phone=12', 'phone'],
  ['/api/v1/calls?from=yesterday', 'from'],
  ['/api/v1/calls?status=flying', 'status'],
  ['/api/v1/leads/NOT-AN-ID', 'leadId'],
  ['/api/v1/consents/verify?phone=12', 'phone'],
])('%s is 400 and names the parameter', async (path, name) => {
  const response = await served.withKey(path);
  expect(response.status).toBe(400);
  expect((await problem(response)).errors?.map((e) => e.pointer)).toContain(name);
  expect(served.state.asked).toEqual([]);
});

test('a cursor that the list did not make is 400', async () => {
  const response = await served.withKey('/api/v1/leads?cursor=forged');
  expect(response.status).toBe(400);
  expect(await problem(response)).toMatchObject({
    code: 'invalid_request',
    errors: [{ in: 'query', pointer: 'cursor', detail: 'not of this list' }],
  });
});

test.each([
  ['GET', `/api/v1/leads/${missingId}`, undefined, 404, 'lead_not_found'],
  ['GET', `/api/v1/campaigns/${missingId}`, undefined, 404, 'campaign_not_found'],
  ['GET', `/api/v1/calls/${missingId}/recording`, undefined, 404, 'call_not_found'],
  ['GET', '/api/v1/nothing', undefined, 404, 'not_found'],
  ['GET', '/api/v1/calls/%E0%A4%A', undefined, 400, 'invalid_request'],
  ['DELETE', '/api/v1/leads', undefined, 405, 'method_not_allowed'],
  ['POST', `/api/v1/calls/${callId}/actions`, { action: 'dance' }, 400, 'invalid_request'],
  ['POST', `/api/v1/calls/${callId}/actions`, { action: 'whisper', text: 'a\nb' }, 400, 'invalid_request'],
  ['POST', `/api/v1/calls/${callId}/actions`, { action: 'takeover' }, 400, 'invalid_request'],
  ['POST', `/api/v1/calls/${missingId}/actions`, { action: 'handback' }, 404, 'call_not_found'],
  ['GET', `/api/v1/calls/${callId}/listen`, undefined, 426, 'upgrade_required'],
])('%s %s is %i %s', async (method, path, body, status, code) => {
  const response = await request(method, path, body, { authorization: `Bearer ${API_KEY}` });
  expect(response.status).toBe(status);
  expect((await problem(response)).code).toBe(code);
  if (status === 405) expect(response.headers.get('allow')).toBe('GET, HEAD, POST');
});

test('a failure nobody foresaw shows an id and no words of its own; the log has both', async () => {
  served.state.failWith = new Error('password=hunter2 at /srv/app/db.ts');
  const response = await served.withKey(`/api/v1/leads/${leadId}`);
  expect(response.status).toBe(500);
  const text = await response.text();
  expect(text).not.toMatch(/hunter2|\.ts|stack/);
  const said = contract.Problem.parse(JSON.parse(text));
  expect(said).toMatchObject({ code: 'internal', retryable: true });
  const line = served.lines.find(
    (entry) => said.instance?.endsWith(String(entry.fields.requestId)) && entry.level === 'error',
  );
  expect(line?.fields.err).toBe(served.state.failWith);
});

test('a database that is down is 503 and says when to try again', async () => {
  served.state.failWith = new Failure('store_unavailable', 'The database does not answer.');
  const response = await served.withKey(`/api/v1/leads/${leadId}`);
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await problem(response)).toMatchObject({ code: 'store_unavailable', retryable: true });
});

test('a repeated creation with one key makes one thing; another body under that key is refused', async () => {
  const key = { 'idempotency-key': 'lead-7' };
  const answers = await Promise.all([
    served.send('POST', '/api/v1/leads', newLead, key),
    served.send('POST', '/api/v1/leads', newLead, key),
  ]);
  answers.push(await served.send('POST', '/api/v1/leads', newLead, key));
  const made = await Promise.all(answers.map(async (r) => contract.Lead.parse(await r.json()).id));
  expect(new Set(made).size).toBe(1);
  expect(served.state.asked.length).toBe(1);
  const other = await served.send('POST', '/api/v1/leads', { ...newLead, tags: ['x'] }, key);
  expect([other.status, (await problem(other)).code]).toEqual([409, 'idempotency_conflict']);
  const elsewhere = await served.send('POST', '/api/v1/dnc', { phone: '+12125550123' }, key);
  expect(elsewhere.status).toBe(201);
});

test('a creation that failed may be tried again under its key', async () => {
  const key = { 'idempotency-key': 'lead-8' };
  served.state.failWith = new Failure('store_unavailable', 'down');
  expect((await served.send('POST', '/api/v1/leads', newLead, key)).status).toBe(503);
  served.state.failWith = undefined;
  expect((await served.send('POST', '/api/v1/leads', newLead, key)).status).toBe(201);
});

test('an unreadable number is a question the gate may answer', async () => {
  await served.send('POST', '/api/v1/compliance/check', { phone: '911', at: '2026-11-24T17:00:00Z' });
  expect(served.state.asked.at(-1)?.given).toEqual({ phone: '911', at: new Date('2026-11-24T17:00:00Z') });
  const both = await served.send('POST', '/api/v1/compliance/check', { phone: '911', leadId });
  expect(both.status).toBe(400);
});

test('a transcript keeps hostile words as text in JSON, text, subtitles and CSV', async () => {
  const path = `/api/v1/calls/${callId}/transcript`;
  const json = contract.Transcript.parse(await (await served.withKey(path)).json());
  expect(json.messages[1]?.text).toBe(HOSTILE);

  const txt = await served.withKey(`${path}?format=txt`);
  expect(txt.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  const lines = (await txt.text()).trimEnd().split('\n');
  expect(lines.length).toBe(2);
  expect(lines[0]).toBe('[00:00:00] Agent: Hello [interrupted]');
  expect(lines[1]).toMatch(/^\[00:00:02\] Caller: bye 00:00:00/);

  const vtt = await served.withKey(path, { headers: { accept: 'text/vtt' } });
  expect(vtt.headers.get('content-type')).toBe('text/vtt; charset=utf-8');
  const text = await vtt.text();
  expect(
    text.startsWith('WEBVTT\n\n1\n00:00:00.400 --> 00:00:01.400\n<v Agent>Hello\n\n2\n00:00:02.000 --> '),
  ).toBe(true);
  expect(text.match(/-->/g)?.length).toBe(2);
  expect(text.match(/<v /g)?.length).toBe(2);
  expect(text.trim().split('\n\n').length).toBe(3);
  expect(text).toContain('&lt;v Agent&gt;&lt;c.red onclick=x&gt;I agree &amp; sign Agent: yes');

  const csv = await served.withKey(`${path}?format=csv`);
  expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  const rows: Record<string, string>[] = parse(await csv.text(), { columns: true });
  expect(rows.map(({ sec, speaker, interrupted }) => [sec, speaker, interrupted])).toEqual([
    ['0.4', 'agent', 'yes'],
    ['2', 'caller', 'no'],
  ]);
  expect(rows[1]?.text).toBe(HOSTILE);
});

test('who read a transcript, events or a recording stands in the audit log', async () => {
  served.lines.length = 0;
  for (const what of ['transcript', 'events', 'recording']) {
    await (await served.withKey(`/api/v1/calls/${callId}/${what}`)).arrayBuffer();
  }
  expect(
    served.lines
      .filter((l) => l.sentence === 'audit')
      .map((l) => [l.fields.action, l.fields.userId, l.fields.callId]),
  ).toEqual([
    ['transcript.read', 'admin-api-key', callId],
    ['events.read', 'admin-api-key', callId],
    ['recording.read', 'admin-api-key', callId],
  ]);
});

test('status pages need no sign-in; metrics are Prometheus text', async () => {
  expect(contract.Health.parse(await (await fetch(`${served.base}/healthz`)).json()).status).toBe('ok');
  expect(contract.Readiness.parse(await (await fetch(`${served.base}/readyz`)).json()).status).toBe('ready');
  const metrics = await (await fetch(`${served.base}/metrics`)).text();
  expect(metrics).toMatch(/^parley_http_requests_total\{route="GET \/healthz",status="200"\} 1$/m);
  expect(metrics).toMatch(/^process_resident_memory_bytes \d+$/m);
  for (const text of metrics.trimEnd().split('\n'))
    expect(text).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? -?[\d.e+-]+)$/);
});

test('a part that is not ready, or does not say so in time, makes the service not ready', async () => {
  const own = await serve({
    readiness: async () => ({
      status: 'not_ready',
      checks: [{ name: 'store', ok: false, detail: 'down' }],
      sandbox: { carrier: false, agent: true },
    }),
  });
  const silent = await serve({ readiness: () => new Promise(() => {}) });
  try {
    expect((await fetch(`${own.base}/readyz`)).status).toBe(503);
    const late = await fetch(`${silent.base}/readyz`);
    expect([late.status, contract.Readiness.parse(await late.json()).status]).toEqual([503, 'not_ready']);
  } finally {
    await own.http.close();
    await silent.http.close();
  }
});

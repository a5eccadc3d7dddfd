/** Campaigns over HTTP: everything about them in and out, what is refused and where it is wrong; over a store of their own. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createClock, createIds } from '../../src/adapters/system.ts';
import { createAudience } from '../../src/app/audience.ts';
import { createCampaigns } from '../../src/app/campaigns.ts';
import type { Store } from '../../src/app/ports.ts';
import { createRates } from '../../src/app/rates.ts';
import * as contract from '../../src/contract/index.ts';
import { API_KEY, campaignId, missingId, type Served, serve } from './support.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
let dir: string;
let store: Store;
let served: Served;
let begun: string[];
beforeAll(async () => {
  dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-http-campaigns-'));
  store = await openLocalStore({ dir, log: quiet });
  const clock = createClock(quiet);
  const deps = { store, clock, ids: createIds(), log: quiet };
  served = await serve(
    {
      demo: async (by) => {
        begun.push(by);
        return { campaigns: [{ id: campaignId, name: 'Demo' }], people: 200 };
      },
    },
    { campaigns: createCampaigns(deps), audience: createAudience(deps), rates: createRates(deps) },
  );
});
beforeEach(() => {
  begun = [];
});
afterAll(async () => {
  await served.http.close();
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

async function ask(method: string, path: string, body?: unknown) {
  const response = await fetch(`${served.base}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
}
const problem = (json: unknown): contract.Problem => contract.Problem.parse(json);
const pointers = (json: unknown): (string | undefined)[] =>
  (problem(json).errors ?? []).map((e) => e.pointer);

const nine = { start: '09:00', end: '18:00' };
/** As the source has it, field for field. */
const source = {
  name: 'Wholesale - Motivated Sellers Q4 2025',
  description: 'Target motivated sellers with quick close potential',
  type: 'wholesale',
  targeting: {
    leadSources: ['zillow', 'google_ads', 'realgeeks'],
    intent: ['seller'],
    qualification: {
      minScore: 0.7,
      minEquity: 0.2,
      maxPrice: 500_000,
      propertyTypes: ['single_family', 'condo'],
    },
    geography: { states: ['WA', 'OR'], cities: ['Seattle', 'Portland'], zipCodes: [] },
    motivationFactors: ['relocation', 'probate'],
  },
  workflow: {
    initialContact: {
      method: 'automated_call',
      timing: 'within_5_minutes',
      maxAttempts: 3,
      retryDelay: 3_600,
    },
    followUp: [{ delay: 604_800, method: 'automated_call', template: 'follow_up_call_week_1' }],
  },
  conversationStrategy: {
    voiceId: 'voice_abc123',
    openingScript: 'Hi {firstName}, this is calling from Next Level Real Estate...',
    qualificationQuestions: ["What's your timeline for selling?"],
    objectionHandlers: { not_interested: 'I understand.' },
    callToAction: 'Would you be open to a quick site visit this week?',
  },
  budget: { totalBudget: 10_000, costPerCall: 0.5, maxCallsPerDay: 50, maxLeadsPerDay: 100 },
  wholesaleShare: 0.7,
  assignedTo: [
    { userId: 'owner', role: 'campaign_manager' },
    { userId: 'owner', role: 'closer' },
  ],
  schedule: {
    startDate: '2026-10-01T00:00:00.000Z',
    endDate: '2099-12-31T23:59:59.000Z',
    callingHours: {
      timezone: 'America/Los_Angeles',
      monday: nine,
      tuesday: nine,
      wednesday: nine,
      thursday: nine,
      friday: nine,
      saturday: { start: '10:00', end: '14:00' },
      sunday: null,
    },
  },
};

describe('a campaign', () => {
  test('comes back as it was written, every field', async () => {
    const { status, json } = await ask('POST', '/campaigns', source);
    expect(status).toBe(201);
    expect(contract.Campaign.parse(json)).toMatchObject({ ...source, status: 'draft' });
    expect((await ask('GET', `/campaigns/${json.id}`)).json).toEqual(json);
  });

  test('that makes no sense is refused with a pointer to what is wrong', async () => {
    const wrong = [
      [
        '/schedule/endDate',
        { schedule: { startDate: '2026-10-02T00:00:00Z', endDate: '2026-10-01T00:00:00Z' } },
      ],
      [
        '/schedule/callingHours/monday/end',
        {
          schedule: {
            callingHours: { ...source.schedule.callingHours, monday: { start: '10:00', end: '09:00' } },
          },
        },
      ],
      [
        '/schedule/callingHours/timezone',
        { schedule: { callingHours: { ...source.schedule.callingHours, timezone: 'PST8' } } },
      ],
      [
        '/workflow/followUp/0/template',
        {
          workflow: {
            ...source.workflow,
            followUp: [{ delay: 1, method: 'sms', template: 'nobody_wrote_it' }],
          },
        },
      ],
      ['/conversationStrategy/openingScript', { conversationStrategy: { openingScript: 'Hi {{who}}' } }],
      ['/budget/maxCallsPerDay', { budget: { maxCallsPerDay: 0 } }],
    ] as const;
    for (const [pointer, change] of wrong) {
      const { status, json } = await ask('POST', '/campaigns', { ...source, ...change });
      expect([status, pointers(json)]).toEqual([400, [pointer]]);
    }
  });

  test('is changed part by part, and null takes a part away', async () => {
    const { json: made } = await ask('POST', '/campaigns', source);
    const { json } = await ask('PATCH', `/campaigns/${made.id}`, {
      schedule: null,
      targeting: null,
      description: null,
      pacing: { maxConcurrentCalls: 5 },
      calling: { machinePolicy: 'talk' },
    });
    expect(json).toMatchObject({ pacing: { maxConcurrentCalls: 5 }, calling: { machinePolicy: 'talk' } });
    for (const gone of ['schedule', 'targeting', 'description']) expect(json).not.toHaveProperty(gone);
    expect(json.workflow).toEqual(source.workflow);
  });

  test('starts, pauses with a reason, goes on and is completed; a body is not needed', async () => {
    const { json: made } = await ask('POST', '/campaigns', source);
    const path = `/campaigns/${made.id}`;
    expect((await ask('POST', `${path}/start`)).json).toMatchObject({ status: 'active' });
    expect((await ask('POST', `${path}/pause`, { reason: 'wrong script' })).json).toMatchObject({
      status: 'paused',
      hold: { code: 'manual', says: 'wrong script' },
    });
    expect((await ask('POST', `${path}/start`, {})).json).toMatchObject({ status: 'active' });
    expect((await ask('POST', `${path}/pause`)).status).toBe(200);
    expect((await ask('POST', `${path}/complete`)).json).toMatchObject({ status: 'completed' });
    const again = await ask('POST', `${path}/start`);
    expect([again.status, problem(again.json).code]).toEqual([409, 'campaign_conflict']);
  });

  test('that lacks steps is not started, and says so', async () => {
    const { workflow: _, ...bare } = source;
    const { json: made } = await ask('POST', '/campaigns', bare);
    const { status, json } = await ask('POST', `/campaigns/${made.id}/start`);
    expect([status, problem(json).code]).toEqual([409, 'campaign_not_ready']);
    expect(pointers(json)).toHaveLength(1);
  });

  test('is deleted as a draft, and never once it was started', async () => {
    const { json: made } = await ask('POST', '/campaigns', source);
    expect((await ask('DELETE', `/campaigns/${made.id}`)).status).toBe(204);
    expect((await ask('GET', `/campaigns/${made.id}`)).status).toBe(404);
    const { json: other } = await ask('POST', '/campaigns', source);
    await ask('POST', `/campaigns/${other.id}/start`);
    expect((await ask('DELETE', `/campaigns/${other.id}`)).status).toBe(409);
  });

  test('nobody knows is not found, whatever is asked of it', async () => {
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/start'],
      ['POST', '/pause'],
      ['POST', '/complete'],
      ['POST', '/forecast'],
      ['GET', '/forecast'],
      ['GET', '/work'],
      ['GET', '/enrollments'],
      ['GET', '/performance'],
    ] as const) {
      const { status, json } = await ask(method, `/campaigns/${missingId}${path}`);
      expect([method, path, status, problem(json).code]).toEqual([method, path, 404, 'campaign_not_found']);
    }
  });
});

describe('around a campaign', () => {
  test('the audience of a targeting is counted while one writes it', async () => {
    const { status, json } = await ask('POST', '/campaigns/audience', {
      targeting: { leadSources: ['zillow'] },
    });
    expect([status, contract.Audience.parse(json)]).toEqual([200, { fitting: 0, open: 0 }]);
    const bad = await ask('POST', '/campaigns/audience', { targeting: { qualification: { minScore: 2 } } });
    expect(pointers(bad.json)).toEqual(['/targeting/qualification/minScore']);
  });

  test('forecast, work, enrollments and performance have the shapes of the contract', async () => {
    const of = (path: string) => `/campaigns/${campaignId}${path}`;
    const made = await ask('POST', of('/forecast'));
    expect([made.status, contract.Forecast.parse(made.json).summary]).toEqual([202, expect.any(String)]);
    expect(contract.Forecast.parse((await ask('GET', of('/forecast'))).json)).toEqual(made.json);
    expect(contract.CampaignWork.parse((await ask('GET', of('/work'))).json).counts.enrolled).toBe(3);
    const many = await ask('GET', `/campaigns/work?ids=${missingId},${campaignId},${campaignId}`);
    expect(contract.CampaignWorks.parse(many.json).items.map((work) => work.campaignId)).toEqual([
      campaignId,
    ]);
    expect((await ask('GET', '/campaigns/work?ids=all')).status).toBe(400);
    const { json: people } = await ask('GET', of('/enrollments?state=due&limit=5'));
    const [first] = contract.page(contract.Enrollment).parse(people).items;
    expect(first).toMatchObject({ leadName: 'Ada', next: 'first call' });
    expect(people.items[0]).not.toHaveProperty('holder');
    contract.Performance.parse((await ask('GET', of('/performance'))).json);
  });

  test('the reports have the shapes of the contract', async () => {
    contract.LeadFunnel.parse((await ask('GET', '/analytics/lead-funnel')).json);
    contract.LeadStats.parse((await ask('GET', '/analytics/lead-stats?from=2026-11-01T00:00:00Z')).json);
    contract.CampaignSummary.parse((await ask('GET', `/analytics/campaigns/${campaignId}`)).json);
    contract.WeeklyReport.parse((await ask('GET', '/analytics/reports/weekly')).json);
    expect((await ask('GET', '/analytics/reports/weekly?end=yesterday')).status).toBe(400);
  });

  test('the rates of the vendors are there from the start, and change one by one', async () => {
    const { json: before } = await ask('GET', '/settings/rates');
    expect(contract.Rates.parse(before)).toMatchObject({ twilioMinute: 0.014 });
    const { json: after } = await ask('PATCH', '/settings/rates', { twilioMinute: 0.02 });
    expect(after).toEqual({ ...before, twilioMinute: 0.02 });
    expect((await ask('GET', '/settings/rates')).json).toEqual(after);
    expect((await ask('PATCH', '/settings/rates', { twilioMinute: -1 })).status).toBe(400);
    expect((await ask('PATCH', '/settings/rates', {})).status).toBe(400);
    const [stored] = await store.collection('system_config').find({ filter: { key: 'rates.twilioMinute' } });
    expect(stored).toMatchObject({ value: 0.02, history: [{ changes: [{ before: 0.014, after: 0.02 }] }] });
  });

  test('a sample campaign is brought in where the phones are made up, and nowhere else', async () => {
    const { status, json } = await ask('POST', '/demo');
    expect([status, contract.Demo.parse(json).people, begun]).toEqual([202, 200, [expect.any(String)]]);
    const real = await serve();
    try {
      const answer = await fetch(`${real.base}/api/v1/demo`, {
        method: 'POST',
        headers: { authorization: `Bearer ${API_KEY}` },
      });
      expect(answer.status).toBe(404);
    } finally {
      await real.http.close();
    }
  });
});

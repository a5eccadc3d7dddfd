/** The sample campaign: made-up people, brought in through the doors that everybody uses. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { createCampaigns } from '../../src/app/campaigns.ts';
import { createCheckCompliance } from '../../src/app/check-compliance.ts';
import { createConsents } from '../../src/app/consents.ts';
import { createDemo } from '../../src/app/demo.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createLeads } from '../../src/app/leads.ts';
import type { Store } from '../../src/app/ports.ts';
import { createProperties } from '../../src/app/properties.ts';
import { BY_LAST_DIGITS } from '../../src/sandbox/callers.ts';
import { SAMPLE_CAMPAIGNS, SAMPLE_PLACES, samplePeople } from '../../src/sandbox/sample-campaign.ts';
import { handClock, trueTime } from '../support/clock.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
/** Ten at night in New York, five in the afternoon in Honolulu. */
const NIGHT_MS = Date.UTC(2026, 10, 19, 3, 0, 0);
const SELLER = 'Acme Homes';

let dir: string;
let store: Store;
beforeEach(async () => {
  dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-demo-'));
  store = await openLocalStore({ dir, log: quiet });
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

test('two hundred people have numbers of their own, each answered by a scripted caller', () => {
  const people = samplePeople(SELLER, ['Honolulu', 'Denver'], ['New York']);
  expect(people).toHaveLength(200);
  const phones = people.map(({ lead }) => lead.contact.phone);
  expect(new Set(phones).size).toBe(200);
  for (const phone of phones) {
    expect(phone).toMatch(/^\+1\d{3}555(?!01)\d{4}$/);
    expect(BY_LAST_DIGITS[phone.slice(-2)]).toBeDefined();
  }
  const first = people.slice(0, 40);
  expect(first.some(({ listed }) => listed !== undefined)).toBe(true);
  expect(first.some(({ lead }) => lead.consent === undefined)).toBe(true);
  expect(first.some(({ campaign }) => campaign === 1)).toBe(true);
  expect(new Set(samplePeople(SELLER, ['Denver'], []).map(({ lead }) => lead.contact.address.city))).toEqual(
    new Set(['Denver']),
  );
});

test('they come in once, however often one asks, and the campaigns run', async () => {
  const clock = handClock(NIGHT_MS);
  const ids = createIds(() => clock.nowMs());
  const deps = { store, clock, ids, log: quiet, sellerName: SELLER, timekeeping: trueTime };
  const at = new Date(NIGHT_MS);
  for (const [name, channel] of [
    ['follow_up_day_1', 'email'],
    ['follow_up_day_3', 'sms'],
    ['market_updates', 'email'],
    ['tips', 'email'],
  ] as const)
    await store.collection('message_templates').insert({
      _id: ids.objectId(),
      name,
      version: 1,
      channel,
      body: 'Hello',
      createdBy: 'parley',
      createdAt: at,
      updatedAt: at,
    });
  const dnc = createDnc({ ...deps, stopCallsTo: async () => {} });
  const consents = createConsents({ ...deps, dnc });
  const campaigns = createCampaigns(deps);
  const leads = createLeads({ ...deps, consents });
  const texted: string[] = [];
  const stop = new AbortController();
  const asked: { open: readonly string[]; closed: readonly string[] }[] = [];
  const demo = createDemo({
    store,
    log: quiet,
    app: {
      campaigns,
      leads,
      dnc,
      properties: createProperties(deps),
      compliance: createCheckCompliance(deps),
      messages: { send: async ({ leadId }) => void texted.push(leadId) },
      forecasts: { start: async () => undefined },
    },
    sample: {
      campaigns: SAMPLE_CAMPAIGNS,
      places: SAMPLE_PLACES,
      people: (open, closed) => {
        asked.push({ open, closed });
        return samplePeople(SELLER, open, closed).slice(0, 36);
      },
    },
    shutdown: stop.signal,
  });

  const begun = await demo.begin('ada');
  await demo.settled();
  expect(asked[0]?.open).toContain('Honolulu');
  expect(asked[0]?.closed).toContain('New York');
  expect(begun.people).toBe(36);
  const made = (await campaigns.list({})).items;
  expect(made.map(({ name, status }) => [name, status]).sort()).toEqual([
    ['Demo: landlords', 'active'],
    ['Demo: motivated sellers', 'active'],
  ]);
  const all = await store.collection('leads').find({});
  expect(all).toHaveLength(36);
  expect(all.filter(({ dncStatus }) => dncStatus.internalDNC).length).toBeGreaterThan(0);
  expect(all.every(({ qualification }) => qualification !== undefined)).toBe(true);
  expect(texted.length).toBeGreaterThan(0);

  expect(await demo.begin('ada')).toEqual(begun);
  await demo.settled();
  expect(await store.collection('leads').count({})).toBe(36);
  expect((await campaigns.list({})).items).toHaveLength(2);
});

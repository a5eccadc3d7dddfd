/** A small form of the simulated month of campaigns; the big one is `npx tsx test/simulation/campaign-month.ts`. */
import { expect, test } from 'vitest';
import { describeCampaignMonth, simulateCampaignMonth } from './campaign-month.ts';

test('in some days of campaigns with deaths, pauses and bad days nothing rings that should not, and no lead is forgotten', async () => {
  const report = await simulateCampaignMonth({
    leads: 120,
    campaigns: 9,
    days: 4,
    lines: 3,
    callsPerSecond: 2,
    seed: 7,
    deaths: 3,
  });
  const told = describeCampaignMonth(report);
  expect(report.violations, told).toEqual([]);
  expect(report.forgotten, told).toEqual([]);
  // Days in which nothing happened would prove nothing.
  expect(report.calls, told).toBeGreaterThan(80);
  expect(report.messages, told).toBeGreaterThan(5);
  expect(report.deaths, told).toBeGreaterThan(1);
});

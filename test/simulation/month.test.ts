/** A small form of the simulated month; the full one, with 100,000 leads, is `npx tsx test/simulation/full-month.ts`. */
import { expect, test } from 'vitest';
import { describeReport, simulateMonth } from './month.ts';

test('in a month of greedy dialling, changes of mind and sudden deaths no phone rings that should not', async () => {
  const report = await simulateMonth({ leads: 600, asks: 500, moments: 100, seed: 20, crashes: 8 });
  const told = describeReport(report);
  expect(report.violations, told).toEqual([]);
  expect(report.faults, told).toEqual([]);
  expect(report.stuck, told).toEqual([]);
  const unexplained = [...report.overDenied].filter(([, { explained }]) => !explained);
  expect(unexplained, told).toEqual([]);
  // A month in which nothing happened would prove nothing.
  expect(report.dials, told).toBeGreaterThan(30);
  expect(report.deaths, told).toBeGreaterThan(2);
  expect(report.denials.size, told).toBeGreaterThan(15);
});

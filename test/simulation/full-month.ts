/**
 * test/simulation/full-month: 100,000 leads, one month, from the command line: `npx tsx test/simulation/full-month.ts
 * [leads] [seed]`. Exits with 1 on any dial that should not have been made, on any fault of the
 * record and on any denial that nobody can explain.
 */
import { describeReport, isClean, simulateMonth } from './month.ts';

const [leads = 100_000, seed = 1] = process.argv.slice(2).map(Number);
const report = await simulateMonth({
  leads,
  asks: leads * 3,
  moments: 4_000,
  seed,
  crashes: 200,
  callsPerSecond: 50,
  progress: (line) => console.error(line),
});
console.log(describeReport(report));
process.exitCode = isClean(report) ? 0 : 1;

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Goals in milliseconds are `npm run bench:timing`; a simulated month is `npm run nightly`.
    exclude: ['test/bench/**', 'test/simulation/month.test.ts', 'node_modules/**'],
    // A stop for what hangs, not a measure of speed: on a busy machine the stories' world runs slower, not wrong.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Vitest leaves one core idle; two workers halve the time on the smallest machine and do no harm on larger ones.
    maxWorkers: '100%',
  },
});

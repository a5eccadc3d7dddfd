import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Goals in milliseconds are `npm run bench:timing`; a simulated month is `npm run nightly`.
    exclude: ['test/bench/**', 'test/simulation/month.test.ts', 'node_modules/**'],
    // A stop for what hangs, not a measure of speed: on a busy machine the stories' world runs slower, not wrong.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Stories mostly wait for sockets and timers, so more of them run at a time than there are cores.
    maxWorkers: 2 * availableParallelism(),
    // Loading the vendors' SDKs anew for every file would take a fifth of the time; files clean up what they change.
    isolate: false,
  },
});

import { defineConfig } from 'vitest/config';

/** Goals in milliseconds, measured in real time: for a quiet machine and on request, not for every run of the suite. */
export default defineConfig({
  test: { include: ['test/bench/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, maxWorkers: 1 },
});

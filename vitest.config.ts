import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Vitest leaves one core idle; two workers halve the time on the smallest machine and do no harm on larger ones.
    maxWorkers: '100%',
  },
});

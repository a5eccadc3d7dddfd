import { defineConfig } from 'vitest/config';

/** The properties of the gate, 100,000 tries each, and a small month of the simulation. A failure names its seed. */
export default defineConfig({
  test: {
    include: ['test/domain/compliance-properties.test.ts', 'test/simulation/month.test.ts'],
    provide: { propertyRuns: 100_000 },
    testTimeout: 3_600_000,
  },
});

import { defineConfig } from 'vitest/config';

/** The properties of the gate, 100,000 tries each. A failure names its seed. */
export default defineConfig({
  test: {
    include: ['test/domain/compliance-properties.test.ts'],
    provide: { propertyRuns: 100_000 },
    testTimeout: 3_600_000,
  },
});

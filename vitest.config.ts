import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { productAsBuilt } from './test/support/programs.ts';

/** What takes longest. Begun last, one of them would go on alone when everything else is done. */
const LONGEST = [
  'contract/store-mongo',
  'stories/outage',
  'faults/',
  'contract/store-local',
  'browser/',
  'contract/journal',
  'stories/',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = LONGEST.findIndex((part) => moduleId.includes(`/test/${part}`));
      return found === -1 ? LONGEST.length : found;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  plugins: [productAsBuilt()],
  test: {
    include: ['test/**/*.test.ts'],
    // Goals in milliseconds are `npm run bench:timing`; a simulated month is `npm run nightly`.
    exclude: ['test/bench/**', 'test/simulation/month.test.ts', 'node_modules/**'],
    sequence: { sequencer: LongestFirst },
    // Stops for what hangs, not measures of speed: on a busy machine the stories' world runs slower, not wrong.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    // Stories mostly wait for sockets and timers, so more of them run at a time than there are cores.
    maxWorkers: 2 * availableParallelism(),
    // Loading the vendors' SDKs anew for every file would take a fifth of the time; files clean up what they change.
    isolate: false,
  },
});

/** A few kills and outages before a real MongoDB; hundreds of them are `npm run nightly`. */
import { expect, test } from 'vitest';
import { storm } from './storm.ts';

const uri = process.env.TEST_MONGODB_URI ?? '';
const HOW_TO_INCLUDE = 'TEST_MONGODB_URI=mongodb://127.0.0.1:27017 npx vitest run test/faults/kills.test.ts';

if (uri === '') {
  console.warn(
    `LEFT OUT: kills of the process before a real MongoDB (TEST_MONGODB_URI is not set). Include: ${HOW_TO_INCLUDE}`,
  );
  test.skip(`left out, TEST_MONGODB_URI is not set; include it with: ${HOW_TO_INCLUDE}`, () => {});
} else {
  test('the process is killed and its database goes away while people talk: nothing is lost, nobody is dialled twice', async () => {
    const { broken, figures } = await storm({
      uri,
      kills: 3,
      outages: 2,
      calls: 4,
      seed: 11,
      longestLifeMs: 2_500,
      disk: 'honest',
      built: false,
      say: () => {},
    });
    expect(broken).toEqual([]);
    expect(figures.shown).toBeGreaterThan(10);
    expect(figures.dialled).toBeGreaterThan(0);
  }, 300_000);
}

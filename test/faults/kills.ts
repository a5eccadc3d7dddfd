/**
 * test/faults/kills: kills and outages by the hundred, from the command line: `TEST_MONGODB_URI=… npx tsx
 * test/faults/kills.ts [--kills 200] [--outages 50] [--calls 50] [--seed 1] [--disk honest|lies] [--built]`. Exits with 1
 * when a promise was broken; `--disk lies` plants a fault, which must be found, and exits with 1 when it is not.
 */
import { parseArgs } from 'node:util';
import { storm } from './storm.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    outages: { type: 'string', default: '50' },
    calls: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    disk: { type: 'string', default: 'honest' },
    built: { type: 'boolean', default: false },
  },
});
const uri = process.env.TEST_MONGODB_URI ?? '';
const MOST_TOLD = 40;

if (uri === '') {
  console.warn('LEFT OUT: kills and outages before a real MongoDB (TEST_MONGODB_URI is not set).');
} else {
  const planted = values.disk === 'lies';
  const { broken, figures, complaints } = await storm({
    uri,
    kills: Number(values.kills),
    outages: Number(values.outages),
    calls: Number(values.calls),
    seed: Number(values.seed),
    longestLifeMs: 6_000,
    disk: planted ? 'lies' : 'honest',
    built: values.built,
    say: (line) => console.error(line),
  });
  for (const [sentence, count] of [...complaints].sort(([, a], [, b]) => b - a))
    console.log(`${count} × ${sentence}`);
  for (const each of broken.slice(0, MOST_TOLD)) console.log(`BROKEN: ${each}`);
  if (broken.length > MOST_TOLD) console.log(`… and ${broken.length - MOST_TOLD} more`);
  console.log(JSON.stringify(figures));
  console.log(
    planted
      ? `a disk that lies was ${broken.length > 0 ? 'found' : 'NOT found'}`
      : `seed ${values.seed}: ${broken.length} promises broken`,
  );
  // Sockets to processes that were killed are not waited for.
  process.exit(planted === broken.length > 0 ? 0 : 1);
}

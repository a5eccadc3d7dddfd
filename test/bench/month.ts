/**
 * `npm run bench:month`: 100,000 leads and 20 campaigns live through a month (test/simulation/campaign-month) in a process that
 * runs as `npm start` does: JavaScript, the same flags. Exits with 1 on any rule broken, lead forgotten or line unfairly shared.
 *
 * Arguments: leads (default 100,000) and seed (default 1).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { programOf } from '../support/programs.ts';
import { START_FLAGS } from './start.ts';

const month = programOf('test/simulation/campaign-month.ts');
const child = spawn(process.execPath, [...START_FLAGS, month, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
const [code] = await once(child, 'exit');
process.exit(code ?? 1);

/** How `npm start` starts the product, for whoever measures it. */
import { readFileSync } from 'node:fs';

/** The arguments behind `node`: flags, and the program. */
export const START = (
  JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { start: string } }
).scripts.start
  .split(' ')
  .slice(1);

export const START_FLAGS = START.filter((part) => part.startsWith('--'));

/** Ports for what is to listen again at the same address after it was gone for a while. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the ranges from which systems give ports to outgoing connections (32768 and up on Linux, 49152 elsewhere). */
const LOWEST = 20_000;
const HIGHEST = 32_768;
const MOST_TRIES = 50;

/** A free port that nobody is given by chance while nothing listens on it. */
export async function lastingPort(): Promise<number> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const port = randomInt(LOWEST, HIGHEST);
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
  throw new Error('no free port was found');
}

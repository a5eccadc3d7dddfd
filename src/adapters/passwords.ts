/** adapters/passwords: slow hashes of passwords by bcrypt, off the main thread, so that audio is not held up. */
import { compare, hash } from 'bcrypt';
import type { Passwords } from '../app/ports.ts';
import { Failure } from '../domain/errors.ts';

/** About 0.3 s of one core each. */
const COST = 12;
/** However many knock, calls keep every core but one, and every thread that writes recordings but one. */
const AT_ONCE = 1;
const MOST_WAITING = 16;

/** `cost` is bcrypt's: each step more doubles the work. */
export function createPasswords(cost = COST): Passwords {
  let working = 0;
  const waiting: (() => void)[] = [];

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (working >= AT_ONCE) {
      if (waiting.length >= MOST_WAITING)
        throw new Failure('at_capacity', 'Too many people sign in at this moment.', {
          details: { retryInSec: 5 },
        });
      await new Promise<void>((turn) => waiting.push(turn));
    } else working += 1;
    try {
      return await work();
    } finally {
      // The place goes on to who waits longest.
      const next = waiting.shift();
      if (next) next();
      else working -= 1;
    }
  }

  return {
    hash: (password) => inTurn(() => hash(password, cost)),
    matches: (password, known) => inTurn(() => compare(password, known)),
  };
}

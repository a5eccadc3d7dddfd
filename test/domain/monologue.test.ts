/** Who talks at length is found, whatever the listener hums meanwhile. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { longestMonologue } from '../../src/domain/monologue.ts';

/** One character for half a second: `#` is heard. */
const lane = (text: string): number[] => [...text].map((each) => (each === '#' ? 90 : 2));
const longest = (own: string, other: string) => longestMonologue(lane(own), lane(other), 0.5);

test('it is the longest stretch, and a short yes of the other side does not end it', () => {
  expect(longest('##..########......##', '..##................')).toEqual({ fromSec: 2, toSec: 6 });
  expect(longest('####.#####......##', '....#.............')).toEqual({ fromSec: 0, toSec: 5 });
});

test('a reply ends it, and so does a long silence', () => {
  expect(longest('###...####', '...###....')).toEqual({ fromSec: 3, toSec: 5 });
  expect(longest('###......####', '.............')).toEqual({ fromSec: 4.5, toSec: 6.5 });
  // Somebody who goes on while the other speaks over them is not listened to.
  expect(longest('##########', '..########')).toEqual({ fromSec: 0, toSec: 1.5 });
});

test('who is not heard held none', () => {
  expect(longest('......', '##....')).toBeUndefined();
  expect(longest('', '')).toBeUndefined();
});

test('it begins and ends where that side is heard, and is no longer than the call', () => {
  const peaks = fc.array(fc.constantFrom(0, 90), { maxLength: 60 });
  fc.assert(
    fc.property(peaks, peaks, (own, other) => {
      const found = longestMonologue(own, other, 0.5);
      if (!found) {
        expect(own.some((peak, at) => peak > 0 && (other[at] ?? 0) === 0)).toBe(false);
        return;
      }
      expect(own[found.fromSec / 0.5]).toBe(90);
      expect(own[found.toSec / 0.5 - 1]).toBe(90);
      expect(found.toSec).toBeGreaterThan(found.fromSec);
    }),
  );
});

/**
 * app/first-due: the first of many by when they are due, from either end. MongoDB walks its index in order; of the servers that
 * speak its language some read and sort all there are to name the first. So none is asked for an order: a few are asked
 * for, within bounds that are drawn closer until all that lie within them came. Where many are due at one instant any of
 * them will do.
 */
import type { Enrollment } from '../domain/campaign.ts';

/** Between two instants, ms since the epoch, both included. */
export interface Between {
  readonly fromMs: number;
  readonly untilMs: number;
}

interface DueReads {
  /** Some of those between, in no order, at most `limit`. */
  some(between: Between, limit: number): Promise<Enrollment[]>;
  /** The first of them, in order. */
  first(between: Between, limit: number): Promise<Enrollment[]>;
}

/** As many times what is wanted may come at once: the more, the fewer questions, and the more is carried. */
const AT_ONCE = 4;
/** As many times what is wanted the bounds are drawn for: a guess that is a little wide is no further question. */
const WIDE = 1.5;
/** A server that answers so often in an order that says nothing is asked to sort. */
const MOST_ROUNDS = 10;
/** The latest are hardly ever nearer than that, ms. */
const SOON_MS = 1_000;

/** The `limit` that are due first; `latest`: last. `before`: where those lay that were found before, and more with them. */
export async function firstDue(
  { some, first }: DueReads,
  { fromMs, untilMs }: Between,
  order: 'earliest' | 'latest',
  limit: number,
  before?: Between,
): Promise<Enrollment[]> {
  const isLatest = order === 'latest';
  const most = AT_ONCE * limit;
  /** From the end where the first is, ms. */
  const distance = ({ dueAt }: Enrollment): number => {
    const atMs = dueAt?.getTime() ?? Number.NaN;
    return isLatest ? untilMs - atMs : atMs - fromMs;
  };
  const ask = async (within: number): Promise<Enrollment[]> => {
    const between = isLatest ? { fromMs: untilMs - within, untilMs } : { fromMs, untilMs: fromMs + within };
    return (await some(between, most)).sort((a, b) => distance(a) - distance(b));
  };
  const all = untilMs - fromMs;
  /** Within `few` lie only those that are `nearer`, too few; within `many` lie more than came, of whom some are known. */
  let few = -1;
  let nearer: Enrollment[] = [];
  let many = all;
  let known: Enrollment[] = [];
  let within = before ? Math.min(Math.max(0, beyond(before)), all) : all;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const found = await ask(within);
    if (found.length < most && (found.length >= limit || within === all)) return found.slice(0, limit);
    if (found.length < limit) {
      few = within;
      nearer = found;
    } else {
      many = within;
      known = found;
    }
    if (known.length === 0) {
      within = all;
      continue;
    }
    if (many - few <= 1)
      return [...nearer, ...known.filter((each) => distance(each) === many)].slice(0, limit);
    within = Math.floor(Math.min(Math.max(guess(), few + 1), many - 1));
  }
  return await first({ fromMs, untilMs }, limit);

  /** The distance within which the next ones may lie, if as many are due in as much time. */
  function beyond(found: Between): number {
    const tookMs = 2 * (found.untilMs - found.fromMs);
    return isLatest ? untilMs - found.fromMs + tookMs : found.untilMs + tookMs - fromMs;
  }

  /** The distance within which enough may lie and not too many, by those that are known. */
  function guess(): number {
    const distances = known.map(distance);
    const inFew = distances.filter((each) => each <= few).length;
    // What is known is taken for a fair sample; within the `limit`th of it there are enough in any case.
    const share = inFew === 0 ? 2 : (inFew * WIDE * limit) / Math.max(1, nearer.length);
    const met = distances[Math.min(limit, Math.ceil(share)) - 1] ?? many;
    if (met === many) return many - 1;
    // All of them far from the end: the server walks towards it, and they tell nothing of what is near.
    const isFar = isLatest && (distances[0] ?? 0) > many / 2;
    return isFar ? Math.min(met, Math.sqrt(Math.max(few, SOON_MS) * many)) : met;
  }
}

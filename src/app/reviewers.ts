/**
 * app/reviewers: the people whom calls are given to for review, and how many wait for each. The rest of the staff knows them by
 * id and name only. The owner, who came by the printed link, is one of them while there is nobody with a name.
 */
import { Failure } from '../domain/errors.ts';
import { type Assignee, mayReview } from '../domain/review.ts';
import { OWNER, type User } from '../domain/user.ts';
import type { Store } from './ports.ts';

/** Of the staff so many at most are looked at: the newest. */
const MOST_PEOPLE = 1_000;

const owner: Assignee = { id: OWNER.userId, name: OWNER.name };
const named = ({ _id, name }: Pick<User, '_id' | 'name'>): Assignee => ({ id: _id, name });
const byName = (a: Assignee, b: Assignee): number => a.name.localeCompare(b.name);

export type Reviewers = ReturnType<typeof createReviewers>;

export function createReviewers({ store }: { readonly store: Store }) {
  const users = store.collection('admin_users');

  /** How many calls that nobody looked at yet were given to somebody. */
  const waiting = (userId: string): Promise<number> =>
    store.collection('call_reviews').count({ assignedTo: userId, status: 'unreviewed' });

  /** By name; `former`: those who may review no more, while calls wait for them that somebody else must take. */
  async function list(): Promise<{
    readonly items: readonly Assignee[];
    readonly former: readonly Assignee[];
  }> {
    const staff = await users.find({ sort: { createdAt: -1 }, limit: MOST_PEOPLE });
    const may = staff.filter(mayReview).map(named);
    const items = may.length > 0 ? may : [owner];
    const others = [
      ...staff.filter((user) => !mayReview(user)).map(named),
      ...(may.length > 0 ? [owner] : []),
    ];
    const counts = await Promise.all(others.map(({ id }) => waiting(id)));
    const former = others.filter((_, at) => counts[at] !== 0);
    return { items: items.sort(byName), former: former.sort(byName) };
  }

  /** Null for nobody. Throws Failure `invalid_request` that names the field, for whom no call can be given to. */
  async function chosen(userId: string | null, field: string): Promise<Assignee | null> {
    const no = (why: string): Failure =>
      new Failure('invalid_request', `${field}: ${why}`, { details: { fields: { [field]: why } } });
    if (userId === null) return null;
    if (userId === owner.id) {
      if ((await users.count({ isActive: true })) > 0) throw no('is nobody by name; choose a person');
      return owner;
    }
    const user = await users.get(userId);
    if (!user) throw no('there is no such person');
    if (!user.isActive) throw no(`${user.name} was deactivated`);
    if (!mayReview(user)) throw no(`${user.name} has a role that may not review calls`);
    return named(user);
  }

  /** Somebody who had a call before, whatever became of them; null for nobody. Throws Failure `invalid_request`. */
  async function known(userId: string | null): Promise<Assignee | null> {
    if (userId === null) return null;
    if (userId === owner.id) return owner;
    const user = await users.get(userId);
    if (!user) throw new Failure('invalid_request', 'there is no such person');
    return named(user);
  }

  return { list, waiting, chosen, known };
}

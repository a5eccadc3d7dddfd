/** app/saved-views: choices of what a list shows, that people keep under a name for themselves. */
import { Failure, isFailure } from '../domain/errors.ts';
import type { SavedView } from '../domain/review.ts';
import type { Clock, Ids, Store } from './ports.ts';

/** Of one person, of one list. */
const MOST_VIEWS = 50;

export function createSavedViews({
  store,
  clock,
  ids,
}: {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
}) {
  const views = store.collection('saved_views');

  /** By name. */
  const list = (userId: string, of: SavedView['of']): Promise<SavedView[]> =>
    views.find({ filter: { userId, of }, sort: { name: 1 }, limit: MOST_VIEWS });

  /** One of the same name is replaced. Throws Failure `invalid_request` when there are too many. */
  async function save(userId: string, given: Pick<SavedView, 'of' | 'name' | 'query'>): Promise<SavedView> {
    const { of, name, query } = given;
    const at = new Date(clock.nowMs());
    const replace = () => views.update({ userId, of, name }, { $set: { query, updatedAt: at } });
    const known = await replace();
    if (known) return known;
    if ((await views.count({ userId, of })) >= MOST_VIEWS)
      throw new Failure('invalid_request', `there are ${MOST_VIEWS} views already; remove one first`);
    const made: SavedView = { _id: ids.objectId(), userId, of, name, query, createdAt: at, updatedAt: at };
    try {
      await views.insert(made);
      return made;
    } catch (error) {
      const other = isFailure(error, 'duplicate_key') ? await replace() : undefined;
      if (!other) throw error;
      return other;
    }
  }

  /** Throws Failure `not_found`, also for the view of somebody else. */
  async function remove(userId: string, viewId: string): Promise<void> {
    if ((await views.remove({ _id: viewId, userId })) === 0) throw new Failure('not_found', 'no such view');
  }

  return { list, save, remove };
}

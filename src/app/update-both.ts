/**
 * app/update-both: two updates that belong together, the second made only if the first found its document. One write where the
 * store can; else one after the other, and whoever stops in between leaves the first alone.
 */
import type { Documents } from '../domain/documents.ts';
import type { ChangeOf, Store } from './ports.ts';

export async function updateBoth<A extends keyof Documents, B extends Exclude<keyof Documents, A>>(
  store: Pick<Store, 'collection' | 'updateBoth'>,
  first: ChangeOf<A>,
  second: ChangeOf<B>,
): Promise<{ readonly first: Documents[A] | undefined; readonly second: Documents[B] | undefined }> {
  if (store.updateBoth) return await store.updateBoth(first, second);
  const found = await store.collection(first.collection).update(first.filter, first.update);
  return {
    first: found,
    second: found && (await store.collection(second.collection).update(second.filter, second.update)),
  };
}

/** A store that goes away on command, in each of the ways in which a database does. */
import type { Clock, Collection, NumberLists, Store } from '../../src/app/ports.ts';
import type { Stored } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';

/**
 * `refuse`: no connection. `hang`: no answer, until our own patience ends. `slow`: every answer takes long. `read_only`: a
 * server that takes no writes. `auth`: the user has no rights any more. `lossy`: what is asked is done, and the answer lost.
 */
export type Trouble = 'none' | 'refuse' | 'hang' | 'slow' | 'read_only' | 'auth' | 'lossy';

export const TROUBLES = ['refuse', 'hang', 'slow', 'read_only', 'auth', 'lossy'] as const;

export interface FaultyStore extends Store {
  trouble: Trouble;
  /** Called for every exchange; what it throws comes of it. */
  before: (exchange: string, argument: unknown) => void;
  /** Closes the store itself, whatever its trouble. */
  close(): Promise<void>;
}

const unavailable = (message: string): Failure => new Failure('store_unavailable', message);
const WRITES = new Set(['insert', 'put', 'update', 'remove', 'append', 'stage', 'discard']);

export function faulty(store: Store, clock: Clock, patienceMs = 10_000): FaultyStore {
  async function exchange<T>(name: string, argument: unknown, task: () => Promise<T>): Promise<T> {
    self.before(name, argument);
    switch (self.trouble) {
      case 'none':
        return await task();
      case 'refuse':
        throw unavailable('connection refused');
      case 'hang':
        await clock.sleep(patienceMs);
        throw unavailable(`no answer within ${patienceMs} ms`);
      case 'slow':
        await clock.sleep(4_000);
        return await task();
      case 'read_only':
        if (WRITES.has(name)) throw unavailable('not primary');
        return await task();
      case 'auth':
        throw unavailable('authentication failed');
      case 'lossy':
        await task();
        throw unavailable('connection reset');
    }
  }

  function collection<N extends keyof Stored>(name: N): Collection<Stored[N]> {
    const inner = store.collection(name);
    return {
      get: (id) => exchange('get', id, () => inner.get(id)),
      find: (query) => exchange('find', query, () => inner.find(query)),
      count: (filter) => exchange('count', filter, () => inner.count(filter)),
      aggregate: (pipeline) => exchange('aggregate', pipeline, () => inner.aggregate(pipeline)),
      insert: (document) => exchange('insert', document, () => inner.insert(document)),
      put: (document) => exchange('put', document, () => inner.put(document)),
      update: (filter, update) => exchange('update', filter, () => inner.update(filter, update)),
      remove: (filter) => exchange('remove', filter, () => inner.remove(filter)),
    };
  }

  const lists: NumberLists = {
    copies: () => exchange('copies', undefined, () => store.lists.copies()),
    lookUp: (number) => exchange('lookUp', number, () => store.lists.lookUp(number)),
    stage: (importId, list, base) =>
      exchange('stage', importId, () => store.lists.stage(importId, list, base)),
    discard: (importId) => exchange('discard', importId, () => store.lists.discard(importId)),
  };

  const self: FaultyStore = {
    trouble: 'none',
    before: () => {},
    collection,
    append: (event, call) => exchange('append', event, () => store.append(event, call)),
    events: (callId) => exchange('events', callId, () => store.events(callId)),
    lists,
    said: (query) => exchange('said', query, () => store.said(query)),
    async health() {
      const health = await store.health();
      return self.trouble === 'none' ? health : { ...health, ok: false, detail: self.trouble };
    },
    close: () => store.close(),
  };
  return self;
}

/** app/turns: work on one thing, one after the other, within this process. Between processes the store's unique keys decide. */

type TakeTurns = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** Runs the works of one key in the order of asking; other keys do not wait. A failed work does not hold up the next. */
function takeTurns(): TakeTurns {
  const last = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work, work);
    const done = turn.then(
      () => undefined,
      () => undefined,
    );
    last.set(key, done);
    void done.then(() => {
      if (last.get(key) === done) last.delete(key);
    });
    return turn;
  };
}

const byOwner = new WeakMap<object, TakeTurns>();

/** The turns that everybody who holds the same owner (a store) shares. */
export function turnsOf(owner: object): TakeTurns {
  const turns = byOwner.get(owner) ?? takeTurns();
  byOwner.set(owner, turns);
  return turns;
}

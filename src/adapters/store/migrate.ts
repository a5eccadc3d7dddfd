/**
 * adapters/store/migrate: carries everything from one store to another: documents in batches, lists of numbers block by
 * block, in bounded memory. Suppression first, leads and campaigns last: whoever starts Parley on a target that is not
 * complete finds nobody to call rather than somebody who must not be called. At the end the target is read again, and must
 * hold what was read from the source, by counts and hashes.
 */
import type { ListCopy, Store } from '../../app/ports.ts';
import type { Stored } from '../../domain/documents.ts';
import { Failure } from '../../domain/errors.ts';
import { type Contents, differences, type Progress, printOfDocuments, printOfNumbers } from './contents.ts';

type Name = keyof Stored;
type Documents = readonly { readonly _id: string }[];

/** What a store can do, beyond the port, to be emptied into another. */
export interface Whole {
  /** The collections there are, archives among them. */
  names(): Promise<Name[]>;
  /** Every document of a collection once, in batches. */
  read(name: Name): AsyncIterable<Documents>;
  /** Inserts documents, or puts them in the place of what has their `_id`. On disk when it resolves. */
  fill(name: Name, documents: Documents): Promise<void>;
  /** The numbers of a list's current copy, ascending. */
  numbersOf(list: string): AsyncIterable<Float64Array>;
}

/** A store that can be carried. */
export type WholeStore = Store & { readonly whole: Whole };

const FIRST: readonly Name[] = ['dnc_registry', 'consent_logs', 'consent_heads', 'erasures'];
const LAST: readonly Name[] = ['campaigns', 'leads'];
const MARK = 'migration';
const MARK_ID = '6d6967726174696f6e000001';

/** Numbers of a list that are held in memory, 8 MB; no store has more of them in one piece. */
const NUMBERS_A_WRITE = 1_000_000;

const rank = (name: Name): number =>
  FIRST.includes(name) ? FIRST.indexOf(name) - FIRST.length : LAST.indexOf(name) + 1;

const isMark = (name: Name, document: { readonly _id: string }): boolean =>
  name === 'system_config' && document._id === MARK_ID;

const inUse = (names: readonly string[]): Failure =>
  new Failure(
    'invalid_request',
    `the target is not empty: it has ${names.join(', ')}; choose another, or empty it`,
  );

/** Who began to fill a store and did not finish; undefined where nobody did. */
export async function unfinishedMigration(store: Store): Promise<string | undefined> {
  const mark = await store.collection('system_config').get(MARK_ID);
  return mark === undefined ? undefined : String(mark.value);
}

/** Throws Failure `invalid_request` for a target that holds something, unless an earlier try from `origin` put it there. */
async function claim({ collection, lists, whole }: WholeStore, origin: string): Promise<void> {
  const config = collection('system_config');
  const mark = await config.get(MARK_ID);
  if (mark?.value === origin) return;
  const held: string[] = [];
  for (const name of await whole.names()) if ((await collection(name).count({})) > 0) held.push(name);
  held.push(...(await lists.copies()).map(({ list }) => `the list ${list}`));
  if (held.length > 0) throw inUse(mark ? [`an unfinished migration from ${String(mark.value)}`] : held);
  const now = new Date();
  await config.insert({
    _id: MARK_ID,
    key: MARK,
    value: origin,
    updatedBy: 'migrate',
    createdAt: now,
    updatedAt: now,
  });
}

/** Says the same of every store that holds the same. */
async function contentsOf({ lists, whole }: WholeStore, progress: (at: Progress) => void): Promise<Contents> {
  const collections: Record<string, Contents['collections'][string]> = {};
  for (const name of await whole.names()) {
    const print = printOfDocuments();
    let done = 0;
    for await (const documents of whole.read(name)) {
      for (const document of documents) if (!isMark(name, document)) print.add(document);
      done += documents.length;
      progress({ what: `comparing ${name}`, done });
    }
    const { count, sha256 } = print.end();
    if (count > 0) collections[name] = { count, sha256 };
  }
  const found: Record<string, Contents['lists'][string]> = {};
  for (const { list, asOf } of await lists.copies()) {
    const print = printOfNumbers();
    for await (const numbers of whole.numbersOf(list)) print.add(numbers);
    found[list] = print.end(asOf);
  }
  return { collections, lists: found };
}

async function carryList(
  from: WholeStore,
  to: WholeStore,
  { list, asOf }: ListCopy,
  tell: (done: number) => void,
): Promise<Contents['lists'][string]> {
  const print = printOfNumbers();
  await to.lists.discard(MARK_ID);
  const staged = await to.lists.stage(MARK_ID, list, 'empty');
  const held = new Float64Array(NUMBERS_A_WRITE);
  let holds = 0;
  let done = 0;
  const write = async (): Promise<void> => {
    await staged.write(held.slice(0, holds), holds);
    done += holds;
    holds = 0;
    tell(done);
  };
  for await (const numbers of from.whole.numbersOf(list)) {
    print.add(numbers);
    if (holds + numbers.length > held.length) await write();
    held.set(numbers, holds);
    holds += numbers.length;
  }
  await write();
  await staged.commit(asOf);
  return print.end(asOf);
}

/**
 * `origin` names the source: a try that was cut off is taken up again from the same one, and only from it; what it wrote is
 * written once more. Throws Failure `invalid_request` for a target in use, `store_unavailable` when a store goes away or the
 * target does not hold what was read; then the mark of an unfinished migration stays on it.
 */
export async function migrate(
  from: WholeStore,
  to: WholeStore,
  origin: string,
  progress: (at: Progress) => void,
): Promise<Contents> {
  const unfinished = await unfinishedMigration(from);
  if (unfinished !== undefined)
    throw new Failure('invalid_request', `the source is itself an unfinished migration from ${unfinished}`);
  await claim(to, origin);
  const lists: Record<string, Contents['lists'][string]> = {};
  for (const copy of await from.lists.copies())
    lists[copy.list] = await carryList(from, to, copy, (done) => progress({ what: copy.list, done }));
  const collections: Record<string, Contents['collections'][string]> = {};
  for (const name of (await from.whole.names()).sort((a, b) => rank(a) - rank(b))) {
    const print = printOfDocuments();
    let done = 0;
    for await (const documents of from.whole.read(name)) {
      for (const document of documents) print.add(document);
      await to.whole.fill(name, documents);
      done += documents.length;
      progress({ what: name, done });
    }
    const { count, sha256 } = print.end();
    if (count > 0) collections[name] = { count, sha256 };
  }
  const carried: Contents = { collections, lists };
  const differs = differences(carried, await contentsOf(to, progress));
  for (const [name, { count }] of Object.entries(collections))
    if ((await from.collection(name as Name).count({})) !== count)
      differs.push(`${name} of the source changed meanwhile`);
  if (differs.length > 0)
    throw new Failure(
      'store_unavailable',
      `the target does not hold what the source has: ${differs.join('; ')}`,
      { details: { differs } },
    );
  await to.collection('system_config').remove({ _id: MARK_ID });
  return carried;
}

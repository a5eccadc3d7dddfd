/**
 * adapters/store/local/inspect: reads a file from end to end, trusts nothing in it, and tells what it holds: every seal, every
 * document under its own id and in all of its indexes, no index with more than that, every list as long as it says.
 */
import { COLLECTIONS, isTranscriptArchive } from '../../../domain/documents.ts';
import { type Contents, type Progress, printOfDocuments, printOfNumbers } from '../contents.ts';
import { behind } from '../order.ts';
import { collectionIn, type DataFile, unavailable } from './data-file.ts';
import { idKey, indexShapes, tableOf } from './files.ts';
import { entriesOf } from './indexes.ts';
import { currentLists, numbersIn } from './lists.ts';

const BATCH = 500;

const damaged = (file: DataFile, what: string) =>
  unavailable(`${file.path} is damaged: ${what}; restore a backup`);

/** Throws Failure `store_unavailable` for the first thing that is not as it must be. */
export async function inspect(file: DataFile, progress: (at: Progress) => void): Promise<Contents> {
  const collections: Record<string, Contents['collections'][string]> = {};
  for (const table of file.tables()) {
    const name = collectionIn(table);
    if (name === undefined) continue;
    if (!Object.hasOwn(COLLECTIONS, name) && !isTranscriptArchive(name))
      throw damaged(file, `there is a collection ${name}`);
    const print = await inspectCollection(file, name, (done) => progress({ what: name, done }));
    if (print.count > 0) collections[name] = print;
  }
  const lists: Record<string, Contents['lists'][string]> = {};
  for (const [name, { version, copy }] of currentLists(file)) {
    const print = printOfNumbers();
    let done = 0;
    for (const numbers of numbersIn(file, version)) {
      print.add(numbers);
      done += numbers.length;
      progress({ what: name, done });
    }
    if (done !== copy.count) throw damaged(file, `the list ${name} has ${done} of ${copy.count} numbers`);
    lists[name] = print.end(copy.asOf);
  }
  return { collections, lists };
}

async function inspectCollection(file: DataFile, name: string, progress: (done: number) => void) {
  const { db } = file.documents(name);
  const indexes = indexShapes(name).map((shape) => ({
    shape,
    table: file.raw(tableOf(name, shape)),
    entries: 0,
  }));
  const print = printOfDocuments();
  let done = 0;
  let from: Buffer = Buffer.alloc(1);
  for (;;) {
    const batch = [...db.getRange({ start: from, limit: BATCH })];
    const last = batch.at(-1);
    if (!last) break;
    for (const { key, value } of batch) {
      if (typeof value?._id !== 'string' || !idKey(value._id).equals(key))
        throw damaged(file, `a document of ${name} stands under another id`);
      for (const index of indexes)
        for (const { key: entry } of entriesOf(index.shape, value).entries) {
          index.entries += 1;
          if (index.table.get(entry)?.toString('utf8') !== value._id)
            throw damaged(file, `${value._id} of ${name} is missing in the index ${index.shape.name}`);
        }
      print.add(value);
    }
    done += batch.length;
    progress(done);
    from = behind(last.key);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const { shape, table, entries } of indexes)
    if ((table.getStats() as { entryCount: number }).entryCount !== entries)
      throw damaged(file, `the index ${shape.name} of ${name} names documents that are not there`);
  return print.end();
}

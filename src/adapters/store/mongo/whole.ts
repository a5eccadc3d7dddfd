/** adapters/store/mongo/whole: all of a database, to be carried to another store, and the way in: see `migrate`. */
import type { Stored as StoredDocuments } from '../../../domain/documents.ts';
import { isTranscriptArchive } from '../../../domain/documents.ts';
import type { Whole } from '../migrate.ts';
import type { Connection } from './connection.ts';
import { BLOCK_NUMBERS, type BlockDocument, type ListDocument } from './lists.ts';
import { COLLECTION_NAMES } from './schema.ts';
import { fromBson, type Stored, toStored } from './values.ts';

/** Documents that are read, and written, at once. */
const BATCH = 250;

export function openWhole({ db, limits, read, write }: Connection): Whole {
  return {
    async names() {
      const there = await read(() => db.listCollections({}, { nameOnly: true }).toArray());
      const archives = there.map(({ name }) => name).filter(isTranscriptArchive);
      return [...COLLECTION_NAMES, ...archives];
    },
    async *read(name) {
      // No limit for the server: it would count for all batches together.
      const cursor = db.collection<Stored>(name).find({}, { batchSize: BATCH });
      try {
        for (;;) {
          const batch = await read(async () => {
            const documents: Stored[] = [];
            while (documents.length < BATCH && (await cursor.hasNext())) {
              const next = await cursor.next();
              if (next) documents.push(next);
            }
            return documents;
          });
          if (batch.length === 0) return;
          yield batch.map((document) => fromBson(document) as { readonly _id: string });
        }
      } finally {
        await cursor.close();
      }
    },
    fill: (name, documents) =>
      write(name as keyof StoredDocuments, async (session) => {
        const writes = documents.map((document) => {
          const { _id, ...replacement } = toStored(document);
          return { replaceOne: { filter: { _id }, replacement, upsert: true } };
        });
        await db.collection<Stored>(name).bulkWrite(writes, { ordered: false, session, ...limits });
      }),
    async *numbersOf(list) {
      const pointer = await read(() =>
        db.collection<ListDocument>('dnc_lists').findOne({ _id: list }, limits),
      );
      for (const area of pointer?.areas ?? []) {
        const path = `${list}/${pointer?.version}/${area}`;
        const blocks = await read(() =>
          db
            .collection<BlockDocument>('dnc_list_blocks')
            .find({ _id: { $gte: `${path}000`, $lte: `${path}999` } }, { ...limits, sort: { _id: 1 } })
            .toArray(),
        );
        for (const { _id, count, bits } of blocks) {
          const first = Number(_id.slice(_id.lastIndexOf('/') + 1)) * BLOCK_NUMBERS;
          const numbers = new Float64Array(count);
          let at = 0;
          for (const [byte, value] of bits.buffer.subarray(0, bits.position).entries())
            for (let bit = 0; bit < 8; bit += 1)
              if ((value >>> bit) & 1) {
                numbers[at] = first + byte * 8 + bit;
                at += 1;
              }
          yield numbers;
        }
      }
    },
  };
}

/** adapters/store/mongo/said: calls by what was said in them, through MongoDB's text index. */
import type { ObjectId } from 'mongodb';
import type { Said, SaidQuery } from '../../../app/ports.ts';
import { Failure } from '../../../domain/errors.ts';
import { type Wanted, wantedIn } from '../../../domain/search-text.ts';

import type { Connection } from './connection.ts';
import { hexOf, toStoredId } from './values.ts';

interface Row {
  readonly _id: ObjectId | string;
  readonly callId: ObjectId | string;
  readonly createdAt: Date;
}

const invalid = (field: string, says: string): Failure =>
  new Failure('invalid_request', says, { details: { fields: { [field]: says } } });

function placeIn(cursor: string): readonly [ms: number, id: string] {
  const [, ms, id] = /^(\d{1,15})-([0-9a-f]{24})$/.exec(cursor) ?? [];
  if (ms === undefined || id === undefined) throw invalid('cursor', 'the cursor is damaged');
  return [Number(ms), id];
}

const LETTER = '[\\p{L}\\p{N}\\p{M}]';
const BETWEEN = '[^\\p{L}\\p{N}\\p{M}]+';

/** MongoDB finds what has one of the words, or all phrases, depending on its version: here every one must stand in the text. */
const standsIn = (words: Wanted): object => ({
  fullTranscript: { $regex: `(?<!${LETTER})${words.join(BETWEEN)}(?!${LETTER})`, $options: 'i' },
});

/** The newest transcripts first. */
export async function findSaid(
  { db, limits, read }: Connection,
  { text, limit, cursor }: SaidQuery,
): Promise<Said> {
  const wanted = wantedIn(text);
  if (wanted.length === 0) throw invalid('said', 'there is no word to look for');
  const $search = wanted.map((words) => `"${words.join(' ')}"`).join(' ');
  const place = cursor === undefined ? undefined : placeIn(cursor);
  const behind = place && {
    $or: [
      { createdAt: { $lt: new Date(place[0]) } },
      { createdAt: new Date(place[0]), _id: { $lt: toStoredId(place[1]) } },
    ],
  };
  const rows = await read(() =>
    db
      .collection<Row>('call_transcripts')
      .find({ $text: { $search }, $and: wanted.map(standsIn), ...behind } as object, {
        ...limits,
        sort: { createdAt: -1, _id: -1 },
        limit,
        projection: { callId: 1, createdAt: 1 },
      })
      .toArray(),
  );
  return {
    hits: rows.map(({ _id, callId, createdAt }) => ({
      callId: hexOf(callId),
      cursor: `${createdAt.getTime()}-${hexOf(_id)}`,
    })),
    isLast: rows.length < limit,
    complete: true,
  };
}

/**
 * adapters/store/local/indexes: what of a document stands in an index. A key is the parts of the indexed fields followed
 * by the document's id, so that equal values stay apart and pages can go on behind a given document.
 */
import { Failure } from '../../../domain/errors.ts';
import { createKeyDraft, type Direction, isPlainObject, keyPart, valuesForKey } from '../order.ts';

export interface IndexShape {
  readonly name: string;
  readonly parts: readonly (readonly [path: string, direction: Direction])[];
  /** The fields of a document that those are, or lie in. */
  readonly fields: readonly string[];
  /** Direction of the id behind the parts; undefined for the documents themselves, whose only part is the id. */
  readonly tail: Direction | undefined;
  readonly unique: boolean;
  readonly sparse: boolean;
  /** Texts stand in it without their case: for searches that do not mind it, and for nothing else. */
  readonly folded: boolean;
  /** True once some document had an array on the way to an indexed field: it then has several keys. */
  readonly overArrays: boolean;
  /** True once one of those was not the first field: then keys that begin alike are in no order of their documents. */
  readonly overBehind: boolean;
  /** True once some value was too long for a key: keys then order and tell apart only roughly. */
  readonly cut: boolean;
}

export interface Entry {
  readonly key: Buffer;
  /** How many of its bytes are the parts without the id: what must be unique. */
  readonly ownBytes: number;
  readonly cut: boolean;
}

/** What must be unique of an entry, as bytes and as a text to compare. */
export const ownOf = ({ key, ownBytes }: Entry): Buffer => key.subarray(0, ownBytes);
export const ownText = ({ key, ownBytes }: Entry): string => key.toString('latin1', 0, ownBytes);

export interface Entries {
  readonly entries: readonly Entry[];
  readonly overArrays: boolean;
  readonly overBehind: boolean;
}

const MAX_KEYS_A_DOCUMENT = 5000;
const NO_ENTRIES: Entries = { entries: [], overArrays: false, overBehind: false };

/** The same for all texts that differ in case only; by both ways, for some letters have a small form and no great one. */
export const fold = (text: string): string => text.toLowerCase().toUpperCase();

const foldedValue = (value: unknown): unknown => (typeof value === 'string' ? fold(value) : value);

/** Whether two documents share what an index takes its keys from, so that they have the same ones. */
export const shares = (
  { fields }: Pick<IndexShape, 'fields'>,
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): boolean => fields.every((field) => Object.is(a[field], b[field]));

type Keyed = Pick<IndexShape, 'parts' | 'tail' | 'sparse' | 'folded'>;

const LIST = Symbol('a list is on the way');

/** The value at a path, where no list is on the way. */
function valueAt(document: unknown, path: string): unknown {
  let value: unknown = document;
  for (let from = 0, dot = 0; dot !== -1; from = dot + 1) {
    dot = path.indexOf('.', from);
    const name = from === 0 && dot === -1 ? path : path.slice(from, dot === -1 ? undefined : dot);
    if (!isPlainObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
    if (Array.isArray(value)) return LIST;
  }
  return value;
}

const draft = createKeyDraft();

/** The only key of a document in an index; undefined where a list is on the way to an indexed field. */
function entryOf(index: Keyed, document: { readonly _id: string }): Entries | undefined {
  let cut = false;
  let anyPresent = false;
  draft.begin();
  for (const [path, direction] of index.parts) {
    const value = valueAt(document, path);
    if (value === LIST) return undefined;
    anyPresent ||= value !== undefined;
    if (!draft.add(index.folded ? foldedValue(value) : value, direction)) cut = true;
  }
  if (index.sparse && !anyPresent) return NO_ENTRIES;
  const ownBytes = draft.length;
  if (index.tail) draft.add(document._id, index.tail);
  return { entries: [{ key: draft.take(), ownBytes, cut }], overArrays: false, overBehind: false };
}

/** The keys of a document in an index; none when the index is sparse and the document has none of its fields. */
export const entriesOf = (index: Keyed, document: { readonly _id: string }): Entries =>
  entryOf(index, document) ?? entriesOverLists(index, document);

function entriesOverLists(index: Keyed, document: { readonly _id: string }): Entries {
  let overArrays = false;
  let overBehind = false;
  let anyPresent = false;
  let combinations: { readonly pieces: readonly Buffer[]; readonly cut: boolean }[] = [
    { pieces: [], cut: false },
  ];
  for (const [at, [path, direction]] of index.parts.entries()) {
    const { values, fromArray } = valuesForKey(document, path);
    overArrays ||= fromArray;
    overBehind ||= fromArray && at > 0;
    anyPresent ||= values.some((value) => value !== undefined);
    if (values.length * combinations.length > MAX_KEYS_A_DOCUMENT)
      throw new Failure(
        'invalid_request',
        `a document may have at most ${MAX_KEYS_A_DOCUMENT} values in one index (at ${path})`,
      );
    const parts = values.map((value) => keyPart(index.folded ? foldedValue(value) : value, direction));
    combinations = combinations.flatMap((left) =>
      parts.map((right) => ({ pieces: [...left.pieces, right.bytes], cut: left.cut || !right.exact })),
    );
  }
  if (index.sparse && !anyPresent) return { entries: [], overArrays, overBehind };
  const tail = index.tail ? [keyPart(document._id, index.tail).bytes] : [];
  const tailLength = tail[0]?.length ?? 0;
  const entries = combinations.map(({ pieces, cut }): Entry => {
    const key = Buffer.concat([...pieces, ...tail]);
    return { key, ownBytes: key.length - tailLength, cut };
  });
  if (entries.length === 1) return { entries, overArrays, overBehind };
  return {
    entries: [...new Map(entries.map((entry) => [entry.key.toString('latin1'), entry])).values()],
    overArrays,
    overBehind,
  };
}

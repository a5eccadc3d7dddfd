/** domain/canonical: one text for one value, and its fingerprint, so that two machines agree on what was decided or recorded. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/**
 * Canonical JSON after RFC 8785 for what documents hold: keys in code-unit order, no white space, properties that are
 * undefined left out, a `Date` as its ISO 8601 text in UTC with milliseconds. Throws TypeError for anything that JSON
 * cannot hold (NaN, functions, an invalid date, a class of its own), because a fingerprint of a guess proves nothing.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError('a number that is not finite has no canonical form');
      return JSON.stringify(value);
    case 'object':
      return value === null ? 'null' : canonicalObject(value);
    default:
      throw new TypeError(`a ${typeof value} has no canonical form`);
  }
}

/** `canonicalJson` of an object in pieces, for one whose lists are long: each element of a list is a piece of its own. */
export function* canonicalPieces(record: Readonly<Record<string, unknown>>): Generator<string, undefined> {
  let before = '{';
  for (const key of inOrder(Object.keys(record))) {
    const held = record[key];
    if (held === undefined) continue;
    yield `${before}${quoted(key)}:`;
    before = ',';
    if (!Array.isArray(held) || held.length === 0) {
      yield canonicalJson(held);
      continue;
    }
    for (let i = 0; i < held.length; i += 1) yield (i === 0 ? '[' : ',') + canonicalJson(held[i]);
    yield ']';
  }
  yield before === '{' ? '{}' : '}';
}

function canonicalObject(value: object): string {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new TypeError('an invalid date has no canonical form');
    return `"${value.toISOString()}"`;
  }
  if (Array.isArray(value)) {
    let text = '[';
    for (let i = 0; i < value.length; i += 1) text += (i === 0 ? '' : ',') + canonicalJson(value[i]);
    return `${text}]`;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError('only plain objects have a canonical form');
  let text = '{';
  const record = value as Record<string, unknown>;
  for (const key of inOrder(Object.keys(record))) {
    const held = record[key];
    if (held === undefined) continue;
    text += `${text.length === 1 ? '' : ','}${quoted(key)}:${canonicalJson(held)}`;
  }
  return `${text}}`;
}

/** Code-unit order, in place. Objects here have a dozen keys, where inserting beats the general sort. */
function inOrder(keys: string[]): string[] {
  if (keys.length > 32) return keys.sort();
  for (let i = 1; i < keys.length; i += 1) {
    const key = keys[i] as string;
    let j = i - 1;
    for (; j >= 0 && (keys[j] as string) > key; j -= 1) keys[j + 1] = keys[j] as string;
    keys[j + 1] = key;
  }
  return keys;
}

/** Printable ASCII without quote and backslash needs no escapes, and that is nearly every string here. */
const PLAIN = /^[ !#-[\]-~]*$/;
const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

/** SHA-256 of a text in UTF-8, as 64 lower-case hex digits. */
export const sha256Hex = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)));

/** `sha256Hex` of a text that comes in pieces, none of which ends between the two halves of a character. */
export function sha256OfPieces(): { add(piece: string): void; hex(): string } {
  const hash = sha256.create();
  return {
    add: (piece) => void hash.update(utf8ToBytes(piece)),
    hex: () => bytesToHex(hash.digest()),
  };
}

/** SHA-256 of a value's canonical JSON. Throws as `canonicalJson`. */
export const fingerprint = (value: unknown): string => sha256Hex(canonicalJson(value));

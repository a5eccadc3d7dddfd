/**
 * adapters/store/contents: what a store holds, counted and fingerprinted in a form that no store has a say in: so a backup
 * is known to be whole, and what was carried from one store to another to be the same.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../domain/canonical.ts';

/** `sha256` of a collection: the SHA-256 of every document's canonical JSON, added up modulo 2^256, as order says nothing. */
export interface Print {
  readonly count: number;
  readonly sha256: string;
}

/** `sha256` of a list: SHA-256 of its numbers, ascending, eight bytes each. */
interface ListPrint extends Print {
  readonly asOf: string;
}

/** Collections and lists without anything in them are left out. */
export interface Contents {
  readonly collections: Readonly<Record<string, Print>>;
  readonly lists: Readonly<Record<string, ListPrint>>;
}

/** How far a long work on a store is. */
export interface Progress {
  readonly what: string;
  readonly done: number;
}

/** What canonical JSON has no form for, in one of our own. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}

function textOf(document: unknown): string {
  try {
    return canonicalJson(document);
  } catch {
    return canonicalJson(plain(document));
  }
}

export function printOfDocuments(): { add(document: unknown): void; end(): Print } {
  let count = 0;
  let sum = 0n;
  return {
    add(document) {
      count += 1;
      sum += BigInt(`0x${createHash('sha256').update(textOf(document)).digest('hex')}`);
    },
    end: () => ({ count, sha256: BigInt.asUintN(256, sum).toString(16).padStart(64, '0') }),
  };
}

export function printOfNumbers(): { add(numbers: Float64Array): void; end(asOf: Date): ListPrint } {
  const hash = createHash('sha256');
  let count = 0;
  return {
    add(numbers) {
      count += numbers.length;
      hash.update(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
    },
    end: (asOf) => ({ count, sha256: hash.digest('hex'), asOf: asOf.toISOString() }),
  };
}

/** Where two differ, in words; none when they hold the same. */
export function differences(wanted: Contents, found: Contents): string[] {
  return (['collections', 'lists'] as const).flatMap((kind) => {
    const names = new Set([...Object.keys(wanted[kind]), ...Object.keys(found[kind])]);
    return [...names].flatMap((name) => {
      const [a, b] = [wanted[kind][name], found[kind][name]];
      if ((a?.count ?? 0) !== (b?.count ?? 0)) return [`${name} has ${b?.count ?? 0} of ${a?.count ?? 0}`];
      return canonicalJson(a ?? null) === canonicalJson(b ?? null) ? [] : [`${name} has other contents`];
    });
  });
}

/** A store with something of everything in it, and programs in processes of their own, for tests of backups and moves. */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log, Store } from '../../src/app/ports.ts';
import type { CallEvent } from '../../src/domain/call.ts';
import { COLLECTIONS, type Documents, type Stored } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
export const oid = (n: number): string => n.toString(16).padStart(24, '0');
/** In memory where the system has such a place: what a sync costs is not what these tests are about. */
export const freshDir = (): string =>
  mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-keep-'));
export const LIST = 'national';
export const ON_LIST = 2_125_550_100;

export const lead = (n: number, fields: object = {}) =>
  ({
    _id: oid(n),
    source: 'csv',
    externalId: `row-${n}`,
    receivedAt: new Date(1_790_000_000_000 + n * 1_000),
    contact: {
      phone: `+1206${2_000_000 + n}`,
      email: `p${n}@example.com`,
      score: n / 7,
      none: null,
      list: [],
    },
    status: n % 2 ? 'new' : 'lost',
    tags: [`batch-${n % 5}`, 'Straße \u0000 😀'],
    ...fields,
  }) as unknown as Documents['leads'];

export const event = (callNumber: number, seq: number, text = 'Hello.'): CallEvent =>
  ({
    _id: oid(callNumber * 100_000 + seq),
    eventId: `${callNumber}-${seq}`,
    callId: oid(callNumber),
    sessionId: `s${callNumber}`,
    seq,
    at: new Date(1_790_000_000_000 + seq),
    type: 'said',
    role: 'user',
    text,
    turn: seq,
  }) as CallEvent;

/** Leads, events, an entry whose id is no ObjectId, an archive of a past year, a list, and something in every collection. */
export async function fill(store: Store, leads = 40, events = 60): Promise<void> {
  const stamp = { createdAt: new Date(1), updatedAt: new Date(2) };
  await Promise.all(Array.from({ length: leads }, (_, n) => store.collection('leads').insert(lead(n + 1))));
  await Promise.all(
    Array.from({ length: events }, (_, n) => store.append(event(1 + (n % 3), 1 + Math.floor(n / 3)))),
  );
  await store.collection('consent_heads').insert({
    _id: '+12125550100',
    phone: '+12125550100',
    ...stamp,
  } as unknown as Documents['consent_heads']);
  await store.collection('call_analyses').insert({
    _id: oid(902),
    callId: oid(1),
    state: 'done',
    requestedBy: 'parley',
    origin: { by: 'lexicon', version: 'lexicon 1', transcriptHash: 'ab' },
    dropped: [{ path: 'keyMoments.objection@3', messageIndex: 3, quote: 'Straße', why: 'not_said_there' }],
    wrong: [{ path: 'outcome', note: 'never', by: 'ada', at: new Date(3) }],
    ...stamp,
  });
  await store.collection('call_transcripts_archive_2019').insert({
    _id: oid(900),
    callId: oid(901),
    ...stamp,
  } as unknown as Stored['call_transcripts_archive_2019']);
  await store.collection('dnc_registry').insert({
    _id: oid(904),
    phone: '+12125550104',
    scope: 'internal',
    state: null,
    seller: null,
    source: 'call',
    listedAt: new Date(5),
    ...stamp,
  });
  // Where settings are kept, what carries a database keeps its mark.
  for (const name of Object.keys(COLLECTIONS).filter(
    (each) => each !== 'system_config',
  ) as (keyof Documents)[])
    if ((await store.collection(name).find({ limit: 1 })).length === 0)
      await store.collection(name).insert({
        _id: oid(903),
        words: 'Straße, ¿sí?',
        none: null,
        list: [1, -0.5, { at: new Date(4), yes: true }],
        ...stamp,
      } as never);
  const copy = await store.lists.stage('a', LIST, 'empty');
  await copy.write(Float64Array.from([2_015_550_001, ON_LIST, 9_899_999_999]), 3);
  await copy.commit(new Date(1_789_000_000_000));
}

export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => undefined,
    (why: unknown) => why,
  );
  if (error instanceof Failure) return error;
  throw new Error(`not a Failure: ${String(error)}`);
}

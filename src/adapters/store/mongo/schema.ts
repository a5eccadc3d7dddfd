/**
 * adapters/store/mongo/schema: the collections as people find them who query the database directly: their indexes, and
 * validators that warn in the server's log of documents of another shape. Made when the store opens; what is there already
 * stays. Nothing that is not ours is ever dropped.
 */
import {
  type CollectionInfo,
  type Db,
  type Document,
  type IndexDescriptionInfo,
  type Collection as MongoCollection,
  MongoServerError,
} from 'mongodb';
import type { Log } from '../../../app/ports.ts';
import type { Call } from '../../../domain/call.ts';
import {
  COLLECTIONS,
  type CollectionName,
  type Documents,
  type IndexSpec,
  LEAD_STAGES,
  LEAD_STATUSES,
} from '../../../domain/documents.ts';
import { Failure } from '../../../domain/errors.ts';
import { indexName } from '../language.ts';
import { isDuplicate, messageOf } from './failures.ts';

export const COLLECTION_NAMES = Object.keys(COLLECTIONS) as CollectionName[];

/** Indexes that the data model promises to people, and that the embedded store does without. */
const FOR_PEOPLE: { readonly [N in CollectionName]?: readonly IndexSpec[] } = {
  leads: [
    { keys: { 'qualification.qualified': 1, 'qualification.score': -1 } },
    { keys: { 'consent.hasWrittenConsent': 1, 'dncStatus.onNationalRegistry': 1 } },
  ],
  campaigns: [
    { keys: { 'schedule.startDate': 1, 'schedule.endDate': 1 } },
    { keys: { 'targeting.geography.states': 1 } },
  ],
  properties: [
    { keys: { 'valuation.wholesalePrice': 1 } },
    { keys: { 'marketData.marketTrend': 1, 'marketData.demandScore': -1 } },
  ],
  calls: [{ keys: { 'sentiment.overall': -1 } }],
  call_events: [
    { keys: { role: 1 } },
    { keys: { sessionId: 1, seq: 1 } },
    // Our own start asks for the newest events there.
    { keys: { at: 1 } },
  ],
  call_transcripts: [{ keys: { topics: 1 } }],
  conversation_sessions: [{ keys: { leadGenerated: 1 } }],
};

/** All indexes of a collection, each once. */
function indexesOf(name: CollectionName) {
  const all = [...COLLECTIONS[name].indexes, ...(FOR_PEOPLE[name] ?? [])];
  const specs = [...new Map(all.map((spec) => [indexName(spec), spec])).values()];
  return { unique: specs.filter(({ unique }) => unique), plain: specs.filter(({ unique }) => !unique) };
}

// ── Shapes ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const KINDS = {
  id: { bsonType: 'objectId' },
  text: { bsonType: 'string' },
  number: { bsonType: ['int', 'long', 'double', 'decimal'] },
  time: { bsonType: 'date' },
  truth: { bsonType: 'bool' },
  list: { bsonType: 'array' },
  object: { bsonType: 'object' },
  'text or null': { bsonType: ['string', 'null'] },
} as const;

/** What stands in a field: a kind, or one of some words. */
type Kind = keyof typeof KINDS | readonly string[];
interface Shape<D = Record<string, unknown>> {
  readonly always: { readonly [F in keyof D]?: Kind };
  readonly sometimes?: { readonly [F in keyof D]?: Kind };
  /** Fields of the data model that the app's own types do not name (yet). */
  readonly promised?: Readonly<Record<string, Kind>>;
}

const STAMPED = { _id: 'id', createdAt: 'time', updatedAt: 'time' } as const;
const PHONE = 'text';
const STATUSES: readonly Call['status'][] = [
  'queued',
  'denied',
  'initiated',
  'ringing',
  'answered',
  'completed',
  'busy',
  'no_answer',
  'failed',
  'canceled',
];

const SHAPES: { readonly [N in CollectionName]?: Shape<Documents[N]> } = {
  leads: {
    always: {
      ...STAMPED,
      source: 'text',
      externalId: 'text',
      receivedAt: 'time',
      contact: 'object',
      contactAttempts: 'list',
      dncStatus: 'object',
      status: LEAD_STATUSES,
      stage: LEAD_STAGES,
      tags: 'list',
    },
    sometimes: {
      campaignId: 'id',
      lastContactedAt: 'time',
      nextFollowUp: 'time',
      consent: 'object',
      web: 'object',
    },
    promised: { qualification: 'object' },
  },
  campaigns: {
    always: {
      ...STAMPED,
      name: 'text',
      type: ['wholesale', 'fix_flip', 'rental'],
      status: ['draft', 'active', 'paused', 'completed'],
    },
  },
  calls: {
    always: {
      ...STAMPED,
      attemptId: 'id',
      contactPhone: PHONE,
      fromPhone: PHONE,
      direction: ['outbound', 'inbound'],
      status: STATUSES,
      initiatedAt: 'time',
      seq: 'number',
    },
    sometimes: {
      callSid: 'text',
      conversationId: 'text',
      leadId: 'id',
      campaignId: 'id',
      answeredAt: 'time',
      endedAt: 'time',
      duration: 'number',
    },
    promised: { sentiment: 'object', cost: 'object' },
  },
  call_events: {
    always: {
      _id: 'id',
      eventId: 'text',
      callId: 'id',
      sessionId: 'text',
      seq: 'number',
      at: 'time',
      type: 'text',
    },
    promised: { role: ['agent', 'user', 'tool', 'system', 'manager'], text: 'text' },
  },
  call_transcripts: {
    always: { ...STAMPED, callId: 'id', messages: 'list', fullTranscript: 'text', duration: 'number' },
    sometimes: { leadId: 'id' },
    promised: { topics: 'list' },
  },
  consent_logs: {
    always: {
      _id: 'id',
      phone: PHONE,
      eventType: ['consent_granted', 'consent_revoked', 'dnc_added', 'dnc_removed'],
      timestamp: 'time',
      chainIndex: 'number',
      prevHash: 'text',
      hash: 'text',
      createdAt: 'time',
    },
    sometimes: { leadId: 'id', consentDetails: 'object', evidence: 'object' },
  },
  dnc_registry: {
    always: {
      ...STAMPED,
      phone: PHONE,
      scope: ['national', 'state', 'internal', 'litigator', 'reassigned'],
      source: 'text',
      listedAt: 'time',
    },
    sometimes: { state: 'text or null', seller: 'text or null', releasedAt: 'time' },
  },
  attempts: {
    always: {
      ...STAMPED,
      callId: 'id',
      phone: PHONE,
      direction: ['outbound', 'inbound'],
      reservedAt: 'time',
      state: ['reserved', 'denied', 'dialed', 'closed'],
    },
    sometimes: { leadId: 'id', campaignId: 'id', activePhones: 'list', idempotencyKey: 'text' },
  },
  conversation_sessions: {
    always: {
      ...STAMPED,
      sessionId: 'text',
      callId: 'id',
      leadGenerated: 'truth',
      startTime: 'time',
      channel: ['phone', 'browser', 'text'],
    },
    sometimes: { leadId: 'id', endTime: 'time', duration: 'number', turns: 'number' },
  },
  system_config: { always: { ...STAMPED, key: 'text', updatedBy: 'text' } },
};

const propertyOf = (kind: Kind): Document => (typeof kind === 'string' ? KINDS[kind] : { enum: [...kind] });

function validatorOf(name: CollectionName): Document | undefined {
  const shape: Shape | undefined = SHAPES[name];
  if (!shape) return undefined;
  const fields = { ...shape.always, ...shape.sometimes, ...shape.promised };
  return {
    $jsonSchema: {
      bsonType: 'object',
      required: Object.keys(shape.always),
      properties: Object.fromEntries(
        Object.entries(fields).flatMap(([field, kind]) => (kind ? [[field, propertyOf(kind)]] : [])),
      ),
    },
  };
}

// ── Making it so ─────────────────────────────────────────────────────────────────────────────────────────────────────

const NAMESPACE_EXISTS = 48;
const WARNING = { validationAction: 'warn', validationLevel: 'moderate' } as const;

/**
 * Makes the collection with its validator. It warns; who wants it to refuse sets `validationAction` to `error` by hand,
 * and that is left alone. A server that will not have the validator is no reason to have no store.
 */
async function makeCollection(
  db: Db,
  name: CollectionName,
  found: CollectionInfo | undefined,
  log: Log,
): Promise<void> {
  const validator = validatorOf(name);
  const before: unknown = found?.options?.validator;
  const asWanted = JSON.stringify(before) === JSON.stringify(validator);
  try {
    if (!found) await db.createCollection(name, validator ? { validator, ...WARNING } : {});
    else if (validator && !asWanted)
      await db.command({ collMod: name, validator, ...(before === undefined ? WARNING : {}) });
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
    // Another process made it at the same moment, from the same table.
    if (error.code === NAMESPACE_EXISTS) return;
    log.warn(
      { collection: name, error: error.message },
      'MongoDB will not warn of documents of another shape',
    );
    if (!found) await db.createCollection(name);
  }
}

const same = (found: IndexDescriptionInfo, spec: IndexSpec): boolean =>
  JSON.stringify(Object.entries(found.key)) === JSON.stringify(Object.entries(spec.keys)) &&
  (found.unique ?? false) === (spec.unique ?? false) &&
  (found.sparse ?? false) === (spec.sparse ?? false) &&
  found.partialFilterExpression === undefined;

/**
 * Makes those of the indexes that are not among the `found`. Ours are named after their keys (`source_1_externalId_1`), as
 * MongoDB names them by itself; one under that name with other options is ours of an earlier version and is made anew.
 * `sparse` is MongoDB's own: of several keys, only documents that lack all of them are left out, as in the embedded store.
 */
async function makeIndexes(
  collection: MongoCollection,
  found: readonly IndexDescriptionInfo[],
  specs: readonly IndexSpec[],
): Promise<void> {
  const missing: IndexSpec[] = [];
  for (const spec of specs) {
    if (found.some((each) => same(each, spec))) continue;
    if (found.some((each) => each.name === indexName(spec))) await collection.dropIndex(indexName(spec));
    missing.push(spec);
  }
  if (missing.length === 0) return;
  await collection.createIndexes(
    missing.map((spec) => ({
      key: { ...spec.keys },
      name: indexName(spec),
      ...(spec.unique ? { unique: true } : {}),
      ...(spec.sparse ? { sparse: true } : {}),
    })),
  );
}

/** Words as they are: no language's endings are cut off. */
const TEXT_INDEX = { name: 'fullTranscript_text', default_language: 'none' } as const;

/** MongoDB has one text index a collection; where somebody made another, that one is searched. */
async function makeTextIndex(db: Db, log: Log): Promise<void> {
  try {
    await db.collection('call_transcripts').createIndex({ fullTranscript: 'text' }, TEXT_INDEX);
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
    log.warn({ error: error.message }, 'the text index of the transcripts could not be made');
  }
}

/**
 * Makes what is missing: first of every collection what keeps its documents right (itself and its unique indexes), told to
 * `usable`; then what only makes reading quick, which may take long on a large collection. Throws Failure `config_invalid`
 * where stored documents stand in the way of a unique index, and what the driver throws; the other collections are done.
 */
export async function makeSchema(db: Db, log: Log, usable: (name: CollectionName) => void): Promise<void> {
  const there = await db.listCollections({ name: { $in: COLLECTION_NAMES } }, { nameOnly: false }).toArray();
  const made = await Promise.allSettled(
    COLLECTION_NAMES.map(async (name) => {
      const before = there.find((each) => each.name === name);
      await makeCollection(db, name, before, log);
      const { unique, plain } = indexesOf(name);
      const collection = db.collection(name);
      const found = await collection.indexes();
      try {
        await makeIndexes(collection, found, unique);
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        throw new Failure(
          'config_invalid',
          `a unique index of ${name} cannot be built, for some documents have the same key: ${messageOf(error)}`,
          { cause: error, details: { collection: name } },
        );
      }
      usable(name);
      return { collection, found, plain };
    }),
  );
  for (const each of made)
    if (each.status === 'fulfilled')
      await makeIndexes(each.value.collection, each.value.found, each.value.plain);
  for (const each of made) if (each.status === 'rejected') throw each.reason;
  await makeTextIndex(db, log);
}

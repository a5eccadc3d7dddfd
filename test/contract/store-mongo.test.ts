/**
 * contract/store-mongo: MongoDB keeps the contract of every store, and what only this room promises: ids as ObjectIds,
 * indexes and validators for people, several processes, and a network that may refuse, hang, cut or crawl.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net';
import { inspect } from 'node:util';
import {
  Binary,
  BSON,
  type Document,
  Long,
  MongoClient,
  MongoNetworkTimeoutError,
  MongoServerError,
  ObjectId,
} from 'mongodb';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { failureWords } from '../../src/adapters/store/mongo/failures.ts';
import { openMongoStore } from '../../src/adapters/store/mongo/index.ts';
import { createClock, createIds } from '../../src/adapters/system.ts';
import type { Clock, Log, Store } from '../../src/app/ports.ts';
import { type Call, type CallEvent, foldCall } from '../../src/domain/call.ts';
import { COLLECTIONS, type CollectionName, type Documents } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';
import { until } from '../support/until.ts';
import { storeContract } from './store.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const clock = createClock(silent);
const ids = createIds();
const HOW_TO_INCLUDE =
  'TEST_MONGODB_URI=mongodb://127.0.0.1:27017 npx vitest run test/contract/store-mongo.test.ts';
const uri = process.env.TEST_MONGODB_URI ?? '';
/** Of one exchange, where a test is about what does not answer. */
const SHORT_MS = 400;
/** How much later than promised an answer may come on a busy machine. */
const SLACK_MS = 1_500;

/** The machine's clock; who sleeps for exactly `ms` wakes after `insteadMs`. */
const hasty = (ms: number, insteadMs: number): Clock => ({
  ...clock,
  sleep: (wantedMs, signal) => clock.sleep(wantedMs === ms ? insteadMs : wantedMs, signal),
});
/** For tests in which the document of a call follows its log: that is tried every two seconds. */
const mendsSoon = hasty(2_000, 100);

const stores: Store[] = [];

async function open(settings: {
  uri: string;
  database?: string;
  timeoutMs?: number;
  log?: Log;
  clock?: Clock;
}): Promise<Store> {
  const store = await openMongoStore({
    database: 'parley_test',
    timeoutMs: SHORT_MS,
    log: silent,
    clock,
    ...settings,
  });
  stores.push(store);
  return store;
}

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => undefined,
    (why: unknown) => why,
  );
  if (error instanceof Failure) return error;
  throw new Error(`not a Failure: ${String(error)}`);
}

const day = (text: string): Date => new Date(`2026-${text}T00:00:00.000Z`);
const oid = (n: number): string => n.toString(16).padStart(24, '0');

const lead = (n: number, fields: object = {}) =>
  ({
    _id: oid(n),
    source: 'csv',
    externalId: `row-${n}`,
    receivedAt: new Date(n),
    contact: { firstName: 'Ada', lastName: 'Löwe', phone: `+1206${n}` },
    contactAttempts: [],
    dncStatus: { onNationalRegistry: false, internalDNC: false },
    status: 'new',
    stage: 'new',
    tags: [],
    createdAt: day('01-01'),
    updatedAt: day('01-01'),
    createdBy: 'test',
    updatedBy: 'test',
    ...fields,
  }) as Documents['leads'];

const opening = (n: number, fields: object = {}): CallEvent =>
  ({
    _id: oid(n * 1000),
    eventId: `${n}-1`,
    callId: oid(n),
    sessionId: oid(n),
    seq: 1,
    at: day('01-01'),
    type: 'queued',
    attemptId: oid(n + 500_000),
    leadId: oid(n + 600_000),
    contactPhone: '+12065550100',
    fromPhone: '+12065550190',
    requestedBy: 'test',
    ...fields,
  }) as CallEvent;

const next = (n: number, seq: number): CallEvent =>
  ({
    _id: oid(n * 1000 + seq),
    eventId: `${n}-${seq}`,
    callId: oid(n),
    sessionId: oid(n),
    seq,
    at: new Date(day('01-01').getTime() + seq * 1000),
    type: 'dialed',
    callSid: `CA${n}`,
  }) as CallEvent;

const folded = (...events: CallEvent[]): Call => foldCall(events) as Call;

/** One exchange of every kind. */
function everything(store: Store): Record<string, () => Promise<unknown>> {
  const leads = store.collection('leads');
  const fresh = () => ({ ...lead(1), _id: ids.objectId(), externalId: ids.objectId() });
  return {
    get: () => leads.get(oid(1)),
    find: () => leads.find({ filter: { status: 'new' }, sort: { receivedAt: 1 }, limit: 5 }),
    count: () => leads.count({}),
    aggregate: () => leads.aggregate([{ $group: { _id: '$status', n: { $sum: 1 } } }]),
    insert: () => leads.insert(fresh()),
    put: () => leads.put(fresh()),
    update: () => leads.update({ _id: oid(1) }, { $set: { status: 'lost' } }),
    remove: () => leads.remove({ _id: oid(1) }),
    append: () => store.append(opening(77, { _id: ids.objectId(), eventId: ids.objectId() })),
    events: () => store.events(oid(77)),
    copies: () => store.lists.copies(),
    lookUp: () => store.lists.lookUp(2_065_550_100),
    stage: () => store.lists.stage(ids.objectId(), 'national', 'empty'),
    discard: () => store.lists.discard(ids.objectId()),
  };
}

/** Every exchange fails, as unavailable, in the time it has. */
async function expectAllUnavailable(store: Store, withinMs: number): Promise<void> {
  const began = Date.now();
  const answers = await Promise.all(
    Object.entries(everything(store)).map(async ([name, run]) => {
      const { code, retryable } = await failureOf(run());
      return { name, code, retryable, late: Date.now() - began > withinMs + SLACK_MS };
    }),
  );
  for (const { name, ...answer } of answers)
    expect({ name, ...answer }).toEqual({ name, code: 'store_unavailable', retryable: true, late: false });
  expect((await store.health()).ok).toBe(false);
}

// ── Without a server ─────────────────────────────────────────────────────────────────────────────────────────────────

/** A port on which nothing listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

describe('without a server', () => {
  const SECRET = 'mongodb://ada:p%40ss%2Fword9@';

  test('opening resolves soon, health says why, and everything is refused at once, without the password', async () => {
    const began = Date.now();
    const warned: unknown[] = [];
    const log: Log = { ...silent, warn: (...line) => warned.push(line) };
    const store = await open({ uri: `${SECRET}127.0.0.1:${await deadPort()}`, log });
    expect(Date.now() - began).toBeLessThan(3_000 + SLACK_MS);
    await expectAllUnavailable(store, 50);
    const health = await store.health();
    expect(health).toMatchObject({ kind: 'mongodb', ok: false });
    expect(health.detail).toContain('ECONNREFUSED');
    expect(health.detail).toContain('is MONGODB_URI right?');
    const seen = inspect([warned, await failureOf(store.collection('leads').count({}))], { depth: 12 });
    expect(seen).toContain('ECONNREFUSED');
    expect(seen).not.toMatch(/word9/);
  });

  test('a server that takes connections and never says a word holds up nobody, nor closing', async () => {
    const sockets = new Set<Socket>();
    const mute = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).resume();
    });
    await new Promise<void>((done) => mute.listen(0, '127.0.0.1', done));
    const { port } = mute.address() as { port: number };
    const store = await open({ uri: `mongodb://127.0.0.1:${port}/?directConnection=true` });
    await expectAllUnavailable(store, SHORT_MS);
    const began = Date.now();
    await store.close();
    expect(Date.now() - began).toBeLessThan(2 * SHORT_MS + SLACK_MS);
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => mute.close(done));
  });

  test.each([
    'mongodb://ada:p%40ss%2Fword9@',
    'mongodb://ada:p:ss/word9@host/db',
    `${SECRET}127.0.0.1:99999999`,
    `${SECRET}127.0.0.1/?authMechanism=NOT_ONE`,
    `${SECRET}127.0.0.1/?tls=maybe`,
  ])('a connection string that is none stops the start, and its password stays out: %s', async (bad) => {
    const failure = await failureOf(open({ uri: bad }));
    expect(failure.code).toBe('config_invalid');
    expect(failure.message).toContain('MONGODB_URI');
    expect(inspect(failure, { depth: 12 })).not.toMatch(/word9/);
  });

  const words = failureWords({ uri: `${SECRET}db.example`, database: 'parley' });
  const server = (code: number, message: string, more: object = {}) =>
    new MongoServerError({ message, code, ...more });

  test.each([
    ['a wrong password', server(18, 'Authentication failed.'), 'store_unavailable', /authSource/],
    [
      'a user without rights',
      server(13, 'not authorized'),
      'store_unavailable',
      /readWrite on the database parley/,
    ],
    ['a primary that steps down', server(10_107, 'not primary'), 'store_unavailable', /new primary/],
    ['a server that shuts down', server(91, 'shutting down'), 'store_unavailable', /new primary/],
    [
      'time that is up in the server',
      server(50, 'exceeded time limit'),
      'store_unavailable',
      /may still happen/,
    ],
    ['a connection that is gone', new Error('read ECONNRESET'), 'store_unavailable', /may still happen/],
    [
      'a socket that is silent',
      new MongoNetworkTimeoutError('timed out'),
      'store_unavailable',
      /no answer in time/,
    ],
    ['a document too large', server(10_334, 'BSONObj size'), 'payload_too_large', /BSONObj/],
    ['a bad value', server(2, 'unknown operator: $near'), 'invalid_request', /\$near/],
    ['a pipeline that cannot be computed', server(16_020, 'no such thing'), 'invalid_request', /no such/],
    ['a disk that is full', server(14_031, 'no space left'), 'store_unavailable', /no space/],
    ['whatever else', server(1, 'Internal error'), 'store_unavailable', /Internal/],
  ] as const)('%s is told as such', (_, error, code, message) => {
    const failure = words.of(error, 'leads', true);
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
    expect(failure.cause).toMatchObject({ message: error.message });
  });

  test('a duplicate names the fields of its index, also where the server tells only the name of it', () => {
    const told = words.of(server(11_000, 'E11000', { keyPattern: { source: 1, externalId: 1 } }), 'leads');
    expect(told).toMatchObject({ code: 'duplicate_key' });
    expect(told.details).toEqual({ collection: 'leads', keys: ['source', 'externalId'] });
    const named = (name: string) =>
      words.of(
        server(11_000, `E11000 duplicate key error collection: p.leads index: ${name} dup key: {}`),
        'leads',
      ).details.keys;
    expect(named('contact.phone_1_receivedAt_-1')).toEqual(['contact.phone', 'receivedAt']);
    expect(named('_id_')).toEqual(['_id']);
  });

  test('the password is masked wherever it turns up, as it stands in the address and as it is', () => {
    const error = new Error(`cannot reach ${SECRET}db.example: user ada, p@ss/word9`);
    error.stack = `Error: ${SECRET}db.example`;
    const text = inspect(words.of(error), { depth: 12 });
    expect(text).toContain('ada');
    expect(text).not.toMatch(/word9/);
  });
});

// ── With a server ────────────────────────────────────────────────────────────────────────────────────────────────────

type Fate = 'pass' | 'cut' | 'swallow' | 'swallow reply' | { readonly delayMs: number };

/** The line between driver and server, for faults: it understands messages, so that a fault can meet a certain one. */
interface Line {
  /** The server's address, through this line. */
  readonly uri: string;
  /** `refuse`: nothing listens and all connections are reset. `hang`: bytes go in and none come out. */
  set(mode: 'open' | 'refuse' | 'hang'): Promise<void>;
  /** What becomes of a command. */
  fate: (command: Document) => Fate;
  /** What the server said, changed. */
  rewrite: ((reply: Document) => Document) | undefined;
  close(): Promise<void>;
}

/** Whole messages of the wire protocol out of a stream of bytes. */
function messages(take: (message: Buffer) => void): (chunk: Buffer) => void {
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 4 && held.length >= held.readInt32LE(0)) {
      const length = held.readInt32LE(0);
      take(held.subarray(0, length));
      held = held.subarray(length);
    }
  };
}

const OP_MSG = 2013;
/** Where the body of an OP_MSG begins: header, flags, kind. */
const BODY_AT = 21;
/** The body of an OP_MSG, numbers in their own types; documents that follow it are left out. */
function bodyOf(message: Buffer): Document {
  if (message.readInt32LE(12) !== OP_MSG) return {};
  const body = message.subarray(BODY_AT, BODY_AT + message.readInt32LE(BODY_AT));
  return BSON.deserialize(body, { promoteValues: false });
}

async function openLine(): Promise<Line> {
  const target = new URL(uri);
  const sockets = new Set<Socket>();
  let mode: 'open' | 'refuse' | 'hang' = 'open';
  let server: Server | undefined;

  function serve(client: Socket): void {
    const upstream = tcpConnect(Number(target.port || 27_017), target.hostname);
    const both = [client, upstream];
    for (const socket of both) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        for (const each of both) each.destroy();
      });
    }
    let swallowReplies = false;
    let chain = Promise.resolve();
    client.on(
      'data',
      messages((message) => {
        if (mode !== 'open') return;
        const fate = line.fate(bodyOf(message));
        if (fate === 'cut') client.resetAndDestroy();
        else if (fate === 'swallow reply') swallowReplies = true;
        if (fate === 'cut' || fate === 'swallow') return;
        const delayMs = typeof fate === 'object' ? fate.delayMs : 0;
        chain = chain.then(async () => {
          if (delayMs > 0) await clock.sleep(delayMs);
          if (mode === 'open') upstream.write(message);
        });
      }),
    );
    upstream.on(
      'data',
      messages((message) => {
        if (mode !== 'open' || swallowReplies) return;
        if (!line.rewrite || message.readInt32LE(12) !== OP_MSG) {
          client.write(message);
          return;
        }
        const body = BSON.serialize(line.rewrite(bodyOf(message)));
        const rest = message.subarray(BODY_AT + message.readInt32LE(BODY_AT));
        const rewritten = Buffer.concat([message.subarray(0, BODY_AT), body, rest]);
        rewritten.writeInt32LE(rewritten.length, 0);
        client.write(rewritten);
      }),
    );
  }

  const listen = (port: number) =>
    new Promise<number>((done, failed) => {
      const listening = createServer(serve);
      server = listening;
      listening.once('error', failed);
      listening.listen(port, '127.0.0.1', () => done((listening.address() as { port: number }).port));
    });
  const port = await listen(0);
  const own = new URL(uri);
  own.host = `127.0.0.1:${port}`;
  own.searchParams.set('directConnection', 'true');

  const line: Line = {
    uri: own.href,
    fate: () => 'pass',
    rewrite: undefined,
    async set(wanted) {
      const before = mode;
      mode = wanted;
      if (wanted === 'refuse') {
        const closed = new Promise((done) => server?.close(done));
        for (const socket of sockets) socket.resetAndDestroy();
        await closed;
      } else if (before === 'refuse') await listen(port);
      // What hung stays lost: the connections of before are dead, as after a firewall that forgot them.
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server?.close(done));
    },
  };
  return line;
}

if (uri === '') {
  describe('with a server', () => {
    console.warn(
      `LEFT OUT: the store on MongoDB against a server (TEST_MONGODB_URI is not set). Include: ${HOW_TO_INCLUDE}`,
    );
    test.skip(`left out, TEST_MONGODB_URI is not set; include it with: ${HOW_TO_INCLUDE}`, () => {});
  });
} else {
  storeContract('mongo', async () => {
    const database = freshName();
    const settings = { uri, database, timeoutMs: 10_000, log: silent, clock };
    let store = await openMongoStore(settings);
    return {
      store,
      async reopen() {
        await store.close();
        store = await openMongoStore(settings);
        return store;
      },
      async destroy() {
        await store.close();
        await drop(database);
      },
    };
  });
  withServer();
}

function freshName(): string {
  return `parley_test_${randomBytes(8).toString('hex')}`;
}

async function drop(database: string): Promise<void> {
  const client = new MongoClient(uri);
  await client.db(database).dropDatabase();
  await client.close();
}

function withServer(): void {
  describe('with a server', () => {
    let raw: MongoClient;
    const databases: string[] = [];
    const lines: Line[] = [];

    const withSchema = freshName();

    beforeAll(async () => {
      raw = await new MongoClient(uri).connect();
      const store = await openMongoStore({
        uri,
        database: withSchema,
        timeoutMs: 10_000,
        log: silent,
        clock,
      });
      await until('the schema is made', async () => (await store.health()).ok);
      await store.close();
    });
    afterAll(async () => {
      await raw.db(withSchema).dropDatabase();
      await raw.close();
    });
    afterEach(async () => {
      await Promise.all(stores.splice(0).map((store) => store.close()));
      for (const line of lines.splice(0)) await line.close();
      for (const database of databases.splice(0)) await raw.db(database).dropDatabase();
    });

    const fresh = (): string => {
      const database = freshName();
      databases.push(database);
      return database;
    };
    /** The database that has its schema, without a document: making one takes longer than most tests that are not about it. */
    async function empty(): Promise<string> {
      const collections = await raw.db(withSchema).collections();
      await Promise.all(collections.map((each) => each.deleteMany({})));
      return withSchema;
    }
    /** A store over a line, whose database is empty and ready. */
    async function overLine(timeoutMs = SHORT_MS, ofStore = clock) {
      const database = await empty();
      const line = await openLine();
      lines.push(line);
      const store = await open({ uri: line.uri, database, timeoutMs, clock: ofStore });
      await until('the store is ready', async () => (await store.health()).ok);
      return { store, line, database };
    }
    const works = async (store: Store): Promise<boolean> =>
      await Promise.all(Object.values(everything(store)).map((run) => run())).then(
        () => true,
        () => false,
      );

    describe('what people find in the database', () => {
      test('ids are ObjectIds, in lists too; session and event ids are the strings the data model says', async () => {
        const database = await empty();
        const store = await open({ uri, database, timeoutMs: 10_000 });
        const attempt = {
          attemptId: oid(8),
          callId: oid(9),
          timestamp: day('01-02'),
          type: 'sms',
          outcome: 'sent',
        };
        const note = { of: oid(5), $expr: ['$leadId'], $where: 'a word' };
        const written = lead(1, { campaignId: oid(7), contactAttempts: [attempt], note });
        await store.collection('leads').insert(written);
        await store.append(opening(3, { eventId: oid(4) }));
        await store
          .collection('consent_heads')
          .put({ _id: '+12065550100', entries: 1, hash: 'x', updatedAt: day('01-01') });

        expect(await raw.db(database).collection('leads').findOne({})).toMatchObject({
          _id: new ObjectId(oid(1)),
          campaignId: new ObjectId(oid(7)),
          contactAttempts: [{ attemptId: new ObjectId(oid(8)), callId: new ObjectId(oid(9)) }],
          note,
          receivedAt: new Date(1),
        });
        expect(await raw.db(database).collection('call_events').findOne({})).toMatchObject({
          callId: new ObjectId(oid(3)),
          leadId: new ObjectId(oid(600_003)),
          sessionId: oid(3),
          eventId: oid(4),
        });
        expect(await raw.db(database).collection('consent_heads').findOne({})).toMatchObject({
          _id: '+12065550100',
        });
        expect(await store.collection('leads').get(oid(1))).toEqual(written);
        expect((await store.collection('consent_heads').get('+12065550100'))?.entries).toBe(1);
      });

      test('filters, updates and pipelines speak of ids as the app does', async () => {
        const store = await open({ uri, database: await empty(), timeoutMs: 10_000 });
        const leads = store.collection('leads');
        for (const n of [1, 2, 3, 4])
          await leads.insert(
            lead(n, {
              ...(n < 4 ? { campaignId: oid(n < 3 ? 70 : 71) } : {}),
              contactAttempts: [{ attemptId: oid(n + 10), callId: oid(n + 20) }],
            }),
          );
        const found = async (filter: object) =>
          (await leads.find({ filter: { ...filter }, sort: { _id: 1 } })).map(({ _id }) =>
            Number.parseInt(_id, 16),
          );
        expect(await found({ campaignId: oid(70) })).toEqual([1, 2]);
        expect(await found({ campaignId: { $in: [oid(71), null] } })).toEqual([3, 4]);
        expect(await found({ $or: [{ _id: oid(1) }, { _id: { $gt: oid(3) } }] })).toEqual([1, 4]);
        expect(await found({ 'contactAttempts.callId': oid(22) })).toEqual([2]);
        expect(await found({ 'contactAttempts.0.callId': { $ne: oid(22) } })).toEqual([1, 3, 4]);
        expect(await found({ contactAttempts: { $elemMatch: { callId: oid(23) } } })).toEqual([3]);
        expect(await found({ $expr: { $eq: ['$campaignId', oid(71)] } })).toEqual([3]);
        expect(await found({ $expr: { $in: [oid(22), '$contactAttempts.callId'] } })).toEqual([2]);
        expect(await found({ campaignId: { $not: { $eq: oid(70) } }, _id: { $nin: [oid(4)] } })).toEqual([3]);

        await leads.update(
          { _id: oid(4) },
          { $set: { campaignId: oid(71) }, $push: { contactAttempts: { callId: oid(29) } } },
        );
        expect(await found({ campaignId: oid(71), 'contactAttempts.callId': oid(29) })).toEqual([4]);
        await leads.update(
          { 'contactAttempts.callId': oid(29) },
          { $set: { 'contactAttempts.$.callId': oid(30) } },
        );
        await leads.update({ _id: oid(4) }, { $pull: { contactAttempts: { callId: oid(24) } } });
        expect((await leads.get(oid(4)))?.contactAttempts).toEqual([{ callId: oid(30) }]);

        expect(
          await leads.aggregate([
            { $match: { _id: { $in: [oid(1), oid(2), oid(3)] } } },
            { $sort: { _id: -1 } },
            { $group: { _id: '$campaignId', n: { $sum: 1 }, ids: { $push: '$_id' } } },
            { $match: { _id: { $in: [oid(70), oid(71)] } } },
            { $sort: { _id: 1 } },
          ]),
        ).toEqual([
          { _id: oid(70), n: 2, ids: [oid(2), oid(1)] },
          { _id: oid(71), n: 1, ids: [oid(3)] },
        ]);
        expect(
          await leads.aggregate([
            { $unwind: '$contactAttempts' },
            { $match: { 'contactAttempts.callId': oid(22) } },
            { $project: { _id: 0, of: { $concat: ['lead ', '$_id'] }, callId: '$contactAttempts.callId' } },
          ]),
        ).toEqual([{ of: `lead ${oid(2)}`, callId: oid(22) }]);
        // A field that is missing stays missing.
        expect(
          await leads.aggregate([{ $match: { _id: oid(1) } }, { $addFields: { propertyId: '$propertyId' } }]),
        ).toEqual([await leads.get(oid(1))]);
      });

      test('what somebody else wrote comes in the words of the app', async () => {
        const database = await empty();
        const store = await open({ uri, database, timeoutMs: 10_000 });
        await raw
          .db(database)
          .collection<Document>('leads')
          .insertOne({
            ...lead(1),
            _id: new ObjectId(oid(1)),
            owner: new ObjectId(oid(2)),
            big: Long.fromString('9007199254740993'),
            bytes: new Binary(Buffer.from('abc')),
          });
        expect(await store.collection('leads').get(oid(1))).toMatchObject({
          _id: oid(1),
          owner: oid(2),
          big: 9007199254740992,
          bytes: Buffer.from('abc'),
        });
      });

      test('every index of the data model is there under a steady name, and opening again changes nothing', async () => {
        const database = fresh();
        await (await open({ uri, database, timeoutMs: 10_000 })).close();
        const all = async () => {
          const out: Record<string, unknown> = {};
          for (const name of Object.keys(COLLECTIONS))
            out[name] = await raw.db(database).collection(name).indexes();
          return out;
        };
        const first = await all();
        for (const [name, { indexes }] of Object.entries(COLLECTIONS))
          for (const { keys, unique, sparse } of indexes)
            expect(first[name]).toContainEqual(
              expect.objectContaining({
                name: Object.entries(keys).flat().join('_'),
                key: keys,
                ...(unique ? { unique: true } : {}),
                ...(sparse ? { sparse: true } : {}),
              }),
            );
        expect(first.leads).toContainEqual(
          expect.objectContaining({ key: { 'qualification.qualified': 1, 'qualification.score': -1 } }),
        );
        expect(first.call_events).toContainEqual(expect.objectContaining({ key: { role: 1 } }));
        await (await open({ uri, database, timeoutMs: 10_000 })).close();
        expect(await all()).toEqual(first);
      });

      test('an index of ours with other options is made anew; indexes and documents of others stay', async () => {
        const database = fresh();
        const leads = raw.db(database).collection<Document>('leads');
        await leads.insertOne({ ...lead(1), _id: new ObjectId(oid(1)) });
        await leads.createIndex({ source: 1, externalId: 1 });
        await leads.createIndex({ 'contact.lastName': 1 }, { name: 'mine' });
        const store = await open({ uri, database, timeoutMs: 10_000 });
        await until('the store is ready', async () => (await store.health()).ok);
        const after = await leads.indexes();
        expect(after).toContainEqual(
          expect.objectContaining({ name: 'source_1_externalId_1', unique: true }),
        );
        expect(after).toContainEqual(expect.objectContaining({ name: 'mine' }));
        expect(await store.collection('leads').count({})).toBe(1);
        // A collection that was there without a validator has one now.
        const [info] = await raw
          .db(database)
          .listCollections({ name: 'leads' }, { nameOnly: false })
          .toArray();
        expect(info).toMatchObject({
          options: { validationAction: 'warn', validator: { $jsonSchema: expect.anything() } },
        });
      });

      test('validators warn: they find nothing in what the app writes, find what is wrong, and refuse neither', async () => {
        const database = await empty();
        const store = await open({ uri, database, timeoutMs: 10_000 });
        await store.collection('leads').insert(lead(1, { campaignId: oid(7), tags: ['a'] }));
        await store.append(opening(3), folded(opening(3)));
        await store.append(next(3, 2), folded(opening(3), next(3, 2)));
        await store.collection('leads').insert(lead(2, { status: 'asleep' }));
        const odd = async (name: CollectionName) => {
          const [info] = await raw.db(database).listCollections({ name }, { nameOnly: false }).toArray();
          const options = info && 'options' in info ? info.options : undefined;
          expect(options).toMatchObject({ validationAction: 'warn' });
          return (
            await raw
              .db(database)
              .collection(name)
              .find({ $nor: [options?.validator ?? {}] })
              .toArray()
          ).map(({ _id }) => String(_id));
        };
        expect(await odd('leads')).toEqual([oid(2)]);
        expect(await odd('calls')).toEqual([]);
        expect(await odd('call_events')).toEqual([]);
      });

      test('documents in the way of a unique index bar writing to that collection only, until they are gone', async () => {
        const database = fresh();
        const leads = raw.db(database).collection<Document>('leads');
        await leads.insertMany(
          [1, 2].map((n) => ({ ...lead(n), externalId: 'same', _id: new ObjectId(oid(n)) })),
        );
        const store = await open({ uri, database, timeoutMs: 2_000 });
        const health = await store.health();
        expect([health.ok, health.detail]).toEqual([false, expect.stringContaining('unique index of leads')]);
        expect((await failureOf(store.collection('leads').insert(lead(3)))).code).toBe('config_invalid');
        expect(await store.collection('leads').count({})).toBe(2);
        await store.collection('system_config').insert({
          _id: oid(1),
          key: 'k',
          value: 1,
          updatedBy: 't',
          createdAt: day('01-01'),
          updatedAt: day('01-01'),
        });
        await leads.deleteOne({ _id: new ObjectId(oid(2)) });
        await until('the index is there', async () => (await store.health()).ok);
        await store.collection('leads').insert(lead(3));
        expect(await store.collection('leads').count({})).toBe(2);
      });

      test('code in a filter or pipeline is refused, however deep it stands', async () => {
        const store = await open({ uri, database: await empty(), timeoutMs: 10_000 });
        const leads = store.collection('leads');
        for (const filter of [
          { $where: 'true' },
          { $or: [{ $and: [{ $where: 'sleep(1)' }] }] },
          { $expr: { $function: {} } },
        ])
          expect((await failureOf(leads.remove(filter))).code).toBe('invalid_request');
        for (const stage of [
          { $facet: { a: [{ $lookup: { from: 'calls' } }] } },
          { $facet: { a: [{ $unionWith: 'calls' }] } },
          { $group: { _id: null, x: { $accumulator: {} } } },
          { $project: { x: { $function: { body: 'x' } } } },
          { $match: { status: undefined } },
        ])
          expect((await failureOf(leads.aggregate([{ $limit: 1 }, stage]))).code).toBe('invalid_request');
      });
    });

    describe('several processes', () => {
      test('of 60 claims of one key by three of them one wins', async () => {
        const database = fresh();
        const three = await Promise.all([1, 2, 3].map(() => open({ uri, database, timeoutMs: 10_000 })));
        const claims = three.flatMap((store, s) =>
          Array.from({ length: 20 }, (_, n) =>
            store.collection('attempts').insert({
              _id: oid(s * 100 + n + 1),
              callId: oid(1),
              phone: '+12065550100',
              idempotencyKey: 'one',
              reservedAt: day('01-01'),
              state: 'reserved',
            } as unknown as Documents['attempts']),
          ),
        );
        const settled = await Promise.allSettled(claims);
        expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(await three[0]?.collection('attempts').count({})).toBe(1);
      });

      test('an older fold of a call never takes the place of a newer one, whichever comes last', async () => {
        const database = await empty();
        const [a, b] = await Promise.all([1, 2].map(() => open({ uri, database, timeoutMs: 10_000 })));
        if (!a || !b) throw new Error('two stores');
        const newer = folded(opening(5), next(5, 2), next(5, 3));
        await a.append(opening(5), folded(opening(5)));
        await b.append(next(5, 3), newer);
        await a.append(next(5, 2), folded(opening(5), next(5, 2)));
        expect(await a.collection('calls').get(oid(5))).toEqual(newer);
      });

      test('many that append to one call at once leave its document at the last event', async () => {
        const database = await empty();
        const three = await Promise.all([1, 2, 3].map(() => open({ uri, database, timeoutMs: 10_000 })));
        await three[0]?.append(opening(6), folded(opening(6)));
        await Promise.all(
          three.map(async (store, s) => {
            for (let n = 0; n < 6; n += 1)
              for (;;) {
                const events = await store.events(oid(6));
                const event = {
                  ...next(6, events.length + 1),
                  eventId: `${s}-${n}`,
                  _id: ids.objectId(),
                } as CallEvent;
                if ((await store.append(event, folded(...events, event))) === 'appended') break;
              }
          }),
        );
        const events = (await three[0]?.events(oid(6))) ?? [];
        expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 19 }, (_, n) => n + 1));
        expect(await three[1]?.collection('calls').get(oid(6))).toEqual(folded(...events));
      });
    });

    describe('a crash between an event and the document of its call', () => {
      test('is made good when the same event is brought again', async () => {
        const database = await empty();
        const store = await open({ uri, database, timeoutMs: 10_000 });
        await store.append(opening(5), folded(opening(5)));
        await store.collection('call_events').insert(next(5, 2));
        const call = folded(opening(5), next(5, 2));
        expect(await store.append(next(5, 2), { ...call, status: 'failed' })).toBe('duplicate');
        expect(await store.collection('calls').get(oid(5))).toEqual(call);
      });

      test('is made good when the store opens again', async () => {
        const database = await empty();
        const first = await open({ uri, database, timeoutMs: 10_000 });
        await first.append(opening(5), folded(opening(5)));
        await first.collection('call_events').insert(next(5, 2));
        await first.collection('call_events').insert(opening(6));
        await first.append(opening(7), folded(opening(7)));
        await first.close();
        const store = await open({ uri, database, timeoutMs: 10_000, clock: mendsSoon });
        const calls = store.collection('calls');
        await until(
          'both documents follow',
          async () => (await calls.get(oid(5)))?.seq === 2 && (await calls.count({})) === 3,
        );
        expect(await calls.get(oid(5))).toEqual(folded(opening(5), next(5, 2)));
        expect(await calls.get(oid(6))).toEqual(folded(opening(6)));
      });

      test('is made good when the store opens again, though the database fails while the two are compared', async () => {
        const database = await empty();
        const first = await open({ uri, database, timeoutMs: 10_000 });
        await first.append(opening(5), folded(opening(5)));
        await first.collection('call_events').insert(next(5, 2));
        await first.close();
        const line = await openLine();
        lines.push(line);
        let compared = 0;
        line.fate = (command) => {
          if (command.aggregate !== 'call_events') return 'pass';
          compared += 1;
          return compared <= 4 ? 'cut' : 'pass';
        };
        const store = await open({ uri: line.uri, database, timeoutMs: 2_000, clock: mendsSoon });
        await until(
          'the document follows',
          async () => (await store.collection('calls').get(oid(5)))?.seq === 2,
        );
        expect(compared).toBeGreaterThan(4);
      });

      test('or a failure there leaves the event appended, and the document follows by itself', async () => {
        const { store, line } = await overLine(2_000, mendsSoon);
        await store.append(opening(5), folded(opening(5)));
        line.fate = (command) => (command.update === 'calls' ? 'cut' : 'pass');
        const call = folded(opening(5), next(5, 2));
        expect(await store.append(next(5, 2), call)).toBe('appended');
        expect((await store.collection('calls').get(oid(5)))?.seq).toBe(1);
        line.fate = () => 'pass';
        await until(
          'the document follows',
          async () => (await store.collection('calls').get(oid(5)))?.seq === 2,
        );
        expect(await store.collection('calls').get(oid(5))).toEqual(call);
      });

      test('does not come from closing, which waits for both', async () => {
        const database = await empty();
        const store = await open({ uri, database, timeoutMs: 10_000 });
        const answers = Array.from({ length: 30 }, (_, n) => {
          const event = opening(n + 1, { attemptId: oid(900 + n) });
          return store.append(event, folded(event));
        });
        await store.close();
        expect(new Set(await Promise.all(answers))).toEqual(new Set(['appended']));
        expect(await raw.db(database).collection('calls').countDocuments({})).toBe(30);
      });

      test('a document that does not answer does not make an append late, nor failed', async () => {
        const { store, line } = await overLine(1_000, mendsSoon);
        line.fate = (command) => (command.update === 'calls' ? 'swallow' : 'pass');
        const began = Date.now();
        expect(await store.append(opening(5), folded(opening(5)))).toBe('appended');
        expect(Date.now() - began).toBeLessThan(1_000 + SLACK_MS);
        line.fate = () => 'pass';
        await until('the document follows', async () => (await store.collection('calls').count({})) === 1);
      });
    });

    describe('a network that', () => {
      test.each(['refuse', 'hang'] as const)(
        'begins to %s makes everything unavailable in time, and heals by itself',
        async (mode) => {
          const { store, line } = await overLine();
          expect(await works(store)).toBe(true);
          await line.set(mode);
          await expectAllUnavailable(store, SHORT_MS);
          // Once more, when the driver knows.
          await expectAllUnavailable(store, SHORT_MS);
          await line.set('open');
          await until('it works again', () => works(store));
          expect((await store.health()).ok).toBe(true);
        },
      );

      test('cuts every command makes everything unavailable in time, and heals by itself', async () => {
        const { store, line } = await overLine();
        line.fate = (command) => (command.hello || command.ismaster ? 'pass' : 'cut');
        await expectAllUnavailable(store, SHORT_MS);
        line.fate = () => 'pass';
        await until('it works again', () => works(store));
      });

      test('loses the answers makes everything unavailable in time, and heals by itself', async () => {
        const { store, line } = await overLine();
        line.fate = (command) => (command.hello || command.ismaster ? 'pass' : 'swallow reply');
        await expectAllUnavailable(store, SHORT_MS);
        line.fate = () => 'pass';
        await until('it works again', () => works(store));
      });

      test('crawls is waited for while there is time, and no longer', async () => {
        const { store, line } = await overLine(1_500);
        line.fate = () => ({ delayMs: 60 });
        expect(await works(store)).toBe(true);
        line.fate = (command) => ({ delayMs: command.hello || command.ismaster ? 0 : 3_000 });
        const began = Date.now();
        expect((await failureOf(store.collection('leads').count({}))).code).toBe('store_unavailable');
        expect(Date.now() - began).toBeLessThan(1_500 + SLACK_MS);
      });

      test('hangs does not hold up closing', async () => {
        const { store, line } = await overLine();
        await line.set('hang');
        const pending = failureOf(store.collection('leads').count({}));
        const began = Date.now();
        await store.close();
        expect(Date.now() - began).toBeLessThan(4 * SHORT_MS + SLACK_MS);
        expect((await pending).code).toBe('store_unavailable');
      });

      test('is not there at the start: nothing works, then everything does, indexes before the first write', async () => {
        const line = await openLine();
        lines.push(line);
        await line.set('refuse');
        const database = fresh();
        const began = Date.now();
        const store = await open({ uri: line.uri, database, timeoutMs: 2_000 });
        expect(Date.now() - began).toBeLessThan(3_000 + SLACK_MS);
        await expectAllUnavailable(store, 100);
        let indexed = false;
        let early = false;
        line.fate = (command) => {
          if (command.createIndexes === 'leads') indexed = true;
          if (command.insert === 'leads' && !indexed) early = true;
          // Indexes take their time; who writes meanwhile waits.
          return command.createIndexes === 'leads' ? { delayMs: 300 } : 'pass';
        };
        await line.set('open');
        await until('a write goes through', () =>
          store
            .collection('leads')
            .insert(lead(1))
            .then(
              () => true,
              () => false,
            ),
        );
        expect([indexed, early]).toEqual([true, false]);
        expect(
          (await failureOf(store.collection('leads').insert(lead(2, { externalId: 'row-1' })))).code,
        ).toBe('duplicate_key');
        await until('all is ready', async () => (await store.health()).ok);
        expect(await works(store)).toBe(true);
      });

      test('loses the answer to an append: the event brought again is there once', async () => {
        const { store, line } = await overLine(1_000);
        let lose = true;
        line.fate = (command) => (lose && command.insert === 'call_events' ? 'swallow reply' : 'pass');
        expect((await failureOf(store.append(opening(5), folded(opening(5))))).code).toBe(
          'store_unavailable',
        );
        lose = false;
        await until('it is known', () =>
          store.append(opening(5), folded(opening(5))).then(
            (answer) => answer === 'duplicate',
            () => false,
          ),
        );
        expect(await store.events(oid(5))).toHaveLength(1);
        expect(await store.collection('calls').get(oid(5))).toEqual(folded(opening(5)));
      });
    });

    test('no connection string weakens what is acknowledged, nor what a read may see', async () => {
      const line = await openLine();
      lines.push(line);
      const weak =
        'w=0&journal=false&readConcernLevel=local&readPreference=secondaryPreferred&retryWrites=false';
      const seen = new Map<string, Document>();
      line.fate = (command) => {
        for (const name of ['insert', 'find', 'update'])
          if (command[name] === 'leads') seen.set(name, command);
        return 'pass';
      };
      const store = await open({ uri: `${line.uri}&${weak}`, database: await empty(), timeoutMs: 5_000 });
      const leads = store.collection('leads');
      await leads.insert(lead(1));
      await leads.put(lead(2));
      await leads.find({});
      for (const name of ['insert', 'update'])
        expect(seen.get(name)?.writeConcern).toMatchObject({ w: 'majority', j: true });
      expect(seen.get('find')?.readConcern).toEqual({ level: 'majority' });
      expect(seen.get('find')?.$readPreference?.mode ?? 'primary').toMatch(/^primary/);
    });

    test('analytics wait for what this process wrote last, wherever they are read', async () => {
      const { store, line } = await overLine(5_000);
      // What a replica set adds to its answers.
      const time = BSON.Timestamp.fromBits(7, 1_767_225_600);
      line.rewrite = (reply) => ({ ...reply, operationTime: time });
      let asked: Document | undefined;
      line.fate = (command) => {
        if (command.aggregate === 'leads') asked = command;
        return 'pass';
      };
      const group = [{ $group: { _id: '$status', n: { $sum: 1 } } }];
      await store.collection('leads').aggregate(group);
      expect(asked?.readConcern).toEqual({ level: 'majority' });
      await store.collection('leads').insert(lead(1));
      expect(await store.collection('leads').aggregate(group)).toEqual([{ _id: 'new', n: 1 }]);
      expect(asked?.readConcern).toEqual({ level: 'majority', afterClusterTime: time });
    });

    describe('lists of numbers', () => {
      const import1 = async (store: Store, numbers: readonly number[], list = 'national') => {
        const copy = await store.lists.stage(ids.objectId(), list, 'empty');
        await copy.write(Float64Array.from(numbers), numbers.length);
        return await copy.commit(day('11-01'));
      };

      test('people who query the database ask it the same question and get the same answer', async () => {
        const database = await empty();
        const store = await open({ uri, database, timeoutMs: 10_000 });
        const listed = [
          2_125_550_123, 2_125_550_000, 2_125_559_999, 2_125_550_008, 9_999_999_999, 2_000_000_000,
        ];
        await import1(store, listed);
        const db = raw.db(database);
        const version = (await db.collection<Document>('dnc_lists').findOne({ _id: 'national' as never }))
          ?.version;
        const ask = async (number: number): Promise<boolean> =>
          (await db.collection<Document>('dnc_list_blocks').countDocuments({
            _id: `national/${version}/${Math.floor(number / 10_000)}` as never,
            bits: { $bitsAllSet: [number % 10_000] },
          })) === 1;
        for (const number of listed.flatMap((each) => [each - 1, each, each + 1]))
          if (number >= 2_000_000_000 && number <= 9_999_999_999) {
            const { listedIn } = await store.lists.lookUp(number);
            expect(listedIn).toEqual(listed.includes(number) ? ['national'] : []);
            expect(await ask(number)).toBe(listed.includes(number));
          }
      });

      test('the blocks of a copy that was let go stay for a minute, then go; so do those a crash left', async () => {
        const database = await empty();
        let minutes = 0;
        const short = hasty(60_000, 150);
        const counting: Clock = {
          ...short,
          sleep: (ms, signal) => {
            if (ms === 60_000) minutes += 1;
            return short.sleep(ms, signal);
          },
        };
        const blocks = raw.db(database).collection('dnc_list_blocks');
        const first = await open({ uri, database, timeoutMs: 10_000, clock: counting });
        await import1(first, [2_065_550_100, 3_055_550_100]);
        await import1(first, [2_065_550_101]);
        expect(minutes).toBe(1);
        await until('the old blocks are gone', async () => (await blocks.countDocuments({})) === 1);
        // The next one is let go by a process that dies before the minute is over.
        await first.close();
        const dying = await open({ uri, database, timeoutMs: 10_000 });
        await import1(dying, [2_065_550_102]);
        expect(await blocks.countDocuments({})).toBe(2);
        await dying.close();
        const last = await open({ uri, database, timeoutMs: 10_000, clock: counting });
        await until('the old block is gone', async () => (await blocks.countDocuments({})) === 1);
        expect((await last.lists.lookUp(2_065_550_102)).listedIn).toEqual(['national']);
      });

      test('another process goes on with an import where the first one died', async () => {
        const database = await empty();
        const [a, b] = await Promise.all([1, 2].map(() => open({ uri, database, timeoutMs: 10_000 })));
        if (!a || !b) throw new Error('two stores');
        const numbers = Float64Array.from({ length: 600_000 }, (_, n) => 2_010_000_000 + n * 13);
        const first = await a.lists.stage('import-1', 'national', 'empty');
        await first.write(numbers, 600_000);
        expect(first.linesTaken).toBe(600_000);
        await first.write(Float64Array.of(9_175_550_100), 1);
        const second = await b.lists.stage('import-1', 'national', 'empty');
        expect(second.linesTaken).toBe(600_000);
        await second.write(Float64Array.of(-2_010_000_000, 9_175_550_101), 2);
        expect(await second.commit(day('11-01'))).toMatchObject({ added: 600_000, removed: 0 });
        expect((await a.lists.lookUp(2_010_000_013)).listedIn).toEqual(['national']);
        expect((await a.lists.lookUp(2_010_000_000)).listedIn).toEqual([]);
        expect((await a.lists.lookUp(9_175_550_100)).listedIn).toEqual([]);
        // The one that was left behind is told so, and changes nothing.
        expect((await failureOf(first.commit(day('11-02')))).code).toBe('store_unavailable');
        expect((await a.lists.lookUp(9_175_550_101)).listedIn).toEqual(['national']);
      });

      test('a commit whose answer was lost is done once', async () => {
        const { store, line, database } = await overLine(1_500);
        await import1(store, [2_065_550_100]);
        const copy = await store.lists.stage('import-1', 'national', 'current');
        await copy.write(Float64Array.of(2_065_550_101, -2_065_550_100, 2_065_550_102), 3);
        line.fate = (command) => (command.update === 'dnc_lists' ? 'swallow reply' : 'pass');
        expect((await failureOf(copy.commit(day('11-02')))).code).toBe('store_unavailable');
        line.fate = () => 'pass';
        const versionOf = async () =>
          (
            await raw
              .db(database)
              .collection<Document>('dnc_lists')
              .findOne({ _id: 'national' as never })
          )?.version;
        const version = await versionOf();
        const again = await store.lists.stage('import-1', 'national', 'current');
        const made = await again.commit(day('11-02'));
        expect(made).toMatchObject({ added: 2, removed: 1, copy: { count: 2, asOf: day('11-02') } });
        expect(await versionOf()).toBe(version);
      });

      test('two that change one list at once both count', async () => {
        const database = await empty();
        const [a, b] = await Promise.all([1, 2].map(() => open({ uri, database, timeoutMs: 10_000 })));
        if (!a || !b) throw new Error('two stores');
        await import1(a, [2_065_550_100]);
        await Promise.all(
          [a, b].map(async (store, n) => {
            const copy = await store.lists.stage(`import-${n}`, 'national', 'current');
            await copy.write(Float64Array.of(2_065_550_110 + n), 1);
            await copy.commit(day('11-02'));
          }),
        );
        expect((await a.lists.copies()).map(({ count }) => count)).toEqual([3]);
      });
    });
  });
}

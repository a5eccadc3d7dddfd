/** contract/store-local: the embedded store keeps the contract, and what only it promises: one owner, and kill -9 loses nothing. */
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { open as openLmdb } from 'lmdb';
import { Query as NaiveQuery } from 'mingo';
import { afterEach, expect, test } from 'vitest';
import type { Doc } from '../../src/adapters/store/language.ts';
import { idKey, openFiles, type Room } from '../../src/adapters/store/local/files.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { openWriter, prepare } from '../../src/adapters/store/local/writer.ts';
import type { Filter, Log, Said, Store, Update } from '../../src/app/ports.ts';
import type { Call, CallEvent } from '../../src/domain/call.ts';
import type { Documents } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';
import { ROOT } from '../support/made-once.ts';
import { programFrom, source, spawnModule } from '../support/programs.ts';
import { storeContract } from './store.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const dirs: string[] = [];
const stores: Store[] = [];

const freshDir = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'parley-store-'));
  dirs.push(dir);
  return dir;
};

const openIn = async (dir: string): Promise<Store> => {
  const store = await openLocalStore({ dir, log: silent });
  stores.push(store);
  return store;
};

// What every store does is not about the disk, which the tests below are.
storeContract('local', async () => {
  const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-store-'));
  let store = await openLocalStore({ dir, log: silent });
  return {
    store,
    async reopen() {
      await store.close();
      store = await openLocalStore({ dir, log: silent });
      return store;
    },
    async destroy() {
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
});

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

const oid = (n: number): string => n.toString(16).padStart(24, '0');

const lead = (n: number, fields: object = {}) =>
  ({
    _id: oid(n),
    source: 'csv',
    externalId: `row-${n}`,
    receivedAt: new Date(n * 1000),
    contact: { phone: `+1206${n}` },
    status: 'new',
    ...fields,
  }) as unknown as Documents['leads'];

const event = (callNumber: number, seq: number): CallEvent =>
  ({
    _id: oid(callNumber * 100_000 + seq),
    eventId: `${callNumber}-${seq}`,
    callId: oid(callNumber),
    sessionId: 's',
    seq,
    at: new Date(seq),
    type: 'ringing',
  }) as CallEvent;

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => undefined,
    (why: unknown) => why,
  );
  if (error instanceof Failure) return error;
  throw new Error(`not a Failure: ${String(error)}`);
}

const OPEN = (dir: string) => `
  import { openLocalStore } from ${source('src/adapters/store/local/index.ts')};
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const store = await openLocalStore({ dir: ${JSON.stringify(dir)}, log: silent });
`;

test('a directory has one owner: the second is told whose it is', async () => {
  const dir = freshDir();
  await openIn(dir);
  const failure = await failureOf(openLocalStore({ dir, log: silent }));
  expect(failure.code).toBe('store_unavailable');
  expect(failure.message).toContain(String(process.pid));
  expect(failure.message).toContain(dir);
  expect(failure.details).toEqual({ dir, pid: process.pid });
});

test('another process is refused while the first lives, and gets in once it was killed', async () => {
  const dir = freshDir();
  const { child, exited, lines } = spawnModule(
    `${OPEN(dir)} console.log('open'); setInterval(() => {}, 1000);`,
  );
  expect((await lines.next()).value).toBe('open');
  const failure = await failureOf(openLocalStore({ dir, log: silent }));
  expect(failure.details).toEqual({ dir, pid: child.pid });
  child.kill('SIGKILL');
  await exited;
  const store = await openIn(dir);
  expect((await store.health()).ok).toBe(true);
});

test('a lock whose pid was given to another process is stale', async () => {
  const dir = freshDir();
  writeFileSync(join(dir, 'store.lock'), JSON.stringify({ pid: process.pid, began: 'another-boot 1' }));
  await openIn(dir);
  expect(readFileSync(join(dir, 'store.lock'), 'utf8')).not.toContain('another-boot');
});

test('a lock that holds nonsense is stale', async () => {
  const dir = freshDir();
  writeFileSync(join(dir, 'store.lock'), 'not json');
  expect((await (await openIn(dir)).health()).ok).toBe(true);
});

test('a directory that cannot be made is a clear failure', async () => {
  const dir = freshDir();
  writeFileSync(join(dir, 'file'), '');
  const failure = await failureOf(openLocalStore({ dir: join(dir, 'file', 'store'), log: silent }));
  expect(failure.code).toBe('store_unavailable');
  expect(failure.message).toContain('cannot be written');
});

test('a file that is no database, or was cut short, is a clear failure and stays as it is', async () => {
  const dir = freshDir();
  const path = join(dir, 'store.mdb');
  writeFileSync(path, Buffer.alloc(65_536, 7));
  const failure = await failureOf(openLocalStore({ dir, log: silent }));
  expect(failure.code).toBe('store_unavailable');
  expect(readFileSync(path).equals(Buffer.alloc(65_536, 7))).toBe(true);

  const other = freshDir();
  const store = await openLocalStore({ dir: other, log: silent });
  await Promise.all(Array.from({ length: 500 }, (_, n) => store.collection('leads').insert(lead(n))));
  await store.close();
  truncateSync(join(other, 'store.mdb'), 40_960);
  const cut = await failureOf(openLocalStore({ dir: other, log: silent }));
  expect(cut.code).toBe('store_unavailable');
  expect(cut.message).toContain('cut short');
});

test('a database written by another schema version is refused', async () => {
  const dir = freshDir();
  await (await openLocalStore({ dir, log: silent })).close();
  const raw = openLmdb<unknown, Buffer>({ path: join(dir, 'store.mdb'), keyEncoding: 'binary', maxDbs: 512 });
  await raw.openDB<unknown, Buffer>({ name: 'meta', keyEncoding: 'binary' }).put(Buffer.from('schema'), 99);
  await raw.close();
  expect((await failureOf(openLocalStore({ dir, log: silent }))).message).toContain('99');
});

test('an index that is new is built when the store opens, and one no longer wanted is dropped', async () => {
  const dir = freshDir();
  const first = await openLocalStore({ dir, log: silent });
  await Promise.all(Array.from({ length: 700 }, (_, n) => first.collection('leads').insert(lead(n))));
  await first.close();
  const options = { keyEncoding: 'binary' } as const;
  const raw = openLmdb<unknown, Buffer>({ path: join(dir, 'store.mdb'), ...options, maxDbs: 512 });
  const meta = raw.openDB<unknown, Buffer>({ name: 'meta', ...options });
  for (const name of ['contact.phone_1', 'source_1_externalId_1']) {
    await raw.openDB({ name: `index leads ${name}`, ...options }).clearAsync();
    await meta.remove(Buffer.from(`index leads ${name}`));
  }
  await meta.put(Buffer.from('index leads gone_1'), { overArrays: false, cut: false });
  await raw.openDB<unknown, Buffer>({ name: 'index leads gone_1', ...options }).put(Buffer.from('k'), 'v');
  await raw.close();

  const store = await openIn(dir);
  expect(await store.collection('leads').find({ filter: { 'contact.phone': '+1206699' } })).toEqual([
    lead(699),
  ]);
  const duplicate = await failureOf(store.collection('leads').insert(lead(9000, { externalId: 'row-3' })));
  expect(duplicate.code).toBe('duplicate_key');
  await store.close();
  const again = openLmdb<unknown, Buffer>({ path: join(dir, 'store.mdb'), ...options, maxDbs: 512 });
  expect(
    again.openDB<unknown, Buffer>({ name: 'meta', ...options }).get(Buffer.from('index leads gone_1')),
  ).toBeUndefined();
  await again.close();
});

test('many writes at once share their syncs', async () => {
  const dir = freshDir();
  const transactions = async () => {
    const raw = openLmdb({ path: join(dir, 'store.mdb'), keyEncoding: 'binary', maxDbs: 512 });
    const { lastTxnId } = raw.getStats() as { lastTxnId: number };
    await raw.close();
    return lastTxnId;
  };
  await (await openLocalStore({ dir, log: silent })).close();
  const before = await transactions();
  const store = await openLocalStore({ dir, log: silent });
  await Promise.all(Array.from({ length: 1000 }, (_, n) => store.append(event(1, n))));
  expect(await store.events(oid(1))).toHaveLength(1000);
  await store.close();
  expect((await transactions()) - before).toBeLessThan(200);
});

test('two updates that belong together are one write: both or none, the second only where the first found its document', async () => {
  const dir = freshDir();
  const store = await openLocalStore({ dir, log: silent });
  const { updateBoth } = store;
  if (!updateBoth) throw new Error('the embedded store can');
  const leads = store.collection('leads');
  const attempts = store.collection('attempts');
  const attempt = (n: number, phone: string) =>
    ({
      _id: oid(n),
      callId: oid(n),
      activePhones: [phone],
      state: 'reserved',
    }) as unknown as Documents['attempts'];
  await Promise.all([
    leads.insert(lead(1)),
    attempts.insert(attempt(1, 'a')),
    attempts.insert(attempt(2, 'b')),
  ]);
  const toLead = (n: number, update: Update, status = 'new') =>
    ({ collection: 'leads', filter: { _id: oid(n), status }, update }) as const;
  const toAttempt = (n: number, update: Update) =>
    ({ collection: 'attempts', filter: { _id: oid(n), state: 'reserved' }, update }) as const;

  const done = await updateBoth(toLead(1, { $set: { tags: ['x'] } }), toAttempt(1, { $inc: { tries: 1 } }));
  expect(done.first).toEqual(await leads.get(oid(1)));
  expect(done.first).toMatchObject({ tags: ['x'] });
  expect(done.second).toEqual(await attempts.get(oid(1)));
  expect(done.second).toMatchObject({ tries: 1 });

  expect(
    await updateBoth(toLead(1, { $set: { tags: [] } }, 'lost'), toAttempt(1, { $inc: { tries: 1 } })),
  ).toEqual({});
  expect(await attempts.get(oid(1))).toMatchObject({ tries: 1 });
  const alone = await updateBoth(toLead(1, { $set: { tags: ['y'] } }), toAttempt(9, { $inc: { tries: 1 } }));
  expect(alone.first).toMatchObject({ tags: ['y'] });
  expect(alone.second).toBeUndefined();

  const before = [await leads.get(oid(1)), await attempts.get(oid(1)), await attempts.get(oid(2))];
  const taken = toAttempt(2, { $set: { activePhones: ['a'] } });
  for (const pair of [
    updateBoth(toLead(1, { $set: { tags: ['z'] } }), taken),
    updateBoth(taken, toLead(1, { $set: { tags: ['z'] } })),
    updateBoth(toLead(1, { $set: { tags: ['z'] } }), toAttempt(1, { $inc: { state: 1 } })),
  ])
    expect(['duplicate_key', 'invalid_request']).toContain((await failureOf(pair)).code);
  expect([await leads.get(oid(1)), await attempts.get(oid(1)), await attempts.get(oid(2))]).toEqual(before);

  // Written together: the copies of another life have both.
  await updateBoth(toLead(1, { $set: { status: 'lost' } }), toAttempt(1, { $unset: { activePhones: '' } }));
  await store.close();
  const again = await openIn(dir);
  expect(await again.collection('leads').find({ filter: { status: 'lost' } })).toHaveLength(1);
  expect(await again.collection('attempts').find({ filter: { activePhones: 'a' } })).toEqual([]);
});

test('a scan of many documents lets the event loop turn', async () => {
  const store = await openIn(freshDir());
  const leads = store.collection('leads');
  await Promise.all(
    Array.from({ length: 10_000 }, (_, n) => leads.insert(lead(n, { filler: ['a', 'b', { c: 'd' }] }))),
  );
  let turns = 0;
  let scanning = true;
  const turn = () => {
    turns += 1;
    if (scanning) setImmediate(turn);
  };
  turn();
  expect(await leads.find({ filter: { filler: 'absent' } })).toEqual([]);
  scanning = false;
  expect(turns).toBeGreaterThan(5);
});

test('a reader sees one moment, whatever is written while it reads', async () => {
  const store = await openIn(freshDir());
  const leads = store.collection('leads');
  await Promise.all(
    Array.from({ length: 5000 }, (_, n) => leads.insert(lead(n, { status: 'new', pad: 'x'.repeat(200) }))),
  );
  const reading = leads.find({ filter: { pad: { $exists: true } }, sort: { receivedAt: 1 } });
  await Promise.all([leads.remove({ _id: oid(4999) }), leads.insert(lead(9999, { pad: 'y' }))]);
  expect((await reading).map(({ _id }) => _id)).toEqual(Array.from({ length: 5000 }, (_, n) => oid(n)));
});

test('lists in indexed fields are found by each element, and documents come once', async () => {
  const leads = (await openIn(freshDir())).collection('leads');
  await leads.insert(lead(1, { status: ['new', 'lost'] }));
  await leads.insert(lead(2, { status: 'lost' }));
  await leads.insert(lead(3, { status: [] }));
  expect((await leads.find({ filter: { status: 'lost' } })).map(({ _id }) => _id)).toEqual([oid(1), oid(2)]);
  expect(await leads.find({ filter: { status: { $in: ['lost', 'new'] } } })).toHaveLength(2);
  expect(await leads.find({ filter: { status: { $gt: 'a' } }, sort: { status: -1 } })).toHaveLength(2);
  await leads.update({ _id: oid(1) }, { $pull: { status: 'lost' } });
  expect((await leads.find({ filter: { status: 'lost' } })).map(({ _id }) => _id)).toEqual([oid(2)]);
});

test('a search by the beginning of a text finds what reading every document finds', async () => {
  const leads = (await openIn(freshDir())).collection('leads');
  const letter = fc.constantFrom(...'aAbsSßſiIİıkKσςΣéÉ.*-\\ 1', '\u{1F600}', '\uffff', '\u{10ffff}');
  const word = fc.string({ unit: letter, minLength: 1, maxLength: 4 });
  const name = fc.oneof(word, fc.constantFrom(null, 7));
  const literal = word.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = fc.oneof({ weight: 4, arbitrary: literal }, { weight: 1, arbitrary: word });
  const search = fc.record({
    field: fc.constantFrom('contact.firstName', 'contact.lastName', 'contact.email', 'contact.phone'),
    $regex: pattern.map((text) => `^${text}`),
    $options: fc.constantFrom('', 'i'),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ firstName: name, lastName: name, email: name, phone: name }), { maxLength: 30 }),
      fc.array(fc.array(search, { minLength: 1, maxLength: 2 }), { minLength: 5, maxLength: 15 }),
      async (people, searches) => {
        const documents = people.map((contact, n) => lead(n, { contact }));
        await leads.remove({});
        await Promise.all(documents.map((each) => leads.insert(each)));
        for (const asked of searches) {
          const $or = asked.map(({ field, ...rest }) => ({ [field]: rest }));
          let expected: string[];
          try {
            expected = new NaiveQuery({ $or } as never)
              .find<Documents['leads']>(documents)
              .all()
              .map(({ _id }) => _id);
          } catch {
            continue; // A pattern that is none.
          }
          const found = (await leads.find({ filter: { $or } })).map(({ _id }) => _id);
          expect(found.sort(), JSON.stringify($or)).toEqual(expected.sort());
        }
      },
    ),
    { numRuns: 60 },
  );
});

const idsOf = ({ hits }: Said): string[] => hits.map(({ callId }) => callId);

test('what was said is found after a crash too, and what was erased before it is not', async () => {
  const dir = freshDir();
  const store = await openIn(dir);
  const transcripts = store.collection('call_transcripts');
  const keep = (n: number, fullTranscript: string) =>
    transcripts.put({ _id: oid(n), callId: oid(n), createdAt: new Date(n), fullTranscript } as never);
  await keep(1, 'Caller: kitchen');
  await keep(2, 'Caller: kitchen and roof');
  expect(idsOf(await store.said({ text: 'kitchen', limit: 9 }))).toEqual([oid(2), oid(1)]);
  await transcripts.remove({ _id: oid(2) });
  await keep(3, 'Caller: kitchen, please');
  // What a process leaves on the disk that dies here.
  const after = freshDir();
  for (const name of readdirSync(dir))
    if (name !== 'store.lock') cpSync(join(dir, name), join(after, name), { recursive: true });
  const again = await openIn(after);
  while (!(await again.said({ text: 'kitchen', limit: 9 })).complete);
  expect(idsOf(await again.said({ text: 'kitchen', limit: 9 }))).toEqual([oid(3), oid(1)]);
  expect(idsOf(await again.said({ text: 'roof', limit: 9 }))).toEqual([]);
});

test('a disk that takes no more refuses the write, keeps the rest, and the store works on when there is room', async () => {
  const dir = freshDir();
  const code = `import { execFileSync } from 'node:child_process';
    ${OPEN(dir)}
    const notes = store.collection('system_config');
    const note = (n, size) => ({ _id: String(n), key: String(n), value: 'x'.repeat(size), updatedBy: 't' });
    let stored = 0;
    let refusal;
    while (!refusal) await notes.insert(note(stored, 20_000)).then(() => { stored += 1; }, (error) => { refusal = error; });
    const ill = await store.health();
    execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited']);
    const removed = await notes.remove({ _id: { $in: ['0', '1', '2', '3', '4', '5'] } });
    await notes.insert(note('after', 10));
    const well = await store.health();
    const count = (await notes.find({})).length;
    await store.close();
    console.log(JSON.stringify({ code: refusal.code, ill: ill.ok, removed, well: well.ok, kept: count === stored - 5, stored }));
  `;
  const child = spawn(
    'sh',
    ['-c', 'ulimit -S -f 8192; exec "$0" "$@"', process.execPath, programFrom(code)],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = JSON.parse(String((await lines.next()).value)) as Record<string, unknown>;
  expect(answer).toEqual({
    code: 'store_unavailable',
    ill: false,
    removed: 6,
    well: true,
    kept: true,
    stored: answer.stored,
  });
  expect(answer.stored).toBeGreaterThan(50);
  const store = await openIn(dir);
  expect(await store.collection('system_config').count({})).toBe(Number(answer.stored) - 5);
});

test('writes that overlap on their way to the disk share no unique key, and leave what they would one by one', async () => {
  const store = await openIn(freshDir());
  const attempts = store.collection('attempts');
  const which = fc.integer({ min: 0, max: 4 });
  const phones = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 2 });
  const write = fc.oneof(
    fc.record({ kind: fc.constantFrom('insert' as const, 'put' as const), id: which, phones }),
    fc.record({ kind: fc.constant('move' as const), id: which, phones }),
    fc.record({ kind: fc.constantFrom('touch' as const, 'free' as const), id: which }),
  );
  type Kept = { readonly activePhones?: readonly string[]; readonly state: string };
  const as = (_id: string, kept: Kept) => ({ _id, callId: _id, ...kept }) as unknown as Documents['attempts'];
  let round = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ write, turnsLater: fc.integer({ min: 0, max: 3 }) }), { maxLength: 60 }),
      async (writes) => {
        round += 1;
        const own = round;
        const idOf = (n: number): string => oid(own * 100 + n);
        const plain = new Map<string, Kept>();
        const wanted: string[] = [];
        const answered: Promise<string>[] = [];
        for (const [at, { write: each, turnsLater }] of writes.entries()) {
          for (let turn = 0; turn < turnsLater; turn += 1) await new Promise((go) => setImmediate(go));
          const id = idOf(each.id);
          const before = plain.get(id);
          const activePhones = 'phones' in each ? each.phones.map((name) => `${own} ${name}`) : [];
          const isTaken = [...plain].some(
            ([other, kept]) => other !== id && kept.activePhones?.some((one) => activePhones.includes(one)),
          );
          const isNew = each.kind === 'insert' || each.kind === 'put';
          const after: Kept | undefined =
            isNew || each.kind === 'move'
              ? { activePhones, state: isNew ? `${at}` : (before?.state ?? '') }
              : each.kind === 'touch'
                ? { ...before, state: `${at}` }
                : { state: before?.state ?? '' };
          const expected =
            each.kind === 'insert' && before
              ? 'duplicate_key'
              : !isNew && !before
                ? 'nothing'
                : isTaken
                  ? 'duplicate_key'
                  : 'done';
          wanted.push(expected);
          if (expected === 'done') plain.set(id, after);
          const write = (): Promise<unknown> => {
            switch (each.kind) {
              case 'insert':
                return attempts.insert(as(id, after));
              case 'put':
                return attempts.put(as(id, after));
              case 'move':
                return attempts.update({ _id: id }, { $set: { activePhones } });
              case 'touch':
                return attempts.update({ _id: id }, { $set: { state: `${at}` } });
              default:
                return attempts.update({ _id: id }, { $unset: { activePhones: '' } });
            }
          };
          answered.push(
            write().then(
              (answer) => (isNew || answer !== undefined ? 'done' : 'nothing'),
              (error: Failure) => error.code,
            ),
          );
        }
        expect(await Promise.all(answered)).toEqual(wanted);
        for (const [id, kept] of plain) expect(await attempts.get(id)).toEqual(as(id, kept));
        for (const name of ['a', 'b', 'c', 'd'].map((one) => `${own} ${one}`))
          expect(await attempts.find({ filter: { activePhones: name } })).toEqual(
            [...plain].flatMap(([id, kept]) => (kept.activePhones?.includes(name) ? [as(id, kept)] : [])),
          );
      },
    ),
    { numRuns: 60 },
  );
});

test('what was run over a write that then failed is run again without it', async () => {
  const files = await openFiles(freshDir(), silent);
  const room = files.roomOf('leads') as Room;
  const { root: database } = files.file;
  const batch = database.batch.bind(database);
  let commits = 0;
  let ran = 0;
  // The first write fails when the next turn has run over it, those that repeat its numbers among them.
  database.batch = async (write: () => void) => {
    commits += 1;
    if (commits > 1) return await batch(write);
    while (ran < 400) await new Promise((turn) => setImmediate(turn));
    throw new Error('no room');
  };
  const writer = openWriter(files, silent);
  const insert = (n: number): Promise<void> =>
    writer.submit((turn) => {
      ran += 1;
      if (turn.read(room, oid(n)) !== undefined) throw new Failure('duplicate_key', 'it is there');
      turn.write(room, prepare(room, lead(n) as unknown as Doc));
    }, 100);
  const numbers = Array.from({ length: 300 }, (_, n) => n + 1);
  const told = await Promise.allSettled([...numbers, ...numbers].map(insert));
  const refused = told.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  expect(new Set(refused.map(({ reason }) => reason.code))).toEqual(
    new Set(['store_unavailable', 'duplicate_key']),
  );
  for (const [n, each] of told.entries())
    if (each.status === 'fulfilled' || each.reason.code === 'duplicate_key')
      expect(room.db.get(idKey(oid((n % 300) + 1)))).toBeDefined();
  const found = numbers.filter((n) => room.db.get(idKey(oid(n))) !== undefined);
  for (const { entries } of found.flatMap((n) =>
    prepare(room, lead(n) as unknown as Doc).keys.flatMap((keys) => keys ?? []),
  ))
    for (const { key } of entries)
      expect(room.indexes.some((index) => index.db.get(key) !== undefined)).toBe(true);
  await writer.idle();
  await database.close();
});

test('a store closed in the middle of a scan ends the scan and stays whole', async () => {
  const dir = freshDir();
  const store = await openLocalStore({ dir, log: silent });
  const leads = store.collection('leads');
  await Promise.all(Array.from({ length: 3000 }, (_, n) => leads.insert(lead(n))));
  const scan = leads.find({ filter: { nothing: 1 } });
  const update = leads.update({ status: 'new', nothing: 1 }, { $set: { status: 'lost' } });
  await store.close();
  expect(await scan).toEqual([]);
  const late = await Promise.allSettled([update]);
  expect(late[0].status === 'fulfilled' || late[0].reason instanceof Failure).toBe(true);
  expect(await (await openIn(dir)).collection('leads').count({})).toBe(3000);
});

const WRITER = (dir: string, round: number) => `${OPEN(dir)}
  const oid = (n) => n.toString(16).padStart(24, '0');
  const leads = store.collection('leads');
  const worker = async (w) => {
    const call = ${round} * 100 + w;
    for (let n = 0; ; n += 1) {
      const appended = await store.append({ _id: oid(call * 100000 + n), eventId: call + '-' + n, callId: oid(call),
        sessionId: 's', seq: n, at: new Date(n), type: 'ringing' });
      if (appended === 'appended') console.log('event', call, n);
      const id = oid(call * 100000 + (n % 20));
      await leads.put({ _id: id, source: 'csv', externalId: id, receivedAt: new Date(n), contact: { phone: '+1' + n },
        status: ['new', 'lost', 'qualified'][n % 3], n });
      console.log('lead', id, n);
    }
  };
  await Promise.all(Array.from({ length: 20 }, (_, w) => worker(w)));
`;

test('kill -9 in the middle of writes loses nothing that was acknowledged and leaves every index true', async () => {
  const dir = freshDir();
  const events = new Map<number, number>();
  const leads = new Map<string, number>();
  for (let round = 1; round <= 4; round += 1) {
    const { child, exited, lines } = spawnModule(WRITER(dir, round));
    const target = 400 * round;
    let read = 0;
    for (;;) {
      const { value, done } = await lines.next();
      if (done) break;
      const [kind, id = '', n = ''] = String(value).split(' ');
      if (kind === 'event') events.set(Number(id), Number(n));
      else if (kind === 'lead') leads.set(id, Math.max(leads.get(id) ?? 0, Number(n)));
      read += 1;
      if (read === target) child.kill('SIGKILL');
    }
    await exited;
    expect(read).toBeGreaterThanOrEqual(target);

    const store = await openLocalStore({ dir, log: silent });
    for (const [callNumber, last] of events) {
      const stored = await store.events(oid(callNumber));
      expect(stored.length).toBeGreaterThanOrEqual(last + 1);
      expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, n) => n));
      for (const { eventId } of stored)
        expect(await store.collection('call_events').find({ filter: { eventId } })).toHaveLength(1);
    }
    const all = await store.collection('leads').find({});
    for (const [id, n] of leads)
      expect((all.find(({ _id }) => _id === id) as unknown as { n: number }).n).toBeGreaterThanOrEqual(n);
    // Whatever an index answers is what a plain look at all documents answers: no entry too many, none missing.
    for (const filter of [
      { status: 'lost' },
      { status: { $in: ['new', 'qualified'] } },
      { 'contact.phone': { $gte: '+1' } },
    ])
      expect(
        (await store.collection('leads').find({ filter, sort: { _id: 1 } })).map(({ _id }) => _id),
      ).toEqual(
        new NaiveQuery(filter)
          .find<Documents['leads']>(all)
          .sort({ _id: 1 })
          .all()
          .map(({ _id }) => _id),
      );
    await store.close();
    const raw = openLmdb<unknown, Buffer>({
      path: join(dir, 'store.mdb'),
      keyEncoding: 'binary',
      maxDbs: 512,
    });
    const entries = (name: string) =>
      (raw.openDB({ name, keyEncoding: 'binary' }).getStats() as { entryCount: number }).entryCount;
    for (const name of [
      'status_1_nextFollowUp_1',
      'source_1_externalId_1',
      'receivedAt_-1',
      'contact.phone_1',
    ])
      expect(entries(`index leads ${name}`)).toBe(all.length);
    for (const name of ['eventId_1', 'callId_1_seq_1'])
      expect(entries(`index call_events ${name}`)).toBe(entries('documents call_events'));
    await raw.close();
  }
});

const DAY = (n: number): Date => new Date(Date.UTC(2026, 10, n));
/** A list of many numbers all over the country, another one for each `last` digit. */
const MANY = 120_000;
const NUMBERS = `(last) => Float64Array.from({ length: ${MANY} }, (_, n) => (201 + (n % 400)) * 10_000_000 + 2_000_000 + n * 3 + last)`;
const numbersOf = new Function(`return ${NUMBERS}`)() as (last: number) => Float64Array;

/** How many versions of lists have blocks in the file, when nobody has it open. */
async function versionsIn(dir: string): Promise<number> {
  const raw = openLmdb<unknown, Buffer>({ path: join(dir, 'store.mdb'), keyEncoding: 'binary', maxDbs: 512 });
  const blocks = raw.openDB<unknown, Buffer>({ name: 'list blocks', keyEncoding: 'binary' });
  const versions = new Set([...blocks.getKeys({})].map((key) => key.readUInt32BE(0)));
  await raw.close();
  return versions.size;
}

test('kill -9 while a list becomes current leaves the old copy or the new one, and the import goes on', async () => {
  const dir = freshDir();
  const first = await openLocalStore({ dir, log: silent });
  const old = await first.lists.stage(oid(1), 'national', 'empty');
  await old.write(numbersOf(1), MANY);
  await old.commit(DAY(1));
  await first.close();
  for (const [round, delayMs] of [2, 40].entries()) {
    const id = oid(2 + round);
    // The endings of the numbers before and after: 1 and 0, then 0 and 1.
    const [was, becomes] = [1 - (round % 2), round % 2];
    const { child, exited, lines } = spawnModule(`${OPEN(dir)}
      const copy = await store.lists.stage('${id}', 'national', 'empty');
      const numbers = (${NUMBERS})(${becomes});
      for (let at = 0; at < ${MANY}; at += ${MANY / 4}) await copy.write(numbers.subarray(at, at + ${MANY / 4}), ${MANY / 4});
      console.log('staged');
      await copy.commit(new Date(${DAY(2 + round).getTime()}));
      setInterval(() => {}, 1000);
    `);
    expect((await lines.next()).value).toBe('staged');
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    child.kill('SIGKILL');
    await exited;

    const store = await openLocalStore({ dir, log: silent });
    const [copy] = await store.lists.copies();
    const isNew = copy?.asOf.getTime() === DAY(2 + round).getTime();
    expect(copy).toMatchObject({ asOf: DAY(isNew ? 2 + round : 1 + round), count: MANY });
    const [here, gone] = isNew ? [numbersOf(becomes), numbersOf(was)] : [numbersOf(was), numbersOf(becomes)];
    for (let n = 0; n < MANY; n += 9_973) {
      expect((await store.lists.lookUp(here[n] ?? 0)).listedIn).toEqual(['national']);
      expect((await store.lists.lookUp(gone[n] ?? 0)).listedIn).toEqual([]);
    }
    const again = await store.lists.stage(id, 'national', 'empty');
    expect([0, MANY]).toContain(again.linesTaken);
    if (again.linesTaken === 0) await again.write(numbersOf(becomes), MANY);
    expect((await again.commit(DAY(2 + round))).copy.count).toBe(MANY);
    expect(existsSync(join(dir, 'lists', id))).toBe(false);
    await store.close();
  }
  // Versions that were half made, and those that are no longer current, are gone when a store had the time for it.
  while ((await versionsIn(dir)) > 1) {
    const store = await openLocalStore({ dir, log: silent });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await store.close();
  }
  const store = await openIn(dir);
  expect((await store.lists.lookUp(numbersOf(1)[9_999] ?? 0)).listedIn).toEqual(['national']);
});

test('a write that a crash tore is not counted, and those before it are', async () => {
  const dir = freshDir();
  const path = join(dir, 'lists', oid(1));
  const stage = async (store: Store) => store.lists.stage(oid(1), 'national', 'empty');
  const write = (n: number) => Float64Array.from({ length: 100 }, (_, i) => 2_065_550_000 + n * 100 + i);
  const store = await openLocalStore({ dir, log: silent });
  const copy = await stage(store);
  for (let n = 0; n < 3; n += 1) await copy.write(write(n), 100);
  await store.close();
  const whole = readFileSync(path);

  for (const [damage, left] of [
    [(bytes: Buffer) => bytes.subarray(0, -1), 200],
    [(bytes: Buffer) => Buffer.concat([bytes.subarray(0, -4), Buffer.alloc(4)]), 200],
    [(bytes: Buffer) => Buffer.concat([bytes, bytes.subarray(64, 1_000)]), 300],
    [(bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(100_000, 7)]), 300],
    [(bytes: Buffer) => bytes.subarray(0, 70), 0],
    [(bytes: Buffer) => bytes.subarray(0, 10), 0],
  ] as const) {
    writeFileSync(path, damage(whole));
    const opened = await openLocalStore({ dir, log: silent });
    const rest = await stage(opened);
    expect(rest.linesTaken).toBe(left);
    for (let n = left / 100; n < 4; n += 1) await rest.write(write(n), 100);
    await opened.close();
    const last = await openLocalStore({ dir, log: silent });
    expect((await stage(last)).linesTaken).toBe(400);
    await last.close();
  }
  const last = await openIn(dir);
  expect((await (await stage(last)).commit(DAY(1))).copy.count).toBe(400);
});

test('an import goes on under the list and base it was begun with, and under an id that is no path', async () => {
  const store = await openIn(freshDir());
  await store.lists.stage(oid(1), 'national', 'empty');
  expect((await failureOf(store.lists.stage(oid(1), 'state.FL', 'empty'))).code).toBe('invalid_request');
  expect((await failureOf(store.lists.stage(oid(1), 'national', 'current'))).code).toBe('invalid_request');
  expect((await failureOf(store.lists.stage('../store.mdb', 'national', 'empty'))).code).toBe(
    'invalid_request',
  );
  expect((await failureOf(store.lists.discard('../store.mdb'))).code).toBe('invalid_request');
});

test('calls go on being written while a list becomes current, and the event loop turns', async () => {
  const store = await openIn(freshDir());
  const copy = await store.lists.stage(oid(1), 'national', 'empty');
  await copy.write(numbersOf(0), MANY);
  let over = false;
  let turns = 0;
  const turn = () => {
    turns += 1;
    if (!over) setImmediate(turn);
  };
  turn();
  const committing = copy.commit(DAY(1)).finally(() => {
    over = true;
  });
  let written = 0;
  for (; !over; written += 1) expect(await store.append(event(1, written))).toBe('appended');
  await committing;
  expect(written).toBeGreaterThan(10);
  expect(turns).toBeGreaterThan(100);
  expect(await store.events(oid(1))).toHaveLength(written);
});

test('where several indexes hold thousands of matches, the newest that meet every condition are found, in order', async () => {
  const store = await openIn(freshDir());
  const calls = store.collection('calls');
  const made = Array.from({ length: 9_000 }, (_, n) => ({
    _id: oid(n),
    attemptId: `a${n}`,
    status: 'completed',
    outcome: n % 3 === 0 ? 'voicemail' : 'callback',
    campaignId: oid(n % 2),
    initiatedAt: new Date(1_790_000_000_000 + ((n * 7_919) % 9_001) * 1_000),
  })) as unknown as Call[];
  await Promise.all(made.map((each) => calls.insert(each)));
  const filter = { campaignId: oid(1), outcome: 'voicemail' };
  const sort = { initiatedAt: -1, _id: -1 } as const;
  const wanted = made
    .filter(({ campaignId, outcome }) => campaignId === filter.campaignId && outcome === filter.outcome)
    .sort((a, b) => b.initiatedAt.getTime() - a.initiatedAt.getTime())
    .map(({ _id }) => _id);
  const found = async (skip: number) =>
    (await calls.find({ filter, sort, skip, limit: 40 })).map(({ _id }) => _id);
  expect(await found(0)).toEqual(wanted.slice(0, 40));
  expect(await found(70)).toEqual(wanted.slice(70, 110));
  expect(await calls.count(filter)).toBe(wanted.length);
  // Walks that come to their end before there are enough.
  const rare = { ...filter, attemptId: { $in: ['a3', 'a9', 'a15'] } };
  expect((await calls.find({ filter: rare, sort, limit: 40 })).map(({ _id }) => _id).sort()).toEqual(
    [oid(3), oid(9), oid(15)].sort(),
  );
});

test('documents are found by one of several tags in the order asked for, also where an array is what they are ordered by', async () => {
  const store = await openIn(freshDir());
  const reviews = store.collection('call_reviews');
  const put = (n: number, callAt: unknown, tags: readonly string[]) =>
    reviews.put({ _id: oid(n), status: 'reviewed', tags, comments: [], revision: 1, callAt } as never);
  const ids = async (filter: Filter) =>
    (await reviews.find({ filter, sort: { callAt: -1, _id: -1 }, limit: 3 })).map(({ _id }) => _id);
  for (let n = 0; n < 30; n += 1) await put(n, new Date(n * 1_000), n % 2 === 0 ? ['b', 'a', 'c'] : ['c']);
  expect(await ids({ tags: 'a' })).toEqual([oid(28), oid(26), oid(24)]);
  expect(await ids({ $and: [{ tags: 'a' }, { callAt: { $lt: new Date(20_000) } }] })).toEqual([
    oid(18),
    oid(16),
    oid(14),
  ]);
  // By the greatest of its elements, though only the least is in the range.
  await put(31, [new Date(1_000), new Date(99_000)], ['a']);
  expect(await ids({ $and: [{ tags: 'a' }, { callAt: { $lt: new Date(20_000) } }] })).toEqual([
    oid(31),
    oid(18),
    oid(16),
  ]);
});

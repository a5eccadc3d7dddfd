/** A list's file becomes current as a whole or not at all, whatever breaks on the way; and the gate obeys what is current. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createClaims } from '../../src/app/claims.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createGatherFacts } from '../../src/app/gather-facts.ts';
import { createLists, type ListImportRequest } from '../../src/app/lists.ts';
import type { Ids, Log, Store } from '../../src/app/ports.ts';
import type { FactsInput } from '../../src/domain/compliance/facts.ts';
import type { ListImport } from '../../src/domain/compliance/records.ts';
import { Failure } from '../../src/domain/errors.ts';
import { type HandClock, handClock, trueTime } from '../support/clock.ts';

const NOON_MS = Date.parse('2026-11-20T17:00:00Z');
const DAY_MS = 86_400_000;
const day = (text: string): Date => new Date(`2026-${text}T00:00:00Z`);
const ids: Ids = {
  objectId: () => randomBytes(12).toString('hex'),
  token: () => randomBytes(32).toString('base64url'),
};
const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

let dir: string;
let store: Store;
let clock: HandClock;
let shutdown: AbortController;
let required: Parameters<typeof createLists>[0]['policy'];

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-lists-'));
  store = await openLocalStore({ dir, log: quiet });
  clock = handClock(NOON_MS);
  shutdown = new AbortController();
  required = async () => ({
    requireNationalRegistry: true,
    requireStateLists: false,
    requireReassignedCheck: false,
  });
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

const listsOver = (over: Store) =>
  createLists({
    store: over,
    clock,
    ids,
    log: quiet,
    claims: createClaims({ store: over, clock }),
    policy: () => required(),
    shutdown: shutdown.signal,
  });

const full = (list: string, asOf: Date, importId?: string): ListImportRequest => ({
  list,
  kind: 'full',
  asOf,
  ...(importId === undefined ? {} : { importId }),
});
const changes = (list: string, asOf: Date): ListImportRequest => ({ list, kind: 'changes', asOf });

/** A file in chunks, as an upload comes; `breaks` ends it before its end. */
async function* upload(text: string, chunkBytes = 1_000, breaks?: Error): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    await clock.pass(1_000);
    yield bytes.subarray(at, at + chunkBytes);
  }
  if (breaks) throw breaks;
}

const lineOf = (number: number): string => `${String(number).slice(0, 3)},${String(number).slice(3)}\n`;
const numbers = (count: number, first = 2_065_550_000): number[] =>
  Array.from({ length: count }, (_, n) => first + n * 7);
const fileOf = (count: number, first?: number): string => numbers(count, first).map(lineOf).join('');

const listedIn = async (number: number): Promise<readonly string[]> =>
  (await store.lists.lookUp(number)).listedIn;

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => undefined,
    (why: unknown) => why,
  );
  if (error instanceof Failure) return error;
  throw new Error(`not a Failure: ${String(error)}`);
}

const spills = (): string[] => (existsSync(join(dir, 'lists')) ? readdirSync(join(dir, 'lists')) : []);

describe('an import', () => {
  test('makes the list current, says what it did, and tells people in system_config', async () => {
    const lists = listsOver(store);
    const made = await lists.import(full('national', day('11-19')), upload(`${fileOf(500)}bad\n`), 'ada');
    expect(made).toEqual({
      _id: made._id,
      list: 'national',
      kind: 'full',
      asOf: day('11-19'),
      state: 'done',
      lines: 501,
      added: 500,
      removed: 0,
      rejected: 1,
      errors: [{ line: 501, message: 'letters where a digit belongs' }],
      count: 500,
      startedAt: new Date(NOON_MS),
      endedAt: new Date(clock.nowMs()),
      createdBy: 'ada',
    });
    expect(await lists.imports()).toEqual([made]);
    for (const number of numbers(500)) expect(await listedIn(number)).toEqual(['national']);
    expect(await listedIn(2_065_550_001)).toEqual([]);
    const [config] = await store.collection('system_config').find({ filter: { key: 'dnc.list.national' } });
    expect(config).toMatchObject({
      value: { asOf: day('11-19'), count: 500, importedAt: new Date(clock.nowMs()) },
      updatedBy: 'ada',
    });
    expect(spills()).toEqual([]);
  });

  test('of changes adds and removes, and the next full one replaces all', async () => {
    const lists = listsOver(store);
    await lists.import(full('state.FL', day('11-01')), upload(fileOf(100)), 'ada');
    const changed = await lists.import(
      changes('state.FL', day('11-02')),
      upload('206,5550000,D\n305,5550000,A,2026-11-02\n305,5550001,D\n'),
      'ada',
    );
    expect(changed).toMatchObject({ state: 'done', added: 1, removed: 1, count: 100 });
    expect(await listedIn(2_065_550_000)).toEqual([]);
    expect(await listedIn(3_055_550_000)).toEqual(['state.FL']);
    const replaced = await lists.import(full('state.FL', day('11-02')), upload(fileOf(60)), 'ada');
    expect(replaced).toMatchObject({ state: 'done', added: 1, removed: 41, count: 60 });
    expect(await store.collection('system_config').count({ key: 'dnc.list.state.FL' })).toBe(1);
    expect((await lists.imports()).map(({ kind }) => kind)).toEqual(['full', 'changes', 'full']);
  });

  test('shows how far it is while the file comes', async () => {
    const lists = listsOver(store);
    const seen: number[] = [];
    async function* watched() {
      for await (const chunk of upload(fileOf(1_000))) {
        yield chunk;
        for (const { state, lines } of await lists.imports()) {
          expect(state).toBe('receiving');
          seen.push(lines);
        }
      }
    }
    await lists.import(full('national', day('11-19')), watched(), 'ada');
    expect(seen.length).toBeGreaterThan(10);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(new Set(seen).size).toBeGreaterThan(8);
  });

  test('is the only one of its list; other lists do not wait', async () => {
    const lists = listsOver(store);
    let release = () => {};
    const waiting = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* slow() {
      await waiting;
      yield new TextEncoder().encode(fileOf(3));
    }
    const first = lists.import(full('national', day('11-19')), slow(), 'ada');
    const second = await failureOf(lists.import(full('national', day('11-19')), upload(fileOf(3)), 'bob'));
    expect(second.code).toBe('import_conflict');
    expect((await lists.import(full('litigator', day('11-19')), upload(fileOf(3)), 'bob')).state).toBe(
      'done',
    );
    release();
    expect((await first).state).toBe('done');
    expect((await lists.import(full('national', day('11-19')), upload(fileOf(3)), 'bob')).state).toBe('done');
  });

  test.each([
    ['of no list', full('nonsense', day('11-19')), 'list'],
    ['of no state', full('state.ZZ', day('11-19')), 'list'],
    ['from the future', full('national', new Date(NOON_MS + DAY_MS)), 'asOf'],
    ['of no day', full('national', new Date(Number.NaN)), 'asOf'],
    ['older than the copy in use', full('national', day('11-09')), 'asOf'],
    ['of changes older than the copy in use', changes('national', day('11-09')), 'asOf'],
    ['of changes to nothing', changes('litigator', day('11-19')), 'kind'],
    ['of changes to answers', changes('reassigned', day('11-19')), 'kind'],
  ])('%s is refused before a byte is read', async (_, request, field) => {
    const lists = listsOver(store);
    await lists.import(full('national', day('11-10')), upload(fileOf(3)), 'ada');
    const failure = await failureOf(
      lists.import(
        request,
        (async function* () {
          yield await Promise.reject(new Error('read'));
        })(),
        'ada',
      ),
    );
    expect(failure.code).toBe('invalid_request');
    expect(Object.keys(failure.details.fields as object)).toEqual([field]);
    expect(await lists.imports()).toHaveLength(1);
  });

  test('of a file that is no list fails, and the old copy stays', async () => {
    const lists = listsOver(store);
    await lists.import(full('national', day('11-01')), upload(fileOf(30)), 'ada');
    for (const [file, why] of [
      [`${'nothing to see here\n'.repeat(2_000)}`, 'does not look like a list of numbers'],
      [fileOf(3_000) + 'x\n'.repeat(200), '200 of its 3,200 lines are bad'],
      ['<?xml version="1.0"?>\n', 'XML form'],
      ['\n\n', 'names no number'],
    ] as const) {
      const failed = await lists.import(full('national', day('11-19')), upload(file), 'ada');
      expect(failed).toMatchObject({
        state: 'failed',
        added: 0,
        removed: 0,
        endedAt: new Date(clock.nowMs()),
      });
      expect(failed.failure).toContain(why);
    }
    expect((await store.lists.copies()).map(({ asOf, count }) => [asOf, count])).toEqual([
      [day('11-01'), 30],
    ]);
    expect(await listedIn(2_065_550_000)).toEqual(['national']);
    expect(spills()).toEqual([]);
  });

  test('does not shrink a long list by more than half, duplicates counted once', async () => {
    const lists = listsOver(store);
    await lists.import(full('national', day('11-01')), upload(fileOf(1_201), 60_000), 'ada');
    const failed = await lists.import(
      full('national', day('11-19')),
      upload(fileOf(600).repeat(2), 60_000),
      'ada',
    );
    expect(failed.state).toBe('failed');
    expect(failed.failure).toContain('the file names 600 numbers and the list in use 1,201');
    expect(await listedIn(numbers(1_201).at(-1) ?? 0)).toEqual(['national']);
    const half = await lists.import(full('national', day('11-19')), upload(fileOf(601), 60_000), 'ada');
    expect(half).toMatchObject({ state: 'done', count: 601, removed: 600 });
    // A short list may; and a list of changes says itself who goes.
    expect((await lists.import(full('national', day('11-19')), upload(fileOf(2)), 'ada')).count).toBe(2);
  });
});

describe('an import that breaks off', () => {
  const gone = () => new Failure('upload_interrupted', 'The connection ended before the file did.');

  test('is interrupted, and the same file goes on with it behind the lines that are on disk', async () => {
    const lists = listsOver(store);
    const file = fileOf(1_000);
    const broken = await lists.import(
      full('national', day('11-19')),
      upload(file.slice(0, 6_006), 500, gone()),
      'ada',
    );
    expect(broken).toMatchObject({ state: 'interrupted', lines: 500, failure: gone().message });
    expect(broken.endedAt).toBeUndefined();
    expect(await store.lists.copies()).toEqual([]);
    const made = await lists.import(full('national', day('11-19'), broken._id), upload(file, 700), 'bob');
    expect(made).toMatchObject({
      _id: broken._id,
      state: 'done',
      lines: 1_000,
      added: 1_000,
      createdBy: 'ada',
    });
    expect(made.failure).toBeUndefined();
    for (const number of numbers(1_000)) expect(await listedIn(number)).toEqual(['national']);
    expect(await lists.imports()).toHaveLength(1);
  });

  test('keeps the errors of the lines it took, each once', async () => {
    const lists = listsOver(store);
    const file = fileOf(1_000).replaceAll('000\n', 'OOO\n');
    const whole = await lists.import(full('litigator', day('11-19')), upload(file), 'ada');
    const broken = await lists.import(
      full('national', day('11-19')),
      upload(file.slice(0, 5_000), 500, gone()),
      'ada',
    );
    const made = await lists.import(full('national', day('11-19'), broken._id), upload(file), 'ada');
    expect(whole.rejected).toBeGreaterThan(0);
    expect([made.rejected, made.errors, made.count]).toEqual([whole.rejected, whole.errors, whole.count]);
  });

  test('is not gone on with by another file, nor under another name; it stays as it was', async () => {
    const lists = listsOver(store);
    const file = fileOf(1_000);
    const { _id } = await lists.import(
      full('national', day('11-19')),
      upload(file.slice(0, 6_006), 500, gone()),
      'ada',
    );
    for (const other of [
      fileOf(1_000, 2_065_550_001),
      file.slice(0, 1_000),
      `${file.slice(0, 5_000)}\n${file}`,
    ]) {
      const failure = await failureOf(
        lists.import(full('national', day('11-19'), _id), upload(other), 'ada'),
      );
      expect([failure.code, failure.message]).toEqual([
        'invalid_request',
        expect.stringContaining('another file'),
      ]);
    }
    for (const request of [
      full('litigator', day('11-19'), _id),
      full('national', day('11-18'), _id),
      { ...full('national', day('11-19'), _id), kind: 'changes' as const },
    ])
      expect((await failureOf(lists.import(request, upload(file), 'ada'))).code).toBe('invalid_request');
    expect((await lists.import(full('national', day('11-19'), _id), upload(file), 'ada')).count).toBe(1_000);
    for (const id of [_id, ids.objectId()])
      expect(
        (await failureOf(lists.import(full('national', day('11-19'), id), upload(file), 'ada'))).code,
      ).toBe('not_found');
  });

  test('can be discarded, which frees what it held', async () => {
    const lists = listsOver(store);
    const file = fileOf(1_000);
    const { _id } = await lists.import(
      full('national', day('11-19')),
      upload(file.slice(0, 6_006), 500, gone()),
      'ada',
    );
    expect(spills()).toEqual([_id]);
    expect(await lists.discard(_id, 'bob')).toMatchObject({ _id, state: 'discarded', lines: 500 });
    expect(spills()).toEqual([]);
    expect((await failureOf(lists.discard(_id, 'bob'))).code).toBe('not_found');
    expect((await failureOf(lists.discard(ids.objectId(), 'bob'))).code).toBe('not_found');
    expect(
      (await failureOf(lists.import(full('national', day('11-19'), _id), upload(file), 'ada'))).code,
    ).toBe('not_found');
  });

  test('because the service stops is interrupted at once, and so is one that waits for its sender', async () => {
    const lists = listsOver(store);
    let asked = 0;
    async function* endless() {
      for (;;) {
        asked += 1;
        if (asked > 3) await new Promise(() => {});
        yield new TextEncoder().encode(fileOf(10));
      }
    }
    const running = lists.import(full('national', day('11-19')), endless(), 'ada');
    while (asked < 4) await new Promise((resolve) => setImmediate(resolve));
    shutdown.abort();
    expect(await running).toMatchObject({
      state: 'interrupted',
      lines: 30,
      failure: 'the service is stopping',
    });
    await lists.settled();
    expect((await failureOf(lists.import(full('litigator', day('11-19')), upload(''), 'ada'))).code).toBe(
      'shutting_down',
    );
  });
});

/** The store of a process that dies: from its `left`th write on, nothing comes back; the last may or may not be done. */
function dying(over: Store, left: number, done: boolean) {
  let writes = 0;
  const mortal =
    <A extends readonly unknown[], R>(write: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      writes += 1;
      if (writes === left && done) await write(...args);
      if (writes >= left) throw new Failure('store_unavailable', 'dead');
      return write(...args);
    };
  const watched: Store = {
    ...over,
    collection(name) {
      const collection = over.collection(name);
      return {
        ...collection,
        insert: mortal(collection.insert),
        put: mortal(collection.put),
        update: mortal(collection.update),
      };
    },
    lists: {
      ...over.lists,
      discard: mortal(over.lists.discard),
      stage: mortal(async (...args: Parameters<Store['lists']['stage']>) => {
        const staged = await over.lists.stage(...args);
        return {
          get linesTaken() {
            return staged.linesTaken;
          },
          write: mortal(staged.write),
          commit: mortal(staged.commit),
        };
      }),
    },
  };
  return { store: watched, died: () => writes >= left };
}

describe('a process that dies', () => {
  test.each([
    ['before', false],
    ['behind', true],
  ] as const)(
    '%s any write leaves the old copy or the new one, and the same file finishes the import',
    async (_, done) => {
      const file = `${fileOf(150)}bad line\n${fileOf(100, 3_055_550_000)}`;
      const removals = numbers(50)
        .map((number) => `${number},D\n`)
        .join('');
      let deaths = 0;
      for (let left = 1; ; left += 1) {
        const list = `state.${['FL', 'TX', 'PA', 'OK', 'IN'][left % 5] ?? ''}`;
        const asOf = new Date(day('10-01').getTime() + left * 3_600_000);
        const mortal = dying(store, left, done);
        const importing = listsOver(mortal.store).import(full(list, asOf), upload(file, 600), 'ada');
        const outcome = await importing.then(
          () => 'done',
          (error: Failure) => error.code,
        );
        if (!mortal.died()) break;
        deaths += 1;
        expect(outcome).toBe('store_unavailable');
        const [copy] = (await store.lists.copies()).filter((each) => each.list === list);
        expect([undefined, 250, 200]).toContain(copy?.count);

        const lists = listsOver(store);
        await lists.recover();
        const [open] = (await lists.imports()).filter(({ state }) => state !== 'done');
        expect(open === undefined || open.state === 'interrupted').toBe(true);
        const made: ListImport = await lists.import(full(list, asOf, open?._id), upload(file, 800), 'ada');
        expect(made).toMatchObject({ state: 'done', lines: 251, rejected: 1, count: 250 });
        expect(made.errors).toEqual([{ line: 151, message: 'letters where a digit belongs' }]);
        for (const number of [...numbers(150), ...numbers(100, 3_055_550_000)])
          expect(await listedIn(number)).toContain(list);
        expect(await listedIn(2_065_550_001)).not.toContain(list);
        expect(spills()).toEqual([]);
        // So that the next full import of this list finds another copy than it makes.
        await lists.import(changes(list, asOf), upload(removals), 'ada');
      }
      expect(deaths).toBeGreaterThan(12);
    },
  );
});

describe('a list among several processes', () => {
  const shared = (): Store => ({ ...store, home: 'here' });

  test('that another process reads is not read here, and its import is left alone until it dies', async () => {
    const there = listsOver(shared());
    const here = listsOver(shared());
    let arrive = (): void => undefined;
    const rest = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode(fileOf(100));
      await rest;
      yield new TextEncoder().encode(fileOf(100, 3_055_550_000));
    }
    const importing = there.import(full('state.FL', day('11-19')), slow(), 'ada');
    await vi.waitFor(async () => expect(await there.imports()).toMatchObject([{ state: 'receiving' }]));
    // Far longer than a lease: it is renewed meanwhile.
    for (let times = 0; times < 6; times += 1) {
      await clock.pass(5_000);
      await vi.waitFor(async () => {
        const claim = await store.collection('claims').get('list:state.FL');
        expect(claim?.until.getTime()).toBeGreaterThanOrEqual(clock.nowMs() + 14_000);
      });
    }
    const refused = await failureOf(here.import(full('state.FL', day('11-19')), upload(fileOf(5)), 'bob'));
    expect(refused.code).toBe('import_conflict');
    await here.recover();
    expect(await here.imports()).toMatchObject([{ state: 'receiving' }]);
    arrive();
    expect(await importing).toMatchObject({ state: 'done', count: 200 });
    const after = await here.import(full('state.FL', day('11-20')), upload(fileOf(150)), 'bob');
    expect(after).toMatchObject({ state: 'done', count: 150 });
  });

  test('that a dead process was reading can be gone on with when its lease has run out', async () => {
    const file = fileOf(200);
    const first = listsOver(shared());
    await first.import(full('state.FL', day('11-19')), upload(file, 500, new Error('gone')), 'ada');
    const [left] = await store.collection('list_imports').find({});
    // As a process leaves it that dies: nobody says that it is interrupted, and its claim is not given back.
    if (left) await store.collection('list_imports').put({ ...left, state: 'receiving' });
    await createClaims({ store, clock }).take('list:state.FL', 15_000);
    const here = listsOver(shared());
    await here.recover();
    expect(await here.imports()).toMatchObject([{ state: 'receiving' }]);
    await vi.waitFor(async () => {
      await clock.pass(5_000);
      expect(await here.imports()).toMatchObject([{ state: 'interrupted' }]);
    });
    const done = await here.import(full('state.FL', day('11-19'), left?._id), upload(file, 500), 'bob');
    expect(done).toMatchObject({ state: 'done', count: 200 });
  });

  test('that another process took over is not made current by the one that had it', async () => {
    const there = listsOver(shared());
    async function* stolen(): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode(fileOf(100));
      await store.collection('claims').update({ _id: 'list:state.FL' }, { $inc: { fence: 1 } });
      for (let second = 0; second < 10; second += 1) await clock.pass(1_000);
      yield new TextEncoder().encode(fileOf(100, 3_055_550_000));
    }
    const made = await there.import(full('state.FL', day('11-19')), stolen(), 'ada');
    expect(made).toMatchObject({ state: 'interrupted' });
    expect(made.failure).toContain('being imported right now');
    expect(await store.lists.copies()).toEqual([]);
  });
});

describe('the answers about reassigned numbers', () => {
  const checks = () => store.collection('reassigned_checks').find({ sort: { phone: 1 } });

  test('are stored by number, in the words of the database, each with its day', async () => {
    const lists = listsOver(store);
    const made = await lists.import(
      full('reassigned', day('11-15')),
      upload(
        '\uFEFFPhone Number,Result,Checked Date,Note\r\n2065550100,No,2026-11-01,\r\n"(206) 555-0101",Yes,,x\r\n+12065550102,No Data,2026-11-02T10:00:00Z\r\n\r\n2065550103,maybe,\r\n2065550104,no,11/01/2026\r\n12,no,\r\n2065550105,no,2026-12-24\r\n2065550106,no,\r\n',
        25,
      ),
      'ada',
    );
    expect(made).toMatchObject({ state: 'done', lines: 8, added: 4, removed: 0, rejected: 4, count: 4 });
    expect(made.errors).toEqual([
      { line: 6, message: 'the result is none of yes, no and no data' },
      { line: 7, message: 'the date is none such as 2026-11-20' },
      { line: 8, message: 'not a phone number' },
      { line: 9, message: 'the date lies in the future' },
    ]);
    expect((await checks()).map(({ phone, result, checkedAt }) => [phone, result, checkedAt])).toEqual([
      ['+12065550100', 'no', day('11-01')],
      ['+12065550101', 'yes', day('11-15')],
      ['+12065550102', 'no_data', new Date('2026-11-02T10:00:00Z')],
      ['+12065550106', 'no', day('11-15')],
    ]);
  });

  test('give way to newer ones only, in whatever order they come', async () => {
    const lists = listsOver(store);
    const rows = (...cells: readonly string[]) => upload(`phone,result,checked\n${cells.join('\n')}\n`);
    await lists.import(
      full('reassigned', day('11-15')),
      rows('2065550100,no,2026-11-10', '2065550100,yes,2026-11-12'),
      'ada',
    );
    const older = await lists.import(
      full('reassigned', day('11-15')),
      rows('2065550100,no,2026-11-11'),
      'ada',
    );
    expect(older).toMatchObject({ lines: 1, added: 0, count: 1 });
    expect((await checks())[0]).toMatchObject({ result: 'yes', checkedAt: day('11-12') });
    await lists.import(full('reassigned', day('11-15')), rows('2065550100,no_data,2026-11-12'), 'ada');
    expect((await checks())[0]).toMatchObject({ result: 'no_data' });
  });

  test('of a file that breaks off are kept, its last piece of a row is not, and it is sent again', async () => {
    const lists = listsOver(store);
    const file = `phone,result\n${Array.from({ length: 300 }, (_, n) => `206555${1000 + n},no`).join('\n')}\n2065552000,yes`;
    const cut = file.indexOf('2065551250') + '2065551250,n'.length;
    const broken = await lists.import(
      full('reassigned', day('11-15')),
      upload(file.slice(0, cut), 100, new Error('gone')),
      'ada',
    );
    expect(broken).toMatchObject({ state: 'interrupted', added: broken.lines, rejected: 0 });
    const kept = await checks();
    expect(kept).toHaveLength(broken.lines);
    expect(kept).toHaveLength(250);
    expect(kept.filter(({ phone }) => phone >= '+12065551250')).toEqual([]);
    const made = await lists.import(full('reassigned', day('11-15'), broken._id), upload(file), 'ada');
    expect(made).toMatchObject({ state: 'done', lines: 301, rejected: 0, count: 301 });
  });

  test.each([
    ['with nothing in it', '', 'empty'],
    ['with other separators', 'phone;result\n2065550100;no\n', 'must name the columns'],
    ['without headings', '2065550100,no\n', 'must name the columns'],
    ['with an open quote', 'phone,result\n"2065550100,no\n', 'no CSV: quote not closed'],
    ['with an endless row', `phone,result\n${'x'.repeat(9_000)},no\n`, 'no CSV: max record size'],
    ['of something else', `phone,result\n${'x,no\n'.repeat(1_500)}`, 'does not look like a list of numbers'],
  ])('fail in a file %s', async (_, file, why) => {
    const failed = await listsOver(store).import(
      full('reassigned', day('11-15')),
      upload(file, 9_999),
      'ada',
    );
    expect(failed.state).toBe('failed');
    expect(failed.failure).toContain(why);
    expect(await checks()).toEqual([]);
  });
});

describe('the state of the lists', () => {
  const stateOf = async (list: string) =>
    (await listsOver(store).status()).find((status) => status.list === list);

  test('names every list the gate may look at, those of the states that have one included', async () => {
    await listsOver(store).import(full('state.GA', day('11-19')), upload(fileOf(1)), 'ada');
    const status = await listsOver(store).status();
    expect(status.map(({ list }) => list)).toEqual([
      'national',
      ...['CO', 'FL', 'GA', 'IN', 'LA', 'MA', 'MO', 'OK', 'PA', 'TN', 'TX', 'WY'].map(
        (code) => `state.${code}`,
      ),
      'litigator',
      'reassigned',
    ]);
    expect(status[0]).toEqual({
      list: 'national',
      name: 'National registry',
      required: true,
      state: 'missing',
      asOf: null,
      importedAt: null,
      count: 0,
      blocksAt: null,
    });
    expect(await stateOf('state.FL')).toMatchObject({ name: 'Do-not-call list of Florida', required: false });
    expect(await stateOf('state.GA')).toMatchObject({ count: 1, state: 'fresh', blocksAt: null });
    required = async () => ({
      requireNationalRegistry: false,
      requireStateLists: true,
      requireReassignedCheck: true,
    });
    const wanted = (await listsOver(store).status()).filter((each) => each.required).map(({ list }) => list);
    expect(wanted).toHaveLength(12);
    expect(wanted).not.toContain('state.GA');
    expect(wanted).toContain('reassigned');
  });

  test('grows older until it blocks calls, to the millisecond of the gate', async () => {
    const lists = listsOver(store);
    await lists.import(full('national', day('11-01')), upload(fileOf(3)), 'ada');
    await lists.import(full('litigator', day('11-01')), upload(fileOf(3)), 'ada');
    await lists.import(full('reassigned', day('11-01')), upload('phone,result\n2065550100,no\n'), 'ada');
    const blocksAt = new Date(day('11-01').getTime() + 31 * DAY_MS);
    const at = async (ms: number) => {
      await store.close();
      store = await openLocalStore({ dir, log: quiet });
      clock = handClock(ms);
      return [(await stateOf('national'))?.state, await listsOver(store).warnings()] as const;
    };
    expect(await stateOf('national')).toMatchObject({ count: 3, asOf: day('11-01'), blocksAt });
    expect(await stateOf('reassigned')).toMatchObject({ count: 1, asOf: day('11-01'), blocksAt });
    expect(await at(blocksAt.getTime() - 7 * DAY_MS - 1)).toEqual(['fresh', []]);
    expect(await at(blocksAt.getTime() - 7 * DAY_MS)).toEqual([
      'aging',
      [
        'National registry: 24 days old, blocks calls on 02 Dec',
        'Litigators: 24 days old, time for a new one',
        'Reassigned numbers: 24 days old, blocks calls on 02 Dec',
      ],
    ]);
    expect((await at(blocksAt.getTime()))[0]).toBe('aging');
    expect(await at(blocksAt.getTime() + 1)).toEqual([
      'stale',
      [
        'National registry: 31 days old, blocks calls since 02 Dec',
        'Litigators: 31 days old, time for a new one',
        'Reassigned numbers: 31 days old, blocks calls since 02 Dec',
      ],
    ]);
  });

  test('warns of a list that is required and missing, and of no other', async () => {
    expect(await listsOver(store).warnings()).toEqual(['National registry: missing, blocks calls']);
  });
});

describe('the gate', () => {
  const dncOf = async (phone: string): Promise<FactsInput['dnc']> =>
    (
      await createGatherFacts({ store, sellerName: 'Parley', timekeeping: trueTime })(
        { phone },
        clock.nowMs(),
      )
    ).facts.dnc;
  const byHand = () =>
    createDnc({ store, clock, ids, log: quiet, sellerName: 'Parley', stopCallsTo: async () => {} });

  test('learns of a number what every current copy says, and how old each is', async () => {
    const lists = listsOver(store);
    await lists.import(full('national', day('11-19')), upload(fileOf(3)), 'ada');
    await lists.import(full('state.FL', day('11-18')), upload(lineOf(2_065_550_007)), 'ada');
    await lists.import(full('litigator', day('11-17')), upload(lineOf(2_065_550_014)), 'ada');
    expect(await dncOf('+12065550007')).toEqual({
      national: { asOf: day('11-19'), listed: ['+12065550007'] },
      state: { FL: { asOf: day('11-18'), listed: ['+12065550007'] } },
      internal: [],
      litigator: false,
      reassigned: null,
    });
    expect(await dncOf('+12065550014')).toMatchObject({ litigator: true, state: { FL: { listed: [] } } });
    expect(await dncOf('+12065550001')).toMatchObject({ national: { asOf: day('11-19'), listed: [] } });
    expect(await dncOf('+442079460123')).toMatchObject({
      national: { asOf: day('11-19'), listed: [] },
      state: { FL: { asOf: day('11-18'), listed: [] } },
      litigator: false,
    });
  });

  test('adds what people entered by hand until they release it', async () => {
    const dnc = byHand();
    for (const entry of [
      { scope: 'national' as const },
      { scope: 'litigator' as const },
      { scope: 'state' as const, state: 'TX' },
      { scope: 'reassigned' as const },
    ])
      await dnc.add({ phone: '+12065550001', source: 'letter', ...entry }, 'ada');
    await listsOver(store).import(full('national', day('11-19')), upload(fileOf(3)), 'ada');
    expect(await dncOf('+12065550001')).toMatchObject({
      national: { asOf: day('11-19'), listed: ['+12065550001'] },
      state: { TX: { asOf: null, listed: ['+12065550001'] } },
      litigator: true,
      reassigned: { result: 'yes' },
    });
    for (const scope of ['national', 'litigator', 'reassigned'] as const)
      await dnc.release({ phone: '+12065550001', scope, reason: 'an error' }, 'ada');
    expect(await dncOf('+12065550001')).toMatchObject({
      national: { listed: [] },
      litigator: false,
      reassigned: null,
    });
  });

  test('takes the newest answer about a reassigned number, and a yes by hand before it', async () => {
    await listsOver(store).import(
      full('reassigned', day('11-19')),
      upload('phone,result,checked\n2065550001,no,2026-11-01\n2065550001,no data,2026-11-02\n'),
      'ada',
    );
    expect((await dncOf('+12065550001')).reassigned).toEqual({ result: 'no_data', checkedAt: day('11-02') });
    await byHand().add({ phone: '+12065550001', scope: 'reassigned', source: 'the person said so' }, 'ada');
    expect((await dncOf('+12065550001')).reassigned?.result).toBe('yes');
  });
});

/**
 * contract/migrate: everything goes from one store to another and is the same there, or the target says that it is not
 * complete. Between two embedded stores always; to MongoDB and back where TEST_MONGODB_URI names one.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Progress } from '../../src/adapters/store/contents.ts';
import { fillStore } from '../../src/adapters/store/local/fill.ts';
import { type LocalStore, openLocalStore } from '../../src/adapters/store/local/index.ts';
import { migrate, unfinishedMigration, type WholeStore } from '../../src/adapters/store/migrate.ts';
import { openMongoStore } from '../../src/adapters/store/mongo/index.ts';
import { createClock } from '../../src/adapters/system.ts';
import { runCommand, source, spawnModule } from '../support/programs.ts';
import { failureOf, fill, freshDir, LIST, lead, ON_LIST, oid, silent } from './filled.ts';

const quiet = (): void => undefined;
const uri = process.env.TEST_MONGODB_URI ?? '';
const clock = createClock(silent);

let dir: string;
let from: LocalStore;
const stores: WholeStore[] = [];

const openIn = async (name: string): Promise<LocalStore> => {
  const store = await openLocalStore({ dir: join(dir, name), log: silent });
  stores.push(store);
  return store;
};
/** A store whose `fill` does something else. */
const filling = (store: WholeStore, other: WholeStore['whole']['fill']): WholeStore => ({
  ...store,
  whole: { ...store.whole, fill: other },
});

async function expectAll(store: WholeStore): Promise<void> {
  expect(await store.collection('leads').get(oid(7))).toEqual(lead(7));
  expect(await store.collection('leads').count({})).toBe(40);
  expect((await store.events(oid(2))).map(({ seq }) => seq)).toEqual(
    Array.from({ length: 20 }, (_, n) => n + 1),
  );
  expect(await store.collection('consent_heads').get('+12125550100')).toMatchObject({
    phone: '+12125550100',
  });
  expect(await store.collection('call_transcripts_archive_2019').count({})).toBe(1);
  expect((await store.lists.lookUp(ON_LIST)).listedIn).toEqual([LIST]);
  expect((await store.lists.copies())[0]).toMatchObject({ count: 3, asOf: new Date(1_789_000_000_000) });
  expect(await store.collection('system_config').count({})).toBe(0);
  expect(await unfinishedMigration(store)).toBeUndefined();
}

beforeEach(async () => {
  dir = freshDir();
  from = await openIn('from');
  await fill(from);
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  rmSync(dir, { recursive: true, force: true });
});

test('everything is carried: documents, archives, lists', async () => {
  const to = await openIn('to');
  const carried = await migrate(from, to, 'here', quiet);
  expect(carried.collections).toMatchObject({ leads: { count: 40 }, call_events: { count: 60 } });
  expect(carried.lists).toMatchObject({ [LIST]: { count: 3 } });
  await expectAll(to);
  await expectAll(from);
});

test('whoever must not be called is carried first, and who might be last', async () => {
  await from.collection('dnc_registry').insert({
    _id: oid(700),
    phone: '+12065550100',
    scope: 'internal',
  } as never);
  const seen: string[] = [];
  await migrate(from, await openIn('to'), 'here', ({ what }: Progress) => {
    if (seen.at(-1) !== what && !what.startsWith('comparing')) seen.push(what);
  });
  expect(seen.slice(0, 2)).toEqual([LIST, 'dnc_registry']);
  expect(seen.at(-1)).toBe('leads');
});

test('a target with something in it is refused and stays as it is', async () => {
  const to = await openIn('to');
  await to.collection('claims').insert({ _id: 'mine' } as never);
  const failure = await failureOf(migrate(from, to, 'here', quiet));
  expect(failure.code).toBe('invalid_request');
  expect(failure.message).toContain('claims');
  expect(await to.collection('leads').count({})).toBe(0);
  expect(await to.collection('system_config').count({})).toBe(0);
  const listed = await openIn('listed');
  const copy = await listed.lists.stage('x', 'state', 'empty');
  await copy.write(Float64Array.of(2_015_550_001), 1);
  await copy.commit(new Date(1));
  expect((await failureOf(migrate(from, listed, 'here', quiet))).message).toContain('the list state');
});

test('what was cut off says so, goes on from the same source, and from no other', async () => {
  const to = await openIn('to');
  let batches = 0;
  const breaking = filling(to, async (name, documents) => {
    batches += 1;
    if (batches === 3) throw new Error('the line is cut');
    await to.whole.fill(name, documents);
  });
  await expect(migrate(from, breaking, 'here', quiet)).rejects.toThrow('the line is cut');
  expect(await unfinishedMigration(to)).toBe('here');
  expect((await failureOf(migrate(from, to, 'elsewhere', quiet))).message).toContain('from here');
  expect((await failureOf(migrate(to, await openIn('third'), 'here', quiet))).message).toContain(
    'unfinished',
  );
  await migrate(from, to, 'here', quiet);
  await expectAll(to);
});

test.each<readonly [string, (to: WholeStore) => WholeStore]>([
  [
    'loses a document',
    (to) =>
      filling(to, (name, documents) =>
        to.whole.fill(name, name === 'leads' ? documents.slice(1) : documents),
      ),
  ],
  [
    'changes a document',
    (to) =>
      filling(to, (name, documents) =>
        to.whole.fill(
          name,
          name === 'leads' ? documents.map((each) => ({ ...each, status: 'new' })) : documents,
        ),
      ),
  ],
  [
    'loses a number of a list',
    (to) => ({
      ...to,
      lists: {
        ...to.lists,
        stage: async (...asked) => {
          const staged = await to.lists.stage(...asked);
          return { ...staged, write: (numbers, lines) => staged.write(numbers.slice(1), lines) };
        },
      },
    }),
  ],
])('a target that %s is found out and stays marked', async (_, spoil) => {
  const to = await openIn('to');
  const failure = await failureOf(migrate(from, spoil(to), 'here', quiet));
  expect(failure.message).toMatch(/leads has|national has/);
  expect(await unfinishedMigration(to)).toBe('here');
});

test('a source that changes meanwhile is found out', async () => {
  const to = await openIn('to');
  const late = filling(to, async (name, documents) => {
    await to.whole.fill(name, documents);
    if (name === 'leads') await from.collection('claims').insert({ _id: 'late' } as never);
  });
  await from.collection('claims').insert({ _id: 'there' } as never);
  expect((await failureOf(migrate(from, late, 'here', quiet))).message).toContain(
    'claims of the source changed',
  );
});

test('an embedded target is there when all of it is, and not before', async () => {
  const to = join(dir, 'to');
  await expect(
    fillStore(to, silent, async (target) => {
      await fill(target);
      throw new Error('in the middle');
    }),
  ).rejects.toThrow('in the middle');
  expect(readdirSync(to)).toEqual([]);
  await fillStore(to, silent, (target) => migrate(from, target, 'here', quiet));
  await expectAll(await openIn('to'));
  const failure = await failureOf(fillStore(join(dir, 'from'), silent, async () => undefined));
  expect(failure.message).toContain(String(process.pid));
  await from.close();
  expect((await failureOf(fillStore(join(dir, 'from'), silent, async () => undefined))).code).toBe(
    'invalid_request',
  );
});

test('kill -9 while an embedded target is filled leaves none, and the same again makes it', async () => {
  const to = join(dir, 'to');
  const { child, exited, lines } = spawnModule(`
    import { fillStore } from ${source('src/adapters/store/local/fill.ts')};
    import { fill, silent } from ${source('test/contract/filled.ts')};
    await fillStore(${JSON.stringify(to)}, silent, async (store) => {
      await fill(store);
      console.log('filled');
      await new Promise((done) => setTimeout(done, 60_000));
    });`);
  expect((await lines.next()).value).toBe('filled');
  child.kill('SIGKILL');
  await exited;
  expect(readdirSync(to).filter((name) => name.endsWith('.mdb'))).toEqual([]);
  await fillStore(to, silent, (target) => migrate(from, target, 'here', quiet));
  expect(existsSync(join(to, 'filling'))).toBe(false);
  await expectAll(await openIn('to'));
});

test('the command says what it needs, and repeats no password', async () => {
  const [bare, both, mistyped] = await Promise.all([
    runCommand('migrate', [], dir),
    runCommand('migrate', ['--to', 'embedded', '--from', 'embedded'], dir),
    runCommand('migrate', ['--to', 'mongodb:/me:secret@127.0.0.1/parley'], dir),
  ]);
  for (const { code, errors } of [bare, both, mistyped]) {
    expect(code).toBe(2);
    expect(errors).toContain('npm run migrate');
    expect(errors).not.toContain('secret');
  }
});

if (uri === '')
  test('NOT RUN: to MongoDB and back. TEST_MONGODB_URI=mongodb://127.0.0.1:27017 npx vitest run test/contract/migrate.test.ts', () => {
    expect(uri).toBe('');
  });
else
  describe('MongoDB', () => {
    const database = `parley_migrate_${randomBytes(4).toString('hex')}`;
    const openMongo = async (): Promise<WholeStore> => {
      const store = await openMongoStore({ uri, database, timeoutMs: 20_000, log: silent, clock });
      stores.push(store);
      return store;
    };

    afterEach(async () => {
      const client = new MongoClient(uri);
      await client.db(database).dropDatabase();
      await client.close();
    });

    test('there and back everything is the same, to the hash', async () => {
      const mongo = await openMongo();
      const there = await migrate(from, mongo, 'here', quiet);
      await expectAll(mongo);
      const back = await openIn('back');
      expect(await migrate(mongo, back, 'mongodb', quiet)).toEqual(there);
      await expectAll(back);
    });

    test('the commands carry it, refuse a target in use, and no other program starts on half of it', async () => {
      await from.close();
      const data = join(dir, 'data');
      await fillStore(join(data, 'store'), silent, (store) => fill(store));
      const target = uri.replace(/\/(\?|$)/, `/${database}$1`);
      const there = await runCommand('migrate', ['--to', target], data);
      expect(there.errors).toBe('');
      expect(there.out).toContain('are the same');
      const again = await runCommand('migrate', ['--to', target], data);
      expect(again.code).toBe(2);
      expect(again.errors).toContain('not empty');
      const empty = join(dir, 'empty');
      const back = await runCommand('migrate', ['--to', 'embedded'], data, {
        MONGODB_URI: target,
        DATA_DIR: empty,
      });
      expect(back.errors).toBe('');
      const store = await openLocalStore({ dir: join(empty, 'store'), log: silent });
      stores.push(store);
      await expectAll(store);
    });

    test('a target that is not complete is refused by the programs beside the server', async () => {
      const mongo = await openMongo();
      const breaking = filling(mongo, async () => {
        throw new Error('the line is cut');
      });
      await expect(migrate(from, breaking, 'here', quiet)).rejects.toThrow('the line is cut');
      const { errors } = await runCommand('restore-journal', ['--from', dir], dir, {
        MONGODB_URI: uri,
        MONGODB_DATABASE: database,
      });
      expect(errors).toContain('a migration from here');
    });
  });

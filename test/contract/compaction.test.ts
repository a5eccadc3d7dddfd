/** contract/compaction: the embedded store writes its file anew while it is used; nothing is lost, and what was removed is gone. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type LocalStore, openLocalStore } from '../../src/adapters/store/local/index.ts';
import type { CallEvent } from '../../src/domain/call.ts';
import { OPEN, spawnModule } from '../support/programs.ts';
import { event, failureOf, fill, freshDir, LIST, lead, ON_LIST, oid, silent } from './filled.ts';

const SECRET = 'Maria Gonzalez of Pine Street';
const dirs: string[] = [];
const stores: LocalStore[] = [];

const newDir = (): string => {
  const dir = freshDir();
  dirs.push(dir);
  return dir;
};
async function openIn(dir: string): Promise<LocalStore> {
  const store = await openLocalStore({ dir, log: silent });
  stores.push(store);
  return store;
}
const filesWith = (dir: string, text: string): string[] =>
  readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isFile() && readFileSync(join(dir, entry.name)).includes(text))
    .map(({ name }) => name);

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

test('what was removed is in the file until it is written anew, and nowhere afterwards', async () => {
  const dir = newDir();
  const store = await openIn(dir);
  await fill(store);
  const leads = store.collection('leads');
  for (let n = 100; n < 160; n += 1) await leads.insert(lead(n, { notes: `${SECRET} ${n} `.repeat(n) }));
  await leads.put(lead(100, { notes: 'erased' }));
  await leads.remove({ externalId: { $in: Array.from({ length: 59 }, (_, n) => `row-${n + 101}`) } });
  expect(filesWith(dir, SECRET)).not.toEqual([]);
  const { bytesBefore, bytesAfter } = await store.compact();
  expect(bytesAfter).toBeLessThan(bytesBefore);
  expect(filesWith(dir, SECRET)).toEqual([]);
  expect(await leads.get(oid(7))).toEqual(lead(7));
  expect(await leads.get(oid(100))).toEqual(lead(100, { notes: 'erased' }));
  expect(await leads.count({})).toBe(41);
  expect((await store.lists.lookUp(ON_LIST)).listedIn).toEqual([LIST]);
  expect(await store.collection('call_transcripts_archive_2019').count({})).toBe(1);
  await store.close();
  const again = await openIn(dir);
  expect(await again.collection('leads').count({})).toBe(41);
  expect(await again.collection('leads').find({ filter: { 'contact.email': 'p7@example.com' } })).toEqual([
    lead(7),
  ]);
});

test('calls go on while the file is written anew: no event is lost, no index misses one', async () => {
  const store = await openIn(newDir());
  await fill(store, 400, 300);
  let going = true;
  const appended: CallEvent[] = [];
  const writers = Array.from({ length: 20 }, async (_, n) => {
    for (let seq = 1; going; seq += 1) {
      const one = event(10 + n, seq);
      expect(await store.append(one)).toBe('appended');
      appended.push(one);
      await store.collection('leads').update({ _id: oid(1 + n) }, { $set: { status: `at ${seq}` } });
    }
  });
  for (let n = 0; n < 4; n += 1) await store.compact();
  going = false;
  await Promise.all(writers);
  for (let n = 0; n < 20; n += 1) {
    const seqs = (await store.events(oid(10 + n))).map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, at) => at + 1));
    const last = seqs.length;
    expect(
      await store.collection('leads').find({ filter: { status: `at ${last}`, _id: oid(1 + n) } }),
    ).toHaveLength(1);
  }
  expect(await store.collection('call_events').count({})).toBe(300 + appended.length);
  for (const { eventId } of appended)
    expect(await store.collection('call_events').find({ filter: { eventId } })).toHaveLength(1);
});

test('a scan that began before goes on in the old file and sees its moment', async () => {
  const store = await openIn(newDir());
  await fill(store, 3_000, 3);
  const scan = store.collection('leads').find({ filter: { 'contact.score': { $gte: 0 } } });
  const compacted = store.compact();
  await store.collection('leads').remove({ status: 'lost' });
  expect(await scan).toHaveLength(3_000);
  await compacted;
  expect(await store.collection('leads').count({})).toBe(1_500);
  expect(await store.collection('leads').find({ filter: { status: 'lost' } })).toEqual([]);
});

test('lists that become current meanwhile are whole', async () => {
  const store = await openIn(newDir());
  await fill(store);
  const numbers = Float64Array.from({ length: 20_000 }, (_, n) => 2_025_550_000 + n * 37);
  const staged = await store.lists.stage('b', 'state', 'empty');
  await staged.write(numbers, numbers.length);
  const committing = staged.commit(new Date(5));
  while (!(await store.lists.copies()).some(({ list }) => list === 'state')) await store.compact();
  await committing;
  await store.compact();
  for (const number of numbers) expect((await store.lists.lookUp(number)).listedIn).toEqual(['state']);
});

test('two that ask at once get one; a store that closes meanwhile stays whole', async () => {
  const dir = newDir();
  const store = await openIn(dir);
  await fill(store, 400, 300);
  const both = [store.compact(), store.compact()];
  expect(await both[0]).toBe(await both[1]);
  const late = store.compact().catch(() => undefined);
  await store.close();
  await late;
  expect((await failureOf(store.compact())).code).toBe('store_unavailable');
  const again = await openIn(dir);
  expect(await again.collection('call_events').count({})).toBe(300);
  expect(readdirSync(dir).filter((name) => name.endsWith('.mdb'))).toHaveLength(1);
});

test('a new file that cannot be made leaves everything as it was', async () => {
  const dir = newDir();
  const store = await openIn(dir);
  await fill(store);
  await store.compact();
  const [name = ''] = readdirSync(dir).filter((each) => each.endsWith('.mdb'));
  const { ino } = statSync(join(dir, name));
  // What a copy goes to is a directory here: the copy fails.
  mkdirSync(join(dir, 'draft.new', 'in the way'), { recursive: true });
  expect((await failureOf(store.compact())).code).toBe('store_unavailable');
  expect(statSync(join(dir, name)).ino).toBe(ino);
  await store.append(event(9, 1));
  expect(await store.collection('leads').count({})).toBe(40);
  rmSync(join(dir, 'draft.new'), { recursive: true });
  await store.compact();
  expect(await store.events(oid(9))).toHaveLength(1);
});

test('kill -9 in the middle leaves everything that was acknowledged, in one file', async () => {
  const dir = newDir();
  for (const [round, afterMs] of [20, 90, 200].entries()) {
    const { child, exited, lines } = spawnModule(`${OPEN(dir)}
      if (${round} === 0) await fill(store, 600, 3);
      const again = async () => { for (;;) await store.compact(); };
      void again();
      console.log('go');
      for (let seq = 1; ; seq += 1) {
        await store.append(event(${20 + round}, seq));
        console.log(seq);
      }`);
    expect((await lines.next()).value).toBe('go');
    let acknowledged = 0;
    const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
    for (let line = await lines.next(); !line.done; line = await lines.next())
      acknowledged = Number(line.value);
    await exited;
    clearTimeout(timer);
    const store = await openIn(dir);
    const seqs = (await store.events(oid(20 + round))).map(({ seq }) => seq);
    expect(seqs.length).toBeGreaterThanOrEqual(acknowledged);
    expect(seqs).toEqual(seqs.map((_, at) => at + 1));
    expect(await store.collection('leads').count({})).toBe(600);
    await store.close();
    expect(readdirSync(dir).filter((name) => /\.mdb$|\.new$/.test(name))).toHaveLength(1);
  }
});

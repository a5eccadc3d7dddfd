/** contract/backup-restore: a backup made while Parley runs is whole, or is none; restoring it brings all back, or changes nothing. */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { open as openLmdb } from 'lmdb';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { backUp, type Manifest, restore } from '../../src/adapters/store/local/backup.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { fingerprint } from '../../src/domain/canonical.ts';
import { OPEN, runCommand, source, spawnModule } from '../support/programs.ts';
import { event, failureOf, fill, freshDir, LIST, lead, ON_LIST, oid, silent } from './filled.ts';

const quiet = (): void => undefined;
const dirs: string[] = [];
let sound: string;
let backup: string;
let manifest: Manifest;

const newDir = (): string => {
  const dir = freshDir();
  dirs.push(dir);
  return dir;
};
/** A copy of the sound backup, to be spoilt. */
const copyOfBackup = (): string => {
  const copy = join(newDir(), 'backup');
  cpSync(backup, copy, { recursive: true });
  return copy;
};
const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
/** Every file under a directory with its hash, locks left out. */
const stateOf = (dir: string): string[] =>
  existsSync(dir)
    ? readdirSync(dir, { recursive: true, encoding: 'utf8', withFileTypes: true })
        .filter((entry) => entry.isFile() && !/lock/.test(entry.name))
        .map((entry) => `${entry.name} ${hashOf(join(entry.parentPath, entry.name))}`)
        .sort()
    : [];
/** The manifest with changes, and a hash that fits it. */
const writeManifest = (dir: string, changes: object): void => {
  const { sha256, ...facts } = { ...manifest, ...changes };
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ ...facts, sha256: fingerprint(facts) }));
};

beforeAll(async () => {
  sound = freshDir();
  const dir = join(sound, 'store');
  const store = await openLocalStore({ dir, log: silent });
  await fill(store);
  await store.close();
  backup = join(sound, 'backup');
  manifest = await backUp(dir, backup, quiet);
});
afterAll(() => rmSync(sound, { recursive: true, force: true }));
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

test('a backup says what it holds and brings all of it back', async () => {
  expect(readdirSync(backup).sort()).toEqual(['manifest.json', 'store.mdb']);
  expect(manifest.contents.collections).toMatchObject({
    leads: { count: 40 },
    call_events: { count: 60 },
    consent_heads: { count: 1 },
    call_analyses: { count: 1 },
    call_transcripts_archive_2019: { count: 1 },
  });
  expect(manifest.contents.lists).toMatchObject({ [LIST]: { count: 3 } });
  const dir = join(newDir(), 'store');
  await restore(backup, dir, false, quiet);
  const store = await openLocalStore({ dir, log: silent });
  expect(await store.collection('leads').get(oid(7))).toEqual(lead(7));
  expect(await store.collection('leads').find({ filter: { status: 'lost' } })).toHaveLength(20);
  expect((await store.events(oid(2))).map(({ seq }) => seq)).toEqual(
    Array.from({ length: 20 }, (_, n) => n + 1),
  );
  expect(await store.collection('call_transcripts_archive_2019').count({})).toBe(1);
  expect((await store.lists.lookUp(ON_LIST)).listedIn).toEqual([LIST]);
  await store.close();
});

test('a backup made while events are written holds one moment, and the writer is not told', async () => {
  const dir = join(newDir(), 'store');
  const { child, exited, lines } = spawnModule(`${OPEN(dir)}
    await store.append(event(1, 1));
    console.log('open');
    for (let seq = 2; ; seq += 1) {
      await store.append(event(1, seq));
      if (seq % 200 === 0) await new Promise((done) => setTimeout(done, 5));
    }`);
  expect((await lines.next()).value).toBe('open');
  const to = join(dir, '..', 'backup');
  const made = await backUp(dir, to, quiet);
  child.kill('SIGKILL');
  await exited;
  const back = join(dir, '..', 'back');
  await restore(to, back, false, quiet);
  const store = await openLocalStore({ dir: back, log: silent });
  const seqs = (await store.events(oid(1))).map(({ seq }) => seq);
  expect(seqs.length).toBe(made.contents.collections.call_events?.count);
  expect(seqs).toEqual(seqs.map((_, n) => n + 1));
  await store.close();
});

test('who said stop after the backup is still on the list when it is restored, and nobody else comes onto it', async () => {
  const dir = join(newDir(), 'store');
  await restore(backup, dir, false, quiet);
  const at = new Date();
  const stop = (n: number, phone: string, more: object = {}) => ({
    _id: oid(7_000 + n),
    phone,
    scope: 'internal' as const,
    state: null,
    seller: 'Acme Homes',
    source: 'call',
    listedAt: at,
    createdAt: at,
    updatedAt: at,
    ...more,
  });
  const later = await openLocalStore({ dir, log: silent });
  await later.collection('dnc_registry').insert(stop(1, '+12125557001'));
  await later
    .collection('dnc_registry')
    .insert(stop(2, '+12125557002', { releasedAt: at, releasedBy: 'ana' }));
  await later.collection('consent_logs').insert({
    _id: oid(7_003),
    phone: '+12125557003',
    eventType: 'consent_revoked',
    timestamp: at,
    seq: 1,
    prevHash: '',
    hash: 'h',
  } as never);
  await later.close();
  expect((await restore(backup, dir, true, quiet)).stops).toBe(2);
  const restored = await openLocalStore({ dir, log: silent });
  const listed = async (phone: string): Promise<number> =>
    await restored.collection('dnc_registry').count({ phone, releasedAt: { $exists: false } });
  expect(await Promise.all(['+12125557001', '+12125557002', '+12125557003'].map(listed))).toEqual([1, 0, 1]);
  expect(await restored.collection('consent_logs').get(oid(7_003))).toBeUndefined();
  await restored.close();
  expect(readdirSync(dir).filter((name) => /restoring|draft/.test(name))).toEqual([]);
});

test('a database that is not empty is replaced only when that is said, and is kept then', async () => {
  const dir = join(newDir(), 'store');
  const store = await openLocalStore({ dir, log: silent });
  await store.collection('leads').insert(lead(999));
  await store.close();
  const before = stateOf(dir);
  const failure = await failureOf(restore(backup, dir, false, quiet));
  expect(failure.code).toBe('invalid_request');
  expect(failure.message).toContain(dir);
  expect(stateOf(dir)).toEqual(before);
  const { before: kept } = await restore(backup, dir, true, quiet);
  expect(`store.mdb ${hashOf(String(kept))}`).toBe(before[0]);
  const replaced = await openLocalStore({ dir, log: silent });
  expect(await replaced.collection('leads').get(oid(999))).toBeUndefined();
  expect(await replaced.collection('leads').count({})).toBe(40);
  await replaced.close();
});

test('an empty database is restored over', async () => {
  const dir = join(newDir(), 'store');
  await (await openLocalStore({ dir, log: silent })).close();
  await restore(backup, dir, false, quiet);
  const store = await openLocalStore({ dir, log: silent });
  expect(await store.collection('leads').count({})).toBe(40);
  await store.close();
});

test('while a process has the database open nothing is restored into it, and it is named', async () => {
  const dir = join(newDir(), 'store');
  const store = await openLocalStore({ dir, log: silent });
  const failure = await failureOf(restore(backup, dir, true, quiet));
  expect(failure.code).toBe('store_unavailable');
  expect(failure.message).toContain(String(process.pid));
  await store.close();
});

test('a byte that was changed anywhere in a backup is found, and nothing is restored', async () => {
  const copy = copyOfBackup();
  const dir = join(newDir(), 'store');
  for (const name of ['store.mdb', 'manifest.json']) {
    const path = join(copy, name);
    const bytes = readFileSync(path);
    for (let n = 0; n < 40; n += 1) {
      const at = Math.floor(((n + 0.5) / 40) * bytes.length);
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ (1 << (n % 8));
      // White space of JSON is nobody's.
      if (name === 'manifest.json' && /\s/.test(String.fromCharCode(bytes[at] as number))) continue;
      writeFileSync(path, changed);
      expect((await failureOf(restore(copy, dir, false, quiet))).code, `${name} at ${at}`).toBe(
        'invalid_request',
      );
    }
    writeFileSync(path, bytes);
  }
  expect(stateOf(dir)).toEqual([]);
});

test.each<readonly [string, (dir: string) => void]>([
  ['no manifest', (dir) => rmSync(join(dir, 'manifest.json'))],
  ['a manifest that is no JSON', (dir) => writeFileSync(join(dir, 'manifest.json'), 'store.mdb\n')],
  ['a manifest that is null', (dir) => writeFileSync(join(dir, 'manifest.json'), 'null')],
  ['a manifest that is a list', (dir) => writeFileSync(join(dir, 'manifest.json'), '[]')],
  ['a manifest of another program', (dir) => writeManifest(dir, { format: 'other 1' })],
  ['a manifest of a later schema', (dir) => writeManifest(dir, { schema: 999 })],
  ['a manifest without contents', (dir) => writeManifest(dir, { contents: {} })],
  [
    'a manifest with counts that are none',
    (dir) => writeManifest(dir, { contents: { collections: { leads: 4 }, lists: {} } }),
  ],
  ['a manifest with another size', (dir) => writeManifest(dir, { file: { ...manifest.file, bytes: 3 } })],
  [
    'a manifest with an endless size',
    (dir) => writeManifest(dir, { file: { ...manifest.file, bytes: 1e15 } }),
  ],
  [
    'a manifest that promises more than the file holds',
    (dir) =>
      writeManifest(dir, {
        contents: {
          ...manifest.contents,
          collections: { ...manifest.contents.collections, leads: { count: 41, sha256: '0' } },
        },
      }),
  ],
  [
    'a manifest that keeps silent about a collection',
    (dir) => writeManifest(dir, { contents: { ...manifest.contents, collections: {} } }),
  ],
  ['a manifest of a hundred megabytes', (dir) => truncateSync(join(dir, 'manifest.json'), 100_000_000)],
  ['a manifest nested without end', (dir) => writeFileSync(join(dir, 'manifest.json'), '['.repeat(500_000))],
  ['a file that was cut short', (dir) => truncateSync(join(dir, 'store.mdb'), 40_960)],
  ['a file with more behind it', (dir) => appendFileSync(join(dir, 'store.mdb'), 'more')],
])('%s is refused, and what is there stays', async (_, spoil) => {
  const copy = copyOfBackup();
  spoil(copy);
  const dir = join(newDir(), 'store');
  const failure = await failureOf(restore(copy, dir, true, quiet));
  expect(failure.code).toBe('invalid_request');
  expect(stateOf(dir)).toEqual([]);
});

test('a file that is no database is refused though its manifest fits', async () => {
  const copy = copyOfBackup();
  const bytes = Buffer.alloc(8192, 'not a database ');
  writeFileSync(join(copy, 'store.mdb'), bytes);
  writeManifest(copy, {
    file: { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
  });
  const failure = await failureOf(restore(copy, join(newDir(), 'store'), false, quiet));
  expect(failure.code).toBe('store_unavailable');
});

test('a record that the disk has changed is refused when it is read, and by a backup', async () => {
  const dir = join(newDir(), 'store');
  cpSync(join(sound, 'store'), dir, { recursive: true });
  const path = join(dir, 'store.mdb');
  const bytes = readFileSync(path);
  const at = bytes.indexOf('p7@example.com');
  for (let from = at; from !== -1; from = bytes.indexOf('p7@example.com', from + 1)) bytes[from] = 0x71;
  writeFileSync(path, bytes);
  expect((await failureOf(backUp(dir, join(dir, '..', 'backup'), quiet))).message).toContain('leads');
  expect(existsSync(join(dir, '..', 'backup'))).toBe(false);
  const store = await openLocalStore({ dir, log: silent });
  expect((await failureOf(store.collection('leads').get(oid(7)))).message).toContain('damaged');
  expect((await failureOf(store.collection('leads').find({}))).code).toBe('store_unavailable');
  expect(await store.collection('leads').get(oid(8))).toEqual(lead(8));
  await store.close();
});

test.each<readonly [string, string, string]>([
  ['lost a document', 'documents leads', 'names documents that are not there'],
  ['lost an entry of an index', 'index leads source_1_externalId_1', 'is missing in the index'],
])('a database that %s is no backup', async (_, table, says) => {
  const dir = join(newDir(), 'store');
  cpSync(join(sound, 'store'), dir, { recursive: true });
  const raw = openLmdb<Buffer, Buffer>({ path: join(dir, 'store.mdb'), keyEncoding: 'binary', maxDbs: 512 });
  const db = raw.openDB<Buffer, Buffer>({ name: table, keyEncoding: 'binary', encoding: 'binary' });
  const [first] = [...db.getKeys({ limit: 1 })];
  await db.remove(first as Buffer);
  await raw.close();
  expect((await failureOf(backUp(dir, join(dir, '..', 'backup'), quiet))).message).toContain(says);
});

test('a folder that is there is not written into', async () => {
  const to = newDir();
  writeFileSync(join(to, 'mine.txt'), 'mine');
  const failure = await failureOf(backUp(join(sound, 'store'), to, quiet));
  expect(failure.code).toBe('invalid_request');
  expect(readdirSync(to)).toEqual(['mine.txt']);
  expect((await failureOf(backUp(join(to, 'nothing'), join(to, 'new'), quiet))).code).toBe('not_found');
});

/** Big enough that a copy of it, and reading it, takes a while. */
async function bigStore(dir: string): Promise<void> {
  const store = await openLocalStore({ dir, log: silent });
  await fill(store, 1_500, 900);
  await store.close();
}

test('kill -9 at any moment of a backup leaves a whole backup or none, and the next removes what is left', async () => {
  const base = newDir();
  const dir = join(base, 'store');
  await bigStore(dir);
  for (const afterMs of [0, 40, 150]) {
    const to = join(base, `backup-${afterMs}`);
    const { child, exited, lines } = spawnModule(`
      import { backUp } from ${source('src/adapters/store/local/backup.ts')};
      console.log('go');
      await backUp(${JSON.stringify(dir)}, ${JSON.stringify(to)}, () => {});`);
    expect((await lines.next()).value).toBe('go');
    await new Promise((done) => setTimeout(done, afterMs));
    child.kill('SIGKILL');
    await exited;
    const made = existsSync(to);
    if (!made) await backUp(dir, to, quiet);
    await restore(to, join(base, `restored-${afterMs}`), false, quiet);
  }
  expect(readdirSync(base).filter((name) => name.includes('partial'))).toEqual([]);
});

test('kill -9 at any moment of restoring leaves the old database or the new one', async () => {
  const base = newDir();
  await bigStore(join(base, 'big'));
  const big = join(base, 'backup');
  await backUp(join(base, 'big'), big, quiet);
  const dir = join(base, 'store');
  cpSync(join(sound, 'store'), dir, { recursive: true });
  for (const afterMs of [0, 60, 200]) {
    const { child, exited, lines } = spawnModule(`
      import { restore } from ${source('src/adapters/store/local/backup.ts')};
      console.log('go');
      await restore(${JSON.stringify(big)}, ${JSON.stringify(dir)}, true, () => {});`);
    expect((await lines.next()).value).toBe('go');
    await new Promise((done) => setTimeout(done, afterMs));
    child.kill('SIGKILL');
    await exited;
    const store = await openLocalStore({ dir, log: silent });
    expect([40, 1_500]).toContain(await store.collection('leads').count({}));
    expect(await store.collection('leads').get(oid(7))).toEqual(lead(7));
    await store.close();
    expect(readdirSync(dir).filter((name) => /new|^store-?\d*\.mdb$/.test(name))).toHaveLength(1);
  }
});

test('the commands do it, and say what a person can do about what is in the way', async () => {
  const dir = newDir();
  mkdirSync(join(dir, 'store'));
  cpSync(join(sound, 'store'), join(dir, 'store'), { recursive: true });
  const to = join(dir, 'to');
  const [made, unnamed] = await Promise.all([runCommand('backup', [to], dir), runCommand('backup', [], dir)]);
  expect(made.errors).toBe('');
  expect(made.out).toContain('Read from end to end: whole');
  expect(unnamed.code).toBe(2);
  expect(unnamed.errors).toContain('npm run backup');
  const store = await openLocalStore({ dir: join(dir, 'store'), log: silent });
  const [running, mongo] = await Promise.all([
    runCommand('restore', [to, '--replace'], dir),
    runCommand('backup', [join(dir, 'other')], dir, { MONGODB_URI: 'mongodb://127.0.0.1:1' }),
  ]);
  await store.append(event(9, 1));
  await store.close();
  expect(running.errors).toContain(`in use by process ${process.pid}`);
  expect(mongo.errors).toContain('mongodump');
  const [refused, replaced] = [
    await runCommand('restore', [to], dir),
    await runCommand('restore', [to, '--replace'], dir),
  ];
  expect(refused.code).toBe(2);
  expect(replaced.out).toContain('the same');
  expect(replaced.code).toBe(0);
});

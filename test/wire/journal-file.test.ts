/** wire/journal-file: what was acknowledged is there again, whatever happened to the process, the disk or the bytes on it. */
import { spawn } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type JournalFile, openJournalFile } from '../../src/adapters/store/journal/file.ts';
import { type Damage, entryBytes, TITLE } from '../../src/adapters/store/journal/segments.ts';
import { type Failure, isFailure } from '../../src/domain/errors.ts';
import { ROOT } from '../support/made-once.ts';
import { programFrom, source } from '../support/programs.ts';

// ── A disk that fails on command ─────────────────────────────────────────────────────────────────────────────────────

/** What the disk does; files it was not told about are as they are. */
const disk = vi.hoisted(() => ({
  /** Bytes that still fit. */
  room: Number.POSITIVE_INFINITY,
  /** The next syncs fail. */
  failingSyncs: 0,
  /** Says that it synced, and did not. */
  lies: false,
  /** How much of each file would be there after the power went: what was synced. */
  synced: new Map<string, number>(),
  syncs: 0,
  tailsStay: false,
}));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const noSpace = () =>
    Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const wrap = (file: FileHandle, path: string): FileHandle =>
    new Proxy(file, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        if (key === 'write')
          return async (bytes: Buffer, from: number, length: number, at: number) => {
            const fits = Math.min(length, disk.room);
            disk.room -= fits;
            if (fits === 0) throw noSpace();
            return await target.write(bytes, from, fits, at);
          };
        if (key === 'truncate')
          return async (size: number) => {
            if (disk.tailsStay) throw new Error('EIO: i/o error, ftruncate');
            disk.room += (await target.stat()).size - size;
            await target.truncate(size);
          };
        if (key === 'sync' || key === 'datasync')
          return async () => {
            disk.syncs += 1;
            if (disk.failingSyncs > 0) {
              disk.failingSyncs -= 1;
              throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
            }
            const { size } = await target.stat();
            await target.datasync().catch(() => undefined);
            if (!disk.lies) disk.synced.set(path, size);
          };
        return value.bind(target);
      },
    });
  return {
    ...real,
    open: async (path: string, flags: string, mode?: number) =>
      wrap(await real.open(path, flags, mode), path),
  };
});

const dirs: string[] = [];
const files: JournalFile[] = [];
let dir: string;

beforeEach(() => {
  Object.assign(disk, {
    room: Number.POSITIVE_INFINITY,
    failingSyncs: 0,
    lies: false,
    syncs: 0,
    tailsStay: false,
  });
  disk.synced.clear();
  dir = freshDir();
});
afterEach(async () => {
  disk.failingSyncs = 0;
  await Promise.all(files.splice(0).map((file) => file.close()));
  for (const each of dirs.splice(0)) rmSync(each, { recursive: true, force: true });
});

function freshDir(): string {
  const made = mkdtempSync(join(tmpdir(), 'parley-journal-'));
  dirs.push(made);
  return made;
}

async function open(where = dir): Promise<JournalFile> {
  const file = await openJournalFile(where, Date.now);
  files.push(file);
  return file;
}

const text = (value: string): Buffer => Buffer.from(value);

async function contents(file: JournalFile): Promise<{ entries: string[]; damage: Damage[] }> {
  const entries: string[] = [];
  const damage: Damage[] = [];
  for await (const found of file.entries(0, (each) => damage.push(each)))
    entries.push(...found.map(({ payload }) => payload.toString('latin1')));
  return { entries, damage };
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => undefined,
    (why: unknown) => why,
  );
  if (isFailure(error)) return error;
  throw new Error(`not a Failure: ${String(error)}`);
}

const segments = (where = dir): string[] =>
  readdirSync(where)
    .filter((name) => name.endsWith('.journal'))
    .sort()
    .map((name) => join(where, name));

// ── Tests ────────────────────────────────────────────────────────────────────────────────────────────────────────────

test('what was appended is read in its order, by place and as a whole, also after opening again', async () => {
  const file = await open();
  const payloads = Array.from({ length: 500 }, (_, n) => `entry ${n} ${'x'.repeat((n * 7919) % 3_000)}`);
  const where = await Promise.all(payloads.map((payload) => file.append(text(payload))));
  expect(where.map(({ number }) => number)).toEqual(payloads.map((_, n) => n + 1));
  for (const n of [0, 1, 250, 499])
    expect((await file.read(where[n]?.place ?? 0)).toString()).toBe(payloads[n]);
  await file.close();
  const again = await open();
  expect(await contents(again)).toEqual({ entries: payloads, damage: [] });
  await again.append(text('one more'));
  expect(await contents(again)).toEqual({ entries: [...payloads, 'one more'], damage: [] });
  expect(again.next).toBe(502);
  const late: string[] = [];
  for await (const found of again.entries(where[498]?.place ?? 0, () => {}))
    late.push(...found.map(({ payload }) => payload.toString().slice(0, 9)));
  expect(late).toEqual(['entry 498', 'entry 499', 'one more']);
});

test('many that come at once share their syncs', async () => {
  const file = await open();
  await file.append(text('first'));
  const before = disk.syncs;
  await Promise.all(Array.from({ length: 1_000 }, (_, n) => file.append(text(`entry ${n}`))));
  expect(disk.syncs - before).toBeLessThan(10);
});

test('an entry of the largest size goes in, a larger one is refused, and the next is fine', async () => {
  const file = await open();
  const large = Buffer.alloc(17 * 1024 * 1024, 7);
  expect((await failureOf(file.append(Buffer.alloc(large.length + 1)))).code).toBe('payload_too_large');
  const { place } = await file.append(large);
  expect((await file.read(place)).equals(large)).toBe(true);
  await file.append(text('next'));
  expect((await contents(file)).entries.map(({ length }) => length)).toEqual([large.length, 4]);
});

test('whatever bytes are flipped or cut off, every intact entry is read, in order, and the lost ones are counted', async () => {
  const damages = fc.array(
    fc.record({
      segment: fc.nat(3),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      how: fc.constantFrom('flip' as const, 'flip' as const, 'cut' as const, 'zeros' as const),
    }),
    { maxLength: 4 },
  );
  const lives = fc.array(fc.array(fc.nat(700), { minLength: 1, maxLength: 30 }), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(lives, damages, async (sizes, hits) => {
      const where = freshDir();
      const all: { payload: string; from: number; to: number; segment: number }[] = [];
      for (const [life, lengths] of sizes.entries()) {
        const file = await open(where);
        let at = TITLE.length;
        const payloads = lengths.map((length, n) =>
          // Some look like the beginning of an entry.
          Buffer.concat([
            text(`${life}.${n} `),
            Buffer.alloc(length, length % 3 ? 'é' : Buffer.from([0xff, 0xfe, 0x50, 0x4a])),
          ]),
        );
        await Promise.all(payloads.map((payload) => file.append(payload)));
        for (const payload of payloads) {
          all.push({
            payload: payload.toString('latin1'),
            from: at,
            to: at + entryBytes(payload),
            segment: life,
          });
          at += entryBytes(payload);
        }
        await file.close();
      }
      const bytes = segments(where).map((path) => readFileSync(path));
      const written = bytes.map((each) => Buffer.from(each));
      for (const { segment, at, how } of hits) {
        const which = segment % bytes.length;
        const content = bytes[which] ?? Buffer.alloc(0);
        const offset = Math.floor(at * Math.max(0, content.length - 1));
        const end =
          how === 'cut'
            ? content.length
            : how === 'zeros'
              ? Math.min(content.length, offset + 60)
              : offset + 1;
        for (let n = offset; n < end; n += 1) {
          content[n] = how === 'zeros' ? 0 : (content[n] ?? 0) ^ 0x21;
        }
        if (how === 'cut') bytes[which] = content.subarray(0, offset);
      }
      for (const [n, path] of segments(where).entries()) writeFileSync(path, bytes[n] ?? '');
      // What was flipped twice is as it was.
      const intact = all.filter(({ segment, from, to }) =>
        written[segment]?.subarray(from, to).equals(bytes[segment]?.subarray(from, to) ?? Buffer.alloc(0)),
      );
      const file = await open(where);
      const { entries, damage } = await contents(file);
      expect(entries).toEqual(intact.map(({ payload }) => payload));
      // The last ones of all leave no trace by which they could be missed.
      const last = all.findLastIndex((each) => intact.includes(each));
      const missed = all.slice(0, last + 1).filter((each) => !intact.includes(each)).length;
      expect(damage.reduce((sum, { lost }) => sum + lost, 0)).toBe(missed);
      // It goes on behind the damage.
      await file.append(text('new life'));
      expect((await contents(file)).entries).toEqual([...intact.map(({ payload }) => payload), 'new life']);
      await file.close();
    }),
    { numRuns: 60 },
  );
});

test('a write that a crash cut off is told as such, and nothing before it is touched', async () => {
  const file = await open();
  for (const n of [1, 2, 3]) await file.append(text(`entry ${n}`));
  await file.close();
  const [path = ''] = segments();
  truncateSync(path, statSync(path).size - 3);
  const again = await open();
  const { entries, damage } = await contents(again);
  expect(entries).toEqual(['entry 1', 'entry 2']);
  expect(damage).toMatchObject([{ lost: 0, torn: true }]);
});

describe('a disk', () => {
  test('that is full refuses what does not fit, keeps what was there, and goes on when there is room', async () => {
    const file = await open();
    await file.append(text('before'));
    disk.room = 30;
    const refused = await Promise.allSettled(
      ['x'.repeat(100), 'y'.repeat(100)].map((each) => file.append(text(each))),
    );
    for (const each of refused)
      expect(each.status === 'rejected' && each.reason).toMatchObject({ code: 'store_unavailable' });
    expect(await contents(file)).toEqual({ entries: ['before'], damage: [] });
    disk.room = Number.POSITIVE_INFINITY;
    const { number } = await file.append(text('after'));
    expect(number).toBe(2);
    await file.close();
    expect(await contents(await open())).toEqual({ entries: ['before', 'after'], damage: [] });
  });

  test('that is full before there is a first segment lets the journal open and begin later', async () => {
    disk.room = 5;
    const file = await open();
    expect((await failureOf(file.append(text('too early')))).code).toBe('store_unavailable');
    disk.room = Number.POSITIVE_INFINITY;
    await file.append(text('in time'));
    expect((await contents(file)).entries).toEqual(['in time']);
  });

  test.each([false, true])(
    'whose sync fails has not taken the entry, though its bytes may stay (they stay: %s)',
    async (tailsStay) => {
      const file = await open();
      await file.append(text('before'));
      disk.tailsStay = tailsStay;
      disk.failingSyncs = 1;
      expect((await failureOf(file.append(text('refused')))).code).toBe('store_unavailable');
      await file.append(text('after'));
      expect((await contents(file)).entries).toEqual(['before', 'after']);
      await file.close();
      expect((await contents(await open())).entries).toEqual(['before', 'after']);
    },
  );

  /** Appends until the power goes in the middle; answers what was acknowledged by then and is not there afterwards. */
  async function lostWhenThePowerGoes(rounds: number): Promise<number> {
    let lost = 0;
    for (let round = 0; round < rounds; round += 1) {
      const where = freshDir();
      const file = await open(where);
      const acknowledged: string[] = [];
      let isOut = false;
      const writers = Array.from({ length: 8 }, async (_, w) => {
        for (let n = 0; !isOut && n < 400; n += 1) {
          const entry = `writer ${w} entry ${n}`;
          await file.append(text(entry));
          if (!isOut) acknowledged.push(entry);
        }
      });
      while (acknowledged.length < 60 + round * 37) await new Promise((done) => setImmediate(done));
      isOut = true;
      const left = segments(where).map((path) => readFileSync(path).subarray(0, disk.synced.get(path) ?? 0));
      await Promise.all(writers);
      await file.close();
      const after = freshDir();
      for (const [n, path] of segments(where).entries())
        writeFileSync(join(after, path.slice(where.length + 1)), left[n] ?? '');
      const there = new Set((await contents(await open(after))).entries);
      lost += acknowledged.filter((entry) => !there.has(entry)).length;
    }
    return lost;
  }

  test('whose power goes has everything that was acknowledged', async () => {
    expect(await lostWhenThePowerGoes(8)).toBe(0);
  });

  test('that says it synced and did not is found out by the same look', async () => {
    disk.lies = true;
    expect(await lostWhenThePowerGoes(2)).toBeGreaterThan(0);
  });
});

test('old segments go when what is in them was sent; the present one and later ones stay', async () => {
  for (const life of [1, 2, 3]) {
    const file = await open();
    await file.append(text(`life ${life}`));
    await file.close();
  }
  const file = await open();
  await file.append(text('life 4'));
  const places: number[] = [];
  for await (const found of file.entries(0, () => {})) places.push(...found.map(({ place }) => place));
  const [first = '', second = '', third = ''] = segments();
  const longAgo = new Date(Date.now() - 20 * 24 * 3_600_000);
  for (const path of [first, second, third]) utimesSync(path, longAgo, longAgo);
  const weekAgo = Date.now() - 7 * 24 * 3_600_000;
  // Only the first two are sent.
  expect(await file.prune(places[2] ?? 0, weekAgo)).toBe(2);
  expect((await contents(file)).entries).toEqual(['life 3', 'life 4']);
  expect(await file.prune(file.end, weekAgo)).toBe(1);
  expect(await file.prune(file.end, Date.now() + 1_000)).toBe(0);
  expect((await contents(file)).entries).toEqual(['life 4']);
  await failureOf(file.read(places[0] ?? 0));
});

test('a closed journal takes nothing more, and closing waits for what it took', async () => {
  const file = await open();
  const taken = Promise.all(Array.from({ length: 50 }, (_, n) => file.append(text(`entry ${n}`))));
  await file.close();
  await taken;
  expect((await failureOf(file.append(text('late')))).code).toBe('store_unavailable');
  expect((await contents(await open())).entries).toHaveLength(50);
});

test('kill -9 at any moment loses nothing that was acknowledged', async () => {
  const code = `
    import { openJournalFile } from ${source('src/adapters/store/journal/file.ts')};
    const file = await openJournalFile(${JSON.stringify(dir)}, Date.now);
    let n = 0;
    const writer = async () => {
      for (;;) {
        const entry = process.pid + ' ' + n++;
        await file.append(Buffer.from(entry));
        process.stdout.write(entry + '\\n');
      }
    };
    for (let w = 0; w < 20; w += 1) void writer();
  `;
  const acknowledged: string[] = [];
  for (const until of [1, 150, 700, 1_500]) {
    const child = spawn(process.execPath, [programFrom(code)], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const over = new Promise((done) => child.once('exit', done));
    let seen = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(line);
      seen += 1;
      if (seen === until) child.kill('SIGKILL');
    }
    await over;
  }
  const { entries } = await contents(await open());
  const there = new Set(entries);
  expect(acknowledged.length).toBeGreaterThan(2_000);
  expect(acknowledged.filter((entry) => !there.has(entry))).toEqual([]);
  expect(there.size).toBe(entries.length);
});

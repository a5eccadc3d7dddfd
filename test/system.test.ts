/** The machine's clock, ids and log. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createClock, createIds, createLog } from '../src/adapters/system.ts';
import { Failure } from '../src/domain/errors.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const lines = (write: (log: ReturnType<typeof createLog>) => void, tty = false): string[] => {
  const out = Object.assign(new PassThrough(), { isTTY: tty });
  write(createLog('debug', out));
  return String(out.read() ?? '')
    .trimEnd()
    .split('\n');
};
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('the wheel gives every task one beat each 20 ms and makes up what a busy machine missed', async () => {
  const clock = createClock(quiet);
  const beats: number[] = [];
  const began = clock.steadyMs();
  const stop = clock.everyFrame((at) => beats.push(at));
  await sleep(100);
  const busyUntil = performance.now() + 130;
  while (performance.now() < busyUntil);
  await sleep(300);
  const took = clock.steadyMs() - began;
  stop();
  const gaps = beats.slice(1).map((at, i) => at - (beats[i] ?? 0));
  expect(gaps.every((gap) => Math.abs(gap - 20) < 0.001)).toBe(true);
  expect(Math.abs(beats.length - took / 20)).toBeLessThanOrEqual(4);
  const count = beats.length;
  await sleep(60);
  expect(beats.length).toBe(count);
});

test('a task that throws is logged, and the others go on', async () => {
  const failed: unknown[] = [];
  const clock = createClock({ ...quiet, error: (fields) => failed.push(fields.err) });
  let good = 0;
  const stops = [
    clock.everyFrame(() => {
      throw new Error('bad task');
    }),
    clock.everyFrame(() => {
      good += 1;
    }),
  ];
  await sleep(150);
  for (const stop of stops) stop();
  expect(good).toBeGreaterThanOrEqual(3);
  expect(failed.length).toBeGreaterThanOrEqual(3);
});

test('one function subscribed twice is two tasks, each with its own end', async () => {
  const clock = createClock(quiet);
  let beats = 0;
  const task = () => {
    beats += 1;
  };
  const [one, two] = [clock.everyFrame(task), clock.everyFrame(task)];
  one();
  one();
  await sleep(70);
  expect(beats).toBeGreaterThan(0);
  two();
});

test('sleep ends on time, or with the reason of its signal', async () => {
  const clock = createClock(quiet);
  const began = clock.steadyMs();
  await clock.sleep(30);
  expect(clock.steadyMs() - began).toBeGreaterThanOrEqual(28);
  const stop = new AbortController();
  const long = clock.sleep(1e6, stop.signal);
  stop.abort(new Error('enough'));
  await expect(long).rejects.toThrow('enough');
  await expect(clock.sleep(1, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
});

test('a wait longer than a timer of Node can hold does not fire at once', async () => {
  const clock = createClock(quiet);
  let fired = false;
  const cancel = clock.after(2 ** 31 + 1000, () => {
    fired = true;
  });
  await sleep(30);
  cancel();
  expect(fired).toBe(false);
});

test('ids are ObjectIds: time, process, counter; unique and in order', () => {
  const ids = createIds(() => 1_700_000_000_999);
  const made = Array.from({ length: 5000 }, () => ids.objectId());
  expect(new Set(made).size).toBe(5000);
  for (const id of made) expect(id).toMatch(/^6553f100[0-9a-f]{16}$/);
  expect(new Set(made.map((id) => id.slice(8, 18))).size).toBe(1);
  const counters = made.map((id) => Number.parseInt(id.slice(18), 16));
  expect(counters.slice(1).every((n, i) => n === (((counters[i] ?? 0) + 1) & 0xffffff))).toBe(true);
  expect(ids.token()).toMatch(/^[\w-]{43}$/);
  expect(ids.token()).not.toBe(ids.token());
});

test('personal data is masked, fixed sentences and ids are not', () => {
  const [line = ''] = lines((log) =>
    log.info(
      {
        callId: 'c1',
        pii: {
          phone: '+12065550123',
          name: 'Ada Lovelace',
          email: 'ada@example.com',
          said: ['my address is 7 Elm St'],
          address: { zip: 98101 },
        },
      },
      'dialing',
    ),
  );
  expect(JSON.parse(line)).toMatchObject({
    callId: 'c1',
    msg: 'dialing',
    pii: { phone: '…23', name: 'A…', email: 'a…', said: ['m…'], address: { zip: '…' } },
  });
  expect(line).not.toMatch(/2065550|Lovelace|example|Elm|98101/);
});

test('an error is logged with code, stack and causes, without its details', () => {
  const error = new Failure('dial_denied', 'no', {
    cause: new Error('root'),
    details: { phone: '+12065550123' },
  });
  const [line = ''] = lines((log) => log.error({ err: error }, 'it failed'));
  expect(JSON.parse(line).err).toMatchObject({
    type: 'Failure',
    code: 'dial_denied',
    message: 'no',
    cause: { message: 'root' },
  });
  expect(line).not.toContain('5550123');
});

test('on a terminal a line is one line, whatever stands in its fields', () => {
  const said = lines(
    (log) => log.warn({ callId: 'c1', text: 'a\u001b[2J\nFAKE line' }, 'strange words'),
    true,
  );
  expect(said.length).toBe(1);
  expect(said[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} WARN {2}strange words callId=c1 text="a\\u001b\[2J\\nFAKE line"$/,
  );
});

test('lines below the level are not written', () => {
  const out = new PassThrough();
  createLog('warn', out).info({}, 'hello');
  expect(out.read()).toBeNull();
});

test('a log whose reader is gone ends nothing', async () => {
  const out = new PassThrough();
  const log = createLog('info', out);
  out.destroy(new Error('EPIPE'));
  await sleep(5);
  log.info({}, 'nobody reads this');
  await sleep(5);
});

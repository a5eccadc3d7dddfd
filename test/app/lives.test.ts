/**
 * Several processes on one store: who starts leaves alone what another carries; what a dead one carried is finished by its
 * next life at once, or by another when its lease has run out; and nobody is dialled twice, whoever only seemed to be dead.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { type App, buildApp } from '../../src/app/index.ts';
import type { Clock, Collection, Filter, Log, Store, Telephony, VoiceAgent } from '../../src/app/ports.ts';
import { readPrompts } from '../../src/app/prompts.ts';
import type { Call } from '../../src/domain/call.ts';
import { spendPermit } from '../../src/domain/compliance/permit.ts';
import type { Attempt } from '../../src/domain/documents.ts';
import { Failure, isFailure } from '../../src/domain/errors.ts';
import { type HandClock, handClock, trueTime } from '../support/clock.ts';
import { fullConsent } from '../support/consent.ts';
import { messagesHouse, noMessenger } from '../support/messages.ts';

/** Wednesday, one in the afternoon in New York. */
const START_MS = Date.UTC(2026, 10, 18, 18, 0, 0);
const SELLER = 'Acme Homes';
const prompts = readPrompts((file) => readFileSync(file, 'utf8'), SELLER);
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
const FOREVER = new Promise<never>(() => {});
/** Longer than a lease, what clocks may differ by, a beat, and the time after which others are looked at. */
const LONG_MS = 80_000;

interface Line {
  readonly callId: string;
  readonly callSid: string;
  readonly to: string;
  readonly atMs: number;
  isOver: boolean;
}

/** One run of a process. */
interface Life {
  readonly app: App;
  /** No touch of the world comes back any more. */
  die(): void;
  /** Its machine sleeps: nothing goes out or comes back until it wakes. */
  sleep(): () => void;
  /** It cannot reach the store. */
  cut: boolean;
  /** It dies when this was written. */
  diesAfter: string;
  /** Calls it asked the carrier about. */
  readonly asked: Set<string>;
}

let dir: string;
let opened: Store;
let clock: HandClock;
let lines: Line[];
let lives: Life[];
let nextNumber = 6_000;
/** Touches of the store under way; time stands still meanwhile. */
let busy = 0;

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-lives-'));
  opened = await openLocalStore({ dir, log: quiet });
  clock = handClock(START_MS);
  lines = [];
  lives = [];
});
afterEach(async () => {
  for (const life of lives) life.die();
  await opened.close();
  await rm(dir, { recursive: true, force: true });
});

/** What every touch of the world passes: on its way there, and back. */
type Gate = () => Promise<unknown>;

function through(store: Store, home: string, gate: Gate, wrote: (what: string) => void): Store {
  const wrapped =
    <A extends unknown[], T>(what: string, work: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      await gate();
      busy += 1;
      const answer = await work(...args).finally(() => {
        busy -= 1;
      });
      wrote(what);
      await gate();
      return answer;
    };
  return {
    ...store,
    home,
    append: wrapped('append', store.append),
    events: wrapped('events', store.events),
    collection(of) {
      const real = store.collection(of);
      const all = Object.entries(real).map(([name, work]) => [name, wrapped(`${of}.${name}`, work as never)]);
      return Object.fromEntries(all) as Collection<never> as typeof real;
    },
  };
}

async function live(
  home: string,
  limits = { maxConcurrentCalls: 100, callsPerSecond: Number.POSITIVE_INFINITY },
): Promise<Life> {
  let stopped: Promise<unknown> | undefined;
  const gate: Gate = async () => await stopped;
  const asked = new Set<string>();
  const carrier = async <T>(work: () => T): Promise<T> => {
    await gate();
    const answer = work();
    await gate();
    return answer;
  };
  const byCallSid = (callSid: string) => lines.find((line) => line.callSid === callSid);
  const telephony: Telephony = {
    dial: (permit, { callId }) =>
      carrier(() => {
        const to = spendPermit(permit, clock.nowMs());
        const line = { callId, callSid: `CA${lines.length}`, to, atMs: clock.nowMs(), isOver: false };
        lines.push(line);
        return { callSid: line.callSid };
      }),
    findCall: ({ callId }) =>
      carrier(() => {
        asked.add(callId);
        const line = lines.find((each) => each.callId === callId);
        return line ? { callSid: line.callSid, state: 'in_progress' } : 'absent';
      }),
    fetchCall: (callSid) =>
      carrier(() => {
        const line = byCallSid(callSid);
        if (!line) return 'absent';
        asked.add(line.callId);
        return line.isOver ? { callSid, state: 'over', end: 'completed' } : { callSid, state: 'in_progress' };
      }),
    hangUp: async () => {
      throw new Error('nobody asked for the end of a call');
    },
    sayAndHangUp: async () => {},
    transfer: async () => {},
    recording: async () => await FOREVER,
  };
  const agent: VoiceAgent = { open: async () => await FOREVER, conversation: async () => 'absent' };
  const own: Clock = {
    ...clock,
    after: (delayMs, task) => clock.after(delayMs, () => void gate().then(task)),
    sleep: async (delayMs, signal) => {
      await clock.sleep(delayMs, signal);
      await gate();
    },
  };
  const self = {
    die: () => {
      stopped = FOREVER;
    },
    sleep: () => {
      let wake = () => {};
      stopped = new Promise<void>((resolve) => {
        wake = () => {
          stopped = undefined;
          resolve();
        };
      });
      return wake;
    },
    cut: false,
    diesAfter: '',
    asked,
  };
  const reached: Gate = async () => {
    await gate();
    if (self.cut) throw new Failure('store_unavailable', 'nobody answers');
  };
  const app = buildApp(
    {
      store: through(opened, home, reached, (what) => {
        if (what === self.diesAfter) self.die();
      }),
      telephony,
      messenger: noMessenger,
      agent,
      recordings: {
        open: () => ({ write() {}, close: async () => ({ durationSec: 0, lostBytes: 0 }) }),
        find: async () => undefined,
        remove: async () => false,
      },
      timekeeping: trueTime,
      clock: own,
      ids: createIds(() => clock.nowMs()),
      log: quiet,
    },
    {
      sellerName: SELLER,
      fromNumbers: ['+12125550190'],
      ...limits,
      inboundReserve: 0,
      prompts,
      messages: messagesHouse(SELLER),
      agents: { voiceAgentId: 'agent', knowledge: [] },
    },
  );
  const life = Object.assign(self, { app });
  lives.push(life);
  await app.recover();
  return life;
}

async function lead(app: App) {
  nextNumber += 1;
  return await app.leads.create(
    {
      source: 'test',
      contact: {
        firstName: 'Ana',
        lastName: 'Ruiz',
        phone: `+1212555${nextNumber}`,
        address: { state: 'NY', zipCode: '10001' },
      },
      consent: fullConsent(SELLER),
    },
    'test',
  );
}

/** Until nobody waits for anything but time. */
async function calm(): Promise<void> {
  for (let turns = 0; turns < 5; turns += 1) {
    if (busy > 0) turns = -1;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function until(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 400; i += 1) {
    await calm();
    if (await check()) return;
    await clock.pass(i < 10 ? 20 : 500);
  }
  throw new Error(`waited in vain for ${what}`);
}

/** Time passes, and whatever it brings is done. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1_000) {
    await clock.pass(1_000);
    await calm();
  }
}

/** Places a call that the carrier takes; answers its line. */
async function place({ app }: Life): Promise<Line> {
  const placed = await app.calls.place({ leadId: (await lead(app))._id, requestedBy: 'test' });
  const { _id } = placed.call;
  await until('the dial', async () => (await callOf(_id)).callSid !== undefined);
  return lines.find(({ callId }) => callId === _id) as Line;
}

const callOf = async (callId: string): Promise<Call> =>
  (await opened.collection('calls').get(callId)) as Call;
const finished = (line: Line) =>
  until('the end of a call', async () => {
    const [attempt] = await opened.collection('attempts').find({ filter: { callId: line.callId } });
    return attempt?.state === 'closed' && (await callOf(line.callId)).status === 'completed';
  });
/** Of runs of the process: other work of the house is claimed too. */
const claims = (more: Filter = {}) =>
  opened.collection('claims').count({ _id: { $regex: '^life:' }, ...more });

test('a process that starts leaves the calls of a living one alone, however often and long', async () => {
  const one = await live('one');
  const line = await place(one);
  const two = await live('two');
  await pass(LONG_MS);
  two.die();
  const again = await live('two');
  await pass(LONG_MS);
  expect([...two.asked, ...again.asked]).toEqual([]);
  expect((await callOf(line.callId)).status).toBe('initiated');
  expect(await claims()).toBe(2);
});

test('what its earlier life left open a process takes up at once, and only that', async () => {
  const [one, two] = [await live('one'), await live('two')];
  const [mine, theirs] = [await place(one), await place(two)];
  one.die();
  const again = await live('one');
  mine.isOver = true;
  await finished(mine);
  expect(clock.nowMs() - START_MS).toBeLessThan(20_000);
  expect([...again.asked]).toEqual([mine.callId]);
  expect(two.asked.size).toBe(0);
  expect((await callOf(theirs.callId)).status).toBe('initiated');
  expect(lines).toHaveLength(2);
});

test('the calls of a process that died for good are finished by another, once, when its lease has run out', async () => {
  const [one, two] = [await live('one'), await live('two')];
  const line = await place(one);
  one.die();
  await pass(20_000);
  expect(two.asked.size).toBe(0);
  line.isOver = true;
  await pass(LONG_MS);
  await finished(line);
  expect([...two.asked]).toEqual([line.callId]);
  await pass(LONG_MS);
  // Nothing is left of the dead one.
  expect(await claims()).toBe(1);
  expect(lines).toHaveLength(1);
});

test('of two that see a death one takes up the calls, and when that one dies too, the other', async () => {
  const [one, two, three] = [await live('one'), await live('two'), await live('three')];
  const line = await place(one);
  one.die();
  await pass(LONG_MS);
  const [heir, other] = two.asked.size > 0 ? [two, three] : [three, two];
  expect([...heir.asked]).toEqual([line.callId]);
  expect(other.asked.size).toBe(0);
  heir.die();
  await pass(2 * LONG_MS);
  expect([...other.asked]).toEqual([line.callId]);
  line.isOver = true;
  await pass(LONG_MS);
  await pass(5 * 60_000);
  await finished(line);
});

test('an earlier life whose calls another process has taken up is left to that one', async () => {
  const [one, two] = [await live('one'), await live('two')];
  const line = await place(one);
  one.die();
  await pass(LONG_MS);
  expect([...two.asked]).toEqual([line.callId]);
  const again = await live('one');
  await pass(LONG_MS);
  expect(again.asked.size).toBe(0);
});

test('who asked for a call with a key and got no answer, for the process died, gets one from its next life', async () => {
  const one = await live('one');
  await one.app.compliance.changePolicy({ minGapMinutes: 0 }, 'a test', 'test');
  const request = { leadId: (await lead(one.app))._id, requestedBy: 'test', idempotencyKey: 'once' };
  one.diesAfter = 'attempts.insert';
  void one.app.calls.place(request);
  await until('the reservation', async () => (await opened.collection('attempts').count({})) === 1);
  const again = await live('one');
  expect((await again.app.calls.place(request)).kind).toBe('placed');
  await until('the dial', () => lines.length === 1);
});

test.each(['append', 'leads.update', 'attempts.update'])(
  'of a call that ended while its process died (behind %s) its next life tells the lead, once',
  async (what) => {
    const one = await live('one');
    const line = await place(one);
    line.isOver = true;
    one.diesAfter = what;
    const { callId, callSid } = line;
    void one.app.carrierInlet.status(callId, { callSid, sequence: 3, status: 'busy' }).catch(() => undefined);
    await pass(1_000);
    await live('one');
    await pass(LONG_MS);
    const call = await opened.collection('calls').get(callId);
    expect(call).toMatchObject({ status: 'busy', outcome: 'no_conversation' });
    const told = await opened.collection('leads').get(call?.leadId ?? '');
    expect(told?.contactAttempts.map((attempt) => attempt.callId)).toEqual([callId]);
    expect(await opened.collection('attempts').find({})).toMatchObject([{ state: 'closed' }]);
  },
);

test('a reservation that a dead process had sent and that arrives late holds nobody for long', async () => {
  const one = await live('one');
  const line = await place(one);
  one.die();
  await live('one');
  line.isOver = true;
  const attempts = opened.collection('attempts');
  const [{ idempotencyKey: _, ...known } = {} as Attempt] = await attempts.find({
    filter: { callId: line.callId },
  });
  const late = { ...known, _id: 'f'.repeat(24), callId: 'e'.repeat(24), state: 'reserved' as const };
  await attempts.insert({ ...late, activePhones: ['+12125559876'] });
  await pass(LONG_MS);
  expect(await attempts.get(late._id)).toMatchObject({ state: 'closed' });
  expect(await attempts.count({ activePhones: '+12125559876' })).toBe(0);
});

test('a process that slept between the gate and the dial finds its call ended, and does not dial', async () => {
  const [one, two] = [await live('one'), await live('two')];
  await one.app.compliance.changePolicy({ minGapMinutes: 0 }, 'a test', 'test');
  const person = await lead(one.app);
  const attempts = opened.collection('attempts');
  const placing = one.app.calls.place({ leadId: person._id, requestedBy: 'test' }).catch(() => undefined);
  let state: string | undefined;
  while (state !== 'reserved') {
    await new Promise((resolve) => setImmediate(resolve));
    [{ state } = { state: undefined }] = await attempts.find({ filter: { leadId: person._id } });
  }
  const wake = one.sleep();
  await pass(LONG_MS);
  expect(await attempts.count({ activePhones: { $exists: true } })).toBe(0);
  // The person is free, and is called by the other.
  expect((await two.app.calls.place({ leadId: person._id, requestedBy: 'test' })).kind).toBe('placed');
  await until('the dial', () => lines.length === 1);
  wake();
  await placing;
  await pass(LONG_MS);
  expect(lines).toHaveLength(1);
});

test('a process that others took for dead goes on as a new life', async () => {
  const [one, two] = [await live('one'), await live('two')];
  const line = await place(one);
  one.cut = true;
  await pass(LONG_MS);
  expect([...two.asked]).toEqual([line.callId]);
  one.cut = false;
  const next = await place(one);
  expect((await callOf(next.callId)).carriedBy).not.toBe((await callOf(line.callId)).carriedBy);
  await pass(LONG_MS);
  expect([...two.asked]).toEqual([line.callId]);
});

test('when the store was away for all, nobody takes the living for dead', async () => {
  const [one, two] = [await live('one'), await live('two')];
  const [mine, theirs] = [await place(one), await place(two)];
  one.cut = true;
  two.cut = true;
  await pass(LONG_MS);
  one.cut = false;
  await pass(15_000);
  two.cut = false;
  await pass(LONG_MS);
  expect(one.asked.has(theirs.callId)).toBe(false);
  expect(two.asked.has(mine.callId)).toBe(false);
});

test('a process that stops in good order leaves what it did not finish to others at once', async () => {
  const [one, two] = [await live('one'), await live('two')];
  const line = await place(one);
  const stopping = one.app.stop(1);
  await pass(5_000);
  await stopping;
  expect(await claims({ until: new Date(0) })).toBe(1);
  line.isOver = true;
  await pass(LONG_MS / 2);
  await finished(line);
  expect(two.asked.has(line.callId)).toBe(true);
});

test('two processes together call no faster than the house may, and use no more lines than it has', async () => {
  const limits = { maxConcurrentCalls: 4, callsPerSecond: 2 };
  const both = [await live('one', limits), await live('two', limits)];
  const wanted = await Promise.all(Array.from({ length: 12 }, (_, n) => lead((both[n % 2] as Life).app)));
  const ask = async (leadId: string, n: number): Promise<string> =>
    await (both[n % 2] as Life).app.calls
      .place({ leadId, requestedBy: 'test' })
      .then(({ kind }) => kind)
      .catch((error) => (isFailure(error) ? error.code : String(error)));
  const open = () => lines.filter(({ isOver }) => !isOver);
  let left = wanted.map(({ _id }) => _id);
  for (let round = 0; left.length > 0; round += 1) {
    if (round > 30) throw new Error(`${left.length} were never placed`);
    // One after the other, or all at once: then each sees the others, and may stand back.
    const came = round % 2 ? await Promise.all(left.map(ask)) : [await ask(left[0] ?? '', round / 2)];
    expect(new Set(came)).not.toContain('store_unavailable');
    left = left.filter((_, n) => came[n] !== 'placed');
    for (let beats = 0; beats < 40; beats += 1) {
      await clock.pass(100);
      await calm();
    }
    expect(open().length).toBeLessThanOrEqual(4);
    for (const line of open().slice(0, 2)) {
      line.isOver = true;
      const { callId, callSid } = line;
      // Told to the one that placed it.
      for (const { app } of both)
        await app.carrierInlet.status(callId, { callSid, sequence: 1, status: 'no_answer' });
    }
  }
  const times = lines.map(({ atMs }) => atMs).sort((a, b) => a - b);
  expect(times).toHaveLength(12);
  for (const [n, at] of times.slice(1).entries()) expect(at - (times[n] ?? 0)).toBeGreaterThanOrEqual(500);
});

/**
 * contract/journal: the journaled store keeps the contract while the store behind it is there; and while it is not, whatever
 * way it is away, nothing that was acknowledged is lost, told twice or told out of order.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { openJournaledStore } from '../../src/adapters/store/journal/index.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createClock, createIds } from '../../src/adapters/system.ts';
import type { Clock, KeptOptOut, Log, LogFields, Outage, Store } from '../../src/app/ports.ts';
import { type Call, type CallEvent, type CallEventBody, foldCall } from '../../src/domain/call.ts';
import { Failure, isFailure } from '../../src/domain/errors.ts';
import { type FaultyStore, faulty, TROUBLES } from '../support/faulty-store.ts';
import { until } from '../support/until.ts';
import { storeContract } from './store.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const ids = createIds();

storeContract('journaled', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'parley-journaled-'));
  const open = async () =>
    openJournaledStore({
      store: await openLocalStore({ dir: join(dir, 'store'), log: silent }),
      dir: join(dir, 'journal'),
      keepDays: 14,
      clock: createClock(silent),
      log: silent,
    });
  let store = await open();
  return {
    store,
    async reopen() {
      await store.close();
      store = await open();
      return store;
    },
    async destroy() {
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
});

// ── A store that goes away ───────────────────────────────────────────────────────────────────────────────────────────

/** Time that runs twenty times as fast: what waits for seconds waits for hundredths here. */
const SPEED = 20;
const machine = createClock(silent);
const quick: Clock = {
  ...machine,
  nowMs: () => Date.UTC(2026, 10, 18) + machine.steadyMs() * SPEED,
  steadyMs: () => machine.steadyMs() * SPEED,
  after: (delayMs, task) => machine.after(delayMs / SPEED, task),
  sleep: (delayMs, signal) => machine.sleep(delayMs / SPEED, signal),
};

interface Line {
  readonly level: string;
  readonly sentence: string;
  readonly fields: LogFields;
}

interface Pair {
  readonly dir: string;
  /** What lies on the other machine. */
  readonly remote: FaultyStore;
  readonly store: Store;
  readonly outage: Outage;
  readonly lines: Line[];
  /** The process ends and another begins over the same journal. */
  reopen(change?: (journal: string) => void): Promise<Pair>;
}

const endings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function pair(
  options: {
    dir?: string;
    inner?: Store;
    trouble?: FaultyStore['trouble'];
    clock?: Clock;
    patienceMs?: number;
  } = {},
): Promise<Pair> {
  const { clock = quick, patienceMs = 10_000 } = options;
  const dir =
    options.dir ?? mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-pair-'));
  if (!options.dir) endings.push(() => rmSync(dir, { recursive: true, force: true }));
  const lines: Line[] = [];
  const write = (level: string) => (fields: LogFields, sentence: string) =>
    void lines.push({ level, sentence, fields });
  const log: Log = { debug() {}, info: write('info'), warn: write('warn'), error: write('error') };
  const inner = options.inner ?? (await openLocalStore({ dir: join(dir, 'store'), log: silent }));
  if (!options.inner) endings.push(() => inner.close());
  // Closing the pair must not close what lies on the other machine.
  const remote = faulty({ ...inner, close: async () => {} }, clock, patienceMs);
  remote.trouble = options.trouble ?? 'none';
  const store = await openJournaledStore({
    store: remote,
    dir: join(dir, 'journal'),
    keepDays: 14,
    clock,
    log,
  });
  const { outage } = store;
  if (!outage) throw new Error('it tells how it stands');
  outage.fulfil(async () => {});
  endings.push(() => store.close());
  return {
    dir,
    remote,
    store,
    outage,
    lines,
    async reopen(change) {
      await store.close();
      change?.(join(dir, 'journal'));
      return await pair({ dir, inner, trouble: remote.trouble });
    },
  };
}

const isUp = ({ outage }: Pair) => until('the store is up', () => outage.state === 'up');
/** It is up, and what was told since is sent too. */
const isSettled = ({ outage }: Pair) =>
  until('all is sent', () => outage.state === 'up' && outage.backlog.events === 0);
const isAway = ({ outage }: Pair) => until('the store is known to be away', () => outage.state === 'away');

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (why: unknown) => why,
  );
  return isFailure(error) ? error.code : String(error);
}

/** A call as it is told to a store, event by event. */
class Talk {
  readonly callId = ids.objectId();
  readonly events: CallEvent[] = [];
  call: Call | undefined;

  next(
    body: CallEventBody = { type: 'said', role: 'user', text: 'I see.', turn: 1 },
    eventId = ids.objectId(),
  ): CallEvent {
    return {
      ...body,
      _id: ids.objectId(),
      eventId,
      callId: this.callId,
      sessionId: this.callId,
      seq: this.events.length + 1,
      at: new Date(Date.UTC(2026, 10, 18) + this.events.length * 1_000),
    };
  }

  first(): CallEvent {
    return this.next({
      type: 'received',
      attemptId: ids.objectId(),
      callSid: `CA${this.callId}`,
      contactPhone: '+12125550100',
      fromPhone: '+12125550190',
    });
  }

  async tell(store: Store, event = this.events.length === 0 ? this.first() : this.next()): Promise<string> {
    const call = foldCall([...this.events, event]);
    const answer = await store.append(event, call);
    if (answer === 'appended') {
      this.events.push(event);
      this.call = call;
    }
    return answer;
  }
}

async function expectThere(remote: Store, ...talks: readonly Talk[]): Promise<void> {
  for (const talk of talks) {
    expect(await remote.events(talk.callId)).toEqual(talk.events);
    expect(await remote.collection('calls').get(talk.callId)).toEqual(talk.call);
  }
}

test.each(TROUBLES)(
  'what is told while the store is away (%s) is there when it is back: once, in order, with its documents',
  async (trouble) => {
    const here = await pair();
    const talks = Array.from({ length: 8 }, () => new Talk());
    await Promise.all(talks.slice(0, 5).map((talk) => talk.tell(here.store)));
    for (let n = 0; n < 3; n += 1) await Promise.all(talks.slice(0, 5).map((talk) => talk.tell(here.store)));
    here.remote.trouble = trouble;
    for (let n = 0; n < 12; n += 1) {
      expect(new Set(await Promise.all(talks.map((talk) => talk.tell(here.store))))).toEqual(
        new Set(['appended']),
      );
      if (n === 4) await isAway(here);
    }
    expect(here.outage.state).toBe('away');
    expect(here.outage.backlog.events).toBeGreaterThan(0);
    here.remote.trouble = 'none';
    for (let n = 0; n < 3; n += 1) await Promise.all(talks.map((talk) => talk.tell(here.store)));
    await isSettled(here);
    await expectThere(here.remote, ...talks);
    expect(here.outage.backlog).toEqual({ events: 0, optOuts: 0, setAside: 0 });
    for (const talk of talks) expect(await talk.tell(here.store)).toBe('appended');
    expect(
      await here.store.collection('calls').find({ filter: { 'conversationMetrics.turnCount': { $gt: 0 } } }),
    ).toHaveLength(8);
  },
);

test('a store that was never there: opening succeeds, and everything told meanwhile is there when it comes', async () => {
  const here = await pair({ trouble: 'refuse' });
  expect(here.outage.state).toBe('away');
  expect((await here.store.health()).ok).toBe(false);
  const talk = new Talk();
  for (let n = 0; n < 5; n += 1) await talk.tell(here.store);
  expect(await here.store.events(talk.callId)).toEqual(talk.events);
  here.remote.trouble = 'none';
  await isSettled(here);
  await expectThere(here.remote, talk);
});

test('what was told and not sent is found by the next process, and so is where the sending stopped', async () => {
  let here = await pair();
  const [before, during] = [new Talk(), new Talk()];
  for (let n = 0; n < 5; n += 1) await before.tell(here.store);
  await isSettled(here);
  here.remote.trouble = 'refuse';
  await isAway(here);
  for (let n = 0; n < 5; n += 1) await Promise.all([before, during].map((talk) => talk.tell(here.store)));
  here = await here.reopen();
  expect(here.outage.state).toBe('away');
  expect(here.outage.backlog.events).toBe(10);
  // Of the call that was opened here everything is known, of the other one what was not sent.
  expect(await here.store.events(during.callId)).toEqual(during.events);
  expect(await here.store.collection('calls').get(during.callId)).toEqual(during.call);
  expect(await codeOf(here.store.events(before.callId))).toBe('store_unavailable');
  for (let n = 0; n < 3; n += 1) await Promise.all([before, during].map((talk) => talk.tell(here.store)));
  let sent = 0;
  here.remote.before = (exchange) => {
    if (exchange === 'append') sent += 1;
  };
  here.remote.trouble = 'none';
  await isSettled(here);
  await expectThere(here.remote, before, during);
  expect(sent).toBe(16);
});

test('a process that does not know where the sending stopped sends all again, and nothing is there twice', async () => {
  let here = await pair();
  const talks = Array.from({ length: 4 }, () => new Talk());
  for (let n = 0; n < 6; n += 1) await Promise.all(talks.map((talk) => talk.tell(here.store)));
  here = await here.reopen((journal) => writeFileSync(join(journal, 'sent.json'), '{"place":'));
  await isSettled(here);
  await expectThere(here.remote, ...talks);
});

test('a journal that was damaged gives back everything around the damage, and says so', async () => {
  let here = await pair();
  here.remote.trouble = 'refuse';
  await isAway(here);
  const talks = Array.from({ length: 3 }, () => new Talk());
  for (const talk of talks) for (let n = 0; n < 10; n += 1) await talk.tell(here.store);
  here = await here.reopen((journal) => {
    const [path = ''] = readdirSync(journal)
      .filter((name) => name.endsWith('.journal'))
      .map((name) => join(journal, name));
    const bytes = readFileSync(path);
    const at = bytes.indexOf(talks[1]?.events[4]?.eventId ?? '');
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(path, bytes);
  });
  expect(here.outage.backlog.events).toBe(29);
  expect(here.lines.filter(({ sentence }) => /journal is damaged/.test(sentence))).toMatchObject([
    { level: 'error', fields: { lost: 1 } },
  ]);
  here.remote.trouble = 'none';
  await isSettled(here);
  const [first, second, third] = talks;
  if (first && third) await expectThere(here.remote, first, third);
  expect(await here.remote.events(second?.callId ?? '')).toEqual(
    second?.events.filter(({ seq }) => seq !== 5),
  );
});

describe('while the store is away', () => {
  async function awayWithTalk(): Promise<Pair & { talk: Talk }> {
    const here = await pair();
    const talk = new Talk();
    for (let n = 0; n < 4; n += 1) await talk.tell(here.store);
    here.remote.trouble = 'refuse';
    await isAway(here);
    for (let n = 0; n < 4; n += 1) await talk.tell(here.store);
    return { ...here, talk };
  }

  test('a call that was opened here is read whole, by its id and by its own keys', async () => {
    const { store, talk } = await awayWithTalk();
    const calls = store.collection('calls');
    expect(await store.events(talk.callId)).toEqual(talk.events);
    expect(await calls.get(talk.callId)).toEqual(talk.call);
    expect(await calls.find({ filter: { callSid: `CA${talk.callId}` }, limit: 1 })).toEqual([talk.call]);
    expect(await calls.find({ filter: { attemptId: talk.call?.attemptId } })).toEqual([talk.call]);
  });

  test('what only the store knows is refused at once', async () => {
    const { store } = await awayWithTalk();
    const began = quick.steadyMs();
    for (const asked of [
      store.collection('calls').find({ filter: { status: 'ringing' } }),
      store.collection('calls').find({ filter: { callSid: 'CA0' } }),
      store.collection('calls').get(ids.objectId()),
      store.events(ids.objectId()),
      store.collection('leads').count({}),
      store.collection('attempts').update({ state: 'reserved' }, { $set: { state: 'dialed' } }),
      store.lists.copies(),
    ])
      expect(await codeOf(asked)).toBe('store_unavailable');
    // Any one of them that had asked the store would have waited for this long.
    expect(quick.steadyMs() - began).toBeLessThan(10_000);
  });

  test('a repeat and a taken place are known as such', async () => {
    const { store, talk } = await awayWithTalk();
    const [, known, , , , late] = talk.events;
    for (const event of [known, late]) if (event) expect(await store.append(event)).toBe('duplicate');
    expect(await store.append({ ...talk.next(), seq: 3 })).toBe('conflict');
    expect(await talk.tell(store)).toBe('appended');
  });

  test('what waits for an answer when it goes is let go at once', async () => {
    const here = await pair({ patienceMs: 60_000 });
    here.remote.trouble = 'hang';
    const asked = codeOf(here.store.collection('leads').count({}));
    const began = quick.steadyMs();
    expect(await asked).toBe('store_unavailable');
    // Two questions to the store without an answer; our own patience would be a minute.
    expect(quick.steadyMs() - began).toBeLessThan(30_000);
  });

  test('a server that only refuses writes is still read', async () => {
    const here = await pair();
    const talk = new Talk();
    await talk.tell(here.store);
    here.remote.trouble = 'read_only';
    for (let n = 0; n < 4; n += 1) await talk.tell(here.store);
    await isAway(here);
    expect(await here.store.collection('leads').count({})).toBe(0);
    expect(await here.store.collection('calls').count({})).toBe(1);
    expect(await here.store.events(talk.callId)).toEqual(talk.events);
  });
});

test('its state is told with every change, and health and log say why', async () => {
  const here = await pair();
  const seen: string[] = [];
  const cancel = here.outage.watch(() => seen.push(here.outage.state));
  const talk = new Talk();
  await talk.tell(here.store);
  here.remote.trouble = 'auth';
  await isAway(here);
  for (let n = 0; n < 5; n += 1) await talk.tell(here.store);
  expect(await here.store.health()).toMatchObject({
    ok: false,
    detail: expect.stringContaining('authentication failed'),
  });
  here.remote.trouble = 'none';
  await isUp(here);
  expect(seen).toEqual(['away', 'returning', 'up']);
  cancel();
  expect(here.lines.map(({ level, sentence }) => `${level}: ${sentence}`)).toEqual([
    'error: the database is away: calls go on from the journal, and nobody is dialled until it is back',
    'warn: the database is back; what was kept is on its way to it',
    'info: the database has everything; calls may be placed',
  ]);
  expect((await here.store.health()).ok).toBe(true);
});

test('what the store refuses for good is set aside with an alarm, stays on the disk, and holds nobody up', async () => {
  let here = await pair();
  const talks = Array.from({ length: 3 }, () => new Talk());
  await Promise.all(talks.map((talk) => talk.tell(here.store)));
  const poison = talks[1]?.next({ type: 'said', role: 'user', text: 'poison', turn: 7 });
  const refuse = (remote: FaultyStore) => {
    remote.before = (exchange, argument) => {
      if (exchange === 'append' && (argument as CallEvent).eventId === poison?.eventId)
        throw new Failure('invalid_request', 'the server does not like this document');
    };
  };
  refuse(here.remote);
  if (poison) await talks[1]?.tell(here.store, poison);
  for (let n = 0; n < 5; n += 1) await Promise.all(talks.map((talk) => talk.tell(here.store)));
  await until('it is set aside', () => here.outage.backlog.setAside === 1);
  await isSettled(here);
  for (const talk of talks)
    expect(await here.remote.events(talk.callId)).toEqual(
      talk.events.filter(({ eventId }) => eventId !== poison?.eventId),
    );
  expect(here.lines.filter(({ sentence }) => sentence.startsWith('ALARM'))).toMatchObject([
    { level: 'error', fields: { callId: poison?.callId, eventId: poison?.eventId } },
  ]);
  const aside = join(here.dir, 'journal', 'aside');
  expect(
    readdirSync(aside)
      .map((name) => readFileSync(join(aside, name), 'latin1'))
      .join(),
  ).toContain('poison');
  here = await here.reopen();
  expect(here.outage.backlog.setAside).toBe(1);
});

test.each([
  ['while others do', 1],
  ['and is the only one', 0],
])('an event that never gets through %s is set aside in the end', async (_, others) => {
  const here = await pair();
  const [lucky, unlucky] = [new Talk(), new Talk()];
  await Promise.all([lucky, unlucky].map((talk) => talk.tell(here.store)));
  here.remote.before = (exchange, argument) => {
    const event = argument as CallEvent;
    if (exchange === 'append' && event.callId === unlucky.callId && event.seq === 2)
      throw new Failure('store_unavailable', 'too long for this connection');
  };
  await unlucky.tell(here.store);
  await unlucky.tell(here.store);
  await until(
    'it is set aside',
    async () => {
      for (let n = 0; n < others; n += 1) await lucky.tell(here.store);
      return here.outage.backlog.setAside === 1;
    },
    60_000,
  );
  await isSettled(here);
  await expectThere(here.remote, lucky);
  expect((await here.remote.events(unlucky.callId)).map(({ seq }) => seq)).toEqual([1, 3]);
});

test('two processes that write to one call lose nothing: what comes second goes behind', async () => {
  const here = await pair();
  const talk = new Talk();
  for (let n = 0; n < 3; n += 1) await talk.tell(here.store);
  await isSettled(here);
  const other = await pair({ inner: here.remote });
  // A manager ends the call at the other process, which asks the store first.
  expect(await other.store.append({ ...talk.next(), seq: 3 })).toBe('conflict');
  const ended = talk.next({ type: 'hangup_requested', by: 'manager', reason: 'enough' });
  expect(await other.store.append(ended)).toBe('appended');
  // The first one does not know of it.
  for (let n = 0; n < 3; n += 1) expect(await talk.tell(here.store)).toBe('appended');
  await until('all is sent', () => here.outage.backlog.events === 0);
  const there = await here.remote.events(talk.callId);
  expect(there.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(there.map(({ eventId }) => eventId)).toEqual([
    ...talk.events.slice(0, 3).map(({ eventId }) => eventId),
    ended.eventId,
    ...talk.events.slice(3).map(({ eventId }) => eventId),
  ]);
  expect(await here.remote.collection('calls').get(talk.callId)).toEqual(foldCall(there));
  expect(here.outage.backlog.setAside).toBe(0);
});

describe('an opt-out that the store could not take', () => {
  const stop = (words: string): KeptOptOut => ({
    phone: '+12125550100',
    channel: 'sms',
    words,
    at: new Date(Date.UTC(2026, 10, 18)),
  });

  test('is fulfilled before the store counts as up, once, and not again by the next process', async () => {
    let here = await pair();
    const fulfilled: KeptOptOut[] = [];
    const states: string[] = [];
    const by = (each: Pair) =>
      each.outage.fulfil(async (optOut) => {
        states.push(each.outage.state);
        fulfilled.push(optOut);
      });
    by(here);
    here.remote.trouble = 'refuse';
    await isAway(here);
    await here.outage.keep(stop('STOP'));
    await here.outage.keep(stop('stop it'));
    expect(here.outage.backlog.optOuts).toBe(2);
    here = await here.reopen();
    by(here);
    expect(here.outage.backlog.optOuts).toBe(2);
    here.remote.trouble = 'none';
    await isUp(here);
    expect(fulfilled).toEqual([stop('STOP'), stop('stop it')]);
    expect(states).toEqual(['returning', 'returning']);
    here = await here.reopen((journal) => rmSync(join(journal, 'sent.json')));
    by(here);
    await isUp(here);
    expect(fulfilled).toHaveLength(2);
  });

  test('keeps everybody from being dialled while it cannot be fulfilled, though the store answers', async () => {
    const here = await pair();
    let tries = 0;
    here.outage.fulfil(async () => {
      tries += 1;
      if (tries < 4) throw new Failure('store_unavailable', 'not yet');
    });
    await here.outage.keep(stop('STOP'));
    expect(here.outage.state).toBe('returning');
    await until('it was tried', () => tries >= 2);
    expect(here.outage.state).toBe('returning');
    await isUp(here);
    expect(tries).toBe(4);
  });

  test('that fails for good is set aside with an alarm, and the others are fulfilled', async () => {
    const here = await pair();
    const fulfilled: string[] = [];
    here.outage.fulfil(async ({ words }) => {
      if (words === 'nonsense') throw new Failure('invalid_request', 'this is no phone number');
      fulfilled.push(words);
    });
    here.remote.trouble = 'refuse';
    await isAway(here);
    for (const words of ['STOP', 'nonsense', 'END']) await here.outage.keep(stop(words));
    here.remote.trouble = 'none';
    await isUp(here);
    expect(fulfilled).toEqual(['STOP', 'END']);
    expect(here.outage.backlog).toMatchObject({ optOuts: 0, setAside: 1 });
    expect(here.lines.some(({ sentence }) => sentence.startsWith('ALARM'))).toBe(true);
  });
});

test('a backlog of 100,000 events is held on the disk, not in memory, and is sent in order', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return (heapUsed + external) / 1e6;
  };
  const seen = new Map<string, number>();
  let disorder = 0;
  const nothing = await pair();
  // A store that only counts: what is measured here is ours.
  const counting: Store = {
    ...nothing.remote,
    async append({ callId, seq }) {
      if (seq !== (seen.get(callId) ?? 0) + 1) disorder += 1;
      seen.set(callId, seq);
      return 'appended';
    },
    events: async () => [],
  };
  const here = await pair({ inner: counting, trouble: 'refuse', clock: machine });
  const before = used();
  const callIds = Array.from({ length: 1_000 }, () => ids.objectId());
  for (let n = 1; n <= 100; n += 1)
    await Promise.all(
      callIds.map((callId) =>
        here.store.append({
          _id: ids.objectId(),
          eventId: ids.objectId(),
          callId,
          sessionId: callId,
          seq: n,
          at: new Date(),
          ...(n === 1
            ? {
                type: 'received',
                attemptId: callId,
                callSid: callId,
                contactPhone: '+12125550100',
                fromPhone: '+12125550190',
              }
            : {
                type: 'said',
                role: 'user',
                text: `Sentence ${n} of a caller who has a lot to say today.`,
                turn: n,
              }),
        }),
      ),
    );
  expect(here.outage.backlog.events).toBe(100_000);
  const kept = used() - before;
  here.remote.trouble = 'none';
  await isSettled(here);
  expect([disorder, seen.size, new Set(seen.values())]).toEqual([0, 1_000, new Set([100])]);
  // The ids of what was told here, by which repeats are known, and eight bytes an event.
  expect(kept).toBeLessThan(30);
  expect(used() - before).toBeLessThan(30);
});

test('one journal has one process', async () => {
  const here = await pair();
  const second = openJournaledStore({
    store: here.remote,
    dir: join(here.dir, 'journal'),
    keepDays: 14,
    clock: quick,
    log: silent,
  });
  expect(await codeOf(second)).toBe('store_unavailable');
});

test('a journal is one home over all its lives, and no other journal is', async () => {
  const [here, elsewhere] = [await pair(), await pair()];
  expect(here.store.home).toMatch(/^[0-9a-f]{24}$/);
  expect(elsewhere.store.home).not.toBe(here.store.home);
  expect((await here.reopen()).store.home).toBe(here.store.home);
});

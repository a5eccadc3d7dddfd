/**
 * The moment of dialling, over the embedded store: many at once, a store that refuses, a process that dies at any write.
 * Nobody is called twice at a time or past a cap, and nobody's numbers stay held.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { type App, buildApp } from '../../src/app/index.ts';
import type {
  CarrierCall,
  Clock,
  DialRequest,
  Log,
  LogFields,
  Store,
  Telephony,
  VoiceAgent,
} from '../../src/app/ports.ts';
import { readPrompts } from '../../src/app/prompts.ts';
import { spendPermit } from '../../src/domain/compliance/permit.ts';
import type { Attempt, Lead } from '../../src/domain/documents.ts';
import { Failure, isFailure } from '../../src/domain/errors.ts';
import { type HandClock, handClock, trueTime } from '../support/clock.ts';
import { fullConsent } from '../support/consent.ts';
import { messagesHouse, noMessenger } from '../support/messages.ts';

/** Wednesday, one in the afternoon in New York. */
const START_MS = Date.UTC(2026, 10, 18, 18, 0, 0);
const SELLER = 'Acme Homes';
const OURS = '+12125550190';
const prompts = readPrompts((file) => readFileSync(file, 'utf8'), SELLER);
/** What a dead process waits for. */
const FOREVER = new Promise<never>(() => {});
const never = (): Promise<never> => FOREVER;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What the carrier knows, beyond the life of any process of ours. */
interface Line {
  readonly callId: string;
  readonly callSid: string;
  readonly to: string;
}

let dir: string;
let opened: Store;
let clock: HandClock;
let dialled: Line[];
let errors: { sentence: string; fields: LogFields }[];
let nextNumber = 2_000;
let nextSid = 0;
/** Touches of the store that have not come back; time stands still meanwhile. */
let busy = 0;

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-dial-'));
  opened = await openLocalStore({ dir, log: quiet });
  clock = handClock(START_MS);
  busy = 0;
  dialled = [];
  errors = [];
});
afterEach(async () => {
  await opened.close();
  await rm(dir, { recursive: true, force: true });
});

const quiet: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (fields, sentence) => void errors.push({ fields, sentence }),
};
const ids = createIds(() => clock.nowMs());

const WRITES = ['insert', 'put', 'update', 'remove'];
/** Before or after each touch of the store: what becomes of it. */
type Around = (write: boolean, name: string) => Promise<void> | void;

/** The store as a process of its own sees it; `before` and `after` may wait, fail or never come back. */
function through(store: Store, before: Around, after: Around = () => {}): Store {
  const wrapped =
    <A extends unknown[], T>(name: string, work: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      const write = name === 'append' || WRITES.includes(name.split('.')[1] ?? '');
      const step = (wait: ReturnType<Around>) => {
        if (wait === FOREVER) busy -= 1;
        return wait;
      };
      busy += 1;
      try {
        await step(before(write, name));
        const answer = await work(...args);
        await step(after(write, name));
        return answer;
      } finally {
        busy -= 1;
      }
    };
  return {
    ...store,
    append: wrapped('append', store.append),
    events: wrapped('events', store.events),
    collection(of) {
      const real = store.collection(of);
      return Object.fromEntries(
        Object.entries(real).map(([name, work]) => [name, wrapped(`${of}.${name}`, work as never)]),
      ) as unknown as typeof real;
    },
  };
}

interface LifeOptions {
  readonly store?: Store;
  /** What the carrier makes of a request that reached it. */
  readonly answer?: (line: Line) => Promise<void> | void;
  readonly callsPerSecond?: number;
  readonly maxConcurrentCalls?: number;
  readonly dead?: () => boolean;
}

/** One process of ours. Its phones never ring: what the carrier tells is told by the test. */
function live(options: LifeOptions = {}): App {
  const dead = options.dead ?? (() => false);
  const mortal = async <T>(work: () => Promise<T>): Promise<T> => {
    if (dead()) return await never();
    const answer = await work();
    return dead() ? await never() : answer;
  };
  const telephony: Telephony = {
    dial: (permit, request: DialRequest) =>
      mortal(async () => {
        const to = spendPermit(permit, clock.nowMs());
        if (dialled.some(({ callId }) => callId === request.callId))
          throw new Error(`${request.callId} was dialled twice`);
        nextSid += 1;
        const line = { callId: request.callId, callSid: `CA${nextSid}`, to };
        dialled.push(line);
        await options.answer?.(line);
        return { callSid: line.callSid };
      }),
    findCall: ({ callId }) =>
      mortal(async (): Promise<CarrierCall | 'absent'> => {
        const line = dialled.find((each) => each.callId === callId);
        return line ? { callSid: line.callSid, state: 'over', end: 'no_answer' } : 'absent';
      }),
    fetchCall: (callSid) => mortal(async () => ({ callSid, state: 'over', end: 'no_answer' })),
    hangUp: async () => {},
    sayAndHangUp: async () => {},
    transfer: async () => {},
    recording: never,
  };
  const agent: VoiceAgent = { open: never, conversation: async () => 'absent' };
  const ownClock: Clock = {
    ...clock,
    after: (delayMs, task) => clock.after(delayMs, () => dead() || task()),
    sleep: (delayMs, signal) => mortal(() => clock.sleep(delayMs, signal)),
  };
  return buildApp(
    {
      store: options.store ?? through(opened, () => {}),
      telephony,
      messenger: noMessenger,
      agent,
      recordings: {
        open: () => ({ write() {}, close: async () => ({ durationSec: 0, lostBytes: 0 }) }),
        find: async () => undefined,
        remove: async () => false,
      },
      timekeeping: trueTime,
      clock: ownClock,
      ids,
      log: quiet,
    },
    {
      sellerName: SELLER,
      fromNumbers: [OURS],
      maxConcurrentCalls: options.maxConcurrentCalls ?? 1_000,
      callsPerSecond: options.callsPerSecond ?? Number.POSITIVE_INFINITY,
      inboundReserve: 0,
      prompts,
      messages: messagesHouse(SELLER),
      agents: { voiceAgentId: 'agent', knowledge: [] },
    },
  );
}

const freshNumber = (): string => {
  nextNumber += 1;
  return `+1212555${nextNumber}`;
};

/** A lead with full consent for its numbers. */
async function person(app: App, phone: string, alternatePhone?: string): Promise<Lead> {
  const consent = fullConsent(SELLER);
  return await app.leads.create(
    {
      source: 'test',
      contact: {
        firstName: 'Ana',
        lastName: 'Ruiz',
        phone,
        ...(alternatePhone === undefined ? {} : { alternatePhone }),
        address: { state: 'NY', zipCode: '10001' },
      },
      consent,
    },
    'test',
  );
}

const ask = (app: App, lead: Lead, campaignId?: string) =>
  app.calls.place({ leadId: lead._id, requestedBy: 'test', ...(campaignId ? { campaignId } : {}) });

async function calm(): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) {
    if (busy > 0) turns = -1;
    await turn();
  }
}

/** Lets time pass until it is so. */
async function until(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 3_000; i += 1) {
    await calm();
    if (await check()) return;
    await clock.pass(i < 10 ? 20 : 500);
  }
  throw new Error(`waited in vain for ${what}`);
}

const attemptsTo = (phone: string): Promise<Attempt[]> =>
  opened.collection('attempts').find({ filter: { phone }, sort: { reservedAt: 1 } });
const held = () => opened.collection('attempts').count({ activePhones: { $exists: true } });
const codeOf = (error: unknown): string => (isFailure(error) ? error.code : String(error));

/** How many were placed, and why the others were not. */
async function outcomes(works: readonly Promise<{ kind: string }>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const settled of await Promise.allSettled(works)) {
    const key = settled.status === 'fulfilled' ? settled.value.kind : codeOf(settled.reason);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** Until every call that was allowed is dialled or over. */
const settle = (): Promise<void> =>
  until('dials to settle', async () => {
    const waiting = await opened.collection('attempts').count({ state: 'reserved' });
    return waiting === 0 && (await opened.collection('calls').count({ status: 'queued' })) === 0;
  });

describe('many at once', () => {
  test('fifty calls to one person with two numbers and three leads, from two processes: one goes out', async () => {
    const [one, two] = [live(), live()];
    const [home, mobile] = [freshNumber(), freshNumber()];
    const leads = [await person(one, home, mobile), await person(one, mobile), await person(one, home)];
    const works = Array.from({ length: 50 }, (_, i) =>
      ask(i % 2 ? one : two, leads[i % leads.length] ?? (leads[0] as Lead)),
    );
    expect(await outcomes(works)).toEqual({ placed: 1, attempt_in_progress: 49 });
    await settle();
    expect(dialled).toHaveLength(1);
    expect(await attemptsTo(dialled[0]?.to ?? '')).toMatchObject([
      { state: 'dialed', activePhones: expect.arrayContaining([home, mobile]) },
    ]);
  });

  test('however their steps fall between each other, of each circle of shared numbers exactly one is called', async () => {
    const maker = live();
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.tuple(fc.nat(5), fc.option(fc.nat(5), { nil: undefined })), {
          minLength: 2,
          maxLength: 6,
        }),
        async (scheduler, cards) => {
          const numbers = Array.from({ length: 6 }, freshNumber);
          const circle = new Map(numbers.map((number) => [number, number]));
          const root = (number: string): string => {
            const next = circle.get(number) ?? number;
            return next === number ? number : root(next);
          };
          const leads: Lead[] = [];
          for (const [a, b] of cards) {
            const [first = '', second] = [numbers[a], b === undefined || b === a ? undefined : numbers[b]];
            leads.push(await person(maker, first, second));
            if (second !== undefined) circle.set(root(first), root(second));
          }
          dialled = [];
          let free = false;
          const step: Around = (_, name) => (free ? undefined : scheduler.schedule(Promise.resolve(), name));
          const processes = [1, 2].map(() => live({ store: through(opened, step) }));
          const works = leads.flatMap((lead) => processes.map((app) => ask(app, lead)));
          const seen = outcomes(works);
          await scheduler.waitFor(seen);
          free = true;
          await scheduler.waitIdle();
          await settle();
          const called = dialled.map(({ to }) => root(to)).sort();
          const circles = [...new Set(leads.map(({ contact }) => root(contact.phone)))].sort();
          expect(called).toEqual(circles);
          const counts = await seen;
          expect(counts.placed).toBe(circles.length);
          expect(counts.attempt_in_progress ?? 0).toBe(works.length - circles.length);
        },
      ),
      { numRuns: 12 },
    );
  });

  test('a cap of two holds when fifty ask at once by two numbers, two campaigns and two processes, and each call ends at once', async () => {
    const refuse = { answer: () => Promise.reject(new Failure('dial_refused', 'no')) };
    const apps = [live(refuse), live(refuse)];
    const [app = live()] = apps;
    const campaigns = await Promise.all(
      ['Spring', 'Summer'].map((name) => app.campaigns.create({ name, type: 'wholesale' }, 'test')),
    );
    for (const { _id } of campaigns) await app.campaigns.update(_id, { status: 'active' }, 'test');
    await app.compliance.changePolicy({ minGapMinutes: 0, maxPerDay: 2, maxPer24h: 2 }, 'a test', 'test');
    const [home, mobile] = [freshNumber(), freshNumber()];
    const leads = [await person(app, home, mobile), await person(app, mobile, home)];
    const counts: Record<string, number> = {};
    for (let round = 0; round < 10; round += 1) {
      const works = Array.from({ length: 5 }, (_, i) =>
        ask(apps[i % 2] ?? app, leads[(i + round) % 2] as Lead, campaigns[i % 2]?._id),
      );
      for (const [key, count] of Object.entries(await outcomes(works)))
        counts[key] = (counts[key] ?? 0) + count;
      await calm();
    }
    await settle();
    expect(dialled).toHaveLength(2);
    expect(counts.placed).toBe(2);
    expect(Object.keys(counts).sort()).toEqual(['attempt_in_progress', 'denied', 'placed']);
    await until('numbers to be free', async () => (await held()) === 0);
  });

  test('of many who ask for the last lines, as many get one as there are', async () => {
    const app = live({ maxConcurrentCalls: 3 });
    const leads = await Promise.all(Array.from({ length: 20 }, () => person(app, freshNumber())));
    expect(await outcomes(leads.map((lead) => ask(app, lead)))).toEqual({ placed: 3, at_capacity: 17 });
    await settle();
    expect(dialled).toHaveLength(3);
  });
});

describe('a person who changes while the call is being placed', () => {
  /** Does something the first time attempts are counted: after the reservation, before the facts are whole. */
  const meanwhile = (work: () => Promise<unknown>): Store => {
    let done = false;
    return through(opened, async (_, name) => {
      if (name !== 'consent_logs.find' || done) return;
      done = true;
      await work();
    });
  };

  test('a lead that ties the number to another one: denied, and called at the next try', async () => {
    const maker = live();
    const [home, mobile] = [freshNumber(), freshNumber()];
    const lead = await person(maker, home);
    // What was read of the person is from before; the facts are from after.
    let tie = false;
    const app = live({
      store: through(opened, async (_, name) => {
        if (name !== 'attempts.insert' || tie) return;
        tie = true;
        await person(maker, mobile, home);
      }),
    });
    const denied = await ask(app, lead);
    expect(denied).toMatchObject({ kind: 'denied', decision: { reason: 'check_error' } });
    expect(denied.kind === 'denied' && denied.decision.explanation).toContain('numbers changed meanwhile');
    expect(dialled).toEqual([]);
    expect((await ask(app, lead)).kind).toBe('placed');
    await settle();
    expect(dialled.map(({ to }) => to)).toEqual([home]);
  });

  test('a lead whose number is changed: the old number is not dialled, nor the new one unheld', async () => {
    const maker = live();
    const lead = await person(maker, freshNumber());
    let changed = false;
    const app = live({
      store: through(opened, async (_, name) => {
        if (name !== 'attempts.insert' || changed) return;
        changed = true;
        await maker.leads.update(lead._id, { contact: { phone: freshNumber() } }, 'test');
      }),
    });
    expect((await ask(app, lead)).kind).toBe('denied');
    await settle();
    expect(dialled).toEqual([]);
  });

  test('one who opts out while the facts are read is not called', async () => {
    const maker = live();
    const lead = await person(maker, freshNumber());
    const app = live({
      store: meanwhile(() => maker.dnc.optOut({ phone: lead.contact.phone, channel: 'sms', words: 'STOP' })),
    });
    const placed = await ask(app, lead);
    await settle();
    expect(dialled).toEqual([]);
    expect(placed.kind).toBe('denied');
  });

  test('one who opts out between the permit and the dial is not called either', async () => {
    const maker = live();
    const lead = await person(maker, freshNumber());
    let permitted = 0;
    const app = live({
      store: through(
        opened,
        () => {},
        async (_, name) => {
          // queued, permitted
          if (name !== 'append') return;
          permitted += 1;
          if (permitted === 2)
            await maker.dnc.optOut({ leadId: lead._id, channel: 'email', words: 'no more' });
        },
      ),
    });
    const { call, kind } = await ask(app, lead);
    expect(kind).toBe('placed');
    await until('the call to be over', async () => (await held()) === 0);
    expect(await opened.collection('calls').get(call._id)).toMatchObject({ status: 'canceled' });
    expect(dialled).toEqual([]);
    expect(await attemptsTo(lead.contact.phone)).toMatchObject([{ state: 'closed' }]);
  });
});

describe('a store that refuses', () => {
  const gone = () => new Failure('store_unavailable', 'the disk is full');

  test('the reservation: denied, told to people and to the log, nobody called, and it works again later', async () => {
    let down = true;
    const app = live({
      store: through(opened, (_, name) => {
        if (down && name === 'attempts.insert') throw gone();
      }),
    });
    const lead = await person(app, freshNumber());
    const denied = await ask(app, lead);
    expect(denied).toMatchObject({
      kind: 'denied',
      call: { status: 'denied' },
      decision: { verdict: 'deny', reason: 'check_error', nextAllowedAt: null },
    });
    expect(errors.map(({ sentence }) => sentence)).toContain('a call could not be reserved; denied');
    down = false;
    expect((await ask(app, lead)).kind).toBe('placed');
    await settle();
    expect(dialled).toHaveLength(1);
  });

  test('the first event: nobody called, and whoever asks again with the same key is answered anew', async () => {
    let down = true;
    const app = live({
      store: through(opened, (_, name) => {
        if (down && name === 'append') throw gone();
      }),
    });
    await app.compliance.changePolicy({ minGapMinutes: 0 }, 'a test', 'test');
    const lead = await person(app, freshNumber());
    const campaignStep = { stage: 'follow_up', step: 1 } as const;
    const request = { leadId: lead._id, requestedBy: 'test', idempotencyKey: 'once', campaignStep };
    expect(codeOf(await app.calls.place(request).catch((error) => error))).toBe('store_unavailable');
    await until('the number to be free', async () => (await held()) === 0);
    down = false;
    expect(await app.calls.place(request)).toMatchObject({ kind: 'placed', call: { campaignStep } });
    await settle();
    expect(dialled).toHaveLength(1);
  });

  test('the facts: denied, told to the log, and what was denied does not count against the caps', async () => {
    let down = true;
    const app = live({
      store: through(opened, (_, name) => {
        if (down && name === 'consent_logs.find') throw gone();
      }),
    });
    down = false;
    const lead = await person(app, freshNumber());
    down = true;
    expect(await ask(app, lead)).toMatchObject({ kind: 'denied', decision: { reason: 'check_error' } });
    expect(errors.map(({ sentence }) => sentence)).toContain('a call could not be checked; denied');
    await until('the denied attempt to be closed', async () => (await held()) === 0);
    expect(await attemptsTo(lead.contact.phone)).toMatchObject([{ state: 'denied' }]);
    down = false;
    expect((await ask(app, lead)).kind).toBe('placed');
  });

  test('any one write, for a while or for good: one call at most, none forgotten, and no number stays held', async () => {
    for (const rounds of [1, 4]) {
      for (let nth = 1; nth <= 6; nth += 1) {
        dialled = [];
        let writes = 0;
        let left = rounds;
        let armed = false;
        const app = live({
          store: through(opened, (write) => {
            if (!armed || !write) return;
            writes += 1;
            if (writes < nth || left === 0) return;
            left -= 1;
            throw gone();
          }),
        });
        const lead = await person(app, freshNumber());
        armed = true;
        const what = `write ${nth}, ${rounds} times`;
        const [placed] = await Promise.allSettled([ask(app, lead)]);
        const calledOnce = () => dialled.length === 1;
        await until(`${what} to be over`, async () => {
          const [call] = await opened.collection('calls').find({ filter: { leadId: lead._id } });
          const [attempt] = await attemptsTo(lead.contact.phone);
          if (calledOnce()) return call?.callSid !== undefined;
          return attempt?.activePhones === undefined;
        });
        const [call] = await opened.collection('calls').find({ filter: { leadId: lead._id } });
        if (calledOnce()) {
          // The phone rings: the call must not be told to have failed.
          expect(call?.status, what).toBe('initiated');
          expect(placed.status, what).toBe('fulfilled');
          armed = false;
          await app.carrierInlet.status(call?._id, {
            callSid: call?.callSid ?? '',
            sequence: 3,
            status: 'no_answer',
          });
        } else if (placed.status === 'rejected') {
          expect(codeOf(placed.reason), what).toBe('store_unavailable');
        }
        await until(`the numbers of ${what} to be free`, async () => (await held()) === 0);
        expect(dialled.length, what).toBeLessThanOrEqual(1);
        expect(app.activeCalls(), what).toBe(0);
      }
    }
  });
});

describe('a process that dies', () => {
  const POINTS = [1, 2, 3, 4, 5, 6].flatMap((nth) =>
    (['before', 'after'] as const).map((side): [number, 'before' | 'after'] => [nth, side]),
  );

  test.each(POINTS)(
    'at write %i, %s it: the next life calls nobody again and frees the person',
    async (nth, side) => {
      let dead = false;
      let writes = 0;
      let armed = false;
      const fuse =
        (at: 'before' | 'after'): Around =>
        (write) => {
          if (dead) return never();
          if (!armed || !write) return;
          if (at === 'before') writes += 1;
          if (writes !== nth || at !== side) return;
          dead = true;
          return never();
        };
      const first = live({ store: through(opened, fuse('before'), fuse('after')), dead: () => dead });
      const [home, mobile] = [freshNumber(), freshNumber()];
      const lead = await person(first, home, mobile);
      armed = true;
      void ask(first, lead).catch(() => {});
      await until('its death', () => dead);
      // reserve, queued, the script's words, permitted, claim, dial, dialed
      const rang = nth === 6 ? 1 : 0;
      expect(dialled).toHaveLength(rang);
      const reserved = nth > 1 || side === 'after';
      expect(await held()).toBe(reserved ? 1 : 0);

      const second = live();
      await second.recover();
      await until('the person to be free', async () => (await held()) === 0);
      expect(dialled).toHaveLength(rang);
      const attempts = await attemptsTo(home);
      if (reserved) expect(attempts).toMatchObject([{ state: 'closed' }]);
      const [call] = await opened.collection('calls').find({ filter: { leadId: lead._id } });
      if (call)
        expect(['canceled', 'failed', 'no_answer']).toContain((await second.calls.get(call._id)).status);
      expect(second.activeCalls()).toBe(0);

      // It counted, whatever came of it: the two hours between two calls hold, by any number of the person.
      const other = await person(second, mobile, home);
      const soon = await ask(second, other);
      if (reserved) {
        expect(soon).toMatchObject({ kind: 'denied', decision: { reason: 'campaign_frequency_cap' } });
        const next = (soon.kind === 'denied' && soon.decision.nextAllowedAt?.getTime()) || 0;
        expect(next).toBeGreaterThan(clock.nowMs());
        clock = handClock(next);
        expect((await ask(live(), other)).kind).toBe('placed');
      } else expect(soon.kind).toBe('placed');
      await settle();
      expect(dialled.filter(({ to }) => to === mobile)).toHaveLength(1);
    },
  );

  test('after the call ended and before its attempt was closed: the next life closes it', async () => {
    let dead = false;
    let ended = false;
    const mortal = through(opened, (write, name) => {
      if (dead) return never();
      if (write && name === 'attempts.update' && ended) {
        dead = true;
        return never();
      }
    });
    const first = live({ store: mortal, dead: () => dead });
    const lead = await person(first, freshNumber());
    const { call } = await ask(first, lead);
    await until('the dial', async () => (await first.calls.get(call._id)).callSid !== undefined);
    await calm();
    ended = true;
    await first.carrierInlet.status(call._id, {
      callSid: dialled[0]?.callSid ?? '',
      sequence: 3,
      status: 'busy',
    });
    await until('its death', () => dead);
    expect(await held()).toBe(1);
    await live().recover();
    await until('the person to be free', async () => (await held()) === 0);
    expect(await attemptsTo(lead.contact.phone)).toMatchObject([{ state: 'closed' }]);
  });

  test('after the denial and before its attempt was closed: the next life closes it, and it does not count', async () => {
    let dead = false;
    const first = live({
      store: through(opened, (write, name) => {
        if (dead) return never();
        if (write && name === 'attempts.update') {
          dead = true;
          return never();
        }
      }),
      dead: () => dead,
    });
    const lead = await person(first, freshNumber());
    await first.compliance.changePolicy({ killSwitch: true }, 'a test', 'test');
    void ask(first, lead).catch(() => {});
    await until('its death', () => dead);
    const second = live();
    await second.recover();
    expect(await attemptsTo(lead.contact.phone)).toMatchObject([{ state: 'denied' }]);
    expect(await held()).toBe(0);
    await second.compliance.changePolicy({ killSwitch: false }, 'a test', 'test');
    expect((await ask(second, lead)).kind).toBe('placed');
  });

  test('numbers that a fault left held by a call that is over are free at the next try but one', async () => {
    const app = live();
    const lead = await person(app, freshNumber());
    await app.compliance.changePolicy({ killSwitch: true }, 'a test', 'test');
    await ask(app, lead);
    await app.compliance.changePolicy({ killSwitch: false }, 'a test', 'test');
    await until('it to be closed', async () => (await held()) === 0);
    const [attempt] = await attemptsTo(lead.contact.phone);
    await opened
      .collection('attempts')
      .update({ _id: attempt?._id }, { $set: { activePhones: [lead.contact.phone] } });
    await expect(ask(app, lead)).rejects.toMatchObject({ code: 'attempt_in_progress' });
    await until('it to be free', async () => (await held()) === 0);
    expect((await ask(app, lead)).kind).toBe('placed');
  });

  test('an answer is the last that is heard of a call: the carrier is asked, and the person is free', async () => {
    const app = live();
    const { call } = await ask(app, await person(app, freshNumber()));
    await until('the dial', async () => (await app.calls.get(call._id)).callSid !== undefined);
    const callSid = dialled[0]?.callSid ?? '';
    await app.carrierInlet.status(call._id, { callSid, sequence: 2, status: 'answered' });
    await until('the end', async () => (await held()) === 0);
    expect(await app.calls.get(call._id)).toMatchObject({
      status: 'no_answer',
      endReason: 'told by the carrier when asked',
    });
    expect(app.activeCalls()).toBe(0);
    await until(
      'the lead to be told',
      async () =>
        ((await opened.collection('leads').get(call.leadId ?? ''))?.contactAttempts.length ?? 0) > 0,
    );
    expect(await opened.collection('leads').get(call.leadId ?? '')).toMatchObject({
      lastContactedAt: expect.any(Date),
    });
  });

  test('no clear answer to the dial, one callback, and then silence: the carrier is asked', async () => {
    const app = live({
      answer() {
        throw new Failure('dial_unconfirmed', 'the answer was lost');
      },
    });
    const { call } = await ask(app, await person(app, freshNumber()));
    await until('the dial', async () =>
      (await app.calls.events(call._id)).some(({ type }) => type === 'dial_unconfirmed'),
    );
    const callSid = dialled[0]?.callSid ?? '';
    await app.carrierInlet.status(call._id, { callSid, sequence: 1, status: 'ringing' });
    await until('the end', async () => (await held()) === 0);
    expect(await app.calls.get(call._id)).toMatchObject({ status: 'no_answer', callSid });
  });
});

describe('the line of calls that wait for the carrier', () => {
  test('is left at once by a person who opts out, and asks the gate again for everybody else', async () => {
    const app = live({ callsPerSecond: 0.5 });
    const [first, stops, denied, last] = [
      await person(app, freshNumber()),
      await person(app, freshNumber(), freshNumber()),
      await person(app, freshNumber()),
      await person(app, freshNumber()),
    ];
    const calls = [];
    for (const lead of [first, stops, denied, last]) calls.push((await ask(app, lead)).call._id);
    const [, stopped = '', refused = '', placed = ''] = calls;
    await app.dnc.optOut({ phone: stops.contact.alternatePhone ?? '', channel: 'sms', words: 'STOP' });
    expect(await app.calls.get(stopped)).toMatchObject({
      status: 'canceled',
      endReason: 'the person asked not to be called',
    });
    expect(await attemptsTo(stops.contact.phone)).toMatchObject([{ state: 'closed' }]);
    // Listed by hand: nobody tells the line, and the gate is asked at its turn.
    await app.dnc.add({ phone: denied.contact.phone, scope: 'litigator', source: 'test' }, 'test');
    await until('the last one’s turn', () => dialled.length === 2);
    expect(dialled.map(({ to }) => to)).toEqual([first.contact.phone, last.contact.phone]);
    expect(await app.calls.get(refused)).toMatchObject({
      status: 'denied',
      complianceDecision: { reason: 'litigator_listed' },
    });
    await until('the last one to be told', async () => (await app.calls.get(placed)).status === 'initiated');
    expect((await app.calls.get(placed)).complianceDecision?.verdict).toBe('allow');
    // 2 s between any two dials, the ones that fell out included.
    expect(clock.nowMs() - START_MS).toBeGreaterThanOrEqual(6_000);
  });

  test('a permit does not wait in it: what is dialled was allowed within the second', async () => {
    const app = live({ callsPerSecond: 0.2 });
    const leads = [await person(app, freshNumber()), await person(app, freshNumber())];
    const ids_ = [];
    for (const lead of leads) ids_.push((await ask(app, lead)).call._id);
    await until('both', () => dialled.length === 2);
    for (const id of ids_) {
      await until('it to be told', async () => (await app.calls.get(id)).callSid !== undefined);
      const events = await app.calls.events(id);
      const at = (type: string) => events.find((event) => event.type === type)?.at.getTime() ?? 0;
      expect(at('dialed') - at('permitted')).toBeLessThan(1_000);
      const [attempt] = await opened.collection('attempts').find({ filter: { callId: id } });
      // Caps and gaps count from the dial, not from when it got in line.
      expect(attempt?.reservedAt.getTime()).toBeGreaterThanOrEqual(at('permitted'));
    }
  });

  test('a dial that a slow store held back counts from when it went out', async () => {
    let held: (() => void) | undefined;
    const slow = through(opened, async (_, name) => {
      if (name !== 'attempts.update' || held) return;
      await new Promise<void>((resolve) => {
        held = resolve;
        busy -= 1;
      });
      busy += 1;
    });
    const app = live({ store: slow });
    const lead = await person(app, freshNumber());
    await ask(app, lead);
    await until('the claim', () => held !== undefined);
    await clock.pass(3_000);
    held?.();
    await until('the dial', () => dialled.length === 1);
    await settle();
    await until(
      'the count',
      async () => ((await attemptsTo(lead.contact.phone))[0]?.reservedAt.getTime() ?? 0) >= START_MS + 3_000,
    );
  });

  test('when we stop, it is told that nobody was called', async () => {
    const app = live({ callsPerSecond: 0.1 });
    await ask(app, await person(app, freshNumber()));
    const { call } = await ask(app, await person(app, freshNumber()));
    const stopping = app.stop(1);
    await until(
      'the end',
      async () => (await opened.collection('calls').get(call._id))?.status === 'canceled',
    );
    await stopping;
    expect(dialled).toHaveLength(1);
    expect((await attemptsTo(call.contactPhone)).map(({ state }) => state)).toEqual(['closed']);
  });
});

test('a permitted call tells its script by name and hash, and what its record needs', async () => {
  const app = live();
  const { call } = await ask(app, await person(app, freshNumber()));
  expect(call).toMatchObject({
    script: { name: 'outbound', hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    complianceDecision: { verdict: 'allow', permitId: call.attemptId },
    terms: { seller: SELLER, purpose: 'marketing', subject: 'house', calledName: 'Ana Ruiz', lists: [] },
  });
  expect(call.promptHash).toBe(call.script?.hash);
});

test('a lead whose call was denied or never taken has not been contacted', async () => {
  const app = live({
    answer() {
      throw new Failure('dial_refused', 'no such number');
    },
  });
  const [denied, refused] = [await person(app, freshNumber()), await person(app, freshNumber())];
  await ask(app, refused);
  await app.compliance.changePolicy({ killSwitch: true }, 'a test', 'test');
  await ask(app, denied);
  for (const lead of [denied, refused]) {
    const leadNow = () => opened.collection('leads').get(lead._id);
    await until('it to be told', async () => ((await leadNow())?.contactAttempts.length ?? 0) > 0);
    expect(await leadNow()).not.toHaveProperty('lastContactedAt');
  }
});

test('a denial leaves the person free and uncounted, however often it is asked', async () => {
  const app = live();
  const lead = await person(app, freshNumber());
  await app.compliance.changePolicy({ killSwitch: true }, 'a test', 'test');
  for (let i = 0; i < 3; i += 1) {
    expect(await ask(app, lead)).toMatchObject({ kind: 'denied', decision: { reason: 'campaign_paused' } });
    await until('it to be finished', async () => app.activeCalls() === 0);
    await calm();
  }
  expect((await attemptsTo(lead.contact.phone)).map(({ state }) => state)).toEqual([
    'denied',
    'denied',
    'denied',
  ]);
  await app.compliance.changePolicy({ killSwitch: false }, 'a test', 'test');
  expect((await ask(app, lead)).kind).toBe('placed');
});

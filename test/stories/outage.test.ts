/**
 * The database goes away in every way it can, with calls going on: they go on, who calls us is answered, who wants no more
 * calls is heeded, nobody is dialled; and when it is back everything is there once, in order, and calls may be placed again.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MongoClient } from 'mongodb';
import { afterEach, expect, test } from 'vitest';
import { openJournaledStore } from '../../src/adapters/store/journal/index.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { openMongoStore } from '../../src/adapters/store/mongo/index.ts';
import type { Clock, Log, Outage, Store } from '../../src/app/ports.ts';
import type { CallerScript } from '../../src/sandbox/callers.ts';
import { type FaultyStore, faulty, TROUBLES, type Trouble } from '../support/faulty-store.ts';
import { ROOT } from '../support/made-once.ts';
import { SELLS, SLOW_TO_ANSWER, STAYER, TALKER } from '../support/people.ts';
import { programOf } from '../support/programs.ts';
import { openTcpGate } from '../support/tcp-gate.ts';
import { until } from '../support/until.ts';
import { OURS, type Story, type World, world } from '../support/world.ts';

const NO_MORE = 'You will get no more calls or messages from Parley.';
const STOP = 'Please stop calling me.';
const STOPPER: CallerScript = {
  ...STAYER,
  name: 'stopper',
  steps: [
    { waitForAgent: { patienceMs: 15_000 } },
    { say: STOP },
    { waitForAgent: { quietMs: 5_000, patienceMs: 20_000 } },
    { hangUp: true },
  ],
};

/** A server is no faster for a world whose time runs fast. */
const MONGO_SCALE = 6;
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

interface Scene {
  readonly here: World;
  readonly remote: FaultyStore;
  readonly outage: Outage;
}

const endings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** A world whose data lie behind a journal, in a store that outlives every life of the product. */
async function scene(inner?: (clock: Clock) => Promise<Store>, scale?: number): Promise<Scene> {
  let remote: FaultyStore | undefined;
  let open: Store | undefined;
  const here = await world({
    brief: true,
    ...(scale ? { scale } : {}),
    async openStore({ dir, clock, log }) {
      open ??= inner ? await inner(clock) : await openLocalStore({ dir: join(dir, 'elsewhere'), log });
      const trouble = remote?.trouble ?? 'none';
      remote = faulty({ ...open, close: async () => {} }, clock);
      remote.trouble = trouble;
      return await openJournaledStore({ store: remote, dir: join(dir, 'journal'), keepDays: 14, clock, log });
    },
  });
  endings.push(async () => {
    await here.close();
    await open?.close();
  });
  await here.agent.control.learn([{ text: STOP, voice: STAYER.voice }]);
  return {
    here,
    get remote() {
      if (!remote) throw new Error('there is a store');
      return remote;
    },
    get outage() {
      const { outage } = here.store;
      if (!outage) throw new Error('the store tells how it stands');
      return outage;
    },
  };
}

const state = (it: Scene, wanted: Outage['state']) =>
  until(`the store to be ${wanted}`, () => it.outage.state === wanted);

const saidBy = (here: World, callId: string, text: string) =>
  until(`"${text}" in call ${callId}`, async () =>
    (await here.app.calls.events(callId)).some((event) => event.type === 'said' && event.text === text),
  );

const statusOf = async (here: World, method: string, path: string, body?: unknown) => {
  const { status, json } = await here.ask(method, path, body);
  return { status, code: status < 400 ? undefined : json<{ code: string }>().code };
};

/** Everything that was told of a call is in the store behind: once, in order, and its documents say the same. */
async function expectWhole(
  { remote, here }: Scene,
  { call, events, transcript, kept }: Story,
): Promise<void> {
  const there = await remote.events(call._id);
  expect(there.map(({ seq }) => seq)).toEqual(there.map((_, n) => n + 1));
  expect(new Set(there.map(({ eventId }) => eventId)).size).toBe(there.length);
  expect(there).toEqual(events);
  expect(await remote.collection('calls').get(call._id)).toEqual(await here.app.calls.get(call._id));
  expect(kept?.messages).toEqual(transcript);
  expect(call.completeness).toBe('complete');
}

/** The whole story of one outage. `cause` and `heal` make it and end it. */
async function outageStory(it: Scene, trouble: Trouble, cause: () => void, heal: () => void): Promise<void> {
  const { here } = it;
  const [talking, ringing, waiting, texter, speaker] = await Promise.all([
    here.lead(STAYER),
    here.lead(SLOW_TO_ANSWER),
    here.lead(TALKER),
    here.lead(TALKER, { alternatePhone: '+12125553001' }),
    here.lead(TALKER),
  ]);
  const live = await here.place(talking);
  const late = await here.place(ringing);
  await saidBy(here, live, SELLS);
  await here.event(late, 'session_opened');

  cause();
  // Somebody calls before anybody knows what is the matter.
  const inbound = await here.receive('+12125556601', TALKER);
  await state(it, 'away');

  // Calls go on: the one that was ringing, and the one that came in.
  await saidBy(here, late, SELLS);
  await saidBy(here, inbound.callId, SELLS);
  for (const callId of [late, inbound.callId]) {
    expect((await here.ask('GET', `/api/v1/calls/${callId}`)).status).toBe(200);
    const transcript = await here.ask('GET', `/api/v1/calls/${callId}/transcript`);
    expect(transcript.body.toString()).toContain(SELLS);
  }
  expect(here.app.calls.live().map(({ _id }) => _id)).toContain(inbound.callId);

  // Nobody is dialled, and who asks is told why.
  const refused = await here.ask('POST', '/api/v1/calls', { leadId: waiting._id });
  expect([refused.status, refused.json<{ code: string }>().code]).toEqual([503, 'store_unavailable']);
  const verdict = await here.ask('POST', '/api/v1/compliance/check', { phone: waiting.contact.phone });
  expect(verdict.json<{ reasons: string[] }>().reasons).toEqual(['check_error']);
  const list = await statusOf(here, 'GET', '/api/v1/leads');
  expect(list.status).toBe(trouble === 'read_only' ? 200 : 503);

  // Who wants no more calls is heeded, by text and by voice.
  here.carrier.control.sendSms({ from: texter.contact.phone, to: OURS, body: 'STOP' });
  await until('the answer to a text message', () =>
    here.carrier.control
      .messages(texter.contact.phone)
      .some(({ to, body }) => to === texter.contact.phone && body.startsWith(NO_MORE)),
  );
  const stopped = await here.receive(speaker.contact.phone, STOPPER);
  await here.event(stopped.callId, 'opted_out');
  expect(it.outage.backlog).toMatchObject({ optOuts: 2, setAside: 0 });
  for (const callId of [live, late, inbound.callId, stopped.callId]) await here.event(callId, 'ended');
  expect(it.outage.state).toBe('away');
  expect(here.dialled(waiting.contact.phone)).toBe(0);

  heal();
  await state(it, 'up');

  for (const callId of [live, late, inbound.callId]) await expectWhole(it, await here.finished(callId));
  const { call } = await here.finished(stopped.callId);
  expect(call).toMatchObject({ optedOut: true, outcome: 'opted_out' });

  // The opt-outs are in the books, for every number, and said once.
  for (const [lead, channel, words] of [
    [texter, 'sms', 'STOP'],
    [speaker, 'voice', STOP],
  ] as const) {
    const denied = await here.ask('POST', '/api/v1/calls', { leadId: lead._id });
    expect([denied.status, denied.json<{ code: string }>().code]).toEqual([409, 'dial_denied']);
    const entries = await it.remote.collection('consent_logs').find({
      filter: { phone: lead.contact.phone, eventType: 'consent_revoked' },
    });
    expect(entries.map(({ revocation }) => revocation)).toEqual([{ channel, words }]);
    expect(here.dialled(lead.contact.phone)).toBe(0);
  }
  expect(await it.remote.collection('dnc_registry').count({ phone: '+12125553001', scope: 'internal' })).toBe(
    1,
  );

  // And calls are placed again.
  const resumed = await here.finished(await here.place(waiting));
  expect(resumed.call).toMatchObject({ status: 'completed' });
  expect(here.dialled(waiting.contact.phone)).toBe(1);
  expect(here.log.filter(({ sentence }) => sentence.startsWith('ALARM'))).toEqual([]);
}

test.each(TROUBLES)('the database goes away with calls going on, and comes back (%s)', async (trouble) => {
  const it = await scene();
  await outageStory(
    it,
    trouble,
    () => {
      it.remote.trouble = trouble;
    },
    () => {
      it.remote.trouble = 'none';
    },
  );
});

const uri = process.env.TEST_MONGODB_URI ?? '';
const HOW_TO_INCLUDE =
  'TEST_MONGODB_URI=mongodb://127.0.0.1:27017 npx vitest run test/stories/outage.test.ts';

if (uri === '') {
  console.warn(
    `LEFT OUT: an outage of a real MongoDB (TEST_MONGODB_URI is not set). Include: ${HOW_TO_INCLUDE}`,
  );
  test.skip(`left out, TEST_MONGODB_URI is not set; include it with: ${HOW_TO_INCLUDE}`, () => {});
} else {
  test.each(['refuse', 'hang'] as const)(
    'MongoDB itself goes away with calls going on, and comes back (%s)',
    async (mode) => {
      const target = new URL(uri);
      const gate = await openTcpGate({ host: target.hostname, port: Number(target.port || 27_017) });
      endings.push(() => gate.close());
      target.host = `127.0.0.1:${gate.port}`;
      target.searchParams.set('directConnection', 'true');
      const database = `parley_outage_${randomBytes(6).toString('hex')}`;
      endings.push(async () => {
        const client = await new MongoClient(uri).connect();
        await client.db(database).dropDatabase();
        await client.close();
      });
      const it = await scene(
        (clock) => openMongoStore({ uri: target.href, database, timeoutMs: 10_000, clock, log: silent }),
        MONGO_SCALE,
      );
      await outageStory(
        it,
        mode,
        () => void gate.set(mode),
        () => void gate.set('open'),
      );
    },
    300_000,
  );
}

test('the product dies while the database is away: its next life knows what was said, and does what is owed', async () => {
  const it = await scene();
  const { here } = it;
  const [talking, speaker] = await Promise.all([here.lead(STAYER), here.lead(TALKER)]);
  const live = await here.place(talking);
  await saidBy(here, live, SELLS);
  it.remote.trouble = 'refuse';
  await state(it, 'away');
  const stopped = await here.receive(speaker.contact.phone, STOPPER);
  await here.event(stopped.callId, 'opted_out');
  await here.die();
  await until('the carrier to give up', () =>
    here.carrier.control.calls().every(({ status }) => status === 'completed'),
  );
  await here.revive();
  expect(it.outage.state).toBe('away');
  expect(it.outage.backlog.optOuts).toBe(1);
  expect((await here.app.calls.transcript(stopped.callId)).fullTranscript).toContain(STOP);
  expect((await statusOf(here, 'POST', '/api/v1/calls', { leadId: speaker._id })).status).toBe(503);
  it.remote.trouble = 'none';
  await state(it, 'up');
  expect((await statusOf(here, 'POST', '/api/v1/calls', { leadId: speaker._id })).code).toBe('dial_denied');
  const story = await here.finished(live);
  expect(story.transcript.map(({ text }) => text)).toContain(SELLS);
  expect(story.attempt).toMatchObject({ state: 'closed' });
  expect((await here.finished(stopped.callId)).call).toMatchObject({ optedOut: true, outcome: 'opted_out' });
  expect(here.dialled(talking.contact.phone)).toBe(1);
  expect(here.dialled(speaker.contact.phone)).toBe(0);
});

test.each(['refuse', 'hang', 'read_only'] as const)(
  'a database that is not there when the product starts (%s): who calls is answered, and all else follows when it comes',
  async (trouble) => {
    const it = await scene();
    const { here } = it;
    const lead = await here.lead(TALKER);
    await here.die();
    it.remote.trouble = trouble;
    await here.revive();
    const { callId } = await here.receive('+12125556601', TALKER);
    await saidBy(here, callId, SELLS);
    await state(it, 'away');
    expect((await statusOf(here, 'POST', '/api/v1/calls', { leadId: lead._id })).status).toBe(503);
    it.remote.trouble = 'none';
    await state(it, 'up');
    await expectWhole(it, await here.finished(callId));
    expect((await here.finished(await here.place(lead))).call).toMatchObject({ status: 'completed' });
  },
);

test('the service starts, says that it is alive and not ready, and why, when MongoDB is not there', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'parley-outage-'));
  const child = spawn(process.execPath, [programOf('src/main.ts')], {
    cwd: ROOT,
    env: {
      ...process.env,
      PORT: '0',
      DATA_DIR: join(dir, 'data'),
      // Nobody listens on port 1.
      MONGODB_URI: 'mongodb://someone:secret@127.0.0.1:1',
      LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const over = new Promise<number | null>((done) => child.once('exit', done));
  endings.push(() => rmSync(dir, { recursive: true, force: true }));
  endings.push(() => void child.kill('SIGKILL'));
  let url = '';
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    url = /(http:\S+)\/signin/.exec(line)?.[1] ?? '';
    if (url !== '') break;
  }
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(503);
  const { checks } = (await ready.json()) as { checks: { name: string; ok: boolean; detail: string }[] };
  expect(checks.filter(({ ok }) => !ok)).toEqual([
    { name: 'store', ok: false, detail: expect.stringMatching(/^away: MongoDB (was not|cannot be) reached/) },
    { name: 'journal', ok: false, detail: '0 events wait for the database; 0 opt-outs' },
  ]);
  expect(lines.join() + JSON.stringify(checks)).not.toContain('secret');
  child.kill('SIGTERM');
  expect(await over).toBe(0);
});

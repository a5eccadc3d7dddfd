/**
 * A storm over the product: its process is killed at random instants and its database taken away and brought back, while
 * many calls go on. Carrier, agent and people live in another process and go on; the process killed is the real one, before
 * a real MongoDB. Afterwards every promise is compared with what is left.
 *
 * Acknowledged is what somebody was told: an event that the wall of live calls showed, a status callback that was answered
 * with success, a call that the API answered 202 for.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { MongoClient } from 'mongodb';
import { openMongoStore } from '../../src/adapters/store/mongo/index.ts';
import { createClock } from '../../src/adapters/system.ts';
import type { Log, Store } from '../../src/app/ports.ts';
import { type Call, type CallEvent, type EndStatus, foldCall, isOver } from '../../src/domain/call.ts';
import { lastingPort } from '../support/ports.ts';
import { programOf } from '../support/programs.ts';
import { type GateMode, openTcpGate } from '../support/tcp-gate.ts';
import type { PartiesReport, PartiesSettings, PlaceInbound, Seen } from './parties.ts';

export interface StormSettings {
  /** A MongoDB of which a new database is used and dropped. */
  readonly uri: string;
  readonly kills: number;
  readonly outages: number;
  /** Outbound calls at the same time. */
  readonly calls: number;
  readonly seed: number;
  /** A process that has started lives at most so long. */
  readonly longestLifeMs: number;
  /** `lies`: the planted fault, a disk that says it has synced before it has. */
  readonly disk: 'honest' | 'lies';
  /** Runs the built product instead of its sources. */
  readonly built: boolean;
  readonly say: (line: string) => void;
}

export interface Verdict {
  /** Every promise that was broken; none: the product stood it. */
  readonly broken: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  /** What the lives of the process had to complain about, and how often. */
  readonly complaints: ReadonlyMap<string, number>;
}

const ROOT = resolve(import.meta.dirname, '../..');
/** Wednesday, one in the afternoon in New York. */
const START_MS = Date.UTC(2026, 10, 18, 18, 0, 0);
const OURS = '+12125550190';
const KEY = 'a-key-for-the-storms-of-this-test-0123456789';
const SELLER = 'Parley';
/** Some die while they start; the others live for a while after it. */
const STILLBORN_SHARE = 0.2;
const STARTING_MS = [50, 2_000] as const;
const SHORTEST_LIFE_MS = 200;
const OUTAGE_MS = [400, 3_000] as const;
const BETWEEN_OUTAGES_MS = [1_500, 8_000] as const;
const OUTAGES: readonly GateMode[] = ['refuse', 'hang', 'lossy'];
/** A call is waited for at most so long before its place is given to the next. */
const CALL_MS = 25_000;
/**
 * When all is well again, who asks has a clear answer by then: a dial of which nobody knows is looked into for more than a
 * minute, which begins anew with every restart, and so long its person is not free.
 */
const CLEAR_MS = 240_000;
const REST_MS = 15_000;
const READY_MS = 60_000;
const SETTLE_MS = 300_000;
const INBOUND_EVERY_MS = 1_500;
const DOUBLED_SHARE = 0.15;

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Numbers that are always the same for a seed (mulberry32). */
function dice(seed: number): (from: number, to: number) => number {
  let state = seed >>> 0;
  return (from, to) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return from + (((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * (to - from);
  };
}

/** What was acknowledged, in the order in which it was told. */
interface Witness {
  readonly events: Map<string, { readonly eventId: string; readonly type: string }[]>;
  readonly eventIds: Set<string>;
  readonly statuses: Extract<Seen, { what: 'acknowledged' }>[];
  /** Ids of calls by the number of who was to be called. */
  readonly placed: Map<string, string>;
  /** What the carrier has: every call, the number of its person, and how it stands. */
  readonly lines: Map<string, { readonly to: string; readonly outbound: boolean; status: string }>;
}

export async function storm(settings: StormSettings): Promise<Verdict> {
  const { uri, kills, outages, seed, say } = settings;
  const roll = dice(seed);
  const dir = mkdtempSync(join(tmpdir(), 'parley-storm-'));
  const database = `parley_storm_${Date.now().toString(36)}_${process.pid}`;
  const port = await lastingPort();
  const url = `http://127.0.0.1:${port}`;
  const target = new URL(uri);
  const gate = await openTcpGate({ host: target.hostname, port: Number(target.port || 27_017) });
  const shiftMs = START_MS - Date.now();
  const machine = new URL(`./machine.mjs?shiftMs=${shiftMs}`, import.meta.url).href;
  const witness: Witness = {
    events: new Map(),
    eventIds: new Set(),
    statuses: [],
    placed: new Map(),
    lines: new Map(),
  };

  // ── The outside parties ──────────────────────────────────────────────────────────────────────────────────────────

  const told: PartiesSettings = { url, number: OURS, seed };
  const parties = fork(programOf('test/faults/parties.ts'), {
    execArgv: ['--import', machine],
    env: { ...process.env, PARTIES: JSON.stringify(told) },
  });
  const report = await new Promise<PartiesReport>((ready, failed) => {
    parties.once('message', (message) => ready(message as PartiesReport));
    parties.once('exit', (code) => failed(new Error(`the outside parties ended with ${code}`)));
  });
  parties.on('message', (message) => {
    for (const seen of message as Seen[]) {
      const line = witness.lines.get(seen.callSid);
      if (seen.what === 'acknowledged') witness.statuses.push(seen);
      else if (seen.what === 'created')
        witness.lines.set(seen.callSid, { to: seen.to, outbound: seen.outbound, status: 'queued' });
      else if (line) line.status = seen.status;
    }
  });

  // ── The product ──────────────────────────────────────────────────────────────────────────────────────────────────

  mkdirSync(join(dir, 'data'));
  const logPath = join(dir, 'log');
  const log = createWriteStream(logPath);
  const through = new URL(uri);
  through.host = `127.0.0.1:${gate.port}`;
  through.searchParams.set('directConnection', 'true');
  const environment = {
    ...process.env,
    PORT: String(port),
    HOST: '127.0.0.1',
    PUBLIC_BASE_URL: url,
    DATA_DIR: join(dir, 'data'),
    LOG_LEVEL: 'warn',
    MONGODB_URI: through.href,
    MONGODB_DATABASE: database,
    ADMIN_API_KEY: KEY,
    SELLER_NAME: SELLER,
    TWILIO_ACCOUNT_SID: report.carrier.accountSid,
    TWILIO_AUTH_TOKEN: report.carrier.authToken,
    TWILIO_PHONE_NUMBER: OURS,
    TWILIO_API_BASE_URL: report.carrier.url,
    ELEVENLABS_API_KEY: report.agent.apiKey,
    ELEVENLABS_AGENT_ID: report.agent.agentId,
    ELEVENLABS_WEBHOOK_SECRET: report.agent.webhookSecret,
    ELEVENLABS_BASE_URL: report.agent.url,
    MAX_CONCURRENT_CALLS: String(4 * settings.calls),
    CALLS_PER_SECOND: '200',
  };
  const program = settings.built ? 'dist/main.js' : programOf('src/main.ts');

  interface Life {
    readonly child: ChildProcess;
    /** Resolves when it has started, or ended before. */
    readonly started: Promise<void>;
    readonly ended: Promise<void>;
  }
  function live(): Life {
    const child = spawn(process.execPath, ['--import', `${machine}&disk=${settings.disk}`, program], {
      cwd: ROOT,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    const ended = new Promise<void>((done) => child.once('exit', () => done()));
    const spoke = new Promise<void>((done) => {
      child.stdout?.on('data', (text: Buffer) => {
        if (text.includes('Parley is ready')) done();
      });
    });
    return { child, started: Promise.race([spoke, ended]), ended };
  }

  async function kill({ child, ended }: Life): Promise<void> {
    child.kill('SIGKILL');
    await ended;
  }

  interface Answer {
    /** 0: none came. */
    readonly status: number;
    readonly json: Record<string, unknown>;
  }
  async function ask(method: string, path: string, body?: unknown, key?: string): Promise<Answer> {
    try {
      const answer = await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${KEY}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(REST_MS),
      });
      return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
    } catch {
      return { status: 0, json: {} };
    }
  }

  // ── Who watches ──────────────────────────────────────────────────────────────────────────────────────────────────

  const over = new AbortController();

  function show(frame: string): void {
    const data = /^data: (.*)$/m.exec(frame)?.[1];
    if (!frame.includes('event: event') || data === undefined) return;
    const { event } = JSON.parse(data) as { event: CallEvent };
    const { callId, eventId, type } = event;
    if (witness.eventIds.has(eventId)) return;
    witness.eventIds.add(eventId);
    const shown = witness.events.get(callId) ?? [];
    shown.push({ eventId, type });
    witness.events.set(callId, shown);
  }

  async function watch(): Promise<void> {
    while (!over.signal.aborted) {
      try {
        const wall = await fetch(`${url}/api/v1/calls/live`, {
          headers: { authorization: `Bearer ${KEY}` },
          signal: over.signal,
        });
        let rest = '';
        for await (const piece of (wall.body ?? new ReadableStream<Uint8Array>()).pipeThrough(
          new TextDecoderStream(),
        )) {
          const frames = (rest + piece).split('\n\n');
          rest = frames.pop() ?? '';
          for (const frame of frames) show(frame);
        }
      } catch {
        // The process is dead; the next one is watched.
      }
      await sleep(20);
    }
  }

  // ── Who asks for calls ───────────────────────────────────────────────────────────────────────────────────────────

  let raging = true;
  let nextNumber = 1_000;
  let nextInbound = 1_000;
  let nextKey = 0;
  const counts = { asked: 0, answered: 0, denied: 0 };
  const unclear: string[] = [];

  const isBusy = (phone: string): boolean =>
    [...witness.lines.values()].some(
      ({ to, status }) => to === phone && ['queued', 'ringing', 'in-progress'].includes(status),
    );

  async function lead(): Promise<{ id: string; phone: string } | undefined> {
    const phone = `+1212555${nextNumber}`;
    nextNumber += 1;
    const { status, json } = await ask('POST', '/api/v1/leads', {
      source: 'storm',
      externalId: phone,
      contact: {
        firstName: 'Maria',
        lastName: 'Storm',
        phone,
        address: { city: 'New York', state: 'NY', zipCode: '10001' },
      },
      consent: {
        method: 'web_form',
        source: 'storm form',
        consentText: `I agree to calls with an artificial voice from ${SELLER} at the number I gave. Consent is not a condition of purchase.`,
        automatedCallsAllowed: true,
        textMessagesAllowed: true,
        evidence: {
          seller: SELLER,
          purpose: 'marketing',
          level: 'written',
          artificialVoiceDisclosed: true,
          conditionOfPurchaseDisclaimed: true,
          checkboxPreTicked: false,
          signature: 'click',
          pageUrl: 'https://storm.invalid/sell',
        },
        ipAddress: '192.0.2.10',
        userAgent: 'storm',
      },
    });
    return status === 201 ? { id: String(json.id), phone } : undefined;
  }

  /** Asks until there is a clear answer, as a careful client does: the same key each time. */
  async function place(leadId: string, phone: string): Promise<void> {
    nextKey += 1;
    const key = `storm-${seed}-${nextKey}`;
    const twin =
      roll(0, 1) < DOUBLED_SHARE ? ask('POST', '/api/v1/calls', { leadId }, `${key}-twin`) : undefined;
    let endMs = Number.POSITIVE_INFINITY;
    counts.asked += 1;
    for (;;) {
      const { status, json } = await ask('POST', '/api/v1/calls', { leadId }, key);
      if (status === 202) {
        counts.answered += 1;
        witness.placed.set(String(json.id), phone);
        break;
      }
      if (json.code === 'dial_denied') {
        counts.denied += 1;
        break;
      }
      if (!raging) endMs = Math.min(endMs, performance.now() + CLEAR_MS);
      if (performance.now() > endMs) {
        unclear.push(`${phone}: asked for a call and never got a clear answer, but ${status} ${json.code}`);
        break;
      }
      await sleep(roll(100, 500));
    }
    const second = await twin;
    if (second?.status === 202) witness.placed.set(String(second.json.id), phone);
  }

  async function keepCalling(): Promise<void> {
    while (raging) {
      const person = await lead();
      if (!person) {
        await sleep(roll(100, 500));
        continue;
      }
      await place(person.id, person.phone);
      const endMs = performance.now() + CALL_MS;
      do await sleep(100);
      while (isBusy(person.phone) && performance.now() < endMs);
    }
  }

  async function keepCallingUs(): Promise<void> {
    while (raging) {
      const message: PlaceInbound = { inboundFrom: `+1646555${nextInbound}` };
      nextInbound += 1;
      parties.send(message);
      await sleep(INBOUND_EVERY_MS);
    }
  }

  // ── The storm ────────────────────────────────────────────────────────────────────────────────────────────────────

  let life = live();
  const startedMs = performance.now();
  const ready = async (): Promise<void> => {
    const endMs = performance.now() + READY_MS;
    while ((await ask('GET', '/readyz')).status !== 200) {
      if (performance.now() > endMs) throw new Error('the product was not ready in time');
      await sleep(100);
    }
  };
  try {
    await ready();
    const watching = watch();
    const callers = Promise.all([...Array.from({ length: settings.calls }, keepCalling), keepCallingUs()]);
    await sleep(1_500);

    let killed = 0;
    async function killing(): Promise<void> {
      for (let n = 1; n <= kills; n += 1) {
        if (roll(0, 1) < STILLBORN_SHARE) await sleep(roll(...STARTING_MS));
        else {
          await life.started;
          await sleep(roll(SHORTEST_LIFE_MS, settings.longestLifeMs));
        }
        await kill(life);
        killed = n;
        life = live();
        if (n % 10 === 0 || n === kills)
          say(
            `${n} kills after ${Math.round((performance.now() - startedMs) / 1_000)} s; ${witness.eventIds.size} events shown, ${witness.lines.size} calls at the carrier`,
          );
      }
    }
    async function darkening(): Promise<void> {
      for (let n = 1; n <= outages; n += 1) {
        await sleep(roll(...BETWEEN_OUTAGES_MS));
        // Spread over all the kills.
        while (killed / kills < (n - 1) / outages) await sleep(100);
        await gate.set(OUTAGES[Math.floor(roll(0, OUTAGES.length))] ?? 'refuse');
        await sleep(roll(...OUTAGE_MS));
        await gate.set('open');
        if (n % 10 === 0 || n === outages) say(`the database went away and came back ${n} times`);
      }
    }
    await Promise.all([killing(), darkening()]);
    raging = false;
    say('the storm is over; waiting until everything has its end');
    await ready();
    await callers;
    const store = await openMongoStore({
      uri,
      database,
      timeoutMs: 30_000,
      clock: createClock(silent),
      log: silent,
    });
    try {
      const restMs = performance.now();
      const waits = await settled(store);
      say(`settled after ${Math.round((performance.now() - restMs) / 1_000)} s`);
      await sleep(500);
      over.abort();
      await watching;
      const { broken, figures } = await judge(store, witness);
      const aside = await ask('GET', '/readyz');
      if (JSON.stringify(aside.json).includes('set aside')) broken.push('the database refused events');
      return {
        broken: [...waits, ...unclear, ...broken],
        figures: {
          kills,
          outages,
          ...counts,
          ...figures,
          seconds: Math.round((performance.now() - startedMs) / 1_000),
        },
        complaints: complaintsIn(logPath),
      };
    } finally {
      await store.close();
    }
  } finally {
    raging = false;
    over.abort();
    await kill(life);
    parties.kill('SIGKILL');
    await gate.close();
    log.end();
    const client = await new MongoClient(uri).connect();
    await client.db(database).dropDatabase();
    await client.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const OPEN = { $in: ['queued', 'initiated', 'ringing', 'answered'] };
const UNTOLD = {
  status: 'completed',
  conversationId: { $exists: true },
  answeredAt: { $exists: true },
  completeness: { $exists: false },
};

/** Waits until every call has its end; answers what has none. */
async function settled(store: Store): Promise<string[]> {
  const endMs = performance.now() + SETTLE_MS;
  for (;;) {
    const [calls, untold, attempts] = await Promise.all([
      store.collection('calls').find({ filter: { status: OPEN } }),
      store.collection('calls').find({ filter: UNTOLD }),
      store.collection('attempts').find({ filter: { state: { $in: ['reserved', 'dialed'] } } }),
    ]);
    if (calls.length + untold.length + attempts.length === 0) return [];
    if (performance.now() > endMs)
      return [
        ...calls.map(({ _id, status }) => `call ${_id} is ${status} for ever`),
        ...untold.map(({ _id }) => `the transcript of call ${_id} was never compared`),
        ...attempts.map(({ callId, state }) => `the attempt of call ${callId} is ${state} for ever`),
      ];
    await sleep(500);
  }
}

const END: Readonly<Record<string, EndStatus>> = {
  completed: 'completed',
  busy: 'busy',
  'no-answer': 'no_answer',
  failed: 'failed',
  canceled: 'canceled',
};

async function judge(store: Store, witness: Witness) {
  const broken: string[] = [];
  const calls = await store.collection('calls').find({});
  const byId = new Map(calls.map((call) => [call._id, call]));
  const bySid = new Map(calls.flatMap((call) => (call.callSid ? [[call.callSid, call] as const] : [])));
  const logs = new Map<string, CallEvent[]>();
  for (const callId of new Set([...byId.keys(), ...witness.events.keys()]))
    logs.set(callId, await store.events(callId));

  // Every event that was shown is there once, and in the order in which it was shown.
  for (const [callId, shown] of witness.events) {
    const events = logs.get(callId) ?? [];
    let lastSeq = 0;
    for (const { eventId, type } of shown) {
      const found = events.filter((event) => event.eventId === eventId);
      const [event] = found;
      if (!event || event.type !== type)
        broken.push(`call ${callId}: event ${eventId} (${type}) was shown and is lost`);
      else if (found.length > 1)
        broken.push(`call ${callId}: event ${eventId} is there ${found.length} times`);
      else if (event.seq < lastSeq)
        broken.push(`call ${callId}: event ${eventId} (${type}) is not in its order`);
      else lastSeq = event.seq;
    }
  }

  // The log of each call is whole, and its document says the same.
  for (const [callId, events] of logs) {
    if (
      !isDeepStrictEqual(
        events.map(({ seq }) => seq),
        events.map((_, n) => n + 1),
      )
    )
      broken.push(`call ${callId}: its events are numbered ${events.map(({ seq }) => seq)}`);
    if (new Set(events.map(({ eventId }) => eventId)).size < events.length)
      broken.push(`call ${callId}: an event is there twice`);
    const call = byId.get(callId);
    if (!call || !isDeepStrictEqual(call, foldCall(events)))
      broken.push(`call ${callId}: its document is not what its events say`);
  }

  // What the carrier was answered with success is there.
  const EVENT_OF: Readonly<Record<string, CallEvent['type']>> = {
    initiated: 'dialed',
    ringing: 'ringing',
    'in-progress': 'answered',
    completed: 'ended',
    busy: 'ended',
    'no-answer': 'ended',
    failed: 'ended',
    canceled: 'ended',
  };
  for (const { callSid, status } of witness.statuses) {
    const call = bySid.get(callSid);
    const type = EVENT_OF[status];
    if (!call) {
      // A caller whose call was never taken in: the carrier heard so, and nobody was told of a call.
      if (witness.lines.get(callSid)?.outbound)
        broken.push(`the carrier's call ${callSid} was acknowledged (${status}) and is not known`);
    } else if (type && !(call.direction === 'inbound' && type === 'dialed'))
      if (!logs.get(call._id)?.some((event) => event.type === type))
        broken.push(`call ${call._id}: ${status} was acknowledged to the carrier and is lost`);
  }

  // Every call that was answered 202 for is there, and every call has its right end.
  for (const callId of witness.placed.keys())
    if (!byId.has(callId)) broken.push(`call ${callId} was answered 202 for and is lost`);
  for (const call of calls) broken.push(...wrongIn(call, witness));

  // Nobody was dialled twice.
  const dials = new Map<string, string[]>();
  for (const [callSid, { to, outbound }] of witness.lines)
    if (outbound) dials.set(to, [...(dials.get(to) ?? []), callSid]);
  for (const [phone, callSids] of dials) {
    if (callSids.length > 1) broken.push(`${phone} was dialled ${callSids.length} times: ${callSids}`);
    for (const callSid of callSids)
      if (!bySid.has(callSid)) broken.push(`${phone} was dialled and no call knows of it: ${callSid}`);
  }
  const held = await store.collection('attempts').find({ filter: { activePhones: { $exists: true } } });
  for (const { callId } of held) broken.push(`call ${callId} still holds its person's numbers`);

  // Who was shown to have opted out is on the list.
  for (const [callId, shown] of witness.events) {
    if (!shown.some(({ type }) => type === 'opted_out')) continue;
    const phone = byId.get(callId)?.contactPhone ?? '';
    if ((await store.collection('dnc_registry').count({ phone, scope: 'internal' })) !== 1)
      broken.push(`call ${callId}: the person opted out and is not on the list`);
  }

  const ends = (status: Call['status']) => calls.filter((call) => call.status === status).length;
  const transcripts = (completeness: Call['completeness']) =>
    calls.filter((call) => call.completeness === completeness).length;
  return {
    broken,
    figures: {
      calls: calls.length,
      inbound: calls.filter(({ direction }) => direction === 'inbound').length,
      dialled: dials.size,
      completed: ends('completed'),
      canceled: ends('canceled'),
      failed: ends('failed'),
      busy: ends('busy'),
      whole: transcripts('complete'),
      repaired: transcripts('repaired'),
      gaps: transcripts('gap'),
      shown: witness.eventIds.size,
      acknowledged: witness.statuses.length,
      events: [...logs.values()].reduce((sum, { length }) => sum + length, 0),
    },
  };
}

function wrongIn(call: Call, { lines }: Witness): string[] {
  const { _id, status, callSid } = call;
  if (!isOver(call)) return [`call ${_id} is ${status} when all is over`];
  if (callSid === undefined)
    return ['denied', 'canceled', 'failed'].includes(status)
      ? []
      : [`call ${_id} is ${status} and was never dialled`];
  const line = lines.get(callSid);
  if (!line) return [`call ${_id}: the carrier has no call ${callSid}`];
  return END[line.status] === status ? [] : [`call ${_id} is ${status}; the carrier says ${line.status}`];
}

/** Sentences of the product's log from warnings on, and how often each was said. */
function complaintsIn(path: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    let sentence = line.trim();
    try {
      const { msg } = JSON.parse(line) as { msg?: string };
      sentence = msg ?? sentence;
    } catch {
      if (sentence === '' || sentence.startsWith('Parley is ready')) continue;
    }
    counts.set(sentence, (counts.get(sentence) ?? 0) + 1);
  }
  return counts;
}

/**
 * test/support/world: the whole product in one process, over real sockets, with the sandbox's carrier and agent beside it
 * and a calendar of its own. Stories place calls in it and look at what is left of them.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createElevenLabs } from '../../src/adapters/elevenlabs/index.ts';
import { createMail } from '../../src/adapters/mail/index.ts';
import { createPasswords } from '../../src/adapters/passwords.ts';
import { openRecordings } from '../../src/adapters/recordings/index.ts';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { createTwilio } from '../../src/adapters/twilio/index.ts';
import { createMediaDoor } from '../../src/adapters/twilio/media-stream.ts';
import { buildAccess } from '../../src/app/access.ts';
import { type App, buildApp } from '../../src/app/index.ts';
import type { Clock, Log, LogFields, Messenger, Store, Telephony, VoiceAgent } from '../../src/app/ports.ts';
import { type Prompts, readPrompts } from '../../src/app/prompts.ts';
import { type Call, type CallEvent, isOver } from '../../src/domain/call.ts';
import type {
  Attempt,
  CallingPolicy,
  CallTranscript,
  Lead,
  TranscriptMessage,
} from '../../src/domain/documents.ts';
import { createHttp } from '../../src/http/index.ts';
import { sentences } from '../../src/sandbox/agent/brain.ts';
import { type Agent, startAgent } from '../../src/sandbox/agent/server.ts';
import type { CallerScript } from '../../src/sandbox/callers.ts';
import type { Speak } from '../../src/sandbox/carrier/caller.ts';
import { type Carrier, startCarrier } from '../../src/sandbox/carrier/server.ts';
import { type Mailbox, startMailbox } from '../../src/sandbox/mailbox.ts';
import { murmur } from './agent.ts';
import { trueTime } from './clock.ts';
import { agentsHouse } from './knowledge.ts';
import { messagesHouse, shippedTemplates } from './messages.ts';
import { lastingPort } from './ports.ts';
import { indexOfSound, readWav, type Stereo } from './sound.ts';
import { createWorldClock, startTime, type WorldClock } from './time.ts';
import { until } from './until.ts';

/** Wednesday, one in the afternoon in New York, and a working day everywhere in the States. */
export const START_MS = Date.UTC(2026, 10, 18, 18, 0, 0);
export const OURS = '+12125550190';
export const OFFICE = '+12125550316';
export const SELLER = 'Parley';
const API_KEY = 'a-key-for-the-stories-of-this-world-0123';
/** How much faster than ours the time of a world may run. */
const SCALE = 24;

type TextSender = Pick<Messenger, 'sendSms' | 'textsTo'>;
type MailSender = Pick<NonNullable<Messenger['mail']>, 'sendMail'>;

export interface WorldOptions {
  /** 1: the machine's own time, for what is measured in ms. */
  readonly scale?: number;
  readonly seed?: number;
  /** Changes to how the campaign calls. */
  readonly calling?: Partial<CallingPolicy>;
  readonly maxConcurrentCalls?: number;
  readonly speak?: Speak;
  /** Where the built dashboard lies, for stories that look at it. */
  readonly dashboardDir?: string;
  /** The agent greets in one short sentence instead of the real opening, for stories that are not about it. */
  readonly brief?: boolean;
  /** Opens another store than the embedded one, for each life of the product. */
  readonly openStore?: (parts: {
    readonly dir: string;
    readonly clock: Clock;
    readonly log: Log;
  }) => Promise<Store>;
}

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly sentence: string;
  readonly fields: LogFields;
}

/** What is left of a call when everything about it is done. */
export interface Story {
  readonly call: Call;
  readonly events: readonly CallEvent[];
  readonly transcript: readonly TranscriptMessage[];
  readonly kept: CallTranscript | undefined;
  readonly recording: Stereo | undefined;
  readonly attempt: Attempt | undefined;
  readonly lead: Lead | undefined;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  json<T = Record<string, unknown>>(): T;
}

export interface World {
  readonly url: string;
  readonly carrier: Carrier;
  readonly agent: Agent;
  /** Where every e-mail lands. */
  readonly mailbox: Mailbox;
  readonly campaignId: string;
  readonly log: readonly LogLine[];
  /** Of the product's present life. */
  readonly app: App;
  readonly store: Store;
  readonly clock: WorldClock;
  nowMs(): number;
  /** A lead with full consent whose number is answered by this caller. */
  lead(caller: string | CallerScript, more?: { alternatePhone?: string; firstName?: string }): Promise<Lead>;
  /** Asks the product over HTTP, with the rights of an administrator. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Places a call to a lead; answers its id. */
  place(lead: Lead): Promise<string>;
  /** Places a call and waits until everything about it is done. */
  call(caller: string | CallerScript): Promise<Story>;
  /** Somebody calls us; answers the call's id when the product knows it. */
  receive(from: string, caller: string | CallerScript): Promise<{ callSid: string; callId: string }>;
  /** What the person of a call said and heard. */
  line(call: Pick<Call, 'callSid'>): { readonly said: Buffer; readonly heard: Buffer };
  /** Whether the person of a call heard this sentence of the agent whole, from this byte of what they heard on. */
  heard(call: Pick<Call, 'callSid'>, sentence: string, since?: number): Promise<boolean>;
  /**
   * Waits until the person of a call heard a whole sentence that the agent said after it had been given the call back. What
   * it says first they may have talked over.
   */
  heardAgain(callId: string, since: number): Promise<void>;
  /** How many calls the carrier placed to a number. */
  dialled(phone: string): number;
  /** Waits until everything about a call is done. */
  finished(callId: string): Promise<Story>;
  /** Waits for the first event of this type. */
  event<T extends CallEvent['type']>(callId: string, type: T): Promise<Extract<CallEvent, { type: T }>>;
  /** Stops the product in good order and starts it again over the same data, at the same address. */
  restart(): Promise<void>;
  /** The product dies where it stands: nothing is written, said or closed any more. */
  die(): Promise<void>;
  /** Starts it again after `die`. */
  revive(): Promise<void>;
  /** Ends everything. */
  close(): Promise<void>;
}

const BRIEF_GREETING = 'Hi {{lead_name}}, this is the AI assistant of {{seller_name}}.';

function prompts(brief: boolean): Prompts {
  const real = readPrompts((file) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'), SELLER);
  return brief
    ? {
        ...real,
        identification: BRIEF_GREETING,
        'identification-inbound': BRIEF_GREETING,
        'opt-out': '',
        recording: '',
        question: '',
        'question-inbound': '',
      }
    : real;
}

/** Sockets of this process, of both ends. */
export function openSockets(): Socket[] {
  const { _getActiveHandles } = process as unknown as { _getActiveHandles(): unknown[] };
  return _getActiveHandles
    .call(process)
    .filter((handle): handle is Socket => (handle as Socket).remotePort !== undefined);
}

/** As `port` until its life ends; from then on no call of it comes back, as in a process that is dead. */
function mortal<T extends object>(port: T, isDead: () => boolean): T {
  return new Proxy(port, {
    get(target, key) {
      const value = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (isDead()) return new Promise(() => {});
        const answer: unknown = value.apply(target, args);
        if (key === 'collection') return mortal(answer as object, isDead);
        if (!(answer instanceof Promise)) return answer;
        return answer.then(
          (found) => (isDead() ? new Promise(() => {}) : found),
          (error) => (isDead() ? new Promise(() => {}) : Promise.reject(error)),
        );
      };
    },
  });
}

export async function world(options: WorldOptions = {}): Promise<World> {
  const { scale = SCALE, seed = 7, speak = murmur, maxConcurrentCalls = 100 } = options;
  const time = startTime(scale, START_MS);
  const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-world-'));
  const port = await lastingPort();
  const url = `http://127.0.0.1:${port}`;
  const lines: LogLine[] = [];
  const write =
    (level: LogLine['level']) =>
    (fields: LogFields, sentence: string): void => {
      lines.push({ level, sentence, fields });
    };
  const log: Log = { debug: () => {}, info: write('info'), warn: write('warn'), error: write('error') };

  const carrier = await startCarrier({
    host: '127.0.0.1',
    port: 0,
    accountSid: `AC${'0123456789abcdef'.repeat(2)}`,
    authToken: 'the-token-of-this-world',
    numbers: [OURS],
    seed,
    callsPerSecond: 1_000,
    speak,
    timeScale: scale,
    voiceUrl: `${url}/twilio/voice`,
    statusCallbackUrl: `${url}/twilio/status`,
    smsUrl: `${url}/twilio/sms`,
  });
  const mailbox = await startMailbox({ host: '127.0.0.1', port: 0 });
  const agent = await startAgent({
    host: '127.0.0.1',
    port: 0,
    seed,
    speed: scale,
    speak,
    endCall: 'client',
    webhookUrl: `${url}/elevenlabs/webhook`,
  });
  await agent.control.ready();
  const agentPort = Number(new URL(agent.url).port);

  /** One life of the product, from start to stop or death. */
  async function live() {
    let dead = false;
    const isDead = () => dead;
    const clock = createWorldClock(time, log);
    const ids = createIds(time.nowMs);
    const opened = options.openStore
      ? await options.openStore({ dir, clock, log })
      : await openLocalStore({ dir: join(dir, 'store'), log });
    const store = mortal(opened, isDead);
    const twilio = createTwilio({
      accountSid: carrier.accountSid,
      authToken: carrier.authToken,
      apiBaseUrl: carrier.url,
      numbers: [OURS],
      publicBaseUrl: url,
      clock,
      ids,
      log,
    });
    const { mail } = createMail({ url: mailbox.url, from: `${SELLER} <hello@parley.test>`, clock });
    const elevenlabs = createElevenLabs({
      apiKey: agent.apiKey,
      agentId: agent.agentId,
      webhookSecret: agent.webhookSecret,
      baseUrl: agent.url,
      clock,
      log,
    });
    const app = buildApp(
      {
        store,
        telephony: mortal<Telephony>(twilio.telephony, isDead),
        messenger: {
          ...mortal<TextSender>(twilio.texts, isDead),
          mail: { from: mail.from, ...mortal<MailSender>({ sendMail: mail.sendMail }, isDead) },
        },
        agent: mortal<VoiceAgent>(elevenlabs.agent, isDead),
        recordings: openRecordings({ dir: join(dir, 'recordings'), log, clock }),
        timekeeping: { ...trueTime, clockSkewMs: twilio.clockSkewMs },
        clock,
        ids,
        log,
      },
      {
        sellerName: SELLER,
        fromNumbers: [OURS],
        maxConcurrentCalls,
        callsPerSecond: 1_000,
        inboundReserve: 0.3,
        prompts: prompts(options.brief ?? false),
        messages: { ...messagesHouse(SELLER, url), templates: shippedTemplates(SELLER) },
        agents: agentsHouse(),
      },
    );
    const sandbox = { carrier: true, agent: true };
    const http = createHttp({
      app,
      access: buildAccess({ store, clock, ids, log, passwords: createPasswords(4) }),
      config: { host: '127.0.0.1', port, publicBaseUrl: url },
      doors: { twilio: twilio.door(app.carrierInlet), elevenlabs: elevenlabs.door(app.agentInlet) },
      media: createMediaDoor({
        validUpgrade: twilio.signature.validUpgrade,
        tickets: twilio.tickets,
        inlet: app.carrierInlet,
        clock,
        log,
      }),
      auth: { sessionSecret: 's'.repeat(48), signInToken: ids.token(), adminApiKey: API_KEY },
      log,
      clock,
      settings: { version: 'story', sellerName: SELLER, sandbox, publicBaseUrl: url, fromNumbers: [OURS] },
      readiness: async () => ({ status: 'ready', checks: [], sandbox }),
      ...(options.dashboardDir === undefined ? {} : { dashboardDir: options.dashboardDir }),
    });
    const accepted = new Set<Socket>();
    http.server.on('connection', (socket) => {
      accepted.add(socket);
      socket.once('close', () => accepted.delete(socket));
    });
    await http.listen();
    const recovered = await app.recover();
    await elevenlabs.warm();
    return {
      app,
      store,
      clock,
      recovered,
      async stop() {
        await app.stop(1);
        await http.close();
        await opened.close();
        clock.stop();
      },
      async die() {
        dead = true;
        clock.stop();
        for (const socket of openSockets()) if (socket.remotePort === agentPort) socket.destroy();
        for (const socket of accepted) socket.destroy();
        await new Promise<void>((resolve) => http.server.close(() => resolve()));
        await opened.close();
      },
    };
  }

  let life = await live();
  let nextNumber = 2_000;
  const campaign = await life.app.campaigns.create(
    {
      name: 'Motivated sellers',
      type: 'wholesale',
      calling: {
        machinePolicy: 'leave_message',
        voicemailText: 'We would like to talk with you about your house.',
        transferNumber: OFFICE,
        ...options.calling,
      },
    },
    'story',
  );
  await life.app.campaigns.update(campaign._id, { status: 'active' }, 'story');

  const ask: World['ask'] = (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const outgoing = httpRequest(
        `${url}${path}`,
        {
          method,
          agent: false,
          headers: {
            authorization: `Bearer ${API_KEY}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const whole = Buffer.concat(chunks);
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: whole,
              json: () => JSON.parse(whole.toString('utf8')),
            });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });

  async function storyOf(callId: string): Promise<Story> {
    const { app, store } = life;
    const call = await app.calls.get(callId);
    const [attempt] = await store.collection('attempts').find({ filter: { callId }, limit: 1 });
    const sound = await ask('GET', `/api/v1/calls/${callId}/recording`);
    return {
      call,
      events: await app.calls.events(callId),
      transcript: (await app.calls.transcript(callId)).messages,
      kept: await store.collection('call_transcripts').get(callId),
      recording: sound.status === 200 ? readWav(sound.body) : undefined,
      attempt,
      lead: call.leadId === undefined ? undefined : await store.collection('leads').get(call.leadId),
    };
  }

  const self: World = {
    url,
    carrier,
    agent,
    mailbox,
    campaignId: campaign._id,
    log: lines,
    get app() {
      return life.app;
    },
    get store() {
      return life.store;
    },
    get clock() {
      return life.clock;
    },
    nowMs: time.nowMs,
    ask,
    async lead(caller, { alternatePhone, firstName = 'Maria' } = {}) {
      nextNumber += 1;
      const phone = `+1212555${nextNumber}`;
      carrier.control.assign(phone, caller);
      return await life.app.leads.create(
        {
          source: 'story',
          externalId: phone,
          contact: {
            firstName,
            lastName: 'Story',
            phone,
            ...(alternatePhone === undefined ? {} : { alternatePhone }),
            address: { city: 'New York', state: 'NY', zipCode: '10001' },
          },
          propertyAddress: '12 Maple Street',
          campaignId: campaign._id,
          tags: [],
          consent: {
            method: 'web_form',
            source: 'story form',
            consentText:
              'I agree to calls with an artificial voice from Parley at the number I gave. Consent is not a condition of purchase.',
            automatedCallsAllowed: true,
            textMessagesAllowed: true,
            evidence: {
              seller: SELLER,
              purpose: 'marketing',
              level: 'written',
              artificialVoiceDisclosed: true,
              pageUrl: 'https://story.invalid/sell',
            },
            ipAddress: '192.0.2.10',
            userAgent: 'story',
          },
        },
        'story',
      );
    },
    async place(lead) {
      const answer = await ask('POST', '/api/v1/calls', { leadId: lead._id });
      if (answer.status !== 202)
        throw new Error(`the call was not placed: ${answer.status} ${answer.body.toString('utf8')}`);
      return answer.json<{ id: string }>().id;
    },
    async call(caller) {
      return await self.finished(await self.place(await self.lead(caller)));
    },
    async receive(from, caller) {
      const callSid = carrier.control.placeInboundCall({ from, caller });
      const callId = await until(
        'the product to know the call',
        () => life.app.calls.live().find((call) => call.callSid === callSid)?._id,
      );
      return { callSid, callId };
    },
    line(call) {
      const tracks = carrier.control.tracks(call.callSid ?? '');
      if (!tracks) throw new Error('this call had no sound');
      return tracks;
    },
    async heard(call, sentence, since = 0) {
      return indexOfSound(self.line(call).heard, await speak(sentence, 'slt'), since) !== -1;
    },
    async heardAgain(callId, since) {
      await until('the agent to be heard again', async () => {
        const events = await life.app.calls.events(callId);
        const back = events.findIndex(({ type }) => type === 'handed_back');
        const call = await life.app.calls.get(callId);
        for (const event of back < 0 ? [] : events.slice(back)) {
          if (event.type !== 'said' || event.role !== 'agent') continue;
          for (const sentence of sentences(event.text))
            if (await self.heard(call, sentence, since)) return true;
        }
        return false;
      });
    },
    dialled: (phone) =>
      carrier.control.calls().filter(({ to, direction }) => to === phone && direction === 'outbound-api')
        .length,
    async finished(callId) {
      const last = () => life.app.calls.get(callId).then((call) => JSON.stringify(call));
      await until(`call ${callId} to be finished`, async () => {
        const { app, store } = life;
        const call = await app.calls.get(callId);
        if (!isOver(call)) return false;
        if (call.status === 'denied') return true;
        if (call.conversationId !== undefined && call.answeredAt && !call.completeness) return false;
        if (call.outcome === undefined || call.analysisDue !== undefined) return false;
        const analyses = await store.collection('call_analyses').find({ filter: { callId } });
        if (analyses.some(({ state }) => state !== 'done')) return false;
        if (call.direction === 'inbound') return true;
        const [attempt] = await store.collection('attempts').find({ filter: { callId }, limit: 1 });
        if (attempt?.state !== 'closed') return false;
        const lead = await store.collection('leads').get(call.leadId ?? '');
        return lead?.contactAttempts.some((row) => row.callId === callId) ?? false;
      }).catch(async (error: Error) => {
        throw new Error(`${error.message}; it is ${await last()}`);
      });
      return await storyOf(callId);
    },
    event: (callId, type) =>
      until(`${type} of call ${callId}`, async () => {
        const found = (await life.app.calls.events(callId)).find((event) => event.type === type);
        return found as Extract<CallEvent, { type: typeof type }> | undefined;
      }),
    async restart() {
      await life.stop();
      life = await live();
    },
    async die() {
      await life.die();
    },
    async revive() {
      life = await live();
    },
    async close() {
      try {
        await life.stop();
        await agent.close();
        await carrier.close();
        await mailbox.close();
      } finally {
        time.restore();
        rmSync(dir, { recursive: true, force: true });
      }
    },
  };
  return self;
}

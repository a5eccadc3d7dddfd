/** test/faults/engine: one process of the product that works on campaigns, before a real MongoDB; its carrier is its parent. */
import { join } from 'node:path';
import { openJournaledStore } from '../../src/adapters/store/journal/index.ts';
import { openMongoStore } from '../../src/adapters/store/mongo/index.ts';
import { createClock, createIds } from '../../src/adapters/system.ts';
import { buildApp } from '../../src/app/index.ts';
import type { CarrierCall, Log, Telephony } from '../../src/app/ports.ts';
import { PROMPTS, type Prompts } from '../../src/app/prompts.ts';
import type { EndStatus } from '../../src/domain/call.ts';
import { spendPermit } from '../../src/domain/compliance/permit.ts';
import { trueTime } from '../support/clock.ts';
import { messagesHouse, noMessenger } from '../support/messages.ts';

export interface EngineSettings {
  readonly uri: string;
  readonly database: string;
  readonly dir: string;
  readonly shiftMs: number;
  readonly sellerName: string;
}

/** What the process asks its carrier, and what the carrier tells. */
export type Asked = { readonly ask: number } & (
  | { readonly what: 'dial'; readonly callId: string; readonly to: string }
  | { readonly what: 'find'; readonly callId: string }
);
export type Told =
  | { readonly answer: number; readonly call: CarrierCall | 'absent' }
  | { readonly status: EndStatus; readonly callId: string; readonly callSid: string };

const { uri, database, dir, shiftMs, sellerName }: EngineSettings = JSON.parse(process.env.ENGINE ?? '{}');
const log: Log = { debug() {}, info() {}, warn() {}, error() {} };
const real = createClock(log);
const clock = { ...real, nowMs: () => real.nowMs() + shiftMs };
const ids = createIds(clock.nowMs);
const prompts = Object.fromEntries(
  PROMPTS.map((name) => [name, 'This is the AI assistant of {{seller_name}}.']),
) as Prompts;

const waiting = new Map<number, (call: CarrierCall | 'absent') => void>();
let asked = 0;
type Question =
  | { readonly what: 'dial'; readonly callId: string; readonly to: string }
  | { readonly what: 'find'; readonly callId: string };
const ask = (question: Question): Promise<CarrierCall | 'absent'> =>
  new Promise((resolve) => {
    asked += 1;
    waiting.set(asked, resolve);
    process.send?.({ ask: asked, ...question } satisfies Asked);
  });

const telephony: Telephony = {
  async dial(permit, { callId }) {
    const to = spendPermit(permit, clock.nowMs());
    const call = await ask({ what: 'dial', callId, to });
    return { callSid: call === 'absent' ? '' : call.callSid };
  },
  findCall: ({ callId }) => ask({ what: 'find', callId }),
  fetchCall: (callSid) => ask({ what: 'find', callId: callSid }),
  hangUp: async () => {},
  sayAndHangUp: async () => {},
  transfer: async () => {},
  recording: async () => {
    throw new Error('nothing is recorded');
  },
};

const mongo = await openMongoStore({ uri, database, timeoutMs: 10_000, clock: real, log });
const store = await openJournaledStore({
  store: mongo,
  dir: join(dir, 'journal'),
  keepDays: 1,
  clock: real,
  log,
});
const app = buildApp(
  {
    store,
    telephony,
    messenger: noMessenger,
    agent: {
      open: () => Promise.reject(new Error('nobody answers')),
      conversation: async () => 'absent',
    },
    recordings: {
      open: () => ({ write: () => {}, close: async () => ({ durationSec: 0, lostBytes: 0 }) }),
      find: async () => undefined,
      remove: async () => false,
    },
    timekeeping: trueTime,
    clock,
    ids,
    log,
  },
  {
    sellerName,
    fromNumbers: ['+12125550190'],
    maxConcurrentCalls: 8,
    callsPerSecond: 1_000,
    inboundReserve: 0,
    prompts,
    messages: messagesHouse(sellerName),
    agents: { voiceAgentId: 'agent', knowledge: [] },
  },
);
process.on('message', (told: Told) => {
  if ('answer' in told) waiting.get(told.answer)?.(told.call);
  else
    app.carrierInlet
      .status(told.callId, { callSid: told.callSid, sequence: 3, status: told.status })
      .catch(() => undefined);
});
await app.recover();
process.send?.('ready');
